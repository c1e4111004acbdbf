#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an e1000 does beyond frames: reset values, EEPROM, PHY, check sums, segmentation, VLANs,
large frames over several descriptors, interrupt causes and throttling, the I/O window, loopback."""
import os, random, struct, sys, zlib

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, check, same, main
import nics

rnd = random.Random(7)
SRC, DST = bytes([10, 0, 2, 15]), bytes([10, 0, 2, 2])


def machine():
    m = Machine("-m", "16", "-device", "e1000,addr=5,vlan=0", "-device", "e1000,addr=9,vlan=0")
    peer = nics.E1000(m, 9, 0x800000)
    peer.start(rctl=0x803a)  # all addresses, long frames
    return m, nics.E1000(m), peer


def csum(*parts):
    data = b"".join(p + bytes(len(p) & 1) for p in parts)
    s = sum(struct.unpack(f">{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return s


def tcp_packet(mac, payload, seq=1000, flags=0x18, ident=7, tcp_sum=None, ip_sum=None, length=None):
    tcp = struct.pack(">HHIIBBHHH", 80, 1234, seq, 1, 0x50, flags, 100, 0, 0) + payload
    pseudo = SRC + DST + struct.pack(">HH", 6, len(tcp))
    t = ~csum(pseudo, tcp) & 0xffff if tcp_sum is None else tcp_sum
    tcp = tcp[:16] + struct.pack(">H", t) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp) if length is None else length, ident, 0, 64, 6, 0) + SRC + DST
    i = ~csum(ip) & 0xffff if ip_sum is None else ip_sum
    ip = ip[:10] + struct.pack(">H", i) + ip[12:]
    return mac + b"\x52\x54\0\1\2\3" + b"\x08\0" + ip + tcp


def registers():
    m, n, _ = machine()
    want = {0: 0x140240, 8: 0x80080783, 0x38: 0x8100, 0xe00: 0x602, 0x1000: 0x100030, 0x5400: 0x12005452,
            0x5404: 0x80005634, 0x5820: 0x222300, 0x100: 0, 0xd0: 0}
    same({a: n.r32(a) for a in want}, want, "registers after reset")
    words = []
    for a in range(64):
        n.w32(0x14, 1 | a << 8)
        words.append(n.r32(0x14) >> 16)
    same(sum(words) & 0xffff, 0xbaba, "the EEPROM's check sum")
    wires = lambda cs, sk, di: n.w32(0x10, cs << 1 | sk | di << 2)
    same([nics.microwire(lambda: n.r32(0x10) >> 3 & 1, wires, a) for a in range(64)], words, "the EEPROM by its wires")

    def phy(reg, addr=1):
        n.w32(0x20, 2 << 26 | addr << 21 | reg << 16)
        return n.r32(0x20)
    same([phy(r) & 0xffff for r in (0, 1, 2, 3, 4, 5, 9, 10)],
         [0x1140, 0x796d, 0x141, 0xc20, 0xde1, 0x41e0, 0xe00, 0x3c00], "the PHY's registers")
    check(phy(2, 2) & 1 << 30, "no PHY at another address")
    n.w32(0xd0, 4)
    n.w32(0x20, 1 << 26 | 1 << 21 | 0x1340)  # restart the negotiation
    check(not n.r32(8) & 2, "the link is down while it negotiates")
    m.step(200000000)
    check(n.r32(8) & 2 and n.irq() and n.r32(0xc0) & 4, "then up, with LSC")
    check(not n.irq() and not n.r32(0xc0), "reading ICR clears it")
    m.outl(n.port, 0x2800)
    m.outl(n.port + 4, 0x12340)
    same((n.r32(0x2800), m.inl(n.port + 4)), (0x12340, 0x12340), "the I/O window reaches registers")
    n.w32(0, 1 << 26)
    same((n.r32(0x2800), n.r32(0)), (0, 0x140240), "CTRL.RST resets")
    m.close()


def context(n, tse=False, mss=0, paylen=0, hdr=54, vlan=0):
    tucmd = 0x20 | 3 | (4 if tse else 0)
    n.post(struct.pack("<BBHBBHIBBH", 14, 24, 33, 34, 50, 0, paylen | tucmd << 24, 0, hdr if tse else 0, mss))


def data(n, frame, dcmd, popts, special=0, pieces=1):
    size = -(-len(frame) // pieces)
    for i in range(pieces):
        part, at = frame[i * size:(i + 1) * size], n.ram + 0x40000 + 0x10000 * i
        n.m.write(at, part)
        last = i == pieces - 1
        cmd = 0x20 | dcmd | (1 if last else 0)
        n.post(struct.pack("<QIBBH", at, len(part) | 1 << 20 | cmd << 24, 0, popts, special))
    n.kick()


def transmit():
    m, n, peer = machine()
    n.start()
    n.w32(0xd0, 0xff)
    mac = peer.mac()
    payload = rnd.randbytes(501)
    good = tcp_packet(mac, payload)
    seeded = tcp_packet(mac, payload, tcp_sum=csum(SRC + DST, struct.pack(">HH", 6, 521)), ip_sum=0)
    context(n)
    data(n, seeded, 8, 3, pieces=3)
    same(peer.take(), [good], "IP and TCP sums are put in, over three descriptors")
    check(n.r32(0xc0) & 3 == 3, "TXDW and TXQE")
    n.w32(0, n.r32(0) | 1 << 30)
    data(n, seeded, 8 | 0x40, 3, special=0x2064)
    tagged = good[:12] + struct.pack(">HH", 0x8100, 0x2064) + good[12:]
    same(peer.take(), [tagged], "VLE puts a tag in")
    big = rnd.randbytes(1460 * 4 + 77)
    seed = csum(SRC + DST, struct.pack(">H", 6))
    head = tcp_packet(mac, big, flags=0x19, tcp_sum=seed, ip_sum=0, length=0)
    context(n, tse=True, mss=1460, paylen=len(big))
    data(n, head, 4 | 8, 3, pieces=2)
    want = [tcp_packet(mac, big[i:i + 1460], 1000 + i, 0x19 if i + 1460 >= len(big) else 0x10, 7 + i // 1460)
            for i in range(0, len(big), 1460)]
    same(peer.take(), want, "a large packet is cut: numbers, flags, lengths, sums")
    same(n.r32(0x40f8), 1, "and counted in TSCTC")
    legacy = rnd.randbytes(100)
    legacy = mac + legacy[6:50] + bytes(2) + legacy[52:]
    at = n.ram + 0x40000
    m.write(at, legacy)
    n.post(struct.pack("<QHBBBBH", at, 100, 50, 0x0f, 0, 20, 0))
    n.kick()
    s = ~csum(legacy[20:]) & 0xffff
    same(peer.take(), [legacy[:50] + struct.pack(">H", s) + legacy[52:]], "a legacy descriptor's check sum")
    for bad in (lambda: context(n, tse=True, mss=0, paylen=100), lambda: context(n, tse=True, mss=100, hdr=255),
                lambda: context(n, tse=True, mss=1, paylen=9)):
        bad()
        data(n, head[:200], 4 | 8, 3)
        peer.take()
    n.send(good)
    same(peer.take(), [good], "nonsense contexts do no harm")
    n.w32(0x3818, 0xfff0)
    n.w32(0x3808, 0)
    n.w32(0x3810, 77)
    n.w32(0x3818, 3)
    n.start()
    n.send(good)
    same(peer.take(), [good], "nor do tails outside the ring")
    m.close()


def receive():
    m, n, peer = machine()
    n.start(rctl=0x8022 | 3 << 16)  # LPE, buffers of 256 bytes
    n.w32(0x5000, 0x300)
    mac = n.mac()
    good = tcp_packet(mac, rnd.randbytes(600))
    peer.send(good)
    parts = n.take_raw()
    frame = b"".join(p[0] for p in parts)
    same(frame, good + struct.pack("<I", zlib.crc32(good)), "a frame over three descriptors, with its FCS")
    same([p[2] & 3 for p in parts], [1, 1, 3], "only the last says EOP")
    same((parts[-1][2] & 0x64, parts[-1][3]), (0x60, 0), "IP and TCP sums are right")
    bad = bytearray(good)
    bad[200] ^= 1
    peer.send(bytes(bad))
    same(n.take_raw()[-1][3], 0x20, "a wrong TCP sum is said")
    bad = bytearray(good)
    bad[22] ^= 1
    peer.send(bytes(bad))
    same(n.take_raw()[-1][3] & 0x40, 0x40, "a wrong IP sum is said")
    n.start(rctl=0x4008002 | 1 << 18)  # SECRC, VFE
    n.w32(0x5600 + 4 * 3, 1 << 4)       # VLAN 100
    n.w32(0, n.r32(0) | 1 << 30)
    for tci in (0x2064, 0x2065):
        peer.send(good[:12] + struct.pack(">HH", 0x8100, tci) + good[12:])
    got = n.take_raw()
    same([(g[0], g[2] & 8, g[4]) for g in got], [(good, 8, 0x2064)], "a tag is taken out; other VLANs are filtered")
    n.start(rctl=0x0000002)
    group = b"\1\0\x5e\1\2\3"
    h = (group[5] << 8 | group[4]) >> 4
    n.w32(0x5200 + 4 * (h >> 5), 1 << (h & 31))
    other = b"\1\0\x5e\1\2\x44" + good[6:]
    for f in (group + good[6:], other, b"\xff" * 6 + good[6:]):
        peer.send(f)
    same(n.take(), [group + good[6:]], "the multicast table; no broadcast without BAM")
    same((n.r32(0x407c), n.r32(0x407c)), (1, 0), "MPRC counts and is cleared by reading")
    m.close()


def interrupts():
    m, n, peer = machine()
    n.start()
    n.w32(0xd0, 0x80)
    n.w32(0xc4, 1000)  # 256 us between two
    f = n.mac() + bytes(100)
    peer.send(f)
    check(n.irq(), "RXT0 interrupts")
    n.r32(0xc0)
    peer.send(f)
    check(not n.irq(), "ITR: not again so soon")
    m.step(300000)
    check(n.irq() and n.r32(0xc0) & 0x80, "but when the time is over")
    n.w32(0xc4, 0)
    n.w32(0x2820, 100)  # RDTR
    n.w32(0x282c, 150)  # RADV
    m.step(1000000)
    for _ in range(3):
        peer.send(f)
        m.step(60000)
    check(n.irq(), "RADV ends the wait that RDTR begins again")
    n.r32(0xc0)
    n.w32(0xc8, 0x10)
    n.w32(0xd0, 0x10)
    check(n.irq(), "ICS and IMS")
    n.w32(0xd8, 0x10)
    check(not n.irq() and n.r32(0xd0) == 0x80, "IMC")
    n.w32(0x100, 0x8042 | 0x80)
    n.start(rctl=0x80c2)
    n.w32(0x2820, 0)
    n.send(f)
    same(n.take(), [f], "loopback")
    same(peer.take(), [], "and nothing on the wire")
    m.close()


main(registers, transmit, receive, interrupts)
