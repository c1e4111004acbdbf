/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pseudo terminal. While nobody has its slave open the master reports a hang-up for ever, so it
 * cannot be polled; inotify says when somebody opens the slave. Output without a reader is lost, as
 * on a real line. Line discipline: raw, as a serial line.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/chardev-int.h"

typedef struct PtyArgs {
    CharCommon common;
} PtyArgs;

static const Prop PtyArgs_rows[] = { PROP_BASE(PtyArgs, common, CharCommon), PROP_END(PtyArgs) };

typedef struct PtyChar {
    Chardev chr;
    FdPort port;
    int notify; /* inotify, -1: could not be had */
    unsigned notify_watch, retry;
} PtyChar;

enum { RETRY_MS = 500 };

static PtyChar *pty_of(Chardev *c)
{
    return (PtyChar *)c;
}

static bool pty_has_peer(PtyChar *p)
{
    struct pollfd pfd = { .fd = p->port.in, .events = POLLIN };
    return poll(&pfd, 1, 0) == 0 || !(pfd.revents & POLLHUP);
}

static void pty_look(PtyChar *p)
{
    if (p->chr.open || !pty_has_peer(p))
        return;
    char_event(&p->chr, CHR_OPENED);
    if (p->chr.fronts->len && !p->chr.kept->len)
        fd_port_accept(&p->port);
}

static gboolean pty_notified(int fd, GIOCondition cond, void *o)
{
    char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    while (read(fd, buf, sizeof(buf)) > 0)
        ;
    pty_look(o);
    return G_SOURCE_CONTINUE;
}

/* Only where there is no inotify (its instances are limited per user), only while nobody is there.
 */
static gboolean pty_retry(void *o)
{
    PtyChar *p = o;
    pty_look(p);
    if (!p->chr.open)
        return G_SOURCE_CONTINUE;
    p->retry = 0;
    return G_SOURCE_REMOVE;
}

static void pty_wait_for_peer(PtyChar *p)
{
    if (p->notify < 0 && !p->retry)
        p->retry = g_timeout_add(RETRY_MS, pty_retry, p);
    pty_look(p); /* somebody may have opened it before we watched */
}

static void pty_lost(Chardev *c)
{
    char_event(c, CHR_CLOSED);
    pty_wait_for_peer(pty_of(c));
}

/* Opening and closing the slave once gives the line its mode, and the master its hang-up. */
static bool pty_set_raw(const char *slave)
{
    struct termios t;
    int fd = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
    bool ok = fd >= 0 && tcgetattr(fd, &t) == 0;
    if (ok) {
        cfmakeraw(&t);
        ok = tcsetattr(fd, TCSANOW, &t) == 0;
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

static void pty_watch(PtyChar *p, const char *slave)
{
    p->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (p->notify >= 0 && inotify_add_watch(p->notify, slave, IN_OPEN) < 0) {
        close(p->notify);
        p->notify = -1;
    }
    if (p->notify >= 0)
        p->notify_watch = g_unix_fd_add(p->notify, G_IO_IN, pty_notified, p);
}

static bool pty_open(Chardev *c, const void *args, GError **err)
{
    PtyChar *p = pty_of(c);
    char slave[64];
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, slave, sizeof(slave)) != 0 ||
        !pty_set_raw(slave)) {
        user_fail(err, "could not make a pty: %s", g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    fd_port_init(&p->port, c, fd, fd, pty_lost);
    pty_watch(p, slave);
    c->filename = g_strconcat("pty:", slave, NULL);
    /* scripts read this line to find the pty: it must be out before the guest runs */
    if (!c->by_qmp) {
        printf("char device redirected to %s (label %s)\n", slave, c->label);
        fflush(stdout);
    }
    pty_wait_for_peer(p);
    return true;
}

static void pty_close(Chardev *c)
{
    PtyChar *p = pty_of(c);
    if (p->notify_watch)
        g_source_remove(p->notify_watch);
    if (p->notify >= 0)
        close(p->notify);
    if (p->retry)
        g_source_remove(p->retry);
    fd_port_close(&p->port);
}

static size_t pty_write(Chardev *c, const void *buf, size_t n)
{
    PtyChar *p = pty_of(c);
    if (!c->open)
        pty_look(p);
    return c->open ? fd_port_write(&p->port, buf, n) : n;
}

static void pty_accept(Chardev *c)
{
    if (c->open)
        fd_port_accept(&pty_of(c)->port);
}

static bool pty_wait(Chardev *c, int ms)
{
    return !c->open || fd_port_wait(&pty_of(c)->port, ms);
}

static const CharDriver char_pty = {
    .name = "pty",
    .desc = "pseudo terminal; its name is printed",
    .size = sizeof(PtyChar),
    .props = PtyArgs_rows,
    .open = pty_open,
    .close = pty_close,
    .write = pty_write,
    .accept = pty_accept,
    .wait_writable = pty_wait,
};
REGISTER(chardev, char_pty);
