/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/device-add.h"

#include <string.h>

#include "core/prop-int.h"
#include "util/text.h"

SET_DECLARE(device);
SET_DECLARE(absent);

/* clang-format off */
const Prop DeviceArgs_rows[] = {
    PROP_STR  (DeviceArgs, driver, "driver", NULL, "device type"),
    PROP_STR  (DeviceArgs, id,     "id",     NULL, "name of the device"),
    PROP_STR  (DeviceArgs, bus,    "bus",    NULL, "bus it is put on"),
    PROP_REST (DeviceArgs, rest, PROP_HELP),
    PROP_END  (DeviceArgs)
};
/* clang-format on */

static bool is_absent(const char *name, GError **err)
{
    SET_FOREACH(absent, p) {
        if (strcmp((*p)->name, name) != 0)
            continue;
        user_fail(err, "'%s' is not supported: %s", name, (*p)->why);
        return true;
    }
    return false;
}

static const DeviceType *find_type(const char *name, GError **err)
{
    const DeviceType *type = name ? device_type(name) : NULL;
    Nearest near = nearest_to(name ? name : "");

    if (!name) {
        user_fail(err, "Parameter 'driver' is missing");
        return NULL;
    }
    if (type && type->flags & TYPE_USER)
        return type;
    if (type) {
        user_fail(err,
                  "Parameter 'driver' expects a pluggable device type; '%s' is part of the board",
                  name);
        return NULL;
    }
    if (is_absent(name, err))
        return NULL;
    SET_FOREACH(device, p) {
        if ((*p)->flags & TYPE_USER)
            nearest_try(&near, (*p)->name);
        if ((*p)->alias)
            nearest_try(&near, (*p)->alias);
    }
    g_autofree char *hint = nearest_hint(&near);
    user_fail(err, "'%s' is not a valid device model name%s", name, hint);
    return NULL;
}

static bool check_id(Vm *vm, const char *id, GError **err)
{
    if (!id)
        return true;
    if (!id_check(id, err))
        return false;
    return !device_by_id(vm, id) || user_fail(err, "Duplicate device ID '%s'", id);
}

static bool find_bus(Vm *vm, const char *name, Bus **bus, GError **err)
{
    if (!name)
        return true;
    *bus = bus_find(vm, name);
    return *bus || user_fail(err, "Bus '%s' not found", name);
}

static bool set_rows(Device *dev, const Json *rest, GError **err)
{
    for (size_t i = 0; rest && i < rest->n; i++) {
        if (!device_set(dev, rest->mem[i].key, rest->mem[i].value, err))
            return false;
    }
    return true;
}

bool device_add(Vm *vm, const DeviceArgs *args, GError **err)
{
    const DeviceType *type = find_type(args->driver, err);
    Bus *bus = NULL;
    Device *dev;

    if (!type || !check_id(vm, args->id, err) || !find_bus(vm, args->bus, &bus, err))
        return false;
    dev = device_new(vm, type, args->id);
    if (set_rows(dev, args->rest, err) && device_realize(dev, bus, err))
        return true;
    device_unref(dev);
    return false;
}

/* ---- the list ---- */

static int name_compare(const void *a, const void *b)
{
    return strcmp((*(const DeviceType *const *)a)->name, (*(const DeviceType *const *)b)->name);
}

char *device_list(bool all)
{
    g_autoptr(GPtrArray) types = g_ptr_array_new();
    GString *out = g_string_new(NULL);

    SET_FOREACH(device, p) {
        if (all || (*p)->flags & TYPE_USER)
            g_ptr_array_add(types, (void *)*p);
    }
    g_ptr_array_sort(types, name_compare);
    for (guint i = 0; i < types->len; i++) {
        const DeviceType *t = types->pdata[i];

        g_string_append_printf(out, "name \"%s\"", t->name);
        if (t->bus)
            g_string_append_printf(out, ", bus %s", t->bus->name);
        if (t->alias)
            g_string_append_printf(out, ", alias \"%s\"", t->alias);
        if (t->desc)
            g_string_append_printf(out, ", desc \"%s\"", t->desc);
        g_string_append(out, t->flags & TYPE_USER ? "\n" : ", no-user\n");
    }
    return g_string_free(out, FALSE);
}
