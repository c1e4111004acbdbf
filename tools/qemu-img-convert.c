/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-img convert: one image into a new one of any format we can create. The target is made by
 * `create`; blocks that read as zeros are not written, because a new image reads as zeros.
 * Not served yet: compressed targets, several sources, backing files, snapshots, progress.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "block/node.h"
#include "tools/qemu-img.h"

#define CHUNK (2u << 20)
#define BLOCK (64u << 10)

typedef struct Convert {
    const char *from, *from_format, *to, *to_format;
    GString *options;
    unsigned from_flags;
    BlockNode *src; /* open, and so locked, while the target is made */
    int64_t size;
    GError *err;
} Convert;

static int open_source_co(void *o)
{
    Convert *c = o;
    NodeOpts n = { .filename = c->from, .format = c->from_format, .flags = c->from_flags };

    c->src = node_open_co(&n, &c->err);
    if (!c->src)
        return -1;
    c->size = node_length(c->src);
    return 0;
}

static int close_source_co(void *o)
{
    node_unref_co(o);
    return 0;
}

/* -U takes no lock: emptying the target must not empty the source */
static bool is_same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

static bool is_zero(const char *p, size_t n)
{
    return p[0] == 0 && !memcmp(p, p + 1, n - 1);
}

static int copy_chunk_co(BlockNode *src, BlockNode *dst, uint64_t off, char *buf, size_t n)
{
    /* a block device is not new: what is on it is not zero */
    bool device = dst->file && !strcmp(dst->file->drv->name, "host_device");
    int ret = node_read_co(src, off, buf, n);

    for (size_t at = 0; ret >= 0 && at < n; at += BLOCK) {
        size_t len = MIN(BLOCK, n - at);
        if (device || !is_zero(buf + at, len))
            ret = node_write_co(dst, off + at, buf + at, len);
    }
    return ret;
}

static int copy_co(void *o)
{
    Convert *c = o;
    NodeOpts to = { .filename = c->to, .format = c->to_format, .flags = NODE_RDWR };
    BlockNode *dst = node_open_co(&to, &c->err);
    g_autofree char *buf = g_malloc(CHUNK);
    int ret = 0;
    for (int64_t off = 0; dst && ret >= 0 && off < c->size; off += CHUNK)
        ret = copy_chunk_co(c->src, dst, off, buf, MIN(CHUNK, c->size - off));
    if (dst && ret >= 0)
        ret = node_flush_co(dst);
    if (ret < 0)
        g_set_error(&c->err, G_FILE_ERROR, g_file_error_from_errno(-ret), "error while copying: %s",
                    g_strerror(-ret));
    node_unref_co(dst);
    return dst && ret >= 0 ? 0 : -1;
}

/* `create` knows all there is to know about making an image */
static int make_target(const Convert *c)
{
    g_autofree char *size = g_strdup_printf("%" PRId64, c->size);
    const char *argv[] = { "create",        "-q",  "-f", c->to_format, "-o",
                           c->options->str, c->to, size, NULL };
    if (!c->options->len) {
        argv[4] = c->to;
        argv[5] = size;
        argv[6] = NULL;
    }
    optind = 0;
    return img_create(g_strv_length((char **)argv), (char **)argv);
}

static int run_convert(Convert *c)
{
    int ret;

    if (is_same_file(c->from, c->to)) {
        img_error("%s: the target is the source itself", c->to);
        return 1;
    }
    if (co_sync(NULL, open_source_co, c) < 0)
        return img_fail(c->err, NULL);
    ret = make_target(c);
    if (ret == 0 && co_sync(NULL, copy_co, c) < 0)
        ret = img_fail(c->err, NULL);
    co_sync(NULL, close_source_co, c->src);
    return ret;
}

int img_convert(int argc, char **argv)
{
    static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    Convert c = { .to_format = "raw", .options = g_string_new(NULL) };
    int opt;
    while ((opt = getopt_long(argc, argv, ":hf:O:o:qT:t:U", options, NULL)) != -1) {
        switch (opt) {
        case 'h': img_help(); return 0;
        case 'f': c.from_format = optarg; break;
        case 'O': c.to_format = optarg; break;
        case 'o':
            g_string_append_printf(c.options, "%s%s", c.options->len ? "," : "", optarg);
            break;
        case 'q': break;
        case 'U': c.from_flags |= NODE_SHARE; break;
        case 'T':
            if (!img_cache(optarg, &c.from_flags))
                return 1;
            break;
        case 't': return img_refuse("-t") ? 0 : 1;
        default: return img_bad_option(argv, opt == ':');
        }
    }
    if (argc - optind < 2)
        return img_usage_error("Must specify image file name");
    if (argc - optind > 2)
        return img_refuse("convert from several images") ? 0 : 1;
    c.from = argv[optind];
    c.to = argv[optind + 1];
    int ret = run_convert(&c);
    g_string_free(c.options, TRUE);
    return ret;
}
