/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements of virtqueues, whatever the layout: taking one out of the ring (a snapshot of its
 * descriptors, checked, then mapped), using it, parking it in the state, notifications.
 *
 * Parked: {le16 queue, id, slots, 0; le32 segments, of which out}, then {le64 addr, le32 len, le32
 * 0} each. A packed ring's descriptors may be overwritten by others' used ones, so the segments
 * themselves are kept. Threads: machine lock.
 */
#include "hw/virtio/virtio-int.h"
#include "core/vm.h"
#include "util/iov.h"

enum { PARKED_HEAD = 16, PARKED_MAX = 64 << 20 };

/* ---- guest memory ---- */

bool virtq_get(VirtQueue *vq, uint64_t addr, void *buf, size_t n)
{
    if (vq->v->st.broken)
        return false;
    if (dma_read(vq->v->dev, addr, buf, n))
        return true;
    virtio_break(vq->v, "queue %u: no memory at %#" G_GINT64_MODIFIER "x", vq->index, addr);
    return false;
}

bool virtq_get16(VirtQueue *vq, uint64_t addr, uint16_t *val)
{
    uint16_t raw;

    if (!virtq_get(vq, addr, &raw, 2))
        return false;
    *val = GUINT16_FROM_LE(raw);
    return true;
}

void virtq_put(VirtQueue *vq, uint64_t addr, const void *buf, size_t n)
{
    if (!vq->v->st.broken && !dma_write(vq->v->dev, addr, buf, n))
        virtio_break(vq->v, "queue %u: no memory at %#" G_GINT64_MODIFIER "x", vq->index, addr);
}

void virtq_put16(VirtQueue *vq, uint64_t addr, uint16_t val)
{
    val = GUINT16_TO_LE(val);
    virtq_put(vq, addr, &val, 2);
}

/* ---- descriptors ---- */

bool virtq_segment(VirtQueue *vq, uint64_t addr, uint32_t len, uint16_t flags)
{
    VirtqScratch *s = vq->v->scratch;
    bool in = flags & DESC_WRITE;

    if (!len) /* allowed, and nothing to do */
        return true;
    if (s->n_segs == VIRTIO_CHAIN || addr + len < addr) {
        virtio_break(vq->v, "queue %u: %s", vq->index,
                     s->n_segs == VIRTIO_CHAIN ? "more than 1024 descriptors"
                                               : "a buffer over the end of memory");
        return false;
    }
    if (!in && s->n_segs != s->n_out) {
        virtio_break(vq->v, "queue %u: a readable descriptor behind a writable one", vq->index);
        return false;
    }
    s->segs[s->n_segs++] = (VirtqSeg){ addr, len, 0 };
    s->n_out += !in;
    return true;
}

bool virtq_indirect(VirtQueue *vq, uint64_t addr, uint32_t len, uint16_t flags, bool in_order)
{
    uint8_t *table = vq->v->scratch->table;
    unsigned n = len / DESC_SIZE, at = 0;

    if (!virtio_has(vq->v, VIRTIO_F_INDIRECT_DESC) || (flags & DESC_NEXT) || len % DESC_SIZE ||
        !n || n > VIRTIO_CHAIN) {
        virtio_break(vq->v, "queue %u: an indirect table of %u bytes, flags %#x", vq->index, len,
                     flags);
        return false;
    }
    if (!virtq_get(vq, addr, table, len))
        return false;
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *d = table + at * DESC_SIZE;
        uint16_t f = get_le16(d + (in_order ? 14 : 12));
        if ((f & DESC_INDIRECT) && !in_order)
            break;
        if (!virtq_segment(vq, get_le64(d), get_le32(d + 8), f))
            return false;
        if (in_order ? i == n - 1 : !(f & DESC_NEXT))
            return true;
        at = in_order ? i + 1 : get_le16(d + 14);
        if (at >= n)
            break;
    }
    virtio_break(vq->v, "queue %u: an indirect table that has no end", vq->index);
    return false;
}

/* ---- elements ---- */

static void unmap_all(Device *d, DmaMap *maps, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        dma_unmap(d, &maps[i], 0);
}

