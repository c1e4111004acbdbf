/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes to one Insn: prefixes, opcode, row, ModRM, immediates, then the checks that do not depend
 * on the processor's present state. Nothing here reads guest memory or changes anything.
 * Source: Intel SDM volume 2, chapter 2 and appendix A; AMD APM volume 3, chapter 1.
 */
#include "accel/soft/env.h"
#include "accel/soft/rows.h"

/* A table that is not linked (a test of the decoder alone) is an empty one. */
#pragma weak tab_sys
#pragma weak tab_vec
#pragma weak tab_vex
#pragma weak tab_x87

enum { MAPS = 7, LONGEST = 15 };

/* Rows of one (map, opcode), in the order in which they are tried. */
typedef struct Slot {
    const Row **row;
    unsigned n;
    bool modrm;
} Slot;

static Slot slots[MAPS][256];

static bool row_has_modrm(const Row *r)
{
    static const bool kind[K_COUNT] = {
        [E] = true,   [G] = true,   [EM] = true, [ER] = true,  [ERX] = true, [SW] = true,
        [CRn] = true, [DRn] = true, [VX] = true, [WX] = true,  [UX] = true,  [WM] = true,
        [PQ] = true,  [QQ] = true,  [NQ] = true, [STI] = true,
    };
    return kind[r->a] || kind[r->b] || kind[r->c] ||
           (r->sel & (SEL_REG | SEL_RM | ONLYMEM | ONLYREG));
}

static void slot_add(const Row *r)
{
    Slot *s = &slots[r->sel >> 8 & 7][r->sel & 255];
    s->row = g_renew(const Row *, s->row, s->n + 1);
    s->row[s->n++] = r;
    s->modrm |= row_has_modrm(r);
}

static const Row *const tables[] = { tab_1byte, tab_0f, tab_sys, tab_vec, tab_vex, tab_x87 };

void rows_each(void (*fn)(const Row *, void *), void *arg)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
        for (const Row *r = tables[i]; r && r->name; r++) {
            fn(r, arg);
        }
    }
}

static void slot_add_row(const Row *r, void *arg)
{
    slot_add(r);
}

/* Derived from constant tables once, before the first instruction; read-only ever after. */
static void slots_build(void)
{
    static gsize done;
    if (g_once_init_enter(&done)) {
        rows_each(slot_add_row, NULL);
        g_once_init_leave(&done, 1);
    }
}

/* ---- the bytes ---- */
typedef struct Bytes {
    const DecodeCtx *ctx;
    Insn *in;
    const uint8_t *p;
    unsigned n, at;
    bool short_, vex, bad_vex;
    uint8_t seg; /* override, or SEG_FLAT */
    uint8_t osz; /* of V: 2, 4 or 8 */
    uint8_t rep; /* the last of F2 and F3 */
    uint8_t sib;
} Bytes;

static uint64_t bytes_get(Bytes *b, unsigned size)
{
    uint64_t v = 0;
    if (b->at + size > b->n) {
        b->short_ = true;
        return 0;
    }
    memcpy(&v, b->p + b->at, size);
    b->at += size;
    return v;
}

static int64_t bytes_signed(Bytes *b, unsigned size)
{
    uint64_t v = bytes_get(b, size);
    return size == 8 ? (int64_t)v : (int64_t)(v << (64 - size * 8)) >> (64 - size * 8);
}

static uint8_t bytes_peek(const Bytes *b, unsigned ahead)
{
    return b->at + ahead < b->n ? b->p[b->at + ahead] : 0;
}

static bool in64(const Bytes *b)
{
    return b->ctx->hflags & H_CS64;
}

static void prefix_seg(Bytes *b, unsigned seg)
{
    if (!in64(b) || seg >= SEG_FS) {
        b->seg = seg;
    }
}

