/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of D8 to DF, WAIT, and of the instructions that save and load the FPU's state (0F AE,
 * 0F C7).
 * The encodings that the manuals leave out but every processor executes (fcom2, fxch4 ...) are in.
 * Source: Intel SDM volume 2, appendix A.5; volume 1, chapter 8.
 */
#include "accel/soft/op-vec.h"

/* clang-format off */
/* memory read, memory written, registers only; each with its bytes */
#define LDF(op, reg, name, bytes, fam) \
    { op | ONLYMEM | R(reg), name, EM, 0, 0, D, bytes, 0, THUNK | FPU, HAS_FPU, 0, 0, 0, &fam }
#define RRF(op, reg, name, a, b, fam) \
    { op | ONLYREG | R(reg), name, a, b, 0, D, 0, 0, THUNK | FPU, HAS_FPU, 0, 0, 0, &fam }
#define R0F(op, reg, rm, name, fam) \
    { op | R(reg) | RM_(rm), name, 0, 0, 0, D, 0, 0, THUNK | FPU, HAS_FPU, 0, 0, 0, &fam }
#define LD(op, reg, name, bytes) LDF(op, reg, name, bytes, fp_ld)
#define ST(op, reg, name, bytes) LDF(op, reg, name, bytes, fp_st)
#define RR_(op, reg, name, a, b) RRF(op, reg, name, a, b, fp)
#define R0(op, reg, rm, name)    R0F(op, reg, rm, name, fp)
#define CMOVCC(op, reg, name) \
    { op | ONLYREG | R(reg), name, ST_, STI, 0, D, 0, 0, THUNK | FPU, HAS_CMOV, CF | ZF | PF, 0, 0, &fp }
#define COMI(op, reg, name, fam) \
    { op | ONLYREG | R(reg), name, ST_, STI, 0, D, 0, 0, THUNK | FPU, HAS_CMOV, 0, ALL, 0, &fam }
/* control: no thunk. n: does not wait for pending exceptions */
#define CTLM(op, reg, name, msize, more, family) \
    { op | ONLYMEM | R(reg), name, EM, 0, 0, V, msize, 0, FPU | (more), HAS_FPU, 0, 0, 0, &family }
#define CTL(op, reg, rm, name, more, family) \
    { op | R(reg) | RM_(rm), name, 0, 0, 0, D, 0, 0, FPU | (more), HAS_FPU, 0, 0, 0, &family }
