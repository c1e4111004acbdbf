/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt chips in the kernel, all of them or (split) the local APICs only: lines, message
 * interrupts, routes, irqfds, and their state to and from the state structs of our own chips
 * (core/irqchip.h), so that saving and reset know only one kind.
 */
#include <errno.h>
#include <string.h>

#include "accel/kvm/kvm-int.h"
#include "core/vm.h"

#define GSI_COUNT 24 /* the rest of the numbers are message routes */

static void chip_gsi(Vm *vm, unsigned gsi, int level)
{
    struct kvm_irq_level l = { .irq = gsi, .level = level };
    kvm_vm_ioctl(kvm_of(vm), KVM_IRQ_LINE, &l);
}

static void chip_msi(Vm *vm, uint64_t addr, uint32_t data)
{
    struct kvm_msi m = { .address_lo = (uint32_t)addr, .address_hi = addr >> 32, .data = data };
    kvm_vm_ioctl(kvm_of(vm), KVM_SIGNAL_MSI, &m);
}

/* ---- routes ---- */
static int routes_set(Kvm *k)
{
    size_t n = k->routes->len;
    g_autofree struct kvm_irq_routing *r = g_malloc0(sizeof(*r) + n * sizeof(r->entries[0]));
    r->nr = n;
    memcpy(r->entries, k->routes->data, n * sizeof(r->entries[0]));
    return kvm_vm_ioctl(k, KVM_SET_GSI_ROUTING, r);
}

static void route_add(Kvm *k, unsigned gsi, unsigned chip, unsigned pin)
{
    struct kvm_irq_routing_entry e = { .gsi = gsi,
                                       .type = KVM_IRQ_ROUTING_IRQCHIP,
                                       .u.irqchip = { .irqchip = chip, .pin = pin } };
    g_array_append_val(k->routes, e);
}

/* a PC's wiring: GSI 0-15 on the PICs and the IOAPIC, where 0 goes to pin 2; 16-23 on the IOAPIC */
static void routes_pc(Kvm *k)
{
    for (unsigned gsi = 0; gsi < GSI_COUNT; gsi++) {
        if (gsi < 16 && gsi != 2)
            route_add(k, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi & 7);
        if (gsi != 2)
            route_add(k, gsi, KVM_IRQCHIP_IOAPIC, gsi ? gsi : 2);
    }
}

static int route_find(const Kvm *k, unsigned gsi)
{
    for (unsigned i = 0; i < k->routes->len; i++)
        if (g_array_index(k->routes, struct kvm_irq_routing_entry, i).gsi == gsi)
            return i;
    return -1;
}

static unsigned free_virq(const Kvm *k)
{
    unsigned gsi = GSI_COUNT;
    while (route_find(k, gsi) >= 0)
        gsi++;
    return gsi;
}

static int chip_route(Vm *vm, int virq, uint64_t addr, uint32_t data)
{
    Kvm *k = kvm_of(vm);
    struct kvm_irq_routing_entry e = {
        .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = { .address_lo = (uint32_t)addr, .address_hi = addr >> 32, .data = data }
    };
    G_GNUC_UNUSED g_autoptr(GMutexLocker) hold = g_mutex_locker_new(&k->route_lock);
    e.gsi = virq < 0 ? free_virq(k) : (unsigned)virq;
    int i = route_find(k, e.gsi);
    guint was = k->routes->len;
    if (i < 0)
        g_array_append_val(k->routes, e);
    else
        g_array_index(k->routes, struct kvm_irq_routing_entry, i) = e;
    int r = routes_set(k);
    if (r < 0)
        g_array_set_size(k->routes, was); /* or every later change would fail with it */
    return r < 0 ? r : (int)e.gsi;
}

static void chip_unroute(Vm *vm, int virq)
{
    Kvm *k = kvm_of(vm);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) hold = g_mutex_locker_new(&k->route_lock);
    int i = route_find(k, virq);
    if (i < 0)
        return;
    g_array_remove_index_fast(k->routes, i);
    routes_set(k);
}

static int chip_irqfd(Vm *vm, int virq, int fd, bool add)
{
    struct kvm_irqfd f = { .fd = fd, .gsi = virq, .flags = add ? 0 : KVM_IRQFD_FLAG_DEASSIGN };
    return kvm_vm_ioctl(kvm_of(vm), KVM_IRQFD, &f);
}

