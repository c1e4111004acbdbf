/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a VNC display listens: host:N[,to=M] is TCP 5900+N on every address of the host, the first
 * display number that is free on all of them; an empty host is all interfaces. unix:PATH is a
 * socket.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ui/vnc-int.h"

#define VNC_PORT 5900

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
        *out = (VncPeer){ g_strdup(""), g_strdup(own_side && !failed ? u->sun_path : ""), "unix" };
        return;
    }
    getnameinfo((struct sockaddr *)&a, n, host, sizeof(host), service, sizeof(service),
                NI_NUMERICHOST | NI_NUMERICSERV);
    *out =
        (VncPeer){ g_strdup(host), g_strdup(service), a.ss_family == AF_INET6 ? "ipv6" : "ipv4" };
}

int vnc_accept(int listen_fd)
{
    int one = 1, fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    /* 64 ms from key to picture without it; a UNIX socket has none */
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static void listening(VncDisplay *d, int fd)
{
    g_array_append_val(d->listen_fds, fd);
    d->listen = g_renew(VncPeer, d->listen, d->n_listen + 1);
    vnc_peer_of(fd, true, &d->listen[d->n_listen++]);
}

static bool listen_unix(VncDisplay *d, const char *path, GError **err)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(a.sun_path)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NAMETOOLONG,
                    "UNIX socket path '%s' is longer than %zu bytes", path, sizeof(a.sun_path) - 1);
        return false;
    }
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 16) < 0) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "Failed to bind socket to %s: %s", path, g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    d->unix_path = g_strdup(path);
    listening(d, fd);
    return true;
}

static int listen_at(const struct addrinfo *ai)
{
    int one = 1, fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 16) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* All addresses of one port, or none. An address family that this host lacks does not count. */
static bool listen_port(VncDisplay *d, const char *host, unsigned port, int *error)
{
    g_autofree char *service = g_strdup_printf("%u", port);
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list = NULL;
    bool v4 = d->args.ipv4 != 0, v6 = d->args.ipv6 != 0;
    if (d->args.ipv4 == 1 && d->args.ipv6 != 1)
        v6 = false;
    if (d->args.ipv6 == 1 && d->args.ipv4 != 1)
        v4 = false;
    hints.ai_family = v4 && v6 ? AF_UNSPEC : v6 ? AF_INET6 : AF_INET;
    int gai = getaddrinfo(*host ? host : NULL, service, &hints, &list);
    if (gai) {
        *error = -gai;
        return false;
    }
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
    bool taken = false;
    *error = EADDRNOTAVAIL;
    for (struct addrinfo *ai = list; ai && !taken; ai = ai->ai_next) {
        int fd = listen_at(ai);
        if (fd >= 0) {
            g_array_append_val(fds, fd);
        } else {
            *error = errno;
            taken = errno == EADDRINUSE || errno == EACCES;
        }
    }
    freeaddrinfo(list);
    for (unsigned i = 0; i < fds->len; i++) {
        int fd = g_array_index(fds, int, i);
        if (taken)
            close(fd);
        else
            listening(d, fd);
    }
    return !taken && fds->len;
}

bool vnc_listen(VncDisplay *d, const char *target, GError **err)
{
    if (g_str_has_prefix(target, "unix:"))
        return listen_unix(d, target + 5, err);
    const char *colon = strrchr(target, ':');
    char *end;
    unsigned long number = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!colon || end == colon + 1 || *end || number > 65535 - VNC_PORT) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "'%s' is no VNC display: type host:N with N from 0 to %d, for example :0",
                    target, 65535 - VNC_PORT);
        return false;
    }
    g_autofree char *host = g_strndup(target, colon - target);
    if (host[0] == '[' && g_str_has_suffix(host, "]")) {
        memmove(host, host + 1, strlen(host));
        host[strlen(host) - 1] = 0;
    }
    unsigned last = MAX(d->args.to, number);
    int error = 0;
    for (unsigned n = number; n <= last && n <= 65535 - VNC_PORT; n++)
        if (listen_port(d, host, VNC_PORT + n, &error))
            return true;
    if (error < 0)
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOENT, "address resolution failed for %s: %s",
                    target, gai_strerror(-error));
    else
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(error),
                    "Failed to bind socket for display %s: %s", target, g_strerror(error));
    return false;
}
