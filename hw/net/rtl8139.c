/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtl8139: Realtek RTL8139C+. Registers, interrupts, the object. RTL8139C+ data sheet 1.6,
 * chapters 5 and 6. Transmitter and receiver: files beside.
 *
 * Not modelled: wake-up, early transmission and reception (thresholds hold what is written), flow
 * control, the boot ROM register, test registers 70h to 84h (they hold what is written).
 * Threads: machine lock.
 */
#include <string.h>

#include "hw/net/rtl8139.h"

enum { CR9346_DO = 1, CR9346_DI = 2, CR9346_SK = 4, CR9346_CS = 8, CR9346_MODE = 0xc0 };
enum { MODE_AUTOLOAD = 0x40, MODE_PROGRAM = 0x80, MODE_CONFIG = 0xc0 };
enum { MSR_LINKB = 4, BMCR_RESTART = 0x200, BMCR_RESET = 0x8000, BMSR_LINK = 4, BMSR_DONE = 0x20 };
enum { TCTR_NS = 30, HWVER = 0x74800000, TSD_WRITABLE = 0x3f3fff }; /* C+: 11101, 10 */

/* clang-format off */
static const Field RtlTally_rows[] = {
    FIELD(RtlTally, tx_ok), FIELD(RtlTally, rx_ok), FIELD(RtlTally, tx_err), FIELD(RtlTally, rx_err),
    FIELD(RtlTally, missed), FIELD(RtlTally, align), FIELD(RtlTally, tx_col1), FIELD(RtlTally, tx_col),
    FIELD(RtlTally, rx_phys), FIELD(RtlTally, rx_broadcast), FIELD(RtlTally, rx_multicast),
    FIELD(RtlTally, tx_abort), FIELD(RtlTally, tx_underrun), FIELD_END
};
static const Field RtlState_rows[] = {
    FIELD_VAR(RtlState, frame, FRAME_ROOM), FIELD(RtlState, timer_due),
    FIELD(RtlState, work_due), FIELD(RtlState, base), FIELD_STRUCT(RtlState, stall, StallState_rows), FIELD_STRUCT(RtlState, tally, RtlTally_rows),
    FIELD_ARRAY(RtlState, reg), FIELD_ARRAY(RtlState, at, .max = RTL_RING - 1),
    FIELD(RtlState, rx_at, .max = RTL_RING - 1), FIELD(RtlState, turn, .max = 3), FIELD(RtlState, held),
    FIELD(RtlState, broken), FIELD_PAD(RtlState, pad), FIELD_END
};
static const Prop Rtl8139_rows[] = { PROP_BASE(Rtl8139, nic, Nic), PROP_END(Rtl8139) };

/* Bits that a plain write changes: pairs of first register, count, mask. Absent: none. */
static const struct { uint8_t off, n, mask; } rtl_plain[] = {
    { IDR0, 6, 0xff }, { MAR0, 8, 0xff }, { TSD0, 16, 0xff }, { TSAD0, 16, 0xff }, { RBSTART, 4, 0xff },
    { CR, 1, CR_TE | CR_RE }, { CAPR, 2, 0xff }, { IMR, 2, 0xff }, { TCR, 4, 0xff }, { RCR, 4, 0xff },
    { CR9346, 1, 0xfe }, { TIMERINT, 4, 0xff }, { MULINT, 2, 0xff }, { BMCR, 2, 0xff }, { ANAR, 2, 0xff },
    { 0x70, 0x15, 0xff }, { CPCR, 2, 0xff }, { RDSAR, 8, 0xff }, { ETTHR, 1, 0xff },
};
/* these only while 9346CR says "configuration write" */
static const struct { uint8_t off, mask; } rtl_locked[] = {
    { CONFIG0, 0 }, { CONFIG1, 0xf3 }, { MSR, 0xc0 }, { CONFIG3, 0x61 }, { CONFIG4, 0xf7 }, { CONFIG5, 0x7f },
};
/* clang-format on */

/* ---- interrupts and the timer ---- */

static void rtl_irq(Rtl8139 *r)
{
    pci_irq(&r->pci, 0, rtl_get16(r, ISR) & rtl_get16(r, IMR));
}

void rtl_cause(Rtl8139 *r, uint16_t isr)
{
    rtl_put16(r, ISR, rtl_get16(r, ISR) | isr);
    rtl_irq(r);
}

static uint32_t rtl_tctr(const Rtl8139 *r)
{
    return (clock_now(r->pci.dev.vm, CLOCK_VIRTUAL) - r->st.base) / TCTR_NS;
}

