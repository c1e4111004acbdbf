/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Glyphs of the text consoles' font: found and drawn. */
#include "ui/font.h"

#include <stddef.h>

enum { REPLACEMENT = 0xfffd };

const Glyph *font_glyph(uint32_t ch)
{
    unsigned low = 0, high = font_count;
    /* the first 95 rows are ASCII */
    if (ch >= 0x20 && ch < 0x7f)
        return &font_glyphs[ch - 0x20];
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (font_glyphs[mid].ch == ch)
            return &font_glyphs[mid];
        if (font_glyphs[mid].ch < ch)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

void font_draw(uint32_t *px, int stride, uint32_t ch, uint32_t fg, uint32_t bg)
{
    const Glyph *g = font_glyph(ch);
    if (!g)
        g = font_glyph(REPLACEMENT);
    for (int y = 0; y < FONT_H; y++) {
        uint8_t bits = g->rows[y / 8] >> (56 - y % 8 * 8);
        for (int x = 0; x < FONT_W; x++)
            px[x] = bits & 0x80 >> x ? fg : bg;
        px = (uint32_t *)((char *)px + stride);
    }
}
