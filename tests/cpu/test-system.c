/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables by hand for what no user process can try on the processor underneath: gates, far
 * transfers, IRET, segment loads, system registers, faults and their error codes, task switches,
 * v86. Every vector's handler is a HLT, so where the processor stopped says which one came; a HLT
 * in the code itself is success (vector -1).
 */
#include "tests/cpu/soft-vm.h"

enum { GDT = 0x1000, IDT = 0x2000, STUBS = 0x3000, TSS = 0x5000, TSS2 = 0x5800, LDT = 0x6000 };
enum { CODE = 0x10000, STACK0 = 0x9000, STACK3 = 0xa000, PML4 = 0x20000 };

/* selectors */
enum {
    C32 = 0x08,
    D32 = 0x10,
    C32_3 = 0x18 | 3,
    D32_3 = 0x20 | 3,
    TSS_SEL = 0x28,
    CONF = 0x30,
    C_NP = 0x38,
    D_RO = 0x40,
    D_DOWN = 0x48,
    D_SMALL = 0x50,
    LDT_SEL = 0x58,
    GATE = 0x60, /* call gate for ring 3, two slots in long mode */
    C16 = 0x70,
    D16 = 0x78,
    C64 = 0x80,
    TSS2_SEL = 0x88,
    TASK_SEL = 0x90,
    C_XO = 0x98, /* execute only */
    D_NP = 0xa0,
    C64_3 = 0xa8 | 3,
    GATE_NP = 0xb0,
    GDT_END = 0xc0
};

/* ---- code ---- */

/* Assembler text as bytes of this program; it is copied to CODE and must not care where it was. */
#define GUEST(bits, name, ...)                                                                   \
    __asm__(".pushsection .rodata\n.code" #bits "\ncode_" #name ":\n" __VA_ARGS__ "\nend_" #name \
            ":\n.code64\n.popsection");                                                          \
    extern const uint8_t code_##name[] __attribute__((visibility("hidden")));                    \
    extern const uint8_t end_##name[] __attribute__((visibility("hidden")))

typedef struct Case {
    const char *name;
    const uint8_t *code, *end;
    int cpl, vector;
    uint32_t error;
    int off; /* of the pushed rip; -1: do not look */
    void (*check)(SoftVm *);
} Case;
#define CASE(id, cpl_, vector_, error_, off_, ...)                                       \
    {                                                                                    \
        .name = #id, .code = code_##id, .end = end_##id, .cpl = cpl_, .vector = vector_, \
        .error = error_, .off = off_, __VA_OPT__(.check = __VA_ARGS__)                   \
    }

/* ---- the machine ---- */

static void w32(SoftVm *m, uint32_t at, uint32_t v)
{
    memcpy(m->mem + at, &v, 4);
}
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

static uint64_t desc(uint32_t base, uint32_t limit, uint32_t attr)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)attr << 40 |
           (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(base >> 24) << 56;
}

static uint64_t gate(uint16_t sel, uint32_t off, uint32_t attr)
{
    return (off & 0xffff) | (uint64_t)sel << 16 | (uint64_t)attr << 40 |
           (uint64_t)(off >> 16) << 48;
}

static void gdt_set(SoftVm *m, unsigned sel, uint64_t d)
{
    w64(m, GDT + (sel & ~7), d);
}

static void make_gdt(SoftVm *m)
{
    gdt_set(m, C32, desc(0, 0xfffff, 0xc09b));
    gdt_set(m, D32, desc(0, 0xfffff, 0xc093));
    gdt_set(m, C32_3, desc(0, 0xfffff, 0xc0fb));
    gdt_set(m, D32_3, desc(0, 0xfffff, 0xc0f3));
    gdt_set(m, CONF, desc(0, 0xfffff, 0xc09f));
    gdt_set(m, C_NP, desc(0, 0xfffff, 0xc01b));
    gdt_set(m, D_RO, desc(0, 0xfffff, 0xc091));
    gdt_set(m, D_DOWN, desc(0, 0x0ffff, 0x4097));
    gdt_set(m, D_SMALL, desc(0, 0xfff, 0x4093));
    gdt_set(m, LDT_SEL, desc(LDT, 0x17, 0x82));
    gdt_set(m, GATE, gate(C32, CODE + 0x800, 0xec));
    gdt_set(m, C16, desc(0, 0xffff, 0x9b));
    gdt_set(m, D16, desc(0, 0xffff, 0x93));
    gdt_set(m, C64, desc(0, 0xfffff, 0xa09b));
    gdt_set(m, C64_3, desc(0, 0xfffff, 0xa0fb));
    gdt_set(m, TSS_SEL, desc(TSS, 0x7ff, 0x8b));
    gdt_set(m, TSS2_SEL, desc(TSS2, 0x67, 0x89));
    gdt_set(m, TASK_SEL, gate(TSS2_SEL, 0, 0xe5));
    gdt_set(m, C_XO, desc(0, 0xfffff, 0xc099));
    gdt_set(m, D_NP, desc(0, 0xfffff, 0xc013));
    gdt_set(m, GATE_NP, gate(C32, CODE + 0x800, 0x6c));
    w64(m, LDT + 8, desc(0, 0xfffff, 0xc093));
}

