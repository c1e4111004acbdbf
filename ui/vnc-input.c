/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and pointer of one viewer, as input events. Thread: vnc-io. */
#include <linux/input-event-codes.h>

#include "ui/vnc-int.h"

bool vnc_input_key(VncClient *c, bool down, uint32_t sym, unsigned xt)
{
    InputEvent e[12];
    size_t n = 1;
    unsigned console = atomic_load(&c->display->console);
    int code = xt ? key_by_number(xt) : 0;
    KeyMapState before = c->keys;
    if (code)
        e[0] = (InputEvent){ IN_KEY, code, down };
    else
        n = keymap_event(c->display->map, &c->keys, sym, down, 0, e);
    if (!n)
        return true;
    bool sent = input_send(c->source, console, e, n);
    if (!sent)
        c->keys = before;
    return sent;
}

static size_t put_motion(VncClient *c, int x, int y, InputEvent *e)
{
    int w = MAX(atomic_load(&c->display->width), 2), h = MAX(atomic_load(&c->display->height), 2);
    x = CLAMP(x, 0, w - 1);
    y = CLAMP(y, 0, h - 1);
    if (input_is_absolute(c->display->server->vm)) {
        e[0] = (InputEvent){ IN_ABS, ABS_X, (int)((int64_t)x * 32767 / (w - 1)) };
        e[1] = (InputEvent){ IN_ABS, ABS_Y, (int)((int64_t)y * 32767 / (h - 1)) };
    } else {
        e[0] = (InputEvent){ IN_REL, REL_X, x - c->x };
        e[1] = (InputEvent){ IN_REL, REL_Y, y - c->y };
    }
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