/* ---- state ---- */
static void pic_from(PicState *p, const struct kvm_pic_state *s)
{
    *p = (PicState){ .edges = s->last_irr,
                     .irr = s->irr,
                     .imr = s->imr,
                     .isr = s->isr,
                     .elcr = s->elcr,
                     .base = s->irq_base,
                     .lowest = s->priority_add & 7,
                     .icw_step = s->init_state,
                     .read_isr = s->read_reg_select,
                     .poll = s->poll,
                     .special_mask = s->special_mask,
                     .auto_eoi = s->auto_eoi,
                     .rotate_on_auto_eoi = s->rotate_on_auto_eoi,
                     .fully_nested = s->special_fully_nested_mode,
                     .icw4 = s->init4 };
    p->lines = p->edges;
}

static void pic_to(struct kvm_pic_state *s, const PicState *p, bool slave)
{
    *s = (struct kvm_pic_state){ .last_irr = p->edges,
                                 .irr = p->irr,
                                 .imr = p->imr,
                                 .isr = p->isr,
                                 .elcr = p->elcr,
                                 .elcr_mask = slave ? 0xde : 0xf8,
                                 .irq_base = p->base,
                                 .priority_add = p->lowest,
                                 .init_state = p->icw_step,
                                 .read_reg_select = p->read_isr,
                                 .poll = p->poll,
                                 .special_mask = p->special_mask,
                                 .auto_eoi = p->auto_eoi,
                                 .rotate_on_auto_eoi = p->rotate_on_auto_eoi,
                                 .special_fully_nested_mode = p->fully_nested,
                                 .init4 = p->icw4 };
}

static void ioapic_from(IoapicState *a, const struct kvm_ioapic_state *s)
{
    *a = (IoapicState){ .irr = s->irr, .id = s->id, .select = s->ioregsel };
    for (unsigned i = 0; i < 24; i++)
        a->redir[i] = s->redirtbl[i].bits;
}

static void ioapic_to(struct kvm_ioapic_state *s, const IoapicState *a)
{
    *s = (struct kvm_ioapic_state){
        .base_address = 0xfec00000, .irr = a->irr, .id = a->id, .ioregsel = a->select
    };
    for (unsigned i = 0; i < 24; i++)
        s->redirtbl[i].bits = a->redir[i];
}

/* register n of the APIC page, which has one every 16 bytes */
static uint32_t *lapic_reg(struct kvm_lapic_state *s, unsigned offset)
{
    return (uint32_t *)(s->regs + offset);
}

static const struct {
    unsigned offset, member;
} lapic_regs[] = {
    { 0x20, offsetof(LapicState, id) },      { 0x80, offsetof(LapicState, tpr) },
    { 0xd0, offsetof(LapicState, ldr) },     { 0xe0, offsetof(LapicState, dfr) },
    { 0xf0, offsetof(LapicState, svr) },     { 0x280, offsetof(LapicState, esr) },
    { 0x2f0, offsetof(LapicState, lvt[0]) }, { 0x320, offsetof(LapicState, lvt[1]) },
    { 0x330, offsetof(LapicState, lvt[2]) }, { 0x340, offsetof(LapicState, lvt[3]) },
    { 0x350, offsetof(LapicState, lvt[4]) }, { 0x360, offsetof(LapicState, lvt[5]) },
    { 0x370, offsetof(LapicState, lvt[6]) }, { 0x380, offsetof(LapicState, initial) },
    { 0x3e0, offsetof(LapicState, divide) },
};

static void lapic_copy(struct kvm_lapic_state *s, LapicState *a, bool to_kernel)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(lapic_regs); i++) {
        uint32_t *ours = (uint32_t *)((char *)a + lapic_regs[i].member);
        uint32_t *theirs = lapic_reg(s, lapic_regs[i].offset);
        *(to_kernel ? theirs : ours) = *(to_kernel ? ours : theirs);
    }
    for (unsigned i = 0; i < 8; i++) {
        uint32_t *sets[3] = { &a->isr[i], &a->tmr[i], &a->irr[i] };
        for (unsigned k = 0; k < 3; k++) {
            uint32_t *theirs = lapic_reg(s, 0x100 + k * 0x80 + i * 0x10);
            *(to_kernel ? theirs : sets[k]) = *(to_kernel ? sets[k] : theirs);
        }
    }
    if (to_kernel) {
        *lapic_reg(s, 0x300) = (uint32_t)a->icr;
        *lapic_reg(s, 0x310) = a->icr >> 32;
        *lapic_reg(s, 0x390) = a->initial;
    } else {
        a->icr = *lapic_reg(s, 0x300) | (uint64_t)*lapic_reg(s, 0x310) << 32;
    }
}

