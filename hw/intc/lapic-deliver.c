/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who gets an interrupt message: MSIs and IOAPIC messages (SDM 3A, 11.11), interprocessor
 * interrupts with their shorthands (11.6), local events (11.5). Any thread, no lock: a target's
 * IRR is set atomically, then its vCPU is told to look again.
 */
#include "hw/intc/lapic-int.h"

enum { DEST_ALL8 = 0xff };
#define DEST_ALL32 0xffffffffu

int lapic_highest(const uint32_t *reg)
{
    for (int i = 7; i >= 0; i--) {
        uint32_t bits = lapic_get(reg[i]);
        if (bits)
            return i * 32 + 31 - __builtin_clz(bits);
    }
    return -1;
}

static bool lapic_soft_enabled(const Lapic *a)
{
    return lapic_get(a->st.svr) & SVR_ENABLED;
}

void lapic_error(Lapic *a, uint32_t bit)
{
    __atomic_fetch_or(&a->st.esr_pending, bit, __ATOMIC_RELAXED);
    lapic_local(a, LVT_ERROR);
}

/* The trigger mode is stored before the request: whoever takes the request finds the right one. */
static void lapic_set_irr(Lapic *a, uint8_t vector, bool level)
{
    uint32_t bit = 1u << (vector & 31), *tmr = &a->st.tmr[vector >> 5];
    if (!lapic_on(a) || !lapic_soft_enabled(a))
        return;
    if (vector < 16) {
        __atomic_fetch_or(&a->st.esr_pending, ESR_RECV_ILLEGAL, __ATOMIC_RELAXED);
        return;
    }
    if (level)
        __atomic_fetch_or(tmr, bit, __ATOMIC_RELAXED);
    else if (lapic_get(*tmr) & bit)
        __atomic_fetch_and(tmr, ~bit, __ATOMIC_RELAXED);
    __atomic_fetch_or(&a->st.irr[vector >> 5], bit, __ATOMIC_RELEASE);
    vcpu_request(a->vcpu, REQ_INTR);
}

void lapic_accept(Lapic *a, unsigned mode, uint8_t vector, bool level)
{
    switch (mode) {
    case DM_FIXED:
    case DM_LOWEST: lapic_set_irr(a, vector, level); break;
    case DM_SMI: vcpu_request(a->vcpu, REQ_SMI); break;
    case DM_NMI: vcpu_request(a->vcpu, REQ_NMI); break;
    case DM_INIT: vcpu_request(a->vcpu, REQ_INIT); break;
    case DM_SIPI:
        atomic_store(&a->vcpu->sipi_vector, vector);
        vcpu_request(a->vcpu, REQ_SIPI);
        break;
    case DM_EXTINT:
        lapic_put(a->st.extint, 1);
        vcpu_request(a->vcpu, REQ_INTR);
        break;
    }
}

void lapic_local(Lapic *a, unsigned n)
{
    uint32_t lvt = lapic_get(a->st.lvt[n]);
    unsigned mode = lvt >> 8 & 7;
    if (lvt & LVT_MASKED)
        return;
    if (n == LVT_TIMER || n == LVT_ERROR)
        mode = DM_FIXED;
    if (mode == DM_EXTINT)
        vcpu_request(a->vcpu, REQ_INTR); /* pending() looks at the wire itself */
    else
        lapic_accept(a, mode, lvt, n == LVT_LINT0 && mode == DM_FIXED && (lvt & LVT_LEVEL));
}

/* ---- destinations ---- */

static bool lapic_is_logical(const Lapic *a, uint32_t dest)
{
    uint32_t ldr = lapic_get(a->st.ldr);
    if (lapic_is_x2(a))
        return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
    ldr >>= 24;
    if (lapic_get(a->st.dfr) >> 28 == 0xf)
        return ldr & dest;
    return ldr >> 4 == (dest >> 4 & 0xf) && (ldr & dest & 0xf);
}

/* wide: a 32-bit destination (x2APIC IPI), else 8 bits */
static bool lapic_matches(const Lapic *a, uint32_t dest, bool logical, bool wide)
{
    if (dest == (wide ? DEST_ALL32 : DEST_ALL8))
        return true;
    if (logical)
        return lapic_is_logical(a, dest);
    return (lapic_is_x2(a) ? a->vcpu->apic_id : lapic_get(a->st.id) >> 24) == dest;
}

