/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The architectural state of one x86 processor, as every accelerator shares it: KVM copies it to
 * and from the kernel, the software accelerator runs on it in place (its SoftEnv begins with it).
 * Source: Intel SDM volume 3, chapters 2 to 6; AMD APM volume 2.
 */
#ifndef ACCEL_X86_STATE_H
#define ACCEL_X86_STATE_H

#include "core/types.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };

/* Two pseudo registers of the interpreter: always 0, and the virtual start of the running block. */
enum { G_ZERO = 16, G_RIPBASE = 17, G_COUNT = 18 };

enum {
    FLAG_CF = 1 << 0,
    FLAG_ONE = 1 << 1,
    FLAG_PF = 1 << 2,
    FLAG_AF = 1 << 4,
    FLAG_ZF = 1 << 6,
    FLAG_SF = 1 << 7,
    FLAG_TF = 1 << 8,
    FLAG_IF = 1 << 9,
    FLAG_DF = 1 << 10,
    FLAG_OF = 1 << 11,
    FLAG_IOPL = 3 << 12,
    FLAG_NT = 1 << 14,
    FLAG_RF = 1 << 16,
    FLAG_VM = 1 << 17,
    FLAG_AC = 1 << 18,
    FLAG_VIF = 1 << 19,
    FLAG_VIP = 1 << 20,
    FLAG_ID = 1 << 21,
    FLAG_ARITH = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF,
};

enum {
    CR0_PE = 1 << 0,
    CR0_MP = 1 << 1,
    CR0_EM = 1 << 2,
    CR0_TS = 1 << 3,
    CR0_ET = 1 << 4,
    CR0_NE = 1 << 5,
    CR0_WP = 1 << 16,
    CR0_AM = 1 << 18,
    CR0_NW = 1 << 29,
    CR0_CD = 1 << 30,
};
#define CR0_PG (1u << 31)

enum {
    CR4_VME = 1 << 0,
    CR4_PVI = 1 << 1,
    CR4_TSD = 1 << 2,
    CR4_DE = 1 << 3,
    CR4_PSE = 1 << 4,
    CR4_PAE = 1 << 5,
    CR4_MCE = 1 << 6,
    CR4_PGE = 1 << 7,
    CR4_PCE = 1 << 8,
    CR4_OSFXSR = 1 << 9,
    CR4_OSXMMEXCPT = 1 << 10,
    CR4_UMIP = 1 << 11,
    CR4_LA57 = 1 << 12,
    CR4_FSGSBASE = 1 << 16,
    CR4_PCIDE = 1 << 17,
    CR4_OSXSAVE = 1 << 18,
    CR4_SMEP = 1 << 20,
    CR4_SMAP = 1 << 21,
    CR4_PKE = 1 << 22,
};

enum { EFER_SCE = 1 << 0, EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11 };

/* Exception vectors */
enum {
    EXC_DE = 0,
    EXC_DB = 1,
    EXC_NMI = 2,
    EXC_BP = 3,
    EXC_OF = 4,
    EXC_BR = 5,
    EXC_UD = 6,
    EXC_NM = 7,
    EXC_DF = 8,
    EXC_TS = 10,
    EXC_NP = 11,
    EXC_SS = 12,
    EXC_GP = 13,
    EXC_PF = 14,
    EXC_MF = 16,
    EXC_AC = 17,
    EXC_MC = 18,
    EXC_XM = 19,
};

/* attr: bytes 5 and 6 of a descriptor, limit bits cleared (the layout of VMX access rights). */
enum {
    SEG_A = 1 << 0,
    SEG_RW = 1 << 1, /* code: readable, data: writable */
    SEG_CE = 1 << 2, /* code: conforming, data: expand down */
    SEG_CODE = 1 << 3,
    SEG_S = 1 << 4, /* not a system descriptor */
    SEG_DPL = 3 << 5,
    SEG_P = 1 << 7,
    SEG_AVL = 1 << 12,
    SEG_L = 1 << 13,
    SEG_DB = 1 << 14,
    SEG_G = 1 << 15,
    SEG_NULL = 1 << 16, /* ours: unusable, a null selector was loaded */
};

/* The hidden part of a segment register. limit is in bytes, granularity already applied. */
typedef struct X86Seg {
    uint64_t base;
    uint32_t limit, attr;
    uint16_t sel, pad[3];
} X86Seg;

typedef struct X86Table {
    uint64_t base;
    uint32_t limit, pad;
} X86Table;

/* XSAVE image, standard format: legacy region, header, AVX. The guest's FP state while the
 * interpreter runs; reached only through fpu_mem() there. */
typedef struct X86Xsave {
    uint8_t bytes[832] __attribute__((aligned(64)));
} X86Xsave;

/* An exception or interrupt that was taken but not yet delivered (KVM_GET_VCPU_EVENTS). */
typedef struct X86Event {
    uint32_t error;
    uint8_t vector, has_error, valid, soft;
} X86Event;

struct X86State {
    uint64_t g[G_COUNT];
    uint64_t rip;
    uint64_t rflags; /* in the interpreter without FLAG_ARITH, which live in fl; bit 1 always set */
    uint32_t fl;     /* interpreter: `lahf; seto al` as AX: AH = SF ZF 0 AF 0 PF 1 CF, AL = OF */
    uint32_t hflags; /* accel/soft/env.h; derived, never saved */
    Vcpu *vcpu;
    const CpuModel *model;

    X86Seg seg[6], ldt, tr;
    X86Table gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, cr8, efer, xcr0, pdpte[4];
    uint64_t dr[8];
    uint32_t pkru, mxcsr_mask;

    /* MSRs: accel/x86/msr.c has the table */
    uint64_t star, lstar, cstar, fmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t tsc_aux, tsc_offset, tsc_deadline, pat, misc_enable, feature_control, spec_ctrl;
    uint64_t mtrr_cap, mtrr_def_type, mtrr_fixed[11], mtrr_base[8], mtrr_mask[8];
    uint64_t mcg_status, mcg_ctl, bios_sign, smbase;
    uint64_t pv[7]; /* KVM's 4B564D00h to 06h: clock, async page faults, steal time, EOI, poll */

    X86Event event;
    uint8_t shadow;     /* interrupt shadow: 1 after STI, 2 after MOV SS, POP SS */
    uint8_t nmi_masked; /* from delivery to IRET */
    uint8_t nmi_pending, smi_pending, smm, triple, pad[2];

    X86Xsave xsave;
};

/* Registers as after RESET (init false) or INIT (true): SDM 3A, table 10-1. accel/x86/state.c */
void x86_reset(X86State *, bool init, bool bsp);

/* rflags with fl folded in, and back: for get() and put() of the software accelerator and pushf. */
uint64_t x86_flags(const X86State *);
void x86_set_flags(X86State *, uint64_t rflags);

#endif
