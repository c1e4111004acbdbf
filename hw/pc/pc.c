/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all PC boards have in common: RAM and ROM in the memory map, and the bytes of CMOS memory
 * by which firmware learns about the machine. The CMOS layout is the one that Bochs' and SeaBIOS's
 * documents give (RBIL CMOS.LST for the classic part). Threads: machine lock.
 *
 *   0        A0000h    C0000h      100000h        below_4g         4 GiB - bios   4 GiB
 *   | RAM ... | VGA ... | PAM: ROM or RAM | RAM ... | PCI, APICs ... | bios        | RAM above_4g
 */
#include "hw/floppy/floppy.h"
#include "hw/ide/ide.h"
#include "hw/pc/pc.h"
#include "hw/timer/rtc.h"
#include "core/ram.h"
#include "core/vm.h"

enum { BASE_MEMORY = 0xa0000, EXTENDED_MEMORY = 0x100000, BIOS_ALIAS = 0x20000 };
#define GIB (1ull << 30)

static const char *const smbios_entry_points[] = { "32", "64", NULL };

/* clang-format off */
const Prop PcArgs_rows[] = {
    PROP_SIZE(PcArgs, max_ram_below_4g,        "max-ram-below-4g", 0,  "most RAM below 4 GiB; 0: the board's rule"),
    PROP_BOOL(PcArgs, vmport,                  "vmport", AUTO,         "VMware's port"),
    PROP_BOOL(PcArgs, smm,                     "smm", AUTO,            "system management mode"),
    PROP_BOOL(PcArgs, acpi,                    "acpi", AUTO,           "ACPI tables"),
    PROP_BOOL(PcArgs, hpet,                    "hpet", true,           "high precision event timer"),
    PROP_BOOL(PcArgs, smbus,                   "smbus", true,          "SMBus controller"),
    PROP_BOOL(PcArgs, sata,                    "sata", true,           "SATA controller"),
    PROP_BOOL(PcArgs, pit,                     "pit", true,            "8254 timer"),
    PROP_BOOL(PcArgs, i8042,                   "i8042", true,          "keyboard controller"),
    PROP_BOOL(PcArgs, fd_bootchk,              "fd-bootchk", true,     "check the signature of boot floppies"),
    PROP_BOOL(PcArgs, default_bus_bypass_iommu, "default-bus-bypass-iommu", false, "the root bus goes around the IOMMU"),
    PROP_ENUM(PcArgs, smbios_entry_point,      "smbios-entry-point-type", 0, smbios_entry_points, "width of the SMBIOS entry point"),
    PROP_STR (PcArgs, pflash0,                 "pflash0", NULL,        "drive of the first flash"),
    PROP_STR (PcArgs, pflash1,                 "pflash1", NULL,        "drive of the second flash"),
    PROP_STR (PcArgs, pcspk_audiodev,          "pcspk-audiodev", NULL, "sound back end of the speaker"),
    PROP_STR (PcArgs, oem_id,                  "x-oem-id", NULL,       "OEM id of ACPI tables", PROP_STABLE),
    PROP_STR (PcArgs, oem_table_id,            "x-oem-table-id", NULL, "OEM table id of ACPI tables", PROP_STABLE),
    PROP_END (PcArgs)
};
/* clang-format on */

Pc *pc_of(Vm *vm)
{
    return (Pc *)device_find(vm, "pc", 0);
}

bool pc_has_acpi(const Pc *pc)
{
    return !pc->dev.vm->conf->no_acpi && pc->args->acpi != 0;
}

/* ---- memory ---- */

/* RAM up to 3.5 GiB lies in one piece. More than that is split at 3 GiB, so that both parts are
 * made of whole huge pages; the boards before 2.0 split at 3.5 GiB. */
static void pc_split(Pc *pc, uint64_t ram)
{
    bool aligned = !g_str_has_prefix(pc->dev.vm->machine->name, "pc-i440fx-1.");
    uint64_t low = 0xe0000000;
    if (ram >= low && aligned)
        low = 3 * GIB;
    if (pc->args->max_ram_below_4g)
        low = MIN(low, pc->args->max_ram_below_4g);
    pc->mem.below_4g = MIN(ram, low);
    pc->mem.above_4g = ram - pc->mem.below_4g;
}

static void pc_map(Pc *pc, uint64_t base, uint64_t size, Region *r, uint64_t off, bool rom)
{
    space_map(pc->dev.vm->mem, &(MapRow){ .base = base,
                                          .size = size,
                                          .region = r,
                                          .off = off,
                                          .prio = rom ? PC_PRIO_ROM : PC_PRIO_RAM,
                                          .readonly = rom,
                                          .on = true });
}

void pc_map_bios_low(Pc *pc, Region *bios)
{
    uint64_t n = MIN(bios->size, BIOS_ALIAS);
    pc_map(pc, EXTENDED_MEMORY - n, n, bios, bios->size - n, true);
}

/* Rows that 7.2 has and this board does not serve: said, not swallowed. */
static bool pc_check_args(const PcArgs *a, GError **err)
{
    const char *what = a->smm == 1 ? "smm=on: there is no system management mode; write smm=off"
                       : a->vmport == 1 ? "vmport=on: VMware's port is not there; write vmport=off"
                       : a->pcspk_audiodev ? "pcspk-audiodev=: the speaker makes no sound"
                       : a->default_bus_bypass_iommu
                           ? "default-bus-bypass-iommu=on: there is no IOMMU"
                           : NULL;
    if (what)
        return user_fail(err, "-machine %s", what);
    if (a->max_ram_below_4g &&
        (a->max_ram_below_4g < EXTENDED_MEMORY || a->max_ram_below_4g > 4 * GIB))
        return user_fail(err, "-machine max-ram-below-4g=%" G_GUINT64_FORMAT ": from 1M to 4G",
                         a->max_ram_below_4g);
    return true;
}

