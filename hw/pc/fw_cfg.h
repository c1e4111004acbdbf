/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware side of the PC, private to hw/pc: what fw_cfg shows and who makes it. Numbers of
 * the selectors: docs/specs of the fw_cfg interface as SeaBIOS and Linux (qemu_fw_cfg) use it.
 */
#ifndef HW_PC_FW_CFG_H
#define HW_PC_FW_CFG_H

#include <glib.h>

#include "hw/pc/pc.h"

/* clang-format off */
enum {
    FW_CFG_SIGNATURE  = 0x00, FW_CFG_ID         = 0x01, FW_CFG_UUID        = 0x02,
    FW_CFG_RAM_SIZE   = 0x03, FW_CFG_NOGRAPHIC  = 0x04, FW_CFG_NB_CPUS     = 0x05,
    FW_CFG_KERNEL_ADDR = 0x07, FW_CFG_KERNEL_SIZE = 0x08, FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b, FW_CFG_NUMA      = 0x0d, FW_CFG_BOOT_MENU   = 0x0e,
    FW_CFG_MAX_CPUS   = 0x0f, FW_CFG_KERNEL_DATA = 0x11, FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13, FW_CFG_CMDLINE_SIZE = 0x14, FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16, FW_CFG_SETUP_SIZE = 0x17, FW_CFG_SETUP_DATA  = 0x18,
    FW_CFG_FILE_DIR   = 0x19, FW_CFG_FILE_FIRST = 0x20,
    /* of the x86 machine */
    FW_CFG_ARCH = 0x8000, FW_CFG_IRQ0_OVERRIDE = 0x8002,
};
/* clang-format on */

typedef struct FwCfg FwCfg;

/* What a key gives; takes the bytes. Before the machine runs. */
void fw_cfg_set(FwCfg *, uint16_t key, GBytes *take);
void fw_cfg_set16(FwCfg *, uint16_t key, uint16_t val);
void fw_cfg_set32(FwCfg *, uint16_t key, uint32_t val);
void fw_cfg_set64(FwCfg *, uint16_t key, uint64_t val);

/* ---- what stands behind the files; each called when the guest first looks after a reset ---- */

/* what the power management function says in a row of its own; none: without one */
int64_t pc_pm_row(const Pc *, const char *row, int64_t none);

/* {u64 address, u64 length, u32 type} rows of etc/e820 */
GBytes *pc_e820(const Pc *);

/* *anchor: the 31-byte entry point, its address and sums left to the firmware */
GBytes *smbios_tables(const Pc *, GBytes **anchor);

/* Sizes are what the directory promised before the tables existed. */
enum { ACPI_TABLES_SIZE = 0x20000, ACPI_LOADER_SIZE = 0x1000, ACPI_RSDP_SIZE = 20 };
typedef struct AcpiFiles {
    GBytes *tables, *loader, *rsdp;
} AcpiFiles;
void acpi_build(Pc *, AcpiFiles *);

/* -kernel, -initrd, -append into fw_cfg's keys and a boot ROM; nothing without -kernel */
bool kernel_load(Pc *, FwCfg *, GError **err);

#endif