/* What of scratch's segments is mapped; pieces, of which *n_out of the readable ones; -1: broken */
static int map_segments(VirtQueue *vq, unsigned *n_out)
{
    VirtqScratch *s = vq->v->scratch;
    unsigned n = 0;

    for (unsigned i = 0; i < s->n_segs; i++) {
        uint64_t addr = s->segs[i].addr, left = s->segs[i].len;
        if (i == s->n_out)
            *n_out = n;
        while (left) {
            DmaMap *m = &s->maps[n];
            if (n == VIRTIO_PIECES || !dma_map(vq->v->dev, addr, left, i >= s->n_out, m)) {
                unmap_all(vq->v->dev, s->maps, n);
                virtio_break(vq->v, "queue %u: no memory for a buffer at %#" G_GINT64_MODIFIER "x",
                             vq->index, addr);
                return -1;
            }
            s->iov[n++] = (struct iovec){ m->p, m->len };
            addr += m->len;
            left -= m->len;
        }
    }
    if (s->n_out == s->n_segs)
        *n_out = n;
    return n;
}

static VirtqElem *elem_make(VirtQueue *vq, uint16_t id, uint16_t slots)
{
    const VirtqScratch *s = vq->v->scratch;
    unsigned n_out = 0;
    int n = map_segments(vq, &n_out);

    if (n < 0)
        return NULL;
    size_t iov_at = sizeof(VirtqElem), maps_at = iov_at + n * sizeof(struct iovec),
           segs_at = maps_at + n * sizeof(DmaMap);
    char *mem = g_malloc(segs_at + s->n_segs * sizeof(VirtqSeg));
    VirtqElem *e = (VirtqElem *)mem;
    *e = (VirtqElem){ .vq = vq, .id = id, .slots = slots, .n_out = n_out, .n_in = n - n_out };
    e->n_segs = s->n_segs;
    e->n_out_segs = s->n_out;
    e->out = (struct iovec *)(mem + iov_at);
    e->in = e->out + n_out;
    e->maps = (DmaMap *)(mem + maps_at);
    e->segs = (VirtqSeg *)(mem + segs_at);
    if (n) {
        memcpy(e->out, s->iov, n * sizeof(struct iovec));
        memcpy(e->maps, s->maps, n * sizeof(DmaMap));
    }
    if (s->n_segs)
        memcpy(e->segs, s->segs, s->n_segs * sizeof(VirtqSeg));
    e->out_len = iov_bytes(e->out, e->n_out);
    e->in_len = iov_bytes(e->in, e->n_in);
    return e;
}

bool virtq_ready(const VirtQueue *vq)
{
    const Virtio *v = vq->v;
    const VirtQueueState *q = virtq_state(vq);

    /* old drivers use their queues before they say DRIVER_OK */
    return q->enabled && !q->resetting && !v->st.broken &&
           (!virtio_modern(v) || (v->st.status & VIRTIO_DRIVER_OK));
}

VirtqElem *virtq_pop(VirtQueue *vq)
{
    VirtqScratch *s = vq->v->scratch;
    uint16_t id, slots;

    if (!virtq_ready(vq))
        return NULL;
    s->n_segs = s->n_out = 0;
    int got = virtq_layout(vq)->take(vq, &id, &slots);
    if (got <= 0)
        return NULL;
    if (vq->inuse >= virtq_state(vq)->num) {
        virtio_break(vq->v, "queue %u: more buffers than the ring has places", vq->index);
        return NULL;
    }
    VirtqElem *e = elem_make(vq, id, slots);
    if (e)
        vq->inuse++;
    return e;
}

static void elem_free(VirtqElem *e, uint64_t written)
{
    Device *d = e->vq->v->dev;
    unsigned n = e->n_out + e->n_in;

    for (unsigned i = 0; i < n; i++) {
        uint64_t part = i < e->n_out ? 0 : MIN(written, e->maps[i].len);
        dma_unmap(d, &e->maps[i], part);
        written -= part;
    }
    g_free(e);
}

/* It is no longer given out; a queue that waited for its last one is reset now. */
static void elem_over(VirtQueue *vq)
{
    if (vq->inuse)
        vq->inuse--;
    if (!vq->inuse && virtq_state(vq)->resetting)
        virtq_clear(vq);
}

void virtq_drop(VirtqElem *e)
{
    VirtQueue *vq = e->vq;

    elem_free(e, 0);
    elem_over(vq);
}

