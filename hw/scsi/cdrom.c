/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scsi-cd: the commands of mmc.c, carried by requests of the bus. Threads: machine lock. */
#include "hw/scsi/disk.h"

static uint8_t *cd_buffer(void *o, uint32_t n)
{
    return scsi_buffer(o, n);
}

static void cd_reply(void *o, uint32_t n, uint32_t room)
{
    scsi_reply(o, n, room);
}

static void cd_read(void *o, uint64_t lba, uint32_t n, bool raw)
{
    ScsiReq *r = o;

    r->raw = raw;
    scsi_disk_read(r, lba, n);
}

static void cd_done(void *o)
{
    scsi_good(o);
}

static void cd_error(void *o, uint8_t key, uint8_t asc)
{
    scsi_check(o, key, asc << 8);
}

const MmcHost scsi_mmc = {
    .buffer = cd_buffer,
    .reply = cd_reply,
    .read = cd_read,
    .done = cd_done,
    .error = cd_error,
    .version = 5,
    .format = 0x12,
};

/* What a SCSI driver asks beyond a packet device's commands */
void scsi_cd_command(ScsiReq *r)
{
    ScsiDisk *d = scsi_disk(r);
    const uint8_t *c = r->cdb;

    switch (c[0]) {
    case 0x08:
        if (scsi_disk_ready(r))
            cd_read(r, (uint32_t)(c[1] & 0x1f) << 16 | get_be16(c + 2), c[4] ? c[4] : 256, false);
        break;
    case 0x35: /* nothing is ever written */
    case 0x16:
    case 0x17: scsi_good(r); break;
    default: mmc_command(&d->mmc, c, r);
    }
}
