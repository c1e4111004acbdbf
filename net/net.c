/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports, cables and the flow of frames between the two ends of one.
 *
 *   net_send(p) -> peer's receive()      > 0: taken, or lost for a reason a cable has
 *       0: p waits                       net_resume(peer), or whatever else stood in the way is
 *                                        gone -> net_run(), on main -> p's resume()
 *
 * resume() is never called from inside anybody's call: net_run() is a turn of its own of the main
 * loop, so no driver is entered twice. Threads: main or a vCPU, machine lock held.
 */
#include "net/net.h"

#include <string.h>

#include "core/runstate.h"
#include "net/net-int.h"
#include "util/iov.h"
#include "util/log.h"

/* ---- resuming ---- */

static bool may_resume(const NetPort *p)
{
    return p->in->resume_due && (!net_is_nic(p) || p->vm->running);
}

/* A callback of a device counts as an entry into it: its own registers cannot be reached by DMA. */
static void enter(const NetPort *p, int by)
{
    if (p->in->dev)
        p->in->dev->in_io += by;
}

static void resume(NetPort *p)
{
    p->in->resume_due = false;
    if (p->in->cutting && !net_cut_next(p))
        return;
    p->in->waiting = false;
    if (!p->ops->resume)
        return;
    enter(p, 1);
    p->ops->resume(p->o);
    enter(p, -1);
}

/* Ports may come and go in resume(): each turn of the loop looks anew, once per port at most. */
static void net_run(void *o)
{
    NetList *l = o;
    guint turns = l->ports->len;

    l->scheduled = false;
    for (guint i = 0; i < l->ports->len && turns; i++) {
        NetPort *p = l->ports->pdata[i];

        if (may_resume(p)) {
            turns--;
            resume(p);
        }
    }
}

static void schedule(NetList *l)
{
    if (!l->scheduled) {
        l->scheduled = true;
        vm_call_main(l->vm, NULL, net_run, l);
    }
}

void net_wake(NetPort *p)
{
    if (!p->in->waiting || p->in->resume_due)
        return;
    p->in->resume_due = true;
    schedule(net_list(p->vm));
}

void net_resume(NetPort *p)
{
    if (p && p->peer)
        net_wake(p->peer);
}

/* NICs may have room now: their peers try again. */
static void nics_changed(void *o)
{
    const NetList *l = o;

    for (guint i = 0; i < l->ports->len; i++) {
        NetPort *p = l->ports->pdata[i];

        if (net_is_nic(p))
            net_resume(p);
    }
}

/* NICs answered 0 while they stood still, and after a load they may hold a frame that nobody else
 * knows of. */
static void state_changed(void *o, RunState old, RunState now)
{
    NetList *l = o;

    if (now != RUNSTATE_RUNNING)
        return;
    nics_changed(l);
    for (guint i = 0; i < l->ports->len; i++) {
        NetPort *p = l->ports->pdata[i];

        if (net_is_nic(p))
            p->in->resume_due = true;
    }
    schedule(l);
}

static const VmListener net_listener = { .state = state_changed, .reset = nics_changed };

NetList *net_list(Vm *vm)
{
    if (!vm->nets) {
        vm->nets = g_new0(NetList, 1);
        vm->nets->vm = vm;
        vm->nets->ports = g_ptr_array_new();
        vm_listen(vm, &net_listener, vm->nets);
    }
    return vm->nets;
}

/* ---- sending ---- */

bool net_link_up(const NetPort *p)
{
    return p && !p->in->down && !(p->peer && p->peer->in->down);
}

static void show(const NetPort *p, bool sent, const struct iovec *iov, int n)
{
    for (guint i = 0; p->in->watches && i < p->in->watches->len; i++) {
        const NetWatch *w = p->in->watches->pdata[i];

        w->frame(w->o, sent, iov, n);
    }
}

ssize_t net_deliver(NetPort *p, const struct iovec *iov, int n, size_t len, const NetMeta *meta)
{
    NetPort *q = p->peer;
    uint8_t padded[NET_MIN_FRAME];
    struct iovec one = { padded, NET_MIN_FRAME };
    ssize_t r = 0;

    p->in->waiting = true; /* before the call: the peer may ask for more inside it */
    if (q->in->sending) {
        p->in->nested = true;
        return 0;
    }
    if (net_is_nic(q) && !q->vm->running)
        return 0;
    if (net_is_nic(q) && len < NET_MIN_FRAME) {
        memset(padded, 0, sizeof(padded));
        iov_to_buf(iov, n, 0, padded, len);
        iov = &one;
        n = 1;
    }
    p->in->sending++;
    enter(q, 1);
    r = q->ops->receive(q->o, iov, n, meta);
    enter(q, -1);
    p->in->sending--;
    if (q->in->nested && !p->in->sending) {
        q->in->nested = false;
        net_wake(q);
    }
    if (!r)
        return 0;
    p->in->waiting = false;
    show(p, true, iov, n);
    show(q, false, iov, n);
    return (ssize_t)len;
}

/* What has to be done to the frame before the peer takes it. */
static unsigned offloads_of(const NetMeta *meta)
{
    unsigned need = meta->flags & NET_META_NEEDS_CSUM ? NET_CSUM : 0;

    switch (meta->gso_type & ~NET_GSO_ECN) {
    case NET_GSO_TCP4: need |= NET_TSO4; break;
    case NET_GSO_TCP6: need |= NET_TSO6; break;
    case NET_GSO_UDP: need |= NET_UFO; break;
    default: return need;
    }
    return need | (meta->gso_type & NET_GSO_ECN ? NET_ECN : 0);
}

