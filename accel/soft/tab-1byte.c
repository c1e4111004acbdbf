/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One-byte opcodes: rows only. Far transfers, segment loads, port I/O and interrupts are in
 * tab-sys.c, D8-DF in tab-x87.c. Source: Intel SDM volume 2, table A-2, and the flag columns of
 * volume 1, appendix A.
 */
#include "accel/soft/rows.h"

/* clang-format off */
#define ALU(op, name, attr, fr, und, fam)                                                   \
    { (op) + 0, name, E,   G, 0, B, 0, 0, attr, 0, fr, ALL, und, fam },                     \
    { (op) + 1, name, E,   G, 0, V, 0, 0, attr, 0, fr, ALL, und, fam },                     \
    { (op) + 2, name, G,   E, 0, B, 0, 0, 0,    0, fr, ALL, und, fam },                     \
    { (op) + 3, name, G,   E, 0, V, 0, 0, 0,    0, fr, ALL, und, fam },                     \
    { (op) + 4, name, ACC, I, 0, B, 0, 0, 0,    0, fr, ALL, und, fam },                     \
    { (op) + 5, name, ACC, I, 0, V, 0, 0, 0,    0, fr, ALL, und, fam }

#define GROUP1(r, name, attr, fr, und, fam)                                                 \
    { 0x80 | R(r),        name, E, I,  0, B, 0, 0, attr, 0, fr, ALL, und, fam },            \
    { 0x81 | R(r),        name, E, I,  0, V, 0, 0, attr, 0, fr, ALL, und, fam },            \
    { 0x82 | R(r) | NO64, name, E, I,  0, B, 0, 0, attr, 0, fr, ALL, und, fam },            \
    { 0x83 | R(r),        name, E, IB, 0, V, 0, 0, attr, 0, fr, ALL, und, fam }

/* rotates leave SF ZF AF PF; OF is defined for a count of 1 only, AF of a shift never */
#define GROUP2(r, name, fr, fw, und, fam)                                                   \
    { 0xc0 | R(r), name, E, IUB, 0, B, 0, 0, 0, 0, fr, fw, und, fam },                      \
    { 0xc1 | R(r), name, E, IUB, 0, V, 0, 0, 0, 0, fr, fw, und, fam },                      \
    { 0xd0 | R(r), name, E, ONE, 0, B, 0, 0, 0, 0, fr, fw, (und) & ~OF, fam },              \
    { 0xd1 | R(r), name, E, ONE, 0, V, 0, 0, 0, 0, fr, fw, (und) & ~OF, fam },              \
    { 0xd2 | R(r), name, E, CL_, 0, B, 0, 0, 0, 0, fr, fw, und, fam },                      \
    { 0xd3 | R(r), name, E, CL_, 0, V, 0, 0, 0, 0, fr, fw, und, fam }

#define PUSH_SEG(op, kind) { (op) | NO64, "push", kind, 0, 0, SK, W, 0, STACK, 0, 0, 0, 0, &push_seg }

#define ROW1(op, name, a, b, size, attr, fr, fw, und, fam) \
    { op, name, a, b, 0, size, 0, 0, attr, 0, fr, fw, und, fam }
#define ROW8(op, name, a, b, size, attr, fr, fw, und, fam)                                  \
    ROW1((op) + 0, name, a, b, size, attr, fr, fw, und, fam),                               \
    ROW1((op) + 1, name, a, b, size, attr, fr, fw, und, fam),                               \
    ROW1((op) + 2, name, a, b, size, attr, fr, fw, und, fam),                               \
    ROW1((op) + 3, name, a, b, size, attr, fr, fw, und, fam),                               \
    ROW1((op) + 4, name, a, b, size, attr, fr, fw, und, fam),                               \
    ROW1((op) + 5, name, a, b, size, attr, fr, fw, und, fam),                               \
    ROW1((op) + 6, name, a, b, size, attr, fr, fw, und, fam),                               \
    ROW1((op) + 7, name, a, b, size, attr, fr, fw, und, fam)

#define JCC(c, name, fr) { 0x70 + (c), name, JB, 0, 0, NB, 0, 0, 0, 0, fr, 0, 0, &jcc[c] }

