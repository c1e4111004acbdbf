/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC's pair of 8259A interrupt controllers with the edge/level registers of the PIIX3.
 * Intel 8259A data sheet (231468), 82371SB data sheet section 2.5.11 (ELCR, ports 4D0h, 4D1h).
 *
 *   pins 0-7 -> master (20h) -> INT      cascade: the slave's INT is the master's line 2
 *   pins 8-15 -> slave (A0h) --'
 *
 * Not modelled: MCS-80 mode, buffered mode. Threads: machine lock; the INT level is published
 * by its wire. IRQCHIP_KERNEL: the kernel has the chips, these registers are never reached.
 */
#include "hw/intc/intc.h"
#include "core/irqchip.h"
#include "core/memory.h"

typedef struct I8259 {
    Device dev;
    /* config */ uint32_t iobase[2], elcr_mask[2];
    /* state */ PicState st[2];
    /* host */ Region io[2], elcr[2];
    struct PicPort {
        struct I8259 *pair;
        unsigned n;
    } port[2];
    IrqLine in[16];
    const IrqLine *out[1];
} I8259;

static const Prop I8259_rows[] = {
    PROP_INT(I8259, iobase[0], "iobase", 0x20, "first port of the master"),
    PROP_INT(I8259, iobase[1], "slave-iobase", 0xa0, "first port of the slave"),
    PROP_INT(I8259, elcr_mask[0], "elcr_mask", 0xf8, "lines 0-7 that may be level-triggered"),
    PROP_INT(I8259, elcr_mask[1], "slave-elcr_mask", 0xde,
             "lines 8-15 that may be level-triggered"),
    PROP_END(I8259)
};

static const Field PicState_rows[] = { FIELD(PicState, lines),
                                       FIELD(PicState, edges),
                                       FIELD(PicState, irr),
                                       FIELD(PicState, imr),
                                       FIELD(PicState, isr),
                                       FIELD(PicState, elcr),
                                       FIELD(PicState, base),
                                       FIELD(PicState, lowest, .max = 7),
                                       FIELD(PicState, icw_step, .max = 3),
                                       FIELD(PicState, read_isr),
                                       FIELD(PicState, poll),
                                       FIELD(PicState, special_mask),
                                       FIELD(PicState, auto_eoi),
                                       FIELD(PicState, rotate_on_auto_eoi),
                                       FIELD(PicState, fully_nested),
                                       FIELD(PicState, icw4),
                                       FIELD_END };

/* Rank of the most urgent line of a mask: 0 is the highest, 8 none. */
static unsigned pic_rank(const PicState *p, uint8_t mask)
{
    unsigned rank = 0;
    while (rank < 8 && !(mask & 1 << ((rank + p->lowest) & 7)))
        rank++;
    return rank;
}

/* The line that wants service now, -1 none. master: special fully nested mode lets the slave
 * interrupt its own service. */
static int pic_request(const PicState *p, bool master)
{
    unsigned want = pic_rank(p, p->irr & ~p->imr);
    uint8_t busy = p->isr;
    if (p->special_mask)
        busy &= ~p->imr;
    if (p->fully_nested && master)
        busy &= ~(1 << 2);
    return want < 8 && want < pic_rank(p, busy) ? (int)((want + p->lowest) & 7) : -1;
}

static void pic_line(PicState *p, unsigned n, bool level)
{
    uint8_t bit = 1 << n;
    bool rose = level && !(p->edges & bit);
    p->lines = level ? p->lines | bit : p->lines & ~bit;
    p->edges = level ? p->edges | bit : p->edges & ~bit;
    if (level && (rose || (p->elcr & bit)))
        p->irr |= bit;
    /* a request that goes away before it is acknowledged becomes a spurious one (line 7); an
     * edge-triggered one stays latched, as the PIIX3 does */
    if (!level && (p->elcr & bit))
        p->irr &= ~bit;
}

static void pic_update(I8259 *d)
{
    pic_line(&d->st[0], 2, pic_request(&d->st[1], false) >= 0);
    if (pic_request(&d->st[1], false) < 0)
        d->st[0].irr &= ~4;
    irq_set(d->out[0], pic_request(&d->st[0], true) >= 0);
}

static void pic_set(void *o, int n, int level)
{
    I8259 *d = o;
    if (n == 2)
        return;
    pic_line(&d->st[n >> 3], n & 7, level);
    pic_update(d);
}

static void pic_take(PicState *p, unsigned n)
{
    if (!p->auto_eoi)
        p->isr |= 1 << n;
    else if (p->rotate_on_auto_eoi)
        p->lowest = (n + 1) & 7;
    if (!(p->elcr & 1 << n))
        p->irr &= ~(1 << n);
}

int pic_inta(Device *dev)
{
    I8259 *d = (I8259 *)dev;
    PicState *master = &d->st[0], *slave = &d->st[1];
    int n = pic_request(master, true), vector;
    if (n < 0) {
        vector = master->base + 7;
    } else if (n == 2) {
        int m = pic_request(slave, false);
        if (m >= 0)
            pic_take(slave, m);
        pic_take(master, 2);
        /* the acknowledge ends the slave's INT; what still waits there raises it anew */
        pic_line(master, 2, false);
        vector = slave->base + (m < 0 ? 7 : m);
    } else {
        pic_take(master, n);
        vector = master->base + n;
    }
    pic_update(d);
    return vector;
}

/* ICW1 clears everything but the vector base, the wires and ELCR. */
static void pic_icw1(PicState *p, uint8_t val)
{
    *p = (PicState){ .lines = p->lines, .elcr = p->elcr, .base = p->base, .icw_step = 1 };
    p->irr = p->lines & p->elcr;
    p->edges = p->lines & p->elcr;
    p->icw4 = val & 1;
}

