/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every instruction row against the processor underneath. A signal frame is a register file: a
 * handler in a child writes registers, flags with TF and the FP image into its frame and returns,
 * one instruction runs, and the next signal brings the result. The same bytes, registers and memory
 * go through the interpreter, with page tables that show the same pages at the same addresses.
 *
 * 64-bit code, 32-bit code and 16-bit code and data, both by modify_ldt. A row without a case
 * fails, unless it is listed with a reason. Undefined flags are not compared. LONG=1: many more.
 */
#include <asm/ldt.h>
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "accel/soft/block.h"
#include "accel/soft/ops.h"
#include "accel/soft/rows.h"
#include "core/device.h"
#include "core/runstate.h"
#include "core/vm.h"

/* ---- the pages both sides see ---- */
#define CODE   0x20000000ull /* two pages, executable */
#define DATA   0x30000000ull /* two pages, then a hole */
#define RDONLY 0x30004000ull
enum { PAGE = 4096, DATA_SIZE = 2 * PAGE, BATCH = 64 };

typedef enum { MODE64, MODE32, MODE16, MODES } Mode;
static const char *const mode_name[MODES] = { "64-bit", "32-bit", "16-bit" };

typedef struct Regs {
    uint64_t g[16], rip, flags;
    uint8_t fx[512]; /* legacy FXSAVE area */
    uint8_t ymm[256];
} Regs;

typedef struct Case {
    Regs in;
    uint8_t code[16];
    unsigned code_at, len; /* offset of the code in CODE */
    Mode mode;
    bool whole; /* not one step: up to an INT3 behind it */
    /* results of the processor */
    Regs out;
    int trap;
    uint64_t error, cr2;
    uint8_t mem[DATA_SIZE];
} Case;

typedef struct Shared {
    Case c[BATCH];
    unsigned n;
    uint8_t image[DATA_SIZE];
} Shared;

static Shared *sh;
static uint16_t sel16_code, sel16_data, sel32_code;

/* ---- the child ---- */
static volatile unsigned now;
static volatile bool running;
static ucontext_t *home;
static char home_fp[4096];

static void set_data_segs(unsigned sel)
{
    asm volatile("mov %0, %%ds\n\tmov %0, %%es" : : "r"(sel));
}

static void frame_load(ucontext_t *uc, const Case *c)
{
    static const int reg[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15 };
    greg_t *g = uc->uc_mcontext.gregs;
    uint64_t cs = c->mode == MODE64 ? 0x33 : c->mode == MODE32 ? sel32_code : sel16_code;
    uint64_t ss = c->mode == MODE16 ? sel16_data : 0x2b;

    for (int i = 0; i < 16; i++) {
        g[reg[i]] = c->in.g[i];
    }
    g[REG_RIP] = c->in.rip;
    g[REG_EFL] = c->in.flags | (c->whole ? 0 : FLAG_TF) | 0x202;
    g[REG_CSGSFS] = cs | ss << 48;
    uc->uc_flags |= 6;                             /* UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS */
    memcpy(uc->uc_mcontext.fpregs, c->in.fx, 464); /* the rest is the kernel's */
    memcpy((char *)uc->uc_mcontext.fpregs + 576, c->in.ymm, 256);
    *(uint64_t *)((char *)uc->uc_mcontext.fpregs + 512) |= 7; /* XSTATE_BV: all are there */
    memcpy((void *)DATA, sh->image, DATA_SIZE);
    memset((void *)CODE, 0xcc, 2 * PAGE);
    memcpy((char *)CODE + c->code_at, c->code, c->len);
    set_data_segs(ss);
}

static void frame_store(const ucontext_t *uc, Case *c)
{
    static const int reg[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15 };
    const greg_t *g = uc->uc_mcontext.gregs;
    for (int i = 0; i < 16; i++) {
        c->out.g[i] = g[reg[i]];
    }
    c->out.rip = g[REG_RIP];
    c->out.flags = g[REG_EFL];
    c->trap = g[REG_TRAPNO];
    c->error = g[REG_ERR];
    c->cr2 = g[REG_CR2];
    memcpy(c->out.fx, uc->uc_mcontext.fpregs, 464);
    /* a component in its initial state is not written: XSTATE_BV says so */
    const char *x = (const char *)uc->uc_mcontext.fpregs;
    if (*(const uint64_t *)(x + 512) & 4) {
        memcpy(c->out.ymm, x + 576, 256);
    } else {
        memset(c->out.ymm, 0, 256);
    }
    memcpy(c->mem, (void *)DATA, DATA_SIZE);
}

