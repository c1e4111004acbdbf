#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The VNC server with real sockets: log in, look, type, and every way to be rude."""
import os, re, socket, struct, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
import qtest
from qtest import Machine, check, same
from rfb import Viewer

tmp = tempfile.mkdtemp(prefix="vnc-")
PATH = os.path.join(tmp, "vnc")
MON = os.path.join(tmp, "mon")


def machine(options=""):
    m = Machine("-device", "VGA", "-vnc", f"unix:{PATH}{options}", "-monitor", f"unix:{MON},server=on,wait=off")
    m.ask("inb 0x3da")  # it runs
    return m


def monitor(*lines):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(MON)
    out = b""
    for line in (None,) + lines:
        if line is not None:
            s.sendall(line.encode() + b"\n")
        part = b""
        while not part.endswith((b"(qemu) ", b"Password: ")):
            part += s.recv(4096)
        out += part
    s.close()
    return out.decode("utf-8", "replace")


def text_mode(m, text):
    """80x25 as a VGA BIOS sets it, white on black, with a font of solid blocks for every glyph."""
    m.outb(0x3c2, 0x67)
    for i, v in enumerate([3, 0, 3, 0, 2]):
        m.outw(0x3c4, v << 8 | i)
    m.outw(0x3d4, 0x0011)
    crtc = [0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x2d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff]
    for i, v in enumerate(crtc):
        m.outw(0x3d4, v << 8 | i)
    for i, v in enumerate([0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff]):
        m.outw(0x3ce, v << 8 | i)
    m.inb(0x3da)
    for i in range(16):
        m.outb(0x3c0, i)
        m.outb(0x3c0, i)
    for i, v in [(0x10, 0x0c), (0x11, 0), (0x12, 15), (0x13, 8)]:
        m.outb(0x3c0, i)
        m.outb(0x3c0, v)
    m.outb(0x3c8, 0)
    for i in range(16):
        for c in (i >> 2 & 1, i >> 1 & 1, i & 1):
            m.outb(0x3c9, c * 42 + (21 if i & 8 else 0))
    m.inb(0x3da)
    m.outb(0x3c0, 0x20)
    # glyph N: its 16 lines are N, through plane 2
    m.outw(0x3c4, 0x0402)
    m.outw(0x3c4, 0x0704)
    m.outw(0x3ce, 0x0005)
    m.outw(0x3ce, 0x0406)
    m.write(0xa0000, b"".join(bytes([n]) * 16 + bytes(16) for n in range(256)))
    m.outw(0x3c4, 0x0302)
    m.outw(0x3c4, 0x0204)
    m.outw(0x3ce, 0x1005)
    m.outw(0x3ce, 0x0e06)
    m.write(0xb8000, b" \x07" * 2000)
    m.write(0xb8000, b"".join(bytes([ord(c), 0x07]) for c in text))


# ---- looking ----
m = machine()
v = Viewer(PATH)
same(v.greeting, b"RFB 003.008\n", "greeting")
same(v.login(), True, "no password is asked for")
v.init()
check(v.w >= 320 and v.h >= 200, "a size", v.w, v.h)
same(v.name, "QEMU", "name")
v.encodings(0, -223)
v.request()
check(v.update(), "a first picture comes before the guest sets a mode")
text_mode(m, "\xaa\xaa")
v.request(1)
pixels = None
for _ in range(20):
    for x, y, w, h, e, data in v.update():
        if e == 0 and (x, y) == (0, 0) and (v.w, v.h) == (720, 400) and w >= 16:
            pixels = struct.unpack(f"<{w * h}I", data)
    if pixels and pixels[0]:
        break
    v.request(1)
same((v.w, v.h), (720, 400), "text mode is 720 x 400")
check(pixels and [p != 0 for p in pixels[:9]] == [True, False] * 4 + [False], "the glyph's pixels arrive",
      pixels and pixels[:9])
