/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APICs: the device of each vCPU, its registers in xAPIC and x2APIC form, and LapicOps, by
 * which an accelerator without an interrupt chip of its own asks for work. Intel SDM 3A, chapter
 * 11; the version register says 14h (no directed EOI, no CMCI). With a kernel's LAPIC these
 * devices only hold the state that is saved. Threads: lapic-int.h.
 */
#include <inttypes.h>

#include "hw/intc/lapic-int.h"
#include "core/memory.h"

enum { APIC_VERSION = 0x14, EXTINT = 0x100 };
/* register offsets of the xAPIC page; an x2APIC MSR is 800h + offset / 16 */
enum {
    REG_ID = 0x20,
    REG_VERSION = 0x30,
    REG_TPR = 0x80,
    REG_APR = 0x90,
    REG_PPR = 0xa0,
    REG_EOI = 0xb0,
    REG_LDR = 0xd0,
    REG_DFR = 0xe0,
    REG_SVR = 0xf0,
    REG_ISR = 0x100,
    REG_TMR = 0x180,
    REG_IRR = 0x200,
    REG_ESR = 0x280,
    REG_ICR = 0x300,
    REG_ICR2 = 0x310,
    REG_LVT_TIMER = 0x320,
    REG_LVT_ERROR = 0x370,
    REG_INITIAL = 0x380,
    REG_COUNT = 0x390,
    REG_DIVIDE = 0x3e0,
    REG_SELF_IPI = 0x3f0,
};
enum { MSR_APIC_BASE = 0x1b, MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC = 0x800 };

/* What the guest may set in LVT entries, in the order of their registers */
static const uint32_t lvt_writable[LVT_COUNT] = {
    [LVT_CMCI] = 0,
    [LVT_TIMER] = 0xff | LVT_MASKED | LVT_TIMER_MODE,
    [LVT_THERMAL] = 0x7ff | LVT_MASKED,
    [LVT_PERF] = 0x7ff | LVT_MASKED,
    [LVT_LINT0] = 0x7ff | LVT_MASKED | LVT_LEVEL | LVT_LOW_ACTIVE,
    [LVT_LINT1] = 0x7ff | LVT_MASKED | LVT_LEVEL | LVT_LOW_ACTIVE,
    [LVT_ERROR] = 0xff | LVT_MASKED,
};

/* ---- priorities ---- */

static uint8_t lapic_ppr(const Lapic *a)
{
    int isr = lapic_highest(a->st.isr);
    uint8_t tpr = a->st.tpr, class = isr < 0 ? 0 : isr & 0xf0;
    return (tpr & 0xf0) >= class ? tpr : class;
}

/* The kernel's APIC: only the PIC's interrupts are ours to deliver, to the first processor, and the
 * kernel knows whether that takes them. */
static bool in_kernel(const Lapic *a)
{
    return irqchip_has(a->dev.vm, CHIP_LAPIC);
}

static bool lapic_extint(const Lapic *a)
{
    if (!lapic_get(a->bus->st.lint[0]))
        return false;
    if (in_kernel(a))
        return a->vcpu->index == 0;
    if (!lapic_on(a))
        return a->vcpu->index == 0; /* without APIC the PIC's INT is the processor's INTR */
    uint32_t lvt = a->st.lvt[LVT_LINT0];
    return (!(lvt & LVT_MASKED) && (lvt >> 8 & 7) == DM_EXTINT) || lapic_get(a->st.extint);
}

static int lapic_pending(Vcpu *v)
{
    Lapic *a = lapic_of(v);
    if (!a)
        return -1;
    if (!in_kernel(a) && lapic_on(a) && (a->st.svr & SVR_ENABLED)) {
        int irr = lapic_highest(a->st.irr);
        if (irr >= 0 && (irr & 0xf0) > (lapic_ppr(a) & 0xf0))
            return irr;
    }
    return lapic_extint(a) ? EXTINT : -1;
}

static int lapic_ack(Vcpu *v)
{
    Lapic *a = lapic_of(v);
    int n = lapic_pending(v);
    if (n == EXTINT) {
        vm_lock(v->vm);
        /* another vCPU may have been faster */
        n = lapic_extint(a) ? pic_inta(a->bus->pic) : -1;
        lapic_put(a->st.extint, 0);
        vm_unlock(v->vm);
    } else if (n >= 0) {
        __atomic_fetch_and(&a->st.irr[n >> 5], ~(1u << (n & 31)), __ATOMIC_ACQUIRE);
        a->st.isr[n >> 5] |= 1u << (n & 31);
    }
    return n;
}

