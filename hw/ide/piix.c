/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IDE function of the PIIX3 (Intel 290550): two channels at the legacy ports, IRQ 14 and 15
 * through pins of the board, and bus mastering (SFF-8038i) in I/O BAR 4, 8 bytes a channel:
 *
 *   0 command: bit 0 start, bit 3 towards memory   2 status: 0 active, 1 error, 2 interrupt, 5-6
 * drives 4 table of {address, 16-bit length (0: 64 KiB), bit 31 end}
 *
 * Not modelled: the timings in 40h-44h, which are kept but change nothing. As in 7.2 the ports
 * decode whatever IDETIM bit 15 says, so that a kernel started without firmware finds its disk.
 */
#include <string.h>

#include "hw/ide/ide.h"
#include "hw/pci/pci.h"

enum { BM_START = 0x01, BM_TO_MEMORY = 0x08 };
enum { BM_ACTIVE = 0x01, BM_ERROR = 0x02, BM_IRQ = 0x04, BM_DRIVES = 0x60 };
enum { PRD_END = 0x80000000u, PRD_MOST = 8192 };

STATE_BEGIN
typedef struct BmState {
    uint64_t pos;            /* bytes of the list used, before the entry in work */
    uint32_t addr;           /* the table */
    uint32_t next;           /* entries fetched */
    uint32_t base, len, off; /* the entry in work */
    uint8_t cmd, status;
    bool last, line;
} BmState;
STATE_END

typedef struct PiixIde PiixIde;
typedef struct PiixChannel {
    PiixIde *ide;
    IdeBus bus;
    Region ports, control;
} PiixChannel;

struct PiixIde {
    PciDevice pci;
    /* config */
    /* state */
    BmState bm[2];
    /* host */
    PiixChannel ch[2];
    const IrqLine *irq[2];
    Region bm_io;
};

/* clang-format off */
static const Field BmState_rows[] = {
    FIELD(BmState, pos), FIELD(BmState, addr), FIELD(BmState, next, .max = PRD_MOST),
    FIELD(BmState, base), FIELD(BmState, len, .max = 65536), FIELD(BmState, off, .max = 65536),
    FIELD(BmState, cmd), FIELD(BmState, status), FIELD(BmState, last), FIELD(BmState, line), FIELD_END
};
/* clang-format on */

static BmState *bm_of(PiixChannel *c)
{
    return &c->ide->bm[c->bus.number];
}

/* ---- the list of memory pieces ---- */

static void bm_rewind(BmState *m)
{
    m->pos = 0;
    m->next = m->len = m->off = 0;
    m->last = false;
}

/* false: the list has ended, or its memory cannot be read */
static bool bm_fetch(PiixChannel *c)
{
    BmState *m = bm_of(c);
    uint32_t prd[2];

    if (m->last || m->next >= PRD_MOST)
        return false;
    if (!dma_read(&c->ide->pci.dev, m->addr + 8ull * m->next, prd, sizeof(prd))) {
        m->status |= BM_ERROR;
        return false;
    }
    m->next++;
    m->pos += m->len;
    m->base = GUINT32_FROM_LE(prd[0]) & ~1u;
    m->len = GUINT32_FROM_LE(prd[1]) & 0xfffe;
    m->len = m->len ? m->len : 65536;
    m->off = 0;
    m->last = GUINT32_FROM_LE(prd[1]) & PRD_END;
    return true;
}

/* the cursor to byte `at` of the list */
static bool bm_seek(PiixChannel *c, uint64_t at)
{
    BmState *m = bm_of(c);

    if (at < m->pos)
        bm_rewind(m);
    while (at >= m->pos + m->len)
        if (!bm_fetch(c))
            return false;
    m->off = at - m->pos;
    return true;
}

static bool bm_move(PiixChannel *c, uint8_t *p, uint32_t n, bool to_guest)
{
    BmState *m = bm_of(c);
    Device *dev = &c->ide->pci.dev;
    uint64_t addr = (uint64_t)m->base + m->off;
    bool ok = to_guest ? dma_write(dev, addr, p, n) : dma_read(dev, addr, p, n);

    if (!ok)
        m->status |= BM_ERROR;
    m->off += n;
    return ok;
}

static size_t piix_dma(void *o, uint64_t at, void *buf, size_t n, bool to_guest)
{
    PiixChannel *c = o;
    size_t done = 0;

    while (done < n && bm_seek(c, at + done)) {
        BmState *m = bm_of(c);
        uint32_t now = MIN(n - done, m->len - m->off);
        if (!bm_move(c, (uint8_t *)buf + done, now, to_guest))
            break;
        done += now;
    }
    if (done < n)
        bm_of(c)->status &= (uint8_t)~BM_ACTIVE;
    return done;
}

static bool piix_dma_ready(void *o)
{
    return bm_of(o)->status & BM_ACTIVE;
}

/* A list longer than the transfer leaves the engine active (SFF-8038i, 3.1). */
static void piix_dma_end(void *o)
{
    BmState *m = bm_of(o);

    if (m->last && m->off >= m->len)
        m->status &= (uint8_t)~BM_ACTIVE;
}

static void piix_irq(void *o, int level)
{
    PiixChannel *c = o;
    BmState *m = bm_of(c);

    if (level && !m->line)
        m->status |= BM_IRQ;
    m->line = level;
    irq_set(c->ide->irq[c->bus.number], level);
}

