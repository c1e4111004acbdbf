#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The LSI 53C895A, driven by scripts of the test's own: commands with and without disconnection,
tags, phase mismatches, resets, hostile scripts."""
import os, random, shutil, struct, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, check, same, main

REFERENCE = os.environ.get("QTEST_REFERENCE")
tmp = tempfile.mkdtemp()
DISK, CD = os.path.join(tmp, "disk"), os.path.join(tmp, "cd")
rnd = random.Random(1)
IO, MMIO, RAM = 0xc000, 0xfeb00000, 0xfeb02000
CODE, MSG, CDB, STATUS, MSGIN, DATA = 0x10000, 0x11000, 0x11100, 0x11200, 0x11300, 0x100000
OUT, IN, COMMAND, STAT, MSG_OUT, MSG_IN = 0, 1, 2, 3, 6, 7


def move(phase, n, addr): return (0x08 | phase) << 24 | n, addr
def jump_when(phase, to): return 0x80000000 | phase << 24 | 0x0b0000, to
def jump(to): return 0x80080000, to
def stop(code): return 0x98080000, code


class Lsi:
    def __init__(self, *args, slot=4):
        self.m = m = Machine("-m", "16", "-device", f"lsi53c895a,id=lsi,addr={slot:#x}", *args)
        for n, base in ((0x10, IO), (0x14, MMIO), (0x18, RAM)):
            m.pci_write(slot, 0, n, base)
        m.pci_write(slot, 0, 4, 7, 2)
        self.slot = slot

    def r(self, n): return self.m.inb(IO + n)
    def w(self, n, v): self.m.outb(IO + n, v)
    def r32(self, n): return self.m.inl(IO + n)

    def load(self, words, at=CODE):
        self.m.write(at, b"".join(struct.pack("<II", *w) for w in words))

    def go(self, at=CODE):
        self.m.outl(IO + 0x2c, at)

    def wait(self):
        """-> istat, dstat, sist0, sist1 once there is an interrupt"""
        for _ in range(100000):
            i = self.r(0x14)
            if i & 3:
                return i & 3, self.r(0x0c) & 0x7f, self.r(0x42), self.r(0x43)
        raise TimeoutError(f"istat {i:#x} dsp {self.r32(0x2c):#x}")

    def script(self, target, n_msg, n_cdb, data):
        """One command; DATA in either direction, a target may disconnect at any time."""
        data_in, data_out, message, status, loop = (CODE + 8 * n for n in (9, 11, 13, 21, 3))
        return [(0x41000000 | target << 16, CODE + 8 * 30), move(MSG_OUT, n_msg, MSG), move(COMMAND, n_cdb, CDB),
                jump_when(IN, data_in), jump_when(OUT, data_out), jump_when(STAT, status), jump_when(MSG_IN, message),
                stop(0xbad), stop(0xbad),
                move(IN, data, DATA), jump(loop), move(OUT, data, DATA), jump(loop),
                # save pointers, disconnect; then its return: identify and perhaps a tag
                move(MSG_IN, 2, MSGIN), (0x48000000, 0), (0x50000000, CODE + 8 * 30),
                move(MSG_IN, 1, MSGIN + 4), jump_when(MSG_IN, CODE + 8 * 19), jump(loop),
                move(MSG_IN, 2, MSGIN + 5), jump(loop),
                move(STAT, 1, STATUS), move(MSG_IN, 1, MSGIN), (0x48000000, 0), stop(0x600d)] + \
            [stop(0xbad)] * 5 + [stop(0xa17)]

    def command(self, target, cdb, out=b"", n=0, identify=0xc0, tag=None, lun=0):
        """-> status, data; the script ended as it should"""
        msg = bytes([identify | lun]) + (bytes([0x20, tag]) if tag is not None else b"")
        self.m.write(MSG, msg)
        self.m.write(CDB, bytes(cdb))
        if out:
            self.m.write(DATA, out)
        self.load(self.script(target, len(msg), len(cdb), len(out) or n))
        self.go()
        end = self.wait()
        assert end == (1, 4, 0, 0) and self.r32(0x30) == 0x600d, (end, hex(self.r32(0x30)))
        return self.m.read(STATUS, 1)[0], self.m.read(DATA, n)


def machine():
    with open(DISK, "wb") as f:
        f.write(bytes(1 << 20))
    with open(CD, "wb") as f:
        f.write(rnd.randbytes(2048 * 100))
    return Lsi("-drive", f"file={DISK},format=raw,if=none,id=hd,serial=abc", "-device", "scsi-hd,bus=lsi.0,drive=hd,scsi-id=1",
               "-drive", f"file={CD},format=raw,if=none,id=cd,readonly=on", "-device", "scsi-cd,bus=lsi.0,drive=cd,scsi-id=3")


def registers():
    d = Lsi()
    same(d.m.pci_read(4, 0, 0), 0x00121000, "vendor and device")
    same(d.m.pci_read(4, 0, 0x2c), 0x10000000, "subsystem")
    same((d.r(0x0c), d.r(0x00), d.r(0x4d), d.r(0x14)), (0x80, 0xc0, 0, 0), "values after reset")
    d.m.outl(IO + 0x10, 0x12345678)
    same(d.m.read(MMIO + 0x10, 4), b"\x78\x56\x34\x12", "the same registers as memory")
    d.m.write(RAM + 4096, b"script")
    same(d.m.read(RAM + 4096, 6), b"script", "RAM of its own")
    d.w(0x14, 0x40)
    d.w(0x14, 0)
    same(d.r32(0x10), 0, "a soft reset clears registers")
    d.w(0x5c, 0x5a)
    d.load([(0x7a5c0500, 0), (0x7e5c0100, 0), (0x725c0000, 0), (0xe1340004, CODE + 0x80), (0xe0340004, CODE + 0x84),
            stop(7)])
    d.m.write(CODE + 0x80, b"\1\2\3\4")
    d.go()
    same(d.wait(), (1, 4, 0, 0), "a script ends with an interrupt")
    same((d.r(0x5c), d.r(0x08), d.m.read(CODE + 0x84, 4)), (0x60, 0x60, b"\1\2\3\4"), "arithmetic, load and store")
    d.m.write(DATA, rnd.randbytes(9000))
    d.load([(0xc0000000 | 9000, DATA), (DATA + 0x10000, 0)])
    d.m.write(CODE + 12, b"".join(struct.pack("<I", v) for v in stop(8)))
    d.go()
    d.wait()
    check(d.m.read(DATA, 9000) == d.m.read(DATA + 0x10000, 9000), "a memory move")
    d.m.write(CODE, struct.pack("<III", 0xc0000004, DATA, MMIO + 0x34) + struct.pack("<II", *stop(9)))
    d.go()
    d.wait()
    same(d.m.inl(IO + 0x34), int.from_bytes(d.m.read(DATA, 4), "little"), "a memory move to a register")
    d.m.close()


def commands():
    d = machine()
    for ident, what in ((0xc0, "with disconnection"), (0x80, "holding the bus")):
        st, data = d.command(1, [0x12, 0, 0, 0, 36, 0], n=36, identify=ident)
        same((st, data[8:28]), (0, b"QEMU    QEMU HARDDIS"), f"INQUIRY {what}")
    st, _ = d.command(1, [0] * 6)
    same(st, 2, "news of the power")
    st, data = d.command(1, [3, 0, 0, 0, 18, 0], n=18)
    same((st, data[2], data[12]), (0, 6, 0x29), "and its sense")
    same(d.command(1, [0] * 6)[0], 0, "TEST UNIT READY")
    text = rnd.randbytes(512 * 300)
    st, _ = d.command(1, [0x2a, 0, 0, 0, 0, 7, 0, 1, 44, 0], out=text, tag=9)
    same(st, 0, "a tagged WRITE of 300 blocks")
    st, data = d.command(1, [0x28, 0, 0, 0, 0, 7, 0, 1, 44, 0], n=len(text), tag=10)
    check(st == 0 and data == text, "READ gives them back")
    d.command(1, [0x35] + [0] * 9)
    with open(DISK, "rb") as f:
        check(f.read()[7 * 512:307 * 512] == text, "and they are in the file")
    d.command(3, [0] * 6)
    st, data = d.command(3, [0x28, 0, 0, 0, 0, 90, 0, 0, 10, 0], n=20480)
    with open(CD, "rb") as f:
        check(st == 0 and data == f.read()[90 * 2048:], "READ of the CD-ROM")
    d.load(d.script(5, 1, 6, 0))
    d.go()
    i = d.wait()
    same((i[0], i[2], i[3]), (2, 0, 4), "a target that is not there: selection time-out")
    d.m.close()


def stable():
    """Without a write cache WRITE SAME outlives the program"""
    image = os.path.join(tmp, "image")
    subprocess.run([os.environ["BUILD"] + "/qemu-img", "create", "-q", "-f", "qcow2", image, "1M"], check=True)
    args = ["-drive", f"file={image},format=qcow2,if=none,id=hd", "-device",
            "scsi-hd,bus=lsi.0,drive=hd,scsi-id=1,write-cache=off"]
    d = Lsi(*args)
    d.command(1, [0] * 6)
    a, b = rnd.randbytes(512 * 256), rnd.randbytes(512)
    same(d.command(1, [0x2a, 0, 0, 0, 0, 0, 0, 1, 0, 0], out=a)[0], 0, "WRITE of 256 blocks")
    same(d.command(1, [0x41, 0, 0, 0, 0, 128, 0, 0, 128, 0], out=bytes(512))[0], 0, "WRITE SAME of zeros")
    same(d.command(1, [0x41, 0, 0, 0, 1, 0, 0, 0, 128, 0], out=b)[0], 0, "WRITE SAME of something")
    d.m.close()
    d = Lsi(*args)
    d.command(1, [0] * 6)
    st, data = d.command(1, [0x28, 0, 0, 0, 0, 0, 0, 1, 128, 0], n=512 * 384)
    check(st == 0 and data == a[:65536] + bytes(65536) + b * 128, "a killed program leaves all of it")
    d.m.close()


def table(d, entries):
    d.m.write(0x12000, b"".join(struct.pack("<II", *e) for e in entries))
    d.m.outl(IO + 0x10, 0x12000)


def mismatch():
    d = machine()
    d.command(1, [0] * 6)
    d.m.write(MSG, b"\x80")
    d.m.write(CDB, bytes([0x12, 0, 0, 0, 36, 0]))
    table(d, [(1 << 16, 0), (1, MSG), (6, CDB), (100, DATA), (1, STATUS), (1, MSGIN)])

    def script():
        tab = lambda phase, n: ((0x18 | phase) << 24, 8 * n)
        return [(0x43000000, CODE + 0x100), tab(MSG_OUT, 1), tab(COMMAND, 2), tab(IN, 3), tab(STAT, 4), tab(MSG_IN, 5),
                (0x48000000, 0), stop(0x600d)]
    if not REFERENCE:  # there the target leaves the bus whatever it is told
        d.load(script())
        d.go()
        same(d.wait(), (2, 0, 0x80, 0), "fewer data than the script moves: phase mismatch")
        same((d.r32(0x24) & 0xffffff, d.r32(0x28), d.r(0x0e) & 7), (64, DATA + 36, 3), "what is left, and the phase")
        d.go(CODE + 32)
        same((d.wait(), d.m.read(STATUS, 1), d.m.read(MSGIN, 1)), ((1, 4, 0, 0), b"\0", b"\0"), "the script goes on")
        d.w(0x56, 0xc0)
        d.load(script())
        d.load([stop(0x111)], CODE + 0x200)
        d.load([stop(0x222)], CODE + 0x210)
        d.m.outl(IO + 0xc0, CODE + 0x200)
        d.m.outl(IO + 0xc4, CODE + 0x210)
        d.go()
        same((d.wait(), d.r32(0x30)), ((1, 4, 0, 0), 0x222), "the jump on a mismatch")
        same((d.r32(0xc8), d.r32(0xcc), d.r32(0xd0), d.r32(0xd4), d.r32(0xd8) & 0xffffff),
             (0x19000000 | 64, DATA + 36, 0x12018, CODE + 24, 36), "and what its registers say")
    d.m.close()


def resets():
    d = machine()
    d.command(1, [0] * 6)
    d.w(0x40, 0xff)
    d.w(0x01, 8)
    same(d.wait()[2], 2, "the bus's reset line interrupts")
    d.w(0x01, 0)
    same(d.command(1, [0] * 6)[0], 2, "and the disk has news of it")
    same(d.command(1, [0] * 6)[0], 0, "once")
    # a bus device reset message
    d.m.write(MSG, b"\x80\x0c")
    d.load([(0x41010000, 0), move(MSG_OUT, 2, MSG), (0x48000000, 0), stop(3)])
    d.go()
    same((d.wait(), d.r32(0x30)), ((1, 4, 0, 0), 3), "BUS DEVICE RESET frees the bus")
    # SIGP wakes a script that waits for a reselection
    d.load([(0x50000000, CODE + 16), stop(1), stop(2)])
    d.go()
    d.w(0x14, 0x20)
    same((d.wait(), d.r32(0x30)), ((1, 4, 0, 0), 2), "SIGP")
    same((d.r(0x1a) & 0x40, d.r(0x1a) & 0x40), (0x40, 0), "which CTEST2 shows once")
    d.load([jump(CODE)])
    d.go()
    d.w(0x14, 0x80)
    same(d.wait()[:2], (1, 0x10), "an endless script is aborted")
    d.w(0x14, 0)
    d.m.close()


def hostile():
    d = machine()
    for i in range(200):
        words = []
        for _ in range(40):
            op = rnd.choice([0x00, 0x40, 0x80, 0xc0, 0xe0, 0x18, 0x08, 0x41])
            words.append(((op | rnd.getrandbits(5)) << 24 | rnd.getrandbits(24) & rnd.choice([0xffffff, 0xff, 0xf0000]),
                          (rnd.choice([CODE, DATA, MMIO, RAM, 0xfffffff0, 0]) + rnd.getrandbits(8)) & 0xffffffff))
        d.load(words)
        d.go()
        for _ in range(20):
            d.w(rnd.randrange(256), rnd.getrandbits(8))
            d.r(rnd.randrange(256))
        d.w(0x14, 0x40 if i % 3 else 0x80)
        d.w(0x14, 0)
    d.w(0x14, 0x40)
    d.w(0x14, 0)
    d.m.close()
    d = machine()
    d.command(1, [0] * 6)
    same(d.command(1, [0] * 6)[0], 0, "it works after hostile scripts")
    d.m.close()


try:
    main(*([registers, commands, mismatch, resets] + ([] if REFERENCE else [stable, hostile])))
finally:
    shutil.rmtree(tmp)
