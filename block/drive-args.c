/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -drive: its rows, in both eras' spellings, and the place a drive takes. */
#include <string.h>

#include "block/error.h"
#include "block/front.h"

/* clang-format off */
const char *const drive_if_names[] = { [IF_NONE] = "none", [IF_IDE] = "ide", [IF_SCSI] = "scsi",
    [IF_FLOPPY] = "floppy", [IF_PFLASH] = "pflash", [IF_MTD] = "mtd", [IF_SD] = "sd", [IF_VIRTIO] = "virtio",
    [IF_XEN] = "xen", NULL };
static const char *const media_names[] = { [DRIVE_DISK] = "disk", [DRIVE_CDROM] = "cdrom", NULL };
static const char *const cache_names[] = { [CACHE_NONE] = "none", [CACHE_OFF] = "off", [CACHE_WRITEBACK] = "writeback",
    [CACHE_WRITETHROUGH] = "writethrough", [CACHE_DIRECTSYNC] = "directsync", [CACHE_UNSAFE] = "unsafe", NULL };
static const char *const aio_names[] = { [AIO_THREADS] = "threads", [AIO_NATIVE] = "native", [AIO_IO_URING] = "io_uring", NULL };
static const char *const discard_names[] = { "ignore", "unmap", "off", "on", NULL };
static const char *const zeroes_names[] = { "off", "on", "unmap", NULL };
static const char *const error_names[] = { [ON_ERROR_REPORT] = "report", [ON_ERROR_IGNORE] = "ignore",
    [ON_ERROR_STOP] = "stop", [ON_ERROR_ENOSPC] = "enospc", NULL };
static const char *const trans_names[] = { "auto", "none", "lba", NULL };

const Prop DriveCache_rows[] = {
    PROP_BOOL(DriveCache, writeback, "writeback", AUTO, "the guest sees a write cache"),
    PROP_BOOL(DriveCache, direct,    "direct",    AUTO, "past the host's page cache"),
    PROP_BOOL(DriveCache, no_flush,  "no-flush",  AUTO, "ignore the guest's flushes"),
    PROP_END (DriveCache)
};

#define LIMIT(m, n) PROP_SIZE(DriveThrottle, m, n, 0, "limit")
const Prop DriveThrottle_rows[] = {
    LIMIT(bps_total,     "bps-total"),     LIMIT(bps_read,     "bps-read"),     LIMIT(bps_write,     "bps-write"),
    LIMIT(iops_total,    "iops-total"),    LIMIT(iops_read,    "iops-read"),    LIMIT(iops_write,    "iops-write"),
    LIMIT(bps_total_max, "bps-total-max"), LIMIT(bps_read_max, "bps-read-max"), LIMIT(bps_write_max, "bps-write-max"),
    LIMIT(iops_total_max,"iops-total-max"),LIMIT(iops_read_max,"iops-read-max"),LIMIT(iops_write_max,"iops-write-max"),
    LIMIT(bps_total_len, "bps-total-max-length"),  LIMIT(bps_read_len,  "bps-read-max-length"),  LIMIT(bps_write_len,  "bps-write-max-length"),
    LIMIT(iops_total_len,"iops-total-max-length"), LIMIT(iops_read_len, "iops-read-max-length"), LIMIT(iops_write_len, "iops-write-max-length"),
    LIMIT(iops_size,     "iops-size"),
    PROP_STR(DriveThrottle, group, "group", NULL, "limits shared by this name"),
    PROP_END(DriveThrottle)
};

