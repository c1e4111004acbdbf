/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP: the monitor for programs. A greeting, then qmp_capabilities, then one command after the
 * other: {"execute": NAME, "arguments": {...}, "id": ANY} answered by {"return": ...} or {"error":
 * {"class", "desc"}}, both with the id. Texts as 7.2's, because programs match them. Out-of-band
 * execution is not offered: no command here runs long while holding up the others.
 */
#include "monitor/monitor-int.h"

#include <stdio.h>
#include <string.h>

#include "config.h"

Json *version_json(void)
{
    Json *v = json_obj(), *q = json_obj();
    unsigned part[3] = { 0 };
    sscanf(CONFIG_VERSION, "%u.%u.%u", &part[0], &part[1], &part[2]);
    json_set(q, "micro", json_int(part[2]));
    json_set(q, "minor", json_int(part[1]));
    json_set(q, "major", json_int(part[0]));
    json_set(v, "qemu", q);
    json_set(v, "package", json_str(""));
    return v;
}

void qmp_send(Monitor *m, const Json *j)
{
    g_autoptr(GString) s = g_string_new(NULL);
    json_print(s, j, m->pretty ? 4 : 0);
    g_string_append(s, "\r\n");
    monitor_out(m, s->str, s->len);
}

static void qmp_answer(Monitor *m, const char *key, Json *take, const Json *id)
{
    g_autoptr(Json) a = json_obj();
    json_set(a, key, take);
    if (id)
        json_set(a, "id", json_copy(id));
    qmp_send(m, a);
}

static void qmp_error(Monitor *m, const GError *e, const Json *id)
{
    Json *j = json_obj();
    json_set(j, "class", json_str(qmp_error_class(e)));
    json_set(j, "desc", json_str(e->message));
    qmp_answer(m, "error", j, id);
}

/* ---- one request ---- */

static bool request_check(const Json *req, const char **name, const Json **args, GError **err)
{
    if (req->kind != J_OBJ)
        return user_fail(err, "QMP input must be a JSON object");
    for (size_t i = 0; i < req->n; i++) {
        const char *key = req->mem[i].key;
        const Json *v = req->mem[i].value;
        if (strcmp(key, "execute") == 0 || strcmp(key, "exec-oob") == 0) {
            if (v->kind != J_STR)
                return user_fail(err, "QMP input member '%s' must be a string", key);
            if (*name)
                return user_fail(err, "QMP input member '%s' clashes with 'execute'", key);
            *name = v->s;
        } else if (strcmp(key, "arguments") == 0) {
            if (v->kind != J_OBJ)
                return user_fail(err, "QMP input member 'arguments' must be an object");
            *args = v;
        } else if (strcmp(key, "id") != 0) {
            return user_fail(err, "QMP input member '%s' is unexpected", key);
        }
    }
    if (!*name)
        user_fail(err, "QMP input lacks member 'execute'");
    return *name;
}

static const Command *qmp_find(Vm *vm, const char *name)
{
    const GPtrArray *all = monitor_list(vm)->by_qmp;
    for (guint i = 0; i < all->len; i++) {
        const Command *c = all->pdata[i];
        if (strcmp(c->qmp, name) == 0)
            return c;
    }
    return NULL;
}

static const Command *request_command(Monitor *m, const Json *req, const char *name, GError **err)
{
    const Command *c = qmp_find(m->vm, name);
    bool negotiating = strcmp(name, "qmp_capabilities") == 0;

    if (!m->negotiated && !negotiating) {
        g_set_error(err, qmp_error_quark(), QMP_COMMAND_NOT_FOUND,
                    "Expecting capabilities negotiation with 'qmp_capabilities'");
        return NULL;
    }
    if (m->negotiated && negotiating) {
        g_set_error(err, qmp_error_quark(), QMP_COMMAND_NOT_FOUND,
                    "Capabilities negotiation is already complete, command ignored");
        return NULL;
    }
    if (!c) {
        g_set_error(err, qmp_error_quark(), QMP_COMMAND_NOT_FOUND,
                    "The command %s has not been found", name);
        return NULL;
    }
    if (json_get(req, "exec-oob")) {
        user_fail(err, "QMP input member 'exec-oob' is unexpected");
        return NULL;
    }
    return c;
}

