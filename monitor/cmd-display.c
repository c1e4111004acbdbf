/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about screens, keys, pointers and the VNC server. */
#include "monitor/monitor-int.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "core/device.h"
#include "ui/console.h"
#include "ui/keymap.h"
#include "ui/vnc.h"

/* ---- keys ---- */

enum { HOLD_MS = 100, HOLD_MAX_MS = 60000 };

typedef struct SendkeyArgs {
    char *keys;
    int64_t hold;
} SendkeyArgs;

/* clang-format off */
static const Prop SendkeyArgs_rows[] = {
    NEED_STR(SendkeyArgs, keys, "keys",             "names joined by '-', or numbers"),
    PROP_INT(SendkeyArgs, hold, "hold_ms", HOLD_MS, "how long they are down"),
    PROP_END(SendkeyArgs)
};
/* clang-format on */

static bool key_add(KeyPress *k, int code, const char *name, GError **err)
{
    if (k->n == G_N_ELEMENTS(k->code))
        user_fail(err, "too many keys at once: at most %zu", G_N_ELEMENTS(k->code));
    else if (!code)
        user_fail(err, "invalid parameter: %s", name);
    else
        k->code[k->n++] = (uint16_t)code;
    return k->n && k->code[k->n - 1] == code;
}

CMD(sendkey, NULL, "sendkey", "keys [hold_ms]", SendkeyArgs, Empty, 0,
    "send keys to the VM (e.g. 'sendkey ctrl-alt-f1', default hold time=100 ms)");

static bool cmd_sendkey(Vm *vm, const SendkeyArgs *a, Reply *r, GError **err)
{
    KeyPress k = { .n = 0 };
    g_auto(GStrv) names = g_strsplit(a->keys, "-", -1);
    for (char **w = names; *w; w++) {
        char *end;
        guint64 number = g_str_has_prefix(*w, "0x") ? g_ascii_strtoull(*w, &end, 16) : 0;
        int code = number && !*end && number < 256 ? key_by_number((unsigned)number)
                   : strcmp(*w, "<") == 0          ? key_by_name("less")
                                                   : key_by_name(*w);
        if (!key_add(&k, code, *w, err))
            return false;
    }
    return keys_send(vm, &k, a->hold, r, err);
}

typedef struct KeyNumber {
    int64_t data;
} KeyNumber;
typedef struct KeyCode {
    uint16_t data;
} KeyCode;
typedef struct KeyValue {
    uint8_t type;
    KeyNumber number;
    KeyCode qcode;
} KeyValue;
LIST_TYPE(KeyValue);
typedef struct SendKeyArgs {
    KeyValueList keys;
    int64_t hold;
} SendKeyArgs;

static const char *const key_kinds[] = { "number", "qcode", NULL };

/* clang-format off */
static const Prop KeyNumber_rows[] = {
    NEED_INT(KeyNumber, data, "data", "scancode"),
    PROP_END(KeyNumber)
};
static const Prop KeyCode_rows[] = {
    NEED_ENUM(KeyCode, data, "data", key_names, "name of the key"),
    PROP_END (KeyCode)
};
const Prop KeyValue_rows[] = {
    NEED_ENUM(KeyValue, type,   "type", key_kinds, "how the key is named"),
    PROP_CASE(KeyValue, number, 0, KeyNumber),
    PROP_CASE(KeyValue, qcode,  1, KeyCode),
    PROP_END (KeyValue)
};
static const Prop SendKeyArgs_rows[] = {
    NEED_LIST(SendKeyArgs, keys, "keys", KeyValue,    "pressed in this order, released in reverse"),
    PROP_INT (SendKeyArgs, hold, "hold-time", HOLD_MS, "milliseconds they are down"),
    PROP_END (SendKeyArgs)
};
/* clang-format on */

CMD(send_key, "send-key", NULL, NULL, SendKeyArgs, Empty, 0, "press keys");

