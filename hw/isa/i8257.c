/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One of the PC's two 8237A DMA controllers (Intel 231466; IBM AT technical reference for the page
 * registers); 7.2 calls it i8257. The first moves bytes on channels 0 to 3, the second words on 5
 * to 7; its channel 4 is the cascade. Not here: memory to memory, software requests, priorities
 * (transfers take no time), the compressed and extended timings. Threads: machine lock.
 *
 *   base + 2n << shift: address of channel n, + 1: count - 1 (two bytes each, by a flip-flop)
 *   base + 8.. << shift: command/status, request, mask, mode, flip-flop, clear, mask 0, all masks
 */
#include <string.h>

#include "core/memory.h"
#include "hw/isa/dma.h"
#include "hw/isa/isa.h"

enum { CHANNELS = 4, COMMAND_OFF = 0x04 };
enum { MODE_TYPE = 0x0c, TYPE_VERIFY = 0x00, TYPE_WRITE = 0x04, TYPE_READ = 0x08 };
enum { MODE_AUTO = 0x10, MODE_DOWN = 0x20 };

struct IsaDma {
    struct I8257 *chip;
    unsigned n;
    Device *dev;
    void (*ready)(void *o);
    void *o;
};

typedef struct DmaChannel {
    uint16_t base_addr, base_count, addr, count; /* count: one less than the transfers left */
    uint8_t mode, page, page_high, pad[1];
} DmaChannel;

typedef struct I8257 {
    Device dev;
    /* config */
    uint32_t base, page_base, pageh_base;
    uint32_t shift;
    /* state */
    struct I8257State {
        DmaChannel chan[CHANNELS];
        uint8_t page[8]; /* page registers that are no channel's */
        uint8_t command, status, mask, temp;
        bool second; /* the flip-flop: the high byte is next */
        uint8_t pad[1];
    } st;
    /* host */
    Region io, pages, pages_high;
    IsaDma line[CHANNELS];
} I8257;

/* clang-format off */
static const Prop I8257_rows[] = {
    PROP_INT(I8257, base, "base", 0x00, "first port"),
    PROP_INT(I8257, page_base, "page-base", 0x80, "first page register"),
    PROP_INT(I8257, pageh_base, "pageh-base", UINT32_MAX, "first register of address bits 24 to 31"),
    PROP_RANGE(I8257, shift, "dshift", 0, 0, 1, "1: words"),
    PROP_END(I8257)
};
static const Field DmaChannel_rows[] = {
    FIELD(DmaChannel, base_addr), FIELD(DmaChannel, base_count), FIELD(DmaChannel, addr),
    FIELD(DmaChannel, count), FIELD(DmaChannel, mode), FIELD(DmaChannel, page),
    FIELD(DmaChannel, page_high), FIELD_PAD(DmaChannel, pad), FIELD_END
};
static const Field I8257State_rows[] = {
    FIELD_STRUCTS(struct I8257State, chan, DmaChannel_rows), FIELD_ARRAY(struct I8257State, page),
    FIELD(struct I8257State, command), FIELD(struct I8257State, status, .max = 255),
    FIELD(struct I8257State, mask, .max = 15), FIELD(struct I8257State, temp),
    FIELD(struct I8257State, second), FIELD_PAD(struct I8257State, pad), FIELD_END
};
/* clang-format on */

/* ---- transfers ---- */

static bool serves(const I8257 *d, unsigned n, bool to_memory)
{
    uint8_t type = d->st.chan[n].mode & MODE_TYPE;

    if (d->st.command & COMMAND_OFF || d->st.mask & 1 << n)
        return false;
    return type == TYPE_VERIFY || type == (to_memory ? TYPE_WRITE : TYPE_READ);
}

static uint64_t address_of(const I8257 *d, const DmaChannel *c)
{
    uint64_t page = (uint64_t)c->page_high << 24 | (uint64_t)c->page << 16;

    /* words: the page gives bit 17 up */
    return d->shift ? (page & ~0x1ffffull) | (uint64_t)c->addr << 1 : page | c->addr;
}

