/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The short texts of -serial, -parallel, -monitor, -qmp and others, as key=value text of -chardev:
 *   vc[:WxH | :COLSCxROWSC]  pty  null  stdio  file:F  pipe:F  /dev/ttyX  /dev/parportN  con:
 *   tcp:[host]:port[,OPT]  telnet:...  websocket:...  unix:path[,OPT] udp:[host]:port[@[host]:port]
 *   chardev:ID (exists already)  mon:TEXT (shared with a monitor; keys make no signals then)
 */
#include <string.h>

#include "chardev/chardev-int.h"
#include "util/text.h"

bool chardev_legacy_monitor(const char *text)
{
    return g_str_has_prefix(text, "mon:");
}

/* key=value text doubles commas. */
static void kv_add(GString *kv, const char *key, const char *value, size_t n)
{
    g_string_append_printf(kv, ",%s=", key);
    for (size_t i = 0; i < n; i++) {
        g_string_append_c(kv, value[i]);
        if (value[i] == ',')
            g_string_append_c(kv, ',');
    }
}

/* "80Cx24C" or "640x480"; false: neither */
static bool legacy_vc(GString *kv, const char *size)
{
    char *end;
    guint64 w = g_ascii_strtoull(size, &end, 10);
    bool cells = *end == 'C';
    if (end == size || *(end += cells) != 'x')
        return false;
    const char *second = end + 1;
    guint64 h = g_ascii_strtoull(second, &end, 10);
    if (end == second || (*end == 'C') != cells || end[cells])
        return false;
    g_string_append_printf(kv,
                           cells ? ",cols=%" G_GUINT64_FORMAT ",rows=%" G_GUINT64_FORMAT
                                 : ",width=%" G_GUINT64_FORMAT ",height=%" G_GUINT64_FORMAT,
                           w, h);
    return true;
}

/* host:port, [v6]:port or :port up to end; false: no port */
static bool legacy_host(GString *kv, const char *hostkey, const char *portkey, const char *s,
                        const char *end)
{
    const char *colon = end;
    while (colon > s && *colon != ':')
        colon--;
    if (colon == end || *colon != ':' || colon + 1 == end)
        return false;
    if (*s == '[' && colon > s + 1 && colon[-1] == ']')
        kv_add(kv, hostkey, s + 1, (size_t)(colon - s) - 2);
    else
        kv_add(kv, hostkey, s, (size_t)(colon - s));
    kv_add(kv, portkey, colon + 1, (size_t)(end - colon) - 1);
    return true;
}

static bool legacy_inet(GString *kv, const char *s)
{
    const char *opts = strchrnul(s, ',');
    if (!legacy_host(kv, "host", "port", s, opts))
        return false;
    g_string_append(kv, opts);
    return true;
}

static bool legacy_unix(GString *kv, const char *s)
{
    const char *opts = strchrnul(s, ',');
    kv_add(kv, "path", s, (size_t)(opts - s));
    g_string_append(kv, opts);
    return opts > s;
}

/* udp:[remote]:port[@[local]:port] */
static bool legacy_udp(GString *kv, const char *s)
{
    const char *at = strchrnul(s, '@');
    if (!legacy_host(kv, "host", "port", s, at))
        return false;
    return !*at || legacy_host(kv, "localaddr", "localport", at + 1, at + 1 + strlen(at + 1));
}

static bool legacy_path(GString *kv, const char *s)
{
    kv_add(kv, "path", s, strlen(s));
    return *s;
}

static const struct {
    const char *prefix, *driver, *more, *form;
    bool (*rest)(GString *kv, const char *s);
} forms[] = {
    { "vc:", "vc", "", "vc:WxH or vc:COLSCxROWSC", legacy_vc },
    { "file:", "file", "", "file:NAME", legacy_path },
    { "pipe:", "pipe", "", "pipe:NAME", legacy_path },
    { "tcp:", "socket", "", "tcp:HOST:PORT", legacy_inet },
    { "telnet:", "socket", ",telnet=on", "telnet:HOST:PORT", legacy_inet },
    { "websocket:", "socket", ",websocket=on", "websocket:HOST:PORT", legacy_inet },
    { "unix:", "socket", "", "unix:PATH", legacy_unix },
    { "udp:", "udp", "", "udp:HOST:PORT[@HOST:PORT]", legacy_udp },
    { "/dev/parport", "parallel", "", NULL, NULL },
    { "/dev/", "serial", "", NULL, NULL },
};

static bool legacy_to_kv(GString *kv, const char *text, GError **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        if (!g_str_has_prefix(text, forms[i].prefix))
            continue;
        g_string_append(kv, forms[i].driver);
        bool ok = forms[i].rest ? forms[i].rest(kv, text + strlen(forms[i].prefix))
                                : legacy_path(kv, text);
        g_string_append(kv, forms[i].more);
        if (!ok)
            user_fail(err, "'%s' is incomplete: expected %s", text, forms[i].form);
        return ok;
    }
    if (!*text || strpbrk(text, ":,="))
        return user_fail(err,
                         "'%s' is not a character device: try stdio, pty, vc, null, file:NAME, "
                         "tcp:HOST:PORT, unix:PATH or chardev:ID",
                         text);
    g_string_append(kv, text);
    return true;
}

/* Drivers that are known but not there yet: a clear word instead of a list of the others. */
static bool driver_is_there(const char *kv, GError **err)
{
    g_autofree char *name = g_strndup(kv, strcspn(kv, ","));
    Nearest near = nearest_to(name);
    PropChoice c;
    for (size_t i = 0; chardev_set.at(i, &c); i++) {
        if (strcmp(c.name, name) == 0)
            return true;
        nearest_try(&near, c.name);
    }
    g_autofree char *hint = nearest_hint(&near);
    return user_fail(err, "character device '%s' is not supported%s", name, hint);
}

Chardev *chardev_new_legacy(Vm *vm, const char *label, const char *text, GError **err)
{
    ChardevArgs args;
    const char *id, *bare = text;
    bool shared = chardev_legacy_monitor(text);

    if (g_str_has_prefix(text, "chardev:")) {
        id = text + strlen("chardev:");
        Chardev *c = chardev_find(vm, id);
        if (!c)
            user_fail(err, "chardev \"%s\" not found", id);
        return c;
    }
    if (shared)
        bare += strlen("mon:");
    g_autoptr(GString) kv = g_string_new("backend=");
    if (!legacy_to_kv(kv, bare, err) || !driver_is_there(kv->str + strlen("backend="), err))
        return NULL;
    kv_add(kv, "id", label, strlen(label));
    if (shared) {
        g_string_append(kv, ",mux=on");
        if (strcmp(bare, "stdio") == 0)
            g_string_append(kv, ",signal=off");
    }
    prop_defaults(ChardevArgs_rows, &args);
    Chardev *c = NULL;
    if (prop_parse_kv(ChardevArgs_rows, "backend", kv->str, &args, vm, err))
        c = chardev_new_labelled(vm, &args, err);
    prop_free(ChardevArgs_rows, &args);
    return c;
}
