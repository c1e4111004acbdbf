/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers between the kernel and X86State: general, special, XSAVE, debug, MSRs by the table of
 * accel/x86/msr.c, pending events; and the CPUID the guest sees. On the vCPU's thread, out of
 * KVM_RUN.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/kvm-int.h"
#include "accel/x86/cpuid.h"
#include "accel/x86/msr.h"
#include "core/vm.h"

/* ---- CPUID ---- */
typedef struct Leaves {
    struct kvm_cpuid2 *c;
    unsigned room;
} Leaves;

static void leaf_add(Vcpu *v, Leaves *l, uint32_t leaf, uint32_t sub, bool indexed)
{
    uint32_t r[4];
    if (l->c->nent == l->room) {
        l->room *= 2;
        l->c = g_realloc(l->c, sizeof(*l->c) + l->room * sizeof(l->c->entries[0]));
    }
    cpuid(v->x86, leaf, sub, r);
    l->c->entries[l->c->nent++] = (struct kvm_cpuid_entry2){
        .function = leaf,
        .index = sub,
        .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
        .eax = r[0],
        .ebx = r[1],
        .ecx = r[2],
        .edx = r[3],
    };
}

/* subleaves of the leaves that have some; the others have one */
static unsigned sub_leaves(uint32_t leaf)
{
    switch (leaf) {
    case 4:
    case 0x8000001d: return 5;
    case 7:
    case 0x14:
    case 0x12: return 3;
    case 0xb:
    case 0x1f: return 4;
    case 0xd: return 3; /* no state behind AVX; old kernels take 80 leaves in all */
    default: return 0;
    }
}

static void leaves_range(Vcpu *v, Leaves *l, uint32_t first)
{
    uint32_t r[4];
    cpuid(v->x86, first, 0, r);
    if (r[0] < first || r[0] > first + 0xff)
        return;
    for (uint32_t leaf = first; leaf <= r[0]; leaf++) {
        unsigned n = sub_leaves(leaf);
        for (unsigned sub = 0; sub < MAX(n, 1); sub++)
            leaf_add(v, l, leaf, sub, n > 0);
    }
}

bool kvm_set_cpuid(Vcpu *v, GError **err)
{
    Leaves l = { .room = 64 };
    l.c = g_malloc0(sizeof(*l.c) + l.room * sizeof(l.c->entries[0]));
    l.c->padding = l.c->nent = 0;
    leaves_range(v, &l, 0);
    if (v->x86->model && v->x86->model->signature)
        leaves_range(v, &l, 0x40000000);
    leaves_range(v, &l, 0x80000000);
    int r = kvm_vcpu_ioctl(v, KVM_SET_CPUID2, l.c);
    g_free(l.c);
    if (r < 0)
        user_fail(err, "KVM refuses the CPUID of vCPU %u: %s", v->index, g_strerror(-r));
    return r >= 0;
}

/* ---- segments: our attr is the layout of VMX access rights ---- */
static X86Seg seg_from(const struct kvm_segment *k)
{
    uint32_t attr = k->type | k->s << 4 | k->dpl << 5 | k->present << 7 | k->avl << 12 |
                    k->l << 13 | k->db << 14 | k->g << 15 | (k->unusable ? SEG_NULL : 0);
    return (X86Seg){ .base = k->base, .limit = k->limit, .attr = attr, .sel = k->selector };
}

static struct kvm_segment seg_to(const X86Seg *s)
{
    uint32_t a = s->attr;
    return (struct kvm_segment){ .base = s->base,
                                 .limit = s->limit,
                                 .selector = s->sel,
                                 .type = a & 15,
                                 .s = a >> 4 & 1,
                                 .dpl = a >> 5 & 3,
                                 .present = a >> 7 & 1,
                                 .avl = a >> 12 & 1,
                                 .l = a >> 13 & 1,
                                 .db = a >> 14 & 1,
                                 .g = a >> 15 & 1,
                                 .unusable = !!(a & SEG_NULL) };
}

static struct kvm_segment *sregs_seg(struct kvm_sregs *s, unsigned i)
{
    struct kvm_segment *at[6] = { &s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs };
    return at[i];
}

/* ---- general registers ---- */
static __u64 *regs_gpr(struct kvm_regs *r, unsigned i)
{
    __u64 *at[16] = { &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
                      &r->r8,  &r->r9,  &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15 };
    return at[i];
}

