/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is behind a physical address for one vCPU: RAM it may point at, its own LAPIC page, or a
 * device. Also the dirty bits of RAM that the guest's processor writes.
 * No pointer found here outlives the instruction: a device access may change the map.
 */
#include "accel/soft/env.h"
#include "core/irqchip.h"
#include "core/memory.h"
#include "core/vcpu.h"
#include "core/vm.h"

/* The row of the last hit is RAM nearly always. */
static const Flat *row_find(SoftEnv *env, const FlatMap *map, uint64_t phys)
{
    const Flat *f;

    if (env->flat_hint < map->n) {
        f = &map->row[env->flat_hint];
        if (phys - f->base < f->size) {
            return f;
        }
    }
    f = flat_find(map, phys);
    if (f) {
        env->flat_hint = f - map->row;
    }
    return f;
}

static bool phys_is_lapic(const SoftEnv *env, uint64_t phys)
{
    return (phys & ~0xfffull) == env->apic_page;
}

uint64_t soft_a20(const X86State *s, uint64_t phys)
{
    return atomic_load_explicit(&s->vcpu->a20, memory_order_relaxed) ? phys : phys & ~(1ull << 20);
}

bool soft_phys(X86State *s, uint64_t phys, SoftPhys *out)
{
    SoftEnv *env = soft_env(s);
    Vcpu *v = s->vcpu;
    const Flat *f;

    *out = (SoftPhys){ 0 };
    if (phys_is_lapic(env, phys)) {
        return false;
    }
    f = row_find(env, space_flat(v->mem, &v->mem_cache), phys);
    if (!f || f->io || f->region->kind == REGION_IO) {
        return false;
    }
    out->region = f->region;
    out->off = f->off + (phys - f->base);
    out->host = f->region->host + out->off;
    out->left = f->size - (phys - f->base);
    /* a whole page of it: only then a TLB entry may cover the page */
    out->page = (phys & ~0xfffull) >= f->base && (phys | 0xfff) - f->base < f->size &&
                (out->off & 0xfff) == (phys & 0xfff);
    out->writable = f->region->kind == REGION_RAM && !f->readonly;
    return true;
}

static bool bit_test(const unsigned long *map, uint64_t bit)
{
    const unsigned long *w = map + bit / 64;
    return __atomic_load_n(w, __ATOMIC_RELAXED) >> bit % 64 & 1;
}

static void bit_set(unsigned long *map, uint64_t bit)
{
    if (!bit_test(map, bit)) {
        __atomic_fetch_or(map + bit / 64, 1ul << bit % 64, __ATOMIC_RELAXED);
    }
}

bool soft_page_clean(const SoftPhys *p)
{
    for (int c = 0; c < DIRTY_CLIENTS; c++) {
        if (p->region->dirty[c] && !bit_test(p->region->dirty[c], p->off >> 12)) {
            return true;
        }
    }
    return false;
}

bool soft_page_code(const SoftPhys *p)
{
    return p->region->dirty[DIRTY_CODE] && !bit_test(p->region->dirty[DIRTY_CODE], p->off >> 12);
}

/* Before the store for display and migration: whoever takes the bits holds all vCPUs. */
void soft_page_dirty(const SoftPhys *p)
{
    for (int c = 0; c < DIRTY_CODE; c++) {
        if (p->region->dirty[c]) {
            bit_set(p->region->dirty[c], p->off >> 12);
        }
    }
}

void soft_phys_wrote(X86State *s, const SoftPhys *p, unsigned size)
{
    if (soft_page_code(p)) {
        soft_blocks_written(s->vcpu->vm, p->region, p->off, size);
    }
}

static uint64_t lapic_io(Vcpu *v, uint64_t phys, uint64_t val, unsigned size, bool write)
{
    const LapicOps *ops = v->vm->lapic;
    unsigned shift = (phys & 3) * 8, off = phys & 0xffc;
    uint64_t out;

    /* registers are 32 bits at multiples of 16; a narrower read gets its part, an 8-byte one two */
    if (write) {
        if (shift == 0 && size >= 4) {
            ops->mmio(v, off, val, true);
        }
        return 0;
    }
    out = ops->mmio(v, off, 0, false);
    if (size == 8) {
        out |= (uint64_t)ops->mmio(v, off + 4, 0, false) << 32;
    }
    return size == 8 ? out : out >> shift & ((1ull << size * 8) - 1);
}

void soft_obey_map(X86State *s)
{
    if (atomic_load_explicit(&s->vcpu->request, memory_order_relaxed) & REQ_TLB) {
        soft_tlb_flush(s);
    }
}

uint64_t soft_phys_io(X86State *s, uint64_t phys, uint64_t val, unsigned size, bool write)
{
    Vcpu *v = s->vcpu;
    uint64_t out;

    if (phys_is_lapic(soft_env(s), phys)) {
        out = lapic_io(v, phys, val, size, write);
    } else {
        out = space_io(v->mem, phys, val, size, write);
    }
    soft_obey_map(s);
    return out;
}

/* Where this vCPU's LAPIC page is now; after everything that may have moved it. */
void soft_apic_page(X86State *s)
{
    const LapicOps *ops = s->vcpu->vm->lapic;
    uint64_t base = 0;

    soft_env(s)->apic_page = SOFT_NO_PAGE;
    /* enabled (bit 11) and not x2APIC (bit 10) */
    if (ops && ops->msr(s->vcpu, 0x1b, &base, false) && (base & 0xc00) == 0x800) {
        soft_env(s)->apic_page = base & 0xffffff000ull;
    }
}
