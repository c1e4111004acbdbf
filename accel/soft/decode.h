/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction table and what the decoder makes of it. A row says everything about one
 * (map, opcode, mandatory prefix, /reg); a family holds the handlers of one instruction by operand
 * form and size. Rows of an instruction stand where its owner keeps them:
 *   tab-1byte.c tab-0f.c  integer rows     tab-sys.c  system, segment, far, port I/O rows
 *   tab-vec.c tab-vex.c   MMX, SSE, EMMS; AVX and what else has VEX
 *   tab-x87.c             D8-DF, WAIT, 0FAE
 * tab-sys.c has: far call, jmp, ret, iret, int3, int n, into, int1; mov to and from segments, pop
 * seg, les lds lss lfs lgs; in out ins outs; 0F00 0F01 lar lsl verr verw arpl clts mov CR and DR
 * rdmsr wrmsr rdtsc rdpmc syscall sysret sysenter sysexit cpuid invd wbinvd rsm rdrand rdseed rdpid
 * rd/wr fs/gsbase invpcid. push seg, bound, pushf, popf, hlt, sti, cli are in the integer tables.
 * Source: Intel SDM volume 2, appendix A; AMD APM volume 3.
 */
#ifndef ACCEL_SOFT_DECODE_H
#define ACCEL_SOFT_DECODE_H

#include "accel/soft/soft.h"
#include "accel/x86/feature.h"
#include "accel/x86/state.h"

/* ---- families: fn[form][log2 of the operand size in bytes] ---- */
/*
 * The first letter is the operand a, the second b. One operand: register RR, memory MR, immediate
 * RI; none: RR. The third operand does not count. LK: the same as MR and MI, LOCK prefix given;
 * only rows with LOCK have it, and it takes its right side from insn_rhs().
 */
enum { RR, RI, RM, MR, MI, LK, FORMS };
typedef struct Family {
    InsnFn *fn[FORMS][4];
} Family;

/* A string instruction is not about operands: RR once, RI under F3, RM under F2. */

/* All forms and sizes by one handler: it looks at the Insn itself (thunks, system instructions). */
#define FAMILY_ALL(name, f) const Family name = { .fn = { [0 ... FORMS - 1] = { [0 ... 3] = f } } }

/* ---- what a row selects: or-ed into Row.sel ---- */
/* clang-format off */
enum {
    M0F   = 1 << 8,  M38  = 2 << 8,  M3A   = 3 << 8,  /* opcode in bits 0-7, map in 8-10 */
    V0F   = 4 << 8,  V38  = 5 << 8,  V3A   = 6 << 8,  /* VEX encoded */
    PNONE = 1 << 11, P66  = 2 << 11, PF3   = 3 << 11, PF2 = 4 << 11, /* mandatory prefix; none given: any */
    ONLYMEM = 1 << 14, ONLYREG = 2 << 14,             /* mod */
    NO64  = 1 << 16, ONLY64 = 2 << 16,                /* a mode without a row: #UD */
    SEL_REG = 8 << 18,                                /* R(n): bits 18-21 */
    SEL_RM  = 8 << 22,                                /* RM_(n): bits 22-25, wants ONLYREG too */
    VEX_W0  = 1 << 26, VEX_W1 = 2 << 26,              /* REX.W or VEX.W decides */
    VEX_L0  = 1 << 28, VEX_L1 = 2 << 28,
};
#define R(n)   (SEL_REG | (n) << 18)
#define RM_(n) (SEL_RM | (n) << 22 | ONLYREG)

/* ---- operand kinds ---- */
enum {
    K_NONE,
    E, G, ZR,             /* general: r/m, reg, low opcode bits (REX.B) */
    EM, ER,               /* r/m that must be memory, must be register (else #UD) */
    ERX,                  /* always a register, mod is ignored: MOV CRn, DRn */
    BG,                   /* VEX.vvvv, general */
    ACC, CL_, DX_, ONE,   /* AL/AX/EAX/RAX, CL, DX, the constant 1 (an immediate) */
    I, IB, IUB, IW, IQ,   /* immediate of the size (at most 4 bytes, sign-extended); signed byte;
                             unsigned byte; unsigned word; full size: MOV r, imm64 */
    IB2,                  /* a second byte after IW or IB: ENTER, EXTRQ */
    J, JB,                /* relative target of 2 or 4 bytes by size, of 1 byte; imm is the target's
                             offset from the block's start */
    O,                    /* moffs: address-size displacement, no ModRM */
    AP,                   /* ptr16:16 or ptr16:32: offset in imm, selector in disp */
    SW, CRn, DRn,         /* reg field: segment, control, debug register */
    SI_, DI_,             /* string operands: DS:rSI (overridable), ES:rDI */
    K_ES, K_CS, K_SS, K_DS, K_FS, K_GS, /* a fixed segment register */
    VX, WX, UX, WM, HX,   /* XMM/YMM: reg, r/m, r/m register only, r/m memory only, VEX.vvvv */
    LX,                   /* XMM/YMM in imm8[7:4] */
    PQ, QQ, NQ,           /* MMX: reg, r/m, r/m register only */
    ST_, STI,             /* x87: ST(0), ST(i); memory operands are EM */
    K_COUNT
};

