/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices as users name them: scsi-hd, scsi-cd and 0.12's scsi-disk. */
#include <string.h>

#include "core/machine.h"
#include "hw/scsi/disk.h"

/* clang-format off */
#define COMMON_ROWS                                                                             \
    PROP_LINK (ScsiDisk, blk, "drive", "the device's backend"),                                  \
    PROP_INT  (ScsiDisk, bootindex, "bootindex", -1, "place in the boot order"),                 \
    PROP_STR  (ScsiDisk, serial, "serial", NULL, "serial number, 36 characters"),                \
    PROP_STR  (ScsiDisk, vendor, "vendor", NULL, "vendor, 8 characters"),                        \
    PROP_STR  (ScsiDisk, product, "product", NULL, "product, 16 characters"),                    \
    PROP_STR  (ScsiDisk, ver, "ver", NULL, "revision, 4 characters"),                            \
    PROP_STR  (ScsiDisk, device_id, "device_id", NULL, "identification of VPD page 83h"),        \
    PROP_INT  (ScsiDisk, wwn, "wwn", 0, "World Wide Name"),                                      \
    PROP_INT  (ScsiDisk, port_wwn, "port_wwn", 0, "World Wide Name of the port"),                \
    PROP_INT  (ScsiDisk, port_index, "port_index", 0, "number of the port"),                     \
    PROP_RANGE(ScsiDisk, scsi_version, "scsi_version", 5, 0, 7, "version that INQUIRY tells"),   \
    PROP_SIZE (ScsiDisk, logical_block_size, "logical_block_size", 0, "bytes a block"),          \
    PROP_SIZE (ScsiDisk, physical_block_size, "physical_block_size", 0, "bytes; a power of two"), \
    PROP_SIZE (ScsiDisk, min_io_size, "min_io_size", 0, "what the guest is told"),               \
    PROP_SIZE (ScsiDisk, opt_io_size, "opt_io_size", 0, "what the guest is told"),               \
    PROP_INT  (ScsiDisk, max_io_size, "max_io_size", 2147483647, "bytes in one command"),        \
    PROP_BOOL (ScsiDisk, write_cache, "write-cache", AUTO, "writes wait for a flush"),

static const Prop ScsiHd_rows[] = {
    COMMON_ROWS
    PROP_SIZE (ScsiDisk, discard_granularity, "discard_granularity", 4096, "bytes"),
    PROP_INT  (ScsiDisk, max_unmap_size, "max_unmap_size", 1 << 30, "bytes in one UNMAP"),
    PROP_INT  (ScsiDisk, rotation_rate, "rotation_rate", 0, "rpm; 1: no rotating medium"),
    PROP_RANGE(ScsiDisk, cyls, "cyls", 0, 0, 65535, "cylinders; 0: from the size"),
    PROP_RANGE(ScsiDisk, heads, "heads", 0, 0, 255, "heads; 0: 255"),
    PROP_RANGE(ScsiDisk, secs, "secs", 0, 0, 255, "sectors a track; 0: 63"),
    PROP_BOOL (ScsiDisk, removable, "removable", false, "the medium can be removed"),
    PROP_BOOL (ScsiDisk, dpofua, "dpofua", false, "the guest may force unit access"),
    PROP_END  (ScsiDisk)
};
static const Prop ScsiCd_rows[] = { COMMON_ROWS PROP_END(ScsiDisk) };

static const Field ScsiDiskState_rows[] = {
    FIELD(ScsiDiskState, stopped), FIELD(ScsiDiskState, locked), FIELD(ScsiDiskState, no_cache),
    FIELD_PAD(ScsiDiskState, pad), FIELD(ScsiDiskState, sense_key, .max = 15),
    FIELD(ScsiDiskState, sense_asc), FIELD_PAD(ScsiDiskState, pad2), FIELD_END
};
/* clang-format on */

static const StatePart disk_state[] = {
    STATE(ScsiDisk, st, ScsiDiskState_rows, 1),
    STATE_KEEP(ScsiDisk, tray, MmcTray_rows, 1),
    { .rows = NULL },
};

/* ---- what the block layer tells ---- */

static void cd_media(void *o, bool loaded)
{
    mmc_media(&((ScsiDisk *)o)->mmc, loaded);
}

static void cd_eject_request(void *o, bool force)
{
    mmc_eject_request(&((ScsiDisk *)o)->mmc, force);
}

static void disk_media(void *o, bool loaded)
{
    scsi_attention(o, loaded ? 0x2800 : SCSI_NO_MEDIUM);
}

static void disk_eject_request(void *o, bool force)
{
    if (force)
        ((ScsiDisk *)o)->st.locked = false;
}

static void disk_resized(void *o)
{
    scsi_attention(o, SCSI_CAPACITY_CHANGED);
}

static void disk_again(void *o)
{
    scsi_again(o);
}

static const BlockFrontOps disk_ops = { .resized = disk_resized, .again = disk_again };
static const BlockFrontOps removable_ops = {
    .resized = disk_resized,
    .media = disk_media,
    .tray = true,
    .eject_request = disk_eject_request,
    .again = disk_again,
};
static const BlockFrontOps cd_ops = {
    .media = cd_media,
    .tray = true,
    .eject_request = cd_eject_request,
    .again = disk_again,
};

/* ---- life ---- */

