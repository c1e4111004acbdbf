/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KVM accelerator: opens /dev/kvm, makes the VM, filters the CPU model by what the kernel can
 * give. Not modelled: SMM, the in-kernel PIT (ours is as exact), the dirty ring.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "accel/kvm/kvm-int.h"
#include "accel/x86/cpuid.h"
#include "accel/x86/msr.h"
#include "core/set.h"
#include "core/vm.h"

typedef struct KvmArgs {
    uint8_t kernel_irqchip; /* IrqchipMode */
} KvmArgs;
static const char *const irqchip_names[] = { "off", "split", "on", NULL }; /* as IrqchipMode */
static const Prop KvmArgs_rows[] = { PROP_ENUM(KvmArgs, kernel_irqchip, "kernel-irqchip",
                                               IRQCHIP_KERNEL, irqchip_names,
                                               "interrupt chips in the kernel"),
                                     PROP_END(KvmArgs) };

#define KVM_PATH "/dev/kvm"

Kvm *kvm_of(Vm *vm)
{
    return vm->accel;
}

int kvm_vm_ioctl(Kvm *k, unsigned long request, void *arg)
{
    int r = ioctl(k->vm_fd, request, arg);
    return r < 0 ? -errno : r;
}

int kvm_vcpu_ioctl(Vcpu *v, unsigned long request, void *arg)
{
    int r = ioctl(((KvmVcpu *)v->accel)->fd, request, arg);
    return r < 0 ? -errno : r;
}

/* ---- probe ---- */
static const char *cure(int error)
{
    switch (error) {
    case ENOENT: return "load it with 'modprobe kvm_intel' or 'modprobe kvm_amd'";
    case EACCES:
    case EPERM: return "join its group with 'adduser $USER kvm' and log in again";
    case ENODEV:
    case ENXIO: return "switch virtualisation on in the BIOS setup";
    case EBUSY: return "another hypervisor uses the processor: stop it";
    default: return "-accel tcg runs without it";
    }
}

static int kvm_open(GError **err)
{
    int fd = open(KVM_PATH, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        user_fail(err, "Could not access KVM kernel module: %s (%s: %s)", g_strerror(errno),
                  KVM_PATH, cure(errno));
        return -1;
    }
    int version = ioctl(fd, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION) {
        user_fail(err, "kvm version %s (%s speaks %d, %d is needed)",
                  version < KVM_API_VERSION ? "too old" : "not supported", KVM_PATH, version,
                  KVM_API_VERSION);
        close(fd);
        return -1;
    }
    return fd;
}

static bool kvm_probe(Vm *vm, GError **err)
{
    int fd = kvm_open(err);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* ---- CPU model ---- */
static struct kvm_cpuid2 *supported_cpuid(Kvm *k)
{
    for (unsigned n = 128; n <= 4096; n *= 2) {
        struct kvm_cpuid2 *c = g_malloc0(sizeof(*c) + n * sizeof(c->entries[0]));
        c->nent = n;
        if (ioctl(k->fd, KVM_GET_SUPPORTED_CPUID, c) == 0)
            return c;
        g_free(c);
        if (errno != E2BIG)
            break;
    }
    return NULL;
}

static uint32_t cpuid_register(const struct kvm_cpuid2 *c, uint32_t leaf, uint32_t sub,
                               unsigned reg)
{
    for (unsigned i = 0; i < c->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &c->entries[i];
        bool indexed = e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
        if (e->function == leaf && (!indexed || e->index == sub))
            return (const uint32_t[]){ e->eax, e->ebx, e->ecx, e->edx }[reg];
    }
    return 0;
}

/* Bits that are in an MSR; all of them where the kernel does not tell (before 4.16). */
static uint32_t feature_msr(Kvm *k, uint32_t index)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry e;
    } m = { .head.nmsrs = 1, .e.index = index };
    if (ioctl(k->fd, KVM_CHECK_EXTENSION, KVM_CAP_GET_MSR_FEATURES) <= 0)
        return ~0u;
    return ioctl(k->fd, KVM_GET_MSRS, &m) == 1 ? (uint32_t)m.e.data : 0;
}

/* What would need more state than we copy: the parts of XSAVE behind AVX, nested guests. */
static const uint32_t left_out[CPU_WORDS] = {
    [CPUID_1_ECX] = 1u << 5,                            /* VMX */
    [CPUID_8_ECX] = 1u << 2,                            /* SVM */
    [CPUID_7_EBX] = 1u << 14 | 1u << 25 | 0xdc230000,   /* MPX, processor trace, AVX-512 */
    [CPUID_7_ECX] = 1u << 3 | 1u << 7 | 0x5842,         /* PKU, shadow stacks, AVX-512 */
    [CPUID_7_EDX] = 1u << 20 | 0x03400000 | 0x0080010c, /* IBT, AMX, AVX-512 */
    [CPUID_7_1_EAX] = 1u << 5,                          /* AVX-512 BF16 */
    [CPUID_D1_EAX] = 1u << 3 | 1u << 4,                 /* XSAVES, XFD */
};
#define PV_FEATURES "kvmclock kvmclock-stable-bit kvm-nopiodelay kvm-steal-time"
static const char pv_features[] = PV_FEATURES;
static const char kernel_apic_features[] = PV_FEATURES " x2apic kvm-asyncpf kvm-pv-eoi";

