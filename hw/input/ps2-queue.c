/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two queues of a PS/2 device. Threads: machine lock. */
#include "hw/input/ps2.h"

/* clang-format off */
const Field Ps2Queue_rows[] = {
    FIELD_ARRAY(Ps2Queue, data), FIELD_ARRAY(Ps2Queue, answer),
    FIELD(Ps2Queue, head, .max = PS2_DATA - 1), FIELD(Ps2Queue, count, .max = PS2_DATA),
    FIELD(Ps2Queue, answer_head, .max = PS2_ANSWER - 1), FIELD(Ps2Queue, answer_count, .max = PS2_ANSWER),
    FIELD_PAD(Ps2Queue, pad), FIELD_END
};
/* clang-format on */

/* A host that sends commands without reading the answers loses the oldest. */
void ps2_answer(Ps2Queue *q, uint8_t byte)
{
    if (q->answer_count == PS2_ANSWER) {
        q->answer_head = (q->answer_head + 1) % PS2_ANSWER;
        q->answer_count--;
    }
    q->answer[(q->answer_head + q->answer_count++) % PS2_ANSWER] = byte;
}

unsigned ps2_room(const Ps2Queue *q)
{
    return PS2_DATA - q->count;
}

void ps2_push(Ps2Queue *q, const uint8_t *p, unsigned n)
{
    g_assert(n <= ps2_room(q));
    for (unsigned i = 0; i < n; i++)
        q->data[(q->head + q->count++) % PS2_DATA] = p[i];
}

bool ps2_pop(Ps2Queue *q, uint8_t *byte)
{
    if (q->answer_count) {
        *byte = q->answer[q->answer_head];
        q->answer_head = (q->answer_head + 1) % PS2_ANSWER;
        q->answer_count--;
        return true;
    }
    if (!q->count)
        return false;
    *byte = q->data[q->head];
    q->head = (q->head + 1) % PS2_DATA;
    q->count--;
    return true;
}

void ps2_clear(Ps2Queue *q)
{
    *q = (Ps2Queue){ .count = 0 };
}
