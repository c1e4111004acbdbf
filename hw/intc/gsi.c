/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Global system interrupts of a PC: line n goes to pin n of the PIC pair and of the IOAPIC, but
 * line 0 (the PIT) arrives at IOAPIC pin 2, where the PIC has its cascade. With a kernel that has
 * both chips the line goes there instead. Threads: machine lock.
 */
#include "hw/intc/intc.h"

enum { GSI_COUNT = 24, GSI_PIC = 16 };

typedef struct Gsi {
    Device dev;
    /* host */ IrqLine in[GSI_COUNT];
    const IrqLine *pic[GSI_PIC], *ioapic[GSI_COUNT];
} Gsi;

static void gsi_set(void *o, int n, int level)
{
    Gsi *g = o;
    Vm *vm = g->dev.vm;
    if (irqchip_has(vm, CHIP_IOAPIC)) {
        vm->irqchip->gsi(vm, n, level);
        return;
    }
    if (n < GSI_PIC)
        irq_set(g->pic[n], level);
    irq_set(g->ioapic[n == 0 ? 2 : n], level);
}

void irqchip_put(Vm *vm, ChipPart part, Vcpu *v, const void *st)
{
    if (irqchip_has(vm, part) && vm->irqchip->put)
        vm->irqchip->put(vm, part, v, st);
}

void irqchip_get(Vm *vm, ChipPart part, Vcpu *v, void *st)
{
    if (irqchip_has(vm, part) && vm->irqchip->get)
        vm->irqchip->get(vm, part, v, st);
}

static bool gsi_realize(Device *dev, GError **err)
{
    Gsi *g = (Gsi *)dev;
    for (unsigned i = 0; i < GSI_COUNT; i++)
        g->in[i] = (IrqLine){ gsi_set, g, i };
    return true;
}

static const DeviceType gsi = {
    .name = "gsi",
    .desc = "global system interrupt router",
    .size = sizeof(Gsi),
    .pins = PINS(PIN_IN(Gsi, in, ""), PIN_OUT(Gsi, pic, "pic"), PIN_OUT(Gsi, ioapic, "ioapic")),
    .realize = gsi_realize,
};
REGISTER(device, gsi);
