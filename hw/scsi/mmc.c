/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What commands mean to a CD-ROM (MMC-5, SPC-3): one data track in one session, a tray with a
 * lock, events of the medium. The profile is DVD-ROM when the medium is larger than a CD.
 *
 * A changed medium is told in two steps, as guests expect it of real drives: first "not ready,
 * medium not present", then "unit attention, medium may have changed".
 */
#include <string.h>

#include "hw/scsi/mmc.h"
#include "util/bytes.h"

enum { CD_FRAMES_MOST = 80 * 60 * 75 };
enum {
    ASC_BAD_OPCODE = 0x20,
    ASC_BAD_FIELD = 0x24,
    ASC_CHANGED = 0x28,
    ASC_BAD_FORMAT = 0x30,
    ASC_NO_SAVING = 0x39,
    ASC_NO_MEDIUM = 0x3a,
    ASC_LOCKED = 0x53,
};
enum { PROFILE_CD = 0x08, PROFILE_DVD = 0x10 };

/* clang-format off */
const Field MmcTray_rows[] = {
    FIELD(MmcTray, open), FIELD(MmcTray, locked), FIELD(MmcTray, changed, .max = 2),
    FIELD(MmcTray, new_media), FIELD(MmcTray, eject_wanted), FIELD_PAD(MmcTray, pad),
    FIELD_END
};
/* clang-format on */

/* ---- the medium ---- */

static bool has_medium(const Mmc *d)
{
    return d->blk && !d->tray->open && blk_inserted(d->blk);
}

static uint32_t sectors(const Mmc *d)
{
    int64_t n = has_medium(d) ? blk_length(d->blk) : 0;

    return n <= 0 ? 0 : MIN(n / MMC_SECTOR, UINT32_MAX);
}

static uint16_t profile(const Mmc *d)
{
    uint32_t n = sectors(d);

    return n == 0 ? 0 : n > CD_FRAMES_MOST ? PROFILE_DVD : PROFILE_CD;
}

void mmc_media(Mmc *d, bool loaded)
{
    d->tray->open = !loaded;
    d->tray->new_media = loaded;
    d->tray->eject_wanted = false;
    d->tray->changed = loaded ? 1 : 0;
}

/* The user asks for the medium; a guest that locked the tray is told by an event. */
void mmc_eject_request(Mmc *d, bool force)
{
    d->tray->eject_wanted = true;
    if (force) {
        d->tray->eject_wanted = false;
        d->tray->locked = false;
    }
}

static uint8_t bcd(unsigned n)
{
    return (n / 10 % 10) << 4 | n % 10;
}

void mmc_raw_sector(uint8_t *out, const uint8_t *data, uint64_t lba)
{
    uint64_t frame = lba + 150;

    memset(out, 0, MMC_RAW_SECTOR);
    memset(out + 1, 0xff, 10);
    out[12] = bcd(frame / (75 * 60));
    out[13] = bcd(frame / 75 % 60);
    out[14] = bcd(frame % 75);
    out[15] = 1;
    memcpy(out + 16, data, MMC_SECTOR);
}

/* ---- replies ---- */

static void fail(Mmc *d, uint8_t key, uint8_t asc)
{
    d->host->error(d->o, key, asc);
}

static void done(Mmc *d)
{
    d->host->done(d->o);
}

static void reply(Mmc *d, uint32_t n, uint32_t room)
{
    d->host->reply(d->o, n, room);
}

static void read_sectors(Mmc *d, uint64_t lba, uint32_t n, bool raw)
{
    d->host->read(d->o, lba, n, raw);
}

static uint8_t *zeroed(Mmc *d, uint32_t n)
{
    return memset(d->host->buffer(d->o, n), 0, n);
}

static void bad_field(Mmc *d)
{
    fail(d, SENSE_ILLEGAL, ASC_BAD_FIELD);
}

static void inquiry_vpd(Mmc *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 64);
    size_t n = MIN(strlen(d->serial), 20);

    p[0] = 5;
    p[1] = cdb[2];
    switch (cdb[2]) {
    case 0x00: /* the pages there are */
        p[3] = 2;
        p[5] = 0x83;
        break;
    case 0x83: /* one identification: ASCII, vendor's own */
        p[3] = 4 + 20;
        p[4] = 2;
        p[7] = 20;
        memset(p + 8, ' ', 20);
        memcpy(p + 8, d->serial, n);
        break;
    default: bad_field(d); return;
    }
    reply(d, 4 + p[3], get_be16(cdb + 3));
}

static void blank_padded(uint8_t *p, size_t n, const char *text)
{
    memset(p, ' ', n);
    memcpy(p, text, MIN(n, strlen(text)));
}

