/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual-8086 mode with and without VME: CLI, STI, PUSHF, POPF, INT n, IRET at every IOPL, the
 * redirection bitmap, VIF and VIP; PVI's CLI and STI in ring 3. Each case is a few instructions
 * that end in INT3, whose gate leads to ring 0 like every other vector's.
 * Source: Intel SDM volume 3, chapter 20.3 and table 20-2.
 */
#include "tests/cpu/soft-vm.h"

enum { IDT = 0x2000, STUBS = 0x3000, GDT = 0x4000, TSS = 0x5000, IOMAP = 0x200, STACK0 = 0x9000 };
enum { CODE = 0x10000, SP = 0x4000, HANDLER = 0x800 };

typedef struct Case {
    const char *name, *code;
    unsigned n, iopl, vector; /* 3: the end was reached */
    bool vme, vip, vif, redirect;
    uint64_t set, clear; /* of the flags that the monitor finds pushed */
    int ax;              /* -1: do not look */
} Case;
#define C(text) text, sizeof(text) - 1

#define CLI     "\xfa\xcc"
#define STI     "\xfb\xcc"
#define PUSHF   "\x9c\x58\xcc"         /* pushf; pop ax */
#define POPF_   "\x68\x00\x02\x9d\xcc" /* push 200h; popf */
#define POPF0   "\x6a\x00\x9d\xcc"     /* push 0; popf */
#define POPTF   "\x68\x00\x01\x9d\xcc" /* push TF; popf */
#define PUSHD   "\x66\x9c\xcc"
#define INT_    "\xcd\x21\xcc"
#define INTR    "\xb8\x77\x00\xcd\x21\xcc"         /* mov ax, 77h; int 21h */
#define IRET_   "\x68\x00\x02\x0e\x68\x20\x00\xcf" /* flags 200h, cs, ip 20h */

/* clang-format off */
static const Case cases[] = {
    { "cli, iopl 3",          C(CLI),   3, 3, false, false, false, false, 0, FLAG_IF, -1 },
    { "cli, iopl 0",          C(CLI),   0, 13, false, false, false, false, 0, 0, -1 },
    { "cli, iopl 0, vme",     C(CLI),   0, 3, true, false, true, false, FLAG_IF, FLAG_VIF, -1 },
    { "sti, iopl 0, vme",     C(STI),   0, 3, true, false, false, false, FLAG_VIF, 0, -1 },
    { "sti, vip",             C(STI),   0, 13, true, true, false, false, FLAG_VIP, FLAG_VIF, -1 },
    { "cli, vip",             C(CLI),   0, 3, true, true, true, false, FLAG_VIP, FLAG_VIF, -1 },
    { "pushf, iopl 0",        C(PUSHF), 0, 13, false, false, false, false, 0, 0, -1 },
    { "pushf, vme, vif",      C(PUSHF), 0, 3, true, false, true, false, 0, 0, 0x3202 },
    { "pushf, vme, no vif",   C(PUSHF), 0, 3, true, false, false, false, 0, 0, 0x3002 },
    { "pushfd, vme",          C(PUSHD), 0, 13, true, false, false, false, 0, 0, -1 },
    { "popf, vme",            C(POPF_), 0, 3, true, false, false, false, FLAG_VIF | FLAG_IF, 0, -1 },
    { "popf 0, vme",          C(POPF0), 0, 3, true, false, true, false, FLAG_IF, FLAG_VIF, -1 },
    { "popf, vme, vip",       C(POPF_), 0, 13, true, true, false, false, 0, FLAG_VIF, -1 },
    { "popf tf, vme",         C(POPTF), 0, 13, true, false, false, false, 0, 0, -1 },
    { "int, iopl 0",          C(INT_),  0, 13, false, false, false, false, 0, 0, -1 },
    { "int, iopl 3",          C(INT_),  3, 0x21, false, false, false, false, 0, 0, -1 },
    { "int, vme, monitor's",  C(INT_),  0, 13, true, false, false, false, 0, 0, -1 },
    { "int, vme, iopl 3",     C(INT_),  3, 0x21, true, false, false, false, 0, 0, -1 },
    { "int, redirected",      C(INTR),  0, 3, true, false, true, true, FLAG_IF, FLAG_VIF, 0x3202 },
    { "int, redirected, no vif", C(INTR), 0, 3, true, false, false, true, FLAG_IF, FLAG_VIF, 0x3002 },
    { "int, redirected, iopl 3", C(INTR), 3, 3, true, false, false, true, 0, FLAG_IF, 0x3202 },
    { "int, bitmap without vme", C(INT_), 3, 0x21, false, false, false, true, 0, 0, -1 },
    { "iret, iopl 0",         C(IRET_), 0, 13, false, false, false, false, 0, 0, -1 },
    { "iret, iopl 3",         C(IRET_), 3, 3, false, false, false, false, FLAG_IF, 0, -1 },
    { "iret, vme",            C(IRET_), 0, 3, true, false, false, false, FLAG_IF | FLAG_VIF, 0, -1 },
    { "iret, vme, vip",       C(IRET_), 0, 13, true, true, false, false, 0, FLAG_VIF, -1 },
};
/* clang-format on */

