/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isa-serial: COM1 to COM4, a 16550A on the ISA bus. Threads: machine lock. */
#include "hw/char/uart.h"
#include "hw/isa/isa.h"

enum { COM_COUNT = 4, NOT_SAID = 0xffffffff };
static const uint16_t com_port[COM_COUNT] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
static const uint8_t com_irq[COM_COUNT] = { 4, 3, 4, 3 };

typedef struct IsaSerial {
    Device dev;
    /* config */ uint32_t index, iobase, irq;
    /* state and host */ Uart uart;
    Region io;
} IsaSerial;

static const Prop IsaSerial_rows[] = {
    PROP_INT(IsaSerial, index, "index", NOT_SAID, "0 to 3: COM1 to COM4"),
    PROP_INT(IsaSerial, iobase, "iobase", NOT_SAID, "first of the eight ports"),
    PROP_INT(IsaSerial, irq, "irq", NOT_SAID, "ISA interrupt"),
    PROP_LINK(IsaSerial, uart.chr, "chardev", "where the bytes come from and go to"),
    PROP_INT(IsaSerial, uart.baudbase, "baudbase", 115200, "baud rate at divisor 1"),
    PROP_BOOL(IsaSerial, uart.wakeup, "wakeup", false, "a byte ends a suspend"),
    PROP_END(IsaSerial)
};

/* Without index= the ports count up in the order they are made. */
static unsigned serial_next(const Device *dev)
{
    bool taken[COM_COUNT] = { false };
    unsigned n = 0;
    for (unsigned i = 0;; i++) {
        const IsaSerial *s = (IsaSerial *)device_find(dev->vm, "isa-serial", i);
        if (!s)
            break;
        if (&s->dev != dev && s->index < COM_COUNT)
            taken[s->index] = true;
    }
    while (n < COM_COUNT && taken[n])
        n++;
    return n;
}

static bool serial_realize(Device *dev, GError **err)
{
    IsaSerial *s = (IsaSerial *)dev;
    if (s->index == NOT_SAID)
        s->index = serial_next(dev);
    if (s->index >= COM_COUNT)
        return user_fail(err, "Max. supported number of ISA serial ports is %d.", COM_COUNT);
    if (s->iobase == NOT_SAID)
        s->iobase = com_port[s->index];
    if (s->irq == NOT_SAID)
        s->irq = com_irq[s->index];
    if (s->irq >= ISA_IRQS || s->iobase > 0xfff8)
        return user_fail(err, "isa-serial: irq=%u: 0 to 15, iobase=%#x: up to 0xfff8", s->irq,
                         s->iobase);
    isa_io(dev, &s->io, s->iobase, 8, &uart_io, &s->uart);
    return uart_init(&s->uart, dev, isa_irq(dev, s->irq), err);
}

static void serial_reset(Device *dev)
{
    uart_reset(&((IsaSerial *)dev)->uart);
}
static void serial_sync(Device *dev)
{
    uart_sync(&((IsaSerial *)dev)->uart);
}
static void serial_unrealize(Device *dev)
{
    uart_fini(&((IsaSerial *)dev)->uart);
}

static const DeviceType isa_serial = {
    .name = "isa-serial",
    .desc = "16550A serial port",
    .size = sizeof(IsaSerial),
    .flags = TYPE_USER | DEFAULT_SERIAL,
    .bus = &isa_bus,
    .bus_info = &(const IsaInfo){ .acpi_hid = "PNP0501", .fw_name = "serial" },
    .props = IsaSerial_rows,
    .state = STATE_PARTS(STATE(IsaSerial, uart.st, UartState_rows, 1)),
    .realize = serial_realize,
    .reset = serial_reset,
    .sync = serial_sync,
    .unrealize = serial_unrealize,
};
REGISTER(device, isa_serial);
