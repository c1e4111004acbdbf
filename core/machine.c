/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/machine.h"

#include <string.h>

#include "core/prop.h"

static bool order_fail(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static bool order_fail(GError **err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, prop_error_quark(), PROP_ERROR_USER, text);
    return false;
}

bool boot_order_check(const char *order, GError **err)
{
    uint32_t seen = 0;

    for (const char *p = order; p && *p; p++) {
        if (*p < 'a' || *p > 'p')
            return order_fail(err, "Invalid boot device '%c'", *p);
        if (seen & 1u << (*p - 'a'))
            return order_fail(err, "Boot device '%c' was given twice", *p);
        seen |= 1u << (*p - 'a');
        if (!strchr("abcdn", *p))
            return order_fail(err, "Invalid boot device for PC: '%c'", *p);
    }
    return !order || strlen(order) <= 3 || order_fail(err, "Too many boot devices for PC");
}
