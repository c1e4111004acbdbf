/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of an HMP line into the rows of a command. The grammar is what the help line shows:
 *   word  [word]   the row of that name; optional words fill up left to right once the required
 *                  ones have theirs
 *   -x:row         a flag: sets a bool row, else takes the next word
 *   /row           "/4xw" right behind the command
 *   word...        the rest of the line as it is; [word...] may be missing
 *   {row}          the rest as key=value text; row= may be left out in front
 * An int row takes an expression ("$rsp + 8"); any other row reads its word as key=value text
 * would.
 */
#include "monitor/monitor-int.h"

#include <string.h>

#include "accel/x86/registers.h"
#include "core/vcpu.h"

typedef enum { TOK_WORD, TOK_OPTIONAL, TOK_FLAG, TOK_FORMAT, TOK_REST, TOK_KV, TOK_END } TokenKind;
typedef struct Token {
    TokenKind kind;
    bool optional;
    char flag, name[48];
} Token;

/* The next piece of a grammar; grammars are ours, so a bad one is an assert. */
static Token token_next(const char **p)
{
    Token t = { .kind = TOK_END };
    size_t n;
    while (**p == ' ')
        ++*p;
    const char *s = *p;
    *p += n = strcspn(s, " ");
    if (!n)
        return t;
    t.kind = TOK_WORD;
    if (*s == '[' || *s == '{') {
        t.kind = *s == '[' ? TOK_OPTIONAL : TOK_KV;
        t.optional = *s == '[';
        g_assert(s[n - 1] == ']' || s[n - 1] == '}');
        s++, n -= 2;
    } else if (*s == '-') {
        g_assert(n > 3 && s[2] == ':');
        t.kind = TOK_FLAG;
        t.flag = s[1];
        s += 3, n -= 3;
    } else if (*s == '/') {
        t.kind = TOK_FORMAT;
        s++, n--;
    }
    if (n > 3 && strncmp(s + n - 3, "...", 3) == 0) {
        t.kind = TOK_REST;
        n -= 3;
    }
    g_assert(n < sizeof(t.name));
    memcpy(t.name, s, n);
    return t;
}

static const Prop *row_named(const Command *c, const char *name)
{
    for (const Prop *p = c->args; p->kind != P_END; p++)
        if (p->name && strcmp(p->name, name) == 0)
            return p;
    g_assert_not_reached();
}

char *hmp_first_name(const Command *c)
{
    return g_strndup(c->hmp, strcspn(c->hmp, "|"));
}

char *hmp_synopsis(const Command *c)
{
    g_autoptr(GString) s = g_string_new(c->hmp);
    const char *p = c->grammar ? c->grammar : "";
    for (Token t; (t = token_next(&p)).kind != TOK_END;) {
        g_string_append_c(s, ' ');
        switch (t.kind) {
        case TOK_FORMAT: g_string_append_printf(s, "/%s", t.name); break;
        case TOK_KV: g_string_append_printf(s, "%s[,prop=value][,...]", t.name); break;
        case TOK_FLAG:
            if (row_named(c, t.name)->kind == P_BOOL)
                g_string_append_printf(s, "[-%c]", t.flag);
            else
                g_string_append_printf(s, "[-%c %s]", t.flag, t.name);
            break;
        default: g_string_append_printf(s, t.optional ? "[%s]" : "%s", t.name);
        }
    }
    return g_string_free(g_steal_pointer(&s), FALSE);
}

/* ---- words ---- */

static void skip_blanks(const char **p)
{
    while (g_ascii_isspace(**p))
        ++*p;
}

