/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USB mouse (relative, HID 1.11 appendix B.2 for its boot protocol) and tablet (absolute, 0..32767
 * in both directions). One report waits at most: motion joins it, and what would change the
 * order of clicks and motion waits in the input queue until the guest has read it.
 */
#include <linux/input-event-codes.h>

#include "hw/usb/hid.h"

/* clang-format off */
#define POINTER_DESC(motion)                                                                        \
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01,             /* generic desktop, mouse: application */       \
    0x09, 0x01, 0xa1, 0x00,                         /* pointer: physical */                         \
    0x05, 0x09, 0x19, 0x01, 0x29, 0x05,             /* buttons 1 to 5 */                            \
    0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x05, 0x81, 0x02,                                     \
    0x75, 0x03, 0x95, 0x01, 0x81, 0x01,             /* three bits of nothing */                     \
    0x05, 0x01, 0x09, 0x30, 0x09, 0x31, motion,     /* X, Y */                                      \
    0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x35, 0x00, 0x45, 0x00,                                     \
    0x75, 0x08, 0x95, 0x01, 0x81, 0x06,             /* wheel, relative */                           \
    0xc0, 0xc0
#define RELATIVE 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x02, 0x81, 0x06
#define ABSOLUTE 0x15, 0x00, 0x26, 0xff, 0x7f, 0x35, 0x00, 0x46, 0xff, 0x7f, 0x75, 0x10, 0x95, 0x02, 0x81, 0x02

static const uint8_t mouse_report_desc[] = { POINTER_DESC(RELATIVE) };
static const uint8_t tablet_report_desc[] = { POINTER_DESC(ABSOLUTE) };

/* the mouse is one that a BIOS may use */
static const uint8_t mouse_config[] = {
    9, 2, USB_LE16(9 + 9 + 9 + 7), 1, 1, 0, 0xa0, 50,
    9, 4, 0, 0, 1, 3, 1, 2, 0,
    HID_DESCRIPTOR(mouse_report_desc),
    USB_ENDPOINT(0x81, 3, 4, 10),
};
static const uint8_t tablet_config[] = {
    9, 2, USB_LE16(9 + 9 + 9 + 7), 1, 1, 0, 0xa0, 50,
    9, 4, 0, 0, 1, 3, 0, 0, 0,
    HID_DESCRIPTOR(tablet_report_desc),
    USB_ENDPOINT(0x81, 3, 8, 10),
};
static const char *const mouse_strings[] = { "QEMU", "QEMU USB Mouse", "89126", NULL };
static const char *const tablet_strings[] = { "QEMU", "QEMU USB Tablet", "28754", NULL };
#define HID_DEVICE { 18, 1, USB_LE16(0x0200), 0, 0, 0, 8, USB_LE16(0x0627), USB_LE16(0x0001), USB_LE16(0), 1, 2, 3, 1 }
static const UsbDesc mouse_desc = { .device = HID_DEVICE, .config = mouse_config, .config_len = sizeof(mouse_config),
                                    .strings = mouse_strings };
static const UsbDesc tablet_desc = { .device = HID_DEVICE, .config = tablet_config, .config_len = sizeof(tablet_config),
                                     .strings = tablet_strings };
/* clang-format on */

/* ---- events ---- */

static uint8_t button_bit(uint16_t code)
{
    switch (code) {
    case BTN_LEFT: return 1;
    case BTN_RIGHT: return 2;
    case BTN_MIDDLE: return 4;
    case BTN_SIDE: return 8;
    case BTN_EXTRA: return 16;
    }
    return 0;
}

static int32_t add_far(int32_t sum, int64_t more)
{
    enum { FAR = 1 << 20 };
    return (int32_t)CLAMP(sum + more, -FAR, FAR);
}

static bool take_button(HidState *st, const InputEvent *e)
{
    uint8_t bit = button_bit(e->code);

    if (st->news && (st->buttons ^ st->sent_buttons) & bit)
        return false; /* down and up in one report would be nothing */
    st->buttons = e->value ? st->buttons | bit : st->buttons & ~bit;
    return true;
}

