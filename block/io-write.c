/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one I/O path, writing side. In place where the format says so; else into new units, whose
 * rest is filled from what the range read before (copy on write), committed after the data write
 * has completed. Zero and discard go to the format first and fall back to writing, or to nothing.
 */
#include "block/io-int.h"

#include <string.h>

#include "block/probe.h"
#include "util/iov.h"

/* What one zero write takes at once when it has to write bytes. */
#define ZERO_CHUNK (2u << 20)
#define ZERO_PIECE (64u << 10)

static uint8_t zeros[ZERO_PIECE] __attribute__((aligned(4096)));

/* One write while it is on its way: the payload is v from the node's offset off on. */
typedef struct Write {
    BlockNode *node;
    uint64_t off, len;
    const struct iovec *v;
    int n;
    bool fua, need_flush;
} Write;

/* A format's reads of the old mapping, cut at the node's end. */
static int read_old_co(BlockNode *node, uint64_t off, uint8_t *buf, uint64_t len)
{
    int64_t end = node_length(node);
    struct iovec v = { buf, len };

    if (end < 0)
        return end;
    if (off + len > (uint64_t)end) {
        v.iov_len = off < (uint64_t)end ? (uint64_t)end - off : 0;
        memset(buf + v.iov_len, 0, len - v.iov_len);
    }
    return v.iov_len ? node_read_mapped_co(node, off, &v, 1) : 0;
}

typedef struct Fill {
    uint8_t *buf;
    uint64_t off, len;
} Fill;

/* The bytes of a unit beside the payload; none where the disk reads the right zeros already. */
static int fill_read_co(BlockNode *node, const Extent *ext, Fill *f)
{
    if (!f->len)
        return 0;
    if ((ext->flags & EXT_FRESH) && node_is_zero_co(node, f->off, f->len)) {
        f->len = 0;
        return 0;
    }
    f->buf = g_try_malloc(f->len);
    return f->buf ? read_old_co(node, f->off, f->buf, f->len) : -ENOMEM;
}

/* Payload and fill in one vector, or nothing at all (preallocation of fresh units). */
static int write_units_co(Write *w, const Extent *ext)
{
    Fill head = { .off = ext->off, .len = w->off - ext->off };
    Fill tail = { .off = w->off + w->len, .len = ext->off + ext->len - (w->off + w->len) };
    struct iovec *v = g_new(struct iovec, w->n + 2);
    uint64_t start;
    int n = 0, ret;

    ret = fill_read_co(w->node, ext, &head);
    if (ret == 0)
        ret = fill_read_co(w->node, ext, &tail);
    start = head.len ? head.off : w->len ? w->off : tail.off;
    if (head.len)
        v[n++] = (struct iovec){ head.buf, head.len };
    if (w->n)
        memcpy(v + n, w->v, w->n * sizeof(*v));
    n += w->n;
    if (tail.len)
        v[n++] = (struct iovec){ tail.buf, tail.len };
    if (ret == 0 && n)
        ret = node_writev_co(ext->file, ext->pos + (start - ext->off), v, n, false);
    g_free(head.buf);
    g_free(tail.buf);
    g_free(v);
    return ret;
}

static int write_extent_co(Write *w, const Extent *ext)
{
    int ret;

    if (!ext->cookie) {
        bool durable = ext->flags & EXT_DURABLE;

        w->need_flush |= w->fua && !durable;
        return node_writev_co(ext->file, ext->pos + (w->off - ext->off), w->v, w->n,
                              w->fua && durable);
    }
    ret = write_units_co(w, ext);
    w->need_flush |= w->fua;
    return w->node->drv->commit_co(w->node, ext, ret);
}

static int write_mapped_co(BlockNode *node, uint64_t off, const struct iovec *iov, int n, bool fua)
{
    uint64_t done = 0, total = iov_bytes(iov, n);
    bool need_flush = false;
    int ret = 0;

    while (done < total && ret == 0) {
        Write w = { .node = node, .off = off + done, .fua = fua };
        Extent ext = { 0 };
        Slice s;

        ret = node->drv->map_co(node, w.off, total - done, WANT_ALLOC, &ext);
        if (ret < 0)
            break;
        g_assert(ext.off <= w.off && ext.off + ext.len > w.off);
        w.len = MIN(ext.off + ext.len - w.off, total - done);
        slice_init(&s, iov, n, done, w.len);
        w.v = s.v;
        w.n = s.n;
        ret = write_extent_co(&w, &ext);
        slice_free(&s);
        need_flush |= w.need_flush;
        done += w.len;
    }
    if (ret == 0 && need_flush)
        ret = node->drv->flush_co(node);
    return ret;
}

