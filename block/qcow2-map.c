/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: where bytes live. After the format's published specification, versions 2 and 3; all
 * numbers are big-endian, positions are bytes in the file, a cluster is 2^cluster_bits bytes.
 *
 *   header (cluster 0) --+--> L1 table ----> L2 table ----> data cluster
 *     version, size      |    COPIED | pos   COPIED | PACKED | pos | ZERO     packed: 62-(cb-8)
 * bits feature bits       |                                                    of pos, rest:
 * sectors-1 backing file name  +--> refcount table ----> refcount block ----> 2^order bits a
 * cluster extensions         +--> snapshot table ----> that snapshot's L1 table
 *
 * Crash invariants, referred to by number in all of qcow2-*.c:
 *  1 Memory is the truth; the file follows only by flush. Evicting a dirty table is a flush.
 *  2 A flush writes a copy of all dirty metadata taken at one instant T, without a yield.
 *  3 Order, with a sync between stages that are not empty: (a) data completed before T, refcount
 *    blocks, a moved refcount table, the file's length; (b) refcount-table entries or the header's
 *    pointer; (c) L2; (d) L1; (e) the header's size and its pointer to L1; a last sync.
 *  4 On disk refcount >= references, always. Increments go in 3a; a decrement is made in memory
 *    only after the flush that removed the reference succeeded. A cut may leak, never corrupt.
 *  5 Payload and copy-on-write fill have completed before commit, and are synced before the L2
 *    entry is written.
 *  6 A freed cluster keeps its count until its unlinking is on disk, every request in flight at the
 *    unlinking has left, and its punch has ended. Bounded: above QCOW2_FREES_MAX we flush.
 *  7 A table being written (clean, not yet synced) is neither evicted nor read again.
 *  8 Any subset of a table's sectors may survive a cut: every entry stands alone. A new or moved
 *    table is all dirty.
 *  9 The file reaches past every cluster that L2 names before 3c, judged by the length known
 * durable. 10 A failed stage stops the flush: the whole copy is dirty again, the frees of T stay
 * queued. 11 A failed data write returns its clusters at once: they were never linked. 12 FRESH:
 * never handed out, and beyond the file's end at open. 13 COPIED means refcount 1. 15 Header
 * changes fit one sector: refcount pointer and size, features, size and L1 pointer. (14 is of
 * packed writes.)
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "block/error.h"
#include "block/qcow2.h"

typedef enum { L2_NONE, L2_ZERO_PLAIN, L2_ZERO_KEPT, L2_DATA, L2_PACKED_DATA } L2Kind;

int qcow2_corrupt(Qcow2 *q, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (!q->corrupt)
        block_warn("qcow2: image '%s' is corrupt: %s%s", q->node->filename, text,
                   node_writable(q->node) ? "; it takes no more writes" : "");
    q->corrupt = true;
    if (node_writable(q->node) && !(q->incompat & INCOMPAT_CORRUPT) && q->version >= 3) {
        q->incompat |= INCOMPAT_CORRUPT;
        q->features_dirty = true;
    }
    return -EIO;
}

void qcow2_packed(const Qcow2 *q, uint64_t entry, uint64_t *pos, uint64_t *len)
{
    unsigned shift = 62 - (q->cluster_bits - 8);
    uint64_t sectors = ((entry & ~(QCOW2_COPIED | QCOW2_PACKED)) >> shift) + 1;

    *pos = entry & ((1ull << shift) - 1);
    *len = sectors * SECTOR - (*pos & (SECTOR - 1));
}

/* What an entry says; *pos: its cluster. Negative: it cannot be. */
static int l2_kind(Qcow2 *q, uint64_t entry, uint64_t *pos)
{
    *pos = entry & QCOW2_POS;
    if (entry & QCOW2_PACKED)
        return L2_PACKED_DATA;
    if ((entry & L2_RESERVED) || *pos % q->cluster_size || ((entry & QCOW2_ZERO) && q->version < 3))
        return qcow2_corrupt(q, "an L2 entry reads 0x%" PRIx64, entry);
    if (entry & QCOW2_ZERO)
        return *pos ? L2_ZERO_KEPT : L2_ZERO_PLAIN;
    return *pos ? L2_DATA : L2_NONE;
}

