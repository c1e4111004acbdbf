#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-net by hand: two NICs on one hub. Frames both ways, mergeable buffers, back-pressure,
checksums and segmentation left to the device, the receive filter, the link, hostile headers."""
import os, random, struct, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, Qmp, check, same, skip, main
from virtio import *

rnd = random.Random(3)
RX, TX, CTRL = 0, 1, 2
CSUM, GUEST_CSUM, GUEST_TSO4, HOST_TSO4, MRG, STATUS, CTRL_VQ, CTRL_RX, CTRL_VLAN = 0, 1, 7, 11, 15, 16, 17, 18, 19
MACS = [bytes.fromhex("5254001234" + x) for x in ("56", "57")]
ALL = b"\xff" * 6


def machine(a="", b="", *more):
    return Machine("-m", "32", "-device", "virtio-net-pci,addr=2,vlan=0,romfile=,id=n0" + a, "-device",
                   "virtio-net-pci,addr=3,vlan=0,romfile=,id=n1" + b, *more)


class Nic:
    def __init__(self, m, slot, modern=True, without=(), buffers=64, size=2048, sizes=None):
        self.d = Device(m, slot, modern)
        self.m = m
        self.d.negotiate(without=without)
        self.hdr = 12 if modern or self.d.has(MRG) else 10
        self.rx, self.tx = self.d.queue(RX), self.d.queue(TX)
        self.ctrl = self.d.queue(CTRL) if self.d.has(CTRL_VQ) else None
        self.given = {}
        self.order = []
        self.d.ready()
        for _ in range(buffers):
            self.give(size)

    def give(self, size):
        bufs = self.rx.buffers([], [size] if isinstance(size, int) else size)
        self.given[self.rx.add(bufs)] = bufs
        self.rx.kick()

    def send(self, frame, hdr=None, split=None, wait=True):
        hdr = (hdr or b"") + bytes(self.hdr - len(hdr or b""))
        data = hdr + frame
        parts = [data[i:i + split] for i in range(0, len(data), split)] if split else [hdr, frame]
        self.tx.add(self.tx.buffers(parts, []))
        self.tx.kick()
        if wait:
            self.d.turn(self.tx.done, "sent")
            self.tx.pop()

    def got(self):
        return self.rx.done()

    def buffer(self):
        """One used receive buffer: its bytes"""
        ident, n = self.rx.pop()
        out = b""
        for a, ln, f in self.given.pop(ident):
            out += self.m.read(a, ln)
        return out[:n]

    def receive(self):
        """-> header, frame"""
        self.d.turn(self.got, "received")
        out = self.buffer()
        if self.hdr == 12:
            for _ in range(struct.unpack("<H", out[10:12])[0] - 1):
                out += self.buffer()
        return out[:self.hdr], out[self.hdr:]

    def control(self, klass, cmd, data):
        return self.ctrl.request([bytes([klass, cmd]), data], [1])[1][0][0]


def frame(dst, src, n, kind=b"\x08\x00"):
    return dst + src + kind + rnd.randbytes(n - 14)


def config():
    m = machine(",mac=52:54:00:aa:bb:cc,host_mtu=1400,speed=1000,duplex=full")
    a, b = Nic(m, 2), Nic(m, 3)
    same(bytes(a.d.config(i, 1) for i in range(6)), bytes.fromhex("525400aabbcc"), "mac=")
    same(bytes(b.d.config(i, 1) for i in range(6)), MACS[0], "the first default address")
    same((a.d.config(6, 2), a.d.config(10, 2), a.d.config(12, 4), a.d.config(16, 1)), (1, 1400, 1000, 1),
         "link, MTU, speed, duplex")
    same((m.pci_read(2, 0, 0), m.pci_read(2, 0, 0x2c), m.pci_read(2, 0, 0x0a, 2)), (0x10001af4, 0x00011af4, 0x200),
         "ids")
    m.close()


def frames():
    for name, dev, modern in (("split", "", True), ("packed", ",packed=on", True), ("legacy", "", False),
                              ("not mergeable", ",mrg_rxbuf=off", True),
                              ("legacy, 10 bytes of header", ",mrg_rxbuf=off", False)):
        m = machine(dev, dev)
        a, b = Nic(m, 2, modern), Nic(m, 3, modern)
        for n in (60, 61, 1000, 1514):
            f = frame(MACS[1], MACS[0], n)
            a.send(f)
            same(b.receive()[1], f, f"{name}: {n} bytes")
            f = frame(MACS[0], MACS[1], n)
            b.send(f, split=33)
            same(a.receive()[1], f, f"{name}: and back in pieces")
        f = frame(MACS[1], MACS[0], 20)
        a.send(f)
        same(b.receive()[1], f + bytes(40), f"{name}: a short one is padded")
        m.close()


def merged():
    for packed in ("", ",packed=on"):
        m = machine(packed, packed)
        a, b = Nic(m, 2), Nic(m, 3, buffers=40, size=100)
        f = frame(MACS[1], MACS[0], 1500)
        a.send(f)
        h, got = b.receive()
        same((got, struct.unpack("<H", h[10:])[0]), (f, 16), f"over 16 buffers of 100 bytes {packed}")
        for i in range(16):
            b.give(100)
        b.give([7, 50, 43])
        a.send(f)
        same(b.receive()[1], f, "some of them in pieces")
        m.close()


def pressure():
    """A full receive ring stops the sender; nothing is lost and the order stays"""
    for packed in ("", ",packed=on"):
        m = machine(packed, packed)
        a, b = Nic(m, 2), Nic(m, 3, buffers=0)
        fs = [frame(MACS[1], MACS[0], 200) for _ in range(40)]
        for f in fs:
            a.send(f, wait=False)
        for _ in range(20):
            a.d.status
        sent = 0
        while a.tx.done():
            a.tx.pop()
            sent += 1
        check(sent <= 32, f"the sender waits {packed}", sent)
        got = []
        for i in range(40):
            b.give(2048)
            got.append(b.receive()[1])
        same(got, fs, "all of them, in order")
        a.d.turn(a.tx.done)
        m.close()


def few():
    """Some buffers, not enough for the frame: the driver's next ones are heard of"""
    for packed in ("", ",packed=on"):
        m = machine(packed, packed)
        a, b = Nic(m, 2), Nic(m, 3, buffers=3, size=100)
        f = frame(MACS[1], MACS[0], 1500)
        a.send(f, wait=False)
        for _ in range(20):
            check(not b.got(), f"it waits {packed}")
        for _ in range(20):
            b.give(100)
        same(b.receive()[1], f, f"and arrives {packed}")
        m.close()


