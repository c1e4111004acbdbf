/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * query-qmp-schema: every command and event, and the types they carry, read from the same rows that
 * parse them. Shape as 7.2's: types have numbers for names ("0", "[0]" is a list of it), enums and
 * objects that share their rows share their number, optional members have "default": null.
 */
#include "monitor/monitor-int.h"

#include <string.h>

typedef struct Schema {
    Json *list;
    GHashTable *numbers; /* rows, names or set -> number + 1 */
    GHashTable *simple;  /* names of built-in types and lists that are there already */
} Schema;

static char *schema_rows(Schema *s, const Prop *rows);

static Json *schema_entry(Schema *s, const char *name, const char *meta)
{
    Json *e = json_obj();
    json_set(e, "name", json_str(name));
    json_set(e, "meta-type", json_str(meta));
    json_append(s->list, e);
    return e;
}

/* false: that one has its entry already. *name is its number. */
static bool schema_number(Schema *s, const void *key, char **name)
{
    unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(s->numbers, key));
    bool fresh = !n;
    if (fresh) {
        n = g_hash_table_size(s->numbers) + 1;
        g_hash_table_insert(s->numbers, (gpointer)key, GUINT_TO_POINTER(n));
    }
    *name = g_strdup_printf("%u", n - 1);
    return fresh;
}

static char *schema_builtin(Schema *s, const char *name)
{
    static const struct {
        const char *name, *json;
    } types[] = { { "str", "string" },   { "int", "int" },   { "number", "number" },
                  { "bool", "boolean" }, { "null", "null" }, { "any", "value" } };
    if (g_hash_table_add(s->simple, (gpointer)g_intern_string(name)))
        for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
            if (strcmp(types[i].name, name) == 0)
                json_set(schema_entry(s, name, "builtin"), "json-type", json_str(types[i].json));
    return g_strdup(name);
}

static char *schema_list(Schema *s, const Prop *element)
{
    g_autofree char *of = schema_rows(s, element);
    char *name = g_strdup_printf("[%s]", of);
    if (g_hash_table_add(s->simple, (gpointer)g_intern_string(name)))
        json_set(schema_entry(s, name, "array"), "element-type", json_str(of));
    return name;
}

static void enum_value(Json *values, Json *members, const char *name)
{
    Json *m = json_obj();
    bool old = *name == '!';
    json_set(m, "name", json_str(name + old));
    if (old) {
        Json *features = json_list();
        json_append(features, json_str("deprecated"));
        json_set(m, "features", features);
    }
    json_append(values, json_str(name + old));
    json_append(members, m);
}

static void schema_enum_end(Schema *s, const char *name, Json *values, Json *members)
{
    Json *e = schema_entry(s, name, "enum");
    json_set(e, "members", members);
    json_set(e, "values", values);
}

static char *schema_enum(Schema *s, const char *const *names)
{
    char *name;
    if (!schema_number(s, names, &name))
        return name;
    Json *values = json_list(), *members = json_list();
    for (; *names; names++)
        enum_value(values, members, *names);
    schema_enum_end(s, name, values, members);
    return name;
}

static char *schema_choices(Schema *s, const PropSet *set)
{
    char *name;
    PropChoice c;
    if (!schema_number(s, set, &name))
        return name;
    Json *values = json_list(), *members = json_list();
    for (size_t i = 0; set->at(i, &c); i++)
        enum_value(values, members, c.name);
    schema_enum_end(s, name, values, members);
    return name;
}

static char *schema_row(Schema *s, const Prop *p)
{
    switch ((PropKind)p->kind) {
    case P_BOOL: return schema_builtin(s, "bool");
    case P_INT:
    case P_SIZE: return schema_builtin(s, "int");
    case P_NUM: return schema_builtin(s, "number");
    case P_STR:
    case P_LINK: return schema_builtin(s, "str");
    case P_NULL: return schema_builtin(s, "null");
    case P_ENUM: return schema_enum(s, p->aux);
    case P_PICK: return schema_choices(s, p->aux);
    case P_LIST: return schema_list(s, p->aux);
    case P_PART: return schema_rows(s, p->aux);
    default: return schema_builtin(s, "any");
    }
}

/* ---- objects ---- */

static Json *member_new(const char *name, const char *type, bool need)
{
    Json *m = json_obj();
    json_set(m, "name", json_str(name));
    if (!need)
        json_set(m, "default", json_null());
    json_set(m, "type", json_str(type));
    return m;
}

