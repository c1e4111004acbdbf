/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor commands about USB: "info usb" in the words of 7.2, usb_add and usb_del of 0.12. */
#include <stdio.h>
#include <string.h>

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
        user_fail(err, "USB support not enabled");
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

/* ---- the host's devices, which stay the host's ---- */

#define HOST_DEVICES "/sys/bus/usb/devices"

/* One attribute of a device, "" where it has none; freed by the caller */
static char *host_text(const char *dev, const char *attribute)
{
    g_autofree char *path = g_build_filename(HOST_DEVICES, dev, attribute, NULL);
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return g_strdup("");
    return g_strstrip(text);
}

static void host_device(Reply *r, const char *dev)
{
    g_autofree char *bus = host_text(dev, "busnum"), *addr = host_text(dev, "devnum");
    g_autofree char *speed = host_text(dev, "speed"), *class = host_text(dev, "bDeviceClass");
    g_autofree char *vendor = host_text(dev, "idVendor"), *id = host_text(dev, "idProduct");
    g_autofree char *product = host_text(dev, "product");

    if (!*addr || !strcmp(class, "09"))
        return; /* an interface, or a hub */
    reply_printf(r, "  Bus %s, Addr %s, Port %s, Speed %s Mb/s\n", bus, addr,
                 strchr(dev, '-') ? strchr(dev, '-') + 1 : dev, speed);
    reply_printf(r, "    Class %s: USB device %s:%s%s%s\n", class, vendor, id, *product ? ", " : "",
                 product);
}

CMD(info_usbhost, NULL, "info usbhost", NULL, Empty, Empty, 0, "show host USB devices");

static bool cmd_info_usbhost(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    GDir *dir = g_dir_open(HOST_DEVICES, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        host_device(r, name);
    if (dir)
        g_dir_close(dir);
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
    return user_fail(err, "could not delete USB device '%s': 'info usb' lists BUS.ADDRESS of each",
                     a->name);
}
