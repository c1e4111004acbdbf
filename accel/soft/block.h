/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoded blocks: shared by all vCPUs, found by physical address and hflags, killed when one of
 * their 64-byte granules is written.
 */
#ifndef ACCEL_SOFT_BLOCK_H
#define ACCEL_SOFT_BLOCK_H

#include "accel/soft/decode.h"
#include "accel/soft/env.h"

#define BLOCK_MAX 64 /* instructions, without the closing one */

struct Block {
    uint64_t phys, phys2; /* phys2: page of the tail of the one instruction that crosses, or NO */
    uint32_t hflags;
    uint16_t len, n;
    Block *hash_next, *page_next[2];
    Block *_Atomic link[2]; /* fall through; taken */
    Insn insn[];            /* n, then one that leaves the block */
};
#define BLOCK_NO_PAGE ~0ull

#endif
