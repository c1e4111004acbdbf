/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NE2000: a DP8390 with 16-bit remote DMA, an address PROM and 32 KiB of buffer, the same on
 * an ISA card and inside an RTL8029.
 */
#ifndef HW_NET_DP8390_H
#define HW_NET_DP8390_H

#include "core/device.h"
#include "hw/net/frame.h"

enum { NE2000_PORTS = 0x20, NE2000_RAM = 0x4000, NE2000_RAM_SIZE = 0x8000 };

/* Names as in the data sheet; par and mar are page 1's. */
STATE_BEGIN
typedef struct Dp8390State {
    uint8_t ram[NE2000_RAM_SIZE];
    uint16_t rsar, rbcr, tbcr;
    uint8_t cr, pstart, pstop, bnry, tpsr, tsr, isr, imr, rcr, rsr, tcr, dcr, curr;
    uint8_t par[6], mar[8], cr9346;
    uint8_t pad[2];
} Dp8390State;
STATE_END
extern const Field Dp8390State_rows[];

typedef struct Dp8390 {
    /* config */ Nic nic;
    /* state */ Dp8390State st;
    /* host */ Device *dev;
    void (*irq)(Device *, bool level);
    bool rtl8029; /* page 3 and an identity in page 0 */
    uint8_t buf[1600];
} Dp8390;

bool dp8390_init(Dp8390 *, Device *, void (*irq)(Device *, bool level), GError **err);
void dp8390_reset(Dp8390 *); /* also what the reset port does */
uint64_t dp8390_read(Dp8390 *, unsigned port, unsigned size);
void dp8390_write(Dp8390 *, unsigned port, uint32_t val, unsigned size);

#endif
