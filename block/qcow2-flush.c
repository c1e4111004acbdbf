/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flush: memory's tables reach the file as they were at one instant T (invariants 2, 3, 10). All
 * dirty sectors are copied under the lock, then written in five stages with a sync after each one
 * that had something to write. One flush runs at a time; who comes meanwhile waits for one that
 * started after he came.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "block/qcow2.h"

enum { STAGE_COUNTS, STAGE_POINTER, STAGE_L2, STAGE_L1, STAGE_HEADER, STAGES };

typedef struct Piece {
    uint64_t pos;
    size_t len;
    uint8_t *data;
} Piece;

/* A table that gave pieces and which of its sectors, to make them dirty again. */
typedef struct Taken {
    Table *t;
    uint64_t *dirty;
    size_t len;
} Taken;

typedef struct Plan {
    GArray *pieces[STAGES], *taken;
    uint64_t end;
    bool rt_moved, features, header;
} Plan;

static void plan_add(Plan *p, int stage, uint64_t pos, const void *data, size_t len)
{
    Piece piece = { pos, len, g_memdup2(data, len) };

    g_array_append_val(p->pieces[stage], piece);
}

static bool sector_dirty(const Table *t, size_t s)
{
    return s * SECTOR < t->len && t->dirty[s / 64] >> (s % 64) & 1;
}

/* Runs of dirty sectors; the table is clean afterwards, and not to be evicted. */
static void plan_take(Plan *p, Table *t, int stage)
{
    Taken taken = { .t = t, .dirty = t->dirty, .len = t->len };
    size_t words = (t->len / SECTOR + 63) / 64 + 1;

    if (!t->is_dirty)
        return;
    for (size_t s = 0, from; s * SECTOR < t->len; s++) {
        if (!sector_dirty(t, s))
            continue;
        for (from = s; sector_dirty(t, s); s++)
            ;
        plan_add(p, stage, t->pos + from * SECTOR, t->data + from * SECTOR,
                 MIN(s * SECTOR, t->len) - from * SECTOR);
    }
    t->dirty = g_new0(uint64_t, words);
    t->is_dirty = false;
    t->writing = true;
    g_array_append_val(p->taken, taken);
}

static void plan_take_header(Qcow2 *q, Plan *p)
{
    uint8_t buf[12], features[24], sizes[24];

    if (q->rt_moved) {
        put_be64(buf, q->rt.pos);
        put_be32(buf + 8, q->rt.len >> q->cluster_bits);
        plan_add(p, STAGE_POINTER, H_RT_POS, buf, sizeof(buf));
    }
    if (q->features_dirty && q->version >= 3) {
        put_be64(features, q->incompat);
        put_be64(features + 8, q->compat);
        put_be64(features + 16, q->autoclear);
        plan_add(p, STAGE_POINTER, H_INCOMPAT, features, sizeof(features));
    }
    if (q->header_dirty) {
        put_be64(sizes, q->size);
        put_be32(sizes + 8, q->crypt);
        put_be32(sizes + 12, table_entries(&q->l1));
        put_be64(sizes + 16, q->l1.pos);
        plan_add(p, STAGE_HEADER, H_SIZE, sizes, sizeof(sizes));
    }
    p->rt_moved = q->rt_moved;
    p->features = q->features_dirty;
    p->header = q->header_dirty;
    q->rt_moved = q->features_dirty = q->header_dirty = false;
}

/* The instant T: no yield in here. */
static void plan_make(Qcow2 *q, Plan *p, uint64_t number)
{
    for (int i = 0; i < STAGES; i++)
        p->pieces[i] = g_array_new(FALSE, FALSE, sizeof(Piece));
    p->taken = g_array_new(FALSE, FALSE, sizeof(Taken));
    for (GList *l = q->lru.head; l; l = l->next) {
        Table *t = l->data;

        plan_take(p, t, t->kind == TABLE_L2 ? STAGE_L2 : STAGE_COUNTS);
    }
    plan_take(p, &q->rt, q->rt_moved ? STAGE_COUNTS : STAGE_POINTER);
    plan_take_header(q, p);
    plan_take(p, &q->l1, STAGE_L1);
    p->end = q->end;
    for (GList *l = q->frees.head; l; l = l->next) {
        Free *f = l->data;

        if (!f->flush)
            f->flush = number;
    }
}