/* NT, AC and ID survive into the handler: a POPF case may have set them. */
static void on_signal(int sig, siginfo_t *si, void *arg)
{
    ucontext_t *uc = arg;
    asm volatile("pushfq\n\tandl $~0x244400, (%%rsp)\n\tpopfq\n\tcld" : : : "cc", "memory");
    if (!running) {
        memcpy(home, uc, sizeof(*home));
        memcpy(home_fp, uc->uc_mcontext.fpregs, sizeof(home_fp) < 2696 ? sizeof(home_fp) : 2696);
        running = true;
        now = 0;
    } else {
        frame_store(uc, &sh->c[now]);
        now++;
    }
    if (now < sh->n) {
        frame_load(uc, &sh->c[now]);
        return;
    }
    running = false;
    void *fp = uc->uc_mcontext.fpregs;
    memcpy(uc->uc_mcontext.gregs, home->uc_mcontext.gregs, sizeof(gregset_t));
    memcpy(fp, home_fp, 832);
    uc->uc_flags = home->uc_flags;
}

static uint16_t ldt_entry(unsigned n, uint64_t base, unsigned limit, bool code, bool wide)
{
    struct user_desc d = { .entry_number = n,
                           .base_addr = base,
                           .limit = limit,
                           .contents = code ? MODIFY_LDT_CONTENTS_CODE : MODIFY_LDT_CONTENTS_DATA,
                           .seg_32bit = wide,
                           .limit_in_pages = wide,
                           .useable = 1 };
    return syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)) ? 0 : n << 3 | 7;
}

static int to_child[2], to_parent[2];

/* So that a fault is about rights, not about a page that the kernel maps later. */
static void touch_pages(void)
{
    (void)*(volatile char *)RDONLY;
    for (int i = 0; i < 2; i++) {
        *(volatile char *)(DATA + i * PAGE) = 0;
        *(volatile char *)(CODE + i * PAGE) = 0;
    }
}

