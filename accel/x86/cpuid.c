/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID: the leaves as a guest sees them, made from the filtered model and the topology of -smp.
 * Source: Intel SDM 2A CPUID, AMD APM 3 appendix E. Cache sizes are fixed and plausible: 32 KiB L1,
 * 512 KiB or 4 MiB L2, 16 MiB L3. Not offered: SGX, AMX, processor trace, performance monitoring.
 */
#include <string.h>

#include "accel/x86/cpuid.h"
#include "core/vcpu.h"
#include "core/vm.h"

enum { EAX, EBX, ECX, EDX };

/* ---- topology: each level packed to a power of two ---- */

static VmSmp topology(const Vm *vm)
{
    VmSmp t = vm->smp;

    if (!t.max) {
        unsigned n = MAX(vm->n_vcpus, 1);
        return (VmSmp){ .cpus = n, .sockets = n, .dies = 1, .cores = 1, .threads = 1, .max = n };
    }
    t.dies = MAX(t.dies, 1);
    t.cores = MAX(t.cores, 1);
    t.threads = MAX(t.threads, 1);
    return t;
}

/* ---- features ---- */

bool x86_has(const X86State *s, unsigned feature)
{
    /* no model: a test that wants everything */
    return !feature || !s->model || s->model->word[(feature - 1) / 32] >> (feature - 1) % 32 & 1;
}

bool x86_vendor_intel(const X86State *s)
{
    return s->model && s->model->kind == CPU_INTEL;
}

unsigned x86_phys_bits(const X86State *s)
{
    if (!s->model) {
        return 40;
    }
    if (s->model->phys_bits) {
        return s->model->phys_bits;
    }
    return x86_has(s, HAS_LM) ? 40 : s->model->word[CPUID_1_EDX] >> 17 & 1 ? 36 : 32;
}

uint32_t cpu_signature(const CpuModel *m)
{
    uint32_t family = MIN(m->family, 0xf), ext = m->family - family;

    return ext << 20 | (m->model >> 4) << 16 | family << 8 | (m->model & 0xf) << 4 | m->stepping;
}

static void put_text(uint32_t *reg, const char *text, unsigned n)
{
    memcpy(reg, text, n);
}

static void vendor_leaf(const CpuModel *m, uint32_t max, uint32_t out[4])
{
    out[EAX] = max;
    put_text(&out[EBX], m->vendor, 4);
    put_text(&out[EDX], m->vendor + 4, 4);
    put_text(&out[ECX], m->vendor + 8, 4);
}

static void leaf_1(const X86State *s, const VmSmp *t, uint32_t out[4])
{
    unsigned logical = t->threads * t->cores * t->dies;

    out[EAX] = cpu_signature(s->model);
    out[EBX] = s->vcpu->apic_id << 24 | 8 << 8; /* CLFLUSH: 8 * 8 bytes */
    out[ECX] = s->model->word[CPUID_1_ECX];
    out[EDX] = s->model->word[CPUID_1_EDX];
    if (s->cr4 & CR4_OSXSAVE) {
        out[ECX] |= 1 << 27;
    }
    if (logical > 1) {
        out[EBX] |= MIN(1u << (smp_bits(t->threads) + smp_bits(t->cores) + smp_bits(t->dies)), 255)
                    << 16;
        out[EDX] |= 1 << 28;
    }
}

/* ---- caches ---- */

typedef struct Cache {
    uint32_t kind, level, line, ways, sets, shared; /* kind 1 data, 2 code, 3 both */
} Cache;

static const Cache cache_l1d = { 1, 1, 64, 8, 64, 0 }, cache_l1i = { 2, 1, 64, 8, 64, 0 };
static const Cache cache_l2 = { 3, 2, 64, 16, 4096, 0 }, cache_l3 = { 3, 3, 64, 16, 16384, 0 };

static const Cache *cache_at(const CpuModel *m, uint32_t i)
{
    static const Cache *const all[] = { &cache_l1d, &cache_l1i, &cache_l2, &cache_l3 };
    return i < (m->l3_cache ? 4u : 3u) ? all[i] : NULL;
}