/* ---- sizes: numbers are bytes, names depend on prefixes and mode ---- */
enum {
    B = 1, W = 2, D = 4, Q = 8, X = 16,
    V = 0x101,            /* 2, 4 or 8 by 66h, REX.W and CS.D */
    Y = 0x102,            /* 4, with REX.W 8 (64-bit code) */
    SK = 0x103,           /* stack slot: 8 in 64-bit code (66h: 2), else 2 or 4 */
    NB = 0x104,           /* near branch: 8 in 64-bit code, 66h there is the vendor's affair */
    N64 = 0x105,          /* 8 in 64-bit code, else 4 whatever prefixes say: MOV CRn */
    VL = 0x106,           /* 16 or 32 by VEX.L; as align: that many bytes */
    VP = 0x107,           /* far pointer: V + 2 */
    VZ = 0x108,           /* 2 or 4: V without REX.W */
};

/* ---- attributes ---- */
enum {
    LOCK   = 1 << 0,      /* F0h allowed with a memory destination */
    END    = 1 << 1,      /* last of its block: branches, whatever may change hflags or mappings */
    SHADOW = 1 << 2,      /* with END: the next block is one instruction, without interrupts */
    STACK  = 1 << 3,      /* implicit stack access: operand b slots are SS */
    IO     = 1 << 4,      /* may reach a device: the dispatcher polls after it */
    SYS    = 1 << 5,      /* #GP unless CPL 0 (decoder checks: hflags know CPL) */
    THUNK  = 1 << 6,      /* executed by the host's own processor (thunk.c) */
    BITSTR = 1 << 7,      /* bt* with a register offset: memory beyond the operand */
    REP    = 1 << 8,      /* string instruction: F2/F3 repeat */
    REPZ   = 1 << 9,      /* and ends on ZF: cmps, scas */
    PROT   = 1 << 10,     /* #UD in real and virtual-8086 mode */
    FPU    = 1 << 11,     /* x87: CR0.EM or TS: #NM */
    MMX    = 1 << 12,     /* CR0.EM: #UD, TS: #NM, pending x87 error: #MF */
    SSE    = 1 << 13,     /* CR0.EM or no CR4.OSFXSR: #UD, TS: #NM */
    AVX    = 1 << 14,     /* H_AVX clear, real or v86 mode: #UD; TS: #NM */
    FALLS  = 1 << 15,     /* without the feature the next row that fits counts: TZCNT is BSF */
    ONEBLK = 1 << 16,     /* a block alone (reserved) */
    VVVV   = 1 << 17,     /* VEX row that uses vvvv; others want 1111b */
    VSIB   = 1 << 18,     /* index is a vector: mod 3 is #UD */
    FPMOVE = 1 << 19,     /* x87 control row that does not ask for pending errors (fnxxx) */
    NOP_   = 1 << 20,     /* touches no memory although it has a memory operand: nop, prefetch, lea */
    WAITING = 1 << 21,    /* WAIT: #NM by CR0.MP and TS */
    MXCSR_ = 1 << 22,     /* floating point by MXCSR: may raise #XM */
    IMM8   = 1 << 23,     /* a byte behind the operands: the fourth one */
    IS4    = 1 << 24,     /* the same, naming a vector register: number in Insn.dst */
};

/* flags read, written, undefined: FLAG_ARITH bits in one byte (fold: OF in bit 1) */
enum {
    CF = 1, OF = 2, PF = 4, AF = 16, ZF = 64, SF = 128,
    ALL = CF | OF | PF | AF | ZF | SF, NOTCF = ALL & ~CF, NOTOF = ALL & ~OF,
};
/* clang-format on */

typedef struct Row {
    uint32_t sel;
    const char *name;
    uint8_t a, b, c;
    uint16_t size;  /* operand size: picks the column of the family */
    uint16_t msize; /* bytes of the memory access; 0: as size */
    uint16_t align; /* of a memory operand: #GP otherwise */
    uint32_t attr;
    uint16_t feature; /* HAS_..., 0: every processor */
    uint8_t f_read, f_write, f_undef;
    const Family *fam;
} Row;

/* Each ends with a row whose name is NULL. Among rows of one opcode the first that fits counts. */
extern const Row tab_1byte[], tab_0f[], tab_sys[], tab_vec[], tab_vex[], tab_x87[];

/* ---- the decoded instruction ---- */
/* prefix */
enum { PRE_REX = 1, PRE_W = 2, PRE_66 = 4, PRE_67 = 8, PRE_F2 = 16, PRE_F3 = 32, PRE_LOCK = 64 };
#define PRE_REP  (PRE_F2 | PRE_F3)

