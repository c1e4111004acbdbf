/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * isa-parallel: LPT1 to LPT3 with a printer that is a chardev. IBM PC/AT Technical Reference,
 * "Parallel printer adapter"; IEEE 1284 compatibility mode. A byte is taken when STROBE rises;
 * while the back end does not take it the printer is busy. Not modelled: ECP and EPP (their ports
 * read all-ones), reading from the printer. Threads: machine lock.
 *
 *   base + 0 data   + 1 status: /BUSY ACK PE SLCT /ERROR 1 1 1   + 2 control: 1 1 DIR IRQ SEL INIT
 * AF STB
 */
#include "chardev/chardev.h"
#include "hw/isa/isa.h"

enum { LPT_COUNT = 3, NOT_SAID = 0xffffffff, PORTS = 8 };
enum { STS_NOT_BUSY = 0x80, STS_IDLE = 0x5f }; /* ACK is idle high; selected, no error */
enum { CTL_STROBE = 1, CTL_INIT = 4, CTL_SELECT = 8, CTL_IRQ = 16, CTL_DIR = 32, CTL_ONES = 0xc0 };
static const uint16_t lpt_port[LPT_COUNT] = { 0x378, 0x278, 0x3bc };

STATE_BEGIN
typedef struct ParallelState {
    uint8_t data, control, byte; /* byte: strobed, not taken by the back end yet */
    bool busy;
} ParallelState;
STATE_END

typedef struct Parallel {
    Device dev;
    /* config */ uint32_t index, iobase, irq;
    CharFront *chr;
    /* state */ ParallelState st;
    /* host */ Region io;
    const IrqLine *line;
} Parallel;

/* The printer takes the byte: ACK pulses low, and its end is the interrupt's edge. */
static void parallel_send(Parallel *p)
{
    if (!p->st.busy || !char_write(p->chr, &p->st.byte, 1))
        return;
    p->st.busy = false;
    if (p->st.control & CTL_IRQ) {
        irq_set(p->line, 1);
        irq_set(p->line, 0);
    }
}

static void parallel_writable(void *o)
{
    parallel_send(o);
}

static void control_write(Parallel *p, uint8_t val)
{
    ParallelState *st = &p->st;
    bool rises = val & CTL_STROBE && !(st->control & CTL_STROBE);

    st->control = val & 0x3f;
    if (!(val & CTL_INIT))
        st->busy = false; /* the printer forgets */
    else if (rises && val & CTL_SELECT && !(val & CTL_DIR) && !st->busy) {
        st->byte = st->data;
        st->busy = true;
        parallel_send(p);
    }
}

static uint64_t parallel_read(void *o, uint64_t reg, unsigned size)
{
    const ParallelState *st = &((Parallel *)o)->st;

    switch (reg) {
    case 0: return st->control & CTL_DIR ? 0xff : st->data;
    case 1: return STS_IDLE | (st->busy ? 0 : STS_NOT_BUSY);
    case 2: return st->control | CTL_ONES;
    }
    return 0xff;
}

static void parallel_write(void *o, uint64_t reg, uint64_t val, unsigned size)
{
    Parallel *p = o;

    if (reg == 0)
        p->st.data = (uint8_t)val;
    else if (reg == 2)
        control_write(p, (uint8_t)val);
}

static const IoOps parallel_io = { parallel_read, parallel_write, .min = 1, .max = 1 };
static const CharFrontOps parallel_front = { .writable = parallel_writable };

/* ---- life ---- */

/* Without index= the ports count up in the order they are made. */
static unsigned parallel_next(const Device *dev)
{
    bool taken[LPT_COUNT] = { false };
    const Parallel *p;
    unsigned n = 0;

    for (unsigned i = 0; (p = (Parallel *)device_find(dev->vm, "isa-parallel", i)); i++)
        if (p->index < LPT_COUNT)
            taken[p->index] = true;
    while (n < LPT_COUNT && taken[n])
        n++;
    return n;
}

static bool parallel_realize(Device *dev, GError **err)
{
    Parallel *p = (Parallel *)dev;

    if (!p->chr)
        return user_fail(err, "Can't create parallel device, empty char device");
    if (p->index == NOT_SAID)
        p->index = parallel_next(dev);
    if (p->index >= LPT_COUNT)
        return user_fail(err, "Max. supported number of parallel ports is 3.");
    if (p->iobase == NOT_SAID)
        p->iobase = lpt_port[p->index];
    if (p->irq >= ISA_IRQS || p->iobase > 0xfff8)
        return user_fail(err, "isa-parallel: irq= is 0 to 15, iobase= up to 0xfff8");
    /* the third one's neighbour is the display controller */
    isa_io(dev, &p->io, p->iobase, p->iobase & 7 ? 3 : PORTS, &parallel_io, p);
    p->line = isa_irq(dev, p->irq);
    return char_attach(p->chr, &parallel_front, p, err);
}

static void parallel_unrealize(Device *dev)
{
    char_detach(((Parallel *)dev)->chr);
}

static void parallel_reset(Device *dev)
{
    ((Parallel *)dev)->st.control = CTL_INIT | CTL_SELECT;
}

/* clang-format off */
static const Prop Parallel_rows[] = {
    PROP_INT (Parallel, index,  "index",  NOT_SAID, "0 to 2: LPT1 to LPT3"),
    PROP_INT (Parallel, iobase, "iobase", NOT_SAID, "first port"),
    PROP_INT (Parallel, irq,    "irq",    7,        "ISA interrupt"),
    PROP_LINK(Parallel, chr,    "chardev",          "the printer"),
    PROP_END (Parallel)
};
static const Field ParallelState_rows[] = {
    FIELD(ParallelState, data), FIELD(ParallelState, control, .max = 0x3f), FIELD(ParallelState, byte),
    FIELD(ParallelState, busy), FIELD_END
};
/* clang-format on */

static const DeviceType isa_parallel = {
    .name = "isa-parallel",
    .desc = "parallel port with a printer",
    .size = sizeof(Parallel),
    .flags = TYPE_USER | DEFAULT_PARALLEL,
    .bus = &isa_bus,
    .bus_info = &(const IsaInfo){ .acpi_hid = "PNP0400", .fw_name = "parallel" },
    .props = Parallel_rows,
    .state = STATE_PARTS(STATE(Parallel, st, ParallelState_rows, 1)),
    .realize = parallel_realize,
    .reset = parallel_reset,
    .unrealize = parallel_unrealize,
};
REGISTER(device, isa_parallel);
