/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * key=value text as a tree of J_KV nodes, without looking at any table (docs/tables.md has the
 * grammar). A node holds a word and sub-keys: `file=x,file.locking=off` is one node "file". A word
 * alone ("readonly") is a node with neither. A repeated key is a second member of the same name, so
 * that a list can append and everything else can let the last one win.
 */
#include <string.h>

#include "core/prop-int.h"
#include "util/text.h"

enum { MAX_PATH_PARTS = 32 };

static void *kv_fail(GError **err, const char *key)
{
    user_fail(err, "Invalid parameter '%s'", key);
    return NULL;
}

/* Up to a single comma; two commas are one that belongs to the value. */
static char *take_value(const char **text)
{
    GString *out = g_string_new(NULL);
    const char *p = *text;

    for (; *p; p++) {
        if (*p == ',') {
            if (p[1] != ',')
                break;
            p++;
        }
        g_string_append_c(out, *p);
    }
    *text = *p ? p + 1 : p;
    return g_string_free(out, FALSE);
}

static JsonMember *last_member(Json *node, const char *key)
{
    for (size_t i = node->n; i-- > 0;) {
        if (strcmp(node->mem[i].key, key) == 0)
            return &node->mem[i];
    }
    return NULL;
}

static void set_leaf(Json *node, const char *key, const char *word)
{
    JsonMember *m = last_member(node, key);

    if (m && word && !m->value->s && m->value->n)
        m->value->s = g_strdup(word);
    else
        json_add(node, key, json_kv(word));
}

static bool insert_path(Json *node, const char *key, const char *word, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(key, ".", MAX_PATH_PARTS + 1);
    guint n = g_strv_length(parts);

    for (guint i = 0; i < n; i++) {
        if (!*parts[i] || n > MAX_PATH_PARTS)
            return kv_fail(err, key);
    }
    for (guint i = 0; i + 1 < n; i++) {
        JsonMember *m = last_member(node, parts[i]);

        if (!m) {
            json_add(node, parts[i], json_kv(NULL));
            m = &node->mem[node->n - 1];
        }
        node = m->value;
    }
    set_leaf(node, parts[n - 1], word);
    return true;
}

static bool insert(Json *root, const char *key, const char *word, bool plain, GError **err)
{
    if (!*key)
        return kv_fail(err, key);
    if (!plain)
        return insert_path(root, key, word, err);
    json_add(root, key, json_kv(word));
    return true;
}

/* A word without '=': of a plain list "+x" is x=on, "-x" x=off. */
static bool insert_word(Json *root, const char *word, bool plain, GError **err)
{
    if (plain && (*word == '+' || *word == '-') && word[1])
        return insert(root, word + 1, *word == '+' ? "on" : "off", plain, err);
    return insert(root, word, NULL, plain || text_is_help(word), err);
}

static bool take_item(Json *root, const char *implied, const char **text, bool plain, GError **err)
{
    size_t n = strcspn(*text, "=,");
    g_autofree char *key = NULL;
    g_autofree char *value = NULL;

    if ((*text)[n] == '=') {
        key = g_strndup(*text, n);
        *text += n + 1;
        value = take_value(text);
        return insert(root, key, value, plain, err);
    }
    value = take_value(text);
    if (!*value)
        return true;
    return implied ? insert(root, implied, value, plain, err)
                   : insert_word(root, value, plain, err);
}

Json *prop_kv_tree(const char *implied, const char *text, bool plain, bool implied_help,
                   GError **err)
{
    g_autoptr(Json) root = json_kv(NULL);
    size_t n = strcspn(text, ",");
    g_autofree char *first = g_strndup(text, n);

    if (text_is_help(first) && !implied_help)
        implied = NULL;
    while (*text) {
        if (!take_item(root, implied, &text, plain, err))
            return NULL;
        implied = NULL;
    }
    return g_steal_pointer(&root);
}
