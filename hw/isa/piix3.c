/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 82371SB (PIIX3) PCI-to-ISA bridge: the ISA bus, and the router that sends the four PCI
 * interrupts to ISA lines (registers 60h-63h). Data sheet 290550, 2.2. On the i440FX board
 * slot s's INTA is PIRQ (s - 1) mod 4. The GSI a PCI interrupt arrives at is that of its ISA line,
 * which the firmware's tables describe as level-triggered. Threads: machine lock.
 */
#include "hw/isa/isa.h"
#include "hw/pci/pci.h"

enum { REG_PIRQ = 0x60, PIRQS = 4, PIRQ_OFF = 0x80 };
/* ISA IRQs that a PIRQ may be routed to (2.2.5): not 0, 1, 2, 8, 13 */
#define PIRQ_LEGAL 0xdef8u

typedef struct Piix3 {
    PciDevice pci;
    /* state */ struct Piix3State {
        uint8_t pirq, pad[7]; /* levels */
    } st;
    /* host */ IsaBus isa;
    const IrqLine *out[ISA_IRQS], *line[ISA_IRQS];
} Piix3;

static const Field Piix3State_rows[] = { FIELD(struct Piix3State, pirq, .max = 15),
                                         FIELD_PAD(struct Piix3State, pad), FIELD_END };

static int piix3_route(const Piix3 *p, unsigned pirq)
{
    uint8_t reg = p->pci.st.conf[REG_PIRQ + pirq];
    unsigned irq = reg & 15;
    return reg & PIRQ_OFF || !(PIRQ_LEGAL & 1u << irq) ? -1 : (int)irq;
}

static void piix3_update(Piix3 *p)
{
    uint32_t up = 0;
    for (unsigned i = 0; i < PIRQS; i++) {
        int irq = piix3_route(p, i);
        if (irq >= 0 && (p->st.pirq & 1 << i))
            up |= 1u << irq;
    }
    for (unsigned irq = 0; irq < ISA_IRQS; irq++)
        irq_set(p->line[irq], up >> irq & 1);
}

static void piix3_intx(void *o, unsigned pin, int level)
{
    Piix3 *p = o;
    uint8_t bit = 1 << ((pin - 1) & 3);
    p->st.pirq = level ? p->st.pirq | bit : p->st.pirq & ~bit;
    piix3_update(p);
}

static void piix3_config_written(PciDevice *d, unsigned off, unsigned len)
{
    if (off < REG_PIRQ + PIRQS && off + len > REG_PIRQ)
        piix3_update((Piix3 *)d);
}

static bool piix3_realize(Device *dev, GError **err)
{
    Piix3 *p = (Piix3 *)dev;
    PciBus *pci = (PciBus *)dev->bus;
    pci_conf_default(&p->pci, 0x4c, 4, 0x4d, 0x000000ff); /* I/O recovery */
    pci_conf_default(&p->pci, 0x4e, 2, 0x0003, 0x07ff);   /* XBCS */
    pci_conf_default(&p->pci, REG_PIRQ, 4, 0x80808080, 0x8f8f8f8f);
    pci_conf_default(&p->pci, 0x69, 1, 0x02, 0xfe);     /* top of memory */
    pci_conf_default(&p->pci, 0x70, 1, 0x80, 0xef);     /* motherboard device IRQ */
    pci_conf_default(&p->pci, 0x76, 2, 0x0c0c, 0x8f8f); /* motherboard device DMA */
    pci_conf_default(&p->pci, 0x80, 1, 0, 0x7f);        /* APIC base */
    pci_conf_default(&p->pci, 0x82, 1, 0, 0x0f);        /* deterministic latency */
    pci_conf_default(&p->pci, 0xa0, 1, 0x08, 0x1f);     /* SMI control */
    pci_conf_default(&p->pci, 0xa2, 4, 0, 0xffffffff);  /* SMI enable */
    isa_bus_init(&p->isa, dev, "isa.0", p->out);
    for (unsigned irq = 0; irq < ISA_IRQS; irq++) {
        if (PIRQ_LEGAL & 1u << irq)
            p->line[irq] = isa_line(&p->isa.bus, irq);
    }
    pci->intx = piix3_intx;
    pci->intx_o = p;
    return true;
}

static void piix3_unrealize(Device *dev)
{
    Piix3 *p = (Piix3 *)dev;
    g_clear_pointer(&p->isa.taken, g_hash_table_destroy);
}

static const DeviceType piix3 = {
    .name = "PIIX3",
    .desc = "ISA bridge",
    .size = sizeof(Piix3),
    .bus = &pci_bus_type,
    .bus_info = &(const PciInfo){ .vendor = 0x8086,
                                  .device = 0x7000,
                                  .class = 0x0601,
                                  .config_written = piix3_config_written },
    .state = STATE_PARTS(STATE(Piix3, st, Piix3State_rows, 1)),
    .pins = PINS(PIN_OUT(Piix3, out, "")),
    .realize = piix3_realize,
    .unrealize = piix3_unrealize,
};
REGISTER(device, piix3);
