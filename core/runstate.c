/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Run states and what devices and users ask of the whole machine. A request may come from any
 * thread; it is carried out on main. A vCPU that asked executes nothing more before that: a guest
 * that writes the reset port does not see the next instruction.
 */
#include "core/runstate.h"

#include <string.h>

#include "core/vm-int.h"
#include "util/log.h"

/* clang-format off */
const char *const run_state_names[] = {
    [RUNSTATE_DEBUG] = "debug", [RUNSTATE_INMIGRATE] = "inmigrate",
    [RUNSTATE_INTERNAL_ERROR] = "internal-error", [RUNSTATE_IO_ERROR] = "io-error",
    [RUNSTATE_PAUSED] = "paused", [RUNSTATE_POSTMIGRATE] = "postmigrate",
    [RUNSTATE_PRELAUNCH] = "prelaunch", [RUNSTATE_FINISH_MIGRATE] = "finish-migrate",
    [RUNSTATE_RESTORE_VM] = "restore-vm", [RUNSTATE_RUNNING] = "running",
    [RUNSTATE_SAVE_VM] = "save-vm", [RUNSTATE_SHUTDOWN] = "shutdown",
    [RUNSTATE_SUSPENDED] = "suspended", [RUNSTATE_WATCHDOG] = "watchdog",
    [RUNSTATE_GUEST_PANICKED] = "guest-panicked", [RUNSTATE_COLO] = "colo", NULL
};
/* clang-format on */

RunState vm_state(Vm *vm)
{
    return vm_core(vm)->state;
}

const char *vm_state_name(Vm *vm)
{
    return run_state_names[vm_state(vm)];
}

VmActions *vm_actions(Vm *vm)
{
    return &vm_core(vm)->actions;
}

bool vm_is_complete(Vm *vm)
{
    return vm_core(vm)->complete;
}

/* ---- listeners ---- */

void vm_listen(Vm *vm, const VmListener *ops, void *o)
{
    VmHook h = { ops, o };

    g_array_append_val(vm_core(vm)->hooks, h);
}

void vm_unlisten(Vm *vm, const VmListener *ops, void *o)
{
    GArray *hooks = vm_core(vm)->hooks;

    for (guint i = hooks->len; i-- > 0;) {
        VmHook h = g_array_index(hooks, VmHook, i);
        if (h.ops == ops && h.o == o)
            g_array_remove_index(hooks, i);
    }
}

typedef void Hook(void *o);
static void tell(Vm *vm, size_t which)
{
    GArray *hooks = vm_core(vm)->hooks;

    for (guint i = 0; i < hooks->len; i++) {
        VmHook h = g_array_index(hooks, VmHook, i);
        Hook *fn = *(Hook *const *)((const char *)h.ops + which);
        if (fn)
            fn(h.o);
    }
}
#define TELL(vm, hook) tell(vm, offsetof(VmListener, hook))

static void enter(Vm *vm, RunState now)
{
    VmCore *c = vm_core(vm);
    RunState old = c->state;

    c->state = now;
    for (guint i = 0; i < c->hooks->len; i++) {
        VmHook h = g_array_index(c->hooks, VmHook, i);
        if (h.ops->state)
            h.ops->state(h.o, old, now);
    }
}

/* ---- start, stop ---- */

static bool needs_reset(RunState s)
{
    return s == RUNSTATE_INTERNAL_ERROR || s == RUNSTATE_SHUTDOWN;
}

static void run_accel(Vm *vm, bool running)
{
    const AccelOps *a = vm_core(vm)->accel;

    if (a && a->run_state)
        a->run_state(vm, running);
}

bool vm_start(Vm *vm, GError **err)
{
    static const Empty none;
    RunState now = vm_state(vm);

    if (vm->running)
        return true;
    if (needs_reset(now))
        return user_fail(err, "Resetting the Virtual Machine is required");
    if (now == RUNSTATE_SUSPENDED)
        return true; /* only a wake-up ends it */
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        vcpu_unbar(vm->vcpu[i]);
    vm->running = true;
    clock_run(vm, true);
    run_accel(vm, true);
    enter(vm, RUNSTATE_RUNNING);
    event_resume(vm, &none);
    vcpus_resume(vm);
    return true;
}

