/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the structs that events carry; names and order as QMP of 7.2 has them. */
#include "core/events-types.h"

/* clang-format off */
const char *const shutdown_cause_names[] = {
    [CAUSE_NONE] = "none", [CAUSE_HOST_ERROR] = "host-error",
    [CAUSE_HOST_QMP_QUIT] = "host-qmp-quit",
    [CAUSE_HOST_QMP_SYSTEM_RESET] = "host-qmp-system-reset",
    [CAUSE_HOST_SIGNAL] = "host-signal", [CAUSE_HOST_UI] = "host-ui",
    [CAUSE_GUEST_SHUTDOWN] = "guest-shutdown", [CAUSE_GUEST_RESET] = "guest-reset",
    [CAUSE_GUEST_PANIC] = "guest-panic", [CAUSE_SUBSYSTEM_RESET] = "subsystem-reset",
    [CAUSE_SNAPSHOT_LOAD] = "snapshot-load", NULL
};
static const char *const watchdog_names[] = {
    "reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi", NULL
};
static const char *const panic_names[] = { "pause", "poweroff", "run", NULL };
static const char *const operation_names[] = { "read", "write", NULL };
static const char *const action_names[] = { "ignore", "report", "stop", NULL };
static const char *const family_names[] = { "ipv4", "ipv6", "unix", "vsock", "unknown", NULL };

const Prop EventCause_rows[] = {
    NEED_BOOL(EventCause, guest, "guest", "the guest asked for it"),
    NEED_ENUM(EventCause, reason, "reason", shutdown_cause_names, "why"),
    PROP_END(EventCause)
};
const Prop EventWatchdog_rows[] = {
    NEED_ENUM(EventWatchdog, action, "action", watchdog_names, "what follows"),
    PROP_END(EventWatchdog)
};
const Prop EventPanic_rows[] = {
    NEED_ENUM(EventPanic, action, "action", panic_names, "what follows"),
    PROP_END(EventPanic)
};
const Prop EventDevice_rows[] = {
    PROP_STR(EventDevice, device, "device", NULL, "its id"),
    NEED_STR(EventDevice, path, "path", "its QOM path"),
    PROP_END(EventDevice)
};
const Prop EventRtc_rows[] = {
    NEED_INT(EventRtc, offset, "offset", "seconds between the guest's clock and -rtc's base"),
    NEED_STR(EventRtc, path, "qom-path", "the clock's QOM path"),
    PROP_END(EventRtc)
};
const Prop EventIoError_rows[] = {
    NEED_STR (EventIoError, device,    "device", "drive id; empty for a node"),
    PROP_STR (EventIoError, node_name, "node-name", NULL, "block node"),
    NEED_ENUM(EventIoError, operation, "operation", operation_names, "what failed"),
    NEED_ENUM(EventIoError, action,    "action", action_names, "what was done"),
    PROP_BOOL(EventIoError, nospace,   "nospace", AUTO, "the host's disk is full"),
    NEED_STR (EventIoError, reason,    "reason", "text for people"),
    PROP_END (EventIoError)
};
const Prop EventTray_rows[] = {
    NEED_STR (EventTray, device,    "device", "drive id; empty without one"),
    NEED_STR (EventTray, id,        "id", "device id or QOM path"),
    NEED_BOOL(EventTray, tray_open, "tray-open", "open now"),
    PROP_END (EventTray)
};
const Prop EventBalloon_rows[] = {
    NEED_INT (EventBalloon, actual, "actual", "bytes that the guest has"),
    PROP_END (EventBalloon)
};
const Prop EventVserport_rows[] = {
    NEED_STR (EventVserport, id,   "id",   "device id of the port"),
    NEED_BOOL(EventVserport, open, "open", "the guest has it open"),
    PROP_END (EventVserport)
};
static const Prop EventVncPeer_rows[] = {
    NEED_STR (EventVncPeer, host,          "host", "address"),
    NEED_STR (EventVncPeer, service,       "service", "port"),
    NEED_ENUM(EventVncPeer, family,        "family", family_names, "kind of address"),
    NEED_BOOL(EventVncPeer, websocket,     "websocket", "through a WebSocket"),
    PROP_STR (EventVncPeer, x509_dname,    "x509_dname", NULL, "name in the client's certificate"),
    PROP_STR (EventVncPeer, sasl_username, "sasl_username", NULL, "name that SASL found"),
    PROP_STR (EventVncPeer, auth,          "auth", NULL, "how clients prove who they are"),
    PROP_END (EventVncPeer)
};
const Prop EventVncConnected_rows[] = {
    NEED_PART(EventVncConnected, server, "server", EventVncPeer, "our side"),
    NEED_PART(EventVncConnected, client, "client", EventVncPeer, "the other side"),
    PROP_END (EventVncConnected)
};
const Prop EventVnc_rows[] = {
    NEED_PART(EventVnc, server, "server", EventVncPeer, "our side"),
    NEED_PART(EventVnc, client, "client", EventVncPeer, "the other side"),
    PROP_END (EventVnc)
};
/* clang-format on */
