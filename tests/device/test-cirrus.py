#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The CL-GD5446: its registers, random blits beside Debian's qemu (display memory must be equal), the
windows, the cursor, and blits of a hostile guest.

Not compared: blits that the other refuses or does otherwise (over the end of memory, transparency of 24
and 32 bits, lines of double words from the CPU, a pattern's first row, skipped bytes in 24 bits).
"""
import os, random, shutil, socket, struct, sys, tempfile
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
import qtest
from qtest import Machine, check, same, skip

tmp = tempfile.mkdtemp(prefix="cirrus-")
LFB, REGS, AREA = 0xe0000000, 0xe3000000, 0x10000


class Card(Machine):
    def __init__(self, reference=None, *args):
        if reference:
            os.environ["QTEST_REFERENCE"] = reference
        super().__init__("-device", "cirrus-vga,addr=02.0", *args)
        os.environ.pop("QTEST_REFERENCE", None)
        self.pci_write(2, 0, 0x10, LFB)
        self.pci_write(2, 0, 0x14, REGS)
        self.pci_write(2, 0, 4, 3, 2)
        self.outb(0x3c2, 0x67)
        self.seq(6, 0x12), self.seq(7, 0x11), self.gr(6, 5)

    def seq(self, i, v): self.outw(0x3c4, v << 8 | i)
    def gr(self, i, v): self.outw(0x3ce, v << 8 | i)

    def get(self, port, i):
        self.outb(port, i)
        return self.inb(port + 1)

    def color(self, fg, bg):
        for k, (b, f) in enumerate(((0, 1), (0x10, 0x11), (0x12, 0x13), (0x14, 0x15))):
            self.gr(b, bg >> 8 * k & 255), self.gr(f, fg >> 8 * k & 255)

    def blit(self, w, h, dst, src, dp, sp, mode, rop=0x0d, ext=0, skip=0, key=0, data=None):
        for i, v in ((0x20, w - 1), (0x22, h - 1), (0x24, dp), (0x26, sp), (0x34, key)):
            self.gr(i, v & 255), self.gr(i + 1, v >> 8 & 255)
        for i, v in ((0x28, dst), (0x2c, src)):
            for k in range(3):
                self.gr(i + k, v >> 8 * k & 255)
        self.gr(0x2f, skip), self.gr(0x30, mode), self.gr(0x32, rop), self.gr(0x33, ext)
        self.gr(0x31, 2)
        if data:
            for k in range(0, len(data), 4096):
                self.write(LFB + (16 << 20), data[k:k + 4096])


REFERENCE = shutil.which("qemu-system-x86_64") if not os.environ.get("QTEST_REFERENCE") else None
MON = os.path.join(tmp, "mon")
m = Card(None, "-monitor", f"unix:{MON},server=on,wait=off")
ref = Card(REFERENCE) if REFERENCE else None

same(m.pci_read(2, 0, 0), 0x00b81013, "PCI id 1013:00b8")
m.seq(6, 0)
same(m.get(0x3c4, 6), 0x0f, "SR6 locks")
m.seq(6, 0x12)
same(m.get(0x3c4, 6), 0x12, "and unlocks")
same(m.get(0x3d4, 0x27), 0xb8, "CR27: a GD5446")
same(m.get(0x3c4, 0x15), 4, "SR15: 4 MiB")

# ---- random blits ----
ROPS = [0, 5, 6, 9, 0x0b, 0x0d, 0x0e, 0x50, 0x59, 0x6d, 0x90, 0x95, 0xad, 0xd0, 0xd6, 0xda]
rnd = random.Random(5446)
if ref:
    noise = rnd.randbytes(AREA)
    bad, kinds = [], {}
    for c in (m, ref):
        c.write(LFB, noise)
    for step in range(400):
        depth = rnd.randrange(4)
        size = depth + 1
        w, h = rnd.randrange(1, 40) * size, rnd.randrange(1, 20)
        kind = rnd.choice(("copy", "back", "key", "pattern", "expand", "expand-t", "mono", "mono-t", "solid", "cpu", "cpu-expand"))
        if kind == "key" and depth > 1:
            kind = "copy"
        dp, sp = rnd.randrange(w, 256), rnd.randrange(w, 256)
        dst, src = rnd.randrange(0x8000, 0xa000), rnd.randrange(0, 0x2000)
        unit = (1, 2, 3, 4)[depth]  # the other cuts addresses to whole pixels
        dp, sp, dst, src = ((v + unit - 1) // unit * unit for v in (dp, sp, dst, src))
        mode, ext, skip_, data, key = depth << 4, 0, 0, None, rnd.randrange(65536)
        if kind == "back":
            mode |= 1
            dst, src = dst + h * dp + w, src + h * sp + w
        elif kind == "key":
            mode |= 8
        elif kind == "pattern":
            mode |= 0x40
            src &= ~255  # the other knows no first row
        elif kind in ("expand", "expand-t"):
            mode |= 0x80 | (8 if kind[-1] == "t" else 0)
            ext = rnd.choice((0, 2)) if kind[-1] == "t" else 0
        elif kind in ("mono", "mono-t"):
            mode |= 0xc0 | (8 if kind[-1] == "t" else 0)
            ext = rnd.choice((0, 2)) if kind[-1] == "t" else 0
            src &= ~255
        elif kind == "solid":
            mode |= 0xc0
            ext = 4
        elif kind == "cpu":
            mode |= 4
            data = rnd.randbytes((w + 3 & ~3) * h)
        elif kind == "cpu-expand":
            mode |= 0x84
            data = rnd.randbytes((w // size + 7) // 8 * h)
        rop = rnd.choice(ROPS)
        fg, bg = rnd.randrange(1 << 32), rnd.randrange(1 << 32)
        if mode & 0xc0 and not ext & 4 and rnd.random() < 0.3 and mode & 0x80:
            skip_ = 0 if depth == 2 else rnd.randrange(min(w // size, 8))
        for c in (m, ref):
            c.color(fg, bg)
            c.blit(w, h, dst, src, dp, sp, mode, rop, ext, skip_, key, data)
        a, b = m.read(LFB, AREA), ref.read(LFB, AREA)
        kinds[kind] = kinds.get(kind, 0) + 1
        if a != b:
            at = next(i for i in range(AREA) if a[i] != b[i])
            bad.append((step, kind, size, f"rop {rop:#x} mode {mode:#x} ext {ext} skip {skip_} {w}x{h} first {at - dst} of "
                        f"{sum(x != y for x, y in zip(a, b))}"))
            for c in (m, ref):
                c.write(LFB, noise)
    check(not bad, "400 random blits: the same display memory", *bad[:12])
    ref.close()
else:
    skip("random blits", "qemu-system-x86_64 is not installed")

# ---- lines of double words from the CPU ----
m.color(0xee, 0x22)
m.blit(10, 2, 0x20000, 0, 16, 0, 0x84, ext=1, data=b"\xf0\x40\0\0\x0f\x80\0\0")
same(m.read(LFB + 0x20000, 26), b"\xee" * 4 + b"\x22" * 5 + b"\xee" + bytes(6) + b"\x22" * 4 + b"\xee" * 5 + b"\x22",
     "a line of the CPU's bits begins at a double word")

# ---- windows ----
before = m.read(LFB, 16)
m.write(LFB + (4 << 20), b"past the end")
same((m.read(LFB, 16), m.read(LFB + (4 << 20), 4)), (before, b"\xff" * 4), "nothing is above display memory")
m.gr(0x0b, 0x20), m.gr(9, 3)
m.write(0xa0000 + 5, b"bank")
same(m.read(LFB + 3 * 16384 + 5, 4), b"bank", "a bank of 16 KiB steps")
m.gr(0x0b, 1), m.gr(9, 1), m.gr(0x0a, 7)
m.write(0xa0000, b"AA"), m.write(0xa8000, b"BB")
same((m.read(LFB + 4096, 2), m.read(LFB + 7 * 4096, 2)), (b"AA", b"BB"), "two banks")
m.gr(0x0b, 4), m.gr(5, 4), m.color(0x11, 0x22), m.gr(9, 0)
m.write(LFB + 0x300, bytes(8)), m.gr(5, 5)
m.write(LFB + 0x300, b"\xf0")
same(m.read(LFB + 0x300, 8), b"\x11" * 4 + b"\x22" * 4, "write mode 5 makes eight pixels")
m.gr(5, 0x40), m.gr(0x0b, 0)
m.seq(0x17, 4)
m.write(0xb8000 + 8, struct.pack("<H", 0x1234))
same((m.get(0x3ce, 0x20), m.get(0x3ce, 0x21)), (0x34, 0x12), "BitBLT registers at B8000h")
same(m.read(REGS + 0x108, 2), b"\x34\x12", "and in BAR 1")
m.seq(0x17, 0)

# ---- the picture, with a cursor ----
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(MON)


def prompt():
    out = b""
    while not out.endswith(b"(qemu) "):
        out += s.recv(4096)


prompt()


def screen():
    f = os.path.join(tmp, "shot.ppm")
    s.sendall(f"screendump {f}\n".encode())
    prompt()
    head = open(f, "rb").read().split(b"\n", 3)
    return (*map(int, head[1].split()), head[3])


for i, v in ((0, 3), (1, 1), (2, 15), (4, 14), (7, 0x19)):
    m.seq(i, v)
m.outw(0x3d4, 0x0011)
for i, v in ((1, 39), (7, 0x1f), (9, 0x40), (0x0c, 0), (0x0d, 0), (0x12, 199), (0x13, 160), (0x17, 0xc3), (0x18, 0xff), (0x1b, 0x22)):
    m.outw(0x3d4, (v & 255) << 8 | i)
m.outw(0x3d4, 0x0007 | 0x10 << 8)
m.inb(0x3da), m.outb(0x3c0, 0x20)
m.write(LFB, b"\x30\x20\x10\0" * (320 * 200))
w, h, rgb = screen()
same((w, h, rgb[:3]), (320, 200, b"\x10\x20\x30"), "32 bits a pixel")
m.seq(0x13, 0)
base = LFB + (4 << 20) - 16384
m.write(base, b"\x0f" + bytes(127) + b"\x33" + bytes(127))  # planes: 00001111 and 00110011
m.seq(0x12, 3)
m.outb(0x3c8, 0)
for v in (63, 0, 0):
    m.outb(0x3c9, v)
m.outb(0x3c8, 15)
for v in (0, 63, 0):
    m.outb(0x3c9, v)
m.outw(0x3c4, 2 << 8 | 0x10 | 5 << 5), m.outw(0x3c4, 1 << 8 | 0x11 | 1 << 5)  # x 21, y 9
w, h, rgb = screen()
at = (9 * 320 + 21) * 3
px = [rgb[at + 3 * i:at + 3 * i + 3].hex() for i in range(8)]
same(px, ["102030"] * 2 + ["ff0000"] * 2 + ["efdfcf"] * 2 + ["00ff00"] * 2, "the cursor: clear, first colour, inverted, second")
m.seq(0x12, 0)
same(screen()[2][at:at + 24], b"\x10\x20\x30" * 8, "and it goes again")

# ---- lines that are wider than their distance: the last one reaches over the end of display memory ----
for i, v in ((0x13, 80), (0x0c, 0x83), (0x0d, 0), (0x1b, 0x2f), (0x1d, 0x80)):  # 640 bytes, 4 MiB - 200 of them
    m.outw(0x3d4, v << 8 | i)
m.write(LFB + (4 << 20) - 640, b"\x03\x02\x01\0" * 160)
m.write(LFB, b"\x06\x05\x04\0" * 160)
w, h, rgb = screen()
same((w, h, rgb[199 * 960:]), (320, 200, b"\1\2\3" * 160 + b"\4\5\6" * 160), "what lies over the end is the beginning")
for i, v in ((0x13, 160), (0x0c, 0), (0x0d, 0), (0x1b, 0x22), (0x1d, 0)):
    m.outw(0x3d4, v << 8 | i)

# ---- a hostile guest ----
for step in range(300):
    for i in range(0x20, 0x3a):
        if i != 0x31 and rnd.random() < 0.5:
            m.gr(i, rnd.randrange(256))
    if rnd.random() < 0.8:
        m.gr(0x21, 0), m.gr(0x23, 0)  # mostly small
    m.gr(0x31, rnd.choice((2, 2, 0x82, 6)))
    m.write(LFB + (16 << 20) + rnd.randrange(1 << 20), bytes(rnd.randrange(1, 400)))
    m.outw(0x3c4, rnd.randrange(65536)), m.outw(0x3ce, rnd.randrange(65536)), m.outw(0x3d4, rnd.randrange(65536))
    m.write(LFB + rnd.randrange(1 << 25) & ~3, b"abcd"), m.read(LFB + (rnd.randrange(1 << 25) & ~3), 4)
    m.write(0xa0000 + rnd.randrange(0x1fff0), b"window"), m.read(0xa0000 + rnd.randrange(0x1fff0), 4)
    m.write(REGS + rnd.randrange(0xff8), bytes([rnd.randrange(256)]))
    m.gr(0x31, 4), m.gr(0x31, 0)
    if step % 30 == 0:
        screen()
check(m.inb(0x3cc) is not None, "300 rounds of random registers and blits")
m.close()
print(f"1..{qtest._n}")
sys.exit(qtest._bad > 0)
