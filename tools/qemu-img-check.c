/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-img check: exit status 0 clean, 1 not checked, 2 corrupt, 3 leaks, 63 no such check. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "block/check.h"
#include "block/error.h"
#include "block/node.h"
#include "tools/qemu-img.h"
#include "util/json.h"

typedef struct CheckRun {
    const char *filename, *format;
    ImgOutput output;
    bool quiet, share;
    unsigned flags;
    int fix, ret;
    CheckResult r;
    char *driver;
    GError *err;
} CheckRun;

static int check_co(void *o)
{
    CheckRun *run = o;
    NodeOpts n = { .filename = run->filename,
                   .format = run->format,
                   .flags = NODE_CHECK | NODE_NO_BACKING | run->flags | (run->fix ? NODE_RDWR : 0) |
                            (run->share ? NODE_SHARE : 0) };
    BlockNode *node = node_open_co(&n, &run->err);
    int first;

    if (!node)
        return -1;
    g_free(run->driver);
    run->driver = g_strdup(node->drv->name);
    check_result_clear(&run->r);
    first = run->fix;
    run->ret = node->drv->check_co ? node->drv->check_co(node, first, &run->r) : -ENOTSUP;
    node_unref_co(node);
    return 0;
}

static void print_lines(const CheckRun *run)
{
    for (guint i = 0; run->r.lines && i < run->r.lines->len; i++)
        fprintf(stderr, "%s\n", (char *)g_ptr_array_index(run->r.lines, i));
}

/* ---- text ---- */

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? part * 100.0 / whole : 0;
}

static void print_verdict(const CheckResult *r)
{
    if (!r->corruptions && !r->leaks && !r->check_errors)
        printf("No errors were found on the image.\n");
    if (r->corruptions)
        printf("\n%d errors were found on the image.\nData may be corrupted, or further writes to "
               "the image may corrupt it.\n",
               r->corruptions);
    if (r->leaks)
        printf("\n%d leaked clusters were found on the image.\nThis means waste of disk space, but "
               "no harm to data.\n",
               r->leaks);
    if (r->check_errors)
        printf("\n%d internal errors have occurred during the check.\n", r->check_errors);
}

static void print_human(const CheckResult *r)
{
    print_verdict(r);
    if (r->total_clusters && r->allocated)
        printf("%" PRIu64 "/%" PRIu64 " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% "
               "compressed clusters\n",
               r->allocated, r->total_clusters, percent(r->allocated, r->total_clusters),
               percent(r->fragmented, r->allocated), percent(r->compressed, r->allocated));
    if (r->image_end)
        printf("Image end offset: %" PRIu64 "\n", r->image_end);
}

/* ---- JSON: members that are 0 are left out, but for two ---- */

static void set_number(Json *j, const char *key, uint64_t v)
{
    if (v)
        json_set(j, key, json_uint(v));
}

static void print_json(const CheckRun *run)
{
    const CheckResult *r = &run->r;
    g_autoptr(Json) j = json_obj();
    g_autoptr(GString) out = g_string_new(NULL);

    set_number(j, "image-end-offset", r->image_end);
    set_number(j, "total-clusters", r->total_clusters);
    set_number(j, "corruptions", r->corruptions);
    set_number(j, "corruptions-fixed", r->corruptions_fixed);
    json_set(j, "check-errors", json_int(r->check_errors));
    set_number(j, "fragmented-clusters", r->fragmented);
    set_number(j, "compressed-clusters", r->compressed);
    set_number(j, "allocated-clusters", r->allocated);
    set_number(j, "leaks", r->leaks);
    set_number(j, "leaks-fixed", r->leaks_fixed);
    json_set(j, "filename", json_str(run->filename));
    json_set(j, "format", json_str(run->driver));
    json_print(out, j, 4);
    printf("%s\n", out->str);
}

/* ---- running ---- */

/* After repairs: what is left is found by a second look. */
static int double_check(CheckRun *run)
{
    CheckResult first = run->r;
    int ret;

    if (run->output == OUTPUT_HUMAN && !run->quiet)
        printf("The following inconsistencies were found and repaired:\n\n"
               "    %d leaked clusters\n    %d corruptions\n\n"
               "Double checking the fixed image now...\n",
               first.leaks_fixed, first.corruptions_fixed);
    run->r = (CheckResult){ 0 };
    run->fix = 0;
    check_result_clear(&first);
    ret = co_sync(NULL, check_co, run);
    run->r.leaks_fixed = first.leaks_fixed;
    run->r.corruptions_fixed = first.corruptions_fixed;
    if (ret == 0 && run->ret == 0)
        print_lines(run);
    return ret;
}

static int report(CheckRun *run)
{
    if (run->ret == -ENOTSUP) {
        img_error("This image format does not support checks");
        return 63;
    }
    if (run->ret < 0) {
        img_error("Check failed: %s", g_strerror(-run->ret));
        return 1;
    }
    if (!run->quiet && run->output == OUTPUT_JSON)
        print_json(run);
    else if (!run->quiet)
        print_human(&run->r);
    if (run->r.check_errors)
        return 1;
    return run->r.corruptions ? 2 : run->r.leaks ? 3 : 0;
}

static int run_check(CheckRun *run)
{
    int ret = co_sync(NULL, check_co, run);

    if (ret == 0)
        print_lines(run);
    if (ret == 0 && run->ret == 0 && (run->r.leaks_fixed || run->r.corruptions_fixed))
        ret = double_check(run);
    ret = ret < 0 ? img_fail(run->err, NULL) : report(run);
    check_result_clear(&run->r);
    g_free(run->driver);
    return ret;
}

static bool parse_repair(CheckRun *run, const char *word)
{
    if (!strcmp(word, "leaks"))
        run->fix = CHECK_FIX_LEAKS;
    else if (!strcmp(word, "all"))
        run->fix = CHECK_FIX_LEAKS | CHECK_FIX_ERRORS;
    else
        return img_usage_error("Unknown option value for -r (expecting 'leaks' or 'all'): %s",
                               word),
               false;
    return true;
}

int img_check(int argc, char **argv)
{
    enum { OPT_OUTPUT = 256, OPT_OBJECT, OPT_IMAGE_OPTS };
    static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                             { "format", required_argument, NULL, 'f' },
                                             { "repair", required_argument, NULL, 'r' },
                                             { "output", required_argument, NULL, OPT_OUTPUT },
                                             { "object", required_argument, NULL, OPT_OBJECT },
                                             { "image-opts", no_argument, NULL, OPT_IMAGE_OPTS },
                                             { "force-share", no_argument, NULL, 'U' },
                                             { NULL, 0, NULL, 0 } };
    CheckRun run = { 0 };
    int c;

    while ((c = getopt_long(argc, argv, ":hf:r:T:qU", options, NULL)) != -1) {
        switch (c) {
        case 'h': img_help(); return 0;
        case 'f': run.format = optarg; break;
        case 'q': run.quiet = true; break;
        case 'U': run.share = true; break;
        case 'r':
            if (!parse_repair(&run, optarg))
                return 1;
            break;
        case 'T':
            if (!img_cache(optarg, &run.flags))
                return 1;
            break;
        case OPT_OUTPUT:
            if (!img_output(optarg, &run.output))
                return 1;
            break;
        case OPT_OBJECT: return img_refuse("--object") ? 0 : 1;
        case OPT_IMAGE_OPTS: return img_refuse("--image-opts") ? 0 : 1;
        default: return img_bad_option(argv, c == ':');
        }
    }
    if (optind != argc - 1)
        return img_usage_error("Expecting one image file name");
    run.filename = argv[optind];
    return run_check(&run);
}