/*
 * A guest must not turn an image whose format was guessed as raw into one of another format: the
 * next start would open whatever file its header names as backing image.
 */
static int check_probed_raw_co(BlockNode *node, uint64_t off, const struct iovec *iov, int n)
{
    uint8_t head[PROBE_SIZE] = { 0 };
    uint64_t len = MIN(iov_bytes(iov, n), PROBE_SIZE - off);
    struct iovec v = { head, PROBE_SIZE };
    int ret = 0;

    if (len < PROBE_SIZE)
        ret = node_read_mapped_co(node, 0, &v, 1);
    if (ret < 0)
        return ret;
    iov_to_buf(iov, n, 0, head + off, len);
    if (block_probe_other(head, PROBE_SIZE) ||
        strcmp(block_probe(head, PROBE_SIZE, node->filename)->name, "raw"))
        return -EPERM;
    return 0;
}

static bool hull_is_partial(const BlockNode *node, uint64_t off, uint64_t len)
{
    uint32_t align = node->limits.align;

    return align > 1 && (off % align || len % align);
}

static void write_begin_co(BlockNode *node, NodeReq *req, uint64_t off, uint64_t len)
{
    uint64_t align = MAX(node->limits.align, 1), from = off / align * align;

    node_begin_co(node, req, from, (off + len + align - 1) / align * align - from, true,
                  hull_is_partial(node, off, len));
}

int node_writev_co(BlockNode *node, uint64_t off, const struct iovec *iov, int n, bool fua)
{
    uint64_t len = iov_bytes(iov, n);
    NodeReq req;
    int ret = 0;

    if (off > INT64_MAX || len > INT64_MAX - off)
        return -EINVAL;
    if (!node_writable(node))
        return -EPERM;
    write_begin_co(node, &req, off, len);
    if ((node->flags & NODE_PROBED_RAW) && off < PROBE_SIZE && len)
        ret = check_probed_raw_co(node, off, iov, n);
    if (ret == 0)
        ret = node->drv->rw_co ? node_rw_aligned_co(node, off, iov, n, true, fua)
                               : write_mapped_co(node, off, iov, n, fua);
    node_end(node, &req);
    return ret;
}

int node_write_co(BlockNode *node, uint64_t off, const void *buf, size_t len)
{
    struct iovec v = { (void *)buf, len };

    return len ? node_writev_co(node, off, &v, 1, false) : 0;
}

/* ---- zero ---- */

static int zero_vector(struct iovec v[], uint64_t len)
{
    int n = 0;

    for (; len; n++) {
        v[n] = (struct iovec){ zeros, MIN(len, ZERO_PIECE) };
        len -= v[n].iov_len;
    }
    return n;
}

static int zero_protocol_co(BlockNode *node, uint64_t off, uint64_t len, bool unmap, bool fua)
{
    struct iovec v[ZERO_CHUNK / ZERO_PIECE];
    int ret = -ENOTSUP;

    if (node->drv->zero_co && !hull_is_partial(node, off, len))
        ret = node->drv->zero_co(node, off, len, unmap, fua);
    if (ret != -ENOTSUP)
        return ret;
    for (ret = 0; len && ret == 0;) {
        uint64_t part = MIN(len, ZERO_CHUNK);

        ret = node_rw_aligned_co(node, off, v, zero_vector(v, part), true, fua);
        off += part;
        len -= part;
    }
    return ret;
}

/* One extent's worth; *done: how far it came. */
static int zero_step_co(BlockNode *node, uint64_t off, uint64_t len, bool unmap, bool fua,
                        uint64_t *done, bool *need_flush)
{
    Write w = { .node = node, .off = off, .fua = fua };
    struct iovec v[ZERO_CHUNK / ZERO_PIECE];
    Extent ext = { 0 };
    int ret;

    ret = node->drv->map_co(node, off, len, unmap ? WANT_UNMAP : WANT_ZERO, &ext);
    if (ret < 0)
        return ret;
    w.len = MIN(ext.off + ext.len - off, len);
    *done = w.len;
    if (ext.kind == EXT_ZERO) {
        *need_flush |= fua;
        return 0;
    }
    if (!ext.cookie) {
        bool durable = ext.flags & EXT_DURABLE;

        *need_flush |= fua && !durable;
        return node_zero_co(ext.file, ext.pos + (off - ext.off), w.len, unmap, fua && durable);
    }
    w.len = *done = MIN(w.len, ZERO_CHUNK);
    w.v = v;
    w.n = zero_vector(v, w.len);
    ret = write_extent_co(&w, &ext);
    *need_flush |= w.need_flush;
    return ret;
}

