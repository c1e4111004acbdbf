/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The direct access device (SBC-3): reading, writing, caches, thin provisioning, reservations.
 * Data go through a buffer in pieces of 128 KiB, one at a time for each command. Not here:
 * protection information, COMPARE AND WRITE, persistent reservations, copy. Threads: machine lock.
 */
#include <errno.h>
#include <string.h>

#include "hw/scsi/disk.h"

enum { CHUNK = 128 << 10, LIST_MOST = 4096 };
enum { DISK_REPLY, DISK_READ, DISK_WRITE, DISK_VERIFY, DISK_FLUSH, DISK_LIST, DISK_SAME };

uint32_t scsi_disk_block(ScsiDevice *dev)
{
    return ((ScsiDisk *)dev)->logical_block_size;
}

uint64_t scsi_disk_blocks(const ScsiDisk *d)
{
    int64_t n = d->blk ? blk_length(d->blk) : -ENOMEDIUM;

    return n < 0 ? 0 : n / d->logical_block_size;
}

bool scsi_disk_cached(const ScsiDisk *d)
{
    return !d->st.no_cache;
}

bool scsi_disk_ready(ScsiReq *r)
{
    const ScsiDisk *d = scsi_disk(r);

    if (!d->blk || !blk_inserted(d->blk))
        scsi_check(r, SCSI_KEY_NOT_READY, SCSI_NO_MEDIUM);
    else if (d->st.stopped)
        scsi_check(r, SCSI_KEY_NOT_READY, SCSI_LUN_NOT_READY | 2);
    else
        return true;
    return false;
}

static bool range_ok(ScsiReq *r, uint64_t lba, uint64_t n)
{
    uint64_t all = scsi_disk_blocks(scsi_disk(r));

    if (lba <= all && n <= all - lba)
        return true;
    scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_LBA_RANGE);
    return false;
}

static bool writable(ScsiReq *r)
{
    if (blk_writable(scsi_disk(r)->blk))
        return true;
    scsi_check(r, SCSI_KEY_PROTECT, SCSI_PROTECTED);
    return false;
}

/* ---- data ---- */

static uint32_t piece_blocks(const ScsiReq *r)
{
    uint32_t unit = r->raw ? MMC_RAW_SECTOR : scsi_disk(r)->logical_block_size;

    return MIN(r->left, MAX(CHUNK / unit, 1));
}

/* The piece is done: the next one, or that was all. */
static void advance(ScsiReq *r, void (*next)(ScsiReq *))
{
    r->lba += r->now;
    r->left -= r->now;
    if (r->left)
        next(r);
    else
        scsi_good(r);
}

static void failed(ScsiReq *r, int ret)
{
    switch (ret) {
    case -ENOMEDIUM: scsi_check(r, SCSI_KEY_NOT_READY, SCSI_NO_MEDIUM); break;
    case -EPERM: scsi_check(r, SCSI_KEY_PROTECT, SCSI_PROTECTED); break;
    case -EINVAL: scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_LBA_RANGE); break;
    case -ENOSPC: scsi_check(r, SCSI_KEY_PROTECT, 0x2707); break; /* space allocation failed */
    case -ENOMEM: scsi_check(r, SCSI_KEY_HARDWARE, SCSI_TARGET_FAILURE); break;
    default:
        scsi_check(r, SCSI_KEY_MEDIUM, r->op == DISK_READ ? SCSI_READ_ERROR : SCSI_WRITE_ERROR);
    }
}

/* A request at the block layer has ended; false: badly, or another time */
static bool went(ScsiReq *r, int ret)
{
    if (scsi_from_disk(r, ret))
        return false;
    if (ret < 0)
        failed(r, ret);
    return ret >= 0;
}

static void spread_raw(ScsiReq *r)
{
    uint8_t one[MMC_SECTOR];

    /* from the last: raw ones are longer, so nothing unread is written over */
    for (uint32_t i = r->now; i-- > 0;) {
        memcpy(one, r->buf + i * MMC_SECTOR, MMC_SECTOR);
        mmc_raw_sector(r->buf + i * MMC_RAW_SECTOR, one, r->lba + i);
    }
}

