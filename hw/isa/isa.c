/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ISA bus: ports, and sixteen interrupt lines. Real ISA lines are edge-triggered and cannot
 * be shared; here several sources of one line are ORed, as the chips that share a line on a board
 * do. Threads: machine lock.
 */
#include <stdatomic.h>

#include "hw/isa/isa.h"

static IsaBus *isa_of(const Device *dev)
{
    g_assert(dev->bus && dev->bus->type == &isa_bus);
    return (IsaBus *)dev->bus;
}

/* n: the IRQ times ISA_SOURCES plus the source */
static void isa_set(void *o, int n, int level)
{
    IsaBus *b = o;
    unsigned irq = n / ISA_SOURCES;
    uint32_t bit = 1u << n % ISA_SOURCES, was = b->st.level[irq];
    b->st.level[irq] = level ? was | bit : was & ~bit;
    if (!was != !b->st.level[irq] && b->out)
        irq_set(b->out[irq], b->st.level[irq] != 0);
}

static const IrqLine *isa_new_line(IsaBus *b, const Device *dev, unsigned irq)
{
    g_assert(irq < ISA_IRQS && b->used[irq] < ISA_SOURCES);
    unsigned s = 0;
    while (s < b->used[irq] && b->line[irq][s].set)
        s++; /* one that was given back */
    if (s == b->used[irq])
        b->used[irq]++;
    b->line[irq][s] = (IrqLine){ isa_set, b, irq * ISA_SOURCES + s };
    b->source[irq][s] = dev;
    return &b->line[irq][s];
}

const IrqLine *isa_line(Bus *bus, unsigned n)
{
    return bus ? isa_new_line((IsaBus *)bus, NULL, n) : NULL;
}

static IsaTaken *isa_note(const Device *dev)
{
    IsaBus *b = isa_of(dev);
    IsaTaken *t = g_hash_table_lookup(b->taken, dev);
    if (!t) {
        t = g_new0(IsaTaken, 1);
        g_hash_table_insert(b->taken, (void *)dev, t);
    }
    return t;
}

const IrqLine *isa_irq(Device *dev, unsigned n)
{
    isa_note(dev)->irqs |= 1u << n;
    return isa_new_line(isa_of(dev), dev, n);
}

void isa_io(Device *dev, Region *r, uint16_t port, uint16_t n, const IoOps *ops, void *o)
{
    IsaTaken *t = isa_note(dev);
    region_init_io(r, dev, dev->type->name, n, ops, o);
    space_map(dev->vm->io, &(MapRow){ .base = port, .size = n, .region = r, .on = true });
    if (t->n_io < G_N_ELEMENTS(t->io)) {
        t->io[t->n_io].port = port;
        t->io[t->n_io++].n = n;
    }
}

void isa_take_dma(const Device *dev, unsigned chan)
{
    isa_note(dev)->dmas |= 1u << chan;
}

void isa_taken(const Device *dev, IsaTaken *out)
{
    const IsaTaken *t = g_hash_table_lookup(isa_of(dev)->taken, dev);
    *out = t ? *t : (IsaTaken){ 0 };
}

static bool isa_attach(Bus *bus, Device *dev, GError **err)
{
    atomic_store(&dev->space, dev->vm->mem);
    return true;
}

static void isa_detach(Bus *bus, Device *dev)
{
    IsaBus *b = (IsaBus *)bus;
    g_hash_table_remove(b->taken, dev);
    for (unsigned irq = 0; irq < ISA_IRQS; irq++) {
        for (unsigned s = 0; s < b->used[irq]; s++) {
            if (b->source[irq][s] != dev || !b->line[irq][s].set)
                continue;
            isa_set(b, irq * ISA_SOURCES + s, 0);
            b->line[irq][s].set = NULL;
        }
    }
}

static void isa_addr(const Device *dev, GString *s)
{
    IsaTaken t;
    isa_taken(dev, &t);
    if (t.n_io)
        g_string_append_printf(s, "%04x", t.io[0].port);
}

static void isa_fw_path(const Device *dev, GString *s)
{
    const IsaInfo *info = dev->type->bus_info;
    IsaTaken t;
    isa_taken(dev, &t);
    g_string_append(s, info && info->fw_name ? info->fw_name : dev->type->name);
    if (t.n_io)
        g_string_append_printf(s, "@%04x", t.io[0].port);
}

static const Field IsaBusState_rows[] = { FIELD_ARRAY(struct IsaBusState, level), FIELD_END };

const BusType isa_bus = {
    .name = "ISA",
    .prefix = "isa",
    .own = STATE_PARTS(STATE(IsaBus, st, IsaBusState_rows, 1)),
    .attach = isa_attach,
    .detach = isa_detach,
    .addr = isa_addr,
    .fw_path = isa_fw_path,
};

void isa_bus_init(IsaBus *b, Device *owner, const char *name, const IrqLine **out)
{
    bus_init(&b->bus, owner, &isa_bus, name);
    b->out = out;
    b->taken = g_hash_table_new_full(NULL, NULL, NULL, g_free);
}
