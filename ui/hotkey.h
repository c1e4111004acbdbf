/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys that are meant for the display, not for the guest: Ctrl-Alt-1..9 show console 0..8 in every
 * display, a window knows some letters more. Pure: one HotKeys a window or viewer, on its thread.
 *
 * The caller asks before it sends a key on. What is not HOTKEY_NONE never reaches the guest, and
 * before acting the caller says input_release(source): the guest must not keep Ctrl and Alt. Their
 * later releases may be sent on as usual; input_send() drops those of keys not held.
 */
#ifndef UI_HOTKEY_H
#define UI_HOTKEY_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    HOTKEY_NONE,    /* the guest's */
    HOTKEY_SWALLOW, /* repeat or release of a hot key: drop it */
    HOTKEY_CONSOLE, /* show console_at(vm, number), if there is one */
    HOTKEY_WINDOW,  /* a window's own: number is its evdev code, KEY_F, KEY_G, KEY_U ... */
} HotKeyKind;
typedef struct HotKey {
    HotKeyKind kind;
    unsigned number;
} HotKey;

/* what must be held: either side of each, right Ctrl alone (-ctrl-grab), or Shift too (-alt-grab)
 */
typedef enum { HOTKEY_CTRL_ALT, HOTKEY_RCTRL, HOTKEY_SHIFT_CTRL_ALT } HotKeyChord;

typedef struct HotKeys {
    HotKeyChord chord;
    bool window; /* HOTKEY_WINDOW may come */
    uint8_t mods;
    uint32_t eaten[8]; /* hot keys that are still down: codes, or symbols with bit 31 */
} HotKeys;

/*
 * code: evdev, 0: none. sym: X11 keysym where the client sent one, else 0: a digit counts by its
 * symbol as well, for viewers without scancodes and layouts that have digits elsewhere.
 */
HotKey hotkey_event(HotKeys *, unsigned code, uint32_t sym, bool down);
void hotkey_reset(HotKeys *); /* focus lost: nothing is held any more */
/* the chord is held down now: a text event that comes meanwhile is no text */
bool hotkey_armed(const HotKeys *);

#endif
