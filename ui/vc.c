/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text consoles: the chardev `vc`, shown by every display. Ctrl-Up, Ctrl-Down, Ctrl-PageUp and
 * Ctrl-PageDown look back. Characters come as IN_TEXT without Ctrl and Alt, which are followed
 * here; everything else as IN_KEY. Main, locked.
 */
#include <limits.h>
#include <linux/input-event-codes.h>

#include "chardev/chardev.h"
#include "core/clock.h"
#include "ui/font.h"
#include "ui/vc-int.h"

enum {
    WRITE_MAX = 4096, /* bytes a round of the main loop: a flood must not hold the machine lock */
    INPUT_MAX = 4096, /* kept for a front that does not read: more is lost, as on a real line */
    BLINK_MS = 500,
    DEFAULT_COLS = 80,
    DEFAULT_ROWS = 24,
};

typedef struct VcArgs {
    CharCommon common;
    uint32_t width, height, cols, rows;
} VcArgs;

/* clang-format off */
static const Prop VcArgs_rows[] = {
    PROP_BASE(VcArgs, common, CharCommon),
    PROP_INT (VcArgs, width,  "width",  0, "pixels; 0: by cols"),
    PROP_INT (VcArgs, height, "height", 0, "pixels; 0: by rows"),
    PROP_INT (VcArgs, cols,   "cols",   0, "characters in a row; 0: 80, or as the window is"),
    PROP_INT (VcArgs, rows,   "rows",   0, "rows of characters; 0: 24, or as the window is"),
    PROP_END (VcArgs)
};
/* clang-format on */

typedef struct VcChar {
    Chardev chr;
    Console *console;
    VcScreen *screen;
    VcCell *drawn;
    Timer blink, refill;
    bool fixed; /* the user said how large */
    bool blink_on, starved;
    size_t budget;     /* bytes that this round of the main loop may still write */
    unsigned held;     /* VcMods */
    unsigned pad_code; /* a key of the number pad that may still turn out to be a digit */
} VcChar;

static VcChar *vc_of(Chardev *c)
{
    return (VcChar *)c;
}

/* ---- out: to the screen ---- */
static void vc_refill(void *o)
{
    VcChar *v = o;
    v->budget = WRITE_MAX;
    if (v->starved) {
        v->starved = false;
        char_writable(&v->chr);
    }
}

static size_t vc_write(Chardev *c, const void *p, size_t n)
{
    VcChar *v = vc_of(c);
    size_t take = MIN(n, v->budget);
    if (v->budget == WRITE_MAX)
        timer_set(&v->refill, clock_now(c->vm, CLOCK_REAL));
    v->starved = take < n;
    v->budget -= take;
    if (take)
        vc_screen_write(v->screen, p, take);
    return take;
}

/* ---- in: keys ---- */
static void vc_reply(void *o, const char *p, size_t n)
{
    Chardev *c = o;
    if (c->fronts->len && c->kept->len + n <= INPUT_MAX)
        char_deliver(c, p, n);
}

static void vc_changed(void *o)
{
    VcChar *v = o;
    console_changed(v->console);
}

static void vc_bell(void *o)
{
    VcChar *v = o;
    console_bell(v->console);
}

static const VcScreenOps screen_ops = { vc_reply, vc_changed, vc_bell };

static unsigned mod_of(unsigned code)
{
    switch (code) {
    case KEY_LEFTSHIFT:
    case KEY_RIGHTSHIFT: return VC_SHIFT;
    case KEY_LEFTCTRL:
    case KEY_RIGHTCTRL: return VC_CTRL;
    case KEY_LEFTALT: return VC_ALT; /* the right one is AltGr: it makes other characters */
    }
    return 0;
}

/* what the number pad is without Num Lock; 0: not of the pad */
static unsigned pad_key(unsigned code)
{
    switch (code) {
    case KEY_KP7: return KEY_HOME;
    case KEY_KP8: return KEY_UP;
    case KEY_KP9: return KEY_PAGEUP;
    case KEY_KP4: return KEY_LEFT;
    case KEY_KP6: return KEY_RIGHT;
    case KEY_KP1: return KEY_END;
    case KEY_KP2: return KEY_DOWN;
    case KEY_KP3: return KEY_PAGEDOWN;
    case KEY_KP0: return KEY_INSERT;
    case KEY_KPDOT: return KEY_DELETE;
    }
    return 0;
}

