/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turning trace points on and off by name; a record is one line of the log. */
#include <string.h>
#include <unistd.h>

#include "util/log.h"
#include "util/trace.h"

extern TracePoint *const __start_set_trace[] __attribute__((weak, visibility("hidden")));
extern TracePoint *const __stop_set_trace[] __attribute__((weak, visibility("hidden")));

void trace_print(const TracePoint *point, const char *fmt, ...)
{
    int64_t now = g_get_real_time();
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_print("%d@%" G_GINT64_FORMAT ".%06d:%s %s\n", getpid(), now / G_USEC_PER_SEC,
              (int)(now % G_USEC_PER_SEC), point->name, text);
}

bool trace_enable(const char *pattern, GError **err)
{
    bool on = *pattern != '-', found = false;

    pattern += !on;
    for (TracePoint *const *p = __start_set_trace; p < __stop_set_trace; p++) {
        if (g_pattern_match_simple(pattern, (*p)->name)) {
            (*p)->on = on;
            found = true;
        }
    }
    if (!found && !strpbrk(pattern, "*?"))
        g_set_error(err, g_quark_from_static_string("trace"), 0,
                    "there is no trace point '%s'; -trace help lists them", pattern);
    return found || strpbrk(pattern, "*?");
}

bool trace_enable_file(const char *path, GError **err)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, err))
        return false;
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_strstrip(*line);
        if (**line && **line != '#' && !trace_enable(*line, err))
            return false;
    }
    return true;
}

static int point_compare(const void *a, const void *b)
{
    return strcmp((*(TracePoint *const *)a)->name, (*(TracePoint *const *)b)->name);
}

void trace_each(void (*fn)(void *o, const char *name, bool on), void *o)
{
    g_autoptr(GPtrArray) points = g_ptr_array_new();

    for (TracePoint *const *p = __start_set_trace; p < __stop_set_trace; p++)
        g_ptr_array_add(points, *p);
    g_ptr_array_sort(points, point_compare);
    for (guint i = 0; i < points->len; i++) {
        const TracePoint *p = points->pdata[i], *last = i ? points->pdata[i - 1] : NULL;

        if (!last || strcmp(last->name, p->name) != 0)
            fn(o, p->name, p->on);
    }
}

static void add_name(void *o, const char *name, bool on)
{
    g_string_append_printf(o, "%s\n", name);
}

char *trace_help(void)
{
    GString *out = g_string_new(NULL);

    trace_each(add_name, out);
    return g_string_free(out, FALSE);
}
