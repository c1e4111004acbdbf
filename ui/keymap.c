/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Symbols of a viewer to keys of a PC. A symbol is looked for on the layout; then as a dead key and
 * a letter or space; an ASCII letter that a layout does not have (Russian, Thai) goes to its place
 * on en-us, because the guest then has switched to Latin letters. Symbols are X11's
 * (X11/keysymdef.h): Latin-1 is itself, FFxxh are the function keys. Pure.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "ui/keymap-int.h"

enum { KEYMAP_SHIFT = 1, KEYMAP_CTRL = 2, KEYMAP_ALT = 4, KEYMAP_ALTGR = 8 };
enum { LEVEL_MODS = KEYMAP_SHIFT | KEYMAP_ALTGR };

/* One or two keys and what must be held for each. as_held: whatever is, is fine; letter: Caps Lock
 * exchanges the last one's levels. */
typedef struct Strokes {
    uint16_t code[2];
    uint8_t mods[2];
    unsigned n;
    bool as_held, letter;
} Strokes;

/* clang-format off */
/* keys that no layout moves and no Shift changes */
static const struct {
    uint16_t sym, code;
    uint8_t mods;
} common[] = {
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
    { 0xffec, KEY_RIGHTMETA, 0 }, { 0xff2a, KEY_ZENKAKUHANKAKU, 0 }, { 0xff23, KEY_HENKAN, 0 },
    { 0xff22, KEY_MUHENKAN, 0 }, { 0xff27, KEY_KATAKANAHIRAGANA, 0 }, { 0xff31, KEY_HANGEUL, 0 },
    { 0xff34, KEY_HANJA, 0 },
};
/* clang-format on */

/* dead keys: what they make with space, and their combining character */
static const struct {
    uint16_t sym, spacing, combining;
} dead_keys[] = {
    { 0xfe50, 0x60, 0x300 },  { 0xfe51, 0xb4, 0x301 },  { 0xfe52, 0x5e, 0x302 },
    { 0xfe53, 0x7e, 0x303 },  { 0xfe54, 0xaf, 0x304 },  { 0xfe55, 0x2d8, 0x306 },
    { 0xfe56, 0x2d9, 0x307 }, { 0xfe57, 0xa8, 0x308 },  { 0xfe58, 0x2da, 0x30a },
    { 0xfe59, 0x2dd, 0x30b }, { 0xfe5a, 0x2c7, 0x30c }, { 0xfe5b, 0xb8, 0x327 },
    { 0xfe5c, 0x2db, 0x328 },
};

/* ---- languages ---- */
static const KeyMap *map_find(const char *lang)
{
    for (unsigned i = 0; i < keymap_count; i++)
        if (strcmp(keymap_all[i].name, lang) == 0)
            return &keymap_all[i];
    return NULL;
}

char *keymap_languages(void)
{
    GString *s = g_string_new(NULL);
    for (unsigned i = 0; i < keymap_count; i++)
        g_string_append_printf(s, "%s%s", i ? " " : "", keymap_all[i].name);
    g_string_append_c(s, '\n');
    return g_string_free(s, FALSE);
}

KeyMap *keymap_get(const char *lang, GError **err)
{
    const KeyMap *m = map_find(lang);
    g_autofree char *all = m ? NULL : g_strchomp(keymap_languages());
    if (!m)
        user_fail(err, "could not read keymap file: '%s'; known languages: %s", lang, all);
    return (KeyMap *)m;
}

/* ---- a symbol's keys ---- */
/* as the tables hold it; 0: not a character and no dead key */
static uint32_t value_of(uint32_t sym)
{
    uint32_t ch = keysym_char(sym);
    if (sym >= 0xfe50 && sym <= 0xfe93)
        return KEYMAP_DEAD | sym;
    return ch >= 0x20 && ch != 0x7f ? ch : 0;
}

