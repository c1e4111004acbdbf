/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * push pop pusha popa pushf popf enter leave. The stack pointer's width is SS.B's (16, 32 or 64
 * bits), a slot's width the operand size's. rSP changes after the last access that can fault.
 */
#include "accel/soft/ops.h"
#include "accel/soft/rows.h"

/* ---- the shared halves: also far transfers push and pop by these ---- */
void soft_push(X86State *s, const Insn *in, unsigned size, uint64_t v)
{
    uint64_t sp = (s->g[RSP] - size) & sp_mask(s);
    soft_st(s, in, ss_seg(s), sp, size, v);
    sp_set(s, sp);
}

uint64_t soft_pop(X86State *s, const Insn *in, unsigned size)
{
    uint64_t sp = s->g[RSP] & sp_mask(s);
    uint64_t v = soft_ld(s, in, ss_seg(s), sp, size);
    sp_set(s, sp + size);
    return v;
}

/* The inlined slot: flat 64- and 32-bit stacks; the width of rSP is wider than any wrap there. */
static inline void *slot_w(X86State *s, unsigned size)
{
    if (LIKELY(s->hflags & H_CS64)) {
        return tlb_hit_w(s, s->g[RSP] - size, size);
    }
    if ((s->hflags & (H_SS32 | H_FLAT_SS)) == (H_SS32 | H_FLAT_SS)) {
        return tlb_hit_w(s, (uint32_t)(s->g[RSP] - size), size);
    }
    return NULL;
}
static inline void *slot_r(X86State *s, unsigned size)
{
    if (LIKELY(s->hflags & H_CS64)) {
        return tlb_hit_r(s, s->g[RSP], size);
    }
    if ((s->hflags & (H_SS32 | H_FLAT_SS)) == (H_SS32 | H_FLAT_SS)) {
        return tlb_hit_r(s, (uint32_t)s->g[RSP], size);
    }
    return NULL;
}
/* after a hit: 64 bits, or 32 with the upper half cleared */
static inline void sp_moved(X86State *s, int by)
{
    uint64_t sp = s->g[RSP] + by;
    s->g[RSP] = LIKELY(s->hflags & H_CS64) ? sp : (uint32_t)sp;
}

