/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VGA's picture. A linear mode of 32 bits is shown in place: its Surface lies over display
 * memory. Every other mode is drawn into a surface of its own, only where display memory is dirty.
 * The text cursor and blinking cells stand still: a still picture gives the same bytes, and costs
 * no wake-ups. Source: IBM VGA Technical Reference. Main, locked.
 */
#include <string.h>

#include "hw/display/vga.h"

#define PAGE 4096u

/* ---- mode ---- */
static int lines_displayed(const VgaState *s)
{
    return (s->cr[0x12] | (s->cr[7] & 2) << 7 | (s->cr[7] & 0x40) << 3) + 1;
}

static uint32_t line_compare(const VgaState *s)
{
    return s->cr[0x18] | (s->cr[7] & 0x10) << 4 | (s->cr[9] & 0x40) << 3;
}

static VgaMode mode_vbe(const Vga *v)
{
    const uint16_t *r = v->st.vbe;
    unsigned bytes = (r[VBE_BPP] + 7) / 8;
    VgaMode m = { .kind = VGA_DIRECT,
                  .width = r[VBE_XRES],
                  .height = r[VBE_YRES],
                  .bpp = r[VBE_BPP],
                  .scan = 1,
                  .split = UINT32_MAX };
    if (m.bpp == 4) {
        m.kind = VGA_PLANAR;
        m.stride = r[VBE_VIRT_WIDTH] / 2;
        m.start = r[VBE_Y_OFFSET] * m.stride + r[VBE_X_OFFSET] / 2;
        return m;
    }
    if (m.bpp == 8)
        m.kind = VGA_LINEAR8;
    m.stride = r[VBE_VIRT_WIDTH] * bytes;
    m.start = r[VBE_Y_OFFSET] * m.stride + r[VBE_X_OFFSET] * bytes;
    return m;
}

static VgaMode mode_text(const Vga *v, VgaMode m)
{
    const VgaState *s = &v->st;
    unsigned map = s->seq[3];
    m.kind = VGA_TEXT;
    m.cell_w = s->seq[1] & 1 ? 8 : 9;
    m.cell_h = (s->cr[9] & 31) + 1;
    m.wide9 = s->ar[0x10] & 4;
    m.width = (s->cr[1] + 1) * m.cell_w;
    m.height = lines_displayed(s) / (s->cr[9] & 0x80 ? 2 : 1);
    m.height -= m.height % m.cell_h;
    /* map A for attribute bit 3 set, map B for clear; 8 KiB banks in an odd order */
    m.font[1] = ((map >> 2 & 3) * 2 + (map >> 5 & 1)) * 8192;
    m.font[0] = ((map & 3) * 2 + (map >> 4 & 1)) * 8192;
    m.cursor_start = s->cr[0xa] & 0x3f;
    m.cursor_end = s->cr[0xb] & 31;
    return m;
}

static VgaMode mode_now(const Vga *v)
{
    const VgaState *s = &v->st;
    if (s->vbe[VBE_ENABLE] & VBE_ENABLED)
        return mode_vbe(v);
    VgaMode m = { .kind = VGA_BLANK, .width = 640, .height = 480, .scan = 1 };
    /* until the palette is enabled, or with the screen off, nothing is shown */
    if (!(s->ar_index & 0x20) || !(s->seq[0] & 2) || s->seq[1] & 0x20)
        return m;
    m.start = (s->cr[0xc] << 8 | s->cr[0xd]) * 4;
    m.stride = s->cr[0x13] * 8;
    m.split = line_compare(s);
    if (!(s->gr[6] & 1))
        return mode_text(v, m);
    unsigned shift = s->gr[5] >> 5 & 3;
    m.kind = shift >= 2 ? VGA_LINEAR8 : shift ? VGA_CGA : VGA_PLANAR;
    m.scan = ((s->cr[9] & 31) + 1) << (s->cr[9] >> 7);
    if (!(s->cr[0x17] & 1)) /* CGA: the second line of a pair is 8 KiB on, not a repetition */
        m.scan = MAX(m.scan / 2, 1);
    m.width = (s->cr[1] + 1) * (shift >= 2 ? 4 : 8);
    m.height = lines_displayed(s) / m.scan;
    m.pan = s->ar[0x13] & 7;
    m.split /= m.scan;
    return m;
}