static void read_done(void *o, int ret)
{
    ScsiReq *r = o;

    if (!went(r, ret))
        return;
    if (r->raw)
        spread_raw(r);
    scsi_piece(r, r->now * (r->raw ? MMC_RAW_SECTOR : scsi_disk(r)->logical_block_size), true);
}

static void read_next(ScsiReq *r)
{
    const ScsiDisk *d = scsi_disk(r);
    uint32_t unit = d->logical_block_size;

    r->now = piece_blocks(r);
    scsi_buffer(r, r->now * (r->raw ? MMC_RAW_SECTOR : unit));
    struct iovec v = { r->buf, r->now * unit };
    scsi_to_disk(r);
    blk_readv(d->blk, r->lba * unit, &v, 1, read_done, r);
}

static void flush_done(void *o, int ret)
{
    ScsiReq *r = o;

    if (went(r, ret))
        scsi_good(r);
}

static void flush(ScsiReq *r)
{
    r->op = DISK_FLUSH;
    scsi_to_disk(r);
    blk_flush(scsi_disk(r)->blk, flush_done, r);
}

static void ask_data(ScsiReq *r)
{
    uint32_t unit = scsi_disk(r)->logical_block_size;

    r->now = piece_blocks(r);
    scsi_buffer(r, r->now * unit * (r->op == DISK_VERIFY ? 2 : 1));
    scsi_piece(r, r->now * unit, false);
}

static void write_done(void *o, int ret)
{
    ScsiReq *r = o;

    if (went(r, ret))
        advance(r, ask_data);
}

static void write_piece(ScsiReq *r)
{
    const ScsiDisk *d = scsi_disk(r);
    uint32_t unit = d->logical_block_size;
    struct iovec v = { r->buf, r->now * unit };

    scsi_to_disk(r);
    blk_writev(d->blk, r->lba * unit, &v, 1, r->fua || !scsi_disk_cached(d), write_done, r);
}

/* what was given lies in the first half of the buffer, what the disk has in the second */
static void verify_done(void *o, int ret)
{
    ScsiReq *r = o;

    if (!went(r, ret))
        return;
    if (memcmp(r->buf, r->buf + r->pos, r->pos))
        scsi_check(r, SCSI_KEY_MISCOMPARE, SCSI_MISCOMPARE);
    else
        advance(r, ask_data);
}

static void verify_piece(ScsiReq *r)
{
    const ScsiDisk *d = scsi_disk(r);
    uint32_t n = r->now * d->logical_block_size;

    r->pos = n;
    struct iovec v = { r->buf + n, n };
    scsi_to_disk(r);
    blk_readv(d->blk, r->lba * d->logical_block_size, &v, 1, verify_done, r);
}

/* ---- UNMAP, WRITE SAME ---- */

static void list_next(ScsiReq *r);

/* a hint; a device that cannot is not an error */
static void list_done(void *o, int ret)
{
    ScsiReq *r = o;

    if (!scsi_from_disk(r, ret))
        list_next(r);
}

/* {8 lba, 4 blocks, 4 reserved} from byte 8 on; all were checked before the first is done */
static void list_next(ScsiReq *r)
{
    const ScsiDisk *d = scsi_disk(r);
    uint64_t unit = d->logical_block_size;

    while (r->pos + 16 <= r->n) {
        const uint8_t *p = r->buf + r->pos;
        uint64_t n = get_be32(p + 8);

        r->pos += 16;
        if (!n)
            continue;
        scsi_to_disk(r);
        blk_discard(d->blk, get_be64(p) * unit, n * unit, list_done, r);
        return;
    }
    scsi_good(r);
}

static void unmap_taken(ScsiReq *r)
{
    uint32_t n = r->n < 8 ? 0 : MIN(get_be16(r->buf + 2), r->n - 8) & ~15u;

    if (r->n < 8) {
        scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_LIST_LENGTH);
        return;
    }
    r->n = 8 + n;
    for (r->pos = 8; r->pos < r->n; r->pos += 16)
        if (!range_ok(r, get_be64(r->buf + r->pos), get_be32(r->buf + r->pos + 8)))
            return;
    r->pos = 8;
    list_next(r);
}