static int zero_mapped_co(BlockNode *node, uint64_t off, uint64_t len, bool unmap, bool fua)
{
    bool need_flush = false;
    int ret = 0;

    while (len && ret == 0) {
        uint64_t done = 0;

        ret = zero_step_co(node, off, len, unmap, fua, &done, &need_flush);
        off += done;
        len -= done;
    }
    if (ret == 0 && need_flush)
        ret = node->drv->flush_co(node);
    return ret;
}

int node_zero_mapped_co(BlockNode *node, uint64_t off, uint64_t len)
{
    return zero_mapped_co(node, off, len, false, false);
}

int node_zero_co(BlockNode *node, uint64_t off, uint64_t len, bool unmap, bool fua)
{
    NodeReq req;
    int ret;

    if (off > INT64_MAX || len > INT64_MAX - off)
        return -EINVAL;
    if (!node_writable(node))
        return -EPERM;
    write_begin_co(node, &req, off, len);
    ret = node->drv->rw_co ? zero_protocol_co(node, off, len, unmap, fua)
                           : zero_mapped_co(node, off, len, unmap, fua);
    node_end(node, &req);
    return ret;
}

/* ---- discard, flush, the rest ---- */

static int discard_mapped_co(BlockNode *node, uint64_t off, uint64_t len)
{
    int ret = 0;

    while (len && ret == 0) {
        Extent ext = { 0 };
        uint64_t part;

        ret = node->drv->map_co(node, off, len, WANT_DISCARD, &ext);
        if (ret < 0)
            return ret;
        part = MIN(ext.off + ext.len - off, len);
        if (ext.kind == EXT_DATA && ext.file)
            ret = node_discard_co(ext.file, ext.pos + (off - ext.off), part);
        off += part;
        len -= part;
    }
    return ret;
}

int node_discard_co(BlockNode *node, uint64_t off, uint64_t len)
{
    NodeReq req;
    int ret = 0;

    if (off > INT64_MAX || len > INT64_MAX - off)
        return -EINVAL;
    if (!node_writable(node))
        return -EPERM;
    write_begin_co(node, &req, off, len);
    if (node->drv->map_co && !node->drv->rw_co)
        ret = discard_mapped_co(node, off, len);
    else if (node->drv->discard_co && (node->flags & NODE_UNMAP) &&
             !hull_is_partial(node, off, len))
        ret = node->drv->discard_co(node, off, len);
    node_end(node, &req);
    return ret == -ENOTSUP ? 0 : ret;
}

int node_flush_co(BlockNode *node)
{
    NodeReq req;
    int ret;

    if (!node_writable(node) || !node->drv->flush_co)
        return 0;
    node_begin_co(node, &req, 0, 0, false, false);
    ret = node->drv->flush_co(node);
    node_end(node, &req);
    return ret;
}

int node_allocate_co(BlockNode *node, uint64_t off, uint64_t len)
{
    NodeReq req;
    int ret = 0;

    if (!node->drv->commit_co)
        return 0;
    write_begin_co(node, &req, off, len);
    while (len && ret == 0) {
        Extent ext = { 0 };
        uint64_t part;

        ret = node->drv->map_co(node, off, len, WANT_ALLOC, &ext);
        if (ret < 0)
            break;
        part = MIN(ext.off + ext.len - off, len);
        if (ext.cookie) {
            Write w = { .node = node, .off = ext.off };

            ret = write_extent_co(&w, &ext);
        }
        off += part;
        len -= part;
    }
    node_end(node, &req);
    return ret;
}

int node_grow_co(BlockNode *node, uint64_t len)
{
    NodeReq req;
    int ret;

    if (!node->drv->grow_co)
        return -ENOTSUP;
    node_begin_co(node, &req, len, 0, false, false);
    ret = node->drv->grow_co(node, len);
    node_end(node, &req);
    return ret;
}

int node_truncate_co(BlockNode *node, uint64_t len, int prealloc, GError **err)
{
    if (!node->drv->truncate_co) {
        g_set_error(err, g_quark_from_static_string("block"), ENOTSUP,
                    "Image format '%s' does not support resizing", node->drv->name);
        return -ENOTSUP;
    }
    return node->drv->truncate_co(node, len, prealloc, err);
}
