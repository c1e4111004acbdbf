/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hardware task switches, 16- and 32-bit TSS. Source: Intel SDM 3A, chapter 7 ("Task Management").
 *
 *   checks on the new TSS -> old state saved -> new state loaded -> [commit] -> segments checked
 *
 * Up to the commit a fault belongs to the old task; behind it registers are the new task's, and a
 * bad segment raises #TS (or #NP, #SS) in the new task with that segment left unusable.
 */
#include "accel/soft/decode.h"
#include "accel/soft/ops.h"
#include "accel/soft/seg.h"

/* Offsets in a TSS; segments in their order ES CS SS DS FS GS */
typedef struct TssLayout {
    unsigned word, cr3, ip, flags, reg, seg, segs, ldt, size;
} TssLayout;
static const TssLayout tss16 = { 2, 0, 14, 16, 18, 34, 4, 42, 44 };
static const TssLayout tss32 = { 4, 28, 32, 36, 40, 72, 6, 96, 104 };

typedef struct NewTask {
    uint32_t cr3, ip, flags, reg[8];
    uint16_t seg[6], ldt;
} NewTask;

static const TssLayout *layout_of(uint32_t attr)
{
    return attr & 8 ? &tss32 : &tss16;
}

static void save_old(X86State *s, const Insn *in, uint64_t rip, uint32_t flags)
{
    const TssLayout *t = layout_of(s->tr.attr);
    uint64_t base = s->tr.base;

    soft_sys_st(s, in, base + t->ip, t->word, rip, false);
    soft_sys_st(s, in, base + t->flags, t->word, flags, false);
    for (unsigned i = 0; i < 8; i++) {
        soft_sys_st(s, in, base + t->reg + i * t->word, t->word, s->g[i], false);
    }
    for (unsigned i = 0; i < t->segs; i++) {
        soft_sys_st(s, in, base + t->seg + i * t->word, 2, s->seg[i].sel, false);
    }
}

static NewTask load_new(X86State *s, const Insn *in, uint64_t base, const TssLayout *t)
{
    NewTask n = { 0 };

    if (t->cr3 && (s->cr0 & CR0_PG)) {
        n.cr3 = soft_sys_ld(s, in, base + t->cr3, 4);
    }
    n.ip = soft_sys_ld(s, in, base + t->ip, t->word);
    n.flags = soft_sys_ld(s, in, base + t->flags, t->word);
    for (unsigned i = 0; i < 8; i++) {
        n.reg[i] = soft_sys_ld(s, in, base + t->reg + i * t->word, t->word);
        if (t->word == 2) {
            n.reg[i] |= 0xffff0000;
        }
    }
    for (unsigned i = 0; i < t->segs; i++) {
        n.seg[i] = soft_sys_ld(s, in, base + t->seg + i * t->word, 2);
    }
    n.ldt = soft_sys_ld(s, in, base + t->ldt, 2);
    return n;
}

static void busy_set(X86State *s, const Insn *in, uint64_t at, bool busy)
{
    uint8_t b = soft_sys_ld(s, in, at + 5, 1);

    soft_sys_st(s, in, at + 5, 1, busy ? b | 2 : b & ~2, false);
}

/* The descriptor of the task that is left: GDT only */
static uint64_t old_desc_at(const X86State *s)
{
    return s->gdt.base + (s->tr.sel & ~7);
}

static void check_target(X86State *s, const Insn *in, uint16_t sel, const Desc *tss, TaskWhy why)
{
    unsigned type = attr_type(tss->attr) | (tss->attr & SEG_S);
    bool busy = type == SYS_TSS16_BUSY || type == SYS_TSS32_BUSY;
    bool free = type == SYS_TSS16 || type == SYS_TSS32;
    int vector = why == TASK_IRET ? EXC_TS : EXC_GP;

    if ((sel & 4) || !(why == TASK_IRET ? busy : free)) {
        soft_raise(s, in, vector, sel & ~3);
    }
    if (!(tss->attr & SEG_P)) {
        soft_raise(s, in, EXC_NP, sel & ~3);
    }
    if (desc_limit(tss) < (tss->attr & 8 ? 103u : 43u)) {
        soft_raise(s, in, EXC_TS, sel & ~3);
    }
}

/* ---- behind the commit point ---- */

static void load_ldt(X86State *s, uint16_t sel)
{
    Desc d;

    s->ldt = (X86Seg){ .sel = sel, .attr = SEG_NULL };
    if (!(sel & ~3)) {
        return;
    }
    if ((sel & 4) || !desc_read(s, NULL, sel, &d) || (d.attr & (SEG_S | 15)) != SYS_LDT ||
        !(d.attr & SEG_P)) {
        soft_raise(s, NULL, EXC_TS, sel & ~3);
    }
    s->ldt = desc_to_seg(&d, sel);
}

