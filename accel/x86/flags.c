/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of CPUID feature bits, as -cpu, query-cpu-definitions and the warnings spell them.
 * Source: Intel SDM 2A CPUID, AMD APM 3 appendix E, Linux Documentation/virt/kvm/x86/cpuid.rst.
 * A name twice (kvmclock) means both bits. Old spellings are in aliases[].
 */
#include <string.h>

#include "accel/x86/cpuid.h"

typedef struct Word {
    uint32_t leaf, sub;
    int reg; /* EAX, EBX, ECX, EDX; -1: an MSR or names only */
    const char *name[32];
} Word;

/* clang-format off */
static const Word words[CPU_WORDS] = {
    [CPUID_1_EDX] = { 1, 0, 3, {
        "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep", "mtrr", "pge",
        "mca", "cmov", "pat", "pse36", "pn", "clflush", NULL, "ds", "acpi", "mmx", "fxsr", "sse", "sse2",
        "ss", "ht", "tm", "ia64", "pbe" } },
    [CPUID_1_ECX] = { 1, 0, 2, {
        "pni", "pclmulqdq", "dtes64", "monitor", "ds-cpl", "vmx", "smx", "est", "tm2", "ssse3", "cid", NULL,
        "fma", "cx16", "xtpr", "pdcm", NULL, "pcid", "dca", "sse4.1", "sse4.2", "x2apic", "movbe", "popcnt",
        "tsc-deadline", "aes", "xsave", NULL, "avx", "f16c", "rdrand", "hypervisor" } },
    [CPUID_7_EBX] = { 7, 0, 1, {
        "fsgsbase", "tsc-adjust", "sgx", "bmi1", "hle", "avx2", NULL, "smep", "bmi2", "erms", "invpcid",
        "rtm", NULL, NULL, "mpx", NULL, "avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma",
        "pcommit", "clflushopt", "clwb", "intel-pt", "avx512pf", "avx512er", "avx512cd", "sha-ni",
        "avx512bw", "avx512vl" } },
    [CPUID_7_ECX] = { 7, 0, 2, {
        NULL, "avx512vbmi", "umip", "pku", NULL, "waitpkg", "avx512vbmi2", NULL, "gfni", "vaes",
        "vpclmulqdq", "avx512vnni", "avx512bitalg", NULL, "avx512-vpopcntdq", NULL, "la57", NULL, NULL,
        NULL, NULL, NULL, "rdpid", NULL, "bus-lock-detect", "cldemote", NULL, "movdiri", "movdir64b", NULL,
        "sgxlc", "pks" } },
    [CPUID_7_EDX] = { 7, 0, 3, {
        NULL, NULL, "avx512-4vnniw", "avx512-4fmaps", "fsrm", NULL, NULL, NULL, "avx512-vp2intersect", NULL,
        "md-clear", NULL, NULL, NULL, "serialize", NULL, "tsx-ldtrk", NULL, NULL, "arch-lbr", NULL, NULL,
        "amx-bf16", "avx512-fp16", "amx-tile", "amx-int8", "spec-ctrl", "stibp", NULL, "arch-capabilities",
        "core-capability", "ssbd" } },
    [CPUID_7_1_EAX] = { 7, 1, 0, { [4] = "avx-vnni", "avx512-bf16" } },
    [CPUID_8_EDX] = { 0x80000001, 0, 3, {
        [11] = "syscall", [20] = "nx", [22] = "mmxext", [25] = "fxsr-opt", "pdpe1gb", "rdtscp", [29] = "lm",
        "3dnowext", "3dnow" } },
    [CPUID_8_ECX] = { 0x80000001, 0, 2, {
        "lahf-lm", "cmp-legacy", "svm", "extapic", "cr8legacy", "abm", "sse4a", "misalignsse",
        "3dnowprefetch", "osvw", "ibs", "xop", "skinit", "wdt", NULL, "lwp", "fma4", "tce", NULL,
        "nodeid-msr", NULL, "tbm", "topoext", "perfctr-core", "perfctr-nb" } },
    [CPUID_X7_EDX] = { 0x80000007, 0, 3, { [8] = "invtsc" } },
    [CPUID_X8_EBX] = { 0x80000008, 0, 1, {
        "clzero", NULL, "xsaveerptr", [9] = "wbnoinvd", [12] = "ibpb", [14] = "ibrs", "amd-stibp",
        [24] = "amd-ssbd", "virt-ssbd", "amd-no-ssb" } },
    [CPUID_XA_EDX] = { 0x8000000a, 0, 3, {
        "npt", "lbrv", "svm-lock", "nrip-save", "tsc-scale", "vmcb-clean", "flushbyasid", "decodeassists",
        NULL, NULL, "pause-filter", NULL, "pfthreshold", "avic", NULL, "v-vmsave-vmload", "vgif",
        [28] = "svme-addr-chk" } },
    [CPUID_C1_EDX] = { 0xc0000001, 0, 3, {
        [2] = "xstore", "xstore-en", [6] = "xcrypt", "xcrypt-en", "ace2", "ace2-en", "phe", "phe-en", "pmm",
        "pmm-en" } },
    [CPUID_KVM_EAX] = { 0x40000001, 0, 0, {
        "kvmclock", "kvm-nopiodelay", "kvm-mmu", "kvmclock", "kvm-asyncpf", "kvm-steal-time", "kvm-pv-eoi",
        "kvm-pv-unhalt", [9] = "kvm-pv-tlb-flush", [11] = "kvm-pv-ipi", "kvm-poll-control",
        "kvm-pv-sched-yield", "kvm-asyncpf-int", "kvm-msi-ext-dest-id", [24] = "kvmclock-stable-bit" } },
    [CPUID_KVM_EDX] = { 0x40000001, 0, 3, { "kvm-hint-dedicated" } },
    [CPUID_D1_EAX] = { 0xd, 1, 0, { "xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd" } },
    [CPUID_6_EAX] = { 6, 0, 0, { [2] = "arat" } },
    [CPUID_14_ECX] = { 0x14, 0, 2, { [31] = "intel-pt-lip" } },
    [CPUID_SGX_EAX] = { 0x12, 0, 0, { "sgx1", "sgx2" } },
    [CPUID_SGX_EBX] = { 0x12, 1, 0, {
        NULL, "sgx-debug", "sgx-mode64", NULL, "sgx-provisionkey", "sgx-tokenkey", NULL, "sgx-kss" } },
    [CPUID_ARCH_CAP] = { 0, 0, -1, {
        "rdctl-no", "ibrs-all", "rsba", "skip-l1dfl-vmentry", "ssb-no", "mds-no", "pschange-mc-no",
        "tsx-ctrl", "taa-no" } },
    [CPUID_CORE_CAP] = { 0, 0, -1, { [5] = "split-lock-detect" } },
    /* names only, in no order of bits: known, so a flag can be refused properly, and never offered */
    [CPUID_NESTED] = { 0, 0, -1, {
        "vmx-activity-hlt", "vmx-activity-shutdown", "vmx-activity-wait-sipi", "vmx-apicv-register",
        "vmx-apicv-vid", "vmx-apicv-x2apic", "vmx-apicv-xapic", "vmx-cr3-load-noexit",
        "vmx-cr3-store-noexit", "vmx-cr8-load-exit", "vmx-cr8-store-exit", "vmx-desc-exit",
        "vmx-encls-exit", "vmx-entry-ia32e-mode", "vmx-entry-load-bndcfgs", "vmx-entry-load-efer",
        "vmx-entry-load-pat", "vmx-entry-load-perf-global-ctrl", "vmx-entry-load-pkrs",
        "vmx-entry-load-rtit-ctl", "vmx-entry-noload-debugctl", "vmx-ept", "vmx-ept-1gb", "vmx-ept-2mb",
        "vmx-ept-advanced-exitinfo", "vmx-ept-execonly", "vmx-eptad", "vmx-eptp-switching" } },
    [CPUID_NESTED + 1] = { 0, 0, -1, {
        "vmx-exit-ack-intr", "vmx-exit-clear-bndcfgs", "vmx-exit-clear-rtit-ctl", "vmx-exit-load-efer",
        "vmx-exit-load-pat", "vmx-exit-load-perf-global-ctrl", "vmx-exit-load-pkrs",
        "vmx-exit-nosave-debugctl", "vmx-exit-save-efer", "vmx-exit-save-pat",
        "vmx-exit-save-preemption-timer", "vmx-flexpriority", "vmx-hlt-exit", "vmx-ins-outs",
        "vmx-intr-exit", "vmx-invept", "vmx-invept-all-context", "vmx-invept-single-context",
        "vmx-invept-single-context", "vmx-invept-single-context-noglobals", "vmx-invlpg-exit",
        "vmx-invpcid-exit", "vmx-invvpid", "vmx-invvpid-all-context", "vmx-invvpid-single-addr" } },
    [CPUID_NESTED + 2] = { 0, 0, -1, {
        "vmx-io-bitmap", "vmx-io-exit", "vmx-monitor-exit", "vmx-movdr-exit", "vmx-msr-bitmap", "vmx-mtf",
        "vmx-mwait-exit", "vmx-nmi-exit", "vmx-page-walk-4", "vmx-page-walk-5", "vmx-pause-exit", "vmx-ple",
        "vmx-pml", "vmx-posted-intr", "vmx-preemption-timer", "vmx-rdpmc-exit", "vmx-rdrand-exit",
        "vmx-rdseed-exit", "vmx-rdtsc-exit", "vmx-rdtscp-exit", "vmx-secondary-ctls", "vmx-shadow-vmcs" } },
    [CPUID_NESTED + 3] = { 0, 0, -1, {
        "vmx-store-lma", "vmx-true-ctls", "vmx-tsc-offset", "vmx-tsc-scaling", "vmx-unrestricted-guest",
        "vmx-vintr-pending", "vmx-vmfunc", "vmx-vmwrite-vmexit-fields", "vmx-vnmi", "vmx-vnmi-pending",
        "vmx-vpid", "vmx-wbinvd-exit", "vmx-xsaves", "vmx-zero-len-inject" } },
    [CPUID_NESTED + 4] = { 0, 0, -1, { "sgx-exinfo", "full-width-write" } },
};

