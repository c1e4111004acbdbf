/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a drive moves data, whatever it is: PIO pieces, bus-master DMA through a bounce buffer,
 * requests to the block layer, reset.
 *
 *   command -> ide_issue -> block layer -> kind->done -> PIO piece / DMA -> ide_issue ... ide_done
 *
 * Everything a command needs to go on stands in st, so that a request which the error policy parked
 * (-EAGAIN) is issued again by ide_again(), after a load too. A soft reset with a request in flight
 * stays busy until that has ended: nothing of it can reach the buffers of a later command.
 *
 * Threads: the machine lock, on main or a vCPU. The block layer calls back on main.
 */
#include "hw/ide/ide-int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define S IdeDriveState
const Field IdeDriveState_rows[] = {
    FIELD(S, lba), FIELD(S, dma_at), FIELD_VAR(S, buf, BUF_MAX),
    FIELD(S, left, .max = 65536), FIELD(S, now, .max = 65536), FIELD(S, pos, .max = BUF_MAX),
    FIELD(S, end, .max = BUF_MAX), FIELD(S, limit, .max = BUF_MAX), FIELD(S, reply, .max = BUF_MAX),
    FIELD(S, feature), FIELD(S, nsector), FIELD(S, sector), FIELD(S, lcyl), FIELD(S, hcyl),
    FIELD(S, select), FIELD(S, status), FIELD(S, error),
    FIELD(S, hob_feature), FIELD(S, hob_nsector), FIELD(S, hob_sector), FIELD(S, hob_lcyl),
    FIELD(S, hob_hcyl),
    FIELD(S, op, .max = OP_LAST), FIELD(S, mult, .max = MULT_MAX), FIELD(S, block, .max = MULT_MAX),
    FIELD(S, heads, .max = 16), FIELD(S, sects), FIELD(S, mode), FIELD(S, sense_key, .max = 15),
    FIELD(S, sense_asc),
    FIELD(S, irq), FIELD(S, lba48), FIELD(S, fua), FIELD(S, dma), FIELD(S, out), FIELD(S, parked),
    FIELD(S, resetting), FIELD(S, no_cache), FIELD(S, no_smart), FIELD(S, raw),
    FIELD_PAD(S, pad), FIELD_END
};
#undef S
/* clang-format on */

/* ---- ends ---- */

void ide_set_irq(IdeDrive *d, bool level)
{
    d->st.irq = level;
    ide_bus_update_irq(d->bus);
}

void ide_end(IdeDrive *d)
{
    d->st.op = OP_NONE;
    d->st.pos = d->st.end = 0;
    d->st.status = ST_READY | ST_SEEK;
}

void ide_done(IdeDrive *d)
{
    d->st.error = 0;
    ide_end(d);
    ide_set_irq(d, true);
}

void ide_fail(IdeDrive *d, uint8_t error)
{
    ide_end(d);
    d->st.error = error;
    d->st.status = ST_READY | ST_ERR;
    ide_set_irq(d, true);
}

/* ---- reset ---- */

void ide_signature(IdeDrive *d)
{
    d->st.select = SEL_FIXED;
    d->st.nsector = d->st.sector = 1;
    d->st.lcyl = d->kind->lcyl;
    d->st.hcyl = d->kind->hcyl;
    d->st.error = 1; /* diagnostics passed */
    ide_end(d);
    /* a packet device is not ready before its first command */
    if (d->kind == &ide_cdrom)
        d->st.status = 0;
}

static void reset_finish(IdeDrive *d)
{
    d->st.resetting = false;
    ide_signature(d);
}

/* done: SRST went back to 0, or a DEVICE RESET, which has no other end */
void ide_soft_reset(IdeDrive *d, bool done)
{
    d->st.irq = d->st.parked = false;
    d->st.op = OP_NONE;
    d->st.pos = d->st.end = 0;
    d->st.mult = MULT_MAX;
    d->st.status = ST_BSY | ST_SEEK;
    d->st.resetting = true;
    if (done && !d->busy)
        reset_finish(d);
    ide_bus_update_irq(d->bus);
}

