/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Networks over sockets: -netdev socket (listen, connect, mcast, udp, fd) and 7.2's stream and
 * dgram. Streams first: a server serves one client, and the next when that one is gone; a client
 * tries again every second, as the other machine may not be up yet. Then datagrams. What is sent
 * to a multicast group comes back to its sender too, as the kernel does it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/sockaddr.h"
#include "net/wire.h"
#include "util/log.h"

enum { RETRY_SECONDS = 1 };

typedef struct SocketPort {
    NetPort port;
    Wire wire;
    SockAddr addr; /* of a stream */
    bool server;
    int listening[SOCK_MAX_LISTEN];
    guint watch[SOCK_MAX_LISTEN];
    size_t n_listening;
    SockConnect *connecting;
    guint retry;
    bool warned;
    char *info, *unlink; /* unlink: path of a datagram socket of ours */
} SocketPort;

static SocketPort *of_wire(Wire *w)
{
    return (SocketPort *)w->port;
}

static ssize_t socket_receive(void *o, const struct iovec *iov, int n, const NetMeta *meta)
{
    return wire_receive(&((SocketPort *)o)->wire, iov, n);
}

static void socket_resume(void *o)
{
    wire_resume(&((SocketPort *)o)->wire);
}

static void socket_info(NetPort *p, GString *out)
{
    const SocketPort *s = (SocketPort *)p;

    g_string_append(out, s->info ? s->info : "");
}

static void set_info(SocketPort *s, char *take)
{
    g_free(s->info);
    s->info = take;
}

/* ---- streams: the server ---- */

static void listen_more(SocketPort *s, bool on);

static gboolean client_comes(gint fd, GIOCondition what, gpointer o)
{
    SocketPort *s = o;
    int c = sock_accept(fd);
    g_autofree char *name = NULL;

    if (c < 0)
        return G_SOURCE_CONTINUE;
    name = sock_name_text(c, true);
    set_info(s, g_strdup_printf("%s: connection from %s", s->port.type->name,
                                name && *name ? name : "a client"));
    listen_more(s, false);
    wire_start(&s->wire, c, true);
    return G_SOURCE_REMOVE;
}

static void listen_more(SocketPort *s, bool on)
{
    for (size_t i = 0; i < s->n_listening; i++) {
        if (on && !s->watch[i])
            s->watch[i] = g_unix_fd_add(s->listening[i], G_IO_IN, client_comes, s);
        else if (!on && s->watch[i])
            g_source_remove(s->watch[i]);
        if (!on)
            s->watch[i] = 0;
    }
}

static void server_waits(SocketPort *s)
{
    g_autofree char *text = sock_addr_text(&s->addr);

    set_info(s, g_strdup_printf("%s: waiting on %s", s->port.type->name, text));
    listen_more(s, true);
}

/* ---- streams: the client ---- */

static void client_tries(SocketPort *s);

static gboolean client_again(gpointer o)
{
    SocketPort *s = o;

    s->retry = 0;
    client_tries(s);
    return G_SOURCE_REMOVE;
}

static void client_connected(void *o, int fd, const GError *err)
{
    SocketPort *s = o;
    g_autofree char *text = sock_addr_text(&s->addr);

    s->connecting = NULL;
    if (fd < 0) {
        if (!s->warned)
            warn_print("netdev %s: %s; trying again every second", s->port.name, err->message);
        s->warned = true;
        s->retry = g_timeout_add_seconds(RETRY_SECONDS, client_again, s);
        return;
    }
    s->warned = false;
    set_info(s, g_strdup_printf("%s: connected to %s", s->port.type->name, text));
    wire_start(&s->wire, fd, true);
}

static void client_tries(SocketPort *s)
{
    g_autofree char *text = sock_addr_text(&s->addr);

    set_info(s, g_strdup_printf("%s: connecting to %s", s->port.type->name, text));
    s->connecting = sock_connect_start(&s->addr, NULL, client_connected, s);
}

/* ---- streams ---- */

static void stream_lost(Wire *w)
{
    SocketPort *s = of_wire(w);

    if (s->server)
        server_waits(s);
    else if (s->addr.type == SOCK_FD)
        set_info(s, g_strdup("connection closed"));
    else
        client_tries(s);
}

