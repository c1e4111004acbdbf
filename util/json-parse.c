/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON in: RFC 8259, plus strings in single quotes. Two layers: the stream finds where a document
 * ends by counting brackets outside strings, the parser then reads that document as a whole. The
 * text may be hostile: depth, bytes and number of values are limited, strings must be UTF-8 and
 * hold no NUL (they become C strings), a key may not come twice.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "util/json.h"

enum { MAX_DEPTH = 1024, MAX_BYTES = 64 << 20, MAX_VALUES = 2 << 20 };

typedef struct Parser {
    const char *p, *end;
    unsigned depth, values;
    GError **err;
} Parser;

static Json *parse_value(Parser *ps);

G_GNUC_PRINTF(2, 3)
static void *parse_fail(Parser *ps, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(ps->err, JSON_ERROR, 0, "JSON parse error, %s", text);
    return NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(Parser *ps)
{
    while (ps->p < ps->end && is_space(*ps->p))
        ps->p++;
}

static bool take_char(Parser *ps, char c)
{
    skip_space(ps);
    if (ps->p == ps->end || *ps->p != c)
        return false;
    ps->p++;
    return true;
}

static bool parse_hex4(Parser *ps, gunichar *c)
{
    *c = 0;
    if (ps->end - ps->p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(*ps->p++);

        if (digit < 0)
            return false;
        *c = *c << 4 | digit;
    }
    return true;
}

/* Behind "\u": one code point, perhaps from two surrogates. */
static bool parse_unicode(Parser *ps, GString *out)
{
    gunichar c, low;

    if (!parse_hex4(ps, &c))
        return false;
    if (c >= 0xd800 && c < 0xdc00) {
        if (ps->end - ps->p < 2 || ps->p[0] != '\\' || ps->p[1] != 'u')
            return false;
        ps->p += 2;
        if (!parse_hex4(ps, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
    }
    if (c == 0 || !g_unichar_validate(c))
        return false;
    g_string_append_unichar(out, c);
    return true;
}

static bool parse_escape(Parser *ps, GString *out)
{
    static const char from[] = "\"'\\/bfnrt", to[] = "\"'\\/\b\f\n\r\t";
    const char *at;

    if (ps->p == ps->end)
        return false;
    if (*ps->p == 'u') {
        ps->p++;
        return parse_unicode(ps, out);
    }
    at = *ps->p ? strchr(from, *ps->p) : NULL;
    if (!at)
        return false;
    g_string_append_c(out, to[at - from]);
    ps->p++;
    return true;
}

static char *parse_string(Parser *ps)
{
    g_autoptr(GString) out = g_string_new(NULL);
    char quote = *ps->p++;

    while (ps->p < ps->end && *ps->p != quote) {
        const char *start = ps->p;

        if ((uint8_t)*ps->p < 0x20)
            return parse_fail(ps, "control character 0x%02x in string", *ps->p);
        if (*ps->p++ != '\\')
            g_string_append_c(out, *start);
        else if (!parse_escape(ps, out))
            return parse_fail(ps, "invalid escape '%.*s' in string", (int)MIN(ps->end - start, 6),
                              start);
    }
    if (ps->p == ps->end)
        return parse_fail(ps, "string without end");
    ps->p++;
    if (!g_utf8_validate(out->str, out->len, NULL))
        return parse_fail(ps, "invalid UTF-8 sequence in string");
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static size_t take_digits(Parser *ps)
{
    const char *start = ps->p;

    while (ps->p < ps->end && g_ascii_isdigit(*ps->p))
        ps->p++;
    return ps->p - start;
}

/* "-"? ("0" | digits) ("." digits)? ([eE] [+-]? digits)? */
static bool scan_number(Parser *ps, bool *whole)
{
    const char *first;

    if (*ps->p == '-')
        ps->p++;
    first = ps->p;
    if (!take_digits(ps) || (*first == '0' && ps->p - first > 1))
        return false;
    *whole = true;
    if (ps->p < ps->end && *ps->p == '.') {
        *whole = false;
        ps->p++;
        if (!take_digits(ps))
            return false;
    }
    if (ps->p < ps->end && (*ps->p == 'e' || *ps->p == 'E')) {
        *whole = false;
        ps->p++;
        if (ps->p < ps->end && (*ps->p == '+' || *ps->p == '-'))
            ps->p++;
        return take_digits(ps) > 0;
    }
    return true;
}

static Json *parse_number(Parser *ps)
{
    const char *start = ps->p;
    g_autofree char *text = NULL;
    bool whole = false;
    double d;

    if (!scan_number(ps, &whole))
        return parse_fail(ps, "invalid number '%.*s'", (int)(ps->p - start), start);
    text = g_strndup(start, ps->p - start);
    if (whole) {
        int64_t i;
        uint64_t u;

        errno = 0;
        i = g_ascii_strtoll(text, NULL, 10);
        if (errno == 0)
            return json_int(i);
        errno = 0;
        u = g_ascii_strtoull(text, NULL, 10);
        if (errno == 0 && *text != '-')
            return json_uint(u);
    }
    d = g_ascii_strtod(text, NULL);
    return isfinite(d) ? json_num(d) : parse_fail(ps, "number '%.40s' is too large", text);
}

static Json *parse_word(Parser *ps)
{
    const char *start = ps->p;
    size_t n;

    while (ps->p < ps->end && (g_ascii_isalnum(*ps->p) || *ps->p == '_'))
        ps->p++;
    n = ps->p - start;
    if (n == 4 && memcmp(start, "true", 4) == 0)
        return json_bool(true);
    if (n == 5 && memcmp(start, "false", 5) == 0)
        return json_bool(false);
    if (n == 4 && memcmp(start, "null", 4) == 0)
        return json_null();
    if (n)
        return parse_fail(ps, "invalid keyword '%.*s'", (int)MIN(n, 40), start);
    if (memchr("]},:", *start, 4))
        return parse_fail(ps, "expecting value");
    if ((uint8_t)*start < 0x20 || (uint8_t)*start >= 0x7f)
        return parse_fail(ps, "stray byte 0x%02x", (uint8_t)*start);
    return parse_fail(ps, "stray '%c'", *start);
}

static Json *parse_list(Parser *ps)
{
    g_autoptr(Json) list = json_list();

    ps->p++;
    if (take_char(ps, ']'))
        return g_steal_pointer(&list);
    do {
        Json *value = parse_value(ps);

        if (!value)
            return NULL;
        json_append(list, value);
    } while (take_char(ps, ','));
    if (!take_char(ps, ']'))
        return parse_fail(ps, "expected separator in list");
    return g_steal_pointer(&list);
}

/* A hostile object with very many members must not cost a comparison of each with each. */
static bool key_is_new(Json *obj, GHashTable **seen, const char *key)
{
    if (obj->n < 16)
        return !json_get(obj, key);
    if (!*seen) {
        *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (size_t i = 0; i < obj->n; i++)
            g_hash_table_add(*seen, g_strdup(obj->mem[i].key));
    }
    return g_hash_table_add(*seen, g_strdup(key));
}

static bool parse_member(Parser *ps, Json *obj, GHashTable **seen)
{
    g_autofree char *key = NULL;
    Json *value;

    skip_space(ps);
    if (ps->p == ps->end || (*ps->p != '"' && *ps->p != '\''))
        return parse_fail(ps, "key is not a string in object");
    key = parse_string(ps);
    if (!key)
        return false;
    if (!key_is_new(obj, seen, key))
        return parse_fail(ps, "duplicate key '%.80s'", key);
    if (!take_char(ps, ':'))
        return parse_fail(ps, "missing : in object pair");
    value = parse_value(ps);
    if (value)
        json_add(obj, key, value);
    return value;
}

static Json *parse_obj(Parser *ps)
{
    g_autoptr(Json) obj = json_obj();
    g_autoptr(GHashTable) seen = NULL;

    ps->p++;
    if (take_char(ps, '}'))
        return g_steal_pointer(&obj);
    do {
        if (!parse_member(ps, obj, &seen))
            return NULL;
    } while (take_char(ps, ','));
    if (!take_char(ps, '}'))
        return parse_fail(ps, "expected separator in dict");
    return g_steal_pointer(&obj);
}

static Json *parse_nested(Parser *ps)
{
    Json *j;

    if (ps->depth == MAX_DEPTH)
        return parse_fail(ps, "nested deeper than %d", MAX_DEPTH);
    ps->depth++;
    j = *ps->p == '{' ? parse_obj(ps) : parse_list(ps);
    ps->depth--;
    return j;
}

static Json *parse_value(Parser *ps)
{
    char *s;

    skip_space(ps);
    if (ps->p == ps->end)
        return parse_fail(ps, "premature end of text");
    if (++ps->values > MAX_VALUES)
        return parse_fail(ps, "more than %d values", MAX_VALUES);
    switch (*ps->p) {
    case '{':
    case '[': return parse_nested(ps);
    case '"':
    case '\'': s = parse_string(ps); return s ? json_take_str(s) : NULL;
    case '-': return parse_number(ps);
    default: return g_ascii_isdigit(*ps->p) ? parse_number(ps) : parse_word(ps);
    }
}

static Json *parse_document(const char *text, size_t n, GError **err)
{
    Parser ps = { text, text + n, 0, 0, err };
    g_autoptr(Json) j = NULL;

    if (n > MAX_BYTES)
        return parse_fail(&ps, "text longer than %d MiB", MAX_BYTES >> 20);
    j = parse_value(&ps);
    if (!j)
        return NULL;
    skip_space(&ps);
    if (ps.p != ps.end)
        return parse_fail(&ps, "stray text after the value");
    return g_steal_pointer(&j);
}

Json *json_parse(const char *text, GError **err)
{
    return parse_document(text, strlen(text), err);
}

/*
 * The stream. [start, scanned) of buf is the document so far; a document ends
 *   - with the bracket that closes the first one, or one bracket too many (then it is an error),
 *   - with the quote of a string that stands alone,
 *   - before white space, a bracket or a quote when a number or keyword stands alone,
 *   - with a line end inside a string (an error: what follows is a new document).
 */
struct JsonStream {
    GByteArray *buf;
    size_t start, scanned;
    int braces, brackets;
    char quote;
    bool escaped, word, skip;
};

JsonStream *json_stream_new(void)
{
    JsonStream *s = g_new0(JsonStream, 1);

    s->buf = g_byte_array_new();
    return s;
}

void json_stream_free(JsonStream *s)
{
    if (s)
        g_byte_array_unref(s->buf);
    g_free(s);
}

void json_stream_feed(JsonStream *s, const char *p, size_t n)
{
    g_byte_array_append(s->buf, (const uint8_t *)p, n);
}

static void stream_reset(JsonStream *s)
{
    s->start = s->scanned;
    s->braces = s->brackets = 0;
    s->quote = 0;
    s->escaped = s->word = false;
    if (s->start == s->buf->len) {
        g_byte_array_set_size(s->buf, 0);
        s->start = s->scanned = 0;
    } else if (s->start > 65536 && s->start > s->buf->len / 2) {
        g_byte_array_remove_range(s->buf, 0, s->start);
        s->start = s->scanned = 0;
    }
}

/* Inside a string: true when the document ends with this byte. */
static bool scan_string_byte(JsonStream *s, uint8_t c)
{
    bool alone = !s->braces && !s->brackets;

    if (c == '\n')
        return true;
    if (s->escaped) {
        s->escaped = false;
    } else if (c == '\\') {
        s->escaped = true;
    } else if (c == s->quote) {
        s->quote = 0;
        return alone;
    }
    return false;
}

static bool scan_byte(JsonStream *s, uint8_t c)
{
    if (s->quote)
        return scan_string_byte(s, c);
    switch (c) {
    case '{': s->braces++; return false;
    case '[': s->brackets++; return false;
    case '}': s->braces--; break;
    case ']': s->brackets--; break;
    case '"':
    case '\'': s->quote = c; return false;
    default: s->word = !s->braces && !s->brackets && !is_space(c); return false;
    }
    return s->braces < 0 || s->brackets < 0 || (!s->braces && !s->brackets);
}

/* Is c the byte behind a number or keyword that stands alone? It is not taken. */
static bool ends_word(const JsonStream *s, uint8_t c)
{
    return s->word && !s->quote && (is_space(c) || strchr("{}[]\"'", c));
}

static Json *stream_document(JsonStream *s, GError **err)
{
    const char *text = (const char *)s->buf->data + s->start;
    Json *j = parse_document(text, s->scanned - s->start, err);

    stream_reset(s);
    return j;
}

static Json *stream_fail(JsonStream *s, GError **err, const char *text)
{
    g_set_error(err, JSON_ERROR, 0, "JSON parse error, %s", text);
    stream_reset(s);
    return NULL;
}

/* After a document too large or too deep: nothing is kept until the line, or FFh, ends it. */
static void stream_skip_line(JsonStream *s)
{
    while (s->scanned < s->buf->len && s->skip) {
        uint8_t c = s->buf->data[s->scanned++];

        s->skip = c != '\n' && c != 0xff;
    }
    stream_reset(s);
}

Json *json_next(JsonStream *s, GError **err)
{
    if (s->skip)
        stream_skip_line(s);
    while (s->scanned < s->buf->len) {
        uint8_t c = s->buf->data[s->scanned];
        bool fresh = s->scanned == s->start;

        if (c && ends_word(s, c))
            return stream_document(s, err);
        s->scanned++;
        if (c == 0xff)
            return stream_fail(s, err, "reset by byte 0xff");
        if (fresh && is_space(c)) {
            stream_reset(s);
            continue;
        }
        if (scan_byte(s, c))
            return stream_document(s, err);
        if (s->scanned - s->start > MAX_BYTES || s->braces + s->brackets > MAX_DEPTH) {
            s->skip = true;
            return stream_fail(s, err, "document too large or nested too deep");
        }
    }
    return NULL;
}

GQuark json_error_quark(void)
{
    return g_quark_from_static_string("json");
}