/* Something may be deliverable now that was not before. */
static void lapic_look(Lapic *a)
{
    if (lapic_pending(a->vcpu) >= 0)
        vcpu_request(a->vcpu, REQ_INTR);
}

static void lapic_eoi(Lapic *a)
{
    int n = lapic_highest(a->st.isr);
    if (n < 0)
        return;
    a->st.isr[n >> 5] &= ~(1u << (n & 31));
    if (lapic_get(a->st.tmr[n >> 5]) & 1u << (n & 31)) {
        vm_lock(a->dev.vm);
        if (a->bus->ioapic)
            ioapic_eoi(a->bus->ioapic, n);
        vm_unlock(a->dev.vm);
        uint32_t lvt = a->st.lvt[LVT_LINT0];
        if ((lvt & LVT_LEVEL) && (lvt & 0xff) == (unsigned)n && lapic_get(a->bus->st.lint[0]))
            lapic_local(a, LVT_LINT0);
    }
    lapic_look(a);
}

static void lapic_set_tpr(Lapic *a, uint8_t tpr)
{
    lapic_put(a->st.tpr, tpr);
    lapic_look(a);
}

/* ---- registers ---- */

static unsigned lapic_lvt_index(uint32_t off)
{
    return LVT_TIMER + ((off - REG_LVT_TIMER) >> 4);
}

static uint32_t lapic_read(Lapic *a, uint32_t off)
{
    LapicState *st = &a->st;
    switch (off) {
    case REG_ID: return lapic_is_x2(a) ? a->vcpu->apic_id : st->id;
    case REG_VERSION: return APIC_VERSION | (LVT_ERROR - LVT_TIMER) << 16;
    case REG_TPR: return st->tpr;
    case REG_PPR: return lapic_ppr(a);
    case REG_LDR: return st->ldr;
    case REG_DFR: return st->dfr;
    case REG_SVR: return st->svr;
    case REG_ISR ... REG_ISR + 0x7f: return st->isr[(off - REG_ISR) >> 4];
    case REG_TMR ... REG_TMR + 0x7f: return lapic_get(st->tmr[(off - REG_TMR) >> 4]);
    case REG_IRR ... REG_IRR + 0x7f: return lapic_get(st->irr[(off - REG_IRR) >> 4]);
    case REG_ESR: return st->esr;
    case REG_ICR: return st->icr;
    case REG_ICR2: return st->icr >> 32;
    case REG_LVT_TIMER ... REG_LVT_ERROR: return st->lvt[lapic_lvt_index(off)];
    case REG_INITIAL: return st->initial;
    case REG_COUNT: return lapic_timer_count(a);
    case REG_DIVIDE: return st->divide;
    }
    return 0;
}

static void lapic_write_lvt(Lapic *a, unsigned n, uint32_t val)
{
    uint32_t old = a->st.lvt[n];
    val &= lvt_writable[n];
    if (!(a->st.svr & SVR_ENABLED))
        val |= LVT_MASKED;
    lapic_put(a->st.lvt[n], val);
    if (n == LVT_TIMER)
        lapic_timer_lvt(a, old);
    else if (n == LVT_LINT0)
        vcpu_request(a->vcpu, REQ_INTR);
}

/* Software disable masks all local entries (11.4.7.2). */
static void lapic_write_svr(Lapic *a, uint32_t val)
{
    lapic_put(a->st.svr, val & 0x3ff);
    if (!(val & SVR_ENABLED)) {
        for (unsigned n = 0; n < LVT_COUNT; n++)
            lapic_write_lvt(a, n, a->st.lvt[n] | LVT_MASKED);
    }
    vcpu_request(a->vcpu, REQ_INTR);
}

