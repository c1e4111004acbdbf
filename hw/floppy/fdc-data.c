/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The execution phase: READ and WRITE DATA (also of deleted marks and whole tracks), VERIFY, SCAN,
 * FORMAT TRACK, READ ID (82077AA data sheet, 5.1 and 5.2). One sector at a time goes between the
 * medium and the guest, by DMA or, with SPECIFY's ND, by the FIFO. Media have sectors of 512 bytes.
 *
 *   read:  disk -> buffer -> guest -> next      write: guest -> buffer -> disk -> next
 */
#include "hw/floppy/fdc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ID_NS = 1000000, SIZE_512 = 2 };
enum { ST0_ABNORMAL = 0x40, ST0_NOT_READY = 0x08 };
enum {
    ST1_EN = 0x80,
    ST1_CRC = 0x20,
    ST1_NO_DATA = 0x04,
    ST1_PROTECTED = 0x02,
    ST1_NO_MARK = 0x01
};
enum { ST2_CRC = 0x20, ST2_WRONG_CYL = 0x10, ST2_EQUAL = 0x08, ST2_MISS = 0x04 };

static void sector_step(Fdc *f);

Floppy *fdc_selected(Fdc *f)
{
    return f->drive[f->st.drive & 3];
}

/* ---- ends ---- */

/* C, H, R of the sector after the last one, as table 5-5 has it */
static void finish(Fdc *f, uint8_t st0, uint8_t st1, uint8_t st2)
{
    const Floppy *d = fdc_selected(f);
    uint8_t select = f->st.drive | (d ? d->st.head : f->st.head) << 2;
    uint8_t r[7] = { st0 | select, st1, st2, f->st.cyl, f->st.head, f->st.sector, f->st.size };

    f->st.st0 = r[0];
    f->st.st1 = st1;
    f->st.st2 = st2;
    if (f->dma)
        isa_dma_drop(f->dma);
    fdc_result(f, r, 7, true);
}

static void finish_well(Fdc *f)
{
    uint8_t st2 = 0;

    if (f->st.move == MOVE_SCAN)
        st2 = f->st.scan_miss ? ST2_MISS : f->st.scan_low || f->st.scan_high ? 0 : ST2_EQUAL;
    finish(f, 0, 0, st2);
}

/* ---- where the next sector is ---- */

/* On: the next sector; false: that was the end of the cylinder. */
static bool advance(Fdc *f)
{
    Floppy *d = fdc_selected(f);

    if (f->st.left && !--f->st.left)
        return false;
    if (f->st.sector != f->st.last) {
        f->st.sector++;
        return true;
    }
    f->st.sector = 1;
    if (f->st.multi && f->st.head == 0 && d && d->heads > 1) {
        f->st.head = d->st.head = 1;
        return true;
    }
    if (f->st.multi)
        f->st.head = 0;
    f->st.cyl++;
    return false;
}

static uint64_t place(const Fdc *f, const Floppy *d)
{
    return (((uint64_t)f->st.cyl * d->heads + f->st.head) * d->sectors + f->st.sector - 1) *
           FDC_SECTOR;
}

/* Whether the sector can be found on the medium; else the command has ended. */
static bool findable(Fdc *f)
{
    Floppy *d = fdc_selected(f);

    if (!d || !d->present || !floppy_loaded(d)) {
        finish(f, ST0_ABNORMAL | ST0_NOT_READY, ST1_NO_MARK, 0);
    } else if (f->st.ccr != d->rate || f->st.size != SIZE_512) {
        finish(f, ST0_ABNORMAL, ST1_NO_MARK, 0); /* no marks at that rate, of that size */
    } else if (f->st.cyl != d->st.track || f->st.cyl >= d->tracks) {
        finish(f, ST0_ABNORMAL, ST1_NO_DATA, ST2_WRONG_CYL);
    } else if (f->st.head >= d->heads || !f->st.sector || f->st.sector > d->sectors) {
        finish(f, ST0_ABNORMAL, ST1_NO_DATA, 0);
    } else {
        return true;
    }
    return false;
}

/* ---- the disk's side ---- */

