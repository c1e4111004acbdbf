/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys from the monitor: one input source for all monitors, so that what was typed first is pressed
 * first. The reply comes when the keys are queued. With the queue full they wait for room, but not
 * for ever: a guest that takes no keys must not take the monitor away.
 */
#include "monitor/monitor-int.h"
#include "ui/console.h"

enum { PATIENCE_MS = 15000, EVENTS_MAX = 16 * 2 + 1 };

typedef struct KeyQueue {
    InputSource *source;
    GQueue waiting; /* KeyWait *, at most one a monitor */
} KeyQueue;

typedef struct KeyWait {
    KeyQueue *queue;
    Reply *reply;
    InputEvent event[EVENTS_MAX];
    size_t n;
    guint patience;
} KeyWait;

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

static void keys_waited(KeyWait *w, GError *take)
{
    Reply *r = w->reply;
    g_queue_remove(&w->queue->waiting, w);
    if (w->patience)
        g_source_remove(w->patience);
    g_free(w);
    if (take)
        reply_fail(r, take);
    else
        reply_send(r, NULL);
}

static void keys_room(void *o)
{
    KeyQueue *q = o;
    KeyWait *w;
    while ((w = g_queue_peek_head(&q->waiting)) && input_send(q->source, 0, w->event, w->n))
        keys_waited(w, NULL);
    if (w)
        input_when_done(q->source, keys_room, q);
}

static gboolean keys_no_room(void *o)
{
    KeyWait *w = o;
    w->patience = 0;
    keys_waited(w, g_error_new(prop_error_quark(), PROP_ERROR_USER,
                               "the guest does not take its keys: %u events wait",
                               input_pending(w->queue->source)));
    return G_SOURCE_REMOVE;
}

bool keys_send(Vm *vm, const KeyPress *k, int64_t hold_ms, Reply *r, GError **err)
{
    MonitorList *l = monitor_list(vm);
    if (hold_ms < 0 || hold_ms > 60000)
        return user_fail(err, "invalid hold time %d: use 0 to 60000 ms",
                         (int)CLAMP(hold_ms, INT_MIN, INT_MAX));
    if (!l->keys) {
        l->keys = g_new0(KeyQueue, 1);
        l->keys->source = input_source_new(vm, "sendkey");
    }
    KeyQueue *q = l->keys;
    KeyWait *w = g_new0(KeyWait, 1);
    w->queue = q;
    w->reply = r;
    w->n = key_events(k, hold_ms, w->event);
    if (!q->waiting.length && input_send(q->source, 0, w->event, w->n)) {
        g_free(w);
        return true;
    }
    reply_defer(r);
    g_queue_push_tail(&q->waiting, w);
    w->patience = g_timeout_add(PATIENCE_MS, keys_no_room, w);
    input_when_done(q->source, keys_room, q);
    return true;
}

void keys_close(Vm *vm)
{
    MonitorList *l = monitor_list(vm);
    if (!l->keys)
        return;
    KeyWait *w;
    while ((w = g_queue_peek_head(&l->keys->waiting)))
        keys_waited(w, g_error_new(prop_error_quark(), PROP_ERROR_USER, "the machine ends"));
    /* ui_close() frees the source: a deferred free would find it gone */
    g_clear_pointer(&l->keys, g_free);
}