static bool lapic_write(Lapic *a, uint32_t off, uint32_t val)
{
    LapicState *st = &a->st;
    switch (off) {
    case REG_ID: lapic_put(st->id, val & 0xff000000); break;
    case REG_TPR: lapic_set_tpr(a, val); break;
    case REG_EOI: lapic_eoi(a); break;
    case REG_LDR: lapic_put(st->ldr, val & 0xff000000); break;
    case REG_DFR: lapic_put(st->dfr, val | 0x0fffffff); break;
    case REG_SVR: lapic_write_svr(a, val); break;
    case REG_ESR: st->esr = __atomic_exchange_n(&st->esr_pending, 0, __ATOMIC_RELAXED); break;
    case REG_ICR:
        st->icr = (st->icr & 0xffffffff00000000ull) | (val & 0xccfff);
        lapic_ipi(a, st->icr);
        break;
    case REG_ICR2: st->icr = (uint32_t)st->icr | (uint64_t)(val & 0xff000000) << 32; break;
    case REG_LVT_TIMER ... REG_LVT_ERROR: lapic_write_lvt(a, lapic_lvt_index(off), val); break;
    case REG_INITIAL: lapic_timer_start(a, val); break;
    case REG_DIVIDE: lapic_timer_divide(a, val); break;
    default: return false;
    }
    return true;
}

/* Only the aligned first four bytes of each 16 are registers. */
static uint32_t lapic_mmio(Vcpu *v, uint32_t off, uint32_t val, bool write)
{
    Lapic *a = lapic_of(v);
    if (!a || lapic_is_x2(a))
        return 0xffffffff; /* in x2APIC mode the page is gone */
    off &= 0xfff;
    if (off & 15)
        return 0;
    if (!write)
        return lapic_read(a, off);
    if (!lapic_write(a, off, val))
        lapic_error(a, ESR_ILLEGAL_REG);
    return 0;
}

/* ---- MSRs ---- */

static bool lapic_x2_read(Lapic *a, uint32_t off, uint64_t *val)
{
    switch (off) {
    case REG_EOI:
    case REG_DFR:
    case REG_ICR2:
    case REG_APR:
    case REG_SELF_IPI:
    case 0 ... REG_ID - 1:
    case REG_VERSION + 1 ... REG_TPR - 1:
    case 0xc0:
    case REG_ESR + 1 ... REG_ICR - 1:
    case REG_COUNT + 1 ... REG_DIVIDE - 1: return false;
    case REG_ICR: *val = a->st.icr; return true;
    }
    *val = lapic_read(a, off);
    return true;
}

static bool lapic_x2_write(Lapic *a, uint32_t off, uint64_t val)
{
    switch (off) {
    case REG_ICR:
        if (val & 0xfff33000)
            return false;
        a->st.icr = val;
        lapic_ipi(a, val);
        return true;
    case REG_SELF_IPI:
        if (val >> 8)
            return false;
        lapic_accept(a, DM_FIXED, val, false);
        return true;
    case REG_TPR: return !(val >> 8) && lapic_write(a, off, val);
    case REG_SVR: return !(val & ~0x1ffull) && lapic_write(a, off, val);
    case REG_EOI:
    case REG_ESR: return !val && lapic_write(a, off, 0);
    case REG_DIVIDE: return !(val & ~0xbull) && lapic_write(a, off, val);
    case REG_LVT_TIMER ... REG_LVT_ERROR:
        if (val & ~(uint64_t)(lvt_writable[lapic_lvt_index(off)] | 1 << 12 | LVT_REMOTE_IRR))
            return false;
        return lapic_write(a, off, val);
    case REG_INITIAL: return !(val >> 32) && lapic_write(a, off, val);
    }
    return false;
}

/* Legal changes of mode: 11.12.5. The logical id of x2APIC mode follows from the id. */
static bool lapic_write_base(Lapic *a, uint64_t val)
{
    uint64_t old = a->st.base;
    bool en = val & APIC_BASE_EN, x2 = val & APIC_BASE_EXTD;
    bool was_en = old & APIC_BASE_EN, was_x2 = old & APIC_BASE_EXTD;
    if (val & ~(0xffffffffff000ull | APIC_BASE_BSP | APIC_BASE_EXTD | APIC_BASE_EN))
        return false;
    if ((x2 && !en) || (x2 && !a->x2apic) || (x2 && !was_en) || (was_x2 && en && !x2))
        return false;
    lapic_put(a->st.base, val);
    if (x2 && !was_x2) {
        uint32_t id = a->vcpu->apic_id;
        lapic_put(a->st.ldr, (id >> 4) << 16 | 1u << (id & 15));
    }
    if (was_en && !en) {
        /* as after reset, but for the base (11.4.3) */
        lapic_put(a->st.svr, 0xff);
        lapic_timer_stop(a);
    }
    if (!en || was_x2 != x2)
        lapic_put(a->st.id, a->vcpu->apic_id << 24);
    vcpu_request(a->vcpu, REQ_INTR);
    return true;
}

