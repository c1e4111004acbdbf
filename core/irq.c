/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Message interrupts: to the accelerator's interrupt chip where it has one, else to our APICs. */
#include "core/irq.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/irqchip.h"
#include "core/vm.h"

void msi_send(Vm *vm, uint64_t addr, uint32_t data)
{
    if (vm->irqchip && vm->irqchip->msi)
        vm->irqchip->msi(vm, addr, data);
    else if (vm->lapic && vm->lapic->deliver)
        vm->lapic->deliver(vm, addr, data);
}

/* ---- wires ---- */

static bool wire_lay(Vm *vm, MsiWire *w)
{
    const IrqchipOps *chip = vm->irqchip;

    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->fd < 0)
        return false;
    w->virq = chip->route(vm, -1, w->addr, w->data);
    if (w->virq >= 0 && chip->irqfd(vm, w->virq, w->fd, true) >= 0)
        return true;
    if (w->virq >= 0)
        chip->unroute(vm, w->virq);
    close(w->fd);
    return false;
}

void msi_wire_send(Vm *vm, MsiWire *w, uint64_t addr, uint32_t data)
{
    static const uint64_t one = 1;
    const IrqchipOps *chip = vm->irqchip;
    bool moved = addr != w->addr || data != w->data;

    w->addr = addr;
    w->data = data;
    if (!w->laid)
        w->laid = chip && chip->irqfd && wire_lay(vm, w);
    else if (moved && chip->route(vm, w->virq, addr, data) < 0)
        msi_wire_free(vm, w);
    if (!w->laid || write(w->fd, &one, sizeof(one)) < 0)
        msi_send(vm, addr, data); /* out of routes, or of files */
}

void msi_wire_free(Vm *vm, MsiWire *w)
{
    if (!w->laid)
        return;
    vm->irqchip->irqfd(vm, w->virq, w->fd, false);
    vm->irqchip->unroute(vm, w->virq);
    close(w->fd);
    w->laid = false;
}
