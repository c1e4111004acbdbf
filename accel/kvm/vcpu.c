/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One vCPU under KVM: KVM_RUN until somebody wants it, exits served in between. Every path back to
 * the gate has completed the access of the last exit (one more KVM_RUN with immediate_exit). A kick
 * sets immediate_exit, then sends a signal: whichever comes first, KVM_RUN ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accel/kvm/kvm-int.h"
#include "accel/x86/msr.h"
#include "core/vm.h"

#define KICK_SIGNAL SIGUSR1

static void kick_handler(int sig)
{
    /* its arrival is all that matters */
}

void kvm_kick_init(void)
{
    struct sigaction sa = { .sa_handler = kick_handler };
    sigemptyset(&sa.sa_mask);
    sigaction(KICK_SIGNAL, &sa, NULL);
}

void kvm_vcpu_kick(Vcpu *v)
{
    KvmVcpu *k = v->accel;
    __atomic_store_n(&k->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_tgkill, getpid(), k->tid, KICK_SIGNAL);
}

/* ---- life ---- */
bool kvm_vcpu_init(Vcpu *v, GError **err)
{
    Kvm *kvm = kvm_of(v->vm);
    KvmVcpu *k = g_new0(KvmVcpu, 1);
    sigset_t unblock;
    v->accel = k;
    v->x86 = g_aligned_alloc0(1, sizeof(X86State), _Alignof(X86State));
    v->x86->vcpu = v;
    v->x86->model = v->vm->cpu;
    k->tid = syscall(SYS_gettid);
    sigemptyset(&unblock);
    sigaddset(&unblock, KICK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &unblock, NULL);
    k->fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, (unsigned long)v->apic_id);
    k->run = k->fd < 0 ? MAP_FAILED
                       : mmap(NULL, kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, k->fd, 0);
    if (k->run == MAP_FAILED)
        return user_fail(err, "KVM refuses vCPU %u: %s", v->index, g_strerror(errno));
    return kvm_set_cpuid(v, err);
}

void kvm_vcpu_fini(Vcpu *v)
{
    KvmVcpu *k = v->accel;
    if (k->run && k->run != MAP_FAILED)
        munmap(k->run, kvm_of(v->vm)->run_size);
    if (k->fd >= 0)
        close(k->fd);
    g_free(k);
    g_aligned_free(v->x86);
    v->accel = NULL;
    v->x86 = NULL;
}

/* ---- exits ---- */
static void exit_io(Vcpu *v, struct kvm_run *run)
{
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    bool write = run->io.direction == KVM_EXIT_IO_OUT;
    unsigned size = run->io.size;
    if (run->io.count > 1) {
        space_io_rep(v->io, run->io.port, data, size, run->io.count, write);
        return;
    }
    uint64_t val = 0;
    if (write)
        memcpy(&val, data, size);
    val = space_io(v->io, run->io.port, val, size, write);
    if (!write)
        memcpy(data, &val, size);
}

/* with the APIC in user space its page is no row of the map */
static bool lapic_page(Vcpu *v, uint64_t addr)
{
    uint64_t base;
    const LapicOps *l = v->vm->lapic;
    return kvm_of(v->vm)->mode == IRQCHIP_USER && l && l->msr(v, MSR_APIC_BASE, &base, false) &&
           base & 1 << 11 && (addr & ~0xfffull) == (base & 0xffffff000ull);
}

static void exit_mmio(Vcpu *v, struct kvm_run *run)
{
    uint64_t val = 0, addr = run->mmio.phys_addr;
    unsigned len = run->mmio.len;
    if (run->mmio.is_write)
        memcpy(&val, run->mmio.data, len);
    if (lapic_page(v, addr))
        val = v->vm->lapic->mmio(v, addr & 0xfff, val, run->mmio.is_write);
    else if (len & (len - 1)) /* the kernel cuts at pages, so it may be 3, 5, 6, 7 bytes */
        space_rw(v->mem, addr, run->mmio.is_write ? run->mmio.data : (uint8_t *)&val, len,
                 run->mmio.is_write);
    else
        val = space_io(v->mem, addr, val, len, run->mmio.is_write);
    if (!run->mmio.is_write)
        memcpy(run->mmio.data, &val, len);
}

static void report(Vcpu *v, const char *what, uint64_t code)
{
    kvm_get(v);
    fprintf(stderr, "qemu-kvm: KVM: vCPU %u: %s %#" PRIx64 " at rip %#" PRIx64 "\n", v->index, what,
            code, v->x86->rip);
}

static void exit_system(Vcpu *v, struct kvm_run *run)
{
    switch (run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN: vm_request(v->vm, VM_SHUTDOWN, "guest-shutdown"); break;
    case KVM_SYSTEM_EVENT_RESET: vm_request(v->vm, VM_RESET, "guest-reset"); break;
    case KVM_SYSTEM_EVENT_CRASH: vm_request(v->vm, VM_PANIC, "guest-panic"); break;
    }
}

