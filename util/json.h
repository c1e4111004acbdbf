/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON values, one parser and one writer (RFC 8259 with QMP's additions: 'strings' in single
 * quotes, all 64-bit integers exactly, several documents in one stream, resuming on partial input).
 * A number without fraction and exponent that fits int64_t is J_INT, one that fits uint64_t J_UINT,
 * anything else J_NUM. Depth is limited to 1024, a document to 64 MiB: the text may be hostile.
 */
#ifndef UTIL_JSON_H
#define UTIL_JSON_H

#include <glib.h>

#include "core/types.h"

/*
 * J_KV: what key=value text leaves for a row that keeps left-over keys: a word and sub-keys. It
 * never comes from JSON text and never leaves the process.
 */
typedef enum { J_NULL, J_BOOL, J_INT, J_UINT, J_NUM, J_STR, J_LIST, J_OBJ, J_KV } JsonKind;

typedef struct JsonMember {
    char *key;
    Json *value;
} JsonMember;

/* Read freely; build with the functions below. Members keep the order they were added in. */
struct Json {
    JsonKind kind;
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        char *s; /* J_STR; J_KV: the word or NULL */
    };
    Json **at;       /* J_LIST */
    JsonMember *mem; /* J_OBJ, J_KV */
    size_t n, room;
};

Json *json_null(void);
Json *json_bool(bool);
Json *json_int(int64_t);
Json *json_uint(uint64_t); /* becomes J_INT where it fits */
Json *json_num(double);
Json *json_str(const char *);
Json *json_take_str(char *take);
Json *json_list(void);
Json *json_obj(void);
Json *json_kv(const char *word); /* word may be NULL */
Json *json_copy(const Json *);
void json_free(Json *); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_free)

void json_append(Json *list, Json *take);
void json_add(Json *obj, const char *key, Json *take);      /* the caller knows the key is new */
void json_set(Json *obj, const char *key, Json *take);      /* replaces */
Json *json_get(const Json *obj, const char *key);           /* borrowed; NULL: no such member */
const char *json_get_str(const Json *obj, const char *key); /* NULL: absent or not a string */
bool json_remove(Json *obj, const char *key);
bool json_equal(const Json *, const Json *);

/* One whole document, nothing but white space after it. */
Json *json_parse(const char *text, GError **);

/*
 * A stream: feed bytes as they come, take documents out. json_next() returns NULL without an error
 * while the document is incomplete; after an error the parser has skipped to where the stream can
 * go on (the bad document is gone). The byte FFh drops an unfinished document and is itself an
 * error, as QMP clients expect that synchronise with it.
 */
typedef struct JsonStream JsonStream;
JsonStream *json_stream_new(void);
void json_stream_free(JsonStream *);
void json_stream_feed(JsonStream *, const char *p, size_t n);
Json *json_next(JsonStream *, GError **);
#define JSON_ERROR (json_error_quark())
GQuark json_error_quark(void);

/* indent 0: one line, `"key": value` with a space as QMP prints it; n: pretty by n spaces. */
char *json_text(const Json *, unsigned indent);
void json_print(GString *, const Json *, unsigned indent);

#endif
