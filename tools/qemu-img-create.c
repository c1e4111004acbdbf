/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-img create: the options of the format's rows, the size (given, from -o size=, or the backing
 * file's), the "Formatting" line, then the format's create_co.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "block/create.h"
#include "block/error.h"
#include "tools/qemu-img.h"
#include "util/json.h"

typedef struct Create {
    const char *filename, *format, *base, *base_format, *size_word;
    GString *options; /* all -o, with commas between */
    bool quiet, unsafe;
    const BlockDriver *drv;
    union {
        RawCreate raw;
        Qcow2Create qcow2;
    } args;
    uint64_t *size;
    char *detected; /* what the backing file turned out to be */
    int64_t base_size;
    bool in_chain;
    GError *err;
} Create;

/* ---- sizes ---- */

static int size_error(bool range)
{
    if (range) {
        img_error("Invalid image size specified. Must be between 0 and %" PRId64 ".", INT64_MAX);
        return 1;
    }
    img_error("Invalid image size specified. You may use k, M, G, T, P or E suffixes for");
    img_error("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
    return 1;
}

/* 0, or the exit status */
static int parse_size(const char *word, uint64_t *size)
{
    static const char units[] = "bkmgtpe";
    const char *unit;
    double whole;
    char *end;

    errno = 0;
    whole = g_ascii_strtod(word, &end);
    if (end == word || errno || g_ascii_isspace(*word) || whole < 0 || *word == '-')
        return size_error(false);
    unit = *end ? strchr(units, g_ascii_tolower(*end)) : units;
    if (!unit || (*end && end[1]))
        return size_error(false);
    if (whole * (1ull << ((unit - units) * 10)) >= 9223372036854775808.0)
        return size_error(true);
    if (strpbrk(word, ".eE") && strpbrk(word, ".")) {
        *size = whole * (1ull << ((unit - units) * 10));
        return 0;
    }
    *size = g_ascii_strtoull(word, NULL, 0) << ((unit - units) * 10);
    return 0;
}

/* ---- the line that says what is made ---- */

static void print_pair(const Prop *row, const Json *v)
{
    g_autofree char *text = NULL;

    if (v->kind == J_BOOL)
        text = g_strdup(v->b ? "on" : "off");
    else
        text = v->kind == J_STR ? g_strdup(v->s) : json_text(v, 0);
    printf(" %s=%s", row->name, text);
}

/* Rows in the order in which 7.2 prints them; those that are not given are left out. */
static void print_formatting(const Create *c)
{
    /* clang-format off */
    static const char *const order[] = { "data_file", "data_file_raw", "encryption", "encrypt.format",
        "cluster_size", "extended_l2", "preallocation", "compression_type", "size", "compat",
        "backing_file", "backing_fmt", "lazy_refcounts", "refcount_bits", "nocow", "extent_size_hint" };
    static const char *const always[] = { "cluster_size", "extended_l2", "compression_type", "lazy_refcounts",
        "refcount_bits", "size", NULL };
    static const char *const raw_order[] = { "size", "preallocation", "nocow", "extent_size_hint" };
    /* clang-format on */
    bool raw = c->drv->create_props == RawCreate_rows;
    const char *const *names = raw ? raw_order : order;
    size_t n = raw ? G_N_ELEMENTS(raw_order) : G_N_ELEMENTS(order);
    g_autoptr(Json) given = prop_to_json(c->drv->create_props, &c->args);

    printf("Formatting '%s', fmt=%s", c->filename, c->drv->name);
    for (size_t i = 0; i < n; i++) {
        const Prop *row = prop_find(c->drv->create_props, &c->args, names[i]);
        g_autoptr(Json) v = NULL;

        if (!row)
            continue;
        if (json_get(given, names[i]) || g_strv_contains(always, names[i]))
            v = prop_get(c->drv->create_props, &c->args, names[i]);
        if (v && v->kind != J_NULL)
            print_pair(row, v);
    }
    printf("\n");
}

/* prefix: "encrypt." of a part's rows */
static void print_rows(const Prop *rows, const char *prefix)
{
    for (const Prop *p = rows; p->kind != P_END; p++) {
        g_autofree char *below = p->kind == P_PART ? g_strconcat(p->name, ".", NULL) : NULL;
        const char *kind = p->kind == P_STR    ? "str"
                           : p->kind == P_SIZE ? "size"
                           : p->kind == P_BOOL ? "bool (on/off)"
                                               : "num";
        g_autofree char *head = g_strdup_printf("  %s%s=<%s>", prefix, p->name, kind);

        if (below)
            print_rows(p->aux, below);
        else
            printf("%-24s - %s\n", head, p->help);
    }
}

static void print_options(const BlockDriver *drv)
{
    printf("Supported %s options:\n", drv->name);
    print_rows(drv->create_props, "");
}

/* ---- the backing file ---- */

static bool is_same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return !strcmp(a, b) || (stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
                             sa.st_ino == sb.st_ino);
}

/* Making the image would empty one that it stands on. */
static bool is_in_chain(const Create *c, const BlockNode *node)
{
    for (; node; node = node->backing) {
        if (node->filename && is_same_file(node->filename, c->filename))
            return true;
    }
    return false;
}

static int open_base_co(void *o)
{
    Create *c = o;
    g_autofree char *path = block_path(c->filename, c->base);
    NodeOpts n = { .filename = path, .format = c->base_format };
    BlockNode *node = node_open_co(&n, &c->err);

    if (!node)
        return -1;
    c->in_chain = is_in_chain(c, node);
    c->base_size = node_length(node);
    c->detected = g_strdup(node->drv->name);
    node_unref_co(node);
    return 0;
}

