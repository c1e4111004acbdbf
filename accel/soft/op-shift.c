/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shifts and rotates, double shifts, and BMI2's without flags. A count of 0 changes no flag but
 * still probes memory and zero-extends a 32-bit register.
 */
#include "accel/soft/ops.h"
#include "accel/soft/rows.h"

/* The host masks the count itself as the guest's processor would. */
#define DEFINE_SHIFT(name, bits, M)                                                       \
    static inline uint##bits##_t name##bits(X86State *s, uint##bits##_t a, uint8_t count) \
    {                                                                                     \
        uint16_t fl;                                                                      \
        if (!(count & (bits == 64 ? 63 : 31))) {                                          \
            return a;                                                                     \
        }                                                                                 \
        asm(#name " %%cl, %" M "[a]\n\tlahf\n\tseto %%al"                                 \
            : [a] "+q"(a), "=&a"(fl)                                                      \
            : "c"(count)                                                                  \
            : "cc");                                                                      \
        fl_set(s, fl);                                                                    \
        return a;                                                                         \
    }

/* Rotates: CF and OF are new, the rest stays; through carry if it is one of the rc pair. */
#define FL_ROTATE (FL_CF | FL_OF)
#define DEFINE_ROTATE(name, bits, M)                                                      \
    static inline uint##bits##_t name##bits(X86State *s, uint##bits##_t a, uint8_t count) \
    {                                                                                     \
        uint16_t fl;                                                                      \
        if (!(count & (bits == 64 ? 63 : 31))) {                                          \
            return a;                                                                     \
        }                                                                                 \
        asm("bt $8, %k[f]\n\t" #name " %%cl, %" M "[a]\n\tlahf\n\tseto %%al"              \
            : [a] "+q"(a), "=&a"(fl)                                                      \
            : "c"(count), [f] "r"(fl_get(s))                                              \
            : "cc");                                                                      \
        fl_set(s, (fl_get(s) & ~FL_ROTATE) | (fl & FL_ROTATE));                           \
        return a;                                                                         \
    }

#define FOUR(D, name) D(name, 8, "b") D(name, 16, "w") D(name, 32, "k") D(name, 64, "q")
FOUR(DEFINE_SHIFT, shl)
FOUR(DEFINE_SHIFT, shr)
FOUR(DEFINE_SHIFT, sar)
FOUR(DEFINE_ROTATE, rol)
FOUR(DEFINE_ROTATE, ror)
FOUR(DEFINE_ROTATE, rcl)
FOUR(DEFINE_ROTATE, rcr)