static bool vc_look_back(VcChar *v, unsigned code)
{
    unsigned cols, rows;
    vc_screen_size(v->screen, &cols, &rows);
    switch (code) {
    case KEY_UP: vc_screen_scroll(v->screen, 1); return true;
    case KEY_DOWN: vc_screen_scroll(v->screen, -1); return true;
    case KEY_PAGEUP: vc_screen_scroll(v->screen, (int)rows / 2); return true;
    case KEY_PAGEDOWN: vc_screen_scroll(v->screen, -(int)rows / 2); return true;
    }
    return false;
}

static void vc_press(VcChar *v, unsigned code)
{
    if (v->held & VC_CTRL && vc_look_back(v, code))
        return;
    if (vc_screen_key(v->screen, code, v->held))
        vc_screen_scroll(v->screen, INT_MIN);
}

/* A key of the pad is what its text says; if none follows, at its release, what is printed below.
 */
static void vc_key(VcChar *v, unsigned code, bool down)
{
    unsigned mod = mod_of(code), pad = pad_key(code);
    if (mod) {
        v->held = down ? v->held | mod : v->held & ~mod;
    } else if (pad) {
        if (!down && v->pad_code == code)
            vc_press(v, pad);
        v->pad_code = down ? code : 0;
    } else if (down) {
        vc_press(v, code);
    }
}

/* the byte that Ctrl makes of a character (ECMA-48); -1: none */
static int control_of(uint32_t ch)
{
    if (ch == ' ' || ch == '2')
        return 0;
    if (ch == '/')
        return 31;
    if (ch == '?')
        return 127;
    return (ch >= '@' && ch <= '_') || (ch >= 'a' && ch <= 'z') ? (int)(ch & 31) : -1;
}

static void vc_text(VcChar *v, uint32_t ch)
{
    char bytes[8];
    size_t n = 0;
    v->pad_code = 0;
    /* Enter, Backspace and the like come as keys */
    if (ch < 32 || ch == 127 || !g_unichar_validate(ch))
        return;
    int control = v->held & VC_CTRL ? control_of(ch) : 0;
    if (control < 0)
        return;
    if (v->held & VC_ALT)
        bytes[n++] = 27;
    if (v->held & VC_CTRL)
        bytes[n++] = (char)control;
    else
        n += (size_t)g_unichar_to_utf8(ch, bytes + n);
    vc_screen_scroll(v->screen, INT_MIN);
    vc_reply(v, bytes, n);
}

static void vc_input(void *o, const InputEvent *e)
{
    VcChar *v = o;
    if (e->kind == IN_KEY)
        vc_key(v, e->code, e->value);
    else if (e->kind == IN_TEXT)
        vc_text(v, (uint32_t)e->value);
    else if (e->kind == IN_REL && e->code == REL_WHEEL)
        vc_screen_scroll(v->screen, 3 * CLAMP(e->value, -100, 100));
}

/* ---- the picture ---- */
static void vc_surface(VcChar *v, unsigned w, unsigned h)
{
    unsigned cols, rows;
    vc_screen_size(v->screen, &cols, &rows);
    g_free(v->drawn);
    /* zero is no cell that is ever drawn: all of it differs */
    v->drawn = g_new0(VcCell, (size_t)cols * rows);
    console_set_surface(v->console, surface_new((int)w, (int)h));
    console_changed(v->console);
}

static void vc_refresh(void *o, bool all)
{
    VcChar *v = o;
    vc_draw(v->console, console_surface(v->console), v->screen, v->drawn, all);
}

static void vc_blink(void *o)
{
    VcChar *v = o;
    v->blink_on = !v->blink_on;
    vc_screen_blink(v->screen, v->blink_on);
    timer_set(&v->blink, clock_now(v->chr.vm, CLOCK_REAL) + BLINK_MS * 1000000ll);
}

static void vc_watch(void *o, bool on)
{
    VcChar *v = o;
    if (on)
        vc_blink(v);
    else
        timer_cancel(&v->blink);
}

