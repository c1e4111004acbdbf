/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine of RAM only with one vCPU of the software accelerator, run on the test's own thread:
 * until HLT, a triple fault or a request.
 */
#ifndef TESTS_CPU_SOFT_VM_H
#define TESTS_CPU_SOFT_VM_H

#include <glib.h>
#include <string.h>

#include "accel/accel.h"
#include "accel/soft/env.h"
#include "accel/x86/cpuid.h"
#include "core/device.h"
#include "core/memory.h"
#include "core/runstate.h"
#include "core/vcpu.h"
#include "core/vm.h"

#define RAM_SIZE (16u << 20)

typedef struct SoftVm {
    Device dev;
    Vm *vm;
    Region ram;
    Vcpu v;
    Vcpu *list[1];
    uint8_t *mem;
    X86State *s;
} SoftVm;

static const DeviceType soft_vm_type = { .name = "soft-vm", .size = sizeof(SoftVm) };

static inline SoftVm *soft_vm_new_on(const char *accel, const char *cpu)
{
    Vm *vm = vm_new();
    SoftVm *m = (SoftVm *)device_part(vm->root, &soft_vm_type, NULL);
    GError *err = NULL;
    const char *const tries[] = { accel, NULL };
    bool ok = device_realize(&m->dev, NULL, &err) && cpu_model_parse(vm, cpu, &err) &&
              accel_init(vm, tries, &err) &&
              region_init_ram(&m->ram, &m->dev, "ram", RAM_SIZE, &err);

    g_assert_no_error(err);
    g_assert(ok);
    space_map(vm->mem, &(MapRow){ .size = RAM_SIZE, .region = &m->ram, .on = true });
    m->vm = vm;
    m->mem = m->ram.host;
    m->v = (Vcpu){ .vm = vm, .mem = vm->mem, .smm = vm->smm, .io = vm->io, .a20 = true };
    ok = accel_ops(vm)->vcpu_init(&m->v, &err);
    g_assert(ok);
    m->s = m->v.x86;
    m->list[0] = &m->v;
    vm->vcpu = m->list;
    vm->n_vcpus = 1;
    return m;
}

static inline SoftVm *soft_vm_new(const char *cpu)
{
    return soft_vm_new_on("tcg", cpu);
}

/* Registers were set as the architecture has them: flags whole, in rflags. Memory was changed from
 * outside, so no decoded block counts. */
static inline void soft_vm_put(SoftVm *m)
{
    soft_blocks_drop_all(m->vm);
    accel_ops(m->vm)->put(&m->v, true);
}

static inline void soft_vm_run(SoftVm *m)
{
    m->v.request = 0;
    m->v.halted = false;
    accel_ops(m->vm)->vcpu_run(&m->v);
    accel_ops(m->vm)->get(&m->v);
}

static inline void soft_vm_free(SoftVm *m)
{
    Vm *vm = m->vm;

    accel_ops(vm)->vcpu_fini(&m->v);
    space_flat_drop(&m->v.mem_cache);
    space_flat_drop(&m->v.io_cache);
    vm->vcpu = NULL;
    vm->n_vcpus = 0;
    vm_free(vm);
}

#endif
