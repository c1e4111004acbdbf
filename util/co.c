/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Coroutines. Every GMainContext that has one gets a CoHome: a GSource with a list of coroutines
 * that are ready; its dispatch enters each once. A coroutine leaves by switching back to the stack
 * of that dispatch. Stacks have a guard page, are pooled by thread and keep their first frame
 * alive, so that an address sanitizer sees ordinary calls only.
 *
 * Locks: home->lock guards the ready list and parked, woken of its coroutines; a leaf.
 */
#include "util/co.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CO_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define CO_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define CO_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define CO_TSAN 1
#endif
#ifdef CO_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CO_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#define CO_STACK    (1024 * 1024)
#define CO_POOL_MAX 64

typedef struct CoHome {
    GSource source;
    GMainContext *ctx;
    GMutex lock;
    Co *ready, **ready_tail;
} CoHome;

struct Co {
    void *sp, *map;
    CoHome *home;
    void (*fn)(void *);
    void *arg;
    Co *ready_next, *queue_next, *pool_next;
    bool parked, woken, in_queue, ended;
    void *fake_stack, *fiber;
};

/* The thread's own stack while a coroutine runs on another one. */
typedef struct CoThread {
    void *sp;
    Co *running, *pool;
    unsigned pooled;
    const void *stack;
    size_t stack_size;
    void *fake_stack, *fiber;
} CoThread;

void co_switch(void **save, void *load);

static void co_thread_free(void *p);
static GPrivate co_thread_key = G_PRIVATE_INIT(co_thread_free);
static __thread CoThread *co_thread;

static GMutex homes_lock;
static GHashTable *homes; /* GMainContext * -> CoHome * */

/* ---- stacks ---- */

static void switch_to_co(CoThread *th, Co *co)
{
#ifdef CO_ASAN
    __sanitizer_start_switch_fiber(&th->fake_stack, co->map, CO_STACK);
#endif
#ifdef CO_TSAN
    th->fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(co->fiber, 0);
#endif
    co_switch(&th->sp, co->sp);
#ifdef CO_ASAN
    __sanitizer_finish_switch_fiber(th->fake_stack, NULL, NULL);
#endif
}

static void switch_to_thread(CoThread *th, Co *co)
{
#ifdef CO_ASAN
    __sanitizer_start_switch_fiber(&co->fake_stack, th->stack, th->stack_size);
#endif
#ifdef CO_TSAN
    __tsan_switch_to_fiber(th->fiber, 0);
#endif
    co_switch(&co->sp, th->sp);
#ifdef CO_ASAN
    __sanitizer_finish_switch_fiber(co->fake_stack, &th->stack, &th->stack_size);
#endif
}

static void co_main(void)
{
#ifdef CO_ASAN
    __sanitizer_finish_switch_fiber(NULL, &co_thread->stack, &co_thread->stack_size);
#endif
    for (;;) {
        Co *co = co_thread->running;

        co->fn(co->arg);
        co->ended = true;
        switch_to_thread(co_thread, co);
    }
}

