/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mc146818rtc as its board sees it: bytes of the battery-backed memory. */
#ifndef HW_TIMER_RTC_H
#define HW_TIMER_RTC_H

#include "core/device.h"

/* locked; reg 0Eh to 7Fh; NULL device: nothing happens */
void rtc_set_cmos(Device *, unsigned reg, uint8_t val);

#endif
