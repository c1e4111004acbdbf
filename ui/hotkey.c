/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hot keys of displays: which modifiers are held, and which keys were taken under them. Pure. */
#include "ui/hotkey.h"

#include <linux/input-event-codes.h>
#include <string.h>

enum { LCTRL = 1, RCTRL = 2, LALT = 4, RALT = 8, LSHIFT = 16, RSHIFT = 32 };
enum { EATEN = sizeof(((HotKeys *)0)->eaten) / sizeof(uint32_t) };

static unsigned mod_bit(unsigned code)
{
    switch (code) {
    case KEY_LEFTCTRL: return LCTRL;
    case KEY_RIGHTCTRL: return RCTRL;
    case KEY_LEFTALT: return LALT;
    case KEY_RIGHTALT: return RALT;
    case KEY_LEFTSHIFT: return LSHIFT;
    case KEY_RIGHTSHIFT: return RSHIFT;
    }
    return 0;
}

bool hotkey_armed(const HotKeys *h)
{
    bool ctrl_alt = h->mods & (LCTRL | RCTRL) && h->mods & (LALT | RALT);
    switch (h->chord) {
    case HOTKEY_CTRL_ALT: return ctrl_alt;
    case HOTKEY_RCTRL: return h->mods & RCTRL;
    case HOTKEY_SHIFT_CTRL_ALT: return ctrl_alt && h->mods & (LSHIFT | RSHIFT);
    }
    return false;
}

void hotkey_reset(HotKeys *h)
{
    h->mods = 0;
    memset(h->eaten, 0, sizeof(h->eaten));
}

/* The slot of a key that is down and was taken; of 0: a free one. -1: none */
static int eaten_find(const HotKeys *h, uint32_t id)
{
    for (int i = 0; i < EATEN; i++)
        if (h->eaten[i] == id)
            return i;
    return -1;
}

static bool window_key(unsigned code)
{
    static const uint16_t keys[] = { KEY_F,       KEY_G,     KEY_U,      KEY_MINUS,
                                     KEY_KPMINUS, KEY_EQUAL, KEY_KPPLUS, KEY_0 };
    for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (keys[i] == code)
            return true;
    return false;
}

/* 1..9; 0: no digit. A symbol that is a digit wins over the key it lies on. */
static unsigned digit_of(unsigned code, uint32_t sym)
{
    if (sym >= '1' && sym <= '9')
        return sym - '0';
    return code >= KEY_1 && code <= KEY_9 ? code - KEY_1 + 1 : 0;
}

static HotKey hotkey_of(const HotKeys *h, unsigned code, uint32_t sym)
{
    unsigned digit = digit_of(code, sym);
    if (digit)
        return (HotKey){ HOTKEY_CONSOLE, digit - 1 };
    if (h->window && window_key(code))
        return (HotKey){ HOTKEY_WINDOW, code };
    return (HotKey){ HOTKEY_NONE, 0 };
}

HotKey hotkey_event(HotKeys *h, unsigned code, uint32_t sym, bool down)
{
    static const HotKey none = { HOTKEY_NONE, 0 }, swallow = { HOTKEY_SWALLOW, 0 };
    unsigned bit = mod_bit(code);
    uint32_t id = code ? code : sym | 1u << 31;
    int at = eaten_find(h, id);

    if (bit) {
        h->mods = down ? h->mods | bit : h->mods & ~bit;
        return none;
    }
    if (at >= 0) {
        if (!down)
            h->eaten[at] = 0;
        return swallow;
    }
    if (!down || !hotkey_armed(h))
        return none;
    HotKey key = hotkey_of(h, code, sym);
    at = eaten_find(h, 0);
    if (key.kind != HOTKEY_NONE && at >= 0)
        h->eaten[at] = id;
    return key;
}
