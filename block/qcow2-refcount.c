/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host clusters: taking them, giving them back, and the tables that count their references. A
 * refcount block for clusters that none covers yet is put into the first of them; a table that is
 * full moves behind everything together with the blocks that count it, all of it in memory until
 * the next flush. Everything is called with q->lock held.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "block/qcow2.h"

uint64_t ref_get(const Qcow2 *q, const uint8_t *block, uint64_t i)
{
    unsigned order = q->refcount_order, bits = 1u << order;
    uint64_t v = 0;

    if (order < 3)
        return block[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1);
    for (unsigned k = 0; k < bits / 8; k++)
        v = v << 8 | block[i * (bits / 8) + k];
    return v;
}

void ref_set(const Qcow2 *q, uint8_t *block, uint64_t i, uint64_t v)
{
    unsigned order = q->refcount_order, bits = 1u << order;

    if (order < 3) {
        unsigned shift = i * bits % 8, mask = ((1u << bits) - 1) << shift;

        block[i * bits / 8] = (block[i * bits / 8] & ~mask) | (v << shift & mask);
        return;
    }
    for (unsigned k = bits / 8; k--; v >>= 8)
        block[i * (bits / 8) + k] = v;
}

/* i: within the block */
static void block_set(Qcow2 *q, Table *t, uint64_t i, uint64_t v)
{
    ref_set(q, t->data, i, v);
    table_mark(t, (i << q->refcount_order) / 8, MAX((1u << q->refcount_order) / 8, 1));
}

/* ---- clusters that hold tables ---- */

bool meta_get(const Qcow2 *q, uint64_t index)
{
    return index / 64 < q->meta_words && q->meta[index / 64] >> (index % 64) & 1;
}

void meta_set(Qcow2 *q, uint64_t index, bool on)
{
    if (index / 64 >= q->meta_words) {
        uint64_t words = index / 64 + index / 256 + 16;

        q->meta = g_renew(uint64_t, q->meta, words);
        memset(q->meta + q->meta_words, 0, (words - q->meta_words) * 8);
        q->meta_words = words;
    }
    if (on)
        q->meta[index / 64] |= 1ull << (index % 64);
    else
        q->meta[index / 64] &= ~(1ull << (index % 64));
}

/* ---- growing the count ---- */

static void handed_out(Qcow2 *q, uint64_t index, uint64_t n)
{
    q->fresh_from = MAX(q->fresh_from, index + n);
    q->end = MAX(q->end, (index + n) << q->cluster_bits);
}

/* The block for clusters [b*per, ...), placed in the first of them; it counts itself. */
static int add_block(Qcow2 *q, uint64_t b)
{
    uint64_t per = refs_per_block(q), i = b * per;
    Table *t;

    while (meta_get(q, i)) {
        if (++i == (b + 1) * per)
            return qcow2_corrupt(q, "no room for a refcount block");
    }
    t = table_new(q, i << q->cluster_bits, TABLE_REF);
    block_set(q, t, i % per, 1);
    table_unpin(t);
    meta_set(q, i, true);
    handed_out(q, i, 1);
    table_set(&q->rt, b, i << q->cluster_bits);
    return 0;
}

/* How a table of n_rt clusters and the n_blocks that count both fit behind cluster `start`. */
static void size_table(const Qcow2 *q, uint64_t start, uint64_t *n_rt, uint64_t *n_blocks)
{
    uint64_t per = refs_per_block(q), per_cluster = q->cluster_size / 8;

    for (;;) {
        *n_blocks = 1;
        while (*n_blocks * per < *n_rt + *n_blocks)
            ++*n_blocks;
        if (*n_rt * per_cluster >= start / per + *n_blocks)
            return;
        ++*n_rt;
    }
}

static void move_table(Qcow2 *q, uint64_t start, uint64_t n_rt, uint64_t n_blocks)
{
    uint64_t per = refs_per_block(q), old_pos = q->rt.pos, old_len = q->rt.len;
    uint64_t used = n_blocks + n_rt;
    bool writing = q->rt.writing;
    Table rt;

    table_init(&rt, TABLE_RT, (start + n_blocks) << q->cluster_bits, n_rt << q->cluster_bits);
    memcpy(rt.data, q->rt.data, old_len);
    for (uint64_t b = 0; b < n_blocks; b++) {
        Table *t = table_new(q, (start + b) << q->cluster_bits, TABLE_REF);

        for (uint64_t i = 0; i < per && b * per + i < used; i++)
            block_set(q, t, i, 1);
        table_unpin(t);
        put_be64(rt.data + (start / per + b) * 8, t->pos);
    }
    for (uint64_t i = 0; i < used; i++)
        meta_set(q, start + i, true);
    handed_out(q, start, used);
    table_mark_all(&rt);
    table_clear(&q->rt);
    q->rt = rt;
    q->rt.link.data = &q->rt;
    q->rt.writing = writing;
    q->rt_moved = true;
    qcow2_free_later(q, old_pos, old_len);
}

static int grow_table(Qcow2 *q)
{
    uint64_t start = table_entries(&q->rt) * refs_per_block(q), n_blocks;
    uint64_t n_rt = q->rt.len >> q->cluster_bits;
    uint64_t max = MAX(QCOW2_RT_MAX >> q->cluster_bits, 1);

    if (start << q->cluster_bits >= QCOW2_HOST_MAX)
        return -EFBIG;
    n_rt = MAX(n_rt + 1, MIN(n_rt * 3 / 2, max));
    size_table(q, start, &n_rt, &n_blocks);
    if (n_rt > max)
        return -EFBIG;
    move_table(q, start, n_rt, n_blocks);
    return 0;
}