void ide_drive_reset(Device *dev)
{
    IdeDrive *d = (IdeDrive *)dev;

    d->st.mult = MULT_MAX;
    d->st.heads = d->hds;
    d->st.sects = d->secs;
    d->st.mode = 0x45; /* UDMA 5 */
    d->st.no_cache = d->write_cache == 0;
    d->tray.locked = d->tray.eject_wanted = false; /* the tray itself stays as it is */
    if (d->blk && d->kind == &ide_cdrom)
        blk_lock_medium(d->blk, false);
    ide_signature(d);
    d->st.status = ST_READY | ST_SEEK;
}

/* ---- PIO ---- */

uint8_t *ide_buffer(IdeDrive *d, uint32_t n)
{
    g_assert(n <= BUF_MAX);
    g_byte_array_set_size(d->st.buf, n);
    return d->st.buf->data;
}

static void pio_piece(IdeDrive *d, uint32_t n, bool out, bool irq)
{
    g_assert(n <= d->st.buf->len);
    d->st.out = out;
    d->st.pos = 0;
    d->st.end = n;
    d->st.status = ST_READY | ST_SEEK | ST_DRQ;
    if (irq)
        ide_set_irq(d, true);
}

void ide_pio_in(IdeDrive *d, uint32_t n, bool irq)
{
    pio_piece(d, n, false, irq);
}

void ide_pio_out(IdeDrive *d, uint32_t n, bool irq)
{
    memset(ide_buffer(d, n), 0, n);
    pio_piece(d, n, true, irq);
}

/* The next bytes of the buffer, NULL when none are due. The bounds are checked here and not taken
 * from the state: a stream that was loaded may say anything. */
static uint8_t *pio_at(IdeDrive *d, unsigned size, bool out)
{
    IdeDriveState *s = &d->st;

    if (!(s->status & ST_DRQ) || s->out != out || s->end > s->buf->len || s->pos + size > s->end)
        return NULL;
    s->pos += size;
    return s->buf->data + s->pos - size;
}

static void pio_moved(IdeDrive *d)
{
    if (d->st.pos >= d->st.end) {
        d->st.status &= (uint8_t)~ST_DRQ;
        d->kind->piece(d);
    }
}

uint32_t ide_data_read(IdeDrive *d, unsigned size)
{
    const uint8_t *p = pio_at(d, size, false);
    uint32_t val = 0;

    if (!p)
        return 0;
    memcpy(&val, p, size);
    val = GUINT32_FROM_LE(val);
    pio_moved(d);
    return val;
}

void ide_data_write(IdeDrive *d, uint32_t val, unsigned size)
{
    uint8_t *p = pio_at(d, size, true);

    if (!p)
        return;
    val = GUINT32_TO_LE(val);
    memcpy(p, &val, size);
    pio_moved(d);
}

/* ---- DMA ---- */

bool ide_dma_wanted(const IdeDrive *d)
{
    switch (d->st.op) {
    case OP_READ_DMA:
    case OP_WRITE_DMA:
    case OP_TRIM_DMA: return true;
    case OP_CD_REPLY:
    case OP_CD_READ: return d->st.dma;
    }
    return false;
}

bool ide_dma_ready(const IdeDrive *d)
{
    const IdeHost *host = d->bus->host;

    return host->dma && host->dma_ready(d->bus->host_o);
}

void ide_dma_begin(IdeDrive *d, IdeOp op)
{
    if (!d->bus->host->dma) {
        ide_fail(d, ERR_ABRT);
        return;
    }
    d->st.op = op;
    d->st.dma = true;
    d->st.dma_at = 0;
    d->st.status = ST_READY | ST_SEEK | ST_DRQ;
    if (ide_dma_ready(d))
        ide_issue(d);
}

void ide_dma_end(IdeDrive *d)
{
    if (d->bus->host->dma_end)
        d->bus->host->dma_end(d->bus->host_o);
}

bool ide_dma_move(IdeDrive *d, void *buf, size_t n, bool to_guest)
{
    size_t moved = d->bus->host->dma(d->bus->host_o, d->st.dma_at, buf, n, to_guest);

    if (moved == n)
        return true;
    /* what a driver gets for a short list: no interrupt, and the engine has stopped */
    ide_end(d);
    ide_dma_end(d);
    return false;
}