static void plan_free(Plan *p)
{
    for (int i = 0; i < STAGES; i++) {
        for (guint k = 0; k < p->pieces[i]->len; k++)
            g_free(g_array_index(p->pieces[i], Piece, k).data);
        g_array_free(p->pieces[i], TRUE);
    }
    for (guint k = 0; k < p->taken->len; k++)
        g_free(g_array_index(p->taken, Taken, k).dirty);
    g_array_free(p->taken, TRUE);
}

static int write_stage_co(Qcow2 *q, const GArray *pieces)
{
    int ret = 0;

    for (guint i = 0; i < pieces->len && ret == 0; i++) {
        const Piece *p = &g_array_index(pieces, Piece, i);

        ret = node_write_co(q->file, p->pos, p->data, p->len);
    }
    return ret;
}

/* Invariant 9: what L2 names lies inside the file, and durably so, before L2 says it. */
static int grow_file_co(Qcow2 *q, uint64_t end)
{
    int64_t len = node_length(q->file);

    if (len < 0)
        return len;
    return (uint64_t)len < end ? node_grow_co(q->file, end) : 0;
}

/* Lock free here. */
static int write_plan_co(Qcow2 *q, Plan *p, uint64_t durable_end)
{
    bool tables = p->pieces[STAGE_L2]->len || p->pieces[STAGE_L1]->len;
    int ret = 0;

    if (tables && p->end > durable_end)
        ret = grow_file_co(q, p->end);
    if (ret == 0)
        ret = write_stage_co(q, p->pieces[STAGE_COUNTS]);
    if (ret == 0)
        ret = node_flush_co(q->file);
    for (int stage = STAGE_POINTER; stage < STAGES && ret == 0; stage++) {
        ret = write_stage_co(q, p->pieces[stage]);
        if (ret == 0 && p->pieces[stage]->len)
            ret = node_flush_co(q->file);
    }
    return ret;
}

static void plan_failed(Qcow2 *q, Plan *p, uint64_t number)
{
    for (guint i = 0; i < p->taken->len; i++) {
        Taken *taken = &g_array_index(p->taken, Taken, i);
        size_t words = (taken->len / SECTOR + 63) / 64 + 1;

        taken->t->is_dirty = true;
        /* a table that has moved meanwhile is all dirty as it is */
        for (size_t w = 0; w < words && taken->len == taken->t->len; w++)
            taken->t->dirty[w] |= taken->dirty[w];
    }
    q->rt_moved |= p->rt_moved;
    q->features_dirty |= p->features;
    q->header_dirty |= p->header;
    for (GList *l = q->frees.head; l; l = l->next) {
        Free *f = l->data;

        if (f->flush == number && !f->unlinked)
            f->flush = 0;
    }
}

static void plan_done(Qcow2 *q, Plan *p, uint64_t number)
{
    if (p->pieces[STAGE_L2]->len || p->pieces[STAGE_L1]->len)
        q->durable_end = MAX(q->durable_end, p->end);
    q->n_pending = 0;
    for (GList *l = q->frees.head; l; l = l->next) {
        Free *f = l->data;

        if (f->flush && f->flush <= number)
            f->unlinked = true;
        else
            q->n_pending += f->n;
    }
}

static int flush_once_co(Qcow2 *q)
{
    uint64_t number = ++q->flush_started, durable_end = q->durable_end;
    Plan p = { 0 };
    int ret;

    q->flushing = true;
    plan_make(q, &p, number);
    g_mutex_unlock(&q->lock);
    ret = write_plan_co(q, &p, durable_end);
    g_mutex_lock(&q->lock);
    for (guint i = 0; i < p.taken->len; i++)
        g_array_index(p.taken, Taken, i).t->writing = false;
    if (ret < 0)
        plan_failed(q, &p, number);
    else
        plan_done(q, &p, number);
    plan_free(&p);
    if (ret == 0)
        q->flush_done = number;
    q->flushing = false;
    co_queue_wake(&q->flush_wait);
    return ret;
}

int qcow2_flush_locked_co(Qcow2 *q)
{
    uint64_t want = q->flush_started + 1;
    int ret = 0;

    while (q->flushing)
        co_queue_wait_co(&q->flush_wait, &q->lock);
    if (q->flush_done < want)
        ret = flush_once_co(q);
    if (ret == 0)
        qcow2_reap_co(q);
    return ret;
}

int qcow2_flush_co(BlockNode *node)
{
    Qcow2 *q = node->priv;
    int ret;

    g_mutex_lock(&q->lock);
    ret = qcow2_flush_locked_co(q);
    g_mutex_unlock(&q->lock);
    return ret;
}
