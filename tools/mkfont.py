#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes ui/font-table.c from GNU Unifont's unifont.hex (Debian package unifont):
    tools/mkfont.py /usr/share/unifont/unifont.hex > ui/font-table.c
A build never runs it: the table is in the tree. Only glyphs 8 pixels wide, of the scripts that PCs
without an input method show on a text console.
"""
import sys

RANGES = [(0x20, 0x7E), (0xA0, 0x17F), (0x18F, 0x18F), (0x192, 0x192), (0x1CD, 0x1DC), (0x1E6, 0x1E7),
          (0x1EA, 0x1EB), (0x1F4, 0x1F5), (0x1FA, 0x21B), (0x237, 0x237), (0x259, 0x259), (0x2C6, 0x2C7),
          (0x2D8, 0x2DD), (0x37E, 0x37E), (0x384, 0x3CE), (0x400, 0x482), (0x48A, 0x4FF), (0x5D0, 0x5EA),
          (0x1E02, 0x1E03), (0x1E80, 0x1E85), (0x1EF2, 0x1EF3), (0x2010, 0x2027), (0x2030, 0x203A),
          (0x203C, 0x2044), (0x2070, 0x208E), (0x20A0, 0x20BF), (0x2100, 0x214F), (0x2150, 0x215F),
          (0x2190, 0x21FF), (0x2200, 0x22FF), (0x2300, 0x2319), (0x231C, 0x2328), (0x239B, 0x23BD), (0x2400, 0x2426),
          (0x2500, 0x25FC), (0x25FF, 0x25FF), (0x2600, 0x2606), (0x2610, 0x2612), (0x2630, 0x2637), (0x263A, 0x2642),
          (0x2660, 0x266F), (0x2713, 0x2718), (0x2764, 0x2764), (0x2800, 0x28FF), (0xFFFD, 0xFFFD)]
HEAD = '''/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Written by tools/mkfont.py from GNU Unifont 15.0.01 (unifont.hex): do not edit.
 * Glyphs Copyright 1998-2022 Roman Czyborra, Paul Hardy, Qianqian Fang, Andrew Miller, Johnnie
 * Weaver, David Corbett, Nils Moskopp, Rebecca Bettencourt and others, https://unifoundry.com,
 * GPL-2.0-or-later with the GNU font embedding exception.
 * One glyph: code point, then 16 rows of 8 pixels as two 64-bit numbers, the top row first, the
 * left pixel the highest bit. Sorted by code point.
 */
#include "ui/font.h"

/* clang-format off */
#define G(ch, upper, lower) { 0x##ch, { 0x##upper, 0x##lower } }
const Glyph font_glyphs[] = {'''


def main():
    glyphs = {}
    for line in open(sys.argv[1], encoding="ascii"):
        code, _, bits = line.strip().partition(":")
        if len(bits) == 32:
            glyphs[int(code, 16)] = bits
    # wide in Unifont: ours is a box with a question mark
    glyphs[0xFFFD] = "0000007E665A7A766E6E7E6E7E000000"
    print(HEAD)
    row = []
    for first, last in RANGES:
        for ch in range(first, last + 1):
            if ch in glyphs and ch != 0xAD:
                row.append(f"G({ch:04X}, {glyphs[ch][:16]}, {glyphs[ch][16:]}),")
            if len(row) == 2:
                print("    " + " ".join(row))
                row = []
    if row:
        print("    " + " ".join(row))
    print("};\n/* clang-format on */\nconst unsigned font_count = sizeof(font_glyphs) / sizeof(font_glyphs[0]);")


main()
