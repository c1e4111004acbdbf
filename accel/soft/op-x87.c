/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87: arithmetic by exec thunk, control instructions and the environment in C, because FIP and FDP
 * are the guest's and their format depends on its mode. Source: Intel SDM volume 1, chapter 8.
 * Not modelled: FERR#. With CR0.NE clear a pending exception is dropped where a PC would raise
 * IRQ 13.
 */
#include <string.h>

#include "accel/soft/fpu.h"
#include "accel/soft/op-vec.h"
#include "accel/soft/ops.h"
#include "accel/soft/thunk.h"

/* before every waiting instruction */
static void check_pending(X86State *s, const Insn *in)
{
    FpuImage *f = fpu_mem(s);
    if (UNLIKELY(f->fsw & FSW_ES)) {
        if (s->cr0 & CR0_NE)
            soft_raise(s, in, EXC_MF, 0);
        f->fsw &= ~(FSW_ES | FSW_B | 0x7f);
    }
}

/* ES and B say whether an exception flag is set that the control word does not mask */
static void summarize(FpuImage *f)
{
    if (f->fsw & ~f->fcw & 0x3f)
        f->fsw |= FSW_ES | FSW_B;
    else
        f->fsw &= ~(FSW_ES | FSW_B);
}

static void record(X86State *s, const Insn *in, uint64_t ea)
{
    FpuImage *f = fpu_mem(s);
    f->fop = (in->op & 7) << 8 | in->modrm;
    f->fip = insn_rip(s, in);
    f->fdp = in->mem ? ea : f->fdp;
    if (!(s->hflags & H_CS64)) {
        f->fip = (uint32_t)f->fip | (uint64_t)s->seg[SEG_CS].sel << 32;
        f->fdp = (uint32_t)f->fdp |
                 (uint64_t)s->seg[in->seg_no < SEG_FLAT ? in->seg_no : SEG_DS].sel << 32;
    }
}

/* the host leaves its own FIP and FDP in the image: never show them to the guest */
static void run(X86State *s, const Insn *in, const Thunk *t, void *mem, uint64_t ea)
{
    FpuImage *f = fpu_mem(s);
    uint64_t fdp = f->fdp;
    t->run(NULL, mem, NULL, s, NULL, NULL);
    f->fdp = fdp;
    record(s, in, ea);
}

H(fp_rr)
{
    check_pending(s, in);
    run(s, in, thunk_of(in), NULL, 0);
    NEXT;
}

SLOW(fp_load_bounce)
{
    const Thunk *t = thunk_of(in);
    uint64_t ea = ea_of(s, in);
    uint8_t bounce[16] __attribute__((aligned(16)));
    vec_load(s, in, ea, bounce, t->msize);
    run(s, in, t, bounce, ea);
    NEXT_LOOP;
}

H(fp_load)
{
    const Thunk *t = thunk_of(in);
    uint64_t ea = ea_of(s, in);
    check_pending(s, in);
    void *p = fast_r(s, in, ea, t->msize);
    if (UNLIKELY(!p))
        return fp_load_bounce(s, in);
    run(s, in, t, p, ea);
    NEXT;
}

SLOW(fp_store_bounce)
{
    const Thunk *t = thunk_of(in);
    uint64_t ea = ea_of(s, in);
    uint8_t bounce[16] __attribute__((aligned(16)));
    soft_probe_w(s, in, in->seg, ea, t->msize);
    /* an unmasked exception leaves memory as it was */
    vec_load(s, in, ea, bounce, t->msize);
    run(s, in, t, bounce, ea);
    vec_store(s, in, ea, bounce, t->msize);
    NEXT_LOOP;
}

H(fp_store)
{
    const Thunk *t = thunk_of(in);
    uint64_t ea = ea_of(s, in);
    check_pending(s, in);
    void *p = fast_w(s, in, ea, t->msize);
    if (UNLIKELY(!p))
        return fp_store_bounce(s, in);
    run(s, in, t, p, ea);
    NEXT;
}

