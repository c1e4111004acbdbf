/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arithmetic of HMP arguments: x /4xw $rsp+8. Values are 64-bit and wrap. Grammar, loosest first:
 *   sum = logic { (+|-) logic };  logic = product { (&|'|'|^) product }
 *   product = unary { (*|/|%) unary };  unary = [+-~] unary | ( sum ) | 'c' | $register | number
 * A blank may stand between any two tokens. Depth is limited: the text may be hostile.
 */
#include "monitor/monitor-int.h"

#include <stdlib.h>
#include <string.h>

typedef struct Expr {
    const char *p;
    ExprReg *reg;
    void *o;
    unsigned depth;
    GError **err;
} Expr;

enum { DEPTH_MAX = 100 };

static bool expr_sum(Expr *e, int64_t *v);

static char expr_peek(Expr *e)
{
    while (g_ascii_isspace(*e->p))
        e->p++;
    return *e->p;
}

/* The next character is one of the set: takes it. */
static char expr_take(Expr *e, const char *set)
{
    char c = expr_peek(e);
    if (!c || !strchr(set, c))
        return 0;
    e->p++;
    return c;
}

static bool expr_number(Expr *e, int64_t *v)
{
    char *end;
    *v = (int64_t)g_ascii_strtoull(e->p, &end, 0);
    if (end == e->p)
        return user_fail(e->err, "invalid char '%c' in expression", *e->p);
    e->p = end;
    return true;
}

static bool expr_register(Expr *e, int64_t *v)
{
    const char *start = e->p;
    uint64_t value = 0;
    while (g_ascii_isalnum(*e->p) || *e->p == '_' || *e->p == '.')
        e->p++;
    g_autofree char *name = g_strndup(start, (gsize)(e->p - start));
    if (!e->reg || !e->reg(e->o, name, &value))
        return user_fail(e->err, "unknown register");
    *v = (int64_t)value;
    return true;
}

static bool expr_char(Expr *e, int64_t *v)
{
    if (!e->p[0] || e->p[1] != '\'')
        return user_fail(e->err, "character constant expected: 'a'");
    *v = (uint8_t)e->p[0];
    e->p += 2;
    return true;
}

static bool expr_unary(Expr *e, int64_t *v)
{
    if (++e->depth > DEPTH_MAX)
        return user_fail(e->err, "expression is nested too deeply");
    bool ok;
    char op = expr_take(e, "+-~($'");
    switch (op) {
    case '+': ok = expr_unary(e, v); break;
    case '-':
    case '~':
        ok = expr_unary(e, v);
        if (ok)
            *v = op == '-' ? (int64_t)(0 - (uint64_t)*v) : ~*v;
        break;
    case '(':
        ok = expr_sum(e, v);
        if (ok && !expr_take(e, ")")) {
            user_fail(e->err, "')' expected");
            ok = false;
        }
        break;
    case '$': ok = expr_register(e, v); break;
    case '\'': ok = expr_char(e, v); break;
    default:
        if (!expr_peek(e)) {
            user_fail(e->err, "unexpected end of expression");
            ok = false;
        } else {
            ok = expr_number(e, v);
        }
    }
    e->depth--;
    return ok;
}

static bool expr_product(Expr *e, int64_t *v)
{
    char op;
    if (!expr_unary(e, v))
        return false;
    while ((op = expr_take(e, "*/%"))) {
        int64_t w;
        if (!expr_unary(e, &w))
            return false;
        if (op == '*') {
            *v = (int64_t)((uint64_t)*v * (uint64_t)w);
        } else if (w == 0) {
            return user_fail(e->err, "division by zero");
        } else if (w == -1) { /* the smallest value divided by -1 traps */
            *v = op == '/' ? (int64_t)(0 - (uint64_t)*v) : 0;
        } else {
            *v = op == '/' ? *v / w : *v % w;
        }
    }
    return true;
}

static bool expr_logic(Expr *e, int64_t *v)
{
    char op;
    if (!expr_product(e, v))
        return false;
    while ((op = expr_take(e, "&|^"))) {
        int64_t w;
        if (!expr_product(e, &w))
            return false;
        *v = op == '&' ? *v & w : op == '|' ? *v | w : *v ^ w;
    }
    return true;
}

static bool expr_sum(Expr *e, int64_t *v)
{
    char op;
    if (!expr_logic(e, v))
        return false;
    while ((op = expr_take(e, "+-"))) {
        int64_t w;
        if (!expr_logic(e, &w))
            return false;
        *v = (int64_t)((uint64_t)*v + (op == '+' ? (uint64_t)w : 0 - (uint64_t)w));
    }
    return true;
}

bool expr_parse(const char **p, ExprReg *reg, void *o, int64_t *value, GError **err)
{
    Expr e = { .p = *p, .reg = reg, .o = o, .err = err };
    bool ok = expr_sum(&e, value);
    expr_peek(&e);
    *p = e.p;
    return ok;
}
