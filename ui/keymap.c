/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Symbols of a viewer to keys of a PC. A layout is a table of {symbol, key, Shift}; en-us is served
 * so far. Symbols are X11's (X11/keysymdef.h): Latin-1 is itself, FFxxh are the function keys.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "ui/keymap.h"

enum { KEYMAP_SHIFT = 1, KEYMAP_CTRL = 2, KEYMAP_ALT = 4, KEYMAP_ALTGR = 8 };

typedef struct SymKey {
    uint32_t sym;
    uint16_t code;
    uint8_t mods; /* KEYMAP_SHIFT: the symbol is on the key's shifted level */
} SymKey;

struct KeyMap {
    const char *name;
    const SymKey *keys; /* sym 0 ends it */
};

/* clang-format off */
#define LETTER(lower, upper, code) { lower, code, 0 }, { upper, code, KEYMAP_SHIFT }
static const SymKey en_us[] = {
    LETTER('a', 'A', KEY_A), LETTER('b', 'B', KEY_B), LETTER('c', 'C', KEY_C), LETTER('d', 'D', KEY_D),
    LETTER('e', 'E', KEY_E), LETTER('f', 'F', KEY_F), LETTER('g', 'G', KEY_G), LETTER('h', 'H', KEY_H),
    LETTER('i', 'I', KEY_I), LETTER('j', 'J', KEY_J), LETTER('k', 'K', KEY_K), LETTER('l', 'L', KEY_L),
    LETTER('m', 'M', KEY_M), LETTER('n', 'N', KEY_N), LETTER('o', 'O', KEY_O), LETTER('p', 'P', KEY_P),
    LETTER('q', 'Q', KEY_Q), LETTER('r', 'R', KEY_R), LETTER('s', 'S', KEY_S), LETTER('t', 'T', KEY_T),
    LETTER('u', 'U', KEY_U), LETTER('v', 'V', KEY_V), LETTER('w', 'W', KEY_W), LETTER('x', 'X', KEY_X),
    LETTER('y', 'Y', KEY_Y), LETTER('z', 'Z', KEY_Z),
    LETTER('1', '!', KEY_1), LETTER('2', '@', KEY_2), LETTER('3', '#', KEY_3), LETTER('4', '$', KEY_4),
    LETTER('5', '%', KEY_5), LETTER('6', '^', KEY_6), LETTER('7', '&', KEY_7), LETTER('8', '*', KEY_8),
    LETTER('9', '(', KEY_9), LETTER('0', ')', KEY_0), LETTER('-', '_', KEY_MINUS), LETTER('=', '+', KEY_EQUAL),
    LETTER('[', '{', KEY_LEFTBRACE), LETTER(']', '}', KEY_RIGHTBRACE), LETTER('\\', '|', KEY_BACKSLASH),
    LETTER(';', ':', KEY_SEMICOLON), LETTER('\'', '"', KEY_APOSTROPHE), LETTER('`', '~', KEY_GRAVE),
    LETTER(',', '<', KEY_COMMA), LETTER('.', '>', KEY_DOT), LETTER('/', '?', KEY_SLASH),
    { ' ', KEY_SPACE, 0 }, { 0, 0, 0 },
};

