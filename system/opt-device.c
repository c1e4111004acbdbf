/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -device: a device type by name, its bus, its rows. */
#include <string.h>

#include "core/device.h"
#include "core/prop-int.h"
#include "system/system.h"
#include "util/text.h"

SET_DECLARE(device);

static bool unknown_type(const char *name, GError **err)
{
    Nearest near = nearest_to(name);
    g_autofree char *hint = NULL;

    SET_FOREACH(device, p) {
        if ((*p)->flags & TYPE_USER)
            nearest_try(&near, (*p)->name);
    }
    hint = nearest_hint(&near);
    return opt_fail(err, "'%s' is not a valid device model name%s", name, hint);
}

static bool set_rows(Device *dev, const Json *rest, GError **err)
{
    for (size_t i = 0; rest && i < rest->n; i++) {
        if (!device_set(dev, rest->mem[i].key, rest->mem[i].value, err))
            return false;
    }
    return true;
}

static bool find_bus(Vm *vm, const DeviceArgs *args, Bus **bus, GError **err)
{
    if (!args->bus)
        return true;
    *bus = bus_find(vm, args->bus);
    return *bus || opt_fail(err, "Bus '%s' not found", args->bus);
}

static bool check_id(Vm *vm, const char *id, GError **err)
{
    if (!id)
        return true;
    if (!g_ascii_isalpha(*id) || strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789-._") != strlen(id))
        return opt_fail(err, "Parameter 'id' expects an identifier: a letter, then letters, "
                             "digits, '-', '.', '_'");
    return !device_by_id(vm, id) || opt_fail(err, "Duplicate device ID '%s'", id);
}

bool opt_device(Vm *vm, const DeviceArgs *args, GError **err)
{
    const DeviceType *type = args->driver ? device_type(args->driver) : NULL;
    bool help = rest_asks_help(args->rest);
    Bus *bus = NULL;
    Device *dev;

    if (help && !args->driver)
        return help_fail(err, help_devices());
    if (!args->driver)
        return opt_fail(err, "Parameter 'driver' is missing");
    if (!type)
        return unknown_type(args->driver, err);
    if (help)
        return help_fail(err, help_device(type));
    if (!(type->flags & TYPE_USER))
        return opt_fail(err,
                        "Parameter 'driver' expects a pluggable device type; '%s' is part of "
                        "the board",
                        type->name);
    if (!check_id(vm, args->id, err) || !find_bus(vm, args, &bus, err))
        return false;
    dev = device_new(vm, type, args->id);
    if (set_rows(dev, args->rest, err) && device_realize(dev, bus, err))
        return true;
    device_unref(dev);
    return false;
}
