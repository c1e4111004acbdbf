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
    m = re.match(rb"P([56])\s+(\d+)\s+(\d+)\s+255\s", data)
    px = data[m.end():]
    return int(m[2]), int(m[3]), px if m[1] == b"6" else bytes(b for g in px for b in (g, g, g))


def rows(w, h, rgb):
    """The picture as a list of lines; a cell in reverse (the cursor) counts, an unknown one is \ufffd."""
    if not _font:
        _load()
    green = rgb[1::3]
    bits = {}  # a cell's row of pixels and its background -> the font's byte
    out = []
    for y in range(0, h - 15, 16):
        line = ""
        for x in range(0, w - 7, 8):
            at = y * w + x
            back = green[at]
            cell = bytearray()
            for j in range(at, at + 16 * w, w):
                px = green[j:j + 8], back
                if px not in bits:
                    bits[px] = sum((p != back) << (7 - i) for i, p in enumerate(px[0]))
                cell.append(bits[px])
            line += _font.get(bytes(cell)) or _font.get(bytes(b ^ 255 for b in cell)) or "\ufffd"
        out.append(line.rstrip())
    return out
