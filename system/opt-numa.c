/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -numa of both eras, -mem-path, -mem-prealloc. Nodes are collected as they are typed and made
 * complete once -m and -smp are known: memory in equal parts, CPUs a socket a node, where nobody
 * said otherwise.
 */
#include <inttypes.h>
#include <string.h>

#include "core/ram.h"
#include "system/system.h"
#include "util/log.h"

static NumaNode *node_at(Vm *vm, unsigned n)
{
    NumaConf *numa = &vm->conf->numa;

    if (!numa->node)
        numa->node = g_new0(NumaNode, MAX_NODES);
    return &numa->node[n];
}

static void give_cpu(NumaNode *node, unsigned cpu)
{
    node->cpus[cpu / 64] |= 1ull << cpu % 64;
}

static bool has_cpu(const NumaNode *node, unsigned cpu)
{
    return node->cpus[cpu / 64] >> cpu % 64 & 1;
}

static NumaNode *node_of_cpu(const NumaConf *numa, unsigned cpu)
{
    for (unsigned i = 0; i < MAX_NODES; i++) {
        if (has_cpu(&numa->node[i], cpu))
            return &numa->node[i];
    }
    return NULL;
}

/* ---- one -numa ---- */

static bool add_cpus(Vm *vm, NumaNode *node, const IntList *cpus, GError **err)
{
    for (size_t i = 0; i < cpus->n; i++) {
        int64_t cpu = cpus->at[i];
        if (cpu < 0 || cpu >= MAX_NUMA_CPUS)
            return user_fail(err, "CPU index (%" PRId64 ") should be smaller than maxcpus", cpu);
        if (node_of_cpu(&vm->conf->numa, cpu))
            return user_fail(err, "CPU %" PRId64 " is in a NUMA node already", cpu);
        give_cpu(node, cpu);
    }
    return true;
}

static bool add_node(Vm *vm, const NumaNodeArgs *a, GError **err)
{
    unsigned n = a->nodeid < 0 ? 0 : a->nodeid;
    NumaNode *node;

    if (a->initiator >= 0)
        return user_fail(err, "initiator= is not supported: there is no HMAT");
    while (a->nodeid < 0 && n < MAX_NODES && node_at(vm, n)->present)
        n++;
    if (n >= MAX_NODES)
        return user_fail(err, "Max number of NUMA nodes reached: %u", MAX_NODES);
    node = node_at(vm, n);
    if (node->present)
        return user_fail(err, "Duplicate NUMA nodeid: %u", n);
    if (a->mem && a->memdev)
        return user_fail(err, "cannot specify both mem= and memdev=");
    node->present = true;
    node->mem = a->mem;
    node->memdev = g_strdup(a->memdev);
    return add_cpus(vm, node, &a->cpus, err);
}

static bool add_distance(Vm *vm, const NumaDistArgs *a, GError **err)
{
    if (a->src >= MAX_NODES || a->dst >= MAX_NODES)
        return user_fail(err, "Parameter '%s' expects an integer between 0 and %u",
                         a->src >= MAX_NODES ? "src" : "dst", MAX_NODES - 1);
    if (!node_at(vm, a->src)->present || !node_at(vm, a->dst)->present)
        return user_fail(err, "Source/Destination NUMA node is missing. Please use '-numa node' "
                              "option to declare it first.");
    if (a->val < 10)
        return user_fail(err, "NUMA distance (%u) is invalid, it shouldn't be less than 10.",
                         a->val);
    if (a->src == a->dst && a->val != 10)
        return user_fail(err, "Local distance of node %u should be 10.", a->src);
    node_at(vm, a->src)->distance[a->dst] = a->val;
    vm->conf->numa.distances = true;
    return true;
}

/* Every CPU with that socket, core and thread, where given. */
static bool add_cpu(Vm *vm, const NumaCpuArgs *a, GError **err)
{
    const VmSmp *smp = &vm->smp;
    bool any = false;

    if (a->node_id < 0 || a->node_id >= MAX_NODES || !node_at(vm, a->node_id)->present)
        return user_fail(err,
                         "Invalid node-id=%d, NUMA node must be defined with -numa node,"
                         "nodeid=ID before it's used with -numa cpu,node-id=ID",
                         a->node_id);
    for (unsigned i = 0; i < MIN(smp->max, MAX_NUMA_CPUS); i++) {
        int thread = i % smp->threads, core = i / smp->threads % smp->cores;
        int die = i / smp->threads / smp->cores % smp->dies;
        int socket = i / smp->threads / smp->cores / smp->dies;
        if ((a->socket_id >= 0 && a->socket_id != socket) || (a->die_id >= 0 && a->die_id != die) ||
            (a->core_id >= 0 && a->core_id != core) ||
            (a->thread_id >= 0 && a->thread_id != thread))
            continue;
        if (node_of_cpu(&vm->conf->numa, i))
            return user_fail(err, "CPU %u is in a NUMA node already", i);
        give_cpu(node_at(vm, a->node_id), i);
        any = true;
    }
    return any || user_fail(err, "no CPU of this machine matches");
}

bool opt_numa(Vm *vm, const NumaArgs *args, GError **err)
{
    node_at(vm, 0);
    switch (args->type) {
    case NUMA_NODE: return add_node(vm, &args->node, err);
    case NUMA_DIST: return add_distance(vm, &args->dist, err);
    case NUMA_CPU: /* -smp may stand behind it */
        if (!startup(vm)->numa_cpus)
            startup(vm)->numa_cpus = g_array_new(FALSE, FALSE, sizeof(NumaCpuArgs));
        g_array_append_val(startup(vm)->numa_cpus, args->cpu);
        return true;
    default: return user_fail(err, "HMAT tables are not supported: no hmat-lb, no hmat-cache");
    }
}