static _Noreturn void child_main(void)
{
    static const int sigs[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGUSR1 };
    struct sigaction sa = { .sa_sigaction = on_signal,
                            .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
    char c;

    home = malloc(sizeof(*home));
    sigaltstack(&ss, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(sigs); i++) {
        sigaction(sigs[i], &sa, NULL);
    }
    touch_pages();
    while (read(to_child[0], &c, 1) == 1) {
        raise(SIGUSR1);
        if (write(to_parent[1], &c, 1) != 1) {
            break;
        }
    }
    _exit(0);
}

static void child_run(void)
{
    char c = 0;
    if (write(to_child[1], &c, 1) != 1 || read(to_parent[0], &c, 1) != 1) {
        int status;
        wait(&status);
        g_error("the child died at case %u, status %x", now, status);
    }
}

/* ---- our side: a vCPU in user mode ---- */
static SoftEnv *env;
static Region ram;
static Vcpu vcpu, *vcpus[1] = { &vcpu };
enum { RAM_SIZE = 4 << 20, PHYS_CODE = 0x100000, PHYS_DATA = 0x110000, PHYS_RO = 0x120000 };

typedef struct RamDevice {
    Device dev;
} RamDevice;
static const DeviceType ram_type = { .name = "test-ram", .size = sizeof(RamDevice) };

static uint64_t *table(uint64_t phys)
{
    return (uint64_t *)(ram.host + phys);
}

/* Four levels, tables at 1000h and on; what is not there is created. */
static void page_map(uint64_t la, uint64_t phys, uint64_t rights)
{
    static uint64_t next = 0x2000;
    uint64_t t = 0x1000;
    for (int shift = 39; shift > 12; shift -= 9) {
        uint64_t *e = &table(t)[la >> shift & 511];
        if (!*e) {
            *e = next | 7;
            next += PAGE;
        }
        t = *e & ~0xfffull;
    }
    table(t)[la >> 12 & 511] = phys | rights;
}

static Vm *machine_new(void)
{
    Vm *vm = vm_new();
    RamDevice *d = (RamDevice *)device_part(vm->root, &ram_type, NULL);
    GError *err = NULL;

    g_assert_true(device_realize(&d->dev, NULL, &err));
    g_assert_true(region_init_ram(&ram, &d->dev, "ram", RAM_SIZE, &err));
    space_map(vm->mem, &(MapRow){ .size = RAM_SIZE, .region = &ram, .on = true });
    env = g_malloc0(sizeof(*env) + 64);
    env = (SoftEnv *)(((uintptr_t)env + 63) & ~63ul);
    vcpu = (Vcpu){ .vm = vm, .mem = vm->mem, .io = vm->io, .a20 = true, .x86 = &env->x86 };
    vm->vcpu = vcpus;
    vm->n_vcpus = 1;
    env->x86.vcpu = &vcpu;
    env->apic_page = SOFT_NO_PAGE;
    for (int i = 0; i < 2; i++) {
        page_map(CODE + i * PAGE, PHYS_CODE + i * PAGE, 7);
        page_map(DATA + i * PAGE, PHYS_DATA + i * PAGE, 7 | 1ull << 63);
    }
    page_map(RDONLY, PHYS_RO, 5 | 1ull << 63);
    return vm;
}

static const uint32_t user_data = SEG_P | SEG_DPL | SEG_S | SEG_RW | SEG_A;

static void seg_set(X86State *s, Mode mode)
{
    X86Seg flat = { .limit = 0xffffffff, .attr = user_data | SEG_DB | SEG_G, .sel = 0x2b };
    X86Seg small = { .base = DATA, .limit = DATA_SIZE - 1, .attr = user_data, .sel = sel16_data };
    X86Seg null = { .attr = SEG_NULL };
    X86Seg data = mode == MODE16 ? small : flat;
    X86Seg code = { .limit = mode == MODE16 ? 0xffff : 0xffffffff,
                    .base = mode == MODE16 ? CODE : 0 };

    code.attr = user_data | SEG_CODE | (mode == MODE64 ? SEG_L : mode == MODE32 ? SEG_DB : 0);
    code.sel = mode == MODE64 ? 0x33 : mode == MODE32 ? sel32_code : sel16_code;
    s->seg[SEG_CS] = code;
    s->seg[SEG_DS] = s->seg[SEG_ES] = s->seg[SEG_SS] = data;
    s->seg[SEG_FS] = s->seg[SEG_GS] = null;
}

static void case_load(X86State *s, const Case *c)
{
    memcpy(s->g, c->in.g, sizeof(c->in.g));
    s->g[G_ZERO] = 0;
    s->rip = c->in.rip;
    s->cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_AM;
    s->cr3 = 0x1000;
    s->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    s->xcr0 = 7;
    s->efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
    s->mxcsr_mask = 0xffff;
    seg_set(s, c->mode);
    x86_set_flags(s, c->in.flags | (c->whole ? 0 : FLAG_TF) | 0x202);
    memcpy(s->xsave.bytes, c->in.fx, 464);
    memcpy(s->xsave.bytes + 576, c->in.ymm, 256);
    *(uint64_t *)(s->xsave.bytes + 512) = 7;
    soft_hflags(s);
    s->hflags |= H_ONE;
}

/* One instruction; vector of its fault, -1: none. */
static __attribute__((noinline)) int step(X86State *s)
{
    if (__builtin_setjmp(env->jump)) {
        return env->exc_vector;
    }
    uint64_t la = s->seg[SEG_CS].base + s->rip;
    Block *b = block_at(s, la, s->hflags);
    s->g[G_RIPBASE] = s->rip;
    for (const Insn *in = b->insn; in;) {
        in = in->fn(s, in);
    }
    return -1;
}

static int run_ours(X86State *s, const Case *c)
{
    int fault;
    memset(ram.host + PHYS_CODE, 0xcc, 2 * PAGE);
    memcpy(ram.host + PHYS_CODE + c->code_at, c->code, c->len);
    memcpy(ram.host + PHYS_DATA, sh->image, DATA_SIZE);
    soft_blocks_written(vcpu.vm, &ram, PHYS_CODE, 2 * PAGE);
    case_load(s, c);
    do {
        s->hflags |= H_ONE;
        fault = step(s);
    } while (c->whole && fault < 0 && s->rip == c->in.rip);
    return fault;
}

/* ---- comparing ---- */
static GString *diff;

static void differ(const char *what, uint64_t host, uint64_t ours)
{
    if (host != ours) {
        g_string_append_printf(diff,
                               "  %s: host %" G_GINT64_MODIFIER "x, ours %" G_GINT64_MODIFIER "x\n",
                               what, host, ours);
    }
}

static uint64_t flags_of_byte(uint8_t f)
{
    return (f & (CF | PF | AF | ZF | SF)) | (f & OF ? FLAG_OF : 0);
}

static void compare_mem(const uint8_t *host, const uint8_t *ours)
{
    for (unsigned i = 0, n = 0; i < DATA_SIZE && n < 4; i++) {
        if (host[i] != ours[i]) {
            g_autofree char *at = g_strdup_printf("[%x]", i);
            differ(at, host[i], ours[i]);
            n++;
        }
    }
}

static void compare_fp(const Row *row, const uint8_t *host, const uint8_t *ours)
{
    /* FCOMI and FUCOMI clear C1 on Intel's processors and leave it on AMD's */
    uint8_t c1 = strstr(row->name, "comi") && row->attr & FPU ? 2 : 0;

    /* FOP, FIP and FDP (bytes 6 to 23) differ by vendor */
    for (unsigned i = 0, n = 0; i < 416 && n < 4; i++) {
        bool pad = (i >= 32 && i < 160 && i % 16 >= 10) || (i >= 28 && i < 32) || i == 5;
        uint8_t mask = i == 3 ? ~c1 : 0xff;
        if ((i < 6 || i >= 24) && !pad && (host[i] ^ ours[i]) & mask) {
            g_autofree char *at = g_strdup_printf("fx[%u]", i);
            differ(at, host[i], ours[i]);
            n++;
        }
    }
}

static void compare_ymm(const uint8_t *host, const uint8_t *ours)
{
    for (unsigned i = 0; i < 256; i += 16) {
        if (memcmp(host + i, ours + i, 16)) {
            g_autofree char *at = g_strdup_printf("ymm%u high", i / 16);
            differ(at, *(uint64_t *)(host + i), *(uint64_t *)(ours + i));
        }
    }
}

/* The vector as the host reports it: a finished step is #DB, INT3 behind a whole one is #BP. */
static bool compare(X86State *s, const Case *c, const Row *row, int fault)
{
    uint64_t mask = flags_of_byte(ALL & ~row->f_undef) | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID;
    int done = c->whole ? EXC_BP : EXC_DB;

    g_string_truncate(diff, 0);
    differ("trap", c->trap, fault < 0 ? done : fault);
    if (fault >= 0) {
        mask = flags_of_byte(ALL) | FLAG_DF;
        if (fault == EXC_PF || fault == EXC_GP || fault == EXC_SS) {
            /* the kernel's pages may be mapped for the host: present or not is not compared */
            uint64_t present = fault == EXC_PF && s->cr2 >= 0x7ffffffff000;
            differ("error", c->error | present, env->exc_error | present);
        }
        if (fault == EXC_PF) {
            differ("cr2", c->cr2, s->cr2);
        }
    }
    differ("rip", c->out.rip - (c->whole && fault < 0), s->rip);
    for (unsigned i = 0; i < (c->mode == MODE64 ? 16u : 8u); i++) {
        g_autofree char *name = g_strdup_printf("r%u", i);
        uint64_t m = c->mode == MODE64 ? ~0ull : 0xffffffff;
        differ(name, c->out.g[i] & m, s->g[i] & m);
    }
    differ("flags", c->out.flags & mask, x86_flags(s) & mask);
    compare_mem(c->mem, ram.host + PHYS_DATA);
    compare_fp(row, c->out.fx, s->xsave.bytes);
    compare_ymm(c->out.ymm, s->xsave.bytes + 576);
    return !diff->len;
}

/* ---- cases ---- */
static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}
static unsigned below(unsigned n)
{
    return rnd() >> 20 % 64 ? rnd() % n : 0;
}
static bool one_in(unsigned n)
{
    return below(n) == 0;
}