static void disk_done(void *o, int ret);

static void disk_io(Fdc *f)
{
    Floppy *d = fdc_selected(f);
    bool write = f->st.move == MOVE_WRITE || f->st.move == MOVE_FORMAT;
    struct iovec v = { f->bounce, FDC_SECTOR };

    if (!findable(f))
        return;
    if (f->in_flight) { /* what a reset left behind has the buffer: disk_done goes on */
        f->st.parked = true;
        return;
    }
    f->in_flight = true;
    f->st.busy_disk = true;
    if (write) {
        memcpy(f->bounce, f->st.buf, FDC_SECTOR);
        blk_writev(d->blk, place(f, d), &v, 1, false, disk_done, f);
    } else {
        blk_readv(d->blk, place(f, d), &v, 1, disk_done, f);
    }
}

/* The sector is on the disk. */
static void written(Fdc *f)
{
    f->st.pos = 0;
    if (f->st.terminal) {
        advance(f);
        finish_well(f);
    } else if (!advance(f)) {
        if (f->st.move == MOVE_FORMAT)
            finish(f, 0, 0, 0);
        else
            finish(f, ST0_ABNORMAL, ST1_EN, 0);
    } else {
        f->st.sector_ready = true;
        sector_step(f);
    }
}

static void disk_done(void *o, int ret)
{
    Fdc *f = o;

    f->in_flight = false;
    if (f->stale) {
        f->stale = false;
        fdc_move_again(f);
        return;
    }
    f->st.busy_disk = false;
    if (f->st.phase != FDC_EXEC)
        return;
    if (ret == -EAGAIN) {
        f->st.parked = true;
    } else if (ret == -ENOMEDIUM) {
        finish(f, ST0_ABNORMAL | ST0_NOT_READY, ST1_NO_MARK, 0);
    } else if (ret < 0) {
        finish(f, ST0_ABNORMAL, ret == -EPERM ? ST1_PROTECTED : ST1_CRC,
               ret == -EPERM ? 0 : ST2_CRC);
    } else if (f->st.move == MOVE_WRITE || f->st.move == MOVE_FORMAT) {
        written(f);
    } else {
        memcpy(f->st.buf, f->bounce, FDC_SECTOR);
        f->st.pos = 0;
        f->st.sector_ready = true;
        if (f->st.pio)
            fdc_set_irq(f, true);
        sector_step(f);
    }
}

void fdc_move_again(Fdc *f)
{
    if (f->st.phase == FDC_EXEC && f->st.parked && !f->in_flight) {
        f->st.parked = false;
        disk_io(f);
    }
}

/* ---- the guest's side ---- */

/* SCAN: 0xff of the guest or the disk matches everything. */
static void scan_byte(Fdc *f, uint8_t disk, uint8_t guest)
{
    uint8_t how = f->st.fifo[0] & 0x1f;

    if (disk == guest || disk == 0xff || guest == 0xff)
        return;
    if (how == 0x19 && disk < guest)
        f->st.scan_low = true;
    else if (how == 0x1d && disk > guest)
        f->st.scan_high = true;
    else
        f->st.scan_miss = true;
}

/* A sector has been compared: a hit ends the command. */
static bool scan_hit(Fdc *f)
{
    for (unsigned i = 0; i < FDC_SECTOR; i++)
        scan_byte(f, f->st.buf[i], f->st.data[i]);
    return !f->st.scan_miss;
}

/* The buffer has gone to the guest, or been compared. */
static void delivered(Fdc *f)
{
    bool hit = f->st.move == MOVE_SCAN && scan_hit(f);

    f->st.sector_ready = false;
    f->st.pos = 0;
    if (f->st.terminal || hit) {
        advance(f);
        finish_well(f);
    } else if (!advance(f)) {
        if (f->st.move == MOVE_VERIFY || f->st.move == MOVE_SCAN)
            finish_well(f);
        else
            finish(f, ST0_ABNORMAL, ST1_EN, 0);
    } else {
        f->st.scan_miss = f->st.scan_low = f->st.scan_high = false;
        disk_io(f);
    }
}

