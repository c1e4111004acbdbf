/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: a new image. Layout: header, refcount table, refcount blocks, L1 table. Preallocation
 * opens the new image and allocates through the ordinary path, so there is one allocator only.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "config.h"

#include "block/error.h"
#include "block/qcow2.h"

#define HEADER_LEN 112u

/* clang-format off */
static const Prop Qcow2CreateEncrypt_rows[] = {
    PROP_STR (Qcow2CreateEncrypt, format,    "format", NULL, "Encrypt the image, format choices: 'aes', 'luks'"),
    PROP_END (Qcow2CreateEncrypt)
};
const Prop Qcow2Create_rows[] = {
    PROP_STR (Qcow2Create, backing_file,     "backing_file", NULL, "File name of a base image"),
    PROP_STR (Qcow2Create, backing_fmt,      "backing_fmt", NULL, "Image format of the base image"),
    PROP_SIZE(Qcow2Create, cluster_size,     "cluster_size", 65536, "qcow2 cluster size"),
    PROP_STR (Qcow2Create, compat,           "compat", NULL, "Compatibility level (v2 [0.10] or v3 [1.1])"),
    PROP_STR (Qcow2Create, compression_type, "compression_type", "zlib", "Compression method used for image cluster compression"),
    PROP_STR (Qcow2Create, data_file,        "data_file", NULL, "File name of an external data file"),
    PROP_BOOL(Qcow2Create, data_file_raw,    "data_file_raw", AUTO, "The external data file must stay valid as a raw image"),
    PROP_PART(Qcow2Create, encrypt,          "encrypt", Qcow2CreateEncrypt, ""),
    PROP_BOOL(Qcow2Create, encryption,       "encryption", AUTO, "Encrypt the image with format 'aes'"),
    PROP_BOOL(Qcow2Create, extended_l2,      "extended_l2", false, "Extended L2 tables"),
    PROP_BOOL(Qcow2Create, lazy_refcounts,   "lazy_refcounts", false, "Postpone refcount updates"),
    PROP_STR (Qcow2Create, preallocation,    "preallocation", NULL, "Preallocation mode (allowed values: off, metadata, falloc, full)"),
    PROP_INT (Qcow2Create, refcount_bits,    "refcount_bits", 16, "Width of a reference count entry in bits"),
    PROP_SIZE(Qcow2Create, size,             "size", -1, "Virtual disk size"),
    PROP_END (Qcow2Create)
};
/* clang-format on */

typedef struct Layout {
    unsigned version, cluster_bits, order, compression;
    int prealloc;
    uint64_t cluster, l1_entries, n_l1, n_rt, n_blocks, total;
} Layout;

static bool choose_version(const Qcow2Create *a, Layout *l, GError **err)
{
    const char *c = a->compat ? a->compat : "1.1";

    if (!strcmp(c, "0.10") || !strcmp(c, "v2"))
        l->version = 2;
    else if (!strcmp(c, "1.1") || !strcmp(c, "v3"))
        l->version = 3;
    else
        return block_fail(err, "Parameter 'version' does not accept value '%s'", c);
    if (!strcmp(a->compression_type, "zstd"))
        l->compression = QCOW2_ZSTD;
    else if (strcmp(a->compression_type, "zlib"))
        return block_fail(err, "Parameter 'compression-type' does not accept value '%s'",
                          a->compression_type);
    l->prealloc = a->preallocation ? prealloc_mode(a->preallocation) : PREALLOC_OFF;
    if (l->prealloc < 0)
        return block_fail(err, "Parameter 'preallocation' does not accept value '%s'",
                          a->preallocation);
    return true;
}

static bool check_v2(const Qcow2Create *a, const Layout *l, GError **err)
{
    if (l->version >= 3)
        return true;
    if (a->lazy_refcounts)
        return block_fail(err, "Lazy refcounts only supported with compatibility level 1.1 and "
                               "above (use version=v3 or greater)");
    if (l->order != 4)
        return block_fail(err, "Different refcount widths than 16 bits require compatibility level "
                               "1.1 or above (use version=v3 or greater)");
    if (l->compression != QCOW2_ZLIB)
        return block_fail(err, "Non-zlib compression type is only supported with compatibility "
                               "level 1.1 and above (use version=v3 or greater)");
    return true;
}

