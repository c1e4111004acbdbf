#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The two DMA controllers and the floppy controller: registers, transfers by DMA and by the FIFO,
errors, media changes, CMOS types."""
import os, random, shutil, struct, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, Qmp, check, same, main

REFERENCE = os.environ.get("QTEST_REFERENCE")
tmp = tempfile.mkdtemp()
DISK, OTHER = os.path.join(tmp, "a"), os.path.join(tmp, "b")
rnd = random.Random(1)
BASE, BUF = 0x3f0, 0x20000
PAGES = {0: 0x87, 1: 0x83, 2: 0x81, 3: 0x82, 5: 0x8b, 6: 0x89, 7: 0x8a}


def image(path, n=2880 * 512):
    data = rnd.randbytes(n)
    with open(path, "wb") as f:
        f.write(data)
    return data


class Fdc:
    def __init__(self, *args):
        self.m = Machine("-m", "16", *args)
        self.m.ask("irq_intercept_in ioapic" if REFERENCE else "irq_intercept_in /machine/ioapic")
        self.reset()

    def reset(self):
        m = self.m
        m.outb(BASE + 2, 0)
        m.outb(BASE + 2, 0x1c)
        self.wait_irq()
        out = [self.cmd([8], 2) for _ in range(4)]
        m.outb(BASE + 7, 0)
        self.cmd([3, 0xdf, 2])
        return out

    def wait_irq(self):
        for _ in range(100000):
            self.m.inb(BASE + 4)
            if self.m.irqs.get(6):
                return True
            self.m.step(100000)
        raise TimeoutError("no interrupt")

    def msr(self): return self.m.inb(BASE + 4)

    def put(self, data):
        for b in data:
            for _ in range(1000):
                if self.msr() & 0xc0 == 0x80:
                    break
            self.m.outb(BASE + 5, b)

    def result(self, n):
        out = []
        for _ in range(n):
            assert self.msr() & 0xc0 == 0xc0, hex(self.msr())
            out.append(self.m.inb(BASE + 5))
        return out

    def cmd(self, data, n=0):
        self.put(data)
        return self.result(n)

    def dma(self, mode, addr, n, chan=2):
        m, c = self.m, chan
        m.outb(0x0a, 4 | c)
        m.outb(0x0c, 0)
        m.outb(0x0b, mode | c)
        m.outb(2 * c, addr & 255)
        m.outb(2 * c, addr >> 8 & 255)
        m.outb(PAGES[c], addr >> 16)
        m.outb(2 * c + 1, n - 1 & 255)
        m.outb(2 * c + 1, n - 1 >> 8)
        m.outb(0x0a, c)

    def seek(self, cyl, head=0, unit=0):
        self.cmd([0x0f, head << 2 | unit, cyl])
        self.wait_irq()
        return self.cmd([8], 2)

    def move(self, op, c, h, r, n, mode, unit=0, eot=18):
        """n sectors; -> result bytes"""
        self.dma(mode, BUF, 512 * n)
        self.put([op, h << 2 | unit, c, h, r, 2, eot, 0x1b, 0xff])
        self.wait_irq()
        return self.result(7)

    def read(self, c, h, r, n, **kw):
        st = self.move(0xe6, c, h, r, n, 0x44, **kw)
        return st, self.m.read(BUF, 512 * n)


def controllers():
    m = Machine("-m", "16")
    for base, shift, page, chan in ((0, 0, 0x81, 2), (0xc0, 1, 0x8b, 1)):
        m.outb(base + (13 << shift), 0)
        m.outb(base + (2 * chan << shift), 0x34)
        m.outb(base + (2 * chan << shift), 0x12)
        m.outb(page, 0x56)
        same([m.inb(base + (2 * chan << shift)) for _ in range(2)], [0x34, 0x12], f"address of the controller at {base:#x}")
        same(m.inb(page), 0x56, "page")
        same(m.inb(base + (8 << shift)), 0, "status")
    for p in (0x84, 0x85, 0x86, 0x8c, 0x8f):
        m.outb(p, p)
        same(m.inb(p), p, f"page register {p:#x} holds")
    m.close()


def commands():
    image(DISK)
    f = Fdc("-fda", f"{DISK}")
    same(f.reset(), [[0xc0 | i, 0] for i in range(4)], "reset and four polls")
    same(f.cmd([8], 1), [0x80], "no more of them")
    same(f.cmd([0x10], 1), [0x90], "VERSION")
    same(f.cmd([0x18], 1), [0x41], "PART ID")
    same(f.cmd([0x94], 1) + f.cmd([0x14], 1), [0x10, 0], "LOCK and unlock")
    same(f.cmd([0x1f], 1), [0x80], "an unknown command")
    same(f.cmd([4, 0], 1)[0] & 0x5f, 0x18, "SENSE DRIVE: track 0")
    same(f.seek(33), [0x20, 33], "SEEK")
    same(f.cmd([4, 0], 1)[0] & 0x10, 0, "not track 0")
    f.cmd([7, 0])
    f.wait_irq()
    same(f.cmd([8], 2), [0x20, 0], "RECALIBRATE")
    f.cmd([0x13, 0, 0x57, 0x10])
    d = f.cmd([0x0e], 10)
    same(d[8:], [0x57, 0x10], "DUMPREG tells the configuration")
    f.cmd([0x13, 0, 0x17, 0])
    f.m.outb(BASE + 4, 0x80)
    f.wait_irq()
    same([f.cmd([8], 2)[0] for _ in range(4)], [0xc0, 0xc1, 0xc2, 0xc3], "reset by DSR")
    f.m.close()


def reading():
    data = image(DISK)
    f = Fdc("-fda", DISK)
    at = lambda c, h, r: ((c * 2 + h) * 18 + r - 1) * 512
    st, got = f.read(0, 0, 1, 1)
    check(st[:3] == [0, 0, 0] and got == data[:512], "the first sector", st)
    st, got = f.read(0, 0, 5, 20)
    check(got == data[at(0, 0, 5):][:512 * 20] and st[:3] == [4, 0, 0], "20 sectors over both heads", st)
    same(st[3:], [0, 1, 7, 2], "what follows them")
    f.seek(50)
    st, got = f.read(50, 1, 18, 1)
    check(got == data[at(50, 1, 18):][:512] and not st[0] & 0xc0, "cylinder 50, the last sector", st)
    f.dma(0x44, BUF, 65536)
    f.put([0xe6, 0, 50, 0, 17, 2, 18, 0x1b, 0xff])
    f.wait_irq()
    st = f.result(7)
    same((st[0] & 0xc0, st[1]), (0x40, 0x80), "more asked than the cylinder has: end of cylinder")
    check(f.m.read(BUF, 512 * 20) == data[at(50, 0, 17):][:512 * 20], "its data came")
    st, _ = f.read(50, 0, 19, 1)
    check(st[0] & 0xc0 == 0x40, "sector 19 is not there", st)
    f.m.outb(BASE + 7, 2)
    st, _ = f.read(50, 0, 1, 1)
    same((st[0] & 0xc0, st[1] & 5 != 0), (0x40, True), "the wrong data rate finds no marks")
    f.m.outb(BASE + 7, 0)
    f.put([0x4a, 4])
    f.wait_irq()
    same(f.result(7)[3:5], [50, 1], "READ ID")
    st = f.move(0xd6, 50, 0, 1, 1, 0x40)
    check(not st[0] & 0xc0 or REFERENCE, "VERIFY", st)
    # DMA is not ready at first
    f.m.outb(0x0a, 6)
    f.put([0x46, 0, 50, 0, 1, 2, 18, 0x1b, 0xff])
    f.dma(0x44, BUF, 512)
    f.wait_irq()
    same(f.result(7)[:3], [0, 0, 0], "a transfer waits for its channel")
    check(f.m.read(BUF, 512) == data[at(50, 0, 1):][:512], "and gets its data")
    f.m.close()


def writing():
    data = image(DISK)
    f = Fdc("-drive", f"if=floppy,file={DISK},format=raw")
    text = rnd.randbytes(512 * 3)
    f.m.write(BUF, text)
    f.seek(2)
    st = f.move(0xc5, 2, 0, 17, 3, 0x48)
    check(not st[0] & 0xc0 and not st[1] | st[2], "WRITE of three sectors over the head", st)
    with open(DISK, "rb") as x:
        now = x.read()
    off = (2 * 2 * 18 + 16) * 512
    check(now == data[:off] + text + data[off + 1536:], "they are where they should be")
    # format cylinder 3, head 1
    f.seek(3, 1)
    f.m.write(BUF, b"".join(bytes([3, 1, r, 2]) for r in range(1, 19)))
    f.dma(0x48, BUF, 18 * 4)
    f.put([0x4d, 4, 2, 18, 0x50, 0xf6])
    f.wait_irq()
    same(f.result(7)[:3], [4, 0, 0], "FORMAT TRACK")
    with open(DISK, "rb") as x:
        x.seek((3 * 2 + 1) * 18 * 512)
        check(x.read(18 * 512) == b"\xf6" * 18 * 512, "the track is filled")
    f.m.close()
    f = Fdc("-drive", f"if=floppy,file={DISK},format=raw,readonly=on")
    st = f.move(0xc5, 0, 0, 1, 1, 0x48)
    same((st[0] & 0xc0, st[1]), (0x40, 2), "a write-protected medium")
    same(f.cmd([4, 0], 1)[0] & 0x40, 0x40, "which SENSE DRIVE tells")
    f.m.close()


def fifo():
    data = image(DISK)
    f = Fdc("-fda", DISK)
    f.cmd([3, 0xdf, 3])
    f.put([0x46, 0, 0, 0, 1, 2, 2, 0x1b, 0xff])
    got = b""
    for _ in range(1024):
        for _ in range(10000):
            if f.msr() & 0xe0 == 0xe0:
                break
        got += bytes([f.m.inb(BASE + 5)])
    check(got == data[:1024], "two sectors by the FIFO")
    f.wait_irq()
    same(f.result(7)[1], 0x80, "without terminal count: end of cylinder")
    f.put([0x45, 0, 0, 0, 3, 2, 3, 0x1b, 0xff])
    for i in range(512):
        for _ in range(10000):
            if f.msr() & 0xe0 == 0xa0:
                break
        f.m.outb(BASE + 5, i & 255)
    f.wait_irq()
    f.result(7)
    with open(DISK, "rb") as x:
        x.seek(1024)
        check(x.read(512) == bytes(range(256)) * 2, "a sector written by the FIFO")
    f.m.close()


def media():
    data, other = image(DISK), image(OTHER, 1440 * 512)
    sock = os.path.join(tmp, "qmp")
    f = Fdc("-fda", DISK, "-qmp", f"unix:{sock},server=on,wait=off")
    q = Qmp(sock)
    same(f.m.inb(BASE + 7) & 0x80, 0x80, "the line says changed until a step")
    f.seek(1)
    same(f.m.inb(BASE + 7) & 0x80, 0, "after it the medium is known")
    r = q("blockdev-change-medium", device="floppy0", filename=OTHER, format="raw")
    same(r, {}, "another medium")
    same(f.m.inb(BASE + 7) & 0x80, 0x80, "changed")
    f.seek(0)
    f.m.outb(BASE + 7, 2)
    st, got = f.read(0, 0, 1, 9, eot=9)
    check(got == other[:512 * 9] and not st[0] & 0xc0, "its first track at 250 kbit/s", st)
    same(f.cmd([4, 0], 1)[0] & 0x40, 0, "it can be written")
    q("blockdev-change-medium", **{"device": "floppy0", "filename": OTHER, "format": "raw", "read-only-mode": "read-only"})
    same(f.cmd([4, 0], 1)[0] & 0x40, 0x40, "changed once more, read-only")
    q("eject", device="floppy0")
    st, got = f.read(0, 0, 1, 1)
    check(st[0] & 0xc0 == 0x40, "no medium: an error", st)
    f.m.close()


def cmos(args, a, b):
    m = Machine("-m", "16", *args)
    m.outb(0x70, 0x10)
    v = m.inb(0x71)
    m.outb(0x70, 0x14)
    e = m.inb(0x71)
    same((v, e & 0xc1), (a << 4 | b, (0x41 if a and b else 1 if a or b else 0)), f"CMOS types of {' '.join(args) or 'nothing'}"
         .replace(tmp, ""))
    m.close()


def types():
    image(DISK)
    image(OTHER, 720 * 512)
    big = os.path.join(tmp, "big")
    image(big, 5760 * 512)
    cmos([], 0, 0)
    cmos(["-fda", DISK], 4, 0)
    cmos(["-fda", big, "-fdb", OTHER], 5, 2)
    cmos(["-drive", "if=floppy"], 5, 0)
    cmos(["-drive", f"if=none,id=x,file={DISK},format=raw"] + (["-device", "floppy,drive=x,unit=0"] if REFERENCE else
                                                              ["-global", "isa-fdc.driveA=x"]), 4, 0)
    cmos(["-drive", "if=floppy", "-global", "isa-fdc.fdtypeA=120"], 2, 0)


def hostile():
    image(DISK)
    f = Fdc("-fda", DISK)
    m = f.m
    for i in range(3000):
        p = rnd.choice([BASE + 2, BASE + 4, BASE + 5, BASE + 5, BASE + 5, BASE + 7, 0x0a, 0x0b, 0x81, 4, 5, 0xf, 0x8])
        if rnd.random() < .3:
            m.inb(p)
        else:
            m.outb(p, rnd.choice([0, 4, 6, 0x46, 0x45, 0x4d, 0xe6, 0x4a, 1, 2, rnd.getrandbits(8)]))
        if i % 200 == 0:
            m.step(1000000)
    m.outb(0x0d, 0)
    m.outb(0x08, 0)
    f.reset()
    f.seek(0)
    check(not f.read(0, 0, 1, 1)[0][0] & 0xc0, "it works after 3000 random accesses")
    m.close()


try:
    main(controllers, commands, reading, writing, fifo, media, types, hostile)
finally:
    shutil.rmtree(tmp)
