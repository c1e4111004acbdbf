/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One value into one row's member: JSON with strict types, or a word of key=value text. A node says
 * itself which of the two it is (J_KV: a word). Tables of rows are prop-read.c.
 */
#include <inttypes.h>
#include <string.h>

#include "core/prop-int.h"
#include "util/text.h"

/* ---- errors ---- */

void prop_path_print(const PropPath *p, GString *out)
{
    if (p->up)
        prop_path_print(p->up, out);
    if (p->name)
        g_string_append_printf(out, "%s%s", out->len ? "." : "", p->name);
    else if (p->up)
        g_string_append_printf(out, ".%zu", p->index);
}

bool prop_read_fail(PropRead *r, const PropPath *p, const char *fmt, ...)
{
    g_autoptr(GString) name = g_string_new(NULL);
    g_autofree char *text = NULL;
    va_list ap;

    prop_path_print(p, name);
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return name->len ? user_fail(r->err, "Parameter '%s' %s", name->str, text)
                     : user_fail(r->err, "This value %s", text);
}

bool prop_type_fail(PropRead *r, const PropPath *p, const char *type)
{
    g_autoptr(GString) name = g_string_new(NULL);

    prop_path_print(p, name);
    return user_fail(r->err, "Invalid parameter type for '%s', expected: %s", name->str, type);
}

bool prop_help_fail(PropRead *r, char *take)
{
    g_set_error_literal(r->err, prop_error_quark(), PROP_ERROR_HELP, take);
    g_free(take);
    return false;
}

/* ---- scalars ---- */

/* The word of a node; NULL: it is JSON. A word alone means "on" where that makes sense. */
static const char *word_of(const Json *v, bool switchable)
{
    if (v->kind != J_KV)
        return NULL;
    return v->s || !switchable ? v->s : "on";
}

static bool read_bool(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    const char *word = word_of(v, true);
    bool b = v->kind == J_BOOL && v->b;

    if (word && !text_bool(word, &b))
        return prop_read_fail(r, p, "expects 'on' or 'off', not '%s'", word);
    if (!word && v->kind != J_BOOL)
        return prop_type_fail(r, p, "boolean");
    prop_store(row, args, b);
    return true;
}

static bool range_fail(PropRead *r, const PropPath *p, const Prop *row)
{
    int64_t min, max;

    prop_limits(row, &min, &max);
    if (prop_is_unsigned64(row) && max < 0)
        return prop_read_fail(r, p, "expects a number from %" PRIu64 " to %" PRIu64, (uint64_t)min,
                              (uint64_t)max);
    return prop_read_fail(r, p, "expects a number from %" PRId64 " to %" PRId64, min, max);
}

static bool int_fits(const Prop *row, const Json *n)
{
    int64_t min, max;

    prop_limits(row, &min, &max);
    if (prop_is_unsigned64(row) && !row->min && max < 0)
        return n->kind == J_UINT || n->i >= 0;
    return n->kind == J_INT && n->i >= min && n->i <= max;
}

static bool read_int(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    const char *word = word_of(v, false);
    Json n = { .kind = v->kind, .u = v->u };

    if (v->kind == J_KV) {
        uint64_t u;

        n.kind = J_INT;
        if (!word)
            return prop_read_fail(r, p, "needs a value");
        if (!text_int(word, &n.i)) {
            if (!text_uint(word, &u))
                return prop_read_fail(r, p, "expects a number, not '%s'", word);
            n.kind = J_UINT;
            n.u = u;
        }
    }
    if (n.kind != J_INT && n.kind != J_UINT)
        return prop_type_fail(r, p, "integer");
    if (!int_fits(row, &n))
        return range_fail(r, p, row);
    prop_store(row, args, n.i);
    return true;
}

static bool read_size(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    const char *word = word_of(v, false);
    uint64_t u = v->u;

    if (v->kind == J_KV) {
        if (!word)
            return prop_read_fail(r, p, "needs a value");
        if (!text_size(word, row->flags & PROP_MIB ? 1 << 20 : 1, &u))
            return prop_read_fail(
                r, p,
                "expects a size: a number below 2^64 with k, M, G, T, P or E, not "
                "'%s'",
                word);
    } else if (v->kind != J_UINT && (v->kind != J_INT || v->i < 0)) {
        return prop_type_fail(r, p, "integer");
    }
    prop_store(row, args, u);
    return true;
}

