/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory as instructions see it: segment check, software TLB, page walk, RAM or device.
 * A tag is -page, so la + tag is the offset in the page on a hit and one compare with 4096 - size
 * tests page and crossing together. What must not be fast has no tag: devices, the LAPIC page, ROM
 * for stores, pages with decoded code, clean pages, data breakpoints, alignment checking.
 *
 * Memory order: an access inside a page is one relaxed host access of exactly its size.
 */
#include <inttypes.h>
#include <string.h>

#include "accel/soft/decode.h"
#include "accel/soft/env.h"
#include "accel/x86/cpuid.h"
#include "core/vcpu.h"
#include "util/log.h"

static unsigned tlb_index(uint64_t la)
{
    return la >> 12 & (TLB_SIZE - 1);
}

static bool la_canonical(uint64_t la)
{
    return (uint64_t)((int64_t)(la << 16) >> 16) == la;
}

static void jump_flush(SoftEnv *env, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        env->jc[i].b = NULL;
        env->jc[i].pc = TLB_EMPTY;
    }
    env->jc_local &= n < JC_SIZE;
}

static void jump_drop_page(SoftEnv *env, uint64_t la)
{
    for (unsigned i = 0; i < JC_SIZE; i++) {
        if ((env->jc[i].pc ^ la) < 4096) {
            env->jc[i].b = NULL;
        }
    }
}

static void mode_flush(SoftEnv *env, unsigned m)
{
    if (env->tlb_clean >> m & 1) {
        return;
    }
    for (unsigned i = 0; i < TLB_SIZE; i++) {
        env->tlb[m].tag_r[i] = env->tlb[m].tag_w[i] = tlb_empty(i);
    }
    memset(env->tlb_global[m], 0, sizeof(env->tlb_global[m]));
    env->tlb_clean |= 1u << m;
}

void soft_tlb_flush(X86State *s)
{
    SoftEnv *env = soft_env(s);

    for (unsigned m = 0; m < TLB_MODES; m++) {
        mode_flush(env, m);
    }
    for (unsigned i = 0; i < FETCH_SIZE; i++) {
        env->fetch[0][i].la = env->fetch[1][i].la = TLB_EMPTY;
    }
    soft_walks_forget_all(env);
    jump_flush(env, JC_SIZE);
}

static bool mode_has_global(const SoftEnv *env, unsigned m)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < TLB_SIZE / 64; i++) {
        any |= env->tlb_global[m][i];
    }
    return any;
}

static void mode_drop_local(SoftEnv *env, unsigned m)
{
    if (env->tlb_clean >> m & 1) {
        return;
    }
    if (!mode_has_global(env, m)) {
        mode_flush(env, m);
        return;
    }
    for (unsigned i = 0; i < TLB_SIZE; i++) {
        if (!(env->tlb_global[m][i / 64] >> i % 64 & 1)) {
            env->tlb[m].tag_r[i] = env->tlb[m].tag_w[i] = tlb_empty(i);
        }
    }
}

void soft_tlb_drop_local(X86State *s)
{
    SoftEnv *env = soft_env(s);

    for (unsigned m = 0; m < TLB_MODES; m++) {
        mode_drop_local(env, m);
    }
    for (unsigned i = 0; i < FETCH_SIZE; i++) {
        for (unsigned user = 0; user < 2; user++) {
            FetchTlb *f = &env->fetch[user][i];
            f->la = f->global ? f->la : TLB_EMPTY;
        }
    }
    jump_flush(env, env->jc_local ? JC_SIZE : JC_HALF);
}

/* An entry covers 4 KiB of a larger page: INVLPG anywhere in there drops everything. */
void soft_tlb_flush_page(X86State *s, uint64_t la)
{
    SoftEnv *env = soft_env(s);
    unsigned i = tlb_index(la), f = la >> 12 & (FETCH_SIZE - 1);

    if (soft_walks_large(env, la)) {
        soft_tlb_flush(s);
        return;
    }
    for (unsigned m = 0; m < TLB_MODES; m++) {
        env->tlb[m].tag_r[i] = env->tlb[m].tag_w[i] = tlb_empty(i);
    }
    env->fetch[0][f].la = env->fetch[1][f].la = TLB_EMPTY;
    soft_walks_forget_page(env, la);
    jump_drop_page(env, la & ~0xfffull);
}