/* A REX counts only directly before the opcode, so every other prefix forgets it. */
static bool prefix_one(Bytes *b, uint8_t c)
{
    Insn *in = b->in;
    if (in64(b) && (c & 0xf0) == 0x40) {
        in->prefix = (in->prefix & ~PRE_W) | PRE_REX | (c & 8 ? PRE_W : 0);
        in->rex = c & 15;
        return true;
    }
    switch (c) {
    case 0x26: prefix_seg(b, SEG_ES); break;
    case 0x2e: prefix_seg(b, SEG_CS); break;
    case 0x36: prefix_seg(b, SEG_SS); break;
    case 0x3e: prefix_seg(b, SEG_DS); break;
    case 0x64: prefix_seg(b, SEG_FS); break;
    case 0x65: prefix_seg(b, SEG_GS); break;
    case 0x66: in->prefix |= PRE_66; break;
    case 0x67: in->prefix |= PRE_67; break;
    case 0xf0: in->prefix |= PRE_LOCK; break;
    case 0xf2: in->prefix = (in->prefix & ~PRE_F3) | PRE_F2; break;
    case 0xf3: in->prefix = (in->prefix & ~PRE_F2) | PRE_F3; break;
    default: return false;
    }
    in->prefix &= ~(PRE_REX | PRE_W);
    in->rex = 0;
    return true;
}

/* C4 and C5 are LES and LDS outside 64-bit code unless the next byte would be a register ModRM. */
static bool vex_begins(const Bytes *b, uint8_t c)
{
    if (c != 0xc4 && c != 0xc5) {
        return false;
    }
    return in64(b) || bytes_peek(b, 1) >= 0xc0;
}

static void vex_parse(Bytes *b)
{
    static const uint8_t pp[4] = { 0, 0x66, 0xf3, 0xf2 };
    Insn *in = b->in;
    uint8_t first = bytes_get(b, 1), c = bytes_get(b, 1), d = c;

    b->vex = true;
    b->bad_vex = in->prefix & (PRE_REX | PRE_66 | PRE_F2 | PRE_F3 | PRE_LOCK);
    in->map = V0F >> 8;
    in->rex = c & 0x80 ? 0 : 4;
    if (first == 0xc4) {
        d = bytes_get(b, 1);
        in->rex |= (c & 0x40 ? 0 : 2) | (c & 0x20 ? 0 : 1) | (d & 0x80 ? 8 : 0);
        b->bad_vex |= (c & 31) < 1 || (c & 31) > 3;
        in->map += (c & 3) ? (c & 3) - 1 : 0;
    }
    if (!in64(b)) {
        in->rex &= 8;
    }
    in->prefix |= in->rex & 8 ? PRE_W : 0;
    in->vvvv = ~d >> 3 & (in64(b) ? 15 : 7); /* the top bit counts in 64-bit code only */
    in->vl = d >> 2 & 1;
    in->pp = pp[d & 3];
}

static void opcode_parse(Bytes *b)
{
    Insn *in = b->in;
    while (b->at < b->n && prefix_one(b, b->p[b->at])) {
        b->at++;
    }
    if (b->at + 1 < b->n && vex_begins(b, b->p[b->at])) {
        vex_parse(b);
    } else if (bytes_peek(b, 0) == 0x0f) {
        b->at++;
        in->map = M0F >> 8;
        if (bytes_peek(b, 0) == 0x38 || bytes_peek(b, 0) == 0x3a) {
            in->map = bytes_get(b, 1) == 0x38 ? M38 >> 8 : M3A >> 8;
        }
    } else if (b->at + 1 == b->n && (bytes_peek(b, 0) & 0xfe) == 0xc4) {
        b->short_ = true; /* the next byte decides */
    }
    in->op = bytes_get(b, 1);
    in->cc = in->op & 15;
    if (!b->vex) {
        in->pp = in->prefix & PRE_F3   ? 0xf3
                 : in->prefix & PRE_F2 ? 0xf2
                 : in->prefix & PRE_66 ? 0x66
                                       : 0;
    }
}

/* ---- which row ---- */
static bool row_prefix_fits(const Row *r, unsigned pp)
{
    switch (r->sel >> 11 & 7) {
    case 0: return true;
    case PNONE >> 11: return pp == 0;
    case P66 >> 11: return pp == 0x66;
    case PF3 >> 11: return pp == 0xf3;
    default: return pp == 0xf2;
    }
}

