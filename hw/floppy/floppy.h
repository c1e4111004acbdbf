/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a board asks of its floppy drives */
#ifndef HW_FLOPPY_FLOPPY_H
#define HW_FLOPPY_FLOPPY_H

#include "core/device.h"

/* 0 none, 1 360 KB, 2 1.2 MB, 3 720 KB, 4 1.44 MB, 5 2.88 MB: as CMOS 10h names them */
uint8_t fdc_cmos_type(Vm *, unsigned unit);

#endif
