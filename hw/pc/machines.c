/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -M: the machine types. A version is what changed after it: rows of (device, property, value)
 * that bring back what a guest of that time saw. Tables are listed newest first; a later table
 * goes over an earlier one.
 */
#include "core/set.h"
#include "hw/pc/machines.h"
#include "hw/pc/pc.h"

/* before 2.8 the IOAPIC had no EOI register */
static const CompatRow until_2_7[] = { { "ioapic", "version", "0x11" }, { NULL, NULL, NULL } };

/* before 2.7 virtio over PCI had the legacy interface only */
#define VIRTIO_LEGACY(type)          \
    {                                \
        type, "disable-modern", "on" \
    }
static const CompatRow until_2_6[] = { VIRTIO_LEGACY("virtio-blk-pci"),
                                       VIRTIO_LEGACY("virtio-net-pci"),
                                       VIRTIO_LEGACY("virtio-balloon-pci"),
                                       VIRTIO_LEGACY("virtio-rng-pci"),
                                       VIRTIO_LEGACY("virtio-serial-pci"),
                                       { NULL, NULL, NULL } };

static const CompatRow *const compat_none[] = { NULL };
static const CompatRow *const compat_2_7[] = { until_2_7, NULL };
static const CompatRow *const compat_2_6[] = { until_2_7, until_2_6, NULL };

#define I440FX(id, ver, other, display, rows)        \
    static const MachineType pc_i440fx_##id = {      \
        .name = "pc-i440fx-" ver,                    \
        .alias = other,                              \
        .desc = "Standard PC (i440FX + PIIX, 1996)", \
        .compat = rows,                              \
        .props = PcArgs_rows,                        \
        .nic = "e1000",                              \
        .vga = display,                              \
        .cpu = "qemu64",                             \
        .max_cpus = 255,                             \
        .build = board_i440fx,                       \
    };                                               \
    REGISTER(machine, pc_i440fx_##id)

I440FX(7_2, "7.2", "pc", "std", compat_none);
I440FX(7_1, "7.1", NULL, "std", compat_none);
I440FX(7_0, "7.0", NULL, "std", compat_none);
I440FX(6_2, "6.2", NULL, "std", compat_none);
I440FX(6_1, "6.1", NULL, "std", compat_none);
I440FX(6_0, "6.0", NULL, "std", compat_none);
I440FX(5_2, "5.2", NULL, "std", compat_none);
I440FX(5_1, "5.1", NULL, "std", compat_none);
I440FX(5_0, "5.0", NULL, "std", compat_none);
I440FX(4_2, "4.2", NULL, "std", compat_none);
I440FX(4_1, "4.1", NULL, "std", compat_none);
I440FX(4_0, "4.0", NULL, "std", compat_none);
I440FX(3_1, "3.1", NULL, "std", compat_none);
I440FX(3_0, "3.0", NULL, "std", compat_none);
I440FX(2_12, "2.12", NULL, "std", compat_none);
I440FX(2_11, "2.11", NULL, "std", compat_none);
I440FX(2_10, "2.10", NULL, "std", compat_none);
I440FX(2_9, "2.9", NULL, "std", compat_none);
I440FX(2_8, "2.8", NULL, "std", compat_none);
I440FX(2_7, "2.7", NULL, "std", compat_2_7);
I440FX(2_6, "2.6", NULL, "std", compat_2_6);
I440FX(2_5, "2.5", NULL, "std", compat_2_6);
I440FX(2_4, "2.4", NULL, "std", compat_2_6);
I440FX(2_3, "2.3", NULL, "std", compat_2_6);
I440FX(2_2, "2.2", NULL, "std", compat_2_6);
I440FX(2_1, "2.1", NULL, "cirrus", compat_2_6);
I440FX(2_0, "2.0", NULL, "cirrus", compat_2_6);
I440FX(1_7, "1.7", NULL, "cirrus", compat_2_6);
I440FX(1_6, "1.6", NULL, "cirrus", compat_2_6);
I440FX(1_5, "1.5", NULL, "cirrus", compat_2_6);
I440FX(1_4, "1.4", NULL, "cirrus", compat_2_6);

static bool board_none(Vm *vm, const void *args, GError **err)
{
    return true;
}

static const MachineType none = { .name = "none",
                                  .desc = "empty machine",
                                  .compat = compat_none,
                                  .max_cpus = 1,
                                  .build = board_none };
REGISTER(machine, none);
