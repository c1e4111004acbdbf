/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transfers that change CS: far jmp, call, ret; iret; int n, int3, into, int1; syscall, sysret,
 * sysenter, sysexit. Source: Intel SDM 2A and 2B, operation sections; AMD APM 3 for SYSCALL in
 * legacy mode and the vendor differences. Gates and tasks: SDM 3A, chapters 5.8 and 7.
 */
#include "accel/soft/ops.h"
#include "accel/soft/rows-sys.h"
#include "accel/soft/seg.h"
#include "accel/x86/cpuid.h"
#include "core/vcpu.h"

static bool long_mode(const X86State *s)
{
    return s->efer & EFER_LMA;
}

/* ---- leaving for a new CS:RIP ---- */

static const Insn *go(X86State *s, const X86Seg *cs, uint64_t rip)
{
    s->seg[SEG_CS] = *cs;
    s->rip = rip;
    soft_hflags(s);
    return NULL;
}

static const Insn *go_real(X86State *s, uint16_t sel, uint64_t rip)
{
    s->seg[SEG_CS].sel = sel;
    s->seg[SEG_CS].base = (uint32_t)sel << 4;
    if (s->rflags & FLAG_VM) {
        seg_load_real(s, SEG_CS, sel);
    }
    s->rip = rip;
    soft_hflags(s);
    return NULL;
}

static void check_real_target(X86State *s, const Insn *in, uint64_t rip)
{
    if (rip > s->seg[SEG_CS].limit) {
        soft_raise(s, in, EXC_GP, 0);
    }
}

/* In long mode L and D together are reserved. */
static void check_code_mode(X86State *s, const Insn *in, uint32_t attr, uint32_t error)
{
    if (long_mode(s) && (attr & (SEG_L | SEG_DB)) == (SEG_L | SEG_DB)) {
        soft_raise(s, in, EXC_GP, error);
    }
}

/* ---- far jump and call ---- */

typedef struct Far {
    uint16_t sel;
    uint64_t rip;
    unsigned size; /* operand size: of the return slots too */
    bool call;
} Far;

static void push_return(X86State *s, const Insn *in, Stack *k)
{
    stack_push(k, s->seg[SEG_CS].sel);
    stack_push(k, insn_next_rip(s, in));
}

static const Insn *far_real(X86State *s, const Insn *in, const Far *f)
{
    check_real_target(s, in, f->rip);
    if (f->call) {
        Stack k = stack_now(s, f->size);
        push_return(s, in, &k);
        stack_write(&k, in);
        sp_set(s, k.sp);
    }
    return go_real(s, f->sel, f->rip);
}

static const Insn *far_code(X86State *s, const Insn *in, const Far *f, Desc *d)
{
    unsigned cpl = soft_cpl(s), dpl = attr_dpl(d->attr);
    uint32_t error = f->sel & ~3;
    X86Seg cs;

    if (attr_is_conforming(d->attr) ? dpl > cpl : dpl != cpl || (f->sel & 3u) > cpl) {
        soft_raise(s, in, EXC_GP, error);
    }
    check_code_mode(s, in, d->attr, error);
    if (!(d->attr & SEG_P)) {
        soft_raise(s, in, EXC_NP, error);
    }
    cs = desc_load(s, in, d, (f->sel & ~3) | cpl);
    target_check(s, in, &cs, f->rip, 0);
    if (f->call) {
        Stack k = stack_now(s, f->size);
        push_return(s, in, &k);
        stack_write(&k, in);
        sp_set(s, k.sp);
    }
    return go(s, &cs, f->rip);
}

/* The parameters on the caller's stack go to the callee's, in the same order. */
static void copy_params(X86State *s, const Insn *in, Stack *k, unsigned n)
{
    for (unsigned i = n; i > 0; i--) {
        stack_push(k, stack_peek(s, in, (i - 1) * k->size, k->size));
    }
}