int qcow2_check_entries(Qcow2 *q, const Table *t)
{
    uint64_t pos;
    int kind = 0;

    for (uint64_t i = 0; i < table_entries(t) && kind >= 0; i++)
        kind = l2_kind(q, table_entry(t, i), &pos);
    return MIN(kind, 0);
}

static uint64_t l1_index(const Qcow2 *q, uint64_t off)
{
    return off >> (q->cluster_bits + q->l2_bits);
}

static uint64_t l2_index(const Qcow2 *q, uint64_t off)
{
    return (off >> q->cluster_bits) & ((1ull << q->l2_bits) - 1);
}

static uint64_t cluster_start(const Qcow2 *q, uint64_t off)
{
    return off & ~(q->cluster_size - 1);
}

/* Clusters that [off, off+len) touches within off's L2 table. */
static uint64_t clusters_in_table(const Qcow2 *q, uint64_t off, uint64_t len)
{
    uint64_t first = off >> q->cluster_bits, last = (off + len - 1) >> q->cluster_bits;

    return MIN(last - first + 1, (1ull << q->l2_bits) - l2_index(q, off));
}

static bool table_durable(const Qcow2 *q, const Table *t)
{
    return !t->is_dirty && !t->writing && !q->l1.is_dirty && !q->l1.writing && !q->rt.is_dirty &&
           !q->rt.writing && !q->rt_moved && !q->header_dirty;
}

/* ---- reading ---- */

static void extent_packed(const Qcow2 *q, uint64_t entry, Extent *ext)
{
    ext->kind = EXT_PACKED;
    ext->len = q->cluster_size;
    ext->file = q->file;
    qcow2_packed(q, entry, &ext->pos, &ext->packed_len);
}

static bool same_run(L2Kind kind, L2Kind next, uint64_t pos, uint64_t next_pos)
{
    if (kind == L2_DATA)
        return next == L2_DATA && pos == next_pos;
    if (kind == L2_NONE)
        return next == L2_NONE;
    return next == L2_ZERO_PLAIN || next == L2_ZERO_KEPT;
}

/* The run of entries of one kind from off on; ext->off and ext->flags are set. */
static int map_run(Qcow2 *q, const Table *t, uint64_t off, uint64_t n, Extent *ext)
{
    uint64_t i = l2_index(q, off), pos, next_pos, count = 1;
    int kind = l2_kind(q, table_entry(t, i), &pos), next;

    if (kind < 0)
        return kind;
    if (kind == L2_PACKED_DATA) {
        extent_packed(q, table_entry(t, i), ext);
        return 0;
    }
    while (count < n) {
        next = l2_kind(q, table_entry(t, i + count), &next_pos);
        if (next < 0 || !same_run(kind, next, pos + (count << q->cluster_bits), next_pos))
            break;
        count++;
    }
    ext->len = count << q->cluster_bits;
    ext->kind = kind == L2_DATA ? EXT_DATA : kind == L2_NONE ? EXT_BACKING : EXT_ZERO;
    ext->pos = kind == L2_NONE ? ext->off : pos;
    ext->file = kind == L2_NONE ? q->node->backing : q->file;
    if (kind == L2_ZERO_KEPT)
        ext->flags |= EXT_POS;
    return 0;
}

static int map_read_co(Qcow2 *q, uint64_t off, uint64_t len, Extent *ext)
{
    uint64_t n = clusters_in_table(q, off, len), l1 = l1_index(q, off), pos;
    Table *t;
    int ret;

    *ext = (Extent){ .off = cluster_start(q, off) };
    pos = l1 < table_entries(&q->l1) ? table_entry(&q->l1, l1) & QCOW2_POS : 0;
    if (!pos) {
        ext->len = n << q->cluster_bits;
        ext->kind = EXT_BACKING;
        ext->pos = ext->off;
        ext->file = q->node->backing;
        return 0;
    }
    ret = table_get_co(q, pos, TABLE_L2, &t);
    if (ret < 0)
        return ret;
    if (table_durable(q, t))
        ext->flags |= EXT_DURABLE;
    ret = map_run(q, t, off, n, ext);
    table_unpin(t);
    return ret;
}

/* ---- the table to write to ---- */

