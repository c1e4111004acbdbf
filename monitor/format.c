/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The formats of x, xp, print: /COUNT LETTER SIZE, as gdb's. Letters x d u o c i, sizes b h w g (1,
 * 2, 4, 8 bytes). Columns are as wide as the widest value of the size, as 7.2 prints them.
 */
#include "monitor/monitor-int.h"

#include <stdlib.h>
#include <string.h>

bool mem_format_parse(const char *text, MemFormat *f, GError **err)
{
    *f = (MemFormat){ .count = 1 };
    if (!text)
        return true;
    if (g_ascii_isdigit(*text)) {
        char *end;
        guint64 n = g_ascii_strtoull(text, &end, 10);
        f->count = (unsigned)MIN(n, 1 << 20);
        text = end;
    }
    for (; *text; text++) {
        const char *size = strchr("bhwg", *text);
        if (size) {
            f->size = *text == 'b' ? 1 : *text == 'h' ? 2 : *text == 'w' ? 4 : 8;
        } else if (strchr("xduoci", *text)) {
            f->letter = *text;
        } else {
            return user_fail(err, "invalid char in format: '%c'", *text);
        }
    }
    return true;
}

static void append_char(GString *s, uint8_t c)
{
    g_string_append_c(s, '\'');
    switch (c) {
    case '\'': g_string_append(s, "\\'"); break;
    case '\\': g_string_append(s, "\\\\"); break;
    case '\n': g_string_append(s, "\\n"); break;
    case '\r': g_string_append(s, "\\r"); break;
    default:
        if (c >= 32 && c < 127)
            g_string_append_c(s, (char)c);
        else
            g_string_append_printf(s, "\\x%02x", c);
    }
    g_string_append_c(s, '\'');
}

void mem_format_value(GString *s, uint64_t v, char letter, unsigned size, bool dump)
{
    static const int decimal[] = { [1] = 3, [2] = 5, [4] = 10, [8] = 20 };
    int octal = (int)(size * 8 + 2) / 3;
    int width = !dump ? 0 : letter == 'x' ? (int)size * 2 : letter == 'o' ? octal : decimal[size];

    switch (letter) {
    case 'o': g_string_append_printf(s, "%#*" G_GINT64_MODIFIER "o", width, v); break;
    case 'x': g_string_append_printf(s, "0x%0*" G_GINT64_MODIFIER "x", width, v); break;
    case 'u': g_string_append_printf(s, "%*" G_GINT64_MODIFIER "u", width, v); break;
    case 'd': g_string_append_printf(s, "%*" G_GINT64_MODIFIER "d", width, (int64_t)v); break;
    case 'c': append_char(s, (uint8_t)v); break;
    }
}
