/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * info tlb, info mem: every translation that the chosen vCPU's page tables give, by a walk of all
 * forms of paging (Intel SDM 3A, chapter 4). The tables are the guest's: they may point at
 * themselves, so the walk ends after MOST_TABLES of them, or that much text, and says so.
 */
#include "monitor/monitor-int.h"

#include <inttypes.h>

#include "accel/x86/state.h"
#include "core/memory.h"
#include "core/vcpu.h"

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_PWT = 8, PTE_PCD = 16, PTE_A = 32, PTE_D = 64 };
enum { PTE_PS = 128, PTE_G = 256, ENTRIES = 512, MOST_TABLES = 1 << 16, MOST_TEXT = 16 << 20 };
#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

/* A run of pages with the same rights, for info mem. */
typedef struct Walk {
    Vcpu *v;
    GString *out;
    bool list, cut;     /* list: info tlb, one line a page */
    unsigned tables;    /* visited */
    unsigned digits;    /* of an address */
    uint64_t from, end; /* the run; from == end: none */
    unsigned rights;
} Walk;

/* false: enough */
static bool enter(Walk *w)
{
    w->cut |= ++w->tables > MOST_TABLES || w->out->len > MOST_TEXT;
    return !w->cut;
}

static void run_flush(Walk *w)
{
    if (w->from == w->end)
        return;
    g_string_append_printf(w->out, "%0*" PRIx64 "-%0*" PRIx64 " %0*" PRIx64 " %c%c%c\n", w->digits,
                           w->from, w->digits, w->end, w->digits, w->end - w->from,
                           w->rights & PTE_U ? 'u' : '-', 'r', w->rights & PTE_W ? 'w' : '-');
    w->from = w->end;
}

/* One page; rights: those of all levels together. */
static void leaf(Walk *w, uint64_t la, uint64_t size, uint64_t pa, uint64_t pte, bool large,
                 unsigned rights)
{
    static const struct {
        uint64_t bit;
        char letter;
    } flags[] = { { PTE_NX, 'X' },  { PTE_G, 'G' }, { PTE_PS, 'P' },
                  { PTE_D, 'D' },   { PTE_A, 'A' }, { PTE_PCD, 'C' },
                  { PTE_PWT, 'T' }, { PTE_U, 'U' }, { PTE_W, 'W' } };
    if (!w->list) {
        if (w->end != la || w->rights != rights || w->from == w->end) {
            run_flush(w);
            w->from = la;
        }
        w->end = la + size;
        w->rights = rights;
        return;
    }
    g_string_append_printf(w->out, "%0*" PRIx64 ": %0*" PRIx64 " ", w->digits, la, w->digits, pa);
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
        bool on = pte & flags[i].bit && (large || flags[i].bit != PTE_PS);
        g_string_append_c(w->out, on ? flags[i].letter : '-');
    }
    g_string_append_c(w->out, '\n');
}

/* A table of 512 entries of 8 bytes; level 1 is the last. */
static void table64(Walk *w, uint64_t table, unsigned level, uint64_t base, unsigned rights)
{
    uint64_t pte[ENTRIES];
    unsigned shift = 12 + 9 * (level - 1);
    if (!enter(w) || !space_rw(w->v->mem, table, pte, sizeof(pte), false))
        return;
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t la = base + ((uint64_t)i << shift), low = (1ull << shift) - 1;
        if (level >= 4 && i >= ENTRIES / 2 && !base) /* the upper half is sign-extended */
            la |= ~((1ull << (12 + 9 * level)) - 1);
        unsigned both = rights & pte[i];
        if (!(pte[i] & PTE_P))
            continue;
        if (level == 1 || (level <= 3 && pte[i] & PTE_PS))
            leaf(w, la, low + 1, pte[i] & PTE_ADDR & ~low, pte[i], level > 1, both);
        else
            table64(w, pte[i] & PTE_ADDR, level - 1, la, both);
    }
}

