/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of a user network. As 7.2: without a mask the network's class and the private
 * blocks of RFC 1918 decide; host, DHCP, name and SMB server are x.x.2.2, .15, .3, .4 inside it.
 */
#include <string.h>
#include <unistd.h>

#include "net/user-int.h"
#include "util/log.h"
#include "util/text.h"

enum { MAX_NAME = 255, MAX_BOOTFILE = 127, DEFAULT_PREFIX = 64, MAX_PREFIX = 126 };

bool user_address(const char *what, const char *text, struct in_addr *a, GError **err)
{
    return inet_pton(AF_INET, text, a) == 1 ||
           user_fail(err, "Failed to parse %s: '%s' is no IPv4 address", what, text);
}

/* ---- IPv4; everything in host order here ---- */

static uint32_t natural_mask(uint32_t net)
{
    static const struct {
        uint32_t net, bits;
    } blocks[] = { { 0x0a000000, 8 }, { 0xac100000, 12 }, { 0xc0a80000, 16 }, { 0xc6120000, 15 } };

    for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++) {
        uint32_t mask = ~0u << (32 - blocks[i].bits);

        if ((net & mask) == blocks[i].net)
            return mask;
    }
    return net < 0x80000000 ? 0xff000000 : net < 0xc0000000 ? 0xffff0000 : 0xffffff00;
}

static bool parse_mask(const char *text, uint32_t *mask, GError **err)
{
    struct in_addr a;
    int64_t bits;

    if (inet_pton(AF_INET, text, &a) == 1)
        *mask = ntohl(a.s_addr);
    else if (text_int(text, &bits) && bits >= 4 && bits <= 32)
        *mask = ~0u << (32 - bits);
    else
        return user_fail(err, "Failed to parse netmask '%s'", text);
    return !(~*mask & (~*mask + 1)) ||
           user_fail(err, "Failed to parse netmask '%s': its ones are not at its beginning", text);
}

static bool parse_net(const char *text, uint32_t *net, uint32_t *mask, GError **err)
{
    g_auto(GStrv) part = g_strsplit(text, "/", 2);
    struct in_addr a;

    if (!part[0] || inet_pton(AF_INET, part[0], &a) != 1)
        return user_fail(err, "Failed to parse net: '%s' is no IPv4 address",
                         part[0] ? part[0] : "");
    *net = ntohl(a.s_addr);
    *mask = natural_mask(*net);
    if (part[1] && !parse_mask(part[1], mask, err))
        return false;
    *net &= *mask;
    return true;
}

typedef struct Net4 {
    uint32_t net, mask;
} Net4;

/* An address of the network: what was written, or the usual one. */
static bool inside(const Net4 *n, const char *what, const char *text, uint32_t usual,
                   struct in_addr *out, GError **err)
{
    out->s_addr = htonl(n->net | (usual & ~n->mask));
    if (text && !user_address(what, text, out, err))
        return false;
    return (ntohl(out->s_addr) & n->mask) == n->net ||
           user_fail(err, "%s doesn't belong to network", what);
}

static bool conf4(const UserArgs *a, UserConf *u, struct in_addr *net, GError **err)
{
    Net4 n;
    const char *text = a->net ? a->net : a->ip;
    SlirpConfig *c = &u->c;

    if (!parse_net(text ? text : "10.0.2.0/24", &n.net, &n.mask, err) ||
        !inside(&n, "Host", a->host, 0x0202, &c->vhost, err) ||
        !inside(&n, "DHCP", a->dhcpstart, 0x020f, &c->vdhcp_start, err) ||
        !inside(&n, "DNS", a->dns, 0x0203, &c->vnameserver, err) ||
        !inside(&n, "SMB server", a->smbserver, 0x0204, &u->smb_server, err))
        return false;
    net->s_addr = c->vnetwork.s_addr = htonl(n.net);
    c->vnetmask.s_addr = htonl(n.mask);
    if (c->vnameserver.s_addr == c->vhost.s_addr)
        return user_fail(err, "DNS must be different from host");
    if (c->vdhcp_start.s_addr == c->vhost.s_addr || c->vdhcp_start.s_addr == c->vnameserver.s_addr)
        return user_fail(err, "DHCP must be different from host and DNS");
    if (a->smbserver &&
        (u->smb_server.s_addr == c->vhost.s_addr || u->smb_server.s_addr == c->vnameserver.s_addr))
        return user_fail(err, "SMB server must be different from host and DNS");
    return true;
}

/* ---- IPv6 ---- */

