/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any home may call (multi-queue); callbacks run in the caller's home, never inside the call
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include <sys/uio.h>

#include "core/device.h"

/*
 * 0 or -errno, after the werror/rerror policy. -EAGAIN: policy stop, the VM is stopping;
 * nothing is held below: the request stays in (or goes back to) the device's state, is saved
 * with it, and is issued again by again(). An -EAGAIN raises no interrupt
 */
typedef void BlockDone(void *o, int ret);
typedef struct BlockFrontOps {
    void (*resized)(void *o);
    void (*media)(void *o, bool loaded);
    void (*eject_request)(void *o, bool force);
    /* drain on: start nothing new until off */
    void (*drain)(void *o, bool on);
    /* each time the VM begins to run, after a load too: issue what is parked in state; usually
     * nothing. Needed where rows have werror */
    void (*again)(void *o);
} BlockFrontOps;
bool blk_claim(BlockFront *, Device *, const BlockFrontOps *, void *o, bool write, GError **);

/* the iovec array is copied, the bytes are not */
void blk_readv(BlockFront *, uint64_t off, const struct iovec *, int n, BlockDone *, void *o);
void blk_writev(BlockFront *, uint64_t off, const struct iovec *, int n, bool fua, BlockDone *,
                void *o);

/* covers every write whose done() ran before this call */
void blk_flush(BlockFront *, BlockDone *, void *o);
void blk_zero(BlockFront *, uint64_t off, uint64_t len, bool unmap, BlockDone *, void *o);
void blk_discard(BlockFront *, uint64_t off, uint64_t len, BlockDone *, void *o);

/* bytes, -ENOMEDIUM */
int64_t blk_length(BlockFront *);
bool blk_writable(BlockFront *);

/* to advertise; any byte range is served */
const struct BlockLimits *blk_limits(BlockFront *);

/* nothing in flight. The waiting form, co_sync(), is for tools and phases before RUN */
void blk_drain(BlockFront *, void (*done)(void *), void *o);

#endif
