/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000: the 88E1000 PHY behind MDIC, its negotiation, and the EEPROM. Manual 317453: 5.6 EEPROM
 * map, 13.4.4 MDIC, 13.5 PHY registers; IEEE 802.3 clause 22 and 40.
 *
 * A negotiation takes 100 ms instead of two seconds. The partner can do everything. Forced speeds
 * change what the registers say, not how fast frames go.
 */
#include "hw/net/e1000.h"

enum {
    MDIC_WRITE = 1,
    MDIC_READ = 2,
    MDIC_READY = 1 << 28,
    MDIC_IE = 1 << 29,
    MDIC_ERROR = 1 << 30
};
enum {
    BMCR,
    BMSR,
    PHYID1,
    PHYID2,
    ANAR,
    ANLPAR,
    ANER,
    NPAR,
    LPNPAR,
    GTCR,
    GTSR, /* 0 to 10 */
    ESR = 15,
    PSCR = 16,
    PSSR = 17,
    PIER = 18,
    PISR = 19,
    EPSCR = 20,
    REC = 21,
    PAGE = 29,
    GENCTL = 30
};
enum { BMCR_RESTART = 0x200, BMCR_AN = 0x1000, BMCR_LOOP = 0x4000, BMCR_RESET = 0x8000 };
enum { BMSR_LINK = 4, BMSR_DONE = 0x20, ANLPAR_ACK = 0x4000, PSSR_LINK = 0x400 };
enum { NEGOTIATION_NS = 100 * 1000 * 1000 };

/* bits that MDIC writes change; a register with neither these nor a value is not there */
static const uint16_t phy_mask[32] = {
    [BMCR] = 0xff80, [ANAR] = 0xbfff,  [NPAR] = 0xffff, [GTCR] = 0xff00, [PSCR] = 0xffff,
    [PIER] = 0xffff, [EPSCR] = 0xffff, [24] = 0xffff,   [PAGE] = 0xffff, [GENCTL] = 0xffff,
};
static const uint32_t phy_known = 0x617f87ff;

static const E1000Info *e1000_info(const E1000 *e)
{
    return e->pci.dev.type->bus_info;
}

void e1000_phy_reset(E1000 *e)
{
    uint16_t *p = e->st.phy;
    memset(p, 0, sizeof(e->st.phy));
    p[BMCR] = 0x1140; /* 1000 Mbit/s, full duplex, negotiates */
    p[BMSR] = 0x7949; /* 10 and 100 both duplexes, extended status, can negotiate */
    p[PHYID1] = 0x0141;
    p[PHYID2] = e1000_info(e)->phy_id2;
    p[ANAR] = 0x0de1;
    p[ANLPAR] = 0x01e0;
    p[GTCR] = 0x0e00;
    p[GTSR] = 0x3c00;
    p[ESR] = 0x3000;
    p[PSCR] = 0x0360;
    p[PSSR] = 0xa800; /* 1000 Mbit/s, full duplex, resolved */
    p[EPSCR] = 0x0d60;
}

void e1000_link_set(E1000 *e, bool up)
{
    uint16_t *p = e->st.phy;
    p[BMSR] &= (uint16_t) ~(BMSR_LINK | BMSR_DONE);
    p[ANLPAR] &= (uint16_t)~ANLPAR_ACK;
    p[PSSR] &= (uint16_t)~PSSR_LINK;
    e->st.reg[STATUS] &= ~(uint32_t)STATUS_LU;
    if (!up)
        return;
    p[BMSR] |= BMSR_LINK;
    p[PSSR] |= PSSR_LINK;
    e->st.reg[STATUS] |= STATUS_LU;
    if (p[BMCR] & BMCR_AN) {
        p[BMSR] |= BMSR_DONE;
        p[ANLPAR] |= ANLPAR_ACK;
    }
}

static void e1000_negotiate(E1000 *e)
{
    if (!e->autonegotiation || !(e->st.phy[BMCR] & BMCR_AN)) {
        e1000_link_done(e);
        return;
    }
    e1000_link_set(e, false);
    timer_set(&e->link, clock_now(e->pci.dev.vm, CLOCK_VIRTUAL) + NEGOTIATION_NS);
}

void e1000_link_done(void *o)
{
    E1000 *e = o;
    e1000_link_set(e, net_link_up(e->nic.port));
    e1000_cause(e, ICR_LSC);
    net_resume(e->nic.port);
}

