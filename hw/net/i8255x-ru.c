/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * i8255x: the receive unit. Manual 1.3, 6.3.2.2 and 6.4.3: simplified receive frame descriptors.
 *
 *   00 status 2: C 15, OK 13, no space 9, no address match 1, broadcast or multicast 1 | 02
 *   command 2: EL 15, S 14, H 4, SF 3 | 04 link 4 | 0c actual count 14, EOF 15, F 14 | 0e size 2
 *   10 the frame
 *
 * A unit without resources keeps frames waiting until it is started again; an idle or suspended
 * one loses and counts them.
 */
#include <string.h>

#include "hw/net/i8255x.h"
#include "util/iov.h"

enum { RUC_NOP, RUC_START, RUC_RESUME, RUC_ABORT = 4, RUC_HDS, RUC_BASE };
enum {
    RFD_NO_SPACE = 0x200,
    RFD_NO_MATCH = 4,
    RFD_MULTICAST = 2,
    RFD_HEADER = 16,
    RFD_EOF_F = 0xc000
};
enum { MOST = 2600 };

typedef struct Rfd {
    uint16_t status, command;
    uint32_t link, rbd;
    uint16_t count, size;
} Rfd;

/* ---- filter: what configure bytes 7, 15, 20 and 21 say ---- */

/* -> false, or how it matched */
static bool ru_wanted(const I8255x *d, const uint8_t *f, size_t len, uint16_t *status)
{
    const uint8_t *c = d->st.config;
    bool promiscuous = c[15] & 1;
    if (!memcmp(f, d->st.mac, 6))
        return true;
    if (frame_is_broadcast(f)) {
        *status |= RFD_MULTICAST;
        return !(c[15] & 2) || promiscuous;
    }
    if (f[0] & 1) {
        unsigned hash = frame_hash(f);
        *status |= RFD_MULTICAST;
        return promiscuous || (c[21] & 8) || (d->st.multicast[hash >> 3] >> (hash & 7) & 1);
    }
    *status |= RFD_NO_MATCH;
    return promiscuous;
}

/* ---- the unit ---- */

static uint32_t ru_addr(const I8255x *d)
{
    return d->st.ru_base + d->st.ru_at;
}

static bool ru_fetch(I8255x *d, Rfd *r)
{
    if (!dma_read(&d->pci.dev, ru_addr(d), r, sizeof(*r))) {
        guest_error(&d->pci.dev, "the receive descriptor at %#x cannot be read", ru_addr(d));
        return false;
    }
    r->command = GUINT16_FROM_LE(r->command);
    r->link = GUINT32_FROM_LE(r->link);
    r->size = GUINT16_FROM_LE(r->size) & 0x3fff;
    return true;
}

static void ru_stop(I8255x *d, unsigned state)
{
    d->st.ru = state;
    i8255x_cause(d, INT_RNR);
}

/* More than the descriptor has room for is cut off and said so. */
static void ru_put(I8255x *d, const Rfd *r, const uint8_t *f, size_t len, uint16_t status)
{
    Device *dev = &d->pci.dev;
    size_t n = MIN(len, r->size);
    uint16_t count = GUINT16_TO_LE(n | RFD_EOF_F);
    status |= n < len ? CB_C | RFD_NO_SPACE : CB_C | CB_OK;
    status = GUINT16_TO_LE(status);
    if (!dma_write(dev, ru_addr(d) + RFD_HEADER, f, n) ||
        !dma_write(dev, ru_addr(d) + 12, &count, 2) || !dma_write(dev, ru_addr(d), &status, 2))
        guest_error(dev, "the receive descriptor at %#x cannot be written", ru_addr(d));
}

/* 0: no room */
static ssize_t ru_take(I8255x *d, const uint8_t *f, size_t len)
{
    uint16_t status = 0;
    Rfd r;
    if (!ru_wanted(d, f, len, &status))
        return len;
    if (d->st.ru == RU_NO_RESOURCES)
        return 0;
    if (d->st.ru != RU_READY) {
        d->st.counters[RX_RESOURCE]++;
        return len;
    }
    /* EL and no size: the driver's end of the list, which is not to be filled */
    if (!ru_fetch(d, &r) || (!r.size && (r.command & CB_EL))) {
        ru_stop(d, RU_NO_RESOURCES);
        return 0;
    }
    if (r.command & CB_SF) {
        guest_error(&d->pci.dev, "flexible receive descriptors are not modelled");
        ru_stop(d, RU_NO_RESOURCES);
        return 0;
    }
    ru_put(d, &r, f, len, status);
    d->st.counters[RX_GOOD]++;
    d->st.ru_at = r.link;
    if (r.command & CB_EL)
        ru_stop(d, RU_NO_RESOURCES);
    else if (r.command & CB_S)
        ru_stop(d, RU_SUSPENDED);
    i8255x_cause(d, INT_FR);
    return len;
}

void ru_loop_back(I8255x *d, const uint8_t *frame, size_t len)
{
    ru_take(d, frame, len);
}

ssize_t ru_receive(void *o, const struct iovec *v, int n, const NetMeta *m)
{
    I8255x *d = o;
    size_t len = iov_bytes(v, n);
    if ((d->st.config[10] & 0xc0) || len > MOST)
        return len;
    iov_to_buf(v, n, 0, d->buf, len);
    return ru_take(d, d->buf, len);
}

void ru_command(I8255x *d, unsigned ruc)
{
    switch (ruc) {
    case RUC_START:
        d->st.ru_at = d->st.pointer;
        d->st.ru = RU_READY;
        break;
    case RUC_RESUME:
        if (d->st.ru != RU_SUSPENDED)
            return;
        d->st.ru = RU_READY;
        break;
    case RUC_ABORT: d->st.ru = RU_IDLE; break;
    case RUC_BASE: d->st.ru_base = d->st.pointer; return;
    default: return;
    }
    net_resume(d->nic.port);
}
