/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a sender left undone and its peer does not take: the checksum of a TCP or UDP packet, and
 * cutting a large one. TCP as RFC 9293 (3.7.1), one segment per gso_size bytes; UDP into fragments
 * of IP (RFC 791 3.2, RFC 8200 4.5). Numbers in a frame are hostile: one that does not fit is lost,
 * as on a cable. A frame is cut into MAX_PIECES at most.
 *
 *   | Ethernet, VLAN tags | IP | TCP | payload ...      kept in NetCut while the peer is full
 *   0                     l3   l4    head         len
 */
#include <string.h>
#include <zlib.h>

#include "net/net-int.h"
#include "util/bytes.h"
#include "util/iov.h"
#include "util/log.h"

enum { MAX_PIECES = 2048, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_FRAGMENT = 44 };
enum { TCP_FIN = 1, TCP_PSH = 8, TCP_CWR = 0x80, IP_MF = 0x2000 };

struct NetCut {
    size_t len, l3, l4, head, at;
    NetMeta meta;
    bool v6, udp, ready; /* ready: piece is made and was refused */
    unsigned made;
    uint32_t id; /* of an IPv6 datagram's fragments */
    size_t piece_len;
    uint8_t frame[NET_MAX_FRAME], piece[NET_MAX_FRAME + 8];
};

/* ---- sums ---- */

/* RFC 1071, 2 (B): a one's complement sum may be taken in any byte order and turned at the end. */
uint32_t net_sum(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t sum = 0;
    uint32_t word;

    for (; len >= 4; len -= 4, p += 4) {
        memcpy(&word, p, 4);
        sum += word;
    }
    word = 0;
    if (len)
        memcpy(&word, p, len);
    sum += word;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return GUINT16_FROM_BE((uint16_t)sum);
}

uint16_t net_checksum(uint32_t sum, const void *data, size_t len)
{
    uint64_t all = (uint64_t)sum + net_sum(data, len);

    while (all >> 16)
        all = (all & 0xffff) + (all >> 16);
    return (uint16_t)all;
}

/* zlib's is the same polynomial, and fast: NICs give each frame its FCS */
uint32_t net_crc32(const void *data, size_t len)
{
    return (uint32_t)crc32(0, data, (uInt)len);
}

/* An UDP sum of 0 would say that there is none. */
static uint16_t finish(uint16_t sum, bool udp)
{
    sum = (uint16_t)~sum;
    return udp && !sum ? 0xffff : sum;
}

static bool insert_checksum(NetCut *c)
{
    size_t start = c->meta.csum_start, field = start + c->meta.csum_off;

    if (field + 2 > c->len)
        return false;
    put_be16(c->frame + field,
             finish(net_checksum(0, c->frame + start, c->len - start), c->meta.csum_off == 6));
    return true;
}

/* The sum of TCP or UDP over a whole packet whose IP header is at l3; len: from l4 on. */
static void sum_l4(uint8_t *frame, bool v6, size_t l3, size_t l4, size_t len, unsigned proto)
{
    uint8_t *field = frame + l4 + (proto == PROTO_TCP ? 16 : 6);
    uint32_t sum = proto + (uint32_t)len;

    sum += v6 ? net_sum(frame + l3 + 8, 32) : net_sum(frame + l3 + 12, 8);
    put_be16(field, 0);
    put_be16(field, finish(net_checksum(sum, frame + l4, len), proto == PROTO_UDP));
}

static void sum_ip(uint8_t *ip)
{
    size_t len = (ip[0] & 15) * 4u;

    put_be16(ip + 10, 0);
    put_be16(ip + 10, (uint16_t)~net_checksum(0, ip, len));
}

/* ---- where the headers are ---- */

static bool find_ip(NetCut *c)
{
    unsigned type;

    c->l3 = NET_HEADER;
    for (;;) {
        if (c->l3 + 20 > c->len)
            return false;
        type = get_be16(c->frame + c->l3 - 2);
        if (type != 0x8100 && type != 0x88a8)
            break;
        c->l3 += 4;
    }
    c->v6 = type == 0x86dd;
    return (type == 0x0800 && c->frame[c->l3] >> 4 == 4) ||
           (c->v6 && c->frame[c->l3] >> 4 == 6 && c->l3 + 40 <= c->len);
}

static bool find_l4(NetCut *c)
{
    const uint8_t *ip = c->frame + c->l3;
    unsigned proto = c->udp ? PROTO_UDP : PROTO_TCP;

    if (!c->v6) {
        c->l4 = c->l3 + (ip[0] & 15) * 4u;
        return (ip[0] & 15) >= 5 && ip[9] == proto && !(get_be16(ip + 6) & 0x3fff);
    }
    c->l4 = c->l3 + 40;
    if (ip[6] == proto)
        return true;
    /* behind extension headers: where the sender's own sum begins. Fragments cannot be made so */
    c->l4 = c->meta.csum_start;
    return !c->udp && c->meta.flags & NET_META_NEEDS_CSUM && c->l4 >= c->l3 + 48;
}

