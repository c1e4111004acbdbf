/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside a text console: bytes -> filter -> libvterm -> cells -> pixels. Main, locked.
 *
 *   history (ring)    oldest .. newest   lines that left the screen at its top
 *   screen            row 0 .. rows-1    libvterm's
 *   shown             the last `scroll` lines of the history, then the screen's first rows
 */
#ifndef UI_VC_INT_H
#define UI_VC_INT_H

#include <glib.h>

#include "ui/console.h"

/* ---- vc-filter.c ---- */
typedef struct VcFilter {
    uint32_t ch, least;
    unsigned left; /* bytes of this character still to come */
    bool escape;   /* the last byte was ESC */
} VcFilter;
/* out has room for VC_FILTER_GROWTH * (n + 1) bytes; the bytes written */
enum { VC_FILTER_GROWTH = 6 };
size_t vc_filter(VcFilter *, const uint8_t *in, size_t n, char *out);

/* ---- vc-screen.c, the only file that knows libvterm ---- */
enum {
    VC_HISTORY = 512, /* lines */
    VC_COLS_MIN = 2,
    VC_COLS_MAX = 512,
    VC_ROWS_MAX = 256,
};

/* above the 24 bits of fg */
enum { VC_UNDERLINE = 1 << 24, VC_STRIKE = 1 << 25, VC_CURSOR_SHIFT = 26 };
typedef enum { VC_NO_CURSOR, VC_BLOCK, VC_UNDERSCORE, VC_BAR } VcCursor;

typedef struct VcCell {
    uint32_t ch, fg, bg;
} VcCell;

typedef struct VcScreen VcScreen;
typedef struct VcScreenOps {
    void (*reply)(void *o, const char *p, size_t n); /* the terminal answers or a key was pressed */
    void (*changed)(void *o);
    void (*bell)(void *o);
} VcScreenOps;

typedef enum { VC_SHIFT = 1, VC_ALT = 2, VC_CTRL = 4 } VcMods;

VcScreen *vc_screen_new(unsigned cols, unsigned rows, const VcScreenOps *, void *o);
void vc_screen_free(VcScreen *);
void vc_screen_size(const VcScreen *, unsigned *cols, unsigned *rows);
void vc_screen_resize(VcScreen *, unsigned cols, unsigned rows);
void vc_screen_write(VcScreen *, const uint8_t *p, size_t n); /* at most 4 KiB: main is held up */
/* a key that is no character, by its evdev code; false: it has no meaning to a terminal */
bool vc_screen_key(VcScreen *, unsigned code, VcMods mods);
void vc_screen_scroll(VcScreen *, int lines); /* > 0: back in time; INT_MIN: to the newest line */
void vc_screen_blink(VcScreen *, bool on);    /* the phase in which a blinking cursor is seen */
/* takes the mark: a shown row may have changed */
bool vc_screen_dirty(VcScreen *, unsigned row);
void vc_screen_row(VcScreen *, unsigned row, VcCell *out); /* cols cells, as shown, cursor too */
bool vc_screen_cursor(const VcScreen *, unsigned *x, unsigned *y); /* false: not to be seen */

/* ---- vc-draw.c ---- */
/* Draws what differs from `drawn`, remembers it there, and tells the console. */
void vc_draw(Console *, Surface *, VcScreen *, VcCell *drawn, bool all);

#endif