static bool open_vector(unsigned v)
{
    return v == 3 || v == 4 || v == 0x80;
}

static void make_idt(SoftVm *m, bool wide)
{
    for (unsigned v = 0; v < 256; v++) {
        uint64_t g = gate(wide ? C64 : C32, STUBS + v * 16, open_vector(v) ? 0xee : 0x8e);

        m->mem[STUBS + v * 16] = 0xf4;
        w64(m, IDT + v * (wide ? 16 : 8), g);
        if (wide) {
            w64(m, IDT + v * 16 + 8, 0);
        }
    }
}

static X86Seg seg(uint16_t sel, uint32_t base, uint32_t limit, uint32_t attr)
{
    return (X86Seg){ .sel = sel, .base = base, .limit = limit, .attr = attr };
}

static void flat_segments(X86State *s, int cpl, bool wide)
{
    uint16_t cs = wide ? (cpl ? C64_3 : C64) : cpl ? C32_3 : C32, ss = cpl ? D32_3 : D32;

    for (int i = 0; i < 6; i++) {
        s->seg[i] = seg(ss, 0, 0xffffffff, 0xc093 | cpl << 5);
    }
    s->seg[SEG_CS] = seg(cs, 0, 0xffffffff, (wide ? 0xa09b : 0xc09b) | cpl << 5);
}

static void tss_init(SoftVm *m, bool wide)
{
    memset(m->mem + TSS, 0, 0x800);
    if (wide) {
        w64(m, TSS + 4, STACK0);
        w64(m, TSS + 36, STACK0 - 0x400); /* IST1 */
    } else {
        w32(m, TSS + 4, STACK0);
        w32(m, TSS + 8, D32);
    }
    w32(m, TSS + 100, 0x68 << 16);
    m->mem[TSS + 0x68 + 0x80 / 8] = 1; /* port 80h is closed */
}

/* What TSS2 holds: ring 0 code at CODE + 0x900, a HLT */
static void task_init(SoftVm *m)
{
    memset(m->mem + TSS2, 0, 0x68);
    w32(m, TSS2 + 32, CODE + 0x900);
    w32(m, TSS2 + 36, 2);
    w32(m, TSS2 + 40, 0x1234); /* EAX */
    w32(m, TSS2 + 56, STACK0 - 0x800);
    w32(m, TSS2 + 72, D32);
    w32(m, TSS2 + 76, C32);
    w32(m, TSS2 + 80, D32);
    w32(m, TSS2 + 84, D32);
    m->mem[CODE + 0x900] = 0xf4;
}

static void paging64(SoftVm *m)
{
    w64(m, PML4, (PML4 + 0x1000) | 7);
    w64(m, PML4 + 0x1000, (PML4 + 0x2000) | 7);
    for (unsigned i = 0; i < 8; i++) {
        w64(m, PML4 + 0x2000 + i * 8, (uint64_t)i << 21 | 0x87);
    }
    m->s->cr3 = PML4;
    m->s->cr4 = CR4_PAE | CR4_OSFXSR;
    m->s->efer = EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE;
}

static void prepare(SoftVm *m, const Case *c, bool wide)
{
    X86State *s = m->s;

    x86_reset(s, false, true);
    memset(m->mem, 0, 0x40000);
    make_gdt(m);
    make_idt(m, wide);
    tss_init(m, wide);
    task_init(m);
    memset(m->mem + CODE + 0x800, 0xf4, 16); /* the call gate's target */
    memcpy(m->mem + CODE, c->code, c->end - c->code);
    s->cr0 = CR0_PE | CR0_ET | CR0_NE | (wide ? CR0_PG | CR0_WP : 0);
    if (wide) {
        paging64(m);
    }
    s->gdt = (X86Table){ GDT, GDT_END - 1, 0 };
    s->idt = (X86Table){ IDT, 256 * (wide ? 16 : 8) - 1, 0 };
    s->tr = seg(TSS_SEL, TSS, 0x7ff, 0x8b);
    s->ldt = seg(LDT_SEL, LDT, 0x17, 0x82);
    flat_segments(s, c->cpl, wide);
    s->g[RSP] = c->cpl ? STACK3 : STACK0 - 0x200;
    s->rip = CODE;
    s->rflags = 2;
    soft_vm_put(m);
}

/* HLT leaves rip behind it */
static int vector_reached(const X86State *s)
{
    uint64_t at = s->rip - 1;

    return at >= STUBS && at < STUBS + 256 * 16 && at % 16 == 0 ? (int)(at - STUBS) / 16 : -1;
}