static size_t dma(Fdc *f, uint8_t *p, size_t n, bool to_guest)
{
    bool tc = false;
    size_t moved = f->dma ? isa_dma_move(f->dma, p, n, to_guest, &tc) : 0;

    f->st.terminal |= tc;
    return moved;
}

static void read_step(Fdc *f)
{
    bool scan = f->st.move == MOVE_SCAN;
    uint8_t *p = scan ? f->st.data : f->st.buf;
    size_t n;

    if (f->st.move == MOVE_VERIFY) {
        delivered(f);
        return;
    }
    while (f->st.pos < FDC_SECTOR && !f->st.terminal) {
        n = dma(f, p + f->st.pos, FDC_SECTOR - f->st.pos, !scan);
        if (!n)
            return; /* fdc_dma_ready() follows */
        f->st.pos += n;
    }
    delivered(f);
}

static void write_full(Fdc *f)
{
    memset(f->st.buf + f->st.pos, 0, FDC_SECTOR - f->st.pos);
    f->st.sector_ready = false;
    disk_io(f);
}

static void write_step(Fdc *f)
{
    while (f->st.pos < FDC_SECTOR && !f->st.terminal) {
        size_t n = dma(f, f->st.buf + f->st.pos, FDC_SECTOR - f->st.pos, false);
        if (!n)
            return;
        f->st.pos += n;
    }
    write_full(f);
}

/* C, H, R, N of one sector are there: it is filled. */
static void format_one(Fdc *f, const uint8_t id[4])
{
    f->st.cyl = id[0];
    f->st.head = id[1] & 1;
    f->st.sector = id[2];
    f->st.size = id[3];
    memset(f->st.buf, f->st.fill, FDC_SECTOR);
    f->st.sector_ready = false;
    disk_io(f);
}

static void format_step(Fdc *f)
{
    while (f->st.pos < 4) {
        size_t n = dma(f, f->st.data + f->st.pos, 4 - f->st.pos, false);
        if (!n)
            return;
        f->st.pos += n;
    }
    /* terminal count comes with the last sector's bytes: `left` ends the command */
    f->st.terminal = false;
    format_one(f, f->st.data);
}

/* What the buffer needs next of the guest. */
static void sector_step(Fdc *f)
{
    if (f->st.phase != FDC_EXEC || !f->st.sector_ready || f->st.pio)
        return;
    switch (f->st.move) {
    case MOVE_READ:
    case MOVE_VERIFY:
    case MOVE_SCAN: read_step(f); break;
    case MOVE_WRITE: write_step(f); break;
    case MOVE_FORMAT: format_step(f); break;
    }
}

void fdc_dma_ready(void *o)
{
    sector_step(o);
}

/* ---- by the FIFO ---- */

uint8_t fdc_pio_read(Fdc *f)
{
    if (f->st.move != MOVE_READ || !f->st.sector_ready || f->st.pos >= FDC_SECTOR)
        return 0;
    uint8_t val = f->st.buf[f->st.pos++];
    if (f->st.pos == FDC_SECTOR) {
        fdc_set_irq(f, false);
        delivered(f);
    }
    return val;
}

void fdc_pio_write(Fdc *f, uint8_t val)
{
    bool format = f->st.move == MOVE_FORMAT;
    unsigned room = format ? 4 : FDC_SECTOR;

    if (!f->st.sector_ready || f->st.pos >= room || f->st.move == MOVE_READ)
        return;
    (format ? f->st.data : f->st.buf)[f->st.pos++] = val;
    if (f->st.pos < room)
        return;
    fdc_set_irq(f, false);
    if (format)
        format_one(f, f->st.data);
    else
        write_full(f);
}

/* ---- beginning ---- */

static uint8_t move_of(uint8_t first)
{
    switch (first & 0x1f) {
    case 0x05:
    case 0x09: return MOVE_WRITE;
    case 0x0d: return MOVE_FORMAT;
    case 0x16: return MOVE_VERIFY;
    case 0x11:
    case 0x19:
    case 0x1d: return MOVE_SCAN;
    }
    return MOVE_READ;
}

