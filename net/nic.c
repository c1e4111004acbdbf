/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side of a network that a guest sees: a NIC's rows, its port and its address. */
#include <stdio.h>
#include <string.h>

#include "net/net-int.h"
#include "util/log.h"

/* clang-format off */
const Prop Nic_rows[] = {
    PROP_STR  (Nic, mac,       "mac",       NULL, "Ethernet address, as 52:54:00:12:34:56"),
    PROP_LINK (Nic, port,      "netdev",          "network back end or hub port"),
    PROP_RANGE(Nic, vlan,      "vlan",      -1, -1, INT32_MAX, "number of the hub it is connected to", PROP_HIDDEN),
    PROP_INT  (Nic, bootindex, "bootindex", -1,   "place in the boot order"),
    PROP_END  (Nic)
};
/* clang-format on */

/* ---- addresses ---- */

static char *mac_text(const uint8_t m[6])
{
    return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

bool net_mac_parse(const char *text, uint8_t mac[6])
{
    for (int i = 0; i < 6; i++) {
        unsigned byte;
        int used = 0;

        if (!g_ascii_isxdigit(*text) || sscanf(text, "%2x%n", &byte, &used) != 1)
            return false;
        mac[i] = (uint8_t)byte;
        text += used;
        if (i < 5 && *text != ':' && *text != '-')
            return false;
        text += i < 5;
    }
    return !*text;
}

static const NetPort *mac_owner(Vm *vm, const uint8_t mac[6])
{
    const GPtrArray *ports = net_ports(vm);

    for (guint i = 0; i < ports->len; i++) {
        const NetPort *p = ports->pdata[i];

        if (net_is_nic(p) && memcmp(p->in->mac, mac, 6) == 0)
            return p;
    }
    return NULL;
}

static void mac_choose(Vm *vm, uint8_t mac[6])
{
    static const uint8_t first[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
    uint32_t low = 0x123456;

    memcpy(mac, first, 6);
    while (mac_owner(vm, mac)) {
        low++;
        mac[3] = (uint8_t)(low >> 16);
        mac[4] = (uint8_t)(low >> 8);
        mac[5] = (uint8_t)low;
    }
}

/* Nothing, or all zeros, is the next free address. */
static bool set_mac(Nic *n, Vm *vm, GError **err)
{
    static const uint8_t none[6];
    const NetPort *other;

    if (n->mac && *n->mac && !net_mac_parse(n->mac, n->addr))
        return user_fail(err, "'%s' is not an Ethernet address; write it as 52:54:00:12:34:56",
                         n->mac);
    if (memcmp(n->addr, none, 6) == 0) {
        mac_choose(vm, n->addr);
    } else if (n->addr[0] & 1) {
        return user_fail(err, "'%s' is a multicast address: no NIC can have it", n->mac);
    } else if ((other = mac_owner(vm, n->addr)) != NULL) {
        warn_print("MAC address %s is used by NIC '%s' already", n->mac, other->name);
    }
    g_free(n->mac);
    n->mac = mac_text(n->addr);
    return true;
}

/* ---- its port ---- */

static char *nic_name(Device *d, const NetPort *peer)
{
    const char *name = d->id ? d->id : peer ? peer->in->nic_name : NULL;

    if (!name || net_nic_find(d->vm, name))
        return net_auto_name(d->vm, d->type->name);
    return g_strdup(name);
}

/* The other end of the cable; NULL: there is none. */
static bool nic_peer(Nic *n, Device *d, NetPort **peer, GError **err)
{
    *peer = n->port;
    if (n->port && n->vlan >= 0)
        return user_fail(err, "netdev= and vlan= exclude each other");
    if (n->vlan >= 0) {
        *peer = net_hub_port(d->vm, n->vlan, NULL);
        (*peer)->in->automatic = true;
    }
    if (!*peer)
        return true;
    if ((*peer)->in->closed)
        return user_fail(err, "network back end '%s' was deleted", (*peer)->name);
    if ((*peer)->peer)
        return user_fail(err, "network back end '%s' is in use by '%s'", (*peer)->name,
                         (*peer)->peer->name);
    return true;
}

bool nic_open(Nic *n, Device *d, const NetOps *ops, void *o, GError **err)
{
    NetPort *peer, *p;

    if (!set_mac(n, d->vm, err) || !nic_peer(n, d, &peer, err))
        return false;
    p = g_new0(NetPort, 1);
    net_port_add(p, d->vm, nic_name(d, peer), ops, o);
    p->in->dev = d;
    p->in->refs = 1;
    if (peer)
        net_connect(p, peer);
    if (n->port)
        net_port_unref(n->port);
    n->port = p;
    memcpy(p->in->mac, n->addr, 6);
    nic_show_mac(n, n->addr);
    return true;
}

void nic_show_mac(Nic *n, const uint8_t mac[6])
{
    g_autofree char *text = mac_text(mac);
    NetPortInt *in = n->port->in;

    g_free(in->info);
    in->info = g_strdup_printf("model=%s,macaddr=%s", in->dev->type->name, text);
}

/* ---- netdev= ---- */

static void *link_get(Vm *vm, const char *id, GError **err)
{
    NetPort *p = netdev_find(vm, id);

    if (!p) {
        user_fail(err, "network back end '%s' not found", id);
        return NULL;
    }
    if (p->peer) {
        user_fail(err, "network back end '%s' is in use by '%s'", id, p->peer->name);
        return NULL;
    }
    p->in->refs++;
    return p;
}

/* Before nic_open the row holds the back end, after it the NIC's own port. */
static const char *link_id(const void *link)
{
    const NetPort *p = link;

    if (!net_is_nic(p))
        return p->name;
    return p->peer ? p->peer->name : "";
}

static void link_drop(void *link)
{
    net_port_unref(link);
}

static void link_release(void *link, Device *d)
{
    NetPort *p = link, *hub_end = p->peer;

    if (!net_is_nic(p) || p->in->closed)
        return;
    p->in->dev = NULL;
    net_port_remove(p);
    if (hub_end && hub_end->in->automatic)
        netdev_remove(hub_end);
}

static const PropLink net_link = {
    .name = "netdev",
    .kind = LINK_NET,
    .get = link_get,
    .id = link_id,
    .drop = link_drop,
    .release = link_release,
};
REGISTER(link, net_link);