static bool lapic_msr(Vcpu *v, uint32_t msr, uint64_t *val, bool write)
{
    Lapic *a = lapic_of(v);
    if (!a)
        return false;
    if (msr == MSR_APIC_BASE) {
        if (write)
            return lapic_write_base(a, *val);
        *val = a->st.base;
        return true;
    }
    if (msr == MSR_TSC_DEADLINE) {
        if (write)
            lapic_timer_deadline(a, *val);
        else
            *val = lapic_get(a->st.tsc_deadline);
        return true;
    }
    uint32_t off = (msr - MSR_X2APIC) << 4;
    if (msr < MSR_X2APIC || off > REG_SELF_IPI || !lapic_is_x2(a))
        return false;
    return write ? lapic_x2_write(a, off, *val) : lapic_x2_read(a, off, val);
}

static uint8_t lapic_get_cr8(Vcpu *v)
{
    return lapic_of(v) ? lapic_of(v)->st.tpr >> 4 : 0;
}

static void lapic_set_cr8(Vcpu *v, uint8_t cr8)
{
    if (lapic_of(v))
        lapic_set_tpr(lapic_of(v), (cr8 & 15) << 4);
}

/* ---- reset ---- */

/* Everything but base, id and timer deadlines, which the callers handle (11.4.7.3) */
static void lapic_clear(Lapic *a)
{
    LapicState *st = &a->st, old = *st;
    *st = (LapicState){ .base = old.base, .deadline = old.deadline };
    st->id = a->vcpu->apic_id << 24;
    st->dfr = 0xffffffff;
    st->svr = 0xff;
    for (unsigned n = 0; n < LVT_COUNT; n++)
        st->lvt[n] = LVT_MASKED;
    /* the virtual wire that every PC's firmware would make: processors without a driver for the
     * APIC get the PIC's interrupts from the first instruction */
    if (a->vcpu->index == 0)
        st->lvt[LVT_LINT0] = DM_EXTINT << 8;
}

/* The INIT signal, on the vCPU's own thread: x2APIC mode and the base stay. */
static void lapic_init(Vcpu *v)
{
    Lapic *a = lapic_of(v);
    if (!a)
        return;
    lapic_timer_stop(a);
    lapic_clear(a);
    if (lapic_is_x2(a)) {
        uint32_t id = v->apic_id;
        a->st.ldr = (id >> 4) << 16 | 1u << (id & 15);
    }
}

static void lapic_reset(Device *dev)
{
    Lapic *a = (Lapic *)dev;
    a->st.base = 0xfee00000 | APIC_BASE_EN | (a->vcpu->index == 0 ? APIC_BASE_BSP : 0);
    lapic_clear(a);
}

static void lapic_sync(Device *dev)
{
    Lapic *a = (Lapic *)dev;
    irqchip_put(dev->vm, CHIP_LAPIC, a->vcpu, &a->st);
}

static void lapic_ioapic_eoi(Vm *vm, uint8_t vector)
{
    ApicBus *bus = (ApicBus *)device_find(vm, "apic-bus", 0);
    vm_lock(vm);
    if (bus && bus->ioapic)
        ioapic_eoi(bus->ioapic, vector);
    vm_unlock(vm);
}

static const LapicOps lapic_ops = {
    .pending = lapic_pending,
    .ack = lapic_ack,
    .get_cr8 = lapic_get_cr8,
    .set_cr8 = lapic_set_cr8,
    .msr = lapic_msr,
    .mmio = lapic_mmio,
    .init = lapic_init,
    .ioapic_eoi = lapic_ioapic_eoi,
    .deliver = lapic_deliver,
};

/* ---- devices ---- */