static bool cmd_send_key(Vm *vm, const SendKeyArgs *a, Reply *r, GError **err)
{
    KeyPress k = { .n = 0 };
    for (size_t i = 0; i < a->keys.n; i++) {
        const KeyValue *v = &a->keys.at[i];
        g_autofree char *number = g_strdup_printf("%" PRId64, v->number.data);
        const char *name = v->type ? key_names[v->qcode.data] : number;
        bool byte = v->number.data > 0 && v->number.data < 256;
        int code = v->type ? key_by_name(name) : byte ? key_by_number((unsigned)v->number.data) : 0;
        if (!key_add(&k, code, name, err))
            return false;
    }
    return keys_send(vm, &k, a->hold, r, err);
}

/* ---- pictures ---- */

typedef struct ScreendumpArgs {
    char *filename, *device;
    int64_t head;
    uint8_t format;
} ScreendumpArgs;

static const char *const image_formats[] = { "ppm", "png", NULL };

/* clang-format off */
static const Prop ScreendumpArgs_rows[] = {
    NEED_STR (ScreendumpArgs, filename, "filename",                 "file to write"),
    PROP_STR (ScreendumpArgs, device,   "device", NULL,             "display device; default: the first"),
    PROP_INT (ScreendumpArgs, head,     "head",   0,                "which of its screens"),
    PROP_ENUM(ScreendumpArgs, format,   "format", 0, image_formats, "picture format"),
    PROP_END (ScreendumpArgs)
};
/* clang-format on */

static Console *console_wanted(Vm *vm, const char *device, int64_t head, GError **err)
{
    Console *c = NULL;
    if (device) {
        Device *d = device_by_id(vm, device);
        if (!d) {
            g_set_error(err, qmp_error_quark(), QMP_DEVICE_NOT_FOUND, "Device '%s' not found",
                        device);
            return NULL;
        }
        c = head >= 0 ? console_of(vm, d, (unsigned)head) : NULL;
    } else {
        c = console_at(vm, 0);
    }
    if (!c)
        user_fail(err, "There is no console to take a screendump from");
    return c;
}

CMD(screendump, "screendump", "screendump", "filename -f:format [device] [head]", ScreendumpArgs,
    Empty, 0,
    "save screen from head 'head' of display device 'device' in specified format 'format' as image "
    "'filename'");

static bool cmd_screendump(Vm *vm, const ScreendumpArgs *a, Reply *r, GError **err)
{
    Console *c = console_wanted(vm, a->device, a->head, err);
    if (!c)
        return false;
    Surface *s = console_snapshot(c);
    if (!s)
        return user_fail(err, "no surface");
    bool ok =
        a->format ? surface_write_png(s, a->filename, err) : surface_write_ppm(s, a->filename, err);
    surface_unref(s);
    return ok;
}

/* ---- pointers ---- */

typedef struct MouseInfo {
    char *name;
    int64_t index;
    bool current, absolute;
} MouseInfo;
LIST_TYPE(MouseInfo);

/* clang-format off */
const Prop MouseInfo_rows[] = {
    NEED_STR (MouseInfo, name,     "name",     "what it is"),
    NEED_INT (MouseInfo, index,    "index",    "number for mouse_set"),
    NEED_BOOL(MouseInfo, current,  "current",  "it gets the events"),
    NEED_BOOL(MouseInfo, absolute, "absolute", "a tablet"),
    PROP_END (MouseInfo)
};
/* clang-format on */
LIST_ROWS(MouseInfo);

CMD(query_mice, "query-mice", NULL, NULL, Empty, MouseInfoList, 0, "pointing devices");

static bool cmd_query_mice(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(GArray) at = g_array_new(FALSE, TRUE, sizeof(MouseInfo));
    InputMouse m;
    for (unsigned i = 0; input_mouse(vm, i, &m); i++) {
        MouseInfo info = { (char *)m.name, m.number, m.current, m.absolute };
        g_array_append_val(at, info);
    }
    MouseInfoList list = { (MouseInfo *)(void *)at->data, at->len };
    cmd_query_mice_reply(r, &list);
    return true;
}

CMD(info_mice, NULL, "info mice", NULL, Empty, Empty, 0,
    "show which guest mouse is receiving events");

static bool cmd_info_mice(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    InputMouse m;
    unsigned i = 0;
    for (; input_mouse(vm, i, &m); i++)
        reply_printf(r, "%c Mouse #%u: %s%s\n", m.current ? '*' : ' ', m.number, m.name,
                     m.absolute ? " (absolute)" : "");
    if (!i)
        reply_printf(r, "No mouse devices connected\n");
    return true;
}

