/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000: the receiver. Manual 317453, 3.2: filters, descriptors, check sums.
 *
 *   0 address | 8 length 16, packet check sum 16 | 12 status 8, errors 8, special 16
 *
 * A frame is put into as many descriptors as it needs; when fewer are free it stays with the
 * sender until RDT moves. With the receiver off or the link down it is lost, as on the wire.
 */
#include <string.h>

#include "hw/net/e1000.h"
#include "util/iov.h"

enum {
    RXD_DD = 1,
    RXD_EOP = 2,
    RXD_IXSM = 4,
    RXD_VP = 8,
    RXD_TCPCS = 0x20,
    RXD_IPCS = 0x40,
    RXD_PIF = 0x80
};
enum { RXE_TCPE = 0x20, RXE_IPE = 0x40 };
enum { LONG_FRAME = 1522 };

typedef struct RxFrame {
    uint8_t *data;
    size_t len; /* with the FCS if it is stored */
    uint16_t packet_sum, vlan;
    uint8_t status, errors;
} RxFrame;

/* ---- filters ---- */

static bool rx_own(const E1000 *e, const uint8_t *mac)
{
    for (unsigned i = 0; i < 32; i += 2) {
        const uint32_t *ra = &e->st.reg[RA + i];
        if ((ra[1] & 1u << 31) && ra[0] == get_le32(mac) && (uint16_t)ra[1] == get_le16(mac + 4))
            return true;
    }
    return false;
}

/* 12 bits of the last two bytes, from where RCTL.MO says */
static bool rx_multicast(const E1000 *e, const uint8_t *mac)
{
    static const uint8_t shift[4] = { 4, 3, 2, 0 };
    unsigned hash = get_le16(mac + 4) >> shift[e->st.reg[RCTL] >> 12 & 3] & 0xfff;
    return e->st.reg[MTA + (hash >> 5)] >> (hash & 31) & 1;
}

static bool rx_address(const E1000 *e, const uint8_t *mac, bool *inexact)
{
    uint32_t rctl = e->st.reg[RCTL];
    if (frame_is_broadcast(mac))
        return rctl & (RCTL_BAM | RCTL_MPE);
    if (rx_own(e, mac))
        return true;
    if (!(mac[0] & 1))
        return rctl & RCTL_UPE;
    *inexact = true;
    return (rctl & RCTL_MPE) || rx_multicast(e, mac);
}

static bool rx_is_vlan(const E1000 *e, const uint8_t *f, size_t len)
{
    return len >= NET_HEADER + FRAME_VLAN && get_be16(f + 12) == e->st.reg[VET];
}

static bool rx_vlan(const E1000 *e, const uint8_t *f, size_t len)
{
    uint32_t rctl = e->st.reg[RCTL];
    if (!(rctl & RCTL_VFE) || !rx_is_vlan(e, f, len))
        return true;
    unsigned tci = get_be16(f + 14), id = tci & 0xfff;
    if ((rctl & RCTL_CFIEN) && !(tci & 0x1000) != !(rctl & RCTL_CFI))
        return false;
    return e->st.reg[VFTA + (id >> 5)] >> (id & 31) & 1;
}

static bool rx_wanted(E1000 *e, size_t len, bool *inexact)
{
    if (len < NET_MIN_FRAME && !(e->st.reg[RCTL] & RCTL_SBP)) {
        e1000_count(e, RUC, 1);
        return false;
    }
    if (len + FRAME_FCS > (e->st.reg[RCTL] & RCTL_LPE ? E1000_MAX_FRAME : LONG_FRAME)) {
        e1000_count(e, ROC, 1);
        return false;
    }
    return rx_address(e, e->buf, inexact) && rx_vlan(e, e->buf, len);
}

/* IPv4, TCP and UDP over it, not in fragments (3.2.9) */
static void rx_check(E1000 *e, RxFrame *r, size_t len)
{
    uint32_t rxcsum = e->st.reg[RXCSUM];
    FrameIp i;
    if (!(rxcsum & RXCSUM_IPOFLD) || !frame_find_ip(&i, r->data, len, e->st.reg[VET], true)) {
        r->status |= RXD_IXSM;
        return;
    }
    r->status |= RXD_IPCS;
    if (!i.ip_ok)
        r->errors |= RXE_IPE;
    if (!(rxcsum & RXCSUM_TUOFLD) || !i.l4)
        return;
    r->status |= RXD_TCPCS;
    if (!i.l4_ok)
        r->errors |= RXE_TCPE;
}

/* ---- descriptors ---- */