static bool has_error(int v)
{
    return v == 8 || (v >= 10 && v <= 14) || v == 17;
}

/* A table goes on after a wrong row: one run shows all of them. */
static void expect(const Case *c, const char *what, uint32_t got, uint32_t want)
{
    if (got != want) {
        g_test_message("%s (ring %d): %s is %x, not %x", c->name, c->cpl, what, got, want);
        g_test_fail();
    }
}

static void check_frame(SoftVm *m, const Case *c, unsigned slot)
{
    uint32_t sp = m->s->seg[SEG_SS].base + m->s->g[RSP];

    if (has_error(c->vector)) {
        expect(c, "error code", r32(m, sp), c->error);
        sp += slot;
    }
    if (c->off >= 0) {
        expect(c, "rip", r32(m, sp), CODE + c->off);
    }
}

static void run_case(SoftVm *m, const Case *c, bool wide)
{
    int v;

    prepare(m, c, wide);
    soft_vm_run(m);
    v = vector_reached(m->s);
    expect(c, "stopped", m->v.halted, true);
    expect(c, "vector", v, c->vector);
    if (v == c->vector && v >= 0) {
        check_frame(m, c, wide ? 8 : 4);
    } else if (v < 0) {
        g_test_message("%s (ring %d) stopped at %" G_GINT64_MODIFIER "x%s", c->name, c->cpl,
                       m->s->rip, m->s->triple ? ", triple fault" : "");
    }
    if (c->check && v == c->vector) {
        c->check(m);
    }
}

static void run_all(const Case *c, size_t n, bool wide, const char *accel)
{
    SoftVm *m = soft_vm_new_on(accel, "max");

    for (size_t i = 0; i < n; i++) {
        run_case(m, &c[i], wide);
    }
    soft_vm_free(m);
}

/* ---- 32-bit protected mode ---- */

GUEST(32, load_ok, "mov $0x10,%ax; mov %ax,%ds; mov %ax,%es; mov %ax,%fs; mov %ax,%gs; hlt");
GUEST(32, load_null, "xor %eax,%eax; mov %ax,%fs; mov %fs:0,%eax");
GUEST(32, load_null_ss, "xor %eax,%eax; mov %ax,%ss");
GUEST(32, load_beyond, "mov $0xff8,%eax; mov %ax,%ds");
GUEST(32, load_np, "mov $0xa0,%eax; mov %ax,%ds");
GUEST(32, load_np_ss, "mov $0xa0,%eax; mov %ax,%ss");
GUEST(32, load_ro_ss, "mov $0x40,%eax; mov %ax,%ss");
GUEST(32, load_rpl, "mov $0x11,%eax; mov %ax,%ss");
GUEST(32, load_xo, "mov $0x98,%eax; mov %ax,%ds");
GUEST(32, load_system, "mov $0x28,%eax; mov %ax,%ds");
GUEST(32, load_dpl, "mov $0x10,%eax; mov %ax,%ds");
GUEST(32, load_ldt, "mov $0x0c,%eax; mov %ax,%ds; hlt");
GUEST(32, load_ldt_beyond, "mov $0x1c,%eax; mov %ax,%ds");
GUEST(32, store_ro, "mov $0x40,%eax; mov %ax,%ds; mov %eax,0x100");
GUEST(32, small_in, "mov $0x50,%eax; mov %ax,%ds; mov 0xffc,%eax; hlt");
GUEST(32, small_out, "mov $0x50,%eax; mov %ax,%ds; mov 0xffd,%eax");
GUEST(32, down_in, "mov $0x48,%eax; mov %ax,%ds; mov 0x10000,%eax; hlt");
GUEST(32, down_out, "mov $0x48,%eax; mov %ax,%ds; mov 0xffff,%al");
GUEST(32, store_cs, "mov %eax,%cs:0x100");
GUEST(32, wrap_4g, "mov 0xfffffffe,%eax");
GUEST(32, stack_small, "mov $0x50,%eax; mov %ax,%ss; mov $0x2000,%esp; push %eax");
GUEST(32, pop_seg, "push $0x10; pop %es; pushl $0x10; pop %ds; hlt");
GUEST(32, lds_ok, "movl $0x1122,0x200; movw $0x10,0x204; lds 0x200,%ebx; hlt");

