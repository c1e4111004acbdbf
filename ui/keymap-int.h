/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables behind ui/keymap.c, written by tools/mkkeymaps.c. */
#ifndef UI_KEYMAP_INT_H
#define UI_KEYMAP_INT_H

#include <stdint.h>

#include "ui/keymap.h"

/* level: plain, Shift, AltGr, both. A Unicode character; KEYMAP_DEAD | X11 keysym; 0: nothing */
enum { KEYMAP_DEAD = 0x2000000 };
typedef struct LayoutKey {
    uint16_t code; /* evdev; 0 ends the table */
    uint32_t level[4];
} LayoutKey;

struct KeyMap {
    const char *name;
    const LayoutKey *keys;
};
extern const KeyMap keymap_all[];
extern const unsigned keymap_count;

/* X11 keysyms of before Unicode, sorted */
typedef struct LegacySym {
    uint16_t sym, ch;
} LegacySym;
extern const LegacySym keymap_legacy[];
extern const unsigned keymap_legacy_count;

#endif
