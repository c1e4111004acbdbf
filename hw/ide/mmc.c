/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What packets mean to the CD-ROM (MMC-5, SPC-3): one data track in one session, a tray with a
 * lock, events of the medium. The profile is DVD-ROM when the medium is larger than a CD.
 *
 * A changed medium is told in two steps, as guests expect it of real drives: first "not ready,
 * medium not present", then "unit attention, medium may have changed".
 */
#include <string.h>

#include "hw/ide/ide-int.h"

enum { CD_FRAMES_MOST = 80 * 60 * 75 };
enum { KEY_NOT_READY = 2, KEY_ILLEGAL = 5, KEY_ATTENTION = 6 };
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

static uint16_t be16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void wr16(uint8_t *p, uint16_t v)
{
    p[0] = v >> 8;
    p[1] = v;
}

static void wr32(uint8_t *p, uint32_t v)
{
    wr16(p, v >> 16);
    wr16(p + 2, v);
}

/* ---- the medium ---- */

static bool has_medium(const IdeDrive *d)
{
    return d->blk && !d->tray.open && blk_inserted(d->blk);
}

static uint32_t sectors(const IdeDrive *d)
{
    int64_t n = has_medium(d) ? ide_blk_length(d) : 0;

    return n <= 0 ? 0 : MIN(n / CD_SECTOR, UINT32_MAX);
}

static uint16_t profile(const IdeDrive *d)
{
    uint32_t n = sectors(d);

    return n == 0 ? 0 : n > CD_FRAMES_MOST ? PROFILE_DVD : PROFILE_CD;
}

void mmc_media(IdeDrive *d, bool loaded)
{
    d->tray.open = !loaded;
    d->tray.new_media = loaded;
    d->tray.eject_wanted = false;
    d->tray.changed = loaded ? 1 : 0;
}

/* The user asks for the medium; a guest that locked the tray is told by an event. */
void mmc_eject_request(IdeDrive *d, bool force)
{
    d->tray.eject_wanted = true;
    if (force) {
        d->tray.eject_wanted = false;
        d->tray.locked = false;
    }
}

/* ---- replies ---- */

static uint8_t *zeroed(IdeDrive *d, uint32_t n)
{
    return memset(ide_buffer(d, n), 0, n);
}

static void bad_field(IdeDrive *d)
{
    atapi_error(d, KEY_ILLEGAL, ASC_BAD_FIELD);
}

static void inquiry_vpd(IdeDrive *d, const uint8_t *cdb)
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
    atapi_reply(d, 4 + p[3], be16(cdb + 3));
}

static void blank_padded(uint8_t *p, size_t n, const char *text)
{
    memset(p, ' ', n);
    memcpy(p, text, MIN(n, strlen(text)));
}

static void inquiry(IdeDrive *d, const uint8_t *cdb)
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
    p[3] = 0x21; /* ATAPI, response format 1 */
    p[4] = 31;
    blank_padded(p + 8, 8, "QEMU");
    blank_padded(p + 16, 16, d->model);
    blank_padded(p + 32, 4, d->ver);
    atapi_reply(d, 36, be16(cdb + 3));
}

static void request_sense(IdeDrive *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 18);

    p[0] = 0xf0;
    p[2] = d->st.sense_key;
    p[7] = 10;
    p[12] = d->st.sense_asc;
    d->st.sense_key = d->st.sense_asc = 0;
    atapi_reply(d, 18, cdb[4]);
}

static void test_unit_ready(IdeDrive *d, const uint8_t *cdb)
{
    atapi_done(d);
}

static void read_capacity(IdeDrive *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 8);

    wr32(p, sectors(d) - 1);
    wr32(p + 4, CD_SECTOR);
    atapi_reply(d, 8, 8);
}

static void read_10(IdeDrive *d, const uint8_t *cdb)
{
    uint32_t n = cdb[0] == 0xa8 ? be32(cdb + 6) : be16(cdb + 7);

    atapi_read(d, be32(cdb + 2), n, false);
}

/* what to transfer: 10h the user data, F8h the whole sector */
static void read_cd(IdeDrive *d, const uint8_t *cdb)
{
    uint32_t n = cdb[6] << 16 | cdb[7] << 8 | cdb[8];

    switch (cdb[9] & 0xf8) {
    case 0x00: atapi_done(d); break;
    case 0x10: atapi_read(d, be32(cdb + 2), n, false); break;
    case 0xf8: atapi_read(d, be32(cdb + 2), n, true); break;
    default: bad_field(d);
    }
}

