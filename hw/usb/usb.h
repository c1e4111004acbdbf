/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USB (specification 2.0) as the author of a device, a hub or a host controller sees it. Host
 * controllers and hubs own ports; a device hangs on a port, and its place on the bus is the path
 * of ports "1.2". Main, machine lock.
 *
 * There are no packets in flight: a device that cannot answer yet says USB_NAK, as on the wire, and
 * calls usb_wakeup() when it can. So nothing must be cancelled at an unplug or saved with a packet.
 */
#ifndef HW_USB_USB_H
#define HW_USB_USB_H

#include "core/device.h"

typedef struct UsbDevice UsbDevice;
typedef struct UsbPort UsbPort;
typedef struct UsbBus UsbBus;

typedef enum { USB_LOW = 1, USB_FULL = 2, USB_HIGH = 4, USB_SUPER = 8 } UsbSpeed;
typedef enum { USB_IN = 0x69, USB_OUT = 0xe1, USB_SETUP = 0x2d } UsbPid;

/* What a device answers. NODEV: nothing at all (a time-out); IOERROR: garbage (a CRC error) */
typedef enum {
    USB_OK = 0,
    USB_NAK = -1,
    USB_STALL = -2,
    USB_BABBLE = -3,
    USB_IOERROR = -4,
    USB_NODEV = -5
} UsbRet;

/* One transaction. IN: n bytes of room at buf; OUT, SETUP: n bytes to send. done: moved */
typedef struct UsbPacket {
    UsbPid pid;
    uint8_t ep; /* 0..15 */
    uint8_t *buf;
    size_t n, done;
} UsbPacket;

/* ---- devices ---- */

/* A SETUP packet (9.3), decoded */
typedef struct UsbSetup {
    uint8_t type, request; /* bmRequestType, bRequest */
    uint16_t value, index, length;
} UsbSetup;
/* both in one number: 0x8006 is GET_DESCRIPTOR of the device */
static inline unsigned usb_request(const UsbSetup *s)
{
    return (unsigned)s->type << 8 | s->request;
}

/* bytes as 9.6 lays them out; config: the only configuration with all that belongs to it */
typedef struct UsbDesc {
    uint8_t device[18];
    const uint8_t *config;
    size_t config_len;
    const char *const *strings; /* by index - 1; NULL-ended */
} UsbDesc;
enum { USB_MAX_CONTROL = 4096 };
#define USB_LE16(x) (uint8_t)(x), (uint8_t)((x) >> 8)
/* 9.6.6; interval in frames */
#define USB_ENDPOINT(addr, attr, max_packet, interval) \
    7, 5, (addr), (attr), USB_LE16(max_packet), (interval)

/*
 * bus_info of a USB device. Standard requests are the core's work, from desc.
 * control: what is left. IN: up to n bytes to data, returns how many; OUT: n bytes are at data,
 *     returns 0; or a negative UsbRet, where NAK means "ask me again".
 * data: endpoints other than 0, which exist and are not halted; IN: n is one packet at most
 * fw_name: in boot paths
 */
typedef struct UsbInfo {
    const UsbDesc *desc;
    UsbSpeed speed;
    const char *product, *fw_name;
    int (*control)(UsbDevice *, const UsbSetup *, uint8_t *data, size_t n);
    int (*data)(UsbDevice *, UsbPacket *);
    void (*configured)(UsbDevice *); /* after SET_CONFIGURATION; may be NULL */
} UsbInfo;

enum { USB_STRING_SERIAL = 3 };

/* The bus's part of a device's state */
STATE_BEGIN
typedef struct UsbState {
    GByteArray *control; /* of the control transfer: its data */
    uint32_t at;         /* and how much of it has moved */
    uint16_t halted[2];  /* a bit an endpoint: OUT, IN */
    uint8_t setup[8];
    uint8_t addr, config, stage;
    bool remote_wakeup;
    uint8_t pad[4];
} UsbState;
STATE_END

struct UsbDevice {
    Device dev;
    /* config */ char *port, *serial, *pcap;
    bool msos_desc;
    /* state */ UsbState st;
    /* host */ UsbPort *at;
};
static inline const UsbInfo *usb_info_of(const UsbDevice *u)
{
    return u->dev.type->bus_info;
}

/* The device has news for an endpoint (a NAK'ed one will answer): it wakes a suspended bus. */
void usb_wakeup(UsbDevice *);
/* A device stops answering on an endpoint until the host clears it; addr: 0x81, 0x02 */
void usb_halt(UsbDevice *, uint8_t addr);

/* ---- ports: for host controllers and hubs ---- */

typedef struct UsbPortOps {
    /* the device is there, or is gone: after the machine's first reset only; a port's own reset
     * looks at port->dev */
    void (*attach)(UsbPort *);
    void (*detach)(UsbPort *);
    void (*wakeup)(UsbPort *); /* the device resumes a suspended port */
    bool (*open)(UsbPort *);   /* packets pass: enabled, not suspended */
} UsbPortOps;

struct UsbPort {
    UsbBus *bus;
    UsbDevice *dev; /* NULL: free */
    UsbPort *next, *up;
    Device *owner;
    const UsbPortOps *ops;
    unsigned n; /* from 0, among its owner's */
    char path[24];
    uint8_t speeds;
};

struct UsbBus {
    Bus bus;
    UsbPort *ports; /* hubs' too, as they came */
    unsigned number;
};
extern const BusType usb_bus_type;

void usb_bus_init(UsbBus *, Device *owner);
/* realize; up: the hub's own port, NULL at a root. false: five hubs in a row already */
bool usb_port_deep(const UsbPort *up);
void usb_port_add(UsbBus *, UsbPort *, Device *owner, UsbPort *up, unsigned n, const UsbPortOps *,
                  uint8_t speeds);
void usb_port_remove(UsbPort *);

/* Who answers to an address now; NULL: nobody */
UsbDevice *usb_find(UsbBus *, uint8_t addr);
/* One transaction; a UsbRet */
int usb_handle(UsbDevice *, UsbPacket *);
/* A port's reset: address and configuration are gone, and so below a hub. done: may be NULL */
void usb_reset(UsbDevice *, void (*done)(void *o), void *o);

/* "1.5", "12": Mbit/s as 7.2 writes it */
const char *usb_speed_text(const UsbDevice *);

/* ---- -usbdevice TEXT, usb_add TEXT ---- */
/* snapshot: a disk's file is not written */
Device *usb_add(Vm *, const char *text, bool snapshot, GError **);
/* A disk that takes its drive with it when it is unplugged */
Device *usb_storage_new(Vm *, BlockFront *, GError **);

#endif
