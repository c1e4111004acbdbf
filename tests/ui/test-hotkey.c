/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hot keys of displays: what is taken from the guest, and that every taken press stays taken. */
#include "ui/hotkey.h"

#include <glib.h>
#include <linux/input-event-codes.h>

static void expect(HotKeys *h, unsigned code, uint32_t sym, bool down, HotKeyKind kind, unsigned n)
{
    HotKey key = hotkey_event(h, code, sym, down);
    g_assert_cmpint(key.kind, ==, kind);
    if (kind == HOTKEY_CONSOLE || kind == HOTKEY_WINDOW)
        g_assert_cmpuint(key.number, ==, n);
}

static void ctrl_alt(HotKeys *h, bool down)
{
    expect(h, KEY_LEFTCTRL, 0, down, HOTKEY_NONE, 0);
    expect(h, KEY_RIGHTALT, 0, down, HOTKEY_NONE, 0);
}

static void test_console(void)
{
    HotKeys h = { 0 };
    expect(&h, KEY_2, 0, true, HOTKEY_NONE, 0);
    expect(&h, KEY_2, 0, false, HOTKEY_NONE, 0);
    ctrl_alt(&h, true);
    g_assert_true(hotkey_armed(&h));
    for (unsigned i = 0; i < 9; i++) {
        expect(&h, KEY_1 + i, 0, true, HOTKEY_CONSOLE, i);
        expect(&h, KEY_1 + i, 0, true, HOTKEY_SWALLOW, 0);
        expect(&h, KEY_1 + i, 0, false, HOTKEY_SWALLOW, 0);
    }
    expect(&h, KEY_F, 0, true, HOTKEY_NONE, 0); /* not a window */
    expect(&h, KEY_F, 0, false, HOTKEY_NONE, 0);
    expect(&h, KEY_3, 0, true, HOTKEY_CONSOLE, 2);
    ctrl_alt(&h, false);
    g_assert_false(hotkey_armed(&h));
    expect(&h, KEY_3, 0, false, HOTKEY_SWALLOW, 0); /* released last */
    expect(&h, KEY_3, 0, true, HOTKEY_NONE, 0);
}

/* a viewer without scancodes, and one whose digits lie elsewhere */
static void test_symbols(void)
{
    HotKeys h = { 0 };
    ctrl_alt(&h, true);
    expect(&h, 0, '2', true, HOTKEY_CONSOLE, 1);
    expect(&h, KEY_N, 'n', true, HOTKEY_NONE, 0); /* code 49 is the symbol '1' in numbers only */
    expect(&h, 0, '2', false, HOTKEY_SWALLOW, 0);
    expect(&h, KEY_KP3, '3', true, HOTKEY_CONSOLE, 2);
    expect(&h, KEY_KP3, '3', false, HOTKEY_SWALLOW, 0);
    expect(&h, KEY_1, '&', true, HOTKEY_CONSOLE, 0);
    expect(&h, 0, 0xffbe, true, HOTKEY_NONE, 0);
}

static void test_chords(void)
{
    HotKeys h = { .chord = HOTKEY_RCTRL, .window = true };
    ctrl_alt(&h, true);
    expect(&h, KEY_G, 0, true, HOTKEY_NONE, 0);
    ctrl_alt(&h, false);
    expect(&h, KEY_RIGHTCTRL, 0, true, HOTKEY_NONE, 0);
    expect(&h, KEY_G, 0, true, HOTKEY_WINDOW, KEY_G);
    expect(&h, KEY_X, 0, true, HOTKEY_NONE, 0);

    h = (HotKeys){ .chord = HOTKEY_SHIFT_CTRL_ALT, .window = true };
    ctrl_alt(&h, true);
    expect(&h, KEY_F, 0, true, HOTKEY_NONE, 0);
    expect(&h, KEY_RIGHTSHIFT, 0, true, HOTKEY_NONE, 0);
    expect(&h, KEY_F, 0, true, HOTKEY_WINDOW, KEY_F);
    hotkey_reset(&h);
    expect(&h, KEY_F, 0, true, HOTKEY_NONE, 0);
}

/* more fingers than we remember: no more hot keys, nothing lost */
static void test_many(void)
{
    HotKeys h = { 0 };
    ctrl_alt(&h, true);
    for (unsigned i = 0; i < 9; i++)
        expect(&h, KEY_1 + i, 0, true, HOTKEY_CONSOLE, i);
    for (unsigned i = 0; i < 8; i++)
        expect(&h, KEY_1 + i, 0, false, HOTKEY_SWALLOW, 0);
    for (int i = 0; i < 100000; i++)
        hotkey_event(&h, g_random_int_range(0, 0x300), g_random_int(), g_random_boolean());
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hotkey/console", test_console);
    g_test_add_func("/hotkey/symbols", test_symbols);
    g_test_add_func("/hotkey/chords", test_chords);
    g_test_add_func("/hotkey/many", test_many);
    return g_test_run();
}
