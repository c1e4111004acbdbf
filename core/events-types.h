/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What events carry: one struct and its rows each; core/events.def says who carries what. */
#ifndef CORE_EVENTS_TYPES_H
#define CORE_EVENTS_TYPES_H

#include "core/prop.h"

typedef enum {
    CAUSE_NONE,
    CAUSE_HOST_ERROR,
    CAUSE_HOST_QMP_QUIT,
    CAUSE_HOST_QMP_SYSTEM_RESET,
    CAUSE_HOST_SIGNAL,
    CAUSE_HOST_UI,
    CAUSE_GUEST_SHUTDOWN,
    CAUSE_GUEST_RESET,
    CAUSE_GUEST_PANIC,
    CAUSE_SUBSYSTEM_RESET,
    CAUSE_SNAPSHOT_LOAD
} ShutdownCause;
extern const char *const shutdown_cause_names[];

typedef struct EventCause {
    bool guest;
    uint8_t reason; /* ShutdownCause */
} EventCause;
typedef struct EventWatchdog {
    uint8_t action; /* WatchdogAction */
} EventWatchdog;
typedef struct EventPanic {
    uint8_t action; /* PanicEventAction */
} EventPanic;
typedef enum { PANICKED_PAUSE, PANICKED_POWEROFF, PANICKED_RUN } PanicEventAction;
typedef struct EventDevice {
    char *device, *path; /* device NULL: it had no id */
} EventDevice;
typedef struct EventRtc {
    int64_t offset; /* s */
    char *path;
} EventRtc;
typedef enum { IO_OPERATION_READ, IO_OPERATION_WRITE } IoOperation;
typedef enum { IO_ACTION_IGNORE, IO_ACTION_REPORT, IO_ACTION_STOP } IoAction;
typedef struct EventIoError {
    char *device, *node_name, *reason;
    uint8_t operation, action;
    Tri nospace;
} EventIoError;
typedef struct EventBalloon {
    int64_t actual; /* bytes */
} EventBalloon;
typedef struct EventVserport {
    char *id;
    bool open;
} EventVserport;
typedef struct EventTray {
    char *device, *id;
    bool tray_open;
} EventTray;

typedef struct EventVncPeer {
    char *host, *service;
    uint8_t family; /* ipv4 ipv6 unix vsock unknown */
    bool websocket;
    char *x509_dname, *sasl_username; /* clients */
    char *auth;                       /* the server */
} EventVncPeer;
typedef struct EventVncConnected {
    EventVncPeer server, client;
} EventVncConnected;
typedef struct EventVnc {
    EventVncPeer server, client;
} EventVnc;

extern const Prop EventCause_rows[], EventWatchdog_rows[], EventPanic_rows[], EventDevice_rows[],
    EventRtc_rows[], EventIoError_rows[], EventTray_rows[], EventVncConnected_rows[],
    EventVnc_rows[], EventBalloon_rows[], EventVserport_rows[];

#endif
