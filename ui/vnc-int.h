/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the VNC server. Two threads serve all displays:
 *
 *   viewer <-- TCP, unix --> vnc-io: accept, version, security, framing, input, output queues
 *                              | socketpair: only whole messages go in, everything comes out
 *                            vnc-enc: copies dirty blocks from the surface, libvncserver encodes
 *
 * The library never sees a socket of the world, a password, a key or half a message: it would block
 * everybody. Locks: VncServer.lock is a leaf, over the lists and everything marked L; fields marked
 * IO or ENC belong to that thread.
 */
#ifndef UI_VNC_INT_H
#define UI_VNC_INT_H

#include <stdatomic.h>

#include "ui/keymap.h"
#include "ui/vnc.h"

enum {
    VNC_MAX_WAITING = 64,      /* viewers before ClientInit */
    VNC_HANDSHAKE_S = 10,      /* seconds to get there */
    VNC_QUEUE_HOLD = 64 << 10, /* queued for a viewer: no new update */
    VNC_QUEUE_STOP = 1 << 20,  /* queued: its messages are not read either */
    VNC_CUT_MAX = 1 << 20,
    VNC_ENCODINGS_MAX = 512,
    VNC_EVENTS_PER_S = 2000,
    VNC_PAIR_FD_MAX = 1000, /* the library uses FD_SET */
};

typedef struct VncDisplay VncDisplay;
typedef struct VncServer VncServer;
typedef struct VncEnc VncEnc;

typedef enum {
    VNC_VERSION,
    VNC_SECURITY,
    VNC_RESPONSE,
    VNC_INIT,
    VNC_WAIT_LIVE, /* the picture's size is not known yet */
    VNC_RELAY,
    VNC_FAILING, /* send what is queued, then close */
} VncState;

typedef struct VncClient {
    gatomicrefcount ref; /* the list's (IO) and the encoder's */
    VncDisplay *display;
    int fd, pair; /* IO; pair: our end, -1 before VNC_WAIT_LIVE ends */
    VncState state;
    VncPeer peer;
    bool skip_auth, shared, input_blocked, scancodes;
    unsigned minor; /* RFB 3.minor */
    unsigned skip;  /* bytes of the library's own handshake to drop */
    uint8_t challenge[16];
    int64_t deadline;     /* us, monotonic: ClientInit must be there */
    GByteArray *in, *out; /* from and to the viewer */
    size_t out_at;
    atomic_size_t queued; /* out->len - out_at, for vnc-enc */
    atomic_bool ack_scancodes;
    InputSource *source;
    KeyMapState keys;
    unsigned buttons;
    int x, y;
    int64_t second; /* rate limit: events since this second began */
    unsigned events;
} VncClient;

struct VncDisplay {
    VncServer *server;
    char *id;
    VncArgs args;       /* a copy of what matters: no strings */
    GArray *listen_fds; /* int */
    VncPeer *listen;    /* as bound */
    unsigned n_listen;
    char *unix_path; /* to unlink at the end */
    View *view;
    KeyMap *map;
    /* L */
    char password[9];
    bool password_set;
    int64_t expires;    /* unix seconds */
    GPtrArray *clients; /* VncClient *, IO changes it under the lock */
    /* how large the picture is for viewers; ENC sets, IO reads */
    atomic_int width, height;
    atomic_uint console;
    VncEnc *enc;      /* ENC */
    unsigned viewers; /* IO: in VNC_RELAY or waiting for it */
};

struct VncServer {
    Vm *vm;
    GMutex lock;
    GPtrArray *displays; /* VncDisplay *, L */
    GThread *io, *enc;
    int io_wake, enc_wake; /* eventfds */
    atomic_bool stop;
    /* L: socket ends for vnc-enc to adopt, VncAdopt * */
    GQueue adopt;
};

typedef struct VncAdopt {
    VncClient *client;
    VncDisplay *display;
    int fd; /* the library's end */
} VncAdopt;

void vnc_wake(int eventfd);

/* vnc-io.c */
gpointer vnc_io_thread(gpointer server);
void vnc_client_add(VncDisplay *, int fd, bool skip_auth); /* any; takes fd */
void vnc_client_unref(VncClient *);
/* vnc-listen.c: fds are non-blocking and close-on-exec */
bool vnc_listen(VncDisplay *, const char *target, GError **);
int vnc_accept(int listen_fd);
void vnc_peer_of(int fd, bool own_side, VncPeer *out);
void vnc_peer_clear(VncPeer *);
/* vnc-input.c: one whole key or pointer message; false: not now, keep it */
bool vnc_input_key(VncClient *, bool down, uint32_t sym, unsigned xt);
bool vnc_input_pointer(VncClient *, unsigned buttons, int x, int y);
/* vnc-auth.c */
void vnc_challenge(uint8_t challenge[16]);
bool vnc_response_ok(const uint8_t challenge[16], const uint8_t response[16], const char *password);
/* vnc-enc.c, the only file that knows libvncserver */
gpointer vnc_enc_thread(gpointer server);

#endif
