/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices give the machine; hw/pc reads it when the guest first looks (fw_cfg, ACPI and
 * SMBIOS tables, boot order), so order and hot-plug do not matter
 */
#ifndef CORE_FIRMWARE_H
#define CORE_FIRMWARE_H

#include <glib.h>

#include "core/types.h"

/* realize; "etc/..", "genroms/.."; gone with the device. Same name twice: assert */
void fw_file(Device *, const char *name, GBytes *take);

/* guest-writable; bytes are in the device's state */
void fw_file_rw(Device *, const char *name, void *bytes, size_t n, void (*written)(void *o),
                void *o);

/* a ROM that is not a PCI device's romfile= */
void fw_option_rom(Device *, const char *file, int bootindex);

/*
 * "/pci@i0cf8/ide@1,1/drive@0/disk@0\n..." from the rows named bootindex, fw_path of each bus,
 * type->boot ACPI: a bus's generic part describes its devices (ISA: hid of IsaInfo with the
 * ports and lines it took; PCI: slots). What is left is one hook in the bus's info struct.
 */
const char *fw_boot_order(Vm *, GString *);

#endif
