/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_PROBE_H
#define BLOCK_PROBE_H

#include "block/driver.h"

#define PROBE_SIZE 512

/* The name of a format that we know by sight but cannot open; NULL: none of them. */
const char *block_probe_other(const uint8_t *head, size_t n);
/* Why a protocol or a format cannot be had: not yet, or never heard of. */
const char *block_protocol_reason(const char *protocol);
void block_unknown_format(const char *name, GError **err);
bool file_is_device(const char *path);
bool file_is_cdrom(const char *path);

#endif
