/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page walks: 32-bit with PSE and PSE-36, PAE with its four cached PDPTEs, 4-level with 2 MiB and
 * 1 GiB pages. Source: Intel SDM 3A, chapter 4. Not modelled: LA57, protection keys. PCIDs are
 * walks.c's.
 *
 * Order matters twice: all rights are checked before the first A bit is set, and A/D bits are set
 * by compare-and-exchange because another vCPU may change the entry meanwhile; then the walk
 * restarts.
 */
#include "accel/soft/env.h"
#include "accel/x86/cpuid.h"
#include "core/vcpu.h"

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 32, PTE_D = 64, PTE_PS = 128, PTE_G = 256 };
#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0xffffffffff000ull
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_ID = 16 };

typedef struct Level {
    uint64_t addr, pte;
} Level;

typedef struct Walker {
    X86State *s;
    Level level[4];
    unsigned n;        /* entries read */
    unsigned pte_size; /* 4 or 8 */
    uint64_t rights;   /* W, U: and of all levels; NX: or */
    uint64_t reserved; /* bits that must be 0 in every entry */
} Walker;

static uint64_t pte_read(X86State *s, uint64_t addr, unsigned size)
{
    SoftPhys p;

    addr = soft_a20(s, addr);
    if (!soft_phys(s, addr, &p)) {
        return soft_phys_io(s, addr, 0, size, false);
    }
    return size == 8 ? __atomic_load_n((uint64_t *)p.host, __ATOMIC_ACQUIRE)
                     : __atomic_load_n((uint32_t *)p.host, __ATOMIC_ACQUIRE);
}

