/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between space.c (rows, commit), access.c (guest accesses, DMA) and region.c. */
#ifndef CORE_MEMORY_INT_H
#define CORE_MEMORY_INT_H

#include "core/vm-int.h"

#define PAGE_BITS 12

typedef struct MapNode {
    MapRow row; /* what space_map() returned */
    Space *space;
    uint64_t seq;
} MapNode;

typedef struct SpaceHook {
    const SpaceListener *ops;
    void *o;
} SpaceHook;

struct Space {
    Vm *vm;
    const char *name;
    Space *below;
    GPtrArray *rows; /* MapNode * */
    GArray *hooks;   /* SpaceHook */
    uint64_t seq;
    pthread_mutex_t lock; /* leaf: taking a reference against the swap */
    FlatMap *_Atomic flat;
    FlatMap *next; /* inside a commit */
};

/*
 * A map to look into for a moment. Locked, or on a vCPU inside guest code, the present one stays:
 * a commit needs the lock and waits for such a vCPU. A home keeps one in its cache until it polls;
 * any other thread takes a reference.
 */
typedef struct MapHold {
    const FlatMap *map, *ref;
} MapHold;
const FlatMap *map_hold(Space *, MapHold *);
void map_drop(MapHold *);

/* Is this thread a home other than main? It reaches RAM only. */
static inline bool on_home(void)
{
    return loop_self.vm && !loop_self.main;
}

static inline bool flat_reads_ram(const Flat *f)
{
    return f->region->kind != REGION_IO && !f->io;
}

static inline bool flat_writes_ram(const Flat *f)
{
    return f->region->kind == REGION_RAM && !f->readonly;
}

/* Locked. One access to one region's registers, split as IoOps says; size is whole in it. */
uint64_t region_io(Region *, uint64_t off, uint64_t val, unsigned size, bool write);
/* RAM of its own; align: of its address, 0: as the host likes best */
bool region_init_aligned(Region *, Device *, const char *name, uint64_t size, uint64_t align,
                         GError **);
void region_free(Region *);
void ram_copy(void *to, const void *from, size_t n);

#endif
