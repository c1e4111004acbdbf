/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APICs and the IOAPIC on a whole board, driven as an accelerator drives them: LapicOps on
 * the vCPU's own thread, lines and the clock from main.
 */
#include "core/clock.h"
#include "core/irqchip.h"
#include "core/vcpu.h"
#include "tests/system/pc-vm.h"

enum {
    ID = 0x20,
    VERSION = 0x30,
    TPR = 0x80,
    PPR = 0xa0,
    EOI = 0xb0,
    LDR = 0xd0,
    DFR = 0xe0,
    SVR = 0xf0
};
enum { ISR = 0x100, ESR = 0x280, ICR = 0x300, ICR2 = 0x310, LVTT = 0x320, LINT0 = 0x350 };
enum { INITIAL = 0x380, COUNT = 0x390, DIVIDE = 0x3e0 };
enum {
    MSR_BASE = 0x1b,
    X2_ID = 0x802,
    X2_TPR = 0x808,
    X2_LDR = 0x80d,
    X2_ICR = 0x830,
    X2_SELF = 0x83f
};
#define US 1000ll

typedef struct Call {
    enum { READ, WRITE, RDMSR, WRMSR, PENDING, ACK, SET_CR8, GET_CR8 } what;
    uint32_t reg;
    uint64_t val;
    bool ok;
} Call;

static Vm *vm;

static void on_vcpu(Vcpu *v, void *arg)
{
    const LapicOps *ops = v->vm->lapic;
    Call *c = arg;
    switch (c->what) {
    case READ: c->val = ops->mmio(v, c->reg, 0, false); break;
    case WRITE: ops->mmio(v, c->reg, c->val, true); break;
    case RDMSR: c->ok = ops->msr(v, c->reg, &c->val, false); break;
    case WRMSR: c->ok = ops->msr(v, c->reg, &c->val, true); break;
    case PENDING: c->val = ops->pending(v); break;
    case ACK: c->val = ops->ack(v); break;
    case SET_CR8: ops->set_cr8(v, c->val); break;
    case GET_CR8: c->val = ops->get_cr8(v); break;
    }
}

static uint64_t call(unsigned cpu, int what, uint32_t reg, uint64_t val)
{
    Call c = { .what = what, .reg = reg, .val = val };
    vcpu_run_on(vm->vcpu[cpu], on_vcpu, &c);
    return c.val;
}

static uint32_t rd(unsigned cpu, uint32_t reg)
{
    return call(cpu, READ, reg, 0);
}
static void wr(unsigned cpu, uint32_t reg, uint32_t val)
{
    call(cpu, WRITE, reg, val);
}
static int pending(unsigned cpu)
{
    return (int)call(cpu, PENDING, 0, 0);
}
static int ack(unsigned cpu)
{
    return (int)call(cpu, ACK, 0, 0);
}

static bool wrmsr(unsigned cpu, uint32_t msr, uint64_t val)
{
    Call c = { .what = WRMSR, .reg = msr, .val = val };
    vcpu_run_on(vm->vcpu[cpu], on_vcpu, &c);
    return c.ok;
}

static bool rdmsr(unsigned cpu, uint32_t msr, uint64_t *val)
{
    Call c = { .what = RDMSR, .reg = msr };
    vcpu_run_on(vm->vcpu[cpu], on_vcpu, &c);
    *val = c.val;
    return c.ok;
}

static void step(int64_t ns)
{
    clock_step(vm, clock_now(vm, CLOCK_VIRTUAL) + ns);
}

static void machine_up(void)
{
    vm = pc_vm_new(3);
    vm_complete(vm);
    g_assert_true(vm_start(vm, NULL));
    for (unsigned i = 0; i < 3; i++)
        wr(i, SVR, 0x1ff);
}

/* ---- tests ---- */

static void test_reset(void)
{
    uint64_t base;
    g_assert_cmphex(rd(0, VERSION), ==, 0x00050014);
    g_assert_cmphex(rd(1, ID), ==, 1u << 24);
    g_assert_true(rdmsr(0, MSR_BASE, &base));
    g_assert_cmphex(base, ==, 0xfee00900);
    g_assert_true(rdmsr(1, MSR_BASE, &base));
    g_assert_cmphex(base, ==, 0xfee00800);
    g_assert_cmphex(rd(0, LINT0), ==, 0x700);
    g_assert_cmphex(rd(1, LINT0), ==, 0x10000);
    g_assert_cmpint(pending(0), ==, -1);
}

