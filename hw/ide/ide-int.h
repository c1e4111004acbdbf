/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A drive: what bus.c, drive.c (transfers), disk.c (ATA) and atapi.c, mmc.c (CD-ROM) share. */
#ifndef HW_IDE_IDE_INT_H
#define HW_IDE_IDE_INT_H

#include "block/block.h"
#include "hw/ide/ide.h"
#include "hw/scsi/mmc.h"

/* clang-format off */
enum { ST_ERR = 0x01, ST_DRQ = 0x08, ST_SEEK = 0x10, ST_READY = 0x40, ST_BSY = 0x80 };
enum { ERR_ABRT = 0x04, ERR_IDNF = 0x10, ERR_UNC = 0x40 };
enum { CTL_NIEN = 0x02, CTL_SRST = 0x04, CTL_HOB = 0x80 };
enum { SEL_HEAD = 0x0f, SEL_UNIT = 0x10, SEL_LBA = 0x40, SEL_FIXED = 0xa0 };

/* what the command in progress is doing */
typedef enum {
    OP_NONE, OP_REPLY,                      /* REPLY: a finished buffer, by PIO */
    OP_READ, OP_WRITE, OP_READ_DMA, OP_WRITE_DMA, OP_FLUSH, OP_TRIM_DMA,
    OP_CDB, OP_CD_REPLY, OP_CD_READ,        /* packet device; by PIO or DMA */
    OP_LAST = OP_CD_READ
} IdeOp;
/* clang-format on */

enum { SECTOR = 512, CD_SECTOR = MMC_SECTOR, CD_RAW = MMC_RAW_SECTOR, MULT_MAX = 16 };
enum { BUF_MAX = 65536, BOUNCE = 256 << 10 };

/* what differs between a disk and a CD-ROM */
typedef struct IdeKind {
    void (*command)(IdeDrive *, uint8_t cmd);
    void (*issue)(IdeDrive *);         /* the next request of st.op to the block layer */
    void (*done)(IdeDrive *, int ret); /* it ended; ret is not -EAGAIN */
    void (*piece)(IdeDrive *);         /* the guest moved all of [0, end) of the buffer by PIO */
    uint8_t lcyl, hcyl;                /* signature */
} IdeKind;
extern const IdeKind ide_disk, ide_cdrom;

STATE_BEGIN
typedef struct IdeDriveState {
    uint64_t lba;    /* next sector (CD: of 2048 bytes) of the command */
    uint64_t dma_at; /* bytes of the guest's list already used */
    GByteArray *buf; /* PIO data; CDB; replies */
    uint32_t left;   /* sectors not yet transferred */
    uint32_t now;    /* sectors of the request in flight or of the buffer */
    uint32_t pos;    /* PIO: next byte of buf, */
    uint32_t end;    /* end of the piece that DRQ announces */
    uint32_t limit;  /* packet device: largest PIO piece */
    uint32_t reply;  /* packet device: bytes of buf to give */
    uint8_t feature, nsector, sector, lcyl, hcyl, select, status, error;
    uint8_t hob_feature, hob_nsector, hob_sector, hob_lcyl, hob_hcyl;
    uint8_t op, mult, block; /* block: sectors a DRQ, 1 or mult */
    uint8_t heads, sects;    /* the guest's idea of the geometry */
    uint8_t mode;            /* transfer mode as set by SET FEATURES 03h */
    uint8_t sense_key, sense_asc;
    bool irq, lba48, fua, dma, out, parked, resetting, no_cache, no_smart, raw;
    uint8_t pad[1];
} IdeDriveState;
STATE_END

struct IdeDrive {
    Device dev;
    /* config */
    BlockFront *blk;
    char *serial, *model, *ver;
    uint64_t wwn;
    uint64_t logical_block_size, physical_block_size;
    uint32_t unit, cyls, hds, secs;
    int32_t bootindex;
    uint16_t rotation_rate;
    int8_t write_cache;
    /* state */
    IdeDriveState st;
    MmcTray tray;
    /* host */
    const IdeKind *kind;
    Mmc mmc; /* a CD-ROM's commands */
    IdeBus *bus;
    uint8_t *bounce;
    bool busy;
};

/* ---- drive.c ---- */
extern const Field IdeDriveState_rows[];

bool ide_drive_realize(IdeDrive *, const IdeKind *, GError **);
void ide_drive_reset(Device *);
void ide_drive_unrealize(Device *);

void ide_signature(IdeDrive *);
void ide_soft_reset(IdeDrive *, bool done);

/* end of a command: INTRQ follows; ide_end() without */
void ide_end(IdeDrive *);
void ide_done(IdeDrive *);
void ide_fail(IdeDrive *, uint8_t error);
void ide_set_irq(IdeDrive *, bool level);

/* the request that st.op asks for next: now, or when the VM runs again */
void ide_issue(IdeDrive *);
void ide_again(void *o);

/* DRQ for [0, n) of the buffer; pio_out makes the buffer */
uint8_t *ide_buffer(IdeDrive *, uint32_t n);
void ide_pio_in(IdeDrive *, uint32_t n, bool irq);
void ide_pio_out(IdeDrive *, uint32_t n, bool irq);
uint32_t ide_data_read(IdeDrive *, unsigned size);
void ide_data_write(IdeDrive *, uint32_t val, unsigned size);

/* a command that moves data by DMA: waits for the guest's start; abort: the controller has none */
bool ide_dma_wanted(const IdeDrive *);
void ide_dma_begin(IdeDrive *, IdeOp);
bool ide_dma_ready(const IdeDrive *);
/* n bytes from st.dma_at of the list on; false: the list was too short or memory refused, and the
 * command has ended */
bool ide_dma_move(IdeDrive *, void *buf, size_t n, bool to_guest);
void ide_dma_end(IdeDrive *);

/* block layer, with busy kept and the answer going to kind->done */
void ide_blk_read(IdeDrive *, uint64_t off, void *buf, size_t n);
void ide_blk_write(IdeDrive *, uint64_t off, void *buf, size_t n, bool fua);
void ide_blk_flush(IdeDrive *);
void ide_blk_discard(IdeDrive *, uint64_t off, uint64_t n);
int64_t ide_blk_length(const IdeDrive *); /* -ENOMEDIUM without a drive */

/* ---- bus.c ---- */
void ide_bus_update_irq(IdeBus *);

/* ---- identify.c ---- */
void ide_identify_disk(IdeDrive *, uint8_t out[SECTOR]);
void ide_identify_cdrom(IdeDrive *, uint8_t out[SECTOR]);
unsigned ide_cylinders(const IdeDrive *);

/* ---- atapi.c ---- */
extern const MmcHost ide_mmc;

#endif
