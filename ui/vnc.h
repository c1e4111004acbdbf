/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VNC server as options and monitor see it. Main, locked. A display is named by its id; NULL:
 * the first, "default". Source: RFC 6143; the community RFB specification for what it leaves out.
 */
#ifndef UI_VNC_H
#define UI_VNC_H

#include <glib.h>

#include "config.h"
#include "core/prop.h"
#include "core/vm.h"

typedef enum { VNC_SHARE_ALLOW_EXCLUSIVE, VNC_SHARE_FORCE_SHARED, VNC_SHARE_IGNORE } VncShare;

/* -vnc and -display vnc=; the implied key is "vnc": host:N, unix:PATH or none */
typedef struct VncArgs {
    char *id, *vnc, *websocket, *password_secret, *tls_creds, *tls_authz, *sasl_authz, *x509,
        *x509verify, *audiodev, *display;
    uint32_t to, connections, head, key_delay_ms;
    int8_t share, ipv4, ipv6;
    bool password, reverse, lossy, non_adaptive, sasl, tls, acl, lock_key_sync, power_control;
} VncArgs;
extern const Prop VncArgs_rows[];

typedef enum { VNC_KEEP, VNC_FAIL, VNC_DISCONNECT } VncConnected;

/* What `info vnc` and query-vnc-servers print. Strings are owned; free the array. */
typedef struct VncPeer {
    char *host, *service;
    const char *family; /* "ipv4", "ipv6", "unix" */
    bool websocket;
} VncPeer;
typedef struct VncServerInfo {
    char *id;
    const char *auth; /* "none", "vnc" */
    VncPeer *listen, *client;
    unsigned n_listen, n_client;
} VncServerInfo;

#ifdef CONFIG_VNC

bool vnc_open(Vm *, const VncArgs *, GError **);
/* Nobody asked for a display: localhost:0,to=99, and the line the tutorial shows on stdout. */
bool vnc_open_default(Vm *, GError **);
void vnc_close_all(Vm *); /* joins the threads; the lock may be held */

/* "" or never set: nobody gets in */
bool vnc_set_password(Vm *, const char *display, const char *password, VncConnected, GError **);

/* INT64_MAX: never */
bool vnc_expire_password(Vm *, const char *display, int64_t unix_s, GError **);

GPtrArray *vnc_info(Vm *); /* VncServerInfo *, may be empty; frees its elements */

#else

static inline bool vnc_missing(GError **err)
{
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOSYS,
                "this qemu-kvm was built without VNC (needs libvncserver-dev and nettle-dev)");
    return false;
}
static inline bool vnc_open(Vm *vm, const VncArgs *args, GError **err)
{
    return vnc_missing(err);
}
static inline bool vnc_open_default(Vm *vm, GError **err)
{
    return vnc_missing(err);
}
static inline void vnc_close_all(Vm *vm) {}
static inline bool vnc_set_password(Vm *vm, const char *display, const char *password,
                                    VncConnected connected, GError **err)
{
    return vnc_missing(err);
}
static inline bool vnc_expire_password(Vm *vm, const char *display, int64_t unix_s, GError **err)
{
    return vnc_missing(err);
}
static inline GPtrArray *vnc_info(Vm *vm)
{
    return g_ptr_array_new();
}

#endif

#endif