static bool check_args(const Qcow2Create *a, Layout *l, GError **err)
{
    uint64_t bits = a->refcount_bits;

    if (!choose_version(a, l, err))
        return false;
    if (a->cluster_size < 512 || a->cluster_size > 2 << 20 ||
        (a->cluster_size & (a->cluster_size - 1)))
        return block_fail(err, "Cluster size must be a power of two between 512 and 2048k");
    if (bits < 1 || bits > 64 || (bits & (bits - 1)))
        return block_fail(err, "Refcount width must be a power of two and may not exceed 64 bits");
    l->cluster_bits = __builtin_ctzll(a->cluster_size);
    l->cluster = a->cluster_size;
    l->order = __builtin_ctzll(bits);
    if (a->extended_l2 || a->data_file || a->data_file_raw == 1 || a->encrypt.format ||
        a->encryption == 1)
        return block_fail(err, "%s is not supported yet",
                          a->extended_l2       ? "extended_l2"
                          : a->encrypt.format  ? "encrypt.format"
                          : a->encryption == 1 ? "encryption"
                                               : "data_file");
    if (a->backing_file && l->prealloc != PREALLOC_OFF)
        return block_fail(err, "Backing file and preallocation can only be used at the same time "
                               "if extended_l2 is enabled");
    if (a->backing_fmt && !a->backing_file)
        return block_fail(err, "Backing format cannot be used without backing file");
    if (a->backing_file && strlen(a->backing_file) > 1023)
        return block_fail(err, "Backing file name too long");
#ifndef CONFIG_ZSTD
    if (l->compression == QCOW2_ZSTD)
        return block_fail(err, "compression_type=zstd: this program was built without zstd");
#endif
    return check_v2(a, l, err);
}

static bool compute_layout(const Qcow2Create *a, Layout *l, GError **err)
{
    uint64_t per = (l->cluster * 8) >> l->order, span = l->cluster * l->cluster / 8;

    l->l1_entries = a->size / span + (a->size % span != 0);
    if (l->l1_entries > QCOW2_L1_MAX / 8 || a->size > INT64_MAX - l->cluster)
        return block_fail(err, "The image size is too large for file format 'qcow2' "
                               "(try using a larger cluster size)");
    l->n_l1 = MAX((l->l1_entries * 8 + l->cluster - 1) >> l->cluster_bits, 1);
    l->n_rt = l->n_blocks = 1;
    for (;;) {
        l->total = 1 + l->n_rt + l->n_blocks + l->n_l1;
        if (l->n_blocks * per < l->total)
            l->n_blocks++;
        else if (l->n_rt * (l->cluster / 8) < l->n_blocks)
            l->n_rt++;
        else
            return true;
    }
}

/* ---- the header's cluster ---- */

static uint8_t *put_extension(uint8_t *p, uint32_t kind, const void *data, uint32_t len)
{
    put_be32(p, kind);
    put_be32(p + 4, len);
    memcpy(p + 8, data, len);
    return p + 8 + ((len + 7) & ~7u);
}

/* Names for programs that do not know a bit. */
static uint8_t *put_feature_names(uint8_t *p)
{
    static const struct {
        uint8_t kind, bit;
        const char *name;
    } names[] = { { 0, 0, "dirty bit" },
                  { 0, 1, "corrupt bit" },
                  { 0, 2, "external data file" },
                  { 0, 3, "compression type" },
                  { 0, 4, "extended L2 entries" },
                  { 1, 0, "lazy refcounts" },
                  { 2, 0, "bitmaps" },
                  { 2, 1, "raw external data" } };
    uint8_t rows[G_N_ELEMENTS(names) * 48] = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        rows[i * 48] = names[i].kind;
        rows[i * 48 + 1] = names[i].bit;
        g_strlcpy((char *)rows + i * 48 + 2, names[i].name, 46);
    }
    return put_extension(p, 0x6803f857u, rows, sizeof(rows));
}

static void put_fields(const Qcow2Create *a, const Layout *l, uint8_t *h)
{
    put_be32(h, QCOW2_MAGIC);
    put_be32(h + 4, l->version);
    put_be32(h + 20, l->cluster_bits);
    put_be64(h + 24, a->size);
    put_be32(h + H_L1_SIZE, l->l1_entries);
    put_be64(h + H_L1_POS, (1 + l->n_rt + l->n_blocks) << l->cluster_bits);
    put_be64(h + H_RT_POS, l->cluster);
    put_be32(h + H_RT_CLUSTERS, l->n_rt);
    if (l->version < 3)
        return;
    put_be64(h + H_INCOMPAT, l->compression ? INCOMPAT_COMPRESSION : 0);
    put_be64(h + H_INCOMPAT + 8, a->lazy_refcounts ? COMPAT_LAZY_REFCOUNTS : 0);
    put_be32(h + 96, l->order);
    put_be32(h + 100, HEADER_LEN);
    h[104] = l->compression;
}

