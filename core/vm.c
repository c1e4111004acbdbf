/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM is made and freed here; the machine lock. Main holds the lock from vm_new() on, but in poll
 * (loop.c) and where vcpus_pause() and vcpu_run_on() wait.
 */
#include "core/vm.h"

#include "core/firmware.h"
#include "core/vm-int.h"

static _Thread_local bool lock_held;

bool vm_locked(void)
{
    return lock_held;
}

/* On a vCPU the time of waiting counts as outside guest code: a commit must not wait for it. */
void vm_lock(Vm *vm)
{
    Vcpu *self = vcpu_self();

    g_assert(!lock_held);
    if (pthread_mutex_trylock(&vm_core(vm)->lock) != 0) {
        if (self)
            gate_wait_lock(self);
        pthread_mutex_lock(&vm_core(vm)->lock);
        if (self)
            gate_got_lock(self);
    }
    lock_held = true;
}

void vm_unlock(Vm *vm)
{
    g_assert(lock_held);
    lock_held = false;
    pthread_mutex_unlock(&vm_core(vm)->lock);
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
