/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Main, locked, on both sides */
#ifndef CHARDEV_CHARDEV_H
#define CHARDEV_CHARDEV_H

#include <glib.h>

#include "core/prop.h"
#include "core/vm.h"

/* CLOSED comes after the last byte was taken, however late */
typedef enum { CHR_OPENED, CHR_CLOSED, CHR_BREAK, CHR_MUX_IN, CHR_MUX_OUT } CharEvent;

/* bytes taken; fewer: the rest is kept, nothing is read until char_accept() */
typedef struct CharFrontOps {
    size_t (*receive)(void *o, const uint8_t *p, size_t n);
    /* BREAK, MUX_* go to one front, the others to all */
    void (*writable)(void *o);
    void (*event)(void *o, CharEvent);
} CharFrontOps;

/* chr NULL: nobody there, char_write takes all */
struct CharFront {
    Chardev *chr;
    const CharFrontOps *ops;
    void *o;
};

/* one front a chardev, unless mux=on (4); OPENED follows inside if it is open */
bool char_attach(CharFront *, const CharFrontOps *, void *o, GError **);
void char_detach(CharFront *);

/* bytes taken; fewer than n: writable() follows. Never blocks; nobody there: takes all */
size_t char_write(CharFront *, const void *p, size_t n);

/* baud, modem lines, break; -ENOTSUP */
void char_accept(CharFront *);
int char_control(CharFront *, int what, void *arg);
typedef struct CharDriver {
    const char *name, *desc;
    size_t size;
    const Prop *props;
    bool (*open)(Chardev *, const void *args, GError **);
    void (*close)(Chardev *);
    size_t (*write)(Chardev *, const void *, size_t);
    void (*accept)(Chardev *);
    int (*control)(Chardev *, int, void *);
} CharDriver;
typedef CharDriver set_chardev_t;

/*
 * a driver's struct begins with it What a driver calls. accept(): all was taken, read again.
 * deliver false: stop reading until then (it keeps at most what was delivered). Not re-entered:
 * a front may char_accept() inside receive()
 */
struct Chardev {
    const CharDriver *type;
    Vm *vm;
    char *label, *filename;
    GPtrArray *fronts;
    GByteArray *kept;
    unsigned focus;
    bool open, mux, wait, closing, in;
};
bool char_deliver(Chardev *, const void *p, size_t n);
void char_event(Chardev *, CharEvent);
void char_writable(Chardev *);

/*
 * mux: MUX_OUT to the old, MUX_IN to the new, then what was kept. Output of every front always
 * goes out open() does not wait. wait=on: the phase RUN starts once every such chardev was
 * OPENED. A mux is a Chardev that is the front of its base: escape filter and timestamps only
 */
void char_focus(Chardev *, unsigned front);

/* any, async-signal-safe: stdio's tty as it was */
void char_term_restore(void);

#endif
