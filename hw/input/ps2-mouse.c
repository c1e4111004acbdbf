/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PS/2 mouse: three buttons; with the sample rate knocks 200, 100, 80 a wheel (id 3), with 200,
 * 200, 80 two more buttons (id 4). IBM PS/2 Hardware Interface Technical Reference, "Mouse"; the
 * knocks are Microsoft's. Motion adds up until there is room for a packet, so a slow guest loses
 * no distance. Threads: machine lock.
 */
#include <linux/input-event-codes.h>

#include "hw/input/ps2.h"

enum { ACK = 0xfa, BAT_OK = 0xaa };
enum { STATUS_REMOTE = 0x40, STATUS_ENABLED = 0x20, STATUS_SCALE21 = 0x10 };
enum { BUTTON_LEFT = 1, BUTTON_RIGHT = 2, BUTTON_MIDDLE = 4, BUTTON_SIDE = 8, BUTTON_EXTRA = 16 };
enum { PACKET = 4 };

/* clang-format off */
const Field Ps2MouseState_rows[] = {
    FIELD_STRUCT(Ps2MouseState, q, Ps2Queue_rows), FIELD(Ps2MouseState, dx), FIELD(Ps2MouseState, dy), FIELD(Ps2MouseState, dz),
    FIELD(Ps2MouseState, command), FIELD(Ps2MouseState, status), FIELD(Ps2MouseState, resolution), FIELD(Ps2MouseState, rate),
    FIELD(Ps2MouseState, id, .max = 4), FIELD(Ps2MouseState, knock, .max = 4), FIELD(Ps2MouseState, buttons),
    FIELD(Ps2MouseState, sent_buttons), FIELD(Ps2MouseState, wrap), FIELD_PAD(Ps2MouseState, pad), FIELD_END
};
/* clang-format on */

/* ---- motion ---- */

static int32_t mouse_take(int32_t *sum, int most)
{
    int32_t part = CLAMP(*sum, -most - 1, most);
    *sum -= part;
    return part;
}

static void mouse_packet(Ps2MouseState *st)
{
    int x = mouse_take(&st->dx, 255), y = mouse_take(&st->dy, 255);
    uint8_t p[PACKET] = { (st->buttons & 7) | 8 | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0), x, y };
    st->sent_buttons = st->buttons;
    if (st->id == 3)
        p[3] = mouse_take(&st->dz, 127);
    else if (st->id == 4)
        p[3] = (mouse_take(&st->dz, 7) & 15) | (st->buttons & (BUTTON_SIDE | BUTTON_EXTRA)) << 1;
    else
        st->dz = 0;
    ps2_push(&st->q, p, st->id >= 3 ? 4 : 3);
}

static bool mouse_news(const Ps2MouseState *st)
{
    uint8_t seen = st->id == 4 ? 31 : 7;
    return st->dx || st->dy || (st->dz && st->id >= 3) || ((st->buttons ^ st->sent_buttons) & seen);
}

static bool mouse_streams(const Ps2MouseState *st)
{
    return (st->status & STATUS_ENABLED) && !(st->status & STATUS_REMOTE);
}

static void mouse_stream(Ps2Mouse *m)
{
    Ps2MouseState *st = m->st;
    bool any = false;
    while (mouse_streams(st) && mouse_news(st) && ps2_room(&st->q) >= PACKET) {
        mouse_packet(st);
        any = true;
    }
    if (any)
        m->changed(m->dev);
}

static unsigned mouse_button(uint16_t code)
{
    switch (code) {
    case BTN_LEFT: return BUTTON_LEFT;
    case BTN_RIGHT: return BUTTON_RIGHT;
    case BTN_MIDDLE: return BUTTON_MIDDLE;
    case BTN_SIDE: return BUTTON_SIDE;
    case BTN_EXTRA: return BUTTON_EXTRA;
    }
    return 0;
}

/* Nobody who comes back after a while wants all of it. */
static int32_t mouse_add(int32_t sum, int64_t more)
{
    enum { FAR = 1 << 20 };
    return CLAMP(sum + more, -FAR, FAR);
}

/* A button that moves again before the guest could be told of the last time has to wait: merged,
 * the click would be lost. */
static bool mouse_event(void *o, const InputEvent *e)
{
    Ps2Mouse *m = o;
    Ps2MouseState *st = m->st;
    unsigned bit = mouse_button(e->code);
    switch (e->kind) {
    case IN_REL:
        if (e->code == REL_X)
            st->dx = mouse_add(st->dx, e->value);
        else if (e->code == REL_Y)
            st->dy = mouse_add(st->dy, -(int64_t)e->value);
        else if (e->code == REL_WHEEL)
            st->dz = mouse_add(st->dz, -(int64_t)e->value);
        break;
    case IN_BUTTON:
        if (mouse_streams(st) && ((st->buttons ^ st->sent_buttons) & bit))
            return false;
        st->buttons = e->value ? st->buttons | bit : st->buttons & ~bit;
        break;
    case IN_SYNC: break;
    default: return true;
    }
    if (!mouse_streams(st) && !(st->status & STATUS_REMOTE))
        st->dx = st->dy = st->dz = 0; /* nobody counts */
    if (e->kind != IN_REL)
        mouse_stream(m);
    return true;
}

