/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-blk: virtio 1.2, 5.2. A request is {le32 type, le32 priority, le64 sector}, data, and a
 * status byte at the end of what the driver lets us write. Not here: SCSI commands, secure erase,
 * lifetime, zoned devices.
 *
 * A request that the error policy stops (-EAGAIN) is parked in the queue's state and done again by
 * blk_again(). Threads: machine lock; the block layer calls back on main.
 */
#include <errno.h>

#include "hw/virtio/blk-int.h"

enum { HEADER = 16, SECTOR = 512, RANGE = 16, ID_BYTES = 20 };
enum {
    T_IN = 0,
    T_OUT = 1,
    T_FLUSH = 4,
    T_GET_ID = 8,
    T_DISCARD = 11,
    T_WRITE_ZEROES = 13,
};
enum { S_OK, S_IOERR, S_UNSUPP };
enum { ZEROES_UNMAP = 1 };

typedef struct BlkReq {
    VirtioBlk *b;
    VirtqElem *e;
    uint64_t written; /* if it succeeds, with the status */
} BlkReq;

/* ---- ends ---- */

static void finish(VirtioBlk *b, VirtqElem *e, uint8_t status, uint64_t written)
{
    VirtQueue *vq = e->vq;

    virtq_write(e, e->in_len - 1, &status, 1);
    virtq_push(e, written);
    virtq_notify(vq);
}

static void request_done(void *o, int ret)
{
    BlkReq *r = o;
    VirtqElem *e = r->e;
    VirtioBlk *b = r->b;

    if (ret == -EAGAIN)
        virtq_park(e);
    else if (ret < 0)
        finish(b, e, S_IOERR, 1);
    else
        finish(b, e, S_OK, r->written);
    g_free(r);
}

static BlkReq *request_new(VirtioBlk *b, VirtqElem *e, uint64_t written)
{
    BlkReq *r = g_new(BlkReq, 1);

    *r = (BlkReq){ b, e, written };
    return r;
}

/* ---- what there is to do ---- */

static uint64_t blk_sectors(const VirtioBlk *b)
{
    int64_t n = blk_length(b->blk);

    return n < 0 ? 0 : n / SECTOR;
}

static bool range_ok(const VirtioBlk *b, uint64_t sector, uint64_t sectors)
{
    uint64_t all = blk_sectors(b), block = b->logical_block_size / SECTOR;

    return sector <= all && sectors <= all - sector && !(sector % block) && !(sectors % block);
}

/* The pieces of v without their first `skip` and last `cut` bytes, copied; a count. */
static int trim(struct iovec *to, const struct iovec *v, unsigned n, uint64_t skip, uint64_t cut,
                uint64_t len)
{
    return iov_slice(to, v, n, skip, len - skip - cut);
}

static void read_write(VirtioBlk *b, VirtqElem *e, uint64_t sector, bool write)
{
    uint64_t len = write ? e->out_len - HEADER : e->in_len - 1;
    int n;

    if (len % SECTOR || !range_ok(b, sector, len / SECTOR) || (write && !blk_writable(b->blk))) {
        finish(b, e, S_IOERR, 1);
        return;
    }
    if (!len) {
        finish(b, e, S_OK, 1);
        return;
    }
    if (write) {
        n = trim(b->iov, e->out, e->n_out, HEADER, 0, e->out_len);
        blk_writev(b->blk, sector * SECTOR, b->iov, n, !b->st.writeback, request_done,
                   request_new(b, e, 1));
    } else {
        n = trim(b->iov, e->in, e->n_in, 0, 1, e->in_len);
        blk_readv(b->blk, sector * SECTOR, b->iov, n, request_done, request_new(b, e, len + 1));
    }
}

/* One range: {le64 sector, le32 sectors, le32 flags} */
static void discard_zero(VirtioBlk *b, VirtqElem *e, bool zero)
{
    uint8_t raw[RANGE];
    uint32_t max = zero ? b->max_zeroes : b->max_discard;
    bool offered = virtio_has(&b->v, zero ? VIRTIO_BLK_F_WRITE_ZEROES : VIRTIO_BLK_F_DISCARD);

    if (!offered) {
        finish(b, e, S_UNSUPP, 1);
        return;
    }
    if (e->out_len != HEADER + RANGE || !virtq_read(e, HEADER, raw, RANGE)) {
        finish(b, e, S_IOERR, 1);
        return;
    }
    uint64_t sector = get_le64(raw), off = sector * SECTOR;
    uint32_t n = get_le32(raw + 8), flags = get_le32(raw + 12);
    if (flags & ~(zero ? ZEROES_UNMAP : 0u)) {
        finish(b, e, S_UNSUPP, 1);
    } else if (n > max || !range_ok(b, sector, n) || !blk_writable(b->blk)) {
        finish(b, e, S_IOERR, 1);
    } else if (!n) {
        finish(b, e, S_OK, 1);
    } else if (zero) {
        unsigned how = (flags & ZEROES_UNMAP ? BLK_UNMAP : 0) | (b->st.writeback ? 0 : BLK_FUA);
        blk_zero(b->blk, off, (uint64_t)n * SECTOR, how, request_done, request_new(b, e, 1));
    } else {
        blk_discard(b->blk, off, (uint64_t)n * SECTOR, request_done, request_new(b, e, 1));
    }
}

