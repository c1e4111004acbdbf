/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitors: HMP for people, QMP for programs. What system/ calls; commands are in cmd-*.c here and
 * beside their hardware. Main, locked.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "core/prop.h"
#include "core/vm.h"

enum { MON_READLINE, MON_CONTROL };

/* -mon [chardev=]ID[,mode=readline|control][,pretty=on]: implied key "chardev" */
typedef struct MonArgs {
    char *id, *chardev;
    int32_t mode;
    bool pretty, is_default;
} MonArgs;
extern const Prop MonArgs_rows[];

/* A monitor on a chardev that exists. Several may share one: each gets its own state. */
bool monitor_open(Vm *, const MonArgs *, GError **);

/*
 * -monitor TEXT, -qmp TEXT, -qmp-pretty TEXT and the "mon:" of -serial. label: the chardev's
 * ("compat_monitor0" ...). "none" opens nothing.
 */
bool monitor_open_legacy(Vm *, const char *label, const char *text, int mode, bool pretty,
                         GError **);

/* Commands run only from here on: the machine is complete (phase RUN). Input waits in between. */
void monitor_start(Vm *);

/* At exit: the last answers and events leave, then the monitors close. Before chardev_close_all. */
void monitor_close_all(Vm *);

#endif
