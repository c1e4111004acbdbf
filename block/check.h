/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a check found. lines: one finding each, as they are printed; owned. */
#ifndef BLOCK_CHECK_H
#define BLOCK_CHECK_H

#include <glib.h>
#include <stdint.h>

typedef struct CheckResult {
    int corruptions, leaks, check_errors;
    int corruptions_fixed, leaks_fixed;
    uint64_t image_end, total_clusters, allocated, fragmented, compressed;
    GPtrArray *lines;
} CheckResult;

static inline void check_result_clear(CheckResult *r)
{
    if (r->lines)
        g_ptr_array_unref(r->lines);
    r->lines = NULL;
}

#endif
