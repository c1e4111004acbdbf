/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys and pointer of the window as input events. Keys go by scancode, whatever layout the host
 * has: the guest has its own. SDL's scancodes are the usages of USB HID's keyboard page (HID Usage
 * Tables 1.12, section 10). Thread: SDL's.
 */
#include <linux/input-event-codes.h>

#include "ui/sdl-int.h"

/* clang-format off */
static const uint16_t usages[] = {
    [4] = KEY_A, KEY_B, KEY_C, KEY_D, KEY_E, KEY_F, KEY_G, KEY_H, KEY_I, KEY_J, KEY_K, KEY_L, KEY_M,
    KEY_N, KEY_O, KEY_P, KEY_Q, KEY_R, KEY_S, KEY_T, KEY_U, KEY_V, KEY_W, KEY_X, KEY_Y, KEY_Z,
    KEY_1, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7, KEY_8, KEY_9, KEY_0,
    KEY_ENTER, KEY_ESC, KEY_BACKSPACE, KEY_TAB, KEY_SPACE, KEY_MINUS, KEY_EQUAL, KEY_LEFTBRACE,
    KEY_RIGHTBRACE, KEY_BACKSLASH, KEY_BACKSLASH, KEY_SEMICOLON, KEY_APOSTROPHE, KEY_GRAVE, KEY_COMMA,
    KEY_DOT, KEY_SLASH, KEY_CAPSLOCK,
    KEY_F1, KEY_F2, KEY_F3, KEY_F4, KEY_F5, KEY_F6, KEY_F7, KEY_F8, KEY_F9, KEY_F10, KEY_F11, KEY_F12,
    KEY_SYSRQ, KEY_SCROLLLOCK, KEY_PAUSE, KEY_INSERT, KEY_HOME, KEY_PAGEUP, KEY_DELETE, KEY_END,
    KEY_PAGEDOWN, KEY_RIGHT, KEY_LEFT, KEY_DOWN, KEY_UP, KEY_NUMLOCK,
    KEY_KPSLASH, KEY_KPASTERISK, KEY_KPMINUS, KEY_KPPLUS, KEY_KPENTER, KEY_KP1, KEY_KP2, KEY_KP3, KEY_KP4,
    KEY_KP5, KEY_KP6, KEY_KP7, KEY_KP8, KEY_KP9, KEY_KP0, KEY_KPDOT, KEY_102ND, KEY_COMPOSE, KEY_POWER,
    KEY_KPEQUAL, [117] = KEY_HELP, [118] = KEY_COMPOSE, [120] = KEY_STOP, KEY_AGAIN, KEY_UNDO, KEY_CUT,
    KEY_COPY, KEY_PASTE, KEY_FIND, KEY_MUTE, KEY_VOLUMEUP, KEY_VOLUMEDOWN, [133] = KEY_KPCOMMA,
    [135] = KEY_RO, KEY_KATAKANAHIRAGANA, KEY_YEN, KEY_HENKAN, KEY_MUHENKAN, [144] = KEY_HANGEUL, KEY_HANJA,
    [224] = KEY_LEFTCTRL, KEY_LEFTSHIFT, KEY_LEFTALT, KEY_LEFTMETA, KEY_RIGHTCTRL, KEY_RIGHTSHIFT,
    KEY_RIGHTALT, KEY_RIGHTMETA,
};
/* clang-format on */

unsigned sdl_key_code(SDL_Scancode sc)
{
    return (unsigned)sc < G_N_ELEMENTS(usages) ? usages[sc] : 0;
}

static void send(SdlDisplay *s, const InputEvent *e, size_t n)
{
    /* a guest that reads nothing loses presses; releases are always taken */
    (void)input_send(s->in.source, s->console, e, n);
}

/* ---- keys ---- */
static void window_key(SdlDisplay *s, unsigned code)
{
    switch (code) {
    case KEY_G: sdl_window_grab(s, !s->grabbed); break;
    case KEY_F: sdl_window_full_screen(s, !s->full_screen); break;
    case KEY_U: sdl_window_scale(s, 100); break;
    case KEY_EQUAL:
    case KEY_KPPLUS: sdl_window_scale(s, 1); break;
    case KEY_MINUS:
    case KEY_KPMINUS: sdl_window_scale(s, -1); break;
    }
}

