/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bit tests, scans and counts, BMI1 and BMI2's bit fields, CRC32. Where processors disagree about
 * undefined flags, this does what the host does.
 */
#include "accel/soft/ops.h"
#include "accel/soft/rows.h"

static void cf_set(X86State *s, bool cf)
{
    fl_set(s, (fl_get(s) & ~FL_CF) | (cf ? FL_CF : 0));
}

/* ---- bt bts btr btc ---- */
/* With a register the offset is signed and reaches memory before and behind the operand. */
static int64_t bit_offset(X86State *s, const Insn *in)
{
    if (in->src == INSN_IMM) {
        return in->imm & (in->osz * 8 - 1);
    }
    switch (in->osz) {
    case 2: return (int16_t)rd16(s, in->src);
    case 4: return (int32_t)rd32(s, in->src);
    default: return (int64_t)rd64(s, in->src);
    }
}

static uint64_t bit_ea(X86State *s, const Insn *in, int64_t offset)
{
    int64_t step = offset >> (in->osz == 2 ? 4 : in->osz == 4 ? 5 : 6);
    return (ea_of(s, in) + step * in->osz) & in->amask;
}

static uint64_t bt_change(uint64_t v, uint64_t bit)
{
    return v;
}
static uint64_t bts_change(uint64_t v, uint64_t bit)
{
    return v | bit;
}
static uint64_t btr_change(uint64_t v, uint64_t bit)
{
    return v & ~bit;
}
static uint64_t btc_change(uint64_t v, uint64_t bit)
{
    return v ^ bit;
}

static uint64_t bit_mask(const Insn *in, int64_t offset)
{
    return 1ull << (offset & (in->osz * 8 - 1));
}

