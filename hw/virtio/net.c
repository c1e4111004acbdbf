/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net: virtio 1.2, 5.1. Frames behind a header {u8 flags, u8 gso_type, le16 hdr_len,
 * gso_size, csum_start, csum_offset[, num_buffers]}. One pair of queues, so there is no multiqueue,
 * RSS or hash report; no RSC, no failover.
 *
 * A full receive ring answers 0 to the peer until the driver kicks; a full peer leaves the frame in
 * the transmit ring until it resumes. Threads: machine lock.
 */
#include "hw/virtio/net-int.h"
#include "core/vm.h"

enum { HEADER = 10, HEADER_MERGEABLE = 12, TX_BURST = 256 };

static size_t header_size(const VirtioNet *n)
{
    return virtio_modern(&n->v) || virtio_has(&n->v, VIRTIO_NET_F_MRG_RXBUF) ? HEADER_MERGEABLE
                                                                             : HEADER;
}

/* ---- received frames ---- */

static bool rx_ready(const VirtioNet *n)
{
    return virtq_ready(&n->v.vq[RX_QUEUE]) && (n->v.st.status & VIRTIO_DRIVER_OK);
}

static void fill_header(uint8_t h[HEADER_MERGEABLE], const NetMeta *m, unsigned buffers)
{
    static const NetMeta plain;

    m = m ? m : &plain;
    h[0] = m->flags;
    h[1] = m->gso_type;
    put_le16(h + 2, m->hdr_len);
    put_le16(h + 4, m->gso_size);
    put_le16(h + 6, m->csum_start);
    put_le16(h + 8, m->csum_off);
    put_le16(h + 10, buffers);
}

/* Buffers for `need` bytes, more than one only where they may be merged; their number, 0: no room,
 * -1: they are there and too small */
static int rx_collect(VirtioNet *n, uint64_t need)
{
    VirtQueue *vq = &n->v.vq[RX_QUEUE];
    bool merge = virtio_has(&n->v, VIRTIO_NET_F_MRG_RXBUF);
    unsigned count = 0;
    uint64_t room = 0;

    while (room < need && count < VIRTIO_QUEUE_MAX) {
        VirtqElem *e = virtq_pop(vq);
        if (!e)
            break;
        n->rx[count++] = e;
        room += e->in_len;
        if (!merge)
            break;
    }
    if (room >= need && count)
        return count;
    if (count && !merge) {
        virtq_push(n->rx[0], 0);
        virtq_notify(vq);
        return -1;
    }
    while (count)
        virtq_unpop(n->rx[--count]);
    return 0;
}

/* Header and frame over the buffers, then all of them at once to the driver */
static void rx_fill(VirtioNet *n, unsigned count, const struct iovec *frame, int pieces,
                    const NetMeta *meta)
{
    size_t hdr = header_size(n), len = iov_bytes(frame, pieces), off = 0;
    uint8_t h[HEADER_MERGEABLE];

    fill_header(h, meta, count);
    for (unsigned i = 0; i < count; i++) {
        VirtqElem *e = n->rx[i];
        size_t skip = i ? 0 : hdr, part = MIN(e->in_len - MIN(e->in_len, skip), len - off);
        if (!i)
            virtq_write(e, 0, h, hdr);
        int k = iov_slice(n->iov, frame, pieces, off, part);
        for (size_t j = 0, at = skip; j < (size_t)k; at += n->iov[j++].iov_len)
            virtq_write(e, at, n->iov[j].iov_base, n->iov[j].iov_len);
        n->rx_written[i] = skip + part;
        off += part;
    }
    virtq_push_all(n->rx, n->rx_written, count);
    virtq_notify(&n->v.vq[RX_QUEUE]);
}