/* A new L2 table for L1 entry i, a copy of the shared one at old if there is one. */
static int l2_make_co(Qcow2 *q, uint64_t i, uint64_t entry, Table **out)
{
    uint64_t old = entry & QCOW2_POS, pos, got;
    Table *from = NULL, *t;
    bool fresh;
    int ret;

    if (old) {
        ret = table_get_co(q, old, TABLE_L2, &from);
        if (ret < 0)
            return ret;
    }
    ret = qcow2_alloc_co(q, 1, &pos, &got, &fresh);
    if (ret == 0 && table_entry(&q->l1, i) != entry) {
        qcow2_unalloc_co(q, pos, 1); /* somebody else made it meanwhile */
        ret = -EAGAIN;
    }
    if (ret == 0) {
        t = table_new(q, pos, TABLE_L2);
        if (from)
            memcpy(t->data, from->data, t->len);
        meta_set(q, pos >> q->cluster_bits, true);
        table_set(&q->l1, i, pos | QCOW2_COPIED);
        if (old)
            qcow2_free_later(q, old, q->cluster_size);
        *out = t;
    }
    if (from)
        table_unpin(from);
    return ret;
}

/* Pinned, referenced by this image's L1 table only. Nothing has yielded since it was looked up. */
static int l2_for_write_co(Qcow2 *q, uint64_t off, Table **t)
{
    uint64_t i = l1_index(q, off);
    int ret;

    if (i >= table_entries(&q->l1))
        return -EINVAL;
    for (;;) {
        uint64_t entry = table_entry(&q->l1, i);

        if (entry & QCOW2_COPIED)
            ret = table_get_co(q, entry & QCOW2_POS, TABLE_L2, t);
        else
            ret = l2_make_co(q, i, entry, t);
        if (ret == 0 && ((entry & QCOW2_COPIED) == 0 || table_entry(&q->l1, i) == entry))
            return 0;
        if (ret == 0)
            table_unpin(*t);
        else if (ret != -EAGAIN)
            return ret;
    }
}

/* ---- cookies ---- */

static bool alloc_covers(const Qcow2 *q, uint64_t off)
{
    for (const Alloc *a = q->allocs; a; a = a->next) {
        if (off >= a->off && off < a->off + a->len)
            return true;
    }
    return false;
}

/* How many of n clusters from off on nobody is allocating; at least the first is free. */
static uint64_t alloc_limit(const Qcow2 *q, uint64_t off, uint64_t n)
{
    uint64_t end = off + (n << q->cluster_bits);

    for (const Alloc *a = q->allocs; a; a = a->next) {
        if (a->off > off && a->off < end)
            end = a->off;
    }
    return (end - off) >> q->cluster_bits;
}

static void alloc_end(Qcow2 *q, Alloc *a)
{
    Alloc **p = &q->allocs;

    while (*p != a)
        p = &(*p)->next;
    *p = a->next;
    table_unpin(a->l2);
    co_queue_wake(&q->alloc_wait);
    g_free(a);
}

/* Looks up the table and waits for whoever allocates the first cluster. */
static int begin_change_co(Qcow2 *q, uint64_t off, Table **t)
{
    int ret;

    for (;;) {
        if (q->corrupt)
            return -EIO;
        if (q->n_pending > QCOW2_FREES_MAX && (ret = qcow2_flush_locked_co(q)) < 0)
            return ret;
        ret = l2_for_write_co(q, off, t);
        if (ret < 0 || !alloc_covers(q, off))
            return ret;
        table_unpin(*t);
        co_queue_wait_co(&q->alloc_wait, &q->lock);
    }
}

/* ---- allocating ---- */

typedef enum { WAY_IN_PLACE, WAY_REUSE, WAY_NEW } Way;

static int write_way(Qcow2 *q, uint64_t entry, uint64_t *pos)
{
    int kind = l2_kind(q, entry, pos);

    if (kind < 0)
        return kind;
    if ((kind == L2_DATA || kind == L2_ZERO_KEPT) && (entry & QCOW2_COPIED)) {
        if (meta_get(q, *pos >> q->cluster_bits))
            return qcow2_corrupt(q, "an L2 entry points at the table at offset 0x%" PRIx64, *pos);
        return kind == L2_DATA ? WAY_IN_PLACE : WAY_REUSE;
    }
    return WAY_NEW;
}

/* The run of clusters that are written the same way, in place ones in a row on the disk. */
static int way_run(Qcow2 *q, const Table *t, uint64_t i, uint64_t n, uint64_t *pos, uint64_t *count)
{
    int way = write_way(q, table_entry(t, i), pos);
    uint64_t next_pos;

    for (*count = 1; way >= 0 && *count < n; ++*count) {
        if (write_way(q, table_entry(t, i + *count), &next_pos) != way)
            break;
        if (way != WAY_NEW && next_pos != *pos + (*count << q->cluster_bits))
            break;
    }
    return way;
}

