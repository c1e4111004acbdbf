/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Below the I/O path: a protocol that wants whole blocks, aligned memory or short vectors
 * (O_DIRECT) gets them. What does not fit goes through a buffer; a write that covers parts of
 * blocks reads them first. node_begin_co() has made such a write wait for all others of its blocks.
 */
#include "block/io-int.h"

#include <stdlib.h>

#include "util/iov.h"

#define BOUNCE_MAX (4u << 20)

void slice_init(Slice *s, const struct iovec *iov, int n, size_t off, size_t len)
{
    s->v = n <= (int)G_N_ELEMENTS(s->small) ? s->small : g_new(struct iovec, n);
    s->n = iov_slice(s->v, iov, n, off, len);
}

void slice_free(Slice *s)
{
    if (s->v != s->small)
        g_free(s->v);
}

static bool fits(const BlockNode *node, uint64_t off, const struct iovec *iov, int n)
{
    const BlockLimits *l = &node->limits;

    if (l->align > 1 && off % l->align)
        return false;
    if (l->max_iov && n > l->max_iov)
        return false;
    for (int i = 0; i < n; i++) {
        if (l->align > 1 && iov[i].iov_len % l->align)
            return false;
        if (l->mem_align > 1 && (uintptr_t)iov[i].iov_base % l->mem_align)
            return false;
    }
    return true;
}

static int block_rw_co(BlockNode *node, uint64_t off, void *buf, size_t len, bool write, bool fua)
{
    struct iovec v = { buf, len };

    return node->drv->rw_co(node, off, &v, 1, write, fua);
}

/* [off, off+len) of the vector from `at` on, by way of buf, which holds the hull [from, to). */
static int bounce_co(BlockNode *node, uint64_t off, uint64_t len, const struct iovec *iov, int n,
                     uint64_t at, char *buf, bool write, bool fua)
{
    uint64_t align = node->limits.align, from = off / align * align;
    uint64_t to = (off + len + align - 1) / align * align;
    int ret = 0;

    if (!write) {
        ret = block_rw_co(node, from, buf, to - from, false, false);
        if (ret == 0)
            iov_from_buf(iov, n, at, buf + (off - from), len);
        return ret;
    }
    if (off > from || off + len < from + align)
        ret = block_rw_co(node, from, buf, align, false, false);
    if (ret == 0 && off + len < to && to - align > from)
        ret = block_rw_co(node, to - align, buf + (to - align - from), align, false, false);
    if (ret < 0)
        return ret;
    iov_to_buf(iov, n, at, buf + (off - from), len);
    return block_rw_co(node, from, buf, to - from, true, fua);
}

int node_rw_aligned_co(BlockNode *node, uint64_t off, const struct iovec *iov, int n, bool write,
                       bool fua)
{
    uint64_t total = iov_bytes(iov, n), done = 0;
    uint64_t align = MAX(node->limits.align, 1), room;
    void *buf;
    int ret = 0;

    if (!total)
        return 0;
    if (fits(node, off, iov, n))
        return node->drv->rw_co(node, off, iov, n, write, fua);
    room = MIN(total + 2 * align, BOUNCE_MAX);
    if (posix_memalign(&buf, MAX(node->limits.mem_align, 4096), room))
        return -ENOMEM;
    while (done < total && ret == 0) {
        /* chunks end on a block, so that only the first and the last are partial */
        uint64_t at = off + done, end = MIN((at + BOUNCE_MAX - align) / align * align, off + total);

        ret = bounce_co(node, at, end - at, iov, n, done, buf, write, fua);
        done += end - at;
    }
    free(buf);
    return ret;
}
