/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Message interrupts: to the accelerator's interrupt chip where it has one, else to our APICs. */
#include "core/irq.h"

#include "core/irqchip.h"
#include "core/vm.h"

void msi_send(Vm *vm, uint64_t addr, uint32_t data)
{
    if (vm->irqchip && vm->irqchip->msi)
        vm->irqchip->msi(vm, addr, data);
    else if (vm->lapic && vm->lapic->deliver)
        vm->lapic->deliver(vm, addr, data);
}
