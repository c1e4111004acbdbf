/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 check, second half: compares stored counts with counted references and repairs. Blocks that
 * exist are corrected in place; when one is missing or lies outside the file, all of the counts are
 * written anew behind the image's end and the header is turned to them in one sector.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "block/qcow2-check.h"

/* Where block b is; 0: there is none that could be used. */
static uint64_t block_pos(const Check *c, uint64_t b)
{
    const Qcow2 *q = c->q;
    uint64_t pos = b < table_entries(&q->rt) ? table_entry(&q->rt, b) & QCOW2_POS : 0;

    return pos % q->cluster_size || pos >> q->cluster_bits >= c->n_clusters ? 0 : pos;
}

/* One cluster; true: its count has been changed in the buffer. */
static bool compare_one(Check *c, uint8_t *block, uint64_t i, uint64_t cluster, bool have,
                        bool *rebuild)
{
    uint64_t stored = have ? ref_get(c->q, block, i) : 0, found = check_refs(c, cluster);
    bool leak = stored > found;

    if (stored == found || (leak && cluster >= MAX(c->n_clusters, c->end)))
        return false; /* counts of what lies behind the file's end cost nothing */
    if (stored)
        c->end = MAX(c->end, cluster + 1);
    if (leak ? c->fix & CHECK_FIX_LEAKS : c->fix & CHECK_FIX_ERRORS) {
        check_line(c, "Repairing cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64,
                   cluster, stored, found);
        *(leak ? &c->r->leaks_fixed : &c->r->corruptions_fixed) += 1;
        *rebuild |= !have;
        if (have)
            ref_set(c->q, block, i, found);
        return have;
    }
    check_line(c, "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64,
               leak ? "Leaked" : "ERROR", cluster, stored, found);
    *(leak ? &c->r->leaks : &c->r->corruptions) += 1;
    return false;
}

static int compare_block_co(Check *c, uint64_t b, uint8_t *buf, bool *rebuild)
{
    uint64_t per = refs_per_block(c->q), pos = block_pos(c, b);
    bool changed = false;
    int ret = 0;

    if (pos)
        ret = node_read_co(c->q->file, pos, buf, c->q->cluster_size);
    if (ret < 0) {
        c->r->check_errors++;
        return 0;
    }
    for (uint64_t i = 0; i < per; i++)
        changed |= compare_one(c, buf, i, b * per + i, pos != 0, rebuild);
    return changed ? node_write_co(c->q->file, pos, buf, c->q->cluster_size) : 0;
}

/* Blocks to look at: all that exist, and those whose clusters are referred to. */
static uint64_t last_block(const Check *c)
{
    uint64_t n = table_entries(&c->q->rt), per = refs_per_block(c->q);

    while (n && !block_pos(c, n - 1))
        n--;
    return MAX(n, (c->end + per - 1) / per);
}

static bool block_matters(const Check *c, uint64_t b)
{
    uint64_t per = refs_per_block(c->q);

    if (block_pos(c, b))
        return true;
    for (uint64_t i = b * per; i < MIN((b + 1) * per, c->end); i++) {
        if (check_refs(c, i))
            return true;
    }
    return false;
}

/* ---- anew ---- */

typedef struct Rebuild {
    uint64_t start, n_blocks, n_rt, total; /* start: first cluster of the new tables */
} Rebuild;

static void rebuild_size(const Check *c, Rebuild *n)
{
    uint64_t per = refs_per_block(c->q), per_rt = c->q->cluster_size / 8;

    n->start = MAX(c->n_clusters, c->end);
    n->n_blocks = n->n_rt = 1;
    for (;;) {
        n->total = n->start + n->n_blocks + n->n_rt;
        if (n->n_blocks * per < n->total)
            n->n_blocks++;
        else if (n->n_rt * per_rt < n->n_blocks)
            n->n_rt++;
        else
            return;
    }
}

/* The old tables are not counted any more. */
static uint32_t rebuilt_refs(const Check *c, const Rebuild *n, uint64_t cluster)
{
    if (cluster >= n->start)
        return cluster < n->total;
    return check_refs(c, cluster);
}

static void forget_old(Check *c)
{
    Qcow2 *q = c->q;

    for (uint64_t b = 0; b <= table_entries(&q->rt); b++) {
        bool table = b == table_entries(&q->rt);
        uint64_t pos = table ? q->rt.pos : block_pos(c, b);
        uint64_t len = table ? q->rt.len : q->cluster_size;

        for (uint64_t i = pos >> q->cluster_bits;
             pos && len && i <= (pos + len - 1) >> q->cluster_bits; i++) {
            uint64_t page = i / 1024;
            uint32_t *p = g_hash_table_lookup(c->pages, &page);

            if (p && p[i % 1024])
                p[i % 1024]--;
        }
    }
}

