/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making and ending of back ends, for system/ and the monitor. Main, with the machine lock held.
 * A name is unique among back ends and among NICs: one of each may share it.
 */
#ifndef NET_NETDEV_H
#define NET_NETDEV_H

#include "net/net.h"

extern const NetDriver *const net_set_desc;
extern const PropSet net_set;

/* -netdev [type=]DRIVER,id=ID,... */
typedef struct NetdevArgs {
    char *id; /* NULL: "user.0" and so on */
    PICK_OF(NetDriver) driver;
} NetdevArgs;
extern const Prop NetdevArgs_rows[];

/* -net [type=]DRIVER,..., host_net_add: joined to a hub */
typedef struct NetLegacyArgs {
    char *id, *name; /* name: 0.12's id */
    int32_t vlan;
    PICK_OF(NetDriver) driver;
} NetLegacyArgs;
extern const Prop NetLegacyArgs_rows[];
NetPort *net_legacy_new(Vm *, const NetLegacyArgs *, GError **);

/* NULL and an error: a taken id, a bad option. Owned by the VM. */
NetPort *netdev_new(Vm *, const NetdevArgs *, GError **);
/* A back end, or a NIC's peer; the NIC sees its link go down. */
bool netdev_del(Vm *, const char *id, GError **);
void netdev_remove(NetPort *);
NetPort *netdev_find(Vm *, const char *name); /* NULL: no such */
NetPort *net_nic_find(Vm *, const char *name);
const GPtrArray *net_ports(Vm *); /* NetPort *, the oldest first */
bool net_is_nic(const NetPort *);
bool net_set_link(Vm *, const char *name, bool up, GError **);
bool net_mac_parse(const char *, uint8_t mac[6]);
/* "user,id=x": false and an error when 7.2 has such a driver and we do not */
bool net_driver_served(const char *text, GError **);
char *net_drivers_help(void);

/* A new port of hub `id`, "hub0port1"; nic_name: of the NIC that it is for, or NULL. */
NetPort *net_hub_port(Vm *, int id, const char *nic_name);
/* The same, joined to a back end that has no peer yet: goes with it. */
void net_hub_join(NetPort *, int id);
int net_hub_id(const NetPort *); /* the hub its cable ends in, or -1 */

/* "index=0,type=user,net=10.0.2.0,restrict=off" */
void net_info(NetPort *, GString *);
/* All of info network. */
void net_info_all(Vm *, GString *);

/* After the last device: warns of what has no peer. */
void net_check(Vm *);
/* At exit: every back end closed (tap's downscript, smbd). */
void net_close_all(Vm *);
void net_free(NetList *); /* vm->nets, once vm_free() has ended the NICs; NULL: nothing */

#endif
