/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PC under -accel qtest for targets that play its guest: time passes only by clock_step(), the
 * disks are memory, the network's other end is this file. RAM is the window that inputs fill;
 * addresses in values point there. Everything begins anew with machine_reset().
 */
#ifndef TESTS_FUZZ_MACHINE_H
#define TESTS_FUZZ_MACHINE_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "block/drive.h"
#include "block/driver.h"
#include "block/front.h"
#include "block/node.h"
#include "core/memory.h"
#include "core/runstate.h"
#include "core/set.h"
#include "hw/pci/pci.h"
#include "net/netdev.h"
#include "system/system.h"
#include "tests/fuzz/fuzz.h"
#include "util/iov.h"

enum { RAM = 0x100000, RAM_SIZE = 0x20000 };

static Vm *vm;
static PciBus *pci;
/* ns that one input may let pass: a controller in a loop works all the time */
static int64_t clock_left, clock_most = 20000000;

/* ---- disks: -drive file=DISK,format=raw, whose file is memory once the machine is there ---- */

enum { DISK_SIZE = 1 << 20 };
static struct {
    GPtrArray *waiting; /* Co *: while slow */
    unsigned fail;      /* this many requests fail */
    bool slow;          /* requests stay in flight until disk_go() */
} disks;

typedef struct FuzzDisk {
    uint8_t *bytes;
    uint64_t dirty; /* beyond here are zeros */
} FuzzDisk;
static GPtrArray *all_disks; /* FuzzDisk *, the nodes' */

static inline int disk_open_co(BlockNode *node, const void *args, GError **err)
{
    FuzzDisk *d = node->priv;
    d->bytes = g_malloc0(DISK_SIZE);
    if (!all_disks)
        all_disks = g_ptr_array_new();
    g_ptr_array_add(all_disks, d);
    return 0;
}

static inline int disk_turn_co(void)
{
    Co *self = co_self();
    if (disks.slow) {
        g_ptr_array_add(disks.waiting, self);
        while (g_ptr_array_find(disks.waiting, self, NULL))
            co_suspend_co();
    }
    if (!disks.fail)
        return 0;
    disks.fail--;
    return disks.fail & 1 ? -ENOSPC : -EIO;
}

static inline int disk_rw_co(BlockNode *node, uint64_t off, const struct iovec *iov, int n,
                             bool write, bool fua)
{
    FuzzDisk *d = node->priv;
    size_t len = iov_bytes(iov, n);
    int ret = disk_turn_co();
    g_assert(off <= DISK_SIZE && len <= DISK_SIZE - off);
    if (ret < 0)
        return ret;
    if (write) {
        iov_to_buf(iov, n, 0, d->bytes + off, len);
        d->dirty = MAX(d->dirty, off + len);
    } else {
        iov_from_buf(iov, n, 0, d->bytes + off, len);
    }
    return 0;
}

static inline int disk_flush_co(BlockNode *node)
{
    return disk_turn_co();
}

static inline int64_t disk_length(BlockNode *node)
{
    return DISK_SIZE;
}

static const BlockDriver fuzz_disk = {
    .name = "fuzz",
    .desc = "memory of a fuzz target",
    .size = sizeof(FuzzDisk),
    .open_co = disk_open_co,
    .rw_co = disk_rw_co,
    .flush_co = disk_flush_co,
    .length = disk_length,
};

/* The file of a drive's node goes, memory takes its place. */
static inline int disk_swap_co(void *o)
{
    BlockNode *raw = ((BlockFront *)o)->root, *file = raw->file;
    raw->file = node_new_co(&fuzz_disk, NULL, "memory", file->flags, NULL, NULL, NULL);
    node_unref_co(file);
    return 0;
}

/* What is in flight ends. */
static inline void disk_go(void)
{
    disks.slow = false;
    while (disks.waiting && disks.waiting->len)
        co_wake(g_ptr_array_remove_index_fast(disks.waiting, 0));
}

static inline void disk_op(Bytes *b)
{
    switch (take(b, 1) & 3) {
    case 0: disks.slow = true; break;
    case 1: disk_go(); break;
    default: disks.fail = take(b, 1) & 3; break;
    }
}

/* ---- the network's other end: -netdev fuzz,id=N ---- */

static unsigned net_full; /* this many frames find no room */
static uint8_t net_sum_seen;

static inline ssize_t end_receive(void *o, const struct iovec *iov, int n, const NetMeta *meta)
{
    size_t len = iov_bytes(iov, n);
    if (net_full) {
        net_full--;
        return 0;
    }
    for (int i = 0; i < n; i++) /* every byte is there */
        for (size_t k = 0; k < iov[i].iov_len; k += k + 64 < iov[i].iov_len ? 64 : 1)
            net_sum_seen += ((volatile uint8_t *)iov[i].iov_base)[k];
    return len;
}

static inline bool end_open(NetPort *p, const void *args, GError **err)
{
    return true;
}

static inline void end_close(NetPort *p) {}