static const Insn *gate_inner(X86State *s, const Insn *in, const Desc *gate, const X86Seg *cs,
                              uint64_t rip, unsigned size)
{
    unsigned dpl = cs->sel & 3;
    X86Seg ss;
    Stack k;

    if (long_mode(s)) {
        ss = seg_null(dpl);
        k = stack_new(s, &ss, tss_stack64(s, in, dpl, 0), dpl, 8);
        k.long_mode = true;
        k.mask = ~0ull;
    } else {
        uint16_t sel;
        uint32_t esp;
        tss_stack(s, in, dpl, 0, &sel, &esp);
        ss = stack_seg(s, in, sel, dpl, EXC_TS, 0);
        k = stack_new(s, &ss, esp, dpl, size);
        k.error = sel & ~3;
    }
    stack_push(&k, s->seg[SEG_SS].sel);
    stack_push(&k, s->g[RSP]);
    if (!long_mode(s)) {
        copy_params(s, in, &k, gate->hi & 31);
    }
    push_return(s, in, &k);
    target_check(s, in, cs, rip, 0);
    stack_write(&k, in);
    s->seg[SEG_SS] = ss;
    s->g[RSP] = long_mode(s) ? k.sp : k.sp & k.mask;
    return go(s, cs, rip);
}

static const Insn *far_gate(X86State *s, const Insn *in, const Far *f, Desc *gate)
{
    unsigned cpl = soft_cpl(s), dpl, size = attr_type(gate->attr) & 8 ? 4 : 2;
    uint16_t sel;
    uint64_t rip;
    Desc d;
    X86Seg cs;

    if (long_mode(s) && !desc_read_high(s, in, f->sel, gate)) {
        soft_raise(s, in, EXC_GP, f->sel & ~3);
    }
    sel = gate_selector(gate);
    rip = size == 4 ? gate_offset(gate) : gate_offset(gate) & 0xffff;
    d = desc_need(s, in, sel, EXC_GP, 0);
    dpl = attr_dpl(d.attr);
    if (!attr_is_code(d.attr) || dpl > cpl ||
        (!f->call && !attr_is_conforming(d.attr) && dpl != cpl) ||
        (long_mode(s) && (d.attr & (SEG_L | SEG_DB)) != SEG_L)) {
        soft_raise(s, in, EXC_GP, sel & ~3);
    }
    if (!(d.attr & SEG_P)) {
        soft_raise(s, in, EXC_NP, sel & ~3);
    }
    if (attr_is_conforming(d.attr)) {
        dpl = cpl;
    }
    cs = desc_load(s, in, &d, (sel & ~3) | dpl);
    if (f->call && dpl < cpl) {
        return gate_inner(s, in, gate, &cs, rip, size);
    }
    target_check(s, in, &cs, rip, 0);
    if (f->call) {
        Stack k = stack_now(s, long_mode(s) ? 8 : size);
        push_return(s, in, &k);
        stack_write(&k, in);
        sp_set(s, k.sp);
    }
    return go(s, &cs, rip);
}

static const Insn *far_task(X86State *s, const Insn *in, uint16_t sel, Desc *tss, bool call)
{
    task_switch(s, in, sel, tss, call ? TASK_CALL : TASK_JUMP, insn_next_rip(s, in), false, 0);
    return NULL;
}

static const Insn *far_system(X86State *s, const Insn *in, const Far *f, Desc *d)
{
    unsigned type = attr_type(d->attr), dpl = attr_dpl(d->attr);
    uint32_t error = f->sel & ~3;
    bool gate = type == SYS_CALL32 || (type == SYS_CALL16 && !long_mode(s));
    bool task = !long_mode(s) && (type == SYS_TASK || type == SYS_TSS16 || type == SYS_TSS32);

    if (!(gate || task) || dpl < soft_cpl(s) || dpl < (f->sel & 3u)) {
        soft_raise(s, in, EXC_GP, error);
    }
    if (!(d->attr & SEG_P)) {
        soft_raise(s, in, EXC_NP, error);
    }
    if (gate) {
        return far_gate(s, in, f, d);
    }
    if (type == SYS_TASK) {
        uint16_t sel = gate_selector(d);
        Desc tss = desc_need(s, in, sel, EXC_GP, 0);
        return far_task(s, in, sel, &tss, f->call);
    }
    return far_task(s, in, f->sel, d, f->call);
}

