/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drives as users name them: ide-hd, ide-cd and 0.12's ide-drive; and -drive if=ide. */
#include <string.h>

#include "core/machine.h"
#include "hw/ide/ide-int.h"
#include "hw/pc/pc.h"

/* clang-format off */
#define DRIVE_ROWS(hd_only)                                                                          \
    PROP_LINK (IdeDrive, blk, "drive", "the drive's backend"),                                       \
    PROP_INT  (IdeDrive, unit, "unit", UINT32_MAX, "0: master, 1: slave"),                                   \
    PROP_INT  (IdeDrive, bootindex, "bootindex", -1, "place in the boot order"),                     \
    PROP_STR  (IdeDrive, serial, "serial", NULL, "serial number, 20 characters"),                    \
    PROP_STR  (IdeDrive, model, "model", NULL, "model name, 40 characters"),                         \
    PROP_STR  (IdeDrive, ver, "ver", NULL, "firmware version, 8 characters"),                        \
    PROP_INT  (IdeDrive, wwn, "wwn", 0, "World Wide Name"),                                          \
    PROP_SIZE (IdeDrive, logical_block_size, "logical_block_size", 512, "bytes; only 512"),          \
    PROP_SIZE (IdeDrive, physical_block_size, "physical_block_size", 512, "bytes, a power of two"),  \
    PROP_BOOL (IdeDrive, write_cache, "write-cache", AUTO, "writes wait in the cache until a flush"),\
    hd_only                                                                                          \
    PROP_END  (IdeDrive)

#define GEOMETRY_ROWS                                                                                \
    PROP_RANGE(IdeDrive, cyls, "cyls", 0, 0, 65535, "cylinders; 0: from the size"),                  \
    PROP_RANGE(IdeDrive, hds, "heads", 0, 0, 16, "heads; 0: 16"),                                    \
    PROP_RANGE(IdeDrive, secs, "secs", 0, 0, 255, "sectors a track; 0: 63"),                         \
    PROP_INT  (IdeDrive, rotation_rate, "rotation_rate", 0, "rpm; 1: no rotating medium"),

static const Prop IdeHd_rows[] = { DRIVE_ROWS(GEOMETRY_ROWS) };
static const Prop IdeCd_rows[] = { DRIVE_ROWS() };
/* clang-format on */

static const StatePart drive_state[] = {
    STATE(IdeDrive, st, IdeDriveState_rows, 1),
    STATE_KEEP(IdeDrive, tray, MmcTray_rows, 1),
    { .rows = NULL },
};

static bool check_rows(IdeDrive *d, GError **err)
{
    uint64_t phys = d->physical_block_size;

    if (d->logical_block_size != SECTOR)
        return user_fail(err, "logical_block_size must be 512 for IDE");
    if (phys < SECTOR || phys > 2 << 20 || (phys & (phys - 1)))
        return user_fail(err, "physical_block_size must be a power of two from 512 to 2097152");
    d->hds = d->hds ? d->hds : 16;
    d->secs = d->secs ? d->secs : 63;
    return true;
}

static bool ide_hd_realize(Device *dev, GError **err)
{
    IdeDrive *d = (IdeDrive *)dev;

    return check_rows(d, err) && ide_drive_realize(d, &ide_disk, err);
}

static bool ide_cd_realize(Device *dev, GError **err)
{
    IdeDrive *d = (IdeDrive *)dev;

    return check_rows(d, err) && ide_drive_realize(d, &ide_cdrom, err);
}

static bool ide_any_realize(Device *dev, GError **err)
{
    IdeDrive *d = (IdeDrive *)dev;

    return d->blk && blk_is_cdrom(d->blk) ? ide_cd_realize(dev, err) : ide_hd_realize(dev, err);
}

static const DeviceType ide_hd = {
    .name = "ide-hd",
    .desc = "virtual IDE disk",
    .size = sizeof(IdeDrive),
    .flags = TYPE_USER | DEFAULT_CDROM,
    .bus = &ide_bus_type,
    .props = IdeHd_rows,
    .state = drive_state,
    .realize = ide_hd_realize,
    .reset = ide_drive_reset,
    .unrealize = ide_drive_unrealize,
};
REGISTER(device, ide_hd);

static const DeviceType ide_cd = {
    .name = "ide-cd",
    .desc = "virtual IDE CD-ROM",
    .size = sizeof(IdeDrive),
    .flags = TYPE_USER | DEFAULT_CDROM,
    .bus = &ide_bus_type,
    .props = IdeCd_rows,
    .state = drive_state,
    .realize = ide_cd_realize,
    .reset = ide_drive_reset,
    .unrealize = ide_drive_unrealize,
};
REGISTER(device, ide_cd);

static const DeviceType ide_drive = {
    .name = "ide-drive",
    .desc = "virtual IDE disk or CD-ROM, by the media= of its drive",
    .size = sizeof(IdeDrive),
    .flags = TYPE_USER | DEFAULT_CDROM,
    .bus = &ide_bus_type,
    .props = IdeHd_rows,
    .state = drive_state,
    .realize = ide_any_realize,
    .reset = ide_drive_reset,
    .unrealize = ide_drive_unrealize,
};
REGISTER(device, ide_drive);

void ide_board_drives(Board *b, Device *ide)
{
    const GPtrArray *drives = b->vm->conf->drives;

    for (guint i = 0; drives && i < drives->len; i++) {
        DriveConf *c = drives->pdata[i];
        if (c->iface != IF_IDE || c->bus > 1 || c->unit > 1)
            continue;
        /* the serial number comes with the drive */
        g_autofree char *kv = g_strdup_printf("drive=%s,unit=%u", c->id, c->unit);
        board_add(b, c->cdrom ? "ide-cd" : "ide-hd", NULL, board_bus(ide, c->bus), kv);
        c->used = true;
    }
}

/* 1024 cylinders, 16 heads, 63 sectors: what CMOS 39h says about translation */
bool ide_disk_is_large(Vm *vm, unsigned n)
{
    Device *dev;
    for (unsigned i = 0; (dev = device_find(vm, "ide-hd", i)); i++) {
        IdeDrive *d = (IdeDrive *)dev;
        if (d->bus && d->bus->number * 2 + d->unit == n && d->blk)
            return blk_length(d->blk) > 1024ll * 16 * 63 * 512;
    }
    return false;
}
