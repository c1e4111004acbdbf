/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PS/2 keyboard and mouse: chips behind the ports of an i8042. Bytes for the host wait in two
 * queues: answers to commands first, then keys or motion. The controller takes them one by one
 * with ps2_pop() whenever it has room, after changed() told it that there is something.
 */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include "core/device.h"
#include "ui/console.h"

enum { PS2_DATA = 64, PS2_ANSWER = 8 };

typedef struct Ps2Queue {
    uint8_t data[PS2_DATA], answer[PS2_ANSWER];
    uint8_t head, count, answer_head, answer_count;
    uint8_t pad[4];
} Ps2Queue;
extern const Field Ps2Queue_rows[];

typedef struct Ps2KeyboardState {
    Ps2Queue q;
    uint8_t command; /* waits for its parameter, 0 none */
    uint8_t set;     /* 1 or 2 */
    uint8_t leds, rate, modifiers;
    bool scanning;
    uint8_t pad[2];
} Ps2KeyboardState;
extern const Field Ps2KeyboardState_rows[];

typedef struct Ps2MouseState {
    Ps2Queue q;
    int32_t dx, dy, dz; /* not reported yet; dy up, dz down are positive */
    uint8_t command, status, resolution, rate, id;
    uint8_t knock; /* sample rates of the wheel knock heard so far */
    uint8_t buttons, sent_buttons;
    bool wrap;
    uint8_t pad[3];
} Ps2MouseState;
extern const Field Ps2MouseState_rows[];

typedef struct Ps2Keyboard {
    Device *dev;
    Ps2KeyboardState *st;
    InputHandler *handler;
    void (*changed)(Device *);
} Ps2Keyboard;

typedef struct Ps2Mouse {
    Device *dev;
    Ps2MouseState *st;
    InputHandler *handler;
    void (*changed)(Device *);
} Ps2Mouse;

void ps2_keyboard_init(Ps2Keyboard *, Device *, Ps2KeyboardState *, void (*changed)(Device *));
void ps2_keyboard_reset(Ps2Keyboard *);
void ps2_keyboard_write(Ps2Keyboard *, uint8_t);

void ps2_mouse_init(Ps2Mouse *, Device *, Ps2MouseState *, void (*changed)(Device *));
void ps2_mouse_reset(Ps2Mouse *);
void ps2_mouse_write(Ps2Mouse *, uint8_t);

/* false: nothing waits. The pop of a device makes room: its input goes on. */
bool ps2_keyboard_pop(Ps2Keyboard *, uint8_t *);
bool ps2_mouse_pop(Ps2Mouse *, uint8_t *);

/* set 2 -> set 1, one byte without its F0 */
uint8_t ps2_translate(uint8_t code);

/* ps2-queue.c */
void ps2_answer(Ps2Queue *, uint8_t);
unsigned ps2_room(const Ps2Queue *);
void ps2_push(Ps2Queue *, const uint8_t *, unsigned n); /* n <= ps2_room() */
bool ps2_pop(Ps2Queue *, uint8_t *);
void ps2_clear(Ps2Queue *);

#endif
