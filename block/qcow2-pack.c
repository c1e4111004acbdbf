/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: unpacking compressed clusters, on workers. zlib means a raw deflate stream; any window is
 * accepted. The bytes behind the stream's end belong to the next packed cluster.
 */
#include <errno.h>
#include <zlib.h>

#include "config.h"

#include "block/qcow2.h"

static int zlib_unpack(const void *in, size_t n, void *out, size_t room)
{
    z_stream s = { .next_in = (Bytef *)in, .avail_in = n, .next_out = out, .avail_out = room };
    int ret;

    if (inflateInit2(&s, -15) != Z_OK)
        return -ENOMEM;
    ret = inflate(&s, Z_FINISH);
    inflateEnd(&s);
    /* the sector count may cut the padding off: all bytes out is what counts */
    return (ret == Z_STREAM_END || ret == Z_BUF_ERROR) && s.avail_out == 0 ? 0 : -EIO;
}

int qcow2_unpack(BlockNode *node, const void *in, size_t n, void *cluster)
{
    const Qcow2 *q = node->priv;

#ifdef CONFIG_ZSTD
    if (q->compression == QCOW2_ZSTD)
        return zstd_unpack(in, n, cluster, q->cluster_size);
#endif
    return q->compression == QCOW2_ZLIB ? zlib_unpack(in, n, cluster, q->cluster_size) : -ENOTSUP;
}
