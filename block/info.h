/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of an opened image: for qemu-img info, info block, query-block. */
#ifndef BLOCK_INFO_H
#define BLOCK_INFO_H

#include "block/node.h"

/* QMP's ImageInfo of this node (not of its backing images); free it. */
Json *image_info(BlockNode *, const char *filename);
/* The same as lines of text, as qemu-img info prints them. */
void image_info_print(const Json *, GString *out);

#endif
