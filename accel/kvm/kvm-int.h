/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the KVM accelerator. Source: the kernel's Documentation/virt/kvm/api.rst.
 *   kvm.c  probe and set-up | memory.c  slots, dirty log, doorbells | irqchip.c  kernel interrupt
 * chips vcpu.c  the run loop and its exits | regs.c  registers to and from X86State
 */
#ifndef ACCEL_KVM_KVM_INT_H
#define ACCEL_KVM_KVM_INT_H

#include <glib.h>
#include <linux/kvm.h>
#include <stdatomic.h>

#include "accel/x86/state.h"
#include "core/irqchip.h"
#include "core/vcpu.h"

/* A piece of RAM as the kernel knows it. */
typedef struct KvmSlot {
    uint64_t base, size;
    uint8_t *host;
    Region *region;
    uint64_t off;
    uint32_t id, flags;
} KvmSlot;

typedef struct Kvm {
    Vm *vm;
    int fd, vm_fd;
    IrqchipMode mode;
    bool has_readonly, has_xsave, has_clock;
    struct kvm_clock_data clock; /* has_clock: what it said when the machine stopped */
    unsigned run_size;
    /* locked */
    GArray *slots;     /* KvmSlot */
    GArray *routes;    /* struct kvm_irq_routing_entry */
    GMutex route_lock; /* route() comes from any thread */
} Kvm;

typedef struct KvmVcpu {
    int fd;
    pid_t tid;
    struct kvm_run *run;
    bool io_unfinished; /* the last exit was an access that the next KVM_RUN completes */
} KvmVcpu;

/* one VM is one process, but the pointer is found through the VM: irqchip ops get no other handle
 */
Kvm *kvm_of(Vm *);
int kvm_vm_ioctl(Kvm *, unsigned long request, void *arg);    /* >= 0 or -errno */
int kvm_vcpu_ioctl(Vcpu *, unsigned long request, void *arg); /* >= 0 or -errno */

bool kvm_memory_init(Kvm *, GError **);
bool kvm_irqchip_init(Kvm *, GError **);

bool kvm_vcpu_init(Vcpu *, GError **);
void kvm_vcpu_fini(Vcpu *);
RunStop kvm_vcpu_run(Vcpu *);
void kvm_vcpu_kick(Vcpu *);
void kvm_kick_init(void); /* the signal that ends KVM_RUN */

bool kvm_set_cpuid(Vcpu *, GError **);
void kvm_get(Vcpu *);
bool kvm_put(Vcpu *, bool after_reset);
uint64_t kvm_tsc(Vcpu *, uint64_t *hz);

#endif
