/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * movs cmps stos lods scas. A repeated one goes page by page on host memory where both sides hit
 * and the direction is forward, otherwise element by element; it is interruptible at each step,
 * with rSI, rDI and rCX telling how far it came.
 */
#include "accel/soft/jump.h"
#include "accel/soft/rows.h"

/* Registers as wide as the address size: 16 bits keep the rest, 32 bits clear the upper half. */
static inline uint64_t areg(const X86State *s, const Insn *in, unsigned r)
{
    return s->g[r] & in->amask;
}
static inline void areg_add(X86State *s, const Insn *in, unsigned r, int64_t by)
{
    uint64_t v = s->g[r] + by;
    s->g[r] = in->asz == 8 ? v : in->asz == 4 ? (uint32_t)v : (s->g[r] & ~0xffffull) | (v & 0xffff);
}
static inline int64_t step_of(const X86State *s, const Insn *in)
{
    return s->rflags & FLAG_DF ? -(int64_t)in->osz : in->osz;
}
#define DI_SEG(in) ((in)->index) /* the decoder's: ES, flat or not */

static inline uint64_t el_ld(X86State *s, const Insn *in, unsigned seg, uint64_t ea)
{
    switch (in->osz) {
    case 1: return ld8(s, in, seg, ea);
    case 2: return ld16(s, in, seg, ea);
    case 4: return ld32(s, in, seg, ea);
    default: return ld64(s, in, seg, ea);
    }
}
static inline void el_st(X86State *s, const Insn *in, unsigned seg, uint64_t ea, uint64_t v)
{
    switch (in->osz) {
    case 1: st8(s, in, seg, ea, v); break;
    case 2: st16(s, in, seg, ea, v); break;
    case 4: st32(s, in, seg, ea, v); break;
    default: st64(s, in, seg, ea, v); break;
    }
}
static inline void el_compare(X86State *s, const Insn *in, uint64_t a, uint64_t b)
{
    switch (in->osz) {
    case 1: sub8(s, a, b); break;
    case 2: sub16(s, a, b); break;
    case 4: sub32(s, a, b); break;
    default: sub64(s, a, b); break;
    }
}

/* ---- one element; registers move after the last access ---- */
static void movs_one(X86State *s, const Insn *in)
{
    int64_t step = step_of(s, in);
    el_st(s, in, DI_SEG(in), areg(s, in, RDI), el_ld(s, in, in->seg, areg(s, in, RSI)));
    areg_add(s, in, RSI, step);
    areg_add(s, in, RDI, step);
}
static void stos_one(X86State *s, const Insn *in)
{
    el_st(s, in, DI_SEG(in), areg(s, in, RDI), s->g[RAX]);
    areg_add(s, in, RDI, step_of(s, in));
}
static void lods_one(X86State *s, const Insn *in)
{
    reg_write(s, RAX * 8, in->osz, el_ld(s, in, in->seg, areg(s, in, RSI)));
    areg_add(s, in, RSI, step_of(s, in));
}
static void cmps_one(X86State *s, const Insn *in)
{
    int64_t step = step_of(s, in);
    uint64_t a = el_ld(s, in, in->seg, areg(s, in, RSI));
    el_compare(s, in, a, el_ld(s, in, DI_SEG(in), areg(s, in, RDI)));
    areg_add(s, in, RSI, step);
    areg_add(s, in, RDI, step);
}
static void scas_one(X86State *s, const Insn *in)
{
    uint64_t b = el_ld(s, in, DI_SEG(in), areg(s, in, RDI));
    el_compare(s, in, reg_read(s, RAX * 8, in->osz), b);
    areg_add(s, in, RDI, step_of(s, in));
}

/* ---- runs of elements inside a page ---- */
/* Elements from ea that stay in its page and in the address size. */
static uint64_t run_length(X86State *s, const Insn *in, unsigned seg, uint64_t ea, uint64_t n)
{
    uint64_t la = ea + (seg < SEG_FLAT ? s->seg[seg].base : 0);
    uint64_t left = 4096 - (la & 4095), wrap = in->amask - ea;
    return MIN(n, MIN(left, wrap) / in->osz);
}

/* Forward without TF: a run of n > 1 elements at *ptr. */
static uint64_t run_at(X86State *s, const Insn *in, unsigned seg, unsigned reg, uint64_t n,
                       bool write, void **ptr)
{
    uint64_t ea = areg(s, in, reg);
    n = run_length(s, in, seg, ea, n);
    if (n < 2) {
        return 0;
    }
    *ptr =
        write ? fast_seg_w(s, in, seg, ea, n * in->osz) : fast_seg_r(s, in, seg, ea, n * in->osz);
    return *ptr ? n : 0;
}

static void run_advance(X86State *s, const Insn *in, unsigned reg, uint64_t n)
{
    areg_add(s, in, reg, n * in->osz);
}

/* A destination inside the source repeats it, element after element: that is how guests fill. */
static void copy_elements(char *to, const char *from, uint64_t n, unsigned size)
{
    if (to <= from || (uint64_t)(to - from) >= n * size) {
        memmove(to, from, n * size);
        return;
    }
    for (uint64_t i = 0; i < n * size; i += size) {
        memmove(to + i, from + i, size);
    }
}

