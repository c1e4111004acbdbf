/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/error.h"

#include <errno.h>
#include <stdarg.h>

#include "util/log.h"

static GQuark block_error_quark(void)
{
    return g_quark_from_static_string("block");
}

bool block_fail(GError **err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (err && !*err)
        *err = g_error_new_valist(block_error_quark(), EINVAL, fmt, ap);
    va_end(ap);
    return false;
}

bool block_fail_errno(GError **err, int errnum, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(err, block_error_quark(), errnum, "%s: %s", text, g_strerror(errnum));
    return false;
}

void block_warn(const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    warn_print("%s", text);
}
