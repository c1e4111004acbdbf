/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects are linked one by one, never through .a archives (an archive silently drops
 * registrations: measured)
 */
#ifndef CORE_SET_H
#define CORE_SET_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGISTER(set, obj)                              \
    static const set_##set##_t *const reg_##set##_##obj \
        __attribute__((used, retain, section("set_" #set))) = &obj
/* clang-format off */
#define SET_DECLARE(set) \
    extern const set_##set##_t *const __start_set_##set[] __attribute__((weak, visibility("hidden"))); \
    extern const set_##set##_t *const __stop_set_##set[] __attribute__((weak, visibility("hidden")))
/* clang-format on */

/* A new array of the set's descriptors by name; they must begin with `const char *name`. */
#define SET_SORTED(set) set_sorted_from(__start_set_##set, __stop_set_##set)
GPtrArray *set_sorted_from(const void *start, const void *stop);

/* in the linker's order: only where order does not matter */
#define SET_FOREACH(set, p) \
    for (const set_##set##_t *const *p = __start_set_##set; p < __stop_set_##set; p++)

#endif