static bool stream_begin(SocketPort *s, const SockAddr *addr, bool server, GError **err)
{
    sock_addr_copy(&s->addr, addr);
    s->server = server;
    s->wire.lost = stream_lost;
    if (addr->type == SOCK_FD && !server) {
        int fd = sock_take_fd(addr->fd.str, err);

        if (fd < 0)
            return false;
        set_info(s, g_strdup_printf("fd=%d", fd));
        wire_start(&s->wire, fd, true);
        return true;
    }
    if (!server) {
        client_tries(s);
        return true;
    }
    s->n_listening = sock_listen(addr, false, s->listening, NULL, err);
    if (!s->n_listening)
        return false;
    server_waits(s);
    return true;
}

static void socket_close(NetPort *p)
{
    SocketPort *s = (SocketPort *)p;

    listen_more(s, false);
    for (size_t i = 0; i < s->n_listening; i++)
        close(s->listening[i]);
    if (s->n_listening)
        sock_unlink(&s->addr);
    if (s->connecting)
        sock_connect_cancel(s->connecting);
    if (s->retry)
        g_source_remove(s->retry);
    wire_stop(&s->wire);
    if (s->unlink)
        unlink(s->unlink);
    sock_addr_clear(&s->addr);
    g_free(s->info);
    g_free(s->unlink);
}

/* ---- datagrams ---- */

static bool resolve(const SockInet *a, struct sockaddr_storage *to, socklen_t *len, GError **err)
{
    struct addrinfo *list = sock_resolve(a, SOCK_DGRAM, true, err);

    if (!list)
        return false;
    memcpy(to, list->ai_addr, list->ai_addrlen);
    *len = list->ai_addrlen;
    freeaddrinfo(list);
    return true;
}

static bool split(const char *text, char **host, char **port, GError **err)
{
    const char *colon = strrchr(text, ':');

    if (!colon)
        return user_fail(err, "host address '%s' doesn't contain ':' separating host from port",
                         text);
    *host = g_strndup(text, (gsize)(colon - text));
    *port = g_strdup(colon + 1);
    return true;
}

static bool resolve_text(const char *text, struct sockaddr_storage *to, socklen_t *len,
                         GError **err)
{
    g_autofree char *host = NULL, *port = NULL;
    SockInet a = { .ipv4 = -1, .ipv6 = -1 };

    if (!split(text, &host, &port, err))
        return false;
    a.host = host;
    a.port = port;
    return resolve(&a, to, len, err);
}

static int udp_socket(int family, const struct sockaddr_storage *at, socklen_t len, GError **err)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

    if (fd >= 0 && family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd >= 0 && bind(fd, (const struct sockaddr *)at, len) == 0)
        return fd;
    user_fail(err, "can't bind the local address: %s", g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool join_group(int fd, const struct sockaddr_in *group, const struct in_addr *local)
{
    struct ip_mreq m = { .imr_multiaddr = group->sin_addr };
    int on = 1;

    if (local)
        m.imr_interface = *local;
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) == 0 &&
           setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)) == 0 &&
           (!local || setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, local, sizeof(*local)) == 0);
}

/* local NULL: the interface that the routes say */
static bool mcast_begin(SocketPort *s, const struct sockaddr_storage *group, socklen_t len,
                        const struct in_addr *local, GError **err)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)group;
    char text[INET_ADDRSTRLEN] = "";
    int fd;

    if (group->ss_family == AF_INET)
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
    if (group->ss_family != AF_INET || !IN_MULTICAST(ntohl(in->sin_addr.s_addr)))
        return user_fail(err, "'%s' is not a multicast address", text);
    fd = udp_socket(AF_INET, group, len, err);
    if (fd < 0)
        return false;
    if (!join_group(fd, in, local)) {
        user_fail(err, "can't join the multicast group %s: %s", text, g_strerror(errno));
        close(fd);
        return false;
    }
    s->wire.to = *group;
    s->wire.to_len = len;
    wire_start(&s->wire, fd, false);
    return true;
}

static bool udp_begin(SocketPort *s, const struct sockaddr_storage *local, socklen_t local_len,
                      const struct sockaddr_storage *to, socklen_t to_len, GError **err)
{
    int fd;

    if (local->ss_family != to->ss_family)
        return user_fail(err, "the local and the remote address are of different families");
    fd = udp_socket(to->ss_family, local, local_len, err);
    if (fd < 0)
        return false;
    s->wire.to = *to;
    s->wire.to_len = to_len;
    wire_start(&s->wire, fd, false);
    return true;
}

/* ---- -netdev socket ---- */

typedef struct SocketArgs {
    char *fd, *listen, *connect, *mcast, *localaddr, *udp;
} SocketArgs;