/* ---- push ---- */
#define PUSH_SIZE(bits)                                                                \
    SLOW(push_slow##bits)                                                              \
    {                                                                                  \
        uint##bits##_t v = in->mem            ? ld##bits(s, in, in->seg, ea_of(s, in)) \
                           : in->row->a == ZR ? rd##bits(s, in->dst)                   \
                           : in->row->a == E  ? rd##bits(s, in->dst)                   \
                                              : (uint##bits##_t)in->imm;                \
        soft_push(s, in, bits / 8, v);                                                 \
        NEXT;                                                                          \
    }                                                                                  \
    H(push_r##bits)                                                                    \
    {                                                                                  \
        volatile uint##bits##_t *p = slot_w(s, bits / 8);                              \
        if (UNLIKELY(!p)) {                                                            \
            return push_slow##bits(s, in);                                             \
        }                                                                              \
        *p = rd##bits(s, in->dst);                                                     \
        sp_moved(s, -(bits / 8));                                                      \
        NEXT;                                                                          \
    }                                                                                  \
    H(push_i##bits)                                                                    \
    {                                                                                  \
        volatile uint##bits##_t *p = slot_w(s, bits / 8);                              \
        if (UNLIKELY(!p)) {                                                            \
            return push_slow##bits(s, in);                                             \
        }                                                                              \
        *p = in->imm;                                                                  \
        sp_moved(s, -(bits / 8));                                                      \
        NEXT;                                                                          \
    }
PUSH_SIZE(16)
PUSH_SIZE(32)
PUSH_SIZE(64)
const Family push = { .fn = { [RR] = { NULL, push_r16, push_r32, push_r64 },
                              [RI] = { NULL, push_i16, push_i32, push_i64 },
                              [MR] = { NULL, push_slow16, push_slow32, push_slow64 } } };

/* ---- pop: POP rSP ends with the popped value ---- */
#define POP_SIZE(bits)                                          \
    SLOW(pop_slow##bits)                                        \
    {                                                           \
        wr##bits(s, in->dst, soft_pop(s, in, bits / 8));        \
        NEXT;                                                   \
    }                                                           \
    H(pop_r##bits)                                              \
    {                                                           \
        const volatile uint##bits##_t *p = slot_r(s, bits / 8); \
        if (UNLIKELY(!p)) {                                     \
            return pop_slow##bits(s, in);                       \
        }                                                       \
        uint##bits##_t v = *p;                                  \
        sp_moved(s, bits / 8);                                  \
        wr##bits(s, in->dst, v);                                \
        NEXT;                                                   \
    }
POP_SIZE(16)
POP_SIZE(32)
POP_SIZE(64)
const Family pop = { .fn = { [RR] = { NULL, pop_r16, pop_r32, pop_r64 } } };

/* An address by rSP sees the new rSP; if the store faults, the old one is still there. */
#define POP_E_SIZE(bits)                              \
    H(pop_e##bits)                                    \
    {                                                 \
        uint64_t sp = s->g[RSP], ea;                  \
        uint##bits##_t v = soft_pop(s, in, bits / 8); \
        uint64_t popped = s->g[RSP];                  \
        if (!in->mem) {                               \
            wr##bits(s, in->dst, v);                  \
            NEXT;                                     \
        }                                             \
        ea = ea_of(s, in);                            \
        s->g[RSP] = sp;                               \
        st##bits(s, in, in->seg, ea, v);              \
        s->g[RSP] = popped;                           \
        NEXT;                                         \
    }
POP_E_SIZE(16)
POP_E_SIZE(32)
POP_E_SIZE(64)
const Family pop_e = {
    .fn = { [RR] = { NULL, pop_e16, pop_e32, pop_e64 }, [MR] = { NULL, pop_e16, pop_e32, pop_e64 } }
};

/* ---- push seg: a 4-byte slot gets 2 bytes, its upper half keeps what was there ---- */
H(push_seg_all)
{
    unsigned slot = in->osz, size = slot == 4 ? 2 : slot;
    uint64_t sp = (s->g[RSP] - slot) & sp_mask(s);
    soft_st(s, in, ss_seg(s), sp, size, s->seg[in->row->a - K_ES].sel);
    sp_set(s, sp);
    NEXT;
}
FAMILY_ALL(push_seg, push_seg_all);

/* ---- pusha, popa: all slots are checked before the first is written ---- */
H(pusha_all)
{
    unsigned size = in->osz, seg = ss_seg(s);
    uint64_t m = sp_mask(s), sp = s->g[RSP];
    for (unsigned i = 0; i < 8; i++) {
        soft_probe_w(s, in, seg, (sp - (i + 1) * size) & m, size);
    }
    for (unsigned i = 0; i < 8; i++) {
        soft_st(s, in, seg, (sp - (i + 1) * size) & m, size, reg_read(s, i * 8, size));
    }
    sp_set(s, sp - 8 * size);
    NEXT;
}
FAMILY_ALL(pusha, pusha_all);

H(popa_all)
{
    unsigned size = in->osz, seg = ss_seg(s);
    uint64_t m = sp_mask(s), sp = s->g[RSP], v[8];
    for (unsigned i = 0; i < 8; i++) {
        v[7 - i] = soft_ld(s, in, seg, (sp + i * size) & m, size);
    }
    for (unsigned i = 0; i < 8; i++) {
        if (i != RSP) {
            reg_write(s, i * 8, size, v[i]);
        }
    }
    sp_set(s, sp + 8 * size);
    NEXT;
}
FAMILY_ALL(popa, popa_all);

/* ---- pushf, popf ---- */
static bool v86(const X86State *s)
{
    return s->hflags & H_VM;
}
static unsigned cpl(const X86State *s)
{
    return s->hflags >> H_CPL_SHIFT & 3;
}
static unsigned iopl(const X86State *s)
{
    return s->rflags >> 12 & 3;
}

/* Virtual-8086 mode below IOPL 3: #GP, unless VME gives the 16-bit form a virtual IF. */
static bool v86_virtual_if(X86State *s, const Insn *in)
{
    if (!v86(s) || iopl(s) == 3) {
        return false;
    }
    if (!(s->cr4 & CR4_VME) || in->osz != 2) {
        soft_raise(s, in, EXC_GP, 0);
    }
    return true;
}

H(pushf_all)
{
    bool virtual_if = v86_virtual_if(s, in);
    uint64_t f = x86_flags(s) & ~(uint64_t)(FLAG_VM | FLAG_RF);
    if (virtual_if) {
        f = (f & ~(uint64_t)FLAG_IF) | FLAG_IOPL | (f & FLAG_VIF ? FLAG_IF : 0);
    }
    soft_push(s, in, in->osz, f);
    NEXT;
}
FAMILY_ALL(pushf, pushf_all);

static void popf_virtual(X86State *s, const Insn *in, uint64_t sp)
{
    uint64_t v = soft_ld(s, in, ss_seg(s), sp, 2), old = x86_flags(s);
    uint64_t change = FLAG_ARITH | FLAG_TF | FLAG_DF | FLAG_NT;
    if (v & FLAG_TF || (v & FLAG_IF && old & FLAG_VIP)) {
        soft_raise(s, in, EXC_GP, 0);
    }
    v = (old & ~change & ~(uint64_t)FLAG_VIF) | (v & change) | (v & FLAG_IF ? FLAG_VIF : 0);
    x86_set_flags(s, v);
    sp_set(s, sp + 2);
}

H(popf_all)
{
    uint64_t sp = s->g[RSP] & sp_mask(s), old, v;
    uint64_t change = FLAG_ARITH | FLAG_TF | FLAG_DF | FLAG_NT;
    if (v86_virtual_if(s, in)) {
        popf_virtual(s, in, sp);
        RET(insn_leave(s, in));
    }
    v = soft_ld(s, in, ss_seg(s), sp, in->osz);
    old = x86_flags(s);
    change |= in->osz > 2 ? FLAG_AC | FLAG_ID : 0;
    change |= cpl(s) <= iopl(s) ? FLAG_IF : 0;
    change |= cpl(s) == 0 ? FLAG_IOPL : 0;
    if (in->osz > 2) {
        old &= ~(uint64_t)FLAG_RF;
    }
    x86_set_flags(s, (old & ~change) | (v & change));
    sp_set(s, sp + in->osz);
    soft_hflags(s);
    RET(insn_leave(s, in));
}
FAMILY_ALL(popf, popf_all);

/* ---- enter, leave ---- */
static void enter_links(X86State *s, const Insn *in, unsigned level, uint64_t sp, uint64_t frame)
{
    unsigned size = in->osz, seg = ss_seg(s);
    uint64_t m = sp_mask(s), bp = s->g[RBP];
    for (unsigned i = 1; i < level; i++) {
        uint64_t link = soft_ld(s, in, seg, (bp - i * size) & m, size);
        soft_st(s, in, seg, (sp - (i + 1) * size) & m, size, link);
    }
    soft_st(s, in, seg, (sp - (level + 1) * size) & m, size, frame);
}

/*
 * The final rSP is probed although nothing is stored there, last: what was stored before stays, as
 * on processors. rBP's width is the operand's, the addresses' the stack's.
 */
H(enter_all)
{
    unsigned size = in->osz, seg = ss_seg(s), level = in->disp & 31;
    uint64_t m = sp_mask(s), sp = s->g[RSP], frame = (sp - size) & m;
    uint64_t last = (sp - (level + 1) * size - (uint16_t)in->imm) & m;

    soft_st(s, in, seg, frame, size, reg_read(s, RBP * 8, size));
    if (level) {
        enter_links(s, in, level, sp, frame);
    }
    soft_probe_w(s, in, seg, last, size);
    reg_write(s, RBP * 8, size, frame);
    sp_set(s, last);
    NEXT;
}
FAMILY_ALL(enter, enter_all);

H(leave_all)
{
    uint64_t bp = s->g[RBP] & sp_mask(s);
    uint64_t v = soft_ld(s, in, ss_seg(s), bp, in->osz);
    sp_set(s, bp + in->osz);
    reg_write(s, RBP * 8, in->osz, v);
    NEXT;
}
FAMILY_ALL(leave, leave_all);
