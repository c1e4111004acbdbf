/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events on their way from any thread to main. Rate limits are the listener's: only it knows what
 * counts as one kind (7.2 limits per device). */
#include "core/event.h"

#include "core/vm-int.h"

#define EVENT(id, name, Args, rate_ms) ROW_##id,
enum {
#include "core/events.def"
    ROW_COUNT
};
#undef EVENT

#define EVENT(id, name, Args, rate_ms) [ROW_##id] = { name, Args##_rows, rate_ms },
const EventRow event_rows[] = {
#include "core/events.def"
    [ROW_COUNT] = { 0 }
};
#undef EVENT

typedef struct Raised {
    Vm *vm;
    const EventRow *row;
    Json *data;
    int64_t time_us;
} Raised;

static void deliver(void *p)
{
    Raised *e = p;
    GArray *hooks = vm_core(e->vm)->event_hooks;

    for (guint i = 0; i < hooks->len; i++) {
        EventHook h = g_array_index(hooks, EventHook, i);
        h.fn(h.o, e->row, e->data, e->time_us);
    }
    json_free(e->data);
    g_free(e);
}

static void event_raise(Vm *vm, const EventRow *row, const void *args)
{
    Raised *e = g_new(Raised, 1);

    *e = (Raised){ vm, row, prop_to_json(row->args, args), clock_now(vm, CLOCK_HOST) / 1000 };
    vm_call_main(vm, NULL, deliver, e);
}

#define EVENT(id, name, Args, rate_ms)                \
    void event_##id(Vm *vm, const Args *args)         \
    {                                                 \
        event_raise(vm, &event_rows[ROW_##id], args); \
    }
#include "core/events.def"
#undef EVENT

void event_init(VmCore *c)
{
    c->event_hooks = g_array_new(false, false, sizeof(EventHook));
}

void event_fini(VmCore *c)
{
    g_array_unref(c->event_hooks);
}

void event_listen(Vm *vm, EventFn *fn, void *o)
{
    EventHook h = { fn, o };

    g_array_append_val(vm_core(vm)->event_hooks, h);
}

void event_unlisten(Vm *vm, EventFn *fn, void *o)
{
    GArray *hooks = vm_core(vm)->event_hooks;

    for (guint i = hooks->len; i-- > 0;) {
        EventHook h = g_array_index(hooks, EventHook, i);
        if (h.fn == fn && h.o == o)
            g_array_remove_index(hooks, i);
    }
}
