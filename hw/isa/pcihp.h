/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hot-plug of PCI devices by ACPI: which slots got a device or are to lose one, and the port by
 * which the guest lets go. A part of the PIIX4's power management as 7.2 has it (ports AE00h).
 * The AML that drives it is written by hw/pc/dsdt-hotplug.c. Threads: machine lock.
 */
#ifndef HW_ISA_PCIHP_H
#define HW_ISA_PCIHP_H

#include "hw/pci/pci.h"

enum { PCIHP_BASE = 0xae00, PCIHP_SIZE = 0x14, PCIHP_GPE = 1, PCIHP_SLOTS = 32 };
/* registers, a dword each; a bit is a slot */
enum { PCIHP_UP = 0, PCIHP_DOWN = 4, PCIHP_EJECT = 8, PCIHP_REMOVABLE = 12, PCIHP_BUS = 16 };

typedef struct PciHp {
    /* state */ struct PciHpState {
        uint32_t up, down, bus, pad;
    } st;
    /* host */ Region io;
    PciBus *pci;
    uint32_t asked; /* slots that device_del wants gone: a reset lets go of them too */
    void (*raise)(void *o);
    void *o;
} PciHp;
extern const Field PciHpState_rows[];

/* realize; raise: sets the GPE. Becomes the bus's PciHotplug. */
void pcihp_init(PciHp *, Device *owner, PciBus *, void (*raise)(void *o), void *o);
/* reset of its owner: what was asked to go is gone before the firmware looks */
void pcihp_reset(PciHp *);
/* A slot's devices can all be pulled, or it is empty */
bool pcihp_removable(const PciBus *, unsigned slot);

#endif
