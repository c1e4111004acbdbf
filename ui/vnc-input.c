/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and pointer of one viewer, as input events. Thread: vnc-io. */
#include <linux/input-event-codes.h>

#include "ui/vnc-int.h"

enum { LED_CAPS_BIT = 4 }; /* as the guest's keyboard shows them: 1 scroll, 2 num, 4 caps */

/* The key the events are about: Shift and AltGr around it are only a means. */
static unsigned main_key(const InputEvent *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (e[i].kind == IN_KEY && e[i].code != KEY_LEFTSHIFT && e[i].code != KEY_RIGHTSHIFT &&
            e[i].code != KEY_RIGHTALT)
            return e[i].code;
    return n ? e[0].code : 0;
}

/* true: it was the display's own key */
static bool take_hot_key(VncClient *c, unsigned code, uint32_t sym, bool down)
{
    HotKey hot = hotkey_event(&c->hot, code, sym, down);
    if (hot.kind == HOTKEY_CONSOLE) {
        input_release(c->source); /* c->keys still knows what is down, for its release */
        vnc_ask_console(c, hot.number);
    }
    return hot.kind != HOTKEY_NONE;
}

bool vnc_input_key(VncClient *c, bool down, uint32_t sym, unsigned xt)
{
    InputEvent e[14];
    size_t n = 0;
    VncDisplay *d = c->display;
    KeyMapState before = c->keys;
    HotKeys hot_before = c->hot;
    int code = xt ? key_by_number(xt) : 0;
    if (atomic_load(&c->switching))
        return false;
    bool caps = d->args.lock_key_sync && atomic_load(&d->leds_now) & LED_CAPS_BIT;
    if (code)
        e[n++] = (InputEvent){ IN_KEY, code, down };
    else
        n = keymap_event(d->map, &c->keys, sym, down, caps ? 1 << LED_CAPSL : 0, e);
    if (take_hot_key(c, code ? (unsigned)code : main_key(e, n), sym, down))
        return true;
    if (!n)
        return true;
    uint32_t character = keysym_char(sym);
    if (down && character)
        e[n++] = (InputEvent){ IN_TEXT, 0, character };
    if (d->args.key_delay_ms)
        e[n++] = (InputEvent){ IN_WAIT, 0, d->args.key_delay_ms };
    if (input_send(c->source, atomic_load(&d->console), e, n))
        return true;
    c->keys = before;
    c->hot = hot_before;
    return false;
}

static size_t put_motion(VncClient *c, int x, int y, InputEvent *e)
{
    int w = MAX(atomic_load(&c->display->width), 2), h = MAX(atomic_load(&c->display->height), 2);
    if (atomic_load(&c->relative)) { /* the viewer knows, and sends steps */
        e[0] = (InputEvent){ IN_REL, REL_X, x - 0x7fff };
        e[1] = (InputEvent){ IN_REL, REL_Y, y - 0x7fff };
        return 2;
    }
    x = CLAMP(x, 0, w - 1);
    y = CLAMP(y, 0, h - 1);
    if (input_is_absolute(c->display->server->vm)) {
        e[0] = (InputEvent){ IN_ABS, ABS_X, (int)((int64_t)x * 32767 / (w - 1)) };
        e[1] = (InputEvent){ IN_ABS, ABS_Y, (int)((int64_t)y * 32767 / (h - 1)) };
        return 2;
    }
    if (c->x < 0)
        return 0; /* the first position says nothing of a movement */
    e[0] = (InputEvent){ IN_REL, REL_X, x - c->x };
    e[1] = (InputEvent){ IN_REL, REL_Y, y - c->y };
    return 2;
}

bool vnc_input_pointer(VncClient *c, unsigned buttons, int x, int y)
{
    static const uint16_t code[3] = { BTN_LEFT, BTN_MIDDLE, BTN_RIGHT };
    InputEvent e[8];
    size_t n = put_motion(c, x, y, e);
    unsigned changed = buttons ^ c->buttons;
    for (unsigned i = 0; i < 3; i++)
        if (changed >> i & 1)
            e[n++] = (InputEvent){ IN_BUTTON, code[i], buttons >> i & 1 };
    /* the wheel is two buttons; one click is a press */
    for (unsigned i = 3; i < 5; i++)
        if (changed & buttons & 1u << i)
            e[n++] = (InputEvent){ IN_REL, REL_WHEEL, i == 3 ? 1 : -1 };
    e[n++] = (InputEvent){ IN_SYNC, 0, 0 };
    if (!input_send(c->source, atomic_load(&c->display->console), e, n))
        return false;
    c->buttons = buttons;
    c->x = x;
    c->y = y;
    return true;
}
