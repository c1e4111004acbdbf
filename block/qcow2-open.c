/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: the header and what it leads to, opening and closing. Every number is hostile until it has
 * been compared with what the format and this program allow; the messages name the field.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "config.h"

#include "block/check.h"
#include "block/error.h"
#include "block/qcow2.h"
#include "core/set.h"
#include "util/json.h"

#define HEADER_V2    72u
#define HEADER_V3    104u
#define TABLES_BYTES (32u << 20) /* of L2 tables and refcount blocks kept in memory */

enum {
    EXT_END = 0,
    EXT_BACKING_FORMAT = 0xe2792acau,
    EXT_FEATURES = 0x6803f857u,
    EXT_BITMAPS = 0x23852875u
};

typedef struct Qcow2Args {
    Tri lazy_refcounts, discard_request, discard_snapshot, discard_other;
    uint64_t cache_size, l2_cache_size, refcount_cache_size, l2_entry_size;
    int64_t clean_interval;
    char *overlap_check;
} Qcow2Args;

/* clang-format off */
static const Prop Qcow2Args_rows[] = {
    PROP_BOOL(Qcow2Args, lazy_refcounts,      "lazy-refcounts", AUTO, "accepted; counts are never late here"),
    PROP_BOOL(Qcow2Args, discard_request,     "pass-discard-request", AUTO, "accepted; discard= decides"),
    PROP_BOOL(Qcow2Args, discard_snapshot,    "pass-discard-snapshot", AUTO, "accepted; discard= decides"),
    PROP_BOOL(Qcow2Args, discard_other,       "pass-discard-other", AUTO, "accepted; discard= decides"),
    PROP_STR (Qcow2Args, overlap_check,       "overlap-check", NULL, "accepted; all tables are always guarded"),
    PROP_SIZE(Qcow2Args, cache_size,          "cache-size", -1, "memory for tables, in bytes"),
    PROP_SIZE(Qcow2Args, l2_cache_size,       "l2-cache-size", -1, "memory for tables, in bytes"),
    PROP_SIZE(Qcow2Args, refcount_cache_size, "refcount-cache-size", -1, "accepted; one cache holds both"),
    PROP_SIZE(Qcow2Args, l2_entry_size,       "l2-cache-entry-size", -1, "accepted; tables are cached whole"),
    PROP_INT (Qcow2Args, clean_interval,      "cache-clean-interval", -1, "accepted; the cache is bounded"),
    PROP_END (Qcow2Args)
};
/* clang-format on */

static bool power_range(unsigned v, unsigned lo, unsigned hi)
{
    return v >= lo && v <= hi;
}

/* ---- the header ---- */

static bool parse_geometry(Qcow2 *q, const uint8_t *h, GError **err)
{
    uint64_t needed;

    q->cluster_bits = get_be32(h + 20);
    q->size = get_be64(h + 24);
    q->crypt = get_be32(h + 32);
    if (!power_range(q->cluster_bits, 9, 21))
        return block_fail(err, "Unsupported cluster size: 2^%u", q->cluster_bits);
    q->cluster_size = 1ull << q->cluster_bits;
    q->l2_bits = q->cluster_bits - (q->incompat & INCOMPAT_EXTENDED_L2 ? 4 : 3);
    if (q->size > INT64_MAX - q->cluster_size)
        return block_fail(err, "Image is too big: %" PRIu64 " bytes", q->size);
    if (q->crypt > 2)
        return block_fail(err, "Unsupported encryption method %u", q->crypt);
    needed =
        (q->size + (1ull << (q->cluster_bits + q->l2_bits)) - 1) >> (q->cluster_bits + q->l2_bits);
    if (get_be32(h + H_L1_SIZE) > QCOW2_L1_MAX / 8 || needed > QCOW2_L1_MAX / 8)
        return block_fail(err, "Active L1 table too large");
    if (get_be32(h + H_L1_SIZE) < needed)
        return block_fail(err, "L1 table is too small");
    return true;
}

