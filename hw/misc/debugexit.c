/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isa-debug-exit: a write ends the program with status (value << 1) | 1. Threads: machine lock. */
#include "core/runstate.h"
#include "hw/isa/isa.h"

typedef struct DebugExit {
    Device dev;
    /* config */ uint32_t iobase, iosize;
    /* host */ Region io;
} DebugExit;

static const Prop DebugExit_rows[] = {
    PROP_INT(DebugExit, iobase, "iobase", 0x501, "first port"),
    PROP_RANGE(DebugExit, iosize, "iosize", 2, 1, 8, "number of ports"), PROP_END(DebugExit)
};

static uint64_t debugexit_read(void *o, uint64_t off, unsigned size)
{
    return 0;
}

static void debugexit_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    vm_quit(((DebugExit *)o)->dev.vm, (val << 1 | 1) & 0xff);
}

static const IoOps debugexit_io = { debugexit_read, debugexit_write, .min = 1,
                                    .max = 4,       .impl_min = 1,   .impl_max = 4 };

static bool debugexit_realize(Device *dev, GError **err)
{
    DebugExit *d = (DebugExit *)dev;
    if (d->iobase > 0xffff)
        return user_fail(err, "iobase=%#x: a port is at most 0xffff", d->iobase);
    isa_io(dev, &d->io, d->iobase, d->iosize, &debugexit_io, d);
    return true;
}

static const DeviceType isa_debug_exit = {
    .name = "isa-debug-exit",
    .desc = "port that ends the program",
    .size = sizeof(DebugExit),
    .flags = TYPE_USER,
    .bus = &isa_bus,
    .props = DebugExit_rows,
    .realize = debugexit_realize,
};
REGISTER(device, isa_debug_exit);
