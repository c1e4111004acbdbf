#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Flash below 4 GiB: where it is, Intel's commands, what reaches the drive."""
import os, random, shutil, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, check, same, main

REFERENCE = os.environ.get("QTEST_REFERENCE")
tmp = tempfile.mkdtemp()
A, B = os.path.join(tmp, "a"), os.path.join(tmp, "b")
rnd = random.Random(1)
TOP, SIZE, VARS = 1 << 32, 256 << 10, 64 << 10


def image(path, n):
    data = rnd.randbytes(n)
    with open(path, "wb") as f:
        f.write(data)
    return data


def machine(*more, ro=""):
    a, b = image(A, SIZE), image(B, VARS)
    m = Machine("-m", "16", "-drive", f"if=pflash,file={A},format=raw{ro}", "-drive", f"if=pflash,unit=1,file={B},format=raw", *more)
    return m, a, b


def w(m, addr, v): m.ask(f"writeb {addr:#x} {v:#x}")
def r(m, addr): return int(m.ask(f"readb {addr:#x}")[0], 0)


def reading():
    m, a, b = machine()
    check(m.read(TOP - SIZE, SIZE) == a, "unit 0 ends at 4 GiB")
    check(m.read(TOP - SIZE - VARS, VARS) == b, "unit 1 lies below it")
    check(m.read(0xe0000, 0x20000) == a[-0x20000:], "the end of unit 0 is seen below 1 MiB")
    base = TOP - SIZE - VARS
    w(m, base, 0x98)
    same(bytes(r(m, base + i) for i in range(0x10, 0x13)), b"QRY", "the query structure")
    same((r(m, base + 0x27), r(m, base + 0x2d), r(m, base + 0x2f), r(m, base + 0x30)), (16, 15, 16, 0), "size and blocks")
    w(m, base, 0x70)
    same(r(m, base + 99), 0x80, "status: ready")
    w(m, base, 0xff)
    same(r(m, base + 5), b[5], "back to memory")
    m.close()


def writing():
    m, a, b = machine()
    base = TOP - SIZE - VARS
    w(m, base + 4096, 0x20)
    w(m, base + 4096, 0xd0)
    same(r(m, base + 4096), 0x80, "an erase ends well")
    w(m, base, 0xff)
    check(m.read(base + 4096, 4096) == b"\xff" * 4096, "the block is erased")
    check(m.read(base, 4096) == b[:4096] and m.read(base + 8192, 4096) == b[8192:12288], "and no other")
    for i, v in enumerate(b"word by word"):
        w(m, base + 4096 + i, 0x40 if i & 1 else 0x10)
        w(m, base + 4096 + i, v)
    w(m, base, 0xff)
    same(m.read(base + 4096, 12), b"word by word", "programmed")
    # by the buffer
    w(m, base + 4608, 0xe8)
    same(r(m, base + 4608), 0x80, "the buffer is free")
    w(m, base + 4608, 63)
    for i in range(64):
        w(m, base + 4608 + i, i)
    w(m, base + 4608, 0xd0)
    same(r(m, base + 4608), 0x80, "written")
    w(m, base + 4608, 0xff)
    same(m.read(base + 4608, 65), bytes(range(64)) + b"\xff", "64 bytes at once")
    for _ in range(200):
        m.step(1000000)
    with open(B, "rb") as f:
        now = f.read()
    want = bytearray(b[:4096] + b"\xff" * 4096 + b[8192:])
    want[4096:4108] = b"word by word"
    want[4608:4672] = bytes(range(64))
    check(now == bytes(want), "all of it is in the file")
    m.close()
    with open(B, "rb") as f:
        check(f.read() == bytes(want), "and stays")


def protected():
    m, a, b = machine(ro=",readonly=on")
    base = TOP - SIZE
    w(m, base, 0x40)
    w(m, base, 0)
    same(r(m, base) & 0x90, 0x90, "a read-only drive: programming fails")
    w(m, base, 0x50)
    w(m, base, 0x20)
    w(m, base, 0xd0)
    same(r(m, base) & 0xa0, 0xa0, "and erasing")
    w(m, base, 0xff)
    check(m.read(base, SIZE) == a, "nothing changed")
    m.close()


def hostile():
    m, a, b = machine()
    for _ in range(4000):
        addr = TOP - SIZE - VARS + rnd.choice([0, 1, 4096, 63 << 10, VARS - 1, VARS, rnd.randrange(VARS + SIZE)])
        v = rnd.choice([0xe8, 0x20, 0xd0, 0x40, 0x98, 0x90, 0x70, 0xff, 0x60, rnd.getrandbits(8)])
        m.ask(f"write{rnd.choice('bwl')} {addr & ~3:#x} {v:#x}")
        r(m, addr)
    w(m, TOP - SIZE, 0xff)
    w(m, TOP - SIZE, 0xff)
    w(m, TOP - SIZE, 0xff)
    check(True, "4000 random commands")
    m.close()


try:
    main(reading, writing, protected, *([] if REFERENCE else [hostile]))
finally:
    shutil.rmtree(tmp)
