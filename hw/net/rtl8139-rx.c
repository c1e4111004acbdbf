/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtl8139: the receiver. Classic: one buffer at RBSTART, each frame after a header of 4 bytes
 * (status, length with FCS), aligned to 4; CBR writes, CAPR + 16 reads (data sheet 5.6). C+: a
 * ring of descriptors at RDSAR (9.3):
 *
 *   0 OWN 31, EOR 30, size 12-0; after: FS 29, LS 28, MAR 26, PAM 25, BAR 24, PID 17-16,
 *     IPF 15, UDPF 14, TCPF 13, length with FCS 12-0 | 4 TAVA 16, tag, bytes swapped | 8 address
 *
 * No register tells the chip that a C+ ring has room again. Until the driver acknowledges or
 * unmasks an interrupt the frame waits with its sender (Stall of frame.h).
 */
#include <string.h>

#include "hw/net/rtl8139.h"
#include "util/iov.h"

enum { RX_ROK = 1, RX_BAR = 0x2000, RX_PAM = 0x4000, RX_MAR = 0x8000 };
enum {
    RXD_OWN = 1u << 31,
    RXD_EOR = 1 << 30,
    RXD_FS = 1 << 29,
    RXD_LS = 1 << 28,
    RXD_SIZE = 0x1fff,
    RXD_TAVA = 1 << 16
};
enum { RXD_IPF = 1 << 15, RXD_UDPF = 1 << 14, RXD_TCPF = 1 << 13 };
enum { HEADER = 4, CHAIN = 16 };

typedef struct RxDesc {
    uint32_t opts, vlan;
    uint64_t addr;
} RxDesc;

/* ---- filter ---- */

/* -> BAR, PAM or MAR of the frame's status; 0: not for us; ROK: for us, by no filter's bit */
static unsigned rx_filter(const Rtl8139 *r, const uint8_t *f)
{
    uint32_t rcr = rtl_get32(r, RCR);
    bool all = rcr & RCR_AAP;
    if (frame_is_broadcast(f))
        return all || (rcr & RCR_AB) ? RX_BAR : 0;
    if (f[0] & 1) {
        unsigned hash = frame_hash(f);
        return all || ((rcr & RCR_AM) && (r->st.reg[MAR0 + hash / 8] >> (hash & 7) & 1)) ? RX_MAR
                                                                                         : 0;
    }
    if (!memcmp(f, r->st.reg + IDR0, 6))
        return all || (rcr & RCR_APM) ? RX_PAM : 0;
    return all ? RX_ROK : 0;
}

static void rx_tally(Rtl8139 *r, unsigned filter)
{
    r->st.tally.rx_ok++;
    r->st.tally.rx_phys += filter == RX_PAM;
    r->st.tally.rx_broadcast += filter == RX_BAR;
    r->st.tally.rx_multicast += filter == RX_MAR;
}

/* ---- no room ---- */

static ssize_t rx_full(Rtl8139 *r, size_t len, uint16_t cause)
{
    bool first = !r->st.stall.waiting;
    if (stall_wait(&r->stall)) {
        if (first)
            rtl_cause(r, cause);
        return 0;
    }
    rtl_put32(r, MPC, (rtl_get32(r, MPC) + 1) & 0xffffff);
    r->st.tally.missed++;
    rtl_cause(r, INT_FOVW | cause);
    return len;
}

void rtl_room(Rtl8139 *r)
{
    net_resume(r->nic.port);
}

/* ---- classic ---- */

static uint32_t rx_size(const Rtl8139 *r)
{
    return 8192u << (rtl_get32(r, RCR) >> 11 & 3);
}

/* bytes from CAPR to CBR */
static uint32_t rx_used(const Rtl8139 *r)
{
    return (rtl_get16(r, CBR) - rtl_get16(r, CAPR) - 16) & (rx_size(r) - 1);
}

bool rtl_buffer_empty(const Rtl8139 *r)
{
    return !rx_used(r);
}

/* At the end of the buffer it wraps, or with WRAP runs over it (never with 64 KiB). */
static bool rx_put(Rtl8139 *r, uint32_t at, const uint8_t *p, size_t n)
{
    uint32_t base = rtl_get32(r, RBSTART), size = rx_size(r);
    bool over = (rtl_get32(r, RCR) & RCR_WRAP) && size < 65536;
    size_t first = over || at + n <= size ? n : size - at;
    return dma_write(&r->pci.dev, base + at, p, first) &&
           (first == n || dma_write(&r->pci.dev, base, p + first, n - first));
}

static ssize_t rx_classic(Rtl8139 *r, size_t len, unsigned filter)
{
    uint32_t size = rx_size(r), at = rtl_get16(r, CBR) & (size - 1);
    uint32_t need = (HEADER + len + FRAME_FCS + 3) & ~3u;
    if (need >= size - rx_used(r))
        return rx_full(r, len, INT_RXOVW);
    stall_over(&r->stall);
    frame_put_fcs(r->buf + HEADER, len);
    uint32_t head = GUINT32_TO_LE(RX_ROK | filter | (uint32_t)(len + FRAME_FCS) << 16);
    memcpy(r->buf, &head, HEADER);
    if (!rx_put(r, at, r->buf, HEADER + len + FRAME_FCS))
        guest_error(&r->pci.dev, "a receive buffer that cannot be written");
    rtl_put16(r, CBR, (at + need) & (size - 1));
    rx_tally(r, filter);
    rtl_cause(r, INT_ROK);
    return len;
}

