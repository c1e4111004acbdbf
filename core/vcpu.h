/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_VCPU_H
#define CORE_VCPU_H

#include <glib.h>
#include <stdatomic.h>

#include "core/memory.h"
#include "core/prop.h"

/*
 * The vCPU loop exchanges request to 0 before each vcpu_run and handles every bit it took:
 * INTR   look at LapicOps.pending() again; noted until vcpu_run is next entered
 * NMI    sets x86->nmi_pending: vcpu_run delivers it (SMI: nobody yet)
 * TLB, A20  handed on in v->todo: vcpu_run obeys and clears it first
 * INIT, SIPI, RESET  done by accel.c on v->x86, then put(v, true)
 * WORK, STOP  come to the gate
 * While vcpu_run runs the accelerator only tests request != 0 and returns; it clears no bit. The
 * one exception: soft may take REQ_TLB out (fetch_and) and flush, in the middle of a run.
 * A Vcpu is never freed before the Vm (deliver() reads them unlocked): unplug ends its thread, plug
 * starts one with REQ_RESET.
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

/*
 * Where a vCPU is (locking.md 15). OUT: at the gate or asleep, at an instruction boundary. IN:
 * guest code, or an operation that needs no lock. WAIT: in vm_lock(). WAITX: wants to be alone.
 */
typedef enum { VCPU_OUT, VCPU_IN, VCPU_WAIT, VCPU_WAITX } VcpuWhere;

struct Vcpu {
    Vm *vm;
    unsigned index;
    uint32_t apic_id;
    GThread *thread;
    int thread_id; /* the kernel's, for query-cpus-fast; 0 before its thread runs */
    _Atomic uint32_t request, sipi_vector;
    _Atomic bool halted, wait_sipi, a20;
    _Atomic uint8_t where; /* VcpuWhere; the gate's */
    uint32_t todo;         /* own thread: REQ_TLB, REQ_A20 that vcpu_run still has to obey */
    Space *mem, *smm, *io;
    void *lapic, *accel;
    X86State *x86;
    const FlatMap *mem_cache, *io_cache;
    struct VcpuCore *core; /* core/vcpu.c's */
};
Vcpu *vcpu_self(void); /* the vCPU whose thread this is, or NULL */

/*
 * any, signal handlers too: atomic OR; futex wake if asleep, kick if in vcpu_run and a bit is
 * new
 */
void vcpu_request(Vcpu *, uint32_t bits);

/*
 * any thread; what the guest's RDTSC gives now on this vCPU and its rate in Hz (0: no TSC, or
 * unknown): AccelOps.tsc. The local APIC turns a TSC deadline into a time with it.
 */
uint64_t vcpu_tsc(Vcpu *, uint64_t *hz);

/*
 * main, locked, not from a device callback; waits with the lock released: re-read your state.
 * fn runs on its thread at an instruction boundary, unlocked; also while it is paused
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

/* paused or in run_on: get() on its thread at first use, put() before it next runs */
X86State *vcpu_state(Vcpu *, bool write);
typedef enum { RUN_OK, RUN_DEBUG, RUN_ERROR } RunStop;
typedef struct AccelOps {
    const char *name, *alias, *desc;
    const Prop *props;
    /* false: the reason and the cure */
    bool (*probe)(Vm *, GError **);
    /* locked; sets vm->irqchip, adds Space listeners; args end with the call */
    bool (*init)(Vm *, const void *args, GError **);
    /* on its thread, unlocked; not kicked before init returned; makes v->x86. Join a vCPU without
     * the lock */
    bool (*vcpu_init)(Vcpu *, GError **);
    void (*vcpu_fini)(Vcpu *);
    /* unlocked; obeys todo, takes a pending event (that clears halted), only then tests request;
     * runs until request != 0 or halted; returns at an instruction boundary (KVM: one more KVM_RUN
     * with immediate_exit ends an I/O). Not RUN_OK: the vCPU is parked and main is told */
    RunStop (*vcpu_run)(Vcpu *);
    /* any, async-signal-safe; only while it is in vcpu_run; NULL: it polls request (soft) */
    void (*vcpu_kick)(Vcpu *);
    /* its registers <-> v->x86; soft's env begins with X86State: get folds the flags word into
     * rflags, put splits it, derives hflags, empties TLB */
    void (*get)(Vcpu *);
    bool (*put)(Vcpu *, bool after_reset);
    /* main, locked, vCPUs out; running: before they start. May be NULL */
    void (*run_state)(Vm *, bool running);
    /* never runs guest code: CLOCK_VIRTUAL stands still but for clock_step() (qtest) */
    bool stepped;
    /* any; may be NULL: see vcpu_tsc() */
    uint64_t (*tsc)(Vcpu *, uint64_t *hz);
} AccelOps;
typedef AccelOps set_accel_t;

/* ---- for accel.c; main, locked ---- */

void vm_set_accel(Vm *, const AccelOps *); /* its init succeeded */
const AccelOps *vm_accel(Vm *);            /* any; NULL: none yet */

/* REQ_INIT, REQ_SIPI, REQ_RESET, REQ_NMI and REQ_SMI as they were taken: on its thread, IN. After
 * RESET and INIT it has called put(v, true). */
typedef void VcpuEvent(Vcpu *, uint32_t bits);

/* Makes vm->vcpu[n] (mem, smm, io set), then a thread each, which calls vcpu_init; false: one of
 * them failed, all are gone again. apic_id NULL: the index. */
bool vcpus_new(Vm *, unsigned n, const uint32_t *apic_id, VcpuEvent *, GError **);

#endif
