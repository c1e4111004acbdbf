/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of a socket address. */
#include "core/sockaddr.h"

const char *const sock_kind_names[] = {
    [SOCK_INET] = "inet", [SOCK_UNIX] = "unix", [SOCK_VSOCK] = "vsock", [SOCK_FD] = "fd", NULL,
};

/* clang-format off */
const Prop SockInet_rows[] = {
    NEED_STR  (SockInet, host,       "host",                   "host name or address"),
    NEED_STR  (SockInet, port,       "port",                   "port number or service"),
    PROP_BOOL (SockInet, numeric,    "numeric",    false,      "host is an address: no look-up"),
    PROP_RANGE(SockInet, to,         "to", -1, 0, 65535,       "last port to try when listening"),
    PROP_BOOL (SockInet, ipv4,       "ipv4",       AUTO,       "use IPv4"),
    PROP_BOOL (SockInet, ipv6,       "ipv6",       AUTO,       "use IPv6"),
    PROP_BOOL (SockInet, keep_alive, "keep-alive", false,      "probe an idle connection"),
    PROP_END  (SockInet)
};
const Prop SockUnix_rows[] = {
    NEED_STR  (SockUnix, path,       "path",                   "path of the socket"),
    PROP_BOOL (SockUnix, abstract,   "abstract",   false,      "a name outside the file system"),
    PROP_BOOL (SockUnix, tight,      "tight",      true,       "abstract name without padding"),
    PROP_END  (SockUnix)
};
const Prop SockVsock_rows[] = {
    NEED_STR  (SockVsock, cid,       "cid",                    "context id of the host"),
    NEED_STR  (SockVsock, port,      "port",                   "port number"),
    PROP_END  (SockVsock)
};
const Prop SockFd_rows[] = {
    NEED_STR  (SockFd,   str,        "str",                    "number of an open descriptor"),
    PROP_ALIAS("fd", "str"),
    PROP_END  (SockFd)
};
const Prop SockAddr_rows[] = {
    NEED_ENUM (SockAddr, type,       "type", sock_kind_names,  "kind of address"),
    PROP_CASE (SockAddr, inet,       SOCK_INET,  SockInet),
    PROP_CASE (SockAddr, un,         SOCK_UNIX,  SockUnix),
    PROP_CASE (SockAddr, vsock,      SOCK_VSOCK, SockVsock),
    PROP_CASE (SockAddr, fd,         SOCK_FD,    SockFd),
    PROP_END  (SockAddr)
};
const Prop SockAddrLegacy_rows[] = {
    NEED_ENUM (SockAddr, type,       "type", sock_kind_names,  "kind of address"),
    PROP_CASE (SockAddr, inet,       SOCK_INET,  SockInet,     PROP_DATA),
    PROP_CASE (SockAddr, un,         SOCK_UNIX,  SockUnix,     PROP_DATA),
    PROP_CASE (SockAddr, vsock,      SOCK_VSOCK, SockVsock,    PROP_DATA),
    PROP_CASE (SockAddr, fd,         SOCK_FD,    SockFd,       PROP_DATA),
    PROP_END  (SockAddr)
};
/* clang-format on */
