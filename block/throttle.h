/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of a drive, or of several with the same group. */
#ifndef BLOCK_THROTTLE_H
#define BLOCK_THROTTLE_H

#include "block/drive.h"

typedef struct Throttle Throttle;

bool throttle_any(const DriveThrottle *);
bool throttle_check(const DriveThrottle *, GError **);
/* NULL where there is no limit. group NULL: name, which nobody shares. */
Throttle *throttle_new(Vm *, const DriveThrottle *, const char *name);
Throttle *throttle_ref(Throttle *);
void throttle_unref(Throttle *);
void throttle_set(Throttle *, const DriveThrottle *);
const DriveThrottle *throttle_limits(const Throttle *);
const char *throttle_group(const Throttle *);

/* Takes its share for one request, and waits until that is allowed; hurry() true: no longer. */
void throttle_wait_co(Throttle *, bool write, uint64_t len, bool (*hurry)(void *o), void *o);

#endif
