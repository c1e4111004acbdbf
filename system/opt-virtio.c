/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 0.12's short forms for virtio devices: they fill the arguments of -device and call it. */
#include <string.h>

#include "core/prop-int.h"
#include "system/system.h"

static bool add_device(Vm *vm, const char *text, GError **err)
{
    DeviceArgs args;
    bool ok;

    prop_defaults(DeviceArgs_rows, &args);
    ok = prop_parse_kv(DeviceArgs_rows, "driver", text, &args, vm, err) &&
         opt_device(vm, &args, err);
    prop_free(DeviceArgs_rows, &args);
    return ok;
}

/* "virtio" and the properties behind it; NULL: another word */
static const char *behind_virtio(const char *text)
{
    const char *rest = text + strlen("virtio");

    return g_str_has_prefix(text, "virtio") && (!*rest || *rest == ',') ? rest : NULL;
}

bool opt_balloon(Vm *vm, const Str *args, GError **err)
{
    const char *rest = behind_virtio(*args);
    g_autofree char *device = g_strconcat("virtio-balloon-pci", rest, NULL);

    if (strcmp(*args, "none") == 0)
        return true;
    if (!rest)
        return user_fail(err, "Unknown -balloon argument %s: none or virtio[,addr=...][,id=...]",
                         *args);
    return add_device(vm, device, err);
}

/* As in 0.12 there may be one, and "none" is none. */
bool opt_virtioconsole(Vm *vm, const Str *args, GError **err)
{
    if (strcmp(*args, "none") == 0)
        return true;
    if (chardev_find(vm, "virtcon0"))
        return user_fail(err, "too many virtio consoles: there is one");
    return chardev_new_legacy(vm, "virtcon0", *args, err) &&
           add_device(vm, "virtio-serial-pci,id=virtio-serial0", err) &&
           add_device(vm, "virtconsole,bus=virtio-serial0.0,chardev=virtcon0", err);
}