/* Near ends of pages, in them, where nothing is, and numbers that are no addresses. */
static uint64_t value(Mode mode)
{
    uint64_t base = mode == MODE16 ? 0 : DATA;
    switch (below(14)) {
    case 0: return base + PAGE - below(20);
    case 1: return base + DATA_SIZE - below(20);
    case 2:
    case 3:
    case 4:
    case 5: return base + below(DATA_SIZE);
    case 6: return base + (below(DATA_SIZE) & ~31u);
    case 7: return RDONLY + below(PAGE);
    case 8: return rnd();
    case 9: return (1ull << below(64)) & ~CODE; /* stores there would be to the code */
    case 10: return -(uint64_t)below(130);
    case 11: return below(300);
    case 12:
        if (one_in(3)) { /* what an empty TLB entry might look like */
            return (1ull << 63) + below(PAGE) - below(2) * PAGE;
        }
        return one_in(2) ? 0xffff800000000000ull + below(PAGE) : 0x7ffffffffff8ull + below(32);
    default: return base + 64 + below(512);
    }
}

static void fp_random(Case *c)
{
    static const uint32_t odd[] = { 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x00000001,
                                    0x80000000, 0x3f800000, 0x4f000000, 0xcf000000, 0x00800000 };
    uint16_t *fx16 = (uint16_t *)c->in.fx;
    uint64_t *fx = (uint64_t *)c->in.fx;

    memset(c->in.fx, 0, sizeof(c->in.fx));
    for (unsigned i = 20; i < 52; i++) { /* XMM0-15 */
        fx[i] = rnd();
        if (one_in(2)) {
            fx[i] = odd[below(10)] | (uint64_t)odd[below(10)] << 32;
        }
    }
    for (unsigned i = 0; i < 32; i++) {
        ((uint64_t *)c->in.ymm)[i] = rnd();
    }
    for (unsigned i = 0; i < 8; i++) { /* ST0-7 */
        fx[4 + i * 2] = rnd() | 1ull << 63;
        fx16[20 + i * 8 - 0] = one_in(3) ? 0x3fff + below(20) : rnd();
    }
    fx16[0] = one_in(4) ? 0x37f & ~below(64) : 0x37f | (below(4) << 10);
    fx16[1] = (below(8) << 11) | (rnd() & 0x4700);
    c->in.fx[4] = rnd();
    *(uint32_t *)(c->in.fx + 24) = one_in(4) ? 0x1f80 & ~(below(64) << 7) : 0x1f80 | below(4) << 13;
}

