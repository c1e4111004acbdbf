/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Coroutines: switching, waking from threads, queues, workers. */
#include <fenv.h>
#include <glib.h>
#include <string.h>

#include "util/co.h"

typedef struct Shared {
    GMutex lock;
    CoQueue queue;
    int value, running;
    Co *co;
    GThread *home_thread;
} Shared;

static int answer_co(void *o)
{
    return *(int *)o + 1;
}

static void test_sync(void)
{
    int n = 41;

    g_assert_cmpint(co_sync(NULL, answer_co, &n), ==, 42);
    g_assert_null(co_self());
}

static int early_wake_co(void *o)
{
    co_wake(co_self());
    co_suspend_co(); /* kept: comes back at once */
    return co_self() != NULL;
}

static void test_early_wake(void)
{
    g_assert_cmpint(co_sync(NULL, early_wake_co, NULL), ==, 1);
}

static gpointer waker(gpointer o)
{
    Shared *s = o;

    g_usleep(1000);
    g_mutex_lock(&s->lock);
    s->value = 7;
    co_queue_wake(&s->queue);
    g_mutex_unlock(&s->lock);
    return NULL;
}

static int wait_value_co(void *o)
{
    Shared *s = o;
    GThread *t = g_thread_new("waker", waker, s);

    g_mutex_lock(&s->lock);
    while (!s->value)
        co_queue_wait_co(&s->queue, &s->lock);
    g_mutex_unlock(&s->lock);
    g_thread_join(t);
    return s->value;
}

static void test_queue(void)
{
    for (int i = 0; i < 50; i++) {
        Shared s = { 0 };

        g_mutex_init(&s.lock);
        g_assert_cmpint(co_sync(NULL, wait_value_co, &s), ==, 7);
        g_mutex_clear(&s.lock);
    }
}

static int work(void *o)
{
    g_usleep(*(int *)o % 3 * 300);
    return *(int *)o * 2;
}

typedef struct Job {
    Shared *s;
    int n;
} Job;

static void job_co(void *o)
{
    Job *j = o;

    for (int i = 0; i < 20; i++) {
        int n = j->n + i;

        g_assert_cmpint(co_work_co(work, &n), ==, 2 * n);
        g_assert_true(g_thread_self() == j->s->home_thread);
    }
    j->s->running--;
}

static void test_work(void)
{
    Shared s = { .home_thread = g_thread_self() };
    Job jobs[100];

    for (s.running = 0; s.running < 100; s.running++) {
        jobs[s.running] = (Job){ &s, s.running };
        co_start(NULL, job_co, &jobs[s.running]);
    }
    while (s.running)
        g_main_context_iteration(NULL, TRUE);
}

/* ---- several homes ---- */

static gpointer home_main(gpointer o)
{
    GMainContext *ctx = g_main_context_new();
    int n = 1;

    g_main_context_push_thread_default(ctx);
    for (int i = 0; i < 200; i++)
        g_assert_cmpint(co_sync(ctx, answer_co, &n), ==, 2);
    g_assert_cmpint(co_sync(ctx, early_wake_co, NULL), ==, 1);
    g_main_context_pop_thread_default(ctx);
    g_main_context_unref(ctx);
    return NULL;
}

static void test_homes(void)
{
    GThread *t[4];

    for (int i = 0; i < 4; i++)
        t[i] = g_thread_new("home", home_main, NULL);
    for (int i = 0; i < 4; i++)
        g_thread_join(t[i]);
}

/* ---- what a switch keeps ---- */

static void other_co(void *o)
{
    Shared *s = o;

    fesetround(FE_DOWNWARD);
    s->value = 1;
    co_wake(s->co);
    fesetround(FE_TONEAREST);
}

static int control_words_co(void *o)
{
    Shared *s = o;
    int ok;

    s->co = co_self();
    fesetround(FE_UPWARD);
    co_start(NULL, other_co, s);
    while (!s->value)
        co_suspend_co();
    ok = fegetround() == FE_UPWARD;
    fesetround(FE_TONEAREST);
    return ok;
}

static void test_control_words(void)
{
    Shared s = { 0 };

    g_assert_cmpint(co_sync(NULL, control_words_co, &s), ==, 1);
    g_assert_cmpint(fegetround(), ==, FE_TONEAREST);
}

/* Deep use of the stack, many at once, and their stacks used again. */
static int deep(int n)
{
    volatile char room[2000];

    memset((char *)room, n, sizeof(room));
    return n ? deep(n - 1) + (room[5] == (char)n) : 0;
}

static void deep_co(void *o)
{
    Shared *s = o;

    g_assert_cmpint(deep(100), ==, 100);
    g_mutex_lock(&s->lock);
    while (!s->value)
        co_queue_wait_co(&s->queue, &s->lock);
    g_mutex_unlock(&s->lock);
    g_assert_cmpint(deep(50), ==, 50);
    s->running--;
}

static void test_many(void)
{
    Shared s = { 0 };

    g_mutex_init(&s.lock);
    for (int round = 0; round < 3; round++) {
        s.value = 0;
        for (s.running = 0; s.running < 300; s.running++)
            co_start(NULL, deep_co, &s);
        for (int i = 0; i < 3; i++)
            g_main_context_iteration(NULL, FALSE);
        g_mutex_lock(&s.lock);
        s.value = 1;
        co_queue_wake(&s.queue);
        g_mutex_unlock(&s.lock);
        while (s.running)
            g_main_context_iteration(NULL, TRUE);
    }
    g_mutex_clear(&s.lock);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/co/sync", test_sync);
    g_test_add_func("/co/early-wake", test_early_wake);
    g_test_add_func("/co/queue", test_queue);
    g_test_add_func("/co/work", test_work);
    g_test_add_func("/co/homes", test_homes);
    g_test_add_func("/co/control-words", test_control_words);
    g_test_add_func("/co/many", test_many);
    return g_test_run();
}
