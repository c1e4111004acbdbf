/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sleeping on a word: the test of the word and the sleep are one step, so no wake-up is lost. */
#ifndef CORE_FUTEX_H
#define CORE_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* any, signal handlers too */
static inline void futex_wake(_Atomic uint32_t *word, int most)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
}

/* Sleeps while *word is value; may return for nothing. ns -1: for ever. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t ns)
{
    struct timespec t = { ns / 1000000000, ns % 1000000000 };

    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ns < 0 ? NULL : &t, NULL, 0);
}

#endif