static void case_regs(Case *c)
{
    static const uint32_t flag[] = {
        FLAG_CF, FLAG_PF, FLAG_AF, FLAG_ZF, FLAG_SF, FLAG_OF, FLAG_DF
    };
    for (int i = 0; i < 16; i++) {
        c->in.g[i] = value(c->mode);
        if (c->mode != MODE64) {
            c->in.g[i] = (uint32_t)c->in.g[i];
        }
    }
    if (!one_in(8)) { /* a stack that works, mostly */
        c->in.g[RSP] = (c->mode == MODE16 ? 0 : DATA) + PAGE + (below(1024) & ~1u);
    }
    if (c->mode == MODE64) { /* the kernel's IRET wants a canonical one */
        c->in.g[RSP] = (int64_t)(c->in.g[RSP] << 16) >> 16;
    }
    if (one_in(2)) {
        c->in.g[RCX] = below(40);
    }
    if (c->mode != MODE64) { /* not restored by the kernel in these modes' frames */
        memset(c->in.g + 8, 0, 64);
    }
    if (c->mode == MODE16) {
        for (int i = 0; i < 8; i++) {
            c->in.g[i] = one_in(2) ? c->in.g[i] & 0xffff : c->in.g[i];
        }
        c->in.g[RSP] &= 0xffff; /* what IRET to a 16-bit stack leaves above is the kernel's */
    }
    c->in.flags = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(flag); i++) {
        c->in.flags |= one_in(2) ? flag[i] : 0;
    }
    if (c->whole) {
        c->in.g[RCX] &= c->mode == MODE16 ? 0xfff : 0x1fff;
    }
    fp_random(c);
}

static void put(Case *c, uint64_t v, unsigned n)
{
    memcpy(c->code + c->len, &v, n);
    c->len += n;
}

/* AMD's LOOPE and LOOPNE look at F2 and F3: nobody relies on it, Intel's do not. */
static bool rep_strange(const Row *r)
{
    return r->sel == 0xe0 || r->sel == 0xe1;
}