typedef struct MouseArgs {
    int64_t index;
} MouseArgs;
static const Prop MouseArgs_rows[] = { NEED_INT(MouseArgs, index, "index", "as info mice shows it"),
                                       PROP_END(MouseArgs) };

CMD(mouse_set, NULL, "mouse_set", "index", MouseArgs, Empty, 0,
    "set which mouse device receives events");

static bool cmd_mouse_set(Vm *vm, const MouseArgs *a, Reply *r, GError **err)
{
    if (a->index >= 0 && a->index <= UINT_MAX && input_mouse_set(vm, (unsigned)a->index))
        return true;
    return user_fail(err, "Mouse at index '%" PRId64 "' not found", a->index);
}

/* ---- VNC: password and expiry ---- */

static const char *const protocols[] = { "vnc", "spice", NULL };
static const char *const connected_names[] = {
    [VNC_KEEP] = "keep", [VNC_FAIL] = "fail", [VNC_DISCONNECT] = "disconnect", NULL
};

typedef struct PasswordArgs {
    uint8_t protocol, connected;
    char *password, *display;
} PasswordArgs;
typedef struct ExpireArgs {
    uint8_t protocol;
    char *time, *display;
} ExpireArgs;

/* clang-format off */
static const Prop PasswordArgs_rows[] = {
    NEED_ENUM(PasswordArgs, protocol,  "protocol",        protocols,       "which server"),
    NEED_STR (PasswordArgs, password,  "password",                         "the new one"),
    PROP_ENUM(PasswordArgs, connected, "connected", VNC_KEEP, connected_names, "what happens to those who are in"),
    PROP_STR (PasswordArgs, display,   "display",   NULL,                  "VNC display"),
    PROP_END (PasswordArgs)
};
static const Prop ExpireArgs_rows[] = {
    NEED_ENUM(ExpireArgs, protocol, "protocol",      protocols, "which server"),
    NEED_STR (ExpireArgs, time,     "time",                     "now, never, +SECONDS or a Unix time"),
    PROP_STR (ExpireArgs, display,  "display", NULL,            "VNC display"),
    PROP_END (ExpireArgs)
};
/* clang-format on */

static bool protocol_is_vnc(uint8_t protocol, GError **err)
{
    if (protocol == 0)
        return true;
    return user_fail(err, "SPICE is not in this build");
}

CMD(set_password, "set_password", "set_password", "protocol password -d:display [connected]",
    PasswordArgs, Empty, 0, "set spice/vnc password");

static bool cmd_set_password(Vm *vm, const PasswordArgs *a, Reply *r, GError **err)
{
    return protocol_is_vnc(a->protocol, err) &&
           vnc_set_password(vm, a->display, a->password, (VncConnected)a->connected, err);
}

/* false: not a time */
static bool expiry_of(const char *text, int64_t *unix_s)
{
    char *end;
    if (strcmp(text, "now") == 0)
        return *unix_s = 0, true;
    if (strcmp(text, "never") == 0)
        return *unix_s = INT64_MAX, true;
    bool relative = *text == '+';
    guint64 n = g_ascii_strtoull(text + relative, &end, 10);
    if (!g_ascii_isdigit(text[relative]) || *end || n > INT64_MAX / 2)
        return false;
    *unix_s = (int64_t)n + (relative ? (int64_t)time(NULL) : 0);
    return true;
}

CMD(expire_password, "expire_password", "expire_password", "protocol time -d:display", ExpireArgs,
    Empty, 0, "set spice/vnc password expire-time");

static bool cmd_expire_password(Vm *vm, const ExpireArgs *a, Reply *r, GError **err)
{
    int64_t at;
    if (!protocol_is_vnc(a->protocol, err))
        return false;
    if (!expiry_of(a->time, &at))
        return user_fail(err, "invalid time '%s': use now, never, +SECONDS or a Unix time",
                         a->time);
    return vnc_expire_password(vm, a->display, at, err);
}