static void test_priority(void)
{
    wr(0, ICR, 0x40000 | 0x41); /* self */
    g_assert_cmphex(pending(0), ==, 0x41);
    wr(0, TPR, 0x40);
    g_assert_cmpint(pending(0), ==, -1);
    g_assert_cmphex(call(0, GET_CR8, 0, 0), ==, 4);
    call(0, SET_CR8, 0, 3);
    g_assert_cmphex(rd(0, TPR), ==, 0x30);
    g_assert_cmphex(ack(0), ==, 0x41);
    g_assert_cmphex(rd(0, ISR + 0x20), ==, 2);
    g_assert_cmphex(rd(0, PPR), ==, 0x40);
    wr(0, ICR, 0x40000 | 0x4f);
    g_assert_cmpint(pending(0), ==, -1); /* the same class does not nest */
    wr(0, ICR, 0x40000 | 0x50);
    g_assert_cmphex(ack(0), ==, 0x50);
    wr(0, EOI, 0);
    g_assert_cmpint(pending(0), ==, -1);
    wr(0, EOI, 0);
    g_assert_cmphex(ack(0), ==, 0x4f);
    wr(0, EOI, 0);
    wr(0, TPR, 0);
    wr(0, ICR, 0x40000 | 5);
    wr(0, ESR, 0);
    g_assert_cmphex(rd(0, ESR), ==, 0x20);
}

static bool got(unsigned cpu, int vector)
{
    bool yes = pending(cpu) == vector;
    if (yes) {
        g_assert_cmpint(ack(cpu), ==, vector);
        wr(cpu, EOI, 0);
    }
    return yes;
}

static void test_ipi(void)
{
    wr(0, ICR2, 1u << 24);
    wr(0, ICR, 0x61);
    g_assert_true(got(1, 0x61) && !got(0, 0x61) && !got(2, 0x61));
    wr(0, ICR2, 0xffu << 24);
    wr(0, ICR, 0x62);
    g_assert_true(got(0, 0x62) && got(1, 0x62) && got(2, 0x62));
    wr(0, ICR, 0xc0000 | 0x63);
    g_assert_true(!got(0, 0x63) && got(1, 0x63) && got(2, 0x63));
    for (unsigned i = 0; i < 3; i++)
        wr(i, LDR, 1u << (24 + i));
    wr(0, ICR2, 6u << 24);
    wr(0, ICR, 0x800 | 0x64);
    g_assert_true(!got(0, 0x64) && got(1, 0x64) && got(2, 0x64));
    wr(2, TPR, 0x20);
    wr(0, ICR, 0x900 | 0x65); /* lowest priority of 1 and 2 */
    g_assert_true(got(1, 0x65) && !got(2, 0x65));
    wr(2, TPR, 0);
    for (unsigned i = 0; i < 3; i++) {
        wr(i, DFR, 0x0fffffff);
        wr(i, LDR, (i == 2 ? 0x21u : 0x11u << (i ? 1 : 0)) << 24);
    }
    wr(1, LDR, 0x12u << 24);
    wr(0, ICR2, 0x13u << 24); /* cluster 1, members 0 and 1 */
    wr(0, ICR, 0x800 | 0x66);
    g_assert_true(got(0, 0x66) && got(1, 0x66) && !got(2, 0x66));
    wr(2, SVR, 0xff); /* software disabled: accepts nothing */
    wr(0, ICR2, 2u << 24);
    wr(0, ICR, 0x67);
    g_assert_true(!got(2, 0x67));
    wr(2, SVR, 0x1ff);
    g_assert_true(!got(2, 0x67));
}

static void test_timer(void)
{
    wr(0, DIVIDE, 0xb); /* by 1: 1 GHz */
    wr(0, LVTT, 0x71);
    wr(0, INITIAL, 1000000);
    step(400 * US);
    g_assert_cmpuint(rd(0, COUNT), ==, 600000);
    g_assert_cmpint(pending(0), ==, -1);
    step(600 * US);
    g_assert_true(got(0, 0x71));
    g_assert_cmpuint(rd(0, COUNT), ==, 0);
    step(5000 * US);
    g_assert_true(!got(0, 0x71));
    wr(0, DIVIDE, 3); /* by 16 */
    wr(0, LVTT, 0x20000 | 0x72);
    wr(0, INITIAL, 1000); /* 16 us */
    for (unsigned i = 0; i < 5; i++) {
        step(16 * US);
        g_assert_true(got(0, 0x72));
    }
    wr(0, LVTT, 0x20000 | 0x10000 | 0x72);
    step(100 * US);
    g_assert_true(!got(0, 0x72));
    g_assert_cmpuint(rd(0, COUNT), >, 0); /* masked, it counts on */
    wr(0, LVTT, 0x20000 | 0x72);
    step(17 * US);
    g_assert_true(got(0, 0x72));
    wr(0, INITIAL, 0);
    step(100 * US);
    g_assert_true(!got(0, 0x72));
    wr(0, LVTT, 0x10000);
}

static void pic_out(uint16_t port, uint8_t val)
{
    space_io(vm->io, port, val, 1, true);
}

static void test_extint(void)
{
    const IrqLine *irq7 = pin(pc_of(vm)->gsi, "", 7);
    static const uint8_t init[] = { 0x11, 0x20, 4, 1 };
    for (unsigned i = 0; i < 4; i++)
        pic_out(i ? 0x21 : 0x20, init[i]);
    pic_out(0x21, 0x7f);
    irq_set(irq7, 1);
    g_assert_cmphex(pending(0), ==, 0x100);
    g_assert_cmpint(pending(1), ==, -1);
    g_assert_cmphex(ack(0), ==, 0x27);
    g_assert_cmpint(pending(0), ==, -1);
    pic_out(0x20, 0x20);
    irq_set(irq7, 0);
    irq_set(irq7, 1);
    wr(0, LINT0, 0x10700);
    g_assert_cmpint(pending(0), ==, -1);
    wr(0, LINT0, 0x700);
    g_assert_cmphex(pending(0), ==, 0x100);
    pic_out(0x21, 0xff); /* withdrawn before it is acknowledged */
    g_assert_cmpint(pending(0), ==, -1);
    irq_set(irq7, 0);
    wr(0, LINT0, 0x10700);
}

