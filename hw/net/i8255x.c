/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * i82550 to i82562: the Intel 8255x fast Ethernet controllers. Registers, EEPROM, PHY, the
 * objects. Open Source Software Developer Manual 1.3: 4 PCI, 5 EEPROM, 6.3 CSR, 7 PHY.
 *
 *   00 SCB status 2 | 02 command 2 | 04 pointer 4 | 08 PORT 4 | 0c flash 2 | 0e EEPROM 2
 *   10 MDI 4 | 14 receive byte count 4 | 18 early, flow control 3, PMDR 1 | 1c general 2
 *
 * Not modelled: wake-up and power states (their registers answer), flow control, flash, microcode
 * (loading it succeeds), flexible receive descriptors. The members of the family differ in
 * identity, revision and counters. Threads: machine lock.
 */
#include <string.h>

#include "hw/net/i8255x.h"

enum { EE_SK = 1, EE_CS = 2, EE_DI = 4, EE_DO = 8 };
enum { PORT_RESET, PORT_SELF_TEST, PORT_SELECTIVE, PORT_DUMP };
enum { MDI_WRITE = 1, MDI_READ = 2, MDI_READY = 1 << 28, MDI_IE = 1 << 29, PHY_ADDRESS = 1 };
enum { BMSR = 1, BMSR_LINK = 4, BMSR_DONE = 0x20 };

/* clang-format off */
static const Field I8255xState_rows[] = {
    FIELD_VAR(I8255xState, frame, FRAME_ROOM), FIELD(I8255xState, work_due), FIELD(I8255xState, cu_base),
    FIELD(I8255xState, cu_at), FIELD(I8255xState, ru_base), FIELD(I8255xState, ru_at), FIELD(I8255xState, dump),
    FIELD(I8255xState, pointer), FIELD(I8255xState, port), FIELD(I8255xState, mdi), FIELD_ARRAY(I8255xState, counters),
    FIELD_ARRAY(I8255xState, phy), FIELD_ARRAY(I8255xState, config), FIELD_ARRAY(I8255xState, mac),
    FIELD_ARRAY(I8255xState, multicast), FIELD(I8255xState, cu, .max = 3), FIELD(I8255xState, ru, .max = 15),
    FIELD(I8255xState, stat), FIELD(I8255xState, mask), FIELD(I8255xState, eectl), FIELD_ARRAY(I8255xState, flow),
    FIELD(I8255xState, wake), FIELD(I8255xState, gencontrol), FIELD(I8255xState, held), FIELD(I8255xState, cu_held),
    FIELD_PAD(I8255xState, pad), FIELD_END
};
static const Prop I8255x_rows[] = { PROP_BASE(I8255x, nic, Nic), PROP_END(I8255x) };
/* clang-format on */

/* ---- interrupts ---- */

static void i8255x_irq(I8255x *d)
{
    pci_irq(&d->pci, 0, (d->st.stat & ~(d->st.mask & 0xfc)) && !(d->st.mask & MASK_ALL));
}

void i8255x_cause(I8255x *d, uint8_t stat)
{
    d->st.stat |= stat;
    i8255x_irq(d);
}

/* ---- reset ---- */

static void i8255x_show_link(I8255x *d)
{
    bool up = net_link_up(d->nic.port);
    d->st.phy[BMSR] = 0x7809 | (up ? BMSR_LINK | BMSR_DONE : 0);
}

static void phy_reset(I8255x *d)
{
    static const uint16_t phy[7] = { 0x3000, 0x7809, 0x02a8, 0x0154, 0x05e1, 0x41fe, 0x0001 };
    memset(d->st.phy, 0, sizeof(d->st.phy));
    memcpy(d->st.phy, phy, sizeof(phy));
    i8255x_show_link(d);
}

/* The units stop; configuration and address are as after a reset. */
static void i8255x_reset_units(I8255x *d)
{
    I8255xState *s = &d->st;
    timer_cancel(&d->work);
    g_byte_array_set_size(s->frame, 0);
    s->cu = s->ru = s->stat = s->mask = 0;
    s->held = s->cu_held = false;
    s->cu_at = s->ru_at = 0;
    memset(s->config, 0, sizeof(s->config));
    memset(s->multicast, 0, sizeof(s->multicast));
    for (unsigned i = 0; i < 3; i++) {
        s->mac[2 * i] = d->eeprom.words[i];
        s->mac[2 * i + 1] = d->eeprom.words[i] >> 8;
    }
    i8255x_irq(d);
    net_resume(d->nic.port);
}

static void i8255x_reset(Device *dev)
{
    I8255x *d = (I8255x *)dev;
    i8255x_reset_units(d);
    d->st.mdi = 0x10200000;
    phy_reset(d);
}

static void i8255x_link(void *o, bool up)
{
    i8255x_show_link(o);
}