static bool position_fits(const Qcow2 *q, uint64_t pos, uint64_t len)
{
    return pos % q->cluster_size == 0 && pos <= INT64_MAX - len;
}

static bool parse_tables(Qcow2 *q, const uint8_t *h, GError **err)
{
    uint64_t rt_len = (uint64_t)get_be32(h + H_RT_CLUSTERS) << q->cluster_bits;
    uint64_t l1_len = (uint64_t)get_be32(h + H_L1_SIZE) * 8;

    if (!rt_len && !(q->node->flags & NODE_CHECK))
        return block_fail(err, "Image does not contain a reference count table");
    if (rt_len > QCOW2_RT_MAX)
        return block_fail(err, "Reference count table too large");
    if (!position_fits(q, get_be64(h + H_RT_POS), rt_len))
        return block_fail(err, "Reference count table offset invalid");
    if (!position_fits(q, get_be64(h + H_L1_POS), l1_len) || (l1_len && !get_be64(h + H_L1_POS)))
        return block_fail(err, "Active L1 table offset invalid");
    table_init(&q->l1, TABLE_L1, get_be64(h + H_L1_POS), l1_len);
    table_init(&q->rt, TABLE_RT, get_be64(h + H_RT_POS), rt_len);
    q->n_snapshots = get_be32(h + 60);
    q->snapshots_pos = get_be64(h + 64);
    if (q->n_snapshots > 65536)
        return block_fail(err, "Snapshot table too large");
    if (q->n_snapshots && !position_fits(q, q->snapshots_pos, 1))
        return block_fail(err, "Snapshot table offset invalid");
    return true;
}

static bool parse_version3(Qcow2 *q, const uint8_t *h, GError **err)
{
    q->header_len = HEADER_V2;
    q->refcount_order = 4;
    if (q->version == 2)
        return true;
    q->incompat = get_be64(h + H_INCOMPAT);
    q->compat = get_be64(h + H_INCOMPAT + 8);
    q->autoclear = get_be64(h + H_AUTOCLEAR);
    q->refcount_order = get_be32(h + 96);
    q->header_len = get_be32(h + 100);
    if (q->header_len < HEADER_V3)
        return block_fail(err, "qcow2 header too short");
    if (q->header_len > HEADER_V3)
        q->compression = h[HEADER_V3];
    if (q->refcount_order > 6)
        return block_fail(err, "Reference count entry width too large; may not exceed 64 bits");
    if (q->compression > QCOW2_ZSTD)
        return block_fail(err, "Unknown compression type %u", q->compression);
    if (!(q->incompat & INCOMPAT_COMPRESSION) != (q->compression == QCOW2_ZLIB))
        return block_fail(err, "Compression type incompatible feature bit must%s be set",
                          q->compression ? "" : " not");
    return true;
}

static bool parse_backing(Qcow2 *q, const uint8_t *h, const uint8_t *cluster, uint64_t *end,
                          GError **err)
{
    uint64_t pos = get_be64(h + 8);
    uint32_t len = get_be32(h + 16);

    *end = q->cluster_size;
    if (!pos)
        return true;
    if (pos < q->header_len || pos >= q->cluster_size)
        return block_fail(err, "Invalid backing file offset");
    *end = pos;
    if (len > MIN(1023, q->cluster_size - pos))
        return block_fail(err, "Backing file name too long");
    if (len)
        q->node->backing_file = g_strndup((const char *)cluster + pos, len);
    return true;
}

/* ---- extensions ---- */

/* Bit names of the image's own table; ours are known anyway. */
static void name_features(Qcow2 *q, const uint8_t *p, uint32_t len, uint64_t unknown)
{
    for (; len >= 48; p += 48, len -= 48) {
        if (p[0] == 0 && p[1] < 64 && unknown >> p[1] & 1)
            g_string_append_printf(q->unknown_features, "%s%.46s",
                                   q->unknown_features->len ? ", " : "", (const char *)p + 2);
    }
}

