/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request's way between adapter and device (SAM-5, 5 and 8). Whatever is to be said to the
 * adapter waits in the bus's queue and is said by the main loop, so neither side is ever called
 * inside a call of its own.
 *
 *   NEW -> QUEUED (an answer waits) -> HBA (it moves the piece) -> DISK -> ... -> OVER
 *                                                    PARKED: stopped by an error, see scsi.h
 */
#include <string.h>

#include "hw/scsi/scsi-int.h"
#include "util/iov.h"

enum { BUFFER_MOST = 1 << 20 };

/* ---- life ---- */

void scsi_ref(ScsiReq *r)
{
    r->refs++;
}

void scsi_unref(ScsiReq *r)
{
    if (--r->refs)
        return;
    g_free(r->iov);
    free(r->buf);
    g_free(r);
}

static const ScsiKind *kind_of(const ScsiReq *r)
{
    return r->dev->dev.type->bus_info;
}

ScsiReq *scsi_new(ScsiBus *bus, unsigned target, unsigned lun, uint64_t tag, const uint8_t *cdb,
                  size_t n, const struct iovec *iov, int n_iov, void *hba_o)
{
    ScsiDevice *exact = scsi_find(bus, target, lun, true), *dev = exact;

    if (!dev)
        dev = scsi_find(bus, target, lun, false);
    if (!dev)
        return NULL;
    ScsiReq *r = g_new0(ScsiReq, 1);
    *r = (ScsiReq){ .bus = bus,
                    .dev = dev,
                    .hba_o = hba_o,
                    .refs = 1,
                    .lun = lun,
                    .tag = tag,
                    .no_lun = !exact,
                    .n_iov = n_iov,
                    .iov = n_iov ? g_memdup2(iov, n_iov * sizeof(*iov)) : NULL };
    memcpy(r->cdb, cdb, MIN(n, sizeof(r->cdb)));
    scsi_shape(r->cdb, kind_of(r)->block(dev), &r->dir, &r->length);
    g_queue_push_tail(&dev->reqs, r);
    return r;
}

ScsiDir scsi_dir(const ScsiReq *r)
{
    return r->dir;
}

size_t scsi_length(const ScsiReq *r)
{
    return r->length;
}

void *scsi_hba_o(const ScsiReq *r)
{
    return r->hba_o;
}

/* ---- to the adapter ---- */

static void tell_data(ScsiReq *r)
{
    r->turn = REQ_HBA;
    if (r->n_iov) {
        size_t all = iov_bytes(r->iov, r->n_iov), n = r->moved < all ? all - r->moved : 0;

        n = MIN(n, r->n);
        if (r->to_guest)
            iov_from_buf(r->iov, r->n_iov, r->moved, r->buf, n);
        else
            iov_to_buf(r->iov, r->n_iov, r->moved, r->buf, n);
        r->moved += n;
        r->turn = REQ_QUEUED;
        kind_of(r)->more(r);
        return;
    }
    r->moved += r->n;
    r->bus->hba->data(r, r->buf, r->n, r->to_guest);
}

static void tell_done(ScsiReq *r)
{
    size_t all = r->n_iov ? iov_bytes(r->iov, r->n_iov) : r->length;
    bool sense = r->status == SCSI_CHECK_CONDITION;

    r->turn = REQ_OVER;
    g_queue_remove(&r->dev->reqs, r);
    r->bus->hba->done(r, r->status, sense ? r->sense : NULL, sense ? SCSI_SENSE_SIZE : 0,
                      all > r->moved ? all - r->moved : 0);
    scsi_unref(r);
}

static void next_event(void *o)
{
    ScsiBus *bus = o;
    ScsiReq *r = g_queue_pop_head(&bus->events);

    if (!r)
        return;
    if (r->finished)
        tell_done(r);
    else if (!device_held(&r->dev->dev)) /* else a reset takes it: its next piece never begins */
        tell_data(r);
}

static void queue_event(ScsiReq *r)
{
    r->turn = REQ_QUEUED;
    g_queue_push_tail(&r->bus->events, r);
    vm_call_main(r->bus->bus.owner->vm, r->bus->bus.owner, next_event, r->bus);
}

static void finish(ScsiReq *r, int status)
{
    if (r->finished)
        return;
    g_queue_remove(&r->bus->events, r);
    r->finished = true;
    r->status = status;
    queue_event(r);
}

/* ---- from the device ---- */

uint8_t *scsi_buffer(ScsiReq *r, uint32_t n)
{
    g_assert(n <= BUFFER_MOST);
    if (n > r->room) {
        free(r->buf);
        r->room = (n + 4095) & ~4095u;
        r->buf = aligned_alloc(4096, r->room);
        g_assert(r->buf);
        memset(r->buf, 0, r->room);
    }
    return r->buf;
}

void scsi_good(ScsiReq *r)
{
    finish(r, SCSI_GOOD);
}

static void fill_sense(uint8_t out[SCSI_SENSE_SIZE], uint8_t key, uint16_t sense)
{
    memset(out, 0, SCSI_SENSE_SIZE);
    out[0] = 0x70;
    out[2] = key;
    out[7] = SCSI_SENSE_SIZE - 8;
    out[12] = sense >> 8;
    out[13] = sense;
}

void scsi_check(ScsiReq *r, uint8_t key, uint16_t sense)
{
    fill_sense(r->sense, key, sense);
    r->dev->nexus.key = key;
    r->dev->nexus.sense = sense;
    finish(r, SCSI_CHECK_CONDITION);
}

void scsi_piece(ScsiReq *r, uint32_t n, bool to_guest)
{
    r->n = n;
    r->to_guest = to_guest;
    if (r->cancelled)
        finish(r, SCSI_CANCELLED);
    else
        queue_event(r);
}

