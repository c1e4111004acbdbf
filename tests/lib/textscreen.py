# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the text off a picture of a text console, by its own font (ui/font-table.c)."""
import os, re

_font = {}


def _load():
    path = os.path.join(os.environ.get("SRC", "."), "ui/font-table.c")
    for code, upper, lower in re.findall(r"G\((\w{4}), (\w{16}), (\w{16})\)", open(path).read()):
        _font.setdefault(bytes.fromhex(upper + lower), chr(int(code, 16)))


def ppm(path):
    """-> width, height, RGB bytes"""
    data = open(path, "rb").read()
    m = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    return int(m[1]), int(m[2]), data[m.end():]


def rows(w, h, rgb):
    """The picture as a list of lines; a cell in reverse (the cursor) counts, an unknown one is \ufffd."""
    if not _font:
        _load()
    out = []
    for y in range(0, h - 15, 16):
        line = ""
        for x in range(0, w - 7, 8):
            cell = [[rgb[((y + j) * w + x + i) * 3:((y + j) * w + x + i) * 3 + 3] for i in range(8)]
                    for j in range(16)]
            back = cell[0][0]
            bits = bytes(sum((cell[j][i] != back) << (7 - i) for i in range(8)) for j in range(16))
            line += _font.get(bits) or _font.get(bytes(b ^ 255 for b in bits)) or "\ufffd"
        out.append(line.rstrip())
    return out
