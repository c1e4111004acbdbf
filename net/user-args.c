/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of -netdev user: also in a build without libslirp, for -tftp and the like. */
#include "net/net-int.h"
#include "net/user.h"

#include <string.h>

/* clang-format off */
const Prop NetText_rows[] = { NEED_STR(NetText, str, "str", "its text"), PROP_END(NetText) };

const Prop UserArgs_rows[] = {
    PROP_STR (UserArgs, hostname,     "hostname",     NULL,  "the guest's name, told by DHCP"),
    PROP_BOOL(UserArgs, restrict_net, "restrict",     false, "the guest reaches nothing but what is forwarded"),
    PROP_BOOL(UserArgs, ipv4,         "ipv4",         AUTO,  "IPv4 (default on)"),
    PROP_BOOL(UserArgs, ipv6,         "ipv6",         AUTO,  "IPv6 (default on)"),
    PROP_STR (UserArgs, ip,           "ip",           NULL,  "the older name of net", PROP_HIDDEN),
    PROP_STR (UserArgs, net,          "net",          NULL,  "the network, addr[/mask] (default 10.0.2.0/24)"),
    PROP_STR (UserArgs, host,         "host",         NULL,  "the host's address in it (default x.x.x.2)"),
    PROP_STR (UserArgs, tftp,         "tftp",         NULL,  "directory that the TFTP server shows"),
    PROP_STR (UserArgs, bootfile,     "bootfile",     NULL,  "file that DHCP names for booting"),
    PROP_STR (UserArgs, dhcpstart,    "dhcpstart",    NULL,  "first of 16 addresses for guests (default x.x.x.15)"),
    PROP_STR (UserArgs, dns,          "dns",          NULL,  "the name server's address (default x.x.x.3)"),
    PROP_LIST(UserArgs, dnssearch,    "dnssearch",    NetText, "domain that names are searched in; may be repeated"),
    PROP_STR (UserArgs, domainname,   "domainname",   NULL,  "the guest's domain, told by DHCP"),
    PROP_STR (UserArgs, ipv6_prefix,  "ipv6-prefix",  NULL,  "the IPv6 network (default fec0::)"),
    PROP_INT (UserArgs, ipv6_prefixlen, "ipv6-prefixlen", 0, "its length (default 64)"),
    PROP_STR (UserArgs, ipv6_host,    "ipv6-host",    NULL,  "the host's IPv6 address (default xxxx::2)"),
    PROP_STR (UserArgs, ipv6_dns,     "ipv6-dns",     NULL,  "the name server's IPv6 address (default xxxx::3)"),
    PROP_STR (UserArgs, smb,          "smb",          NULL,  "directory that smbd shares"),
    PROP_STR (UserArgs, smbserver,    "smbserver",    NULL,  "its address (default x.x.x.4)"),
    PROP_LIST(UserArgs, hostfwd,      "hostfwd",      NetText, "[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport; may be repeated"),
    PROP_LIST(UserArgs, guestfwd,     "guestfwd",     NetText, "tcp:server:port-chardev or -cmd:command; may be repeated"),
    PROP_STR (UserArgs, tftp_server_name, "tftp-server-name", NULL, "name of the TFTP server, told by DHCP"),
    PROP_ALIAS("ipv6-net", "ipv6-prefix"),
    PROP_END (UserArgs)
};
/* clang-format on */

bool net_is_user(const NetPort *p)
{
    return p->type && strcmp(p->type->name, "user") == 0;
}