FAMILY_ALL(fp, fp_rr);
FAMILY_ALL(fp_ld, fp_load);
FAMILY_ALL(fp_st, fp_store);

/* ---- control ---- */
H(fnop_h)
{
    check_pending(s, in);
    NEXT;
}
FAMILY_ALL(fnop_, fnop_h);
FAMILY_ALL(fwait_, fnop_h);

static void image_init(FpuImage *f)
{
    f->fcw = FCW_INIT;
    f->fsw = 0;
    f->ftw = 0;
    f->fop = 0;
    f->fip = f->fdp = 0;
}

H(fninit_)
{
    fpu_top_zero(fpu_mem(s));
    image_init(fpu_mem(s));
    NEXT;
}
FAMILY_ALL(fninit, fninit_);

H(fnclex_)
{
    fpu_mem(s)->fsw &= ~(FSW_ES | FSW_B | 0x7f);
    NEXT;
}
FAMILY_ALL(fnclex, fnclex_);

H(fldcw_)
{
    check_pending(s, in);
    uint16_t v = ld16(s, in, in->seg, ea_of(s, in));
    FpuImage *f = fpu_mem(s);
    f->fcw = (v & 0x1f7f) | 0x40;
    summarize(f);
    NEXT;
}
FAMILY_ALL(fldcw, fldcw_);

H(fnstcw_)
{
    st16(s, in, in->seg, ea_of(s, in), fpu_mem(s)->fcw);
    NEXT;
}
FAMILY_ALL(fnstcw, fnstcw_);

H(fnstsw_)
{
    st16(s, in, in->seg, ea_of(s, in), fpu_mem(s)->fsw);
    NEXT;
}
FAMILY_ALL(fnstsw, fnstsw_);

H(fnstsw_ax_)
{
    wr16(s, RAX * 8, fpu_mem(s)->fsw);
    NEXT;
}
FAMILY_ALL(fnstsw_ax, fnstsw_ax_);

/* ---- environment: 14 or 28 bytes, in the protected or the real-mode format ---- */
/* full tags from abridged ones: 0 valid, 1 zero, 2 special, 3 empty; index is physical */
static uint16_t full_tags(const FpuImage *f)
{
    unsigned top = f->fsw >> FSW_TOP_SHIFT & 7, tags = 0;
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t *r = f->st[(i - top) & 7];
        uint64_t mantissa;
        uint16_t exponent;
        unsigned tag = 3;
        memcpy(&mantissa, r, 8);
        memcpy(&exponent, r + 8, 2);
        exponent &= 0x7fff;
        if (f->ftw >> i & 1)
            tag = !exponent && !mantissa                                 ? 1
                  : !exponent || exponent == 0x7fff || !(mantissa >> 63) ? 2
                                                                         : 0;
        tags |= tag << (2 * i);
    }
    return tags;
}

static bool real_format(const X86State *s)
{
    return !(s->hflags & H_PE) || (s->hflags & H_VM);
}

/* -> its size */
static unsigned environment_put(X86State *s, const Insn *in, uint8_t *out)
{
    const FpuImage *f = fpu_mem(s);
    uint32_t fip = f->fip, fdp = f->fdp, fcs = f->fip >> 32 & 0xffff, fds = f->fdp >> 32 & 0xffff;
    bool real = real_format(s);
    if (s->hflags & H_CS64)
        fcs = fds = 0;
    if (real) {
        fip += fcs << 4;
        fdp += fds << 4;
    }
    if (in->osz == 2) {
        uint16_t w[7] = { f->fcw, f->fsw, full_tags(f), fip, fcs, fdp, fds };
        if (real) {
            w[4] = (fip >> 16 & 15) << 12 | (f->fop & 0x7ff);
            w[6] = (fdp >> 16 & 15) << 12;
        }
        memcpy(out, w, sizeof(w));
        return sizeof(w);
    }
    uint32_t d[7] = { 0xffff0000 | f->fcw,
                      0xffff0000 | f->fsw,
                      0xffff0000 | full_tags(f),
                      fip,
                      fcs | (uint32_t)(f->fop & 0x7ff) << 16,
                      fdp,
                      0xffff0000 | fds };
    if (real) {
        d[3] = 0xffff0000 | (fip & 0xffff);
        d[4] = (fip >> 16) << 12 | (f->fop & 0x7ff);
        d[5] = 0xffff0000 | (fdp & 0xffff);
        d[6] = (fdp >> 16) << 12;
    }
    memcpy(out, d, sizeof(d));
    return sizeof(d);
}