static const Insn *far_transfer(X86State *s, const Insn *in, const Far *f)
{
    Desc d;

    if (!prot_mode(s)) {
        return far_real(s, in, f);
    }
    if (!(f->sel & ~3)) {
        soft_raise(s, in, EXC_GP, 0);
    }
    d = desc_need(s, in, f->sel, EXC_GP, 0);
    if (attr_is_code(d.attr)) {
        return far_code(s, in, f, &d);
    }
    if (d.attr & SEG_S) {
        soft_raise(s, in, EXC_GP, f->sel & ~3);
    }
    return far_system(s, in, f, &d);
}

/* 9A call, EA jmp */
H(far_by_imm)
{
    Far f = { .sel = in->disp, .rip = in->imm, .size = in->osz, .call = in->op == 0x9a };

    RET(far_transfer(s, in, &f));
}
FAMILY_ALL(far_imm, far_by_imm);

/* FF /3 call, /5 jmp. REX.W makes m16:64 on Intel's processors only. */
H(far_by_mem)
{
    unsigned size = in->osz == 8 && !x86_vendor_intel(s) ? 4 : in->osz;
    uint64_t ea = ea_of(s, in);
    Far f = { .size = size, .call = (in->modrm >> 3 & 7) == 3 };

    f.rip = soft_ld(s, in, in->seg, ea, size);
    f.sel = soft_ld(s, in, in->seg, (ea + size) & in->amask, 2);
    RET(far_transfer(s, in, &f));
}
FAMILY_ALL(far_e, far_by_mem);

/* ---- far returns ---- */

static Desc return_code(X86State *s, const Insn *in, uint16_t sel)
{
    unsigned rpl = sel & 3;
    uint32_t error = sel & ~3;
    Desc d;

    if (!(sel & ~3)) {
        soft_raise(s, in, EXC_GP, 0);
    }
    d = desc_need(s, in, sel, EXC_GP, 0);
    if (!attr_is_code(d.attr) || rpl < soft_cpl(s) ||
        (attr_is_conforming(d.attr) ? attr_dpl(d.attr) > rpl : attr_dpl(d.attr) != rpl)) {
        soft_raise(s, in, EXC_GP, error);
    }
    check_code_mode(s, in, d.attr, error);
    if (!(d.attr & SEG_P)) {
        soft_raise(s, in, EXC_NP, error);
    }
    return d;
}

/* A null SS is good for 64-bit code at levels 0 to 2. */
static X86Seg return_stack(X86State *s, const Insn *in, uint16_t sel, unsigned rpl, bool to64)
{
    if (!(sel & ~3)) {
        if (!to64 || rpl == 3 || (sel & 3u) != rpl) {
            soft_raise(s, in, EXC_GP, 0);
        }
        return seg_null(sel);
    }
    return stack_seg(s, in, sel, rpl, EXC_GP, 0);
}

typedef struct Return {
    uint16_t cs, ss;
    uint64_t rip, rsp;
    unsigned size, slots; /* bytes of a slot, slots taken from the stack */
    unsigned release;     /* RET imm16 */
    bool outer, with_stack;
} Return;

/* To the same or an outer level, with CS:RIP (and SS:RSP) read already. */
static void far_return(X86State *s, const Insn *in, const Return *r, Desc *code)
{
    unsigned rpl = r->cs & 3;
    bool to64 = long_mode(s) && (code->attr & SEG_L);
    X86Seg cs = desc_load(s, in, code, r->cs), ss = s->seg[SEG_SS];

    if (r->with_stack) {
        ss = return_stack(s, in, r->ss, rpl, to64);
    }
    target_check(s, in, &cs, r->rip, 0);
    if (!r->with_stack) {
        sp_set(s, s->g[RSP] + r->slots * r->size + r->release);
    }
    s->seg[SEG_CS] = cs;
    s->rip = r->rip;
    if (r->with_stack) {
        s->seg[SEG_SS] = ss;
        stack_set_sp(s, &ss, r->rsp + r->release);
    }
    if (r->outer) {
        seg_drop_privileged(s, rpl);
    }
}

