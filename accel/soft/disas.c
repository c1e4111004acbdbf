/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One instruction as text, from the same rows that execute it. Intel operand order and names as
 * binutils prints them with -M intel, without size words where a register tells the size.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "accel/soft/env.h"
#include "accel/soft/rows.h"

typedef struct Text {
    char *buf;
    size_t size, len;
} Text;

static void __attribute__((format(printf, 2, 3))) put(Text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
    va_end(ap);
    t->len = MIN(t->len + MAX(n, 0), t->size - 1);
}

/* ---- registers by byte offset in g[] ---- */
static const char *const reg64[] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
static const char *const reg8[] = { "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil" };
static const char *const seg_name[] = { "es", "cs", "ss", "ds", "fs", "gs", "?", "?" };

static void put_reg(Text *t, unsigned off, unsigned size)
{
    unsigned r = off / 8 & 15;
    if (size == 1) {
        if (off & 1) {
            put(t, "%ch", "acdb"[r & 3]);
        } else if (r < 8) {
            put(t, "%s", reg8[r]);
        } else {
            put(t, "%sb", reg64[r]);
        }
    } else if (r >= 8) {
        put(t, "%s%s", reg64[r], size == 2 ? "w" : size == 4 ? "d" : "");
    } else {
        put(t, "%s%s", size == 4 ? "e" : size == 8 ? "r" : "", reg64[r] + 1);
    }
}

static void put_vector(Text *t, const Insn *in, unsigned n)
{
    put(t, "%cmm%u", in->vl ? 'y' : 'x', n);
}

/* ---- memory ---- */
static const char *size_word(unsigned bytes)
{
    switch (bytes) {
    case 1: return "BYTE PTR ";
    case 2: return "WORD PTR ";
    case 4: return "DWORD PTR ";
    case 6: return "FWORD PTR ";
    case 8: return "QWORD PTR ";
    case 10: return "TBYTE PTR ";
    case 16: return "XMMWORD PTR ";
    case 32: return "YMMWORD PTR ";
    default: return "";
    }
}

static void put_disp(Text *t, const Insn *in, bool alone)
{
    int64_t d = in->disp;
    if (alone) {
        put(t, "0x%llx", (unsigned long long)(d & in->amask));
    } else if (d) {
        put(t, "%s0x%llx", d < 0 ? "-" : "+", (unsigned long long)(d < 0 ? -d : d));
    }
}

static void put_mem(Text *t, const Insn *in, uint64_t rip)
{
    bool base = in->base < G_ZERO * 8, index = in->index < G_ZERO * 8;
    if (!(in->row->attr & NOP_) && in->row->size) {
        put(t, "%s", size_word(insn_msize(in)));
    }
    if (in->seg_no < SEG_FLAT) {
        put(t, "%s:", seg_name[in->seg_no]);
    } else if (!base && !index && in->base != G_RIPBASE * 8) {
        put(t, "ds:");
    }
    if (in->base == G_RIPBASE * 8) {
        put(t, "[rip+0x%llx]", (unsigned long long)(in->disp - in->off - in->len) & in->amask);
        return;
    }
    bool alone = !base && !index && !(in->row->attr & VSIB);
    put(t, alone ? "" : "[");
    if (base) {
        put_reg(t, in->base, in->asz);
    }
    if (index) {
        put(t, base ? "+" : "");
        put_reg(t, in->index, in->asz);
        if (in->asz != 2)
            put(t, "*%u", 1u << in->scale);
    }
    if (in->row->attr & VSIB) {
        put(t, base ? "+" : "");
        put_vector(t, in, in->dst);
        put(t, "*%u", 1u << in->scale);
    }
    put_disp(t, in, alone);
    put(t, alone ? "" : "]");
}

/* ---- operands ---- */
static unsigned operand_width(const Insn *in, unsigned kind)
{
    bool rm = kind == E || kind == ER || kind == EM;
    return rm ? insn_msize(in) : in->osz;
}

static void put_imm(Text *t, const Insn *in, uint64_t v)
{
    uint64_t mask = in->osz >= 8 ? ~0ull : (1ull << in->osz * 8) - 1;
    put(t, "0x%llx", (unsigned long long)(v & mask));
}

static void put_string(Text *t, const Insn *in, bool di)
{
    put(t, "%s%s:[", size_word(in->osz),
        di ? "es" : seg_name[in->seg_no < SEG_FLAT ? in->seg_no : SEG_DS]);
    put_reg(t, (di ? RDI : RSI) * 8, in->asz);
    put(t, "]");
}

