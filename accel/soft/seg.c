/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors, segment registers and stacks, see seg.h. Source: Intel SDM 3A, chapters 3, 5 to 8,
 * and the operation sections of MOV, POP, CALL, RET, IRET in volume 2.
 */
#include "accel/soft/decode.h"
#include "accel/soft/ops.h"
#include "accel/soft/seg.h"

/* ---- descriptors ---- */

static bool desc_at(X86State *s, uint16_t sel, unsigned bytes, uint64_t *at)
{
    uint32_t off = sel & ~7, limit = s->gdt.limit;
    uint64_t base = s->gdt.base;

    if (sel & 4) {
        if (s->ldt.attr & SEG_NULL) {
            return false;
        }
        base = s->ldt.base;
        limit = s->ldt.limit;
    }
    *at = base + off;
    return off + bytes - 1 <= limit;
}

bool desc_read(X86State *s, const Insn *in, uint16_t sel, Desc *d)
{
    uint64_t raw;

    *d = (Desc){ 0 };
    if (!(sel & ~3) || !desc_at(s, sel, 8, &d->at)) {
        return false;
    }
    raw = soft_sys_ld(s, in, d->at, 8);
    d->lo = raw;
    d->hi = raw >> 32;
    d->attr = d->hi >> 8 & 0xf0ff;
    return true;
}

Desc desc_need(X86State *s, const Insn *in, uint16_t sel, int vector, unsigned ext)
{
    Desc d;

    if (!desc_read(s, in, sel, &d)) {
        soft_raise(s, in, vector, (sel & ~3) | ext);
    }
    return d;
}

bool desc_read_high(X86State *s, const Insn *in, uint16_t sel, Desc *d)
{
    uint64_t at;

    if (!desc_at(s, sel, 16, &at)) {
        return false;
    }
    d->hi_base = soft_sys_ld(s, in, at + 8, 4);
    /* the upper half must not look like a descriptor of its own */
    return (soft_sys_ld(s, in, at + 12, 4) >> 8 & 0x1f) == 0;
}

uint64_t desc_base(const Desc *d)
{
    return (d->lo >> 16 | (d->hi & 0xff) << 16 | (d->hi & 0xff000000)) | (uint64_t)d->hi_base << 32;
}

uint32_t desc_limit(const Desc *d)
{
    uint32_t limit = (d->lo & 0xffff) | (d->hi & 0xf0000);

    return d->attr & SEG_G ? limit << 12 | 0xfff : limit;
}

X86Seg desc_to_seg(const Desc *d, uint16_t sel)
{
    return (X86Seg){ .base = desc_base(d), .limit = desc_limit(d), .attr = d->attr, .sel = sel };
}

X86Seg desc_load(X86State *s, const Insn *in, Desc *d, uint16_t sel)
{
    if (d->attr & SEG_S && !(d->attr & SEG_A)) {
        d->attr |= SEG_A;
        soft_sys_st(s, in, d->at + 5, 1, d->attr & 0xff, false);
    }
    return desc_to_seg(d, sel);
}

uint64_t gate_offset(const Desc *d)
{
    return (d->lo & 0xffff) | (d->hi & 0xffff0000) | (uint64_t)d->hi_base << 32;
}

/* ---- segment registers ---- */

X86Seg seg_null(uint16_t sel)
{
    return (X86Seg){ .sel = sel, .attr = SEG_NULL | (sel & 3) << 5 };
}

void seg_load_real(X86State *s, unsigned reg, uint16_t sel)
{
    X86Seg *sg = &s->seg[reg];

    sg->sel = sel;
    sg->base = (uint32_t)sel << 4;
    if (s->rflags & FLAG_VM) {
        sg->limit = 0xffff;
        sg->attr = SEG_P | SEG_S | SEG_RW | SEG_A | SEG_DPL;
    } else {
        /* limit and big bit stay what protected mode left ("unreal mode"), the rest is fresh */
        sg->attr = (sg->attr & (SEG_DB | SEG_G)) | SEG_P | SEG_S | SEG_RW | SEG_A;
    }
}

