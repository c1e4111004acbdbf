/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcnet: the initialization block, the two rings. AMD 19436, "Initialization Block", "Descriptors".
 *
 *   style 0 (16 bits), 8 bytes:   address 24, flags 8 | BCNT 16 | MCNT or status 16
 *   style 2 (32 bits), 16 bytes:  address | BCNT 16, flags 16 | MCNT or status | -
 *   style 3: as 2 with the first and third double word exchanged
 *
 * flags of both, from bit 31 down: OWN ERR FRAM/ADD_FCS OFLO/LTINT CRC/ONE BUFF/DEF STP ENP, with
 * 32 bits then BPE and PAM LAFM BAM. Counts are two's complements.
 */
#include <string.h>

#include "hw/net/pcnet.h"
#include "util/bytes.h"
#include "util/iov.h"

enum {
    D_OWN = 1u << 31,
    D_ERR = 1 << 30,
    D_BUFF = 1 << 26,
    D_STP = 1 << 25,
    D_ENP = 1 << 24,
    D_PAM = 1 << 22,
    D_LAFM = 1 << 21,
    D_BAM = 1 << 20
};
enum { KICK_DESCRIPTORS = 256, KICK_COST = 1 << 20, MOST = 4096 };

/* flags: D_; count: bytes */
typedef struct Desc {
    uint32_t addr, flags, count;
} Desc;

/* ---- the initialization block ---- */

static void set_base(Pcnet *p, unsigned csr, uint32_t base)
{
    p->st.csr[csr] = base;
    p->st.csr[csr + 1] = base >> 16;
}

/* log2 of a length, at most 9: as the counters hold it */
static uint16_t ring_length(unsigned log)
{
    return -(1 << MIN(log, 9u));
}

static void init_lengths(Pcnet *p, unsigned rlen, unsigned tlen)
{
    p->st.csr[RCVRL] = p->st.csr[RCVRC] = ring_length(rlen);
    p->st.csr[XMTRL] = p->st.csr[XMTRC] = ring_length(tlen);
}

void pcnet_init_block(Pcnet *p)
{
    uint8_t b[28] = { 0 };
    bool wide = pcnet_wide(p);
    uint32_t at = pcnet_csr32(p, 1);
    if (!wide)
        at &= 0xffffff;
    if (!dma_read(&p->pci.dev, at, b, wide ? 28 : 24)) {
        guest_error(&p->pci.dev, "an initialization block at %#x that cannot be read", at);
        pcnet_cause(p, CSR0_MERR);
        return;
    }
    const uint8_t *padr = b + (wide ? 4 : 2), *ladrf = b + (wide ? 12 : 8),
                  *ring = b + (wide ? 20 : 16);
    p->st.csr[MODE] = get_le16(b);
    for (unsigned i = 0; i < 3; i++)
        p->st.csr[PADR + i] = get_le16(padr + 2 * i);
    for (unsigned i = 0; i < 4; i++)
        p->st.csr[LADRF + i] = get_le16(ladrf + 2 * i);
    uint32_t mask = wide ? ~15u : 0xfffff8;
    set_base(p, BADR, get_le32(ring) & mask);
    set_base(p, BADX, get_le32(ring + 4) & mask);
    if (wide)
        init_lengths(p, b[2] >> 4, b[3] >> 4);
    else
        init_lengths(p, ring[3] >> 5, ring[7] >> 5);
    nic_show_mac(&p->nic, padr);
}

/* ---- descriptors ---- */

/* The counter runs from the ring's length down to 1, as a two's complement up. */
static uint32_t ring_at(const Pcnet *p, unsigned base, unsigned counter, unsigned length)
{
    uint16_t n = -p->st.csr[length], left = -p->st.csr[counter];
    unsigned index = n && left && left <= n ? n - left : 0;
    return pcnet_csr32(p, base) + index * (pcnet_wide(p) ? 16 : 8);
}

static void ring_next(Pcnet *p, unsigned counter, unsigned length)
{
    uint16_t *c = &p->st.csr[counter];
    *c = *c == 0xffff || *c == 0 ? p->st.csr[length] : *c + 1;
}

