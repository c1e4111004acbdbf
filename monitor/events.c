/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events to the QMP monitors. A kind that may come often says so (rate_ms in events.def): then one
 * goes out at once, and the newest of those that follow within the time goes out at its end.
 */
#include "monitor/monitor-int.h"

#include <string.h>

typedef struct EventPace EventPace;
struct EventPace {
    Vm *vm;
    const EventRow *row;
    guint timer; /* 0: the next one may go at once */
    Json *held;
    int64_t held_us;
};

static void event_out(Vm *vm, const EventRow *row, const Json *data, int64_t time_us)
{
    MonitorList *l = monitor_list(vm);
    Json *e = json_obj(), *at = json_obj();
    json_set(at, "seconds", json_int(time_us / 1000000));
    json_set(at, "microseconds", json_int(time_us % 1000000));
    json_set(e, "timestamp", at);
    json_set(e, "event", json_str(row->name));
    if (data && data->kind == J_OBJ && data->n)
        json_set(e, "data", json_copy(data));
    for (guint i = 0; i < l->all->len; i++) {
        Monitor *m = l->all->pdata[i];
        if (m->mode == MON_CONTROL && m->negotiated)
            qmp_send(m, e);
    }
    json_free(e);
}

static gboolean event_pace_over(void *o)
{
    EventPace *p = o;
    if (!p->held) {
        p->timer = 0;
        return G_SOURCE_REMOVE;
    }
    event_out(p->vm, p->row, p->held, p->held_us);
    g_clear_pointer(&p->held, json_free);
    return G_SOURCE_CONTINUE;
}

static void event_came(void *o, const EventRow *row, const Json *data, int64_t time_us)
{
    Vm *vm = o;
    EventPace *p = &monitor_list(vm)->pace[row - event_rows];
    if (row->rate_ms && p->timer) {
        json_free(p->held);
        p->held = data ? json_copy(data) : json_obj();
        p->held_us = time_us;
        return;
    }
    event_out(vm, row, data, time_us);
    if (row->rate_ms) {
        p->vm = vm;
        p->row = row;
        p->timer = g_timeout_add(row->rate_ms, event_pace_over, p);
    }
}

void events_open(Vm *vm)
{
    MonitorList *l = monitor_list(vm);
    if (l->listening)
        return;
    size_t n = 0;
    while (event_rows[n].name)
        n++;
    l->pace = g_new0(EventPace, n + 1);
    l->listening = true;
    event_listen(vm, event_came, vm);
}

void events_close(Vm *vm)
{
    MonitorList *l = monitor_list(vm);
    if (!l->listening)
        return;
    event_unlisten(vm, event_came, vm);
    l->listening = false;
    for (size_t i = 0; event_rows[i].name; i++) {
        EventPace *p = &l->pace[i];
        if (p->held)
            event_out(vm, p->row, p->held, p->held_us);
        json_free(p->held);
        if (p->timer)
            g_source_remove(p->timer);
    }
    g_clear_pointer(&l->pace, g_free);
}