static void load_ss(X86State *s, const Insn *in, uint16_t sel)
{
    unsigned cpl = soft_cpl(s);
    Desc d;

    if (!(sel & ~3)) {
        if (!(s->hflags & H_CS64) || cpl == 3 || (sel & 3u) != cpl) {
            soft_raise(s, in, EXC_GP, 0);
        }
        s->seg[SEG_SS] = seg_null(sel);
        return;
    }
    d = desc_need(s, in, sel, EXC_GP, 0);
    if ((sel & 3u) != cpl || attr_dpl(d.attr) != cpl || !attr_is_stack(d.attr)) {
        soft_raise(s, in, EXC_GP, sel & ~3);
    }
    if (!(d.attr & SEG_P)) {
        soft_raise(s, in, EXC_SS, sel & ~3);
    }
    s->seg[SEG_SS] = desc_load(s, in, &d, sel);
}

void seg_load(X86State *s, const Insn *in, unsigned reg, uint16_t sel)
{
    bool readable;
    Desc d;

    if (!prot_mode(s)) {
        seg_load_real(s, reg, sel);
        return;
    }
    if (reg == SEG_SS) {
        load_ss(s, in, sel);
        return;
    }
    if (!(sel & ~3)) {
        uint64_t base = s->seg[reg].base;
        s->seg[reg] = seg_null(sel);
        /* Intel's processors clear the base of FS and GS, AMD's keep it */
        s->seg[reg].base = x86_vendor_intel(s) ? 0 : base;
        return;
    }
    d = desc_need(s, in, sel, EXC_GP, 0);
    readable = (d.attr & SEG_S) && (!(d.attr & SEG_CODE) || (d.attr & SEG_RW));
    if (!readable || (!attr_is_conforming(d.attr) &&
                      ((sel & 3u) > attr_dpl(d.attr) || soft_cpl(s) > attr_dpl(d.attr)))) {
        soft_raise(s, in, EXC_GP, sel & ~3);
    }
    if (!(d.attr & SEG_P)) {
        soft_raise(s, in, EXC_NP, sel & ~3);
    }
    s->seg[reg] = desc_load(s, in, &d, sel);
}

void seg_drop_privileged(X86State *s, unsigned cpl)
{
    static const uint8_t data[4] = { SEG_ES, SEG_FS, SEG_GS, SEG_DS };

    for (int i = 0; i < 4; i++) {
        X86Seg *sg = &s->seg[data[i]];

        if (!(sg->attr & SEG_NULL) && !attr_is_conforming(sg->attr) && attr_dpl(sg->attr) < cpl) {
            uint64_t base = sg->base;
            *sg = seg_null(0);
            sg->base = data[i] == SEG_FS || data[i] == SEG_GS ? base : 0;
        }
    }
}

X86Seg stack_seg(X86State *s, const Insn *in, uint16_t sel, unsigned dpl, int vector, unsigned ext)
{
    Desc d;

    if (!(sel & ~3)) {
        soft_raise(s, in, vector, ext);
    }
    d = desc_need(s, in, sel, vector, ext);
    if ((sel & 3u) != dpl || attr_dpl(d.attr) != dpl || !attr_is_stack(d.attr)) {
        soft_raise(s, in, vector, (sel & ~3) | ext);
    }
    if (!(d.attr & SEG_P)) {
        soft_raise(s, in, EXC_SS, (sel & ~3) | ext);
    }
    return desc_load(s, in, &d, sel);
}

void target_check(X86State *s, const Insn *in, const X86Seg *cs, uint64_t rip, unsigned ext)
{
    bool bad = (s->efer & EFER_LMA) && (cs->attr & SEG_L)
                   ? (uint64_t)((int64_t)(rip << 16) >> 16) != rip
                   : rip > cs->limit;

    if (bad) {
        soft_raise(s, in, EXC_GP, ext);
    }
}

/* ---- stacks ---- */

