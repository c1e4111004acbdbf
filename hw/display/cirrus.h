/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cirrus Logic CL-GD5446: a VGA with packed-pixel modes, a hardware cursor and a BitBLT engine.
 * cirrus.c has registers and windows, cirrus-blt.c the engine, which works on display memory alone:
 * every address is cut to its size, so no blit can leave it.
 * Source: CL-GD5446 Technical Reference Manual (1996): 4 VGA, 5 extensions, 9 BitBLT.
 */
#ifndef HW_DISPLAY_CIRRUS_H
#define HW_DISPLAY_CIRRUS_H

#include "hw/display/vga.h"

enum { CIRRUS_LINE_MAX = 8192 }; /* bytes: GR20, GR21 are 13 bits */

STATE_BEGIN
/* Registers beyond the VGA's, by index; sr, gr and cr below the VGA's are not used, but GR0, GR1
 * and GR5, which have more bits here. */
typedef struct CirrusState {
    uint8_t sr[32], gr[64], cr[64];
    uint8_t cursor_colors[48]; /* the DAC's extra entries, 6 bits */
    uint8_t line[CIRRUS_LINE_MAX];
    uint32_t blt_dst; /* where the next line of a blit from the CPU goes */
    uint16_t blt_lines, line_have, line_want;
    uint16_t cursor_x, cursor_y;
    uint8_t sr_index, gr_index, cr_index;
    uint8_t dac_peeks, hidden_dac; /* reads of 3C6h in a row; what the fifth access reaches */
    uint8_t pad[5];
} CirrusState;
STATE_END
extern const Field CirrusState_rows[];

/* What the engine is told to do, decoded from GR20..GR3F */
typedef struct CirrusBlt {
    unsigned width, height; /* bytes, lines */
    unsigned bytes;         /* of a pixel */
    int dst_pitch, src_pitch;
    uint32_t dst, src;
    unsigned skip; /* bytes at the left that are not written */
    uint8_t mode, ext, rop;
    uint32_t fg, bg, key;
} CirrusBlt;
enum {
    BLT_BACKWARD = 1,
    BLT_TO_CPU = 2,
    BLT_FROM_CPU = 4,
    BLT_TRANSPARENT = 8,
    BLT_PATTERN = 0x40,
    BLT_EXPAND = 0x80,
};
enum { BLTX_DWORDS = 1, BLTX_INVERT = 2, BLTX_SOLID = 4 };

/* Display memory as the engine sees it; mask: size - 1. low, high: bytes it wrote, for dirty bits;
 * low > high: none. */
typedef struct CirrusMem {
    uint8_t *p;
    uint32_t mask, low, high;
} CirrusMem;

/* The whole blit between places of display memory */
void cirrus_blt_run(CirrusMem *, const CirrusBlt *);
/* One line at dst whose source the CPU gave; src has cirrus_blt_line_bytes() bytes */
void cirrus_blt_line(CirrusMem *, const CirrusBlt *, uint32_t dst, const uint8_t *src);
/* What the CPU gives for a line; of a pattern: for all of it. 1..CIRRUS_LINE_MAX */
unsigned cirrus_blt_line_bytes(const CirrusBlt *);

#endif
