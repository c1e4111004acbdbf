/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dispatcher: events at instruction boundaries, then blocks until something wants it back.
 * Everything asynchronous ends in Vcpu.request, which taken branches and repeated strings test.
 *
 * Order at a boundary: what the last instruction trapped into (#DB), NMI, interrupt, instruction
 * breakpoint. After STI, MOV SS and POP SS one instruction runs with none of the asynchronous ones.
 */
#include <inttypes.h>
#include <string.h>

#include "accel/soft/jump.h"
#include "accel/soft/rows.h"
#include "accel/x86/registers.h"
#include "core/irqchip.h"
#include "core/vm.h"
#include "util/log.h"

/* ---- hflags ---- */
static bool seg_flat(const X86Seg *g)
{
    const uint32_t ask = SEG_S | SEG_P | SEG_RW | SEG_CE | SEG_CODE | SEG_NULL;
    return g->base == 0 && g->limit == 0xffffffff && (g->attr & ask) == (SEG_S | SEG_P | SEG_RW);
}

static bool code_flat(const X86Seg *g)
{
    return g->base == 0 && g->limit == 0xffffffff && g->attr & SEG_DB;
}

static uint32_t hflags_protected(const X86State *s)
{
    uint32_t h = H_PE | (s->rflags & FLAG_VM ? H_VM | H_CPL : 0);
    if (!(h & H_VM)) {
        h |= (s->seg[SEG_SS].attr & SEG_DPL) >> 5 << H_CPL_SHIFT;
    }
    if (s->efer & EFER_LMA) {
        h |= H_LMA | (s->seg[SEG_CS].attr & SEG_L ? H_CS64 : 0);
    }
    return h;
}

/* Where the guest looks at every instruction, a block is one. */
static bool wants_one(const X86State *s)
{
    const SoftEnv *env = (const SoftEnv *)s;
    return s->rflags & FLAG_TF || env->watch || env->watch_code || env->chaos & CHAOS_ONE ||
           log_on(LOG_EXEC | LOG_CPU);
}

void soft_hflags(X86State *s)
{
    uint32_t h = s->cr0 & CR0_PE ? hflags_protected(s) : 0;

    h |= s->seg[SEG_CS].attr & SEG_DB && !(h & H_CS64) ? H_CS32 : 0;
    h |= s->seg[SEG_SS].attr & SEG_DB ? H_SS32 : 0;
    h |= seg_flat(&s->seg[SEG_DS]) ? H_FLAT_DS : 0;
    h |= seg_flat(&s->seg[SEG_ES]) ? H_FLAT_ES : 0;
    h |= seg_flat(&s->seg[SEG_SS]) ? H_FLAT_SS : 0;
    h |= code_flat(&s->seg[SEG_CS]) ? H_FLAT_CS : 0;
    if (h & H_CS64) {
        h &= ~(H_SS32 | H_FLAT_DS | H_FLAT_ES | H_FLAT_SS | H_FLAT_CS);
    }
    h |= s->cr0 & (CR0_EM | CR0_TS) ? H_NOFPU : 0;
    h |= s->cr0 & CR0_TS ? H_TS : 0;
    h |= s->cr4 & CR4_OSFXSR ? H_OSFXSR : 0;
    h |= s->cr4 & CR4_OSXSAVE ? H_OSXSAVE : 0;
    h |= s->cr4 & CR4_OSXSAVE && (s->xcr0 & 6) == 6 ? H_AVX : 0;
    h |= wants_one(s) ? H_ONE : 0;
    s->hflags = h;
    soft_tlb_select(s);
}

/* ---- targets ---- */
static bool cs_flat(const X86State *s)
{
    return s->hflags & (H_CS64 | H_FLAT_CS);
}

static bool target_ok(const X86State *s, uint64_t to)
{
    if (s->hflags & H_CS64) {
        return (int64_t)to >> 47 == (int64_t)to >> 63;
    }
    return to <= s->seg[SEG_CS].limit;
}

void soft_check_target(X86State *s, const Insn *in, uint64_t to)
{
    if (UNLIKELY(!target_ok(s, to))) {
        soft_raise(s, in, EXC_GP, 0);
    }
}

static uint64_t code_linear(const X86State *s, uint64_t rip)
{
    return s->hflags & H_CS64 ? rip : (uint32_t)(s->seg[SEG_CS].base + rip);
}

/* CS ends inside this page: then even one instruction may reach over the limit. */
static bool limit_in_page(const X86State *s, uint64_t rip, uint64_t la)
{
    return !cs_flat(s) && rip + (4095 - (la & 4095)) > s->seg[SEG_CS].limit;
}

/* The block at rip; raises fetch faults there. */
static Block *block_lookup(X86State *s, uint32_t hflags)
{
    uint64_t la = code_linear(s, s->rip);
    const JumpCache *j = jc_slot(s, s->rip);
    Block *b;

    if (j->pc == s->rip && j->b && j->b->hflags == hflags && cs_flat(s)) {
        return j->b; /* its entry was checked when it was made */
    }
    if (!target_ok(s, s->rip)) {
        soft_raise(s, NULL, EXC_GP, 0);
    }
    if (LIKELY(!limit_in_page(s, s->rip, la))) {
        return block_at(s, la, hflags);
    }
    b = block_at(s, la, hflags | H_ONE);
    if (s->rip + b->len - 1 > s->seg[SEG_CS].limit) {
        soft_raise(s, NULL, EXC_GP, 0);
    }
    return b;
}

/* ---- jumps that are not linked yet ---- */
/* gen: blocks_generation() while in was good for certain. */
static bool may_link(const X86State *s, const Insn *in, const Block *b, uint64_t to, unsigned gen)
{
    if (gen != blocks_generation()) {
        return false;
    }
    uint64_t from = insn_rip(s, in), raw = s->g[G_RIPBASE] + in->imm;
    unsigned kind = in->row ? in->row->a : J;
    return (kind == J || kind == JB) && raw == to && !b->host2 && in->fn != insn_stale &&
           (code_linear(s, from) ^ code_linear(s, to)) < 4096;
}

static bool may_cache(const X86State *s, const Block *b)
{
    return !b->host2 && cs_flat(s);
}

/* The page of la was just fetched from. */
void soft_jc_put(X86State *s, uint64_t la, Block *b)
{
    SoftEnv *env = soft_env(s);
    const FetchTlb *f = &env->fetch[(s->hflags & H_CPL) == H_CPL][la >> 12 & (FETCH_SIZE - 1)];

    env->jc_local |= la >> 63 && !(f->la == (la & ~0xfffull) && f->global);
    *jc_slot(s, la) = (JumpCache){ la, b };
}

const Insn *soft_jump_slow(X86State *s, const Insn *in, uint64_t to)
{
    unsigned gen = blocks_generation();
    Block *b;

    soft_check_target(s, in, to);
    s->rip = to;
    if (request_pending(s) || s->hflags & H_ONE) {
        return NULL;
    }
    b = block_lookup(s, s->hflags);
    if (b->hflags != s->hflags) {
        return NULL; /* for one use, or killed already: the dispatcher runs it */
    }
    if (may_link(s, in, b, to, gen)) {
        __atomic_store_n(&((Insn *)in)->disp, (int64_t)(uintptr_t)b, __ATOMIC_RELEASE);
    } else if (may_cache(s, b)) {
        soft_jc_put(s, to, b);
    }
    return block_enter(s, b, to);
}

uint64_t insn_next_rip(const X86State *s, const Insn *in)
{
    uint64_t rip = insn_rip(s, in) + in->len;
    return s->hflags & H_CS64 ? rip : (uint32_t)rip;
}

const Insn *insn_leave(X86State *s, const Insn *in)
{
    s->rip = insn_next_rip(s, in);
    return NULL;
}

/* ---- the ends of blocks ---- */
const Insn *insn_close(X86State *s, const Insn *in)
{
    if (in->disp || !cs_flat(s)) {
        RET(jump_direct(s, in));
    }
    RET(jump_indirect(s, in, jump_target(s, in)));
}

const Insn *insn_close_one(X86State *s, const Insn *in)
{
    s->rip = s->hflags & H_CS64 ? insn_rip(s, in) : (uint32_t)insn_rip(s, in);
    return NULL;
}

const Insn *insn_stale(X86State *s, const Insn *in)
{
    return insn_close_one(s, in);
}

/* ---- locked accesses that no host instruction can do ---- */
typedef struct Exclusive {
    X86State *s;
    const Insn *in;
    RmwFn *fn;
    bool done;
} Exclusive;

/* A fault cannot leave from here: the caller raises it outside. */
static void exclusive_try(void *arg)
{
    Exclusive *x = arg;
    SoftEnv *env = soft_env(x->s);
    void *outer[5];

    memcpy(outer, env->jump, sizeof(outer));
    if (!__builtin_setjmp(env->jump)) {
        x->fn(x->s, x->in);
        x->done = true;
    }
    memcpy(env->jump, outer, sizeof(outer));
}

/* The copy: while this vCPU waits, the arena of blocks may start over. */
const Insn *insn_exclusive(X86State *s, const Insn *in, RmwFn *fn)
{
    Insn copy = *in;
    Exclusive x = { s, &copy, fn, false };

    if (s->vcpu->vm->n_vcpus < 2) {
        fn(s, &copy);
        return insn_leave(s, &copy);
    }
    vcpus_exclusive(s->vcpu->vm, exclusive_try, &x);
    if (!x.done) {
        soft_raise(s, &copy, soft_env(s)->exc_vector, soft_env(s)->exc_error);
    }
    return insn_leave(s, &copy);
}

/* ---- events ---- */
static void take_dr6(X86State *s, uint64_t bits)
{
    s->dr[6] = (s->dr[6] & ~15ull) | bits;
    atomic_store(&s->vcpu->halted, false); /* also the HLT that was stepped over */
    soft_deliver(s, EXC_DB, false, 0, EVENT_FAULT);
}

/* An injected event (restored by put) comes before everything else. */
static void take_injected(X86State *s)
{
    X86Event e = s->event;
    s->event.valid = 0;
    atomic_store(&s->vcpu->halted, false);
    soft_deliver(s, e.vector, e.has_error, e.error, e.soft ? EVENT_INT_N : EVENT_EXT);
}

static bool take_nmi(X86State *s)
{
    if (!s->nmi_pending || s->nmi_masked || s->shadow) {
        return false;
    }
    s->nmi_pending = 0;
    atomic_store(&s->vcpu->halted, false);
    soft_deliver(s, EXC_NMI, false, 0, EVENT_NMI);
    return true;
}

static bool take_interrupt(X86State *s)
{
    SoftEnv *env = soft_env(s);
    const LapicOps *lapic = s->vcpu->vm->lapic;
    int vector;

    if (!env->look || !(s->rflags & FLAG_IF) || s->shadow || !lapic) {
        return false;
    }
    if (lapic->pending(s->vcpu) < 0) {
        env->look = false;
        return false;
    }
    atomic_store(&s->vcpu->halted, false);
    vector = lapic->ack(s->vcpu); /* a PIC's vector is fetched under the lock */
    soft_obey_map(s);
    if (vector < 0) {
        return false;
    }
    soft_deliver(s, vector, false, 0, EVENT_EXT);
    return true;
}

/* An instruction breakpoint at rip, which RF of the image silences once. */
static bool take_breakpoint(X86State *s)
{
    SoftEnv *env = soft_env(s);
    uint64_t la = code_linear(s, s->rip), hit = 0;

    if (!env->watch_code || s->rflags & FLAG_RF) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        hit |= env->watch_code >> i & 1 && s->dr[i] == la ? 1ull << i : 0;
    }
    if (hit) {
        take_dr6(s, hit);
    }
    return hit;
}

