/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI bus under a device of the test's own: BARs, INTx and its routing, MSI, MSI-X, bus
 * mastering, addresses, multifunction rules. Messages are seen where they arrive: in the IRR of
 * a local APIC.
 */
#include "core/irqchip.h"
#include "core/vcpu.h"
#include "hw/pci/pci.h"
#include "tests/system/pc-vm.h"

typedef struct TestPci {
    PciDevice pci;
    /* config */ bool msi, msix;
    /* state */ struct TestPciState {
        uint32_t reg, pad;
    } st;
    /* host */ Region io, mem, ram;
} TestPci;

static const Prop TestPci_rows[] = {
    PROP_BOOL(TestPci, msi, "msi", false, "four MSI vectors"),
    PROP_BOOL(TestPci, msix, "msix", false, "five MSI-X vectors in BAR 1"), PROP_END(TestPci)
};
static const Field TestPciState_rows[] = { FIELD(struct TestPciState, reg),
                                           FIELD(struct TestPciState, pad), FIELD_END };

static uint64_t reg_read(void *o, uint64_t off, unsigned size)
{
    return ((TestPci *)o)->st.reg + off;
}
static void reg_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    ((TestPci *)o)->st.reg = val;
}
static const IoOps reg_ops = { reg_read, reg_write, .min = 4, .max = 4 };

static bool test_pci_realize(Device *dev, GError **err)
{
    TestPci *t = (TestPci *)dev;
    pci_bar_io(&t->pci, 0, &t->io, PCI_BAR_IO, 32, &reg_ops, t);
    pci_bar_io(&t->pci, 1, &t->mem, PCI_BAR_MEM, 8192, &reg_ops, t);
    if (!region_init_ram(&t->ram, dev, "test-pci.ram", 1 << 20, err))
        return false;
    pci_bar(&t->pci, 2, &t->ram, PCI_BAR_MEM64 | PCI_BAR_PREFETCH);
    if (t->msi)
        pci_msi(&t->pci, 4);
    if (t->msix)
        pci_msix(&t->pci, 5, 1, 0x1000, 0x1800);
    return true;
}

static const DeviceType test_pci = {
    .name = "test-pci",
    .desc = "PCI function of a test",
    .size = sizeof(TestPci),
    .bus = &pci_bus_type,
    .bus_info = &(const PciInfo){ .vendor = 0x1234, .device = 0x5678, .class = 0x00ff, .pin = 1 },
    .props = TestPci_rows,
    .state = STATE_PARTS(STATE(TestPci, st, TestPciState_rows, 1)),
    .realize = test_pci_realize,
};
REGISTER(device, test_pci);

static Vm *vm;
static TestPci *plain, *msi, *msix;

static uint32_t conf(PciDevice *d, unsigned off, unsigned len)
{
    space_io(vm->io, 0xcf8, 0x80000000 | d->devfn << 8 | (off & ~3u), 4, true);
    return space_io(vm->io, 0xcfc + (off & 3), 0, len, false);
}

static void conf_w(PciDevice *d, unsigned off, uint32_t val, unsigned len)
{
    space_io(vm->io, 0xcf8, 0x80000000 | d->devfn << 8 | (off & ~3u), 4, true);
    space_io(vm->io, 0xcfc + (off & 3), val, len, true);
}

static uint32_t mem(uint64_t addr)
{
    return space_io(vm->mem, addr, 0, 4, false);
}
static void mem_w(uint64_t addr, uint32_t val)
{
    space_io(vm->mem, addr, val, 4, true);
}

static Device *add(const char *kv, GError **err)
{
    Board b = { vm, NULL };
    Device *d = board_add(&b, "test-pci", NULL, pc_of(vm)->pci, kv);
    return board_ok(&b, err) ? d : NULL;
}

static TestPci *need(const char *kv)
{
    GError *err = NULL;
    Device *d = add(kv, &err);
    g_assert_no_error(err);
    return (TestPci *)d;
}

static void enable_apic(Vcpu *v, void *o)
{
    vm->lapic->mmio(v, 0xf0, 0x1ff, true);
}
static void take(Vcpu *v, void *o)
{
    *(int *)o = vm->lapic->ack(v);
    if (*(int *)o >= 0)
        vm->lapic->mmio(v, 0xb0, 0, true);
}

static int arrived(void)
{
    int vector;
    vcpu_run_on(vm->vcpu[0], take, &vector);
    return vector;
}

static void machine_up(void)
{
    vm = pc_vm_new(1);
    plain = need("addr=05.0");
    msi = need("addr=6,msi=on");
    msix = need("addr=07.0,multifunction=on,msix=on");
    vm_complete(vm);
    g_assert_true(vm_start(vm, NULL));
    vcpu_run_on(vm->vcpu[0], enable_apic, NULL);
}

/* ---- tests ---- */

