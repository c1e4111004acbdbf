/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the interrupt controllers of a PC ask each other. */
#ifndef HW_INTC_INTC_H
#define HW_INTC_INTC_H

#include "core/device.h"
#include "core/irqchip.h"

/* locked; the 8259A pair's answer to an interrupt acknowledge cycle: always a vector, line 7 of a
 * chip when nothing (any more) asks */
int pic_inta(Device *pic);

/* locked; the IOAPIC's end of an EOI broadcast */
void ioapic_eoi(Device *ioapic, uint8_t vector);

/* any; text of "info lapic" for one vCPU */
void lapic_info(Vcpu *, GString *);

/* any; does the kernel run it? */
static inline bool irqchip_has(Vm *vm, ChipPart part)
{
    const IrqchipOps *chip = vm->irqchip;
    return chip &&
           (chip->mode == IRQCHIP_KERNEL || (chip->mode == IRQCHIP_SPLIT && part == CHIP_LAPIC));
}

/* locked; a chip that runs in the kernel gets our state (after reset and load), or shows us its own
 * (before it is printed). Where it does not run in the kernel nothing happens. */
void irqchip_put(Vm *, ChipPart, Vcpu *, const void *st);
void irqchip_get(Vm *, ChipPart, Vcpu *, void *st);

#endif
