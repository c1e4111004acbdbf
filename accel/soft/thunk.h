/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exec thunks: an x87, MMX, SSE or AVX instruction of the guest is emitted again for the host's own
 * processor, with its operands behind pointers. One thunk serves all registers and addresses of an
 * encoding, so there are few of them and they are never freed. Only leaf encodings of the table are
 * emitted, never the guest's bytes.
 */
#ifndef ACCEL_SOFT_THUNK_H
#define ACCEL_SOFT_THUNK_H

#include "accel/soft/decode.h"

/*
 * reg: the operand of ModRM.reg, rm: the operand of ModRM.r/m, both 16 (MMX: 8) bytes or, in
 * memory, what the row says; gpr: the general register among them, or NULL; v, is4: the registers
 * that VEX.vvvv and the last immediate name. A vector register's pointer is its XMM part's: the
 * upper half of YMM is at a fixed distance. False: #XM is due, and the guest's MXCSR says why.
 */
typedef bool ThunkFn(void *reg, void *rm, uint64_t *gpr, X86State *, void *v, void *is4);

typedef enum { T_NONE, T_XMM, T_MMX, T_GPR, T_MEM } ThunkKind;

typedef struct Thunk {
    ThunkFn *run;
    uint8_t reg, rm; /* ThunkKind */
    bool mmx;        /* some operand is an MMX register: the x87 state becomes MMX's */
    uint32_t msize, align;
} Thunk;

/* The thunk of a decoded instruction, made at its first execution and kept in Insn.imm. */
const Thunk *thunk_of(const Insn *);

#endif
