/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 82077AA's registers and commands (Intel 290166, chapters 2, 4 and 5). Transfers are in
 * fdc-data.c. Seeks, recalibration and the motors take no time. Not here: the tape drive, power
 * down (a flag only), GET/SET of the 82078 beyond SAVE and RESTORE. Threads: machine lock.
 *
 *   0 SRA  1 SRB  2 DOR  3 TDR  4 MSR / DSR  5 FIFO  7 DIR / CCR
 */
#include "hw/floppy/fdc.h"

#include <stdlib.h>
#include <string.h>

enum { DOR_DRIVE = 0x03, DOR_NRESET = 0x04, DOR_DMA = 0x08 };
enum { MSR_RQM = 0x80, MSR_DIO = 0x40, MSR_NDMA = 0x20, MSR_BUSY = 0x10 };
enum { DSR_RESET = 0x80, DSR_POWER = 0x40, DIR_CHANGED = 0x80, SRA_PENDING = 0x80 };
enum { ST0_SEEK_END = 0x20, ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_POLL = 0xc0 };

/* ---- the interrupt ---- */

void fdc_set_irq(Fdc *f, bool level)
{
    f->st.irq = level;
    irq_set(f->irq, level && f->st.dor & DOR_DMA);
}

/* ---- resets ---- */

static void end_command(Fdc *f)
{
    f->st.phase = FDC_COMMAND;
    f->st.n_fifo = f->st.at_fifo = f->st.want = 0;
    f->st.move = MOVE_NONE;
    f->st.pio = f->st.sector_ready = f->st.parked = f->st.terminal = false;
}

static void software_reset(Fdc *f)
{
    timer_cancel(&f->timer);
    f->stale = f->in_flight;
    f->st.busy_disk = false;
    if (f->dma)
        isa_dma_drop(f->dma);
    end_command(f);
    f->st.seek_done = false;
    f->st.st0 = f->st.st1 = f->st.st2 = 0;
    if (!f->st.lock) {
        f->st.configure = 0x20; /* FIFO off, no implied seek */
        f->st.precomp = 0;
    }
    f->st.reset_sense = 0;
}

/* The end of a reset interrupts, and four SENSE INTERRUPTs tell of the drives' readiness. */
static void reset_ended(Fdc *f)
{
    f->st.reset_sense = FDC_DRIVES;
    fdc_set_irq(f, true);
}

void fdc_reset(Fdc *f, bool hard)
{
    if (hard)
        f->st.lock = 0;
    software_reset(f);
    f->st.dor = DOR_NRESET | DOR_DMA;
    f->st.ccr = f->st.dsr = RATE_250K;
}

/* ---- results ---- */

void fdc_result(Fdc *f, const uint8_t *p, unsigned n, bool irq)
{
    end_command(f);
    memcpy(f->st.fifo, p, n);
    f->st.n_fifo = n;
    f->st.phase = FDC_RESULT;
    if (irq)
        fdc_set_irq(f, true);
}

static void invalid(Fdc *f)
{
    fdc_result(f, (const uint8_t[]){ ST0_INVALID }, 1, false);
}

/* ---- commands without data ---- */

static void seek_to(Fdc *f, unsigned unit, int track)
{
    Floppy *d = f->drive[unit];
    bool there = d && floppy_step(d, CLAMP(track, 0, 255));

    if (d)
        d->st.head = f->st.fifo[1] >> 2 & 1;
    f->st.st0 = ST0_SEEK_END | (there || !track ? 0 : ST0_ABNORMAL) | (f->st.fifo[1] & 7);
    if (!d) /* no track 0 signal comes */
        f->st.st0 |= ST0_ABNORMAL | 0x10;
    f->st.drive = unit;
    f->st.seek_done = true;
    end_command(f);
    fdc_set_irq(f, true);
}

static void recalibrate(Fdc *f)
{
    seek_to(f, f->st.fifo[1] & 3, 0);
}

static void seek(Fdc *f)
{
    seek_to(f, f->st.fifo[1] & 3, f->st.fifo[2]);
}