/* ---- blocks ---- */
static void insns_run(X86State *s, const Insn *in)
{
    do {
        in = in->fn(s, in);
    } while (in);
}

/* -d exec, cpu: blocks are of one instruction then (wants_one). */
static void step_log(const X86State *s)
{
    if (!log_wants_pc(s->rip)) {
        return;
    }
    if (log_on(LOG_EXEC)) {
        log_print("exec: CPU %u: %04x:%016" PRIx64 "\n", s->vcpu->index, s->seg[SEG_CS].sel,
                  s->rip);
    }
    if (log_on(LOG_CPU)) {
        registers_log("", s, s->vcpu->a20, false);
    }
}

/* One block or many, until the dispatcher is wanted; then the traps of the last instruction. */
static void run_blocks(X86State *s)
{
    SoftEnv *env = soft_env(s);
    uint64_t resume = s->rflags & FLAG_RF, bits;
    bool shadow = s->shadow;

    s->hflags |= shadow ? H_ONE : 0;
    Block *b = block_lookup(s, s->hflags);
    /* never one with H_ONE: jumps would pass by the dispatcher */
    if (!(s->hflags & H_ONE) && may_cache(s, b) && b->hflags == s->hflags) {
        soft_jc_put(s, s->rip, b);
    }
    s->shadow = 0;
    env->stepping = s->rflags & FLAG_TF;
    if (UNLIKELY(log_on(LOG_EXEC | LOG_CPU))) {
        step_log(s);
    }
    insns_run(s, block_enter(s, b, s->rip));
    if (shadow && !wants_one(s)) {
        s->hflags &= ~H_ONE;
    }
    s->rflags &= ~resume;
    bits = env->dr6_pending | (env->stepping ? SOFT_DR6_BS : 0);
    if (UNLIKELY(bits && s->shadow != 2)) {
        env->dr6_pending = 0;
        take_dr6(s, bits);
    }
}

