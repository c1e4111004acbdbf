/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What handlers are made of: registers, effective addresses, memory with the TLB hit inlined,
 * flags. Everything here is meant to vanish into the handler.
 */
#ifndef ACCEL_SOFT_OPS_H
#define ACCEL_SOFT_OPS_H

#include "accel/soft/decode.h"
#include "accel/soft/env.h"

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- registers by byte offset ---- */
static inline void *reg_at(X86State *s, unsigned off)
{
    return (char *)s->g + off;
}
static inline uint8_t rd8(X86State *s, unsigned r)
{
    return *(uint8_t *)reg_at(s, r);
}
static inline uint16_t rd16(X86State *s, unsigned r)
{
    return *(uint16_t *)reg_at(s, r);
}
static inline uint32_t rd32(X86State *s, unsigned r)
{
    return *(uint32_t *)reg_at(s, r);
}
static inline uint64_t rd64(X86State *s, unsigned r)
{
    return *(uint64_t *)reg_at(s, r);
}
static inline void wr8(X86State *s, unsigned r, uint8_t v)
{
    *(uint8_t *)reg_at(s, r) = v;
}
static inline void wr16(X86State *s, unsigned r, uint16_t v)
{
    *(uint16_t *)reg_at(s, r) = v;
}
/* a 32-bit result clears the upper half */
static inline void wr32(X86State *s, unsigned r, uint32_t v)
{
    *(uint64_t *)reg_at(s, r) = v;
}
static inline void wr64(X86State *s, unsigned r, uint64_t v)
{
    *(uint64_t *)reg_at(s, r) = v;
}
/* size in bytes known at run time only */
uint64_t reg_read(X86State *, unsigned off, unsigned size);
void reg_write(X86State *, unsigned off, unsigned size, uint64_t v);

/* ---- effective addresses ---- */
static inline uint64_t ea_of(X86State *s, const Insn *in)
{
    return (rd64(s, in->base) + (rd64(s, in->index) << in->scale) + in->disp) & in->amask;
}

/* #GP where the linear address is not on `align`, a power of two */
static inline void need_aligned(X86State *s, const Insn *in, uint64_t ea, unsigned align)
{
    uint64_t base = in->seg < SEG_FLAT ? s->seg[in->seg].base : 0;

    if (UNLIKELY((ea + base) & (align - 1))) {
        soft_raise(s, in, EXC_GP, 0);
    }
}

/* ---- memory ---- */
/*
 * A handler with a memory operand has two bodies: the hit, inlined and free of calls so that it
 * needs no stack frame, and SLOW(name), which does everything again by ld and st.
 */
#define SLOW(name) static __attribute__((noinline)) const Insn *name(X86State *s, const Insn *in)

/*
 * Host pointer of a hit inside a page, NULL: use soft_ld, soft_st. Segments that are not flat are
 * checked and translated out of line.
 */
void *fast_seg(X86State *, const Insn *, unsigned seg, uint64_t ea, unsigned size, bool write);

/* never NULL, so that a caller's test of the hit costs nothing */
static inline void *tlb_host(uint64_t p)
{
    if (!p) {
        __builtin_unreachable();
    }
    return (void *)p;
}
static inline void *tlb_hit_r(X86State *s, uint64_t la, unsigned size)
{
    const Tlb *t = soft_env(s)->tlb_now;
    unsigned i = la >> 12 & (TLB_SIZE - 1);
    if (UNLIKELY(la + t->tag_r[i] > 4096 - size)) {
        return NULL;
    }
    return tlb_host(la + t->delta[i]);
}
static inline void *tlb_hit_w(X86State *s, uint64_t la, unsigned size)
{
    const Tlb *t = soft_env(s)->tlb_now;
    unsigned i = la >> 12 & (TLB_SIZE - 1);
    if (UNLIKELY(la + t->tag_w[i] > 4096 - size)) {
        return NULL;
    }
    return tlb_host(la + t->delta[i]);
}
static inline void *fast_seg_r(X86State *s, const Insn *in, unsigned seg, uint64_t ea,
                               unsigned size)
{
    return LIKELY(seg >= SEG_FLAT) ? tlb_hit_r(s, ea, size) : fast_seg(s, in, seg, ea, size, false);
}
static inline void *fast_seg_w(X86State *s, const Insn *in, unsigned seg, uint64_t ea,
                               unsigned size)
{
    return LIKELY(seg >= SEG_FLAT) ? tlb_hit_w(s, ea, size) : fast_seg(s, in, seg, ea, size, true);
}
/* For the inlined path of a handler: NULL also when the segment is not flat. */
static inline void *hit_r(X86State *s, const Insn *in, uint64_t ea, unsigned size)
{
    return LIKELY(in->seg >= SEG_FLAT) ? tlb_hit_r(s, ea, size) : NULL;
}
static inline void *hit_w(X86State *s, const Insn *in, uint64_t ea, unsigned size)
{
    return LIKELY(in->seg >= SEG_FLAT) ? tlb_hit_w(s, ea, size) : NULL;
}
#define fast_r(s, in, ea, size) fast_seg_r(s, in, (in)->seg, ea, size)
#define fast_w(s, in, ea, size) fast_seg_w(s, in, (in)->seg, ea, size)

