/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-img, also called kvm-img: the commands, their common options and messages. Texts and exit
 * statuses are those of 7.2, which today's tools read; --help names what is served.
 */
#include "tools/qemu-img.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#include "block/node.h"
#include "core/set.h"
#include "util/log.h"
#include "util/text.h"

/* clang-format off */
static const ImgCommand commands[] = {
    { "check",  "[-q] [-f fmt] [--output=ofmt] [-r [leaks | all]] [-T src_cache] [-U] filename", img_check },
    { "convert", "[-q] [-f fmt] [-O output_fmt] [-o options] [-T src_cache] [-U] filename output_filename", img_convert },
    { "create", "[-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options] filename [size]", img_create },
    { "info",   "[-f fmt] [--output=ofmt] [--backing-chain] [-U] filename", img_info },
};
static const char *const later[] = { "amend", "bench", "bitmap", "commit", "compare", "dd", "map",
    "measure", "rebase", "resize", "snapshot", NULL };
/* clang-format on */

static void say(const char *fmt, va_list ap)
{
    fprintf(stderr, "qemu-img: ");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

void img_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

int img_usage_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    fprintf(stderr, "Try 'qemu-img --help' for more information\n");
    return 1;
}

int img_fail(GError *err, const char *prefix)
{
    if (prefix)
        img_error("%s: %s", prefix, err->message);
    else
        img_error("%s", err->message);
    g_error_free(err);
    return 1;
}

int img_bad_option(char **argv, bool missing)
{
    const char *word = argv[optind - 1];

    if (missing)
        return img_usage_error("missing argument for option '%s'", word);
    return img_usage_error("unrecognized option '%s'", word);
}

bool img_output(const char *word, ImgOutput *out)
{
    if (!strcmp(word, "json"))
        *out = OUTPUT_JSON;
    else if (!strcmp(word, "human"))
        *out = OUTPUT_HUMAN;
    else
        return img_error("--output must be used with human or json as argument."), false;
    return true;
}

bool img_cache(const char *word, unsigned *flags)
{
    if (!strcmp(word, "none") || !strcmp(word, "off") || !strcmp(word, "directsync"))
        *flags |= NODE_DIRECT;
    else if (!strcmp(word, "unsafe"))
        *flags |= NODE_NO_FLUSH;
    else if (strcmp(word, "writeback") && strcmp(word, "writethrough"))
        return img_error("Invalid source cache option: %s", word), false;
    return true;
}

bool img_refuse(const char *option)
{
    img_error("%s is not supported yet", option);
    return false;
}

/* ---- help ---- */

SET_DECLARE(block);

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_formats(void)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    SET_FOREACH(block, p) {
        g_ptr_array_add(names, (char *)(*p)->name);
    }
    g_ptr_array_sort(names, by_name);
    printf("\nSupported formats:");
    for (guint i = 0; i < names->len; i++)
        printf(" %s", (char *)g_ptr_array_index(names, i));
    printf("\n");
}

static void print_version(void)
{
    printf("qemu-img version %s\n", CONFIG_VERSION);
}

void img_help(void)
{
    print_version();
    printf("usage: qemu-img [standard options] command [command options]\n"
           "Disk image tool of qemu-kvm\n"
           "\n"
           "    '-h', '--help'       show this text\n"
           "    '-V', '--version'    show the version\n"
           "\n"
           "Command syntax:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %s %s\n", commands[i].name, commands[i].usage);
    printf(
        "\n"
        "Command parameters:\n"
        "  'filename' is the image's file name\n"
        "  'fmt' is its format; without it the format is found by the first bytes\n"
        "  'src_cache' is one of none, writeback, writethrough, directsync, unsafe\n"
        "  'size' is in bytes; k, M, G, T, P and E behind the number multiply by powers of 1024\n"
        "  'options' are key=value pairs with commas between them; -o help lists them\n"
        "  '-b' and '-F' name the backing file and its format; -u does not look whether it "
        "exists\n"
        "  '-r leaks' repairs lost clusters, '-r all' every error that can be repaired\n"
        "  '-U' opens the image though another process writes to it\n"
        "  '-q' prints errors only; '-O' is the format of the new image\n"
        "  '--output' is human or json\n");
    print_formats();
}

/* ---- finding the command ---- */

static int run_command(int argc, char **argv)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (!strcmp(commands[i].name, argv[0])) {
            optind = 0; /* GNU: begin anew, on this vector */
            return commands[i].run(argc, argv);
        }
    }
    if (g_strv_contains(later, argv[0])) {
        img_error("the command '%s' is not supported yet", argv[0]);
        return 1;
    }
    return -1;
}

static int unknown_command(const char *name)
{
    Nearest near = nearest_to(name);
    g_autofree char *hint = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        nearest_try(&near, commands[i].name);
    hint = nearest_hint(&near);
    return img_usage_error("Command not found: %s%s", name, hint);
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                             { "version", no_argument, NULL, 'V' },
                                             { "trace", required_argument, NULL, 'T' },
                                             { NULL, 0, NULL, 0 } };
    int c, ret;

    g_set_prgname("qemu-img");
    log_set_program("qemu-img");
    opterr = 0;
    while ((c = getopt_long(argc, argv, "+:hVT:", options, NULL)) != -1) {
        switch (c) {
        case 'h': img_help(); return 0;
        case 'V': print_version(); return 0;
        case 'T': img_refuse("--trace"); return 1;
        default: return img_bad_option(argv, c == ':');
        }
    }
    if (optind >= argc)
        return img_usage_error("Not enough arguments");
    argv += optind;
    ret = run_command(argc - optind, argv);
    return ret < 0 ? unknown_command(argv[0]) : ret;
}
