/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoded blocks: shared by all vCPUs, found by host address and hflags, killed when one of their
 * 64-byte granules is written. A host address stands for a physical one: it is the same for every
 * mapping of the same RAM, and a changed memory map leaves it valid.
 */
#ifndef ACCEL_SOFT_BLOCK_H
#define ACCEL_SOFT_BLOCK_H

#include "accel/soft/decode.h"
#include "accel/soft/env.h"

#define BLOCK_MAX 64 /* instructions, without the closing one */

struct Block {
    uint64_t host;  /* of the first byte */
    uint64_t host2; /* of the second page, when the one instruction crosses, or 0 */
    uint32_t hflags;
    uint16_t len, n;
    Block *hash_next, *page_next[2];
    Insn insn[]; /* n, then one that leaves the block */
};

/* The block at linear address la for hflags; decodes it at need; raises #PF, #GP with rip as it is.
 * Never NULL. */
Block *block_at(X86State *, uint64_t la, uint32_t hflags);

/* Changes when every block is gone: an Insn got before it must not be touched any more. */
unsigned blocks_generation(void);

/* run.c: the closing instruction of a block, of one with H_ONE, and of a killed one */
InsnFn insn_close, insn_close_one, insn_stale;

#endif
