/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about logging and trace points: -d, -D and -trace of a running machine. */
#include "monitor/monitor-int.h"

#include <string.h>

#include "util/log.h"
#include "util/text.h"
#include "util/trace.h"

typedef struct LogArgs {
    char *items;
} LogArgs;
static const Prop LogArgs_rows[] = {
    NEED_STR(LogArgs, items, "items", "log items with commas between, or none"), PROP_END(LogArgs)
};

CMD(log, NULL, "log", "items", LogArgs, Empty, 0,
    "activate logging of the specified items; 'none' ends it");

static bool cmd_log(Vm *vm, const LogArgs *a, Reply *r, GError **err)
{
    if (text_is_help(a->items)) {
        g_autofree char *help = log_help();
        g_string_append(r->text, help);
        return true;
    }
    /* the items given replace those of before */
    unsigned before = atomic_exchange(&log_items, 0);
    if (strcmp(a->items, "none") == 0 || log_set_items(a->items, err))
        return true;
    atomic_store(&log_items, before);
    return false;
}

typedef struct FileArgs {
    char *filename;
} FileArgs;
static const Prop FileArgs_rows[] = { NEED_STR(FileArgs, filename, "filename",
                                               "where the log goes from now on; %d is our pid"),
                                      PROP_END(FileArgs) };

CMD(logfile, NULL, "logfile", "filename", FileArgs, Empty, 0, "output logs to 'filename'");

static bool cmd_logfile(Vm *vm, const FileArgs *a, Reply *r, GError **err)
{
    return log_set_file(a->filename, err);
}

/* ---- trace points ---- */

typedef struct TraceArgs {
    char *name;
    bool on;
} TraceArgs;
static const Prop TraceArgs_rows[] = {
    NEED_STR(TraceArgs, name, "name", "trace point, or a pattern of them"),
    NEED_BOOL(TraceArgs, on, "option", "on or off"),
    PROP_END(TraceArgs),
};

CMD(trace_event, NULL, "trace-event", "name option", TraceArgs, Empty, 0,
    "changes status of a specific trace event");

static bool cmd_trace_event(Vm *vm, const TraceArgs *a, Reply *r, GError **err)
{
    g_autofree char *off = g_strconcat("-", a->name, NULL);
    return trace_enable(a->on ? a->name : off, err);
}

typedef struct TraceList {
    char *name;
} TraceList;
static const Prop TraceList_rows[] = {
    PROP_STR(TraceList, name, "name", NULL, "pattern; all without"), PROP_END(TraceList)
};
typedef struct TracePrint {
    GString *out;
    const char *pattern;
} TracePrint;

static void trace_line(void *o, const char *name, bool on)
{
    const TracePrint *p = o;
    if (!p->pattern || g_pattern_match_simple(p->pattern, name))
        g_string_append_printf(p->out, "%s : state %d\n", name, on);
}

CMD(info_trace_events, NULL, "info trace-events", "[name]", TraceList, Empty, 0,
    "show available trace-events & their state");

static bool cmd_info_trace_events(Vm *vm, const TraceList *a, Reply *r, GError **err)
{
    TracePrint p = { r->text, a->name };
    trace_each(trace_line, &p);
    return true;
}
