/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private, but in the interpreter's first commit: the translator inherits all of it. Blocks
 * know no virtual address: rip = g[RIPBASE] (stored once per block) + Insn.off
 */
#ifndef ACCEL_SOFT_SOFT_H
#define ACCEL_SOFT_SOFT_H

#include "core/types.h"

/*
 * returns the next Insn; NULL: to the dispatcher, rip stored (events, block end). Polls read
 * request through X86State: env holds its Vcpu
 */
typedef struct Insn Insn;
typedef const Insn *InsnFn(X86State *, const Insn *);

/*
 * inside a page: one relaxed host access of exactly that size. seg: 0-5, SEG_FLAT or
 * SEG_FLAT_SS (flat by hflags: no base, no limit; #GP or #SS). After a space_io the slow path
 * itself obeys REQ_TLB before it returns: the next insn of the block has no poll
 */
uint64_t soft_ld(X86State *, const Insn *, unsigned seg, uint64_t ea, unsigned size);

/* page-crossing: both pages checked before the first byte */
void soft_st(X86State *, const Insn *, unsigned seg, uint64_t ea, unsigned size, uint64_t val);

/*
 * Only the segment's limit, or that all of it is canonical: before an operand longer than 8 bytes
 * is loaded in pieces, so that its own fault comes first
 */
void soft_check_read(X86State *, const Insn *, unsigned seg, uint64_t ea, unsigned size);

/*
 * size <= 4096. Every read-modify-write probes before it loads (a write fault), multi-access
 * insns too: nothing commits before the last check
 */
void soft_probe_w(X86State *, const Insn *, unsigned seg, uint64_t ea, unsigned size);

/* supervisor whatever CPL is: GDT, LDT, IDT, TSS; delivery passes Insn NULL */
uint64_t soft_sys_ld(X86State *, const Insn *, uint64_t linear, unsigned size);

/* user: the frame goes to a ring 3 stack */
void soft_sys_st(X86State *, const Insn *, uint64_t linear, unsigned size, uint64_t val, bool user);

/*
 * for LOCK and thunks; NULL: MMIO, code page or crossing: bounce (a store probes
 * first)/exclusive. Not past the insn
 */
void *soft_host(X86State *, const Insn *, unsigned seg, uint64_t ea, unsigned size, bool write);

/*
 * __builtin_longjmp to the dispatcher; rip = this insn (NULL: rip is right already: fetch,
 * delivery), nothing committed
 */
_Noreturn void soft_raise(X86State *, const Insn *, int vector, uint32_t error);

#endif
