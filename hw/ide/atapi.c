/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet device (ATA8-ACS PACKET, ATAPI of SFF-8020i): commands outside packets, the CDB, and
 * how a reply or sectors of the medium reach the host, by PIO in pieces of at most the byte count
 * limit or by DMA. What the CDBs mean is in mmc.c.
 *
 *   nsector (interrupt reason): 1 command, 2 data to the host, 3 end
 */
#include <errno.h>
#include <string.h>

#include "hw/ide/ide-int.h"

enum { REASON_COMMAND = 1, REASON_DATA_IN = 2, REASON_END = 3 };
enum { ASC_READ_ERROR = 0x11, ASC_RANGE = 0x21, ASC_NO_MEDIUM = 0x3a };

/* ---- ends ---- */

static void atapi_done(IdeDrive *d)
{
    d->st.sense_key = d->st.sense_asc = 0;
    d->st.nsector = REASON_END;
    ide_done(d);
}

static void atapi_error(IdeDrive *d, uint8_t key, uint8_t asc)
{
    d->st.sense_key = key;
    d->st.sense_asc = asc;
    d->st.nsector = REASON_END;
    ide_fail(d, key << 4);
}

/* ---- data to the host ---- */

/* The next piece of [end, reply) of the buffer; the bytes before were moved. */
static void next_piece(IdeDrive *d, uint32_t from)
{
    IdeDriveState *s = &d->st;
    uint32_t n = MIN(s->reply - from, s->limit);

    if (from + n + (n & 1) > s->buf->len) { /* only a stream that was loaded can say so */
        ide_fail(d, ERR_ABRT);
        return;
    }
    s->lcyl = n;
    s->hcyl = n >> 8;
    s->nsector = REASON_DATA_IN;
    ide_pio_in(d, from + n + (n & 1), true);
    s->pos = from;
}

static void start_reply(IdeDrive *d)
{
    if (d->st.limit == 0) {
        /* a host that cannot take data: refused as a command, not as a packet */
        ide_fail(d, ERR_ABRT);
        return;
    }
    next_piece(d, 0);
}

/* words are moved: an odd length needs one byte more in the buffer */
static void set_reply(IdeDrive *d, uint32_t n)
{
    d->st.reply = n;
    if (d->st.buf->len < n + (n & 1))
        g_byte_array_append(d->st.buf, (const uint8_t *)"", 1);
}

static void atapi_reply(void *o, uint32_t n, uint32_t room)
{
    IdeDrive *d = o;

    n = MIN(n, room);
    if (n == 0) {
        atapi_done(d);
        return;
    }
    d->st.op = OP_CD_REPLY;
    set_reply(d, n);
    if (d->st.dma)
        ide_dma_begin(d, OP_CD_REPLY);
    else
        start_reply(d);
}

static bool medium_has(const IdeDrive *d, uint64_t lba, uint32_t n)
{
    int64_t len = ide_blk_length(d);
    uint64_t all = len < 0 ? 0 : len / CD_SECTOR;

    return lba < all && n <= all - lba;
}

static void atapi_read(void *o, uint64_t lba, uint32_t n, bool raw)
{
    IdeDrive *d = o;

    if (n == 0) {
        atapi_done(d);
    } else if (!medium_has(d, lba, n)) {
        atapi_error(d, SENSE_ILLEGAL, ASC_RANGE);
    } else {
        d->st.lba = lba;
        d->st.left = MIN(n, 65536); /* no medium of ours is that large in one command */
        d->st.raw = raw;
        d->st.op = OP_CD_READ;
        if (d->st.dma)
            ide_dma_begin(d, OP_CD_READ);
        else
            ide_issue(d);
    }
}

static uint32_t unit_size(const IdeDrive *d)
{
    return d->st.raw ? CD_RAW : CD_SECTOR;
}

/* Sectors were read to the end of the bounce buffer; spread them to what the host gets, from its
 * start: raw ones are longer, so the source lies behind the destination. */
static void spread_raw(IdeDrive *d, const uint8_t *data)
{
    uint8_t one[CD_SECTOR];

    for (uint32_t i = 0; i < d->st.now; i++) {
        memcpy(one, data + i * CD_SECTOR, CD_SECTOR);
        mmc_raw_sector(d->bounce + i * CD_RAW, one, d->st.lba + i);
    }
}

static void atapi_issue(IdeDrive *d)
{
    IdeDriveState *s = &d->st;
    uint32_t room = s->dma ? BOUNCE : BUF_MAX;

    if (s->op == OP_CD_REPLY) {
        if (ide_dma_move(d, s->buf->data, MIN(s->reply, s->buf->len), true)) {
            ide_dma_end(d);
            atapi_done(d);
        }
        return;
    }
    if (s->op != OP_CD_READ)
        return;
    s->now = MIN(s->left, room / unit_size(d));
    if (!medium_has(d, s->lba, s->now)) {
        if (s->dma)
            ide_dma_end(d);
        atapi_error(d, SENSE_ILLEGAL, ASC_RANGE);
        return;
    }
    ide_blk_read(d, s->lba * CD_SECTOR, d->bounce + BOUNCE - s->now * CD_SECTOR,
                 s->now * CD_SECTOR);
}

