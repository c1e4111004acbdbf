/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reset and quiesce. Of the whole machine:
 *
 *   vCPUs paused -> every device quiesced (drains of its drives, its own hook) -> in each device's
 *   home: timers disarmed, state zeroed -> reset hooks, parents first -> sync of all in one commit
 *   -> timers with a deadline armed -> REQ_RESET to every vCPU -> listeners told -> resumed
 *
 * Whatever must wait comes back by a callback on main; nobody loops here.
 */
#include "core/device-int.h"

/* ---- quiesce ---- */

bool device_held(const Device *d)
{
    return d->core->held;
}

static void quiesce_ended(Device *d)
{
    GArray *w = d->core->waiting;

    d->core->waiting = g_array_new(false, false, sizeof(Waiter));
    for (guint i = 0; i < w->len; i++) {
        Waiter one = g_array_index(w, Waiter, i);
        one.done(one.o);
    }
    g_array_unref(w);
}

static void drained(void *p)
{
    Device *d = p;

    if (--d->core->draining)
        return;
    if (d->type->quiesce && d->life == LIFE_REALIZED)
        d->type->quiesce(d, quiesce_ended);
    else
        quiesce_ended(d);
}

static void drain_link(Device *d, const PropLink *l, void *link, void *o)
{
    if (l->drain) {
        d->core->draining++;
        l->drain(link, drained, d);
    }
}

void device_quiesce(Device *d, void (*done)(void *o), void *o)
{
    Waiter w = { done, o };
    bool under_way = d->core->waiting->len > 0;

    g_array_append_val(d->core->waiting, w);
    if (under_way)
        return;
    /* one for ourselves: a drain may end inside the call */
    d->core->draining = 1;
    device_links(d, drain_link, NULL);
    drained(d);
}

/* ---- several of them ---- */

typedef struct Group {
    GPtrArray *devices; /* a reference each */
    unsigned left;
    void (*done)(void *o);
    void *o;
} Group;

static void group_one(void *p)
{
    Group *g = p;

    if (--g->left)
        return;
    g->done(g->o);
    for (guint i = 0; i < g->devices->len; i++) {
        Device *d = g->devices->pdata[i];
        d->core->held--;
        device_unref(d);
    }
    g_ptr_array_unref(g->devices);
    g_free(g);
}

static void group_quiesce(GPtrArray *take, void (*done)(void *o), void *o)
{
    Group *g = g_new(Group, 1);

    *g = (Group){ take, take->len + 1, done, o };
    for (guint i = 0; i < take->len; i++) {
        Device *d = take->pdata[i];
        d->core->held++;
        device_ref(d);
    }
    for (guint i = 0; i < take->len; i++)
        device_quiesce(take->pdata[i], group_one, g);
    group_one(g);
}

static bool hangs_below(const Device *d, const Device *top)
{
    for (; d; d = d->parent)
        if (d == top || (d->bus && d->bus->owner == top))
            return true;
    return false;
}

/* It and all below, parents first. */
static GPtrArray *tree_of(Device *top)
{
    GPtrArray *all = vm_core(top->vm)->devices, *tree = g_ptr_array_new();

    for (guint i = 0; i < all->len; i++)
        if (hangs_below(all->pdata[i], top))
            g_ptr_array_add(tree, all->pdata[i]);
    return tree;
}

void device_quiesce_tree(Device *d, void (*done)(void *o), void *o)
{
    group_quiesce(tree_of(d), done, o);
}

/* ---- state, timers, lines ---- */

void device_disarm(Device *d)
{
    for (guint i = 0; i < d->core->timers->len; i++)
        timer_disarm(d->core->timers->pdata[i]);
}

static void device_arm(void *p)
{
    Device *d = p;

    for (guint i = 0; i < d->core->timers->len; i++)
        timer_arm(d->core->timers->pdata[i]);
}

void device_lines_low(Device *d)
{
    for (const Pin *p = d->type->pins; p && p->name; p++) {
        const IrqLine **lines = (const IrqLine **)((char *)d + p->off);
        for (uint32_t i = 0; p->out && i < p->count; i++)
            irq_set(lines[i], 0);
    }
}

static void zero_part(const StatePart *p, void *part, void *o)
{
    if (!p->keep)
        part_zero(p->rows, part, p->len);
}

static void clear_self(void *p)
{
    device_disarm(p);
    device_parts(p, false, zero_part, NULL);
}

