/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-net: between net.c (frames), net-ctrl.c (control queue, filter) and net-pci.c (devices).
 */
#ifndef HW_VIRTIO_NET_INT_H
#define HW_VIRTIO_NET_INT_H

#include "hw/virtio/virtio-int.h"
#include "net/net.h"
#include "util/iov.h"

enum {
    VIRTIO_NET_F_CSUM = 0,
    VIRTIO_NET_F_GUEST_CSUM = 1,
    VIRTIO_NET_F_CTRL_GUEST_OFFLOADS = 2,
    VIRTIO_NET_F_MTU = 3,
    VIRTIO_NET_F_MAC = 5,
    VIRTIO_NET_F_GSO = 6, /* legacy */
    VIRTIO_NET_F_GUEST_TSO4 = 7,
    VIRTIO_NET_F_GUEST_TSO6 = 8,
    VIRTIO_NET_F_GUEST_ECN = 9,
    VIRTIO_NET_F_GUEST_UFO = 10,
    VIRTIO_NET_F_HOST_TSO4 = 11,
    VIRTIO_NET_F_HOST_TSO6 = 12,
    VIRTIO_NET_F_HOST_ECN = 13,
    VIRTIO_NET_F_HOST_UFO = 14,
    VIRTIO_NET_F_MRG_RXBUF = 15,
    VIRTIO_NET_F_STATUS = 16,
    VIRTIO_NET_F_CTRL_VQ = 17,
    VIRTIO_NET_F_CTRL_RX = 18,
    VIRTIO_NET_F_CTRL_VLAN = 19,
    VIRTIO_NET_F_CTRL_RX_EXTRA = 20,
    VIRTIO_NET_F_GUEST_ANNOUNCE = 21,
    VIRTIO_NET_F_MQ = 22,
    VIRTIO_NET_F_CTRL_MAC_ADDR = 23,
    VIRTIO_NET_F_SPEED_DUPLEX = 63,
};
enum { RX_QUEUE, TX_QUEUE, CTRL_QUEUE, NET_QUEUES };
enum { NET_MACS = 64, NET_VLAN_BYTES = 4096 / 8, NET_CONFIG = 12, NET_CONFIG_SPEED = 17 };

/* what may change while the driver runs */
#define NET_GUEST_OFFLOADS                                                       \
    (VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4) | \
     VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_ECN) |  \
     VIRTIO_BIT(VIRTIO_NET_F_GUEST_UFO))

STATE_BEGIN
typedef struct VirtioNetState {
    uint64_t offloads;       /* of received frames: bits of features */
    uint32_t n_uni, n_multi; /* of macs, unicast first */
    uint8_t macs[NET_MACS][6];
    uint8_t vlans[NET_VLAN_BYTES];
    uint8_t mac[6];
    bool uni_overflow, multi_overflow; /* more than fit: take all of the kind */
    bool promisc, allmulti, alluni, nomulti, nouni, nobcast, announce;
    uint8_t pad[1];
} VirtioNetState;
STATE_END

typedef struct VirtioNet {
    Virtio v;
    /* config */ Nic nic;
    uint16_t rx_queue_size, tx_queue_size, host_mtu;
    int32_t speed;
    char *duplex, *tx;
    bool rss, hash, failover, guest_rsc_ext;
    /* state */ VirtioNetState st;
    /* host */ bool tx_waiting; /* the peer has no room */
    uint8_t *flat;              /* for frames in too many pieces */
    VirtqElem *rx[VIRTIO_QUEUE_MAX];
    uint64_t rx_written[VIRTIO_QUEUE_MAX];
    struct iovec iov[VIRTIO_PIECES];
} VirtioNet;

extern const VirtioOps virtio_net_ops;
extern const NetOps virtio_net_port;

/* net-ctrl.c */
bool virtio_net_wants(const VirtioNet *, const uint8_t head[18]); /* the receive filter */
void virtio_net_control(VirtioNet *, VirtQueue *);
void virtio_net_filter_reset(VirtioNet *);

/* net.c: what the port takes follows the offloads */
void virtio_net_set_takes(VirtioNet *);

#endif
