/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream socket: TCP or UNIX, client or server. A server serves one peer at a time, the next one
 * waits in the listen queue. Telnet (RFC 854, 856, 857, 858): character at a time, binary, IAC
 * doubled both ways, BREAK becomes a break; options the peer asks for are not answered. Not yet:
 * WebSocket, TLS.
 */
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "chardev/chardev-int.h"
#include "core/sockaddr.h"

typedef struct SocketArgs {
    CharCommon common;
    SockAddr addr;
    Tri server, wait;
    bool nodelay, telnet, tn3270, websocket;
    int64_t reconnect;
    char *tls_creds, *tls_authz;
} SocketArgs;

/* clang-format off */
static const Prop SocketArgs_rows[] = {
    PROP_BASE(SocketArgs, common,    CharCommon),
    PROP_PART(SocketArgs, addr,      "addr", SockAddrLegacy, "where it listens or connects to", PROP_FLAT),
    PROP_STR (SocketArgs, tls_creds, "tls-creds", NULL,  "object with TLS credentials"),
    PROP_STR (SocketArgs, tls_authz, "tls-authz", NULL,  "object that says who may connect"),
    PROP_BOOL(SocketArgs, server,    "server",    AUTO,  "listen (default off; chardev-add: on)"),
    PROP_BOOL(SocketArgs, wait,      "wait",      AUTO,  "the machine starts when a client is there (default on)"),
    PROP_BOOL(SocketArgs, nodelay,   "nodelay",   false, "small packets leave at once"),
    PROP_BOOL(SocketArgs, telnet,    "telnet",    false, "speak telnet"),
    PROP_BOOL(SocketArgs, tn3270,    "tn3270",    false, "speak tn3270"),
    PROP_BOOL(SocketArgs, websocket, "websocket", false, "speak WebSocket"),
    PROP_RANGE(SocketArgs, reconnect, "reconnect", 0, 0, 86400, "seconds until a lost client connects again; 0: never"),
    PROP_END (SocketArgs)
};
/* clang-format on */

enum {
    TELNET_BRK = 243,
    TELNET_SB = 250,
    TELNET_WILL = 251,
    TELNET_DO = 253,
    TELNET_DONT = 254,
    TELNET_IAC = 255
};
typedef enum { TN_TEXT, TN_IAC, TN_OPTION, TN_SUB, TN_SUB_IAC } TelnetState;

typedef struct SocketChar {
    Chardev chr;
    FdPort port;
    SockAddr addr;
    bool server, telnet, nodelay, half_iac;
    int64_t reconnect;
    TelnetState telnet_state;
    int listen[SOCK_MAX_LISTEN];
    unsigned watch[SOCK_MAX_LISTEN];
    size_t n_listen;
    SockConnect *connecting;
    unsigned retry;
} SocketChar;

static SocketChar *socket_of(Chardev *c)
{
    return (SocketChar *)c;
}

/* ---- what info chardev shows ---- */

static void socket_rename(SocketChar *s)
{
    g_autofree char *text = sock_addr_text(&s->addr);
    const char *rest = g_str_has_prefix(text, "tcp:") && s->telnet ? text + 4 : text;
    g_autoptr(GString) name = g_string_new(s->port.in < 0 ? "disconnected:" : "");

    if (rest != text)
        g_string_append(name, "telnet:");
    if (s->port.in >= 0 && s->addr.type == SOCK_INET) {
        g_autofree char *here = sock_name_text(s->port.in, false);
        g_autofree char *peer = sock_name_text(s->port.in, true);
        g_string_append_printf(name, "%s%s%s <-> %s", rest == text ? "tcp:" : "", here,
                               s->server ? ",server=on" : "", peer);
    } else {
        g_string_append_printf(name, "%s%s", rest, s->server ? ",server=on" : "");
    }
    g_free(s->chr.filename);
    s->chr.filename = g_string_free(g_steal_pointer(&name), FALSE);
}

/* ---- connections ---- */

static void socket_listen_on(SocketChar *s, bool on);
static void socket_connect_start(SocketChar *s);

static gboolean socket_retry(void *o)
{
    SocketChar *s = o;
    s->retry = 0;
    socket_connect_start(s);
    return G_SOURCE_REMOVE;
}

