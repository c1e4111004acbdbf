/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-serial: between serial.c (the controller) and port.c (the bus and its ports). */
#ifndef HW_VIRTIO_SERIAL_INT_H
#define HW_VIRTIO_SERIAL_INT_H

#include "chardev/chardev.h"
#include "hw/virtio/virtio-int.h"

enum { SERIAL_PORTS = 32, SERIAL_AUTO = UINT32_MAX };

/* Bit n is port n. add, remove, console, name, open: what the guest has still to be told. */
STATE_BEGIN
typedef struct VirtioSerialState {
    uint32_t guest_open, add, remove, console, name, open;
    uint32_t known;              /* the driver has said that it is ready for it */
    uint32_t sent[SERIAL_PORTS]; /* bytes of the element at the head that the back end took */
    bool ready;                  /* the driver uses the control queues */
    uint8_t pad[3];
} VirtioSerialState;
STATE_END

typedef struct VirtioSerial VirtioSerial;

/* virtconsole, virtserialport */
typedef struct SerialPort {
    Device dev;
    /* config */ CharFront *chr;
    char *name;
    uint32_t nr;
    /* host */ VirtioSerial *s;
    bool is_console, host_open, waiting; /* waiting: for the back end to be writable */
    bool told_open;                      /* what VSERPORT_CHANGE said last */
} SerialPort;

struct VirtioSerial {
    Virtio v;
    /* config */ uint32_t max_ports;
    bool emergency;
    /* state */ VirtioSerialState st;
    /* host */ Bus bus;
    SerialPort *port[SERIAL_PORTS];
};

extern const BusType virtio_serial_bus;

/* serial.c */
VirtioSerial *serial_of_bus(const Bus *);
void serial_flush_control(VirtioSerial *);
bool serial_guest_open(const VirtioSerial *, unsigned nr);
VirtQueue *serial_rx(VirtioSerial *, unsigned nr);
VirtQueue *serial_tx(VirtioSerial *, unsigned nr);

/* port.c */
void port_send(SerialPort *);   /* from the guest: what its queue holds */
void port_accept(SerialPort *); /* to the guest: it has room, or opened the port */
void port_guest_opened(SerialPort *, bool open);
void port_run(SerialPort *); /* the machine runs: each time */
void port_reset(SerialPort *); /* with the controller, whose state it is in */

#endif