static bool mode_equal(const VgaMode *a, const VgaMode *b)
{
    return a->kind == b->kind && a->width == b->width && a->height == b->height &&
           a->bpp == b->bpp && a->start == b->start && a->stride == b->stride &&
           a->cell_w == b->cell_w && a->cell_h == b->cell_h && a->scan == b->scan &&
           a->split == b->split && a->font[0] == b->font[0] && a->font[1] == b->font[1] &&
           a->pan == b->pan && a->wide9 == b->wide9 && a->cursor_start == b->cursor_start &&
           a->cursor_end == b->cursor_end;
}

/* ---- colours ---- */
static uint32_t dac_color(const Vga *v, unsigned i)
{
    const uint8_t *p = v->st.palette + (i & v->st.dac_mask & 255) * 3;
    if ((v->st.vbe[VBE_ENABLE] & (VBE_ENABLED | VBE_8BIT_DAC)) == (VBE_ENABLED | VBE_8BIT_DAC))
        return p[0] << 16 | p[1] << 8 | p[2];
    uint32_t r = p[0] & 63, g = p[1] & 63, b = p[2] & 63;
    return (r << 2 | r >> 4) << 16 | (g << 2 | g >> 4) << 8 | (b << 2 | b >> 4);
}

/* the attribute controller: 4 bits to an index of the DAC */
static unsigned attribute_index(const VgaState *s, unsigned i)
{
    unsigned c = s->ar[i & 15 & s->ar[0x12]];
    return s->ar[0x10] & 0x80 ? (s->ar[0x14] & 15) << 4 | (c & 15)
                              : (s->ar[0x14] & 12) << 4 | (c & 63);
}

static bool colors_update(Vga *v, const VgaMode *m)
{
    uint32_t now[256];
    bool by_attribute = m->kind != VGA_LINEAR8;
    for (unsigned i = 0; i < 256; i++)
        now[i] = dac_color(v, by_attribute ? attribute_index(&v->st, i) : i);
    if (!memcmp(now, v->colors, sizeof(now)))
        return false;
    memcpy(v->colors, now, sizeof(now));
    return true;
}

/* ---- one line of pixels ---- */
static uint8_t vram_at(const Vga *v, uint32_t at)
{
    return v->vram.host[at & (v->vram_size - 1)];
}

static void line_planar(const Vga *v, const VgaMode *m, uint32_t at, uint32_t *out)
{
    for (int x = 0; x < m->width; x++) {
        unsigned px = x + m->pan, bit = 7 - (px & 7), c = 0;
        for (unsigned p = 0; p < 4; p++)
            c |= (vram_at(v, at + (px >> 3) * 4 + p) >> bit & 1) << p;
        out[x] = v->colors[c];
    }
}

/* two bits a pixel; even bytes in plane 0, odd ones in plane 1 */
static void line_cga(const Vga *v, const VgaMode *m, uint32_t at, uint32_t *out)
{
    for (int x = 0; x < m->width; x++) {
        uint8_t byte = vram_at(v, at + (x >> 3) * 4 + (x >> 2 & 1));
        out[x] = v->colors[byte >> (6 - 2 * (x & 3)) & 3];
    }
}

static void line_linear8(const Vga *v, const VgaMode *m, uint32_t at, uint32_t *out)
{
    unsigned pan = m->pan / 2;
    for (int x = 0; x < m->width; x++)
        out[x] = v->colors[vram_at(v, at + x + pan)];
}