static bool pc_realize(Device *dev, GError **err)
{
    Pc *pc = (Pc *)dev;
    uint64_t ram = dev->vm->conf->ram_size;
    pc->args = dev->vm->machine_args;
    if (!pc_check_args(pc->args, err))
        return false;
    if (ram < EXTENDED_MEMORY)
        return user_fail(
            err, "-m: a PC needs at least 1 MiB of memory, not %" G_GUINT64_FORMAT " bytes", ram);
    pc_split(pc, ram);
    bool flash = pc_has_flash(dev->vm, pc->args);
    if (!region_init_main_ram(&pc->mem.ram, dev, "pc.ram", ram, err) ||
        (!flash && !pc_bios_load(pc, err)))
        return false;
    const PcMemory *m = &pc->mem;
    pc_map(pc, 0, BASE_MEMORY, &pc->mem.ram, 0, false);
    if (m->below_4g > EXTENDED_MEMORY)
        pc_map(pc, EXTENDED_MEMORY, m->below_4g - EXTENDED_MEMORY, &pc->mem.ram, EXTENDED_MEMORY,
               false);
    if (m->above_4g)
        pc_map(pc, 4 * GIB, m->above_4g, &pc->mem.ram, m->below_4g, false);
    if (!flash) {
        pc_map(pc, 4 * GIB - m->bios.size, m->bios.size, &pc->mem.bios, 0, true);
        pc_map_bios_low(pc, &pc->mem.bios);
    }
    return true;
}

/* ---- CMOS ---- */

static void cmos16(Pc *pc, unsigned reg, uint64_t val)
{
    rtc_set_cmos(pc->rtc, reg, val);
    rtc_set_cmos(pc->rtc, reg + 1, val >> 8);
}

static void pc_cmos_memory(Pc *pc)
{
    uint64_t low = pc->mem.below_4g, above = pc->mem.above_4g >> 16;
    uint64_t kib = low > EXTENDED_MEMORY ? (low - EXTENDED_MEMORY) >> 10 : 0;
    uint64_t from_16m = low > 16 << 20 ? (low - (16 << 20)) >> 16 : 0;
    cmos16(pc, 0x15, 640);
    cmos16(pc, 0x17, MIN(kib, 65535));
    cmos16(pc, 0x30, MIN(kib, 65535));
    cmos16(pc, 0x34, MIN(from_16m, 65535));
    cmos16(pc, 0x5b, above);
    rtc_set_cmos(pc->rtc, 0x5d, above >> 16);
}

/* 1 floppy, 2 disk, 3 CD, 4 network: in 3Dh low and high, then 38h high */
static unsigned pc_boot_code(char letter)
{
    switch (letter) {
    case 'a':
    case 'b': return 1;
    case 'c': return 2;
    case 'd': return 3;
    case 'n': return 4;
    }
    return 0;
}

static void pc_cmos_boot(Pc *pc, const char *order)
{
    const MachineConf *conf = pc->dev.vm->conf;
    unsigned code[3] = { 0 };
    for (unsigned n = 0; n < 3 && *order; order++)
        code[n++] = pc_boot_code(*order);
    bool no_check = conf->no_fd_bootchk || !pc->args->fd_bootchk;
    rtc_set_cmos(pc->rtc, 0x3d, code[0] | code[1] << 4);
    rtc_set_cmos(pc->rtc, 0x38, code[2] << 4 | no_check);
}

/* Equipment byte: FPU, mouse, and how many floppy drives; their types */
static void pc_cmos_equipment(Pc *pc)
{
    unsigned a = fdc_cmos_type(pc->dev.vm, 0), c = fdc_cmos_type(pc->dev.vm, 1);
    rtc_set_cmos(pc->rtc, 0x10, a << 4 | c);
    rtc_set_cmos(pc->rtc, 0x14, 0x06 | (a || c ? 0x01 : 0) | (a && c ? 0x40 : 0));
    /* two bits a disk: 0 its own geometry, 1 as LBA has it. A tiny disk has no LBA geometry. */
    uint8_t translation = 0;
    for (unsigned n = 0; n < 4; n++)
        translation |= ide_disk_is_large(pc->dev.vm, n) << (2 * n);
    rtc_set_cmos(pc->rtc, 0x39, translation);
}

/* once= holds for the first start only. The shutdown code (0Fh) is the firmware's own and stays. */
static void pc_reset(Device *dev)
{
    Pc *pc = (Pc *)dev;
    const BootConf *boot = &dev->vm->conf->boot;
    const char *order = boot->order ? boot->order : "cad";
    if (!pc->started) {
        pc_cmos_memory(pc);
        pc_cmos_equipment(pc);
        if (boot->once)
            order = boot->once;
    }
    pc->started = true;
    rtc_set_cmos(pc->rtc, 0x5f, dev->vm->n_vcpus - 1);
    pc_cmos_boot(pc, order);
}

static const DeviceType pc = {
    .name = "pc",
    .desc = "memory and CMOS contents of a PC",
    .size = sizeof(Pc),
    .realize = pc_realize,
    .reset = pc_reset,
};
REGISTER(device, pc);
