/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ATA disk (ATA8-ACS): CHS, 28- and 48-bit addresses, PIO single and multiple, DMA, flush,
 * TRIM, SMART status. Not here: security, HPA, NCQ, power-on in standby.
 */
#include <errno.h>
#include <string.h>

#include "hw/ide/ide-int.h"
#include "util/bytes.h"

/* clang-format off */
enum {
    CMD_NOP = 0x00, CMD_TRIM = 0x06,
    CMD_READ = 0x20, CMD_READ_NORETRY = 0x21, CMD_READ_EXT = 0x24, CMD_READ_DMA_EXT = 0x25,
    CMD_READ_NATIVE_EXT = 0x27, CMD_READ_MULT_EXT = 0x29,
    CMD_WRITE = 0x30, CMD_WRITE_NORETRY = 0x31, CMD_WRITE_EXT = 0x34, CMD_WRITE_DMA_EXT = 0x35,
    CMD_WRITE_MULT_EXT = 0x39, CMD_WRITE_VERIFY = 0x3c, CMD_WRITE_DMA_FUA = 0x3d,
    CMD_VERIFY = 0x40, CMD_VERIFY_NORETRY = 0x41, CMD_VERIFY_EXT = 0x42,
    CMD_SET_GEOMETRY = 0x91, CMD_SMART = 0xb0,
    CMD_READ_MULT = 0xc4, CMD_WRITE_MULT = 0xc5, CMD_SET_MULT = 0xc6,
    CMD_READ_DMA = 0xc8, CMD_READ_DMA_NORETRY = 0xc9,
    CMD_WRITE_DMA = 0xca, CMD_WRITE_DMA_NORETRY = 0xcb, CMD_WRITE_MULT_FUA = 0xce,
    CMD_STANDBY_NOW = 0xe0, CMD_IDLE_NOW = 0xe1, CMD_STANDBY = 0xe2, CMD_IDLE = 0xe3,
    CMD_CHECK_POWER = 0xe5, CMD_SLEEP = 0xe6, CMD_FLUSH = 0xe7, CMD_FLUSH_EXT = 0xea,
    CMD_IDENTIFY = 0xec, CMD_SET_FEATURES = 0xef, CMD_READ_NATIVE = 0xf8,
};
/* clang-format on */

/* ---- addresses ---- */

static uint64_t disk_sectors(const IdeDrive *d)
{
    int64_t n = ide_blk_length(d);

    return n < 0 ? 0 : n / SECTOR;
}

static uint64_t task_lba(const IdeDriveState *s)
{
    uint32_t low = s->sector | s->lcyl << 8 | s->hcyl << 16;

    if (s->lba48)
        return low | (uint64_t)s->hob_sector << 24 | (uint64_t)s->hob_lcyl << 32 |
               (uint64_t)s->hob_hcyl << 40;
    if (s->select & SEL_LBA)
        return low | (uint32_t)(s->select & SEL_HEAD) << 24;
    uint32_t track = (s->lcyl | s->hcyl << 8) * s->heads + (s->select & SEL_HEAD);
    /* sectors count from 1: 0 wraps to an address that no disk has */
    return (uint64_t)track * s->sects + s->sector - 1;
}

static uint32_t task_count(const IdeDriveState *s)
{
    uint32_t n = s->lba48 ? s->nsector | s->hob_nsector << 8 : s->nsector;

    return n ? n : s->lba48 ? 65536 : 256;
}

/* Where an error is, or where the command ended, for the driver to read. */
static void store_lba(IdeDriveState *s, uint64_t lba)
{
    if (!s->lba48 && !(s->select & SEL_LBA)) {
        uint32_t per = MAX(s->heads * s->sects, 1), in = lba % per;
        s->lcyl = lba / per;
        s->hcyl = lba / per >> 8;
        s->select = (s->select & (uint8_t)~SEL_HEAD) | (in / MAX(s->sects, 1) & SEL_HEAD);
        s->sector = in % MAX(s->sects, 1) + 1;
        return;
    }
    s->sector = lba;
    s->lcyl = lba >> 8;
    s->hcyl = lba >> 16;
    if (s->lba48) {
        s->hob_sector = lba >> 24;
        s->hob_lcyl = lba >> 32;
        s->hob_hcyl = lba >> 40;
    } else {
        s->select = (s->select & (uint8_t)~SEL_HEAD) | (lba >> 24 & SEL_HEAD);
    }
}

static void disk_fail(IdeDrive *d, uint8_t error)
{
    store_lba(&d->st, d->st.lba);
    d->st.nsector = d->st.left;
    d->st.hob_nsector = d->st.left >> 8;
    ide_fail(d, error);
}

