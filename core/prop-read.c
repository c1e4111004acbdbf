/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading an object into a struct by its rows, in two steps. apply_rows() walks the table and takes
 * from the members what each row wants; tags come before their cases because the walk descends into
 * the case right at its tag. What nobody took is then left over: "noX", help words, the REST row,
 * or an error. Single values are prop-value.c.
 */
#include <string.h>

#include "core/prop-int.h"
#include "util/text.h"

/* used: TAKE_ bits of each member */
enum { TAKE_WORD = 1, TAKE_SUBS = 2, TAKE_ALL = 3 };
typedef struct Members {
    Json *obj;
    uint8_t *used;
    bool text, help;
    const Prop *rest;
    void *rest_args;
    const char *title; /* of help: the driver chosen last */
    GError *missing;   /* the first NEED row not given: said last, help and bad values go first */
} Members;

static bool apply_rows(PropRead *r, const PropPath *up, const Prop *rows, void *args, Members *m);

/* ---- members and rows ---- */

static uint8_t member_needs(const Json *v)
{
    if (v->kind != J_KV)
        return TAKE_ALL;
    return (v->s || !v->n ? TAKE_WORD : 0) | (v->n ? TAKE_SUBS : 0);
}

static bool is_struct_row(const Prop *row)
{
    return row->kind == P_PART || row->kind == P_LIST || row->kind == P_ANY;
}

/* A scalar and a part may share a name: the word is for the one, the sub-keys for the other. */
static bool has_twin(const Prop *rows, const Prop *row)
{
    if (is_struct_row(row))
        return row > rows && row[-1].name && strcmp(row[-1].name, row->name) == 0;
    return row[1].name && strcmp(row[1].name, row->name) == 0;
}

/* Which part of this member the row takes. */
static uint8_t row_takes(const Prop *rows, const Prop *row, const Json *v)
{
    if (v->kind != J_KV) {
        bool nested = v->kind == J_OBJ || v->kind == J_LIST;

        return has_twin(rows, row) && nested != is_struct_row(row) ? 0 : TAKE_ALL;
    }
    if (!is_struct_row(row))
        return member_needs(v) & TAKE_WORD;
    return member_needs(v) & (has_twin(rows, row) ? TAKE_SUBS : TAKE_ALL);
}

static bool member_is(const Members *m, size_t i, const char *name)
{
    const char *key = m->obj->mem[i].key;

    return m->text ? prop_name_is(name, key) : strcmp(name, key) == 0;
}

/* All members of the row's name, in order. */
static bool take_row(PropRead *r, const PropPath *up, const Prop *rows, const Prop *row, void *args,
                     Members *m, bool *given)
{
    PropPath p = { up, row->name, 0 };

    *given = false;
    for (size_t i = 0; i < m->obj->n; i++) {
        const Json *v = m->obj->mem[i].value;
        uint8_t take;
        Json part;

        if (!member_is(m, i, row->name))
            continue;
        take = row_takes(rows, row, v) & ~m->used[i];
        if (!take)
            continue;
        part = *v;
        if (v->kind == J_KV && !(take & TAKE_SUBS))
            part.n = 0;
        if (v->kind == J_KV && !(take & TAKE_WORD))
            part.s = NULL;
        m->used[i] |= take;
        *given = true;
        if (!prop_read_row(r, &p, row, args, &part))
            return false;
    }
    return true;
}

static void check_given(PropRead *r, const PropPath *up, const Prop *row, Members *m, bool given)
{
    PropPath p = { up, row->name, 0 };
    PropRead own = { r->vm, &m->missing, r->partial };

    if (!given && (row->flags & PROP_NEED) && !r->partial && !m->missing)
        prop_read_fail(&own, &p, "is missing");
}

/* ---- aliases: key=value only; the member's key is changed where it stands ---- */

static void rewrite_member(JsonMember *mem, const char *target)
{
    g_auto(GStrv) parts = g_strsplit(target, ".", -1);
    guint n = g_strv_length(parts);

    for (guint i = n; i-- > 1;) {
        Json *outer = json_kv(NULL);

        json_add(outer, parts[i], mem->value);
        mem->value = outer;
    }
    g_free(mem->key);
    mem->key = g_strdup(parts[0]);
}

static void apply_aliases(const Prop *rows, Members *m)
{
    for (const Prop *row = rows; m->text && row->kind != P_END; row++) {
        for (size_t i = 0; row->kind == P_ALIAS && i < m->obj->n; i++) {
            if (!m->used[i] && member_is(m, i, row->name))
                rewrite_member(&m->obj->mem[i], row->aux);
        }
    }
}