ssize_t net_send(NetPort *p, const struct iovec *iov, int n, const NetMeta *meta)
{
    size_t len = iov_bytes(iov, n);
    unsigned missing;

    if (!p || !p->peer)
        return -1;
    if (!net_link_up(p))
        return 1;
    if (len < NET_HEADER || len > NET_MAX_FRAME) {
        LOG(LOG_GUEST_ERRORS, "net: %s: a frame of %zu bytes is lost\n", p->name, len);
        return 1;
    }
    if (p->in->cutting) { /* the rest of the last frame goes first */
        p->in->waiting = true;
        return 0;
    }
    if (!meta)
        return net_deliver(p, iov, n, len, NULL);
    missing = offloads_of(meta) & ~p->peer->in->takes;
    if (missing)
        return net_cut(p, iov, n, len, meta);
    return net_deliver(p, iov, n, len, p->peer->in->takes ? meta : NULL);
}

ssize_t net_send_buf(NetPort *p, const void *frame, size_t len)
{
    struct iovec one = { (void *)frame, len };

    return net_send(p, &one, 1, NULL);
}

void net_set_takes(NetPort *p, unsigned offloads)
{
    p->in->takes = offloads;
}

unsigned net_offloads(NetPort *p, unsigned want)
{
    return p && p->peer ? want & p->peer->in->takes : 0;
}

/* ---- ports ---- */

bool net_is_nic(const NetPort *p)
{
    return !p->type;
}

const GPtrArray *net_ports(Vm *vm)
{
    return net_list(vm)->ports;
}

static NetPort *find(Vm *vm, const char *name, bool nic)
{
    const GPtrArray *ports = net_ports(vm);

    for (guint i = 0; i < ports->len; i++) {
        NetPort *p = ports->pdata[i];

        if (net_is_nic(p) == nic && strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

NetPort *net_nic_find(Vm *vm, const char *name)
{
    return find(vm, name, true);
}

NetPort *netdev_find(Vm *vm, const char *name)
{
    return find(vm, name, false);
}

char *net_auto_name(Vm *vm, const char *model)
{
    for (unsigned i = 0;; i++) {
        g_autofree char *name = g_strdup_printf("%s.%u", model, i);

        if (!find(vm, name, false) && !find(vm, name, true))
            return g_steal_pointer(&name);
    }
}

void net_port_add(NetPort *p, Vm *vm, char *take_name, const NetOps *ops, void *o)
{
    p->vm = vm;
    p->name = take_name;
    p->ops = ops;
    p->o = o;
    p->in = g_new0(NetPortInt, 1);
    g_ptr_array_add(net_list(vm)->ports, p);
}

static void tell_link(NetPort *p)
{
    if (!p->ops->link)
        return;
    enter(p, 1);
    p->ops->link(p->o, net_link_up(p));
    enter(p, -1);
}

void net_connect(NetPort *a, NetPort *b)
{
    a->peer = b;
    b->peer = a;
}

/* Whoever waits for the other goes on: what he sends now is done with at once. */
void net_disconnect(NetPort *p)
{
    NetPort *q = p->peer;

    if (!q)
        return;
    p->peer = q->peer = NULL;
    p->in->cutting = q->in->cutting = false;
    net_wake(p);
    net_wake(q);
}

void net_unplugged(NetPort *p)
{
    p->in->down = true;
    tell_link(p);
}

void net_watch_add(NetPort *p, NetWatch *w)
{
    if (!p->in->watches)
        p->in->watches = g_ptr_array_new();
    g_ptr_array_add(p->in->watches, w);
}

void net_watch_remove(NetPort *p, NetWatch *w)
{
    g_ptr_array_remove(p->in->watches, w);
}

static void end_watches(NetPort *p)
{
    for (guint i = 0; p->in->watches && i < p->in->watches->len; i++) {
        const NetWatch *w = p->in->watches->pdata[i];

        w->gone(w->o);
    }
    g_clear_pointer(&p->in->watches, g_ptr_array_unref);
}

static void port_free(NetPort *p)
{
    net_cut_free(p->in->cut);
    g_free(p->in->info);
    g_free(p->in->nic_name);
    g_free(p->in);
    g_free(p->name);
    g_free(p);
}

void net_port_remove(NetPort *p)
{
    net_disconnect(p);
    end_watches(p);
    g_ptr_array_remove(net_list(p->vm)->ports, p);
    p->in->closed = true;
    if (!p->in->refs)
        port_free(p);
}

void net_port_unref(NetPort *p)
{
    if (!--p->in->refs && p->in->closed)
        port_free(p);
}

bool net_set_link(Vm *vm, const char *name, bool up, GError **err)
{
    NetPort *p = net_nic_find(vm, name);

    if (!p)
        p = netdev_find(vm, name);
    if (!p)
        return user_fail(err, "Device '%s' not found", name);
    if (p->in->down == !up)
        return true;
    p->in->down = !up;
    tell_link(p);
    if (p->peer)
        tell_link(p->peer);
    /* with the cable out, what waited is lost and its sender goes on */
    net_wake(p);
    net_resume(p);
    return true;
}
