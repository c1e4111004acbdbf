/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zstd frames, built in only with libzstd. */
#include <errno.h>
#include <zstd.h>

#include "block/qcow2.h"

/* Streaming, because n counts whole sectors: what follows the frame is not ours. */
int zstd_unpack(const void *in, size_t n, void *out, size_t room)
{
    ZSTD_inBuffer src = { in, n, 0 };
    ZSTD_outBuffer dst = { out, room, 0 };
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    size_t ret = 1;

    if (!ctx)
        return -ENOMEM;
    while (dst.pos < dst.size && src.pos < src.size) {
        ret = ZSTD_decompressStream(ctx, &dst, &src);
        if (ZSTD_isError(ret) || ret == 0)
            break;
    }
    ZSTD_freeDCtx(ctx);
    return !ZSTD_isError(ret) && dst.pos == dst.size ? 0 : -EIO;
}
