/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delivery of exceptions and interrupts: IVT in real mode, IDT in protected, virtual-8086 and long
 * mode; double and triple faults. Source: Intel SDM 3A, chapter 6; INT n in volume 2.
 *
 * A delivery commits nothing before its last check, so a fault on the way leaves the state of the
 * first event and the rules of the double fault apply. Task gates are the exception: see task.c.
 */
#include <inttypes.h>

#include "accel/soft/decode.h"
#include "accel/soft/ops.h"
#include "accel/soft/seg.h"
#include "core/vcpu.h"
#include "util/log.h"

typedef struct Event {
    int vector;
    bool has_error;
    uint32_t error;
    EventKind kind;
    uint64_t rip; /* pushed */
} Event;

_Noreturn void soft_raise(X86State *s, const Insn *in, int vector, uint32_t error)
{
    SoftEnv *env = soft_env(s);

    if (in) {
        s->rip = insn_rip(s, in);
    }
    env->exc_vector = vector;
    env->exc_error = error;
    __builtin_longjmp(env->jump, 1);
}

bool soft_vector_has_error(int vector)
{
    return vector == EXC_DF || (vector >= EXC_TS && vector <= EXC_PF) || vector == EXC_AC;
}

static bool event_is_soft(const Event *ev)
{
    return ev->kind == EVENT_INT_N || ev->kind == EVENT_INT3;
}

/* EXT bit of error codes that arise on the way */
static unsigned event_ext(const Event *ev)
{
    return event_is_soft(ev) ? 0 : 1;
}

/* ---- the flags that are pushed, and what is left of them ---- */

static uint64_t flags_image(const X86State *s, const Event *ev)
{
    uint64_t f = x86_flags(s);

    /* a fault's image has RF, so that an instruction breakpoint is not hit again; #DB has not,
     * unless a breakpoint interrupted an instruction that had it */
    if (ev->kind == EVENT_FAULT && ev->vector != EXC_DB) {
        f |= FLAG_RF;
    }
    return f;
}

static void flags_after(X86State *s, uint64_t clear)
{
    s->rflags &= ~(clear | FLAG_TF | FLAG_RF);
}

static void event_done(X86State *s, const Event *ev)
{
    if (ev->kind == EVENT_NMI) {
        s->nmi_masked = 1;
    }
    if (ev->vector == EXC_DB && ev->kind != EVENT_INT_N) {
        s->dr[7] &= ~(1ull << 13); /* GD */
    }
    s->shadow = 0;
    soft_env(s)->stepping = false; /* TF is clear now: no trap after INT n */
    soft_hflags(s);
}

/* ---- real mode ---- */

static void deliver_real(X86State *s, const Event *ev)
{
    Stack k = stack_now(s, 2);
    uint32_t entry, off = ev->vector * 4;

    if (off + 3 > s->idt.limit) {
        soft_raise(s, NULL, EXC_GP, 0);
    }
    entry = soft_sys_ld(s, NULL, s->idt.base + off, 4);
    stack_push(&k, flags_image(s, ev));
    stack_push(&k, s->seg[SEG_CS].sel);
    stack_push(&k, ev->rip);
    stack_write(&k, NULL);
    stack_set_sp(s, &k.ss, k.sp);
    flags_after(s, FLAG_IF | FLAG_AC);
    s->seg[SEG_CS].sel = entry >> 16;
    s->seg[SEG_CS].base = (entry >> 16) << 4;
    s->rip = entry & 0xffff;
    event_done(s, ev);
}

/* ---- protected mode ---- */

static Desc gate_read(X86State *s, const Event *ev, bool long_mode)
{
    unsigned size = long_mode ? 16 : 8;
    uint32_t off = ev->vector * size, error = off / size * 8 + 2 + event_ext(ev);
    Desc g = { 0 };
    unsigned type;

    if (off + size - 1 > s->idt.limit) {
        soft_raise(s, NULL, EXC_GP, error);
    }
    uint64_t raw = soft_sys_ld(s, NULL, s->idt.base + off, 8);
    g.lo = raw;
    g.hi = raw >> 32;
    g.attr = g.hi >> 8 & 0xff;
    if (long_mode) {
        g.hi_base = soft_sys_ld(s, NULL, s->idt.base + off + 8, 4);
    }
    type = g.attr & 0x1f; /* the S bit must be 0 */
    if (!(type == SYS_INT32 || type == SYS_TRAP32 ||
          (!long_mode && (type == SYS_TASK || type == SYS_INT16 || type == SYS_TRAP16)))) {
        soft_raise(s, NULL, EXC_GP, error);
    }
    if (event_is_soft(ev) && attr_dpl(g.attr) < soft_cpl(s)) {
        soft_raise(s, NULL, EXC_GP, error);
    }
    if (!(g.attr & SEG_P)) {
        soft_raise(s, NULL, EXC_NP, error);
    }
    return g;
}

