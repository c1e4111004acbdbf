/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcnet: AMD Am79C970A PCnet-PCI II. Registers, interrupts, the object. AMD 19436: "Control and
 * Status Registers" (CSR0 to 124), "Bus Configuration Registers" (BCR0 to 22), "I/O Resources".
 *
 *   00 address PROM | word I/O:   10 RDP 12 RAP 14 reset 16 BDP
 *                   | double word: 10 RDP 14 RAP 18 reset 1c BDP; a 32-bit write to 10 turns it on
 *
 * Not modelled: collisions, jabber and the like, magic packets, LEDs other than the link's, the
 * EEPROM behind BCR19 (there is none). Threads: machine lock.
 */
#include <string.h>

#include "hw/net/pcnet.h"

enum { CHIP_LOW = 0x1003, CHIP_HIGH = 0x0262, BCR_LNKST = 4, BCR_SWS = 20, LEDOUT = 0x8000 };
enum { CSR0_EVENTS = 0x7f00, CSR4_EVENTS = 0x026a };

/* clang-format off */
static const Field PcnetState_rows[] = {
    FIELD_VAR(PcnetState, frame, FRAME_ROOM), FIELD(PcnetState, work_due),
    FIELD_STRUCT(PcnetState, stall, StallState_rows), FIELD_ARRAY(PcnetState, csr), FIELD_ARRAY(PcnetState, bcr),
    FIELD(PcnetState, rap), FIELD_ARRAY(PcnetState, aprom), FIELD(PcnetState, dwio), FIELD(PcnetState, gathering),
    FIELD(PcnetState, held), FIELD(PcnetState, broken), FIELD_PAD(PcnetState, pad),
    FIELD_END
};
static const Prop Pcnet_rows[] = { PROP_BASE(Pcnet, nic, Nic), PROP_END(Pcnet) };
/* clang-format on */

/* ---- interrupts ---- */

/* CSR0's causes that CSR3 does not mask, CSR4's and CSR5's with their own masks beside them */
void pcnet_irq(Pcnet *p)
{
    uint16_t *csr = p->st.csr;
    uint16_t c0 = csr[0] & ~csr[3] & 0x5f00;
    bool c4 = (csr[4] & CSR4_UINT) || (csr[4] & ~(csr[4] << 1) & (CSR4_MFCO | 0x28));
    bool c5 = (csr[5] & CSR5_SINT) && (csr[5] & CSR5_SINTE);
    csr[0] &= (uint16_t) ~(CSR0_ERR | CSR0_INTR);
    if (csr[0] & (CSR0_BABL | CSR0_CERR | CSR0_MISS | CSR0_MERR))
        csr[0] |= CSR0_ERR;
    if (c0 || c4 || c5)
        csr[0] |= CSR0_INTR;
    pci_irq(&p->pci, 0, (csr[0] & CSR0_INTR) && (csr[0] & CSR0_IENA));
}

void pcnet_cause(Pcnet *p, uint16_t csr0)
{
    p->st.csr[0] |= csr0;
    pcnet_irq(p);
}

/* ---- reset ---- */

/* The chip and its version; one of four bits of the link's LED is its state. */
static void pcnet_show_link(Pcnet *p)
{
    p->st.bcr[BCR_LNKST] =
        (p->st.bcr[BCR_LNKST] & 0x7fff) | (net_link_up(p->nic.port) ? LEDOUT : 0);
}

/* reading the reset port */
static void pcnet_soft_reset(Pcnet *p)
{
    uint16_t *csr = p->st.csr;
    timer_cancel(&p->work);
    stall_over(&p->stall);
    memset(csr, 0, sizeof(p->st.csr));
    g_byte_array_set_size(p->st.frame, 0);
    p->st.held = p->st.gathering = p->st.broken = false;
    csr[0] = CSR0_STOP;
    csr[4] = 0x0115;
    for (unsigned i = 0; i < 3; i++)
        csr[PADR + i] = p->st.aprom[2 * i] | p->st.aprom[2 * i + 1] << 8;
    csr[SWS] = p->st.bcr[BCR_SWS] = 0x0200;
    csr[RCVRC] = csr[XMTRC] = csr[RCVRL] = csr[XMTRL] = 1;
    csr[80] = 0x1410;
    csr[88] = CHIP_LOW;
    csr[89] = CHIP_HIGH;
    csr[100] = 0x0200;
    csr[103] = 0x0105;
    pcnet_irq(p);
    net_resume(p->nic.port);
}

/* "W" "W" at 14 and 15, the sum of the other bytes at 12: as the PROM of a card is programmed */
static void pcnet_load_prom(Pcnet *p)
{
    uint8_t *a = p->st.aprom;
    uint16_t sum = 0;
    memcpy(a, p->nic.addr, 6);
    a[9] = 0x11;
    a[14] = a[15] = 'W';
    for (unsigned i = 0; i < 16; i++)
        sum += a[i];
    a[12] = sum;
    a[13] = sum >> 8;
}