/* ---- taking ---- */

/* The first free run of the block from cluster `from` on; *got 0: none. */
static int take_run(Qcow2 *q, Table *t, uint64_t from, uint64_t n, uint64_t *index, uint64_t *got)
{
    uint64_t per = refs_per_block(q), base = from / per * per, i = from - base;

    *got = 0;
    for (; i < per && *got < n; i++) {
        bool free_now = !ref_get(q, t->data, i);

        if (free_now && meta_get(q, base + i))
            return qcow2_corrupt(q,
                                 "the cluster at offset 0x%" PRIx64 " holds a table and counts 0",
                                 (base + i) << q->cluster_bits);
        if (free_now && !(*got)++)
            *index = base + i;
        if (!free_now && *got)
            break;
    }
    for (uint64_t k = 0; k < *got; k++)
        block_set(q, t, *index - base + k, 1);
    return 0;
}

int qcow2_alloc_co(Qcow2 *q, uint64_t n, uint64_t *pos, uint64_t *got, bool *fresh)
{
    uint64_t per = refs_per_block(q), index = 0;
    int ret;

    for (;;) {
        uint64_t from = q->free_from, b = from / per;
        Table *t;

        if (b >= table_entries(&q->rt))
            ret = grow_table(q);
        else if (!(table_entry(&q->rt, b) & QCOW2_POS))
            ret = add_block(q, b);
        else
            ret = 0;
        if (ret == 0 && b < table_entries(&q->rt) && table_entry(&q->rt, b))
            ret = table_get_co(q, table_entry(&q->rt, b) & QCOW2_POS, TABLE_REF, &t);
        else if (ret == 0)
            continue;
        if (ret < 0)
            return ret;
        if (q->free_from != from) { /* others were here while the block was read */
            table_unpin(t);
            continue;
        }
        ret = take_run(q, t, from, n, &index, got);
        table_unpin(t);
        if (ret < 0)
            return ret;
        q->free_from = *got ? index + *got : (b + 1) * per;
        if (*got)
            break;
    }
    *pos = index << q->cluster_bits;
    *fresh = index >= q->fresh_from;
    handed_out(q, index, *got);
    return 0;
}

/* ---- giving back ---- */

static void count_down_co(Qcow2 *q, uint64_t index)
{
    uint64_t per = refs_per_block(q), b = index / per, refs, entry;
    Table *t;

    entry = b < table_entries(&q->rt) ? table_entry(&q->rt, b) & QCOW2_POS : 0;
    if (!entry || table_get_co(q, entry, TABLE_REF, &t) < 0)
        return; /* a leak, no more */
    refs = ref_get(q, t->data, index % per);
    if (refs)
        block_set(q, t, index % per, refs - 1);
    else
        qcow2_corrupt(q, "cluster %" PRIu64 " is freed and counts 0 already", index);
    table_unpin(t);
    if (refs == 1) {
        table_forget(q, index << q->cluster_bits);
        meta_set(q, index, false);
        q->free_from = MIN(q->free_from, index);
    }
}

void qcow2_unalloc_co(Qcow2 *q, uint64_t pos, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        count_down_co(q, (pos >> q->cluster_bits) + i);
}

void qcow2_free_later(Qcow2 *q, uint64_t pos, uint64_t len)
{
    uint64_t first = pos >> q->cluster_bits, last = (pos + len - 1) >> q->cluster_bits;
    Free *f = q->frees.tail ? q->frees.tail->data : NULL;
    uint64_t stamp = node_stamp(q->node);

    q->n_pending += last - first + 1;
    if (f && !f->flush && f->stamp == stamp && f->index + f->n == first) {
        f->n += last - first + 1;
        return;
    }
    f = g_new0(Free, 1);
    f->index = first;
    f->n = last - first + 1;
    f->stamp = stamp;
    g_queue_push_tail(&q->frees, f);
}

/* Those whose count is about to reach 0 are punched out of the file first. */
static void punch_co(Qcow2 *q, const Free *f)
{
    uint64_t per = refs_per_block(q);

    for (uint64_t i = f->index; i < f->index + f->n; i++) {
        uint64_t b = i / per, entry;
        bool last = false;
        Table *t;

        entry = b < table_entries(&q->rt) ? table_entry(&q->rt, b) & QCOW2_POS : 0;
        if (!entry || table_get_co(q, entry, TABLE_REF, &t) < 0)
            continue;
        last = ref_get(q, t->data, i % per) == 1;
        table_unpin(t);
        if (!last)
            continue;
        g_mutex_unlock(&q->lock);
        node_discard_co(q->file, i << q->cluster_bits, q->cluster_size);
        g_mutex_lock(&q->lock);
    }
}

void qcow2_reap_co(Qcow2 *q)
{
    if (q->reaping)
        return; /* this very coroutine, by way of a flush, or another one that will see it */
    q->reaping = true;
    for (;;) {
        Free *f = g_queue_peek_head(&q->frees);

        if (!f || !f->unlinked || !node_quiet(q->node, f->stamp))
            break;
        g_queue_pop_head(&q->frees);
        if (q->file->flags & NODE_UNMAP)
            punch_co(q, f);
        for (uint64_t i = 0; i < f->n; i++)
            count_down_co(q, f->index + i);
        g_free(f);
    }
    q->reaping = false;
}
