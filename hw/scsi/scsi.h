/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SCSI bus (SAM-5) between a host adapter and its devices. The bus owns requests; an adapter is
 * a transport for command descriptor block, data and sense. Main, machine lock.
 *
 * A request that werror=stop or rerror=stop stops stays with the bus, data and all, and goes on
 * when the machine does: adapters do not notice. It is not part of a saved state: after a load the
 * guest's driver times out and repeats the command.
 */
#ifndef HW_SCSI_SCSI_H
#define HW_SCSI_SCSI_H

#include <sys/uio.h>

#include "core/device.h"

typedef struct ScsiReq ScsiReq;
typedef struct ScsiBus ScsiBus;
typedef struct ScsiDevice ScsiDevice;

/* Statuses of SAM-5, 5.3.1, and one of ours for ScsiHba.done */
enum {
    SCSI_GOOD = 0,
    SCSI_CHECK_CONDITION = 2,
    SCSI_BUSY = 8,
    SCSI_RESERVATION_CONFLICT = 0x18,
    SCSI_TASK_SET_FULL = 0x28,
    SCSI_CANCELLED = -1
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
     * residue: bytes of scsi_length(), or of the iovec, that were not moved. Neither data nor done
     * comes inside a call of the adapter's: both are called by the main loop. A machine reset and
     * an unplugged device end their requests without it: drop what you hold in your own reset.
     */
    void (*done)(ScsiReq *, int status, const uint8_t *sense, size_t n_sense, size_t residue);
} ScsiHba;

struct ScsiBus {
    Bus bus;
    const ScsiHba *hba;
    void *o;
    GQueue events; /* ScsiReq *: what data() and done() are to tell, in order */
};
extern const BusType scsi_bus_type;
/* realize of the adapter; name NULL: "ID.0", else "scsi.N" */
void scsi_bus_init(ScsiBus *, Device *owner, const char *name, const ScsiHba *, void *o);
/* The drives of if=scsi (or one drive) put on the bus by the board, or by usb-storage. */
Device *scsi_add_drive(ScsiBus *, const char *drive, unsigned target, unsigned lun, bool cdrom,
                       GError **);

/* whether anybody answers a selection */
bool scsi_has_target(ScsiBus *, unsigned target);
/* n_iov 0: streaming. NULL: nothing at that target and lun (selection times out). */
ScsiReq *scsi_new(ScsiBus *, unsigned target, unsigned lun, uint64_t tag, const uint8_t *cdb,
                  size_t n, const struct iovec *, int n_iov, void *hba_o);
/* What the command moves by its CDB, known after scsi_new: for adapters that must tell beforehand.
 * The device may move less. */
ScsiDir scsi_dir(const ScsiReq *);
size_t scsi_length(const ScsiReq *);
void *scsi_hba_o(const ScsiReq *);
void scsi_start(ScsiReq *);
void scsi_more(ScsiReq *);
bool scsi_cancel(ScsiReq *); /* done() still comes, SCSI_CANCELLED; false: it came, or never will */
/* The bus's reset line: every request is cancelled, every device has news of it. */
void scsi_bus_reset(ScsiBus *);
/* After done() returned the request is gone unless the adapter took a reference. */
void scsi_ref(ScsiReq *);
void scsi_unref(ScsiReq *);

#endif
