/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_FILE_LOCK_H
#define BLOCK_FILE_LOCK_H

#include <glib.h>
#include <stdbool.h>

/* One writer, or any number of readers. The locks end with the descriptor. */
bool file_lock(int fd, const char *path, bool write, GError **err);

#endif
