/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The accelerator "soft", alias "tcg": what it offers in CPUID, its vCPUs, what the memory map
 * tells it, the time stamp counter. Executing is run.c's.
 *
 * The TSC is the host's, less what it was when the machine began and the time it stood still; all
 * vCPUs share that base, so they agree without being told.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "accel/soft/env.h"
#include "accel/x86/cpuid.h"
#include "core/irqchip.h"
#include "core/set.h"
#include "core/vcpu.h"
#include "core/vm.h"

typedef struct SoftArgs {
    bool one_insn;
} SoftArgs;

static const Prop SoftArgs_rows[] = {
    PROP_BOOL(SoftArgs, one_insn, "x-one-insn", false, "decode one instruction a block (slow)"),
    PROP_END(SoftArgs),
};

/* One machine a process. Written before vCPUs run or while they are out. */
static struct {
    uint64_t tsc_base; /* host TSC that is the guest's 0 */
    uint64_t tsc_stopped;
    uint64_t tsc_first; /* with time_first: the rate */
    int64_t time_first;
    bool one_insn;
} soft;

/* ---- what a guest may see ---- */

static const char offered[] =
    "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush acpi mmx "
    "fxsr sse sse2 ss ht pni pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt "
    "tsc-deadline aes xsave avx f16c rdrand hypervisor fsgsbase bmi1 avx2 smep bmi2 erms "
    "invpcid rdseed adx smap clflushopt clwb sha-ni umip gfni vaes vpclmulqdq rdpid fsrm "
    "avx-vnni arch-capabilities syscall nx mmxext pdpe1gb rdtscp lm lahf-lm cmp-legacy abm "
    "3dnowprefetch topoext invtsc wbnoinvd xsaveopt xsavec xgetbv1 arat rdctl-no "
    "skip-l1dfl-vmentry ssb-no mds-no pschange-mc-no taa-no";

/* Executed by the processor underneath: it must have them */
static const char borrowed[] =
    "pni pclmulqdq ssse3 fma sse4.1 sse4.2 popcnt movbe aes avx f16c bmi1 "
    "avx2 bmi2 adx sha-ni gfni vaes vpclmulqdq avx-vnni abm";

/* A processor may have AVX without a kernel that saves it. */
static bool host_saves_avx(void)
{
    return __builtin_cpu_supports("avx");
}

static const char by_avx[] = "avx f16c fma avx2 vaes vpclmulqdq avx-vnni";