/* TCTR counts 33 MHz clocks; at TIMERINT's value it raises TimeOut, unless that is 0. */
static void rtl_timer_arm(Rtl8139 *r)
{
    uint32_t left = rtl_get32(r, TIMERINT) - rtl_tctr(r);
    if (!rtl_get32(r, TIMERINT))
        timer_cancel(&r->timer);
    else
        timer_set(&r->timer,
                  clock_now(r->pci.dev.vm, CLOCK_VIRTUAL) + (left ? left : 1ll << 32) * TCTR_NS);
}

static void rtl_timer_over(void *o)
{
    rtl_cause(o, INT_TIMEOUT);
    rtl_timer_arm(o);
}

/* ---- reset and link ---- */

static void rtl_show_link(Rtl8139 *r)
{
    bool up = net_link_up(r->nic.port);
    r->st.reg[MSR] = (r->st.reg[MSR] & ~MSR_LINKB) | (up ? 0 : MSR_LINKB);
    rtl_put16(r, BMSR, 0x7809 | (up ? BMSR_LINK | BMSR_DONE : 0));
    rtl_put16(r, ANLPAR, up ? 0x45e1 : 0);
}

static void rtl_link(void *o, bool up)
{
    Rtl8139 *r = o;
    rtl_show_link(r);
    rtl_cause(r, INT_LINK);
}

static void rtl_load_mac(Rtl8139 *r)
{
    for (unsigned i = 0; i < 3; i++)
        rtl_put16(r, IDR0 + 2 * i, r->eeprom.words[7 + i]);
}

/* Everything but address, multicast filter and configuration, which a soft reset leaves. */
static void rtl_reset_core(Rtl8139 *r)
{
    uint8_t *reg = r->st.reg;
    memset(reg + TSD0, 0, CR9346 - TSD0);
    memset(reg + CPCR, 0, 0x20);
    for (unsigned i = 0; i < 4; i++)
        rtl_put32(r, TSD0 + 4 * i, TSD_OWN);
    rtl_put16(r, CAPR, 0xfff0);
    rtl_put32(r, TCR, HWVER);
    rtl_put32(r, TIMERINT, 0);
    rtl_put16(r, MULINT, 0);
    g_byte_array_set_size(r->st.frame, 0);
    r->st.at[0] = r->st.at[1] = r->st.rx_at = r->st.turn = 0;
    r->st.held = r->st.broken = false;
}

static void rtl_reset(Device *dev)
{
    Rtl8139 *r = (Rtl8139 *)dev;
    rtl_reset_core(r);
    rtl_load_mac(r);
    r->st.reg[CONFIG1] = 0x0c; /* I/O and memory are mapped */
    r->st.reg[MSR] = 0xd0;
    r->st.reg[CONFIG3] = 0x01; /* fast back to back */
    r->st.reg[RERID] = 0x20;
    rtl_put16(r, BMCR, 0x3100); /* 100 Mbit/s, full duplex, negotiates */
    rtl_put16(r, ANAR, 0x05e1);
    rtl_put16(r, ANER, 0x0001);
    rtl_show_link(r);
}

static void rtl_soft_reset(Rtl8139 *r)
{
    timer_cancel(&r->timer);
    stall_over(&r->stall);
    timer_cancel(&r->work);
    rtl_reset_core(r);
    rtl_irq(r);
    rtl_room(r);
}

/* ---- what writes do ---- */

static void rtl_write_cr(Rtl8139 *r)
{
    rtl_send_classic(r);
    rtl_room(r);
}

static void rtl_write_tcr(Rtl8139 *r)
{
    uint32_t fixed = 0x7cc00000;
    rtl_put32(r, TCR, (rtl_get32(r, TCR) & ~fixed) | HWVER);
}

static void rtl_write_tctr(Rtl8139 *r)
{
    r->st.base = clock_now(r->pci.dev.vm, CLOCK_VIRTUAL);
    rtl_timer_arm(r);
}

static void rtl_write_9346(Rtl8139 *r)
{
    uint8_t val = r->st.reg[CR9346];
    if ((val & CR9346_MODE) == MODE_PROGRAM)
        eeprom93_wires(&r->eeprom, val & CR9346_CS, val & CR9346_SK, val & CR9346_DI);
    else
        eeprom93_wires(&r->eeprom, false, false, false);
    if ((val & CR9346_MODE) == MODE_AUTOLOAD) {
        rtl_load_mac(r);
        r->st.reg[CR9346] = 0;
    }
}

