/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LSI53C895A, a PCI to Ultra2 SCSI adapter (its technical manual, 4): registers, interrupts,
 * resets, 8 KiB of RAM for scripts. BAR 0: registers as ports, 1: as memory, 2: the RAM.
 * Not here: target mode, low-level bus control by hand, parity errors, the timers GEN and HTH
 * (they expire at once where a driver arms GEN to measure its clock), the serial EEPROM.
 */
#include <string.h>

#include "hw/pc/pc.h"
#include "hw/scsi/lsi.h"

enum { RAM_SIZE = 8192 };

/* ---- interrupts ---- */

void lsi_update_irq(Lsi *s)
{
    uint8_t *r = s->st.reg;
    bool dip = r[DSTAT] & ~DSTAT_DFE, sip = r[SIST0] | r[SIST1];
    bool level = r[DSTAT] & ~DSTAT_DFE & r[DIEN] || r[SIST0] & r[SIEN0] || r[SIST1] & r[SIEN1];

    r[ISTAT0] =
        (r[ISTAT0] & ~(ISTAT_SIP | ISTAT_DIP)) | (sip ? ISTAT_SIP : 0) | (dip ? ISTAT_DIP : 0);
    pci_irq(&s->pci, 0, level || r[ISTAT0] & ISTAT_INTF);
}

void lsi_dma_interrupt(Lsi *s, uint8_t dstat)
{
    s->st.reg[DSTAT] |= dstat;
    s->st.run = RUN_STOPPED;
    lsi_update_irq(s);
}

/* Fatal for the script, but for the two that a driver may mask (manual, 2.2.16.3). */
void lsi_scsi_interrupt(Lsi *s, uint8_t sist0, uint8_t sist1)
{
    uint8_t mild0 = sist0 & (SIST0_CMP | SIST0_RSL), mild1 = sist1 & (SIST1_GEN | SIST1_HTH);

    s->st.reg[SIST0] |= sist0;
    s->st.reg[SIST1] |= sist1;
    if (sist0 & ~mild0 || sist1 & ~mild1 || mild0 & s->st.reg[SIEN0] || mild1 & s->st.reg[SIEN1])
        s->st.run = RUN_STOPPED;
    lsi_update_irq(s);
}

/* ---- resets ---- */

static void initial_registers(Lsi *s)
{
    uint8_t *r = s->st.reg;

    memset(r, 0, sizeof(s->st.reg));
    r[SCNTL0] = 0xc0;
    r[DSTAT] = DSTAT_DFE;
    r[CTEST1] = 0xf0;
    r[MACNTL] = 0xd0;
    r[GPCNTL] = 0x0f;
    r[GPREG] = 0x0f;
    r[STEST4] = 0x20; /* the clock quadrupler has locked */
    r[CTEST2] = 1;
}

static void soft_reset(Lsi *s)
{
    timer_cancel(&s->timer);
    lsi_cancel_all(s);
    s->st.run = RUN_STOPPED;
    s->st.moving = s->st.carry = s->st.no_answer = false;
    lsi_disconnect(s);
    initial_registers(s);
    lsi_update_irq(s);
}

static void bus_reset(Lsi *s)
{
    lsi_cancel_all(s);
    lsi_disconnect(s);
    s->st.moving = false;
    lsi_scsi_interrupt(s, SIST0_RST, 0);
}

/* ---- registers ---- */

static void start_script(Lsi *s)
{
    s->st.run = RUN_GOING;
    s->st.moving = false;
    lsi_run(s);
}

static void signal_process(Lsi *s)
{
    s->st.reg[ISTAT0] |= ISTAT_SIGP;
    if (s->st.run == RUN_RESELECT) {
        uint32_t insn = lsi_get32(s, DBC), to = lsi_get32(s, DSPS);
        int32_t off = (int32_t)(to << 8) >> 8;

        lsi_put32(s, DSP, insn & 1 << 26 ? lsi_get32(s, DSP) + off : to);
        s->st.run = RUN_GOING;
        lsi_run(s);
    }
}

