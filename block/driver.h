/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * *_co may yield and is called only from *_co or co_start; a coroutine never changes its
 * thread; after a yield re-read what others may change
 */
#ifndef BLOCK_DRIVER_H
#define BLOCK_DRIVER_H

#include <glib.h>
#include <sys/uio.h>

#include "block/block.h"
#include "util/co.h"
#include "core/prop.h"

typedef enum { EXT_DATA, EXT_ZERO, EXT_BACKING, EXT_PACKED } ExtKind;
typedef enum { WANT_READ, WANT_ALLOC, WANT_PACK, WANT_ZERO, WANT_UNMAP, WANT_DISCARD } Want;

/* pos reads as zeros now; the mapping is on disk; EXT_ZERO that has a pos (for status) */
enum { EXT_FRESH = 1, EXT_DURABLE = 2, EXT_POS = 4 };

/*
 * The mapping contract (crypt NULL: plain):
 * 1 An extent contains the first byte asked for and may stop early. PACKED is its whole
 *   cluster. BACKING: what file reads at pos; file NULL or past its end: zeros.
 * 2 ALLOC without cookie: write in place at pos. With: [off, off+len) is whole units around the
 *   request and the caller fills all of it: outside its own bytes what READ still gives (the
 *   old mapping, until commit), zeros past the node's end; nothing where FRESH and the old
 *   bytes read zero. Copy-on-read is ALLOC with an empty payload.
 * 3 READ never waits. Other wants wait for a cookie on their first unit and stop before a later
 *   one. Nobody maps (but READ) while holding a cookie of that node.
 * 4 ZERO (keeps clusters), UNMAP, DISCARD act inside map_co: kind ZERO = done. DATA = not mine:
 *   ZERO, UNMAP as for ALLOC with zeros; DISCARD: pass to file, NULL: skip.
 * 5 PACK: one cluster, already packed; packed_len in; pos and cookie out. 6 pos is the
 *   request's until it leaves the node: freed host space is reused only when its unlinking is
 *   on disk, node_quiet() since then, and its punch has ended. 7 commit_co follows the data
 *   write's completion; durable only after flush_co. A failed commit has undone; a failed flush
 *   has kept everything dirty and is repeatable.
 * 8 FUA on a format: in place and DURABLE: rw_co(fua); else write, flush_co. Snapshot, resize,
 *   reopen, close: between node_drain_co and node_undrain.
 */
typedef struct Extent {
    uint64_t off, len, pos, packed_len;
    ExtKind kind;
    uint32_t flags;
    BlockNode *file;
    const struct Crypt *crypt;
    void *cookie;
} Extent;

/* any; true: all requests in flight at stamp have left */
uint64_t node_stamp(BlockNode *);
bool node_quiet(BlockNode *, uint64_t stamp);

/* nest; never from inside a request of that node */
void node_drain_co(BlockNode *);
void node_undrain(BlockNode *);

/*
 * set by open_co; align covers crypt sectors: off it the I/O path reads, modifies, writes,
 * serialised against overlapping writes
 */
typedef struct BlockLimits {
    uint32_t align, mem_align, unit;
    int max_iov;
    uint64_t max_io, discard_align, zero_align;
} BlockLimits;
typedef struct BlockDriver {
    const char *name, *desc;
    size_t size;
    const Prop *open_props, *create_props;
    int (*probe)(const uint8_t *head, size_t n, const char *file);
    int (*open_co)(BlockNode *, const void *args, GError **);
    void (*close_co)(BlockNode *);
    int (*create_co)(const void *args, GError **);
    int (*map_co)(BlockNode *, uint64_t off, uint64_t len, Want,
                  Extent *); // any home: tables under a GMutex, not held over a yield. Beside
                             // rw_co: READ only, for status
                             /* exactly once for each cookie; io_ret < 0: undo */
    int (*commit_co)(BlockNode *, const Extent *, int io_ret);
    /* pure, on workers */
    int (*unpack)(BlockNode *, const void *in, size_t n, void *cluster);
    ssize_t (*pack)(BlockNode *, const void *cluster, void *out, size_t room);
    /* protocols and filters, instead of map_co */
    int (*rw_co)(BlockNode *, uint64_t off, const struct iovec *, int n, bool write, bool fua);
    /* a format flushes its files itself, data file first */
    int (*flush_co)(BlockNode *);
    /* beside rw_co only */
    int (*zero_co)(BlockNode *, uint64_t off, uint64_t len, bool unmap, bool fua);
    int (*discard_co)(BlockNode *, uint64_t off, uint64_t len);
    int (*truncate_co)(BlockNode *, uint64_t len, int prealloc, GError **);
    /* later ops are appended */
    int64_t (*length)(BlockNode *);
    Json *(*info)(BlockNode *);
    int (*check_co)(BlockNode *, int fix, void *result);
} BlockDriver;
typedef BlockDriver set_block_t;

#endif
