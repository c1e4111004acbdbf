/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages and the log. The few variables here are the process's own (its stderr is, too): set on
 * main before other threads exist, only read later; the lock keeps records whole.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"
#include "util/text.h"

_Atomic unsigned log_items;

static const struct LogItem {
    unsigned item;
    const char *name, *help;
} items[] = {
    { LOG_OUT_ASM, "out_asm", "host code of each translated block" },
    { LOG_IN_ASM, "in_asm", "guest instructions of each block, when it is decoded" },
    { LOG_INT, "int", "interrupts and exceptions, in short" },
    { LOG_EXEC, "exec", "each block before it runs (very long)" },
    { LOG_CPU, "cpu", "registers before each block (very long)" },
    { LOG_FPU, "fpu", "with 'cpu': the FPU's registers too" },
    { LOG_MMU, "mmu", "address translation" },
    { LOG_PCALL, "pcall", "far calls and task switches in protected mode" },
    { LOG_CPU_RESET, "cpu_reset", "registers before a CPU is reset" },
    { LOG_UNIMP, "unimp", "what the guest uses and we do not model" },
    { LOG_GUEST_ERRORS, "guest_errors", "what the guest's drivers do wrong" },
    { LOG_PAGE, "page", "the memory map, when it changes" },
    { LOG_NOCHAIN, "nochain", "do not link blocks, so that 'exec' and 'cpu' see all of them" },
    { LOG_TID, "tid", "one log file for each thread; the name of -D has %d" },
};

static char *program, *guest_name;
static bool with_time;
static FILE *log_stream;
static GRecMutex lock;

typedef struct LogRange {
    uint64_t first, last;
} LogRange;
static GArray *filter;

/* ---- the log ---- */

void log_lock(void)
{
    g_rec_mutex_lock(&lock);
}

void log_unlock(void)
{
    g_rec_mutex_unlock(&lock);
}

void log_print(const char *fmt, ...)
{
    FILE *out = log_stream ? log_stream : stderr;
    va_list ap;

    log_lock();
    va_start(ap, fmt);
    vfprintf(out, fmt, ap);
    va_end(ap);
    fflush(out);
    log_unlock();
}

char *log_help(void)
{
    GString *out = g_string_new("Log items (comma separated):\n");

    for (size_t i = 0; i < G_N_ELEMENTS(items); i++)
        g_string_append_printf(out, "%-15s %s\n", items[i].name, items[i].help);
    g_string_append(out, "trace:PATTERN   trace points, as -trace PATTERN\n");
    return g_string_free(out, FALSE);
}

static bool set_item(const char *name, GError **err)
{
    Nearest near = nearest_to(name);
    g_autofree char *hint = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(items); i++) {
        if (strcmp(name, items[i].name) == 0 || strcmp(name, "all") == 0)
            log_items |= items[i].item;
        if (strcmp(name, items[i].name) == 0)
            return true;
        nearest_try(&near, items[i].name);
    }
    if (strcmp(name, "all") == 0)
        return true;
    hint = nearest_hint(&near);
    g_set_error(err, g_quark_from_static_string("log"), 0,
                "unknown log item '%s'%s; -d help lists them", name, hint);
    return false;
}

bool log_set_items(const char *list, GError **err)
{
    g_auto(GStrv) names = g_strsplit(list, ",", -1);

    for (char **name = names; *name; name++) {
        if (**name && !set_item(*name, err))
            return false;
    }
    return true;
}

bool log_set_file(const char *path, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(path, "%d", 2);
    g_autofree char *pid = g_strdup_printf("%d", getpid());
    g_autofree char *name = g_strjoinv(pid, parts);
    FILE *f = fopen(name, "w");

    if (!f) {
        g_set_error(err, g_quark_from_static_string("log"), 0, "Could not open '%s': %s", name,
                    g_strerror(errno));
        return false;
    }
    if (log_stream)
        fclose(log_stream);
    log_stream = f;
    return true;
}

/* "a..b", "a+size" or "a-size": the last two are size bytes from a, or up to it. */
static bool parse_range(const char *text, LogRange *r)
{
    const char *op = strpbrk(text, "+-.");
    g_autofree char *first = op ? g_strndup(text, op - text) : NULL;
    uint64_t n;

    if (!op || !text_uint(first, &r->first))
        return false;
    if (*op == '.')
        return op[1] == '.' && text_uint(op + 2, &r->last) && r->last >= r->first;
    if (!text_uint(op + 1, &n) || !n)
        return false;
    r->last = *op == '+' ? r->first + (n - 1) : r->first;
    r->first = *op == '+' ? r->first : r->first - (n - 1);
    return r->last >= r->first;
}

bool log_set_filter(const char *ranges, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(ranges, ",", -1);

    if (!filter)
        filter = g_array_new(FALSE, FALSE, sizeof(LogRange));
    for (char **p = parts; *p; p++) {
        LogRange r;

        if (!parse_range(*p, &r)) {
            g_set_error(err, g_quark_from_static_string("log"), 0,
                        "'%s' is no address range: write START..END, START+SIZE or END-SIZE", *p);
            return false;
        }
        g_array_append_val(filter, r);
    }
    return true;
}

bool log_wants_pc(uint64_t pc)
{
    for (guint i = 0; filter && i < filter->len; i++) {
        const LogRange *r = &g_array_index(filter, LogRange, i);

        if (pc >= r->first && pc <= r->last)
            return true;
    }
    return !filter;
}

/* ---- messages ---- */

void log_set_program(const char *argv0)
{
    g_free(program);
    program = g_path_get_basename(argv0);
}

const char *log_program(void)
{
    return program ? program : "qemu-kvm";
}

void log_set_style(bool timestamp, const char *name)
{
    with_time = timestamp;
    g_free(guest_name);
    guest_name = g_strdup(name);
}

static void message(const char *kind, const char *fmt, va_list ap)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (with_time) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autofree char *date = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

        g_string_append_printf(text, "%s.%06dZ ", date, g_date_time_get_microsecond(now));
    }
    if (guest_name)
        g_string_append_printf(text, "%s ", guest_name);
    g_string_append_printf(text, "%s: %s", log_program(), kind);
    g_string_append_vprintf(text, fmt, ap);
    if (text->str[text->len - 1] != '\n')
        g_string_append_c(text, '\n');
    log_lock();
    fputs(text->str, stderr);
    log_unlock();
}

void error_print(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    message("", fmt, ap);
    va_end(ap);
}

void warn_print(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    message("warning: ", fmt, ap);
    va_end(ap);
}

void info_print(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    message("info: ", fmt, ap);
    va_end(ap);
}
