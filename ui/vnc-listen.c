/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a VNC display listens: host:N[,to=M] is TCP 5900+N on every address of the host, the first
 * display number that is free on all of them; an empty host is all interfaces, unix:PATH a socket.
 * WebSocket: on (5700+N on the same host), PORT, host:PORT, unix:PATH. reverse=on: host:PORT or a
 * UNIX socket where a viewer listens.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ui/vnc-int.h"

enum { VNC_PORT = 5900, WEBSOCKET_PORT = 5700, PORT_MAX = 65535 };

void vnc_peer_clear(VncPeer *p)
{
    g_free(p->host);
    g_free(p->service);
}

void vnc_peer_of(int fd, bool own_side, VncPeer *out)
{
    struct sockaddr_storage a = { 0 };
    socklen_t n = sizeof(a);
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    int failed = own_side ? getsockname(fd, (struct sockaddr *)&a, &n)
                          : getpeername(fd, (struct sockaddr *)&a, &n);
    if (failed || a.ss_family == AF_UNIX) {
        struct sockaddr_un *u = (struct sockaddr_un *)&a;
        *out = (VncPeer){ g_strdup(""), g_strdup(own_side && !failed ? u->sun_path : ""), "unix",
                          false };
        return;
    }
    getnameinfo((struct sockaddr *)&a, n, host, sizeof(host), service, sizeof(service),
                NI_NUMERICHOST | NI_NUMERICSERV);
    *out = (VncPeer){ g_strdup(host), g_strdup(service), a.ss_family == AF_INET6 ? "ipv6" : "ipv4",
                      false };
}

static void no_delay(int fd)
{
    int one = 1;
    /* 64 ms from key to picture without it; a UNIX socket has none */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int vnc_accept(int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        no_delay(fd);
    return fd;
}

static void listening(VncDisplay *d, int fd, bool websocket)
{
    VncListen l = { fd, websocket };
    g_array_append_val(d->listen_fds, l);
    d->listen = g_renew(VncPeer, d->listen, d->n_listen + 1);
    vnc_peer_of(fd, true, &d->listen[d->n_listen]);
    d->listen[d->n_listen++].websocket = websocket;
}

/* ---- UNIX sockets ---- */
static bool unix_address(struct sockaddr_un *a, const char *path, GError **err)
{
    *a = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (!*path)
        return user_fail(err, "unix: needs a path");
    if (strlen(path) >= sizeof(a->sun_path))
        return user_fail(err, "UNIX socket path '%s' is longer than %zu bytes", path,
                         sizeof(a->sun_path) - 1);
    strcpy(a->sun_path, path);
    return true;
}

static bool listen_unix(VncDisplay *d, const char *path, bool websocket, GError **err)
{
    struct sockaddr_un a;
    if (!unix_address(&a, path, err))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, SOMAXCONN) < 0) {
        user_fail(err, "Failed to bind socket to %s: %s", path, g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    g_ptr_array_add(d->unix_paths, g_strdup(path));
    listening(d, fd, websocket);
    return true;
}

/* ---- TCP ---- */
/*
 * Addresses of host and port for the families wanted, one behind the other; freeaddrinfo each.
 * "localhost" is ::1 and 127.0.0.1 whatever /etc/hosts says of it (RFC 6761, 6.3): many hosts
 * forget the first.
 */
static int resolve(const VncDisplay *d, const char *host, unsigned port, bool passive,
                   struct addrinfo *list[2])
{
    g_autofree char *service = g_strdup_printf("%u", port);
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0 };
    bool v4 = d->args.ipv4 != 0, v6 = d->args.ipv6 != 0;
    if (d->args.ipv4 == 1 && d->args.ipv6 != 1)
        v6 = false;
    if (d->args.ipv6 == 1 && d->args.ipv4 != 1)
        v4 = false;
    list[0] = list[1] = NULL;
    if (strcmp(host, "localhost") == 0) {
        hints.ai_flags |= AI_NUMERICHOST;
        int gai = v6 ? getaddrinfo("::1", service, &hints, &list[0]) : 0;
        return v4 ? getaddrinfo("127.0.0.1", service, &hints, &list[1]) : gai;
    }
    hints.ai_family = v4 && v6 ? AF_UNSPEC : v6 ? AF_INET6 : AF_INET;
    return getaddrinfo(*host ? host : NULL, service, &hints, &list[0]);
}

static void resolved_free(struct addrinfo *list[2])
{
    for (unsigned i = 0; i < 2; i++)
        if (list[i])
            freeaddrinfo(list[i]);
}

