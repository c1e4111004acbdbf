/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal of a text console: libvterm's screen, and a history of lines that left it. Not
 * modelled: blinking text, italics, double-width lines, mouse reports.
 */
#include <linux/input-event-codes.h>
#include <string.h>
#include <vterm.h>

#include "ui/vc-int.h"

typedef struct VcLine {
    unsigned n;
    VcCell cell[];
} VcLine;

struct VcScreen {
    VTerm *vt;
    VTermScreen *screen;
    const VcScreenOps *ops;
    void *o;
    VcFilter filter;
    unsigned cols, rows;
    VcLine *history[VC_HISTORY]; /* a ring: `lines` of them end before `next` */
    unsigned next, lines, scroll;
    VTermPos cursor;
    bool cursor_visible, cursor_blinks, blink_on;
    int cursor_shape;
    bool *dirty; /* by shown row */
};

/* ---- what changed ---- */
static void mark_rows(VcScreen *s, int from, int to)
{
    for (int row = MAX(from, 0); row < MIN(to, (int)s->rows); row++)
        s->dirty[row] = true;
    s->ops->changed(s->o);
}

static void mark_all(VcScreen *s)
{
    mark_rows(s, 0, (int)s->rows);
}

bool vc_screen_dirty(VcScreen *s, unsigned row)
{
    bool was = s->dirty[row];
    s->dirty[row] = false;
    return was;
}

/* ---- cells ---- */
static uint32_t rgb_of(const VcScreen *s, VTermColor c)
{
    vterm_screen_convert_color_to_rgb(s->screen, &c);
    return (uint32_t)c.rgb.red << 16 | (uint32_t)c.rgb.green << 8 | c.rgb.blue;
}

static VcCell cell_of(const VcScreen *s, const VTermScreenCell *from)
{
    VcCell c = { from->chars[0], rgb_of(s, from->fg), rgb_of(s, from->bg) };
    /* an empty cell has 0, the right half of a wide one -1 */
    if (!c.ch || c.ch == (uint32_t)-1)
        c.ch = ' ';
    if (from->attrs.bold && VTERM_COLOR_IS_DEFAULT_FG(&from->fg))
        c.fg = 0xffffff;
    if (from->attrs.reverse) {
        uint32_t fg = c.fg;
        c.fg = c.bg;
        c.bg = fg;
    }
    if (from->attrs.underline)
        c.fg |= VC_UNDERLINE;
    if (from->attrs.strike)
        c.fg |= VC_STRIKE;
    return c;
}

static VcCell blank_of(const VcScreen *s)
{
    VTermColor fg, bg;
    vterm_state_get_default_colors(vterm_obtain_state(s->vt), &fg, &bg);
    return (VcCell){ ' ', rgb_of(s, fg), rgb_of(s, bg) };
}

static VcLine *history_at(const VcScreen *s, unsigned back) /* 1: the newest */
{
    return s->history[(s->next + VC_HISTORY - back) % VC_HISTORY];
}

void vc_screen_row(VcScreen *s, unsigned row, VcCell *out)
{
    VTermScreenCell cell;
    if (row < s->scroll) {
        const VcLine *l = history_at(s, s->scroll - row);
        VcCell blank = blank_of(s);
        for (unsigned x = 0; x < s->cols; x++)
            out[x] = x < l->n ? l->cell[x] : blank;
        return;
    }
    for (unsigned x = 0; x < s->cols; x++) {
        VTermPos pos = { .row = (int)(row - s->scroll), .col = (int)x };
        out[x] = vterm_screen_get_cell(s->screen, pos, &cell) ? cell_of(s, &cell) : blank_of(s);
    }
    unsigned cx, cy;
    if (vc_screen_cursor(s, &cx, &cy) && cy == row && (s->blink_on || !s->cursor_blinks)) {
        unsigned shape = s->cursor_shape == VTERM_PROP_CURSORSHAPE_BAR_LEFT    ? VC_BAR
                         : s->cursor_shape == VTERM_PROP_CURSORSHAPE_UNDERLINE ? VC_UNDERSCORE
                                                                               : VC_BLOCK;
        out[cx].fg |= shape << VC_CURSOR_SHIFT;
    }
}

bool vc_screen_cursor(const VcScreen *s, unsigned *x, unsigned *y)
{
    *x = (unsigned)s->cursor.col;
    *y = (unsigned)s->cursor.row + s->scroll;
    return s->cursor_visible && *x < s->cols && *y < s->rows;
}

/* ---- libvterm's calls ---- */
static int on_damage(VTermRect r, void *o)
{
    VcScreen *s = o;
    mark_rows(s, r.start_row + (int)s->scroll, r.end_row + (int)s->scroll);
    return 1;
}