/* clang-format off */
static const Prop SocketArgs_rows[] = {
    PROP_STR(SocketArgs, fd,        "fd",        NULL, "descriptor of a connected socket"),
    PROP_STR(SocketArgs, listen,    "listen",    NULL, "[host]:port where another machine connects"),
    PROP_STR(SocketArgs, connect,   "connect",   NULL, "host:port of a machine that listens"),
    PROP_STR(SocketArgs, mcast,     "mcast",     NULL, "group:port: a network of all who name it"),
    PROP_STR(SocketArgs, localaddr, "localaddr", NULL, "our own address for mcast and udp"),
    PROP_STR(SocketArgs, udp,       "udp",       NULL, "host:port that gets a datagram for each frame"),
    PROP_END(SocketArgs)
};
/* clang-format on */

static bool socket_stream(SocketPort *s, const char *text, bool server, GError **err)
{
    SockAddr addr = { .type = SOCK_INET };
    g_autofree char *host = NULL, *port = NULL, *whole = NULL;
    bool ok;

    if (!split(text, &host, &port, err))
        return false;
    whole = g_strdup_printf("tcp:%s:%s", host, port);
    if (!sock_addr_parse(whole, &addr, err))
        return false;
    ok = stream_begin(s, &addr, server, err);
    sock_addr_clear(&addr);
    return ok;
}

static bool socket_fd(SocketPort *s, const char *text, GError **err)
{
    int fd = sock_take_fd(text, err), type = 0;
    socklen_t n = sizeof(type);

    if (fd < 0)
        return false;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) != 0 ||
        (type != SOCK_STREAM && type != SOCK_DGRAM))
        return user_fail(err, "fd=%s: only stream and datagram sockets are understood", text);
    s->addr.type = SOCK_FD;
    s->wire.lost = stream_lost;
    set_info(s, g_strdup_printf("socket: fd=%d", fd));
    wire_start(&s->wire, fd, type == SOCK_STREAM);
    return true;
}

static bool socket_mcast(SocketPort *s, const SocketArgs *a, GError **err)
{
    struct sockaddr_storage group;
    struct in_addr local;
    socklen_t len;

    if (a->localaddr && inet_pton(AF_INET, a->localaddr, &local) != 1)
        return user_fail(err, "localaddr '%s' is not an IPv4 address", a->localaddr);
    set_info(s, g_strdup_printf("socket: mcast=%s", a->mcast));
    return resolve_text(a->mcast, &group, &len, err) &&
           mcast_begin(s, &group, len, a->localaddr ? &local : NULL, err);
}

static bool socket_udp(SocketPort *s, const SocketArgs *a, GError **err)
{
    struct sockaddr_storage local, to;
    socklen_t local_len, to_len;

    if (!a->localaddr)
        return user_fail(err, "localaddr= is mandatory with udp=");
    set_info(s, g_strdup_printf("socket: udp=%s", a->udp));
    return resolve_text(a->localaddr, &local, &local_len, err) &&
           resolve_text(a->udp, &to, &to_len, err) &&
           udp_begin(s, &local, local_len, &to, to_len, err);
}

static bool socket_begin(SocketPort *s, const SocketArgs *a, GError **err)
{
    if (!!a->fd + !!a->listen + !!a->connect + !!a->mcast + !!a->udp != 1)
        return user_fail(err, "exactly one of listen=, connect=, mcast=, udp= or fd= is required");
    if (a->localaddr && !a->mcast && !a->udp)
        return user_fail(err, "localaddr= is only valid with mcast= or udp=");
    if (a->fd)
        return socket_fd(s, a->fd, err);
    if (a->mcast)
        return socket_mcast(s, a, err);
    if (a->udp)
        return socket_udp(s, a, err);
    return socket_stream(s, a->listen ? a->listen : a->connect, a->listen, err);
}

static bool begun(SocketPort *s, bool ok)
{
    if (!ok)
        socket_close(&s->port);
    return ok;
}

static bool socket_open(NetPort *p, const void *args, GError **err)
{
    SocketPort *s = (SocketPort *)p;

    wire_init(&s->wire, p);
    return begun(s, socket_begin(s, args, err));
}

static const NetDriver socket_driver = {
    .name = "socket",
    .desc = "frames over TCP, UDP or multicast to other machines",
    .size = sizeof(SocketPort),
    .props = SocketArgs_rows,
    .ops = { .receive = socket_receive, .resume = socket_resume },
    .open = socket_open,
    .close = socket_close,
    .info = socket_info,
};
REGISTER(net, socket_driver);

/* ---- -netdev stream ---- */

typedef struct NetStreamArgs {
    SockAddr addr;
    bool server;
} NetStreamArgs;

