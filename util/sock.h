/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets for chardevs, VNC, NBD and migration: TCP over IPv4 and IPv6, UNIX paths and descriptors
 * that were passed in. Every descriptor made here is non-blocking and closed on exec. Errors name
 * the address as the user wrote it. The rows for options and QMP are core/sockaddr.h.
 */
#ifndef UTIL_SOCK_H
#define UTIL_SOCK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The code is an errno value. */
#define SOCK_ERROR (sock_error_quark())
GQuark sock_error_quark(void);

typedef enum { SOCK_INET, SOCK_UNIX, SOCK_VSOCK, SOCK_FD } SockKind;

typedef struct SockInet {
    char *host, *port; /* host "": every address (listen), localhost (connect) */
    int32_t to;        /* listen: the last port to try; -1: only port */
    int8_t ipv4, ipv6; /* -1: not said, 0, 1 */
    bool numeric, keep_alive;
} SockInet;
typedef struct SockUnix {
    char *path;
    bool abstract;
    int8_t tight; /* an abstract name is as long as its text (default), not padded with zeros */
} SockUnix;
typedef struct SockVsock {
    char *cid, *port;
} SockVsock;
typedef struct SockFd {
    char *str; /* a number; names of the monitor's getfd are looked up by the caller */
} SockFd;

typedef struct SockAddr {
    uint8_t type; /* SockKind */
    union {
        SockInet inet;
        SockUnix un;
        SockVsock vsock;
        SockFd fd;
    };
} SockAddr;

/*
 * "host:port", "[v6]:port", ":port", with ",to=N,ipv4,ipv6"; "tcp:..." the same; "unix:path";
 * "fd:N"; "vsock:cid:port". sock_addr_clear() frees the strings and zeroes it.
 */
bool sock_addr_parse(const char *text, SockAddr *, GError **);
void sock_addr_copy(SockAddr *to, const SockAddr *from);
void sock_addr_clear(SockAddr *);

/* "tcp:127.0.0.1:4444", "tcp:[::1]:4444", "unix:/path", "fd:5": as info chardev shows it */
char *sock_addr_text(const SockAddr *);

/*
 * Listens on every address the host resolves to; first_only: on the first that can be bound.
 * Returns how many descriptors there are in fds, 0 and an error when there is none. A stale UNIX
 * path is removed first. With inet.to, *port (may be NULL) is the port that was free.
 */
enum { SOCK_MAX_LISTEN = 8 };
size_t sock_listen(const SockAddr *, bool first_only, int fds[SOCK_MAX_LISTEN], uint16_t *port,
                   GError **);

/* -1 and errno as accept() has it (EAGAIN: nobody there) */
int sock_accept(int fd);

/* Removes a UNIX socket's path; no other kind of file. */
void sock_unlink(const SockAddr *);

/* Waits, name look-up and all. -1 and an error. For tools and worker threads. */
int sock_connect(const SockAddr *, GError **);

/*
 * The same without waiting: a thread of its own, then done() on the context. fd -1: err says why,
 * done() does not own it. Nothing comes after sock_connect_cancel().
 */
typedef struct SockConnect SockConnect;
typedef void SockDone(void *o, int fd, const GError *err);
SockConnect *sock_connect_start(const SockAddr *, GMainContext *, SockDone *done, void *o);
void sock_connect_cancel(SockConnect *);

/*
 * What getaddrinfo() finds for a host and port, of that type (SOCK_STREAM, SOCK_DGRAM); the caller
 * frees it. NULL and an error: no such host, a port that is none.
 */
struct addrinfo *sock_resolve(const SockInet *, int type, bool listening, GError **);

/* A descriptor number, passed in by whoever started us; checked to be a socket. */
int sock_take_fd(const char *number, GError **);

void sock_set_nodelay(int fd, bool on);
bool sock_set_blocking(int fd, bool on);

/* What one end of a socket is called. family: "ipv4", "ipv6", "unix", "vsock", "unknown". */
typedef struct SockName {
    const char *family;
    char *host, *service; /* numeric; UNIX: the path (or "") and "" */
} SockName;
bool sock_name(int fd, bool peer, SockName *);
void sock_name_clear(SockName *);
char *sock_name_text(int fd, bool peer); /* "127.0.0.1:5900", "[::1]:5900", "/path" */

#endif
