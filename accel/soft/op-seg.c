/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segment registers and descriptor tables as instructions: mov pop lds les lss lfs lgs | lar lsl
 * verr verw arpl | sldt str lldt ltr | sgdt sidt lgdt lidt | rdfsbase ... | swapgs.
 */
#include "accel/soft/ops.h"
#include "accel/soft/rows-sys.h"
#include "accel/soft/seg.h"
#include "accel/x86/cpuid.h"

static uint16_t operand16(X86State *s, const Insn *in)
{
    return in->mem ? soft_ld(s, in, in->seg, ea_of(s, in), 2) : rd16(s, in->e);
}

/* A selector or machine status word: 2 bytes to memory, the operand size to a register */
static void result16(X86State *s, const Insn *in, uint32_t val)
{
    if (in->mem) {
        soft_st(s, in, in->seg, ea_of(s, in), 2, val);
    } else {
        reg_write(s, in->e, in->osz, val);
    }
}

static void umip(X86State *s, const Insn *in)
{
    if ((s->cr4 & CR4_UMIP) && soft_cpl(s) > 0) {
        soft_raise(s, in, EXC_GP, 0);
    }
}

/* ---- segment registers ---- */

static unsigned sreg(const Insn *in)
{
    return in->modrm >> 3 & 7;
}

H(mov_from_seg)
{
    result16(s, in, s->seg[sreg(in)].sel);
    NEXT;
}
FAMILY_ALL(mov_e_sw, mov_from_seg);

static const Insn *seg_loaded(X86State *s, const Insn *in, unsigned reg)
{
    if (reg == SEG_SS) {
        s->shadow = 2;
    }
    soft_hflags(s);
    RET(insn_leave(s, in));
}

H(mov_to_seg)
{
    seg_load(s, in, sreg(in), operand16(s, in));
    return seg_loaded(s, in, sreg(in));
}
FAMILY_ALL(mov_sw_e, mov_to_seg);

/* The slot is read before, SP moves after the load: a bad selector leaves SP alone. */
H(pop_to_seg)
{
    unsigned reg = in->row->a - K_ES;
    uint16_t sel = soft_ld(s, in, ss_seg(s), s->g[RSP] & sp_mask(s), 2);
    uint64_t mask = sp_mask(s), sp = s->g[RSP] + in->osz;

    seg_load(s, in, reg, sel);
    /* of the old SS: POP SS adjusts SP before the new one counts */
    s->g[RSP] = mask == 0xffff ? (s->g[RSP] & ~mask) | (sp & mask) : sp & mask;
    return seg_loaded(s, in, reg);
}
FAMILY_ALL(pop_seg, pop_to_seg);

H(load_far)
{
    static const uint8_t by_op[256] = {
        [0xc4] = SEG_ES, [0xc5] = SEG_DS, [0xb2] = SEG_SS, [0xb4] = SEG_FS, [0xb5] = SEG_GS
    };
    unsigned reg = by_op[in->op], size = in->osz == 8 && !x86_vendor_intel(s) ? 4 : in->osz;
    uint64_t ea = ea_of(s, in), off = soft_ld(s, in, in->seg, ea, size);
    uint16_t sel = soft_ld(s, in, in->seg, (ea + size) & in->amask, 2);

    seg_load(s, in, reg, sel);
    reg_write(s, in->g, size, off);
    /* unlike MOV SS, LSS holds nothing off */
    soft_hflags(s);
    RET(insn_leave(s, in));
}
FAMILY_ALL(lfar, load_far);

/* ---- questions about a selector ---- */

static void set_zf(X86State *s, bool on)
{
    fl_set(s, on ? fl_get(s) | FL_ZF : fl_get(s) & ~FL_ZF);
}

static bool visible(X86State *s, const Desc *d, uint16_t sel)
{
    return attr_is_conforming(d->attr) ||
           (soft_cpl(s) <= attr_dpl(d->attr) && (sel & 3u) <= attr_dpl(d->attr));
}

/* LAR, LSL: types that exist, per mode; bit n: type n */
static bool system_type_ok(X86State *s, const Desc *d, bool is_lar)
{
    static const uint16_t legacy_lar =
        1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 11 | 1 << 12;
    static const uint16_t legacy_lsl = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 9 | 1 << 11;
    static const uint16_t long_lar = 1 << 2 | 1 << 9 | 1 << 11 | 1 << 12;
    static const uint16_t long_lsl = 1 << 2 | 1 << 9 | 1 << 11;
    bool lm = s->efer & EFER_LMA;
    uint16_t set = is_lar ? (lm ? long_lar : legacy_lar) : (lm ? long_lsl : legacy_lsl);

    return set >> attr_type(d->attr) & 1;
}

H(lar_lsl)
{
    bool is_lar = in->op == 2;
    uint16_t sel = operand16(s, in);
    Desc d;
    bool ok = desc_read(s, in, sel, &d) && visible(s, &d, sel) &&
              (d.attr & SEG_S || system_type_ok(s, &d, is_lar));

    set_zf(s, ok);
    if (ok) {
        reg_write(s, in->g, in->osz, is_lar ? d.hi & 0x00ffff00 : desc_limit(&d));
    }
    NEXT_LOOP;
}
FAMILY_ALL(lar, lar_lsl);

H(ver_rw)
{
    bool write = (in->modrm >> 3 & 7) == 5;
    uint16_t sel = operand16(s, in);
    Desc d;
    bool ok = desc_read(s, in, sel, &d) && (d.attr & SEG_S) && visible(s, &d, sel);

    if (ok) {
        ok = d.attr & SEG_CODE ? !write && (d.attr & SEG_RW) : !write || (d.attr & SEG_RW);
    }
    set_zf(s, ok);
    NEXT_LOOP;
}
FAMILY_ALL(verr, ver_rw);

