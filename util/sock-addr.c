/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses as text, in both directions. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/sock.h"
#include "util/text.h"

GQuark sock_error_quark(void)
{
    return g_quark_from_static_string("sock");
}

void sock_addr_clear(SockAddr *a)
{
    switch (a->type) {
    case SOCK_INET:
        g_free(a->inet.host);
        g_free(a->inet.port);
        break;
    case SOCK_UNIX: g_free(a->un.path); break;
    case SOCK_VSOCK:
        g_free(a->vsock.cid);
        g_free(a->vsock.port);
        break;
    case SOCK_FD: g_free(a->fd.str); break;
    }
    memset(a, 0, sizeof(*a));
}

void sock_addr_copy(SockAddr *to, const SockAddr *from)
{
    *to = *from;
    switch (from->type) {
    case SOCK_INET:
        to->inet.host = g_strdup(from->inet.host);
        to->inet.port = g_strdup(from->inet.port);
        break;
    case SOCK_UNIX: to->un.path = g_strdup(from->un.path); break;
    case SOCK_VSOCK:
        to->vsock.cid = g_strdup(from->vsock.cid);
        to->vsock.port = g_strdup(from->vsock.port);
        break;
    case SOCK_FD: to->fd.str = g_strdup(from->fd.str); break;
    }
}

static bool addr_fail(GError **err, const char *text, const char *why)
{
    g_set_error(err, SOCK_ERROR, EINVAL, "address '%s': %s", text, why);
    return false;
}

static bool inet_option(SockInet *a, const char *text, const char *whole, GError **err)
{
    g_auto(GStrv) kv = g_strsplit(text, "=", 2);
    const char *value = kv[0] && kv[1] ? kv[1] : "on";
    bool on;
    int64_t n;

    if (kv[0] && strcmp(kv[0], "to") == 0) {
        if (!text_int(value, &n) || n < 0 || n > 65535)
            return addr_fail(err, whole, "to= is a port number");
        a->to = n;
        return true;
    }
    if (!kv[0] || !text_bool(value, &on))
        return addr_fail(err, whole, "an option is to=PORT, ipv4=on|off or ipv6=on|off");
    if (strcmp(kv[0], "ipv4") == 0)
        a->ipv4 = on;
    else if (strcmp(kv[0], "ipv6") == 0)
        a->ipv6 = on;
    else if (strcmp(kv[0], "keep-alive") == 0)
        a->keep_alive = on;
    else
        return addr_fail(err, whole, "an option is to=PORT, ipv4=on|off or ipv6=on|off");
    return true;
}

/* "host:port": the host ends at the last colon, or at the bracket of a v6 address. */
static bool inet_split(SockInet *a, const char *text, const char *whole, GError **err)
{
    const char *colon = strrchr(text, ':');

    if (*text == '[') {
        const char *end = strchr(text, ']');

        if (!end || end[1] != ':')
            return addr_fail(err, whole, "expected [IPv6 address]:port");
        a->host = g_strndup(text + 1, end - text - 1);
        a->port = g_strdup(end + 2);
    } else {
        if (!colon)
            return addr_fail(err, whole, "expected host:port");
        if (memchr(text, ':', colon - text))
            return addr_fail(err, whole, "write an IPv6 address in brackets: [::1]:port");
        a->host = g_strndup(text, colon - text);
        a->port = g_strdup(colon + 1);
    }
    return *a->port || addr_fail(err, whole, "the port is missing");
}

static bool inet_parse(SockInet *a, const char *text, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    bool ok;

    a->to = a->ipv4 = a->ipv6 = -1;
    ok = inet_split(a, parts[0] ? parts[0] : "", text, err);
    for (char **opt = parts; ok && *opt && opt[1]; opt++)
        ok = inet_option(a, opt[1], text, err);
    return ok;
}

static bool vsock_parse(SockVsock *a, const char *text, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 2);

    if (!parts[0] || !parts[1])
        return addr_fail(err, text, "expected cid:port");
    a->cid = g_strdup(parts[0]);
    a->port = g_strdup(parts[1]);
    return true;
}

bool sock_addr_parse(const char *text, SockAddr *a, GError **err)
{
    bool ok = true;

    memset(a, 0, sizeof(*a));
    if (g_str_has_prefix(text, "unix:")) {
        a->type = SOCK_UNIX;
        a->un.path = g_strdup(text + 5);
        a->un.tight = 1;
        ok = a->un.path[0] || addr_fail(err, text, "the path is missing");
    } else if (g_str_has_prefix(text, "fd:")) {
        a->type = SOCK_FD;
        a->fd.str = g_strdup(text + 3);
    } else if (g_str_has_prefix(text, "vsock:")) {
        a->type = SOCK_VSOCK;
        ok = vsock_parse(&a->vsock, text + 6, err);
    } else {
        ok = inet_parse(&a->inet, g_str_has_prefix(text, "tcp:") ? text + 4 : text, err);
    }
    if (!ok)
        sock_addr_clear(a);
    return ok;
}

static char *host_port(const char *host, const char *port)
{
    bool v6 = strchr(host, ':');

    return g_strdup_printf("%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

char *sock_addr_text(const SockAddr *a)
{
    g_autofree char *at = NULL;

    switch (a->type) {
    case SOCK_INET:
        at = host_port(a->inet.host, a->inet.port);
        return g_strconcat("tcp:", at, NULL);
    case SOCK_UNIX: return g_strconcat("unix:", a->un.path, NULL);
    case SOCK_VSOCK: return g_strconcat("vsock:", a->vsock.cid, ":", a->vsock.port, NULL);
    default: return g_strconcat("fd:", a->fd.str, NULL);
    }
}

static void inet_name(SockName *name, const struct sockaddr *addr, socklen_t len)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getnameinfo(addr, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return;
    name->family = addr->sa_family == AF_INET ? "ipv4" : "ipv6";
    name->host = g_strdup(host);
    name->service = g_strdup(port);
}

static void unix_name(SockName *name, const struct sockaddr_un *addr, socklen_t len)
{
    size_t n = len > offsetof(struct sockaddr_un, sun_path)
                   ? len - offsetof(struct sockaddr_un, sun_path)
                   : 0;
    bool abstract = n && !addr->sun_path[0];

    name->family = "unix";
    name->host = g_strndup(addr->sun_path + abstract, n - abstract);
    name->service = g_strdup("");
}

bool sock_name(int fd, bool peer, SockName *name)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    struct sockaddr *sa = (struct sockaddr *)&addr;

    *name = (SockName){ "unknown", NULL, NULL };
    memset(&addr, 0, sizeof(addr));
    if ((peer ? getpeername(fd, sa, &len) : getsockname(fd, sa, &len)) < 0)
        return false;
    if (sa->sa_family == AF_INET || sa->sa_family == AF_INET6)
        inet_name(name, sa, len);
    else if (sa->sa_family == AF_UNIX)
        unix_name(name, (struct sockaddr_un *)sa, len);
    return name->host != NULL;
}

void sock_name_clear(SockName *name)
{
    g_clear_pointer(&name->host, g_free);
    g_clear_pointer(&name->service, g_free);
}

char *sock_name_text(int fd, bool peer)
{
    SockName name;
    char *text;

    if (!sock_name(fd, peer, &name))
        return g_strdup("");
    text = *name.service ? host_port(name.host, name.service) : g_strdup(name.host);
    sock_name_clear(&name);
    return text;
}
