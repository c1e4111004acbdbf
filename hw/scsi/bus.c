/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SCSI bus as a bus of devices: who is at which channel, target and lun, resets, and what a
 * command's length is by its operation code (SPC-4, SBC-3, MMC-5). Threads: machine lock.
 */
#include <string.h>

#include "core/machine.h"
#include "hw/scsi/scsi-int.h"

static const Prop ScsiDevice_rows[] = {
    PROP_INT(ScsiDevice, channel, "channel", 0, "channel of the adapter"),
    PROP_INT(ScsiDevice, target, "scsi-id", UINT32_MAX, "target; default: the first free one"),
    PROP_INT(ScsiDevice, lun, "lun", UINT32_MAX, "logical unit; default: the first free one"),
    PROP_END(ScsiDevice),
};

const Field ScsiNexus_rows[] = {
    FIELD(ScsiNexus, sense),    FIELD(ScsiNexus, attention), FIELD(ScsiNexus, key, .max = 15),
    FIELD(ScsiNexus, reserved), FIELD_PAD(ScsiNexus, pad),   FIELD_END,
};

/* ---- who is where ---- */

static ScsiDevice *at(const Bus *bus, unsigned channel, unsigned target, unsigned lun, bool exact)
{
    for (guint i = 0; i < bus->devices->len; i++) {
        ScsiDevice *d = bus->devices->pdata[i];

        if (d->channel == channel && d->target == target && (!exact || d->lun == lun))
            return d;
    }
    return NULL;
}

ScsiDevice *scsi_find(ScsiBus *bus, unsigned target, unsigned lun, bool exact)
{
    return at(&bus->bus, 0, target, lun, exact);
}

bool scsi_has_target(ScsiBus *bus, unsigned target)
{
    return at(&bus->bus, 0, target, 0, false);
}

static bool refuse(GError **err, const char *what, unsigned n)
{
    return user_fail(err, "%s %u", what, n);
}

static bool free_target(const ScsiBus *b, ScsiDevice *d)
{
    for (unsigned t = 0; t < b->hba->targets; t++) {
        if (!at(&b->bus, d->channel, t, d->lun == UINT32_MAX ? 0 : d->lun, true)) {
            d->target = t;
            return true;
        }
    }
    return false;
}

static bool free_lun(const ScsiBus *b, ScsiDevice *d)
{
    for (unsigned l = 0; l < b->hba->luns; l++) {
        if (!at(&b->bus, d->channel, d->target, l, true)) {
            d->lun = l;
            return true;
        }
    }
    return false;
}

static bool scsi_attach(Bus *bus, Device *dev, GError **err)
{
    ScsiBus *b = (ScsiBus *)bus;
    ScsiDevice *d = (ScsiDevice *)dev;

    if (d->channel >= b->hba->channels)
        return refuse(err, "bad scsi channel id:", d->channel);
    if (d->target != UINT32_MAX && d->target >= b->hba->targets)
        return refuse(err, "bad scsi device id:", d->target);
    if (d->lun != UINT32_MAX && d->lun >= b->hba->luns)
        return refuse(err, "bad scsi device lun:", d->lun);
    if (d->target == UINT32_MAX && !free_target(b, d))
        return refuse(err, "no free target on the bus; it has", b->hba->targets);
    if (d->lun == UINT32_MAX && !free_lun(b, d))
        return refuse(err, "no free lun at target", d->target);
    if (at(bus, d->channel, d->target, d->lun, true))
        return refuse(err, "there is a device already at this lun of target", d->target);
    g_queue_init(&d->reqs);
    return true;
}

static void scsi_detach(Bus *bus, Device *dev)
{
    scsi_purge((ScsiDevice *)dev);
}

static void scsi_reset(Device *dev)
{
    ScsiDevice *d = (ScsiDevice *)dev;

    scsi_purge(d);
    d->nexus.attention = SCSI_POWER_ON;
}

static void scsi_addr(const Device *dev, GString *s)
{
    const ScsiDevice *d = (const ScsiDevice *)dev;

    g_string_append_printf(s, "%u:%u:%u", d->channel, d->target, d->lun);
}

/* as the firmware names them */
static void scsi_fw_path(const Device *dev, GString *s)
{
    const ScsiDevice *d = (const ScsiDevice *)dev;

    g_string_append_printf(s, "channel@%x/disk@%x,%x", d->channel, d->target, d->lun);
}

const BusType scsi_bus_type = {
    .name = "SCSI",
    .prefix = "scsi",
    .props = ScsiDevice_rows,
    .state = STATE_PARTS(STATE(ScsiDevice, nexus, ScsiNexus_rows, 1)),
    .attach = scsi_attach,
    .detach = scsi_detach,
    .reset = scsi_reset,
    .addr = scsi_addr,
    .fw_path = scsi_fw_path,
};

