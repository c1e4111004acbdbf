/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames over a socket. A stream has each frame's length before it, 4 bytes, most significant
 * first; a datagram is a frame. Private to net/. Main or a vCPU, machine lock held.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <sys/socket.h>

#include "net/net-int.h"

enum { WIRE_ROOM = 4 + NET_MAX_FRAME };

typedef struct Wire {
    NetPort *port;
    int fd; /* -1: nobody is there: what the guest sends is lost, as with a cable that ends nowhere
             */
    bool stream;
    struct sockaddr_storage to; /* of datagrams; to_len 0: the socket is connected */
    socklen_t to_len;
    void (*lost)(struct Wire *); /* a stream ended; fd is closed */
    guint in_watch, out_watch;
    size_t have, at;         /* in[at, have): the peer has yet to take it */
    size_t out_have, out_at; /* the rest of a frame that the socket had no room for */
    uint8_t in[WIRE_ROOM], out[WIRE_ROOM];
} Wire;

void wire_init(Wire *, NetPort *);
void wire_start(Wire *, int take_fd, bool stream);
void wire_stop(Wire *); /* closes fd */
ssize_t wire_receive(Wire *, const struct iovec *, int n);
void wire_resume(Wire *);

#endif
