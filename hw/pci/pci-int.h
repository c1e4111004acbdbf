/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of hw/pci: config.c (registers, decoding), pci.c (the bus), msi.c. */
#ifndef HW_PCI_PCI_INT_H
#define HW_PCI_PCI_INT_H

#include "hw/pci/pci.h"

enum {
    PCI_COMMAND = 4,
    PCI_STATUS = 6,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_SUB_VENDOR = 0x2c,
    PCI_ROM = 0x30,
    PCI_CAP_LIST = 0x34,
    PCI_IRQ_LINE = 0x3c,
    PCI_IRQ_PIN = 0x3d,
};
enum {
    COMMAND_IO = 1,
    COMMAND_MEM = 2,
    COMMAND_MASTER = 4,
    COMMAND_INTX_OFF = 1 << 10,
    STATUS_INTX = 1 << 3,
    STATUS_CAPS = 1 << 4,
};
enum { CAP_MSI = 5, CAP_MSIX = 0x11 };

static inline PciBus *pci_bus_of(const PciDevice *d)
{
    return (PciBus *)d->dev.bus;
}
static inline const PciInfo *pci_info_of(const PciDevice *d)
{
    return d->dev.type->bus_info;
}
static inline unsigned pci_bar_reg(unsigned n)
{
    return n == PCI_ROM_SLOT ? PCI_ROM : PCI_BAR0 + 4 * n;
}

/* config.c */
void pci_conf_init(PciDevice *); /* attach: identity, command and status registers */
void pci_decode(PciDevice *);    /* locked: rows and bus mastering follow the registers */
bool pci_conf_check(PciDevice *, GError **);
bool pci_rom_load(PciDevice *, GError **);
void pci_rom_name_card(PciDevice *); /* realized: its ids are final */

/* pci.c */
void pci_intx_update(PciDevice *);

/* msi.c */
bool pci_msg_enabled(const PciDevice *); /* MSI or MSI-X is on: INTx is not used */
void pci_msg_reset(PciDevice *);
void pci_msg_end(PciDevice *); /* it leaves the bus: nothing is sent any more */
void pci_msg_written(PciDevice *, unsigned off, unsigned len);

#endif
