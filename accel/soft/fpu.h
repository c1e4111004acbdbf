/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's x87, MMX and SSE state in the software accelerator: an FXSAVE image in memory,
 * reached only through fpu_mem(). Later it may live in the host's own registers for a while; then
 * only this file changes. Layout: Intel SDM volume 1, 10.5.1 and 13.4.
 */
#ifndef ACCEL_SOFT_FPU_H
#define ACCEL_SOFT_FPU_H

#include "accel/x86/state.h"

typedef struct FpuImage {
    uint16_t fcw, fsw;
    uint8_t ftw, pad0; /* abridged tags: bit i is physical register i in use */
    uint16_t fop;
    uint64_t fip, fdp;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t st[8][16]; /* ST(0).. relative to TOP; MMX registers are physical */
    uint8_t xmm[16][16];
    uint8_t pad1[96];
    uint64_t xstate_bv, xcomp_bv, header_pad[6];
    uint8_t ymm_high[16][16];
} FpuImage;
_Static_assert(sizeof(FpuImage) == sizeof(X86Xsave), "the same bytes");

enum { FSW_ES = 1 << 7, FSW_TOP_SHIFT = 11, FSW_TOP = 7 << 11, FSW_B = 1 << 15 };
enum { MXCSR_INIT = 0x1f80, MXCSR_MASK = 0xffff, FCW_INIT = 0x37f };

static inline FpuImage *fpu_mem(X86State *s)
{
    return (FpuImage *)&s->xsave;
}

/* TOP becomes 0: the image is relative to it, so the registers move. */
static inline void fpu_top_zero(FpuImage *f)
{
    unsigned top = f->fsw >> FSW_TOP_SHIFT & 7;
    uint8_t old[8][16];
    if (top) {
        __builtin_memcpy(old, f->st, sizeof(old));
        for (unsigned i = 0; i < 8; i++)
            __builtin_memcpy(f->st[(i + top) & 7], old[i], 16);
        f->fsw &= ~FSW_TOP;
    }
}

#endif
