/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key names and numbers: 7.2's QKeyCode names, Linux evdev codes, and XT set 1 numbers (E0h: bit
 * 7). Sources: linux/input-event-codes.h; Microsoft, Keyboard Scan Code Specification, appendix C.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "ui/keymap.h"

typedef struct Key {
    const char *name;
    uint16_t code;
    uint8_t xt; /* 0: as code */
} Key;

/* clang-format off */
#define KEYS(K) \
    K("esc", KEY_ESC, 0) K("1", KEY_1, 0) K("2", KEY_2, 0) K("3", KEY_3, 0) K("4", KEY_4, 0)              \
    K("5", KEY_5, 0) K("6", KEY_6, 0) K("7", KEY_7, 0) K("8", KEY_8, 0) K("9", KEY_9, 0)                  \
    K("0", KEY_0, 0) K("minus", KEY_MINUS, 0) K("equal", KEY_EQUAL, 0) K("backspace", KEY_BACKSPACE, 0)   \
    K("tab", KEY_TAB, 0) K("q", KEY_Q, 0) K("w", KEY_W, 0) K("e", KEY_E, 0) K("r", KEY_R, 0)              \
    K("t", KEY_T, 0) K("y", KEY_Y, 0) K("u", KEY_U, 0) K("i", KEY_I, 0) K("o", KEY_O, 0)                  \
    K("p", KEY_P, 0) K("bracket_left", KEY_LEFTBRACE, 0) K("bracket_right", KEY_RIGHTBRACE, 0)            \
    K("ret", KEY_ENTER, 0) K("ctrl", KEY_LEFTCTRL, 0) K("a", KEY_A, 0) K("s", KEY_S, 0) K("d", KEY_D, 0)  \
    K("f", KEY_F, 0) K("g", KEY_G, 0) K("h", KEY_H, 0) K("j", KEY_J, 0) K("k", KEY_K, 0)                  \
    K("l", KEY_L, 0) K("semicolon", KEY_SEMICOLON, 0) K("apostrophe", KEY_APOSTROPHE, 0)                  \
    K("grave_accent", KEY_GRAVE, 0) K("shift", KEY_LEFTSHIFT, 0) K("backslash", KEY_BACKSLASH, 0)         \
    K("z", KEY_Z, 0) K("x", KEY_X, 0) K("c", KEY_C, 0) K("v", KEY_V, 0) K("b", KEY_B, 0)                  \
    K("n", KEY_N, 0) K("m", KEY_M, 0) K("comma", KEY_COMMA, 0) K("dot", KEY_DOT, 0)                       \
    K("slash", KEY_SLASH, 0) K("shift_r", KEY_RIGHTSHIFT, 0) K("kp_multiply", KEY_KPASTERISK, 0)          \
    K("asterisk", KEY_KPASTERISK, 0) K("alt", KEY_LEFTALT, 0) K("spc", KEY_SPACE, 0)                      \
    K("caps_lock", KEY_CAPSLOCK, 0) K("f1", KEY_F1, 0) K("f2", KEY_F2, 0) K("f3", KEY_F3, 0)              \
    K("f4", KEY_F4, 0) K("f5", KEY_F5, 0) K("f6", KEY_F6, 0) K("f7", KEY_F7, 0) K("f8", KEY_F8, 0)        \
    K("f9", KEY_F9, 0) K("f10", KEY_F10, 0) K("num_lock", KEY_NUMLOCK, 0)                                 \
    K("scroll_lock", KEY_SCROLLLOCK, 0) K("kp_7", KEY_KP7, 0) K("kp_8", KEY_KP8, 0)                       \
    K("kp_9", KEY_KP9, 0) K("kp_subtract", KEY_KPMINUS, 0) K("kp_4", KEY_KP4, 0) K("kp_5", KEY_KP5, 0)    \
    K("kp_6", KEY_KP6, 0) K("kp_add", KEY_KPPLUS, 0) K("kp_1", KEY_KP1, 0) K("kp_2", KEY_KP2, 0)          \
    K("kp_3", KEY_KP3, 0) K("kp_0", KEY_KP0, 0) K("kp_decimal", KEY_KPDOT, 0) K("less", KEY_102ND, 0)     \
    K("f11", KEY_F11, 0) K("f12", KEY_F12, 0) K("ro", KEY_RO, 0x73) K("hiragana", KEY_HIRAGANA, 0x77)     \
    K("henkan", KEY_HENKAN, 0x79) K("katakanahiragana", KEY_KATAKANAHIRAGANA, 0x70)                       \
    K("muhenkan", KEY_MUHENKAN, 0x7b) K("kp_enter", KEY_KPENTER, 0x9c) K("ctrl_r", KEY_RIGHTCTRL, 0x9d)   \
    K("kp_divide", KEY_KPSLASH, 0xb5) K("sysrq", KEY_SYSRQ, 0x54) K("print", KEY_SYSRQ, 0xb7)             \
    K("alt_r", KEY_RIGHTALT, 0xb8) K("lf", KEY_LINEFEED, 0x5b) K("home", KEY_HOME, 0xc7)                  \
    K("up", KEY_UP, 0xc8) K("pgup", KEY_PAGEUP, 0xc9) K("left", KEY_LEFT, 0xcb)                           \
    K("right", KEY_RIGHT, 0xcd) K("end", KEY_END, 0xcf) K("down", KEY_DOWN, 0xd0)                         \
    K("pgdn", KEY_PAGEDOWN, 0xd1) K("insert", KEY_INSERT, 0xd2) K("delete", KEY_DELETE, 0xd3)             \
    K("audiomute", KEY_MUTE, 0xa0) K("volumedown", KEY_VOLUMEDOWN, 0xae)                                  \
    K("volumeup", KEY_VOLUMEUP, 0xb0) K("power", KEY_POWER, 0xde) K("kp_equals", KEY_KPEQUAL, 0x59)       \
    K("pause", KEY_PAUSE, 0xc6) K("kp_comma", KEY_KPCOMMA, 0x7e) K("lang1", KEY_HANGEUL, 0x72)            \
    K("lang2", KEY_HANJA, 0x71) K("yen", KEY_YEN, 0x7d) K("meta_l", KEY_LEFTMETA, 0xdb)                   \
    K("meta_r", KEY_RIGHTMETA, 0xdc) K("compose", KEY_COMPOSE, 0xdd) K("menu", KEY_COMPOSE, 0xdd)         \
    K("stop", KEY_STOP, 0xe8) K("again", KEY_AGAIN, 0x85) K("props", KEY_PROPS, 0x86)                     \
    K("undo", KEY_UNDO, 0x87) K("front", KEY_FRONT, 0x8c) K("copy", KEY_COPY, 0xf8)                       \
    K("open", KEY_OPEN, 0x64) K("paste", KEY_PASTE, 0x65) K("find", KEY_FIND, 0xc1)                       \
    K("cut", KEY_CUT, 0xbc) K("help", KEY_HELP, 0xf5) K("calculator", KEY_CALC, 0xa1)                     \
    K("sleep", KEY_SLEEP, 0xdf) K("wake", KEY_WAKEUP, 0xe3) K("mail", KEY_MAIL, 0xec)                     \
    K("ac_bookmarks", KEY_BOOKMARKS, 0xe6) K("computer", KEY_COMPUTER, 0xeb)                              \
    K("ac_back", KEY_BACK, 0xea) K("ac_forward", KEY_FORWARD, 0xe9) K("audionext", KEY_NEXTSONG, 0x99)    \
    K("audioplay", KEY_PLAYPAUSE, 0xa2) K("audioprev", KEY_PREVIOUSSONG, 0x90)                            \
    K("audiostop", KEY_STOPCD, 0xa4) K("ac_home", KEY_HOMEPAGE, 0xb2) K("ac_refresh", KEY_REFRESH, 0xe7)  \
    K("mediaselect", KEY_MEDIA, 0xed)
/* clang-format on */

#define KEY_ROW(name, code, xt)  { name, code, xt },
#define KEY_NAME(name, code, xt) name,
static const Key keys[] = { KEYS(KEY_ROW) };
const char *const key_names[] = { KEYS(KEY_NAME) NULL };

int key_by_name(const char *qcode)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++)
        if (strcmp(keys[i].name, qcode) == 0)
            return keys[i].code;
    return 0;
}

int key_by_number(unsigned xt)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++)
        if ((keys[i].xt ? keys[i].xt : keys[i].code) == xt)
            return keys[i].code;
    return 0;
}