static void pic_ocw2(PicState *p, uint8_t val)
{
    unsigned line = val & 7, rank;
    switch (val >> 5) {
    case 0:
    case 4: p->rotate_on_auto_eoi = val >> 7; break;
    case 1:
    case 5:
        rank = pic_rank(p, p->isr & (p->special_mask ? (uint8_t)~p->imr : 0xff));
        if (rank < 8) {
            line = (rank + p->lowest) & 7;
            p->isr &= ~(1 << line);
            if (val & 0x80)
                p->lowest = (line + 1) & 7;
        }
        break;
    case 3: p->isr &= ~(1 << line); break;
    case 6: p->lowest = (line + 1) & 7; break;
    case 7:
        p->isr &= ~(1 << line);
        p->lowest = (line + 1) & 7;
        break;
    }
}

static void pic_ocw3(PicState *p, uint8_t val)
{
    p->poll = val & 4;
    if (val & 2)
        p->read_isr = val & 1;
    if (val & 0x40)
        p->special_mask = val >> 5 & 1;
}

static void pic_data_write(PicState *p, uint8_t val)
{
    switch (p->icw_step) {
    case 0: p->imr = val; break;
    case 1:
        p->base = val & 0xf8;
        p->icw_step = 2; /* cascade mode always: ICW3 follows */
        break;
    case 2: p->icw_step = p->icw4 ? 3 : 0; break;
    case 3:
        p->fully_nested = val & 0x10;
        p->auto_eoi = val & 2;
        p->icw_step = 0;
        break;
    }
}

static void pic_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    struct PicPort *port = o;
    PicState *p = &port->pair->st[port->n];
    if (off)
        pic_data_write(p, val);
    else if (val & 0x10)
        pic_icw1(p, val);
    else if (val & 8)
        pic_ocw3(p, val);
    else
        pic_ocw2(p, val);
    pic_update(port->pair);
}

/* A read in poll mode acknowledges, as INTA would. */
static uint8_t pic_poll(struct PicPort *port)
{
    PicState *p = &port->pair->st[port->n];
    int n = pic_request(p, port->n == 0);
    p->poll = false;
    if (n < 0)
        return 0;
    pic_take(p, n);
    pic_update(port->pair);
    return 0x80 | n;
}

static uint64_t pic_read(void *o, uint64_t off, unsigned size)
{
    struct PicPort *port = o;
    PicState *p = &port->pair->st[port->n];
    if (p->poll)
        return pic_poll(port);
    if (off)
        return p->imr;
    return p->read_isr ? p->isr : p->irr;
}

static uint64_t elcr_read(void *o, uint64_t off, unsigned size)
{
    struct PicPort *port = o;
    return port->pair->st[port->n].elcr;
}

/* A line that is up when it becomes level-triggered asks at once. */
static void elcr_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    struct PicPort *port = o;
    PicState *p = &port->pair->st[port->n];
    p->elcr = val & port->pair->elcr_mask[port->n];
    p->irr |= p->lines & p->elcr;
    pic_update(port->pair);
}

static const IoOps pic_io = { pic_read, pic_write, .min = 1, .max = 1 };
static const IoOps elcr_io = { elcr_read, elcr_write, .min = 1, .max = 1 };

static bool pic_realize(Device *dev, GError **err)
{
    I8259 *d = (I8259 *)dev;
    for (unsigned i = 0; i < 2; i++) {
        d->port[i] = (struct PicPort){ d, i };
        region_init_io(&d->io[i], dev, "pic", 2, &pic_io, &d->port[i]);
        space_map(dev->vm->io,
                  &(MapRow){ .base = d->iobase[i], .size = 2, .region = &d->io[i], .on = true });
        region_init_io(&d->elcr[i], dev, "elcr", 1, &elcr_io, &d->port[i]);
        space_map(dev->vm->io,
                  &(MapRow){ .base = 0x4d0 + i, .size = 1, .region = &d->elcr[i], .on = true });
    }
    for (unsigned i = 0; i < 16; i++)
        d->in[i] = (IrqLine){ pic_set, d, i };
    return true;
}

static void pic_sync(Device *dev)
{
    I8259 *d = (I8259 *)dev;
    irqchip_put(dev->vm, CHIP_PIC0, NULL, &d->st[0]);
    irqchip_put(dev->vm, CHIP_PIC1, NULL, &d->st[1]);
}

static void pic_info(Device *dev, GString *s)
{
    I8259 *d = (I8259 *)dev;
    irqchip_get(dev->vm, CHIP_PIC0, NULL, &d->st[0]);
    irqchip_get(dev->vm, CHIP_PIC1, NULL, &d->st[1]);
    for (int i = 1; i >= 0; i--) {
        const PicState *p = &d->st[i];
        g_string_append_printf(
            s,
            "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x rr_sel=%d elcr=%02x fnm=%d\n",
            i, p->irr, p->imr, p->isr, p->lowest, p->base, p->read_isr, p->elcr, p->fully_nested);
    }
}

static const DeviceType isa_i8259 = {
    .name = "isa-i8259",
    .desc = "pair of 8259A interrupt controllers",
    .size = sizeof(I8259),
    .props = I8259_rows,
    .state =
        STATE_PARTS(STATE(I8259, st[0], PicState_rows, 1), STATE(I8259, st[1], PicState_rows, 1)),
    .pins = PINS(PIN_IN(I8259, in, ""), PIN_OUT(I8259, out, "int")),
    .realize = pic_realize,
    .sync = pic_sync,
    .info = pic_info,
};
REGISTER(device, isa_i8259);
