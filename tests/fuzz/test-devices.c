/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All devices of a crowded PC under -accel qtest: an input is a list of guest accesses (ports,
 * registers, configuration space, RAM, time). Addresses are drawn among what is mapped, and values
 * often point at a piece of RAM that the input fills, so that rings and descriptors are found.
 */
#include "tests/fuzz/machine.h"

enum { MOST_OPS = 400 };

static const char *const devices[] = {
    "e1000,netdev=n0",
    "rtl8139,netdev=n1",
    "ne2k_pci,netdev=n2",
    "pcnet,netdev=n3",
    "i82559er,netdev=n4",
    "virtio-net-pci,netdev=n5",
    "virtio-blk-pci,drive=d0",
    "lsi53c895a,id=lsi",
    "scsi-hd,drive=d1,bus=lsi.0",
    "scsi-cd,drive=d2,bus=lsi.0",
    "piix3-usb-uhci,id=uhci",
    "usb-tablet",
    "usb-kbd",
    "usb-hub",
    "usb-storage,drive=d3",
    "virtio-serial-pci",
    "virtio-balloon-pci",
    "virtio-rng-pci",
};

static const char *const drives[] = { ",if=none,id=d0", ",if=none,id=d1", ",if=none,id=d2",
                                      ",if=none,id=d3", ",if=ide",        ",if=floppy" };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *vga = g_getenv("FUZZ_VGA");
    g_autoptr(GString) words = g_string_new(NULL);
    g_string_printf(words, "-vga %s", vga ? vga : "std");
    for (unsigned i = 0; i < G_N_ELEMENTS(drives); i++)
        g_string_append_printf(words,
                               " -drive file=DISK,format=raw,file.locking=off%s"
                               " -netdev hubport,hubid=0,id=n%u",
                               drives[i], i);
    for (unsigned i = 0; i < G_N_ELEMENTS(devices); i++)
        g_string_append_printf(words, " -device %s", devices[i]);
    machine_new(words->str);
    return 0;
}

/* ---- the operations ---- */

/* One of the rows of a space, by number; NULL: not one of a device's registers. */
typedef struct Pick {
    unsigned want;
    MapRow row;
    bool found;
} Pick;

static void pick_row(void *o, const MapRow *r)
{
    Pick *p = o;
    if (r->on && r->region && r->region->kind != REGION_RAM && p->want-- == 0) {
        p->row = *r;
        p->found = true;
    }
}

static void access_space(Space *s, Bytes *b)
{
    Pick p = { .want = take(b, 1) };
    space_foreach(s, pick_row, &p);
    if (!p.found)
        return;
    unsigned how = take(b, 1);
    uint64_t off = take(b, how & 1 ? 1 : 2) % p.row.size;
    unsigned size = 1u << (how >> 1 & 3);
    bool write = how & 0x18;
    space_io(s, p.row.base + off, write ? value(b) : 0, size, write);
}

static void operation(Bytes *b)
{
    switch (take(b, 1) & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: access_space(vm->io, b); break;
    case 5:
    case 6:
    case 7:
    case 8: access_space(vm->mem, b); break;
    case 9:
    case 10:
    case 11: ram_op(b); break;
    case 12: clock_op(b); break;
    case 13: {
        unsigned fn = take(b, 1), off = take(b, 1);
        config_write(fn, off, (uint32_t)value(b), 4);
        break;
    }
    case 14: settle(); break;
    case 15: space_io(vm->io, take(b, 2), value(b), 1 << (take(b, 1) % 3), true); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    Bytes b = { data, n };
    machine_reset();
    for (int i = 0; i < MOST_OPS && b.n; i++)
        operation(&b);
    settle();
    return 0;
}

FUZZ_MAIN("devices", 300, 4000)