static const Insn *retf_real(X86State *s, const Insn *in, unsigned release)
{
    uint64_t rip = stack_peek(s, in, 0, in->osz);
    uint16_t sel = stack_peek(s, in, in->osz, in->osz);

    check_real_target(s, in, rip);
    sp_set(s, s->g[RSP] + 2 * in->osz + release);
    return go_real(s, sel, rip);
}

/* CA has an immediate, CB none */
H(retf_all)
{
    Return r = { .size = in->osz, .slots = 2, .release = in->op == 0xca ? in->imm & 0xffff : 0 };
    Desc code;

    if (!prot_mode(s)) {
        RET(retf_real(s, in, r.release));
    }
    r.rip = stack_peek(s, in, 0, r.size);
    r.cs = stack_peek(s, in, r.size, r.size);
    code = return_code(s, in, r.cs);
    r.outer = r.with_stack = (r.cs & 3u) > soft_cpl(s);
    if (r.outer) {
        r.rsp = stack_peek(s, in, 2 * r.size + r.release, r.size);
        r.ss = stack_peek(s, in, 3 * r.size + r.release, r.size);
    }
    far_return(s, in, &r, &code);
    soft_hflags(s);
    RET(NULL);
}
FAMILY_ALL(retf, retf_all);

/* ---- iret ---- */

static uint64_t iret_flag_mask(const X86State *s, unsigned size)
{
    unsigned cpl = soft_cpl(s), iopl = s->rflags >> 12 & 3;
    uint64_t mask = FLAG_ARITH | FLAG_TF | FLAG_DF | FLAG_NT;

    if (size > 2) {
        mask |= FLAG_RF | FLAG_AC | FLAG_ID;
    }
    if (!(s->cr0 & CR0_PE)) {
        return mask | FLAG_IF | FLAG_IOPL;
    }
    if (cpl <= iopl) {
        mask |= FLAG_IF;
    }
    if (cpl == 0) {
        mask |= FLAG_IOPL | (size > 2 ? FLAG_VIF | FLAG_VIP : 0);
    }
    return mask;
}

static void flags_load(X86State *s, uint64_t val, uint64_t mask)
{
    x86_set_flags(s, (x86_flags(s) & ~mask) | (val & mask));
    /* without instruction breakpoints nobody looks at RF before the next instruction clears it */
    if (!soft_env(s)->watch_code) {
        s->rflags &= ~FLAG_RF;
    }
}

static bool v86_limited(const X86State *s)
{
    return (s->rflags & FLAG_VM) && (s->rflags & FLAG_IOPL) != FLAG_IOPL;
}

/* VME below IOPL 3: IF of the image is the virtual one; what a monitor must see is #GP. */
static uint64_t iret_virtual_flags(X86State *s, const Insn *in, uint64_t flags)
{
    if (!(s->cr4 & CR4_VME) || in->osz != 2 || (flags & FLAG_TF) ||
        ((flags & FLAG_IF) && (s->rflags & FLAG_VIP))) {
        soft_raise(s, in, EXC_GP, 0);
    }
    return (flags & 0xffff) | (flags & FLAG_IF ? FLAG_VIF : 0);
}

static const Insn *iret_real(X86State *s, const Insn *in)
{
    unsigned n = in->osz;
    uint64_t rip, flags, mask = iret_flag_mask(s, n);
    uint16_t sel;

    if (v86_limited(s) && (!(s->cr4 & CR4_VME) || n != 2)) {
        soft_raise(s, in, EXC_GP, 0);
    }
    rip = stack_peek(s, in, 0, n);
    sel = stack_peek(s, in, n, n);
    flags = stack_peek(s, in, 2 * n, n);
    if (v86_limited(s)) {
        flags = iret_virtual_flags(s, in, flags);
        mask |= FLAG_VIF;
    }
    check_real_target(s, in, rip);
    sp_set(s, s->g[RSP] + 3 * n);
    flags_load(s, flags, mask);
    s->nmi_masked = 0;
    return go_real(s, sel, rip);
}

