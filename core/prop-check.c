/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a table well made? What the macros cannot prove: the order rows must stand in, unique names,
 * members inside the struct, defaults a row itself would take. Used by the test over all tables.
 */
#include <string.h>

#include "core/prop-int.h"

typedef struct Check {
    GHashTable *seen; /* tables checked already: types recurse */
    GString *bad;
} Check;

G_GNUC_PRINTF(4, 5)
static void check_bad(Check *c, const char *table, const Prop *row, const char *fmt, ...)
{
    va_list ap;

    g_string_append_printf(c->bad, "%s%s%s: ", table, row->name ? "." : "",
                           row->name ? row->name : "");
    va_start(ap, fmt);
    g_string_append_vprintf(c->bad, fmt, ap);
    va_end(ap);
    g_string_append_c(c->bad, '\n');
}

static size_t row_bytes(const Prop *row)
{
    switch (row->kind) {
    case P_BOOL:
    case P_INT:
    case P_ENUM:
    case P_SIZE:
    case P_NUM: return row->width & 15;
    case P_NULL: return sizeof(bool);
    case P_ALIAS: return 0;
    case P_LIST:
    case P_PICK: return 16;
    case P_CASE: return prop_size(row->aux);
    case P_PART: return row->flags & PROP_BOXED ? 8 : prop_size(row->aux);
    default: return sizeof(void *);
    }
}

static bool is_twin(const Prop *scalar, const Prop *part)
{
    return part == scalar + 1 && (part->kind == P_PART || part->kind == P_LIST) &&
           scalar->kind != P_PART && scalar->kind != P_LIST;
}

static void check_name(Check *c, const char *table, const Prop *rows, const Prop *row)
{
    if (!row->name)
        return;
    if (!*row->name || strpbrk(row->name, ".,= "))
        check_bad(c, table, row, "a name has no '.', ',', '=' or blank and is not empty");
    for (const Prop *other = rows; other < row; other++) {
        if (other->name && prop_name_is(other->name, row->name) && !is_twin(other, row))
            check_bad(c, table, row, "the name comes twice");
    }
}

static void check_default(Check *c, const char *table, const Prop *row)
{
    int64_t min, max;

    if (row->kind == P_ENUM && row->def.i != -1 && !prop_enum_name(row, row->def.i))
        check_bad(c, table, row, "the default is no value of the enum");
    if (row->kind == P_ENUM && row->def.i < 0 && !(row->width & 0x80))
        check_bad(c, table, row, "default -1 needs a signed member");
    if (row->kind != P_INT || prop_is_unsigned64(row) || (row->flags & PROP_NEED))
        return;
    prop_limits(row, &min, &max);
    /* -1 outside the range is the sentinel "not given" */
    if ((row->def.i < min || row->def.i > max) && row->def.i != -1)
        check_bad(c, table, row, "the default is out of range");
}

static void check_case(Check *c, const char *table, const Prop *rows, const Prop *row)
{
    const Prop *tag = row;

    while (tag > rows && tag->kind == P_CASE)
        tag--;
    if (tag->kind != P_ENUM)
        check_bad(c, table, row, "an enum row stands directly above its cases");
    else if (!prop_enum_name(tag, row->def.i))
        check_bad(c, table, row, "case %d is no value of %s", (int)row->def.i, tag->name);
}

static bool need_visit(void *o, const Prop *row, void *args)
{
    return row->flags & PROP_NEED;
}

/* In place and optional means: present when something in it is not default. */
static void check_part(Check *c, const char *table, const Prop *row)
{
    if (row->kind != P_PART || (row->flags & (PROP_BOXED | PROP_NEED | PROP_FLAT)) || !row->name)
        return;
    if (prop_each(row->aux, NULL, false, need_visit, NULL))
        check_bad(c, table, row, "an optional part with NEED rows must be a box");
}

static void check_alias(Check *c, const char *table, const Prop *rows, const Prop *row)
{
    const char *target = row->aux;
    g_autofree char *first = NULL;

    if (row->kind != P_ALIAS)
        return;
    first = g_strndup(target, strcspn(target, "."));
    for (const Prop *r = rows; r->kind != P_END; r++) {
        if (r->kind == P_REST || r->kind == P_PICK || (r->name && strcmp(r->name, first) == 0))
            return;
    }
    if (!prop_find(rows, NULL, first))
        check_bad(c, table, row, "alias of '%s', which is no row", target);
}

static void check_table(Check *c, const char *table, const Prop *rows)
{
    size_t size = prop_size(rows);

    if (!g_hash_table_add(c->seen, (void *)rows))
        return;
    for (const Prop *row = rows; row->kind != P_END; row++) {
        g_autofree char *sub = g_strdup_printf("%s/%s", table, row->name ? row->name : "");
        bool nested = row->kind == P_PART || row->kind == P_LIST || row->kind == P_CASE;

        if ((nested || row->kind == P_ENUM || row->kind == P_PICK || row->kind == P_ALIAS) &&
            !row->aux) {
            check_bad(c, table, row, "a row of this kind refers to something");
            continue;
        }
        if (row->off + row_bytes(row) > size)
            check_bad(c, table, row, "lies outside the struct");
        if (row->kind == P_CASE)
            check_case(c, table, rows, row);
        check_name(c, table, rows, row);
        check_default(c, table, row);
        check_part(c, table, row);
        check_alias(c, table, rows, row);
        if (nested)
            check_table(c, sub, row->aux);
    }
}

char *prop_check(const Prop *rows, const char *name)
{
    Check c = { g_hash_table_new(NULL, NULL), g_string_new(NULL) };

    check_table(&c, name, rows);
    g_hash_table_unref(c.seen);
    if (c.bad->len)
        return g_string_free(c.bad, FALSE);
    g_string_free(c.bad, TRUE);
    return NULL;
}
