/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of ops.h that are not worth inlining. */
#include "accel/soft/ops.h"

uint64_t reg_read(X86State *s, unsigned off, unsigned size)
{
    switch (size) {
    case 1: return rd8(s, off);
    case 2: return rd16(s, off);
    case 4: return rd32(s, off);
    default: return rd64(s, off);
    }
}

void reg_write(X86State *s, unsigned off, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: wr8(s, off, v); break;
    case 2: wr16(s, off, v); break;
    case 4: wr32(s, off, v); break;
    default: wr64(s, off, v); break;
    }
}

/* Segments whose only rule is the limit; the others are for soft_ld and soft_st. */
static bool seg_plain(const X86Seg *g, bool write)
{
    if (g->attr & SEG_CODE) {
        return !write && (g->attr & (SEG_P | SEG_RW | SEG_NULL)) == (SEG_P | SEG_RW);
    }
    return (g->attr & (SEG_P | SEG_RW | SEG_CE | SEG_NULL)) == (SEG_P | SEG_RW);
}

void *fast_seg(X86State *s, const Insn *in, unsigned seg, uint64_t ea, unsigned size, bool write)
{
    const X86Seg *g = &s->seg[seg];
    uint64_t la = ea + g->base;

    if (!(s->hflags & H_CS64)) {
        la = (uint32_t)la;
        if (!seg_plain(g, write) || ea + size - 1 > g->limit) {
            return NULL;
        }
    }
    return write ? tlb_hit_w(s, la, size) : tlb_hit_r(s, la, size);
}
