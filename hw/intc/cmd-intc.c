/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "info lapic": the local APIC of the current vCPU, or of the one with that APIC id. */
#include "core/command.h"
#include "core/set.h"
#include "core/vcpu.h"
#include "hw/intc/intc.h"

typedef struct LapicArgs {
    int64_t apic_id;
} LapicArgs;

static const Prop LapicArgs_rows[] = {
    PROP_INT(LapicArgs, apic_id, "apic-id", -1, "APIC id of the vCPU"), PROP_END(LapicArgs)
};

CMD(info_lapic, NULL, "info lapic", "[apic-id]", LapicArgs, Empty, 0,
    "show local apic state (apic-id: local apic to read, default is which of current CPU)");

static bool cmd_info_lapic(Vm *vm, const LapicArgs *a, Reply *r, GError **err)
{
    g_autoptr(GString) s = g_string_new(NULL);
    Vcpu *v = a->apic_id < 0 ? reply_vcpu(r) : NULL;
    for (unsigned i = 0; i < vm->n_vcpus && a->apic_id >= 0; i++) {
        if (vm->vcpu[i] && vm->vcpu[i]->apic_id == (uint64_t)a->apic_id)
            v = vm->vcpu[i];
    }
    if (v)
        lapic_info(v, s);
    else
        g_string_append(s, "No CPU available\n");
    reply_printf(r, "%s", s->str);
    return true;
}