void soft_tlb_protect(SoftEnv *env, const uint8_t *page)
{
    for (unsigned m = 0; m < TLB_MODES; m++) {
        Tlb *t = &env->tlb[m];
        for (unsigned i = 0; i < TLB_SIZE; i++) {
            /* -tag is the page's linear address */
            if (t->tag_w[i] != tlb_empty(i) && (uintptr_t)page == t->delta[i] - t->tag_w[i]) {
                t->tag_w[i] = tlb_empty(i);
            }
        }
    }
}

/* Which TLB ordinary accesses use. Alignment checking uses one that never holds anything. */
void soft_tlb_select(X86State *s)
{
    SoftEnv *env = soft_env(s);
    bool ac = s->rflags & FLAG_AC;

    if ((s->hflags & H_CPL) == H_CPL) {
        env->tlb_mode = ac && (s->cr0 & CR0_AM) ? TLB_ALIGN : TLB_USER;
    } else {
        env->tlb_mode = ac && (s->cr4 & CR4_SMAP) ? TLB_SYS_AC : TLB_SYS;
    }
    env->tlb_now = &env->tlb[env->tlb_mode];
}

_Noreturn static void raise_pf(X86State *s, const Insn *in, uint64_t la, uint32_t error)
{
    s->cr2 = la;
    LOG(LOG_MMU, "mmu: CPU %u: page fault at %016" PRIx64 ", error %x, CR3 %016" PRIx64 "\n",
        s->vcpu->index, la, error, s->cr3);
    soft_raise(s, in, EXC_PF, error);
}

_Noreturn static void raise_seg(X86State *s, const Insn *in, unsigned seg)
{
    soft_raise(s, in, seg == SEG_SS || seg == SEG_FLAT_SS ? EXC_SS : EXC_GP, 0);
}

/* ---- logical to linear ---- */

static bool seg_type_ok(const X86State *s, const X86Seg *sg, Access acc)
{
    if (sg->attr & SEG_NULL || !(sg->attr & SEG_P)) {
        return false;
    }
    if (!(s->hflags & H_PE) || (s->hflags & H_VM)) {
        return true;
    }
    if (acc == ACCESS_WRITE) {
        return !(sg->attr & SEG_CODE) && (sg->attr & SEG_RW);
    }
    return !(sg->attr & SEG_CODE) || (sg->attr & SEG_RW);
}

static bool seg_limit_ok(const X86Seg *sg, uint64_t ea, unsigned size)
{
    uint64_t last = ea + size - 1;

    if ((sg->attr & (SEG_CODE | SEG_CE)) == SEG_CE) {
        /* expand down: above the limit, below 64 KiB or 4 GiB */
        return ea > sg->limit && last <= (sg->attr & SEG_DB ? 0xffffffff : 0xffff);
    }
    return last <= sg->limit;
}

static uint64_t linear(X86State *s, const Insn *in, unsigned seg, uint64_t ea, unsigned size,
                       Access acc)
{
    uint64_t la = ea;

    if (s->hflags & H_CS64) {
        if (seg == SEG_FS || seg == SEG_GS) {
            la += s->seg[seg].base;
        }
        if (!la_canonical(la) || !la_canonical(la + size - 1)) {
            raise_seg(s, in, seg);
        }
        return la;
    }
    if (seg >= SEG_FLAT) {
        if (ea + size - 1 > 0xffffffff) {
            raise_seg(s, in, seg);
        }
        return ea;
    }
    if (!seg_type_ok(s, &s->seg[seg], acc) || !seg_limit_ok(&s->seg[seg], ea, size)) {
        raise_seg(s, in, seg);
    }
    return (uint32_t)(s->seg[seg].base + ea);
}

void soft_check_read(X86State *s, const Insn *in, unsigned seg, uint64_t ea, unsigned size)
{
    linear(s, in, seg, ea, size, ACCESS_READ);
}

/* ---- linear to host ---- */

typedef struct Hit {
    uint64_t phys;
    SoftPhys p;
    bool ram;
} Hit;