/* the fewest modifiers first */
static bool layout_find(const KeyMap *m, uint32_t value, Strokes *s)
{
    static const uint8_t mods[4] = { 0, KEYMAP_SHIFT, KEYMAP_ALTGR, KEYMAP_SHIFT | KEYMAP_ALTGR };
    for (unsigned level = 0; value && level < 4; level++)
        for (const LayoutKey *k = m->keys; k->code; k++) {
            if (k->level[level] != value)
                continue;
            s->code[s->n] = k->code;
            s->mods[s->n++] = mods[level];
            s->as_held = !level && !k->level[1] && !k->level[2] && !k->level[3];
            s->letter = level < 2 && k->level[0] != k->level[1] &&
                        g_unichar_tolower(k->level[1]) == k->level[0];
            return true;
        }
    return false;
}

/* a character by a dead key and the next one */
static bool dead_find(const KeyMap *m, uint32_t ch, Strokes *s)
{
    gunichar base = 0, mark = 0;
    bool composed = g_unichar_decompose(ch, &base, &mark);
    for (unsigned i = 0; i < G_N_ELEMENTS(dead_keys); i++) {
        bool spacing = dead_keys[i].spacing == ch;
        if (!spacing && !(composed && mark == dead_keys[i].combining))
            continue;
        s->n = 0;
        if (layout_find(m, KEYMAP_DEAD | dead_keys[i].sym, s) &&
            layout_find(m, spacing ? ' ' : base, s)) {
            s->as_held = false;
            return true;
        }
    }
    s->n = 0;
    return false;
}

static bool common_find(uint32_t sym, Strokes *s)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(common); i++)
        if (common[i].sym == sym) {
            *s = (Strokes){ { common[i].code }, { common[i].mods }, 1, true, false };
            return true;
        }
    return false;
}

static bool strokes_find(const KeyMap *m, uint32_t sym, Strokes *s)
{
    uint32_t value = value_of(sym);
    *s = (Strokes){ .n = 0 };
    return common_find(sym, s) || layout_find(m, value, s) || (value && dead_find(m, value, s)) ||
           (value < 0x80 && layout_find(map_find("en-us"), value, s));
}

/* ---- what is held ---- */
static bool has_altgr(const KeyMap *m)
{
    for (const LayoutKey *k = m->keys; k->code; k++)
        if (k->level[2])
            return true;
    return false;
}

static unsigned mod_of(const KeyMap *m, uint32_t sym, unsigned code)
{
    switch (code) {
    case KEY_LEFTSHIFT:
    case KEY_RIGHTSHIFT: return KEYMAP_SHIFT;
    case KEY_LEFTCTRL:
    case KEY_RIGHTCTRL: return KEYMAP_CTRL;
    case KEY_LEFTALT: return KEYMAP_ALT;
    /* Alt_R is AltGr on layouts that have it */
    case KEY_RIGHTALT:
        return sym == 0xfe03 || sym == 0xff7e || has_altgr(m) ? KEYMAP_ALTGR : KEYMAP_ALT;
    }
    return 0;
}

static void held_changed(const KeyMap *m, KeyMapState *st)
{
    st->mods = 0;
    for (unsigned i = 0; i < st->n; i++)
        st->mods |= mod_of(m, st->sym[i], st->code[i]);
}

/* the index of what is held for this symbol; by key where Shift changed it meanwhile. -1: none */
static int held_find(const KeyMap *m, const KeyMapState *st, uint32_t sym)
{
    Strokes s;
    for (int i = 0; i < st->n; i++)
        if (st->sym[i] == sym)
            return i;
    if (!strokes_find(m, sym, &s))
        return -1;
    for (int i = 0; i < st->n; i++)
        if (st->code[i] == s.code[s.n - 1])
            return i;
    return -1;
}

static size_t sym_up(const KeyMap *m, KeyMapState *st, uint32_t sym, InputEvent *out)
{
    int i = held_find(m, st, sym);
    if (i < 0)
        return 0;
    out[0] = (InputEvent){ IN_KEY, st->code[i], 0 };
    st->n--;
    st->sym[i] = st->sym[st->n];
    st->code[i] = st->code[st->n];
    held_changed(m, st);
    return 1;
}

/* ---- a press ---- */
static InputEvent *put(InputEvent *e, unsigned code, bool down)
{
    *e = (InputEvent){ IN_KEY, (uint16_t)code, down };
    return e + 1;
}

