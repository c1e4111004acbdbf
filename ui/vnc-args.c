/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of -vnc, built with or without the server. */
#include "ui/vnc.h"

static const char *const share_names[] = {
    [VNC_SHARE_ALLOW_EXCLUSIVE] = "allow-exclusive",
    [VNC_SHARE_FORCE_SHARED] = "force-shared",
    [VNC_SHARE_IGNORE] = "ignore",
    NULL,
};

/* clang-format off */
const Prop VncArgs_rows[] = {
    PROP_STR  (VncArgs, vnc,             "vnc",             NULL,  "host:N, unix:PATH or none"),
    PROP_STR  (VncArgs, id,              "id",              NULL,  "name of the display"),
    PROP_INT  (VncArgs, to,              "to",              0,     "last display number to try"),
    PROP_BOOL (VncArgs, password,        "password",        false, "ask for the password that the monitor sets"),
    PROP_ENUM (VncArgs, share,           "share",           VNC_SHARE_ALLOW_EXCLUSIVE, share_names, "who may look at once"),
    PROP_INT  (VncArgs, connections,     "connections",     32,    "most viewers at once"),
    PROP_BOOL (VncArgs, lossy,           "lossy",           false, "allow JPEG"),
    PROP_BOOL (VncArgs, non_adaptive,    "non-adaptive",    false, "do not adapt encodings"),
    PROP_BOOL (VncArgs, ipv4,            "ipv4",            AUTO,  "listen on IPv4"),
    PROP_BOOL (VncArgs, ipv6,            "ipv6",            AUTO,  "listen on IPv6"),
    PROP_INT  (VncArgs, key_delay_ms,    "key-delay-ms",    10,    "milliseconds between key events"),
    PROP_BOOL (VncArgs, lock_key_sync,   "lock-key-sync",   true,  "keep lock keys in step"),
    PROP_STR  (VncArgs, websocket,       "websocket",       NULL,  "WebSocket port; on: 5700 + N", PROP_ALONE),
    PROP_BOOL (VncArgs, reverse,         "reverse",         false, "connect to a listening viewer"),
    PROP_STR  (VncArgs, password_secret, "password-secret", NULL,  "secret object with the password"),
    PROP_STR  (VncArgs, tls_creds,       "tls-creds",       NULL,  "TLS credentials object"),
    PROP_STR  (VncArgs, tls_authz,       "tls-authz",       NULL,  "TLS authorisation object"),
    PROP_BOOL (VncArgs, sasl,            "sasl",            false, "SASL authentication"),
    PROP_STR  (VncArgs, sasl_authz,      "sasl-authz",      NULL,  "SASL authorisation object"),
    PROP_BOOL (VncArgs, tls,             "tls",             false, "0.12: encryption", PROP_HIDDEN),
    PROP_STR  (VncArgs, x509,            "x509",            NULL,  "0.12: directory with certificates", PROP_HIDDEN),
    PROP_STR  (VncArgs, x509verify,      "x509verify",      NULL,  "0.12: the same, and viewers need one", PROP_HIDDEN),
    PROP_BOOL (VncArgs, acl,             "acl",             false, "0.12: access lists", PROP_HIDDEN),
    PROP_STR  (VncArgs, audiodev,        "audiodev",        NULL,  "audio to send"),
    PROP_STR  (VncArgs, display,         "display",         NULL,  "device whose screen is shown"),
    PROP_INT  (VncArgs, head,            "head",            0,     "head of that device"),
    PROP_BOOL (VncArgs, power_control,   "power-control",   false, "viewers may reset and power down"),
    PROP_END  (VncArgs)
};
/* clang-format on */