/* false: it changed since it was read. Tables in ROM or in a device keep their bits. */
static bool pte_set(X86State *s, const Level *l, unsigned size, uint64_t bits)
{
    SoftPhys p;
    uint64_t old = l->pte;
    uint32_t old32 = l->pte;
    bool ok;

    if ((l->pte & bits) == bits || !soft_phys(s, soft_a20(s, l->addr), &p) || !p.writable) {
        return true;
    }
    soft_page_dirty(&p);
    if (size == 8) {
        ok = __atomic_compare_exchange_n((uint64_t *)p.host, &old, old | bits, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    } else {
        ok = __atomic_compare_exchange_n((uint32_t *)p.host, &old32, old32 | (uint32_t)bits, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    }
    soft_phys_wrote(s, &p, size);
    return ok;
}

/* Reads the next entry; false: not present or a reserved bit, error is set. */
static bool walk_entry(Walker *w, uint64_t addr, uint64_t reserved, Walk *out)
{
    Level *l = &w->level[w->n++];

    l->addr = addr;
    l->pte = pte_read(w->s, addr, w->pte_size);
    if (!(l->pte & PTE_P)) {
        return false;
    }
    if (l->pte & (w->reserved | reserved)) {
        out->error |= PF_P | PF_RSVD;
        return false;
    }
    w->rights = (w->rights & l->pte & (PTE_W | PTE_U)) | ((w->rights | l->pte) & PTE_NX);
    return true;
}

static void walk_leaf(Walker *w, uint64_t la, uint64_t base, uint64_t size, Walk *out)
{
    out->page_size = size;
    out->phys = (base & ~(size - 1)) | (la & (size - 1));
}

/* PDE of 4 MiB: bits 13 to 20 are physical 32 to 39, bit 21 is reserved (PSE-36) */
static bool walk_32(Walker *w, uint64_t la, Walk *out)
{
    uint64_t pde;
    bool pse = w->s->cr4 & CR4_PSE;

    if (!walk_entry(w, (w->s->cr3 & 0xfffff000) + (la >> 22) * 4, 0, out)) {
        return false;
    }
    pde = w->level[0].pte;
    if (pse && (pde & PTE_PS)) {
        if (pde & (1 << 21)) {
            out->error |= PF_P | PF_RSVD;
            return false;
        }
        walk_leaf(w, la, (pde & 0xffc00000) | (pde >> 13 & 0xff) << 32, 4 << 20, out);
        return true;
    }
    if (!walk_entry(w, (pde & 0xfffff000) + (la >> 12 & 0x3ff) * 4, 0, out)) {
        return false;
    }
    walk_leaf(w, la, w->level[1].pte & 0xfffff000, 4096, out);
    return true;
}

/* From a page directory down; PAE and 4-level agree here. Large pages reserve bits 13 to 20. */
static bool walk_pd(Walker *w, uint64_t la, uint64_t table, Walk *out)
{
    uint64_t pde;

    if (!walk_entry(w, table + (la >> 21 & 0x1ff) * 8, 0, out)) {
        return false;
    }
    pde = w->level[w->n - 1].pte;
    if (pde & PTE_PS) {
        if (pde & 0x1fe000) {
            out->error |= PF_P | PF_RSVD;
            return false;
        }
        walk_leaf(w, la, pde & PTE_ADDR, 2 << 20, out);
        return true;
    }
    if (!walk_entry(w, (pde & PTE_ADDR) + (la >> 12 & 0x1ff) * 8, 0, out)) {
        return false;
    }
    walk_leaf(w, la, w->level[w->n - 1].pte & PTE_ADDR, 4096, out);
    return true;
}

static bool walk_pae(Walker *w, uint64_t la, Walk *out)
{
    uint64_t pdpte = w->s->pdpte[la >> 30 & 3];

    if (!(pdpte & PTE_P)) {
        return false;
    }
    return walk_pd(w, la, pdpte & PTE_ADDR, out);
}

static bool walk_long(Walker *w, uint64_t la, Walk *out)
{
    uint64_t pdpe;
    bool huge = x86_has(w->s, HAS_PDPE1GB);

    if (!walk_entry(w, (w->s->cr3 & PTE_ADDR) + (la >> 39 & 0x1ff) * 8, PTE_PS, out) ||
        !walk_entry(w, (w->level[0].pte & PTE_ADDR) + (la >> 30 & 0x1ff) * 8, huge ? 0 : PTE_PS,
                    out)) {
        return false;
    }
    pdpe = w->level[1].pte;
    if (pdpe & PTE_PS) {
        if (pdpe & 0x3fffe000) {
            out->error |= PF_P | PF_RSVD;
            return false;
        }
        walk_leaf(w, la, pdpe & PTE_ADDR, 1 << 30, out);
        return true;
    }
    return walk_pd(w, la, pdpe & PTE_ADDR, out);
}

static bool walk_tables(Walker *w, uint64_t la, Walk *out)
{
    X86State *s = w->s;
    uint64_t high = ~0ull << x86_phys_bits(s) & PTE_ADDR;

    w->n = 0;
    w->rights = PTE_W | PTE_U;
    if (!(s->cr4 & CR4_PAE)) {
        w->pte_size = 4;
        return walk_32(w, la, out);
    }
    w->pte_size = 8;
    w->reserved = high | (s->efer & EFER_NXE ? 0 : PTE_NX);
    if (s->efer & EFER_LMA) {
        return walk_long(w, la, out);
    }
    /* PAE has no bits for software up there */
    w->reserved |= 0x7ff0000000000000ull;
    return walk_pae(w, la, out);
}

static bool walk_allowed(const Walker *w, Access acc, unsigned mode, bool *writable)
{
    const X86State *s = w->s;
    bool user_page = w->rights & PTE_U, w_ok = w->rights & PTE_W;

    if (tlb_is_user(mode)) {
        if (!user_page) {
            return false;
        }
    } else {
        w_ok |= !(s->cr0 & CR0_WP);
        if (user_page && acc == ACCESS_FETCH && (s->cr4 & CR4_SMEP)) {
            return false;
        }
        if (user_page && acc != ACCESS_FETCH && (s->cr4 & CR4_SMAP) && mode != TLB_SYS_AC) {
            return false;
        }
    }
    if (acc == ACCESS_FETCH && (w->rights & PTE_NX)) {
        return false;
    }
    *writable = w_ok;
    return acc != ACCESS_WRITE || w_ok;
}

/* false: an entry changed under us */
static bool walk_set_bits(Walker *w, bool dirty)
{
    for (unsigned i = 0; i < w->n; i++) {
        uint64_t bits = PTE_A | (dirty && i == w->n - 1 ? PTE_D : 0);

        if (!pte_set(w->s, &w->level[i], w->pte_size, bits)) {
            return false;
        }
    }
    return true;
}

static Walk walk_off(X86State *s, uint64_t la)
{
    return (Walk){
        .ok = true, .writable = true, .user = true, .phys = soft_a20(s, la), .page_size = 4096
    };
}

Walk soft_walk(X86State *s, uint64_t la, Access acc, unsigned mode)
{
    Walker w = { .s = s };
    Walk out;
    bool writable;

    if (!(s->cr0 & CR0_PG)) {
        return walk_off(s, la);
    }
    for (;;) {
        out = (Walk){ .error = (acc == ACCESS_WRITE ? PF_W : 0) | (tlb_is_user(mode) ? PF_U : 0) };
        if (acc == ACCESS_FETCH &&
            ((s->cr4 & CR4_SMEP) || ((s->cr4 & CR4_PAE) && (s->efer & EFER_NXE)))) {
            out.error |= PF_ID;
        }
        if (!walk_tables(&w, la, &out)) {
            return out;
        }
        if (!walk_allowed(&w, acc, mode, &writable)) {
            out.error |= PF_P;
            return out;
        }
        if (walk_set_bits(&w, acc == ACCESS_WRITE)) {
            break;
        }
    }
    uint64_t leaf = w.level[w.n - 1].pte;
    out.ok = true;
    out.writable = writable && (acc == ACCESS_WRITE || (leaf & PTE_D));
    out.user = w.rights & PTE_U;
    out.nx = w.rights & PTE_NX;
    out.global = (leaf & PTE_G) && (s->cr4 & CR4_PGE);
    out.phys = soft_a20(s, out.phys);
    return out;
}

/*
 * PAE without long mode: MOV CR3, and CR0/CR4 writes that switch it on, read the four entries once.
 * false: a reserved bit, #GP before anything changed.
 */
bool soft_load_pdptes(X86State *s, uint64_t cr3)
{
    uint64_t e[4];
    uint64_t reserved = ~0ull << x86_phys_bits(s) | 0x1e6;

    for (int i = 0; i < 4; i++) {
        e[i] = pte_read(s, (cr3 & 0xffffffe0) + i * 8, 8);
        if ((e[i] & PTE_P) && (e[i] & reserved)) {
            return false;
        }
    }
    memcpy(s->pdpte, e, sizeof(e));
    return true;
}
