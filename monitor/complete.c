/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the word before the cursor may become: a command, then by the row that the word would fill:
 * an enum's names, on and off, a file, a key, a chardev, a command for help.
 */
#include "monitor/monitor-int.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "ui/keymap.h"

static void word_try(GPtrArray *words, const char *begin, size_t n, const char *word)
{
    if (strncmp(word, begin, n) == 0)
        g_ptr_array_add(words, g_strdup(word));
}

/* Commands whose name continues `text` ("info c"), only the part from *start on. */
static void complete_command(Vm *vm, GPtrArray *words, const char *text, size_t n, size_t skip)
{
    const GPtrArray *all = monitor_list(vm)->by_hmp;
    for (guint i = 0; i < all->len; i++) {
        g_auto(GStrv) names = g_strsplit(((const Command *)all->pdata[i])->hmp, "|", -1);
        for (char **w = names; *w; w++) {
            if (strncmp(*w, text, n) != 0)
                continue;
            g_autofree char *word = g_strndup(*w + skip, strcspn(*w + skip, " "));
            guint last = words->len;
            if (!last || strcmp(words->pdata[last - 1], word) != 0)
                g_ptr_array_add(words, g_steal_pointer(&word));
        }
    }
}

static void complete_file(GPtrArray *words, const char *begin)
{
    const char *slash = strrchr(begin, '/');
    g_autofree char *dir = slash ? g_strndup(begin, (gsize)(slash - begin) + 1) : g_strdup("");
    const char *name = slash ? slash + 1 : begin;
    DIR *d = opendir(*dir ? dir : ".");
    struct dirent *e;

    while (d && (e = readdir(d))) {
        struct stat st;
        g_autofree char *path = g_strconcat(dir, e->d_name, NULL);
        if (strncmp(e->d_name, name, strlen(name)) != 0 || (e->d_name[0] == '.' && !*name))
            continue;
        bool is_dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        g_ptr_array_add(words, g_strconcat(path, is_dir ? "/" : NULL, NULL));
    }
    if (d)
        closedir(d);
}

static void complete_chardev(Vm *vm, GPtrArray *words, const char *begin)
{
    const GPtrArray *all = chardev_all(vm);
    for (guint i = 0; i < all->len; i++)
        word_try(words, begin, strlen(begin), ((Chardev *)all->pdata[i])->label);
}

/* Keys are joined by '-': the last one is completed, "-" excepted (its name is minus). */
static void complete_key(GPtrArray *words, const char *begin)
{
    const char *last = strrchr(begin, '-');
    g_autofree char *before = g_strndup(begin, last ? (gsize)(last - begin) + 1 : 0);
    for (size_t i = 0; key_names[i]; i++)
        if (g_str_has_prefix(key_names[i], last ? last + 1 : begin))
            g_ptr_array_add(words, g_strconcat(before, key_names[i], NULL));
}

static void complete_row(Vm *vm, GPtrArray *words, const Prop *row, const char *begin)
{
    if (row->kind == P_ENUM) {
        for (const char *const *w = row->aux; *w; w++)
            word_try(words, begin, strlen(begin), *w + (**w == '!'));
    } else if (row->kind == P_BOOL) {
        word_try(words, begin, strlen(begin), "on");
        word_try(words, begin, strlen(begin), "off");
    } else if (strcmp(row->name, "filename") == 0) {
        complete_file(words, begin);
    } else if (strcmp(row->name, "keys") == 0) {
        complete_key(words, begin);
    } else if (strcmp(row->name, "chardev") == 0) {
        complete_chardev(vm, words, begin);
    }
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **hmp_complete(Vm *vm, const char *text, size_t cursor, size_t *start)
{
    g_autofree char *before = g_strndup(text, cursor);
    const char *line = before + strspn(before, " \t");
    const char *word = before + cursor, *rest;
    GPtrArray *words = g_ptr_array_new();

    while (word > line && !g_ascii_isspace(word[-1]))
        word--;
    *start = (size_t)(word - before);
    const Command *c = word > line ? hmp_find(vm, line, &rest) : NULL;
    const Prop *row = c && rest < word ? hmp_row_at(c, rest) : NULL;
    if (row && strcmp(row->name, "command") == 0) {
        /* help's argument may be two words, as a line's own beginning */
        rest += strspn(rest, " \t");
        complete_command(vm, words, rest, strlen(rest), (size_t)(word - rest));
    } else if (row)
        complete_row(vm, words, row, word);
    else if (!c)
        complete_command(vm, words, line, strlen(line), (size_t)(word - line));
    g_ptr_array_sort(words, by_name);
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}