/* ---- cases ---- */

typedef struct Wanted {
    const Members *m;
    const Prop *owner;
} Wanted;

static bool owner_has(const Prop *rows, const Members *m, size_t i)
{
    for (; rows->kind != P_END; rows++) {
        if (rows->name && member_is(m, i, rows->name))
            return true;
    }
    return false;
}

static bool wanted_visit(void *o, const Prop *row, void *args)
{
    const Wanted *w = o;

    for (size_t i = 0; row->name && i < w->m->obj->n; i++) {
        if (!w->m->used[i] && member_is(w->m, i, row->name) && !owner_has(w->owner, w->m, i))
            return true;
    }
    return false;
}

/* No tag given: the case that is set if one of its keys is there, else the first such case. */
static bool infer_case(const Prop *rows, const Prop *tag, const void *args, Members *m, int64_t *v)
{
    Wanted w = { m, rows };
    bool found = false;

    for (const Prop *c = tag + 1; c->kind == P_CASE; c++) {
        if (!prop_each(c->aux, NULL, true, wanted_visit, &w))
            continue;
        if (!found || c->def.i == prop_load(tag, args))
            *v = c->def.i;
        found = true;
    }
    return found;
}

/* The cases may share a C union: the old one's strings go before the new one's defaults come. */
static void switch_case(const Prop *tag, void *args, int64_t old)
{
    int64_t now = prop_load(tag, args);

    if (now == old)
        return;
    for (const Prop *c = tag + 1; c->kind == P_CASE; c++) {
        if (c->def.i == old)
            prop_free(c->aux, prop_at(c, args));
    }
    for (const Prop *c = tag + 1; c->kind == P_CASE; c++) {
        if (c->def.i == now)
            prop_defaults(c->aux, prop_at(c, args));
    }
}

/* The rows of a case or a driver: beside the tag, or in JSON below "data". */
static bool apply_sub(PropRead *r, const PropPath *up, const Prop *row, const Prop *rows,
                      void *args, Members *m)
{
    PropPath p = { up, "data", 0 };

    if (!(row->flags & PROP_DATA) || m->text)
        return apply_rows(r, up, rows, args, m);
    for (size_t i = 0; i < m->obj->n; i++) {
        if (strcmp(m->obj->mem[i].key, "data") == 0 && !m->used[i]) {
            m->used[i] = TAKE_ALL;
            return prop_read_table(r, &p, rows, args, m->obj->mem[i].value);
        }
    }
    return r->partial || prop_read_fail(r, &p, "is missing");
}

/* In text the kind follows from the keys: say which key would decide. */
static void case_missing(PropRead *r, const PropPath *up, const Prop *tag, Members *m)
{
    g_autoptr(GString) keys = g_string_new(NULL);
    PropPath p = { up, tag->name, 0 };
    PropRead own = { r->vm, &m->missing, r->partial };

    for (const Prop *c = tag + 1; c->kind == P_CASE; c++) {
        const Prop *first = c->aux;

        if (first->name)
            g_string_append_printf(keys, "%s%s=", keys->len ? ", " : "", first->name);
    }
    if ((tag->flags & PROP_NEED) && !r->partial && !m->missing && keys->len)
        prop_read_fail(&own, &p, "is missing; it follows from one of %s", keys->str);
}

static bool apply_tag(PropRead *r, const PropPath *up, const Prop *rows, const Prop *tag,
                      void *args, Members *m)
{
    int64_t old = prop_load(tag, args), guess = old;
    bool given;

    if (!take_row(r, up, rows, tag, args, m, &given))
        return false;
    if (!given && m->text && infer_case(rows, tag, args, m, &guess)) {
        prop_store(tag, args, guess);
        given = true;
    }
    switch_case(tag, args, old);
    if (!given && m->text)
        case_missing(r, up, tag, m);
    check_given(r, up, tag, m, given);
    if (!given && (tag->flags & PROP_NEED) && !r->partial)
        return true; /* nothing chosen: no case counts */
    for (const Prop *c = tag + 1; c->kind == P_CASE; c++) {
        if (c->def.i == prop_load(tag, args) && !apply_sub(r, up, c, c->aux, prop_at(c, args), m))
            return false;
    }
    return true;
}

/* ---- drivers ---- */

static bool pick_fail(PropRead *r, const PropPath *p, const Prop *row, const Json *v,
                      const char *name)
{
    const PropSet *set = row->aux;
    g_autoptr(GPtrArray) known = g_ptr_array_new();
    Nearest near = nearest_to(name);
    PropChoice c;

    if (v->kind == J_KV && text_is_help(name))
        return prop_help_fail(r, prop_help_row(row));
    for (size_t i = 0; set->at(i, &c); i++) {
        nearest_try(&near, c.name);
        g_ptr_array_add(known, (char *)c.name);
    }
    return prop_name_fail(r, p, v, name, &near, known);
}