static void write_istat(Lsi *s, uint8_t val)
{
    uint8_t *r = s->st.reg;

    if (val & ISTAT_SRST) {
        soft_reset(s);
        r[ISTAT0] |= ISTAT_SRST;
        return;
    }
    r[ISTAT0] =
        (r[ISTAT0] & ~(ISTAT_ABRT | ISTAT_SRST | ISTAT_SEM)) | (val & (ISTAT_ABRT | ISTAT_SEM));
    if (val & ISTAT_INTF)
        r[ISTAT0] &= ~ISTAT_INTF;
    if (val & ISTAT_ABRT)
        lsi_dma_interrupt(s, DSTAT_ABRT);
    lsi_update_irq(s);
    if (val & ISTAT_SIGP)
        signal_process(s);
    else
        r[ISTAT0] &= ~ISTAT_SIGP;
}

static void write_scntl1(Lsi *s, uint8_t val)
{
    uint8_t was = s->st.reg[SCNTL1];

    s->st.reg[SCNTL1] = (val & ~SCNTL1_CON) | (was & SCNTL1_CON);
    s->st.reg[SSTAT0] = (s->st.reg[SSTAT0] & ~SSTAT0_RST) | (val & SCNTL1_RST ? SSTAT0_RST : 0);
    if (val & SCNTL1_RST && !(was & SCNTL1_RST))
        bus_reset(s);
}

static uint8_t take(Lsi *s, unsigned reg, uint8_t rest)
{
    uint8_t val = s->st.reg[reg];

    s->st.reg[reg] = rest;
    lsi_update_irq(s);
    return val;
}

uint8_t lsi_reg_read(Lsi *s, unsigned reg)
{
    uint8_t *r = s->st.reg;

    switch (reg) {
    case DSTAT: return take(s, DSTAT, DSTAT_DFE) | DSTAT_DFE;
    case SIST0: return take(s, SIST0, 0);
    case SIST1: return take(s, SIST1, 0);
    case CTEST2: {
        uint8_t sigp = r[ISTAT0] & ISTAT_SIGP ? 0x40 : 0;
        r[ISTAT0] &= ~ISTAT_SIGP;
        return (r[CTEST2] & 0x3f) | sigp;
    }
    case ISTAT1: return s->st.run == RUN_STOPPED ? 0 : 2;
    case SBCL: return s->st.phase < PH_NONE ? 0xa0 | s->st.phase : 0; /* REQ, BSY */
    }
    return r[reg];
}

void lsi_reg_write(Lsi *s, unsigned reg, uint8_t val)
{
    uint8_t *r = s->st.reg;

    switch (reg) {
    case SCNTL1: write_scntl1(s, val); return;
    case ISTAT0: write_istat(s, val); return;
    case SBCL:
    case DSTAT:
    case SSTAT0:
    case SSTAT1:
    case SSTAT2:
    case ISTAT1:
    case CTEST1:
    case SIST0:
    case SIST1:
    case MACNTL:
    case STEST4:
    case SBDL:
    case SBDL + 1: return; /* read only */
    case SSID: return;
    case CTEST2: r[CTEST2] = (r[CTEST2] & ~0x08) | (val & 0x08); return;
    case CTEST3: r[CTEST3] = val & 0x0b; return;
    case SOCL: r[SOCL] = val; return;
    case DSP + 3:
        r[reg] = val;
        if (!(r[DMODE] & DMODE_MAN))
            start_script(s);
        return;
    case DCNTL:
        r[DCNTL] = val & ~DCNTL_STD;
        if (val & DCNTL_STD)
            start_script(s);
        return;
    case DIEN:
    case SIEN0:
    case SIEN1:
        r[reg] = val;
        lsi_update_irq(s);
        return;
    case STIME0 + 1:
        r[reg] = val & 0x0f;
        if (val & 0x0f)
            lsi_scsi_interrupt(s, 0, SIST1_GEN);
        return;
    }
    r[reg] = val;
}

