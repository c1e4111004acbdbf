/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSRs whose value is a member of X86State: the table that the software accelerator reads and
 * writes by and that KVM copies by. Source: Intel SDM volume 4; AMD APM 2 appendix A.
 */
#ifndef ACCEL_X86_MSR_H
#define ACCEL_X86_MSR_H

#include "accel/x86/state.h"

enum {
    MSR_TSC = 0x10,
    MSR_APIC_BASE = 0x1b,
    MSR_CORE_CAP = 0xcf,
    MSR_MTRR_CAP = 0xfe,
    MSR_ARCH_CAP = 0x10a,
    MSR_MCG_CAP = 0x179,
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_X2APIC = 0x800, /* to 8FFh */
    MSR_EFER = 0xc0000080,
    MSR_FS_BASE = 0xc0000100,
    MSR_GS_BASE = 0xc0000101,
};

enum {
    MSR_CANON = 1,  /* a linear address: non-canonical values are #GP */
    MSR_RDONLY = 2, /* writes are #GP */
    MSR_PAT = 4,    /* eight memory types */
    MSR_ZERO = 8,   /* no state: reads 0, writes are dropped */
};

typedef struct Msr {
    uint32_t index, count; /* count: consecutive MSRs, stride bytes apart in state */
    uint32_t off, stride;
    uint64_t mask; /* bits that may be set; others are #GP */
    uint16_t feature;
    uint8_t flags;
    const char *name;
} Msr;

extern const Msr x86_msrs[]; /* ends with name NULL */

const Msr *x86_msr_find(uint32_t index);
uint64_t *x86_msr_at(X86State *, const Msr *, uint32_t index); /* NULL: MSR_ZERO */
/* By the table only: TSC, APIC, EFER and what has consequences is the accelerator's. false: #GP */
bool x86_msr_read(X86State *, uint32_t index, uint64_t *val);
bool x86_msr_write(X86State *, uint32_t index, uint64_t val);

#endif