static bool row_fits(const Bytes *b, const Row *r)
{
    const Insn *in = b->in;
    unsigned mode = r->sel >> 16 & 3, mod = r->sel >> 14 & 3, w = r->sel >> 26 & 3,
             l = r->sel >> 28 & 3;
    bool reg = in->modrm >= 0xc0;

    return row_prefix_fits(r, in->pp) && !(mode && (mode == 2) != in64(b)) &&
           !(mod && (mod == 2) != reg) && !(w && (w == 2) != !!(in->prefix & PRE_W)) &&
           !(l && (l == 2) != in->vl) &&
           !(r->sel & SEL_REG && (r->sel >> 18 & 7) != (in->modrm >> 3 & 7)) &&
           !(r->sel & SEL_RM && (r->sel >> 22 & 7) != (in->modrm & 7)) &&
           !(r->attr & FALLS && b->ctx->s && !x86_has(b->ctx->s, r->feature));
}

static const Row *row_find(const Bytes *b, const Slot *slot)
{
    for (unsigned i = 0; i < slot->n; i++) {
        if (row_fits(b, slot->row[i])) {
            return slot->row[i];
        }
    }
    return NULL;
}

/* ---- sizes ---- */
static unsigned size_resolve(const Bytes *b, unsigned size)
{
    const Insn *in = b->in;
    bool p66 = in->prefix & PRE_66, p64 = in64(b);
    unsigned no_w = b->osz == 8 ? 4 : b->osz;

    switch (size) {
    case V: return b->osz;
    case VZ: return no_w;
    case Y: return in->prefix & PRE_W && p64 ? 8 : 4;
    case SK: return !p64 ? no_w : p66 && !(in->prefix & PRE_W) ? 2 : 8;
    case NB:
        return !p64                                                                        ? no_w
               : p66 && !(in->prefix & PRE_W) && b->ctx->s && !x86_vendor_intel(b->ctx->s) ? 2
                                                                                           : 8;
    case N64: return p64 ? 8 : 4;
    case VL: return in->vl ? 32 : 16;
    case VP: return b->osz + 2;
    default: return size;
    }
}

unsigned insn_size(const Insn *in, unsigned size)
{
    return size < 0x100 ? size
           : size == VL ? (in->vl ? 32u : 16u)
           : size == VP ? in->osz + 2u
                        : in->osz;
}

static void sizes_default(Bytes *b)
{
    Insn *in = b->in;
    bool p66 = in->prefix & PRE_66, p67 = in->prefix & PRE_67;
    if (in64(b)) {
        b->osz = in->prefix & PRE_W ? 8 : p66 ? 2 : 4;
        in->asz = p67 ? 4 : 8;
    } else {
        bool c32 = b->ctx->hflags & H_CS32;
        b->osz = c32 != p66 ? 4 : 2;
        in->asz = c32 != p67 ? 4 : 2;
    }
    in->amask = in->asz == 8 ? ~0ull : in->asz == 4 ? 0xffffffffull : 0xffff;
}

/* ---- ModRM ---- */
#define GOFF(r) ((r)*8)

