/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPU threads and the gate between them and everybody who needs them to stand still.
 *
 *        OUT --------> IN <-------> WAIT      (vm_lock)
 *         ^            | \
 *         +------------+  WAITX               (vcpus_exclusive)
 *
 * Who wants them out raises gate.hold, then sends REQ_STOP and looks at each vCPU's `where`; a vCPU
 * that goes IN stores `where`, then looks at hold (both sequentially consistent: one of the two
 * sees the other). A commit waits until nobody else is IN, a pause until all are OUT, an exclusive
 * section until all others are OUT or WAITX. Locks: the gate's is a leaf.
 */
#include "core/vcpu.h"

#include <stdio.h>
#include <unistd.h>

#include "core/futex.h"
#include "core/irqchip.h"
#include "core/vm-int.h"

typedef struct Work {
    struct Work *next;
    void (*fn)(Vcpu *, void *);
    void *arg;
    bool done;
} Work;

typedef struct VcpuCore {
    _Atomic unsigned bars; /* reasons why this one stays out */
    _Atomic bool asleep;   /* in the futex, or about to be */
    _Atomic bool in_run;   /* inside vcpu_run: may be kicked */
    _Atomic bool have_work;
    Work *work;                              /* gate.lock */
    bool quit;                               /* gate.lock */
    enum { STARTING, RUNNING, FAILED } life; /* gate.lock */
    GError *err;                             /* of vcpu_init */
    bool look;          /* own thread: interrupts came since vcpu_run was last entered */
    bool synced, dirty; /* own thread, or out: v->x86 is valid; differs from the accelerator's */
    RunStop stop;       /* why it stopped by itself, barred until reset or resume */
} VcpuCore;

static _Thread_local Vcpu *self;

Vcpu *vcpu_self(void)
{
    return self;
}

static Gate *gate_of(Vcpu *v)
{
    return &vm_core(v->vm)->gate;
}

void gate_init(VmCore *c)
{
    pthread_mutex_init(&c->gate.lock, NULL);
    pthread_cond_init(&c->gate.in, NULL);
    pthread_cond_init(&c->gate.out, NULL);
    /* a new machine stands still until vm_start */
    c->gate.pauses = 1;
    c->gate.hold = 1;
}

void gate_fini(VmCore *c)
{
    pthread_cond_destroy(&c->gate.in);
    pthread_cond_destroy(&c->gate.out);
    pthread_mutex_destroy(&c->gate.lock);
}

/* ---- requests ---- */

void vcpu_request(Vcpu *v, uint32_t bits)
{
    VcpuCore *c = v->core;

    if ((atomic_fetch_or(&v->request, bits) & bits) == bits)
        return; /* whoever set them woke it */
    if (c->asleep)
        futex_wake(&v->request, 1);
    else if (c->in_run && v != self) {
        void (*kick)(Vcpu *) = vm_core(v->vm)->accel->vcpu_kick;
        if (kick)
            kick(v);
    }
}

/* ---- the vCPU's side of the gate ---- */

static void go(Vcpu *v, VcpuWhere where)
{
    Gate *g = gate_of(v);

    v->where = where;
    if (where != VCPU_IN && g->hold) {
        pthread_mutex_lock(&g->lock);
        pthread_cond_broadcast(&g->out);
        pthread_mutex_unlock(&g->lock);
    }
}

void gate_wait_lock(Vcpu *v)
{
    if (v->where == VCPU_IN)
        go(v, VCPU_WAIT);
}

void gate_got_lock(Vcpu *v)
{
    if (v->where == VCPU_WAIT)
        v->where = VCPU_IN;
}

/* Under gate.lock; drops it while the work runs. */
static void run_work(Vcpu *v, Gate *g)
{
    VcpuCore *c = v->core;

    while (c->work) {
        Work *w = c->work;
        c->work = w->next;
        pthread_mutex_unlock(&g->lock);
        w->fn(v, w->arg);
        pthread_mutex_lock(&g->lock);
        w->done = true;
        pthread_cond_broadcast(&g->out);
    }
    c->have_work = false;
}

static bool gate_shut(Vcpu *v)
{
    return gate_of(v)->hold || v->core->bars || v->core->have_work;
}

