/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to block/qcow2-*.c. The drawing of the format and the numbered crash invariants are at
 * the head of qcow2-map.c. Tables keep the disk's byte order. q->lock guards everything below it
 * and is never held over a yield: a *_co function that takes it held lets go of it while it waits.
 */
#ifndef BLOCK_QCOW2_H
#define BLOCK_QCOW2_H

#include "block/create.h"
#include "block/node.h"
#include "util/bytes.h"

#define QCOW2_MAGIC  0x514649fbu
#define QCOW2_COPIED (UINT64_C(1) << 63)
#define QCOW2_PACKED (UINT64_C(1) << 62)
#define QCOW2_ZERO   UINT64_C(1)
#define QCOW2_POS    UINT64_C(0x00fffffffffffe00)
#define L2_RESERVED  UINT64_C(0x3f000000000001fe)
#define L1_RESERVED  UINT64_C(0x7f000000000001ff)
#define RT_RESERVED  UINT64_C(0x1ff)
#define QCOW2_L1_MAX (32u << 20)
#define QCOW2_RT_MAX (8u << 20)
#define SECTOR       512u
/* frees that wait for a flush; above it the next write flushes (invariant 6 is bounded) */
#define QCOW2_FREES_MAX 4096
#define QCOW2_HOST_MAX  (UINT64_C(1) << 56)

enum {
    INCOMPAT_DIRTY = 1,
    INCOMPAT_CORRUPT = 2,
    INCOMPAT_DATA_FILE = 4,
    INCOMPAT_COMPRESSION = 8,
    INCOMPAT_EXTENDED_L2 = 16
};
enum { COMPAT_LAZY_REFCOUNTS = 1 };
enum { AUTOCLEAR_BITMAPS = 1, AUTOCLEAR_RAW_DATA = 2 };
enum { QCOW2_ZLIB, QCOW2_ZSTD };
/* offsets of header fields that change while the image is open */
enum {
    H_SIZE = 24,
    H_L1_SIZE = 36,
    H_L1_POS = 40,
    H_RT_POS = 48,
    H_RT_CLUSTERS = 56,
    H_INCOMPAT = 72,
    H_AUTOCLEAR = 88
};

typedef enum { TABLE_L2, TABLE_REF, TABLE_L1, TABLE_RT } TableKind;

/* dirty: one bit a sector. writing: part of a flush that has not ended. */
typedef struct Table {
    uint64_t pos;
    uint8_t *data;
    size_t len;
    TableKind kind;
    unsigned pins;
    bool loading, is_dirty, writing;
    uint64_t *dirty;
    GList link; /* in q->lru */
} Table;

/* An allocation on its way from map_co to commit_co: the extent's cookie. */
typedef struct Alloc {
    struct Alloc *next;
    uint64_t off, len, pos;
    Table *l2;
    unsigned index, n;
    bool reuse; /* pos was kept under a zero flag: not ours to return */
} Alloc;

/* Host clusters that lost their last known reference in memory (invariant 6). */
typedef struct Free {
    uint64_t index, n, stamp;
    uint64_t flush; /* the flush that carries the unlinking; 0: none yet */
    bool unlinked;  /* on disk */
} Free;

typedef struct Qcow2Snapshot {
    uint64_t l1_pos, vm_size, vm_clock, disk_size, icount;
    uint32_t l1_size, date_sec, date_nsec;
    char *id, *name;
} Qcow2Snapshot;

typedef struct Qcow2 {
    /* from the header; fixed while open, but for the size */
    BlockNode *node, *file;
    unsigned version, cluster_bits, l2_bits, refcount_order, compression, crypt;
    uint64_t cluster_size, size, incompat, compat, autoclear;
    uint64_t snapshots_pos, snapshots_len, bitmaps_pos, bitmaps_len;
    uint32_t n_snapshots, n_bitmaps, header_len;
    Qcow2Snapshot *snapshots;
    GString *unknown_features;

    GMutex lock;
    Table l1, rt;
    bool rt_moved, features_dirty, corrupt;
    bool header_dirty;  /* size, or L1's place or length */
    GHashTable *tables; /* position -> Table */
    GQueue lru;
    unsigned n_tables, max_tables;
    CoQueue table_wait;

    /* the allocator */
    uint64_t free_from;         /* no free cluster below */
    uint64_t fresh_from;        /* never handed out and past the file's end at open */
    uint64_t end, durable_end;  /* bytes the file must reach; known to reach */
    uint64_t *meta, meta_words; /* clusters that hold tables: never data, never handed out */
    GQueue frees;               /* Free, oldest first */
    unsigned n_pending;         /* of them, not yet unlinked on disk */
    bool reaping;
    Alloc *allocs;
    CoQueue alloc_wait;

    bool flushing;
    uint64_t flush_started, flush_done;
    CoQueue flush_wait;
} Qcow2;

