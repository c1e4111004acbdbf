/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PS/2 keyboard: key events (evdev codes) to scan codes of set 2 or 1, and the host's commands.
 * IBM PS/2 Hardware Interface Technical Reference, "Keyboard (101- and 102-Key)". Set 3 is not
 * there. Typematic repetition comes with the events: whoever shows the screen repeats.
 */
#include <linux/input-event-codes.h>

#include "hw/input/ps2.h"

enum { ACK = 0xfa, RESEND = 0xfe, BAT_OK = 0xaa, ECHO = 0xee };
enum { MOD_CTRL = 1, MOD_SHIFT = 2, MOD_ALT = 4 };

/* clang-format off */
const Field Ps2KeyboardState_rows[] = {
    FIELD_STRUCT(Ps2KeyboardState, q, Ps2Queue_rows), FIELD(Ps2KeyboardState, command), FIELD(Ps2KeyboardState, set, .max = 2),
    FIELD(Ps2KeyboardState, leds, .max = 7), FIELD(Ps2KeyboardState, rate), FIELD(Ps2KeyboardState, modifiers, .max = 63),
    FIELD(Ps2KeyboardState, scanning), FIELD_PAD(Ps2KeyboardState, pad), FIELD_END
};

/* evdev code -> set 2 make code; 100h: after the prefix E0. Rows of eight codes. */
#define E(x) (0x100 | (x))
static const uint16_t set2[256] = {
    [KEY_ESC] = 0x76,
    [KEY_1] = 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66, 0x0d,
    [KEY_Q] = 0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14,
    [KEY_A] = 0x1c, 0x1b, 0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5d,
    [KEY_Z] = 0x1a, 0x22, 0x21, 0x2a, 0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c, 0x11, 0x29, 0x58,
    [KEY_F1] = 0x05, 0x06, 0x04, 0x0c, 0x03, 0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e,
    [KEY_KP7] = 0x6c, 0x75, 0x7d, 0x7b, 0x6b, 0x73, 0x74, 0x79, 0x69, 0x72, 0x7a, 0x70, 0x71,
    [KEY_ZENKAKUHANKAKU] = 0x5f, 0x61, 0x78, 0x07, 0x51, 0x63, 0x62, 0x64, 0x13, 0x67, 0x27,
    [KEY_KPENTER] = E(0x5a), E(0x14), E(0x4a), E(0x7c), E(0x11),
    [KEY_HOME] = E(0x6c), E(0x75), E(0x7d), E(0x6b), E(0x74), E(0x69), E(0x72), E(0x7a), E(0x70), E(0x71),
    [KEY_MUTE] = E(0x23), E(0x21), E(0x32), E(0x37), 0x0f,
    [KEY_KPCOMMA] = 0x6d, 0xf2, 0xf1, 0x6a, E(0x1f), E(0x27), E(0x2f),
    [KEY_CALC] = E(0x2b), [KEY_SLEEP] = E(0x3f), [KEY_WAKEUP] = E(0x5e), [KEY_MAIL] = E(0x48),
    [KEY_BOOKMARKS] = E(0x18), [KEY_COMPUTER] = E(0x40), [KEY_BACK] = E(0x38), [KEY_FORWARD] = E(0x30),
    [KEY_NEXTSONG] = E(0x4d), [KEY_PLAYPAUSE] = E(0x34), [KEY_PREVIOUSSONG] = E(0x15), [KEY_STOPCD] = E(0x3b),
    [KEY_HOMEPAGE] = E(0x3a), [KEY_REFRESH] = E(0x20), [KEY_SEARCH] = E(0x10), [KEY_STOP] = E(0x28),
    [KEY_F13] = 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x57, 0x5f,
};
#undef E

/* Set 2 -> set 1 as an 8042 translates (0 to 7Fh); 83h (F7) and 84h (SysRq) are two more. */
static const uint8_t set1[128] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};
/* clang-format on */

uint8_t ps2_translate(uint8_t code)
{
    if (code < 128)
        return set1[code];
    return code == 0x83 ? 0x41 : code == 0x84 ? 0x54 : code;
}

/* ---- keys ---- */

/* One scan code in the chosen set, appended to seq */
static unsigned key_code(const Ps2KeyboardState *st, uint8_t *seq, uint16_t code, bool down)
{
    unsigned n = 0;
    if (code & 0x100)
        seq[n++] = 0xe0;
    if (st->set == 1) {
        seq[n++] = ps2_translate(code) | (down ? 0 : 0x80);
    } else {
        if (!down)
            seq[n++] = 0xf0;
        seq[n++] = code;
    }
    return n;
}

/* Pause has no break code and, with Ctrl, is Break; both come at once when it goes down. */
static unsigned key_pause(const Ps2KeyboardState *st, uint8_t *seq, bool down)
{
    unsigned n = 0;
    if (!down)
        return 0;
    if (st->modifiers & (MOD_CTRL | MOD_CTRL << 3)) {
        n = key_code(st, seq, 0x17e, true);
        return n + key_code(st, seq + n, 0x17e, false);
    }
    seq[n++] = 0xe1;
    n += key_code(st, seq + n, 0x14, true);
    n += key_code(st, seq + n, 0x77, true);
    seq[n++] = 0xe1;
    n += key_code(st, seq + n, 0x14, false);
    return n + key_code(st, seq + n, 0x77, false);
}