/* Which mode the APIC is in is one of the processor's registers to the kernel. */
static bool apic_base(Vcpu *v, uint64_t *base, bool write)
{
    struct kvm_sregs r;
    if (kvm_vcpu_ioctl(v, KVM_GET_SREGS, &r) < 0)
        return false;
    if (!write) {
        *base = r.apic_base;
        return true;
    }
    r.apic_base = *base;
    return kvm_vcpu_ioctl(v, KVM_SET_SREGS, &r) >= 0;
}

static bool lapic_get(Vcpu *v, LapicState *a)
{
    struct kvm_lapic_state s;
    if (kvm_vcpu_ioctl(v, KVM_GET_LAPIC, &s) < 0)
        return false;
    lapic_copy(&s, a, false);
    return apic_base(v, &a->base, false);
}

static bool lapic_put(Vcpu *v, LapicState a)
{
    struct kvm_lapic_state s = { { 0 } };
    *lapic_reg(&s, 0x30) = 0x50014; /* version: six LVT entries */
    lapic_copy(&s, &a, true);
    /* the base first: registers are read as the mode wants them */
    return apic_base(v, &a.base, true) && kvm_vcpu_ioctl(v, KVM_SET_LAPIC, &s) >= 0;
}

static bool chip_get(Vm *vm, ChipPart part, Vcpu *v, void *st)
{
    Kvm *k = kvm_of(vm);
    if (part == CHIP_LAPIC)
        return lapic_get(v, st);
    struct kvm_irqchip c = { .chip_id = part == CHIP_PIC0   ? KVM_IRQCHIP_PIC_MASTER
                                        : part == CHIP_PIC1 ? KVM_IRQCHIP_PIC_SLAVE
                                                            : KVM_IRQCHIP_IOAPIC };
    if (part == CHIP_PIT || kvm_vm_ioctl(k, KVM_GET_IRQCHIP, &c) < 0)
        return false;
    if (part == CHIP_IOAPIC)
        ioapic_from(st, &c.chip.ioapic);
    else
        pic_from(st, &c.chip.pic);
    return true;
}

static bool chip_put(Vm *vm, ChipPart part, Vcpu *v, const void *st)
{
    Kvm *k = kvm_of(vm);
    if (part == CHIP_LAPIC)
        return lapic_put(v, *(const LapicState *)st);
    struct kvm_irqchip c = { 0 };
    if (part == CHIP_PIT)
        return false;
    if (part == CHIP_IOAPIC) {
        c.chip_id = KVM_IRQCHIP_IOAPIC;
        ioapic_to(&c.chip.ioapic, st);
    } else {
        c.chip_id = part == CHIP_PIC0 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
        pic_to(&c.chip.pic, st, part == CHIP_PIC1);
    }
    return kvm_vm_ioctl(k, KVM_SET_IRQCHIP, &c) >= 0;
}

static const IrqchipOps kernel_chips = {
    .mode = IRQCHIP_KERNEL,
    .gsi = chip_gsi,
    .msi = chip_msi,
    .route = chip_route,
    .unroute = chip_unroute,
    .irqfd = chip_irqfd,
    .get = chip_get,
    .put = chip_put,
};

/* The IOAPIC asks for a route a pin (hw/intc/ioapic.c), the PIC is asked by the vCPU's thread. */
static const IrqchipOps split_chips = {
    .mode = IRQCHIP_SPLIT,
    .msi = chip_msi,
    .route = chip_route,
    .unroute = chip_unroute,
    .irqfd = chip_irqfd,
    .get = chip_get,
    .put = chip_put,
};

static int split_create(Kvm *k)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { GSI_COUNT } };
    return kvm_vm_ioctl(k, KVM_ENABLE_CAP, &cap);
}

bool kvm_irqchip_init(Kvm *k, GError **err)
{
    if (k->mode == IRQCHIP_USER)
        return true;
    k->routes = g_array_new(FALSE, TRUE, sizeof(struct kvm_irq_routing_entry));
    int r = k->mode == IRQCHIP_SPLIT ? split_create(k) : kvm_vm_ioctl(k, KVM_CREATE_IRQCHIP, NULL);
    if (r >= 0 && k->mode == IRQCHIP_KERNEL) {
        routes_pc(k);
        r = routes_set(k);
    }
    if (r < 0)
        return user_fail(err, "KVM refuses its interrupt chips: %s (try kernel-irqchip=off)",
                         g_strerror(-r));
    k->vm->irqchip = k->mode == IRQCHIP_SPLIT ? &split_chips : &kernel_chips;
    return true;
}
