/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of MMX and SSE to SSE4.2, with AES, PCLMULQDQ, SHA and GFNI, which cost nothing more: all
 * run as exec thunks. Sizes: of the general register where there is one, else of no matter; then
 * the bytes in memory and the alignment a memory operand must have. Source: Intel SDM volume 2.
 * Not here: VEX (tab-vex.c), EVEX, SSE4A.
 */
#include "accel/soft/op-vec.h"

/* clang-format off */
#define FLAGS ALL
/* an SSE row; MXCSR: it computes in floating point */
#define S(sel, name, a, b, c, size, msize, align, feature) \
    { sel, name, a, b, c, size, msize, align, THUNK | SSE, HAS_##feature, 0, 0, 0, &vec }
#define F(sel, name, a, b, c, size, msize, align, feature) \
    { sel, name, a, b, c, size, msize, align, THUNK | SSE | MXCSR_, HAS_##feature, 0, 0, 0, &vec }
#define M(sel, name, a, b, c, size, msize, feature) \
    { sel, name, a, b, c, size, msize, 0, THUNK | MMX, HAS_##feature, 0, 0, 0, &vec }
/* the packed integer instructions that MMX and SSE2 share */
#define PAIR(op, name, feature) \
    M(M0F | PNONE | op, name, PQ, QQ, 0, Q, 8, feature), \
    S(M0F | P66 | op, name, VX, WX, 0, Q, 16, 16, SSE2)
#define PAIR38(op, name) \
    M(M38 | PNONE | op, name, PQ, QQ, 0, Q, 8, SSSE3), \
    S(M38 | P66 | op, name, VX, WX, 0, Q, 16, 16, SSSE3)
#define UNPACK(op, name) \
    M(M0F | PNONE | op, name, PQ, QQ, 0, Q, 4, MMX), \
    S(M0F | P66 | op, name, VX, WX, 0, Q, 16, 16, SSE2)
#define SHIFT(op, reg, name) \
    M(M0F | PNONE | ONLYREG | R(reg) | op, name, NQ, IUB, 0, Q, 8, MMX), \
    S(M0F | P66 | ONLYREG | R(reg) | op, name, UX, IUB, 0, Q, 16, 0, SSE2)
/* the floating-point instructions that come as ps, pd, ss, sd */
#define FOUR(op, name) \
    F(M0F | PNONE | op, name "ps", VX, WX, 0, Q, 16, 16, SSE), \
    F(M0F | P66 | op, name "pd", VX, WX, 0, Q, 16, 16, SSE2), \
    F(M0F | PF3 | op, name "ss", VX, WX, 0, Q, 4, 0, SSE), \
    F(M0F | PF2 | op, name "sd", VX, WX, 0, Q, 8, 0, SSE2)
#define TWO(op, name) \
    S(M0F | PNONE | op, name "ps", VX, WX, 0, Q, 16, 16, SSE), \
    S(M0F | P66 | op, name "pd", VX, WX, 0, Q, 16, 16, SSE2)
#define COMPARE(op, name) \
    { M0F | PNONE | op, name "ss", VX, WX, 0, Q, 4, 0, THUNK | SSE | MXCSR_, HAS_SSE,  0, FLAGS, 0, &vec }, \
    { M0F | P66 | op,   name "sd", VX, WX, 0, Q, 8, 0, THUNK | SSE | MXCSR_, HAS_SSE2, 0, FLAGS, 0, &vec }
#define X41(op, name)             S(M38 | P66 | op, name, VX, WX, 0, Q, 16, 16, SSE41)
#define EXTEND(op, name, msize)   S(M38 | P66 | op, name, VX, WX, 0, Q, msize, 0, SSE41)
#define AES_(op, name)            S(M38 | P66 | op, name, VX, WX, 0, Q, 16, 16, AES)
#define SHA_(op, name)            S(M38 | PNONE | op, name, VX, WX, 0, Q, 16, 16, SHA)
#define IMM41(op, name)           S(M3A | P66 | op, name, VX, WX, IUB, Q, 16, 16, SSE41)
#define FIMM41(op, name, msize, align) F(M3A | P66 | op, name, VX, WX, IUB, Q, msize, align, SSE41)
#define STRING(op, name) \
    { M3A | P66 | op, name, VX, WX, IUB, Y, 16, 0, THUNK | SSE, HAS_SSE42, 0, FLAGS, 0, &vec }

const Row tab_vec[] = {
    /* ---- moves ---- */
    S(M0F | PNONE | 0x10, "movups", VX, WX, 0, Q, 16, 0, SSE),
    S(M0F | P66 | 0x10,   "movupd", VX, WX, 0, Q, 16, 0, SSE2),
    S(M0F | PF3 | 0x10,   "movss",  VX, WX, 0, Q, 4, 0, SSE),
    S(M0F | PF2 | 0x10,   "movsd",  VX, WX, 0, Q, 8, 0, SSE2),
    S(M0F | PNONE | 0x11, "movups", WX, VX, 0, Q, 16, 0, SSE),
    S(M0F | P66 | 0x11,   "movupd", WX, VX, 0, Q, 16, 0, SSE2),
    S(M0F | PF3 | 0x11,   "movss",  WX, VX, 0, Q, 4, 0, SSE),
    S(M0F | PF2 | 0x11,   "movsd",  WX, VX, 0, Q, 8, 0, SSE2),
    S(M0F | PNONE | ONLYREG | 0x12, "movhlps", VX, UX, 0, Q, 16, 0, SSE),
    S(M0F | PNONE | ONLYMEM | 0x12, "movlps",  VX, WM, 0, Q, 8, 0, SSE),
    S(M0F | P66 | ONLYMEM | 0x12,   "movlpd",  VX, WM, 0, Q, 8, 0, SSE2),
    S(M0F | PF3 | 0x12,   "movsldup", VX, WX, 0, Q, 16, 16, SSE3),
    S(M0F | PF2 | 0x12,   "movddup",  VX, WX, 0, Q, 8, 0, SSE3),
    S(M0F | PNONE | ONLYMEM | 0x13, "movlps", WM, VX, 0, Q, 8, 0, SSE),
    S(M0F | P66 | ONLYMEM | 0x13,   "movlpd", WM, VX, 0, Q, 8, 0, SSE2),
    TWO(0x14, "unpckl"), TWO(0x15, "unpckh"),
    S(M0F | PNONE | ONLYREG | 0x16, "movlhps", VX, UX, 0, Q, 16, 0, SSE),
    S(M0F | PNONE | ONLYMEM | 0x16, "movhps",  VX, WM, 0, Q, 8, 0, SSE),
    S(M0F | P66 | ONLYMEM | 0x16,   "movhpd",  VX, WM, 0, Q, 8, 0, SSE2),
    S(M0F | PF3 | 0x16,   "movshdup", VX, WX, 0, Q, 16, 16, SSE3),
    S(M0F | PNONE | ONLYMEM | 0x17, "movhps", WM, VX, 0, Q, 8, 0, SSE),
    S(M0F | P66 | ONLYMEM | 0x17,   "movhpd", WM, VX, 0, Q, 8, 0, SSE2),
    S(M0F | PNONE | 0x28, "movaps", VX, WX, 0, Q, 16, 16, SSE),
    S(M0F | P66 | 0x28,   "movapd", VX, WX, 0, Q, 16, 16, SSE2),
    S(M0F | PNONE | 0x29, "movaps", WX, VX, 0, Q, 16, 16, SSE),
    S(M0F | P66 | 0x29,   "movapd", WX, VX, 0, Q, 16, 16, SSE2),
    S(M0F | PNONE | ONLYMEM | 0x2b, "movntps", WM, VX, 0, Q, 16, 16, SSE),
    S(M0F | P66 | ONLYMEM | 0x2b,   "movntpd", WM, VX, 0, Q, 16, 16, SSE2),
    S(M0F | PNONE | ONLYREG | 0x50, "movmskps", G, UX, 0, D, 16, 0, SSE),
    S(M0F | P66 | ONLYREG | 0x50,   "movmskpd", G, UX, 0, D, 16, 0, SSE2),
    M(M0F | PNONE | VEX_W1 | 0x6e, "movq", PQ, E, 0, Y, Y, MMX),
    M(M0F | PNONE | 0x6e, "movd", PQ, E, 0, Y, Y, MMX),
    S(M0F | P66 | VEX_W1 | 0x6e, "movq", VX, E, 0, Y, Y, 0, SSE2),
    S(M0F | P66 | 0x6e,   "movd",   VX, E, 0, Y, Y, 0, SSE2),
    M(M0F | PNONE | 0x6f, "movq",   PQ, QQ, 0, Q, 8, MMX),
    S(M0F | P66 | 0x6f,   "movdqa", VX, WX, 0, Q, 16, 16, SSE2),
    S(M0F | PF3 | 0x6f,   "movdqu", VX, WX, 0, Q, 16, 0, SSE2),
    M(M0F | PNONE | VEX_W1 | 0x7e, "movq", E, PQ, 0, Y, Y, MMX),
    M(M0F | PNONE | 0x7e, "movd", E, PQ, 0, Y, Y, MMX),
    S(M0F | P66 | VEX_W1 | 0x7e, "movq", E, VX, 0, Y, Y, 0, SSE2),
    S(M0F | P66 | 0x7e,   "movd",   E, VX, 0, Y, Y, 0, SSE2),
    S(M0F | PF3 | 0x7e,   "movq",   VX, WX, 0, Q, 8, 0, SSE2),
    M(M0F | PNONE | 0x7f, "movq",   QQ, PQ, 0, Q, 8, MMX),
    S(M0F | P66 | 0x7f,   "movdqa", WX, VX, 0, Q, 16, 16, SSE2),
    S(M0F | PF3 | 0x7f,   "movdqu", WX, VX, 0, Q, 16, 0, SSE2),
    S(M0F | P66 | 0xd6,   "movq",   WX, VX, 0, Q, 8, 0, SSE2),
    { M0F | PF3 | ONLYREG | 0xd6, "movq2dq", VX, NQ, 0, Q, 8, 0, THUNK | SSE | MMX, HAS_SSE2, 0, 0, 0, &vec },
    { M0F | PF2 | ONLYREG | 0xd6, "movdq2q", PQ, UX, 0, Q, 8, 0, THUNK | SSE | MMX, HAS_SSE2, 0, 0, 0, &vec },
    M(M0F | PNONE | ONLYREG | 0xd7, "pmovmskb", G, NQ, 0, D, 8, SSE),
    S(M0F | P66 | ONLYREG | 0xd7,   "pmovmskb", G, UX, 0, D, 16, 0, SSE2),
    M(M0F | PNONE | ONLYMEM | 0xe7, "movntq",  QQ, PQ, 0, Q, 8, SSE),
    S(M0F | P66 | ONLYMEM | 0xe7,   "movntdq", WM, VX, 0, Q, 16, 16, SSE2),
    S(M0F | PF2 | ONLYMEM | 0xf0,   "lddqu",   VX, WM, 0, Q, 16, 0, SSE3),
    S(M38 | P66 | ONLYMEM | 0x2a,   "movntdqa", VX, WM, 0, Q, 16, 16, SSE41),
    { M0F | PNONE | ONLYREG | 0xf7, "maskmovq",   PQ, NQ, 0, Q, 8, 0, MMX, HAS_SSE, 0, 0, 0, &maskmovq },
    { M0F | P66 | ONLYREG | 0xf7,   "maskmovdqu", VX, UX, 0, Q, 16, 0, SSE, HAS_SSE2, 0, 0, 0, &maskmovdqu },
    { M0F | PNONE | 0x77, "emms", 0, 0, 0, D, 0, 0, MMX, HAS_MMX, 0, 0, 0, &emms },

    /* ---- floating point ---- */
    { M0F | PNONE | 0x2a, "cvtpi2ps", VX, QQ, 0, Q, 8, 0, THUNK | SSE | MMX | MXCSR_, HAS_SSE, 0, 0, 0, &vec },
    { M0F | P66 | 0x2a,   "cvtpi2pd", VX, QQ, 0, Q, 8, 0, THUNK | SSE | MMX | MXCSR_, HAS_SSE2, 0, 0, 0, &vec },
    F(M0F | PF3 | 0x2a,   "cvtsi2ss", VX, E, 0, Y, Y, 0, SSE),
    F(M0F | PF2 | 0x2a,   "cvtsi2sd", VX, E, 0, Y, Y, 0, SSE2),
    { M0F | PNONE | 0x2c, "cvttps2pi", PQ, WX, 0, Q, 8, 0, THUNK | SSE | MMX | MXCSR_, HAS_SSE, 0, 0, 0, &vec },
    { M0F | P66 | 0x2c,   "cvttpd2pi", PQ, WX, 0, Q, 16, 16, THUNK | SSE | MMX | MXCSR_, HAS_SSE2, 0, 0, 0, &vec },
    F(M0F | PF3 | 0x2c,   "cvttss2si", G, WX, 0, Y, 4, 0, SSE),
    F(M0F | PF2 | 0x2c,   "cvttsd2si", G, WX, 0, Y, 8, 0, SSE2),
    { M0F | PNONE | 0x2d, "cvtps2pi", PQ, WX, 0, Q, 8, 0, THUNK | SSE | MMX | MXCSR_, HAS_SSE, 0, 0, 0, &vec },
    { M0F | P66 | 0x2d,   "cvtpd2pi", PQ, WX, 0, Q, 16, 16, THUNK | SSE | MMX | MXCSR_, HAS_SSE2, 0, 0, 0, &vec },
    F(M0F | PF3 | 0x2d,   "cvtss2si", G, WX, 0, Y, 4, 0, SSE),
    F(M0F | PF2 | 0x2d,   "cvtsd2si", G, WX, 0, Y, 8, 0, SSE2),
    COMPARE(0x2e, "ucomi"), COMPARE(0x2f, "comi"),
    FOUR(0x51, "sqrt"),
    S(M0F | PNONE | 0x52, "rsqrtps", VX, WX, 0, Q, 16, 16, SSE),
    S(M0F | PF3 | 0x52,   "rsqrtss", VX, WX, 0, Q, 4, 0, SSE),
    S(M0F | PNONE | 0x53, "rcpps",   VX, WX, 0, Q, 16, 16, SSE),
    S(M0F | PF3 | 0x53,   "rcpss",   VX, WX, 0, Q, 4, 0, SSE),
    TWO(0x54, "and"), TWO(0x55, "andn"), TWO(0x56, "or"), TWO(0x57, "xor"),
    FOUR(0x58, "add"), FOUR(0x59, "mul"),
    F(M0F | PNONE | 0x5a, "cvtps2pd", VX, WX, 0, Q, 8, 0, SSE2),
    F(M0F | P66 | 0x5a,   "cvtpd2ps", VX, WX, 0, Q, 16, 16, SSE2),
    F(M0F | PF3 | 0x5a,   "cvtss2sd", VX, WX, 0, Q, 4, 0, SSE2),
    F(M0F | PF2 | 0x5a,   "cvtsd2ss", VX, WX, 0, Q, 8, 0, SSE2),
    F(M0F | PNONE | 0x5b, "cvtdq2ps", VX, WX, 0, Q, 16, 16, SSE2),
    F(M0F | P66 | 0x5b,   "cvtps2dq", VX, WX, 0, Q, 16, 16, SSE2),
    F(M0F | PF3 | 0x5b,   "cvttps2dq", VX, WX, 0, Q, 16, 16, SSE2),
    FOUR(0x5c, "sub"), FOUR(0x5d, "min"), FOUR(0x5e, "div"), FOUR(0x5f, "max"),
    F(M0F | P66 | 0x7c, "haddpd", VX, WX, 0, Q, 16, 16, SSE3),
    F(M0F | PF2 | 0x7c, "haddps", VX, WX, 0, Q, 16, 16, SSE3),
    F(M0F | P66 | 0x7d, "hsubpd", VX, WX, 0, Q, 16, 16, SSE3),
    F(M0F | PF2 | 0x7d, "hsubps", VX, WX, 0, Q, 16, 16, SSE3),
    F(M0F | PNONE | 0xc2, "cmpps", VX, WX, IUB, Q, 16, 16, SSE),
    F(M0F | P66 | 0xc2,   "cmppd", VX, WX, IUB, Q, 16, 16, SSE2),
    F(M0F | PF3 | 0xc2,   "cmpss", VX, WX, IUB, Q, 4, 0, SSE),
    F(M0F | PF2 | 0xc2,   "cmpsd", VX, WX, IUB, Q, 8, 0, SSE2),
    S(M0F | PNONE | 0xc6, "shufps", VX, WX, IUB, Q, 16, 16, SSE),
    S(M0F | P66 | 0xc6,   "shufpd", VX, WX, IUB, Q, 16, 16, SSE2),
    F(M0F | P66 | 0xd0,   "addsubpd", VX, WX, 0, Q, 16, 16, SSE3),
    F(M0F | PF2 | 0xd0,   "addsubps", VX, WX, 0, Q, 16, 16, SSE3),
    F(M0F | P66 | 0xe6,   "cvttpd2dq", VX, WX, 0, Q, 16, 16, SSE2),
    F(M0F | PF3 | 0xe6,   "cvtdq2pd",  VX, WX, 0, Q, 8, 0, SSE2),
    F(M0F | PF2 | 0xe6,   "cvtpd2dq",  VX, WX, 0, Q, 16, 16, SSE2),

    /* ---- packed integers ---- */
    UNPACK(0x60, "punpcklbw"), UNPACK(0x61, "punpcklwd"), UNPACK(0x62, "punpckldq"),
    PAIR(0x63, "packsswb", MMX), PAIR(0x64, "pcmpgtb", MMX), PAIR(0x65, "pcmpgtw", MMX),
    PAIR(0x66, "pcmpgtd", MMX), PAIR(0x67, "packuswb", MMX), PAIR(0x68, "punpckhbw", MMX),
    PAIR(0x69, "punpckhwd", MMX), PAIR(0x6a, "punpckhdq", MMX), PAIR(0x6b, "packssdw", MMX),
    S(M0F | P66 | 0x6c, "punpcklqdq", VX, WX, 0, Q, 16, 16, SSE2),
    S(M0F | P66 | 0x6d, "punpckhqdq", VX, WX, 0, Q, 16, 16, SSE2),
    M(M0F | PNONE | 0x70, "pshufw",  PQ, QQ, IUB, Q, 8, SSE),
    S(M0F | P66 | 0x70,   "pshufd",  VX, WX, IUB, Q, 16, 16, SSE2),
    S(M0F | PF3 | 0x70,   "pshufhw", VX, WX, IUB, Q, 16, 16, SSE2),
    S(M0F | PF2 | 0x70,   "pshuflw", VX, WX, IUB, Q, 16, 16, SSE2),
    SHIFT(0x71, 2, "psrlw"), SHIFT(0x71, 4, "psraw"), SHIFT(0x71, 6, "psllw"),
    SHIFT(0x72, 2, "psrld"), SHIFT(0x72, 4, "psrad"), SHIFT(0x72, 6, "pslld"),
    SHIFT(0x73, 2, "psrlq"), SHIFT(0x73, 6, "psllq"),
    S(M0F | P66 | ONLYREG | R(3) | 0x73, "psrldq", UX, IUB, 0, Q, 16, 0, SSE2),
    S(M0F | P66 | ONLYREG | R(7) | 0x73, "pslldq", UX, IUB, 0, Q, 16, 0, SSE2),
    PAIR(0x74, "pcmpeqb", MMX), PAIR(0x75, "pcmpeqw", MMX), PAIR(0x76, "pcmpeqd", MMX),
    M(M0F | PNONE | ONLYREG | 0xc4, "pinsrw", PQ, E, IUB, D, 2, SSE),
    M(M0F | PNONE | ONLYMEM | 0xc4, "pinsrw", PQ, E, IUB, W, 2, SSE),
    S(M0F | P66 | ONLYREG | 0xc4,   "pinsrw", VX, E, IUB, D, 2, 0, SSE2),
    S(M0F | P66 | ONLYMEM | 0xc4,   "pinsrw", VX, E, IUB, W, 2, 0, SSE2),
    M(M0F | PNONE | ONLYREG | 0xc5, "pextrw", G, NQ, IUB, D, 8, SSE),
    S(M0F | P66 | ONLYREG | 0xc5,   "pextrw", G, UX, IUB, D, 16, 0, SSE2),
    PAIR(0xd1, "psrlw", MMX), PAIR(0xd2, "psrld", MMX), PAIR(0xd3, "psrlq", MMX),
    PAIR(0xd4, "paddq", SSE2), PAIR(0xd5, "pmullw", MMX), PAIR(0xd8, "psubusb", MMX),
    PAIR(0xd9, "psubusw", MMX), PAIR(0xda, "pminub", SSE), PAIR(0xdb, "pand", MMX),
    PAIR(0xdc, "paddusb", MMX), PAIR(0xdd, "paddusw", MMX), PAIR(0xde, "pmaxub", SSE),
    PAIR(0xdf, "pandn", MMX), PAIR(0xe0, "pavgb", SSE), PAIR(0xe1, "psraw", MMX),
    PAIR(0xe2, "psrad", MMX), PAIR(0xe3, "pavgw", SSE), PAIR(0xe4, "pmulhuw", SSE),
    PAIR(0xe5, "pmulhw", MMX), PAIR(0xe8, "psubsb", MMX), PAIR(0xe9, "psubsw", MMX),
    PAIR(0xea, "pminsw", SSE), PAIR(0xeb, "por", MMX), PAIR(0xec, "paddsb", MMX),
    PAIR(0xed, "paddsw", MMX), PAIR(0xee, "pmaxsw", SSE), PAIR(0xef, "pxor", MMX),
    PAIR(0xf1, "psllw", MMX), PAIR(0xf2, "pslld", MMX), PAIR(0xf3, "psllq", MMX),
    PAIR(0xf4, "pmuludq", SSE2), PAIR(0xf5, "pmaddwd", MMX), PAIR(0xf6, "psadbw", SSE),
    PAIR(0xf8, "psubb", MMX), PAIR(0xf9, "psubw", MMX), PAIR(0xfa, "psubd", MMX),
    PAIR(0xfb, "psubq", SSE2), PAIR(0xfc, "paddb", MMX), PAIR(0xfd, "paddw", MMX),
    PAIR(0xfe, "paddd", MMX),

    /* ---- 0F 38 ---- */
    PAIR38(0x00, "pshufb"), PAIR38(0x01, "phaddw"), PAIR38(0x02, "phaddd"), PAIR38(0x03, "phaddsw"),
    PAIR38(0x04, "pmaddubsw"), PAIR38(0x05, "phsubw"), PAIR38(0x06, "phsubd"), PAIR38(0x07, "phsubsw"),
    PAIR38(0x08, "psignb"), PAIR38(0x09, "psignw"), PAIR38(0x0a, "psignd"), PAIR38(0x0b, "pmulhrsw"),
    PAIR38(0x1c, "pabsb"), PAIR38(0x1d, "pabsw"), PAIR38(0x1e, "pabsd"),
    X41(0x10, "pblendvb"), X41(0x14, "blendvps"), X41(0x15, "blendvpd"),
    { M38 | P66 | 0x17, "ptest", VX, WX, 0, Q, 16, 16, THUNK | SSE, HAS_SSE41, 0, FLAGS, 0, &vec },
    EXTEND(0x20, "pmovsxbw", 8), EXTEND(0x21, "pmovsxbd", 4), EXTEND(0x22, "pmovsxbq", 2),
    EXTEND(0x23, "pmovsxwd", 8), EXTEND(0x24, "pmovsxwq", 4), EXTEND(0x25, "pmovsxdq", 8),
    X41(0x28, "pmuldq"), X41(0x29, "pcmpeqq"), X41(0x2b, "packusdw"),
    EXTEND(0x30, "pmovzxbw", 8), EXTEND(0x31, "pmovzxbd", 4), EXTEND(0x32, "pmovzxbq", 2),
    EXTEND(0x33, "pmovzxwd", 8), EXTEND(0x34, "pmovzxwq", 4), EXTEND(0x35, "pmovzxdq", 8),
    S(M38 | P66 | 0x37, "pcmpgtq", VX, WX, 0, Q, 16, 16, SSE42),
    X41(0x38, "pminsb"), X41(0x39, "pminsd"), X41(0x3a, "pminuw"), X41(0x3b, "pminud"),
    X41(0x3c, "pmaxsb"), X41(0x3d, "pmaxsd"), X41(0x3e, "pmaxuw"), X41(0x3f, "pmaxud"),
    X41(0x40, "pmulld"), X41(0x41, "phminposuw"),
    SHA_(0xc8, "sha1nexte"), SHA_(0xc9, "sha1msg1"), SHA_(0xca, "sha1msg2"),
    SHA_(0xcb, "sha256rnds2"), SHA_(0xcc, "sha256msg1"), SHA_(0xcd, "sha256msg2"),
    S(M38 | P66 | 0xcf, "gf2p8mulb", VX, WX, 0, Q, 16, 16, GFNI),
    AES_(0xdb, "aesimc"), AES_(0xdc, "aesenc"), AES_(0xdd, "aesenclast"), AES_(0xde, "aesdec"),
    AES_(0xdf, "aesdeclast"),

    /* ---- 0F 3A ---- */
    FIMM41(0x08, "roundps", 16, 16), FIMM41(0x09, "roundpd", 16, 16),
    FIMM41(0x0a, "roundss", 4, 0), FIMM41(0x0b, "roundsd", 8, 0),
    IMM41(0x0c, "blendps"), IMM41(0x0d, "blendpd"), IMM41(0x0e, "pblendw"),
    M(M3A | PNONE | 0x0f, "palignr", PQ, QQ, IUB, Q, 8, SSSE3),
    S(M3A | P66 | 0x0f,   "palignr", VX, WX, IUB, Q, 16, 16, SSSE3),
    S(M3A | P66 | 0x14, "pextrb", E, VX, IUB, D, 1, 0, SSE41),
    S(M3A | P66 | 0x15, "pextrw", E, VX, IUB, D, 2, 0, SSE41),
    S(M3A | P66 | VEX_W1 | 0x16, "pextrq", E, VX, IUB, Y, Y, 0, SSE41),
    S(M3A | P66 | 0x16, "pextrd", E, VX, IUB, Y, Y, 0, SSE41),
    S(M3A | P66 | 0x17, "extractps", E, VX, IUB, D, 4, 0, SSE41),
    S(M3A | P66 | 0x20, "pinsrb", VX, E, IUB, D, 1, 0, SSE41),
    S(M3A | P66 | 0x21, "insertps", VX, WX, IUB, Q, 4, 0, SSE41),
    S(M3A | P66 | VEX_W1 | 0x22, "pinsrq", VX, E, IUB, Y, Y, 0, SSE41),
    S(M3A | P66 | 0x22, "pinsrd", VX, E, IUB, Y, Y, 0, SSE41),
    FIMM41(0x40, "dpps", 16, 16), FIMM41(0x41, "dppd", 16, 16),
    IMM41(0x42, "mpsadbw"),
    S(M3A | P66 | 0x44, "pclmulqdq", VX, WX, IUB, Q, 16, 16, PCLMUL),
    STRING(0x60, "pcmpestrm"), STRING(0x61, "pcmpestri"), STRING(0x62, "pcmpistrm"),
    STRING(0x63, "pcmpistri"),
    S(M3A | PNONE | 0xcc, "sha1rnds4", VX, WX, IUB, Q, 16, 16, SHA),
    S(M3A | P66 | 0xdf, "aeskeygenassist", VX, WX, IUB, Q, 16, 16, AES),
    S(M3A | P66 | 0xce, "gf2p8affineqb", VX, WX, IUB, Q, 16, 16, GFNI),
    S(M3A | P66 | 0xcf, "gf2p8affineinvqb", VX, WX, IUB, Q, 16, 16, GFNI),
    { .name = NULL },
};
/* clang-format on */
