/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the user network's files (net/user*.c): libslirp 4.7 behind one port. */
#ifndef NET_USER_INT_H
#define NET_USER_INT_H

#include <slirp/libslirp.h>

#include "net/net-int.h"
#include "net/user.h"

typedef struct UserSource UserSource;
typedef struct UserFrags UserFrags;

/* The configuration and the texts it points to. */
typedef struct UserConf {
    SlirpConfig c;
    struct in_addr smb_server;
    GPtrArray *search; /* char *, NULL-ended */
    char *tftp;
} UserConf;

typedef struct User {
    NetPort port;
    Slirp *slirp;
    struct in_addr net, dhcp, smb_server;
    bool restricted;
    guint log;     /* GLib's handler of what slirp says */
    uint64_t said; /* times that it did */
    /* user-loop.c */
    UserSource *source;
    GQueue *out; /* GBytes *: frames of slirp's that the peer has no room for */
    size_t out_bytes;
    unsigned room; /* for new sockets of the host's, until slirp is asked again */
    /* user-fwd.c */
    GPtrArray *fwds; /* GuestFwd * */
    char *smb_dir;
    UserFrags *frags; /* user-frag.c's; NULL: none came yet */
    uint8_t frame[NET_MAX_FRAME];
} User;

/* user-conf.c: false: what the user wrote makes no network */
bool user_conf(const UserArgs *, UserConf *, struct in_addr *net, GError **);
void user_conf_clear(UserConf *);
bool user_address(const char *what, const char *text, struct in_addr *, GError **);

/* user-loop.c: libslirp in our main loop */
extern const SlirpCb user_callbacks;
void user_loop_init(User *);
void user_loop_fini(User *);
void user_loop_wake(User *); /* any thread, locked: look again at what slirp waits for */
void user_flush(User *);     /* the peer has room */
bool user_full(const User *);

/* user-frag.c: the frame of len bytes in u->frame, or what it has completed; 0: nothing yet */
size_t user_whole(User *, size_t len);

/* user-filter.c: false: the frame is not for libslirp. May change it; one that may open a socket
 * takes of *room */
bool user_filter(uint8_t *frame, size_t len, unsigned *room);

/* user-fwd.c */
bool user_hostfwd(User *, const char *rule, uint16_t *asked, uint16_t *port, GError **);
bool user_guestfwd(User *, const char *rule, GError **);
bool user_smb(User *, const char *dir, GError **);
void user_fwd_fini(User *);
bool user_fwd_full(const User *); /* a guestfwd's chardev does not keep up */
void user_fwd_accept(User *);     /* slirp may have room for what chardevs hold */

#endif
