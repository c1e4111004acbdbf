/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 fragments of the guest's become whole datagrams here (RFC 791, 3.2): a last fragment that
 * comes alone ends libslirp 4.7 and us with it. DATAGRAMS at a time, the oldest makes place for a
 * new one; what overlaps, or does not come within 30 s of the guest's time, is lost.
 */
#include <string.h>

#include "core/clock.h"
#include "net/user-int.h"
#include "util/bytes.h"

enum { DATAGRAMS = 4, MOST = 65535, IP_HEADER = 20, IP_HEADER_MOST = 60, MORE = 0x2000 };
enum { LIFE_SECONDS = 30, KEY = 11 };

typedef struct Datagram {
    bool used;
    uint8_t key[KEY];
    int64_t since;
    size_t head;         /* of the first fragment: Ethernet and IP; 0: it is not there yet */
    size_t end, highest; /* end: where the last fragment ends; 0: it is not there yet */
    size_t blocks;       /* of 8 bytes that are there */
    uint8_t got[(MOST / 8 + 8) / 8];
    uint8_t headers[NET_HEADER + IP_HEADER_MOST], data[MOST];
} Datagram;

struct UserFrags {
    Datagram at[DATAGRAMS];
};

typedef struct Piece {
    size_t head, at, n; /* head: Ethernet and IP; at: in the datagram's data */
    bool last;
} Piece;

/* false: no fragment that can be */
static bool read_piece(const uint8_t *f, size_t len, Piece *p)
{
    const uint8_t *ip = f + NET_HEADER;
    size_t head = (ip[0] & 15) * 4u, total = get_be16(ip + 2);
    unsigned where = get_be16(ip + 6);

    if (ip[0] >> 4 != 4 || head < IP_HEADER || total <= head || total > len - NET_HEADER ||
        net_checksum(0, ip, head) != 0xffff)
        return false;
    *p = (Piece){ NET_HEADER + head, (where & 0x1fff) * 8u, total - head, !(where & MORE) };
    return (p->last || p->n % 8 == 0) && p->at + p->n <= MOST - IP_HEADER;
}

/* Identification, protocol, both addresses. */
static void read_key(const uint8_t *ip, uint8_t key[KEY])
{
    memcpy(key, ip + 4, 2);
    key[2] = ip[9];
    memcpy(key + 3, ip + 12, 8);
}

static Datagram *datagram_of(User *u, const uint8_t *ip)
{
    int64_t now = clock_now(u->port.vm, CLOCK_VIRTUAL);
    Datagram *oldest = NULL;
    uint8_t key[KEY];

    if (!u->frags)
        u->frags = g_new0(UserFrags, 1);
    read_key(ip, key);
    for (size_t i = 0; i < DATAGRAMS; i++) {
        Datagram *d = &u->frags->at[i];

        d->used &= now - d->since < LIFE_SECONDS * INT64_C(1000000000);
        if (d->used && memcmp(d->key, key, KEY) == 0)
            return d;
        if (!oldest || (oldest->used && (!d->used || d->since < oldest->since)))
            oldest = d;
    }
    memset(oldest, 0, offsetof(Datagram, headers));
    oldest->used = true;
    oldest->since = now;
    memcpy(oldest->key, key, KEY);
    return oldest;
}

/* false: it contradicts the others */
static bool add_piece(Datagram *d, const uint8_t *f, const Piece *p)
{
    size_t end = p->at + p->n;

    if ((d->end && (p->last || end > d->end)) || (p->last && end < d->highest))
        return false;
    for (size_t b = p->at / 8; b < (end + 7) / 8; b++) {
        if (d->got[b / 8] >> b % 8 & 1)
            return false;
        d->got[b / 8] |= (uint8_t)(1u << b % 8);
        d->blocks++;
    }
    d->highest = MAX(d->highest, end);
    if (p->last)
        d->end = end;
    memcpy(d->data + p->at, f + p->head, p->n);
    if (!p->at) {
        d->head = p->head;
        memcpy(d->headers, f, p->head);
    }
    return true;
}

/* Into u->frame; its length, 0: longer than a datagram can be */
static size_t put_whole(User *u, const Datagram *d)
{
    uint8_t *ip = u->frame + NET_HEADER;
    size_t head = d->head - NET_HEADER;

    if (head + d->end > MOST)
        return 0;
    memcpy(u->frame, d->headers, d->head);
    memcpy(u->frame + d->head, d->data, d->end);
    put_be16(ip + 2, (unsigned)(head + d->end));
    put_be16(ip + 6, 0);
    put_be16(ip + 10, 0);
    put_be16(ip + 10, (uint16_t)~net_checksum(0, ip, head));
    return d->head + d->end;
}

size_t user_whole(User *u, size_t len)
{
    const uint8_t *f = u->frame, *ip = f + NET_HEADER;
    Datagram *d;
    Piece p;

    if (len < NET_HEADER + IP_HEADER || get_be16(f + 12) != 0x0800 || !(get_be16(ip + 6) & 0x3fff))
        return len;
    if (!read_piece(f, len, &p))
        return 0;
    d = datagram_of(u, ip);
    d->used = add_piece(d, f, &p);
    if (!d->used || !d->head || !d->end || d->blocks < (d->end + 7) / 8)
        return 0;
    d->used = false;
    return put_whole(u, d);
}
