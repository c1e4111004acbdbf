/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net's control queue (virtio 1.2, 5.1.6.5) and the receive filter that it sets: modes, MAC
 * tables, VLANs. A command is {u8 class, u8 command, data}, answered by one byte.
 * Threads: machine lock.
 */
#include "hw/virtio/net-int.h"
#include "util/bytes.h"

enum { CTRL_RX, CTRL_MAC, CTRL_VLAN, CTRL_ANNOUNCE, CTRL_MQ, CTRL_OFFLOADS };
enum { CTRL_OK, CTRL_ERR };
enum { MAC_TABLE_SET, MAC_ADDR_SET };

/* ---- the filter ---- */

static bool in_table(const VirtioNet *n, unsigned from, unsigned count, const uint8_t *mac)
{
    for (unsigned i = from; i < from + count && i < NET_MACS; i++)
        if (!memcmp(n->st.macs[i], mac, 6))
            return true;
    return false;
}

static bool vlan_ok(const VirtioNet *n, const uint8_t *head)
{
    unsigned id = get_be16(head + 14) & 0xfff;

    if (!virtio_has(&n->v, VIRTIO_NET_F_CTRL_VLAN) || get_be16(head + 12) != 0x8100)
        return true;
    return n->st.vlans[id / 8] >> id % 8 & 1;
}

bool virtio_net_wants(const VirtioNet *n, const uint8_t head[18])
{
    static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    const VirtioNetState *s = &n->st;

    if (s->promisc)
        return true;
    if (!vlan_ok(n, head))
        return false;
    if (!memcmp(head, broadcast, 6))
        return !s->nobcast;
    if (head[0] & 1)
        return !s->nomulti &&
               (s->allmulti || s->multi_overflow || in_table(n, s->n_uni, s->n_multi, head));
    if (s->nouni)
        return false;
    return s->alluni || s->uni_overflow || !memcmp(head, s->mac, 6) ||
           in_table(n, 0, s->n_uni, head);
}

/* Before a driver says otherwise: everything (5.1.6.5.1), every VLAN where it does not filter */
void virtio_net_filter_reset(VirtioNet *n)
{
    memcpy(n->st.mac, n->nic.addr, 6);
    n->st.promisc = true;
    memset(n->st.vlans, 0, sizeof(n->st.vlans));
}

/* ---- commands ---- */

static bool set_mode(VirtioNet *n, uint8_t command, const VirtqElem *e)
{
    bool *const modes[] = { &n->st.promisc, &n->st.allmulti, &n->st.alluni,
                            &n->st.nomulti, &n->st.nouni,    &n->st.nobcast };
    uint8_t on;

    if (command >= G_N_ELEMENTS(modes) || !virtq_read(e, 2, &on, 1) ||
        !virtio_has(&n->v, command < 2 ? VIRTIO_NET_F_CTRL_RX : VIRTIO_NET_F_CTRL_RX_EXTRA))
        return false;
    *modes[command] = on != 0;
    return true;
}

/* {le32 entries, macs}: those that fit go behind the first `at` of the table */
static bool read_table(const VirtqElem *e, uint64_t *off, VirtioNetState *s, uint32_t at,
                       uint32_t *count, bool *overflow)
{
    uint8_t raw[4];

    if (!virtq_read(e, *off, raw, 4))
        return false;
    uint32_t n = get_le32(raw);
    *off += 4;
    if ((uint64_t)n * 6 > e->out_len - *off)
        return false;
    *overflow = n > NET_MACS - at;
    *count = *overflow ? 0 : n;
    if (*count && !virtq_read(e, *off, s->macs[at], n * 6))
        return false;
    *off += (uint64_t)n * 6;
    return true;
}

static bool set_macs(VirtioNet *n, uint8_t command, const VirtqElem *e)
{
    VirtioNetState s = n->st;
    uint64_t off = 2;

    if (command == MAC_ADDR_SET) {
        if (!virtio_has(&n->v, VIRTIO_NET_F_CTRL_MAC_ADDR) || e->out_len != 8)
            return false;
        virtq_read(e, 2, n->st.mac, 6);
        nic_show_mac(&n->nic, n->st.mac);
        return true;
    }
    if (command != MAC_TABLE_SET || !virtio_has(&n->v, VIRTIO_NET_F_CTRL_RX))
        return false;
    memset(s.macs, 0, sizeof(s.macs));
    if (!read_table(e, &off, &s, 0, &s.n_uni, &s.uni_overflow) ||
        !read_table(e, &off, &s, s.n_uni, &s.n_multi, &s.multi_overflow))
        return false;
    n->st = s;
    return true;
}

static bool set_vlan(VirtioNet *n, uint8_t command, const VirtqElem *e)
{
    uint8_t raw[2];

    if (command > 1 || !virtq_read(e, 2, raw, 2) || !virtio_has(&n->v, VIRTIO_NET_F_CTRL_VLAN))
        return false;
    unsigned id = get_le16(raw);
    if (id > 4095)
        return false;
    n->st.vlans[id / 8] &= ~(1 << id % 8);
    n->st.vlans[id / 8] |= !command << id % 8;
    return true;
}

static bool set_offloads(VirtioNet *n, uint8_t command, const VirtqElem *e)
{
    uint8_t raw[8];

    if (command || !virtq_read(e, 2, raw, 8) ||
        !virtio_has(&n->v, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
        (get_le64(raw) & ~(n->v.st.features & NET_GUEST_OFFLOADS)))
        return false;
    n->st.offloads = get_le64(raw);
    virtio_net_set_takes(n);
    return true;
}

/* There is one pair of queues. */
static bool set_pairs(VirtioNet *n, uint8_t command, const VirtqElem *e)
{
    uint8_t raw[2];

    return !command && virtio_has(&n->v, VIRTIO_NET_F_MQ) && virtq_read(e, 2, raw, 2) &&
           get_le16(raw) == 1;
}

static bool announced(VirtioNet *n, uint8_t command)
{
    if (command || !n->st.announce)
        return false;
    n->st.announce = false;
    return true;
}

static bool run_command(VirtioNet *n, const VirtqElem *e)
{
    uint8_t head[2];

    if (!virtq_read(e, 0, head, 2))
        return false;
    switch (head[0]) {
    case CTRL_RX: return set_mode(n, head[1], e);
    case CTRL_MAC: return set_macs(n, head[1], e);
    case CTRL_VLAN: return set_vlan(n, head[1], e);
    case CTRL_ANNOUNCE: return announced(n, head[1]);
    case CTRL_MQ: return set_pairs(n, head[1], e);
    case CTRL_OFFLOADS: return set_offloads(n, head[1], e);
    }
    return false;
}

static void control_one(Virtio *v, VirtqElem *e)
{
    VirtQueue *vq = e->vq;
    uint8_t ack = run_command((VirtioNet *)v, e) ? CTRL_OK : CTRL_ERR;

    if (!e->in_len) {
        virtio_break(v, "a control command without room for its answer");
        virtq_drop(e);
        return;
    }
    virtq_write(e, 0, &ack, 1);
    virtq_push(e, 1);
    virtq_notify(vq);
}

void virtio_net_control(VirtioNet *n, VirtQueue *vq)
{
    virtq_serve(vq, control_one);
}
