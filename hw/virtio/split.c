/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Split virtqueues: virtio 1.2, 2.7.
 *
 *   desc   num x {le64 addr, le32 len, le16 flags, le16 next}
 *   avail  {le16 flags, le16 idx, le16 ring[num], le16 used_event}
 *   used   {le16 flags, le16 idx, {le32 id, le32 len} ring[num], le16 avail_event}
 *
 * num is a power of two, so that the free-running 16-bit indices wrap with the ring.
 */
#include "hw/virtio/virtio-int.h"

enum {
    AVAIL_IDX = 2,
    AVAIL_RING = 4,
    USED_IDX = 2,
    USED_RING = 4,
    NO_INTERRUPT = 1,
    NO_NOTIFY = 1
};

static uint64_t used_event_at(const VirtQueueState *q)
{
    return q->avail + AVAIL_RING + 2ull * q->num;
}
static uint64_t avail_event_at(const VirtQueueState *q)
{
    return q->used + USED_RING + 8ull * q->num;
}

static bool take_chain(VirtQueue *vq, unsigned head)
{
    const VirtQueueState *q = virtq_state(vq);
    uint8_t d[DESC_SIZE];
    unsigned at = head;

    for (unsigned n = 0; n < q->num; n++) {
        if (!virtq_get(vq, q->desc + (uint64_t)at * DESC_SIZE, d, DESC_SIZE))
            return false;
        uint16_t flags = get_le16(d + 12);
        if (flags & DESC_INDIRECT)
            return virtq_indirect(vq, get_le64(d), get_le32(d + 8), flags, false);
        if (!virtq_segment(vq, get_le64(d), get_le32(d + 8), flags))
            return false;
        if (!(flags & DESC_NEXT))
            return true;
        at = get_le16(d + 14);
        if (at >= q->num) {
            virtio_break(vq->v, "queue %u: a chain goes on at descriptor %u of %u", vq->index, at,
                         q->num);
            return false;
        }
    }
    virtio_break(vq->v, "queue %u: a chain of descriptors that has no end", vq->index);
    return false;
}

static int split_take(VirtQueue *vq, uint16_t *id, uint16_t *slots)
{
    VirtQueueState *q = virtq_state(vq);
    uint16_t idx, head;

    if (!virtq_get16(vq, q->avail + AVAIL_IDX, &idx))
        return -1;
    uint16_t n = idx - q->last_avail;
    if (!n)
        return 0;
    if (n > q->num) {
        virtio_break(vq->v, "queue %u: index went from %u to %u in a ring of %u", vq->index,
                     q->last_avail, idx, q->num);
        return -1;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the entry was written before the index */
    if (!virtq_get16(vq, q->avail + AVAIL_RING + 2ull * (q->last_avail % q->num), &head))
        return -1;
    if (head >= q->num) {
        virtio_break(vq->v, "queue %u: head %u of %u descriptors", vq->index, head, q->num);
        return -1;
    }
    if (!take_chain(vq, head))
        return -1;
    q->last_avail++;
    *id = head;
    *slots = 1;
    return 1;
}

static void split_give_back(VirtQueue *vq, unsigned slots)
{
    virtq_state(vq)->last_avail--;
}

static void split_use(VirtQueue *vq, const VirtqUsed *u, unsigned n)
{
    VirtQueueState *q = virtq_state(vq);
    uint8_t e[8];

    for (unsigned i = 0; i < n; i++) {
        put_le32(e, u[i].id);
        put_le32(e + 4, u[i].len);
        virtq_put(vq, q->used + USED_RING + 8ull * (q->used_idx++ % q->num), e, sizeof(e));
    }
    __atomic_thread_fence(__ATOMIC_RELEASE);
    virtq_put16(vq, q->used + USED_IDX, q->used_idx);
}

static bool split_empty(VirtQueue *vq)
{
    const VirtQueueState *q = virtq_state(vq);
    uint16_t idx;

    return !virtq_get16(vq, q->avail + AVAIL_IDX, &idx) || idx == q->last_avail;
}

static void split_want_kicks(VirtQueue *vq, bool on)
{
    const VirtQueueState *q = virtq_state(vq);
    uint16_t idx;

    if (!virtio_has(vq->v, VIRTIO_F_EVENT_IDX))
        virtq_put16(vq, q->used, on ? 0 : NO_NOTIFY);
    /* to turn it off is to leave the event in the past; on: for what comes behind those that are
     * there, which may be too few for a received frame */
    else if (on && virtq_get16(vq, q->avail + AVAIL_IDX, &idx))
        virtq_put16(vq, avail_event_at(q), idx);
}

static bool split_wants_interrupt(VirtQueue *vq)
{
    VirtQueueState *q = virtq_state(vq);
    uint16_t val;

    if (!virtio_has(vq->v, VIRTIO_F_EVENT_IDX))
        return virtq_get16(vq, q->avail, &val) && !(val & NO_INTERRUPT);
    return virtq_get16(vq, used_event_at(q), &val) &&
           virtq_passed(val, q->used_idx, q->used_idx - q->since);
}

const VirtqLayout virtq_split = { split_take,  split_give_back,  split_use,
                                  split_empty, split_want_kicks, split_wants_interrupt };
