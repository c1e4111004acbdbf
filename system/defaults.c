/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serial ports and monitors, the user's own and the default ones, and the empty CD-ROM drive.
 *   -nographic: serial0 and monitor share stdio by a mux, unless one of them was put elsewhere
 *   else:       each on a text console, where there are such, or nowhere
 */
#include <string.h>

#include "core/prop-int.h"
#include "system/system.h"
#include "util/log.h"

static bool has_text_consoles(void)
{
    PropChoice c;

    for (size_t i = 0; chardev_set.at(i, &c); i++) {
        if (strcmp(c.name, "vc") == 0)
            return true;
    }
    return false;
}

static bool mux_monitor(Vm *vm, const char *label, const char *text, GError **err)
{
    MonArgs mon = { .chardev = (char *)label, .mode = MON_READLINE };

    return !chardev_legacy_monitor(text) || monitor_open(vm, &mon, err);
}

/* serial0, parallel0 ...: the chardev behind a port of the board */
typedef struct PortKind {
    const char *name, *option;
    char **conf; /* vm->conf's labels */
    unsigned most;
} PortKind;

static bool add_port(Vm *vm, const PortKind *k, unsigned n, const char *text, GError **err)
{
    g_autofree char *label = g_strdup_printf("%s%u", k->name, n);
    Chardev *chr;

    if (strcmp(text, "none") == 0)
        return true;
    if (n >= k->most)
        return user_fail(err, "too many %s ports: there are %u", k->name, k->most);
    chr = chardev_new_legacy(vm, label, text, err);
    if (!chr)
        return false;
    k->conf[n] = g_strdup(chr->label);
    return mux_monitor(vm, chr->label, text, err);
}

static bool add_ports(Vm *vm, const PortKind *k, const GPtrArray *texts, const char *by_default,
                      int *status)
{
    GError *err = NULL;

    for (guint i = 0; i < texts->len + !!by_default; i++) {
        const char *text = i < texts->len ? texts->pdata[i] : by_default;

        if (add_port(vm, k, i < texts->len ? i : 0, text, &err))
            continue;
        *status = option_report(&(Record){ NULL, k->option, text }, err);
        return false;
    }
    return true;
}

static bool add_serials(Vm *vm, const char *by_default, int *status)
{
    const PortKind serial = { "serial", "-serial", vm->conf->serial, MAX_SERIAL };

    return add_ports(vm, &serial, startup(vm)->serials, by_default, status);
}

static bool add_parallels(Vm *vm, const char *by_default, int *status)
{
    const PortKind parallel = { "parallel", "-parallel", vm->conf->parallel, MAX_PARALLEL };

    return add_ports(vm, &parallel, startup(vm)->parallels, by_default, status);
}

static bool add_monitor(Vm *vm, unsigned n, const char *text, int mode, bool pretty, GError **err)
{
    g_autofree char *label = g_strdup_printf("compat_monitor%u", n);

    return monitor_open_legacy(vm, label, text, mode, pretty, err);
}

static bool add_monitors(Vm *vm, const char *by_default, int *status)
{
    const GPtrArray *monitors = startup(vm)->monitors;
    GError *err = NULL;
    unsigned n = 0;

    for (guint i = 0; i < monitors->len; i++) {
        const MonitorOpt *m = monitors->pdata[i];

        if (!add_monitor(vm, n++, m->from.text, m->mode, m->pretty, &err)) {
            *status = option_report(&m->from, err);
            return false;
        }
    }
    if (by_default && !add_monitor(vm, n, by_default, MON_READLINE, false, &err)) {
        *status = option_report(&(Record){ NULL, "-monitor", by_default }, err);
        return false;
    }
    return true;
}

static bool add_empty(Vm *vm, DriveIf iface, int index, DriveMedia media, GError **err)
{
    DriveArgs args;
    bool ok;

    prop_defaults(DriveArgs_rows, &args);
    args.iface = iface;
    args.index = index;
    args.media = media;
    ok = drive_open(vm, &args, err);
    prop_free(DriveArgs_rows, &args);
    return ok;
}

/* Empty drives of a PC, unless something is there: a CD-ROM as secondary master, a floppy A. */
static bool add_drives(Vm *vm, GError **err)
{
    bool pc = vm->machine->vga;

    if (pc && vm->defaults & DEFAULT_CDROM && device_type("ide-cd") &&
        !drive_at(vm, IF_IDE, 1, 0) && !add_empty(vm, IF_IDE, 2, DRIVE_CDROM, err))
        return false;
    return !pc || !(vm->defaults & DEFAULT_FLOPPY) || !device_type("floppy") ||
           drive_at(vm, IF_FLOPPY, 0, 0) || add_empty(vm, IF_FLOPPY, 0, DRIVE_DISK, err);
}

/* stdio has no meaning in the background. */
static bool check_daemonize(Vm *vm, GError **err)
{
    static const char *const with_stdio[] = { "serial",     "parallel", "monitor",  "qmp",
                                              "qmp-pretty", "chardev",  "debugcon", NULL };
    Startup *st = startup(vm);

    if (!st->daemonize)
        return true;
    if (st->nographic)
        return user_fail(err, "-nographic cannot be used with -daemonize");
    for (guint i = 0; i < st->records->len; i++) {
        const Record *r = &g_array_index(st->records, Record, i);
        const char *text = r->text;

        if (!g_strv_contains(with_stdio, r->opt->name))
            continue;
        text += g_str_has_prefix(text, "mon:") ? 4 : 0;
        if (g_str_has_prefix(text, "stdio") && (!text[5] || text[5] == ','))
            return user_fail(err, "%s %s: cannot use stdio with -daemonize", r->typed, r->text);
    }
    return true;
}

bool startup_check(Vm *vm, int *status)
{
    GError *err = NULL;

    if (check_daemonize(vm, &err))
        return true;
    *status = option_report(NULL, err);
    return false;
}

bool startup_defaults(Vm *vm, int *status)
{
    Startup *st = startup(vm);
    const char *serial = NULL, *parallel = NULL, *monitor = NULL, *console = NULL;
    bool want_serial = vm->defaults & DEFAULT_SERIAL;
    bool want_monitor = !st->nodefaults && !st->monitors->len && !options_given(st->records, "mon");
    GError *err = NULL;

    if (has_text_consoles())
        console = "vc:80Cx24C";
    if (st->nographic && want_serial && want_monitor) {
        serial = "mon:stdio";
    } else {
        if (want_serial)
            serial = st->nographic ? "stdio" : console ? console : "null";
        if (want_monitor)
            monitor = st->nographic ? "stdio" : console;
    }
    if (vm->defaults & DEFAULT_PARALLEL)
        parallel = st->nographic || !console ? "null" : console;
    if (!add_drives(vm, &err) || !startup_network(vm, &err)) {
        *status = option_report(NULL, err);
        return false;
    }
    /* monitors first: a monitor on a text console is console 2, Ctrl-Alt-2 */
    return add_monitors(vm, monitor, status) && add_serials(vm, serial, status) &&
           add_parallels(vm, parallel, status);
}