static int map_new_co(Qcow2 *q, Table *t, uint64_t i, uint64_t n, int way, Extent *ext)
{
    Alloc *a = g_new0(Alloc, 1);
    uint64_t got = n;
    bool fresh = false;
    int ret = 0;

    *a = (Alloc){ .next = q->allocs,
                  .off = ext->off,
                  .len = n << q->cluster_bits,
                  .pos = ext->pos,
                  .l2 = t,
                  .index = i,
                  .n = n,
                  .reuse = way == WAY_REUSE };
    q->allocs = a;
    if (way == WAY_NEW)
        ret = qcow2_alloc_co(q, n, &a->pos, &got, &fresh);
    if (ret < 0) {
        alloc_end(q, a);
        return ret;
    }
    if (got < n) {
        a->n = got;
        a->len = got << q->cluster_bits;
        co_queue_wake(&q->alloc_wait);
    }
    ext->len = a->len;
    ext->pos = a->pos;
    ext->flags = fresh ? EXT_FRESH : 0;
    ext->cookie = a;
    return 0;
}

/* t is pinned; the cookie takes the pin over. */
static int map_alloc_co(Qcow2 *q, Table *t, uint64_t off, uint64_t n, Extent *ext)
{
    uint64_t i = l2_index(q, off), count;
    int way = way_run(q, t, i, n, &ext->pos, &count);

    ext->kind = EXT_DATA;
    ext->file = q->file;
    if (way == WAY_REUSE || way == WAY_NEW)
        return map_new_co(q, t, i, count, way, ext);
    if (way == WAY_IN_PLACE) {
        ext->len = count << q->cluster_bits;
        ext->flags = table_durable(q, t) ? EXT_DURABLE : 0;
    }
    table_unpin(t);
    return MIN(way, 0);
}

/* The reference that an entry was is gone. */
void qcow2_free_entry(Qcow2 *q, uint64_t entry)
{
    uint64_t pos = entry & QCOW2_POS, len = q->cluster_size;

    if (entry & QCOW2_PACKED)
        qcow2_packed(q, entry, &pos, &len);
    if (!pos)
        return;
    for (uint64_t c = pos >> q->cluster_bits; c <= (pos + len - 1) >> q->cluster_bits; c++) {
        if (meta_get(q, c)) {
            qcow2_corrupt(q, "an L2 entry pointed at the table of cluster %" PRIu64, c);
            return;
        }
    }
    qcow2_free_later(q, pos, len);
}

/* The commit of one cluster: no yield, nothing that can fail. */
static void commit_entry(Qcow2 *q, Alloc *a, unsigned k)
{
    uint64_t old = table_entry(a->l2, a->index + k),
             pos = a->pos + ((uint64_t)k << q->cluster_bits);

    table_set(a->l2, a->index + k, pos | QCOW2_COPIED);
    if (!a->reuse)
        qcow2_free_entry(q, old);
}

int qcow2_commit_co(BlockNode *node, const Extent *ext, int io_ret)
{
    Qcow2 *q = node->priv;
    Alloc *a = ext->cookie;

    g_mutex_lock(&q->lock);
    for (unsigned k = 0; k < a->n && io_ret >= 0; k++)
        commit_entry(q, a, k);
    if (io_ret < 0 && !a->reuse)
        qcow2_unalloc_co(q, a->pos, a->n);
    alloc_end(q, a);
    g_mutex_unlock(&q->lock);
    return MIN(io_ret, 0);
}

/* ---- zero, unmap, discard ---- */

/* The entry after the change; keep: the cluster stays under a zero flag. */
static uint64_t zeroed_entry(const Qcow2 *q, uint64_t old, int kind, Want want, bool *keep)
{
    bool hides = q->node->backing != NULL;

    *keep = q->version >= 3 && want == WANT_ZERO && (old & QCOW2_COPIED) &&
            (kind == L2_DATA || kind == L2_ZERO_KEPT);
    if (*keep)
        return old | QCOW2_ZERO;
    if (kind == L2_NONE && (want == WANT_DISCARD || !hides))
        return old;
    return q->version >= 3 && (hides || want == WANT_ZERO) ? QCOW2_ZERO : 0;
}

