/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one I/O path, reading side: ask the format where the bytes live, fetch them there. Ranges
 * that nobody wrote come from the backing image, compressed clusters are unpacked by a worker.
 */
#include "block/io-int.h"

#include <string.h>

#include "util/iov.h"

typedef struct Unpack {
    BlockNode *node;
    void *in, *out;
    size_t n;
} Unpack;

static int unpack_work(void *o)
{
    Unpack *u = o;

    return u->node->drv->unpack(u->node, u->in, u->n, u->out);
}

/* Into v[0..n), which is part of the extent's cluster from off on. */
static int read_packed_co(BlockNode *node, const Extent *ext, uint64_t off, const struct iovec *v,
                          int n)
{
    Unpack u = { .node = node, .n = ext->packed_len };
    int ret;

    u.in = g_try_malloc(ext->packed_len);
    u.out = g_try_malloc(ext->len);
    ret = u.in && u.out ? node_read_co(ext->file, ext->pos, u.in, u.n) : -ENOMEM;
    if (ret == 0)
        ret = co_work_co(unpack_work, &u);
    if (ret == 0)
        iov_from_buf(v, n, 0, (char *)u.out + (off - ext->off), iov_bytes(v, n));
    g_free(u.in);
    g_free(u.out);
    return ret;
}

/* What the backing image reads at pos: zeros past its end. */
static int read_backing_co(BlockNode *backing, uint64_t pos, const struct iovec *v, int n,
                           uint64_t len)
{
    int64_t end = backing ? node_length(backing) : 0;
    uint64_t have;
    Slice s;
    int ret;

    if (end < 0)
        return end;
    have = (uint64_t)end > pos ? MIN((uint64_t)end - pos, len) : 0;
    if (have < len)
        iov_zero(v, n, have, len - have);
    if (!have)
        return 0;
    slice_init(&s, v, n, 0, have);
    ret = node_readv_co(backing, pos, s.v, s.n);
    slice_free(&s);
    return ret;
}

static int read_extent_co(BlockNode *node, const Extent *ext, uint64_t off, const struct iovec *v,
                          int n, uint64_t len)
{
    uint64_t pos = ext->pos + (ext->kind == EXT_PACKED ? 0 : off - ext->off);

    switch (ext->kind) {
    case EXT_DATA: return node_readv_co(ext->file, pos, v, n);
    case EXT_ZERO: iov_zero(v, n, 0, len); return 0;
    case EXT_BACKING: return read_backing_co(ext->file, pos, v, n, len);
    case EXT_PACKED: return read_packed_co(node, ext, off, v, n);
    }
    g_assert_not_reached();
}

int node_read_mapped_co(BlockNode *node, uint64_t off, const struct iovec *iov, int n)
{
    uint64_t done = 0, total = iov_bytes(iov, n);
    int ret = 0;

    while (done < total && ret == 0) {
        Extent ext = { 0 };
        uint64_t len;
        Slice s;

        ret = node->drv->map_co(node, off + done, total - done, WANT_READ, &ext);
        if (ret < 0)
            return ret;
        g_assert(ext.off <= off + done && ext.off + ext.len > off + done);
        len = MIN(ext.off + ext.len - (off + done), total - done);
        slice_init(&s, iov, n, done, len);
        ret = read_extent_co(node, &ext, off + done, s.v, s.n, len);
        slice_free(&s);
        done += len;
    }
    return ret;
}

int node_readv_co(BlockNode *node, uint64_t off, const struct iovec *iov, int n)
{
    uint64_t len = iov_bytes(iov, n);
    NodeReq req;
    int ret;

    if (off > INT64_MAX || len > INT64_MAX - off)
        return -EINVAL;
    node_begin_co(node, &req, off, len, false, false);
    ret = node->drv->rw_co ? node_rw_aligned_co(node, off, iov, n, false, false)
                           : node_read_mapped_co(node, off, iov, n);
    node_end(node, &req);
    return ret;
}

int node_read_co(BlockNode *node, uint64_t off, void *buf, size_t len)
{
    struct iovec v = { buf, len };

    return len ? node_readv_co(node, off, &v, 1) : 0;
}

/* True only when it is sure. */
static bool extent_is_zero_co(BlockNode *node, const Extent *ext, uint64_t off, uint64_t len)
{
    int64_t end;

    if (ext->kind == EXT_ZERO)
        return true;
    if (ext->kind != EXT_BACKING)
        return false;
    if (!ext->file)
        return true;
    end = node_length(ext->file);
    return end >= 0 && node_is_zero_co(ext->file, ext->pos + (off - ext->off), len);
}

bool node_is_zero_co(BlockNode *node, uint64_t off, uint64_t len)
{
    int64_t end = node_length(node);

    if (end < 0 || !node->drv->map_co)
        return end >= 0 && off >= (uint64_t)end;
    len = (uint64_t)end > off ? MIN(len, (uint64_t)end - off) : 0;
    while (len) {
        Extent ext = { 0 };
        uint64_t part;

        if (node->drv->map_co(node, off, len, WANT_READ, &ext) < 0)
            return false;
        part = MIN(ext.off + ext.len - off, len);
        if (!extent_is_zero_co(node, &ext, off, part))
            return false;
        off += part;
        len -= part;
    }
    return true;
}
