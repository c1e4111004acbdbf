/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DP8390D network interface controller (National Semiconductor, July 1995) as an NE2000 has it,
 * and page 3 of the Realtek RTL8029AS (data sheet 1.0, 4.2).
 *
 *   ports 00-0f registers, 4 pages | 10-17 data of the remote DMA | 18-1f reset
 *   memory 0000 PROM, each byte twice | 4000-bfff RAM; frames in a ring of 256-byte pages:
 *   status 1, next page 1, length with FCS 2, frame, FCS
 *
 * Not modelled: collisions, the FIFO register, monitor mode's error counters. A frame that does
 * not fit waits with its sender until BNRY moves, so there is no overflow; as long as one waits PRX
 * comes again, for a driver that clears it before it has read all. Threads: machine lock.
 */
#include <string.h>

#include "hw/net/dp8390.h"
#include "util/iov.h"

enum {
    CR_STP = 1,
    CR_STA = 2,
    CR_TXP = 4,
    CR_RD = 0x38,
    CR_RD_READ = 8,
    CR_RD_WRITE = 0x10,
    CR_RD_SEND = 0x18,
    CR_RD_ABORT = 0x20
};
enum { ISR_PRX = 1, ISR_PTX = 2, ISR_TXE = 8, ISR_RDC = 0x40, ISR_RST = 0x80 };
enum { DCR_WTS = 1, TCR_LB = 6, TSR_PTX = 1, TSR_FU = 0x20 };
enum { RCR_AR = 2, RCR_AB = 4, RCR_AM = 8, RCR_PRO = 0x10, RCR_MON = 0x20 };
enum { RSR_PRX = 1, RSR_PHY = 0x20, RSR_DIS = 0x40 };
enum { PAGE = 256, HEADER = 4, MOST = 1518 };

/* clang-format off */
const Field Dp8390State_rows[] = {
    FIELD_ARRAY(Dp8390State, ram), FIELD(Dp8390State, rsar), FIELD(Dp8390State, rbcr), FIELD(Dp8390State, tbcr),
    FIELD(Dp8390State, cr), FIELD(Dp8390State, pstart), FIELD(Dp8390State, pstop), FIELD(Dp8390State, bnry),
    FIELD(Dp8390State, tpsr), FIELD(Dp8390State, tsr), FIELD(Dp8390State, isr),
    FIELD(Dp8390State, imr), FIELD(Dp8390State, rcr), FIELD(Dp8390State, rsr), FIELD(Dp8390State, tcr),
    FIELD(Dp8390State, dcr), FIELD(Dp8390State, curr), FIELD_ARRAY(Dp8390State, par),
    FIELD_ARRAY(Dp8390State, mar), FIELD(Dp8390State, cr9346), FIELD_PAD(Dp8390State, pad), FIELD_END
};
/* clang-format on */

static void dp_irq(Dp8390 *d)
{
    d->irq(d->dev, d->st.isr & d->st.imr & 0x7f);
}

static void dp_cause(Dp8390 *d, uint8_t isr)
{
    d->st.isr |= isr;
    dp_irq(d);
}

void dp8390_reset(Dp8390 *d)
{
    d->st.cr = CR_STP | CR_RD_ABORT;
    d->st.isr = ISR_RST;
    d->st.imr = 0;
    net_resume(d->nic.port);
}

/* ---- memory and remote DMA ---- */

static uint8_t prom_byte(const Dp8390 *d, unsigned n)
{
    return n < 6 ? d->nic.addr[n] : n >= 14 ? 0x57 : 0; /* 'W': a 16-bit card */
}

static uint8_t ram_read(const Dp8390 *d, uint16_t addr)
{
    if (addr < 32)
        return prom_byte(d, addr / 2);
    unsigned off = addr - NE2000_RAM;
    return off < NE2000_RAM_SIZE ? d->st.ram[off] : 0xff;
}

static void ram_write(Dp8390 *d, uint16_t addr, uint8_t val)
{
    unsigned off = addr - NE2000_RAM;
    if (off < NE2000_RAM_SIZE)
        d->st.ram[off] = val;
}

