/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_VCPU_H
#define CORE_VCPU_H

#include <glib.h>
#include <stdatomic.h>

#include "core/memory.h"
#include "core/prop.h"

/*
 * accel.c exchanges request to 0 before each vcpu_run and handles every bit it took. INTR only
 * says: look at pending() again; noted until vcpu_run is next entered. STOP: come to the gate.
 * A Vcpu is never freed before the Vm (deliver() reads them unlocked): unplug ends its thread,
 * plug starts one with REQ_RESET
 */
enum {
    REQ_INTR = 1,
    REQ_NMI = 2,
    REQ_SMI = 4,
    REQ_INIT = 8,
    REQ_SIPI = 16,
    REQ_WORK = 32,
    REQ_STOP = 64,
    REQ_TLB = 128,
    REQ_RESET = 256,
    REQ_A20 = 512
};

/* where: accel.c's */
struct Vcpu {
    Vm *vm;
    unsigned index;
    uint32_t apic_id;
    GThread *thread;
    _Atomic uint32_t request, sipi_vector;
    _Atomic bool halted, wait_sipi, a20, parked;
    _Atomic uint8_t where;
    Space *mem, *smm, *io;
    void *lapic, *accel;
    X86State *x86;
    const FlatMap *mem_cache, *io_cache;
};

/*
 * any, signal handlers too: atomic OR; futex wake if asleep, kick if in vcpu_run and a bit is
 * new
 */
void vcpu_request(Vcpu *, uint32_t bits);

/*
 * main, locked, not from a device callback; waits with the lock released: re-read your state.
 * fn runs on its thread at an instruction boundary, unlocked; also while it is paused, parked
 * or halted
 */
void vcpu_run_on(Vcpu *, void (*fn)(Vcpu *, void *), void *arg);

/*
 * from a vCPU, unlocked, nothing of the instruction committed; others at a boundary or waiting
 * here too. fn may space_io(); pause waits until it is over
 */
void vcpus_exclusive(Vm *, void (*fn)(void *), void *arg);

/*
 * main, locked, not from a device callback; counted. Waits with the lock released until every
 * vCPU is at an instruction boundary: one that waits for the lock is not
 */
void vcpus_pause(Vm *);
void vcpus_resume(Vm *);

/* main, locked: this one stays out when the others resume (GDB) */
void vcpu_park(Vcpu *, bool on);

/* paused, parked or in run_on: get() on its thread at first use, put() before it next runs */
X86State *vcpu_state(Vcpu *, bool write);
typedef enum { RUN_OK, RUN_DEBUG, RUN_ERROR } RunStop;
typedef struct DebugPoint {
    uint64_t addr, len;
    enum { DBG_BREAK, DBG_WRITE, DBG_READ, DBG_ACCESS } kind;
} DebugPoint;
typedef struct AccelOps {
    const char *name, *alias, *desc;
    const Prop *props;
    /* false: the reason and the cure */
    bool (*probe)(Vm *, GError **);
    /* sets vm->irqchip, adds Space listeners */
    bool (*init)(Vm *, const void *args, GError **);
    /* on its thread; not kicked before init returned. Join a vCPU without the lock */
    bool (*vcpu_init)(Vcpu *, GError **);
    void (*vcpu_fini)(Vcpu *);
    /* unlocked; first takes a pending event (that clears halted), only then tests request; runs
     * until */
    RunStop (*vcpu_run)(Vcpu *);
    /* request != 0 or halted; returns at an instruction boundary (KVM: one more KVM_RUN with
     * immediate_exit ends an I/O). Not RUN_OK: accel.c parks it, tells main */

    /* any, async-signal-safe; only while it is in vcpu_run; NULL: it polls request (soft) */
    void (*vcpu_kick)(Vcpu *);
    /* its registers <-> v->x86; soft's env begins with X86State: get folds the flags word into
     * rflags, put splits it, derives hflags, empties TLB */
    void (*get)(Vcpu *);
    bool (*put)(Vcpu *, bool after_reset);
    /* in run_on */
    void (*run_state)(Vm *, bool running);
    bool (*debug)(Vcpu *, const DebugPoint *, size_t n, GError **);
    /* kvm, soft, qtest */
} AccelOps;
typedef AccelOps set_accel_t;

#endif