static bool same_prefix(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return !memcmp(a, b, whole) &&
           (!rest || !((a->s6_addr[whole] ^ b->s6_addr[whole]) >> (8 - rest)));
}

static bool inside6(const SlirpConfig *c, const char *what, const char *text, uint8_t usual,
                    struct in6_addr *out, GError **err)
{
    *out = c->vprefix_addr6;
    out->s6_addr[15] |= usual;
    if (text && inet_pton(AF_INET6, text, out) != 1)
        return user_fail(err, "Failed to parse IPv6 %s: '%s'", what, text);
    return same_prefix(out, &c->vprefix_addr6, c->vprefix_len) ||
           user_fail(err, "IPv6 %s doesn't belong to network", what);
}

static bool conf6(const UserArgs *a, SlirpConfig *c, GError **err)
{
    g_auto(GStrv) part = g_strsplit(a->ipv6_prefix ? a->ipv6_prefix : "fec0::", "/", 2);
    int64_t bits = a->ipv6_prefixlen ? a->ipv6_prefixlen : DEFAULT_PREFIX;

    if (!part[0] || inet_pton(AF_INET6, part[0], &c->vprefix_addr6) != 1)
        return user_fail(err, "Failed to parse IPv6 prefix: '%s'", part[0] ? part[0] : "");
    if ((part[1] && !text_int(part[1], &bits)) || bits < 0 || bits > MAX_PREFIX)
        return user_fail(err, "Invalid IPv6 prefix provided (IPv6 prefix length must be between 0 "
                              "and 126)");
    c->vprefix_len = (uint8_t)bits;
    return inside6(c, "host", a->ipv6_host, 2, &c->vhost6, err) &&
           inside6(c, "DNS", a->ipv6_dns, 3, &c->vnameserver6, err);
}

/* ---- names ---- */

static bool short_enough(const char *what, const char *text, size_t max, GError **err)
{
    return !text || strlen(text) <= max ||
           user_fail(err, "'%s' is longer than the %zu bytes that DHCP has for it", what, max);
}

static bool conf_names(const UserArgs *a, UserConf *u, GError **err)
{
    SlirpConfig *c = &u->c;

    if (!short_enough("hostname", a->hostname, MAX_NAME, err) ||
        !short_enough("domainname", a->domainname, MAX_NAME, err) ||
        !short_enough("tftp-server-name", a->tftp_server_name, MAX_NAME, err) ||
        !short_enough("bootfile", a->bootfile, MAX_BOOTFILE, err))
        return false;
    if (a->tftp && access(a->tftp, R_OK | X_OK) != 0)
        warn_print("tftp=%s: the guest will find no files: %s", a->tftp, g_strerror(errno));
    c->vhostname = a->hostname;
    c->vdomainname = a->domainname;
    c->tftp_server_name = a->tftp_server_name;
    if (a->tftp) /* -daemonize goes to another directory */
        u->tftp = g_canonicalize_filename(a->tftp, NULL);
    c->tftp_path = u->tftp;
    c->bootfile = a->bootfile;
    u->search = g_ptr_array_new();
    for (size_t i = 0; i < a->dnssearch.n; i++)
        g_ptr_array_add(u->search, a->dnssearch.at[i].str);
    g_ptr_array_add(u->search, NULL);
    c->vdnssearch = a->dnssearch.n ? (const char **)u->search->pdata : NULL;
    return true;
}

bool user_conf(const UserArgs *a, UserConf *u, struct in_addr *net, GError **err)
{
    bool four = a->net || a->ip || a->host || a->dns || a->dhcpstart || a->smbserver;
    bool six = a->ipv6_prefix || a->ipv6_host || a->ipv6_dns || a->ipv6_prefixlen;

    memset(u, 0, sizeof(*u));
    u->c.version = SLIRP_CONFIG_VERSION_MAX;
    u->c.restricted = a->restrict_net;
    u->c.in_enabled = a->ipv4 != 0;
    u->c.in6_enabled = a->ipv6 != 0;
    if (!u->c.in_enabled && !u->c.in6_enabled)
        return user_fail(err, "IPv4 and IPv6 disabled");
    if (!u->c.in_enabled && four)
        return user_fail(err, "IPv4 disabled but netmask/host/dns provided");
    if (!u->c.in6_enabled && six)
        return user_fail(err, "IPv6 disabled but prefix/host6/dns6 provided");
    return conf4(a, u, net, err) && conf6(a, &u->c, err) && conf_names(a, u, err);
}

void user_conf_clear(UserConf *u)
{
    if (u->search)
        g_ptr_array_unref(u->search);
    g_free(u->tftp);
}