static void seek_10(IdeDrive *d, const uint8_t *cdb)
{
    if (be32(cdb + 2) >= sectors(d))
        atapi_error(d, KEY_ILLEGAL, 0x21);
    else
        atapi_done(d);
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
        wr32(p, lba);
    }
}

static uint8_t *toc_entry(uint8_t *p, uint8_t track, bool msf, uint32_t lba)
{
    p[1] = track == 0xaa ? 0x16 : 0x14; /* data track */
    p[2] = track;
    toc_address(p + 4, msf, lba);
    return p + 8;
}

static uint32_t toc_tracks(const IdeDrive *d, uint8_t *p, bool msf, uint8_t first)
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

static uint32_t toc_full(const IdeDrive *d, uint8_t *p, bool msf)
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

static void read_toc(IdeDrive *d, const uint8_t *cdb)
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
    wr16(p, n - 2);
    atapi_reply(d, n, be16(cdb + 7));
}

/* ---- mode pages, configuration, events ---- */

static uint32_t mode_page(const IdeDrive *d, uint8_t page, uint8_t *p)
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
        if (d->tray.locked)
            p[6] |= 2;
        return 22;
    }
    return 0;
}

static void mode_sense(IdeDrive *d, const uint8_t *cdb)
{
    static const uint8_t pages[] = { 0x01, 0x0e, 0x2a };
    uint8_t *p = zeroed(d, 8 + 64), page = cdb[2] & 0x3f;
    uint32_t n = 8;

    if (cdb[2] >> 6 == 3) {
        atapi_error(d, KEY_ILLEGAL, ASC_NO_SAVING);
        return;
    }
    for (unsigned i = 0; i < sizeof(pages); i++)
        if (page == pages[i] || page == 0x3f)
            n += mode_page(d, pages[i], p + n);
    if (n == 8) {
        bad_field(d);
        return;
    }
    wr16(p, n - 2);
    p[2] = 0x70;
    atapi_reply(d, n, be16(cdb + 7));
}

/* only the list of profiles: a reader has no further features worth asking for */
static void get_configuration(IdeDrive *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 8 + 12);
    uint16_t now = profile(d), from = be16(cdb + 2);
    uint32_t n = from == 0 ? 20 : 8;

    if ((cdb[1] & 3) == 3) {
        bad_field(d);
        return;
    }
    wr16(p + 6, now);
    if (n > 8) {
        p[10] = 3; /* version 0, persistent, current */
        p[11] = 8;
        wr16(p + 12, PROFILE_DVD);
        p[14] = now == PROFILE_DVD;
        wr16(p + 16, PROFILE_CD);
        p[18] = now == PROFILE_CD;
    }
    wr32(p, n - 4);
    atapi_reply(d, n, be16(cdb + 7));
}

static uint8_t media_event(IdeDrive *d)
{
    enum { NOTHING, EJECT_REQUEST, NEW_MEDIA };

    if (d->tray.new_media) {
        d->tray.new_media = false;
        return NEW_MEDIA;
    }
    if (d->tray.eject_wanted) {
        d->tray.eject_wanted = false;
        return EJECT_REQUEST;
    }
    return NOTHING;
}

/* polled only; of the classes only media (4) */
static void get_event_status(IdeDrive *d, const uint8_t *cdb)
{
    enum { CLASS_MEDIA = 4, SUPPORTED = 1 << CLASS_MEDIA, NO_EVENT = 0x80 };
    uint16_t room = be16(cdb + 7);
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
        p[5] = (d->tray.open ? 1 : 0) | (has_medium(d) ? 2 : 0);
    } else {
        p[2] = NO_EVENT;
    }
    wr16(p, n - 4);
    atapi_reply(d, n, room);
}

static void mechanism_status(IdeDrive *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 8);

    p[1] = d->tray.open ? 0x10 : 0;
    p[5] = 1; /* one slot, no changer */
    atapi_reply(d, 8, be16(cdb + 8));
}