static int rebuild_write_co(Check *c, const Rebuild *n, uint8_t *rt)
{
    Qcow2 *q = c->q;
    uint64_t per = refs_per_block(q);
    g_autofree uint8_t *block = g_malloc(q->cluster_size);
    int ret = 0;

    for (uint64_t b = 0; b < n->n_blocks && ret == 0; b++) {
        uint64_t pos = (n->start + b) << q->cluster_bits;

        memset(block, 0, q->cluster_size);
        for (uint64_t i = 0; i < per && b * per + i < n->total; i++)
            ref_set(q, block, i, rebuilt_refs(c, n, b * per + i));
        put_be64(rt + b * 8, pos);
        ret = node_write_co(q->file, pos, block, q->cluster_size);
    }
    if (ret == 0)
        ret = node_write_co(q->file, (n->start + n->n_blocks) << q->cluster_bits, rt,
                            n->n_rt << q->cluster_bits);
    return ret < 0 ? ret : node_flush_co(q->file);
}

static int rebuild_co(Check *c)
{
    Qcow2 *q = c->q;
    uint8_t header[12];
    Rebuild n;
    Table rt;
    int ret;

    check_line(c, "Rebuilding refcount structure");
    rebuild_size(c, &n);
    if (n.n_rt << q->cluster_bits > QCOW2_RT_MAX)
        return -EFBIG;
    forget_old(c);
    table_init(&rt, TABLE_RT, (n.start + n.n_blocks) << q->cluster_bits, n.n_rt << q->cluster_bits);
    ret = rebuild_write_co(c, &n, rt.data);
    put_be64(header, rt.pos);
    put_be32(header + 8, n.n_rt);
    if (ret == 0)
        ret = node_write_co(q->file, H_RT_POS, header, sizeof(header));
    if (ret == 0)
        ret = node_flush_co(q->file);
    if (ret < 0) {
        table_clear(&rt);
        return ret;
    }
    table_clear(&q->rt);
    q->rt = rt;
    c->end = n.total;
    return 0;
}

int check_counts_co(Check *c)
{
    g_autofree uint8_t *buf = g_malloc0(c->q->cluster_size);
    uint64_t n = last_block(c);
    bool rebuild = false;
    int ret = 0;

    for (uint64_t b = 0; b < n && ret == 0; b++) {
        if (block_matters(c, b))
            ret = compare_block_co(c, b, buf, &rebuild);
    }
    if (ret == 0 && rebuild)
        ret = rebuild_co(c);
    if (ret == 0 && (c->r->leaks_fixed || c->r->corruptions_fixed))
        ret = node_flush_co(c->q->file);
    return ret;
}

/* ---- COPIED ---- */

/* The flag as the counted references want it; true: the entry has changed. */
static bool fix_flag(Check *c, uint8_t *entry, const char *what)
{
    uint64_t e = get_be64(entry), pos = e & QCOW2_POS;
    uint32_t refs = check_refs(c, pos >> c->q->cluster_bits);

    if (!pos || pos % c->q->cluster_size || (refs == 1) == ((e & QCOW2_COPIED) != 0) || !refs)
        return false;
    if (c->fix & CHECK_FIX_ERRORS) {
        check_line(c, "Repairing OFLAG_COPIED %s: entry=%" PRIx64 " refcount=%u", what, e, refs);
        c->r->corruptions_fixed++;
        put_be64(entry, e ^ QCOW2_COPIED);
        return true;
    }
    check_corrupt(c, "ERROR OFLAG_COPIED %s: entry=%" PRIx64 " refcount=%u", what, e, refs);
    return false;
}

static int copied_l2_co(Check *c, uint64_t pos, uint8_t *buf)
{
    Qcow2 *q = c->q;
    bool changed = false;

    if (node_read_co(q->file, pos, buf, q->cluster_size) < 0)
        return 0; /* counted when it was walked */
    for (uint64_t i = 0; i < q->cluster_size / 8; i++) {
        if (!(get_be64(buf + i * 8) & QCOW2_PACKED))
            changed |= fix_flag(c, buf + i * 8, "data cluster");
    }
    return changed ? node_write_co(q->file, pos, buf, q->cluster_size) : 0;
}

int check_copied_co(Check *c)
{
    Qcow2 *q = c->q;
    g_autofree uint8_t *buf = g_malloc(q->cluster_size);
    int ret = 0;

    for (uint64_t i = 0; i < table_entries(&q->l1) && ret == 0; i++) {
        uint64_t pos = table_entry(&q->l1, i) & QCOW2_POS;

        if (!pos || pos % q->cluster_size || pos >> q->cluster_bits >= c->n_clusters)
            continue;
        if (fix_flag(c, q->l1.data + i * 8, "L2 cluster"))
            ret = node_write_co(q->file, q->l1.pos + i * 8, q->l1.data + i * 8, 8);
        if (ret == 0)
            ret = copied_l2_co(c, pos, buf);
    }
    if (ret == 0 && c->r->corruptions_fixed)
        ret = node_flush_co(q->file);
    return ret;
}
