/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about memory and CPUs as the machine has them: nodes, back ends, slots. */
#include "monitor/monitor-int.h"

#include <inttypes.h>

#include "core/device.h"
#include "core/machine.h"
#include "core/ram.h"
#include "core/vcpu.h"

/* ---- info numa ---- */

CMD(info_numa, NULL, "info numa", NULL, Empty, Empty, 0, "show NUMA information");

static bool cmd_info_numa(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const NumaConf *numa = &vm->conf->numa;
    reply_printf(r, "%u nodes\n", numa->n);
    for (unsigned n = 0; n < numa->n; n++) {
        reply_printf(r, "node %u cpus:", n);
        for (unsigned i = 0; i < vm->n_vcpus; i++) {
            if (numa->node[n].cpus[i / 64] >> i % 64 & 1)
                reply_printf(r, " %u", i);
        }
        reply_printf(r, "\nnode %u size: %" PRIu64 " MB\nnode %u plugged: 0 MB\n", n,
                     numa->node[n].mem >> 20, n);
    }
    return true;
}

/* ---- memory back ends ---- */

static const char *const policy_names[] = { "default", "preferred", "bind", "interleave", NULL };

typedef struct Memdev {
    char *id;
    uint64_t size;
    bool merge, dump, prealloc, share, reserve;
    uint8_t policy;
    IntList host_nodes;
} Memdev;
LIST_TYPE(Memdev);

/* clang-format off */
const Prop Memdev_rows[] = {
    PROP_STR (Memdev, id,         "id",         NULL, "the back end's name"),
    NEED_SIZE(Memdev, size,       "size",             "bytes"),
    NEED_BOOL(Memdev, merge,      "merge",            "the host may merge equal pages"),
    NEED_BOOL(Memdev, dump,       "dump",             "part of a core dump"),
    NEED_BOOL(Memdev, prealloc,   "prealloc",         "all of it is taken from the host"),
    NEED_BOOL(Memdev, share,      "share",            "other processes see what is written"),
    NEED_BOOL(Memdev, reserve,    "reserve",          "swap or huge pages are reserved"),
    NEED_LIST(Memdev, host_nodes, "host-nodes",  Int, "host NUMA nodes"),
    NEED_ENUM(Memdev, policy,     "policy",      policy_names, "host NUMA policy"),
    PROP_END (Memdev)
};
/* clang-format on */
LIST_ROWS(Memdev);

static void add_memdev(Object *o, void *list)
{
    const RamBackend *b = (RamBackend *)o;
    const RamConf *conf = &o->vm->conf->ram;
    if (!g_str_has_prefix(o->type->name, "memory-backend-"))
        return;
    Memdev m = {
        .id = o->id,
        .size = b->args.size,
        .merge = b->args.merge == AUTO ? !conf->no_merge : b->args.merge,
        .dump = b->args.dump == AUTO ? !conf->no_dump : b->args.dump,
        .prealloc = b->args.prealloc,
        .share = b->args.share == 1,
        .reserve = b->args.reserve,
        .policy = b->args.policy,
        .host_nodes = b->args.host_nodes,
    };
    static Int none;
    if (!m.host_nodes.at)
        m.host_nodes.at = &none; /* empty, not absent */
    g_array_append_val((GArray *)list, m);
}

static GArray *memdevs(Vm *vm)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Memdev));
    objects_foreach(vm, add_memdev, all);
    return all;
}

CMD(query_memdev, "query-memdev", NULL, NULL, Empty, MemdevList, CMD_PRECONFIG, "memory back ends");

static bool cmd_query_memdev(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(GArray) all = memdevs(vm);
    MemdevList list = { (Memdev *)(void *)all->data, all->len };
    Memdev none;
    if (!list.at)
        list.at = &none;
    cmd_query_memdev_reply(r, &list);
    return true;
}

static const char *yes(bool b)
{
    return b ? "true" : "false";
}

