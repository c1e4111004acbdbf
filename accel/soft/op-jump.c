/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Near branches, calls and returns, loops, HLT, BOUND, UD. A branch that is not taken stays in its
 * block; interrupts are polled where one is taken.
 */
#include "accel/soft/jump.h"
#include "accel/soft/rows.h"

/* ---- jcc ---- */
#define JCC(c)                         \
    H(jcc##c##_16)                     \
    {                                  \
        if (cond_true(s, c)) {         \
            RET(jump_direct16(s, in)); \
        }                              \
        NEXT;                          \
    }                                  \
    H(jcc##c##_wide)                   \
    {                                  \
        if (cond_true(s, c)) {         \
            RET(jump_direct(s, in));   \
        }                              \
        NEXT;                          \
    }
JCC(0)
JCC(1)
JCC(2)
JCC(3)
JCC(4)
JCC(5)
JCC(6)
JCC(7)
JCC(8)
JCC(9)
JCC(10)
JCC(11)
JCC(12)
JCC(13)
JCC(14)
JCC(15)
#define JCC_FAMILY(c) [c] = { .fn = { [RI] = { NULL, jcc##c##_16, jcc##c##_wide, jcc##c##_wide } } }
const Family jcc[16] = { JCC_FAMILY(0),  JCC_FAMILY(1),  JCC_FAMILY(2),  JCC_FAMILY(3),
                         JCC_FAMILY(4),  JCC_FAMILY(5),  JCC_FAMILY(6),  JCC_FAMILY(7),
                         JCC_FAMILY(8),  JCC_FAMILY(9),  JCC_FAMILY(10), JCC_FAMILY(11),
                         JCC_FAMILY(12), JCC_FAMILY(13), JCC_FAMILY(14), JCC_FAMILY(15) };

/* ---- jmp ---- */
H(jmp_16)
{
    RET(jump_direct16(s, in));
}
H(jmp_wide)
{
    RET(jump_direct(s, in));
}
const Family jmp = { .fn = { [RI] = { NULL, jmp_16, jmp_wide, jmp_wide } } };

static bool cs_is_flat(const X86State *s)
{
    return s->hflags & (H_CS64 | H_FLAT_CS);
}

static uint64_t branch_operand(X86State *s, const Insn *in)
{
    return in->mem ? soft_ld(s, in, in->seg, ea_of(s, in), in->osz) : reg_read(s, in->dst, in->osz);
}

H(jmp_e_any)
{
    uint64_t to = branch_operand(s, in);
    RET(insn_jump(s, in, to));
}
H(jmp_e_rr64)
{
    RET(jump_indirect(s, in, rd64(s, in->dst)));
}
H(jmp_e_mr64)
{
    RET(jump_indirect(s, in, ld64(s, in, in->seg, ea_of(s, in))));
}
const Family jmp_e = { .fn = { [RR] = { NULL, jmp_e_any, jmp_e_any, jmp_e_rr64 },
                               [MR] = { NULL, jmp_e_any, jmp_e_any, jmp_e_mr64 } } };

/* ---- call: a bad stack comes before a bad target, and nothing is pushed for either ---- */
static void call_check(X86State *s, const Insn *in, uint64_t to)
{
    soft_probe_w(s, in, ss_seg(s), (s->g[RSP] - in->osz) & sp_mask(s), in->osz);
    soft_check_target(s, in, to);
}

H(call_any)
{
    uint64_t to = jump_target(s, in);
    call_check(s, in, to);
    soft_push(s, in, in->osz, insn_next_rip(s, in));
    RET(soft_jump_slow(s, in, to));
}

H(call_32)
{
    uint32_t sp = s->g[RSP] - 4, to = s->g[G_RIPBASE] + in->imm;
    const uint32_t flat = H_SS32 | H_FLAT_SS | H_FLAT_CS;
    volatile uint32_t *p = (s->hflags & flat) == flat ? tlb_hit_w(s, sp, 4) : NULL;
    if (UNLIKELY(!p)) {
        return call_any(s, in);
    }
    *p = insn_rip(s, in) + in->len;
    s->g[RSP] = sp;
    if ((Block *)in->disp) {
        RET(jump_direct(s, in));
    }
    RET(jump_indirect(s, in, to));
}

/* A canonical target of a call that stays in the page or hits the jump cache was checked before. */
H(call_64)
{
    uint64_t sp = s->g[RSP] - 8, to = s->g[G_RIPBASE] + in->imm;
    volatile uint64_t *p = tlb_hit_w(s, sp, 8);
    if (UNLIKELY(!p || (int64_t)to >> 47 != (int64_t)to >> 63)) {
        return call_any(s, in);
    }
    *p = insn_rip(s, in) + in->len;
    s->g[RSP] = sp;
    if ((Block *)in->disp) {
        RET(jump_direct(s, in));
    }
    RET(jump_indirect(s, in, to));
}
const Family call = { .fn = { [RI] = { NULL, call_any, call_32, call_64 } } };

H(call_e_any)
{
    uint64_t to = branch_operand(s, in);
    call_check(s, in, to);
    soft_push(s, in, in->osz, insn_next_rip(s, in));
    RET(insn_jump(s, in, to));
}
FAMILY_ALL(call_e, call_e_any);

/* ---- ret: rSP moves only when the target is good ---- */
H(ret_any)
{
    uint64_t sp = s->g[RSP] & sp_mask(s);
    uint64_t to = soft_ld(s, in, ss_seg(s), sp, in->osz);
    soft_check_target(s, in, to);
    sp_set(s, sp + in->osz + (in->row->a == IW ? (uint16_t)in->imm : 0));
    RET(insn_jump(s, in, to));
}

/* imm is 0 when the form has none */
H(ret_32)
{
    const uint32_t flat = H_SS32 | H_FLAT_SS | H_FLAT_CS;
    uint32_t sp = s->g[RSP], to;
    const volatile uint32_t *p = (s->hflags & flat) == flat ? tlb_hit_r(s, sp, 4) : NULL;
    if (UNLIKELY(!p)) {
        return ret_any(s, in);
    }
    to = *p;
    s->g[RSP] = (uint32_t)(sp + 4 + in->imm);
    RET(jump_indirect(s, in, to));
}
H(ret_64)
{
    const volatile uint64_t *p = tlb_hit_r(s, s->g[RSP], 8);
    uint64_t to = p ? *p : 1ull << 63;
    if (UNLIKELY((int64_t)to >> 47 != (int64_t)to >> 63)) {
        return ret_any(s, in);
    }
    s->g[RSP] += 8 + in->imm;
    RET(jump_indirect(s, in, to));
}
const Family ret = {
    .fn = { [RR] = { NULL, ret_any, ret_32, ret_64 }, [RI] = { NULL, ret_any, ret_32, ret_64 } }
};

/* ---- loops: the counter's width is the address size's ---- */
static uint64_t counter(const X86State *s, const Insn *in)
{
    return s->g[RCX] & in->amask;
}

static const Insn *loop_if(X86State *s, const Insn *in, bool and_this)
{
    uint64_t n = (s->g[RCX] - 1) & in->amask;
    if (n && and_this) {
        soft_check_target(s, in, jump_target(s, in));
    }
    reg_write(s, RCX * 8, in->asz, n);
    if (n && and_this) {
        RET(in->osz == 2 ? jump_direct16(s, in) : jump_direct(s, in));
    }
    NEXT;
}

H(loop_all)
{
    return loop_if(s, in, true);
}
H(loope_all)
{
    return loop_if(s, in, cond_true(s, 4));
}
H(loopne_all)
{
    return loop_if(s, in, cond_true(s, 5));
}
H(jcxz_all)
{
    if (!counter(s, in)) {
        RET(in->osz == 2 ? jump_direct16(s, in) : jump_direct(s, in));
    }
    NEXT;
}
FAMILY_ALL(loop, loop_all);
FAMILY_ALL(loope, loope_all);
FAMILY_ALL(loopne, loopne_all);
FAMILY_ALL(jcxz, jcxz_all);

/* ---- the rest ---- */
H(hlt_all)
{
    atomic_store(&s->vcpu->halted, true);
    RET(insn_leave(s, in));
}
FAMILY_ALL(hlt, hlt_all);

static int64_t bound_ld(X86State *s, const Insn *in, unsigned index)
{
    uint64_t ea = (ea_of(s, in) + index * in->osz) & in->amask;
    uint64_t v = soft_ld(s, in, in->seg, ea, in->osz);
    return in->osz == 2 ? (int16_t)v : (int32_t)v;
}

H(bound_all)
{
    int64_t low = bound_ld(s, in, 0), high = bound_ld(s, in, 1);
    int64_t i = in->osz == 2 ? (int16_t)rd16(s, in->dst) : (int32_t)rd32(s, in->dst);
    if (i < low || i > high) {
        soft_raise(s, in, EXC_BR, 0);
    }
    NEXT;
}
FAMILY_ALL(bound, bound_all);

const Insn *insn_ud(X86State *s, const Insn *in)
{
    soft_raise(s, in, EXC_UD, 0);
}
const Insn *insn_gp0(X86State *s, const Insn *in)
{
    soft_raise(s, in, EXC_GP, 0);
}
FAMILY_ALL(ud, insn_ud);

/* Anything may follow: used by far transfers and system instructions too. */
const Insn *insn_jump(X86State *s, const Insn *in, uint64_t to)
{
    return cs_is_flat(s) ? jump_indirect(s, in, to) : soft_jump_slow(s, in, to);
}