static uint64_t movs_run(X86State *s, const Insn *in, uint64_t n)
{
    void *from, *to;
    n = run_at(s, in, DI_SEG(in), RDI, run_length(s, in, in->seg, areg(s, in, RSI), n), true, &to);
    if (!n || run_at(s, in, in->seg, RSI, n, false, &from) != n) {
        return 0;
    }
    copy_elements(to, from, n, in->osz);
    run_advance(s, in, RSI, n);
    run_advance(s, in, RDI, n);
    return n;
}

static uint64_t stos_run(X86State *s, const Insn *in, uint64_t n)
{
    void *to;
    n = run_at(s, in, DI_SEG(in), RDI, n, true, &to);
    if (!n) {
        return 0;
    }
    switch (in->osz) {
    case 1: memset(to, rd8(s, RAX * 8), n); break;
    case 2:
        for (uint64_t i = 0; i < n; i++) {
            ((uint16_t *)to)[i] = s->g[RAX];
        }
        break;
    case 4:
        for (uint64_t i = 0; i < n; i++) {
            ((uint32_t *)to)[i] = s->g[RAX];
        }
        break;
    default:
        for (uint64_t i = 0; i < n; i++) {
            ((uint64_t *)to)[i] = s->g[RAX];
        }
    }
    run_advance(s, in, RDI, n);
    return n;
}

static uint64_t element(const void *p, uint64_t i, unsigned size)
{
    switch (size) {
    case 1: return ((const uint8_t *)p)[i];
    case 2: return ((const uint16_t *)p)[i];
    case 4: return ((const uint32_t *)p)[i];
    default: return ((const uint64_t *)p)[i];
    }
}

/* Up to and with the first element where equality is not what the prefix wants. */
static uint64_t cmps_run(X86State *s, const Insn *in, uint64_t n)
{
    void *a, *b;
    bool want = in->prefix & PRE_F3;
    uint64_t i = 0;
    n = run_at(s, in, DI_SEG(in), RDI, run_length(s, in, in->seg, areg(s, in, RSI), n), false, &b);
    if (!n || run_at(s, in, in->seg, RSI, n, false, &a) != n) {
        return 0;
    }
    while (i < n - 1 && (element(a, i, in->osz) == element(b, i, in->osz)) == want) {
        i++;
    }
    el_compare(s, in, element(a, i, in->osz), element(b, i, in->osz));
    run_advance(s, in, RSI, i + 1);
    run_advance(s, in, RDI, i + 1);
    return i + 1;
}

static uint64_t scas_run(X86State *s, const Insn *in, uint64_t n)
{
    void *b;
    bool want = in->prefix & PRE_F3;
    uint64_t i = 0, acc = reg_read(s, RAX * 8, in->osz);
    n = run_at(s, in, DI_SEG(in), RDI, n, false, &b);
    if (!n) {
        return 0;
    }
    while (i < n - 1 && (element(b, i, in->osz) == acc) == want) {
        i++;
    }
    el_compare(s, in, acc, element(b, i, in->osz));
    run_advance(s, in, RDI, i + 1);
    return i + 1;
}

static uint64_t lods_run(X86State *s, const Insn *in, uint64_t n)
{
    return 0; /* nobody repeats it */
}

/* ---- rep ---- */
typedef void One(X86State *, const Insn *);
typedef uint64_t Run(X86State *, const Insn *, uint64_t n);

static bool rep_ends(const X86State *s, const Insn *in)
{
    bool zf = fl_get(s) & FL_ZF;
    return in->row->attr & REPZ && zf != !!(in->prefix & PRE_F3);
}

/* rCX 0 at the start changes nothing, not even the upper half of a 32-bit rCX. */
static inline const Insn *rep(X86State *s, const Insn *in, One *one, Run *run)
{
    bool bulk = !(s->rflags & (FLAG_DF | FLAG_TF));
    for (uint64_t n; (n = areg(s, in, RCX));) {
        uint64_t done = bulk ? run(s, in, n) : 0;
        if (!done) {
            one(s, in);
            done = 1;
        }
        areg_add(s, in, RCX, -(int64_t)done);
        if (done == n || rep_ends(s, in)) {
            break;
        }
        if (request_pending(s) || s->rflags & FLAG_TF) {
            s->rip = insn_rip(s, in);
            return NULL;
        }
    }
    NEXT;
}

#define STRING(name)                                                                             \
    H(name##_once)                                                                               \
    {                                                                                            \
        name##_one(s, in);                                                                       \
        NEXT;                                                                                    \
    }                                                                                            \
    H(name##_rep)                                                                                \
    {                                                                                            \
        return rep(s, in, name##_one, name##_run);                                               \
    }                                                                                            \
    const Family name = { .fn = { [RR] = { name##_once, name##_once, name##_once, name##_once }, \
                                  [RI] = { name##_rep, name##_rep, name##_rep, name##_rep },     \
                                  [RM] = { name##_rep, name##_rep, name##_rep, name##_rep } } };
STRING(movs)
STRING(stos)
STRING(lods)
STRING(cmps)
STRING(scas)
