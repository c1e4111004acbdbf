/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The display on the terminal itself: what a console shows as characters, by ncursesw. Main is the
 * display thread: view_take in a timer that the view's wake sets, keys when fd 0 is readable; they
 * go through the key map as X11 symbols. Alt-1..9 (ESC and the digit) show another console. Graphic
 * modes show their size only. Not modelled: blinking, bright backgrounds. Main, locked.
 */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "ui/display.h"
#include "ui/ui-int.h"

enum { WANT_MS = 33, SYM_ALT = 0xffe9, SYM_CTRL = 0xffe3, SYM_ESC = 0xff1b };

typedef struct CursesDisplay {
    Vm *vm;
    SCREEN *screen;
    View *view;
    InputSource *source;
    KeyMapState keys;
    Timer draw;
    unsigned watch;
    TextScreen text;
} CursesDisplay;

/* ---- out ---- */
/* what code page 437 has where ASCII has controls, and above it (IBM, 1981) */
static const char cp437_low[] = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";
static const char cp437_high[] = "⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
                                 "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
                                 "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";

static uint32_t cp437(uint32_t ch)
{
    if (ch < 32)
        return g_utf8_get_char(g_utf8_offset_to_pointer(cp437_low, ch));
    if (ch >= 127)
        return g_utf8_get_char(g_utf8_offset_to_pointer(cp437_high, ch - 127));
    return ch;
}

/* a VGA's colour 1 is blue, curses' is red */
static short color_of(unsigned vga)
{
    return (short)((vga & 1) << 2 | (vga & 2) | (vga >> 2 & 1));
}

static void colors_init(void)
{
    if (!has_colors())
        return;
    start_color();
    for (short pair = 1; pair < 64 && pair < COLOR_PAIRS; pair++)
        init_pair(pair, color_of(7 - pair % 8), color_of(pair / 8));
}

static void put_cell(int y, int x, const TextCell *c, bool is_cp437)
{
    wchar_t text[2] = { (wchar_t)(is_cp437 ? cp437(c->ch) : c->ch), 0 };
    attr_t attr = c->fg & 8 ? A_BOLD : A_NORMAL;
    cchar_t out;
    short pair = (short)((c->bg & 7) * 8 + (7 - (c->fg & 7)));
    if (setcchar(&out, text, attr, has_colors() ? pair : 0, NULL) == OK)
        mvadd_wch(y, x, &out);
}

static void show_text(const TextScreen *t)
{
    int cols = MIN((int)t->cols, COLS), rows = MIN((int)t->rows, LINES);
    bool cursor = t->cursor_x >= 0 && t->cursor_x < cols && t->cursor_y < rows;
    /* a terminal smaller than the screen: follow the cursor */
    int top = MAX(0, t->cursor_y - LINES + 1);
    erase();
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < cols; x++)
            put_cell(
                y, x,
                &g_array_index(t->cells, TextCell, (unsigned)(y + top) * t->cols + (unsigned)x),
                t->cp437);
    cursor = cursor || (top && t->cursor_x >= 0 && t->cursor_x < cols);
    curs_set(cursor);
    if (cursor)
        move(t->cursor_y - top, t->cursor_x);
}

static void show_size(const Frame *f)
{
    g_autofree char *line = g_strdup_printf("%d x %d Graphic mode", surface_width(f->surface),
                                            surface_height(f->surface));
    erase();
    curs_set(0);
    mvaddstr(LINES / 2, MAX((COLS - (int)strlen(line)) / 2, 0), line);
}

static void keys_read(CursesDisplay *d);

static void draw(void *o)
{
    CursesDisplay *d = o;
    Console *c = d->view->console;
    Frame f;
    keys_read(d); /* a new size of the terminal comes as a key */
    if (!view_take(d->view, &f))
        return;
    if (c && console_text(c, &d->text))
        show_text(&d->text);
    else
        show_size(&f);
    frame_done(&f);
    refresh();
}

/* under the leaf lock: nothing but the timer */
static void on_view(void *o)
{
    CursesDisplay *d = o;
    timer_set(&d->draw, clock_now(d->vm, CLOCK_REAL));
}