static ssize_t net_receive(void *o, const struct iovec *frame, int pieces, const NetMeta *meta)
{
    VirtioNet *n = o;
    VirtQueue *vq = &n->v.vq[RX_QUEUE];
    size_t len = iov_bytes(frame, pieces);
    uint8_t head[18] = { 0 };

    if (!rx_ready(n)) /* no driver: as a NIC that is switched off */
        return len;
    iov_to_buf(frame, pieces, 0, head, MIN(len, sizeof(head)));
    if (!virtio_net_wants(n, head))
        return len;
    virtq_want_kicks(vq, false);
    int count = rx_collect(n, len + header_size(n));
    if (!count) {
        virtq_want_kicks(vq, true);
        count = rx_collect(n, len + header_size(n)); /* they came in between */
    }
    if (count > 0)
        rx_fill(n, count, frame, pieces, meta);
    else if (count < 0)
        guest_error(n->v.dev, "a receive buffer too small for a frame of %zu bytes", len);
    return count || n->v.st.broken ? (ssize_t)len : 0;
}

/* ---- sent frames ---- */

/* false: a header that makes no sense; *meta NULL-like (flags and type 0) for a plain frame */
static bool read_header(const VirtioNet *n, const VirtqElem *e, NetMeta *m)
{
    static const uint8_t needs[] = { [NET_GSO_TCP4] = VIRTIO_NET_F_HOST_TSO4,
                                     [NET_GSO_UDP] = VIRTIO_NET_F_HOST_UFO,
                                     [NET_GSO_TCP6] = VIRTIO_NET_F_HOST_TSO6 };
    uint8_t h[HEADER];

    if (!virtq_read(e, 0, h, HEADER))
        return false;
    *m = (NetMeta){ .flags = h[0] & NET_META_NEEDS_CSUM,
                    .gso_type = h[1],
                    .hdr_len = get_le16(h + 2),
                    .gso_size = get_le16(h + 4),
                    .csum_start = get_le16(h + 6),
                    .csum_off = get_le16(h + 8) };
    if (m->flags && !virtio_has(&n->v, VIRTIO_NET_F_CSUM))
        return false;
    unsigned kind = m->gso_type & ~NET_GSO_ECN;
    bool whole = virtio_has(&n->v, VIRTIO_NET_F_GSO); /* legacy: all kinds */
    return !m->gso_type || (kind < sizeof(needs) && needs[kind] && m->gso_size &&
                            (whole || virtio_has(&n->v, needs[kind])));
}

/* The frame behind the header, in no more pieces than a peer takes */
static int frame_of(VirtioNet *n, const VirtqElem *e, size_t hdr)
{
    size_t len = e->out_len - hdr;
    int k = iov_slice(n->iov, e->out, e->n_out, hdr, len);

    if (k <= NET_MAX_IOV)
        return k;
    if (!n->flat)
        n->flat = g_malloc(NET_MAX_FRAME);
    virtq_read(e, hdr, n->flat, len);
    n->iov[0] = (struct iovec){ n->flat, len };
    return 1;
}

/* false: the peer is full, the element was not used */
static bool tx_one(void *o, VirtqElem *e)
{
    VirtioNet *n = o;
    size_t hdr = header_size(n);
    NetMeta m;

    if (e->out_len < hdr + NET_HEADER || e->out_len > hdr + NET_MAX_FRAME ||
        !read_header(n, e, &m)) {
        guest_error(n->v.dev, "a frame of %" G_GUINT64_FORMAT " bytes that cannot be sent",
                    e->out_len);
        return true;
    }
    int k = frame_of(n, e, hdr);
    return net_send(n->nic.port, n->iov, k, m.flags || m.gso_type ? &m : NULL) != 0;
}

static void tx_serve(VirtioNet *n)
{
    if (!n->tx_waiting && (n->v.st.status & VIRTIO_DRIVER_OK))
        n->tx_waiting = !virtq_send(&n->v.vq[TX_QUEUE], TX_BURST, tx_one, n);
}

static void net_resumed(void *o)
{
    VirtioNet *n = o;

    if (!n->v.vq)
        return;
    n->tx_waiting = false;
    tx_serve(n);
}