/* The code segment a gate leads to; *cpl is the level it will run at. */
static X86Seg gate_code(X86State *s, const Event *ev, const Desc *gate, bool long_mode,
                        unsigned *cpl)
{
    uint16_t sel = gate_selector(gate);
    unsigned ext = event_ext(ev);
    uint32_t error = (sel & ~3) | ext;
    Desc d;
    X86Seg cs;

    if (!(sel & ~3)) {
        soft_raise(s, NULL, EXC_GP, ext);
    }
    d = desc_need(s, NULL, sel, EXC_GP, ext);
    if (!attr_is_code(d.attr) || attr_dpl(d.attr) > *cpl ||
        (long_mode && (d.attr & (SEG_L | SEG_DB)) != SEG_L)) {
        soft_raise(s, NULL, EXC_GP, error);
    }
    if (!(d.attr & SEG_P)) {
        soft_raise(s, NULL, EXC_NP, error);
    }
    if (!attr_is_conforming(d.attr)) {
        *cpl = attr_dpl(d.attr);
    }
    if ((s->rflags & FLAG_VM) && *cpl != 0) {
        soft_raise(s, NULL, EXC_GP, error);
    }
    cs = desc_load(s, NULL, &d, sel);
    cs.sel = (sel & ~3) | *cpl;
    return cs;
}

static void push_frame(Stack *k, const Event *ev, bool with_stack, uint64_t error)
{
    X86State *s = k->s;

    if (s->rflags & FLAG_VM) {
        stack_push(k, s->seg[SEG_GS].sel);
        stack_push(k, s->seg[SEG_FS].sel);
        stack_push(k, s->seg[SEG_DS].sel);
        stack_push(k, s->seg[SEG_ES].sel);
    }
    if (with_stack) {
        stack_push(k, s->seg[SEG_SS].sel);
        stack_push(k, s->g[RSP]);
    }
    stack_push(k, flags_image(s, ev));
    stack_push(k, s->seg[SEG_CS].sel);
    stack_push(k, ev->rip);
    if (ev->has_error) {
        stack_push(k, error);
    }
}

static void finish_gate(X86State *s, const Event *ev, const Desc *gate, const X86Seg *cs,
                        uint64_t rip)
{
    bool is_int = attr_type(gate->attr) == SYS_INT32 || attr_type(gate->attr) == SYS_INT16;

    if (s->rflags & FLAG_VM) {
        /* GS FS DS ES were pushed and are of no use to ring 0 */
        s->seg[SEG_ES] = s->seg[SEG_DS] = s->seg[SEG_FS] = s->seg[SEG_GS] = seg_null(0);
    }
    flags_after(s, FLAG_NT | FLAG_VM | (is_int ? FLAG_IF : 0));
    s->seg[SEG_CS] = *cs;
    s->rip = rip;
    event_done(s, ev);
}

static void deliver_prot(X86State *s, const Event *ev)
{
    Desc gate = gate_read(s, ev, false);
    bool gate32 = attr_type(gate.attr) & 8;
    unsigned cpl = soft_cpl(s), old_cpl = cpl, size = gate32 ? 4 : 2;
    uint64_t rip = gate32 ? gate_offset(&gate) : gate_offset(&gate) & 0xffff;
    X86Seg cs;
    Stack k;

    if (attr_type(gate.attr) == SYS_TASK) {
        uint16_t sel = gate_selector(&gate);
        Desc tss = desc_need(s, NULL, sel, EXC_GP, event_ext(ev));

        task_switch(s, NULL, sel, &tss, TASK_GATE, ev->rip, ev->has_error, ev->error);
        event_done(s, ev);
        return;
    }
    cs = gate_code(s, ev, &gate, false, &cpl);
    if (cpl < old_cpl) {
        uint16_t sel;
        uint32_t esp;
        tss_stack(s, NULL, cpl, event_ext(ev), &sel, &esp);
        X86Seg ss = stack_seg(s, NULL, sel, cpl, EXC_TS, event_ext(ev));
        k = stack_new(s, &ss, esp, cpl, size);
        k.error = (sel & ~3) | event_ext(ev);
    } else {
        k = stack_now(s, size);
        k.size = size;
        k.error = event_ext(ev);
    }
    push_frame(&k, ev, cpl < old_cpl, ev->error);
    target_check(s, NULL, &cs, rip, event_ext(ev));
    stack_write(&k, NULL);
    if (cpl < old_cpl) {
        s->seg[SEG_SS] = k.ss;
        s->g[RSP] = k.ss.attr & SEG_DB ? (uint32_t)k.sp : k.sp & 0xffff;
    } else {
        stack_set_sp(s, &k.ss, k.sp);
    }
    finish_gate(s, ev, &gate, &cs, rip);
}

/* ---- long mode ---- */

