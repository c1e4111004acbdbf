/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal line of the host: a real serial port, or a pty that somebody else made. Speed, frame,
 * break and modem lines follow the guest's UART where the host's driver has them (termios(3),
 * ioctl_tty(2)). Its mode is put back when we close it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/chardev-int.h"

typedef struct TtyArgs {
    CharCommon common;
    char *device;
} TtyArgs;

/* clang-format off */
static const Prop TtyArgs_rows[] = {
    PROP_BASE (TtyArgs, common, CharCommon),
    NEED_STR  (TtyArgs, device, "device", "terminal line of the host"),
    PROP_ALIAS("path", "device"),
    PROP_END  (TtyArgs)
};
/* clang-format on */

typedef struct TtyChar {
    Chardev chr;
    FdPort port;
    struct termios before;
} TtyChar;

static TtyChar *tty_of(Chardev *c)
{
    return (TtyChar *)c;
}

static const struct {
    unsigned baud;
    speed_t code;
} speeds[] = {
    { 50, B50 },         { 75, B75 },         { 110, B110 },     { 134, B134 },
    { 150, B150 },       { 200, B200 },       { 300, B300 },     { 600, B600 },
    { 1200, B1200 },     { 1800, B1800 },     { 2400, B2400 },   { 4800, B4800 },
    { 9600, B9600 },     { 19200, B19200 },   { 38400, B38400 }, { 57600, B57600 },
    { 115200, B115200 }, { 230400, B230400 },
};

/* The nearest speed not above what the guest asked for. */
static speed_t speed_for(unsigned baud)
{
    size_t i = 0;
    while (i + 1 < G_N_ELEMENTS(speeds) && speeds[i + 1].baud <= baud + baud / 100)
        i++;
    return speeds[i].code;
}

static void tty_frame(struct termios *t, const CharLine *l)
{
    static const tcflag_t sizes[] = { CS5, CS6, CS7, CS8 };
    cfmakeraw(t);
    cfsetspeed(t, speed_for(l->baud));
    t->c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | PARENB | PARODD);
    t->c_cflag |= CLOCAL | CREAD | sizes[CLAMP(l->data, 5, 8) - 5];
    if (l->stop == 2)
        t->c_cflag |= CSTOPB;
    if (l->parity != 'N')
        t->c_cflag |= PARENB;
    if (l->parity == 'O')
        t->c_cflag |= PARODD;
}

static int tty_set_line(int fd, const CharLine *l)
{
    struct termios t;
    if (tcgetattr(fd, &t) < 0)
        return -errno;
    tty_frame(&t, l);
    return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

/* The CHR_MODEM_ bits are Linux's TIOCM_ ones. */
static int tty_set_modem(int fd, int wanted)
{
    int now, ours = TIOCM_DTR | TIOCM_RTS;
    if (ioctl(fd, TIOCMGET, &now) < 0)
        return -errno;
    now = (now & ~ours) | (wanted & ours);
    return ioctl(fd, TIOCMSET, &now) < 0 ? -errno : 0;
}

static int tty_control(Chardev *c, CharControl what, void *arg)
{
    int fd = tty_of(c)->port.in;
    switch (what) {
    case CHR_SET_LINE: return tty_set_line(fd, arg);
    case CHR_SET_BREAK: return ioctl(fd, *(int *)arg ? TIOCSBRK : TIOCCBRK) < 0 ? -errno : 0;
    case CHR_GET_MODEM: return ioctl(fd, TIOCMGET, arg) < 0 ? -errno : 0;
    case CHR_SET_MODEM: return tty_set_modem(fd, *(int *)arg);
    }
    return -ENOTSUP;
}

static void tty_lost(Chardev *c)
{
    char_event(c, CHR_CLOSED);
}

static bool tty_open(Chardev *c, const void *args, GError **err)
{
    const TtyArgs *a = args;
    TtyChar *t = tty_of(c);
    static const CharLine line = { 115200, 8, 1, 'N' };
    int fd = open(a->device, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 || tcgetattr(fd, &t->before) < 0) {
        user_fail(err, "could not open terminal line '%s': %s", a->device, g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    tty_set_line(fd, &line);
    fd_port_init(&t->port, c, fd, fd, tty_lost);
    c->filename = g_strdup("serial");
    c->open = true;
    return true;
}

static void tty_close(Chardev *c)
{
    TtyChar *t = tty_of(c);
    tcsetattr(t->port.in, TCSANOW, &t->before);
    fd_port_close(&t->port);
}

static size_t tty_write(Chardev *c, const void *p, size_t n)
{
    return c->open ? fd_port_write(&tty_of(c)->port, p, n) : n;
}

static void tty_accept(Chardev *c)
{
    if (c->open)
        fd_port_accept(&tty_of(c)->port);
}

static bool tty_wait(Chardev *c, int ms)
{
    return !c->open || fd_port_wait(&tty_of(c)->port, ms);
}

static const CharDriver char_tty = {
    .name = "serial",
    .desc = "terminal line of the host",
    .size = sizeof(TtyChar),
    .props = TtyArgs_rows,
    .open = tty_open,
    .close = tty_close,
    .write = tty_write,
    .accept = tty_accept,
    .control = tty_control,
    .wait_writable = tty_wait,
};
REGISTER(chardev, char_tty);