static void relative_seek(Fdc *f)
{
    unsigned unit = f->st.fifo[1] & 3;
    int now = f->drive[unit] ? f->drive[unit]->st.track : 0, n = f->st.fifo[2];

    seek_to(f, unit, f->st.fifo[0] & 0x40 ? now + n : now - n);
}

static void sense_interrupt(Fdc *f)
{
    uint8_t r[2];

    if (f->st.reset_sense) {
        unsigned unit = FDC_DRIVES - f->st.reset_sense--;
        r[0] = ST0_POLL | unit;
        r[1] = f->drive[unit] ? f->drive[unit]->st.track : 0;
    } else if (f->st.seek_done) {
        Floppy *d = f->drive[f->st.drive];
        f->st.seek_done = false;
        r[0] = f->st.st0;
        r[1] = d ? d->st.track : 0;
    } else {
        invalid(f);
        return;
    }
    fdc_set_irq(f, false);
    fdc_result(f, r, 2, false);
}

static void sense_drive(Fdc *f)
{
    const Floppy *d = f->drive[f->st.fifo[1] & 3];
    uint8_t st3 = 0x28 | (f->st.fifo[1] & 7); /* ready, two sides */

    if (d && d->st.track == 0)
        st3 |= 0x10;
    if (d && floppy_loaded(d) && !blk_writable(d->blk))
        st3 |= 0x40;
    fdc_result(f, &st3, 1, false);
}

static void specify(Fdc *f)
{
    memcpy(f->st.specify, f->st.fifo + 1, 2);
    end_command(f);
}

static void configure(Fdc *f)
{
    f->st.configure = f->st.fifo[2];
    f->st.precomp = f->st.fifo[3];
    end_command(f);
}

static void lock(Fdc *f)
{
    f->st.lock = f->st.fifo[0] >> 7;
    uint8_t r = f->st.lock << 4;
    fdc_result(f, &r, 1, false);
}

static void version(Fdc *f)
{
    fdc_result(f, (const uint8_t[]){ 0x90 }, 1, false);
}

static void part_id(Fdc *f)
{
    fdc_result(f, (const uint8_t[]){ 0x41 }, 1, false);
}

static void power_mode(Fdc *f)
{
    fdc_result(f, (const uint8_t[]){ 0 }, 1, false);
}

static void option(Fdc *f)
{
    f->st.option = f->st.fifo[1];
    end_command(f);
}

static void drive_specification(Fdc *f)
{
    if (f->st.fifo[f->st.at_fifo - 1] & 0x80)
        fdc_result(f, (const uint8_t[]){ 0, 0 }, 2, false);
    else
        end_command(f);
}

static void perpendicular(Fdc *f)
{
    uint8_t p = f->st.fifo[1];

    f->st.perpendicular = p & 0x7f;
    for (unsigned i = 0; p & 0x80 && i < FDC_DRIVES; i++)
        if (f->drive[i])
            f->drive[i]->st.perpendicular = p >> (2 + i) & 1;
    end_command(f);
}

static void tracks(const Fdc *f, uint8_t r[FDC_DRIVES])
{
    for (unsigned i = 0; i < FDC_DRIVES; i++)
        r[i] = f->drive[i] ? f->drive[i]->st.track : 0;
}

static void dump(Fdc *f)
{
    uint8_t r[10];

    tracks(f, r);
    memcpy(r + 4, f->st.specify, 2);
    r[6] = f->st.last;
    r[7] = f->st.lock << 7 | f->st.perpendicular;
    r[8] = f->st.configure;
    r[9] = f->st.precomp;
    fdc_result(f, r, 10, false);
}

static void save(Fdc *f)
{
    uint8_t r[15] = { [4] = 0 };

    r[2] = f->st.ccr << 6;
    tracks(f, r + 3);
    memcpy(r + 7, f->st.specify, 2);
    r[9] = f->st.last;
    r[10] = f->st.lock << 7 | f->st.perpendicular;
    r[11] = f->st.configure;
    r[12] = f->st.precomp;
    fdc_result(f, r, 15, false);
}

static void restore(Fdc *f)
{
    const uint8_t *p = f->st.fifo;

    for (unsigned i = 0; i < FDC_DRIVES; i++)
        if (f->drive[i])
            f->drive[i]->st.track = p[3 + i];
    memcpy(f->st.specify, p + 7, 2);
    f->st.last = p[9];
    f->st.lock = p[10] >> 7;
    f->st.perpendicular = p[10] & 15;
    f->st.configure = p[11];
    f->st.precomp = p[12];
    end_command(f);
}

