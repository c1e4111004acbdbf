#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The VGA by its registers: planar writes against a model, VBE modes by screendump, hostile values."""
import os, random, shutil, socket, struct, sys, tempfile
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
import qtest
from qtest import Machine, check, same

tmp = tempfile.mkdtemp(prefix="vga-")
MON = os.path.join(tmp, "mon")
m = Machine("-device", "VGA,addr=02.0", "-monitor", f"unix:{MON},server=on,wait=off")
m.inb(0x3cc)
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
    data = open(f, "rb").read()
    head = data.split(b"\n", 3)
    w, h = map(int, head[1].split())
    return w, h, head[3]


def seq(i, v): m.outw(0x3c4, v << 8 | i)
def gr(i, v): m.outw(0x3ce, v << 8 | i)


def vbe(i, v):
    m.outw(0x1ce, i)
    m.outw(0x1d0, v)


def vbe_read(i):
    m.outw(0x1ce, i)
    return m.inw(0x1d0)


same(m.pci_read(2, 0, 0), 0x11111234, "PCI id 1234:1111")
same(m.pci_read(2, 0, 8) >> 8, 0x030000, "class: VGA")
LFB, REGS = 0xe0000000, 0xe2000000
m.pci_write(2, 0, 0x10, 0xffffffff)
same(m.pci_read(2, 0, 0x10) & ~15, 0xff000000, "16 MiB of display memory")
m.pci_write(2, 0, 0x10, LFB)
m.pci_write(2, 0, 0x18, REGS)
m.pci_write(2, 0, 4, 3, 2)

# ---- the planar data path ----
m.outb(0x3c2, 0x67)
seq(0, 3), seq(2, 15), seq(4, 6)
gr(6, 5)
rnd = random.Random(1)
planes = [bytearray(64) for _ in range(4)]
latch = [0] * 4
m.write(LFB, bytes(256))
for step in range(300):
    mode, mask, setr, enable = rnd.randrange(4), rnd.randrange(256), rnd.randrange(16), rnd.randrange(16)
    rotate, func, planemask = rnd.randrange(8), rnd.randrange(4), rnd.randrange(16)
    gr(0, setr), gr(1, enable), gr(3, func << 3 | rotate), gr(5, mode), gr(8, mask), seq(2, planemask)
    at, val = rnd.randrange(64), rnd.randrange(256)
    m.read(0xa0000 + at, 1)
    latch = [p[at] for p in planes]
    at = rnd.randrange(64)
    m.write(0xa0000 + at, bytes([val]))
    turned = (val >> rotate | val << (8 - rotate)) & 255
    for p in range(4):
        if not planemask >> p & 1:
            continue
        k, full = mask, 255 if setr >> p & 1 else 0
        if mode == 1:
            planes[p][at] = latch[p]
            continue
        v = {0: full if enable >> p & 1 else turned, 2: 255 if val >> p & 1 else 0, 3: full}[mode]
        if mode == 3:
            k &= turned
        v = [v, v & latch[p], v | latch[p], v ^ latch[p]][func]
        planes[p][at] = v & k | latch[p] & ~k & 255
got = m.read(LFB, 256)
same(got, bytes(planes[i % 4][i // 4] for i in range(256)), "300 random planar writes")

# ---- VBE ----
same(vbe_read(0), 0xb0c5, "VBE id")
same(vbe_read(10), 256, "VBE: memory in 64 KiB")
for bpp in (32, 16, 8):
    vbe(4, 0), vbe(1, 320), vbe(2, 200), vbe(3, bpp), vbe(4, 0x41)
    if bpp == 8:
        m.outb(0x3c8, 5)
        for c in (63, 0, 32):
            m.outb(0x3c9, c)
    pixel, want = {32: (struct.pack("<I", 0x123456), b"\x12\x34\x56"), 16: (struct.pack("<H", 0xf81f), b"\xff\x00\xff"),
                   8: (b"\5", b"\xff\x00\x80")}[bpp]
    m.write(LFB + (320 * 10 + 7) * bpp // 8, pixel * 3)
    w, h, rgb = screen()
    at = (320 * 10 + 7) * 3
    same((w, h, rgb[at:at + 12]), (320, 200, want * 3 + bytes(3)), f"a pixel in {bpp} bits")
vbe(4, 0), vbe(1, 640), vbe(2, 480), vbe(3, 32), vbe(4, 0x41)
vbe(6, 1024), vbe(8, 16), vbe(9, 2)
m.write(LFB + (2 * 1024 + 16) * 4, struct.pack("<I", 0xabcdef))
same(screen()[2][:3], b"\xab\xcd\xef", "offsets into a wider picture")
same(struct.unpack("<H", m.read(REGS + 0x502, 2))[0], 640, "VBE registers in BAR 2")
same(screen(), screen(), "a still picture gives the same bytes")

edid = m.read(REGS, 256)
same((sum(edid[:128]) & 255, sum(edid[128:]) & 255, edid[:8].hex()), (0, 0, "00ffffffffffff00"), "EDID: two blocks")
same((edid[56] | (edid[58] & 0xf0) << 4, edid[59] | (edid[61] & 0xf0) << 4), (1280, 800), "it likes 1280 x 800")
same(m.read(REGS + 0x600, 8), b"\x08\0\0\0\x1e\x1e\x1e\x1e", "little endian")
peer = shutil.which("qemu-system-x86_64")
if peer and not os.environ.get("QTEST_REFERENCE"):
    for size in ("", ",xres=800,yres=600", ",xres=1920,yres=1080"):
        blocks = []
        for ref in (None, peer):
            if ref:
                os.environ["QTEST_REFERENCE"] = ref
            o = Machine("-device", "VGA,addr=02.0" + size)
            os.environ.pop("QTEST_REFERENCE", None)
            o.pci_write(2, 0, 0x10, LFB), o.pci_write(2, 0, 0x18, REGS), o.pci_write(2, 0, 4, 3, 2)
            blocks.append(o.read(REGS, 256).hex())
            o.close()
        same(blocks[0], blocks[1], f"the same EDID as qemu{size}")

# ---- whatever is written, the picture stays inside display memory ----
for step in range(400):  # pictures of 16000 pixels a line take long: few of them
    vbe(rnd.randrange(12), rnd.choice((0, 1, 7, 0x41, 1024, 2000, rnd.randrange(4096), rnd.randrange(65536))))
    m.outw(0x3d4, rnd.randrange(65536))
    m.outw(0x3ce, rnd.randrange(65536))
    m.outw(0x3c4, rnd.randrange(65536))
    m.outb(0x3c0, rnd.randrange(256))
    m.write(0xa0000 + rnd.randrange(0x20000), b"x")
    if step % 40 == 0:
        screen()
check(m.inb(0x3cc) is not None, "400 steps of random registers")
m.close()
print(f"1..{qtest._n}")
sys.exit(qtest._bad > 0)
