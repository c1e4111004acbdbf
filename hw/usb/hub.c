/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hub (USB 2.0, chapter 11; at full speed that of 1.1): up to eight ports whose changes the host
 * reads as a bitmap from endpoint 1. Power is always on: the descriptor says that there is no
 * switch. Overcurrent, indicators and test modes are not there.
 */
#include <string.h>

#include "hw/usb/usb.h"

enum { MAX_PORTS = 8 };
/* wPortStatus and wPortChange, 11.24.2.7 */
enum {
    PS_CONNECTION = 1,
    PS_ENABLE = 2,
    PS_SUSPEND = 4,
    PS_RESET = 0x10,
    PS_POWER = 0x100,
    PS_LOW_SPEED = 0x200,
};
/* feature selectors, 11.24.2 */
enum {
    PORT_ENABLE = 1,
    PORT_SUSPEND = 2,
    PORT_RESET = 4,
    PORT_POWER = 8,
    C_PORT_CONNECTION = 16,
    C_PORT_ENABLE,
    C_PORT_SUSPEND,
    C_PORT_OVER_CURRENT,
    C_PORT_RESET,
};

STATE_BEGIN
typedef struct HubState {
    uint16_t status[MAX_PORTS], change[MAX_PORTS];
} HubState;
STATE_END

typedef struct UsbHub {
    UsbDevice usb;
    /* config */ uint32_t ports;
    bool port_power;
    /* state */ HubState st;
    /* host */ UsbPort port[MAX_PORTS];
    bool resetting[MAX_PORTS]; /* the device below still ends what it was doing */
} UsbHub;

/* clang-format off */
static const uint8_t hub_config[] = {
    9, 2, USB_LE16(9 + 9 + 7), 1, 1, 0, 0xe0, 0,
    9, 4, 0, 0, 1, 9, 0, 0, 0,
    USB_ENDPOINT(0x81, 3, 2, 0xff),
};
static const char *const hub_strings[] = { "QEMU", "QEMU USB Hub", "314159", NULL };
static const UsbDesc hub_desc = {
    .device = { 18, 1, USB_LE16(0x0110), 9, 0, 0, 8, USB_LE16(0x0409), USB_LE16(0x55aa), USB_LE16(0x0101), 1, 2, 3, 1 },
    .config = hub_config, .config_len = sizeof(hub_config), .strings = hub_strings,
};
/* clang-format on */

static UsbHub *hub_of(UsbPort *p)
{
    return (UsbHub *)p->owner;
}

/* ---- ports ---- */

static void port_connect(UsbHub *h, unsigned n)
{
    const UsbDevice *u = h->port[n].dev;

    h->st.status[n] = PS_POWER;
    if (!u)
        return;
    h->st.status[n] |= PS_CONNECTION | (usb_info_of(u)->speed == USB_LOW ? PS_LOW_SPEED : 0);
    h->st.change[n] |= 1u << (C_PORT_CONNECTION - 16);
}

static void port_attach(UsbPort *p)
{
    port_connect(hub_of(p), p->n);
    usb_wakeup(&hub_of(p)->usb);
}

static void port_detach(UsbPort *p)
{
    UsbHub *h = hub_of(p);

    if (!(h->st.status[p->n] & PS_CONNECTION))
        return;
    if (h->st.status[p->n] & PS_ENABLE)
        h->st.change[p->n] |= 1u << (C_PORT_ENABLE - 16);
    h->st.status[p->n] = PS_POWER;
    h->st.change[p->n] |= 1u << (C_PORT_CONNECTION - 16);
    usb_wakeup(&h->usb);
}

static void port_wakeup(UsbPort *p)
{
    UsbHub *h = hub_of(p);

    if (h->st.status[p->n] & PS_SUSPEND) {
        h->st.status[p->n] &= ~PS_SUSPEND;
        h->st.change[p->n] |= 1u << (C_PORT_SUSPEND - 16);
    }
    usb_wakeup(&h->usb);
}

static bool port_is_open(UsbPort *p)
{
    const UsbHub *h = hub_of(p);

    return h->usb.st.config &&
           (h->st.status[p->n] & (PS_ENABLE | PS_SUSPEND | PS_RESET)) == PS_ENABLE;
}

static const UsbPortOps port_ops = { port_attach, port_detach, port_wakeup, port_is_open };

/* The device below is quiet and reset. The hub may be gone by now. */
static void port_reset_done(void *o)
{
    UsbPort *p = o;
    UsbHub *h = hub_of(p);

    h->resetting[p->n] = false;
    usb_wakeup(&h->usb);
    device_unref(&h->usb.dev);
}

static void port_reset(UsbHub *h, unsigned n)
{
    UsbPort *p = &h->port[n];

    if (!p->dev || h->st.status[n] & PS_RESET)
        return;
    h->st.status[n] = (h->st.status[n] | PS_RESET) & ~(PS_ENABLE | PS_SUSPEND);
    h->resetting[n] = true;
    device_ref(&h->usb.dev);
    usb_reset(p->dev, port_reset_done, p);
}

/* A reset that has ended shows when the host looks: nothing of it needs to be saved. */
static void hub_settle(UsbHub *h)
{
    for (unsigned n = 0; n < h->ports; n++) {
        if (!(h->st.status[n] & PS_RESET) || h->resetting[n])
            continue;
        h->st.status[n] &= ~PS_RESET;
        if (h->port[n].dev)
            h->st.status[n] |= PS_ENABLE;
        h->st.change[n] |= 1u << (C_PORT_RESET - 16);
    }
}

/* ---- requests ---- */

