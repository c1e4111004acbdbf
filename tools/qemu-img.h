/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to tools/qemu-img*.c. A command returns the exit status; errors are printed by then. */
#ifndef TOOLS_QEMU_IMG_H
#define TOOLS_QEMU_IMG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ImgCommand {
    const char *name, *usage;          /* usage: its arguments, as in --help */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} ImgCommand;

int img_create(int argc, char **argv);
int img_convert(int argc, char **argv);
int img_info(int argc, char **argv);
int img_check(int argc, char **argv);

/* "qemu-img: text"; the second adds where help is */
void img_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
int img_usage_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2); /* 1 */
/* Prints err and frees it; 1 */
int img_fail(GError *err, const char *prefix);
/* What getopt says no to: a missing argument, an option that does not exist; 1 */
int img_bad_option(char **argv, bool missing);
void img_help(void);

typedef enum { OUTPUT_HUMAN, OUTPUT_JSON } ImgOutput;
bool img_output(const char *word, ImgOutput *out); /* false: said so */
/* -T: what the cache word means as NODE_ flags; false: said so */
bool img_cache(const char *word, unsigned *flags);
/* Options that every command knows and we do not serve; false: said so */
bool img_refuse(const char *option);

#endif
