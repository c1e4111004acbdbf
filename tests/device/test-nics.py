#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every network card by a driver of our own, joined by a hub to an e1000 that says what it sends:
address, frames of all sizes both ways, filters, a full ring that stops the sender, held frames."""
import os, random, sys

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, check, same, main
import nics

MAC = bytes.fromhex("525400aabbcc")
rnd = random.Random(5)


def pair(cls, *more):
    """-> machine, the card, its peer"""
    addr = ",addr=5" if cls.PCI else ""
    m = Machine("-m", "16", "-device", f"{cls.model}{addr},vlan=0,mac={':'.join('%02x' % b for b in MAC)}",
                "-device", "e1000,addr=9,vlan=0", *more)
    peer = nics.E1000(m, 9, 0x800000)
    peer.start(rctl=0x801a)  # all addresses
    return m, cls(m), peer


def frame(n, to=MAC, tag=0):
    return to + bytes.fromhex("525400112233") + b"\x88\xb5" + bytes([tag]) + rnd.randbytes(n - 15)


def basics(cls):
    name = cls.__name__
    m, nic, peer = pair(cls)
    same(nic.mac(), MAC, f"{name}: its EEPROM or PROM has mac=")
    nic.start()
    for n in (60, 61, 127, 1024, 1514):
        f = frame(n, to=peer.mac())
        nic.send(f)
        m.step(1000)
        same(peer.take(), [f], f"{name}: sends {n} bytes")
    for n in (60, 61, 255, 256, 1000, 1513, 1514):
        f = frame(n)
        peer.send(f)
        m.step(1000)
        same(nic.take(), [f], f"{name}: receives {n} bytes")
    others = [frame(60, b"\x52\x54\0\xaa\xbb\xcd"), frame(60, b"\xff" * 6), frame(60, b"\1\0\x5e\0\0\1")]
    for f in others:
        peer.send(f)
    same(nic.take(), [others[1]], f"{name}: takes a broadcast, no other's frame, no unknown group's")
    short = frame(20)
    peer.send(short)
    same(nic.take(), [short + bytes(40)], f"{name}: a short frame is padded")
    m.close()


def full(cls):
    """More than the ring holds: the sender keeps the rest, in order, and goes on by itself."""
    name = cls.__name__
    m, nic, peer = pair(cls)
    nic.start()
    sent = [frame(1400 if cls.RING is None else 100, tag=i) for i in range(18 if cls is nics.E1000 else 14)]
    for f in sent:
        peer.send(f)
    check(peer.held(), f"{name}: a full ring stops the sender")
    got = []
    for _ in range(20):
        got += nic.take()
    same(got, sent, f"{name}: nothing is lost, nothing out of order")
    check(not peer.held(), f"{name}: the sender went on")
    m.close()


def resets(cls):
    """The card's own reset empties a full ring: the sender goes on."""
    name = cls.__name__
    for reset in [nic_reset for nic_reset in ("reset", "selective") if hasattr(cls, nic_reset)]:
        m, nic, peer = pair(cls)
        nic.start()
        for i in range(18 if cls is nics.E1000 else 14):
            peer.send(frame(1400 if cls.RING is None else 100, tag=i))
        check(peer.held(), f"{name}: full before a {reset}")
        getattr(nic, reset)()
        m.step(1000)
        check(not peer.held(), f"{name}: the sender went on after a {reset}")
        m.close()


def blocked(cls):
    """The other way: the peer's ring is full, the card holds its frame until there is room."""
    name = cls.__name__
    m, nic, peer = pair(cls)
    nic.start()
    keeps = cls in (nics.Rtl8139, nics.Ne2k, nics.Ne2kIsa, nics.I8255x)  # says so in a register
    sent, waits = [], False
    while len(sent) < 20 and not waits:
        sent.append(frame(60, peer.mac(), len(sent)))
        nic.send(sent[-1])
        m.step(1000)
        waits = keeps and nic.held()
    check(waits or not keeps, f"{name}: a frame waits")
    got = []
    for _ in range(5):
        got += peer.take()
        m.step(1000)
    same(got, sent, f"{name}: it went when there was room")
    if keeps:
        check(not nic.held(), f"{name}: the card says so")
    sent = frame(60, peer.mac(), 99)
    nic.send(sent)
    same(peer.take(), [sent], f"{name}: and goes on")
    m.close()


