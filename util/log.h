/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What we say. Messages to the user (errors, warnings) go to stderr, one line each, behind the
 * program's name. Log items (-d) and trace points go to the log file (-D), else stderr. Any thread.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Names as in 7.2. Those of a translator's stages come with it and are refused until then. */
enum {
    LOG_IN_ASM = 1 << 0,
    LOG_INT = 1 << 1,
    LOG_EXEC = 1 << 2,
    LOG_CPU = 1 << 3,
    LOG_FPU = 1 << 4,
    LOG_MMU = 1 << 5,
    LOG_CPU_RESET = 1 << 6,
    LOG_UNIMP = 1 << 7,
    LOG_GUEST_ERRORS = 1 << 8,
};
extern _Atomic unsigned log_items;

static inline bool log_on(unsigned items)
{
    return atomic_load_explicit(&log_items, memory_order_relaxed) & items;
}

/* Text as it is, no line end added; one call is one record. */
void log_print(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
#define LOG(item, ...)              \
    do {                            \
        if (log_on(item))           \
            log_print(__VA_ARGS__); \
    } while (0)

/* -d a,b: more items; false: a wrong name, or one that is not served. */
bool log_set_items(const char *list, GError **err);
char *log_help(void);
bool log_set_file(const char *path, GError **err); /* %d: our pid */

/* -dfilter: start..end, start+size, start-size; true: pc is to be logged */
bool log_set_filter(const char *ranges, GError **err);
bool log_wants_pc(uint64_t pc);

/* ---- messages to the user ---- */
void log_set_program(const char *argv0);
const char *log_program(void);
void log_set_style(bool timestamp, const char *guest_name); /* -msg; NULL: without the name */

/* "qemu-kvm: text", "qemu-kvm: warning: text", "qemu-kvm: info: text" on stderr */
void error_print(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void warn_print(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void info_print(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

#endif
