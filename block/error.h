/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_ERROR_H
#define BLOCK_ERROR_H

#include <glib.h>
#include <stdbool.h>

/* Sets err and returns false; the code tells nothing that the message does not. */
bool block_fail(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* The same with ": reason" of an errno behind it. */
bool block_fail_errno(GError **err, int errnum, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/* One line on stderr with "warning: " before it. */
void block_warn(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

#endif