static bool get_regs(Vcpu *v)
{
    X86State *s = v->x86;
    struct kvm_regs r;
    if (kvm_vcpu_ioctl(v, KVM_GET_REGS, &r) < 0)
        return false;
    for (unsigned i = 0; i < 16; i++)
        s->g[i] = *regs_gpr(&r, i);
    s->rip = r.rip;
    x86_set_flags(s, r.rflags);
    return true;
}

static bool put_regs(Vcpu *v)
{
    X86State *s = v->x86;
    struct kvm_regs r = { .rip = s->rip, .rflags = x86_flags(s) };
    for (unsigned i = 0; i < 16; i++)
        *regs_gpr(&r, i) = s->g[i];
    return kvm_vcpu_ioctl(v, KVM_SET_REGS, &r) >= 0;
}

/* ---- special registers ---- */
static bool get_sregs(Vcpu *v)
{
    X86State *s = v->x86;
    struct kvm_sregs r;
    if (kvm_vcpu_ioctl(v, KVM_GET_SREGS, &r) < 0)
        return false;
    for (unsigned i = 0; i < 6; i++)
        s->seg[i] = seg_from(sregs_seg(&r, i));
    s->ldt = seg_from(&r.ldt);
    s->tr = seg_from(&r.tr);
    s->gdt = (X86Table){ .base = r.gdt.base, .limit = r.gdt.limit };
    s->idt = (X86Table){ .base = r.idt.base, .limit = r.idt.limit };
    s->cr0 = r.cr0;
    s->cr2 = r.cr2;
    s->cr3 = r.cr3;
    s->cr4 = r.cr4;
    s->cr8 = r.cr8;
    s->efer = r.efer;
    return true;
}

static bool put_sregs(Vcpu *v)
{
    X86State *s = v->x86;
    struct kvm_sregs r;
    uint64_t base;
    /* a pending interrupt stays the kernel's, and the APIC base when the APIC is there */
    if (kvm_vcpu_ioctl(v, KVM_GET_SREGS, &r) < 0)
        return false;
    if (kvm_of(v->vm)->mode == IRQCHIP_USER && v->vm->lapic &&
        v->vm->lapic->msr(v, MSR_APIC_BASE, &base, false))
        r.apic_base = base;
    for (unsigned i = 0; i < 6; i++)
        *sregs_seg(&r, i) = seg_to(&s->seg[i]);
    r.ldt = seg_to(&s->ldt);
    r.tr = seg_to(&s->tr);
    r.gdt = (struct kvm_dtable){ .base = s->gdt.base, .limit = s->gdt.limit };
    r.idt = (struct kvm_dtable){ .base = s->idt.base, .limit = s->idt.limit };
    r.cr0 = s->cr0;
    r.cr2 = s->cr2;
    r.cr3 = s->cr3;
    r.cr4 = s->cr4;
    r.cr8 = s->cr8;
    r.efer = s->efer;
    return kvm_vcpu_ioctl(v, KVM_SET_SREGS, &r) >= 0;
}

/* ---- FPU ---- */
enum {
    FX_CONTROL = 0,
    FX_TAGS = 4,
    FX_OPCODE = 6,
    FX_IP = 8,
    FX_DP = 16,
    FX_MXCSR = 24,
    FX_ST = 32,
    FX_XMM = 160,
    XSTATE_BV = 512
};

/* A KVM without XSAVE: the pieces of an FXSAVE image, one by one. */
static void fpu_copy(struct kvm_fpu *f, uint8_t *fx, bool to_kernel)
{
    const struct {
        void *kernel;
        unsigned at, size;
    } part[] = {
        { &f->fcw, FX_CONTROL, 4 /* with fsw */ },
        { &f->ftwx, FX_TAGS, 1 },
        { &f->last_opcode, FX_OPCODE, 2 },
        { &f->last_ip, FX_IP, 8 },
        { &f->last_dp, FX_DP, 8 },
        { &f->mxcsr, FX_MXCSR, 4 },
        { f->fpr, FX_ST, sizeof(f->fpr) },
        { f->xmm, FX_XMM, sizeof(f->xmm) },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(part); i++) {
        uint8_t *ours = fx + part[i].at;
        memcpy(to_kernel ? part[i].kernel : ours, to_kernel ? ours : part[i].kernel, part[i].size);
    }
}

