/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks and the dispatcher on small programs: self-modifying code, code written by a device, links
 * and their death, polls, single step, breakpoints, shadows, halts. Each program runs decoded in
 * blocks and again one instruction a block, and both must end alike.
 */
#include <glib.h>
#include <string.h>

#include "accel/soft/block.h"
#include "accel/soft/ops.h"
#include "core/device.h"
#include "core/irqchip.h"
#include "core/runstate.h"
#include "core/vm.h"

enum { RAM_SIZE = 2 << 20, START = 0x1000, IDT = 0x8000, GDT = 0x9000, STACK_TOP = 0x20000 };

static Region ram;
static SoftEnv *env;
static Vcpu vcpu, *vcpus[1] = { &vcpu };
static const DeviceType ram_type = { .name = "test-ram", .size = sizeof(Device) };

static X86State *s_(void)
{
    return &env->x86;
}

static void machine_new(void)
{
    Vm *vm = vm_new();
    Device *d = device_part(vm->root, &ram_type, NULL);
    GError *err = NULL;

    g_assert_true(device_realize(d, NULL, &err));
    g_assert_true(region_init_ram(&ram, d, "ram", RAM_SIZE, &err));
    space_map(vm->mem, &(MapRow){ .size = RAM_SIZE, .region = &ram, .on = true });
    env = g_aligned_alloc0(1, (sizeof(*env) + 63) & ~63ul, 64);
    vcpu = (Vcpu){ .vm = vm, .mem = vm->mem, .io = vm->io, .a20 = true, .x86 = s_() };
    vm->vcpu = vcpus;
    vm->n_vcpus = 1;
    s_()->vcpu = &vcpu;
    env->apic_page = SOFT_NO_PAGE;
}

/* Every vector's handler stores its number at 600h and halts. */
static void idt_build(void)
{
    for (unsigned v = 0; v < 32; v++) {
        unsigned at = 0x7000 + v * 16;
        const uint8_t handler[] = { 0xc6, 0x05, 0x00, 0x06, 0x00, 0x00, v, 0xf4 };
        uint64_t gate = (at & 0xffff) | 8ull << 16 | 0x8e00ull << 32;
        memcpy(ram.host + at, handler, sizeof(handler));
        memcpy(ram.host + IDT + v * 8, &gate, 8);
    }
    ram.host[0x600] = 0xff;
    static const uint64_t gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };
    memcpy(ram.host + GDT, gdt, sizeof(gdt));
}

/* 32-bit flat code in ring 0 without paging. */
static void flat32(uint32_t chaos)
{
    X86State *s = s_();
    X86Seg data = { .limit = ~0u,
                    .attr = SEG_P | SEG_S | SEG_RW | SEG_A | SEG_DB | SEG_G,
                    .sel = 16 };
    X86Seg code = data;

    memset(s->g, 0, sizeof(s->g));
    code.attr |= SEG_CODE;
    code.sel = 8;
    for (int i = 0; i < 6; i++) {
        s->seg[i] = i == SEG_CS ? code : data;
    }
    s->cr0 = CR0_PE | CR0_ET;
    s->cr4 = s->efer = 0;
    s->rip = START;
    s->g[RSP] = STACK_TOP;
    s->idt = (X86Table){ .base = IDT, .limit = 255 };
    s->gdt = (X86Table){ .base = GDT, .limit = 23 };
    s->shadow = s->triple = s->nmi_pending = s->nmi_masked = 0;
    memset(s->dr, 0, sizeof(s->dr));
    s->dr[6] = 0xffff0ff0;
    s->dr[7] = 0x400;
    env->watch = env->watch_code = 0;
    env->dr6_pending = 0;
    env->chaos = chaos;
    x86_set_flags(s, 2);
    vcpu.halted = false;
    vcpu.request = 0;
    soft_tlb_flush(s);
    soft_hflags(s);
    idt_build();
}

static void load(const void *code, size_t n)
{
    memcpy(ram.host + START, code, n);
    region_dirty(&ram, 0, RAM_SIZE); /* as a device would have written it */
    soft_blocks_drop_all(vcpu.vm);
}

static void run(void)
{
    g_assert_cmpint(soft_run(&vcpu), ==, RUN_OK);
}