/* keys that no layout moves and no Shift changes */
static const SymKey common[] = {
    { 0xff08, KEY_BACKSPACE, 0 }, { 0xff09, KEY_TAB, 0 }, { 0xfe20, KEY_TAB, KEYMAP_SHIFT },
    { 0xff0a, KEY_ENTER, 0 }, { 0xff0d, KEY_ENTER, 0 }, { 0xff13, KEY_PAUSE, 0 }, { 0xff6b, KEY_PAUSE, 0 },
    { 0xff14, KEY_SCROLLLOCK, 0 }, { 0xff15, KEY_SYSRQ, 0 }, { 0xff61, KEY_SYSRQ, 0 }, { 0xff1b, KEY_ESC, 0 },
    { 0xff50, KEY_HOME, 0 }, { 0xff51, KEY_LEFT, 0 }, { 0xff52, KEY_UP, 0 }, { 0xff53, KEY_RIGHT, 0 },
    { 0xff54, KEY_DOWN, 0 }, { 0xff55, KEY_PAGEUP, 0 }, { 0xff56, KEY_PAGEDOWN, 0 }, { 0xff57, KEY_END, 0 },
    { 0xff63, KEY_INSERT, 0 }, { 0xffff, KEY_DELETE, 0 }, { 0xff67, KEY_COMPOSE, 0 }, { 0xff7f, KEY_NUMLOCK, 0 },
    { 0xff8d, KEY_KPENTER, 0 }, { 0xff95, KEY_KP7, 0 }, { 0xff96, KEY_KP4, 0 }, { 0xff97, KEY_KP8, 0 },
    { 0xff98, KEY_KP6, 0 }, { 0xff99, KEY_KP2, 0 }, { 0xff9a, KEY_KP9, 0 }, { 0xff9b, KEY_KP3, 0 },
    { 0xff9c, KEY_KP1, 0 }, { 0xff9d, KEY_KP5, 0 }, { 0xff9e, KEY_KP0, 0 }, { 0xff9f, KEY_KPDOT, 0 },
    { 0xffaa, KEY_KPASTERISK, 0 }, { 0xffab, KEY_KPPLUS, 0 }, { 0xffad, KEY_KPMINUS, 0 }, { 0xffae, KEY_KPDOT, 0 },
    { 0xffaf, KEY_KPSLASH, 0 }, { 0xffb0, KEY_KP0, 0 }, { 0xffb1, KEY_KP1, 0 }, { 0xffb2, KEY_KP2, 0 },
    { 0xffb3, KEY_KP3, 0 }, { 0xffb4, KEY_KP4, 0 }, { 0xffb5, KEY_KP5, 0 }, { 0xffb6, KEY_KP6, 0 },
    { 0xffb7, KEY_KP7, 0 }, { 0xffb8, KEY_KP8, 0 }, { 0xffb9, KEY_KP9, 0 },
    { 0xffbe, KEY_F1, 0 }, { 0xffbf, KEY_F2, 0 }, { 0xffc0, KEY_F3, 0 }, { 0xffc1, KEY_F4, 0 },
    { 0xffc2, KEY_F5, 0 }, { 0xffc3, KEY_F6, 0 }, { 0xffc4, KEY_F7, 0 }, { 0xffc5, KEY_F8, 0 },
    { 0xffc6, KEY_F9, 0 }, { 0xffc7, KEY_F10, 0 }, { 0xffc8, KEY_F11, 0 }, { 0xffc9, KEY_F12, 0 },
    { 0xffe1, KEY_LEFTSHIFT, 0 }, { 0xffe2, KEY_RIGHTSHIFT, 0 }, { 0xffe3, KEY_LEFTCTRL, 0 },
    { 0xffe4, KEY_RIGHTCTRL, 0 }, { 0xffe5, KEY_CAPSLOCK, 0 }, { 0xffe7, KEY_LEFTALT, 0 },
    { 0xffe8, KEY_RIGHTALT, 0 }, { 0xffe9, KEY_LEFTALT, 0 }, { 0xffea, KEY_RIGHTALT, 0 },
    { 0xfe03, KEY_RIGHTALT, 0 }, { 0xff7e, KEY_RIGHTALT, 0 }, { 0xffeb, KEY_LEFTMETA, 0 },
    { 0xffec, KEY_RIGHTMETA, 0 }, { 0, 0, 0 },
};
/* clang-format on */

static const KeyMap maps[] = { { "en-us", en_us } };

KeyMap *keymap_get(const char *lang, GError **err)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(maps); i++)
        if (strcmp(maps[i].name, lang) == 0)
            return (KeyMap *)&maps[i];
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                "keyboard layout '%s' is not supported yet; known: en-us", lang);
    return NULL;
}