static uint64_t io_read(void *o, uint64_t off, unsigned size)
{
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)lsi_reg_read(o, (off + i) & 0xff) << 8 * i;
    return val;
}

static void io_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        lsi_reg_write(o, (off + i) & 0xff, val >> 8 * i);
}

static const IoOps lsi_io = { io_read, io_write, .min = 1, .max = 4 };

/* ---- life ---- */

/* clang-format off */
#define S LsiState
static const Field LsiState_rows[] = {
    FIELD(S, resume), FIELD_ARRAY(S, reg), FIELD_ARRAY(S, msg_in), FIELD(S, insn), FIELD(S, at),
    FIELD(S, move_high), FIELD(S, run, .max = RUN_RESELECT), FIELD(S, phase, .max = PH_FREE),
    FIELD(S, n_msg_in, .max = 8), FIELD(S, msg_at, .max = 8), FIELD(S, target, .max = 15),
    FIELD(S, lun, .max = 7), FIELD(S, tag), FIELD(S, status), FIELD(S, moving), FIELD(S, tagged),
    FIELD(S, may_disconnect), FIELD(S, has_command), FIELD(S, bye), FIELD(S, carry), FIELD(S, no_answer), FIELD(S, silent),
    FIELD_PAD(S, pad), FIELD_END
};
#undef S
/* clang-format on */

static bool lsi_realize(Device *dev, GError **err)
{
    Lsi *s = (Lsi *)dev;

    pci_conf_default(&s->pci, 0x2c, 4, 0x10000000, 0); /* as drivers know it: no vendor */
    pci_bar_io(&s->pci, 0, &s->io, PCI_BAR_IO, 256, &lsi_io, s);
    pci_bar_io(&s->pci, 1, &s->mmio, PCI_BAR_MEM, 1024, &lsi_io, s);
    if (!region_init_ram(&s->ram, dev, "lsi-ram", RAM_SIZE, err))
        return false;
    pci_bar(&s->pci, 2, &s->ram, PCI_BAR_MEM);
    timer_init(&s->timer, dev, CLOCK_VIRTUAL, &s->st.resume, lsi_resume, s);
    g_queue_init(&s->reqs);
    scsi_bus_init(&s->bus, dev, NULL, &lsi_hba, s);
    return true;
}

static void lsi_reset(Device *dev)
{
    Lsi *s = (Lsi *)dev;

    lsi_forget(s);
    s->current = NULL;
    s->st.phase = PH_FREE;
    initial_registers(s);
}

static void lsi_unrealize(Device *dev)
{
    lsi_forget((Lsi *)dev);
}

static const DeviceType lsi53c895a = {
    .name = "lsi53c895a",
    .desc = "LSI 53C895A SCSI adapter",
    .size = sizeof(Lsi),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .bus = &pci_bus_type,
    .bus_info = &(const PciInfo){ .vendor = 0x1000, .device = 0x0012, .class = 0x0100, .pin = 1 },
    .state = STATE_PARTS(STATE(Lsi, st, LsiState_rows, 1)),
    .realize = lsi_realize,
    .reset = lsi_reset,
    .unrealize = lsi_unrealize,
};
REGISTER(device, lsi53c895a);

/* ---- drives with if=scsi: an adapter for each bus that has any ---- */

void scsi_board_drives(Board *b, Bus *pci)
{
    const GPtrArray *drives = b->vm->conf->drives;
    Device *adapter[8] = { NULL };

    for (guint i = 0; drives && !b->err && i < drives->len; i++) {
        DriveConf *c = drives->pdata[i];

        if (c->iface != IF_SCSI || c->bus >= G_N_ELEMENTS(adapter))
            continue;
        for (unsigned n = 0; n <= c->bus; n++)
            if (!adapter[n])
                adapter[n] = board_add(b, "lsi53c895a", NULL, pci, NULL);
        if (!b->err)
            scsi_add_drive((ScsiBus *)board_bus(adapter[c->bus], 0), c->id, c->unit, 0, c->cdrom,
                           &b->err);
        c->used = true;
    }
}