/* n bytes moved: a transfer that reaches PSTOP goes on at PSTART */
static void remote_step(Dp8390 *d, unsigned n)
{
    d->st.rsar += n;
    if (d->st.rsar == d->st.pstop << 8)
        d->st.rsar = d->st.pstart << 8;
    d->st.rbcr -= MIN(n, d->st.rbcr);
    if (!d->st.rbcr)
        dp_cause(d, ISR_RDC);
}

/* With WTS each access moves a word, of which a narrow one sees the low byte. */
static uint32_t remote_read(Dp8390 *d, unsigned size)
{
    bool word = d->st.dcr & DCR_WTS;
    uint32_t val = 0;
    for (unsigned i = 0; i < size; i += word ? 2 : 1) {
        uint32_t part = ram_read(d, d->st.rsar);
        if (word)
            part |= ram_read(d, d->st.rsar + 1) << 8;
        val |= part << 8 * i;
        if (d->st.rbcr)
            remote_step(d, word ? 2 : 1);
    }
    return val;
}

static void remote_write(Dp8390 *d, uint32_t val, unsigned size)
{
    bool word = d->st.dcr & DCR_WTS;
    for (unsigned i = 0; i < size && d->st.rbcr; i += word ? 2 : 1) {
        ram_write(d, d->st.rsar, val >> 8 * i);
        if (word)
            ram_write(d, d->st.rsar + 1, i + 1 < size ? val >> 8 * (i + 1) : 0);
        remote_step(d, word ? 2 : 1);
    }
}

/* ---- transmit ---- */

static void dp_transmit(void *o)
{
    Dp8390 *d = o;
    uint8_t frame[MOST];
    unsigned len = d->st.tbcr;
    if (!(d->st.cr & CR_TXP) || (d->st.cr & CR_STP))
        return;
    bool ok = len >= NET_HEADER && len <= MOST;
    for (unsigned i = 0; ok && i < len; i++)
        frame[i] = ram_read(d, (d->st.tpsr << 8) + i);
    if (ok && !(d->st.tcr & TCR_LB) && net_send_buf(d->nic.port, frame, len) == 0)
        return; /* TXP stays set until resume */
    if (!ok)
        guest_error(d->dev, "a frame of %u bytes", len);
    d->st.cr &= ~CR_TXP;
    d->st.tsr = ok ? TSR_PTX : TSR_FU;
    dp_cause(d, ok ? ISR_PTX : ISR_TXE);
}

/* ---- receive ---- */

static bool dp_wanted(const Dp8390 *d, const uint8_t *f)
{
    if ((d->st.rcr & RCR_PRO) && !(f[0] & 1))
        return true;
    if (frame_is_broadcast(f))
        return d->st.rcr & RCR_AB;
    if (f[0] & 1) {
        unsigned hash = frame_hash(f);
        return (d->st.rcr & RCR_AM) && (d->st.mar[hash >> 3] >> (hash & 7) & 1);
    }
    return !memcmp(f, d->st.par, 6);
}

/* Pages from CURR to BNRY; equal: the ring is empty. 0: the ring makes no sense. Linux writes the
 * page before the next one to be read to BNRY, also before the ring's first. */
static unsigned dp_free(const Dp8390 *d)
{
    unsigned start = d->st.pstart, stop = d->st.pstop, curr = d->st.curr, bnry = d->st.bnry;
    if (bnry + 1 == start)
        bnry = stop - 1;
    if (stop <= start || curr < start || curr >= stop || bnry < start || bnry >= stop)
        return 0;
    return curr < bnry ? bnry - curr : stop - start - (curr - bnry);
}

static void dp_store(Dp8390 *d, const uint8_t *p, size_t n)
{
    uint16_t at = d->st.curr << 8, stop = d->st.pstop << 8;
    for (size_t i = 0; i < n; i++) {
        ram_write(d, at++, p[i]);
        if (at == stop)
            at = d->st.pstart << 8;
    }
}