void virtq_push_all(VirtqElem *const *all, const uint64_t *written, unsigned n)
{
    VirtQueue *vq = all[0]->vq;
    VirtQueueState *q = virtq_state(vq);
    VirtqUsed *used = vq->v->scratch->used;

    g_assert(n && n <= VIRTIO_QUEUE_MAX);
    for (unsigned i = 0; i < n; i++) {
        uint64_t len = MIN(written[i], all[i]->in_len);
        used[i] = (VirtqUsed){ all[i]->id, all[i]->slots, MIN(len, UINT32_MAX) };
        elem_free(all[i], len);
    }
    if (virtq_ready(vq)) {
        virtq_layout(vq)->use(vq, used, n);
        for (unsigned i = 0; i < n; i++)
            q->since += virtio_has(vq->v, VIRTIO_F_RING_PACKED) ? used[i].slots : 1;
    }
    for (unsigned i = 0; i < n; i++)
        elem_over(vq);
}

void virtq_push(VirtqElem *e, uint64_t written)
{
    virtq_push_all(&e, &written, 1);
}

void virtq_unpop(VirtqElem *e)
{
    VirtQueue *vq = e->vq;

    virtq_layout(vq)->give_back(vq, e->slots);
    virtq_drop(e);
}

bool virtq_read(const VirtqElem *e, uint64_t off, void *buf, size_t n)
{
    if (off > e->out_len || n > e->out_len - off)
        return false;
    iov_to_buf(e->out, e->n_out, off, buf, n);
    return true;
}

bool virtq_write(const VirtqElem *e, uint64_t off, const void *buf, size_t n)
{
    if (off > e->in_len || n > e->in_len - off)
        return false;
    iov_from_buf(e->in, e->n_in, off, buf, n);
    return true;
}

/* ---- parked ones ---- */

void virtq_park(VirtqElem *e)
{
    VirtQueue *vq = e->vq;
    GByteArray *to = vq->v->st.parked;
    uint8_t head[PARKED_HEAD] = { 0 }, seg[16] = { 0 };

    if (to->len + PARKED_HEAD + e->n_segs * sizeof(seg) > PARKED_MAX) {
        virtio_break(vq->v, "too many long requests wait");
        virtq_drop(e);
        return;
    }
    put_le16(head, vq->index);
    put_le16(head + 2, e->id);
    put_le16(head + 4, e->slots);
    put_le32(head + 8, e->n_segs);
    put_le32(head + 12, e->n_out_segs);
    g_byte_array_append(to, head, sizeof(head));
    for (unsigned i = 0; i < e->n_segs; i++) {
        put_le64(seg, e->segs[i].addr);
        put_le32(seg + 8, e->segs[i].len);
        g_byte_array_append(to, seg, sizeof(seg));
    }
    elem_free(e, 0);
}

/* Bytes of the record at p, 0: it is none */
static size_t parked_size(const Virtio *v, const uint8_t *p, size_t n)
{
    if (n < PARKED_HEAD)
        return 0;
    uint32_t segs = get_le32(p + 8), out = get_le32(p + 12);
    unsigned slots = get_le16(p + 4);
    if (get_le16(p) >= v->n_queues || segs > VIRTIO_CHAIN || out > segs || !slots ||
        slots > v->q[get_le16(p)].num || n - PARKED_HEAD < segs * 16)
        return 0;
    return PARKED_HEAD + segs * 16;
}

/* fn of each record, until it returns false; false: bytes that are no records */
static bool parked_each(Virtio *v, bool (*fn)(Virtio *, size_t at, size_t n, void *o), void *o)
{
    const GByteArray *b = v->st.parked;

    for (size_t at = 0, n; at < b->len; at += n) {
        n = parked_size(v, b->data + at, b->len - at);
        if (!n)
            return false;
        if (fn && !fn(v, at, n, o))
            break;
    }
    return true;
}

bool virtq_parked_ok(Virtio *v)
{
    return parked_each(v, NULL, NULL);
}

static bool count_one(Virtio *v, size_t at, size_t n, void *o)
{
    v->vq[get_le16(v->st.parked->data + at)].inuse++;
    return true;
}

void virtq_inuse_init(Virtio *v)
{
    for (unsigned i = 0; i < v->n_queues; i++)
        v->vq[i].inuse = 0;
    parked_each(v, count_one, NULL);
}

typedef struct Find {
    const VirtQueue *only;
    size_t at, n;
} Find;

static bool find_one(Virtio *v, size_t at, size_t n, void *o)
{
    Find *f = o;

    if (f->only && get_le16(v->st.parked->data + at) != f->only->index)
        return true;
    f->at = at;
    f->n = n;
    return false;
}