static const Field LapicState_rows[] = { FIELD(LapicState, base),
                                         FIELD(LapicState, icr),
                                         FIELD(LapicState, tsc_deadline),
                                         FIELD(LapicState, timer_start),
                                         FIELD(LapicState, deadline),
                                         FIELD_ARRAY(LapicState, irr),
                                         FIELD_ARRAY(LapicState, isr),
                                         FIELD_ARRAY(LapicState, tmr),
                                         FIELD_ARRAY(LapicState, lvt),
                                         FIELD(LapicState, id),
                                         FIELD(LapicState, ldr),
                                         FIELD(LapicState, dfr),
                                         FIELD(LapicState, svr),
                                         FIELD(LapicState, tpr, .max = 0xff),
                                         FIELD(LapicState, esr),
                                         FIELD(LapicState, esr_pending),
                                         FIELD(LapicState, divide, .max = 0xb),
                                         FIELD(LapicState, initial),
                                         FIELD(LapicState, lint, .max = 3),
                                         FIELD(LapicState, extint, .max = 1),
                                         FIELD_END };

static const Prop Lapic_rows[] = {
    PROP_INT(Lapic, cpu, "cpu", 0, "number of the vCPU it belongs to"),
    PROP_BOOL(Lapic, x2apic, "x2apic", true, "allow x2APIC mode"), PROP_END(Lapic)
};

static bool lapic_realize(Device *dev, GError **err)
{
    Lapic *a = (Lapic *)dev;
    Vm *vm = dev->vm;
    if (a->cpu >= vm->n_vcpus || !vm->vcpu || !vm->vcpu[a->cpu])
        return user_fail(err, "there is no vCPU %u for this local APIC", a->cpu);
    a->vcpu = vm->vcpu[a->cpu];
    a->bus = (ApicBus *)device_find(vm, "apic-bus", 0);
    lapic_timer_init(a);
    a->vcpu->lapic = a;
    return true;
}

static void lapic_unrealize(Device *dev)
{
    Lapic *a = (Lapic *)dev;
    a->vcpu->lapic = NULL;
}

static const DeviceType apic = {
    .name = "apic",
    .desc = "local APIC",
    .size = sizeof(Lapic),
    .props = Lapic_rows,
    .state = STATE_PARTS(STATE(Lapic, st, LapicState_rows, 1)),
    .realize = lapic_realize,
    .reset = lapic_reset,
    .sync = lapic_sync,
    .unrealize = lapic_unrealize,
};
REGISTER(device, apic);

/* LINT0 is the PIC's INT, LINT1 the board's NMI; both go to every local APIC. */
static void apic_bus_set(void *o, int n, int level)
{
    ApicBus *b = o;
    Vm *vm = b->dev.vm;
    uint32_t was = __atomic_exchange_n(&b->st.lint[n], !!level, __ATOMIC_RELEASE);
    if (was == (uint32_t) !!level || !level)
        return;
    for (unsigned i = 0; i < vm->n_vcpus; i++) {
        Lapic *a = vm->vcpu[i] ? lapic_of(vm->vcpu[i]) : NULL;
        if (!a)
            continue;
        if (!in_kernel(a) && lapic_on(a))
            lapic_local(a, n ? LVT_LINT1 : LVT_LINT0);
        else if (i == 0)
            vcpu_request(a->vcpu, n ? REQ_NMI : REQ_INTR);
    }
}

static bool apic_bus_realize(Device *dev, GError **err)
{
    ApicBus *b = (ApicBus *)dev;
    for (unsigned i = 0; i < 2; i++)
        b->in[i] = (IrqLine){ apic_bus_set, b, i };
    b->pic = device_find(dev->vm, "isa-i8259", 0);
    b->ioapic = device_find(dev->vm, "ioapic", 0);
    dev->vm->lapic = &lapic_ops;
    return true;
}

static const Field ApicBusState_rows[] = { FIELD_ARRAY(struct ApicBusState, lint, .max = 1),
                                           FIELD_END };

static const DeviceType apic_bus = {
    .name = "apic-bus",
    .desc = "wires and messages between the local APICs",
    .size = sizeof(ApicBus),
    .state = STATE_PARTS(STATE(ApicBus, st, ApicBusState_rows, 1)),
    .pins = PINS(PIN_IN(ApicBus, in, "lint")),
    .realize = apic_bus_realize,
};
REGISTER(device, apic_bus);
