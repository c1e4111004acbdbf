/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new image is made from. node: the opened empty file, set by the caller beside the rows. */
#ifndef BLOCK_CREATE_H
#define BLOCK_CREATE_H

#include "block/node.h"
#include "core/prop.h"

typedef enum { PREALLOC_OFF, PREALLOC_METADATA, PREALLOC_FALLOC, PREALLOC_FULL } PreallocMode;
extern const char *const prealloc_names[];
int prealloc_mode(const char *word); /* -1: no such */

typedef struct RawCreate {
    BlockNode *node;
    uint64_t size;
    char *preallocation;
    Tri nocow;
    uint64_t extent_size_hint;
} RawCreate;
extern const Prop RawCreate_rows[];

typedef struct Qcow2CreateEncrypt {
    char *format;
} Qcow2CreateEncrypt;

/* size, extent_size_hint: UINT64_MAX where not given. Words stay words: -o's messages name them */
typedef struct Qcow2Create {
    BlockNode *node;
    char *backing_file, *backing_fmt;
    uint64_t cluster_size;
    char *compat, *compression_type, *data_file;
    Tri data_file_raw;
    Tri encryption;
    bool extended_l2, lazy_refcounts;
    char *preallocation;
    int64_t refcount_bits;
    uint64_t size;
    Qcow2CreateEncrypt encrypt;
} Qcow2Create;
extern const Prop Qcow2Create_rows[];

/* Makes or empties a local file; the format's create_co then fills it. */
BlockNode *file_create_co(const char *filename, GError **err);

#endif