/* ---- all of them ---- */

static bool check_nodes(NumaConf *numa, GError **err)
{
    unsigned with_mem = 0, with_dev = 0;

    for (unsigned i = 0; i < MAX_NODES; i++) {
        NumaNode *node = &numa->node[i];
        if (!node->present)
            continue;
        if (i != numa->n)
            return user_fail(err, "numa: Node ID missing: %u", numa->n);
        numa->n++;
        with_mem += node->mem != 0;
        with_dev += node->memdev != NULL;
    }
    return !with_mem || !with_dev ||
           user_fail(err, "numa configuration should use either mem= or memdev=, mixing both is "
                          "not allowed");
}

static bool memory_of_backends(Vm *vm, uint64_t *sum, GError **err)
{
    NumaConf *numa = &vm->conf->numa;

    for (unsigned i = 0; i < numa->n; i++) {
        NumaNode *node = &numa->node[i];
        RamBackend *b = NULL;
        if (node->memdev && !(b = ram_backend_get(vm, node->memdev, err)))
            return false;
        node->mem = b ? b->args.size : node->mem;
        *sum += node->mem;
    }
    return true;
}

/* Nobody said: equal parts of whole 8 MiB, the rest to the last, as both eras did. */
static void split_memory(NumaConf *numa, uint64_t ram)
{
    const uint64_t unit = 8 << 20;
    uint64_t used = 0;

    for (unsigned i = 0; i < numa->n - 1; i++) {
        numa->node[i].mem = ram / numa->n / unit * unit;
        used += numa->node[i].mem;
    }
    numa->node[numa->n - 1].mem = ram - used;
}

/* A socket a node, round and round; only if no CPU was given to any. */
static void place_cpus(Vm *vm)
{
    NumaConf *numa = &vm->conf->numa;
    unsigned max = MIN(vm->smp.max, MAX_NUMA_CPUS), given = 0;
    unsigned in_socket = MAX(vm->smp.max / MAX(vm->smp.sockets, 1), 1);

    for (unsigned i = 0; i < max; i++)
        given += node_of_cpu(numa, i) != NULL;
    if (given && given < max)
        warn_print("-numa: %u CPUs are in no NUMA node; node 0 gets them: give all by cpus=",
                   max - given);
    for (unsigned i = 0; i < max; i++) {
        if (!node_of_cpu(numa, i))
            give_cpu(&numa->node[given ? 0 : i / in_socket % numa->n], i);
    }
}

/* One direction counts for both where only one was given. */
static bool fill_distances(NumaConf *numa, GError **err)
{
    for (unsigned i = 0; numa->distances && i < numa->n; i++) {
        for (unsigned k = 0; k < numa->n; k++) {
            uint8_t *d = &numa->node[i].distance[k];
            if (i == k)
                *d = 10;
            else if (!*d && !(*d = numa->node[k].distance[i]))
                return user_fail(err,
                                 "The distance between node %u and %u is missing: give one "
                                 "value for each pair by -numa dist,src=%u,dst=%u,val=N",
                                 i, k, i, k);
        }
    }
    return true;
}

bool numa_complete(Vm *vm, GError **err)
{
    NumaConf *numa = &vm->conf->numa;
    const GArray *cpus = startup(vm)->numa_cpus;
    uint64_t sum = 0;

    if (!numa->node)
        return true;
    if (!check_nodes(numa, err) || !memory_of_backends(vm, &sum, err))
        return false;
    if (!numa->n)
        return user_fail(err, "no NUMA node: give -numa node first");
    for (guint i = 0; cpus && i < cpus->len; i++) {
        if (!add_cpu(vm, &g_array_index(cpus, NumaCpuArgs, i), err))
            return false;
    }
    if (vm->smp.max > MAX_NUMA_CPUS)
        return user_fail(err, "-numa serves %u CPUs at most", MAX_NUMA_CPUS);
    for (unsigned i = vm->smp.max; i < MAX_NUMA_CPUS; i++) {
        if (node_of_cpu(numa, i))
            return user_fail(err, "CPU index (%u) should be smaller than maxcpus (%u)", i,
                             vm->smp.max);
    }
    if (!sum)
        split_memory(numa, sum = vm->conf->ram_size);
    if (sum != vm->conf->ram_size)
        return user_fail(err,
                         "total memory for NUMA nodes (0x%" PRIx64 ") should equal RAM size "
                         "(0x%" PRIx64 ")",
                         sum, vm->conf->ram_size);
    place_cpus(vm);
    return fill_distances(numa, err);
}

/* ---- main memory ---- */

bool opt_mem_path(Vm *vm, const Str *args, GError **err)
{
    g_free(vm->conf->ram.path);
    vm->conf->ram.path = g_strdup(*args);
    return true;
}

bool opt_mem_prealloc(Vm *vm, const Empty *args, GError **err)
{
    vm->conf->ram.prealloc = true;
    return true;
}

/* memory-backend=: without -m the backend says how much there is. */
bool memory_complete(Vm *vm, bool size_given, GError **err)
{
    MachineConf *conf = vm->conf;
    RamBackend *b;

    if (!conf->ram.backend)
        return true;
    if (conf->ram.path)
        return user_fail(err, "'-mem-path' can't be used together with '-machine memory-backend'");
    if (!(b = ram_backend_get(vm, conf->ram.backend, err)))
        return false;
    if (!size_given)
        conf->ram_size = b->args.size;
    return conf->ram_size == b->args.size ||
           user_fail(err,
                     "Machine memory size does not match the size of the memory backend '%s': "
                     "write -m %" PRIu64 "M",
                     conf->ram.backend, b->args.size >> 20);
}