static int check_base(Create *c)
{
    Qcow2Create *a = &c->args.qcow2;

    if (c->drv->create_props != Qcow2Create_rows) {
        if (c->base) {
            img_error("%s: Backing file not supported for file format '%s'", c->filename,
                      c->drv->name);
            return 1;
        }
        return 0;
    }
    c->base = a->backing_file;
    c->base_format = a->backing_fmt;
    if (!c->base)
        return 0;
    if (c->unsafe && !is_same_file(c->base, c->filename))
        return 0;
    if (!is_same_file(c->base, c->filename) && co_sync(NULL, open_base_co, c) < 0) {
        img_error("%s: %s\nCould not open backing image.", c->filename, c->err->message);
        return 1;
    }
    if (c->in_chain || is_same_file(c->base, c->filename)) {
        img_error("%s: Error: Trying to create an image with the same filename as the backing file",
                  c->filename);
        return 1;
    }
    if (*c->size == UINT64_MAX)
        *c->size = c->base_size;
    if (c->base_format)
        return 0;
    /* written down, so that nobody guesses again when the base's first bytes have changed */
    img_error("warning: %s: Backing file specified without backing format; it is recorded as the "
              "detected %s (say -F %s)",
              c->filename, c->detected, c->detected);
    a->backing_fmt = g_strdup(c->detected);
    return 0;
}

/* ---- making it ---- */

static int create_co(void *o)
{
    Create *c = o;
    BlockNode *file = file_create_co(c->filename, &c->err);
    int ret;

    if (!file)
        return -1;
    if (c->drv->create_props == RawCreate_rows)
        c->args.raw.node = file;
    else
        c->args.qcow2.node = file;
    ret = c->drv->create_co(&c->args, &c->err);
    node_unref_co(file);
    return ret;
}

static bool set_word(Create *c, const char *name, const char *word)
{
    g_autoptr(Json) v = json_kv(word);

    return !word || !prop_find(c->drv->create_props, &c->args, name) ||
           prop_set(c->drv->create_props, &c->args, name, v, NULL, &c->err);
}

static int parse_args(Create *c)
{
    int ret = 0;

    prop_defaults(c->drv->create_props, &c->args);
    c->size = c->drv->create_props == RawCreate_rows ? &c->args.raw.size : &c->args.qcow2.size;
    if (c->options->len &&
        !prop_parse_kv(c->drv->create_props, NULL, c->options->str, &c->args, NULL, &c->err))
        return img_fail(c->err, c->filename);
    if (!set_word(c, "backing_file", c->base) || !set_word(c, "backing_fmt", c->base_format))
        return img_fail(c->err, c->filename);
    if (c->size_word)
        ret = parse_size(c->size_word, c->size);
    return ret;
}

static int run_create(Create *c)
{
    int ret = parse_args(c);

    if (ret == 0)
        ret = check_base(c);
    if (ret)
        return ret;
    if (*c->size == UINT64_MAX) {
        img_error("%s: Image creation needs a size parameter", c->filename);
        return 1;
    }
    if (!c->quiet)
        print_formatting(c);
    fflush(stdout);
    *c->size = (*c->size + 511) & ~511ull;
    ret = co_sync(NULL, create_co, c);
    return ret < 0 ? img_fail(c->err, c->filename) : 0;
}

static bool option_is_help(const char *text)
{
    return !strcmp(text, "help") || !strcmp(text, "?") || g_str_has_prefix(text, "help,") ||
           g_str_has_suffix(text, ",help") || g_str_has_suffix(text, ",?");
}

static int finish_args(Create *c, int argc, char **argv)
{
    c->drv = block_driver(c->format);
    if (!c->drv || !c->drv->create_props) {
        img_error("%s%sUnknown file format '%s'", optind < argc ? argv[optind] : "",
                  optind < argc ? ": " : "", c->format);
        return 1;
    }
    if (option_is_help(c->options->str)) {
        print_options(c->drv);
        return 0;
    }
    if (optind >= argc)
        return img_usage_error("Expecting image file name");
    c->filename = argv[optind++];
    if (optind < argc)
        c->size_word = argv[optind++];
    if (optind < argc)
        return img_usage_error("Unexpected argument: %s", argv[optind]);
    return run_create(c);
}

int img_create(int argc, char **argv)
{
    static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                             { "object", required_argument, NULL, 256 },
                                             { NULL, 0, NULL, 0 } };
    Create c = { .format = "raw", .options = g_string_new(NULL) };
    int opt, ret;

    while ((opt = getopt_long(argc, argv, ":F:b:f:ho:qu", options, NULL)) != -1) {
        switch (opt) {
        case 'h': img_help(); return 0;
        case 'f': c.format = optarg; break;
        case 'b': c.base = optarg; break;
        case 'F': c.base_format = optarg; break;
        case 'q': c.quiet = true; break;
        case 'u': c.unsafe = true; break;
        case 'o':
            g_string_append_printf(c.options, "%s%s", c.options->len ? "," : "", optarg);
            break;
        case 256: return img_refuse("--object") ? 0 : 1;
        default: return img_bad_option(argv, opt == ':');
        }
    }
    ret = finish_args(&c, argc, argv);
    if (c.drv && c.filename)
        prop_free(c.drv->create_props, &c.args);
    g_string_free(c.options, TRUE);
    g_free(c.detected);
    return ret;
}
