/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest and DMA see: a Space is a list of rows, each a window on a Region. A commit
 * flattens the rows into an immutable table that readers use without a lock (space.c); accesses go
 * through it to RAM or to a device's registers (access.c). locking.md 5, 12, 16, 19, 23.
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include <glib.h>

#include "core/types.h"

/*
 * A guest access reaches read and write with off + size inside the region:
 * - a size outside [min, max] reads all-ones, a write of it is dropped (max 0: 8; min 0: 1);
 * - an unaligned one without IO_UNALIGNED, and one that runs over the region's end, is done in
 *   aligned pieces, low address first; a piece over the end goes to whoever is there;
 * - one larger than impl_max (0: max) is done in pieces of impl_max;
 * - one smaller than impl_min is a read of the aligned impl_min bytes around it, and a write of
 *   them with zeros outside its own bytes.
 * SELFLOCK: unlocked, many vCPUs at once: atomics or an own leaf lock; no vm_lock, DMA, irq_set;
 * DMA does not reach it.
 */
enum { IO_UNALIGNED = 1, IO_SELFLOCK = 2 };
typedef struct IoOps {
    uint64_t (*read)(void *o, uint64_t off, unsigned size);
    void (*write)(void *o, uint64_t off, uint64_t val, unsigned size);
    uint8_t min, max, impl_min, impl_max, flags;
} IoOps;
typedef enum { REGION_RAM, REGION_ROM, REGION_ROMD, REGION_IO } RegionKind;
typedef enum { DIRTY_MIGRATION, DIRTY_DISPLAY, DIRTY_CODE, DIRTY_CLIENTS } DirtyClient;
/*
 * A piece of hardware that can be seen somewhere in a Space: memory or registers. It is embedded in
 * its device and lives until the last device_unref. RAM: guest reads and writes host. ROM: guest
 * writes are dropped. ROMD: reads host, writes ops. IO: ops.
 */
struct Region {
    const char *name;
    Device *owner;
    uint64_t size, fd_off;
    RegionKind kind;
    int fd;
    uint8_t *host;
    const IoOps *ops;
    void *o;
    unsigned long *dirty[DIRTY_CLIENTS]; /* a bit a 4 KiB page, set: changed, or never taken */
    uint8_t logged[DIRTY_CLIENTS];       /* region_log's counts */
    _Atomic unsigned pins;               /* dma_maps that hold it */
    bool shared;                         /* mapped from a file: pages go back by MADV_REMOVE */
};

/*
 * One place where a region is seen: size bytes of it from off on, at base. Of rows that overlap the
 * higher prio is seen, of equals the later one. region NULL: a hole, nothing is seen there.
 * readonly: writes are dropped. io: reads go to ops too (ROMD in command mode); Region.kind never
 * changes.
 */
struct MapRow {
    uint64_t base, size, off;
    Region *region;
    int16_t prio;
    bool on, readonly, io;
};
struct Flat {
    uint64_t base, size, off;
    Region *region;
    bool readonly, io, log; /* log: somebody wants to know of writes (any client but CODE) */
};
typedef struct Bell {
    uint64_t addr, match;
    int fd;
    uint8_t size;
    bool any;
} Bell;

/* immutable, sorted, disjoint; a device_ref on each owner */
struct FlatMap {
    gatomicrefcount ref;
    size_t n, n_bells;
    const Bell *bells;
    Flat row[];
};

/* What an accelerator wants to know of a Space. Each hook may be NULL. */
typedef struct SpaceListener {
    /* locked, after the swap, all vCPUs held outside guest code */
    void (*commit)(void *o, const FlatMap *old, const FlatMap *now);
    /* locked, before bits are taken: OR yours in (also before commit drops a logged row) */
    void (*dirty_sync)(void *o, Region *);
    /* locked, vCPUs held, after bits were cleared: catch the next write (soft: REQ_TLB) */
    void (*dirty_cleared)(void *o, Region *, DirtyClient);
    /* any; a page whose DIRTY_CODE bit was clear */
    void (*code_written)(void *o, Region *, uint64_t off, uint64_t len);
} SpaceListener;

/* below (may be NULL): its rows show through (SMM, a bus master's view) */
Space *space_new(Vm *, const char *name, Space *below);