#define DEFINE_MEM(bits)                                                                          \
    static inline uint##bits##_t ld##bits(X86State *s, const Insn *in, unsigned seg, uint64_t ea) \
    {                                                                                             \
        const volatile uint##bits##_t *p = fast_seg_r(s, in, seg, ea, bits / 8);                  \
        return LIKELY(p) ? *p : (uint##bits##_t)soft_ld(s, in, seg, ea, bits / 8);                \
    }                                                                                             \
    static inline void st##bits(X86State *s, const Insn *in, unsigned seg, uint64_t ea,           \
                                uint##bits##_t v)                                                 \
    {                                                                                             \
        volatile uint##bits##_t *p = fast_seg_w(s, in, seg, ea, bits / 8);                        \
        if (LIKELY(p)) {                                                                          \
            *p = v;                                                                               \
        } else {                                                                                  \
            soft_st(s, in, seg, ea, bits / 8, v);                                                 \
        }                                                                                         \
    }
DEFINE_MEM(8)
DEFINE_MEM(16)
DEFINE_MEM(32)
DEFINE_MEM(64)

/* ---- stack: width of rSP by mode, SEG_SS or flat, #SS on a bad address ---- */
static inline uint64_t sp_mask(const X86State *s)
{
    return s->hflags & H_CS64 ? ~0ull : s->hflags & H_SS32 ? 0xffffffffull : 0xffff;
}
static inline unsigned ss_seg(const X86State *s)
{
    return s->hflags & (H_CS64 | H_FLAT_SS) ? SEG_FLAT_SS : SEG_SS;
}
static inline void sp_set(X86State *s, uint64_t sp)
{
    uint64_t m = sp_mask(s);
    s->g[RSP] = m == 0xffff ? (s->g[RSP] & ~m) | (sp & m) : sp & m;
}
/* op-stack.c: one slot of size bytes; push commits rSP after the store, pop before it returns */
void soft_push(X86State *, const Insn *, unsigned size, uint64_t v);
uint64_t soft_pop(X86State *, const Insn *, unsigned size);

/*
 * A locked access that no single host instruction can do (a device, a page crossing, a code page):
 * rmw with every other vCPU stopped. Continues behind the instruction by way of the dispatcher.
 */
typedef void RmwFn(X86State *, const Insn *);
const Insn *insn_exclusive(X86State *, const Insn *, RmwFn *);

/* ---- flags ---- */
/* X86State.fl is `lahf; seto %al` as AX. One bit of it by name: */
enum {
    FL_OF = 1 << 0,
    FL_CF = 1 << 8,
    FL_ONE = 1 << 9,
    FL_PF = 1 << 10,
    FL_AF = 1 << 12,
    FL_ZF = 1 << 14,
    FL_SF = 1 << 15
};
static inline void fl_set(X86State *s, uint16_t fl)
{
    *(uint16_t *)&s->fl = fl;
}
static inline unsigned fl_get(const X86State *s)
{
    return *(const uint16_t *)&s->fl;
}
/* the right side of an LK handler */
static inline uint64_t insn_rhs(X86State *s, const Insn *in, unsigned size)
{
    return in->src == INSN_IMM ? in->imm : reg_read(s, in->src, size);
}

/* condition 0-15 of Jcc, SETcc, CMOVcc; c is a constant in every caller */
static inline bool cond_true(const X86State *s, unsigned c)
{
    unsigned f = fl_get(s), r = 0;
    switch (c >> 1) {
    case 0: r = f & FL_OF; break;
    case 1: r = f & FL_CF; break;
    case 2: r = f & FL_ZF; break;
    case 3: r = f & (FL_CF | FL_ZF); break;
    case 4: r = f & FL_SF; break;
    case 5: r = f & FL_PF; break;
    case 6: r = (f >> 15 ^ f) & 1; break;
    case 7: r = ((f >> 15 ^ f) & 1) | (f & FL_ZF); break;
    }
    return (r != 0) != (c & 1);
}

/* `add32(s, a, b)` and so on: the host's own instruction, flags kept in fl. M: b w k q */
#define DEFINE_BINARY(name, insn, bits, M)                                                   \
    static inline uint##bits##_t name##bits(X86State *s, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                        \
        uint16_t fl;                                                                         \
        asm(insn " %" M "[b], %" M "[a]\n\tlahf\n\tseto %%al"                                \
            : [a] "+q"(a), "=&a"(fl)                                                         \
            : [b] "q"(b)                                                                     \
            : "cc");                                                                         \
        fl_set(s, fl);                                                                       \
        return a;                                                                            \
    }
#define DEFINE_BINARY4(name, insn)     \
    DEFINE_BINARY(name, insn, 8, "b")  \
    DEFINE_BINARY(name, insn, 16, "w") \
    DEFINE_BINARY(name, insn, 32, "k") \
    DEFINE_BINARY(name, insn, 64, "q")
DEFINE_BINARY4(add, "add")
DEFINE_BINARY4(sub, "sub")

#endif