/* ---- commands ---- */

static void mouse_defaults(Ps2MouseState *st)
{
    st->rate = 100;
    st->resolution = 2;
    st->status = 0;
    st->dx = st->dy = st->dz = 0;
    st->sent_buttons = st->buttons;
}

/* knock: 1 after 200; 2 after 200, 100; 3 after 200, 200 */
static void mouse_set_rate(Ps2MouseState *st, uint8_t rate)
{
    st->rate = rate;
    if (rate == 200)
        st->knock = st->knock == 1 ? 3 : 1;
    else if (rate == 100 && st->knock == 1)
        st->knock = 2;
    else {
        if (rate == 80 && st->knock >= 2)
            st->id = st->knock + 1;
        st->knock = 0;
    }
}

static void mouse_status(Ps2MouseState *st)
{
    uint8_t b = st->buttons;
    ps2_answer(&st->q, ACK);
    ps2_answer(&st->q, st->status | (b & BUTTON_RIGHT ? 1 : 0) | (b & BUTTON_MIDDLE ? 2 : 0) |
                           (b & BUTTON_LEFT ? 4 : 0));
    ps2_answer(&st->q, st->resolution);
    ps2_answer(&st->q, st->rate);
}

static void mouse_parameter(Ps2MouseState *st, uint8_t val)
{
    if (st->command == 0xf3)
        mouse_set_rate(st, val);
    else
        st->resolution = val;
    st->command = 0;
    ps2_answer(&st->q, ACK);
}

static void mouse_command(Ps2Mouse *m, uint8_t val)
{
    Ps2MouseState *st = m->st;
    if (val == 0xe9) {
        mouse_status(st);
        return;
    }
    ps2_answer(&st->q, ACK);
    switch (val) {
    case 0xe6: st->status &= ~STATUS_SCALE21; break;
    case 0xe7: st->status |= STATUS_SCALE21; break;
    case 0xe8:
    case 0xf3: st->command = val; break;
    case 0xea: st->status &= ~STATUS_REMOTE; break;
    case 0xeb:
        ps2_clear(&st->q);
        ps2_answer(&st->q, ACK);
        mouse_packet(st);
        break;
    case 0xee: st->wrap = true; break;
    case 0xf0: st->status |= STATUS_REMOTE; break;
    case 0xf2: ps2_answer(&st->q, st->id); break;
    case 0xf4: st->status |= STATUS_ENABLED; break;
    case 0xf5: st->status &= ~STATUS_ENABLED; break;
    case 0xf6: mouse_defaults(st); break;
    case 0xff:
        ps2_clear(&st->q);
        mouse_defaults(st);
        st->id = 0;
        st->knock = 0;
        ps2_answer(&st->q, ACK);
        ps2_answer(&st->q, BAT_OK);
        ps2_answer(&st->q, st->id);
        break;
    default: break; /* acknowledged and ignored, as mice do */
    }
}

void ps2_mouse_write(Ps2Mouse *m, uint8_t val)
{
    Ps2MouseState *st = m->st;
    if (st->command) {
        mouse_parameter(st, val);
    } else if (st->wrap && val != 0xff && val != 0xec) {
        ps2_answer(&st->q, val);
    } else {
        st->wrap = false;
        mouse_command(m, val);
    }
    m->changed(m->dev);
}

bool ps2_mouse_pop(Ps2Mouse *m, uint8_t *byte)
{
    if (!ps2_pop(&m->st->q, byte))
        return false;
    mouse_stream(m);
    if (m->handler && ps2_room(&m->st->q) >= PACKET)
        input_ready(m->handler);
    return true;
}

static const InputOps mouse_input = { .name = "QEMU PS/2 Mouse",
                                      .kinds = 1u << IN_BUTTON | 1u << IN_REL,
                                      .event = mouse_event };

void ps2_mouse_init(Ps2Mouse *m, Device *dev, Ps2MouseState *st, void (*changed)(Device *))
{
    *m = (Ps2Mouse){ .dev = dev, .st = st, .changed = changed };
    m->handler = input_register(dev->vm, dev, &mouse_input, m);
}

void ps2_mouse_reset(Ps2Mouse *m)
{
    mouse_defaults(m->st);
}