void vm_stop(Vm *vm, RunState state)
{
    static const Empty none;

    if (!vm->running) {
        vm_set_state(vm, state);
        return;
    }
    vcpus_pause(vm);
    if (!vm->running) {
        /* somebody else stopped it while we waited without the lock */
        vcpus_resume(vm);
        vm_set_state(vm, state);
        return;
    }
    vm->running = false;
    clock_run(vm, false);
    run_accel(vm, false);
    enter(vm, state);
    event_stop(vm, &none);
}

void vm_set_state(Vm *vm, RunState state)
{
    g_assert(!vm->running && state != RUNSTATE_RUNNING);
    if (vm_state(vm) != state)
        enter(vm, state);
}

/* ---- requests ---- */

typedef struct Request {
    Vm *vm;
    VmRequest what;
    char *cause;
    Vcpu *asker;
} Request;

static ShutdownCause cause_of(const Request *r, ShutdownCause other)
{
    for (int i = 0; shutdown_cause_names[i]; i++)
        if (r->cause && !strcmp(r->cause, shutdown_cause_names[i]))
            return i;
    return other;
}

static EventCause event_cause(const Request *r, ShutdownCause other)
{
    ShutdownCause c = cause_of(r, other);

    return (EventCause){
        c == CAUSE_GUEST_SHUTDOWN || c == CAUSE_GUEST_RESET || c == CAUSE_GUEST_PANIC, c
    };
}

/* The vCPU that asked goes on: it was held since vm_request(). */
static void request_end(Request *r)
{
    if (r->asker)
        vcpu_block(r->asker, false);
    g_free(r->cause);
    g_free(r);
}

static void do_shutdown(Request *r, ShutdownCause other)
{
    EventCause e = event_cause(r, other);

    event_shutdown(r->vm, &e);
    if (vm_core(r->vm)->actions.shutdown == SHUTDOWN_PAUSE)
        vm_stop(r->vm, RUNSTATE_SHUTDOWN);
    else
        vm_quit(r->vm, 0);
}

/* ---- reset, sleep ---- */

static ShutdownCause reset_cause(const Request *r)
{
    return r->asker ? CAUSE_GUEST_RESET : CAUSE_HOST_QMP_SYSTEM_RESET;
}

static void reset_done(Vm *vm, void *p)
{
    Request *r = p;
    EventCause e = event_cause(r, reset_cause(r));

    TELL(vm, reset);
    event_reset(vm, &e);
    request_end(r);
    if (!vm->running && vm_state(vm) != RUNSTATE_INMIGRATE)
        vm_set_state(vm, RUNSTATE_PRELAUNCH);
}

/* Awake: the machine begins anew at its reset vector; firmware knows from CMOS and the PM registers
 * (which the wakeup hooks set) that memory is still good. */
static void wake_done(Vm *vm, void *p)
{
    static const Empty none;

    TELL(vm, wakeup);
    enter(vm, RUNSTATE_RUNNING);
    vm->running = true;
    event_wakeup(vm, &none);
    vcpus_resume(vm);
    request_end(p);
}

static void do_wakeup(Request *r)
{
    if (vm_state(r->vm) == RUNSTATE_SUSPENDED)
        vm_reset(r->vm, wake_done, r);
    else
        request_end(r);
}

/* The clocks go on, so that an alarm can wake the machine. */
static void do_suspend(Request *r)
{
    static const Empty none;

    if (r->vm->running) {
        vcpus_pause(r->vm);
        r->vm->running = false;
        TELL(r->vm, suspend);
        enter(r->vm, RUNSTATE_SUSPENDED);
        event_suspend(r->vm, &none);
    }
    request_end(r);
}