static bool desc_load(Pcnet *p, uint32_t at, Desc *d)
{
    uint8_t b[16] = { 0 };
    bool wide = pcnet_wide(p), turned = (p->st.csr[SWS] & 0xff) == 3;
    if (!dma_read(&p->pci.dev, at, b, wide ? 16 : 8)) {
        guest_error(&p->pci.dev, "a descriptor at %#x that cannot be read", at);
        pcnet_cause(p, CSR0_MERR);
        return false;
    }
    if (wide) {
        d->addr = get_le32(b + (turned ? 8 : 0));
        d->flags = get_le32(b + 4) & 0xffff0000;
    } else {
        d->addr = get_le32(b) & 0xffffff;
        d->flags = get_le32(b) & 0xff000000;
    }
    d->count = -get_le16(b + 4) & 0xfff;
    if (!d->count)
        d->count = 4096;
    return d->flags & D_OWN;
}

/* Gives it back: last the word with OWN. */
static void desc_store(Pcnet *p, uint32_t at, uint32_t flags, uint16_t mcnt)
{
    Device *dev = &p->pci.dev;
    flags &= ~D_OWN;
    if (pcnet_wide(p)) {
        uint32_t m = GUINT32_TO_LE(mcnt);
        uint16_t f = GUINT16_TO_LE(flags >> 16);
        dma_write(dev, at + ((p->st.csr[SWS] & 0xff) == 3 ? 0 : 8), &m, 4);
        dma_write(dev, at + 6, &f, 2);
    } else {
        uint16_t m = GUINT16_TO_LE(mcnt);
        uint8_t f = flags >> 24;
        dma_write(dev, at + 6, &m, 2);
        dma_write(dev, at + 3, &f, 1);
    }
}

/* ---- transmit ---- */

static ssize_t rx_take(Pcnet *p, size_t len);

static void tx_finish(Pcnet *p)
{
    GByteArray *f = p->st.frame;
    p->st.gathering = false;
    if (p->st.broken || f->len < NET_HEADER) {
        guest_error(&p->pci.dev, "a packet of %u bytes that cannot be sent", f->len);
        g_byte_array_set_size(f, 0);
        return;
    }
    if (p->st.csr[MODE] & MODE_LOOP) {
        memcpy(p->buf, f->data, f->len);
        rx_take(p, f->len);
        g_byte_array_set_size(f, 0);
    } else {
        frame_send(p->nic.port, f, &(NetMeta){ 0 }, &p->st.held);
    }
}

static void tx_descriptor(Pcnet *p, const Desc *d)
{
    if (d->flags & D_STP) {
        g_byte_array_set_size(p->st.frame, 0);
        p->st.gathering = true;
        p->st.broken = false;
    }
    if (!p->st.gathering)
        return; /* the rest of a packet without a beginning */
    if (p->st.broken || p->st.frame->len + d->count > MOST ||
        !frame_gather(&p->pci.dev, p->st.frame, d->addr, d->count))
        p->st.broken = true;
    if (d->flags & D_ENP)
        tx_finish(p);
}

void pcnet_transmit(void *o)
{
    Pcnet *p = o;
    unsigned cost = 0;
    Desc d;
    if (!(p->st.csr[0] & CSR0_TXON) || (p->st.csr[5] & CSR5_SPND) ||
        !frame_again(p->nic.port, p->st.frame, &p->st.held))
        return;
    for (unsigned n = 0; !p->st.held; n++) {
        uint32_t at = ring_at(p, BADX, XMTRC, XMTRL);
        if (n == KICK_DESCRIPTORS || cost > KICK_COST) {
            frame_later(&p->work);
            break;
        }
        if (!desc_load(p, at, &d))
            break;
        tx_descriptor(p, &d);
        cost += d.count;
        desc_store(p, at, d.flags & (D_STP | D_ENP), 0);
        ring_next(p, XMTRC, XMTRL);
        if (d.flags & D_ENP)
            pcnet_cause(p, CSR0_TINT);
    }
    p->st.csr[0] &= (uint16_t)~CSR0_TDMD;
}

