/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MMX, SSE and AVX instructions: find the operands, run the exec thunk. Memory operands are reached
 * in place where they lie in one page of RAM, else through a bounce buffer; alignment is checked
 * here, before the host would fault. Source: Intel SDM volume 2; volume 1, 9.5 (MMX and the x87
 * tags).
 */
#include "accel/soft/op-vec.h"

#include <string.h>

#include "accel/soft/fpu.h"
#include "accel/soft/ops.h"
#include "accel/soft/thunk.h"

/* ---- operands ---- */
static unsigned reg_no(const Insn *in)
{
    return (in->modrm >> 3 & 7) | (in->rex & 4 ? 8 : 0);
}

static unsigned rm_no(const Insn *in)
{
    return (in->modrm & 7) | (in->rex & 1 ? 8 : 0);
}

static void *register_at(X86State *s, unsigned kind, unsigned n)
{
    FpuImage *f = fpu_mem(s);
    switch (kind) {
    case T_XMM: return f->xmm[n];
    case T_MMX: return f->st[n & 7];
    default: return NULL;
    }
}

/*
 * An MMX instruction sets TOP to 0 and all tags to valid. MM registers are physical registers, the
 * image's are relative to TOP: turn it.
 */
static void mmx_enter(X86State *s, const Insn *in)
{
    FpuImage *f = fpu_mem(s);
    if (f->fsw & FSW_ES)
        soft_raise(s, in, EXC_MF, 0);
    fpu_top_zero(f);
    f->ftw = 0xff;
}

/* a register that an MMX instruction writes reads as a NaN from x87 */
static void mmx_leave(X86State *s, const Thunk *t, const Insn *in)
{
    FpuImage *f = fpu_mem(s);
    unsigned a = in->row->a;
    if (a == PQ)
        memset(f->st[in->modrm >> 3 & 7] + 8, 0xff, 2);
    else if (a == NQ || (a == QQ && t->rm == T_MMX))
        memset(f->st[in->modrm & 7] + 8, 0xff, 2);
}

_Noreturn static void raise_xm(X86State *s, const Insn *in)
{
    soft_raise(s, in, s->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD, 0);
}

static void run(X86State *s, const Insn *in, const Thunk *t, void *rm)
{
    uint64_t *gpr = t->reg == T_GPR ? &s->g[reg_no(in)] : t->rm == T_GPR ? &s->g[rm_no(in)] : NULL;
    FpuImage *f = fpu_mem(s);
    if (UNLIKELY(!t->run(register_at(s, t->reg, reg_no(in)), rm, gpr, s, f->xmm[in->vvvv],
                         f->xmm[in->dst & 15])))
        raise_xm(s, in);
}

/* ---- memory ---- */
static void check_align(X86State *s, const Insn *in, const Thunk *t, uint64_t ea)
{
    if (t->align > 1)
        need_aligned(s, in, ea, t->align);
}

void vec_load(X86State *s, const Insn *in, uint64_t ea, void *to, unsigned n)
{
    uint8_t *p = to;
    soft_check_read(s, in, in->seg, ea, n);
    for (unsigned i = 0, size; i < n; i += size) {
        size = n - i >= 8 ? 8 : n - i >= 4 ? 4 : n - i >= 2 ? 2 : 1;
        uint64_t v = soft_ld(s, in, in->seg, (ea + i) & in->amask, size);
        memcpy(p + i, &v, size);
    }
}

/* the caller has probed */
void vec_store(X86State *s, const Insn *in, uint64_t ea, const void *from, unsigned n)
{
    const uint8_t *p = from;
    for (unsigned i = 0, size; i < n; i += size) {
        uint64_t v = 0;
        size = n - i >= 8 ? 8 : n - i >= 4 ? 4 : n - i >= 2 ? 2 : 1;
        memcpy(&v, p + i, size);
        soft_st(s, in, in->seg, (ea + i) & in->amask, size, v);
    }
}

/* ---- handlers: no memory, memory read, memory written ---- */
H(vec_rr)
{
    const Thunk *t = thunk_of(in);
    if (t->mmx)
        mmx_enter(s, in);
    run(s, in, t, register_at(s, t->rm, rm_no(in)));
    if (t->mmx)
        mmx_leave(s, t, in);
    NEXT;
}

