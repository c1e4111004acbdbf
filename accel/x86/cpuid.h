/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU models and CPUID, shared by all accelerators. -cpu is parsed once into vm->cpu; the
 * accelerator then says what it can run (cpu_model_filter), and from there on cpuid() answers for
 * every vCPU. Source: Intel SDM 2A CPUID, AMD APM 3 appendix E; names and model rows: what
 * QEMU 7.2 lists.
 */
#ifndef ACCEL_X86_CPUID_H
#define ACCEL_X86_CPUID_H

#include <glib.h>

#include "accel/x86/feature.h"
#include "accel/x86/state.h"
#include "core/types.h"

/* More words of feature bits behind those that feature.h numbers; cpuid.c has {leaf, subleaf,
 * register} of each. ARCH_CAP and CORE_CAP are MSRs 10Ah and CFh; NESTED has only names (neither
 * VMX nor SVM is offered). */
enum {
    CPUID_7_1_EAX = CPUID_WORDS,
    CPUID_X7_EDX, /* 8000_0007h */
    CPUID_X8_EBX,
    CPUID_XA_EDX,
    CPUID_C1_EDX, /* C000_0001h */
    CPUID_KVM_EAX,
    CPUID_KVM_EDX,
    CPUID_6_EAX,
    CPUID_14_ECX,
    CPUID_SGX_EAX,
    CPUID_SGX_EBX, /* 12h, subleaf 1 */
    CPUID_ARCH_CAP,
    CPUID_CORE_CAP,
    CPUID_NESTED, /* five words of names */
    CPU_WORDS = CPUID_NESTED + 5
};

/* feature.h has what instructions ask for, these are what registers and leaves ask for */
enum {
    HAS_VME = X86_FEATURE(CPUID_1_EDX, 1),
    HAS_DE = X86_FEATURE(CPUID_1_EDX, 2),
    HAS_PSE = X86_FEATURE(CPUID_1_EDX, 3),
    HAS_PAE = X86_FEATURE(CPUID_1_EDX, 6),
    HAS_MCE = X86_FEATURE(CPUID_1_EDX, 7),
    HAS_APIC = X86_FEATURE(CPUID_1_EDX, 9),
    HAS_MTRR = X86_FEATURE(CPUID_1_EDX, 12),
    HAS_PGE = X86_FEATURE(CPUID_1_EDX, 13),
    HAS_MCA = X86_FEATURE(CPUID_1_EDX, 14),
    HAS_PAT = X86_FEATURE(CPUID_1_EDX, 16),
    HAS_HT = X86_FEATURE(CPUID_1_EDX, 28),
    HAS_PCID = X86_FEATURE(CPUID_1_ECX, 17),
    HAS_X2APIC = X86_FEATURE(CPUID_1_ECX, 21),
    HAS_TSC_DEADLINE = X86_FEATURE(CPUID_1_ECX, 24),
    HAS_HYPERVISOR = X86_FEATURE(CPUID_1_ECX, 31),
    HAS_SMEP = X86_FEATURE(CPUID_7_EBX, 7),
    HAS_UMIP = X86_FEATURE(CPUID_7_ECX, 2),
    HAS_LA57 = X86_FEATURE(CPUID_7_ECX, 16),
    HAS_ARCH_CAPS = X86_FEATURE(CPUID_7_EDX, 29),
    HAS_NX = X86_FEATURE(CPUID_8_EDX, 20),
    HAS_PDPE1GB = X86_FEATURE(CPUID_8_EDX, 26),
    HAS_TOPOEXT = X86_FEATURE(CPUID_8_ECX, 22),
};

typedef enum { CPU_INTEL, CPU_AMD, CPU_OTHER } CpuVendor;

/* What -cpu chose. Immutable once the accelerator has filtered it. */
struct CpuModel {
    char *name;
    CpuVendor kind;
    char vendor[13], id[49];
    const char *signature; /* 12 letters of leaf 4000_0000h; NULL: no such leaves */
    uint32_t family, model, stepping, level, xlevel, phys_bits;
    uint32_t min_level, min_xlevel, phys_bits_limit;
    uint32_t word[CPU_WORDS];
    /* the user's words, laid over accelerator defaults and over max: feature=on|off, then +, - */
    uint32_t on[CPU_WORDS], off[CPU_WORDS], plus[CPU_WORDS], minus[CPU_WORDS];
    bool all; /* max, host: whatever the accelerator supports */
    bool check, enforce, kvm_leaf, l3_cache, level_set, xlevel_set, filtered;
    bool migratable, host_phys_bits;
};

/* text: "MODEL[,+flag][,-flag][,flag=on|off][,key=value]..."; NULL: the machine's default. "?" and
 * "help" fail with PROP_ERROR_HELP and the list. Sets vm->cpu; called before the accelerator
 * starts. */
bool cpu_model_parse(Vm *, const char *text, GError **);

/* One of those words (model-words.c) */
bool cpu_model_word(CpuModel *, const char *word, GError **);

/* By the accelerator in init: removes what `supported` lacks, with one warning a bit (check, the
 * default) or fails (enforce). who: "TCG" or "host". on, off: flags the accelerator lays over the
 * model below the user's words, names separated by blanks, or NULL; of on what is supported. Parses
 * the default first when nobody chose. */
bool cpu_model_filter(Vm *, const uint32_t supported[CPU_WORDS], const char *who, const char *on,
                      const char *off, GError **);

/* vm->cpu, once no vCPU is left; NULL is fine */
void cpu_model_free(CpuModel *);

char *cpu_models_help(void); /* the text of -cpu help */

/* i-th model by name, for query-cpu-definitions; NULL past the end. alias: what it stands for or
 * NULL. A name and a description, no features. */
typedef struct CpuInfo {
    const char *name, *alias, *desc, *note;
} CpuInfo;
bool cpu_model_info(size_t i, CpuInfo *);

/* X86_FEATURE number of a flag name (any era's spelling, _ and - alike), 0: no such flag */
unsigned cpu_flag_find(const char *name);
const char *cpu_flag_name(unsigned feature);                            /* NULL: unnamed */
bool cpu_flag_set(uint32_t word[CPU_WORDS], const char *name, bool on); /* false: no such flag */
/* "a +b -c", our own lists: an unknown name is a bug */
void cpu_flags_apply(const char *names, uint32_t word[CPU_WORDS]);
GPtrArray *cpu_flag_names(void); /* sorted, of const char * */

/* MAXPHYADDR of the model */
unsigned x86_phys_bits(const X86State *);

/* All leaves as the guest of this vCPU sees them; out: EAX, EBX, ECX, EDX. KVM iterates over it. */
void cpuid(const X86State *, uint32_t leaf, uint32_t sub, uint32_t out[4]);
/* leaf and sub of a word's register, reg 0..3; false: the word is no CPUID register */
bool cpu_word_where(unsigned word, uint32_t *leaf, uint32_t *sub, unsigned *reg);
/* leaf 1 EAX, and EDX after reset */
uint32_t cpu_signature(const CpuModel *);

#endif