static bool parse_bitmaps(Qcow2 *q, const uint8_t *p, uint32_t len, GError **err)
{
    if (len < 24)
        return block_fail(err, "Bitmaps extension is too short");
    if (!(q->autoclear & AUTOCLEAR_BITMAPS))
        return true; /* written by a program that does not know them: they are stale */
    q->n_bitmaps = get_be32(p);
    q->bitmaps_len = get_be64(p + 8);
    q->bitmaps_pos = get_be64(p + 16);
    if (q->n_bitmaps > 65535 || q->bitmaps_len > 64 << 20 || !position_fits(q, q->bitmaps_pos, 1))
        return block_fail(err, "Bitmap directory offset or size invalid");
    return true;
}

static bool parse_extensions(Qcow2 *q, const uint8_t *cluster, uint64_t end, GError **err)
{
    uint64_t at = q->header_len;
    uint64_t unknown =
        q->incompat & ~(uint64_t)(INCOMPAT_DIRTY | INCOMPAT_CORRUPT | INCOMPAT_COMPRESSION);

    while (at + 8 <= end) {
        uint32_t kind = get_be32(cluster + at), len = get_be32(cluster + at + 4);
        const uint8_t *p = cluster + at + 8;

        if (kind == EXT_END)
            break;
        if (len > end - at - 8)
            return block_fail(err, "Header extension 0x%x is too large", kind);
        if (kind == EXT_BACKING_FORMAT)
            q->node->backing_format = g_strndup((const char *)p, MIN(len, 16));
        else if (kind == EXT_FEATURES)
            name_features(q, p, len, unknown);
        else if (kind == EXT_BITMAPS && !parse_bitmaps(q, p, len, err))
            return false;
        at += 8 + (((uint64_t)len + 7) & ~7ull);
    }
    return true;
}

/* ---- what we cannot serve ---- */

static bool check_features(Qcow2 *q, GError **err)
{
    static const char *const own[] = { [2] = "external data file", [4] = "extended L2 entries" };
    uint64_t unknown =
        q->incompat & ~(uint64_t)(INCOMPAT_DIRTY | INCOMPAT_CORRUPT | INCOMPAT_COMPRESSION);

    if (q->node->flags & NODE_INFO)
        unknown &= ~(uint64_t)(INCOMPAT_DATA_FILE | INCOMPAT_EXTENDED_L2);
    if (unknown && !q->unknown_features->len) {
        for (int bit = 0; bit < 64; bit++) {
            if (!(unknown >> bit & 1))
                continue;
            if (bit < (int)G_N_ELEMENTS(own) && own[bit])
                g_string_append_printf(q->unknown_features, "%s%s",
                                       q->unknown_features->len ? ", " : "", own[bit]);
            else
                g_string_append_printf(q->unknown_features, "%sUnknown incompatible feature: %llx",
                                       q->unknown_features->len ? ", " : "", 1ull << bit);
        }
    }
    if (unknown)
        return block_fail(err, "Unsupported qcow2 feature(s): %s", q->unknown_features->str);
    if (q->node->flags & NODE_INFO)
        return true;
    if (q->crypt)
        return block_fail(err, "Encrypted qcow2 images are not supported yet");
#ifndef CONFIG_ZSTD
    if (q->compression == QCOW2_ZSTD)
        return block_fail(err, "The image is compressed with zstd; this program was built without");
#endif
    if ((q->incompat & INCOMPAT_CORRUPT) && node_writable(q->node) &&
        !(q->node->flags & NODE_CHECK))
        return block_fail(err, "Image is corrupt; cannot be opened read/write "
                               "(try qemu-img check -r all)");
    return true;
}

/* ---- the tables that are never data ---- */