static bool get_fpu(Vcpu *v)
{
    struct kvm_fpu f;
    struct kvm_xsave x;
    struct kvm_xcrs c;
    uint8_t *image = v->x86->xsave.bytes;
    if (!kvm_of(v->vm)->has_xsave) {
        bool ok = kvm_vcpu_ioctl(v, KVM_GET_FPU, &f) >= 0;
        if (ok)
            fpu_copy(&f, image, false);
        return ok;
    }
    if (kvm_vcpu_ioctl(v, KVM_GET_XSAVE, &x) < 0)
        return false;
    memcpy(image, x.region, sizeof(v->x86->xsave.bytes));
    if (kvm_vcpu_ioctl(v, KVM_GET_XCRS, &c) >= 0 && c.nr_xcrs)
        v->x86->xcr0 = c.xcrs[0].value;
    return true;
}

static bool put_fpu(Vcpu *v)
{
    struct kvm_fpu f = { .fcw = 0 };
    struct kvm_xsave x = { .region = { 0 } };
    struct kvm_xcrs c = { .nr_xcrs = 1 };
    uint64_t bv = 3 | (v->x86->xcr0 & 4); /* all parts are in the image, init state or not */
    uint8_t *image = v->x86->xsave.bytes;
    if (!kvm_of(v->vm)->has_xsave) {
        fpu_copy(&f, image, true);
        return kvm_vcpu_ioctl(v, KVM_SET_FPU, &f) >= 0;
    }
    memcpy(x.region, image, sizeof(v->x86->xsave.bytes));
    memcpy((char *)x.region + XSTATE_BV, &bv, sizeof(bv));
    c.xcrs[0].value = v->x86->xcr0;
    if (kvm_vcpu_ioctl(v, KVM_SET_XSAVE, &x) < 0)
        return false;
    kvm_vcpu_ioctl(v, KVM_SET_XCRS, &c); /* a processor without XSAVE has none */
    return true;
}

/* ---- MSRs ---- */
typedef struct MsrBatch {
    uint32_t nmsrs, pad; /* as struct kvm_msrs begins */
    struct kvm_msr_entry e[128];
} MsrBatch;

/* One by one where the kernel stops: it names the first it does not know by the count it did. */
static void msrs_do(Vcpu *v, unsigned long request, MsrBatch *b, unsigned n)
{
    for (unsigned at = 0; at < n;) {
        MsrBatch part = { .nmsrs = n - at };
        memcpy(part.e, b->e + at, (n - at) * sizeof(b->e[0]));
        int done = kvm_vcpu_ioctl(v, request, &part);
        if (done < 0)
            return;
        memcpy(b->e + at, part.e, done * sizeof(b->e[0]));
        at += done + 1; /* past the one it refused */
    }
}

static unsigned msrs_list(X86State *s, MsrBatch *b)
{
    unsigned n = 0;
    for (const Msr *m = x86_msrs; m->name; m++) {
        if (m->flags & (MSR_RDONLY | MSR_ZERO))
            continue;
        for (unsigned i = 0; i < m->count && n < G_N_ELEMENTS(b->e); i++)
            b->e[n++] = (struct kvm_msr_entry){ .index = m->index + i,
                                                .data = *x86_msr_at(s, m, m->index + i) };
    }
    return n;
}

static void get_msrs(Vcpu *v)
{
    MsrBatch b;
    unsigned n = msrs_list(v->x86, &b);
    msrs_do(v, KVM_GET_MSRS, &b, n);
    for (unsigned i = 0; i < n; i++) {
        const Msr *m = x86_msr_find(b.e[i].index);
        *x86_msr_at(v->x86, m, b.e[i].index) = b.e[i].data;
    }
}

static void put_msrs(Vcpu *v)
{
    MsrBatch b;
    msrs_do(v, KVM_SET_MSRS, &b, msrs_list(v->x86, &b));
}

/* What the kernel keeps though we have no use for it: TSC_ADJUST, TSX_CTRL, CPUID faulting, AMD's
 * counters. The next system would find them running. */
static void reset_msrs(Vcpu *v)
{
    static const struct {
        uint32_t first, count;
    } range[] = { { 0x3b, 1 }, { 0x122, 1 }, { 0x140, 1 }, { 0xc0010000, 8 }, { 0xc0010200, 12 } };
    MsrBatch b;
    unsigned n = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(range); i++)
        for (unsigned k = 0; k < range[i].count; k++)
            b.e[n++] = (struct kvm_msr_entry){ .index = range[i].first + k };
    msrs_do(v, KVM_SET_MSRS, &b, n);
}

