/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hubs: `vlan=N` of 0.12, hub 0 of -net, `-netdev hubport,hubid=N`. What comes in by one port goes
 * out by all others. A hub has no struct of its own: it is the ports that have its number.
 *
 * Back-pressure: a port keeps one frame that not everybody has taken yet, and answers 0 until they
 * have. Each port its own: else two that are full would wait for each other for ever.
 * Large and unsummed frames go through as they are: what one of the others does not take the core
 * completes for it alone.
 */
#include <string.h>

#include "net/net-int.h"
#include "util/iov.h"

typedef struct HubPort {
    NetPort port;
    int32_t hub;
    unsigned number;
    GByteArray *frame; /* kept for `owed` */
    NetMeta meta;      /* what is left to do on it */
    GPtrArray *owed;   /* HubPort *: who has yet to take it */
} HubPort;

typedef struct HubArgs {
    int32_t hubid;
    char *netdev;
} HubArgs;

/* clang-format off */
static const Prop HubArgs_rows[] = {
    PROP_RANGE(HubArgs, hubid,  "hubid",  0, 0, INT32_MAX, "number of the hub", PROP_NEED),
    PROP_STR  (HubArgs, netdev, "netdev", NULL,            "back end that is connected to this port"),
    PROP_END  (HubArgs)
};
/* clang-format on */

static const NetDriver hubport;

static HubPort *as_port(NetPort *p, int hub)
{
    HubPort *h = p->type == &hubport ? (HubPort *)p : NULL;

    return h && h->hub == hub ? h : NULL;
}

int net_hub_of(const NetPort *p)
{
    return p && p->type == &hubport ? ((const HubPort *)p)->hub : -1;
}

int net_hub_id(const NetPort *p)
{
    return net_hub_of(p->peer);
}

/* ---- frames ---- */

static ssize_t hub_receive(void *o, const struct iovec *iov, int n, const NetMeta *meta)
{
    HubPort *from = o;
    const GPtrArray *ports = net_ports(from->port.vm);
    size_t len = iov_bytes(iov, n);

    if (from->owed->len)
        return 0;
    for (guint i = 0; i < ports->len; i++) {
        HubPort *to = as_port(ports->pdata[i], from->hub);

        if (to && to != from && net_send(&to->port, iov, n, meta) == 0)
            g_ptr_array_add(from->owed, to);
    }
    if (from->owed->len) {
        g_byte_array_set_size(from->frame, (guint)len);
        iov_to_buf(iov, n, 0, from->frame->data, len);
        from->meta = meta ? *meta : (NetMeta){ 0 };
    }
    return (ssize_t)len;
}

/* Nobody waits for `from` any more: its sender goes on. */
static void paid(HubPort *from, HubPort *to)
{
    if (g_ptr_array_remove(from->owed, to) && !from->owed->len)
        net_resume(&from->port);
}

/* The peer of `to` has room. */
static void hub_resume(void *o)
{
    HubPort *to = o;
    const GPtrArray *ports = net_ports(to->port.vm);

    for (guint i = 0; i < ports->len; i++) {
        HubPort *from = as_port(ports->pdata[i], to->hub);
        struct iovec one;

        if (!from || !g_ptr_array_find(from->owed, to, NULL))
            continue;
        one = (struct iovec){ from->frame->data, from->frame->len };
        if (net_send(&to->port, &one, 1, &from->meta) == 0)
            return;
        paid(from, to);
    }
}

/* ---- ports ---- */

static unsigned next_number(Vm *vm, int hub)
{
    const GPtrArray *ports = net_ports(vm);
    unsigned next = 0;

    for (guint i = 0; i < ports->len; i++) {
        const HubPort *h = as_port(ports->pdata[i], hub);

        if (h)
            next = MAX(next, h->number + 1);
    }
    return next;
}

static bool hub_open(NetPort *p, const void *args, GError **err)
{
    const HubArgs *a = args;
    HubPort *h = (HubPort *)p;
    NetPort *end = a->netdev ? netdev_find(p->vm, a->netdev) : NULL;

    if (a->netdev && !end)
        return user_fail(err, "network back end '%s' not found", a->netdev);
    if (end && end->peer)
        return user_fail(err, "network back end '%s' is in use by '%s'", end->name,
                         end->peer->name);
    h->hub = -1; /* not one of them yet */
    h->number = next_number(p->vm, a->hubid);
    h->hub = a->hubid;
    h->frame = g_byte_array_new();
    h->owed = g_ptr_array_new();
    net_set_takes(p, NET_CSUM | NET_TSO4 | NET_TSO6 | NET_ECN | NET_UFO);
    if (end)
        net_connect(p, end);
    return true;
}

static void hub_close(NetPort *p)
{
    HubPort *gone = (HubPort *)p;
    const GPtrArray *ports = net_ports(p->vm);

    for (guint i = 0; i < ports->len; i++) {
        HubPort *h = as_port(ports->pdata[i], gone->hub);

        if (h && h != gone)
            paid(h, gone);
    }
    g_byte_array_unref(gone->frame);
    g_ptr_array_unref(gone->owed);
}

NetPort *net_hub_port(Vm *vm, int id, const char *nic_name)
{
    g_autofree char *name = g_strdup_printf("hub%dport%u", id, next_number(vm, id));
    HubArgs args = { id, NULL };
    NetPort *p = netdev_open(vm, &hubport, g_steal_pointer(&name), &args, NULL);

    p->in->nic_name = g_strdup(nic_name);
    return p;
}

void net_hub_join(NetPort *p, int id)
{
    NetPort *end = net_hub_port(p->vm, id, NULL);

    end->in->automatic = true;
    net_connect(end, p);
}

static void hub_info(NetPort *p, GString *out)
{
    g_string_append_printf(out, "hubid=%d", net_hub_of(p));
}

static const NetDriver hubport = {
    .name = "hubport",
    .desc = "a port of a hub",
    .size = sizeof(HubPort),
    .props = HubArgs_rows,
    .ops = { .receive = hub_receive, .resume = hub_resume },
    .open = hub_open,
    .close = hub_close,
    .info = hub_info,
};
REGISTER(net, hubport);
