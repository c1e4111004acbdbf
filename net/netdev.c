/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back ends as a list: made by options and commands, looked at by info network, ended at exit. */
#include "net/netdev.h"

#include <string.h>

#include "config.h"
#include "core/runstate.h"
#include "net/net-int.h"
#include "util/log.h"

PROP_SET(net, NetDriver, props);

/* clang-format off */
const Prop NetdevArgs_rows[] = {
    NEED_STR (NetdevArgs, id,     "id",          "name that NICs and commands refer to"),
    PROP_PICK(NetdevArgs, driver, "type", net_set, "kind of back end"),
    PROP_END (NetdevArgs)
};
const Prop NetLegacyArgs_rows[] = {
    PROP_STR  (NetLegacyArgs, id,     "id",   NULL, "name for it"),
    PROP_STR  (NetLegacyArgs, name,   "name", NULL, "the older name of id"),
    PROP_RANGE(NetLegacyArgs, vlan,   "vlan", 0, 0, INT32_MAX, "number of the hub it is connected to"),
    PROP_PICK (NetLegacyArgs, driver, "type", net_set, "kind of back end"),
    PROP_END  (NetLegacyArgs)
};
/* clang-format on */

/* What 7.2 has and we do not. */
static const char *const later[][2] = {
#ifndef CONFIG_SLIRP
    { "user", "user networks are not in this build: configure did not find libslirp-dev" },
#endif
    { "l2tpv3", "L2TPv3 tunnels are not supported yet; use tap or socket" },
    { "vde", "VDE switches are not supported yet; use tap, bridge or socket" },
    { "netmap", "netmap is for FreeBSD; use tap" },
    { "vhost-user", "vhost-user is not supported yet; use tap or socket" },
    { "vhost-vdpa", "vhost-vdpa is not supported yet; use tap" },
    { "vmnet-host", "vmnet is for macOS; use user or tap" },
    { "vmnet-shared", "vmnet is for macOS; use user or tap" },
    { "vmnet-bridged", "vmnet is for macOS; use bridge" },
};

bool net_driver_served(const char *text, GError **err)
{
    g_autofree char *type = g_strndup(text, strcspn(text, ","));
    const char *name = g_str_has_prefix(type, "type=") ? type + 5 : type;

    for (size_t i = 0; i < G_N_ELEMENTS(later); i++) {
        if (strcmp(later[i][0], name) == 0)
            return user_fail(err, "%s", later[i][1]);
    }
    return true;
}

char *net_drivers_help(void)
{
    g_autoptr(GPtrArray) all = SET_SORTED(net);
    g_autoptr(GString) out = g_string_new("Available netdev backend types:\n");

    for (guint i = 0; i < all->len; i++)
        g_string_append_printf(out, "%s\n", ((const NetDriver *)all->pdata[i])->name);
    return g_strdup(out->str);
}

/* ---- making ---- */

static void port_close(NetPort *p)
{
    if (p->type && p->type->close)
        p->type->close(p);
    net_port_remove(p);
}

NetPort *netdev_open(Vm *vm, const NetDriver *type, char *take_name, const void *args, GError **err)
{
    NetPort *p = g_malloc0(type->size);

    p->type = type;
    net_port_add(p, vm, take_name, &type->ops, p);
    if (type->open(p, args, err))
        return p;
    net_port_remove(p);
    return NULL;
}

/* As 7.2 wants ids: a letter, then letters, digits, '-', '.', '_'. */
NetPort *netdev_new(Vm *vm, const NetdevArgs *a, GError **err)
{
    const NetDriver *type = a->driver.type;
    char *name;

    if (a->id && !id_check(a->id, err))
        return NULL;
    if (a->id && netdev_find(vm, a->id)) {
        user_fail(err, "Duplicate ID '%s' for netdev", a->id);
        return NULL;
    }
    name = a->id ? g_strdup(a->id) : net_auto_name(vm, type->name);
    return netdev_open(vm, type, name, a->driver.args, err);
}

NetPort *net_legacy_new(Vm *vm, const NetLegacyArgs *a, GError **err)
{
    NetdevArgs args = { .id = a->id ? a->id : a->name };
    NetPort *p;

    args.driver.type = a->driver.type;
    args.driver.args = a->driver.args;
    if (a->driver.type && strcmp(a->driver.type->name, "dump") == 0)
        net_dump_default(a->driver.args, a->vlan);
    p = netdev_new(vm, &args, err);
    /* a hub's port has said which hub it is of */
    if (p && net_hub_of(p) < 0)
        net_hub_join(p, a->vlan);
    return p;
}

/* ---- ending ---- */

void netdev_remove(NetPort *p)
{
    NetPort *peer = p->peer;

    net_disconnect(p);
    port_close(p);
    if (!peer)
        return;
    if (peer->in->automatic) {
        port_close(peer);
        return;
    }
    if (net_is_nic(peer))
        net_unplugged(peer);
}