/* One modifier on or off: those that the client holds itself, or one that it does not hold. */
static InputEvent *turn(const KeyMap *m, const KeyMapState *st, unsigned mod, bool on,
                        InputEvent *e)
{
    if (!(st->mods & mod))
        return put(e, mod == KEYMAP_SHIFT ? KEY_LEFTSHIFT : KEY_RIGHTALT, on);
    bool left = false, right = false;
    for (unsigned i = 0; i < st->n; i++) {
        if (mod_of(m, st->sym[i], st->code[i]) != mod)
            continue;
        bool *seen = st->code[i] == KEY_LEFTSHIFT ? &left : &right;
        if (!*seen)
            e = put(e, st->code[i], on);
        *seen = true;
    }
    return e;
}

/* at most three events: two Shifts and AltGr */
static InputEvent *turn_all(const KeyMap *m, const KeyMapState *st, unsigned from, unsigned to,
                            InputEvent *e)
{
    if ((from ^ to) & KEYMAP_SHIFT)
        e = turn(m, st, KEYMAP_SHIFT, to & KEYMAP_SHIFT, e);
    if ((from ^ to) & KEYMAP_ALTGR)
        e = turn(m, st, KEYMAP_ALTGR, to & KEYMAP_ALTGR, e);
    return e;
}

/* at most 3 + 2 + 3 + 1 + 3 events */
size_t keymap_event(const KeyMap *m, KeyMapState *st, uint32_t sym, bool down, unsigned leds,
                    InputEvent out[12])
{
    Strokes s;
    InputEvent *e = out;
    unsigned held = st->mods & LEVEL_MODS, now = held;
    if (!down)
        return sym_up(m, st, sym, out);
    bool again = held_find(m, st, sym) >= 0;
    if (!strokes_find(m, sym, &s) || (!again && st->n == G_N_ELEMENTS(st->sym)))
        return 0;
    for (unsigned i = 0; i < s.n; i++) {
        unsigned want = s.mods[i];
        if (leds & 1 << LED_CAPSL && i + 1 == s.n && s.letter)
            want ^= KEYMAP_SHIFT;
        /* a short cut is meant as it is typed */
        if (s.as_held || st->mods & (KEYMAP_CTRL | KEYMAP_ALT))
            want |= held;
        e = turn_all(m, st, now, want, e);
        now = want;
        e = put(e, s.code[i], true);
        if (i + 1 < s.n)
            e = put(e, s.code[i], false);
    }
    e = turn_all(m, st, now, held, e);
    if (!again) {
        st->sym[st->n] = sym;
        st->code[st->n++] = s.code[s.n - 1];
        held_changed(m, st);
    }
    return (size_t)(e - out);
}

/* ---- characters ---- */
static uint32_t legacy_char(uint32_t sym)
{
    unsigned low = 0, high = keymap_legacy_count;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (keymap_legacy[mid].sym == sym)
            return keymap_legacy[mid].ch;
        if (keymap_legacy[mid].sym < sym)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

/* keys of the pad that are characters: X11/keysymdef.h, FF80h to FFBDh */
static uint32_t pad_char(uint32_t sym)
{
    static const char ops[] = "*+,-./";
    if (sym >= 0xffb0 && sym <= 0xffb9)
        return '0' + sym - 0xffb0;
    if (sym >= 0xffaa && sym <= 0xffaf)
        return (uint8_t)ops[sym - 0xffaa];
    return sym == 0xffbd ? '=' : sym == 0xff80 ? ' ' : 0;
}

uint32_t keysym_char(uint32_t sym)
{
    if ((sym >= 0x20 && sym <= 0x7e) || (sym >= 0xa0 && sym <= 0xff))
        return sym;
    if ((sym & 0xff000000) == 0x01000000)
        return g_unichar_validate(sym & 0xffffff) ? sym & 0xffffff : 0;
    switch (sym) {
    case 0xff08: return 8;
    case 0xff09: return 9;
    case 0xff0d:
    case 0xff8d: return 13;
    case 0xff1b: return 27;
    case 0xffff: return 127;
    }
    return sym < 0x2100 ? legacy_char(sym) : pad_char(sym);
}
