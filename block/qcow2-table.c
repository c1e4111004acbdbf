/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of L2 tables and refcount blocks, keyed by their place in the file. What is dirty, part
 * of a running flush (invariant 7) or pinned stays; when nothing else is left, making room is a
 * flush (invariant 1). The limit is soft: pinned tables may go above it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "block/qcow2.h"

static size_t dirty_words(const Table *t)
{
    return (t->len / SECTOR + 63) / 64 + 1;
}

void table_init(Table *t, TableKind kind, uint64_t pos, size_t len)
{
    *t = (Table){ .kind = kind, .pos = pos, .len = len };
    t->data = g_malloc0(MAX(len, 1));
    t->dirty = g_new0(uint64_t, dirty_words(t));
    t->link.data = t;
}

void table_clear(Table *t)
{
    g_clear_pointer(&t->data, g_free);
    g_clear_pointer(&t->dirty, g_free);
}

void table_mark(Table *t, size_t off, size_t len)
{
    for (size_t s = off / SECTOR; s <= (off + len - 1) / SECTOR; s++)
        t->dirty[s / 64] |= 1ull << (s % 64);
    t->is_dirty = true;
}

void table_mark_all(Table *t)
{
    table_mark(t, 0, t->len);
}

void table_set(Table *t, uint64_t i, uint64_t entry)
{
    put_be64(t->data + i * 8, entry);
    table_mark(t, i * 8, 8);
}

void table_unpin(Table *t)
{
    g_assert(t->pins);
    t->pins--;
}

static void table_drop(Qcow2 *q, Table *t)
{
    g_hash_table_remove(q->tables, &t->pos);
    g_queue_unlink(&q->lru, &t->link);
    q->n_tables--;
    table_clear(t);
    g_free(t);
}

static bool table_may_go(const Table *t)
{
    return !t->pins && !t->loading && !t->is_dirty && !t->writing;
}

static bool evict_one(Qcow2 *q)
{
    for (GList *l = q->lru.tail; l; l = l->prev) {
        if (table_may_go(l->data)) {
            table_drop(q, l->data);
            return true;
        }
    }
    return false;
}

static Table *table_add(Qcow2 *q, uint64_t pos, TableKind kind)
{
    Table *t = g_new(Table, 1);

    table_init(t, kind, pos, q->cluster_size);
    g_hash_table_insert(q->tables, &t->pos, t);
    g_queue_push_head_link(&q->lru, &t->link);
    q->n_tables++;
    return t;
}

Table *table_new(Qcow2 *q, uint64_t pos, TableKind kind)
{
    Table *t;

    g_assert(!g_hash_table_lookup(q->tables, &pos));
    t = table_add(q, pos, kind);
    t->pins++;
    table_mark_all(t);
    return t;
}

void table_forget(Qcow2 *q, uint64_t pos)
{
    Table *t = g_hash_table_lookup(q->tables, &pos);

    if (!t)
        return;
    g_assert(!t->pins && !t->loading);
    table_drop(q, t);
}

static int table_load_co(Qcow2 *q, Table *t)
{
    int64_t end;
    int ret;

    t->loading = true;
    t->pins++;
    g_mutex_unlock(&q->lock);
    end = node_length(q->file);
    ret = end < 0 ? end : node_read_co(q->file, t->pos, t->data, t->len);
    g_mutex_lock(&q->lock);
    t->pins--;
    t->loading = false;
    co_queue_wake(&q->table_wait);
    if (ret == 0 && t->pos + t->len > (uint64_t)end)
        ret = qcow2_corrupt(q, "a table at offset 0x%" PRIx64 " lies past the end of the file",
                            t->pos);
    if (ret < 0)
        table_drop(q, t);
    return ret;
}

/* Room for one more; after it others may have loaded or dropped what we want. */
static void make_room_co(Qcow2 *q)
{
    if (q->n_tables < q->max_tables || evict_one(q))
        return;
    if (qcow2_flush_locked_co(q) == 0)
        evict_one(q);
}

int table_get_co(Qcow2 *q, uint64_t pos, TableKind kind, Table **out)
{
    bool room = false;
    Table *t;
    int ret;

    if (pos % q->cluster_size || !pos)
        return qcow2_corrupt(q, "a table's offset 0x%" PRIx64 " is not that of a cluster", pos);
    for (;;) {
        t = g_hash_table_lookup(q->tables, &pos);
        if (t && t->loading) {
            co_queue_wait_co(&q->table_wait, &q->lock);
            continue;
        }
        if (t || room)
            break;
        make_room_co(q);
        room = true;
    }
    if (!t) {
        t = table_add(q, pos, kind);
        ret = table_load_co(q, t);
        if (ret < 0)
            return ret;
    }
    if (t->kind != kind)
        return qcow2_corrupt(q, "the table at offset 0x%" PRIx64 " has two purposes", pos);
    g_queue_unlink(&q->lru, &t->link);
    g_queue_push_head_link(&q->lru, &t->link);
    t->pins++;
    *out = t;
    return 0;
}
