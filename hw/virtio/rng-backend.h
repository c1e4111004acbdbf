/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where virtio-rng's bytes come from: -object rng-random, rng-builtin. Main, machine lock. */
#ifndef HW_VIRTIO_RNG_BACKEND_H
#define HW_VIRTIO_RNG_BACKEND_H

#include <sys/types.h>

#include "core/object.h"

bool rng_is_backend(const Object *);
/* NULL: the built-in one. Bytes read, 0: none now (rng_wait), -1: none ever */
ssize_t rng_read(Object *, void *buf, size_t n);
/* fn(o) once in a later turn, when there may be some; the id of a GSource */
unsigned rng_wait(Object *, void (*fn)(void *o), void *o);

#endif