/* locked; told the present map at once */
void space_listen(Space *, const SpaceListener *, void *o);

/* host pointer always; fd only if shareable RAM was asked for, else -1 */
bool region_init_ram(Region *, Device *, const char *name, uint64_t size, GError **);
/* the same, filled by the caller through host: ROM, flash (ops take the writes) */
bool region_init_rom(Region *, Device *, const char *name, uint64_t size, GError **);
bool region_init_romd(Region *, Device *, const char *name, uint64_t size, const IoOps *, void *o,
                      GError **);
void region_init_io(Region *, Device *, const char *name, uint64_t size, const IoOps *, void *o);

/* locked; the row is copied (off + size inside its region); change members between begin/commit */
MapRow *space_map(Space *, const MapRow *);
void space_unmap(Space *, MapRow *);

/*
 * Locked. They nest, over all Spaces of the VM. The outermost commit flattens, and where something
 * changed holds the vCPUs, swaps, tells listeners, empties every vCPU's cache and releases. It
 * waits with the lock held for vCPUs to be at a poll point or in vm_lock; not for homes: a DMA
 * under way may end in the old map.
 */
void space_begin(Space *);
void space_commit(Space *);

/*
 * any; the present map. *cache holds a strong reference: one pointer compare when nothing changed.
 * A thread drops its cache before it sleeps, or the old map's devices cannot go.
 */
const FlatMap *space_flat(Space *, const FlatMap **cache);
void space_flat_drop(const FlatMap **cache); /* any; the reference goes, *cache is NULL */
/* the row at addr, or NULL; any, on a map that the caller keeps */
const Flat *flat_find(const FlatMap *, uint64_t addr);

/* locked; every row as it was mapped, for "info mtree"; below: the space it shows through */
const char *space_name(const Space *);
void space_foreach(Space *, void (*fn)(void *o, const MapRow *), void *o);
void spaces_foreach(Vm *, void (*fn)(void *o, Space *, Space *below), void *o);

/* any; a home other than main reaches RAM only, else false */
bool space_rw(Space *, uint64_t addr, void *buf, uint64_t len, bool write);

/*
 * A guest CPU's access: on a vCPU, unlocked and inside guest code, or locked (qtest, monitor).
 * Takes the lock unless the region is SELFLOCK, then looks up again; what is RAM by then is done as
 * RAM. Nothing there: all-ones. The caller tests v->request before its next guest access: the map
 * may have changed.
 */
uint64_t space_io(Space *, uint64_t addr, uint64_t val, unsigned size, bool write);

/* n * size <= 4096; lock once, pointer compare each */
void space_io_rep(Space *, uint64_t port, void *buf, unsigned size, unsigned n, bool write);

/*
 * locked; eventfd instead of write(), on every accelerator; a commit: moves with the region's
 * rows; once removed nobody writes to fd
 */
void region_doorbell(Region *, uint64_t off, unsigned size, bool any, uint64_t match, int fd,
                     bool add);

/* locked; counted; a commit. The bitmaps are always there */
void region_log(Region *, DirtyClient, bool on);

/* any; after every RAM write that is not the guest CPU's; sets all clients */
void region_dirty(Region *, uint64_t off, uint64_t len);

/* locked; sync, fetch and clear, cleared; a bit a 4 KiB page */
bool region_dirty_take(Region *, DirtyClient, uint64_t off, uint64_t len, unsigned long *bits);

/* locked; RAM pages given back to the host (balloon); they read zeros. false: it cannot be done */
bool space_discard(Space *, uint64_t addr, uint64_t len);

/* any; false: short or refused, a device-visible error */
bool dma_read(Device *, uint64_t addr, void *buf, uint64_t len);

/* never re-enters the device's own registers: counted, false */
bool dma_write(Device *, uint64_t addr, const void *buf, uint64_t len);

/* holds region's owner */
typedef struct DmaMap {
    void *p;
    uint64_t len, off;
    Region *region;
    bool write;
} DmaMap;

/* any; RAM only, may shorten; false: use dma_read/write. Guest may change it under you */
bool dma_map(Device *, uint64_t addr, uint64_t len, bool write, DmaMap *);

/* any */
void dma_unmap(Device *, DmaMap *, uint64_t written);

#endif