/* ---- the block layer ---- */

void ide_issue(IdeDrive *d)
{
    d->st.status = (d->st.status & (uint8_t)~ST_DRQ) | ST_BSY;
    if (d->busy)
        d->st.parked = true;
    else
        d->kind->issue(d);
}

void ide_again(void *o)
{
    IdeDrive *d = o;

    if (d->st.parked && !d->busy) {
        d->st.parked = false;
        d->kind->issue(d);
    }
}

static void blk_done(void *o, int ret)
{
    IdeDrive *d = o;

    d->busy = false;
    if (d->st.resetting) {
        if (!(d->bus->st.control & CTL_SRST))
            reset_finish(d);
    } else if (ret == -EAGAIN) {
        d->st.parked = true;
    } else if (d->st.op != OP_NONE) {
        d->kind->done(d, ret);
    }
}

void ide_blk_read(IdeDrive *d, uint64_t off, void *buf, size_t n)
{
    struct iovec v = { buf, n };

    d->busy = true;
    blk_readv(d->blk, off, &v, 1, blk_done, d);
}

void ide_blk_write(IdeDrive *d, uint64_t off, void *buf, size_t n, bool fua)
{
    struct iovec v = { buf, n };

    d->busy = true;
    blk_writev(d->blk, off, &v, 1, fua, blk_done, d);
}

void ide_blk_flush(IdeDrive *d)
{
    d->busy = true;
    blk_flush(d->blk, blk_done, d);
}

void ide_blk_discard(IdeDrive *d, uint64_t off, uint64_t n)
{
    d->busy = true;
    blk_discard(d->blk, off, n, blk_done, d);
}

int64_t ide_blk_length(const IdeDrive *d)
{
    return d->blk ? blk_length(d->blk) : -ENOMEDIUM;
}

/* ---- life ---- */

static void cd_media(void *o, bool loaded)
{
    mmc_media(&((IdeDrive *)o)->mmc, loaded);
}

static void cd_eject_request(void *o, bool force)
{
    mmc_eject_request(&((IdeDrive *)o)->mmc, force);
}

static const BlockFrontOps disk_ops = { .again = ide_again };
static const BlockFrontOps cd_ops = {
    .media = cd_media,
    .tray = true,
    .eject_request = cd_eject_request,
    .again = ide_again,
};

/* "QM00001" for the first drive of the first channel: what guests know */
static void default_texts(IdeDrive *d)
{
    const char *given = d->blk ? blk_serial(d->blk) : NULL;

    if (!d->serial)
        d->serial =
            given ? g_strdup(given) : g_strdup_printf("QM%05u", d->bus->number * 2 + d->unit + 1);
    if (!d->model)
        d->model = g_strdup(d->kind == &ide_disk ? "QEMU HARDDISK" : "QEMU DVD-ROM");
    if (!d->ver)
        d->ver = g_strdup("2.5+");
}

bool ide_drive_realize(IdeDrive *d, const IdeKind *kind, GError **err)
{
    d->kind = kind;
    if (!d->blk && kind == &ide_disk)
        return user_fail(err, "ide-hd needs drive=ID");
    if (d->blk && !blk_claim(d->blk, &d->dev, kind == &ide_disk ? &disk_ops : &cd_ops, d,
                             kind == &ide_disk, err))
        return false;
    if (kind == &ide_disk && ide_blk_length(d) < SECTOR)
        return user_fail(err, "drive '%s' is empty: ide-hd needs a disk", blk_name(d->blk));
    default_texts(d);
    d->mmc = (Mmc){ .host = &ide_mmc,
                    .blk = d->blk,
                    .tray = &d->tray,
                    .sense_key = &d->st.sense_key,
                    .sense_asc = &d->st.sense_asc,
                    .serial = d->serial,
                    .vendor = "QEMU",
                    .model = d->model,
                    .ver = d->ver };
    d->bounce = aligned_alloc(4096, BOUNCE);
    return d->bounce != NULL;
}

void ide_drive_unrealize(Device *dev)
{
    IdeDrive *d = (IdeDrive *)dev;

    g_clear_pointer(&d->bounce, free);
}
