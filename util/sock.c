/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening, accepting, connecting. Addresses as text are sock-addr.c. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/sock.h"
#include "util/text.h"

static int sock_fail(GError **err, int fd, int error, const char *what, const char *where)
{
    g_set_error(err, SOCK_ERROR, error, "%s '%s': %s", what, where, g_strerror(error));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- internet ---- */

struct addrinfo *sock_resolve(const SockInet *a, int type, bool listening, GError **err)
{
    struct addrinfo hints = { .ai_socktype = type }, *found = NULL;
    const char *host = *a->host ? a->host : listening ? NULL : "localhost";
    uint64_t number;
    int error;

    hints.ai_flags = (listening ? AI_PASSIVE : 0) | (a->numeric ? AI_NUMERICHOST : 0);
    if (a->ipv4 == 0 && a->ipv6 == 0) {
        g_set_error_literal(err, SOCK_ERROR, EINVAL, "Cannot disable IPv4 and IPv6 at same time");
        return NULL;
    }
    /* getaddrinfo() takes a larger number modulo 65536 */
    if (text_uint(a->port, &number) && number > 65535) {
        g_set_error(err, SOCK_ERROR, EINVAL, "port '%s' is too large: at most 65535", a->port);
        return NULL;
    }
    if (a->ipv4 == 0 || (a->ipv6 == 1 && a->ipv4 != 1))
        hints.ai_family = AF_INET6;
    else if (a->ipv6 == 0 || (a->ipv4 == 1 && a->ipv6 != 1))
        hints.ai_family = AF_INET;
    error = getaddrinfo(host, a->port, &hints, &found);
    if (error)
        g_set_error(err, SOCK_ERROR, EHOSTUNREACH, "address resolution failed for %s:%s: %s",
                    a->host, a->port,
                    error == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(error));
    return found;
}

static void set_port(struct sockaddr *addr, uint16_t port)
{
    if (addr->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)addr)->sin_port = htons(port);
}

static uint16_t get_port(const struct sockaddr *addr)
{
    return ntohs(addr->sa_family == AF_INET6 ? ((struct sockaddr_in6 *)addr)->sin6_port
                                             : ((struct sockaddr_in *)addr)->sin_port);
}

/* -errno. An IPv6 socket takes IPv6 only: 0.0.0.0 gets a socket of its own. */
static int listen_on(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, error;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 16) == 0)
        return fd;
    error = -errno;
    close(fd);
    return error;
}

/* One port on all addresses. An address family the host lacks is no error while another works. */
static size_t listen_port(struct addrinfo *list, uint16_t port, bool first_only, int *fds,
                          int *error)
{
    size_t n = 0;

    for (struct addrinfo *ai = list; ai && n < SOCK_MAX_LISTEN; ai = ai->ai_next) {
        int fd;

        if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
            continue;
        set_port(ai->ai_addr, port);
        fd = listen_on(ai);
        if (fd >= 0) {
            fds[n++] = fd;
            if (first_only)
                break;
        } else if (fd == -EADDRINUSE && !first_only) {
            *error = fd;
            while (n > 0)
                close(fds[--n]); /* half a server would surprise: the next port */
            return 0;
        } else {
            *error = fd;
        }
    }
    return n;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);

    return getsockname(fd, (struct sockaddr *)&addr, &len) ? 0 : get_port((struct sockaddr *)&addr);
}

static size_t inet_listen(const SockInet *a, bool first_only, int *fds, uint16_t *port,
                          GError **err)
{
    struct addrinfo *list = sock_resolve(a, SOCK_STREAM, true, err);
    g_autofree char *where = g_strdup_printf("%s:%s", a->host, a->port);
    int error = -EADDRNOTAVAIL;
    size_t n = 0;
    int first, last;

    if (!list)
        return 0;
    first = get_port(list->ai_addr);
    last = MIN(MAX(a->to, first), 65535);
    for (int p = first; p <= last && !n; p++)
        n = listen_port(list, p, first_only, fds, &error);
    freeaddrinfo(list);
    if (!n)
        sock_fail(err, -1, -error, "Failed to find an available port on", where);
    else if (port)
        *port = bound_port(fds[0]);
    return n;
}

