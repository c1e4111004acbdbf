#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of old software: every BIOS mode, mode X and VBE, set by the VGA BIOS and by registers, beside
Debian's qemu: the same bytes. What the VGA has and the other lacks is compared with our own picture.

Not compared, because the other differs from the hardware: bright backgrounds while blinking is on, the
ninth column of B0h..BFh, panning, the DAC mask, a row scan preset, 4-bit VBE modes.
"""
import os, shutil, sys
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Skip, run
from vgaguest import VgaGuest

REFERENCE = shutil.which("qemu-system-x86_64")
ours = other = None


def guests():
    global ours, other
    if not ours:
        ours = VgaGuest("-vga", "std")
        other = VgaGuest("-vga", "std", reference=REFERENCE) if REFERENCE else None


def both(f):
    guests()
    for g in (ours, other):
        if g:
            f(g)


def same(name):
    if not other:
        return
    a, b = ours.screen(), other.screen()
    assert a[:2] == b[:2], f"{name}: {a[:2]}, not {b[:2]}"
    if a[2] != b[2]:
        bad = [i // 3 for i in range(0, len(a[2]), 3) if a[2][i:i + 3] != b[2][i:i + 3]]
        at = bad[0]
        raise AssertionError(f"{name}: {len(bad)} pixels differ, first ({at % a[0]}, {at // a[0]}): "
                             f"{a[2][at * 3:at * 3 + 3].hex()}, not {b[2][at * 3:at * 3 + 3].hex()}")


def planes(g, n):
    for p in range(4):
        g.reg(0x3c4, 2, 1 << p)
        g.fill(0xa000, 0, n, 7 + 2 * p)
    g.reg(0x3c4, 2, 15)


def text(g, mode=3):
    g.bios(mode)
    g.bios(0x0100, 0, 0x2000)  # no cursor: the other's blinks
    cells = b"".join(bytes([c, i & 0x7f]) for i, c in enumerate(list(range(0xb0)) + list(range(0xc0, 256))))
    g.write(0xb800, 0, (cells * 9)[:4000])


def text_modes():
    both(lambda g: g.bios(0x0100, 0, 0x2000))
    same("what the BIOS shows")
    for mode in (3, 1):
        both(lambda g: text(g, mode))
        same(f"text mode {mode}")
    both(lambda g: (text(g), g.bios(0x1112), g.bios(0x0100, 0, 0x2000)))
    same("80x50")
    both(lambda g: (text(g), g.bios(0x1003, 0), g.write(0xb800, 0, bytes(i for k in range(256) for i in (65, k)))))
    same("bright backgrounds")
    both(lambda g: (text(g), g.reg(0x3d4, 0x0d, 40)))
    same("a start address")
    both(lambda g: (text(g), g.reg(0x3c4, 3, 0x04)))
    same("two fonts")


def graphics_modes():
    for mode, seg, n in ((4, 0xb800, 0x4000), (6, 0xb800, 0x4000), (0x0d, 0xa000, 8000), (0x0e, 0xa000, 16000),
                         (0x10, 0xa000, 28000), (0x12, 0xa000, 38400), (0x13, 0xa000, 64000)):
        both(lambda g: (g.bios(mode), planes(g, n) if 0x0d <= mode <= 0x12 else g.fill(seg, 0, n, 7)))
        same(f"mode {mode:#x}")
    both(lambda g: (g.bios(4), g.fill(0xb800, 0, 0x4000, 7), g.bios(0x0b00, 0x0100), g.bios(0x0b00, 5)))
    same("CGA's other palette")
    both(lambda g: (g.bios(0x12), planes(g, 38400), g.inb(0x3da), g.out(0x3c0, 0x32, 5)))
    same("some planes")
    both(lambda g: (g.inb(0x3da), g.out(0x3c0, 0x34, 5)))
    same("colour select")
    both(lambda g: g.reg(0x3c4, 1, 0x21))
    same("the screen off")


def mode_x():
    def unchained(g):
        g.bios(0x13)
        g.reg(0x3c4, 4, 6), g.reg(0x3d4, 0x17, 0xe3), g.reg(0x3d4, 0x14, 0)
        for p in range(4):
            g.reg(0x3c4, 2, 1 << p)
            g.fill(0xa000, 0, 0xffff, 5 + p)

    def lines240(g):
        g.out(0x3c2, 0xe3), g.reg(0x3d4, 0x11, 0x2c)
        for i, v in ((6, 0x0d), (7, 0x3e), (0x10, 0xea), (0x11, 0xac), (0x12, 0xdf), (0x15, 0xe7), (0x16, 6)):
            g.reg(0x3d4, i, v)
    both(unchained)
    same("320x200 unchained")
    both(lines240)
    same("320x240")
    both(lambda g: (g.reg(0x3d4, 0x0c, 0x12), g.reg(0x3d4, 0x0d, 0x34)))
    same("a start address")
    both(lambda g: g.reg(0x3d4, 0x13, 60))
    same("longer lines")
    plain = ours.screen()
    both(lambda g: (g.reg(0x3d4, 0x18, 0x8f), g.reg(0x3d4, 7, 0x2e), g.reg(0x3d4, 9, 0x01)))
    split = ours.screen()
    assert plain[2][:144 * 1920] == split[2][:144 * 1920], "above the split nothing changes"
    both(lambda g: (g.reg(0x3d4, 0x0c, 0), g.reg(0x3d4, 0x0d, 0)))
    top = ours.screen()
    assert split[2][144 * 1920:288 * 1920] == top[2][:144 * 1920], "below it memory is shown from 0"
    if other:
        same("and from 0 both agree")


def vbe():
    for mode in (0x100, 0x101, 0x103, 0x105, 0x10d, 0x10e, 0x10f, 0x110, 0x111, 0x112, 0x140, 0x142):
        def draw(g):
            g.bios(0x4f02, mode)
            for bank in range(4):
                g.bios(0x4f05, 0, 0, bank)
                g.fill(0xa000, 0, 0xffff, 7 + bank)
        both(draw)
        same(f"VBE mode {mode:#x}")
    both(lambda g: (g.bios(0x4f02, 0x101), g.fill(0xa000, 0, 0xffff, 3), g.bios(0x4f06, 0, 1000), g.bios(0x4f07, 0, 36, 55)))
    same("a wide picture, panned")
    both(lambda g: (g.bios(0x4f02, 0x101), g.fill(0xa000, 0, 0xffff, 3), g.bios(0x4f08, 0x0800), g.out(0x3c8, 1), g.out(0x3c9, 200, 100, 7)))
    same("8 bits a colour")
    both(lambda g: text(g))
    same("and back to text")


def cirrus():
    if not REFERENCE or not os.environ.get("LONG"):
        raise Skip("only with LONG=1" if REFERENCE else "qemu-system-x86_64 is not installed")
    global ours, other
    keep = ours, other
    ours, other = VgaGuest("-vga", "cirrus"), VgaGuest("-vga", "cirrus", reference=REFERENCE)
    text_modes(), graphics_modes(), vbe()
    ours.close(), other.close()
    ours, other = keep


def shifted(a, b, n):
    """b is a, n pixels to the left"""
    w, h = a[:2]
    row = w * 3
    return a[:2] == b[:2] and all(a[2][y * row + n * 3:(y + 1) * row] == b[2][y * row:(y + 1) * row - n * 3] for y in range(h))


def panning():
    guests()
    g = ours
    for name, mode, pel in (("16 colours", 0x12, 3), ("256 colours", 0x13, 4), ("CGA", 4, 1), ("40 columns", 1, 5)):
        g.bios(mode)
        g.bios(0x0100, 0, 0x2000)
        planes(g, 38400) if mode == 0x12 else g.fill(0xb800 if mode < 6 else 0xa000, 0, 4000, 7)
        plain = g.screen()
        g.inb(0x3da)
        g.out(0x3c0, 0x33, pel)
        n = {0x12: 3, 0x13: 4, 4: 2, 1: 12}[mode]
        assert shifted(plain, g.screen(), n), f"{name}: {n} pixels to the left"
    text(g)
    plain = g.screen()
    g.inb(0x3da)
    g.out(0x3c0, 0x33, 3)
    assert shifted(plain, g.screen(), 4), "9 dots: pel 3 is 4 pixels"
    text(g)
    plain = g.screen()
    g.reg(0x3d4, 8, 5)
    now = g.screen()
    assert plain[2][5 * 720 * 3:16 * 720 * 3] == now[2][:11 * 720 * 3], "a preset row scan lifts the picture by 5 lines"
    # blinking on: backgrounds are dark; off: bright
    text(g)
    g.write(0xb800, 0, b"\x20\xf0")
    assert g.screen()[2][:3] == b"\xa8\xa8\xa8", "blinking: a dark background"
    g.bios(0x1003, 0)
    assert g.screen()[2][:3] == b"\xff\xff\xff", "not blinking: a bright one"
    # monochrome underlines attribute 1
    g.bios(7)
    g.bios(0x0100, 0, 0x2000)
    g.reg(0x3b4, 0x14, 0x0d)
    g.write(0xb000, 0, b"\x20\x01\x20\x07")
    w, h, rgb = g.screen()
    cell = [rgb[y * w * 3:y * w * 3 + 27] for y in range(16)]
    assert sum(c != bytes(27) for c in cell) == 1, "mode 7 underlines"
    # the DAC mask
    g.bios(0x13)
    g.fill(0xa000, 0, 256, 1)
    g.out(0x3c6, 0x0f)
    a = g.screen()[2]
    assert a[17 * 6:17 * 6 + 3] == a[6:9], "the DAC mask cuts indices"


def retrace():
    guests()
    g = ours
    g.bios(3)
    seen = {g.inb(0x3da) & 9 for _ in range(400)}
    assert seen >= {0, 1, 9} or seen >= {0, 9}, f"3DAh toggles: {seen}"


run({"text modes": text_modes, "graphics modes": graphics_modes, "mode X": mode_x, "VBE modes": vbe,
     "cirrus": cirrus, "what the hardware has": panning, "retrace": retrace})
for g in (ours, other):
    if g:
        g.close()