static void get_id(VirtioBlk *b, VirtqElem *e)
{
    char id[ID_BYTES] = "";
    uint64_t n = MIN(e->in_len - 1, sizeof(id));

    strncpy(id, b->serial ? b->serial : "", sizeof(id));
    virtq_write(e, 0, id, n);
    finish(b, e, S_OK, n + 1);
}

static void handle(Virtio *v, VirtqElem *e)
{
    VirtioBlk *b = (VirtioBlk *)v;
    uint8_t head[HEADER];

    if (!e->in_len || !virtq_read(e, 0, head, HEADER)) {
        virtio_break(v, "a request without header or status");
        virtq_drop(e);
        return;
    }
    switch (get_le32(head)) {
    case T_IN: read_write(b, e, get_le64(head + 8), false); break;
    case T_OUT: read_write(b, e, get_le64(head + 8), true); break;
    case T_FLUSH: blk_flush(b->blk, request_done, request_new(b, e, 1)); break;
    case T_GET_ID: get_id(b, e); break;
    case T_DISCARD: discard_zero(b, e, false); break;
    case T_WRITE_ZEROES: discard_zero(b, e, true); break;
    default: finish(b, e, S_UNSUPP, 1);
    }
}

static void blk_kick(Virtio *v, VirtQueue *vq)
{
    virtq_serve(vq, handle);
}

/* ---- the drive ---- */

static void blk_again(void *o)
{
    VirtioBlk *b = o;
    VirtqElem *e;

    if (!b->v.vq || device_held(b->v.dev))
        return;
    /* what is parked anew while we look at it waits for the next time */
    for (guint left = b->v.st.parked->len; left; left = MIN(left, b->v.st.parked->len)) {
        e = virtq_unpark(&b->v, NULL);
        if (!e)
            break;
        handle(&b->v, e);
    }
}

static void blk_resized(void *o)
{
    virtio_config_changed(&((VirtioBlk *)o)->v);
}

const BlockFrontOps virtio_blk_front = {
    .resized = blk_resized,
    .again = blk_again,
};

/* ---- features and configuration ---- */

static uint64_t blk_features(Virtio *v, uint64_t host)
{
    const VirtioBlk *b = (VirtioBlk *)v;
    uint64_t f = host & (VIRTIO_BIT(VIRTIO_BLK_F_CONFIG_WCE) | VIRTIO_BIT(VIRTIO_BLK_F_DISCARD) |
                         VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES));

    f |= VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) | VIRTIO_BIT(VIRTIO_BLK_F_GEOMETRY) |
         VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) | VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) |
         VIRTIO_BIT(VIRTIO_BLK_F_TOPOLOGY);
    if (!blk_writable(b->blk))
        f |= VIRTIO_BIT(VIRTIO_BLK_F_RO);
    if (v->n_queues > 1)
        f |= VIRTIO_BIT(VIRTIO_BLK_F_MQ);
    return f;
}

/* struct virtio_blk_config (5.2.4) */
static void blk_config(Virtio *v, uint8_t *c)
{
    const VirtioBlk *b = (VirtioBlk *)v;
    uint64_t sectors = blk_sectors(b), block = b->logical_block_size,
             cyls = b->cyls ? b->cyls : MIN(sectors / (b->heads * b->secs), 16383);
    unsigned exp = 0;

    while (block << exp < b->physical_block_size)
        exp++;
    put_le64(c, sectors);
    put_le32(c + 12, b->seg_max);
    put_le16(c + 16, cyls);
    c[18] = b->heads;
    c[19] = b->secs;
    put_le32(c + 20, block);
    c[24] = exp;
    put_le16(c + 26, b->min_io_size / block);
    put_le32(c + 28, b->opt_io_size / block);
    c[32] = b->st.writeback;
    put_le16(c + 34, v->n_queues);
    put_le32(c + 36, b->max_discard);
    put_le32(c + 40, 1);
    put_le32(c + 44, MAX(b->discard_granularity, block) / SECTOR);
    put_le32(c + 48, b->max_zeroes);
    put_le32(c + 52, 1);
    c[56] = 1;
}

static void blk_config_written(Virtio *v, unsigned off, unsigned n, const uint8_t *c)
{
    VirtioBlk *b = (VirtioBlk *)v;

    if (off <= 32 && off + n > 32 && virtio_has(v, VIRTIO_BLK_F_CONFIG_WCE))
        b->st.writeback = c[32] != 0;
}

/* 5.2.5: who cannot flush must not be left with data in a cache */
static void blk_status(Virtio *v, uint8_t now, uint8_t was)
{
    VirtioBlk *b = (VirtioBlk *)v;

    if ((now & VIRTIO_DRIVER_OK) && !virtio_has(v, VIRTIO_BLK_F_CONFIG_WCE) &&
        !virtio_has(v, VIRTIO_BLK_F_FLUSH))
        b->st.writeback = false;
}

const VirtioOps virtio_blk_ops = {
    .id = VIRTIO_BLK,
    .name = "virtio-blk",
    .features = blk_features,
    .config = blk_config,
    .config_written = blk_config_written,
    .kick = blk_kick,
    .status = blk_status,
};