static void line_direct(const Vga *v, const VgaMode *m, uint32_t at, uint32_t *out)
{
    for (int x = 0; x < m->width; x++) {
        if (m->bpp > 16) {
            uint32_t p = at + x * m->bpp / 8;
            out[x] = vram_at(v, p) | vram_at(v, p + 1) << 8 | vram_at(v, p + 2) << 16;
            continue;
        }
        unsigned c = vram_at(v, at + x * 2) | vram_at(v, at + x * 2 + 1) << 8;
        unsigned b = c & 31, g = m->bpp == 16 ? c >> 5 & 63 : (c >> 5 & 31) << 1;
        unsigned r = m->bpp == 16 ? c >> 11 : c >> 10 & 31;
        out[x] = (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
    }
}

static void line_draw(const Vga *v, const VgaMode *m, uint32_t at, uint32_t *out)
{
    switch (m->kind) {
    case VGA_PLANAR: line_planar(v, m, at, out); break;
    case VGA_CGA: line_cga(v, m, at, out); break;
    case VGA_LINEAR8: line_linear8(v, m, at, out); break;
    default: line_direct(v, m, at, out);
    }
}

static uint32_t line_start(const Vga *v, const VgaMode *m, int y)
{
    uint32_t row = y, base = m->start;
    if ((uint32_t)y > m->split) {
        row = y - m->split - 1;
        base = 0;
    }
    if (m->kind == VGA_CGA && !(v->st.cr[0x17] & 1)) /* address bit 13 is the line's lowest bit */
        return base + (row >> 1) * m->stride + (row & 1) * 0x8000;
    return base + row * m->stride;
}

static uint32_t line_bytes(const VgaMode *m)
{
    switch (m->kind) {
    case VGA_PLANAR: return m->width / 2 + 4;
    case VGA_CGA: return m->width / 2;
    case VGA_LINEAR8: return m->width + 4;
    default: return m->width * ((m->bpp + 7) / 8);
    }
}

/* ---- dirty pages ---- */
static unsigned long *dirty_take(Vga *v, bool *any)
{
    unsigned long *bits = g_new0(unsigned long, v->vram_size / PAGE / 64 + 1);
    *any = region_dirty_take(&v->vram, DIRTY_DISPLAY, 0, v->vram_size, bits);
    return bits;
}

static bool is_dirty(const Vga *v, const unsigned long *bits, uint32_t at, uint32_t n)
{
    for (uint32_t p = at / PAGE; p <= (at + n - 1) / PAGE; p++) {
        uint32_t page = p & (v->vram_size / PAGE - 1);
        if (bits[page / 64] >> (page % 64) & 1)
            return true;
    }
    return false;
}

/* ---- text ---- */
static uint32_t *row_of(Surface *s, int y)
{
    return (uint32_t *)((char *)pixman_image_get_data(s->image) +
                        (ptrdiff_t)y * pixman_image_get_stride(s->image));
}

static void cell_draw(Vga *v, const VgaMode *m, Surface *s, int cx, int cy, uint8_t ch,
                      uint8_t attr, bool cursor)
{
    uint32_t fg = v->colors[attr & 15];
    /* blinking instead of bright backgrounds: the cell stands still, its background is dark */
    uint32_t bg = v->colors[v->st.ar[0x10] & 8 ? attr >> 4 & 7 : attr >> 4];
    uint32_t font = m->font[attr >> 3 & 1];
    bool ninth = m->wide9 && ch >= 0xc0 && ch <= 0xdf;
    for (int y = 0; y < m->cell_h; y++) {
        uint8_t bits = vram_at(v, (font + ch * 32 + y) * 4 + 2);
        uint32_t *out = row_of(s, cy * m->cell_h + y) + cx * m->cell_w;
        if (cursor && y >= m->cursor_start && y <= m->cursor_end)
            bits = 0xff;
        for (int x = 0; x < 8; x++)
            out[x] = bits >> (7 - x) & 1 ? fg : bg;
        if (m->cell_w == 9)
            out[8] = (bits & 1 && ninth) || (cursor && bits == 0xff) ? fg : bg;
    }
}

static uint32_t cursor_address(const Vga *v)
{
    return (v->st.cr[0xe] << 8 | v->st.cr[0xf]) * 4;
}

static void text_draw(Vga *v, const VgaMode *m, Surface *s, bool all)
{
    int columns = m->width / m->cell_w, rows = m->height / m->cell_h;
    unsigned n = columns * rows;
    if (n != v->n_cells) {
        v->cells = g_renew(uint32_t, v->cells, n);
        v->n_cells = n;
        all = true;
    }
    uint32_t cursor = m->cursor_start & 0x20 ? UINT32_MAX : cursor_address(v);
    for (int cy = 0; cy < rows; cy++) {
        int first = columns, last = -1;
        for (int cx = 0; cx < columns; cx++) {
            uint32_t at = m->start + cy * m->stride + cx * 4;
            bool here = at == cursor;
            uint8_t ch = vram_at(v, at), attr = vram_at(v, at + 1);
            uint32_t cell = ch | attr << 8 | here << 16;
            uint32_t *old = &v->cells[cy * columns + cx];
            if (!all && *old == cell)
                continue;
            *old = cell;
            cell_draw(v, m, s, cx, cy, ch, attr, here);
            first = MIN(first, cx);
            last = cx;
        }
        if (last >= 0)
            console_damage(v->con, first * m->cell_w, cy * m->cell_h,
                           (last - first + 1) * m->cell_w, m->cell_h);
    }
    v->cursor_cell = cursor;
}

/* ---- refresh ---- */
static void lines_draw(Vga *v, const VgaMode *m, Surface *s, const unsigned long *bits, bool all)
{
    int first = -1;
    for (int y = 0; y <= m->height; y++) {
        uint32_t at = line_start(v, m, y);
        bool draw = y < m->height && (all || is_dirty(v, bits, at, line_bytes(m)));
        if (draw && s)
            line_draw(v, m, at, row_of(s, y));
        if (draw && first < 0)
            first = y;
        if (!draw && first >= 0) {
            console_damage(v->con, 0, first, m->width, y - first);
            first = -1;
        }
    }
}

/* A 32-bit picture that lies whole in display memory needs no drawing. */
static bool can_show_vram(const Vga *v, const VgaMode *m)
{
    return m->kind == VGA_DIRECT && m->bpp == 32 && m->start % 4 == 0 &&
           (uint64_t)m->start + (uint64_t)m->stride * m->height <= v->vram_size;
}

static void surface_for(Vga *v, const VgaMode *m)
{
    Surface *now = console_surface(v->con);
    v->over_vram = can_show_vram(v, m);
    if (v->over_vram)
        console_set_surface(
            v->con, surface_over(v->dev, v->vram.host + m->start, m->width, m->height, m->stride));
    else if (!now || now->owner || surface_width(now) != m->width ||
             surface_height(now) != m->height)
        console_set_surface(v->con, surface_new(m->width, m->height));
}

static void blank(Vga *v)
{
    Surface *s = console_surface(v->con);
    for (int y = 0; y < surface_height(s); y++)
        memset(row_of(s, y), 0, surface_width(s) * 4);
    console_damage(v->con, 0, 0, surface_width(s), surface_height(s));
}

static void vga_refresh(void *o, bool all)
{
    Vga *v = o;
    VgaMode m = mode_now(v);
    bool any;
    if (m.width < 1 || m.height < 1)
        m = (VgaMode){ .kind = VGA_BLANK, .width = 640, .height = 480, .scan = 1 };
    if (!mode_equal(&m, &v->mode) || !console_surface(v->con)) {
        surface_for(v, &m);
        v->mode = m;
        all = true;
    }
    all |= colors_update(v, &m) | v->redraw;
    v->redraw = false;
    g_autofree unsigned long *bits = dirty_take(v, &any);
    Surface *s = console_surface(v->con);
    uint32_t cursor = m.cursor_start & 0x20 ? UINT32_MAX : cursor_address(v);
    if (m.kind == VGA_BLANK) {
        if (all)
            blank(v);
    } else if (m.kind == VGA_TEXT) {
        /* a font that was loaded anew is dirty as well: glyphs are not in the cells */
        bool font = any && (is_dirty(v, bits, m.font[0] * 4, 32768) ||
                            is_dirty(v, bits, m.font[1] * 4, 32768));
        if (all || any || cursor != v->cursor_cell)
            text_draw(v, &m, s, all || (font && m.start + m.stride * 64 < m.font[0] * 4));
    } else if (all || any) {
        lines_draw(v, &m, v->over_vram ? NULL : s, bits, all);
    }
}

static void vga_watch(void *o, bool on)
{
    Vga *v = o;
    region_log(&v->vram, DIRTY_DISPLAY, on);
}

const ConsoleOps vga_console_ops = { .watch = vga_watch, .refresh = vga_refresh, .polled = true };