/* One branch of a union: its rows, or an object that has them under "data". */
static void schema_variant(Schema *s, Json *variants, const char *name, const Prop *rows, bool data)
{
    g_autofree char *type = schema_rows(s, rows);
    if (data) {
        char *outer;
        if (schema_number(s, (const char *)rows + 1, &outer)) { /* beside the rows' own number */
            Json *members = json_list();
            json_append(members, member_new("data", type, true));
            json_set(schema_entry(s, outer, "object"), "members", members);
        }
        g_free(type);
        type = outer;
    }
    Json *v = json_obj();
    json_set(v, "case", json_str(name));
    json_set(v, "type", json_str(type));
    json_append(variants, v);
}

typedef struct ObjectParts {
    Json *members, *variants;
    const char *tag;
} ObjectParts;

static void object_rows(Schema *s, const Prop *rows, ObjectParts *o)
{
    const char *const *names = NULL; /* of the enum above the cases */
    for (const Prop *p = rows; p->kind != P_END; p++) {
        if (p->kind == P_CASE) {
            schema_variant(s, o->variants, names[p->def.i], p->aux, p->flags & PROP_DATA);
            continue;
        }
        if (p->kind == P_PART && !p->name)
            object_rows(s, p->aux, o);
        if (!p->name || p->kind == P_ALIAS || p->kind == P_REST || p->flags & PROP_HIDDEN)
            continue;
        g_autofree char *type = schema_row(s, p);
        json_append(o->members, member_new(p->name, type, p->flags & PROP_NEED));
        if (p->kind == P_ENUM) {
            names = p->aux;
            o->tag = p[1].kind == P_CASE ? p->name : o->tag;
        } else if (p->kind == P_PICK) {
            const PropSet *set = p->aux;
            PropChoice c;
            o->tag = p->name;
            for (size_t i = 0; set->at(i, &c); i++)
                schema_variant(s, o->variants, c.name, c.rows ? c.rows : Empty_rows,
                               p->flags & PROP_DATA);
        }
    }
}

static void schema_alternate(Schema *s, const char *name, const Prop *rows)
{
    Json *members = json_list();
    for (const Prop *p = rows; p->kind != P_END; p++) {
        g_autofree char *type = schema_row(s, p);
        Json *m = json_obj();
        json_set(m, "type", json_str(type));
        json_append(members, m);
    }
    json_set(schema_entry(s, name, "alternate"), "members", members);
}

static bool is_value(const Prop *p)
{
    return !p->name && p->kind != P_END && p->kind != P_REST && p->kind != P_PART;
}

static char *schema_rows(Schema *s, const Prop *rows)
{
    char *name;
    if (is_value(rows) && rows[1].kind == P_END)
        return schema_row(s, rows);
    if (!schema_number(s, rows, &name))
        return name;
    bool nameless = rows->kind != P_END;
    for (const Prop *p = rows; p->kind != P_END; p++)
        nameless &= !p->name;
    if (nameless && rows[1].kind != P_END) {
        schema_alternate(s, name, rows);
        return name;
    }
    ObjectParts o = { json_list(), json_list(), NULL };
    object_rows(s, rows, &o);
    Json *e = schema_entry(s, name, "object");
    json_set(e, "members", o.members);
    if (o.tag) {
        json_set(e, "tag", json_str(o.tag));
        json_set(e, "variants", o.variants);
    } else {
        json_free(o.variants);
    }
    return name;
}

/* ---- the whole ---- */

static void schema_command(Schema *s, const Command *c)
{
    g_autofree char *args = schema_rows(s, c->args);
    g_autofree char *result = schema_rows(s, c->result);
    Json *e = schema_entry(s, c->qmp, "command");
    json_set(e, "arg-type", json_str(args));
    json_set(e, "ret-type", json_str(result));
    if (c->flags & CMD_DEPRECATED) {
        Json *features = json_list();
        json_append(features, json_str("deprecated"));
        json_set(e, "features", features);
    }
}

CMD(query_qmp_schema, "query-qmp-schema", NULL, NULL, Empty, Any, CMD_PRECONFIG,
    "commands, events and their types");

static bool cmd_query_qmp_schema(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const GPtrArray *all = monitor_list(vm)->by_qmp;
    Schema s = { json_list(), g_hash_table_new(NULL, NULL), g_hash_table_new(NULL, NULL) };

    for (guint i = 0; i < all->len; i++)
        schema_command(&s, all->pdata[i]);
    for (const EventRow *e = event_rows; e->name; e++) {
        g_autofree char *args = schema_rows(&s, e->args);
        json_set(schema_entry(&s, e->name, "event"), "arg-type", json_str(args));
    }
    cmd_query_qmp_schema_reply(r, &s.list);
    json_free(s.list);
    g_hash_table_unref(s.numbers);
    g_hash_table_unref(s.simple);
    return true;
}
