/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RTL8139C+: what its files share. Registers, bits and descriptors: Realtek RTL8139C+ data
 * sheet 1.6, chapters 5 (registers), 6 (EEPROM), 9 (C+ mode); RTL8139D for the classic mode.
 */
#ifndef HW_NET_RTL8139_H
#define HW_NET_RTL8139_H

#include "hw/net/eeprom93.h"
#include "hw/net/frame.h"
#include "hw/pci/pci.h"

/* clang-format off */
enum {
    IDR0 = 0x00, MAR0 = 0x08, TSD0 = 0x10, DTCCR = 0x10, TSAD0 = 0x20, TNPDS = 0x20, THPDS = 0x28, RBSTART = 0x30,
    ERBCR = 0x34, ERSR = 0x36, CR = 0x37, CAPR = 0x38, CBR = 0x3a, IMR = 0x3c, ISR = 0x3e, TCR = 0x40, RCR = 0x44,
    TCTR = 0x48, MPC = 0x4c, CR9346 = 0x50, CONFIG0 = 0x51, CONFIG1 = 0x52, TIMERINT = 0x54, MSR = 0x58,
    CONFIG3 = 0x59, CONFIG4 = 0x5a, MULINT = 0x5c, RERID = 0x5e, TSAD = 0x60, BMCR = 0x62, BMSR = 0x64, ANAR = 0x66,
    ANLPAR = 0x68, ANER = 0x6a, CONFIG5 = 0xd8, TPPOLL = 0xd9, CPCR = 0xe0, RDSAR = 0xe4, ETTHR = 0xec
};
enum { CR_BUFE = 1, CR_TE = 4, CR_RE = 8, CR_RST = 0x10 };
enum {
    INT_ROK = 1, INT_RER = 2, INT_TOK = 4, INT_TER = 8, INT_RXOVW = 0x10, INT_LINK = 0x20, INT_FOVW = 0x40,
    INT_TDU = 0x80, INT_SWI = 0x100, INT_TIMEOUT = 0x4000, INT_SERR = 0x8000
};
enum { TSD_SIZE = 0x1fff, TSD_OWN = 0x2000, TSD_TOK = 0x8000, TSD_TABT = 1 << 30 };
enum { TCR_LBK = 3 << 17, RCR_AAP = 1, RCR_APM = 2, RCR_AM = 4, RCR_AB = 8, RCR_AR = 0x10, RCR_WRAP = 0x80 };
enum { CPCR_TX = 1, CPCR_RX = 2, CPCR_CHECKSUM = 0x20, CPCR_VLAN = 0x40 };
/* clang-format on */

enum { RTL_RING = 1024, RTL_MAX_FRAME = 8192 };

/* DTCCR's dump, in its order */
STATE_BEGIN
typedef struct RtlTally {
    uint64_t tx_ok, rx_ok, tx_err;
    uint32_t rx_err;
    uint16_t missed, align;
    uint32_t tx_col1, tx_col;
    uint64_t rx_phys, rx_broadcast;
    uint32_t rx_multicast;
    uint16_t tx_abort, tx_underrun;
} RtlTally;

/*
 * reg: the registers as bytes, little endian. frame: what a C+ ring's packet is gathered in, or
 * holds. at: the next descriptor of the normal and the high priority ring. turn: the next TSD.
 * base: when TCTR was 0. broken: a packet that cannot be sent.
 */
typedef struct RtlState {
    GByteArray *frame;
    int64_t timer_due, work_due, base;
    StallState stall;
    RtlTally tally;
    uint8_t reg[256];
    uint16_t at[2], rx_at;
    uint8_t turn;
    bool held, broken;
    uint8_t pad[7];
} RtlState;
STATE_END

typedef struct Rtl8139 {
    PciDevice pci;
    /* config */ Nic nic;
    /* state */ RtlState st;
    Eeprom93 eeprom;
    /* host */ Region io, mmio;
    Timer timer, work;
    Stall stall;
    uint8_t buf[RTL_MAX_FRAME + 8]; /* a frame that comes in */
} Rtl8139;

static inline uint16_t rtl_get16(const Rtl8139 *r, unsigned reg)
{
    return get_le16(r->st.reg + reg);
}
static inline uint32_t rtl_get32(const Rtl8139 *r, unsigned reg)
{
    return get_le32(r->st.reg + reg);
}
static inline uint64_t rtl_get64(const Rtl8139 *r, unsigned reg)
{
    return get_le64(r->st.reg + reg);
}
static inline void rtl_put16(Rtl8139 *r, unsigned reg, uint16_t v)
{
    put_le16(r->st.reg + reg, v);
}
static inline void rtl_put32(Rtl8139 *r, unsigned reg, uint32_t v)
{
    put_le32(r->st.reg + reg, v);
}
static inline bool rtl_loops(const Rtl8139 *r)
{
    return (rtl_get32(r, TCR) & TCR_LBK) == TCR_LBK;
}

void rtl_cause(Rtl8139 *, uint16_t isr);

/* rtl8139-tx.c */
void rtl_send_classic(Rtl8139 *);
void rtl_send_rings(Rtl8139 *); /* C+ */
void rtl_resume(void *o);

/* rtl8139-rx.c */
ssize_t rtl_receive(void *o, const struct iovec *, int n, const NetMeta *);
void rtl_loop_back(Rtl8139 *, const uint8_t *frame, size_t len);
bool rtl_buffer_empty(const Rtl8139 *);
void rtl_room(Rtl8139 *); /* there may be room again */

#endif
