/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The property engine, its ground floor: what a row's member holds, defaults, freeing, finding a
 * row. Reading is prop-read.c, key=value text prop-kv.c, printing prop-json.c and prop-help.c, the
 * table test prop-check.c. No state of its own; every function may be called from any thread that
 * owns the struct.
 */
#include <stdarg.h>
#include <string.h>

#include "core/prop-int.h"

BARE(P_STR, Str, 8);
BARE(P_INT, Int, 0x88);
BARE(P_ANY, Any, 8);
LIST_ROWS(Str);
LIST_ROWS(Int);
const Prop Empty_rows[] = { PROP_END(Empty) };

GQuark prop_error_quark(void)
{
    return g_quark_from_static_string("prop");
}

bool user_fail(GError **err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, prop_error_quark(), PROP_ERROR_USER, text);
    return false;
}

bool id_check(const char *id, GError **err)
{
    return (g_ascii_isalpha(*id) &&
            strspn(id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-._") == strlen(id)) ||
           user_fail(err,
                     "Parameter 'id' expects an identifier (a letter, then letters, digits, '-', "
                     "'.', '_'), not '%s'",
                     id);
}

size_t prop_size(const Prop *rows)
{
    while (rows->kind != P_END)
        rows++;
    return rows->off;
}

bool prop_is_bare(const Prop *rows)
{
    bool bases = rows[0].kind != P_END && rows[1].kind != P_END;

    if (rows->kind == P_END)
        return false;
    for (; rows->kind != P_END; rows++) {
        if (rows->name || rows->kind == P_CASE || rows->kind == P_REST)
            return false;
        bases &= rows->kind == P_PART && !(rows->flags & PROP_BOXED);
    }
    return !bases;
}

static bool is_bit(const Prop *row)
{
    return row->kind == P_BOOL && row->min == 1;
}

int64_t prop_load(const Prop *row, const void *args)
{
    const void *at = prop_at(row, args);
    int64_t v;

    switch (row->width) {
    case 1: v = *(const uint8_t *)at; break;
    case 2: v = *(const uint16_t *)at; break;
    case 4: v = *(const uint32_t *)at; break;
    case 0x81: v = *(const int8_t *)at; break;
    case 0x82: v = *(const int16_t *)at; break;
    case 0x84: v = *(const int32_t *)at; break;
    default: v = *(const int64_t *)at; break;
    }
    return is_bit(row) ? v >> row->max & 1 : v;
}

void prop_store(const Prop *row, void *args, int64_t v)
{
    void *at = prop_at(row, args);

    if (is_bit(row)) {
        Prop whole = *row;
        uint64_t bit = 1ull << row->max;

        whole.min = 0;
        v = ((uint64_t)prop_load(&whole, args) & ~bit) | (v ? bit : 0);
    }
    switch (row->width & 15) {
    case 1: *(uint8_t *)at = v; break;
    case 2: *(uint16_t *)at = v; break;
    case 4: *(uint32_t *)at = v; break;
    default: *(uint64_t *)at = v; break;
    }
}

bool prop_is_unsigned64(const Prop *row)
{
    return row->width == 8;
}

void prop_limits(const Prop *row, int64_t *min, int64_t *max)
{
    unsigned bits = 8 * (row->width & 15);

    *min = row->min;
    *max = row->max;
    if (*min || *max)
        return;
    if (row->width & 0x80) {
        *max = (int64_t)(UINT64_MAX >> (65 - bits));
        *min = -*max - 1;
    } else {
        *max = bits == 64 ? -1 : (1ll << bits) - 1;
    }
}

const PropLink *prop_link_of(const Prop *row)
{
    SET_DECLARE(link);

    SET_FOREACH(link, p) {
        if ((*p)->kind == (LinkKind)row->width)
            return *p;
    }
    return NULL;
}

const char *prop_enum_name(const Prop *row, int64_t value)
{
    const char *const *names = row->aux;

    for (int64_t i = 0; names[i]; i++) {
        if (i == value)
            return names[i] + (names[i][0] == '!');
    }
    return NULL;
}

bool prop_name_is(const char *name, const char *key)
{
    for (; *name && *key; name++, key++) {
        if (*name != *key && !(strchr("-_", *name) && strchr("-_", *key)))
            return false;
    }
    return *name == *key;
}

const Prop *prop_case_tag(const Prop *rows, const Prop *row)
{
    while (row > rows && row->kind == P_CASE)
        row--;
    g_assert(row->kind == P_ENUM);
    return row;
}

bool prop_case_active(const Prop *rows, const Prop *row, const void *args)
{
    return prop_load(prop_case_tag(rows, row), args) == row->def.i;
}

bool prop_pick_choice(const Prop *row, const PropPick *pick, PropChoice *c)
{
    const PropSet *set = row->aux;

    for (size_t i = 0; pick->type && set->at(i, c); i++) {
        if (c->type == pick->type)
            return true;
    }
    return false;
}

bool prop_pick_named(const Prop *row, const char *name, PropChoice *c)
{
    const PropSet *set = row->aux;

    for (size_t i = 0; set->at(i, c); i++) {
        if (strcmp(c->name, name) == 0)
            return true;
    }
    return false;
}

void prop_pick_free(const Prop *row, PropPick *pick)
{
    PropChoice c;

    if (pick->args && prop_pick_choice(row, pick, &c))
        prop_free(c.rows, pick->args);
    g_free(pick->args);
    *pick = (PropPick){ NULL, NULL };
}

static bool table_is_default(const Prop *rows, const void *args)
{
    for (const Prop *row = rows; row->kind != P_END; row++) {
        if (row->kind == P_CASE && !prop_case_active(rows, row, args))
            continue;
        if (!prop_is_default(row, args))
            return false;
    }
    return true;
}

bool prop_is_default(const Prop *row, const void *args)
{
    void *at = prop_at(row, args);

    switch (row->kind) {
    case P_BOOL:
    case P_INT:
    case P_SIZE:
    case P_ENUM: return prop_load(row, args) == row->def.i;
    case P_NUM: return *(double *)at == row->def.d;
    case P_STR: return g_strcmp0(*(char **)at, row->def.s) == 0;
    case P_NULL: return !*(bool *)at;
    case P_PART:
        if (!(row->flags & PROP_BOXED))
            return table_is_default(row->aux, at);
        return !*(void **)at;
    case P_CASE: return table_is_default(row->aux, at);
    case P_ALIAS: return true;
    default: return !*(void **)at; /* LINK, ANY, LIST, PICK, REST: a pointer comes first */
    }
}

void prop_row_defaults(const Prop *rows, const Prop *row, void *args)
{
    void *at = prop_at(row, args);

    switch (row->kind) {
    case P_BOOL:
    case P_INT:
    case P_SIZE:
    case P_ENUM: prop_store(row, args, row->def.i); break;
    case P_NUM: *(double *)at = row->def.d; break;
    case P_STR: *(char **)at = g_strdup(row->def.s); break;
    case P_PART:
        if (!(row->flags & PROP_BOXED))
            prop_lay_defaults(row->aux, at);
        break;
    case P_CASE:
        if (prop_case_active(rows, row, args))
            prop_lay_defaults(row->aux, at);
        break;
    default: break;
    }
}

void prop_lay_defaults(const Prop *rows, void *args)
{
    for (const Prop *row = rows; row->kind != P_END; row++)
        prop_row_defaults(rows, row, args);
}

void prop_defaults(const Prop *rows, void *args)
{
    memset(args, 0, prop_size(rows));
    prop_lay_defaults(rows, args);
}

typedef struct AnyList {
    char *at;
    size_t n;
} AnyList;

static void list_free(const Prop *row, AnyList *list)
{
    size_t size = prop_size(row->aux);

    for (size_t i = 0; i < list->n; i++)
        prop_free(row->aux, list->at + i * size);
    g_free(list->at);
    *list = (AnyList){ NULL, 0 };
}

static void link_free(const Prop *row, void **at)
{
    const PropLink *link = prop_link_of(row);

    if (*at && link)
        link->drop(*at);
    *at = NULL;
}

static void part_free(const Prop *row, void *at)
{
    void **box = at;

    if (!(row->flags & PROP_BOXED)) {
        prop_free(row->aux, at);
    } else if (*box) {
        prop_free(row->aux, *box);
        g_clear_pointer(box, g_free);
    }
}

void prop_row_free(const Prop *rows, const Prop *row, void *args)
{
    void *at = prop_at(row, args);

    switch (row->kind) {
    case P_STR: g_clear_pointer((char **)at, g_free); break;
    case P_ANY:
    case P_REST: g_clear_pointer((Json **)at, json_free); break;
    case P_LINK: link_free(row, at); break;
    case P_LIST: list_free(row, at); break;
    case P_PICK: prop_pick_free(row, at); break;
    case P_PART: part_free(row, at); break;
    case P_CASE:
        if (prop_case_active(rows, row, args))
            prop_free(row->aux, at);
        break;
    default: break;
    }
}

void prop_free(const Prop *rows, void *args)
{
    for (const Prop *row = rows; row->kind != P_END; row++)
        prop_row_free(rows, row, args);
}

/* The rows below one row that count as the owner's own; NULL: the row counts itself. */
static const Prop *rows_below(const Prop *rows, const Prop *row, void *args, bool text, void **sub)
{
    *sub = args ? prop_at(row, args) : NULL;
    switch (row->kind) {
    case P_PART:
        if (row->flags & PROP_BOXED)
            return NULL;
        return !row->name || (text && (row->flags & PROP_FLAT)) ? row->aux : NULL;
    case P_CASE: return !args || prop_case_active(rows, row, args) ? row->aux : Empty_rows;
    default: return NULL;
    }
}

static bool each_picked(const Prop *row, void *args, bool text, PropVisit *visit, void *o)
{
    PropPick *pick = args ? prop_at(row, args) : NULL;
    PropChoice c;

    return pick && prop_pick_choice(row, pick, &c) && c.rows &&
           prop_each(c.rows, pick->args, text, visit, o);
}

bool prop_each(const Prop *rows, void *args, bool text, PropVisit *visit, void *o)
{
    for (const Prop *row = rows; row->kind != P_END; row++) {
        void *sub;
        const Prop *below = rows_below(rows, row, args, text, &sub);

        if (below ? prop_each(below, sub, text, visit, o) : visit(o, row, args))
            return true;
        if (row->kind == P_PICK && each_picked(row, args, text, visit, o))
            return true;
    }
    return false;
}

typedef struct Find {
    const char *key;
    const Prop *row;
    void *args;
} Find;

static bool find_visit(void *o, const Prop *row, void *args)
{
    Find *f = o;

    if (!row->name || row->kind == P_ALIAS || !prop_name_is(row->name, f->key))
        return false;
    f->row = row;
    f->args = args;
    return true;
}

static bool find_alias(void *o, const Prop *row, void *args)
{
    Find *f = o;

    if (row->kind != P_ALIAS || !prop_name_is(row->name, f->key))
        return false;
    f->key = row->aux;
    return true;
}

/* A dotted path, part by part; an alias is replaced by the path it stands for. */
static Find find_path(const Prop *rows, void *args, const char *path)
{
    Find f = { path, NULL, NULL };
    const char *dot;

    if (!prop_each(rows, args, true, find_visit, &f))
        prop_each(rows, args, true, find_alias, &f);
    path = f.key;
    while ((dot = strchr(path, '.'))) {
        g_autofree char *first = g_strndup(path, dot - path);

        f.row = NULL;
        f.key = first;
        prop_each(rows, args, true, find_visit, &f);
        if (!f.row || f.row->kind != P_PART)
            return (Find){ path, NULL, NULL };
        rows = f.row->aux;
        args = prop_at(f.row, f.args);
        args = f.row->flags & PROP_BOXED ? *(void **)args : args;
        if (!args)
            return (Find){ path, NULL, NULL };
        path = dot + 1;
    }
    f = (Find){ path, NULL, NULL };
    prop_each(rows, args, true, find_visit, &f);
    return f;
}

const Prop *prop_find(const Prop *rows, const void *args, const char *name)
{
    return find_path(rows, (void *)args, name).row;
}

Json *prop_get(const Prop *rows, const void *args, const char *name)
{
    Find f = find_path(rows, (void *)args, name);

    return f.row ? prop_row_to_json(f.row, f.args) : NULL;
}

static const char *int_type_name(unsigned width)
{
    switch (width) {
    case 1: return "uint8";
    case 2: return "uint16";
    case 4: return "uint32";
    case 8: return "uint64";
    case 0x81: return "int8";
    case 0x82: return "int16";
    case 0x84: return "int32";
    default: return "int64";
    }
}

const char *prop_type_name(const Prop *row)
{
    switch (row->kind) {
    case P_BOOL: return "bool";
    case P_INT: return int_type_name(row->width);
    case P_SIZE: return "size";
    case P_NUM: return "number";
    case P_LIST: return "list";
    case P_PART: return "struct";
    case P_ANY: return "any";
    default: return "str";
    }
}
