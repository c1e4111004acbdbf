/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU models and CPUID, shared by all accelerators. -cpu is parsed once into vm->cpu; the
 * accelerator then says what it can run (cpu_model_filter), and from there on cpuid() answers for
 * every vCPU. Source: Intel SDM 2A CPUID, AMD APM 3 appendix E; names and model rows:
 * compat/cpus.tsv.
 */
#ifndef ACCEL_X86_CPUID_H
#define ACCEL_X86_CPUID_H

#include <glib.h>

#include "accel/x86/state.h"
#include "core/types.h"

/* One register of one leaf that holds feature bits; cpuid.c has {leaf, subleaf, register} of each.
 * ARCH_CAP and CORE_CAP are MSRs 10Ah and CFh; NESTED has only names (VMX is never offered). */
typedef enum {
    CPU_1_EDX,
    CPU_1_ECX,
    CPU_7_EBX,
    CPU_7_ECX,
    CPU_7_EDX,
    CPU_7_1_EAX,
    CPU_X1_EDX, /* 8000_0001h */
    CPU_X1_ECX,
    CPU_X7_EDX, /* 8000_0007h */
    CPU_X8_EBX, /* 8000_0008h */
    CPU_XA_EDX, /* 8000_000Ah */
    CPU_C1_EDX, /* C000_0001h */
    CPU_KVM_EAX,
    CPU_KVM_EDX,
    CPU_D1_EAX,
    CPU_6_EAX,
    CPU_14_ECX,
    CPU_SGX_EAX,
    CPU_SGX_EBX, /* 12h, subleaf 1: ENCLU attributes */
    CPU_ARCH_CAP,
    CPU_CORE_CAP,
    CPU_NESTED,
    CPU_NESTED2,
    CPU_NESTED3,
    CPU_NESTED4,
    CPU_WORDS
} CpuWord;

/* A feature as one number, for cpu_has(): word * 32 + bit. The ones our code asks for. */
#define CPU_BIT(word, bit) ((word)*32 + (bit))
enum {
    CPU_FPU = CPU_BIT(CPU_1_EDX, 0),
    CPU_VME = CPU_BIT(CPU_1_EDX, 1),
    CPU_DE = CPU_BIT(CPU_1_EDX, 2),
    CPU_PSE = CPU_BIT(CPU_1_EDX, 3),
    CPU_TSC = CPU_BIT(CPU_1_EDX, 4),
    CPU_MSR = CPU_BIT(CPU_1_EDX, 5),
    CPU_PAE = CPU_BIT(CPU_1_EDX, 6),
    CPU_MCE = CPU_BIT(CPU_1_EDX, 7),
    CPU_CX8 = CPU_BIT(CPU_1_EDX, 8),
    CPU_APIC = CPU_BIT(CPU_1_EDX, 9),
    CPU_SEP = CPU_BIT(CPU_1_EDX, 11),
    CPU_MTRR = CPU_BIT(CPU_1_EDX, 12),
    CPU_PGE = CPU_BIT(CPU_1_EDX, 13),
    CPU_MCA = CPU_BIT(CPU_1_EDX, 14),
    CPU_CMOV = CPU_BIT(CPU_1_EDX, 15),
    CPU_PAT = CPU_BIT(CPU_1_EDX, 16),
    CPU_PSE36 = CPU_BIT(CPU_1_EDX, 17),
    CPU_CLFLUSH = CPU_BIT(CPU_1_EDX, 19),
    CPU_MMX = CPU_BIT(CPU_1_EDX, 23),
    CPU_FXSR = CPU_BIT(CPU_1_EDX, 24),
    CPU_SSE = CPU_BIT(CPU_1_EDX, 25),
    CPU_SSE2 = CPU_BIT(CPU_1_EDX, 26),
    CPU_HT = CPU_BIT(CPU_1_EDX, 28),
    CPU_SSE3 = CPU_BIT(CPU_1_ECX, 0),
    CPU_PCLMUL = CPU_BIT(CPU_1_ECX, 1),
    CPU_MONITOR = CPU_BIT(CPU_1_ECX, 3),
    CPU_SSSE3 = CPU_BIT(CPU_1_ECX, 9),
    CPU_FMA = CPU_BIT(CPU_1_ECX, 12),
    CPU_CX16 = CPU_BIT(CPU_1_ECX, 13),
    CPU_PCID = CPU_BIT(CPU_1_ECX, 17),
    CPU_SSE41 = CPU_BIT(CPU_1_ECX, 19),
    CPU_SSE42 = CPU_BIT(CPU_1_ECX, 20),
    CPU_X2APIC = CPU_BIT(CPU_1_ECX, 21),
    CPU_MOVBE = CPU_BIT(CPU_1_ECX, 22),
    CPU_POPCNT = CPU_BIT(CPU_1_ECX, 23),
    CPU_TSC_DEADLINE = CPU_BIT(CPU_1_ECX, 24),
    CPU_AES = CPU_BIT(CPU_1_ECX, 25),
    CPU_XSAVE = CPU_BIT(CPU_1_ECX, 26),
    CPU_AVX = CPU_BIT(CPU_1_ECX, 28),
    CPU_F16C = CPU_BIT(CPU_1_ECX, 29),
    CPU_RDRAND = CPU_BIT(CPU_1_ECX, 30),
    CPU_HYPERVISOR = CPU_BIT(CPU_1_ECX, 31),
    CPU_FSGSBASE = CPU_BIT(CPU_7_EBX, 0),
    CPU_BMI1 = CPU_BIT(CPU_7_EBX, 3),
    CPU_AVX2 = CPU_BIT(CPU_7_EBX, 5),
    CPU_SMEP = CPU_BIT(CPU_7_EBX, 7),
    CPU_BMI2 = CPU_BIT(CPU_7_EBX, 8),
    CPU_INVPCID = CPU_BIT(CPU_7_EBX, 10),
    CPU_RDSEED = CPU_BIT(CPU_7_EBX, 18),
    CPU_ADX = CPU_BIT(CPU_7_EBX, 19),
    CPU_SMAP = CPU_BIT(CPU_7_EBX, 20),
    CPU_CLFLUSHOPT = CPU_BIT(CPU_7_EBX, 23),
    CPU_CLWB = CPU_BIT(CPU_7_EBX, 24),
    CPU_SHA = CPU_BIT(CPU_7_EBX, 29),
    CPU_UMIP = CPU_BIT(CPU_7_ECX, 2),
    CPU_PKU = CPU_BIT(CPU_7_ECX, 3),
    CPU_RDPID = CPU_BIT(CPU_7_ECX, 22),
    CPU_ARCH_CAPS = CPU_BIT(CPU_7_EDX, 29),
    CPU_SYSCALL = CPU_BIT(CPU_X1_EDX, 11),
    CPU_NX = CPU_BIT(CPU_X1_EDX, 20),
    CPU_MMXEXT = CPU_BIT(CPU_X1_EDX, 22),
    CPU_PDPE1GB = CPU_BIT(CPU_X1_EDX, 26),
    CPU_RDTSCP = CPU_BIT(CPU_X1_EDX, 27),
    CPU_LM = CPU_BIT(CPU_X1_EDX, 29),
    CPU_3DNOWEXT = CPU_BIT(CPU_X1_EDX, 30),
    CPU_3DNOW = CPU_BIT(CPU_X1_EDX, 31),
    CPU_LAHF = CPU_BIT(CPU_X1_ECX, 0),
    CPU_CR8LEGACY = CPU_BIT(CPU_X1_ECX, 4),
    CPU_ABM = CPU_BIT(CPU_X1_ECX, 5),
    CPU_SSE4A = CPU_BIT(CPU_X1_ECX, 6),
    CPU_PREFETCHW = CPU_BIT(CPU_X1_ECX, 8),
    CPU_XSAVEOPT = CPU_BIT(CPU_D1_EAX, 0),
    CPU_XGETBV1 = CPU_BIT(CPU_D1_EAX, 2),
};

