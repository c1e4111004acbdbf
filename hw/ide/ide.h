/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One channel is a chip with a bus of two; its drives are devices with their own registers and
 * BlockFront
 */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include <sys/uio.h>

#include "core/device.h"
#include "block/block.h"

typedef struct IdeDrive IdeDrive;

/* a channel asks its controller; PIIX, CMD646, AHCI port differ only here */
typedef struct IdeHost {
    void (*irq)(void *o, int level);
    /* NULL: PIO only. The next n pieces of the PRD list from byte `at`, mapped */
    bool (*dma)(void *o, uint64_t at, struct iovec *, unsigned n);
} IdeHost;

#endif
