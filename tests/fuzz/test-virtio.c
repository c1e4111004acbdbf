/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio devices and the driver of a hostile guest. The input's head chooses a device, the
 * interface and the features; queues are set up in RAM, then come operations: chains of
 * descriptors, well or badly made, bare ring words, kicks, registers, the world's side (frames,
 * characters, the disk's answers, a stopped machine).
 *
 * RAM: a queue each 4000h (descriptors, available ring, used ring), buffers from 10000h on.
 */
#include "chardev/chardev.h"
#include "tests/fuzz/machine.h"

enum { QUEUES = 4, QUEUE_ROOM = 0x4000, BUFFERS = RAM + QUEUES * QUEUE_ROOM, MOST_OPS = 200 };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };
enum { LEGACY = 0, MODERN = 4 }; /* BARs */

static const char *const ids[] = { "blk", "net", "serial", "rng", "balloon" };

/* ---- a chardev that may be full ---- */

static unsigned char_room = 1000;
static Chardev *serial;

static bool fuzz_char_open(Chardev *c, const void *args, GError **err)
{
    serial = c;
    c->filename = g_strdup("fuzz");
    c->open = true;
    return true;
}

static size_t fuzz_char_write(Chardev *c, const void *p, size_t n)
{
    n = MIN(n, char_room);
    char_room -= n;
    return n;
}

typedef struct FuzzCharArgs {
    CharCommon common;
} FuzzCharArgs;
static const Prop fuzz_char_rows[] = { PROP_BASE(FuzzCharArgs, common, CharCommon),
                                       PROP_END(FuzzCharArgs) };
static const CharDriver fuzz_char = {
    .name = "fuzz",
    .desc = "the other end of a fuzz target's line",
    .size = sizeof(Chardev),
    .props = fuzz_char_rows,
    .open = fuzz_char_open,
    .write = fuzz_char_write,
};
REGISTER(chardev, fuzz_char);

