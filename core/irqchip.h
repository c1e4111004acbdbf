/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where accelerators and interrupt chips meet, in both directions: IrqchipOps is filled by the
 * accelerator, LapicOps by hw/intc.
 */
#ifndef CORE_IRQCHIP_H
#define CORE_IRQCHIP_H

#include "core/types.h"

typedef enum { CHIP_PIC0, CHIP_PIC1, CHIP_IOAPIC, CHIP_PIT, CHIP_LAPIC } ChipPart;

/* SPLIT: LAPIC in the kernel, PIC/IOAPIC/PIT ours. Only chips and pc/ look at it */
typedef enum { IRQCHIP_USER, IRQCHIP_SPLIT, IRQCHIP_KERNEL } IrqchipMode;

/* accelerator -> devices, set by AccelOps.init */
struct IrqchipOps {
    IrqchipMode mode;
    /* KERNEL: PIC pin and IOAPIC pin together */
    void (*gsi)(Vm *, unsigned gsi, int level);
    /* any */
    void (*msi)(Vm *, uint64_t addr, uint32_t data);
    /* virq -1: new one; -ENOTSUP: there are no routes, use msi() */
    int (*route)(Vm *, int virq, uint64_t addr, uint32_t data);
    /* -ENOTSUP: the core watches fd and calls msi() */
    int (*irqfd)(Vm *, int virq, int fd, int resample_fd, bool add);
    /* kernel <-> the device's own state struct */
    bool (*get)(Vm *, ChipPart, Vcpu *, void *st);
    bool (*put)(Vm *, ChipPart, Vcpu *, const void *st);
};

/* devices -> accelerator (hw/intc sets vm->lapic): own vCPU thread, unlocked; may vm_lock */
struct LapicOps {
    /* vector above PPR, 0x100 = ExtINT, -1 none; no side effect */
    int (*pending)(Vcpu *);
    /* take it (for ExtINT the PIC's INTA, under the machine lock); -1 gone */
    int (*ack)(Vcpu *);
    uint8_t (*get_cr8)(Vcpu *);
    void (*set_cr8)(Vcpu *, uint8_t);
    /* 1Bh, 6E0h, 800h-8FFh; false = #GP. kvm+USER: no x2APIC, no TSC deadline in CPUID */
    bool (*msr)(Vcpu *, uint32_t msr, uint64_t *val, bool write);
    /* each vCPU's own page at its own APIC base: not a Space row */
    uint32_t (*mmio)(Vcpu *, uint32_t off, uint32_t val, bool write);
    /* ioapic_eoi also in SPLIT, from KVM_EXIT_IOAPIC_EOI */
    void (*init)(Vcpu *);
    void (*ioapic_eoi)(Vm *, uint8_t vector);
    /* any; MSI and IPI: atomic IRR, then vcpu_request */
    void (*deliver)(Vm *, uint64_t addr, uint32_t data);
};

#endif
