/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, timers, the main loop and homes. Order and rules are tested, never durations. */
#include <glib.h>

#include "core/clock.h"
#include "core/device.h"
#include "core/home.h"
#include "core/runstate.h"
#include "core/vcpu.h"

enum { N = 200 };

static RunStop no_run(Vcpu *v)
{
    return RUN_OK;
}

static const AccelOps stepped = { .name = "step", .vcpu_run = no_run, .stepped = true };

static Vm *stepped_vm(void)
{
    Vm *vm = vm_new();

    vm_set_accel(vm, &stepped);
    return vm;
}

typedef struct Shot {
    Timer t;
    Vm *vm;
    int64_t due;
    unsigned n, fired;
} Shot;

static unsigned turn;

static void shoot(void *o)
{
    Shot *s = o;

    g_assert_cmpint(clock_now(s->vm, CLOCK_VIRTUAL), ==, s->due);
    s->fired = ++turn;
}

/* Random deadlines, some cancelled, some moved: they fire in order, equal ones as they were set. */
static void test_order(void)
{
    Vm *vm = stepped_vm();
    g_autofree Shot *s = g_new0(Shot, N);
    Shot *last = NULL;

    turn = 0;
    for (unsigned i = 0; i < N; i++) {
        s[i].vm = vm;
        s[i].due = g_test_rand_int_range(1, 50);
        timer_init_core(&s[i].t, vm, CLOCK_VIRTUAL, shoot, &s[i]);
        timer_set(&s[i].t, s[i].due);
    }
    for (unsigned i = 0; i < N; i += 3)
        timer_cancel(&s[i].t);
    clock_step(vm, 100);
    for (int64_t due = 1; due < 50; due++)
        for (unsigned i = 0; i < N; i++) {
            if (s[i].due != due)
                continue;
            g_assert_cmpint(s[i].fired == 0, ==, i % 3 == 0);
            if (!s[i].fired)
                continue;
            g_assert_cmpint(s[i].fired, ==, last ? last->fired + 1 : 1);
            last = &s[i];
        }
    g_assert_cmpint(clock_now(vm, CLOCK_VIRTUAL), ==, 100);
    g_assert_cmpint(clock_next(vm), ==, INT64_MAX);
    vm_free(vm);
}

typedef struct Pair {
    Timer a, b;
    Vm *vm;
    unsigned na, nb;
} Pair;

/* Set again for the past inside its own callback: next round, after the others of this one. */
static void again(void *o)
{
    Pair *p = o;

    if (++p->na < 3)
        timer_set(&p->a, 5);
    if (p->na == 1)
        g_assert_cmpint(p->nb, ==, 0);
    else
        g_assert_cmpint(p->nb, ==, 1);
}

static void other(void *o)
{
    ((Pair *)o)->nb++;
}

static void cancel_other(void *o)
{
    Pair *p = o;

    p->na++;
    timer_cancel(&p->b);
}

static void test_rounds(void)
{
    Vm *vm = stepped_vm();
    Pair p = { .vm = vm };

    timer_init_core(&p.a, vm, CLOCK_VIRTUAL, again, &p);
    timer_init_core(&p.b, vm, CLOCK_VIRTUAL, other, &p);
    timer_set(&p.a, 10);
    timer_set(&p.b, 10);
    clock_step(vm, 10);
    g_assert_cmpint(p.na, ==, 3);
    g_assert_cmpint(p.nb, ==, 1);

    p = (Pair){ .vm = vm };
    timer_init_core(&p.a, vm, CLOCK_VIRTUAL, cancel_other, &p);
    timer_init_core(&p.b, vm, CLOCK_VIRTUAL, other, &p);
    timer_set(&p.a, 20);
    timer_set(&p.b, 20);
    clock_step(vm, 20);
    g_assert_cmpint(p.na, ==, 1);
    g_assert_cmpint(p.nb, ==, 0);
    vm_free(vm);
}

static void quit(void *o)
{
    vm_quit(o, 7);
}

static RunStop idle_run(Vcpu *v)
{
    v->halted = true;
    return RUN_OK;
}

static const AccelOps idle = { .name = "idle", .vcpu_run = idle_run };

/* The virtual clock stands still until the VM starts; the real one does not. */
static void test_loop(void)
{
    Vm *vm = vm_new();
    Timer virt, real;

    vm_set_accel(vm, &idle);
    g_assert_true(vcpus_new(vm, 1, NULL, NULL, NULL));
    timer_init_core(&virt, vm, CLOCK_VIRTUAL, quit, vm);
    timer_init_core(&real, vm, CLOCK_REAL, quit, vm);
    vm_complete(vm);
    g_assert_cmpint(clock_now(vm, CLOCK_VIRTUAL), ==, 0);
    timer_set(&virt, 1);
    while (g_main_context_pending(NULL))
        vm_loop_once(vm, false);
    g_assert_cmpint(virt.heap_pos, !=, 0);
    g_assert_true(vm_start(vm, NULL));
    g_assert_cmpstr(vm_state_name(vm), ==, "running");
    g_assert_cmpint(vm_loop(vm), ==, 7);
    g_assert_cmpint(virt.heap_pos, ==, 0);
    vm_stop(vm, RUNSTATE_PAUSED);
    int64_t then = clock_now(vm, CLOCK_VIRTUAL);
    g_assert_cmpint(then, >, 0);
    g_usleep(100);
    g_assert_cmpint(clock_now(vm, CLOCK_VIRTUAL), ==, then);
    timer_free(&virt);
    timer_free(&real);
    vm_free(vm);
}

static void count(void *o)
{
    ++*(unsigned *)o;
}

/* A deadline that passes while the loop works out how long to sleep: it must not sleep for ever. */
static void test_sleep(void)
{
    Vm *vm = vm_new();
    unsigned fired = 0;
    Timer t;

    timer_init_core(&t, vm, CLOCK_REAL, count, &fired);
    for (unsigned i = 0; i < 100000; i++) {
        timer_set(&t, clock_now(vm, CLOCK_REAL) + i % 2000);
        while (fired == i)
            vm_loop_once(vm, true);
    }
    timer_free(&t);
    vm_free(vm);
}

typedef struct InHome {
    Timer t;
    GThread *thread;
    _Atomic bool fired;
    Device *d;
    int64_t deadline;
} InHome;

static void home_fired(void *o)
{
    InHome *h = o;

    g_assert_true(g_thread_self() == h->thread && !vm_locked());
    h->fired = true;
    vm_quit(h->d->vm, 0);
}

static void home_arm(void *o)
{
    InHome *h = o;

    h->thread = g_thread_self();
    timer_set(&h->t, clock_now(h->d->vm, CLOCK_REAL) + 1000);
}

static const DeviceType homed_type = { .name = "homed", .size = sizeof(Device) };

static void test_home(void)
{
    Vm *vm = vm_new();
    Home *home = home_new(vm, "io");
    InHome h = { .d = device_part(vm->root, &homed_type, NULL) };

    h.d->home = home_context(home);
    g_assert_true(device_realize(h.d, NULL, NULL));
    timer_init(&h.t, h.d, CLOCK_REAL, &h.deadline, home_fired, &h);
    home_wait(home_context(home), home_arm, &h);
    g_assert_true(h.thread != g_thread_self());
    vm_loop(vm);
    g_assert_true(h.fired);
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/order", test_order);
    g_test_add_func("/clock/rounds", test_rounds);
    g_test_add_func("/clock/loop", test_loop);
    g_test_add_func("/clock/sleep", test_sleep);
    g_test_add_func("/clock/home", test_home);
    return g_test_run();
}