static bool pick_driver(PropRead *r, const PropPath *p, const Prop *row, PropPick *pick,
                        const Json *v)
{
    const char *name = prop_read_text(r, p, v, false);
    PropChoice c;

    if (!name)
        return false;
    if (!prop_pick_named(row, name, &c))
        return pick_fail(r, p, row, v, name);
    if (c.type == pick->type)
        return true;
    prop_pick_free(row, pick);
    pick->type = c.type;
    if (c.rows) {
        pick->args = g_malloc0(MAX(prop_size(c.rows), 1));
        prop_lay_defaults(c.rows, pick->args);
    }
    return true;
}

static bool apply_pick(PropRead *r, const PropPath *up, const Prop *row, void *args, Members *m)
{
    PropPath p = { up, row->name, 0 };
    PropPick *pick = prop_at(row, args);
    PropChoice c;

    for (size_t i = 0; i < m->obj->n; i++) {
        if (!member_is(m, i, row->name) || (m->used[i] & TAKE_WORD) ||
            !(member_needs(m->obj->mem[i].value) & TAKE_WORD))
            continue;
        m->used[i] |= m->text ? TAKE_WORD : TAKE_ALL;
        if (!pick_driver(r, &p, row, pick, m->obj->mem[i].value))
            return false;
    }
    check_given(r, up, row, m, pick->type);
    if (!prop_pick_choice(row, pick, &c))
        return true;
    m->title = c.name;
    return !c.rows || apply_sub(r, up, row, c.rows, pick->args, m);
}

/* ---- a table ---- */

static bool apply_row(PropRead *r, const PropPath *up, const Prop *rows, const Prop *row,
                      void *args, Members *m)
{
    bool given;

    switch (row->kind) {
    case P_CASE:
    case P_ALIAS: return true;
    case P_REST:
        if (!m->rest) {
            m->rest = row;
            m->rest_args = args;
        }
        return true;
    case P_PICK: return apply_pick(r, up, row, args, m);
    case P_ENUM:
        if (row[1].kind == P_CASE)
            return apply_tag(r, up, rows, row, args, m);
        break;
    case P_PART:
        if (!row->name || (m->text && (row->flags & PROP_FLAT)))
            return apply_rows(r, up, row->aux, prop_at(row, args), m);
        break;
    default: break;
    }
    if (!take_row(r, up, rows, row, args, m, &given))
        return false;
    check_given(r, up, row, m, given);
    return true;
}

static bool apply_rows(PropRead *r, const PropPath *up, const Prop *rows, void *args, Members *m)
{
    apply_aliases(rows, m);
    for (const Prop *row = rows; row->kind != P_END; row++) {
        if (!apply_row(r, up, rows, row, args, m))
            return false;
    }
    return true;
}

/* ---- left-over members ---- */

typedef struct Lookup {
    const char *key;
    const Prop *row;
    void *args;
    Nearest near;
} Lookup;

static bool lookup_bool(void *o, const Prop *row, void *args)
{
    Lookup *l = o;

    if (row->kind != P_BOOL || !row->name || !prop_name_is(row->name, l->key))
        return false;
    l->row = row;
    l->args = args;
    return true;
}

static bool lookup_near(void *o, const Prop *row, void *args)
{
    Lookup *l = o;

    if (row->name && !(row->flags & PROP_HIDDEN))
        nearest_try(&l->near, row->name);
    return false;
}

/* "nowait": a bool row without its "no" */
static bool take_no(const Prop *rows, void *args, Members *m, size_t i)
{
    const JsonMember *mem = &m->obj->mem[i];
    Lookup l = { .key = mem->key + 2 };

    if (!m->text || strncmp(mem->key, "no", 2) != 0 || mem->value->kind != J_KV || mem->value->s ||
        mem->value->n)
        return false;
    if (!prop_each(rows, args, true, lookup_bool, &l))
        return false;
    prop_store(l.row, l.args, 0);
    return true;
}

static void take_rest(Members *m, size_t i)
{
    Json **at = prop_at(m->rest, m->rest_args);
    Json *value = json_copy(m->obj->mem[i].value);

    if (m->used[i] & TAKE_WORD)
        g_clear_pointer(&value->s, g_free); /* file=x was a row's, file.locking=off is not */
    if (!*at)
        *at = m->text ? json_kv(NULL) : json_obj();
    if (value->kind == J_KV && !value->s && !value->n)
        value->s = g_strdup("on");
    json_add(*at, m->obj->mem[i].key, value);
}