/* connect() of a non-blocking socket, waited for. -errno. */
static int connect_wait(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct pollfd p = { fd, POLLOUT, 0 };
    int error = 0;
    socklen_t n = sizeof(error);

    if (connect(fd, addr, len) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    while (poll(&p, 1, -1) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
    return -error;
}

static int inet_connect(const SockInet *a, GError **err)
{
    struct addrinfo *list = sock_resolve(a, SOCK_STREAM, false, err);
    g_autofree char *where = g_strdup_printf("%s:%s", a->host, a->port);
    int fd = -1, error = -EADDRNOTAVAIL, on = 1;

    if (!list)
        return -1;
    for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
        fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        error = fd < 0 ? -errno : connect_wait(fd, ai->ai_addr, ai->ai_addrlen);
        if (error && fd >= 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0)
        return sock_fail(err, -1, -error, "Failed to connect to", where);
    if (a->keep_alive)
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    return fd;
}

/* ---- UNIX, vsock, passed in ---- */

/* 0: the path is too long */
static socklen_t unix_address(const SockUnix *a, struct sockaddr_un *addr, GError **err)
{
    size_t n = strlen(a->path), most = sizeof(addr->sun_path) - 1;

    memset(addr, 0, sizeof(*addr));
    addr->sun_family = AF_UNIX;
    if (n > most) {
        g_set_error(err, SOCK_ERROR, ENAMETOOLONG,
                    "UNIX socket path '%s' is too long: %zu bytes at most", a->path, most);
        return 0;
    }
    memcpy(addr->sun_path + a->abstract, a->path, n);
    if (a->abstract && a->tight != 0)
        return offsetof(struct sockaddr_un, sun_path) + 1 + n;
    return sizeof(*addr);
}

/* What is left of another process's socket; other files stay. */
static void unlink_socket(const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
}

static int unix_listen(const SockUnix *a, GError **err)
{
    struct sockaddr_un addr;
    socklen_t len = unix_address(a, &addr, err);
    int fd;

    if (!len)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sock_fail(err, -1, errno, "Failed to create a socket for", a->path);
    if (!a->abstract)
        unlink_socket(a->path);
    if (bind(fd, (struct sockaddr *)&addr, len) < 0)
        return sock_fail(err, fd, errno, "Failed to bind socket to", a->path);
    if (listen(fd, 16) < 0)
        return sock_fail(err, fd, errno, "Failed to listen on", a->path);
    return fd;
}

static int unix_connect(const SockUnix *a, GError **err)
{
    struct sockaddr_un addr;
    socklen_t len = unix_address(a, &addr, err);
    int fd, error;

    if (!len)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    error = fd < 0 ? -errno : connect_wait(fd, (struct sockaddr *)&addr, len);
    if (error)
        return sock_fail(err, fd, -error, "Failed to connect to", a->path);
    return fd;
}

static int vsock_open(const SockVsock *a, bool listening, GError **err)
{
    struct sockaddr_vm addr = { .svm_family = AF_VSOCK };
    uint64_t cid, port;
    int fd, error;

    if (!text_uint(a->cid, &cid) || cid > UINT32_MAX || !text_uint(a->port, &port) ||
        port > UINT32_MAX) {
        g_set_error(err, SOCK_ERROR, EINVAL, "vsock address '%s:%s' is not two numbers", a->cid,
                    a->port);
        return -1;
    }
    addr.svm_cid = cid;
    addr.svm_port = port;
    fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        error = -errno;
    else if (listening)
        error = bind(fd, (void *)&addr, sizeof(addr)) || listen(fd, 16) ? -errno : 0;
    else
        error = connect_wait(fd, (void *)&addr, sizeof(addr));
    if (error)
        return sock_fail(err, fd, -error, "Failed to open vsock", a->cid);
    return fd;
}

int sock_take_fd(const char *number, GError **err)
{
    uint64_t n;
    int type;
    socklen_t len = sizeof(type);

    if (!text_uint(number, &n) || n > INT32_MAX) {
        g_set_error(err, SOCK_ERROR, EINVAL, "'%s' is not the number of a file descriptor", number);
        return -1;
    }
    if (getsockopt(n, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
        return sock_fail(err, -1, errno, "No socket on file descriptor", number);
    sock_set_blocking(n, false);
    fcntl(n, F_SETFD, FD_CLOEXEC);
    return n;
}

/* ---- all kinds ---- */

size_t sock_listen(const SockAddr *a, bool first_only, int fds[SOCK_MAX_LISTEN], uint16_t *port,
                   GError **err)
{
    switch (a->type) {
    case SOCK_INET: return inet_listen(&a->inet, first_only, fds, port, err);
    case SOCK_UNIX: fds[0] = unix_listen(&a->un, err); break;
    case SOCK_VSOCK: fds[0] = vsock_open(&a->vsock, true, err); break;
    default:
        fds[0] = sock_take_fd(a->fd.str, err);
        /* whoever passed it may have called listen() already: twice does no harm */
        if (fds[0] >= 0 && listen(fds[0], 16) < 0) {
            sock_fail(err, -1, errno, "Failed to listen on file descriptor", a->fd.str);
            fds[0] = -1;
        }
    }
    return fds[0] >= 0;
}

int sock_connect(const SockAddr *a, GError **err)
{
    switch (a->type) {
    case SOCK_INET: return inet_connect(&a->inet, err);
    case SOCK_UNIX: return unix_connect(&a->un, err);
    case SOCK_VSOCK: return vsock_open(&a->vsock, false, err);
    default: return sock_take_fd(a->fd.str, err);
    }
}

int sock_accept(int fd)
{
    int peer;

    do {
        peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (peer < 0 && (errno == EINTR || errno == ECONNABORTED));
    return peer;
}

void sock_unlink(const SockAddr *a)
{
    if (a->type == SOCK_UNIX && !a->un.abstract)
        unlink_socket(a->un.path);
}

void sock_set_nodelay(int fd, bool on)
{
    int value = on;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value));
}

bool sock_set_blocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0;
}

/* ---- connecting without waiting ---- */

/*
 * Two owners: the thread, and whoever waits for done(). The thread's result travels in the struct;
 * the idle source that hands it over runs on the context, where cancel is called too, so `done`
 * needs no lock.
 */
struct SockConnect {
    gatomicrefcount ref;
    SockAddr addr;
    GMainContext *context;
    SockDone *done;
    void *o;
    int fd;
    GError *err;
};

static void connect_unref(void *p)
{
    SockConnect *c = p;

    if (!g_atomic_ref_count_dec(&c->ref))
        return;
    if (c->fd >= 0)
        close(c->fd);
    g_clear_error(&c->err);
    sock_addr_clear(&c->addr);
    if (c->context)
        g_main_context_unref(c->context);
    g_free(c);
}

static gboolean connect_deliver(void *p)
{
    SockConnect *c = p;
    SockDone *done = c->done;
    int fd = c->fd;

    if (done) {
        c->fd = -1;
        c->done = NULL;
        done(c->o, fd, c->err);
        connect_unref(c); /* the waiting side's */
    }
    return G_SOURCE_REMOVE;
}

static void *connect_thread(void *p)
{
    SockConnect *c = p;
    GSource *source = g_idle_source_new();

    c->fd = sock_connect(&c->addr, &c->err);
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, connect_deliver, c, connect_unref);
    g_source_attach(source, c->context);
    g_source_unref(source);
    return NULL;
}

SockConnect *sock_connect_start(const SockAddr *addr, GMainContext *context, SockDone *done,
                                void *o)
{
    SockConnect *c = g_new0(SockConnect, 1);

    g_atomic_ref_count_init(&c->ref);
    g_atomic_ref_count_inc(&c->ref);
    sock_addr_copy(&c->addr, addr);
    c->context = context ? g_main_context_ref(context) : NULL;
    c->done = done;
    c->o = o;
    c->fd = -1;
    g_thread_unref(g_thread_new("connect", connect_thread, c));
    return c;
}

void sock_connect_cancel(SockConnect *c)
{
    c->done = NULL;
    connect_unref(c);
}
