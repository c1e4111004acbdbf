/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to uhci.c (registers and ports) and uhci-schedule.c (what a frame does). */
#ifndef HW_USB_UHCI_INT_H
#define HW_USB_UHCI_INT_H

#include "hw/pci/pci.h"
#include "hw/usb/usb.h"

enum { UHCI_PORTS = 2, UHCI_FRAME_NS = 1000000 };

/* UHCI 1.1, 2.1 */
enum { CMD_RS = 1, CMD_HCRESET = 2, CMD_GRESET = 4, CMD_EGSM = 8, CMD_FGR = 16 };
enum {
    STS_INT = 1,
    STS_ERROR = 2,
    STS_RESUME = 4,
    STS_HSE = 8,
    STS_HCPE = 16,
    STS_HALTED = 32,
};
enum { INTR_CRC = 1, INTR_RESUME = 2, INTR_IOC = 4, INTR_SHORT = 8 };
/* which of two causes USBINT has: UhciState.why */
enum { WHY_IOC = 1, WHY_SHORT = 2 };

STATE_BEGIN
typedef struct UhciState {
    int64_t deadline; /* of the next frame; 0: stopped */
    int64_t due;      /* the same, kept while its frame runs */
    uint32_t base;
    uint16_t cmd, sts, intr, frame, port[UHCI_PORTS];
    uint8_t sof, why;
    uint8_t pad[6];
} UhciState;
STATE_END

typedef struct Uhci {
    PciDevice pci;
    /* config */ char *masterbus;
    uint32_t firstport, bandwidth, maxframes;
    /* state */ UhciState st;
    /* host */ Region io;
    Timer timer;
    UsbBus bus;
    UsbPort port[UHCI_PORTS];
} Uhci;

/* One frame: walks the list of FRNUM. Sets sts and why; may stop the controller. */
void uhci_frame(Uhci *);

#endif
