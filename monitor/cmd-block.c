/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about drives: what there is, changing and ejecting media; and `change vnc`. */
#include "monitor/monitor-int.h"

#include <string.h>

#include "block/drive.h"
#include "ui/vnc.h"

/* ---- what there is ---- */

CMD(query_block, "query-block", NULL, NULL, Empty, Any, CMD_PRECONFIG, "drives and their media");

static bool cmd_query_block(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(Json) list = json_list();
    for (BlockFront *b = NULL; (b = drive_next(vm, b));)
        json_append(list, drive_json(b));
    cmd_query_block_reply(r, &list);
    return true;
}

CMD(query_blockstats, "query-blockstats", NULL, NULL, Empty, Any, CMD_PRECONFIG,
    "counters of drives");

static bool cmd_query_blockstats(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(Json) list = json_list();
    for (BlockFront *b = NULL; (b = drive_next(vm, b));)
        json_append(list, drive_stats_json(b));
    cmd_query_blockstats_reply(r, &list);
    return true;
}

CMD(info_blockstats, NULL, "info blockstats", NULL, Empty, Empty, 0,
    "show block device statistics");

static bool cmd_info_blockstats(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    for (BlockFront *b = NULL; (b = drive_next(vm, b));)
        drive_stats(b, r->text);
    return true;
}

typedef struct InfoBlockArgs {
    bool nodes, verbose;
    char *device;
} InfoBlockArgs;

/* clang-format off */
static const Prop InfoBlockArgs_rows[] = {
    PROP_BOOL(InfoBlockArgs, nodes,   "nodes",   false, "nodes instead of drives"),
    PROP_BOOL(InfoBlockArgs, verbose, "verbose", false, "more of each"),
    PROP_STR (InfoBlockArgs, device,  "device",  NULL,  "only that drive"),
    PROP_END (InfoBlockArgs)
};
/* clang-format on */

CMD(info_block, NULL, "info block", "-n:nodes -v:verbose [device]", InfoBlockArgs, Empty, 0,
    "show info of one block device or all block devices (-n: show named nodes; -v: show details)");

static bool cmd_info_block(Vm *vm, const InfoBlockArgs *a, Reply *r, GError **err)
{
    if (a->nodes) {
        if (drive_nodes_info(vm, a->device, r->text, a->verbose) || !a->device)
            return true;
        g_set_error(err, qmp_error_quark(), QMP_DEVICE_NOT_FOUND, "Device '%s' not found",
                    a->device);
        return false;
    }
    if (a->device) {
        BlockFront *b = drive_named(vm, a->device, err);
        if (b)
            drive_info(b, r->text, a->verbose);
        return b;
    }
    for (BlockFront *b = NULL; (b = drive_next(vm, b));) {
        if (r->text->len)
            g_string_append_c(r->text, '\n');
        drive_info(b, r->text, a->verbose);
    }
    return true;
}

/* ---- media ---- */

typedef struct EjectArgs {
    bool force;
    char *device, *id;
} EjectArgs;

/* clang-format off */
static const Prop EjectArgs_rows[] = {
    PROP_BOOL(EjectArgs, force,  "force",  false, "even if the guest locked it"),
    PROP_STR (EjectArgs, device, "device", NULL,  "drive"),
    PROP_STR (EjectArgs, id,     "id",     NULL,  "device it belongs to, or drive"),
    PROP_END (EjectArgs)
};
/* clang-format on */

CMD(eject, "eject", "eject", "-f:force device", EjectArgs, Empty, 0,
    "eject a removable medium (use -f to force it)");

static bool cmd_eject(Vm *vm, const EjectArgs *a, Reply *r, GError **err)
{
    const char *name = a->device ? a->device : a->id;
    if (!name)
        return user_fail(err, "Parameter 'id' is missing");
    BlockFront *b = drive_named(vm, name, err);
    if (!b || !drive_eject(b, a->force, reply_done, r, err))
        return false;
    reply_defer(r);
    return true;
}

typedef struct MediumArgs {
    char *device, *id, *filename, *format;
    bool force;
    uint8_t read_only;
} MediumArgs;

