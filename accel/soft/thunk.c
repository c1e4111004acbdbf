/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Emits and keeps exec thunks (thunk.h), and turns a SIGFPE in one into #XM. Source: Intel SDM
 * volume 2, chapter 2; System V ABI: every XMM register is the caller's to save, MXCSR's control
 * bits are not.
 *
 * Register use in a thunk: rdi reg operand, rsi r/m operand, rdx general register, rcx X86State.
 * The host's xmm2/mm2 stands for ModRM.reg, xmm1/mm1 for ModRM.r/m, rax for a general register.
 * VEX adds r8 and xmm3 for VEX.vvvv, r9 and xmm4 for a register in the immediate.
 * A thunk pushes nothing, so the signal handler can leave it with a plain ret; the host's MXCSR is
 * in the red zone. Threads: vCPU threads; the cache has a leaf lock,
 * taken once for each decoded instruction.
 */
#include "accel/soft/thunk.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "accel/soft/fpu.h"

#define ARENA_SIZE (16u << 20) /* all thunks there can be: encodings times immediates, far less */

static struct {
    GMutex lock;
    GHashTable *by_key; /* GBytes -> Thunk * */
    uint8_t *rw;        /* one memory, mapped twice: never writable and executable at once */
    const uint8_t *rx;
    size_t used;
    struct sigaction old_fpe;
} thunks;

typedef struct Code {
    uint8_t b[160];
    unsigned n;
} Code;

static void put(Code *c, const void *p, unsigned n)
{
    g_assert(c->n + n <= sizeof(c->b));
    memcpy(c->b + c->n, p, n);
    c->n += n;
}