static uint32_t host_word(unsigned word)
{
    uint32_t leaf, sub, r[4];
    unsigned reg;

    if (!cpu_word_where(word, &leaf, &sub, &reg)) {
        return 0;
    }
    __asm__("cpuid"
            : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
            : "0"(leaf & 0x80000000), "2"(0));
    if (leaf > r[0]) {
        return 0;
    }
    __asm__("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "0"(leaf), "2"(sub));
    return r[reg];
}

static void supported_words(uint32_t word[CPU_WORDS])
{
    uint32_t need[CPU_WORDS] = { 0 };

    memset(word, 0, CPU_WORDS * sizeof(word[0]));
    cpu_flags_apply(offered, word);
    cpu_flags_apply(borrowed, need);
    for (unsigned w = 0; w < CPU_WORDS; w++) {
        if (need[w]) {
            word[w] &= ~need[w] | host_word(w);
        }
    }
    if (!host_saves_avx()) {
        uint32_t avx[CPU_WORDS] = { 0 };
        cpu_flags_apply(by_avx, avx);
        for (unsigned w = 0; w < CPU_WORDS; w++) {
            word[w] &= ~avx[w];
        }
    }
}

/* ---- time stamp counter ---- */

static int64_t time_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

uint64_t soft_tsc(const X86State *s)
{
    return __rdtsc() - soft.tsc_base + s->tsc_offset;
}

void soft_tsc_set(X86State *s, uint64_t val)
{
    s->tsc_offset += val - soft_tsc(s);
}

/* The longer the machine runs, the better it is known; a few ms are enough for 10 ppm. */
static uint64_t tsc_rate(void)
{
    int64_t ns = time_now() - soft.time_first;
    uint64_t ticks = __rdtsc() - soft.tsc_first;

    return ns > 0 ? (unsigned __int128)ticks * 1000000000u / (uint64_t)ns : 0;
}

static uint64_t vcpu_soft_tsc(Vcpu *v, uint64_t *hz)
{
    if (hz) {
        *hz = tsc_rate();
    }
    return v->x86 ? soft_tsc(v->x86) : 0;
}

static void run_state(Vm *vm, bool running)
{
    if (!running) {
        soft.tsc_stopped = __rdtsc();
    } else if (soft.tsc_stopped) {
        soft.tsc_base += __rdtsc() - soft.tsc_stopped;
        soft.tsc_stopped = 0;
    }
}

/* ---- the memory map ---- */

static bool map_has(const FlatMap *map, const Region *r)
{
    for (size_t i = 0; map && i < map->n; i++) {
        if (map->row[i].region == r) {
            return true;
        }
    }
    return false;
}

/* Blocks are found by host address: memory that goes away may come back as something else's. */
static bool memory_left(const FlatMap *old, const FlatMap *now)
{
    for (size_t i = 0; old && i < old->n; i++) {
        const Region *r = old->row[i].region;
        if (r->kind != REGION_IO && !map_has(now, r)) {
            return true;
        }
    }
    return false;
}

static void flush_all(Vm *vm)
{
    for (unsigned i = 0; i < vm->n_vcpus; i++) {
        vcpu_request(vm->vcpu[i], REQ_TLB);
    }
}

static void map_commit(void *o, const FlatMap *old, const FlatMap *now)
{
    Vm *vm = o;

    if (memory_left(old, now)) {
        soft_blocks_drop_all(vm);
    }
    flush_all(vm);
}

static void map_cleared(void *o, Region *r, DirtyClient client)
{
    flush_all(o);
}

static void map_code(void *o, Region *r, uint64_t off, uint64_t len)
{
    soft_blocks_written(o, r, off, len);
}

static const SpaceListener listener = {
    .commit = map_commit,
    .dirty_cleared = map_cleared,
    .code_written = map_code,
};

/* ---- the accelerator ---- */

static const IrqchipOps irqchip = { .mode = IRQCHIP_USER };

static bool soft_init(Vm *vm, const void *args, GError **err)
{
    const SoftArgs *a = args;
    uint32_t words[CPU_WORDS];

    supported_words(words);
    if (!cpu_model_filter(vm, words, "TCG", NULL, "svm ht cmp-legacy", err)) {
        return false;
    }
    soft.one_insn = a->one_insn;
    soft.tsc_first = soft.tsc_base = __rdtsc();
    soft.time_first = time_now();
    vm->irqchip = &irqchip;
    space_listen(vm->mem, &listener, vm);
    return true;
}

static bool soft_vcpu_init(Vcpu *v, GError **err)
{
    SoftEnv *env = aligned_alloc(64, (sizeof(SoftEnv) + 63) & ~63ul);

    if (!env) {
        return user_fail(err, "no memory for vCPU %u", v->index);
    }
    memset(env, 0, sizeof(*env));
    env->x86.vcpu = v;
    env->x86.model = v->vm->cpu;
    env->apic_page = SOFT_NO_PAGE;
    env->chaos = soft.one_insn ? CHAOS_ONE : 0;
    x86_reset(&env->x86, false, v->index == 0);
    soft_hflags(&env->x86);
    soft_tlb_flush(&env->x86);
    v->x86 = &env->x86;
    return true;
}

static void soft_vcpu_fini(Vcpu *v)
{
    SoftEnv *env = soft_env(v->x86);

    v->x86 = NULL;
    g_free(env->scratch);
    free(env);
}

static void soft_get(Vcpu *v)
{
    v->x86->rflags = x86_flags(v->x86);
}

static bool soft_put(Vcpu *v, bool after_reset)
{
    X86State *s = v->x86;

    x86_set_flags(s, s->rflags);
    soft_apic_page(s);
    soft_debug_update(s);
    soft_tlb_flush(s);
    return true;
}

void soft_debug_update(X86State *s)
{
    SoftEnv *env = soft_env(s);

    env->watch = env->watch_code = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned rw = s->dr[7] >> (16 + i * 4) & 3;
        bool on = s->dr[7] >> i * 2 & 3;

        if (on && rw == 0) {
            env->watch_code |= 1 << i;
        } else if (on && (rw == 1 || rw == 3)) {
            env->watch |= 1 << i;
        }
    }
    soft_tlb_flush(s);
    soft_hflags(s);
}

/* Shutdown: nothing but RESET gets a processor out of it. It is asleep until main has seen to it.
 */
static RunStop shut_down(Vcpu *v)
{
    v->halted = true;
    if (v->x86->triple == 1) {
        v->x86->triple = 2;
        vm_request(v->vm, VM_RESET, "guest-reset");
    }
    return RUN_OK;
}

static RunStop soft_vcpu_run(Vcpu *v)
{
    X86State *s = v->x86;

    if (v->todo & (REQ_TLB | REQ_A20)) {
        v->todo &= ~(uint32_t)(REQ_TLB | REQ_A20);
        soft_tlb_flush(s);
    }
    s->rflags &= ~(uint64_t)FLAG_ARITH; /* get() may have folded them in */
    if (!s->triple) {
        RunStop why = soft_run(v);
        if (!s->triple) {
            return why;
        }
    }
    return shut_down(v);
}

static const AccelOps soft_ops = {
    .name = "soft",
    .alias = "tcg",
    .desc = "software CPU, on any host",
    .props = SoftArgs_rows,
    .init = soft_init,
    .vcpu_init = soft_vcpu_init,
    .vcpu_fini = soft_vcpu_fini,
    .vcpu_run = soft_vcpu_run,
    .get = soft_get,
    .put = soft_put,
    .run_state = run_state,
    .tsc = vcpu_soft_tsc,
};
REGISTER(accel, soft_ops);
