/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a disk says of itself: INQUIRY with its pages (SPC-4, 7.8; SBC-3, 6.5), mode pages
 * (SPC-4, 7.5), capacities. Of the pages only the write cache can be changed.
 */
#include <string.h>

#include "hw/scsi/disk.h"

/* ---- INQUIRY ---- */

static void padded(uint8_t *p, size_t n, const char *text)
{
    memset(p, ' ', n);
    memcpy(p, text, MIN(n, strlen(text)));
}

static uint8_t *designator(uint8_t *p, uint8_t set, uint8_t type, const void *data, size_t n)
{
    p[0] = set;
    p[1] = type;
    p[3] = n;
    memcpy(p + 4, data, n);
    return p + 4 + n;
}

static uint32_t page_identification(const ScsiDisk *d, uint8_t *p)
{
    uint8_t *q = p, wwn[8];
    const char *id = d->device_id;

    if (id)
        q = designator(q, 2, 0, id, MIN(strlen(id), 128));
    if (d->wwn) {
        put_be64(wwn, d->wwn);
        q = designator(q, 1, 3, wwn, 8);
    }
    if (d->port_wwn) {
        put_be64(wwn, d->port_wwn);
        q = designator(q, 0x61, 0x93, wwn, 8);
    }
    if (d->port_index) {
        put_be32(wwn, d->port_index);
        q = designator(q, 0x61, 0x94, wwn, 4);
    }
    return q - p;
}

static uint32_t clamp32(uint64_t n)
{
    return MIN(n, UINT32_MAX);
}

static uint32_t page_limits(const ScsiDisk *d, uint8_t *p)
{
    uint64_t unit = d->logical_block_size, grain = MAX(d->discard_granularity / unit, 1);

    put_be16(p + 2, MIN(d->min_io_size / unit, 65535));
    put_be32(p + 4, clamp32(d->max_io_size / unit));
    put_be32(p + 8, clamp32(d->opt_io_size / unit));
    put_be32(p + 16, clamp32(d->max_unmap_size / unit));
    put_be32(p + 20, 255);
    put_be32(p + 24, clamp32(grain));
    put_be64(p + 32, d->max_io_size / unit); /* WRITE SAME */
    return 60;
}

static uint32_t vpd_page(const ScsiDisk *d, uint8_t page, uint8_t *p)
{
    static const uint8_t pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };
    bool serial = d->serial;

    switch (page) {
    case 0x00:
        memcpy(p, pages, sizeof(pages));
        if (!serial)
            memmove(p + 1, p + 2, sizeof(pages) - 2);
        return sizeof(pages) - !serial;
    case 0x80: {
        size_t n = serial ? MIN(strlen(d->serial), 36) : 0;
        memcpy(p, serial ? d->serial : "", n);
        return n;
    }
    case 0x83: return page_identification(d, p);
    case 0xb0: return page_limits(d, p);
    case 0xb1: put_be16(p, d->rotation_rate); return 60;
    case 0xb2: /* UNMAP and both WRITE SAME unmap */
        p[1] = 0xe0;
        p[2] = 2; /* thin */
        return 4;
    }
    return 0;
}

static void inquiry_page(ScsiReq *r)
{
    const ScsiDisk *d = scsi_disk(r);
    uint8_t page = r->cdb[2], *p = scsi_buffer(r, 512);
    uint32_t n;

    if ((page == 0x80 && !d->serial) ||
        (page != 0 && page != 0x80 && page != 0x83 && (page < 0xb0 || page > 0xb2))) {
        scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_FIELD);
        return;
    }
    n = vpd_page(d, page, p + 4);
    p[1] = page;
    put_be16(p + 2, n);
    scsi_reply(r, n + 4, get_be16(r->cdb + 3));
}

void scsi_disk_inquiry(ScsiReq *r)
{
    const ScsiDisk *d = scsi_disk(r);
    uint8_t *p = scsi_buffer(r, 36);

    if (r->cdb[1] & 1) {
        inquiry_page(r);
        return;
    }
    if (r->cdb[2]) {
        scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_FIELD);
        return;
    }
    p[1] = d->removable ? 0x80 : 0;
    p[2] = d->scsi_version;
    p[3] = 0x12; /* hierarchical LUNs, response format 2 */
    p[4] = 31;
    p[7] = 0x12; /* synchronous, tagged commands */
    padded(p + 8, 8, d->vendor);
    padded(p + 16, 16, d->product);
    padded(p + 32, 4, d->ver);
    scsi_reply(r, 36, get_be16(r->cdb + 3));
}

/* ---- mode pages ---- */

enum { PAGE_RECOVERY = 1, PAGE_RIGID = 4, PAGE_CACHING = 8, PAGE_CONTROL = 0x0a };
static const uint8_t mode_pages[] = { PAGE_RECOVERY, PAGE_RIGID, PAGE_CACHING, PAGE_CONTROL };

static void geometry(const ScsiDisk *d, uint8_t *p)
{
    uint64_t heads = d->heads ? d->heads : 255, secs = d->secs ? d->secs : 63;
    uint64_t cyls = d->cyls ? d->cyls : MIN(scsi_disk_blocks(d) / (heads * secs) + 1, 0xffffff);

    p[2] = cyls >> 16;
    put_be16(p + 3, cyls);
    p[5] = heads;
    put_be16(p + 20, 5400);
}

