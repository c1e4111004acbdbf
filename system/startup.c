/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The start and the end of a machine, as two tables of contents. Each phase runs the handlers of
 * its own options. Errors are printed where they are found.
 */
#include "accel/x86/cpuid.h"
#include "core/runstate.h"
#include "net/netdev.h"
#include "system/qtest.h"
#include "system/system.h"
#include "ui/console.h"

void startup_init(Startup *st, const GArray *records)
{
    prop_defaults(MachineArgs_rows, &st->machine);
    prop_defaults(DisplayArgs_rows, &st->display);
    st->records = records;
    st->accels = g_ptr_array_new_with_free_func(g_free);
    st->serials = g_ptr_array_new_with_free_func(g_free);
    st->parallels = g_ptr_array_new_with_free_func(g_free);
    st->monitors = g_ptr_array_new_with_free_func(g_free);
    st->conf.data_dirs = g_ptr_array_new_with_free_func(g_free);
    st->redirs = g_ptr_array_new_with_free_func(g_free);
    st->channels = g_ptr_array_new_with_free_func(g_free);
    st->conf.drives = g_ptr_array_new();
    st->conf.nics = g_ptr_array_new();
    st->conf.ram_size = 128ull << 20;
    st->conf.rtc.clock = CLOCK_HOST;
    st->conf.boot.menu = -1;
    st->conf.boot.splash_time = st->conf.boot.reboot_timeout = -1;
}

/* clang-format off */
/* Each step prints what is wrong with it; *status is what the process then returns. */
bool startup_run(Vm *vm, const GArray *records, int *status)
{
    return options_run(vm, records, PHASE_EARLY, status)
        && options_run(vm, records, PHASE_MACHINE, status)
        && options_help(vm, records, status)
        && startup_check(vm, status)
        && startup_machine(vm, status)
        && startup_accel(vm, status)
        && options_run(vm, records, PHASE_BACKEND, status)
        && startup_objects(vm, status)
        && startup_defaults(vm, status)
        && startup_board(vm, status)
        && usbdevices_add(vm, status)
        && options_run(vm, records, PHASE_DEVICE, status)
        && startup_complete(vm, status)
        && options_run(vm, records, PHASE_UI, status)
        && startup_display(vm, status)
        && options_run(vm, records, PHASE_RUN, status)
        && startup_finish(vm, status);
}
/* clang-format on */

/* In the reverse order of the start, whatever of it took place. */
int startup_end(Vm *vm, int status)
{
    CpuModel *cpu = vm->cpu;
    NetList *nets;
    Ui *ui;

    display_close(vm);
    vnc_close_all(vm);
    monitor_close_all(vm);
    qtest_free(startup(vm)->qtest_server);
    if (!drives_close(vm) && !status)
        status = 1;
    net_close_all(vm);
    chardev_close_all(vm);
    ui_close(vm);
    ui = vm->ui;
    nets = vm->nets;
    vm_free(vm);
    net_free(nets);
    ui_free(ui);
    cpu_model_free(cpu);
    pidfile_remove();
    char_term_restore();
    return status;
}
