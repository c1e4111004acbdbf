/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A filled struct as JSON, the way QMP shows it: rows that hold their default are left out. */
#include <string.h>

#include "core/prop-int.h"

/* What a REST row kept from key=value text leaves as strings and objects. */
static Json *plain_json(const Json *j)
{
    Json *out;

    if (j->kind != J_KV)
        return json_copy(j);
    if (!j->n)
        return json_str(j->s ? j->s : "on");
    out = json_obj();
    for (size_t i = 0; i < j->n; i++)
        json_set(out, j->mem[i].key, plain_json(j->mem[i].value));
    return out;
}

static Json *list_to_json(const Prop *row, const void *at)
{
    const StrList *list = at; /* every list is { at, n } */
    const char *item = (const char *)list->at;
    size_t size = prop_size(row->aux);
    Json *out = json_list();

    for (size_t i = 0; i < list->n; i++)
        json_append(out, prop_to_json(row->aux, item + i * size));
    return out;
}

static Json *link_to_json(const Prop *row, const void *target)
{
    const PropLink *link = prop_link_of(row);
    const char *id = target && link ? link->id(target) : NULL;

    return json_str(id ? id : "");
}

static Json *pick_to_json(const Prop *row, const PropPick *pick)
{
    PropChoice c;

    return prop_pick_choice(row, pick, &c) ? json_str(c.name) : json_null();
}

Json *prop_row_to_json(const Prop *row, const void *args)
{
    void *at = prop_at(row, args);
    const char *name;

    switch (row->kind) {
    case P_BOOL: return json_bool(prop_load(row, args) > 0);
    case P_INT:
    case P_SIZE:
        if (prop_is_unsigned64(row))
            return json_uint(prop_load(row, args));
        return json_int(prop_load(row, args));
    case P_NUM: return json_num(*(double *)at);
    case P_STR: return json_str(*(char **)at ? *(char **)at : "");
    case P_ENUM:
        name = prop_enum_name(row, prop_load(row, args));
        return json_str(name ? name : "");
    case P_LINK: return link_to_json(row, *(void **)at);
    case P_ANY: return *(Json **)at ? plain_json(*(Json **)at) : json_null();
    case P_PART:
        at = row->flags & PROP_BOXED ? *(void **)at : at;
        return at ? prop_to_json(row->aux, at) : json_null();
    case P_LIST: return list_to_json(row, at);
    case P_PICK: return pick_to_json(row, at);
    default: return json_null();
    }
}

static void rows_to_members(const Prop *rows, const void *args, Json *out);

static void rest_to_members(const Json *rest, Json *out)
{
    for (size_t i = 0; rest && i < rest->n; i++)
        json_set(out, rest->mem[i].key, plain_json(rest->mem[i].value));
}

/* Rows of a case or driver: beside the tag, or below "data". */
static void sub_to_members(const Prop *row, const Prop *rows, const void *args, Json *out)
{
    Json *data;

    if (!(row->flags & PROP_DATA)) {
        rows_to_members(rows, args, out);
        return;
    }
    data = json_obj();
    rows_to_members(rows, args, data);
    json_set(out, "data", data);
}

static void pick_to_members(const Prop *row, const PropPick *pick, Json *out)
{
    PropChoice c;

    if (!prop_pick_choice(row, pick, &c))
        return;
    json_set(out, row->name, json_str(c.name));
    if (c.rows)
        sub_to_members(row, c.rows, pick->args, out);
}

static void row_to_members(const Prop *rows, const Prop *row, const void *args, Json *out)
{
    void *at = prop_at(row, args);

    if (row->kind == P_ALIAS)
        return;
    if (row->kind == P_REST)
        rest_to_members(*(Json **)at, out);
    else if (row->kind == P_PICK)
        pick_to_members(row, at, out);
    else if (row->kind == P_CASE && prop_case_active(rows, row, args))
        sub_to_members(row, row->aux, at, out);
    else if (row->kind == P_PART && !row->name)
        rows_to_members(row->aux, at, out);
    else if (row->name && ((row->flags & PROP_NEED) || !prop_is_default(row, args)))
        json_set(out, row->name, prop_row_to_json(row, args));
}

static void rows_to_members(const Prop *rows, const void *args, Json *out)
{
    for (const Prop *row = rows; row->kind != P_END; row++)
        row_to_members(rows, row, args, out);
}

Json *prop_to_json(const Prop *rows, const void *args)
{
    Json *out;

    if (prop_is_bare(rows)) {
        const Prop *row = rows;

        while (row[1].kind != P_END && prop_is_default(row, args))
            row++;
        return prop_row_to_json(row, args);
    }
    out = json_obj();
    rows_to_members(rows, args, out);
    return out;
}