static bool block_size_ok(uint64_t n)
{
    return n >= 512 && n <= 2 << 20 && !(n & (n - 1));
}

static void default_text(char **row, const char *text)
{
    if (!*row)
        *row = g_strdup(text);
}

static bool disk_sizes(ScsiDisk *d, bool cd, GError **err)
{
    if (!d->logical_block_size)
        d->logical_block_size = cd ? MMC_SECTOR : 512;
    if (!d->physical_block_size)
        d->physical_block_size = d->logical_block_size;
    if (!block_size_ok(d->logical_block_size) || d->logical_block_size > 32768 ||
        (cd && d->logical_block_size != MMC_SECTOR))
        return user_fail(err, cd ? "logical_block_size of a scsi-cd is 2048"
                                 : "logical_block_size must be a power of two from 512 to 32768");
    if (!block_size_ok(d->physical_block_size) || d->physical_block_size < d->logical_block_size)
        return user_fail(err,
                         "physical_block_size must be a power of two from logical_block_size to "
                         "2097152");
    if (d->device_id && strlen(d->device_id) > 128)
        return user_fail(err, "device_id has at most 128 characters");
    return true;
}

/* "drive-scsi0-0-0" of the drive's name, where nobody gave another identification */
static void disk_texts(ScsiDisk *d, bool cd)
{
    const char *given = d->blk ? blk_serial(d->blk) : NULL;

    default_text(&d->vendor, "QEMU");
    default_text(&d->product, cd ? "QEMU CD-ROM" : "QEMU HARDDISK");
    default_text(&d->ver, "2.5+");
    if (given)
        default_text(&d->serial, given);
    if (d->serial || d->blk)
        default_text(&d->device_id, d->serial ? d->serial : blk_name(d->blk));
}

static bool disk_realize(ScsiDisk *d, bool cd, GError **err)
{
    const BlockFrontOps *ops = cd ? &cd_ops : d->removable ? &removable_ops : &disk_ops;

    d->cd = cd;
    if (!disk_sizes(d, cd, err))
        return false;
    if (!cd && !d->blk)
        return user_fail(err, "drive property not set");
    if (d->blk && !blk_claim(d->blk, &d->scsi.dev, ops, d, false, err))
        return false;
    if (!cd && !d->removable && !blk_inserted(d->blk))
        return user_fail(err, "Device needs media, but drive is empty");
    disk_texts(d, cd);
    d->mmc = (Mmc){ .host = &scsi_mmc,
                    .blk = d->blk,
                    .tray = &d->tray,
                    .sense_key = &d->st.sense_key,
                    .sense_asc = &d->st.sense_asc,
                    .serial = d->serial      ? d->serial
                              : d->device_id ? d->device_id
                                             : "",
                    .vendor = d->vendor,
                    .model = d->product,
                    .ver = d->ver };
    return true;
}

static void disk_reset(Device *dev)
{
    ScsiDisk *d = (ScsiDisk *)dev;

    d->st.no_cache = d->write_cache == 0;
    d->tray.locked = d->tray.eject_wanted = false;
    if (d->blk)
        blk_lock_medium(d->blk, false);
}

static void command(ScsiReq *r)
{
    if (scsi_disk(r)->cd)
        scsi_cd_command(r);
    else
        scsi_disk_command(r);
}

static const ScsiKind disk_kind = {
    .command = command,
    .more = scsi_disk_more,
    .again = scsi_disk_again,
    .block = scsi_disk_block,
};

static bool hd_realize(Device *dev, GError **err)
{
    return disk_realize((ScsiDisk *)dev, false, err);
}

static bool cd_realize(Device *dev, GError **err)
{
    return disk_realize((ScsiDisk *)dev, true, err);
}

static bool any_realize(Device *dev, GError **err)
{
    ScsiDisk *d = (ScsiDisk *)dev;

    return disk_realize(d, d->blk && blk_is_cdrom(d->blk), err);
}

static const DeviceType scsi_hd = {
    .name = "scsi-hd",
    .desc = "virtual SCSI disk",
    .size = sizeof(ScsiDisk),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .bus = &scsi_bus_type,
    .bus_info = &disk_kind,
    .props = ScsiHd_rows,
    .state = disk_state,
    .realize = hd_realize,
    .reset = disk_reset,
};
REGISTER(device, scsi_hd);

static const DeviceType scsi_cd = {
    .name = "scsi-cd",
    .desc = "virtual SCSI CD-ROM",
    .size = sizeof(ScsiDisk),
    .flags = TYPE_USER | TYPE_HOTPLUG | DEFAULT_CDROM,
    .bus = &scsi_bus_type,
    .bus_info = &disk_kind,
    .props = ScsiCd_rows,
    .state = disk_state,
    .realize = cd_realize,
    .reset = disk_reset,
};
REGISTER(device, scsi_cd);

static const DeviceType scsi_any = {
    .name = "scsi-disk",
    .desc = "virtual SCSI disk or CD-ROM, by the media= of its drive",
    .size = sizeof(ScsiDisk),
    .flags = TYPE_USER | TYPE_HOTPLUG | DEFAULT_CDROM,
    .bus = &scsi_bus_type,
    .bus_info = &disk_kind,
    .props = ScsiHd_rows,
    .state = disk_state,
    .realize = any_realize,
    .reset = disk_reset,
};
REGISTER(device, scsi_any);
