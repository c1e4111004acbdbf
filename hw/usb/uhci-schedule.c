/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schedule of a UHCI controller (UHCI 1.1, section 3): once a frame the list that FRNUM picks
 * is walked.
 *
 *   FLBASEADD[FRNUM] -> TD -> TD -> QH -> QH -> ...    horizontal: link, head
 *                                   |     |
 *                                   TD    TD           vertical: element
 *
 * It lies in guest memory and may be anything: a loop (Linux makes one on purpose, to use what is
 * left of a frame), garbage, an address where nothing is. A frame therefore ends after
 * `bandwidth` bytes, after MAX_STEPS links, or when a QH comes again and nothing has moved since.
 * Frames end early where hardware's would: bit times are not counted.
 */
#include <string.h>

#include "hw/usb/uhci-int.h"

enum { LINK_END = 1, LINK_QH = 2, LINK_DEPTH = 4 };
enum {
    TD_ACTLEN = 0x7ff,
    TD_TIMEOUT = 1 << 18,
    TD_NAK = 1 << 19,
    TD_BABBLE = 1 << 20,
    TD_STALLED = 1 << 22,
    TD_ACTIVE = 1 << 23,
    TD_IOC = 1 << 24,
    TD_ISO = 1 << 25,
    TD_CERR_SHIFT = 27,
    TD_SPD = 1 << 29,
};
enum { MAX_STEPS = 512, MAX_SEEN = 64, MAX_DATA = 1280, MIN_COST = 8 };

typedef struct Td {
    uint32_t link, ctrl, token, buffer;
} Td;
typedef struct Frame {
    Uhci *u;
    int left; /* bytes */
    unsigned steps, n_seen;
    uint32_t seen[MAX_SEEN]; /* QHs since something moved last */
    bool error;
} Frame;

/* NEXT: the queue stays where it is; DONE: it goes on behind this TD; STOP: the controller halts */
typedef enum { TD_NEXT, TD_DONE, TD_STOP } TdResult;

/* ---- guest memory ---- */

static TdResult halt(Uhci *u, uint16_t why)
{
    u->st.sts |= why | STS_HALTED;
    u->st.cmd &= ~CMD_RS;
    return TD_STOP;
}

static bool fetch(Uhci *u, uint32_t addr, uint32_t *words, unsigned n)
{
    if (!dma_read(&u->pci.dev, addr, words, 4 * n)) {
        guest_error(&u->pci.dev, "schedule at %#x is not in memory", addr);
        halt(u, STS_HSE);
        return false;
    }
    for (unsigned i = 0; i < n; i++)
        words[i] = GUINT32_FROM_LE(words[i]);
    return true;
}

static bool store(Uhci *u, uint32_t addr, uint32_t word)
{
    uint32_t le = GUINT32_TO_LE(word);

    if (dma_write(&u->pci.dev, addr, &le, 4))
        return true;
    halt(u, STS_HSE);
    return false;
}

/* false: this frame is over */
static bool step(Frame *f)
{
    if (f->left <= 0 || !f->steps)
        return false;
    f->steps--;
    return true;
}

/* ---- one transfer descriptor ---- */

/* 3.2.2; C_ERR 0: the controller tries for ever */
static TdResult td_failed(Frame *f, Td *td)
{
    unsigned errors = td->ctrl >> TD_CERR_SHIFT & 3;

    td->ctrl |= TD_TIMEOUT;
    if (errors == 0)
        return TD_NEXT;
    td->ctrl -= 1u << TD_CERR_SHIFT;
    if (errors > 1)
        return TD_NEXT;
    td->ctrl = (td->ctrl | TD_STALLED) & ~TD_ACTIVE;
    f->error = true;
    return TD_NEXT;
}

static TdResult td_stalled(Frame *f, Td *td, uint32_t bits)
{
    td->ctrl = (td->ctrl | TD_STALLED | bits) & ~TD_ACTIVE;
    f->error = true;
    return TD_NEXT;
}

static TdResult td_moved(Frame *f, Td *td, const UsbPacket *p)
{
    td->ctrl =
        (td->ctrl & ~(uint32_t)(TD_ACTLEN | TD_ACTIVE | TD_NAK)) | ((p->done - 1) & TD_ACTLEN);
    f->left -= (int)MAX(p->done, MIN_COST);
    f->n_seen = 0;
    if (p->pid != USB_IN || p->done == p->n || !(td->ctrl & TD_SPD) || td->ctrl & TD_ISO)
        return TD_DONE;
    /* a short packet: the queue waits here for its driver */
    f->u->st.why |= WHY_SHORT;
    f->u->st.sts |= STS_INT;
    return TD_NEXT;
}

