/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames over stream and datagram sockets, with back-pressure both ways: net/wire.h. */
#include "net/wire.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/iov.h"
#include "util/log.h"
#include "util/sock.h"

enum { TURN = 64 }; /* frames before others in the loop get their turn */

static void wire_lost(Wire *w)
{
    wire_stop(w);
    net_resume(w->port);
    if (w->lost)
        w->lost(w);
}

/* ---- from the socket ---- */

typedef enum { PASS_ALL, PASS_FULL, PASS_BAD } Pass;

static Pass pass_datagram(Wire *w)
{
    if (net_send_buf(w->port, w->in, w->have) == 0)
        return PASS_FULL;
    w->have = 0;
    return PASS_ALL;
}

static Pass pass_stream(Wire *w)
{
    while (w->have - w->at >= 4) {
        uint32_t n = get_be32(w->in + w->at);

        if (n > NET_MAX_FRAME)
            return PASS_BAD;
        if (w->have - w->at - 4 < n)
            break;
        if (net_send_buf(w->port, w->in + w->at + 4, n) == 0)
            return PASS_FULL;
        w->at += 4 + n;
    }
    memmove(w->in, w->in + w->at, w->have - w->at);
    w->have -= w->at;
    w->at = 0;
    return PASS_ALL;
}

/* false: nothing more for now */
static bool wire_read(Wire *w)
{
    ssize_t n;

    do {
        n = recv(w->fd, w->in + w->have, WIRE_ROOM - w->have, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0 || (n == 0 && !w->stream)) {
        w->have += (size_t)n;
        return n > 0;
    }
    if (n == 0 || (errno != EAGAIN && w->stream))
        wire_lost(w);
    return false; /* a datagram's ECONNREFUSED: the peer is not there yet */
}

static gboolean wire_readable(gint fd, GIOCondition what, gpointer o)
{
    Wire *w = o;

    for (int i = 0; i < TURN && wire_read(w); i++) {
        Pass p = w->stream ? pass_stream(w) : pass_datagram(w);

        if (p == PASS_FULL) {
            w->in_watch = 0;
            return G_SOURCE_REMOVE;
        }
        if (p == PASS_BAD) {
            warn_print("netdev %s: what came is no frame: the connection is closed", w->port->name);
            wire_lost(w);
            return G_SOURCE_REMOVE;
        }
    }
    return w->in_watch ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void wire_watch(Wire *w)
{
    if (!w->in_watch && w->fd >= 0)
        w->in_watch = g_unix_fd_add(w->fd, G_IO_IN, wire_readable, w);
}

void wire_resume(Wire *w)
{
    Pass p = PASS_ALL;

    if (w->fd < 0)
        return;
    if (w->have)
        p = w->stream ? pass_stream(w) : pass_datagram(w);
    if (p == PASS_BAD)
        wire_lost(w);
    else if (p == PASS_ALL)
        wire_watch(w);
}

/* ---- to the socket ---- */

static gboolean wire_writable(gint fd, GIOCondition what, gpointer o);

static void wait_for_room(Wire *w)
{
    if (!w->out_watch)
        w->out_watch = g_unix_fd_add(w->fd, G_IO_OUT, wire_writable, w);
}

/* What is left of the last frame; false: there is no room yet, or nobody any more. */
static bool wire_flush(Wire *w)
{
    while (w->out_at < w->out_have) {
        ssize_t n = send(w->fd, w->out + w->out_at, w->out_have - w->out_at, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        w->out_at += (size_t)n;
    }
    w->out_at = w->out_have = 0;
    return true;
}

static gboolean wire_writable(gint fd, GIOCondition what, gpointer o)
{
    Wire *w = o;

    if (!wire_flush(w) && errno == EAGAIN)
        return G_SOURCE_CONTINUE;
    /* an error is the reader's affair: it ends the stream */
    w->out_watch = 0;
    w->out_at = w->out_have = 0;
    net_resume(w->port);
    return G_SOURCE_REMOVE;
}

static ssize_t send_stream(Wire *w, const struct iovec *iov, int n)
{
    size_t len = iov_bytes(iov, n);

    if (w->out_have)
        return 0;
    put_be32(w->out, (uint32_t)len);
    iov_to_buf(iov, n, 0, w->out + 4, len);
    w->out_have = 4 + len;
    if (!wire_flush(w))
        wait_for_room(w);
    return (ssize_t)len;
}

static ssize_t send_datagram(Wire *w, const struct iovec *iov, int n)
{
    size_t len = iov_bytes(iov, n);
    ssize_t done;

    iov_to_buf(iov, n, 0, w->out, len);
    do {
        done = sendto(w->fd, w->out, len, MSG_NOSIGNAL,
                      w->to_len ? (const struct sockaddr *)&w->to : NULL, w->to_len);
    } while (done < 0 && errno == EINTR);
    if (done < 0 && errno == EAGAIN) {
        wait_for_room(w);
        return 0;
    }
    if (done < 0)
        LOG(LOG_GUEST_ERRORS, "net: %s: a frame is lost: %s\n", w->port->name, g_strerror(errno));
    return (ssize_t)len;
}

ssize_t wire_receive(Wire *w, const struct iovec *iov, int n)
{
    if (w->fd < 0)
        return 1;
    return w->stream ? send_stream(w, iov, n) : send_datagram(w, iov, n);
}

/* ---- beginning and end ---- */

void wire_init(Wire *w, NetPort *port)
{
    w->port = port;
    w->fd = -1;
}

void wire_start(Wire *w, int take_fd, bool stream)
{
    w->fd = take_fd;
    w->stream = stream;
    w->have = w->at = w->out_have = w->out_at = 0;
    sock_set_blocking(take_fd, false);
    if (stream)
        sock_set_nodelay(take_fd, true);
    wire_watch(w);
}

void wire_stop(Wire *w)
{
    if (w->in_watch)
        g_source_remove(w->in_watch);
    if (w->out_watch)
        g_source_remove(w->out_watch);
    w->in_watch = w->out_watch = 0;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    w->have = w->at = 0;
}