static void read_done(IdeDrive *d)
{
    IdeDriveState *s = &d->st;
    uint8_t *data = d->bounce + BOUNCE - s->now * CD_SECTOR;
    uint32_t n = s->now * unit_size(d);

    if (s->raw) {
        spread_raw(d, data);
        data = d->bounce;
    }
    if (!s->dma) {
        memcpy(ide_buffer(d, n), data, n);
        s->reply = n;
        s->lba += s->now;
        s->left -= MIN(s->now, s->left);
        start_reply(d);
    } else if (!ide_dma_ready(d)) {
        s->status = ST_READY | ST_SEEK | ST_DRQ;
    } else if (ide_dma_move(d, data, n, true)) {
        s->dma_at += n;
        s->lba += s->now;
        s->left -= MIN(s->now, s->left);
        if (s->left) {
            ide_issue(d);
        } else {
            ide_dma_end(d);
            atapi_done(d);
        }
    }
}

static void atapi_blk_done(IdeDrive *d, int ret)
{
    if (d->st.op != OP_CD_READ)
        return;
    if (ret < 0) {
        if (d->st.dma)
            ide_dma_end(d);
        if (ret == -ENOMEDIUM)
            atapi_error(d, SENSE_NOT_READY, ASC_NO_MEDIUM);
        else
            atapi_error(d, SENSE_MEDIUM_ERROR, ASC_READ_ERROR);
        return;
    }
    read_done(d);
}

static void take_cdb(IdeDrive *d)
{
    uint8_t cdb[12] = { 0 };

    memcpy(cdb, d->st.buf->data, MIN(sizeof(cdb), d->st.buf->len));
    d->st.op = OP_NONE;
    mmc_command(&d->mmc, cdb, d);
}

static void atapi_piece(IdeDrive *d)
{
    IdeDriveState *s = &d->st;

    if (s->op == OP_CDB)
        take_cdb(d);
    else if (s->op == OP_REPLY)
        ide_end(d);
    else if (s->end < s->reply)
        next_piece(d, s->end);
    else if (s->op == OP_CD_READ && s->left)
        ide_issue(d);
    else
        atapi_done(d);
}

/* ---- what answers the packets ---- */

static uint8_t *reply_buffer(void *o, uint32_t n)
{
    return ide_buffer(o, n);
}

static void packet_done(void *o)
{
    atapi_done(o);
}

static void packet_error(void *o, uint8_t key, uint8_t asc)
{
    atapi_error(o, key, asc);
}

const MmcHost ide_mmc = {
    .buffer = reply_buffer,
    .reply = atapi_reply,
    .read = atapi_read,
    .done = packet_done,
    .error = packet_error,
    .format = 0x21, /* ATAPI, response format 1 */
};

/* ---- commands outside packets ---- */

static void packet(IdeDrive *d)
{
    IdeDriveState *s = &d->st;

    if (s->feature & 2) { /* overlapped */
        ide_fail(d, ERR_ABRT);
        return;
    }
    s->limit = (s->lcyl | s->hcyl << 8) & ~1;
    s->dma = s->feature & 1;
    s->dma_at = 0;
    s->op = OP_CDB;
    s->error = 0;
    s->nsector = REASON_COMMAND;
    ide_pio_out(d, 12, false);
}

/* These names of a disk's commands make a packet device show its signature. */
static void abort_with_signature(IdeDrive *d)
{
    ide_signature(d);
    ide_fail(d, ERR_ABRT);
}

static void set_features(IdeDrive *d)
{
    if (d->st.feature == 0x03)
        d->st.mode = d->st.nsector;
    if (d->st.feature == 0x03 || d->st.feature == 0x66 || d->st.feature == 0xcc)
        ide_done(d);
    else
        ide_fail(d, ERR_ABRT);
}

static void atapi_command(IdeDrive *d, uint8_t cmd)
{
    switch (cmd) {
    case 0x08: ide_soft_reset(d, true); break;
    case 0xa0: packet(d); break;
    case 0xa1:
        ide_identify_cdrom(d, ide_buffer(d, SECTOR));
        d->st.op = OP_REPLY;
        d->st.error = 0;
        ide_pio_in(d, SECTOR, true);
        break;
    case 0x20:
    case 0xec: abort_with_signature(d); break;
    case 0xef: set_features(d); break;
    case 0xe5:
        d->st.nsector = 0xff;
        ide_done(d);
        break;
    case 0xe0 ... 0xe3:
    case 0xe6: /* power states */
    case 0xe7:
    case 0xea: ide_done(d); break;
    default: ide_fail(d, ERR_ABRT);
    }
}

const IdeKind ide_cdrom = {
    .command = atapi_command,
    .issue = atapi_issue,
    .done = atapi_blk_done,
    .piece = atapi_piece,
    .lcyl = 0x14,
    .hcyl = 0xeb,
};
