/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The common x87 instructions without a whole FXRSTOR and FXSAVE around each: only the operands go
 * to the host's FPU and back. Taken while every exception is masked, the registers needed are in
 * use and a push finds room; everything else is op-x87.c's. Source: Intel SDM volume 1, chapter 8.
 *
 * The host's sticky flags may be older than the instruction: they are cleared first when they hold
 * one that the guest's do not. Its control word is the initial one between instructions.
 */
#include "accel/soft/fpu.h"
#include "accel/soft/op-vec.h"
#include "accel/soft/ops.h"

typedef struct Ext {
    uint8_t b[10];
} Ext; /* what FLD m80 reads */
typedef long long Slot __attribute__((vector_size(16), may_alias));

enum { FSW_FLAGS = 0x7f, FSW_C0 = 1 << 8, FSW_C1 = 1 << 9, FSW_C2 = 1 << 10, FSW_C3 = 1 << 14 };
#define FSW_CC   (FSW_C0 | FSW_C2 | FSW_C3)

#define SLOW_RR  fp.fn[RR][2](s, in)
#define SLOW_LD  fp_ld.fn[RM][2](s, in)
#define SLOW_ST  fp_st.fn[MR][2](s, in)
#define X87REGS  "st", "st(1)", "st(2)", "memory"
#define EXT(p)   (*(Ext *)(p))
#define STNO(in) ((in)->modrm & 7)

/* ---- the state around an instruction ---- */
static inline unsigned top_of(const FpuImage *f)
{
    return f->fsw >> FSW_TOP_SHIFT & 7;
}
static inline bool used(const FpuImage *f, unsigned i)
{
    return f->ftw >> ((top_of(f) + i) & 7) & 1;
}
static inline bool all_masked(const FpuImage *f)
{
    return LIKELY((f->fcw & 0x3f) == 0x3f && !(f->fsw & FSW_ES));
}
static inline bool can_push(const FpuImage *f)
{
    return all_masked(f) && !used(f, 7);
}

static inline void begin(const FpuImage *f)
{
    uint16_t sw;
    asm volatile("fnstsw %0" : "=a"(sw));
    if (UNLIKELY(sw & FSW_FLAGS & ~f->fsw)) {
        asm volatile("fnclex");
    }
    if (UNLIKELY(f->fcw != FCW_INIT)) {
        asm volatile("fldcw %0" : : "m"(f->fcw));
    }
}

/* cc: the condition codes that the instruction defines beside C1 */
static inline void end(FpuImage *f, uint16_t sw, uint16_t cc)
{
    static const uint16_t init = FCW_INIT;
    f->fsw = (f->fsw & ~(FSW_C1 | cc)) | (sw & (0x3f | FSW_C1 | cc));
    if (UNLIKELY(f->fcw != FCW_INIT)) {
        asm volatile("fldcw %0" : : "m"(init));
    }
}

/* the pointers of FSTENV and FXSAVE, as op-x87.c keeps them */
static inline void record(X86State *s, const Insn *in, uint64_t ea)
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

/* The image is relative to TOP: a pop moves every register down one place, a push up. */
static inline void pop(FpuImage *f)
{
    Slot *r = (Slot *)f->st, first = r[0];
    f->ftw &= ~(1 << top_of(f));
    f->fsw = (f->fsw & ~FSW_TOP) | ((f->fsw + (1 << FSW_TOP_SHIFT)) & FSW_TOP);
    for (unsigned i = 0; i < 7; i++) {
        r[i] = r[i + 1];
    }
    r[7] = first;
}
static inline void push(FpuImage *f)
{
    Slot *r = (Slot *)f->st;
    f->fsw = (f->fsw & ~FSW_TOP) | ((f->fsw - (1 << FSW_TOP_SHIFT)) & FSW_TOP);
    f->ftw |= 1 << top_of(f);
    for (unsigned i = 7; i > 0; i--) {
        r[i] = r[i - 1];
    }
}

