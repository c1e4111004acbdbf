/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boards that hw/pc/machines.c lists. */
#ifndef HW_PC_MACHINES_H
#define HW_PC_MACHINES_H

#include "core/device.h"

bool board_i440fx(Vm *, const void *args, GError **);

#endif