static bool watched_page(const SoftEnv *env, uint64_t la)
{
    for (int i = 0; i < 4; i++) {
        if (env->watch & 1 << i && (env->x86.dr[i] & ~0xfffull) == (la & ~0xfffull)) {
            return true;
        }
    }
    return false;
}

static void tlb_fill(SoftEnv *env, uint64_t la, unsigned mode, const Walk *w, const SoftPhys *p)
{
    Tlb *t = &env->tlb[mode];
    unsigned i = tlb_index(la);
    uint64_t page = la & ~0xfffull;

    if (mode == TLB_ALIGN || !p->page || (env->watch && watched_page(env, la))) {
        return;
    }
    env->tlb_clean &= ~(1u << mode);
    env->tlb_global[mode][i / 64] &= ~(1ull << i % 64);
    env->tlb_global[mode][i / 64] |= (uint64_t)w->global << i % 64;
    t->delta[i] = (uint64_t)(uintptr_t)(p->host - (la & 0xfff)) - page;
    t->tag_r[i] = -page;
    t->tag_w[i] = w->writable && p->writable && !soft_page_clean(p) ? -page : tlb_empty(i);
}

/* Walks for one byte; raises #PF. For a store the page counts as written from here on. */
static Hit resolve(X86State *s, const Insn *in, uint64_t la, Access acc, unsigned mode)
{
    Walk w = soft_walk_cached(s, la, acc, mode);
    Hit h = { .phys = w.phys };

    if (!w.ok) {
        raise_pf(s, in, la, w.error);
    }
    h.ram = soft_phys(s, w.phys, &h.p);
    if (h.ram) {
        if (acc == ACCESS_WRITE && h.p.writable) {
            soft_page_dirty(&h.p);
        }
        tlb_fill(soft_env(s), la, mode, &w, &h.p);
    }
    return h;
}

static void *tlb_hit(SoftEnv *env, unsigned mode, uint64_t la, unsigned size, bool write)
{
    Tlb *t = &env->tlb[mode];
    unsigned i = tlb_index(la);

    return la + (write ? t->tag_w[i] : t->tag_r[i]) <= 4096 - size ? (void *)(la + t->delta[i])
                                                                   : NULL;
}

static uint64_t host_ld(const void *p, unsigned size)
{
    switch (size) {
    case 1: return __atomic_load_n((const uint8_t *)p, __ATOMIC_RELAXED);
    case 2: return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
    case 4: return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
    default: return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
    }
}

static void host_st(void *p, unsigned size, uint64_t val)
{
    switch (size) {
    case 1: __atomic_store_n((uint8_t *)p, val, __ATOMIC_RELAXED); break;
    case 2: __atomic_store_n((uint16_t *)p, val, __ATOMIC_RELAXED); break;
    case 4: __atomic_store_n((uint32_t *)p, val, __ATOMIC_RELAXED); break;
    default: __atomic_store_n((uint64_t *)p, val, __ATOMIC_RELAXED); break;
    }
}

static uint64_t hit_ld(X86State *s, const Hit *h, unsigned size)
{
    /* a row of RAM may end in the middle of a page */
    if (h->ram && h->p.left >= size) {
        return host_ld(h->p.host, size);
    }
    return soft_phys_io(s, h->phys, 0, size, false);
}

static void hit_st(X86State *s, const Hit *h, unsigned size, uint64_t val)
{
    if (h->ram && h->p.left >= size) {
        if (h->p.writable) {
            host_st(h->p.host, size, val);
            soft_phys_wrote(s, &h->p, size);
            return;
        }
        if (h->p.region->kind == REGION_ROM) {
            return;
        }
    }
    soft_phys_io(s, h->phys, val, size, true);
}

static void watch_hit(X86State *s, uint64_t la, unsigned size, bool write)
{
    SoftEnv *env = soft_env(s);

    for (int i = 0; i < 4; i++) {
        static const uint8_t len_of[4] = { 1, 2, 8, 4 };
        unsigned rw = s->dr[7] >> (16 + i * 4) & 3, len = len_of[s->dr[7] >> (18 + i * 4) & 3];
        uint64_t at = s->dr[i] & ~(uint64_t)(len - 1);

        if (env->watch & 1 << i && (rw == 3 || write) && la < at + len && at < la + size) {
            env->dr6_pending |= 1 << i;
        }
    }
}

