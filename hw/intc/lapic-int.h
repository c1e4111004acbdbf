/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC's parts: lapic.c (device, registers, MSRs), lapic-deliver.c (who gets what),
 * lapic-timer.c. Intel SDM volume 3A, chapter 11.
 *
 * Threads: registers are read and written by the APIC's own vCPU without a lock. Other threads
 * touch only irr and tmr (atomically) and read id, ldr, dfr, svr, tpr, lvt and base. Timers,
 * LINT pins and the PIC need the machine lock, which the vCPU takes where it reaches for them.
 */
#ifndef HW_INTC_LAPIC_INT_H
#define HW_INTC_LAPIC_INT_H

#include "core/clock.h"
#include "core/vcpu.h"
#include "hw/intc/intc.h"

enum {
    APIC_BASE_BSP = 1 << 8,
    APIC_BASE_EXTD = 1 << 10, /* x2APIC mode */
    APIC_BASE_EN = 1 << 11,
};
enum { SVR_ENABLED = 1 << 8 };
enum {
    LVT_MASKED = 1 << 16,
    LVT_LEVEL = 1 << 15,
    LVT_REMOTE_IRR = 1 << 14,
    LVT_LOW_ACTIVE = 1 << 13,
    LVT_TIMER_PERIODIC = 1 << 17,
    LVT_TIMER_DEADLINE = 2 << 17,
    LVT_TIMER_MODE = 3 << 17,
};
enum { DM_FIXED, DM_LOWEST, DM_SMI, DM_RESERVED, DM_NMI, DM_INIT, DM_SIPI, DM_EXTINT };
enum {
    ESR_SEND_ILLEGAL = 1 << 5,
    ESR_RECV_ILLEGAL = 1 << 6,
    ESR_ILLEGAL_REG = 1 << 7,
};

typedef struct ApicBus ApicBus;

typedef struct Lapic {
    Device dev;
    /* config */ uint32_t cpu;
    bool x2apic;
    /* state */ LapicState st;
    /* host */ Timer timer;
    Vcpu *vcpu;
    ApicBus *bus;
} Lapic;

/* What all local APICs share: the wires to LINT0, LINT1 and the PIC and IOAPIC behind them. */
struct ApicBus {
    Device dev;
    /* state */ struct ApicBusState {
        uint32_t lint[2];
    } st;
    /* host */ IrqLine in[2];
    Device *pic, *ioapic;
    uint32_t turn; /* lowest priority: where the next search begins */
};

/* The fields that other threads read or change */
#define lapic_get(field)      __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define lapic_put(field, val) __atomic_store_n(&(field), (val), __ATOMIC_RELAXED)

static inline Lapic *lapic_of(Vcpu *v)
{
    return v->lapic;
}
static inline bool lapic_on(const Lapic *a)
{
    return lapic_get(a->st.base) & APIC_BASE_EN;
}
static inline bool lapic_is_x2(const Lapic *a)
{
    return lapic_get(a->st.base) & APIC_BASE_EXTD;
}

/* Highest set bit of a 256-bit register, -1 none */
int lapic_highest(const uint32_t *reg);

/* lapic-deliver.c: any thread */
void lapic_accept(Lapic *, unsigned mode, uint8_t vector, bool level);
void lapic_local(Lapic *, unsigned lvt); /* the event of one LVT entry */
void lapic_error(Lapic *, uint32_t bit);
void lapic_deliver(Vm *, uint64_t addr, uint32_t data);
void lapic_ipi(Lapic *, uint64_t icr);

/* lapic-timer.c: own vCPU, unlocked, unless said */
void lapic_timer_init(Lapic *);
void lapic_timer_lvt(Lapic *, uint32_t old); /* the LVT entry was written */
void lapic_timer_start(Lapic *, uint32_t initial);
void lapic_timer_deadline(Lapic *, uint64_t tsc);
void lapic_timer_divide(Lapic *, uint32_t val);
uint32_t lapic_timer_count(Lapic *); /* any */
void lapic_timer_stop(Lapic *);

#endif
