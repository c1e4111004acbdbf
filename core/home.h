/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A home is a thread with a GMainContext of its own: block nodes and queues live there. It never
 * takes the machine lock and never waits for main or a vCPU (locking.md 3, 10, 11).
 */
#ifndef CORE_HOME_H
#define CORE_HOME_H

#include <glib.h>

#include "core/types.h"

typedef struct Home Home;

Home *home_new(Vm *, const char *name); /* main, locked */
void home_free(Home *);                 /* main, locked; runs what is queued, then joins */
GMainContext *home_context(Home *);     /* any */

/* any; fn in the home's next turn; nobody waits */
void home_call(GMainContext *home, void (*fn)(void *), void *arg);

#endif
