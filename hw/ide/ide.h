/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One ATA channel: a bus of two drives and the registers of its task file (ATA8-ACS, ATA8-APT).
 * Controllers embed an IdeBus and pass register accesses on; a drive is a device with registers and
 * a BlockFront of its own. Controllers differ only in IdeHost.
 */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include "core/device.h"

typedef struct IdeDrive IdeDrive;

/* What a channel asks of its controller; locked, on main or a vCPU */
typedef struct IdeHost {
    /* INTRQ as the host sees it (nIEN applied) */
    void (*irq)(void *o, int level);
    /*
     * Bus-master DMA; dma NULL: the controller knows PIO only. Moves n bytes between buf and guest
     * memory, from byte `at` of the guest's list on. Fewer than n: the list ended or memory
     * refused.
     */
    size_t (*dma)(void *o, uint64_t at, void *buf, size_t n, bool to_guest);
    /* the guest has started the engine in that direction */
    bool (*dma_ready)(void *o);
    /* the command ended; follows the last dma() and precedes the interrupt */
    void (*dma_end)(void *o);
} IdeHost;

typedef struct IdeBus {
    Bus bus;
    /* config */
    unsigned number; /* 0, 1: of the controller, and in boot paths */
    const IdeHost *host;
    void *host_o;
    /* state: saved with the controller */
    struct IdeBusState {
        uint8_t select, control;
    } st;
    /* host */
    IdeDrive *drive[2];
} IdeBus;
extern const BusType ide_bus_type;

/* realize of the controller */
void ide_bus_init(IdeBus *, Device *owner, unsigned number, const IdeHost *, void *host_o);

/* registers 0 (data) to 7 (command, status), and the one of device control (alternate status) */
uint32_t ide_read(IdeBus *, unsigned reg, unsigned size);
void ide_write(IdeBus *, unsigned reg, uint32_t val, unsigned size);
uint8_t ide_control_read(IdeBus *);
void ide_control_write(IdeBus *, uint8_t val);

/* the guest set the start bit: a command that waits for it goes on */
void ide_dma_start(IdeBus *);

/* The PC's n-th place for a drive (channel * 2 + unit) holds a disk that cylinders, heads and
 * sectors of the original BIOS interface cannot address: the firmware must translate as for LBA. */
bool ide_disk_is_large(Vm *, unsigned n);

#endif
