/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PC without a running processor inside the test's own process, for tests of its chips. */
#ifndef TESTS_SYSTEM_PC_VM_H
#define TESTS_SYSTEM_PC_VM_H

#include <string.h>

#include "accel/accel.h"
#include "core/device.h"
#include "core/machine.h"
#include "core/runstate.h"
#include "core/set.h"
#include "hw/pc/pc.h"
#include "net/netdev.h"
#include "ui/console.h"

SET_DECLARE(machine);

/* Built, not complete: vm_complete() follows when the test's own devices are there. */
static inline Vm *pc_vm_new(unsigned cpus)
{
    static const char *const tries[] = { "qtest", NULL };
    PcArgs *args = g_new0(PcArgs, 1);
    GError *err = NULL;
    Vm *vm = vm_new();
    vm->conf = g_new0(MachineConf, 1);
    vm->conf->ram_size = 16 << 20;
    vm->conf->drives = g_ptr_array_new();
    vm->smp = (VmSmp){ cpus, cpus, 1, 1, 1, cpus };
    prop_defaults(PcArgs_rows, args);
    vm->machine_args = args;
    SET_FOREACH(machine, m) {
        if ((*m)->alias && !strcmp((*m)->alias, "pc"))
            vm->machine = *m;
    }
    bool ok =
        accel_init(vm, tries, &err) && accel_vcpus(vm, &err) && vm->machine->build(vm, args, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    return vm;
}

static inline void pc_vm_free(Vm *vm)
{
    MachineConf *conf = vm->conf;
    void *args = (void *)vm->machine_args;
    Ui *ui = vm->ui;
    NetList *nets = vm->nets;
    ui_close(vm);
    net_close_all(vm);
    vm_free(vm);
    net_free(nets);
    ui_free(ui);
    g_ptr_array_unref(conf->drives);
    g_free(conf);
    prop_free(PcArgs_rows, args);
    g_free(args);
}

#endif
