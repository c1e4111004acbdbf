/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the PC boards and their firmware side share. The board (i440fx.c) wires the chips and
 * lays out memory; the firmware side (fw_cfg.c, acpi.c, smbios.c, kernel.c ...) describes the
 * finished machine to the guest and reads only what stands here, in vm->conf and core/firmware.h.
 */
#ifndef HW_PC_PC_H
#define HW_PC_PC_H

#include "core/device.h"
#include "core/machine.h"
#include "core/memory.h"

/* Rows of vm->mem that overlap: PCI BARs lie under RAM, everything of the board above it.
 * RAM itself has a gap from A0000h to FFFFFh: the VGA window, then what PAM says. */
enum {
    PC_PRIO_RAM = 0,
    PC_PRIO_ROM = 1,
    PC_PRIO_PAM = 2,
    PC_PRIO_SMRAM = 3,
};

/* Guest-physical addresses fixed by the board */
enum {
    PC_IOAPIC_BASE = 0xfec00000,
    PC_HPET_BASE = 0xfed00000,
    PC_LAPIC_BASE = 0xfee00000,
    PC_PM_BASE = 0x600,
    PC_FW_CFG_PORT = 0x510,
    PC_SCI_IRQ = 9,
};

/* -machine rows of the pc-i440fx family, over vm->machine_args */
typedef struct PcArgs {
    uint64_t max_ram_below_4g; /* 0: the board's own rule */
    int8_t vmport, smm, acpi;  /* Tri */
    bool hpet, smbus, sata, pit, i8042, fd_bootchk, default_bus_bypass_iommu;
    uint8_t smbios_entry_point; /* 0: 32-bit, 1: 64-bit */
    char *pflash0, *pflash1, *pcspk_audiodev;
    char *oem_id, *oem_table_id; /* x-oem-id, x-oem-table-id */
} PcArgs;
extern const Prop PcArgs_rows[];

/* RAM: [0, below_4g) without the gap at A0000h, and [4 GiB, 4 GiB + above_4g) */
typedef struct PcMemory {
    uint64_t below_4g, above_4g;
    Region ram; /* one region; offset of guest address 4 GiB is below_4g */
    Region bios;
} PcMemory;

/* The board's own part of /machine: the "pc" device that the board adds first. */
typedef struct Pc {
    Device dev;
    const PcArgs *args;
    PcMemory mem;
    Device *ioapic, *pic, *gsi, *rtc, *pm, *fw_cfg;
    Bus *pci, *isa;
    bool started; /* the first reset is over */
} Pc;
bool pc_has_acpi(const Pc *);   /* neither -no-acpi nor acpi=off */
#define PC_BIOS "bios-256k.bin" /* without -bios */
Pc *pc_of(Vm *);                /* NULL: the machine is no PC */

/* ---- the firmware side ---- */

/* Files: firmware_find(), firmware_load() of core/firmware.h */

/* Makes pc->mem.bios (RAM kind: map it readonly) as large as the image of -bios or
 * bios-256k.bin, which ends at 4 GiB; its last 128 KiB are also seen at E0000h. */
bool pc_bios_load(Pc *, GError **err);

/* Flash chips of the user's; with one there is no pc->mem.bios. flash.c */
bool pc_has_flash(Vm *, const PcArgs *);
void pc_flash_add(Board *, Pc *);
/* The end of the firmware is also seen below 1 MiB. */
void pc_map_bios_low(Pc *, Region *);

/* Called by the board when every chip is there: adds fw_cfg and whatever describes the machine
 * (e820, ACPI, SMBIOS, -kernel). The tables themselves are made when the guest first looks. */
void pc_firmware_add(Board *, Pc *);

/* The board's drives: ide-hd, ide-cd on the two buses of the controller; an lsi53c895a for each bus
 * of if=scsi; floppy drives. In hw/ide, hw/scsi, hw/floppy. */
void ide_board_drives(Board *, Device *ide);
void scsi_board_drives(Board *, Bus *pci);
void virtio_board_drives(Board *, Bus *pci);
void floppy_board_drives(Board *, Device *fdc);

#endif
