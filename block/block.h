/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device sees of its drive. Any home may call (several queues of one drive may live on
 * several threads); callbacks run in the caller's home and never inside the call. On main and on a
 * vCPU's thread the home is the main loop, so callbacks there hold the machine lock.
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include <sys/uio.h>

#include "core/device.h"

/*
 * ret is 0 or -errno, after the werror/rerror policy. -EAGAIN means the policy stops the VM:
 * nothing is held below, the request stays in (or goes back to) the device's state, is saved with
 * it and is issued again by again(). An -EAGAIN raises no interrupt.
 */
typedef void BlockDone(void *o, int ret);

enum {
    BLK_UNMAP = 1, /* their space may be given back */
    BLK_FUA = 2,   /* durable when done */
};

typedef struct BlockFrontOps {
    void (*resized)(void *o);
    /* of a device whose medium can be changed; tray: it has one, that is open when it is empty */
    void (*media)(void *o, bool loaded);
    bool tray;
    void (*eject_request)(void *o, bool force);
    /* each time the VM begins to run, after a load too: issue what is parked in state (usually
     * nothing). Needed where the device has a drive with werror */
    void (*again)(void *o);
} BlockFrontOps;

/* realize: the drive is this device's until it is unrealized. ops and any op may be NULL. */
bool blk_claim(BlockFront *, Device *, const BlockFrontOps *, void *o, bool write, GError **);

/* The iovec array is copied, the bytes are not. */
void blk_readv(BlockFront *, uint64_t off, const struct iovec *, int n, BlockDone *, void *o);
void blk_writev(BlockFront *, uint64_t off, const struct iovec *, int n, bool fua, BlockDone *,
                void *o);

/* covers every write whose done() ran before this call */
void blk_flush(BlockFront *, BlockDone *, void *o);
/* how: BLK_ bits */
void blk_zero(BlockFront *, uint64_t off, uint64_t len, unsigned how, BlockDone *, void *o);
void blk_discard(BlockFront *, uint64_t off, uint64_t len, BlockDone *, void *o);

/* Main, while the machine is built (flash): the bytes, before it returns; 0 or -errno. */
int blk_read_now(BlockFront *, uint64_t off, void *buf, size_t len);
/* The same moment: a board asks for a drive it has no link to yet; an error: no such drive. */
int64_t blk_length_by_name(Vm *, const char *name, GError **);

/* bytes, a multiple of 512; -ENOMEDIUM: an empty drive */
int64_t blk_length(BlockFront *);
bool blk_writable(BlockFront *);

/* done when nothing is in flight, inside the call if that is so already. */
void blk_drain(BlockFront *, void (*done)(void *), void *o);

/* What the user said about it; strings are borrowed and may be NULL. */
const char *blk_name(const BlockFront *);
const char *blk_serial(const BlockFront *);
bool blk_is_cdrom(const BlockFront *);

/* The tray, for media that can be removed: a closed one with a medium answers requests. */
bool blk_inserted(const BlockFront *);
void blk_eject(BlockFront *, bool open);     /* the guest moves it: DEVICE_TRAY_MOVED follows */
void blk_lock_medium(BlockFront *, bool on); /* the guest wants the medium to stay */

#endif
