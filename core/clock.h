/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our GPollFunc drops the machine lock around ppoll() with ns time-outs (GLib's own poll fires
 * a 200 us timer 0.9 ms late: measured)
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "core/types.h"

typedef enum { CLOCK_HOST, CLOCK_REAL, CLOCK_VIRTUAL } ClockId;
typedef struct Timer {
    int64_t *deadline, key;
    int64_t own; /* timer_init_core: what deadline points to */
    void (*fn)(void *);
    void *o;
    Device *owner;
    ClockId clock;
    uint64_t seq;
    unsigned heap_pos;        /* 0: not armed */
    struct TimerQueue *queue; /* of its home; core/clock.c's */
    Vm *vm;
} Timer;

/* any; ns; the only clock device code reads */
int64_t clock_now(Vm *, ClockId);
void timer_init(Timer *, Device *, ClockId, int64_t *deadline, void (*fn)(void *), void *o);

/*
 * ui, monitor, chardev: no device, no state; deadline is its own key; reset does not touch it.
 * Main key: the heap's own copy; zeroing and loading write *deadline only while the timer is
 * disarmed. *deadline lives in the state part (0 = idle): saved as a Field, cancelled by the
 * zeroing of reset, re-armed by the core after load. No post_load for timers.
 */
void timer_init_core(Timer *, Vm *, ClockId, void (*fn)(void *), void *o);

/*
 * in the owner's home (main: locked); fn there too, never inside timer_set; FIFO among equals;
 * what is due when a round begins runs in it: a timer re-armed for the past waits for the next
 * round
 */
void timer_set(Timer *, int64_t deadline_ns);
void timer_cancel(Timer *);

/* gone for good: disarmed and forgotten. Devices need not: the core does it for theirs */
void timer_free(Timer *);

/* locked; when the first of main's virtual timers is due; INT64_MAX: none */
int64_t clock_next(Vm *);

/* locked; -accel qtest: runs the due timers in order before it returns */
void clock_step(Vm *, int64_t to_ns);

#endif