static void align_check(X86State *s, const Insn *in, uint64_t la, unsigned size)
{
    if (la & (size - 1)) {
        soft_raise(s, in, EXC_AC, 0);
    }
}

/* ---- loads and stores by linear address ---- */

/* Two pages: both are translated before anything is read. */
/*
 * Both pages before the first byte moves. Each byte looks its page up again: the second walk or a
 * device between them may have let the map change.
 */
static Hit cross_byte(X86State *s, const Hit h[2], unsigned n1, unsigned i)
{
    Hit b = { .phys = i < n1 ? h[0].phys + i : h[1].phys + (i - n1) };

    b.ram = soft_phys(s, b.phys, &b.p);
    return b;
}

static uint64_t ld_cross(X86State *s, const Insn *in, uint64_t la, unsigned size, unsigned mode)
{
    unsigned n1 = 4096 - (la & 0xfff);
    uint64_t la2 = soft_wrap(s, la + n1), val = 0;
    Hit h[2] = { resolve(s, in, la, ACCESS_READ, mode), resolve(s, in, la2, ACCESS_READ, mode) };

    for (unsigned i = 0; i < size; i++) {
        Hit b = cross_byte(s, h, n1, i);

        val |= hit_ld(s, &b, 1) << i * 8;
    }
    return val;
}

static void st_cross(X86State *s, const Insn *in, uint64_t la, unsigned size, unsigned mode,
                     uint64_t val)
{
    unsigned n1 = 4096 - (la & 0xfff);
    uint64_t la2 = soft_wrap(s, la + n1);
    Hit h[2] = { resolve(s, in, la, ACCESS_WRITE, mode), resolve(s, in, la2, ACCESS_WRITE, mode) };

    for (unsigned i = 0; i < size; i++) {
        Hit b = cross_byte(s, h, n1, i);

        hit_st(s, &b, 1, val >> i * 8 & 0xff);
    }
}

static uint64_t lin_ld(X86State *s, const Insn *in, uint64_t la, unsigned size, unsigned mode)
{
    SoftEnv *env = soft_env(s);
    const void *p = tlb_hit(env, mode, la, size, false);

    if (p) {
        return host_ld(p, size);
    }
    if (mode == TLB_ALIGN) {
        align_check(s, in, la, size);
    }
    if (env->watch) {
        watch_hit(s, la, size, false);
    }
    if ((la & 0xfff) + size > 4096) {
        return ld_cross(s, in, la, size, mode);
    }
    Hit h = resolve(s, in, la, ACCESS_READ, mode);
    return hit_ld(s, &h, size);
}

static void lin_st(X86State *s, const Insn *in, uint64_t la, unsigned size, unsigned mode,
                   uint64_t val)
{
    SoftEnv *env = soft_env(s);
    void *p = tlb_hit(env, mode, la, size, true);

    if (p) {
        host_st(p, size, val);
        return;
    }
    if (mode == TLB_ALIGN) {
        align_check(s, in, la, size);
    }
    if (env->watch) {
        watch_hit(s, la, size, true);
    }
    if ((la & 0xfff) + size > 4096) {
        st_cross(s, in, la, size, mode, val);
        return;
    }
    Hit h = resolve(s, in, la, ACCESS_WRITE, mode);
    hit_st(s, &h, size, val);
}

uint64_t soft_ld(X86State *s, const Insn *in, unsigned seg, uint64_t ea, unsigned size)
{
    return lin_ld(s, in, linear(s, in, seg, ea, size, ACCESS_READ), size, soft_env(s)->tlb_mode);
}

void soft_st(X86State *s, const Insn *in, unsigned seg, uint64_t ea, unsigned size, uint64_t val)
{
    lin_st(s, in, linear(s, in, seg, ea, size, ACCESS_WRITE), size, soft_env(s)->tlb_mode, val);
}