GUEST(32, ud2, "nop; ud2");
GUEST(32, divide, "xor %ecx,%ecx; div %ecx");
GUEST(32, int3_0, "int3");
GUEST(32, int_80, "int $0x80");
GUEST(32, int_21, "int $0x21");
GUEST(32, int_beyond, "int $0xff");
GUEST(32, cli_3, "cli");
GUEST(32, hlt_3, "hlt");
GUEST(32, movcr_3, "mov %cr0,%eax");
GUEST(32, in_open, "in $0x60,%al; int3");
GUEST(32, in_closed, "in $0x80,%al");
GUEST(32, in_partly, "in $0x7f,%ax");
GUEST(32, in_beyond, "mov $0xffff,%edx; in %dx,%al");
GUEST(32, into, "mov $0x7fffffff,%eax; add $1,%eax; into");
GUEST(32, int1, ".byte 0xf1");

GUEST(32, call_near_conf, "lcall $0x30,$0x10800");
GUEST(32, jmp_np, "ljmp $0x38,$0x10800");
GUEST(32, jmp_data, "ljmp $0x10,$0x10800");
GUEST(32, jmp_null, "ljmp $3,$0x10800");
GUEST(32, jmp_c3, "ljmp $0x1b,$0x10800");
GUEST(32, jmp_limit, "ljmp $0x70,$0x10800");
GUEST(32, gate_call3, "push $0x77; lcall $0x63,$0");
GUEST(32, gate_np, "lcall $0xb3,$0");
GUEST(32, gate_jmp3, "ljmp $0x63,$0");
GUEST(32, tss_jmp, "ljmp $0x88,$0");
GUEST(32, tss_call, "lcall $0x88,$0");
GUEST(32, tss_gate, "lcall $0x90,$0");
GUEST(32, tss_busy, "ljmp $0x28,$0");

GUEST(32, iret_same, "pushf; push $0x08; push $0x10800; iret");
GUEST(32, iret_outer,
      "push $0x23; push $0xa000; pushf; push $0x1b; push $0x10010; iret;"
      ".org code_iret_outer + 0x10; nop; int3");
GUEST(32, iret_ss, "push $0x10; push $0xa000; pushf; push $0x1b; push $0x10800; iret");
GUEST(32, iret_inner, "pushf; push $0x08; push $0x10800; iret");
GUEST(32, iret_null, "pushf; push $0; push $0x10800; iret");
GUEST(32, retf_outer, "push $0x23; push $0xa000; push $0x1b; push $0x10800; lret");
GUEST(32, v86_in,
      "push $0; push $0; push $0; push $0; push $0x900; push $0x1000; push $0x20002;"
      "push $0x1000; push $0x400; iret; .org code_v86_in + 0x400; .byte 0xcd, 0x21");

GUEST(32, lgdt_3, "lgdt 0");
GUEST(32, sgdt_ok, "sgdt 0x200; sidt 0x208; hlt");
GUEST(32, lldt_bad, "mov $0x10,%eax; lldt %ax");
GUEST(32, ltr_busy, "mov $0x28,%eax; ltr %ax");
GUEST(32, ltr_ok, "mov $0x88,%eax; ltr %ax; str %ecx; hlt");
GUEST(32, lar_lsl,
      "mov $0x50,%ebx; lar %ebx,%eax; lsl %ebx,%ecx; mov $0x18,%ebx; verr %bx;"
      "setz %dl; mov $0x40,%ebx; verw %bx; setz %dh; lar %bx,%si; hlt");
GUEST(32, arpl, "mov $0x10,%eax; mov $3,%ebx; arpl %bx,%ax; setz %cl; hlt");
GUEST(32, cr0_pg_pe, "mov $0x80000000,%eax; mov %eax,%cr0");
GUEST(32, cr0_nw, "mov %cr0,%eax; or $0x20000000,%eax; and $~0x40000000,%eax; mov %eax,%cr0");
GUEST(32, cr4_bad, "mov $0x80000000,%eax; mov %eax,%cr4");
GUEST(32, cr1, ".byte 0x0f,0x20,0xc8");
GUEST(32, msr_bad, "mov $0x12345678,%ecx; rdmsr");
GUEST(32, msr_ok,
      "mov $0x174,%ecx; mov $0x55,%eax; xor %edx,%edx; wrmsr; xor %eax,%eax; rdmsr; hlt");
GUEST(32, tf, "pushf; orl $0x100,(%esp); popf; nop; nop");
GUEST(32, tf_hlt, "pushf; orl $0x100,(%esp); popf; hlt; nop");
GUEST(32, movss, "pushf; orl $0x100,(%esp); mov %ss,%eax; popf; mov %ax,%ss; nop; nop");
GUEST(32, db_code,
      "mov $0x10020,%eax; mov %eax,%dr0; mov $1,%eax; mov %eax,%dr7; nop;"
      ".org code_db_code + 0x20, 0x90; nop; hlt");
GUEST(32, db_data,
      "mov $0x208,%eax; mov %eax,%dr1; mov $0xd00004,%eax; mov %eax,%dr7;"
      "mov %eax,0x204; mov %eax,0x20a; nop");