void scsi_reply(ScsiReq *r, uint32_t n, uint32_t room)
{
    r->op = 0;
    n = MIN(n, room);
    if (n)
        scsi_piece(r, n, true);
    else
        scsi_good(r);
}

void scsi_to_disk(ScsiReq *r)
{
    r->turn = REQ_DISK;
}

bool scsi_from_disk(ScsiReq *r, int ret)
{
    r->turn = REQ_QUEUED;
    if (r->orphan) {
        scsi_unref(r);
        return true;
    }
    if (r->cancelled) {
        finish(r, SCSI_CANCELLED);
        return true;
    }
    if (ret == -EAGAIN)
        r->turn = REQ_PARKED;
    return ret == -EAGAIN;
}

void scsi_again(ScsiDevice *dev)
{
    const ScsiKind *kind = dev->dev.type->bus_info;

    for (GList *l = dev->reqs.head, *next; l; l = next) {
        ScsiReq *r = l->data;

        next = l->next;
        if (r->turn == REQ_PARKED) {
            r->turn = REQ_QUEUED;
            kind->again(r);
        }
    }
}

/* ---- from the adapter ---- */

/* News comes before what was asked; these three commands are answered all the same. */
static bool is_quiet(uint8_t op)
{
    return op == 0x12 || op == 0x03 || op == 0xa0;
}

void scsi_start(ScsiReq *r)
{
    ScsiNexus *x = &r->dev->nexus;

    if (r->turn != REQ_NEW)
        return;
    r->turn = REQ_QUEUED;
    if (x->attention && !r->no_lun && !is_quiet(r->cdb[0])) {
        uint16_t news = x->attention;

        x->attention = 0;
        scsi_check(r, SCSI_KEY_ATTENTION, news);
        return;
    }
    if (scsi_common(r))
        return;
    x->key = x->sense = 0;
    kind_of(r)->command(r);
}

void scsi_more(ScsiReq *r)
{
    if (r->turn != REQ_HBA)
        return;
    r->turn = REQ_QUEUED;
    if (r->cancelled)
        finish(r, SCSI_CANCELLED);
    else if (r->op == 0)
        scsi_good(r);
    else
        kind_of(r)->more(r);
}

bool scsi_cancel(ScsiReq *r)
{
    if (r->turn == REQ_OVER || r->orphan)
        return false;
    if (r->cancelled)
        return true;
    r->cancelled = true;
    if (r->turn == REQ_DISK)
        return true; /* its buffer is in use: told when that has ended */
    r->finished = false;
    finish(r, SCSI_CANCELLED);
    return true;
}

/* ---- the end of a device, of a machine's run ---- */

void scsi_purge(ScsiDevice *dev)
{
    ScsiReq *r;

    while ((r = g_queue_pop_head(&dev->reqs))) {
        g_queue_remove(&r->bus->events, r);
        if (r->turn == REQ_DISK) {
            r->orphan = true;
        } else {
            r->turn = REQ_OVER;
            scsi_unref(r);
        }
    }
}

/* ---- what every device answers ---- */

static void request_sense(ScsiReq *r)
{
    ScsiNexus *x = &r->dev->nexus;
    uint8_t *p = scsi_buffer(r, SCSI_SENSE_SIZE);

    if (r->no_lun) {
        fill_sense(p, SCSI_KEY_ILLEGAL, SCSI_NO_LUN);
    } else if (!x->key && x->attention) {
        fill_sense(p, SCSI_KEY_ATTENTION, x->attention);
        x->attention = 0;
    } else {
        fill_sense(p, x->key, x->sense);
    }
    if (!r->no_lun)
        x->key = x->sense = 0;
    scsi_reply(r, SCSI_SENSE_SIZE, r->cdb[4]);
}

static void report_luns(ScsiReq *r)
{
    const GPtrArray *all = r->bus->bus.devices;
    uint8_t *p = scsi_buffer(r, 8 + 8 * MIN(all->len + 1, 512));
    uint32_t n = 8;

    if (r->cdb[2] > 2) {
        scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_FIELD);
        return;
    }
    for (guint i = 0; i < MIN(all->len, 512); i++) {
        const ScsiDevice *d = all->pdata[i];

        if (d->target != r->dev->target || d->channel != r->dev->channel)
            continue;
        if (d->lun < 256) {
            p[n + 1] = d->lun;
        } else {
            p[n] = 0x40 | d->lun >> 8;
            p[n + 1] = d->lun;
        }
        n += 8;
    }
    put_be32(p, n - 8);
    scsi_reply(r, n, get_be32(r->cdb + 6));
}

/* qualifier 3: the target could not have a device there */
static void inquiry_no_lun(ScsiReq *r)
{
    uint8_t *p = scsi_buffer(r, 36);

    if (r->cdb[1] & 1) {
        scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_FIELD);
        return;
    }
    p[0] = 0x7f;
    p[2] = 5;
    p[3] = 0x12;
    p[4] = 31;
    scsi_reply(r, 36, get_be16(r->cdb + 3));
}

bool scsi_common(ScsiReq *r)
{
    switch (r->cdb[0]) {
    case 0x03: request_sense(r); return true;
    case 0xa0: report_luns(r); return true;
    case 0x12:
        if (r->no_lun)
            inquiry_no_lun(r);
        return r->no_lun;
    }
    if (r->no_lun) {
        /* the sense goes with the status; the device that is there has none of it */
        fill_sense(r->sense, SCSI_KEY_ILLEGAL, SCSI_NO_LUN);
        finish(r, SCSI_CHECK_CONDITION);
    }
    return r->no_lun;
}