static void lin_probe_w(X86State *s, const Insn *in, uint64_t la, unsigned size, unsigned mode)
{
    unsigned n1 = 4096 - (la & 0xfff);

    if (!tlb_hit(soft_env(s), mode, la, 1, true)) {
        resolve(s, in, la, ACCESS_WRITE, mode);
    }
    if (size > n1) {
        la = soft_wrap(s, la + n1);
        if (!tlb_hit(soft_env(s), mode, la, 1, true)) {
            resolve(s, in, la, ACCESS_WRITE, mode);
        }
    }
}

void soft_probe_w(X86State *s, const Insn *in, unsigned seg, uint64_t ea, unsigned size)
{
    unsigned mode = soft_env(s)->tlb_mode;
    uint64_t la = linear(s, in, seg, ea, size, ACCESS_WRITE);

    if (mode == TLB_ALIGN && size <= 8) {
        align_check(s, in, la, size);
    }
    lin_probe_w(s, in, la, size, mode);
}

uint64_t soft_sys_ld(X86State *s, const Insn *in, uint64_t la, unsigned size)
{
    if (!(s->efer & EFER_LMA)) {
        la = (uint32_t)la;
    }
    return lin_ld(s, in, la, size, TLB_SYS);
}

void soft_sys_st(X86State *s, const Insn *in, uint64_t la, unsigned size, uint64_t val, bool user)
{
    if (!(s->efer & EFER_LMA)) {
        la = (uint32_t)la;
    }
    lin_st(s, in, la, size, user ? TLB_USER : TLB_SYS, val);
}

void soft_sys_probe_w(X86State *s, const Insn *in, uint64_t la, unsigned size, bool user)
{
    if (!(s->efer & EFER_LMA)) {
        la = (uint32_t)la;
    }
    lin_probe_w(s, in, la, size, user ? TLB_USER : TLB_SYS);
}

void *soft_host(X86State *s, const Insn *in, unsigned seg, uint64_t ea, unsigned size, bool write)
{
    SoftEnv *env = soft_env(s);
    unsigned mode = env->tlb_mode;
    uint64_t la = linear(s, in, seg, ea, size, write ? ACCESS_WRITE : ACCESS_READ);
    void *p = tlb_hit(env, mode, la, size, write);

    if (p) {
        return p;
    }
    if (mode == TLB_ALIGN && size <= 8) {
        align_check(s, in, la, size);
    }
    if (env->watch) {
        watch_hit(s, la, size, write);
    }
    if ((la & 0xfff) + size > 4096) {
        if (write) {
            lin_probe_w(s, in, la, size, mode);
        }
        return NULL;
    }
    Hit h = resolve(s, in, la, write ? ACCESS_WRITE : ACCESS_READ, mode);
    if (!h.ram || h.p.left < size || (write && (!h.p.writable || soft_page_code(&h.p)))) {
        return NULL;
    }
    return h.p.host;
}

/* ---- fetch ---- */

uint64_t soft_fetch_page(X86State *s, uint64_t la, const uint8_t **host)
{
    SoftEnv *env = soft_env(s);
    unsigned user = (s->hflags & H_CPL) == H_CPL;
    FetchTlb *f = &env->fetch[user][la >> 12 & (FETCH_SIZE - 1)];
    Walk w;
    SoftPhys p;

    if (f->la == (la & ~0xfffull)) {
        *host = f->host ? f->host + (la & 0xfff) : NULL;
        return f->phys + (la & 0xfff);
    }
    if ((s->hflags & H_CS64) && !la_canonical(la)) {
        soft_raise(s, NULL, EXC_GP, 0);
    }
    w = soft_walk_cached(s, la, ACCESS_FETCH, user ? TLB_USER : TLB_SYS);
    if (!w.ok) {
        raise_pf(s, NULL, la, w.error);
    }
    *host = soft_phys(s, w.phys, &p) ? p.host : NULL;
    if (*host && p.page) {
        f->la = la & ~0xfffull;
        f->phys = w.phys & ~0xfffull;
        f->host = *host - (la & 0xfff);
        f->global = w.global;
    } else if (*host && p.left < 4096 - (la & 0xfff)) {
        *host = NULL; /* the row ends inside the page: byte by byte, through soft_fetch_byte */
    }
    return w.phys;
}
