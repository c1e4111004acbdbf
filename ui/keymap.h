/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pure; keysyms are X11's */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include "ui/console.h"

/* one a source */
typedef struct KeyMapState {
    uint32_t sym[64];
    uint16_t code[64];
    uint8_t n, mods;
} KeyMapState;

/* "en-us" ...; tables linked in; an unknown name lists them */
KeyMap *keymap_get(const char *lang, GError **);

/*
 * 0: not on this layout. Adds or lifts Shift and AltGr round a press; under Ctrl or Alt only
 * adds. A release goes to the code its press used, or, when Shift went up first ('A' down, 'a'
 * up), to the held key that carries sym
 */
size_t keymap_event(const KeyMap *, KeyMapState *, uint32_t sym, bool down, unsigned leds,
                    InputEvent out[12]);

/* 0: none */
uint32_t keysym_char(uint32_t sym);
int key_by_name(const char *qcode);

#endif
