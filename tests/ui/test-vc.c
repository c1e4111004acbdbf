/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal of a text console, without its console: cells, history, keys, and hostile bytes. */
#include <limits.h>
#include <linux/input-event-codes.h>
#include <string.h>

#include "config.h"
#include "ui/font.h"
#include "ui/vc-int.h"

static GString *replies;
static unsigned changes, bells;

static void on_reply(void *o, const char *p, size_t n)
{
    if (replies->len < 1 << 16)
        g_string_append_len(replies, p, (gssize)n);
}
static void on_changed(void *o)
{
    changes++;
}
static void on_bell(void *o)
{
    bells++;
}
static const VcScreenOps ops = { on_reply, on_changed, on_bell };

static VcScreen *screen(unsigned cols, unsigned rows)
{
    g_string_set_size(replies, 0);
    bells = 0;
    return vc_screen_new(cols, rows, &ops, NULL);
}

static void say(VcScreen *s, const char *text)
{
    vc_screen_write(s, (const uint8_t *)text, strlen(text));
}

/* a shown row as UTF-8, blanks at its end cut */
static char *row(VcScreen *s, unsigned y)
{
    unsigned cols, rows;
    vc_screen_size(s, &cols, &rows);
    g_autofree VcCell *cells = g_new(VcCell, cols);
    g_autoptr(GString) text = g_string_new(NULL);
    vc_screen_row(s, y, cells);
    for (unsigned x = 0; x < cols; x++)
        g_string_append_unichar(text, cells[x].ch);
    return g_strchomp(g_strdup(text->str));
}

static void expect(VcScreen *s, unsigned y, const char *want)
{
    g_autofree char *got = row(s, y);
    g_assert_cmpstr(got, ==, want);
}

static VcCell cell(VcScreen *s, unsigned x, unsigned y)
{
    VcCell cells[VC_COLS_MAX];
    vc_screen_row(s, y, cells);
    return cells[x];
}

static void test_text(void)
{
    VcScreen *s = screen(20, 4);
    say(s, "hello\r\nw\303\266r\342\224\200ld");
    expect(s, 0, "hello");
    expect(s, 1, "wör─ld");
    say(s, "\033[2;1Hx\033[K\033[4;18Habcdef\007");
    expect(s, 0, "x");
    expect(s, 2, "                 abc");
    expect(s, 3, "def");
    g_assert_cmpuint(bells, ==, 1);
    vc_screen_free(s);
}

static void test_colors(void)
{
    VcScreen *s = screen(20, 4);
    say(s, "a\033[31mb\033[1mc\033[44md\033[0;7me\033[0;1;4mf\033[0m");
    g_assert_cmphex(cell(s, 0, 0).fg, ==, 0xaaaaaa);
    g_assert_cmphex(cell(s, 1, 0).fg, ==, 0xaa0000);
    g_assert_cmphex(cell(s, 2, 0).fg, ==, 0xff5555);
    g_assert_cmphex(cell(s, 3, 0).bg, ==, 0x0000aa);
    g_assert_cmphex(cell(s, 4, 0).fg, ==, 0);
    g_assert_cmphex(cell(s, 4, 0).bg, ==, 0xaaaaaa);
    g_assert_cmphex(cell(s, 5, 0).fg, ==, 0xffffff | VC_UNDERLINE);
    g_assert_cmpuint(cell(s, 6, 0).fg >> VC_CURSOR_SHIFT, ==, VC_BLOCK);
    say(s, "\033[?25l");
    g_assert_cmpuint(cell(s, 6, 0).fg >> VC_CURSOR_SHIFT, ==, VC_NO_CURSOR);
    vc_screen_free(s);
}

static void test_history(void)
{
    VcScreen *s = screen(20, 4);
    for (int i = 1; i <= 1000; i++) {
        g_autofree char *line = g_strdup_printf("line %d\r\n", i);
        say(s, line);
    }
    expect(s, 0, "line 998");
    vc_screen_scroll(s, 1);
    expect(s, 0, "line 997");
    expect(s, 3, "line 1000");
    say(s, "more\r\n"); /* who looks back keeps what he looks at */
    expect(s, 0, "line 997");
    vc_screen_scroll(s, INT_MAX);
    expect(s, 0, "line 487");
    expect(s, 3, "line 490");
    vc_screen_resize(s, 30, 6);
    vc_screen_scroll(s, 2);
    vc_screen_scroll(s, INT_MIN);
    expect(s, 3, "");
    expect(s, 2, "more");
    vc_screen_resize(s, 10, 2);
    expect(s, 0, "more");
    vc_screen_free(s);
}

static void keys(VcScreen *s, unsigned code, VcMods mods, const char *want)
{
    g_string_set_size(replies, 0);
    g_assert_cmpint(vc_screen_key(s, code, mods), ==, want != NULL);
    g_assert_cmpstr(replies->str, ==, want ? want : "");
}

static void test_keys(void)
{
    VcScreen *s = screen(20, 4);
    keys(s, KEY_ENTER, 0, "\r");
    keys(s, KEY_KPENTER, VC_CTRL, "\r");
    keys(s, KEY_BACKSPACE, VC_SHIFT, "\177");
    keys(s, KEY_TAB, 0, "\t");
    keys(s, KEY_TAB, VC_SHIFT, "\033[Z");
    keys(s, KEY_ESC, 0, "\033");
    keys(s, KEY_UP, 0, "\033[A");
    keys(s, KEY_HOME, 0, "\033[H");
    keys(s, KEY_DELETE, 0, "\033[3~");
    keys(s, KEY_F1, 0, "\033OP");
    keys(s, KEY_F12, 0, "\033[24~");
    keys(s, KEY_A, 0, NULL);
    keys(s, KEY_LEFTMETA, 0, NULL);
    keys(s, 70000, 0, NULL);
    say(s, "\033[?1h");
    keys(s, KEY_UP, 0, "\033OA");
    say(s, "\033[6n");
    g_assert_cmpstr(replies->str, ==, "\033OA\033[1;1R");
    vc_screen_free(s);
}

