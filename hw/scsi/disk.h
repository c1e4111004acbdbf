/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scsi-hd and scsi-cd: what disk.c (data), disk-info.c (what it says of itself) and cdrom.c share
 */
#ifndef HW_SCSI_DISK_H
#define HW_SCSI_DISK_H

#include "hw/scsi/scsi-int.h"

STATE_BEGIN
typedef struct ScsiDiskState {
    bool stopped; /* by START STOP UNIT */
    bool locked;
    bool no_cache; /* the guest switched the write cache off by a mode page */
    uint8_t pad[1];
    uint8_t sense_key, sense_asc; /* a CD-ROM's, on their way to the nexus */
    uint8_t pad2[2];
} ScsiDiskState;
STATE_END

typedef struct ScsiDisk {
    ScsiDevice scsi;
    /* config */
    BlockFront *blk;
    char *serial, *vendor, *product, *ver, *device_id;
    uint64_t wwn, port_wwn, max_unmap_size, max_io_size;
    uint64_t logical_block_size, physical_block_size, min_io_size, opt_io_size;
    uint64_t discard_granularity;
    uint32_t cyls, heads, secs;
    int32_t bootindex, scsi_version;
    uint16_t port_index, rotation_rate;
    bool removable, dpofua;
    int8_t write_cache;
    /* state */
    ScsiDiskState st;
    MmcTray tray;
    /* host */
    Mmc mmc;
    bool cd;
} ScsiDisk;

static inline ScsiDisk *scsi_disk(const ScsiReq *r)
{
    return (ScsiDisk *)r->dev;
}

uint64_t scsi_disk_blocks(const ScsiDisk *);
bool scsi_disk_ready(ScsiReq *); /* false: answered that there is no medium, or it is stopped */
bool scsi_disk_cached(const ScsiDisk *);

/* disk-info.c */
void scsi_disk_inquiry(ScsiReq *);
void scsi_disk_mode_sense(ScsiReq *);
void scsi_disk_mode_taken(ScsiReq *);
void scsi_disk_capacity(ScsiReq *);

/* reading blocks of `unit` bytes: disk.c does it for the CD-ROM too */
void scsi_disk_read(ScsiReq *, uint64_t lba, uint64_t n);
void scsi_disk_more(ScsiReq *);
void scsi_disk_again(ScsiReq *);
uint32_t scsi_disk_block(ScsiDevice *);
void scsi_disk_command(ScsiReq *);
void scsi_cd_command(ScsiReq *);
extern const MmcHost scsi_mmc;

#endif