typedef struct QmpCall {
    unsigned session;
    Json *id;
} QmpCall;

static void qmp_done(Reply *r, void *o)
{
    QmpCall *call = o;
    Monitor *m = r->mon;

    if (m && m->session == call->session) {
        if (r->err)
            qmp_error(m, r->err, call->id);
        else
            qmp_answer(m, "return", r->result ? g_steal_pointer(&r->result) : json_obj(), call->id);
        if (!r->err && strcmp(r->cmd->qmp, "qmp_capabilities") == 0)
            m->negotiated = true;
    }
    reply_free(r);
    json_free(call->id);
    g_free(call);
    if (m)
        monitor_yield(m);
}

/* A command without result rows of its own returns {}; a list that is empty is []. */
static void qmp_dispatch(Monitor *m, const Json *req)
{
    const char *name = NULL;
    const Json *args = NULL;
    GError *err = NULL;
    const Json *id = req->kind == J_OBJ ? json_get(req, "id") : NULL;
    const Command *c = NULL;

    if (request_check(req, &name, &args, &err))
        c = request_command(m, req, name, &err);
    if (!c) {
        qmp_error(m, err, id);
        g_error_free(err);
        return; /* nothing ran: the next one may go at once */
    }
    QmpCall *call = g_new(QmpCall, 1);
    *call = (QmpCall){ m->session, id ? json_copy(id) : NULL };
    Reply *r = reply_new(m->vm, c, m, m->cpu, qmp_done, call);
    g_autoptr(Json) none = json_obj();
    void *a = command_args_new(c);
    prop_defaults(c->args, a);
    if (prop_parse_json(c->args, args ? args : none, a, m->vm, &err)) {
        reply_run(r, a);
        return;
    }
    prop_free(c->args, a);
    g_free(a);
    reply_refuse(r, err);
}

/* ---- the stream ---- */

void qmp_resume(Monitor *m)
{
    while (monitor_may_run(m) && m->json) {
        GError *err = NULL;
        g_autoptr(Json) req = json_next(m->json, &err);
        if (err) {
            qmp_error(m, err, NULL);
            g_error_free(err);
        } else if (req) {
            qmp_dispatch(m, req);
        } else {
            break;
        }
    }
}

size_t qmp_receive(Monitor *m, const uint8_t *p, size_t n)
{
    json_stream_feed(m->json, (const char *)p, n);
    qmp_resume(m);
    return n;
}

void qmp_open(Monitor *m)
{
    m->json = json_stream_new();
}

void qmp_close(Monitor *m)
{
    json_stream_free(m->json);
}

static void qmp_greet(Monitor *m)
{
    g_autoptr(Json) hello = json_obj();
    Json *q = json_obj();
    json_set(q, "version", version_json());
    json_set(q, "capabilities", json_list());
    json_set(hello, "QMP", q);
    qmp_send(m, hello);
}

void qmp_event(Monitor *m, CharEvent e)
{
    if (e != CHR_OPENED)
        return;
    json_stream_free(m->json);
    m->json = json_stream_new();
    m->negotiated = false;
    qmp_greet(m);
}

/* ---- its own commands ---- */

typedef struct CapArgs {
    StrList enable;
} CapArgs;

static const Prop CapArgs_rows[] = {
    PROP_LIST(CapArgs, enable, "enable", Str, "capabilities from the greeting"), PROP_END(CapArgs)
};

CMD(qmp_capabilities, "qmp_capabilities", NULL, NULL, CapArgs, Empty, CMD_PRECONFIG,
    "enable QMP capabilities");

static bool cmd_qmp_capabilities(Vm *vm, const CapArgs *a, Reply *r, GError **err)
{
    if (!a->enable.n)
        return true;
    return user_fail(err, "Capability '%s' not available", a->enable.at[0]);
}