static void net_link(void *o, bool up)
{
    VirtioNet *n = o;

    if (n->v.vq && virtio_has(&n->v, VIRTIO_NET_F_STATUS))
        virtio_config_changed(&n->v);
}

const NetOps virtio_net_port = { .receive = net_receive, .resume = net_resumed, .link = net_link };

/* ---- the device ---- */

static void net_kick(Virtio *v, VirtQueue *vq)
{
    VirtioNet *n = (VirtioNet *)v;

    switch (vq->index) {
    case RX_QUEUE: net_resume(n->nic.port); break;
    case TX_QUEUE: tx_serve(n); break;
    case CTRL_QUEUE: virtio_net_control(n, vq); break;
    }
}

static uint64_t net_features(Virtio *v, uint64_t host)
{
    const VirtioNet *n = (VirtioNet *)v;
    uint64_t f = VIRTIO_BIT(VIRTIO_NET_F_MAC);

    if (n->host_mtu)
        f |= VIRTIO_BIT(VIRTIO_NET_F_MTU);
    if (n->speed >= 0)
        f |= VIRTIO_BIT(VIRTIO_NET_F_SPEED_DUPLEX);
    return f;
}

static void net_config(Virtio *v, uint8_t *c)
{
    const VirtioNet *n = (VirtioNet *)v;

    memcpy(c, n->st.mac, 6);
    put_le16(c + 6, net_link_up(n->nic.port) | n->st.announce << 1);
    put_le16(c + 8, 1);
    put_le16(c + 10, n->host_mtu);
    put_le32(c + 12, n->speed);
    c[16] = !n->duplex ? 0xff : !strcmp(n->duplex, "full");
}

/* Only old drivers set the address here. */
static void net_config_written(Virtio *v, unsigned off, unsigned size, const uint8_t *c)
{
    VirtioNet *n = (VirtioNet *)v;

    if (off >= 6 || virtio_modern(v) || virtio_has(v, VIRTIO_NET_F_CTRL_MAC_ADDR))
        return;
    memcpy(n->st.mac, c, 6);
    nic_show_mac(&n->nic, n->st.mac);
}

void virtio_net_set_takes(VirtioNet *n)
{
    static const struct {
        uint8_t bit, takes;
    } map[] = { { VIRTIO_NET_F_GUEST_TSO4, NET_TSO4 },
                { VIRTIO_NET_F_GUEST_TSO6, NET_TSO6 },
                { VIRTIO_NET_F_GUEST_ECN, NET_ECN },
                { VIRTIO_NET_F_GUEST_UFO, NET_UFO } };
    unsigned takes = 0;

    if ((n->v.st.status & VIRTIO_DRIVER_OK) &&
        (n->st.offloads & VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM))) {
        takes = NET_CSUM;
        for (unsigned i = 0; i < G_N_ELEMENTS(map); i++)
            if (n->st.offloads & VIRTIO_BIT(map[i].bit))
                takes |= map[i].takes;
    }
    net_set_takes(n->nic.port, takes);
}

static void net_status(Virtio *v, uint8_t now, uint8_t was)
{
    VirtioNet *n = (VirtioNet *)v;

    if (!(now & ~was & VIRTIO_DRIVER_OK))
        return;
    n->st.offloads = v->st.features & NET_GUEST_OFFLOADS;
    virtio_net_set_takes(n);
    net_resume(n->nic.port);
    virtq_again(&v->vq[TX_QUEUE]);
}

static void net_run(Virtio *v)
{
    ((VirtioNet *)v)->tx_waiting = false;
}

const VirtioOps virtio_net_ops = {
    .id = VIRTIO_NET,
    .name = "virtio-net",
    .features = net_features,
    .config = net_config,
    .config_written = net_config_written,
    .kick = net_kick,
    .status = net_status,
    .run = net_run,
};
