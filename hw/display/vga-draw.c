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
                  .dup = 1,
                  .row_scans = 1,
                  .wrap = v->vram_size - 1,
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

static void mode_text(const VgaState *s, VgaMode *m)
{
    unsigned map = s->seq[3], pan = s->ar[0x13] & 15;
    m->kind = VGA_TEXT;
    m->cell_w = s->seq[1] & 1 ? 8 : 9;
    m->wide9 = s->ar[0x10] & 4;
    m->blink = s->ar[0x10] & 8;
    /* of nine dots, 8 means none and 0 one */
    m->pan = m->cell_w == 8 ? pan & 7 : pan >= 8 ? 0 : pan + 1;
    if (s->seq[1] & 8)
        m->dup = 2;
    if (m->dup == 2)
        m->cell_w = 8; /* no mode has 18 dots */
    m->width = (s->cr[1] + 1) * m->cell_w * m->dup;
    m->cell_h = m->row_scans;
    /* monochrome underlines; elsewhere the line is below the cell */
    m->underline = s->ar[0x10] & 2 ? s->cr[0x14] & 31 : 255;
    /* map A for attribute bit 3 set, map B for clear; 8 KiB banks in an odd order */
    m->font[1] = ((map >> 2 & 3) * 2 + (map >> 5 & 1)) * 8192;
    m->font[0] = ((map & 3) * 2 + (map >> 4 & 1)) * 8192;
    m->cursor_start = s->cr[0xa] & 0x3f;
    m->cursor_end = s->cr[0xb] & 31;
}

static void mode_graphics(const VgaState *s, VgaMode *m)
{
    unsigned shift = s->gr[5] >> 5 & 3;
    m->kind = shift >= 2 ? VGA_LINEAR8 : shift ? VGA_CGA : VGA_PLANAR;
    m->width = (s->cr[1] + 1) * 8;
    m->dup = shift >= 2 || s->seq[1] & 8 ? 2 : 1;
    if (shift < 2)
        m->width *= m->dup;
    m->pan = s->ar[0x13] & 7;
    if (shift >= 2)
        m->pan /= 2;
    /* CGA and Hercules: row scans of a row lie 8 KiB apart for the CPU, which is half as far in
     * word mode, where it sees two planes side by side */
    m->bank = s->cr[0x17] & 0x40 ? 0x8000 : 0x4000;
    m->banks = (s->cr[0x17] & 1 ? 0 : m->bank) | (s->cr[0x17] & 2 ? 0 : m->bank * 2);
}

static VgaMode mode_now(const Vga *v)
{
    const VgaState *s = &v->st;
    VgaMode m = { .kind = VGA_BLANK, .width = 640, .height = 480, .dup = 1, .row_scans = 1 };
    if (s->vbe[VBE_ENABLE] & VBE_ENABLED)
        return mode_vbe(v);
    m.height = lines_displayed(s);
    m.split = line_compare(s);
    m.start = (s->cr[0xc] << 8 | s->cr[0xd]) * 4;
    m.start += (s->cr[8] >> 5 & 3) * 4;
    m.stride = s->cr[0x13] * 8;
    m.row_scans = (s->cr[9] & 31) + 1;
    m.twice = s->cr[9] >> 7;
    m.preset = MIN(s->cr[8] & 31, m.row_scans - 1);
    m.pan_split = !(s->ar[0x10] & 0x20);
    m.wrap = 0x3ffff; /* the address counter has 16 bits, in each of four planes */
    if (v->ext && v->ext->mode && v->ext->mode(v, &m))
        return m;
    /* until the palette is enabled, or with the screen off, nothing is shown */
    if (!(s->ar_index & 0x20) || !(s->seq[0] & 2) || s->seq[1] & 0x20)
        return (
            VgaMode){ .kind = VGA_BLANK, .width = 640, .height = 480, .dup = 1, .row_scans = 1 };
    if (s->gr[6] & 1)
        mode_graphics(s, &m);
    else
        mode_text(s, &m);
    return m;
}

static bool mode_equal(const VgaMode *a, const VgaMode *b)
{
    return a->kind == b->kind && a->width == b->width && a->height == b->height &&
           a->bpp == b->bpp && a->start == b->start && a->stride == b->stride &&
           a->cell_w == b->cell_w && a->cell_h == b->cell_h && a->dup == b->dup &&
           a->wrap == b->wrap && a->row_scans == b->row_scans && a->twice == b->twice &&
           a->preset == b->preset && a->banks == b->banks && a->bank == b->bank &&
           a->split == b->split && a->font[0] == b->font[0] && a->font[1] == b->font[1] &&
           a->cursor_start == b->cursor_start && a->cursor_end == b->cursor_end &&
           a->underline == b->underline && a->pan == b->pan && a->pan_split == b->pan_split &&
           a->own_pixels == b->own_pixels && a->wide9 == b->wide9 && a->blink == b->blink;
}

