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

/*
 * State of the chips that a kernel may run instead of us: IrqchipOps.get and put copy it, the
 * chips' own Field rows save it. One 8259A; two of them are CHIP_PIC0 (master) and CHIP_PIC1.
 */
typedef struct PicState {
    uint8_t lines; /* levels of the eight inputs */
    uint8_t edges; /* inputs whose rising edge was seen and that have not fallen since */
    uint8_t irr, imr, isr, elcr;
    uint8_t base;     /* ICW2: first vector */
    uint8_t lowest;   /* number of the line with the lowest priority plus one, 0 to 7 */
    uint8_t icw_step; /* 0: ready, 1 to 3: ICW2 to ICW4 awaited */
    bool read_isr, poll, special_mask, auto_eoi, rotate_on_auto_eoi, fully_nested, icw4;
} PicState;

typedef struct IoapicState {
    uint64_t redir[24];
    uint32_t irr, lines;
    uint8_t id, select, pad[6];
} IoapicState;

/* One counter of the 8254. gate and mode as the data sheet names them; start: virtual clock. */
typedef struct PitChannel {
    int64_t start;
    uint32_t count; /* 1 to 10000h */
    uint16_t latched_count, write_lsb;
    uint8_t rw_mode, mode, bcd, gate;
    uint8_t latched_status;
    uint8_t latch_bytes; /* bytes of latched_count still to be read: 0, 1, 2 */
    bool status_latched, write_high, read_high, null_count, armed, out;
    bool held; /* a low gate holds the count */
    uint8_t pad[3];
} PitChannel;

typedef struct PitState {
    PitChannel ch[3];
    int64_t deadline;
    bool speaker;
    uint8_t pad[7];
} PitState;

enum { LVT_CMCI, LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

/* irr and tmr are changed by any thread with atomic operations, the rest by the vCPU's own. */
typedef struct LapicState {
    uint64_t base; /* MSR 1Bh */
    uint64_t icr;
    uint64_t tsc_deadline;
    int64_t timer_start, deadline; /* virtual clock */
    uint32_t irr[8], isr[8], tmr[8];
    uint32_t lvt[LVT_COUNT];
    uint32_t id, ldr, dfr, svr, tpr, esr, esr_pending;
    uint32_t divide, initial, lint, extint; /* lint: levels of LINT0, LINT1; extint: by IOAPIC */
} LapicState;

/* accelerator -> devices, set by AccelOps.init */
struct IrqchipOps {
    IrqchipMode mode;
    /* KERNEL: PIC pin and IOAPIC pin together */
    void (*gsi)(Vm *, unsigned gsi, int level);
    /* any */
    void (*msi)(Vm *, uint64_t addr, uint32_t data);
    /* any, and NULL: there are no routes, use msi(). virq -1: a new one; -> virq or -errno */
    int (*route)(Vm *, int virq, uint64_t addr, uint32_t data);
    void (*unroute)(Vm *, int virq);
    /* any; 0 or -errno. fd: an eventfd that sends what virq says */
    int (*irqfd)(Vm *, int virq, int fd, bool add);
    /* kernel <-> the state structs above; vCPU only for CHIP_LAPIC */
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