/* A run of units that does not pass the end of the page; downwards one at a time. */
static uint32_t run_of(const DmaChannel *c, uint32_t units)
{
    return c->mode & MODE_DOWN ? 1 : MIN(units, 0x10000u - c->addr);
}

static void move_run(I8257 *d, unsigned n, uint8_t *buf, uint32_t units, bool to_memory)
{
    DmaChannel *c = &d->st.chan[n];
    uint64_t addr = address_of(d, c);
    Device *dev = d->line[n].dev;

    if ((c->mode & MODE_TYPE) != TYPE_VERIFY) {
        if (to_memory)
            dma_write(dev, addr, buf, units << d->shift);
        else if (!dma_read(dev, addr, buf, units << d->shift))
            memset(buf, 0xff, units << d->shift);
    }
    c->addr += c->mode & MODE_DOWN ? -units : units;
    c->count -= units; /* FFFFh: terminal count */
}

static void terminal_count(I8257 *d, unsigned n)
{
    DmaChannel *c = &d->st.chan[n];

    d->st.status |= 1 << n;
    if (c->mode & MODE_AUTO) {
        c->addr = c->base_addr;
        c->count = c->base_count;
    } else {
        d->st.mask |= 1 << n;
    }
}

size_t isa_dma_move(IsaDma *line, void *buf, size_t bytes, bool to_memory, bool *tc)
{
    I8257 *d = line->chip;
    DmaChannel *c = &d->st.chan[line->n];
    uint32_t left = c->count + 1u, units = MIN(bytes >> d->shift, left), done = 0;

    *tc = false;
    if (!serves(d, line->n, to_memory)) {
        d->st.status |= 0x10 << line->n;
        return 0;
    }
    d->st.status &= ~(0x10 << line->n);
    while (done < units) {
        uint32_t n = run_of(c, units - done);
        move_run(d, line->n, (uint8_t *)buf + ((size_t)done << d->shift), n, to_memory);
        done += n;
    }
    if (units == left) {
        *tc = true;
        terminal_count(d, line->n);
    }
    return (size_t)units << d->shift;
}

void isa_dma_drop(IsaDma *line)
{
    line->chip->st.status &= ~(0x10 << line->n);
}

/* A request was refused and might be served now. */
static void serve_pending(I8257 *d)
{
    for (unsigned n = 0; n < CHANNELS; n++) {
        IsaDma *l = &d->line[n];

        if (d->st.status & 0x10 << n && l->ready && (serves(d, n, true) || serves(d, n, false))) {
            d->st.status &= ~(0x10 << n);
            l->ready(l->o);
        }
    }
}

/* ---- registers ---- */

static void master_clear(I8257 *d)
{
    d->st.command = d->st.status = d->st.temp = 0;
    d->st.second = false;
    d->st.mask = 15;
}

static void write_word(I8257 *d, uint16_t *base, uint16_t *now, uint8_t val)
{
    *base = d->st.second ? (*base & 0x00ff) | val << 8 : (*base & 0xff00) | val;
    *now = *base;
    d->st.second = !d->st.second;
}

static uint8_t read_word(I8257 *d, uint16_t now)
{
    d->st.second = !d->st.second;
    return d->st.second ? now : now >> 8;
}

static uint64_t i8257_read(void *o, uint64_t off, unsigned size)
{
    I8257 *d = o;
    unsigned reg = off >> d->shift & 15, n = reg >> 1;
    uint8_t val;

    if (reg < 8)
        return read_word(d, reg & 1 ? d->st.chan[n].count : d->st.chan[n].addr);
    switch (reg) {
    case 8:
        val = d->st.status;
        d->st.status &= 0xf0;
        return val;
    case 13: return d->st.temp;
    case 15: return d->st.mask | 0xf0;
    }
    return 0xff;
}