/* All sectors exist, else the command fails at the first. */
static bool range_ok(IdeDrive *d)
{
    uint64_t n = disk_sectors(d);

    d->st.lba = task_lba(&d->st);
    d->st.left = task_count(&d->st);
    if (d->st.lba < n && d->st.left <= n - d->st.lba)
        return true;
    disk_fail(d, ERR_IDNF);
    return false;
}

/* ---- reading and writing ---- */

static void begin_read(IdeDrive *d, unsigned block)
{
    d->st.block = block;
    if (!block)
        ide_fail(d, ERR_ABRT);
    else if (range_ok(d)) {
        d->st.op = OP_READ;
        ide_issue(d);
    }
}

static void want_data(IdeDrive *d, bool irq)
{
    d->st.now = MIN(d->st.left, d->st.block);
    ide_pio_out(d, d->st.now * SECTOR, irq);
}

static void begin_write(IdeDrive *d, unsigned block)
{
    d->st.block = block;
    if (!block)
        ide_fail(d, ERR_ABRT);
    else if (range_ok(d)) {
        d->st.op = OP_WRITE;
        want_data(d, false);
    }
}

static void begin_dma(IdeDrive *d, IdeOp op)
{
    if (range_ok(d))
        ide_dma_begin(d, op);
}

/* A list of up to 128 blocks of 64 ranges {48 bits of address, 16 bits of length} */
static void begin_trim(IdeDrive *d)
{
    d->st.left = task_count(&d->st);
    if (!(d->st.feature & 1) || d->st.left > BUF_MAX / SECTOR) {
        ide_fail(d, ERR_ABRT);
        return;
    }
    d->st.pos = d->st.end = 0;
    g_byte_array_set_size(d->st.buf, 0);
    ide_dma_begin(d, OP_TRIM_DMA);
}

static void trim_issue(IdeDrive *d)
{
    IdeDriveState *s = &d->st;
    uint64_t all = disk_sectors(d);

    if (!s->end) {
        uint32_t n = MIN(s->left * SECTOR, BUF_MAX);
        if (!ide_dma_move(d, ide_buffer(d, n), n, false))
            return;
        s->end = n;
    }
    for (; s->pos + 8 <= MIN(s->end, s->buf->len); s->pos += 8) {
        uint64_t e = get_le64(s->buf->data + s->pos);
        uint64_t lba = e & 0xffffffffffff, n = e >> 48;
        if (n && lba < all) {
            ide_blk_discard(d, lba * SECTOR, MIN(n, all - lba) * SECTOR);
            return;
        }
    }
    ide_dma_end(d);
    ide_done(d);
}

/* What stands in the state was checked when the command came; a disk may shrink, a stream lie. */
static bool still_there(IdeDrive *d)
{
    uint64_t n = disk_sectors(d);

    if (d->st.lba < n && d->st.left <= n - d->st.lba)
        return true;
    if (ide_dma_wanted(d))
        ide_dma_end(d);
    disk_fail(d, ERR_IDNF);
    return false;
}

static void disk_issue(IdeDrive *d)
{
    IdeDriveState *s = &d->st;
    uint64_t off = s->lba * SECTOR;
    bool fua = s->fua || s->no_cache;

    if (s->op >= OP_READ && s->op <= OP_WRITE_DMA && !still_there(d))
        return;
    switch (s->op) {
    case OP_READ:
        s->now = MIN(s->left, MAX(s->block, 1));
        ide_blk_read(d, off, ide_buffer(d, s->now * SECTOR), s->now * SECTOR);
        break;
    case OP_WRITE:
        s->now = MIN(s->now, s->buf->len / SECTOR);
        ide_blk_write(d, off, s->buf->data, s->now * SECTOR, fua);
        break;
    case OP_READ_DMA:
        s->now = MIN(s->left, BOUNCE / SECTOR);
        ide_blk_read(d, off, d->bounce, s->now * SECTOR);
        break;
    case OP_WRITE_DMA:
        s->now = MIN(s->left, BOUNCE / SECTOR);
        if (ide_dma_move(d, d->bounce, s->now * SECTOR, false))
            ide_blk_write(d, off, d->bounce, s->now * SECTOR, fua);
        break;
    case OP_FLUSH: ide_blk_flush(d); break;
    case OP_TRIM_DMA: trim_issue(d); break;
    }
}

/* Only what has reached its end counts: a request that was parked is made again from the start. */
static void advance(IdeDrive *d)
{
    d->st.lba += d->st.now;
    d->st.dma_at += (uint64_t)d->st.now * SECTOR;
    d->st.left -= MIN(d->st.now, d->st.left);
}

