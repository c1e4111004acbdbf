/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-blk: between blk.c (requests) and blk-pci.c (the devices, their rows). */
#ifndef HW_VIRTIO_BLK_INT_H
#define HW_VIRTIO_BLK_INT_H

#include "block/block.h"
#include "hw/virtio/virtio-int.h"
#include "util/iov.h"

enum {
    VIRTIO_BLK_F_SEG_MAX = 2,
    VIRTIO_BLK_F_GEOMETRY = 4,
    VIRTIO_BLK_F_RO = 5,
    VIRTIO_BLK_F_BLK_SIZE = 6,
    VIRTIO_BLK_F_FLUSH = 9,
    VIRTIO_BLK_F_TOPOLOGY = 10,
    VIRTIO_BLK_F_CONFIG_WCE = 11,
    VIRTIO_BLK_F_MQ = 12,
    VIRTIO_BLK_F_DISCARD = 13,
    VIRTIO_BLK_F_WRITE_ZEROES = 14,
};

STATE_BEGIN
typedef struct VirtioBlkState {
    bool writeback; /* what the driver chose: off makes every write durable */
    uint8_t pad[7];
} VirtioBlkState;
STATE_END

typedef struct VirtioBlk {
    Virtio v;
    /* config */ BlockFront *blk;
    char *serial;
    uint64_t logical_block_size, physical_block_size, min_io_size, opt_io_size, discard_granularity;
    uint32_t cyls, heads, secs, max_discard, max_zeroes;
    int32_t bootindex;
    uint16_t num_queues, queue_size;
    Tri write_cache;
    bool seg_max_adjust, scsi, share_rw, request_merging;
    /* state */ VirtioBlkState st;
    /* host */ uint32_t seg_max;
    struct iovec iov[VIRTIO_PIECES];
} VirtioBlk;

extern const VirtioOps virtio_blk_ops;
extern const BlockFrontOps virtio_blk_front;

#endif