/* One word: up to a blank, or "in quotes with \" \\ \n \r". NULL and an error: no end. */
static char *word_next(const char **p, GError **err)
{
    g_autoptr(GString) s = g_string_new(NULL);
    skip_blanks(p);
    if (**p != '"') {
        while (**p && !g_ascii_isspace(**p))
            g_string_append_c(s, *(*p)++);
        return g_string_free(g_steal_pointer(&s), FALSE);
    }
    for (++*p; **p != '"'; ++*p) {
        char c = **p;
        if (c == '\\') {
            c = *++*p;
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        if (!c) {
            user_fail(err, "unterminated string");
            return NULL;
        }
        g_string_append_c(s, c);
    }
    ++*p;
    return g_string_free(g_steal_pointer(&s), FALSE);
}

static unsigned words_left(const char *p)
{
    unsigned n = 0;
    for (skip_blanks(&p); *p; skip_blanks(&p), n++) {
        g_autofree char *w = word_next(&p, NULL);
        if (!w)
            return n + 1;
    }
    return n;
}

static unsigned words_required(const char *grammar)
{
    unsigned n = 0;
    for (Token t; (t = token_next(&grammar)).kind != TOK_END;)
        n += t.kind == TOK_WORD;
    return n;
}

/* ---- one line ---- */

typedef struct ArgParse {
    const Command *cmd;
    const char *name; /* "info cpus" is "cpus" in messages, as 7.2 has it */
    const char *p, *grammar;
    Vcpu *vcpu;
    Json *values;
} ArgParse;

static bool reg_of_vcpu(void *o, const char *name, uint64_t *value)
{
    Vcpu *v = o;
    if (!v)
        return false;
    vcpus_pause(v->vm);
    X86State *s = vcpu_state(v, false);
    bool ok = s && registers_get(s, name, value);
    vcpus_resume(v->vm);
    return ok;
}

static bool arg_missing(ArgParse *a, const Prop *row, GError **err)
{
    bool file = strcmp(row->name, "filename") == 0;
    return user_fail(err, "%s: %s expected", a->name,
                     file                  ? "filename"
                     : row->kind == P_BOOL ? "'on' or 'off'"
                     : row->kind == P_LINK ? "name"
                                           : "string");
}

static bool arg_take(ArgParse *a, const Prop *row, GError **err)
{
    skip_blanks(&a->p);
    if (row->kind == P_INT) {
        int64_t v;
        if (!expr_parse(&a->p, reg_of_vcpu, a->vcpu, &v, err))
            return false;
        json_set(a->values, row->name,
                 v < 0 && row->width == 8 ? json_uint((uint64_t)v) : json_int(v));
        return true;
    }
    if (!*a->p)
        return arg_missing(a, row, err);
    g_autofree char *w = word_next(&a->p, err);
    if (!w)
        return false;
    json_set(a->values, row->name, row->kind == P_STR ? json_str(w) : json_kv(w));
    return true;
}

static bool arg_flag(ArgParse *a, GError **err)
{
    const char *g = a->grammar;
    char flag = a->p[1];
    for (Token t; (t = token_next(&g)).kind != TOK_END;) {
        if (t.kind != TOK_FLAG || t.flag != flag)
            continue;
        const Prop *row = row_named(a->cmd, t.name);
        a->p += 2;
        if (row->kind != P_BOOL)
            return arg_take(a, row, err);
        json_set(a->values, row->name, json_bool(true));
        return true;
    }
    return user_fail(err, "%s: unsupported option -%c", a->name, flag);
}

/* Flags may stand before any word: "-f", not "-1" where a number is due. */
static bool arg_flags(ArgParse *a, GError **err)
{
    for (;;) {
        skip_blanks(&a->p);
        if (a->p[0] != '-' || !g_ascii_isalpha(a->p[1]) || (a->p[2] && !g_ascii_isspace(a->p[2])))
            return true;
        if (!arg_flag(a, err))
            return false;
    }
}

static void arg_format(ArgParse *a, const char *row)
{
    skip_blanks(&a->p);
    if (*a->p != '/')
        return;
    size_t n = strcspn(++a->p, " \t");
    json_set(a->values, row, json_take_str(g_strndup(a->p, n)));
    a->p += n;
}

static bool arg_token(ArgParse *a, Token t, GError **err)
{
    const Prop *row = row_named(a->cmd, t.name);
    if (t.kind == TOK_FORMAT) {
        arg_format(a, row->name);
        return true;
    }
    if (!arg_flags(a, err))
        return false;
    switch (t.kind) {
    case TOK_OPTIONAL: return !*a->p || arg_take(a, row, err);
    case TOK_REST:
        if (!*a->p)
            return t.optional || arg_missing(a, row, err);
        json_set(a->values, row->name, json_str(a->p));
        a->p += strlen(a->p);
        return true;
    default: return arg_take(a, row, err);
    }
}

static bool args_fill(ArgParse *a, GError **err)
{
    const char *g = a->grammar;
    unsigned required = words_required(g);
    for (Token t; (t = token_next(&g)).kind != TOK_END;) {
        if (t.kind == TOK_FLAG)
            continue;
        if (t.kind == TOK_OPTIONAL && words_left(a->p) <= required)
            continue;
        required -= t.kind == TOK_WORD;
        if (!arg_token(a, t, err))
            return false;
    }
    if (!arg_flags(a, err))
        return false;
    if (*a->p)
        user_fail(err, "%s: extraneous characters at the end of line", a->name);
    return !*a->p;
}

bool hmp_parse_args(const Command *c, const char *text, Vcpu *vcpu, void *args, Vm *vm,
                    GError **err)
{
    const char *g = c->grammar ? c->grammar : "";
    const char *name = strrchr(c->hmp, ' ');
    ArgParse a = {
        .cmd = c, .name = name ? name + 1 : c->hmp, .p = text, .grammar = g, .vcpu = vcpu
    };
    const char *first = g;
    Token t = token_next(&first);

    prop_defaults(c->args, args);
    if (t.kind == TOK_KV) {
        skip_blanks(&a.p);
        return prop_parse_kv(c->args, t.name, a.p, args, vm, err);
    }
    a.values = json_obj();
    bool ok = args_fill(&a, err);
    if (ok)
        ok = prop_parse_json(c->args, a.values, args, vm, err);
    json_free(a.values);
    return ok;
}

const Prop *hmp_row_at(const Command *c, const char *text)
{
    const char *g = c->grammar ? c->grammar : "";
    unsigned before = 0;
    bool open_word = *text && !g_ascii_isspace(text[strlen(text) - 1]);
    bool format = *g == '/';

    while (g_ascii_isspace(*text))
        text++;
    for (const char *p = text; *p; skip_blanks(&p)) {
        g_autofree char *w = word_next(&p, NULL);
        before += w && *w != '-' && !(format && *w == '/');
        if (!w)
            break;
    }
    if (open_word && before)
        before--;
    for (Token t; (t = token_next(&g)).kind != TOK_END;)
        if (t.kind != TOK_FLAG && t.kind != TOK_FORMAT && (before-- == 0 || t.kind == TOK_REST))
            return row_named(c, t.name);
    return NULL;
}