/* Print Screen brings its own shift, unless one is down already; with Alt it is SysRq. */
static unsigned key_print(const Ps2KeyboardState *st, uint8_t *seq, bool down)
{
    unsigned n = 0;
    if (st->modifiers & (MOD_ALT | MOD_ALT << 3))
        return key_code(st, seq, 0x84, down);
    if (st->modifiers & (MOD_SHIFT | MOD_SHIFT << 3 | MOD_CTRL | MOD_CTRL << 3))
        return key_code(st, seq, 0x17c, down);
    if (down) {
        n = key_code(st, seq, 0x112, true);
        return n + key_code(st, seq + n, 0x17c, true);
    }
    n = key_code(st, seq, 0x17c, false);
    return n + key_code(st, seq + n, 0x112, false);
}

static unsigned key_modifier(uint16_t key)
{
    switch (key) {
    case KEY_LEFTCTRL: return MOD_CTRL;
    case KEY_RIGHTCTRL: return MOD_CTRL << 3;
    case KEY_LEFTSHIFT: return MOD_SHIFT;
    case KEY_RIGHTSHIFT: return MOD_SHIFT << 3;
    case KEY_LEFTALT: return MOD_ALT;
    case KEY_RIGHTALT: return MOD_ALT << 3;
    }
    return 0;
}

static bool keyboard_event(void *o, const InputEvent *e)
{
    Ps2Keyboard *k = o;
    Ps2KeyboardState *st = k->st;
    uint8_t seq[16];
    unsigned n = 0, mod = key_modifier(e->code);
    bool down = e->value != 0;
    if (e->kind != IN_KEY)
        return true;
    if (e->code == KEY_PAUSE)
        n = key_pause(st, seq, down);
    else if (e->code == KEY_SYSRQ)
        n = key_print(st, seq, down);
    else if (e->code < G_N_ELEMENTS(set2) && set2[e->code])
        n = key_code(st, seq, set2[e->code], down);
    if (st->scanning && n > ps2_room(&st->q))
        return false;
    st->modifiers = down ? st->modifiers | mod : st->modifiers & ~mod;
    if (!st->scanning || !n)
        return true;
    ps2_push(&st->q, seq, n);
    k->changed(k->dev);
    return true;
}

/* ---- commands ---- */

static void keyboard_defaults(Ps2KeyboardState *st)
{
    st->set = 2;
    st->rate = 0x2b;
    st->scanning = true;
}

static void keyboard_set_leds(Ps2Keyboard *k, uint8_t leds)
{
    k->st->leds = leds & 7;
    if (k->handler)
        input_leds(k->handler, k->st->leds);
}

/* The parameter of a two-byte command. A byte with bit 7 set is a new command instead. */
static bool keyboard_parameter(Ps2Keyboard *k, uint8_t val)
{
    Ps2KeyboardState *st = k->st;
    uint8_t command = st->command;
    st->command = 0;
    if (val & 0x80)
        return false;
    switch (command) {
    case 0xed: keyboard_set_leds(k, val); break;
    case 0xf3: st->rate = val; break;
    case 0xf0:
        if (val > 2) {
            ps2_answer(&st->q, RESEND);
            return true;
        }
        ps2_answer(&st->q, ACK);
        if (val)
            st->set = val;
        else
            ps2_answer(&st->q, st->set);
        return true;
    }
    ps2_answer(&st->q, ACK);
    return true;
}

static void keyboard_command(Ps2Keyboard *k, uint8_t val)
{
    Ps2KeyboardState *st = k->st;
    switch (val) {
    case 0xed:
    case 0xf0:
    case 0xf3:
        st->command = val;
        ps2_answer(&st->q, ACK);
        break;
    case ECHO: ps2_answer(&st->q, ECHO); break;
    case 0xf2:
        ps2_answer(&st->q, ACK);
        ps2_answer(&st->q, 0xab);
        ps2_answer(&st->q, 0x83);
        break;
    case 0xf4:
        ps2_clear(&st->q);
        st->scanning = true;
        ps2_answer(&st->q, ACK);
        break;
    case 0xf5:
    case 0xf6:
        ps2_clear(&st->q);
        keyboard_defaults(st);
        st->scanning = val == 0xf6;
        ps2_answer(&st->q, ACK);
        break;
    case 0xff:
        ps2_clear(&st->q);
        keyboard_defaults(st);
        keyboard_set_leds(k, 0);
        ps2_answer(&st->q, ACK);
        ps2_answer(&st->q, BAT_OK);
        break;
    case 0xf7 ... 0xfd: ps2_answer(&st->q, ACK); break; /* set 3 only: no effect */
    default: ps2_answer(&st->q, RESEND);
    }
}

void ps2_keyboard_write(Ps2Keyboard *k, uint8_t val)
{
    if (!k->st->command || !keyboard_parameter(k, val))
        keyboard_command(k, val);
    k->changed(k->dev);
}

bool ps2_keyboard_pop(Ps2Keyboard *k, uint8_t *byte)
{
    bool any = ps2_pop(&k->st->q, byte);
    if (any && k->handler && ps2_room(&k->st->q) >= 16)
        input_ready(k->handler);
    return any;
}

static const InputOps keyboard_input = { .name = "QEMU PS/2 Keyboard",
                                         .kinds = 1u << IN_KEY,
                                         .event = keyboard_event };

void ps2_keyboard_init(Ps2Keyboard *k, Device *dev, Ps2KeyboardState *st, void (*changed)(Device *))
{
    *k = (Ps2Keyboard){ .dev = dev, .st = st, .changed = changed };
    k->handler = input_register(dev->vm, dev, &keyboard_input, k);
}

void ps2_keyboard_reset(Ps2Keyboard *k)
{
    keyboard_defaults(k->st);
}
