/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saving and loading the x87 and SSE state: FXSAVE, XSAVE and their kin, MXCSR, and the answer to
 * an FPU instruction when the FPU is off. Source: Intel SDM volume 1, 10.5 and chapter 13. Not
 * modelled: the init optimisation (XINUSE is all ones), supervisor components.
 */
#include <string.h>

#include "accel/soft/fpu.h"
#include "accel/soft/op-vec.h"
#include "accel/soft/ops.h"

enum { XSAVE_HEADER = 512, XSAVE_AVX = 576, XSAVE_MAX = 832, LEGACY_SIZE = 512 };
enum { XCR0_X87 = 1, XCR0_SSE = 2, XCR0_AVX = 4 };

/* decode.c puts this in place of any x87, MMX, SSE or WAIT row while hflags say H_NOFPU */
const Insn *insn_nofpu(X86State *s, const Insn *in)
{
    uint32_t attr = in->row->attr;
    bool em = s->cr0 & CR0_EM, ts = s->cr0 & CR0_TS;
    if ((attr & (MMX | SSE)) && em)
        soft_raise(s, in, EXC_UD, 0);
    if ((attr & SSE) && !(s->cr4 & CR4_OSFXSR))
        soft_raise(s, in, EXC_UD, 0);
    if ((attr & WAITING) && !(ts && s->cr0 & CR0_MP))
        return in->row->fam->fn[RR][0](s, in);
    soft_raise(s, in, EXC_NM, 0);
}

static unsigned xmm_count(const X86State *s)
{
    return s->hflags & H_CS64 ? 16 : 8;
}

/* FIP and FDP: 64 bits with REX.W, else 32 and the selector */
static uint64_t pointer_format(const Insn *in, uint64_t p)
{
    return in->rex & 8 ? p : p & 0xffffffffffffull;
}

/* ---- MXCSR ---- */
H(ldmxcsr_)
{
    uint32_t v = ld32(s, in, in->seg, ea_of(s, in));
    if (v & ~MXCSR_MASK)
        soft_raise(s, in, EXC_GP, 0);
    fpu_mem(s)->mxcsr = v;
    NEXT;
}
FAMILY_ALL(ldmxcsr, ldmxcsr_);

H(stmxcsr_)
{
    st32(s, in, in->seg, ea_of(s, in), fpu_mem(s)->mxcsr);
    NEXT;
}
FAMILY_ALL(stmxcsr, stmxcsr_);

/* ---- the legacy region ---- */
static void legacy_copy_x87(FpuImage *to, const FpuImage *from)
{
    memcpy(to, from, 24);
    memcpy(to->st, from->st, sizeof(to->st));
}

/* the 6 bytes behind each ST register are reserved: they do not come in */
static void legacy_take_x87(X86State *s, const Insn *in, const FpuImage *from)
{
    FpuImage *f = fpu_mem(s);
    legacy_copy_x87(f, from);
    f->pad0 = 0;
    f->fop &= 0x7ff;
    f->fcw = (f->fcw & 0x1f7f) | 0x40;
    f->fip = pointer_format(in, f->fip);
    f->fdp = pointer_format(in, f->fdp);
    for (unsigned i = 0; i < 8; i++)
        memset(f->st[i] + 10, 0, 6);
    if (f->fsw & ~f->fcw & 0x3f)
        f->fsw |= FSW_ES | FSW_B;
    else
        f->fsw &= ~(FSW_ES | FSW_B);
}

H(fxsave_)
{
    FpuImage out = *fpu_mem(s);
    uint64_t ea = ea_of(s, in);
    need_aligned(s, in, ea, 16);
    soft_probe_w(s, in, in->seg, ea, LEGACY_SIZE);
    out.mxcsr_mask = MXCSR_MASK;
    out.fip = pointer_format(in, out.fip);
    out.fdp = pointer_format(in, out.fdp);
    vec_store(s, in, ea, &out, offsetof(FpuImage, xmm) + 16 * xmm_count(s));
    NEXT_LOOP;
}
FAMILY_ALL(fxsave, fxsave_);

H(fxrstor_)
{
    FpuImage v, *f = fpu_mem(s);
    uint64_t ea = ea_of(s, in);
    need_aligned(s, in, ea, 16);
    vec_load(s, in, ea, &v, LEGACY_SIZE);
    if (v.mxcsr & ~MXCSR_MASK)
        soft_raise(s, in, EXC_GP, 0);
    legacy_take_x87(s, in, &v);
    f->mxcsr = v.mxcsr;
    memcpy(f->xmm, v.xmm, 16 * xmm_count(s));
    NEXT_LOOP;
}
FAMILY_ALL(fxrstor, fxrstor_);