static void i8257_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    I8257 *d = o;
    unsigned reg = off >> d->shift & 15, n = reg >> 1;

    if (reg < 8) {
        DmaChannel *c = &d->st.chan[n];
        if (reg & 1)
            write_word(d, &c->base_count, &c->count, val);
        else
            write_word(d, &c->base_addr, &c->addr, val);
        return;
    }
    switch (reg) {
    case 8: d->st.command = val; break;
    case 9: break; /* a software request: no such transfer */
    case 10:
        d->st.mask = val & 4 ? d->st.mask | 1 << (val & 3) : d->st.mask & ~(1 << (val & 3));
        break;
    case 11: d->st.chan[val & 3].mode = val; break;
    case 12: d->st.second = false; break;
    case 13: master_clear(d); break;
    case 14: d->st.mask = 0; break;
    case 15: d->st.mask = val & 15; break;
    }
    serve_pending(d);
}

static const IoOps i8257_io = { i8257_read, i8257_write, .min = 1, .max = 1 };

/* Which register of the 74LS612 is whose: 7 channel 0, 3: 1, 1: 2, 2: 3; the rest only hold. */
static uint8_t *page_of(I8257 *d, unsigned reg, bool high)
{
    static const int8_t owner[8] = { -1, 2, 3, 1, -1, -1, -1, 0 };
    int n = owner[reg & 7];

    if (n >= 0)
        return high ? &d->st.chan[n].page_high : &d->st.chan[n].page;
    return &d->st.page[reg & 7];
}

/* The ports begin at page-base + 1: base + 0 of the first controller is the POST port. */
static uint64_t page_read(void *o, uint64_t off, unsigned size)
{
    return *page_of(o, off + 1, false);
}

static void page_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    *page_of(o, off + 1, false) = val;
}

static uint64_t page_high_read(void *o, uint64_t off, unsigned size)
{
    return *page_of(o, off, true);
}

static void page_high_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    *page_of(o, off, true) = val;
}

static const IoOps page_io = { page_read, page_write, .min = 1, .max = 1 };
static const IoOps page_high_io = { page_high_read, page_high_write, .min = 1, .max = 1 };

/* ---- life ---- */

static bool i8257_realize(Device *dev, GError **err)
{
    I8257 *d = (I8257 *)dev;

    isa_io(dev, &d->io, d->base, 16 << d->shift, &i8257_io, d);
    isa_io(dev, &d->pages, d->page_base + 1, 7, &page_io, d);
    if (d->pageh_base != UINT32_MAX)
        isa_io(dev, &d->pages_high, d->pageh_base, 8, &page_high_io, d);
    for (unsigned n = 0; n < CHANNELS; n++)
        d->line[n] = (IsaDma){ .chip = d, .n = n };
    return true;
}

static void i8257_reset(Device *dev)
{
    master_clear((I8257 *)dev);
}

static const DeviceType i8257 = {
    .name = "i8257",
    .desc = "ISA DMA controller (8237A)",
    .size = sizeof(I8257),
    .bus = &isa_bus,
    .props = I8257_rows,
    .state = STATE_PARTS(STATE(I8257, st, I8257State_rows, 1)),
    .realize = i8257_realize,
    .reset = i8257_reset,
};
REGISTER(device, i8257);

IsaDma *isa_dma(Device *dev, unsigned chan, void (*ready)(void *), void *o)
{
    Device *chip;

    for (unsigned i = 0; (chip = device_find(dev->vm, "i8257", i)); i++) {
        I8257 *d = (I8257 *)chip;

        if (chip->bus != dev->bus || d->shift != chan / CHANNELS || chan == CHANNELS)
            continue;
        IsaDma *l = &d->line[chan % CHANNELS];
        l->dev = dev;
        l->ready = ready;
        l->o = o;
        isa_take_dma(dev, chan);
        return l;
    }
    return NULL;
}
