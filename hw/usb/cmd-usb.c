/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor commands about USB: "info usb" in the words of 7.2, usb_add and usb_del of 0.12. */
#include <stdio.h>

#include "core/command.h"
#include "hw/usb/usb.h"

/* ---- what there is ---- */

typedef struct UsbList {
    GString *out;
    bool any_bus;
    const char *find; /* "0.2"; NULL: all are listed */
    UsbDevice *found;
} UsbList;

static void list_device(UsbList *l, const UsbBus *b, UsbDevice *u)
{
    g_string_append_printf(l->out, "  Device %u.%u, Port %s, Speed %s Mb/s, Product %s", b->number,
                           u->st.addr, u->at ? u->at->path : "-", usb_speed_text(u),
                           usb_info_of(u)->product);
    if (u->dev.id)
        g_string_append_printf(l->out, ", ID: %s", u->dev.id);
    g_string_append_c(l->out, '\n');
}

static void look_at(UsbList *l, const UsbBus *b, UsbDevice *u)
{
    char name[32];

    snprintf(name, sizeof(name), "%u.%u", b->number, u->st.addr);
    if (!l->find)
        list_device(l, b, u);
    else if (!l->found && !g_strcmp0(name, l->find))
        l->found = u;
}

static void walk(Device *d, void *o)
{
    UsbList *l = o;
    Bus *bus;

    for (unsigned i = 0; (bus = device_bus(d, i)); i++) {
        if (bus->type != &usb_bus_type)
            continue;
        l->any_bus = true;
        for (guint k = 0; k < bus->devices->len; k++)
            look_at(l, (UsbBus *)bus, bus->devices->pdata[k]);
    }
}

static bool list(Vm *vm, GString *out, GError **err)
{
    UsbList l = { .out = out };

    device_foreach(vm, walk, &l);
    if (!l.any_bus)
        g_set_error(err, prop_error_quark(), PROP_ERROR_USER, "USB support not enabled");
    return l.any_bus;
}

CMD(info_usb, NULL, "info usb", NULL, Empty, Empty, 0, "show guest USB devices");

static bool cmd_info_usb(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (!list(vm, out, err))
        return false;
    reply_printf(r, "%s", out->str);
    return true;
}

typedef struct UsbText {
    char *text;
} UsbText;
static const Prop UsbText_rows[] = { NEED_STR(UsbText, text, "human-readable-text", "for people"),
                                     PROP_END(UsbText) };

CMD(query_usb, "x-query-usb", NULL, NULL, Empty, UsbText, 0, "text of info usb");

static bool cmd_query_usb(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (!list(vm, out, err))
        return false;
    cmd_query_usb_reply(r, &(UsbText){ out->str });
    return true;
}

/* ---- plugging ---- */

typedef struct UsbName {
    char *name;
} UsbName;
static const Prop UsbName_rows[] = { NEED_STR(UsbName, name, "device", "as for -usbdevice"),
                                     PROP_END(UsbName) };
static const Prop UsbAddr_rows[] = { NEED_STR(UsbName, name, "device", "BUS.ADDRESS of info usb"),
                                     PROP_END(UsbName) };
typedef UsbName UsbAddr;

CMD(usb_add, NULL, "usb_add", "device", UsbName, Empty, 0,
    "add USB device (e.g. 'tablet', 'disk:file')");

static bool cmd_usb_add(Vm *vm, const UsbName *a, Reply *r, GError **err)
{
    return usb_add(vm, a->name, false, err);
}

CMD(usb_del, NULL, "usb_del", "device", UsbAddr, Empty, 0, "remove USB device 'bus.addr'");

static bool cmd_usb_del(Vm *vm, const UsbAddr *a, Reply *r, GError **err)
{
    UsbList l = { .find = a->name };

    device_foreach(vm, walk, &l);
    if (l.found)
        return device_del(&l.found->dev, err);
    g_set_error(err, prop_error_quark(), PROP_ERROR_USER,
                "could not delete USB device '%s': 'info usb' lists BUS.ADDRESS of each", a->name);
    return false;
}
