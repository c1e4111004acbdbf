/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON values as a tree: making, freeing, copying, comparing. Reading text is json-parse.c, writing
 * it json-print.c. A tree has one owner; no locks.
 */
#include <string.h>

#include "util/json.h"

static Json *json_new(JsonKind kind)
{
    Json *j = g_new0(Json, 1);

    j->kind = kind;
    return j;
}

Json *json_null(void)
{
    return json_new(J_NULL);
}

Json *json_bool(bool b)
{
    Json *j = json_new(J_BOOL);

    j->b = b;
    return j;
}

Json *json_int(int64_t i)
{
    Json *j = json_new(J_INT);

    j->i = i;
    return j;
}

Json *json_uint(uint64_t u)
{
    Json *j = json_new(u <= INT64_MAX ? J_INT : J_UINT);

    j->u = u;
    return j;
}

Json *json_num(double d)
{
    Json *j = json_new(J_NUM);

    j->d = d;
    return j;
}

Json *json_str(const char *s)
{
    return json_take_str(g_strdup(s));
}

Json *json_take_str(char *take)
{
    Json *j = json_new(J_STR);

    j->s = take;
    return j;
}

Json *json_list(void)
{
    return json_new(J_LIST);
}

Json *json_obj(void)
{
    return json_new(J_OBJ);
}

Json *json_kv(const char *word)
{
    Json *j = json_new(J_KV);

    j->s = g_strdup(word);
    return j;
}

Json *json_copy(const Json *from)
{
    Json *j = json_new(from->kind);

    if (from->kind == J_STR || from->kind == J_KV)
        j->s = g_strdup(from->s);
    else
        j->u = from->u;
    for (size_t i = 0; from->at && i < from->n; i++)
        json_append(j, json_copy(from->at[i]));
    for (size_t i = 0; from->mem && i < from->n; i++)
        json_add(j, from->mem[i].key, json_copy(from->mem[i].value));
    return j;
}

void json_free(Json *j)
{
    if (!j)
        return;
    if (j->kind == J_STR || j->kind == J_KV)
        g_free(j->s);
    for (size_t i = 0; j->at && i < j->n; i++)
        json_free(j->at[i]);
    for (size_t i = 0; j->mem && i < j->n; i++) {
        g_free(j->mem[i].key);
        json_free(j->mem[i].value);
    }
    g_free(j->at);
    g_free(j->mem);
    g_free(j);
}

/* room for one more; asked for only when it is needed: realloc copies under a sanitizer */
static bool json_full(Json *j)
{
    if (j->n < j->room)
        return false;
    j->room = j->room ? 2 * j->room : 4;
    return true;
}

void json_append(Json *list, Json *take)
{
    g_assert(list->kind == J_LIST);
    if (json_full(list))
        list->at = g_renew(Json *, list->at, list->room);
    list->at[list->n++] = take;
}

void json_add(Json *obj, const char *key, Json *take)
{
    g_assert(obj->kind == J_OBJ || obj->kind == J_KV);
    if (json_full(obj))
        obj->mem = g_renew(JsonMember, obj->mem, obj->room);
    obj->mem[obj->n++] = (JsonMember){ g_strdup(key), take };
}

static JsonMember *json_find(const Json *obj, const char *key)
{
    if (obj->kind != J_OBJ && obj->kind != J_KV)
        return NULL;
    for (size_t i = obj->n; i-- > 0;) {
        if (strcmp(obj->mem[i].key, key) == 0)
            return &obj->mem[i];
    }
    return NULL;
}

void json_set(Json *obj, const char *key, Json *take)
{
    JsonMember *m = json_find(obj, key);

    if (!m) {
        json_add(obj, key, take);
        return;
    }
    json_free(m->value);
    m->value = take;
}

Json *json_get(const Json *obj, const char *key)
{
    JsonMember *m = obj ? json_find(obj, key) : NULL;

    return m ? m->value : NULL;
}

const char *json_get_str(const Json *obj, const char *key)
{
    const Json *j = json_get(obj, key);

    return j && j->kind == J_STR ? j->s : NULL;
}

bool json_remove(Json *obj, const char *key)
{
    JsonMember *m = json_find(obj, key);
    size_t i;

    if (!m)
        return false;
    i = m - obj->mem;
    g_free(m->key);
    json_free(m->value);
    memmove(m, m + 1, (obj->n - i - 1) * sizeof(*m));
    obj->n--;
    return true;
}

static bool json_is_number(const Json *j)
{
    return j->kind == J_INT || j->kind == J_UINT || j->kind == J_NUM;
}

static double json_as_double(const Json *j)
{
    return j->kind == J_INT ? (double)j->i : j->kind == J_UINT ? (double)j->u : j->d;
}

/* Members in any order; 1 and 1.0 are the same number. */
static bool json_members_equal(const Json *a, const Json *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const Json *other = json_get(b, a->mem[i].key);

        if (!other || !json_equal(a->mem[i].value, other))
            return false;
    }
    return true;
}

bool json_equal(const Json *a, const Json *b)
{
    if (a->kind != b->kind)
        return json_is_number(a) && json_is_number(b) && json_as_double(a) == json_as_double(b);
    switch (a->kind) {
    case J_NULL: return true;
    case J_BOOL: return a->b == b->b;
    case J_INT:
    case J_UINT: return a->u == b->u;
    case J_NUM: return a->d == b->d;
    case J_STR: return strcmp(a->s, b->s) == 0;
    case J_KV: return g_strcmp0(a->s, b->s) == 0 && a->n == b->n && json_members_equal(a, b);
    case J_OBJ: return a->n == b->n && json_members_equal(a, b);
    case J_LIST: break;
    }
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!json_equal(a->at[i], b->at[i]))
            return false;
    }
    return true;
}
