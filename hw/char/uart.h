/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 16550A chip, for the objects that carry one: isa-serial, PCI serial cards. */
#ifndef HW_CHAR_UART_H
#define HW_CHAR_UART_H

#include "chardev/chardev.h"
#include "core/clock.h"
#include "core/device.h"
#include "core/memory.h"

enum { UART_FIFO = 16 };

/* head: where the next byte is read; count: how many wait */
typedef struct UartFifo {
    uint8_t byte[UART_FIFO], head, count;
} UartFifo;

typedef struct UartState {
    int64_t deadline; /* of the receive time-out */
    UartFifo rx, tx;
    uint16_t divisor;
    uint8_t ier, lcr, mcr, lsr, msr, scr, fcr;
    bool thre_pending, timeout_pending;
    uint8_t pad;
} UartState;
extern const Field UartState_rows[];

typedef struct Uart {
    /* config */ CharFront *chr;
    uint32_t baudbase;
    bool wakeup; /* a byte ends a suspend */
    /* state */ UartState st;
    /* host */ Device *dev;
    const IrqLine *irq;
    Timer rx_timer;
} Uart;

extern const IoOps uart_io; /* eight ports; the opaque is the Uart */

/* realize; irq: where the interrupt goes */
bool uart_init(Uart *, Device *, const IrqLine *irq, GError **);
void uart_reset(Uart *);
void uart_sync(Uart *); /* after reset and load: the back end's line parameters */
void uart_fini(Uart *);

#endif
