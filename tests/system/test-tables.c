/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every table of property rows that is linked into the program is well made. */
#include <string.h>

#include "block/driver.h"
#include "chardev/chardev.h"
#include "core/command.h"
#include "core/device.h"
#include "core/event.h"
#include "core/vcpu.h"
#include "system/system.h"

SET_DECLARE(device);
SET_DECLARE(machine);
SET_DECLARE(accel);
SET_DECLARE(chardev);
SET_DECLARE(block);
SET_DECLARE(command);

static void check(const Prop *rows, const char *kind, const char *name)
{
    g_autofree char *where = g_strdup_printf("%s %s", kind, name);
    g_autofree char *bad = rows ? prop_check(rows, where) : NULL;

    if (bad) {
        g_test_message("%s", bad);
        g_test_fail();
    }
}

static void test_options(void)
{
    for (const Option *o = option_table; o->name || o->synopsis || o->help; o++)
        check(o->rows, "option", o->name ? o->name : "");
}

/* Each alias, and each "did you mean", leads to a row. */
static void test_option_names(void)
{
    for (const Option *o = option_table; o->name || o->synopsis || o->help; o++) {
        for (const Option *p = option_table; p < o; p++)
            g_assert_true(!o->name || g_strcmp0(o->name, p->name) != 0);
        if (o->kind == OPTION_SERVED && o->name)
            g_assert_nonnull(o->run);
    }
}

static void test_devices(void)
{
    SET_FOREACH(device, p) {
        check((*p)->props, "device", (*p)->name);
        check((*p)->bus ? (*p)->bus->props : NULL, "bus of", (*p)->name);
    }
}

static void test_machines(void)
{
    SET_FOREACH(machine, p)
        check((*p)->props, "machine", (*p)->name);
    SET_FOREACH(accel, p)
        check((*p)->props, "accel", (*p)->name);
}

static void test_backends(void)
{
    SET_FOREACH(chardev, p)
        check((*p)->props, "chardev", (*p)->name);
    SET_FOREACH(block, p) {
        check((*p)->open_props, "block", (*p)->name);
        check((*p)->create_props, "create", (*p)->name);
    }
}

static void test_commands(void)
{
    SET_FOREACH(command, p) {
        const char *name = (*p)->qmp ? (*p)->qmp : (*p)->hmp;

        check((*p)->args, "command", name);
        check((*p)->result, "result of", name);
    }
    for (const EventRow *e = event_rows; e->name; e++)
        check(e->args, "event", e->name);
}

/* The machine-version rows name devices and properties that exist. */
static void test_compat(void)
{
    SET_FOREACH(machine, m) {
        for (const CompatRow *const *table = (*m)->compat; table && *table; table++) {
            for (const CompatRow *row = *table; row->type; row++) {
                const DeviceType *type = device_type(row->type);

                g_assert_nonnull(type);
                g_assert_true((type->props && prop_find(type->props, NULL, row->prop)) ||
                              (type->bus && type->bus->props &&
                               prop_find(type->bus->props, NULL, row->prop)));
            }
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tables/options", test_options);
    g_test_add_func("/tables/option-names", test_option_names);
    g_test_add_func("/tables/devices", test_devices);
    g_test_add_func("/tables/machines", test_machines);
    g_test_add_func("/tables/backends", test_backends);
    g_test_add_func("/tables/commands", test_commands);
    g_test_add_func("/tables/compat", test_compat);
    return g_test_run();
}
