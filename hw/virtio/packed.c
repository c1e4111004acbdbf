/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packed virtqueues: virtio 1.2, 2.8. One ring of {le64 addr, le32 len, le16 id, le16 flags}: the
 * driver writes available descriptors, we write used ones over them. The flags AVAIL and USED tell
 * which by the wrap counters. Two structures {le16 off_wrap, le16 flags} say who wants to be told.
 */
#include "hw/virtio/virtio-int.h"

enum { FLAG_AVAIL = 1 << 7, FLAG_USED = 1 << 15, EVENT_FLAGS = 2 };
enum { EVENT_ENABLE, EVENT_DISABLE, EVENT_DESC };

static uint64_t slot_at(const VirtQueueState *q, unsigned slot)
{
    return q->desc + (uint64_t)slot * DESC_SIZE;
}

static bool is_available(const VirtQueueState *q, uint16_t flags)
{
    bool avail = flags & FLAG_AVAIL, used = flags & FLAG_USED;

    return avail != used && avail == q->avail_wrap;
}

/* Descriptors follow each other in the ring; the last one has the buffer's id. */
static bool take_chain(VirtQueue *vq, uint16_t *id, uint16_t *slots)
{
    const VirtQueueState *q = virtq_state(vq);
    uint8_t d[DESC_SIZE];

    for (unsigned n = 0; n < q->num; n++) {
        if (!virtq_get(vq, slot_at(q, (q->last_avail + n) % q->num), d, DESC_SIZE))
            return false;
        uint16_t flags = get_le16(d + 14);
        *id = get_le16(d + 12);
        *slots = n + 1;
        if (flags & DESC_INDIRECT)
            return virtq_indirect(vq, get_le64(d), get_le32(d + 8), flags, true);
        if (!virtq_segment(vq, get_le64(d), get_le32(d + 8), flags))
            return false;
        if (!(flags & DESC_NEXT))
            return true;
    }
    virtio_break(vq->v, "queue %u: a chain longer than the ring", vq->index);
    return false;
}

static void advance(uint16_t *at, bool *wrap, unsigned slots, unsigned num)
{
    unsigned to = *at + slots;

    if (to >= num) {
        to -= num;
        *wrap = !*wrap;
    }
    *at = to;
}

static int packed_take(VirtQueue *vq, uint16_t *id, uint16_t *slots)
{
    VirtQueueState *q = virtq_state(vq);
    uint16_t flags;

    if (!virtq_get16(vq, slot_at(q, q->last_avail) + 14, &flags))
        return -1;
    if (!is_available(q, flags))
        return 0;
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* flags were written last */
    if (!take_chain(vq, id, slots))
        return -1;
    advance(&q->last_avail, &q->avail_wrap, *slots, q->num);
    return 1;
}

static void packed_give_back(VirtQueue *vq, unsigned slots)
{
    VirtQueueState *q = virtq_state(vq);

    if (q->last_avail < slots) {
        q->last_avail += q->num;
        q->avail_wrap = !q->avail_wrap;
    }
    q->last_avail -= slots;
}

/* The first one's flags last: the driver goes on from there. */
static void packed_use(VirtQueue *vq, const VirtqUsed *u, unsigned n)
{
    VirtQueueState *q = virtq_state(vq);
    uint64_t first = slot_at(q, q->used_idx) + 14;
    uint16_t first_flags = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t at = slot_at(q, q->used_idx);
        uint16_t flags = (q->used_wrap ? FLAG_AVAIL | FLAG_USED : 0) | (u[i].len ? DESC_WRITE : 0);
        uint8_t d[6];
        put_le32(d, u[i].len);
        put_le16(d + 4, u[i].id);
        virtq_put(vq, at + 8, d, sizeof(d));
        if (i)
            virtq_put16(vq, at + 14, flags);
        else
            first_flags = flags;
        advance(&q->used_idx, &q->used_wrap, u[i].slots, q->num);
    }
    __atomic_thread_fence(__ATOMIC_RELEASE);
    virtq_put16(vq, first, first_flags);
}

static bool packed_empty(VirtQueue *vq)
{
    const VirtQueueState *q = virtq_state(vq);
    uint16_t flags;

    return !virtq_get16(vq, slot_at(q, q->last_avail) + 14, &flags) || !is_available(q, flags);
}

/* Where the driver makes its next descriptor available, behind those that are there. */
static uint16_t next_off_wrap(VirtQueue *vq)
{
    VirtQueueState q = *virtq_state(vq);
    uint16_t flags;

    for (unsigned n = 0; n < q.num; n++) {
        if (!virtq_get16(vq, slot_at(&q, q.last_avail) + 14, &flags) || !is_available(&q, flags))
            break;
        advance(&q.last_avail, &q.avail_wrap, 1, q.num);
    }
    return q.last_avail | q.avail_wrap << 15;
}

static void packed_want_kicks(VirtQueue *vq, bool on)
{
    const VirtQueueState *q = virtq_state(vq);

    if (!on) {
        virtq_put16(vq, q->used + EVENT_FLAGS, EVENT_DISABLE);
    } else if (virtio_has(vq->v, VIRTIO_F_EVENT_IDX)) {
        virtq_put16(vq, q->used, next_off_wrap(vq));
        __atomic_thread_fence(__ATOMIC_RELEASE);
        virtq_put16(vq, q->used + EVENT_FLAGS, EVENT_DESC);
    } else {
        virtq_put16(vq, q->used + EVENT_FLAGS, EVENT_ENABLE);
    }
}

static bool packed_wants_interrupt(VirtQueue *vq)
{
    VirtQueueState *q = virtq_state(vq);
    uint8_t e[4];

    if (!virtq_get(vq, q->avail, e, sizeof(e)))
        return false;
    unsigned flags = get_le16(e + EVENT_FLAGS), off = get_le16(e) & 0x7fff;
    if (flags != EVENT_DESC || !virtio_has(vq->v, VIRTIO_F_EVENT_IDX))
        return flags != EVENT_DISABLE;
    if (get_le16(e) >> 15 != q->used_wrap)
        off -= q->num; /* of the round before */
    return virtq_passed(off, q->used_idx, q->used_idx - q->since);
}

const VirtqLayout virtq_packed = { packed_take,  packed_give_back,  packed_use,
                                   packed_empty, packed_want_kicks, packed_wants_interrupt };