/* the eight arithmetic instructions on a memory operand: floats, integers */
#define ARITHF(op, m, bytes) \
    LDF(op, 0, "fadd", bytes, fp_fadd_##m), LDF(op, 1, "fmul", bytes, fp_fmul_##m), LD(op, 2, "fcom", bytes), \
    LD(op, 3, "fcomp", bytes), LDF(op, 4, "fsub", bytes, fp_fsub_##m), LDF(op, 5, "fsubr", bytes, fp_fsubr_##m), \
    LDF(op, 6, "fdiv", bytes, fp_fdiv_##m), LDF(op, 7, "fdivr", bytes, fp_fdivr_##m)
#define ARITH(op, i, bytes) \
    LD(op, 0, "f" i "add", bytes), LD(op, 1, "f" i "mul", bytes), LD(op, 2, "f" i "com", bytes), \
    LD(op, 3, "f" i "comp", bytes), LD(op, 4, "f" i "sub", bytes), LD(op, 5, "f" i "subr", bytes), \
    LD(op, 6, "f" i "div", bytes), LD(op, 7, "f" i "divr", bytes)
#define STATE_ROW(sel, name, msize, attr, feature, family) \
    { sel | ONLYMEM, name, EM, 0, 0, D, msize, 0, attr, feature, 0, 0, 0, &family }

const Row tab_x87[] = {
    { 0x9b, "fwait", 0, 0, 0, D, 0, 0, WAITING, 0, 0, 0, 0, &fwait_ },

    ARITHF(0xd8, m32, 4),
    RRF(0xd8, 0, "fadd", ST_, STI, fp_fadd), RRF(0xd8, 1, "fmul", ST_, STI, fp_fmul), RRF(0xd8, 2, "fcom", STI, 0, fp_fcom),
    RRF(0xd8, 3, "fcomp", STI, 0, fp_fcomp), RRF(0xd8, 4, "fsub", ST_, STI, fp_fsub), RRF(0xd8, 5, "fsubr", ST_, STI, fp_fsubr),
    RRF(0xd8, 6, "fdiv", ST_, STI, fp_fdiv), RRF(0xd8, 7, "fdivr", ST_, STI, fp_fdivr),

    LDF(0xd9, 0, "fld", 4, fp_fld32), LDF(0xd9, 2, "fst", 4, fp_fst32), LDF(0xd9, 3, "fstp", 4, fp_fstp32),
    CTLM(0xd9, 4, "fldenv", 28, 0, fldenv), CTLM(0xd9, 5, "fldcw", 2, 0, fldcw),
    CTLM(0xd9, 6, "fnstenv", 28, FPMOVE, fnstenv), CTLM(0xd9, 7, "fnstcw", 2, FPMOVE, fnstcw),
    RRF(0xd9, 0, "fld", STI, 0, fp_fld_sti), RRF(0xd9, 1, "fxch", STI, 0, fp_fxch), CTL(0xd9, 2, 0, "fnop", 0, fnop_),
    RR_(0xd9, 3, "fstp1", STI, 0),
    R0F(0xd9, 4, 0, "fchs", fp_sign), R0F(0xd9, 4, 1, "fabs", fp_sign), R0(0xd9, 4, 4, "ftst"), R0(0xd9, 4, 5, "fxam"),
    R0F(0xd9, 5, 0, "fld1", fp_const), R0(0xd9, 5, 1, "fldl2t"), R0(0xd9, 5, 2, "fldl2e"), R0(0xd9, 5, 3, "fldpi"),
    R0(0xd9, 5, 4, "fldlg2"), R0(0xd9, 5, 5, "fldln2"), R0F(0xd9, 5, 6, "fldz", fp_const),
    R0(0xd9, 6, 0, "f2xm1"), R0(0xd9, 6, 1, "fyl2x"), R0(0xd9, 6, 2, "fptan"), R0(0xd9, 6, 3, "fpatan"),
    R0(0xd9, 6, 4, "fxtract"), R0(0xd9, 6, 5, "fprem1"), R0(0xd9, 6, 6, "fdecstp"), R0(0xd9, 6, 7, "fincstp"),
    R0(0xd9, 7, 0, "fprem"), R0(0xd9, 7, 1, "fyl2xp1"), R0(0xd9, 7, 2, "fsqrt"), R0(0xd9, 7, 3, "fsincos"),
    R0(0xd9, 7, 4, "frndint"), R0(0xd9, 7, 5, "fscale"), R0(0xd9, 7, 6, "fsin"), R0(0xd9, 7, 7, "fcos"),

    ARITH(0xda, "i", 4),
    CMOVCC(0xda, 0, "fcmovb"), CMOVCC(0xda, 1, "fcmove"), CMOVCC(0xda, 2, "fcmovbe"), CMOVCC(0xda, 3, "fcmovu"),
    R0F(0xda, 5, 1, "fucompp", fp_fucompp),

    LDF(0xdb, 0, "fild", 4, fp_fild32), LDF(0xdb, 1, "fisttp", 4, fp_fisttp32), LDF(0xdb, 2, "fist", 4, fp_fist32),
    LDF(0xdb, 3, "fistp", 4, fp_fistp32),
    LDF(0xdb, 5, "fld", 10, fp_fld80), LDF(0xdb, 7, "fstp", 10, fp_fstp80),
    CMOVCC(0xdb, 0, "fcmovnb"), CMOVCC(0xdb, 1, "fcmovne"), CMOVCC(0xdb, 2, "fcmovnbe"), CMOVCC(0xdb, 3, "fcmovnu"),
    CTL(0xdb, 4, 0, "fneni", FPMOVE, fnop_), CTL(0xdb, 4, 1, "fndisi", FPMOVE, fnop_),
    CTL(0xdb, 4, 2, "fnclex", FPMOVE, fnclex), CTL(0xdb, 4, 3, "fninit", FPMOVE, fninit),
    CTL(0xdb, 4, 4, "fnsetpm", FPMOVE, fnop_),
    COMI(0xdb, 5, "fucomi", fp_fucomi), COMI(0xdb, 6, "fcomi", fp_fcomi),

    ARITHF(0xdc, m64, 8),
    RRF(0xdc, 0, "fadd", STI, ST_, fp_fadd_to), RRF(0xdc, 1, "fmul", STI, ST_, fp_fmul_to), RR_(0xdc, 2, "fcom2", STI, 0),
    RR_(0xdc, 3, "fcomp3", STI, 0), RRF(0xdc, 4, "fsubr", STI, ST_, fp_fsubr_to), RRF(0xdc, 5, "fsub", STI, ST_, fp_fsub_to),
    RRF(0xdc, 6, "fdivr", STI, ST_, fp_fdivr_to), RRF(0xdc, 7, "fdiv", STI, ST_, fp_fdiv_to),

    LDF(0xdd, 0, "fld", 8, fp_fld64), LDF(0xdd, 1, "fisttp", 8, fp_fisttp64), LDF(0xdd, 2, "fst", 8, fp_fst64),
    LDF(0xdd, 3, "fstp", 8, fp_fstp64),
    CTLM(0xdd, 4, "frstor", 108, 0, frstor), CTLM(0xdd, 6, "fnsave", 108, FPMOVE, fnsave),
    CTLM(0xdd, 7, "fnstsw", 2, FPMOVE, fnstsw),
    RR_(0xdd, 0, "ffree", STI, 0), RR_(0xdd, 1, "fxch4", STI, 0), RRF(0xdd, 2, "fst", STI, 0, fp_fst_sti),
    RRF(0xdd, 3, "fstp", STI, 0, fp_fst_sti), RRF(0xdd, 4, "fucom", STI, 0, fp_fucom),
    RRF(0xdd, 5, "fucomp", STI, 0, fp_fucomp),

    ARITH(0xde, "i", 2),
    RRF(0xde, 0, "faddp", STI, ST_, fp_fadd_to), RRF(0xde, 1, "fmulp", STI, ST_, fp_fmul_to), RR_(0xde, 2, "fcomp5", STI, 0),
    R0F(0xde, 3, 1, "fcompp", fp_fcompp), RRF(0xde, 4, "fsubrp", STI, ST_, fp_fsubr_to), RRF(0xde, 5, "fsubp", STI, ST_, fp_fsub_to),
    RRF(0xde, 6, "fdivrp", STI, ST_, fp_fdivr_to), RRF(0xde, 7, "fdivp", STI, ST_, fp_fdiv_to),

    LDF(0xdf, 0, "fild", 2, fp_fild16), ST(0xdf, 1, "fisttp", 2), ST(0xdf, 2, "fist", 2), LDF(0xdf, 3, "fistp", 2, fp_fistp16),
    LD(0xdf, 4, "fbld", 10), LDF(0xdf, 5, "fild", 8, fp_fild64), ST(0xdf, 6, "fbstp", 10), LDF(0xdf, 7, "fistp", 8, fp_fistp64),
    RR_(0xdf, 0, "ffreep", STI, 0), RR_(0xdf, 1, "fxch7", STI, 0), RR_(0xdf, 2, "fstp8", STI, 0),
    RR_(0xdf, 3, "fstp9", STI, 0), CTL(0xdf, 4, 0, "fnstsw", FPMOVE, fnstsw_ax),
    COMI(0xdf, 5, "fucomip", fp_fucomip), COMI(0xdf, 6, "fcomip", fp_fcomip),

    STATE_ROW(M0F | PNONE | R(0) | 0xae, "fxsave",  512, FPU, HAS_FXSR, fxsave),
    STATE_ROW(M0F | PNONE | R(1) | 0xae, "fxrstor", 512, FPU, HAS_FXSR, fxrstor),
    STATE_ROW(M0F | PNONE | R(2) | 0xae, "ldmxcsr", 4, SSE, HAS_SSE, ldmxcsr),
    STATE_ROW(M0F | PNONE | R(3) | 0xae, "stmxcsr", 4, SSE, HAS_SSE, stmxcsr),
    STATE_ROW(M0F | PNONE | R(4) | 0xae, "xsave",   576, 0, HAS_XSAVE, xsave),
    STATE_ROW(M0F | PNONE | R(5) | 0xae, "xrstor",  576, 0, HAS_XSAVE, xrstor),
    STATE_ROW(M0F | PNONE | R(6) | 0xae, "xsaveopt", 576, 0, HAS_XSAVEOPT, xsave),
    STATE_ROW(M0F | PNONE | R(4) | 0xc7, "xsavec",  576, 0, HAS_XSAVEC, xsave),
    { .name = NULL },
};
/* clang-format on */
