/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CL-GD5446's BitBLT engine. Each line is made in three steps: what the source gives for a
 * pixel (copied, from an 8 x 8 pattern, or expanded from a bit), the raster operation with what is
 * there, and the transparency test. At most 8192 bytes by 2048 lines, so a blit ends. Pure: display
 * memory in, display memory out. Source: CL-GD5446 TRM, 9 and GR20-GR39.
 */
#include <string.h>

#include "hw/display/cirrus.h"

/* ---- memory ---- */
static uint8_t get(const CirrusMem *m, uint32_t at)
{
    return m->p[at & m->mask];
}

static void put(CirrusMem *m, uint32_t at, uint8_t val)
{
    at &= m->mask;
    m->p[at] = val;
    m->low = MIN(m->low, at);
    m->high = MAX(m->high, at);
}

/* GR32: 16 of the 256 operations; others leave the destination */
static uint8_t raster(uint8_t rop, uint8_t s, uint8_t d)
{
    switch (rop) {
    case 0x00: return 0;
    case 0x05: return s & d;
    case 0x09: return s & ~d;
    case 0x0b: return ~d;
    case 0x0d: return s;
    case 0x0e: return 0xff;
    case 0x50: return ~s & d;
    case 0x59: return s ^ d;
    case 0x6d: return s | d;
    case 0x90: return ~s | ~d;
    case 0x95: return ~(s ^ d);
    case 0xad: return s | ~d;
    case 0xd0: return ~s;
    case 0xd6: return ~s | d;
    case 0xda: return ~s & ~d;
    default: return d;
    }
}

/* ---- one pixel ---- */
/* n bytes of a pixel at dst, lowest first; with the key it stays where the result is the key */
static void pixel(CirrusMem *m, const CirrusBlt *b, uint32_t dst, const uint8_t *src)
{
    uint8_t out[4];
    uint32_t value = 0;
    for (unsigned i = 0; i < b->bytes; i++) {
        out[i] = raster(b->rop, src[i], get(m, dst + i));
        value |= (uint32_t)out[i] << (8 * i);
    }
    bool keyed = b->mode & BLT_TRANSPARENT && !(b->mode & BLT_EXPAND) && b->bytes <= 2;
    if (keyed && !((value ^ b->key) & (b->bytes == 1 ? 0xff : 0xffff)))
        return;
    for (unsigned i = 0; i < b->bytes; i++)
        put(m, dst + i, out[i]);
}

/* One source bit: the foreground for 1, for 0 the background or nothing. */
static void expand(CirrusMem *m, const CirrusBlt *b, uint32_t dst, bool bit)
{
    uint32_t color = bit ? b->fg : b->bg;
    if (b->mode & BLT_TRANSPARENT) {
        /* inverted: 0 bits are drawn, in the background's colour */
        bool invert = b->ext & BLTX_INVERT;
        if (bit == invert)
            return;
        color = invert ? b->bg : b->fg;
    }
    pixel(m, b, dst, (uint8_t[]){ color, color >> 8, color >> 16, color >> 24 });
}

/* ---- one line; the source is a buffer (from the CPU) or display memory ---- */
typedef struct Source {
    const CirrusMem *m; /* NULL: bytes */
    const uint8_t *bytes;
    uint32_t at;
} Source;

static uint8_t source(const Source *s, uint32_t off)
{
    return s->m ? get(s->m, s->at + off) : s->bytes[off];
}

/* whole pixels only: a rest of the width shorter than one is not written */
static void line_copy(CirrusMem *m, const CirrusBlt *b, uint32_t dst, const Source *s)
{
    for (unsigned x = b->skip; x + b->bytes <= b->width; x += b->bytes) {
        uint8_t px[4];
        for (unsigned i = 0; i < b->bytes; i++)
            px[i] = source(s, x + i);
        pixel(m, b, dst + x, px);
    }
}

/* descending addresses: dst and source are the last bytes of the line */
static void line_copy_back(CirrusMem *m, const CirrusBlt *b, uint32_t dst, const Source *s)
{
    for (unsigned x = 0; x + b->bytes <= b->width; x += b->bytes) {
        uint8_t px[4];
        uint32_t off = x + b->bytes - 1;
        for (unsigned i = 0; i < b->bytes; i++)
            px[i] = source(s, i - off);
        pixel(m, b, dst - off, px);
    }
}

