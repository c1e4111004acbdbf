/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * i8255x: the command unit and its action commands. Manual 1.3, 6.4.
 *
 *   00 status 2: C 15, OK 13 | 02 command 2: EL 15, S 14, I 13, SF 3, opcode 2-0 | 04 link 4
 *   transmit: 08 TBD array 4 | 0c byte count 14 bits, EOF 15 | 0e threshold | 0f TBD number
 *   TBD: address 4, size 2, EL in bit 16
 *
 * A list may be a ring without an end: one kick does a bounded piece, a timer the rest. A frame
 * that the peer has no room for holds the unit before its command completes.
 */
#include <string.h>

#include "hw/net/i8255x.h"

enum {
    CUC_NOP,
    CUC_START,
    CUC_RESUME,
    CUC_DUMP_ADDRESS = 4,
    CUC_DUMP,
    CUC_BASE,
    CUC_DUMP_RESET,
    CUC_STATIC_RESUME = 10
};
enum {
    OP_NOP,
    OP_ADDRESS,
    OP_CONFIGURE,
    OP_MULTICAST,
    OP_TRANSMIT,
    OP_MICROCODE,
    OP_DUMP,
    OP_DIAGNOSE
};
enum { DUMP_DONE = 0xa005, DUMP_RESET_DONE = 0xa007 };
enum { KICK_COMMANDS = 128, KICK_COST = 1 << 20, MOST_TBDS = 64, MOST = 4096, NO_ARRAY = -1 };

typedef struct Command {
    uint16_t status, command;
    uint32_t link, array;
    uint16_t count;
    uint8_t threshold, tbds;
} Command;

static uint32_t cu_addr(const I8255x *d)
{
    return d->st.cu_base + d->st.cu_at;
}

static void cu_bad(I8255x *d, const char *what)
{
    guest_error(&d->pci.dev, "%s of the command at %#x cannot be read or written", what,
                cu_addr(d));
}

/* ---- transmit ---- */

/* Simplified: the bytes follow. Flexible: pieces; those before the array's own are in count. */
static bool tx_gather(I8255x *d, const Command *c)
{
    GByteArray *f = d->st.frame;
    uint32_t len = c->count & 0x3fff;
    g_byte_array_set_size(f, 0);
    if (len > MOST || (len && !frame_gather(&d->pci.dev, f, cu_addr(d) + 16, len)))
        return false;
    if (!(c->command & CB_SF))
        return true;
    uint32_t array = c->array == (uint32_t)NO_ARRAY ? cu_addr(d) + 16 : c->array;
    for (unsigned i = 0; i < MIN(c->tbds, (unsigned)MOST_TBDS); i++) {
        uint32_t tbd[2];
        if (!dma_read(&d->pci.dev, array + 8 * i, tbd, sizeof(tbd)))
            return false;
        uint32_t size = GUINT32_FROM_LE(tbd[1]) & 0x3fff;
        if (f->len + size > MOST || !frame_gather(&d->pci.dev, f, GUINT32_FROM_LE(tbd[0]), size))
            return false;
        if (GUINT32_FROM_LE(tbd[1]) & 1 << 16)
            break;
    }
    return true;
}

/* Unless NSAI (configure byte 10, bit 3) says that memory has it, our address goes in. */
static void tx_source(I8255x *d, const Command *c, GByteArray *f)
{
    if (d->st.config[10] && !(d->st.config[10] & 8) && f->len >= NET_HEADER)
        memcpy(f->data + 6, d->st.mac, 6);
}

/* false: held */
static bool cu_transmit(I8255x *d, const Command *c)
{
    GByteArray *f = d->st.frame;
    if (!tx_gather(d, c) || f->len < NET_HEADER) {
        guest_error(&d->pci.dev, "a frame of %u bytes that cannot be sent", f->len);
        d->st.counters[TX_UNDERRUN]++;
        g_byte_array_set_size(f, 0);
        return true;
    }
    tx_source(d, c, f);
    d->st.counters[TX_GOOD]++;
    if (d->st.config[10] & 0xc0) {
        ru_loop_back(d, f->data, f->len);
        g_byte_array_set_size(f, 0);
        return true;
    }
    return frame_send(d->nic.port, f, &(NetMeta){ 0 }, &d->st.held);
}

/* ---- the other commands ---- */

static void cu_configure(I8255x *d)
{
    uint8_t n = 0;
    if (!dma_read(&d->pci.dev, cu_addr(d) + 8, &n, 1) ||
        !dma_read(&d->pci.dev, cu_addr(d) + 8, d->st.config,
                  MIN(n & 63, (int)sizeof(d->st.config))))
        cu_bad(d, "the configuration");
    net_resume(d->nic.port);
}

static void cu_multicast(I8255x *d)
{
    uint8_t count[2], mac[6];
    memset(d->st.multicast, 0, sizeof(d->st.multicast));
    if (!dma_read(&d->pci.dev, cu_addr(d) + 8, count, 2)) {
        cu_bad(d, "the multicast list");
        return;
    }
    unsigned n = get_le16(count) & 0x3fff;
    for (unsigned i = 0; i + 6 <= n; i += 6) {
        if (!dma_read(&d->pci.dev, cu_addr(d) + 10 + i, mac, 6))
            return;
        unsigned hash = frame_hash(mac);
        d->st.multicast[hash >> 3] |= 1 << (hash & 7);
    }
}