static void table32(Walk *w, uint32_t table, uint32_t base, unsigned rights)
{
    uint32_t pte[1024];
    if (!enter(w) || !space_rw(w->v->mem, table, pte, sizeof(pte), false))
        return;
    for (unsigned i = 0; i < 1024; i++) {
        if (pte[i] & PTE_P)
            leaf(w, base + ((uint64_t)i << 12), 4096, pte[i] & 0xfffff000, pte[i], false,
                 rights & pte[i]);
    }
}

static void walk_32bit(Walk *w, const X86State *x)
{
    uint32_t pde[1024];
    if (!space_rw(w->v->mem, x->cr3 & 0xfffff000, pde, sizeof(pde), false))
        return;
    for (unsigned i = 0; i < 1024; i++) {
        uint64_t la = (uint64_t)i << 22;
        if (!(pde[i] & PTE_P))
            continue;
        if (pde[i] & PTE_PS && x->cr4 & CR4_PSE)
            leaf(w, la, 4 << 20, (pde[i] & 0xffc00000) | (uint64_t)(pde[i] >> 13 & 0xff) << 32,
                 pde[i], true, pde[i]);
        else
            table32(w, pde[i] & 0xfffff000, la, pde[i]);
    }
}

static void walk_pae(Walk *w, const X86State *x)
{
    uint64_t pdpte[4];
    if (!space_rw(w->v->mem, x->cr3 & 0xffffffe0, pdpte, sizeof(pdpte), false))
        return;
    for (unsigned i = 0; i < 4; i++) {
        if (pdpte[i] & PTE_P)
            table64(w, pdpte[i] & PTE_ADDR, 2, (uint64_t)i << 30, PTE_U | PTE_W | PTE_P);
    }
}

static void walk_all(Vcpu *v, Reply *r, bool list)
{
    const X86State *x = vcpu_state(v, false);
    Walk w = { .v = v, .out = r->text, .list = list };
    w.digits = x->efer & EFER_LMA || x->cr4 & CR4_PAE ? 16 : 8;
    if (!(x->cr0 & CR0_PG)) {
        reply_printf(r, "PG disabled\n");
        return;
    }
    if (x->efer & EFER_LMA)
        table64(&w, x->cr3 & PTE_ADDR, x->cr4 & CR4_LA57 ? 5 : 4, 0, PTE_U | PTE_W | PTE_P);
    else if (x->cr4 & CR4_PAE)
        walk_pae(&w, x);
    else
        walk_32bit(&w, x);
    run_flush(&w);
    if (w.cut)
        reply_printf(r, "(cut after %u page tables)\n", w.tables);
}

static void walk_paused(Vm *vm, Reply *r, bool list)
{
    vcpus_pause(vm);
    walk_all(reply_vcpu(r), r, list);
    vcpus_resume(vm);
}

CMD(info_tlb, NULL, "info tlb", NULL, Empty, Empty, 0, "show virtual to physical memory mappings");

static bool cmd_info_tlb(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    walk_paused(vm, r, true);
    return true;
}

CMD(info_mem, NULL, "info mem", NULL, Empty, Empty, 0, "show the active virtual memory mappings");

static bool cmd_info_mem(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    walk_paused(vm, r, false);
    return true;
}

typedef struct AddrArgs {
    int64_t addr;
} AddrArgs;
static const Prop AddrArgs_rows[] = { NEED_INT(AddrArgs, addr, "addr", "address"),
                                      PROP_END(AddrArgs) };

CMD(gva2gpa, NULL, "gva2gpa", "addr", AddrArgs, Empty, 0,
    "print the guest physical address corresponding to a guest virtual address");

static bool cmd_gva2gpa(Vm *vm, const AddrArgs *a, Reply *r, GError **err)
{
    Vcpu *v = reply_vcpu(r);
    uint64_t pa;
    vcpus_pause(vm);
    bool ok = walk_linear(v, vcpu_state(v, false), (uint64_t)a->addr, &pa);
    vcpus_resume(vm);
    if (ok)
        reply_printf(r, "gpa: %#" PRIx64 "\n", pa);
    else
        reply_printf(r, "Unmapped\n");
    return true;
}
