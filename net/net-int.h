/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of net/ share. Main or a vCPU, with the machine lock held. */
#ifndef NET_NET_INT_H
#define NET_NET_INT_H

#include "net/netdev.h"

/* A frame that the peer does not take as it is, on its way in pieces it takes (offload.c). */
typedef struct NetCut NetCut;

/* Sees what goes over a port's cable; sent: the port's own. gone: the port ends. */
typedef struct NetWatch {
    void (*frame)(void *o, bool sent, const struct iovec *, int n);
    void (*gone)(void *o);
    void (*info)(void *o, GString *); /* its line of info network */
    void *o;
} NetWatch;

typedef struct NetPortInt {
    bool waiting;    /* the last net_send() was answered 0: a resume() is owed */
    bool resume_due; /* and net_run() is to call it */
    bool nested;     /* it was the core that said 0: our peer was in a net_send() of its own */
    bool down;       /* set_link off, or its peer was deleted */
    bool closed;     /* taken off the list; the memory waits for the last reference */
    bool automatic;  /* a hub's port that was made for its peer and goes with it */
    unsigned sending;
    unsigned refs; /* properties that name it and are not realized yet */
    unsigned takes;
    NetCut *cut; /* kept between frames */
    bool cutting;
    GPtrArray *watches; /* NetWatch *; NULL: nobody looks */
    /* a NIC's */
    Device *dev;
    char *info;
    uint8_t mac[6];
    char *nic_name; /* a hub port's: what -net nic,name= calls the NIC that it is for */
} NetPortInt;

/* vm->nets */
struct NetList {
    Vm *vm;
    GPtrArray *ports; /* NetPort *, the oldest first */
    bool scheduled;
};

NetList *net_list(Vm *);
void net_port_add(NetPort *, Vm *, char *take_name, const NetOps *, void *o);
void net_port_remove(NetPort *); /* off the list, its peer told; freed with its last reference */
void net_port_unref(NetPort *);
void net_connect(NetPort *, NetPort *);
void net_disconnect(NetPort *);
void net_unplugged(NetPort *);                /* a NIC whose peer was deleted: its link is down */
char *net_auto_name(Vm *, const char *model); /* "user.0" */
void net_wake(NetPort *);                     /* its resume() soon, on main */

/* To the peer as it is: the last step of net_send(). */
ssize_t net_deliver(NetPort *, const struct iovec *, int n, size_t len, const NetMeta *);

void net_watch_add(NetPort *, NetWatch *);
void net_watch_remove(NetPort *, NetWatch *);

/* offload.c: cuts and sums. net_cut_next() goes on with what is left; false: the peer is full. */
ssize_t net_cut(NetPort *, const struct iovec *, int n, size_t len, const NetMeta *);
bool net_cut_next(NetPort *);
void net_cut_free(NetCut *);

/* netdev.c: a back end of that type; takes the name, whose uniqueness is the caller's affair */
NetPort *netdev_open(Vm *, const NetDriver *, char *take_name, const void *args, GError **);

/* dump.c: its file's name follows from the hub's number */
void net_dump_default(void *args, int hub);

/* hub.c */
int net_hub_of(const NetPort *); /* the number of the hub it is a port of; -1: it is none */

#endif