/* PORT (6.3.4): the low four bits say what, the rest where */
static void i8255x_port(I8255x *d, uint32_t val)
{
    uint32_t at = val & ~15u, result[2] = { GUINT32_TO_LE(0xffffffff), 0 };
    uint8_t dump[596] = { 0 };
    switch (val & 15) {
    case PORT_RESET:
        memset(d->st.counters, 0, sizeof(d->st.counters));
        d->st.cu_base = d->st.ru_base = 0;
        i8255x_reset_units(d);
        break;
    case PORT_SELECTIVE:
        d->st.cu = CU_IDLE;
        d->st.ru = RU_IDLE;
        d->st.held = d->st.cu_held = false;
        g_byte_array_set_size(d->st.frame, 0);
        timer_cancel(&d->work);
        net_resume(d->nic.port);
        break;
    case PORT_SELF_TEST: /* a signature, and no bit of the result set: passed */
        if (!dma_write(&d->pci.dev, at, result, sizeof(result)))
            guest_error(&d->pci.dev, "self test results cannot be written to %#x", at);
        break;
    case PORT_DUMP: dma_write(&d->pci.dev, at, dump, sizeof(dump)); break;
    }
}

/* ---- MDI ---- */

static void phy_write(I8255x *d, unsigned reg, uint16_t val)
{
    static const uint16_t mask[32] = {
        [0] = 0x7d80, [4] = 0xbfff, [16] = 0xffff, [17] = 0xffff, [27] = 0xffff, [28] = 0xffff
    };
    if (!reg && (val & 0x8000))
        phy_reset(d);
    else
        d->st.phy[reg] = (d->st.phy[reg] & (uint16_t)~mask[reg]) | (val & mask[reg]);
}

static void i8255x_mdi(I8255x *d, uint32_t val)
{
    unsigned reg = val >> 16 & 31, op = val >> 26 & 3;
    bool there = (val >> 21 & 31) == PHY_ADDRESS;
    if (op == MDI_READ)
        val = (val & 0xffff0000) | (there ? d->st.phy[reg] : 0);
    else if (op == MDI_WRITE && there)
        phy_write(d, reg, val);
    d->st.mdi = val | MDI_READY;
    if (val & MDI_IE)
        i8255x_cause(d, INT_MDI);
}

/* ---- registers: as bytes, and what a write of the last byte of one does ---- */

static uint8_t i8255x_read_byte(const I8255x *d, unsigned off)
{
    const I8255xState *s = &d->st;
    switch (off) {
    case 0x00: return s->cu << 6 | s->ru << 2;
    case 0x01: return s->stat;
    case 0x03: return s->mask;
    case 0x04 ... 0x07: return s->pointer >> 8 * (off - 4);
    case 0x08 ... 0x0b: return s->port >> 8 * (off - 8);
    case 0x0e:
        return (s->eectl & (EE_SK | EE_CS | EE_DI)) | (eeprom93_dout(&d->eeprom) ? EE_DO : 0);
    case 0x10 ... 0x13: return s->mdi >> 8 * (off - 0x10);
    case 0x18 ... 0x1a: return s->flow[off - 0x18];
    case 0x1b: return s->wake;
    case 0x1c: return s->gencontrol;
    case 0x1d: return net_link_up(d->nic.port) ? 7 : 6; /* 100 Mbit/s, full duplex, link */
    }
    return 0;
}

static void put_byte(uint32_t *reg, unsigned n, uint8_t val)
{
    *reg = (*reg & ~(0xffu << 8 * n)) | (uint32_t)val << 8 * n;
}

static void i8255x_write_byte(I8255x *d, unsigned off, uint8_t val)
{
    I8255xState *s = &d->st;
    switch (off) {
    case 0x01: /* acknowledge */
        s->stat &= ~val;
        i8255x_irq(d);
        break;
    case 0x02:
        ru_command(d, val & 7);
        cu_command(d, val >> 4);
        break;
    case 0x03:
        s->mask = val & (uint8_t)~MASK_SI;
        i8255x_irq(d);
        if (val & MASK_SI)
            i8255x_cause(d, INT_SWI);
        break;
    case 0x04 ... 0x07: put_byte(&s->pointer, off - 4, val); break;
    case 0x08 ... 0x0b: put_byte(&s->port, off - 8, val); break;
    case 0x0e:
        s->eectl = val;
        eeprom93_wires(&d->eeprom, val & EE_CS, val & EE_SK, val & EE_DI);
        break;
    case 0x10 ... 0x13: put_byte(&s->mdi, off - 0x10, val); break;
    case 0x18 ... 0x1a: s->flow[off - 0x18] = val; break;
    case 0x1b: s->wake &= ~val; break;
    case 0x1c: s->gencontrol = val; break;
    }
}

static uint64_t i8255x_read(void *o, uint64_t off, unsigned size)
{
    uint64_t val = 0;
    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)i8255x_read_byte(o, off + i) << 8 * i;
    return val;
}

/* The mask byte of a command word counts before the command itself. */
static void i8255x_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    I8255x *d = o;
    for (unsigned i = size; i--;)
        i8255x_write_byte(d, off + i, val >> 8 * i);
    if (off <= 0x0b && off + size > 0x0b)
        i8255x_port(d, d->st.port);
    if (off <= 0x13 && off + size > 0x13)
        i8255x_mdi(d, d->st.mdi);
}

