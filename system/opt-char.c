/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options about character devices and displays. -serial, -monitor and friends only note their text:
 * a "chardev:ID" may name a -chardev that stands behind them, so defaults.c opens them later.
 */
#include <string.h>

#include "system/system.h"
#include "ui/keymap.h"
#include "util/log.h"
#include "util/text.h"

bool opt_chardev(Vm *vm, const ChardevArgs *args, GError **err)
{
    return chardev_new(vm, args, err) != NULL;
}

bool opt_serial(Vm *vm, const Str *args, GError **err)
{
    g_ptr_array_add(startup(vm)->serials, g_strdup(*args));
    return true;
}

bool opt_parallel(Vm *vm, const Str *args, GError **err)
{
    g_ptr_array_add(startup(vm)->parallels, g_strdup(*args));
    return true;
}

bool opt_debugcon(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->debugcon = g_strdup(*args);
    return true;
}

static bool note_monitor(Vm *vm, int mode, bool pretty)
{
    MonitorOpt *m = g_new0(MonitorOpt, 1);

    *m = (MonitorOpt){ startup(vm)->at, mode, pretty };
    g_ptr_array_add(startup(vm)->monitors, m);
    return true;
}

bool opt_monitor(Vm *vm, const Str *args, GError **err)
{
    return note_monitor(vm, MON_READLINE, false);
}

bool opt_qmp(Vm *vm, const Str *args, GError **err)
{
    return note_monitor(vm, MON_CONTROL, false);
}

bool opt_qmp_pretty(Vm *vm, const Str *args, GError **err)
{
    return note_monitor(vm, MON_CONTROL, true);
}

bool opt_mon(Vm *vm, const MonArgs *args, GError **err)
{
    return monitor_open(vm, args, err);
}

/* ---- displays ---- */

bool opt_nographic(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->nographic = true;
    vm->conf->nographic = true;
    return true;
}

static bool set_display(Vm *vm, const char *type, GError **err)
{
    Startup *st = startup(vm);

    if (!display_find(type) && strcmp(type, "default") && display_why_not(type))
        return user_fail(err, "%s", display_why_not(type));
    g_clear_pointer(&st->display_vnc, g_free);
    g_free(st->display.type);
    st->display.type = strcmp(type, "default") == 0 ? NULL : g_strdup(type);
    return true;
}

static bool parse_display(Vm *vm, const char *text, GError **err)
{
    DisplayArgs args, *d = &startup(vm)->display;
    bool ok;

    prop_defaults(DisplayArgs_rows, &args);
    args.full_screen = d->full_screen;
    args.window_close = d->window_close;
    args.show_cursor = d->show_cursor;
    args.grab_mod = d->grab_mod;
    ok = prop_parse_kv(DisplayArgs_rows, "type", text, &args, vm, err);
    if (ok && !display_find(args.type) && strcmp(args.type, "default") &&
        !display_why_not(args.type))
        ok = user_fail(err,
                       "Parameter 'type' does not accept value '%s'; write sdl, curses, none "
                       "or vnc=:0",
                       args.type);
    if (ok && args.charset && g_ascii_strcasecmp(args.charset, "CP437"))
        ok = user_fail(err, "charset=%s is not supported; write CP437", args.charset);
    ok = ok && set_display(vm, args.type, err);
    if (ok) {
        g_free(args.type);
        args.type = d->type;
        args.no_frame = d->no_frame;
        g_clear_pointer(&args.charset, g_free);
        *d = args;
    } else {
        prop_free(DisplayArgs_rows, &args);
    }
    return ok;
}

bool opt_display(Vm *vm, const Str *args, GError **err)
{
    g_autofree char *kind = g_strndup(*args, strcspn(*args, ",="));

    if (text_is_help(kind))
        return help_fail(err, display_help());
    if (strcmp(kind, "vnc") == 0 && (*args)[3] != '=')
        return user_fail(err, "the VNC server needs a display: vnc=:0");
    if (strcmp(kind, "vnc"))
        return parse_display(vm, *args, err);
    g_free(startup(vm)->display_vnc);
    startup(vm)->display_vnc = g_strdup(*args + 4);
    return true;
}

bool opt_sdl(Vm *vm, const Empty *args, GError **err)
{
    return set_display(vm, "sdl", err);
}

bool opt_curses(Vm *vm, const Empty *args, GError **err)
{
    return set_display(vm, "curses", err);
}

bool opt_full_screen(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->display.full_screen = true;
    return true;
}

bool opt_no_frame(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->display.no_frame = true;
    return true;
}

bool opt_no_quit(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->display.window_close = false;
    return true;
}

bool opt_show_cursor(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->display.show_cursor = true;
    return true;
}

bool opt_alt_grab(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->display.grab_mod = HOTKEY_SHIFT_CTRL_ALT;
    return true;
}

bool opt_ctrl_grab(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->display.grab_mod = HOTKEY_RCTRL;
    return true;
}

bool opt_vnc(Vm *vm, const VncArgs *args, GError **err)
{
    startup(vm)->vnc_given = true;
    return vnc_open(vm, args, err);
}

bool opt_vga(Vm *vm, const Str *args, GError **err)
{
    static const char *const later[] = { "vmware", "qxl", "virtio", "xenfb", "tcx", "cg3", NULL };
    g_autofree char *kind = g_strndup(*args, strcspn(*args, ","));

    if (text_is_help(kind))
        return help_fail(err, g_strdup("none                 no graphic card\n"
                                       "std                  standard VGA (default)\n"
                                       "cirrus               Cirrus VGA\n"));
    if (g_strv_contains(later, kind))
        return user_fail(err, "this video card is not supported yet; write std, cirrus or none");
    if (strcmp(kind, "std") && strcmp(kind, "cirrus") && strcmp(kind, "none"))
        return user_fail(err, "unknown vga type '%s'; write std, cirrus or none", kind);
    startup(vm)->vga = g_steal_pointer(&kind);
    return true;
}

bool opt_k(Vm *vm, const Str *args, GError **err)
{
    KeyMap *map;

    if (text_is_help(*args))
        return help_fail(err, keymap_languages());
    map = keymap_get(*args, err);
    if (map)
        keymap_set(vm, map);
    return map != NULL;
}
