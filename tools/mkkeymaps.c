/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes ui/keymap-table.c from the keyboard layouts of xkb-data, by libxkbcommon:
 *     gcc -o mkkeymaps tools/mkkeymaps.c $(pkg-config --cflags --libs xkbcommon)
 *     ./mkkeymaps > ui/keymap-table.c
 * No build runs it: the table is in the tree. A key has up to four levels (plain, Shift, AltGr,
 * both); a level is a Unicode character, or a dead key as X11 keysym | KEYMAP_DEAD.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon.h>

static const struct {
    const char *lang, *layout, *variant, *model;
} languages[] = {
    { "ar", "ara", "", "pc105" },          { "bepo", "fr", "bepo", "pc105" },
    { "cz", "cz", "", "pc105" },           { "da", "dk", "", "pc105" },
    { "de", "de", "nodeadkeys", "pc105" }, { "de-ch", "ch", "", "pc105" },
    { "en-gb", "gb", "", "pc105" },        { "en-us", "us", "", "pc105" },
    { "es", "es", "", "pc105" },           { "et", "ee", "", "pc105" },
    { "fi", "fi", "", "pc105" },           { "fo", "fo", "", "pc105" },
    { "fr", "fr", "nodeadkeys", "pc105" }, { "fr-be", "be", "", "pc105" },
    { "fr-ca", "ca", "", "pc105" },        { "fr-ch", "ch", "fr", "pc105" },
    { "hr", "hr", "", "pc105" },           { "hu", "hu", "", "pc105" },
    { "is", "is", "", "pc105" },           { "it", "it", "", "pc105" },
    { "ja", "jp", "", "jp106" },           { "lt", "lt", "", "pc105" },
    { "lv", "lv", "", "pc105" },           { "mk", "mk", "", "pc105" },
    { "nl", "nl", "", "pc105" },           { "no", "no", "", "pc105" },
    { "pl", "pl", "", "pc105" },           { "pt", "pt", "", "pc105" },
    { "pt-br", "br", "", "pc105" },        { "ru", "ru", "", "pc105" },
    { "sl", "si", "", "pc105" },           { "sv", "se", "", "pc105" },
    { "th", "th", "", "pc105" },           { "tr", "tr", "", "pc105" },
};
enum { N_LANGUAGES = sizeof(languages) / sizeof(languages[0]), EVDEV_OFFSET = 8, DEAD = 0x2000000 };

/* one item of a table, on a line of at most 100 columns; NULL ends the line */
static void put(const char *item)
{
    static size_t col;
    if (col && (!item || col + strlen(item) + 1 > 100)) {
        printf("\n");
        col = 0;
    }
    if (item)
        col += (size_t)printf("%s%s", col ? " " : "    ", item);
}

static int is_pad(unsigned code)
{
    return code == 55 || (code >= 71 && code <= 83) || code == 96 || code == 98 || code == 117 ||
           code == 118 || code == 121;
}

static uint32_t value_of(xkb_keysym_t sym)
{
    uint32_t ch = xkb_keysym_to_utf32(sym);
    if (sym >= XKB_KEY_dead_grave && sym <= 0xfe93)
        return DEAD | sym;
    return ch >= 0x20 && ch != 0x7f && !(ch >= 0x80 && ch < 0xa0) ? ch : 0;
}

static uint32_t sym_under(struct xkb_state *st, xkb_keycode_t key, xkb_mod_mask_t mods)
{
    xkb_state_update_mask(st, mods, 0, 0, 0, 0, 0);
    return value_of(xkb_state_key_get_one_sym(st, key));
}

static void print_layout(struct xkb_context *ctx, unsigned i)
{
    struct xkb_rule_names names = { "evdev", languages[i].model, languages[i].layout,
                                    languages[i].variant, "" };
    struct xkb_keymap *map = xkb_keymap_new_from_names(ctx, &names, 0);
    if (!map) {
        fprintf(stderr, "no layout %s\n", languages[i].layout);
        exit(1);
    }
    struct xkb_state *st = xkb_state_new(map);
    xkb_mod_mask_t shift = 1u << xkb_keymap_mod_get_index(map, XKB_MOD_NAME_SHIFT);
    xkb_mod_mask_t altgr = 1u << xkb_keymap_mod_get_index(map, "Mod5");
    printf("static const LayoutKey keys_%u[] = { /* %s */\n", i, languages[i].lang);
    for (unsigned code = 1; code < 128; code++) {
        char item[80];
        xkb_mod_mask_t mods[4] = { 0, shift, altgr, shift | altgr };
        uint32_t sym[4];
        if (is_pad(code))
            continue;
        for (int l = 0; l < 4; l++)
            sym[l] = sym_under(st, code + EVDEV_OFFSET, mods[l]);
        if (!sym[0] && !sym[1])
            continue;
        /* a level that a modifier does not change is no level of its own */
        if (sym[3] == sym[2] || sym[3] == sym[1])
            sym[3] = 0;
        if (sym[2] == sym[0])
            sym[2] = 0;
        if (sym[1] == sym[0])
            sym[1] = 0;
        snprintf(item, sizeof(item), "{ %u, { 0x%x, 0x%x, 0x%x, 0x%x } },", code, sym[0], sym[1],
                 sym[2], sym[3]);
        put(item);
    }
    put("{ 0, { 0, 0, 0, 0 } },");
    put(NULL);
    printf("};\n");
    xkb_state_unref(st);
    xkb_keymap_unref(map);
}

/* keysyms of before Unicode: everything that is neither Latin-1 nor 01xxxxxxh nor a function key */
static void print_legacy(void)
{
    printf("\nconst LegacySym keymap_legacy[] = {\n");
    for (xkb_keysym_t sym = 0x100; sym < 0x2100; sym++) {
        uint32_t ch = xkb_keysym_to_utf32(sym);
        char item[40];
        snprintf(item, sizeof(item), "{ 0x%x, 0x%x },", sym, ch);
        if (ch)
            put(item);
    }
    put(NULL);
    printf("};\nconst unsigned keymap_legacy_count = "
           "sizeof(keymap_legacy) / sizeof(keymap_legacy[0]);\n");
}

int main(void)
{
    struct xkb_context *ctx = xkb_context_new(0);
    printf(
        "/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
        "/*\n"
        " * Written by tools/mkkeymaps.c from xkb-data 2.35.1: do not edit. What each key makes,\n"
        " * plain, with Shift, with AltGr, with both: a Unicode character, a dead key, or 0.\n"
        " */\n"
        "#include \"ui/keymap-int.h\"\n\n"
        "/* clang-format off */\n");
    for (unsigned i = 0; i < N_LANGUAGES; i++)
        print_layout(ctx, i);
    printf("\nconst KeyMap keymap_all[] = {\n");
    for (unsigned i = 0; i < N_LANGUAGES; i++)
        printf("    { \"%s\", keys_%u },\n", languages[i].lang, i);
    printf("};\nconst unsigned keymap_count = sizeof(keymap_all) / sizeof(keymap_all[0]);\n");
    print_legacy();
    printf("/* clang-format on */\n");
    xkb_context_unref(ctx);
    return 0;
}
