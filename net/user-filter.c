/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a guest's frames may reach libslirp. 4.7 reads beyond a TCP segment with urgent data
 * (mended in 4.9.2): URG and its pointer are cleared, the checksum follows (RFC 1624). No
 * fragments: user-frag.c has put them together. IPv6 behind extension headers libslirp does not
 * read.
 */
#include <string.h>

#include "net/user-int.h"
#include "util/bytes.h"

enum { TCP = 6, UDP = 17, TCP_HEADER = 20, URG = 0x20, SYN = 2, ACK = 0x10 };

/* One 16-bit word of what the sum at `field` covers becomes `to`. */
static void change(uint8_t *field, uint8_t *word, unsigned to)
{
    unsigned sum = (~get_be16(field) & 0xffff) + (~get_be16(word) & 0xffff) + to;

    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    put_be16(field, ~sum & 0xffff);
    put_be16(word, to);
}

static bool may_open(unsigned *room)
{
    if (!*room)
        return false;
    --*room;
    return true;
}

static bool tcp_ok(uint8_t *tcp, size_t len, unsigned *room)
{
    if (len < TCP_HEADER)
        return false;
    if (tcp[13] & URG) {
        change(tcp + 16, tcp + 12, get_be16(tcp + 12) & ~(unsigned)URG);
        change(tcp + 16, tcp + 18, 0);
    }
    return (tcp[13] & (SYN | ACK)) != SYN || may_open(room);
}

static bool ip4_ok(uint8_t *ip, size_t len, unsigned *room)
{
    size_t head = (ip[0] & 15) * 4u, total = get_be16(ip + 2);

    if (ip[0] >> 4 != 4 || head < 20 || total < head || total > len || (get_be16(ip + 6) & 0x3fff))
        return false;
    /* a ping to far away is a socket of the host's too */
    return ip[9] == TCP ? tcp_ok(ip + head, total - head, room) : may_open(room);
}

static bool ip6_ok(uint8_t *ip, size_t len, unsigned *room)
{
    size_t total = get_be16(ip + 4);

    if (ip[0] >> 4 != 6 || total > len - 40)
        return false;
    if (ip[6] == UDP)
        return may_open(room);
    return ip[6] != TCP || tcp_ok(ip + 40, total, room);
}

bool user_filter(uint8_t *f, size_t len, unsigned *room)
{
    unsigned type = len < NET_HEADER ? 0 : get_be16(f + 12);

    if (type == 0x0800)
        return len >= NET_HEADER + 20 && ip4_ok(f + NET_HEADER, len - NET_HEADER, room);
    if (type == 0x86dd)
        return len >= NET_HEADER + 40 && ip6_ok(f + NET_HEADER, len - NET_HEADER, room);
    return true;
}