void scsi_bus_init(ScsiBus *b, Device *owner, const char *name, const ScsiHba *hba, void *o)
{
    b->hba = hba;
    b->o = o;
    g_queue_init(&b->events);
    bus_init(&b->bus, owner, &scsi_bus_type, name);
}

/* ---- resets of the bus, news ---- */

void scsi_attention(ScsiDevice *d, uint16_t sense)
{
    /* what happened to the whole device is worse than anything since */
    if (d->nexus.attention != SCSI_POWER_ON)
        d->nexus.attention = sense;
}

void scsi_bus_reset(ScsiBus *b)
{
    for (guint i = 0; i < b->bus.devices->len; i++) {
        ScsiDevice *d = b->bus.devices->pdata[i];
        g_autoptr(GList) all = g_list_copy(d->reqs.head);

        for (GList *l = all; l; l = l->next)
            scsi_cancel(l->data);
        d->nexus.key = d->nexus.sense = 0;
        d->nexus.reserved = false;
        scsi_attention(d, SCSI_BUS_WAS_RESET);
    }
}

/* ---- drives without a -device ---- */

Device *scsi_add_drive(ScsiBus *b, const char *drive, unsigned target, unsigned lun, bool cdrom,
                       GError **err)
{
    Device *d = device_part(b->bus.owner, device_type(cdrom ? "scsi-cd" : "scsi-hd"), NULL);
    ScsiDevice *sd = (ScsiDevice *)d;
    g_autoptr(Json) word = json_kv(drive);

    sd->target = target;
    sd->lun = lun;
    return device_set(d, "drive", word, err) && device_realize(d, &b->bus, err) ? d : NULL;
}

/* ---- the shape of a command ---- */

static void fixed(ScsiDir *dir, size_t *length, ScsiDir d, size_t n)
{
    *dir = n ? d : SCSI_NONE;
    *length = n;
}

/* the transfer or allocation length where its group has it */
static uint32_t group_length(const uint8_t *cdb)
{
    switch (cdb[0] >> 5) {
    case 0: return cdb[4];
    case 1:
    case 2: return get_be16(cdb + 7);
    case 4: return get_be32(cdb + 10);
    case 5: return get_be32(cdb + 6);
    }
    return 0;
}

static size_t read_cd_length(const uint8_t *cdb)
{
    size_t n = cdb[6] << 16 | cdb[7] << 8 | cdb[8];
    uint8_t what = cdb[9] & 0xf8;

    return what == 0x10 ? n * MMC_SECTOR : what == 0xf8 ? n * MMC_RAW_SECTOR : 0;
}

void scsi_shape(const uint8_t *cdb, uint32_t block, ScsiDir *dir, size_t *length)
{
    uint64_t n = group_length(cdb);

    switch (cdb[0]) {
    case 0x00:
    case 0x01:
    case 0x0b:
    case 0x16:
    case 0x17:
    case 0x1b:
    case 0x1e:
    case 0x2b:
    case 0x35:
    case 0x91:
    case 0xbb: fixed(dir, length, SCSI_NONE, 0); break;
    case 0x08: fixed(dir, length, SCSI_TO_GUEST, (n ? n : 256) * block); break;
    case 0x0a: fixed(dir, length, SCSI_FROM_GUEST, (n ? n : 256) * block); break;
    case 0x28:
    case 0x88:
    case 0xa8: fixed(dir, length, SCSI_TO_GUEST, n * block); break;
    case 0x2a:
    case 0x2e:
    case 0x8a:
    case 0x8e:
    case 0xaa:
    case 0xae: fixed(dir, length, SCSI_FROM_GUEST, n * block); break;
    case 0x2f:
    case 0x8f:
    case 0xaf: fixed(dir, length, SCSI_FROM_GUEST, cdb[1] & 2 ? n * block : 0); break;
    case 0x41: fixed(dir, length, SCSI_FROM_GUEST, block); break;
    case 0x93: fixed(dir, length, SCSI_FROM_GUEST, cdb[1] & 1 ? 0 : block); break;
    case 0x15:
    case 0x1d:
    case 0x3b:
    case 0x42:
    case 0x55:
    case 0x5f: fixed(dir, length, SCSI_FROM_GUEST, n); break;
    case 0x12: fixed(dir, length, SCSI_TO_GUEST, get_be16(cdb + 3)); break;
    case 0x25: fixed(dir, length, SCSI_TO_GUEST, 8); break;
    case 0xad:
    case 0xbd: fixed(dir, length, SCSI_TO_GUEST, get_be16(cdb + 8)); break;
    case 0xbe: fixed(dir, length, SCSI_TO_GUEST, read_cd_length(cdb)); break;
    default: fixed(dir, length, SCSI_TO_GUEST, n);
    }
}