/* ---- colours ---- */
/* 6 bits to 8, the lowest repeated: full is FFh, and pictures equal the original's */
static uint32_t dac6(uint8_t c)
{
    return (c & 63) << 2 | (c & 1) * 3;
}

static uint32_t dac_color(const Vga *v, unsigned i)
{
    const uint8_t *p = v->st.palette + (i & v->st.dac_mask & 255) * 3;
    if ((v->st.vbe[VBE_ENABLE] & (VBE_ENABLED | VBE_8BIT_DAC)) == (VBE_ENABLED | VBE_8BIT_DAC))
        return p[0] << 16 | p[1] << 8 | p[2];
    return dac6(p[0]) << 16 | dac6(p[1]) << 8 | dac6(p[2]);
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
/* Where the line counter of the CRTC is on line y. */
typedef struct LineAt {
    uint32_t at;       /* the row's first byte in display memory */
    unsigned row_scan; /* which line of a character */
    unsigned pan;
} LineAt;

static LineAt line_at(const VgaMode *m, int y)
{
    bool below = (uint32_t)y > m->split;
    uint32_t scan =
        below ? ((uint32_t)y - m->split - 1) >> m->twice : ((uint32_t)y >> m->twice) + m->preset;
    LineAt l = { .row_scan = scan % m->row_scans, .pan = below && !m->pan_split ? 0 : m->pan };
    l.at = (below ? 0 : m->start) + scan / m->row_scans * m->stride;
    if (m->banks) {
        uint32_t bits = (l.row_scan & 3) * m->bank;
        l.at = (l.at & ~m->banks) | (bits & m->banks);
    }
    return l;
}

static uint8_t vram_at(const Vga *v, const VgaMode *m, uint32_t at)
{
    return v->vram.host[at & m->wrap];
}

static void line_planar(const Vga *v, const VgaMode *m, LineAt l, uint32_t *out, int n)
{
    uint8_t plane[4] = { 0 };
    unsigned px = l.pan;
    for (int x = 0; x < n; x++, px++) {
        unsigned bit = 7 - (px & 7), c = 0;
        if (!x || bit == 7)
            for (unsigned p = 0; p < 4; p++)
                plane[p] = vram_at(v, m, l.at + (px >> 3) * 4 + p);
        for (unsigned p = 0; p < 4; p++)
            c |= (plane[p] >> bit & 1) << p;
        out[x] = v->colors[c];
    }
}

/* two bits a pixel; even bytes in plane 0, odd ones in plane 1 */
static void line_cga(const Vga *v, const VgaMode *m, LineAt l, uint32_t *out, int n)
{
    for (int x = 0; x < n; x++) {
        unsigned px = x + l.pan;
        uint8_t byte = vram_at(v, m, l.at + (px >> 3) * 4 + (px >> 2 & 1));
        out[x] = v->colors[byte >> (6 - 2 * (px & 3)) & 3];
    }
}

static void line_linear8(const Vga *v, const VgaMode *m, LineAt l, uint32_t *out, int n)
{
    for (int x = 0; x < n; x++)
        out[x] = v->colors[vram_at(v, m, l.at + x + l.pan)];
}

/* 16 bits are widened by their own upper bits, 15 by zeros: as the original's screen dumps */
static uint32_t direct16(unsigned c, int bpp)
{
    unsigned b = c & 31, g, r;
    if (bpp == 15)
        return (c >> 10 & 31) << 19 | (c >> 5 & 31) << 11 | b << 3;
    g = c >> 5 & 63;
    r = c >> 11 & 31;
    return (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
}

static void line_direct(const Vga *v, const VgaMode *m, LineAt l, uint32_t *out, int n)
{
    unsigned bytes = (m->bpp + 7) / 8;
    uint32_t at = l.at;
    for (int x = 0; x < n; x++, at += bytes) {
        uint32_t c = vram_at(v, m, at) | vram_at(v, m, at + 1) << 8;
        out[x] = bytes == 2 ? direct16(c, m->bpp) : c | vram_at(v, m, at + 2) << 16;
    }
}

/* The eight (or nine) dots of line y of a cell, leftmost in the highest bit. */
static unsigned cell_bits(const Vga *v, const VgaMode *m, uint8_t ch, uint8_t attr, int y,
                          bool cursor)
{
    unsigned bits = vram_at(v, m, (m->font[attr >> 3 & 1] + ch * 32 + y) * 4 + 2);
    bool line = y == m->underline && (attr & 7) == 1;
    if (line || (cursor && y >= m->cursor_start && y <= m->cursor_end))
        bits = 0x1ff;
    else
        bits = bits << 1 | (m->wide9 && ch >= 0xc0 && ch <= 0xdf ? bits & 1 : 0);
    return m->cell_w == 9 ? bits : bits >> 1;
}

/* Blinking instead of bright backgrounds: the cell stands still, its background is dark. */
static uint32_t cell_back(const Vga *v, const VgaMode *m, uint8_t attr)
{
    return v->colors[m->blink ? attr >> 4 & 7 : attr >> 4];
}

static uint32_t cursor_address(const Vga *v)
{
    return v->mode.cursor_start & 0x20 ? UINT32_MAX : (v->st.cr[0xe] << 8 | v->st.cr[0xf]) * 4u;
}

/* Text that scrolls by pixels, is split, or wide: line by line, whatever changed. */
static void line_text(const Vga *v, const VgaMode *m, LineAt l, uint32_t *out, int n)
{
    uint32_t cursor = cursor_address(v);
    for (int x = 0; x < n;) {
        unsigned px = x + l.pan, dot = px % m->cell_w;
        uint32_t at = (l.at + px / m->cell_w * 4) & m->wrap;
        uint8_t ch = vram_at(v, m, at), attr = vram_at(v, m, at + 1);
        unsigned bits = cell_bits(v, m, ch, attr, l.row_scan, at == cursor);
        for (; dot < (unsigned)m->cell_w && x < n; dot++)
            out[x++] =
                bits >> (m->cell_w - 1 - dot) & 1 ? v->colors[attr & 15] : cell_back(v, m, attr);
    }
}

static void line_draw(const Vga *v, const VgaMode *m, LineAt l, uint32_t *out)
{
    int n = m->width / m->dup;
    switch (m->kind) {
    case VGA_TEXT: line_text(v, m, l, out, n); break;
    case VGA_PLANAR: line_planar(v, m, l, out, n); break;
    case VGA_CGA: line_cga(v, m, l, out, n); break;
    case VGA_LINEAR8: line_linear8(v, m, l, out, n); break;
    default: line_direct(v, m, l, out, n);
    }
    for (int x = n; m->dup == 2 && x-- > 0;)
        out[2 * x] = out[2 * x + 1] = out[x];
}

static uint32_t line_bytes(const VgaMode *m)
{
    int n = m->width / m->dup;
    switch (m->kind) {
    case VGA_TEXT: return (n / m->cell_w + 1) * 4;
    case VGA_PLANAR: return n / 2 + 4;
    case VGA_CGA: return n / 2 + 4;
    case VGA_LINEAR8: return n + 4;
    default: return n * ((m->bpp + 7) / 8);
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
    uint32_t fg = v->colors[attr & 15], bg = cell_back(v, m, attr);
    for (int y = 0; y < m->cell_h && cy * m->cell_h + y < m->height; y++) {
        unsigned bits = cell_bits(v, m, ch, attr, y, cursor);
        uint32_t *out = row_of(s, cy * m->cell_h + y) + cx * m->cell_w;
        for (int x = m->cell_w; x-- > 0; bits >>= 1)
            out[x] = bits & 1 ? fg : bg;
    }
}

/* Every cell starts at a pixel of its own: only cells that changed are drawn. */
static bool text_is_plain(const VgaMode *m)
{
    return m->dup == 1 && !m->pan && !m->preset && !m->twice && m->split >= (uint32_t)m->height;
}

static void text_draw(Vga *v, const VgaMode *m, Surface *s, bool all)
{
    int columns = m->width / m->cell_w, rows = (m->height + m->cell_h - 1) / m->cell_h;
    unsigned n = columns * rows;
    if (n != v->n_cells) {
        v->cells = g_renew(uint32_t, v->cells, n);
        v->n_cells = n;
        all = true;
    }
    uint32_t cursor = cursor_address(v);
    for (int cy = 0; cy < rows; cy++) {
        int first = columns, last = -1;
        for (int cx = 0; cx < columns; cx++) {
            uint32_t at = (m->start + cy * m->stride + cx * 4) & m->wrap;
            bool here = at == cursor;
            uint8_t ch = vram_at(v, m, at), attr = vram_at(v, m, at + 1);
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
}

/* ---- refresh ---- */
/* The hardware cursor's lines, before and now, when it moved or changed. */
static bool in_cursor(const Vga *v, int y, int cursor_y, int cursor_h)
{
    return (y >= v->cursor_y && y < v->cursor_y + v->cursor_h) ||
           (y >= cursor_y && y < cursor_y + cursor_h);
}

static void lines_draw(Vga *v, const VgaMode *m, Surface *s, const unsigned long *bits, bool all)
{
    int first = -1, cursor_y = 0, cursor_h = 0;
    bool cursor = v->ext && v->ext->cursor && v->ext->cursor(v, &cursor_y, &cursor_h);
    if (!cursor)
        cursor_h = 0;
    for (int y = 0; y <= m->height; y++) {
        LineAt l = line_at(m, y);
        bool draw = y < m->height && (all || in_cursor(v, y, cursor_y, cursor_h) ||
                                      is_dirty(v, bits, l.at & m->wrap, line_bytes(m)));
        if (draw && s) {
            line_draw(v, m, l, row_of(s, y));
            if (cursor && y >= cursor_y && y < cursor_y + cursor_h)
                v->ext->cursor_line(v, y, row_of(s, y), m->width);
        }
        if (draw && first < 0)
            first = y;
        if (!draw && first >= 0) {
            console_damage(v->con, 0, first, m->width, y - first);
            first = -1;
        }
    }
    v->cursor_y = cursor_y;
    v->cursor_h = cursor_h;
}

/* A 32-bit picture that lies whole in display memory needs no drawing. A Cirrus may have lines that
 * are wider than their distance: the last one would then reach over the end. */
static bool can_show_vram(const Vga *v, const VgaMode *m)
{
    return m->kind == VGA_DIRECT && m->bpp == 32 && m->start % 4 == 0 && !m->own_pixels &&
           m->stride >= 4u * (unsigned)m->width &&
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

static void text_refresh(Vga *v, Surface *s, const unsigned long *bits, bool any, bool all)
{
    const VgaMode *m = &v->mode;
    uint32_t cursor = cursor_address(v);
    bool moved = cursor != v->cursor_cell;
    /* a font that was loaded anew is dirty as well: glyphs are not in the cells */
    bool font = any && (is_dirty(v, bits, m->font[0] * 4, 32768) ||
                        is_dirty(v, bits, m->font[1] * 4, 32768));
    v->cursor_cell = cursor;
    if (!all && !any && !moved)
        return;
    if (text_is_plain(m))
        text_draw(v, m, s, all || (font && m->start + m->stride * 64 < m->font[0] * 4));
    else
        lines_draw(v, m, s, bits, true);
}

static void vga_refresh(void *o, bool all)
{
    Vga *v = o;
    VgaMode m = mode_now(v);
    bool any;
    if (m.width < 1 || m.height < 1)
        m = (VgaMode){ .kind = VGA_BLANK, .width = 640, .height = 480, .dup = 1, .row_scans = 1 };
    if (!mode_equal(&m, &v->mode) || !console_surface(v->con)) {
        surface_for(v, &m);
        v->mode = m;
        all = true;
    }
    all |= colors_update(v, &m) | v->redraw;
    v->redraw = false;
    g_autofree unsigned long *bits = dirty_take(v, &any);
    Surface *s = console_surface(v->con);
    if (m.kind == VGA_BLANK) {
        if (all)
            blank(v);
    } else if (m.kind == VGA_TEXT) {
        text_refresh(v, s, bits, any, all);
    } else if (all || any || v->cursor_dirty) {
        v->cursor_dirty = false;
        lines_draw(v, &m, v->over_vram ? NULL : s, bits, all);
    }
}

static void vga_watch(void *o, bool on)
{
    Vga *v = o;
    region_log(&v->vram, DIRTY_DISPLAY, on);
}

/* as last drawn, in the order of the screen */
static bool vga_text(void *o, TextScreen *t)
{
    const Vga *v = o;
    const VgaMode *m = &v->mode;
    if (m->kind != VGA_TEXT || !text_is_plain(m))
        return false;
    t->cols = m->width / m->cell_w;
    t->rows = v->n_cells / t->cols;
    t->cp437 = true;
    for (unsigned i = 0; i < t->cols * t->rows; i++) {
        uint32_t cell = v->cells[i];
        TextCell out = { cell & 255, cell >> 8 & 15, cell >> 12 & (m->blink ? 7 : 15) };
        g_array_append_val(t->cells, out);
        if (cell >> 16 & 1) {
            t->cursor_x = (int)(i % t->cols);
            t->cursor_y = (int)(i / t->cols);
        }
    }
    return true;
}

const ConsoleOps vga_console_ops = {
    .watch = vga_watch,
    .refresh = vga_refresh,
    .text = vga_text,
    .polled = true,
};
