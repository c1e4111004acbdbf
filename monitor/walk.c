/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a linear address lies in guest-physical memory, for a look from outside: no rights are
 * checked, no accessed bit set, no TLB used. 32-bit paging with PSE, PAE, 4 and 5 levels (Intel SDM
 * 3A, chapter 4). Tables come from the guest and may be nonsense: each read may fail.
 */
#include "accel/x86/state.h"
#include "core/memory.h"
#include "core/vcpu.h"
#include "monitor/monitor-int.h"

enum { PTE_P = 1, PTE_PS = 1 << 7 };
#define PTE_ADDR 0x000ffffffffff000ull

static bool entry_read(Vcpu *v, uint64_t addr, unsigned size, uint64_t *pte)
{
    *pte = 0;
    return space_rw(v->mem, addr, pte, size, false) && *pte & PTE_P;
}

static bool walk_32bit(Vcpu *v, const X86State *x, uint32_t la, uint64_t *pa)
{
    uint64_t pde, pte;
    if (!entry_read(v, (x->cr3 & 0xfffff000) + (la >> 22) * 4, 4, &pde))
        return false;
    if (pde & PTE_PS && x->cr4 & CR4_PSE) {
        *pa = (pde & 0xffc00000) | (pde >> 13 & 0xff) << 32 | (la & 0x3fffff);
        return true;
    }
    if (!entry_read(v, (pde & 0xfffff000) + (la >> 12 & 0x3ff) * 4, 4, &pte))
        return false;
    *pa = (pte & 0xfffff000) | (la & 0xfff);
    return true;
}

/* levels: 5, 4, or 2 of PAE below its four pointers */
static bool walk_64bit(Vcpu *v, uint64_t table, unsigned levels, uint64_t la, uint64_t *pa)
{
    for (unsigned level = levels; level; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t pte, low = (1ull << shift) - 1;
        if (!entry_read(v, table + (la >> shift & 0x1ff) * 8, 8, &pte))
            return false;
        table = pte & PTE_ADDR;
        if (level == 1 || (level <= 3 && pte & PTE_PS)) {
            *pa = (table & ~low) | (la & low);
            return true;
        }
    }
    return false;
}

bool walk_linear(Vcpu *v, const X86State *x, uint64_t la, uint64_t *pa)
{
    uint64_t pdpte;
    bool ok = true;
    if (!(x->cr0 & CR0_PG))
        *pa = la;
    else if (x->efer & EFER_LMA)
        ok = walk_64bit(v, x->cr3 & PTE_ADDR, x->cr4 & CR4_LA57 ? 5 : 4, la, pa);
    else if (!(x->cr4 & CR4_PAE))
        ok = walk_32bit(v, x, (uint32_t)la, pa);
    else
        ok = entry_read(v, (x->cr3 & 0xffffffe0) + (la >> 30 & 3) * 8, 8, &pdpte) &&
             walk_64bit(v, pdpte & PTE_ADDR, 2, la, pa);
    if (ok && !v->a20)
        *pa &= ~(1ull << 20);
    return ok;
}