static void put_operand(Text *t, const Insn *in, unsigned kind, uint8_t reg, uint64_t rip)
{
    unsigned rm = (in->modrm & 7) | (in->rex & 1 ? 8 : 0);
    unsigned rg = (in->modrm >> 3 & 7) | (in->rex & 4 ? 8 : 0);
    bool is_rm = kind == E || kind == EM || kind == ER || kind == WX || kind == WM || kind == QQ ||
                 kind == UX || kind == NQ;

    if (in->mem && (is_rm || kind == O)) {
        put_mem(t, in, rip);
        return;
    }
    switch (kind) {
    case E:
    case ER:
    case EM:
    case ERX: put_reg(t, in->e, operand_width(in, kind)); break;
    case G: put_reg(t, in->g, in->osz); break;
    case ZR:
    case ACC:
    case BG: put_reg(t, reg, in->osz); break;
    case CL_: put(t, "cl"); break;
    case DX_: put(t, "dx"); break;
    case ONE: put(t, "1"); break;
    case I:
    case IB:
    case IQ: put_imm(t, in, in->imm); break;
    case IUB:
    case IW: put(t, "0x%llx", (unsigned long long)in->imm); break;
    case IB2: put(t, "0x%llx", (unsigned long long)in->disp); break;
    case J:
    case JB: put_imm(t, in, rip + in->imm - in->off); break;
    case AP:
        put(t, "0x%llx:0x%llx", (unsigned long long)in->disp & 0xffff, (unsigned long long)in->imm);
        break;
    case SW: put(t, "%s", seg_name[in->modrm >> 3 & 7]); break;
    case CRn: put(t, "cr%u", rg); break;
    case DRn: put(t, "dr%u", rg); break;
    case SI_: put_string(t, in, false); break;
    case DI_: put_string(t, in, true); break;
    case VX: put_vector(t, in, rg); break;
    case WX:
    case UX: put_vector(t, in, rm); break;
    case HX: put_vector(t, in, in->vvvv); break;
    case LX: put_vector(t, in, in->imm >> 4 & 15); break;
    case PQ: put(t, "mm%u", rg & 7); break;
    case QQ:
    case NQ: put(t, "mm%u", rm & 7); break;
    case ST_: put(t, "st"); break;
    case STI: put(t, "st(%u)", rm & 7); break;
    default:
        if (kind >= K_ES && kind <= K_GS) {
            put(t, "%s", seg_name[kind - K_ES]);
        }
    }
}

/* NOP and PAUSE */
static bool without_operands(const Insn *in)
{
    return (in->row->sel & 0x7ff) == 0x90 && !(in->rex & 1);
}

/* Names that the size or the address size chooses. */
static const char *name_of(const Insn *in)
{
    static const struct {
        const char *row, *sized[4];
    } by_size[] = {
        { "cbw", { "cbw", "cbw", "cwde", "cdqe" } },
        { "cwd", { "cwd", "cwd", "cdq", "cqo" } },
    };
    unsigned col = in->osz >= 8 ? 3 : in->osz == 4 ? 2 : in->osz == 2 ? 1 : 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(by_size); i++) {
        if (!strcmp(in->row->name, by_size[i].row)) {
            return by_size[i].sized[col];
        }
    }
    if (!strcmp(in->row->name, "jcxz")) {
        return in->asz == 2 ? "jcxz" : in->asz == 4 ? "jecxz" : "jrcxz";
    }
    if (in->row->sel == 0x90 && without_operands(in)) {
        return "nop";
    }
    return in->row->name;
}

static void put_prefixes(Text *t, const Insn *in)
{
    if (in->prefix & PRE_LOCK) {
        put(t, "lock ");
    }
    if (in->row->attr & REP && in->prefix & PRE_REP) {
        bool z = in->row->attr & REPZ;
        put(t, in->prefix & PRE_F2 ? "repnz " : z ? "repz " : "rep ");
    }
}

static void put_all(Text *t, const Insn *in, uint64_t rip)
{
    const Row *r = in->row;
    const unsigned kind[3] = { r->a, r->b, r->c };
    const uint8_t reg[3] = { in->dst, in->src, in->vvvv * 8 };

    put_prefixes(t, in);
    put(t, "%s", name_of(in));
    for (unsigned i = 0; i < 3 && kind[i] && !without_operands(in); i++) {
        put(t, i ? "," : " ");
        put_operand(t, in, kind[i], reg[i], rip);
    }
    if (r->attr & IS4) {
        put(t, ",");
        put_vector(t, in, in->dst);
    } else if (r->attr & IMM8) {
        put(t, ",0x%llx", (unsigned long long)in->imm);
    }
}

unsigned insn_print(uint32_t hflags, const uint8_t *p, unsigned n, uint64_t rip, char *buf,
                    size_t size)
{
    /* what only the processor's state decides is taken as allowed */
    DecodeCtx ctx = { NULL,
                      (hflags & ~(H_CPL | H_NOFPU | H_TS)) | H_OSFXSR | H_OSXSAVE | H_AVX | H_PE };
    Text t = { buf, size, 0 };
    Insn in;
    unsigned len = insn_decode(&ctx, p, n, 0, &in);

    buf[0] = 0;
    if (len && in.fn == insn_ud && !(in.row->attr & END)) {
        put(&t, "(bad)");
    } else if (len) {
        put_all(&t, &in, rip);
    }
    return len;
}