static void rtl_write_bmcr(Rtl8139 *r)
{
    if (rtl_get16(r, BMCR) & BMCR_RESET)
        rtl_put16(r, BMCR, 0x3100);
    rtl_put16(r, BMCR, rtl_get16(r, BMCR) & ~BMCR_RESTART);
}

static void rtl_write_tppoll(Rtl8139 *r)
{
    rtl_send_rings(r);
}

static void rtl_write_idr(Rtl8139 *r)
{
    nic_show_mac(&r->nic, r->st.reg + IDR0);
}

/* A new RDSAR begins the ring anew, as a new TNPDS or THPDS does. */
static void rtl_write_rdsar(Rtl8139 *r)
{
    r->st.rx_at = 0;
    rtl_room(r);
}

static void rtl_write_tnpds(Rtl8139 *r)
{
    r->st.at[0] = 0;
}

static void rtl_write_thpds(Rtl8139 *r)
{
    r->st.at[1] = 0;
}

/* 64 bytes to the address of DTCCR; bit 3 asks for it and is 0 when it is done. */
static void rtl_write_dtccr(Rtl8139 *r)
{
    RtlTally t = r->st.tally;
    uint64_t at = rtl_get64(r, DTCCR) & ~63ull;
    if (!(r->st.reg[DTCCR] & 8))
        return;
    r->st.reg[DTCCR] &= ~8;
    t.tx_ok = GUINT64_TO_LE(t.tx_ok);
    t.rx_ok = GUINT64_TO_LE(t.rx_ok);
    t.rx_phys = GUINT64_TO_LE(t.rx_phys);
    t.rx_broadcast = GUINT64_TO_LE(t.rx_broadcast);
    t.rx_multicast = GUINT32_TO_LE(t.rx_multicast);
    t.missed = GUINT16_TO_LE(t.missed);
    if (!dma_write(&r->pci.dev, at, &t, sizeof(t)))
        guest_error(&r->pci.dev, "tally counters cannot be written to %#" G_GINT64_MODIFIER "x",
                    at);
}

static bool rtl_cplus_tx(const Rtl8139 *r)
{
    return rtl_get16(r, CPCR) & (CPCR_TX | CPCR_RX);
}

/* 10h to 1fh are TSD0 to 3, or in C+ mode the tally dump */
static void rtl_write_10(Rtl8139 *r)
{
    if (rtl_cplus_tx(r))
        rtl_write_dtccr(r);
    else
        rtl_send_classic(r);
}

/* clang-format off */
static const struct { uint8_t off, n; void (*fn)(Rtl8139 *); } rtl_hooks[] = {
    { IDR0, 6, rtl_write_idr }, { TSD0, 16, rtl_write_10 }, { TNPDS, 8, rtl_write_tnpds },
    { THPDS, 8, rtl_write_thpds }, { CR, 1, rtl_write_cr }, { CAPR, 2, rtl_room },
    { IMR, 2, rtl_irq }, { IMR, 2, rtl_room }, { ISR, 2, rtl_irq }, { ISR, 2, rtl_room },
    { TCR, 4, rtl_write_tcr }, { RCR, 4, rtl_room }, { TCTR, 4, rtl_write_tctr }, { CR9346, 1, rtl_write_9346 },
    { TIMERINT, 4, rtl_timer_arm }, { BMCR, 2, rtl_write_bmcr }, { TPPOLL, 1, rtl_write_tppoll },
    { CPCR, 2, rtl_room }, { RDSAR, 8, rtl_write_rdsar },
};
/* clang-format on */

static void rtl_write_byte(Rtl8139 *r, unsigned off, uint8_t val)
{
    uint8_t *reg = r->st.reg + off, mask = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(rtl_plain); i++) {
        if (off - rtl_plain[i].off < rtl_plain[i].n)
            mask = rtl_plain[i].mask;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(rtl_locked); i++) {
        if (off == rtl_locked[i].off && (r->st.reg[CR9346] & CR9346_MODE) == MODE_CONFIG)
            mask = rtl_locked[i].mask;
    }
    if (off == ISR || off == ISR + 1)
        *reg &= ~val;
    else if (off >= MPC && off < MPC + 3)
        *reg = 0; /* any write clears the counter */
    else if (off == TPPOLL && (val & 1))
        rtl_cause(r, INT_SWI);
    else
        *reg = (*reg & ~mask) | (val & mask);
}