static TdResult td_answered(Frame *f, Td *td, const UsbPacket *p, int ret)
{
    if (td->ctrl & TD_ISO && ret != USB_OK) {
        td->ctrl = (td->ctrl | TD_TIMEOUT | TD_ACTLEN) & ~TD_ACTIVE;
        return TD_DONE;
    }
    td->ctrl |= ret == USB_OK ? 0 : TD_ACTLEN;
    switch (ret) {
    case USB_OK: return td_moved(f, td, p);
    case USB_NAK: td->ctrl |= TD_NAK; return TD_NEXT;
    case USB_STALL: return td_stalled(f, td, 0);
    case USB_BABBLE: return td_stalled(f, td, TD_BABBLE);
    }
    return td_failed(f, td);
}

static bool td_sound(const Td *td)
{
    uint8_t pid = td->token & 0xff;
    uint32_t most = td->token >> 21;

    return (pid == USB_IN || pid == USB_OUT || pid == USB_SETUP) &&
           (most < MAX_DATA || most == 0x7ff);
}

static TdResult td_transact(Frame *f, Td *td)
{
    Uhci *u = f->u;
    uint8_t buf[MAX_DATA];
    size_t room = ((td->token >> 21) + 1) & 0x7ff;
    UsbPacket p = { td->token & 0xff, td->token >> 15 & 15, buf, room, 0 };
    UsbDevice *dev = usb_find(&u->bus, td->token >> 8 & 127);
    int ret = USB_NODEV;

    if (p.pid != USB_IN && room && !dma_read(&u->pci.dev, td->buffer, buf, room))
        return halt(u, STS_HSE);
    if (dev)
        ret = usb_handle(dev, &p);
    if (!ret && p.pid == USB_IN && p.done && !dma_write(&u->pci.dev, td->buffer, buf, p.done))
        return halt(u, STS_HSE);
    p.n = room; /* a device's packet may be smaller: that is a short one too */
    return td_answered(f, td, &p, ret);
}

static TdResult td_run(Frame *f, uint32_t addr, uint32_t *link)
{
    Uhci *u = f->u;
    TdResult r = TD_NEXT;
    Td td;

    if (!fetch(u, addr, &td.link, 4))
        return TD_STOP;
    *link = td.link;
    if (td.ctrl & TD_ACTIVE) {
        uint32_t was = td.ctrl;
        if (!td_sound(&td)) {
            guest_error(&u->pci.dev, "bad TD at %#x: token %#x", addr, td.token);
            return halt(u, STS_HCPE);
        }
        r = td_transact(f, &td);
        if (r == TD_STOP || (td.ctrl != was && !store(u, addr + 4, td.ctrl)))
            return TD_STOP;
    }
    /* also where it had nothing to do: Linux asks so for an interrupt in the next frame */
    if (!(td.ctrl & TD_ACTIVE) && td.ctrl & TD_IOC) {
        u->st.why |= WHY_IOC;
        u->st.sts |= STS_INT;
    }
    return r;
}

/* ---- one queue ---- */

static bool seen(Frame *f, uint32_t qh)
{
    for (unsigned i = 0; i < f->n_seen; i++)
        if (f->seen[i] == qh)
            return true;
    if (f->n_seen == MAX_SEEN)
        f->n_seen = 0; /* MAX_STEPS still ends it */
    f->seen[f->n_seen++] = qh;
    return false;
}

/* Down its elements, where it is told to go deep; *link: what comes next */
static bool qh_run(Frame *f, uint32_t addr, uint32_t *link)
{
    uint32_t qh[2], next;

    if (!fetch(f->u, addr, qh, 2))
        return false;
    *link = qh[0];
    while (!(qh[1] & LINK_END) && step(f)) {
        if (qh[1] & LINK_QH) { /* a queue of queues */
            *link = qh[1];
            return true;
        }
        TdResult r = td_run(f, qh[1] & ~15u, &next);
        if (r != TD_DONE)
            return r != TD_STOP;
        qh[1] = next;
        if (!store(f->u, addr + 4, next))
            return false;
        if (!(next & LINK_DEPTH))
            return true;
    }
    return true;
}

void uhci_frame(Uhci *u)
{
    Frame f = { .u = u, .left = (int)u->bandwidth, .steps = MAX_STEPS };
    uint32_t link;

    if (!fetch(u, u->st.base + 4 * (u->st.frame & 1023), &link, 1))
        return;
    while (!(link & LINK_END) && step(&f)) {
        uint32_t at = link & ~15u;
        if (link & LINK_QH) {
            if (seen(&f, at) || !qh_run(&f, at, &link))
                break;
        } else if (td_run(&f, at, &link) == TD_STOP) {
            break;
        }
    }
    if (f.error)
        u->st.sts |= STS_ERROR;
}