void sdl_input_key(SdlDisplay *s, const SDL_KeyboardEvent *k)
{
    bool down = k->type == SDL_KEYDOWN;
    unsigned code = sdl_key_code(k->keysym.scancode);
    InputEvent e[2] = { { IN_KEY, (uint16_t)code, down } };
    size_t n = 1;
    if (!code)
        return;
    HotKey hot = hotkey_event(&s->in.hot, code, 0, down);
    if (hot.kind == HOTKEY_CONSOLE || hot.kind == HOTKEY_WINDOW)
        input_release(s->in.source);
    if (hot.kind == HOTKEY_CONSOLE)
        sdl_ask_console(s, hot.number);
    if (hot.kind == HOTKEY_WINDOW)
        window_key(s, hot.number);
    if (hot.kind != HOTKEY_NONE)
        return;
    /* under Ctrl no text event follows */
    SDL_Keycode sym = k->keysym.sym;
    if (down && k->keysym.mod & KMOD_CTRL && sym >= ' ' && sym < 127)
        e[n++] = (InputEvent){ IN_TEXT, 0, sym };
    send(s, e, n);
}

/* By the modifiers of now, not by a flag set at the hot key: that would eat the next letter. */
void sdl_input_text(SdlDisplay *s, const char *utf8)
{
    if (hotkey_armed(&s->in.hot) || SDL_GetModState() & KMOD_CTRL)
        return;
    for (const char *p = utf8; *p; p = g_utf8_next_char(p)) {
        gunichar ch = g_utf8_get_char_validated(p, -1);
        if (ch == (gunichar)-1 || ch == (gunichar)-2)
            return;
        send(s, &(InputEvent){ IN_TEXT, 0, (int32_t)ch }, 1);
    }
}

void sdl_input_leave(SdlDisplay *s)
{
    input_release(s->in.source);
    hotkey_reset(&s->in.hot);
    s->in.buttons = 0;
}

/* ---- the pointer ---- */
static int scaled(int at, int size)
{
    return size > 1 ? (int)((int64_t)CLAMP(at, 0, size - 1) * 32767 / (size - 1)) : 0;
}

static size_t put_place(SdlDisplay *s, int x, int y, InputEvent *e)
{
    int w, h;
    SDL_GetWindowSize(s->window, &w, &h);
    e[0] = (InputEvent){ IN_ABS, ABS_X, scaled(x, w) };
    e[1] = (InputEvent){ IN_ABS, ABS_Y, scaled(y, h) };
    return 2;
}

void sdl_input_motion(SdlDisplay *s, const SDL_MouseMotionEvent *m)
{
    InputEvent e[3];
    size_t n = 0;
    if (s->absolute)
        n = put_place(s, m->x, m->y, e);
    else if (s->grabbed) {
        e[n++] = (InputEvent){ IN_REL, REL_X, m->xrel };
        e[n++] = (InputEvent){ IN_REL, REL_Y, m->yrel };
    }
    if (!n)
        return;
    e[n++] = (InputEvent){ IN_SYNC, 0, 0 };
    send(s, e, n);
}

void sdl_input_button(SdlDisplay *s, const SDL_MouseButtonEvent *b)
{
    static const uint16_t codes[] = { 0, BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA };
    bool down = b->state == SDL_PRESSED;
    InputEvent e[4];
    size_t n = 0;
    if (b->button >= G_N_ELEMENTS(codes) || !codes[b->button])
        return;
    /* the click that takes the pointer is not the guest's */
    if (!s->absolute && !s->grabbed && !(s->in.buttons >> b->button & 1)) {
        if (down && b->button == SDL_BUTTON_LEFT && !s->text)
            sdl_window_grab(s, true);
        return;
    }
    s->in.buttons = down ? s->in.buttons | 1u << b->button : s->in.buttons & ~(1u << b->button);
    if (s->absolute)
        n = put_place(s, b->x, b->y, e);
    e[n++] = (InputEvent){ IN_BUTTON, codes[b->button], down };
    e[n++] = (InputEvent){ IN_SYNC, 0, 0 };
    send(s, e, n);
}

void sdl_input_wheel(SdlDisplay *s, const SDL_MouseWheelEvent *w)
{
    InputEvent e[] = { { IN_REL, REL_WHEEL, w->y > 0 ? 1 : -1 }, { IN_SYNC, 0, 0 } };
    if (w->y)
        send(s, e, 2);
}