/* -> bytes of source used: lines follow each other without gaps */
static unsigned line_expand(CirrusMem *m, const CirrusBlt *b, uint32_t dst, const Source *s)
{
    unsigned bit = b->skip / b->bytes;
    for (unsigned x = b->skip; x + b->bytes <= b->width; x += b->bytes, bit++)
        expand(m, b, dst + x, source(s, bit / 8) >> (7 - bit % 8) & 1);
    return (MAX(bit, 1) + 7) / 8;
}

/* row: of the pattern, 0..7 */
static void line_pattern(CirrusMem *m, const CirrusBlt *b, uint32_t dst, const Source *s,
                         unsigned row)
{
    unsigned pitch = b->bytes == 3 ? 32 : 8 * b->bytes, column = b->skip / b->bytes;
    for (unsigned x = b->skip; x + b->bytes <= b->width; x += b->bytes, column++) {
        if (b->mode & BLT_EXPAND) {
            bool bit = b->ext & BLTX_SOLID || source(s, row) >> (7 - column % 8) & 1;
            expand(m, b, dst + x, bit);
            continue;
        }
        uint8_t px[4];
        for (unsigned i = 0; i < b->bytes; i++)
            px[i] = source(s, row * pitch + column % 8 * b->bytes + i);
        pixel(m, b, dst + x, px);
    }
}

/* ---- blits ---- */
static void run_pattern(CirrusMem *m, const CirrusBlt *b, const Source *s)
{
    for (unsigned y = 0; y < b->height; y++)
        line_pattern(m, b, b->dst + y * b->dst_pitch, s, (b->src + y) & 7);
}

/* The commonest of all, scrolling: whole lines without an end of memory in them. */
static bool run_plain(CirrusMem *m, const CirrusBlt *b)
{
    uint32_t size = m->mask + 1;
    uint64_t dst_end = b->dst + (uint64_t)b->dst_pitch * (b->height - 1) + b->width;
    uint64_t src_end = b->src + (uint64_t)b->src_pitch * (b->height - 1) + b->width;
    bool plain = b->rop == 0x0d && !(b->mode & (BLT_BACKWARD | BLT_TRANSPARENT)) && !b->skip;
    bool apart = b->dst >= src_end || b->src >= dst_end;
    /* ahead of its source it reads what it wrote */
    bool behind = b->dst <= b->src && b->dst_pitch == b->src_pitch;
    if (!plain || !(apart || behind) || dst_end > size || src_end > size || b->width % b->bytes)
        return false;
    for (unsigned y = 0; y < b->height; y++)
        memmove(m->p + b->dst + (size_t)y * b->dst_pitch, m->p + b->src + (size_t)y * b->src_pitch,
                b->width);
    m->low = MIN(m->low, b->dst);
    m->high = MAX(m->high, (uint32_t)dst_end - 1);
    return true;
}

void cirrus_blt_run(CirrusMem *m, const CirrusBlt *b)
{
    Source s = { m, NULL, b->src };
    int sign = b->mode & BLT_BACKWARD ? -1 : 1;
    if (b->mode & BLT_PATTERN) {
        s.at = b->src & ~7u;
        run_pattern(m, b, &s);
    } else if (b->mode & BLT_EXPAND) {
        for (unsigned y = 0; y < b->height; y++)
            s.at += line_expand(m, b, b->dst + y * b->dst_pitch, &s);
    } else if (!run_plain(m, b)) {
        for (unsigned y = 0; y < b->height; y++) {
            uint32_t dst = b->dst + sign * (int)y * b->dst_pitch;
            s.at = b->src + sign * (int)y * b->src_pitch;
            if (sign > 0)
                line_copy(m, b, dst, &s);
            else
                line_copy_back(m, b, dst, &s);
        }
    }
}

unsigned cirrus_blt_line_bytes(const CirrusBlt *b)
{
    if (b->mode & BLT_PATTERN)
        return b->mode & BLT_EXPAND ? 8 : b->bytes == 3 ? 256 : 64 * b->bytes;
    if (b->mode & BLT_EXPAND) {
        unsigned bits = MAX(b->width / b->bytes, 1);
        return b->ext & BLTX_DWORDS ? (bits + 31) / 32 * 4 : (bits + 7) / 8;
    }
    return MIN((b->width + 3) & ~3u, CIRRUS_LINE_MAX);
}

void cirrus_blt_line(CirrusMem *m, const CirrusBlt *b, uint32_t dst, const uint8_t *src)
{
    Source s = { NULL, src, 0 };
    if (b->mode & BLT_PATTERN)
        run_pattern(m, b, &s);
    else if (b->mode & BLT_EXPAND)
        line_expand(m, b, dst, &s);
    else
        line_copy(m, b, dst, &s);
}
