/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user network: its arguments, and what the monitor and old options ask of it. Main, locked. */
#ifndef NET_USER_H
#define NET_USER_H

#include "config.h"
#include "net/net.h"

/* One element of dnssearch=, hostfwd=, guestfwd=: in QMP {"str": "..."} */
typedef struct NetText {
    char *str;
} NetText;
LIST_TYPE(NetText);

typedef struct UserArgs {
    char *hostname, *net, *ip, *host, *tftp, *bootfile, *dhcpstart, *dns, *domainname;
    char *ipv6_prefix, *ipv6_host, *ipv6_dns, *smb, *smbserver, *tftp_server_name;
    NetTextList dnssearch, hostfwd, guestfwd;
    int64_t ipv6_prefixlen;
    bool restrict_net;
    Tri ipv4, ipv6;
} UserArgs;
extern const Prop UserArgs_rows[];

bool net_is_user(const NetPort *);

#ifdef CONFIG_SLIRP
/*
 * "[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport"; removing: up to the '-'. Host port 0 takes
 * a free one: *asked is then 0, *port the one that was free.
 */
bool user_hostfwd_add(NetPort *, const char *rule, uint16_t *asked, uint16_t *port, GError **);
/* *found: there was such a rule; false: it cannot be read */
bool user_hostfwd_remove(NetPort *, const char *rule, bool *found, GError **);
/* The table of info usernet. */
char *user_connections(NetPort *);
#endif

/*
 * What is at the other end of guestfwd=tcp:A:P-DEV, when DEV is a character back end. net/ knows
 * no chardevs (docs/architecture.md, 3): system/ registers how to open one.
 */
typedef struct NetStream NetStream;
typedef struct NetStreamUser {
    size_t (*receive)(void *o, const uint8_t *, size_t); /* taken; fewer: accept() follows */
    void (*writable)(void *o);                           /* write() took less; now it takes more */
} NetStreamUser;
typedef struct NetStreamOps {
    const char *name;
    NetStream *(*open)(Vm *, const char *label, const char *text, const NetStreamUser *, void *o,
                       GError **);
    size_t (*write)(NetStream *, const void *, size_t);
    void (*accept)(NetStream *);
    void (*close)(NetStream *);
} NetStreamOps;
typedef NetStreamOps set_netstream_t;

#endif