static void inquiry(Mmc *d, const uint8_t *cdb)
{
    if (cdb[1] & 1) {
        inquiry_vpd(d, cdb);
        return;
    }
    if (cdb[2]) {
        bad_field(d);
        return;
    }
    uint8_t *p = zeroed(d, 36);
    p[0] = 5;    /* CD-ROM */
    p[1] = 0x80; /* removable */
    p[2] = d->host->version;
    p[3] = d->host->format;
    p[4] = 31;
    blank_padded(p + 8, 8, d->vendor);
    blank_padded(p + 16, 16, d->model);
    blank_padded(p + 32, 4, d->ver);
    reply(d, 36, get_be16(cdb + 3));
}

static void request_sense(Mmc *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 18);

    p[0] = 0xf0;
    p[2] = *d->sense_key;
    p[7] = 10;
    p[12] = *d->sense_asc;
    *d->sense_key = *d->sense_asc = 0;
    reply(d, 18, cdb[4]);
}

static void test_unit_ready(Mmc *d, const uint8_t *cdb)
{
    done(d);
}

static void read_capacity(Mmc *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 8);

    put_be32(p, sectors(d) - 1);
    put_be32(p + 4, MMC_SECTOR);
    reply(d, 8, 8);
}

static void read_10(Mmc *d, const uint8_t *cdb)
{
    uint32_t n = cdb[0] == 0xa8 ? get_be32(cdb + 6) : get_be16(cdb + 7);

    read_sectors(d, get_be32(cdb + 2), n, false);
}

/* what to transfer: 10h the user data, F8h the whole sector */
static void read_cd(Mmc *d, const uint8_t *cdb)
{
    uint32_t n = cdb[6] << 16 | cdb[7] << 8 | cdb[8];

    switch (cdb[9] & 0xf8) {
    case 0x00: done(d); break;
    case 0x10: read_sectors(d, get_be32(cdb + 2), n, false); break;
    case 0xf8: read_sectors(d, get_be32(cdb + 2), n, true); break;
    default: bad_field(d);
    }
}

static void seek_10(Mmc *d, const uint8_t *cdb)
{
    if (get_be32(cdb + 2) >= sectors(d))
        fail(d, SENSE_ILLEGAL, 0x21);
    else
        done(d);
}

/* ---- table of contents ---- */

static void toc_address(uint8_t *p, bool msf, uint32_t lba)
{
    if (msf) {
        lba += 150;
        p[1] = lba / (75 * 60);
        p[2] = lba / 75 % 60;
        p[3] = lba % 75;
    } else {
        put_be32(p, lba);
    }
}

static uint8_t *toc_entry(uint8_t *p, uint8_t track, bool msf, uint32_t lba)
{
    p[1] = track == 0xaa ? 0x16 : 0x14; /* data track */
    p[2] = track;
    toc_address(p + 4, msf, lba);
    return p + 8;
}

static uint32_t toc_tracks(const Mmc *d, uint8_t *p, bool msf, uint8_t first)
{
    uint8_t *q = p + 4;

    if (first <= 1)
        q = toc_entry(q, 1, msf, 0);
    q = toc_entry(q, 0xaa, msf, sectors(d));
    p[2] = p[3] = 1;
    return q - p;
}

static uint8_t *full_entry(uint8_t *p, uint8_t point)
{
    p[0] = 1; /* session */
    p[1] = 0x14;
    p[3] = point;
    return p + 11;
}

static uint32_t toc_full(const Mmc *d, uint8_t *p, bool msf)
{
    uint8_t *q = p + 4;

    p[2] = p[3] = 1;
    for (unsigned point = 0xa0; point <= 0xa2; point++) {
        uint8_t *e = q;
        q = full_entry(q, point);
        if (point < 0xa2)
            e[8] = 1; /* first and last track */
        else
            toc_address(e + 7, msf, sectors(d));
    }
    uint8_t *track = q;
    q = full_entry(q, 1);
    toc_address(track + 7, msf, 0);
    return q - p;
}

static void read_toc(Mmc *d, const uint8_t *cdb)
{
    bool msf = cdb[1] & 2;
    /* MMC's place for the format, and the older one of SFF-8020i */
    unsigned format = cdb[2] & 15 ? cdb[2] & 15 : cdb[9] >> 6;
    uint8_t *p = zeroed(d, 64);
    uint32_t n;

    switch (format) {
    case 0:
        if (cdb[6] > 1 && cdb[6] != 0xaa) {
            bad_field(d);
            return;
        }
        n = toc_tracks(d, p, msf, cdb[6]);
        break;
    case 1: /* sessions: the first track of the last one */
        p[2] = p[3] = p[6] = 1;
        p[5] = 0x14;
        n = 12;
        break;
    case 2: n = toc_full(d, p, msf); break;
    default: bad_field(d); return;
    }
    put_be16(p, n - 2);
    reply(d, n, get_be16(cdb + 7));
}

/* ---- mode pages, configuration, events ---- */

