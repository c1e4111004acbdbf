/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the network cards share: gathering a frame, holding one that is not taken, check sums. */
#ifndef HW_NET_FRAME_H
#define HW_NET_FRAME_H

#include <string.h>

#include "net/net.h"
#include "util/bytes.h"

/* room that a GByteArray for frames needs in its FIELD_VAR: a held one has its NetMeta behind it */
enum { FRAME_ROOM = NET_MAX_FRAME + 64, FRAME_VLAN = 4, FRAME_FCS = 4 };

/* false: more than a frame holds (f is as it was), or memory that cannot be read (zeros then) */
bool frame_gather(Device *, GByteArray *f, uint64_t addr, uint32_t len);

/* a tag behind the two addresses; m's offsets follow */
void frame_insert_vlan(GByteArray *f, uint16_t type, uint16_t tci, NetMeta *m);

/*
 * false: the peer has no room; f and m stay in f and *held is true until frame_again says true.
 * A frame that went leaves f empty. len: f->len without the NetMeta.
 */
bool frame_send(NetPort *, GByteArray *f, const NetMeta *m, bool *held);
bool frame_again(NetPort *, GByteArray *f, bool *held);

/* frame[at] = the inverted sum of [start, stop); at is inside and was seeded. udp: 0 is ffff */
void frame_put_sum(GByteArray *f, unsigned start, unsigned at, unsigned stop, bool udp);

/* the top six bits of an address's CRC, most significant first: a bit of a multicast filter */
unsigned frame_hash(const uint8_t mac[6]);

static inline bool frame_is_broadcast(const uint8_t *f)
{
    return !memcmp(f, "\xff\xff\xff\xff\xff\xff", 6);
}

/* behind a frame of len bytes, which has room for it */
void frame_put_fcs(uint8_t *f, size_t len);

/* A tag of this type is taken out: f moves on, len shrinks. */
bool frame_strip_vlan(uint8_t **f, size_t *len, uint16_t type, uint16_t *tci);

/* a list longer than one kick may do: its rest when others had the machine lock for a while */
void frame_later(Timer *work);

/*
 * For a card whose rings have no doorbell for the receiver: a frame without room waits with its
 * sender until the driver touches the card (net_resume), at most 100 ms: a loaded host may well
 * keep the guest from it for 20. Then frames are lost, as on the card, until one fits again.
 */
STATE_BEGIN
typedef struct StallState {
    int64_t due;
    bool waiting, losing;
    uint8_t pad[6];
} StallState;
STATE_END
extern const Field StallState_rows[];
typedef struct Stall {
    Timer timer;
    StallState *st;
    Nic *nic;
} Stall;
void stall_init(Stall *, Device *, StallState *, Nic *); /* realize */
bool stall_wait(Stall *); /* no room: true, answer 0; false, it is lost */
void stall_over(Stall *); /* there is room; also at a soft reset */

/* ---- what is in a frame ---- */

/* IPv4 that is whole; l4: TCP or UDP over it whose header is whole and which is no fragment */
typedef struct FrameIp {
    unsigned ip, l4, end; /* offsets; l4 0: none */
    uint8_t proto;
    bool ip_ok, l4_ok; /* the check sums; a UDP sum of 0 is none and right */
} FrameIp;
enum { FRAME_TCP = 6, FRAME_UDP = 17 };

/* false: no IPv4. sums: also check them. tag: a VLAN tag of this type is stepped over */
bool frame_find_ip(FrameIp *, const uint8_t *f, size_t len, uint16_t tag, bool sums);

/* the sum of the pseudo-header, for a card that knows only where IP begins */
uint32_t frame_pseudo_sum(const FrameIp *, const uint8_t *f);

#endif