static bool msr_one(Vcpu *v, unsigned long request, uint32_t index, uint64_t *val)
{
    MsrBatch b = { .nmsrs = 1, .e[0] = { .index = index, .data = *val } };
    bool ok = kvm_vcpu_ioctl(v, request, &b) == 1;
    *val = b.e[0].data;
    return ok;
}

uint64_t kvm_tsc(Vcpu *v, uint64_t *hz)
{
    uint64_t tsc = 0;
    int khz = ioctl(((KvmVcpu *)v->accel)->fd, KVM_GET_TSC_KHZ, 0);
    *hz = khz > 0 ? khz * 1000ull : 0;
    msr_one(v, KVM_GET_MSRS, MSR_TSC, &tsc);
    return tsc;
}

/* ---- the rest ---- */
static void get_debug(Vcpu *v)
{
    struct kvm_debugregs d;
    if (kvm_vcpu_ioctl(v, KVM_GET_DEBUGREGS, &d) < 0)
        return;
    for (unsigned i = 0; i < 4; i++)
        v->x86->dr[i] = d.db[i];
    v->x86->dr[6] = d.dr6;
    v->x86->dr[7] = d.dr7;
}

static void put_debug(Vcpu *v)
{
    struct kvm_debugregs d = { .dr6 = v->x86->dr[6], .dr7 = v->x86->dr[7] };
    for (unsigned i = 0; i < 4; i++)
        d.db[i] = v->x86->dr[i];
    kvm_vcpu_ioctl(v, KVM_SET_DEBUGREGS, &d);
}

static void get_events(Vcpu *v)
{
    struct kvm_vcpu_events e;
    X86State *s = v->x86;
    if (kvm_vcpu_ioctl(v, KVM_GET_VCPU_EVENTS, &e) < 0)
        return;
    s->event = (X86Event){ .valid = e.exception.injected,
                           .vector = e.exception.nr,
                           .has_error = e.exception.has_error_code,
                           .error = e.exception.error_code };
    s->shadow = e.interrupt.shadow;
    s->nmi_masked = e.nmi.masked;
    s->smm = e.smi.smm;
}

static void put_events(Vcpu *v, bool after_reset)
{
    struct kvm_vcpu_events e;
    X86State *s = v->x86;
    if (kvm_vcpu_ioctl(v, KVM_GET_VCPU_EVENTS, &e) < 0)
        return;
    e.exception.injected = s->event.valid;
    e.exception.nr = s->event.vector;
    e.exception.has_error_code = s->event.has_error;
    e.exception.error_code = s->event.error;
    e.interrupt.shadow = s->shadow;
    e.nmi.masked = s->nmi_masked;
    e.flags = KVM_VCPUEVENT_VALID_SHADOW;
    if (after_reset) {
        e.interrupt.injected = e.nmi.injected = 0;
        e.nmi.pending = 0;
        e.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
    }
    kvm_vcpu_ioctl(v, KVM_SET_VCPU_EVENTS, &e);
}

/* With the kernel's APIC, waiting for SIPI and halting happen inside KVM_RUN. */
static void put_mp_state(Vcpu *v)
{
    struct kvm_mp_state m = { .mp_state =
                                  v->index ? KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE };
    if (kvm_of(v->vm)->mode == IRQCHIP_USER)
        return;
    kvm_vcpu_ioctl(v, KVM_SET_MP_STATE, &m);
    atomic_store(&v->wait_sipi, false);
    atomic_store(&v->halted, false);
}

void kvm_get(Vcpu *v)
{
    get_regs(v);
    get_sregs(v);
    get_fpu(v);
    get_msrs(v);
    get_debug(v);
    get_events(v);
}

bool kvm_put(Vcpu *v, bool after_reset)
{
    bool ok = put_regs(v) && put_sregs(v) && put_fpu(v);
    put_msrs(v);
    put_debug(v);
    put_events(v, after_reset);
    if (after_reset) {
        uint64_t zero = 0;
        reset_msrs(v);
        msr_one(v, KVM_SET_MSRS, MSR_TSC, &zero);
        put_mp_state(v);
    }
    ((KvmVcpu *)v->accel)->run->ready_for_interrupt_injection =
        0; /* of other registers than these */
    return ok;
}