typedef struct VncPasswordArgs {
    char *password;
} VncPasswordArgs;
static const Prop VncPasswordArgs_rows[] = { NEED_STR(VncPasswordArgs, password, "password",
                                                      "the new one; empty: nobody gets in"),
                                             PROP_END(VncPasswordArgs) };

CMD(change_vnc_password, "change-vnc-password", NULL, NULL, VncPasswordArgs, Empty, 0,
    "set the VNC password");

static bool cmd_change_vnc_password(Vm *vm, const VncPasswordArgs *a, Reply *r, GError **err)
{
    return vnc_set_password(vm, NULL, a->password, VNC_KEEP, err);
}

/* ---- VNC: who is there ---- */

static void vnc_peer_print(Reply *r, const char *what, const VncPeer *p)
{
    reply_printf(r, "  %s: %s:%s (%s%s)\n", what, p->host, p->service, p->family,
                 p->websocket ? " (Websocket)" : "");
}

/* The latest first, as 7.2 lists displays, sockets and viewers. */
static void vnc_server_print(Reply *r, const VncServerInfo *s)
{
    reply_printf(r, "%s:\n", s->id);
    for (unsigned i = s->n_listen; i-- > 0;) {
        vnc_peer_print(r, "Server", &s->listen[i]);
        reply_printf(r, "    Auth: %s (Sub: none)\n", s->auth);
    }
    for (unsigned i = s->n_client; i-- > 0;) {
        vnc_peer_print(r, "Client", &s->client[i]);
        reply_printf(r, "    x509_dname: none\n    sasl_username: none\n");
    }
    if (!s->n_listen)
        reply_printf(r, "  Auth: %s (Sub: none)\n", s->auth);
}

CMD(info_vnc, NULL, "info vnc", NULL, Empty, Empty, 0, "show the vnc server status");

static bool cmd_info_vnc(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(GPtrArray) all = vnc_info(vm);
    for (guint i = all->len; i-- > 0;)
        vnc_server_print(r, all->pdata[i]);
    if (!all->len)
        reply_printf(r, "None\n");
    return true;
}

static Json *vnc_peer_json(const VncPeer *p, const char *auth)
{
    Json *j = json_obj();
    json_set(j, "host", json_str(p->host));
    json_set(j, "service", json_str(p->service));
    json_set(j, "family", json_str(p->family));
    json_set(j, "websocket", json_bool(p->websocket));
    if (auth)
        json_set(j, "auth", json_str(auth));
    return j;
}

static Json *vnc_peers_json(const VncPeer *p, unsigned n, const char *auth)
{
    Json *list = json_list();
    for (unsigned i = n; i-- > 0;)
        json_append(list, vnc_peer_json(&p[i], auth));
    return list;
}

CMD(query_vnc_servers, "query-vnc-servers", NULL, NULL, Empty, Any, 0, "all VNC displays");

static bool cmd_query_vnc_servers(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(GPtrArray) all = vnc_info(vm);
    g_autoptr(Json) list = json_list();
    for (guint i = all->len; i-- > 0;) {
        const VncServerInfo *s = all->pdata[i];
        Json *j = json_obj();
        json_set(j, "id", json_str(s->id));
        json_set(j, "server", vnc_peers_json(s->listen, s->n_listen, s->auth));
        json_set(j, "clients", vnc_peers_json(s->client, s->n_client, NULL));
        json_set(j, "auth", json_str(s->auth));
        json_append(list, j);
    }
    cmd_query_vnc_servers_reply(r, &list);
    return true;
}

CMD(query_vnc, "query-vnc", NULL, NULL, Empty, Any, 0, "the first VNC display");

static bool cmd_query_vnc(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(GPtrArray) all = vnc_info(vm);
    g_autoptr(Json) j = json_obj();
    const VncServerInfo *s = all->len ? all->pdata[0] : NULL;
    json_set(j, "enabled", json_bool(s));
    if (s) {
        json_set(j, "auth", json_str(s->auth));
        json_set(j, "clients", vnc_peers_json(s->client, s->n_client, NULL));
        if (s->n_listen) {
            json_set(j, "host", json_str(s->listen[0].host));
            json_set(j, "service", json_str(s->listen[0].service));
            json_set(j, "family", json_str(s->listen[0].family));
        }
    }
    cmd_query_vnc_reply(r, &j);
    return true;
}
