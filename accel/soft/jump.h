/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From block to block. A direct jump keeps its target block in Insn.disp (it has no displacement):
 * valid while the target's hflags are the processor's, which a killed block's never are. A link
 * stays inside one page, so that it cannot outlive the mapping that it was made under.
 */
#ifndef ACCEL_SOFT_JUMP_H
#define ACCEL_SOFT_JUMP_H

#include <stdatomic.h>

#include "accel/soft/block.h"
#include "accel/soft/ops.h"
#include "core/vcpu.h"

/* run.c; the target is checked (limit, canonical: #GP at in), then looked up, then linked */
const Insn *soft_jump_slow(X86State *, const Insn *in, uint64_t to);
void soft_check_target(X86State *, const Insn *in, uint64_t to);

static inline bool request_pending(const X86State *s)
{
    return UNLIKELY(atomic_load_explicit(&s->vcpu->request, memory_order_relaxed));
}

static inline const Insn *block_enter(X86State *s, Block *b, uint64_t rip)
{
    s->g[G_RIPBASE] = rip;
    return b->insn;
}

/* where a direct jump goes: operand sizes below the code's truncate */
static inline uint64_t jump_target(const X86State *s, const Insn *in)
{
    uint64_t to = s->g[G_RIPBASE] + in->imm;
    return in->osz == 8 ? to : in->osz == 4 ? (uint32_t)to : (uint16_t)to;
}

/* osz 4 or 8: a linked target needs no check, it lies in this instruction's own page */
static inline const Insn *jump_direct(X86State *s, const Insn *in)
{
    Block *b = (Block *)__atomic_load_n(&in->disp, __ATOMIC_RELAXED);
    uint64_t to = s->g[G_RIPBASE] + in->imm;
    if (LIKELY(b && b->hflags == s->hflags && !request_pending(s))) {
        return block_enter(s, b, to);
    }
    return soft_jump_slow(s, in, in->osz == 4 ? (uint32_t)to : to);
}

/* osz 2: the same block may run under another CS base and limit */
static inline const Insn *jump_direct16(X86State *s, const Insn *in)
{
    Block *b = (Block *)__atomic_load_n(&in->disp, __ATOMIC_RELAXED);
    uint64_t to = s->g[G_RIPBASE] + in->imm;
    if (LIKELY(b && b->hflags == s->hflags && to <= 0xffff && to <= s->seg[SEG_CS].limit &&
               !request_pending(s))) {
        return block_enter(s, b, to);
    }
    return soft_jump_slow(s, in, (uint16_t)to);
}

static inline JumpCache *jc_slot(X86State *s, uint64_t la)
{
    return &soft_env(s)->jc[((la ^ la >> 10) & (JC_HALF - 1)) | (la >> 63) * JC_HALF];
}

void soft_jc_put(X86State *, uint64_t la, Block *); /* run.c */

/* flat CS: an entry is only made for a target that passed its checks */
static inline const Insn *jump_indirect(X86State *s, const Insn *in, uint64_t to)
{
    const JumpCache *j = jc_slot(s, to);
    if (LIKELY(j->pc == to && j->b && j->b->hflags == s->hflags && !request_pending(s))) {
        return block_enter(s, j->b, to);
    }
    return soft_jump_slow(s, in, to);
}

#endif