static const IdeHost piix_host = {
    .irq = piix_irq,
    .dma = piix_dma,
    .dma_ready = piix_dma_ready,
    .dma_end = piix_dma_end,
};

/* ---- bus master registers ---- */

static uint8_t bm_byte(const BmState *m, unsigned reg)
{
    switch (reg) {
    case 0: return m->cmd;
    case 2: return m->status;
    case 4 ... 7: return m->addr >> 8 * (reg - 4);
    }
    return 0xff;
}

static void bm_command(PiixChannel *c, uint8_t val)
{
    BmState *m = bm_of(c);
    bool was = m->cmd & BM_START;

    m->cmd = val & (BM_START | BM_TO_MEMORY);
    if (!(val & BM_START)) {
        m->status &= (uint8_t)~BM_ACTIVE;
    } else if (!was) {
        bm_rewind(m);
        m->status |= BM_ACTIVE;
        ide_dma_start(&c->bus);
    }
}

static void bm_write_byte(PiixChannel *c, unsigned reg, uint8_t val)
{
    BmState *m = bm_of(c);
    unsigned shift = 8 * (reg & 3);

    switch (reg) {
    case 0: bm_command(c, val); break;
    case 2:
        m->status =
            (val & BM_DRIVES) | (m->status & BM_ACTIVE) | (m->status & ~val & (BM_ERROR | BM_IRQ));
        break;
    case 4 ... 7: m->addr = ((m->addr & ~(0xffu << shift)) | (uint32_t)val << shift) & ~3u; break;
    }
}

static uint64_t bm_read(void *o, uint64_t reg, unsigned size)
{
    PiixIde *p = o;
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)bm_byte(&p->bm[(reg + i) >> 3 & 1], (reg + i) & 7) << 8 * i;
    return val;
}

static void bm_write(void *o, uint64_t reg, uint64_t val, unsigned size)
{
    PiixIde *p = o;

    for (unsigned i = 0; i < size; i++)
        bm_write_byte(&p->ch[(reg + i) >> 3 & 1], (reg + i) & 7, val >> 8 * i);
}

static const IoOps bm_ops = { bm_read, bm_write, .min = 1, .max = 4 };

/* ---- legacy ports ---- */

static uint64_t ports_read(void *o, uint64_t reg, unsigned size)
{
    return ide_read(&((PiixChannel *)o)->bus, reg, size);
}

static void ports_write(void *o, uint64_t reg, uint64_t val, unsigned size)
{
    ide_write(&((PiixChannel *)o)->bus, reg, val, size);
}

static uint64_t control_read(void *o, uint64_t reg, unsigned size)
{
    return ide_control_read(&((PiixChannel *)o)->bus);
}

static void control_write(void *o, uint64_t reg, uint64_t val, unsigned size)
{
    ide_control_write(&((PiixChannel *)o)->bus, val);
}

static const IoOps ports_ops = { ports_read, ports_write, .min = 1, .max = 4 };
static const IoOps control_ops = { control_read, control_write, .min = 1, .max = 1 };

static void channel_init(PiixIde *p, unsigned n)
{
    static const uint16_t port[2] = { 0x1f0, 0x170 }, ctl[2] = { 0x3f6, 0x376 };
    PiixChannel *c = &p->ch[n];
    Device *dev = &p->pci.dev;

    c->ide = p;
    ide_bus_init(&c->bus, dev, n, &piix_host, c);
    region_init_io(&c->ports, dev, "ide", 8, &ports_ops, c);
    region_init_io(&c->control, dev, "ide", 1, &control_ops, c);
    space_map(dev->vm->io,
              &(MapRow){ .base = port[n], .size = 8, .region = &c->ports, .on = true });
    space_map(dev->vm->io,
              &(MapRow){ .base = ctl[n], .size = 1, .region = &c->control, .on = true });
}

/* ---- the device ---- */

static bool piix_ide_realize(Device *dev, GError **err)
{
    PiixIde *p = (PiixIde *)dev;

    pci_conf_default(&p->pci, 0x40, 4, 0, 0xffffffff); /* IDETIM of both channels */
    pci_bar_io(&p->pci, 4, &p->bm_io, PCI_BAR_IO, 16, &bm_ops, p);
    for (unsigned n = 0; n < 2; n++)
        channel_init(p, n);
    return true;
}

static const Prop PiixIde_rows[] = { PROP_END(PiixIde) };
static const PciInfo piix3_ide_info = {
    .vendor = 0x8086,
    .device = 0x7010,
    .class = 0x0101,
    .prog_if = 0x80,
};

static const DeviceType piix3_ide = {
    .name = "piix3-ide",
    .desc = "PIIX3 IDE controller",
    .size = sizeof(PiixIde),
    .bus = &pci_bus_type,
    .bus_info = &piix3_ide_info,
    .props = PiixIde_rows,
    .state = STATE_PARTS(STATE_ROW(PiixIde, bm, sizeof(BmState), BmState_rows, 1, .n = 2)),
    .pins = PINS(PIN_OUT(PiixIde, irq, "irq")),
    .realize = piix_ide_realize,
};
REGISTER(device, piix3_ide);
