/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC's timer: one-shot, periodic and TSC deadline (SDM 3A, 11.5.4). It counts the
 * virtual clock at 1 GHz, divided. A masked timer arms nothing: what it would read is computed
 * from the time it was started, so that an idle guest wakes nobody.
 */
#include "hw/intc/lapic-int.h"

/* Ticks of the bus clock (ns) for one count */
static unsigned lapic_divider(const LapicState *st)
{
    unsigned code = (st->divide & 3) | (st->divide >> 1 & 4);
    return code == 7 ? 1 : 2 << code;
}

static uint32_t lapic_timer_mode(const LapicState *st)
{
    return st->lvt[LVT_TIMER] & LVT_TIMER_MODE;
}

/* ns from start to the first time the count reaches 0 */
static int64_t lapic_period(const LapicState *st)
{
    return (int64_t)st->initial * lapic_divider(st);
}

/* ns since the count was started; a stream may have brought any start */
static int64_t lapic_elapsed(Lapic *a)
{
    int64_t now = clock_now(a->dev.vm, CLOCK_VIRTUAL);
    return MAX((int64_t)((uint64_t)now - (uint64_t)a->st.timer_start), 0);
}

uint32_t lapic_timer_count(Lapic *a)
{
    const LapicState *st = &a->st;
    if (!st->initial || lapic_timer_mode(st) == LVT_TIMER_DEADLINE)
        return 0;
    int64_t gone = lapic_elapsed(a), period = lapic_period(st);
    if (gone >= period) {
        if (lapic_timer_mode(st) != LVT_TIMER_PERIODIC)
            return 0;
        gone %= period;
    }
    return st->initial - gone / lapic_divider(st);
}

/* When the TSC of this vCPU will have reached the deadline, in virtual time */
static int64_t lapic_deadline_time(Lapic *a)
{
    uint64_t hz = 0, now = vcpu_tsc(a->vcpu, &hz);
    int64_t clock = clock_now(a->dev.vm, CLOCK_VIRTUAL);
    uint64_t left = a->st.tsc_deadline - now;
    if (!hz || a->st.tsc_deadline <= now)
        return clock;
    __int128 ns = (__int128)left * 1000000000 / hz + 1;
    return ns > INT64_MAX / 2 ? INT64_MAX / 2 : clock + (int64_t)ns;
}

/*
 * Next expiry in virtual time, 0 none. A one-shot that is over by now but has not fired (main is
 * late, or this thread was: the least count is 240 ns) is still to come.
 */
static int64_t lapic_next(Lapic *a, bool started)
{
    const LapicState *st = &a->st;
    if (st->lvt[LVT_TIMER] & LVT_MASKED)
        return 0;
    if (lapic_timer_mode(st) == LVT_TIMER_DEADLINE)
        return st->tsc_deadline ? lapic_deadline_time(a) : 0;
    if (!st->initial)
        return 0;
    int64_t period = lapic_period(st), gone = lapic_elapsed(a);
    if (lapic_timer_mode(st) == LVT_TIMER_PERIODIC)
        return (int64_t)((uint64_t)st->timer_start + (uint64_t)(gone / period + 1) * period);
    return gone < period || started || st->deadline
               ? (int64_t)((uint64_t)st->timer_start + (uint64_t)period)
               : 0;
}

/* locked; started: the count has just been written */
static void lapic_timer_arm(Lapic *a, bool started)
{
    int64_t next = lapic_next(a, started);
    if (next)
        timer_set(&a->timer, next);
    else
        timer_cancel(&a->timer);
}

static void lapic_timer_rearm(Lapic *a)
{
    vm_lock(a->dev.vm);
    lapic_timer_arm(a, false);
    vm_unlock(a->dev.vm);
}

/* main, locked */
static void lapic_timer_fire(void *o)
{
    Lapic *a = o;
    LapicState *st = &a->st;
    uint32_t mode = lapic_timer_mode(st);
    if (mode == LVT_TIMER_DEADLINE) {
        uint64_t hz;
        if (vcpu_tsc(a->vcpu, &hz) < st->tsc_deadline) {
            lapic_timer_arm(a, false); /* the clocks differ by a hair */
            return;
        }
        lapic_put(st->tsc_deadline, 0);
    }
    lapic_local(a, LVT_TIMER);
    if (mode == LVT_TIMER_PERIODIC)
        lapic_timer_arm(a, false);
}

void lapic_timer_start(Lapic *a, uint32_t initial)
{
    if (lapic_timer_mode(&a->st) == LVT_TIMER_DEADLINE)
        return;
    vm_lock(a->dev.vm);
    a->st.initial = initial;
    a->st.timer_start = clock_now(a->dev.vm, CLOCK_VIRTUAL);
    lapic_timer_arm(a, true);
    vm_unlock(a->dev.vm);
}

void lapic_timer_divide(Lapic *a, uint32_t val)
{
    vm_lock(a->dev.vm);
    a->st.divide = val & 0xb;
    lapic_timer_arm(a, false);
    vm_unlock(a->dev.vm);
}

void lapic_timer_deadline(Lapic *a, uint64_t tsc)
{
    if (lapic_timer_mode(&a->st) != LVT_TIMER_DEADLINE)
        return;
    vm_lock(a->dev.vm);
    lapic_put(a->st.tsc_deadline, tsc);
    lapic_timer_arm(a, false);
    vm_unlock(a->dev.vm);
}

/* A change between TSC deadline and the counting modes disarms the timer. */
void lapic_timer_lvt(Lapic *a, uint32_t old)
{
    uint32_t now = a->st.lvt[LVT_TIMER];
    if (!((old ^ now) & (LVT_TIMER_MODE | LVT_MASKED)))
        return;
    if ((old ^ now) & LVT_TIMER_DEADLINE) {
        a->st.initial = 0;
        lapic_put(a->st.tsc_deadline, 0);
    }
    lapic_timer_rearm(a);
}

void lapic_timer_stop(Lapic *a)
{
    vm_lock(a->dev.vm);
    timer_cancel(&a->timer);
    vm_unlock(a->dev.vm);
}

void lapic_timer_init(Lapic *a)
{
    timer_init(&a->timer, &a->dev, CLOCK_VIRTUAL, &a->st.deadline, lapic_timer_fire, a);
}
