/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace points stand where something happens: TRACE(ide_command, "drive %u cmd 0x%02x", n, cmd).
 * There is no list of them elsewhere; a linker section holds them. One that is off costs a load and
 * a branch. Names are of the form room_what; -trace takes patterns ("ide_*", "-pic_*").
 */
#ifndef UTIL_TRACE_H
#define UTIL_TRACE_H

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct TracePoint {
    const char *name;
    _Atomic bool on;
} TracePoint;

void trace_print(const TracePoint *, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

#define TRACE(id, ...)                                                                    \
    do {                                                                                  \
        static TracePoint trace_point_##id = { #id, false };                              \
        static TracePoint *const trace_reg_##id                                           \
            __attribute__((used, retain, section("set_trace"))) = &trace_point_##id;      \
        if (G_UNLIKELY(atomic_load_explicit(&trace_point_##id.on, memory_order_relaxed))) \
            trace_print(&trace_point_##id, __VA_ARGS__);                                  \
    } while (0)

/* A pattern with * and ?; "-pattern" turns points off. false: no point has such a name. */
bool trace_enable(const char *pattern, GError **err);
bool trace_enable_file(const char *path, GError **err); /* one pattern a line, # comments */
char *trace_help(void);                                 /* the names, sorted, one a line */

/* fn for each name once, sorted */
void trace_each(void (*fn)(void *o, const char *name, bool on), void *o);

#endif