/* Waits where nobody needs to wait for us; false: the thread is to end. */
static bool gate_wait(Vcpu *v)
{
    Gate *g = gate_of(v);
    VcpuCore *c = v->core;
    bool quit;

    pthread_mutex_lock(&g->lock);
    for (;;) {
        run_work(v, g);
        quit = c->quit;
        if (quit || (!g->hold && !c->bars))
            break;
        pthread_cond_wait(&g->in, &g->lock);
    }
    pthread_mutex_unlock(&g->lock);
    return !quit;
}

/* OUT; returns IN, or false when the thread is to end. */
static bool gate_enter(Vcpu *v)
{
    for (;;) {
        v->where = VCPU_IN;
        if (!gate_shut(v))
            return true;
        go(v, VCPU_OUT);
        if (!gate_wait(v))
            return false;
    }
}

static void gate_open(Gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->hold--;
    pthread_cond_broadcast(&g->in);
    pthread_cond_broadcast(&g->out);
    pthread_mutex_unlock(&g->lock);
}

/* ---- commit ---- */

void gate_hold(Vm *vm)
{
    Gate *g = &vm_core(vm)->gate;

    pthread_mutex_lock(&g->lock);
    g->committing++;
    g->hold++;
    pthread_mutex_unlock(&g->lock);
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        if (vm->vcpu[i] != self && vm->vcpu[i]->where == VCPU_IN)
            vcpu_request(vm->vcpu[i], REQ_STOP);
    pthread_mutex_lock(&g->lock);
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        while (vm->vcpu[i] != self && vm->vcpu[i]->where == VCPU_IN)
            pthread_cond_wait(&g->out, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

void gate_release(Vm *vm)
{
    Gate *g = &vm_core(vm)->gate;

    pthread_mutex_lock(&g->lock);
    g->committing--;
    pthread_mutex_unlock(&g->lock);
    gate_open(g);
}

/* ---- exclusive ---- */

static bool others_apart(Vm *vm)
{
    for (unsigned i = 0; i < vm->n_vcpus; i++) {
        Vcpu *v = vm->vcpu[i];
        if (v != self && v->where != VCPU_OUT && v->where != VCPU_WAITX)
            return false;
    }
    return true;
}

/* WAITX first: a commit must not wait for us while we wait for others. Then we go IN, whatever
 * hold says, and a commit that has begun meanwhile is waited for. */
void vcpus_exclusive(Vm *vm, void (*fn)(void *), void *arg)
{
    Gate *g = &vm_core(vm)->gate;

    g_assert(self && !vm_locked() && self->where == VCPU_IN);
    g->hold++;
    go(self, VCPU_WAITX);
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        if (vm->vcpu[i] != self)
            vcpu_request(vm->vcpu[i], REQ_STOP);
    pthread_mutex_lock(&g->lock);
    while (g->alone || g->committing || !others_apart(vm))
        pthread_cond_wait(&g->out, &g->lock);
    g->alone = self;
    self->where = VCPU_IN;
    pthread_mutex_unlock(&g->lock);
    fn(arg);
    pthread_mutex_lock(&g->lock);
    g->alone = NULL;
    pthread_mutex_unlock(&g->lock);
    gate_open(g);
}

/* ---- pause, run on ---- */

static bool all_out(Vm *vm)
{
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        if (vm->vcpu[i]->where != VCPU_OUT)
            return false;
    return true;
}

void vcpus_pause(Vm *vm)
{
    Gate *g = &vm_core(vm)->gate;

    g_assert(vm_locked() && !self);
    if (g->pauses++)
        return;
    g->hold++;
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        if (vm->vcpu[i]->where != VCPU_OUT)
            vcpu_request(vm->vcpu[i], REQ_STOP);
    vm_unlock(vm);
    pthread_mutex_lock(&g->lock);
    while (!all_out(vm))
        pthread_cond_wait(&g->out, &g->lock);
    pthread_mutex_unlock(&g->lock);
    vm_lock(vm);
}

void vcpus_resume(Vm *vm)
{
    Gate *g = &vm_core(vm)->gate;

    g_assert(vm_locked() && g->pauses);
    if (--g->pauses == 0)
        gate_open(g);
}

void vcpu_run_on(Vcpu *v, void (*fn)(Vcpu *, void *), void *arg)
{
    Gate *g = gate_of(v);
    Work w = { .fn = fn, .arg = arg };

    if (v == self) {
        fn(v, arg);
        return;
    }
    g_assert(vm_locked() && !self);
    pthread_mutex_lock(&g->lock);
    Work **end = &v->core->work;
    while (*end)
        end = &(*end)->next;
    *end = &w;
    v->core->have_work = true;
    pthread_cond_broadcast(&g->in);
    pthread_mutex_unlock(&g->lock);
    vcpu_request(v, REQ_WORK);
    vm_unlock(v->vm);
    pthread_mutex_lock(&g->lock);
    while (!w.done)
        pthread_cond_wait(&g->out, &g->lock);
    pthread_mutex_unlock(&g->lock);
    vm_lock(v->vm);
}

void vcpu_block(Vcpu *v, bool on)
{
    Gate *g = gate_of(v);

    pthread_mutex_lock(&g->lock);
    v->core->bars += on ? 1 : -1;
    if (!on)
        pthread_cond_broadcast(&g->in);
    pthread_mutex_unlock(&g->lock);
    if (on)
        vcpu_request(v, REQ_STOP);
}

/* ---- registers ---- */

static void sync_get(Vcpu *v, void *unused)
{
    vm_core(v->vm)->accel->get(v);
    v->core->synced = true;
}

uint64_t vcpu_tsc(Vcpu *v, uint64_t *hz)
{
    const AccelOps *a = vm_accel(v->vm);

    *hz = 0;
    return a && a->tsc ? a->tsc(v, hz) : 0;
}

X86State *vcpu_state(Vcpu *v, bool write)
{
    if (!v->core->synced && vm_core(v->vm)->accel->get)
        vcpu_run_on(v, sync_get, NULL);
    v->core->dirty |= write;
    return v->x86;
}

/* ---- the thread ---- */

static void stopped_by_itself(void *p)
{
    Vcpu *v = p;

    vm_stop(v->vm, v->core->stop == RUN_DEBUG ? RUNSTATE_DEBUG : RUNSTATE_INTERNAL_ERROR);
}

static void sync_put(Vcpu *v)
{
    VmCore *c = vm_core(v->vm);

    if (v->core->dirty && c->accel->put && !c->accel->put(v, false))
        guest_error(v->vm->root, "vCPU %u: the accelerator refused its registers", v->index);
    v->core->synced = v->core->dirty = false;
}

static void take_events(Vcpu *v, uint32_t bits)
{
    enum { EVENTS = REQ_NMI | REQ_SMI | REQ_INIT | REQ_SIPI | REQ_RESET };
    VmCore *c = vm_core(v->vm);

    v->todo |= bits & (REQ_TLB | REQ_A20);
    if (bits & (REQ_INTR | EVENTS))
        v->core->look = true;
    if (bits & EVENTS && c->vcpu_event)
        c->vcpu_event(v, bits & EVENTS);
}

/* With an interrupt chip in the kernel it is the kernel that lets a vCPU sleep. */
static bool may_sleep(Vcpu *v)
{
    const IrqchipOps *chip = v->vm->irqchip;

    if (chip && chip->mode != IRQCHIP_USER)
        return false;
    return v->wait_sipi || (v->halted && !v->core->look);
}

/* OUT. The request word is the futex, so what comes between the test and the sleep is not lost. */
static void sleep_until_request(Vcpu *v)
{
    v->core->asleep = true;
    if (!v->request)
        futex_wait(&v->request, 0, -1);
    v->core->asleep = false;
}

static void run_once(Vcpu *v)
{
    VcpuCore *c = v->core;

    c->look = false;
    c->in_run = true;
    RunStop stop = vm_core(v->vm)->accel->vcpu_run(v);
    c->in_run = false;
    if (stop != RUN_OK) {
        c->stop = stop;
        vcpu_block(v, true);
        vm_call_main(v->vm, NULL, stopped_by_itself, v);
    }
}

static bool start_thread(Vcpu *v)
{
    VmCore *c = vm_core(v->vm);
    bool ok = !c->accel->vcpu_init || c->accel->vcpu_init(v, &v->core->err);

    pthread_mutex_lock(&c->gate.lock);
    v->core->life = ok ? RUNNING : FAILED;
    pthread_cond_broadcast(&c->gate.out);
    pthread_mutex_unlock(&c->gate.lock);
    return ok;
}

static gpointer vcpu_thread(gpointer p)
{
    Vcpu *v = p;

    self = v;
    v->thread_id = gettid();
    if (!start_thread(v))
        return NULL;
    while (gate_enter(v)) {
        sync_put(v);
        take_events(v, atomic_exchange(&v->request, 0));
        /* whoever shut the gate set a bit after that: taken just now, or vcpu_run will see it */
        if (!gate_shut(v) && !may_sleep(v))
            run_once(v);
        bool sleeps = may_sleep(v);
        go(v, VCPU_OUT);
        if (sleeps)
            sleep_until_request(v);
    }
    if (vm_core(v->vm)->accel->vcpu_fini)
        vm_core(v->vm)->accel->vcpu_fini(v);
    /* a commit may want to empty it at the same moment */
    vm_lock(v->vm);
    vcpu_caches_drop(v);
    vm_unlock(v->vm);
    return NULL;
}

/* ---- making and ending them ---- */

static void vcpu_alloc(Vm *vm, unsigned i, uint32_t apic_id)
{
    Vcpu *v = g_new0(Vcpu, 1);

    v->vm = vm;
    v->index = i;
    v->apic_id = apic_id;
    v->mem = vm->mem;
    v->smm = vm->smm;
    v->io = vm->io;
    v->a20 = true;
    v->core = g_new0(VcpuCore, 1);
    vm->vcpu[i] = v;
}

static bool wait_started(Vcpu *v, GError **err)
{
    Gate *g = gate_of(v);

    pthread_mutex_lock(&g->lock);
    while (v->core->life == STARTING)
        pthread_cond_wait(&g->out, &g->lock);
    bool ok = v->core->life == RUNNING;
    pthread_mutex_unlock(&g->lock);
    if (!ok)
        g_propagate_error(err, g_steal_pointer(&v->core->err));
    return ok;
}

void vm_set_accel(Vm *vm, const AccelOps *ops)
{
    vm_core(vm)->accel = ops;
    vm_core(vm)->clock.stepped = ops->stepped;
}

const AccelOps *vm_accel(Vm *vm)
{
    return vm_core(vm)->accel;
}

bool vcpus_new(Vm *vm, unsigned n, const uint32_t *apic_id, VcpuEvent *event, GError **err)
{
    bool ok = true;

    g_assert(vm_locked() && !vm->n_vcpus && vm_accel(vm));
    vm_core(vm)->vcpu_event = event;
    vm->vcpu = g_new0(Vcpu *, n);
    for (unsigned i = 0; i < n; i++)
        vcpu_alloc(vm, i, apic_id ? apic_id[i] : i);
    vm->n_vcpus = n;
    for (unsigned i = 0; i < n && ok; i++) {
        char name[16];
        snprintf(name, sizeof(name), "vcpu%u", i);
        vm->vcpu[i]->thread = g_thread_new(name, vcpu_thread, vm->vcpu[i]);
        /* one after the other, and without the lock: an accelerator's init may need main's help */
        vm_unlock(vm);
        ok = wait_started(vm->vcpu[i], err);
        vm_lock(vm);
    }
    if (!ok)
        vcpus_free(vm);
    return ok;
}

static void end_thread(Vcpu *v)
{
    Gate *g = gate_of(v);

    if (!v->thread)
        return;
    pthread_mutex_lock(&g->lock);
    v->core->quit = true;
    v->core->have_work = true;
    pthread_cond_broadcast(&g->in);
    pthread_mutex_unlock(&g->lock);
    vcpu_request(v, REQ_STOP);
    vm_unlock(v->vm);
    g_thread_join(v->thread);
    vm_lock(v->vm);
    v->thread = NULL;
}

void vcpus_end(Vm *vm)
{
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        end_thread(vm->vcpu[i]);
}

void vcpus_free(Vm *vm)
{
    vcpus_end(vm);
    for (unsigned i = 0; i < vm->n_vcpus; i++) {
        g_clear_error(&vm->vcpu[i]->core->err);
        g_free(vm->vcpu[i]->core);
        g_free(vm->vcpu[i]);
    }
    g_clear_pointer(&vm->vcpu, g_free);
    vm->n_vcpus = 0;
}

/* Paused. A vCPU that stopped by itself may run again. */
void vcpu_unbar(Vcpu *v)
{
    if (v->core->stop != RUN_OK) {
        v->core->stop = RUN_OK;
        vcpu_block(v, false);
    }
}

void vcpus_reset(Vm *vm)
{
    for (unsigned i = 0; i < vm->n_vcpus; i++) {
        vcpu_unbar(vm->vcpu[i]);
        vcpu_request(vm->vcpu[i], REQ_RESET);
    }
}
