/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A floppy drive: what medium it has, where its heads are, whether the medium was changed. The
 * geometry follows from the image's size among the formats that drives of its type know (those of
 * the PC and their cousins with more sectors or tracks). Threads: machine lock.
 */
#include "hw/floppy/fdc.h"

#include "core/prop.h"

const char *const floppy_type_names[] = {
    [DRIVE_144] = "144",   [DRIVE_288] = "288",   [DRIVE_120] = "120",
    [DRIVE_NONE] = "none", [DRIVE_AUTO] = "auto", NULL
};

typedef struct Format {
    uint8_t type, sectors, tracks, heads, rate;
} Format;

/* The first of a type is what an odd image gets. */
static const Format formats[] = {
    /* 3.5 inch, high density */
    { DRIVE_144, 18, 80, 2, RATE_500K },
    { DRIVE_144, 20, 80, 2, RATE_500K },
    { DRIVE_144, 21, 80, 2, RATE_500K },
    { DRIVE_144, 21, 82, 2, RATE_500K },
    { DRIVE_144, 21, 83, 2, RATE_500K },
    { DRIVE_144, 22, 80, 2, RATE_500K },
    { DRIVE_144, 23, 80, 2, RATE_500K },
    { DRIVE_144, 24, 80, 2, RATE_500K },
    /* extra density */
    { DRIVE_288, 36, 80, 2, RATE_1M },
    { DRIVE_288, 39, 80, 2, RATE_1M },
    { DRIVE_288, 40, 80, 2, RATE_1M },
    { DRIVE_288, 44, 80, 2, RATE_1M },
    { DRIVE_288, 48, 80, 2, RATE_1M },
    /* double density */
    { DRIVE_144, 9, 80, 2, RATE_250K },
    { DRIVE_144, 10, 80, 2, RATE_250K },
    { DRIVE_144, 10, 82, 2, RATE_250K },
    { DRIVE_144, 10, 83, 2, RATE_250K },
    { DRIVE_144, 13, 80, 2, RATE_250K },
    { DRIVE_144, 14, 80, 2, RATE_250K },
    /* 5.25 inch */
    { DRIVE_120, 15, 80, 2, RATE_500K },
    { DRIVE_120, 18, 80, 2, RATE_500K },
    { DRIVE_120, 18, 82, 2, RATE_500K },
    { DRIVE_120, 18, 83, 2, RATE_500K },
    { DRIVE_120, 20, 80, 2, RATE_500K },
    { DRIVE_120, 9, 40, 2, RATE_300K },
    { DRIVE_120, 9, 40, 1, RATE_300K },
    { DRIVE_120, 10, 41, 2, RATE_300K },
    { DRIVE_120, 10, 42, 2, RATE_300K },
    { DRIVE_120, 8, 40, 2, RATE_250K },
    { DRIVE_120, 8, 40, 1, RATE_250K },
    { DRIVE_144, 9, 80, 1, RATE_250K },
};

bool floppy_loaded(const Floppy *f)
{
    return f->blk && blk_inserted(f->blk);
}

static bool type_fits(const Floppy *f, const Format *a)
{
    /* a drive for extra density takes the others' media */
    return f->type == DRIVE_AUTO || f->type == a->type ||
           (f->type == DRIVE_288 && a->type == DRIVE_144);
}

static const Format *format_of(const Floppy *f)
{
    int64_t n = f->blk ? blk_length(f->blk) : -1;
    const Format *odd = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        const Format *a = &formats[i];

        if (!type_fits(f, a))
            continue;
        if (n == (int64_t)a->sectors * a->tracks * a->heads * FDC_SECTOR)
            return a;
        if (!odd && (f->type == DRIVE_AUTO || a->type == f->type))
            odd = a;
    }
    return odd;
}

void floppy_look(Floppy *f)
{
    const Format *a = floppy_loaded(f) ? format_of(f) : NULL;

    f->present = a;
    if (!a)
        return;
    f->tracks = a->tracks;
    f->heads = a->heads;
    f->sectors = a->sectors;
    f->rate = a->rate;
    if (f->type == DRIVE_AUTO)
        f->type = a->type; /* the drive is what its first medium needs */
}

/* Heads move, and the drive notices that there is a medium. */
bool floppy_step(Floppy *f, uint8_t track)
{
    bool there = !f->present || track < f->tracks;

    if (track != f->st.track && f->present)
        f->medium.changed = false;
    if (there)
        f->st.track = track;
    return there;
}

uint8_t fdc_cmos_type(Vm *vm, unsigned unit)
{
    Device *dev;

    for (unsigned i = 0; (dev = device_find(vm, "floppy", i)); i++) {
        const Floppy *f = (const Floppy *)dev;

        if (f->unit != unit)
            continue;
        switch (f->type) {
        case DRIVE_120: return 2;
        case DRIVE_144: return 4;
        case DRIVE_288: return 5;
        }
    }
    return 0;
}

/* ---- the block layer ---- */

static void floppy_media(void *o, bool loaded)
{
    Floppy *f = o;

    f->medium.changed = true;
    if (loaded)
        floppy_look(f);
    else
        f->present = false;
}

static void floppy_again(void *o)
{
    fdc_move_again(((Floppy *)o)->fdc);
}

static const BlockFrontOps floppy_ops = { .media = floppy_media, .again = floppy_again };

/* ---- the device ---- */

typedef struct FloppyBus {
    Bus bus;
} FloppyBus;

/* clang-format off */
static const Prop Floppy_rows[] = {
    PROP_LINK (Floppy, blk, "drive", "the drive's backend"),
    PROP_INT  (Floppy, unit, "unit", UINT32_MAX, "0: A, 1: B; default: the first free one"),
    PROP_ENUM (Floppy, type, "drive-type", DRIVE_AUTO, floppy_type_names, "auto: what the medium needs"),
    PROP_INT  (Floppy, bootindex, "bootindex", -1, "isa-fdc's bootindexA, bootindexB", PROP_HIDDEN),
    PROP_END  (Floppy)
};
static const Field FloppyState_rows[] = {
    FIELD(FloppyState, track), FIELD(FloppyState, head, .max = 1), FIELD(FloppyState, sector),
    FIELD(FloppyState, perpendicular), FIELD_PAD(FloppyState, pad), FIELD_END
};
static const Field FloppyMedium_rows[] = {
    FIELD(FloppyMedium, changed), FIELD_PAD(FloppyMedium, pad), FIELD_END
};
/* clang-format on */

static bool floppy_realize(Device *dev, GError **err)
{
    Floppy *f = (Floppy *)dev;

    if (f->blk && !blk_claim(f->blk, dev, &floppy_ops, f, false, err))
        return false;
    f->medium.changed = true;
    floppy_look(f);
    return true;
}

static void floppy_reset(Device *dev)
{
    Floppy *f = (Floppy *)dev;

    f->st.sector = 1;
    floppy_look(f);
}

static const DeviceType floppy = {
    .name = "floppy",
    .desc = "virtual floppy drive",
    .size = sizeof(Floppy),
    .flags = TYPE_USER | DEFAULT_FLOPPY,
    .bus = &floppy_bus_type,
    .props = Floppy_rows,
    .state = STATE_PARTS(STATE(Floppy, st, FloppyState_rows, 1),
                         STATE_KEEP(Floppy, medium, FloppyMedium_rows, 1)),
    .realize = floppy_realize,
    .reset = floppy_reset,
};
REGISTER(device, floppy);