static bool unknown_fail(PropRead *r, const PropPath *path, const Prop *rows, void *args,
                         Members *m, size_t i)
{
    const JsonMember *mem = &m->obj->mem[i];
    PropPath p = { path, mem->key, 0 };
    Lookup l = { .near = nearest_to(mem->key) };
    g_autofree char *hint = NULL;
    g_autoptr(GString) name = NULL;

    if (!m->text)
        return prop_read_fail(r, &p, "is unexpected");
    if ((m->used[i] & TAKE_WORD) && mem->value->n) {
        p = (PropPath){ &(PropPath){ path, mem->key, 0 }, mem->value->mem[0].key, 0 };
        return prop_read_fail(r, &p, "is unexpected");
    }
    name = g_string_new(NULL);
    prop_path_print(&p, name);
    prop_each(rows, args, true, lookup_near, &l);
    hint = nearest_hint(&l.near);
    return user_fail(r->err, "Invalid parameter '%s'%s", name->str, hint);
}

static bool apply_leftover(PropRead *r, const PropPath *path, const Prop *rows, void *args,
                           Members *m)
{
    for (size_t i = 0; i < m->obj->n; i++) {
        uint8_t missing = member_needs(m->obj->mem[i].value) & ~m->used[i];

        if (!missing || take_no(rows, args, m, i))
            continue;
        if (!m->rest)
            return unknown_fail(r, path, rows, args, m, i);
        take_rest(m, i);
    }
    return true;
}

static bool rest_has(const Prop *rows, unsigned flag)
{
    for (; rows->kind != P_END; rows++) {
        if (rows->kind == P_REST && (rows->flags & flag))
            return true;
    }
    return false;
}

/* "?" or "help" as a word, unless the REST row wants it. */
static void find_help(const Prop *rows, Members *m)
{
    if (rest_has(rows, PROP_HELP))
        return;
    for (size_t i = 0; m->text && i < m->obj->n; i++) {
        const JsonMember *mem = &m->obj->mem[i];

        if (text_is_help(mem->key) && mem->value->kind == J_KV && !mem->value->s &&
            !mem->value->n) {
            m->help = true;
            m->used[i] = TAKE_ALL;
        }
    }
}

/* obj is changed by aliases where it is text: the caller's own copy. */
static bool read_members(PropRead *r, const PropPath *path, const Prop *rows, void *args, Json *obj)
{
    g_autofree uint8_t *used = g_malloc0(obj->n + 1);
    Members m = { .obj = obj, .used = used, .text = obj->kind == J_KV };

    bool ok;

    find_help(rows, &m);
    ok = apply_rows(r, path, rows, args, &m);
    if (ok && m.help)
        ok = prop_help_fail(r, prop_help_now(rows, args, m.title));
    /* a misspelt key explains what is missing; QMP has it the other way round */
    ok = ok && ((m.missing && !m.text) || apply_leftover(r, path, rows, args, &m));
    if (ok && m.missing) {
        g_propagate_error(r->err, g_steal_pointer(&m.missing));
        return false;
    }
    g_clear_error(&m.missing);
    return ok;
}

/* ---- bare values and alternatives ---- */

static bool kind_matches(const Prop *row, const Json *v)
{
    switch (v->kind) {
    case J_NULL: return row->kind == P_NULL;
    case J_BOOL: return row->kind == P_BOOL;
    case J_INT:
    case J_UINT: return row->kind == P_INT || row->kind == P_SIZE || row->kind == P_NUM;
    case J_NUM: return row->kind == P_NUM;
    case J_STR: return row->kind == P_STR || row->kind == P_ENUM || row->kind == P_LINK;
    case J_LIST: return row->kind == P_LIST;
    case J_OBJ: return row->kind == P_PART;
    case J_KV: break;
    }
    if (v->n)
        return row->kind == P_PART || row->kind == P_LIST;
    return row->kind != P_PART && row->kind != P_LIST && row->kind != P_NULL;
}

/* A word may fit several alternatives: the first that reads it, a string last. */
static bool read_word_alternative(PropRead *r, const PropPath *p, const Prop *rows, void *args,
                                  const Json *v)
{
    const Prop *str = NULL;

    for (const Prop *row = rows; row->kind != P_END; row++) {
        PropRead quiet = { r->vm, NULL, r->partial };

        if (row->kind == P_STR)
            str = row;
        else if (kind_matches(row, v) && prop_read_row(&quiet, p, row, args, v))
            return true;
    }
    return str ? prop_read_row(r, p, str, args, v)
               : prop_read_fail(r, p, "has no value '%s'", v->s);
}

