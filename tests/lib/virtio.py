# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtio driver over qtest: it sets a PCI device up by either interface and fills its rings by
hand, well or badly."""
import struct

NEXT, WRITE, INDIRECT = 1, 2, 4
AVAIL, USED = 1 << 7, 1 << 15
ACK, DRIVER, DRIVER_OK, FEATURES_OK, NEEDS_RESET = 1, 2, 4, 8, 64
F_INDIRECT, F_EVENT_IDX, F_VERSION_1, F_PACKED, F_RESET = 28, 29, 32, 34, 40
LETTER = {1: "b", 2: "w", 4: "l", 8: "q"}
IO_BASE, MEM_BASE, MSIX_BASE = 0xc000, 0xfe000000, 0xfe100000


class Device:
    def __init__(self, m, slot=2, modern=True):
        self.m, self.slot, self.modern = m, slot, modern
        self.heap = 0x200000 + slot * 0x100000
        self.io = IO_BASE + slot * 0x100
        self.mem = MEM_BASE + slot * 0x10000
        self.msix = MSIX_BASE + slot * 0x10000
        m.pci_write(slot, 0, 0x10, self.io)
        m.pci_write(slot, 0, 0x14, self.msix)
        m.pci_write(slot, 0, 0x20, self.mem)
        m.pci_write(slot, 0, 0x24, 0)
        m.pci_write(slot, 0, 4, 7, 2)
        self.caps = self.find_caps()
        self.features = 0

    def find_caps(self):
        at, found = self.m.pci_read(self.slot, 0, 0x34, 1), {}
        while at:
            kind, nxt = self.m.pci_read(self.slot, 0, at, 1), self.m.pci_read(self.slot, 0, at + 1, 1)
            if kind == 9:
                t = self.m.pci_read(self.slot, 0, at + 3, 1)
                found.setdefault(t, (at, self.m.pci_read(self.slot, 0, at + 8),
                                     self.m.pci_read(self.slot, 0, at + 12)))
            elif kind == 0x11:
                found["msix"] = (at,)
            at = nxt
        return found

    def alloc(self, n, align=16):
        self.heap = self.heap + align - 1 & -align
        self.heap += n
        return self.heap - n

    # ---- registers ----
    def get(self, off, size):
        return int(self.m.ask(f"read{LETTER[size]} {self.mem + off:#x}")[0], 0)

    def set(self, off, size, v):
        self.m.ask(f"write{LETTER[size]} {self.mem + off:#x} {v:#x}")

    @property
    def status(self):
        return self.get(20, 1) if self.modern else self.m.inb(self.io + 18)

    @status.setter
    def status(self, v):
        self.set(20, 1, v) if self.modern else self.m.outb(self.io + 18, v)

    @property
    def isr(self):
        return self.get(0x1000, 1) if self.modern else self.m.inb(self.io + 19)

    def offered(self):
        if not self.modern:
            return self.m.inl(self.io)
        v = 0
        for i in range(2):
            self.set(0, 4, i)
            v |= self.get(4, 4) << 32 * i
        return v

    def take(self, features):
        self.features = features
        if not self.modern:
            self.m.outl(self.io + 4, features)
            return
        for i in range(2):
            self.set(8, 4, i)
            self.set(12, 4, features >> 32 * i & 0xffffffff)

    def has(self, bit):
        return self.features >> bit & 1

    def config(self, off, size):
        if self.modern:
            return self.get(0x2000 + off, size)
        return {1: self.m.inb, 2: self.m.inw, 4: self.m.inl}[size](self.io + 20 + off)

    def negotiate(self, want=None, without=()):
        """Reset, features: all that is offered (of want) but the bits of without; -> accepted"""
        self.reset()
        self.status = ACK
        self.status = ACK | DRIVER
        f = self.offered()
        if want is not None:
            f &= want | 1 << F_VERSION_1
        for b in without:
            f &= ~(1 << b)
        self.take(f)
        if self.modern:
            self.status = ACK | DRIVER | FEATURES_OK
            return bool(self.status & FEATURES_OK)
        return True

    def reset(self):
        """Without a processor that could wait, requests in flight end first"""
        self.status = 0
        for _ in range(20000):
            if not self.status:
                return
        raise TimeoutError("reset")

    def ready(self):
        self.status = self.status | DRIVER_OK

    def queue(self, n, size=None):
        """Sets queue n up in fresh memory; -> Split or Packed"""
        if self.modern:
            self.set(22, 2, n)
            size = size or self.get(24, 2)
            self.set(24, 2, size)
        else:
            self.m.outw(self.io + 14, n)
            size = self.m.inw(self.io + 12)
        q = (Packed if self.has(F_PACKED) else Split)(self, n, size)
        if self.modern:
            for off, a in ((32, q.desc), (40, q.avail), (48, q.used)):
                self.set(off, 4, a & 0xffffffff)
                self.set(off + 4, 4, a >> 32)
            self.set(28, 2, 1)
        else:
            self.m.outl(self.io + 8, q.desc >> 12)
        return q

    def kick(self, n):
        if self.modern:
            self.set(0x3000 + 4 * n, 2, n)
        else:
            self.m.outw(self.io + 16, n)

    def turn(self, until, what="", tries=20000):
        """The main loop runs between two questions"""
        for _ in range(tries):
            if until():
                return True
            if self.modern and self.status & NEEDS_RESET:
                return False
        raise TimeoutError(what)


class Ring:
    def __init__(self, dev, n, size):
        self.dev, self.m, self.n, self.size = dev, dev.m, n, size

    def kick(self):
        """As a driver that saves every notification the device does not ask for"""
        if self.wanted():
            self.dev.kick(self.n)

    def put(self, addr, fmt, *v):
        self.m.write(addr, struct.pack("<" + fmt, *v))

    def get(self, addr, fmt):
        return struct.unpack("<" + fmt, self.m.read(addr, struct.calcsize("<" + fmt)))

    def buffers(self, out, inn):
        """-> [(addr, len, flags)]; out: bytes each, inn: lengths"""
        bufs = []
        for data in out:
            a = self.dev.alloc(max(len(data), 1))
            self.m.write(a, data)
            bufs.append((a, len(data), 0))
        for n in inn:
            a = self.dev.alloc(max(n, 1))
            self.m.write(a, bytes(n))
            bufs.append((a, n, WRITE))
        return bufs

    def request(self, out, inn, indirect=False):
        """One element, kicked and waited for; -> bytes used, contents of inn"""
        bufs = self.buffers(out, inn)
        self.add(bufs, indirect)
        self.kick()
        if not self.dev.turn(lambda: self.done(), "no answer"):
            return None, []
        ident, n = self.pop()
        return n, [self.m.read(a, ln) for a, ln, f in bufs if f & WRITE]


class Split(Ring):
    def __init__(self, dev, n, size):
        super().__init__(dev, n, size)
        self.desc = dev.alloc(size * 16 + 6 + 2 * size + 4096 + 6 + 8 * size, 4096)
        self.avail = self.desc + 16 * size
        self.used = self.avail + 6 + 2 * size + 4095 & -4096
        self.m.write(self.desc, bytes(self.used + 6 + 8 * size - self.desc))
        self.free, self.idx, self.seen, self.told = 0, 0, 0, 0

    def descriptor(self, i, addr, n, flags=0, nxt=0):
        self.put(self.desc + 16 * i, "QIHH", addr, n, flags, nxt)

    def table(self, bufs):
        t = self.dev.alloc(16 * len(bufs))
        for i, (a, n, f) in enumerate(bufs):
            last = i == len(bufs) - 1
            self.put(t + 16 * i, "QIHH", a, n, f | (0 if last else NEXT), 0 if last else i + 1)
        return t

    def offer(self, head):
        self.put(self.avail + 4 + 2 * (self.idx % self.size), "H", head)
        self.idx = self.idx + 1 & 0xffff
        self.put(self.avail + 2, "H", self.idx)

    def add(self, bufs, indirect=False):
        if indirect:
            bufs = [(self.table(bufs), 16 * len(bufs), INDIRECT)]
        head = self.free
        for i, (a, n, f) in enumerate(bufs):
            at = (head + i) % self.size
            last = i == len(bufs) - 1
            self.descriptor(at, a, n, f | (0 if last else NEXT), 0 if last else (at + 1) % self.size)
        self.free = (head + len(bufs)) % self.size
        self.offer(head)
        return head

    def wanted(self):
        old, self.told = self.told, self.idx
        if self.dev.has(F_EVENT_IDX):
            return (self.idx - self.avail_event() - 1) & 0xffff < (self.idx - old) & 0xffff
        return not self.get(self.used, "H")[0] & 1

    def used_idx(self):
        return self.get(self.used + 2, "H")[0]

    def done(self):
        return self.used_idx() != self.seen

    def pop(self):
        e = self.get(self.used + 4 + 8 * (self.seen % self.size), "II")
        self.seen = self.seen + 1 & 0xffff
        return e

    def set_used_event(self, v):
        self.put(self.avail + 4 + 2 * self.size, "H", v)

    def avail_event(self):
        return self.get(self.used + 4 + 8 * self.size, "H")[0]


class Packed(Ring):
    def __init__(self, dev, n, size):
        super().__init__(dev, n, size)
        self.desc = dev.alloc(size * 16 + 8, 4096)
        self.avail = self.desc + 16 * size
        self.used = self.avail + 4
        self.m.write(self.desc, bytes(size * 16 + 8))
        self.at, self.wrap, self.seen, self.seen_wrap, self.ids, self.slots = 0, 1, 0, 1, 0, {}
        self.added = self.told = 0

    def table(self, bufs):
        t = self.dev.alloc(16 * len(bufs))
        for i, (a, n, f) in enumerate(bufs):
            self.put(t + 16 * i, "QIHH", a, n, 0, f)
        return t

    def add(self, bufs, indirect=False):
        if indirect:
            bufs = [(self.table(bufs), 16 * len(bufs), INDIRECT)]
        ident, first = self.ids % self.size, None
        self.ids += 1
        for i, (a, n, f) in enumerate(bufs):
            f |= NEXT if i < len(bufs) - 1 else 0
            f |= AVAIL if self.wrap else USED
            self.put(self.desc + 16 * self.at, "QIH", a, n, ident)
            if i:
                self.put(self.desc + 16 * self.at + 14, "H", f)
            else:
                first = self.desc + 16 * self.at + 14, f
            self.at += 1
            if self.at == self.size:
                self.at, self.wrap = 0, self.wrap ^ 1
        self.slots[ident] = len(bufs)
        self.added += len(bufs)
        self.put(first[0], "H", first[1])
        return ident

    def wanted(self):
        old, self.told = self.told, self.added
        off, flags = self.get(self.used, "HH")
        if flags < 2:
            return flags == 0
        ev = (off & 0x7fff) - (self.size if off >> 15 != self.wrap else 0)
        return (self.at - ev - 1) & 0xffff < (self.added - old) & 0xffff

    def done(self):
        f = self.get(self.desc + 16 * self.seen + 14, "H")[0]
        return bool(f & AVAIL) == bool(f & USED) == bool(self.seen_wrap)

    def pop(self):
        n, ident = self.get(self.desc + 16 * self.seen + 8, "IH")
        self.seen += self.slots.pop(ident)
        if self.seen >= self.size:
            self.seen, self.seen_wrap = self.seen - self.size, self.seen_wrap ^ 1
        return ident, n
