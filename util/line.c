/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line editor: keys in, a line and screen updates out. Keys are those of 7.2's monitor and the
 * usual Emacs ones; sequences are ECMA-48's (CSI, SS3) and Meta as an ESC prefix. Text is UTF-8,
 * one column a character. The screen is updated by difference: `shown` is what stands behind the
 * prompt now. A line longer than the terminal is wide wraps, but the cursor cannot go back over the
 * wrap: CSI D stops at the margin.
 */
#include "util/line.h"

#include <glib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4095, HISTORY_MAX = 64, SCREEN_COLUMNS = 80 };

typedef enum { IN_TEXT, IN_ESC, IN_CSI, IN_SS3 } InputMode;

struct LineEdit {
    const LineOps *ops;
    void *o;
    char *prompt;
    bool active, hidden, after_cr;
    GString *text;
    size_t cursor; /* in bytes, on a character's first byte */
    GString *shown;
    size_t shown_cursor; /* in characters */
    GPtrArray *history;
    size_t browse;    /* index into history; its length: the line being typed */
    char *unfinished; /* the line being typed while another one is browsed */
    char *killed;
    InputMode mode;
    unsigned param[2], n_params; /* of a CSI sequence */
};

LineEdit *line_new(const LineOps *ops, void *o)
{
    LineEdit *l = g_new0(LineEdit, 1);
    l->ops = ops;
    l->o = o;
    l->text = g_string_new(NULL);
    l->shown = g_string_new(NULL);
    l->history = g_ptr_array_new_with_free_func(g_free);
    return l;
}

static void line_wipe(GString *s)
{
    explicit_bzero(s->str, s->allocated_len);
    g_string_truncate(s, 0);
}

void line_free(LineEdit *l)
{
    if (!l)
        return;
    line_wipe(l->text);
    g_string_free(l->text, TRUE);
    g_string_free(l->shown, TRUE);
    g_ptr_array_unref(l->history);
    g_free(l->unfinished);
    g_free(l->killed);
    g_free(l->prompt);
    g_free(l);
}

static void line_out(LineEdit *l, const char *s)
{
    l->ops->out(l->o, s, strlen(s));
}

/* ---- characters: anything that is not a UTF-8 continuation byte begins one ---- */

static bool is_continuation(char c)
{
    return (c & 0xc0) == 0x80;
}

static size_t line_columns(const char *p, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0; i < n; i++)
        columns += !is_continuation(p[i]);
    return columns;
}

static size_t line_before(const LineEdit *l, size_t at)
{
    while (at && is_continuation(l->text->str[--at]))
        ;
    return at;
}

static size_t line_after(const LineEdit *l, size_t at)
{
    if (at < l->text->len)
        at++;
    while (at < l->text->len && is_continuation(l->text->str[at]))
        at++;
    return at;
}

static bool is_word(char c)
{
    return g_ascii_isalnum(c) || c == '_' || c & 0x80;
}

static size_t line_word_before(const LineEdit *l, size_t at)
{
    const char *s = l->text->str;
    while (at && !is_word(s[at - 1]))
        at--;
    while (at && is_word(s[at - 1]))
        at--;
    return at;
}

static size_t line_word_after(const LineEdit *l, size_t at)
{
    const char *s = l->text->str;
    while (at < l->text->len && !is_word(s[at]))
        at++;
    while (at < l->text->len && is_word(s[at]))
        at++;
    return at;
}

/* ---- the screen ---- */

static void line_move(LineEdit *l, size_t to)
{
    char seq[32];
    size_t from = l->shown_cursor;
    if (to == from)
        return;
    g_snprintf(seq, sizeof(seq), "\033[%zu%c", to < from ? from - to : to - from,
               to < from ? 'D' : 'C');
    line_out(l, seq);
    l->shown_cursor = to;
}