#define INSN_IMM 0xff /* Insn.src: the operand is an immediate */

enum { SEG_FLAT = 6, SEG_FLAT_SS = 7 }; /* no base, no limit; which one still picks #GP or #SS */

/*
 * Registers are byte offsets into g[]: AH..BH and 8 to 64 bits are one addressing form (reg_at).
 * EA = (g[base] + (g[index] << scale) + disp) & amask. base is G_RIPBASE for RIP-relative, with
 * disp counted from the block's start. mem: the operand is in memory (0: e is its register).
 * dst and src are the operands a and b when they are general registers; src is INSN_IMM for an
 * immediate. A string instruction has ES's segment code in index; VSIB rows have the vector
 * index's number in dst. 64 bytes.
 */
struct Insn {
    InsnFn *fn;
    uint64_t imm;
    int64_t disp;
    uint64_t amask;
    uint8_t base, index, scale, seg;
    uint8_t dst, src, e, g;
    uint8_t len, osz, asz, prefix;
    uint8_t mem, op, modrm, cc; /* op: last opcode byte; cc: its low 4 bits */
    uint16_t off;               /* from the block's start */
    uint8_t map;                /* M0F >> 8 and so on */
    uint8_t rex;                /* REX or VEX: 1 B, 2 X, 4 R, 8 W */
    uint8_t vvvv;               /* VEX register, 0-15 */
    uint8_t vl;                 /* VEX.L */
    uint8_t pp;                 /* mandatory prefix that was taken: 0, 0x66, 0xf3, 0xf2 */
    uint8_t seg_no;             /* 0-5: as written, also when seg says flat; SEG_FLAT: not given */
    const Row *row;
};
_Static_assert(sizeof(Insn) == 64, "one cache line");

/* What decoding depends on, beside the bytes. */
typedef struct DecodeCtx {
    X86State *s;     /* feature bits and vendor; NULL: everything is there (disassembler) */
    uint32_t hflags; /* accel/soft/env.h */
} DecodeCtx;

/*
 * At most n bytes at p, the first at block offset off. Length, 0: more than n bytes are needed.
 * An encoding that faults decodes to a handler that raises it (#UD, #GP), so it always succeeds.
 */
unsigned insn_decode(const DecodeCtx *, const uint8_t *p, unsigned n, unsigned off, Insn *out);

/* Sizes that depend on prefixes and mode, resolved for this Insn: Row.size, msize, align. */
unsigned insn_size(const Insn *, unsigned size);
static inline unsigned insn_msize(const Insn *in)
{
    return insn_size(in, in->row->msize ? in->row->msize : in->row->size);
}

/* Text in Intel syntax; rip: of the instruction. Returns its length, 0: n bytes are too few. */
unsigned insn_print(uint32_t hflags, const uint8_t *p, unsigned n, uint64_t rip, char *buf,
                    size_t size);

/* Handlers that decode.c picks in place of a row's own. */
InsnFn insn_ud, insn_gp0;
InsnFn insn_nofpu; /* op-fpu.c: H_NOFPU is set and the row has FPU, MMX, SSE, AVX or WAITING */

/* ---- handlers ---- */
/*
 * H(name) { ...; NEXT; } is one handler. RET(x) continues at Insn x; NULL is the way to the
 * dispatcher, with s->rip stored. Optimised builds jump from handler to handler; without
 * optimisation and under sanitizers they return, because tail calls would fill the stack.
 */
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(SOFT_NO_TAIL)
#define SOFT_TAIL 1
#else
#define SOFT_TAIL 0
#endif

/*
 * A compiler makes no jump of a call while the address of a local is known elsewhere: such handlers
 * end in NEXT_LOOP, which costs a return to the dispatcher's loop. With NEXT they would eat the
 * stack, a frame an instruction; tests/lint looks for that in the objects.
 */
#define NEXT_LOOP return in + 1

#define H(name) static const Insn *name(X86State *s, const Insn *in)
#if SOFT_TAIL
#define RET(x)                                                        \
    do {                                                              \
        const Insn *ret_ = (x);                                       \
        return __builtin_expect(!ret_, 0) ? NULL : ret_->fn(s, ret_); \
    } while (0)
#define NEXT return in[1].fn(s, in + 1)
#else
#define RET(x) return (x)
#define NEXT   return in + 1
#endif

/* rip of the instruction, and of the next one, wrapped to the code size */
static inline uint64_t insn_rip(const X86State *s, const Insn *in)
{
    return s->g[G_RIPBASE] + in->off;
}
uint64_t insn_next_rip(const X86State *, const Insn *);

/*
 * END handlers: RET(insn_jump(s, in, rip)) goes on at any rip, RET(insn_leave(s, in)) to the
 * dispatcher behind this instruction (after whatever changes hflags, mappings or interrupts).
 */
const Insn *insn_jump(X86State *, const Insn *, uint64_t rip);
const Insn *insn_leave(X86State *, const Insn *);

#endif