static bool meta_add(Qcow2 *q, uint64_t pos, uint64_t len, uint64_t end, GError **err)
{
    for (uint64_t i = pos >> q->cluster_bits; len && i <= (pos + len - 1) >> q->cluster_bits; i++) {
        if (i << q->cluster_bits >= end || meta_get(q, i))
            return block_fail(err,
                              "Image is corrupt: the table at offset 0x%" PRIx64 " %s "
                              "(try qemu-img check -r all)",
                              i << q->cluster_bits,
                              meta_get(q, i) ? "overlaps another one" : "is past the file's end");
        meta_set(q, i, true);
    }
    return true;
}

static bool meta_add_entries(Qcow2 *q, const Table *t, uint64_t end, GError **err)
{
    for (uint64_t i = 0; i < table_entries(t); i++) {
        uint64_t pos = table_entry(t, i) & QCOW2_POS;

        if (pos && !meta_add(q, pos, q->cluster_size, end, err))
            return false;
    }
    return true;
}

static bool meta_build(Qcow2 *q, GError **err)
{
    int64_t len = node_length(q->file);
    uint64_t end = MAX(len, 0);

    q->fresh_from = (end + q->cluster_size - 1) >> q->cluster_bits;
    return meta_add(q, 0, q->cluster_size, end, err) &&
           meta_add(q, q->l1.pos, q->l1.len, end, err) &&
           meta_add(q, q->rt.pos, q->rt.len, end, err) && meta_add_entries(q, &q->l1, end, err) &&
           meta_add_entries(q, &q->rt, end, err);
}

/* ---- opening ---- */

static bool read_header_co(Qcow2 *q, GError **err)
{
    uint8_t h[HEADER_V3 + 8] = { 0 };
    g_autofree uint8_t *cluster = NULL;
    int64_t file_len = node_length(q->file);
    uint64_t end;
    int ret;

    ret = file_len < 0 ? file_len : node_read_co(q->file, 0, h, sizeof(h));
    if (ret < 0)
        return block_fail_errno(err, -ret, "Could not read qcow2 header");
    if (file_len < HEADER_V2 || get_be32(h) != QCOW2_MAGIC)
        return block_fail(err, get_be32(h) == QCOW2_MAGIC ? "qcow2 header too short"
                                                          : "Image is not in qcow2 format");
    q->version = get_be32(h + 4);
    if (q->version < 2 || q->version > 3)
        return block_fail(err, "Unsupported qcow2 version %u", q->version);
    if (!parse_version3(q, h, err) || !parse_geometry(q, h, err) || !parse_tables(q, h, err))
        return false;
    if (q->header_len > q->cluster_size)
        return block_fail(err, "qcow2 header exceeds cluster size");
    cluster = g_malloc(q->cluster_size);
    ret = node_read_co(q->file, 0, cluster, q->cluster_size);
    if (ret < 0)
        return block_fail_errno(err, -ret, "Could not read qcow2 header");
    return parse_backing(q, h, cluster, &end, err) && parse_extensions(q, cluster, end, err) &&
           check_features(q, err);
}

static bool read_table_co(Qcow2 *q, Table *t, const char *what, GError **err)
{
    int ret = t->len ? node_read_co(q->file, t->pos, t->data, t->len) : 0;

    return ret == 0 || block_fail_errno(err, -ret, "Could not read %s", what);
}

/* Counts that a crash left behind (only writers with lazy counts leave them so). */
static bool repair_co(Qcow2 *q, GError **err)
{
    CheckResult result = { 0 };
    int ret = qcow2_check_co(q->node, CHECK_FIX_LEAKS | CHECK_FIX_ERRORS, &result);

    check_result_clear(&result);
    if (ret < 0)
        return block_fail_errno(err, -ret, "Could not repair the reference counts");
    return true;
}

static bool prepare_write_co(Qcow2 *q, GError **err)
{
    int ret;

    if (q->node->flags & NODE_CHECK)
        return true;
    if ((q->incompat & INCOMPAT_DIRTY) && !repair_co(q, err))
        return false;
    if (!meta_build(q, err))
        return false;
    if (!(q->incompat & INCOMPAT_DIRTY) && !q->autoclear)
        return true;
    q->incompat &= ~(uint64_t)INCOMPAT_DIRTY;
    q->autoclear = 0; /* what they promise we shall not keep up */
    q->features_dirty = true;
    ret = qcow2_flush_co(q->node);
    return ret == 0 || block_fail_errno(err, -ret, "Could not update qcow2 header");
}

