/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci-serial: one 16550A on a PCI card, its eight ports in BAR 0. Threads: machine lock. */
#include "hw/char/uart.h"
#include "hw/pci/pci.h"

typedef struct PciSerial {
    PciDevice pci;
    /* config */ uint8_t prog_if;
    /* state and host */ Uart uart;
    Region io;
    IrqLine line;
} PciSerial;

static const Prop PciSerial_rows[] = {
    PROP_LINK(PciSerial, uart.chr, "chardev", "where the bytes come from and go to"),
    PROP_INT(PciSerial, uart.baudbase, "baudbase", 115200, "baud rate at divisor 1"),
    PROP_INT(PciSerial, prog_if, "prog_if", 2, "what its class says: 2 is a 16550"),
    PROP_BOOL(PciSerial, uart.wakeup, "wakeup", false, "a byte ends a suspend"), PROP_END(PciSerial)
};

static void serial_irq(void *o, int n, int level)
{
    pci_irq(o, 0, level);
}

static bool serial_realize(Device *dev, GError **err)
{
    PciSerial *s = (PciSerial *)dev;

    s->line = (IrqLine){ serial_irq, s, 0 };
    pci_conf_default(&s->pci, 9, 1, s->prog_if, 0);
    pci_bar_io(&s->pci, 0, &s->io, PCI_BAR_IO, 8, &uart_io, &s->uart);
    return uart_init(&s->uart, dev, &s->line, err);
}

static void serial_reset(Device *dev)
{
    uart_reset(&((PciSerial *)dev)->uart);
}

static void serial_sync(Device *dev)
{
    uart_sync(&((PciSerial *)dev)->uart);
}

static void serial_unrealize(Device *dev)
{
    uart_fini(&((PciSerial *)dev)->uart);
}

static const DeviceType pci_serial = {
    .name = "pci-serial",
    .desc = "16550A serial port on a PCI card",
    .size = sizeof(PciSerial),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .bus = &pci_bus_type,
    .bus_info =
        &(const PciInfo){ .vendor = 0x1b36, .device = 0x0002, .class = 0x0700, .rev = 1, .pin = 1 },
    .props = PciSerial_rows,
    .state = STATE_PARTS(STATE(PciSerial, uart.st, UartState_rows, 1)),
    .realize = serial_realize,
    .reset = serial_reset,
    .sync = serial_sync,
    .unrealize = serial_unrealize,
};
REGISTER(device, pci_serial);