/* From ring 0 to virtual-8086 mode: nine dwords */
static const Insn *iret_v86(X86State *s, const Insn *in, uint32_t flags)
{
    static const uint8_t order[5] = { SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    uint16_t sel[5];
    uint32_t rip = stack_peek(s, in, 0, 4), cs = stack_peek(s, in, 4, 4);
    uint32_t esp = stack_peek(s, in, 12, 4);

    for (unsigned i = 0; i < 5; i++) {
        sel[i] = stack_peek(s, in, 16 + i * 4, 4);
    }
    if (rip > 0xffff) {
        soft_raise(s, in, EXC_GP, 0);
    }
    flags_load(s, flags, ~0u);
    seg_load_real(s, SEG_CS, cs);
    for (unsigned i = 0; i < 5; i++) {
        seg_load_real(s, order[i], sel[i]);
    }
    s->g[RSP] = esp;
    s->rip = rip;
    s->nmi_masked = 0;
    soft_hflags(s);
    return NULL;
}

static const Insn *iret_task(X86State *s, const Insn *in)
{
    uint16_t sel = soft_sys_ld(s, in, s->tr.base, 2);
    Desc tss;

    if ((sel & 4) || !desc_read(s, in, sel, &tss)) {
        soft_raise(s, in, EXC_TS, sel & ~3);
    }
    s->nmi_masked = 0;
    task_switch(s, in, sel, &tss, TASK_IRET, insn_next_rip(s, in), false, 0);
    return NULL;
}

static const Insn *iret_prot(X86State *s, const Insn *in)
{
    Return r = { .size = in->osz, .slots = 3 };
    uint64_t flags, mask = iret_flag_mask(s, r.size);
    Desc code;

    if (s->rflags & FLAG_NT) {
        if (long_mode(s)) {
            soft_raise(s, in, EXC_GP, 0);
        }
        return iret_task(s, in);
    }
    r.rip = stack_peek(s, in, 0, r.size);
    r.cs = stack_peek(s, in, r.size, r.size);
    flags = stack_peek(s, in, 2 * r.size, r.size);
    if ((flags & FLAG_VM) && r.size == 4 && soft_cpl(s) == 0 && !long_mode(s)) {
        return iret_v86(s, in, flags);
    }
    code = return_code(s, in, r.cs);
    r.outer = (r.cs & 3u) > soft_cpl(s);
    /* 64-bit code always pops SS:RSP */
    r.with_stack = r.outer || (s->hflags & H_CS64);
    if (r.with_stack) {
        r.rsp = stack_peek(s, in, 3 * r.size, r.size);
        r.ss = stack_peek(s, in, 4 * r.size, r.size);
    }
    far_return(s, in, &r, &code);
    flags_load(s, flags, mask);
    s->nmi_masked = 0;
    soft_hflags(s);
    return NULL;
}

H(iret_all)
{
    RET(prot_mode(s) ? iret_prot(s, in) : iret_real(s, in));
}
FAMILY_ALL(iret, iret_all);

/* ---- software interrupts ---- */

/* The bit of the redirection bitmap, 32 bytes below the I/O bitmap: set, it is the monitor's. */
static bool int_is_monitors(X86State *s, const Insn *in, unsigned n)
{
    uint32_t at;

    if (!(s->tr.attr & 8) || s->tr.limit < 103) {
        return true;
    }
    at = soft_sys_ld(s, in, s->tr.base + 102, 2) - 32u + n / 8;
    if (at > s->tr.limit) {
        soft_raise(s, in, EXC_GP, 0);
    }
    return soft_sys_ld(s, in, s->tr.base + at, 1) >> (n & 7) & 1;
}

/* VME: through the interrupt table at 0, as real mode does, without leaving virtual-8086 mode. */
static const Insn *int_redirected(X86State *s, const Insn *in, unsigned n)
{
    uint32_t entry = soft_sys_ld(s, in, n * 4, 4);
    uint64_t flags = x86_flags(s) & ~(uint64_t)FLAG_RF;
    bool limited = v86_limited(s);
    Stack k = stack_now(s, 2);

    if (limited) {
        flags = (flags & ~(uint64_t)FLAG_IF) | FLAG_IOPL | (flags & FLAG_VIF ? FLAG_IF : 0);
    }
    stack_push(&k, flags);
    stack_push(&k, s->seg[SEG_CS].sel);
    stack_push(&k, insn_next_rip(s, in));
    stack_write(&k, in);
    stack_set_sp(s, &k.ss, k.sp);
    s->rflags &= ~(uint64_t)(FLAG_TF | FLAG_RF | FLAG_NT | (limited ? FLAG_VIF : FLAG_IF));
    return go_real(s, entry >> 16, entry & 0xffff);
}

H(int_by_number)
{
    unsigned n = in->imm & 0xff;

    if ((s->rflags & FLAG_VM) && (s->cr4 & CR4_VME) && !int_is_monitors(s, in, n)) {
        RET(int_redirected(s, in, n));
    }
    if (v86_limited(s)) {
        soft_raise(s, in, EXC_GP, 0);
    }
    soft_interrupt(s, in, n, EVENT_INT_N);
    RET(NULL);
}
FAMILY_ALL(int_n, int_by_number);

H(int3_all)
{
    soft_interrupt(s, in, EXC_BP, EVENT_INT3);
    RET(NULL);
}
FAMILY_ALL(int3, int3_all);

H(into_all)
{
    if (fl_get(s) & FL_OF) {
        soft_interrupt(s, in, EXC_OF, EVENT_INT3);
        RET(NULL);
    }
    RET(insn_leave(s, in));
}
FAMILY_ALL(into, into_all);

/* ICEBP: a #DB that is neither checked against the gate's DPL nor visible in DR6 */
H(int1_all)
{
    soft_interrupt(s, in, EXC_DB, EVENT_INT1);
    RET(NULL);
}
FAMILY_ALL(int1, int1_all);

/* ---- fast system calls ---- */

static X86Seg flat_code(uint16_t sel, unsigned dpl, bool code64)
{
    return (X86Seg){ .sel = sel,
                     .limit = 0xffffffff,
                     .attr = SEG_P | SEG_S | SEG_CODE | SEG_RW | SEG_A | SEG_G | dpl << 5 |
                             (code64 ? SEG_L : SEG_DB) };
}

static X86Seg flat_stack(uint16_t sel, unsigned dpl)
{
    return (X86Seg){ .sel = sel,
                     .limit = 0xffffffff,
                     .attr = SEG_P | SEG_S | SEG_RW | SEG_A | SEG_G | SEG_DB | dpl << 5 };
}

/* Intel's processors know SYSCALL in 64-bit code only. */
static void syscall_check(X86State *s, const Insn *in)
{
    if (!(s->efer & EFER_SCE) || !(s->cr0 & CR0_PE) ||
        (x86_vendor_intel(s) && !(s->hflags & H_CS64))) {
        soft_raise(s, in, EXC_UD, 0);
    }
}

H(syscall_all)
{
    uint16_t sel = s->star >> 32 & 0xfffc;
    uint64_t next, rip;

    syscall_check(s, in);
    next = insn_next_rip(s, in);
    if (long_mode(s)) {
        rip = s->hflags & H_CS64 ? s->lstar : s->cstar;
        s->g[RCX] = next;
        s->g[R11] = x86_flags(s) & ~(uint64_t)FLAG_RF;
        x86_set_flags(s, x86_flags(s) & ~(s->fmask | FLAG_RF));
    } else {
        rip = s->star & 0xffffffff;
        s->g[RCX] = (uint32_t)next;
        s->rflags &= ~(uint64_t)(FLAG_IF | FLAG_VM | FLAG_RF);
    }
    s->seg[SEG_CS] = flat_code(sel, 0, long_mode(s));
    s->seg[SEG_SS] = flat_stack(sel + 8, 0);
    s->rip = rip;
    soft_env(s)->stepping = s->rflags & FLAG_TF; /* the mask may have taken it away */
    soft_hflags(s);
    RET(NULL);
}
FAMILY_ALL(syscall_, syscall_all);

H(sysret_all)
{
    uint16_t sel = s->star >> 48;
    bool to64 = in->osz == 8;

    syscall_check(s, in);
    if (soft_cpl(s) != 0) {
        soft_raise(s, in, EXC_GP, 0);
    }
    if (to64 && x86_vendor_intel(s) && (uint64_t)((int64_t)(s->g[RCX] << 16) >> 16) != s->g[RCX]) {
        soft_raise(s, in, EXC_GP, 0);
    }
    if (long_mode(s)) {
        flags_load(s, s->g[R11] & ~(uint64_t)(FLAG_RF | FLAG_VM), 0x3f7fd7);
    } else {
        s->rflags |= FLAG_IF;
    }
    s->seg[SEG_CS] = flat_code((to64 ? sel + 16 : sel) | 3, 3, to64);
    s->seg[SEG_SS] = flat_stack((sel + 8) | 3, 3);
    s->rip = to64 ? s->g[RCX] : (uint32_t)s->g[RCX];
    soft_hflags(s);
    RET(NULL);
}
FAMILY_ALL(sysret, sysret_all);

/* AMD's processors have no SYSENTER in long mode. */
static void sysenter_check(X86State *s, const Insn *in)
{
    if (long_mode(s) && !x86_vendor_intel(s)) {
        soft_raise(s, in, EXC_UD, 0);
    }
    if (!(s->cr0 & CR0_PE) || !(s->sysenter_cs & 0xfffc)) {
        soft_raise(s, in, EXC_GP, 0);
    }
}

H(sysenter_all)
{
    uint16_t sel = s->sysenter_cs & 0xfffc;
    bool lm = long_mode(s);

    sysenter_check(s, in);
    s->rflags &= ~(uint64_t)(FLAG_VM | FLAG_IF | FLAG_RF);
    s->seg[SEG_CS] = flat_code(sel, 0, lm);
    s->seg[SEG_SS] = flat_stack(sel + 8, 0);
    s->g[RSP] = lm ? s->sysenter_esp : (uint32_t)s->sysenter_esp;
    s->rip = lm ? s->sysenter_eip : (uint32_t)s->sysenter_eip;
    soft_hflags(s);
    RET(NULL);
}
FAMILY_ALL(sysenter, sysenter_all);

H(sysexit_all)
{
    uint16_t sel = s->sysenter_cs & 0xfffc;
    bool to64 = in->osz == 8;
    uint64_t rip = to64 ? s->g[RDX] : (uint32_t)s->g[RDX];
    uint64_t rsp = to64 ? s->g[RCX] : (uint32_t)s->g[RCX];

    sysenter_check(s, in);
    if (soft_cpl(s) != 0 || (to64 && ((uint64_t)((int64_t)(rip << 16) >> 16) != rip ||
                                      (uint64_t)((int64_t)(rsp << 16) >> 16) != rsp))) {
        soft_raise(s, in, EXC_GP, 0);
    }
    s->seg[SEG_CS] = flat_code((sel + (to64 ? 32 : 16)) | 3, 3, to64);
    s->seg[SEG_SS] = flat_stack((sel + (to64 ? 40 : 24)) | 3, 3);
    s->g[RSP] = rsp;
    s->rip = rip;
    soft_hflags(s);
    RET(NULL);
}
FAMILY_ALL(sysexit, sysexit_all);