GUEST(32, sysenter, "sysenter");
GUEST(32, sse_off, "movaps %xmm0,%xmm1");
GUEST(32, df_task,
      "mov $0x9000,%esp; lidt 0x10100; int3; .org code_df_task + 0x100; .word 0x67; .long 0x2000");
GUEST(32, double_, "movl $0,0x2068; movl $0,0x206c; mov %eax,%cs:0");
GUEST(32, triple, "lidt 0x10100; ud2; .org code_triple + 0x100; .word 0; .long 0");
GUEST(32, limit16,
      "mov $0x70,%eax; pushf; push %eax; push $0x100; iret; .org code_limit16 + 0x40; hlt");
GUEST(32, page_fault,
      "mov $0x20000,%eax; mov %eax,%cr3; mov %cr0,%eax; or $0x80000000,%eax; mov %eax,%cr0");

static void check_load_ok(SoftVm *m)
{
    g_assert_cmphex(m->s->seg[SEG_GS].sel, ==, D32);
    g_assert_cmphex(m->s->seg[SEG_GS].limit, ==, 0xffffffff);
}
static void check_lds(SoftVm *m)
{
    g_assert_cmphex(m->s->g[RBX], ==, 0x1122);
}
static void check_gate3(SoftVm *m)
{
    uint32_t sp = m->s->g[RSP];

    g_assert_cmphex(m->s->rip, ==, CODE + 0x801);
    g_assert_cmphex(m->s->seg[SEG_CS].sel, ==, C32);
    g_assert_cmphex(m->s->seg[SEG_SS].sel, ==, D32);
    g_assert_cmphex(sp, ==, STACK0 - 16);
    g_assert_cmphex(r32(m, sp + 4), ==, C32_3);
    g_assert_cmphex(r32(m, sp + 8), ==, STACK3 - 4);
    g_assert_cmphex(r32(m, sp + 12), ==, D32_3);
}
static void check_task_jump(SoftVm *m)
{
    g_assert_cmphex(m->s->rip, ==, CODE + 0x901);
    g_assert_cmphex(m->s->g[RAX], ==, 0x1234);
    g_assert_cmphex(m->s->tr.sel, ==, TSS2_SEL);
    g_assert_cmphex(m->mem[GDT + TSS2_SEL + 5], ==, 0x8b); /* busy now */
    g_assert_cmphex(m->mem[GDT + TSS_SEL + 5], ==, 0x89);  /* and the old one no more */
    g_assert(m->s->cr0 & CR0_TS);
    g_assert_cmphex(r32(m, TSS + 32), ==, CODE + 7);
}
static void check_task_call(SoftVm *m)
{
    g_assert_cmphex(m->s->rip, ==, CODE + 0x901);
    g_assert_cmphex(m->mem[GDT + TSS_SEL + 5], ==, 0x8b);
    g_assert_cmphex(r32(m, TSS2) & 0xffff, ==, TSS_SEL); /* the way back */
    g_assert(m->s->rflags & FLAG_NT);
}
static void check_outer(SoftVm *m)
{
    uint32_t sp = m->s->g[RSP]; /* of the #BP handler: came from ring 3 */

    g_assert_cmphex(r32(m, sp + 4), ==, C32_3);
    g_assert_cmphex(r32(m, sp + 12), ==, 0xa000);
    g_assert_cmphex(r32(m, sp + 16), ==, D32_3);
    g_assert(m->s->seg[SEG_ES].attr & SEG_NULL); /* ring 0 data did not leak */
}
static void check_v86(SoftVm *m)
{
    uint32_t sp = m->s->g[RSP];

    g_assert_cmphex(r32(m, sp + 4), ==, 0x400); /* rip */
    g_assert_cmphex(r32(m, sp + 8), ==, 0x1000);
    g_assert(r32(m, sp + 12) & FLAG_VM);
    g_assert(!(m->s->rflags & FLAG_VM));
    g_assert_cmphex(m->s->seg[SEG_DS].attr & SEG_NULL, ==, SEG_NULL);
}
static void check_sgdt(SoftVm *m)
{
    g_assert_cmphex(r32(m, 0x200), ==, (GDT_END - 1) | GDT << 16);
    g_assert_cmphex(r32(m, 0x208), ==, 0x7ff | IDT << 16);
}
static void check_ltr(SoftVm *m)
{
    g_assert_cmphex(m->s->g[RCX], ==, TSS2_SEL);
    g_assert_cmphex(m->mem[GDT + TSS2_SEL + 5], ==, 0x8b);
}
static void check_lar(SoftVm *m)
{
    g_assert_cmphex(m->s->g[RAX], ==, 0x409300);
    g_assert_cmphex(m->s->g[RCX], ==, 0xfff);
    g_assert_cmphex(m->s->g[RDX] & 0xffff, ==, 0x0001); /* readable; not writable */
    g_assert_cmphex(m->s->g[RSI] & 0xffff, ==, 0x9100);
}
static void check_arpl(SoftVm *m)
{
    g_assert_cmphex(m->s->g[RAX], ==, 0x13);
    g_assert_cmphex(m->s->g[RCX] & 0xff, ==, 1);
}
static void check_msr(SoftVm *m)
{
    g_assert_cmphex(m->s->g[RAX], ==, 0x55);
}
static void check_step(SoftVm *m)
{
    g_assert_cmphex(m->s->dr[6], ==, 0xffff4ff0);
    g_assert(!(m->s->rflags & FLAG_TF));
}
static void check_db_code(SoftVm *m)
{
    g_assert_cmphex(m->s->dr[6] & 15, ==, 1);
}
static void check_db_data(SoftVm *m)
{
    g_assert_cmphex(m->s->dr[6] & 15, ==, 2);
}
static void check_triple(SoftVm *m)
{
    g_assert(m->s->triple);
}

