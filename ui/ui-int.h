/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ui/'s own files share: the lists of one VM, and the leaf lock over what views merge. */
#ifndef UI_UI_INT_H
#define UI_UI_INT_H

#include <stdatomic.h>

#include "core/clock.h"
#include "ui/console.h"
#include "ui/keymap.h"

/* One per VM, made when first needed, on main. */
struct Ui {
    Vm *vm;
    GMutex lock;         /* leaf: pending frames of views, queues and held keys of sources */
    GPtrArray *consoles; /* Console *, by number */
    GPtrArray *views;    /* View * */
    GPtrArray *handlers; /* InputHandler *, the active ones of a kind last */
    GPtrArray *sources;  /* InputSource *; under the lock */
    unsigned next_mouse;
    unsigned leds;
    atomic_bool pump_queued, absolute;
    KeyMap *keymap;               /* -k; NULL: not said */
    const DisplayDriver *display; /* the one that is open; NULL: none */
    void *curses;                 /* ui/curses.c's */
    void *sdl;                    /* freed with us: calls queued to main may still name it */
    struct VncServer *vnc;        /* ui/vnc.c's; NULL: none */
};
Ui *ui_of(Vm *);

struct Console {
    Ui *ui;
    Device *dev;
    char *label;
    const ConsoleOps *ops;
    void *o;
    unsigned head, number;
    Surface *surface, *cursor;
    int hot_x, hot_y, cursor_x, cursor_y;
    bool cursor_on, watched, changed, damaged;
    unsigned quiet; /* refreshes without damage, for the back-off */
    Timer timer;
};

struct View {
    gatomicrefcount ref; /* the display's, and one a call queued to main */
    Ui *ui;
    Console *console; /* NULL: blank */
    void (*wake)(void *o);
    void *o;
    atomic_uint want; /* ms; 0: looks away */
    atomic_bool live, start_queued;
    atomic_bool restart; /* it looked away since the last full refresh */
    bool gone;
    /* under ui->lock */
    bool woken;
    unsigned what;
    pixman_region32_t damage;
};

/* input.c, at the end of the VM */
void input_close(Ui *);
void input_free(Ui *);
/* console.c */
void console_look(Console *); /* somebody looks now, or a key came: refresh soon */
/* view.c: console_damage and its kin, under the leaf lock inside */
void views_damage(Console *, int x, int y, int w, int h);
void views_tell(Ui *, Console *, unsigned what); /* console NULL: all views */
unsigned views_interval(const Console *);        /* smallest wanted, 0: nobody looks */
void views_forget(Console *);

#endif
