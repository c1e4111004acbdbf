/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a VM: made, built, reset, started, stopped, ended. Everything here is called on main
 * with the machine lock held unless said. Order of a start-up (system/ follows it):
 *   vm_new, options, accel_init, accel_vcpus, MachineType.build, devices, vm_complete, vm_start
 *   (not with -S), vm_loop, vm_free.
 * State names, and what follows from what, as in 7.2 (query-status, "info status").
 */
#ifndef CORE_RUNSTATE_H
#define CORE_RUNSTATE_H

#include <glib.h>

#include "core/vm.h"

typedef enum {
    RUNSTATE_DEBUG,
    RUNSTATE_INMIGRATE,
    RUNSTATE_INTERNAL_ERROR,
    RUNSTATE_IO_ERROR,
    RUNSTATE_PAUSED,
    RUNSTATE_POSTMIGRATE,
    RUNSTATE_PRELAUNCH, /* the first state; also a reset of a stopped machine leads here */
    RUNSTATE_FINISH_MIGRATE,
    RUNSTATE_RESTORE_VM,
    RUNSTATE_RUNNING,
    RUNSTATE_SAVE_VM,
    RUNSTATE_SHUTDOWN,
    RUNSTATE_SUSPENDED,
    RUNSTATE_WATCHDOG,
    RUNSTATE_GUEST_PANICKED,
    RUNSTATE_COLO,
    RUNSTATE_COUNT
} RunState;
extern const char *const run_state_names[]; /* "debug", "inmigrate" ...; NULL-ended */

/* -action, set-action; -no-reboot is reboot=shutdown, -no-shutdown is shutdown=pause */
typedef enum { REBOOT_RESET, REBOOT_SHUTDOWN } RebootAction;
typedef enum { SHUTDOWN_POWEROFF, SHUTDOWN_PAUSE } ShutdownAction;
typedef enum { PANIC_PAUSE, PANIC_SHUTDOWN, PANIC_EXIT_FAILURE, PANIC_NONE } PanicAction;
typedef enum {
    WATCHDOG_RESET,
    WATCHDOG_SHUTDOWN,
    WATCHDOG_POWEROFF,
    WATCHDOG_PAUSE,
    WATCHDOG_DEBUG,
    WATCHDOG_NONE,
    WATCHDOG_INJECT_NMI
} WatchdogAction;
typedef struct VmActions {
    RebootAction reboot;
    ShutdownAction shutdown;
    PanicAction panic;
    WatchdogAction watchdog;
} VmActions;

/* The machine lock is held by the caller when vm_new() returns: main holds it from then on. */
Vm *vm_new(void);
/* After vm_loop() or a failed start-up: threads joined, devices and spaces gone. */
void vm_free(Vm *);

/* The board and the cold-plugged devices are there: the first reset, and from now on device_realize
 * is a hot-plug. */
void vm_complete(Vm *);
bool vm_is_complete(Vm *); /* any */

RunState vm_state(Vm *);           /* any */
const char *vm_state_name(Vm *);   /* any; "prelaunch", "running", ... */
bool vm_start(Vm *, GError **);    /* cont; refused where a reset is needed first */
void vm_stop(Vm *, RunState);      /* stop; of a stopped machine only the state's name changes */
void vm_set_state(Vm *, RunState); /* among the stopped states: inmigrate, postmigrate ... */
VmActions *vm_actions(Vm *);       /* read and set freely */

/* The main loop, until somebody calls vm_quit(): returns its status. */
int vm_loop(Vm *);
void vm_quit(Vm *, int status); /* any thread, no lock */
/* One turn of the main loop, for start-up code that must wait (a chardev's wait=on) and tests. */
void vm_loop_once(Vm *, bool may_block);

/*
 * Who wants to hear of it. state: after each change, vCPUs stopped where the new state is not
 * running, before they start where it is. reset: at the end of a machine reset, devices done.
 * powerdown: the power button (system_powerdown); wakeup: end of a suspend. quit: vm_quit was
 * called, the loop is about to end. commit: VM_COMMIT. Any hook may be NULL. o is not owned.
 */
typedef struct VmListener {
    void (*state)(void *o, RunState old, RunState now);
    void (*reset)(void *o);
    void (*powerdown)(void *o);
    void (*suspend)(void *o);
    void (*wakeup)(void *o);
    void (*quit)(void *o);
    void (*commit)(void *o);
} VmListener;
void vm_listen(Vm *, const VmListener *, void *o);
void vm_unlisten(Vm *, const VmListener *, void *o);

#endif
