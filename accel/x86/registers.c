/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of one vCPU as 7.2 prints them, and by name for expressions. Floating point comes
 * from the XSAVE image (Intel SDM volume 1, 13.4): its ST registers are relative to TOP, the text's
 * FPR are physical.
 */
#include <inttypes.h>
#include <string.h>

#include "accel/x86/registers.h"
#include "util/log.h"

enum {
    XSAVE_FCW = 0,
    XSAVE_FSW = 2,
    XSAVE_FTW = 4,
    XSAVE_MXCSR = 24,
    XSAVE_ST = 32,
    XSAVE_XMM = 160
};

static bool in_long_mode(const X86State *s)
{
    return s->efer & EFER_LMA;
}

static bool in_64bit_code(const X86State *s)
{
    return in_long_mode(s) && s->seg[SEG_CS].attr & SEG_L;
}

/* ---- segments ---- */

/* The upper half of the descriptor without its parts of the base. */
static uint32_t seg_flags(const X86Seg *g)
{
    uint32_t limit = g->attr & SEG_G ? g->limit >> 28 : g->limit >> 16 & 15;
    return g->attr & SEG_NULL ? 0 : (g->attr & 0xf0ff) << 8 | limit << 16;
}

static const char *system_type(unsigned type, bool long_mode)
{
    static const char *const names[2][16] = {
        { "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16",
          "TrapGate16", "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved",
          "IntGate32", "TrapGate32" },
        { "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved",
          "Reserved", "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64",
          "TrapGate64" }
    };
    return names[long_mode][type];
}

static void print_seg(GString *s, const X86State *x, const char *name, const X86Seg *g)
{
    uint32_t flags = seg_flags(g), a = g->attr;
    bool lm = in_long_mode(x);

    if (lm)
        g_string_append_printf(s, "%-3s=%04x %016" PRIx64 " %08x %08x", name, g->sel, g->base,
                               g->limit, flags);
    else
        g_string_append_printf(s, "%-3s=%04x %08x %08x %08x", name, g->sel, (uint32_t)g->base,
                               g->limit, flags);
    if (x->cr0 & CR0_PE && flags & SEG_P << 8) {
        g_string_append_printf(s, " DPL=%d ", (a & SEG_DPL) >> 5);
        if (!(a & SEG_S))
            g_string_append(s, system_type(a & 15, lm));
        else if (a & SEG_CODE)
            g_string_append_printf(s, "%s [%c%c%c]",
                                   a & SEG_L && lm ? "CS64"
                                   : a & SEG_DB    ? "CS32"
                                                   : "CS16",
                                   a & SEG_CE ? 'C' : '-', a & SEG_RW ? 'R' : '-',
                                   a & SEG_A ? 'A' : '-');
        else
            g_string_append_printf(s, "%s [%c%c%c]", lm || a & SEG_DB ? "DS  " : "DS16",
                                   a & SEG_CE ? 'E' : '-', a & SEG_RW ? 'W' : '-',
                                   a & SEG_A ? 'A' : '-');
    }
    g_string_append_c(s, '\n');
}

static void print_segs(GString *s, const X86State *x)
{
    static const char names[][4] = { "ES ", "CS ", "SS ", "DS ", "FS ", "GS " };
    bool lm = in_long_mode(x);
    for (int i = 0; i < 6; i++)
        print_seg(s, x, names[i], &x->seg[i]);
    print_seg(s, x, "LDT", &x->ldt);
    print_seg(s, x, "TR ", &x->tr);
    if (lm)
        g_string_append_printf(s, "GDT=     %016" PRIx64 " %08x\nIDT=     %016" PRIx64 " %08x\n",
                               x->gdt.base, x->gdt.limit, x->idt.base, x->idt.limit);
    else
        g_string_append_printf(s, "GDT=     %08x %08x\nIDT=     %08x %08x\n", (uint32_t)x->gdt.base,
                               x->gdt.limit, (uint32_t)x->idt.base, x->idt.limit);
}

/* ---- integers, flags, control ---- */

static void print_general(GString *s, const X86State *x)
{
    static const uint8_t order[] = { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP };
    static const char names[][3] = { "AX", "BX", "CX", "DX", "SI", "DI", "BP", "SP" };
    bool wide = in_64bit_code(x);
    for (int i = 0; i < 8; i++) {
        char end = i % 4 == 3 ? '\n' : ' ';
        if (wide)
            g_string_append_printf(s, "R%s=%016" PRIx64 "%c", names[i], x->g[order[i]], end);
        else
            g_string_append_printf(s, "E%s=%08x%c", names[i], (uint32_t)x->g[order[i]], end);
    }
    for (int i = 8; wide && i < 16; i++)
        g_string_append_printf(s, "R%-2d=%016" PRIx64 "%c", i, x->g[i], i % 4 == 3 ? '\n' : ' ');
}

static void print_flags(GString *s, const X86State *x, bool a20, bool halted)
{
    static const struct {
        uint32_t bit;
        char letter;
    } shown[] = { { FLAG_DF, 'D' }, { FLAG_OF, 'O' }, { FLAG_SF, 'S' }, { FLAG_ZF, 'Z' },
                  { FLAG_AF, 'A' }, { FLAG_PF, 'P' }, { FLAG_CF, 'C' } };
    if (in_64bit_code(x))
        g_string_append_printf(s, "RIP=%016" PRIx64 " RFL=%08x [", x->rip, (uint32_t)x86_flags(x));
    else
        g_string_append_printf(s, "EIP=%08x EFL=%08x [", (uint32_t)x->rip, (uint32_t)x86_flags(x));
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++)
        g_string_append_c(s, x86_flags(x) & shown[i].bit ? shown[i].letter : '-');
    unsigned cpl = x86_flags(x) & FLAG_VM ? 3
                   : !(x->cr0 & CR0_PE)   ? 0
                                          : (x->seg[SEG_SS].attr & SEG_DPL) >> 5;
    g_string_append_printf(s, "] CPL=%u II=%d A20=%d SMM=%d HLT=%d\n", cpl, x->shadow != 0, a20,
                           x->smm, halted);
}