static void load_cs(X86State *s, uint16_t sel, unsigned cpl)
{
    Desc d;

    if (!(sel & ~3)) {
        soft_raise(s, NULL, EXC_TS, 0);
    }
    d = desc_need(s, NULL, sel, EXC_TS, 0);
    if (!attr_is_code(d.attr) ||
        (attr_is_conforming(d.attr) ? attr_dpl(d.attr) > cpl : attr_dpl(d.attr) != cpl)) {
        soft_raise(s, NULL, EXC_TS, sel & ~3);
    }
    if (!(d.attr & SEG_P)) {
        soft_raise(s, NULL, EXC_NP, sel & ~3);
    }
    s->seg[SEG_CS] = desc_load(s, NULL, &d, sel);
}

static void load_data(X86State *s, unsigned reg, uint16_t sel, unsigned cpl)
{
    Desc d;

    if (!(sel & ~3)) {
        return;
    }
    d = desc_need(s, NULL, sel, EXC_TS, 0);
    if (!(d.attr & SEG_S) || ((d.attr & SEG_CODE) && !(d.attr & SEG_RW)) ||
        (!attr_is_conforming(d.attr) &&
         ((sel & 3u) > attr_dpl(d.attr) || cpl > attr_dpl(d.attr)))) {
        soft_raise(s, NULL, EXC_TS, sel & ~3);
    }
    if (!(d.attr & SEG_P)) {
        soft_raise(s, NULL, EXC_NP, sel & ~3);
    }
    s->seg[reg] = desc_load(s, NULL, &d, sel);
}

static void load_segments(X86State *s, const NewTask *n)
{
    static const uint8_t order[4] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    unsigned cpl = n->seg[SEG_CS] & 3;

    load_ldt(s, n->ldt);
    if (n->flags & FLAG_VM) {
        for (unsigned i = 0; i < 6; i++) {
            seg_load_real(s, i, n->seg[i]);
        }
        return;
    }
    load_cs(s, n->seg[SEG_CS], cpl);
    s->seg[SEG_SS] = stack_seg(s, NULL, n->seg[SEG_SS], cpl, EXC_TS, 0);
    for (int i = 0; i < 4; i++) {
        load_data(s, order[i], n->seg[order[i]], cpl);
    }
}

static void commit(X86State *s, const NewTask *n, uint16_t sel, const Desc *tss)
{
    s->tr = desc_to_seg(tss, sel);
    s->tr.attr |= 2;
    s->cr0 |= CR0_TS;
    if ((tss->attr & 8) && (s->cr0 & CR0_PG)) {
        s->cr3 = n->cr3;
        if (s->cr4 & CR4_PAE) {
            soft_load_pdptes(s, n->cr3);
        }
        soft_tlb_flush(s);
    }
    s->rip = n->ip;
    x86_set_flags(s, n->flags);
    for (unsigned i = 0; i < 8; i++) {
        s->g[i] = n->reg[i];
    }
    s->dr[7] &= ~0x155ull; /* local breakpoint enables */
    for (unsigned i = 0; i < 6; i++) {
        s->seg[i] = seg_null(n->seg[i]);
    }
    /* the new level must be known to the checks that follow, and to a fault among them */
    s->seg[SEG_SS].attr = SEG_NULL | (n->seg[SEG_CS] & 3) << 5;
    soft_hflags(s);
}

static void push_error(X86State *s, uint32_t attr, uint32_t error)
{
    Stack k = stack_now(s, attr & 8 ? 4 : 2);

    stack_push(&k, error);
    stack_write(&k, NULL);
    stack_set_sp(s, &k.ss, k.sp);
}

void task_switch(X86State *s, const Insn *in, uint16_t sel, Desc *tss, TaskWhy why, uint64_t rip,
                 bool has_error, uint32_t error)
{
    const TssLayout *t = layout_of(tss->attr);
    uint32_t flags = x86_flags(s);
    uint64_t base;
    NewTask n;

    check_target(s, in, sel, tss, why);
    base = desc_base(tss);
    n = load_new(s, in, base, t);
    soft_sys_probe_w(s, in, base, 4, false);
    soft_sys_probe_w(s, in, s->tr.base, layout_of(s->tr.attr)->size, false);
    if (why == TASK_JUMP || why == TASK_IRET) {
        busy_set(s, in, old_desc_at(s), false);
    }
    if (why == TASK_IRET) {
        flags &= ~FLAG_NT;
    }
    save_old(s, in, rip, flags);
    if (why == TASK_CALL || why == TASK_GATE) {
        soft_sys_st(s, in, base, 2, s->tr.sel, false);
        n.flags |= FLAG_NT;
    }
    if (why != TASK_IRET) {
        busy_set(s, in, tss->at, true);
    }
    commit(s, &n, sel, tss);
    load_segments(s, &n);
    soft_hflags(s);
    if (s->rip > s->seg[SEG_CS].limit) {
        soft_raise(s, NULL, EXC_GP, 0);
    }
    if (has_error) {
        push_error(s, tss->attr, error);
    }
    if ((tss->attr & 8) && (soft_sys_ld(s, NULL, base + 100, 2) & 1)) {
        soft_env(s)->dr6_pending |= SOFT_DR6_BT; /* T flag: #DB before the first instruction */
    }
}