static const Prop fuzz_net_rows[] = { PROP_END(Empty) };
static const NetDriver fuzz_net = {
    .name = "fuzz",
    .desc = "the other end of a fuzz target's cable",
    .size = sizeof(NetPort),
    .props = fuzz_net_rows,
    .ops = { .receive = end_receive },
    .open = end_open,
    .close = end_close,
};
REGISTER(net, fuzz_net);

/*
 * A frame as networks know it: Ethernet, IPv4 or IPv6, TCP or UDP, whose lengths may lie; some
 * bytes of the input over it. room: 64 and more.
 */
static inline size_t frame_make(Bytes *b, uint8_t *f, size_t room)
{
    unsigned how = take(b, 1);
    bool six = how & 1, vlan = how & 2;
    size_t n = 54 + 20 * six + 4 * vlan + take(b, how & 4 ? 2 : 1), ip = 14 + 4 * vlan;
    n = MIN(n, room);
    memset(f, 0x5a, n);
    memset(f, 0xff, how & 8 ? 6 : 0);
    if (n < ip + 60)
        return n;
    if (vlan)
        memcpy(f + 12, "\x81\0\0\5", 4);
    size_t l3 = n - ip - (how & 16 ? take(b, 1) : 0);
    uint8_t proto = how & 32 ? 17 : 6, *p = f + ip;
    memset(p, 0, 60);
    if (six) {
        memcpy(f + ip - 2, "\x86\xdd\x60\0\0\0", 6);
        p[4] = (l3 - 40) >> 8;
        p[5] = l3 - 40;
        p[6] = proto;
    } else {
        memcpy(f + ip - 2, "\x08\0\x45\0", 4);
        p[2] = l3 >> 8;
        p[3] = l3;
        p[9] = proto;
    }
    p[(six ? 40 : 20) + (proto == 6 ? 12 : 4)] = proto == 6 ? 0x50 : 0;
    for (unsigned i = how >> 6; i; i--)
        p[take(b, 1) % 60] = take(b, 1);
    return n;
}

/* A frame of the input's bytes (few) and its length (any), or the cable, or room. */
static inline void net_op(NetPort *end, Bytes *b)
{
    static uint8_t frame[65536];
    unsigned what = take(b, 1);
    switch (what & 7) {
    case 0: net_full = take(b, 1) & 7; break;
    case 1: net_resume(end); break;
    case 2: net_set_link(vm, end->name, what & 8, NULL); break;
    case 3: net_set_takes(end, take(b, 1) & 31); break;
    default: {
        size_t n = MIN(take(b, what & 8 ? 2 : 1), sizeof(frame) - 1),
               some = MIN(n, take(b, 1) & 63);
        if (what & 16)
            n = frame_make(b, frame, sizeof(frame));
        else
            memset(frame, what, n);
        for (size_t i = 0; i < some; i++)
            frame[i + (what & 32 ? 12 : 0)] = take(b, 1);
        NetMeta meta = { what >> 6,  (what & 4) ? take(b, 1) & 0x83 : 0,
                         take(b, 1), take(b, 1),
                         take(b, 1), take(b, 1) };
        struct iovec one = { frame, n };
        net_send(end, &one, 1, what & 64 ? &meta : NULL);
    }
    }
}

static inline void net_begin(void)
{
    const GPtrArray *ports = net_ports(vm);
    net_full = 0;
    for (unsigned i = 0; i < ports->len; i++) {
        NetPort *p = ports->pdata[i];
        if (p->type == &fuzz_net) {
            net_set_link(vm, p->name, true, NULL);
            net_set_takes(p, 0);
            net_resume(p);
        }
    }
}

/* ---- the machine ---- */

/* words: further options, separated by blanks; DISK: a file of DISK_SIZE, for all of them */
static inline void machine_new(const char *words)
{
    static Startup st;
    GArray *records = g_array_new(FALSE, FALSE, sizeof(Record));
    g_autofree char *disk = g_strdup_printf("%s/fuzz-%d", g_get_tmp_dir(), getpid());
    g_auto(GStrv) parts = g_strsplit(words, "DISK", -1);
    g_autofree char *mine = g_strjoinv(disk, parts);
    g_autofree char *all =
        g_strdup_printf("fuzz -M pc -accel qtest -m 16 -nodefaults -display none %s", mine);
    static char **line; /* stays: records point there */
    int status = 0;
    line = g_strsplit(all, " ", -1);
    disks.waiting = g_ptr_array_new();
    int fd = open(disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, DISK_SIZE) != 0)
        g_error("%s: cannot be made", disk);
    close(fd);
    if (!options_parse((int)g_strv_length(line), line, records))
        exit(1);
    startup_init(&st, records);
    vm = vm_new();
    vm->conf = &st.conf;
    if (!startup_run(vm, records, &status))
        exit(1);
    for (BlockFront *blk = drive_next(vm, NULL); blk; blk = drive_next(vm, blk))
        co_sync(NULL, disk_swap_co, blk);
    unlink(disk);
    pci = (PciBus *)bus_find(vm, "pci.0");
}