/* d->buf holds it from HEADER on */
static void dp_put(Dp8390 *d, size_t len)
{
    unsigned pages = (HEADER + len + FRAME_FCS + PAGE - 1) / PAGE, next = d->st.curr + pages;
    if (next >= d->st.pstop)
        next -= d->st.pstop - d->st.pstart;
    frame_put_fcs(d->buf + HEADER, len);
    d->st.rsr = RSR_PRX | (d->buf[HEADER] & 1 ? RSR_PHY : 0);
    d->buf[0] = d->st.rsr;
    d->buf[1] = next;
    d->buf[2] = len + FRAME_FCS;
    d->buf[3] = (len + FRAME_FCS) >> 8;
    dp_store(d, d->buf, HEADER + len + FRAME_FCS);
    d->st.curr = next;
    dp_cause(d, ISR_PRX);
}

static ssize_t dp_receive(void *o, const struct iovec *v, int n, const NetMeta *m)
{
    Dp8390 *d = o;
    size_t len = iov_bytes(v, n);
    if ((d->st.cr & CR_STP) || !(d->st.cr & CR_STA) || (d->st.tcr & TCR_LB) ||
        (d->st.rcr & RCR_MON) || len > MOST || len < NET_HEADER)
        return len;
    iov_to_buf(v, n, 0, d->buf + HEADER, len);
    if (!dp_wanted(d, d->buf + HEADER))
        return len;
    unsigned pages = (HEADER + len + FRAME_FCS + PAGE - 1) / PAGE, free = dp_free(d);
    if (!free || pages + 1 >= (unsigned)d->st.pstop - d->st.pstart)
        return len; /* no ring, or one that never holds it: drivers leave a page free */
    /* BNRY itself is the last page that the driver has not read */
    if (pages >= free) {
        dp_cause(d, ISR_PRX);
        return 0;
    }
    dp_put(d, len);
    return len;
}

/* ---- registers ---- */

static void dp_command(Dp8390 *d, uint8_t val)
{
    bool was_txp = d->st.cr & CR_TXP;
    if (!(val & (CR_STA | CR_STP))) /* neither is no command: Linux turns pages so */
        val |= d->st.cr & (CR_STA | CR_STP);
    d->st.cr = val | (was_txp ? CR_TXP : 0);
    if (val & CR_STP) {
        d->st.cr &= ~CR_TXP;
        d->st.isr |= ISR_RST;
    } else if (val & CR_STA) {
        d->st.isr &= ~ISR_RST;
    }
    unsigned rd = val & CR_RD;
    if (rd == CR_RD_SEND && !(val & CR_STP)) { /* DMA of the packet at BNRY */
        d->st.rsar = d->st.bnry << 8;
        d->st.rbcr = ram_read(d, d->st.rsar + 2) | ram_read(d, d->st.rsar + 3) << 8;
    }
    if ((rd == CR_RD_READ || rd == CR_RD_WRITE) && !d->st.rbcr)
        dp_cause(d, ISR_RDC);
    if (!was_txp)
        dp_transmit(d);
    net_resume(d->nic.port);
}

static void dp_write0(Dp8390 *d, unsigned reg, uint8_t val)
{
    Dp8390State *s = &d->st;
    switch (reg) {
    case 0x1: s->pstart = val; break;
    case 0x2: s->pstop = val; break;
    case 0x3:
        s->bnry = val;
        net_resume(d->nic.port);
        break;
    case 0x4: s->tpsr = val; break;
    case 0x5: s->tbcr = (s->tbcr & 0xff00) | val; break;
    case 0x6: s->tbcr = (s->tbcr & 0xff) | val << 8; break;
    case 0x7:
        s->isr &= ~(val & 0x7f);
        dp_irq(d);
        net_resume(d->nic.port);
        break;
    case 0x8: s->rsar = (s->rsar & 0xff00) | val; break;
    case 0x9: s->rsar = (s->rsar & 0xff) | val << 8; break;
    case 0xa: s->rbcr = (s->rbcr & 0xff00) | val; break;
    case 0xb: s->rbcr = (s->rbcr & 0xff) | val << 8; break;
    case 0xc:
        s->rcr = val;
        net_resume(d->nic.port);
        break;
    case 0xd: s->tcr = val; break;
    case 0xe: s->dcr = val; break;
    case 0xf:
        s->imr = val;
        dp_irq(d);
        break;
    }
}

