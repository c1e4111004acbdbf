/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The power management function of the 82371AB (PIIX4), 00:01.3 of the i440FX board. Data sheet
 * 290562, chapter 7, and ACPI 1.0b, 4.7: PM1 events and control, the 24-bit PM timer, ports B2h
 * and B3h, a GPE block at AFE0h. SLP_TYP 0 is S5, 1 is S3, s4_val is S4. Not modelled: device
 * monitors, throttling, SMIs (so DEVACTB.APMC_EN reads 1: firmware then leaves SMM alone), SMBus
 * devices (each transaction ends with a device error). Threads: machine lock.
 */
#include "core/clock.h"
#include "core/runstate.h"
#include "hw/isa/pcihp.h"
#include "hw/pci/pci.h"

enum {
    REG_PMBASE = 0x40,
    REG_DEVACTB = 0x58,
    REG_PMREGMISC = 0x80,
    REG_SMBBASE = 0x90,
    REG_SMBHSTCFG = 0xd2
};
enum { PM_SIZE = 0x40, GPE_BASE = 0xafe0, APM_PORT = 0xb2, SMB_SIZE = 0x10 };
enum {
    PM1_TMR = 1 << 0,
    PM1_GBL = 1 << 5,
    PM1_PWRBTN = 1 << 8,
    PM1_RTC = 1 << 10,
    PM1_WAK = 1 << 15,
    PM1_EVENTS = PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_RTC,
};
enum { CNT_SCI_EN = 1, CNT_SLP_EN = 1 << 13 };
enum { APM_ACPI_ENABLE = 0xf1, APM_ACPI_DISABLE = 0xf0 };
enum { SMB_STS_ERR = 4, SMB_CTL_START = 0x40 };
#define PM_TIMER_HZ 3579545

typedef struct PmState {
    int64_t deadline;
    uint64_t last_half; /* timer halves (2^23 ticks) already reported as an overflow */
    uint16_t sts, en, cnt;
    uint8_t gpe_sts[2], gpe_en[2], apm_control, apm_status;
    uint8_t smb[SMB_SIZE];
    uint8_t pad[4];
} PmState;

typedef struct Piix4Pm {
    PciDevice pci;
    /* config */ uint32_t smb_base;
    uint8_t disable_s3, disable_s4, s4_val;
    bool pci_hotplug_bridge, root_hotplug;
    /* state */ PmState st;
    PciHp hp;
    /* host */ Region pm, gpe, apm, smb;
    MapRow *pm_row, *smb_row;
    Timer timer;
    const IrqLine *sci[1];
} Piix4Pm;

static const Prop Piix4Pm_rows[] = {
    PROP_INT(Piix4Pm, smb_base, "smb_io_base", 0xb100, "ports of the SMBus controller"),
    PROP_RANGE(Piix4Pm, disable_s3, "disable_s3", 0, 0, 1, "no suspend to RAM"),
    PROP_RANGE(Piix4Pm, disable_s4, "disable_s4", 0, 0, 1, "no suspend to disk"),
    PROP_RANGE(Piix4Pm, s4_val, "s4_val", 2, 0, 7, "SLP_TYP of suspend to disk"),
    PROP_BOOL(Piix4Pm, pci_hotplug_bridge, "acpi-pci-hotplug-with-bridge-support", true,
              "hot-plug behind bridges by ACPI"),
    PROP_BOOL(Piix4Pm, root_hotplug, "acpi-root-pci-hotplug", true,
              "hot-plug on the root bus by ACPI"),
    PROP_END(Piix4Pm)
};

static const Field PmState_rows[] = { FIELD(PmState, deadline),     FIELD(PmState, last_half),
                                      FIELD(PmState, sts),          FIELD(PmState, en),
                                      FIELD(PmState, cnt),          FIELD_ARRAY(PmState, gpe_sts),
                                      FIELD_ARRAY(PmState, gpe_en), FIELD(PmState, apm_control),
                                      FIELD(PmState, apm_status),   FIELD_ARRAY(PmState, smb),
                                      FIELD_PAD(PmState, pad),      FIELD_END };

/* ---- timer and SCI ---- */

static uint64_t pm_ticks(Piix4Pm *p)
{
    return (unsigned __int128)clock_now(p->pci.dev.vm, CLOCK_VIRTUAL) * PM_TIMER_HZ / 1000000000;
}

/* TMR_STS is set whenever bit 23 changes. */
static void pm_timer_check(Piix4Pm *p)
{
    uint64_t half = pm_ticks(p) >> 23;
    if (half != p->st.last_half) {
        p->st.last_half = half;
        p->st.sts |= PM1_TMR;
    }
}

/* Only a guest that wants the overflow interrupt gets a timer of ours. */
static void pm_timer_arm(Piix4Pm *p)
{
    if (!(p->st.en & PM1_TMR) || (p->st.sts & PM1_TMR)) {
        timer_cancel(&p->timer);
        return;
    }
    unsigned __int128 next = (unsigned __int128)(p->st.last_half + 1) << 23;
    timer_set(&p->timer, (int64_t)(next * 1000000000 / PM_TIMER_HZ) + 1);
}