def reset():
    """The receiver is reset and its driver never comes back: the sender goes on, as without one"""
    m = machine()
    a, b = Nic(m, 2), Nic(m, 3, buffers=0)
    for _ in range(4):
        a.send(frame(MACS[1], MACS[0], 200), wait=False)
    sent = 0
    for _ in range(20):
        sent += bool(a.tx.done() and a.tx.pop())
    check(sent < 4, "the sender waits for the receiver", sent)
    b.d.status = 0
    for _ in range(20):
        sent += bool(a.tx.done() and a.tx.pop())
    same(sent, 4, "and goes on when that is reset")
    m.close()


def checksum(data):
    s = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) // 2 * 2])) + (data[-1] << 8 if len(data) % 2 else 0)
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return s


def tcp(n, payload=None):
    payload = payload or rnd.randbytes(n)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 7, 0x4000, 64, 6, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
    ip = ip[:10] + struct.pack(">H", checksum(ip) ^ 0xffff) + ip[12:]
    pseudo = ip[12:20] + struct.pack(">HH", 6, 20 + len(payload))
    t = struct.pack(">HHIIBBHHH", 1000, 2000, 5000, 0, 0x50, 0x18, 1000, checksum(pseudo), 0)
    return MACS[1] + MACS[0] + b"\x08\0" + ip + t + payload


def tcp_ok(f):
    ip, t = f[14:34], f[34:14 + struct.unpack(">H", f[16:18])[0]]
    return checksum(ip) == 0xffff and checksum(ip[12:20] + struct.pack(">HH", 6, len(t)) + t) == 0xffff