/* Only enabled APICs take part; among the lowest task priorities the turn goes round. */
static Lapic *lapic_lowest(Vm *vm, uint32_t dest, bool logical, bool wide)
{
    Lapic *best = NULL;
    uint32_t best_tpr = 0x100;
    for (unsigned i = 0; i < vm->n_vcpus; i++) {
        Lapic *a = vm->vcpu[i] ? lapic_of(vm->vcpu[i]) : NULL;
        if (!a)
            continue;
        unsigned start = __atomic_load_n(&a->bus->turn, __ATOMIC_RELAXED);
        Lapic *b = lapic_of(vm->vcpu[(i + start) % vm->n_vcpus]);
        if (!b || !lapic_on(b) || !lapic_soft_enabled(b) || !lapic_matches(b, dest, logical, wide))
            continue;
        if (lapic_get(b->st.tpr) < best_tpr) {
            best = b;
            best_tpr = lapic_get(b->st.tpr);
        }
    }
    if (best)
        __atomic_store_n(&best->bus->turn, best->vcpu->index + 1, __ATOMIC_RELAXED);
    return best;
}

/* What one message is, however it came */
typedef struct Message {
    uint32_t dest;
    bool logical, wide, level;
    uint8_t mode, vector;
} Message;

static void lapic_send(Vm *vm, const Message *m)
{
    if (m->mode == DM_LOWEST) {
        Lapic *a = lapic_lowest(vm, m->dest, m->logical, m->wide);
        if (a)
            lapic_accept(a, DM_FIXED, m->vector, m->level);
        return;
    }
    for (unsigned i = 0; i < vm->n_vcpus; i++) {
        Lapic *a = vm->vcpu[i] ? lapic_of(vm->vcpu[i]) : NULL;
        if (a && lapic_matches(a, m->dest, m->logical, m->wide))
            lapic_accept(a, m->mode, m->vector, m->level);
    }
}

/* Bits 63-40 of the address carry the high part of a destination when the guest was offered that
 * (KVM's extended destination id sits in bits 11-5; it is not offered here). */
void lapic_deliver(Vm *vm, uint64_t addr, uint32_t data)
{
    Message m = {
        .dest = addr >> 12 & 0xff,
        .logical = addr >> 2 & 1,
        .mode = data >> 8 & 7,
        .vector = data,
        .level = data >> 15 & 1,
    };
    /* redirection hint with a fixed message: as lowest priority (SDM 3A, 11.11.1) */
    if (addr & 8 && m.mode == DM_FIXED && m.logical)
        m.mode = DM_LOWEST;
    lapic_send(vm, &m);
}

static void lapic_shorthand(Lapic *self, const Message *m, bool with_self)
{
    Vm *vm = self->dev.vm;
    for (unsigned i = 0; i < vm->n_vcpus; i++) {
        Lapic *a = vm->vcpu[i] ? lapic_of(vm->vcpu[i]) : NULL;
        if (a && (with_self || a != self))
            lapic_accept(a, m->mode == DM_LOWEST ? DM_FIXED : m->mode, m->vector, m->level);
    }
}

/* icr in the x2APIC layout: destination in bits 63-32, in xAPIC mode in bits 63-56 */
void lapic_ipi(Lapic *a, uint64_t icr)
{
    bool x2 = lapic_is_x2(a);
    Message m = {
        .dest = x2 ? icr >> 32 : icr >> 56,
        .logical = icr >> 11 & 1,
        .wide = x2,
        .mode = icr >> 8 & 7,
        .vector = icr,
        .level = false,
    };
    /* INIT level de-assert only set arbitration IDs on the P6: nothing to do */
    if (m.mode == DM_INIT && (icr & (1 << 15)) && !(icr & (1 << 14)))
        return;
    if ((m.mode == DM_FIXED || m.mode == DM_LOWEST) && m.vector < 16) {
        lapic_error(a, ESR_SEND_ILLEGAL);
        return;
    }
    if (m.mode == DM_RESERVED || m.mode == DM_EXTINT)
        return;
    switch (icr >> 18 & 3) {
    case 0: lapic_send(a->dev.vm, &m); break;
    case 1:
        if (m.mode == DM_FIXED)
            lapic_accept(a, DM_FIXED, m.vector, false);
        break;
    case 2: lapic_shorthand(a, &m, true); break;
    case 3: lapic_shorthand(a, &m, false); break;
    }
}
