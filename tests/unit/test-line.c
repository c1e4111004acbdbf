/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line editor against a small terminal of our own: what the user sees must be the prompt and
 * the text with the cursor in the right column, whatever was typed.
 */
#include "util/line.h"

#include <glib.h>
#include <string.h>

enum { WIDTH = 8192 };

typedef struct Screen {
    LineEdit *l;
    char row[WIDTH + 1]; /* the line the cursor is on */
    size_t col, end;
    GString *above; /* finished rows */
    GPtrArray *lines;
    bool hold; /* no new prompt after a line */
    int esc, param;
} Screen;

static void screen_byte(Screen *s, uint8_t c)
{
    if (s->esc == 1) {
        g_assert_cmpint(c, ==, '[');
        s->esc = 2;
        s->param = 0;
    } else if (s->esc == 2) {
        if (g_ascii_isdigit(c)) {
            s->param = s->param * 10 + c - '0';
            return;
        }
        s->esc = 0;
        size_t n = s->param ? (size_t)s->param : 1;
        if (c == 'D') {
            g_assert_cmpuint(n, <=, s->col);
            s->col -= n;
        } else if (c == 'C') {
            s->col += n;
            g_assert_cmpuint(s->col, <=, s->end);
        } else if (c == 'K') {
            s->end = s->col;
        } else if (c == 'J') {
            s->end = s->col = 0;
        } else {
            g_assert_cmpint(c, ==, 'H');
        }
    } else if (c == 27) {
        s->esc = 1;
    } else if (c == '\r') {
        s->col = 0;
    } else if (c == '\n') {
        g_string_append_len(s->above, s->row, (gssize)s->end);
        g_string_append_c(s->above, '\n');
        s->col = s->end = 0;
    } else if ((c & 0xc0) != 0x80) { /* one cell a character; its first byte stands for it */
        g_assert_cmpuint(s->col, <, WIDTH);
        s->row[s->col++] = (char)c;
        s->end = MAX(s->end, s->col);
    }
}

static void out(void *o, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        screen_byte(o, (uint8_t)p[i]);
}

static void line(void *o, const char *text)
{
    Screen *s = o;
    g_ptr_array_add(s->lines, g_strdup(text));
    if (!s->hold)
        line_prompt(s->l, "> ", false);
}