static uint64_t flash_read(void *o, uint64_t off, unsigned size)
{
    return ~0ull;
}

static void flash_write(void *o, uint64_t off, uint64_t val, unsigned size) {}

static const IoOps i8255x_ops = { i8255x_read, i8255x_write, .min = 1, .max = 4 };
static const IoOps flash_ops = { flash_read, flash_write, .min = 1, .max = 4 };

/* ---- the device ---- */

/* 5: address, controller and PHY type, identities, check sum */
static void i8255x_eeprom_init(I8255x *d)
{
    eeprom93_init(&d->eeprom);
    eeprom93_put_mac(&d->eeprom, 0, d->nic.addr);
    d->eeprom.words[5] = i8255x_info(d)->eeprom5;
    d->eeprom.words[6] = 1;
    eeprom93_put_sum(&d->eeprom);
}

static const NetOps i8255x_net = { ru_receive, cu_resume, i8255x_link };

static bool i8255x_realize(Device *dev, GError **err)
{
    I8255x *d = (I8255x *)dev;
    pci_conf_default(&d->pci, 0x06, 2, 0x0280, 0); /* medium DEVSEL, fast back to back */
    pci_conf_default(&d->pci, 0x0d, 1, 0x20, 0xf8);
    pci_conf_default(&d->pci, 0x3e, 2, 0x1808, 0);
    if (i8255x_info(d)->power) {
        d->pci.next_cap = 0xdc;
        unsigned cap = pci_cap(&d->pci, 1, 8);
        pci_conf_default(&d->pci, cap + 2, 2, 0x7e21, 0);
        pci_conf_default(&d->pci, cap + 4, 2, 0, 0x1f03);
    }
    pci_bar_io(&d->pci, 0, &d->mem, PCI_BAR_MEM | PCI_BAR_PREFETCH, 4096, &i8255x_ops, d);
    pci_bar_io(&d->pci, 1, &d->io, PCI_BAR_IO, 64, &i8255x_ops, d);
    pci_bar_io(&d->pci, 2, &d->flash, PCI_BAR_MEM, 0x20000, &flash_ops, d);
    timer_init(&d->work, dev, CLOCK_VIRTUAL, &d->st.work_due, cu_run, d);
    if (!nic_open(&d->nic, dev, &i8255x_net, d, err))
        return false;
    i8255x_eeprom_init(d);
    return true;
}

/*
 * The family (4.1 and table 3 of the manual): device, revision, counters of a dump, power
 * management, sub-system. 1209h is the identity of the embedded ones.
 */
/* clang-format off */
#define I8255X(sym, type_name, text, id, revision, n, pm, ee5, ...)                                          \
    static const I8255xInfo sym##_info = { { .vendor = 0x8086, .device = id, .class = 0x0200,                \
        .rev = revision, .pin = 1, .rom = "pxe-eepro100.rom", __VA_ARGS__ }, n, pm, ee5 };                   \
    static const DeviceType sym = {                                                                          \
        .name = type_name, .desc = "Intel " text " Ethernet", .size = sizeof(I8255x),                        \
        .flags = TYPE_USER | TYPE_HOTPLUG, .bus = &pci_bus_type, .bus_info = &sym##_info,      \
        .boot = "ethernet-phy@0", .props = I8255x_rows,                                                      \
        .state = STATE_PARTS(STATE(I8255x, st, I8255xState_rows, 1),                                         \
                             STATE_KEEP(I8255x, eeprom, Eeprom93_rows, 1)),                                  \
        .realize = i8255x_realize, .reset = i8255x_reset };                                                  \
    REGISTER(device, sym)

I8255X(i82550,   "i82550",   "82550",   0x1209, 0x0e, 20, true,  0x4000);
I8255X(i82551,   "i82551",   "82551",   0x1209, 0x0f, 20, true,  0x4000);
I8255X(i82557a,  "i82557a",  "82557A",  0x1229, 0x01, 16, false, 0x0100);
I8255X(i82557b,  "i82557b",  "82557B",  0x1229, 0x02, 16, false, 0x0100);
I8255X(i82557c,  "i82557c",  "82557C",  0x1229, 0x03, 16, false, 0x0100);
I8255X(i82558a,  "i82558a",  "82558A",  0x1229, 0x04, 19, true,  0x0200);
I8255X(i82558b,  "i82558b",  "82558B",  0x1229, 0x05, 19, true,  0x0200);
I8255X(i82559a,  "i82559a",  "82559A",  0x1229, 0x06, 20, true,  0x4000);
I8255X(i82559b,  "i82559b",  "82559B",  0x1229, 0x07, 20, true,  0x4000);
I8255X(i82559c,  "i82559c",  "82559C",  0x1229, 0x0c, 20, true,  0x4000, .sub_vendor = 0x8086, .sub_device = 0x0040);
I8255X(i82559er, "i82559er", "82559ER", 0x1209, 0x09, 20, true,  0x4000);
I8255X(i82562,   "i82562",   "82562",   0x1209, 0x0e, 20, true,  0x4000);
/* clang-format on */
