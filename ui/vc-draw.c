/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cells of a text console as pixels: only what differs from what is there already. */
#include <string.h>

#include "ui/font.h"
#include "ui/vc-int.h"

static void fill(uint32_t *px, int stride, int w, int h, uint32_t color)
{
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++)
            px[x] = color;
        px = (uint32_t *)((char *)px + stride);
    }
}

static void cell_draw(uint32_t *px, int stride, const VcCell *c)
{
    uint32_t fg = c->fg & 0xffffff, bg = c->bg;
    VcCursor cursor = c->fg >> VC_CURSOR_SHIFT;
    if (cursor == VC_BLOCK)
        font_draw(px, stride, c->ch, bg, fg);
    else
        font_draw(px, stride, c->ch, fg, bg);
    if (c->fg & VC_UNDERLINE)
        fill((uint32_t *)((char *)px + 14 * stride), stride, FONT_W, 1, fg);
    if (c->fg & VC_STRIKE)
        fill((uint32_t *)((char *)px + 8 * stride), stride, FONT_W, 1, fg);
    if (cursor == VC_UNDERSCORE)
        fill((uint32_t *)((char *)px + 14 * stride), stride, FONT_W, 2, fg);
    if (cursor == VC_BAR)
        fill(px, stride, 2, FONT_H, fg);
}

static void row_draw(Console *c, Surface *surface, const VcCell *now, VcCell *drawn, unsigned row,
                     unsigned cols)
{
    int stride = pixman_image_get_stride(surface->image), first = -1, last = -1;
    char *line = (char *)pixman_image_get_data(surface->image) + (ptrdiff_t)row * FONT_H * stride;
    for (unsigned x = 0; x < cols; x++) {
        if (memcmp(&now[x], &drawn[x], sizeof(*now)) == 0)
            continue;
        drawn[x] = now[x];
        cell_draw((uint32_t *)line + x * FONT_W, stride, &now[x]);
        first = first < 0 ? (int)x : first;
        last = (int)x;
    }
    if (first >= 0)
        console_damage(c, first * FONT_W, (int)row * FONT_H, (last - first + 1) * FONT_W, FONT_H);
}

void vc_draw(Console *c, Surface *surface, VcScreen *s, VcCell *drawn, bool all)
{
    unsigned cols, rows;
    vc_screen_size(s, &cols, &rows);
    g_autofree VcCell *now = g_new(VcCell, cols);
    for (unsigned row = 0; row < rows; row++) {
        if (!vc_screen_dirty(s, row) && !all)
            continue;
        vc_screen_row(s, row, now);
        row_draw(c, surface, now, drawn + (size_t)row * cols, row, cols);
    }
}
