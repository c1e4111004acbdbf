/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8254x: what its files share. Register names, offsets and bits: Intel, PCI/PCI-X Family of
 * Gigabit Ethernet Controllers Software Developer's Manual (317453), chapters 3 and 13.
 */
#ifndef HW_NET_E1000_H
#define HW_NET_E1000_H

#include "hw/net/eeprom93.h"
#include "hw/net/frame.h"
#include "hw/pci/pci.h"

/*
 * name, offset, how many, value after reset, bits that a write changes. Registers that do
 * something when read or written are named in the two switches of e1000.c.
 */
/* clang-format off */
#define E1000_REGS(R) \
    R(CTRL,   0x0000,   1, 0x00140240, 0xffffffff) \
    R(STATUS, 0x0008,   1, 0x80080783, 0) \
    R(EECD,   0x0010,   1, 0x00000000, 0x77) \
    R(EERD,   0x0014,   1, 0,          0) \
    R(CTRLX,  0x0018,   1, 0,          0xffffffff) \
    R(FLA,    0x001c,   1, 0,          0xffffffff) \
    R(MDIC,   0x0020,   1, 0x10000000, 0) \
    R(FCAL,   0x0028,   1, 0,          0xffffffff) \
    R(FCAH,   0x002c,   1, 0,          0xffff) \
    R(FCT,    0x0030,   1, 0,          0xffff) \
    R(VET,    0x0038,   1, 0x8100,     0xffff) \
    R(ICR,    0x00c0,   1, 0,          0) \
    R(ITR,    0x00c4,   1, 0,          0xffff) \
    R(ICS,    0x00c8,   1, 0,          0) \
    R(IMS,    0x00d0,   1, 0,          0) \
    R(IMC,    0x00d8,   1, 0,          0) \
    R(RCTL,   0x0100,   1, 0,          0xffffffff) \
    R(FCTTV,  0x0170,   1, 0,          0xffff) \
    R(TXCW,   0x0178,   1, 0,          0xffffffff) \
    R(RXCW,   0x0180,   1, 0,          0) \
    R(TCTL,   0x0400,   1, 0,          0xffffffff) \
    R(TIPG,   0x0410,   1, 0,          0x3fffffff) \
    R(AIT,    0x0458,   1, 0,          0xffff) \
    R(LEDCTL, 0x0e00,   1, 0x00000602, 0xffffffff) \
    R(PBA,    0x1000,   1, 0x00100030, 0xffff) \
    R(RDFH,   0x2410,   9, 0,          0x1fff) \
    R(FCRTL,  0x2160,   1, 0,          0x8000fff8) \
    R(FCRTH,  0x2168,   1, 0,          0xfff8) \
    R(RDBAL,  0x2800,   1, 0,          0xfffffff0) \
    R(RDBAH,  0x2804,   1, 0,          0xffffffff) \
    R(RDLEN,  0x2808,   1, 0,          0xfff80) \
    R(RDH,    0x2810,   1, 0,          0xffff) \
    R(RDT,    0x2818,   1, 0,          0xffff) \
    R(RDTR,   0x2820,   1, 0,          0xffff) \
    R(RXDCTL, 0x2828,   1, 0x00010000, 0xffffffff) \
    R(RADV,   0x282c,   1, 0,          0xffff) \
    R(RSRPD,  0x2c00,   1, 0,          0xfff) \
    R(TXDMAC, 0x3000,   1, 0,          0xffffffff) \
    R(TDFH,   0x3410,   9, 0,          0x1fff) \
    R(TDBAL,  0x3800,   1, 0,          0xfffffff0) \
    R(TDBAH,  0x3804,   1, 0,          0xffffffff) \
    R(TDLEN,  0x3808,   1, 0,          0xfff80) \
    R(TDH,    0x3810,   1, 0,          0xffff) \
    R(TDT,    0x3818,   1, 0,          0xffff) \
    R(TIDV,   0x3820,   1, 0,          0xffff) \
    R(TXDCTL, 0x3828,   1, 0,          0xffffffff) \
    R(TADV,   0x382c,   1, 0,          0xffff) \
    R(TSPMT,  0x3830,   1, 0,          0xffffffff) \
    R(STATS,  0x4000,  64, 0,          0) \
    R(RXCSUM, 0x5000,   1, 0,          0x7ff) \
    R(MTA,    0x5200, 128, 0,          0xffffffff) \
    R(RA,     0x5400,  32, 0,          0xffffffff) \
    R(VFTA,   0x5600, 128, 0,          0xffffffff) \
    R(WUC,    0x5800,   1, 0,          0xffffffff) \
    R(WUFC,   0x5808,   1, 0,          0xffffffff) \
    R(WUS,    0x5810,   1, 0,          0xffffffff) \
    R(MANC,   0x5820,   1, 0x00222300, 0xffffffff) \
    R(IPAV,   0x5838,   1, 0,          0xffffffff) \
    R(IP4AT,  0x5840,   8, 0,          0xffffffff) \
    R(IP6AT,  0x5880,   4, 0,          0xffffffff) \
    R(WUPL,   0x5900,   1, 0,          0xfff) \
    R(WUPM,   0x5a00,  32, 0,          0xffffffff) \
    R(FFLT,   0x5f00,   8, 0,          0x7ff)
/* clang-format on */

/* the largest frame that the receiver takes, with its FCS */
enum { E1000_MAX_FRAME = 16384 };