static void put_prefixes(Case *c, const Row *r)
{
    unsigned pp = r->sel >> 11 & 7, map = r->sel >> 8 & 7;
    bool vex = map >= 4;
    static const uint8_t seg[] = { 0x2e, 0x36, 0x3e, 0x26, 0x65 };

    if (one_in(8)) {
        put(c, seg[below(sizeof(seg))], 1);
    }
    if (one_in(6)) {
        put(c, 0x67, 1);
    }
    if (vex) {
        return;
    }
    if (pp == 2 || (pp != 1 && one_in(4))) {
        put(c, 0x66, 1);
    }
    if (r->attr & LOCK ? one_in(3) : one_in(60)) {
        put(c, 0xf0, 1);
    }
    if (pp == 3 || (r->attr & REP && one_in(3)) || (pp == 0 && !rep_strange(r) && one_in(40))) {
        put(c, 0xf3, 1);
    } else if (pp == 4 || (r->attr & REP && one_in(3))) {
        put(c, 0xf2, 1);
    }
}

static void put_opcode(Case *c, const Row *r)
{
    unsigned map = r->sel >> 8 & 7, w = r->sel >> 26 & 3, l = r->sel >> 28 & 3;
    static const uint8_t pp_of[8] = { 0, 0, 1, 2, 3 };
    if (map >= 4) {
        uint8_t inv = c->mode == MODE64 ? rnd() & 0xe0 : 0xe0;
        uint8_t vvvv = r->attr & VVVV ? rnd() & 15 : 15;
        if (c->mode != MODE64) {
            vvvv |= 8;
        }
        bool big = w == 2 || (w == 0 && one_in(2)), wide = l == 2 || (l == 0 && one_in(2));
        put(c, 0xc4, 1);
        put(c, inv | (map - 3), 1);
        put(c, big << 7 | vvvv << 3 | wide << 2 | pp_of[r->sel >> 11 & 7], 1);
    } else {
        if (c->mode == MODE64 && (w == 2 || one_in(2))) {
            put(c, 0x40 | (rnd() & (w == 1 ? 7 : 15)) | (w == 2 ? 8 : 0), 1);
        }
        if (map) {
            put(c, 0x0f, 1);
        }
        if (map > 1) {
            put(c, map == 2 ? 0x38 : 0x3a, 1);
        }
    }
    put(c, r->sel & 255, 1);
}

/* ModRM, SIB, displacement and immediates as random bytes: the row's fixed fields and mod first. */
static void put_rest(Case *c, const Row *r)
{
    uint8_t modrm = rnd();
    unsigned mod = r->sel >> 14 & 3;
    if (r->sel & SEL_REG) {
        modrm = (modrm & 0xc7) | (r->sel >> 18 & 7) << 3;
    }
    if (r->sel & SEL_RM) {
        modrm = (modrm & 0xf8) | (r->sel >> 22 & 7);
    }
    if (mod == 2 || (!mod && one_in(3))) {
        modrm |= 0xc0;
    } else if (mod == 1 && modrm >= 0xc0) {
        modrm &= 0x7f;
    }
    put(c, modrm, 1);
    /* small displacements keep most addresses in the data */
    uint64_t disp = one_in(3) ? rnd() : below(64) * (one_in(2) ? 0x0101010101010101ull : 1);
    put(c, disp, MIN(15 - c->len, 8u));
    if (c->len < 15) {
        put(c, rnd(), 15 - c->len);
    }
}

static bool wanted_alone(const Row *r)
{
    return r->attr & REP;
}

/* Keeps only bytes that decode to this very row. */
static bool case_make(Case *c, const Row *r, Mode mode)
{
    DecodeCtx ctx = { &env->x86, 0 };
    Insn in;

    memset(c->code, 0, sizeof(c->code));
    c->len = 0;
    c->mode = mode;
    c->whole = wanted_alone(r) && one_in(3);
    put_prefixes(c, r);
    put_opcode(c, r);
    put_rest(c, r);
    case_regs(c);
    env->x86.hflags = 0;
    ctx.hflags = H_PE | H_CPL | H_LMA | H_OSFXSR | H_OSXSAVE | H_AVX |
                 (mode == MODE64   ? H_CS64
                  : mode == MODE32 ? H_CS32 | H_SS32
                                   : 0);
    if (!insn_decode(&ctx, c->code, 15, 0, &in) || in.row != r) {
        return false;
    }
    if (in.fn == insn_ud && !one_in(10)) {
        return false;
    }
    c->len = in.len;
    c->code_at = one_in(6) ? PAGE - 1 - below(c->len) : 64 + below(2048);
    c->in.rip = (mode == MODE16 ? 0 : CODE) + c->code_at;
    return true;
}

