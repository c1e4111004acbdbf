/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON out. The text is pure ASCII (everything else as \u escapes), because log files and
 * terminals of clients are not always UTF-8. Numbers read back to the same double.
 */
#include <math.h>
#include <stdlib.h>

#include "util/json.h"

static void print_escaped(GString *out, gunichar c)
{
    static const char shorts[] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"'
    };

    if (c == '\\')
        g_string_append(out, "\\\\");
    else if (c < sizeof(shorts) && shorts[c])
        g_string_append_printf(out, "\\%c", shorts[c]);
    else if (c > 0xffff)
        g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
                               0xdc00 + ((c - 0x10000) & 0x3ff));
    else if (c < 0x20 || c >= 0x7f)
        g_string_append_printf(out, "\\u%04X", c);
    else
        g_string_append_c(out, c);
}

/* A path or a guest's string need not be UTF-8: each bad byte becomes U+FFFD. */
static void print_str(GString *out, const char *s)
{
    g_string_append_c(out, '"');
    while (*s) {
        gunichar c = g_utf8_get_char_validated(s, -1);

        if (c == (gunichar)-1 || c == (gunichar)-2) {
            print_escaped(out, 0xfffd);
            s++;
        } else {
            print_escaped(out, c);
            s = g_utf8_next_char(s);
        }
    }
    g_string_append_c(out, '"');
}

/* The shortest of 15 to 17 digits that reads back equal. JSON has no infinity: null. */
static void print_num(GString *out, double d)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    if (!isfinite(d)) {
        g_string_append(out, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        char format[] = "%.15g";

        format[3] = '0' + digits % 10;
        g_ascii_formatd(text, sizeof(text), format, d);
        if (g_ascii_strtod(text, NULL) == d)
            break;
    }
    g_string_append(out, text);
}

static void print_newline(GString *out, unsigned indent, unsigned level)
{
    if (indent)
        g_string_append_printf(out, "\n%*s", (int)(indent * level), "");
}

static void print_value(GString *out, const Json *j, unsigned indent, unsigned level);

static void print_list(GString *out, const Json *j, unsigned indent, unsigned level)
{
    g_string_append_c(out, '[');
    for (size_t i = 0; i < j->n; i++) {
        if (i)
            g_string_append(out, indent ? "," : ", ");
        print_newline(out, indent, level + 1);
        print_value(out, j->at[i], indent, level + 1);
    }
    print_newline(out, indent, level);
    g_string_append_c(out, ']');
}

static void print_obj(GString *out, const Json *j, unsigned indent, unsigned level)
{
    g_string_append_c(out, '{');
    for (size_t i = 0; i < j->n; i++) {
        if (i)
            g_string_append(out, indent ? "," : ", ");
        print_newline(out, indent, level + 1);
        print_str(out, j->mem[i].key);
        g_string_append(out, ": ");
        print_value(out, j->mem[i].value, indent, level + 1);
    }
    print_newline(out, indent, level);
    g_string_append_c(out, '}');
}

static void print_value(GString *out, const Json *j, unsigned indent, unsigned level)
{
    switch (j->kind) {
    case J_NULL: g_string_append(out, "null"); break;
    case J_BOOL: g_string_append(out, j->b ? "true" : "false"); break;
    case J_INT: g_string_append_printf(out, "%" G_GINT64_FORMAT, j->i); break;
    case J_UINT: g_string_append_printf(out, "%" G_GUINT64_FORMAT, j->u); break;
    case J_NUM: print_num(out, j->d); break;
    case J_STR: print_str(out, j->s); break;
    case J_LIST: print_list(out, j, indent, level); break;
    case J_OBJ: print_obj(out, j, indent, level); break;
    case J_KV: /* words leave only for debugging */
        if (j->n)
            print_obj(out, j, indent, level);
        else if (j->s)
            print_str(out, j->s);
        else
            g_string_append(out, "null");
        break;
    }
}

void json_print(GString *out, const Json *j, unsigned indent)
{
    print_value(out, j, indent, 0);
}

char *json_text(const Json *j, unsigned indent)
{
    GString *out = g_string_new(NULL);

    json_print(out, j, indent);
    return g_string_free(out, FALSE);
}
