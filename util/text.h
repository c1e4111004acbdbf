/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What users type: numbers, sizes, yes and no, and the nearest known name for a misspelt one. */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* on yes true y | off no false n, lower case */
bool text_bool(const char *, bool *out);

/* The whole text is one number: decimal, 0x hexadecimal, 0 octal. */
bool text_int(const char *, int64_t *out);
bool text_uint(const char *, uint64_t *out); /* no sign */
bool text_num(const char *, double *out);

/*
 * A size: a number, fractions allowed, with b k m g t p e in either case (powers of 1024), or a
 * hexadecimal number without suffix. A bare number counts in units of `unit` bytes.
 */
bool text_size(const char *, uint64_t unit, uint64_t *bytes);
char *text_size_print(uint64_t bytes); /* "512 B", "1.5 GiB": three digits at most */

/* "5" or "2-7": both ends, low not above high */
bool text_range(const char *, int64_t *low, int64_t *high);

/* The name with the fewest typing errors, asked for one candidate after the other. */
typedef struct Nearest {
    const char *word, *best;
    unsigned distance;
} Nearest;
Nearest nearest_to(const char *word);
void nearest_try(Nearest *, const char *name);

/* " (did you mean 'x'?)", or "" when nothing is near; the caller frees it */
char *nearest_hint(const Nearest *);

/* "?" or "help": the user asks what could stand here */
bool text_is_help(const char *);

#endif
