/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC: 24 pins, each turned into a message for the local APICs by its redirection entry.
 * Intel 82093AA data sheet (290566); version 20h has the EOI register of the ICH (offset 40h).
 *
 *   entry: 63-56 destination | 16 mask | 15 level | 14 remote IRR | 13 low-active | 12 pending
 *          11 logical | 10-8 delivery mode | 7-0 vector
 *
 * IRQCHIP_SPLIT: entries are mirrored as routes, so that the kernel reports the EOI of level
 * entries. IRQCHIP_KERNEL: registers are never reached. Threads: machine lock.
 */
#include <inttypes.h>

#include "hw/intc/intc.h"
#include "core/memory.h"

enum { IOAPIC_PINS = 24, IOAPIC_BASE = 0xfec00000, IOAPIC_SIZE = 0x1000 };
enum {
    REDIR_LEVEL = 1 << 15,
    REDIR_REMOTE_IRR = 1 << 14,
    REDIR_LOW_ACTIVE = 1 << 13,
    REDIR_PENDING = 1 << 12,
    REDIR_LOGICAL = 1 << 11,
    REDIR_MASK = 1 << 16,
    REDIR_READ_ONLY = REDIR_REMOTE_IRR | REDIR_PENDING,
};
/* bits 17-55 are reserved: no MSI remapping format here */
#define REDIR_WRITABLE (0xff0000000001ffffull & ~(uint64_t)REDIR_READ_ONLY)

typedef struct Ioapic {
    Device dev;
    /* config */ uint8_t version;
    /* state */ IoapicState st;
    /* host */ Region mmio;
    IrqLine in[IOAPIC_PINS];
} Ioapic;

static const Prop Ioapic_rows[] = { PROP_RANGE(Ioapic, version, "version", 0x20, 0x11, 0x20,
                                               "11h, or 20h with an EOI register"),
                                    PROP_END(Ioapic) };

static const Field IoapicState_rows[] = { FIELD_ARRAY(IoapicState, redir),
                                          FIELD(IoapicState, irr),
                                          FIELD(IoapicState, lines),
                                          FIELD(IoapicState, id),
                                          FIELD(IoapicState, select),
                                          FIELD_PAD(IoapicState, pad),
                                          FIELD_END };

/* What the entry sends, in the layout of an MSI (SDM 3A, 11.11). */
static void ioapic_message(uint64_t entry, uint64_t *addr, uint32_t *data)
{
    *addr = 0xfee00000 | (entry >> 56) << 12 | (entry & REDIR_LOGICAL ? 4 : 0);
    *data = (entry & 0x7ff) | (entry & REDIR_LEVEL) | (entry & REDIR_LEVEL ? 1 << 14 : 0);
}

static void ioapic_service(Ioapic *a, unsigned n)
{
    uint64_t *entry = &a->st.redir[n], addr;
    uint32_t data;
    if (!(a->st.irr & 1u << n) || (*entry & REDIR_MASK))
        return;
    if (*entry & REDIR_LEVEL) {
        if (*entry & REDIR_REMOTE_IRR)
            return;
        *entry |= REDIR_REMOTE_IRR;
    } else {
        a->st.irr &= ~(1u << n);
    }
    ioapic_message(*entry, &addr, &data);
    msi_send(a->dev.vm, addr, data);
}

/* The polarity bit is not used: the board's lines carry "asserted" and not a voltage. */
static void ioapic_set(void *o, int n, int level)
{
    Ioapic *a = o;
    uint32_t bit = 1u << n;
    bool rose = level && !(a->st.lines & bit);
    a->st.lines = level ? a->st.lines | bit : a->st.lines & ~bit;
    if (a->st.redir[n] & REDIR_LEVEL)
        a->st.irr = (a->st.irr & ~bit) | (a->st.lines & bit);
    else if (rose && !(a->st.redir[n] & REDIR_MASK))
        a->st.irr |= bit; /* a masked pin forgets edges: data sheet 3.2.4 */
    ioapic_service(a, n);
}

void ioapic_eoi(Device *dev, uint8_t vector)
{
    Ioapic *a = (Ioapic *)dev;
    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        uint64_t *entry = &a->st.redir[n];
        if (!(*entry & REDIR_LEVEL) || (*entry & 0xff) != vector)
            continue;
        *entry &= ~(uint64_t)REDIR_REMOTE_IRR;
        ioapic_service(a, n);
    }
}

/* Split irqchip: the kernel needs a route per entry, with the pin's own number, to know whose EOI
 * it is to report. */
static void ioapic_route(Ioapic *a, unsigned n)
{
    const IrqchipOps *chip = a->dev.vm->irqchip;
    uint64_t addr;
    uint32_t data;
    if (!chip || chip->mode != IRQCHIP_SPLIT || !chip->route)
        return;
    ioapic_message(a->st.redir[n], &addr, &data);
    chip->route(a->dev.vm, (int)n, addr, data);
}

static void ioapic_set_entry(Ioapic *a, unsigned n, uint64_t val, uint64_t mask)
{
    uint64_t *entry = &a->st.redir[n];
    mask &= REDIR_WRITABLE;
    *entry = (*entry & ~mask) | (val & mask);
    if (!(*entry & REDIR_LEVEL)) {
        /* an edge entry has no remote IRR: Linux clears a stuck one by switching to edge */
        *entry &= ~(uint64_t)REDIR_REMOTE_IRR;
        a->st.irr &= ~(1u << n);
    } else {
        a->st.irr = (a->st.irr & ~(1u << n)) | (a->st.lines & 1u << n);
    }
    ioapic_route(a, n);
    ioapic_service(a, n);
}

