/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_IRQ_H
#define CORE_IRQ_H

#include "core/types.h"

/*
 * no cached level: sinks store what they latch. Level 0/1; a source that lowers a line it never
 * raised does no harm. Two sources never share a line: a sink gives each its own (isa_irq,
 * pci_irq) and ORs them in its state
 */
struct IrqLine {
    void (*set)(void *o, int n, int level);
    void *o;
    int n;
};

/* locked */
static inline void irq_set(const IrqLine *l, int level)
{
    if (l && l->set)
        l->set(l->o, l->n, level);
}

/* any; irqchip->msi, else lapic->deliver */
void msi_send(Vm *, uint64_t addr, uint32_t data);

#endif