#define DEFINE_BIT(name)                                       \
    H(name##_r)                                                \
    {                                                          \
        uint64_t v = reg_read(s, in->dst, in->osz);            \
        uint64_t bit = bit_mask(in, bit_offset(s, in));        \
        cf_set(s, v &bit);                                     \
        reg_write(s, in->dst, in->osz, name##_change(v, bit)); \
        NEXT;                                                  \
    }
#define DEFINE_BIT_RMW(name, atomic)                                               \
    DEFINE_BIT(name)                                                               \
    static void name##_rmw(X86State *s, const Insn *in)                            \
    {                                                                              \
        int64_t offset = bit_offset(s, in);                                        \
        uint64_t ea = bit_ea(s, in, offset), bit = bit_mask(in, offset), v;        \
        soft_probe_w(s, in, in->seg, ea, in->osz);                                 \
        v = soft_ld(s, in, in->seg, ea, in->osz);                                  \
        soft_st(s, in, in->seg, ea, in->osz, name##_change(v, bit));               \
        cf_set(s, v &bit);                                                         \
    }                                                                              \
    H(name##_m)                                                                    \
    {                                                                              \
        name##_rmw(s, in);                                                         \
        NEXT;                                                                      \
    }                                                                              \
    H(name##_lk)                                                                   \
    {                                                                              \
        int64_t offset = bit_offset(s, in);                                        \
        uint64_t bit = bit_mask(in, offset), v;                                    \
        void *p = soft_host(s, in, in->seg, bit_ea(s, in, offset), in->osz, true); \
        if (!p) {                                                                  \
            RET(insn_exclusive(s, in, name##_rmw));                                \
        }                                                                          \
        v = in->osz == 2   ? atomic((uint16_t *)p, bit)                            \
            : in->osz == 4 ? atomic((uint32_t *)p, bit)                            \
                           : atomic((uint64_t *)p, bit);                           \
        cf_set(s, v &bit);                                                         \
        NEXT;                                                                      \
    }                                                                              \
    const Family name = { .fn = { [RR] = { [1 ... 3] = name##_r },                 \
                                  [RI] = { [1 ... 3] = name##_r },                 \
                                  [MR] = { [1 ... 3] = name##_m },                 \
                                  [MI] = { [1 ... 3] = name##_m },                 \
                                  [LK] = { [1 ... 3] = name##_lk } } };
#define ATOMIC_SET(p, bit)   __atomic_fetch_or(p, bit, __ATOMIC_SEQ_CST)
#define ATOMIC_RESET(p, bit) __atomic_fetch_and(p, ~(bit), __ATOMIC_SEQ_CST)
#define ATOMIC_FLIP(p, bit)  __atomic_fetch_xor(p, bit, __ATOMIC_SEQ_CST)
DEFINE_BIT_RMW(bts, ATOMIC_SET)
DEFINE_BIT_RMW(btr, ATOMIC_RESET)
DEFINE_BIT_RMW(btc, ATOMIC_FLIP)

/* bt writes nothing back: not even the upper half of a 32-bit register */
H(bt_r)
{
    cf_set(s, reg_read(s, in->dst, in->osz) & bit_mask(in, bit_offset(s, in)));
    NEXT;
}
H(bt_m)
{
    int64_t offset = bit_offset(s, in);
    uint64_t v = soft_ld(s, in, in->seg, bit_ea(s, in, offset), in->osz);
    cf_set(s, bt_change(v, 0) & bit_mask(in, offset));
    NEXT;
}
const Family bt = { .fn = { [RR] = { [1 ... 3] = bt_r },
                            [RI] = { [1 ... 3] = bt_r },
                            [MR] = { [1 ... 3] = bt_m },
                            [MI] = { [1 ... 3] = bt_m } } };

/* ---- scans and counts: operand b is E ---- */
static uint64_t bit_source(X86State *s, const Insn *in)
{
    return in->mem ? soft_ld(s, in, in->seg, ea_of(s, in), in->osz) : reg_read(s, in->e, in->osz);
}

/* A source of 0 leaves the whole register alone, upper half included, as the host does. */
#define DEFINE_SCAN(name)                                     \
    H(name##_all)                                             \
    {                                                         \
        uint64_t v = bit_source(s, in), r = rd64(s, in->dst); \
        uint16_t fl;                                          \
        asm(#name " %[v], %[t]\n\tlahf\n\tseto %%al"          \
            : [t] "+r"(r), "=&a"(fl)                          \
            : [v] "r"(v)                                      \
            : "cc");                                          \
        fl_set(s, fl);                                        \
        if (v) {                                              \
            reg_write(s, in->dst, in->osz, r);                \
        }                                                     \
        NEXT;                                                 \
    }                                                         \
    FAMILY_ALL(name, name##_all);
DEFINE_SCAN(bsf)
DEFINE_SCAN(bsr)

/* CF: the source is 0; ZF: the result is; the others stay */
static void count_done(X86State *s, const Insn *in, uint64_t v, uint64_t r)
{
    fl_set(s, (fl_get(s) & ~(FL_CF | FL_ZF)) | (v ? 0 : FL_CF) | (r ? 0 : FL_ZF));
    reg_write(s, in->dst, in->osz, r);
}

H(tzcnt_all)
{
    uint64_t v = bit_source(s, in);
    count_done(s, in, v, v ? (uint64_t)__builtin_ctzll(v) : in->osz * 8u);
    NEXT;
}
FAMILY_ALL(tzcnt, tzcnt_all);

H(lzcnt_all)
{
    uint64_t v = bit_source(s, in);
    unsigned bits = in->osz * 8;
    count_done(s, in, v, v ? __builtin_clzll(v) - (64 - bits) : bits);
    NEXT;
}
FAMILY_ALL(lzcnt, lzcnt_all);

H(popcnt_all)
{
    uint64_t v = bit_source(s, in);
    fl_set(s, FL_ONE | (v ? 0 : FL_ZF));
    reg_write(s, in->dst, in->osz, __builtin_popcountll(v));
    NEXT;
}
FAMILY_ALL(popcnt, popcnt_all);

/* ---- BMI1: ZF and SF by the result, OF 0; AF and PF as the host leaves them (unchanged) ---- */
static void bmi_done(X86State *s, const Insn *in, uint64_t r, bool cf)
{
    unsigned keep = fl_get(s) & (FL_AF | FL_PF | FL_ONE);
    uint64_t top = in->osz == 4 ? (uint32_t)r : r;
    bool sign = top >> (in->osz * 8 - 1) & 1;
    fl_set(s, keep | (top ? 0 : FL_ZF) | (sign ? FL_SF : 0) | (cf ? FL_CF : 0));
    reg_write(s, in->dst, in->osz, r);
}

H(andn_all)
{
    uint64_t e = bit_source(s, in);
    bmi_done(s, in, ~reg_read(s, in->src, in->osz) & e, false);
    NEXT;
}
H(blsr_all)
{
    uint64_t e = bit_source(s, in);
    bmi_done(s, in, e & (e - 1), !e);
    NEXT;
}
H(blsmsk_all)
{
    uint64_t e = bit_source(s, in);
    bmi_done(s, in, e ^ (e - 1), !e);
    NEXT;
}
H(blsi_all)
{
    uint64_t e = bit_source(s, in);
    bmi_done(s, in, e & -e, e);
    NEXT;
}

static uint64_t low_bits(unsigned n)
{
    return n >= 64 ? ~0ull : (1ull << n) - 1;
}

H(bzhi_all)
{
    uint64_t e = bit_source(s, in);
    unsigned n = s->g[in->vvvv] & 255;
    bmi_done(s, in, e & low_bits(n), n >= in->osz * 8u);
    NEXT;
}
H(bextr_all)
{
    uint64_t e = bit_source(s, in);
    unsigned start = s->g[in->vvvv] & 255, n = s->g[in->vvvv] >> 8 & 255;
    bmi_done(s, in, start < 64 ? e >> start & low_bits(n) : 0, false);
    NEXT;
}
FAMILY_ALL(andn, andn_all);
FAMILY_ALL(blsr, blsr_all);
FAMILY_ALL(blsmsk, blsmsk_all);
FAMILY_ALL(blsi, blsi_all);
FAMILY_ALL(bzhi, bzhi_all);
FAMILY_ALL(bextr, bextr_all);

/* ---- pdep, pext ---- */
H(pdep_all)
{
    uint64_t mask = bit_source(s, in), v = reg_read(s, in->src, in->osz), r = 0;
    for (; mask; mask &= mask - 1, v >>= 1) {
        r |= v & 1 ? mask & -mask : 0;
    }
    reg_write(s, in->dst, in->osz, r);
    NEXT;
}
H(pext_all)
{
    uint64_t mask = bit_source(s, in), v = reg_read(s, in->src, in->osz), r = 0;
    for (unsigned n = 0; mask; mask &= mask - 1, n++) {
        r |= v & mask & -mask ? 1ull << n : 0;
    }
    reg_write(s, in->dst, in->osz, r);
    NEXT;
}
FAMILY_ALL(pdep, pdep_all);
FAMILY_ALL(pext, pext_all);

/* ---- crc32: the Castagnoli polynomial, reflected ---- */
static uint32_t crc32_bytes(uint32_t crc, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n * 8; i++, v >>= 1) {
        crc = crc >> 1 ^ ((crc ^ v) & 1 ? 0x82f63b78 : 0);
    }
    return crc;
}

static const Insn *crc32_size(X86State *s, const Insn *in, unsigned size)
{
    uint64_t v = in->mem ? soft_ld(s, in, in->seg, ea_of(s, in), size) : reg_read(s, in->e, size);
    s->g[in->dst / 8] = crc32_bytes(rd32(s, in->dst), v, size);
    NEXT;
}
H(crc32_8_all)
{
    return crc32_size(s, in, 1);
}
/* the source is 16 bits under 66h in 32- and 64-bit code, without it in 16-bit code */
H(crc32_v_all)
{
    bool p66 = in->prefix & PRE_66, wide = s->hflags & (H_CS64 | H_CS32);
    return crc32_size(s, in, in->osz == 8 ? 8 : p66 == wide ? 2 : 4);
}
FAMILY_ALL(crc32_8, crc32_8_all);
FAMILY_ALL(crc32_v, crc32_v_all);
