/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about networks: NICs, back ends, hubs, the user network's forwards. */
#include "monitor/monitor-int.h"

#include <inttypes.h>
#include <string.h>

#include "config.h"
#include "net/netdev.h"
#include "net/user.h"
#include "util/text.h"

CMD(info_network, NULL, "info network", NULL, Empty, Empty, 0, "show the network state");

static bool cmd_info_network(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    net_info_all(vm, r->text);
    return true;
}

typedef struct LinkArgs {
    char *name;
    bool up;
} LinkArgs;
static const Prop LinkArgs_rows[] = { NEED_STR(LinkArgs, name, "name", "NIC or back end"),
                                      NEED_BOOL(LinkArgs, up, "up", "its cable is plugged in"),
                                      PROP_END(LinkArgs) };

CMD(set_link, "set_link", NULL, NULL, LinkArgs, Empty, 0, "change the link status of a network");

static bool cmd_set_link(Vm *vm, const LinkArgs *a, Reply *r, GError **err)
{
    return net_set_link(vm, a->name, a->up, err);
}

/* 0.12 said up and down */
typedef struct HmpLinkArgs {
    char *name;
    int8_t state;
} HmpLinkArgs;
enum { LINK_OFF, LINK_ON, LINK_DOWN, LINK_UP };
static const char *const link_words[] = {
    [LINK_OFF] = "off", [LINK_ON] = "on", [LINK_DOWN] = "down", [LINK_UP] = "up", NULL
};
static const Prop HmpLinkArgs_rows[] = { NEED_STR(HmpLinkArgs, name, "name", "NIC or back end"),
                                         NEED_ENUM(HmpLinkArgs, state, "on|off", link_words, ""),
                                         PROP_END(HmpLinkArgs) };

CMD(hmp_set_link, NULL, "set_link", "name on|off", HmpLinkArgs, Empty, 0,
    "change the link status of a network adapter");

static bool cmd_hmp_set_link(Vm *vm, const HmpLinkArgs *a, Reply *r, GError **err)
{
    return net_set_link(vm, a->name, a->state == LINK_ON || a->state == LINK_UP, err);
}

/* ---- back ends ---- */

CMD(netdev_add, "netdev_add", "netdev_add", "{type}", NetdevArgs, Empty, CMD_PRECONFIG,
    "add host network device");

static bool cmd_netdev_add(Vm *vm, const NetdevArgs *a, Reply *r, GError **err)
{
    return netdev_new(vm, a, err) != NULL;
}

typedef struct NetdevDelArgs {
    char *id;
} NetdevDelArgs;
static const Prop NetdevDelArgs_rows[] = { NEED_STR(NetdevDelArgs, id, "id", "the back end's name"),
                                           PROP_END(NetdevDelArgs) };

CMD(netdev_del, "netdev_del", "netdev_del", "id", NetdevDelArgs, Empty, CMD_PRECONFIG,
    "remove host network device");

static bool cmd_netdev_del(Vm *vm, const NetdevDelArgs *a, Reply *r, GError **err)
{
    return netdev_del(vm, a->id, err);
}

typedef struct HostNetArgs {
    char *device, *opts;
} HostNetArgs;
static const Prop HostNetArgs_rows[] = {
    NEED_STR(HostNetArgs, device, "device", "kind of back end"),
    PROP_STR(HostNetArgs, opts, "opts", NULL, "vlan=n,name=str and its own options"),
    PROP_END(HostNetArgs)
};

CMD(host_net_add, NULL, "host_net_add", "device [opts]", HostNetArgs, Empty, 0,
    "add host VLAN client");

static bool cmd_host_net_add(Vm *vm, const HostNetArgs *a, Reply *r, GError **err)
{
    g_autofree char *text = g_strconcat(a->device, a->opts ? "," : "", a->opts, NULL);
    NetLegacyArgs args;

    if (!net_driver_served(text, err))
        return false;
    prop_defaults(NetLegacyArgs_rows, &args);
    bool ok = prop_parse_kv(NetLegacyArgs_rows, "type", text, &args, vm, err) &&
              net_legacy_new(vm, &args, err);
    prop_free(NetLegacyArgs_rows, &args);
    return ok;
}

typedef struct HostNetDelArgs {
    int64_t vlan;
    char *device;
} HostNetDelArgs;
static const Prop HostNetDelArgs_rows[] = {
    NEED_INT(HostNetDelArgs, vlan, "vlan_id", "number of the hub"),
    NEED_STR(HostNetDelArgs, device, "device", "name of the back end"), PROP_END(HostNetDelArgs)
};

