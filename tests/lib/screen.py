# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads text from the pixels of a VGA text screen (the font of Debian's VGA BIOS) or of a text
console of ours (ui/font-table.c)."""
import os, re, time

ROMS = ["/usr/share/seabios/vgabios-stdvga.bin"]
A = bytes([0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0])
_glyphs = {}


def glyphs():
    """{16 rows of 8 pixels: character}"""
    if not _glyphs:
        rom = open(ROMS[0], "rb").read()
        base = rom.index(A) - ord("A") * 16
        for c in range(126, 31, -1):
            _glyphs[rom[base + 16 * c:base + 16 * c + 16]] = chr(c)
        table = open(os.path.join(os.environ["SRC"], "ui/font-table.c")).read()
        for c, upper, lower in re.findall(r"G\((00[2-7][0-9A-F]), (\w{16}), (\w{16})\)", table):
            _glyphs.setdefault(bytes.fromhex(upper + lower), chr(int(c, 16)))
    return _glyphs


def text_of(pixels, w, h):
    """pixels: 4 bytes each. Cells are 9x16 on a 720-pixel screen, else 8x16. -> lines"""
    cw = 9 if w == 720 else 8
    table = glyphs()
    out = []
    for y in range(0, h - 15, 16):
        rows = [pixels[(y + i) * w * 4:(y + i + 1) * w * 4] for i in range(16)]
        line = ""
        for x in range(0, w - cw + 1, cw):
            back = rows[15][4 * x:4 * x + 3]  # the last line of a letter is empty
            cell = bytes(sum((r[4 * (x + b):4 * (x + b) + 3] != back) << (7 - b) for b in range(8)) for r in rows)
            line += table.get(cell, "_" if cell[:13] == bytes(13) else "?")
        out.append(line.rstrip())
    return out


class Screen:
    """The picture of a VNC viewer (tests/lib/rfb.py) that has done login() and init()."""

    def __init__(self, viewer):
        self.v = viewer
        viewer.encodings(0, -223)
        self.size = (viewer.w, viewer.h)
        self.pixels = bytearray(viewer.w * viewer.h * 4)

    def refresh(self):
        """One full update."""
        self.v.request(0)
        for x, y, w, h, e, data in self.v.update():
            if e == -223:
                self.size, self.pixels = (w, h), bytearray(w * h * 4)
            elif e == 0:
                for i in range(h):
                    at = ((y + i) * self.size[0] + x) * 4
                    self.pixels[at:at + w * 4] = data[i * w * 4:(i + 1) * w * 4]

    def lines(self):
        self.refresh()
        return text_of(bytes(self.pixels), *self.size)

    def wait_for(self, text, guard=240):
        """Until the text is somewhere on the screen -> its line"""
        end = time.monotonic() + guard
        while True:
            lines = self.lines()
            for line in lines:
                if text in line:
                    return line
            assert time.monotonic() < end, "the screen shows no '%s':\n%s" % (text, "\n".join(lines))
            time.sleep(0.3)

    def type(self, text):
        for c in text:
            sym = {"\n": 0xff0d, "\t": 0xff09, "\b": 0xff08}.get(c, ord(c))
            self.v.key(sym, 1)
            self.v.key(sym, 0)