def offloads():
    m = machine("", "")
    a, b = Nic(m, 2), Nic(m, 3, without=(GUEST_CSUM, GUEST_TSO4))
    csum = struct.pack("<BBHHHH", 1, 0, 0, 0, 34, 16)
    f = tcp(1000)
    check(not tcp_ok(f), "a frame without its checksum")
    a.send(f, csum)
    h, got = b.receive()
    check(tcp_ok(got) and got[54:] == f[54:] and h[0] & 1 == 0, "is summed for who does not do it")
    gso = struct.pack("<BBHHHH", 1, 1, 54, 1460, 34, 16)
    f = tcp(8000)
    a.send(f, gso)
    data = b""
    for i in range(6):
        h, got = b.receive()
        check(tcp_ok(got) and len(got) <= 1514, f"segment {i}")
        same(struct.unpack(">I", got[38:42])[0], 5000 + len(data), "its sequence number")
        data += got[54:]
    same(data, f[54:], "together they are what was sent")
    m.close()
    m = machine("", "")
    a, b = Nic(m, 2), Nic(m, 3, size=65536, buffers=8)
    same(b.control(5, 0, struct.pack("<Q", 0)), 0, "no more of that")
    a.send(f, gso)
    h, got = b.receive()
    check(tcp_ok(got) and len(got) == 1514, "now it comes in segments")
    same(b.control(5, 0, struct.pack("<Q", 1 << 40)), 1, "offloads that were not negotiated")
    m.close()


def pairs():
    m = machine(",mq=on")
    a = Nic(m, 2)
    same((a.d.has(22), a.d.config(8, 2)), (1, 1), "mq=on: one pair of queues")
    same([a.control(4, 0, struct.pack("<H", n)) for n in (1, 2, 0)], [0, 1, 1], "and no other number")
    same(a.control(4, 1, b"\1\0"), 1, "nor hashing")
    m.close()


def filters():
    m = machine()
    a, b = Nic(m, 2), Nic(m, 3, without=(CTRL_VLAN,))
    other, multi = bytes.fromhex("525400999999"), bytes.fromhex("01005e000001")

    def arrives(dst, want, what, kind=b"\x08\0"):
        f, mark = frame(dst, MACS[0], 100, kind), frame(MACS[1], MACS[0], 100)
        a.send(f)
        a.send(mark)
        got = [b.receive()[1]]
        while got[-1] != mark:
            got.append(b.receive()[1])
        b.give(2048), b.give(2048)
        same(f in got, want, what)

    arrives(other, True, "promiscuous at first")
    same(b.control(0, 0, b"\0"), 0, "off")
    arrives(other, False, "another's address")
    arrives(ALL, True, "broadcast")
    arrives(multi, False, "multicast")
    same(b.control(0, 1, b"\1"), 0, "all multicast")
    arrives(multi, True, "multicast")
    same(b.control(0, 1, b"\0"), 0, "not all")
    table = lambda u, mu: b"".join(struct.pack("<I", len(x)) + b"".join(x) for x in (u, mu))
    same(b.control(1, 0, table([other], [multi])), 0, "MAC tables")
    arrives(other, True, "in the table")
    arrives(multi, True, "in the multicast table")
    arrives(bytes.fromhex("01005e000002"), False, "not in it")
    same(b.control(1, 0, table([other] * 65, [])), 0, "more than fit")
    arrives(bytes.fromhex("525400888888"), True, "then all")
    same(b.control(1, 0, struct.pack("<I", 0xffffffff)), 1, "a table that is not there")
    same(b.control(1, 0, table([], [])), 0, "none")
    same(b.control(0, 5, b"\1"), 0, "no broadcast")
    arrives(ALL, False, "no broadcast")
    same(b.control(0, 9, b"\1"), 1, "unknown mode")
    same(b.control(9, 0, b"\1"), 1, "unknown class")
    same((b.d.has(22), b.control(4, 0, b"\1\0")), (0, 1), "no pairs of queues to choose from")
    same(b.control(1, 1, other), 0, "address by the driver")
    same(bytes(b.d.config(i, 1) for i in range(6)), other, "in the configuration")
    m.close()
    m = machine()
    a, b = Nic(m, 2), Nic(m, 3)
    b.control(0, 0, b"\0")
    tagged = MACS[1] + MACS[0] + b"\x81\0\0\5" + rnd.randbytes(80)
    mark = frame(MACS[1], MACS[0], 100)
    a.send(tagged), a.send(mark)
    same(b.receive()[1], mark, "a VLAN that was not asked for")
    same(b.control(2, 0, b"\5\0"), 0, "VLAN 5")
    a.send(tagged)
    same(b.receive()[1], tagged, "arrives")
    same(b.control(2, 0, b"\0\x10"), 1, "VLAN 4096")
    m.close()


