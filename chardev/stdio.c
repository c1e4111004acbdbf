/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard input and output, and the terminal's state. The terminal belongs to the shell: whatever
 * ends or stops the process puts it back first, and SIGCONT makes it raw again. That state is the
 * process's own, hence the one static variable of this folder; handlers use only async-signal-safe
 * calls (POSIX lists tcsetattr, tcgetpgrp, kill, raise).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/chardev-int.h"

static struct {
    struct termios before, raw;
    volatile sig_atomic_t changed, guarded, in_use;
} term;

void char_term_restore(void)
{
    if (term.changed)
        tcsetattr(STDIN_FILENO, TCSANOW, &term.before);
}

/* In the background setting the terminal would stop us; the next SIGCONT comes with "fg". */
static void term_set_raw(void)
{
    pid_t front = tcgetpgrp(STDIN_FILENO); /* fails on a terminal that does not control us */
    if (term.changed && (front < 0 || front == getpgrp()))
        tcsetattr(STDIN_FILENO, TCSANOW, &term.raw);
}

static void term_on_stop(int sig)
{
    int saved = errno;
    char_term_restore();
    kill(getpid(), SIGSTOP);
    errno = saved;
}

static void term_on_continue(int sig)
{
    int saved = errno;
    term_set_raw();
    errno = saved;
}

/* SA_RESETHAND: the second time the signal does what it always did. */
static void term_on_crash(int sig)
{
    char_term_restore();
    raise(sig);
}

static void handle(int sig, void (*fn)(int), int flags)
{
    struct sigaction old, new = { .sa_handler = fn, .sa_flags = flags };
    if (sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        sigaction(sig, &new, NULL);
}

static void term_guard(void)
{
    /* KVM takes SIGUSR1 for itself */
    static const int deadly[] = { SIGQUIT, SIGSEGV, SIGABRT, SIGBUS,    SIGFPE,  SIGILL,  SIGTRAP,
                                  SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGSYS };
    if (term.guarded)
        return;
    term.guarded = 1;
    atexit(char_term_restore);
    for (size_t i = 0; i < G_N_ELEMENTS(deadly); i++)
        handle(deadly[i], term_on_crash, (int)SA_RESETHAND | SA_NODEFER);
    handle(SIGTSTP, term_on_stop, SA_RESTART);
    handle(SIGCONT, term_on_continue, SA_RESTART);
}

/* Raw but for output processing: our own messages on stderr keep their line ends. */
static void term_take(bool signals)
{
    if (tcgetattr(STDIN_FILENO, &term.before) < 0)
        return; /* not a terminal */
    term.raw = term.before;
    cfmakeraw(&term.raw);
    term.raw.c_oflag = term.before.c_oflag | OPOST;
    if (signals)
        term.raw.c_lflag |= ISIG;
    term.changed = 1;
    term_guard();
    term_set_raw();
}

bool char_term_in_use(void)
{
    return term.in_use;
}

void char_term_claim(const struct termios *before)
{
    term.before = *before;
    term.in_use = 1;
    if (tcgetattr(STDIN_FILENO, &term.raw) == 0) {
        term.changed = 1;
        term_guard();
    }
}

typedef struct StdioArgs {
    CharCommon common;
    bool signal;
} StdioArgs;

/* clang-format off */
static const Prop StdioArgs_rows[] = {
    PROP_BASE(StdioArgs, common, CharCommon),
    PROP_BOOL(StdioArgs, signal, "signal", true, "keys such as C-c make signals; off: the guest gets them"),
    PROP_END (StdioArgs)
};
/* clang-format on */

typedef struct StdioChar {
    Chardev chr;
    FdPort port;
} StdioChar;

static StdioChar *stdio_of(Chardev *c)
{
    return (StdioChar *)c;
}

static void stdio_lost(Chardev *c)
{
    char_event(c, CHR_CLOSED);
}

static bool stdio_open(Chardev *c, const void *args, GError **err)
{
    const StdioArgs *a = args;
    bool in_blocks, out_blocks;

    if (term.in_use)
        return user_fail(err, "cannot use stdio by multiple character devices");
    int in = fd_reopen(STDIN_FILENO, O_RDONLY, &in_blocks);
    int out = fd_reopen(STDOUT_FILENO, O_WRONLY, &out_blocks);
    if (in < 0 && out < 0)
        return user_fail(err, "standard input and output are closed");
    fd_port_init(&stdio_of(c)->port, c, in, out, stdio_lost);
    stdio_of(c)->port.blocking = out_blocks;
    term.in_use = 1;
    term_take(a ? a->signal : true);
    c->filename = g_strdup("stdio");
    c->open = true;
    return true;
}

static void stdio_close(Chardev *c)
{
    fd_port_close(&stdio_of(c)->port);
    char_term_restore();
    term.changed = 0;
    term.in_use = 0;
}

static size_t stdio_write(Chardev *c, const void *p, size_t n)
{
    return fd_port_write(&stdio_of(c)->port, p, n);
}

static void stdio_accept(Chardev *c)
{
    if (c->open)
        fd_port_accept(&stdio_of(c)->port);
}

static bool stdio_wait(Chardev *c, int ms)
{
    return fd_port_wait(&stdio_of(c)->port, ms);
}

static const CharDriver char_stdio = {
    .name = "stdio",
    .desc = "standard input and output",
    .size = sizeof(StdioChar),
    .props = StdioArgs_rows,
    .open = stdio_open,
    .close = stdio_close,
    .write = stdio_write,
    .accept = stdio_accept,
    .wait_writable = stdio_wait,
};
REGISTER(chardev, char_stdio);
