/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AVX instructions that no thunk can do, because the guest's page tables decide lane by lane:
 * masked moves and gathers; and VZEROUPPER, VZEROALL. Source: Intel SDM volume 2.
 * Lanes are taken from the lowest; a fault leaves a gather's finished lanes done, as the manual has
 * it, and nothing of a masked store.
 */
#include <string.h>

#include "accel/soft/fpu.h"
#include "accel/soft/op-vec.h"
#include "accel/soft/ops.h"

/* A vector register in one piece */
typedef struct Lanes {
    uint8_t b[32];
} Lanes;

static Lanes lanes_get(X86State *s, unsigned n)
{
    Lanes v;
    memcpy(v.b, fpu_mem(s)->xmm[n], 16);
    memcpy(v.b + 16, fpu_mem(s)->ymm_high[n], 16);
    return v;
}

static void lanes_put(X86State *s, unsigned n, const Lanes *v)
{
    memcpy(fpu_mem(s)->xmm[n], v->b, 16);
    memcpy(fpu_mem(s)->ymm_high[n], v->b + 16, 16);
}

static unsigned reg_no(const Insn *in)
{
    return (in->modrm >> 3 & 7) | (in->rex & 4 ? 8 : 0);
}

static unsigned lane_size(const Insn *in)
{
    bool wide = in->op == 0x2d || in->op == 0x2f || in->rex & 8; /* vmaskmovpd; VEX.W */
    return wide ? 8 : 4;
}

static bool lane_on(const Lanes *mask, unsigned i, unsigned size)
{
    return mask->b[i * size + size - 1] & 0x80;
}

static void vmaskmov_load(X86State *s, const Insn *in, const Lanes *mask)
{
    unsigned size = lane_size(in), n = (in->vl ? 32 : 16) / size;
    uint64_t ea = ea_of(s, in);
    Lanes v = { { 0 } };

    for (unsigned i = 0; i < n; i++) {
        if (lane_on(mask, i, size)) {
            uint64_t x = soft_ld(s, in, in->seg, ea + i * size, size);
            memcpy(v.b + i * size, &x, size);
        }
    }
    lanes_put(s, reg_no(in), &v);
}

static void vmaskmov_store(X86State *s, const Insn *in, const Lanes *mask)
{
    unsigned size = lane_size(in), n = (in->vl ? 32 : 16) / size;
    uint64_t ea = ea_of(s, in);
    Lanes v = lanes_get(s, reg_no(in));

    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < n; i++) {
            uint64_t x = 0, at = ea + i * size;

            if (!lane_on(mask, i, size)) {
                continue;
            }
            memcpy(&x, v.b + i * size, size);
            if (pass) {
                soft_st(s, in, in->seg, at, size, x);
            } else {
                soft_probe_w(s, in, in->seg, at, size);
            }
        }
    }
}

H(vmaskmov_)
{
    Lanes mask = lanes_get(s, in->vvvv);

    if (in->row->a == VX) {
        vmaskmov_load(s, in, &mask);
    } else {
        vmaskmov_store(s, in, &mask);
    }
    NEXT_LOOP;
}
FAMILY_ALL(vmaskmov, vmaskmov_);

static uint64_t gather_ea(X86State *s, const Insn *in, const Lanes *index, unsigned i)
{
    int64_t at;

    if (in->op & 1) {
        memcpy(&at, index->b + i * 8, 8);
    } else {
        int32_t at32;
        memcpy(&at32, index->b + i * 4, 4);
        at = at32;
    }
    return (rd64(s, in->base) + ((uint64_t)at << in->scale) + in->disp) & in->amask;
}

/* 90 92: doubleword indices, 91 93: quadwords */
H(vgather_)
{
    unsigned size = in->rex & 8 ? 8 : 4, isize = in->op & 1 ? 8 : 4;
    unsigned n = (in->vl ? 32 : 16) / MAX(size, isize);
    Lanes mask = lanes_get(s, in->vvvv), index = lanes_get(s, in->dst);
    Lanes v = lanes_get(s, reg_no(in));

    for (unsigned i = 0; i < n; i++) {
        if (lane_on(&mask, i, size)) {
            uint64_t x = soft_ld(s, in, in->seg, gather_ea(s, in, &index, i), size);
            memcpy(v.b + i * size, &x, size);
        }
        memset(mask.b + i * size, 0, size);
        lanes_put(s, reg_no(in), &v);
        lanes_put(s, in->vvvv, &mask);
    }
    memset(v.b + n * size, 0, sizeof(v.b) - n * size);
    memset(mask.b, 0, sizeof(mask.b));
    lanes_put(s, reg_no(in), &v);
    lanes_put(s, in->vvvv, &mask);
    NEXT_LOOP;
}
FAMILY_ALL(vgather, vgather_);

static unsigned vector_count(const X86State *s)
{
    return s->hflags & H_CS64 ? 16 : 8;
}

H(vzeroupper_)
{
    memset(fpu_mem(s)->ymm_high, 0, 16 * vector_count(s));
    NEXT;
}
FAMILY_ALL(vzeroupper, vzeroupper_);

H(vzeroall_)
{
    memset(fpu_mem(s)->ymm_high, 0, 16 * vector_count(s));
    memset(fpu_mem(s)->xmm, 0, 16 * vector_count(s));
    NEXT;
}
FAMILY_ALL(vzeroall, vzeroall_);