static inline void settle(void)
{
    for (int i = 0; i < 50 && g_main_context_iteration(NULL, false); i++)
        ;
}

static inline void config_write(unsigned devfn, unsigned off, uint32_t val, unsigned size)
{
    pci_config_write(pci, devfn, off, val, size);
}

/* A known beginning: BARs placed one after another, decoding and bus mastering on. */
static inline void place_bars(void)
{
    uint32_t mem = 0xe0000000, io = 0xc000;
    space_begin(vm->mem);
    for (unsigned fn = 0; fn < 256; fn++) {
        PciDevice *d = pci->fn[fn];
        for (unsigned i = 0; d && i < 6; i++) {
            bool is_io = (d->bar[i].kind & 3) == PCI_BAR_IO;
            uint64_t size = d->bar[i].size;
            uint32_t at = ((is_io ? io : mem) + size - 1) & ~(size - 1);
            if (!size || size > 64 << 20)
                continue;
            config_write(fn, 0x10 + 4 * i, at, 4);
            *(is_io ? &io : &mem) = at + size;
        }
        if (d)
            config_write(fn, 4, 7, 2);
    }
    space_commit(vm->mem);
}

static inline void ram_clear(void)
{
    static uint8_t zeros[RAM_SIZE];
    space_rw(vm->mem, RAM, zeros, RAM_SIZE, true);
}

/* What an input left: requests in flight, a stopped machine, dirty disks. */
static inline void machine_calm(void)
{
    disks.fail = 0;
    disk_go();
    clock_left = clock_most;
    net_begin();
    if (!vm->running)
        vm_start(vm, NULL);
    settle();
    for (unsigned i = 0; all_disks && i < all_disks->len; i++) {
        FuzzDisk *d = all_disks->pdata[i];
        memset(d->bytes, 0, d->dirty);
        d->dirty = 0;
    }
    ram_clear();
}

static inline void reset_done(void *o)
{
    *(bool *)o = true;
}

/* One device and all below it, which costs less than the machine. */
static inline void device_anew(Device *d)
{
    bool done = false;
    device_reset(d, RESET_FULL, reset_done, &done);
    for (int i = 0; i < 1000 && !done; i++)
        g_main_context_iteration(NULL, false);
    g_assert(done);
}

static inline void machine_reset(void)
{
    machine_calm();
    vm_request(vm, VM_RESET, "guest-reset");
    for (int i = 0; i < 1000 && g_main_context_iteration(NULL, false); i++)
        ;
    place_bars();
}

/* ---- what inputs are made of ---- */

static inline void ram_put(uint64_t at, const void *p, size_t n)
{
    space_rw(vm->mem, at, (void *)p, n, true);
}

static inline void ram_put_le(uint64_t at, uint64_t val, unsigned size)
{
    ram_put(at, &val, size); /* x86 */
}

/* A value: as it is, small, or an address in the RAM that the input fills. */
static inline uint64_t value(Bytes *b)
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

/* Bytes, or a word that is a value, anywhere in RAM. */
static inline void ram_op(Bytes *b)
{
    uint8_t bytes[64];
    uint64_t at = RAM + take(b, 2) % RAM_SIZE;
    size_t n = 1 + (take(b, 1) & 63);
    if (n & 1) {
        ram_put_le(at, value(b), 8);
        return;
    }
    for (size_t i = 0; i < n; i++)
        bytes[i] = take(b, 1);
    ram_put(at, bytes, n);
}

static inline void clock_op(Bytes *b)
{
    int64_t ns = take(b, 1) << take(b, 1) % 20;
    ns = MIN(ns, clock_left);
    clock_left -= ns;
    clock_step(vm, clock_now(vm, CLOCK_VIRTUAL) + ns);
}

/* One register of a BAR; what: size and direction. */
static inline uint64_t bar_io(PciDevice *d, unsigned bar, uint64_t off, uint64_t val, unsigned size,
                              bool write)
{
    uint64_t at;
    if (!d->bar[bar].size || !pci_bar_at(d, bar, &at))
        return 0;
    Space *s = (d->bar[bar].kind & 3) == PCI_BAR_IO ? vm->io : vm->mem;
    return space_io(s, at + off % d->bar[bar].size, val, size, write);
}

static inline void bar_op(PciDevice *d, Bytes *b)
{
    unsigned how = take(b, 1), size = 1u << (how >> 3 & 3);
    uint64_t off = take(b, how & 0x40 ? 2 : 1);
    bool write = how & 0x80;
    bar_io(d, (how & 7) % 6, off, write ? value(b) : 0, size, write);
}

/* What was set going ends. */
static inline void machine_rest(void)
{
    settle();
    clock_step(vm, clock_now(vm, CLOCK_VIRTUAL) + clock_most / 10);
    settle();
}

static inline void config_op(const PciDevice *d, Bytes *b)
{
    unsigned off = take(b, 1);
    config_write(d->devfn, off, (uint32_t)value(b), 4);
}

static inline PciDevice *pci_named(const char *id)
{
    return (PciDevice *)device_by_id(vm, id);
}

#endif
