/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 check: walks everything that the header leads to and counts who refers to each cluster. It
 * reads the file itself, not the cache: flush first. What is found wrong is one line each.
 */
#include "block/qcow2-check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define PAGE_CLUSTERS 1024u

static void add_line(Check *c, const char *fmt, va_list ap)
{
    if (!c->r->lines)
        c->r->lines = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(c->r->lines, g_strdup_vprintf(fmt, ap));
}

void check_line(Check *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_line(c, fmt, ap);
    va_end(ap);
}

void check_corrupt(Check *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_line(c, fmt, ap);
    va_end(ap);
    c->r->corruptions++;
}

/* ---- counting ---- */

uint32_t check_refs(const Check *c, uint64_t cluster)
{
    uint64_t page = cluster / PAGE_CLUSTERS;
    const uint32_t *p = g_hash_table_lookup(c->pages, &page);

    return p ? p[cluster % PAGE_CLUSTERS] : 0;
}

static void add_one(Check *c, uint64_t cluster)
{
    uint64_t page = cluster / PAGE_CLUSTERS;
    uint32_t *p = g_hash_table_lookup(c->pages, &page);

    if (!p) {
        p = g_new0(uint32_t, PAGE_CLUSTERS);
        g_hash_table_insert(c->pages, g_memdup2(&page, sizeof(page)), p);
    }
    if (p[cluster % PAGE_CLUSTERS] < UINT32_MAX)
        p[cluster % PAGE_CLUSTERS]++;
    c->end = MAX(c->end, cluster + 1);
}

void check_add(Check *c, uint64_t pos, uint64_t len)
{
    unsigned bits = c->q->cluster_bits;
    uint64_t first = pos >> bits, last = (pos + len - 1) >> bits;

    if (!len)
        return;
    if (pos + len < pos ||
        (pos + len > c->file_len && pos + len - c->file_len >= c->q->cluster_size)) {
        check_corrupt(c,
                      "ERROR: counting reference for region exceeding the end of the file by one "
                      "cluster or more: offset 0x%" PRIx64 " size 0x%" PRIx64,
                      pos, len);
        return;
    }
    for (uint64_t i = first; i <= last; i++)
        add_one(c, i);
}

/* ---- L2, L1 ---- */

static void check_packed(Check *c, uint64_t entry, bool stats)
{
    uint64_t pos, len;

    if (entry & QCOW2_COPIED)
        check_corrupt(c,
                      "ERROR: coffset=0x%" PRIx64 ": copied flag must never be set for "
                      "compressed clusters",
                      entry & QCOW2_POS);
    qcow2_packed(c->q, entry, &pos, &len);
    if (stats) {
        c->r->allocated++;
        c->r->compressed++;
        c->r->fragmented++; /* compressed clusters always count as such */
    }
    check_add(c, pos, len);
}

static void check_entry(Check *c, uint64_t entry, bool stats)
{
    Qcow2 *q = c->q;
    uint64_t pos = entry & QCOW2_POS;

    if (entry & QCOW2_PACKED) {
        check_packed(c, entry, stats);
        return;
    }
    if ((entry & L2_RESERVED) || ((entry & QCOW2_ZERO) && q->version < 3))
        check_corrupt(c, "ERROR found l2 entry with reserved bits set: %" PRIx64, entry);
    if (!pos)
        return;
    if (pos % q->cluster_size) {
        check_corrupt(c,
                      "ERROR offset=%" PRIx64 ": Cluster is not properly aligned; L2 entry "
                      "corrupted.",
                      pos);
        return;
    }
    if (stats) {
        c->r->allocated++;
        if (c->contiguous && pos != c->contiguous)
            c->r->fragmented++;
        c->contiguous = pos + q->cluster_size;
    }
    check_add(c, pos, q->cluster_size);
}

static int check_l2_co(Check *c, uint64_t pos, uint8_t *buf, bool stats)
{
    Qcow2 *q = c->q;
    int ret = node_read_co(q->file, pos, buf, q->cluster_size);

    if (ret < 0) {
        c->r->check_errors++;
        check_line(c, "ERROR: I/O error in check_refcounts_l2");
        return 0; /* the rest may be readable */
    }
    for (uint64_t i = 0; i < q->cluster_size / 8; i++)
        check_entry(c, get_be64(buf + i * 8), stats);
    return 0;
}

static int check_l1_co(Check *c, uint64_t pos, const uint8_t *l1, uint64_t n, bool stats)
{
    g_autofree uint8_t *buf = g_malloc(c->q->cluster_size);
    int ret = 0;

    check_add(c, pos, n * 8);
    for (uint64_t i = 0; i < n && ret == 0; i++) {
        uint64_t entry = get_be64(l1 + i * 8), l2 = entry & QCOW2_POS;

        if (!entry)
            continue;
        if (entry & L1_RESERVED)
            check_corrupt(c, "ERROR found L1 entry with reserved bits set: %" PRIx64, entry);
        if (!l2)
            continue;
        check_add(c, l2, c->q->cluster_size);
        if (l2 % c->q->cluster_size)
            check_corrupt(c,
                          "ERROR l2_offset=%" PRIx64 ": Table is not cluster aligned; L1 entry "
                          "corrupted",
                          l2);
        else if (l2 >> c->q->cluster_bits < c->n_clusters)
            ret = check_l2_co(c, l2, buf, stats);
    }
    return ret;
}

