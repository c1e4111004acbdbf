/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys from the monitor: one input source for all monitors, so that what was typed first is pressed
 * first. The reply comes when the keys are queued. With the queue full it waits for room, but not
 * for ever: a guest that takes no keys must not take the monitor away.
 */
#include "monitor/monitor-int.h"
#include "ui/console.h"

enum { PATIENCE_MS = 15000, EVENTS_MAX = 16 * 2 + 1 };

typedef struct KeyQueue {
    InputSource *source;
    InputEvent event[EVENTS_MAX];
    size_t n;
    Reply *waiting; /* its keys are in event[] */
    guint patience;
} KeyQueue;

static size_t key_events(const KeyPress *k, int64_t hold_ms, InputEvent *e)
{
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++)
        e[n++] = (InputEvent){ IN_KEY, k->code[i], 1 };
    e[n++] = (InputEvent){ IN_WAIT, 0, (int32_t)hold_ms };
    for (size_t i = k->n; i-- > 0;)
        e[n++] = (InputEvent){ IN_KEY, k->code[i], 0 };
    return n;
}

static void keys_waited(KeyQueue *q, GError *take)
{
    Reply *r = q->waiting;
    q->waiting = NULL;
    if (q->patience)
        g_source_remove(q->patience);
    q->patience = 0;
    if (take)
        reply_fail(r, take);
    else
        reply_send(r, NULL);
}

static void keys_room(void *o)
{
    KeyQueue *q = o;
    if (q->waiting && input_send(q->source, 0, q->event, q->n))
        keys_waited(q, NULL);
}

static gboolean keys_no_room(void *o)
{
    KeyQueue *q = o;
    q->patience = 0;
    keys_waited(q, g_error_new(prop_error_quark(), PROP_ERROR_USER,
                               "the guest does not take its keys: %u events wait",
                               input_pending(q->source)));
    return G_SOURCE_REMOVE;
}

bool keys_send(Vm *vm, const KeyPress *k, int64_t hold_ms, Reply *r, GError **err)
{
    MonitorList *l = monitor_list(vm);
    if (hold_ms < 0 || hold_ms > 60000) {
        MON_ERROR(err, "invalid hold time %d: use 0 to 60000 ms",
                  (int)CLAMP(hold_ms, INT_MIN, INT_MAX));
        return false;
    }
    if (!l->keys) {
        l->keys = g_new0(KeyQueue, 1);
        l->keys->source = input_source_new(vm, "sendkey");
    }
    KeyQueue *q = l->keys;
    if (q->waiting) {
        MON_ERROR(err, "keys of another monitor wait for the guest");
        return false;
    }
    q->n = key_events(k, hold_ms, q->event);
    if (input_send(q->source, 0, q->event, q->n))
        return true;
    reply_defer(r);
    q->waiting = r;
    q->patience = g_timeout_add(PATIENCE_MS, keys_no_room, q);
    input_when_done(q->source, keys_room, q);
    return true;
}

void keys_close(Vm *vm)
{
    MonitorList *l = monitor_list(vm);
    if (!l->keys)
        return;
    if (l->keys->waiting)
        keys_waited(l->keys, g_error_new(prop_error_quark(), PROP_ERROR_USER, "the machine ends"));
    /* ui_close() frees the source: a deferred free would find it gone */
    g_clear_pointer(&l->keys, g_free);
}
