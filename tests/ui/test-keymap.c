/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every symbol of every language, typed by a client that holds nothing, Shift, AltGr or both: a
 * guest with that layout must get the character, and afterwards its modifiers as the client has
 * them. The guest is a model of a keyboard driver with dead keys.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "ui/keymap-int.h"

enum { SYM_SHIFT_L = 0xffe1, SYM_SHIFT_R, SYM_CONTROL = 0xffe3, SYM_ALTGR = 0xfe03 };

typedef struct Guest {
    const KeyMap *map;
    bool held[KEY_CNT], caps;
    uint32_t dead, got; /* got: the last character; 0: none */
    unsigned typed;
} Guest;

static uint32_t compose(uint32_t dead, uint32_t ch)
{
    static const struct {
        uint16_t sym, spacing, mark;
    } rows[] = { { 0xfe50, '`', 0x300 },   { 0xfe51, 0xb4, 0x301 },  { 0xfe52, '^', 0x302 },
                 { 0xfe53, '~', 0x303 },   { 0xfe54, 0xaf, 0x304 },  { 0xfe55, 0x2d8, 0x306 },
                 { 0xfe56, 0x2d9, 0x307 }, { 0xfe57, 0xa8, 0x308 },  { 0xfe58, 0x2da, 0x30a },
                 { 0xfe59, 0x2dd, 0x30b }, { 0xfe5a, 0x2c7, 0x30c }, { 0xfe5b, 0xb8, 0x327 },
                 { 0xfe5c, 0x2db, 0x328 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        gunichar both = 0;
        if ((KEYMAP_DEAD | rows[i].sym) != dead)
            continue;
        if (ch == ' ')
            return rows[i].spacing;
        return g_unichar_compose(ch, rows[i].mark, &both) ? both : 0;
    }
    return 0;
}

static uint32_t guest_level(const Guest *g, const LayoutKey *k)
{
    bool shift = g->held[KEY_LEFTSHIFT] || g->held[KEY_RIGHTSHIFT];
    unsigned altgr = g->held[KEY_RIGHTALT] ? 2 : 0;
    bool letter = k->level[0] != k->level[1] && g_unichar_tolower(k->level[1]) == k->level[0];
    if (g->caps && letter && !altgr)
        shift = !shift;
    unsigned level = altgr | shift;
    /* a level that a key does not have is the one below */
    while (level && !k->level[level])
        level = level == 3 ? 2 : 0;
    return k->level[level];
}

static void guest_key(Guest *g, unsigned code, bool down)
{
    g->held[code] = down;
    for (const LayoutKey *k = g->map->keys; down && k->code; k++) {
        if (k->code != code)
            continue;
        uint32_t ch = guest_level(g, k);
        if (ch & KEYMAP_DEAD) {
            g->dead = ch;
            return;
        }
        g->got = g->dead ? compose(g->dead, ch) : ch;
        g->dead = 0;
        g->typed++;
    }
}

static size_t send(Guest *g, const KeyMap *m, KeyMapState *st, uint32_t sym, bool down)
{
    InputEvent e[12];
    size_t n = keymap_event(m, st, sym, down, g->caps ? 1 << LED_CAPSL : 0, e);
    g_assert_cmpuint(n, <=, 12);
    for (size_t i = 0; i < n; i++) {
        g_assert_cmpint(e[i].kind, ==, IN_KEY);
        guest_key(g, e[i].code, e[i].value);
    }
    return n;
}

static uint32_t sym_of(uint32_t value)
{
    if (value & KEYMAP_DEAD)
        return value & ~(uint32_t)KEYMAP_DEAD;
    return value < 0x100 ? value : 0x1000000 | value;
}

static const uint32_t *const holdings[] = {
    (const uint32_t[]){ 0 },
    (const uint32_t[]){ SYM_SHIFT_L, 0 },
    (const uint32_t[]){ SYM_SHIFT_R, 0 },
    (const uint32_t[]){ SYM_SHIFT_L, SYM_SHIFT_R, 0 },
    (const uint32_t[]){ SYM_ALTGR, 0 },
    (const uint32_t[]){ SYM_SHIFT_R, SYM_ALTGR, 0 },
};

/* typed as `want` whatever is held */
static void type(const KeyMap *guest, const KeyMap *m, uint32_t sym, uint32_t want, bool caps)
{
    for (unsigned h = 0; h < G_N_ELEMENTS(holdings); h++) {
        Guest g = { .map = guest, .caps = caps };
        KeyMapState st = { .n = 0 };
        bool before[KEY_CNT];
        for (const uint32_t *mod = holdings[h]; *mod; mod++)
            send(&g, m, &st, *mod, true);
        memcpy(before, g.held, sizeof(before));
        g_assert_cmpuint(send(&g, m, &st, sym, true), >, 0);
        if (want & KEYMAP_DEAD)
            g_assert_cmphex(g.dead, ==, want);
        else if (g.got != want || g.typed != 1)
            g_error("%s: symbol %x under %u made %x (%u)", m->name, sym, h, g.got, g.typed);
        g_assert_cmpuint(send(&g, m, &st, sym, false), ==, 1);
        g_assert_cmpmem(before, sizeof(before), g.held, sizeof(before));
        for (const uint32_t *mod = holdings[h]; *mod; mod++)
            send(&g, m, &st, *mod, false);
        for (unsigned code = 0; code < KEY_CNT; code++)
            g_assert_false(g.held[code]);
        g_assert_cmpuint(st.n, ==, 0);
        g_assert_cmpuint(st.mods, ==, 0);
    }
}

static void test_language(const void *o)
{
    const KeyMap *m = o;
    for (const LayoutKey *k = m->keys; k->code; k++)
        for (unsigned level = 0; level < 4; level++)
            if (k->level[level]) {
                type(m, m, sym_of(k->level[level]), k->level[level], false);
                type(m, m, sym_of(k->level[level]), k->level[level], true);
            }
    /* all of ASCII, on the layout or where en-us has it */
    for (uint32_t ch = ' '; ch < 0x7f; ch++) {
        const KeyMap *guest = m;
        Guest g = { .map = m };
        KeyMapState st = { .n = 0 };
        send(&g, m, &st, ch, true);
        if (g.got != ch)
            guest = keymap_get("en-us", NULL);
        type(guest, m, ch, ch, false);
    }
}

static void test_languages(void)
{
    static const char *const names =
        "ar bepo cz da de de-ch en-gb en-us es et fi fo fr fr-be fr-ca fr-ch hr hu is it ja lt lv "
        "mk nl no pl pt pt-br ru sl sv th tr\n";
    g_autoptr(GError) err = NULL;
    g_autofree char *all = keymap_languages();
    g_assert_cmpstr(all, ==, names);
    g_assert_null(keymap_get("xx", &err));
    g_assert_nonnull(strstr(err->message, "'xx'; known languages: ar bepo"));
}

static void expect(const char *lang, uint32_t sym, const char *want)
{
    InputEvent e[12];
    KeyMapState st = { .n = 0 };
    g_autoptr(GString) got = g_string_new(NULL);
    size_t n = keymap_event(keymap_get(lang, NULL), &st, sym, true, 0, e);
    for (size_t i = 0; i < n; i++)
        g_string_append_printf(got, "%s%d%s", i ? " " : "", e[i].code, e[i].value ? "" : "-");
    g_assert_cmpstr(got->str, ==, want);
}

static void test_symbols(void)
{
    expect("en-us", '_', "42 12 42-");
    expect("en-us", '>', "42 52 42-");
    expect("de", '@', "100 16 100-");
    expect("fr", '1', "42 2 42-");
    expect("fr", '&', "2");
    expect("es", '^', "42 26 26- 42- 57"); /* a dead key and space */
    expect("ru", 0x6c6, "30");             /* Cyrillic_ef, before Unicode */
    expect("ru", 0x1000444, "30");         /* the same, Unicode */
    expect("ru", 'a', "30");               /* Latin, where en-us has it */
    expect("en-us", 0xff0d, "28");
    expect("en-us", 0xfe20, "42 15 42-"); /* ISO_Left_Tab */
    expect("en-us", 0xffb7, "71");
    expect("en-us", 0x20ac, "");
    expect("de", 0x20ac, "100 18 100-");
    expect("en-us", 0, "");
    expect("en-us", 0xffffffff, "");
    g_assert_cmphex(keysym_char(0x20ac), ==, 0x20ac);
    g_assert_cmphex(keysym_char(0x6c6), ==, 0x444);
    g_assert_cmphex(keysym_char(0xffab), ==, '+');
    g_assert_cmphex(keysym_char(0x1d800), ==, 0);
}

/* 'A' down, Shift up, 'a' up releases the key that 'A' pressed; short cuts are left alone */
static void test_releases(void)
{
    const KeyMap *m = keymap_get("en-us", NULL);
    Guest g = { .map = m };
    KeyMapState st = { .n = 0 };
    send(&g, m, &st, SYM_SHIFT_L, true);
    send(&g, m, &st, 'A', true);
    g_assert_true(g.held[KEY_A]);
    send(&g, m, &st, SYM_SHIFT_L, false);
    g_assert_cmpuint(send(&g, m, &st, 'a', false), ==, 1);
    g_assert_false(g.held[KEY_A]);
    g_assert_cmpuint(send(&g, m, &st, 'a', false), ==, 0);

    send(&g, m, &st, SYM_CONTROL, true);
    send(&g, m, &st, SYM_SHIFT_L, true);
    InputEvent e[12];
    g_assert_cmpuint(keymap_event(m, &st, 'c', true, 0, e), ==, 1); /* Shift stays */
}

/* more symbols down than we remember: no press without a release */
static void test_many(void)
{
    const KeyMap *m = keymap_get("de", NULL);
    g_autoptr(GRand) r = g_rand_new_with_seed(1);
    Guest g = { .map = m };
    KeyMapState st = { .n = 0 };
    for (uint32_t sym = ' '; sym < 0x250; sym++)
        send(&g, m, &st, sym, true);
    g_assert_cmpuint(st.n, <=, 64);
    for (int i = 0; i < 20000; i++) {
        uint32_t sym = g_rand_int(r);
        if (sym & 1)
            sym = sym & 2 ? sym >> 24 : 0xfe00 | (sym >> 23);
        send(&g, m, &st, sym, g_rand_boolean(r));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keymap/languages", test_languages);
    g_test_add_func("/keymap/symbols", test_symbols);
    g_test_add_func("/keymap/releases", test_releases);
    g_test_add_func("/keymap/many", test_many);
    for (unsigned i = 0; i < keymap_count; i++) {
        g_autofree char *path = g_strconcat("/keymap/language/", keymap_all[i].name, NULL);
        g_test_add_data_func(path, &keymap_all[i], test_language);
    }
    return g_test_run();
}