static char **complete(void *o, const char *text, size_t cursor, size_t *start)
{
    static const char *const known[] = { "info", "info chardev", "info cpus", "stop",
                                         "system_reset" };
    g_autofree char *before = g_strndup(text, cursor);
    GPtrArray *words = g_ptr_array_new();
    const char *blank = strrchr(before, ' ');
    *start = blank ? (size_t)(blank + 1 - before) : 0;
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (g_str_has_prefix(known[i], before)) {
            const char *w = known[i] + *start;
            if (!strchr(w, ' '))
                g_ptr_array_add(words, g_strdup(w));
        }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static const LineOps ops = { out, line, complete };

static Screen *screen_new(void)
{
    Screen *s = g_new0(Screen, 1);
    s->above = g_string_new(NULL);
    s->lines = g_ptr_array_new_with_free_func(g_free);
    s->l = line_new(&ops, s);
    line_prompt(s->l, "> ", false);
    return s;
}

static void screen_free(Screen *s)
{
    line_free(s->l);
    g_string_free(s->above, TRUE);
    g_ptr_array_unref(s->lines);
    g_free(s);
}

static void type(Screen *s, const char *keys)
{
    size_t n = strlen(keys);
    g_assert_cmpuint(line_feed(s->l, (const uint8_t *)keys, n), ==, n);
}

static void shows(Screen *s, const char *row, size_t col)
{
    s->row[s->end] = 0;
    g_assert_cmpstr(s->row, ==, row);
    g_assert_cmpuint(s->col, ==, col);
}

static const char *last(Screen *s)
{
    return s->lines->len ? s->lines->pdata[s->lines->len - 1] : "(none)";
}

static void test_typing(void)
{
    Screen *s = screen_new();
    type(s, "abc");
    shows(s, "> abc", 5);
    type(s, "\033[D\033[DX");
    shows(s, "> aXbc", 4);
    type(s, "\177");
    shows(s, "> abc", 3);
    type(s, "\001Z\005!");
    shows(s, "> Zabc!", 7);
    type(s, "\033[H\033[3~\033OF");
    shows(s, "> abc!", 6);
    type(s, "\r");
    g_assert_cmpstr(last(s), ==, "abc!");
    shows(s, "> ", 2);
    g_assert_cmpstr(s->above->str, ==, "> abc!\n");
    screen_free(s);
}

static void test_keys(void)
{
    Screen *s = screen_new();
    type(s, "one two three\027");
    shows(s, "> one two ", 10);
    type(s, "\025");
    shows(s, "> ", 2);
    type(s, "\031");
    shows(s, "> one two ", 10);
    type(s, "\001\013x\031");
    shows(s, "> xone two ", 11);
    type(s, "\033b\033b");
    shows(s, "> xone two ", 2);
    type(s, "\033f\033d");
    shows(s, "> xone ", 6);
    type(s, "\003ab\024");
    shows(s, "> ba", 4);
    type(s, "\033[1;5D\033[99Z\033[200~\004");
    shows(s, "> a", 2);
    type(s, "\014");
    shows(s, "> a", 2);
    screen_free(s);
}

/* One line end each: LF, CR, CR LF, CR NUL. */
static void test_line_ends(void)
{
    Screen *s = screen_new();
    g_assert_cmpuint(line_feed(s->l, (const uint8_t *)"a\nb\rc\r\nd\r\0e\n", 12), ==, 12);
    g_assert_cmpuint(s->lines->len, ==, 5);
    g_assert_cmpstr(last(s), ==, "e");
    screen_free(s);
}

static void test_utf8(void)
{
    Screen *s = screen_new();
    type(s, "a\303");
    type(s, "\244b");
    g_assert_cmpuint(s->col, ==, 5);
    type(s, "\033[D\177");
    shows(s, "> ab", 3);
    type(s, "\n");
    g_assert_cmpstr(last(s), ==, "ab");
    screen_free(s);
}

static void test_history(void)
{
    Screen *s = screen_new();
    type(s, "one\ntwo\none\n\nthr");
    type(s, "\033[A");
    shows(s, "> one", 5);
    type(s, "\033[A");
    shows(s, "> two", 5);
    type(s, "\033[A\033[A");
    shows(s, "> two", 5);
    type(s, "\033[B\033[B\033[B");
    shows(s, "> thr", 5);
    g_assert_cmpstr(line_history(s->l, 0), ==, "two");
    g_assert_cmpstr(line_history(s->l, 1), ==, "one");
    g_assert_null(line_history(s->l, 2));
    type(s, "\003");
    for (int i = 0; i < 100; i++) {
        g_autofree char *n = g_strdup_printf("n%d\n", i);
        type(s, n);
    }
    g_assert_cmpstr(line_history(s->l, 63), ==, "n99");
    g_assert_null(line_history(s->l, 64));
    screen_free(s);
}

static void test_complete(void)
{
    Screen *s = screen_new();
    type(s, "in\t");
    shows(s, "> info ", 7);
    type(s, "c\t");
    shows(s, "> info c", 8);
    g_assert_nonnull(strstr(s->above->str, "chardev  cpus"));
    type(s, "p\t");
    shows(s, "> info cpus ", 12);
    type(s, "\003zzz\t");
    shows(s, "> zzz", 5);
    type(s, "\003s\t");
    shows(s, "> s", 3);
    screen_free(s);
}

/* Asterisks only; not in the history; the line's end is taken with it; nothing after it is read. */
static void test_hidden(void)
{
    Screen *s = screen_new();
    s->hold = true;
    type(s, "change\r");
    line_prompt(s->l, "Password: ", true);
    g_assert_cmpuint(line_feed(s->l, (const uint8_t *)"\nse\177\tcret\nstop\n", 15), ==, 10);
    g_assert_cmpstr(last(s), ==, "scret");
    g_assert_nonnull(strstr(s->above->str, "Password: *****\n"));
    g_assert_null(strstr(s->above->str, "cret"));
    g_assert_null(line_history(s->l, 1));
    line_prompt(s->l, "> ", false);
    type(s, "\033[A");
    shows(s, "> change", 8);
    screen_free(s);
}

static void test_output(void)
{
    Screen *s = screen_new();
    type(s, "half");
    line_output(s->l, "news\r\n", 6);
    shows(s, "> half", 6);
    line_output(s->l, "more", 4);
    shows(s, "> half", 6);
    g_assert_cmpstr(s->above->str, ==, "news\nmore\n");
    screen_free(s);
}

static void test_long(void)
{
    Screen *s = screen_new();
    for (int i = 0; i < 10000; i++)
        type(s, "x");
    type(s, "\n");
    g_assert_cmpuint(strlen(last(s)), ==, 4095);
    screen_free(s);
}

/* Whatever comes in, the terminal above never sees a cursor outside its text. */
static void test_garbage(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(7);
    for (int round = 0; round < 200; round++) {
        Screen *s = screen_new();
        for (int i = 0; i < 300; i++) {
            uint8_t buf[16];
            size_t n = (size_t)g_rand_int_range(r, 1, 16);
            for (size_t k = 0; k < n; k++) {
                buf[k] = (uint8_t)g_rand_int_range(r, 0, 256);
                if (g_rand_boolean(r))
                    buf[k] &= 31;
                if (k && buf[k - 1] == 27)
                    buf[k] = '[';
            }
            line_feed(s->l, buf, n);
        }
        screen_free(s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/line/typing", test_typing);
    g_test_add_func("/line/keys", test_keys);
    g_test_add_func("/line/ends", test_line_ends);
    g_test_add_func("/line/utf8", test_utf8);
    g_test_add_func("/line/history", test_history);
    g_test_add_func("/line/complete", test_complete);
    g_test_add_func("/line/hidden", test_hidden);
    g_test_add_func("/line/output", test_output);
    g_test_add_func("/line/long", test_long);
    g_test_add_func("/line/garbage", test_garbage);
    return g_test_run();
}
