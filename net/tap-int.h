/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to net/tap*.c: how a TAP descriptor comes to be (tap-open.c) and how it ends. */
#ifndef NET_TAP_INT_H
#define NET_TAP_INT_H

#include "net/net-int.h"

typedef struct TapArgs {
    char *ifname, *fd, *fds, *script, *downscript, *br, *helper, *vhostfd, *vhostfds;
    uint64_t sndbuf;
    uint32_t queues, poll_us;
    Tri vnet_hdr, vhost, vhostforce;
} TapArgs;

/* 16: IFNAMSIZ */
enum { TAP_NAME = 16 };

/* -1 and an error. *vnet_hdr: frames begin with a header; ifname is filled where that is known */
int tap_open_device(const TapArgs *, char ifname[TAP_NAME], bool *vnet_hdr, GError **);
int tap_open_fd(const char *number, char ifname[TAP_NAME], bool *vnet_hdr, GError **);
int tap_open_helper(const char *helper, const char *br, char ifname[TAP_NAME], bool *vnet_hdr,
                    GError **);
/* NULL, "" or "no": nothing to run */
bool tap_script(const char *script, const char *ifname, GError **);
bool tap_no_script(const char *script);

extern const char tap_default_helper[];

#endif