static bool read_num(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    const char *word = word_of(v, false);
    double *at = prop_at(row, args);

    switch (v->kind) {
    case J_NUM: *at = v->d; return true;
    case J_INT: *at = v->i; return true;
    case J_UINT: *at = v->u; return true;
    case J_KV:
        if (!word)
            return prop_read_fail(r, p, "needs a value");
        return text_num(word, at) || prop_read_fail(r, p, "expects a number, not '%s'", word);
    default: return prop_type_fail(r, p, "number");
    }
}

/* The text of a string row, an enum, a link or a driver's name. */
const char *prop_read_text(PropRead *r, const PropPath *p, const Json *v, bool switchable)
{
    if (v->kind == J_KV && !word_of(v, switchable)) {
        prop_read_fail(r, p, "needs a value");
        return NULL;
    }
    if (v->kind != J_KV && v->kind != J_STR) {
        prop_type_fail(r, p, "string");
        return NULL;
    }
    return v->kind == J_KV ? word_of(v, switchable) : v->s;
}

static bool read_str(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    const char *text = prop_read_text(r, p, v, row->flags & PROP_ALONE);
    char **at = prop_at(row, args);
    char *copy = g_strdup(text);

    if (!text)
        return false;
    g_free(*at);
    *at = copy;
    return true;
}

/* names: what it would accept, for a user who is near none of them; programs want 7.2's text. */
bool prop_name_fail(PropRead *r, const PropPath *p, const Json *v, const char *text,
                    const Nearest *near, GPtrArray *names)
{
    g_autofree char *hint = nearest_hint(near);
    g_autofree char *all = NULL;

    g_ptr_array_add(names, NULL);
    all = g_strjoinv(", ", (char **)names->pdata);
    if (v->kind != J_KV)
        return prop_read_fail(r, p, "does not accept value '%s'", text);
    if (near->best || names->len > 13)
        return prop_read_fail(r, p, "does not accept value '%s'%s", text, hint);
    return prop_read_fail(r, p, "does not accept value '%s' (there are: %s)", text, all);
}

static bool read_enum(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    const char *const *names = row->aux;
    const char *text = prop_read_text(r, p, v, true);
    g_autoptr(GPtrArray) known = g_ptr_array_new();
    Nearest near;

    if (!text)
        return false;
    near = nearest_to(text);
    for (int64_t i = 0; names[i]; i++) {
        const char *name = names[i] + (names[i][0] == '!');

        if (strcmp(name, text) == 0) {
            prop_store(row, args, i);
            return true;
        }
        nearest_try(&near, name);
        g_ptr_array_add(known, (char *)name);
    }
    if (v->kind == J_KV && text_is_help(text))
        return prop_help_fail(r, prop_help_row(row));
    return prop_name_fail(r, p, v, text, &near, known);
}

static bool read_link(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    const PropLink *link = prop_link_of(row);
    void **at = prop_at(row, args);
    const char *text;
    void *target = NULL;

    text = v->kind == J_NULL ? "" : prop_read_text(r, p, v, false);
    if (!text)
        return false;
    if (*text && !link)
        return prop_read_fail(r, p, "cannot be set: nothing of that kind exists here");
    if (*text) {
        GError *why = NULL;

        target = link->get(r->vm, text, &why);
        if (!target) {
            prop_read_fail(r, p, "cannot take '%s': %s", text,
                           why ? why->message : "there is none");
            g_clear_error(&why);
            return false;
        }
    }
    if (*at && link)
        link->drop(*at);
    *at = target;
    return true;
}

/* ---- lists ---- */

typedef struct AnyList {
    char *at;
    size_t n;
} AnyList;

/* A new element at the end, holding its defaults. Room doubles when n is a power of two. */
static void *list_add(const Prop *row, AnyList *list)
{
    size_t size = prop_size(row->aux);
    void *item;

    if ((list->n & (list->n - 1)) == 0)
        list->at = g_realloc_n(list->at, MAX(2 * list->n, 1), size);
    item = list->at + list->n * size;
    memset(item, 0, size);
    prop_lay_defaults(row->aux, item);
    list->n++;
    return item;
}