/* Only one alternative is held at a time. */
static bool read_bare(PropRead *r, const PropPath *p, const Prop *rows, void *args, const Json *v)
{
    if (rows[1].kind == P_END)
        return prop_read_row(r, p, rows, args, v);
    for (const Prop *row = rows; row->kind != P_END; row++) {
        if (!kind_matches(row, v) && row->kind != P_ANY) {
            prop_row_free(rows, row, args);
            prop_row_defaults(rows, row, args);
            if (row->kind == P_NULL)
                *(bool *)prop_at(row, args) = false;
        }
    }
    if (v->kind == J_KV && !v->n && v->s)
        return read_word_alternative(r, p, rows, args, v);
    for (const Prop *row = rows; row->kind != P_END; row++) {
        if (kind_matches(row, v) || row->kind == P_ANY)
            return prop_read_row(r, p, row, args, v);
    }
    return prop_type_fail(r, p, "another one of its kinds");
}

/* The only named row of a table, so that a plain value can stand for it. */
static const Prop *only_row(const Prop *rows)
{
    return rows[0].kind != P_END && rows[0].name && rows[1].kind == P_END ? rows : NULL;
}

bool prop_read_table(PropRead *r, const PropPath *path, const Prop *rows, void *args, const Json *v)
{
    const Prop *only = only_row(rows);

    if (prop_is_bare(rows))
        return read_bare(r, path, rows, args, v);
    if (v->kind == J_KV && v->s) {
        if (only && !v->n)
            return prop_read_row(r, path, only, args, v);
        return prop_read_fail(r, path, "has sub-keys, it takes no value '%s'", v->s);
    }
    if (v->kind == J_KV && !v->n && path->up)
        return prop_read_fail(r, path, "needs a value");
    if (v->kind == J_KV) {
        g_autoptr(Json) own = json_copy(v);

        return read_members(r, path, rows, args, own);
    }
    if (v->kind != J_OBJ)
        return prop_type_fail(r, path, "object");
    return read_members(r, path, rows, args, (Json *)v);
}

/* ---- entry points ---- */

bool prop_parse_json(const Prop *rows, const Json *json, void *args, Vm *vm, GError **err)
{
    g_autoptr(GError) own = NULL;
    PropRead r = { vm, &own, false };
    PropPath root = { NULL, NULL, 0 };

    if (prop_read_table(&r, &root, rows, args, json))
        return true;
    g_propagate_error(err, g_steal_pointer(&own));
    return false;
}

/* May "?" in first place ask what the implied key takes? */
static bool implied_takes_help(const Prop *rows, const void *args, const char *implied)
{
    const Prop *row = implied ? prop_find(rows, args, implied) : NULL;

    return row && (row->kind == P_PICK || row->kind == P_ENUM);
}

static bool parse_raw(const Prop *rows, const char *text, void *args, Vm *vm, GError **err)
{
    g_autoptr(Json) word = json_kv(text);

    return prop_parse_json(rows, word, args, vm, err);
}

bool prop_parse_kv(const Prop *rows, const char *implied, const char *text, void *args, Vm *vm,
                   GError **err)
{
    g_autoptr(Json) tree = NULL;
    bool bare = prop_is_bare(rows);

    if (bare && (*text != '{' || rows->kind == P_STR))
        return parse_raw(rows, text, args, vm, err);
    if (*text == '{')
        tree = json_parse(text, err);
    else
        tree = prop_kv_tree(implied, text, rest_has(rows, PROP_SIGN),
                            implied_takes_help(rows, args, implied), err);
    return tree && prop_parse_json(rows, tree, args, vm, err);
}

bool prop_set(const Prop *rows, void *args, const char *name, const Json *value, Vm *vm,
              GError **err)
{
    g_autoptr(Json) obj = json_kv(NULL);
    g_autoptr(GError) own = NULL;
    PropRead r = { vm, &own, true };
    PropPath root = { NULL, NULL, 0 };

    json_add(obj, name, json_copy(value));
    if (strchr(name, '.') && !prop_find(rows, args, name))
        return unknown_fail(&r, &root, rows, args,
                            &(Members){ .obj = obj, .text = true, .used = (uint8_t[1]){ 0 } }, 0);
    rewrite_member(&obj->mem[0], name);
    if (read_members(&r, &root, rows, args, obj))
        return true;
    g_propagate_error(err, g_steal_pointer(&own));
    return false;
}
