/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the virtio core: queue.c, split.c, packed.c, virtio.c and the transport. */
#ifndef HW_VIRTIO_VIRTIO_INT_H
#define HW_VIRTIO_VIRTIO_INT_H

#include <string.h>

#include "hw/virtio/virtio.h"
#include "util/bytes.h"

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_SIZE = 16 };
enum { VIRTIO_PIECES = 2 * VIRTIO_CHAIN, VIRTIO_CONFIG_MAX = 256 };

typedef struct VirtqUsed {
    uint16_t id, slots;
    uint32_t len;
} VirtqUsed;

/* Where an element is put together: segments as the driver wrote them, then what they map to. */
typedef struct VirtqScratch {
    unsigned n_segs, n_out;
    VirtqSeg segs[VIRTIO_CHAIN];
    uint8_t table[VIRTIO_CHAIN * DESC_SIZE];
    DmaMap maps[VIRTIO_PIECES];
    struct iovec iov[VIRTIO_PIECES];
    VirtqUsed used[VIRTIO_QUEUE_MAX];
} VirtqScratch;

static inline VirtQueueState *virtq_state(const VirtQueue *vq)
{
    return &vq->v->q[vq->index];
}
/* 2.7.10: has `event` been passed in the step from old to now? All modulo 65536. */
static inline bool virtq_passed(uint16_t event, uint16_t now, uint16_t old)
{
    return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

/* queue.c: guest memory; false: it is not there, and the device is broken */
bool virtq_get(VirtQueue *, uint64_t addr, void *buf, size_t n);
bool virtq_get16(VirtQueue *, uint64_t addr, uint16_t *val);
void virtq_put(VirtQueue *, uint64_t addr, const void *buf, size_t n);
void virtq_put16(VirtQueue *, uint64_t addr, uint16_t val);
/* one more descriptor, and a table of them (in_order: a packed ring's, without links) */
bool virtq_segment(VirtQueue *, uint64_t addr, uint32_t len, uint16_t flags);
bool virtq_indirect(VirtQueue *, uint64_t addr, uint32_t len, uint16_t flags, bool in_order);
void virtq_inuse_init(Virtio *); /* after reset and load: what is parked */
bool virtq_parked_ok(Virtio *);  /* a stream's bytes */
void virtq_reset(VirtQueue *);   /* 2.6.1 */
void virtq_clear(VirtQueue *);   /* state as after a reset */
void virtq_kick(VirtQueue *);    /* by a register write or a doorbell */

/* split.c, packed.c. use: the driver sees all of them or none. take: 1 and the segments in scratch,
 * 0: nothing there, -1: broken */
typedef struct VirtqLayout {
    int (*take)(VirtQueue *, uint16_t *id, uint16_t *slots);
    void (*give_back)(VirtQueue *, unsigned slots);
    void (*use)(VirtQueue *, const VirtqUsed *, unsigned n);
    bool (*empty)(VirtQueue *);
    void (*want_kicks)(VirtQueue *, bool on);
    bool (*wants_interrupt)(VirtQueue *);
} VirtqLayout;
extern const VirtqLayout virtq_split, virtq_packed;
static inline const VirtqLayout *virtq_layout(const VirtQueue *vq)
{
    return virtio_has(vq->v, VIRTIO_F_RING_PACKED) ? &virtq_packed : &virtq_split;
}

/* virtio.c, for transports */
void virtio_set_status(Virtio *, uint8_t);
void virtio_set_features(Virtio *, uint64_t, bool legacy);
uint64_t virtio_offers(const Virtio *, bool legacy);
uint64_t virtio_config_read(Virtio *, unsigned off, unsigned size);
void virtio_config_write(Virtio *, unsigned off, uint64_t val, unsigned size);
bool virtq_enable(VirtQueue *);         /* false: it cannot be */
bool virtio_check(Virtio *, GError **); /* after a load */
void virtio_reset_state(Virtio *);
void virtio_listen(Virtio *, const VirtioTransport *);
void virtio_end(Virtio *);

#endif