/* ---- rows that have no case here, and why ---- */
typedef struct Skip {
    const char *names, *why;
} Skip;
static const Skip skips[] = {
    { " call callf jmp jmpf ret retf iret int3 int into int1 ",
      "far transfers and gates: tests by hand" },
    { " syscall sysret sysenter sysexit rsm ", "enters the host's kernel" },
    { " mov pop les lds lss lfs lgs verr verw lar lsl sldt str lldt ltr sgdt sidt smsw lgdt lidt"
      " lmsw arpl ",
      "reads or loads the host's descriptors" },
    { " cpuid rdtsc rdtscp rdpmc rdrand rdseed rdpid xgetbv rdfsbase rdgsbase wrfsbase wrgsbase ",
      "the answer is the host's" },
    { " in out ins outs ", "ports" },
    { " xsetbv vmcall vmmcall monitor mwait clac stac swapgs serialize ", "no user-mode meaning" },
    { " fxsave fxrstor xsave xrstor xsaveopt xsavec xsaves xrstors fxsave64 fxrstor64 xsave64 "
      "xrstor64 xsaveopt64 xsavec64 fnstenv fldenv fnsave frstor fstenv ",
      "images hold the host's FIP and FDP" },
};

static bool row_in(const Row *table, const Row *r)
{
    for (const Row *t = table; t && t->name; t++) {
        if (t == r) {
            return true;
        }
    }
    return false;
}
#pragma weak tab_sys

static const char *row_skipped(const Row *r)
{
    g_autofree char *name = g_strdup_printf(" %s ", r->name);
    if (row_in(tab_1byte, r) || row_in(tab_0f, r)) {
        return NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(skips); i++) {
        if (strstr(skips[i].names, name)) {
            return skips[i].why;
        }
    }
    return r->attr & SYS ? "privileged" : NULL;
}

/* ---- running them ---- */
static unsigned cases_per_row = 60, bad_rows, shown;
static const char *only;

static void report(const Row *r, const Case *c)
{
    GString *t = g_string_new(NULL);
    for (unsigned i = 0; i < c->len; i++) {
        g_string_append_printf(t, "%02x ", c->code[i]);
    }
    g_test_message("%s %s%s: %s\n%s", mode_name[c->mode], r->name, c->whole ? " (whole)" : "",
                   t->str, diff->str);
    g_string_truncate(t, 0);
    for (unsigned i = 0; i < 16; i++) {
        g_string_append_printf(t, "%" G_GINT64_MODIFIER "x ", c->in.g[i]);
    }
    g_test_message("  regs %s flags %x rip %x", t->str, (int)c->in.flags, (int)c->in.rip);
    g_string_free(t, true);
}

/*
 * Where processors differ and either way is right: AMD's SHA takes unaligned memory, Intel's does
 * not and a thunk must suit both; which byte of a masked store faults, or whether one that is not
 * written does.
 */
static bool differs_by_vendor(const Row *r, const Case *c, int fault)
{
    if (g_str_has_prefix(r->name, "maskmov") || !strcmp(r->name, "vmaskmovdqu")) {
        return fault == EXC_PF || c->trap == EXC_PF;
    }
    /* a gather that has done some lanes lets the pending single step go first, rip where it was */
    if (r->attr & VSIB && c->trap == EXC_DB) {
        return fault == EXC_PF || fault == EXC_GP || fault == EXC_SS;
    }
    return r->feature == HAS_SHA && fault == EXC_GP;
}

/*
 * An address of the case lies, by chance, in what this process itself has mapped (a library, its
 * stack): the processor reached it, and there is nothing to compare with. Never the case's own
 * pages.
 */
static bool hits_host(const X86State *s, int fault)
{
    uint64_t page = s->cr2 & ~(uint64_t)(PAGE - 1);
    unsigned char resident;

    if (fault != EXC_PF || (page >= CODE && page < CODE + 2 * PAGE) ||
        (page >= DATA && page < DATA + DATA_SIZE) || page == RDONLY)
        return false;
    return mincore((void *)(uintptr_t)page, PAGE, &resident) == 0;
}

static bool comparable(const Row *r, const Case *c, int fault)
{
    return !differs_by_vendor(r, c, fault) && !hits_host(&env->x86, fault);
}

