/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/iov.h"

#include <glib.h>
#include <string.h>

size_t iov_bytes(const struct iovec *iov, int n)
{
    size_t sum = 0;

    for (int i = 0; i < n; i++)
        sum += iov[i].iov_len;
    return sum;
}

int iov_slice(struct iovec *dst, const struct iovec *src, int n, size_t off, size_t len)
{
    int made = 0;

    for (int i = 0; i < n && len; i++) {
        size_t have = src[i].iov_len, take;

        if (off >= have) {
            off -= have;
            continue;
        }
        take = MIN(have - off, len);
        dst[made].iov_base = (char *)src[i].iov_base + off;
        dst[made++].iov_len = take;
        len -= take;
        off = 0;
    }
    g_assert(!len);
    return made;
}

typedef enum { COPY_ZERO, COPY_IN, COPY_OUT } CopyKind;

static void iov_copy(const struct iovec *iov, int n, size_t off, char *buf, size_t len, CopyKind k)
{
    for (int i = 0; i < n && len; i++) {
        size_t take;
        char *p;

        if (off >= iov[i].iov_len) {
            off -= iov[i].iov_len;
            continue;
        }
        take = MIN(iov[i].iov_len - off, len);
        p = (char *)iov[i].iov_base + off;
        if (k == COPY_ZERO)
            memset(p, 0, take);
        else if (k == COPY_IN)
            memcpy(p, buf, take);
        else
            memcpy(buf, p, take);
        buf += k == COPY_ZERO ? 0 : take;
        len -= take;
        off = 0;
    }
    g_assert(!len);
}

void iov_zero(const struct iovec *iov, int n, size_t off, size_t len)
{
    iov_copy(iov, n, off, NULL, len, COPY_ZERO);
}

void iov_from_buf(const struct iovec *iov, int n, size_t off, const void *buf, size_t len)
{
    iov_copy(iov, n, off, (char *)buf, len, COPY_IN);
}

void iov_to_buf(const struct iovec *iov, int n, size_t off, void *buf, size_t len)
{
    iov_copy(iov, n, off, buf, len, COPY_OUT);
}
