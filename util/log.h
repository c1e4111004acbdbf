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

/* Names as in 7.2. Items of a translator's inner stages come with it. */
enum {
    LOG_OUT_ASM = 1 << 0,
    LOG_IN_ASM = 1 << 1,
    LOG_INT = 1 << 2,
    LOG_EXEC = 1 << 3,
    LOG_CPU = 1 << 4,
    LOG_FPU = 1 << 5,
    LOG_MMU = 1 << 6,
    LOG_PCALL = 1 << 7,
    LOG_CPU_RESET = 1 << 8,
    LOG_UNIMP = 1 << 9,
    LOG_GUEST_ERRORS = 1 << 10,
    LOG_PAGE = 1 << 11,
    LOG_NOCHAIN = 1 << 12,
    LOG_TID = 1 << 13,
};
extern _Atomic unsigned log_items;

static inline bool log_on(unsigned items)
{
    return atomic_load_explicit(&log_items, memory_order_relaxed) & items;
}

/* Text as it is, no line end added. log_lines() takes the log for several calls of one record. */
void log_print(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void log_lock(void);
void log_unlock(void);
#define LOG(item, ...)              \
    do {                            \
        if (log_on(item))           \
            log_print(__VA_ARGS__); \
    } while (0)

/* -d a,b: more items; "help" or a wrong name: false, PROP-like text in err, see log_help(). */
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