/* Makes the screen show text and cursor, writing only from the first difference on. */
static void line_update(LineEdit *l)
{
    g_autoptr(GString) want = g_string_new(NULL);
    if (l->hidden)
        for (size_t n = line_columns(l->text->str, l->text->len); n; n--)
            g_string_append_c(want, '*');
    else
        g_string_append_len(want, l->text->str, l->text->len);

    size_t same = 0;
    while (same < want->len && same < l->shown->len && want->str[same] == l->shown->str[same])
        same++;
    while (same && same < want->len && is_continuation(want->str[same]))
        same--;
    size_t end = line_columns(want->str, want->len);
    if (same < want->len || same < l->shown->len) {
        line_move(l, line_columns(want->str, same));
        l->ops->out(l->o, want->str + same, want->len - same);
        if (line_columns(l->shown->str, l->shown->len) > end)
            line_out(l, "\033[K");
        l->shown_cursor = end;
        g_string_assign(l->shown, want->str);
    }
    line_move(l, line_columns(l->text->str, l->cursor));
}

void line_redraw(LineEdit *l)
{
    if (!l->active)
        return;
    line_out(l, l->prompt);
    g_string_truncate(l->shown, 0);
    l->shown_cursor = 0;
    line_update(l);
}

void line_output(LineEdit *l, const char *p, size_t n)
{
    if (!n)
        return;
    if (!l->active) {
        l->ops->out(l->o, p, n);
        return;
    }
    line_out(l, "\r\033[K");
    l->ops->out(l->o, p, n);
    if (p[n - 1] != '\n')
        line_out(l, "\r\n");
    line_redraw(l);
}

void line_abandon(LineEdit *l)
{
    line_wipe(l->text);
    l->cursor = 0;
    l->active = l->after_cr = false;
}

void line_prompt(LineEdit *l, const char *prompt, bool hidden)
{
    g_free(l->prompt);
    l->prompt = g_strdup(prompt);
    l->hidden = hidden;
    l->active = true;
    l->mode = IN_TEXT;
    line_wipe(l->text);
    l->cursor = 0;
    l->browse = l->history->len;
    g_clear_pointer(&l->unfinished, g_free);
    line_redraw(l);
}

/* ---- editing ---- */

static void line_insert(LineEdit *l, const char *p, size_t n)
{
    if (l->text->len + n > LINE_MAX_BYTES)
        return;
    g_string_insert_len(l->text, (gssize)l->cursor, p, (gssize)n);
    l->cursor += n;
}

static void line_cut(LineEdit *l, size_t from, size_t to, bool keep)
{
    if (keep && to > from && !l->hidden) {
        g_free(l->killed);
        l->killed = g_strndup(l->text->str + from, to - from);
    }
    g_string_erase(l->text, (gssize)from, (gssize)(to - from));
    l->cursor = from;
}

static void line_set(LineEdit *l, const char *text)
{
    g_string_assign(l->text, text);
    l->cursor = l->text->len;
}

/* The word before the cursor as 7.2's C-w sees it: up to a blank. */
static size_t line_blank_before(const LineEdit *l)
{
    size_t at = l->cursor;
    while (at && g_ascii_isspace(l->text->str[at - 1]))
        at--;
    while (at && !g_ascii_isspace(l->text->str[at - 1]))
        at--;
    return at;
}

static void line_swap(LineEdit *l)
{
    size_t at = l->cursor == l->text->len ? line_before(l, l->cursor) : l->cursor;
    size_t before = line_before(l, at), after = line_after(l, at);
    if (!at || after == at)
        return;
    g_autofree char *second = g_strndup(l->text->str + at, after - at);
    g_string_erase(l->text, (gssize)at, (gssize)(after - at));
    g_string_insert(l->text, (gssize)before, second);
    l->cursor = after;
}

/* ---- history ---- */

const char *line_history(const LineEdit *l, size_t i)
{
    return i < l->history->len ? l->history->pdata[i] : NULL;
}

/* A line entered again moves to the end. */
static void history_add(LineEdit *l, const char *text)
{
    if (!*text)
        return;
    for (guint i = 0; i < l->history->len; i++)
        if (strcmp(l->history->pdata[i], text) == 0) {
            g_ptr_array_remove_index(l->history, i);
            break;
        }
    if (l->history->len == HISTORY_MAX)
        g_ptr_array_remove_index(l->history, 0);
    g_ptr_array_add(l->history, g_strdup(text));
}