static int port_status(UsbHub *h, unsigned n, uint8_t *data, size_t room)
{
    uint8_t s[4] = { USB_LE16(h->st.status[n]), USB_LE16(h->st.change[n]) };

    memcpy(data, s, MIN(room, 4));
    return (int)MIN(room, 4);
}

static int port_set(UsbHub *h, unsigned n, uint16_t feature)
{
    switch (feature) {
    case PORT_RESET: port_reset(h, n); return 0;
    case PORT_SUSPEND:
        if (h->st.status[n] & PS_ENABLE)
            h->st.status[n] |= PS_SUSPEND;
        return 0;
    case PORT_POWER: return 0;
    }
    return USB_STALL;
}

static int port_clear(UsbHub *h, unsigned n, uint16_t feature)
{
    switch (feature) {
    case PORT_ENABLE: h->st.status[n] &= ~PS_ENABLE; return 0;
    case PORT_SUSPEND:
        if (h->st.status[n] & PS_SUSPEND)
            h->st.change[n] |= 1u << (C_PORT_SUSPEND - 16);
        h->st.status[n] &= ~PS_SUSPEND;
        return 0;
    case PORT_POWER: return 0;
    case C_PORT_CONNECTION ... C_PORT_RESET: h->st.change[n] &= ~(1u << (feature - 16)); return 0;
    }
    return USB_STALL;
}

/* 11.23.2.1 */
static int hub_descriptor(const UsbHub *h, uint8_t *data, size_t room)
{
    /* no power switching, each port its own overcurrent; 2 ms to good power; no current. Then a bit
     * a port, and one for the hub, in each of two fields: removable, and one that is all ones */
    size_t field = h->ports < 8 ? 1 : 2, n = 7 + 2 * field;
    uint8_t out[11] = { (uint8_t)n, 0x29, (uint8_t)h->ports, USB_LE16(0x000a), 1, 0 };

    memset(out + 7 + field, 0xff, field);
    memcpy(data, out, MIN(room, n));
    return (int)MIN(room, n);
}

static int hub_control(UsbDevice *u, const UsbSetup *s, uint8_t *data, size_t n)
{
    UsbHub *h = (UsbHub *)u;
    unsigned port = (s->index & 0xff) - 1;

    hub_settle(h);
    switch (usb_request(s)) {
    case 0xa000: memset(data, 0, MIN(n, 4)); return (int)MIN(n, 4);
    case 0xa006: return s->value >> 8 == 0x29 ? hub_descriptor(h, data, n) : USB_STALL;
    case 0x2001:
    case 0x2003: return s->value <= 1 ? 0 : USB_STALL; /* local power, overcurrent */
    case 0xa300: return port < h->ports ? port_status(h, port, data, n) : USB_STALL;
    case 0x2303: return port < h->ports ? port_set(h, port, s->value) : USB_STALL;
    case 0x2301: return port < h->ports ? port_clear(h, port, s->value) : USB_STALL;
    }
    return USB_STALL;
}

/* A bit a port that changed; bit 0 would be the hub's own */
static int hub_data(UsbDevice *u, UsbPacket *p)
{
    UsbHub *h = (UsbHub *)u;
    unsigned bits = 0;

    hub_settle(h);
    for (unsigned n = 0; n < h->ports; n++)
        bits |= h->st.change[n] ? 2u << n : 0;
    if (!bits)
        return USB_NAK;
    size_t bytes = h->ports < 8 ? 1 : 2;
    if (p->n < bytes)
        return USB_BABBLE;
    uint8_t out[] = { USB_LE16(bits) };
    memcpy(p->buf, out, bytes);
    p->done = bytes;
    return 0;
}

/* ---- life ---- */

static bool hub_realize(Device *dev, GError **err)
{
    UsbHub *h = (UsbHub *)dev;
    UsbPort *at = h->usb.at;

    if (usb_port_deep(at))
        return user_fail(err, "usb hub chain too deep: five in a row at most");
    if (h->port_power)
        return user_fail(err, "usb-hub port-power=on: ports cannot be switched off");
    for (unsigned n = 0; n < h->ports; n++)
        usb_port_add(at->bus, &h->port[n], dev, at, n, &port_ops, USB_LOW | USB_FULL);
    return true;
}

static void hub_unrealize(Device *dev)
{
    UsbHub *h = (UsbHub *)dev;

    for (unsigned n = 0; n < h->ports; n++)
        usb_port_remove(&h->port[n]);
}

static void hub_reset(Device *dev)
{
    UsbHub *h = (UsbHub *)dev;

    for (unsigned n = 0; n < h->ports; n++)
        port_connect(h, n);
}

/* clang-format off */
static const Prop UsbHub_rows[] = {
    PROP_RANGE(UsbHub, ports,      "ports",      8, 1, MAX_PORTS, "number of ports"),
    PROP_BOOL (UsbHub, port_power, "port-power", false, "ports can be switched off (only off)"),
    PROP_END  (UsbHub)
};
static const Field HubState_rows[] = {
    FIELD_ARRAY(HubState, status, .max = 0x317), FIELD_ARRAY(HubState, change, .max = 0x1f), FIELD_END
};
/* clang-format on */

static const DeviceType usb_hub = {
    .name = "usb-hub",
    .desc = "USB hub",
    .size = sizeof(UsbHub),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .bus = &usb_bus_type,
    .bus_info = &(const UsbInfo){ .desc = &hub_desc,
                                  .speed = USB_FULL,
                                  .product = "QEMU USB Hub",
                                  .fw_name = "hub",
                                  .control = hub_control,
                                  .data = hub_data },
    .props = UsbHub_rows,
    .state = STATE_PARTS(STATE(UsbHub, st, HubState_rows, 1)),
    .realize = hub_realize,
    .reset = hub_reset,
    .unrealize = hub_unrealize,
};
REGISTER(device, usb_hub);