VirtqElem *virtq_unpark(Virtio *v, VirtQueue *only)
{
    Find f = { only, 0, 0 };
    VirtqScratch *s = v->scratch;

    parked_each(v, find_one, &f);
    if (!f.n)
        return NULL;
    const uint8_t *p = v->st.parked->data + f.at;
    VirtQueue *vq = &v->vq[get_le16(p)];
    uint16_t id = get_le16(p + 2), slots = get_le16(p + 4);
    unsigned n = get_le32(p + 8), n_out = get_le32(p + 12);
    s->n_segs = s->n_out = 0;
    bool ok = true;
    for (unsigned i = 0; i < n && ok; i++) {
        const uint8_t *seg = p + PARKED_HEAD + i * 16;
        ok = virtq_segment(vq, get_le64(seg), get_le32(seg + 8), i < n_out ? 0 : DESC_WRITE);
    }
    g_byte_array_remove_range(v->st.parked, f.at, f.n);
    VirtqElem *e = ok ? elem_make(vq, id, slots) : NULL;
    if (!e)
        elem_over(vq);
    return e;
}

/* ---- telling each other ---- */

bool virtq_empty(VirtQueue *vq)
{
    return !virtq_ready(vq) || virtq_layout(vq)->empty(vq);
}

void virtq_want_kicks(VirtQueue *vq, bool on)
{
    if (!virtq_ready(vq))
        return;
    virtq_layout(vq)->want_kicks(vq, on);
    /* the driver looks at it after it wrote its index; we at the index after this */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void virtq_notify(VirtQueue *vq)
{
    VirtQueueState *q = virtq_state(vq);
    Virtio *v = vq->v;

    if (!virtq_ready(vq) || !q->since)
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool wanted = virtq_layout(vq)->wants_interrupt(vq);
    if (!wanted && virtio_has(v, VIRTIO_F_NOTIFY_ON_EMPTY))
        wanted = !vq->inuse && virtq_empty(vq);
    q->since = 0;
    if (!wanted || v->st.broken)
        return;
    v->st.isr |= 1;
    v->transport->interrupt(v, q->vector);
}

void virtq_kick(VirtQueue *vq)
{
    /* a doorbell that main hears of while a reset waits for other devices is too late */
    if (virtq_ready(vq) && !device_held(vq->v->dev))
        vq->v->ops->kick(vq->v, vq);
}

static void again_now(void *o)
{
    VirtQueue *vq = o;

    vq->pending = false;
    if (vq->v->dev->vm->running)
        virtq_kick(vq);
}

void virtq_again(VirtQueue *vq)
{
    if (vq->pending)
        return;
    vq->pending = true;
    vm_call_main(vq->v->dev->vm, vq->v->dev, again_now, vq);
}

void virtq_serve(VirtQueue *vq, void (*one)(Virtio *, VirtqElem *))
{
    unsigned left = virtq_state(vq)->num;
    VirtqElem *e;

    do {
        virtq_want_kicks(vq, false);
        for (; left && (e = virtq_pop(vq)); left--)
            one(vq->v, e);
        virtq_want_kicks(vq, true);
    } while (left && !virtq_empty(vq));
    if (!left && !virtq_empty(vq))
        virtq_again(vq);
}

bool virtq_send(VirtQueue *vq, unsigned most, bool (*one)(void *o, VirtqElem *), void *o)
{
    VirtqElem *e;

    do {
        virtq_want_kicks(vq, false);
        for (; most && (e = virtq_pop(vq)); most--) {
            if (!one(o, e)) {
                virtq_unpop(e);
                virtq_notify(vq);
                return false;
            }
            virtq_push(e, 0);
        }
        virtq_notify(vq);
        virtq_want_kicks(vq, true);
    } while (most && !virtq_empty(vq));
    if (!most)
        virtq_again(vq);
    return true;
}

/* ---- reset of one queue ---- */

void virtq_clear(VirtQueue *vq)
{
    *virtq_state(vq) = (VirtQueueState){
        .num = vq->max, .vector = VIRTIO_NO_VECTOR, .avail_wrap = true, .used_wrap = true
    };
}

void virtq_reset(VirtQueue *vq)
{
    Virtio *v = vq->v;
    VirtqElem *e;

    virtq_state(vq)->enabled = false;
    v->transport->ready(v);
    virtq_state(vq)->resetting = true;
    vq->inuse++; /* not over before we are through */
    while ((e = virtq_unpark(v, vq)))
        virtq_drop(e);
    elem_over(vq);
}