static void history_go(LineEdit *l, int by)
{
    if (l->hidden || (by < 0 && !l->browse) || (by > 0 && l->browse == l->history->len))
        return;
    if (l->browse == l->history->len) {
        g_free(l->unfinished);
        l->unfinished = g_strdup(l->text->str);
    }
    l->browse += (size_t)(ssize_t)by;
    line_set(l, l->browse < l->history->len ? l->history->pdata[l->browse] : l->unfinished);
}

/* ---- completion ---- */

static size_t common_prefix(char **words)
{
    size_t n = strlen(words[0]);
    for (char **w = words + 1; *w; w++) {
        size_t same = 0;
        while (same < n && (*w)[same] == words[0][same])
            same++;
        n = same;
    }
    while (n && is_continuation(words[0][n]))
        n--;
    return n;
}

static void complete_list(LineEdit *l, char **words)
{
    size_t width = 0, columns, at = 0;
    for (char **w = words; *w; w++)
        width = MAX(width, line_columns(*w, strlen(*w)));
    width += 2;
    columns = MAX(SCREEN_COLUMNS / width, 1);
    line_out(l, "\r\n");
    for (char **w = words; *w; w++) {
        line_out(l, *w);
        if (++at % columns == 0 || !w[1]) {
            line_out(l, "\r\n");
            continue;
        }
        for (size_t n = line_columns(*w, strlen(*w)); n < width; n++)
            line_out(l, " ");
    }
    line_redraw(l);
}

static void line_complete(LineEdit *l)
{
    size_t start = l->cursor;
    if (l->hidden || !l->ops->complete)
        return;
    g_auto(GStrv) words = l->ops->complete(l->o, l->text->str, l->cursor, &start);
    if (!words || !words[0] || start > l->cursor)
        return;
    size_t n = common_prefix(words), typed = l->cursor - start;
    bool longer = n > typed;
    if (longer || !words[1]) {
        line_cut(l, start, l->cursor, false);
        line_insert(l, words[0], n);
    }
    if (!words[1]) {
        if (!n || !strchr("/-=,:", words[0][n - 1]))
            line_insert(l, " ", 1);
    } else if (!longer) {
        complete_list(l, words);
    }
}

/* ---- keys ---- */

static void line_end(LineEdit *l)
{
    bool hidden = l->hidden;
    g_autofree char *text = g_strdup(l->text->str);
    size_t len = l->text->len;

    l->cursor = len;
    line_update(l);
    line_out(l, "\r\n");
    l->active = false;
    line_wipe(l->text);
    l->cursor = 0;
    if (!hidden)
        history_add(l, text);
    l->ops->line(l->o, text);
    if (hidden)
        explicit_bzero(text, len);
}

static void key_csi(LineEdit *l, uint8_t c)
{
    bool word = l->param[1] == 3 || l->param[1] == 5; /* with Alt or Ctrl */
    switch (c) {
    case 'A': history_go(l, -1); break;
    case 'B': history_go(l, 1); break;
    case 'C': l->cursor = word ? line_word_after(l, l->cursor) : line_after(l, l->cursor); break;
    case 'D': l->cursor = word ? line_word_before(l, l->cursor) : line_before(l, l->cursor); break;
    case 'H': l->cursor = 0; break;
    case 'F': l->cursor = l->text->len; break;
    case '~':
        if (l->param[0] == 1 || l->param[0] == 7)
            l->cursor = 0;
        else if (l->param[0] == 4 || l->param[0] == 8)
            l->cursor = l->text->len;
        else if (l->param[0] == 3)
            line_cut(l, l->cursor, line_after(l, l->cursor), false);
        break;
    }
}