/* ---- dispatch ---- */

typedef struct FdcCommand {
    uint8_t value, mask, want; /* want: bytes, with the first */
    void (*run)(Fdc *);        /* NULL: moves data */
} FdcCommand;

/* clang-format off */
static const FdcCommand commands[] = {
    { 0x06, 0x1f, 9, NULL }, { 0x05, 0x3f, 9, NULL }, { 0x09, 0x3f, 9, NULL }, { 0x0c, 0x1f, 9, NULL },
    { 0x02, 0x9f, 9, NULL }, { 0x16, 0x1f, 9, NULL }, { 0x0d, 0xbf, 6, NULL },
    { 0x11, 0x1f, 9, NULL }, { 0x19, 0x1f, 9, NULL }, { 0x1d, 0x1f, 9, NULL },
    { 0x0a, 0xbf, 2, fdc_read_id },
    { 0x07, 0xff, 2, recalibrate },     { 0x08, 0xff, 1, sense_interrupt }, { 0x03, 0xff, 3, specify },
    { 0x04, 0xff, 2, sense_drive },     { 0x0f, 0xff, 3, seek },            { 0x8f, 0xbf, 3, relative_seek },
    { 0x13, 0xff, 4, configure },       { 0x14, 0x7f, 1, lock },            { 0x10, 0xff, 1, version },
    { 0x18, 0xff, 1, part_id },         { 0x17, 0xff, 2, power_mode },      { 0x33, 0xff, 2, option },
    { 0x12, 0xff, 2, perpendicular },   { 0x0e, 0xff, 1, dump },            { 0x2e, 0xff, 1, save },
    { 0x4e, 0xff, 16, restore },        { 0x8e, 0xff, 6, drive_specification },
};
/* clang-format on */

static const FdcCommand *command_of(uint8_t first)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if ((first & commands[i].mask) == commands[i].value)
            return &commands[i];
    return NULL;
}

static bool list_ends(const Fdc *f)
{
    /* DRIVE SPECIFICATION ends with the byte that says so */
    return f->st.fifo[0] == 0x8e && f->st.n_fifo > 1 && f->st.fifo[f->st.n_fifo - 1] & 0x80;
}

static void command_byte(Fdc *f, uint8_t val)
{
    const FdcCommand *c;

    if (f->st.n_fifo == 0) {
        c = command_of(val);
        f->st.want = c ? c->want : 1;
        fdc_set_irq(f, f->st.irq && val == 0x08);
    }
    if (f->st.n_fifo < sizeof(f->st.fifo))
        f->st.fifo[f->st.n_fifo++] = val;
    if (f->st.n_fifo < f->st.want && !list_ends(f))
        return;
    f->st.at_fifo = f->st.n_fifo;
    c = command_of(f->st.fifo[0]);
    if (!c)
        invalid(f);
    else if (c->run)
        c->run(f);
    else
        fdc_move_command(f);
}

static uint8_t result_byte(Fdc *f)
{
    uint8_t val = f->st.fifo[MIN(f->st.at_fifo, sizeof(f->st.fifo) - 1)];

    /* the first byte read takes the interrupt back */
    fdc_set_irq(f, false);
    if (++f->st.at_fifo >= f->st.n_fifo)
        end_command(f);
    return val;
}

/* ---- registers ---- */

static uint8_t msr(const Fdc *f)
{
    if (!(f->st.dor & DOR_NRESET))
        return 0;
    switch (f->st.phase) {
    case FDC_COMMAND: return MSR_RQM | (f->st.n_fifo ? MSR_BUSY : 0);
    case FDC_RESULT: return MSR_RQM | MSR_DIO | MSR_BUSY;
    }
    if (!f->st.pio)
        return MSR_BUSY;
    bool to_guest = f->st.move == MOVE_READ;
    return MSR_BUSY | MSR_NDMA | (f->st.sector_ready ? MSR_RQM | (to_guest ? MSR_DIO : 0) : 0);
}

