#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""UHCI by its registers and by hand-made schedules: ports, control transfers, HID reports, a hub,
short packets, babble, stalls, suspend and resume; then schedules that no driver would make."""
import os, random, struct, sys, tempfile, time

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, Qmp, check, same, main
from rfb import Viewer

IO, FRAMES, QH, TDS, BUF = 0xc040, 0x100000, 0x110000, 0x111000, 0x120000
CMD, STS, INTR, FRNUM, BASE, SOF, PORT = 0, 2, 4, 6, 8, 12, 16
IN, OUT, SETUP = 0x69, 0xe1, 0x2d
ACTIVE, STALLED, BABBLE, NAK, CRC = 1 << 23, 1 << 22, 1 << 20, 1 << 19, 1 << 18
IOC, SPD, END, IS_QH, DEPTH = 1 << 24, 1 << 29, 1, 2, 4
MS = 1000000


class Host:
    def __init__(self, *args, usb=True):
        self.dir = tempfile.mkdtemp(prefix="usb-")
        sock = os.path.join(self.dir, "qmp")
        self.m = m = Machine(*(["-usb"] if usb else []), "-qmp", f"unix:{sock},server=on,wait=off", *args)
        m.pci_write(1, 2, 0x20, IO)
        m.pci_write(1, 2, 4, 5, 2)
        self.q = Qmp(sock)
        self.toggle = 0

    def close(self):
        self.m.close()

    def hmp(self, line):
        return self.q("human-monitor-command", **{"command-line": line})

    def r(self, reg): return self.m.inw(IO + reg)
    def w(self, reg, val): self.m.outw(IO + reg, val)

    def port(self, n, val=None):
        if val is None:
            return self.r(PORT + 2 * n)
        self.w(PORT + 2 * n, val)

    def start(self, first=END):
        m = self.m
        m.write(FRAMES, struct.pack("<I", first) * 1024)
        m.outl(IO + BASE, FRAMES)
        self.w(FRNUM, 0)
        self.w(CMD, 1)

    def reset_port(self, n):
        self.port(n, 0x200)
        self.m.step(50 * MS)
        self.port(n, 0)
        self.port(n, 0xe)  # changes away, enabled

    def td(self, at, link, pid, addr, ep, n, buf, ctrl=3 << 27):
        token = ((n - 1) & 0x7ff) << 21 | ep << 15 | addr << 8 | pid
        self.m.write(TDS + 32 * at, struct.pack("<IIII", link, ctrl | ACTIVE, token, buf))

    def status(self, at):
        return struct.unpack("<I", self.m.read(TDS + 32 * at + 4, 4))[0]

    def queue(self, element):
        self.m.write(QH, struct.pack("<II", END, element))

    def element(self):
        return struct.unpack("<I", self.m.read(QH + 4, 4))[0]

    def run(self, tds, frames=20):
        """tds: (pid, ep, length, data or None); -> bytes of each, or the status that ended them"""
        for i, (pid, addr, ep, n, data) in enumerate(tds):
            if data:
                self.m.write(BUF + 0x1000 * i, data)
            last = i == len(tds) - 1
            self.td(i, END if last else TDS + 32 * (i + 1) | DEPTH, pid, addr, ep, n, BUF + 0x1000 * i)
        self.queue(TDS)
        self.start(QH | IS_QH)
        for _ in range(frames):
            self.m.step(MS)
            s = [self.status(i) for i in range(len(tds))]
            if s[-1] & ACTIVE == 0 or any(x & STALLED for x in s):
                break
        self.w(CMD, 0)
        out = []
        for i, s in enumerate(s):
            if s & (ACTIVE | STALLED):
                return s
            n = (s + 1) & 0x7ff
            out.append(self.m.read(BUF + 0x1000 * i, n) if tds[i][0] == IN else n)
        return out

    def control(self, addr, typ, req, value=0, index=0, n=0, data=b"", mps=8):
        setup = struct.pack("<BBHHH", typ, req, value, index, n or len(data))
        if typ & 0x80:
            # packet by packet: a short one ends the data
            got, tds = b"", [(SETUP, addr, 0, 8, setup)]
            out = self.run(tds)
            if isinstance(out, int):
                return out
            while len(got) < n:
                one = self.run([(IN, addr, 0, min(mps, n - len(got)), None)])
                if isinstance(one, int):
                    return one
                got += one[0]
                if len(one[0]) < mps:
                    break
            end = self.run([(OUT, addr, 0, 0, None)])
            return end if isinstance(end, int) else got
        tds = [(SETUP, addr, 0, 8, setup)]
        for at in range(0, len(data), mps):
            tds.append((OUT, addr, 0, len(data[at:at + mps]), data[at:at + mps]))
        out = self.run(tds + [(IN, addr, 0, 0, None)])
        return out if isinstance(out, int) else True

    def setup(self, addr, port=None):
        """A device behind root port `port` gets an address and its configuration"""
        if port is not None:
            self.reset_port(port)
        same(self.control(0, 0, 5, addr), True, f"address {addr}")
        same(self.control(addr, 0, 9, 1), True, f"configuration of {addr}")

    def patient(self, td):
        """One transaction of a device that works in real time; None: it stalled"""
        for _ in range(20000):
            r = self.run([td], 1)
            if not isinstance(r, int):
                return r[0]
            if r & STALLED:
                return None
            time.sleep(0.001)
        raise TimeoutError("NAK for ever")

    def poll(self, addr, n=8, ep=1):
        out = self.run([(IN, addr, ep, n, None)], 1)
        return out if isinstance(out, int) else out[0]


def registers():
    h = Host()
    same([h.r(x) for x in (CMD, STS, INTR, FRNUM)], [0, 0x20, 0, 0], "after reset: stopped")
    same(h.m.inb(IO + SOF), 64, "SOFMOD")
    same([h.port(0), h.port(1), h.r(0x14)], [0x80, 0x80, 0xff7f], "two empty ports, no third")
    h.m.outl(IO + BASE, 0xfffff)
    same(h.m.inl(IO + BASE), 0xff000, "FLBASEADD is a page")
    h.w(FRNUM, 0xffff)
    same(h.r(FRNUM), 0x7ff, "FRNUM")
    h.w(FRNUM, 0)
    h.w(INTR, 0xff)
    same(h.r(INTR), 15, "USBINTR")
    h.m.outb(IO + CMD, 0x40)
    h.m.outb(IO + CMD + 1, 0xff)
    same(h.r(CMD), 0x40, "bytes of USBCMD")
    h.port(0, 4)
    same(h.port(0), 0x80, "an empty port cannot be enabled")
    h.start()
    same(h.r(STS), 0, "running")
    h.m.step(10 * MS)
    same(h.r(FRNUM), 10, "a frame a millisecond")
    h.w(FRNUM, 0)
    h.m.step(2040 * MS)
    same(h.r(FRNUM), 2050 & 0x7ff, "FRNUM wraps, and is not written while it runs")
    h.w(CMD, 0)
    same(h.r(STS), 0x20, "stopped")
    h.m.step(10 * MS)
    same(h.r(FRNUM), 2, "and stays so")
    h.m.pci_write(1, 2, 0x3c, 0x5, 1)
    same([h.m.pci_read(1, 2, 0, 4), h.m.pci_read(1, 2, 9, 2), h.m.pci_read(1, 2, 0x3d, 1), h.m.pci_read(1, 2, 0x60, 1)],
         [0x70208086, 0x0300, 4, 0x10], "configuration space")
    h.close()


def enumeration():
    h = Host("-device", "usb-tablet", "-device", "usb-kbd,serial=abc,port=2")
    same([h.port(0), h.port(1)], [0x83, 0x83], "both ports: connected, changed")
    h.port(0, 2)
    same(h.port(0), 0x81, "the change is written away")
    same(h.control(0, 0x80, 6, 0x100, 0, 8), h.control(0, 0x80, 6, 0x100, 0, 8), "a disabled port is silent")
    h.reset_port(0)
    same(h.port(0), 0x85, "enabled after its reset")
    d = h.control(0, 0x80, 6, 0x100, 0, 64)
    same((len(d), d[:2], d[8:12]), (18, b"\x12\x01", b"\x27\x06\x01\x00"), "device descriptor at address 0")
    h.setup(5)
    check(h.control(0, 0x80, 6, 0x100, 0, 18) & STALLED, "nobody is at address 0 now")
    c = h.control(5, 0x80, 6, 0x200, 0, 255)
    same((len(c), c[:5]), (34, b"\x09\x02\x22\x00\x01"), "configuration")
    same(h.control(5, 0x80, 6, 0x200, 0, 9), c[:9], "its head only")
    same(h.control(5, 0x80, 6, 0x300, 0, 255), b"\x04\x03\x09\x04", "languages")
    same(h.control(5, 0x80, 6, 0x302, 0x409, 255)[2:].decode("utf-16le"), "QEMU USB Tablet", "product")
    same(h.control(5, 0x80, 6, 0x303, 0x409, 255)[2:].decode("utf-16le"), "28754-0000:00:01.2-1", "serial number")
    rep = h.control(5, 0x81, 6, 0x2200, 0, 255)
    same(len(rep), struct.unpack("<H", c[25:27])[0], "report descriptor is as long as said")
    same(h.control(5, 0x80, 8, 0, 0, 1), b"\1", "GET_CONFIGURATION")
    same(h.control(5, 0x80, 0, 0, 0, 2), b"\0\0", "GET_STATUS")
    same(h.control(5, 0, 3, 1), True, "remote wake-up on")
    same(h.control(5, 0x80, 0, 0, 0, 2), b"\2\0", "and shown")
    for what, args in {"unknown request": (0x80, 0x33, 0, 0, 8), "unknown descriptor": (0x80, 6, 0xff00, 0, 8),
                       "no such string": (0x80, 6, 0x0309, 0, 8), "no such configuration": (0, 9, 2)}.items():
        check(h.control(5, *args) & STALLED, what + " stalls")
        same(h.control(5, 0x80, 8, 0, 0, 1), b"\1", "and the next request works")
    same(h.control(5, 2, 3, 0, 0x81), True, "endpoint 81h halted")
    same(h.control(5, 0x82, 0, 0, 0x81, 2), b"\1\0", "its status")
    check(h.poll(5) & STALLED, "it stalls")
    same(h.control(5, 2, 1, 0, 0x81), True, "cleared")
    check(h.poll(5) & NAK, "it has nothing to say")
    check(h.poll(5, ep=2) & CRC, "no such endpoint: a time-out")
    h.setup(6, 1)
    same(h.control(6, 0x80, 6, 0x303, 0x409, 255)[2:].decode("utf-16le"), "abc", "serial=")
    usb = h.hmp("info usb")
    check("Device 0.5, Port 1, Speed 12 Mb/s, Product QEMU USB Tablet" in usb and "Device 0.6, Port 2" in usb,
          "info usb", usb)
    h.w(CMD, 2)
    same([h.r(CMD), h.r(STS), h.port(0)], [0, 0x20, 0x83], "HCRESET")
    check("Device 0.0, Port 1" in h.hmp("info usb"), "its devices have lost their addresses")
    h.close()


def hid():
    h = Host("-device", "usb-mouse,port=1", "-device", "usb-kbd,port=2")
    same(h.hmp("info mice"), "  Mouse #3: QEMU HID Mouse\r\n* Mouse #2: QEMU PS/2 Mouse\r\n", "the PS/2 mouse is current")
    h.setup(2, 0)
    h.setup(3, 1)
    check(h.poll(2) & NAK, "mouse: nothing yet")
    check("* Mouse #3: QEMU HID Mouse" in h.hmp("info mice"), "its first poll makes it current")
    h.hmp("mouse_move 5 -7 1")
    same(h.poll(2), b"\0\x05\xf9\1", "motion and wheel")
    check(h.poll(2) & NAK, "once")
    h.hmp("mouse_move 300 0")
    same([h.poll(2), h.poll(2), h.poll(2)], [b"\0\x7f\0\0", b"\0\x7f\0\0", b"\0\x2e\0\0"], "a long way in three")
    h.hmp("mouse_button 1")
    h.hmp("mouse_button 0")
    h.hmp("mouse_move 1 1")
    same([h.poll(2) for _ in range(3)], [b"\1\0\0\0", bytes(4), b"\0\1\1\0"],
         "a click is not lost, motion waits behind it")
    same(h.control(2, 0xa1, 3, 0, 0, 1), b"\1", "report protocol")
    h.control(2, 0x21, 11, 0)
    h.hmp("mouse_move 1 2 1")
    same(h.poll(2), b"\0\1\2", "boot protocol: three bytes")
    h.hmp("mouse_move 1 2")
    check(h.poll(2, 2) & BABBLE, "three bytes for two: babble")
    # keyboard
    check(h.poll(3) & NAK, "keyboard: nothing yet")
    h.hmp("sendkey shift-a 1")
    want = [b"\2" + bytes(7), b"\2\0\4" + bytes(5), b"\2" + bytes(7), bytes(8)]
    got = []
    for _ in range(200):
        one = h.poll(3)
        got += [one] if isinstance(one, bytes) else []
        if len(got) == 4:
            break
    same(got, want, "Shift-A as four reports")
    same(h.control(3, 0xa1, 1, 0x100, 0, 8), bytes(8), "GET_REPORT")
    same(h.control(3, 0x21, 9, 0x200, 0, data=b"\2"), True, "LEDs")
    h.control(3, 0x21, 10, 1 << 8)
    same(h.control(3, 0xa1, 2, 0, 0, 1), b"\1", "idle rate 4 ms")
    h.poll(3)
    h.m.step(5 * MS)
    same(h.poll(3), bytes(8), "the same again after the idle time")
    h.control(3, 0x21, 10, 0)
    check(h.poll(3) & NAK, "for ever")
    h.hmp("mouse_set 2")
    check("* Mouse #2" in h.hmp("info mice"), "mouse_set")
    h.close()


def leds():
    sock = os.path.join(tempfile.mkdtemp(prefix="usb-"), "vnc")
    h = Host("-device", "usb-kbd", "-device", "VGA", "-vnc", f"unix:{sock}")
    h.setup(2, 0)
    v = Viewer(sock)
    v.login()
    v.init().encodings(0, -261)
    v.request()
    before = v.find(-261)[5]
    same(before, b"\0", "LEDs: a viewer sees none")
    for report, shown in ((2, 4), (1, 2), (4, 1)):
        h.control(2, 0x21, 9, 0x200, 0, data=bytes([report]))
        v.request(1)
        got = v.find(-261)[5]
        while got == before:  # a state may be told twice
            got = v.find(-261)[5]
        same(got, bytes([shown]), f"output report {report}: LED {shown} of a viewer")
        before = got
    v.close()
    h.close()


def tablet():
    h = Host("-device", "usb-tablet")
    h.setup(2, 0)
    h.poll(2)
    check("* Mouse #3: QEMU HID Tablet (absolute)" in h.hmp("info mice"), "tablet: current and absolute")
    h.hmp("mouse_button 4")
    same(h.poll(2), b"\4\0\0\0\0\0", "a button")
    h.hmp("mouse_move 9 9 -2")
    same(h.poll(2), b"\4\0\0\0\0\xfe", "the wheel, but no relative motion")
    h.close()


def transfers():
    h = Host("-device", "usb-tablet")
    h.setup(2, 0)
    # short packet: with SPD the queue waits there and says so
    h.w(INTR, 8)
    h.m.write(BUF, struct.pack("<BBHHH", 0x80, 6, 0x100, 0, 18))
    h.td(0, TDS + 32 | DEPTH, SETUP, 2, 0, 8, BUF)
    for i in range(1, 4):
        h.td(i, TDS + 32 * (i + 1) | DEPTH, IN, 2, 0, 8, BUF + 0x1000 * i, 3 << 27 | SPD)
    h.td(4, END, IN, 2, 0, 8, BUF + 0x4000)
    h.queue(TDS)
    h.start(QH | IS_QH)
    h.m.step(MS)
    same([h.status(i) & 0x7ff for i in range(4)], [7, 7, 7, 1], "8, 8, 8 and 2 bytes")
    same(h.element(), TDS + 96 | DEPTH, "SPD: the queue waits at the short packet")
    check(h.status(4) & ACTIVE, "what is behind it was not run")
    same(h.r(STS) & 1, 1, "USBINT for it")
    h.w(CMD, 0)
    h.w(STS, 1)
    same(h.r(STS), 0x20, "cleared")
    # interrupt on completion, of one that is not active too
    h.m.write(TDS, struct.pack("<IIII", END, IOC, 0, 0))
    h.start(TDS)
    h.m.step(MS)
    same(h.r(STS) & 1, 1, "IOC of an inactive TD")
    h.w(STS, 1)
    h.w(CMD, 0)
    # breadth first: one TD of each queue a frame
    for i in range(2):
        h.td(2 * i, TDS + 64 * i + 32, OUT, 2, 0, 0, BUF)
        h.td(2 * i + 1, END, OUT, 2, 0, 0, BUF)
        h.m.write(QH + 32 * i, struct.pack("<II", END if i else QH + 32 | IS_QH, TDS + 64 * i))
    h.start(QH | IS_QH)
    h.m.step(MS)
    # the first is the status stage of the request above, the second nothing that belongs anywhere
    same([h.status(i) & (ACTIVE | STALLED) for i in range(4)], [0, ACTIVE, STALLED, ACTIVE], "breadth first")
    same(h.r(STS) & 2, 2, "USBERRINT")
    h.w(CMD, 0)
    h.w(STS, 0x1f)
    # nobody there: three tries, then it is over; without a limit for ever
    h.td(0, END, IN, 99, 1, 8, BUF)
    h.td(1, END, IN, 99, 1, 8, BUF, 0)
    h.m.write(QH, struct.pack("<IIII", QH + 32 | IS_QH, TDS, 0, 0))
    h.m.write(QH + 32, struct.pack("<II", END, TDS + 32))
    h.start(QH | IS_QH)
    h.m.step(2 * MS)
    same(h.status(0) >> 27 & 3, 1, "two time-outs counted")
    h.m.step(10 * MS)
    same((h.status(0) >> 16 & 0xff, h.status(0) >> 27 & 3), (0x44, 0), "then the TD is stalled")
    check(h.status(1) & ACTIVE, "C_ERR 0: for ever")
    h.close()


def hub():
    h = Host("-device", "usb-hub,id=h,port=2", "-device", "usb-tablet,port=2.3,id=t")
    h.setup(2, 1)
    d = h.control(2, 0xa0, 6, 0x2900, 0, 71)
    same((len(d), d[:3]), (11, b"\x0b\x29\x08"), "hub descriptor: eight ports")
    same(h.control(2, 0xa3, 0, 0, 3, 4), b"\1\1\1\0", "port 3: connected, changed")
    same(h.control(2, 0xa3, 0, 0, 1, 4), b"\0\1\0\0", "port 1: empty")
    same(h.poll(2), b"\x08\0", "its change pipe says so")
    same(h.control(2, 0x23, 1, 16, 3), True, "change cleared")
    check(h.poll(2) & NAK, "no more news")
    check(h.control(0, 0x80, 6, 0x100, 0, 18) & STALLED, "a disabled port passes nothing")
    same(h.control(2, 0x23, 3, 4, 3), True, "port reset")
    same(h.control(2, 0xa3, 0, 0, 3, 4), b"\3\1\x10\0", "enabled, reset changed")
    h.setup(7)
    check("Device 0.7, Port 2.3" in h.hmp("info usb"), "a device behind a hub", h.hmp("info usb"))
    check(h.control(2, 0x23, 3, 4, 9) & STALLED, "no ninth port")
    same(h.control(2, 0x23, 3, 2, 3), True, "port suspended")
    check(h.control(7, 0x80, 8, 0, 0, 1) & STALLED, "it passes nothing")
    same(h.control(2, 0x23, 1, 2, 3), True, "port resumed")
    same(h.control(7, 0x80, 8, 0, 0, 1), b"\1", "it does again")
    # unplug the device, then the hub with another one behind it
    h.hmp("usb_del 0.7")
    same(h.control(2, 0xa3, 0, 0, 3, 4), b"\0\1\x17\0", "unplugged: the port is empty, all has changed")
    h.hmp("usb_add tablet")
    usb = h.hmp("info usb")
    check(usb.count("Device") == 2, "usb_add tablet", usb)
    h.hmp("usb_add mouse")
    same(h.hmp("info usb").count("Device"), 3, "usb_add mouse")
    h.hmp("usb_del 0.2")
    usb = h.hmp("info usb")
    check(usb.count("Device") == 1 and "Port 1" in usb, "a hub takes with it what hangs on it", usb)
    same(h.port(1) & 0xf, 10, "its root port: nothing there, changes")
    check("could not delete" in h.hmp("usb_del 0.9"), "usb_del of nobody")
    check("could not add" in h.hmp("usb_add tablt") and "tablet" in h.hmp("usb_add tablt"), "usb_add of nothing")
    h.close()


def suspend():
    h = Host("-device", "usb-kbd")
    h.setup(2, 0)
    h.poll(2)
    h.control(2, 0, 3, 1)
    h.w(INTR, 2)
    h.w(STS, 0x1f)
    h.port(0, 0x1004)
    check(h.poll(2) & CRC, "a suspended port is silent")
    h.hmp("sendkey b 1")
    h.m.step(MS)
    same((h.port(0) & 0x1040, h.r(STS) & 4), (0x1040, 4), "remote wake-up: resume detected")
    h.port(0, 4)
    same(h.poll(2)[2:3], b"\x05", "and the key is there")
    h.w(STS, 0x1f)
    h.w(CMD, 8)
    h.hmp("usb_add mouse")
    same((h.r(CMD) & 16, h.r(STS) & 4), (16, 4), "a new device wakes a suspended bus")
    h.close()


class Stick:
    """Commands for a mass storage device by its wrappers"""
    def __init__(self, h, addr):
        self.h, self.addr, self.tag = h, addr, 1

    def out(self, data):
        for at in range(0, len(data), 64):
            piece = data[at:at + 64]
            if self.h.patient((OUT, self.addr, 2, len(piece), piece)) is None:
                return at
        return len(data)

    def read(self, n):
        got = b""
        while len(got) < n:
            one = self.h.patient((IN, self.addr, 1, min(64, n - len(got)), None))
            if one is None:
                return got, True
            got += one
            if len(one) < 64:
                break
        return got, False

    def clear(self, ep):
        self.h.control(self.addr, 2, 1, 0, ep)

    def command(self, cdb, n=0, data=None):
        """-> (data or bytes taken, residue, status)"""
        self.tag += 1
        cbw = struct.pack("<4sIIBBB", b"USBC", self.tag, len(data) if data else n, 0 if data else 0x80, 0, len(cdb))
        self.out((cbw + cdb).ljust(31, b"\0"))
        got = b""
        if data:
            got = self.out(data)
            if got < len(data):
                self.clear(2)
        elif n:
            got, stalled = self.read(n)
            if stalled:
                self.clear(0x81)
        csw, _ = self.read(13)
        sig, tag, residue, status = struct.unpack("<4sIIB", csw)
        assert (sig, tag) == (b"USBS", self.tag), csw
        return got, residue, status


def storage():
    f = tempfile.NamedTemporaryFile(suffix=".raw")
    f.write(b"".join(bytes([i]) * 512 for i in range(256)) * 8)
    f.flush()
    h = Host("-usbdevice", f"disk:format=raw:{f.name}")
    h.setup(2, 0)
    same(h.control(2, 0xa1, 0xfe, 0, 0, 1), b"\0", "one lun")
    s = Stick(h, 2)
    got, residue, status = s.command(bytes.fromhex("120000002400"), 36)
    same((got[8:16], residue, status), (b"QEMU    ", 0, 0), "INQUIRY")
    got, residue, status = s.command(bytes.fromhex("12000000ff00"), 255)
    same((len(got), residue, status), (36, 219, 0), "more asked for: a short packet and a residue")
    same(s.command(bytes(6))[2], 1, "TEST UNIT READY: there is news")
    got, _, status = s.command(bytes.fromhex("030000001200"), 18)
    same((got[2], got[12], status), (6, 0x29, 0), "REQUEST SENSE: power on")
    same(s.command(bytes(6))[1:], (0, 0), "TEST UNIT READY")
    same(s.command(bytes.fromhex("25000000000000000000"), 8)[0], struct.pack(">II", 2047, 512), "READ CAPACITY")
    read = lambda lba, n: bytes([0x28, 0]) + struct.pack(">IBH", lba, 0, n) + b"\0"
    write = lambda lba, n: bytes([0x2a, 0]) + struct.pack(">IBH", lba, 0, n) + b"\0"
    same(s.command(read(5, 2), 1024), (bytes([5]) * 512 + bytes([6]) * 512, 0, 0), "READ")
    same(s.command(write(9, 1), data=b"x" * 512), (512, 0, 0), "WRITE")
    same(s.command(read(9, 1), 512)[0], b"x" * 512, "read back")
    same(s.command(bytes.fromhex("35000000000000000000"))[2], 0, "SYNCHRONIZE CACHE")
    f.seek(9 * 512)
    same(f.read(512), b"x" * 512, "and it is in the file")
    same(s.command(read(9999, 1), 512), (b"", 512, 1), "READ past the end: stall, residue, failed")
    got, _, _ = s.command(bytes.fromhex("030000001200"), 18)
    same((got[2], got[12]), (5, 0x21), "its sense")
    same(s.command(read(0, 2), 512)[2], 0, "the host takes less than there is")
    same(s.command(write(0, 1), 512)[2], 2, "wrong direction: phase error")
    same(s.command(read(0, 1))[1:], (0, 0), "the host takes nothing")
    same(s.command(write(1, 2), data=b"y" * 512)[2], 2, "the host gives too little: phase error")
    same(s.command(read(1, 1), 512)[0], bytes([1]) * 512, "nothing of it was written")
    # in the middle of a command: reset, and wrappers that are none
    s.out((struct.pack("<4sIIBBB", b"USBC", 99, 1024, 0x80, 0, 10) + read(0, 2)).ljust(31, b"\0"))
    s.read(64)
    same(h.control(2, 0x21, 0xff), True, "bulk-only reset in the middle of a command")
    same(s.command(read(7, 1), 512)[0], bytes([7]) * 512, "and the next one works")
    for what, bad in {"short": b"USBC", "no signature": bytes(31), "lun 3": b"USBC" + bytes(9) + b"\3\6" + bytes(16),
                      "a CDB of 17 bytes": b"USBC" + bytes(10) + b"\x11" + bytes(16)}.items():
        h.run([(OUT, 2, 2, len(bad), bad)], 1)
        check(h.poll(2, 64, 1) & STALLED, f"a wrapper that is none ({what}): it stalls")
        s.clear(0x81), s.clear(2)
        check(h.poll(2, 64, 1) & STALLED, "for good")
        h.control(2, 0x21, 0xff)
        s.clear(0x81), s.clear(2)
        same(s.command(bytes(6))[2], 0, "until its reset")
    h.hmp("usb_del 0.2")
    h.m.step(MS)
    same((h.hmp("info usb"), h.hmp("info block"), h.port(0) & 3), ("", "", 2), "unplugged, and its drive is closed")
    h.hmp(f"usb_add disk:format=raw:{f.name}")
    check("QEMU USB MSD" in h.hmp("info usb") and "usb0" in h.hmp("info block"), "usb_add disk:")
    check("No such file" in h.hmp("usb_add disk:/nonexistent"), "usb_add disk: of no file")
    same(h.hmp("info usb").count("Device"), 1, "which leaves nothing behind")
    h.close()


def hostile():
    """Nothing here may hang, crash or take long; the machine answers afterwards"""
    h = Host("-device", "usb-tablet", "-device", "usb-kbd")
    h.setup(2, 0)
    m = h.m

    def go(what, first, frames=50):
        h.start(first)
        m.step(frames * MS)
        sts = h.r(STS)
        h.w(CMD, 0)
        h.w(STS, 0x1f)
        check(True, what)
        return sts

    m.write(QH, struct.pack("<II", QH | IS_QH, END))
    go("a QH whose head is itself", QH | IS_QH)
    m.write(QH, struct.pack("<II", END, QH | IS_QH))
    go("a QH whose element is itself", QH | IS_QH)
    m.write(TDS, struct.pack("<IIII", TDS, 0, 0, 0))
    go("an inactive TD that is its own successor", TDS)
    h.td(0, TDS, IN, 2, 1, 8, BUF)
    go("an active one", TDS)
    h.td(0, TDS | DEPTH, IN, 2, 0, 8, BUF)
    h.queue(TDS | DEPTH)
    go("a queue's TD that is its own successor", QH | IS_QH)
    for i in range(200):
        m.write(QH + 16 * i, struct.pack("<II", QH + 16 * ((i + 1) % 200) | IS_QH, END))
    go("a ring of 200 QHs", QH | IS_QH)
    h.td(0, END, IN, 2, 1, 0x600, BUF)
    same(go("a TD of 1536 bytes", TDS) & 0x30, 0x30, "is a process error: halted")
    h.td(0, END, 0x42, 2, 1, 8, BUF)
    same(go("a TD with no such PID", TDS) & 0x30, 0x30, "is a process error: halted")
    for what, addr in {"just past memory": 0x8000000, "where nothing is": 0xc0000000}.items():
        same(go(f"a TD {what}", addr) & 0x28, 0x28, "is a host system error: halted")
        same(go(f"a QH {what}", addr | IS_QH) & 0x28, 0x28, "the same")
    h.td(0, END, SETUP, 2, 0, 8, 0xfffffffc)
    same(go("data outside memory", TDS) & 0x28, 0x28, "is a host system error")
    h.td(0, END, OUT, 2, 0, 1280, BUF)
    go("1280 bytes to endpoint 0", TDS)
    m.write(BUF, struct.pack("<BBHHH", 0, 9, 1, 0, 0xffff))
    h.td(0, TDS + 32 | DEPTH, SETUP, 2, 0, 8, BUF)
    h.td(1, TDS + 32 | DEPTH, OUT, 2, 0, 1000, BUF)
    h.queue(TDS)
    go("a request with 65535 bytes", QH | IS_QH)
    m.write(BUF, struct.pack("<BBHHH", 0x81, 6, 0x2200, 0, 0xffff))
    h.td(0, TDS + 32 | DEPTH, SETUP, 2, 0, 8, BUF)
    h.td(1, TDS + 32 | DEPTH, IN, 2, 0, 1280, BUF)
    h.queue(TDS)
    go("one that asks for as much", QH | IS_QH)
    m.outl(IO + BASE, 0xc0000000)
    h.w(CMD, 1)
    m.step(5 * MS)
    same(h.r(STS) & 0x28, 0x28, "a frame list that is not there")
    h.w(STS, 0x1f)
    rnd = random.Random(7)
    for turn in range(60):
        raw = bytearray(rnd.randbytes(0x1000))
        for at in range(0, 0x1000, 16):  # links that lead somewhere, tokens that mean something
            struct.pack_into("<I", raw, at, rnd.choice((QH, TDS)) + 16 * rnd.randrange(64) | rnd.randrange(8))
            if rnd.random() < .7:
                struct.pack_into("<II", raw, at + 4, rnd.getrandbits(32) | ACTIVE,
                                 rnd.choice((IN, OUT, SETUP)) | rnd.choice((0, 2, 3)) << 8 | rnd.choice((0, 0, 1, 2)) << 15
                                 | rnd.choice((7, 7, 0x7ff, 0, 63)) << 21)
        m.write(QH, bytes(raw))
        m.write(TDS, bytes(raw))
        h.start(rnd.choice((QH, TDS)) | rnd.randrange(4))
        m.step(10 * MS)
        for n in range(2):
            h.port(n, rnd.choice((4, 0x200, 0x1004, 6)))
        h.w(CMD, rnd.choice((0, 0, 8, 16, 4)))
        h.w(CMD, 0)
        h.w(STS, 0x1f)
    h.w(CMD, 2)
    h.setup(2, 0)
    same(h.control(2, 0x80, 6, 0x100, 0, 18)[:2], b"\x12\x01", "after 60 random schedules all still works")
    h.close()


main(registers, enumeration, hid, leds, tablet, transfers, hub, suspend, storage, hostile)
