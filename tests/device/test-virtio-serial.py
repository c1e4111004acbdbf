#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-serial by hand: the control dialogue, ports on sockets both ways, flow control, ports that
come and go, old drivers."""
import os, socket, struct, sys, tempfile, time

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, Qmp, check, same, main
from virtio import *

tmp = tempfile.mkdtemp()
READY, ADD, REMOVE, PORT_READY, CONSOLE, RESIZE, OPEN, NAME = range(8)


def chardev(name):
    path = tempfile.mktemp(dir=tmp)
    return path, ["-chardev", f"socket,id={name},path={path},server=on,wait=off"]


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.settimeout(20)
    return s


class Serial:
    def __init__(self, m, dialogue=True, **kw):
        self.d = Device(m, **kw)
        self.d.negotiate()
        self.q = {0: self.d.queue(0), 1: self.d.queue(1)}
        if dialogue:
            self.q.update({i: self.d.queue(i) for i in (2, 3, 4, 5)})
        self.d.ready()
        self.given = {}
        if dialogue:
            for _ in range(8):
                self.give(2, 64)

    def give(self, q, n):
        bufs = self.q[q].buffers([], [n])
        self.given[q, self.q[q].add(bufs)] = bufs[0][0]
        self.q[q].kick()

    def get(self, q):
        self.d.turn(self.q[q].done, f"queue {q}")
        ident, n = self.q[q].pop()
        return self.d.m.read(self.given.pop((q, ident)), n)

    def message(self):
        raw = self.get(2)
        self.give(2, 64)
        return struct.unpack("<IHH", raw[:8]) + ((raw[8:],) if raw[8:] else ())

    def tell(self, port, event, value):
        self.q[3].request([struct.pack("<IHH", port, event, value)], [])

    def send(self, q, data):
        self.q[q].request([data], [])


def take(s, n):
    data = b""
    while len(data) < n:
        data += s.recv(n - len(data))
    return data


def ports():
    for packed in ("off", "on"):
        pa, ca = chardev("c0")
        pb, cb = chardev("c1")
        m = Machine("-m", "32", *ca, *cb, "-device", f"virtio-serial-pci,addr=2,packed={packed}", "-device",
                    "virtconsole,chardev=c0", "-device", "virtserialport,chardev=c1,name=org.test.0,id=p1")
        s = Serial(m)
        same(s.d.config(4, 4), 31, "most ports")
        host = connect(pb)
        con = connect(pa)
        s.tell(0, READY, 1)
        same((s.message(), s.message()), ((0, ADD, 1), (1, ADD, 1)), "both are added")
        s.tell(0, PORT_READY, 1)
        same((s.message(), s.message()), ((0, CONSOLE, 1), (0, OPEN, 1)), "a console")
        s.tell(1, PORT_READY, 1)
        same((s.message(), s.message()), ((1, NAME, 1, b"org.test.0"), (1, OPEN, 1)), "a named port")
        s.tell(0, OPEN, 1)
        s.send(1, b"hello")
        same(take(con, 5), b"hello", "from the console")
        s.give(0, 100)
        con.sendall(b"keys")
        same(s.get(0), b"keys", "to the console")
        s.give(4, 100)
        host.sendall(b"early")
        for _ in range(20):
            s.d.status
        check(not s.q[4].done(), "nothing comes to a port that the guest has not open")
        s.tell(1, OPEN, 1)
        same(s.get(4), b"early", "it comes when it opens")
        host.sendall(b"x" * 250)
        got = b""
        while len(got) < 250:
            s.give(4, 100)
            got += s.get(4)
        same(got, b"x" * 250, "in pieces as there are buffers")
        host.close()
        same(s.message(), (1, OPEN, 0), "the host hangs up")
        host = connect(pb)
        same(s.message(), (1, OPEN, 1), "and comes back")
        # more than a socket takes: it waits in the ring
        big = os.urandom(65536)
        for i in range(16):
            s.q[5].add(s.q[5].buffers([big[i * 4096:][:4096]], []))
        s.q[5].kick()
        for _ in range(20):
            s.d.status
        more = [os.urandom(40000) for _ in range(16)]
        for b in more:
            s.q[5].add(s.q[5].buffers([b], []))
        s.q[5].kick()
        for _ in range(50):
            s.d.status
        n = 0
        while s.q[5].done():
            s.q[5].pop()
            n += 1
        check(n < 32, "a host that does not read stops the guest", n)
        want = big + b"".join(more)
        got = b""
        while len(got) < len(want):
            s.d.status
            got += host.recv(65536)
        same(got == want, True, "nothing is lost or twice")
        m.close()


def come_and_go():
    pa, ca = chardev("c0")
    sock = tempfile.mktemp(dir=tmp)
    m = Machine("-m", "32", *ca, "-device", "virtio-serial-pci,addr=2,id=s0,max_ports=4", "-qmp",
                f"unix:{sock},server=on,wait=off")
    m.inb(0x80)
    qmp = Qmp(sock)
    s = Serial(m)
    s.tell(0, READY, 1)
    add = dict(driver="virtserialport", bus="s0.0", id="p", chardev="c0", name="n")
    same(qmp("device_add", **add), {}, "device_add")
    same(s.message(), (1, ADD, 1), "the guest hears of it")
    s.tell(1, PORT_READY, 1)
    same(s.message()[:3], (1, NAME, 1), "its name")
    s.tell(1, OPEN, 1)
    check("VSERPORT_CHANGE" in qmp.events or qmp("query-status") and "VSERPORT_CHANGE" in qmp.events, "VSERPORT_CHANGE")
    s.d.reset()
    for _ in range(500):  # at most one a second
        if qmp("query-status") and qmp.events.count("VSERPORT_CHANGE") == 2:
            break
        time.sleep(.01)
    same(qmp.events.count("VSERPORT_CHANGE"), 2, "a reset closes what the guest had open")
    s = Serial(m)
    s.tell(0, READY, 1)
    same(s.message(), (1, ADD, 1), "it is added again")
    s.tell(1, PORT_READY, 1)
    same(s.message()[:3], (1, NAME, 1), "its name")
    s.tell(1, OPEN, 1)
    same(qmp("device_del", id="p"), {}, "device_del")
    same(s.message(), (1, REMOVE, 1), "it is gone")
    s.tell(1, OPEN, 0)
    for n in (1, 2, 3):
        same(qmp("device_add", driver="virtserialport", bus="s0.0", id=f"q{n}"), {}, f"port {n}")
        same(s.message(), (n, ADD, 1), "added")
    check("Maximum port limit" in qmp("device_add", driver="virtserialport", bus="s0.0", id="q4")["error"]["desc"], "full")
    check("already exists" in qmp("device_add", driver="virtserialport", bus="s0.0", nr=2)["error"]["desc"], "taken")
    check("Out-of-range" in qmp("device_add", driver="virtserialport", bus="s0.0", nr=9)["error"]["desc"], "too far")
    check("reserved for virtconsole" in qmp("device_add", driver="virtserialport", bus="s0.0", nr=0)["error"]["desc"], "port 0")
    # nonsense on the control queue
    for msg in (b"", b"abc", struct.pack("<IHH", 0xffffffff, OPEN, 1), struct.pack("<IHH", 31, PORT_READY, 1),
                struct.pack("<IHH", 1, 77, 1), struct.pack("<IHH", 1, PORT_READY, 0)):
        s.q[3].request([msg], [])
    same(s.d.status & NEEDS_RESET, 0, "nonsense breaks nothing")
    m.close()


def old_driver():
    pa, ca = chardev("c0")
    m = Machine("-m", "32", *ca, "-device", "virtio-serial-pci,addr=2,max_ports=1", "-device", "virtconsole,chardev=c0")
    s = Serial(m, dialogue=False, modern=False)
    con = connect(pa)
    s.send(1, b"old")
    same(take(con, 3), b"old", "one port, no dialogue")
    s.give(0, 10)
    con.sendall(b"keys")
    same(s.get(0), b"keys", "and to it")
    m.outb(s.d.io + 20 + 8, ord("!"))
    same(take(con, 1), b"!", "emergency write")
    m.close()
    m = Machine("-m", "32", "-virtioconsole", "null")
    m.close()


main(ports, come_and_go, old_driver)