static unsigned environment_size(const Insn *in)
{
    return in->osz == 2 ? 14 : 28;
}

static void environment_take(X86State *s, const Insn *in, const uint8_t *from)
{
    FpuImage *f = fpu_mem(s);
    uint32_t v[7];
    for (unsigned i = 0; i < 7; i++) {
        uint16_t w;
        memcpy(&v[i], from + 4 * i, in->osz == 2 ? 0 : 4);
        memcpy(&w, from + 2 * i, 2);
        v[i] = in->osz == 2 ? w : v[i];
    }
    f->fcw = (v[0] & 0x1f7f) | 0x40;
    f->fsw = v[1];
    f->ftw = 0;
    for (unsigned i = 0; i < 8; i++)
        f->ftw |= ((v[2] >> (2 * i) & 3) != 3) << i;
    if (real_format(s)) {
        f->fip = (v[3] & 0xffff) | (v[4] >> 12 & 0xffff) << 16;
        f->fdp = (v[5] & 0xffff) | (v[6] >> 12 & 0xffff) << 16;
        f->fop = v[4] & 0x7ff;
    } else {
        f->fip = v[3] | (uint64_t)(v[4] & 0xffff) << 32;
        f->fdp = v[5] | (uint64_t)(v[6] & 0xffff) << 32;
        f->fop = in->osz == 2 ? 0 : v[4] >> 16 & 0x7ff;
    }
    summarize(f);
}

H(fnstenv_)
{
    uint8_t b[28];
    uint64_t ea = ea_of(s, in);
    unsigned n = environment_put(s, in, b);
    soft_probe_w(s, in, in->seg, ea, n);
    vec_store(s, in, ea, b, n);
    fpu_mem(s)->fcw |= 0x3f;
    summarize(fpu_mem(s));
    NEXT_LOOP;
}
FAMILY_ALL(fnstenv, fnstenv_);

H(fldenv_)
{
    uint8_t b[28];
    check_pending(s, in);
    vec_load(s, in, ea_of(s, in), b, environment_size(in));
    environment_take(s, in, b);
    NEXT_LOOP;
}
FAMILY_ALL(fldenv, fldenv_);

H(fnsave_)
{
    uint8_t b[28 + 80];
    uint64_t ea = ea_of(s, in);
    unsigned n = environment_put(s, in, b);
    for (unsigned i = 0; i < 8; i++)
        memcpy(b + n + 10 * i, fpu_mem(s)->st[i], 10);
    soft_probe_w(s, in, in->seg, ea, n + 80);
    vec_store(s, in, ea, b, n + 80);
    image_init(fpu_mem(s));
    NEXT_LOOP;
}
FAMILY_ALL(fnsave, fnsave_);

H(frstor_)
{
    uint8_t b[28 + 80];
    unsigned n = environment_size(in);
    check_pending(s, in);
    vec_load(s, in, ea_of(s, in), b, n + 80);
    environment_take(s, in, b);
    for (unsigned i = 0; i < 8; i++)
        memcpy(fpu_mem(s)->st[i], b + n + 10 * i, 10);
    NEXT_LOOP;
}
FAMILY_ALL(frstor, frstor_);
