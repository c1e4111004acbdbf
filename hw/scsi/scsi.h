/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SCSI bus (SAM-5) between a host adapter and its devices. The bus owns requests; an adapter is
 * a transport for command descriptor block, data and sense. Main, machine lock.
 */
#ifndef HW_SCSI_SCSI_H
#define HW_SCSI_SCSI_H

#include <sys/uio.h>

#include "core/device.h"

typedef struct ScsiReq ScsiReq;
typedef struct ScsiBus ScsiBus;
typedef struct ScsiDevice ScsiDevice;

/* Statuses of SAM-5, 5.3.1, and two of ours for ScsiHba.done */
enum {
    SCSI_GOOD = 0,
    SCSI_CHECK_CONDITION = 2,
    SCSI_BUSY = 8,
    SCSI_RESERVATION_CONFLICT = 0x18,
    SCSI_TASK_SET_FULL = 0x28,
    SCSI_PARKED = -1,
    SCSI_CANCELLED = -2
};
enum { SCSI_MAX_CDB = 16, SCSI_SENSE_SIZE = 18 };
typedef enum { SCSI_NONE, SCSI_TO_GUEST, SCSI_FROM_GUEST } ScsiDir;

typedef struct ScsiHba {
    unsigned targets, luns, channels; /* how many each */
    /*
     * An adapter that streams (53C8xx, ESP, usb-storage): here are n bytes to take, or room for n
     * to give; it moves them, in its own time, then calls scsi_more() once. NULL: the iovec given
     * to scsi_new is used.
     */
    void (*data)(ScsiReq *, uint8_t *buf, size_t n, bool to_guest);
    /*
     * Never inside scsi_start. residue: bytes of the guest's buffer that were not moved.
     * SCSI_PARKED: drop what you hold for it, tell nobody; adopt() brings it back.
     */
    void (*done)(ScsiReq *, int status, const uint8_t *sense, size_t n_sense, size_t residue);
    /* after werror=stop, or a load: make it again from the tag and start it; NULL: cannot */
    ScsiReq *(*adopt)(void *o, unsigned target, unsigned lun, uint64_t tag, const uint8_t *cdb);
} ScsiHba;

struct ScsiBus {
    Bus bus;
    const ScsiHba *hba;
    void *o;
};
extern const BusType scsi_bus_type;
/* realize of the adapter; name NULL: "ID.0", else "scsi.N" */
void scsi_bus_init(ScsiBus *, Device *owner, const char *name, const ScsiHba *, void *o);
/* The drives of if=scsi (or one drive) put on the bus by the board, or by usb-storage. */
Device *scsi_add_drive(ScsiBus *, const char *drive, unsigned target, unsigned lun, bool cdrom,
                       GError **);

/* n_iov 0: streaming. NULL: nothing at that target and lun (selection times out). */
ScsiReq *scsi_new(ScsiBus *, unsigned target, unsigned lun, uint64_t tag, const uint8_t *cdb,
                  size_t n, const struct iovec *, int n_iov, void *hba_o);
/* What the command moves, known after scsi_new: for adapters that must tell beforehand. */
ScsiDir scsi_dir(const ScsiReq *);
size_t scsi_length(const ScsiReq *);
void *scsi_hba_o(const ScsiReq *);
void scsi_start(ScsiReq *);
void scsi_more(ScsiReq *);
void scsi_cancel(ScsiReq *); /* done() still comes, SCSI_CANCELLED */
/* After done() returned the request is gone unless the adapter took a reference. */
void scsi_ref(ScsiReq *);
void scsi_unref(ScsiReq *);

#endif
