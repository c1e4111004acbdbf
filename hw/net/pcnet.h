/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Am79C970A: what its files share. Registers and bits: AMD, PCnet-PCI II data sheet (19436),
 * "Control and Status Registers", "Bus Configuration Registers", "Descriptors".
 */
#ifndef HW_NET_PCNET_H
#define HW_NET_PCNET_H

#include "hw/net/frame.h"
#include "hw/pci/pci.h"

/* clang-format off */
enum {
    CSR0_INIT = 1, CSR0_STRT = 2, CSR0_STOP = 4, CSR0_TDMD = 8, CSR0_TXON = 0x10, CSR0_RXON = 0x20, CSR0_IENA = 0x40,
    CSR0_INTR = 0x80, CSR0_IDON = 0x100, CSR0_TINT = 0x200, CSR0_RINT = 0x400, CSR0_MERR = 0x800, CSR0_MISS = 0x1000,
    CSR0_CERR = 0x2000, CSR0_BABL = 0x4000, CSR0_ERR = 0x8000
};
enum { CSR3_BSWP = 4, CSR3_DXMT2PD = 0x10, CSR4_TXSTRTM = 4, CSR4_TXSTRT = 8, CSR4_MFCOM = 0x100, CSR4_MFCO = 0x200,
       CSR4_UINTCMD = 0x80, CSR4_UINT = 0x40, CSR4_ASTRP = 0x400, CSR4_APAD = 0x800, CSR4_DPOLL = 0x1000,
       CSR5_SPND = 1, CSR5_SINT = 0x800, CSR5_SINTE = 0x400 };
enum { MODE_DRX = 1, MODE_DTX = 2, MODE_LOOP = 4, MODE_DXMTFCS = 8, MODE_DRCVPA = 0x2000, MODE_DRCVBC = 0x4000,
       MODE_PROM = 0x8000 };
/* CSRs by what they hold: ring bases and counters are 32 bits in two */
enum { LADRF = 8, PADR = 12, MODE = 15, BADR = 24, BADX = 30, SWS = 58, RCVRC = 72, XMTRC = 74, RCVRL = 76, XMTRL = 78,
       MFC = 112 };
/* clang-format on */

/*
 * csr: as they read. frame: the packet being gathered, or held. rdp..: word or double word access
 * (dwio). rap: the register that RDP and BDP reach.
 */
STATE_BEGIN
typedef struct PcnetState {
    GByteArray *frame;
    int64_t work_due;
    StallState stall;
    uint16_t csr[128], bcr[32];
    uint16_t rap;
    uint8_t aprom[16];
    bool dwio, gathering, held, broken;
    uint8_t pad[2];
} PcnetState;
STATE_END

typedef struct Pcnet {
    PciDevice pci;
    /* config */ Nic nic;
    /* state */ PcnetState st;
    /* host */ Region io, mmio;
    Timer work;
    Stall stall;
    uint8_t buf[4096 + 8];
} Pcnet;

static inline uint32_t pcnet_csr32(const Pcnet *p, unsigned n)
{
    return p->st.csr[n] | (uint32_t)p->st.csr[n + 1] << 16;
}
static inline bool pcnet_wide(const Pcnet *p) /* SSIZE32 */
{
    return p->st.csr[SWS] & 0x100;
}

void pcnet_cause(Pcnet *, uint16_t csr0);
void pcnet_irq(Pcnet *);

/* pcnet-ring.c */
void pcnet_init_block(Pcnet *);
void pcnet_transmit(void *o);
ssize_t pcnet_receive(void *o, const struct iovec *, int n, const NetMeta *);

#endif
