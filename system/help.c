/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -help, -version and the lists that `?` and `help` ask for: layouts as in 7.2. */
#include <string.h>

#include "config.h"
#include "core/prop-int.h"
#include "core/vcpu.h"
#include "system/system.h"
#include "util/log.h"
#include "util/text.h"

SET_DECLARE(machine);
SET_DECLARE(accel);

enum { HELP_COLUMN = 16 };

char *version_text(void)
{
    return g_strdup("QEMU emulator version " CONFIG_VERSION " (qemu-kvm)\n"
                    "Copyright (c) 2026 the authors of this qemu-kvm\n");
}

/* The left side, then the help from column 16, one line each. */
static void print_option(GString *out, const Option *o)
{
    g_auto(GStrv) lines = g_strsplit(o->help ? o->help : "", "\n", -1);
    char **line = lines;
    bool multi = strchr(o->synopsis, '\n');

    if (!o->help && o->kind != OPTION_LATER) {
        g_string_append_printf(out, "%s\n", o->synopsis);
        return;
    }
    if (!multi && strlen(o->synopsis) < HELP_COLUMN)
        g_string_append_printf(out, "%-*s%s\n", HELP_COLUMN, o->synopsis, *line ? *line++ : "");
    else
        g_string_append_printf(out, "%s\n", o->synopsis);
    for (; *line; line++) {
        if (**line)
            g_string_append_printf(out, "%*s%s\n", HELP_COLUMN, "", *line);
    }
    if (o->kind == OPTION_LATER)
        g_string_append_printf(out, "%*s(not supported yet)\n", HELP_COLUMN, "");
}

char *help_text(void)
{
    GString *out = g_string_new(NULL);
    g_autofree char *version = version_text();

    g_string_append_printf(out,
                           "%susage: %s [options] [disk_image]\n\n"
                           "'disk_image' is a raw hard disk image for IDE hard disk 0\n",
                           version, log_program());
    for (const Option *o = option_table; o->name || o->synopsis || o->help; o++) {
        if (!o->name && !o->synopsis)
            g_string_append_printf(out, "\n%s\n", o->help);
        else if (o->synopsis)
            print_option(out, o);
    }
    g_string_append(out, "\nDuring emulation, the following keys are useful:\n"
                         "ctrl-alt-n      switch to virtual console 'n'\n\n"
                         "When using -nographic, press 'ctrl-a h' to get some help.\n");
    return g_string_free(out, FALSE);
}

/* Registered things sorted by name; link order means nothing. */
static int name_compare(const void *a, const void *b)
{
    /* every descriptor begins with its name */
    return strcmp(**(const char *const *const *)a, **(const char *const *const *)b);
}

static GPtrArray *machines_sorted(void)
{
    GPtrArray *all = g_ptr_array_new();

    SET_FOREACH(machine, p)
        g_ptr_array_add(all, (void *)*p);
    g_ptr_array_sort(all, name_compare);
    return all;
}

char *help_machines(void)
{
    g_autoptr(GPtrArray) all = machines_sorted();
    GString *out = g_string_new("Supported machines are:\n");

    for (guint i = 0; i < all->len; i++) {
        const MachineType *m = all->pdata[i];

        if (m->alias)
            g_string_append_printf(out, "%-20s %s (alias of %s)\n", m->alias, m->desc, m->name);
        g_string_append_printf(out, "%-20s %s%s\n", m->name, m->desc,
                               m == machine_default() ? " (default)" : "");
    }
    return g_string_free(out, FALSE);
}

char *help_accels(void)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    GString *out = g_string_new("Accelerators supported in QEMU binary:\n");

    SET_FOREACH(accel, p)
        g_ptr_array_add(all, (void *)*p);
    g_ptr_array_sort(all, name_compare);
    for (guint i = 0; i < all->len; i++) {
        const AccelOps *a = all->pdata[i];

        g_string_append_printf(out, "%s\n", a->alias ? a->alias : a->name);
    }
    return g_string_free(out, FALSE);
}

static int line_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool rest_asks_help(const Json *rest)
{
    for (size_t i = 0; rest && i < rest->n; i++) {
        if (text_is_help(rest->mem[i].key))
            return true;
    }
    return false;
}

/* Two tables over one thing, as one sorted list. */
static char *help_both(const char *title, const Prop *a, const Prop *b)
{
    g_autofree char *first = a ? prop_help(a, NULL) : g_strdup("");
    g_autofree char *second = b ? prop_help(b, NULL) : g_strdup("");
    g_autofree char *both = g_strconcat(first, second, NULL);
    g_auto(GStrv) lines = g_strsplit(both, "\n", -1);
    GString *out = g_string_new(NULL);

    qsort(lines, g_strv_length(lines), sizeof(*lines), line_compare);
    g_string_append_printf(out, "%s options:\n", title);
    for (char **line = lines; *line; line++) {
        if (**line)
            g_string_append_printf(out, "%s\n", *line);
    }
    return g_string_free(out, FALSE);
}

char *help_device(const DeviceType *t)
{
    return help_both(t->name, t->props, t->bus ? t->bus->props : NULL);
}

char *help_machine(const MachineType *m)
{
    g_autofree char *title = g_strconcat(m->name, "-machine", NULL);

    return help_both(title, MachineArgs_rows, m->props);
}
