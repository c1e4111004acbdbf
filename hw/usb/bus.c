/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The USB bus: its ports, which port a device gets, and who answers to an address. Devices below a
 * hub hang on the same bus; their parent is the hub, so that they go with it.
 */
#include <string.h>

#include "hw/usb/usb.h"

enum { MAX_HUBS = 5 }; /* in a row; 2.0, 4.1.1 */

/* ---- ports ---- */

static void count_bus(Device *d, void *o)
{
    for (unsigned i = 0; device_bus(d, i); i++)
        *(unsigned *)o += device_bus(d, i)->type == &usb_bus_type;
}

void usb_bus_init(UsbBus *b, Device *owner)
{
    b->ports = NULL;
    b->number = 0;
    device_foreach(owner->vm, count_bus, &b->number);
    bus_init(&b->bus, owner, &usb_bus_type, NULL);
}

bool usb_port_deep(const UsbPort *up)
{
    unsigned hubs = 0;

    for (; up; up = up->up)
        hubs++;
    return hubs > MAX_HUBS;
}

void usb_port_add(UsbBus *b, UsbPort *p, Device *owner, UsbPort *up, unsigned n,
                  const UsbPortOps *ops, uint8_t speeds)
{
    UsbPort **end = &b->ports;

    *p = (UsbPort){
        .bus = b,
        .up = up,
        .owner = owner,
        .ops = ops,
        .n = n,
        .speeds = speeds,
    };
    g_snprintf(p->path, sizeof(p->path), "%s%s%u", up ? up->path : "", up ? "." : "", n + 1);
    while (*end)
        end = &(*end)->next;
    *end = p;
}

void usb_port_remove(UsbPort *p)
{
    UsbPort **at = &p->bus->ports;

    while (*at && *at != p)
        at = &(*at)->next;
    if (*at)
        *at = p->next;
}

static bool port_open(UsbPort *p)
{
    for (; p; p = p->up)
        if (!p->ops->open(p))
            return false;
    return true;
}

UsbDevice *usb_find(UsbBus *b, uint8_t addr)
{
    for (UsbPort *p = b->ports; p; p = p->next)
        if (p->dev && p->dev->st.addr == addr && port_open(p))
            return p->dev;
    return NULL;
}

void usb_wakeup(UsbDevice *u)
{
    if (u->at && u->st.remote_wakeup)
        u->at->ops->wakeup(u->at);
}

void usb_reset(UsbDevice *u, void (*done)(void *o), void *o)
{
    device_reset(&u->dev, RESET_FULL, done, o);
}

const char *usb_speed_text(const UsbDevice *u)
{
    switch (usb_info_of(u)->speed) {
    case USB_LOW: return "1.5";
    case USB_FULL: return "12";
    case USB_HIGH: return "480";
    case USB_SUPER: return "5000";
    }
    return "?";
}

/* ---- where a device goes ---- */

static bool fits(const UsbPort *p, const UsbDevice *u)
{
    return !p->dev && p->speeds & usb_info_of(u)->speed;
}

static UsbPort *port_named(UsbBus *b, const UsbDevice *u)
{
    for (UsbPort *p = b->ports; p; p = p->next)
        if (!strcmp(p->path, u->port) && fits(p, u))
            return p;
    return NULL;
}

static UsbPort *port_free(UsbBus *b, const UsbDevice *u, unsigned *n)
{
    UsbPort *first = NULL;

    *n = 0;
    for (UsbPort *p = b->ports; p; p = p->next) {
        if (!fits(p, u))
            continue;
        first = first ? first : p;
        ++*n;
    }
    return first;
}

/* As 7.2 does: the last free port gets a hub, so that there is always room for one more. */
static bool add_hub(UsbBus *b, GError **err)
{
    return device_realize(device_part(b->bus.owner, device_type("usb-hub"), NULL), &b->bus, err);
}

static UsbPort *port_for(UsbBus *b, UsbDevice *u, GError **err)
{
    unsigned n;
    UsbPort *p;

    if (u->port) {
        p = port_named(b, u);
        if (!p)
            user_fail(err, "usb port %s (bus %s) not found (in use?)", u->port, b->bus.name);
        return p;
    }
    p = port_free(b, u, &n);
    if (n == 1 && strcmp(u->dev.type->name, "usb-hub") != 0) {
        if (!add_hub(b, err))
            return NULL;
        p = port_free(b, u, &n);
    }
    if (!p)
        user_fail(err, "tried to attach usb device %s to a bus with no free ports",
                  usb_info_of(u)->product);
    return p;
}

