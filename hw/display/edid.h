/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a monitor says of itself (VESA E-EDID 1.4 and CTA-861), in the form guests get from 7.2. */
#ifndef HW_DISPLAY_EDID_H
#define HW_DISPLAY_EDID_H

#include <stdint.h>

enum { EDID_SIZE = 256, EDID_MAX = 4095 };

/* Two blocks for a monitor of 100 dpi that likes x * y best; both 1..EDID_MAX */
void edid_make(uint8_t out[EDID_SIZE], unsigned x, unsigned y);

#endif