static void char_op(Bytes *b)
{
    uint8_t text[64];
    unsigned what = take(b, 1), n = what >> 2;
    if (what & 1) {
        char_room = n;
        char_writable(serial);
        return;
    }
    if (what & 2) {
        char_event(serial, n & 1 ? CHR_OPENED : CHR_CLOSED);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        text[i] = take(b, 1);
    if (!serial->kept->len)
        char_deliver(serial, text, n);
}

/* ---- the driver ---- */

static struct {
    PciDevice *d;
    bool modern, packed;
    struct Ring {
        unsigned num, at; /* at: the next free descriptor */
        uint16_t avail;
        bool wrap;
    } q[QUEUES];
} drv;

static uint64_t ring(unsigned q)
{
    return RAM + q * QUEUE_ROOM;
}

static uint64_t avail_of(unsigned q)
{
    return ring(q) + 16 * drv.q[q].num;
}

static uint64_t used_of(unsigned q)
{
    return (avail_of(q) + 2 * (3 + drv.q[q].num) + 4095) & ~4095ull;
}

static void set(uint64_t off, uint64_t val, unsigned size)
{
    bar_io(drv.d, drv.modern ? MODERN : LEGACY, off, val, size, true);
}

static uint64_t get(uint64_t off, unsigned size)
{
    return bar_io(drv.d, drv.modern ? MODERN : LEGACY, off, 0, size, false);
}

static void kick(unsigned q)
{
    if (drv.modern)
        set(0x3000 + 4 * q, q, 2);
    else
        set(16, q, 2);
}

static void queue_up(unsigned q, unsigned num)
{
    struct Ring *r = &drv.q[q];
    set(drv.modern ? 22 : 14, q, 2);
    r->num = get(drv.modern ? 24 : 12, 2);
    if (drv.modern && num)
        r->num = MIN(r->num, num);
    if (r->num > 256) /* no queue of that number */
        r->num = 0;
    r->wrap = true;
    if (!drv.modern) {
        set(8, ring(q) >> 12, 4);
        return;
    }
    set(24, r->num, 2);
    set(32, ring(q), 4);
    set(40, avail_of(q), 4);
    set(48, used_of(q), 4);
    set(28, 1, 2);
}

static void driver_up(Bytes *b)
{
    unsigned how = take(b, 1), num = 1u << (take(b, 1) % 9);
    uint64_t without = take(b, 1) & 1 ? take(b, 8) : 0;
    memset(&drv.q, 0, sizeof(drv.q));
    drv.modern = how & 1;
    drv.packed = drv.modern && (how & 2);
    if (drv.packed)
        without &= ~(1ull << 34);
    else
        without |= 1ull << 34;
    if (drv.modern)
        without &= ~(1ull << 32);
    if (how & 4) /* MSI-X, its vectors in the window */
        config_write(drv.d->devfn, drv.d->msix_cap, 0x80000000, 4);
    set(drv.modern ? 20 : 18, 3, 1);
    for (unsigned i = 0; i < (drv.modern ? 2 : 1); i++) {
        if (drv.modern) {
            set(0, i, 4);
            set(8, i, 4);
        }
        set(drv.modern ? 12 : 4, get(drv.modern ? 4 : 0, 4) & ~(without >> 32 * i), 4);
    }
    if (drv.modern)
        set(20, 11, 1);
    for (unsigned q = 0; q < QUEUES; q++)
        queue_up(q, how & 8 ? num : 0);
    if (how & 0x30)
        set(drv.modern ? 20 : 18, 15, 1);
}

/* ---- operations ---- */

/* A descriptor at a place of a table or ring; next: in a packed one the buffer's id */
static void put_desc(uint64_t at, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
    uint16_t a = drv.packed ? next : flags, c = drv.packed ? flags : next;
    uint64_t w[2] = { addr, len | (uint64_t)a << 32 | (uint64_t)c << 48 };
    ram_put(at, w, 16);
}

/* What a packed ring's descriptor says of who owns it. */
static uint16_t packed_owned(const struct Ring *r)
{
    return r->wrap ? 0x80 : 0x8000;
}

static void step(struct Ring *r)
{
    if (++r->at >= r->num) {
        r->at = 0;
        r->wrap = !r->wrap;
    }
}

typedef struct Seg {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
} Seg;

/* One element, in the ring or in an indirect table */
static void element(unsigned q, const Seg *seg, unsigned n, bool indirect)
{
    struct Ring *r = &drv.q[q];
    uint64_t table = BUFFERS + 0xf000;
    unsigned first = r->at;
    if (!r->num)
        return;
    for (unsigned i = 0; i < n; i++) {
        uint16_t flags = seg[i].flags;
        if (indirect) {
            put_desc(table + 16 * i, seg[i].addr, seg[i].len, flags, i + 1);
            continue;
        }
        put_desc(ring(q) + 16 * r->at, seg[i].addr, seg[i].len,
                 flags | (drv.packed ? packed_owned(r) : 0),
                 drv.packed ? first : (r->at + 1) % r->num);
        step(r);
    }
    if (indirect) {
        put_desc(ring(q) + 16 * r->at, table, 16 * n, INDIRECT | (drv.packed ? packed_owned(r) : 0),
                 first);
        step(r);
    }
    if (!drv.packed) {
        ram_put_le(avail_of(q) + 4 + 2 * (r->avail % r->num), first, 2);
        ram_put_le(avail_of(q) + 2, ++r->avail, 2);
    }
}

/* Up to four descriptors of which the first n_out are readable; the first one's buffer gets bytes
 * of the input. */
static void chain_op(Bytes *b)
{
    unsigned how = take(b, 1), q = how & 3, n = 1 + (how >> 2 & 3), n_out = take(b, 1),
             n_head = n_out >> 3 & 31;
    uint64_t head = BUFFERS + (take(b, 1) << 8);
    Seg seg[4];
    n_out = n_out & 7;
    for (unsigned i = 0; i < n_head; i++)
        ram_put_le(head + i, take(b, 1), 1);
    for (unsigned i = 0; i < n; i++) {
        unsigned kind = take(b, 1);
        seg[i].addr = i || kind & 1 ? BUFFERS + (take(b, 2) & 0xffff) : head;
        seg[i].len = kind & 2   ? take(b, 2)
                     : kind & 4 ? 512u << (kind >> 3 & 3)
                     : i        ? take(b, 1)
                                : n_head;
        seg[i].flags = (i >= n_out ? WRITE : 0) | (i + 1 < n ? NEXT : 0);
        if (kind & 0x80)
            seg[i].flags ^= take(b, 1) & 7;
    }
    element(q, seg, n, how & 16);
    if (how & 0xe0)
        kick(q);
}

/* What a driver would ask of the device: a header, data, room for an answer */
static void request_op(Bytes *b)
{
    static const uint8_t types[] = { 0, 1, 4, 8, 11, 13, 0, 1 };
    static uint8_t frame[0x4000];
    unsigned how = take(b, 1), q = how & 3, more = take(b, 1);
    uint64_t head = BUFFERS + 0x1000 * (how >> 4), data = head + 0x100;
    Seg out = { head, 0, NEXT }, mid = { data, 512 * (more & 7), NEXT },
        in = { head + 0x80, 1, WRITE };
    switch (drv.d->st.conf[2] &
            0xf) { /* the ids of old: 1000h net, 1 block, 2 balloon, 3 console, 5 rng */
    case 1:
        out.len = 16;
        ram_put_le(head, types[how >> 2 & 7], 8);
        ram_put_le(head + 8, more >> 3, 8);
        mid.flags |= types[how >> 2 & 7] & 3 && types[how >> 2 & 7] != 11 ? 0 : WRITE;
        if (types[how >> 2 & 7] == 8)
            mid.flags = WRITE | NEXT;
        if (types[how >> 2 & 7] >= 11) { /* a list of segments */
            mid.flags = NEXT;
            mid.len = 16 * (more & 7);
            ram_put_le(data, take(b, 2), 8);
            ram_put_le(data + 8, take(b, 1) | take(b, 1) << 32, 8);
        }
        q &= 1;
        break;
    case 0:
        if (q == 0) {
            element(0, &(Seg){ head, 1500 + more, WRITE }, 1, how & 4);
            kick(0);
            return;
        }
        out.len = q == 2 ? 2 : drv.modern ? 12 : 10 + (how & 8 ? 2 : 0);
        for (unsigned i = 0; i < out.len; i++)
            ram_put_le(head + i, q == 2 || more & 0x80 ? take(b, 1) : 0, 1);
        if (q == 1) {
            mid.len = frame_make(b, frame, sizeof(frame));
            mid.flags = 0;
            ram_put(data, frame, MIN(mid.len, 0xe00u));
            element(1, (Seg[]){ out, mid }, 2, how & 4);
            kick(1);
            return;
        }
        mid.len = more & 63;
        break;
    case 2:
        for (unsigned i = 0; i < (more & 15); i++)
            ram_put_le(head + 4 * i, RAM >> 12 | take(b, 1), 4);
        element(q, &(Seg){ head, 4 * (more & 15), how & 8 ? WRITE : 0 }, 1, how & 4);
        kick(q);
        return;
    default: /* a message of the control queue, text, or room for either */
        ram_put_le(head, take(b, 8), 8);
        element(q, &(Seg){ head, q == 3 ? 8 : more, (q & 1) == 0 || how & 8 ? WRITE : 0 }, 1,
                how & 4);
        kick(q);
        return;
    }
    element(q, (Seg[]){ out, mid, in }, 3, how & 4 && more & 0x40);
    kick(q);
}

/* Any word of a ring */
static void ring_op(Bytes *b)
{
    unsigned what = take(b, 1), q = what & 3, n = take(b, 1);
    switch (what >> 2 & 3) {
    case 0: put_desc(ring(q) + 16 * n, value(b), take(b, 4), take(b, 2), take(b, 2)); break;
    case 1: ram_put_le(avail_of(q) + 2 * n, take(b, 2), 2); break;
    case 2: ram_put_le(used_of(q) + 2 * n, take(b, 2), 2); break;
    default: drv.q[q].at = drv.q[q].num ? n % drv.q[q].num : 0;
    }
    if (what & 0x80)
        kick(q);
}

static void machine_op(Bytes *b)
{
    if (take(b, 1) & 1)
        vm_stop(vm, RUNSTATE_PAUSED);
    else if (!vm->running)
        vm_start(vm, NULL);
}

static void operation(Bytes *b)
{
    unsigned op = take(b, 1);
    switch (op & 15) {
    case 0:
    case 1:
    case 2: chain_op(b); break;
    case 3:
    case 5: request_op(b); break;
    case 4: ring_op(b); break;
    case 6: bar_op(drv.d, b); break;
    case 7: set(drv.modern ? take(b, 1) & 63 : take(b, 1), value(b), 1u << (op >> 4 & 3)); break;
    case 8: set((drv.modern ? 0x2000 : 20) + take(b, 1), value(b), 1u << (op >> 4 & 3)); break;
    case 9: ram_op(b); break;
    case 10: net_op(netdev_find(vm, "n0"), b); break;
    case 11: char_op(b); break;
    case 12: disk_op(b); break;
    case 13: clock_op(b); break;
    case 14:
        if (op & 0x80)
            op & 0x10 ? kick(op >> 5 & 3) : config_op(drv.d, b);
        else if (op & 0x40)
            machine_op(b);
        else
            get(drv.modern ? take(b, 2) : take(b, 1), 1u << (op >> 4 & 3));
        break;
    case 15: settle(); break;
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    machine_new("-drive if=none,id=d0,file=DISK,format=raw -netdev fuzz,id=n0 -chardev fuzz,id=c0 "
                "-device virtio-blk-pci,id=blk,drive=d0,packed=on,num-queues=2,ioeventfd=off "
                "-device virtio-net-pci,id=net,netdev=n0,packed=on,ioeventfd=off "
                "-device virtio-serial-pci,id=serial,packed=on,ioeventfd=off "
                "-device virtserialport,chardev=c0,name=port -device virtconsole "
                "-device virtio-rng-pci,id=rng,packed=on,max-bytes=1000,period=10 "
                "-device virtio-balloon-pci,id=balloon,packed=on,free-page-reporting=on");
    machine_reset();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    Bytes b = { data, n };
    char_room = 1000;
    drv.d = pci_named(ids[take(&b, 1) % G_N_ELEMENTS(ids)]);
    machine_calm();
    device_anew(&drv.d->dev);
    place_bars();
    driver_up(&b);
    for (int i = 0; i < MOST_OPS && b.n; i++)
        operation(&b);
    machine_rest();
    return 0;
}

FUZZ_MAIN("virtio", 2000, 400)
