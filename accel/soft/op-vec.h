/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers of MMX, SSE, AVX and x87 rows, and their way to memory of any size. */
#ifndef ACCEL_SOFT_OP_VEC_H
#define ACCEL_SOFT_OP_VEC_H

#include "accel/soft/decode.h"

extern const Family vec, emms, maskmovq, maskmovdqu;
extern const Family vmaskmov, vgather, vzeroupper, vzeroall; /* op-vex.c */
extern const Family fp, fp_ld, fp_st, fninit, fnclex, fldcw, fnstcw, fnstsw, fnstsw_ax;
/* op-x87fast.c */
extern const Family fp_fadd, fp_fadd_to, fp_fadd_m32, fp_fadd_m64, fp_fmul, fp_fmul_to, fp_fmul_m32,
    fp_fmul_m64, fp_fsub, fp_fsub_to, fp_fsub_m32, fp_fsub_m64, fp_fsubr, fp_fsubr_to, fp_fsubr_m32,
    fp_fsubr_m64, fp_fdiv, fp_fdiv_to, fp_fdiv_m32, fp_fdiv_m64, fp_fdivr, fp_fdivr_to,
    fp_fdivr_m32, fp_fdivr_m64;
extern const Family fp_fld32, fp_fld64, fp_fld80, fp_fild16, fp_fild32, fp_fild64, fp_fst32,
    fp_fst64, fp_fstp32, fp_fstp64, fp_fstp80, fp_fist32, fp_fistp16, fp_fistp32, fp_fistp64,
    fp_fisttp32, fp_fisttp64;
extern const Family fp_fld_sti, fp_fxch, fp_fst_sti, fp_sign, fp_const, fp_fcom, fp_fcomp,
    fp_fcompp, fp_fucom, fp_fucomp, fp_fucompp, fp_fcomi, fp_fcomip, fp_fucomi, fp_fucomip;
extern const Family fnstenv, fldenv, fnsave, frstor, fwait_, fnop_;
extern const Family fxsave, fxrstor, ldmxcsr, stmxcsr, xsave, xrstor;

/* n bytes in pieces; a store after soft_probe_w over the whole: then it cannot fault half-way */
void vec_load(X86State *, const Insn *, uint64_t ea, void *to, unsigned n);
void vec_store(X86State *, const Insn *, uint64_t ea, const void *from, unsigned n);

#endif