static void pcnet_reset(Device *dev)
{
    static const uint16_t bcr[] = {
        [0] = 5,    [1] = 5,       [2] = 2,  [4] = 0x00c0,  [5] = 0x84,    [6] = 0x88,
        [7] = 0x90, [18] = 0x9001, [19] = 2, [20] = 0x0200, [22] = 0xff06,
    };
    Pcnet *p = (Pcnet *)dev;
    pcnet_load_prom(p);
    memcpy(p->st.bcr, bcr, sizeof(bcr));
    pcnet_soft_reset(p);
    pcnet_show_link(p);
}

static void pcnet_link(void *o, bool up)
{
    pcnet_show_link(o);
}

/* ---- CSRs ---- */

static void pcnet_start(Pcnet *p)
{
    uint16_t mode = p->st.csr[MODE];
    p->st.csr[0] |= CSR0_STRT;
    p->st.csr[0] |= (mode & MODE_DTX ? 0 : CSR0_TXON) | (mode & MODE_DRX ? 0 : CSR0_RXON);
    p->st.csr[0] &= (uint16_t)~CSR0_STOP;
}

static void pcnet_stop(Pcnet *p)
{
    timer_cancel(&p->work);
    stall_over(&p->stall);
    g_byte_array_set_size(p->st.frame, 0);
    p->st.held = p->st.gathering = false;
    p->st.csr[0] = (p->st.csr[0] & CSR0_IENA) | CSR0_STOP;
    p->st.csr[4] &= (uint16_t)~CSR4_EVENTS;
    p->st.csr[5] &= (uint16_t)~CSR5_SPND;
}

/* STOP wins over INIT and STRT; events are cleared by writing one; IENA not with STOP. */
static void pcnet_write_csr0(Pcnet *p, uint16_t val)
{
    uint16_t *csr0 = &p->st.csr[0];
    *csr0 &= ~(val & CSR0_EVENTS);
    *csr0 = (*csr0 & (uint16_t)~CSR0_IENA) | (val & CSR0_IENA);
    if (val & CSR0_STOP) {
        pcnet_stop(p);
    } else {
        if ((val & CSR0_INIT) && !(*csr0 & CSR0_INIT)) {
            pcnet_init_block(p);
            *csr0 &= (uint16_t)~CSR0_STOP;
            *csr0 |= CSR0_INIT | CSR0_IDON;
        }
        if ((val & CSR0_STRT) && !(*csr0 & CSR0_STRT))
            pcnet_start(p);
        pcnet_transmit(p);
    }
    pcnet_irq(p);
    net_resume(p->nic.port);
}

static void pcnet_write_sws(Pcnet *p, uint16_t val)
{
    static const uint16_t of_style[4] = { 0x0200, 0x0100, 0x0300, 0x0300 };
    p->st.bcr[BCR_SWS] = p->st.csr[SWS] = of_style[val & 3] | (val & 3);
}

/* Most are open only while stopped or suspended; 19436 says so one by one. */
static void pcnet_write_csr(Pcnet *p, unsigned n, uint16_t val)
{
    uint16_t *csr = p->st.csr;
    bool stopped = (csr[0] & CSR0_STOP) || (csr[5] & CSR5_SPND);
    switch (n) {
    case 0: pcnet_write_csr0(p, val); return;
    case 3: csr[3] = val & 0x5f7c; break;
    case 4:
        csr[4] &= ~(val & CSR4_EVENTS);
        csr[4] = (csr[4] & CSR4_EVENTS) | (val & (uint16_t) ~(CSR4_EVENTS | CSR4_UINTCMD)) |
                 (val & CSR4_UINTCMD ? CSR4_UINT : 0);
        break;
    case 5: csr[5] = (csr[5] & ~(val & 0xaa2a) & 0xaa2a) | (val & 0x5555); break;
    case 1:
    case 2:
    case 8 ... 15:
    case 18 ... 57:
    case 59 ... 82:
    case 84 ... 87:
        if (stopped)
            csr[n] = val;
        return;
    case SWS:
        if (stopped)
            pcnet_write_sws(p, val);
        return;
    case 16:
    case 17: csr[n - 15] = val; return; /* aliases of CSR1 and CSR2 */
    case MFC: csr[MFC] = 0; return;
    }
    pcnet_irq(p);
}

static uint16_t pcnet_read_csr(Pcnet *p, unsigned n)
{
    return n == 16 || n == 17 ? p->st.csr[n - 15] : n < 128 ? p->st.csr[n] : 0;
}

/* ---- BCRs ---- */

