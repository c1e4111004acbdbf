/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 that grows, and an overlay that is emptied; both while the node is drained. A longer L1
 * table is a new one: it reaches the disk whole, then the header names it (the last stage of a
 * flush), then the old one is free. What a larger size brings to light is zeroed before the header
 * says that size.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "block/error.h"
#include "block/io-int.h"
#include "block/qcow2.h"

/* ---- the L1 table ---- */

/* n clusters in a row, in what no block counts yet if the first try does not give them */
static int alloc_row_co(Qcow2 *q, uint64_t n, uint64_t *pos)
{
    uint64_t per = refs_per_block(q), lowest = q->free_from, got = 0;
    int ret = 0;
    bool fresh;

    for (int i = 0; i < 2 && got < n && ret == 0; i++) {
        if (got)
            qcow2_unalloc_co(q, *pos, got);
        q->free_from = i ? (q->fresh_from / per + 1) * per : q->fresh_from;
        ret = qcow2_alloc_co(q, n, pos, &got, &fresh);
    }
    if (ret == 0 && got < n) {
        qcow2_unalloc_co(q, *pos, got);
        ret = -EFBIG;
    }
    q->free_from = MIN(q->free_from, lowest);
    return ret;
}

static void move_l1(Qcow2 *q, uint64_t pos, uint64_t entries)
{
    Table l1;

    table_init(&l1, TABLE_L1, pos, entries * 8);
    memcpy(l1.data, q->l1.data, q->l1.len);
    table_mark_all(&l1);
    for (uint64_t at = 0; at < l1.len; at += q->cluster_size)
        meta_set(q, (pos + at) >> q->cluster_bits, true);
    if (q->l1.len)
        qcow2_free_later(q, q->l1.pos, q->l1.len);
    table_clear(&q->l1);
    q->l1 = l1;
    q->l1.link.data = &q->l1;
    q->header_dirty = true;
}

static int grow_l1_co(Qcow2 *q, uint64_t size)
{
    unsigned bits = q->cluster_bits + q->l2_bits;
    uint64_t entries = (size + (1ull << bits) - 1) >> bits, pos;
    int ret;

    if (entries <= table_entries(&q->l1))
        return 0;
    if (entries > QCOW2_L1_MAX / 8)
        return -EFBIG;
    ret = alloc_row_co(q, (entries * 8 + q->cluster_size - 1) >> q->cluster_bits, &pos);
    if (ret == 0)
        move_l1(q, pos, entries);
    return ret;
}

/* ---- the size ---- */

/* Behind the old end: the rest of its cluster, and what a longer backing image has there. */
static int zero_new_co(Qcow2 *q, uint64_t size)
{
    uint64_t end = (q->size + q->cluster_size - 1) & ~(q->cluster_size - 1);
    int64_t below = q->node->backing ? node_length(q->node->backing) : 0;

    if (below < 0)
        return below;
    end = MIN(MAX(end, (uint64_t)below), size);
    return end > q->size ? node_zero_mapped_co(q->node, q->size, end - q->size) : 0;
}

static int set_size_co(Qcow2 *q, uint64_t size)
{
    uint64_t old = q->size;
    int ret;

    g_mutex_lock(&q->lock);
    q->size = size;
    q->header_dirty = true;
    ret = qcow2_flush_locked_co(q);
    if (ret < 0)
        q->size = old;
    g_mutex_unlock(&q->lock);
    return ret;
}

static bool may_grow(const Qcow2 *q, uint64_t size, int prealloc, GError **err)
{
    if (prealloc != PREALLOC_OFF)
        return block_fail(err, "Preallocation of what is added is not supported yet");
    if (size % SECTOR)
        return block_fail(err, "The new size must be a multiple of 512");
    if (size < q->size)
        return block_fail(err,
                          "A qcow2 image cannot shrink: it has %" PRIu64 " bytes, %" PRIu64
                          " were asked for",
                          q->size, size);
    if (size > INT64_MAX - q->cluster_size)
        return block_fail(err, "%" PRIu64 " bytes are too many", size);
    if (q->n_snapshots && q->version < 3)
        return block_fail(err, "Can't resize a version 2 image which has snapshots");
    return true;
}

int qcow2_truncate_co(BlockNode *node, uint64_t size, int prealloc, GError **err)
{
    Qcow2 *q = node->priv;
    int ret;

    if (!may_grow(q, size, prealloc, err))
        return -ENOTSUP;
    g_mutex_lock(&q->lock);
    ret = q->corrupt ? -EIO : grow_l1_co(q, size);
    g_mutex_unlock(&q->lock);
    if (ret == 0)
        ret = zero_new_co(q, size);
    if (ret == 0)
        ret = qcow2_flush_co(node);
    if (ret == 0 && size != q->size)
        ret = set_size_co(q, size);
    if (ret < 0)
        block_fail_errno(err, -ret, "Could not resize '%s'", node->filename);
    return ret;
}

/* ---- nothing of its own ---- */

static int empty_entry_co(Qcow2 *q, uint64_t i)
{
    uint64_t pos = table_entry(&q->l1, i) & QCOW2_POS;
    Table *t;
    int ret = pos ? table_get_co(q, pos, TABLE_L2, &t) : 0;

    if (!pos || ret < 0)
        return ret;
    ret = qcow2_check_entries(q, t);
    if (ret == 0)
        table_set(&q->l1, i, 0);
    for (uint64_t k = 0; k < table_entries(t) && ret == 0; k++)
        qcow2_free_entry(q, table_entry(t, k));
    table_unpin(t);
    if (ret < 0)
        return ret;
    qcow2_free_later(q, pos, q->cluster_size);
    return q->n_pending > QCOW2_FREES_MAX ? qcow2_flush_locked_co(q) : 0;
}

int qcow2_empty_co(BlockNode *node)
{
    Qcow2 *q = node->priv;
    int ret = 0;

    g_mutex_lock(&q->lock);
    for (uint64_t i = 0; i < table_entries(&q->l1) && ret == 0; i++)
        ret = q->corrupt ? -EIO : empty_entry_co(q, i);
    if (ret == 0)
        ret = qcow2_flush_locked_co(q);
    if (ret == 0)
        ret = qcow2_flush_locked_co(q); /* the counts of what the first one freed */
    g_mutex_unlock(&q->lock);
    return ret;
}
