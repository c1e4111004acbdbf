/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which accelerator runs the VM, and its vCPUs' x86 side: RESET, INIT and SIPI are done here for
 * all of them. The gate, the threads and the request bits are core/vcpu.c's.
 */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include <glib.h>

#include "core/vcpu.h"

/*
 * main, locked, once. tries: NULL-ended, each "NAME[,key=value...]", tried in order; NULL: kvm,
 * then tcg. Falling back prints one line that says why. `-machine accel=a:b` is {"a", "b"}.
 * Before a VM has an accelerator no region may be listened to and no vCPU made.
 */
bool accel_init(Vm *, const char *const *tries, GError **);
const AccelOps *accel_ops(Vm *);              /* NULL: none yet */
const AccelOps *accel_find(const char *name); /* by name or alias; NULL: no such */

/* main, locked, after vm->smp and vm->cpu are set, before the board: makes vm->vcpu[] and their
 * threads. They execute nothing before vm_start(). */
bool accel_vcpus(Vm *, GError **);

#endif
