/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passwords and keys that a user hands over by name: -object secret,id=ID,data=...|file=... */
#ifndef CORE_SECRET_H
#define CORE_SECRET_H

#include "core/object.h"

/* The secret's text; whoever gets it wipes and frees it. NULL: no such, or not text. */
char *secret_text(Vm *, const char *id, GError **);

#endif