static unsigned batch_check(const Row *r)
{
    unsigned bad = 0;
    child_run();
    for (unsigned i = 0; i < sh->n; i++) {
        int fault = run_ours(&env->x86, &sh->c[i]);
        if (!compare(&env->x86, &sh->c[i], r, fault) && comparable(r, &sh->c[i], fault)) {
            if (bad++ < 2 && shown < 60) {
                shown++;
                report(r, &sh->c[i]);
            }
        }
    }
    return bad;
}

static void image_random(void)
{
    for (unsigned i = 0; i < DATA_SIZE; i += 8) {
        uint64_t v = one_in(3) ? value(MODE64) : rnd();
        memcpy(sh->image + i, &v, 8);
    }
}

static void row_test(const Row *r, void *arg)
{
    Mode mode = *(Mode *)arg;
    unsigned bad = 0, done = 0, sel_mode = r->sel >> 16 & 3;

    if (row_skipped(r) || (only && strcmp(only, r->name)) ||
        (sel_mode && (sel_mode == 2) != (mode == MODE64))) {
        return;
    }
    image_random();
    for (unsigned tries = 0; done < cases_per_row && tries < cases_per_row * 40;) {
        for (sh->n = 0; sh->n < MIN(BATCH, cases_per_row - done) && tries < cases_per_row * 40;
             tries++) {
            sh->n += case_make(&sh->c[sh->n], r, mode);
        }
        done += sh->n;
        bad += sh->n ? batch_check(r) : 0;
    }
    if (!done) {
        g_test_message("%s: no case for %s (%x)", mode_name[mode], r->name, r->sel);
    }
    bad_rows += bad || !done;
    if (bad) {
        g_test_message("%s %s (%x): %u of %u cases differ", mode_name[mode], r->name, r->sel, bad,
                       done);
    }
}

/* Some hosts (paravirtual ones among them) refuse such segments: a NOP tells. */
static bool mode_works(Mode mode)
{
    Case *c = &sh->c[0];
    if (!sel16_data || !sel16_code || !sel32_code) {
        return false;
    }
    memset(c, 0, sizeof(*c));
    *c = (Case){ .mode = mode, .code = { 0x90 }, .len = 1, .code_at = 64 };
    c->in.rip = (mode == MODE16 ? 0 : CODE) + 64;
    c->in.g[RSP] = (mode == MODE16 ? 0 : DATA) + PAGE;
    fp_random(c);
    sh->n = 1;
    child_run();
    return c->trap == EXC_DB;
}

static void test_mode(gconstpointer arg)
{
    Mode mode = GPOINTER_TO_INT(arg);
    bad_rows = 0;
    if (mode != MODE64 && !mode_works(mode)) {
        g_test_skip("this host runs no 32- or 16-bit code segments");
        return;
    }
    rows_each(row_test, &mode);
    if (bad_rows) {
        g_test_fail_printf("%u rows differ from the processor", bad_rows);
    }
}

static void *map_at(uint64_t at, size_t size, int prot)
{
    void *p = mmap((void *)at, size, prot,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);
    g_assert_true(p == (void *)at);
    return p;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    only = g_getenv("ROW");
    cases_per_row = g_getenv("CASES") ? atoi(g_getenv("CASES")) : g_getenv("LONG") ? 3000 : 200;
    seed += g_getenv("SEED") ? strtoull(g_getenv("SEED"), NULL, 0) : 0;
    diff = g_string_new(NULL);
    sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    map_at(CODE, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    map_at(DATA, DATA_SIZE, PROT_READ | PROT_WRITE);
    map_at(RDONLY, PAGE, PROT_READ);
    sel16_code = ldt_entry(0, CODE, 0xffff, true, false);
    sel16_data = ldt_entry(1, DATA, DATA_SIZE - 1, false, false);
    sel32_code = ldt_entry(2, 0, 0xfffff, true, true);
    g_assert_true(!pipe(to_child) && !pipe(to_parent));
    if (!fork()) {
        close(to_child[1]);
        child_main();
    }
    close(to_child[0]);
    close(to_parent[1]);
    machine_new();
    soft_tlb_flush(&env->x86);
    for (int m = 0; m < MODES; m++) {
        g_autofree char *path = g_strdup_printf("/cpu/oracle/%s", mode_name[m]);
        g_test_add_data_func(path, GINT_TO_POINTER(m), test_mode);
    }
    return g_test_run();
}
