/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves: mov movzx movsx lea xchg xadd cmpxchg bswap movbe cbw cwd xlat cmov setcc nop.
 */
#include <sched.h>

#include "accel/soft/ops.h"
#include "accel/soft/rows.h"
#include "core/vm.h"

#define ROW_OF_SIZES(op, form)                                            \
    {                                                                     \
        op##_##form##8, op##_##form##16, op##_##form##32, op##_##form##64 \
    }
#define WIDE_SIZES(op, form)                                    \
    {                                                           \
        NULL, op##_##form##16, op##_##form##32, op##_##form##64 \
    }

/* ---- mov ---- */
#define MOV_SIZE(bits)                                                           \
    H(mov_rr##bits)                                                              \
    {                                                                            \
        wr##bits(s, in->dst, rd##bits(s, in->src));                              \
        NEXT;                                                                    \
    }                                                                            \
    H(mov_ri##bits)                                                              \
    {                                                                            \
        wr##bits(s, in->dst, (uint##bits##_t)in->imm);                           \
        NEXT;                                                                    \
    }                                                                            \
    SLOW(mov_rm_slow##bits)                                                      \
    {                                                                            \
        wr##bits(s, in->dst, ld##bits(s, in, in->seg, ea_of(s, in)));            \
        NEXT;                                                                    \
    }                                                                            \
    H(mov_rm##bits)                                                              \
    {                                                                            \
        const volatile uint##bits##_t *p = hit_r(s, in, ea_of(s, in), bits / 8); \
        if (UNLIKELY(!p)) {                                                      \
            return mov_rm_slow##bits(s, in);                                     \
        }                                                                        \
        wr##bits(s, in->dst, *p);                                                \
        NEXT;                                                                    \
    }                                                                            \
    SLOW(mov_mem_slow##bits)                                                     \
    {                                                                            \
        st##bits(s, in, in->seg, ea_of(s, in), insn_rhs(s, in, bits / 8));       \
        NEXT;                                                                    \
    }                                                                            \
    H(mov_mr##bits)                                                              \
    {                                                                            \
        volatile uint##bits##_t *p = hit_w(s, in, ea_of(s, in), bits / 8);       \
        if (UNLIKELY(!p)) {                                                      \
            return mov_mem_slow##bits(s, in);                                    \
        }                                                                        \
        *p = rd##bits(s, in->src);                                               \
        NEXT;                                                                    \
    }                                                                            \
    H(mov_mi##bits)                                                              \
    {                                                                            \
        volatile uint##bits##_t *p = hit_w(s, in, ea_of(s, in), bits / 8);       \
        if (UNLIKELY(!p)) {                                                      \
            return mov_mem_slow##bits(s, in);                                    \
        }                                                                        \
        *p = in->imm;                                                            \
        NEXT;                                                                    \
    }
MOV_SIZE(8)
MOV_SIZE(16)
MOV_SIZE(32)
MOV_SIZE(64)
const Family mov = { .fn = { [RR] = ROW_OF_SIZES(mov, rr),
                             [RI] = ROW_OF_SIZES(mov, ri),
                             [RM] = ROW_OF_SIZES(mov, rm),
                             [MR] = ROW_OF_SIZES(mov, mr),
                             [MI] = ROW_OF_SIZES(mov, mi) } };

/* ---- movzx, movsx: from is what is read, bits what is written ---- */
#define EXTEND_SIZE(name, type, from, bits)                                 \
    H(name##_rr##bits)                                                      \
    {                                                                       \
        wr##bits(s, in->dst, (type)rd##from(s, in->src));                   \
        NEXT;                                                               \
    }                                                                       \
    SLOW(name##_slow##bits)                                                 \
    {                                                                       \
        wr##bits(s, in->dst, (type)ld##from(s, in, in->seg, ea_of(s, in))); \
        NEXT;                                                               \
    }                                                                       \
    H(name##_rm##bits)                                                      \
    {                                                                       \
        const volatile type *p = hit_r(s, in, ea_of(s, in), from / 8);      \
        if (UNLIKELY(!p)) {                                                 \
            return name##_slow##bits(s, in);                                \
        }                                                                   \
        wr##bits(s, in->dst, *p);                                           \
        NEXT;                                                               \
    }
#define EXTEND(name, type, from)      \
    EXTEND_SIZE(name, type, from, 16) \
    EXTEND_SIZE(name, type, from, 32) \
    EXTEND_SIZE(name, type, from, 64) \
    const Family name = { .fn = { [RR] = WIDE_SIZES(name, rr), [RM] = WIDE_SIZES(name, rm) } };
EXTEND(movzx8, uint8_t, 8)
EXTEND(movzx16, uint16_t, 16)
EXTEND(movsx8, int8_t, 8)
EXTEND(movsx16, int16_t, 16)
EXTEND(movsxd, int32_t, 32)

/* ---- lea: no segment, no access ---- */
H(lea_16)
{
    wr16(s, in->dst, ea_of(s, in));
    NEXT;
}
H(lea_32)
{
    wr32(s, in->dst, ea_of(s, in));
    NEXT;
}
H(lea_64)
{
    wr64(s, in->dst, ea_of(s, in));
    NEXT;
}
const Family lea = { .fn = { [RM] = { NULL, lea_16, lea_32, lea_64 } } };

/* ---- nop ---- */
H(nop_all)
{
    NEXT;
}
FAMILY_ALL(nop, nop_all);

/* PREFETCHW with a register: Intel's processors do nothing, AMD's raise #UD */
H(prefetch_reg_all)
{
    if (!x86_vendor_intel(s)) {
        soft_raise(s, in, EXC_UD, 0);
    }
    NEXT;
}
FAMILY_ALL(prefetch_reg, prefetch_reg_all);

/* ---- xchg: locked in memory, prefix or not ---- */
#define XCHG_SIZE(bits)                                                                       \
    H(xchg_rr##bits)                                                                          \
    {                                                                                         \
        uint##bits##_t v = rd##bits(s, in->dst);                                              \
        wr##bits(s, in->dst, rd##bits(s, in->src));                                           \
        wr##bits(s, in->src, v);                                                              \
        NEXT;                                                                                 \
    }                                                                                         \
    static void xchg_rmw##bits(X86State *s, const Insn *in)                                   \
    {                                                                                         \
        uint64_t ea = ea_of(s, in);                                                           \
        uint##bits##_t v;                                                                     \
        soft_probe_w(s, in, in->seg, ea, bits / 8);                                           \
        v = soft_ld(s, in, in->seg, ea, bits / 8);                                            \
        soft_st(s, in, in->seg, ea, bits / 8, rd##bits(s, in->src));                          \
        wr##bits(s, in->src, v);                                                              \
    }                                                                                         \
    SLOW(xchg_mem_slow##bits)                                                                 \
    {                                                                                         \
        uint##bits##_t *p = soft_host(s, in, in->seg, ea_of(s, in), bits / 8, true);          \
        if (!p) {                                                                             \
            RET(insn_exclusive(s, in, xchg_rmw##bits));                                       \
        }                                                                                     \
        wr##bits(s, in->src, __atomic_exchange_n(p, rd##bits(s, in->src), __ATOMIC_SEQ_CST)); \
        NEXT;                                                                                 \
    }                                                                                         \
    H(xchg_mem##bits)                                                                         \
    {                                                                                         \
        uint##bits##_t *p = hit_w(s, in, ea_of(s, in), bits / 8);                             \
        if (UNLIKELY(!p)) {                                                                   \
            return xchg_mem_slow##bits(s, in);                                                \
        }                                                                                     \
        wr##bits(s, in->src, __atomic_exchange_n(p, rd##bits(s, in->src), __ATOMIC_SEQ_CST)); \
        NEXT;                                                                                 \
    }
XCHG_SIZE(8)
XCHG_SIZE(16)
XCHG_SIZE(32)
XCHG_SIZE(64)
const Family xchg = { .fn = { [RR] = ROW_OF_SIZES(xchg, rr),
                              [MR] = ROW_OF_SIZES(xchg, mem),
                              [LK] = ROW_OF_SIZES(xchg, mem) } };

/* 90: a true NOP (it does not clear the upper half of RAX) unless REX.B names R8 */
H(xchg90_16)
{
    if (in->rex & 1) {
        return xchg_rr16(s, in);
    }
    NEXT;
}
H(xchg90_32)
{
    if (in->rex & 1) {
        return xchg_rr32(s, in);
    }
    NEXT;
}
H(xchg90_64)
{
    if (in->rex & 1) {
        return xchg_rr64(s, in);
    }
    NEXT;
}
const Family xchg90 = { .fn = { [RR] = { NULL, xchg90_16, xchg90_32, xchg90_64 } } };

/*
 * A guest that spins waits for another vCPU, which may be waiting for this thread's processor: with
 * more vCPUs than host processors it would spin until its time slice ends.
 */
static __attribute__((noinline)) void spin_yield(X86State *s)
{
    if (s->vcpu->vm->n_vcpus > 1) {
        sched_yield();
    }
}

enum { SPINS = 256 };
H(pause_all)
{
    if (in->rex & 1) {
        return in->osz == 2 ? xchg_rr16(s, in) : in->osz == 4 ? xchg_rr32(s, in) : xchg_rr64(s, in);
    }
    if (UNLIKELY(++soft_env(s)->spins % SPINS == 0)) {
        spin_yield(s);
    }
    NEXT;
}
FAMILY_ALL(pause_, pause_all);

/* ---- xadd ---- */
#define XADD_SIZE(bits, suffix)                                                      \
    H(xadd_rr##bits)                                                                 \
    {                                                                                \
        uint##bits##_t a = rd##bits(s, in->dst);                                     \
        uint##bits##_t sum = add##bits(s, a, rd##bits(s, in->src));                  \
        wr##bits(s, in->src, a);                                                     \
        wr##bits(s, in->dst, sum);                                                   \
        NEXT;                                                                        \
    }                                                                                \
    static void xadd_rmw##bits(X86State *s, const Insn *in)                          \
    {                                                                                \
        uint64_t ea = ea_of(s, in);                                                  \
        unsigned old = fl_get(s), now;                                               \
        uint##bits##_t a, sum;                                                       \
        soft_probe_w(s, in, in->seg, ea, bits / 8);                                  \
        a = soft_ld(s, in, in->seg, ea, bits / 8);                                   \
        sum = add##bits(s, a, rd##bits(s, in->src));                                 \
        now = fl_get(s);                                                             \
        fl_set(s, old);                                                              \
        soft_st(s, in, in->seg, ea, bits / 8, sum);                                  \
        fl_set(s, now);                                                              \
        wr##bits(s, in->src, a);                                                     \
    }                                                                                \
    H(xadd_mem##bits)                                                                \
    {                                                                                \
        uint##bits##_t *p = soft_host(s, in, in->seg, ea_of(s, in), bits / 8, true); \
        uint##bits##_t b = rd##bits(s, in->src);                                     \
        uint16_t fl;                                                                 \
        if (!p) {                                                                    \
            RET(insn_exclusive(s, in, xadd_rmw##bits));                              \
        }                                                                            \
        asm volatile("lock xadd" suffix " %[b], %[m]\n\tlahf\n\tseto %%al"           \
                     : [m] "+m"(*p), [b] "+q"(b), "=&a"(fl)                          \
                     :                                                               \
                     : "cc", "memory");                                              \
        fl_set(s, fl);                                                               \
        wr##bits(s, in->src, b);                                                     \
        NEXT;                                                                        \
    }
XADD_SIZE(8, "b")
XADD_SIZE(16, "w")
XADD_SIZE(32, "l")
XADD_SIZE(64, "q")
const Family xadd = { .fn = { [RR] = ROW_OF_SIZES(xadd, rr),
                              [MR] = ROW_OF_SIZES(xadd, mem),
                              [LK] = ROW_OF_SIZES(xadd, mem) } };

/* ---- cmpxchg: memory is always written; the accumulator only when they differ ---- */
#define CMPXCHG_SIZE(bits)                                                                       \
    H(cmpxchg_rr##bits)                                                                          \
    {                                                                                            \
        uint##bits##_t acc = rd##bits(s, RAX * 8), old = rd##bits(s, in->dst);                   \
        sub##bits(s, acc, old);                                                                  \
        if (acc == old) {                                                                        \
            wr##bits(s, in->dst, rd##bits(s, in->src));                                          \
        } else {                                                                                 \
            wr##bits(s, RAX * 8, old);                                                           \
        }                                                                                        \
        NEXT;                                                                                    \
    }                                                                                            \
    static void cmpxchg_rmw##bits(X86State *s, const Insn *in)                                   \
    {                                                                                            \
        uint64_t ea = ea_of(s, in);                                                              \
        uint##bits##_t acc = rd##bits(s, RAX * 8), old;                                          \
        soft_probe_w(s, in, in->seg, ea, bits / 8);                                              \
        old = soft_ld(s, in, in->seg, ea, bits / 8);                                             \
        soft_st(s, in, in->seg, ea, bits / 8, acc == old ? rd##bits(s, in->src) : old);          \
        sub##bits(s, acc, old);                                                                  \
        if (acc != old) {                                                                        \
            wr##bits(s, RAX * 8, old);                                                           \
        }                                                                                        \
    }                                                                                            \
    H(cmpxchg_mem##bits)                                                                         \
    {                                                                                            \
        uint##bits##_t *p = soft_host(s, in, in->seg, ea_of(s, in), bits / 8, true);             \
        uint##bits##_t acc = rd##bits(s, RAX * 8), old = acc;                                    \
        if (!p) {                                                                                \
            RET(insn_exclusive(s, in, cmpxchg_rmw##bits));                                       \
        }                                                                                        \
        if (!__atomic_compare_exchange_n(p, &old, rd##bits(s, in->src), false, __ATOMIC_SEQ_CST, \
                                         __ATOMIC_SEQ_CST)) {                                    \
            wr##bits(s, RAX * 8, old);                                                           \
        }                                                                                        \
        sub##bits(s, acc, old);                                                                  \
        NEXT;                                                                                    \
    }
CMPXCHG_SIZE(8)
CMPXCHG_SIZE(16)
CMPXCHG_SIZE(32)
CMPXCHG_SIZE(64)
const Family cmpxchg = { .fn = { [RR] = ROW_OF_SIZES(cmpxchg, rr),
                                 [MR] = ROW_OF_SIZES(cmpxchg, mem),
                                 [LK] = ROW_OF_SIZES(cmpxchg, mem) } };

/* ---- cmpxchg8b, cmpxchg16b: ZF only ---- */
static void zf_set(X86State *s, bool zf)
{
    fl_set(s, (fl_get(s) & ~FL_ZF) | (zf ? FL_ZF : 0));
}

static uint64_t pair32(const X86State *s, unsigned high, unsigned low)
{
    return s->g[high] << 32 | (uint32_t)s->g[low];
}

static void cmpxchg8b_end(X86State *s, uint64_t expected, uint64_t old)
{
    zf_set(s, expected == old);
    if (expected != old) {
        wr32(s, RAX * 8, old);
        wr32(s, RDX * 8, old >> 32);
    }
}

static void cmpxchg8b_rmw(X86State *s, const Insn *in)
{
    uint64_t ea = ea_of(s, in), old, expected = pair32(s, RDX, RAX);
    soft_probe_w(s, in, in->seg, ea, 8);
    old = soft_ld(s, in, in->seg, ea, 8);
    soft_st(s, in, in->seg, ea, 8, expected == old ? pair32(s, RCX, RBX) : old);
    cmpxchg8b_end(s, expected, old);
}

H(cmpxchg8b_mem)
{
    uint64_t *p = soft_host(s, in, in->seg, ea_of(s, in), 8, true);
    uint64_t expected = pair32(s, RDX, RAX), old = expected;
    if (!p) {
        RET(insn_exclusive(s, in, cmpxchg8b_rmw));
    }
    __atomic_compare_exchange_n(p, &old, pair32(s, RCX, RBX), false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    cmpxchg8b_end(s, expected, old);
    NEXT;
}
FAMILY_ALL(cmpxchg8b, cmpxchg8b_mem);

static void cmpxchg16b_end(X86State *s, bool same, uint64_t low, uint64_t high)
{
    zf_set(s, same);
    if (!same) {
        s->g[RAX] = low;
        s->g[RDX] = high;
    }
}

static void cmpxchg16b_rmw(X86State *s, const Insn *in)
{
    uint64_t ea = ea_of(s, in), low, high;
    soft_probe_w(s, in, in->seg, ea, 16);
    low = soft_ld(s, in, in->seg, ea, 8);
    high = soft_ld(s, in, in->seg, ea + 8, 8);
    bool same = low == s->g[RAX] && high == s->g[RDX];
    soft_st(s, in, in->seg, ea, 8, same ? s->g[RBX] : low);
    soft_st(s, in, in->seg, ea + 8, 8, same ? s->g[RCX] : high);
    cmpxchg16b_end(s, same, low, high);
}

H(cmpxchg16b_mem)
{
    uint64_t ea = ea_of(s, in), low = s->g[RAX], high = s->g[RDX];
    bool same;
    need_aligned(s, in, ea, 16);
    uint64_t *p = soft_host(s, in, in->seg, ea, 16, true);
    if (!p) {
        RET(insn_exclusive(s, in, cmpxchg16b_rmw));
    }
    asm volatile("lock cmpxchg16b %[m]"
                 : [m] "+m"(*(unsigned __int128 *)p), "+a"(low), "+d"(high), "=@ccz"(same)
                 : "b"(s->g[RBX]), "c"(s->g[RCX])
                 : "memory");
    cmpxchg16b_end(s, same, low, high);
    NEXT;
}
FAMILY_ALL(cmpxchg16b, cmpxchg16b_mem);

/* ---- sign extension of the accumulator ---- */
H(cbw_16)
{
    wr16(s, RAX * 8, (int8_t)rd8(s, RAX * 8));
    NEXT;
}
H(cbw_32)
{
    wr32(s, RAX * 8, (int16_t)rd16(s, RAX * 8));
    NEXT;
}
H(cbw_64)
{
    wr64(s, RAX * 8, (int32_t)rd32(s, RAX * 8));
    NEXT;
}
const Family cbw = { .fn = { [RR] = { NULL, cbw_16, cbw_32, cbw_64 } } };

H(cwd_16)
{
    wr16(s, RDX * 8, (int16_t)rd16(s, RAX * 8) >> 15);
    NEXT;
}
H(cwd_32)
{
    wr32(s, RDX * 8, (int32_t)rd32(s, RAX * 8) >> 31);
    NEXT;
}
H(cwd_64)
{
    wr64(s, RDX * 8, (int64_t)rd64(s, RAX * 8) >> 63);
    NEXT;
}
const Family cwd = { .fn = { [RR] = { NULL, cwd_16, cwd_32, cwd_64 } } };

/* ---- byte order; BSWAP of a 16-bit register is undefined: processors clear it ---- */
H(bswap_16)
{
    wr16(s, in->dst, 0);
    NEXT;
}
H(bswap_32)
{
    wr32(s, in->dst, __builtin_bswap32(rd32(s, in->dst)));
    NEXT;
}
H(bswap_64)
{
    wr64(s, in->dst, __builtin_bswap64(rd64(s, in->dst)));
    NEXT;
}
const Family bswap = { .fn = { [RR] = { NULL, bswap_16, bswap_32, bswap_64 } } };

#define MOVBE_SIZE(bits)                                                                     \
    H(movbe_rm##bits)                                                                        \
    {                                                                                        \
        wr##bits(s, in->dst, __builtin_bswap##bits(ld##bits(s, in, in->seg, ea_of(s, in)))); \
        NEXT;                                                                                \
    }                                                                                        \
    H(movbe_mr##bits)                                                                        \
    {                                                                                        \
        st##bits(s, in, in->seg, ea_of(s, in), __builtin_bswap##bits(rd##bits(s, in->src))); \
        NEXT;                                                                                \
    }
MOVBE_SIZE(16)
MOVBE_SIZE(32)
MOVBE_SIZE(64)
const Family movbe = { .fn = { [RM] = WIDE_SIZES(movbe, rm), [MR] = WIDE_SIZES(movbe, mr) } };

/* ---- xlat: AL = [rBX + AL], DS unless overridden ---- */
H(xlat_all)
{
    uint64_t ea = (s->g[RBX] + rd8(s, RAX * 8)) & in->amask;
    wr8(s, RAX * 8, ld8(s, in, in->seg, ea));
    NEXT;
}
FAMILY_ALL(xlat, xlat_all);

/* ---- cmov: always loads, always zero-extends 32 bits; setcc ---- */
#define CMOV_SIZE(c, bits)                                                      \
    H(cmov##c##_rr##bits)                                                       \
    {                                                                           \
        wr##bits(s, in->dst, rd##bits(s, cond_true(s, c) ? in->src : in->dst)); \
        NEXT;                                                                   \
    }                                                                           \
    H(cmov##c##_rm##bits)                                                       \
    {                                                                           \
        uint##bits##_t v = ld##bits(s, in, in->seg, ea_of(s, in));              \
        wr##bits(s, in->dst, cond_true(s, c) ? v : rd##bits(s, in->dst));       \
        NEXT;                                                                   \
    }
#define SETCC(c)                                            \
    H(set##c##_r)                                           \
    {                                                       \
        wr8(s, in->dst, cond_true(s, c));                   \
        NEXT;                                               \
    }                                                       \
    H(set##c##_m)                                           \
    {                                                       \
        st8(s, in, in->seg, ea_of(s, in), cond_true(s, c)); \
        NEXT;                                               \
    }
#define CONDITION(c) CMOV_SIZE(c, 16) CMOV_SIZE(c, 32) CMOV_SIZE(c, 64) SETCC(c)
CONDITION(0)
CONDITION(1)
CONDITION(2)
CONDITION(3)
CONDITION(4)
CONDITION(5)
CONDITION(6)
CONDITION(7)
CONDITION(8)
CONDITION(9)
CONDITION(10)
CONDITION(11)
CONDITION(12)
CONDITION(13)
CONDITION(14)
CONDITION(15)

#define CMOV_FAMILY(c) \
    [c] = { .fn = { [RR] = WIDE_SIZES(cmov##c, rr), [RM] = WIDE_SIZES(cmov##c, rm) } }
#define SET_FAMILY(c) [c] = { .fn = { [RR] = { set##c##_r }, [MR] = { set##c##_m } } }
#define SIXTEEN(F)                                                                                 \
    F(0), F(1), F(2), F(3), F(4), F(5), F(6), F(7), F(8), F(9), F(10), F(11), F(12), F(13), F(14), \
        F(15)
const Family cmov[16] = { SIXTEEN(CMOV_FAMILY) };
const Family setcc[16] = { SIXTEEN(SET_FAMILY) };