/* ---- in ---- */
static uint32_t sym_of_key(wint_t key)
{
    static const struct {
        int key;
        uint32_t sym;
    } rows[] = {
        { KEY_UP, 0xff52 },    { KEY_DOWN, 0xff54 },      { KEY_LEFT, 0xff51 },
        { KEY_RIGHT, 0xff53 }, { KEY_HOME, 0xff50 },      { KEY_END, 0xff57 },
        { KEY_PPAGE, 0xff55 }, { KEY_NPAGE, 0xff56 },     { KEY_IC, 0xff63 },
        { KEY_DC, 0xffff },    { KEY_BACKSPACE, 0xff08 }, { KEY_ENTER, 0xff8d },
        { KEY_BTAB, 0xfe20 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (rows[i].key == (int)key)
            return rows[i].sym;
    return key >= KEY_F(1) && key <= KEY_F(12) ? 0xffbe + key - KEY_F(1) : 0;
}

static void send(CursesDisplay *d, uint32_t sym, bool down)
{
    InputEvent e[13];
    size_t n = keymap_event(keymap_of(d->vm), &d->keys, sym, down, 0, e);
    uint32_t ch = keysym_char(sym);
    if (down && ch >= 32 && ch != 127)
        e[n++] = (InputEvent){ IN_TEXT, 0, (int32_t)ch };
    if (n)
        (void)input_send(d->source, d->view->console ? d->view->console->number : 0, e, n);
}

/* The bytes of a terminal: what it does not say is which keys made them. */
static void press(CursesDisplay *d, wint_t ch, bool is_key, bool alt)
{
    uint32_t sym = is_key ? sym_of_key(ch) : ch < 0x100 ? ch : 0x1000000 | ch;
    bool ctrl = false;
    if (!is_key && (ch == 9 || ch == 13 || ch == 27))
        sym = 0xff00 | ch;
    else if (!is_key && (ch == 127 || ch == 8))
        sym = 0xff08;
    else if (!is_key && ch < 32) {
        sym = ch ? "abcdefghijklmnopqrstuvwxyz[\\]^_"[ch - 1] : '@';
        ctrl = true;
    }
    if (alt)
        send(d, SYM_ALT, true);
    if (ctrl)
        send(d, SYM_CTRL, true);
    send(d, sym, true);
    send(d, sym, false);
    if (ctrl)
        send(d, SYM_CTRL, false);
    if (alt)
        send(d, SYM_ALT, false);
}

static bool show_console(CursesDisplay *d, unsigned number)
{
    Console *c = console_at(d->vm, number);
    if (c) {
        input_release(d->source);
        d->keys = (KeyMapState){ .n = 0 };
        view_show(d->view, c);
    }
    return c;
}

static void keys_read(CursesDisplay *d)
{
    wint_t ch;
    int kind;
    while ((kind = get_wch(&ch)) != ERR) {
        bool alt = kind == OK && ch == 27;
        /* ESC alone is the key, with something behind it at once it is Alt */
        if (alt && (kind = get_wch(&ch)) == ERR) {
            press(d, 27, false, false);
            return;
        }
        if (kind == KEY_CODE_YES && ch == KEY_RESIZE)
            view_show(d->view, d->view->console); /* all of it is new */
        else if (!(alt && kind == OK && ch >= '1' && ch <= '9' && show_console(d, ch - '1')))
            press(d, ch, kind == KEY_CODE_YES, alt);
    }
}

static gboolean on_readable(int fd, GIOCondition cond, void *o)
{
    CursesDisplay *d = o;
    if (cond & (G_IO_HUP | G_IO_ERR)) {
        d->watch = 0;
        return G_SOURCE_REMOVE;
    }
    keys_read(d);
    return G_SOURCE_CONTINUE;
}

static bool curses_open(Vm *vm, const void *args, GError **err)
{
    struct termios before;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) < 0)
        return user_fail(err, "curses needs a terminal: standard input and output are none");
    if (char_term_in_use())
        return user_fail(err, "curses needs the terminal: put the monitor and serial ports "
                              "elsewhere than stdio");
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (!screen)
        return user_fail(err, "curses does not know this terminal: see the variable TERM");
    CursesDisplay *d = g_new0(CursesDisplay, 1);
    d->vm = vm;
    d->screen = screen;
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    colors_init();
    char_term_claim(&before);
    d->text.cells = g_array_new(FALSE, FALSE, sizeof(TextCell));
    d->source = input_source_new(vm, "curses");
    timer_init_core(&d->draw, vm, CLOCK_REAL, draw, d);
    d->view = view_new(vm, console_at(vm, 0), on_view, d);
    d->watch = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_readable, d);
    ui_of(vm)->curses = d;
    view_want(d->view, WANT_MS);
    return true;
}

static void curses_close(Vm *vm)
{
    CursesDisplay *d = ui_of(vm)->curses;
    if (d->watch)
        g_source_remove(d->watch);
    timer_free(&d->draw);
    view_free(d->view);
    input_source_free(d->source);
    g_array_unref(d->text.cells);
    endwin();
    delscreen(d->screen);
    char_term_restore();
    ui_of(vm)->curses = NULL;
    g_free(d);
}

static const DisplayDriver display_curses = {
    .name = "curses",
    .desc = "the terminal; text modes only",
    .props = DisplayArgs_rows,
    .open = curses_open,
    .close = curses_close,
};
REGISTER(display, display_curses);
