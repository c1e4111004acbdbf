/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What USB keyboards, mice and tablets have in common: Device Class Definition for HID 1.11,
 * chapter 7. A report goes out when there is news, and again after the idle time if the host asked
 * for that; in between polls are NAK'ed. Until the guest polls, events stay with the PS/2 devices.
 */
#include <string.h>

#include "hw/usb/hid.h"

enum { REPORT_INPUT = 1, IDLE_UNIT_NS = 4000000 };

/* clang-format off */
const Field HidState_rows[] = {
    FIELD(HidState, sent), FIELD(HidState, x), FIELD(HidState, y), FIELD(HidState, dz), FIELD_ARRAY(HidState, down),
    FIELD(HidState, buttons), FIELD(HidState, sent_buttons), FIELD(HidState, idle), FIELD(HidState, leds), FIELD(HidState, news),
    FIELD(HidState, boot), FIELD_PAD(HidState, pad), FIELD_END
};
/* clang-format on */

static const HidKind *kind_of(const Hid *h)
{
    return h->usb.dev.type->bus_info;
}

void hid_news(Hid *h)
{
    h->st.news = true;
    usb_wakeup(&h->usb);
}

/* ---- requests ---- */

static int put(uint8_t *data, size_t n, const void *from, size_t len)
{
    memcpy(data, from, MIN(n, len));
    return (int)MIN(n, len);
}

/* of the HID class; its own descriptor stands in the configuration, behind the interface */
static int class_descriptor(const HidKind *k, uint16_t value, uint8_t *data, size_t n)
{
    if (value >> 8 == 0x22)
        return put(data, n, k->report_desc, k->report_desc_len);
    if (value >> 8 == 0x21)
        return put(data, n, k->usb.desc->config + 18, 9);
    return USB_STALL;
}

static int get_report(Hid *h, uint16_t value, uint8_t *data, size_t n)
{
    uint8_t out[HID_MAX_REPORT];

    if (value >> 8 != REPORT_INPUT)
        return USB_STALL;
    return put(data, n, out, kind_of(h)->report(h, out));
}

int hid_control(UsbDevice *u, const UsbSetup *s, uint8_t *data, size_t n)
{
    Hid *h = (Hid *)u;
    const HidKind *k = kind_of(h);
    bool has_boot = k->usb.desc->config[9 + 6]; /* bInterfaceSubClass */
    uint8_t report_protocol = !h->st.boot;

    switch (usb_request(s)) {
    case 0x8106: return class_descriptor(k, s->value, data, n);
    case 0xa101: return get_report(h, s->value, data, n);
    case 0xa102: return put(data, n, &h->st.idle, 1);
    case 0xa103: return has_boot ? put(data, n, &report_protocol, 1) : USB_STALL;
    case 0x2109:
        if (!k->set_report)
            return USB_STALL;
        k->set_report(h, s->value >> 8, data, n);
        return 0;
    case 0x210a: h->st.idle = s->value >> 8; return 0;
    case 0x210b: h->st.boot = has_boot && !s->value; return has_boot ? 0 : USB_STALL;
    }
    return USB_STALL;
}

/* ---- reports ---- */

int hid_data(UsbDevice *u, UsbPacket *p)
{
    Hid *h = (Hid *)u;
    int64_t now = clock_now(u->dev.vm, CLOCK_VIRTUAL);
    uint8_t out[HID_MAX_REPORT];

    if (!h->active) {
        h->active = true;
        input_activate(h->handler);
    }
    if (!h->st.news && (!h->st.idle || now - h->st.sent < (int64_t)h->st.idle * IDLE_UNIT_NS))
        return USB_NAK;
    h->st.news = false;
    h->st.sent = now;
    size_t n = kind_of(h)->report(h, out);
    input_ready(h->handler);
    if (n > p->n)
        return USB_BABBLE;
    memcpy(p->buf, out, n);
    p->done = n;
    return 0;
}

/* ---- life ---- */

bool hid_realize(Device *dev, GError **err)
{
    Hid *h = (Hid *)dev;

    if (h->display || h->head)
        return user_fail(err, "%s display=, head=: input of one display only is not supported",
                         dev->type->name);
    h->handler = input_register(dev->vm, dev, &kind_of(h)->input, h);
    return true;
}

void hid_unrealize(Device *dev)
{
    input_unregister(((Hid *)dev)->handler);
}

/* No driver knows it now: whoever else can take the events gets them. */
void hid_sync(Device *dev)
{
    Hid *h = (Hid *)dev;

    h->active = false;
    input_rest(h->handler);
}
