/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of MSRs, see msr.h. Memory types (MTRR, PAT) are stored and have no effect: all RAM is
 * coherent here. Machine check banks exist and stay empty.
 */
#include <stddef.h>

#include "accel/x86/cpuid.h"
#include "accel/x86/msr.h"
#include "core/vcpu.h"
#include "util/log.h"

#define AT(m) offsetof(X86State, m)
#define ALL64 ~0ull
#define PHYS  0x000fffffffffffffull
#define ONE(i, m, mask, feature, flags, name)      \
    {                                              \
        i, 1, AT(m), 8, mask, feature, flags, name \
    }
#define ZERO(i, n, feature, name)                  \
    {                                              \
        i, n, 0, 0, ALL64, feature, MSR_ZERO, name \
    }

/* clang-format off */
const Msr x86_msrs[] = {
    ONE(0xfe,  mtrr_cap,     0,          HAS_MTRR, MSR_RDONLY, "MTRR_CAP"),
    ONE(0x3a,  feature_control, 0xff07,  0, 0,         "FEATURE_CONTROL"),
    ONE(0x48,  spec_ctrl,    7,          X86_FEATURE(CPUID_7_EDX, 26), 0, "SPEC_CTRL"),
    ONE(0x8b,  bios_sign,    ALL64,      0, 0,         "BIOS_SIGN_ID"),
    ONE(0x174, sysenter_cs,  0xffffffff, HAS_SEP, 0,   "SYSENTER_CS"),
    ONE(0x175, sysenter_esp, ALL64,      HAS_SEP, MSR_CANON, "SYSENTER_ESP"),
    ONE(0x176, sysenter_eip, ALL64,      HAS_SEP, MSR_CANON, "SYSENTER_EIP"),
    ONE(0x17a, mcg_status,   7,          HAS_MCA, 0,   "MCG_STATUS"),
    ONE(0x17b, mcg_ctl,      ALL64,      HAS_MCA, 0,   "MCG_CTL"),
    ONE(0x1a0, misc_enable,  ALL64,      0, 0,         "MISC_ENABLE"),
    { 0x200, 8, AT(mtrr_base), 8, PHYS, HAS_MTRR, 0, "MTRR_PHYSBASE" },
    { 0x200, 8, AT(mtrr_mask), 8, PHYS, HAS_MTRR, 0, "MTRR_PHYSMASK" },
    { 0x250, 1, AT(mtrr_fixed[0]), 8, ALL64, HAS_MTRR, 0, "MTRR_FIX64K" },
    { 0x258, 2, AT(mtrr_fixed[1]), 8, ALL64, HAS_MTRR, 0, "MTRR_FIX16K" },
    { 0x268, 8, AT(mtrr_fixed[3]), 8, ALL64, HAS_MTRR, 0, "MTRR_FIX4K" },
    ONE(0x277, pat,          ALL64,      HAS_PAT, MSR_PAT, "PAT"),
    ONE(0x2ff, mtrr_def_type, 0xcff,     HAS_MTRR, 0,  "MTRR_DEF_TYPE"),
    ONE(0xc0000081, star,    ALL64,      HAS_SYSCALL, 0, "STAR"),
    ONE(0xc0000082, lstar,   ALL64,      HAS_LM, MSR_CANON, "LSTAR"),
    ONE(0xc0000083, cstar,   ALL64,      HAS_LM, MSR_CANON, "CSTAR"),
    ONE(0xc0000084, fmask,   0xffffffff, HAS_LM, 0,    "FMASK"),
    ONE(0xc0000102, kernel_gs_base, ALL64, HAS_LM, MSR_CANON, "KERNEL_GS_BASE"),
    { 0x4b564d00, 2, AT(pv[0]), 8, ALL64, X86_FEATURE(CPUID_KVM_EAX, 3), 0, "KVM_CLOCK" },
    { 0x4b564d02, 1, AT(pv[2]), 8, ALL64, X86_FEATURE(CPUID_KVM_EAX, 4), 0, "KVM_ASYNC_PF_EN" },
    { 0x4b564d03, 1, AT(pv[3]), 8, ALL64, X86_FEATURE(CPUID_KVM_EAX, 5), 0, "KVM_STEAL_TIME" },
    { 0x4b564d04, 1, AT(pv[4]), 8, ALL64, X86_FEATURE(CPUID_KVM_EAX, 6), 0, "KVM_EOI_EN" },
    { 0x4b564d05, 1, AT(pv[5]), 8, ALL64, X86_FEATURE(CPUID_KVM_EAX, 12), 0, "KVM_POLL_CONTROL" },
    { 0x4b564d06, 1, AT(pv[6]), 8, ALL64, X86_FEATURE(CPUID_KVM_EAX, 14), 0, "KVM_ASYNC_PF_INT" },
    ONE(0xc0000103, tsc_aux, 0xffffffff, HAS_RDTSCP, 0, "TSC_AUX"),
    /* Read by guests without asking whether they exist. Frequencies and ids of a chip set that is not
     * here, AMD's system configuration, counters that never count. */
    ZERO(0x00, 2,  0, "P5_MC"),          ZERO(0x17, 1, 0, "PLATFORM_ID"),
    ZERO(0x2a, 1,  0, "EBL_CR_POWERON"), ZERO(0x2c, 1, 0, "EBC_FREQUENCY_ID"),
    ZERO(0xc1, 2,  0, "PERFCTR"),        ZERO(0xcd, 2, 0, "FSB_FREQ"),
    ZERO(0x186, 2, 0, "EVNTSEL"),        ZERO(0x198, 2, 0, "PERF_STATUS"),
    ZERO(0x19a, 3, 0, "THERM"),          ZERO(0x1d9, 5, 0, "DEBUGCTL"),
    ZERO(0x140, 1, 0, "MISC_FEATURES_ENABLES"),
    ZERO(0x400, 40, HAS_MCA, "MC_BANKS"),
    ZERO(0xc0010000, 8, 0, "K7_PERF"),   ZERO(0xc0010010, 1, 0, "SYSCFG"),
    ZERO(0xc0010015, 1, 0, "HWCR"),      ZERO(0xc001001a, 1, 0, "TOP_MEM"),
    ZERO(0xc001001d, 1, 0, "TOP_MEM2"),  ZERO(0xc001001f, 1, 0, "NB_CFG"),
    ZERO(0xc0010055, 1, 0, "INT_PENDING"), ZERO(0xc0010058, 1, 0, "FAM10H_MMIO"),
    ZERO(0xc0010111, 3, 0, "SMM"),       ZERO(0xc0010117, 1, 0, "VM_HSAVE_PA"),
    ZERO(0xc0010114, 1, 0, "VM_CR"),     ZERO(0xc0011004, 2, 0, "CPUID_OVERRIDE"),
    ZERO(0xc0011020, 4, 0, "LS_CFG"),    ZERO(0xc0011029, 1, 0, "DE_CFG"),
    { 0 }
};
/* clang-format on */

