/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bus (bus.c, request.c) and its devices (disk.c, disk-info.c, cdrom.c) share. */
#ifndef HW_SCSI_SCSI_INT_H
#define HW_SCSI_SCSI_INT_H

#include "block/block.h"
#include "hw/scsi/mmc.h"
#include "hw/scsi/scsi.h"
#include "util/bytes.h"

/* additional sense codes of ours: code << 8 | qualifier (SPC-4, annex D) */
enum {
    SCSI_LUN_NOT_READY = 0x0402,
    SCSI_WRITE_ERROR = 0x0c00,
    SCSI_READ_ERROR = 0x1100,
    SCSI_LIST_LENGTH = 0x1a00,
    SCSI_MISCOMPARE = 0x1d00,
    SCSI_BAD_OPCODE = 0x2000,
    SCSI_LBA_RANGE = 0x2100,
    SCSI_BAD_FIELD = 0x2400,
    SCSI_NO_LUN = 0x2500,
    SCSI_BAD_PARAMETER = 0x2600,
    SCSI_PROTECTED = 0x2700,
    SCSI_CAPACITY_CHANGED = 0x2a09,
    SCSI_POWER_ON = 0x2900,
    SCSI_BUS_WAS_RESET = 0x2902,
    SCSI_NO_SAVING = 0x3900,
    SCSI_NO_MEDIUM = 0x3a00,
    SCSI_TARGET_FAILURE = 0x4400,
    SCSI_NOTHING = 0
};
enum {
    SCSI_KEY_NONE = 0,
    SCSI_KEY_NOT_READY = 2,
    SCSI_KEY_MEDIUM = 3,
    SCSI_KEY_HARDWARE = 4,
    SCSI_KEY_ILLEGAL = 5,
    SCSI_KEY_ATTENTION = 6,
    SCSI_KEY_PROTECT = 7,
    SCSI_KEY_MISCOMPARE = 14,
};

/* where a request is: whose turn it is to say something */
typedef enum { REQ_NEW, REQ_QUEUED, REQ_HBA, REQ_DISK, REQ_PARKED, REQ_OVER } ReqTurn;

struct ScsiReq {
    ScsiBus *bus;
    ScsiDevice *dev; /* of the target; another lun than the one asked for where no_lun */
    void *hba_o;
    unsigned refs, lun;
    uint64_t tag;
    uint8_t cdb[SCSI_MAX_CDB];
    bool no_lun, to_guest, finished, cancelled, orphan;
    ReqTurn turn;
    ScsiDir dir;
    size_t length, moved;
    struct iovec *iov;
    int n_iov;
    /* the buffer, and the piece of it that the adapter is to move */
    uint8_t *buf;
    uint32_t room, n;
    int status;
    uint8_t sense[SCSI_SENSE_SIZE];
    /* the device's own: what it does, blocks still to do, blocks of the piece under way */
    uint8_t op;
    bool fua, raw;
    uint64_t lba, left;
    uint32_t now, pos;
};

/* bus_info of a device type */
typedef struct ScsiKind {
    void (*command)(ScsiReq *);      /* exactly one of the scsi_ calls below */
    void (*more)(ScsiReq *);         /* the adapter moved the piece */
    void (*again)(ScsiReq *);        /* the machine runs: what was parked is made again */
    uint32_t (*block)(ScsiDevice *); /* bytes a block, for the length of a CDB */
} ScsiKind;

STATE_BEGIN
typedef struct ScsiNexus {
    uint16_t sense, attention; /* code << 8 | qualifier; attention 0: no news */
    uint8_t key;
    bool reserved;
    uint8_t pad[2];
} ScsiNexus;
STATE_END

/* every device of the bus begins with one */
struct ScsiDevice {
    Device dev;
    /* config */
    uint32_t channel, target, lun;
    /* state */
    ScsiNexus nexus;
    /* host */
    GQueue reqs; /* ScsiReq * */
};

/* ---- answers of a device ---- */
/* n at most 1 MiB; zeros at first, and then what the command left there */
uint8_t *scsi_buffer(ScsiReq *, uint32_t n);
void scsi_good(ScsiReq *);
void scsi_check(ScsiReq *, uint8_t key, uint16_t sense);
/* n bytes of the buffer, at most room, and the command has ended */
void scsi_reply(ScsiReq *, uint32_t n, uint32_t room);
/* the adapter moves n bytes of the buffer, then kind->more() */
void scsi_piece(ScsiReq *, uint32_t n, bool to_guest);

/* a request at the block layer: before it, and when it ended; true: there is nothing more to do */
void scsi_to_disk(ScsiReq *);
bool scsi_from_disk(ScsiReq *, int ret);

void scsi_attention(ScsiDevice *, uint16_t sense);
void scsi_again(ScsiDevice *);

/* the commands that every device has, REPORT LUNS and REQUEST SENSE; true: answered */
bool scsi_common(ScsiReq *);
/* cdb's direction and length by its operation code */
void scsi_shape(const uint8_t *cdb, uint32_t block, ScsiDir *, size_t *length);
/* bus.c */
ScsiDevice *scsi_find(ScsiBus *, unsigned target, unsigned lun, bool exact);
void scsi_purge(ScsiDevice *);
extern const Field ScsiNexus_rows[];

#endif