static void same_write(ScsiReq *r);

static void same_done(void *o, int ret)
{
    ScsiReq *r = o;

    if (went(r, ret))
        advance(r, same_write);
}

static bool is_zero(const uint8_t *p, size_t n)
{
    return !p[0] && !memcmp(p, p + 1, n - 1);
}

/* The pattern of one block lies at the start of the buffer. */
static void same_write(ScsiReq *r)
{
    const ScsiDisk *d = scsi_disk(r);
    uint64_t unit = d->logical_block_size, off = r->lba * unit;
    bool fua = !scsi_disk_cached(d);

    if (is_zero(r->buf, unit)) {
        r->now = MIN(r->left, (64 << 20) / unit);
        scsi_to_disk(r);
        blk_zero(d->blk, off, r->now * unit, (r->cdb[1] & 8 ? BLK_UNMAP : 0) | (fua ? BLK_FUA : 0),
                 same_done, r);
        return;
    }
    r->now = piece_blocks(r);
    struct iovec v[CHUNK / 512];
    for (uint32_t i = 0; i < r->now; i++)
        v[i] = (struct iovec){ r->buf, unit };
    scsi_to_disk(r);
    blk_writev(d->blk, off, v, r->now, fua, same_done, r);
}

static void write_same(ScsiReq *r, uint64_t lba, uint64_t n)
{
    const ScsiDisk *d = scsi_disk(r);
    bool no_data = r->cdb[0] == 0x93 && r->cdb[1] & 1;

    if (r->cdb[1] & 0xe6) {
        scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_FIELD);
        return;
    }
    if (!n)
        n = scsi_disk_blocks(d) > lba ? scsi_disk_blocks(d) - lba : 0;
    if (!range_ok(r, lba, n) || !writable(r))
        return;
    r->op = DISK_SAME;
    r->lba = lba;
    r->left = n;
    scsi_buffer(r, d->logical_block_size);
    if (!n)
        scsi_good(r);
    else if (no_data)
        same_write(r);
    else
        scsi_piece(r, d->logical_block_size, false);
}

/* ---- beginning ---- */

void scsi_disk_read(ScsiReq *r, uint64_t lba, uint64_t n)
{
    if (!range_ok(r, lba, n))
        return;
    r->op = DISK_READ;
    r->lba = lba;
    r->left = n;
    if (n)
        read_next(r);
    else
        scsi_good(r);
}

static void begin_write(ScsiReq *r, uint64_t lba, uint64_t n, bool verify)
{
    if (!range_ok(r, lba, n) || (!verify && !writable(r)))
        return;
    r->op = verify ? DISK_VERIFY : DISK_WRITE;
    r->lba = lba;
    r->left = n;
    if (n)
        ask_data(r);
    else
        scsi_good(r);
}

static void take_list(ScsiReq *r)
{
    r->op = DISK_LIST;
    if (r->length > LIST_MOST)
        scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_LIST_LENGTH);
    else if (!r->length)
        scsi_good(r);
    else {
        scsi_buffer(r, r->length);
        scsi_piece(r, r->length, false);
    }
}

static void list_taken(ScsiReq *r)
{
    if (r->cdb[0] == 0x42)
        unmap_taken(r);
    else
        scsi_disk_mode_taken(r);
}

void scsi_disk_more(ScsiReq *r)
{
    switch (r->op) {
    case DISK_REPLY: scsi_good(r); break;
    case DISK_READ: advance(r, read_next); break;
    case DISK_WRITE: write_piece(r); break;
    case DISK_VERIFY: verify_piece(r); break;
    case DISK_LIST: list_taken(r); break;
    case DISK_SAME: same_write(r); break;
    }
}

/* What the policy had stopped: the same piece once more. */
void scsi_disk_again(ScsiReq *r)
{
    switch (r->op) {
    case DISK_READ: read_next(r); break;
    case DISK_WRITE: write_piece(r); break;
    case DISK_FLUSH: flush(r); break;
    case DISK_VERIFY: verify_piece(r); break;
    case DISK_LIST:
        r->pos -= 16;
        list_next(r);
        break;
    case DISK_SAME: same_write(r); break;
    }
}