static void disk_end(IdeDrive *d)
{
    if (d->st.op == OP_READ_DMA || d->st.op == OP_WRITE_DMA)
        ide_dma_end(d);
    d->st.nsector = 0;
    store_lba(&d->st, d->st.lba ? d->st.lba - 1 : 0);
    ide_done(d);
}

static void next_or_end(IdeDrive *d)
{
    if (d->st.left)
        ide_issue(d);
    else
        disk_end(d);
}

/* A driver that stopped the engine under way resets the drive next: wait for that, or a restart. */
static void read_dma_done(IdeDrive *d)
{
    if (!ide_dma_ready(d)) {
        d->st.status = ST_READY | ST_SEEK | ST_DRQ;
    } else if (ide_dma_move(d, d->bounce, d->st.now * SECTOR, true)) {
        advance(d);
        next_or_end(d);
    }
}

static void disk_done(IdeDrive *d, int ret)
{
    bool read = d->st.op == OP_READ || d->st.op == OP_READ_DMA;

    if (ret < 0 && d->st.op != OP_TRIM_DMA) {
        if (ide_dma_wanted(d))
            ide_dma_end(d);
        disk_fail(d, read ? ERR_UNC : ERR_ABRT);
        return;
    }
    switch (d->st.op) {
    case OP_READ:
        advance(d);
        ide_pio_in(d, d->st.now * SECTOR, true);
        break;
    case OP_WRITE:
        advance(d);
        if (d->st.left)
            want_data(d, true);
        else
            disk_end(d);
        break;
    case OP_READ_DMA: read_dma_done(d); break;
    case OP_WRITE_DMA:
        advance(d);
        next_or_end(d);
        break;
    case OP_FLUSH: ide_done(d); break;
    case OP_TRIM_DMA: /* a hint: whether it worked, nobody asks */
        d->st.pos += 8;
        ide_issue(d);
        break;
    }
}

static void disk_piece(IdeDrive *d)
{
    switch (d->st.op) {
    case OP_READ:
        if (d->st.left) {
            ide_issue(d);
        } else {
            /* the last DRQ had its interrupt already */
            store_lba(&d->st, d->st.lba ? d->st.lba - 1 : 0);
            d->st.nsector = 0;
            ide_end(d);
        }
        break;
    case OP_WRITE: ide_issue(d); break;
    default: ide_end(d);
    }
}

/* ---- the rest ---- */

static void reply(IdeDrive *d)
{
    d->st.op = OP_REPLY;
    d->st.error = 0;
    ide_pio_in(d, SECTOR, true);
}

static void set_mult(IdeDrive *d)
{
    uint8_t n = d->st.nsector;

    if (n > MULT_MAX || (n & (n - 1))) {
        ide_fail(d, ERR_ABRT);
        return;
    }
    d->st.mult = n;
    ide_done(d);
}

static void set_geometry(IdeDrive *d)
{
    d->st.heads = (d->st.select & SEL_HEAD) + 1;
    d->st.sects = d->st.nsector;
    ide_done(d);
}

static void set_cache(IdeDrive *d, bool off)
{
    d->st.no_cache = off;
    if (off) {
        d->st.op = OP_FLUSH; /* what the cache holds must be on the medium */
        ide_issue(d);
    } else {
        ide_done(d);
    }
}

static bool mode_known(uint8_t mode)
{
    switch (mode >> 3) {
    case 0: return mode <= 1;
    case 1: return (mode & 7) <= 4;
    case 2: return (mode & 7) <= 2;
    case 4: return (mode & 7) <= 2;
    case 8: return (mode & 7) <= 5;
    }
    return false;
}

static void set_features(IdeDrive *d)
{
    switch (d->st.feature) {
    case 0x02: set_cache(d, false); return;
    case 0x82: set_cache(d, true); return;
    case 0x03:
        if (!mode_known(d->st.nsector))
            break;
        d->st.mode = d->st.nsector;
        ide_done(d);
        return;
    case 0x05:
    case 0x85: /* power and noise levels, look-ahead, defaults: nothing to change */
    case 0x42:
    case 0xc2:
    case 0x55:
    case 0xaa:
    case 0x66:
    case 0xcc:
    case 0x67:
    case 0x69:
    case 0x96:
    case 0x9a: ide_done(d); return;
    }
    ide_fail(d, ERR_ABRT);
}

static void read_native_max(IdeDrive *d)
{
    uint64_t last = disk_sectors(d) - 1;

    store_lba(&d->st, d->st.lba48 ? last : MIN(last, 0xffffffe));
    ide_done(d);
}

