/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A registered set in a stable order. The linker's order depends on that of the object files. */
#include "core/set.h"

#include <glib.h>
#include <string.h>

static gint by_name(gconstpointer a, gconstpointer b)
{
    const char *const *x = *(const char *const *const *)a, *const *y =
                                                               *(const char *const *const *)b;

    return strcmp(*x, *y);
}

GPtrArray *set_sorted_from(const void *start, const void *stop)
{
    GPtrArray *all = g_ptr_array_new();

    for (const void *const *p = start; (const void *)p < stop; p++)
        g_ptr_array_add(all, (void *)*p);
    g_ptr_array_sort(all, by_name);
    return all;
}
