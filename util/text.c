/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What users type: numbers, sizes, yes and no, the nearest known name. No locale, no state. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "util/text.h"

bool text_bool(const char *s, bool *out)
{
    static const char *const yes[] = { "on", "yes", "true", "y", NULL };
    static const char *const no[] = { "off", "no", "false", "n", NULL };

    *out = g_strv_contains(yes, s);
    return *out || g_strv_contains(no, s);
}

/* strtol() and its kin skip blanks and take a sign: the text must begin with a digit here. */
bool text_uint(const char *s, uint64_t *out)
{
    char *end;

    if (!g_ascii_isdigit(*s))
        return false;
    errno = 0;
    *out = g_ascii_strtoull(s, &end, 0);
    return errno == 0 && *end == '\0';
}

bool text_int(const char *s, int64_t *out)
{
    bool minus = *s == '-';
    uint64_t u;

    if (!text_uint(s + (minus || *s == '+'), &u) || u > (uint64_t)INT64_MAX + minus)
        return false;
    *out = minus ? (int64_t)(0 - u) : (int64_t)u;
    return true;
}

bool text_num(const char *s, double *out)
{
    char *end;

    *out = g_ascii_strtod(s, &end);
    return end != s && *end == '\0' && isfinite(*out) && !g_ascii_isspace(*s);
}

static bool size_unit(const char *suffix, uint64_t *unit)
{
    static const char letters[] = "bkmgtpe";
    const char *at;

    if (*suffix == '\0')
        return true;
    at = strchr(letters, g_ascii_tolower(*suffix));
    if (!at || suffix[1] != '\0')
        return false;
    *unit = 1ull << 10 * (at - letters);
    return true;
}

/* Digits behind a point, as a double in [0, 1). */
static double size_fraction(const char **s)
{
    double value = 0, place = 0.1;

    for (; g_ascii_isdigit(**s); (*s)++, place /= 10)
        value += (**s - '0') * place;
    return value;
}

bool text_size(const char *s, uint64_t unit, uint64_t *bytes)
{
    double fraction = 0;
    uint64_t whole;
    char *end;
    const char *rest;

    if (!g_ascii_isdigit(*s))
        return false;
    errno = 0;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        if (!text_uint(s, &whole))
            return false;
        rest = "";
    } else {
        whole = g_ascii_strtoull(s, &end, 10);
        rest = end;
        if (*rest == '.') {
            rest++;
            fraction = size_fraction(&rest);
        }
    }
    if (errno || !size_unit(rest, &unit) || whole > UINT64_MAX / unit)
        return false;
    *bytes = whole * unit;
    whole = (uint64_t)(fraction * unit);
    if (*bytes > UINT64_MAX - whole)
        return false;
    *bytes += whole;
    return true;
}

char *text_size_print(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    double value = bytes;
    unsigned i = 0;

    /* 999.5 would print as 1e+03 */
    for (; i + 1 < G_N_ELEMENTS(units) && value >= 999.5; i++)
        value /= 1024;
    g_ascii_formatd(number, sizeof(number), "%0.3g", value);
    return g_strdup_printf("%s %s", number, units[i]);
}

bool text_range(const char *s, int64_t *low, int64_t *high)
{
    const char *dash = *s ? strchr(s + 1, '-') : NULL;
    g_autofree char *first = NULL;

    if (!dash) {
        if (!text_int(s, low))
            return false;
        *high = *low;
        return true;
    }
    first = g_strndup(s, dash - s);
    return text_int(first, low) && text_int(dash + 1, high) && *low <= *high;
}

/*
 * Letters left out, put in, changed, or two neighbours swapped: the fewest of these that make b of
 * a. Three rows of the usual matrix are enough; longer names than LIMIT are never "near".
 */
enum { LIMIT = 64 };

static unsigned edit_distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    unsigned rows[3][LIMIT + 1];

    if (na > LIMIT || nb > LIMIT)
        return LIMIT;
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *row = rows[i % 3], *up = rows[(i - 1) % 3], *up2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned change = up[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = MIN(change, MIN(up[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], up2[j - 2] + 1);
        }
    }
    return rows[na % 3][nb];
}

Nearest nearest_to(const char *word)
{
    return (Nearest){ word, NULL, 1 + MIN(strlen(word), 12) / 4 };
}

/* A candidate wins when it is nearer than the best so far; at first, than one error in four. */
void nearest_try(Nearest *n, const char *name)
{
    unsigned d = edit_distance(n->word, name);

    if (d < n->distance || (!n->best && d == n->distance && d < strlen(name))) {
        n->distance = d;
        n->best = name;
    }
}

char *nearest_hint(const Nearest *n)
{
    return n->best ? g_strdup_printf(" (did you mean '%s'?)", n->best) : g_strdup("");
}

bool text_is_help(const char *s)
{
    return strcmp(s, "?") == 0 || strcmp(s, "help") == 0;
}