def started_twice():
    """An i82551 whose frame waits is told to start another list, which a driver may not do."""
    m, nic, peer = pair(nics.I8255x)
    nic.start()
    sent = []
    while not sent or not nic.held():
        sent.append(frame(60, peer.mac(), len(sent)))
        nic.send(sent[-1])
    waits = nic.last
    nic.send(frame(60, peer.mac(), 99))
    got = []
    for _ in range(5):
        got += peer.take()
        m.step(1000)
    same(got, sent, "I8255x: the frame that waited goes, the second start is no start")
    same((nics.le16(m, waits), nics.le16(m, nic.last)), (0xa000, 0), "I8255x: only what was done is complete")
    m.close()


def part_read(cls):
    """Linux reads ten frames of an NE2000's ring and clears PRX; there is no doorbell for the rest."""
    m, nic, peer = pair(cls)
    nic.start()
    for i in range(14):
        peer.send(frame(1400, tag=i))
    check(peer.held(), f"{cls.__name__}: the ring is full")
    nic.w(7, 1)
    m.step(1000)
    check(nic.r(7) & 1, f"{cls.__name__}: cleared with a full ring, PRX comes again")
    nic.start()
    nic.w(0, 0x62)
    nic.w(7, nic.START)
    nic.w(0, 0x22)
    nic.w(3, nic.START - 1)
    f = frame(100, tag=99)
    peer.send(f)
    same(nic.take()[-1:], [f], f"{cls.__name__}: BNRY before the ring's first page is its last")
    nic.w(0, 0x20)  # page 0; neither start nor stop
    f = frame(100, tag=98)
    peer.send(f)
    same(nic.take()[-1:], [f], f"{cls.__name__}: without STA and STP the card goes on")
    m.close()


def wild(cls):
    """A driver gone mad: random registers; the machine lives and another card works."""
    name = cls.__name__
    m, nic, peer = pair(cls)
    nic.start()
    m.write(0, rnd.randbytes(1 << 16))
    for _ in range(1500):
        size = rnd.choice("bwl")
        v = rnd.choice((0, 1, 0xffffffff, rnd.getrandbits(32), rnd.getrandbits(16)))
        if rnd.random() < 0.5 or nic.MEM_BAR is None:
            off = rnd.randrange(32 if nic.IO_BAR is None else 0x40 if cls.model != "rtl8139" else 0x100)
            if cls.model in ("ne2k_isa", "ne2k_pci", "pcnet"):
                off %= 0x20
            m.ask(f"out{size} {nic.port + off:#x} {v & (1 << 8 * (1, 2, 4)['bwl'.index(size)]) - 1:#x}")
        else:
            off = rnd.choice((rnd.randrange(0x100), rnd.randrange(0x6000))) & ~3
            if cls.model != "e1000":
                off %= 0x20 if cls.model == "pcnet" else 0x40 if cls.model[0] == "i" else 0x100
            m.ask(f"write{size} {nic.mem + off:#x} {v & (1 << 8 * (1, 2, 4)['bwl'.index(size)]) - 1:#x}")
        if rnd.random() < 0.05:
            peer.send(frame(rnd.randrange(60, 1515)))
            m.step(1000000)
    peer.start(rctl=0x801a)
    check(True, f"{name}: survives a mad driver")
    m.close()


def each(fn):
    def run():
        for cls in nics.ALL:
            fn(cls)
    run.__name__ = fn.__name__
    return run


if __name__ == "__main__":
    main(*(each(f) for f in (basics, full, resets, blocked, wild)), started_twice,
         lambda: part_read(nics.Ne2k), lambda: part_read(nics.Ne2kIsa))
