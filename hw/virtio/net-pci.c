/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio NICs as users name them and their rows. */
#include "hw/virtio/net-int.h"
#include "hw/virtio/types.h"

typedef struct VirtioNetPci {
    VirtioPci pci;
    VirtioNet chip;
} VirtioNetPci;

/* clang-format off */
#define T VirtioNetPci
#define FEATURE(name, bit, help) PROP_BIT(T, chip.v.conf.host, name, VIRTIO_NET_F_##bit, true, help)
#define NET_ROWS                                                                                              \
    VIRTIO_PCI_ROWS(T), PROP_BASE(T, pci, VirtioPciVectors), PROP_BASE(T, pci, VirtioPciEvent),               \
    PROP_BASE(T, chip.nic, Nic),                                                                              \
    FEATURE("csum", CSUM, "the device sums what the guest sends"),                                            \
    FEATURE("guest_csum", GUEST_CSUM, "the guest takes frames without a checksum"),                           \
    FEATURE("gso", GSO, "legacy: the device cuts large frames of all kinds"),                                 \
    FEATURE("guest_tso4", GUEST_TSO4, "the guest takes large TCP/IPv4 frames"),                               \
    FEATURE("guest_tso6", GUEST_TSO6, "the guest takes large TCP/IPv6 frames"),                               \
    FEATURE("guest_ecn", GUEST_ECN, "the same with ECN"),                                                     \
    FEATURE("guest_ufo", GUEST_UFO, "the guest takes large UDP frames"),                                      \
    FEATURE("host_tso4", HOST_TSO4, "the device cuts large TCP/IPv4 frames"),                                 \
    FEATURE("host_tso6", HOST_TSO6, "the device cuts large TCP/IPv6 frames"),                                 \
    FEATURE("host_ecn", HOST_ECN, "the same with ECN"),                                                       \
    FEATURE("host_ufo", HOST_UFO, "the device cuts large UDP frames"),                                        \
    FEATURE("mrg_rxbuf", MRG_RXBUF, "a received frame may take several buffers"),                             \
    FEATURE("status", STATUS, "tell whether the link is up"),                                                 \
    FEATURE("ctrl_vq", CTRL_VQ, "control queue"),                                                             \
    FEATURE("ctrl_rx", CTRL_RX, "control: receive modes"),                                                    \
    FEATURE("ctrl_vlan", CTRL_VLAN, "control: VLAN filter"),                                                  \
    FEATURE("ctrl_rx_extra", CTRL_RX_EXTRA, "control: more receive modes"),                                   \
    FEATURE("guest_announce", GUEST_ANNOUNCE, "the guest announces itself when asked"),                       \
    FEATURE("ctrl_mac_addr", CTRL_MAC_ADDR, "control: the guest sets its address"),                           \
    FEATURE("ctrl_guest_offloads", CTRL_GUEST_OFFLOADS, "control: offloads while it runs"),                   \
    PROP_INT (T, chip.rx_queue_size, "rx_queue_size", 256, "places of a queue, a power of two from 256 to 1024"), \
    PROP_INT (T, chip.tx_queue_size, "tx_queue_size", 256, "places of a queue, a power of two from 256 to 1024"), \
    PROP_INT (T, chip.host_mtu, "host_mtu", 0, "largest packet, told to the guest; 0: not told"),             \
    PROP_RANGE(T, chip.speed, "speed", -1, -1, INT32_MAX, "Mbit/s, told to the guest; -1: not told"),         \
    PROP_STR (T, chip.duplex, "duplex", NULL, "half or full, told with speed="),                              \
    PROP_STR (T, chip.tx, "tx", NULL, "only bh: frames are sent at once"),                                    \
    PROP_BIT (T, chip.v.conf.host, "mq", VIRTIO_NET_F_MQ, false, "control: how many pairs of queues, of the one there is"), \
    PROP_BOOL(T, chip.rss, "rss", false, "only off"),                                                         \
    PROP_BOOL(T, chip.hash, "hash", false, "only off"),                                                       \
    PROP_BOOL(T, chip.failover, "failover", false, "only off"),                                               \
    PROP_BOOL(T, chip.guest_rsc_ext, "guest_rsc_ext", false, "only off")

static const Prop rows_mode[] = { NET_ROWS, PROP_BASE(T, pci, VirtioPciMode), PROP_END(T) };
static const Prop rows_fixed[] = { NET_ROWS, PROP_END(T) };

