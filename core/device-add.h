/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -device and device_add: a device type by name, its bus, its rows. Main, machine lock. */
#ifndef CORE_DEVICE_ADD_H
#define CORE_DEVICE_ADD_H

#include "core/device.h"

typedef struct DeviceArgs {
    char *driver, *id, *bus;
    Json *rest; /* the device's own rows */
} DeviceArgs;
extern const Prop DeviceArgs_rows[];

/* Makes and realizes it; false: nothing is left of it. */
bool device_add(Vm *, const DeviceArgs *, GError **);

/* A type that users know from 7.2 and that is not there, with the reason: REGISTER(absent, x) */
typedef struct AbsentDevice {
    const char *name, *why;
} AbsentDevice;
typedef AbsentDevice set_absent_t;

/* -device help, info qdm: a line a type; all: also those that are part of a board */
char *device_list(bool all);

#endif
