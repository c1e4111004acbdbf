/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the SDL window. One thread makes every call of SDL and of X; main talks to it by an
 * eventfd and atomics only: SDL_PushEvent would write to the X server from main, under our leaf
 * lock. What the thread wants of the VM goes to main by vm_call_main.
 *
 *   main: view wake, state listener --eventfd--> thread: poll(eventfd, X) -> events, view_take,
 * draw
 */
#ifndef UI_SDL_INT_H
#define UI_SDL_INT_H

#include <SDL.h>
#include <stdatomic.h>

#include "ui/display.h"

typedef struct SdlKeyState {
    HotKeys hot;
    InputSource *source;
    unsigned buttons; /* down, by SDL's numbers */
} SdlKeyState;

typedef struct SdlDisplay {
    Vm *vm;
    View *view;
    DisplayArgs args; /* no strings */
    char *name;       /* -name; NULL: none */
    GThread *thread;
    int wake;                        /* eventfd */
    atomic_bool stop, running, dead; /* dead: the X server is gone, the thread is parked */
    atomic_uint ask_console;         /* thread -> main */
    atomic_uint hint_w, hint_h;
    char *label; /* under label_lock: of the console shown; NULL: a graphic one */
    GMutex label_lock;
    GAsyncQueue *ready; /* open() waits for the first window: an error text, or "" */

    /* the thread's */
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture, *cursor;
    SDL_Cursor *host_cursor; /* the guest's shape, for an absolute pointer */
    int w, h;                /* of the picture */
    unsigned console;
    bool grabbed, full_screen, absolute, hidden, text; /* text: a text console is shown */
    int cursor_x, cursor_y, hot_x, hot_y;
    bool cursor_on;
    SdlKeyState in;
} SdlDisplay;

/* sdl.c: to main */
void sdl_ask_console(SdlDisplay *, unsigned number);
void sdl_ask_close(SdlDisplay *);
void sdl_ask_size(SdlDisplay *, int w, int h);

/* sdl-window.c */
bool sdl_window_open(SdlDisplay *, GError **);
void sdl_window_close(SdlDisplay *);
void sdl_window_take(SdlDisplay *); /* what is new in the view */
void sdl_window_draw(SdlDisplay *);
void sdl_window_title(SdlDisplay *);
void sdl_window_grab(SdlDisplay *, bool on);
void sdl_window_pointer(SdlDisplay *); /* shows or hides the host's pointer */
void sdl_window_full_screen(SdlDisplay *, bool on);
void sdl_window_scale(SdlDisplay *,
                      int percent); /* of the picture's own size; 0: keep, plus or minus */

/* sdl-input.c */
void sdl_input_key(SdlDisplay *, const SDL_KeyboardEvent *);
void sdl_input_text(SdlDisplay *, const char *utf8);
void sdl_input_motion(SdlDisplay *, const SDL_MouseMotionEvent *);
void sdl_input_button(SdlDisplay *, const SDL_MouseButtonEvent *);
void sdl_input_wheel(SdlDisplay *, const SDL_MouseWheelEvent *);
void sdl_input_leave(SdlDisplay *);  /* focus lost */
unsigned sdl_key_code(SDL_Scancode); /* evdev; 0: none */

#endif
