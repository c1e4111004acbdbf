/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to hw/usb: what the human interface devices have in common (hid.c). */
#ifndef HW_USB_HID_H
#define HW_USB_HID_H

#include "hw/usb/usb.h"
#include "ui/console.h"

enum { HID_MAX_REPORT = 8 };

STATE_BEGIN
typedef struct HidState {
    int64_t sent;     /* when the last report went, for the idle rate */
    int32_t x, y, dz; /* of a tablet: where; of a mouse: how far since the last report */
    uint8_t down[32]; /* a bit a key's usage */
    uint8_t buttons, sent_buttons, idle, leds;
    bool news, boot; /* a report is due; the boot protocol was asked for */
    uint8_t pad[6];
} HidState;
STATE_END

typedef struct Hid {
    UsbDevice usb;
    /* config */ char *display;
    uint32_t usb_version, head;
    /* state */ HidState st;
    /* host */ InputHandler *handler;
    bool active; /* polled since its reset: it gets the events */
} Hid;

/* What differs. report: builds the next one, moves on in the state, returns its length */
typedef struct HidKind {
    UsbInfo usb; /* first: it is the bus_info */
    const uint8_t *report_desc;
    size_t report_desc_len;
    size_t (*report)(Hid *, uint8_t *out);
    void (*set_report)(Hid *, unsigned type, const uint8_t *data, size_t n); /* may be NULL */
    InputOps input;
} HidKind;

extern const Field HidState_rows[];
int hid_control(UsbDevice *, const UsbSetup *, uint8_t *data, size_t n);
int hid_data(UsbDevice *, UsbPacket *);
bool hid_realize(Device *, GError **);
void hid_unrealize(Device *);
void hid_sync(Device *);
/* An event changed the state: a report is due. */
void hid_news(Hid *);

#define HID_STATE STATE_PARTS(STATE(Hid, st, HidState_rows, 1))
/* 6.2.1, with one report descriptor */
#define HID_DESCRIPTOR(report_desc) \
    9, 0x21, USB_LE16(0x0111), 0, 1, 0x22, USB_LE16(sizeof(report_desc))

#endif
