/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consoles, the pictures they show, the views that look at them, and input. Everything is called on
 * main with the machine lock held, unless "any" says any thread, locked or not. docs/display.md
 * draws who does what on which thread.
 */
#ifndef UI_CONSOLE_H
#define UI_CONSOLE_H

#include <pixman.h>

#include "core/device.h"

typedef struct InputEvent InputEvent;

/* ---- surfaces ---- */
/*
 * Pixels in x8r8g8b8 (a cursor: a8r8g8b8). Size, stride and address never change: anything else is
 * a new Surface. owner keeps VRAM alive; NULL: the pixels are the surface's own.
 */
struct Surface {
    gatomicrefcount ref;
    pixman_image_t *image;
    Device *owner;
};

/* any; surface_unref(NULL) is fine */
Surface *surface_new(int w, int h);
Surface *surface_over(Device *owner, void *px, int w, int h, int stride);
Surface *surface_ref(Surface *);
void surface_unref(Surface *);
static inline int surface_width(const Surface *s)
{
    return pixman_image_get_width(s->image);
}
static inline int surface_height(const Surface *s)
{
    return pixman_image_get_height(s->image);
}

/*
 * any, unlocked, while guest or main may write: the only reader of pixels in a display. The
 * rectangle is clipped to the surface; dst is the place of its first pixel, stride in bytes.
 */
void surface_copy(void *dst, int stride, const Surface *, int x, int y, int w, int h);

/* ---- consoles: the side of the device ---- */
/* What is shown as characters: for a display without pixels. Colours as of a VGA: 1 is blue. */
typedef struct TextCell {
    uint32_t ch; /* Unicode, or cp437's code */
    uint8_t fg, bg;
} TextCell;
typedef struct TextScreen {
    unsigned cols, rows;
    int cursor_x, cursor_y; /* -1: none */
    bool cp437;
    GArray *cells; /* TextCell, row by row; the caller's */
} TextScreen;

typedef struct ConsoleOps {
    void (*watch)(void *o, bool on); /* somebody looks: region_log(DISPLAY) on or off */
    /* draw from VRAM's dirty bits (all: everything, logged or not), then console_damage(): damage
     * is told after the pixels are there */
    void (*refresh)(void *o, bool all);
    void (*input)(void *o, const InputEvent *); /* text consoles; NULL: the input handlers get it */
    bool (*resize_hint)(void *o, unsigned w, unsigned h);
    /* after a refresh; false: no characters are shown now. NULL: never */
    bool (*text)(void *o, TextScreen *);
    bool polled; /* refreshed every interval while looked at; else only after console_changed() */
} ConsoleOps;

/* dev NULL: a text console */
Console *console_new(Vm *, Device *dev, unsigned head, const char *label, const ConsoleOps *,
                     void *o);
void console_free(Console *);

/* NULL: none. Numbers 0..: graphics in order, then text; Ctrl-Alt-N is number N-1 */
Console *console_at(Vm *, unsigned number);
Console *console_of(Vm *, Device *, unsigned head);
unsigned console_number(const Console *);
bool console_text(Console *, TextScreen *); /* cells must be there; false: no characters */

void console_set_surface(Console *, Surface *take); /* NULL: the display is off */
Surface *console_surface(Console *);                /* borrowed */
void console_damage(Console *, int x, int y, int w, int h);
void console_changed(Console *);
/* image: a8r8g8b8; NULL: none */
void console_cursor(Console *, Surface *take_or_null, int hot_x, int hot_y);
void console_cursor_at(Console *, int x, int y, bool on);
void console_bell(Console *);

/* A refreshed copy, also when nobody looks. NULL: nothing to show */
Surface *console_snapshot(Console *);
/* Writes it: binary PPM, or PNG. Pure but for the file: may run on a worker. */
bool surface_write_ppm(const Surface *, const char *path, GError **);
bool surface_write_png(const Surface *, const char *path, GError **);

/* ---- views: the side of a display ---- */
/*
 * A View is one pair of eyes. The console merges what is new for it under a leaf lock; the
 * display's thread takes that and copies the pixels itself.
 */
