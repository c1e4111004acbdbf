/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop: GLib's, with a poll function of ours. GLib counts in milliseconds, so a timer of
 * 200 us would fire 0.9 ms late; ppoll() takes nanoseconds. The poll function is also the one place
 * where main gives up the machine lock. An idle VM has no time-out here and is never woken.
 */
#include <errno.h>
#include <poll.h>

#include "core/vm-int.h"

_Thread_local Loop loop_self;

static int poll_until(GPollFD *fds, guint n, int64_t ns)
{
    struct timespec t = { ns / 1000000000, ns % 1000000000 };

    /* GPollFD is struct pollfd: GLib promises it */
    return ppoll((struct pollfd *)fds, n, ns < 0 ? NULL : &t, NULL);
}

gint loop_poll(GPollFD *fds, guint n, gint timeout_ms)
{
    Loop *self = &loop_self;
    int64_t ns = timeout_ms < 0 ? -1 : timeout_ms * 1000000ll;

    if (self->timers) {
        int64_t t = timer_queue_wait(self->timers);
        if (t >= 0 && (ns < 0 || t < ns))
            ns = t;
    }
    if (!self->main) {
        map_caches_drop();
        return poll_until(fds, n, ns);
    }
    vm_unlock(self->vm);
    vm_give_way(self->vm);
    int ret = poll_until(fds, n, ns), saved = errno;
    vm_lock(self->vm);
    errno = saved;
    return ret;
}

/* ---- the source: calls from other threads, timers ---- */

typedef struct LoopSource {
    GSource source;
    VmCore *c;
} LoopSource;

static bool calls_waiting(VmCore *c)
{
    pthread_mutex_lock(&c->calls_lock);
    bool any = c->calls != NULL;
    pthread_mutex_unlock(&c->calls_lock);
    return any;
}

static gboolean source_ready(GSource *s)
{
    VmCore *c = ((LoopSource *)s)->c;

    return calls_waiting(c) || timer_queue_wait(&c->timers) == 0;
}

static gboolean source_prepare(GSource *s, gint *timeout_ms)
{
    *timeout_ms = -1;
    return source_ready(s);
}

static void run_call(MainCall *call)
{
    Device *owner = call->owner;

    if (!owner || owner->life == LIFE_REALIZED || owner->life == LIFE_REALIZING) {
        if (owner)
            owner->in_io++;
        call->fn(call->arg);
        if (owner)
            owner->in_io--;
    }
    if (owner)
        device_unref(owner);
    g_free(call);
}

/* Only what was there at the beginning: a call that calls again waits for the next turn. */
static void calls_run(VmCore *c)
{
    pthread_mutex_lock(&c->calls_lock);
    MainCall *list = c->calls;
    c->calls = NULL;
    c->calls_end = &c->calls;
    pthread_mutex_unlock(&c->calls_lock);
    while (list) {
        MainCall *next = list->next;
        run_call(list);
        list = next;
    }
}

static gboolean source_dispatch(GSource *s, GSourceFunc fn, gpointer data)
{
    VmCore *c = ((LoopSource *)s)->c;

    calls_run(c);
    timer_queue_run(&c->timers);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .prepare = source_prepare,
                                     .check = source_ready,
                                     .dispatch = source_dispatch };

void loop_init(VmCore *c)
{
    c->homes = g_ptr_array_new();
    c->calls_end = &c->calls;
    pthread_mutex_init(&c->calls_lock, NULL);
    timer_queue_init(&c->timers, &c->vm, NULL);
    c->source = g_source_new(&source_funcs, sizeof(LoopSource));
    ((LoopSource *)c->source)->c = c;
    g_source_set_static_name(c->source, "vm");
    g_source_attach(c->source, NULL);
    loop_self = (Loop){ &c->vm, &c->timers, true };
    g_main_context_set_poll_func(NULL, loop_poll);
}

void loop_fini(VmCore *c)
{
    g_main_context_set_poll_func(NULL, NULL);
    loop_self = (Loop){ 0 };
    g_source_destroy(c->source);
    g_source_unref(c->source);
    while (c->calls)
        calls_run(c);
    timer_queue_fini(&c->timers);
    g_ptr_array_unref(c->homes);
    pthread_mutex_destroy(&c->calls_lock);
}

void loop_wake(Vm *vm)
{
    if (loop_self.vm != vm || !loop_self.main)
        g_main_context_wakeup(NULL);
}

void vm_call_main(Vm *vm, Device *owner, void (*fn)(void *), void *arg)
{
    VmCore *c = vm_core(vm);
    MainCall *call = g_new0(MainCall, 1);

    call->fn = fn;
    call->arg = arg;
    call->owner = owner;
    if (owner)
        device_ref(owner);
    pthread_mutex_lock(&c->calls_lock);
    *c->calls_end = call;
    c->calls_end = &call->next;
    pthread_mutex_unlock(&c->calls_lock);
    loop_wake(vm);
}

void vm_loop_once(Vm *vm, bool may_block)
{
    g_main_context_iteration(NULL, may_block);
}

int vm_loop(Vm *vm)
{
    VmCore *c = vm_core(vm);

    while (!c->quit)
        g_main_context_iteration(NULL, true);
    for (guint i = 0; i < c->hooks->len; i++) {
        VmHook h = g_array_index(c->hooks, VmHook, i);
        if (h.ops->quit)
            h.ops->quit(h.o);
    }
    return c->status;
}

void vm_quit(Vm *vm, int status)
{
    VmCore *c = vm_core(vm);

    c->status = status;
    c->quit = true;
    g_main_context_wakeup(NULL);
}