static void refused(const char *kv, const char *why)
{
    GError *err = NULL;
    g_assert_null(add(kv, &err));
    g_assert_nonnull(err);
    if (!strstr(err->message, why))
        g_error("'%s' does not say '%s'", err->message, why);
    g_error_free(err);
}

static void test_slots(void)
{
    refused("addr=05.0", "in use by test-pci");
    refused("addr=05.1", "single function");
    refused("addr=20", "does not accept");
    refused("addr=05.8", "does not accept");
    refused("addr=xyz", "does not accept");
    TestPci *fn = need("addr=07.3");
    g_assert_cmphex(fn->pci.devfn, ==, 7 << 3 | 3);
    g_assert_cmphex(conf(&msix->pci, 0x0e, 1), ==, 0x80);
    TestPci *any = need(NULL);
    g_assert_cmphex(any->pci.devfn, ==, 2 << 3); /* the first slot nobody has */
}

static void test_bars(void)
{
    PciDevice *d = &plain->pci;
    conf_w(d, 0x10, 0xffffffff, 4);
    conf_w(d, 0x14, 0xffffffff, 4);
    conf_w(d, 0x18, 0xffffffff, 4);
    conf_w(d, 0x1c, 0xffffffff, 4);
    g_assert_cmphex(conf(d, 0x10, 4), ==, 0xffffffe1);
    g_assert_cmphex(conf(d, 0x14, 4), ==, 0xffffe000);
    g_assert_cmphex(conf(d, 0x18, 4), ==, 0xfff0000c);
    g_assert_cmphex(conf(d, 0x1c, 4), ==, 0xffffffff);
    conf_w(d, 0x10, 0xc100, 4);
    conf_w(d, 0x14, 0xe0000000, 4);
    conf_w(d, 0x18, 0, 4);
    conf_w(d, 0x1c, 2, 4); /* 8 GiB */
    conf_w(d, 4, 3, 2);
    space_io(vm->io, 0xc100, 0x100, 4, true);
    g_assert_cmphex(space_io(vm->io, 0xc104, 0, 4, false), ==, 0x104);
    g_assert_cmphex(mem(0xe0001000), ==, 0x1100);
    mem_w(0x200000010, 0xabcd);
    g_assert_cmphex(mem(0x200000010), ==, 0xabcd);
    conf_w(d, 0x1c, 3, 4);
    g_assert_cmphex(mem(0x200000010), ==, 0xffffffff);
    g_assert_cmphex(mem(0x300000010), ==, 0xabcd);
    conf_w(d, 0x14, 0x00100000, 4); /* over RAM: RAM wins */
    mem_w(0x00100000, 0x77);
    g_assert_cmphex(mem(0x00100000), ==, 0x77);
    conf_w(d, 4, 0, 2);
    g_assert_cmphex(mem(0x300000010), ==, 0xffffffff);
}

static void test_master(void)
{
    uint32_t val = 0x12345678, back = 0;
    g_assert_false(dma_write(&plain->pci.dev, 0x2000, &val, 4));
    conf_w(&plain->pci, 4, 4, 2);
    g_assert_true(dma_write(&plain->pci.dev, 0x2000, &val, 4));
    g_assert_true(dma_read(&plain->pci.dev, 0x2000, &back, 4));
    g_assert_cmphex(back, ==, val);
    conf_w(&plain->pci, 4, 0, 2);
    g_assert_false(dma_read(&plain->pci.dev, 0x2000, &back, 4));
}

static uint8_t irr_slave(void)
{
    space_io(vm->io, 0xa0, 0x0a, 1, true);
    return space_io(vm->io, 0xa0, 0, 1, false);
}

/* Slot 5's INTA is PIRQA: (5 - 1) mod 4 */
static void test_intx(void)
{
    PciDevice *piix = ((PciBus *)pc_of(vm)->pci)->fn[1 << 3];
    for (unsigned i = 0; i < 4; i++)
        space_io(vm->io, i ? 0xa1 : 0xa0, (uint8_t[]){ 0x11, 0x70, 2, 1 }[i], 1, true);
    space_io(vm->io, 0x4d1, 0x0c, 1, true);
    conf_w(piix, 0x60, 10, 1);
    conf_w(piix, 0x61, 11, 1);
    pci_irq(&plain->pci, 0, true);
    g_assert_cmphex(irr_slave() & 0x0c, ==, 0x04);
    g_assert_cmphex(conf(&plain->pci, 6, 2) & 8, ==, 8);
    pci_irq(&plain->pci, 0, true); /* level devices may repeat themselves */
    conf_w(piix, 0x60, 11, 1);
    g_assert_cmphex(irr_slave() & 0x0c, ==, 0x08);
    conf_w(piix, 0x60, 0x80, 1);
    g_assert_cmphex(irr_slave() & 0x0c, ==, 0);
    conf_w(piix, 0x60, 10, 1);
    conf_w(&plain->pci, 4, 0x400, 2); /* INTx disabled */
    g_assert_cmphex(irr_slave() & 0x0c, ==, 0);
    conf_w(&plain->pci, 4, 0, 2);
    g_assert_cmphex(irr_slave() & 0x0c, ==, 0x04);
    pci_irq(&plain->pci, 0, false);
    g_assert_cmphex(irr_slave() & 0x0c, ==, 0);
}

