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

/*
 * A sender's own wire into the accelerator's chips, where those have some (a route and an irqfd):
 * to send is to write to an eventfd, and whoever gets it may. All zeros: none yet. One thread at a
 * time.
 */
typedef struct MsiWire {
    uint64_t addr;
    uint32_t data;
    int virq, fd; /* valid when laid */
    bool laid;
} MsiWire;
void msi_wire_send(Vm *, MsiWire *, uint64_t addr, uint32_t data); /* msi_send without such chips */
void msi_wire_free(Vm *, MsiWire *);

#endif
