/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a table takes, as text: "  name=<type>      - help (default: x)", sorted by name. */
#include <string.h>

#include "core/prop-int.h"

static void print_names(const Prop *row, const char *sep, GString *out)
{
    const char *const *names = row->aux;
    const char *between = "";

    for (; *names; names++) {
        if (**names == '!')
            continue;
        g_string_append_printf(out, "%s%s", between, *names);
        between = sep;
    }
}

static char *default_text(const Prop *row)
{
    switch (row->kind) {
    case P_BOOL: return row->def.i < 0 ? NULL : g_strdup(row->def.i ? "true" : "false");
    case P_INT:
        if (prop_is_unsigned64(row))
            return g_strdup_printf("%" G_GUINT64_FORMAT, (uint64_t)row->def.i);
        return g_strdup_printf("%" G_GINT64_FORMAT, row->def.i);
    case P_SIZE: return g_strdup_printf("%" G_GUINT64_FORMAT, (uint64_t)row->def.i);
    case P_NUM: return g_strdup_printf("%g", row->def.d);
    case P_STR: return row->def.s ? g_strdup_printf("\"%s\"", row->def.s) : NULL;
    case P_ENUM: {
        const char *name = prop_enum_name(row, row->def.i);

        return name ? g_strdup_printf("\"%s\"", name) : NULL;
    }
    default: return NULL;
    }
}

static char *describe(const Prop *row)
{
    g_autofree char *def = row->flags & PROP_NEED ? NULL : default_text(row);
    GString *out = g_string_new(row->help);

    if (row->kind == P_LINK && !out->len && prop_link_of(row))
        g_string_append_printf(out, "ID of a %s", prop_link_of(row)->name);
    if (row->kind == P_BOOL && !out->len)
        g_string_append(out, "on/off");
    if (row->kind == P_ENUM) {
        g_string_append(out, out->len ? ", " : "");
        print_names(row, "/", out);
    }
    if (def)
        g_string_append_printf(out, " (default: %s)", def);
    return g_string_free(out, FALSE);
}

typedef struct HelpLines {
    GPtrArray *lines;
    const char *prefix;
} HelpLines;

static bool help_visit(void *o, const Prop *row, void *args)
{
    HelpLines *h = o;
    g_autofree char *left = NULL;
    g_autofree char *text = NULL;

    if (!row->name || row->kind == P_ALIAS || (row->flags & PROP_HIDDEN))
        return false;
    if (row->kind == P_PART && !(row->flags & PROP_BOXED) && !prop_is_bare(row->aux)) {
        g_autofree char *prefix = g_strdup_printf("%s%s.", h->prefix, row->name);
        HelpLines sub = { h->lines, prefix };

        prop_each(row->aux, NULL, true, help_visit, &sub);
        return false;
    }
    left = g_strdup_printf("%s%s=<%s>", h->prefix, row->name, prop_type_name(row));
    text = describe(row);
    g_ptr_array_add(h->lines, *text ? g_strdup_printf("  %-22s - %s\n", left, text)
                                    : g_strdup_printf("  %s\n", left));
    return false;
}

static int line_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *prop_help_now(const Prop *rows, void *args, const char *title)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    HelpLines h = { lines, "" };
    GString *out = g_string_new(NULL);

    if (title)
        g_string_append_printf(out, "%s options:\n", title);
    prop_each(rows, args, true, help_visit, &h);
    g_ptr_array_sort(lines, line_compare);
    for (guint i = 0; i < lines->len; i++)
        g_string_append(out, lines->pdata[i]);
    return g_string_free(out, FALSE);
}

char *prop_help(const Prop *rows, const char *title)
{
    return prop_help_now(rows, NULL, title);
}

char *prop_help_row(const Prop *row)
{
    GString *out = g_string_new(NULL);
    PropChoice c;

    if (row->kind == P_ENUM) {
        g_string_append_printf(out, "Parameter '%s' takes one of:\n  ", row->name);
        print_names(row, "\n  ", out);
        g_string_append_c(out, '\n');
    } else {
        const PropSet *set = row->aux;
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        for (size_t i = 0; set->at(i, &c); i++)
            g_ptr_array_add(names, (char *)c.name);
        g_ptr_array_sort(names, line_compare);
        g_string_append_printf(out, "Available %s backend types: \n", set->what);
        for (guint i = 0; i < names->len; i++)
            g_string_append_printf(out, "  %s\n", (char *)names->pdata[i]);
    }
    return g_string_free(out, FALSE);
}