Stack stack_new(X86State *s, const X86Seg *ss, uint64_t sp, unsigned cpl, unsigned size)
{
    Stack k = { .s = s, .ss = *ss, .sp = sp, .size = size, .user = cpl == 3, .vector = EXC_SS };

    k.mask = ss->attr & SEG_DB ? 0xffffffff : 0xffff;
    return k;
}

Stack stack_now(X86State *s, unsigned size)
{
    Stack k = stack_new(s, &s->seg[SEG_SS], s->g[RSP], soft_cpl(s), size);

    if (s->hflags & H_CS64) {
        k.long_mode = true;
        k.mask = ~0ull;
    }
    return k;
}

void stack_push(Stack *k, uint64_t val)
{
    g_assert(k->n < G_N_ELEMENTS(k->slot));
    k->slot[k->n++] = val;
}

static uint64_t stack_linear(const Stack *k, const Insn *in, uint64_t sp)
{
    uint64_t off = sp & k->mask, last = off + k->size - 1;
    bool ok;

    if (k->long_mode) {
        ok = (uint64_t)((int64_t)(off << 16) >> 16) == off;
    } else if (k->ss.attr & SEG_CE) {
        ok = off > k->ss.limit && last <= (k->ss.attr & SEG_DB ? 0xffffffff : 0xffff);
    } else {
        ok = last <= k->ss.limit;
    }
    if (!ok) {
        soft_raise(k->s, in, k->vector, k->error);
    }
    return k->long_mode ? off : (uint32_t)(k->ss.base + off);
}

void stack_write(Stack *k, const Insn *in)
{
    uint64_t sp = k->sp;

    for (unsigned i = 0; i < k->n; i++) {
        sp -= k->size;
        soft_sys_probe_w(k->s, in, stack_linear(k, in, sp), k->size, k->user);
    }
    for (unsigned i = 0; i < k->n; i++) {
        k->sp -= k->size;
        soft_sys_st(k->s, in, stack_linear(k, in, k->sp), k->size, k->slot[i], k->user);
    }
    k->n = 0;
}

uint64_t stack_peek(X86State *s, const Insn *in, uint64_t off, unsigned size)
{
    return soft_ld(s, in, ss_seg(s), (s->g[RSP] + off) & sp_mask(s), size);
}

/* A 16-bit stack keeps the upper half of ESP. */
void stack_set_sp(X86State *s, const X86Seg *ss, uint64_t sp)
{
    if ((s->efer & EFER_LMA) && (s->seg[SEG_CS].attr & SEG_L)) {
        s->g[RSP] = sp;
    } else if (ss->attr & SEG_DB) {
        s->g[RSP] = (uint32_t)sp;
    } else {
        s->g[RSP] = (s->g[RSP] & 0xffff0000) | (sp & 0xffff);
    }
}

/* ---- stacks of inner levels ---- */

void tss_stack(X86State *s, const Insn *in, unsigned dpl, unsigned ext, uint16_t *ss, uint32_t *esp)
{
    bool tss32 = s->tr.attr & 8;
    uint32_t off = tss32 ? 4 + dpl * 8 : 2 + dpl * 4;

    if (off + (tss32 ? 5u : 3u) > s->tr.limit) {
        soft_raise(s, in, EXC_TS, (s->tr.sel & ~3) | ext);
    }
    *esp = soft_sys_ld(s, in, s->tr.base + off, tss32 ? 4 : 2);
    *ss = soft_sys_ld(s, in, s->tr.base + off + (tss32 ? 4 : 2), 2);
}

uint64_t tss_stack64(X86State *s, const Insn *in, unsigned slot, unsigned ext)
{
    uint32_t off = 4 + slot * 8;
    uint64_t sp;

    if (off + 7 > s->tr.limit) {
        soft_raise(s, in, EXC_TS, (s->tr.sel & ~3) | ext);
    }
    sp = soft_sys_ld(s, in, s->tr.base + off, 8);
    if ((uint64_t)((int64_t)(sp << 16) >> 16) != sp) {
        soft_raise(s, in, EXC_SS, ext);
    }
    return sp;
}
