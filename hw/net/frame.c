/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames between a card and the network: RFC 791, 768, 9293 for the sums, IEEE 802.1Q for tags.
 * Lengths in headers are the guest's or the net's: all are checked. Threads: machine lock.
 */
#include <string.h>

#include "core/memory.h"
#include "hw/net/frame.h"

bool frame_gather(Device *dev, GByteArray *f, uint64_t addr, uint32_t len)
{
    uint32_t had = f->len;
    if (len > NET_MAX_FRAME - MIN(had, (uint32_t)NET_MAX_FRAME))
        return false;
    if (!len)
        return true;
    g_byte_array_set_size(f, had + len);
    if (dma_read(dev, addr, f->data + had, len))
        return true;
    memset(f->data + had, 0, len);
    guest_error(dev, "a frame at %#" G_GINT64_MODIFIER "x that cannot be read", addr);
    return false;
}

void frame_insert_vlan(GByteArray *f, uint16_t type, uint16_t tci, NetMeta *m)
{
    uint8_t tag[FRAME_VLAN];
    if (f->len < NET_HEADER)
        return;
    put_be16(tag, type);
    put_be16(tag + 2, tci);
    g_byte_array_append(f, tag, sizeof(tag));
    memmove(f->data + 16, f->data + 12, f->len - 16);
    memcpy(f->data + 12, tag, sizeof(tag));
    if (m->flags & NET_META_NEEDS_CSUM) {
        m->csum_start += FRAME_VLAN;
        m->hdr_len += FRAME_VLAN;
    }
}

bool frame_send(NetPort *port, GByteArray *f, const NetMeta *m, bool *held)
{
    struct iovec v = { f->data, f->len };
    bool plain = !m->flags && !m->gso_type;
    if (net_send(port, &v, 1, plain ? NULL : m) == 0) {
        g_byte_array_append(f, (const uint8_t *)m, sizeof(*m));
        *held = true;
        return false;
    }
    g_byte_array_set_size(f, 0);
    return true;
}

bool frame_again(NetPort *port, GByteArray *f, bool *held)
{
    NetMeta m;
    if (!*held)
        return true;
    *held = false;
    if (f->len < sizeof(m) + NET_HEADER) { /* only from a damaged stream */
        g_byte_array_set_size(f, 0);
        return true;
    }
    memcpy(&m, f->data + f->len - sizeof(m), sizeof(m));
    g_byte_array_set_size(f, f->len - sizeof(m));
    return frame_send(port, f, &m, held);
}

void frame_put_sum(GByteArray *f, unsigned start, unsigned at, unsigned stop, bool udp)
{
    if (start >= stop || stop > f->len || at + 2 > f->len)
        return;
    uint16_t sum = ~net_checksum(0, f->data + start, stop - start);
    put_be16(f->data + at, sum || !udp ? sum : 0xffff);
}

/* ---- a receiver without a doorbell ---- */

enum { STALL_NS = 100 * 1000 * 1000, LATER_NS = 10 * 1000 };

/* Not at once: a guest's endless list must not keep the virtual clock from going on. */
void frame_later(Timer *work)
{
    timer_set(work, clock_now(work->vm, CLOCK_VIRTUAL) + LATER_NS);
}

/* clang-format off */
const Field StallState_rows[] = {
    FIELD(StallState, due), FIELD(StallState, waiting), FIELD(StallState, losing), FIELD_PAD(StallState, pad), FIELD_END
};
/* clang-format on */

static void stall_late(void *o)
{
    Stall *s = o;
    s->st->waiting = false;
    s->st->losing = true;
    net_resume(s->nic->port);
}

void stall_init(Stall *s, Device *dev, StallState *st, Nic *nic)
{
    s->st = st;
    s->nic = nic;
    timer_init(&s->timer, dev, CLOCK_VIRTUAL, &st->due, stall_late, s);
}

bool stall_wait(Stall *s)
{
    if (s->st->losing)
        return false;
    if (!s->st->waiting) {
        s->st->waiting = true;
        timer_set(&s->timer, clock_now(s->timer.vm, CLOCK_VIRTUAL) + STALL_NS);
    }
    return true;
}

void stall_over(Stall *s)
{
    s->st->losing = false;
    if (s->st->waiting) {
        s->st->waiting = false;
        timer_cancel(&s->timer);
    }
}

/* ---- headers ---- */

unsigned frame_hash(const uint8_t mac[6])
{
    uint32_t crc = ~net_crc32(mac, 6);
    unsigned out = 0;
    for (unsigned i = 0; i < 6; i++)
        out |= (crc >> i & 1) << (5 - i);
    return out;
}

void frame_put_fcs(uint8_t *f, size_t len)
{
    uint32_t crc = GUINT32_TO_LE(net_crc32(f, len));
    memcpy(f + len, &crc, FRAME_FCS);
}

bool frame_strip_vlan(uint8_t **f, size_t *len, uint16_t type, uint16_t *tci)
{
    if (*len < NET_HEADER + FRAME_VLAN || get_be16(*f + 12) != type)
        return false;
    *tci = get_be16(*f + 14);
    memmove(*f + FRAME_VLAN, *f, 12);
    *f += FRAME_VLAN;
    *len -= FRAME_VLAN;
    return true;
}

uint32_t frame_pseudo_sum(const FrameIp *i, const uint8_t *f)
{
    uint8_t rest[4] = { 0, i->proto };
    put_be16(rest + 2, i->end - i->l4);
    return net_sum(f + i->ip + 12, 8) + net_sum(rest, 4);
}

static bool frame_find_l4(FrameIp *i, const uint8_t *f)
{
    const uint8_t *ip = f + i->ip;
    unsigned l4 = i->ip + (ip[0] & 15) * 4, least = ip[9] == FRAME_TCP ? 20 : 8;
    i->proto = ip[9];
    if ((ip[9] != FRAME_TCP && ip[9] != FRAME_UDP) || (get_be16(ip + 6) & 0x3fff) ||
        l4 + least > i->end)
        return false;
    i->l4 = l4;
    return true;
}

bool frame_find_ip(FrameIp *i, const uint8_t *f, size_t len, uint16_t tag, bool sums)
{
    *i = (FrameIp){ .ip = NET_HEADER };
    if (tag && len >= 18 && get_be16(f + 12) == tag)
        i->ip += FRAME_VLAN;
    const uint8_t *ip = f + i->ip;
    if (len < i->ip + 20 || get_be16(ip - 2) != 0x0800 || ip[0] >> 4 != 4)
        return false;
    unsigned ihl = (ip[0] & 15) * 4, total = get_be16(ip + 2);
    if (ihl < 20 || total < ihl || i->ip + total > len)
        return false;
    i->end = i->ip + total;
    bool l4 = frame_find_l4(i, f);
    if (!sums)
        return true;
    i->ip_ok = net_checksum(0, ip, ihl) == 0xffff;
    if (l4 && i->proto == FRAME_UDP && !get_be16(f + i->l4 + 6))
        i->l4_ok = true;
    else if (l4)
        i->l4_ok = net_checksum(frame_pseudo_sum(i, f), f + i->l4, total - ihl) == 0xffff;
    return true;
}
