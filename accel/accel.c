/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The choice of an accelerator, and what RESET, INIT and SIPI do to an x86 processor whoever runs
 * it. Intel SDM volume 3A, 9.1 and 11.4: after RESET the bootstrap processor runs at the reset
 * vector, the others wait for SIPI; INIT sends any but the bootstrap processor to that wait.
 */
#include "accel/accel.h"

#include <cpuid.h>
#include <string.h>

#include "accel/x86/cpuid.h"
#include "accel/x86/registers.h"
#include "core/irqchip.h"
#include "core/set.h"
#include "core/vm.h"
#include "util/log.h"

SET_DECLARE(accel);

const AccelOps *accel_ops(Vm *vm)
{
    return vm_accel(vm);
}

const AccelOps *accel_find(const char *name)
{
    SET_FOREACH(accel, p)
        if (!strcmp((*p)->name, name) || ((*p)->alias && !strcmp((*p)->alias, name)))
            return *p;
    return NULL;
}

/* ---- the choice ---- */

static char *known_names(void)
{
    g_autoptr(GPtrArray) all = SET_SORTED(accel);
    GString *s = g_string_new(NULL);

    for (guint i = 0; i < all->len; i++) {
        const AccelOps *a = all->pdata[i];
        g_string_append_printf(s, "%s%s", i ? ", " : "", a->alias ? a->alias : a->name);
    }
    return g_string_free(s, false);
}

static bool start(Vm *vm, const AccelOps *a, const char *kv, GError **err)
{
    static const Prop none[] = { { .kind = P_END } };
    const Prop *rows = a->props ? a->props : none, *end = rows;

    while (end->kind != P_END)
        end++;
    g_autofree void *args = g_malloc0(MAX(end->off, 8));
    prop_defaults(rows, args);
    bool ok = (!kv || prop_parse_kv(rows, NULL, kv, args, vm, err)) &&
              (!a->probe || a->probe(vm, err)) && (!a->init || a->init(vm, args, err));
    prop_free(rows, args);
    return ok;
}

static bool try_one(Vm *vm, const char *text, GError **err)
{
    const char *comma = strchr(text, ',');
    g_autofree char *name = comma ? g_strndup(text, comma - text) : g_strdup(text);
    const AccelOps *a = accel_find(name);

    if (!a) {
        g_autofree char *known = known_names();
        return user_fail(err, "invalid accelerator '%s' (there are: %s)", name, known);
    }
    if (!start(vm, a, comma ? comma + 1 : NULL, err))
        return false;
    vm_set_accel(vm, a);
    return true;
}

/* A KVM in software (nested without vmx or svm) takes minutes where we take seconds. */
static bool hardware_assisted(void)
{
    unsigned a, b, c, d;
    bool vmx = __get_cpuid(1, &a, &b, &c, &d) && c & (1u << 5);
    bool svm = __get_cpuid(0x80000001, &a, &b, &c, &d) && c & (1u << 2);

    return vmx || svm;
}

static bool try_default(Vm *vm, const char *name, GError **err)
{
    if (!strcmp(name, "kvm") && !hardware_assisted())
        return user_fail(
            err, "this processor offers neither vmx nor svm (-accel kvm tries all the same)");
    return try_one(vm, name, err);
}

bool accel_init(Vm *vm, const char *const *tries, GError **err)
{
    static const char *const usual[] = { "kvm", "tcg", NULL };
    const char *const *t = tries ? tries : usual;

    for (;; t++) {
        g_autoptr(GError) why = NULL;
        if (tries ? try_one(vm, *t, &why) : try_default(vm, *t, &why))
            return true;
        if (!t[1]) {
            g_propagate_error(err, g_steal_pointer(&why));
            return false;
        }
        warn_print("%s is not used: %s; falling back to %s", *t, why->message, t[1]);
    }
}

/* ---- RESET, INIT, SIPI ---- */

static void reset(Vcpu *v, bool init)
{
    const AccelOps *a = vm_accel(v->vm);
    bool bsp = v->index == 0;

    if ((init || log_on(LOG_CPU_RESET)) && a->get)
        a->get(v); /* INIT keeps some registers */
    if (log_on(LOG_CPU_RESET)) {
        g_autofree char *title = g_strdup_printf("CPU Reset (CPU %u)\n", v->index);
        registers_log(title, v->x86, v->a20, v->halted);
    }
    x86_reset(v->x86, init, bsp);
    if (init && v->vm->lapic && v->vm->lapic->init)
        v->vm->lapic->init(v);
    v->halted = false;
    v->wait_sipi = !bsp;
    if (a->put)
        a->put(v, true);
}

/* The vector is the page where it begins, in real mode. Ignored by whoever does not wait for it. */
static void sipi(Vcpu *v)
{
    const AccelOps *a = vm_accel(v->vm);
    uint32_t vector = v->sipi_vector & 0xff;
    X86State *s = v->x86;

    if (!v->wait_sipi)
        return;
    if (a->get)
        a->get(v);
    s->seg[SEG_CS].sel = vector << 8;
    s->seg[SEG_CS].base = (uint64_t)vector << 12;
    s->rip = 0;
    v->halted = v->wait_sipi = false;
    if (a->put)
        a->put(v, true);
}

static void vcpu_event(Vcpu *v, uint32_t bits)
{
    if (bits & REQ_RESET)
        reset(v, false);
    else if (bits & REQ_INIT)
        reset(v, true);
    if (bits & REQ_SIPI)
        sipi(v);
    if (bits & REQ_NMI)
        v->x86->nmi_pending = 1;
    if (bits & REQ_SMI)
        v->x86->smi_pending = 1;
}

bool accel_vcpus(Vm *vm, GError **err)
{
    unsigned n = MAX(vm->smp.cpus, 1);
    g_autofree uint32_t *ids = g_new(uint32_t, n);

    for (unsigned i = 0; i < n; i++)
        ids[i] = smp_apic_id(&vm->smp, i);
    return vcpus_new(vm, n, ids, vcpu_event, err);
}