static void do_reset(Request *r)
{
    if (vm_core(r->vm)->actions.reboot == REBOOT_SHUTDOWN) {
        do_shutdown(r, reset_cause(r));
        request_end(r);
    } else if (vm_state(r->vm) == RUNSTATE_SUSPENDED) {
        do_wakeup(r);
    } else {
        vm_reset(r->vm, reset_done, r);
    }
}

/* ---- accidents ---- */

static void send_nmi(Vm *vm)
{
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        vcpu_request(vm->vcpu[i], REQ_NMI);
}

static void do_watchdog(Request *r)
{
    WatchdogAction action = vm_core(r->vm)->actions.watchdog;
    EventWatchdog e = { action };

    event_watchdog(r->vm, &e);
    switch (action) {
    case WATCHDOG_RESET: do_reset(r); return;
    case WATCHDOG_SHUTDOWN: TELL(r->vm, powerdown); break;
    case WATCHDOG_POWEROFF: vm_quit(r->vm, 0); break;
    case WATCHDOG_PAUSE: vm_stop(r->vm, RUNSTATE_WATCHDOG); break;
    case WATCHDOG_DEBUG: warn_print("watchdog: its timer fired"); break;
    case WATCHDOG_INJECT_NMI: send_nmi(r->vm); break;
    case WATCHDOG_NONE: break;
    }
    request_end(r);
}

static void do_panic(Request *r)
{
    PanicAction action = vm_core(r->vm)->actions.panic;
    EventPanic e = { action == PANIC_PAUSE  ? PANICKED_PAUSE
                     : action == PANIC_NONE ? PANICKED_RUN
                                            : PANICKED_POWEROFF };

    event_guest_panicked(r->vm, &e);
    if (action == PANIC_PAUSE)
        vm_stop(r->vm, RUNSTATE_GUEST_PANICKED);
    else if (action == PANIC_SHUTDOWN)
        do_shutdown(r, CAUSE_GUEST_PANIC);
    else if (action == PANIC_EXIT_FAILURE)
        vm_quit(r->vm, 1);
    request_end(r);
}

static void do_powerdown(Request *r)
{
    static const Empty none;

    TELL(r->vm, powerdown);
    event_powerdown(r->vm, &none);
    request_end(r);
}

static void request_do(void *p)
{
    Request *r = p;

    switch (r->what) {
    case VM_RESET: do_reset(r); return;
    case VM_WATCHDOG: do_watchdog(r); return;
    case VM_PANIC: do_panic(r); return;
    case VM_SUSPEND: do_suspend(r); return;
    case VM_WAKEUP: do_wakeup(r); return;
    case VM_POWERDOWN: do_powerdown(r); return;
    case VM_SHUTDOWN: do_shutdown(r, r->asker ? CAUSE_GUEST_SHUTDOWN : CAUSE_HOST_SIGNAL); break;
    case VM_STOP:
        vm_stop(r->vm,
                r->cause && !strcmp(r->cause, "io-error") ? RUNSTATE_IO_ERROR : RUNSTATE_PAUSED);
        break;
    case VM_NMI: send_nmi(r->vm); break;
    case VM_COMMIT: TELL(r->vm, commit); break;
    }
    request_end(r);
}

void vm_request(Vm *vm, VmRequest what, const char *cause)
{
    Request *r = g_new0(Request, 1);

    r->vm = vm;
    r->what = what;
    r->cause = g_strdup(cause);
    if (what != VM_NMI && what != VM_COMMIT && what != VM_POWERDOWN && what != VM_WAKEUP)
        r->asker = vcpu_self();
    if (r->asker)
        vcpu_block(r->asker, true);
    vm_call_main(vm, NULL, request_do, r);
}

/* ---- the first reset ---- */

static void completed(Vm *vm, void *done)
{
    TELL(vm, reset);
    *(bool *)done = true;
}

void vm_complete(Vm *vm)
{
    bool done = false;

    g_assert(!vm_core(vm)->complete);
    vm_reset(vm, completed, &done);
    while (!done)
        vm_loop_once(vm, true);
    vm_core(vm)->complete = true;
}
