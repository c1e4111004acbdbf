/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The floppy controller: what fdc.c (registers, commands), fdc-data.c (transfers), drive.c (drives
 * and their media) and isa-fdc.c share. */
#ifndef HW_FLOPPY_FDC_H
#define HW_FLOPPY_FDC_H

#include "block/block.h"
#include "core/device.h"
#include "core/memory.h"
#include "hw/floppy/floppy.h"
#include "hw/isa/dma.h"

typedef struct Fdc Fdc;

enum { FDC_DRIVES = 4, FDC_SECTOR = 512 };
/* kinds of drive, as isa-fdc.fdtypeA= and floppy.drive-type= name them */
typedef enum { DRIVE_144, DRIVE_288, DRIVE_120, DRIVE_NONE, DRIVE_AUTO } FloppyType;
extern const char *const floppy_type_names[];
/* data rates by their code in CCR and DSR */
enum { RATE_500K, RATE_300K, RATE_250K, RATE_1M };

STATE_BEGIN
typedef struct FloppyState {
    uint8_t track, head, sector; /* where the heads are */
    bool perpendicular;
    uint8_t pad[4];
} FloppyState;

/* survives reset: what the drive knows of its medium */
typedef struct FloppyMedium {
    bool changed; /* and no step since */
    uint8_t pad[7];
} FloppyMedium;
STATE_END

/* A drive: a device on the controller's bus. */
typedef struct Floppy {
    Device dev;
    /* config */
    BlockFront *blk;
    uint32_t unit;
    int32_t bootindex;
    uint8_t type;
    /* state */
    FloppyState st;
    FloppyMedium medium;
    /* host: geometry of the medium */
    Fdc *fdc;
    uint8_t tracks, heads, sectors, rate;
    bool present;
} Floppy;

/* what the controller is doing; COMMAND: it takes bytes, RESULT: it gives them */
enum { FDC_COMMAND, FDC_EXEC, FDC_RESULT };
/* of an execution phase */
enum { MOVE_NONE, MOVE_READ, MOVE_WRITE, MOVE_VERIFY, MOVE_FORMAT, MOVE_SCAN };

STATE_BEGIN
typedef struct FdcState {
    int64_t deadline;         /* timer: the end of READ ID */
    uint8_t buf[FDC_SECTOR];  /* the sector under way */
    uint8_t data[FDC_SECTOR]; /* SCAN: what the guest compares with */
    uint8_t fifo[16];         /* command or result bytes */
    uint8_t dor, tdr, dsr, ccr;
    uint8_t phase, n_fifo, at_fifo, want; /* bytes of fifo; next; how many the command has */
    uint8_t st0, st1, st2;
    uint8_t move, drive;
    uint8_t specify[2], configure, precomp, lock, perpendicular, option;
    uint8_t reset_sense;                         /* SENSE INTERRUPTs still due after a reset */
    uint8_t cyl, head, sector, size, last, fill; /* of the command */
    uint8_t pad0[1];
    uint16_t pos;  /* next byte of buf */
    uint16_t left; /* FORMAT, READ TRACK: sectors to do */
    bool irq, pio, multi, sector_ready, terminal, parked, seek_done;
    bool scan_miss, scan_low, scan_high, busy_disk;
    uint8_t pad[5];
} FdcState;
STATE_END

struct Fdc {
    /* config: of isa-fdc */
    Device *dev;
    IsaDma *dma;
    const IrqLine *irq;
    /* state */
    FdcState st;
    /* host */
    Timer timer;
    Floppy *drive[FDC_DRIVES];
    uint8_t *bounce;
    bool in_flight, stale; /* a request at the block layer; one that a reset left behind */
};
extern const Field FdcState_rows[];
extern const BusType floppy_bus_type;

/* ---- fdc.c ---- */
void fdc_init(Fdc *, Device *);
void fdc_reset(Fdc *, bool hard);
uint8_t fdc_read(Fdc *, unsigned reg);
void fdc_write(Fdc *, unsigned reg, uint8_t val);
void fdc_result(Fdc *, const uint8_t *p, unsigned n, bool irq);
void fdc_set_irq(Fdc *, bool level);

/* ---- fdc-data.c ---- */
bool fdc_move_command(Fdc *); /* the command in the FIFO moves data: begin; false: it does not */
void fdc_move_again(Fdc *);   /* the VM runs, the channel is ready */
void fdc_dma_ready(void *o);
uint8_t fdc_pio_read(Fdc *);
void fdc_pio_write(Fdc *, uint8_t val);
void fdc_read_id(Fdc *);

/* ---- drive.c ---- */
Floppy *fdc_selected(Fdc *);
bool floppy_loaded(const Floppy *);
bool floppy_step(Floppy *, uint8_t track); /* false: there is no such track */
void floppy_look(Floppy *);                /* at the medium: its geometry */

#endif
