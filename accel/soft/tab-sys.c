/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of segment registers, far transfers, system registers and port I/O. No row: #UD; that is the
 * answer of VMX, SVM and RSM (there is no system management mode to return from).
 */
#include "accel/soft/rows-sys.h"
#include "accel/soft/rows.h"
#include "accel/x86/cpuid.h"

/* clang-format off */
#define POP_SEG(op, kind, attr)  { (op), "pop", kind, 0, 0, SK, W, 0, STACK | END | (attr), 0, 0, 0, 0, &pop_seg }
#define SYSROW(op, name, attr, feature, fam) \
    { M0F | (op), name, 0, 0, 0, B, 0, 0, attr, feature, 0, 0, 0, &fam }
#define GRP7(rm, reg, name, mode, attr, feature, fam) \
    { M0F | 0x01 | R(reg) | RM_(rm) | (mode), name, 0, 0, 0, B, 0, 0, attr, feature, 0, 0, 0, &fam }

const Row tab_sys[] = {
    { 0x8c, "mov", E, SW, 0, V, W, 0, 0, 0, 0, 0, 0, &mov_e_sw },
    { 0x8e | R(2), "mov", SW, E, 0, V, W, 0, END | SHADOW, 0, 0, 0, 0, &mov_sw_e },
    { 0x8e, "mov", SW, E, 0, V, W, 0, END, 0, 0, 0, 0, &mov_sw_e },
    POP_SEG(0x07 | NO64, K_ES, 0), POP_SEG(0x17 | NO64, K_SS, SHADOW), POP_SEG(0x1f | NO64, K_DS, 0),
    POP_SEG(M0F | 0xa1, K_FS, 0), POP_SEG(M0F | 0xa9, K_GS, 0),
    { 0xc4 | NO64, "les", G, EM, 0, V, VP, 0, END, 0, 0, 0, 0, &lfar },
    { 0xc5 | NO64, "lds", G, EM, 0, V, VP, 0, END, 0, 0, 0, 0, &lfar },
    { M0F | 0xb2, "lss", G, EM, 0, V, VP, 0, END, 0, 0, 0, 0, &lfar },
    { M0F | 0xb4, "lfs", G, EM, 0, V, VP, 0, END, 0, 0, 0, 0, &lfar },
    { M0F | 0xb5, "lgs", G, EM, 0, V, VP, 0, END, 0, 0, 0, 0, &lfar },
    { 0x63 | NO64, "arpl", E, G, 0, W, 0, 0, PROT, 0, 0, ZF, 0, &arpl },

    { 0x9a | NO64, "callf", AP, 0, 0, V, 0, 0, END | STACK, 0, 0, 0, 0, &far_imm },
    { 0xea | NO64, "jmpf",  AP, 0, 0, V, 0, 0, END, 0, 0, 0, 0, &far_imm },
    { 0xff | R(3), "callf", EM, 0, 0, V, VP, 0, END | STACK, 0, 0, 0, 0, &far_e },
    { 0xff | R(5), "jmpf",  EM, 0, 0, V, VP, 0, END, 0, 0, 0, 0, &far_e },
    { 0xca, "retf", IW, 0, 0, V, 0, 0, END | STACK, 0, 0, 0, 0, &retf },
    { 0xcb, "retf", 0,  0, 0, V, 0, 0, END | STACK, 0, 0, 0, 0, &retf },
    { 0xcc, "int3", 0,  0, 0, B, 0, 0, END, 0, 0, 0, 0, &int3 },
    { 0xcd, "int",  IUB, 0, 0, B, 0, 0, END, 0, 0, 0, 0, &int_n },
    { 0xce | NO64, "into", 0, 0, 0, B, 0, 0, END, 0, OF, 0, 0, &into },
    { 0xcf, "iret", 0,  0, 0, V, 0, 0, END | STACK, 0, 0, ALL, 0, &iret },
    { 0xf1, "int1", 0,  0, 0, B, 0, 0, END, 0, 0, 0, 0, &int1 },
    SYSROW(0x05, "syscall",  END, HAS_SYSCALL, syscall_),
    { M0F | 0x07, "sysret", 0, 0, 0, Y, 0, 0, END, HAS_SYSCALL, 0, 0, 0, &sysret },
    SYSROW(0x34, "sysenter", END, HAS_SEP, sysenter),
    { M0F | 0x35, "sysexit", 0, 0, 0, Y, 0, 0, END, HAS_SEP, 0, 0, 0, &sysexit },

    { M0F | 0x00 | R(0), "sldt", E, 0, 0, V, W, 0, PROT, 0, 0, 0, 0, &sldt },
    { M0F | 0x00 | R(1), "str",  E, 0, 0, V, W, 0, PROT, 0, 0, 0, 0, &sldt },
    { M0F | 0x00 | R(2), "lldt", E, 0, 0, W, 0, 0, PROT | SYS, 0, 0, 0, 0, &lldt },
    { M0F | 0x00 | R(3), "ltr",  E, 0, 0, W, 0, 0, PROT | SYS, 0, 0, 0, 0, &ltr },
    { M0F | 0x00 | R(4), "verr", E, 0, 0, W, 0, 0, PROT, 0, 0, ZF, 0, &verr },
    { M0F | 0x00 | R(5), "verw", E, 0, 0, W, 0, 0, PROT, 0, 0, ZF, 0, &verr },
    { M0F | 0x01 | R(0) | ONLYMEM, "sgdt", EM, 0, 0, N64, 0, 0, 0, 0, 0, 0, 0, &sgdt },
    { M0F | 0x01 | R(1) | ONLYMEM, "sidt", EM, 0, 0, N64, 0, 0, 0, 0, 0, 0, 0, &sgdt },
    { M0F | 0x01 | R(2) | ONLYMEM, "lgdt", EM, 0, 0, V, 0, 0, SYS, 0, 0, 0, 0, &lgdt },
    { M0F | 0x01 | R(3) | ONLYMEM, "lidt", EM, 0, 0, V, 0, 0, SYS, 0, 0, 0, 0, &lgdt },
    { M0F | 0x01 | R(4), "smsw", E, 0, 0, V, W, 0, 0, 0, 0, 0, 0, &smsw },
    { M0F | 0x01 | R(6), "lmsw", E, 0, 0, W, 0, 0, SYS | END, 0, 0, 0, 0, &lmsw },
    { M0F | 0x01 | R(7) | ONLYMEM, "invlpg", EM, 0, 0, B, 0, 0, SYS | END | NOP_, 0, 0, 0, 0, &invlpg },
    GRP7(0, 1, "monitor", 0, SYS, HAS_MONITOR, monitor),
    GRP7(1, 1, "mwait", 0, SYS | END, HAS_MONITOR, mwait),
    GRP7(2, 1, "clac", 0, 0, HAS_SMAP, clac),
    GRP7(3, 1, "stac", 0, 0, HAS_SMAP, clac),
    GRP7(0, 2, "xgetbv", 0, 0, HAS_XSAVE, xgetbv),
    GRP7(1, 2, "xsetbv", 0, END, HAS_XSAVE, xsetbv),
    GRP7(0, 7, "swapgs", ONLY64, SYS, HAS_LM, swapgs),
    GRP7(1, 7, "rdtscp", 0, 0, HAS_RDTSCP, rdtscp),
    { M0F | 0x02, "lar", G, E, 0, V, W, 0, PROT, 0, 0, ZF, 0, &lar },
    { M0F | 0x03, "lsl", G, E, 0, V, W, 0, PROT, 0, 0, ZF, 0, &lar },
    SYSROW(0x06, "clts",   SYS | END, 0, clts),
    SYSROW(0x08, "invd",   SYS, 0, wbinvd),
    SYSROW(0x09, "wbinvd", SYS, 0, wbinvd),
    { M0F | 0x20, "mov", ERX, CRn, 0, N64, 0, 0, SYS, 0, 0, 0, 0, &mov_from_cr },
    { M0F | 0x21, "mov", ERX, DRn, 0, N64, 0, 0, SYS, 0, 0, 0, 0, &mov_from_dr },
    { M0F | 0x22, "mov", CRn, ERX, 0, N64, 0, 0, SYS | END, 0, 0, 0, 0, &mov_to_cr },
    { M0F | 0x23, "mov", DRn, ERX, 0, N64, 0, 0, SYS | END, 0, 0, 0, 0, &mov_to_dr },
    SYSROW(0x30, "wrmsr", SYS | END, HAS_MSR, wrmsr),
    SYSROW(0x31, "rdtsc", 0, HAS_TSC, rdtsc),
    SYSROW(0x32, "rdmsr", SYS, HAS_MSR, rdmsr),
    SYSROW(0x33, "rdpmc", 0, 0, rdpmc),
    SYSROW(0xa2, "cpuid", 0, 0, cpuid_),

    { M0F | 0xae | PF3 | R(0) | ONLYREG | ONLY64, "rdfsbase", ER, 0, 0, Y, 0, 0, 0, HAS_FSGSBASE, 0, 0, 0, &fsgsbase },
    { M0F | 0xae | PF3 | R(1) | ONLYREG | ONLY64, "rdgsbase", ER, 0, 0, Y, 0, 0, 0, HAS_FSGSBASE, 0, 0, 0, &fsgsbase },
    { M0F | 0xae | PF3 | R(2) | ONLYREG | ONLY64, "wrfsbase", ER, 0, 0, Y, 0, 0, 0, HAS_FSGSBASE, 0, 0, 0, &fsgsbase },
    { M0F | 0xae | PF3 | R(3) | ONLYREG | ONLY64, "wrgsbase", ER, 0, 0, Y, 0, 0, 0, HAS_FSGSBASE, 0, 0, 0, &fsgsbase },
    { M0F | 0xae | PNONE | R(5) | ONLYREG, "lfence", 0, 0, 0, B, 0, 0, 0, HAS_SSE2, 0, 0, 0, &fence },
    { M0F | 0xae | PNONE | R(6) | ONLYREG, "mfence", 0, 0, 0, B, 0, 0, 0, HAS_SSE2, 0, 0, 0, &fence },
    { M0F | 0xae | PNONE | R(7) | ONLYREG, "sfence", 0, 0, 0, B, 0, 0, 0, HAS_SSE, 0, 0, 0, &fence },
    { M0F | 0xae | PNONE | R(7) | ONLYMEM, "clflush", EM, 0, 0, B, 0, 0, 0, HAS_CLFSH, 0, 0, 0, &fence },
    { M0F | 0xae | P66 | R(7) | ONLYMEM, "clflushopt", EM, 0, 0, B, 0, 0, 0, HAS_CLFLUSHOPT, 0, 0, 0, &fence },
    { M0F | 0xae | P66 | R(6) | ONLYMEM, "clwb", EM, 0, 0, B, 0, 0, 0, HAS_CLWB, 0, 0, 0, &fence },
    { M0F | 0xc7 | PF3 | R(7) | ONLYREG, "rdpid", ER, 0, 0, N64, 0, 0, 0, HAS_RDPID, 0, 0, 0, &rdpid },
    { M0F | 0xc7 | R(6) | ONLYREG, "rdrand", ER, 0, 0, V, 0, 0, 0, HAS_RDRAND, 0, ALL, 0, &rdrand },
    { M0F | 0xc7 | R(7) | ONLYREG, "rdseed", ER, 0, 0, V, 0, 0, 0, HAS_RDSEED, 0, ALL, 0, &rdrand },
    { M38 | 0x82 | P66, "invpcid", G, EM, 0, N64, X, 0, SYS | END, HAS_INVPCID, 0, 0, 0, &invpcid },

    { 0x6c, "ins",  DI_, DX_, 0, B, 0, 0, REP | END | IO, 0, 0, 0, 0, &ins },
    { 0x6d, "ins",  DI_, DX_, 0, VZ, 0, 0, REP | END | IO, 0, 0, 0, 0, &ins },
    { 0x6e, "outs", DX_, SI_, 0, B, 0, 0, REP | END | IO, 0, 0, 0, 0, &outs },
    { 0x6f, "outs", DX_, SI_, 0, VZ, 0, 0, REP | END | IO, 0, 0, 0, 0, &outs },
    { 0xe4, "in",   ACC, IUB, 0, B, 0, 0, END | IO, 0, 0, 0, 0, &in_ },
    { 0xe5, "in",   ACC, IUB, 0, VZ, 0, 0, END | IO, 0, 0, 0, 0, &in_ },
    { 0xe6, "out",  IUB, ACC, 0, B, 0, 0, END | IO, 0, 0, 0, 0, &out },
    { 0xe7, "out",  IUB, ACC, 0, VZ, 0, 0, END | IO, 0, 0, 0, 0, &out },
    { 0xec, "in",   ACC, DX_, 0, B, 0, 0, END | IO, 0, 0, 0, 0, &in_ },
    { 0xed, "in",   ACC, DX_, 0, VZ, 0, 0, END | IO, 0, 0, 0, 0, &in_ },
    { 0xee, "out",  DX_, ACC, 0, B, 0, 0, END | IO, 0, 0, 0, 0, &out },
    { 0xef, "out",  DX_, ACC, 0, VZ, 0, 0, END | IO, 0, 0, 0, 0, &out },
    { 0 }
};
/* clang-format on */