SLOW(vec_ld_bounce)
{
    const Thunk *t = thunk_of(in);
    uint8_t bounce[32] __attribute__((aligned(32)));
    vec_load(s, in, ea_of(s, in), bounce, t->msize);
    if (t->mmx)
        mmx_enter(s, in);
    run(s, in, t, bounce);
    if (t->mmx)
        mmx_leave(s, t, in);
    NEXT_LOOP;
}

H(vec_ld)
{
    const Thunk *t = thunk_of(in);
    uint64_t ea = ea_of(s, in);
    check_align(s, in, t, ea);
    void *p = fast_r(s, in, ea, t->msize);
    if (UNLIKELY(!p))
        return vec_ld_bounce(s, in);
    if (t->mmx)
        mmx_enter(s, in);
    run(s, in, t, p);
    if (t->mmx)
        mmx_leave(s, t, in);
    NEXT;
}

SLOW(vec_st_bounce)
{
    const Thunk *t = thunk_of(in);
    uint64_t ea = ea_of(s, in);
    uint8_t bounce[32] __attribute__((aligned(32)));
    soft_probe_w(s, in, in->seg, ea, t->msize);
    if (t->mmx)
        mmx_enter(s, in);
    run(s, in, t, bounce);
    vec_store(s, in, ea, bounce, t->msize);
    NEXT_LOOP;
}

H(vec_st)
{
    const Thunk *t = thunk_of(in);
    uint64_t ea = ea_of(s, in);
    check_align(s, in, t, ea);
    void *p = fast_w(s, in, ea, t->msize);
    if (UNLIKELY(!p))
        return vec_st_bounce(s, in);
    if (t->mmx)
        mmx_enter(s, in);
    run(s, in, t, p);
    NEXT;
}

const Family vec = { .fn = {
                         [RR] = { vec_rr, vec_rr, vec_rr, vec_rr },
                         [RI] = { vec_rr, vec_rr, vec_rr, vec_rr },
                         [RM] = { vec_ld, vec_ld, vec_ld, vec_ld },
                         [MR] = { vec_st, vec_st, vec_st, vec_st },
                         [MI] = { vec_st, vec_st, vec_st, vec_st },
                     } };

/* ---- the few that no thunk can do ---- */
H(emms_)
{
    FpuImage *f = fpu_mem(s);
    if (f->fsw & FSW_ES)
        soft_raise(s, in, EXC_MF, 0);
    /* AMD's EMMS sets TOP too, Intel's leaves it */
    if (!x86_vendor_intel(s))
        fpu_top_zero(f);
    f->ftw = 0;
    NEXT;
}
FAMILY_ALL(emms, emms_);

/* MASKMOVQ, MASKMOVDQU: bytes whose mask has bit 7 set go to DS:rDI */
static const Insn *maskmov(X86State *s, const Insn *in, const uint8_t *data, const uint8_t *mask,
                           unsigned n)
{
    unsigned seg = in->seg_no < SEG_FLAT ? in->seg_no : SEG_DS;
    if ((s->hflags & H_CS64) && seg != SEG_FS && seg != SEG_GS)
        seg = SEG_FLAT;
    uint64_t wrap = in->asz == 8 ? ~0ull : in->asz == 4 ? 0xffffffffull : 0xffff;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < n; i++) {
            uint64_t ea = (s->g[RDI] + i) & wrap;
            if (!(mask[i] & 0x80))
                continue;
            if (pass)
                soft_st(s, in, seg, ea, 1, data[i]);
            else
                soft_probe_w(s, in, seg, ea, 1);
        }
    }
    return in;
}

H(maskmovq_)
{
    mmx_enter(s, in);
    FpuImage *f = fpu_mem(s);
    maskmov(s, in, f->st[reg_no(in) & 7], f->st[rm_no(in) & 7], 8);
    NEXT;
}
FAMILY_ALL(maskmovq, maskmovq_);

H(maskmovdqu_)
{
    FpuImage *f = fpu_mem(s);
    maskmov(s, in, f->xmm[reg_no(in)], f->xmm[rm_no(in)], 16);
    NEXT;
}
FAMILY_ALL(maskmovdqu, maskmovdqu_);
