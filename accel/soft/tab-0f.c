/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two- and three-byte integer opcodes and the VEX-encoded ones of BMI1 and BMI2: rows only.
 * Source: Intel SDM volume 2, tables; AMD APM volume 3.
 */
#include "accel/soft/rows.h"

/* clang-format off */
#define CC(c, sfx, fr)                                                                          \
    { M0F | (0x40 + (c)), "cmov" sfx, G, E, 0, V,  0, 0, 0,   HAS_CMOV, fr, 0, 0, &cmov[c] },   \
    { M0F | (0x80 + (c)), "j" sfx,    J, 0, 0, NB, 0, 0, 0, 0,        fr, 0, 0, &jcc[c] },    \
    { M0F | (0x90 + (c)), "set" sfx,  E, 0, 0, B,  0, 0, 0,   0,        fr, 0, 0, &setcc[c] }

#define PUSH_SEG(op, kind) { M0F | (op), "push", kind, 0, 0, SK, W, 0, STACK, 0, 0, 0, 0, &push_seg }

/* bit strings: only CF is defined, ZF is left alone */
#define BIT(op, r, name, attr, fam)                                                             \
    { M0F | (op),         name, E, G,   0, V, 0, 0, (attr) | BITSTR, 0, 0, CF, NOTCF & ~ZF, fam }, \
    { M0F | 0xba | R(r),  name, E, IUB, 0, V, 0, 0, attr,            0, 0, CF, NOTCF & ~ZF, fam }

#define BSWAP(n) { M0F | (0xc8 + (n)), "bswap", ZR, 0, 0, V, 0, 0, 0, 0, 0, 0, 0, &bswap }
#define NOPS(op) { M0F | (op), "nop", E, 0, 0, V, 0, 0, NOP_, 0, 0, 0, 0, &nop }