/* what 0.12 or /proc/cpuinfo says, what we say; _ is already - */
static const char *const aliases[][2] = {
    { "sse3", "pni" }, { "pclmuldq", "pclmulqdq" }, { "sse4-1", "sse4.1" }, { "sse4-2", "sse4.2" },
    { "xd", "nx" }, { "ffxsr", "fxsr-opt" }, { "i64", "lm" }, { "kvm-asyncpf-vmexit", "kvm-asyncpf" },
    { "lahf", "lahf-lm" }, { "lzcnt", "abm" }, { "smep", "smep" }, { "sha", "sha-ni" },
};
/* clang-format on */

bool cpu_word_where(unsigned word, uint32_t *leaf, uint32_t *sub, unsigned *reg)
{
    if (words[word].reg < 0) {
        return false;
    }
    *leaf = words[word].leaf;
    *sub = words[word].sub;
    *reg = words[word].reg;
    return true;
}

const char *cpu_flag_name(unsigned feature)
{
    return feature ? words[(feature - 1) / 32].name[(feature - 1) % 32] : NULL;
}

static bool name_equal(const char *a, const char *b)
{
    for (; *a && (*a == '_' ? '-' : *a) == *b; a++, b++) {
    }
    return !*a && !*b;
}

unsigned cpu_flag_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++) {
        if (name_equal(name, aliases[i][0])) {
            name = aliases[i][1];
            break;
        }
    }
    for (unsigned w = 0; w < CPU_WORDS; w++) {
        for (unsigned b = 0; b < 32; b++) {
            if (words[w].name[b] && name_equal(name, words[w].name[b])) {
                return X86_FEATURE(w, b);
            }
        }
    }
    return 0;
}

