/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of one command: args parsed, run, its reply now or later, done() once. Who owns the
 * Reply: until done() this file; done() frees it.
 */
#include "monitor/monitor-int.h"

#include "core/vcpu.h"

GQuark qmp_error_quark(void)
{
    return g_quark_from_static_string("qmp-error");
}

const char *qmp_error_class(const GError *e)
{
    if (e->domain != qmp_error_quark())
        return "GenericError";
    switch ((QmpClass)e->code) {
    case QMP_COMMAND_NOT_FOUND: return "CommandNotFound";
    case QMP_DEVICE_NOT_ACTIVE: return "DeviceNotActive";
    case QMP_DEVICE_NOT_FOUND: return "DeviceNotFound";
    case QMP_KVM_MISSING: return "KVMMissingCap";
    }
    g_return_val_if_reached("GenericError");
}

Reply *reply_new(Vm *vm, const Command *cmd, Monitor *mon, unsigned cpu,
                 void (*done)(Reply *, void *), void *o)
{
    Reply *r = g_new0(Reply, 1);
    *r = (Reply){ .vm = vm, .cmd = cmd, .mon = mon, .cpu = cpu, .done = done, .o = o };
    r->text = g_string_new(NULL);
    return r;
}

void reply_free(Reply *r)
{
    if (r->mon && r->mon->pending == r)
        r->mon->pending = NULL;
    g_string_free(r->text, TRUE);
    json_free(r->result);
    g_clear_error(&r->err);
    g_free(r);
}

void *command_args_new(const Command *c)
{
    const Prop *end = c->args;
    while (end->kind != P_END)
        end++;
    return g_malloc0(end->off);
}

static void reply_finish(Reply *r)
{
    r->done(r, r->o);
}

void reply_run(Reply *r, void *args)
{
    GError *err = NULL;
    r->running = true;
    bool ok = r->cmd->run(r->vm, args, r, &err);
    r->running = false;
    prop_free(r->cmd->args, args);
    g_free(args);
    if (!ok) {
        g_assert(err && !r->deferred);
        r->err = err;
    }
    if (r->deferred && !r->ready) {
        if (r->mon)
            r->mon->pending = r;
        return;
    }
    reply_finish(r);
}

void reply_refuse(Reply *r, GError *take)
{
    r->err = take;
    reply_finish(r);
}

void reply_send(Reply *r, const void *result)
{
    g_assert(!r->ready);
    r->ready = true;
    if (result)
        r->result = prop_to_json(r->cmd->result, result);
    if (r->deferred && !r->running)
        reply_finish(r);
}

void reply_fail(Reply *r, GError *take)
{
    g_assert(!r->ready);
    r->ready = true;
    r->err = take;
    if (r->deferred && !r->running)
        reply_finish(r);
}

void reply_done(void *o, GError *take)
{
    Reply *r = o;

    if (take)
        reply_fail(r, take);
    else
        reply_send(r, NULL);
}

void reply_defer(Reply *r)
{
    r->deferred = true;
}

void reply_printf(Reply *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_string_append_vprintf(r->text, fmt, ap);
    va_end(ap);
}

Vcpu *reply_vcpu(Reply *r)
{
    return r->vm->n_vcpus ? r->vm->vcpu[MIN(r->cpu, r->vm->n_vcpus - 1)] : NULL;
}
