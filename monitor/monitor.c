/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitors on their chardevs: opening and closing, output that the peer is slow to take, input that
 * waits while a command is unfinished. hmp.c and qmp.c are the two languages.
 */
#include "monitor/monitor-int.h"

#include <string.h>

#include "core/runstate.h"
#include "util/text.h"

enum {
    OUT_PILED = 256 * 1024,     /* so much unread output: no new commands */
    OUT_MAX = 16 * 1024 * 1024, /* beyond: a peer that never reads; output is lost */
    LAST_WORDS_MS = 1000
};

/* ---- output ---- */

static void monitor_flush(Monitor *m)
{
    size_t n = char_write(&m->front, m->out->data, m->out->len);
    g_byte_array_remove_range(m->out, 0, (guint)n);
}

void monitor_out(Monitor *m, const char *p, size_t n)
{
    if (m->out->len > OUT_MAX) /* one long answer is taken whole */
        return;
    g_byte_array_append(m->out, (const uint8_t *)p, (guint)n);
    monitor_flush(m);
}

static void monitor_writable(void *o)
{
    Monitor *m = o;
    bool piled = m->out->len > OUT_PILED;
    monitor_flush(m);
    if (piled && m->out->len <= OUT_PILED)
        monitor_resume(m);
}

/* ---- input ---- */

bool monitor_may_run(Monitor *m)
{
    const MonitorList *l = monitor_list(m->vm);
    return l->started && !l->ending && !m->pending && !m->turn && m->out->len <= OUT_PILED;
}

static size_t monitor_receive(void *o, const uint8_t *p, size_t n)
{
    Monitor *m = o;
    if (!monitor_may_run(m))
        return 0;
    return m->mode == MON_CONTROL ? qmp_receive(m, p, n) : hmp_receive(m, p, n);
}

static void monitor_event(void *o, CharEvent e)
{
    Monitor *m = o;
    if (e == CHR_OPENED || e == CHR_CLOSED) {
        m->talks = e == CHR_OPENED;
        if (e == CHR_OPENED) {
            m->session++;
            g_byte_array_set_size(m->out, 0);
        }
    }
    if (m->mode == MON_CONTROL)
        qmp_event(m, e);
    else
        hmp_event(m, e);
}

void monitor_resume(Monitor *m)
{
    if (!monitor_may_run(m))
        return;
    if (m->mode == MON_CONTROL)
        qmp_resume(m);
    else
        hmp_resume(m);
    char_accept(&m->front);
}

static gboolean monitor_turn(void *o)
{
    Monitor *m = o;
    m->turn = 0;
    monitor_resume(m);
    return G_SOURCE_REMOVE;
}

/*
 * One command a turn of the main loop: what it asked for (a reset, a stop) is done before the next
 * one looks, also when a script sends them all at once.
 */
void monitor_yield(Monitor *m)
{
    if (!m->turn)
        m->turn = g_idle_add_full(G_PRIORITY_DEFAULT, monitor_turn, m, NULL);
}

static const CharFrontOps monitor_front = {
    .receive = monitor_receive,
    .writable = monitor_writable,
    .event = monitor_event,
    .background = true,
};

/* ---- the list ---- */

SET_DECLARE(command);

static int by_qmp_name(gconstpointer a, gconstpointer b)
{
    const Command *const *x = a, *const *y = b;
    return strcmp((*x)->qmp, (*y)->qmp);
}

static int by_hmp_name(gconstpointer a, gconstpointer b)
{
    const Command *const *x = a, *const *y = b;
    return strcmp((*x)->hmp, (*y)->hmp);
}

MonitorList *monitor_list(Vm *vm)
{
    if (vm->monitors)
        return vm->monitors;
    MonitorList *l = vm->monitors = g_new0(MonitorList, 1);
    l->all = g_ptr_array_new();
    l->by_qmp = g_ptr_array_new();
    l->by_hmp = g_ptr_array_new();
    SET_FOREACH(command, p) {
        if ((*p)->qmp)
            g_ptr_array_add(l->by_qmp, (gpointer)*p);
        if ((*p)->hmp)
            g_ptr_array_add(l->by_hmp, (gpointer)*p);
    }
    g_ptr_array_sort(l->by_qmp, by_qmp_name);
    g_ptr_array_sort(l->by_hmp, by_hmp_name);
    return l;
}