static void clear_full(void *p)
{
    device_disarm(p);
    device_parts(p, true, zero_part, NULL);
}

static void device_clear(Device *d, bool bus_too)
{
    home_wait(d->home, bus_too ? clear_full : clear_self, d);
}

static void call_reset(Device *d, bool bus_too)
{
    d->in_io++;
    if (bus_too && d->bus && d->bus->type->reset)
        d->bus->type->reset(d);
    if (d->type->reset)
        d->type->reset(d);
    d->in_io--;
}

static void device_sync(Device *d)
{
    if (d->bus && d->bus->type->sync)
        d->bus->type->sync(d);
    if (d->type->sync)
        d->type->sync(d);
}

void device_settle(GPtrArray *devices)
{
    if (!devices->len)
        return;
    Space *mem = ((Device *)devices->pdata[0])->vm->mem;
    space_begin(mem);
    for (guint i = 0; i < devices->len; i++)
        device_sync(devices->pdata[i]);
    space_commit(mem);
    for (guint i = 0; i < devices->len; i++) {
        Device *d = devices->pdata[i];
        home_wait(d->home, device_arm, d);
    }
}

static void reset_all(GPtrArray *devices, bool bus_too)
{
    for (guint i = 0; i < devices->len; i++)
        device_clear(devices->pdata[i], bus_too);
    for (guint i = 0; i < devices->len; i++)
        call_reset(devices->pdata[i], bus_too);
    device_settle(devices);
}

void device_reset_tree(Device *d)
{
    g_autoptr(GPtrArray) tree = tree_of(d);

    reset_all(tree, true);
}

/* ---- one device ---- */

typedef struct OneReset {
    Device *d;
    ResetScope scope;
    Vcpu *asker; /* blocked until done */
    bool returned, over;
    void (*done)(void *o);
    void *o;
} OneReset;

static void one_now(Device *d, ResetScope scope)
{
    if (d->life != LIFE_REALIZED)
        return;
    device_lines_low(d);
    if (scope == RESET_FULL) {
        device_reset_tree(d);
        return;
    }
    g_autoptr(GPtrArray) self = g_ptr_array_new();
    g_ptr_array_add(self, d);
    reset_all(self, false);
}

static void one_quiet(void *p)
{
    OneReset *r = p;

    one_now(r->d, r->scope);
    if (r->asker)
        vcpu_block(r->asker, false);
    if (r->done)
        r->done(r->o);
    device_unref(r->d);
    if (r->returned)
        g_free(r);
    else
        r->over = true;
}

/* Called from a register access: where it must wait for I/O, the vCPU that wrote stays at its next
 * instruction boundary until done. */
void device_reset(Device *d, ResetScope scope, void (*done)(void *), void *o)
{
    OneReset *r = g_new0(OneReset, 1);
    GPtrArray *who;

    g_assert(vm_locked());
    *r = (OneReset){ .d = d, .scope = scope, .done = done, .o = o };
    device_ref(d);
    if (scope == RESET_FULL) {
        who = tree_of(d);
    } else {
        who = g_ptr_array_new();
        g_ptr_array_add(who, d);
    }
    group_quiesce(who, one_quiet, r);
    if (r->over) {
        g_free(r);
        return;
    }
    r->returned = true;
    r->asker = vcpu_self();
    if (r->asker)
        vcpu_block(r->asker, true);
}

/* ---- the machine ---- */

typedef struct MachineReset {
    Vm *vm;
    void (*done)(Vm *, void *);
    void *o;
} MachineReset;

static void machine_quiet(void *p)
{
    MachineReset *r = p;
    Vm *vm = r->vm;
    g_autoptr(GPtrArray) all = g_ptr_array_copy(vm_core(vm)->devices, NULL, NULL);

    reset_all(all, true);
    vcpus_reset(vm);
    r->done(vm, r->o);
    vcpus_resume(vm);
    g_free(r);
}

/* A second one that comes while the first still waits for I/O ends right after it: harmless. */
void vm_reset(Vm *vm, void (*done)(Vm *, void *), void *o)
{
    MachineReset *r = g_new(MachineReset, 1);

    *r = (MachineReset){ vm, done, o };
    vcpus_pause(vm);
    group_quiesce(g_ptr_array_copy(vm_core(vm)->devices, NULL, NULL), machine_quiet, r);
}