static void cu_dump_memory(I8255x *d, const Command *c)
{
    uint8_t dump[596] = { 0 };
    if (!dma_write(&d->pci.dev, c->array, dump, sizeof(dump)))
        cu_bad(d, "the dump");
}

/* false: held; goes on when there is room */
static bool cu_execute(I8255x *d, const Command *c)
{
    switch (c->command & 7) {
    case OP_ADDRESS:
        if (!dma_read(&d->pci.dev, cu_addr(d) + 8, d->st.mac, 6))
            cu_bad(d, "the address");
        nic_show_mac(&d->nic, d->st.mac);
        break;
    case OP_CONFIGURE: cu_configure(d); break;
    case OP_MULTICAST: cu_multicast(d); break;
    case OP_TRANSMIT: return cu_transmit(d, c);
    case OP_DUMP: cu_dump_memory(d, c); break;
    }
    return true;
}

/* ---- the unit ---- */

static bool cu_fetch(I8255x *d, Command *c)
{
    if (!dma_read(&d->pci.dev, cu_addr(d), c, sizeof(*c))) {
        cu_bad(d, "a word");
        return false;
    }
    c->command = GUINT16_FROM_LE(c->command);
    c->link = GUINT32_FROM_LE(c->link);
    c->array = GUINT32_FROM_LE(c->array);
    c->count = GUINT16_FROM_LE(c->count);
    return true;
}

static void cu_state(I8255x *d, unsigned state)
{
    if (d->st.cu == CU_ACTIVE && state != CU_ACTIVE)
        i8255x_cause(d, INT_CNA);
    d->st.cu = state;
}

/* cu_at stays at a suspended command: its link is read again at resume. */
static void cu_complete(I8255x *d, const Command *c)
{
    uint16_t status = GUINT16_TO_LE(CB_C | CB_OK);
    if (!dma_write(&d->pci.dev, cu_addr(d), &status, 2))
        cu_bad(d, "the status");
    if (c->command & CB_I)
        i8255x_cause(d, INT_CX);
    if (c->command & CB_EL)
        cu_state(d, CU_IDLE);
    else if (c->command & CB_S)
        cu_state(d, CU_SUSPENDED);
    else
        d->st.cu_at = c->link;
}

void cu_run(void *o)
{
    I8255x *d = o;
    uint64_t cost = 0;
    for (unsigned n = 0; d->st.cu == CU_ACTIVE && !d->st.cu_held; n++) {
        Command c;
        if (n == KICK_COMMANDS || cost > KICK_COST) {
            frame_later(&d->work);
            return;
        }
        if (!cu_fetch(d, &c)) {
            cu_state(d, CU_IDLE);
            return;
        }
        if (!cu_execute(d, &c)) {
            d->st.cu_held = true;
            return;
        }
        cost += c.count & 0x3fff;
        cu_complete(d, &c);
    }
}

/* The held frame goes; then the command that it belongs to completes. */
void cu_resume(void *o)
{
    I8255x *d = o;
    Command c;
    if (!frame_again(d->nic.port, d->st.frame, &d->st.held))
        return;
    if (d->st.cu_held) {
        d->st.cu_held = false;
        if (d->st.cu == CU_ACTIVE && cu_fetch(d, &c))
            cu_complete(d, &c);
    }
    cu_run(d);
}

/* ---- what the SCB asks for ---- */

static void cu_dump(I8255x *d, uint32_t done, bool reset)
{
    uint32_t out[COUNTERS + 1];
    unsigned n = i8255x_info(d)->counters;
    for (unsigned i = 0; i < n; i++)
        out[i] = GUINT32_TO_LE(d->st.counters[i]);
    out[n] = GUINT32_TO_LE(done);
    if (!dma_write(&d->pci.dev, d->st.dump, out, (n + 1) * 4))
        guest_error(&d->pci.dev, "counters cannot be written to %#x", d->st.dump);
    if (reset)
        memset(d->st.counters, 0, sizeof(d->st.counters));
}

/* Only an idle or suspended unit may be started: a list in work goes on. */
static void cu_start(I8255x *d)
{
    if (d->st.cu == CU_ACTIVE) {
        guest_error(&d->pci.dev, "a start of a command unit that is active");
        return;
    }
    d->st.cu_at = d->st.pointer;
    d->st.cu = CU_ACTIVE;
    cu_run(d);
}

/* A suspended unit goes on with the next command if S of the last was taken away; with static
 * resume it looks at the same again. */
static void cu_go_on(I8255x *d)
{
    Command c;
    if (d->st.cu == CU_ACTIVE) {
        cu_run(d);
        return;
    }
    if (d->st.cu != CU_SUSPENDED || !cu_fetch(d, &c))
        return;
    d->st.cu_at = c.link;
    d->st.cu = CU_ACTIVE;
    cu_run(d);
}

void cu_command(I8255x *d, unsigned cuc)
{
    switch (cuc) {
    case CUC_START: cu_start(d); break;
    case CUC_RESUME:
    case CUC_STATIC_RESUME: cu_go_on(d); break;
    case CUC_DUMP_ADDRESS: d->st.dump = d->st.pointer; break;
    case CUC_BASE: d->st.cu_base = d->st.pointer; break;
    case CUC_DUMP: cu_dump(d, DUMP_DONE, false); break;
    case CUC_DUMP_RESET: cu_dump(d, DUMP_RESET_DONE, true); break;
    }
}