/* sets or clears every bit of that name */
bool cpu_flag_set(uint32_t word[CPU_WORDS], const char *name, bool on)
{
    unsigned first = cpu_flag_find(name);
    const char *real = cpu_flag_name(first);

    for (unsigned f = first; real && f <= CPU_WORDS * 32; f++) {
        if (cpu_flag_name(f) && strcmp(cpu_flag_name(f), real) == 0) {
            uint32_t bit = 1u << (f - 1) % 32;
            word[(f - 1) / 32] = on ? word[(f - 1) / 32] | bit : word[(f - 1) / 32] & ~bit;
        }
    }
    return real;
}

void cpu_flags_apply(const char *names, uint32_t word[CPU_WORDS])
{
    g_auto(GStrv) list = g_strsplit(names, " ", -1);

    for (char **p = list; *p; p++) {
        const char *n = **p == '+' || **p == '-' ? *p + 1 : *p;
        bool known = !**p || cpu_flag_set(word, n, **p != '-');
        g_assert(known);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names, sorted; each as often as it has bits, as the known listing does. */
GPtrArray *cpu_flag_names(void)
{
    GPtrArray *all = g_ptr_array_new();

    for (unsigned f = 1; f <= CPU_WORDS * 32; f++) {
        if (cpu_flag_name(f)) {
            g_ptr_array_add(all, (void *)cpu_flag_name(f));
        }
    }
    g_ptr_array_sort(all, (GCompareFunc)by_name);
    return all;
}
