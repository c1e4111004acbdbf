/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of a socket address, for options and QMP. SockAddr is flat in JSON ({"type": "inet",
 * "host": ...}); SockAddrLegacy has its members below "data", as chardev-add and nbd-server-start
 * want it. In key=value text both are flat, and the kind follows from the keys given.
 */
#ifndef CORE_SOCKADDR_H
#define CORE_SOCKADDR_H

#include "core/prop.h"
#include "util/sock.h"

typedef SockAddr SockAddrLegacy; /* the same struct, other rows */

extern const Prop SockInet_rows[], SockUnix_rows[], SockVsock_rows[], SockFd_rows[];
extern const Prop SockAddr_rows[], SockAddrLegacy_rows[];
extern const char *const sock_kind_names[];

#endif
