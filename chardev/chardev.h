/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character back ends. A chardev moves bytes between the host (a terminal, a socket, a file) and
 * one front: a serial port, a monitor, a test protocol. Both directions may be slow: whoever
 * cannot take all says how much it took, and tells the other side when it can take more.
 *
 * Everything here runs on main with the machine lock held, on both sides.
 */
#ifndef CHARDEV_CHARDEV_H
#define CHARDEV_CHARDEV_H

#include <glib.h>
#include <termios.h>

#include "core/prop.h"
#include "core/set.h"
#include "core/vm.h"

/* CLOSED comes after the last byte was taken, however late. */
typedef enum { CHR_OPENED, CHR_CLOSED, CHR_BREAK, CHR_MUX_IN, CHR_MUX_OUT } CharEvent;

/* What char_control() can ask for; arg in brackets. A back end that has no such thing: -ENOTSUP. */
typedef enum {
    CHR_SET_LINE,  /* const CharLine * */
    CHR_SET_BREAK, /* int *: on or off */
    CHR_GET_MODEM, /* int *: CHR_MODEM_ bits */
    CHR_SET_MODEM  /* int *: CHR_MODEM_DTR and CHR_MODEM_RTS */
} CharControl;
enum {
    CHR_MODEM_CTS = 0x20,
    CHR_MODEM_DSR = 0x100,
    CHR_MODEM_RI = 0x80,
    CHR_MODEM_CAR = 0x40,
    CHR_MODEM_DTR = 2,
    CHR_MODEM_RTS = 4
};
typedef struct CharLine {
    unsigned baud, data, stop;
    char parity; /* 'N' 'E' 'O' */
} CharLine;

typedef struct CharFrontOps {
    /* Returns the bytes taken. Fewer than n: the rest is kept and nothing more is read until
     * char_accept(). NULL: the front is write-only, input is thrown away. */
    size_t (*receive)(void *o, const uint8_t *p, size_t n);
    /* char_write() took less than it was given; now it can take more. May be NULL. */
    void (*writable)(void *o);
    /* BREAK and MUX_* go to the front in focus, the others to all. May be NULL. */
    void (*event)(void *o, CharEvent);
    /* Does not take the focus of a mux from another front by attaching (a monitor). */
    bool background;
} CharFrontOps;

/* A device's or a monitor's end. chr NULL: nobody there, char_write takes all. */
struct CharFront {
    Chardev *chr;
    const CharFrontOps *ops;
    void *o;
    GByteArray *waiting; /* chardev.c's: input for a mux's front that is not in focus */
};

/*
 * The caller has set chr. A chardev serves one front, a mux four; attaching a second one is an
 * error that says to use mux=on. OPENED follows inside the call if the chardev is open.
 */
bool char_attach(CharFront *, const CharFrontOps *, void *o, GError **);
void char_detach(CharFront *);

/*
 * Returns the bytes taken; fewer than n: writable() follows. Never blocks. Where nobody listens
 * (no chardev, a socket without its peer) everything is taken and lost.
 */
size_t char_write(CharFront *, const void *p, size_t n);

/* The front can take more: what was kept comes now, inside the call unless within receive(). */
void char_accept(CharFront *);

/* Input comes here: always but for a mux that is switched to another front. */
bool char_has_focus(const CharFront *);
int char_control(CharFront *, CharControl what, void *arg);

/* Waits until the back end takes bytes again or ms passed: only for the last words before exit. */
bool char_wait_writable(CharFront *, int ms);

/* ---- what system/ and the monitor call ---- */

typedef struct CharDriver CharDriver;
typedef CharDriver set_chardev_t;
extern const CharDriver *const chardev_set_desc;
extern const PropSet chardev_set;

/* -chardev [backend=]DRIVER,id=ID[,mux=on],...: implied key "backend" */
typedef struct ChardevArgs {
    char *id;
    bool mux, by_qmp; /* by_qmp: from chardev-add, where some defaults differ */
    PICK_OF(CharDriver) backend;
} ChardevArgs;
extern const Prop ChardevArgs_rows[];

/* NULL and an error: a taken id, a bad option, a file that cannot be opened. Owned by the VM. */
Chardev *chardev_new(Vm *, const ChardevArgs *, GError **);

/*
 * The text of -serial, -monitor, -qmp, -parallel ...: "pty", "file:F", "tcp:host:port,server",
 * "chardev:ID" and so on. "mon:TEXT" makes a mux; the caller opens the monitor on it
 * (chardev_legacy_monitor() says so). "none" is the caller's: it makes no device at all.
 */
Chardev *chardev_new_legacy(Vm *, const char *label, const char *text, GError **);
bool chardev_legacy_monitor(const char *text);

Chardev *chardev_find(Vm *, const char *label); /* NULL: no such */
const GPtrArray *chardev_all(Vm *);             /* Chardev *, the oldest first */
bool chardev_remove(Vm *, const char *label, GError **);

/*
 * For property rows that link to a chardev: a front of it, not attached yet. NULL and an error:
 * no such chardev. Freeing detaches.
 */
CharFront *char_front_new(Vm *, const char *label, GError **);
void char_front_free(CharFront *);

/*
 * A server socket with wait=on holds up the machine's start: system/ runs the main loop until
 * this is NULL. Says once on stderr whom it waits for.
 */
Chardev *chardev_waiting(Vm *);

/* -echr: the key after which a mux listens for a command; default 1, C-a. Before chardev_new. */
void chardev_set_escape(Vm *, uint8_t key);

/* At exit: every chardev closed, sockets unlinked, the terminal as it was. */
void chardev_close_all(Vm *);

/* A display on the terminal: stdio is taken, by a chardev or by it; before: what to go back to. */
bool char_term_in_use(void);
void char_term_claim(const struct termios *before);

/* Any thread, async-signal-safe: stdio's terminal as it was before us. */
void char_term_restore(void);

/* ---- what a driver is ---- */

struct CharDriver {
    const char *name, *desc;
    size_t size; /* of the struct that begins with Chardev */
    const Prop *props;
    bool (*open)(Chardev *, const void *args, GError **); /* never waits for a peer */
    void (*close)(Chardev *);
    size_t (*write)(Chardev *, const void *, size_t);
    void (*accept)(Chardev *); /* all that was delivered is taken: read again */
    int (*control)(Chardev *, CharControl, void *);
    bool (*wait_writable)(Chardev *, int ms); /* NULL: always writable */
};
/* A driver's struct begins with it. Drivers set filename, call the three functions below. */
struct Chardev {
    const CharDriver *type;
    Vm *vm;
    char *label, *filename; /* filename: as info chardev shows it */
    GPtrArray *fronts;      /* CharFront *, borrowed */
    GByteArray *kept;       /* delivered and not taken yet; a mux: by the front in focus */
    unsigned focus;
    bool open, mux, wait, closing, in, again, told, by_qmp;
    int log_fd; /* logfile=: a copy of all output; -1: none */
};

/* false: stop reading until accept(). The chardev keeps what was delivered, all of it. */
bool char_deliver(Chardev *, const void *p, size_t n);
void char_event(Chardev *, CharEvent);
void char_writable(Chardev *);

/* The rows every driver begins with: logfile=, logappend=. The first member of its args. */
typedef struct CharCommon {
    char *logfile;
    bool logappend;
} CharCommon;
extern const Prop CharCommon_rows[];
bool char_open_log(Chardev *, const CharCommon *, GError **);

/*
 * A mux: MUX_OUT to the old front, MUX_IN to the new one, then what was kept for it. Output of
 * every front always goes out.
 */
void char_focus(Chardev *, unsigned front);

#endif
