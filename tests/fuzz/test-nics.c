/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network cards and the driver of a hostile guest. The input's head chooses a card and how it is
 * brought up (or not at all); then come operations: descriptors, register accesses, frames from the
 * wire, the wire's own moods (full, link down), time.
 *
 * RAM: 0 transmit ring (or blocks), 1000h receive ring, 8000h what is sent, 10000h what is
 * received.
 */
#include "tests/fuzz/machine.h"

enum { TX = RAM, RX = RAM + 0x1000, OUT = RAM + 0x8000, IN = RAM + 0x10000, MOST_OPS = 200 };

typedef struct Card {
    const char *model;
    unsigned mem, io; /* BARs */
    void (*up)(Bytes *);
    void (*post)(Bytes *); /* something to send */
    uint16_t regs[16];     /* some that do things */
} Card;

static struct {
    const Card *card;
    PciDevice *d; /* NULL: ISA */
    NetPort *end;
    unsigned tail, n, style;
} drv;

static void wm(uint64_t off, uint64_t val, unsigned size)
{
    bar_io(drv.d, drv.card->mem, off, val, size, true);
}

static void wi(uint64_t off, uint64_t val, unsigned size)
{
    if (drv.d)
        bar_io(drv.d, drv.card->io, off, val, size, true);
    else
        space_io(vm->io, 0x300 + off % 32, val, size, true);
}

/* Where a descriptor points: mostly at the piece of RAM that is for it. */
static uint64_t address(Bytes *b, uint64_t usual)
{
    unsigned how = take(b, 1);
    return how & 0xc0 ? usual + ((how & 0x3f) << 8) : value(b);
}

static void words(uint64_t at, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    uint32_t w[4] = { a, b, c, d };
    ram_put(at, w, 16);
}

/* ---- e1000 ---- */

static void e1000_up(Bytes *b)
{
    unsigned how = take(b, 1);
    drv.n = 8u << (how & 3);
    for (unsigned i = 0; i < drv.n; i++)
        words(RX + 16 * i, IN + 0x800 * i, 0, 0, 0);
    for (unsigned k = 0; k < 2; k++) {
        unsigned at = k ? 0x2800 : 0x3800;
        wm(at, k ? RX : TX, 4);
        wm(at + 4, 0, 4);
        wm(at + 8, 16 * drv.n, 4);
    }
    wm(0x2818, drv.n - 1, 4);
    if (how & 4)
        wm(0x5000, take(b, 2), 4); /* RXCSUM */
    wm(0x0, how & 8 ? 0x40000041 : 0x41, 4);
    wm(0x400, 2 | take(b, 1) << 3, 4);
    wm(0x100, 2 | (how & 0x10 ? take(b, 4) : 0x8018), 4);
    wm(0xd0, 0xffffffff, 4);
}

/* A legacy, context or data descriptor */
static void e1000_post(Bytes *b)
{
    unsigned kind = take(b, 1);
    uint64_t at = TX + 16 * drv.tail, addr, len;
    if (kind & 1) {
        ram_put_le(at, take(b, 8), 8);
        ram_put_le(at + 8, (take(b, 8) & ~(0xfull << 20)) | 1 << 29, 8);
    } else {
        addr = address(b, OUT);
        len = take(b, kind & 2 ? 2 : 1);
        ram_put_le(at, addr, 8);
        ram_put_le(at + 8,
                   kind & 4
                       ? len | 1 << 20 | 1 << 29 | take(b, 1) << 24 | take(b, 2) << 40
                       : len | take(b, 1) << 16 | (take(b, 1) & ~0x20ull) << 24 | take(b, 2) << 40,
                   8);
    }
    drv.tail = (drv.tail + 1) % drv.n;
    if (kind & 0xf0)
        wm(0x3818, drv.tail, 4);
}

/* ---- rtl8139: classic, or its rings ---- */

