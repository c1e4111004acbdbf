/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core asks of the things that PROP_LINK rows point to. The layers above register one
 * LinkClass a kind (REGISTER(link, ...)): core itself knows no chardev, no drive, no netdev.
 */
#ifndef CORE_LINK_H
#define CORE_LINK_H

#include <glib.h>

#include "core/prop.h"
#include "core/set.h"
#include "core/types.h"

typedef struct LinkClass {
    const char *name; /* "chardev", "drive", "netdev": for messages */
    LinkKind kind;
    /* locked; the thing called name, with a reference for the row; NULL: err says what there is */
    void *(*find)(Vm *, const char *name, GError **err);
    void (*drop)(void *link);            /* the row's reference goes */
    const char *(*id)(const void *link); /* as the user named it */
    /* locked; the device failed to realize or is unrealized: forget its claim. May be NULL. */
    void (*release)(void *link, Device *);
    /* locked; done(o) on main when nothing of it is in flight; inside the call if so already.
     * May be NULL: nothing is ever in flight. */
    void (*drain)(void *link, void (*done)(void *o), void *o);
} LinkClass;
typedef LinkClass set_link_t;

const LinkClass *link_class(LinkKind); /* NULL: nobody registered (LINK_DEVICE is the core's) */

#endif