static void ioapic_wr(uint8_t reg, uint32_t val)
{
    space_io(vm->mem, 0xfec00000, reg, 4, true);
    space_io(vm->mem, 0xfec00010, val, 4, true);
}

static uint32_t ioapic_rd(uint8_t reg)
{
    space_io(vm->mem, 0xfec00000, reg, 4, true);
    return space_io(vm->mem, 0xfec00010, 0, 4, false);
}

static void test_ioapic(void)
{
    const IrqLine *gsi10 = pin(pc_of(vm)->gsi, "", 10), *gsi0 = pin(pc_of(vm)->gsi, "", 0);
    g_assert_cmphex(ioapic_rd(1), ==, 0x00170020);
    ioapic_wr(0x25, 1u << 24); /* pin 10 to vCPU 1 */
    ioapic_wr(0x24, 0x8000 | 0x51);
    irq_set(gsi10, 1);
    g_assert_cmphex(ioapic_rd(0x24), ==, 0xc051);
    g_assert_cmphex(pending(1), ==, 0x51);
    g_assert_cmphex(ack(1), ==, 0x51);
    g_assert_cmpint(pending(1), ==, -1);
    wr(1, EOI, 0); /* the line is still up: once more */
    g_assert_cmphex(pending(1), ==, 0x51);
    ack(1);
    irq_set(gsi10, 0);
    wr(1, EOI, 0);
    g_assert_cmpint(pending(1), ==, -1);
    g_assert_cmphex(ioapic_rd(0x24), ==, 0x8051);
    ioapic_wr(0x24, 0x10051);
    irq_set(gsi10, 1); /* a masked edge is forgotten */
    ioapic_wr(0x24, 0x51);
    g_assert_cmpint(pending(1), ==, -1);
    irq_set(gsi10, 0);
    irq_set(gsi10, 1);
    g_assert_true(got(1, 0x51));
    irq_set(gsi10, 0);
    ioapic_wr(0x15, 0);
    ioapic_wr(0x14, 0x52); /* GSI 0 comes in on pin 2 */
    irq_set(gsi0, 1);
    irq_set(gsi0, 0);
    g_assert_true(got(0, 0x52));
    msi_send(vm, 0xfee02000, 0x53);
    g_assert_true(got(2, 0x53));
}

static void test_x2apic(void)
{
    uint64_t val;
    g_assert_true(!rdmsr(2, X2_ID, &val));
    g_assert_true(!wrmsr(2, MSR_BASE, 0xfee00400)); /* EXTD without EN */
    g_assert_true(wrmsr(2, MSR_BASE, 0xfee00c00));
    g_assert_true(rdmsr(2, X2_ID, &val) && val == 2);
    g_assert_true(rdmsr(2, X2_LDR, &val) && val == 4);
    g_assert_true(!wrmsr(2, X2_LDR, 1) && !wrmsr(2, X2_TPR, 0x100));
    g_assert_cmphex(rd(2, VERSION), ==, 0xffffffff); /* no page any more */
    g_assert_true(wrmsr(2, X2_SELF, 0x81));
    g_assert_cmphex(ack(2), ==, 0x81);
    g_assert_true(wrmsr(2, 0x80b, 0) && !wrmsr(2, 0x80b, 1));
    g_assert_true(wrmsr(2, X2_ICR, 1ull << 32 | 0x82));
    g_assert_true(got(1, 0x82));
    g_assert_true(wrmsr(2, X2_ICR, 0xffffffffull << 32 | 0x83));
    g_assert_true(got(0, 0x83) && got(1, 0x83));
    g_assert_cmphex(ack(2), ==, 0x83);
    g_assert_true(wrmsr(2, 0x80b, 0));
    g_assert_true(!wrmsr(2, MSR_BASE, 0xfee00800)); /* back to xAPIC only through off */
    g_assert_true(wrmsr(2, MSR_BASE, 0xfee00000) && wrmsr(2, MSR_BASE, 0xfee00800));
    g_assert_cmphex(rd(2, ID), ==, 2u << 24);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_up();
    g_test_add_func("/lapic/reset", test_reset);
    g_test_add_func("/lapic/priority", test_priority);
    g_test_add_func("/lapic/ipi", test_ipi);
    g_test_add_func("/lapic/timer", test_timer);
    g_test_add_func("/lapic/extint", test_extint);
    g_test_add_func("/lapic/ioapic", test_ioapic);
    g_test_add_func("/lapic/x2apic", test_x2apic);
    int status = g_test_run();
    pc_vm_free(vm);
    return status;
}
