/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor may ask; main, locked; display NULL: the first */
#ifndef UI_VNC_H
#define UI_VNC_H

#include "core/vm.h"

typedef enum { VNC_KEEP, VNC_FAIL, VNC_DISCONNECT } VncConnected;

/* "" or never set: nobody gets in */
bool vnc_set_password(Vm *, const char *display, const char *password, VncConnected, GError **);

/* INT64_MAX: never */
bool vnc_expire_password(Vm *, const char *display, int64_t unix_s, GError **);

/* takes fd */
bool vnc_add_client(Vm *, int fd, bool skip_auth, GError **);
bool vnc_change(Vm *, const char *target, GError **);

#endif
