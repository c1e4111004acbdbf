/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the word before the cursor may become: a command, then by the row that the word would fill:
 * an enum's or a driver's names, on and off, a file, a key, the name of a thing that the machine
 * has, a command for help.
 */
#include "monitor/monitor-int.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "block/drive.h"
#include "core/device.h"
#include "core/object.h"
#include "net/netdev.h"
#include "ui/keymap.h"
#include "util/trace.h"

typedef struct Words {
    Vm *vm;
    GPtrArray *at;     /* char * */
    const char *begin; /* what they begin with */
} Words;

static void word_try(Words *w, const char *word)
{
    if (word && g_str_has_prefix(word, w->begin))
        g_ptr_array_add(w->at, g_strdup(word));
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

static void complete_file(Words *w)
{
    const char *begin = w->begin, *slash = strrchr(begin, '/');
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
        g_ptr_array_add(w->at, g_strconcat(path, is_dir ? "/" : NULL, NULL));
    }
    if (d)
        closedir(d);
}

/* Keys are joined by '-': the last one is completed, "-" excepted (its name is minus). */
static void complete_key(Words *w)
{
    const char *last = strrchr(w->begin, '-');
    g_autofree char *before = g_strndup(w->begin, last ? (gsize)(last - w->begin) + 1 : 0);
    for (size_t i = 0; key_names[i]; i++)
        if (g_str_has_prefix(key_names[i], last ? last + 1 : w->begin))
            g_ptr_array_add(w->at, g_strconcat(before, key_names[i], NULL));
}

/* ---- names of what the machine has ---- */

static void complete_chardev(Words *w)
{
    const GPtrArray *all = chardev_all(w->vm);
    for (guint i = 0; i < all->len; i++)
        word_try(w, ((Chardev *)all->pdata[i])->label);
}

static void complete_drive(Words *w)
{
    for (BlockFront *b = NULL; (b = drive_next(w->vm, b));)
        word_try(w, blk_name(b));
}

/* change takes vnc as well, commit all */
static void complete_changed(Words *w)
{
    word_try(w, "vnc");
    complete_drive(w);
}

static void complete_committed(Words *w)
{
    word_try(w, "all");
    complete_drive(w);
}

static void device_try(Device *d, void *o)
{
    word_try(o, d->id);
}

static void complete_device(Words *w)
{
    device_foreach(w->vm, device_try, w);
}

SET_DECLARE(device);

static void complete_device_type(Words *w)
{
    SET_FOREACH(device, p) {
        if ((*p)->flags & TYPE_USER)
            word_try(w, (*p)->name);
    }
}

static void object_try(Object *obj, void *o)
{
    word_try(o, obj->id);
}

static void complete_object(Words *w)
{
    objects_foreach(w->vm, object_try, w);
}

static void net_try(Words *w, bool nics)
{
    const GPtrArray *all = net_ports(w->vm);
    for (guint i = 0; i < all->len; i++) {
        const NetPort *port = all->pdata[i];
        if (nics || !net_is_nic(port))
            word_try(w, port->name);
    }
}

static void complete_netdev(Words *w)
{
    net_try(w, false);
}

static void complete_net(Words *w)
{
    net_try(w, true);
}

static void trace_try(void *o, const char *name, bool on)
{
    word_try(o, name);
}

static void complete_trace(Words *w)
{
    trace_each(trace_try, w);
}

static const struct {
    const char *command, *row;
    void (*fn)(Words *);
} named[] = {
    { "change", "device", complete_changed },
    { "commit", "device", complete_committed },
    { "eject", "device", complete_drive },
    { "info block", "device", complete_drive },
    { "block_resize", "device", complete_drive },
    { "block_set_io_throttle", "device", complete_drive },
    { "drive_del", "id", complete_drive },
    { "screendump", "device", complete_device },
    { "device_add", "driver", complete_device_type },
    { "device_del", "id", complete_device },
    { "object_del", "id", complete_object },
    { "netdev_del", "id", complete_netdev },
    { "host_net_remove", "device", complete_netdev },
    { "set_link", "name", complete_net },
    { "chardev-remove", "id", complete_chardev },
    { "chardev-send-break", "id", complete_chardev },
    { "trace-event", "name", complete_trace },
    { "info trace-events", "name", complete_trace },
};

static void complete_pick(Words *w, const PropSet *set)
{
    PropChoice c;
    for (size_t i = 0; set->at(i, &c); i++)
        word_try(w, c.name);
}

static void complete_row(Words *w, const Command *c, const Prop *row)
{
    for (size_t i = 0; i < G_N_ELEMENTS(named); i++)
        if (hmp_name_is(c, named[i].command) && strcmp(row->name, named[i].row) == 0)
            named[i].fn(w);
    if (row->kind == P_ENUM) {
        for (const char *const *p = row->aux; *p; p++)
            word_try(w, *p + (**p == '!'));
    } else if (row->kind == P_BOOL) {
        word_try(w, "on");
        word_try(w, "off");
    } else if (row->kind == P_PICK) {
        complete_pick(w, row->aux);
    } else if (strcmp(row->name, "filename") == 0) {
        complete_file(w);
    } else if (strcmp(row->name, "keys") == 0) {
        complete_key(w);
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
        complete_row(&(Words){ vm, words, word }, c, row);
    else if (!c)
        complete_command(vm, words, line, strlen(line), (size_t)(word - line));
    g_ptr_array_sort(words, by_name);
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}