static void qcow2_free(Qcow2 *q)
{
    GList *l;

    while ((l = g_queue_pop_head_link(&q->lru))) {
        Table *t = l->data;

        table_clear(t);
        g_free(t);
    }
    g_queue_clear_full(&q->frees, g_free);
    table_clear(&q->l1);
    table_clear(&q->rt);
    if (q->tables)
        g_hash_table_destroy(q->tables);
    for (uint32_t i = 0; q->snapshots && i < q->n_snapshots; i++) {
        g_free(q->snapshots[i].id);
        g_free(q->snapshots[i].name);
    }
    g_free(q->snapshots);
    g_free(q->meta);
    g_string_free(q->unknown_features, TRUE);
    g_mutex_clear(&q->lock);
}

static int qcow2_open_co(BlockNode *node, const void *args, GError **err)
{
    const Qcow2Args *a = args;
    Qcow2 *q = node->priv;
    uint64_t bytes = TABLES_BYTES;
    bool ok;

    q->node = node;
    q->file = node->file;
    q->unknown_features = g_string_new(NULL);
    q->tables = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_mutex_init(&q->lock);
    g_queue_init(&q->lru);
    g_queue_init(&q->frees);
    if (a && a->cache_size != UINT64_MAX)
        bytes = a->cache_size;
    else if (a && a->l2_cache_size != UINT64_MAX)
        bytes = a->l2_cache_size;
    ok = read_header_co(q, err);
    if (ok)
        q->max_tables = MAX(MIN(bytes, 1u << 30) >> q->cluster_bits, 16);
    node->limits.unit = ok ? q->cluster_size : 0;
    node->limits.discard_align = node->limits.zero_align = q->cluster_size;
    ok = ok && read_table_co(q, &q->l1, "L1 table", err) &&
         read_table_co(q, &q->rt, "reference count table", err) && qcow2_read_snapshots_co(q, err);
    if (ok && node_writable(node))
        ok = prepare_write_co(q, err);
    if (!ok)
        qcow2_free(q);
    return ok ? 0 : -EINVAL;
}

/* Everything has left: what was freed can be counted down, and that count flushed too. */
static void qcow2_close_co(BlockNode *node)
{
    Qcow2 *q = node->priv;

    if (node_writable(node) && !(node->flags & NODE_CHECK)) {
        for (int round = 0; round < 3 && qcow2_flush_co(node) == 0; round++)
            ;
    }
    qcow2_free(q);
}

static int64_t qcow2_length(BlockNode *node)
{
    Qcow2 *q = node->priv;

    return q->size;
}

static int qcow2_probe(const uint8_t *head, size_t n, const char *file)
{
    return n >= HEADER_V2 && get_be32(head) == QCOW2_MAGIC && get_be32(head + 4) >= 2 ? 100 : 0;
}

static const BlockDriver qcow2 = {
    .name = "qcow2",
    .desc = "copy-on-write image, versions 2 and 3",
    .size = sizeof(Qcow2),
    .open_props = Qcow2Args_rows,
    .create_props = Qcow2Create_rows,
    .probe = qcow2_probe,
    .open_co = qcow2_open_co,
    .close_co = qcow2_close_co,
    .create_co = qcow2_create_co,
    .map_co = qcow2_map_co,
    .commit_co = qcow2_commit_co,
    .unpack = qcow2_unpack,
    .flush_co = qcow2_flush_co,
    .truncate_co = qcow2_truncate_co,
    .empty_co = qcow2_empty_co,
    .length = qcow2_length,
    .info = qcow2_info,
    .check_co = qcow2_check_co,
};
REGISTER(block, qcow2);