/* clang-format off */
static const Prop NetStreamArgs_rows[] = {
    NEED_PART(NetStreamArgs, addr,   "addr",   SockAddr, "where to listen or connect"),
    PROP_BOOL(NetStreamArgs, server, "server", false,    "listen"),
    PROP_END (NetStreamArgs)
};
/* clang-format on */

static bool stream_open(NetPort *p, const void *args, GError **err)
{
    const NetStreamArgs *a = args;
    SocketPort *s = (SocketPort *)p;

    wire_init(&s->wire, p);
    return begun(s, stream_begin(s, &a->addr, a->server, err));
}

static const NetDriver stream = {
    .name = "stream",
    .desc = "frames over a TCP or UNIX connection",
    .size = sizeof(SocketPort),
    .props = NetStreamArgs_rows,
    .ops = { .receive = socket_receive, .resume = socket_resume },
    .open = stream_open,
    .close = socket_close,
    .info = socket_info,
};
REGISTER(net, stream);

/* ---- -netdev dgram ---- */

typedef struct DgramArgs {
    SockAddr *local, *remote;
} DgramArgs;

/* clang-format off */
static const Prop DgramArgs_rows[] = {
    PROP_BOX(DgramArgs, local,  "local",  SockAddr, "our own address"),
    PROP_BOX(DgramArgs, remote, "remote", SockAddr, "where each frame is sent as a datagram"),
    PROP_END(DgramArgs)
};
/* clang-format on */

static bool dgram_address(const SockAddr *a, struct sockaddr_storage *to, socklen_t *len,
                          GError **err)
{
    struct sockaddr_un *un = (struct sockaddr_un *)to;

    if (a->type == SOCK_INET)
        return resolve(&a->inet, to, len, err);
    if (a->type != SOCK_UNIX || a->un.abstract)
        return user_fail(err, "dgram supports only inet, unix and fd addresses");
    if (strlen(a->un.path) >= sizeof(un->sun_path))
        return user_fail(err, "the path '%s' is too long for a socket", a->un.path);
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    strcpy(un->sun_path, a->un.path);
    *len = sizeof(*un);
    return true;
}

static void dgram_say(SocketPort *s, const DgramArgs *a)
{
    g_autofree char *local = a->local ? sock_addr_text(a->local) : NULL;
    g_autofree char *remote = sock_addr_text(a->remote);

    /* "tcp:" and "unix:" are what comes before the address */
    set_info(s, g_strdup_printf("%s=%s%s%s", local ? "udp" : "mcast",
                                local ? strchr(local, ':') + 1 : "",
                                !local                        ? ""
                                : a->local->type == SOCK_UNIX ? ":"
                                                              : "/",
                                strchr(remote, ':') + 1));
}

static bool is_group(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET &&
           IN_MULTICAST(ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr));
}

static bool dgram_begin(SocketPort *s, const DgramArgs *a, GError **err)
{
    struct sockaddr_storage local, remote;
    socklen_t local_len, remote_len;

    if (a->local && a->local->type == SOCK_FD && !a->remote)
        return socket_fd(s, a->local->fd.str, err);
    if (!a->local && !a->remote)
        return user_fail(err, "dgram requires local= parameter");
    if (!a->remote)
        return user_fail(err, "type=inet or type=unix requires remote parameter");
    if (!dgram_address(a->remote, &remote, &remote_len, err) ||
        (a->local && !dgram_address(a->local, &local, &local_len, err)))
        return false;
    dgram_say(s, a);
    if (is_group(&remote))
        return mcast_begin(s, &remote, remote_len,
                           a->local && local.ss_family == AF_INET
                               ? &((struct sockaddr_in *)&local)->sin_addr
                               : NULL,
                           err);
    if (!a->local)
        return user_fail(err, "dgram requires local= parameter");
    sock_unlink(a->local);
    if (!udp_begin(s, &local, local_len, &remote, remote_len, err))
        return false;
    if (local.ss_family == AF_UNIX)
        s->unlink = g_strdup(a->local->un.path);
    return true;
}

static bool dgram_open(NetPort *p, const void *args, GError **err)
{
    SocketPort *s = (SocketPort *)p;

    wire_init(&s->wire, p);
    return begun(s, dgram_begin(s, args, err));
}

static const NetDriver dgram = {
    .name = "dgram",
    .desc = "each frame a UDP or UNIX datagram",
    .size = sizeof(SocketPort),
    .props = DgramArgs_rows,
    .ops = { .receive = socket_receive, .resume = socket_resume },
    .open = dgram_open,
    .close = socket_close,
    .info = socket_info,
};
REGISTER(net, dgram);