static void dp_write1(Dp8390 *d, unsigned reg, uint8_t val)
{
    if (reg >= 8) {
        d->st.mar[reg - 8] = val;
    } else if (reg == 7) {
        d->st.curr = val;
    } else {
        d->st.par[reg - 1] = val;
        nic_show_mac(&d->nic, d->st.par);
    }
}

static uint8_t dp_read0(const Dp8390 *d, unsigned reg)
{
    const Dp8390State *s = &d->st;
    switch (reg) {
    case 0x3: return s->bnry;
    case 0x4: return s->tsr;
    case 0x7: return s->isr;
    case 0x8: return s->rsar;
    case 0x9: return s->rsar >> 8;
    case 0xa: return d->rtl8029 ? 0x50 : 0xff;
    case 0xb: return d->rtl8029 ? 0x43 : 0xff;
    case 0xc: return s->rsr;
    }
    return 0;
}

static uint8_t dp_read2(const Dp8390 *d, unsigned reg)
{
    const Dp8390State *s = &d->st;
    switch (reg) {
    case 0x1: return s->pstart;
    case 0x2: return s->pstop;
    case 0x4: return s->tpsr;
    case 0xc: return s->rcr | 0xc0;
    case 0xd: return s->tcr | 0xe0;
    case 0xe: return s->dcr | 0x80;
    case 0xf: return s->imr | 0x80;
    }
    return 0;
}

/* CONFIG2 and CONFIG3 say full duplex. */
static uint8_t dp_read3(const Dp8390 *d, unsigned reg)
{
    if (!d->rtl8029)
        return 0xff;
    return reg == 1 ? d->st.cr9346 : reg == 5 || reg == 6 ? 0x40 : 0;
}

static uint8_t dp_reg_read(Dp8390 *d, unsigned reg)
{
    if (!reg)
        return d->st.cr;
    switch (d->st.cr >> 6) {
    case 0: return dp_read0(d, reg);
    case 1: return reg >= 8 ? d->st.mar[reg - 8] : reg == 7 ? d->st.curr : d->st.par[reg - 1];
    case 2: return dp_read2(d, reg);
    }
    return dp_read3(d, reg);
}

static void dp_reg_write(Dp8390 *d, unsigned reg, uint8_t val)
{
    if (!reg)
        dp_command(d, val);
    else if (d->st.cr >> 6 == 0)
        dp_write0(d, reg, val);
    else if (d->st.cr >> 6 == 1)
        dp_write1(d, reg, val);
    else if (d->st.cr >> 6 == 3 && reg == 1)
        d->st.cr9346 = val & 0xfe;
}

uint64_t dp8390_read(Dp8390 *d, unsigned port, unsigned size)
{
    uint32_t val = 0;
    if (port >= 0x10 && port < 0x18)
        return remote_read(d, size);
    if (port >= 0x18) {
        dp8390_reset(d);
        dp_irq(d);
        return 0;
    }
    for (unsigned i = 0; i < size && port + i < 0x10; i++)
        val |= (uint32_t)dp_reg_read(d, port + i) << 8 * i;
    return val;
}

void dp8390_write(Dp8390 *d, unsigned port, uint32_t val, unsigned size)
{
    if (port >= 0x10 && port < 0x18)
        remote_write(d, val, size);
    for (unsigned i = 0; i < size && port + i < 0x10; i++)
        dp_reg_write(d, port + i, val >> 8 * i);
}

static const NetOps dp_net = { dp_receive, dp_transmit, NULL };

bool dp8390_init(Dp8390 *d, Device *dev, void (*irq)(Device *, bool), GError **err)
{
    d->dev = dev;
    d->irq = irq;
    return nic_open(&d->nic, dev, &dp_net, d, err);
}
