/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/info.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "util/json.h"
#include "util/text.h"

static Json *take(Json *from, const char *key)
{
    Json *j = from ? json_get(from, key) : NULL;

    return j ? json_copy(j) : NULL;
}

static void set_if(Json *to, const char *key, Json *value)
{
    if (value)
        json_set(to, key, value);
}

static int64_t allocated(BlockNode *node)
{
    while (node && !node->drv->allocated)
        node = node->file;
    return node ? node->drv->allocated(node) : -1;
}

/* Members in the order that 7.2 prints them. */
Json *image_info(BlockNode *node, const char *filename)
{
    g_autoptr(Json) info = node->drv->info ? node->drv->info(node) : NULL;
    Json *j = json_obj(), *specific, *data = take(info, "data");
    g_autofree char *full = !node->backing_file ? NULL
                            : node->backing     ? g_strdup(node->backing->filename)
                                                : block_path(filename, node->backing_file);

    set_if(j, "snapshots", take(info, "snapshots"));
    if (node->backing_format && node->backing_file)
        json_set(j, "backing-filename-format", json_str(node->backing_format));
    json_set(j, "virtual-size", json_int(node_length(node)));
    json_set(j, "filename", json_str(filename));
    if (node->limits.unit)
        json_set(j, "cluster-size", json_int(node->limits.unit));
    json_set(j, "format", json_str(node->drv->name));
    if (allocated(node) >= 0)
        json_set(j, "actual-size", json_int(allocated(node)));
    set_if(j, "encrypted", take(info, "encrypted"));
    if (data) {
        specific = json_obj();
        json_set(specific, "type", json_str(node->drv->name));
        json_set(specific, "data", data);
        json_set(j, "format-specific", specific);
    }
    if (full) {
        json_set(j, "full-backing-filename", json_str(full));
        json_set(j, "backing-filename", json_str(node->backing_file));
    }
    json_set(j, "dirty-flag",
             json_bool(info && json_get(info, "dirty-flag") && json_get(info, "dirty-flag")->b));
    return j;
}

/* ---- text ---- */

static void print_size(const Json *j, const char *key, const char *label, bool bytes, GString *out)
{
    const Json *v = json_get(j, key);
    g_autofree char *text = v ? text_size_print(v->i) : NULL;

    if (!v)
        return;
    g_string_append_printf(out, "%s: %s", label, text);
    if (bytes)
        g_string_append_printf(out, " (%" PRId64 " bytes)", v->i);
    g_string_append_c(out, '\n');
}

static bool is_true(const Json *j, const char *key)
{
    const Json *v = json_get(j, key);

    return v && v->kind == J_BOOL && v->b;
}

static void print_backing(const Json *j, GString *out)
{
    const char *file = json_get_str(j, "backing-filename");
    const char *full = json_get_str(j, "full-backing-filename");
    const char *format = json_get_str(j, "backing-filename-format");

    if (!file)
        return;
    g_string_append_printf(out, "backing file: %s", file);
    if (full && strcmp(file, full))
        g_string_append_printf(out, " (actual path: %s)", full);
    g_string_append_c(out, '\n');
    if (format)
        g_string_append_printf(out, "backing file format: %s\n", format);
}

static void print_snapshot(const Json *s, GString *out)
{
    time_t date = json_get(s, "date-sec")->i;
    uint64_t sec = json_get(s, "vm-clock-sec")->i, ms = json_get(s, "vm-clock-nsec")->i / 1000000;
    const Json *icount = json_get(s, "icount");
    g_autofree char *size = text_size_print(json_get(s, "vm-state-size")->i);
    g_autofree char *clock = g_strdup_printf("%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64,
                                             sec / 3600, sec / 60 % 60, sec % 60, ms);
    g_autofree char *count = icount ? g_strdup_printf("%" PRId64, icount->i) : g_strdup("");
    char when[32];
    struct tm tm;

    localtime_r(&date, &tm);
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
    g_string_append_printf(out, "%-9s %-16s %8s%20s%13s%11s\n", json_get_str(s, "id"),
                           json_get_str(s, "name"), size, when, clock, count);
}

static void print_snapshots(const Json *list, GString *out)
{
    if (!list)
        return;
    g_string_append_printf(out, "Snapshot list:\n%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG",
                           "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
    for (size_t i = 0; i < list->n; i++)
        print_snapshot(list->at[i], out);
}

/* Names lose their dashes; a part goes one step to the right. */
static void print_specific(const Json *data, int indent, GString *out)
{
    for (size_t i = 0; i < data->n; i++) {
        g_autofree char *name = g_strdelimit(g_strdup(data->mem[i].key), "-", ' ');
        const Json *v = data->mem[i].value;
        g_autofree char *text = v->kind == J_STR ? g_strdup(v->s) : json_text(v, 0);

        g_string_append_printf(out, "%*s%s:", indent, "", name);
        if (v->kind == J_OBJ) {
            g_string_append_c(out, '\n');
            print_specific(v, indent + 4, out);
        } else {
            g_string_append_printf(out, " %s\n", text);
        }
    }
}

void image_info_print(const Json *j, GString *out)
{
    const Json *unit = json_get(j, "cluster-size"), *specific = json_get(j, "format-specific");

    g_string_append_printf(out, "image: %s\nfile format: %s\n", json_get_str(j, "filename"),
                           json_get_str(j, "format"));
    print_size(j, "virtual-size", "virtual size", true, out);
    print_size(j, "actual-size", "disk size", false, out);
    if (is_true(j, "encrypted"))
        g_string_append(out, "encrypted: yes\n");
    if (unit)
        g_string_append_printf(out, "cluster_size: %" PRId64 "\n", unit->i);
    if (is_true(j, "dirty-flag"))
        g_string_append(out, "cleanly shut down: no\n");
    print_backing(j, out);
    print_snapshots(json_get(j, "snapshots"), out);
    if (specific) {
        g_string_append(out, "Format specific information:\n");
        print_specific(json_get(specific, "data"), 4, out);
    }
}
