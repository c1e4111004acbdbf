/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_VM_H
#define CORE_VM_H

#include <glib.h>

#include "core/types.h"

/* WATCHDOG, PANIC: -action says what follows */
typedef enum {
    VM_RESET,
    VM_POWERDOWN,
    VM_SHUTDOWN,
    VM_SUSPEND,
    VM_WAKEUP,
    VM_STOP,
    VM_WATCHDOG,
    VM_PANIC,
    VM_NMI,
    VM_COMMIT /* what -snapshot keeps apart is to go into the images: C-a s */
} VmRequest;
/* -smp, complete: sockets * dies * cores * threads == max, cpus <= max; filled before the board is
 * built. APIC ids follow from it: smp_apic_id() */
typedef struct VmSmp {
    unsigned cpus, sockets, dies, cores, threads, max;
} VmSmp;

/* xAPIC id of vCPU n: thread, core, die, socket, each in as many bits as its count needs (SDM 3A,
 * 9.9.3.2). smp without max (tests): every vCPU is a socket. core/vm.c */
uint32_t smp_apic_id(const VmSmp *, unsigned index);
/* bits that numbers below n need */
static inline unsigned smp_bits(unsigned n)
{
    return n > 1 ? 32 - __builtin_clz(n - 1) : 0;
}

struct Vm {
    Space *mem, *io, *smm;
    const IrqchipOps *irqchip;
    const LapicOps *lapic;
    Vcpu **vcpu;
    unsigned n_vcpus, defaults;
    const MachineType *machine;
    const void *machine_args;
    /* what the user asked for (core/machine.h); set before MachineType.build */
    MachineConf *conf;
    /* FwFile *: what devices gave the firmware (core/firmware.c); NULL: nothing yet */
    GPtrArray *fw;
    /* what devices and boards may read; root: "/machine", owner of onboard devices and of the first
     * buses */
    Device *root;
    VmSmp smp;
    CpuModel *cpu; /* -cpu: accel/x86/cpuid.h makes and reads it; NULL: not chosen yet */
    bool running;
    /* the rooms' own lists: nobody else looks inside */
    CharList *chardevs;
    MonitorList *monitors;
    DriveList *drives;
    NetList *nets;
    Ui *ui;
    void *accel; /* the accelerator's own part */
};

/*
 * main and vCPU threads; not recursive. On a vCPU every Flat and host pointer got before it is
 * stale after it
 */
void vm_lock(Vm *);
void vm_unlock(Vm *);
bool vm_locked(void);

/*
 * any; carried out on main. A device never stops or resets anything itself. A vCPU that asks (a
 * write to the reset port) executes nothing more before it is done. cause: a name of
 * shutdown_cause_names where it is one ("guest-reset", "host-qmp-system-reset"), else free.
 */
void vm_request(Vm *, VmRequest, const char *cause);

/* any; fn on main, locked; owner (may be NULL) is kept alive; skipped once it is unrealized */
void vm_call_main(Vm *, Device *owner, void (*fn)(void *), void *arg);

/*
 * locked; fn on the home's thread; waits with the lock held: no deadlock, a home thread waits for
 * nobody. home NULL or main: fn here and now.
 */
void home_wait(GMainContext *home, void (*fn)(void *), void *arg);

/*
 * Reset of the whole machine (VM_RESET, and once when it is complete):
 *   vCPUs paused; every device quiesced, the rest follows the last done();
 *   inside home_wait of every home: timers disarmed, then all STATE parts zeroed;
 *   for each device, parents first: the bus part's reset, its own hook (may timer_set; irq_set
 *   sticks); then sync of all in one commit; timers with a deadline armed;
 *   REQ_RESET to every vCPU; listeners (core/runstate.h); vCPUs resumed.
 *
 * device_reset does the same for one device while the vCPUs run. SELF: the type's own state, where
 * only the device is reset and its place on the bus stays (virtio status 0, SCSI and USB bus reset:
 * BARs stay). FULL: the bus part too, and all below it (a bridge, FLR, power of a hot-plug slot).
 */
typedef enum { RESET_SELF, RESET_FULL } ResetScope;

/*
 * locked, also from a callback. The core sets every line it drives to 0 first. done (may be NULL)
 * comes on main, inside the call when nothing was in flight. When it must wait for I/O and the
 * caller is a vCPU's register access, that vCPU executes nothing more before done (it stays at its
 * instruction boundary, the lock free): to the guest the reset was synchronous.
 */
void device_reset(Device *, ResetScope, void (*done)(void *), void *o);

#endif
