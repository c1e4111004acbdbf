/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/machine.h"

#include <string.h>

#include "core/prop.h"

bool boot_order_check(const char *order, GError **err)
{
    uint32_t seen = 0;

    for (const char *p = order; p && *p; p++) {
        if (*p < 'a' || *p > 'p')
            return user_fail(err, "Invalid boot device '%c'", *p);
        if (seen & 1u << (*p - 'a'))
            return user_fail(err, "Boot device '%c' was given twice", *p);
        seen |= 1u << (*p - 'a');
        if (!strchr("abcdn", *p))
            return user_fail(err, "Invalid boot device for PC: '%c'", *p);
    }
    return !order || strlen(order) <= 3 || user_fail(err, "Too many boot devices for PC");
}