static bool must_return(const X86State *s)
{
    return request_pending(s) || atomic_load_explicit(&s->vcpu->halted, memory_order_relaxed) ||
           s->triple;
}

static void run_until_request(X86State *s)
{
    if (s->event.valid) {
        take_injected(s);
    }
    for (;;) {
        bool taken = take_nmi(s) || take_interrupt(s);

        /* also between two deliveries: a guest may have one at every boundary */
        if (must_return(s)) {
            return;
        }
        if (taken) {
            continue;
        }
        if (take_breakpoint(s)) {
            continue;
        }
        run_blocks(s);
    }
}

/* Apart from its caller: a builtin longjmp must not land in the function that was left. */
static __attribute__((noinline)) bool run_guarded(X86State *s)
{
    SoftEnv *env = soft_env(s);

    if (__builtin_setjmp(env->jump)) {
        return false;
    }
    run_until_request(s);
    return true;
}

RunStop soft_run(Vcpu *v)
{
    X86State *s = v->x86;
    SoftEnv *env = soft_env(s);

    env->look = true;
    while (!run_guarded(s)) {
        env->dr6_pending = 0;
        soft_deliver(s, env->exc_vector, soft_vector_has_error(env->exc_vector), env->exc_error,
                     EVENT_FAULT);
        if (s->triple) {
            break;
        }
    }
    return RUN_OK;
}