static void key_meta(LineEdit *l, uint8_t c)
{
    switch (c) {
    case 'b': l->cursor = line_word_before(l, l->cursor); break;
    case 'f': l->cursor = line_word_after(l, l->cursor); break;
    case 'd': line_cut(l, l->cursor, line_word_after(l, l->cursor), true); break;
    case 8:
    case 127: line_cut(l, line_word_before(l, l->cursor), l->cursor, true); break;
    }
}

static void key_clear_screen(LineEdit *l)
{
    line_out(l, "\033[2J\033[H");
    line_redraw(l);
}

static void key_control(LineEdit *l, uint8_t c)
{
    switch (c) {
    case 1: l->cursor = 0; break;                                           /* C-a */
    case 2: l->cursor = line_before(l, l->cursor); break;                   /* C-b */
    case 3: line_cut(l, 0, l->text->len, false); break;                     /* C-c */
    case 4: line_cut(l, l->cursor, line_after(l, l->cursor), false); break; /* C-d */
    case 5: l->cursor = l->text->len; break;                                /* C-e */
    case 6: l->cursor = line_after(l, l->cursor); break;                    /* C-f */
    case 8:
    case 127: line_cut(l, line_before(l, l->cursor), l->cursor, false); break; /* backspace */
    case 9: line_complete(l); break;                                           /* tab */
    case 11: line_cut(l, l->cursor, l->text->len, true); break;                /* C-k */
    case 12: key_clear_screen(l); break;                                       /* C-l */
    case 14: history_go(l, 1); break;                                          /* C-n */
    case 16: history_go(l, -1); break;                                         /* C-p */
    case 20: line_swap(l); break;                                              /* C-t */
    case 21: line_cut(l, 0, l->cursor, true); break;                           /* C-u */
    case 23: line_cut(l, line_blank_before(l), l->cursor, true); break;        /* C-w */
    case 25:
        line_insert(l, l->killed ? l->killed : "", l->killed ? strlen(l->killed) : 0);
        break; /* C-y */
    case 27: l->mode = IN_ESC; break;
    }
}

/* One byte of an escape sequence. Unknown ones are swallowed whole, never shown. */
static void key_sequence(LineEdit *l, uint8_t c)
{
    switch (l->mode) {
    case IN_ESC:
        l->param[0] = l->param[1] = l->n_params = 0;
        l->mode = c == '[' ? IN_CSI : c == 'O' ? IN_SS3 : c == 27 ? IN_ESC : IN_TEXT;
        if (l->mode == IN_TEXT)
            key_meta(l, c);
        break;
    case IN_CSI:
        if (g_ascii_isdigit(c)) {
            unsigned *p = &l->param[MIN(l->n_params, 1)];
            *p = MIN(*p * 10 + (c - '0'), 9999);
        } else if (c == ';') {
            l->n_params++;
        } else if (c >= 0x40 || c < 0x20) {
            l->mode = IN_TEXT;
            key_csi(l, c);
        }
        break;
    case IN_SS3:
        l->mode = IN_TEXT;
        key_csi(l, c);
        break;
    case IN_TEXT: break;
    }
}

size_t line_feed(LineEdit *l, const uint8_t *p, size_t n)
{
    size_t used = 0;
    while (used < n && l->active) {
        uint8_t c = p[used++];
        /* CR LF and telnet's CR NUL are one line end, also when the next prompt is a password's */
        bool rest = l->after_cr && (c == '\n' || c == 0);
        l->after_cr = false;
        if (rest)
            continue;
        if (l->mode != IN_TEXT) {
            key_sequence(l, c);
        } else if (c == '\r' || c == '\n') {
            l->after_cr = c == '\r';
            line_end(l);
            continue;
        } else if (c < 32 || c == 127) {
            key_control(l, c);
        } else {
            size_t k = used - 1;
            while (used < n && p[used] >= 32 && p[used] != 127)
                used++;
            /* a whole run at once: a pasted line is one screen update */
            line_insert(l, (const char *)p + k, MIN(used - k, LINE_MAX_BYTES - l->text->len));
        }
        if (l->active)
            line_update(l);
    }
    return used;
}
