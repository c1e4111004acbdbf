/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stackful coroutines, each homed to one GMainContext and run only by the thread that iterates it.
 * A function named *_co may yield: it is called only from another *_co or by co_start, and after it
 * the caller reads again what others may have changed.
 */
#ifndef UTIL_CO_H
#define UTIL_CO_H

#include <glib.h>

#include "core/types.h"

/* From any thread; home NULL is the default context. fn begins in home's next turn, never here. */
void co_start(GMainContext *home, void (*fn_co)(void *), void *arg);

/* The coroutine that runs now, NULL outside of one. */
Co *co_self(void);

/*
 * Wakes come from any thread. One that comes before the suspend is kept, so a suspend may return
 * for nothing: loop on your condition.
 */
void co_suspend_co(void);
void co_wake(Co *);

/* Calls fn on a worker thread and returns what it returned. */
int co_work_co(int (*fn)(void *), void *arg);

/*
 * The waiting form, for tools and for the phases before the machine runs: iterates the context
 * until fn has ended. Never from inside a coroutine.
 */
int co_sync(GMainContext *, int (*fn_co)(void *), void *arg);

/*
 * A condition for coroutines, all zero at first. held is let go while waiting and held again
 * after; wake is called with the same mutex held and wakes all.
 */
typedef struct CoQueue {
    Co *first;
} CoQueue;
void co_queue_wait_co(CoQueue *, GMutex *held);
void co_queue_wake(CoQueue *);

#endif