/* Base and mask of the variable MTRRs alternate. */
static bool msr_is(const Msr *m, uint32_t index)
{
    if (m->index == 0x200) {
        return index - 0x200 < 16 && (index & 1) == (m->off == AT(mtrr_mask));
    }
    return index - m->index < m->count;
}

const Msr *x86_msr_find(uint32_t index)
{
    for (const Msr *m = x86_msrs; m->name; m++) {
        if (msr_is(m, index)) {
            return m;
        }
    }
    return NULL;
}

uint64_t *x86_msr_at(X86State *s, const Msr *m, uint32_t index)
{
    uint32_t i = index - m->index;

    if (m->flags & MSR_ZERO) {
        return NULL;
    }
    return (uint64_t *)((char *)s + m->off + (m->index == 0x200 ? i / 2 : i) * m->stride);
}

static const Msr *msr_for(X86State *s, uint32_t index)
{
    const Msr *m = x86_msr_find(index);

    if (m && x86_has(s, m->feature)) {
        return m;
    }
    LOG(LOG_UNIMP, "CPU %u: there is no MSR %#x\n", s->vcpu->index, index);
    return NULL;
}

bool x86_msr_read(X86State *s, uint32_t index, uint64_t *val)
{
    const Msr *m = msr_for(s, index);
    uint64_t *at;

    if (index == MSR_MCG_CAP && x86_has(s, HAS_MCA)) {
        *val = 10 | 1 << 8; /* ten banks, MCG_CTL */
        return true;
    }
    if (index == MSR_ARCH_CAP && x86_has(s, HAS_ARCH_CAPS)) {
        *val = s->model ? s->model->word[CPUID_ARCH_CAP] : 0;
        return true;
    }
    if (!m) {
        return false;
    }
    at = x86_msr_at(s, m, index);
    *val = at ? *at : 0;
    return true;
}

static bool pat_ok(uint64_t val)
{
    for (int i = 0; i < 8; i++) {
        unsigned type = val >> i * 8 & 0xff;
        if (type > 7 || type == 2 || type == 3) {
            return false;
        }
    }
    return true;
}

bool x86_msr_write(X86State *s, uint32_t index, uint64_t val)
{
    const Msr *m = msr_for(s, index);
    uint64_t *at;

    if (index == 0x79) {
        return true; /* microcode update: taken, without effect */
    }
    if (!m || m->flags & MSR_RDONLY || val & ~m->mask ||
        (m->flags & MSR_CANON && (uint64_t)((int64_t)(val << 16) >> 16) != val) ||
        (m->flags & MSR_PAT && !pat_ok(val))) {
        return false;
    }
    at = x86_msr_at(s, m, index);
    if (at) {
        *at = index == 0x8b ? s->bios_sign : val; /* BIOS_SIGN_ID: cleared before CPUID, no more */
    }
    return true;
}