H(arpl_all)
{
    uint64_t ea = ea_of(s, in);
    uint16_t dst, rpl = rd16(s, in->g) & 3;

    if (in->mem) {
        soft_probe_w(s, in, in->seg, ea, 2);
    }
    dst = operand16(s, in);
    if ((dst & 3) < rpl) {
        dst = (dst & ~3) | rpl;
        if (in->mem) {
            soft_st(s, in, in->seg, ea, 2, dst);
        } else {
            wr16(s, in->e, dst);
        }
        set_zf(s, true);
    } else {
        set_zf(s, false);
    }
    NEXT;
}
FAMILY_ALL(arpl, arpl_all);

/* ---- LDTR and TR ---- */

H(store_sys_sel)
{
    umip(s, in);
    result16(s, in, (in->modrm >> 3 & 7) == 0 ? s->ldt.sel : s->tr.sel);
    NEXT;
}
FAMILY_ALL(sldt, store_sys_sel);

/* A descriptor of 16 bytes in long mode */
static Desc system_desc(X86State *s, const Insn *in, uint16_t sel, unsigned types)
{
    Desc d;

    if (sel & 4) {
        soft_raise(s, in, EXC_GP, sel & ~3);
    }
    d = desc_need(s, in, sel, EXC_GP, 0);
    if ((d.attr & SEG_S) || !(types >> attr_type(d.attr) & 1)) {
        soft_raise(s, in, EXC_GP, sel & ~3);
    }
    if (!(d.attr & SEG_P)) {
        soft_raise(s, in, EXC_NP, sel & ~3);
    }
    if ((s->efer & EFER_LMA) && !desc_read_high(s, in, sel, &d)) {
        soft_raise(s, in, EXC_GP, sel & ~3);
    }
    return d;
}

H(lldt_all)
{
    uint16_t sel = operand16(s, in);

    if (!(sel & ~3)) {
        s->ldt = (X86Seg){ .sel = sel, .attr = SEG_NULL };
    } else {
        Desc d = system_desc(s, in, sel, 1 << SYS_LDT);
        s->ldt = desc_to_seg(&d, sel);
    }
    NEXT_LOOP;
}
FAMILY_ALL(lldt, lldt_all);

H(ltr_all)
{
    uint16_t sel = operand16(s, in);
    unsigned types = s->efer & EFER_LMA ? 1 << SYS_TSS32 : 1 << SYS_TSS32 | 1 << SYS_TSS16;
    Desc d;

    if (!(sel & ~3)) {
        soft_raise(s, in, EXC_GP, 0);
    }
    d = system_desc(s, in, sel, types);
    d.attr |= 2; /* busy */
    soft_sys_st(s, in, d.at + 5, 1, d.attr & 0xff, false);
    s->tr = desc_to_seg(&d, sel);
    NEXT_LOOP;
}
FAMILY_ALL(ltr, ltr_all);

/* ---- GDTR and IDTR: limit, then a base of 4 or 8 bytes ---- */

static X86Table *table_of(X86State *s, const Insn *in)
{
    return in->modrm >> 3 & 1 ? &s->idt : &s->gdt;
}

static unsigned table_size(const X86State *s)
{
    return s->hflags & H_CS64 ? 8 : 4;
}

H(store_table)
{
    const X86Table *t = table_of(s, in);
    uint64_t ea = ea_of(s, in);
    unsigned n = table_size(s);

    umip(s, in);
    soft_probe_w(s, in, in->seg, ea, 2 + n);
    soft_st(s, in, in->seg, ea, 2, t->limit);
    soft_st(s, in, in->seg, (ea + 2) & in->amask, n, t->base);
    NEXT;
}
FAMILY_ALL(sgdt, store_table);

H(load_table)
{
    X86Table *t = table_of(s, in);
    uint64_t ea = ea_of(s, in), base;
    unsigned n = table_size(s);
    uint16_t limit = soft_ld(s, in, in->seg, ea, 2);

    base = soft_ld(s, in, in->seg, (ea + 2) & in->amask, n);
    if (n == 8 && (uint64_t)((int64_t)(base << 16) >> 16) != base) {
        soft_raise(s, in, EXC_GP, 0);
    }
    if (n == 4 && in->osz == 2) {
        base &= 0xffffff;
    }
    t->base = base;
    t->limit = limit;
    NEXT;
}
FAMILY_ALL(lgdt, load_table);

/* ---- bases of FS and GS in 64-bit code ---- */

H(swapgs_all)
{
    uint64_t base = s->seg[SEG_GS].base;

    s->seg[SEG_GS].base = s->kernel_gs_base;
    s->kernel_gs_base = base;
    NEXT;
}
FAMILY_ALL(swapgs, swapgs_all);

/* F3 0FAE /0 rdfsbase /1 rdgsbase /2 wrfsbase /3 wrgsbase */
H(fsgsbase_all)
{
    unsigned op = in->modrm >> 3 & 7, seg = op & 1 ? SEG_GS : SEG_FS;

    if (!(s->cr4 & CR4_FSGSBASE)) {
        soft_raise(s, in, EXC_UD, 0);
    }
    if (op < 2) {
        reg_write(s, in->e, in->osz, s->seg[seg].base);
    } else {
        uint64_t base = reg_read(s, in->e, in->osz);
        if ((uint64_t)((int64_t)(base << 16) >> 16) != base) {
            soft_raise(s, in, EXC_GP, 0);
        }
        s->seg[seg].base = base;
    }
    NEXT;
}
FAMILY_ALL(fsgsbase, fsgsbase_all);
