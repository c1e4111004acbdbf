/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What core knows of a device beside its public header: all that it was given and must give back.
 */
#ifndef CORE_DEVICE_INT_H
#define CORE_DEVICE_INT_H

#include "core/vm-int.h"

/* Somebody who waits until a device has nothing in flight. */
typedef struct Waiter {
    void (*done)(void *o);
    void *o;
} Waiter;

typedef struct DeviceCore {
    GPtrArray *timers;  /* Timer * */
    GPtrArray *regions; /* Region *; their memory lives as long as the Device */
    GPtrArray *buses;   /* Bus *, in the order of bus_init */
    GPtrArray *parts;   /* Device *: device_part's, a reference each */
    GError *err;        /* a compat row or -global that did not fit: realize says it */
    bool part;          /* its parent's: goes with it, never alone */
    bool hot;           /* realized after the machine was complete */
    bool leaving;       /* device_del_finish was called */

    /* quiesce: those who wait, and how many drains are still out */
    GArray *waiting;
    unsigned draining;
    unsigned held; /* by how many groups (resets, ends) that wait for it or others */

    /* guest_error: since when of this second it counts */
    _Atomic unsigned errors, error_base;
    _Atomic int64_t error_second;
} DeviceCore;

typedef struct DeviceGlobal {
    char *type, *prop, *value;
} DeviceGlobal;

/* bus.c */
bool bus_for(Vm *, const BusType *, Device *, GError **); /* attached to the first one with room */
bool bus_attach(Bus *, Device *, GError **);
void bus_drop(Bus *, Device *);
void bus_free(Bus *);

/* parts.c: state parts by their rows */
typedef void PartFn(const StatePart *, void *part, void *o);
void parts_each(const StatePart *, void *base, PartFn *, void *o); /* each element of each part */
uint32_t part_count(const StatePart *, const void *base);
void part_zero(const Field *, void *part, size_t len);
void part_make_vars(const Field *, void *part);
void part_free_vars(const Field *, void *part);
/* type's, bus's (offsets in the Device) and own (offsets in each Bus it owns) */
void device_parts(Device *, bool bus_too, PartFn *, void *o);
void device_make_vars(Device *);
void device_free_vars(Device *);

/* firmware.c: no other device has its place in the boot order */
bool boot_index_check(const Device *, GError **);

/* reset.c */
void device_disarm(Device *);
void device_lines_low(Device *);
void device_quiesce(Device *, void (*done)(void *o), void *o);
void device_quiesce_tree(Device *, void (*done)(void *o), void *o);
void device_reset_tree(Device *);       /* at once: it and all below, bus parts too */
void device_settle(GPtrArray *devices); /* after reset or load: sync of all, timers armed */

/* region.c */
void region_free(Region *);

/* Every link of a P_LINK row that is set. */
void device_links(Device *, void (*fn)(Device *, const PropLink *, void *link, void *o), void *o);

#endif