static bool check_rows(const UsbDevice *u, GError **err)
{
    const char *what = u->pcap        ? "pcap=: packets are not recorded"
                       : u->msos_desc ? "msos-desc=on: Microsoft's descriptors are not there"
                                      : NULL;
    if (what)
        user_fail(err, "%s %s", u->dev.type->name, what);
    return !what;
}

static bool bus_attach_device(Bus *bus, Device *d, GError **err)
{
    UsbDevice *u = (UsbDevice *)d;
    UsbPort *p = check_rows(u, err) ? port_for((UsbBus *)bus, u, err) : NULL;

    if (!p)
        return false;
    p->dev = u;
    u->at = p;
    if (!d->parent)
        d->parent = p->owner;
    return true;
}

static void bus_detach_device(Bus *bus, Device *d)
{
    UsbDevice *u = (UsbDevice *)d;
    UsbPort *p = u->at;

    if (!p)
        return;
    u->at = NULL;
    p->dev = NULL;
    p->ops->detach(p);
}

/* Cold-plugged devices are found by the reset of their port's owner. */
static bool bus_plugged(Bus *bus, Device *d, bool hot, GError **err)
{
    UsbPort *p = ((UsbDevice *)d)->at;

    if (hot)
        p->ops->attach(p);
    return true;
}

static bool bus_unplug(Bus *bus, Device *d, GError **err)
{
    device_del_finish(d);
    return true;
}

/* ---- texts ---- */

static void bus_addr(const Device *d, GString *out)
{
    const UsbDevice *u = (const UsbDevice *)d;

    g_string_append(out, u->at ? u->at->path : "?");
}

static void hub_components(const UsbPort *p, GString *out)
{
    if (!p)
        return;
    hub_components(p->up, out);
    g_string_append_printf(out, "hub@%x/", p->n + 1);
}

static void bus_fw_path(const Device *d, GString *out)
{
    const UsbDevice *u = (const UsbDevice *)d;
    const char *name = usb_info_of(u)->fw_name;

    if (!u->at)
        return;
    hub_components(u->at->up, out);
    g_string_append_printf(out, "%s@%x", name ? name : d->type->name, u->at->n + 1);
}

static void bus_info_lines(const Device *d, GString *out, int indent)
{
    const UsbDevice *u = (const UsbDevice *)d;
    const UsbBus *b = (const UsbBus *)d->bus;

    g_string_append_printf(out, "%*saddr %u.%u, port %s, speed %s, name %s, attached\n", indent, "",
                           b->number, u->st.addr, u->at ? u->at->path : "-", usb_speed_text(u),
                           usb_info_of(u)->product);
}

/* ---- rows ---- */

/* clang-format off */
static const Prop UsbDevice_rows[] = {
    PROP_STR (UsbDevice, port,      "port",      NULL,  "port path on its bus, 1.2"),
    PROP_STR (UsbDevice, serial,    "serial",    NULL,  "serial number that the guest reads"),
    PROP_BOOL(UsbDevice, msos_desc, "msos-desc", false, "Microsoft's descriptors (only off)"),
    PROP_STR (UsbDevice, pcap,      "pcap",      NULL,  "record packets to this file (not supported)"),
    PROP_END (UsbDevice)
};
static const Field UsbState_rows[] = {
    FIELD_VAR(UsbState, control, USB_MAX_CONTROL), FIELD(UsbState, at, .max = USB_MAX_CONTROL), FIELD_ARRAY(UsbState, halted),
    FIELD_ARRAY(UsbState, setup), FIELD(UsbState, addr, .max = 127), FIELD(UsbState, config, .max = 1), FIELD(UsbState, stage, .max = 3),
    FIELD(UsbState, remote_wakeup), FIELD_PAD(UsbState, pad), FIELD_END
};
/* clang-format on */

/* the control transfer never has moved more than there is */
static bool bus_post_load(Device *d, GError **err)
{
    const UsbState *st = &((UsbDevice *)d)->st;

    if (st->at <= st->control->len)
        return true;
    return user_fail(err, "more moved than there was");
}

const BusType usb_bus_type = {
    .name = "usb-bus",
    .prefix = "usb-bus",
    .state = STATE_PARTS(STATE(UsbDevice, st, UsbState_rows, 1)),
    .props = UsbDevice_rows,
    .attach = bus_attach_device,
    .detach = bus_detach_device,
    .plugged = bus_plugged,
    .unplug_request = bus_unplug,
    .post_load = bus_post_load,
    .addr = bus_addr,
    .fw_path = bus_fw_path,
    .info = bus_info_lines,
};
