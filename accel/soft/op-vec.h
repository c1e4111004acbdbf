/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers of MMX, SSE, AVX and x87 rows, and their way to memory of any size. */
#ifndef ACCEL_SOFT_OP_VEC_H
#define ACCEL_SOFT_OP_VEC_H

#include "accel/soft/decode.h"

extern const Family vec, emms, maskmovq, maskmovdqu;
extern const Family vmaskmov, vgather, vzeroupper, vzeroall; /* op-vex.c */
extern const Family fp, fp_ld, fp_st, fninit, fnclex, fldcw, fnstcw, fnstsw, fnstsw_ax;
extern const Family fnstenv, fldenv, fnsave, frstor, fwait_, fnop_;
extern const Family fxsave, fxrstor, ldmxcsr, stmxcsr, xsave, xrstor;

/* n bytes in pieces; a store after soft_probe_w over the whole: then it cannot fault half-way */
void vec_load(X86State *, const Insn *, uint64_t ea, void *to, unsigned n);
void vec_store(X86State *, const Insn *, uint64_t ea, const void *from, unsigned n);

#endif
