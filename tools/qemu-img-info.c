/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-img info: what an image says of itself, and with --backing-chain those below it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "block/error.h"
#include "block/info.h"
#include "tools/qemu-img.h"
#include "util/json.h"

typedef struct Info {
    const char *filename, *format;
    ImgOutput output;
    bool chain, share;
    GPtrArray *found; /* Json * */
    GError *err;
} Info;

/* One image; *next: the one below it, as an argument for the next round. */
static int one_co(Info *in, const char *filename, const char *format, char **next,
                  char **next_format)
{
    NodeOpts o = { .filename = filename,
                   .format = format,
                   .flags = NODE_NO_BACKING | NODE_INFO | (in->share ? NODE_SHARE : 0) };
    BlockNode *node = node_open_co(&o, &in->err);

    if (!node)
        return -1;
    g_ptr_array_add(in->found, image_info(node, filename));
    *next = in->chain && node->backing_file ? block_path(filename, node->backing_file) : NULL;
    *next_format = g_strdup(node->backing_format);
    node_unref_co(node);
    return 0;
}

static int info_co(void *o)
{
    Info *in = o;
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    char *name = g_strdup(in->filename), *format = g_strdup(in->format);
    int ret = 0;

    while (name && ret == 0) {
        char *next = NULL, *next_format = NULL;

        if (!g_hash_table_add(seen, g_strdup(name))) {
            block_fail(&in->err, "Backing file '%s' creates an infinite loop.", name);
            ret = -1;
            break;
        }
        ret = one_co(in, name, format, &next, &next_format);
        g_free(name);
        g_free(format);
        name = next;
        format = next_format;
    }
    g_free(name);
    g_free(format);
    return ret;
}

static void print_json(const Info *in)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(Json) list = json_list();

    for (guint i = 0; i < in->found->len; i++)
        json_append(list, json_copy(g_ptr_array_index(in->found, i)));
    json_print(out, in->chain ? list : list->at[0], 4);
    printf("%s\n", out->str);
}

static void print_human(const Info *in)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < in->found->len; i++) {
        if (i)
            g_string_append_c(out, '\n');
        image_info_print(g_ptr_array_index(in->found, i), out);
    }
    fputs(out->str, stdout);
}

static int run_info(Info *in)
{
    int ret;

    in->found = g_ptr_array_new_with_free_func((GDestroyNotify)json_free);
    ret = co_sync(NULL, info_co, in);
    if (ret == 0 && in->output == OUTPUT_JSON)
        print_json(in);
    else if (ret == 0)
        print_human(in);
    g_ptr_array_unref(in->found);
    return ret < 0 ? img_fail(in->err, NULL) : 0;
}

int img_info(int argc, char **argv)
{
    enum { OPT_OUTPUT = 256, OPT_CHAIN, OPT_OBJECT, OPT_IMAGE_OPTS };
    static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                             { "format", required_argument, NULL, 'f' },
                                             { "output", required_argument, NULL, OPT_OUTPUT },
                                             { "backing-chain", no_argument, NULL, OPT_CHAIN },
                                             { "object", required_argument, NULL, OPT_OBJECT },
                                             { "image-opts", no_argument, NULL, OPT_IMAGE_OPTS },
                                             { "force-share", no_argument, NULL, 'U' },
                                             { NULL, 0, NULL, 0 } };
    Info in = { 0 };
    int c;

    while ((c = getopt_long(argc, argv, ":hf:U", options, NULL)) != -1) {
        switch (c) {
        case 'h': img_help(); return 0;
        case 'f': in.format = optarg; break;
        case 'U': in.share = true; break;
        case OPT_CHAIN: in.chain = true; break;
        case OPT_OUTPUT:
            if (!img_output(optarg, &in.output))
                return 1;
            break;
        case OPT_OBJECT: return img_refuse("--object") ? 0 : 1;
        case OPT_IMAGE_OPTS: return img_refuse("--image-opts") ? 0 : 1;
        default: return img_bad_option(argv, c == ':');
        }
    }
    if (optind != argc - 1)
        return img_usage_error("Expecting one image file name");
    in.filename = argv[optind];
    return run_info(&in);
}