static void pm_update(Piix4Pm *p)
{
    bool event = p->st.sts & p->st.en & PM1_EVENTS;
    for (unsigned i = 0; i < 2; i++)
        event |= p->st.gpe_sts[i] & p->st.gpe_en[i];
    irq_set(p->sci[0], event);
    pm_timer_arm(p);
}

static void pm_timer_fire(void *o)
{
    Piix4Pm *p = o;
    pm_timer_check(p);
    pm_update(p);
}

/* ---- PM1 block ---- */

static uint64_t pm_read(void *o, uint64_t off, unsigned size)
{
    Piix4Pm *p = o;
    pm_timer_check(p);
    uint32_t tmr = pm_ticks(p) & 0xffffff;
    uint8_t reg[PM_SIZE] = {
        p->st.sts, p->st.sts >> 8, p->st.en,  p->st.en >> 8, p->st.cnt, p->st.cnt >> 8, 0, 0,
        tmr,       tmr >> 8,       tmr >> 16,
    };
    uint64_t val = 0;
    for (unsigned i = 0; i < size && off + i < PM_SIZE; i++)
        val |= (uint64_t)reg[off + i] << 8 * i;
    return val;
}

static void pm_sleep(Piix4Pm *p)
{
    unsigned type = p->st.cnt >> 10 & 7;
    if (type == 0)
        vm_request(p->pci.dev.vm, VM_SHUTDOWN, "guest-shutdown");
    else if (type == 1 && !p->disable_s3)
        vm_request(p->pci.dev.vm, VM_SUSPEND, "guest-suspend");
    else if (type == p->s4_val && !p->disable_s4)
        vm_request(p->pci.dev.vm, VM_SHUTDOWN, "guest-shutdown");
}

static void pm_write_byte(Piix4Pm *p, unsigned off, uint8_t val)
{
    unsigned shift = off & 1 ? 8 : 0;
    uint16_t keep = shift ? 0x00ff : 0xff00;
    switch (off) {
    case 0:
    case 1: p->st.sts &= ~(val << shift); break;
    case 2:
    case 3: p->st.en = (p->st.en & keep) | val << shift; break;
    case 4:
    case 5:
        p->st.cnt = ((p->st.cnt & keep) | val << shift) & ~CNT_SLP_EN;
        if (off == 5 && (val & CNT_SLP_EN >> 8))
            pm_sleep(p);
        break;
    }
}

static void pm_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Piix4Pm *p = o;
    pm_timer_check(p);
    for (unsigned i = 0; i < size; i++)
        pm_write_byte(p, off + i, val >> 8 * i);
    pm_update(p);
}

/* ---- general purpose events ---- */

static uint64_t gpe_read(void *o, uint64_t off, unsigned size)
{
    Piix4Pm *p = o;
    return off < 2 ? p->st.gpe_sts[off] : p->st.gpe_en[off - 2];
}

static void gpe_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Piix4Pm *p = o;
    if (off < 2)
        p->st.gpe_sts[off] &= ~val;
    else
        p->st.gpe_en[off - 2] = val;
    pm_update(p);
}

/* ---- APM ports ---- */

static uint64_t apm_read(void *o, uint64_t off, unsigned size)
{
    Piix4Pm *p = o;
    return off ? p->st.apm_status : p->st.apm_control;
}

static void apm_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Piix4Pm *p = o;
    if (off) {
        p->st.apm_status = val;
        return;
    }
    p->st.apm_control = val;
    if (val == APM_ACPI_ENABLE)
        p->st.cnt |= CNT_SCI_EN;
    else if (val == APM_ACPI_DISABLE)
        p->st.cnt &= ~CNT_SCI_EN;
}

/* ---- SMBus: a controller on an empty bus ---- */

static uint64_t smb_read(void *o, uint64_t off, unsigned size)
{
    Piix4Pm *p = o;
    return p->st.smb[off];
}

static void smb_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Piix4Pm *p = o;
    if (off == 0) {
        p->st.smb[0] &= ~val;
        return;
    }
    p->st.smb[off] = val;
    if (off == 2 && (val & SMB_CTL_START)) {
        p->st.smb[2] &= ~SMB_CTL_START;
        p->st.smb[0] |= SMB_STS_ERR; /* nobody acknowledged the address */
    }
}

static const IoOps pm_io = { pm_read, pm_write, .min = 1, .max = 4, .impl_min = 1, .impl_max = 4 };
static const IoOps gpe_io = {
    gpe_read, gpe_write, .min = 1, .max = 4, .impl_min = 1, .impl_max = 1
};
static const IoOps apm_io = { apm_read, apm_write, .min = 1, .max = 1 };
static const IoOps smb_io = { smb_read, smb_write, .min = 1, .max = 1 };

/* ---- device ---- */

static void pm_place(MapRow *row, bool on, uint64_t base)
{
    row->on = on && base;
    if (row->on)
        row->base = base;
}