/* Leaf 4 and 8000_001Dh have one layout. L1 and L2 belong to a core, L3 to a socket's die. */
static void leaf_cache(const X86State *s, const VmSmp *t, uint32_t sub, bool intel, uint32_t out[4])
{
    const Cache *c = cache_at(s->model, sub);
    unsigned shared, cores = t->cores * t->dies;

    if (!c) {
        return;
    }
    shared = c->level == 3 ? 1u << (smp_bits(t->cores) + smp_bits(t->threads)) : t->threads;
    out[EAX] = c->kind | c->level << 5 | 1 << 8 | (shared - 1) << 14;
    if (intel) {
        out[EAX] |= ((1u << smp_bits(cores)) - 1) << 26;
    }
    out[EBX] = (c->line - 1) | (c->ways - 1) << 22;
    out[ECX] = c->sets - 1;
    out[EDX] = c->level == 3 ? 1 << 1 | 1 << 2 : 0; /* inclusive, hashed index */
}

/* ---- basic leaves ---- */

static void leaf_b(const X86State *s, const VmSmp *t, uint32_t sub, uint32_t out[4])
{
    unsigned tb = smp_bits(t->threads), all = tb + smp_bits(t->cores) + smp_bits(t->dies);

    out[ECX] = sub & 0xff;
    out[EDX] = s->vcpu->apic_id;
    if (sub == 0) {
        out[EAX] = tb;
        out[EBX] = t->threads;
        out[ECX] |= 1 << 8;
    } else if (sub == 1) {
        out[EAX] = all;
        out[EBX] = t->threads * t->cores * t->dies;
        out[ECX] |= 2 << 8;
    }
}

static uint64_t xcr0_supported(const X86State *s)
{
    return x86_has(s, HAS_AVX) ? 7 : 3;
}

static uint32_t xsave_size(uint64_t xcr0)
{
    return xcr0 & 4 ? 832 : 576;
}

static void leaf_d(const X86State *s, uint32_t sub, uint32_t out[4])
{
    if (!x86_has(s, HAS_XSAVE)) {
        return;
    }
    if (sub == 0) {
        out[EAX] = xcr0_supported(s);
        out[EBX] = xsave_size(s->xcr0);
        out[ECX] = xsave_size(xcr0_supported(s));
    } else if (sub == 1) {
        out[EAX] = s->model->word[CPUID_D1_EAX];
        out[EBX] = xsave_size(s->xcr0);
    } else if (sub == 2 && x86_has(s, HAS_AVX)) {
        out[EAX] = 256;
        out[EBX] = 576;
    }
}

static void leaf_7(const CpuModel *m, uint32_t sub, uint32_t out[4])
{
    if (sub == 0) {
        out[EAX] = m->word[CPUID_7_1_EAX] != 0;
        out[EBX] = m->word[CPUID_7_EBX];
        out[ECX] = m->word[CPUID_7_ECX];
        out[EDX] = m->word[CPUID_7_EDX];
    } else if (sub == 1) {
        out[EAX] = m->word[CPUID_7_1_EAX];
    }
}

static void basic(const X86State *s, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    const CpuModel *m = s->model;
    VmSmp t = topology(s->vcpu->vm);

    switch (leaf) {
    case 0: vendor_leaf(m, m->level, out); break;
    case 1: leaf_1(s, &t, out); break;
    case 2:
        /* descriptors of the caches above, one per byte; the first byte counts the rounds */
        out[EAX] = 1;
        out[ECX] = m->l3_cache ? 0x4d : 0;
        out[EDX] = 0x2c307d;
        break;
    case 4:
        if (m->kind == CPU_INTEL) {
            leaf_cache(s, &t, sub, true, out);
        }
        break;
    case 5:
        if (x86_has(s, HAS_MONITOR)) {
            out[EAX] = out[EBX] = 64;
            out[ECX] = 3;
        }
        break;
    case 6: out[EAX] = m->word[CPUID_6_EAX]; break;
    case 7: leaf_7(m, sub, out); break;
    case 0xb: leaf_b(s, &t, sub, out); break;
    case 0xd: leaf_d(s, sub, out); break;
    default: break;
    }
}

/* ---- 8000_xxxxh ---- */

/* AMD repeats these bits of leaf 1 EDX */
#define AMD_COPIES 0x0183f3ffu

