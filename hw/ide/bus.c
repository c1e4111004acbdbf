/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The channel: which drive answers, the task file, device control, and the bus type that puts
 * ide-hd and ide-cd on units 0 and 1 (ATA8-APT, 5 and 6).
 *
 * What the host writes into the command block reaches both drives, as on the cable; reads come from
 * the selected one. A drive that is not there reads as zeros, so a probe finds no drive.
 */
#include "hw/ide/ide-int.h"

static IdeDrive *selected(const IdeBus *b)
{
    return b->drive[b->st.select & SEL_UNIT ? 1 : 0];
}

void ide_bus_update_irq(IdeBus *b)
{
    const IdeDrive *d = selected(b);

    b->host->irq(b->host_o, d && d->st.irq && !(b->st.control & CTL_NIEN));
}

/* ---- reading ---- */

static uint8_t status_read(IdeBus *b)
{
    IdeDrive *d = selected(b);

    if (!d)
        return 0;
    ide_set_irq(d, false);
    return d->st.status;
}

uint8_t ide_control_read(IdeBus *b)
{
    const IdeDrive *d = selected(b);

    return d ? d->st.status : 0;
}

static uint8_t task_read(IdeBus *b, unsigned reg)
{
    const IdeDrive *d = selected(b);
    bool hob = b->st.control & CTL_HOB;

    if (!d)
        return 0;
    switch (reg) {
    case 1: return hob ? d->st.hob_feature : d->st.error;
    case 2: return hob ? d->st.hob_nsector : d->st.nsector;
    case 3: return hob ? d->st.hob_sector : d->st.sector;
    case 4: return hob ? d->st.hob_lcyl : d->st.lcyl;
    case 5: return hob ? d->st.hob_hcyl : d->st.hcyl;
    case 6: return d->st.select;
    }
    return status_read(b);
}

uint32_t ide_read(IdeBus *b, unsigned reg, unsigned size)
{
    uint32_t val = 0;

    if (reg == 0) {
        IdeDrive *d = selected(b);
        return d ? ide_data_read(d, size) : 0;
    }
    for (unsigned i = 0; i < size && reg + i < 8; i++)
        val |= (uint32_t)task_read(b, reg + i) << 8 * i;
    return val;
}

/* ---- writing ---- */

static void task_store(IdeDriveState *s, unsigned reg, uint8_t val)
{
    switch (reg) {
    case 1:
        s->hob_feature = s->feature;
        s->feature = val;
        break;
    case 2:
        s->hob_nsector = s->nsector;
        s->nsector = val;
        break;
    case 3:
        s->hob_sector = s->sector;
        s->sector = val;
        break;
    case 4:
        s->hob_lcyl = s->lcyl;
        s->lcyl = val;
        break;
    case 5:
        s->hob_hcyl = s->hcyl;
        s->hcyl = val;
        break;
    case 6: s->select = val | SEL_FIXED;
    }
}

static bool is_idle(const IdeDrive *d)
{
    return !(d->st.status & (ST_BSY | ST_DRQ));
}

/* EXECUTE DEVICE DIAGNOSTIC goes to both; unit 0 answers for both */
static void diagnose(IdeBus *b)
{
    for (unsigned i = 0; i < 2; i++)
        if (b->drive[i] && is_idle(b->drive[i]))
            ide_signature(b->drive[i]);
    b->st.select = 0;
    if (b->drive[0])
        ide_set_irq(b->drive[0], true);
}

static void command(IdeBus *b, uint8_t cmd)
{
    enum { CMD_DEVICE_RESET = 0x08, CMD_DIAGNOSTIC = 0x90 };
    IdeDrive *d = selected(b);

    if (!d)
        return;
    if (cmd == CMD_DIAGNOSTIC) {
        diagnose(b);
    } else if (is_idle(d) || (cmd == CMD_DEVICE_RESET && d->kind == &ide_cdrom)) {
        ide_set_irq(d, false);
        d->kind->command(d, cmd);
    }
}

static void task_write(IdeBus *b, unsigned reg, uint8_t val)
{
    const IdeDrive *now = selected(b);

    b->st.control &= (uint8_t)~CTL_HOB;
    if (reg == 7) {
        command(b, val);
        return;
    }
    /* a busy drive owns its task file */
    if (now && !is_idle(now))
        return;
    if (reg == 6)
        b->st.select = val & SEL_UNIT;
    for (unsigned i = 0; i < 2; i++)
        if (b->drive[i])
            task_store(&b->drive[i]->st, reg, val);
    if (reg == 6)
        ide_bus_update_irq(b);
}

void ide_write(IdeBus *b, unsigned reg, uint32_t val, unsigned size)
{
    if (reg == 0) {
        IdeDrive *d = selected(b);
        if (d)
            ide_data_write(d, val, size);
        return;
    }
    for (unsigned i = 0; i < size && reg + i < 8; i++)
        task_write(b, reg + i, val >> 8 * i);
}

/* SRST: drives are busy while it is 1 and show their signatures after it went to 0. */
void ide_control_write(IdeBus *b, uint8_t val)
{
    bool was = b->st.control & CTL_SRST, now = val & CTL_SRST;

    b->st.control = val;
    if (was != now) {
        b->st.select = 0;
        for (unsigned i = 0; i < 2; i++)
            if (b->drive[i])
                ide_soft_reset(b->drive[i], !now);
    }
    ide_bus_update_irq(b);
}

void ide_dma_start(IdeBus *b)
{
    IdeDrive *d = selected(b);

    if (d && ide_dma_wanted(d) && !d->busy && !d->st.parked && ide_dma_ready(d))
        ide_issue(d);
}

/* ---- the bus ---- */

void ide_bus_init(IdeBus *b, Device *owner, unsigned number, const IdeHost *host, void *host_o)
{
    b->number = number;
    b->host = host;
    b->host_o = host_o;
    bus_init(&b->bus, owner, &ide_bus_type, NULL);
}

static bool ide_attach(Bus *bus, Device *dev, GError **err)
{
    IdeBus *b = (IdeBus *)bus;
    IdeDrive *d = (IdeDrive *)dev;

    if (d->unit == UINT32_MAX)
        d->unit = !b->drive[0] ? 0 : 1;
    if (d->unit > 1)
        return user_fail(err, "Can't create IDE unit %u, bus supports only 2 units", d->unit);
    if (b->drive[d->unit])
        return user_fail(err, "IDE unit %u is in use", d->unit);
    b->drive[d->unit] = d;
    d->bus = b;
    return true;
}

static void ide_detach(Bus *bus, Device *dev)
{
    IdeDrive *d = (IdeDrive *)dev;

    ((IdeBus *)bus)->drive[d->unit] = NULL;
}

static void ide_addr(const Device *dev, GString *out)
{
    g_string_append_printf(out, "%u", ((const IdeDrive *)dev)->unit);
}

/* as the firmware names them: the channel, then the drive */
static void ide_fw_path(const Device *dev, GString *out)
{
    const IdeDrive *d = (const IdeDrive *)dev;

    g_string_append_printf(out, "drive@%x/disk@%x", d->bus->number, d->unit);
}

static const Field IdeBusState_rows[] = {
    FIELD(struct IdeBusState, select),
    FIELD(struct IdeBusState, control),
    FIELD_END,
};

const BusType ide_bus_type = {
    .name = "IDE",
    .prefix = "ide",
    .attach = ide_attach,
    .detach = ide_detach,
    .addr = ide_addr,
    .fw_path = ide_fw_path,
    .own = STATE_PARTS(STATE(IdeBus, st, IdeBusState_rows, 1)),
};
