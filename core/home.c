/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O threads: a thread, a GMainContext, a timer queue each. */
#include "core/home.h"

#include "core/vm-int.h"

struct Home {
    Vm *vm;
    GMainContext *context;
    GThread *thread;
    GSource *source; /* its timers */
    TimerQueue timers;
    _Atomic bool quit;
};

typedef struct HomeSource {
    GSource source;
    Home *home;
} HomeSource;

static gboolean source_ready(GSource *s)
{
    return timer_queue_wait(&((HomeSource *)s)->home->timers) == 0;
}

static gboolean source_prepare(GSource *s, gint *timeout_ms)
{
    *timeout_ms = -1;
    return source_ready(s);
}

static gboolean source_dispatch(GSource *s, GSourceFunc fn, gpointer data)
{
    timer_queue_run(&((HomeSource *)s)->home->timers);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .prepare = source_prepare,
                                     .check = source_ready,
                                     .dispatch = source_dispatch };

static gpointer home_thread(gpointer p)
{
    Home *h = p;

    loop_self = (Loop){ h->vm, &h->timers, false };
    g_main_context_push_thread_default(h->context);
    while (!h->quit)
        g_main_context_iteration(h->context, true);
    while (g_main_context_iteration(h->context, false)) {
    }
    g_main_context_pop_thread_default(h->context);
    map_caches_drop();
    return NULL;
}

Home *home_new(Vm *vm, const char *name)
{
    Home *h = g_new0(Home, 1);

    h->vm = vm;
    h->context = g_main_context_new();
    g_main_context_set_poll_func(h->context, loop_poll);
    timer_queue_init(&h->timers, vm, h->context);
    h->source = g_source_new(&source_funcs, sizeof(HomeSource));
    ((HomeSource *)h->source)->home = h;
    g_source_attach(h->source, h->context);
    g_ptr_array_add(vm_core(vm)->homes, h);
    h->thread = g_thread_new(name, home_thread, h);
    return h;
}

static void home_quit(void *p)
{
    ((Home *)p)->quit = true;
}

void home_free(Home *h)
{
    home_call(h->context, home_quit, h);
    g_thread_join(h->thread);
    g_ptr_array_remove(vm_core(h->vm)->homes, h);
    g_source_destroy(h->source);
    g_source_unref(h->source);
    timer_queue_fini(&h->timers);
    g_main_context_unref(h->context);
    g_free(h);
}

GMainContext *home_context(Home *h)
{
    return h->context;
}

TimerQueue *home_timers(Vm *vm, GMainContext *context)
{
    VmCore *c = vm_core(vm);

    if (!context || context == g_main_context_default())
        return &c->timers;
    for (guint i = 0; i < c->homes->len; i++) {
        Home *h = c->homes->pdata[i];
        if (h->context == context)
            return &h->timers;
    }
    g_assert_not_reached(); /* a home that home_new() did not make */
}

/* ---- calls ---- */

/*
 * GLib's own locks are invisible to the thread sanitizer, and a lock inside the call would be new
 * to the other thread: one lock for all hands them over.
 */
static pthread_mutex_t handover = PTHREAD_MUTEX_INITIALIZER;

typedef struct Call {
    pthread_cond_t cond;
    void (*fn)(void *);
    void *arg;
    bool waited, done;
} Call;

static Call *call_new(void (*fn)(void *), void *arg, bool waited)
{
    Call *c = g_new0(Call, 1);

    pthread_mutex_lock(&handover);
    pthread_cond_init(&c->cond, NULL);
    c->fn = fn;
    c->arg = arg;
    c->waited = waited;
    pthread_mutex_unlock(&handover);
    return c;
}

static void call_free(Call *c)
{
    pthread_cond_destroy(&c->cond);
    g_free(c);
}

static gboolean call_run(gpointer p)
{
    Call *c = p;

    pthread_mutex_lock(&handover);
    bool waited = c->waited;
    pthread_mutex_unlock(&handover);
    c->fn(c->arg);
    if (!waited) {
        call_free(c);
        return G_SOURCE_REMOVE;
    }
    pthread_mutex_lock(&handover);
    c->done = true;
    pthread_cond_signal(&c->cond);
    pthread_mutex_unlock(&handover);
    return G_SOURCE_REMOVE;
}

static void call_attach(GMainContext *home, Call *c)
{
    GSource *s = g_idle_source_new();

    g_source_set_priority(s, G_PRIORITY_DEFAULT);
    g_source_set_callback(s, call_run, c, NULL);
    g_source_attach(s, home);
    g_source_unref(s);
}

void home_call(GMainContext *home, void (*fn)(void *), void *arg)
{
    call_attach(home, call_new(fn, arg, false));
}

void home_wait(GMainContext *home, void (*fn)(void *), void *arg)
{
    g_assert(vm_locked());
    if (!home || home == g_main_context_default()) {
        fn(arg);
        return;
    }
    Call *c = call_new(fn, arg, true);
    call_attach(home, c);
    pthread_mutex_lock(&handover);
    while (!c->done)
        pthread_cond_wait(&c->cond, &handover);
    pthread_mutex_unlock(&handover);
    call_free(c);
}