static void w64(SoftVm *m, uint32_t at, uint64_t v)
{
    memcpy(m->mem + at, &v, 8);
}
static uint32_t r32(SoftVm *m, uint32_t at)
{
    uint32_t v;
    memcpy(&v, m->mem + at, 4);
    return v;
}

static void tables_make(SoftVm *m)
{
    const uint32_t tss_stack[2] = { STACK0, 0x10 };
    const uint16_t iomap = IOMAP;

    w64(m, GDT + 8, 0x00cf9b000000ffff);
    w64(m, GDT + 16, 0x00cf93000000ffff);
    for (unsigned v = 0; v < 256; v++) {
        w64(m, IDT + v * 8, (STUBS + v) | 0x08ull << 16 | 0xee00ull << 32);
        m->mem[STUBS + v] = 0xf4;
    }
    memcpy(m->mem + TSS + 4, tss_stack, 8);
    memcpy(m->mem + TSS + 102, &iomap, 2);
    memset(m->mem + TSS + IOMAP - 32, 0xff, 32);
}

static void segments_set(X86State *s)
{
    const uint32_t v86 = SEG_P | SEG_S | SEG_RW | SEG_A | SEG_DPL;

    for (int i = 0; i < 6; i++) {
        s->seg[i] = (X86Seg){ .sel = CODE >> 4, .base = CODE, .limit = 0xffff, .attr = v86 };
    }
    s->gdt = (X86Table){ .base = GDT, .limit = 0xff };
    s->idt = (X86Table){ .base = IDT, .limit = 0x7ff };
    s->tr = (X86Seg){ .base = TSS, .limit = 0x7ff, .attr = SEG_P | 11, .sel = 0x28 };
}

static void case_run(SoftVm *m, const Case *c)
{
    X86State *s = m->s;
    const uint16_t ivt[2] = { HANDLER, CODE >> 4 };

    tables_make(m);
    memcpy(m->mem + 0x21 * 4, ivt, 4);
    memcpy(m->mem + CODE, c->code, c->n);
    m->mem[CODE + 0x20] = 0xcc;
    memcpy(m->mem + CODE + HANDLER, "\x89\xe5\x8b\x46\x04\xcc", 6); /* mov bp, sp; mov ax, [bp+4] */
    m->mem[TSS + IOMAP - 32 + 0x21 / 8] = c->redirect ? 0xfd : 0xff;
    segments_set(s);
    s->cr0 |= CR0_PE;
    s->cr4 = c->vme ? CR4_VME : 0;
    s->g[RSP] = SP;
    s->rip = 0;
    s->rflags = FLAG_ONE | FLAG_VM | FLAG_IF | c->iopl << 12 | (c->vip ? FLAG_VIP : 0) |
                (c->vif ? FLAG_VIF : 0);
    soft_vm_put(m);
    soft_vm_run(m);
}

/* ring 0's frame: [error] eip cs eflags ... */
static void case_check(SoftVm *m, const Case *c)
{
    X86State *s = m->s;
    uint32_t frame = s->g[RSP] + (c->vector == 13 ? 4 : 0), flags = r32(m, frame + 8);

    g_test_message("%s", c->name);
    g_assert_cmphex(s->rip, ==, STUBS + c->vector + 1);
    g_assert_cmphex(flags & c->set, ==, c->set);
    g_assert_cmphex(flags & c->clear, ==, 0);
    g_assert_true(flags & FLAG_VM);
    g_assert_cmphex(flags >> 12 & 3, ==, c->iopl);
    if (c->ax >= 0) {
        g_assert_cmphex(s->g[RAX] & 0xffff, ==, c->ax);
    }
    if (c->vector == 13) {
        g_assert_cmphex(r32(m, s->g[RSP]), ==, 0);
    }
}

static void test_v86(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        SoftVm *m = soft_vm_new("qemu64");
        case_run(m, &cases[i]);
        case_check(m, &cases[i]);
        soft_vm_free(m);
    }
}

/* The bitmap beyond the TSS's limit is #GP, not somebody's memory. */
static void test_bitmap_limit(void)
{
    SoftVm *m = soft_vm_new("qemu64");
    Case c = { "limit", C(INT_), 0, 13, true, false, false, true, 0, 0, -1 };

    case_run(m, &c);
    m->s->tr.limit = IOMAP - 33;
    segments_set(m->s);
    m->s->tr.limit = IOMAP - 33;
    m->s->g[RSP] = SP;
    m->s->rip = 0;
    m->s->rflags = FLAG_ONE | FLAG_VM | FLAG_IF;
    soft_vm_put(m);
    soft_vm_run(m);
    case_check(m, &c);
    soft_vm_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/v86/table", test_v86);
    g_test_add_func("/cpu/v86/bitmap-limit", test_bitmap_limit);
    return g_test_run();
}
