/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest may say to libvterm. Its version 0.1.4 writes past its screen on U+0080..U+009F,
 * loops for ever when REP repeats a character of width 0, grows without limit with combining
 * characters and has one slot too few for malformed UTF-8. So it sees controls, well-formed
 * characters that the font has (all of width 1), and U+FFFD for the rest, twice where the character
 * is wide: columns stay right. Escape sequences are ASCII and pass, but for DCS, whose answer to an
 * unknown request formats a number as a string: it becomes an OSC, which nobody answers. Pure.
 */
#include <string.h>

#include "ui/font.h"
#include "ui/vc-int.h"

static char *put(char *out, uint32_t ch)
{
    int times = font_glyph(ch) ? 1 : g_unichar_iswide(ch) ? 2 : 1;
    if (!font_glyph(ch)) {
        if (g_unichar_iszerowidth(ch))
            return out;
        ch = 0xfffd;
    }
    while (times--)
        out += g_unichar_to_utf8(ch, out);
    return out;
}

/* A lead byte: how many follow; 0: it is none */
static unsigned lead(VcFilter *f, uint8_t c)
{
    f->left = c >= 0xf0 && c < 0xf5 ? 3 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xc2 && c < 0xe0 ? 1 : 0;
    f->ch = c & (0x3f >> f->left);
    f->least = f->left == 3 ? 0x10000 : f->left == 2 ? 0x800 : 0x80;
    return f->left;
}

static char *filter_high(VcFilter *f, uint8_t c, char *out)
{
    if (!f->left)
        return lead(f, c) ? out : put(out, 0xfffd);
    f->ch = f->ch << 6 | (c & 0x3f);
    if (--f->left)
        return out;
    bool good = f->ch >= f->least && g_unichar_validate(f->ch);
    return put(out, good ? f->ch : 0xfffd);
}

size_t vc_filter(VcFilter *f, const uint8_t *in, size_t n, char *out)
{
    char *start = out;
    for (size_t i = 0; i < n; i++) {
        bool more = in[i] >= 0x80 && in[i] < 0xc0;
        if (f->left && !more) {
            f->left = 0;
            out = put(out, 0xfffd);
        }
        if (in[i] >= 0x80)
            out = filter_high(f, in[i], out);
        else
            *out++ = (char)(f->escape && in[i] == 'P' ? ']' : in[i]);
        /* controls are carried out in the middle of a sequence, without ending it */
        if (in[i] == 27 || in[i] == 24 || in[i] == 26 || (in[i] >= 32 && in[i] != 127))
            f->escape = in[i] == 27;
    }
    return (size_t)(out - start);
}