/* ---- XSAVE ---- */
static uint64_t xsave_mask(X86State *s, const Insn *in, uint64_t ea)
{
    if (!(s->cr4 & CR4_OSXSAVE))
        soft_raise(s, in, EXC_UD, 0);
    if (s->cr0 & CR0_TS)
        soft_raise(s, in, EXC_NM, 0);
    need_aligned(s, in, ea, 64);
    return ((s->g[RDX] << 32) | (uint32_t)s->g[RAX]) & s->xcr0;
}

/* XSAVE and XSAVEOPT (0F AE), XSAVEC (0F C7): the standard offsets hold for both, AVX being first
 */
H(xsave_)
{
    uint64_t ea = ea_of(s, in);
    uint64_t mask = xsave_mask(s, in, ea);
    bool compact = in->op == 0xc7;
    FpuImage *f = fpu_mem(s), out = *f;
    unsigned n = mask & XCR0_AVX ? XSAVE_MAX : XSAVE_AVX;
    soft_probe_w(s, in, in->seg, ea, n);
    out.mxcsr_mask = MXCSR_MASK;
    out.fip = pointer_format(in, out.fip);
    out.fdp = pointer_format(in, out.fdp);
    if (mask & XCR0_X87) {
        vec_store(s, in, ea, &out, 24);
        vec_store(s, in, ea + 32, out.st, sizeof(out.st));
    }
    if (mask & (XCR0_SSE | XCR0_AVX))
        vec_store(s, in, ea + 24, &out.mxcsr, 8);
    if (mask & XCR0_SSE)
        vec_store(s, in, ea + offsetof(FpuImage, xmm), out.xmm, 16 * xmm_count(s));
    if (mask & XCR0_AVX)
        vec_store(s, in, ea + XSAVE_AVX, out.ymm_high, 16 * xmm_count(s));
    uint64_t bv = soft_ld(s, in, in->seg, ea + XSAVE_HEADER, 8);
    soft_st(s, in, in->seg, ea + XSAVE_HEADER, 8, compact ? mask : (bv & ~mask) | mask);
    if (compact)
        soft_st(s, in, in->seg, ea + XSAVE_HEADER + 8, 8, mask | 1ull << 63);
    NEXT_LOOP;
}
FAMILY_ALL(xsave, xsave_);

/* The standard form has MXCSR with SSE or AVX, whatever XSTATE_BV says; the compacted one has it
 * with SSE. */
static bool mxcsr_wanted(const FpuImage *v, uint64_t mask)
{
    return v->xcomp_bv >> 63 ? mask & v->xstate_bv & XCR0_SSE : mask & (XCR0_SSE | XCR0_AVX);
}

static void xrstor_check(X86State *s, const Insn *in, const FpuImage *v, uint64_t mask)
{
    bool compact = v->xcomp_bv >> 63;
    bool bad = v->xstate_bv & ~s->xcr0;
    if (compact) {
        bad |= !x86_has(s, HAS_XSAVEC) || (v->xcomp_bv & ~(1ull << 63) & ~s->xcr0) ||
               (v->xstate_bv & ~v->xcomp_bv);
    } else {
        bad |= v->xcomp_bv != 0;
    }
    /* bytes 16 to 23 of the header always, the rest in the compacted form only */
    for (unsigned i = 0; i < (compact ? 6 : 1); i++)
        bad |= v->header_pad[i] != 0;
    bad |= mxcsr_wanted(v, mask) && (v->mxcsr & ~MXCSR_MASK);
    if (bad)
        soft_raise(s, in, EXC_GP, 0);
}

H(xrstor_)
{
    FpuImage v, *f = fpu_mem(s);
    uint64_t ea = ea_of(s, in);
    uint64_t mask = xsave_mask(s, in, ea);
    vec_load(s, in, ea, &v, mask & XCR0_AVX ? XSAVE_MAX : XSAVE_AVX);
    xrstor_check(s, in, &v, mask);
    uint64_t load = mask & v.xstate_bv, init = mask & ~v.xstate_bv;
    if (load & XCR0_X87) {
        legacy_take_x87(s, in, &v);
    } else if (init & XCR0_X87) {
        FpuImage blank = { .fcw = FCW_INIT };
        legacy_take_x87(s, in, &blank);
    }
    if (mxcsr_wanted(&v, mask))
        f->mxcsr = v.mxcsr;
    else if (init & XCR0_SSE)
        f->mxcsr = MXCSR_INIT;
    if (load & XCR0_SSE)
        memcpy(f->xmm, v.xmm, 16 * xmm_count(s));
    else if (init & XCR0_SSE)
        memset(f->xmm, 0, 16 * xmm_count(s));
    if (load & XCR0_AVX)
        memcpy(f->ymm_high, v.ymm_high, 16 * xmm_count(s));
    else if (init & XCR0_AVX)
        memset(f->ymm_high, 0, 16 * xmm_count(s));
    NEXT_LOOP;
}
FAMILY_ALL(xrstor, xrstor_);