static void socket_next(SocketChar *s)
{
    if (s->server)
        socket_listen_on(s, true);
    else if (s->reconnect && !s->retry)
        s->retry = g_timeout_add_seconds((guint)s->reconnect, socket_retry, s);
}

static void socket_lost(Chardev *c)
{
    SocketChar *s = socket_of(c);
    fd_port_close(&s->port);
    socket_rename(s);
    char_event(c, CHR_CLOSED);
    socket_next(s);
}

/* Ours: we echo, no go-ahead, binary both ways. */
static const uint8_t telnet_hello[] = { TELNET_IAC, TELNET_WILL, 1, TELNET_IAC, TELNET_WILL, 3,
                                        TELNET_IAC, TELNET_WILL, 0, TELNET_IAC, TELNET_DO,   0 };

static size_t telnet_filter(Chardev *c, uint8_t *p, size_t n)
{
    SocketChar *s = socket_of(c);
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t b = p[i];
        switch (s->telnet_state) {
        case TN_TEXT:
            if (b == TELNET_IAC)
                s->telnet_state = TN_IAC;
            else
                p[out++] = b;
            break;
        case TN_IAC:
            s->telnet_state = b == TELNET_SB                         ? TN_SUB
                              : b >= TELNET_WILL && b <= TELNET_DONT ? TN_OPTION
                                                                     : TN_TEXT;
            if (b == TELNET_IAC)
                p[out++] = b;
            else if (b == TELNET_BRK)
                char_event(c, CHR_BREAK);
            break;
        case TN_OPTION: s->telnet_state = TN_TEXT; break;
        case TN_SUB: s->telnet_state = b == TELNET_IAC ? TN_SUB_IAC : TN_SUB; break;
        case TN_SUB_IAC: s->telnet_state = b == TELNET_IAC ? TN_SUB : TN_TEXT; break;
        }
    }
    return out;
}

static void socket_use(SocketChar *s, int fd)
{
    Chardev *c = &s->chr;
    fd_port_init(&s->port, c, fd, fd, socket_lost);
    if (s->nodelay && s->addr.type == SOCK_INET)
        sock_set_nodelay(fd, true);
    if (s->telnet) {
        s->telnet_state = TN_TEXT;
        s->half_iac = false;
        s->port.filter = telnet_filter;
        fd_port_write(&s->port, telnet_hello, sizeof(telnet_hello));
    }
    socket_rename(s);
    char_event(c, CHR_OPENED);
    if (c->fronts->len && !c->kept->len)
        fd_port_accept(&s->port);
}

static gboolean socket_incoming(int listen_fd, GIOCondition cond, void *o)
{
    SocketChar *s = o;
    int fd = sock_accept(listen_fd);
    if (fd < 0)
        return G_SOURCE_CONTINUE;
    socket_listen_on(s, false);
    socket_use(s, fd);
    return G_SOURCE_CONTINUE; /* removed already by listen_on(), or on again */
}

static void socket_listen_on(SocketChar *s, bool on)
{
    for (size_t i = 0; i < s->n_listen; i++) {
        if (on && !s->watch[i])
            s->watch[i] = g_unix_fd_add(s->listen[i], G_IO_IN, socket_incoming, s);
        if (!on && s->watch[i]) {
            g_source_remove(s->watch[i]);
            s->watch[i] = 0;
        }
    }
}

static void socket_connected(void *o, int fd, const GError *err)
{
    SocketChar *s = o;
    s->connecting = NULL;
    if (fd >= 0)
        socket_use(s, fd);
    else
        socket_next(s);
}

static void socket_connect_start(SocketChar *s)
{
    s->connecting = sock_connect_start(&s->addr, NULL, socket_connected, s);
}

/* ---- opening and closing ---- */

static bool socket_check(const SocketArgs *a, bool server, GError **err)
{
    if (a->tls_creds || a->tls_authz)
        user_fail(err, "TLS for chardevs is not supported yet");
    else if (a->websocket)
        user_fail(err, "WebSocket for chardevs is not supported yet");
    else if (a->tn3270)
        user_fail(err, "tn3270 is for s390 guests");
    else if (server && a->reconnect)
        user_fail(err, "'reconnect' is for clients: a server socket listens again by itself");
    else if (!server && a->wait == 1)
        user_fail(err, "'wait' is for servers: add server=on");
    else
        return true;
    return false;
}