CMD(info_memdev, NULL, "info memdev", NULL, Empty, Empty, 0, "show memory backends");

static bool cmd_info_memdev(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(GArray) all = memdevs(vm);
    for (guint i = all->len; i-- > 0;) {
        const Memdev *m = &g_array_index(all, Memdev, i);
        reply_printf(r,
                     "memory backend: %s\n  size:  %" PRIu64 "\n  merge: %s\n  dump: %s\n"
                     "  prealloc: %s\n  share: %s\n  reserve: %s\n  policy: %s\n  host nodes: ",
                     m->id, m->size, yes(m->merge), yes(m->dump), yes(m->prealloc), yes(m->share),
                     yes(m->reserve), policy_names[m->policy]);
        for (size_t k = 0; k < m->host_nodes.n; k++)
            reply_printf(r, "%s%" PRId64, k ? "," : "", m->host_nodes.at[k]);
        reply_printf(r, "\n");
    }
    reply_printf(r, "\n");
    return true;
}

/* ---- how much there is ---- */

typedef struct MemorySize {
    uint64_t base, plugged;
} MemorySize;

/* clang-format off */
static const Prop MemorySize_rows[] = {
    NEED_SIZE(MemorySize, base,    "base-memory",       "bytes of -m"),
    PROP_SIZE(MemorySize, plugged, "plugged-memory", 0, "bytes plugged in later", PROP_NEED),
    PROP_END (MemorySize)
};
/* clang-format on */

CMD(query_memory_size_summary, "query-memory-size-summary", NULL, NULL, Empty, MemorySize, 0,
    "memory in all");

static bool cmd_query_memory_size_summary(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    MemorySize m = { vm->conf->ram_size, 0 };
    cmd_query_memory_size_summary_reply(r, &m);
    return true;
}

CMD(info_memory_size_summary, NULL, "info memory_size_summary", NULL, Empty, Empty, 0,
    "show the amount of initially allocated and present hotpluggable (if enabled) memory in "
    "bytes");

static bool cmd_info_memory_size_summary(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    reply_printf(r, "base memory: %" PRIu64 "\nplugged memory: 0\n", vm->conf->ram_size);
    return true;
}

CMD(info_memory_devices, NULL, "info memory-devices", NULL, Empty, Empty, 0, "show memory devices");

static bool cmd_info_memory_devices(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    return true; /* there are no DIMMs: -m has no slots= yet */
}

/* ---- CPU slots ---- */

static int node_of(const NumaConf *numa, unsigned cpu)
{
    for (unsigned n = 0; n < numa->n; n++) {
        if (numa->node[n].cpus[cpu / 64] >> cpu % 64 & 1)
            return (int)n;
    }
    return -1;
}

CMD(info_hotpluggable_cpus, NULL, "info hotpluggable-cpus", NULL, Empty, Empty, 0,
    "Show information about hotpluggable CPUs");

static bool cmd_info_hotpluggable_cpus(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const VmSmp *s = &vm->smp;
    reply_printf(r, "Hotpluggable CPUs:\n");
    for (unsigned i = s->max; i-- > 0;) {
        int node = node_of(&vm->conf->numa, MIN(i, MAX_NUMA_CPUS - 1));
        reply_printf(r, "  type: \"%s-x86_64-cpu\"\n  vcpus_count: \"1\"\n",
                     vm->machine->cpu ? vm->machine->cpu : "qemu64");
        if (i < vm->n_vcpus)
            reply_printf(r, "  qom_path: \"/machine/unattached/device[%u]\"\n", i);
        reply_printf(r, "  CPUInstance Properties:\n");
        if (node >= 0)
            reply_printf(r, "    node-id: \"%d\"\n", node);
        reply_printf(r, "    socket-id: \"%u\"\n    core-id: \"%u\"\n    thread-id: \"%u\"\n",
                     i / s->threads / s->cores / s->dies, i / s->threads % s->cores,
                     i % s->threads);
    }
    return true;
}
