/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parallel bus as a script sees it (SPI-2, 5 and 11): the targets' side of selection, messages
 * and phases. A target that was allowed to disconnects while its device works and reselects when
 * there are data or a status; otherwise it holds the bus and the script waits for its next phase.
 * Synchronous and wide transfers are refused by MESSAGE REJECT: the bus has no speed of its own.
 */
#include <string.h>

#include "hw/scsi/lsi.h"

enum { MOST_COMMANDS = 512 }; /* a script that only sends: each costs the host memory */

/* ---- phases ---- */

static void set_phase(Lsi *s, uint8_t phase)
{
    s->st.phase = phase;
    if (phase < PH_NONE)
        s->st.reg[SSTAT1] = (s->st.reg[SSTAT1] & ~7) | phase;
}

/* What the target wants next, when what it wanted is over. */
static void next_phase(Lsi *s)
{
    const LsiReq *r = s->current;

    if (s->st.reg[SOCL] & SOCL_ATN)
        set_phase(s, PH_MSG_OUT);
    else if (s->st.n_msg_in)
        set_phase(s, PH_MSG_IN);
    else if (!s->st.has_command)
        set_phase(s, PH_COMMAND);
    else if (r && r->buf)
        set_phase(s, r->to_guest ? PH_DATA_IN : PH_DATA_OUT);
    else if (r && r->done)
        set_phase(s, PH_STATUS);
    else
        set_phase(s, PH_NONE);
}

void lsi_disconnect(Lsi *s)
{
    s->st.reg[SCNTL1] &= ~SCNTL1_CON;
    s->st.reg[ISTAT0] &= ~ISTAT_CON;
    s->st.reg[SOCL] &= ~SOCL_ATN;
    s->st.reg[SBCL] = 0;
    s->st.n_msg_in = s->st.msg_at = 0;
    s->st.bye = s->st.has_command = false;
    s->st.phase = PH_FREE;
    s->current = NULL;
}

static void connect(Lsi *s, unsigned target)
{
    s->st.target = target;
    s->st.reg[SCNTL1] |= SCNTL1_CON;
    s->st.reg[ISTAT0] |= ISTAT_CON;
    s->st.n_msg_in = s->st.msg_at = 0;
    s->st.bye = false;
}

bool lsi_select(Lsi *s, unsigned target, bool atn)
{
    if (!scsi_has_target(&s->bus, target))
        return false;
    connect(s, target);
    s->st.lun = s->st.tag = 0;
    s->st.tagged = s->st.may_disconnect = s->st.has_command = false;
    if (atn)
        s->st.reg[SOCL] |= SOCL_ATN;
    s->st.silent = !atn;
    next_phase(s);
    return true;
}

void lsi_attention(Lsi *s)
{
    if (s->st.phase != PH_FREE)
        set_phase(s, PH_MSG_OUT);
}

/* ---- messages ---- */

enum {
    MSG_COMPLETE = 0x00,
    MSG_EXTENDED = 0x01,
    MSG_SAVE_POINTERS = 0x02,
    MSG_DISCONNECT = 0x04,
    MSG_ABORT = 0x06,
    MSG_REJECT = 0x07,
    MSG_NOP = 0x08,
    MSG_RESET = 0x0c,
    MSG_ABORT_TAG = 0x0d,
    MSG_CLEAR_QUEUE = 0x0e,
    MSG_SIMPLE_TAG = 0x20,
    MSG_IDENTIFY = 0x80
};

static void message_in(Lsi *s, const uint8_t *p, uint32_t n, bool bye)
{
    memcpy(s->st.msg_in, p, n);
    s->st.n_msg_in = n;
    s->st.msg_at = 0;
    s->st.bye = bye;
}

/* Bytes of the list for the guest; after the last one what the message said happens. */
uint32_t lsi_message_in(Lsi *s, uint8_t *p, uint32_t n)
{
    uint32_t left = s->st.n_msg_in > s->st.msg_at ? s->st.n_msg_in - s->st.msg_at : 0;

    n = MIN(n, left);
    memcpy(p, s->st.msg_in + s->st.msg_at, n);
    s->st.msg_at += n;
    if (n < left)
        return n;
    s->st.n_msg_in = s->st.msg_at = 0;
    if (s->st.bye)
        lsi_disconnect(s);
    else
        next_phase(s);
    return n;
}

static void req_free(LsiReq *r)
{
    if (r->lsi->current == r)
        r->lsi->current = NULL;
    g_queue_remove(&r->lsi->reqs, r);
    if (r->req)
        scsi_unref(r->req);
    g_free(r);
}

/* One whose end was known already is not told of again. */
static void req_cancel(LsiReq *r)
{
    r->ready = false;
    if (!scsi_cancel(r->req))
        req_free(r);
}

static void cancel(Lsi *s, bool all_luns, bool one_tag)
{
    for (GList *l = s->reqs.head, *next; l; l = next) {
        LsiReq *r = l->data;

        next = l->next;
        if (r->target == s->st.target && (all_luns || r->lun == s->st.lun) &&
            (!one_tag || r->tag == s->st.tag))
            req_cancel(r);
    }
}

static void reject(Lsi *s)
{
    message_in(s, (const uint8_t[]){ MSG_REJECT }, 1, false);
}

