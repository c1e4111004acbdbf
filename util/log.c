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
    { LOG_IN_ASM, "in_asm", "guest instructions, when they are decoded" },
    { LOG_INT, "int", "interrupts and exceptions, in short" },
    { LOG_EXEC, "exec", "each instruction before it runs (very long)" },
    { LOG_CPU, "cpu", "registers before each instruction (very long)" },
    { LOG_FPU, "fpu", "with 'cpu' and 'cpu_reset': the FPU's registers too" },
    { LOG_MMU, "mmu", "page faults, as the tables give them" },
    { LOG_CPU_RESET, "cpu_reset", "registers before a CPU is reset" },
    { LOG_UNIMP, "unimp", "what the guest uses and we do not model" },
    { LOG_GUEST_ERRORS, "guest_errors", "what the guest's drivers do wrong" },
};

static const char *const unserved[] = { "out_asm", "op",  "op_opt",  "op_ind", "pcall",
                                        "page",    "tid", "nochain", "plugin", "strace" };

static char *program, *guest_name;
static bool with_time;
static FILE *log_stream;
static GMutex lock;

typedef struct LogRange {
    uint64_t first, last;
} LogRange;
static GArray *filter;

static G_GNUC_PRINTF(2, 3) bool fail(GError **err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (err)
        *err = g_error_new_valist(g_quark_from_static_string("log"), 0, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- the log ---- */

void log_print(const char *fmt, ...)
{
    va_list ap;

    g_mutex_lock(&lock);
    FILE *out = log_stream ? log_stream : stderr;
    va_start(ap, fmt);
    vfprintf(out, fmt, ap);
    va_end(ap);
    fflush(out);
    g_mutex_unlock(&lock);
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
    for (size_t i = 0; i < G_N_ELEMENTS(unserved); i++)
        if (strcmp(name, unserved[i]) == 0)
            return fail(err, "log item '%s' is not supported yet; -d help lists those that are",
                        name);
    hint = nearest_hint(&near);
    return fail(err, "unknown log item '%s'%s; -d help lists them", name, hint);
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

    if (!f)
        return fail(err, "Could not open '%s': %s", name, g_strerror(errno));
    g_mutex_lock(&lock);
    if (log_stream)
        fclose(log_stream);
    log_stream = f;
    g_mutex_unlock(&lock);
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

        if (!parse_range(*p, &r))
            return fail(err, "'%s' is no address range: write START..END, START+SIZE or END-SIZE",
                        *p);
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
    g_mutex_lock(&lock);
    fputs(text->str, stderr);
    g_mutex_unlock(&lock);
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
