/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isa-fdc: the controller on the ISA bus, its bus of drives; -fda, -fdb. Threads: machine lock. */
#include <string.h>

#include "core/machine.h"
#include "hw/floppy/fdc.h"
#include "hw/isa/isa.h"
#include "hw/pc/pc.h"

typedef struct FdcBus {
    Bus bus;
    Fdc *fdc;
} FdcBus;

typedef struct IsaFdc {
    Device dev;
    /* config */
    uint32_t iobase, irq, dma;
    char *drive_id[2];
    int32_t bootindex[2];
    uint8_t type[2], fallback;
    /* state, host */
    Fdc fdc;
    FdcBus drives;
    Region io, io7;
} IsaFdc;

/* clang-format off */
static const Prop IsaFdc_rows[] = {
    PROP_INT (IsaFdc, iobase, "iobase", 0x3f0, "first I/O port"),
    PROP_RANGE(IsaFdc, irq, "irq", 6, 0, 15, "interrupt line"),
    PROP_RANGE(IsaFdc, dma, "dma", 2, 0, 3, "DMA channel"),
    PROP_STR (IsaFdc, drive_id[0], "driveA", NULL, "backend of drive A"),
    PROP_STR (IsaFdc, drive_id[1], "driveB", NULL, "backend of drive B"),
    PROP_INT (IsaFdc, bootindex[0], "bootindexA", -1, "place of A in the boot order"),
    PROP_INT (IsaFdc, bootindex[1], "bootindexB", -1, "place of B in the boot order"),
    PROP_ENUM(IsaFdc, type[0], "fdtypeA", DRIVE_AUTO, floppy_type_names, "kind of drive A"),
    PROP_ENUM(IsaFdc, type[1], "fdtypeB", DRIVE_AUTO, floppy_type_names, "kind of drive B"),
    PROP_ENUM(IsaFdc, fallback, "fallback", DRIVE_288, floppy_type_names, "kind of an empty drive"),
    PROP_END (IsaFdc)
};
/* clang-format on */

/* ---- the bus of drives ---- */

static bool drive_attach(Bus *bus, Device *dev, GError **err)
{
    FdcBus *b = (FdcBus *)bus;
    Floppy *f = (Floppy *)dev;
    const IsaFdc *c = (const IsaFdc *)bus->owner;

    for (unsigned u = 0; f->unit == UINT32_MAX && u < 2; u++)
        if (!b->fdc->drive[u])
            f->unit = u;
    if (f->unit == UINT32_MAX)
        return user_fail(err, "Can't create floppy unit %u, bus supports only 2 units", 2);
    if (f->unit > 1)
        return user_fail(err, "Can't create floppy unit %u, bus supports only 2 units", f->unit);
    if (b->fdc->drive[f->unit])
        return user_fail(err, "Floppy unit %u is in use", f->unit);
    if (f->type == DRIVE_AUTO)
        f->type = c->type[f->unit];
    if (f->bootindex < 0)
        f->bootindex = c->bootindex[f->unit];
    f->fdc = b->fdc;
    b->fdc->drive[f->unit] = f;
    return true;
}

/* The guest learns the kind of an empty drive too. */
static bool drive_plugged(Bus *bus, Device *dev, bool hot, GError **err)
{
    Floppy *f = (Floppy *)dev;

    if (f->type == DRIVE_AUTO)
        f->type = ((IsaFdc *)bus->owner)->fallback;
    return true;
}

static void drive_detach(Bus *bus, Device *dev)
{
    ((FdcBus *)bus)->fdc->drive[((Floppy *)dev)->unit] = NULL;
}

static void drive_addr(const Device *dev, GString *s)
{
    g_string_append_printf(s, "%u", ((const Floppy *)dev)->unit);
}

static void drive_fw_path(const Device *dev, GString *s)
{
    g_string_append_printf(s, "floppy@%u", ((const Floppy *)dev)->unit);
}

const BusType floppy_bus_type = {
    .name = "floppy-bus",
    .prefix = "floppy-bus",
    .attach = drive_attach,
    .detach = drive_detach,
    .plugged = drive_plugged,
    .addr = drive_addr,
    .fw_path = drive_fw_path,
};

/* ---- the controller ---- */

static uint64_t low_read(void *o, uint64_t off, unsigned size)
{
    return fdc_read(&((IsaFdc *)o)->fdc, off);
}

static void low_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    fdc_write(&((IsaFdc *)o)->fdc, off, val);
}

static uint64_t high_read(void *o, uint64_t off, unsigned size)
{
    return fdc_read(&((IsaFdc *)o)->fdc, 7);
}

static void high_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    fdc_write(&((IsaFdc *)o)->fdc, 7, val);
}

/* port 3F6h between them is the IDE controller's */
static const IoOps low_io = { low_read, low_write, .min = 1, .max = 1 };
static const IoOps high_io = { high_read, high_write, .min = 1, .max = 1 };

static bool add_drive(IsaFdc *c, unsigned unit, const char *id, GError **err)
{
    Device *d = device_part(&c->dev, device_type("floppy"), NULL);
    g_autoptr(Json) word = json_kv(id);

    ((Floppy *)d)->unit = unit;
    return device_set(d, "drive", word, err) && device_realize(d, &c->drives.bus, err);
}

static bool isa_fdc_realize(Device *dev, GError **err)
{
    IsaFdc *c = (IsaFdc *)dev;

    isa_io(dev, &c->io, c->iobase, 6, &low_io, c);
    isa_io(dev, &c->io7, c->iobase + 7, 1, &high_io, c);
    fdc_init(&c->fdc, dev);
    c->fdc.irq = isa_irq(dev, c->irq);
    c->fdc.dma = isa_dma(dev, c->dma, fdc_dma_ready, &c->fdc);
    c->drives.fdc = &c->fdc;
    bus_init(&c->drives.bus, dev, &floppy_bus_type, NULL);
    for (unsigned u = 0; u < 2; u++)
        if (c->drive_id[u] && !add_drive(c, u, c->drive_id[u], err))
            return false;
    return true;
}

static void isa_fdc_reset(Device *dev)
{
    fdc_reset(&((IsaFdc *)dev)->fdc, true);
}

static void isa_fdc_unrealize(Device *dev)
{
    g_clear_pointer(&((IsaFdc *)dev)->fdc.bounce, free);
}

static const DeviceType isa_fdc = {
    .name = "isa-fdc",
    .desc = "floppy controller",
    .size = sizeof(IsaFdc),
    .flags = TYPE_USER,
    .bus = &isa_bus,
    .bus_info = &(const IsaInfo){ .acpi_hid = "PNP0700", .fw_name = "fdc" },
    .props = IsaFdc_rows,
    .state = STATE_PARTS(STATE(IsaFdc, fdc.st, FdcState_rows, 1)),
    .realize = isa_fdc_realize,
    .reset = isa_fdc_reset,
    .unrealize = isa_fdc_unrealize,
};
REGISTER(device, isa_fdc);

void floppy_board_drives(Board *b, Device *fdc)
{
    const GPtrArray *drives = b->vm->conf->drives;

    for (guint i = 0; fdc && drives && !b->err && i < drives->len; i++) {
        DriveConf *c = drives->pdata[i];

        if (c->iface != IF_FLOPPY || c->bus || c->unit > 1)
            continue;
        c->used = add_drive((IsaFdc *)fdc, c->unit, c->id, &b->err);
    }
}