def link():
    sock = os.path.join(tempfile.mkdtemp(), "qmp")
    m = machine("", "", "-qmp", f"unix:{sock},server=on,wait=off")
    m.inb(0x80)  # it runs
    qmp = Qmp(sock)
    a, b = Nic(m, 2), Nic(m, 3)
    gen = a.d.get(21, 1)
    r = qmp("set_link", name="n0", up=False)
    if r.get("error", {}).get("class") == "CommandNotFound":
        skip("the link goes down and up", "there is no set_link yet")
        m.close()
        return
    a.d.turn(lambda: a.d.config(6, 2) == 0)
    check(a.d.isr & 2, "configuration interrupt")
    check(a.d.get(21, 1) != gen, "another generation")
    a.send(frame(MACS[1], MACS[0], 100))
    for _ in range(5):
        b.d.status
    check(not b.got(), "nothing comes through")
    qmp("set_link", name="n0", up=True)
    a.d.turn(lambda: a.d.config(6, 2) == 1)
    f = frame(MACS[1], MACS[0], 100)
    a.send(f)
    same(b.receive()[1], f, "and again it does")
    m.close()


def hostile():
    m = machine()
    a, b = Nic(m, 2), Nic(m, 3, buffers=200)
    for i in range(120):
        hdr = rnd.choice((rnd.randbytes(10), struct.pack("<BBHHHH", 1, rnd.choice((0, 1, 3, 4, 0x81)), rnd.choice((0, 54, 65535)),
                                                           rnd.choice((0, 1, 1460, 65535)), rnd.choice((0, 34, 65535, 1500)),
                                                           rnd.choice((0, 16, 65535)))))
        f = rnd.choice((tcp(rnd.randrange(3000)), rnd.randbytes(rnd.randrange(1, 3000)), frame(MACS[1], MACS[0], 60)))
        a.send(f, hdr)
        if b.got():
            while b.got():
                b.buffer()
                b.give(2048)
        a.d.heap = max(a.d.heap, 0x300000)
        if a.d.heap > 0x400000:
            a.d.heap = 0x480000
    a.send(b"")
    a.tx.add(a.tx.buffers([b"x"], []))
    a.tx.kick()
    a.d.turn(a.tx.done)
    same(a.d.status & NEEDS_RESET, 0, "odd frames break nothing")
    # 1000 pieces
    m.close()
    m = machine(",tx_queue_size=1024")
    a, b = Nic(m, 2), Nic(m, 3)
    f = frame(MACS[1], MACS[0], 1000)
    a.send(f, split=1)
    same(b.receive()[1], f, "a frame of 1012 pieces")
    # a receive buffer too small
    m.close()
    m = machine(",mrg_rxbuf=off", ",mrg_rxbuf=off")
    a, b = Nic(m, 2), Nic(m, 3, buffers=1, size=100)
    b.give(2048)
    a.send(frame(MACS[1], MACS[0], 1000))
    a.send(f)
    b.d.turn(b.got)
    same(b.rx.pop()[1], 0, "a buffer too small comes back empty")
    same(b.receive()[1], f, "the next frame arrives")
    m.close()


main(config, frames, merged, pressure, few, reset, offloads, pairs, filters, link, hostile)