/* NULL and an error: hub `vlan` has no such back end. */
static NetPort *hub_member(Vm *vm, int64_t vlan, const char *name, GError **err)
{
    NetPort *p = netdev_find(vm, name);

    if (p && net_hub_id(p) == vlan)
        return p;
    user_fail(err, "can't find device %s on hub %" PRId64, name, vlan);
    return NULL;
}

CMD(host_net_remove, NULL, "host_net_remove", "vlan_id device", HostNetDelArgs, Empty, 0,
    "remove host VLAN client");

static bool cmd_host_net_remove(Vm *vm, const HostNetDelArgs *a, Reply *r, GError **err)
{
    NetPort *p = hub_member(vm, a->vlan, a->device, err);

    if (p)
        netdev_remove(p);
    return p;
}

/* ---- the user network ---- */

#ifdef CONFIG_SLIRP
CMD(info_usernet, NULL, "info usernet", NULL, Empty, Empty, 0,
    "show user network stack connection states");

static bool cmd_info_usernet(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const GPtrArray *ports = net_ports(vm);

    for (guint i = 0; i < ports->len; i++) {
        NetPort *p = ports->pdata[i];

        if (!net_is_user(p))
            continue;
        g_autofree char *table = user_connections(p);
        reply_printf(r, "Hub %d (%s):\n%s", net_hub_id(p), p->name, table);
    }
    return true;
}

/* [netdev_id] rule, or 0.12's [vlan name] rule */
typedef struct FwdArgs {
    char *arg1, *arg2, *arg3;
} FwdArgs;
static const Prop FwdArgs_rows[] = { NEED_STR(FwdArgs, arg1, "arg1", ""),
                                     PROP_STR(FwdArgs, arg2, "arg2", NULL, ""),
                                     PROP_STR(FwdArgs, arg3, "arg3", NULL, ""), PROP_END(FwdArgs) };

static NetPort *first_user(Vm *vm, GError **err)
{
    const GPtrArray *ports = net_ports(vm);

    for (guint i = 0; i < ports->len; i++) {
        if (net_is_user(ports->pdata[i]))
            return ports->pdata[i];
    }
    user_fail(err, "user mode network stack not in use");
    return NULL;
}

static NetPort *fwd_user(Vm *vm, const FwdArgs *a, const char **rule, GError **err)
{
    NetPort *p;
    int64_t vlan;

    *rule = a->arg3 ? a->arg3 : a->arg2 ? a->arg2 : a->arg1;
    if (!a->arg2)
        return first_user(vm, err);
    if (a->arg3 && !text_int(a->arg1, &vlan)) {
        user_fail(err, "'%s' is not the number of a hub", a->arg1);
        return NULL;
    }
    p = a->arg3 ? hub_member(vm, vlan, a->arg2, err) : netdev_find(vm, a->arg1);
    if (!p && !a->arg3)
        user_fail(err, "unrecognized netdev id '%s'", a->arg1);
    if (p && !net_is_user(p)) {
        user_fail(err, "'%s' is not a user network", p->name);
        return NULL;
    }
    return p;
}

CMD(hostfwd_add, NULL, "hostfwd_add", "arg1 [arg2] [arg3]", FwdArgs, Empty, 0,
    "redirect TCP or UDP connections from host to guest (requires -net user)");

static bool cmd_hostfwd_add(Vm *vm, const FwdArgs *a, Reply *r, GError **err)
{
    const char *rule;
    NetPort *p = fwd_user(vm, a, &rule, err);
    uint16_t asked, port;

    if (!p || !user_hostfwd_add(p, rule, &asked, &port, err))
        return false;
    if (!asked)
        reply_printf(r, "the host's port is %u\n", port);
    return true;
}

CMD(hostfwd_remove, NULL, "hostfwd_remove", "arg1 [arg2] [arg3]", FwdArgs, Empty, 0,
    "remove host-to-guest TCP or UDP redirection");

static bool cmd_hostfwd_remove(Vm *vm, const FwdArgs *a, Reply *r, GError **err)
{
    const char *rule;
    NetPort *p = fwd_user(vm, a, &rule, err);
    bool found;

    if (!p || !user_hostfwd_remove(p, rule, &found, err))
        return false;
    reply_printf(r, "host forwarding rule for %s %s\n", rule, found ? "removed" : "not found");
    return true;
}
#endif
