/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The three PCI devices of a virtio chip: NAME (both interfaces, as disable-legacy= and
 * disable-modern= say), NAME-transitional (both) and NAME-non-transitional (modern only).
 * T is the device's struct {VirtioPci pci; CHIP chip;}; rows_mode and rows_fixed are its tables.
 */
#ifndef HW_VIRTIO_TYPES_H
#define HW_VIRTIO_TYPES_H

#include "hw/virtio/pci-int.h"

#define VIRTIO_PCI_ROWS(T) PROP_BASE(T, pci, VirtioPci), PROP_BASE(T, chip.v.conf, VirtioConf)

/* clang-format off */
/* sync and post_load for who does nothing of his own there */
#define VIRTIO_PCI_HOOKS(id, T)                                                                  \
    static void id##_sync(Device *dev) { virtio_pci_sync(&((T *)dev)->pci); }                    \
    static bool id##_post_load(Device *dev, GError **err)                                        \
    {                                                                                            \
        return virtio_pci_post_load(&((T *)dev)->pci, err);                                      \
    }

#define VIRTIO_PCI_HOOKS_OF(id) .sync = id##_sync, .post_load = id##_post_load

#define VIRTIO_PCI_TYPE(id, var, nm, al, text, T, pci_info, rows, ...)                               \
    static const DeviceType var = {                                                              \
        .name = nm, .alias = al, .desc = text, .size = sizeof(T), .flags = TYPE_USER | TYPE_HOTPLUG,          \
        .bus = &pci_bus_type, .bus_info = pci_info, .props = rows, __VA_ARGS__                   \
    };                                                                                           \
    REGISTER(device, var)

#define VIRTIO_PCI_TYPES(id, nm, text, T, pci_id, virtio_id, pci_class, rom_file, ...)           \
    static const PciInfo id##_info = {                                                           \
        .vendor = 0x1af4, .device = pci_id, .class = pci_class, .sub_vendor = 0x1af4,            \
        .sub_device = virtio_id, .pin = 1, .rom = rom_file,                                      \
        .config_written = virtio_pci_config_written, .config_read = virtio_pci_config_read,      \
    };                                                                                           \
    VIRTIO_PCI_TYPE(id, id##_pci, nm "-pci", nm, text, T, &id##_info, rows_mode, __VA_ARGS__);              \
    VIRTIO_PCI_TYPE(id, id##_trans, nm "-pci-transitional", NULL, text ", legacy and modern", T,           \
                    &id##_info, rows_fixed, __VA_ARGS__);                                        \
    VIRTIO_PCI_TYPE(id, id##_modern, nm "-pci-non-transitional", NULL, text ", modern only", T,            \
                    &id##_info, rows_fixed, __VA_ARGS__)
/* clang-format on */

#endif