/* *len: bytes of it; false: names do not fit into a cluster this small */
static bool make_header(const Qcow2Create *a, const Layout *l, uint8_t *h, size_t *len,
                        GError **err)
{
    uint8_t *p = h + (l->version >= 3 ? HEADER_LEN : 72);
    size_t name = a->backing_file ? strlen(a->backing_file) : 0;
    size_t format = a->backing_fmt ? 8 + ((strlen(a->backing_fmt) + 7) & ~(size_t)7) : 0;

    put_fields(a, l, h);
    if ((size_t)(p - h) + format + 8 + name > l->cluster || format > 64)
        return block_fail(
            err, "Backing file name or format is too long for clusters of %" PRIu64 " bytes",
            l->cluster);
    if (a->backing_fmt)
        p = put_extension(p, 0xe2792acau, a->backing_fmt, strlen(a->backing_fmt));
    if (l->version >= 3 && (size_t)(p - h) + 8 + 8 * 48 + 8 + name <= l->cluster)
        p = put_feature_names(p);
    p += 8; /* end of extensions */
    if (name) {
        put_be64(h + 8, p - h);
        put_be32(h + 16, name);
        memcpy(p, a->backing_file, name);
    }
    *len = p - h + name;
    return true;
}

static int write_tables_co(const Layout *l, BlockNode *file)
{
    g_autofree uint8_t *rt = g_malloc0(l->n_rt << l->cluster_bits);
    g_autofree uint8_t *block = g_malloc0(l->cluster);
    Qcow2 q = { .cluster_bits = l->cluster_bits,
                .cluster_size = l->cluster,
                .refcount_order = l->order };
    uint64_t per = refs_per_block(&q);
    int ret = 0;

    for (uint64_t b = 0; b < l->n_blocks && ret == 0; b++) {
        memset(block, 0, l->cluster);
        for (uint64_t i = 0; i < per && b * per + i < l->total; i++)
            ref_set(&q, block, i, 1);
        put_be64(rt + b * 8, (1 + l->n_rt + b) << l->cluster_bits);
        ret = node_write_co(file, (1 + l->n_rt + b) << l->cluster_bits, block, l->cluster);
    }
    return ret < 0 ? ret : node_write_co(file, l->cluster, rt, l->n_rt << l->cluster_bits);
}

static int write_image_co(const Qcow2Create *a, const Layout *l, GError **err)
{
    g_autofree uint8_t *h = g_malloc0(MAX(l->cluster, 4096));
    size_t len = 0;
    int ret;

    if (!make_header(a, l, h, &len, err))
        return -EINVAL;
    ret = node_truncate_co(a->node, l->total << l->cluster_bits, PREALLOC_OFF, err);
    if (ret < 0)
        return ret;
    ret = write_tables_co(l, a->node);
    if (ret == 0)
        ret = node_flush_co(a->node);
    if (ret == 0)
        ret = node_write_co(a->node, 0, h, len);
    if (ret == 0)
        ret = node_flush_co(a->node);
    if (ret < 0)
        block_fail_errno(err, -ret, "Could not write qcow2 header");
    return ret;
}

/* ---- preallocation ---- */

/* Gives the mapped clusters their space: reserved, or written. */
static int reserve_co(BlockNode *node, uint64_t size, int mode)
{
    g_autofree uint8_t *zeros = g_malloc0(1 << 20);
    uint64_t off = 0;
    int ret = 0;

    while (off < size && ret == 0) {
        Extent ext = { 0 };
        uint64_t len;

        ret = node->drv->map_co(node, off, size - off, WANT_READ, &ext);
        if (ret < 0)
            break;
        len = MIN(ext.off + ext.len - off, size - off);
        if (mode == PREALLOC_FULL)
            len = MIN(len, 1 << 20);
        ret = mode == PREALLOC_FULL ? node_write_co(node, off, zeros, len)
                                    : node_zero_co(ext.file, ext.pos, ext.len, false, false);
        off += len;
    }
    return ret;
}

static int preallocate_co(const Qcow2Create *a, int mode, GError **err)
{
    BlockNode *node = node_new_co(block_driver("qcow2"), NULL, a->node->filename, NODE_RDWR,
                                  node_ref(a->node), NULL, err);
    int ret;

    if (!node)
        return -EINVAL;
    ret = node_allocate_co(node, 0, a->size);
    if (ret == 0)
        ret = node_flush_co(node);
    if (ret == 0 && mode > PREALLOC_METADATA)
        ret = reserve_co(node, a->size, mode);
    if (ret == 0)
        ret = node_flush_co(node);
    node_unref_co(node);
    if (ret < 0)
        block_fail_errno(err, -ret, "Could not preallocate '%s'", a->node->filename);
    return ret;
}

int qcow2_create_co(const void *args, GError **err)
{
    const Qcow2Create *a = args;
    Layout l = { 0 };
    int ret;

    if (!check_args(a, &l, err) || !compute_layout(a, &l, err))
        return -EINVAL;
    ret = write_image_co(a, &l, err);
    if (ret == 0 && l.prealloc != PREALLOC_OFF)
        ret = preallocate_co(a, l.prealloc, err);
    return ret;
}