enum {
    FRAME_SURFACE = 1,
    FRAME_CURSOR = 2,
    FRAME_MOVED = 4,
    FRAME_LEDS = 8,
    FRAME_POINTER = 16,
    FRAME_CONSOLE = 32,
    FRAME_BELL = 64,
    FRAME_ALL =
        FRAME_SURFACE | FRAME_CURSOR | FRAME_MOVED | FRAME_LEDS | FRAME_POINTER | FRAME_CONSOLE,
};
typedef struct Frame {
    Surface *surface, *cursor; /* references; cursor may be NULL */
    pixman_region32_t damage;
    unsigned what, console, leds;
    int hot_x, hot_y, x, y;
    bool cursor_on, absolute;
} Frame;

/*
 * wake: called on main, under the leaf lock, once until the next view_take(): write an eventfd,
 * push an SDL event, nothing more. Nobody looks yet. console may be NULL: a blank picture.
 */
View *view_new(Vm *, Console *, void (*wake)(void *o), void *o);
void view_show(View *, Console *); /* all of it is new */
void view_free(View *);

/* any; 0: looks away. From 0: watch, full refresh, then one wake even if one is pending */
void view_want(View *, unsigned ms);

/* any; that refresh is done: only now is the size true (VNC's ServerInit waits for it) */
bool view_live(View *);

/* The display's one thread; false: nothing new, and nothing to give back */
bool view_take(View *, Frame *);
void frame_done(Frame *);

/* ---- displays ---- */
/* sdl, curses, none. args: DisplayArgs (ui/display.h). close joins its thread; may be NULL */
typedef struct DisplayDriver {
    const char *name, *desc;
    const Prop *props;
    bool (*open)(Vm *, const void *args, GError **);
    void (*close)(Vm *);
} DisplayDriver;
typedef DisplayDriver set_display_t;

/*
 * The end, in two steps, because devices say good-bye to their consoles in vm_free(): ui_close
 * frees the sources, and ui_free what is left. main() keeps vm->ui in between; NULL is fine.
 */
void ui_close(Vm *);
void ui_free(Ui *);

/* ---- input ---- */
/* code: Linux evdev; ABS values 0..32767. TEXT: one character, text consoles only. WAIT: value is
 * milliseconds until the source's next event (sendkey's hold time). */
typedef enum { IN_KEY, IN_BUTTON, IN_REL, IN_ABS, IN_SYNC, IN_TEXT, IN_WAIT } InputKind;
struct InputEvent {
    InputKind kind;
    uint16_t code;
    int32_t value;
};

/* kinds: 1 << IN_KEY and so on. event: false: full, ask again after input_ready() */
typedef struct InputOps {
    const char *name;
    unsigned kinds;
    bool (*event)(void *o, const InputEvent *);
} InputOps;

/* The active handler of a kind gets it: the one activated last, else the one registered first. A
 * full handler holds up its own kind only. */
InputHandler *input_register(Vm *, Device *, const InputOps *, void *o);
void input_unregister(InputHandler *);
void input_activate(InputHandler *); /* a guest driver's first poll (USB tablet) */
void input_rest(InputHandler *);     /* behind all others: its driver is gone (USB reset) */
void input_ready(InputHandler *);
void input_leds(InputHandler *, unsigned leds); /* 1 Scroll, 2 Num, 4 Caps */

/* info mice, mouse_set; i counts from 0, the current one is last. false: no such */
typedef struct InputMouse {
    const char *name;
    unsigned number;
    bool absolute, current;
} InputMouse;
bool input_mouse(Vm *, unsigned i, InputMouse *);
bool input_mouse_set(Vm *, unsigned number);
bool input_is_absolute(Vm *); /* any: the pointer's active handler takes IN_ABS */

/* any; one a viewer, window, monitor; free releases what it holds */
InputSource *input_source_new(Vm *, const char *name);
void input_source_free(InputSource *);

/*
 * any; all or nothing. false: 256 wait: stop reading and try again. Motion merges; a release of a
 * held key is always taken; of one not held dropped
 */
bool input_send(InputSource *, unsigned console, const InputEvent *, size_t n);
void input_release(InputSource *);     /* any; key-up of everything held */
unsigned input_pending(InputSource *); /* any */
/* locked, main: fn once nothing of the source waits; before input_source_free */
void input_when_done(InputSource *, void (*fn)(void *), void *o);

#endif
