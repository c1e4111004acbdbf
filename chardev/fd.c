/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors behind a chardev: watches on the main loop, back-pressure in both directions. */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chardev/chardev-int.h"

enum { READ_CHUNK = 4096, BLOCKING_CHUNK = 512 };

void fd_port_init(FdPort *p, Chardev *c, int in, int out, void (*lost)(Chardev *))
{
    signal(SIGPIPE, SIG_IGN); /* a peer that goes is an error of write(), not our end */
    *p = (FdPort){ .chr = c, .in = in, .out = out, .lost = lost };
}

static void watch_off(unsigned *watch)
{
    if (*watch)
        g_source_remove(*watch);
    *watch = 0;
}

void fd_port_close(FdPort *p)
{
    watch_off(&p->in_watch);
    watch_off(&p->out_watch);
    if (p->in >= 0)
        close(p->in);
    if (p->out >= 0 && p->out != p->in)
        close(p->out);
    p->in = p->out = -1;
    p->reading = false;
}

static void fd_port_lost(FdPort *p)
{
    watch_off(&p->in_watch);
    watch_off(&p->out_watch);
    p->reading = false;
    if (p->lost)
        p->lost(p->chr);
    /* whoever waits to write is to find out that it all goes nowhere */
    char_writable(p->chr);
}

static gboolean fd_port_readable(int fd, GIOCondition cond, void *o)
{
    FdPort *p = o;
    uint8_t buf[READ_CHUNK];
    ssize_t n = read(fd, buf, sizeof(buf));

    /* a hang-up with nothing to read: a pty's peer that went and is back already counts as new */
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && !(cond & G_IO_HUP))
        return G_SOURCE_CONTINUE;
    if (n <= 0) {
        p->in_watch = 0;
        fd_port_lost(p);
        return G_SOURCE_REMOVE;
    }
    size_t len = p->filter ? p->filter(p->chr, buf, (size_t)n) : (size_t)n;
    /* from here on the port may have been closed, even opened again, by what the bytes caused */
    unsigned watch = p->in_watch;
    if (len && !char_deliver(p->chr, buf, len) && p->in_watch == watch) {
        p->in_watch = 0;
        p->reading = false;
        return G_SOURCE_REMOVE;
    }
    return p->in_watch == watch ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void fd_port_accept(FdPort *p)
{
    if (p->in < 0 || p->in_watch)
        return;
    p->reading = true;
    p->in_watch = g_unix_fd_add(p->in, G_IO_IN | G_IO_HUP | G_IO_ERR, fd_port_readable, p);
}

static gboolean fd_port_can_write(int fd, GIOCondition cond, void *o)
{
    FdPort *p = o;
    p->out_watch = 0;
    /* a hang-up stays: waiting for room would be a busy loop */
    if (cond & (G_IO_HUP | G_IO_ERR) && p->in == p->out) {
        fd_port_lost(p);
        return G_SOURCE_REMOVE;
    }
    if (cond & (G_IO_HUP | G_IO_ERR)) {
        close(p->out);
        p->out = -1;
    }
    char_writable(p->chr);
    return G_SOURCE_REMOVE;
}

/* A shared descriptor that stays blocking is written in small pieces, each after a poll. */
static ssize_t write_some(FdPort *p, const uint8_t *buf, size_t n)
{
    struct pollfd pfd = { .fd = p->out, .events = POLLOUT };
    if (!p->blocking)
        return write(p->out, buf, n);
    if (poll(&pfd, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(p->out, buf, MIN(n, BLOCKING_CHUNK));
}

size_t fd_port_write(FdPort *p, const void *buf, size_t n)
{
    size_t done = 0;
    if (p->out < 0)
        return n;
    while (done < n) {
        ssize_t k = write_some(p, (const uint8_t *)buf + done, n - done);
        if (k > 0) {
            done += (size_t)k;
        } else if (k < 0 && errno == EINTR) {
            continue;
        } else if (k < 0 && errno == EAGAIN) {
            if (!p->out_watch)
                p->out_watch =
                    g_unix_fd_add(p->out, G_IO_OUT | G_IO_HUP | G_IO_ERR, fd_port_can_write, p);
            break;
        } else {
            return n; /* the other side is gone: reading finds out, output is lost */
        }
    }
    return done;
}

bool fd_port_wait(FdPort *p, int ms)
{
    struct pollfd pfd = { .fd = p->out, .events = POLLOUT };
    return p->out < 0 || (poll(&pfd, 1, ms) > 0 && !(pfd.revents & (POLLERR | POLLHUP)));
}

/*
 * O_NONBLOCK belongs to the open file, which we share with the shell and with our stderr. Terminals
 * and pipes can be opened once more by /proc; a file would lose its position and needs no
 * O_NONBLOCK; a socket cannot be opened and stays blocking.
 */
int fd_reopen(int fd, int flags, bool *blocking)
{
    struct stat st;
    char path[32];
    int copy = -1;

    *blocking = false;
    if (fstat(fd, &st) < 0)
        return -1;
    if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)) {
        g_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        copy = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    if (copy < 0) {
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        *blocking = !S_ISREG(st.st_mode);
    }
    return copy;
}