/* current: what holds now; else which bits can be changed */
static uint32_t mode_page(const ScsiDisk *d, uint8_t page, bool current, uint8_t *p)
{
    static const uint8_t lengths[] = {
        [PAGE_RECOVERY] = 10, [PAGE_RIGID] = 22, [PAGE_CACHING] = 18, [PAGE_CONTROL] = 10
    };

    p[0] = page;
    p[1] = lengths[page];
    if (page == PAGE_CACHING)
        p[2] = !current || scsi_disk_cached(d) ? 4 : 0; /* WCE */
    else if (current && page == PAGE_RECOVERY)
        p[2] = 0x80; /* AWRE */
    else if (current && page == PAGE_RIGID)
        geometry(d, p);
    return p[1] + 2;
}

static uint32_t block_descriptor(const ScsiDisk *d, uint8_t *p)
{
    put_be32(p, MIN(scsi_disk_blocks(d), 0xffffff));
    p[0] = 0;
    put_be32(p + 4, d->logical_block_size & 0xffffff);
    return 8;
}

static bool page_known(uint8_t page)
{
    return page == 0x3f || memchr(mode_pages, page, sizeof(mode_pages));
}

void scsi_disk_mode_sense(ScsiReq *r)
{
    const ScsiDisk *d = scsi_disk(r);
    bool six = r->cdb[0] == 0x1a, has_medium = scsi_disk_blocks(d);
    uint8_t page = r->cdb[2] & 0x3f, control = r->cdb[2] >> 6, *p = scsi_buffer(r, 256);
    uint32_t head = six ? 4 : 8, n = head, desc = 0;
    uint8_t specific = (has_medium && !blk_writable(d->blk) ? 0x80 : 0) | (d->dpofua ? 0x10 : 0);

    if (control == 3) {
        scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_NO_SAVING);
        return;
    }
    if (!page_known(page)) {
        scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_FIELD);
        return;
    }
    if (!(r->cdb[1] & 8) && has_medium)
        desc = block_descriptor(d, p + n);
    n += desc;
    for (unsigned i = 0; i < sizeof(mode_pages); i++)
        if (page == mode_pages[i] || page == 0x3f)
            n += mode_page(d, mode_pages[i], control != 1, p + n);
    if (six) {
        p[0] = n - 1;
        p[2] = specific;
        p[3] = desc;
    } else {
        put_be16(p, n - 2);
        p[3] = specific;
        put_be16(p + 6, desc);
    }
    scsi_reply(r, n, r->length);
}

/* One page of MODE SELECT: as it is, but for WCE. */
static bool page_select(ScsiDisk *d, const uint8_t *p, uint32_t n)
{
    uint8_t now[64] = { 0 };

    if (n < 2 || !memchr(mode_pages, p[0] & 0x3f, sizeof(mode_pages)) || p[1] + 2u > n)
        return false;
    uint32_t len = mode_page(d, p[0] & 0x3f, true, now);
    if (p[1] + 2u != len)
        return false;
    for (uint32_t i = 2; i < len; i++) {
        uint8_t free_bits = (p[0] & 0x3f) == PAGE_CACHING && i == 2 ? 4 : 0;
        if ((p[i] ^ now[i]) & ~free_bits)
            return false;
    }
    if ((p[0] & 0x3f) == PAGE_CACHING)
        d->st.no_cache = !(p[2] & 4);
    return true;
}

void scsi_disk_mode_taken(ScsiReq *r)
{
    ScsiDisk *d = scsi_disk(r);
    bool six = r->cdb[0] == 0x15;
    uint32_t head = six ? 4 : 8, at;

    if (r->n < head || !(r->cdb[1] & 0x10)) {
        scsi_check(r, SCSI_KEY_ILLEGAL, r->n < head ? SCSI_LIST_LENGTH : SCSI_BAD_FIELD);
        return;
    }
    at = head + (six ? r->buf[3] : get_be16(r->buf + 6));
    while (at < r->n) {
        if (!page_select(d, r->buf + at, r->n - at)) {
            scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_PARAMETER);
            return;
        }
        at += r->buf[at + 1] + 2;
    }
    scsi_good(r);
}

/* ---- capacity ---- */

static void capacity_16(ScsiReq *r, uint64_t last)
{
    const ScsiDisk *d = scsi_disk(r);
    uint8_t *p = scsi_buffer(r, 32), exponent = 0;

    while (d->logical_block_size << exponent < d->physical_block_size)
        exponent++;
    put_be64(p, last);
    put_be32(p + 8, d->logical_block_size);
    p[13] = exponent;
    p[14] = 0x80; /* LBPME: UNMAP is worth while */
    scsi_reply(r, 32, r->length);
}

void scsi_disk_capacity(ScsiReq *r)
{
    const ScsiDisk *d = scsi_disk(r);
    uint64_t n = scsi_disk_blocks(d);

    if (!n) {
        scsi_check(r, SCSI_KEY_NOT_READY, SCSI_NO_MEDIUM);
    } else if (r->cdb[0] == 0x9e) {
        if ((r->cdb[1] & 0x1f) == 0x10)
            capacity_16(r, n - 1);
        else
            scsi_check(r, SCSI_KEY_ILLEGAL, SCSI_BAD_FIELD);
    } else {
        uint8_t *p = scsi_buffer(r, 8);
        put_be32(p, MIN(n - 1, UINT32_MAX));
        put_be32(p + 4, d->logical_block_size);
        scsi_reply(r, 8, 8);
    }
}