static uint32_t mode_page(const Mmc *d, uint8_t page, uint8_t *p)
{
    static const uint8_t recovery[] = { 0x01, 6, 0, 5 };
    static const uint8_t audio[] = { 0x0e, 0x0e, 4, 0, 0, 0, 0, 0, 1, 255, 2, 255, 0, 0, 0, 0 };
    /* reads CD-R, CD-RW and DVD; mode 2 and multi-session; tray with a lock; speeds in KiB/s */
    static const uint8_t capabilities[] = { 0x2a, 0x14, 0x3b, 0, 0x71, 0x60, 0x29, 0,
                                            2,    0xc0, 0,    2, 2,    0,    2,    0xc0 };

    switch (page) {
    case 0x01: memcpy(p, recovery, sizeof(recovery)); return 8;
    case 0x0e: memcpy(p, audio, sizeof(audio)); return 16;
    case 0x2a:
        memcpy(p, capabilities, sizeof(capabilities));
        if (d->tray->locked)
            p[6] |= 2;
        return 22;
    }
    return 0;
}

/* By ten bytes, with a header of eight; or by six, with one of four */
static void mode_sense(Mmc *d, const uint8_t *cdb)
{
    static const uint8_t pages[] = { 0x01, 0x0e, 0x2a };
    enum { MEDIUM_NONE = 0x70 };
    bool six = cdb[0] == 0x1a;
    uint8_t *p = zeroed(d, 8 + 64), page = cdb[2] & 0x3f;
    uint32_t head = six ? 4 : 8, n = head;

    if (cdb[2] >> 6 == 3) {
        fail(d, SENSE_ILLEGAL, ASC_NO_SAVING);
        return;
    }
    for (unsigned i = 0; i < sizeof(pages); i++)
        if (page == pages[i] || page == 0x3f)
            n += mode_page(d, pages[i], p + n);
    if (n == head) {
        bad_field(d);
        return;
    }
    if (six) {
        p[0] = n - 1;
        p[1] = MEDIUM_NONE;
    } else {
        put_be16(p, n - 2);
        p[2] = MEDIUM_NONE;
    }
    reply(d, n, six ? cdb[4] : get_be16(cdb + 7));
}

/* only the list of profiles: a reader has no further features worth asking for */
static void get_configuration(Mmc *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 8 + 12);
    uint16_t now = profile(d), from = get_be16(cdb + 2);
    uint32_t n = from == 0 ? 20 : 8;

    if ((cdb[1] & 3) == 3) {
        bad_field(d);
        return;
    }
    put_be16(p + 6, now);
    if (n > 8) {
        p[10] = 3; /* version 0, persistent, current */
        p[11] = 8;
        put_be16(p + 12, PROFILE_DVD);
        p[14] = now == PROFILE_DVD;
        put_be16(p + 16, PROFILE_CD);
        p[18] = now == PROFILE_CD;
    }
    put_be32(p, n - 4);
    reply(d, n, get_be16(cdb + 7));
}

static uint8_t media_event(Mmc *d)
{
    enum { NOTHING, EJECT_REQUEST, NEW_MEDIA };

    if (d->tray->new_media) {
        d->tray->new_media = false;
        return NEW_MEDIA;
    }
    if (d->tray->eject_wanted) {
        d->tray->eject_wanted = false;
        return EJECT_REQUEST;
    }
    return NOTHING;
}

/* polled only; of the classes only media (4) */
static void get_event_status(Mmc *d, const uint8_t *cdb)
{
    enum { CLASS_MEDIA = 4, SUPPORTED = 1 << CLASS_MEDIA, NO_EVENT = 0x80 };
    uint16_t room = get_be16(cdb + 7);
    uint8_t *p = zeroed(d, 8);
    uint32_t n = 4;

    if (!(cdb[1] & 1)) {
        bad_field(d);
        return;
    }
    p[3] = SUPPORTED;
    if (cdb[4] & SUPPORTED) {
        n = 8;
        p[2] = CLASS_MEDIA;
        if (room > 4)
            p[4] = media_event(d);
        p[5] = (d->tray->open ? 1 : 0) | (has_medium(d) ? 2 : 0);
    } else {
        p[2] = NO_EVENT;
    }
    put_be16(p, n - 4);
    reply(d, n, room);
}

static void mechanism_status(Mmc *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 8);

    p[1] = d->tray->open ? 0x10 : 0;
    p[5] = 1; /* one slot, no changer */
    reply(d, 8, get_be16(cdb + 8));
}

static void disc_information(Mmc *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 34);

    if (cdb[1] & 7) {
        bad_field(d);
        return;
    }
    put_be16(p, 32);
    p[2] = 0x0e; /* finished disc, last session complete */
    p[3] = p[4] = p[5] = p[6] = 1;
    p[7] = 0x20; /* unrestricted use */
    reply(d, 34, get_be16(cdb + 7));
}