static const char *const read_only_modes[] = { "retain", "read-only", "read-write", NULL };

/* clang-format off */
static const Prop MediumArgs_rows[] = {
    PROP_STR (MediumArgs, device,    "device",   NULL,  "drive"),
    PROP_STR (MediumArgs, id,        "id",       NULL,  "device it belongs to, or drive"),
    NEED_STR (MediumArgs, filename,  "filename",        "new medium"),
    PROP_STR (MediumArgs, format,    "format",   NULL,  "its format; default: found by its contents"),
    PROP_BOOL(MediumArgs, force,     "force",    false, "even if the guest locked the tray"),
    PROP_ENUM(MediumArgs, read_only, "read-only-mode", 0, read_only_modes, "whether it can be written"),
    PROP_END (MediumArgs)
};
/* clang-format on */

static bool medium_change(Vm *vm, const char *device, const char *file, const char *format,
                          uint8_t read_only, bool force, Reply *r, GError **err)
{
    BlockFront *b = drive_named(vm, device, err);
    if (!b)
        return false;
    if (read_only)
        drive_read_only(b, read_only == 1);
    if (!drive_change(b, file, format, force, reply_done, r, err))
        return false;
    reply_defer(r);
    return true;
}

CMD(blockdev_change_medium, "blockdev-change-medium", NULL, NULL, MediumArgs, Empty, 0,
    "put another medium into a drive");

static bool cmd_blockdev_change_medium(Vm *vm, const MediumArgs *a, Reply *r, GError **err)
{
    const char *name = a->device ? a->device : a->id;
    if (!name)
        return user_fail(err, "Parameter 'id' is missing");
    return medium_change(vm, name, a->filename, a->format, a->read_only, a->force, r, err);
}

/* ---- change: a medium, or the VNC password ---- */

typedef struct ChangeArgs {
    char *device, *filename, *arg;
    bool force;
    uint8_t read_only;
} ChangeArgs;

/* clang-format off */
static const Prop ChangeArgs_rows[] = {
    NEED_STR (ChangeArgs, device,    "device",          "drive, or vnc"),
    PROP_BOOL(ChangeArgs, force,     "force",    false, "even if the guest locked the tray"),
    NEED_STR (ChangeArgs, filename,  "filename",        "new medium; vnc: password"),
    PROP_STR (ChangeArgs, arg,       "format",   NULL,  "its format; vnc: the password"),
    PROP_ENUM(ChangeArgs, read_only, "read-only-mode", 0, read_only_modes, "whether it can be written"),
    PROP_END (ChangeArgs)
};
/* clang-format on */

static void password_answered(Monitor *m, const char *text, void *o)
{
    g_autoptr(GError) err = NULL;
    if (!vnc_set_password(m->vm, NULL, text, VNC_KEEP, &err)) {
        g_autofree char *line = g_strdup_printf("Error: %s\r\n", err->message);
        monitor_out(m, line, strlen(line));
    }
}

static bool change_vnc(Vm *vm, const ChangeArgs *a, Reply *r, GError **err)
{
    if (strcmp(a->filename, "password") != 0 && strcmp(a->filename, "passwd") != 0)
        return user_fail(err,
                         "Parameter 'target' expects 'password', not '%s': the address of the VNC "
                         "server cannot be changed while it runs",
                         a->filename);
    if (a->arg)
        return vnc_set_password(vm, NULL, a->arg, VNC_KEEP, err);
    if (hmp_ask(r, "Password: ", true, password_answered, NULL))
        return true;
    return user_fail(err, "Parameter 'password' is missing: there is nobody to ask");
}

CMD(change, NULL, "change", "device -f:force filename [format] [read-only-mode]", ChangeArgs, Empty,
    0, "change a removable medium, optional format, use -f to force the operation");

static bool cmd_change(Vm *vm, const ChangeArgs *a, Reply *r, GError **err)
{
    if (strcmp(a->device, "vnc") == 0)
        return change_vnc(vm, a, r, err);
    return medium_change(vm, a->device, a->filename, a->arg, a->read_only, a->force, r, err);
}
