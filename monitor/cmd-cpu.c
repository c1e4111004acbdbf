/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that look at processors. */
#include "monitor/monitor-int.h"

#include <inttypes.h>

#include "accel/x86/registers.h"
#include "core/vcpu.h"

/* ---- which there are ---- */

typedef struct CpuProps {
    int64_t socket, core, thread;
} CpuProps;
typedef struct CpuInfo {
    int64_t index, thread_id;
    char *path, *target;
    CpuProps props;
} CpuInfo;
LIST_TYPE(CpuInfo);

/* clang-format off */
static const Prop CpuProps_rows[] = {
    NEED_INT(CpuProps, socket, "socket-id", "socket"),
    NEED_INT(CpuProps, core,   "core-id",   "core in its socket"),
    NEED_INT(CpuProps, thread, "thread-id", "thread in its core"),
    PROP_END(CpuProps)
};
const Prop CpuInfo_rows[] = {
    NEED_INT (CpuInfo, index,     "cpu-index",       "number"),
    NEED_STR (CpuInfo, path,      "qom-path",        "object path"),
    NEED_INT (CpuInfo, thread_id, "thread-id",       "host thread that runs it"),
    NEED_PART(CpuInfo, props,     "props", CpuProps, "place in the topology"),
    NEED_STR (CpuInfo, target,    "target",          "architecture"),
    PROP_END (CpuInfo)
};
/* clang-format on */
LIST_ROWS(CpuInfo);

/* The index counts threads within cores within sockets, as -smp lays them out. */
static CpuInfo cpu_info(Vm *vm, unsigned i)
{
    unsigned threads = MAX(vm->smp.threads, 1);
    unsigned cores = MAX(vm->smp.cores, 1) * MAX(vm->smp.dies, 1);
    return (CpuInfo){
        .index = i,
        .thread_id = vm->vcpu[i]->thread_id,
        .path = g_strdup_printf("/machine/unattached/device[%u]", i),
        .target = (char *)"x86_64",
        .props = { i / threads / cores, i / threads % cores, i % threads },
    };
}

CMD(query_cpus_fast, "query-cpus-fast", NULL, NULL, Empty, CpuInfoList, 0,
    "the CPUs and their threads");

static bool cmd_query_cpus_fast(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autofree CpuInfo *at = g_new0(CpuInfo, vm->n_vcpus + 1);
    CpuInfoList list = { at, vm->n_vcpus };
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        at[i] = cpu_info(vm, i);
    cmd_query_cpus_fast_reply(r, &list);
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        g_free(at[i].path);
    return true;
}

CMD(info_cpus, NULL, "info cpus", NULL, Empty, Empty, 0, "show infos for each CPU");

static bool cmd_info_cpus(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    Vcpu *chosen = reply_vcpu(r);
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        reply_printf(r, "%c CPU #%u: thread_id=%d\n", vm->vcpu[i] == chosen ? '*' : ' ', i,
                     vm->vcpu[i]->thread_id);
    return true;
}

typedef struct CpuArgs {
    int64_t index;
} CpuArgs;
static const Prop CpuArgs_rows[] = { NEED_INT(CpuArgs, index, "index", "number of the CPU"),
                                     PROP_END(CpuArgs) };

CMD(cpu, NULL, "cpu", "index", CpuArgs, Empty, 0, "set the default CPU");

static bool cmd_cpu(Vm *vm, const CpuArgs *a, Reply *r, GError **err)
{
    if (a->index < 0 || a->index >= vm->n_vcpus)
        reply_printf(r, "invalid CPU index\n");
    else if (r->mon)
        r->mon->cpu = (unsigned)a->index;
    return true;
}

/* ---- registers ---- */

typedef struct RegArgs {
    bool all;
    int64_t index;
} RegArgs;

/* clang-format off */
static const Prop RegArgs_rows[] = {
    PROP_BOOL(RegArgs, all,   "all",  false, "every CPU"),
    PROP_INT (RegArgs, index, "vcpu", -1,    "one CPU"),
    PROP_END (RegArgs)
};
/* clang-format on */

CMD(info_registers, NULL, "info registers", "-a:all [vcpu]", RegArgs, Empty, 0,
    "show the cpu registers (-a: show register info for all cpus; vcpu: specific vCPU to query; "
    "show the current CPU's registers if no argument is specified)");

static bool cmd_info_registers(Vm *vm, const RegArgs *a, Reply *r, GError **err)
{
    Vcpu *chosen = reply_vcpu(r);
    if (a->index >= vm->n_vcpus || a->index < -1 || !chosen) {
        reply_printf(r, "CPU#%" PRId64 " not available\n", a->index);
        return true;
    }
    vcpus_pause(vm);
    for (unsigned i = 0; i < vm->n_vcpus; i++) {
        Vcpu *v = vm->vcpu[i];
        if (!a->all && (a->index >= 0 ? a->index != i : v != chosen))
            continue;
        g_autoptr(GString) s = g_string_new(NULL);
        registers_print(s, vcpu_state(v, false), v->a20, v->halted, true);
        reply_printf(r, "\nCPU#%u\n%s", i, s->str);
    }
    vcpus_resume(vm);
    return true;
}