static const SymKey *sym_find(const SymKey *k, uint32_t sym)
{
    for (; k->sym; k++)
        if (k->sym == sym)
            return k;
    return NULL;
}

static unsigned mod_of(unsigned code)
{
    switch (code) {
    case KEY_LEFTSHIFT:
    case KEY_RIGHTSHIFT: return KEYMAP_SHIFT;
    case KEY_LEFTCTRL:
    case KEY_RIGHTCTRL: return KEYMAP_CTRL;
    case KEY_LEFTALT: return KEYMAP_ALT;
    case KEY_RIGHTALT: return KEYMAP_ALTGR;
    default: return 0;
    }
}

static bool same_key(const KeyMap *m, uint32_t sym, unsigned code)
{
    const SymKey *k = sym_find(m->keys, sym);
    return k && k->code == code;
}

/* the index of what is held for this symbol; by key where Shift changed it meanwhile. -1: none */
static int held_find(const KeyMap *m, const KeyMapState *st, uint32_t sym)
{
    for (int i = 0; i < st->n; i++)
        if (st->sym[i] == sym)
            return i;
    for (int i = 0; i < st->n; i++)
        if (same_key(m, sym, st->code[i]))
            return i;
    return -1;
}

static size_t sym_up(const KeyMap *m, KeyMapState *st, uint32_t sym, InputEvent *out)
{
    int i = held_find(m, st, sym);
    if (i < 0)
        return 0;
    unsigned code = st->code[i];
    st->n--;
    st->sym[i] = st->sym[st->n];
    st->code[i] = st->code[st->n];
    st->mods &= ~mod_of(code);
    out[0] = (InputEvent){ IN_KEY, code, 0 };
    return 1;
}

static bool is_letter(uint32_t sym)
{
    return (sym | 32) >= 'a' && (sym | 32) <= 'z';
}

size_t keymap_event(const KeyMap *m, KeyMapState *st, uint32_t sym, bool down, unsigned leds,
                    InputEvent out[12])
{
    if (!down)
        return sym_up(m, st, sym, out);
    const SymKey *k = sym_find(m->keys, sym);
    bool fixed = !k;
    if (!k)
        k = sym_find(common, sym);
    if (!k)
        return 0;
    if (st->n < G_N_ELEMENTS(st->sym) && held_find(m, st, sym) < 0) {
        st->sym[st->n] = sym;
        st->code[st->n++] = k->code;
    }
    unsigned mod = mod_of(k->code);
    size_t n = 0;
    bool want = k->mods & KEYMAP_SHIFT, have = st->mods & KEYMAP_SHIFT;
    /* with Caps Lock on in the guest a letter's levels are exchanged */
    if (leds & 1 << LED_CAPSL && is_letter(sym))
        want = !want;
    bool add = want && !have && !mod;
    bool lift = !want && have && !fixed && !mod && !(st->mods & (KEYMAP_CTRL | KEYMAP_ALT));
    if (add || lift)
        out[n++] = (InputEvent){ IN_KEY, KEY_LEFTSHIFT, add };
    if (lift)
        out[n++] = (InputEvent){ IN_KEY, KEY_RIGHTSHIFT, 0 };
    out[n++] = (InputEvent){ IN_KEY, k->code, 1 };
    if (add || lift)
        out[n++] = (InputEvent){ IN_KEY, KEY_LEFTSHIFT, lift };
    st->mods |= mod;
    return n;
}

uint32_t keysym_char(uint32_t sym)
{
    if ((sym >= 0x20 && sym <= 0x7e) || (sym >= 0xa0 && sym <= 0xff))
        return sym;
    if ((sym & 0xff000000) == 0x01000000)
        return sym & 0xffffff;
    if (sym >= 0xffb0 && sym <= 0xffb9)
        return '0' + sym - 0xffb0;
    switch (sym) {
    case 0xff08: return 8;
    case 0xff09: return 9;
    case 0xff0d:
    case 0xff8d: return 13;
    case 0xff1b: return 27;
    case 0xffff: return 127;
    }
    return 0;
}
