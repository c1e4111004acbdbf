#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The PIIX3 IDE channels, an ATA disk and an ATAPI CD-ROM: registers, PIO, DMA, packets."""
import os, random, resource, shutil, struct, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, Qmp, check, same, main

REFERENCE = os.environ.get("QTEST_REFERENCE")
SIZE, CD_SECTORS = 8 << 20, 300
tmp = tempfile.mkdtemp()
DISK, CD = os.path.join(tmp, "disk"), os.path.join(tmp, "cd")
rnd = random.Random(1)
ERR, DRQ, READY, BSY = 1, 8, 0x40, 0x80
BM, PRD, DATA = 0xc040, 0x8000, 0x100000


class Channel:
    def __init__(self, m, base=0x1f0, ctl=0x3f6, bm=BM):
        self.m, self.base, self.ctl, self.bm = m, base, ctl, bm

    def reg(self, n): return self.m.inb(self.base + n)
    def set(self, n, v): self.m.outb(self.base + n, v)
    def task(self): return [self.reg(n) for n in range(1, 7)]

    def wait(self):
        """-> status once the drive is not busy; the main loop runs between two questions"""
        for _ in range(100000):
            s = self.m.inb(self.ctl)
            if not s & BSY:
                return self.reg(7)
        raise TimeoutError(f"busy: {s:#x}")

    def command(self, cmd, lba=0, count=1, unit=0, feature=0, ext=False):
        self.set(6, 0xa0 | unit << 4)
        if ext:
            for n, v in ((1, feature >> 8), (2, count >> 8), (3, lba >> 24), (4, lba >> 32), (5, lba >> 40)):
                self.set(n, v & 255)
        for n, v in ((1, feature), (2, count), (3, lba), (4, lba >> 8), (5, lba >> 16)):
            self.set(n, v & 255)
        self.set(6, 0xe0 | unit << 4 | (0 if ext else lba >> 24 & 15))
        self.set(7, cmd)

    def take(self, n):
        return b"".join(struct.pack("<H", self.m.inw(self.base)) for _ in range(n // 2))

    def give(self, data):
        for i in range(0, len(data), 2):
            self.m.outw(self.base, data[i] | data[i + 1] << 8)

    def identify(self, unit=0, cmd=0xec):
        self.command(cmd, unit=unit)
        s = self.wait()
        assert s & DRQ, hex(s)
        return struct.unpack("<256H", self.take(512))

    def pio_read(self, cmd, lba, count, block=1, ext=False):
        self.command(cmd, lba, count, ext=ext)
        out = b""
        while count:
            s = self.wait()
            assert s & DRQ and not s & ERR, hex(s)
            out += self.take(512 * min(count, block))
            count -= min(count, block)
        return out, self.wait()

    def pio_write(self, cmd, lba, data, block=1, ext=False):
        n = len(data) // 512
        self.command(cmd, lba, n, ext=ext)
        while data:
            s = self.wait()
            assert s & DRQ and not s & ERR, hex(s)
            self.give(data[:512 * block])
            data = data[512 * block:]
        return self.wait()

    def prd(self, pieces):
        raw = b"".join(struct.pack("<II", a, n & 0xffff | (0x80000000 if i == len(pieces) - 1 else 0))
                       for i, (a, n) in enumerate(pieces))
        self.m.write(PRD, raw)
        self.m.outl(self.bm + 4, PRD)

    def dma(self, cmd, pieces, to_memory, **kw):
        """-> bus master status, drive status"""
        self.m.outb(self.bm, 0)
        self.m.outb(self.bm + 2, 6)
        self.prd(pieces)
        self.command(cmd, **kw)
        return self.start(to_memory)

    def start(self, to_memory):
        self.m.outb(self.bm, 1 | (8 if to_memory else 0))
        for _ in range(100000):
            s = self.m.inb(self.bm + 2)
            if s & 4 or not s & 1:
                break
        d = self.wait()
        self.m.outb(self.bm, 0)
        return s, d

    def packet(self, cdb, limit=2048, unit=0):
        """-> data by PIO, status, pieces"""
        self.set(6, 0xa0 | unit << 4)
        self.set(1, 0)
        self.set(4, limit & 255)
        self.set(5, limit >> 8)
        self.set(7, 0xa0)
        assert self.wait() & DRQ and self.reg(2) & 3 == 1
        self.give(bytes(cdb) + bytes(12 - len(cdb)))
        data, pieces = b"", []
        while True:
            s = self.wait()
            if not s & DRQ:
                return data, s, pieces
            n = self.reg(4) | self.reg(5) << 8
            pieces.append(n)
            data += self.take(n + 1 & ~1)

    def sense(self, unit=0):
        d = self.packet([3, 0, 0, 0, 18], unit=unit)[0]
        return d[2] & 15, d[12]


def machine(*args):
    m = Machine("-m", "16", *args)
    m.pci_write(1, 1, 0x20, BM | 1)
    m.pci_write(1, 1, 4, 5, 2)  # I/O and bus master
    return m


def disk_machine():
    return machine("-drive", f"file={DISK},format=raw,if=ide", "-drive",
                   f"file={CD},format=raw,if=ide,index=2,media=cdrom")


def image():
    with open(DISK, "rb") as f:
        return f.read()


def text(words):
    return b"".join(struct.pack(">H", w) for w in words).decode().rstrip()


def identify():
    m = disk_machine()
    c, c2 = Channel(m), Channel(m, 0x170, 0x376, BM + 8)
    same(c.task(), [0 if REFERENCE else c.reg(1), 1, 1, 0, 0, 0xa0], "signature of a disk after reset")
    same(c2.task()[1:], [1, 1, 0x14, 0xeb, 0xa0], "signature of a CD-ROM after reset")
    w = c.identify()
    same((text(w[10:20]), text(w[23:27]), text(w[27:47])), ("QM00001", "2.5+", "QEMU HARDDISK"), "names")
    same(w[60] | w[61] << 16, SIZE // 512, "28-bit capacity")
    same(sum(w[100 + i] << 16 * i for i in range(4)), SIZE // 512, "48-bit capacity")
    same((w[1], w[3], w[6]), (SIZE // 512 // (16 * 63), 16, 63), "geometry")
    same((w[82], w[83], w[88]), (0x4021, 0x7400, 0x203f), "features")
    w = c2.identify(cmd=0xa1)
    same((text(w[10:20]), text(w[27:47])), ("QM00003", "QEMU DVD-ROM"), "names of the CD-ROM")
    c2.command(0xec)
    same((c2.wait() & (ERR | DRQ), c2.reg(1), c2.reg(4), c2.reg(5)), (ERR, 4, 0x14, 0xeb),
         "IDENTIFY DEVICE of a CD-ROM shows its signature")
    c.set(6, 0xb0)
    same(c.reg(7), 0, "an absent drive has status 0")
    c.set(6, 0xa0)
    c.command(0xff)
    same((c.wait(), c.reg(1)), (0x41, 4), "an unknown command is aborted")
    m.close()


def pio():
    m = disk_machine()
    c = Channel(m)
    a, b = rnd.randbytes(512 * 3), rnd.randbytes(512 * 16)
    same(c.pio_write(0x30, 100, a) & (ERR | DRQ | READY), READY, "WRITE SECTORS")
    same(c.pio_read(0x20, 100, 3), (a, 0x50), "READ SECTORS gives them back")
    c.command(0xc6, count=8)
    same(c.wait(), 0x50, "SET MULTIPLE MODE 8")
    same(c.pio_write(0xc5, 5000, b, 8) & ERR, 0, "WRITE MULTIPLE")
    same(c.pio_read(0x29, 5000, 16, 8, True), (b, 0x50), "READ MULTIPLE EXT")
    c.command(0xe7)
    same(c.wait(), 0x50, "FLUSH CACHE")
    same((image()[51200:][:1536], image()[5000 * 512:][:8192]), (a, b), "the image has them")
    # CHS: track 3 of cylinder 1
    c.set(2, 1), c.set(3, 5), c.set(4, 1), c.set(5, 0), c.set(6, 0xa3), c.set(7, 0x20)
    same((c.wait() & DRQ, c.take(512)), (DRQ, image()[((16 + 3) * 63 + 4) * 512:][:512]), "by CHS")
    c.command(0x20, SIZE // 512 - 1, 2)
    same(c.wait() & (ERR | DRQ), ERR, "reading past the end fails")
    c.command(0x20, SIZE // 512, 1)
    same(c.wait() & (ERR | DRQ), ERR, "and behind it")
    c.command(0xc6, count=3)
    same(c.wait() & ERR, ERR, "SET MULTIPLE MODE 3 is refused")
    # half a sector, then a soft reset
    c.command(0x20, 100, 3)
    c.wait()
    c.take(256)
    m.outb(0x3f6, 4)
    m.outb(0x3f6, 0)
    same((c.wait() & DRQ, c.task()[1:5]), (0, [1, 1, 0, 0]), "soft reset in the middle of a sector")
    same(c.pio_read(0x20, 100, 1)[0], a[:512], "works afterwards")
    c.command(0x90)
    same((c.wait() & (ERR | DRQ), c.reg(1)), (0, 1), "diagnostics pass")
    m.close()


def dma():
    m = disk_machine()
    c = Channel(m)
    a = rnd.randbytes(1 << 17)
    m.write(DATA, a)
    pieces = [(DATA, 512), (DATA + 512, 0x8000 - 512), (DATA + 0x8000, 0x8000), (DATA + 0x10000, 0)]
    same(c.dma(0xca, pieces, False, lba=7, count=0), (4, 0x50), "WRITE DMA of 256 sectors, 4 pieces")
    c.command(0xe7)
    c.wait()
    same(image()[7 * 512:][:1 << 17], a, "the image has them")
    m.write(DATA, bytes(1 << 17))
    same(c.dma(0xc8, [(DATA + 2, 1024)], True, lba=9, count=2), (4, 0x50), "READ DMA")
    same(m.read(DATA, 1028), bytes(2) + a[1024:2048] + bytes(2), "to its place")
    same(c.dma(0x25, [(DATA, 0), (DATA + 65536, 0)], True, lba=7, count=256, ext=True), (4, 0x50),
         "READ DMA EXT, pieces of 64 KiB")
    same(m.read(DATA, 1 << 17), a, "all of it")
    # the engine started before the command
    m.outb(c.bm + 2, 6)
    c.prd([(DATA, 512)])
    m.outb(c.bm, 9)
    c.command(0xc8, 7, 1)
    same((c.wait(), m.inb(c.bm + 2) & 7), (0x50, 4), "started before the command")
    m.outb(c.bm, 0)
    s, d = c.dma(0xc8, [(DATA, 4096)], True, lba=7, count=1)
    same((s & 7, d), (5, 0x50), "a list longer than the transfer: still active")
    s, d = c.dma(0xc8, [(DATA, 512)], True, lba=7, count=2)
    same((s & 5, d & BSY), (0, 0), "a list too short: stopped, no interrupt")
    s, d = c.dma(0xc8, [(0xf0000000, 512)], True, lba=7, count=1)
    check(not d & BSY, "into nowhere: not stuck")
    m.outb(0x3f6, 4)
    m.outb(0x3f6, 0)
    c.wait()
    m.pci_write(1, 1, 4, 1, 2)
    s, d = c.dma(0xc8, [(DATA, 512)], True, lba=7, count=1)
    check(not d & BSY and not s & 1, "bus mastering off: not stuck")
    m.pci_write(1, 1, 4, 5, 2)
    m.outb(0x3f6, 4)
    m.outb(0x3f6, 0)
    c.wait()
    same(c.dma(0xc8, [(DATA, 512)], True, lba=8, count=1), (4, 0x50), "works afterwards")
    same(m.read(DATA, 512), a[512:1024], "with the right sector")
    m.close()


def irq():
    m = disk_machine()
    c = Channel(m)
    m.outb(c.bm + 2, 6)
    c.command(0xe7)
    while m.inb(0x3f6) & BSY:
        pass
    same(m.inb(c.bm + 2) & 4, 4, "the interrupt shows in the bus master")
    m.outb(c.bm + 2, 4)
    same(m.inb(c.bm + 2) & 4, 0, "and is cleared there")
    c.reg(7)
    m.outb(0x3f6, 2)
    c.command(0xe7)
    c.wait()
    same(m.inb(c.bm + 2) & 4, 0, "nIEN keeps it off")
    m.close()


def trim():
    m = disk_machine()
    c = Channel(m)
    m.write(DATA, struct.pack("<QQ", 16 | 8 << 48, 64 | 1 << 48) + bytes(496))
    same(c.dma(0x06, [(DATA, 512)], False, count=1, feature=1, ext=True), (4, 0x50), "TRIM")
    m.close()


def cdrom():
    m = disk_machine()
    c = Channel(m, 0x170, 0x376, BM + 8)
    cd = open(CD, "rb").read()
    same(c.packet([0])[1], 0x50, "TEST UNIT READY")
    d, s, p = c.packet([0x12, 0, 0, 0, 36])
    same((d[0], d[1], d[8:16], d[16:32]), (5, 0x80, b"QEMU    ", b"QEMU DVD-ROM    "), "INQUIRY")
    same(c.packet([0x25])[0], struct.pack(">II", CD_SECTORS - 1, 2048), "READ CAPACITY")
    d, s, p = c.packet([0x28, 0, 0, 0, 0, 16, 0, 0, 5], 0xfffe)
    same((d, s), (cd[16 * 2048:21 * 2048], 0x50), "READ(10)")
    d, s, p = c.packet([0x28, 0, 0, 0, 0, 16, 0, 0, 2], 512)
    same((d, p), (cd[16 * 2048:18 * 2048], [512] * 8), "in pieces of 512 bytes")
    d, s, p = c.packet([0xa8, 0, 0, 0, 0, 100, 0, 0, 0, 64], 0x8000)
    same(d, cd[100 * 2048:164 * 2048], "READ(12) of 64 sectors")
    d, s, p = c.packet([0xbe, 0, 0, 0, 0, 3, 0, 0, 2, 0xf8], 0xfffe)
    same((len(d), d[16:2064], d[12:16]), (4704, cd[3 * 2048:4 * 2048], b"\0\2\3\1"), "READ CD, raw")
    d, s, p = c.packet([0x43, 2, 0, 0, 0, 0, 0, 0, 20])
    same(d.hex(), "0012010100140100000002000016aa0000000600", "READ TOC, times")
    same(c.packet([0x43, 0, 1, 0, 0, 0, 0, 0, 12])[0].hex(), "000a01010014010000000000", "sessions")
    d, s, p = c.packet([0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64])
    same(d.hex(), "001c7000000000002a143b007160290002c00002020002c0000000000000", "MODE SENSE")
    d, s, p = c.packet([0x46, 0, 0, 0, 0, 0, 0, 0, 64])
    same(d.hex(), "0000001000000008000003080010000000080100", "GET CONFIGURATION")
    d, s, p = c.packet([0x51, 0, 0, 0, 0, 0, 0, 0, 34])
    same(len(d), 34, "READ DISC INFORMATION")
    d, s, p = c.packet([0xee])
    same((s & (ERR | DRQ), c.reg(1), c.sense()), (ERR, 0x50, (5, 0x20)), "an unknown packet")
    d, s, p = c.packet([0x28, 0, 0, 0xff, 0xff, 0xff, 0, 0, 1])
    same((s & ERR, c.sense()), (ERR, (5, 0x21)), "behind the end")
    same(c.packet([0x12, 0, 0, 0, 36], 0)[1], 0x41, "a limit of 0 bytes is refused")
    if not REFERENCE:  # it never ends there
        same(c.packet([0x12, 0, 0, 0, 5])[2], [5], "an odd length")

    def packet_dma(cdb, pieces):
        m.outb(c.bm, 0)
        m.outb(c.bm + 2, 6)
        c.prd(pieces)
        c.set(6, 0xa0), c.set(1, 1), c.set(4, 0), c.set(5, 0), c.set(7, 0xa0)
        c.wait()
        c.give(bytes(cdb) + bytes(12 - len(cdb)))
        return c.start(True)

    m.write(DATA, bytes(65536))
    same(packet_dma([0x28, 0, 0, 0, 0, 50, 0, 0, 20], [(DATA, 40960)]), (4, 0x50), "READ(10) by DMA")
    same(m.read(DATA, 40962), cd[50 * 2048:70 * 2048] + bytes(2), "to its place")
    same(packet_dma([0x12, 0, 0, 0, 36], [(DATA, 36)]), (4, 0x50), "INQUIRY by DMA")
    same(m.read(DATA + 8, 4), b"QEMU", "to its place")
    m.close()


def tray():
    m = disk_machine()
    c = Channel(m, 0x170, 0x376, BM + 8)
    event = lambda: c.packet([0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8])[0].hex()
    c.packet([0])
    same(event(), "0004041000020000", "no event, a medium")
    c.packet([0x1e, 0, 0, 0, 1])
    d, s, p = c.packet([0x1b, 0, 0, 0, 2])
    same((s & ERR, c.sense()), (ERR, (2, 0x53)), "a locked tray stays shut")
    c.packet([0x1e])
    same(c.packet([0x1b, 0, 0, 0, 2])[1], 0x50, "eject")
    same((c.packet([0])[1] & ERR, c.sense()), (ERR, (2, 0x3a)), "no medium")
    same(event()[8:12], "0001", "open")
    same(c.packet([0x28, 0, 0, 0, 0, 0, 0, 0, 1])[1] & (ERR | DRQ), ERR, "nothing to read")
    c.packet([0x1b, 0, 0, 0, 3])
    for _ in range(3):
        if not c.packet([0])[1] & ERR:
            break
    same(c.packet([0])[1], 0x50, "shut again")
    c.set(7, 8)
    same(c.wait() & (BSY | DRQ | ERR), 0, "DEVICE RESET")
    same(c.task()[1:5], [1, 1, 0x14, 0xeb], "shows the signature")
    m.close()


def media():
    """the user takes the medium out and puts another one in"""
    sock, other = os.path.join(tmp, "qmp2"), os.path.join(tmp, "cd2")
    open(other, "wb").write(b"other".ljust(2048) * 100)
    m = machine("-qmp", f"unix:{sock},server=on,wait=off", "-drive",
                f"file={CD},format=raw,if=ide,index=2,media=cdrom")
    c, q = Channel(m, 0x170, 0x376, BM + 8), Qmp(sock)
    event = lambda: c.packet([0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8])[0][4:6].hex()
    c.packet([0x1e, 0, 0, 0, 1])
    check("error" in q("eject", device="ide1-cd0"), "eject of a locked medium is refused")
    same(event()[:2], "01", "but the guest hears of the wish")
    same(event()[:2], "00", "once")
    c.packet([0x1e])
    same(q("eject", device="ide1-cd0"), {}, "eject")
    same((c.packet([0])[1] & ERR, c.sense()), (ERR, (2, 0x3a)), "no medium")
    same(q("blockdev-change-medium", device="ide1-cd0", filename=other, format="raw"), {}, "change")
    same(event()[:2], "02", "new medium")
    same((c.packet([0])[1] & ERR, c.sense()), (ERR, (2, 0x3a)), "told: not ready")
    same((c.packet([0])[1] & ERR, c.sense()), (ERR, (6, 0x28)), "told: may have changed")
    same(c.packet([0])[1], 0x50, "ready")
    same(c.packet([0x25])[0], struct.pack(">II", 99, 2048), "its size")
    same(c.packet([0x28, 0, 0, 0, 0, 9, 0, 0, 1])[0][:5], b"other", "its data")
    m.close()


def parked():
    """werror=stop: the request waits in the drive until the machine goes on"""
    sock, limit = os.path.join(tmp, "qmp"), 1 << 20
    m = Machine("-m", "16", "-qmp", f"unix:{sock},server=on,wait=off", "-drive",
                f"file={DISK},format=raw,if=ide,werror=stop", restore_signals=False)
    m.pci_write(1, 1, 0x20, BM | 1)
    m.pci_write(1, 1, 4, 5, 2)
    c, q = Channel(m), Qmp(sock)
    fsize = lambda n: resource.prlimit(m.p.pid, resource.RLIMIT_FSIZE, (n, resource.RLIM_INFINITY))

    def stopped():
        for _ in range(1000):
            if q("query-status")["status"] == "io-error":
                return True
        return False

    for what, start in (("DMA", lambda data: c.dma(0xca, [(DATA, 4096)], False, lba=9000, count=8)),
                        ("PIO", lambda data: (c.command(0xc5, 9000, 8), c.wait(), c.give(data)))):
        data = rnd.randbytes(4096)
        m.write(DATA, data)
        m.outb(c.bm + 2, 6)
        fsize(limit)
        Channel.wait, wait = (lambda self: 0) if what == "DMA" else Channel.wait, Channel.wait
        Channel.start, real = lambda self, to: m.outb(self.bm, 1), Channel.start
        start(data)
        Channel.wait, Channel.start = wait, real
        check(stopped(), f"{what}: a failed write stops the machine")
        same((m.inb(0x3f6) & BSY, m.inb(c.bm + 2) & 4), (BSY, 0), f"{what}: busy, no interrupt")
        q("cont")
        check(stopped(), f"{what}: and again while the disk is full")
        fsize(resource.RLIM_INFINITY)
        q("cont")
        same(c.wait(), 0x50, f"{what}: goes on when there is room")
        same(m.inb(c.bm + 2) & 4, 4, f"{what}: with its interrupt")
        m.outb(c.bm, 0)
        c.command(0xe7)
        c.wait()
        same(image()[9000 * 512:][:4096], data, f"{what}: the image has the data")
    m.close()


def noise():
    """whatever the host writes, the machine lives and both drives still answer"""
    m = disk_machine()
    r = random.Random(7)
    ports = [0x1f0 + i for i in range(8)] + [0x170 + i for i in range(8)] + [0x3f6, 0x376] + \
        [BM + i for i in range(16)]
    for _ in range(3000):
        p = r.choice(ports)
        v = r.choice([r.getrandbits(8), 0xa0, 0xc8, 0xca, 0xec, 0x20, 0x30, 0x29, 0xe7, 1, 9])
        if p & 7 == 0 and r.random() < .5:
            (m.outw if r.random() < .5 else m.outl)(p, v)
        elif r.random() < .3:
            m.inb(p)
        else:
            m.outb(p, v)
    m.outb(BM, 0)
    m.outb(BM + 8, 0)
    for c in (Channel(m), Channel(m, 0x170, 0x376, BM + 8)):
        m.outb(c.ctl, 4)
        m.outb(c.ctl, 0)
        c.wait()
    same(text(Channel(m).identify()[27:47]), "QEMU HARDDISK", "the disk answers after noise")
    same(Channel(m, 0x170, 0x376).identify(cmd=0xa1)[0], 0x85c0, "the CD-ROM too")
    m.close()


try:
    with open(DISK, "wb") as f:
        f.write(rnd.randbytes(SIZE))
    with open(CD, "wb") as f:
        f.write(rnd.randbytes(CD_SECTORS * 2048))
    main(identify, pio, dma, irq, trim, cdrom, tray, media, parked, noise)
finally:
    shutil.rmtree(tmp)