static int zero_entry(Qcow2 *q, Table *t, uint64_t i, Want want)
{
    uint64_t old = table_entry(t, i), entry, pos;
    int kind = l2_kind(q, old, &pos);
    bool keep;

    if (kind < 0)
        return kind;
    entry = zeroed_entry(q, old, kind, want, &keep);
    if (entry == old)
        return 0;
    table_set(t, i, entry);
    if (!keep && kind != L2_NONE && kind != L2_ZERO_PLAIN)
        qcow2_free_entry(q, old);
    return 0;
}

/* Whole clusters only: the part of a cluster is somebody else's work. */
static bool covers_clusters(const Qcow2 *q, uint64_t off, uint64_t len, uint64_t *n)
{
    uint64_t end = off + len;

    if (end >= q->size)
        end = (end + q->cluster_size - 1) & ~(q->cluster_size - 1);
    *n = (off & (q->cluster_size - 1)) || end < off + q->cluster_size
             ? 0
             : (end - off) >> q->cluster_bits;
    return *n > 0;
}

/* Can this image say "zero" at all? v2 only by having nothing below. */
static bool can_zero(const Qcow2 *q)
{
    return q->version >= 3 || !q->node->backing;
}

static int map_zero_co(Qcow2 *q, uint64_t off, uint64_t n, Want want, Extent *ext)
{
    Table *t;
    int ret = begin_change_co(q, off, &t);

    if (ret < 0)
        return ret;
    n = alloc_limit(q, off, MIN(n, clusters_in_table(q, off, n << q->cluster_bits)));
    for (uint64_t k = 0; k < n && ret == 0; k++)
        ret = zero_entry(q, t, l2_index(q, off) + k, want);
    table_unpin(t);
    ext->kind = EXT_ZERO;
    ext->len = n << q->cluster_bits;
    return ret;
}

/* What a whole missing L2 table would have to say is said by its absence. */
static bool table_absent_is_zero(const Qcow2 *q, uint64_t off)
{
    return !q->node->backing && !(table_entry(&q->l1, l1_index(q, off)) & QCOW2_POS);
}

/* Part of a cluster that reads as zeros anyway needs no cluster. */
static bool cluster_is_zero(Qcow2 *q, const Table *t, uint64_t off)
{
    uint64_t pos;
    int kind = l2_kind(q, table_entry(t, l2_index(q, off)), &pos);

    return kind == L2_ZERO_PLAIN || kind == L2_ZERO_KEPT || (kind == L2_NONE && !q->node->backing);
}

static int map_change_co(Qcow2 *q, uint64_t off, uint64_t len, Want want, Extent *ext)
{
    uint64_t n = clusters_in_table(q, off, len), whole;
    Table *t;
    int ret;

    if (l1_index(q, off) >= table_entries(&q->l1))
        return -EINVAL;
    *ext = (Extent){ .off = cluster_start(q, off) };
    if (want != WANT_ALLOC) {
        if (q->corrupt)
            return -EIO;
        if (table_absent_is_zero(q, off)) {
            ext->kind = EXT_ZERO;
            ext->len = n << q->cluster_bits;
            return 0;
        }
        if (covers_clusters(q, off, len, &whole) && can_zero(q))
            return map_zero_co(q, off, MIN(whole, n), want, ext);
        n = 1;
        if (want == WANT_DISCARD) {
            ext->kind = EXT_DATA;
            ext->len = q->cluster_size;
            return 0;
        }
    }
    ret = begin_change_co(q, off, &t);
    if (ret < 0)
        return ret;
    if (want != WANT_ALLOC && cluster_is_zero(q, t, off)) {
        table_unpin(t);
        ext->kind = EXT_ZERO;
        ext->len = q->cluster_size;
        return 0;
    }
    return map_alloc_co(q, t, off, alloc_limit(q, ext->off, n), ext);
}

int qcow2_map_co(BlockNode *node, uint64_t off, uint64_t len, Want want, Extent *ext)
{
    Qcow2 *q = node->priv;
    int ret;

    if (want == WANT_PACK)
        return -ENOTSUP;
    g_mutex_lock(&q->lock);
    if (want == WANT_READ)
        ret = map_read_co(q, off, len, ext);
    else
        ret = map_change_co(q, off, len, want, ext);
    g_mutex_unlock(&q->lock);
    return ret;
}
