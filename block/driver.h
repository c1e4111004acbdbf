/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a block format or protocol is. A protocol moves bytes (rw_co); a format only says where
 * bytes live (map_co, commit_co) and the one I/O path of block/io*.c moves them. *_co may yield;
 * after a yield re-read what others may have changed.
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
 * 1 An extent contains the first byte asked for and may stop early. PACKED is its whole cluster.
 *   BACKING: what file reads at pos; file NULL or past its end: zeros.
 * 2 ALLOC without a cookie: write in place at pos. With one: [off, off+len) is whole units around
 *   the request and the caller fills all of it: outside its own bytes what READ still gives (the
 *   old mapping, until commit), zeros past the node's end; nothing where FRESH and the old bytes
 *   read zero. Copy-on-read is ALLOC with an empty payload.
 * 3 READ never waits. Other wants wait for a cookie on their first unit and stop before a later
 *   one. Nobody maps (but READ) while holding a cookie of that node.
 * 4 ZERO (keeps clusters), UNMAP, DISCARD act inside map_co: kind ZERO means done. DATA means "not
 *   mine": ZERO and UNMAP as for ALLOC with zeros (in place: file's zero_co at pos); DISCARD: pass
 *   it to file, NULL: skip.
 * 5 PACK: one cluster, already packed; packed_len in; pos and cookie out.
 * 6 pos is the request's until it leaves the node: freed host space is reused only when its
 *   unlinking is on disk, node_quiet() since then, and its punch has ended.
 * 7 commit_co follows the data write's completion; durable only after flush_co. A failed commit has
 *   undone; a failed flush has kept everything dirty and is repeatable.
 * 8 FUA on a format: in place and DURABLE: rw_co(fua); else write, then flush_co. Snapshot, resize,
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

/* From any thread. quiet: all requests that were in flight at the stamp have left the node. */
uint64_t node_stamp(BlockNode *);
bool node_quiet(BlockNode *, uint64_t stamp);

/* New requests wait until the last undrain. Never from inside a request of that node. */
void node_drain_co(BlockNode *);
void node_undrain(BlockNode *);

/*
 * Set by open_co. Off align the I/O path reads, modifies and writes, serialised against overlapping
 * writes; mem_align is the buffers'. unit: the cluster, 0: none. 0 elsewhere: no limit.
 */
typedef struct BlockLimits {
    uint32_t align, mem_align, unit;
    int max_iov;
    uint64_t max_io, discard_align, zero_align;
} BlockLimits;

enum { CHECK_FIX_LEAKS = 1, CHECK_FIX_ERRORS = 2 };

typedef struct BlockDriver {
    const char *name, *desc;
    size_t size; /* of node->priv, zeroed before open_co */
    const Prop *open_props, *create_props;
    /* how sure it is, 0 to 100, that an image with these first bytes is its own */
    int (*probe)(const uint8_t *head, size_t n, const char *file);
    /* node->flags, and of a format node->file, are set; args are open_props' struct */
    int (*open_co)(BlockNode *, const void *args, GError **);
    void (*close_co)(BlockNode *);
    int (*create_co)(const void *args, GError **);
    /* from any home: tables under a GMutex that is not held over a yield. Beside rw_co: READ only,
     * for status */
    int (*map_co)(BlockNode *, uint64_t off, uint64_t len, Want, Extent *);
    /* exactly once for each cookie; io_ret < 0: undo */
    int (*commit_co)(BlockNode *, const Extent *, int io_ret);
    /* pure, on workers */
    int (*unpack)(BlockNode *, const void *in, size_t n, void *cluster);
    ssize_t (*pack)(BlockNode *, const void *cluster, void *out, size_t room);
    /* protocols and filters, instead of map_co. Reads past the end give zeros, writes extend */
    int (*rw_co)(BlockNode *, uint64_t off, const struct iovec *, int n, bool write, bool fua);
    /* a format flushes its files itself, data file first */
    int (*flush_co)(BlockNode *);
    /* beside rw_co only; -ENOTSUP: the I/O path writes zeros, drops the discard */
    int (*zero_co)(BlockNode *, uint64_t off, uint64_t len, bool unmap, bool fua);
    int (*discard_co)(BlockNode *, uint64_t off, uint64_t len);
    int (*truncate_co)(BlockNode *, uint64_t len, int prealloc, GError **);
    /* drained, durable at the end: it has nothing of its own any more, all reads as below; or NULL
     */
    int (*empty_co)(BlockNode *);
    int64_t (*length)(BlockNode *);
    Json *(*info)(BlockNode *);                          /* "format-specific"'s data, NULL: none */
    int (*check_co)(BlockNode *, int fix, void *result); /* CheckResult of block/check.h */
    /* later ops are appended */
    int64_t (*allocated)(BlockNode *); /* bytes on the host's disk */
    /* protocols: at least len bytes long from now on. Unlike truncate it may meet writes that
     * extend the file: it never shortens what they made */
    int (*grow_co)(BlockNode *, uint64_t len);
    /* protocols: the lock that open_co left out because of NODE_SHARE; false: another has it */
    bool (*lock)(BlockNode *, GError **);
    /* protocols of real drives: the tray moves, the button is locked; on main */
    void (*eject)(BlockNode *, bool open);
    void (*lock_medium)(BlockNode *, bool on);
} BlockDriver;
typedef BlockDriver set_block_t;

#endif