static void take_parameters(Fdc *f)
{
    const uint8_t *p = f->st.fifo;
    Floppy *d = fdc_selected(f);

    f->st.cyl = p[2];
    f->st.head = p[3] & 1;
    f->st.sector = p[4];
    f->st.size = p[5];
    f->st.last = p[6];
    f->st.multi = p[0] & 0x80;
    f->st.left = 0;
    if ((p[0] & 0x1f) == 0x02) { /* READ TRACK: from its first sector, EOT of them */
        f->st.sector = 1;
        f->st.left = p[6] ? p[6] : 1;
        f->st.multi = false;
    } else if (f->st.move == MOVE_VERIFY && p[1] & 0x80) {
        f->st.left = p[8] ? p[8] : 256;
    }
    if (d) {
        d->st.head = f->st.head;
        if (f->st.configure & 0x40) /* implied seek */
            floppy_step(d, f->st.cyl);
    }
}

static void take_format(Fdc *f)
{
    const uint8_t *p = f->st.fifo;
    Floppy *d = fdc_selected(f);

    f->st.size = p[2];
    f->st.left = p[3];
    f->st.fill = p[5];
    f->st.head = p[1] >> 2 & 1;
    f->st.cyl = d ? d->st.track : 0;
    f->st.sector = 1;
    f->st.last = p[3];
    f->st.multi = false;
    if (d)
        d->st.head = f->st.head;
}

bool fdc_move_command(Fdc *f)
{
    uint8_t first = f->st.fifo[0];
    const Floppy *d;

    f->st.move = move_of(first);
    f->st.drive = f->st.fifo[1] & 3;
    f->st.phase = FDC_EXEC;
    f->st.pos = 0;
    f->st.terminal = f->st.parked = f->st.scan_miss = f->st.scan_low = f->st.scan_high = false;
    f->st.sector_ready = false;
    f->st.pio = f->st.specify[1] & 1 && f->st.move != MOVE_VERIFY && f->st.move != MOVE_SCAN;
    if (f->st.move == MOVE_FORMAT)
        take_format(f);
    else
        take_parameters(f);
    d = fdc_selected(f);
    bool write = f->st.move == MOVE_WRITE || f->st.move == MOVE_FORMAT;
    if (!findable(f))
        return true;
    if (write && !blk_writable(d->blk)) {
        finish(f, ST0_ABNORMAL, ST1_PROTECTED, 0);
    } else if (f->st.move == MOVE_FORMAT && !f->st.left) {
        finish(f, 0, 0, 0);
    } else if (write) {
        f->st.sector_ready = true;
        if (f->st.pio)
            fdc_set_irq(f, true);
        sector_step(f);
    } else {
        disk_io(f);
    }
    return true;
}

/* ---- READ ID: the next mark that passes under the head ---- */

static void id_passed(void *o)
{
    Fdc *f = o;
    Floppy *d = fdc_selected(f);

    if (f->st.phase != FDC_EXEC)
        return;
    f->st.size = SIZE_512;
    f->st.cyl = d ? d->st.track : 0;
    f->st.head = d ? d->st.head : 0;
    f->st.sector = d && d->st.sector ? d->st.sector : 1;
    if (!findable(f))
        return;
    d->st.sector = d->st.sector % d->sectors + 1;
    finish(f, 0, 0, 0);
}

void fdc_read_id(Fdc *f)
{
    Floppy *d;

    f->st.drive = f->st.fifo[1] & 3;
    f->st.phase = FDC_EXEC;
    f->st.move = MOVE_NONE;
    d = fdc_selected(f);
    if (d)
        d->st.head = f->st.fifo[1] >> 2 & 1;
    timer_set(&f->timer, clock_now(f->dev->vm, CLOCK_VIRTUAL) + ID_NS);
}

void fdc_init(Fdc *f, Device *dev)
{
    f->dev = dev;
    f->bounce = aligned_alloc(4096, 4096);
    g_assert(f->bounce);
    timer_init(&f->timer, dev, CLOCK_VIRTUAL, &f->st.deadline, id_passed, f);
}
