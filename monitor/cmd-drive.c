/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that change drives: commit, block_resize, limits, drive_add, drive_del. */
#include "monitor/monitor-int.h"

#include <string.h>

#include "block/drive.h"
#include "util/text.h"

BlockFront *drive_named(Vm *vm, const char *name, GError **err)
{
    BlockFront *b = drive_find(vm, name);
    Nearest near = nearest_to(name);

    if (b)
        return b;
    while ((b = drive_next(vm, b)))
        nearest_try(&near, blk_name(b));
    g_autofree char *hint = nearest_hint(&near);
    g_set_error(err, qmp_error_quark(), QMP_DEVICE_NOT_FOUND, "Device '%s' not found%s", name,
                hint);
    return NULL;
}

/* ---- commit ---- */

typedef struct CommitArgs {
    char *device;
} CommitArgs;

/* clang-format off */
static const Prop CommitArgs_rows[] = {
    NEED_STR(CommitArgs, device, "device", "drive, or all"),
    PROP_END(CommitArgs)
};
/* clang-format on */

CMD(commit, NULL, "commit", "device", CommitArgs, Empty, 0,
    "commit changes to the disk images (if -snapshot is used) or backing files");

static bool cmd_commit(Vm *vm, const CommitArgs *a, Reply *r, GError **err)
{
    BlockFront *b = NULL;

    if (strcmp(a->device, "all") && !(b = drive_named(vm, a->device, err)))
        return false;
    reply_defer(r);
    drive_commit(vm, b, reply_done, r);
    return true;
}

/* ---- block_resize ---- */

typedef struct ResizeArgs {
    char *device, *node_name;
    uint64_t size;
} ResizeArgs;

/* clang-format off */
static const Prop ResizeArgs_rows[] = {
    PROP_STR (ResizeArgs, device,    "device",    NULL, "drive"),
    PROP_STR (ResizeArgs, node_name, "node-name", NULL, "its node"),
    NEED_SIZE(ResizeArgs, size,      "size",            "new size"),
    PROP_END (ResizeArgs)
};
static const Prop HmpResizeArgs_rows[] = {
    NEED_STR (ResizeArgs, device, "device", "drive"),
    NEED_SIZE(ResizeArgs, size,   "size",   "new size; a plain number is MiB", PROP_MIB),
    PROP_END (ResizeArgs)
};
/* clang-format on */
typedef ResizeArgs HmpResizeArgs;

static bool resize(Vm *vm, const ResizeArgs *a, Reply *r, GError **err)
{
    BlockFront *b;

    if (!a->device)
        return user_fail(err, a->node_name ? "node-name= is not supported yet: write device="
                                           : "Parameter 'device' is missing");
    b = drive_named(vm, a->device, err);
    if (!b)
        return false;
    reply_defer(r);
    drive_resize(b, a->size, reply_done, r);
    return true;
}

CMD(block_resize, "block_resize", NULL, NULL, ResizeArgs, Empty, 0, "resize a block image");

static bool cmd_block_resize(Vm *vm, const ResizeArgs *a, Reply *r, GError **err)
{
    return resize(vm, a, r, err);
}

CMD(hmp_block_resize, NULL, "block_resize", "device size", HmpResizeArgs, Empty, 0,
    "resize a block image");

static bool cmd_hmp_block_resize(Vm *vm, const HmpResizeArgs *a, Reply *r, GError **err)
{
    return resize(vm, a, r, err);
}

/* ---- limits ---- */

typedef struct ThrottleArgs {
    char *device, *id;
    DriveThrottle t;
} ThrottleArgs;