static bool socket_open_server(SocketChar *s, bool wait, GError **err)
{
    if (s->addr.type == SOCK_FD) {
        s->listen[0] = sock_take_fd(s->addr.fd.str, err);
        s->n_listen = s->listen[0] >= 0;
    } else {
        uint16_t port = 0;
        s->n_listen = sock_listen(&s->addr, false, s->listen, &port, err);
        if (s->n_listen && s->addr.type == SOCK_INET && port) {
            g_free(s->addr.inet.port);
            s->addr.inet.port = g_strdup_printf("%u", port);
        }
    }
    s->chr.wait = wait;
    socket_listen_on(s, true);
    return s->n_listen;
}

static bool socket_open_client(SocketChar *s, GError **err)
{
    if (s->reconnect) {
        socket_connect_start(s);
        return true;
    }
    int fd =
        s->addr.type == SOCK_FD ? sock_take_fd(s->addr.fd.str, err) : sock_connect(&s->addr, err);
    if (fd < 0)
        return false;
    sock_set_blocking(fd, false);
    socket_use(s, fd);
    return true;
}

static bool socket_open(Chardev *c, const void *args, GError **err)
{
    const SocketArgs *a = args;
    SocketChar *s = socket_of(c);
    bool server = a->server == AUTO ? c->by_qmp : a->server;

    if (!socket_check(a, server, err))
        return false;
    s->server = server;
    s->telnet = a->telnet;
    s->nodelay = a->nodelay;
    s->reconnect = a->reconnect;
    s->port.in = s->port.out = -1;
    sock_addr_copy(&s->addr, &a->addr);
    bool wait = a->wait == AUTO ? !c->by_qmp : a->wait;
    if (server ? !socket_open_server(s, wait, err) : !socket_open_client(s, err)) {
        sock_addr_clear(&s->addr);
        return false;
    }
    socket_rename(s);
    return true;
}

static void socket_close(Chardev *c)
{
    SocketChar *s = socket_of(c);
    socket_listen_on(s, false);
    for (size_t i = 0; i < s->n_listen; i++)
        close(s->listen[i]);
    if (s->n_listen && s->addr.type == SOCK_UNIX)
        sock_unlink(&s->addr);
    if (s->connecting)
        sock_connect_cancel(s->connecting);
    if (s->retry)
        g_source_remove(s->retry);
    fd_port_close(&s->port);
    sock_addr_clear(&s->addr);
}

/* ---- output ---- */

/* A byte FFh is sent twice; half_iac: its second half is still to go. */
static size_t telnet_write(SocketChar *s, const uint8_t *p, size_t n)
{
    static const uint8_t iac[2] = { TELNET_IAC, TELNET_IAC };
    size_t done = 0;
    if (s->half_iac) {
        if (!fd_port_write(&s->port, iac, 1))
            return 0;
        s->half_iac = false;
    }
    while (done < n) {
        const uint8_t *ff = memchr(p + done, TELNET_IAC, n - done);
        size_t part = ff ? (size_t)(ff - p) - done : n - done;
        size_t k = part ? fd_port_write(&s->port, p + done, part) : 0;
        done += k;
        if (k < part)
            break;
        if (!ff)
            continue;
        k = fd_port_write(&s->port, iac, 2);
        done += k > 0;
        s->half_iac = k == 1;
        if (k < 2)
            break;
    }
    return done;
}

static size_t socket_write(Chardev *c, const void *p, size_t n)
{
    SocketChar *s = socket_of(c);
    if (s->port.out < 0)
        return n;
    return s->telnet ? telnet_write(s, p, n) : fd_port_write(&s->port, p, n);
}

static void socket_accept(Chardev *c)
{
    fd_port_accept(&socket_of(c)->port);
}

static bool socket_wait(Chardev *c, int ms)
{
    return fd_port_wait(&socket_of(c)->port, ms);
}

static const CharDriver char_socket = {
    .name = "socket",
    .desc = "TCP or UNIX stream socket",
    .size = sizeof(SocketChar),
    .props = SocketArgs_rows,
    .open = socket_open,
    .close = socket_close,
    .write = socket_write,
    .accept = socket_accept,
    .wait_writable = socket_wait,
};
REGISTER(chardev, char_socket);
