/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EDID: a base block with one detailed timing, the preferred one, and a CTA block without more.
 * Blanking is 35 % of a line and 3.5 % of a picture at 75 Hz. Source: VESA E-EDID 1.4, 3.1-3.10.
 */
#include "hw/display/edid.h"

#include <string.h>

static const uint8_t head[] = {
    0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,                             /* pattern */
    0x49, 0x14, 0x34, 0x12, 0,    0,    0,    0,    42,   2014 - 1990, 1,    4, /* RHT, 1234h, week,
                                                                                   year, 1.4 */
    0xa5, 0,    0,    120,  0x06, /* digital, 8 bits, DisplayPort; size below; gamma 2.2; sRGB */
    0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54, /* its colours */
    0x21, 0x08, 0x00, /* 640x480, 800x600, 1024x768 at 60 Hz */
    0xe1, 0xc0, 0xd1, 0xc0, 0xd1, 0x00, 0xa9, 0x40, 0xb3, 0x00,        0x95, 0x00, 0x81,
    0x80, 0x81, 0x40,
};
static const uint8_t more_timings[18] = {
    0, 0, 0, 0xf7, 0, 10, 0x00, 0x40, 0x82, 0x00, 0x28, 0x20
};
static const uint8_t limits[18] = { 0,   0, 0,    0xfd, 0,   50,  125, 30,  160,
                                    255, 1, '\n', ' ',  ' ', ' ', ' ', ' ', ' ' };
static const uint8_t name[18] = "\0\0\0\xfc\0QEMU Monitor\n";
static const uint8_t cta[] = { 2, 3, 11, 0, 0x46, 125, 101, 96, 89, 31, 97 };

static void checksum(uint8_t *block)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < 127; i++)
        sum += block[i];
    block[127] = -sum;
}

static void timing(uint8_t *p, unsigned x, unsigned y)
{
    unsigned hb = x * 35 / 100, ho = x * 25 / 100, hw = x * 3 / 100;
    unsigned vb = y * 35 / 1000, vo = y * 5 / 1000, vw = y * 5 / 1000;
    uint64_t clock = 75ull * (x + hb) * (y + vb) / 10000; /* 10 kHz */
    unsigned mm_x = x * 254 / 1000, mm_y = y * 254 / 1000;
    clock = clock > 0xffff ? 0xffff : clock;
    uint8_t t[18] = {
        clock,
        clock >> 8,
        x,
        hb,
        (x >> 8 & 15) << 4 | (hb >> 8 & 15),
        y,
        vb,
        (y >> 8 & 15) << 4 | (vb >> 8 & 15),
        ho,
        hw,
        (vo & 15) << 4 | (vw & 15),
        (ho >> 8 & 3) << 6 | (hw >> 8 & 3) << 4 | (vo >> 4 & 3) << 2 | (vw >> 4 & 3),
        mm_x,
        mm_y,
        (mm_x >> 8 & 15) << 4 | (mm_y >> 8 & 15),
        0,
        0,
        0x18,
    };
    memcpy(p, t, 18);
}

void edid_make(uint8_t out[EDID_SIZE], unsigned x, unsigned y)
{
    memset(out, 0, EDID_SIZE);
    memcpy(out, head, sizeof(head));
    out[21] = x * 254 / 10000; /* cm */
    out[22] = y * 254 / 10000;
    timing(out + 54, x, y);
    memcpy(out + 72, more_timings, 18);
    memcpy(out + 90, limits, 18);
    memcpy(out + 108, name, 18);
    out[126] = 1;
    memcpy(out + 128, cta, sizeof(cta));
    for (unsigned at = cta[2]; at + 18 < 127; at += 18)
        out[128 + at + 3] = 0x10; /* a dummy descriptor */
    checksum(out);
    checksum(out + 128);
}
