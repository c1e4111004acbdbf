/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clocks and timers. A home has one binary heap a clock, ordered by (key, seq): equal deadlines
 * fire in the order they were set. key is the heap's own copy of *deadline, which lives in the
 * device's state where reset zeroes it and load overwrites it.
 * A queue belongs to its home's thread; main's is under the machine lock, so a vCPU may set a timer
 * of main and then wakes it.
 */
#include "core/clock.h"

#include <time.h>

#include "core/vm-int.h"

/* heap_pos of a timer that this round still has to run: its index in queue->due, marked. */
#define DUE 0x80000000u

static int64_t now_of(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int64_t virtual_now(VirtualClock *c)
{
    for (;;) {
        unsigned seq = atomic_load(&c->seq);
        bool ticks = atomic_load(&c->running) && !atomic_load(&c->stepped);
        int64_t now = atomic_load(&c->offset) + (ticks ? now_of(CLOCK_MONOTONIC) : 0);
        if (!(seq & 1) && seq == atomic_load(&c->seq))
            return now;
    }
}

int64_t clock_now(Vm *vm, ClockId id)
{
    switch (id) {
    case CLOCK_HOST: return now_of(CLOCK_REALTIME);
    case CLOCK_REAL: return now_of(CLOCK_MONOTONIC);
    default: return virtual_now(&vm_core(vm)->clock);
    }
}

void clock_run(Vm *vm, bool running)
{
    VirtualClock *c = &vm_core(vm)->clock;

    if (c->running == running)
        return;
    int64_t host = c->stepped ? 0 : now_of(CLOCK_MONOTONIC);
    c->seq++;
    c->offset += running ? -host : host;
    c->running = running;
    c->seq++;
    for (guint i = 0; running && i < vm_core(vm)->homes->len; i++)
        g_main_context_wakeup(home_context(vm_core(vm)->homes->pdata[i]));
}

/* ---- the heap ---- */

static bool before(const Timer *a, const Timer *b)
{
    return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

static void place(GPtrArray *h, guint pos, Timer *t)
{
    h->pdata[pos] = t;
    t->heap_pos = pos;
}

static void sift_up(GPtrArray *h, guint pos, Timer *t)
{
    for (; pos > 1 && before(t, h->pdata[pos / 2]); pos /= 2)
        place(h, pos, h->pdata[pos / 2]);
    place(h, pos, t);
}

static void sift_down(GPtrArray *h, guint pos, Timer *t)
{
    for (;;) {
        guint child = 2 * pos;
        if (child + 1 < h->len && before(h->pdata[child + 1], h->pdata[child]))
            child++;
        if (child >= h->len || !before(h->pdata[child], t))
            break;
        place(h, pos, h->pdata[child]);
        pos = child;
    }
    place(h, pos, t);
}

static void heap_add(GPtrArray *h, Timer *t)
{
    g_ptr_array_add(h, t);
    sift_up(h, h->len - 1, t);
}

static void heap_remove(GPtrArray *h, Timer *t)
{
    guint pos = t->heap_pos;
    Timer *last = h->pdata[h->len - 1];

    g_ptr_array_set_size(h, h->len - 1);
    t->heap_pos = 0;
    if (last == t)
        return;
    if (pos > 1 && before(last, h->pdata[pos / 2]))
        sift_up(h, pos, last);
    else
        sift_down(h, pos, last);
}

static Timer *heap_first(GPtrArray *h)
{
    return h->len > 1 ? h->pdata[1] : NULL;
}

/* ---- queues ---- */

void timer_queue_init(TimerQueue *q, Vm *vm, GMainContext *context)
{
    q->vm = vm;
    q->context = context;
    for (int c = 0; c < 3; c++) {
        q->heap[c] = g_ptr_array_new();
        g_ptr_array_add(q->heap[c], NULL);
    }
    q->due = g_ptr_array_new();
}

void timer_queue_fini(TimerQueue *q)
{
    for (int c = 0; c < 3; c++)
        g_ptr_array_unref(q->heap[c]);
    g_ptr_array_unref(q->due);
}

/* The virtual clock's timers wait while it stands still or is stepped. */
static bool clock_fires(Vm *vm, ClockId id)
{
    VirtualClock *c = &vm_core(vm)->clock;

    return id != CLOCK_VIRTUAL || (c->running && !c->stepped);
}

int64_t timer_queue_wait(TimerQueue *q)
{
    int64_t wait = -1;

    for (ClockId c = CLOCK_HOST; c <= CLOCK_VIRTUAL; c++) {
        Timer *t = heap_first(q->heap[c]);
        if (!t || !clock_fires(q->vm, c))
            continue;
        int64_t left = t->key - clock_now(q->vm, c); /* MAX() would read the clock twice */
        left = MAX(left, 0);
        if (wait < 0 || left < wait)
            wait = left;
    }
    return wait;
}

static void timer_fire(Timer *t)
{
    /* in_io is main's and the vCPUs' guard, under the machine lock; a home's timer has no part */
    Device *owner = t->queue->context ? NULL : t->owner;

    t->heap_pos = 0;
    *t->deadline = 0;
    if (owner)
        owner->in_io++;
    t->fn(t->o);
    if (owner)
        owner->in_io--;
}

/* What is due at `now` moves to the list first: a timer set again for the past by a callback waits
 * for the next round, one that a callback cancels does not run. */
static void run_due(TimerQueue *q, ClockId c, int64_t now)
{
    Timer *t;

    g_ptr_array_set_size(q->due, 0);
    while ((t = heap_first(q->heap[c])) && t->key <= now) {
        heap_remove(q->heap[c], t);
        t->heap_pos = DUE | q->due->len;
        g_ptr_array_add(q->due, t);
    }
    for (guint i = 0; i < q->due->len; i++) {
        t = q->due->pdata[i];
        if (t) {
            q->due->pdata[i] = NULL;
            timer_fire(t);
        }
    }
    g_ptr_array_set_size(q->due, 0);
}

void timer_queue_run(TimerQueue *q)
{
    for (ClockId c = CLOCK_HOST; c <= CLOCK_VIRTUAL; c++) {
        Timer *t = heap_first(q->heap[c]);
        if (t && clock_fires(q->vm, c) && t->key <= clock_now(q->vm, c))
            run_due(q, c, clock_now(q->vm, c));
    }
}

/* ---- timers ---- */

static void timer_make(Timer *t, Vm *vm, ClockId clock, void (*fn)(void *), void *o)
{
    *t = (Timer){ .fn = fn, .o = o, .clock = clock, .vm = vm };
}

void timer_init(Timer *t, Device *d, ClockId clock, int64_t *deadline, void (*fn)(void *), void *o)
{
    timer_make(t, d->vm, clock, fn, o);
    t->deadline = deadline;
    t->owner = d;
    t->queue = home_timers(d->vm, d->home);
    device_own_timer(d, t);
}

void timer_init_core(Timer *t, Vm *vm, ClockId clock, void (*fn)(void *), void *o)
{
    timer_make(t, vm, clock, fn, o);
    t->deadline = &t->own;
    t->queue = &vm_core(vm)->timers;
}

void timer_disarm(Timer *t)
{
    TimerQueue *q = t->queue;

    if (t->heap_pos & DUE) {
        q->due->pdata[t->heap_pos & ~DUE] = NULL;
        t->heap_pos = 0;
    } else if (t->heap_pos) {
        heap_remove(q->heap[t->clock], t);
    }
}

/* Deadline 0 means idle, so a deadline at or before 0 is kept as 1: due at once all the same. */
void timer_set(Timer *t, int64_t deadline_ns)
{
    timer_disarm(t);
    *t->deadline = MAX(deadline_ns, 1);
    timer_arm(t);
}

void timer_arm(Timer *t)
{
    TimerQueue *q = t->queue;

    timer_disarm(t);
    if (!*t->deadline)
        return;
    t->key = *t->deadline;
    t->seq = ++q->seq;
    heap_add(q->heap[t->clock], t);
    if (t->heap_pos != 1 || !clock_fires(t->vm, t->clock))
        return;
    /* the thread of the queue may be asleep with a later time-out */
    if (q->context)
        g_main_context_wakeup(q->context);
    else
        loop_wake(t->vm);
}

void timer_cancel(Timer *t)
{
    timer_disarm(t);
    *t->deadline = 0;
}

void timer_free(Timer *t)
{
    if (!t->queue)
        return;
    timer_disarm(t);
    if (t->owner)
        device_disown_timer(t->owner, t);
    t->queue = NULL;
}

/* ---- -accel qtest ---- */

int64_t clock_next(Vm *vm)
{
    Timer *t = heap_first(vm_core(vm)->timers.heap[CLOCK_VIRTUAL]);

    return t ? t->key : INT64_MAX;
}

static void step_to(VirtualClock *c, int64_t ns)
{
    if (ns > c->offset)
        c->offset = ns;
}

void clock_step(Vm *vm, int64_t to_ns)
{
    VmCore *c = vm_core(vm);

    g_assert(c->clock.stepped);
    for (int64_t next; (next = clock_next(vm)) <= to_ns;) {
        step_to(&c->clock, next);
        run_due(&c->timers, CLOCK_VIRTUAL, clock_now(vm, CLOCK_VIRTUAL));
    }
    step_to(&c->clock, to_ns);
}
