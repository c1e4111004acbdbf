/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * add or adc sbb and sub xor cmp test, inc dec not neg, adcx adox: the host's own instruction does
 * the sum and the flags. Every form and size is its own handler, made by the macros below.
 */
#include "accel/soft/ops.h"
#include "accel/soft/rows.h"

/* Flags of the host after an instruction that also reads carry, kept in fl. */
#define DEFINE_CARRY(name, insn, bits, M)                                                    \
    static inline uint##bits##_t name##bits(X86State *s, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                        \
        uint16_t fl;                                                                         \
        asm("bt $8, %k[f]\n\t" insn " %" M "[b], %" M "[a]\n\tlahf\n\tseto %%al"             \
            : [a] "+q"(a), "=&a"(fl)                                                         \
            : [b] "q"(b), [f] "r"(fl_get(s))                                                 \
            : "cc");                                                                         \
        fl_set(s, fl);                                                                       \
        return a;                                                                            \
    }
#define DEFINE_UNARY(name, insn, bits, M)                                                    \
    static inline uint##bits##_t name##bits(X86State *s, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                        \
        uint16_t fl;                                                                         \
        asm("bt $8, %k[f]\n\t" insn " %" M "[a]\n\tlahf\n\tseto %%al"                        \
            : [a] "+q"(a), "=&a"(fl)                                                         \
            : [f] "r"(fl_get(s))                                                             \
            : "cc");                                                                         \
        fl_set(s, fl);                                                                       \
        return a;                                                                            \
    }
#define FOUR(D, name, insn) \
    D(name, insn, 8, "b") D(name, insn, 16, "w") D(name, insn, 32, "k") D(name, insn, 64, "q")

DEFINE_BINARY4(or, "or")
DEFINE_BINARY4(and, "and")
DEFINE_BINARY4(xor, "xor")
FOUR(DEFINE_CARRY, adc, "adc")
FOUR(DEFINE_CARRY, sbb, "sbb")
FOUR(DEFINE_UNARY, inc, "inc") /* carry goes through the host's carry and stays */
FOUR(DEFINE_UNARY, dec, "dec")
FOUR(DEFINE_UNARY, neg, "neg")
DEFINE_BINARY4(test, "test")
DEFINE_BINARY4(cmp, "cmp")

#define DEFINE_NOT(bits)                                                                      \
    static inline uint##bits##_t not ##bits(X86State * s, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                         \
        return ~a;                                                                            \
    }
DEFINE_NOT(8)
DEFINE_NOT(16)
DEFINE_NOT(32)
DEFINE_NOT(64)