static void pcnet_write_bcr(Pcnet *p, unsigned n, uint16_t val)
{
    switch (n) {
    case BCR_SWS: pcnet_write_sws(p, val); break;
    case BCR_LNKST:
    case 5:
    case 6:
    case 7: p->st.bcr[n] = (p->st.bcr[n] & LEDOUT) | (val & 0x7fff); break;
    case 2:
    case 9:
    case 16:
    case 17:
    case 18: p->st.bcr[n] = val; break;
    }
}

static uint16_t pcnet_read_bcr(Pcnet *p, unsigned n)
{
    return n < 32 ? p->st.bcr[n] : 0;
}

/* ---- ports ---- */

enum { PORT_PROM, PORT_RDP, PORT_RAP, PORT_RESET, PORT_BDP, PORT_NONE };

static unsigned pcnet_port(const Pcnet *p, uint64_t off)
{
    if (off < 0x10)
        return PORT_PROM;
    unsigned n = p->st.dwio ? (off - 0x10) / 4 : (off - 0x10) / 2;
    return n < 4 && !(off & (p->st.dwio ? 3 : 1)) ? PORT_RDP + n : PORT_NONE;
}

static uint32_t pcnet_prom(const Pcnet *p, uint64_t off, unsigned size)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < size; i++)
        val |= (uint32_t)p->st.aprom[(off + i) & 15] << 8 * i;
    return val;
}

static uint64_t pcnet_read(void *o, uint64_t off, unsigned size)
{
    Pcnet *p = o;
    unsigned port = pcnet_port(p, off);
    if (port == PORT_PROM)
        return pcnet_prom(p, off, size);
    if (size < (p->st.dwio ? 4u : 2u) && !(size == 2 && p->st.dwio))
        return ~0ull;
    switch (port) {
    case PORT_RDP: return pcnet_read_csr(p, p->st.rap);
    case PORT_RAP: return p->st.rap;
    case PORT_RESET: pcnet_soft_reset(p); return 0;
    case PORT_BDP: return pcnet_read_bcr(p, p->st.rap);
    }
    return 0;
}

static void pcnet_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Pcnet *p = o;
    if (!p->st.dwio && off == 0x10 && size == 4) {
        p->st.dwio = true; /* the write itself goes to RDP */
        p->st.bcr[18] |= 0x80;
    }
    unsigned port = pcnet_port(p, off);
    if (port == PORT_PROM && (p->st.bcr[2] & 0x100)) { /* APROMWE */
        for (unsigned i = 0; i < size; i++)
            p->st.aprom[(off + i) & 15] = val >> 8 * i;
    }
    switch (port) {
    case PORT_RDP: pcnet_write_csr(p, p->st.rap, val); break;
    case PORT_RAP: p->st.rap = val & 127; break;
    case PORT_BDP: pcnet_write_bcr(p, p->st.rap, val); break;
    }
}

static const IoOps pcnet_ops = { pcnet_read, pcnet_write, .min = 1, .max = 4 };

/* ---- the device ---- */

static const NetOps pcnet_net = { pcnet_receive, pcnet_transmit, pcnet_link };

static bool pcnet_realize(Device *dev, GError **err)
{
    Pcnet *p = (Pcnet *)dev;
    pci_conf_default(&p->pci, 0x06, 2, 0x0280, 0); /* medium DEVSEL, fast back to back */
    pci_conf_default(&p->pci, 0x2c, 4, 0, 0);      /* this chip has no subsystem ID */
    pci_conf_default(&p->pci, 0x3e, 2, 0xff06, 0); /* MIN_GNT, MAX_LAT */
    pci_bar_io(&p->pci, 0, &p->io, PCI_BAR_IO, 32, &pcnet_ops, p);
    pci_bar_io(&p->pci, 1, &p->mmio, PCI_BAR_MEM, 32, &pcnet_ops, p);
    timer_init(&p->work, dev, CLOCK_VIRTUAL, &p->st.work_due, pcnet_transmit, p);
    stall_init(&p->stall, dev, &p->st.stall, &p->nic);
    return nic_open(&p->nic, dev, &pcnet_net, p, err);
}

static const DeviceType pcnet = {
    .name = "pcnet",
    .desc = "AMD PCnet-PCI II (Am79C970A)",
    .size = sizeof(Pcnet),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .bus = &pci_bus_type,
    .bus_info = &(const PciInfo){ .vendor = 0x1022,
                                  .device = 0x2000,
                                  .class = 0x0200,
                                  .rev = 0x10,
                                  .pin = 1,
                                  .rom = "efi-pcnet.rom" },
    .boot = "ethernet-phy@0",
    .props = Pcnet_rows,
    .state = STATE_PARTS(STATE(Pcnet, st, PcnetState_rows, 1)),
    .realize = pcnet_realize,
    .reset = pcnet_reset,
};
REGISTER(device, pcnet);