#define PROGRAM(...)                               \
    static const uint8_t code[] = { __VA_ARGS__ }; \
    flat32(chaos);                                 \
    load(code, sizeof(code))

/* mov byte [next + 1], 5 ; next: mov al, 1 ; hlt: the store changes the very next instruction */
static void test_smc_next(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0xc6, 0x05, 0x08, 0x10, 0, 0, 5, 0xb0, 1, 0xf4);
    run();
    g_assert_cmpuint(s_()->g[RAX], ==, 5);
    g_assert_true(vcpu.halted);
}

/* a loop that counts by ADD EAX, imm8 and rewrites the imm8 each time round */
static void test_smc_loop(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0xb9, 100, 0, 0, 0,           /* 1000 mov ecx, 100 */
            0x83, 0xc0, 1,                /* 1005 add eax, 1 */
            0xfe, 0x05, 0x07, 0x10, 0, 0, /* 1008 inc byte [1007] */
            0x49, 0x75, 0xf4,             /* 100e dec ecx; jnz 1005 */
            0xf4);
    run();
    unsigned sum = 0;
    for (int i = 1; i <= 100; i++) {
        sum += i < 128 ? i : i - 256;
    }
    g_assert_cmpuint((uint32_t)s_()->g[RAX], ==, sum);
}

/* data in the same page, another granule: the block lives on */
static void test_data_beside(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0xb9, 0xe8, 3, 0, 0,          /* mov ecx, 1000 */
            0xff, 0x05, 0x00, 0x18, 0, 0, /* inc dword [1800] */
            0x49, 0x75, 0xf7, 0xf4);
    run();
    g_assert_cmpuint(*(uint32_t *)(ram.host + 0x1800), ==, 1000);
    *(uint32_t *)(ram.host + 0x1800) = 0;
}

/* a device writes over a block that ran before */
static void test_dma(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0xb0, 1, 0xf4);
    run();
    g_assert_cmpuint(s_()->g[RAX], ==, 1);
    ram.host[START + 1] = 9;
    soft_blocks_written(vcpu.vm, &ram, START + 1, 1);
    s_()->rip = START;
    vcpu.halted = false;
    run();
    g_assert_cmpuint(s_()->g[RAX], ==, 9);
}

/* an endless loop comes back for a request, at an instruction boundary of it */
static void test_poll(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0xff, 0xc0, 0xeb, 0xfc); /* inc eax; jmp */
    vcpu.request = REQ_WORK;
    run();
    g_assert_cmpuint(s_()->rip, ==, START);
    g_assert_cmpuint(s_()->g[RAX], ==, 0);
}

/* TF: #DB after one instruction, BS set, rip behind it */
static void test_step(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0x40, 0x40, 0x40, 0xf4); /* inc eax; 3 times */
    x86_set_flags(s_(), 2 | FLAG_TF);
    soft_hflags(s_());
    run();
    g_assert_cmpuint(ram.host[0x600], ==, EXC_DB);
    g_assert_cmpuint(s_()->g[RAX], ==, 1);
    g_assert_cmpuint(s_()->dr[6] & 1 << 14, !=, 0);
    g_assert_cmpuint(*(uint32_t *)(ram.host + (uint32_t)s_()->g[RSP]), ==, START + 1);
}

/* POPF that sets TF traps behind the instruction after it */
static void test_step_popf(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0x68, 0x02, 0x01, 0, 0, 0x9d, 0x40, 0x40, 0xf4); /* push 102h; popf; inc eax; inc eax */
    run();
    g_assert_cmpuint(ram.host[0x600], ==, EXC_DB);
    g_assert_cmpuint(s_()->g[RAX], ==, 1);
}

/* a repeated string steps element by element */
static void test_step_rep(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0xf3, 0xaa, 0xf4);
    s_()->g[RCX] = 5;
    s_()->g[RDI] = 0x3000;
    x86_set_flags(s_(), 2 | FLAG_TF);
    soft_hflags(s_());
    run();
    g_assert_cmpuint(ram.host[0x600], ==, EXC_DB);
    g_assert_cmpuint(s_()->g[RCX], ==, 4);
    g_assert_cmpuint(*(uint32_t *)(ram.host + (uint32_t)s_()->g[RSP]), ==, START);
}