/* ---- st(0) = st(0) op x, st(i) = st(i) op st(0) ---- */
#define DEFINE_ARITH(name, insn)                                                       \
    static inline uint16_t name##_do(uint8_t *dst, const uint8_t *a, const uint8_t *b) \
    {                                                                                  \
        uint16_t sw;                                                                   \
        asm volatile("fldt %[b]\n\tfldt %[a]\n\t" insn                                 \
                     " %%st(1), %%st\n\tfnstsw %%ax\n\tfstpt %[d]\n\tfstp %%st(0)"     \
                     : "=a"(sw), [d] "=m"(EXT(dst))                                    \
                     : [a] "m"(EXT(a)), [b] "m"(EXT(b))                                \
                     : X87REGS);                                                       \
        return sw;                                                                     \
    }                                                                                  \
    H(name##_top)                                                                      \
    {                                                                                  \
        FpuImage *f = fpu_mem(s);                                                      \
        if (UNLIKELY(!all_masked(f) || !used(f, 0) || !used(f, STNO(in))))             \
            return SLOW_RR;                                                            \
        begin(f);                                                                      \
        end(f, name##_do(f->st[0], f->st[0], f->st[STNO(in)]), 0);                     \
        record(s, in, 0);                                                              \
        NEXT;                                                                          \
    }                                                                                  \
    H(name##_to)                                                                       \
    {                                                                                  \
        FpuImage *f = fpu_mem(s);                                                      \
        if (UNLIKELY(!all_masked(f) || !used(f, 0) || !used(f, STNO(in))))             \
            return SLOW_RR;                                                            \
        begin(f);                                                                      \
        end(f, name##_do(f->st[STNO(in)], f->st[STNO(in)], f->st[0]), 0);              \
        record(s, in, 0);                                                              \
        if (in->op == 0xde)                                                            \
            pop(f);                                                                    \
        NEXT;                                                                          \
    }                                                                                  \
    H(name##_m32)                                                                      \
    {                                                                                  \
        FpuImage *f = fpu_mem(s);                                                      \
        uint64_t ea = ea_of(s, in);                                                    \
        const float *p = hit_r(s, in, ea, 4);                                          \
        uint16_t sw;                                                                   \
        if (UNLIKELY(!p || !all_masked(f) || !used(f, 0)))                             \
            return SLOW_LD;                                                            \
        begin(f);                                                                      \
        asm volatile("fldt %[a]\n\t" insn "s %[b]\n\tfnstsw %%ax\n\tfstpt %[a]"        \
                     : "=a"(sw), [a] "+m"(EXT(f->st[0]))                               \
                     : [b] "m"(*p)                                                     \
                     : X87REGS);                                                       \
        end(f, sw, 0);                                                                 \
        record(s, in, ea);                                                             \
        NEXT;                                                                          \
    }                                                                                  \
    H(name##_m64)                                                                      \
    {                                                                                  \
        FpuImage *f = fpu_mem(s);                                                      \
        uint64_t ea = ea_of(s, in);                                                    \
        const double *p = hit_r(s, in, ea, 8);                                         \
        uint16_t sw;                                                                   \
        if (UNLIKELY(!p || !all_masked(f) || !used(f, 0)))                             \
            return SLOW_LD;                                                            \
        begin(f);                                                                      \
        asm volatile("fldt %[a]\n\t" insn "l %[b]\n\tfnstsw %%ax\n\tfstpt %[a]"        \
                     : "=a"(sw), [a] "+m"(EXT(f->st[0]))                               \
                     : [b] "m"(*p)                                                     \
                     : X87REGS);                                                       \
        end(f, sw, 0);                                                                 \
        record(s, in, ea);                                                             \
        NEXT;                                                                          \
    }                                                                                  \
    FAMILY_ALL(fp_##name, name##_top);                                                 \
    FAMILY_ALL(fp_##name##_to, name##_to);                                             \
    FAMILY_ALL(fp_##name##_m32, name##_m32);                                           \
    FAMILY_ALL(fp_##name##_m64, name##_m64);
DEFINE_ARITH(fadd, "fadd")
DEFINE_ARITH(fmul, "fmul")
DEFINE_ARITH(fsub, "fsub")
DEFINE_ARITH(fsubr, "fsubr")
DEFINE_ARITH(fdiv, "fdiv")
DEFINE_ARITH(fdivr, "fdivr")

/* ---- loads ---- */
#define DEFINE_LOAD(name, insn, type)                          \
    H(name##_all)                                              \
    {                                                          \
        FpuImage *f = fpu_mem(s);                              \
        uint64_t ea = ea_of(s, in);                            \
        const type *p = hit_r(s, in, ea, sizeof(type));        \
        uint16_t sw;                                           \
        if (UNLIKELY(!p || !can_push(f)))                      \
            return SLOW_LD;                                    \
        begin(f);                                              \
        push(f);                                               \
        asm volatile(insn " %[p]\n\tfnstsw %%ax\n\tfstpt %[d]" \
                     : "=a"(sw), [d] "=m"(EXT(f->st[0]))       \
                     : [p] "m"(*p)                             \
                     : X87REGS);                               \
        end(f, sw & ~FSW_C1, 0);                               \
        record(s, in, ea);                                     \
        NEXT;                                                  \
    }                                                          \
    FAMILY_ALL(fp_##name, name##_all);
DEFINE_LOAD(fld32, "flds", float)
DEFINE_LOAD(fld64, "fldl", double)
DEFINE_LOAD(fld80, "fldt", Ext)
DEFINE_LOAD(fild16, "filds", int16_t)
DEFINE_LOAD(fild32, "fildl", int32_t)
DEFINE_LOAD(fild64, "fildll", int64_t)

/* ---- stores: the access is looked at first, the registers change last ---- */
#define DEFINE_STORE(name, insn, type, pops)                     \
    H(name##_all)                                                \
    {                                                            \
        FpuImage *f = fpu_mem(s);                                \
        uint64_t ea = ea_of(s, in);                              \
        type *p = hit_w(s, in, ea, sizeof(type));                \
        uint16_t sw;                                             \
        if (UNLIKELY(!p || !all_masked(f) || !used(f, 0)))       \
            return SLOW_ST;                                      \
        begin(f);                                                \
        asm volatile("fldt %[a]\n\t" insn " %[p]\n\tfnstsw %%ax" \
                     : "=a"(sw), [p] "=m"(*p)                    \
                     : [a] "m"(EXT(f->st[0]))                    \
                     : X87REGS);                                 \
        end(f, sw, 0);                                           \
        record(s, in, ea);                                       \
        if (pops)                                                \
            pop(f);                                              \
        NEXT;                                                    \
    }                                                            \
    FAMILY_ALL(fp_##name, name##_all);
DEFINE_STORE(fst32, "fstps", float, false)
DEFINE_STORE(fst64, "fstpl", double, false)
DEFINE_STORE(fstp32, "fstps", float, true)
DEFINE_STORE(fstp64, "fstpl", double, true)
DEFINE_STORE(fstp80, "fstpt", Ext, true)
DEFINE_STORE(fist32, "fistpl", int32_t, false)
DEFINE_STORE(fistp16, "fistps", int16_t, true)
DEFINE_STORE(fistp32, "fistpl", int32_t, true)
DEFINE_STORE(fistp64, "fistpll", int64_t, true)
DEFINE_STORE(fisttp32, "fisttpl", int32_t, true)
DEFINE_STORE(fisttp64, "fisttpll", int64_t, true)

/* ---- register to register: no arithmetic, C1 is 0 ---- */
H(fld_sti)
{
    FpuImage *f = fpu_mem(s);
    Slot v = ((Slot *)f->st)[STNO(in)];
    if (UNLIKELY(!can_push(f) || !used(f, STNO(in))))
        return SLOW_RR;
    push(f);
    ((Slot *)f->st)[0] = v;
    f->fsw &= ~FSW_C1;
    record(s, in, 0);
    NEXT;
}
FAMILY_ALL(fp_fld_sti, fld_sti);

H(fxch_sti)
{
    FpuImage *f = fpu_mem(s);
    Slot *r = (Slot *)f->st, v = r[0];
    if (UNLIKELY(!all_masked(f) || !used(f, 0) || !used(f, STNO(in))))
        return SLOW_RR;
    r[0] = r[STNO(in)];
    r[STNO(in)] = v;
    f->fsw &= ~FSW_C1;
    record(s, in, 0);
    NEXT;
}
FAMILY_ALL(fp_fxch, fxch_sti);

/* DD D0 fst, DD D8 fstp */
H(fst_sti)
{
    FpuImage *f = fpu_mem(s);
    if (UNLIKELY(!all_masked(f) || !used(f, 0)))
        return SLOW_RR;
    ((Slot *)f->st)[STNO(in)] = ((Slot *)f->st)[0];
    f->ftw |= 1 << ((top_of(f) + STNO(in)) & 7);
    f->fsw &= ~FSW_C1;
    record(s, in, 0);
    if (in->modrm & 8)
        pop(f);
    NEXT;
}
FAMILY_ALL(fp_fst_sti, fst_sti);

/* D9 E0 fchs, D9 E1 fabs */
H(fsign)
{
    FpuImage *f = fpu_mem(s);
    if (UNLIKELY(!all_masked(f) || !used(f, 0)))
        return SLOW_RR;
    f->st[0][9] = in->modrm & 1 ? f->st[0][9] & 0x7f : f->st[0][9] ^ 0x80;
    f->fsw &= ~FSW_C1;
    record(s, in, 0);
    NEXT;
}
FAMILY_ALL(fp_sign, fsign);

/* D9 E8 fld1, D9 EE fldz */
H(fconst)
{
    FpuImage *f = fpu_mem(s);
    if (UNLIKELY(!can_push(f)))
        return SLOW_RR;
    push(f);
    if (in->modrm == 0xe8)
        ((Slot *)f->st)[0] = (Slot){ (long long)(1ull << 63), 0x3fff };
    else
        ((Slot *)f->st)[0] = (Slot){ 0, 0 };
    f->fsw &= ~FSW_C1;
    record(s, in, 0);
    NEXT;
}
FAMILY_ALL(fp_const, fconst);

/* ---- comparisons: C3, C2, C0, or the processor's flags ---- */
#define DEFINE_COMPARE(name, insn, pops)                                       \
    H(name##_all)                                                              \
    {                                                                          \
        FpuImage *f = fpu_mem(s);                                              \
        uint16_t sw;                                                           \
        if (UNLIKELY(!all_masked(f) || !used(f, 0) || !used(f, STNO(in))))     \
            return SLOW_RR;                                                    \
        begin(f);                                                              \
        asm volatile("fldt %[b]\n\tfldt %[a]\n\t" insn                         \
                     " %%st(1)\n\tfnstsw %%ax\n\tfstp %%st(0)\n\tfstp %%st(0)" \
                     : "=a"(sw)                                                \
                     : [a] "m"(EXT(f->st[0])), [b] "m"(EXT(f->st[STNO(in)]))   \
                     : X87REGS);                                               \
        end(f, sw, FSW_CC);                                                    \
        record(s, in, 0);                                                      \
        if ((pops) > 0)                                                        \
            pop(f);                                                            \
        if ((pops) > 1)                                                        \
            pop(f);                                                            \
        NEXT;                                                                  \
    }                                                                          \
    FAMILY_ALL(fp_##name, name##_all);
DEFINE_COMPARE(fcom, "fcom", 0)
DEFINE_COMPARE(fcomp, "fcom", 1)
DEFINE_COMPARE(fcompp, "fcom", 2)
DEFINE_COMPARE(fucom, "fucom", 0)
DEFINE_COMPARE(fucomp, "fucom", 1)
DEFINE_COMPARE(fucompp, "fucom", 2)

/* C1 stays, as AMD's processors leave it; Intel's clear it */
#define DEFINE_COMI(name, insn, pops)                                               \
    H(name##_all)                                                                   \
    {                                                                               \
        FpuImage *f = fpu_mem(s);                                                   \
        uint16_t sw, fl;                                                            \
        if (UNLIKELY(!all_masked(f) || !used(f, 0) || !used(f, STNO(in))))          \
            return SLOW_RR;                                                         \
        begin(f);                                                                   \
        asm volatile("fldt %[b]\n\tfldt %[a]\n\txor %%eax, %%eax\n\t" insn          \
                     " %%st(1), %%st\n\tlahf\n\tmov %%ax, %[fl]\n\tfnstsw %%ax\n\t" \
                     "fstp %%st(0)\n\tfstp %%st(0)"                                 \
                     : "=&a"(sw), [fl] "=&r"(fl)                                    \
                     : [a] "m"(EXT(f->st[0])), [b] "m"(EXT(f->st[STNO(in)]))        \
                     : X87REGS, "cc");                                              \
        end(f, (sw & ~FSW_C1) | (f->fsw & FSW_C1), 0);                              \
        fl_set(s, fl);                                                              \
        record(s, in, 0);                                                           \
        if (pops)                                                                   \
            pop(f);                                                                 \
        NEXT;                                                                       \
    }                                                                               \
    FAMILY_ALL(fp_##name, name##_all);
DEFINE_COMI(fcomi, "fcomi", false)
DEFINE_COMI(fcomip, "fcomi", true)
DEFINE_COMI(fucomi, "fucomi", false)
DEFINE_COMI(fucomip, "fucomi", true)