/* Register results. */
#define HANDLERS_REG(op, bits, src, imm)                                              \
    H(op##_rr##bits)                                                                  \
    {                                                                                 \
        wr##bits(s, in->dst, op##bits(s, rd##bits(s, in->dst), rd##bits(s, src)));    \
        NEXT;                                                                         \
    }                                                                                 \
    H(op##_ri##bits)                                                                  \
    {                                                                                 \
        wr##bits(s, in->dst, op##bits(s, rd##bits(s, in->dst), (uint##bits##_t)imm)); \
        NEXT;                                                                         \
    }                                                                                 \
    SLOW(op##_rm_slow##bits)                                                          \
    {                                                                                 \
        uint##bits##_t v = ld##bits(s, in, in->seg, ea_of(s, in));                    \
        wr##bits(s, in->dst, op##bits(s, rd##bits(s, in->dst), v));                   \
        NEXT;                                                                         \
    }                                                                                 \
    H(op##_rm##bits)                                                                  \
    {                                                                                 \
        const volatile uint##bits##_t *p = hit_r(s, in, ea_of(s, in), bits / 8);      \
        if (UNLIKELY(!p)) {                                                           \
            return op##_rm_slow##bits(s, in);                                         \
        }                                                                             \
        wr##bits(s, in->dst, op##bits(s, rd##bits(s, in->dst), *p));                  \
        NEXT;                                                                         \
    }

/*
 * Memory results. The probe comes before the load, so that the fault is a write fault, and the
 * flags after the store, so that a fault leaves them alone.
 */
#define HANDLERS_MEM(op, bits)                                                        \
    static __attribute__((noinline)) void op##_rmw##bits(X86State *s, const Insn *in) \
    {                                                                                 \
        uint64_t ea = ea_of(s, in);                                                   \
        unsigned old = fl_get(s), now;                                                \
        uint##bits##_t b = insn_rhs(s, in, bits / 8), v;                              \
        volatile uint##bits##_t *p = fast_w(s, in, ea, bits / 8);                     \
        if (p) {                                                                      \
            *p = op##bits(s, *p, b);                                                  \
            return;                                                                   \
        }                                                                             \
        soft_probe_w(s, in, in->seg, ea, bits / 8);                                   \
        v = op##bits(s, soft_ld(s, in, in->seg, ea, bits / 8), b);                    \
        now = fl_get(s);                                                              \
        fl_set(s, old);                                                               \
        soft_st(s, in, in->seg, ea, bits / 8, v);                                     \
        fl_set(s, now);                                                               \
    }                                                                                 \
    SLOW(op##_mem_slow##bits)                                                         \
    {                                                                                 \
        op##_rmw##bits(s, in);                                                        \
        NEXT;                                                                         \
    }                                                                                 \
    H(op##_mr##bits)                                                                  \
    {                                                                                 \
        volatile uint##bits##_t *p = hit_w(s, in, ea_of(s, in), bits / 8);            \
        if (UNLIKELY(!p)) {                                                           \
            return op##_mem_slow##bits(s, in);                                        \
        }                                                                             \
        *p = op##bits(s, *p, rd##bits(s, in->src));                                   \
        NEXT;                                                                         \
    }                                                                                 \
    H(op##_mi##bits)                                                                  \
    {                                                                                 \
        volatile uint##bits##_t *p = hit_w(s, in, ea_of(s, in), bits / 8);            \
        if (UNLIKELY(!p)) {                                                           \
            return op##_mem_slow##bits(s, in);                                        \
        }                                                                             \
        *p = op##bits(s, *p, (uint##bits##_t)in->imm);                                \
        NEXT;                                                                         \
    }

/* LOCK: pre is what the instruction reads of the flags, args its operands. */
#define HANDLER_LOCK(op, bits, pre, text)                                            \
    H(op##_lk##bits)                                                                 \
    {                                                                                \
        uint##bits##_t b = insn_rhs(s, in, bits / 8);                                \
        uint##bits##_t *p = soft_host(s, in, in->seg, ea_of(s, in), bits / 8, true); \
        uint16_t fl;                                                                 \
        if (!p) {                                                                    \
            RET(insn_exclusive(s, in, op##_rmw##bits));                              \
        }                                                                            \
        asm volatile(pre "lock " text "\n\tlahf\n\tseto %%al"                        \
                     : [m] "+m"(*p), "=&a"(fl)                                       \
                     : [b] "q"(b), [f] "r"(fl_get(s))                                \
                     : "cc", "memory");                                              \
        fl_set(s, fl);                                                               \
        NEXT;                                                                        \
    }
#define HANDLER_LOCK2(op, bits, pre, insn, suffix) \
    HANDLER_LOCK(op, bits, pre, insn suffix " %[b], %[m]")
#define HANDLER_LOCK1(op, bits, pre, insn, suffix) HANDLER_LOCK(op, bits, pre, insn suffix " %[m]")

#define ROW_OF_SIZES(op, form)                                            \
    {                                                                     \
        op##_##form##8, op##_##form##16, op##_##form##32, op##_##form##64 \
    }
#define FAMILY_RMW(name, op)                                   \
    const Family name = { .fn = { [RR] = ROW_OF_SIZES(op, rr), \
                                  [RI] = ROW_OF_SIZES(op, ri), \
                                  [RM] = ROW_OF_SIZES(op, rm), \
                                  [MR] = ROW_OF_SIZES(op, mr), \
                                  [MI] = ROW_OF_SIZES(op, mi), \
                                  [LK] = ROW_OF_SIZES(op, lk) } }

#define SIZE_BINARY(op, bits, pre, insn, suffix) \
    HANDLERS_REG(op, bits, in->src, in->imm)     \
    HANDLERS_MEM(op, bits)                       \
    HANDLER_LOCK2(op, bits, pre, insn, suffix)
#define BINARY(name, op, pre, insn)     \
    SIZE_BINARY(op, 8, pre, insn, "b")  \
    SIZE_BINARY(op, 16, pre, insn, "w") \
    SIZE_BINARY(op, 32, pre, insn, "l") \
    SIZE_BINARY(op, 64, pre, insn, "q") \
    FAMILY_RMW(name, op);

#define GET_CARRY "bt $8, %k[f]\n\t"
BINARY(add, add, "", "add")
BINARY(or_, or, "", "or")
BINARY(adc, adc, GET_CARRY, "adc")
BINARY(sbb, sbb, GET_CARRY, "sbb")
BINARY(and_, and, "", "and")
BINARY(sub, sub, "", "sub")
BINARY(xor_, xor, "", "xor")

/* ---- one operand ---- */
#define SIZE_UNARY(op, bits)                                                          \
    H(op##_rr##bits)                                                                  \
    {                                                                                 \
        wr##bits(s, in->dst, op##bits(s, rd##bits(s, in->dst), 0));                   \
        NEXT;                                                                         \
    }                                                                                 \
    static __attribute__((noinline)) void op##_rmw##bits(X86State *s, const Insn *in) \
    {                                                                                 \
        uint64_t ea = ea_of(s, in);                                                   \
        unsigned old = fl_get(s), now;                                                \
        uint##bits##_t v;                                                             \
        soft_probe_w(s, in, in->seg, ea, bits / 8);                                   \
        v = op##bits(s, ld##bits(s, in, in->seg, ea), 0);                             \
        now = fl_get(s);                                                              \
        fl_set(s, old);                                                               \
        st##bits(s, in, in->seg, ea, v);                                              \
        fl_set(s, now);                                                               \
    }                                                                                 \
    SLOW(op##_mem_slow##bits)                                                         \
    {                                                                                 \
        op##_rmw##bits(s, in);                                                        \
        NEXT;                                                                         \
    }                                                                                 \
    H(op##_mr##bits)                                                                  \
    {                                                                                 \
        volatile uint##bits##_t *p = hit_w(s, in, ea_of(s, in), bits / 8);            \
        if (UNLIKELY(!p)) {                                                           \
            return op##_mem_slow##bits(s, in);                                        \
        }                                                                             \
        *p = op##bits(s, *p, 0);                                                      \
        NEXT;                                                                         \
    }
/* src is not a register here: the right side is any readable place, not used */
#define UNARY(name, op, pre, insn)                             \
    SIZE_UNARY(op, 8)                                          \
    SIZE_UNARY(op, 16)                                         \
    SIZE_UNARY(op, 32)                                         \
    SIZE_UNARY(op, 64)                                         \
    HANDLER_LOCK1(op, 8, pre, insn, "b")                       \
    HANDLER_LOCK1(op, 16, pre, insn, "w")                      \
    HANDLER_LOCK1(op, 32, pre, insn, "l")                      \
    HANDLER_LOCK1(op, 64, pre, insn, "q")                      \
    const Family name = { .fn = { [RR] = ROW_OF_SIZES(op, rr), \
                                  [MR] = ROW_OF_SIZES(op, mr), \
                                  [LK] = ROW_OF_SIZES(op, lk) } };
UNARY(inc, inc, GET_CARRY, "inc")
UNARY(dec, dec, GET_CARRY, "dec")
UNARY(neg, neg, "", "neg")

/* not leaves the flags: they go through the host's */
#define PUT_FLAGS "movl %k[f], %%eax\n\tadd $0x7f, %%al\n\tsahf\n\t"
UNARY(not_, not, PUT_FLAGS, "not")

/* ---- no result ---- */
#define SIZE_COMPARE(op, bits)                                                   \
    H(op##_rr##bits)                                                             \
    {                                                                            \
        op##bits(s, rd##bits(s, in->dst), rd##bits(s, in->src));                 \
        NEXT;                                                                    \
    }                                                                            \
    H(op##_ri##bits)                                                             \
    {                                                                            \
        op##bits(s, rd##bits(s, in->dst), (uint##bits##_t)in->imm);              \
        NEXT;                                                                    \
    }                                                                            \
    SLOW(op##_rm_slow##bits)                                                     \
    {                                                                            \
        uint##bits##_t v = ld##bits(s, in, in->seg, ea_of(s, in));               \
        op##bits(s, rd##bits(s, in->dst), v);                                    \
        NEXT;                                                                    \
    }                                                                            \
    H(op##_rm##bits)                                                             \
    {                                                                            \
        const volatile uint##bits##_t *p = hit_r(s, in, ea_of(s, in), bits / 8); \
        if (UNLIKELY(!p)) {                                                      \
            return op##_rm_slow##bits(s, in);                                    \
        }                                                                        \
        op##bits(s, rd##bits(s, in->dst), *p);                                   \
        NEXT;                                                                    \
    }                                                                            \
    SLOW(op##_mem_slow##bits)                                                    \
    {                                                                            \
        uint##bits##_t v = ld##bits(s, in, in->seg, ea_of(s, in));               \
        op##bits(s, v, insn_rhs(s, in, bits / 8));                               \
        NEXT;                                                                    \
    }                                                                            \
    H(op##_mr##bits)                                                             \
    {                                                                            \
        const volatile uint##bits##_t *p = hit_r(s, in, ea_of(s, in), bits / 8); \
        if (UNLIKELY(!p)) {                                                      \
            return op##_mem_slow##bits(s, in);                                   \
        }                                                                        \
        op##bits(s, *p, rd##bits(s, in->src));                                   \
        NEXT;                                                                    \
    }                                                                            \
    H(op##_mi##bits)                                                             \
    {                                                                            \
        const volatile uint##bits##_t *p = hit_r(s, in, ea_of(s, in), bits / 8); \
        if (UNLIKELY(!p)) {                                                      \
            return op##_mem_slow##bits(s, in);                                   \
        }                                                                        \
        op##bits(s, *p, (uint##bits##_t)in->imm);                                \
        NEXT;                                                                    \
    }
#define COMPARE(op)                                          \
    SIZE_COMPARE(op, 8)                                      \
    SIZE_COMPARE(op, 16)                                     \
    SIZE_COMPARE(op, 32)                                     \
    SIZE_COMPARE(op, 64)                                     \
    const Family op = { .fn = { [RR] = ROW_OF_SIZES(op, rr), \
                                [RI] = ROW_OF_SIZES(op, ri), \
                                [RM] = ROW_OF_SIZES(op, rm), \
                                [MR] = ROW_OF_SIZES(op, mr), \
                                [MI] = ROW_OF_SIZES(op, mi) } };
COMPARE(cmp)
COMPARE(test)

/* ---- adcx, adox: one flag is carry, the others stay ---- */
static uint64_t add_chain(uint64_t a, uint64_t b, unsigned size, bool *carry)
{
    unsigned __int128 sum = (unsigned __int128)a + b + *carry;
    *carry = sum >> (size * 8) & 1;
    return sum;
}

static const Insn *chain(X86State *s, const Insn *in, unsigned bit)
{
    unsigned size = in->osz;
    uint64_t b = in->mem ? soft_ld(s, in, in->seg, ea_of(s, in), size) : reg_read(s, in->src, size);
    bool carry = fl_get(s) & bit;
    uint64_t r = add_chain(reg_read(s, in->dst, size), b, size, &carry);
    reg_write(s, in->dst, size, r);
    fl_set(s, (fl_get(s) & ~bit) | (carry ? bit : 0));
    NEXT;
}

H(adcx_all)
{
    return chain(s, in, FL_CF);
}
H(adox_all)
{
    return chain(s, in, FL_OF);
}
FAMILY_ALL(adcx, adcx_all);
FAMILY_ALL(adox, adox_all);
