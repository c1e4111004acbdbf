/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node of the block graph: one opened format or protocol, its file below and its backing image.
 * Nodes are counted; requests may come from any home. The functions here are the one I/O path.
 *
 * Locks: node->lock guards the request list, drain and ref; a leaf, never held over a yield.
 */
#ifndef BLOCK_NODE_H
#define BLOCK_NODE_H

#include "block/driver.h"

enum {
    NODE_RDWR = 1,
    NODE_DIRECT = 2,      /* past the host's page cache */
    NODE_NO_FLUSH = 4,    /* flushes reach the host's page cache only */
    NODE_UNMAP = 8,       /* discards reach the file */
    NODE_SHARE = 16,      /* no locks: others may write at the same time */
    NODE_NO_BACKING = 32, /* do not open the backing image */
    NODE_CHECK = 64,      /* opened to be checked: a dirty or corrupt mark is no error, no repair */
    NODE_PROBED_RAW = 128, /* raw was a guess: sector 0 must not become another format's */
    NODE_INFO = 256,       /* only to look at: features that we cannot serve are no error */
};

/* A request in the node, on its coroutine's stack; the list is ordered by seq. */
typedef struct NodeReq {
    struct NodeReq *prev, *next;
    uint64_t seq, off, end;
    bool write, serial;
} NodeReq;

struct BlockNode {
    const BlockDriver *drv;
    void *priv;
    char *filename; /* as the user or the overlay names it; NULL: has none */
    char *node_name;
    unsigned flags;
    BlockLimits limits;
    BlockNode *file, *backing;
    /* what the image says of its backing; NULL: none */
    char *backing_file, *backing_format;
    gatomicrefcount ref;
    GMutex lock;
    uint64_t seq;
    NodeReq *first, *last;
    unsigned draining, n_waiting;
    CoQueue waiters; /* for the end of a drain, of a request */
};

typedef struct NodeOpts {
    const char *filename, *format; /* format NULL: probe */
    unsigned flags;
    BlockNode *backing; /* instead of what the image names; a reference is taken */
    Json *rest;         /* J_KV or object of the drivers' own keys, file.* for the protocol; NULL */
    unsigned depth;     /* of the backing chain, for open_co's recursion */
} NodeOpts;

/* The protocol's node and the format's above it. Errors read "Could not open 'F': why". */
BlockNode *node_open_co(const NodeOpts *, GError **);
/* Only the protocol's node: for info, create, probing. */
BlockNode *node_open_file_co(const NodeOpts *, GError **);
/* The step below both: file's reference becomes the node's also on failure. args: drv's struct. */
BlockNode *node_new_co(const BlockDriver *, const void *args, const char *filename, unsigned flags,
                       BlockNode *file, BlockNode *backing, GError **);
/* Opens node->backing as the image names it (open_co of a format calls it). */
int node_open_backing_co(BlockNode *, unsigned depth, GError **);

BlockNode *node_ref(BlockNode *);
/* The last reference flushes and closes; its result is lost: node_flush_co() first. NULL is fine */
void node_unref_co(BlockNode *);

const BlockDriver *block_driver(const char *name); /* NULL: no such */
bool block_driver_is_protocol(const BlockDriver *);
/* The most certain format for the head; raw when nobody claims it. */
const BlockDriver *block_probe(const uint8_t *head, size_t n, const char *filename);
/* The path that `file` (as an image at `base` names it) stands for; free it. */
char *block_path(const char *base, const char *file);
/* NULL: a local path (*path: its start). Else the protocol's name, which is not a file. */
char *block_protocol(const char *filename, const char **path);

int64_t node_length(BlockNode *);
bool node_writable(const BlockNode *);

int node_readv_co(BlockNode *, uint64_t off, const struct iovec *, int n);
int node_writev_co(BlockNode *, uint64_t off, const struct iovec *, int n, bool fua);
int node_read_co(BlockNode *, uint64_t off, void *buf, size_t len);
int node_write_co(BlockNode *, uint64_t off, const void *buf, size_t len);
int node_zero_co(BlockNode *, uint64_t off, uint64_t len, bool unmap, bool fua);
int node_discard_co(BlockNode *, uint64_t off, uint64_t len);
int node_flush_co(BlockNode *);
/* Fills what is still unmapped with real clusters and writes nothing into them (preallocation). */
int node_allocate_co(BlockNode *, uint64_t off, uint64_t len);
int node_grow_co(BlockNode *, uint64_t len); /* protocols only */
int node_truncate_co(BlockNode *, uint64_t len, int prealloc, GError **);

/* Between these two a request is in the node; begin waits for the end of a drain. */
void node_begin_co(BlockNode *, NodeReq *, uint64_t off, uint64_t len, bool write, bool serial);
void node_end(BlockNode *, NodeReq *);

/* block/io-align.c: the protocol's rw_co, whatever offset, memory and vector the caller has. */
int node_rw_aligned_co(BlockNode *, uint64_t off, const struct iovec *, int n, bool write,
                       bool fua);

#endif
