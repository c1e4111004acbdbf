/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM is made and freed here; the machine lock. Main holds the lock from vm_new() on, but in poll
 * (loop.c) and where vcpus_pause() and vcpu_run_on() wait.
 */
#include "core/vm.h"

#include <limits.h>

#include "core/firmware.h"
#include "core/futex.h"
#include "core/object.h"
#include "core/vm-int.h"

static _Thread_local bool lock_held;

bool vm_locked(void)
{
    return lock_held;
}

/*
 * The lock is a plain mutex, so who unlocks and locks again at once would mostly win: a vCPU that
 * polls a register would keep main out, a busy main would keep the vCPUs out. Two turnstiles:
 * while main waits no vCPU queues up anew (main_wants, which is also their futex); and main, when
 * it opens the lock to poll, first lets in one of those who were waiting (vm_give_way).
 */
enum { MAIN_WANTS = 1, OTHERS_SLEEP = 2 };

static void lock_on_main(VmCore *c)
{
    c->main_wants = MAIN_WANTS;
    pthread_mutex_lock(&c->lock);
    if (atomic_exchange(&c->main_wants, 0) == OTHERS_SLEEP)
        futex_wake(&c->main_wants, INT_MAX);
}

static void lock_on_vcpu(VmCore *c, Vcpu *self)
{
    uint32_t wants;

    /* the time of waiting counts as outside guest code: a commit must not wait for it */
    gate_wait_lock(self);
    c->waiting++;
    while ((wants = c->main_wants)) {
        if (wants == OTHERS_SLEEP ||
            atomic_compare_exchange_strong(&c->main_wants, &wants, OTHERS_SLEEP))
            futex_wait(&c->main_wants, OTHERS_SLEEP, -1);
    }
    pthread_mutex_lock(&c->lock);
    c->waiting--;
    gate_got_lock(self);
    c->served++;
    if (c->main_yields)
        futex_wake(&c->served, 1);
}

void vm_lock(Vm *vm)
{
    VmCore *c = vm_core(vm);
    Vcpu *self = vcpu_self();

    g_assert(!lock_held);
    if ((self && c->main_wants) || pthread_mutex_trylock(&c->lock) != 0) {
        if (self)
            lock_on_vcpu(c, self);
        else
            lock_on_main(c);
    }
    lock_held = true;
}

void vm_unlock(Vm *vm)
{
    g_assert(lock_held);
    lock_held = false;
    pthread_mutex_unlock(&vm_core(vm)->lock);
}

/* Main, unlocked. The time-out is only for a vCPU that ends instead. */
void vm_give_way(Vm *vm)
{
    VmCore *c = vm_core(vm);
    uint32_t served = c->served;

    if (!c->waiting)
        return;
    c->main_yields = true;
    if (c->waiting)
        futex_wait(&c->served, served, 1000000);
    c->main_yields = false;
}

Vm *vm_new(void)
{
    VmCore *c = g_new0(VmCore, 1);
    Vm *vm = &c->vm;

    pthread_mutex_init(&c->lock, NULL);
    vm_lock(vm);
    c->state = RUNSTATE_PRELAUNCH;
    c->hooks = g_array_new(false, false, sizeof(VmHook));
    event_init(c);
    loop_init(c);
    gate_init(c);
    c->spaces = g_ptr_array_new();
    c->doorbells = g_array_new(false, false, sizeof(DoorBell));
    vm->mem = space_new(vm, "memory", NULL);
    vm->io = space_new(vm, "I/O", NULL);
    vm->smm = space_new(vm, "smm", vm->mem);
    devices_init(c);
    return vm;
}

void vm_free(Vm *vm)
{
    VmCore *c = vm_core(vm);

    vcpus_end(vm);
    devices_fini(c);
    objects_free(vm);
    while (c->homes->len)
        home_free(c->homes->pdata[c->homes->len - 1]);
    fw_fini(vm);
    loop_fini(c);
    memory_fini(c);
    event_fini(c);
    vcpus_free(vm);
    gate_fini(c);
    g_array_unref(c->hooks);
    vm_unlock(vm);
    pthread_mutex_destroy(&c->lock);
    g_free(c);
}

/* ---- topology ---- */

uint32_t smp_apic_id(const VmSmp *smp, unsigned index)
{
    unsigned threads = MAX(smp->threads, 1), cores = MAX(smp->cores, 1), dies = MAX(smp->dies, 1);
    unsigned thread = index % threads, core = index / threads % cores;
    unsigned die = index / threads / cores % dies, socket = index / threads / cores / dies;

    return ((socket << smp_bits(dies) | die) << smp_bits(cores) | core) << smp_bits(threads) |
           thread;
}