static const Case protected_mode[] = {
    CASE(load_ok, 0, -1, 0, -1, check_load_ok),
    CASE(load_null, 0, 13, 0, 4),
    CASE(load_null_ss, 0, 13, 0, 2),
    CASE(load_beyond, 0, 13, 0xff8, 5),
    CASE(load_np, 0, 11, D_NP, 5),
    CASE(load_np_ss, 0, 12, D_NP, 5),
    CASE(load_ro_ss, 0, 13, D_RO, 5),
    CASE(load_rpl, 0, 13, D32, 5),
    CASE(load_xo, 0, 13, C_XO, 5),
    CASE(load_system, 0, 13, TSS_SEL, 5),
    CASE(load_dpl, 3, 13, D32, 5),
    CASE(load_ldt, 0, -1, 0, -1),
    CASE(load_ldt_beyond, 0, 13, 0x1c, 5),
    CASE(store_ro, 0, 13, 0, 7),
    CASE(small_in, 0, -1, 0, -1),
    CASE(small_out, 0, 13, 0, 7),
    CASE(down_in, 0, -1, 0, -1),
    CASE(down_out, 0, 13, 0, 7),
    CASE(store_cs, 0, 13, 0, 0),
    CASE(wrap_4g, 0, 13, 0, 0),
    CASE(pop_seg, 0, -1, 0, -1),
    CASE(lds_ok, 0, -1, 0, -1, check_lds),
    CASE(ud2, 0, 6, 0, 1),
    CASE(ud2, 3, 6, 0, 1),
    CASE(divide, 0, 0, 0, 2),
    CASE(int3_0, 0, 3, 0, 1),
    CASE(int3_0, 3, 3, 0, 1),
    CASE(int_80, 3, 0x80, 0, 2),
    CASE(int_21, 0, 0x21, 0, 2),
    CASE(int_21, 3, 13, 0x21 * 8 + 2, 0),
    CASE(cli_3, 3, 13, 0, 0),
    CASE(hlt_3, 3, 13, 0, 0),
    CASE(movcr_3, 3, 13, 0, 0),
    CASE(in_open, 3, 3, 0, 3),
    CASE(in_closed, 3, 13, 0, 0),
    CASE(in_partly, 3, 13, 0, 0),
    CASE(in_beyond, 3, 13, 0, 5),
    CASE(into, 0, 4, 0, -1),
    CASE(int1, 3, 1, 0, 1),
    CASE(call_near_conf, 0, -1, 0, -1),
    CASE(jmp_np, 0, 11, C_NP, 0),
    CASE(jmp_data, 0, 13, D32, 0),
    CASE(jmp_null, 0, 13, 0, 0),
    CASE(jmp_c3, 0, 13, 0x18, 0),
    CASE(jmp_limit, 0, 13, 0, 0),
    CASE(gate_call3, 3, -1, 0, -1, check_gate3),
    CASE(gate_np, 3, 11, GATE_NP, 0),
    CASE(gate_jmp3, 3, 13, C32, 0),
    CASE(tss_jmp, 0, -1, 0, -1, check_task_jump),
    CASE(tss_call, 0, -1, 0, -1, check_task_call),
    CASE(tss_gate, 0, -1, 0, -1, check_task_call),
    CASE(tss_gate, 3, -1, 0, -1, check_task_call),
    CASE(tss_busy, 0, 13, TSS_SEL, 0),
    CASE(iret_same, 0, -1, 0, -1),
    CASE(iret_outer, 0, 3, 0, 0x12, check_outer),
    CASE(iret_ss, 0, 13, D32, -1),
    CASE(iret_inner, 3, 13, C32, -1),
    CASE(iret_null, 0, 13, 0, -1),
    CASE(retf_outer, 0, 13, 0, 0x800),
    CASE(v86_in, 0, 13, 0, -1, check_v86),
    CASE(lgdt_3, 3, 13, 0, 0),
    CASE(sgdt_ok, 0, -1, 0, -1, check_sgdt),
    CASE(lldt_bad, 0, 13, D32, 5),
    CASE(ltr_busy, 0, 13, TSS_SEL, 5),
    CASE(ltr_ok, 0, -1, 0, -1, check_ltr),
    CASE(lar_lsl, 0, -1, 0, -1, check_lar),
    CASE(arpl, 0, -1, 0, -1, check_arpl),
    CASE(cr0_pg_pe, 0, 13, 0, 5),
    CASE(cr0_nw, 0, 13, 0, 13),
    CASE(cr4_bad, 0, 13, 0, 5),
    CASE(cr1, 0, 6, 0, 0),
    CASE(msr_bad, 0, 13, 0, 5),
    CASE(msr_ok, 0, -1, 0, -1, check_msr),
    CASE(tf, 0, 1, 0, 10, check_step),
    CASE(tf_hlt, 0, 1, 0, -1, check_step),
    CASE(movss, 0, 1, 0, -1, check_step),
    CASE(db_code, 0, 1, 0, 0x20, check_db_code),
    CASE(db_data, 0, 1, 0, -1, check_db_data),
    CASE(sysenter, 0, 13, 0, 0),
    CASE(sse_off, 0, 6, 0, 0),
    CASE(double_, 0, 8, 0, 20),
    CASE(triple, 0, -1, 0, -1, check_triple),
};