static int on_cursor(VTermPos pos, VTermPos old, int visible, void *o)
{
    VcScreen *s = o;
    int scroll = (int)s->scroll;
    mark_rows(s, s->cursor.row + scroll, s->cursor.row + scroll + 1);
    s->cursor = pos;
    s->blink_on = true;
    mark_rows(s, pos.row + scroll, pos.row + scroll + 1);
    return 1;
}

static int on_prop(VTermProp prop, VTermValue *v, void *o)
{
    VcScreen *s = o;
    switch (prop) {
    case VTERM_PROP_CURSORVISIBLE: s->cursor_visible = v->boolean; break;
    case VTERM_PROP_CURSORBLINK: s->cursor_blinks = v->boolean; break;
    case VTERM_PROP_CURSORSHAPE: s->cursor_shape = v->number; break;
    case VTERM_PROP_REVERSE:
    case VTERM_PROP_ALTSCREEN: mark_all(s); return 1;
    default: return 1; /* titles, the mouse */
    }
    mark_rows(s, s->cursor.row + (int)s->scroll, s->cursor.row + (int)s->scroll + 1);
    return 1;
}

static int on_bell(void *o)
{
    VcScreen *s = o;
    s->ops->bell(s->o);
    return 1;
}

static int on_push_line(int n, const VTermScreenCell *cells, void *o)
{
    VcScreen *s = o;
    VcLine *l = g_malloc(sizeof(VcLine) + sizeof(VcCell) * (unsigned)n);
    VcCell blank = blank_of(s);
    l->n = 0;
    for (int x = 0; x < n; x++) {
        l->cell[x] = cell_of(s, &cells[x]);
        if (l->cell[x].ch != ' ' || l->cell[x].bg != blank.bg || l->cell[x].fg >> 24)
            l->n = (unsigned)x + 1;
    }
    g_free(s->history[s->next]);
    s->history[s->next] = g_realloc(l, sizeof(VcLine) + sizeof(VcCell) * l->n);
    s->next = (s->next + 1) % VC_HISTORY;
    s->lines = MIN(s->lines + 1, VC_HISTORY);
    /* who looks back keeps what he looks at */
    if (s->scroll)
        s->scroll = MIN(s->scroll + 1, s->lines);
    return 1;
}

static const VTermScreenCallbacks callbacks = {
    .damage = on_damage,
    .movecursor = on_cursor,
    .settermprop = on_prop,
    .bell = on_bell,
    .sb_pushline = on_push_line,
};

static void on_output(const char *p, size_t n, void *o)
{
    VcScreen *s = o;
    s->ops->reply(s->o, p, n);
}

/* ---- made ---- */
/* the colours of a VGA's text mode, in ECMA-48's order */
static void set_palette(VcScreen *s)
{
    VTermState *state = vterm_obtain_state(s->vt);
    VTermColor c, fg, bg;
    for (int i = 0; i < 16; i++) {
        uint8_t low = i & 8 ? 0x55 : 0, high = i & 8 ? 0xff : 0xaa;
        vterm_color_rgb(&c, i & 1 ? high : low, i & 2 ? high : low, i & 4 ? high : low);
        if (i == 3)
            c.rgb.green = 0x55; /* brown */
        vterm_state_set_palette_color(state, i, &c);
    }
    vterm_color_rgb(&fg, 0xaa, 0xaa, 0xaa);
    vterm_color_rgb(&bg, 0, 0, 0);
    vterm_state_set_default_colors(state, &fg, &bg);
    vterm_state_set_bold_highbright(state, 1);
}

static void say(VcScreen *s, const char *text)
{
    vterm_input_write(s->vt, text, strlen(text));
}

VcScreen *vc_screen_new(unsigned cols, unsigned rows, const VcScreenOps *ops, void *o)
{
    VcScreen *s = g_new0(VcScreen, 1);
    *s = (VcScreen){ .cols = cols, .rows = rows, .ops = ops, .o = o, .cursor_visible = true };
    s->dirty = g_new0(bool, rows);
    s->vt = vterm_new((int)rows, (int)cols);
    vterm_set_utf8(s->vt, 1);
    vterm_output_set_callback(s->vt, on_output, s);
    s->screen = vterm_obtain_screen(s->vt);
    vterm_screen_set_callbacks(s->screen, &callbacks, s);
    vterm_screen_enable_altscreen(s->screen, 1);
    set_palette(s);
    vterm_screen_reset(s->screen, 1);
    /* REP before any character would repeat one of width 0, for ever */
    say(s, " \r");
    return s;
}

