/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000: the transmitter. Manual 317453, 3.3 (descriptors) and 3.5 (segmentation).
 *
 *   legacy   0 address | 8 length 16, CSO 8, CMD 8 | 12 STA 4, 0, CSS 8, special 16
 *   context  0 IPCSS IPCSO IPCSE16 | 4 TUCSS TUCSO TUCSE16 | 8 PAYLEN 20, DTYP 4, TUCMD 8
 *            12 STA 8, HDRLEN 8, MSS 16
 *   data     0 address | 8 DTALEN 20, DTYP 4, DCMD 8 | 12 STA 8, POPTS 8, special 16
 *
 * A packet is gathered in st.frame. One that the peer has no room for stays there, held, and the
 * ring waits. Segmentation is left to the peer, or to the network core, as a NetMeta.
 */
#include <string.h>

#include "hw/net/e1000.h"

enum { CMD_EOP = 1, CMD_IC = 4, CMD_RS = 8, CMD_DEXT = 0x20, CMD_VLE = 0x40, CMD_IDE = 0x80 };
enum { DCMD_TSE = 4, TUCMD_TCP = 1, TUCMD_IP = 2, TUCMD_TSE = 4 };
enum { POPTS_IXSM = 1, POPTS_TXSM = 2, STA_DD = 1 };
/* what one kick does before it lets others have the lock */
enum { KICK_DESCRIPTORS = 256, KICK_COST = 1 << 20, FRAME_COST = 512, MIN_MSS = 8 };

typedef struct TxDesc {
    uint64_t addr;
    uint32_t lower, upper;
} TxDesc;

static uint32_t tx_cmd(const TxDesc *d)
{
    return d->lower >> 24;
}

/* ---- check sums ---- */

/* The driver left the pseudo-header's sum in the field; end is the last byte, 0: to the end. */
static void tx_checksum(GByteArray *f, unsigned start, unsigned at, unsigned end, bool udp)
{
    frame_put_sum(f, start, at, end && end < f->len ? end + 1 : f->len, udp);
}

static void tx_offload(E1000 *e, const TxDesc *d)
{
    const E1000Context *c = &e->st.ctx[0];
    GByteArray *f = e->st.frame;
    if (!(tx_cmd(d) & CMD_DEXT)) {
        if (tx_cmd(d) & CMD_IC)
            tx_checksum(f, d->upper >> 8 & 0xff, d->lower >> 16 & 0xff, 0, false);
        return;
    }
    if (e->st.popts & POPTS_TXSM)
        tx_checksum(f, c->tucss, c->tucso, c->tucse, !(c->tucmd & TUCMD_TCP));
    if (e->st.popts & POPTS_IXSM)
        tx_checksum(f, c->ipcss, c->ipcso, c->ipcse, false);
}

/*
 * The driver left the lengths out (3.5.5): the IP header's, and in the pseudo-header's sum. They
 * are put in for the whole packet, as every taker of a NetMeta expects them.
 */
static bool tx_segment(E1000 *e, NetMeta *m)
{
    const E1000Context *c = &e->st.ctx[1];
    GByteArray *f = e->st.frame;
    unsigned ip = c->ipcss, tcp = c->tucss;
    unsigned ip_min = c->tucmd & TUCMD_IP ? 20 : 40;
    if (c->mss < MIN_MSS || !(c->tucmd & TUCMD_TCP) || ip + ip_min > tcp || tcp + 20u > c->hdrlen ||
        c->hdrlen > f->len || c->tucso < tcp || c->tucso + 2u > c->hdrlen || f->len - ip > 0xffff)
        return false;
    if (c->tucmd & TUCMD_IP) {
        put_be16(f->data + ip + 2, f->len - ip);
        put_be16(f->data + ip + 10, 0);
        put_be16(f->data + ip + 10, ~net_checksum(0, f->data + ip, tcp - ip));
    } else {
        put_be16(f->data + ip + 4, f->len - ip - 40);
    }
    uint32_t sum = get_be16(f->data + c->tucso) + (f->len - tcp);
    put_be16(f->data + c->tucso, (sum & 0xffff) + (sum >> 16));
    *m = (NetMeta){ .flags = NET_META_NEEDS_CSUM,
                    .gso_type = c->tucmd & TUCMD_IP ? NET_GSO_TCP4 : NET_GSO_TCP6,
                    .hdr_len = c->hdrlen,
                    .gso_size = c->mss,
                    .csum_start = tcp,
                    .csum_off = c->tucso - tcp };
    if (f->len - c->hdrlen <= c->mss)
        m->gso_type = NET_GSO_NONE, m->gso_size = 0;
    e1000_count(e, TSCTC, 1);
    return true;
}

/* ---- one packet ---- */

static void tx_loop_back(E1000 *e, const NetMeta *m)
{
    GByteArray *f = e->st.frame;
    if (m->gso_type || f->len > E1000_MAX_FRAME) {
        guest_error(&e->pci.dev, "a segmented packet in loopback");
    } else {
        memcpy(e->buf, f->data, f->len);
        e1000_take(e, f->len);
    }
    g_byte_array_set_size(f, 0);
}

static void tx_out(E1000 *e, const NetMeta *m)
{
    GByteArray *f = e->st.frame;
    e1000_count_frame(e, true, f->data, f->len);
    if (e1000_loops(e))
        tx_loop_back(e, m);
    else
        frame_send(e->nic.port, f, m, &e->st.held);
}