/* a fault in the middle of a block: rip is the instruction's, what came before is done */
static void test_fault(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0x40, 0x40, 0x0f, 0x0b, 0x40); /* inc; inc; ud2 */
    run();
    g_assert_cmpuint(ram.host[0x600], ==, EXC_UD);
    g_assert_cmpuint(s_()->g[RAX], ==, 2);
    g_assert_cmpuint(*(uint32_t *)(ram.host + (uint32_t)s_()->g[RSP]), ==, START + 2);
}

/* an instruction over the end of a page, then its second page changes */
static void test_crossing(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0xf4);
    static const uint8_t mov[] = { 0xb8, 1, 2, 3, 4, 0xf4 };
    memcpy(ram.host + 0x2ffe, mov, sizeof(mov));
    s_()->rip = 0x2ffe;
    run();
    g_assert_cmphex(s_()->g[RAX], ==, 0x04030201);
    ram.host[0x3000] = 0x77;
    soft_blocks_written(vcpu.vm, &ram, 0x3000, 1);
    s_()->rip = 0x2ffe;
    vcpu.halted = false;
    run();
    g_assert_cmphex(s_()->g[RAX], ==, 0x04037701);
}

/* more code than a block or a page holds, with a call into another page and back */
static void test_long(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0x90);
    memset(ram.host + START, 0x40, 6000); /* inc eax */
    ram.host[START + 6000] = 0xf4;
    run();
    g_assert_cmpuint(s_()->g[RAX], ==, 6000);
    g_assert_cmpuint(s_()->rip, ==, START + 6001);
}

/* ---- interrupts ---- */
static int irq = -1;
static int fake_pending(Vcpu *v)
{
    return irq;
}
static int fake_ack(Vcpu *v)
{
    int n = irq;
    irq = -1;
    return n;
}
static const LapicOps fake = { .pending = fake_pending, .ack = fake_ack };

/* STI; INC; INC: the interrupt comes behind the first INC */
static void test_shadow(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0xfb, 0x40, 0x40, 0xf4);
    vcpu.vm->lapic = &fake;
    irq = 30;
    run();
    vcpu.vm->lapic = NULL;
    g_assert_cmpuint(ram.host[0x600], ==, 30);
    g_assert_cmpuint(s_()->g[RAX], ==, 1);
}

/* the firmware's window: sti; nop; rep nop; cli */
static void test_window(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0xfb, 0x90, 0xf3, 0x90, 0xfa, 0xf4);
    vcpu.vm->lapic = &fake;
    irq = 31;
    run();
    vcpu.vm->lapic = NULL;
    g_assert_cmpuint(ram.host[0x600], ==, 31);
}

/* HLT with IF: the interrupt wakes it */
static void test_halt(gconstpointer arg)
{
    uint32_t chaos = GPOINTER_TO_UINT(arg);
    PROGRAM(0xfb, 0xf4, 0xb0, 7, 0xf4);
    run();
    g_assert_true(vcpu.halted);
    g_assert_cmpuint(s_()->rip, ==, START + 2);
    vcpu.vm->lapic = &fake;
    irq = 29;
    run();
    vcpu.vm->lapic = NULL;
    g_assert_cmpuint(ram.host[0x600], ==, 29);
}

typedef struct Test {
    const char *name;
    void (*fn)(gconstpointer);
} Test;

int main(int argc, char **argv)
{
    static const Test tests[] = {
        { "smc-next", test_smc_next },
        { "smc-loop", test_smc_loop },
        { "data-beside", test_data_beside },
        { "dma", test_dma },
        { "poll", test_poll },
        { "step", test_step },
        { "step-popf", test_step_popf },
        { "step-rep", test_step_rep },
        { "fault", test_fault },
        { "crossing", test_crossing },
        { "long", test_long },
        { "shadow", test_shadow },
        { "window", test_window },
        { "halt", test_halt },
    };
    g_test_init(&argc, &argv, NULL);
    machine_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        for (unsigned chaos = 0; chaos < 2; chaos++) {
            g_autofree char *path =
                g_strdup_printf("/cpu/blocks/%s%s", tests[i].name, chaos ? "-one" : "");
            g_test_add_data_func(path, GUINT_TO_POINTER(chaos ? CHAOS_ONE : 0), tests[i].fn);
        }
    }
    return g_test_run();
}