/* SMART: always healthy. READ DATA gives an empty attribute table with its check sum. */
static void smart(IdeDrive *d)
{
    if (d->st.hcyl != 0xc2 || d->st.lcyl != 0x4f || (d->st.no_smart && d->st.feature != 0xd8)) {
        ide_fail(d, ERR_ABRT);
        return;
    }
    switch (d->st.feature) {
    case 0xd0: /* data */
    case 0xd1: /* thresholds */
        memset(ide_buffer(d, SECTOR), 0, SECTOR);
        d->st.buf->data[0] = 1;
        d->st.buf->data[SECTOR - 1] = 0xff;
        reply(d);
        return;
    case 0xd8:
    case 0xd9: d->st.no_smart = d->st.feature == 0xd9; break;
    case 0xd2: /* save attributes by itself or not */
    case 0xda: break;
    default: ide_fail(d, ERR_ABRT); return;
    }
    ide_done(d);
}

static bool is_ext(uint8_t cmd)
{
    switch (cmd) {
    case CMD_TRIM:
    case CMD_READ_EXT:
    case CMD_READ_DMA_EXT:
    case CMD_READ_NATIVE_EXT:
    case CMD_READ_MULT_EXT:
    case CMD_WRITE_EXT:
    case CMD_WRITE_DMA_EXT:
    case CMD_WRITE_MULT_EXT:
    case CMD_WRITE_DMA_FUA:
    case CMD_VERIFY_EXT:
    case CMD_WRITE_MULT_FUA:
    case CMD_FLUSH_EXT: return true;
    }
    return false;
}

static void disk_command(IdeDrive *d, uint8_t cmd)
{
    IdeDriveState *s = &d->st;

    s->lba48 = is_ext(cmd);
    s->fua = cmd == CMD_WRITE_DMA_FUA || cmd == CMD_WRITE_MULT_FUA;
    switch (cmd) {
    case CMD_READ:
    case CMD_READ_NORETRY:
    case CMD_READ_EXT: begin_read(d, 1); break;
    case CMD_READ_MULT:
    case CMD_READ_MULT_EXT: begin_read(d, s->mult); break;
    case CMD_WRITE:
    case CMD_WRITE_NORETRY:
    case CMD_WRITE_EXT:
    case CMD_WRITE_VERIFY: begin_write(d, 1); break;
    case CMD_WRITE_MULT:
    case CMD_WRITE_MULT_EXT:
    case CMD_WRITE_MULT_FUA: begin_write(d, s->mult); break;
    case CMD_READ_DMA:
    case CMD_READ_DMA_NORETRY:
    case CMD_READ_DMA_EXT: begin_dma(d, OP_READ_DMA); break;
    case CMD_WRITE_DMA:
    case CMD_WRITE_DMA_NORETRY:
    case CMD_WRITE_DMA_EXT:
    case CMD_WRITE_DMA_FUA: begin_dma(d, OP_WRITE_DMA); break;
    case CMD_VERIFY:
    case CMD_VERIFY_NORETRY:
    case CMD_VERIFY_EXT:
        if (range_ok(d))
            ide_done(d);
        break;
    case CMD_TRIM: begin_trim(d); break;
    case CMD_FLUSH:
    case CMD_FLUSH_EXT:
        s->op = OP_FLUSH;
        ide_issue(d);
        break;
    case CMD_IDENTIFY:
        ide_identify_disk(d, ide_buffer(d, SECTOR));
        reply(d);
        break;
    case CMD_SET_FEATURES: set_features(d); break;
    case CMD_SET_MULT: set_mult(d); break;
    case CMD_SET_GEOMETRY: set_geometry(d); break;
    case CMD_READ_NATIVE:
    case CMD_READ_NATIVE_EXT: read_native_max(d); break;
    case CMD_SMART: smart(d); break;
    case CMD_CHECK_POWER:
        s->nsector = 0xff; /* active or idle */
        ide_done(d);
        break;
    case 0x10 ... 0x1f: /* RECALIBRATE, SEEK: nothing moves */
    case 0x70 ... 0x7f:
    case 0x94 ... 0x97:
    case 0x99:
    case CMD_STANDBY_NOW:
    case CMD_IDLE_NOW:
    case CMD_STANDBY:
    case CMD_IDLE:
    case CMD_SLEEP: ide_done(d); break;
    default: ide_fail(d, ERR_ABRT);
    }
}

const IdeKind ide_disk = {
    .command = disk_command,
    .issue = disk_issue,
    .done = disk_done,
    .piece = disk_piece,
};