/* the rows, and where the first word of each lies in reg[] */
#define E1000_ROW(name, off, n, reset, mask) ROW_##name,
enum { ROW_NONE, E1000_REGS(E1000_ROW) E1000_ROWS };
#define E1000_WORD(name, off, n, reset, mask) name, name##_LAST = name + n - 1,
enum E1000Word { E1000_REGS(E1000_WORD) E1000_WORDS };

/* clang-format off */
enum {
    CTRL_FD = 1, CTRL_SLU = 0x40, CTRL_FRCDPX = 1 << 12, CTRL_RST = 1 << 26, CTRL_VME = 1 << 30, CTRL_PHY_RST = 1u << 31,
    STATUS_FD = 1, STATUS_LU = 2,
    ICR_TXDW = 1, ICR_TXQE = 2, ICR_LSC = 4, ICR_RXDMT0 = 0x10, ICR_RXO = 0x40, ICR_RXT0 = 0x80,
    ICR_MDAC = 0x200, ICR_SRPD = 0x10000, ICR_ALL = 0x1ffff,
    RCTL_EN = 2, RCTL_SBP = 4, RCTL_UPE = 8, RCTL_MPE = 0x10, RCTL_LPE = 0x20, RCTL_LBM = 0xc0,
    RCTL_BAM = 0x8000, RCTL_VFE = 1 << 18, RCTL_CFIEN = 1 << 19, RCTL_CFI = 1 << 20,
    RCTL_BSEX = 1 << 25, RCTL_SECRC = 1 << 26,
    TCTL_EN = 2, TCTL_PSP = 8,
    RXCSUM_IPOFLD = 0x100, RXCSUM_TUOFLD = 0x200
};
/* clang-format on */

/* words of the statistics, (offset - 4000h) / 4 */
enum {
    MPC = 0x10 / 4,
    RNBC = 0xa0 / 4,
    PRC64 = 0x5c / 4,
    GPRC = 0x74 / 4,
    BPRC = 0x78 / 4,
    MPRC = 0x7c / 4,
    GPTC = 0x80 / 4,
    GORCL = 0x88 / 4,
    GOTCL = 0x90 / 4,
    RUC = 0xa4 / 4,
    ROC = 0xac / 4,
    TORL = 0xc0 / 4,
    TOTL = 0xc8 / 4,
    TPR = 0xd0 / 4,
    TPT = 0xd4 / 4,
    PTC64 = 0xd8 / 4,
    MPTC = 0xf0 / 4,
    BPTC = 0xf4 / 4,
    TSCTC = 0xf8 / 4,
    TSCTFC = 0xfc / 4
};

/* a TCP/IP context of the transmitter; tse: it is the segmentation one */
STATE_BEGIN
typedef struct E1000Context {
    uint16_t ipcse, tucse, mss;
    uint8_t ipcss, ipcso, tucss, tucso, hdrlen, tucmd;
} E1000Context;

/*
 * frame: the packet being gathered, or (held) one that the peer had no room for. *_due are
 * timers: itr the least time between interrupts, tx and rx a delayed cause, work the rest of a
 * long list, link the end of a negotiation.
 */
typedef struct E1000State {
    GByteArray *frame;
    int64_t itr_due, tx_due, rx_due, tx_limit, rx_limit, work_due, link_due;
    uint32_t reg[E1000_WORDS];
    uint32_t io_addr;
    E1000Context ctx[2];
    uint16_t phy[32];
    uint16_t vlan;
    uint8_t popts, dcmd;
    bool gathering, held, oversize, insert_vlan;
} E1000State;
STATE_END

typedef struct E1000 {
    PciDevice pci;
    /* config */ Nic nic;
    bool autonegotiation, mitigation, extra_mac_registers, migrate_tso_props, init_vet;
    /* state */ E1000State st;
    Eeprom93 eeprom;
    /* host */ Region mmio, io;
    Timer itr, tx_delay, rx_delay, work, link;
    uint8_t buf[E1000_MAX_FRAME + 8]; /* a frame that comes in */
} E1000;

/* e1000.c: causes become true; after a change of ICR, IMS */
void e1000_cause(E1000 *, uint32_t icr);
void e1000_count(E1000 *, unsigned stat, uint64_t n);
void e1000_count_frame(E1000 *, bool sent, const uint8_t *frame, size_t len);
/* delay and absolute in 1.024 us; false: the cause is not to be delayed */
bool e1000_delay(E1000 *, Timer *, int64_t *limit, uint32_t delay, uint32_t absolute);

/* e1000-phy.c */
typedef struct E1000Info { /* bus_info */
    PciInfo pci;
    uint16_t phy_id2;
} E1000Info;
void e1000_phy_reset(E1000 *);
void e1000_mdic(E1000 *, uint32_t val);
void e1000_eerd(E1000 *, uint32_t val);
void e1000_eecd(E1000 *, uint32_t val);
uint32_t e1000_eecd_read(const E1000 *);
void e1000_eeprom_init(E1000 *);
void e1000_link_set(E1000 *, bool up);
void e1000_link_done(void *o);
void e1000_cable(void *o, bool up);
bool e1000_loops(const E1000 *); /* what it sends comes back to itself */

/* e1000-tx.c */
void e1000_send(void *o);

/* e1000-rx.c */
ssize_t e1000_receive(void *o, const struct iovec *, int n, const NetMeta *);
ssize_t e1000_take(E1000 *, size_t len); /* e->buf holds it */

static inline uint32_t e1000_ring(const E1000 *e, enum E1000Word len)
{
    return e->st.reg[len] / 16;
}

static inline uint64_t e1000_base(const E1000 *e, enum E1000Word low)
{
    return (uint64_t)e->st.reg[low + 1] << 32 | e->st.reg[low];
}

#endif