#define S VirtioNetState
static const Field VirtioNetState_rows[] = {
    FIELD(S, offloads), FIELD(S, n_uni, .max = NET_MACS), FIELD(S, n_multi, .max = NET_MACS),
    { .name = "macs", .off = offsetof(S, macs), .kind = F_INT, .size = 1, .count = NET_MACS * 6 },
    FIELD_ARRAY(S, vlans), FIELD_ARRAY(S, mac), FIELD(S, uni_overflow), FIELD(S, multi_overflow),
    FIELD(S, promisc), FIELD(S, allmulti), FIELD(S, alluni), FIELD(S, nomulti), FIELD(S, nouni),
    FIELD(S, nobcast), FIELD(S, announce), FIELD_PAD(S, pad), FIELD_END
};
#undef S
/* clang-format on */

static bool queue_size_ok(unsigned n)
{
    return n >= 256 && n <= VIRTIO_QUEUE_MAX && !(n & (n - 1));
}

static bool check_rows(const VirtioNet *n, GError **err)
{
    uint64_t host = n->v.conf.host;
    const char *bad =
        n->rss             ? "rss=on: there is one pair of queues; write rss=off"
        : n->hash          ? "hash=on: hashes are not reported; write hash=off"
        : n->failover      ? "failover=on is not supported"
        : n->guest_rsc_ext ? "guest_rsc_ext=on is not supported"
        : (host & VIRTIO_BIT(VIRTIO_NET_F_MQ)) && !(host & VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ))
            ? "mq=on needs the control queue; write ctrl_vq=on"
        : n->tx && strcmp(n->tx, "bh") ? "tx=: only 'bh' is supported, frames are sent at once"
        : n->duplex && strcmp(n->duplex, "full") && strcmp(n->duplex, "half")
            ? "'duplex' must be 'half' or 'full'"
        : !queue_size_ok(n->rx_queue_size)
            ? "Invalid rx_queue_size, must be a power of 2 between 256 and 1024."
        : !queue_size_ok(n->tx_queue_size)
            ? "Invalid tx_queue_size, must be a power of 2 between 256 and 1024"
            : NULL;

    return !bad || user_fail(err, "%s", bad);
}

static bool net_realize(Device *dev, GError **err)
{
    VirtioNetPci *d = (VirtioNetPci *)dev;
    VirtioNet *n = &d->chip;

    if (!check_rows(n, err) || !nic_open(&n->nic, dev, &virtio_net_port, n, err))
        return false;
    virtio_init(&n->v, dev, &virtio_net_ops, n->speed >= 0 ? NET_CONFIG_SPEED : NET_CONFIG,
                NET_QUEUES);
    virtq_size(&n->v, RX_QUEUE, n->rx_queue_size);
    virtq_size(&n->v, TX_QUEUE, n->tx_queue_size);
    if (n->v.conf.host & VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ))
        virtq_size(&n->v, CTRL_QUEUE, 64);
    if (virtio_pci_plug(&d->pci, &n->v, 4, err))
        return true;
    virtio_pci_unplug(&d->pci);
    return false;
}

static void net_unrealize(Device *dev)
{
    VirtioNetPci *d = (VirtioNetPci *)dev;

    virtio_pci_unplug(&d->pci);
    g_clear_pointer(&d->chip.flat, g_free);
}

static void net_reset(Device *dev)
{
    VirtioNetPci *d = (VirtioNetPci *)dev;

    virtio_pci_reset(&d->pci);
    d->chip.tx_waiting = false;
    virtio_net_filter_reset(&d->chip);
    net_resume(d->chip.nic.port);
}

static void net_sync(Device *dev)
{
    VirtioNetPci *d = (VirtioNetPci *)dev;

    virtio_pci_sync(&d->pci);
    virtio_net_set_takes(&d->chip);
    nic_show_mac(&d->chip.nic, d->chip.st.mac);
}

static bool net_post_load(Device *dev, GError **err)
{
    VirtioNetPci *d = (VirtioNetPci *)dev;

    if (d->chip.st.n_uni + d->chip.st.n_multi > NET_MACS)
        return user_fail(err, "virtio-net: the stream has too many addresses");
    return virtio_pci_post_load(&d->pci, err);
}

static const StatePart net_state[] = { VIRTIO_STATE(T),
                                       STATE(T, chip.st, VirtioNetState_rows, 1),
                                       { .rows = NULL } };

VIRTIO_PCI_TYPES(virtio_net, "virtio-net", "virtio NIC", T, 0x1000, VIRTIO_NET, 0x0200,
                 "efi-virtio.rom", .state = net_state, .realize = net_realize, .reset = net_reset,
                 .boot = "ethernet-phy@0", .sync = net_sync, .post_load = net_post_load,
                 .unrealize = net_unrealize);
