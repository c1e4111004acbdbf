# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers of network cards for device tests: each sends and receives frames on a qtest machine.

All have mac(), reset(), start(), send(frame), take() -> frames received so far, given back to the card;
RING: how many frames of 60 bytes the card takes before take() is called (None: by bytes).
"""
import struct


def le32(m, addr): return struct.unpack("<I", m.read(addr, 4))[0]
def le16(m, addr): return struct.unpack("<H", m.read(addr, 2))[0]


def microwire(read, wires, addr, addr_bits=6):
    """One word of a 93Cx6. wires(cs, sk, di); read() -> DO."""
    wires(0, 0, 0)
    for b in [1, 1, 0] + [addr >> i & 1 for i in range(addr_bits - 1, -1, -1)]:
        wires(1, 0, b)
        wires(1, 1, b)
    v = 0
    for _ in range(16):
        wires(1, 0, 0)
        wires(1, 1, 0)
        v = v << 1 | read()
    wires(0, 0, 0)
    return v


class Nic:
    PCI = True
    MEM_BAR, IO_BAR = None, None
    model = None

    def __init__(self, m, slot=5, ram=0x100000):
        self.m, self.slot, self.ram = m, slot, ram
        self.mem, self.port = 0xe0000000 + slot * 0x100000, 0xc000 + slot * 0x100
        if not self.PCI:
            return
        if self.MEM_BAR is not None:
            m.pci_write(slot, 0, 0x10 + 4 * self.MEM_BAR, self.mem)
        if self.IO_BAR is not None:
            m.pci_write(slot, 0, 0x10 + 4 * self.IO_BAR, self.port)
        m.pci_write(slot, 0, 4, 7, 2)

    def r32(self, off): return int(self.m.ask(f"readl {self.mem + off:#x}")[0], 0)
    def w32(self, off, v): self.m.ask(f"writel {self.mem + off:#x} {v & 0xffffffff:#x}")
    def r16(self, off): return int(self.m.ask(f"readw {self.mem + off:#x}")[0], 0)
    def w16(self, off, v): self.m.ask(f"writew {self.mem + off:#x} {v & 0xffff:#x}")
    def r8(self, off): return int(self.m.ask(f"readb {self.mem + off:#x}")[0], 0)
    def w8(self, off, v): self.m.ask(f"writeb {self.mem + off:#x} {v & 0xff:#x}")
    def irq(self): return bool(self.m.pci_read(self.slot, 0, 6, 2) & 8)


class E1000(Nic):
    model, MEM_BAR, IO_BAR = "e1000", 0, 1
    N, BUF = 16, 2048
    RING = 15

    def mac(self):
        w = []
        for a in range(3):
            self.w32(0x14, 1 | a << 8)
            v = self.r32(0x14)
            assert v & 0x10, hex(v)
            w.append(v >> 16)
        return struct.pack("<3H", *w)

    def reset(self): self.w32(0, 1 << 26)

    def start(self, rctl=0x8002, tctl=2):
        self.tx, self.rx, self.data = self.ram, self.ram + 0x1000, self.ram + 0x10000
        self.tail = self.head = 0
        for i in range(self.N):
            self.m.write(self.rx + 16 * i, struct.pack("<QQ", self.buffer(i), 0))
        for base, ring in ((0x3800, self.tx), (0x2800, self.rx)):
            self.w32(base, ring)
            self.w32(base + 4, 0)
            self.w32(base + 8, 16 * self.N)
            self.w32(base + 0x10, 0)
        self.w32(0x2818, self.N - 1)
        self.w32(0x3818, 0)
        self.w32(0x400, tctl)
        self.w32(0x100, rctl)

    def buffer(self, i): return self.data + self.BUF * i

    def post(self, desc):
        """One transmit descriptor of 16 bytes; the card is not told."""
        self.m.write(self.tx + 16 * self.tail, desc)
        self.tail = (self.tail + 1) % self.N

    def kick(self): self.w32(0x3818, self.tail)

    def send(self, frame, cmd=0x0b):
        at = self.ram + 0x40000 + 0x1000 * (self.tail % 16)
        self.m.write(at, frame)
        self.post(struct.pack("<QHBBBBH", at, len(frame), 0, cmd, 0, 0, 0))
        self.kick()

    def held(self): return self.r32(0x3810) != self.r32(0x3818)

    def take_raw(self):
        """-> [(data with FCS, check sum, status, errors, special)] a descriptor"""
        out = []
        while True:
            n, csum, sta, err, special = struct.unpack("<HHBBH", self.m.read(self.rx + 16 * self.head + 8, 8))
            if not sta & 1:
                break
            out.append((self.m.read(self.buffer(self.head), n), csum, sta, err, special))
            self.m.write(self.rx + 16 * self.head + 8, bytes(8))
            self.head = (self.head + 1) % self.N
        if out:
            self.w32(0x2818, (self.head - 1) % self.N)
        return out

    def take(self):
        out, cur = [], b""
        for data, _, sta, _, _ in self.take_raw():
            cur += data
            if sta & 2:
                out.append(cur[:-4])
                cur = b""
        return out


class Rtl8139(Nic):
    """Classic mode: four transmit slots, one receive buffer of 8 KiB."""
    model, IO_BAR, MEM_BAR = "rtl8139", 0, 1
    RING = None

    def mac(self):
        def wires(cs, sk, di): self.w8(0x50, 0x80 | cs << 3 | sk << 2 | di << 1)
        return struct.pack("<3H", *(microwire(lambda: self.r8(0x50) & 1, wires, a) for a in (7, 8, 9)))

    def reset(self): self.w8(0x37, 0x10)

    def start(self):
        self.slot_n, self.at = 0, 0
        self.reset()
        assert not self.r8(0x37) & 0x10
        self.w32(0x30, self.ram + 0x10000)
        self.w8(0x37, 0x0c)
        self.w32(0x44, 0x0e)  # APM, AM, AB
        self.w32(0x40, 0x700)

    def send(self, frame):
        n = self.slot_n
        at = self.ram + 0x1000 * n
        self.m.write(at, frame)
        self.w32(0x20 + 4 * n, at)
        self.w32(0x10 + 4 * n, len(frame))
        self.slot_n = (n + 1) % 4

    def held(self): return not self.r32(0x10 + 4 * ((self.slot_n - 1) % 4)) & 0x2000

    def take(self):
        out = []
        while not self.r8(0x37) & 1:
            buf = self.m.read(self.ram + 0x10000, 8192)
            buf += buf
            sta, n = struct.unpack("<HH", buf[self.at:self.at + 4])
            assert sta & 1, hex(sta)
            out.append(buf[self.at + 4:self.at + n])
            self.at = (self.at + n + 4 + 3 & ~3) % 8192
            self.w16(0x38, self.at - 16)
        self.w16(0x3e, 0xffff)
        return out


class Rtl8139Cp(Rtl8139):
    """C+ mode: rings."""
    N, RING = 8, 8

    def start(self):
        self.tail = self.head = 0
        self.reset()
        self.tx, self.rx = self.ram, self.ram + 0x1000
        for i in range(self.N):
            self.m.write(self.tx + 16 * i, bytes(16))
            self.give(i)
        self.w16(0xe0, 0x03)
        self.w32(0x20, self.tx)
        self.w32(0x24, 0)
        self.w32(0xe4, self.rx)
        self.w32(0xe8, 0)
        self.w8(0x37, 0x0c)
        self.w32(0x44, 0x0e)

    def eor(self, i): return 1 << 30 if i == self.N - 1 else 0

    def give(self, i):
        self.m.write(self.rx + 16 * i, struct.pack("<IIQ", 1 << 31 | self.eor(i) | 2048, 0,
                                                   self.ram + 0x10000 + 2048 * i))

    def post(self, at, n, opts=3 << 28, vlan=0):
        i = self.tail
        self.m.write(self.tx + 16 * i, struct.pack("<IIQ", 1 << 31 | self.eor(i) | opts | n, vlan, at))
        self.tail = (i + 1) % self.N

    def kick(self): self.w8(0xd9, 0x40)

    def send(self, frame, opts=3 << 28, vlan=0):
        at = self.ram + 0x40000 + 0x1000 * self.tail
        self.m.write(at, frame)
        self.post(at, len(frame), opts, vlan)
        self.kick()

    def held(self): return bool(le32(self.m, self.tx + 16 * ((self.tail - 1) % self.N)) & 1 << 31)

    def take_raw(self):
        out = []
        while True:
            opts, vlan, at = struct.unpack("<IIQ", self.m.read(self.rx + 16 * self.head, 16))
            if opts & 1 << 31:
                break
            out.append((self.m.read(at, opts & 0x1fff), opts, vlan))
            self.give(self.head)
            self.head = (self.head + 1) % self.N
        self.w16(0x3e, 0xffff)
        return out

    def take(self): return [d[:-4] for d, _, _ in self.take_raw()]


class Ne2k(Nic):
    model, IO_BAR = "ne2k_pci", 0
    RING = None
    TX, START, STOP = 0x40, 0x46, 0x80

    def r(self, reg): return self.m.inb(self.port + reg)
    def w(self, reg, v): self.m.outb(self.port + reg, v & 255)

    def remote(self, addr, n, read):
        self.w(0, 0x22)
        for reg, v in ((0xa, n), (0xb, n >> 8), (8, addr), (9, addr >> 8)):
            self.w(reg, v)
        self.w(0, 0x0a if read else 0x12)

    def fetch(self, addr, n):
        n2 = n + 1 & ~1
        self.remote(addr, n2, True)
        out = b"".join(struct.pack("<H", self.m.inw(self.port + 0x10)) for _ in range(n2 // 2))
        return out[:n]

    def mac(self):
        self.w(0xe, 0x49)
        return self.fetch(0, 32)[:12:2]

    def reset(self): self.m.inb(self.port + 0x1f)

    def start(self):
        self.reset()
        assert self.r(7) & 0x80
        self.w(0, 0x21)
        for reg, v in ((0xe, 0x49), (0xa, 0), (0xb, 0), (0xc, 0x04), (0xd, 2), (1, self.START), (2, self.STOP),
                       (3, self.START), (7, 0xff), (0xf, 0x3f)):
            self.w(reg, v)
        mac = self.mac()
        self.w(0, 0x61)
        for i, b in enumerate(mac):
            self.w(1 + i, b)
        self.w(7, self.START + 1)
        self.w(0, 0x22)
        self.w(0xd, 0)

    def send(self, frame):
        data = frame + bytes(len(frame) & 1)
        self.remote(self.TX << 8, len(data), False)
        for i in range(0, len(data), 2):
            self.m.outw(self.port + 0x10, data[i] | data[i + 1] << 8)
        assert self.r(7) & 0x40
        self.w(7, 0x40)
        for reg, v in ((4, self.TX), (5, len(frame)), (6, len(frame) >> 8), (0, 0x26)):
            self.w(reg, v)

    def held(self): return bool(self.r(0) & 4)

    def take(self):
        out = []
        while True:
            self.w(0, 0x62)
            curr = self.r(7)
            self.w(0, 0x22)
            at = self.r(3) + 1
            if at >= self.STOP:
                at = self.START
            if at == curr:
                break
            sta, nxt, n = struct.unpack("<BBH", self.fetch(at << 8, 4))
            assert sta & 1, (sta, nxt, n)
            out.append(self.fetch((at << 8) + 4, n - 4))  # the remote DMA wraps as the ring does
            self.w(3, nxt - 1 if nxt > self.START else self.STOP - 1)
            self.w(7, 1)
        return out


class Ne2kIsa(Ne2k):
    model, PCI = "ne2k_isa", False

    def __init__(self, m, slot=0, ram=0):
        super().__init__(m, slot, ram)
        self.port = 0x300

    def irq(self): return bool(self.m.inb(0xa0) >> 1 & 1)  # IRR of the slave, IRQ 9


class Pcnet(Nic):
    """Software style 2, 32-bit descriptors, word I/O."""
    model, IO_BAR, MEM_BAR = "pcnet", 0, 1
    LOG, STYLE = 3, 2
    N = RING = 8

    def rap(self, n): self.m.outw(self.port + 0x12, n)

    def csr(self, n):
        self.rap(n)
        return self.m.inw(self.port + 0x10)

    def set_csr(self, n, v):
        self.rap(n)
        self.m.outw(self.port + 0x10, v & 0xffff)

    def set_bcr(self, n, v):
        self.rap(n)
        self.m.outw(self.port + 0x16, v)

    def mac(self): return bytes(self.m.inb(self.port + i) for i in range(6))

    def desc(self, ring, i): return ring + (8 if self.STYLE == 0 else 16) * i

    def put(self, ring, i, addr, n, flags):
        """flags: the upper 16 bits of the word with OWN"""
        bcnt = -n & 0xffff
        if self.STYLE == 0:
            raw = struct.pack("<IHH", addr | (flags >> 8) << 24, bcnt, 0)
        else:
            w = [addr, bcnt | flags << 16, 0, 0]
            if self.STYLE == 3:
                w[0], w[2] = w[2], w[0]
            raw = struct.pack("<4I", *w)
        self.m.write(self.desc(ring, i), raw)

    def get(self, ring, i):
        """-> flags, third word"""
        raw = self.m.read(self.desc(ring, i), 8 if self.STYLE == 0 else 16)
        if self.STYLE == 0:
            a, _, m = struct.unpack("<IHH", raw)
            return a >> 24 << 8, m
        w = struct.unpack("<4I", raw)
        return w[1] >> 16, w[0] if self.STYLE == 3 else w[2]

    def reset(self): self.m.inw(self.port + 0x14)

    def start(self, mode=0):
        self.reset()
        self.tx, self.rx, self.tail, self.head = self.ram + 0x1000, self.ram + 0x2000, 0, 0
        mac = self.mac()
        for i in range(self.N):
            self.give(i)
            self.put(self.tx, i, 0, 0, 0)
        if self.STYLE == 0:
            block = struct.pack("<H", mode) + mac + bytes(8) + struct.pack(
                "<II", self.rx | self.LOG << 29, self.tx | self.LOG << 29)
        else:
            block = struct.pack("<HBB", mode, self.LOG << 4, self.LOG << 4) + mac + bytes(10) + struct.pack(
                "<II", self.rx, self.tx)
        self.m.write(self.ram, block)
        self.set_bcr(20, self.STYLE)
        self.set_csr(1, self.ram)
        self.set_csr(2, self.ram >> 16)
        self.set_csr(0, 1)
        assert self.csr(0) & 0x100, hex(self.csr(0))
        self.set_csr(0, 0x142)

    def give(self, i): self.put(self.rx, i, self.ram + 0x10000 + 2048 * i, 2048 - 512, 0x8000)

    def send(self, frame):
        at = self.ram + 0x40000 + 0x1000 * self.tail
        self.m.write(at, frame)
        self.put(self.tx, self.tail, at, len(frame), 0x8300)
        self.tail = (self.tail + 1) % self.N
        self.set_csr(0, 0x48)

    def held(self): return self.csr(0) & 0x200 == 0  # the tests clear TINT before they ask

    def take(self):
        out = []
        while True:
            flags, mcnt = self.get(self.rx, self.head)
            if flags & 0x8000:
                break
            out.append(self.m.read(self.ram + 0x10000 + 2048 * self.head, (mcnt & 0xfff) - 4))
            self.give(self.head)
            self.head = (self.head + 1) % self.N
        self.set_csr(0, 0x7f40)
        return out


class Pcnet0(Pcnet):
    STYLE = 0


class Pcnet3(Pcnet):
    STYLE = 3


class I8255x(Nic):
    model, MEM_BAR, IO_BAR = "i82551", 0, 1
    N, RING = 8, 7

    def mac(self):
        def wires(cs, sk, di): self.w16(0xe, cs << 1 | sk | di << 2)
        return struct.pack("<3H", *(microwire(lambda: self.r16(0xe) >> 3 & 1, wires, a) for a in range(3)))

    def scb(self, cmd, pointer=None):
        if pointer is not None:
            self.w32(4, pointer)
        self.w8(2, cmd)

    def command(self, op, data=b"", flags=0x8000):
        """One action command alone; -> its status"""
        at = self.ram + 0x4000
        self.m.write(at, struct.pack("<HHI", 0, flags | op, 0xffffffff) + data)
        self.scb(0x10, at)
        return le16(self.m, at)

    CONFIG = [22, 8, 0, 0, 0, 0, 0x32, 0, 0, 0, 0x2e, 0, 0x60, 0, 0xf2, 0x48, 0, 0x40, 0xf2, 0x80, 0x3f, 5]

    def rfd(self, i): return self.ram + 0x10000 + 2048 * i

    def give(self, i, last):
        self.m.write(self.rfd(i), struct.pack("<HHIIHH", 0, 0x8000 if last else 0, self.rfd((i + 1) % self.N),
                                              0xffffffff, 0, 1536))

    def reset(self): self.w32(8, 0)  # by PORT
    def selective(self): self.w32(8, 2)

    def start(self, config=None):
        self.reset()
        self.scb(0x60, 0)
        self.scb(0x06, 0)
        self.head, self.cb = 0, 0
        assert self.command(1, self.mac()) == 0xa000
        assert self.command(2, bytes(config or self.CONFIG)) == 0xa000
        for i in range(self.N):
            self.give(i, i == self.N - 2)
        self.scb(0x01, self.rfd(0))

    def send(self, frame):
        at = self.ram + 0x40000 + 0x1000 * self.cb
        self.m.write(at, struct.pack("<HHIIHBB", 0, 0x8000 | 4, 0, 0xffffffff, 0x8000 | len(frame), 1, 0) + frame)
        self.last, self.cb = at, (self.cb + 1) % 8
        self.scb(0x10, at)

    def held(self): return not le16(self.m, self.last) & 0x8000

    def take(self):
        out = []
        while True:
            sta, _, _, _, n, _ = struct.unpack("<HHIIHH", self.m.read(self.rfd(self.head), 16))
            if not sta & 0x8000:
                break
            out.append(self.m.read(self.rfd(self.head) + 16, n & 0x3fff))
            self.give(self.head, True)
            last = (self.head - 1) % self.N
            self.m.write(self.rfd(last) + 2, b"\0\0")
            self.head = (self.head + 1) % self.N
        if self.r8(0) >> 2 & 15 == 2:
            # the one before head has EL; what is free begins at head
            self.w8(1, 0xff)
            self.scb(0x01, self.rfd(self.head))
        return out


ALL = [E1000, Rtl8139, Rtl8139Cp, Ne2k, Ne2kIsa, Pcnet0, Pcnet, Pcnet3, I8255x]
