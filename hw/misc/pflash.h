/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_MISC_PFLASH_H
#define HW_MISC_PFLASH_H

#include "core/device.h"
#include "core/memory.h"

/* The board puts the chip into vm->mem; what the guest reads there, and writes where nothing else
 * does, is the chip. */
void pflash_map(Device *, uint64_t base, int prio);
Region *pflash_region(Device *);

#endif