static void rtl_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Rtl8139 *r = o;
    if (off <= CR && off + size > CR && (val >> 8 * (CR - off) & CR_RST)) {
        rtl_soft_reset(r);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        rtl_write_byte(r, off + i, val >> 8 * i);
    /* the status of a TSD is cleared by giving it to the chip */
    if (off >= TSD0 && off < TSD0 + 16 && !rtl_cplus_tx(r))
        rtl_put32(r, off & ~3u, rtl_get32(r, off & ~3u) & TSD_WRITABLE);
    for (unsigned i = 0; i < G_N_ELEMENTS(rtl_hooks); i++) {
        if (off < rtl_hooks[i].off + rtl_hooks[i].n && off + size > rtl_hooks[i].off)
            rtl_hooks[i].fn(r);
    }
}

/* TSAD: TOK, TUN, TABT and OWN of the four descriptors */
static uint16_t rtl_tsad(const Rtl8139 *r)
{
    uint16_t val = 0;
    for (unsigned n = 0; n < 4; n++) {
        uint32_t tsd = rtl_get32(r, TSD0 + 4 * n);
        val |= (tsd & TSD_OWN ? 1 : 0) << n | (tsd & TSD_TABT ? 0x10 : 0) << n |
               (tsd & TSD_TOK ? 0x1000 : 0) << n;
    }
    return val;
}

static uint8_t rtl_read_byte(Rtl8139 *r, unsigned off)
{
    switch (off) {
    case CR: return r->st.reg[CR] | (rtl_buffer_empty(r) ? CR_BUFE : 0);
    case CR9346:
        return (r->st.reg[CR9346] & ~CR9346_DO) | (eeprom93_dout(&r->eeprom) ? CR9346_DO : 0);
    case TSAD:
    case TSAD + 1: return rtl_tsad(r) >> 8 * (off - TSAD);
    case TPPOLL: return 0;
    }
    return off >= TCTR && off < TCTR + 4 ? rtl_tctr(r) >> 8 * (off - TCTR) : r->st.reg[off];
}

static uint64_t rtl_read(void *o, uint64_t off, unsigned size)
{
    uint64_t val = 0;
    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)rtl_read_byte(o, off + i) << 8 * i;
    return val;
}

static const IoOps rtl_ops = { rtl_read, rtl_write, .min = 1, .max = 4 };

/* ---- the device ---- */

/* Words 0 to 2 identities, 7 to 9 the address (data sheet, 6.1) */
static void rtl_eeprom_init(Rtl8139 *r)
{
    uint16_t *w = r->eeprom.words;
    eeprom93_init(&r->eeprom);
    w[0] = 0x8129;
    w[1] = 0x10ec;
    w[2] = 0x8139;
    eeprom93_put_mac(&r->eeprom, 7, r->nic.addr);
}

static const NetOps rtl_net = { rtl_receive, rtl_resume, rtl_link };

static bool rtl_realize(Device *dev, GError **err)
{
    Rtl8139 *r = (Rtl8139 *)dev;
    pci_bar_io(&r->pci, 0, &r->io, PCI_BAR_IO, 256, &rtl_ops, r);
    pci_bar_io(&r->pci, 1, &r->mmio, PCI_BAR_MEM, 256, &rtl_ops, r);
    timer_init(&r->timer, dev, CLOCK_VIRTUAL, &r->st.timer_due, rtl_timer_over, r);
    stall_init(&r->stall, dev, &r->st.stall, &r->nic);
    timer_init(&r->work, dev, CLOCK_VIRTUAL, &r->st.work_due, rtl_resume, r);
    if (!nic_open(&r->nic, dev, &rtl_net, r, err))
        return false;
    rtl_eeprom_init(r);
    return true;
}

static void rtl_sync(Device *dev)
{
    rtl_write_idr((Rtl8139 *)dev);
}

static const DeviceType rtl8139 = {
    .name = "rtl8139",
    .desc = "Realtek RTL8139C+ Fast Ethernet",
    .size = sizeof(Rtl8139),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .bus = &pci_bus_type,
    .bus_info = &(const PciInfo){ .vendor = 0x10ec,
                                  .device = 0x8139,
                                  .class = 0x0200,
                                  .rev = 0x20,
                                  .pin = 1,
                                  .rom = "efi-rtl8139.rom" },
    .boot = "ethernet-phy@0",
    .props = Rtl8139_rows,
    .state = STATE_PARTS(STATE(Rtl8139, st, RtlState_rows, 1),
                         STATE_KEEP(Rtl8139, eeprom, Eeprom93_rows, 1)),
    .realize = rtl_realize,
    .reset = rtl_reset,
    .sync = rtl_sync,
};
REGISTER(device, rtl8139);
