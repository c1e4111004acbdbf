/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -accel qtest: no guest code runs. Device tests act for the processor through system/qtest.c; the
 * virtual clock stands still until they step it.
 */
#include <glib.h>

#include "accel/x86/state.h"
#include "core/set.h"
#include "core/vcpu.h"
#include "core/vm.h"

static bool qtest_vcpu_init(Vcpu *v, GError **err)
{
    v->x86 = g_aligned_alloc0(1, sizeof(X86State), _Alignof(X86State));
    v->x86->vcpu = v;
    v->x86->model = v->vm->cpu;
    return true;
}

static void qtest_vcpu_fini(Vcpu *v)
{
    g_aligned_free(v->x86);
    v->x86 = NULL;
}

static RunStop qtest_vcpu_run(Vcpu *v)
{
    v->todo = 0;
    v->halted = true;
    return RUN_OK;
}

static const AccelOps qtest = {
    .name = "qtest",
    .desc = "no processor: for device tests",
    .vcpu_init = qtest_vcpu_init,
    .vcpu_fini = qtest_vcpu_fini,
    .vcpu_run = qtest_vcpu_run,
    .stepped = true,
};
REGISTER(accel, qtest);
