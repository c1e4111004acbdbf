/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The font of text consoles: 8x16, one table. Pure. */
#ifndef UI_FONT_H
#define UI_FONT_H

#include <stdint.h>

enum { FONT_W = 8, FONT_H = 16 };

typedef struct Glyph {
    uint32_t ch;
    uint64_t rows[2];
} Glyph;
extern const Glyph font_glyphs[];
extern const unsigned font_count;

const Glyph *font_glyph(uint32_t ch); /* NULL: there is none */

/* One cell at px, a stride of bytes a row: set pixels fg, others bg. No glyph: a box. */
void font_draw(uint32_t *px, int stride, uint32_t ch, uint32_t fg, uint32_t bg);

#endif
