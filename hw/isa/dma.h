/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ISA DMA as a device has it: the device drives. It asks its channel to move bytes now; no polling,
 * no bottom half. Threads: machine lock.
 */
#ifndef HW_ISA_DMA_H
#define HW_ISA_DMA_H

#include "core/device.h"

typedef struct IsaDma IsaDma;

/* realize; NULL: the board has no such channel (0-3 bytes, 5-7 words). ready: the guest unmasked
 * the channel, or programmed it, while a transfer had been refused. */
IsaDma *isa_dma(Device *, unsigned chan, void (*ready)(void *o), void *o);

/*
 * Bytes moved between buf and memory, at most n; a VERIFY channel counts them and moves nothing.
 * 0: masked, wrong direction, or after terminal count: ready() follows. tc: this was the last byte
 * of the count (auto-initialisation has reloaded it).
 */
size_t isa_dma_move(IsaDma *, void *buf, size_t n, bool to_memory, bool *tc);

/* The device wants no more: its request is no longer pending. */
void isa_dma_drop(IsaDma *);

#endif