static RunStop exit_handle(Vcpu *v, KvmVcpu *k)
{
    struct kvm_run *run = k->run;
    k->io_unfinished = false;
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        exit_io(v, run);
        k->io_unfinished = true;
        break;
    case KVM_EXIT_MMIO:
        exit_mmio(v, run);
        k->io_unfinished = true;
        break;
    case KVM_EXIT_HLT: atomic_store(&v->halted, true); break;
    case KVM_EXIT_SET_TPR: v->vm->lapic->set_cr8(v, run->cr8); break;
    case KVM_EXIT_IOAPIC_EOI: v->vm->lapic->ioapic_eoi(v->vm, run->eoi.vector); break;
    case KVM_EXIT_SHUTDOWN: vm_request(v->vm, VM_RESET, "guest-reset"); break; /* triple fault */
    case KVM_EXIT_SYSTEM_EVENT: exit_system(v, run); break;
    case KVM_EXIT_DEBUG: return RUN_DEBUG;
    case KVM_EXIT_FAIL_ENTRY:
        report(v, "the processor refuses to enter the guest, reason",
               run->fail_entry.hardware_entry_failure_reason);
        return RUN_ERROR;
    case KVM_EXIT_INTERNAL_ERROR:
        report(v, "internal error, suberror", run->internal.suberror);
        return RUN_ERROR;
    case KVM_EXIT_UNKNOWN:
        report(v, "unknown exit, hardware reason", run->hw.hardware_exit_reason);
        return RUN_ERROR;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN: break;
    default: report(v, "unexpected exit reason", run->exit_reason); return RUN_ERROR;
    }
    return RUN_OK;
}

/* ---- interrupts with the APIC, or (split) only the PIC, in user space ---- */
static void inject(Vcpu *v, struct kvm_run *run)
{
    const LapicOps *l = v->vm->lapic;
    run->request_interrupt_window = 0;
    run->cr8 = l ? l->get_cr8(v) : 0;
    if (!l || l->pending(v) < 0)
        return;
    if (run->if_flag)
        atomic_store(&v->halted, false);
    if (run->ready_for_interrupt_injection && run->if_flag) {
        int n = l->ack(v);
        if (n >= 0) {
            struct kvm_interrupt irq = { .irq = n };
            kvm_vcpu_ioctl(v, KVM_INTERRUPT, &irq);
            /* there is room for one, until KVM_RUN says otherwise */
            run->ready_for_interrupt_injection = 0;
        }
    }
    /* another one may wait behind it */
    run->request_interrupt_window = l->pending(v) >= 0;
}

static void inject_nmi(Vcpu *v)
{
    if (v->x86->nmi_pending) {
        v->x86->nmi_pending = 0;
        atomic_store(&v->halted, false);
        kvm_vcpu_ioctl(v, KVM_NMI, NULL);
    }
}

/* ---- run ---- */
/* The access of the last exit is completed without executing anything more. A wide or repeated one
 * may have further pieces. */
static RunStop finish_io(Vcpu *v, KvmVcpu *k)
{
    RunStop stop = RUN_OK;
    while (k->io_unfinished && stop == RUN_OK) {
        __atomic_store_n(&k->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        k->io_unfinished = ioctl(k->fd, KVM_RUN, 0) >= 0;
        if (k->io_unfinished)
            stop = exit_handle(v, k);
    }
    return stop;
}

/* What the guest told the kernel about an APIC that is ours. */
static void apic_sync(Vcpu *v, struct kvm_run *run)
{
    uint64_t base;
    const LapicOps *l = v->vm->lapic;
    l->set_cr8(v, run->cr8);
    if (l->msr(v, MSR_APIC_BASE, &base, false) && base != run->apic_base) {
        base = run->apic_base;
        l->msr(v, MSR_APIC_BASE, &base, true);
    }
}

RunStop kvm_vcpu_run(Vcpu *v)
{
    KvmVcpu *k = v->accel;
    IrqchipMode mode = kvm_of(v->vm)->mode;
    RunStop stop = RUN_OK;
    v->todo = 0; /* the TLB is the processor's; A20 stays open */
    while (stop == RUN_OK) {
        inject_nmi(v);
        if (mode != IRQCHIP_KERNEL)
            inject(v, k->run);
        /* this order loses no kick: whoever sets request after the test also sets immediate_exit */
        __atomic_store_n(&k->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        if (atomic_load(&v->request) || atomic_load(&v->halted))
            break;
        int error = ioctl(k->fd, KVM_RUN, 0) < 0 ? errno : 0;
        if (mode == IRQCHIP_USER && v->vm->lapic)
            apic_sync(v, k->run);
        if (error) {
            /* an access that was completed on the way in needs no second run */
            k->io_unfinished = false;
            if (error == EINTR || error == EAGAIN)
                continue;
            report(v, "KVM_RUN failed, errno", error);
            return RUN_ERROR;
        }
        stop = exit_handle(v, k);
    }
    RunStop end = finish_io(v, k);
    return stop == RUN_OK ? end : stop;
}
