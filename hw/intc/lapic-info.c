/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of "info lapic". */
#include <inttypes.h>

#include "hw/intc/lapic-int.h"

static const char *const modes[] = { "Fixed", "LowPri", "SMI",  "...",
                                     "NMI",   "INIT",   "SIPI", "ExtINT" };

static void lapic_info_lvt(GString *s, const char *name, uint32_t lvt, bool timer)
{
    static const char *const timers[] = { "one-shot", "periodic", "tsc-deadline", "..." };
    unsigned mode = lvt >> 8 & 7;
    g_string_append_printf(s, "%s\t 0x%08x %s %-5s %-6s %-14s %-12s %-6s", name, lvt,
                           lvt & LVT_LOW_ACTIVE ? "active-lo" : "active-hi",
                           lvt & LVT_LEVEL ? "level" : "edge", lvt & LVT_MASKED ? "masked" : "",
                           lvt & 1 << 12 ? "pending" : "", timer ? timers[lvt >> 17 & 3] : "",
                           modes[mode]);
    if (mode == DM_FIXED || mode == DM_LOWEST)
        g_string_append_printf(s, " (vec %u)", lvt & 0xff);
    g_string_append_c(s, '\n');
}

static void lapic_info_set(GString *s, const char *name, const uint32_t *reg, const uint32_t *tmr)
{
    bool any = false;
    g_string_append_printf(s, "%s\t ", name);
    for (unsigned i = 0; i < 256; i++) {
        if (!(lapic_get(reg[i >> 5]) & 1u << (i & 31)))
            continue;
        any = true;
        g_string_append_printf(s, "%u%s ", i,
                               lapic_get(tmr[i >> 5]) & 1u << (i & 31) ? "(level)" : "");
    }
    g_string_append(s, any ? "\n" : "(none)\n");
}

static void lapic_info_icr(GString *s, const LapicState *st)
{
    static const char *const hands[] = { "no-shorthand", "self", "all-self", "all" };
    uint32_t low = st->icr;
    g_string_append_printf(s, "ICR\t 0x%08x %s %s %s %s\n", low,
                           low & 1 << 11 ? "logical" : "physical", low & 1 << 15 ? "level" : "edge",
                           low & 1 << 14 ? "assert" : "de-assert", hands[low >> 18 & 3]);
    g_string_append_printf(s, "ICR2\t 0x%08x cpu %u (APIC ID)\n", (uint32_t)(st->icr >> 32),
                           (uint32_t)(st->icr >> 56));
}

/* A kernel answers for a vCPU only while that is not in the guest. */
static void fetch(Vcpu *v, void *a)
{
    irqchip_get(v->vm, CHIP_LAPIC, v, &((Lapic *)a)->st);
}

void lapic_info(Vcpu *v, GString *s)
{
    Lapic *a = v->lapic;
    static const struct {
        const char *name;
        unsigned n;
    } lvts[] = {
        { "LVT0", LVT_LINT0 },   { "LVT1", LVT_LINT1 },      { "LVTPC", LVT_PERF },
        { "LVTERR", LVT_ERROR }, { "LVTTHMR", LVT_THERMAL }, { "LVTT", LVT_TIMER },
    };
    g_string_append_printf(s, "dumping local APIC state for CPU %-2u\n\n", v->index);
    if (!a) {
        g_string_append(s, "(not present)\n");
        return;
    }
    const LapicState *st = &a->st;
    if (irqchip_has(v->vm, CHIP_LAPIC))
        vcpu_run_on(v, fetch, a);
    for (unsigned i = 0; i < G_N_ELEMENTS(lvts); i++)
        lapic_info_lvt(s, lvts[i].name, st->lvt[lvts[i].n], lvts[i].n == LVT_TIMER);
    unsigned code = (st->divide & 3) | (st->divide >> 1 & 4);
    g_string_append_printf(
        s, "Timer\t DCR=0x%x (divide by %u) initial_count = %u current_count = %u\n", st->divide,
        code == 7 ? 1 : 2 << code, st->initial, lapic_timer_count(a));
    g_string_append_printf(s, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u\n", st->svr,
                           st->svr & SVR_ENABLED ? "enabled" : "disabled",
                           st->svr & 1 << 9 ? "on" : "off", st->svr & 0xff);
    lapic_info_icr(s, st);
    g_string_append_printf(s, "ESR\t 0x%08x\n", st->esr);
    lapic_info_set(s, "ISR", st->isr, st->tmr);
    lapic_info_set(s, "IRR", st->irr, st->tmr);
    g_string_append_printf(s, "\nAPR 0x00 TPR 0x%02x DFR 0x%02x LDR 0x%02x", st->tpr, st->dfr >> 28,
                           lapic_is_x2(a) ? st->ldr : st->ldr >> 24);
    g_string_append_printf(s, " PPR 0x%02x\n", st->tpr);
}
