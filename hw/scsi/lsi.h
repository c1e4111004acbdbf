/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LSI53C895A: what lsi.c (registers), lsi-script.c (SCRIPTS processor), lsi-bus.c (phases) share */
#ifndef HW_SCSI_LSI_H
#define HW_SCSI_LSI_H

#include "hw/pci/pci.h"
#include "hw/scsi/scsi.h"
#include "util/bytes.h"

/* clang-format off */
/* registers (LSI53C895A technical manual, 4.2), multi-byte ones by their lowest byte */
enum {
    SCNTL0 = 0x00, SCNTL1 = 0x01, SCNTL2 = 0x02, SCNTL3 = 0x03, SCID = 0x04, SXFER = 0x05, SDID = 0x06,
    GPREG = 0x07, SFBR = 0x08, SOCL = 0x09, SSID = 0x0a, SBCL = 0x0b, DSTAT = 0x0c, SSTAT0 = 0x0d,
    SSTAT1 = 0x0e, SSTAT2 = 0x0f, DSA = 0x10, ISTAT0 = 0x14, ISTAT1 = 0x15, CTEST0 = 0x18, CTEST1 = 0x19,
    CTEST2 = 0x1a, CTEST3 = 0x1b, TEMP = 0x1c, DFIFO = 0x20, CTEST4 = 0x21, CTEST5 = 0x22, DBC = 0x24,
    DCMD = 0x27, DNAD = 0x28, DSP = 0x2c, DSPS = 0x30, DMODE = 0x38, DIEN = 0x39, DCNTL = 0x3b,
    ADDER = 0x3c, SIEN0 = 0x40, SIEN1 = 0x41, SIST0 = 0x42, SIST1 = 0x43, MACNTL = 0x46, GPCNTL = 0x47,
    STIME0 = 0x48, STEST0 = 0x4c, STEST1 = 0x4d, STEST2 = 0x4e, STEST3 = 0x4f, SIDL = 0x50, STEST4 = 0x52,
    CCNTL0 = 0x56, CCNTL1 = 0x57, SBDL = 0x58, SCRATCHC = 0x60, MMRS = 0xa0, MMWS = 0xa4, DBMS = 0xb4,
    DNAD64 = 0xb8, PMJAD1 = 0xc0, PMJAD2 = 0xc4, RBC = 0xc8, UA = 0xcc, ESA = 0xd0, IA = 0xd4, SBC = 0xd8,
    CSBC = 0xdc,
};
enum { SCNTL1_RST = 0x08, SCNTL1_CON = 0x10, SOCL_ATN = 0x08, SSID_VAL = 0x80, SSTAT0_RST = 0x02 };
enum { DSTAT_DFE = 0x80, DSTAT_BF = 0x20, DSTAT_ABRT = 0x10, DSTAT_SSI = 0x08, DSTAT_SIR = 0x04, DSTAT_IID = 0x01 };
enum { ISTAT_ABRT = 0x80, ISTAT_SRST = 0x40, ISTAT_SIGP = 0x20, ISTAT_SEM = 0x10, ISTAT_CON = 0x08,
       ISTAT_INTF = 0x04, ISTAT_SIP = 0x02, ISTAT_DIP = 0x01 };
enum { SIST0_MA = 0x80, SIST0_CMP = 0x40, SIST0_RSL = 0x10, SIST0_UDC = 0x04, SIST0_RST = 0x02, SIST1_STO = 0x04,
       SIST1_GEN = 0x02, SIST1_HTH = 0x01 };
enum { DCNTL_SSM = 0x10, DCNTL_STD = 0x04, DMODE_MAN = 0x01, DMODE_DIOM = 0x10, DMODE_SIOM = 0x20,
       CCNTL0_ENPMJ = 0x80, CCNTL0_PMJCTL = 0x40 };

/* what the target on the bus wants, by MSG, C/D and I/O; NONE: it has not said yet; FREE: nobody is there */
enum { PH_DATA_OUT, PH_DATA_IN, PH_COMMAND, PH_STATUS, PH_MSG_OUT = 6, PH_MSG_IN = 7, PH_NONE = 8, PH_FREE = 9 };
/* clang-format on */

/* STOPPED: by an interrupt or never started; PHASE: needs the target; RESELECT: WAIT RESELECT */
enum { RUN_STOPPED, RUN_GOING, RUN_PHASE, RUN_RESELECT };

STATE_BEGIN
typedef struct LsiState {
    int64_t resume; /* timer: when a long script goes on */
    uint8_t reg[256];
    uint8_t msg_in[8];
    uint32_t insn, at;  /* the block move under way: its first word and its address */
    uint32_t move_high; /* of a data address of more than 32 bits */
    uint8_t run, phase, n_msg_in, msg_at;
    uint8_t target, lun, tag, status;
    bool moving, tagged, may_disconnect, has_command, bye; /* bye: free the bus after MSG IN */
    bool carry, no_answer; /* of a selection: told when the script waits for the target */
    bool silent;           /* selected without ATN: whether it sends messages first, nobody said */
    uint8_t pad[4];
} LsiState;
STATE_END

/* A command that a target has. */
typedef struct LsiReq {
    struct Lsi *lsi;
    ScsiReq *req;
    uint8_t target, lun, tag;
    bool tagged, to_guest, ready, done;
    uint8_t *buf; /* the piece to move, NULL: none */
    size_t n, at;
    int status;
} LsiReq;

typedef struct Lsi {
    PciDevice pci;
    /* state */
    LsiState st;
    /* host */
    Region io, mmio, ram;
    ScsiBus bus;
    Timer timer;
    GQueue reqs;     /* LsiReq *: all */
    LsiReq *current; /* whose target is connected */
    bool in_script;
} Lsi;

static inline uint32_t lsi_get32(const Lsi *s, unsigned reg)
{
    return get_le32(s->st.reg + reg);
}
static inline void lsi_put32(Lsi *s, unsigned reg, uint32_t v)
{
    put_le32(s->st.reg + reg, v);
}

/* lsi.c */
uint8_t lsi_reg_read(Lsi *, unsigned reg);
void lsi_reg_write(Lsi *, unsigned reg, uint8_t val);
void lsi_dma_interrupt(Lsi *, uint8_t dstat);
void lsi_scsi_interrupt(Lsi *, uint8_t sist0, uint8_t sist1);
void lsi_update_irq(Lsi *);

/* lsi-script.c */
void lsi_run(Lsi *);
void lsi_resume(void *o);

/* lsi-bus.c: the targets' side */
extern const ScsiHba lsi_hba;
bool lsi_select(Lsi *, unsigned target, bool atn); /* false: nobody answered */
bool lsi_reselect(Lsi *);                          /* false: no target wants to */
void lsi_disconnect(Lsi *);
void lsi_attention(Lsi *);
void lsi_message_out(Lsi *, const uint8_t *p, uint32_t n);
uint32_t lsi_message_in(Lsi *, uint8_t *p, uint32_t n);
void lsi_command(Lsi *, const uint8_t *cdb, uint32_t n);
uint8_t lsi_status(Lsi *);
/* the bytes of the piece that can be moved now; NULL: none */
uint8_t *lsi_piece(Lsi *, uint32_t *n);
void lsi_piece_moved(Lsi *, uint32_t n);
void lsi_forget(Lsi *); /* all commands, silently: a reset of the machine */
void lsi_cancel_all(Lsi *);

#endif
