/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * isa-debugcon: a port that sends each byte written to a chardev, and reads as a constant by which
 * firmware finds it (SeaBIOS: port 402h). No state. Threads: machine lock.
 */
#include "chardev/chardev.h"
#include "hw/isa/isa.h"

typedef struct DebugCon {
    Device dev;
    /* config */ uint32_t iobase, readback;
    CharFront *chr;
    /* host */ Region io;
} DebugCon;

static const Prop DebugCon_rows[] = {
    PROP_INT(DebugCon, iobase, "iobase", 0xe9, "the port"),
    PROP_LINK(DebugCon, chr, "chardev", "where the bytes go"),
    PROP_INT(DebugCon, readback, "readback", 0xe9, "what the port reads as"), PROP_END(DebugCon)
};

static uint64_t debugcon_read(void *o, uint64_t off, unsigned size)
{
    return ((DebugCon *)o)->readback;
}

/* What a slow back end does not take is lost: the guest has no way to wait. */
static void debugcon_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    DebugCon *d = o;
    uint8_t byte = val;
    if (d->chr)
        char_write(d->chr, &byte, 1);
}

static const IoOps debugcon_io = { debugcon_read, debugcon_write, .min = 1, .max = 1 };
static const CharFrontOps debugcon_front = { .receive = NULL };

static bool debugcon_realize(Device *dev, GError **err)
{
    DebugCon *d = (DebugCon *)dev;
    if (!d->chr)
        return user_fail(err, "Can't create debugcon device, empty char device");
    if (d->iobase > 0xffff)
        return user_fail(err, "iobase=%#x: a port is at most 0xffff", d->iobase);
    isa_io(dev, &d->io, d->iobase, 1, &debugcon_io, d);
    return char_attach(d->chr, &debugcon_front, d, err);
}

static void debugcon_unrealize(Device *dev)
{
    char_detach(((DebugCon *)dev)->chr);
}

static const DeviceType isa_debugcon = {
    .name = "isa-debugcon",
    .desc = "debug console port",
    .size = sizeof(DebugCon),
    .flags = TYPE_USER,
    .bus = &isa_bus,
    .props = DebugCon_rows,
    .realize = debugcon_realize,
    .unrealize = debugcon_unrealize,
};
REGISTER(device, isa_debugcon);
