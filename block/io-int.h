/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_IO_INT_H
#define BLOCK_IO_INT_H

#include "block/node.h"

/* Part of a vector; short ones need no allocation. */
typedef struct Slice {
    struct iovec *v, small[8];
    int n;
} Slice;
void slice_init(Slice *, const struct iovec *, int n, size_t off, size_t len);
void slice_free(Slice *);

/* Without node_begin_co: for a request that is in the node already. */
int node_read_mapped_co(BlockNode *, uint64_t off, const struct iovec *, int n);
int node_zero_mapped_co(BlockNode *, uint64_t off, uint64_t len);
/* Do these bytes surely read as zeros? From maps alone, nothing is read. */
bool node_is_zero_co(BlockNode *, uint64_t off, uint64_t len);

#endif