static bool read_item(PropRead *r, const PropPath *up, const Prop *row, AnyList *list,
                      const Json *v)
{
    PropPath p = { up, NULL, list->n };

    return prop_read_table(r, &p, row->aux, list_add(row, list), v);
}

/* "0-3" in a list of ints. */
static bool read_range(PropRead *r, const PropPath *p, const Prop *row, AnyList *list,
                       const char *word)
{
    int64_t low, high;

    if (!text_range(word, &low, &high))
        return prop_read_fail(r, p, "expects numbers like 5 or 2-7, not '%s'", word);
    if ((uint64_t)high - (uint64_t)low > 65535)
        return prop_read_fail(r, p, "names more than 65536 numbers: '%s'", word);
    for (; low <= high; low++) {
        Json n = { .kind = J_INT, .i = low };

        if (!read_item(r, p, row, list, &n))
            return false;
    }
    return true;
}

static bool read_list_subs(PropRead *r, const PropPath *p, const Prop *row, AnyList *list,
                           const Json *v)
{
    for (size_t i = 0; i < v->n; i++) {
        g_autofree char *digits = g_strdup_printf("%zu", i);
        PropPath at = { p, digits, 0 };
        const Json *item = json_get(v, digits);

        if (!item && strspn(v->mem[i].key, "0123456789") != strlen(v->mem[i].key)) {
            at.name = v->mem[i].key;
            return prop_read_fail(r, &at, "is unexpected");
        }
        if (!item)
            return prop_read_fail(r, &at, "is missing");
        if (!read_item(r, p, row, list, item))
            return false;
    }
    return true;
}

static bool read_list_kv(PropRead *r, const PropPath *p, const Prop *row, AnyList *list,
                         const Json *v)
{
    const Prop *items = row->aux;
    Json word = { .kind = J_KV, .s = v->s };

    if (!v->s && !v->n)
        return prop_read_fail(r, p, "needs a value");
    if (v->s && prop_is_bare(items) && items->kind == P_INT && items[1].kind == P_END) {
        if (!read_range(r, p, row, list, v->s))
            return false;
    } else if (v->s && !read_item(r, p, row, list, &word)) {
        return false;
    }
    return read_list_subs(r, p, row, list, v);
}

static bool read_list(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    AnyList *list = prop_at(row, args);

    if (v->kind == J_KV)
        return read_list_kv(r, p, row, list, v);
    if (v->kind != J_LIST)
        return prop_type_fail(r, p, "array");
    prop_row_free(row, row, args);
    list->at = g_malloc0(1);
    for (size_t i = 0; i < v->n; i++) {
        if (!read_item(r, p, row, list, v->at[i]))
            return false;
    }
    return true;
}

/* ---- one row ---- */

static bool read_part(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    void *at = prop_at(row, args);
    void **box = at;

    if (!(row->flags & PROP_BOXED))
        return prop_read_table(r, p, row->aux, at, v);
    if (!*box) {
        *box = g_malloc0(MAX(prop_size(row->aux), 1));
        prop_lay_defaults(row->aux, *box);
    }
    return prop_read_table(r, p, row->aux, *box, v);
}

static bool read_any(const Prop *row, void *args, const Json *v)
{
    Json **at = prop_at(row, args);

    json_free(*at);
    *at = json_copy(v);
    return true;
}

static bool read_null(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    if (v->kind != J_NULL)
        return prop_type_fail(r, p, "null");
    *(bool *)prop_at(row, args) = true;
    return true;
}

bool prop_read_row(PropRead *r, const PropPath *p, const Prop *row, void *args, const Json *v)
{
    switch (row->kind) {
    case P_BOOL: return read_bool(r, p, row, args, v);
    case P_INT: return read_int(r, p, row, args, v);
    case P_SIZE: return read_size(r, p, row, args, v);
    case P_NUM: return read_num(r, p, row, args, v);
    case P_STR: return read_str(r, p, row, args, v);
    case P_ENUM: return read_enum(r, p, row, args, v);
    case P_NULL: return read_null(r, p, row, args, v);
    case P_LINK: return read_link(r, p, row, args, v);
    case P_ANY: return read_any(row, args, v);
    case P_PART: return read_part(r, p, row, args, v);
    case P_LIST: return read_list(r, p, row, args, v);
    default: g_assert_not_reached();
    }
}
