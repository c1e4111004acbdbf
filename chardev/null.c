/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev that takes everything and says nothing. */
#include "chardev/chardev-int.h"

typedef struct NullArgs {
    CharCommon common;
} NullArgs;

static const Prop NullArgs_rows[] = { PROP_BASE(NullArgs, common, CharCommon), PROP_END(NullArgs) };

static bool null_open(Chardev *c, const void *args, GError **err)
{
    c->filename = g_strdup("null");
    c->open = true;
    return true;
}

static size_t null_write(Chardev *c, const void *p, size_t n)
{
    return n;
}

static const CharDriver char_null = {
    .name = "null",
    .desc = "takes everything, says nothing",
    .size = sizeof(Chardev),
    .props = NullArgs_rows,
    .open = null_open,
    .write = null_write,
};
REGISTER(chardev, char_null);