/* ---- snapshots, bitmaps, the tables of counts ---- */

static int check_snapshot_co(Check *c, const Qcow2Snapshot *s)
{
    uint64_t len = (uint64_t)s->l1_size * 8;
    g_autofree uint8_t *l1 = NULL;

    if (len > QCOW2_L1_MAX || s->l1_pos % c->q->cluster_size) {
        check_corrupt(c,
                      "ERROR snapshot %s (%s) l1_offset=0x%" PRIx64 ": L1 table is not cluster "
                      "aligned; snapshot table entry corrupted",
                      s->id, s->name, s->l1_pos);
        return 0;
    }
    l1 = g_malloc0(len + 1);
    if (len && node_read_co(c->q->file, s->l1_pos, l1, len) < 0) {
        c->r->check_errors++;
        return 0;
    }
    return check_l1_co(c, s->l1_pos, l1, s->l1_size, false);
}

static int check_bitmap_co(Check *c, uint64_t pos, uint32_t n)
{
    uint64_t len = (uint64_t)n * 8;
    g_autofree uint8_t *t = NULL;

    check_add(c, pos, len);
    if (len > QCOW2_RT_MAX)
        return 0;
    t = g_malloc0(len + 1);
    if (len && node_read_co(c->q->file, pos, t, len) < 0) {
        c->r->check_errors++;
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t at = get_be64(t + i * 8ull) & QCOW2_POS;

        if (at)
            check_add(c, at, c->q->cluster_size);
    }
    return 0;
}

/* Directory entries: table position and size, flags, lengths, then extra data and the name. */
static int check_bitmaps_co(Check *c)
{
    uint64_t len = c->q->bitmaps_len, at = 0;
    g_autofree uint8_t *dir = g_malloc0(len + 24);

    if (!c->q->n_bitmaps)
        return 0;
    check_add(c, c->q->bitmaps_pos, len);
    if (node_read_co(c->q->file, c->q->bitmaps_pos, dir, len) < 0) {
        c->r->check_errors++;
        return 0;
    }
    while (at + 24 <= len) {
        const uint8_t *p = dir + at;

        check_bitmap_co(c, get_be64(p), get_be32(p + 8));
        at += (24ull + get_be32(p + 20) + get_be16(p + 18) + 7) & ~7ull;
    }
    return 0;
}

static void check_count_tables(Check *c)
{
    Qcow2 *q = c->q;

    check_add(c, q->rt.pos, q->rt.len);
    for (uint64_t i = 0; i < table_entries(&q->rt); i++) {
        uint64_t entry = table_entry(&q->rt, i), pos = entry & QCOW2_POS;

        if (entry & RT_RESERVED)
            check_corrupt(c, "ERROR refcount block %" PRIu64 " has reserved bits set", i);
        if (!pos)
            continue;
        if (pos % q->cluster_size)
            check_corrupt(c,
                          "ERROR refcount block %" PRIu64 " is not cluster aligned; refcount "
                          "table entry corrupted",
                          i);
        else if (pos >> q->cluster_bits >= c->n_clusters)
            check_corrupt(c, "ERROR refcount block %" PRIu64 " is outside image", i);
        else
            check_add(c, pos, q->cluster_size);
    }
}

static int count_all_co(Check *c)
{
    Qcow2 *q = c->q;
    int ret;

    check_add(c, 0, q->cluster_size);
    ret = check_l1_co(c, q->l1.pos, q->l1.data, table_entries(&q->l1), true);
    for (uint32_t i = 0; i < q->n_snapshots && ret == 0; i++)
        ret = check_snapshot_co(c, &q->snapshots[i]);
    if (q->n_snapshots)
        check_add(c, q->snapshots_pos, q->snapshots_len);
    if (ret == 0)
        ret = check_bitmaps_co(c);
    check_count_tables(c);
    return ret;
}

/* A clean image after -r: neither dirty nor corrupt any more. */
static int mark_clean_co(Check *c)
{
    Qcow2 *q = c->q;

    if (!c->fix || c->r->corruptions || c->r->check_errors ||
        !(q->incompat & (INCOMPAT_DIRTY | INCOMPAT_CORRUPT)))
        return 0;
    q->incompat &= ~(uint64_t)(INCOMPAT_DIRTY | INCOMPAT_CORRUPT);
    q->features_dirty = true;
    return qcow2_flush_co(q->node);
}

int qcow2_check_co(BlockNode *node, int fix, void *result)
{
    Check c = { .q = node->priv, .r = result, .fix = fix };
    int64_t len = node_length(node->file);
    int ret;

    if (len < 0)
        return len;
    if (node_writable(node) && !(node->flags & NODE_CHECK) && (ret = qcow2_flush_co(node)) < 0)
        return ret;
    c.file_len = len;
    c.n_clusters = (c.file_len + c.q->cluster_size - 1) >> c.q->cluster_bits;
    if (c.n_clusters > UINT32_MAX)
        return -EFBIG;
    c.r->total_clusters = (c.q->size + c.q->cluster_size - 1) >> c.q->cluster_bits;
    c.pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    ret = count_all_co(&c);
    if (ret == 0)
        ret = check_counts_co(&c);
    if (ret == 0)
        ret = check_copied_co(&c);
    c.r->image_end = c.end << c.q->cluster_bits;
    g_hash_table_destroy(c.pages);
    return ret == 0 ? mark_clean_co(&c) : ret;
}
