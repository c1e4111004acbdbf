/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -device: what core/device-add.c does, and its help. */
#include "core/device-add.h"
#include "system/system.h"

bool opt_device(Vm *vm, const DeviceArgs *args, GError **err)
{
    const DeviceType *type = args->driver ? device_type(args->driver) : NULL;

    if (rest_asks_help(args->rest) && !args->driver)
        return help_fail(err, device_list(false));
    if (rest_asks_help(args->rest) && type)
        return help_fail(err, help_device(type));
    return device_add(vm, args, err);
}
