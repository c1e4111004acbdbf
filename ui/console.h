/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Main, locked, unless said */
#ifndef UI_CONSOLE_H
#define UI_CONSOLE_H

#include <pixman.h>

#include "core/device.h"

/* TEXT: one character, text consoles only; WAIT: value ms (sendkey) */
typedef enum { IN_KEY, IN_BUTTON, IN_REL, IN_ABS, IN_SYNC, IN_TEXT, IN_WAIT } InputKind;

/* Linux evdev codes; ABS 0..32767 */
typedef struct InputEvent {
    InputKind kind;
    uint16_t code;
    int32_t value;
} InputEvent;

/*
 * x8r8g8b8. Size, stride and address never change: anything else is a new Surface. owner (NULL:
 * own pixels) keeps VRAM alive
 */
struct Surface {
    gatomicrefcount ref;
    pixman_image_t *image;
    Device *owner;
};

/* any */
Surface *surface_new(int w, int h);
Surface *surface_over(Device *owner, void *px, int w, int h, int stride);
Surface *surface_ref(Surface *);
void surface_unref(Surface *);

/* any, unlocked, while guest or main may write: the only reader of pixels in a display */
void surface_copy(void *dst, int stride, const Surface *, int x, int y, int w, int h);

/* somebody looks: region_log(DISPLAY) on or off */
typedef struct ConsoleOps {
    void (*watch)(void *o, bool on);
    /* from VRAM's dirty bits (all: everything, logged or not) draw, then console_damage(): damage
     * after pixels */
    void (*refresh)(void *o, bool all);
    /* text consoles; NULL: the input handlers get it */
    void (*input)(void *o, const InputEvent *);
    /* polled: every interval while looked at; else only after console_changed() */
    bool (*resize_hint)(void *o, unsigned w, unsigned h);
    bool polled;
} ConsoleOps;

/* Device NULL: text */
Console *console_new(Vm *, Device *, unsigned head, const char *label, const ConsoleOps *, void *o);
void console_free(Console *);

/* NULL: none. Numbers 0..: graphics in order, then text; Ctrl-Alt-N is number N-1 */
Console *console_at(Vm *, unsigned number);
Console *console_of(Vm *, Device *, unsigned head);

/* NULL: the core shows "Display output is not active." */
void console_set_surface(Console *, Surface *take);
void console_damage(Console *, int x, int y, int w, int h);
void console_changed(Console *);

/* image: a8r8g8b8 */
void console_cursor(Console *, Surface *take_or_null, int hot_x, int hot_y);
void console_cursor_at(Console *, int x, int y, bool on);

/*
 * refreshed copy, also when nobody looks; encoded on a worker. NULL: nothing to show A View is
 * one pair of eyes: core/console merges what is new for it under a leaf lock; its thread takes
 * that and copies the pixels itself. Main copies nothing
 */
Surface *console_snapshot(Console *);

/* what is new */
enum {
    FRAME_SURFACE = 1,
    FRAME_CURSOR = 2,
    FRAME_MOVED = 4,
    FRAME_LEDS = 8,
    FRAME_POINTER = 16,
    FRAME_CONSOLE = 32,
    FRAME_BELL = 64
};
typedef struct Frame {
    Surface *surface, *cursor;
    pixman_region32_t damage;
    unsigned what, console, leds;
    int hot_x, hot_y, x, y;
    bool cursor_on, absolute;
} Frame;

/*
 * wake: main, leaf lock held, once until the next take: eventfd, SDL_PushEvent. Nobody looks
 * yet
 */
View *view_new(Vm *, Console *, void (*wake)(void *o), void *o);

/* all of it is new */
void view_show(View *, Console *);
void view_free(View *);

/* any; 0: looks away. From 0: watch, full refresh, then one wake even if one is pending */
void view_want(View *, unsigned ms);

/* any; that refresh is done: only now is the size true (VNC's ServerInit waits for it) */
bool view_live(View *);

/* one thread; false: nothing new */
bool view_take(View *, Frame *);
void frame_done(Frame *);

/* vnc, sdl, curses, none */
typedef struct DisplayDriver {
    const char *name, *desc;
    const Prop *props;
    bool (*open)(Vm *, const void *args, GError **);
    void (*close)(Vm *);
} DisplayDriver;

/* close joins its threads: with the lock released, on main, after RUN */
typedef DisplayDriver set_display_t;

/* false: full, ask again after input_ready() */
typedef struct InputOps {
    const char *name;
    unsigned kinds;
    bool (*event)(void *o, const InputEvent *);
} InputOps;

/* active at once; name and number as info mice shows them */
InputHandler *input_register(Vm *, Device *, const InputOps *, void *o);
void input_unregister(InputHandler *);

/* activate: mouse_set, and a guest driver's first poll (USB tablet) */
void input_activate(InputHandler *);
void input_ready(InputHandler *);
void input_leds(InputHandler *, unsigned leds);

/*
 * info mice the active handler of a kind gets it; its Device's display/head, if set, only that
 * console's. A full handler holds up its own kind only
 */
typedef struct InputMouse {
    const char *name;
    unsigned number;
    bool absolute, current;
} InputMouse;
bool input_mouse(Vm *, unsigned i, InputMouse *);
bool input_mouse_set(Vm *, unsigned number);

/* any; one a viewer, window, monitor; free releases what it holds */
InputSource *input_source_new(Vm *, const char *name);
void input_source_free(InputSource *);

/*
 * any; all or nothing. false: 256 wait: stop reading and try again. Motion merges; a release of
 * a held key is always taken; of one not held dropped
 */
bool input_send(InputSource *, unsigned console, const InputEvent *, size_t n);

/* any; key-up of everything held: focus lost, console switched */
void input_release(InputSource *);
unsigned input_pending(InputSource *);

#endif
