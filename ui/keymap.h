/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a viewer's symbols (X11 keysyms) to the keys of a PC (Linux evdev codes), and key names of
 * the monitor. Pure: no state but the caller's.
 */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include <glib.h>

#include "ui/console.h"

/* what one source holds by symbol: a release goes to the code its press used */
typedef struct KeyMapState {
    uint32_t sym[64];
    uint16_t code[64];
    uint8_t n, mods; /* mods: what the client holds of Shift, Ctrl, Alt, AltGr */
} KeyMapState;

/* "en-us" ...; an unknown name lists the known ones */
KeyMap *keymap_get(const char *lang, GError **);
char *keymap_languages(void); /* all names, one line; free it */

/* -k: the layout that every display's viewers type on; en-us before it was set. Main. */
void keymap_set(Vm *, KeyMap *);
KeyMap *keymap_of(Vm *);

/*
 * The events of one symbol going down or up; 0: it is not on this layout. A press adds or lifts
 * Shift and AltGr around the key where the symbol needs it (under Ctrl or Alt it only adds); a
 * character that takes a dead key is two presses. 'A' down, Shift up, 'a' up releases the key that
 * 'A' pressed. out has room for 12.
 */
size_t keymap_event(const KeyMap *, KeyMapState *, uint32_t sym, bool down, unsigned leds,
                    InputEvent out[12]);

/* Unicode, and 8 9 13 27 127 for the keys of that meaning; 0: none */
uint32_t keysym_char(uint32_t sym);

/* sendkey and send-key: "ret", "ctrl", "a"; 0: no such. */
int key_by_name(const char *qcode);
/* names in the order of their codes, NULL-ended: for completion and did-you-mean */
extern const char *const key_names[];

/*
 * XT scancode set 1 numbers, as QEMU's extended key event (RFB -258) and `sendkey 0x1e` carry them:
 * E0h-prefixed ones have bit 7 set. 0: none.
 */
int key_by_number(unsigned xt);

#endif