static bool take_motion(HidState *st, const InputEvent *e)
{
    if (st->news && st->buttons != st->sent_buttons)
        return false; /* the click was where it was */
    if (e->kind == IN_ABS && e->code == ABS_X)
        st->x = CLAMP(e->value, 0, 32767);
    else if (e->kind == IN_ABS && e->code == ABS_Y)
        st->y = CLAMP(e->value, 0, 32767);
    else if (e->kind == IN_REL && e->code == REL_X)
        st->x = add_far(st->x, e->value);
    else if (e->kind == IN_REL && e->code == REL_Y)
        st->y = add_far(st->y, e->value);
    else if (e->kind == IN_REL && e->code == REL_WHEEL)
        st->dz = add_far(st->dz, e->value);
    return true;
}

/* Nobody has set the device up: what happened before is not told later. */
static bool pointer_event(void *o, const InputEvent *e)
{
    Hid *h = o;
    bool taken = true;

    if (!h->usb.st.config || e->kind == IN_SYNC)
        return true;
    taken = e->kind == IN_BUTTON ? take_button(&h->st, e) : take_motion(&h->st, e);
    if (taken)
        hid_news(h);
    return taken;
}

/* a tablet has no use for relative motion, only for the wheel */
static bool tablet_event(void *o, const InputEvent *e)
{
    return (e->kind == IN_REL && e->code != REL_WHEEL) || pointer_event(o, e);
}

/* ---- reports ---- */

static uint8_t take_part(int32_t *sum)
{
    int32_t part = CLAMP(*sum, -127, 127);

    *sum -= part;
    return (uint8_t)part;
}

static size_t mouse_report(Hid *h, uint8_t *out)
{
    HidState *st = &h->st;

    st->sent_buttons = st->buttons;
    out[0] = st->boot ? st->buttons & 7 : st->buttons;
    out[1] = take_part(&st->x);
    out[2] = take_part(&st->y);
    out[3] = take_part(&st->dz);
    if (st->x || st->y || st->dz)
        st->news = true;
    return st->boot ? 3 : 4;
}

static size_t tablet_report(Hid *h, uint8_t *out)
{
    HidState *st = &h->st;
    uint8_t wheel = take_part(&st->dz);
    uint8_t r[6] = { st->buttons, USB_LE16(st->x), USB_LE16(st->y), wheel };

    st->sent_buttons = st->buttons;
    memcpy(out, r, sizeof(r));
    if (st->dz)
        st->news = true;
    return sizeof(r);
}

/* ---- the types ---- */

/* clang-format off */
static const Prop UsbMouse_rows[] = {
    PROP_RANGE(Hid, usb_version, "usb_version", 2, 1, 2, "no difference at full speed"),
    PROP_END  (Hid)
};
static const Prop UsbTablet_rows[] = {
    PROP_RANGE(Hid, usb_version, "usb_version", 2, 1, 2, "no difference at full speed"),
    PROP_STR  (Hid, display,     "display",     NULL,    "take the input of that display only (not supported)"),
    PROP_INT  (Hid, head,        "head",        0,       "and of that head"),
    PROP_END  (Hid)
};
static const HidKind mouse_kind = {
    .usb = { .desc = &mouse_desc, .speed = USB_FULL, .product = "QEMU USB Mouse", .control = hid_control, .data = hid_data },
    .report_desc = mouse_report_desc, .report_desc_len = sizeof(mouse_report_desc), .report = mouse_report,
    .input = { .name = "QEMU HID Mouse", .kinds = 1u << IN_BUTTON | 1u << IN_REL, .event = pointer_event },
};
static const HidKind tablet_kind = {
    .usb = { .desc = &tablet_desc, .speed = USB_FULL, .product = "QEMU USB Tablet", .control = hid_control, .data = hid_data },
    .report_desc = tablet_report_desc, .report_desc_len = sizeof(tablet_report_desc), .report = tablet_report,
    .input = { .name = "QEMU HID Tablet", .kinds = 1u << IN_BUTTON | 1u << IN_ABS, .event = tablet_event },
};

#define POINTER(sym, type_name, text, kind, rows)                                                 \
    static const DeviceType sym = {                                                               \
        .name = type_name, .desc = text, .size = sizeof(Hid), .flags = TYPE_USER | TYPE_HOTPLUG,  \
        .bus = &usb_bus_type, .bus_info = &(kind), .props = rows, .state = HID_STATE,             \
        .realize = hid_realize, .sync = hid_sync, .unrealize = hid_unrealize,                     \
    };                                                                                            \
    REGISTER(device, sym)

POINTER(usb_mouse, "usb-mouse", "USB mouse", mouse_kind, UsbMouse_rows);
POINTER(usb_tablet, "usb-tablet", "USB tablet: absolute positions", tablet_kind, UsbTablet_rows);
/* clang-format on */