/* ---- receive ---- */

/* -> how it matched, as the descriptor says it; 0: not for us; OWN: promiscuous */
static uint32_t rx_filter(const Pcnet *p, const uint8_t *f)
{
    uint16_t mode = p->st.csr[MODE];
    uint32_t any = mode & MODE_PROM ? D_OWN : 0;
    const uint16_t *padr = &p->st.csr[PADR];
    if (frame_is_broadcast(f))
        return mode & MODE_DRCVBC ? any : D_BAM;
    if (f[0] & 1) {
        unsigned hash = ~net_crc32(f, 6) >> 26;
        return p->st.csr[LADRF + hash / 16] >> (hash & 15) & 1 ? D_LAFM : any;
    }
    for (unsigned i = 0; i < 3; i++) {
        if ((f[2 * i] | f[2 * i + 1] << 8) != padr[i])
            return any;
    }
    return mode & MODE_DRCVPA ? any : D_PAM;
}

static ssize_t rx_full(Pcnet *p, size_t len)
{
    if (stall_wait(&p->stall))
        return 0;
    p->st.csr[MFC]++;
    if (!p->st.csr[MFC])
        p->st.csr[4] |= CSR4_MFCO;
    pcnet_cause(p, CSR0_MISS);
    return len;
}

/* One buffer; -> bytes put in. The last one has MCNT, with the FCS. */
static size_t rx_put(Pcnet *p, uint32_t at, const Desc *d, size_t len, size_t done, uint32_t how)
{
    size_t n = MIN(len - done, d->count);
    bool last = done + n == len;
    uint32_t flags = (done ? 0 : D_STP) | (last ? D_ENP | how : 0);
    if (!dma_write(&p->pci.dev, d->addr, p->buf + done, n)) {
        guest_error(&p->pci.dev, "a receive buffer at %#x that cannot be written", d->addr);
        pcnet_cause(p, CSR0_MERR);
    }
    desc_store(p, at, flags, last ? len : 0);
    ring_next(p, RCVRC, RCVRL);
    return n;
}

/* Room is looked for first: descriptors that are the chip's, from the present one on. */
static bool rx_room(Pcnet *p, size_t len)
{
    uint16_t counter = p->st.csr[RCVRC];
    size_t room = 0;
    Desc d;
    for (unsigned i = 0; room < len && i < 64; i++) {
        if (!desc_load(p, ring_at(p, BADR, RCVRC, RCVRL), &d))
            break;
        room += d.count;
        ring_next(p, RCVRC, RCVRL);
    }
    p->st.csr[RCVRC] = counter;
    return room >= len;
}

/* p->buf holds it and has room for an FCS */
static ssize_t rx_take(Pcnet *p, size_t len)
{
    uint32_t how = rx_filter(p, p->buf);
    size_t all = len + FRAME_FCS, done = 0;
    Desc d;
    if (!how || len > MOST)
        return len;
    if (!rx_room(p, all))
        return rx_full(p, len);
    stall_over(&p->stall);
    frame_put_fcs(p->buf, len);
    how = pcnet_wide(p) ? how & ~D_OWN : 0;
    while (done < all) {
        uint32_t at = ring_at(p, BADR, RCVRC, RCVRL);
        if (!desc_load(p, at, &d))
            break; /* taken back by the guest in between */
        done += rx_put(p, at, &d, all, done, how);
    }
    pcnet_cause(p, CSR0_RINT);
    return len;
}

ssize_t pcnet_receive(void *o, const struct iovec *v, int n, const NetMeta *m)
{
    Pcnet *p = o;
    size_t len = iov_bytes(v, n);
    if (!(p->st.csr[0] & CSR0_RXON) || (p->st.csr[5] & CSR5_SPND) ||
        (p->st.csr[MODE] & MODE_LOOP) || len > MOST)
        return len;
    iov_to_buf(v, n, 0, p->buf, len);
    return rx_take(p, len);
}