static int listen_at(const struct addrinfo *ai)
{
    int one = 1, fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/*
 * All addresses of one port, or none. An address family that this host lacks does not count.
 * *error: an errno, or getaddrinfo's, which is negative.
 */
static bool listen_port(VncDisplay *d, const char *host, unsigned port, bool websocket, int *error)
{
    struct addrinfo *list[2];
    int gai = resolve(d, host, port, true, list);
    if (gai) {
        resolved_free(list);
        *error = gai;
        return false;
    }
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
    bool taken = false;
    *error = EADDRNOTAVAIL;
    for (unsigned i = 0; i < 2; i++) {
        for (struct addrinfo *ai = list[i]; ai && !taken; ai = ai->ai_next) {
            int fd = listen_at(ai);
            if (fd >= 0) {
                g_array_append_val(fds, fd);
            } else {
                *error = errno;
                taken = errno == EADDRINUSE || errno == EACCES;
            }
        }
    }
    resolved_free(list);
    for (unsigned i = 0; i < fds->len; i++) {
        int fd = g_array_index(fds, int, i);
        if (taken)
            close(fd);
        else
            listening(d, fd, websocket);
    }
    return !taken && fds->len;
}

/* "host:N", "[v6]:N" -> host (free it) and N up to max; NULL: neither */
static char *split(const char *target, unsigned max, unsigned *number)
{
    const char *colon = strrchr(target, ':');
    char *end;
    if (!colon || !g_ascii_isdigit(colon[1]))
        return NULL;
    guint64 n = g_ascii_strtoull(colon + 1, &end, 10);
    if (*end || n > max)
        return NULL;
    *number = (unsigned)n;
    char *host = g_strndup(target, colon - target);
    if (host[0] == '[' && g_str_has_suffix(host, "]")) {
        memmove(host, host + 1, strlen(host));
        host[strlen(host) - 1] = 0;
    }
    return host;
}

static bool socket_error(int error, const char *what, const char *target, GError **err)
{
    if (error < 0)
        return user_fail(err, "address resolution failed for %s: %s", target, gai_strerror(error));
    return user_fail(err, "%s %s: %s", what, target, g_strerror(error));
}

bool vnc_listen(VncDisplay *d, const char *target, GError **err)
{
    unsigned number;
    if (g_str_has_prefix(target, "unix:"))
        return listen_unix(d, target + 5, false, err);
    g_autofree char *host = split(target, PORT_MAX - VNC_PORT, &number);
    if (!host)
        return user_fail(err,
                         "'%s' is no VNC display: type host:N with N from 0 to %d, for example :0",
                         target, PORT_MAX - VNC_PORT);
    unsigned last = MIN(MAX(d->args.to, number), (unsigned)(PORT_MAX - VNC_PORT));
    int error = 0;
    for (unsigned n = number; n <= last; n++)
        if (listen_port(d, host, VNC_PORT + n, false, &error))
            return true;
    return socket_error(error, "Failed to bind socket for display", target, err);
}

bool vnc_listen_websocket(VncDisplay *d, const char *where, const char *target, GError **err)
{
    unsigned port = 0;
    g_autofree char *host = NULL, *with_colon = NULL;
    int error = 0;
    if (strcmp(where, "off") == 0 || strcmp(where, "no") == 0)
        return true;
    if (g_str_has_prefix(where, "unix:"))
        return listen_unix(d, where + 5, true, err);
    if (strcmp(where, "on") == 0 || strcmp(where, "yes") == 0) {
        host = split(target, PORT_MAX, &port);
        if (!host || !d->n_listen || d->listen[0].family[0] != 'i')
            return user_fail(err,
                             "websocket=on goes with a display number only: type websocket=PORT or "
                             "websocket=unix:PATH");
        port = WEBSOCKET_PORT + (unsigned)atoi(d->listen[0].service) - VNC_PORT;
    } else {
        with_colon = strchr(where, ':') ? g_strdup(where) : g_strdup_printf(":%s", where);
        host = split(with_colon, PORT_MAX, &port);
        if (!host)
            return user_fail(err, "websocket=%s is no port: type on, PORT, host:PORT or unix:PATH",
                             where);
    }
    return listen_port(d, host, port, true, &error) ||
           socket_error(error, "Failed to bind WebSocket", where, err);
}

/* ---- reverse ---- */
/* The kernel's own patience is minutes. */
static int connect_at(int family, const struct sockaddr *a, socklen_t n)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
    socklen_t size = sizeof(error);
    if (fd < 0)
        return -1;
    if (connect(fd, a, n) < 0)
        error = errno;
    if (error == EINPROGRESS) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        if (poll(&p, 1, VNC_RECONNECT_S * 1000) <= 0)
            error = ETIMEDOUT;
        else
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (!error) {
        no_delay(fd);
        return fd;
    }
    close(fd);
    errno = error;
    return -1;
}

int vnc_connect(const VncDisplay *d, const char *target, GError **err)
{
    struct addrinfo *list[2];
    struct sockaddr_un a;
    unsigned port;
    if (g_str_has_prefix(target, "unix:")) {
        if (!unix_address(&a, target + 5, err))
            return -1;
        int fd = connect_at(AF_UNIX, (struct sockaddr *)&a, sizeof(a));
        if (fd < 0)
            socket_error(errno, "Failed to connect to", target, err);
        return fd;
    }
    g_autofree char *host = split(target, PORT_MAX, &port);
    if (!host) {
        user_fail(err, "'%s' is no viewer's address: with reverse=on type host:PORT", target);
        return -1;
    }
    int fd = -1, error = resolve(d, *host ? host : "localhost", port, false, list);
    for (unsigned i = 0; i < 2 && !error; i++) {
        for (struct addrinfo *ai = list[i]; ai && fd < 0; ai = ai->ai_next)
            fd = connect_at(ai->ai_family, ai->ai_addr, ai->ai_addrlen);
    }
    if (fd < 0)
        socket_error(error ? error : errno, "Failed to connect to", target, err);
    resolved_free(list);
    return fd;
}
