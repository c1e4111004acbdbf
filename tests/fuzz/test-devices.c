/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All devices of a crowded PC under -accel qtest: an input is a list of guest accesses (ports,
 * registers, configuration space, RAM, time). Addresses are drawn among what is mapped, and values
 * often point at a piece of RAM that the input fills, so that rings and descriptors are found.
 */
#include <fcntl.h>
#include <unistd.h>

#include "core/memory.h"
#include "core/runstate.h"
#include "hw/pci/pci.h"
#include "system/system.h"
#include "tests/fuzz/fuzz.h"

enum { RAM = 0x100000, RAM_SIZE = 0x10000, MOST_OPS = 400 };

static Vm *vm;
static Startup st;
static PciBus *pci;

static char *disk_file(const char *name)
{
    char *path = g_strdup_printf("%s/fuzz-%d-%s", g_get_tmp_dir(), getpid(), name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 1474560) != 0)
        g_error("%s: cannot be made", path);
    close(fd);
    return path;
}

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

static const DeviceType *type_of(const char *kv)
{
    g_autofree char *name = g_strndup(kv, strcspn(kv, ","));
    return device_type(name);
}

static char **command_line(void)
{
    GPtrArray *a = g_ptr_array_new();
    const char *vga = g_getenv("FUZZ_VGA");
    g_autofree char *line =
        g_strdup_printf("fuzz -M pc -accel qtest -m 16 -nodefaults -display none -vga %s -snapshot",
                        vga ? vga : "std");
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    for (char **w = words; *w; w++)
        g_ptr_array_add(a, g_strdup(*w));
    for (unsigned i = 0; i < 6; i++) {
        g_autofree char *name = g_strdup_printf("disk%u", i);
        g_autofree char *path = disk_file(name);
        g_ptr_array_add(a, g_strdup("-drive"));
        g_ptr_array_add(a, g_strdup_printf("file=%s,format=raw%s", path,
                                           i == 4   ? ",if=ide"
                                           : i == 5 ? ",if=floppy"
                                                    : ""));
        char **last = (char **)&a->pdata[a->len - 1];
        if (i < 4) {
            g_autofree char *old = *last;
            *last = g_strdup_printf("%s,if=none,id=d%u", old, i);
        }
        g_ptr_array_add(a, g_strdup("-netdev"));
        g_ptr_array_add(a, g_strdup_printf("hubport,hubid=0,id=n%u", i));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(devices); i++) {
        if (type_of(devices[i])) {
            g_ptr_array_add(a, g_strdup("-device"));
            g_ptr_array_add(a, g_strdup(devices[i]));
        }
    }
    g_ptr_array_add(a, NULL);
    return (char **)g_ptr_array_free(a, FALSE);
}

static void unlink_disks(void)
{
    for (unsigned i = 0; i < 6; i++) {
        g_autofree char *path = g_strdup_printf("%s/fuzz-%d-disk%u", g_get_tmp_dir(), getpid(), i);
        unlink(path);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    GArray *records = g_array_new(FALSE, FALSE, sizeof(Record));
    char **line = command_line();
    int status = 0;
    if (!options_parse((int)g_strv_length(line), line, records))
        exit(1);
    startup_init(&st, records);
    vm = vm_new();
    vm->conf = &st.conf;
    if (!startup_run(vm, records, &status))
        exit(1);
    unlink_disks();
    return 0;
}

static void settle(void)
{
    for (int i = 0; i < 50 && g_main_context_pending(NULL); i++)
        g_main_context_iteration(NULL, false);
}

/* ---- a known beginning: BARs placed, decoding and bus mastering on ---- */

static void config(unsigned devfn, unsigned off, uint32_t val, unsigned size)
{
    space_io(vm->io, 0xcf8, 0x80000000u | devfn << 8 | (off & 0xfc), 4, true);
    space_io(vm->io, 0xcfc + (off & 3), val, size, true);
}

static void place_bars(void)
{
    uint32_t mem = 0xe0000000, io = 0xc000;
    for (unsigned fn = 0; fn < 256; fn++) {
        PciDevice *d = pci->fn[fn];
        for (unsigned i = 0; d && i < 6; i++) {
            bool is_io = (d->bar[i].kind & 3) == PCI_BAR_IO;
            uint64_t size = d->bar[i].size;
            uint32_t at = ((is_io ? io : mem) + size - 1) & ~(size - 1);
            if (!size || d->bar[i].size > 64 << 20)
                continue;
            config(fn, 0x10 + 4 * i, at, 4);
            *(is_io ? &io : &mem) = at + size;
        }
        if (d)
            config(fn, 4, 7, 2);
    }
}

static void machine_reset(void)
{
    vm_request(vm, VM_RESET, "guest-reset");
    for (int i = 0; i < 1000 && g_main_context_iteration(NULL, false); i++)
        ;
    place_bars();
}

/* ---- the operations ---- */

/* A value: as it is, small, or an address in the RAM that the input fills. */
static uint64_t value(Bytes *b)
{
    switch (take(b, 1) & 7) {
    case 0: return take(b, 1);
    case 1:
    case 2: return RAM + (take(b, 2) & ~15ull) % RAM_SIZE;
    case 3: return (RAM + (take(b, 2) & 0xf000) % RAM_SIZE) >> 12;
    case 4: return 1ull << (take(b, 1) & 63);
    case 5: return take(b, 8);
    default: return take(b, 4);
    }
}

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

static void fill_ram(Bytes *b)
{
    uint8_t bytes[256];
    uint64_t at = RAM + take(b, 2) % RAM_SIZE;
    size_t n = 1 + (take(b, 1) & 63);
    if (take(b, 1) & 1) { /* descriptors: words that are values */
        uint64_t v = value(b);
        memcpy(bytes, &v, 8);
        space_rw(vm->mem, at, bytes, 8, true);
        return;
    }
    for (size_t i = 0; i < n; i++)
        bytes[i] = take(b, 1);
    space_rw(vm->mem, at, bytes, n, true);
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
    case 11: fill_ram(b); break;
    case 12:
        clock_step(vm, clock_now(vm, CLOCK_VIRTUAL) + (int64_t)(take(b, 4) & 0xfffffff));
        break;
    case 13: {
        unsigned fn = take(b, 1), off = take(b, 1);
        config(fn, off, (uint32_t)value(b), 4);
        break;
    }
    case 14: settle(); break;
    case 15: space_io(vm->io, take(b, 2), value(b), 1 << (take(b, 1) % 3), true); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    Bytes b = { data, n };
    pci = (PciBus *)bus_find(vm, "pci.0");
    machine_reset();
    for (int i = 0; i < MOST_OPS && b.n; i++)
        operation(&b);
    settle();
    return 0;
}

FUZZ_MAIN("devices", 300, 4000)
