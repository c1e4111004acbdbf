/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of chardev/ share. */
#ifndef CHARDEV_CHARDEV_INT_H
#define CHARDEV_CHARDEV_INT_H

#include "chardev/chardev.h"

/* One of a driver, whatever its label; args NULL: defaults are the driver's business. */
Chardev *chardev_make(Vm *, const CharDriver *, const char *label, const void *args, bool by_qmp,
                      GError **);
/* chardev_new() for labels of our own ("serial0", "compat_monitor0"). */
Chardev *chardev_new_labelled(Vm *, const ChardevArgs *, GError **);
/* A mux over a chardev without fronts. */
Chardev *chardev_make_mux(Vm *, const char *label, Chardev *base, GError **);
uint8_t chardev_escape(Vm *);

/*
 * One or two file descriptors as the back end of a chardev: terminals, pipes, files, sockets. in
 * and out may be the same, each may be -1. Reading begins at the first accept().
 */
typedef struct FdPort {
    Chardev *chr;
    int in, out;
    bool blocking; /* out has no O_NONBLOCK, and never waits long */
    unsigned in_watch, out_watch;
    bool reading;
    /* The other side is gone (end of file, EIO, EPIPE). Watches are off already. */
    void (*lost)(Chardev *);
    /* Looks at what was read before it is delivered and may shorten it (telnet). May be NULL. */
    size_t (*filter)(Chardev *, uint8_t *p, size_t n);
} FdPort;

void fd_port_init(FdPort *, Chardev *, int in, int out, void (*lost)(Chardev *));
void fd_port_close(FdPort *); /* watches off, descriptors closed */
size_t fd_port_write(FdPort *, const void *p, size_t n);
void fd_port_accept(FdPort *);
bool fd_port_wait(FdPort *, int ms);

/*
 * A descriptor of our own for one that we share with the shell: setting O_NONBLOCK on ours must not
 * reach its. The copy is non-blocking where that is possible without harm; *blocking says if not.
 */
int fd_reopen(int fd, int flags, bool *blocking);

#endif