const Row tab_0f[] = {
    { M0F | 0x0b,         "ud2",      0, 0, 0, B, 0, 0, END, 0, 0, 0, 0, &ud },
    { M0F | 0x0d | R(0) | ONLYMEM, "prefetch",  E, 0, 0, B, 0, 0, NOP_, 0, 0, 0, 0, &nop },
    { M0F | 0x0d | R(1) | ONLYMEM, "prefetchw", E, 0, 0, B, 0, 0, NOP_, 0, 0, 0, 0, &nop },
    { M0F | 0x0d | ONLYMEM, "prefetch", E, 0, 0, B, 0, 0, NOP_, 0, 0, 0, 0, &nop },
    { M0F | 0x0d | ONLYREG, "nop",      E, 0, 0, B, 0, 0, NOP_, 0, 0, 0, 0, &prefetch_reg },
    { M0F | 0x18 | R(0) | ONLYMEM, "prefetchnta", E, 0, 0, B, 0, 0, NOP_, 0, 0, 0, 0, &nop },
    { M0F | 0x18 | R(1) | ONLYMEM, "prefetcht0",  E, 0, 0, B, 0, 0, NOP_, 0, 0, 0, 0, &nop },
    { M0F | 0x18 | R(2) | ONLYMEM, "prefetcht1",  E, 0, 0, B, 0, 0, NOP_, 0, 0, 0, 0, &nop },
    { M0F | 0x18 | R(3) | ONLYMEM, "prefetcht2",  E, 0, 0, B, 0, 0, NOP_, 0, 0, 0, 0, &nop },
    NOPS(0x18), NOPS(0x19), NOPS(0x1a), NOPS(0x1b), NOPS(0x1c), NOPS(0x1d),
    { M0F | 0x1e | PF3 | R(7) | RM_(2), "endbr64", E, 0, 0, V, 0, 0, NOP_, 0, 0, 0, 0, &nop },
    { M0F | 0x1e | PF3 | R(7) | RM_(3), "endbr32", E, 0, 0, V, 0, 0, NOP_, 0, 0, 0, 0, &nop },
    NOPS(0x1e), NOPS(0x1f),

    CC(0x0, "o", OF),        CC(0x1, "no", OF),       CC(0x2, "b", CF),
    CC(0x3, "ae", CF),       CC(0x4, "e", ZF),        CC(0x5, "ne", ZF),
    CC(0x6, "be", CF | ZF),  CC(0x7, "a", CF | ZF),   CC(0x8, "s", SF),
    CC(0x9, "ns", SF),       CC(0xa, "p", PF),        CC(0xb, "np", PF),
    CC(0xc, "l", SF | OF),   CC(0xd, "ge", SF | OF),  CC(0xe, "le", SF | OF | ZF),
    CC(0xf, "g", SF | OF | ZF),

    PUSH_SEG(0xa0, K_FS), PUSH_SEG(0xa8, K_GS),
    BIT(0xa3, 4, "bt",  0,    &bt),
    BIT(0xab, 5, "bts", LOCK, &bts),
    BIT(0xb3, 6, "btr", LOCK, &btr),
    BIT(0xbb, 7, "btc", LOCK, &btc),
    { M0F | 0xa4, "shld", E, G, IUB, V, 0, 0, 0, 0, 0, ALL, OF | AF | CF, &shld },
    { M0F | 0xa5, "shld", E, G, CL_, V, 0, 0, 0, 0, 0, ALL, OF | AF | CF, &shld },
    { M0F | 0xac, "shrd", E, G, IUB, V, 0, 0, 0, 0, 0, ALL, OF | AF | CF, &shrd },
    { M0F | 0xad, "shrd", E, G, CL_, V, 0, 0, 0, 0, 0, ALL, OF | AF | CF, &shrd },
    { M0F | 0xaf, "imul", G, E, 0,   V, 0, 0, 0, 0, 0, ALL, SF | ZF | AF | PF, &imul2 },
    { M0F | 0xb0, "cmpxchg", E, G, 0, B, 0, 0, LOCK, 0, 0, ALL, 0, &cmpxchg },
    { M0F | 0xb1, "cmpxchg", E, G, 0, V, 0, 0, LOCK, 0, 0, ALL, 0, &cmpxchg },
    { M0F | 0xb6, "movzx", G, E, 0, V, B, 0, 0, 0, 0, 0, 0, &movzx8 },
    { M0F | 0xb7, "movzx", G, E, 0, V, W, 0, 0, 0, 0, 0, 0, &movzx16 },
    { M0F | 0xbe, "movsx", G, E, 0, V, B, 0, 0, 0, 0, 0, 0, &movsx8 },
    { M0F | 0xbf, "movsx", G, E, 0, V, W, 0, 0, 0, 0, 0, 0, &movsx16 },
    { M0F | 0xb8 | PF3, "popcnt", G, E, 0, V, 0, 0, 0, HAS_POPCNT, 0, ALL, 0, &popcnt },
    { M0F | 0xb9, "ud1",   G, E, 0, V, 0, 0, END | NOP_, 0, 0, 0, 0, &ud },
    { M0F | 0xbc | PF3, "tzcnt", G, E, 0, V, 0, 0, FALLS, HAS_BMI1, 0, CF | ZF, OF | SF | AF | PF, &tzcnt },
    { M0F | 0xbd | PF3, "lzcnt", G, E, 0, V, 0, 0, FALLS, HAS_LZCNT, 0, CF | ZF, OF | SF | AF | PF, &lzcnt },
    { M0F | 0xbc, "bsf",   G, E, 0, V, 0, 0, 0, 0, 0, ZF, ALL & ~ZF, &bsf },
    { M0F | 0xbd, "bsr",   G, E, 0, V, 0, 0, 0, 0, 0, ZF, ALL & ~ZF, &bsr },
    { M0F | 0xc0, "xadd",  E, G, 0, B, 0, 0, LOCK, 0, 0, ALL, 0, &xadd },
    { M0F | 0xc1, "xadd",  E, G, 0, V, 0, 0, LOCK, 0, 0, ALL, 0, &xadd },
    { M0F | 0xc3 | PNONE, "movnti", EM, G, 0, Y, 0, 0, 0, HAS_SSE2, 0, 0, 0, &mov },
    { M0F | 0xc7 | R(1) | ONLYMEM | VEX_W0, "cmpxchg8b", EM, 0, 0, Q, 0, 0, LOCK, HAS_CX8, 0, ZF, 0, &cmpxchg8b },
    { M0F | 0xc7 | R(1) | ONLYMEM | VEX_W1 | ONLY64, "cmpxchg16b", EM, 0, 0, X, 0, 16, LOCK, HAS_CX16, 0, ZF, 0, &cmpxchg16b },
    BSWAP(0), BSWAP(1), BSWAP(2), BSWAP(3), BSWAP(4), BSWAP(5), BSWAP(6), BSWAP(7),
    { M0F | 0xff, "ud0",   G, E, 0, V, 0, 0, END | NOP_, 0, 0, 0, 0, &ud },

    { M38 | 0xf0 | PF2, "crc32", G, E, 0, Y, B, 0, 0, HAS_SSE42, 0, 0, 0, &crc32_8 },
    { M38 | 0xf1 | PF2, "crc32", G, E, 0, Y, V, 0, 0, HAS_SSE42, 0, 0, 0, &crc32_v },
    { M38 | 0xf0 | PNONE, "movbe", G, EM, 0, V, 0, 0, 0, HAS_MOVBE, 0, 0, 0, &movbe },
    { M38 | 0xf0 | P66,   "movbe", G, EM, 0, V, 0, 0, 0, HAS_MOVBE, 0, 0, 0, &movbe },
    { M38 | 0xf1 | PNONE, "movbe", EM, G, 0, V, 0, 0, 0, HAS_MOVBE, 0, 0, 0, &movbe },
    { M38 | 0xf1 | P66,   "movbe", EM, G, 0, V, 0, 0, 0, HAS_MOVBE, 0, 0, 0, &movbe },
    { M38 | 0xf6 | P66, "adcx", G, E, 0, Y, 0, 0, 0, HAS_ADX, CF, CF, 0, &adcx },
    { M38 | 0xf6 | PF3, "adox", G, E, 0, Y, 0, 0, 0, HAS_ADX, OF, OF, 0, &adox },

    { V38 | 0xf2 | PNONE | VEX_L0,        "andn",   G,  BG, E,  Y, 0, 0, VVVV, HAS_BMI1, 0, ALL, AF | PF, &andn },
    { V38 | 0xf3 | PNONE | VEX_L0 | R(1), "blsr",   BG, E,  0,  Y, 0, 0, VVVV, HAS_BMI1, 0, ALL, AF | PF, &blsr },
    { V38 | 0xf3 | PNONE | VEX_L0 | R(2), "blsmsk", BG, E,  0,  Y, 0, 0, VVVV, HAS_BMI1, 0, ALL, AF | PF, &blsmsk },
    { V38 | 0xf3 | PNONE | VEX_L0 | R(3), "blsi",   BG, E,  0,  Y, 0, 0, VVVV, HAS_BMI1, 0, ALL, AF | PF, &blsi },
    { V38 | 0xf5 | PNONE | VEX_L0,        "bzhi",   G,  E,  BG, Y, 0, 0, VVVV, HAS_BMI2, 0, ALL, AF | PF, &bzhi },
    { V38 | 0xf5 | PF3   | VEX_L0,        "pext",   G,  BG, E,  Y, 0, 0, VVVV, HAS_BMI2, 0, 0, 0, &pext },
    { V38 | 0xf5 | PF2   | VEX_L0,        "pdep",   G,  BG, E,  Y, 0, 0, VVVV, HAS_BMI2, 0, 0, 0, &pdep },
    { V38 | 0xf6 | PF2   | VEX_L0,        "mulx",   G,  BG, E,  Y, 0, 0, VVVV, HAS_BMI2, 0, 0, 0, &mulx },
    { V38 | 0xf7 | PNONE | VEX_L0,        "bextr",  G,  E,  BG, Y, 0, 0, VVVV, HAS_BMI1, 0, ALL, AF | PF | SF, &bextr },
    { V38 | 0xf7 | P66   | VEX_L0,        "shlx",   G,  E,  BG, Y, 0, 0, VVVV, HAS_BMI2, 0, 0, 0, &shlx },
    { V38 | 0xf7 | PF3   | VEX_L0,        "sarx",   G,  E,  BG, Y, 0, 0, VVVV, HAS_BMI2, 0, 0, 0, &sarx },
    { V38 | 0xf7 | PF2   | VEX_L0,        "shrx",   G,  E,  BG, Y, 0, 0, VVVV, HAS_BMI2, 0, 0, 0, &shrx },
    { V3A | 0xf0 | PF2   | VEX_L0,        "rorx",   G,  E,  IUB, Y, 0, 0, 0, HAS_BMI2, 0, 0, 0, &rorx },
    { 0 }
};