static Co *co_new(void)
{
    size_t page = sysconf(_SC_PAGESIZE);
    Co *co = g_new0(Co, 1);
    uint64_t *top;

    co->map = mmap(NULL, CO_STACK, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (co->map == MAP_FAILED || mprotect(co->map, page, PROT_NONE) < 0)
        g_error("no memory for a coroutine's stack of %d KiB", CO_STACK / 1024);
    /* what co_switch pops: control words, six registers, where to go; then no caller */
    top = (uint64_t *)((char *)co->map + CO_STACK) - 1; /* entered as by a call: rsp is 8 mod 16 */
    *top-- = 0;
    *top = (uint64_t)(uintptr_t)co_main;
    top -= 7;
    memset(top, 0, 7 * sizeof(*top));
    top[0] = 0x1f80 | (uint64_t)0x37f << 32;
    co->sp = top;
#ifdef CO_TSAN
    co->fiber = __tsan_create_fiber(0);
#endif
    return co;
}

static void co_free(Co *co)
{
#ifdef CO_TSAN
    __tsan_destroy_fiber(co->fiber);
#endif
    munmap(co->map, CO_STACK);
    g_free(co);
}

static void co_thread_free(void *p)
{
    CoThread *th = p;

    while (th->pool) {
        Co *co = th->pool;

        th->pool = co->pool_next;
        co_free(co);
    }
    co_thread = NULL;
    g_free(th);
}

static CoThread *co_thread_get(void)
{
    if (!co_thread) {
        co_thread = g_new0(CoThread, 1);
        g_private_set(&co_thread_key, co_thread);
    }
    return co_thread;
}

static void co_pool_put(CoThread *th, Co *co)
{
    if (th->pooled >= CO_POOL_MAX) {
        co_free(co);
        return;
    }
    co->pool_next = th->pool;
    th->pool = co;
    th->pooled++;
}

/* ---- homes ---- */

typedef struct Start {
    void (*fn)(void *);
    void *arg;
} Start;

static gboolean home_pending(CoHome *h)
{
    gboolean pending;

    g_mutex_lock(&h->lock);
    pending = h->ready != NULL;
    g_mutex_unlock(&h->lock);
    return pending;
}

static gboolean home_prepare(GSource *s, gint *timeout)
{
    *timeout = -1;
    return home_pending((CoHome *)s);
}

static gboolean home_check(GSource *s)
{
    return home_pending((CoHome *)s);
}

static void co_enter(Co *co)
{
    CoThread *th = co_thread_get();

    g_assert(!th->running);
    th->running = co;
    switch_to_co(th, co);
    th->running = NULL;
    if (co->ended)
        co_pool_put(th, co);
}

/* Until its first turn a coroutine has no stack of this thread's pool yet: it is a Start. */
static Co *co_begin(Co *start)
{
    CoThread *th = co_thread_get();
    Co *co = th->pool;

    if (co) {
        th->pool = co->pool_next;
        th->pooled--;
    } else {
        co = co_new();
    }
    co->home = start->home;
    co->fn = start->fn;
    co->arg = start->arg;
    co->parked = co->woken = co->ended = false;
    g_free(start);
    return co;
}

static gboolean home_dispatch(GSource *s, GSourceFunc fn, gpointer data)
{
    CoHome *h = (CoHome *)s;
    Co *list;

    g_mutex_lock(&h->lock);
    list = h->ready;
    h->ready = NULL;
    h->ready_tail = &h->ready;
    g_mutex_unlock(&h->lock);
    while (list) {
        Co *co = list;

        list = co->ready_next;
        co_enter(co->map ? co : co_begin(co));
    }
    return G_SOURCE_CONTINUE;
}

static void home_finalize(GSource *s)
{
    CoHome *h = (CoHome *)s;

    g_mutex_lock(&homes_lock);
    if (g_hash_table_lookup(homes, h->ctx) == h)
        g_hash_table_remove(homes, h->ctx);
    g_mutex_unlock(&homes_lock);
    g_mutex_clear(&h->lock);
}

static GSourceFuncs home_funcs = { home_prepare,  home_check, home_dispatch,
                                   home_finalize, NULL,       NULL };

static CoHome *home_get(GMainContext *ctx)
{
    CoHome *h;

    if (!ctx)
        ctx = g_main_context_default();
    g_mutex_lock(&homes_lock);
    if (!homes)
        homes = g_hash_table_new(NULL, NULL);
    h = g_hash_table_lookup(homes, ctx);
    if (!h) {
        h = (CoHome *)g_source_new(&home_funcs, sizeof(*h));
        h->ctx = ctx;
        h->ready_tail = &h->ready;
        g_mutex_init(&h->lock);
        g_source_set_name(&h->source, "coroutines");
        g_source_attach(&h->source, ctx);
        g_source_unref(&h->source); /* the context's now, ends with it */
        g_hash_table_insert(homes, ctx, h);
    }
    g_mutex_unlock(&homes_lock);
    return h;
}

/* home->lock held */
static void home_queue(CoHome *h, Co *co)
{
    co->ready_next = NULL;
    *h->ready_tail = co;
    h->ready_tail = &co->ready_next;
}

/* Its own thread looks at the list anyway before it polls again. */
static void home_kick(CoHome *h)
{
    if (!g_main_context_is_owner(h->ctx))
        g_main_context_wakeup(h->ctx);
}

/* ---- the interface ---- */

void co_start(GMainContext *ctx, void (*fn)(void *), void *arg)
{
    CoHome *h = home_get(ctx);
    Co *co = g_new0(Co, 1);

    co->home = h;
    co->fn = fn;
    co->arg = arg;
    g_mutex_lock(&h->lock);
    home_queue(h, co);
    g_mutex_unlock(&h->lock);
    home_kick(h);
}

Co *co_self(void)
{
    return co_thread ? co_thread->running : NULL;
}

/* home->lock held on entry, free on return */
static void co_park(Co *co)
{
    co->parked = true;
    g_mutex_unlock(&co->home->lock);
    switch_to_thread(co_thread, co);
}

void co_suspend_co(void)
{
    Co *co = co_self();

    g_assert(co);
    g_mutex_lock(&co->home->lock);
    if (co->woken) {
        co->woken = false;
        g_mutex_unlock(&co->home->lock);
        return;
    }
    co_park(co);
}

/*
 * *flag is set where the sleeper looks at it, so it cannot have ended before the wake does. But it
 * may end, and its context with it, before this function does.
 */
static void co_wake_flag(Co *co, bool *flag)
{
    CoHome *h = co->home;
    GMainContext *ctx = h->ctx == g_main_context_default() ? NULL : g_main_context_ref(h->ctx);
    bool kick = false;

    if (ctx)
        g_source_ref(&h->source);
    g_mutex_lock(&h->lock);
    if (flag)
        *flag = true;
    if (co->parked) {
        co->parked = false;
        home_queue(h, co);
        kick = true;
    } else {
        co->woken = true;
    }
    g_mutex_unlock(&h->lock);
    if (kick)
        home_kick(h);
    if (ctx) {
        g_source_unref(&h->source);
        g_main_context_unref(ctx);
    }
}

void co_wake(Co *co)
{
    co_wake_flag(co, NULL);
}

void co_queue_wait_co(CoQueue *q, GMutex *held)
{
    Co *co = co_self(), **tail = &q->first;

    g_assert(co);
    while (*tail)
        tail = &(*tail)->queue_next;
    co->queue_next = NULL;
    co->in_queue = true;
    *tail = co;
    while (co->in_queue) {
        g_mutex_unlock(held);
        co_suspend_co();
        g_mutex_lock(held);
    }
}

void co_queue_wake(CoQueue *q)
{
    Co *co = q->first;

    q->first = NULL;
    while (co) {
        Co *next = co->queue_next;

        co->in_queue = false;
        co_wake(co);
        co = next;
    }
}

typedef struct Sync {
    int (*fn)(void *);
    void *arg;
    int ret;
    bool done;
} Sync;

static void sync_co(void *o)
{
    Sync *s = o;

    s->ret = s->fn(s->arg);
    s->done = true;
}

int co_sync(GMainContext *ctx, int (*fn)(void *), void *arg)
{
    Sync s = { .fn = fn, .arg = arg };

    g_assert(!co_self());
    co_start(ctx, sync_co, &s);
    while (!s.done)
        g_main_context_iteration(ctx, TRUE);
    return s.ret;
}

/* ---- workers ---- */

#define WORKERS_MAX     64
#define WORKER_IDLE_SEC 10

typedef struct Work {
    int (*fn)(void *);
    void *arg;
    int ret;
    bool done;
    Co *co;
    struct Work *next;
} Work;

static struct {
    GMutex lock;
    GCond more;
    Work *head, **tail;
    unsigned threads, idle, queued;
    pid_t pid; /* threads do not survive a fork */
} workers = { .tail = &workers.head };

static Work *worker_next(void)
{
    Work *w;

    while (!workers.head) {
        gint64 end = g_get_monotonic_time() + WORKER_IDLE_SEC * G_TIME_SPAN_SECOND;
        bool more;

        workers.idle++;
        more = g_cond_wait_until(&workers.more, &workers.lock, end);
        workers.idle--;
        if (!more && !workers.head)
            return NULL;
    }
    w = workers.head;
    workers.head = w->next;
    workers.queued--;
    if (!workers.head)
        workers.tail = &workers.head;
    else if (workers.idle)
        g_cond_signal(&workers.more);
    return w;
}

static gpointer worker_main(gpointer unused)
{
    Work *w;

    g_mutex_lock(&workers.lock);
    while ((w = worker_next())) {
        g_mutex_unlock(&workers.lock);
        w->ret = w->fn(w->arg);
        co_wake_flag(w->co, &w->done);
        g_mutex_lock(&workers.lock);
    }
    workers.threads--;
    g_mutex_unlock(&workers.lock);
    return NULL;
}

static void worker_add(Work *w)
{
    g_mutex_lock(&workers.lock);
    if (workers.pid != getpid()) {
        workers.threads = workers.idle = workers.queued = 0;
        workers.pid = getpid();
    }
    *workers.tail = w;
    workers.tail = &w->next;
    workers.queued++;
    if (workers.idle >= workers.queued) {
        g_cond_signal(&workers.more);
    } else if (workers.threads < WORKERS_MAX) {
        workers.threads++;
        g_thread_unref(g_thread_new("worker", worker_main, NULL));
    }
    g_mutex_unlock(&workers.lock);
}

int co_work_co(int (*fn)(void *), void *arg)
{
    Co *co = co_self();
    Work w = { .fn = fn, .arg = arg, .co = co };
    bool done;

    g_assert(co);
    worker_add(&w);
    do {
        co_suspend_co();
        g_mutex_lock(&co->home->lock);
        done = w.done;
        g_mutex_unlock(&co->home->lock);
    } while (!done);
    return w.ret;
}
