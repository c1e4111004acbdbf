/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows with VEX: AVX, AVX2, FMA, F16C, the VEX forms of AES, PCLMULQDQ and GFNI, AVX-VNNI. Nearly
 * all run as exec thunks. Where a 256-bit form came with a later feature than the 128-bit one there
 * are two rows. Memory operands need no alignment but for the moves that say so.
 * Source: Intel SDM volume 2. Not here: EVEX (AVX-512), XOP, BMI (tab-0f.c).
 */
#include "accel/soft/op-vec.h"
#include "accel/x86/cpuid.h"

#define HAS_VNNI X86_FEATURE(CPUID_7_1_EAX, 4)

/* clang-format off */
/* v: the row has vvvv. size: of the general register where there is one */
#define ROW_(sel, name, a, b, c, size, msize, align, more, feature, fam) \
    { sel, name, a, b, c, size, msize, align, THUNK | AVX | (more), HAS_##feature, 0, 0, 0, &fam }
#define V2(sel, name, a, b, msize, feature)    ROW_(sel, name, a, b, 0, Q, msize, 0, 0, feature, vec)
#define V2I(sel, name, a, b, msize, feature)   ROW_(sel, name, a, b, IUB, Q, msize, 0, 0, feature, vec)
#define V3(sel, name, a, b, c, msize, feature) ROW_(sel, name, a, b, c, Q, msize, 0, VVVV, feature, vec)
#define V3I(sel, name, msize, feature)         ROW_(sel, name, VX, HX, WX, Q, msize, 0, VVVV | IMM8, feature, vec)
#define V4(sel, name, feature)                 ROW_(sel, name, VX, HX, WX, Q, VL, 0, VVVV | IS4, feature, vec)
#define F2(sel, name, msize, feature)          ROW_(sel, name, VX, WX, 0, Q, msize, 0, MXCSR_, feature, vec)
#define F3(sel, name, msize, feature)          ROW_(sel, name, VX, HX, WX, Q, msize, 0, VVVV | MXCSR_, feature, vec)
#define MOVE(sel, name, a, b, align)           ROW_(sel, name, a, b, 0, Q, VL, align, 0, AVX, vec)
#define FLAGS_(sel, name, msize, mx) \
    { sel, name, VX, WX, 0, Q, msize, 0, THUNK | AVX | (mx), HAS_AVX, 0, ALL, 0, &vec }

/* AVX for 128 bits, AVX2 for 256 */
#define INT3(sel, name)  V3((sel) | VEX_L0, name, VX, HX, WX, 16, AVX), V3((sel) | VEX_L1, name, VX, HX, WX, 32, AVX2)
#define INT3X(sel, name) V3((sel) | VEX_L0, name, VX, HX, WX, 16, AVX), V3((sel) | VEX_L1, name, VX, HX, WX, 16, AVX2)
#define INT3I(sel, name) V3I((sel) | VEX_L0, name, 16, AVX), V3I((sel) | VEX_L1, name, 32, AVX2)
#define INT2(sel, name)  V2((sel) | VEX_L0, name, VX, WX, 16, AVX), V2((sel) | VEX_L1, name, VX, WX, 32, AVX2)
#define INT2I(sel, name) V2I((sel) | VEX_L0, name, VX, WX, 16, AVX), V2I((sel) | VEX_L1, name, VX, WX, 32, AVX2)
#define EXT(op, name, n) \
    V2(V38 | P66 | VEX_L0 | (op), name, VX, WX, n, AVX), V2(V38 | P66 | VEX_L1 | (op), name, VX, WX, 2 * (n), AVX2)
#define P3(op, name)     INT3(V0F | P66 | (op), name)
#define P38(op, name)    INT3(V38 | P66 | (op), name)
#define SHIFT(op, reg, name) \
    ROW_(V0F | P66 | ONLYREG | R(reg) | VEX_L0 | (op), name, HX, UX, IUB, Q, 16, 0, VVVV, AVX, vec), \
    ROW_(V0F | P66 | ONLYREG | R(reg) | VEX_L1 | (op), name, HX, UX, IUB, Q, 16, 0, VVVV, AVX2, vec)
#define FOUR(op, name) \
    F3(V0F | PNONE | (op), name "ps", VL, AVX), F3(V0F | P66 | (op), name "pd", VL, AVX), \
    F3(V0F | PF3 | (op), name "ss", 4, AVX), F3(V0F | PF2 | (op), name "sd", 8, AVX)
#define TWO(op, name) \
    V3(V0F | PNONE | (op), name "ps", VX, HX, WX, VL, AVX), V3(V0F | P66 | (op), name "pd", VX, HX, WX, VL, AVX)
#define FMA2(op, name) \
    F3(V38 | P66 | VEX_W0 | (op), name "ps", VL, FMA), F3(V38 | P66 | VEX_W1 | (op), name "pd", VL, FMA)
#define FMA1(op, name) \
    F3(V38 | P66 | VEX_W0 | (op), name "ss", 4, FMA), F3(V38 | P66 | VEX_W1 | (op), name "sd", 8, FMA)
#define FMA_GROUP(op, n) \
    FMA2((op) + 0, "vfmaddsub" n), FMA2((op) + 1, "vfmsubadd" n), \
    FMA2((op) + 2, "vfmadd" n),    FMA1((op) + 3, "vfmadd" n), \
    FMA2((op) + 4, "vfmsub" n),    FMA1((op) + 5, "vfmsub" n), \
    FMA2((op) + 6, "vfnmadd" n),   FMA1((op) + 7, "vfnmadd" n), \
    FMA2((op) + 8, "vfnmsub" n),   FMA1((op) + 9, "vfnmsub" n)
#define STRING(op, name) \
    { V3A | P66 | VEX_L0 | (op), name, VX, WX, IUB, Y, 16, 0, THUNK | AVX, HAS_AVX, 0, ALL, 0, &vec }
/* by C: no thunk */
#define CROW(sel, name, a, b, c, msize, more, feature, fam) \
    { sel, name, a, b, c, Q, msize, 0, AVX | (more), HAS_##feature, 0, 0, 0, &fam }
#define MASKED(op, w, name, feature, load) \
    CROW(V38 | P66 | ONLYMEM | (w) | (op), name, (load) ? VX : WM, HX, (load) ? WM : VX, VL, VVVV, feature, vmaskmov)
#define GATHER(op, w, name) \
    CROW(V38 | P66 | ONLYMEM | (w) | (op), name, VX, WM, HX, ((w) == VEX_W1 ? 8 : 4), VVVV | VSIB, AVX2, vgather)

const Row tab_vex[] = {
    /* ---- moves ---- */
    MOVE(V0F | PNONE | 0x10, "vmovups", VX, WX, 0), MOVE(V0F | P66 | 0x10, "vmovupd", VX, WX, 0),
    MOVE(V0F | PNONE | 0x11, "vmovups", WX, VX, 0), MOVE(V0F | P66 | 0x11, "vmovupd", WX, VX, 0),
    V2(V0F | PF3 | ONLYMEM | 0x10, "vmovss", VX, WM, 4, AVX), V3(V0F | PF3 | ONLYREG | 0x10, "vmovss", VX, HX, UX, 16, AVX),
    V2(V0F | PF2 | ONLYMEM | 0x10, "vmovsd", VX, WM, 8, AVX), V3(V0F | PF2 | ONLYREG | 0x10, "vmovsd", VX, HX, UX, 16, AVX),
    V2(V0F | PF3 | ONLYMEM | 0x11, "vmovss", WM, VX, 4, AVX), V3(V0F | PF3 | ONLYREG | 0x11, "vmovss", UX, HX, VX, 16, AVX),
    V2(V0F | PF2 | ONLYMEM | 0x11, "vmovsd", WM, VX, 8, AVX), V3(V0F | PF2 | ONLYREG | 0x11, "vmovsd", UX, HX, VX, 16, AVX),
    V3(V0F | PNONE | ONLYREG | VEX_L0 | 0x12, "vmovhlps", VX, HX, UX, 16, AVX),
    V3(V0F | PNONE | ONLYMEM | VEX_L0 | 0x12, "vmovlps", VX, HX, WM, 8, AVX),
    V3(V0F | P66 | ONLYMEM | VEX_L0 | 0x12, "vmovlpd", VX, HX, WM, 8, AVX),
    V2(V0F | PF3 | 0x12, "vmovsldup", VX, WX, VL, AVX),
    V2(V0F | PF2 | VEX_L0 | 0x12, "vmovddup", VX, WX, 8, AVX), V2(V0F | PF2 | VEX_L1 | 0x12, "vmovddup", VX, WX, 32, AVX),
    V2(V0F | PNONE | ONLYMEM | VEX_L0 | 0x13, "vmovlps", WM, VX, 8, AVX),
    V2(V0F | P66 | ONLYMEM | VEX_L0 | 0x13, "vmovlpd", WM, VX, 8, AVX),
    TWO(0x14, "vunpckl"), TWO(0x15, "vunpckh"),
    V3(V0F | PNONE | ONLYREG | VEX_L0 | 0x16, "vmovlhps", VX, HX, UX, 16, AVX),
    V3(V0F | PNONE | ONLYMEM | VEX_L0 | 0x16, "vmovhps", VX, HX, WM, 8, AVX),
    V3(V0F | P66 | ONLYMEM | VEX_L0 | 0x16, "vmovhpd", VX, HX, WM, 8, AVX),
    V2(V0F | PF3 | 0x16, "vmovshdup", VX, WX, VL, AVX),
    V2(V0F | PNONE | ONLYMEM | VEX_L0 | 0x17, "vmovhps", WM, VX, 8, AVX),
    V2(V0F | P66 | ONLYMEM | VEX_L0 | 0x17, "vmovhpd", WM, VX, 8, AVX),
    MOVE(V0F | PNONE | 0x28, "vmovaps", VX, WX, VL), MOVE(V0F | P66 | 0x28, "vmovapd", VX, WX, VL),
    MOVE(V0F | PNONE | 0x29, "vmovaps", WX, VX, VL), MOVE(V0F | P66 | 0x29, "vmovapd", WX, VX, VL),
    MOVE(V0F | PNONE | ONLYMEM | 0x2b, "vmovntps", WM, VX, VL), MOVE(V0F | P66 | ONLYMEM | 0x2b, "vmovntpd", WM, VX, VL),
    ROW_(V0F | PNONE | ONLYREG | 0x50, "vmovmskps", G, UX, 0, D, 16, 0, 0, AVX, vec),
    ROW_(V0F | P66 | ONLYREG | 0x50, "vmovmskpd", G, UX, 0, D, 16, 0, 0, AVX, vec),
    ROW_(V0F | P66 | VEX_L0 | VEX_W1 | ONLY64 | 0x6e, "vmovq", VX, E, 0, Y, Y, 0, 0, AVX, vec),
    ROW_(V0F | P66 | VEX_L0 | 0x6e, "vmovd", VX, E, 0, Y, Y, 0, 0, AVX, vec),
    ROW_(V0F | P66 | VEX_L0 | VEX_W1 | ONLY64 | 0x7e, "vmovq", E, VX, 0, Y, Y, 0, 0, AVX, vec),
    ROW_(V0F | P66 | VEX_L0 | 0x7e, "vmovd", E, VX, 0, Y, Y, 0, 0, AVX, vec),
    MOVE(V0F | P66 | 0x6f, "vmovdqa", VX, WX, VL), MOVE(V0F | PF3 | 0x6f, "vmovdqu", VX, WX, 0),
    MOVE(V0F | P66 | 0x7f, "vmovdqa", WX, VX, VL), MOVE(V0F | PF3 | 0x7f, "vmovdqu", WX, VX, 0),
    V2(V0F | PF3 | VEX_L0 | 0x7e, "vmovq", VX, WX, 8, AVX), V2(V0F | P66 | VEX_L0 | 0xd6, "vmovq", WX, VX, 8, AVX),
    ROW_(V0F | P66 | ONLYREG | VEX_L0 | 0xd7, "vpmovmskb", G, UX, 0, D, 16, 0, 0, AVX, vec),
    ROW_(V0F | P66 | ONLYREG | VEX_L1 | 0xd7, "vpmovmskb", G, UX, 0, D, 16, 0, 0, AVX2, vec),
    MOVE(V0F | P66 | ONLYMEM | 0xe7, "vmovntdq", WM, VX, VL), MOVE(V0F | PF2 | ONLYMEM | 0xf0, "vlddqu", VX, WM, 0),
    ROW_(V38 | P66 | ONLYMEM | VEX_L0 | 0x2a, "vmovntdqa", VX, WM, 0, Q, 16, 16, 0, AVX, vec),
    ROW_(V38 | P66 | ONLYMEM | VEX_L1 | 0x2a, "vmovntdqa", VX, WM, 0, Q, 32, 32, 0, AVX2, vec),
    CROW(V0F | P66 | ONLYREG | VEX_L0 | 0xf7, "vmaskmovdqu", VX, UX, 0, 16, 0, AVX, maskmovdqu),
    { V0F | PNONE | VEX_L0 | 0x77, "vzeroupper", 0, 0, 0, D, 0, 0, AVX, HAS_AVX, 0, 0, 0, &vzeroupper },
    { V0F | PNONE | VEX_L1 | 0x77, "vzeroall", 0, 0, 0, D, 0, 0, AVX, HAS_AVX, 0, 0, 0, &vzeroall },
    { V0F | PNONE | ONLYMEM | VEX_L0 | R(2) | 0xae, "vldmxcsr", EM, 0, 0, D, 4, 0, AVX, HAS_AVX, 0, 0, 0, &ldmxcsr },
    { V0F | PNONE | ONLYMEM | VEX_L0 | R(3) | 0xae, "vstmxcsr", EM, 0, 0, D, 4, 0, AVX, HAS_AVX, 0, 0, 0, &stmxcsr },

    /* ---- floating point ---- */
    ROW_(V0F | PF3 | 0x2a, "vcvtsi2ss", VX, HX, E, Y, Y, 0, VVVV | MXCSR_, AVX, vec),
    ROW_(V0F | PF2 | 0x2a, "vcvtsi2sd", VX, HX, E, Y, Y, 0, VVVV | MXCSR_, AVX, vec),
    ROW_(V0F | PF3 | 0x2c, "vcvttss2si", G, WX, 0, Y, 4, 0, MXCSR_, AVX, vec),
    ROW_(V0F | PF2 | 0x2c, "vcvttsd2si", G, WX, 0, Y, 8, 0, MXCSR_, AVX, vec),
    ROW_(V0F | PF3 | 0x2d, "vcvtss2si", G, WX, 0, Y, 4, 0, MXCSR_, AVX, vec),
    ROW_(V0F | PF2 | 0x2d, "vcvtsd2si", G, WX, 0, Y, 8, 0, MXCSR_, AVX, vec),
    FLAGS_(V0F | PNONE | 0x2e, "vucomiss", 4, MXCSR_), FLAGS_(V0F | P66 | 0x2e, "vucomisd", 8, MXCSR_),
    FLAGS_(V0F | PNONE | 0x2f, "vcomiss", 4, MXCSR_), FLAGS_(V0F | P66 | 0x2f, "vcomisd", 8, MXCSR_),
    F2(V0F | PNONE | 0x51, "vsqrtps", VL, AVX), F2(V0F | P66 | 0x51, "vsqrtpd", VL, AVX),
    F3(V0F | PF3 | 0x51, "vsqrtss", 4, AVX), F3(V0F | PF2 | 0x51, "vsqrtsd", 8, AVX),
    V2(V0F | PNONE | 0x52, "vrsqrtps", VX, WX, VL, AVX), V3(V0F | PF3 | 0x52, "vrsqrtss", VX, HX, WX, 4, AVX),
    V2(V0F | PNONE | 0x53, "vrcpps", VX, WX, VL, AVX), V3(V0F | PF3 | 0x53, "vrcpss", VX, HX, WX, 4, AVX),
    TWO(0x54, "vand"), TWO(0x55, "vandn"), TWO(0x56, "vor"), TWO(0x57, "vxor"),
    FOUR(0x58, "vadd"), FOUR(0x59, "vmul"),
    F2(V0F | PNONE | VEX_L0 | 0x5a, "vcvtps2pd", 8, AVX), F2(V0F | PNONE | VEX_L1 | 0x5a, "vcvtps2pd", 16, AVX),
    F2(V0F | P66 | 0x5a, "vcvtpd2ps", VL, AVX),
    F3(V0F | PF3 | 0x5a, "vcvtss2sd", 4, AVX), F3(V0F | PF2 | 0x5a, "vcvtsd2ss", 8, AVX),
    F2(V0F | PNONE | 0x5b, "vcvtdq2ps", VL, AVX), F2(V0F | P66 | 0x5b, "vcvtps2dq", VL, AVX),
    F2(V0F | PF3 | 0x5b, "vcvttps2dq", VL, AVX),
    FOUR(0x5c, "vsub"), FOUR(0x5d, "vmin"), FOUR(0x5e, "vdiv"), FOUR(0x5f, "vmax"),
    F3(V0F | P66 | 0x7c, "vhaddpd", VL, AVX), F3(V0F | PF2 | 0x7c, "vhaddps", VL, AVX),
    F3(V0F | P66 | 0x7d, "vhsubpd", VL, AVX), F3(V0F | PF2 | 0x7d, "vhsubps", VL, AVX),
    F3(V0F | P66 | 0xd0, "vaddsubpd", VL, AVX), F3(V0F | PF2 | 0xd0, "vaddsubps", VL, AVX),
    ROW_(V0F | PNONE | 0xc2, "vcmpps", VX, HX, WX, Q, VL, 0, VVVV | IMM8 | MXCSR_, AVX, vec),
    ROW_(V0F | P66 | 0xc2, "vcmppd", VX, HX, WX, Q, VL, 0, VVVV | IMM8 | MXCSR_, AVX, vec),
    ROW_(V0F | PF3 | 0xc2, "vcmpss", VX, HX, WX, Q, 4, 0, VVVV | IMM8 | MXCSR_, AVX, vec),
    ROW_(V0F | PF2 | 0xc2, "vcmpsd", VX, HX, WX, Q, 8, 0, VVVV | IMM8 | MXCSR_, AVX, vec),
    V3I(V0F | PNONE | 0xc6, "vshufps", VL, AVX), V3I(V0F | P66 | 0xc6, "vshufpd", VL, AVX),
    F2(V0F | P66 | 0xe6, "vcvttpd2dq", VL, AVX), F2(V0F | PF2 | 0xe6, "vcvtpd2dq", VL, AVX),
    F2(V0F | PF3 | VEX_L0 | 0xe6, "vcvtdq2pd", 8, AVX), F2(V0F | PF3 | VEX_L1 | 0xe6, "vcvtdq2pd", 16, AVX),
    ROW_(V3A | P66 | 0x08, "vroundps", VX, WX, IUB, Q, VL, 0, MXCSR_, AVX, vec),
    ROW_(V3A | P66 | 0x09, "vroundpd", VX, WX, IUB, Q, VL, 0, MXCSR_, AVX, vec),
    ROW_(V3A | P66 | 0x0a, "vroundss", VX, HX, WX, Q, 4, 0, VVVV | IMM8 | MXCSR_, AVX, vec),
    ROW_(V3A | P66 | 0x0b, "vroundsd", VX, HX, WX, Q, 8, 0, VVVV | IMM8 | MXCSR_, AVX, vec),
    V3I(V3A | P66 | 0x0c, "vblendps", VL, AVX), V3I(V3A | P66 | 0x0d, "vblendpd", VL, AVX),
    ROW_(V3A | P66 | 0x40, "vdpps", VX, HX, WX, Q, VL, 0, VVVV | IMM8 | MXCSR_, AVX, vec),
    ROW_(V3A | P66 | VEX_L0 | 0x41, "vdppd", VX, HX, WX, Q, 16, 0, VVVV | IMM8 | MXCSR_, AVX, vec),
    V4(V3A | P66 | VEX_W0 | 0x4a, "vblendvps", AVX), V4(V3A | P66 | VEX_W0 | 0x4b, "vblendvpd", AVX),
    V3(V38 | P66 | VEX_W0 | 0x0c, "vpermilps", VX, HX, WX, VL, AVX),
    V3(V38 | P66 | VEX_W0 | 0x0d, "vpermilpd", VX, HX, WX, VL, AVX),
    V2I(V3A | P66 | VEX_W0 | 0x04, "vpermilps", VX, WX, VL, AVX),
    V2I(V3A | P66 | VEX_W0 | 0x05, "vpermilpd", VX, WX, VL, AVX),
    FLAGS_(V38 | P66 | VEX_W0 | 0x0e, "vtestps", VL, 0), FLAGS_(V38 | P66 | VEX_W0 | 0x0f, "vtestpd", VL, 0),
    F2(V38 | P66 | VEX_W0 | VEX_L0 | 0x13, "vcvtph2ps", 8, F16C),
    F2(V38 | P66 | VEX_W0 | VEX_L1 | 0x13, "vcvtph2ps", 16, F16C),
    ROW_(V3A | P66 | VEX_W0 | VEX_L0 | 0x1d, "vcvtps2ph", WX, VX, IUB, Q, 8, 0, MXCSR_, F16C, vec),
    ROW_(V3A | P66 | VEX_W0 | VEX_L1 | 0x1d, "vcvtps2ph", WX, VX, IUB, Q, 16, 0, MXCSR_, F16C, vec),
    FMA_GROUP(0x96, "132"), FMA_GROUP(0xa6, "213"), FMA_GROUP(0xb6, "231"),

    /* ---- lanes and broadcasts ---- */
    V2(V38 | P66 | ONLYMEM | VEX_W0 | 0x18, "vbroadcastss", VX, WM, 4, AVX),
    V2(V38 | P66 | ONLYREG | VEX_W0 | 0x18, "vbroadcastss", VX, UX, 16, AVX2),
    V2(V38 | P66 | ONLYMEM | VEX_W0 | VEX_L1 | 0x19, "vbroadcastsd", VX, WM, 8, AVX),
    V2(V38 | P66 | ONLYREG | VEX_W0 | VEX_L1 | 0x19, "vbroadcastsd", VX, UX, 16, AVX2),
    V2(V38 | P66 | ONLYMEM | VEX_W0 | VEX_L1 | 0x1a, "vbroadcastf128", VX, WM, 16, AVX),
    V2(V38 | P66 | VEX_W0 | 0x78, "vpbroadcastb", VX, WX, 1, AVX2), V2(V38 | P66 | VEX_W0 | 0x79, "vpbroadcastw", VX, WX, 2, AVX2),
    V2(V38 | P66 | VEX_W0 | 0x58, "vpbroadcastd", VX, WX, 4, AVX2), V2(V38 | P66 | VEX_W0 | 0x59, "vpbroadcastq", VX, WX, 8, AVX2),
    V2(V38 | P66 | ONLYMEM | VEX_W0 | VEX_L1 | 0x5a, "vbroadcasti128", VX, WM, 16, AVX2),
    V3I(V3A | P66 | VEX_W0 | VEX_L1 | 0x06, "vperm2f128", 32, AVX), V3I(V3A | P66 | VEX_W0 | VEX_L1 | 0x46, "vperm2i128", 32, AVX2),
    V3I(V3A | P66 | VEX_W0 | VEX_L1 | 0x18, "vinsertf128", 16, AVX), V3I(V3A | P66 | VEX_W0 | VEX_L1 | 0x38, "vinserti128", 16, AVX2),
    V2I(V3A | P66 | VEX_W0 | VEX_L1 | 0x19, "vextractf128", WX, VX, 16, AVX),
    V2I(V3A | P66 | VEX_W0 | VEX_L1 | 0x39, "vextracti128", WX, VX, 16, AVX2),
    V3(V38 | P66 | VEX_W0 | VEX_L1 | 0x16, "vpermps", VX, HX, WX, 32, AVX2),
    V3(V38 | P66 | VEX_W0 | VEX_L1 | 0x36, "vpermd", VX, HX, WX, 32, AVX2),
    V2I(V3A | P66 | VEX_W1 | VEX_L1 | 0x00, "vpermq", VX, WX, 32, AVX2),
    V2I(V3A | P66 | VEX_W1 | VEX_L1 | 0x01, "vpermpd", VX, WX, 32, AVX2),
    MASKED(0x2c, VEX_W0, "vmaskmovps", AVX, 1), MASKED(0x2d, VEX_W0, "vmaskmovpd", AVX, 1),
    MASKED(0x2e, VEX_W0, "vmaskmovps", AVX, 0), MASKED(0x2f, VEX_W0, "vmaskmovpd", AVX, 0),
    MASKED(0x8c, VEX_W0, "vpmaskmovd", AVX2, 1), MASKED(0x8c, VEX_W1, "vpmaskmovq", AVX2, 1),
    MASKED(0x8e, VEX_W0, "vpmaskmovd", AVX2, 0), MASKED(0x8e, VEX_W1, "vpmaskmovq", AVX2, 0),
    GATHER(0x90, VEX_W0, "vpgatherdd"), GATHER(0x90, VEX_W1, "vpgatherdq"),
    GATHER(0x91, VEX_W0, "vpgatherqd"), GATHER(0x91, VEX_W1, "vpgatherqq"),
    GATHER(0x92, VEX_W0, "vgatherdps"), GATHER(0x92, VEX_W1, "vgatherdpd"),
    GATHER(0x93, VEX_W0, "vgatherqps"), GATHER(0x93, VEX_W1, "vgatherqpd"),

    /* ---- packed integers ---- */
    P3(0x60, "vpunpcklbw"), P3(0x61, "vpunpcklwd"), P3(0x62, "vpunpckldq"), P3(0x63, "vpacksswb"),
    P3(0x64, "vpcmpgtb"), P3(0x65, "vpcmpgtw"), P3(0x66, "vpcmpgtd"), P3(0x67, "vpackuswb"),
    P3(0x68, "vpunpckhbw"), P3(0x69, "vpunpckhwd"), P3(0x6a, "vpunpckhdq"), P3(0x6b, "vpackssdw"),
    P3(0x6c, "vpunpcklqdq"), P3(0x6d, "vpunpckhqdq"), P3(0x74, "vpcmpeqb"), P3(0x75, "vpcmpeqw"),
    P3(0x76, "vpcmpeqd"), P3(0xd4, "vpaddq"), P3(0xd5, "vpmullw"), P3(0xd8, "vpsubusb"), P3(0xd9, "vpsubusw"),
    P3(0xda, "vpminub"), P3(0xdb, "vpand"), P3(0xdc, "vpaddusb"), P3(0xdd, "vpaddusw"), P3(0xde, "vpmaxub"),
    P3(0xdf, "vpandn"), P3(0xe0, "vpavgb"), P3(0xe3, "vpavgw"), P3(0xe4, "vpmulhuw"), P3(0xe5, "vpmulhw"),
    P3(0xe8, "vpsubsb"), P3(0xe9, "vpsubsw"), P3(0xea, "vpminsw"), P3(0xeb, "vpor"), P3(0xec, "vpaddsb"),
    P3(0xed, "vpaddsw"), P3(0xee, "vpmaxsw"), P3(0xef, "vpxor"), P3(0xf4, "vpmuludq"), P3(0xf5, "vpmaddwd"),
    P3(0xf6, "vpsadbw"), P3(0xf8, "vpsubb"), P3(0xf9, "vpsubw"), P3(0xfa, "vpsubd"), P3(0xfb, "vpsubq"),
    P3(0xfc, "vpaddb"), P3(0xfd, "vpaddw"), P3(0xfe, "vpaddd"),
    INT3X(V0F | P66 | 0xd1, "vpsrlw"), INT3X(V0F | P66 | 0xd2, "vpsrld"), INT3X(V0F | P66 | 0xd3, "vpsrlq"),
    INT3X(V0F | P66 | 0xe1, "vpsraw"), INT3X(V0F | P66 | 0xe2, "vpsrad"),
    INT3X(V0F | P66 | 0xf1, "vpsllw"), INT3X(V0F | P66 | 0xf2, "vpslld"), INT3X(V0F | P66 | 0xf3, "vpsllq"),
    SHIFT(0x71, 2, "vpsrlw"), SHIFT(0x71, 4, "vpsraw"), SHIFT(0x71, 6, "vpsllw"),
    SHIFT(0x72, 2, "vpsrld"), SHIFT(0x72, 4, "vpsrad"), SHIFT(0x72, 6, "vpslld"),
    SHIFT(0x73, 2, "vpsrlq"), SHIFT(0x73, 3, "vpsrldq"), SHIFT(0x73, 6, "vpsllq"), SHIFT(0x73, 7, "vpslldq"),
    INT2I(V0F | P66 | 0x70, "vpshufd"), INT2I(V0F | PF3 | 0x70, "vpshufhw"), INT2I(V0F | PF2 | 0x70, "vpshuflw"),
    ROW_(V0F | P66 | ONLYREG | VEX_L0 | 0xc4, "vpinsrw", VX, HX, E, D, 2, 0, VVVV | IMM8, AVX, vec),
    ROW_(V0F | P66 | ONLYMEM | VEX_L0 | 0xc4, "vpinsrw", VX, HX, E, W, 2, 0, VVVV | IMM8, AVX, vec),
    ROW_(V0F | P66 | ONLYREG | VEX_L0 | 0xc5, "vpextrw", G, UX, IUB, D, 16, 0, 0, AVX, vec),

    P38(0x00, "vpshufb"), P38(0x01, "vphaddw"), P38(0x02, "vphaddd"), P38(0x03, "vphaddsw"), P38(0x04, "vpmaddubsw"),
    P38(0x05, "vphsubw"), P38(0x06, "vphsubd"), P38(0x07, "vphsubsw"), P38(0x08, "vpsignb"), P38(0x09, "vpsignw"),
    P38(0x0a, "vpsignd"), P38(0x0b, "vpmulhrsw"), FLAGS_(V38 | P66 | 0x17, "vptest", VL, 0),
    INT2(V38 | P66 | 0x1c, "vpabsb"), INT2(V38 | P66 | 0x1d, "vpabsw"), INT2(V38 | P66 | 0x1e, "vpabsd"),
    EXT(0x20, "vpmovsxbw", 8), EXT(0x21, "vpmovsxbd", 4), EXT(0x22, "vpmovsxbq", 2), EXT(0x23, "vpmovsxwd", 8),
    EXT(0x24, "vpmovsxwq", 4), EXT(0x25, "vpmovsxdq", 8), EXT(0x30, "vpmovzxbw", 8), EXT(0x31, "vpmovzxbd", 4),
    EXT(0x32, "vpmovzxbq", 2), EXT(0x33, "vpmovzxwd", 8), EXT(0x34, "vpmovzxwq", 4), EXT(0x35, "vpmovzxdq", 8),
    P38(0x28, "vpmuldq"), P38(0x29, "vpcmpeqq"), P38(0x2b, "vpackusdw"), P38(0x37, "vpcmpgtq"),
    P38(0x38, "vpminsb"), P38(0x39, "vpminsd"), P38(0x3a, "vpminuw"), P38(0x3b, "vpminud"), P38(0x3c, "vpmaxsb"),
    P38(0x3d, "vpmaxsd"), P38(0x3e, "vpmaxuw"), P38(0x3f, "vpmaxud"), P38(0x40, "vpmulld"),
    V2(V38 | P66 | VEX_L0 | 0x41, "vphminposuw", VX, WX, 16, AVX),
    V3(V38 | P66 | VEX_W0 | 0x45, "vpsrlvd", VX, HX, WX, VL, AVX2), V3(V38 | P66 | VEX_W1 | 0x45, "vpsrlvq", VX, HX, WX, VL, AVX2),
    V3(V38 | P66 | VEX_W0 | 0x46, "vpsravd", VX, HX, WX, VL, AVX2),
    V3(V38 | P66 | VEX_W0 | 0x47, "vpsllvd", VX, HX, WX, VL, AVX2), V3(V38 | P66 | VEX_W1 | 0x47, "vpsllvq", VX, HX, WX, VL, AVX2),
    V3(V38 | P66 | VEX_W0 | 0x50, "vpdpbusd", VX, HX, WX, VL, VNNI), V3(V38 | P66 | VEX_W0 | 0x51, "vpdpbusds", VX, HX, WX, VL, VNNI),
    V3(V38 | P66 | VEX_W0 | 0x52, "vpdpwssd", VX, HX, WX, VL, VNNI), V3(V38 | P66 | VEX_W0 | 0x53, "vpdpwssds", VX, HX, WX, VL, VNNI),
    V3(V38 | P66 | VEX_W0 | 0xcf, "vgf2p8mulb", VX, HX, WX, VL, GFNI),
    V2(V38 | P66 | VEX_L0 | 0xdb, "vaesimc", VX, WX, 16, AES),
    V3(V38 | P66 | VEX_L0 | 0xdc, "vaesenc", VX, HX, WX, 16, AES), V3(V38 | P66 | VEX_L1 | 0xdc, "vaesenc", VX, HX, WX, 32, VAES),
    V3(V38 | P66 | VEX_L0 | 0xdd, "vaesenclast", VX, HX, WX, 16, AES), V3(V38 | P66 | VEX_L1 | 0xdd, "vaesenclast", VX, HX, WX, 32, VAES),
    V3(V38 | P66 | VEX_L0 | 0xde, "vaesdec", VX, HX, WX, 16, AES), V3(V38 | P66 | VEX_L1 | 0xde, "vaesdec", VX, HX, WX, 32, VAES),
    V3(V38 | P66 | VEX_L0 | 0xdf, "vaesdeclast", VX, HX, WX, 16, AES), V3(V38 | P66 | VEX_L1 | 0xdf, "vaesdeclast", VX, HX, WX, 32, VAES),

    V3I(V3A | P66 | VEX_W0 | 0x02, "vpblendd", VL, AVX2), INT3I(V3A | P66 | 0x0e, "vpblendw"), INT3I(V3A | P66 | 0x0f, "vpalignr"),
    ROW_(V3A | P66 | VEX_L0 | 0x14, "vpextrb", E, VX, IUB, D, 1, 0, 0, AVX, vec),
    ROW_(V3A | P66 | VEX_L0 | 0x15, "vpextrw", E, VX, IUB, D, 2, 0, 0, AVX, vec),
    ROW_(V3A | P66 | VEX_L0 | VEX_W1 | ONLY64 | 0x16, "vpextrq", E, VX, IUB, Y, Y, 0, 0, AVX, vec),
    ROW_(V3A | P66 | VEX_L0 | 0x16, "vpextrd", E, VX, IUB, Y, Y, 0, 0, AVX, vec),
    ROW_(V3A | P66 | VEX_L0 | 0x17, "vextractps", E, VX, IUB, D, 4, 0, 0, AVX, vec),
    ROW_(V3A | P66 | VEX_L0 | 0x20, "vpinsrb", VX, HX, E, D, 1, 0, VVVV | IMM8, AVX, vec),
    V3I(V3A | P66 | VEX_L0 | 0x21, "vinsertps", 4, AVX),
    ROW_(V3A | P66 | VEX_L0 | VEX_W1 | ONLY64 | 0x22, "vpinsrq", VX, HX, E, Y, Y, 0, VVVV | IMM8, AVX, vec),
    ROW_(V3A | P66 | VEX_L0 | 0x22, "vpinsrd", VX, HX, E, Y, Y, 0, VVVV | IMM8, AVX, vec),
    INT3I(V3A | P66 | 0x42, "vmpsadbw"),
    V3I(V3A | P66 | VEX_L0 | 0x44, "vpclmulqdq", 16, PCLMUL), V3I(V3A | P66 | VEX_L1 | 0x44, "vpclmulqdq", 32, VPCLMUL),
    V4(V3A | P66 | VEX_W0 | VEX_L0 | 0x4c, "vpblendvb", AVX), V4(V3A | P66 | VEX_W0 | VEX_L1 | 0x4c, "vpblendvb", AVX2),
    STRING(0x60, "vpcmpestrm"), STRING(0x61, "vpcmpestri"), STRING(0x62, "vpcmpistrm"), STRING(0x63, "vpcmpistri"),
    V3I(V3A | P66 | VEX_W1 | 0xce, "vgf2p8affineqb", VL, GFNI), V3I(V3A | P66 | VEX_W1 | 0xcf, "vgf2p8affineinvqb", VL, GFNI),
    V2I(V3A | P66 | VEX_L0 | 0xdf, "vaeskeygenassist", VX, WX, 16, AES),
    { .name = NULL },
};
/* clang-format on */