typedef enum { CPU_INTEL, CPU_AMD, CPU_OTHER } CpuVendor;

/* What -cpu chose. Immutable once the accelerator has filtered it. */
struct CpuModel {
    char *name;
    CpuVendor kind;
    char vendor[13], id[49];
    uint32_t family, model, stepping, level, xlevel, phys_bits;
    uint32_t word[CPU_WORDS];
    uint32_t plus[CPU_WORDS], minus[CPU_WORDS]; /* named by the user; laid over max and host late */
    bool all;                                   /* max, host: whatever the accelerator supports */
    bool check, enforce, kvm_leaf, migratable;
    bool level_set, xlevel_set;
};

/* text: "MODEL[,+flag][,-flag][,flag=on|off][,key=value]..."; NULL: the machine's default. "?" and
 * "help" fail with PROP_ERROR_HELP and the list. Sets vm->cpu; called before the accelerator
 * starts. */
bool cpu_model_parse(Vm *, const char *text, GError **);

/* By the accelerator in init: removes what `supported` lacks, with one warning a bit (check, the
 * default) or fails (enforce). who: "TCG" or "host". on, off: flags the accelerator lays over the
 * model below the user's words, names separated by blanks, or NULL. Parses the default first when
 * nobody chose. */
bool cpu_model_filter(Vm *, const uint32_t supported[CPU_WORDS], const char *who, const char *on,
                      const char *off, GError **);

char *cpu_models_help(void); /* the text of -cpu help */

/* i-th model by name, for query-cpu-definitions; NULL past the end. alias: what it stands for or
 * NULL. A name and a description, no features. */
typedef struct CpuInfo {
    const char *name, *alias, *desc;
    bool old_era; /* only 0.12 knew it */
} CpuInfo;
bool cpu_model_info(size_t i, CpuInfo *);

/* word and bit of a flag name (any era's spelling, _ and - alike), -1: no such flag */
int cpu_flag_find(const char *name);
const char *cpu_flag_name(unsigned feature);                       /* NULL: unnamed */
void cpu_flags_parse(const char *names, uint32_t word[CPU_WORDS]); /* our own lists: asserts */

static inline bool cpu_has(const X86State *s, unsigned feature)
{
    return s->model->word[feature / 32] >> feature % 32 & 1;
}

/* All leaves as the guest of this vCPU sees them; out: EAX, EBX, ECX, EDX. KVM iterates over it. */
void cpuid(const X86State *, uint32_t leaf, uint32_t sub, uint32_t out[4]);
/* leaf and sub of a word's register, reg 0..3; false: the word is no CPUID register */
bool cpu_word_where(CpuWord, uint32_t *leaf, uint32_t *sub, unsigned *reg);
/* sets v->apic_id's value: topology fields packed each to a power of two, as leaf 0Bh describes */
uint32_t cpu_apic_id(const Vm *, unsigned index);

#endif