static void rtl8139_up(Bytes *b)
{
    unsigned how = take(b, 1);
    drv.style = how & 1;
    drv.n = 8;
    wi(0x50, 0xc0, 1);
    if (drv.style) {
        for (unsigned i = 0; i < drv.n; i++)
            words(RX + 16 * i, 1u << 31 | (i == 7) << 30 | 2048, 0, IN + 2048 * i, 0);
        wi(0xe0, 3 | take(b, 1), 2);
        wi(0x20, TX, 4);
        wi(0x24, 0, 4);
        wi(0x28, TX + 0x800, 4);
        wi(0xe4, RX, 4);
        wi(0xe8, 0, 4);
    } else {
        wi(0x30, IN, 4);
    }
    wi(0x37, 0x0c, 1);
    wi(0x44, how & 2 ? take(b, 4) : 0x0f, 4);
    wi(0x40, how & 4 ? take(b, 4) : 0x700, 4);
    wi(0x3c, 0xffff, 2);
}

static void rtl8139_post(Bytes *b)
{
    unsigned kind = take(b, 1), n = take(b, kind & 1 ? 2 : 1);
    if (!drv.style) {
        wi(0x20 + 4 * (drv.tail & 3), address(b, OUT), 4);
        wi(0x10 + 4 * (drv.tail & 3), n | (kind & 2 ? take(b, 3) << 8 : 0), 4);
        drv.tail++;
        return;
    }
    uint64_t at = (kind & 8 ? TX + 0x800 : TX) + 16 * (drv.tail % drv.n);
    uint32_t opts = kind & 4 ? take(b, 2) << 16 : 0xb0000000;
    uint64_t addr = address(b, OUT);
    words(at, opts | (drv.tail % drv.n == drv.n - 1 ? 1 << 30 : 0) | n, kind & 2 ? take(b, 4) : 0,
          addr, addr >> 32);
    drv.tail++;
    if (kind & 0xf0)
        wi(0xd9, kind & 8 ? 0x80 : 0x40, 1);
}

/* ---- NE2000 ---- */