/* Formats 0, the physical layout; 1, no copyright protection; FFh, the list of them */
static void dvd_structure(Mmc *d, const uint8_t *cdb)
{
    static const uint8_t list[] = { 0x00, 0x40, 0x08, 0x04, 0x01, 0x40, 0, 8 };
    uint8_t *p = zeroed(d, 4 + 2048);
    uint32_t n = 4, last = sectors(d) - 1 + 0x30000;

    if (profile(d) != PROFILE_DVD) {
        fail(d, SENSE_ILLEGAL, ASC_BAD_FORMAT);
        return;
    }
    switch (cdb[7]) {
    case 0x00:
        n += 2048;
        p[4] = 1;    /* DVD-ROM, version 1 */
        p[5] = 0x0f; /* 120 mm, no maximum rate */
        p[6] = 1;    /* one layer, read-only */
        put_be32(p + 8, 0x30000);
        put_be32(p + 12, last);
        put_be32(p + 16, last);
        break;
    case 0x01: n += 4; break;
    case 0xff:
        n += sizeof(list);
        memcpy(p + 4, list, sizeof(list));
        break;
    default: bad_field(d); return;
    }
    put_be16(p, n - 2);
    reply(d, n, get_be16(cdb + 8));
}

static void mode_select(Mmc *d, const uint8_t *cdb)
{
    bad_field(d); /* no page can be changed */
}

/* ---- the tray ---- */

static void prevent_removal(Mmc *d, const uint8_t *cdb)
{
    d->tray->locked = cdb[4] & 1;
    if (d->blk)
        blk_lock_medium(d->blk, d->tray->locked);
    done(d);
}

static void move_tray(Mmc *d, bool open)
{
    if (open == d->tray->open)
        return;
    d->tray->open = open;
    if (d->blk)
        blk_eject(d->blk, open);
    if (!open && has_medium(d))
        d->tray->new_media = true;
}

static void start_stop(Mmc *d, const uint8_t *cdb)
{
    bool load_eject = cdb[4] & 2, start = cdb[4] & 1;

    if (cdb[4] & 0xf0 || !load_eject) {
        done(d); /* power states; spinning */
    } else if (!start && d->tray->locked && !d->tray->open) {
        fail(d, has_medium(d) ? SENSE_NOT_READY : SENSE_ILLEGAL, ASC_LOCKED);
    } else {
        move_tray(d, !start);
        done(d);
    }
}

/* ---- dispatch ---- */

/* READY: needs a medium and tells of a changed one first; QUIET: may come before that news */
enum { READY = 1, QUIET = 2 };
typedef struct MmcCommand {
    void (*run)(Mmc *, const uint8_t *cdb);
    uint8_t opcode, flags;
} MmcCommand;

/* clang-format off */
static const MmcCommand commands[] = {
    { test_unit_ready,    0x00, READY },
    { request_sense,      0x03, QUIET },
    { inquiry,            0x12, QUIET },
    { mode_sense,         0x1a, 0 },
    { start_stop,         0x1b, 0 },
    { prevent_removal,    0x1e, 0 },
    { read_capacity,      0x25, READY },
    { read_10,            0x28, READY },
    { seek_10,            0x2b, READY },
    { read_toc,           0x43, READY },
    { get_configuration,  0x46, QUIET },
    { get_event_status,   0x4a, QUIET },
    { disc_information,   0x51, READY },
    { mode_select,        0x55, 0 },
    { mode_sense,         0x5a, 0 },
    { read_10,            0xa8, READY },
    { dvd_structure,      0xad, READY },
    { test_unit_ready,    0xbb, READY },   /* SET CD SPEED: as fast as it goes */
    { mechanism_status,   0xbd, 0 },
    { read_cd,            0xbe, READY },
};
/* clang-format on */

/* false: the command ended with the news of another medium */
static bool told_change(Mmc *d, const MmcCommand *c)
{
    if (c->flags & QUIET || !d->tray->changed || !has_medium(d))
        return true;
    if (d->tray->changed++ == 1) {
        fail(d, SENSE_NOT_READY, ASC_NO_MEDIUM);
    } else {
        d->tray->changed = 0;
        fail(d, SENSE_ATTENTION, ASC_CHANGED);
    }
    return false;
}

void mmc_command(Mmc *d, const uint8_t *cdb, void *o)
{
    d->o = o;
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        const MmcCommand *c = &commands[i];
        if (c->opcode != cdb[0])
            continue;
        if (!told_change(d, c))
            return;
        if (c->flags & READY && !has_medium(d))
            fail(d, SENSE_NOT_READY, ASC_NO_MEDIUM);
        else
            c->run(d, cdb);
        return;
    }
    fail(d, SENSE_ILLEGAL, ASC_BAD_OPCODE);
}