static void mem_16(Bytes *b)
{
    static const uint8_t base[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
    static const uint8_t index[8] = { RSI, RDI, RSI, RDI, G_ZERO, G_ZERO, G_ZERO, G_ZERO };
    Insn *in = b->in;
    unsigned mod = in->modrm >> 6, rm = in->modrm & 7;

    in->base = GOFF(base[rm]);
    in->index = GOFF(index[rm]);
    if (mod == 0 && rm == 6) {
        in->base = GOFF(G_ZERO);
        in->disp = bytes_signed(b, 2);
    } else if (mod) {
        in->disp = bytes_signed(b, mod);
    }
}

static void mem_sib(Bytes *b, unsigned mod)
{
    Insn *in = b->in;
    uint8_t sib = b->sib = bytes_get(b, 1);
    unsigned index = (sib >> 3 & 7) | (in->rex & 2 ? 8 : 0);

    in->scale = sib >> 6;
    in->index = GOFF(index == 4 ? G_ZERO : index);
    in->base = GOFF((sib & 7) | (in->rex & 1 ? 8 : 0));
    if ((sib & 7) == 5 && mod == 0) {
        in->base = GOFF(G_ZERO);
        in->disp = bytes_signed(b, 4);
    }
}

static void mem_32(Bytes *b)
{
    Insn *in = b->in;
    unsigned mod = in->modrm >> 6, rm = in->modrm & 7;

    in->index = GOFF(G_ZERO);
    in->base = GOFF(rm | (in->rex & 1 ? 8 : 0));
    if (rm == 4) {
        mem_sib(b, mod);
    } else if (rm == 5 && mod == 0) {
        in->base = GOFF(in64(b) ? G_RIPBASE : G_ZERO);
        in->disp = bytes_signed(b, 4);
    }
    if (mod) {
        in->disp += bytes_signed(b, mod == 1 ? 1 : 4);
    }
}

/* seg: as written or by default; flat ones lose their number, but SS keeps its exception. */
static uint8_t seg_code(const Bytes *b, unsigned seg)
{
    static const uint32_t flat[6] = {
        [SEG_ES] = H_FLAT_ES, [SEG_DS] = H_FLAT_DS, [SEG_SS] = H_FLAT_SS
    };
    if (in64(b) ? seg >= SEG_FS : !(b->ctx->hflags & flat[seg])) {
        return seg;
    }
    return seg == SEG_SS ? SEG_FLAT_SS : SEG_FLAT;
}

static void seg_default(Bytes *b, bool stack)
{
    Insn *in = b->in;
    in->seg_no = b->seg;
    in->seg = seg_code(b, b->seg != SEG_FLAT ? b->seg : stack ? SEG_SS : SEG_DS);
}

static void modrm_parse(Bytes *b)
{
    Insn *in = b->in;
    if (in->modrm >= 0xc0) {
        return;
    }
    in->mem = 1;
    in->scale = 0;
    if (in->asz == 2) {
        mem_16(b);
    } else {
        mem_32(b);
    }
    seg_default(b, in->base == GOFF(RSP) || in->base == GOFF(RBP));
    if (in->row->attr & VSIB) { /* xmm4 is an index like others */
        in->index = GOFF(G_ZERO);
        in->dst = (b->sib >> 3 & 7) | (in->rex & 2 ? 8 : 0);
        b->bad_vex |= in->asz == 2 || (in->modrm & 7) != 4;
    }
}

/* ---- operands ---- */
static uint8_t reg_off(const Bytes *b, unsigned reg, unsigned size)
{
    bool high = size == 1 && reg >= 4 && reg < 8 && !(b->in->prefix & PRE_REX);
    return high ? GOFF(reg & 3) + 1 : GOFF(reg);
}

typedef enum { C_NONE, C_REG, C_MEM, C_IMM } OperandClass;

/* An immediate goes to imm, a second one to disp: no row has a memory operand and two of them. */
static OperandClass operand_imm(Bytes *b, int64_t v, bool second)
{
    if (second) {
        b->in->disp = v;
    } else {
        b->in->imm = v;
    }
    return C_IMM;
}

static OperandClass operand_far(Bytes *b)
{
    b->in->imm = bytes_get(b, b->osz);
    b->in->disp = bytes_get(b, 2);
    return C_IMM;
}

static OperandClass operand_parse(Bytes *b, unsigned kind, uint8_t *reg)
{
    Insn *in = b->in;
    unsigned size = in->osz;
    switch (kind) {
    case E:
    case EM:
    case ER: *reg = in->e; return in->mem ? C_MEM : C_REG;
    case ERX: *reg = in->e; return C_REG;
    case G: *reg = in->g; return C_REG;
    case ZR: *reg = reg_off(b, (in->op & 7) | (in->rex & 1 ? 8 : 0), size); return C_REG;
    case BG: *reg = GOFF(in->vvvv & (in64(b) ? 15 : 7)); return C_REG;
    case ACC: *reg = GOFF(RAX); return C_REG;
    case CL_: *reg = GOFF(RCX); return C_REG;
    case DX_: *reg = GOFF(RDX); return C_REG;
    case ONE: return operand_imm(b, 1, false);
    case I: return operand_imm(b, bytes_signed(b, MIN(size, 4)), false);
    case IB: return operand_imm(b, bytes_signed(b, 1), false);
    case IUB:
    case LX: return operand_imm(b, bytes_get(b, 1), false);
    case IB2: return operand_imm(b, bytes_get(b, 1), true);
    case IW: return operand_imm(b, bytes_get(b, 2), false);
    case IQ: return operand_imm(b, bytes_get(b, size), false);
    case J: return operand_imm(b, bytes_signed(b, size == 2 ? 2 : 4), false);
    case JB: return operand_imm(b, bytes_signed(b, 1), false);
    case AP: return operand_far(b);
    case O:
        in->mem = 1;
        in->base = in->index = GOFF(G_ZERO);
        in->disp = bytes_get(b, in->asz);
        return C_MEM;
    case WX:
    case QQ:
    case WM: return in->mem ? C_MEM : C_REG;
    case K_NONE: return C_NONE;
    default: return C_REG;
    }
}

static void string_operands(Bytes *b)
{
    Insn *in = b->in;
    in->index = seg_code(b, SEG_ES);
    in->base = GOFF(G_ZERO);
}

static unsigned form_of(const Bytes *b, OperandClass a, OperandClass b2, OperandClass c)
{
    const Insn *in = b->in;
    if (in->row->attr & REP) {
        return in->prefix & PRE_F3 ? RI : in->prefix & PRE_F2 ? RM : RR;
    }
    if (a == C_MEM) {
        return in->prefix & PRE_LOCK ? LK : b2 == C_IMM ? MI : MR;
    }
    if (b2 == C_MEM || c == C_MEM) {
        return RM;
    }
    return b2 == C_IMM || (a == C_IMM && b2 == C_NONE) ? RI : RR;
}

static unsigned operands_parse(Bytes *b)
{
    Insn *in = b->in;
    const Row *r = in->row;
    unsigned msize = size_resolve(b, r->msize ? r->msize : r->size);
    uint8_t third;

    in->osz = size_resolve(b, r->size);
    in->e = reg_off(b, (in->modrm & 7) | (in->rex & 1 ? 8 : 0), msize);
    in->g = reg_off(b, (in->modrm >> 3 & 7) | (in->rex & 4 ? 8 : 0), in->osz);
    OperandClass a = operand_parse(b, r->a, &in->dst);
    OperandClass b2 = operand_parse(b, r->b, &in->src);
    OperandClass c = operand_parse(b, r->c, &third);
    if (b2 == C_IMM) {
        in->src = INSN_IMM;
    }
    if (r->attr & REP) {
        string_operands(b);
    }
    if (r->attr & (IMM8 | IS4)) {
        in->imm = bytes_get(b, 1);
    }
    if (r->attr & IS4) {
        in->dst = in->imm >> 4 & (in64(b) ? 15 : 7);
    }
    return form_of(b, a, b2, c);
}

static bool row_is_jump(const Row *r)
{
    return r->a == J || r->a == JB;
}

/* Relative to the block's start, so that neither needs rip when it runs. */
static void relative_finish(Bytes *b)
{
    Insn *in = b->in;
    if (in->mem && in->base == GOFF(G_RIPBASE)) {
        in->disp += in->off + b->at;
    }
    if (row_is_jump(in->row)) {
        in->imm += in->off + b->at;
    }
}

/* ---- what faults whatever the state is ---- */
static bool operand_wrong(const Insn *in, unsigned kind)
{
    bool mem_only = kind == EM || kind == WM, reg_only = kind == ER || kind == UX || kind == NQ;
    return (mem_only && !in->mem) || (reg_only && in->mem);
}

/* destination, mask and index of a gather must be three registers */
static bool vsib_clash(const Insn *in)
{
    unsigned reg = (in->modrm >> 3 & 7) | (in->rex & 4 ? 8 : 0);
    return reg == in->vvvv || reg == in->dst || in->dst == in->vvvv;
}

static bool row_is_ud(const Bytes *b)
{
    const Insn *in = b->in;
    const Row *r = in->row;
    uint32_t h = b->ctx->hflags;
    bool prot = (h & H_PE) && !(h & H_VM);

    return operand_wrong(in, r->a) || operand_wrong(in, r->b) || operand_wrong(in, r->c) ||
           (in->prefix & PRE_LOCK && !(r->attr & LOCK && in->mem)) || (r->attr & PROT && !prot) ||
           (r->a == SW && (in->modrm >> 3 & 7) == SEG_CS) ||
           ((r->a == SW || r->b == SW) && (in->modrm >> 3 & 7) > SEG_GS) ||
           (b->vex && (b->bad_vex || !prot || (!(r->attr & VVVV) && in->vvvv))) ||
           (r->attr & AVX && !(h & H_AVX)) || (r->attr & VSIB && vsib_clash(in)) ||
           (r->attr & SSE && !(h & H_OSFXSR)) ||
           (r->feature && b->ctx->s && !x86_has(b->ctx->s, r->feature));
}

static InsnFn *handler_for(const Bytes *b, unsigned form)
{
    const Insn *in = b->in;
    const Row *r = in->row;
    uint32_t h = b->ctx->hflags;
    unsigned col = in->osz >= 8 ? 3 : in->osz == 4 ? 2 : in->osz == 2 ? 1 : 0;

    if (row_is_ud(b)) {
        return insn_ud;
    }
    if (h & H_TS && r->attr & AVX) {
        return insn_nofpu;
    }
    if (h & H_NOFPU && r->attr & (FPU | MMX | SSE | WAITING)) {
        return insn_nofpu;
    }
    if (r->attr & SYS && h & H_CPL) {
        return insn_gp0;
    }
    return r->fam->fn[form][col] ? r->fam->fn[form][col] : insn_ud;
}

static const Family no_family;
static const Row row_ud = { .name = "(bad)", .size = D, .attr = END, .fam = &no_family };

static unsigned decode_bad(Bytes *b, InsnFn *fn, unsigned len)
{
    b->in->row = &row_ud;
    b->in->fn = fn;
    return b->in->len = len;
}

/* Out of bytes: at the page's end the caller fetches more; at 15 the encoding is too long. */
static unsigned decode_short(Bytes *b)
{
    return b->n < LONGEST ? 0 : decode_bad(b, insn_gp0, LONGEST);
}

unsigned insn_decode(const DecodeCtx *ctx, const uint8_t *p, unsigned n, unsigned off, Insn *in)
{
    Bytes b = { .ctx = ctx, .in = in, .p = p, .n = MIN(n, LONGEST), .seg = SEG_FLAT };

    slots_build();
    *in = (Insn){
        .off = off, .base = GOFF(G_ZERO), .index = GOFF(G_ZERO), .seg = SEG_FLAT, .seg_no = SEG_FLAT
    };
    opcode_parse(&b);
    if (b.short_) {
        return decode_short(&b);
    }
    const Slot *slot = &slots[in->map][in->op];
    sizes_default(&b);
    seg_default(&b, false);
    if (slot->modrm) {
        in->modrm = bytes_get(&b, 1);
    }
    if (!b.short_) {
        in->row = row_find(&b, slot);
        if (!in->row) {
            return decode_bad(&b, insn_ud, b.at);
        }
        if (slot->modrm && in->row->a != ERX && in->row->b != ERX) {
            modrm_parse(&b);
        }
    }
    unsigned form = b.short_ ? 0 : operands_parse(&b);
    if (b.short_) {
        return decode_short(&b);
    }
    relative_finish(&b);
    in->len = b.at;
    in->fn = handler_for(&b, form);
    return in->len;
}