/* ---- commands ---- */

static uint64_t cdb_lba(const uint8_t *c)
{
    switch (c[0] >> 5) {
    case 0: return (uint32_t)(c[1] & 0x1f) << 16 | get_be16(c + 2);
    case 4: return get_be64(c + 2);
    }
    return get_be32(c + 2);
}

static uint64_t cdb_blocks(const uint8_t *c)
{
    switch (c[0] >> 5) {
    case 0: return c[4] ? c[4] : 256;
    case 4: return get_be32(c + 10);
    case 5: return get_be32(c + 6);
    }
    return get_be16(c + 7);
}

static void start_stop(ScsiReq *r)
{
    ScsiDisk *d = scsi_disk(r);
    uint8_t how = r->cdb[4];

    if (how >> 4) { /* a power condition: nothing to do */
        scsi_good(r);
        return;
    }
    if (how & 2 && d->removable) {
        if (!(how & 1) && d->st.locked) {
            scsi_check(r, SCSI_KEY_ILLEGAL, 0x5302);
            return;
        }
        blk_eject(d->blk, !(how & 1));
    }
    d->st.stopped = !(how & 1);
    scsi_good(r);
}

static void prevent_removal(ScsiReq *r)
{
    ScsiDisk *d = scsi_disk(r);

    d->st.locked = r->cdb[4] & 1;
    if (d->removable)
        blk_lock_medium(d->blk, d->st.locked);
    scsi_good(r);
}

/* Commands that move blocks; all have a medium. */
static void data_command(ScsiReq *r)
{
    const uint8_t *c = r->cdb;
    uint64_t lba = cdb_lba(c), n = cdb_blocks(c);

    r->fua = c[0] >> 5 && c[1] & 8;
    switch (c[0]) {
    case 0x08:
    case 0x28:
    case 0x88:
    case 0xa8: scsi_disk_read(r, lba, n); break;
    case 0x0a:
    case 0x2a:
    case 0x8a:
    case 0xaa: begin_write(r, lba, n, false); break;
    case 0x2e:
    case 0x8e:
    case 0xae:
        r->fua = true;
        begin_write(r, lba, n, false);
        break;
    case 0x2f:
    case 0x8f:
    case 0xaf:
        if (c[1] & 2)
            begin_write(r, lba, n, true);
        else if (range_ok(r, lba, n))
            scsi_good(r);
        break;
    case 0x0b:
    case 0x2b:
        if (range_ok(r, lba, 0))
            scsi_good(r);
        break;
    case 0x35:
    case 0x91: flush(r); break;
    case 0x41:
    case 0x93: write_same(r, lba, n); break;
    case 0x42:
        if (c[1] & 1)
            scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_FIELD);
        else if (writable(r))
            take_list(r);
        break;
    default: scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_OPCODE);
    }
}

void scsi_disk_command(ScsiReq *r)
{
    switch (r->cdb[0]) {
    case 0x12: scsi_disk_inquiry(r); break;
    case 0x1b: start_stop(r); break;
    case 0x1e: prevent_removal(r); break;
    case 0x1a:
    case 0x5a: scsi_disk_mode_sense(r); break;
    case 0x15:
    case 0x55: take_list(r); break;
    case 0x1d: /* self test: passed */
        if (r->cdb[1] & 4)
            scsi_good(r);
        else
            scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_FIELD);
        break;
    case 0x16: /* one initiator has it for itself anyway */
    case 0x17:
        r->dev->nexus.reserved = r->cdb[0] == 0x16;
        scsi_good(r);
        break;
    case 0x00:
    case 0x01:
        if (scsi_disk_ready(r))
            scsi_good(r);
        break;
    case 0x25:
    case 0x9e:
        if (scsi_disk_ready(r))
            scsi_disk_capacity(r);
        break;
    default:
        if (scsi_disk_ready(r))
            data_command(r);
    }
}
