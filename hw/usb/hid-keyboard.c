/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USB keyboard: the boot keyboard of HID 1.11, appendix B.1, whose report is the same in both
 * protocols. Usages: HID Usage Tables 1.12, chapter 10. Each key event is a report of its own: the
 * next one waits until the guest has read it. Its three LEDs are set by an output report.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "hw/usb/hid.h"

enum { KEYS_MAX = 6, ROLL_OVER = 1, FIRST_MODIFIER = 0xe0, REPORT_OUTPUT = 2 };

/* clang-format off */
static const uint8_t keyboard_report_desc[] = {
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01,             /* generic desktop, keyboard: application */
    0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7,             /* eight modifiers, a bit each */
    0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02,
    0x75, 0x08, 0x95, 0x01, 0x81, 0x01,             /* a byte of nothing */
    0x05, 0x08, 0x19, 0x01, 0x29, 0x05,             /* five LEDs, a bit each */
    0x75, 0x01, 0x95, 0x05, 0x91, 0x02,
    0x75, 0x03, 0x95, 0x01, 0x91, 0x01,
    0x05, 0x07, 0x19, 0x00, 0x2a, 0xff, 0x00,       /* six keys that are down */
    0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x06, 0x81, 0x00,
    0xc0
};
static const uint8_t keyboard_config[] = {
    9, 2, USB_LE16(9 + 9 + 9 + 7), 1, 1, 0, 0xa0, 50,
    9, 4, 0, 0, 1, 3, 1, 1, 0,
    HID_DESCRIPTOR(keyboard_report_desc),
    USB_ENDPOINT(0x81, 3, 8, 10),
};
static const char *const keyboard_strings[] = { "QEMU", "QEMU USB Keyboard", "68284", NULL };
static const UsbDesc keyboard_desc = {
    .device = { 18, 1, USB_LE16(0x0200), 0, 0, 0, 8, USB_LE16(0x0627), USB_LE16(0x0001), USB_LE16(0), 1, 2, 3, 1 },
    .config = keyboard_config, .config_len = sizeof(keyboard_config), .strings = keyboard_strings,
};

/* evdev code -> usage */
static const uint8_t usages[256] = {
    [KEY_ESC] = 0x29,
    [KEY_1] = 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2d, 0x2e, 0x2a, 0x2b,
    [KEY_Q] = 0x14, 0x1a, 0x08, 0x15, 0x17, 0x1c, 0x18, 0x0c, 0x12, 0x13, 0x2f, 0x30, 0x28, 0xe0,
    [KEY_A] = 0x04, 0x16, 0x07, 0x09, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f, 0x33, 0x34, 0x35, 0xe1, 0x31,
    [KEY_Z] = 0x1d, 0x1b, 0x06, 0x19, 0x05, 0x11, 0x10, 0x36, 0x37, 0x38, 0xe5, 0x55, 0xe2, 0x2c, 0x39,
    [KEY_F1] = 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x43, 0x53, 0x47,
    [KEY_KP7] = 0x5f, 0x60, 0x61, 0x56, 0x5c, 0x5d, 0x5e, 0x57, 0x59, 0x5a, 0x5b, 0x62, 0x63,
    [KEY_ZENKAKUHANKAKU] = 0x94, 0x64, 0x44, 0x45, 0x87, 0x92, 0x93, 0x8a, 0x88, 0x8b, 0x8c,
    [KEY_KPENTER] = 0x58, 0xe4, 0x54, 0x46, 0xe6,
    [KEY_HOME] = 0x4a, 0x52, 0x4b, 0x50, 0x4f, 0x4d, 0x51, 0x4e, 0x49, 0x4c,
    [KEY_MUTE] = 0x7f, 0x81, 0x80, 0x66, 0x67,
    [KEY_PAUSE] = 0x48, [KEY_KPCOMMA] = 0x85, 0x90, 0x91, 0x89, 0xe3, 0xe7, 0x65,
    [KEY_STOP] = 0x78, 0x79, 0x76, 0x7a, 0x77, 0x7c, 0x74, 0x7d, 0x7e, 0x7b, 0x75,
    [KEY_F13] = 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73,
};
/* clang-format on */

static bool keyboard_event(void *o, const InputEvent *e)
{
    Hid *h = o;
    HidState *st = &h->st;
    uint8_t usage = e->code < sizeof(usages) ? usages[e->code] : 0;
    uint8_t *byte = &st->down[usage / 8], bit = 1u << usage % 8;

    if (!h->usb.st.config || !usage || !!(*byte & bit) == !!e->value)
        return true;
    if (st->news)
        return false;
    *byte = e->value ? *byte | bit : *byte & ~bit;
    hid_news(h);
    return true;
}

static size_t keyboard_report(Hid *h, uint8_t *out)
{
    const uint8_t *down = h->st.down;
    unsigned n = 0;

    memset(out, 0, 8);
    out[0] = down[FIRST_MODIFIER / 8];
    for (unsigned usage = 0; usage < FIRST_MODIFIER; usage++) {
        if (!(down[usage / 8] & 1u << usage % 8))
            continue;
        if (n < KEYS_MAX)
            out[2 + n] = (uint8_t)usage;
        n++;
    }
    if (n > KEYS_MAX)
        memset(out + 2, ROLL_OVER, KEYS_MAX);
    return 8;
}

/* Num, Caps, Scroll from bit 0 on; displays have a PS/2 keyboard's order: Scroll, Num, Caps */
static void keyboard_set_report(Hid *h, unsigned type, const uint8_t *data, size_t n)
{
    if (type != REPORT_OUTPUT || !n)
        return;
    h->st.leds = data[0] & 31;
    input_leds(h->handler, (h->st.leds & 3) << 1 | (h->st.leds >> 2 & 1));
}

/* clang-format off */
static const Prop UsbKeyboard_rows[] = {
    PROP_RANGE(Hid, usb_version, "usb_version", 2, 1, 2, "no difference at full speed"),
    PROP_STR  (Hid, display,     "display",     NULL,    "take the input of that display only (not supported)"),
    PROP_END  (Hid)
};
static const HidKind keyboard_kind = {
    .usb = { .desc = &keyboard_desc, .speed = USB_FULL, .product = "QEMU USB Keyboard", .control = hid_control, .data = hid_data },
    .report_desc = keyboard_report_desc, .report_desc_len = sizeof(keyboard_report_desc), .report = keyboard_report,
    .set_report = keyboard_set_report,
    .input = { .name = "QEMU HID Keyboard", .kinds = 1u << IN_KEY, .event = keyboard_event },
};
/* clang-format on */

static const DeviceType usb_kbd = {
    .name = "usb-kbd",
    .desc = "USB keyboard",
    .size = sizeof(Hid),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .bus = &usb_bus_type,
    .bus_info = &keyboard_kind,
    .props = UsbKeyboard_rows,
    .state = HID_STATE,
    .realize = hid_realize,
    .sync = hid_sync,
    .unrealize = hid_unrealize,
};
REGISTER(device, usb_kbd);