static void leaf_x1(const X86State *s, const VmSmp *t, uint32_t out[4])
{
    const CpuModel *m = s->model;

    out[EAX] = cpu_signature(m);
    out[ECX] = m->word[CPUID_8_ECX];
    out[EDX] = m->word[CPUID_8_EDX];
    if (m->kind == CPU_AMD) {
        out[EDX] |= m->word[CPUID_1_EDX] & AMD_COPIES;
    }
    if (m->kind != CPU_INTEL && t->threads * t->cores * t->dies > 1) {
        out[ECX] |= 1 << 1; /* CmpLegacy: leaf 1 EBX counts cores */
    }
}

/* 0 without long mode: KVM takes nothing else */
static unsigned linear_bits(const X86State *s)
{
    return x86_has(s, HAS_LA57) ? 57 : x86_has(s, HAS_LM) ? 48 : 0;
}

static void leaf_x6(const CpuModel *m, uint32_t out[4])
{
    out[EBX] = 0x42004200;                         /* L2 TLBs: 512 entries, 4-way */
    out[ECX] = 512u << 16 | 8 << 12 | 1 << 8 | 64; /* 512 KiB, 16-way, 1 line a tag */
    if (m->l3_cache) {
        out[EDX] = 32u << 18 | 8 << 12 | 1 << 8 | 64; /* in units of 512 KiB */
    }
}

static void leaf_x1e(const X86State *s, const VmSmp *t, uint32_t out[4])
{
    uint32_t id = s->vcpu->apic_id;
    unsigned tb = smp_bits(t->threads), db = smp_bits(t->dies);

    if (!x86_has(s, HAS_TOPOEXT)) {
        return;
    }
    out[EAX] = id;
    out[EBX] = (t->threads - 1) << 8 | (id >> tb & 0xff);
    out[ECX] =
        (t->dies - 1) << 8 | (id >> (tb + smp_bits(t->cores)) & ((1u << (db + 8)) - 1) & 0xff);
}

static void extended(const X86State *s, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    const CpuModel *m = s->model;
    VmSmp t = topology(s->vcpu->vm);
    unsigned cores = t.threads * t.cores * t.dies;

    switch (leaf) {
    case 0x80000000: vendor_leaf(m, m->xlevel, out); break;
    case 0x80000001: leaf_x1(s, &t, out); break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: put_text(out, m->id + (leaf - 0x80000002) * 16, 16); break;
    case 0x80000005:
        if (m->kind != CPU_INTEL) {
            out[EAX] = out[EBX] = 0x01ff01ff;                        /* TLBs: 255 entries, 1-way */
            out[ECX] = out[EDX] = 64u << 24 | 2 << 16 | 1 << 8 | 64; /* 64 KiB, 2-way */
        }
        break;
    case 0x80000006: leaf_x6(m, out); break;
    case 0x80000007: out[EDX] = m->word[CPUID_X7_EDX]; break;
    case 0x80000008:
        out[EAX] = x86_phys_bits(s) | linear_bits(s) << 8;
        out[EBX] = m->word[CPUID_X8_EBX];
        if (cores > 1) {
            out[ECX] =
                (smp_bits(t.threads) + smp_bits(t.cores) + smp_bits(t.dies)) << 12 | (cores - 1);
        }
        break;
    case 0x8000001d:
        if (x86_has(s, HAS_TOPOEXT)) {
            leaf_cache(s, &t, sub, false, out);
        }
        break;
    case 0x8000001e: leaf_x1e(s, &t, out); break;
    default: break;
    }
}

static void hypervisor(const CpuModel *m, uint32_t leaf, uint32_t out[4])
{
    if (leaf == 0x40000000) {
        out[EAX] = 0x40000001;
        put_text(&out[EBX], m->signature, 12);
    } else if (leaf == 0x40000001) {
        out[EAX] = m->word[CPUID_KVM_EAX];
        out[EDX] = m->word[CPUID_KVM_EDX];
    }
}

void cpuid(const X86State *s, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    const CpuModel *m = s->model;

    memset(out, 0, 16);
    if (leaf >> 16 == 0x4000 && x86_has(s, HAS_HYPERVISOR) && m->signature) {
        hypervisor(m, leaf, out);
    } else if (leaf >> 31 && leaf <= m->xlevel) {
        extended(s, leaf, sub, out);
    } else {
        /* out of range: the last basic leaf, as Intel's processors do */
        basic(s, MIN(leaf, m->level), sub, out);
    }
}
