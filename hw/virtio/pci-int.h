/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between pci.c, pci-legacy.c and pci-modern.c. */
#ifndef HW_VIRTIO_PCI_INT_H
#define HW_VIRTIO_PCI_INT_H

#include "hw/virtio/virtio-int.h"

enum { LEGACY_NOTIFY = 16, MODERN_NOTIFY = 0x3000 };

void virtio_pci_add_legacy(VirtioPci *);
void virtio_pci_add_modern(VirtioPci *);
/* the window in configuration space (4.1.4.9): hooks of PciInfo */
void virtio_pci_config_written(PciDevice *, unsigned off, unsigned len);
void virtio_pci_config_read(PciDevice *, unsigned off, unsigned len);

bool virtio_pci_msix(VirtioPci *);                        /* the driver uses MSI-X */
uint16_t virtio_pci_vector(VirtioPci *, uint16_t vector); /* NO_VECTOR where there is none */
uint8_t virtio_pci_isr(VirtioPci *);                      /* read, and cleared by it */
void virtio_pci_notify(VirtioPci *, unsigned queue);

#endif
