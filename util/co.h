/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stackful coroutines, each homed to one GMainContext. *_co may yield and is called only from *_co
 * or co_start; after a yield re-read what others may have changed.
 */
#ifndef UTIL_CO_H
#define UTIL_CO_H

#include <glib.h>

#include "core/types.h"

/*
 * co_start: any; fn begins in home's next turn. co_wake: any; one that comes early is kept, so
 * suspend may return for nothing: loop on your condition
 */
void co_start(GMainContext *home, void (*fn_co)(void *), void *arg);
Co *co_self(void);
void co_suspend_co(void);
void co_wake(Co *);

/* fn on a worker; the waiting form */
int co_work_co(int (*fn)(void *), void *arg);
int co_sync(GMainContext *, int (*fn_co)(void *), void *arg);

/* held: released while waiting */
typedef struct CoQueue {
    Co *first;
} CoQueue;
void co_queue_wait_co(CoQueue *, GMutex *held);
void co_queue_wake(CoQueue *);

#endif
