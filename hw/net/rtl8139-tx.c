/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtl8139: the transmitter. Classic: four TSD/TSAD pairs, used in turn (data sheet 5.4). C+: two
 * rings of descriptors at TNPDS and THPDS (9.2):
 *
 *   0 OWN 31, EOR 30, FS 29, LS 28, LGSEN 27, MSS 26-16 or IPCS 18, UDPCS 17, TCPCS 16, length 15-0
 *   4 TAGC 17, tag with its bytes swapped | 8 address, 64 bits
 *
 * In classic mode a frame the peer has no room for stays in the guest's memory (OWN stays clear);
 * in C+ mode it is held in st.frame.
 */
#include <string.h>

#include "hw/net/rtl8139.h"

enum {
    TXD_OWN = 1u << 31,
    TXD_EOR = 1 << 30,
    TXD_FS = 1 << 29,
    TXD_LS = 1 << 28,
    TXD_LGSEN = 1 << 27,
    TXD_IPCS = 1 << 18,
    TXD_UDPCS = 1 << 17,
    TXD_TCPCS = 1 << 16
};
enum { TXD_TAGC = 1 << 17 };
enum { KICK_DESCRIPTORS = 256, KICK_COST = 1 << 20, FRAME_COST = 512, MIN_MSS = 8 };

typedef struct TxDesc {
    uint32_t opts, vlan;
    uint64_t addr;
} TxDesc;

/* ---- classic ---- */

/* false: no room */
static bool tx_classic_frame(Rtl8139 *r, uint32_t tsd, uint32_t addr)
{
    uint8_t frame[TSD_SIZE + 1];
    unsigned len = tsd & TSD_SIZE;
    if (!dma_read(&r->pci.dev, addr, frame, len)) {
        guest_error(&r->pci.dev, "a frame at %#x that cannot be read", addr);
        r->st.tally.tx_err++;
        return true;
    }
    if (rtl_loops(r))
        rtl_loop_back(r, frame, len);
    else if (len >= NET_HEADER && net_send_buf(r->nic.port, frame, len) == 0)
        return false;
    r->st.tally.tx_ok++;
    return true;
}

void rtl_send_classic(Rtl8139 *r)
{
    if (rtl_get16(r, CPCR) & CPCR_TX)
        return;
    for (unsigned i = 0; i < 4 && (r->st.reg[CR] & CR_TE); i++) {
        unsigned n = 4 * r->st.turn;
        uint32_t tsd = rtl_get32(r, TSD0 + n);
        if (tsd & TSD_OWN)
            return;
        if (!tx_classic_frame(r, tsd, rtl_get32(r, TSAD0 + n)))
            return;
        rtl_put32(r, TSD0 + n, tsd | TSD_OWN | TSD_TOK);
        r->st.turn = (r->st.turn + 1) & 3;
        rtl_cause(r, INT_TOK);
    }
}

/* ---- C+ ---- */

/* The chip finds the headers itself and puts in sums and lengths. */
static bool tx_large(GByteArray *f, uint32_t opts, NetMeta *m)
{
    FrameIp i;
    unsigned mss = opts >> 16 & 0x7ff;
    if (mss < MIN_MSS || !frame_find_ip(&i, f->data, f->len, 0, false) || i.proto != FRAME_TCP ||
        !i.l4)
        return false;
    unsigned head = i.l4 + (f->data[i.l4 + 12] >> 4) * 4;
    if (head > i.end || head < i.l4 + 20)
        return false;
    g_byte_array_set_size(f, i.end); /* padding is no part of a segment */
    put_be16(f->data + i.l4 + 16, net_checksum(frame_pseudo_sum(&i, f->data), NULL, 0));
    *m = (NetMeta){
        .flags = NET_META_NEEDS_CSUM, .hdr_len = head, .csum_start = i.l4, .csum_off = 16
    };
    if (i.end - head > mss) {
        m->gso_type = NET_GSO_TCP4;
        m->gso_size = mss;
    }
    return true;
}