/* clang-format off */
#define LIMIT(m, n) PROP_INT(ThrottleArgs, t.m, n, 0, "limit")
#define NEED(m, n)  NEED_INT(ThrottleArgs, t.m, n, "limit; 0: none")
static const Prop ThrottleArgs_rows[] = {
    PROP_STR(ThrottleArgs, device, "device", NULL, "drive"),
    PROP_STR(ThrottleArgs, id,     "id",     NULL, "device it belongs to, or drive"),
    NEED(bps_total,  "bps"),  NEED(bps_read,  "bps_rd"),  NEED(bps_write,  "bps_wr"),
    NEED(iops_total, "iops"), NEED(iops_read, "iops_rd"), NEED(iops_write, "iops_wr"),
    LIMIT(bps_total_max,  "bps_max"),  LIMIT(bps_read_max,  "bps_rd_max"),  LIMIT(bps_write_max,  "bps_wr_max"),
    LIMIT(iops_total_max, "iops_max"), LIMIT(iops_read_max, "iops_rd_max"), LIMIT(iops_write_max, "iops_wr_max"),
    LIMIT(bps_total_len,  "bps_max_length"),  LIMIT(bps_read_len,  "bps_rd_max_length"),  LIMIT(bps_write_len,  "bps_wr_max_length"),
    LIMIT(iops_total_len, "iops_max_length"), LIMIT(iops_read_len, "iops_rd_max_length"), LIMIT(iops_write_len, "iops_wr_max_length"),
    LIMIT(iops_size, "iops_size"),
    PROP_STR(ThrottleArgs, t.group, "group", NULL, "drives that share the limits"),
    PROP_END(ThrottleArgs)
};
/* clang-format on */

CMD(block_set_io_throttle, "block_set_io_throttle", "block_set_io_throttle",
    "device bps bps_rd bps_wr iops iops_rd iops_wr", ThrottleArgs, Empty, 0,
    "change I/O throttle limits for a block drive");

static bool cmd_block_set_io_throttle(Vm *vm, const ThrottleArgs *a, Reply *r, GError **err)
{
    const char *name = a->device ? a->device : a->id;
    BlockFront *b = name ? drive_named(vm, name, err) : NULL;

    if (!name)
        user_fail(err, "Parameter 'id' is missing");
    return b && drive_set_throttle(b, &a->t, err);
}

/* ---- drive_add, drive_del ---- */

typedef struct DriveAddArgs {
    bool node;
    char *pci, *opts;
} DriveAddArgs;

/* clang-format off */
static const Prop DriveAddArgs_rows[] = {
    PROP_BOOL(DriveAddArgs, node, "node", false, "make a node only"),
    NEED_STR (DriveAddArgs, pci,  "pci_addr",    "of the adapter; without meaning for if=none"),
    NEED_STR (DriveAddArgs, opts, "opts",        "as of -drive"),
    PROP_END (DriveAddArgs)
};
/* clang-format on */

CMD(drive_add, NULL, "drive_add", "-n:node pci_addr opts", DriveAddArgs, Empty, 0,
    "add drive to PCI storage controller");

static bool cmd_drive_add(Vm *vm, const DriveAddArgs *a, Reply *r, GError **err)
{
    DriveArgs d;
    bool ok;

    if (a->node)
        return user_fail(err, "drive_add -n is not supported yet: there is no -blockdev");
    prop_defaults(DriveArgs_rows, &d);
    ok = prop_parse_kv(DriveArgs_rows, "file", a->opts, &d, vm, err);
    if (ok && d.iface != IF_NONE) {
        user_fail(err, "Can't hot-add drive to its interface: write if=none and device_add");
        ok = false;
    }
    ok = ok && drive_open(vm, &d, err);
    prop_free(DriveArgs_rows, &d);
    if (ok)
        reply_printf(r, "OK\n");
    return ok;
}

typedef struct DriveDelArgs {
    char *id;
} DriveDelArgs;

/* clang-format off */
static const Prop DriveDelArgs_rows[] = {
    NEED_STR(DriveDelArgs, id, "id", "drive"),
    PROP_END(DriveDelArgs)
};
/* clang-format on */

CMD(drive_del, NULL, "drive_del", "id", DriveDelArgs, Empty, 0, "remove host block device");

static bool cmd_drive_del(Vm *vm, const DriveDelArgs *a, Reply *r, GError **err)
{
    BlockFront *b = drive_named(vm, a->id, err);

    if (!b || !drive_cut(vm, b, reply_done, r, err))
        return false;
    reply_defer(r);
    return true;
}