/* what libvterm must never see, and what becomes of it */
static void test_filter(void)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "a\302\237b", "a\357\277\275b" },             /* C1 as UTF-8 */
        { "a\237b", "a\357\277\275b" },                 /* C1 as a byte */
        { "a\314\201b", "ab" },                         /* combining acute */
        { "\346\274\242", "\357\277\275\357\277\275" }, /* wide */
        { "\300\200\355\240\200\364\220\200\200", "\357\277\275\357\277\275" },
        { "\342\224x", "\357\277\275x" },
        { "\342\224\200", "\342\224\200" },
        { "\033\nP\033\030P", "\033\n]\033\030P" },
        { "\033PP\033[P", "\033]P\033[P" }, /* no DCS */
    };
    char out[64];
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        VcFilter f = { 0 };
        size_t n = 0;
        /* byte by byte: state is kept between calls */
        for (const char *p = rows[i].in; *p; p++)
            n += vc_filter(&f, (const uint8_t *)p, 1, out + n);
        if (i != 4)
            g_assert_cmpmem(out, n, rows[i].out, strlen(rows[i].out));
        g_assert_true(g_utf8_validate(out, (gssize)n, NULL));
    }
}

/* every glyph is one cell to libvterm, as the filter promises */
static void test_font(void)
{
    VcScreen *s = screen(20, 4);
    unsigned x, y;
    for (unsigned i = 0; i < font_count; i++) {
        char text[16] = "\033[2J\033[H";
        if (i)
            g_assert_cmpuint(font_glyphs[i - 1].ch, <, font_glyphs[i].ch);
        g_assert_true(font_glyph(font_glyphs[i].ch) == &font_glyphs[i]);
        text[7 + g_unichar_to_utf8(font_glyphs[i].ch, text + 7)] = 0;
        say(s, text);
        g_assert_true(vc_screen_cursor(s, &x, &y));
        g_assert_cmpuint(x, ==, 1);
    }
    g_assert_null(font_glyph(0));
    g_assert_null(font_glyph(0x6f22));
    vc_screen_free(s);
}

static void random_bytes(GRand *r, uint8_t *p, size_t n)
{
    static const char finals[] =
        "0123456789;:?>!$ \"ABCDEFGHIJKLMPSTXZ`abcdefghilmnpqrsu()#%@\n\r\b\t";
    for (size_t i = 0; i < n; i++) {
        unsigned what = g_rand_int(r) % 100;
        if (what < 12)
            p[i] = 27;
        else if (what < 22)
            p[i] = '[';
        else if (what < 70)
            p[i] = (uint8_t)finals[g_rand_int(r) % (sizeof(finals) - 1)];
        else if (what < 72)
            p[i] = "]P_^X"[g_rand_int(r) % 5];
        else if (what < 76)
            p[i] = "\016\017\033\\"[g_rand_int(r) % 4];
        else
            p[i] = (uint8_t)g_rand_int(r);
    }
}

static void test_hostile(void)
{
    static const char *const starts[] = {
        "\033[9999999999b",
        "\033[4h\302\237L",
        "\033[2147483647L",
        "\033[2147483647P",
        "\033[2147483647@",
        "\033[-1;99999r",
        "\033#6\033[?69h\033[5;2s\033[99C\033[99X",
    };
    unsigned seed = g_test_rand_int();
    g_autoptr(GRand) r = g_rand_new_with_seed(seed);
    uint8_t bytes[4096];
    VcCell cells[VC_COLS_MAX];
    VcScreen *s = screen(80, 24);
    for (unsigned i = 0; i < G_N_ELEMENTS(starts); i++)
        say(s, starts[i]);
    for (int round = 0; round < (g_test_slow() ? 20000 : 600); round++) {
        random_bytes(r, bytes, sizeof(bytes));
        vc_screen_write(s, bytes, sizeof(bytes));
        if (round % 7 == 0)
            vc_screen_resize(s, g_rand_int_range(r, 2, 100), g_rand_int_range(r, 1, 60));
        if (round % 5 == 0)
            vc_screen_scroll(s, g_rand_int_range(r, -600, 600));
        vc_screen_key(s, g_rand_int_range(r, 0, 200), g_rand_int_range(r, 0, 8));
        unsigned cols, rows;
        vc_screen_size(s, &cols, &rows);
        for (unsigned y = 0; y < rows; y++)
            vc_screen_row(s, y, cells);
    }
    vc_screen_free(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    replies = g_string_new(NULL);
#ifdef CONFIG_VTERM
    g_test_add_func("/vc/text", test_text);
    g_test_add_func("/vc/colors", test_colors);
    g_test_add_func("/vc/history", test_history);
    g_test_add_func("/vc/keys", test_keys);
    g_test_add_func("/vc/filter", test_filter);
    g_test_add_func("/vc/font", test_font);
    g_test_add_func("/vc/hostile", test_hostile);
#endif
    return g_test_run();
}
