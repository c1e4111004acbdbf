/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices give the firmware. hw/pc reads it when the guest first looks (fw_cfg, ACPI and
 * SMBIOS tables, boot order), so the order in which devices are made and hot-plug do not matter.
 *
 * ACPI: a bus's generic part describes its devices (ISA: the hid of IsaInfo with the ports and
 * lines it took; PCI: slots). What is left is one hook in the bus's info struct.
 */
#ifndef CORE_FIRMWARE_H
#define CORE_FIRMWARE_H

#include <glib.h>

#include "core/types.h"

/* realize; "etc/..", "genroms/.."; gone with the device. Same name twice: assert */
void fw_file(Device *, const char *name, GBytes *take);

/* A ROM that is not a PCI device's romfile=, "genroms/NAME". Realize; -1: not in the boot order */
void fw_option_rom_bytes(Device *, const char *name, GBytes *take, int bootindex);

/* "/pci@i0cf8/ide@1,1/drive@0/disk@0\n...": rows named bootindex, fw_path of each bus, type->boot
 */
const char *fw_boot_order(Vm *, GString *);

/*
 * Where a firmware or ROM image is: a name with a slash or of a file in the current directory as
 * it is, else below each directory of vm->conf->data_dirs, then below CONFIG_FIRMWARE_PATH. NULL:
 * the error lists where it was looked for.
 */
char *firmware_find(Vm *, const char *name, GError **);

/* firmware_find, then its bytes; refuses more than `most` and an empty file */
GBytes *firmware_load(Vm *, const char *name, size_t most, GError **);

/* ---- for hw/pc, which shows the files to the guest, and core/device.c ---- */

typedef struct FwFile {
    char name[56];
    Device *owner;
    GBytes *bytes;
    int bootindex; /* of an option ROM, else -1 */
    bool rom;
} FwFile;

/* locked; all files (FwFile *), in the order of their making; changes with realize and unrealize */
const GPtrArray *fw_files(Vm *);

/* core/device.c: the device was unrealized, or its realize failed */
void fw_forget(Device *);

/* core/vm.c: the machine ends */
void fw_fini(Vm *);

#endif