/* ---- long mode ---- */

GUEST(64, l_ok, "mov $0x123456789abc,%rax; hlt");
GUEST(64, l_canon, "mov $0x800000000000,%rax; mov (%rax),%rbx");
GUEST(64, l_canon_sp, "mov $0x800000000000,%rsp; push %rax");
GUEST(64, l_canon_bp, "mov $0x800000000000,%rbp; mov (%rbp),%eax");
GUEST(64, l_pf, "mov $0x40000000,%rax; mov (%rax),%rbx");
GUEST(64, l_pfw, "mov $0x40000000,%rax; mov %rbx,(%rax)");
GUEST(64, l_jmp, "jmp *%rax");
GUEST(64, l_syscall, "syscall");
GUEST(64, l_syscall_ok,
      "mov $0xc0000082,%ecx; mov $0x10800,%eax; xor %edx,%edx; wrmsr;"
      "mov $0xc0000081,%ecx; mov $0x100008,%edx; xor %eax,%eax; wrmsr; syscall");
GUEST(64, l_iret3,
      "push $0x23; push $0xa000; pushf; push $0xab; push $0x10020; iretq;"
      ".org code_l_iret3 + 0x20; int3");
GUEST(64, l_iret_null, "push $0; push $0x8000; pushf; push $0x80; push $0x10800; iretq");
GUEST(64, l_iret_canon,
      "push $0; push $0x8000; pushf; push $0x80; mov $0x800000000000,%rax;"
      "push %rax; iretq");
GUEST(64, l_int80, "int $0x80");
GUEST(64, l_far, "push $0x08; push $0x10800; lretq");
GUEST(64, l_swapgs, "swapgs; hlt");
GUEST(64, l_cr8, "mov $16,%eax; mov %rax,%cr8");
GUEST(64, l_pcid,
      "mov %cr3,%rax; or $0x123,%rax; mov %rax,%cr3; mov %cr4,%rax; bts $17,%rax;"
      "mov %rax,%cr4");
GUEST(64, l_pae_off, "mov %cr4,%rax; btr $5,%rax; mov %rax,%cr4");
GUEST(64, l_pg_off, "mov %cr0,%rax; btr $31,%rax; mov %rax,%cr0");
GUEST(64, l_nt, "pushf; orl $0x4000,(%rsp); popf; iretq");
GUEST(64, l_fs,
      "mov $0xc0000100,%ecx; mov $0x4000,%eax; xor %edx,%edx; wrmsr; movl $7,0x4010;"
      "mov %fs:0x10,%ebx; hlt");
GUEST(64, l_sse,
      "mov $0x5e2740,%eax; movq %rax,%xmm0; punpcklqdq %xmm0,%xmm0; mov $0x2000,%ecx;"
      "movaps %xmm0,(%rcx); hlt");
/* the linear address must be on 16 bytes, not the offset */
GUEST(64, l_cx16_fs,
      "mov $0xc0000100,%ecx; mov $0x4008,%eax; xor %edx,%edx; wrmsr; lock cmpxchg16b %fs:0; hlt");
GUEST(64, l_cx16_fs_ok,
      "mov $0xc0000100,%ecx; mov $0x4008,%eax; xor %edx,%edx; wrmsr; lock cmpxchg16b %fs:8; hlt");
