/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors of memory. Offsets are bytes from the first piece's start. */
#ifndef UTIL_IOV_H
#define UTIL_IOV_H

#include <stddef.h>
#include <sys/uio.h>

size_t iov_bytes(const struct iovec *, int n);
/* dst has room for n pieces; returns how many describe [off, off+len), which must be inside. */
int iov_slice(struct iovec *dst, const struct iovec *src, int n, size_t off, size_t len);
void iov_zero(const struct iovec *, int n, size_t off, size_t len);
void iov_from_buf(const struct iovec *, int n, size_t off, const void *buf, size_t len);
void iov_to_buf(const struct iovec *, int n, size_t off, void *buf, size_t len);

#endif