static void print_control(GString *s, const X86State *x)
{
    if (in_long_mode(x))
        g_string_append_printf(s, "CR0=%08x CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08x\n",
                               (uint32_t)x->cr0, x->cr2, x->cr3, (uint32_t)x->cr4);
    else
        g_string_append_printf(s, "CR0=%08x CR2=%08x CR3=%08x CR4=%08x\n", (uint32_t)x->cr0,
                               (uint32_t)x->cr2, (uint32_t)x->cr3, (uint32_t)x->cr4);
    for (int i = 0; i < 4; i++)
        g_string_append_printf(s, "DR%d=%016" PRIx64 " ", i, x->dr[i]);
    g_string_append_printf(s, "\nDR6=%016" PRIx64 " DR7=%016" PRIx64 "\nEFER=%016" PRIx64 "\n",
                           x->dr[6], x->dr[7], x->efer);
}

/* ---- floating point, vectors ---- */

static uint64_t xsave_get(const X86State *x, size_t at, size_t n)
{
    uint64_t v = 0;
    memcpy(&v, x->xsave.bytes + at, n);
    return v;
}

static void print_fpu(GString *s, const X86State *x)
{
    unsigned fsw = (unsigned)xsave_get(x, XSAVE_FSW, 2), top = fsw >> 11 & 7;
    unsigned vectors = in_64bit_code(x) ? 16 : 8;

    g_string_append_printf(
        s, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n", (unsigned)xsave_get(x, XSAVE_FCW, 2),
        fsw, top, (unsigned)xsave_get(x, XSAVE_FTW, 1), (unsigned)xsave_get(x, XSAVE_MXCSR, 4));
    for (unsigned i = 0; i < 8; i++) {
        size_t at = XSAVE_ST + ((i - top) & 7) * 16;
        g_string_append_printf(s, "FPR%u=%016" PRIx64 " %04x%c", i, xsave_get(x, at, 8),
                               (unsigned)xsave_get(x, at + 8, 2), i % 2 ? '\n' : ' ');
    }
    for (unsigned i = 0; i < vectors; i++) {
        size_t at = XSAVE_XMM + i * 16;
        g_string_append_printf(s, "XMM%02u=%016" PRIx64 " %016" PRIx64 "%c", i,
                               xsave_get(x, at + 8, 8), xsave_get(x, at, 8), i % 2 ? '\n' : ' ');
    }
}

void registers_print(GString *s, const X86State *x, bool a20, bool halted, bool fpu)
{
    print_general(s, x);
    print_flags(s, x, a20, halted);
    print_segs(s, x);
    print_control(s, x);
    if (fpu)
        print_fpu(s, x);
}

void registers_log(const char *title, const X86State *x, bool a20, bool halted)
{
    g_autoptr(GString) text = g_string_new(title);

    registers_print(text, x, a20, halted, log_on(LOG_FPU));
    log_print("%s", text->str);
}

/* ---- by name ---- */

bool registers_get(const X86State *x, const char *name, uint64_t *value)
{
    static const char general[][4] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
    static const char segs[][4] = { "es", "cs", "ss", "ds", "fs", "gs" };
    char *end;

    if (strcmp(name, "pc") == 0 || strcmp(name, "eip") == 0 || strcmp(name, "rip") == 0)
        return *value = x->rip + x->seg[SEG_CS].base, true; /* linear: x /5i $eip just works */
    if (strcmp(name, "eflags") == 0 || strcmp(name, "rflags") == 0)
        return *value = x86_flags(x), true;
    for (int i = 0; i < 8; i++)
        if ((*name == 'e' || *name == 'r') && strcmp(name + 1, general[i]) == 0)
            return *value = in_64bit_code(x) ? x->g[i] : (uint32_t)x->g[i], true;
    for (int i = 0; i < 6; i++) {
        if (strncmp(name, segs[i], 2) != 0)
            continue;
        if (!name[2])
            return *value = x->seg[i].sel, true;
        if (strcmp(name + 2, ".base") == 0)
            return *value = x->seg[i].base, true;
        if (strcmp(name + 2, ".limit") == 0)
            return *value = x->seg[i].limit, true;
    }
    static const struct {
        const char *name;
        size_t off;
    } control[] = { { "cr0", offsetof(X86State, cr0) },
                    { "cr2", offsetof(X86State, cr2) },
                    { "cr3", offsetof(X86State, cr3) },
                    { "cr4", offsetof(X86State, cr4) } };
    for (size_t i = 0; i < G_N_ELEMENTS(control); i++)
        if (strcmp(name, control[i].name) == 0)
            return memcpy(value, (const char *)x + control[i].off, 8), true;
    guint64 n = *name == 'r' ? g_ascii_strtoull(name + 1, &end, 10) : 0;
    if (n >= 8 && n < 16 && !*end)
        return *value = x->g[n], true;
    return false;
}
