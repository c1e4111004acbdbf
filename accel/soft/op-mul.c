/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mul imul div idiv mulx. Products use the host's instruction for its flags; quotients are tested
 * first, because a host #DE would be ours.
 */
#include "accel/soft/ops.h"
#include "accel/soft/rows.h"

/* The operand of the one-operand forms: e when mod is 3. */
#define SOURCE(bits) (in->mem ? ld##bits(s, in, in->seg, ea_of(s, in)) : rd##bits(s, in->e))

/* ---- rDX:rAX = rAX * E ---- */
#define DEFINE_MUL(name, bits, M)                                                            \
    H(name##_##bits)                                                                         \
    {                                                                                        \
        uint##bits##_t a = s->g[RAX], d, b = SOURCE(bits);                                   \
        uint16_t fl;                                                                         \
        asm(#name " %" M "[b]\n\tmov %%rax, %%rcx\n\tlahf\n\tseto %%al\n\txchg %%rax, %%rcx" \
            : "+a"(a), "=&d"(d), "=&c"(fl)                                                   \
            : [b] "r"(b)                                                                     \
            : "cc");                                                                         \
        fl_set(s, fl);                                                                       \
        wr##bits(s, RAX * 8, a);                                                             \
        wr##bits(s, RDX * 8, d);                                                             \
        NEXT;                                                                                \
    }
#define DEFINE_MUL8(name)                                                                \
    H(name##_8)                                                                          \
    {                                                                                    \
        uint16_t a = rd8(s, RAX * 8), fl;                                                \
        uint8_t b = SOURCE(8);                                                           \
        asm(#name "b %[b]\n\tmov %%eax, %%ecx\n\tlahf\n\tseto %%al\n\txchg %%eax, %%ecx" \
            : "+a"(a), "=&c"(fl)                                                         \
            : [b] "q"(b)                                                                 \
            : "cc");                                                                     \
        fl_set(s, fl);                                                                   \
        wr16(s, RAX * 8, a);                                                             \
        NEXT;                                                                            \
    }
#define MUL(name)                                                                       \
    DEFINE_MUL8(name)                                                                   \
    DEFINE_MUL(name, 16, "w")                                                           \
    DEFINE_MUL(name, 32, "k")                                                           \
    DEFINE_MUL(name, 64, "q")                                                           \
    const Family name = { .fn = { [RR] = { name##_8, name##_16, name##_32, name##_64 }, \
                                  [MR] = { name##_8, name##_16, name##_32, name##_64 } } };
MUL(mul)
MUL(imul)

/* ---- G = G * E, G = E * imm ---- */
#define DEFINE_IMUL2(bits, M)                                                                     \
    static inline uint##bits##_t imul_pair##bits(X86State *s, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                             \
        uint16_t fl;                                                                              \
        asm("imul %" M "[b], %" M "[a]\n\tlahf\n\tseto %%al"                                      \
            : [a] "+r"(a), "=&a"(fl)                                                              \
            : [b] "r"(b)                                                                          \
            : "cc");                                                                              \
        fl_set(s, fl);                                                                            \
        return a;                                                                                 \
    }                                                                                             \
    H(imul2_rr##bits)                                                                             \
    {                                                                                             \
        wr##bits(s, in->dst, imul_pair##bits(s, rd##bits(s, in->dst), rd##bits(s, in->src)));     \
        NEXT;                                                                                     \
    }                                                                                             \
    H(imul2_rm##bits)                                                                             \
    {                                                                                             \
        uint##bits##_t b = ld##bits(s, in, in->seg, ea_of(s, in));                                \
        wr##bits(s, in->dst, imul_pair##bits(s, rd##bits(s, in->dst), b));                        \
        NEXT;                                                                                     \
    }                                                                                             \
    H(imul3_rr##bits)                                                                             \
    {                                                                                             \
        wr##bits(s, in->dst, imul_pair##bits(s, rd##bits(s, in->src), in->imm));                  \
        NEXT;                                                                                     \
    }                                                                                             \
    H(imul3_rm##bits)                                                                             \
    {                                                                                             \
        uint##bits##_t b = ld##bits(s, in, in->seg, ea_of(s, in));                                \
        wr##bits(s, in->dst, imul_pair##bits(s, b, in->imm));                                     \
        NEXT;                                                                                     \
    }
DEFINE_IMUL2(16, "w")
DEFINE_IMUL2(32, "k")
DEFINE_IMUL2(64, "q")
const Family imul2 = { .fn = { [RR] = { NULL, imul2_rr16, imul2_rr32, imul2_rr64 },
                               [RM] = { NULL, imul2_rm16, imul2_rm32, imul2_rm64 } } };
const Family imul3 = { .fn = { [RR] = { NULL, imul3_rr16, imul3_rr32, imul3_rr64 },
                               [RM] = { NULL, imul3_rm16, imul3_rm32, imul3_rm64 } } };

/* ---- division: flags stay as they are (undefined) ---- */
typedef unsigned __int128 Wide;
typedef __int128 SWide;

static _Noreturn void divide_error(X86State *s, const Insn *in)
{
    soft_raise(s, in, EXC_DE, 0);
}

#define DEFINE_DIV(bits, wide, swide)                                                 \
    H(div_##bits)                                                                     \
    {                                                                                 \
        uint##bits##_t b = SOURCE(bits);                                              \
        wide n = (wide)rd##bits(s, RDX * 8) << bits | rd##bits(s, RAX * 8);           \
        if (!b || n >> bits >= b) {                                                   \
            divide_error(s, in);                                                      \
        }                                                                             \
        wr##bits(s, RAX * 8, n / b);                                                  \
        wr##bits(s, RDX * 8, n % b);                                                  \
        NEXT;                                                                         \
    }                                                                                 \
    H(idiv_##bits)                                                                    \
    {                                                                                 \
        int##bits##_t b = SOURCE(bits);                                               \
        swide n = (swide)((wide)rd##bits(s, RDX * 8) << bits | rd##bits(s, RAX * 8)); \
        bool lowest = n == (swide)((wide)1 << (2 * bits - 1));                        \
        if (!b || (b == -1 && lowest) || n / b != (int##bits##_t)(n / b)) {           \
            divide_error(s, in);                                                      \
        }                                                                             \
        wr##bits(s, RAX * 8, n / b);                                                  \
        wr##bits(s, RDX * 8, n % b);                                                  \
        NEXT;                                                                         \
    }
DEFINE_DIV(16, uint32_t, int32_t)
DEFINE_DIV(32, uint64_t, int64_t)
DEFINE_DIV(64, Wide, SWide)

H(div_8)
{
    uint8_t b = SOURCE(8);
    uint16_t n = rd16(s, RAX * 8);
    if (!b || n >> 8 >= b) {
        divide_error(s, in);
    }
    wr16(s, RAX * 8, n / b | n % b << 8);
    NEXT;
}

H(idiv_8)
{
    int8_t b = SOURCE(8);
    int n = (int16_t)rd16(s, RAX * 8);
    if (!b || n / b != (int8_t)(n / b)) {
        divide_error(s, in);
    }
    wr16(s, RAX * 8, (n / b & 255) | (n % b & 255) << 8);
    NEXT;
}

const Family div_ = {
    .fn = { [RR] = { div_8, div_16, div_32, div_64 }, [MR] = { div_8, div_16, div_32, div_64 } }
};
const Family idiv = { .fn = { [RR] = { idiv_8, idiv_16, idiv_32, idiv_64 },
                              [MR] = { idiv_8, idiv_16, idiv_32, idiv_64 } } };

/* mulx: rDX * E, high half to G, low half to vvvv; high wins when they are the same register */
H(mulx_all)
{
    unsigned bits = in->osz * 8;
    uint64_t b =
        in->mem ? soft_ld(s, in, in->seg, ea_of(s, in), in->osz) : reg_read(s, in->e, in->osz);
    Wide p = (Wide)reg_read(s, RDX * 8, in->osz) * b;
    reg_write(s, in->src, in->osz, p);
    reg_write(s, in->dst, in->osz, p >> bits);
    NEXT;
}
FAMILY_ALL(mulx, mulx_all);
