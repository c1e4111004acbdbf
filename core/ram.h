/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where guest RAM comes from: private anonymous memory by default (KSM merges only such), a file
 * or a memfd where the user said -mem-path or made a memory-backend-* object. Main, machine lock.
 */
#ifndef CORE_RAM_H
#define CORE_RAM_H

#include "core/memory.h"
#include "core/object.h"

typedef enum {
    RAM_POLICY_DEFAULT,
    RAM_POLICY_PREFERRED,
    RAM_POLICY_BIND,
    RAM_POLICY_INTERLEAVE
} RamPolicy;

/* The rows of memory-backend-*; merge and dump AUTO: as -machine says */
typedef struct RamArgs {
    uint64_t size;
    IntList host_nodes;
    uint32_t prealloc_threads;
    int8_t policy;
    Tri merge, dump, share; /* share AUTO: a memfd is, others are not */
    bool prealloc, reserve;
    char *prealloc_context;
} RamArgs;

extern const Prop RamArgs_rows[];

typedef struct RamBackend {
    Object obj;
    RamArgs args;
    char *path;       /* of a file: mem-path= */
    uint64_t align;   /* 0: a page */
    uint64_t hugetlb; /* memfd: page size, 1: the default one, 0: none */
    bool discard, seal;
    bool mapped; /* a region has it: one only */
    int fd;
} RamBackend;

/* -m in pieces: each its size, from a backend or (NULL) anonymous */
typedef struct RamPart {
    uint64_t size;
    RamBackend *backend;
} RamPart;

/*
 * realize; as region_init_ram, of one or more parts that lie side by side. The region's fd is that
 * of its only part, if that is shared.
 */
bool region_init_ram_parts(Region *, Device *, const char *name, const RamPart *, unsigned n,
                           GError **);

/* What vm->conf says of main memory: -mem-path, -mem-prealloc, memory-backend=, or -numa's nodes */
bool region_init_main_ram(Region *, Device *, const char *name, uint64_t size, GError **);

/* object_get() of a memory backend that nobody uses yet */
RamBackend *ram_backend_get(Vm *, const char *id, GError **);

#endif