static void deliver_long(X86State *s, const Event *ev)
{
    Desc gate = gate_read(s, ev, true);
    unsigned cpl = soft_cpl(s), old_cpl = cpl, ist = gate.hi & 7;
    uint64_t rip = gate_offset(&gate), sp = s->g[RSP];
    X86Seg cs = gate_code(s, ev, &gate, true, &cpl), ss = s->seg[SEG_SS];
    Stack k;

    if (ist) {
        sp = tss_stack64(s, NULL, 3 + ist, event_ext(ev));
    } else if (cpl < old_cpl) {
        sp = tss_stack64(s, NULL, cpl, event_ext(ev));
    }
    if (cpl < old_cpl) {
        ss = seg_null(cpl);
    }
    target_check(s, NULL, &cs, rip, event_ext(ev));
    k = stack_new(s, &ss, sp & ~15ull, cpl, 8);
    k.long_mode = true;
    k.mask = ~0ull;
    k.error = event_ext(ev);
    push_frame(&k, ev, true, ev->error);
    stack_write(&k, NULL);
    s->seg[SEG_SS] = ss;
    s->g[RSP] = k.sp;
    finish_gate(s, ev, &gate, &cs, rip);
}

static void event_log(const X86State *s, const Event *ev)
{
    static const char kinds[] = { [EVENT_FAULT] = 'f', [EVENT_INT_N] = 's', [EVENT_INT1] = 's',
                                  [EVENT_INT3] = 's',  [EVENT_EXT] = 'e',   [EVENT_NMI] = 'n' };

    log_print("int: CPU %u: v=%02x e=%04x %c cpl=%u IP=%04x:%016" PRIx64 " SP=%04x:%016" PRIx64
              " CR2=%016" PRIx64 " EAX=%016" PRIx64 "\n",
              s->vcpu->index, ev->vector, ev->error, kinds[ev->kind], soft_cpl(s),
              s->seg[SEG_CS].sel, ev->rip, s->seg[SEG_SS].sel, s->g[RSP], s->cr2, s->g[RAX]);
}

static void deliver(X86State *s, const Event *ev)
{
    if (log_on(LOG_INT)) {
        event_log(s, ev);
    }
    if (!(s->cr0 & CR0_PE)) {
        deliver_real(s, ev);
    } else if (s->efer & EFER_LMA) {
        deliver_long(s, ev);
    } else {
        deliver_prot(s, ev);
    }
}

/* ---- faults on the way ---- */

typedef enum { BENIGN, CONTRIBUTORY, PAGE } FaultClass;

static FaultClass fault_class(const Event *ev)
{
    if (ev->kind != EVENT_FAULT) {
        return BENIGN;
    }
    switch (ev->vector) {
    case EXC_DE:
    case EXC_TS:
    case EXC_NP:
    case EXC_SS:
    case EXC_GP: return CONTRIBUTORY;
    case EXC_PF: return PAGE;
    default: return BENIGN;
    }
}

/* Its own function: a longjmp may come from anywhere below deliver(). */
static __attribute__((noinline)) bool deliver_try(X86State *s, const Event *ev)
{
    if (__builtin_setjmp(soft_env(s)->jump)) {
        return false;
    }
    deliver(s, ev);
    return true;
}

/* false: a triple fault */
static bool event_combine(Event *ev, const Event *second)
{
    FaultClass a = fault_class(ev), b = fault_class(second);
    uint64_t rip = ev->rip;

    if (ev->vector == EXC_DF && ev->kind == EVENT_FAULT && b != BENIGN) {
        return false;
    }
    if ((a == CONTRIBUTORY && b == CONTRIBUTORY) || (a == PAGE && b != BENIGN)) {
        *ev = (Event){ .vector = EXC_DF, .has_error = true, .kind = EVENT_FAULT };
    } else {
        *ev = *second;
    }
    ev->rip = rip;
    return true;
}

void soft_deliver(X86State *s, int vector, bool has_error, uint32_t error, EventKind kind)
{
    SoftEnv *env = soft_env(s);
    Event ev = { .vector = vector, .has_error = has_error, .error = error, .kind = kind };
    void *saved[5];

    memcpy(saved, env->jump, sizeof(saved));
    /* in real mode no vector has an error code */
    ev.rip = s->rip;
    while (!deliver_try(s, &ev)) {
        int v = env->exc_vector;
        Event second = { .vector = v,
                         .has_error = soft_vector_has_error(v),
                         .error = env->exc_error,
                         .kind = EVENT_FAULT };

        second.rip = s->rip;
        if (!event_combine(&ev, &second)) {
            s->triple = 1;
            break;
        }
        /* a task switch may have got past its commit point: the fault belongs to the new task */
        ev.rip = s->rip;
    }
    memcpy(env->jump, saved, sizeof(saved));
}

void soft_interrupt(X86State *s, const Insn *in, int vector, EventKind kind)
{
    Event ev = { .vector = vector, .kind = kind, .rip = insn_next_rip(s, in) };

    /* INT n is benign: whatever happens on the way is an ordinary fault of this instruction */
    s->rip = insn_rip(s, in);
    deliver(s, &ev);
}