static void monitor_free(Monitor *m)
{
    char_detach(&m->front);
    if (m->turn)
        g_source_remove(m->turn);
    if (m->pending)
        m->pending->mon = NULL;
    if (m->mode == MON_CONTROL)
        qmp_close(m);
    else
        hmp_close(m);
    g_byte_array_unref(m->out);
    g_free(m);
}

static const char *const mode_names[] = {
    [MON_READLINE] = "readline", [MON_CONTROL] = "control", NULL
};

/* clang-format off */
const Prop MonArgs_rows[] = {
    PROP_STR (MonArgs, id,         "id",      NULL,  "name of the monitor"),
    NEED_STR (MonArgs, chardev,    "chardev",        "chardev that it talks through"),
    PROP_ENUM(MonArgs, mode,       "mode",    MON_READLINE, mode_names, "for people or for programs"),
    PROP_BOOL(MonArgs, pretty,     "pretty",  false, "answers of control mode on several lines"),
    PROP_BOOL(MonArgs, is_default, "default", false, "0.12; no effect", PROP_HIDDEN),
    PROP_END (MonArgs)
};
/* clang-format on */

static bool monitor_on(Vm *vm, Chardev *c, int mode, bool pretty, GError **err)
{
    Monitor *m = g_new0(Monitor, 1);
    *m = (Monitor){ .vm = vm, .mode = mode, .pretty = pretty, .out = g_byte_array_new() };
    m->front.chr = c;
    if (mode == MON_CONTROL)
        qmp_open(m);
    else
        hmp_open(m);
    events_open(vm);
    g_ptr_array_add(monitor_list(vm)->all, m);
    if (char_attach(&m->front, &monitor_front, m, err))
        return true;
    g_ptr_array_remove(monitor_list(vm)->all, m);
    monitor_free(m);
    return false;
}

bool monitor_open(Vm *vm, const MonArgs *a, GError **err)
{
    Chardev *c = chardev_find(vm, a->chardev);
    if (!c) {
        Nearest near = nearest_to(a->chardev);
        for (guint i = 0; i < chardev_all(vm)->len; i++)
            nearest_try(&near, ((Chardev *)chardev_all(vm)->pdata[i])->label);
        g_autofree char *hint = nearest_hint(&near);
        return user_fail(err, "chardev \"%s\" not found%s", a->chardev, hint);
    }
    if (a->pretty && a->mode != MON_CONTROL)
        return user_fail(err, "'pretty' needs mode=control");
    return monitor_on(vm, c, a->mode, a->pretty, err);
}

bool monitor_open_legacy(Vm *vm, const char *label, const char *text, int mode, bool pretty,
                         GError **err)
{
    if (strcmp(text, "none") == 0)
        return true;
    Chardev *c = chardev_new_legacy(vm, label, text, err);
    return c && monitor_on(vm, c, mode, pretty, err);
}

void monitor_start(Vm *vm)
{
    MonitorList *l = monitor_list(vm);
    l->started = true;
    for (guint i = 0; i < l->all->len; i++)
        monitor_resume(l->all->pdata[i]);
}

void monitor_close_all(Vm *vm)
{
    MonitorList *l = vm->monitors;
    if (!l)
        return;
    for (int i = 0; i < 3; i++)
        vm_loop_once(vm, false); /* events on their way: SHUTDOWN is the last one */
    keys_close(vm);
    mouse_close(vm);
    events_close(vm);
    for (guint i = 0; i < l->all->len; i++) {
        Monitor *m = l->all->pdata[i];
        while (m->out->len && char_wait_writable(&m->front, LAST_WORDS_MS)) {
            guint before = m->out->len;
            monitor_flush(m);
            if (m->out->len == before)
                break;
        }
        monitor_free(m);
    }
    g_ptr_array_unref(l->all);
    g_ptr_array_unref(l->by_qmp);
    g_ptr_array_unref(l->by_hmp);
    g_free(l);
    vm->monitors = NULL;
}
