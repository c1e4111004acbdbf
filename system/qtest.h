/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -qtest CHARDEV: a line protocol by which a test acts for the processor: ports, memory, the
 * clock, interrupt lines. The words are those that QEMU's device tests speak; see qtest.c.
 */
#ifndef SYSTEM_QTEST_H
#define SYSTEM_QTEST_H

#include <glib.h>

#include "core/types.h"

typedef struct Qtest Qtest;

/*
 * main, locked, after the chardevs of -chardev (nothing is served until the main loop runs).
 * chardev: text as -serial takes it. log: a file for a copy of both directions; "none": no copy;
 * NULL: stderr.
 */
Qtest *qtest_new(Vm *, const char *chardev, const char *log, GError **);
void qtest_free(Qtest *); /* before the chardevs and vm_free; NULL is fine */

#endif
