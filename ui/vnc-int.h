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

#include "ui/hotkey.h"
#include "ui/keymap.h"
#include "ui/vnc-ws.h"
#include "ui/vnc.h"
#include "util/bytes.h"

enum {
    VNC_MAX_WAITING = 64,      /* viewers before ClientInit */
    VNC_HANDSHAKE_S = 10,      /* seconds to get there */
    VNC_QUEUE_HOLD = 64 << 10, /* queued for a viewer: no new update */
    VNC_QUEUE_STOP = 1 << 20,  /* queued beyond a picture: its messages are not read either */
    VNC_CUT_MAX = 1 << 20,
    VNC_ENCODINGS_MAX = 512,
    VNC_EVENTS_PER_S = 2000,
    VNC_PAIR_FD_MAX = 1000, /* the library uses FD_SET */
    VNC_REST_MS = 100,      /* no descriptor, no memory: no new viewers for so long */
    VNC_RECONNECT_S = 10,   /* a listening viewer (reverse=on) must answer by then */
};

/* what vnc-enc is to tell a viewer between two updates, each by a pseudo-rectangle */
enum {
    VNC_TELL_SCANCODES = 1, /* -258: extended key events are understood */
    VNC_TELL_POINTER = 2,   /* -257: absolute or relative from now on */
    VNC_TELL_LEDS = 4,      /* -261 */
    VNC_TELL_LAYOUT = 8,    /* -308, unasked */
    VNC_TELL_RESIZE = 16,   /* -308, the answer to SetDesktopSize */
    VNC_TELL_POWER = 32,    /* the xvp message: power control is there */
    VNC_TELL_NO_POWER = 64, /* the xvp message: that was not done */
    VNC_TELL_BELL = 256,
    VNC_TELL_CURSOR = 128, /* -314 */
};

typedef struct VncDisplay VncDisplay;
typedef struct VncServer VncServer;
typedef struct VncEnc VncEnc;

typedef enum {
    VNC_UPGRADE, /* a WebSocket, not yet asked for */
    VNC_VERSION,
    VNC_SECURITY,
    VNC_RESPONSE,
    VNC_INIT,
    VNC_WAIT_LIVE, /* the picture's size is not known yet */
    VNC_RELAY,
    VNC_FAILING, /* send what is queued, then close */
} VncState;

typedef struct VncClient {
    gatomicrefcount ref; /* the list's (IO), the encoder's, one a call queued to main */
    VncDisplay *display;
    int fd, pair; /* IO; pair: our end, -1 before VNC_WAIT_LIVE ends */
    VncState state;
    VncPeer peer;
    bool shared, input_blocked, hung_up, xvp;
    bool scancodes, pointer_type, leds, layout, alpha_cursor; /* encodings it announced */
    unsigned minor;                                           /* RFB 3.minor */
    unsigned skip; /* bytes of the library's own handshake to drop */
    uint8_t challenge[16];
    int64_t deadline;     /* us, monotonic: ClientInit must be there */
    Ws *ws;               /* NULL: a plain socket */
    GByteArray *in, *out; /* from the viewer, unwrapped; to it, wrapped */
    size_t out_at;
    atomic_size_t queued;  /* out->len - out_at, for vnc-enc */
    atomic_uint tell;      /* VNC_TELL_* */
    atomic_bool relative;  /* ENC said so: positions are steps around 7FFFh */
    atomic_bool resizing;  /* main has not answered SetDesktopSize yet */
    atomic_bool switching; /* nor Ctrl-Alt-N: what is typed then is for the new console */
    atomic_uint resize_status;
    atomic_bool gone; /* calls queued to main do nothing any more */
    InputSource *source;
    KeyMapState keys;
    HotKeys hot;
    unsigned buttons;
    int x, y;
    int64_t second; /* rate limit: events since this second began */
    unsigned events;
} VncClient;

struct VncDisplay {
    VncServer *server;
    char *id;
    VncArgs args;       /* a copy of what matters: no strings */
    GArray *listen_fds; /* VncListen */
    VncPeer *listen;    /* as bound */
    unsigned n_listen;
    GPtrArray *unix_paths; /* to unlink at the end */
    View *view;
    KeyMap *map;
    /* L */
    char password[9];
    bool password_set;
    int64_t expires;     /* unix seconds */
    GPtrArray *clients;  /* VncClient *, IO changes it under the lock */
    atomic_uint console; /* where keys go; main sets, IO reads */
    /* what the picture is for viewers; ENC sets, IO reads */
    atomic_int width, height;
    atomic_uint leds_now;
    atomic_bool absolute;
    VncEnc *enc;      /* ENC */
    unsigned viewers; /* IO: in VNC_RELAY or waiting for it */
};

typedef struct VncListen {
    int fd;
    bool websocket;
} VncListen;

struct VncServer {
    Vm *vm;
    GMutex lock;
    GPtrArray *displays; /* VncDisplay *, L */
    GThread *io, *enc;
    int io_wake, enc_wake; /* eventfds */
    int64_t accept_after;  /* IO: us, monotonic */
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
void vnc_client_add(VncDisplay *, int fd, bool websocket); /* any; takes fd */
void vnc_client_unref(VncClient *);
void vnc_client_fail(VncClient *); /* what is queued is sent, then it is closed */
void vnc_client_put(VncClient *, const void *p, size_t n); /* IO: behind what is queued for it */
void vnc_client_event(VncClient *, char what); /* c: connected, i: initialized, d: disconnected */
/* vnc-login.c: one step of the handshake; -> bytes used, 0: wait for more */
size_t vnc_login(VncClient *);
bool vnc_relay_start(VncClient *); /* the picture's size is known */
/* vnc-msg.c: one message of a running viewer; -> bytes used, 0: wait for more, or not now */
size_t vnc_message(VncClient *);
/* vnc-listen.c: fds are non-blocking and close-on-exec */
bool vnc_listen(VncDisplay *, const char *target, GError **);
bool vnc_listen_websocket(VncDisplay *, const char *where, const char *target, GError **);
/* to a viewer that listens; -1: no */
int vnc_connect(const VncDisplay *, const char *target, GError **);
int vnc_accept(int listen_fd);
void vnc_peer_of(int fd, bool own_side, VncPeer *out);
void vnc_peer_clear(VncPeer *);
/* vnc-input.c: one whole key or pointer message; false: not now, keep it */
bool vnc_input_key(VncClient *, bool down, uint32_t sym, unsigned xt);
bool vnc_input_pointer(VncClient *, unsigned buttons, int x, int y);
/* vnc-main.c: what a viewer asks of the machine, from vnc-io to main */
void vnc_ask_console(VncClient *, unsigned number);
void vnc_ask_resize(VncClient *, unsigned w, unsigned h);
bool vnc_ask_power(VncClient *, unsigned code); /* false: no such action */
/* vnc-auth.c */
void vnc_challenge(uint8_t challenge[16]);
bool vnc_response_ok(const uint8_t challenge[16], const uint8_t response[16], const char *password);
/* vnc-enc.c, the only file that knows libvncserver */
gpointer vnc_enc_thread(gpointer server);

#endif
