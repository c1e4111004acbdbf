/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8255x: what its files share. Registers and blocks: Intel 8255x 10/100 Mbps Ethernet
 * Controller Family Open Source Software Developer Manual 1.3, chapter 6.
 */
#ifndef HW_NET_I8255X_H
#define HW_NET_I8255X_H

#include "hw/net/eeprom93.h"
#include "hw/net/frame.h"
#include "hw/pci/pci.h"

/* SCB status word: units, then what interrupts */
enum {
    CU_IDLE,
    CU_SUSPENDED,
    CU_ACTIVE,
    RU_IDLE = 0,
    RU_SUSPENDED = 1,
    RU_NO_RESOURCES = 2,
    RU_READY = 4
};
enum { INT_CX = 0x80, INT_FR = 0x40, INT_CNA = 0x20, INT_RNR = 0x10, INT_MDI = 8, INT_SWI = 4 };
enum { MASK_ALL = 1, MASK_SI = 2 };

/* status and command of an action command and of a receive frame descriptor */
enum { CB_C = 0x8000, CB_OK = 0x2000, CB_EL = 0x8000, CB_S = 0x4000, CB_I = 0x2000, CB_SF = 8 };

/* the counters in the order of a dump (6.3.3.2): 16, 3 more since the 82558, TCO since the 82559 */
enum {
    TX_GOOD,
    TX_UNDERRUN = 3,
    RX_GOOD = 9,
    RX_CRC,
    RX_ALIGN,
    RX_RESOURCE,
    RX_SHORT = 15,
    COUNTERS = 20
};

/*
 * frame: the packet being sent, while held. cu_*, ru_*: base and offset of the block in work.
 * waiting: RU_READY met a descriptor that says stop; config: bytes of the configure command.
 */
STATE_BEGIN
typedef struct I8255xState {
    GByteArray *frame;
    int64_t work_due;
    uint32_t cu_base, cu_at, ru_base, ru_at, dump, pointer, port, mdi, counters[COUNTERS];
    uint16_t phy[32];
    uint8_t config[24], mac[6], multicast[8];
    uint8_t cu, ru, stat, mask, eectl, flow[3], wake, gencontrol;
    bool held, cu_held;
    uint8_t pad[6];
} I8255xState;
STATE_END

/* bus_info */
typedef struct I8255xInfo {
    PciInfo pci;
    uint8_t counters; /* of a dump */
    bool power;       /* has the power management capability */
    uint16_t eeprom5;
} I8255xInfo;

typedef struct I8255x {
    PciDevice pci;
    /* config */ Nic nic;
    /* state */ I8255xState st;
    Eeprom93 eeprom;
    /* host */ Region mem, io, flash;
    Timer work;
    uint8_t buf[4096];
} I8255x;

static inline const I8255xInfo *i8255x_info(const I8255x *d)
{
    return d->pci.dev.type->bus_info;
}

/* i8255x.c */
void i8255x_cause(I8255x *, uint8_t stat);

/* i8255x-cu.c: the command unit */
void cu_command(I8255x *, unsigned cuc);
void cu_run(void *o);
void cu_resume(void *o);

/* i8255x-ru.c: the receive unit */
void ru_command(I8255x *, unsigned ruc);
ssize_t ru_receive(void *o, const struct iovec *, int n, const NetMeta *);
void ru_loop_back(I8255x *, const uint8_t *frame, size_t len);

#endif