static void pm_sync(Device *dev)
{
    Piix4Pm *p = (Piix4Pm *)dev;
    const uint8_t *conf = p->pci.st.conf;
    space_begin(dev->vm->io);
    pm_place(p->pm_row, conf[REG_PMREGMISC] & 1, pci_conf16(&p->pci, REG_PMBASE) & 0xffc0);
    pm_place(p->smb_row, conf[REG_SMBHSTCFG] & 1, pci_conf16(&p->pci, REG_SMBBASE) & 0xfff0);
    space_commit(dev->vm->io);
}

static void pm_config_written(PciDevice *d, unsigned off, unsigned len)
{
    if (off < REG_PMBASE + 4 || off == REG_PMREGMISC || off >= REG_SMBBASE)
        pm_sync(&d->dev);
}

static void pm_powerdown(void *o)
{
    Piix4Pm *p = o;
    if (!(p->st.en & PM1_PWRBTN))
        return;
    p->st.sts |= PM1_PWRBTN;
    pm_update(p);
}

static void pm_wakeup(void *o)
{
    Piix4Pm *p = o;
    p->st.sts |= PM1_WAK | PM1_PWRBTN;
    pm_update(p);
}

static const VmListener pm_listener = { .powerdown = pm_powerdown, .wakeup = pm_wakeup };

static MapRow *pm_map(Piix4Pm *p, Region *r, uint32_t base, bool on)
{
    return space_map(p->pci.dev.vm->io,
                     &(MapRow){ .base = base, .size = r->size, .region = r, .on = on });
}

static void pm_hotplug(void *o)
{
    Piix4Pm *p = o;
    p->st.gpe_sts[0] |= 1 << PCIHP_GPE;
    pm_update(p);
}

static bool pm_realize(Device *dev, GError **err)
{
    Piix4Pm *p = (Piix4Pm *)dev;
    pci_conf_default(&p->pci, 6, 2, 0x0280, 0);
    pci_conf_default(&p->pci, REG_PMBASE, 4, 1, 0xffc0);
    pci_conf_default(&p->pci, 0x4c, 4, 0, 0xffffffff); /* CNTA, CNTB */
    pci_conf_default(&p->pci, 0x54, 4, 0, 0xffffffff); /* DEVACTA */
    pci_conf_default(&p->pci, REG_DEVACTB, 4, 0x02000000, 0xfdffffff);
    for (unsigned off = 0x5c; off < 0x80; off += 4)
        pci_conf_default(&p->pci, off, 4, 0, 0xffffffff); /* DEVRESA to DEVRESJ */
    pci_conf_default(&p->pci, REG_PMREGMISC, 1, 0, 1);
    pci_conf_default(&p->pci, REG_SMBBASE, 4, p->smb_base | 1, 0xfff0);
    pci_conf_default(&p->pci, REG_SMBHSTCFG, 1, 9, 0x0f);
    region_init_io(&p->pm, dev, "piix4-pm", PM_SIZE, &pm_io, p);
    region_init_io(&p->gpe, dev, "acpi-gpe0", 4, &gpe_io, p);
    region_init_io(&p->apm, dev, "apm-io", 2, &apm_io, p);
    region_init_io(&p->smb, dev, "pm-smbus", SMB_SIZE, &smb_io, p);
    p->pm_row = pm_map(p, &p->pm, 0, false);
    p->smb_row = pm_map(p, &p->smb, 0, false);
    pm_map(p, &p->gpe, GPE_BASE, true);
    pm_map(p, &p->apm, APM_PORT, true);
    timer_init(&p->timer, dev, CLOCK_VIRTUAL, &p->st.deadline, pm_timer_fire, p);
    if (p->root_hotplug)
        pcihp_init(&p->hp, dev, (PciBus *)dev->bus, pm_hotplug, p);
    vm_listen(dev->vm, &pm_listener, p);
    return true;
}

static void pm_unrealize(Device *dev)
{
    vm_unlisten(dev->vm, &pm_listener, dev);
}

static void pm_reset(Device *dev)
{
    Piix4Pm *p = (Piix4Pm *)dev;
    p->st.last_half = pm_ticks(p) >> 23;
    if (p->root_hotplug)
        pcihp_reset(&p->hp);
}

static const DeviceType piix4_pm = {
    .name = "PIIX4_PM",
    .desc = "PM",
    .size = sizeof(Piix4Pm),
    .bus = &pci_bus_type,
    .bus_info = &(const PciInfo){ .vendor = 0x8086,
                                  .device = 0x7113,
                                  .rev = 3,
                                  .class = 0x0680,
                                  .pin = 1,
                                  .config_written = pm_config_written },
    .props = Piix4Pm_rows,
    .state =
        STATE_PARTS(STATE(Piix4Pm, st, PmState_rows, 1), STATE(Piix4Pm, hp.st, PciHpState_rows, 1)),
    .pins = PINS(PIN_OUT(Piix4Pm, sci, "")),
    .realize = pm_realize,
    .reset = pm_reset,
    .sync = pm_sync,
    .unrealize = pm_unrealize,
};
REGISTER(device, piix4_pm);
