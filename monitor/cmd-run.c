/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that start, stop, reset and end the machine. */
#include "monitor/monitor-int.h"

#include "block/drive.h"
#include "core/machine.h"
#include "core/runstate.h"

CMD(quit, "quit", "quit|q", NULL, Empty, Empty, CMD_PRECONFIG, "quit the emulator");

static bool cmd_quit(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    vm_actions(vm)->shutdown = SHUTDOWN_POWEROFF; /* -no-shutdown does not hold up quit */
    monitor_list(vm)->ending = true;
    vm_request(vm, VM_SHUTDOWN, "host-qmp-quit");
    return true;
}

CMD(stop, "stop", "stop|s", NULL, Empty, Empty, 0, "stop emulation");

static void stopped(void *o)
{
    reply_send(o, NULL);
}

static bool cmd_stop(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    if (vm->running) /* else it keeps the name of what stopped it */
        vm_stop(vm, RUNSTATE_PAUSED);
    /* who reads an image after `stop` finds all in it */
    reply_defer(r);
    drives_settled(vm, stopped, r);
    return true;
}

CMD(cont, "cont", "cont|c", NULL, Empty, Empty, 0, "resume emulation");

static bool cmd_cont(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    return vm->running || vm_start(vm, err);
}

CMD(system_reset, "system_reset", "system_reset", NULL, Empty, Empty, 0, "reset the system");

static bool cmd_system_reset(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    vm_request(vm, VM_RESET, "host-qmp-system-reset");
    return true;
}

CMD(system_powerdown, "system_powerdown", "system_powerdown", NULL, Empty, Empty, 0,
    "send system power down event");

static bool cmd_system_powerdown(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    vm_request(vm, VM_POWERDOWN, "host-qmp-system-powerdown");
    return true;
}

CMD(system_wakeup, "system_wakeup", "system_wakeup", NULL, Empty, Empty, 0,
    "wakeup guest from suspend");

static bool cmd_system_wakeup(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    if (vm_state(vm) != RUNSTATE_SUSPENDED)
        return user_fail(err, "Unable to wake up: guest is not in suspended state");
    vm_request(vm, VM_WAKEUP, "host-qmp-system-wakeup");
    return true;
}

CMD(nmi, "inject-nmi", "nmi", NULL, Empty, Empty, 0, "inject an NMI");

static bool cmd_nmi(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    vm_request(vm, VM_NMI, "host-qmp-inject-nmi");
    return true;
}

/* ---- the state ---- */

typedef struct StatusInfo {
    bool running, singlestep;
    uint8_t status;
} StatusInfo;

/* clang-format off */
static const Prop StatusInfo_rows[] = {
    NEED_ENUM(StatusInfo, status,     "status",     run_state_names, "state of the machine"),
    NEED_BOOL(StatusInfo, singlestep, "singlestep", "each instruction is a block of its own"),
    NEED_BOOL(StatusInfo, running,    "running",    "the CPUs execute"),
    PROP_END (StatusInfo)
};
/* clang-format on */

CMD(query_status, "query-status", NULL, NULL, Empty, StatusInfo, CMD_PRECONFIG,
    "state of the machine");

static bool cmd_query_status(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    StatusInfo info = { .running = vm->running, .status = (uint8_t)vm_state(vm) };
    cmd_query_status_reply(r, &info);
    return true;
}

CMD(info_status, NULL, "info status", NULL, Empty, Empty, 0,
    "show the current VM status (running|paused)");

static bool cmd_info_status(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    RunState s = vm_state(vm);
    reply_printf(r, "VM status: %s", vm->running ? "running" : "paused");
    if (!vm->running && s != RUNSTATE_PAUSED)
        reply_printf(r, " (%s)", run_state_names[s]);
    reply_printf(r, "\n");
    return true;
}

/* ---- what follows what ---- */

/* clang-format off */
static const char *const reboot_names[] = { "reset", "shutdown", NULL };
static const char *const shutdown_names[] = { "poweroff", "pause", NULL };
static const char *const panic_names[] = { "pause", "shutdown", "exit-failure", "none", NULL };
static const char *const watchdog_names[] = {
    "reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi", NULL
};

typedef struct ActionArgs {
    int8_t reboot, shutdown, panic, watchdog;
} ActionArgs;
static const Prop ActionArgs_rows[] = {
    PROP_ENUM(ActionArgs, reboot,   "reboot",   -1, reboot_names,   "when the guest reboots"),
    PROP_ENUM(ActionArgs, shutdown, "shutdown", -1, shutdown_names, "when it powers off"),
    PROP_ENUM(ActionArgs, panic,    "panic",    -1, panic_names,    "when it panics"),
    PROP_ENUM(ActionArgs, watchdog, "watchdog", -1, watchdog_names, "when its watchdog fires"),
    PROP_END (ActionArgs)
};
/* clang-format on */

CMD(set_action, "set-action", NULL, NULL, ActionArgs, Empty, CMD_PRECONFIG,
    "say what follows a reboot, a shutdown, a panic, a watchdog");

static bool cmd_set_action(Vm *vm, const ActionArgs *a, Reply *r, GError **err)
{
    VmActions *now = vm_actions(vm);
    if (a->reboot >= 0)
        now->reboot = (RebootAction)a->reboot;
    if (a->shutdown >= 0)
        now->shutdown = (ShutdownAction)a->shutdown;
    if (a->panic >= 0)
        now->panic = (PanicAction)a->panic;
    if (a->watchdog >= 0)
        now->watchdog = (WatchdogAction)a->watchdog;
    return true;
}

/* ---- boot order, watchdog ---- */

typedef struct BootArgs {
    char *order;
} BootArgs;
static const Prop BootArgs_rows[] = {
    NEED_STR(BootArgs, order, "bootdevice", "letters of the drives, in order"), PROP_END(BootArgs)
};

CMD(boot_set, NULL, "boot_set", "bootdevice", BootArgs, Empty, 0,
    "define new values for the boot device list");

/* The firmware sees it from the next reset on. */
static bool cmd_boot_set(Vm *vm, const BootArgs *a, Reply *r, GError **err)
{
    BootConf *boot = &vm->conf->boot;
    if (!boot_order_check(a->order, err))
        return false;
    g_free(boot->order);
    boot->order = g_strdup(a->order);
    g_clear_pointer(&boot->once, g_free);
    reply_printf(r, "boot device list now set to %s\n", a->order);
    return true;
}

typedef struct WatchdogArgs {
    uint8_t action;
} WatchdogArgs;
static const char *const watchdog_actions[] = { "reset", "shutdown", "poweroff",   "pause",
                                                "debug", "none",     "inject-nmi", NULL };
static const Prop WatchdogArgs_rows[] = { NEED_ENUM(WatchdogArgs, action, "action",
                                                    watchdog_actions, "what follows when it fires"),
                                          PROP_END(WatchdogArgs) };

CMD(watchdog_action, NULL, "watchdog_action", "action", WatchdogArgs, Empty, 0,
    "change watchdog action");

static bool cmd_watchdog_action(Vm *vm, const WatchdogArgs *a, Reply *r, GError **err)
{
    vm_actions(vm)->watchdog = a->action;
    return true;
}
