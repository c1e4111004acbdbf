/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options about networks, of both eras. A NIC of -net nic or -nic is a NicConf, which the board
 * turns into a device; its cable ends in a hub's port (-net) or in the back end itself (-nic).
 */
#include <string.h>

#include "core/prop-int.h"
#include "net/netdev.h"
#include "net/user.h"
#include "system/system.h"
#include "util/log.h"
#include "util/text.h"

SET_DECLARE(device);

typedef struct NetNicArgs {
    char *type, *id, *name, *mac, *model, *addr, *netdev;
    int32_t vlan, vectors;
} NetNicArgs;

typedef struct NicArgs {
    char *id, *mac, *model, *addr;
    int32_t vectors;
    PICK_OF(NetDriver) driver;
} NicArgs;

/* clang-format off */
static const Prop NetNicArgs_rows[] = {
    PROP_STR  (NetNicArgs, type,    "type",    NULL, "nic"),
    PROP_STR  (NetNicArgs, id,      "id",      NULL, "name for it"),
    PROP_STR  (NetNicArgs, name,    "name",    NULL, "the older name of id"),
    PROP_STR  (NetNicArgs, mac,     "macaddr", NULL, "Ethernet address"),
    PROP_STR  (NetNicArgs, model,   "model",   NULL, "kind of NIC"),
    PROP_STR  (NetNicArgs, addr,    "addr",    NULL, "PCI slot"),
    PROP_STR  (NetNicArgs, netdev,  "netdev",  NULL, "back end that it is connected to"),
    PROP_RANGE(NetNicArgs, vlan,    "vlan",    0, 0, INT32_MAX, "number of the hub it is connected to"),
    PROP_RANGE(NetNicArgs, vectors, "vectors", -1, 0, INT32_MAX, "number of MSI-X vectors"),
    PROP_ALIAS("mac", "macaddr"),
    PROP_END  (NetNicArgs)
};
static const Prop NicArgs_rows[] = {
    PROP_STR  (NicArgs, id,      "id",      NULL, "name of the back end"),
    PROP_STR  (NicArgs, mac,     "mac",     NULL, "Ethernet address"),
    PROP_STR  (NicArgs, model,   "model",   NULL, "kind of NIC"),
    PROP_STR  (NicArgs, addr,    "addr",    NULL, "PCI slot"),
    PROP_RANGE(NicArgs, vectors, "vectors", -1, 0, INT32_MAX, "number of MSI-X vectors"),
    PROP_PICK (NicArgs, driver,  "type",    net_set, "kind of back end"),
    PROP_ALIAS("macaddr", "mac"),
    PROP_END  (NicArgs)
};
/* clang-format on */

/* ---- models ---- */