static uint32_t ioapic_reg_read(const Ioapic *a)
{
    unsigned reg = a->st.select;
    switch (reg) {
    case 0:
    case 2: return (uint32_t)a->st.id << 24;
    case 1: return a->version | (IOAPIC_PINS - 1) << 16;
    }
    unsigned n = (reg - 0x10) >> 1;
    if (reg < 0x10 || n >= IOAPIC_PINS)
        return 0xffffffff;
    return a->st.redir[n] >> (reg & 1 ? 32 : 0);
}

static void ioapic_reg_write(Ioapic *a, uint32_t val)
{
    unsigned reg = a->st.select, n = (reg - 0x10) >> 1;
    if (reg == 0)
        a->st.id = val >> 24 & 15;
    else if (reg >= 0x10 && n < IOAPIC_PINS)
        ioapic_set_entry(a, n, (uint64_t)val << (reg & 1 ? 32 : 0),
                         reg & 1 ? 0xffffffff00000000ull : 0xffffffffull);
}

static uint64_t ioapic_read(void *o, uint64_t off, unsigned size)
{
    Ioapic *a = o;
    switch (off & 0xff) {
    case 0: return a->st.select;
    case 0x10: return ioapic_reg_read(a);
    }
    return 0;
}

static void ioapic_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Ioapic *a = o;
    switch (off & 0xff) {
    case 0: a->st.select = val; break;
    case 0x10: ioapic_reg_write(a, val); break;
    case 0x40:
        if (a->version >= 0x20)
            ioapic_eoi(&a->dev, val);
        break;
    }
}

static const IoOps ioapic_io = { ioapic_read, ioapic_write,  .min = 1,
                                 .max = 4,    .impl_min = 1, .impl_max = 4 };

static bool ioapic_realize(Device *dev, GError **err)
{
    Ioapic *a = (Ioapic *)dev;
    region_init_io(&a->mmio, dev, "ioapic", IOAPIC_SIZE, &ioapic_io, a);
    space_map(
        dev->vm->mem,
        &(MapRow){
            .base = IOAPIC_BASE, .size = IOAPIC_SIZE, .region = &a->mmio, .prio = 1, .on = true });
    for (unsigned i = 0; i < IOAPIC_PINS; i++)
        a->in[i] = (IrqLine){ ioapic_set, a, i };
    return true;
}

static void ioapic_reset(Device *dev)
{
    Ioapic *a = (Ioapic *)dev;
    for (unsigned i = 0; i < IOAPIC_PINS; i++)
        a->st.redir[i] = REDIR_MASK;
}

static void ioapic_sync(Device *dev)
{
    irqchip_put(dev->vm, CHIP_IOAPIC, NULL, &((Ioapic *)dev)->st);
    for (unsigned i = 0; i < IOAPIC_PINS; i++)
        ioapic_route((Ioapic *)dev, i);
}

static void ioapic_info_pin(GString *s, unsigned n, uint64_t e)
{
    static const char *const modes[] = { "fixed", "lowest", "SMI", "...",
                                         "NMI",   "INIT",   "...", "extINT" };
    g_string_append_printf(
        s, "  pin %-2u 0x%016" PRIx64 " dest=%" PRIx64 " vec=%-3u %s %-5s %-6s %-6s %s\n", n, e,
        e >> 56, (unsigned)(e & 0xff), e & REDIR_LOW_ACTIVE ? "active-lo" : "active-hi",
        e & REDIR_LEVEL ? "level" : "edge", e & REDIR_MASK ? "masked" : "", modes[e >> 8 & 7],
        e & REDIR_LOGICAL ? "logical" : "physical");
}

static void ioapic_info_set(GString *s, const char *title, uint32_t mask)
{
    g_string_append_printf(s, "  %s", title);
    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        if (mask & 1u << n)
            g_string_append_printf(s, "%u ", n);
    }
    g_string_append(s, mask ? "\n" : "(none)\n");
}

static void ioapic_info(Device *dev, GString *s)
{
    Ioapic *a = (Ioapic *)dev;
    uint32_t remote = 0;
    irqchip_get(dev->vm, CHIP_IOAPIC, NULL, &a->st);
    g_string_append_printf(s, "ioapic0: ver=0x%x id=0x%02x sel=0x%02x", a->version, a->st.id,
                           a->st.select);
    if (a->st.select >= 0x10)
        g_string_append_printf(s, " (redir[%u])", (a->st.select - 0x10) >> 1);
    g_string_append_c(s, '\n');
    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        ioapic_info_pin(s, n, a->st.redir[n]);
        if (a->st.redir[n] & REDIR_REMOTE_IRR)
            remote |= 1u << n;
    }
    ioapic_info_set(s, "IRR      ", a->st.irr);
    ioapic_info_set(s, "Remote IRR ", remote);
}

static const DeviceType ioapic = {
    .name = "ioapic",
    .desc = "I/O APIC",
    .size = sizeof(Ioapic),
    .props = Ioapic_rows,
    .state = STATE_PARTS(STATE(Ioapic, st, IoapicState_rows, 1)),
    .pins = PINS(PIN_IN(Ioapic, in, "")),
    .realize = ioapic_realize,
    .reset = ioapic_reset,
    .sync = ioapic_sync,
    .info = ioapic_info,
};
REGISTER(device, ioapic);