#define SHIFT_SIZE(op, bits)                                                            \
    H(op##_rr##bits)                                                                    \
    {                                                                                   \
        wr##bits(s, in->dst, op##bits(s, rd##bits(s, in->dst), rd8(s, in->src)));       \
        NEXT;                                                                           \
    }                                                                                   \
    H(op##_ri##bits)                                                                    \
    {                                                                                   \
        wr##bits(s, in->dst, op##bits(s, rd##bits(s, in->dst), in->imm));               \
        NEXT;                                                                           \
    }                                                                                   \
    SLOW(op##_mem_slow##bits)                                                           \
    {                                                                                   \
        uint64_t ea = ea_of(s, in);                                                     \
        unsigned old = fl_get(s), now;                                                  \
        uint##bits##_t v;                                                               \
        soft_probe_w(s, in, in->seg, ea, bits / 8);                                     \
        v = op##bits(s, ld##bits(s, in, in->seg, ea), insn_rhs(s, in, 1));              \
        now = fl_get(s);                                                                \
        fl_set(s, old);                                                                 \
        st##bits(s, in, in->seg, ea, v);                                                \
        fl_set(s, now);                                                                 \
        NEXT;                                                                           \
    }                                                                                   \
    H(op##_mem##bits)                                                                   \
    {                                                                                   \
        volatile uint##bits##_t *p = hit_w(s, in, ea_of(s, in), bits / 8);              \
        if (UNLIKELY(!p)) {                                                             \
            return op##_mem_slow##bits(s, in);                                          \
        }                                                                               \
        *p = op##bits(s, *p, in->src == INSN_IMM ? (uint8_t)in->imm : rd8(s, in->src)); \
        NEXT;                                                                           \
    }
#define ROW_OF_SIZES(op, form)                                            \
    {                                                                     \
        op##_##form##8, op##_##form##16, op##_##form##32, op##_##form##64 \
    }
#define SHIFT(op)                                             \
    SHIFT_SIZE(op, 8)                                         \
    SHIFT_SIZE(op, 16)                                        \
    SHIFT_SIZE(op, 32)                                        \
    SHIFT_SIZE(op, 64)                                        \
    const Family op = { .fn = { [RR] = ROW_OF_SIZES(op, rr),  \
                                [RI] = ROW_OF_SIZES(op, ri),  \
                                [MR] = ROW_OF_SIZES(op, mem), \
                                [MI] = ROW_OF_SIZES(op, mem) } };
SHIFT(shl)
SHIFT(shr)
SHIFT(sar)
SHIFT(rol)
SHIFT(ror)
SHIFT(rcl)
SHIFT(rcr)

/* ---- shld, shrd: the count is the third operand, so it is looked up here ---- */
static uint8_t double_count(X86State *s, const Insn *in)
{
    return in->op & 1 ? rd8(s, RCX * 8) : in->imm;
}

#define DEFINE_DOUBLE(name, bits, M)                                                  \
    static uint##bits##_t name##bits(X86State *s, uint##bits##_t a, uint##bits##_t b, \
                                     uint8_t count)                                   \
    {                                                                                 \
        uint16_t fl;                                                                  \
        if (!(count & (bits == 64 ? 63 : 31))) {                                      \
            return a;                                                                 \
        }                                                                             \
        asm(#name " %%cl, %" M "[b], %" M "[a]\n\tlahf\n\tseto %%al"                  \
            : [a] "+r"(a), "=&a"(fl)                                                  \
            : [b] "r"(b), "c"(count)                                                  \
            : "cc");                                                                  \
        fl_set(s, fl);                                                                \
        return a;                                                                     \
    }
#define DOUBLE_SIZE(op, bits, M)                                                                  \
    DEFINE_DOUBLE(op, bits, M)                                                                    \
    H(op##_rr##bits)                                                                              \
    {                                                                                             \
        uint##bits##_t v =                                                                        \
            op##bits(s, rd##bits(s, in->dst), rd##bits(s, in->src), double_count(s, in));         \
        wr##bits(s, in->dst, v);                                                                  \
        NEXT;                                                                                     \
    }                                                                                             \
    H(op##_mr##bits)                                                                              \
    {                                                                                             \
        uint64_t ea = ea_of(s, in);                                                               \
        unsigned old = fl_get(s), now;                                                            \
        uint##bits##_t v;                                                                         \
        soft_probe_w(s, in, in->seg, ea, bits / 8);                                               \
        v = op##bits(s, ld##bits(s, in, in->seg, ea), rd##bits(s, in->src), double_count(s, in)); \
        now = fl_get(s);                                                                          \
        fl_set(s, old);                                                                           \
        st##bits(s, in, in->seg, ea, v);                                                          \
        fl_set(s, now);                                                                           \
        NEXT;                                                                                     \
    }
#define DOUBLE(op)                                                                \
    DOUBLE_SIZE(op, 16, "w")                                                      \
    DOUBLE_SIZE(op, 32, "k")                                                      \
    DOUBLE_SIZE(op, 64, "q")                                                      \
    const Family op = { .fn = { [RR] = { NULL, op##_rr16, op##_rr32, op##_rr64 }, \
                                [MR] = { NULL, op##_mr16, op##_mr32, op##_mr64 } } };
DOUBLE(shld)
DOUBLE(shrd)

/* ---- BMI2: no flags; operand b is E, the count is vvvv or an immediate ---- */
static uint64_t bmi_source(X86State *s, const Insn *in)
{
    return in->mem ? soft_ld(s, in, in->seg, ea_of(s, in), in->osz) : reg_read(s, in->src, in->osz);
}

static unsigned bmi_count(X86State *s, const Insn *in)
{
    return s->g[in->vvvv] & (in->osz * 8 - 1);
}

H(shlx_all)
{
    reg_write(s, in->dst, in->osz, bmi_source(s, in) << bmi_count(s, in));
    NEXT;
}

H(shrx_all)
{
    reg_write(s, in->dst, in->osz, bmi_source(s, in) >> bmi_count(s, in));
    NEXT;
}

H(sarx_all)
{
    uint64_t v = bmi_source(s, in);
    int64_t wide = in->osz == 4 ? (int32_t)v : (int64_t)v;
    reg_write(s, in->dst, in->osz, wide >> bmi_count(s, in));
    NEXT;
}

H(rorx_all)
{
    unsigned width = in->osz * 8, n = in->imm & (width - 1);
    uint64_t v = bmi_source(s, in);
    reg_write(s, in->dst, in->osz, n ? v >> n | v << (width - n) : v);
    NEXT;
}

FAMILY_ALL(shlx, shlx_all);
FAMILY_ALL(shrx, shrx_all);
FAMILY_ALL(sarx, sarx_all);
FAMILY_ALL(rorx, rorx_all);