const Prop DriveArgs_rows[] = {
    PROP_STR (DriveArgs, file,          "file",          NULL, "image file"),
    PROP_STR (DriveArgs, id,            "id",            NULL, "name for -device and the monitor"),
    PROP_ENUM(DriveArgs, iface,         "if",            -1, drive_if_names, "how the machine attaches it (ide)"),
    PROP_INT (DriveArgs, index,         "index",         -1, "the number among drives of this interface"),
    PROP_INT (DriveArgs, bus,           "bus",           -1, "bus number"),
    PROP_INT (DriveArgs, unit,          "unit",          -1, "unit number"),
    PROP_ENUM(DriveArgs, media,         "media",         DRIVE_DISK, media_names, "kind of medium"),
    PROP_STR (DriveArgs, format,        "format",        NULL, "image format (else it is probed)"),
    PROP_BOOL(DriveArgs, snapshot,      "snapshot",      false, "write to a temporary file"),
    PROP_BOOL(DriveArgs, read_only,     "read-only",     AUTO, "open without write permission"),
    PROP_BOOL(DriveArgs, auto_read_only,"auto-read-only",AUTO, "read-only where it cannot be written"),
    PROP_BOOL(DriveArgs, force_share,   "force-share",   AUTO, "no image lock (needs read-only=on)"),
    PROP_ENUM(DriveArgs, cache_mode,    "cache",         CACHE_DEFAULT, cache_names, "host cache use (writeback)"),
    PROP_PART(DriveArgs, cache,         "cache",         DriveCache, "the same in single switches"),
    PROP_ENUM(DriveArgs, aio,           "aio",           AIO_THREADS, aio_names, "how requests reach the kernel"),
    PROP_ENUM(DriveArgs, discard,       "discard",       0, discard_names, "what the guest's discards do"),
    PROP_ENUM(DriveArgs, detect_zeroes, "detect-zeroes", 0, zeroes_names, "writes of zeros as zero requests"),
    PROP_ENUM(DriveArgs, rerror,        "rerror",        -1, error_names, "what a read error does (report)"),
    PROP_ENUM(DriveArgs, werror,        "werror",        -1, error_names, "what a write error does (enospc)"),
    PROP_STR (DriveArgs, serial,        "serial",        NULL, "serial number that the guest reads"),
    PROP_STR (DriveArgs, node_name,     "node-name",     NULL, "name of the block node"),
    PROP_BOOL(DriveArgs, copy_on_read,  "copy-on-read",  AUTO, "copy from the backing file what is read"),
    PROP_BOOL(DriveArgs, stats_invalid, "stats-account-invalid", true, "count invalid requests"),
    PROP_BOOL(DriveArgs, stats_failed,  "stats-account-failed",  true, "count failed requests"),
    PROP_PART(DriveArgs, throttling,    "throttling",    DriveThrottle, "limits"),
    PROP_STR (DriveArgs, addr,          "addr",          NULL, "0.12: PCI address of if=virtio", PROP_HIDDEN),
    PROP_INT (DriveArgs, cyls,          "cyls",          -1, "0.12: geometry", PROP_HIDDEN),
    PROP_INT (DriveArgs, heads,         "heads",         -1, "0.12: geometry", PROP_HIDDEN),
    PROP_INT (DriveArgs, secs,          "secs",          -1, "0.12: geometry", PROP_HIDDEN),
    PROP_ENUM(DriveArgs, trans,         "trans",         0, trans_names, "0.12: BIOS translation", PROP_HIDDEN),
    PROP_BOOL(DriveArgs, boot,          "boot",          false, "0.12: boot from it; no effect", PROP_HIDDEN),
    PROP_ALIAS("readonly", "read-only"),
    PROP_ALIAS("bps", "throttling.bps-total"),   PROP_ALIAS("bps_rd", "throttling.bps-read"),   PROP_ALIAS("bps_wr", "throttling.bps-write"),
    PROP_ALIAS("iops", "throttling.iops-total"), PROP_ALIAS("iops_rd", "throttling.iops-read"), PROP_ALIAS("iops_wr", "throttling.iops-write"),
    PROP_ALIAS("bps_max", "throttling.bps-total-max"),   PROP_ALIAS("bps_rd_max", "throttling.bps-read-max"),   PROP_ALIAS("bps_wr_max", "throttling.bps-write-max"),
    PROP_ALIAS("iops_max", "throttling.iops-total-max"), PROP_ALIAS("iops_rd_max", "throttling.iops-read-max"), PROP_ALIAS("iops_wr_max", "throttling.iops-write-max"),
    PROP_ALIAS("iops_size", "throttling.iops-size"),     PROP_ALIAS("group", "throttling.group"),
    PROP_REST(DriveArgs, rest),
    PROP_END (DriveArgs)
};
/* clang-format on */

/* Units on a bus; 0: one bus, any number. */
static int units_per_bus(DriveIf iface)
{
    return iface == IF_IDE ? 2 : iface == IF_SCSI ? 7 : 0;
}

static bool explicit_place(DriveArgs *a, int units, GError **err)
{
    if (a->index != -1 && (a->bus > 0 || a->unit != -1))
        return block_fail(err, "index cannot be used with bus and unit");
    if (a->index < -1 || a->bus < -1 || a->unit < -1)
        return block_fail(err, "index, bus and unit cannot be negative");
    if (a->index != -1) {
        a->bus = units ? a->index / units : 0;
        a->unit = units ? a->index % units : a->index;
    }
    if (units && a->unit >= units)
        return block_fail(err, "unit %d too big (max is %d)", a->unit, units - 1);
    return true;
}

static bool first_free_place(Vm *vm, DriveArgs *a, int units)
{
    a->bus = MAX(a->bus, 0);
    for (a->unit = 0; drive_at(vm, a->iface, a->bus, a->unit); a->unit++) {
        if (units && a->unit == units - 1) {
            a->unit = -1;
            a->bus++;
        }
    }
    return true;
}

bool drive_place(Vm *vm, DriveArgs *a, GError **err)
{
    int units;

    if (a->iface == -1)
        a->iface = IF_IDE;
    units = units_per_bus(a->iface);
    if (!explicit_place(a, units, err))
        return false;
    if (a->unit == -1)
        first_free_place(vm, a, units);
    a->bus = MAX(a->bus, 0);
    if (drive_at(vm, a->iface, a->bus, a->unit))
        return block_fail(err, "drive with bus=%d, unit=%d (index=%d) exists", a->bus, a->unit,
                          units ? a->bus * units + a->unit : a->unit);
    if (a->iface == IF_IDE && a->bus > 1)
        return block_fail(err, "machine type does not support if=ide,bus=%d,unit=%d", a->bus,
                          a->unit);
    a->index = -1; /* said by bus and unit now */
    return true;
}