void vc_screen_free(VcScreen *s)
{
    vterm_free(s->vt);
    for (unsigned i = 0; i < VC_HISTORY; i++)
        g_free(s->history[i]);
    g_free(s->dirty);
    g_free(s);
}

void vc_screen_size(const VcScreen *s, unsigned *cols, unsigned *rows)
{
    *cols = s->cols;
    *rows = s->rows;
}

/*
 * libvterm 0.1.4 keeps margins, the cursor and the saved cursor outside the smaller screen, and
 * then writes there: margins are reset before (CAN, DECSC, DECSTBM, DECLRMM off, DECRC), and both
 * cursors are put inside afterwards.
 */
static void set_size(VcScreen *s, int cols, int rows)
{
    VTermPos pos;
    say(s, "\030\0337\033[r\033[?69l\0338");
    vterm_set_size(s->vt, rows, cols);
    vterm_state_get_cursorpos(vterm_obtain_state(s->vt), &pos);
    g_autofree char *home = g_strdup_printf("\033[%d;%dH\0337", CLAMP(pos.row, 0, rows - 1) + 1,
                                            CLAMP(pos.col, 0, cols - 1) + 1);
    say(s, home);
}

void vc_screen_resize(VcScreen *s, unsigned cols, unsigned rows)
{
    s->scroll = 0;
    g_free(s->dirty);
    s->dirty = g_new0(bool, MAX(rows, s->rows)); /* the calls inside still see the old size */
    set_size(s, (int)cols, (int)rows);
    s->cols = cols;
    s->rows = rows;
    mark_all(s);
}

/* ---- in ---- */
void vc_screen_write(VcScreen *s, const uint8_t *p, size_t n)
{
    g_autofree char *text = g_malloc(VC_FILTER_GROWTH * (n + 1));
    vterm_input_write(s->vt, text, vc_filter(&s->filter, p, n, text));
}

static VTermKey key_of(unsigned code)
{
    static const VTermKey keys[KEY_CNT] = {
        [KEY_ENTER] = VTERM_KEY_ENTER,       [KEY_KPENTER] = VTERM_KEY_ENTER,
        [KEY_TAB] = VTERM_KEY_TAB,           [KEY_BACKSPACE] = VTERM_KEY_BACKSPACE,
        [KEY_ESC] = VTERM_KEY_ESCAPE,        [KEY_UP] = VTERM_KEY_UP,
        [KEY_DOWN] = VTERM_KEY_DOWN,         [KEY_LEFT] = VTERM_KEY_LEFT,
        [KEY_RIGHT] = VTERM_KEY_RIGHT,       [KEY_INSERT] = VTERM_KEY_INS,
        [KEY_DELETE] = VTERM_KEY_DEL,        [KEY_HOME] = VTERM_KEY_HOME,
        [KEY_END] = VTERM_KEY_END,           [KEY_PAGEUP] = VTERM_KEY_PAGEUP,
        [KEY_PAGEDOWN] = VTERM_KEY_PAGEDOWN, [KEY_F11] = VTERM_KEY_FUNCTION(11),
        [KEY_F12] = VTERM_KEY_FUNCTION(12),
    };
    if (code >= KEY_F1 && code <= KEY_F10)
        return VTERM_KEY_FUNCTION(code - KEY_F1 + 1);
    return code < KEY_CNT ? keys[code] : VTERM_KEY_NONE;
}

bool vc_screen_key(VcScreen *s, unsigned code, VcMods mods)
{
    VTermKey key = key_of(code);
    if (key == VTERM_KEY_NONE)
        return false;
    VTermModifier m = (mods & VC_SHIFT ? VTERM_MOD_SHIFT : 0) |
                      (mods & VC_ALT ? VTERM_MOD_ALT : 0) | (mods & VC_CTRL ? VTERM_MOD_CTRL : 0);
    /* with modifiers libvterm says these in a way that no shell knows */
    if (key == VTERM_KEY_ENTER || key == VTERM_KEY_BACKSPACE || key == VTERM_KEY_ESCAPE)
        m &= VTERM_MOD_ALT;
    vterm_keyboard_key(s->vt, key, m);
    return true;
}

void vc_screen_scroll(VcScreen *s, int lines)
{
    int64_t to = lines == INT_MIN ? 0 : (int64_t)s->scroll + lines;
    unsigned scroll = (unsigned)CLAMP(to, 0, (int64_t)s->lines);
    if (scroll != s->scroll) {
        s->scroll = scroll;
        mark_all(s);
    }
}

void vc_screen_blink(VcScreen *s, bool on)
{
    if (s->blink_on != on && s->cursor_blinks) {
        s->blink_on = on;
        mark_rows(s, s->cursor.row + (int)s->scroll, s->cursor.row + (int)s->scroll + 1);
    }
}