#define PUT(c, ...) \
    put(c, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* bytes, then a 32-bit displacement from rcx: they end in a ModRM with mod 2, r/m 1 */
#define PUT_STATE(c, offset, ...)          \
    do {                                   \
        int32_t disp_ = (int32_t)(offset); \
        PUT(c, __VA_ARGS__);               \
        put(c, &disp_, 4);                 \
    } while (0)

#define FX_OFFSET    offsetof(X86State, xsave)
#define MXCSR_OFFSET (FX_OFFSET + offsetof(FpuImage, mxcsr))
#define XMM0_OFFSET  (FX_OFFSET + offsetof(FpuImage, xmm))
#define YMM_OFFSET   (FX_OFFSET + offsetof(FpuImage, ymm_high))

/* ---- what a row's operands are ---- */
static ThunkKind kind_of(unsigned operand)
{
    switch (operand) {
    case VX:
    case WX:
    case UX:
    case WM: return T_XMM;
    case PQ:
    case QQ:
    case NQ: return T_MMX;
    case G:
    case E:
    case EM:
    case ER: return T_GPR;
    default: return T_NONE;
    }
}

static bool is_rm(unsigned operand)
{
    return operand == WX || operand == UX || operand == WM || operand == QQ || operand == NQ ||
           operand == E || operand == EM || operand == ER;
}

static bool is_x87(const Insn *in)
{
    return in->row->attr & FPU;
}

static bool is_vex(const Insn *in)
{
    return in->map >= V0F >> 8;
}

/* the opcode with its map, VEX maps as the legacy ones they mirror */
static unsigned opcode_of(const Row *r)
{
    unsigned op = r->sel & 0x7ff;
    return op >= V0F ? op - V0F + M0F : op;
}

/* pcmpestri and its kin, blendv, sha256rnds2: XMM0, rax, rdx and rcx take part unnamed */
static bool uses_xmm0(const Row *r)
{
    unsigned op = r->sel & 0x7ff;
    return op == (M38 | 0x10) || op == (M38 | 0x14) || op == (M38 | 0x15) || op == (M38 | 0xcb);
}
static bool is_string_compare(const Row *r)
{
    unsigned op = opcode_of(r);
    return op >= (M3A | 0x60) && op <= (M3A | 0x63);
}

/* comparisons: two sources, the result is flags */
static bool keeps_operand_a(const Row *r)
{
    return r->f_write;
}

/* FMA and AVX-VNNI add to operand a; else it is only written, with VEX. */
static bool reads_operand_a(const Row *r)
{
    unsigned op = r->sel & 0xff, map = r->sel & 0x700;
    return keeps_operand_a(r) || (map == V38 && ((op >= 0x96 && op <= 0xbf && (op & 15) >= 6) ||
                                                 (op >= 0x50 && op < 0x54)));
}

static void classify(const Insn *in, Thunk *t)
{
    const unsigned operands[] = { in->row->a, in->row->b, in->row->c };
    for (unsigned i = 0; i < 3; i++) {
        ThunkKind kind = kind_of(operands[i]);
        if (kind == T_NONE)
            continue;
        if (is_rm(operands[i]))
            t->rm = in->mem ? T_MEM : kind;
        else
            t->reg = kind;
        t->mmx |= kind == T_MMX && !(in->mem && is_rm(operands[i]));
    }
    if (is_x87(in)) {
        t->reg = T_NONE;
        t->rm = in->mem ? T_MEM : T_NONE;
        t->mmx = false;
    }
    t->msize = in->row->msize ? in->row->msize : in->osz;
    /* movd, cvtsi2ss: the size of the general register; V and Y were resolved by the decoder */
    if (t->msize >= 0x100)
        t->msize = insn_msize(in);
    t->align = insn_size(in, in->row->align);
}

/* ---- emission ---- */
/* Only operand a is stored: the other may be the same register. */
static void emit_load_store(Code *c, const Thunk *t, const Row *row, bool store)
{
    uint8_t xmm = store ? 0x11 : 0x10, mmx = store ? 0x7f : 0x6f;
    bool reg = !store || !is_rm(row->a), rm = !store || is_rm(row->a);
    if (!reg)
        ;
    else if (t->reg == T_XMM)
        PUT(c, 0x0f, xmm, 0x17); /* movups xmm2, [rdi] */
    else if (t->reg == T_MMX)
        PUT(c, 0x0f, mmx, 0x17);
    if (!rm)
        ;
    else if (t->rm == T_XMM)
        PUT(c, 0x0f, xmm, 0x0e); /* movups xmm1, [rsi] */
    else if (t->rm == T_MMX)
        PUT(c, 0x0f, mmx, 0x0e);
    if ((reg && t->reg == T_GPR) || (rm && t->rm == T_GPR))
        PUT(c, 0x48, store ? 0x89 : 0x8b, 0x02); /* mov rax, [rdx] */
}

/*
 * A vector register between the host and its two places in the image: vmovups for the lower half,
 * vinsertf128 or vextractf128 for the upper one. A 128-bit result has cleared the upper half.
 */
static void emit_ymm(Code *c, unsigned ymm, unsigned pointer, bool store, bool wide)
{
    const uint8_t high = pointer >= 8 ? 0xc1 : 0xe1, modrm = ymm << 3 | (pointer & 7);
    const int32_t upper = YMM_OFFSET - XMM0_OFFSET;
    PUT(c, 0xc4, high, 0x78, store ? 0x11 : 0x10, modrm);
    if (!store && !wide)
        return;
    PUT(c, 0xc4, high + 2, store ? 0x7d : (uint8_t)((~ymm & 15) << 3 | 5), store ? 0x19 : 0x18,
        modrm | 0x80);
    put(c, &upper, 4);
    PUT(c, 1);
}

enum { RDI_ = 7, RSI_ = 6, R8_ = 8, R9_ = 9, RCX_ = 1 };

static bool row_has(const Row *r, unsigned kind)
{
    return r->a == kind || r->b == kind || r->c == kind;
}

static void emit_vex_load(Code *c, const Insn *in, const Thunk *t)
{
    const Row *r = in->row;
    if (t->reg == T_XMM && (r->a != VX || r->b == VX || reads_operand_a(r)))
        emit_ymm(c, 2, RDI_, false, in->vl);
    if (t->rm == T_XMM)
        emit_ymm(c, 1, RSI_, false, in->vl);
    if (row_has(r, HX))
        emit_ymm(c, 3, R8_, false, in->vl);
    if (r->attr & IS4)
        emit_ymm(c, 4, R9_, false, in->vl);
    if (t->rm == T_GPR)
        PUT(c, 0x48, 0x8b, 0x02); /* mov rax, [rdx] */
}

static void emit_vex_store(Code *c, const Insn *in, const Thunk *t)
{
    unsigned a = in->row->a;
    if (keeps_operand_a(in->row))
        ;
    else if (a == HX)
        emit_ymm(c, 3, R8_, true, true);
    else if (a == VX)
        emit_ymm(c, 2, RDI_, true, true);
    else if (is_rm(a) && t->rm == T_XMM)
        emit_ymm(c, 1, RSI_, true, true);
    else if (kind_of(a) == T_GPR && t->rm != T_MEM)
        PUT(c, 0x48, 0x89, 0x02); /* mov [rdx], rax */
    else if (a == G)
        PUT(c, 0x48, 0x89, 0x02);
}

static bool has_imm(const Row *r)
{
    return r->b == IB || r->b == IUB || r->c == IB || r->c == IUB || r->attr & (IMM8 | IS4);
}

/* W: of the general register where there is one, which 32-bit code cannot have in 64 bits */
static void emit_vex_prefix(Code *c, const Insn *in)
{
    const Row *r = in->row;
    bool gpr = row_has(r, G) || row_has(r, E) || r->size == Y;
    bool w = gpr ? in->osz == 8 : in->rex & 8;
    unsigned vvvv = row_has(r, HX) ? 3 : 0;
    unsigned pp = in->pp == 0x66 ? 1 : in->pp == 0xf3 ? 2 : in->pp == 0xf2 ? 3 : 0;
    PUT(c, 0xc4, (uint8_t)(0xe0 | (in->map - (V0F >> 8) + 1)),
        (uint8_t)(w << 7 | (~vvvv & 15) << 3 | in->vl << 2 | pp));
}

static void emit_legacy_prefix(Code *c, const Insn *in)
{
    unsigned map = in->map << 8;
    if (in->pp)
        PUT(c, in->pp);
    if (in->rex & 8)
        PUT(c, 0x48);
    if (map)
        PUT(c, 0x0f);
    if (map == M38)
        PUT(c, 0x38);
    if (map == M3A)
        PUT(c, 0x3a);
}

static void emit_insn(Code *c, const Insn *in, const Thunk *t, unsigned imm)
{
    /* /reg of a group, or the host register that stands for the operand */
    unsigned reg = t->reg == T_NONE ? in->modrm >> 3 & 7 : t->reg == T_GPR ? 0 : 2;
    unsigned rm = t->rm == T_GPR ? 0 : 1;
    if (is_x87(in) && !in->mem)
        rm = in->modrm & 7;
    if (is_vex(in))
        emit_vex_prefix(c, in);
    else
        emit_legacy_prefix(c, in);
    PUT(c, in->op);
    PUT(c, (uint8_t)(in->mem ? reg << 3 | 6 : 0xc0 | reg << 3 | rm)); /* memory: [rsi] */
    if (has_imm(in->row))
        PUT(c, (uint8_t)(in->row->attr & IS4 ? 4 << 4 | (imm & 15) : imm));
}

/* pcmpXstrY: lengths in rax and rdx, index to rcx, mask to XMM0; rcx is moved aside to r8 */
static void emit_string_compare(Code *c, const Insn *in, const Thunk *t, unsigned imm)
{
    bool explicit_length = in->op < 0x62;
    PUT(c, 0x49, 0x89, 0xc8); /* mov r8, rcx */
    if (explicit_length)
        PUT(c, 0x48, 0x8b, 0x01, 0x48, 0x8b, 0x51, 0x10); /* rax = g[RAX], rdx = g[RDX] */
    emit_insn(c, in, t, imm);
    if (in->op & 1) {
        PUT(c, 0x41, 0x89, 0xca);       /* mov r10d, ecx: the upper half is cleared */
        PUT(c, 0x4c, 0x89, 0xc1);       /* mov rcx, r8 */
        PUT(c, 0x4c, 0x89, 0x51, 0x08); /* mov [rcx + 8], r10 */
        return;
    }
    PUT(c, 0x4c, 0x89, 0xc1);
    PUT_STATE(c, XMM0_OFFSET, 0x0f, 0x11, 0x81); /* movups [rcx + XMM0], xmm0 */
    if (is_vex(in)) {
        PUT_STATE(c, YMM_OFFSET, 0xc4, 0xe3, 0x7d, 0x19, 0x81); /* vextractf128 [..], ymm0, 1 */
        PUT(c, 1);
    }
}

static void emit_flags_in(Code *c)
{
    PUT_STATE(c, offsetof(X86State, fl), 0x66, 0x8b, 0x81); /* mov ax, [rcx + fl] */
    PUT(c, 0x04, 0x7f, 0x9e);                               /* add al, 7fh; sahf */
}

static void emit_flags_out(Code *c)
{
    PUT(c, 0x9f, 0x0f, 0x90, 0xc0);                         /* lahf; seto al */
    PUT_STATE(c, offsetof(X86State, fl), 0x66, 0x89, 0x81); /* mov [rcx + fl], ax */
}

static void emit(Code *c, const Insn *in, const Thunk *t, unsigned imm)
{
    const Row *row = in->row;
    bool x87 = is_x87(in), mxcsr = row->attr & MXCSR_;
    bool flags = row->f_read || row->f_write;
    if (x87 || mxcsr)
        PUT(c, 0x0f, 0xae, 0x5c, 0x24, 0xf8); /* stmxcsr [rsp - 8] */
    if (mxcsr)
        PUT_STATE(c, MXCSR_OFFSET, 0x0f, 0xae, 0x91); /* ldmxcsr [rcx + ..] */
    if (x87)
        PUT_STATE(c, FX_OFFSET, 0x48, 0x0f, 0xae, 0x89); /* fxrstor64 */
    if (uses_xmm0(row))
        PUT_STATE(c, XMM0_OFFSET, 0x0f, 0x10, 0x81); /* movups xmm0, [..] */
    if (flags)
        emit_flags_in(c);
    if (is_vex(in))
        emit_vex_load(c, in, t);
    else
        emit_load_store(c, t, row, false);
    if (is_string_compare(row))
        emit_string_compare(c, in, t, imm);
    else
        emit_insn(c, in, t, imm);
    if (is_string_compare(row)) /* its results are where they belong, one may be XMM0 */
        ;
    else if (is_vex(in))
        emit_vex_store(c, in, t);
    else
        emit_load_store(c, t, row, true);
    if (flags)
        emit_flags_out(c);
    if (x87)
        PUT_STATE(c, FX_OFFSET, 0x48, 0x0f, 0xae, 0x81); /* fxsave64 */
    if (mxcsr)
        PUT_STATE(c, MXCSR_OFFSET, 0x0f, 0xae, 0x99); /* stmxcsr [rcx + ..] */
    if (x87 || mxcsr)
        PUT(c, 0x0f, 0xae, 0x54, 0x24, 0xf8); /* ldmxcsr [rsp - 8] */
    if (x87)
        PUT(c, 0xdb, 0xe3); /* fninit */
    else if (t->mmx || t->reg == T_MMX || t->rm == T_MMX)
        PUT(c, 0x0f, 0x77); /* emms */
    if (is_vex(in))
        PUT(c, 0xc5, 0xf8, 0x77);   /* vzeroupper: what the compiler emits is SSE */
    PUT(c, 0xb8, 1, 0, 0, 0, 0xc3); /* mov eax, 1; ret */
}

/* ---- the arena ---- */
/*
 * SIGFPE in a thunk is an unmasked SIMD exception: keep the flags the guest must see, then return
 * false from the thunk. rcx is X86State, the stack is as at entry. The thunk's EMMS is passed by,
 * so the host's x87 registers are marked empty here.
 */
static void thunk_sigfpe(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    greg_t *r = uc->uc_mcontext.gregs;
    const uint8_t *pc = (const uint8_t *)r[REG_RIP];
    if (pc < thunks.rx || pc >= thunks.rx + ARENA_SIZE) {
        sigaction(SIGFPE, &thunks.old_fpe,
                  NULL); /* our own bug: it happens again, for the old handler */
        return;
    }
    uint64_t *sp = (uint64_t *)r[REG_RSP];
    fpu_mem((X86State *)r[REG_RCX])->mxcsr = uc->uc_mcontext.fpregs->mxcsr;
    uc->uc_mcontext.fpregs->mxcsr = (uint32_t)sp[-1];
    uc->uc_mcontext.fpregs->ftw = 0;
    uc->uc_mcontext.fpregs->swd = 0;
    r[REG_RAX] = 0;
    r[REG_RIP] = (greg_t)sp[0];
    r[REG_RSP] += 8;
}

static void arena_init(void)
{
    int fd = memfd_create("thunks", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, ARENA_SIZE) < 0)
        g_error("no memory for the software accelerator: %s", g_strerror(errno));
    thunks.rw = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    thunks.rx = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    if (thunks.rw == MAP_FAILED || thunks.rx == MAP_FAILED)
        g_error("no executable memory for the software accelerator: %s", g_strerror(errno));
    close(fd);
    thunks.by_key = g_hash_table_new(g_bytes_hash, g_bytes_equal);
    struct sigaction sa = { .sa_sigaction = thunk_sigfpe, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigemptyset(&sa.sa_mask);
    sigaction(SIGFPE, &sa, &thunks.old_fpe);
}

static Thunk *thunk_make(const Insn *in, unsigned imm)
{
    Thunk made = { 0 };
    Code code = { .n = 0 };
    classify(in, &made);
    emit(&code, in, &made, imm);
    /* the code says all that matters but the C side's view of the operands */
    g_autoptr(GByteArray) key = g_byte_array_new();
    g_byte_array_append(key, code.b, code.n);
    g_byte_array_append(key, (const uint8_t *)&made, sizeof(made));

    G_GNUC_UNUSED g_autoptr(GMutexLocker) hold = g_mutex_locker_new(&thunks.lock);
    if (!thunks.rw)
        arena_init();
    GBytes *bytes = g_bytes_new(key->data, key->len);
    Thunk *t = g_hash_table_lookup(thunks.by_key, bytes);
    if (t) {
        g_bytes_unref(bytes);
        return t;
    }
    g_assert(thunks.used + code.n <= ARENA_SIZE);
    memcpy(thunks.rw + thunks.used, code.b, code.n);
    t = g_memdup2(&made, sizeof(made));
    t->run = (ThunkFn *)(thunks.rx + thunks.used);
    thunks.used += (code.n + 15) & ~15u;
    g_hash_table_insert(thunks.by_key, bytes, t);
    return t;
}

const Thunk *thunk_of(const Insn *in)
{
    /*
     * imm starts as an immediate byte and becomes the pointer. Another vCPU may run the same block
     * meanwhile: it sees one or the other, and both find the same thunk.
     */
    uint64_t imm = __atomic_load_n(&in->imm, __ATOMIC_ACQUIRE);
    if (imm + 0x8000 >= 0x18000)
        return (const Thunk *)imm;
    Thunk *t = thunk_make(in, imm & 0xff);
    __atomic_store_n((uint64_t *)&in->imm, (uint64_t)t, __ATOMIC_RELEASE);
    return t;
}