static void test_msi(void)
{
    PciDevice *d = &msi->pci;
    unsigned cap = conf(d, 0x34, 1);
    g_assert_cmphex(conf(d, cap, 1), ==, 5);
    g_assert_cmphex(conf(d, cap + 2, 2), ==, 0x184); /* mask bits, 64 bits, four vectors */
    conf_w(d, cap + 4, 0xfee00000, 4);
    conf_w(d, cap + 12, 0x4050, 2); /* edge, asserted */
    conf_w(d, cap + 2, 0x21, 2);    /* all four, on */
    pci_irq(d, 3, true);
    g_assert_cmphex(arrived(), ==, 0x53);
    pci_irq(d, 3, true); /* no new edge */
    g_assert_cmpint(arrived(), ==, -1);
    pci_irq(d, 3, false);
    pci_irq(d, 0, true);
    g_assert_cmphex(arrived(), ==, 0x50);
    pci_irq(d, 0, false);
    conf_w(d, cap + 16, 2, 4); /* vector 1 masked */
    pci_irq(d, 1, true);
    pci_irq(d, 1, false);
    g_assert_cmpint(arrived(), ==, -1);
    g_assert_cmphex(conf(d, cap + 20, 4), ==, 2);
    conf_w(d, cap + 16, 0, 4);
    g_assert_cmphex(arrived(), ==, 0x51);
    g_assert_cmphex(conf(d, cap + 20, 4), ==, 0);
    conf_w(d, cap + 2, 0x01, 2); /* one vector only: all share it */
    pci_irq(d, 2, true);
    pci_irq(d, 2, false);
    g_assert_cmphex(arrived(), ==, 0x50);
}

static void test_msix(void)
{
    PciDevice *d = &msix->pci;
    unsigned cap = conf(d, 0x34, 1);
    uint64_t table = 0xe1001000, pba = 0xe1001800;
    g_assert_cmphex(conf(d, cap, 1), ==, 0x11);
    g_assert_cmphex(conf(d, cap + 2, 2), ==, 4);
    g_assert_cmphex(conf(d, cap + 4, 4), ==, 0x1001);
    conf_w(d, 0x14, 0xe1000000, 4);
    conf_w(d, 4, 2, 2);
    g_assert_cmphex(mem(0xe1000010), ==, 0x10); /* the device's own registers lie beside it */
    g_assert_cmphex(mem(table + 12), ==, 1);
    for (unsigned v = 0; v < 5; v++) {
        mem_w(table + 16 * v, 0xfee00000);
        mem_w(table + 16 * v + 8, 0x4060 + v);
    }
    mem_w(table + 16 * 2 + 12, 0);
    conf_w(d, cap + 2, 0x8000, 2);
    pci_irq(d, 2, true);
    pci_irq(d, 2, false);
    g_assert_cmphex(arrived(), ==, 0x62);
    pci_irq(d, 4, true); /* masked: pending */
    pci_irq(d, 4, false);
    g_assert_cmpint(arrived(), ==, -1);
    g_assert_cmphex(mem(pba), ==, 0x10);
    mem_w(table + 16 * 4 + 12, 0);
    g_assert_cmphex(arrived(), ==, 0x64);
    g_assert_cmphex(mem(pba), ==, 0);
    conf_w(d, cap + 2, 0xc000, 2); /* function mask */
    pci_irq(d, 2, true);
    pci_irq(d, 2, false);
    g_assert_cmpint(arrived(), ==, -1);
    conf_w(d, cap + 2, 0x8000, 2);
    g_assert_cmphex(arrived(), ==, 0x62);
    g_autoptr(GByteArray) was = g_byte_array_new(), again = g_byte_array_new();
    state_save(&d->dev, was);
    mem_w(table, 0);
    g_assert_true(state_load(&d->dev, was->data, was->len, NULL));
    state_save(&d->dev, again);
    g_assert_cmpmem(was->data, was->len, again->data, again->len);
    g_assert_cmphex(mem(table), ==, 0xfee00000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_up();
    g_test_add_func("/pci/slots", test_slots);
    g_test_add_func("/pci/bars", test_bars);
    g_test_add_func("/pci/master", test_master);
    g_test_add_func("/pci/intx", test_intx);
    g_test_add_func("/pci/msi", test_msi);
    g_test_add_func("/pci/msix", test_msix);
    int status = g_test_run();
    pc_vm_free(vm);
    return status;
}
