/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Networks. A NetPort is one end of a cable: a guest's NIC, or a back end (user, tap, socket ...).
 * Two ports are each other's peer; a hub is a back end with many ports. Both ends of a cable share
 * one home: main, with the machine lock held, for all calls here.
 *
 * Back-pressure goes from end to end: who has no room answers 0, the sender keeps its frame (a NIC
 * leaves it in its ring, a back end stops reading its fd) and goes on at resume(). Nothing is
 * dropped in silence and nothing queues without a bound.
 *
 *   guest ring -> NIC -> net_send() -> peer's receive() -> slirp, tap, socket
 *   0: no room  <-----------------------------'      later: net_resume() -> NIC's resume()
 *
 * A NIC takes nothing while the machine is stopped: the core answers 0 for it, and resumes when it
 * runs again. Frames have no FCS. One shorter than 60 bytes is padded with zeros by the core before
 * a NIC gets it.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <sys/types.h>
#include <sys/uio.h>

#include "core/device.h"

enum { NET_HEADER = 14, NET_MIN_FRAME = 60, NET_MAX_FRAME = 65536 + 14 + 4, NET_MAX_IOV = 1024 };

/* What is left to do on a frame: virtio_net_hdr of virtio 1.2, 5.1.6, in host order. */
typedef struct NetMeta {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_off;
} NetMeta;
enum { NET_META_NEEDS_CSUM = 1 };
enum { NET_GSO_NONE = 0, NET_GSO_TCP4 = 1, NET_GSO_UDP = 3, NET_GSO_TCP6 = 4, NET_GSO_ECN = 0x80 };

/* What a port takes undone; what it does not take the core sums and cuts before receive(). */
enum { NET_CSUM = 1, NET_TSO4 = 2, NET_TSO6 = 4, NET_ECN = 8, NET_UFO = 16 };

typedef struct NetOps {
    /*
     * > 0: taken, or filtered out; 0: full, nothing was kept, net_resume() follows. meta NULL: an
     * ordinary, complete frame. The frame may be in the guest's memory and change while it is read:
     * copy first, then look.
     */
    ssize_t (*receive)(void *o, const struct iovec *, int n, const NetMeta *);
    void (*resume)(void *o);        /* the peer that answered 0 has room: send on. May be NULL */
    void (*link)(void *o, bool up); /* the cable: set_link. May be NULL */
} NetOps;

/*
 * To the peer. > 0: done (also with the cable out: it is lost, as on a real one); 0: keep the frame
 * and stop until resume(); < 0: nobody there (treat it as done). port NULL: nobody. Does not
 * recurse into the sender's own receive(): what the peer answers at once comes after the call.
 */
ssize_t net_send(NetPort *, const struct iovec *, int n, const NetMeta *);
ssize_t net_send_buf(NetPort *, const void *frame, size_t len); /* one piece, plain */

/* This end has room again after its receive() answered 0. */
void net_resume(NetPort *);

/* This end's receive() takes these undone (none at first); what of `want` the peer takes. */
void net_set_takes(NetPort *, unsigned offloads);
unsigned net_offloads(NetPort *, unsigned want);
bool net_link_up(const NetPort *);

/* 0xffff where the sum over it is to be right; len may be odd. For NICs that insert checksums. */
uint16_t net_checksum(uint32_t sum, const void *data, size_t len); /* folded, not inverted */
uint32_t net_sum(const void *data, size_t len);                    /* partial, for net_checksum */
/* CRC-32 of Ethernet, as it hashes multicast addresses and ends frames */
uint32_t net_crc32(const void *data, size_t len);

/* ---- the side of a NIC ---- */
/*
 * In each NIC's struct, its rows by PROP_BASE(T, nic, Nic): mac=, netdev=, vlan= (0.12's hub) and
 * bootindex=.
 */
typedef struct Nic {
    /* config */ char *mac;
    NetPort *port; /* netdev=; after nic_open never NULL */
    int32_t vlan, bootindex;
    /* host */ uint8_t
        addr[6]; /* mac=; none or zeros: the next free one from 52:54:00:12:34:56 on */
} Nic;
extern const Prop Nic_rows[];

/* realize. The core takes the port back at unrealize. */
bool nic_open(Nic *, Device *, const NetOps *, void *o, GError **);
/* the guest chose another address: for info network */
void nic_show_mac(Nic *, const uint8_t mac[6]);
/* the line of info network goes with it: "model=e1000,macaddr=52:54:00:12:34:56" */

/* ---- the side of a back end ---- */
/* A driver's struct begins with NetPort. type NULL: a NIC's. */
typedef struct NetDriver NetDriver;
struct NetPort {
    const NetDriver *type;
    Vm *vm;
    char *name; /* id=, or "user.0"; of a NIC its device's id, or "e1000.0" */
    NetPort *peer;
    const NetOps *ops;
    void *o;
    struct NetPortInt *in; /* net/'s own */
};
struct NetDriver {
    const char *name, *desc;
    size_t size;
    const Prop *props;
    NetOps ops; /* o: the NetPort */
    bool (*open)(NetPort *, const void *args, GError **);
    void (*close)(NetPort *);
    /* "net=10.0.2.0,restrict=off": the end of its line of info network. May be NULL */
    void (*info)(NetPort *, GString *);
};
typedef NetDriver set_net_t; /* REGISTER(net, x) */

#endif