static void ne2k_up(Bytes *b)
{
    static const uint8_t rows[][2] = { { 0, 0x21 },   { 0xe, 0x49 }, { 0xa, 0 },    { 0xb, 0 },
                                       { 0xc, 0x14 }, { 0xd, 2 },    { 1, 0x46 },   { 2, 0x80 },
                                       { 3, 0x46 },   { 7, 0xff },   { 0xf, 0x3f }, { 0, 0x61 },
                                       { 7, 0x47 },   { 0, 0x22 },   { 0xd, 0 } };
    unsigned how = take(b, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        wi(rows[i][0], how == i ? take(b, 1) : rows[i][1], 1);
}

/* Bytes through the remote DMA port, and the order to send them. */
static void ne2k_post(Bytes *b)
{
    unsigned kind = take(b, 1), n = take(b, 1);
    wi(0, 0x22, 1);
    wi(0xa, n, 1);
    wi(0xb, kind & 1, 1);
    wi(8, take(b, 1), 1);
    wi(9, kind & 2 ? 0x40 : take(b, 1), 1);
    wi(0, kind & 4 ? 0x0a : 0x12, 1);
    for (unsigned i = 0; i < MIN(n, 64); i++)
        wi(0x10, kind & 8 ? 0 : take(b, 2), kind & 16 ? 4 : 2);
    wi(4, kind & 2 ? 0x40 : take(b, 1), 1);
    wi(5, n, 1);
    wi(6, kind >> 5 & 3, 1);
    wi(0, 0x26, 1);
}

/* ---- pcnet ---- */

static void pcnet_csr(unsigned n, uint16_t val)
{
    wi(0x12, n, 2);
    wi(0x10, val, 2);
}

static void pcnet_desc(uint64_t ring, unsigned i, uint32_t addr, uint16_t n, uint16_t flags)
{
    if (drv.style == 0) {
        ram_put_le(ring + 8 * i, (addr & 0xffffff) | (uint32_t)(flags >> 8) << 24, 4);
        ram_put_le(ring + 8 * i + 4, (uint16_t)-n | 0xf000, 4);
    } else {
        uint32_t w = ((uint16_t)-n | 0xf000) | (uint32_t)flags << 16;
        words(ring + 16 * i, drv.style == 3 ? 0 : addr, w, drv.style == 3 ? addr : 0, 0);
    }
}

static void pcnet_up(Bytes *b)
{
    unsigned how = take(b, 1);
    uint16_t mode = how & 4 ? take(b, 2) : 0;
    drv.style = how & 3;
    drv.n = 8;
    for (unsigned i = 0; i < drv.n; i++)
        pcnet_desc(RX, i, IN + 2048 * i, how & 8 ? 1536 : 100, 0x8000);
    uint64_t block = RAM + 0x7000;
    ram_put_le(block, mode, 2);
    if (drv.style == 0) {
        ram_put_le(block + 8, take(b, 8), 8);
        ram_put_le(block + 16, RX | 3u << 29, 4);
        ram_put_le(block + 20, TX | 3u << 29, 4);
    } else {
        ram_put_le(block + 2, 0x3030, 2);
        ram_put_le(block + 12, take(b, 8), 8);
        ram_put_le(block + 20, RX, 4);
        ram_put_le(block + 24, TX, 4);
    }
    wi(0x12, 20, 2);
    wi(0x16, drv.style | (how & 16 ? 0x100 : 0), 2);
    pcnet_csr(1, (uint16_t)block);
    pcnet_csr(2, block >> 16);
    if (how & 32)
        pcnet_csr(4, take(b, 2));
    if (how & 64)
        pcnet_csr(3, take(b, 2));
    pcnet_csr(0, 1);
    pcnet_csr(0, 0x142);
}

static void pcnet_post(Bytes *b)
{
    unsigned kind = take(b, 1), n = take(b, kind & 1 ? 2 : 1);
    pcnet_desc(TX, drv.tail, address(b, OUT), n, kind & 2 ? take(b, 2) : 0x8300);
    drv.tail = (drv.tail + 1) % drv.n;
    if (kind & 0xf0)
        pcnet_csr(0, 0x48);
}

/* ---- i8255x ---- */

static void i8255x_up(Bytes *b)
{
    unsigned how = take(b, 1);
    for (unsigned i = 0; i < 8; i++) {
        words(IN + 0x800 * i, i == 6 ? 0x80000000 : 0, IN + 0x800 * ((i + 1) & 7), ~0u,
              (how & 1 ? 1536u : 60u) << 16);
    }
    wm(4, 0, 4);
    wm(2, 0x60, 1);
    wm(2, 0x06, 1);
    wm(4, IN, 4);
    wm(2, 1, 1);
}

/* A block of the command unit: any command, with bytes of the input behind it */
static void i8255x_post(Bytes *b)
{
    unsigned kind = take(b, 1), some = take(b, 1) & 63;
    uint64_t at = TX + (drv.tail++ & 15) * 0x100, next = TX + (drv.tail & 15) * 0x100;
    ram_put_le(at, 0, 2);
    ram_put_le(at + 2, kind & 8 ? take(b, 2) : (kind & 7) | 0xa000, 2);
    ram_put_le(at + 4, kind & 0x40 ? value(b) : next, 4);
    if ((kind & 7) == 4) {
        ram_put_le(at + 8, kind & 0x80 ? address(b, OUT) : ~0u, 4);
        ram_put_le(at + 12, take(b, 4), 4);
        ram_put_le(at + 16, address(b, OUT), 4); /* a buffer descriptor in the block */
    }
    for (unsigned i = 0; i < some; i++)
        ram_put_le(at + 20 + i, take(b, 1), 1);
    if (kind & 0x30) {
        wm(4, at, 4);
        wm(2, kind & 0x20 ? 0x10 : 0x20, 1);
    }
}

/* ---- the cards ---- */

#define I8255X_REGS                                                    \
    {                                                                  \
        0, 2, 3, 4, 8, 0xc, 0xe, 0x10, 0x14, 0x18, 0x1b, 1, 2, 4, 2, 3 \
    }
static const Card cards[] = {
    { "e1000",
      0,
      1,
      e1000_up,
      e1000_post,
      { 0, 0x10, 0x14, 0x20, 0xc4, 0xc8, 0xd0, 0x100, 0x400, 0x2818, 0x2820, 0x282c, 0x3818, 0x3820,
        0x382c, 0x5000 } },
    { "rtl8139",
      1,
      0,
      rtl8139_up,
      rtl8139_post,
      { 0x37, 0x38, 0x3c, 0x3e, 0x40, 0x44, 0x48, 0x50, 0x54, 0x58, 0x5a, 0x62, 0xd8, 0xd9, 0xe0,
        0x10 } },
    { "ne2k_pci",
      0,
      0,
      ne2k_up,
      ne2k_post,
      { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16 } },
    { "pcnet",
      1,
      0,
      pcnet_up,
      pcnet_post,
      { 0x10, 0x12, 0x14, 0x16, 0x18, 0x1c, 0x10, 0x12, 0x10, 0x12, 0x16, 0 } },
    { "i82551", 0, 1, i8255x_up, i8255x_post, I8255X_REGS },
    { "i82557b", 0, 1, i8255x_up, i8255x_post, I8255X_REGS },
    { "i82559er", 0, 1, i8255x_up, i8255x_post, I8255X_REGS },
    { "ne2k_isa",
      0,
      0,
      ne2k_up,
      ne2k_post,
      { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16 } },
};

/* Where packets to send lie, there is one now. */
static void packet_op(Bytes *b)
{
    static uint8_t frame[0x2000];
    uint64_t at = OUT + (take(b, 1) & 0x3f) * 0x100;
    size_t n = frame_make(b, frame, sizeof(frame));
    ram_put(at, frame, n);
}

/* One register: of any BAR, or (shorter) the usual one */
static void register_op(Bytes *b)
{
    unsigned how = take(b, 1), size = 1u << (how >> 3 & 3) % 3;
    if (how & 1) {
        drv.d ? bar_op(drv.d, b) : wi(take(b, 1), value(b), size);
        return;
    }
    uint64_t off = how & 0xc0 ? drv.card->regs[take(b, 1) & 15] : take(b, how & 2 ? 2 : 1);
    uint64_t val = how & 4 ? value(b) : take(b, size);
    how & 0x20 || !drv.d ? wi(off, val, size) : wm(off, val, size);
}

static void read_op(Bytes *b)
{
    unsigned how = take(b, 1), size = 1u << (how >> 3 & 3) % 3;
    if (drv.d)
        bar_io(drv.d, how & 1 ? drv.card->io : drv.card->mem, take(b, how & 2 ? 2 : 1), 0, size,
               false);
    else
        space_io(vm->io, 0x300 + (take(b, 1) & 31), 0, size, false);
}

static void operation(Bytes *b)
{
    unsigned op = take(b, 1);
    switch (op & 15) {
    case 0:
    case 1:
    case 2:
    case 3: drv.card->post(b); break;
    case 4:
    case 5:
    case 6: net_op(drv.end, b); break;
    case 7:
    case 8:
    case 9: register_op(b); break;
    case 10: read_op(b); break;
    case 11: op & 0x10 ? packet_op(b) : ram_op(b); break;
    case 12: /* a descriptor's words */
        words((op & 16 ? TX : RX) + 16 * take(b, 1), value(b), take(b, 4), value(b), take(b, 4));
        break;
    case 13: clock_op(b); break;
    case 14:
        if (op & 0x80 && drv.d)
            config_op(drv.d, b);
        else if (op & 0x40)
            drv.card->up(b);
        else
            space_io(vm->io, 0x300 + (op >> 4 & 3), 0, 1, false);
        break;
    case 15: settle(); break;
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    g_autoptr(GString) words = g_string_new(NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(cards); i++)
        g_string_append_printf(words, "%s-netdev fuzz,id=n%u -device %s,netdev=n%u,id=nic%u",
                               i ? " " : "", i, cards[i].model, i, i);
    machine_new(words->str);
    machine_reset();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    Bytes b = { data, n };
    unsigned head = take(&b, 1), which = (head & 15) % G_N_ELEMENTS(cards);
    g_autofree char *id = g_strdup_printf("nic%u", which), *net = g_strdup_printf("n%u", which);
    Device *dev = device_by_id(vm, id);
    machine_calm();
    memset(&drv, 0, sizeof(drv));
    drv.n = 8;
    drv.card = &cards[which];
    drv.d = strcmp(drv.card->model, "ne2k_isa") ? (PciDevice *)dev : NULL;
    drv.end = netdev_find(vm, net);
    device_anew(dev);
    place_bars();
    if (!(head & 0x80))
        drv.card->up(&b);
    for (int i = 0; i < MOST_OPS && b.n; i++)
        operation(&b);
    machine_rest();
    return 0;
}

FUZZ_MAIN("nics", 2000, 400)