static bool find_headers(NetCut *c)
{
    unsigned gso = c->meta.gso_type & ~NET_GSO_ECN;

    c->udp = gso == NET_GSO_UDP;
    if (!c->meta.gso_size || !find_ip(c) || !find_l4(c))
        return false;
    if (!c->udp && c->v6 != (gso == NET_GSO_TCP6))
        return false;
    if (c->l4 + (c->udp ? 8 : 20) > c->len)
        return false;
    c->head = c->udp ? c->l4 : c->l4 + (c->frame[c->l4 + 12] >> 4) * 4u;
    if (!c->udp && c->head < c->l4 + 20)
        return false;
    if (c->udp) /* fragments are counted in units of 8 */
        c->meta.gso_size = (uint16_t)MAX(8, c->meta.gso_size & ~7);
    return c->head <= c->len && (c->len - c->head) / c->meta.gso_size < MAX_PIECES;
}

/* ---- pieces ---- */

static void make_segment(NetCut *c, size_t n, bool last)
{
    uint8_t *ip = c->piece + c->l3, *tcp = c->piece + c->l4;
    size_t done = c->at - c->head;

    memcpy(c->piece, c->frame, c->head);
    memcpy(c->piece + c->head, c->frame + c->at, n);
    c->piece_len = c->head + n;
    if (c->v6) {
        put_be16(ip + 4, (unsigned)(c->piece_len - c->l3 - 40));
    } else {
        put_be16(ip + 2, (unsigned)(c->piece_len - c->l3));
        put_be16(ip + 4, get_be16(ip + 4) + c->made);
        sum_ip(ip);
    }
    put_be32(tcp + 4, get_be32(tcp + 4) + (uint32_t)done);
    if (!last)
        tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (c->made)
        tcp[13] &= (uint8_t)~TCP_CWR;
    sum_l4(c->piece, c->v6, c->l3, c->l4, c->piece_len - c->l4, PROTO_TCP);
}

static void make_fragment4(NetCut *c, size_t n, bool last)
{
    uint8_t *ip = c->piece + c->l3;

    memcpy(c->piece, c->frame, c->head);
    memcpy(c->piece + c->head, c->frame + c->at, n);
    c->piece_len = c->head + n;
    put_be16(ip + 2, (unsigned)(c->piece_len - c->l3));
    put_be16(ip + 6, (unsigned)((c->at - c->head) / 8) | (last ? 0 : IP_MF));
    sum_ip(ip);
}

static void make_fragment6(NetCut *c, size_t n, bool last)
{
    uint8_t *ip = c->piece + c->l3, *f = c->piece + c->head;

    memcpy(c->piece, c->frame, c->head);
    memcpy(f + 8, c->frame + c->at, n);
    c->piece_len = c->head + 8 + n;
    put_be16(ip + 4, (unsigned)(8 + n));
    ip[6] = PROTO_FRAGMENT;
    f[0] = PROTO_UDP;
    f[1] = 0;
    put_be16(f + 2, (unsigned)(c->at - c->head) | (last ? 0 : 1));
    put_be32(f + 4, c->id);
}

static void make_piece(NetCut *c)
{
    size_t n = MIN(c->len - c->at, c->meta.gso_size);
    bool last = c->at + n == c->len;

    if (!c->udp)
        make_segment(c, n, last);
    else if (c->v6)
        make_fragment6(c, n, last);
    else
        make_fragment4(c, n, last);
    c->at += n;
    c->made++;
    c->ready = true;
}

static bool cut_done(const NetCut *c)
{
    return c->made && c->at == c->len;
}

bool net_cut_next(NetPort *p)
{
    NetCut *c = p->in->cut;

    while (p->in->cutting && p->peer && (c->ready || !cut_done(c))) {
        struct iovec one = { c->piece, 0 };

        if (!c->ready)
            make_piece(c);
        one.iov_len = c->piece_len;
        if (net_link_up(p) && !net_deliver(p, &one, 1, c->piece_len, NULL))
            return false;
        c->ready = false;
    }
    p->in->cutting = false;
    return true;
}

static ssize_t lost(const NetPort *p, const NetMeta *m)
{
    LOG(LOG_GUEST_ERRORS, "net: %s: a frame that cannot be completed is lost (gso %u of %u)\n",
        p->name, m->gso_type, m->gso_size);
    return 1;
}

static NetCut *take_frame(NetPort *p, const struct iovec *iov, int n, size_t len,
                          const NetMeta *meta)
{
    NetCut *c = p->in->cut;
    uint32_t id = c ? c->id : 0;

    if (!c)
        c = p->in->cut = g_new(NetCut, 1);
    memset(c, 0, offsetof(NetCut, frame));
    c->id = id + 1;
    c->len = len;
    c->meta = *meta;
    iov_to_buf(iov, n, 0, c->frame, len);
    return c;
}

ssize_t net_cut(NetPort *p, const struct iovec *iov, int n, size_t len, const NetMeta *meta)
{
    NetCut *c = take_frame(p, iov, n, len, meta);
    struct iovec one = { c->frame, len };

    if (meta->gso_type == NET_GSO_NONE)
        return insert_checksum(c) ? net_deliver(p, &one, 1, len, NULL) : lost(p, meta);
    if (!find_headers(c))
        return lost(p, meta);
    if (c->udp)
        sum_l4(c->frame, c->v6, c->l3, c->l4, len - c->l4, PROTO_UDP);
    c->at = c->head;
    p->in->cutting = true;
    if (net_cut_next(p))
        return (ssize_t)len;
    if (c->made == 1) { /* nothing has left: it may as well stay where it is */
        p->in->cutting = false;
        return 0;
    }
    return (ssize_t)len;
}

void net_cut_free(NetCut *c)
{
    g_free(c);
}