const Row tab_1byte[] = {
    ALU(0x00, "add", LOCK, 0,  0,  &add),
    ALU(0x08, "or",  LOCK, 0,  AF, &or_),
    ALU(0x10, "adc", LOCK, CF, 0,  &adc),
    ALU(0x18, "sbb", LOCK, CF, 0,  &sbb),
    ALU(0x20, "and", LOCK, 0,  AF, &and_),
    ALU(0x28, "sub", LOCK, 0,  0,  &sub),
    ALU(0x30, "xor", LOCK, 0,  AF, &xor_),
    ALU(0x38, "cmp", 0,    0,  0,  &cmp),
    GROUP1(0, "add", LOCK, 0,  0,  &add),
    GROUP1(1, "or",  LOCK, 0,  AF, &or_),
    GROUP1(2, "adc", LOCK, CF, 0,  &adc),
    GROUP1(3, "sbb", LOCK, CF, 0,  &sbb),
    GROUP1(4, "and", LOCK, 0,  AF, &and_),
    GROUP1(5, "sub", LOCK, 0,  0,  &sub),
    GROUP1(6, "xor", LOCK, 0,  AF, &xor_),
    GROUP1(7, "cmp", 0,    0,  0,  &cmp),

    PUSH_SEG(0x06, K_ES), PUSH_SEG(0x0e, K_CS), PUSH_SEG(0x16, K_SS), PUSH_SEG(0x1e, K_DS),
    ROW1(0x27 | NO64, "daa", 0, 0, B, 0, CF | AF, ALL, OF, &daa),
    ROW1(0x2f | NO64, "das", 0, 0, B, 0, CF | AF, ALL, OF, &das),
    ROW1(0x37 | NO64, "aaa", 0, 0, B, 0, AF, ALL, OF | SF | ZF | PF, &aaa),
    ROW1(0x3f | NO64, "aas", 0, 0, B, 0, AF, ALL, OF | SF | ZF | PF, &aas),

    ROW8(0x40 | NO64, "inc", ZR, 0, V, 0, 0, NOTCF, 0, &inc),
    ROW8(0x48 | NO64, "dec", ZR, 0, V, 0, 0, NOTCF, 0, &dec),
    ROW8(0x50, "push", ZR, 0, SK, STACK, 0, 0, 0, &push),
    ROW8(0x58, "pop",  ZR, 0, SK, STACK, 0, 0, 0, &pop),

    ROW1(0x60 | NO64, "pusha", 0, 0, SK, STACK, 0, 0, 0, &pusha),
    ROW1(0x61 | NO64, "popa",  0, 0, SK, STACK, 0, 0, 0, &popa),
    { 0x62 | NO64,   "bound",  G,  EM, 0,  V, 0, 0, 0, 0, 0, 0, 0, &bound },
    { 0x63 | ONLY64, "movsxd", G,  E,  0,  V, D, 0, 0, 0, 0, 0, 0, &movsxd },
    { 0x68,          "push",   I,  0,  0,  SK, 0, 0, STACK, 0, 0, 0, 0, &push },
    { 0x69,          "imul",   G,  E,  I,  V, 0, 0, 0, 0, 0, ALL, SF | ZF | AF | PF, &imul3 },
    { 0x6a,          "push",   IB, 0,  0,  SK, 0, 0, STACK, 0, 0, 0, 0, &push },
    { 0x6b,          "imul",   G,  E,  IB, V, 0, 0, 0, 0, 0, ALL, SF | ZF | AF | PF, &imul3 },

    JCC(0x0, "jo", OF),            JCC(0x1, "jno", OF),           JCC(0x2, "jb", CF),
    JCC(0x3, "jae", CF),           JCC(0x4, "je", ZF),            JCC(0x5, "jne", ZF),
    JCC(0x6, "jbe", CF | ZF),      JCC(0x7, "ja", CF | ZF),       JCC(0x8, "js", SF),
    JCC(0x9, "jns", SF),           JCC(0xa, "jp", PF),            JCC(0xb, "jnp", PF),
    JCC(0xc, "jl", SF | OF),       JCC(0xd, "jge", SF | OF),      JCC(0xe, "jle", SF | OF | ZF),
    JCC(0xf, "jg", SF | OF | ZF),

    ROW1(0x84, "test", E, G, B, 0, 0, ALL, AF, &test),
    ROW1(0x85, "test", E, G, V, 0, 0, ALL, AF, &test),
    ROW1(0x86, "xchg", E, G, B, LOCK, 0, 0, 0, &xchg),
    ROW1(0x87, "xchg", E, G, V, LOCK, 0, 0, 0, &xchg),
    ROW1(0x88, "mov",  E, G, B, 0, 0, 0, 0, &mov),
    ROW1(0x89, "mov",  E, G, V, 0, 0, 0, 0, &mov),
    ROW1(0x8a, "mov",  G, E, B, 0, 0, 0, 0, &mov),
    ROW1(0x8b, "mov",  G, E, V, 0, 0, 0, 0, &mov),
    { 0x8d,        "lea", G, EM, 0, V,  0, 0, NOP_,  0, 0, 0, 0, &lea },
    { 0x8f | R(0), "pop", E, 0,  0, SK, 0, 0, STACK, 0, 0, 0, 0, &pop_e },

    /* 90 is NOP unless REX.B makes it XCHG R8; F3 90 is PAUSE: both decided by the handler */
    ROW1(0x90 | PF3, "pause", ACC, ZR, V, 0, 0, 0, 0, &pause_),
    ROW1(0x90, "xchg", ACC, ZR, V, 0, 0, 0, 0, &xchg90),
    ROW1(0x91, "xchg", ACC, ZR, V, 0, 0, 0, 0, &xchg),
    ROW1(0x92, "xchg", ACC, ZR, V, 0, 0, 0, 0, &xchg),
    ROW1(0x93, "xchg", ACC, ZR, V, 0, 0, 0, 0, &xchg),
    ROW1(0x94, "xchg", ACC, ZR, V, 0, 0, 0, 0, &xchg),
    ROW1(0x95, "xchg", ACC, ZR, V, 0, 0, 0, 0, &xchg),
    ROW1(0x96, "xchg", ACC, ZR, V, 0, 0, 0, 0, &xchg),
    ROW1(0x97, "xchg", ACC, ZR, V, 0, 0, 0, 0, &xchg),
    ROW1(0x98, "cbw",  0, 0, V, 0, 0, 0, 0, &cbw),
    ROW1(0x99, "cwd",  0, 0, V, 0, 0, 0, 0, &cwd),
    ROW1(0x9c, "pushf", 0, 0, SK, STACK, ALL, 0, 0, &pushf),
    ROW1(0x9d, "popf",  0, 0, SK, STACK | END, 0, ALL, 0, &popf),
    { 0x9e | NO64,   "sahf", 0, 0, 0, B, 0, 0, 0, 0,           0, NOTOF, 0, &sahf },
    { 0x9e | ONLY64, "sahf", 0, 0, 0, B, 0, 0, 0, HAS_LAHF64,  0, NOTOF, 0, &sahf },
    { 0x9f | NO64,   "lahf", 0, 0, 0, B, 0, 0, 0, 0,           NOTOF, 0, 0, &lahf },
    { 0x9f | ONLY64, "lahf", 0, 0, 0, B, 0, 0, 0, HAS_LAHF64,  NOTOF, 0, 0, &lahf },

    ROW1(0xa0, "mov", ACC, O, B, 0, 0, 0, 0, &mov),
    ROW1(0xa1, "mov", ACC, O, V, 0, 0, 0, 0, &mov),
    ROW1(0xa2, "mov", O, ACC, B, 0, 0, 0, 0, &mov),
    ROW1(0xa3, "mov", O, ACC, V, 0, 0, 0, 0, &mov),
    ROW1(0xa4, "movs", DI_, SI_, B, REP, 0, 0, 0, &movs),
    ROW1(0xa5, "movs", DI_, SI_, V, REP, 0, 0, 0, &movs),
    ROW1(0xa6, "cmps", SI_, DI_, B, REP | REPZ, 0, ALL, 0, &cmps),
    ROW1(0xa7, "cmps", SI_, DI_, V, REP | REPZ, 0, ALL, 0, &cmps),
    ROW1(0xa8, "test", ACC, I, B, 0, 0, ALL, AF, &test),
    ROW1(0xa9, "test", ACC, I, V, 0, 0, ALL, AF, &test),
    ROW1(0xaa, "stos", DI_, ACC, B, REP, 0, 0, 0, &stos),
    ROW1(0xab, "stos", DI_, ACC, V, REP, 0, 0, 0, &stos),
    ROW1(0xac, "lods", ACC, SI_, B, REP, 0, 0, 0, &lods),
    ROW1(0xad, "lods", ACC, SI_, V, REP, 0, 0, 0, &lods),
    ROW1(0xae, "scas", ACC, DI_, B, REP | REPZ, 0, ALL, 0, &scas),
    ROW1(0xaf, "scas", ACC, DI_, V, REP | REPZ, 0, ALL, 0, &scas),
    ROW8(0xb0, "mov", ZR, I,  B, 0, 0, 0, 0, &mov),
    ROW8(0xb8, "mov", ZR, IQ, V, 0, 0, 0, 0, &mov),

    GROUP2(0, "rol", 0,  CF | OF, OF,      &rol),
    GROUP2(1, "ror", 0,  CF | OF, OF,      &ror),
    GROUP2(2, "rcl", CF, CF | OF, OF,      &rcl),
    GROUP2(3, "rcr", CF, CF | OF, OF,      &rcr),
    GROUP2(4, "shl", 0,  ALL,     OF | AF | CF, &shl),
    GROUP2(5, "shr", 0,  ALL,     OF | AF | CF, &shr),
    GROUP2(6, "shl", 0,  ALL,     OF | AF | CF, &shl),
    GROUP2(7, "sar", 0,  ALL,     OF | AF, &sar),
    { 0xc2,        "ret",   IW, 0,   0, NB, 0, 0, END | STACK, 0, 0, 0, 0, &ret },
    { 0xc3,        "ret",   0,  0,   0, NB, 0, 0, END | STACK, 0, 0, 0, 0, &ret },
    { 0xc6 | R(0), "mov",   E,  I,   0, B,  0, 0, 0,     0, 0, 0, 0, &mov },
    { 0xc7 | R(0), "mov",   E,  I,   0, V,  0, 0, 0,     0, 0, 0, 0, &mov },
    { 0xc8,        "enter", IW, IB2, 0, SK, 0, 0, STACK, 0, 0, 0, 0, &enter },
    { 0xc9,        "leave", 0,  0,   0, SK, 0, 0, STACK, 0, 0, 0, 0, &leave },
    { 0xd4 | NO64, "aam",   IUB, 0,  0, B,  0, 0, 0, 0, 0, ALL, OF | AF | CF, &aam },
    { 0xd5 | NO64, "aad",   IUB, 0,  0, B,  0, 0, 0, 0, 0, ALL, OF | AF | CF, &aad },
    { 0xd6 | NO64, "salc",  0,  0,   0, B,  0, 0, 0, 0, CF, 0, 0, &salc },
    { 0xd7,        "xlat",  0,  0,   0, B,  0, 0, 0, 0, 0, 0, 0, &xlat },

    { 0xe0, "loopne", JB, 0, 0, NB, 0, 0, END, 0, ZF, 0, 0, &loopne },
    { 0xe1, "loope",  JB, 0, 0, NB, 0, 0, END, 0, ZF, 0, 0, &loope },
    { 0xe2, "loop",   JB, 0, 0, NB, 0, 0, END, 0, 0,  0, 0, &loop },
    { 0xe3, "jcxz",   JB, 0, 0, NB, 0, 0, END, 0, 0,  0, 0, &jcxz },
    { 0xe8, "call",   J,  0, 0, NB, 0, 0, END | STACK, 0, 0, 0, 0, &call },
    { 0xe9, "jmp",    J,  0, 0, NB, 0, 0, END, 0, 0,  0, 0, &jmp },
    { 0xeb, "jmp",    JB, 0, 0, NB, 0, 0, END, 0, 0,  0, 0, &jmp },

    { 0xf4,        "hlt",  0, 0, 0, B, 0, 0, SYS | END, 0, 0, 0, 0, &hlt },
    { 0xf5,        "cmc",  0, 0, 0, B, 0, 0, 0, 0, CF, CF, 0, &cmc },
    { 0xf6 | R(0), "test", E, I, 0, B, 0, 0, 0, 0, 0, ALL, AF, &test },
    { 0xf6 | R(1), "test", E, I, 0, B, 0, 0, 0, 0, 0, ALL, AF, &test },
    { 0xf7 | R(0), "test", E, I, 0, V, 0, 0, 0, 0, 0, ALL, AF, &test },
    { 0xf7 | R(1), "test", E, I, 0, V, 0, 0, 0, 0, 0, ALL, AF, &test },
    { 0xf6 | R(2), "not",  E, 0, 0, B, 0, 0, LOCK, 0, 0, 0,   0, &not_ },
    { 0xf7 | R(2), "not",  E, 0, 0, V, 0, 0, LOCK, 0, 0, 0,   0, &not_ },
    { 0xf6 | R(3), "neg",  E, 0, 0, B, 0, 0, LOCK, 0, 0, ALL, 0, &neg },
    { 0xf7 | R(3), "neg",  E, 0, 0, V, 0, 0, LOCK, 0, 0, ALL, 0, &neg },
    { 0xf6 | R(4), "mul",  E, 0, 0, B, 0, 0, 0, 0, 0, ALL, SF | ZF | AF | PF, &mul },
    { 0xf7 | R(4), "mul",  E, 0, 0, V, 0, 0, 0, 0, 0, ALL, SF | ZF | AF | PF, &mul },
    { 0xf6 | R(5), "imul", E, 0, 0, B, 0, 0, 0, 0, 0, ALL, SF | ZF | AF | PF, &imul },
    { 0xf7 | R(5), "imul", E, 0, 0, V, 0, 0, 0, 0, 0, ALL, SF | ZF | AF | PF, &imul },
    { 0xf6 | R(6), "div",  E, 0, 0, B, 0, 0, 0, 0, 0, ALL, ALL, &div_ },
    { 0xf7 | R(6), "div",  E, 0, 0, V, 0, 0, 0, 0, 0, ALL, ALL, &div_ },
    { 0xf6 | R(7), "idiv", E, 0, 0, B, 0, 0, 0, 0, 0, ALL, ALL, &idiv },
    { 0xf7 | R(7), "idiv", E, 0, 0, V, 0, 0, 0, 0, 0, ALL, ALL, &idiv },
    { 0xf8,        "clc",  0, 0, 0, B, 0, 0, 0, 0, 0, CF, 0, &clc },
    { 0xf9,        "stc",  0, 0, 0, B, 0, 0, 0, 0, 0, CF, 0, &stc },
    { 0xfa,        "cli",  0, 0, 0, B, 0, 0, 0, 0, 0, 0, 0, &cli },
    { 0xfb,        "sti",  0, 0, 0, B, 0, 0, END | SHADOW, 0, 0, 0, 0, &sti },
    { 0xfc,        "cld",  0, 0, 0, B, 0, 0, 0, 0, 0, 0, 0, &cld },
    { 0xfd,        "std",  0, 0, 0, B, 0, 0, 0, 0, 0, 0, 0, &std },
    { 0xfe | R(0), "inc",  E, 0, 0, B, 0, 0, LOCK, 0, 0, NOTCF, 0, &inc },
    { 0xfe | R(1), "dec",  E, 0, 0, B, 0, 0, LOCK, 0, 0, NOTCF, 0, &dec },
    { 0xff | R(0), "inc",  E, 0, 0, V, 0, 0, LOCK, 0, 0, NOTCF, 0, &inc },
    { 0xff | R(1), "dec",  E, 0, 0, V, 0, 0, LOCK, 0, 0, NOTCF, 0, &dec },
    { 0xff | R(2), "call", E, 0, 0, NB, 0, 0, END | STACK, 0, 0, 0, 0, &call_e },
    { 0xff | R(4), "jmp",  E, 0, 0, NB, 0, 0, END,   0, 0, 0, 0, &jmp_e },
    { 0xff | R(6), "push", E, 0, 0, SK, 0, 0, STACK, 0, 0, 0, 0, &push },
    { 0 }
};
