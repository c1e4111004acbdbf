/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of a CD-ROM drive, whatever carries them: ATAPI packets or a SCSI bus. The transport
 * embeds an Mmc and gives it a way to answer. Main, machine lock.
 */
#ifndef HW_SCSI_MMC_H
#define HW_SCSI_MMC_H

#include "block/block.h"
#include "core/state.h"

/* survives reset */
STATE_BEGIN
typedef struct MmcTray {
    bool open, locked;
    uint8_t changed; /* 1: tell "not ready", then 2: "medium may have changed" */
    bool new_media, eject_wanted;
    uint8_t pad[3];
} MmcTray;
STATE_END
extern const Field MmcTray_rows[];

enum { MMC_SECTOR = 2048, MMC_RAW_SECTOR = 2352 };
enum { SENSE_NOT_READY = 2, SENSE_MEDIUM_ERROR = 3, SENSE_ILLEGAL = 5, SENSE_ATTENTION = 6 };

/* How the transport of a command answers it: exactly one of reply, read, done, error a command.
 * o is what mmc_command() was given. */
typedef struct MmcHost {
    uint8_t *(*buffer)(void *o, uint32_t n);                   /* n bytes for a reply */
    void (*reply)(void *o, uint32_t n, uint32_t room);         /* n bytes of it, at most room */
    void (*read)(void *o, uint64_t lba, uint32_t n, bool raw); /* n sectors of the medium */
    void (*done)(void *o);
    void (*error)(void *o, uint8_t key, uint8_t asc);
    uint8_t version, format; /* bytes 2 and 3 of INQUIRY */
} MmcHost;

typedef struct Mmc {
    const MmcHost *host;
    BlockFront *blk; /* NULL: none */
    MmcTray *tray;
    uint8_t *sense_key, *sense_asc; /* what REQUEST SENSE tells, and clears */
    const char *serial, *vendor, *model, *ver;
    void *o; /* of the command under way */
} Mmc;

void mmc_command(Mmc *, const uint8_t *cdb, void *o);

/* The user put a medium in or took it; he asks the guest for it. */
void mmc_media(Mmc *, bool loaded);
void mmc_eject_request(Mmc *, bool force);

/* A mode 1 sector as it lies on the disc, error correction left out */
void mmc_raw_sector(uint8_t *out, const uint8_t *data, uint64_t lba);

#endif