static bool vc_resize(void *o, unsigned w, unsigned h)
{
    VcChar *v = o;
    unsigned cols = CLAMP(w / FONT_W, VC_COLS_MIN, VC_COLS_MAX);
    unsigned rows = CLAMP(h / FONT_H, 1, VC_ROWS_MAX);
    if (v->fixed)
        return false;
    vc_screen_resize(v->screen, cols, rows);
    vc_surface(v, cols * FONT_W, rows * FONT_H);
    return true;
}

/* the nearest of a VGA's sixteen */
static uint8_t vga_color(uint32_t rgb)
{
    unsigned r = rgb >> 16 & 255, g = rgb >> 8 & 255, b = rgb & 255;
    unsigned most = MAX(r, MAX(g, b)), least = MIN(r, MIN(g, b));
    uint8_t color = (r >= 0x80) << 2 | (g >= 0x80) << 1 | (b >= 0x80);
    if (r >= 0x80 && g >= 0x40 && g < 0x80 && b < 0x40)
        return 6; /* brown */
    return most >= 0xd0 || (most < 0x80 && least >= 0x40) ? color | 8 : color;
}

static bool vc_cells(void *o, TextScreen *t)
{
    VcChar *v = o;
    unsigned x, y;
    vc_screen_size(v->screen, &t->cols, &t->rows);
    for (unsigned i = 0; i < t->cols * t->rows; i++) {
        const VcCell *c = &v->drawn[i];
        TextCell out = { c->ch ? c->ch : ' ', vga_color(c->fg), vga_color(c->bg) };
        g_array_append_val(t->cells, out);
    }
    if (vc_screen_cursor(v->screen, &x, &y)) {
        t->cursor_x = (int)x;
        t->cursor_y = (int)y;
    }
    return true;
}

static const ConsoleOps vc_console_ops = {
    .text = vc_cells,
    .watch = vc_watch,
    .refresh = vc_refresh,
    .input = vc_input,
    .resize_hint = vc_resize,
};

/* ---- the chardev ---- */
static bool size_ok(unsigned cols, unsigned rows, GError **err)
{
    if (cols >= VC_COLS_MIN && cols <= VC_COLS_MAX && rows && rows <= VC_ROWS_MAX)
        return true;
    return user_fail(
        err, "a text console of %ux%u characters is not possible: %d to %d columns, 1 to %d rows",
        cols, rows, VC_COLS_MIN, VC_COLS_MAX, VC_ROWS_MAX);
}

static bool vc_open(Chardev *c, const void *args, GError **err)
{
    static const VcArgs none;
    const VcArgs *a = args ? args : &none;
    VcChar *v = vc_of(c);
    unsigned cols = a->width ? a->width / FONT_W : a->cols ? a->cols : DEFAULT_COLS;
    unsigned rows = a->height ? a->height / FONT_H : a->rows ? a->rows : DEFAULT_ROWS;

    if (!size_ok(cols, rows, err))
        return false;
    v->fixed = a->width || a->height || a->cols || a->rows;
    v->budget = WRITE_MAX;
    timer_init_core(&v->blink, c->vm, CLOCK_REAL, vc_blink, v);
    timer_init_core(&v->refill, c->vm, CLOCK_REAL, vc_refill, v);
    v->console = console_new(c->vm, NULL, 0, c->label, &vc_console_ops, v);
    v->screen = vc_screen_new(cols, rows, &screen_ops, v);
    vc_surface(v, a->width ? a->width : cols * FONT_W, a->height ? a->height : rows * FONT_H);
    c->filename = g_strdup("vc");
    c->open = true;
    return true;
}

static void vc_close(Chardev *c)
{
    VcChar *v = vc_of(c);
    timer_free(&v->blink);
    timer_free(&v->refill);
    console_free(v->console);
    vc_screen_free(v->screen);
    g_free(v->drawn);
}

static const CharDriver char_vc = {
    .name = "vc",
    .desc = "text console of the display",
    .size = sizeof(VcChar),
    .props = VcArgs_rows,
    .open = vc_open,
    .close = vc_close,
    .write = vc_write,
};
REGISTER(chardev, char_vc);