static void tx_sums(GByteArray *f, uint32_t opts)
{
    FrameIp i;
    if (!(opts & (TXD_IPCS | TXD_UDPCS | TXD_TCPCS)) ||
        !frame_find_ip(&i, f->data, f->len, 0, false))
        return;
    if (i.l4 && (opts & (i.proto == FRAME_TCP ? TXD_TCPCS : TXD_UDPCS))) {
        unsigned at = i.l4 + (i.proto == FRAME_TCP ? 16 : 6);
        put_be16(f->data + at, net_checksum(frame_pseudo_sum(&i, f->data), NULL, 0));
        frame_put_sum(f, i.l4, at, i.end, i.proto == FRAME_UDP);
    }
    if (opts & TXD_IPCS) {
        put_be16(f->data + i.ip + 10, 0);
        frame_put_sum(f, i.ip, i.ip + 10, i.l4 ? i.l4 : i.ip + (f->data[i.ip] & 15) * 4u, false);
    }
}

/* -> its cost */
static unsigned tx_finish(Rtl8139 *r, const TxDesc *d)
{
    GByteArray *f = r->st.frame;
    NetMeta m = { 0 };
    bool ok = !r->st.broken && f->len >= NET_HEADER;
    r->st.broken = false;
    if (ok && (d->opts & TXD_LGSEN))
        ok = tx_large(f, d->opts, &m);
    else if (ok)
        tx_sums(f, d->opts);
    unsigned cost = f->len + FRAME_COST * (m.gso_size ? 1 + f->len / m.gso_size : 1);
    if (!ok) {
        guest_error(&r->pci.dev, "a packet of %u bytes that cannot be sent", f->len);
        r->st.tally.tx_err++;
        g_byte_array_set_size(f, 0);
        return cost;
    }
    if (d->vlan & TXD_TAGC)
        frame_insert_vlan(f, 0x8100, GUINT16_SWAP_LE_BE(d->vlan & 0xffff), &m);
    r->st.tally.tx_ok++;
    if (!rtl_loops(r)) {
        frame_send(r->nic.port, f, &m, &r->st.held);
        return cost;
    }
    rtl_loop_back(r, f->data, f->len);
    g_byte_array_set_size(f, 0);
    return cost;
}

static unsigned tx_descriptor(Rtl8139 *r, const TxDesc *d)
{
    if (d->opts & TXD_FS) {
        g_byte_array_set_size(r->st.frame, 0);
        r->st.broken = false;
    }
    unsigned len = d->opts & 0xffff;
    if (r->st.broken || !frame_gather(&r->pci.dev, r->st.frame, d->addr, len))
        r->st.broken = true;
    return d->opts & TXD_LS ? tx_finish(r, d) : len;
}

static bool tx_fetch(Rtl8139 *r, uint64_t at, TxDesc *d)
{
    if (!dma_read(&r->pci.dev, at, d, sizeof(*d))) {
        guest_error(&r->pci.dev, "a transmit ring that cannot be read");
        return false;
    }
    d->opts = GUINT32_FROM_LE(d->opts);
    d->vlan = GUINT32_FROM_LE(d->vlan);
    d->addr = GUINT64_FROM_LE(d->addr);
    return d->opts & TXD_OWN;
}

/* One ring until it ends, a frame is held or the kick has cost enough. */
static void tx_ring(Rtl8139 *r, unsigned ring)
{
    uint64_t base = rtl_get64(r, ring ? THPDS : TNPDS) & ~255ull;
    unsigned cost = 0, n = 0;
    TxDesc d;
    for (; !r->st.held && tx_fetch(r, base + 16ull * r->st.at[ring], &d); n++) {
        if (n == KICK_DESCRIPTORS || cost > KICK_COST) {
            frame_later(&r->work);
            break;
        }
        cost += tx_descriptor(r, &d) + 1;
        uint32_t back = GUINT32_TO_LE(d.opts & (TXD_EOR | TXD_FS | TXD_LS));
        dma_write(&r->pci.dev, base + 16ull * r->st.at[ring], &back, 4);
        r->st.at[ring] =
            d.opts & TXD_EOR || r->st.at[ring] == RTL_RING - 1 ? 0 : r->st.at[ring] + 1;
    }
    if (n)
        rtl_cause(r, INT_TOK | (r->st.held ? 0 : INT_TDU));
}

void rtl_send_rings(Rtl8139 *r)
{
    if (!(rtl_get16(r, CPCR) & CPCR_TX) || !(r->st.reg[CR] & CR_TE) ||
        !frame_again(r->nic.port, r->st.frame, &r->st.held))
        return;
    tx_ring(r, 1);
    tx_ring(r, 0);
}

void rtl_resume(void *o)
{
    rtl_send_classic(o);
    rtl_send_rings(o);
}