/* -> its cost */
static unsigned tx_finish(E1000 *e, const TxDesc *d)
{
    GByteArray *f = e->st.frame;
    NetMeta m = { 0 };
    bool tse = (tx_cmd(d) & CMD_DEXT) && (e->st.dcmd & DCMD_TSE);
    bool ok = !e->st.oversize && f->len >= NET_HEADER;
    if (ok && tse)
        ok = tx_segment(e, &m);
    else if (ok)
        tx_offload(e, d);
    unsigned cost = f->len + FRAME_COST * (m.gso_size ? 1 + f->len / m.gso_size : 1);
    e->st.gathering = e->st.oversize = false;
    if (!ok) {
        if (f->len)
            guest_error(&e->pci.dev, "a packet of %u bytes that cannot be sent", f->len);
        e1000_count(e, TSCTFC, tse);
        g_byte_array_set_size(f, 0);
        return cost;
    }
    if (e->st.insert_vlan)
        frame_insert_vlan(f, e->st.reg[VET], e->st.vlan, &m);
    if (f->len < NET_MIN_FRAME && (e->st.reg[TCTL] & TCTL_PSP)) {
        static const uint8_t zeros[NET_MIN_FRAME];
        g_byte_array_append(f, zeros, NET_MIN_FRAME - f->len);
    }
    tx_out(e, &m);
    return cost;
}

/* ---- descriptors ---- */

static void tx_context(E1000 *e, const TxDesc *d)
{
    E1000Context *c = &e->st.ctx[tx_cmd(d) & TUCMD_TSE ? 1 : 0];
    c->ipcss = d->addr;
    c->ipcso = d->addr >> 8;
    c->ipcse = d->addr >> 16;
    c->tucss = d->addr >> 32;
    c->tucso = d->addr >> 40;
    c->tucse = d->addr >> 48;
    c->tucmd = tx_cmd(d);
    c->hdrlen = d->upper >> 8;
    c->mss = d->upper >> 16;
}

/* POPTS and, in a segmentation, VLE count in the first descriptor of a packet; else VLE in its
 * last. */
static void tx_begin(E1000 *e, const TxDesc *d, bool data)
{
    if (!e->st.gathering) {
        g_byte_array_set_size(e->st.frame, 0);
        e->st.dcmd = data ? tx_cmd(d) : 0;
        e->st.popts = data ? d->upper >> 8 : 0;
    }
    if (!e->st.gathering || !(e->st.dcmd & DCMD_TSE)) {
        e->st.insert_vlan = (tx_cmd(d) & CMD_VLE) && (e->st.reg[CTRL] & CTRL_VME);
        e->st.vlan = d->upper >> 16;
    }
    e->st.gathering = true;
}

static unsigned tx_descriptor(E1000 *e, const TxDesc *d)
{
    bool extended = tx_cmd(d) & CMD_DEXT;
    if (extended && !(d->lower >> 20 & 15)) {
        tx_context(e, d);
        return 0;
    }
    uint32_t len = d->lower & (extended ? 0xfffff : 0xffff);
    tx_begin(e, d, extended);
    if (e->st.oversize || !frame_gather(&e->pci.dev, e->st.frame, d->addr, len))
        e->st.oversize = true;
    return tx_cmd(d) & CMD_EOP ? tx_finish(e, d) : len;
}

static void tx_write_back(E1000 *e, uint64_t at, const TxDesc *d, uint32_t *cause)
{
    if (!(tx_cmd(d) & CMD_RS))
        return;
    uint32_t upper = GUINT32_TO_LE(d->upper | STA_DD);
    dma_write(&e->pci.dev, at + 12, &upper, 4);
    if (!(tx_cmd(d) & CMD_IDE) ||
        !e1000_delay(e, &e->tx_delay, &e->st.tx_limit, e->st.reg[TIDV], e->st.reg[TADV]))
        *cause |= ICR_TXDW;
}

/* -> causes */
static uint32_t tx_run(E1000 *e, uint32_t size)
{
    uint32_t *head = &e->st.reg[TDH], cause = 0;
    unsigned cost = 0;
    for (unsigned n = 0; *head != e->st.reg[TDT] && !e->st.held; n++) {
        uint64_t at = e1000_base(e, TDBAL) + *head * 16ull;
        TxDesc d;
        if (n == KICK_DESCRIPTORS || cost > KICK_COST) {
            frame_later(&e->work);
            return cause;
        }
        if (!dma_read(&e->pci.dev, at, &d, sizeof(d))) {
            guest_error(&e->pci.dev, "a transmit ring that cannot be read");
            return cause;
        }
        d.addr = GUINT64_FROM_LE(d.addr);
        d.lower = GUINT32_FROM_LE(d.lower);
        d.upper = GUINT32_FROM_LE(d.upper);
        cost += tx_descriptor(e, &d);
        tx_write_back(e, at, &d, &cause);
        *head = *head + 1 >= size ? 0 : *head + 1;
    }
    return *head == e->st.reg[TDT] ? cause | ICR_TXQE : cause;
}

void e1000_send(void *o)
{
    E1000 *e = o;
    uint32_t size = e1000_ring(e, TDLEN);
    if (!(e->st.reg[TCTL] & TCTL_EN) || !frame_again(e->nic.port, e->st.frame, &e->st.held))
        return;
    if (!size || e->st.reg[TDT] >= size || e->st.reg[TDH] >= size) {
        if (e->st.reg[TDT] != e->st.reg[TDH])
            guest_error(&e->pci.dev, "TDH %u, TDT %u in a ring of %u", e->st.reg[TDH],
                        e->st.reg[TDT], size);
        return;
    }
    if (e->st.reg[TDH] != e->st.reg[TDT])
        e1000_cause(e, tx_run(e, size));
}