/* -> bytes used, 0: the rest is thrown away; bye: the target leaves */
static uint32_t one_message(Lsi *s, const uint8_t *p, uint32_t n, bool *bye)
{
    if (p[0] & MSG_IDENTIFY) {
        s->st.lun = p[0] & 7;
        s->st.may_disconnect = p[0] & 0x40;
        return 1;
    }
    switch (p[0]) {
    case MSG_EXTENDED: reject(s); return n > 1 ? 2 + (p[1] ? p[1] : 256) : 0;
    case MSG_SIMPLE_TAG:
    case MSG_SIMPLE_TAG + 1:
    case MSG_SIMPLE_TAG + 2:
        s->st.tagged = true;
        s->st.tag = n > 1 ? p[1] : 0;
        return 2;
    case MSG_ABORT: cancel(s, false, false); break;
    case MSG_ABORT_TAG: cancel(s, false, true); break;
    case MSG_CLEAR_QUEUE: cancel(s, false, false); break;
    case MSG_RESET: cancel(s, true, false); break;
    case MSG_NOP:
    case MSG_REJECT: return 1;
    default: reject(s); return 1;
    }
    *bye = true;
    return n;
}

void lsi_message_out(Lsi *s, const uint8_t *p, uint32_t n)
{
    bool bye = false;

    /* the initiator drops ATN with the last byte */
    s->st.reg[SOCL] &= ~SOCL_ATN;
    while (n && !bye) {
        uint32_t used = one_message(s, p, n, &bye);

        used = used ? MIN(used, n) : n;
        p += used;
        n -= used;
    }
    if (bye)
        lsi_disconnect(s);
    else
        next_phase(s);
}

/* ---- commands ---- */

void lsi_command(Lsi *s, const uint8_t *cdb, uint32_t n)
{
    LsiReq *r;

    if (g_queue_get_length(&s->reqs) >= MOST_COMMANDS) {
        guest_error(&s->pci.dev, "more than %u commands at once", (unsigned)MOST_COMMANDS);
        lsi_disconnect(s);
        return;
    }
    r = g_new0(LsiReq, 1);
    *r = (LsiReq){
        .lsi = s, .target = s->st.target, .lun = s->st.lun, .tag = s->st.tag, .tagged = s->st.tagged
    };
    g_queue_push_tail(&s->reqs, r);
    r->req = scsi_new(&s->bus, r->target, r->lun, r->tag, cdb, n, NULL, 0, r);
    if (!r->req) { /* it went while it was connected */
        req_free(r);
        lsi_disconnect(s);
        return;
    }
    scsi_ref(r->req);
    s->st.has_command = true;
    s->current = r;
    if (s->st.may_disconnect)
        message_in(s, (const uint8_t[]){ MSG_SAVE_POINTERS, MSG_DISCONNECT }, 2, true);
    scsi_start(r->req);
    next_phase(s);
}

uint8_t lsi_status(Lsi *s)
{
    LsiReq *r = s->current;
    uint8_t status = r ? r->status : 0;

    if (r)
        req_free(r);
    message_in(s, (const uint8_t[]){ MSG_COMPLETE }, 1, true);
    set_phase(s, PH_MSG_IN);
    return status;
}

uint8_t *lsi_piece(Lsi *s, uint32_t *n)
{
    LsiReq *r = s->current;

    if (!r || !r->buf)
        return NULL;
    *n = r->n - r->at;
    return r->buf + r->at;
}

void lsi_piece_moved(Lsi *s, uint32_t n)
{
    LsiReq *r = s->current;

    r->at += n;
    if (r->at < r->n)
        return;
    r->buf = NULL;
    scsi_more(r->req);
    next_phase(s);
}

/* ---- reselection ---- */

static LsiReq *first_ready(Lsi *s)
{
    for (GList *l = s->reqs.head; l; l = l->next) {
        LsiReq *r = l->data;

        if (r->ready)
            return r;
    }
    return NULL;
}

bool lsi_reselect(Lsi *s)
{
    LsiReq *r = first_ready(s);

    if (!r || s->st.phase != PH_FREE)
        return false;
    connect(s, r->target);
    r->ready = false;
    s->current = r;
    s->st.has_command = true;
    s->st.lun = r->lun;
    s->st.tag = r->tag;
    s->st.tagged = r->tagged;
    s->st.reg[SSID] = SSID_VAL | r->target;
    uint8_t msg[3] = { MSG_IDENTIFY | r->lun, MSG_SIMPLE_TAG, r->tag };
    message_in(s, msg, r->tagged ? 3 : 1, false);
    set_phase(s, PH_MSG_IN);
    return true;
}

/* The device has something for the guest: its target says so now, or takes the bus for it. */
static void speak(Lsi *s, LsiReq *r)
{
    if (s->current == r && s->st.phase != PH_FREE) {
        if (s->st.phase == PH_NONE)
            next_phase(s);
        if (s->st.phase != PH_MSG_IN || !s->st.bye) {
            lsi_run(s);
            return;
        }
    }
    r->ready = true;
    lsi_run(s);
}

static void hba_data(ScsiReq *req, uint8_t *buf, size_t n, bool to_guest)
{
    LsiReq *r = scsi_hba_o(req);

    r->buf = buf;
    r->n = n;
    r->at = 0;
    r->to_guest = to_guest;
    speak(r->lsi, r);
}

static void hba_done(ScsiReq *req, int status, const uint8_t *sense, size_t n, size_t residue)
{
    LsiReq *r = scsi_hba_o(req);
    Lsi *s = r->lsi;

    if (status == SCSI_CANCELLED) {
        req_free(r);
        return;
    }
    r->buf = NULL;
    r->done = true;
    r->status = status;
    speak(s, r);
}

const ScsiHba lsi_hba = {
    .targets = 7,
    .luns = 8,
    .channels = 1,
    .data = hba_data,
    .done = hba_done,
};

void lsi_cancel_all(Lsi *s)
{
    for (GList *l = s->reqs.head, *next; l; l = next) {
        next = l->next;
        req_cancel(l->data);
    }
    s->current = NULL;
    scsi_bus_reset(&s->bus);
}

void lsi_forget(Lsi *s)
{
    LsiReq *r;

    while ((r = g_queue_peek_head(&s->reqs)))
        req_free(r);
}
