/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The format that is none: every byte lives where it is. */
#include "block/create.h"
#include "block/error.h"
#include "block/node.h"
#include "core/set.h"

static int raw_open_co(BlockNode *node, const void *args, GError **err)
{
    node->limits.discard_align = node->file->limits.discard_align;
    return 0;
}

static int raw_map_co(BlockNode *node, uint64_t off, uint64_t len, Want want, Extent *ext)
{
    *ext = (Extent){ .off = off,
                     .len = len,
                     .pos = off,
                     .kind = EXT_DATA,
                     .flags = EXT_DURABLE,
                     .file = node->file };
    return want == WANT_PACK ? -ENOTSUP : 0;
}

static int64_t raw_length(BlockNode *node)
{
    return node_length(node->file);
}

static int raw_truncate_co(BlockNode *node, uint64_t len, int prealloc, GError **err)
{
    return node_truncate_co(node->file, len, prealloc, err);
}

static int raw_flush_co(BlockNode *node)
{
    return node_flush_co(node->file);
}

const char *const prealloc_names[] = { [PREALLOC_OFF] = "off",
                                       [PREALLOC_METADATA] = "metadata",
                                       [PREALLOC_FALLOC] = "falloc",
                                       [PREALLOC_FULL] = "full",
                                       NULL };

const Prop RawCreate_rows[] = { PROP_SIZE(RawCreate, size, "size", -1, "Virtual disk size"),
                                PROP_STR(RawCreate, preallocation, "preallocation", NULL,
                                         "Preallocation mode (allowed values: off, falloc, full)"),
                                PROP_BOOL(RawCreate, nocow, "nocow", AUTO,
                                          "Turn off copy-on-write (valid only on btrfs)"),
                                PROP_SIZE(RawCreate, extent_size_hint, "extent_size_hint", -1,
                                          "Extent size hint for the image file, 0 to disable"),
                                PROP_END(RawCreate) };

static int raw_create_co(const void *args, GError **err)
{
    const RawCreate *a = args;
    int mode = a->preallocation ? prealloc_mode(a->preallocation) : PREALLOC_OFF;

    if (mode < 0 || mode == PREALLOC_METADATA) {
        block_fail(err, "invalid parameter value: %s", a->preallocation);
        return -EINVAL;
    }
    return node_truncate_co(a->node, a->size, mode, err);
}

int prealloc_mode(const char *word)
{
    for (int i = 0; prealloc_names[i]; i++) {
        if (!g_strcmp0(prealloc_names[i], word))
            return i;
    }
    return -1;
}

static const BlockDriver raw = {
    .name = "raw",
    .desc = "plain image",
    .create_props = RawCreate_rows,
    .open_co = raw_open_co,
    .create_co = raw_create_co,
    .map_co = raw_map_co,
    .flush_co = raw_flush_co,
    .truncate_co = raw_truncate_co,
    .length = raw_length,
};
REGISTER(block, raw);