void e1000_cable(void *o, bool up)
{
    E1000 *e = o;
    timer_cancel(&e->link);
    if (up) {
        e1000_negotiate(e);
        return;
    }
    e1000_link_set(e, false);
    e1000_cause(e, ICR_LSC);
}

bool e1000_loops(const E1000 *e)
{
    return (e->st.reg[RCTL] & RCTL_LBM) || (e->st.phy[BMCR] & BMCR_LOOP);
}

static void e1000_phy_write(E1000 *e, unsigned reg, uint16_t val)
{
    uint16_t *p = &e->st.phy[reg];
    if (reg == BMCR && (val & BMCR_RESET)) {
        bool up = e->st.reg[STATUS] & STATUS_LU;
        e1000_phy_reset(e);
        e1000_link_set(e, up);
        e1000_negotiate(e);
        return;
    }
    *p = (*p & (uint16_t)~phy_mask[reg]) | (val & phy_mask[reg]);
    if (reg == BMCR) {
        *p &= (uint16_t)~BMCR_RESTART;
        if (val & BMCR_RESTART)
            e1000_negotiate(e);
    }
}

/* The PHY answers at address 1 only. */
void e1000_mdic(E1000 *e, uint32_t val)
{
    unsigned reg = val >> 16 & 31, addr = val >> 21 & 31, op = val >> 26 & 3;
    uint32_t r = (val & 0x2fffffff & ~(uint32_t)MDIC_READY) | MDIC_READY;
    if (addr != 1 || !(phy_known >> reg & 1) || (op != MDIC_READ && op != MDIC_WRITE))
        r |= MDIC_ERROR;
    else if (op == MDIC_READ)
        r = (r & 0xffff0000) | e->st.phy[reg];
    else
        e1000_phy_write(e, reg, val);
    e->st.reg[MDIC] = r;
    if (val & MDIC_IE)
        e1000_cause(e, ICR_MDAC);
}

/* ---- EEPROM ---- */

enum {
    EECD_SK = 1,
    EECD_CS = 2,
    EECD_DI = 4,
    EECD_DO = 8,
    EECD_REQ = 0x40,
    EECD_GNT = 0x80,
    EECD_PRES = 0x100
};
enum { EERD_START = 1, EERD_DONE = 0x10 };

/* 5.6: address, compatibility, what the hardware loads at power-on, identities, check sum */
void e1000_eeprom_init(E1000 *e)
{
    uint16_t *w = e->eeprom.words;
    uint16_t id = e1000_info(e)->pci.device;
    eeprom93_init(&e->eeprom);
    for (unsigned i = 0x24; i < EEPROM93_WORDS; i++)
        w[i] = 0xffff;
    eeprom93_put_mac(&e->eeprom, 0, e->nic.addr);
    w[0x04] = 0xffff;
    w[0x08] = 0x3000; /* board number: 300010-00 */
    w[0x09] = 0x1000;
    w[0x0a] = 0x6403; /* power management, load the identities */
    w[0x0b] = w[0x0d] = id;
    w[0x0c] = w[0x0e] = 0x8086;
    w[0x0f] = 0x3040; /* negotiates, 64 words */
    w[0x11] = 0x2000;
    w[0x30] = 0x0100; /* boots from the network */
    w[0x31] = 0x4000;
    eeprom93_put_sum(&e->eeprom);
}

void e1000_eerd(E1000 *e, uint32_t val)
{
    unsigned addr = val >> 8 & 0xff;
    uint32_t r = val & 0xff00;
    if (val & EERD_START) {
        uint16_t data = addr < EEPROM93_WORDS ? e->eeprom.words[addr] : 0xffff;
        r |= EERD_DONE | (uint32_t)data << 16;
    }
    e->st.reg[EERD] = r;
}

void e1000_eecd(E1000 *e, uint32_t val)
{
    e->st.reg[EECD] = val & (EECD_SK | EECD_CS | EECD_DI | 0x30 | EECD_REQ);
    eeprom93_wires(&e->eeprom, val & EECD_CS, val & EECD_SK, val & EECD_DI);
}

uint32_t e1000_eecd_read(const E1000 *e)
{
    uint32_t val = e->st.reg[EECD] | EECD_PRES;
    if (val & EECD_REQ)
        val |= EECD_GNT;
    return eeprom93_dout(&e->eeprom) ? val | EECD_DO : val;
}
