/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events: what the VM tells whoever manages it (QMP). A row of core/events.def makes
 * event_ID(vm, &args); args' strings are copied before it returns. Any thread, no lock.
 */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <glib.h>

#include "core/events-types.h"
#include "core/prop.h"
#include "core/types.h"

#define EVENT(id, name, Args, rate_ms) void event_##id(Vm *vm, const Args *args);
#include "core/events.def"
#undef EVENT

/* One row, for query-qmp-schema and query-events. */
typedef struct EventRow {
    const char *name;
    const Prop *args;
    unsigned rate_ms; /* at most one of a kind in so many ms; 0: all */
} EventRow;
extern const EventRow event_rows[]; /* name NULL ends it */

/* main, locked, in the order they were raised. time_us: host clock. data is borrowed. */
typedef void EventFn(void *o, const EventRow *, const Json *data, int64_t time_us);
void event_listen(Vm *, EventFn *, void *o);
void event_unlisten(Vm *, EventFn *, void *o);

#endif
