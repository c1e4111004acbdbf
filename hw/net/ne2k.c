/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ne2k_pci: an RTL8029, and ne2k_isa: an NE2000. The chip is in dp8390.c. */
#include "hw/isa/isa.h"
#include "hw/net/dp8390.h"
#include "hw/pci/pci.h"

/* ---- PCI ---- */

typedef struct Ne2kPci {
    PciDevice pci;
    Dp8390 dp;
    Region io;
} Ne2kPci;

static const Prop Ne2kPci_rows[] = { PROP_BASE(Ne2kPci, dp.nic, Nic), PROP_END(Ne2kPci) };

static void ne2k_pci_irq(Device *dev, bool level)
{
    pci_irq((PciDevice *)dev, 0, level);
}

/* The card decodes 256 ports and answers in the first 32. */
static uint64_t ne2k_pci_read(void *o, uint64_t off, unsigned size)
{
    return off < NE2000_PORTS ? dp8390_read(&((Ne2kPci *)o)->dp, off, size) : ~0ull;
}

static void ne2k_pci_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    if (off < NE2000_PORTS)
        dp8390_write(&((Ne2kPci *)o)->dp, off, val, size);
}

static const IoOps ne2k_pci_io = { ne2k_pci_read, ne2k_pci_write, .min = 1, .max = 4 };

static bool ne2k_pci_realize(Device *dev, GError **err)
{
    Ne2kPci *n = (Ne2kPci *)dev;
    pci_bar_io(&n->pci, 0, &n->io, PCI_BAR_IO, 256, &ne2k_pci_io, n);
    n->dp.rtl8029 = true;
    return dp8390_init(&n->dp, dev, ne2k_pci_irq, err);
}

static void ne2k_pci_reset(Device *dev)
{
    dp8390_reset(&((Ne2kPci *)dev)->dp);
}

static const DeviceType ne2k_pci = {
    .name = "ne2k_pci",
    .desc = "NE2000 on PCI (RTL8029)",
    .size = sizeof(Ne2kPci),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .bus = &pci_bus_type,
    .bus_info = &(const PciInfo){ .vendor = 0x10ec,
                                  .device = 0x8029,
                                  .class = 0x0200,
                                  .pin = 1,
                                  .rom = "efi-ne2k_pci.rom" },
    .boot = "ethernet-phy@0",
    .props = Ne2kPci_rows,
    .state = STATE_PARTS(STATE(Ne2kPci, dp.st, Dp8390State_rows, 1)),
    .realize = ne2k_pci_realize,
    .reset = ne2k_pci_reset,
};
REGISTER(device, ne2k_pci);

/* ---- ISA ---- */

typedef struct Ne2kIsa {
    Device dev;
    /* config */ uint32_t iobase, irq;
    Dp8390 dp;
    Region io;
    const IrqLine *line;
} Ne2kIsa;

static const Prop Ne2kIsa_rows[] = { PROP_INT(Ne2kIsa, iobase, "iobase", 0x300,
                                              "first of the 32 ports"),
                                     PROP_INT(Ne2kIsa, irq, "irq", 9, "ISA interrupt"),
                                     PROP_BASE(Ne2kIsa, dp.nic, Nic), PROP_END(Ne2kIsa) };

static void ne2k_isa_irq(Device *dev, bool level)
{
    irq_set(((Ne2kIsa *)dev)->line, level);
}

static uint64_t ne2k_isa_read(void *o, uint64_t off, unsigned size)
{
    return dp8390_read(&((Ne2kIsa *)o)->dp, off, size);
}

static void ne2k_isa_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    dp8390_write(&((Ne2kIsa *)o)->dp, off, val, size);
}

static const IoOps ne2k_isa_io = { ne2k_isa_read, ne2k_isa_write, .min = 1, .max = 4 };

static bool ne2k_isa_realize(Device *dev, GError **err)
{
    Ne2kIsa *n = (Ne2kIsa *)dev;
    if (n->irq >= ISA_IRQS || n->iobase > 0x10000 - NE2000_PORTS)
        return user_fail(err, "ne2k_isa: irq=%u: 0 to 15, iobase=%#x: up to 0xffe0", n->irq,
                         n->iobase);
    isa_io(dev, &n->io, n->iobase, NE2000_PORTS, &ne2k_isa_io, n);
    n->line = isa_irq(dev, n->irq);
    return dp8390_init(&n->dp, dev, ne2k_isa_irq, err);
}

static void ne2k_isa_reset(Device *dev)
{
    dp8390_reset(&((Ne2kIsa *)dev)->dp);
}

static const DeviceType ne2k_isa = {
    .name = "ne2k_isa",
    .desc = "NE2000 on ISA",
    .size = sizeof(Ne2kIsa),
    .flags = TYPE_USER,
    .bus = &isa_bus,
    .boot = "ethernet-phy@0",
    .props = Ne2kIsa_rows,
    .state = STATE_PARTS(STATE(Ne2kIsa, dp.st, Dp8390State_rows, 1)),
    .realize = ne2k_isa_realize,
    .reset = ne2k_isa_reset,
};
REGISTER(device, ne2k_isa);
