/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -usb and -usbdevice: both ask the board for its controller; the devices follow it. */
#include "hw/usb/usb.h"
#include "system/system.h"

bool opt_usb(Vm *vm, const Empty *args, GError **err)
{
    vm->conf->usb = true;
    return true;
}

bool opt_usbdevice(Vm *vm, const Str *args, GError **err)
{
    Startup *st = startup(vm);

    vm->conf->usb = true;
    if (!st->usbdevices)
        st->usbdevices = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(st->usbdevices, g_strdup(*args));
    return true;
}

bool usbdevices_add(Vm *vm, int *status)
{
    const GPtrArray *all = startup(vm)->usbdevices;
    GError *err = NULL;

    for (guint i = 0; all && i < all->len; i++) {
        if (usb_add(vm, all->pdata[i], startup(vm)->snapshot, &err))
            continue;
        *status = option_report(&(Record){ NULL, "-usbdevice", all->pdata[i] }, err);
        return false;
    }
    return true;
}