/* ---- C+ ---- */

static uint64_t rx_desc_at(const Rtl8139 *r, unsigned n)
{
    return (rtl_get64(r, RDSAR) & ~255ull) + 16ull * n;
}

static bool rx_fetch(Rtl8139 *r, unsigned n, RxDesc *d)
{
    if (!dma_read(&r->pci.dev, rx_desc_at(r, n), d, sizeof(*d)))
        return false;
    d->opts = GUINT32_FROM_LE(d->opts);
    d->vlan = GUINT32_FROM_LE(d->vlan);
    d->addr = GUINT64_FROM_LE(d->addr);
    return d->opts & RXD_OWN;
}

static unsigned rx_after(unsigned n, const RxDesc *d)
{
    return d->opts & RXD_EOR || n == RTL_RING - 1 ? 0 : n + 1;
}

/* how many descriptors a frame of len takes; 0: not enough are the chip's */
static unsigned rx_chain(Rtl8139 *r, size_t len, RxDesc *d)
{
    size_t room = 0;
    for (unsigned i = 0, n = r->st.rx_at; i < CHAIN && rx_fetch(r, n, &d[i]); i++) {
        room += d[i].opts & RXD_SIZE;
        if (room >= len)
            return i + 1;
        n = rx_after(n, &d[i]);
    }
    return 0;
}

static uint32_t rx_sums(const Rtl8139 *r, const uint8_t *f, size_t len)
{
    FrameIp i;
    if (!(rtl_get16(r, CPCR) & CPCR_CHECKSUM) || !frame_find_ip(&i, f, len, 0x8100, true))
        return 0;
    uint32_t pid = i.l4 ? (i.proto == FRAME_TCP ? 1 : 2) : 3;
    uint32_t bad = !i.l4 || i.l4_ok ? 0 : i.proto == FRAME_TCP ? RXD_TCPF : RXD_UDPF;
    return pid << 16 | bad | (i.ip_ok ? 0 : RXD_IPF);
}

static uint32_t rx_strip_vlan(const Rtl8139 *r, uint8_t **f, size_t *len)
{
    uint16_t tci;
    if (!(rtl_get16(r, CPCR) & CPCR_VLAN) || !frame_strip_vlan(f, len, 0x8100, &tci))
        return 0;
    return RXD_TAVA | GUINT16_SWAP_LE_BE(tci);
}

static void rx_give(Rtl8139 *r, const RxDesc *d, const uint8_t *p, size_t n, uint32_t opts,
                    uint32_t vlan)
{
    uint32_t back[2] = { GUINT32_TO_LE(opts | (d->opts & RXD_EOR)), GUINT32_TO_LE(vlan) };
    if (!dma_write(&r->pci.dev, d->addr, p, n) ||
        !dma_write(&r->pci.dev, rx_desc_at(r, r->st.rx_at), back, sizeof(back)))
        guest_error(&r->pci.dev, "a receive descriptor or its buffer that cannot be written");
    r->st.rx_at = rx_after(r->st.rx_at, d);
}

static ssize_t rx_cplus(Rtl8139 *r, size_t len, unsigned filter)
{
    RxDesc d[CHAIN];
    uint8_t *f = r->buf + HEADER;
    size_t all = len, done = 0;
    unsigned n = rx_chain(r, len + FRAME_FCS, d);
    if (!n)
        return rx_full(r, len, INT_RXOVW);
    stall_over(&r->stall);
    /* MAR, PAM, BAR lie 11 bits higher than in a classic header */
    uint32_t opts = (filter & ~RX_ROK) << 11 | rx_sums(r, f, len);
    uint32_t vlan = rx_strip_vlan(r, &f, &len);
    frame_put_fcs(f, len);
    len += FRAME_FCS;
    for (unsigned i = 0; i < n; i++) {
        size_t part = MIN(len - done, d[i].opts & RXD_SIZE);
        done += part;
        rx_give(r, &d[i], f + done - part, part,
                opts | (i ? 0 : RXD_FS) | (i == n - 1 ? RXD_LS | (uint32_t)len : (uint32_t)part),
                vlan);
    }
    rx_tally(r, filter);
    rtl_cause(r, INT_ROK);
    return all;
}

/* r->buf holds it from HEADER on */
static ssize_t rx_take(Rtl8139 *r, size_t len)
{
    unsigned filter = rx_filter(r, r->buf + HEADER);
    if (!filter)
        return len;
    return rtl_get16(r, CPCR) & CPCR_RX ? rx_cplus(r, len, filter) : rx_classic(r, len, filter);
}

void rtl_loop_back(Rtl8139 *r, const uint8_t *frame, size_t len)
{
    if (len < NET_HEADER || len > RTL_MAX_FRAME - 64 || !(r->st.reg[CR] & CR_RE))
        return;
    memcpy(r->buf + HEADER, frame, len);
    rx_take(r, len);
}

ssize_t rtl_receive(void *o, const struct iovec *v, int n, const NetMeta *m)
{
    Rtl8139 *r = o;
    size_t len = iov_bytes(v, n);
    if (!(r->st.reg[CR] & CR_RE) || rtl_loops(r) || len > RTL_MAX_FRAME - 64)
        return len;
    iov_to_buf(v, n, 0, r->buf + HEADER, len);
    return rx_take(r, len);
}