static bool filter_model(Kvm *k, GError **err)
{
    g_autofree struct kvm_cpuid2 *c = supported_cpuid(k);
    uint32_t supported[CPU_WORDS] = { 0 };
    if (!c)
        return user_fail(err, "KVM does not tell its CPUID: %s", g_strerror(errno));
    for (unsigned word = 0; word < CPU_WORDS; word++) {
        uint32_t leaf, sub;
        unsigned reg;
        if (cpu_word_where(word, &leaf, &sub, &reg))
            supported[word] = cpuid_register(c, leaf, sub, reg);
    }
    supported[CPUID_ARCH_CAP] = feature_msr(k, MSR_ARCH_CAP);
    supported[CPUID_CORE_CAP] = feature_msr(k, MSR_CORE_CAP);
    for (unsigned word = 0; word < CPU_WORDS; word++)
        supported[word] &= ~left_out[word];
    supported[CPUID_1_ECX] |= 1u << 31; /* "a hypervisor is there" is ours to say */
    if (k->mode != IRQCHIP_USER) {
        supported[CPUID_1_ECX] |= 1u << 21; /* x2APIC comes with the kernel's APIC */
        if (ioctl(k->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0)
            supported[CPUID_1_ECX] |= 1u << 24;
    } else {
        supported[CPUID_1_ECX] &= ~(1u << 21 | 1u << 24);
        /* what goes by the kernel's APIC: page faults and EOI by message, unhalt, IPIs */
        supported[CPUID_KVM_EAX] &= ~(1u << 4 | 1u << 6 | 1u << 7 | 1u << 10 | 1u << 11 | 1u << 14);
    }
    return cpu_model_filter(k->vm, supported, "host",
                            k->mode == IRQCHIP_USER ? pv_features : kernel_apic_features,
                            "svm monitor", err);
}

/* ---- init ---- */
static bool need(Kvm *k, long cap, const char *what, GError **err)
{
    if (ioctl(k->fd, KVM_CHECK_EXTENSION, cap) > 0)
        return true;
    return user_fail(err, "this kernel's KVM lacks %s", what);
}

static bool create_vm(Kvm *k, GError **err)
{
    do {
        k->vm_fd = ioctl(k->fd, KVM_CREATE_VM, 0);
    } while (k->vm_fd < 0 && errno == EINTR);
    if (k->vm_fd < 0)
        return user_fail(err, "failed to initialize kvm: %s (%s)", g_strerror(errno), cure(errno));
    /* three pages that Intel processors without unrestricted mode need; below the BIOS, unused */
    uint64_t identity = 0xfeffc000;
    if (kvm_vm_ioctl(k, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
        ioctl(k->vm_fd, KVM_SET_TSS_ADDR, identity + 0x1000) < 0)
        return user_fail(err, "KVM refuses its own pages at %#" PRIx64 ": %s", identity,
                         g_strerror(errno));
    int size = ioctl(k->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < (int)sizeof(struct kvm_run))
        return user_fail(err, "KVM's vCPU area is too small: %d bytes", size);
    k->run_size = size;
    /* ROM as a slot: without it the firmware could not be executed */
    k->has_readonly = ioctl(k->fd, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM) > 0;
    k->has_xsave = ioctl(k->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE) > 0;
    return true;
}

static bool kvm_init(Vm *vm, const void *args, GError **err)
{
    const KvmArgs *a = args;
    Kvm *k = g_new0(Kvm, 1);
    k->vm = vm;
    k->vm_fd = -1;
    k->mode = a->kernel_irqchip;
    g_mutex_init(&k->route_lock);
    k->fd = kvm_open(err);
    vm->accel = k;
    if (k->fd >= 0 && need(k, KVM_CAP_USER_MEMORY, "user memory", err) &&
        need(k, KVM_CAP_IMMEDIATE_EXIT, "immediate exits (Linux 4.13)", err) && create_vm(k, err) &&
        filter_model(k, err) && kvm_irqchip_init(k, err) && kvm_memory_init(k, err)) {
        kvm_kick_init();
        return true;
    }
    if (k->vm_fd >= 0)
        close(k->vm_fd);
    if (k->fd >= 0)
        close(k->fd);
    g_free(k);
    vm->accel = NULL;
    return false;
}

/* While the machine stands, the guest's clock does; and its watchdogs hear why. */
static void kvm_run_state(Vm *vm, bool running)
{
    Kvm *k = kvm_of(vm);
    if (!running) {
        k->has_clock = kvm_vm_ioctl(k, KVM_GET_CLOCK, &k->clock) >= 0;
        return;
    }
    if (!k->has_clock)
        return;
    struct kvm_clock_data now = { .clock = k->clock.clock };
    kvm_vm_ioctl(k, KVM_SET_CLOCK, &now);
    k->has_clock = false;
    for (unsigned i = 0; i < vm->n_vcpus; i++)
        kvm_vcpu_ioctl(vm->vcpu[i], KVM_KVMCLOCK_CTRL,
                       NULL); /* refused: the guest does not use it */
}

static const AccelOps kvm = {
    .name = "kvm",
    .desc = "the host's processor, by the kernel's KVM",
    .props = KvmArgs_rows,
    .probe = kvm_probe,
    .init = kvm_init,
    .vcpu_init = kvm_vcpu_init,
    .vcpu_fini = kvm_vcpu_fini,
    .vcpu_run = kvm_vcpu_run,
    .vcpu_kick = kvm_vcpu_kick,
    .get = kvm_get,
    .put = kvm_put,
    .tsc = kvm_tsc,
    .run_state = kvm_run_state,
};
REGISTER(accel, kvm);