static bool is_nic(const DeviceType *t)
{
    for (const Prop *p = t->props; p && p->kind != P_END; p++) {
        if (p->kind == P_PART && p->aux == Nic_rows)
            return (t->flags & TYPE_USER) && !g_str_has_prefix(t->name, "usb-");
    }
    return false;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What model= takes, sorted; the names are not owned. */
static GPtrArray *models(void)
{
    GPtrArray *all = g_ptr_array_new();

    SET_FOREACH(device, p) {
        if (is_nic(*p))
            g_ptr_array_add(all, (char *)(*p)->name);
        if (is_nic(*p) && strcmp((*p)->name, "virtio-net-pci") == 0)
            g_ptr_array_add(all, "virtio");
    }
    g_ptr_array_sort(all, by_name);
    return all;
}

static char *models_help(void)
{
    g_autoptr(GPtrArray) all = models();
    g_autoptr(GString) out = g_string_new("Supported NIC models:\n");

    for (guint i = 0; i < all->len; i++)
        g_string_append_printf(out, "%s\n", (char *)all->pdata[i]);
    return g_strdup(out->str);
}

static bool check_model(const char *model, GError **err)
{
    g_autoptr(GPtrArray) all = models();
    Nearest near = nearest_to(model);
    g_autofree char *hint = NULL;

    for (guint i = 0; i < all->len; i++) {
        if (strcmp(all->pdata[i], model) == 0)
            return true;
        nearest_try(&near, all->pdata[i]);
    }
    hint = nearest_hint(&near);
    return user_fail(err, "Unsupported NIC model: %s%s", model, hint);
}

/* ---- lists ---- */

static bool asks_models(const char *text)
{
    g_auto(GStrv) item = g_strsplit(text, ",", -1);

    for (char **i = item; *i; i++) {
        if (g_str_has_prefix(*i, "model=") && text_is_help(*i + 6))
            return true;
    }
    return false;
}

/* "user,help": the rows of that back end */
static bool driver_help(const char *text, GError **err)
{
    g_autofree char *name = g_strndup(text, strcspn(text, ","));
    const char *rest = text + strlen(name);
    PropChoice c;

    if (!*rest || !text_is_help(rest + 1))
        return true;
    for (size_t i = 0; net_set.at(i, &c); i++) {
        if (strcmp(c.name, name) == 0) {
            return help_fail(err, prop_help(c.rows, name));
        }
    }
    return true;
}

bool net_help(const Option *o, const char *text, GError **err)
{
    if (strcmp(o->name, "net") && strcmp(o->name, "nic") && strcmp(o->name, "netdev"))
        return true;
    if (text_is_help(text))
        return help_fail(err, net_drivers_help());
    if (asks_models(text))
        return help_fail(err, models_help());
    return driver_help(text, err);
}

/* ---- NICs ---- */

static bool check_mac(const char *mac, GError **err)
{
    uint8_t bytes[6];

    if (!mac || !*mac)
        return true;
    if (!net_mac_parse(mac, bytes))
        return user_fail(err, "invalid syntax for ethernet address '%s'; write 52:54:00:12:34:56",
                         mac);
    return !(bytes[0] & 1) ||
           user_fail(err, "NIC cannot have multicast MAC address (odd 1st byte)");
}

static bool check_nic(Vm *vm, const NicConf *n, GError **err)
{
    const char *model = n->model ? n->model : vm->machine->nic;

    if (!model)
        return user_fail(err, "machine type '%s' has no NICs", vm->machine->name);
    for (guint i = 0; n->id && i < vm->conf->nics->len; i++) {
        if (g_strcmp0(((NicConf *)vm->conf->nics->pdata[i])->id, n->id) == 0)
            return user_fail(err, "Duplicate ID '%s' for net", n->id);
    }
    return check_model(model, err) && check_mac(n->mac, err);
}

/* What the board reads is a copy. */
static bool add_nic(Vm *vm, const NicConf *n, GError **err)
{
    NicConf *copy;

    if (!check_nic(vm, n, err))
        return false;
    copy = g_memdup2(n, sizeof(*n));
    copy->model = g_strdup(n->model);
    copy->id = g_strdup(n->id);
    copy->mac = g_strdup(n->mac);
    copy->netdev = g_strdup(n->netdev);
    copy->addr = g_strdup(n->addr);
    g_ptr_array_add(vm->conf->nics, copy);
    return true;
}

static bool net_nic(Vm *vm, const char *text, GError **err)
{
    NetNicArgs a;
    bool ok;

    prop_defaults(NetNicArgs_rows, &a);
    ok = prop_parse_kv(NetNicArgs_rows, "type", text, &a, vm, err);
    if (ok) {
        char *name = a.id ? a.id : a.name;
        NicConf nic = { .model = a.model,
                        .id = name,
                        .mac = a.mac,
                        .addr = a.addr,
                        .netdev = a.netdev ? a.netdev : net_hub_port(vm, a.vlan, name)->name,
                        .vectors = a.vectors };

        ok = add_nic(vm, &nic, err);
    }
    prop_free(NetNicArgs_rows, &a);
    return ok;
}

/* ---- back ends ---- */

static void add_texts(NetTextList *list, const GPtrArray *texts)
{
    list->at = g_renew(NetText, list->at, list->n + texts->len);
    for (guint i = 0; i < texts->len; i++)
        list->at[list->n++].str = g_strdup(texts->pdata[i]);
}

static void set_default(char **text, const char *to)
{
    if (!*text)
        *text = g_strdup(to);
}

/* -tftp, -bootp and -smb are for every user network that does not say, -redir for the first. */
static void user_defaults(Vm *vm, const NetDriver *type, UserArgs *a)
{
    Startup *st = startup(vm);

    if (!type || strcmp(type->name, "user"))
        return;
    set_default(&a->tftp, st->tftp);
    set_default(&a->bootfile, st->bootp);
    set_default(&a->smb, st->smb);
    add_texts(&a->hostfwd, st->redirs);
    add_texts(&a->guestfwd, st->channels);
    g_ptr_array_set_size(st->redirs, 0);
    g_ptr_array_set_size(st->channels, 0);
}

static bool net_back_end(Vm *vm, const char *text, GError **err)
{
    NetLegacyArgs a;
    bool ok;

    if (!net_driver_served(text, err))
        return false;
    prop_defaults(NetLegacyArgs_rows, &a);
    ok = prop_parse_kv(NetLegacyArgs_rows, "type", text, &a, vm, err);
    if (ok) {
        user_defaults(vm, a.driver.type, a.driver.args);
        ok = net_legacy_new(vm, &a, err) != NULL;
    }
    prop_free(NetLegacyArgs_rows, &a);
    return ok;
}

static bool has_type(const char *text, const char *type)
{
    size_t n = strlen(type);

    if (g_str_has_prefix(text, "type="))
        text += 5;
    return strncmp(text, type, n) == 0 && (!text[n] || text[n] == ',');
}

/* 0.12: channel,port:chardev is a port of the SMB server's address */
static bool net_channel(Vm *vm, const char *text, GError **err)
{
    const char *colon = strchr(text, ':');

    if (!colon)
        return user_fail(err, "write channel,port:chardev");
    g_ptr_array_add(startup(vm)->channels,
                    g_strdup_printf("tcp:10.0.2.4:%.*s-%s", (int)(colon - text), text, colon + 1));
    return true;
}

bool opt_net(Vm *vm, const Str *args, GError **err)
{
    const char *text = *args;

    if (has_type(text, "none"))
        return !strchr(text, ',') || user_fail(err, "none takes no parameters");
    if (has_type(text, "nic"))
        return net_nic(vm, text, err);
    if (g_str_has_prefix(text, "channel,"))
        return net_channel(vm, text + 8, err);
    return net_back_end(vm, text, err);
}

bool opt_netdev(Vm *vm, const Str *args, GError **err)
{
    NetdevArgs a;
    bool ok;

    if (!net_driver_served(*args, err))
        return false;
    prop_defaults(NetdevArgs_rows, &a);
    ok = prop_parse_kv(NetdevArgs_rows, "type", *args, &a, vm, err);
    if (ok) {
        user_defaults(vm, a.driver.type, a.driver.args);
        ok = netdev_new(vm, &a, err) != NULL;
    }
    prop_free(NetdevArgs_rows, &a);
    return ok;
}

static bool nic_with_back_end(Vm *vm, const NicArgs *a, GError **err)
{
    NetdevArgs back = { .id = a->id };
    NicConf nic = { .model = a->model, .mac = a->mac, .addr = a->addr, .vectors = a->vectors };
    NetPort *p;

    if (!check_nic(vm, &nic, err))
        return false;
    back.driver.type = a->driver.type;
    back.driver.args = a->driver.args;
    user_defaults(vm, a->driver.type, a->driver.args);
    p = netdev_new(vm, &back, err);
    if (!p)
        return false;
    nic.netdev = p->name;
    return add_nic(vm, &nic, err);
}

bool opt_nic(Vm *vm, const Str *args, GError **err)
{
    NicArgs a;
    bool ok;

    if (has_type(*args, "none"))
        return true;
    if (!net_driver_served(*args, err))
        return false;
    prop_defaults(NicArgs_rows, &a);
    ok = prop_parse_kv(NicArgs_rows, "type", *args, &a, vm, err) && nic_with_back_end(vm, &a, err);
    prop_free(NicArgs_rows, &a);
    return ok;
}

/* ---- old options of the user network ---- */

bool opt_tftp(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->tftp = g_strdup(*args);
    return true;
}

bool opt_bootp(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->bootp = g_strdup(*args);
    return true;
}

bool opt_smb(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->smb = g_strdup(*args);
    return true;
}

/* [tcp|udp]:hostport:[guestaddr]:guestport */
bool opt_redir(Vm *vm, const Str *args, GError **err)
{
    g_auto(GStrv) part = g_strsplit(*args, ":", -1);

    if (g_strv_length(part) != 4)
        return user_fail(err, "write [tcp|udp]:hostport:[guestaddr]:guestport");
    g_ptr_array_add(startup(vm)->redirs,
                    g_strdup_printf("%s::%s-%s:%s", part[0], part[1], part[2], part[3]));
    return true;
}

/* ---- what follows the options ---- */

static bool wants_default(Vm *vm)
{
    PropChoice c;

    if (!(vm->defaults & DEFAULT_NET) || !vm->machine->nic || !device_type(vm->machine->nic))
        return false;
    for (size_t i = 0; net_set.at(i, &c); i++) {
        if (strcmp(c.name, "user") == 0)
            return true;
    }
    return false;
}

static bool nic_by_device(Vm *vm, const GArray *records)
{
    for (guint i = 0; i < records->len; i++) {
        const DeviceType *t = record_device(vm, &g_array_index(records, Record, i));

        if (t && is_nic(t))
            return true;
    }
    return false;
}

/*
 * The tutorial boots from `-net user,tftp=...` without `-net nic`: a hub of -net with nobody but
 * the host in it gets the NIC that no option at all would have made, unless NICs come otherwise.
 */
static int lonely_hub(Vm *vm)
{
    const Startup *st = startup(vm);
    const GPtrArray *ports = net_ports(vm);

    if (!options_given(st->records, "net") || options_given(st->records, "netdev") ||
        st->nodefaults || vm->conf->nics->len || nic_by_device(vm, st->records) ||
        !vm->machine->nic || !device_type(vm->machine->nic))
        return -1;
    for (guint i = 0; i < ports->len; i++) {
        int hub = net_hub_id(ports->pdata[i]);

        if (hub >= 0 && strcmp(((NetPort *)ports->pdata[i])->type->name, "dump"))
            return hub;
    }
    return -1;
}

static bool add_missing_nic(Vm *vm, GError **err)
{
    int hub = lonely_hub(vm);
    g_autofree char *text = g_strdup_printf("nic,vlan=%d", hub);

    if (hub < 0)
        return true;
    info_print("hub %d has no NIC: it gets one (%s), as by -net nic", hub, vm->machine->nic);
    return net_nic(vm, text, err);
}

bool startup_network(Vm *vm, GError **err)
{
    const Startup *st = startup(vm);

    if (!add_missing_nic(vm, err))
        return false;
    if (wants_default(vm) && (!net_nic(vm, "nic", err) || !net_back_end(vm, "user", err)))
        return false;
    if (st->redirs->len)
        return user_fail(err, "-redir needs a user network: add -net user");
    return !st->channels->len || user_fail(err, "-net channel needs a user network: add -net user");
}

void startup_check_nets(Vm *vm)
{
    const GPtrArray *nics = vm->conf->nics;

    for (guint i = 0; i < nics->len; i++) {
        const NicConf *n = nics->pdata[i];

        if (!n->used)
            warn_print("requested NIC (%s, model %s) was not created (not supported by this "
                       "machine?)",
                       n->id ? n->id : "anonymous", n->model ? n->model : "unspecified");
    }
    net_check(vm);
}