GUEST(
    64, l_mmx_fpe,
    "mov %cr4,%rax; or $0x600,%eax; mov %rax,%cr4; push $0x1f00; ldmxcsr (%rsp); mov $0x4000,%eax;"
    "movl $0x7f800001,(%rax); movl $0x7f800001,4(%rax); cvtps2pi (%rax),%mm0; hlt");
GUEST(64, l_user, "mov 0x2000,%eax; hlt");

static void check_syscall(SoftVm *m)
{
    g_assert_cmphex(m->s->rip, ==, CODE + 0x801);
    g_assert_cmphex(m->s->seg[SEG_CS].sel, ==, C32); /* STAR says so */
    g_assert(m->s->seg[SEG_CS].attr & SEG_L);
    g_assert_cmphex(m->s->g[RCX], ==, CODE + 0x1e);
}
static void check_l_outer(SoftVm *m)
{
    uint32_t sp = m->s->g[RSP];

    g_assert_cmphex(sp, ==, STACK0 - 40);
    g_assert_cmphex(r32(m, sp + 8), ==, C64_3);
    g_assert_cmphex(r32(m, sp + 24), ==, 0xa000);
    g_assert_cmphex(r32(m, sp + 32), ==, D32_3);
    g_assert_cmphex(m->s->seg[SEG_SS].sel, ==, 0); /* null, RPL 0 */
}
static void check_l_far(SoftVm *m)
{
    g_assert_cmphex(m->s->seg[SEG_CS].sel, ==, C32);
    g_assert(!(m->s->seg[SEG_CS].attr & SEG_L));
}
static void check_fs(SoftVm *m)
{
    g_assert_cmphex(m->s->g[RBX], ==, 7);
}
static void check_sse(SoftVm *m)
{
    g_assert_cmphex(r32(m, 0x2000), ==, 0x5e2740);
    g_assert_cmphex(r32(m, 0x2008), ==, 0x5e2740);
}
/* the unmasked exception left no register of the host in use */
static void check_host_tags(SoftVm *m)
{
    struct {
        uint32_t w[7];
    } e;

    asm volatile("fnstenv %0; fldenv %0" : "=m"(e));
    g_assert_cmphex(e.w[2] & 0xffff, ==, 0xffff);
}
static void check_cr2(SoftVm *m)
{
    g_assert_cmphex(m->s->cr2, ==, 0x40000000);
}

static const Case long_mode[] = {
    CASE(l_ok, 0, -1, 0, -1),
    CASE(l_canon, 0, 13, 0, 10),
    CASE(l_canon_sp, 0, -1, 0, -1, check_triple), /* nothing can be pushed there */
    CASE(l_canon_bp, 0, 12, 0, 10),
    CASE(l_pf, 0, 14, 0, 7, check_cr2),
    CASE(l_pfw, 0, 14, 2, 7, check_cr2),
    CASE(l_pf, 3, 14, 4, 7, check_cr2),
    CASE(l_pfw, 3, 14, 6, 7, check_cr2),
    CASE(l_syscall_ok, 0, -1, 0, -1, check_syscall),
    CASE(l_iret3, 0, 3, 0, 0x21, check_l_outer),
    CASE(l_iret_null, 0, -1, 0, -1),
    CASE(l_iret_canon, 0, 13, 0, -1),
    CASE(l_int80, 3, 0x80, 0, 2),
    CASE(l_far, 0, -1, 0, -1, check_l_far),
    CASE(l_swapgs, 3, 13, 0, 0),
    CASE(l_cr8, 0, 13, 0, 5),
    CASE(l_pcid, 0, 13, 0, -1),
    CASE(l_pae_off, 0, 13, 0, -1),
    CASE(l_pg_off, 0, 13, 0, -1),
    CASE(l_nt, 0, 13, 0, -1),
    CASE(l_fs, 0, -1, 0, -1, check_fs),
    CASE(l_sse, 0, -1, 0, -1, check_sse),
    CASE(l_cx16_fs, 0, 13, 0, -1),
    CASE(l_cx16_fs_ok, 0, -1, 0, -1),
    CASE(l_mmx_fpe, 0, 19, 0, -1, check_host_tags),
    CASE(l_user, 3, 13, 0, -1),
};

static void test_protected(void)
{
    run_all(protected_mode, G_N_ELEMENTS(protected_mode), false, "tcg");
}

static void test_long(void)
{
    run_all(long_mode, G_N_ELEMENTS(long_mode), true, "tcg");
}

/* Blocks of one instruction: other ways through the dispatcher, the same answers. */
static void test_one(void)
{
    run_all(protected_mode, G_N_ELEMENTS(protected_mode), false, "tcg,x-one-insn=on");
    run_all(long_mode, G_N_ELEMENTS(long_mode), true, "tcg,x-one-insn=on");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/system/protected", test_protected);
    g_test_add_func("/cpu/system/long", test_long);
    g_test_add_func("/cpu/system/one-instruction-blocks", test_one);
    return g_test_run();
}