m.write(0xb8000, b"\x55\x07")
pixels = None
for _ in range(20):  # what was damaged before may come first
    v.request(1)
    for x, y, w, h, e, data in v.update():
        if e == 0 and (x, y) == (0, 0):
            pixels = struct.unpack(f"<{w * h}I", data)
    if pixels and not pixels[0]:
        break
check(pixels and [p != 0 for p in pixels[:8]] == [False, True] * 4, "a changed cell is sent again", pixels and pixels[:9])

# ---- several viewers ----
w = Viewer(PATH)
w.login()
w.init(shared=1)
w.request()
check(w.update(), "a second viewer looks beside the first")
check("Client:" in monitor("info vnc"), "info vnc lists viewers")
x = Viewer(PATH)
x.login()
x.init(shared=0)
x.request()
check(x.update(), "an exclusive viewer gets in")
try:
    w.request()
    while True:
        w.update()
except (EOFError, ConnectionError):
    check(True, "and the others are gone")
x.close()

# ---- rudeness: each must neither crash nor disturb the next viewer ----
rude = {
    "an unknown version": b"RFB 004.000\n",
    "half a version": b"RFB 0",
    "a web browser": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}
for name, data in rude.items():
    s = socket.socket(socket.AF_UNIX)
    s.connect(PATH)
    s.sendall(data)
    s.close()
messages = {
    "a pixel format of 13 bits": struct.pack(">B3xBBBBHHHBBB3x", 0, 13, 13, 0, 1, 7, 7, 3, 0, 3, 6),
    "shifts past the pixel": struct.pack(">B3xBBBBHHHBBB3x", 0, 8, 8, 0, 1, 7, 7, 3, 200, 3, 6),
    "60000 encodings": struct.pack(">BBH", 2, 0, 60000),
    "4 GiB of cut text": struct.pack(">B3xI", 6, 0xffffffff),
    "an unknown message": b"\xf0",
    "audio that was not offered": b"\xff\x01\0\0",
    "half a request": b"\3\0\0",
    "a request far outside": struct.pack(">BBHHHH", 3, 0, 65535, 65535, 65535, 65535),
    "keys of no layout": struct.pack(">BBHI", 4, 1, 0, 0xffffffff) * 500,
}
for name, data in messages.items():
    s = Viewer(PATH)
    s.login()
    s.init()
    s.s.sendall(data)
    s.close()
v = Viewer(PATH)
v.login()
v.init()
v.encodings(0)
v.request()
check(v.update(), "after all rudeness the next viewer sees the picture")
# one that asks and never reads
slow = Viewer(PATH)
slow.login()
slow.init()
try:
    slow.s.settimeout(2)
    for _ in range(3000):
        slow.request()
except (TimeoutError, ConnectionError):
    pass
v.request()
check(v.update(), "a viewer that never reads does not hold up another")
rss = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{m.p.pid}/status").read())[1])
check(rss < 700 << 10, "and costs bounded memory", rss)
slow.close()
v.close()
check(m.inb(0x3cc) == 0x67, "the machine never noticed")
m.close()

# ---- passwords ----
m = machine(",password=on")
same(Viewer(PATH).login("secret"), "Authentication failed", "before a password is set nobody gets in")
same(Viewer(PATH).login(""), "Authentication failed", "not even with an empty one")
monitor("change vnc password secret")
same(Viewer(PATH).login("wrong"), "Authentication failed", "a wrong one is refused")
v = Viewer(PATH)
same(v.login("secret"), True, "the right one is taken")
v.init()
out = monitor("change vnc password", "hidden")
check("******" in out and "hidden" not in out, "the prompt shows asterisks", out)
same(Viewer(PATH).login("secret"), "Authentication failed", "the old one is no longer good")
same(Viewer(PATH).login("hidden"), True, "the new one is")
v.request()
check(v.update(), "who was in stays in")
same(Viewer(PATH, b"RFB 003.007\n").login("hidden"), True, "an RFB 3.7 viewer gets in")
m.close()
print(f"1..{qtest._n}")
sys.exit(qtest._bad > 0)