bool netdev_del(Vm *vm, const char *id, GError **err)
{
    NetPort *p = netdev_find(vm, id);

    if (!p)
        return user_fail(err, "Device '%s' not found", id);
    netdev_remove(p);
    return true;
}

static NetPort *any_back_end(Vm *vm)
{
    const GPtrArray *ports = net_ports(vm);

    for (guint i = ports->len; i-- > 0;) {
        if (!net_is_nic(ports->pdata[i]))
            return ports->pdata[i];
    }
    return NULL;
}

void net_close_all(Vm *vm)
{
    NetPort *p;

    while (vm->nets && (p = any_back_end(vm)) != NULL)
        netdev_remove(p);
}

void net_free(NetList *l)
{
    if (!l)
        return;
    g_ptr_array_unref(l->ports);
    g_free(l);
}

/* ---- what there is ---- */

void net_info(NetPort *p, GString *out)
{
    g_string_append_printf(out, "index=0,type=%s,", net_is_nic(p) ? "nic" : p->type->name);
    if (net_is_nic(p))
        g_string_append(out, p->in->info);
    else if (p->type->info)
        p->type->info(p, out);
}

static void info_line(NetPort *p, GString *out)
{
    g_string_append_printf(out, "%s: ", p->name);
    net_info(p, out);
    g_string_append(out, p->in->watches && p->in->watches->len ? "\nfilters:\n" : "\n");
    for (guint i = 0; p->in->watches && i < p->in->watches->len; i++) {
        const NetWatch *w = p->in->watches->pdata[i];

        g_string_append(out, "  - ");
        w->info(w->o, out);
        g_string_append_c(out, '\n');
    }
}

static void info_hub(Vm *vm, int hub, GString *out)
{
    const GPtrArray *ports = net_ports(vm);

    g_string_append_printf(out, "hub %d\n", hub);
    for (guint i = ports->len; i-- > 0;) {
        NetPort *p = ports->pdata[i];

        if (net_hub_of(p) != hub)
            continue;
        g_string_append_printf(out, " \\ %s", p->name);
        if (p->peer) {
            g_string_append(out, ": ");
            info_line(p->peer, out);
        } else {
            g_string_append_c(out, '\n');
        }
    }
}

/* Numbers of all hubs, ascending. */
static GArray *hub_numbers(Vm *vm)
{
    const GPtrArray *ports = net_ports(vm);
    GArray *all = g_array_new(FALSE, FALSE, sizeof(int));

    for (guint i = 0; i < ports->len; i++) {
        int hub = net_hub_of(ports->pdata[i]);
        guint at = 0;

        while (at < all->len && g_array_index(all, int, at) < hub)
            at++;
        if (hub >= 0 && (at == all->len || g_array_index(all, int, at) != hub))
            g_array_insert_val(all, at, hub);
    }
    return all;
}

void net_info_all(Vm *vm, GString *out)
{
    const GPtrArray *ports = net_ports(vm);
    g_autoptr(GArray) hubs = hub_numbers(vm);

    for (guint i = 0; i < hubs->len; i++)
        info_hub(vm, g_array_index(hubs, int, i), out);
    for (guint i = 0; i < ports->len; i++) {
        NetPort *p = ports->pdata[i];

        if (net_hub_of(p) >= 0 || net_hub_of(p->peer) >= 0)
            continue;
        if (!p->peer || net_is_nic(p))
            info_line(p, out);
        if (p->peer && net_is_nic(p)) {
            g_string_append(out, " \\ ");
            info_line(p->peer, out);
        }
    }
}

static void check_hub(Vm *vm, int hub)
{
    const GPtrArray *ports = net_ports(vm);
    bool nic = false, host = false;

    for (guint i = 0; i < ports->len; i++) {
        const NetPort *p = ports->pdata[i];

        if (net_hub_of(p) != hub || !p->peer)
            continue;
        nic |= net_is_nic(p->peer);
        host |= !net_is_nic(p->peer) && strcmp(p->peer->type->name, "dump");
    }
    if (nic && !host)
        warn_print("hub %d is not connected to host network", hub);
    if (host && !nic)
        warn_print("hub %d with no nics", hub);
}

void net_check(Vm *vm)
{
    const GPtrArray *ports = net_ports(vm);
    g_autoptr(GArray) hubs = hub_numbers(vm);

    for (guint i = 0; i < hubs->len; i++)
        check_hub(vm, g_array_index(hubs, int, i));
    for (guint i = 0; i < ports->len; i++) {
        const NetPort *p = ports->pdata[i];

        if (!p->peer && net_hub_of(p) < 0)
            warn_print("%s %s has no peer", net_is_nic(p) ? "nic" : "netdev", p->name);
    }
}
