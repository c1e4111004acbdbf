/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SIGINT, SIGTERM and SIGHUP end the machine in good order; a crash of our own gives the terminal
 * back first. The handler only writes down who sent what and wakes the main loop.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib-unix.h>

#include "core/runstate.h"
#include "system/system.h"
#include "util/log.h"

static volatile sig_atomic_t last_signal;
static volatile pid_t last_pid;
static int wake_fd = -1;

static void on_end(int number, siginfo_t *info, void *context)
{
    uint64_t one = 1;
    int error = errno;

    last_signal = number;
    last_pid = info->si_pid;
    if (wake_fd >= 0 && write(wake_fd, &one, sizeof(one)) < 0)
        _exit(1);
    errno = error;
}

static void on_crash(int number)
{
    char_term_restore();
    raise(number); /* SA_RESETHAND: the default action now */
}

void signals_init(void)
{
    static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
    static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction end = { .sa_sigaction = on_end, .sa_flags = SA_SIGINFO };
    struct sigaction crash = { .sa_handler = on_crash, .sa_flags = SA_RESETHAND | SA_NODEFER };
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        sigaction(ends[i], &end, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(crashes); i++)
        sigaction(crashes[i], &crash, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); /* a write past the limit is the drive's error, EFBIG */
}

static char *process_name(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", pid);
    char *name = NULL;

    if (!g_file_get_contents(path, &name, NULL, NULL))
        return g_strdup("<unknown process>");
    return g_strchomp(name);
}

static gboolean on_wake(int fd, GIOCondition condition, void *opaque)
{
    g_autofree char *name = NULL;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0 || !last_signal)
        return G_SOURCE_CONTINUE;
    if (last_pid) {
        name = process_name(last_pid);
        error_print("terminating on signal %d from pid %d (%s)", last_signal, last_pid, name);
    } else {
        error_print("terminating on signal %d", last_signal);
    }
    vm_quit(opaque, 0);
    return G_SOURCE_CONTINUE;
}

void signals_attach(Vm *vm)
{
    g_unix_fd_add(wake_fd, G_IO_IN, on_wake, vm);
}

int signals_pending(void)
{
    return last_signal;
}
