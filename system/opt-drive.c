/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -drive and its short forms: they fill DriveArgs and call the one handler. */
#include <string.h>

#include "block/driver.h"
#include "system/system.h"
#include "util/text.h"

bool opt_snapshot(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->snapshot = true;
    return true;
}

static char *row_hint(const char *key)
{
    Nearest near = nearest_to(key);

    for (const Prop *row = DriveArgs_rows; row->kind != P_END; row++) {
        if (row->name)
            nearest_try(&near, row->name);
    }
    return nearest_hint(&near);
}

/* Without a file no driver's options can follow: what is left over is misspelt. */
static bool check_rest(const DriveArgs *args, GError **err)
{
    const Json *rest = args->rest;

    if (!rest || args->file || json_get(rest, "driver") || json_get(rest, "file"))
        return true;
    g_autofree char *hint = row_hint(rest->mem[0].key);
    return user_fail(err, "Invalid parameter '%s'%s", rest->mem[0].key, hint);
}

/* The driver refused a word ("... 'meda'") that was meant for us. */
static bool add_hint(const Json *rest, GError *err)
{
    for (size_t i = 0; rest && i < rest->n; i++) {
        g_autofree char *end = g_strdup_printf("'%s'", rest->mem[i].key);
        g_autofree char *hint = row_hint(rest->mem[i].key);
        if (g_str_has_suffix(err->message, end)) {
            char *text = g_strconcat(err->message, hint, NULL);
            g_free(err->message);
            err->message = text;
            break;
        }
    }
    return false;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "-drive format=?" */
bool drive_formats_help(const DriveArgs *args, GError **err)
{
    SET_DECLARE(block);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    GString *out;

    if (!args->format || !text_is_help(args->format))
        return true;
    out = g_string_new("Supported formats:");
    SET_FOREACH(block, p)
        g_ptr_array_add(names, (char *)(*p)->name);
    g_ptr_array_sort(names, name_compare);
    for (guint i = 0; i < names->len; i++)
        g_string_append_printf(out, " %s", (char *)names->pdata[i]);
    g_string_append_c(out, '\n');
    return help_fail(err, g_string_free(out, FALSE));
}

bool opt_drive(Vm *vm, const DriveArgs *args, GError **err)
{
    DriveArgs own = *args; /* shallow: drive_open() only places it */

    if (!check_rest(args, err))
        return false;
    own.snapshot |= startup(vm)->snapshot;
    return drive_open(vm, &own, err) || add_hint(args->rest, *err);
}

/* -hdachs belongs to the first disk, wherever it stands. */
static bool take_geometry(DriveArgs *args, const char *text, GError **err)
{
    static const char *const trans[] = { "none", "lba", "auto", NULL };
    g_auto(GStrv) part = g_strsplit(text, ",", -1);
    int64_t n[3] = { 0 };
    guint count = g_strv_length(part);

    for (guint i = 0; i < 3; i++) {
        if (i >= count || !text_int(part[i], &n[i]) || n[i] < 1)
            return user_fail(err, "-hdachs %s: invalid physical CHS format", text);
    }
    if (n[0] > 16383 || n[1] > 16 || n[2] > 63 || count > 4 ||
        (count == 4 && !g_strv_contains(trans, part[3])))
        return user_fail(err, "-hdachs %s: invalid physical CHS format", text);
    args->cyls = n[0];
    args->heads = n[1];
    args->secs = n[2];
    return true;
}

bool opt_hdachs(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->hdachs = g_strdup(*args);
    return true;
}

static bool open_short(Vm *vm, const char *file, DriveIf iface, int index, DriveMedia media,
                       GError **err)
{
    const char *hdachs = startup(vm)->hdachs;
    DriveArgs args;
    bool ok = true;

    prop_defaults(DriveArgs_rows, &args);
    args.file = g_strdup(file);
    args.iface = iface;
    args.index = index;
    args.media = media;
    if (hdachs && iface == IF_IDE && index == 0)
        ok = take_geometry(&args, hdachs, err);
    ok = ok && opt_drive(vm, &args, err);
    prop_free(DriveArgs_rows, &args);
    return ok;
}

bool opt_hda(Vm *vm, const Str *args, GError **err)
{
    return open_short(vm, *args, IF_IDE, 0, DRIVE_DISK, err);
}

bool opt_hdb(Vm *vm, const Str *args, GError **err)
{
    return open_short(vm, *args, IF_IDE, 1, DRIVE_DISK, err);
}

bool opt_hdc(Vm *vm, const Str *args, GError **err)
{
    return open_short(vm, *args, IF_IDE, 2, DRIVE_DISK, err);
}

bool opt_hdd(Vm *vm, const Str *args, GError **err)
{
    return open_short(vm, *args, IF_IDE, 3, DRIVE_DISK, err);
}

bool opt_cdrom(Vm *vm, const Str *args, GError **err)
{
    return open_short(vm, *args, IF_IDE, 2, DRIVE_CDROM, err);
}

bool opt_fda(Vm *vm, const Str *args, GError **err)
{
    return open_short(vm, *args, IF_FLOPPY, 0, DRIVE_DISK, err);
}

bool opt_fdb(Vm *vm, const Str *args, GError **err)
{
    return open_short(vm, *args, IF_FLOPPY, 1, DRIVE_DISK, err);
}

bool opt_pflash(Vm *vm, const Str *args, GError **err)
{
    return open_short(vm, *args, IF_PFLASH, -1, DRIVE_DISK, err);
}

/* A PC has no place for these two: the board says so. */
bool opt_mtdblock(Vm *vm, const Str *args, GError **err)
{
    return open_short(vm, *args, IF_MTD, -1, DRIVE_DISK, err);
}

bool opt_sd(Vm *vm, const Str *args, GError **err)
{
    return open_short(vm, *args, IF_SD, -1, DRIVE_DISK, err);
}
