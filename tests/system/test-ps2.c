/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key and mouse events from the front of the house to the bytes at ports 60h and 64h. */
#include <linux/input-event-codes.h>
#include <stdio.h>

#include "tests/system/pc-vm.h"

static Vm *vm;
static InputSource *src;

static uint8_t in(uint16_t port)
{
    return space_io(vm->io, port, 0, 1, false);
}
static void out(uint16_t port, uint8_t val)
{
    space_io(vm->io, port, val, 1, true);
}

/* Lets the main loop hand out what input_send() queued, then reads port 60h dry, as hex. */
static const char *bytes(void)
{
    static char text[1024];
    unsigned n = 0;
    for (unsigned i = 0; i < 20; i++)
        vm_loop_once(vm, false);
    while ((in(0x64) & 1) && n < sizeof(text) - 4) {
        n += sprintf(text + n, "%s%02x", n ? " " : "", in(0x60));
        vm_loop_once(vm, false);
    }
    text[n] = 0;
    return text;
}

static void send(InputKind kind, uint16_t code, int value)
{
    InputEvent e[2] = { { kind, code, value }, { IN_SYNC, 0, 0 } };
    g_assert_true(input_send(src, 0, e, 2));
}

static const char *press(uint16_t key)
{
    send(IN_KEY, key, 1);
    send(IN_KEY, key, 0);
    return bytes();
}

static void mouse_cmd(uint8_t val)
{
    out(0x64, 0xd4);
    out(0x60, val);
    bytes();
}

static void machine_up(void)
{
    vm = pc_vm_new(1);
    vm_complete(vm);
    g_assert_true(vm_start(vm, NULL));
    src = input_source_new(vm, "test");
    out(0x64, 0x60);
    out(0x60, 0x04); /* no interrupts, no translation */
    bytes();
}

static void test_set2(void)
{
    g_assert_cmpstr(press(KEY_A), ==, "1c f0 1c");
    g_assert_cmpstr(press(KEY_F7), ==, "83 f0 83");
    g_assert_cmpstr(press(KEY_LEFT), ==, "e0 6b e0 f0 6b");
    g_assert_cmpstr(press(KEY_KPENTER), ==, "e0 5a e0 f0 5a");
    g_assert_cmpstr(press(KEY_PAUSE), ==, "e1 14 77 e1 f0 14 f0 77");
    g_assert_cmpstr(press(KEY_SYSRQ), ==, "e0 12 e0 7c e0 f0 7c e0 f0 12");
}

static void test_translated(void)
{
    out(0x64, 0x60);
    out(0x60, 0x44);
    g_assert_cmpstr(press(KEY_A), ==, "1e 9e");
    g_assert_cmpstr(press(KEY_ESC), ==, "01 81");
    g_assert_cmpstr(press(KEY_F7), ==, "41 c1");
    g_assert_cmpstr(press(KEY_F12), ==, "58 d8");
    g_assert_cmpstr(press(KEY_102ND), ==, "56 d6");
    g_assert_cmpstr(press(KEY_DELETE), ==, "e0 53 e0 d3");
    g_assert_cmpstr(press(KEY_LEFTMETA), ==, "e0 5b e0 db");
    g_assert_cmpstr(press(KEY_PAUSE), ==, "e1 1d 45 e1 9d c5");
    g_assert_cmpstr(press(KEY_SYSRQ), ==, "e0 2a e0 37 e0 b7 e0 aa");
    send(IN_KEY, KEY_LEFTALT, 1);
    g_assert_cmpstr(bytes(), ==, "38");
    g_assert_cmpstr(press(KEY_SYSRQ), ==, "54 d4");
    send(IN_KEY, KEY_LEFTALT, 0);
    g_assert_cmpstr(bytes(), ==, "b8");
    send(IN_KEY, KEY_LEFTCTRL, 1);
    bytes();
    g_assert_cmpstr(press(KEY_PAUSE), ==, "e0 46 e0 c6");
    send(IN_KEY, KEY_LEFTCTRL, 0);
    bytes();
    for (unsigned key = KEY_1; key <= KEY_SPACE; key++) { /* evdev follows set 1 here */
        g_autofree char *want = g_strdup_printf("%02x %02x", key, key | 0x80);
        g_assert_cmpstr(press(key), ==, want);
    }
}

/* A guest that does not look: nothing is lost, nothing overtakes. */
static void test_full(void)
{
    GString *want = g_string_new(NULL), *got = g_string_new(NULL);
    for (unsigned i = 0; i < 100; i++) {
        uint16_t key = KEY_Q + i % 10;
        send(IN_KEY, key, 1);
        send(IN_KEY, key, 0);
        g_string_append_printf(want, "%s%02x %02x", want->len ? " " : "", key, key | 0x80);
        if (input_pending(src) > 180)
            break;
    }
    for (;;) {
        const char *more = bytes();
        if (!*more)
            break;
        g_string_append_printf(got, "%s%s", got->len ? " " : "", more);
    }
    g_assert_cmpstr(got->str, ==, want->str);
    g_string_free(want, true);
    g_string_free(got, true);
}

static void test_mouse(void)
{
    mouse_cmd(0xf4);
    send(IN_REL, REL_X, 5);
    g_assert_cmpstr(bytes(), ==, "08 05 00");
    send(IN_REL, REL_Y, 3); /* down is negative here */
    g_assert_cmpstr(bytes(), ==, "28 00 fd");
    send(IN_BUTTON, BTN_LEFT, 1);
    g_assert_cmpstr(bytes(), ==, "09 00 00");
    send(IN_BUTTON, BTN_LEFT, 0);
    send(IN_BUTTON, BTN_RIGHT, 1);
    g_assert_cmpstr(bytes(), ==, "08 00 00 0a 00 00");
    send(IN_BUTTON, BTN_RIGHT, 0);
    bytes();
    send(IN_REL, REL_X, -300); /* more than one packet holds */
    g_assert_cmpstr(bytes(), ==, "18 00 00 18 d4 00");
    static const uint8_t knock[] = { 0xf5, 0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf4 };
    for (unsigned i = 0; i < sizeof(knock); i++)
        mouse_cmd(knock[i]);
    send(IN_REL, REL_WHEEL, 1);
    g_assert_cmpstr(bytes(), ==, "08 00 00 ff");
    send(IN_REL, REL_WHEEL, -2);
    g_assert_cmpstr(bytes(), ==, "08 00 00 02");
    mouse_cmd(0xf5);
    send(IN_REL, REL_X, 50);
    g_assert_cmpstr(bytes(), ==, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_up();
    g_test_add_func("/ps2/set2", test_set2);
    g_test_add_func("/ps2/translated", test_translated);
    g_test_add_func("/ps2/full", test_full);
    g_test_add_func("/ps2/mouse", test_mouse);
    int status = g_test_run();
    pc_vm_free(vm);
    return status;
}