static unsigned rx_buffer(const E1000 *e)
{
    unsigned size = 2048u >> (e->st.reg[RCTL] >> 16 & 3);
    return e->st.reg[RCTL] & RCTL_BSEX && size < 2048 ? size * 16 : size;
}

static uint32_t rx_free(const E1000 *e, uint32_t size)
{
    uint32_t head = e->st.reg[RDH], tail = e->st.reg[RDT];
    if (head >= size || tail >= size)
        return 0;
    return tail >= head ? tail - head : size - head + tail;
}

/* One descriptor: n bytes of the frame. A null address takes none. */
static size_t rx_descriptor(E1000 *e, const RxFrame *r, size_t done, uint32_t size)
{
    uint64_t at = e1000_base(e, RDBAL) + e->st.reg[RDH] * 16ull, addr = 0;
    bool ok = dma_read(&e->pci.dev, at, &addr, 8);
    addr = GUINT64_FROM_LE(addr);
    size_t n = addr && ok ? MIN(r->len - done, rx_buffer(e)) : 0;
    bool last = done + n == r->len;
    if (n)
        ok = dma_write(&e->pci.dev, addr, r->data + done, n);
    uint64_t back = n | (uint64_t)r->packet_sum << 16;
    if (last)
        back |= (uint64_t)(r->status | RXD_EOP) << 32 | (uint64_t)r->errors << 40 |
                (uint64_t)r->vlan << 48;
    back = GUINT64_TO_LE(back | (uint64_t)RXD_DD << 32);
    if (!dma_write(&e->pci.dev, at + 8, &back, 8) || !ok)
        guest_error(&e->pci.dev, "a receive descriptor or its buffer that cannot be written");
    e->st.reg[RDH] = e->st.reg[RDH] + 1 >= size ? 0 : e->st.reg[RDH] + 1;
    return n;
}

static void rx_store(E1000 *e, const RxFrame *r, uint32_t size, uint32_t free)
{
    size_t done = 0;
    while (done < r->len && free--)
        done += rx_descriptor(e, r, done, size);
    uint32_t cause = 0;
    if (r->len <= e->st.reg[RSRPD])
        cause |= ICR_SRPD;
    if (rx_free(e, size) <= size >> ((e->st.reg[RCTL] >> 8 & 3) + 1))
        cause |= ICR_RXDMT0;
    if (!e1000_delay(e, &e->rx_delay, &e->st.rx_limit, e->st.reg[RDTR], e->st.reg[RADV]))
        cause |= ICR_RXT0;
    if (cause)
        e1000_cause(e, cause);
}

static void rx_strip_vlan(E1000 *e, RxFrame *r, size_t *len)
{
    if ((e->st.reg[CTRL] & CTRL_VME) && frame_strip_vlan(&r->data, len, e->st.reg[VET], &r->vlan))
        r->status |= RXD_VP;
}

/* e->buf holds it and has room for an FCS */
ssize_t e1000_take(E1000 *e, size_t len)
{
    RxFrame r = { .data = e->buf };
    uint32_t size = e1000_ring(e, RDLEN), free = rx_free(e, size);
    unsigned buffer = rx_buffer(e), start = e->st.reg[RXCSUM] & 0xff;
    bool inexact = false;
    if (!rx_wanted(e, len, &inexact))
        return len;
    size_t need = (len + FRAME_FCS + buffer - 1) / buffer;
    if (free < need) {
        e1000_count(e, RNBC, 1);
        e1000_cause(e, ICR_RXO);
        if (size > need)
            return 0;
        e1000_count(e, MPC, 1); /* no ring of this size ever holds it */
        return len;
    }
    e1000_count_frame(e, false, r.data, len);
    if (inexact)
        r.status |= RXD_PIF;
    rx_check(e, &r, len);
    rx_strip_vlan(e, &r, &len);
    if (start < len)
        r.packet_sum = ~net_checksum(0, r.data + start, len - start);
    r.len = len;
    if (!(e->st.reg[RCTL] & RCTL_SECRC)) {
        frame_put_fcs(r.data, len);
        r.len += FRAME_FCS;
    }
    rx_store(e, &r, size, free);
    return len;
}

ssize_t e1000_receive(void *o, const struct iovec *v, int n, const NetMeta *m)
{
    E1000 *e = o;
    size_t len = iov_bytes(v, n);
    if (!(e->st.reg[RCTL] & RCTL_EN) || !(e->st.reg[STATUS] & STATUS_LU) || e1000_loops(e))
        return len;
    if (len > E1000_MAX_FRAME) {
        e1000_count(e, ROC, 1);
        return len;
    }
    iov_to_buf(v, n, 0, e->buf, len);
    return e1000_take(e, len);
}