static uint8_t dir(const Fdc *f)
{
    const Floppy *d = f->drive[f->st.dor & DOR_DRIVE];

    return d && (d->medium.changed || !floppy_loaded(d)) ? DIR_CHANGED : 0;
}

static uint8_t fifo_read(Fdc *f)
{
    if (f->st.phase == FDC_RESULT)
        return result_byte(f);
    return f->st.phase == FDC_EXEC && f->st.pio ? fdc_pio_read(f) : 0;
}

uint8_t fdc_read(Fdc *f, unsigned reg)
{
    switch (reg) {
    case 0: return f->st.irq ? SRA_PENDING : 0;
    case 1: return 0xc0 | (f->st.dor & DOR_DRIVE ? 0x20 : 0);
    case 2: return f->st.dor;
    case 3: return f->st.tdr & 3;
    case 4: return msr(f);
    case 5: return fifo_read(f);
    case 7: return dir(f);
    }
    return 0xff;
}

static void write_dor(Fdc *f, uint8_t val)
{
    uint8_t was = f->st.dor;

    f->st.dor = val;
    if (was & DOR_NRESET && !(val & DOR_NRESET)) {
        software_reset(f);
        fdc_set_irq(f, false);
    } else if (!(was & DOR_NRESET) && val & DOR_NRESET) {
        reset_ended(f);
    } else {
        fdc_set_irq(f, f->st.irq); /* the DMA gate may have moved */
    }
}

static void write_dsr(Fdc *f, uint8_t val)
{
    if (!(f->st.dor & DOR_NRESET))
        return;
    f->st.dsr = val & ~DSR_RESET;
    f->st.ccr = val & 3;
    if (val & DSR_RESET) { /* clears itself */
        software_reset(f);
        reset_ended(f);
    }
}

static void fifo_write(Fdc *f, uint8_t val)
{
    if (!(f->st.dor & DOR_NRESET))
        return;
    if (f->st.phase == FDC_COMMAND)
        command_byte(f, val);
    else if (f->st.phase == FDC_EXEC && f->st.pio)
        fdc_pio_write(f, val);
}

void fdc_write(Fdc *f, unsigned reg, uint8_t val)
{
    switch (reg) {
    case 2: write_dor(f, val); break;
    case 3: f->st.tdr = val & 3; break;
    case 4: write_dsr(f, val); break;
    case 5: fifo_write(f, val); break;
    case 7: f->st.ccr = val & 3; break;
    }
}

/* ---- life ---- */

/* clang-format off */
#define S FdcState
const Field FdcState_rows[] = {
    FIELD(S, deadline), FIELD_ARRAY(S, buf), FIELD_ARRAY(S, data), FIELD_ARRAY(S, fifo), FIELD(S, dor),
    FIELD(S, tdr), FIELD(S, dsr), FIELD(S, ccr, .max = 3), FIELD(S, phase, .max = FDC_RESULT),
    FIELD(S, n_fifo, .max = 16), FIELD(S, at_fifo, .max = 16), FIELD(S, want, .max = 16), FIELD(S, st0),
    FIELD(S, st1), FIELD(S, st2), FIELD(S, move, .max = MOVE_SCAN), FIELD(S, drive, .max = 3),
    FIELD_ARRAY(S, specify), FIELD(S, configure), FIELD(S, precomp), FIELD(S, lock, .max = 1),
    FIELD(S, perpendicular), FIELD(S, option), FIELD(S, reset_sense, .max = FDC_DRIVES), FIELD(S, cyl),
    FIELD(S, head, .max = 1), FIELD(S, sector), FIELD(S, size), FIELD(S, last), FIELD(S, fill),
    FIELD_PAD(S, pad0), FIELD(S, pos, .max = FDC_SECTOR), FIELD(S, left, .max = 256), FIELD(S, irq),
    FIELD(S, pio), FIELD(S, multi), FIELD(S, sector_ready), FIELD(S, terminal), FIELD(S, parked),
    FIELD(S, seek_done), FIELD(S, scan_miss), FIELD(S, scan_low), FIELD(S, scan_high),
    FIELD(S, busy_disk), FIELD_PAD(S, pad), FIELD_END
};
#undef S
/* clang-format on */