static inline uint64_t table_entry(const Table *t, uint64_t i)
{
    return get_be64(t->data + i * 8);
}

static inline uint64_t table_entries(const Table *t)
{
    return t->len / 8;
}

/* refcounts in one block */
static inline uint64_t refs_per_block(const Qcow2 *q)
{
    return (q->cluster_size * 8) >> q->refcount_order;
}

/* The first and the last host cluster that packed data of this L2 entry touches. */
void qcow2_packed(const Qcow2 *, uint64_t entry, uint64_t *pos, uint64_t *len);

/* ---- qcow2-table.c: all with the lock held ---- */
void table_init(Table *, TableKind, uint64_t pos, size_t len);
void table_clear(Table *);
void table_set(Table *, uint64_t i, uint64_t entry); /* an entry of 8 bytes, marked dirty */
void table_mark(Table *, size_t off, size_t len);
void table_mark_all(Table *);
/* Pinned; *yielded (may be NULL) is set when others ran meanwhile. */
int table_get_co(Qcow2 *, uint64_t pos, TableKind, Table **);
void table_unpin(Table *);
/* A zeroed one, pinned, all dirty, at a cluster just allocated; no yield. */
Table *table_new(Qcow2 *, uint64_t pos, TableKind);
void table_forget(Qcow2 *, uint64_t pos); /* its cluster is free */

/* ---- qcow2-refcount.c: all with the lock held ---- */
uint64_t ref_get(const Qcow2 *, const uint8_t *block, uint64_t i);
void ref_set(const Qcow2 *, uint8_t *block, uint64_t i, uint64_t value);
/* Up to n clusters in a row, refcount 1 in memory; *got >= 1. */
int qcow2_alloc_co(Qcow2 *, uint64_t n, uint64_t *pos, uint64_t *got, bool *fresh);
/* What was never linked goes back at once. */
void qcow2_unalloc_co(Qcow2 *, uint64_t pos, uint64_t n);
/* The reference is gone in memory: the counts follow when the disk knows it (invariants 4, 6). */
void qcow2_free_later(Qcow2 *, uint64_t pos, uint64_t len);
/* Counts down what may be; lets go of the lock. */
void qcow2_reap_co(Qcow2 *);
bool meta_get(const Qcow2 *, uint64_t index);
void meta_set(Qcow2 *, uint64_t index, bool on);

/* ---- qcow2-flush.c ---- */
int qcow2_flush_co(BlockNode *);
int qcow2_flush_locked_co(Qcow2 *); /* lock held on entry and on return */

/* ---- qcow2-map.c ---- */
int qcow2_map_co(BlockNode *, uint64_t off, uint64_t len, Want, Extent *);
int qcow2_commit_co(BlockNode *, const Extent *, int io_ret);
void qcow2_free_entry(Qcow2 *, uint64_t entry);    /* an L2 entry is gone; lock held */
int qcow2_check_entries(Qcow2 *, const Table *l2); /* -EIO: one that cannot be; lock held */
/* -EIO; says it once, and the image takes no more writes */
int qcow2_corrupt(Qcow2 *, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* ---- the others ---- */
/* drained */
int qcow2_truncate_co(BlockNode *, uint64_t size, int prealloc, GError **);
int qcow2_empty_co(BlockNode *);
int qcow2_unpack(BlockNode *, const void *in, size_t n, void *cluster);
int zstd_unpack(const void *in, size_t n, void *out, size_t room); /* block/zstd.c */
int qcow2_check_co(BlockNode *, int fix, void *result);
int qcow2_create_co(const void *args, GError **);
bool qcow2_read_snapshots_co(Qcow2 *, GError **);
Json *qcow2_info(BlockNode *);

#endif
