/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the command line to a running machine, as a table of contents. Options are parsed into
 * records first; each phase runs the handlers of its own. Errors are printed where they are found.
 */
#include <locale.h>
#include <stdlib.h>

#include "accel/x86/cpuid.h"
#include "core/runstate.h"
#include "net/netdev.h"
#include "system/qtest.h"
#include "system/system.h"
#include "ui/console.h"
#include "util/log.h"

static void startup_init(Startup *st, GArray *records)
{
    prop_defaults(MachineArgs_rows, &st->machine);
    st->records = records;
    st->accels = g_ptr_array_new_with_free_func(g_free);
    st->serials = g_ptr_array_new_with_free_func(g_free);
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
static bool start(Vm *vm, const GArray *records, int *status)
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
static int end(Vm *vm, int status)
{
    CpuModel *cpu = vm->cpu;
    NetList *nets;
    Ui *ui;

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

int main(int argc, char **argv)
{
    GArray *records = g_array_new(FALSE, FALSE, sizeof(Record));
    static Startup st; /* zero, and alive as long as the process */
    int status = 0;
    Vm *vm;

    setlocale(LC_CTYPE, "C.UTF-8");
    log_set_program(argv[0]);
    signals_init();
    if (!options_parse(argc, argv, records))
        return 1;
    if (options_given(records, "daemonize") && !daemon_fork())
        return 1;
    startup_init(&st, records);
    vm = vm_new();
    vm->conf = &st.conf;
    signals_attach(vm);
    if (start(vm, records, &status))
        status = vm_loop(vm);
    return end(vm, status);
}