static void disc_information(IdeDrive *d, const uint8_t *cdb)
{
    uint8_t *p = zeroed(d, 34);

    if (cdb[1] & 7) {
        bad_field(d);
        return;
    }
    wr16(p, 32);
    p[2] = 0x0e; /* finished disc, last session complete */
    p[3] = p[4] = p[5] = p[6] = 1;
    p[7] = 0x20; /* unrestricted use */
    atapi_reply(d, 34, be16(cdb + 7));
}

/* Formats 0, the physical layout; 1, no copyright protection; FFh, the list of them */
static void dvd_structure(IdeDrive *d, const uint8_t *cdb)
{
    static const uint8_t list[] = { 0x00, 0x40, 0x08, 0x04, 0x01, 0x40, 0, 8 };
    uint8_t *p = zeroed(d, 4 + 2048);
    uint32_t n = 4, last = sectors(d) - 1 + 0x30000;

    if (profile(d) != PROFILE_DVD) {
        atapi_error(d, KEY_ILLEGAL, ASC_BAD_FORMAT);
        return;
    }
    switch (cdb[7]) {
    case 0x00:
        n += 2048;
        p[4] = 1;    /* DVD-ROM, version 1 */
        p[5] = 0x0f; /* 120 mm, no maximum rate */
        p[6] = 1;    /* one layer, read-only */
        wr32(p + 8, 0x30000);
        wr32(p + 12, last);
        wr32(p + 16, last);
        break;
    case 0x01: n += 4; break;
    case 0xff:
        n += sizeof(list);
        memcpy(p + 4, list, sizeof(list));
        break;
    default: bad_field(d); return;
    }
    wr16(p, n - 2);
    atapi_reply(d, n, be16(cdb + 8));
}

static void mode_select(IdeDrive *d, const uint8_t *cdb)
{
    bad_field(d); /* no page can be changed */
}

/* ---- the tray ---- */

static void prevent_removal(IdeDrive *d, const uint8_t *cdb)
{
    d->tray.locked = cdb[4] & 1;
    if (d->blk)
        blk_lock_medium(d->blk, d->tray.locked);
    atapi_done(d);
}

static void move_tray(IdeDrive *d, bool open)
{
    if (open == d->tray.open)
        return;
    d->tray.open = open;
    if (d->blk)
        blk_eject(d->blk, open);
    if (!open && has_medium(d))
        d->tray.new_media = true;
}

static void start_stop(IdeDrive *d, const uint8_t *cdb)
{
    bool load_eject = cdb[4] & 2, start = cdb[4] & 1;

    if (cdb[4] & 0xf0 || !load_eject) {
        atapi_done(d); /* power states; spinning */
    } else if (!start && d->tray.locked && !d->tray.open) {
        atapi_error(d, has_medium(d) ? KEY_NOT_READY : KEY_ILLEGAL, ASC_LOCKED);
    } else {
        move_tray(d, !start);
        atapi_done(d);
    }
}

/* ---- dispatch ---- */

/* READY: needs a medium and tells of a changed one first; QUIET: may come before that news */
enum { READY = 1, QUIET = 2 };
typedef struct MmcCommand {
    void (*run)(IdeDrive *, const uint8_t *cdb);
    uint8_t opcode, flags;
} MmcCommand;

/* clang-format off */
static const MmcCommand commands[] = {
    { test_unit_ready,    0x00, READY },
    { request_sense,      0x03, QUIET },
    { inquiry,            0x12, QUIET },
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
static bool told_change(IdeDrive *d, const MmcCommand *c)
{
    if (c->flags & QUIET || !d->tray.changed || !has_medium(d))
        return true;
    if (d->tray.changed++ == 1) {
        atapi_error(d, KEY_NOT_READY, ASC_NO_MEDIUM);
    } else {
        d->tray.changed = 0;
        atapi_error(d, KEY_ATTENTION, ASC_CHANGED);
    }
    return false;
}

void mmc_command(IdeDrive *d, const uint8_t cdb[12])
{
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        const MmcCommand *c = &commands[i];
        if (c->opcode != cdb[0])
            continue;
        if (!told_change(d, c))
            return;
        if (c->flags & READY && !has_medium(d))
            atapi_error(d, KEY_NOT_READY, ASC_NO_MEDIUM);
        else
            c->run(d, cdb);
        return;
    }
    atapi_error(d, KEY_ILLEGAL, ASC_BAD_OPCODE);
}
