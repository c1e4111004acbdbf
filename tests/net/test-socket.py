#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks over sockets, and recordings: this test is the far end of two back ends that an emulator
joins by a hub. A UNIX datagram socket is where its own frames go in and come out.
"""
import os, re, socket, struct, subprocess, sys

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests", "lib"))
from monitor import GUARD, QEMU, TMP, Hmp, Socket, Vm

BASE = ["-accel", "tcg", "-display", "none", "-nodefaults", "-M", "none"]
number = count = 0
socket.setdefaulttimeout(GUARD)


def ok(name, good, why=""):
    global number
    number += 1
    print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    if not good:
        print("#   " + str(why).strip().replace("\n", "\n#   "), flush=True)


class Port:
    """Our end of `-netdev dgram`."""

    def __init__(self):
        global count
        count += 1
        self.path = os.path.join(TMP, f"d{count}")
        self.far = self.path + "-far"
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.s.bind(self.path)
        self.arg = (f"dgram,id=d,local.type=unix,local.path={self.far},remote.type=unix,"
                    f"remote.path={self.path}")

    def send(self, frame):
        self.s.sendto(frame, self.far)

    def recv(self):
        return self.s.recv(70000)


class Machine:
    """One emulator: a datagram port and one more back end on hub 0."""

    def __init__(self, other, *args):
        self.port = Port()
        sock = self.port.path + "-mon"
        self.vm = Vm("-monitor", f"unix:{sock},server=on,wait=off", "-netdev", self.port.arg,
                     "-netdev", "hubport,id=h0,hubid=0,netdev=d", "-netdev", other + ",id=o",
                     "-netdev", "hubport,id=h1,hubid=0,netdev=o", *args, base=BASE,
                     stdin=subprocess.DEVNULL)
        try:
            self.mon = Hmp(Socket(sock))
        except AssertionError:
            self.vm.kill()
            raise AssertionError(self.vm.p.stderr.read().decode())

    def until(self, what):
        """info network shows it, sooner or later"""
        for _ in range(2000):
            text = self.mon.text("info network")
            if re.search(what, text):
                return True
            subprocess.run(["sleep", "0.01"])
        return False

    def end(self):
        self.mon.s.send("quit\n")
        status, out, err = self.vm.end()
        return err.decode()


def frame(n, mark=0):
    return b"\xff" * 6 + b"\2\0\0\0\0\1\x88\xb5" + bytes([mark]) * (n - 14)


def stream_recv(s):
    n = struct.unpack(">I", take(s, 4))[0]
    return take(s, n)


def take(s, n):
    got = b""
    while len(got) < n:
        part = s.recv(n - len(got))
        assert part, "the stream ended"
        got += part
    return got


def free_port(kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET, kind)
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


# ---- stream: framing, hostile lengths, a reader that stands still ----
path = os.path.join(TMP, "stream")
pcap, one = os.path.join(TMP, "pcap"), os.path.join(TMP, "one")
m = Machine(f"stream,server=on,addr.type=unix,addr.path={path}", "-net", f"dump,file={pcap},len=100",
            "-object", f"filter-dump,id=f,netdev=o,file={one},queue=rx")
ok("stream: waits", "o: index=0,type=stream,stream: waiting on unix:" in m.mon.text("info network"),
   m.mon.text("info network"))
m.port.send(frame(60))  # nobody there: lost
c = socket.socket(socket.AF_UNIX)
c.connect(path)
ok("stream: serves a client", m.until("connection from"))
m.port.send(frame(60, 1))
ok("stream: a frame comes with its length", stream_recv(c) == frame(60, 1))
c.sendall(struct.pack(">I", 200) + frame(200, 2)[:50])
c.sendall(frame(200, 2)[50:] + struct.pack(">I", 0) + struct.pack(">I", 64) + frame(64, 3))
ok("stream: frames go in, in pieces or together", m.port.recv() == frame(200, 2) and
   m.port.recv() == frame(64, 3))
c.sendall(struct.pack(">I", 65535 + 14) + frame(65535 + 14, 4))
ok("stream: 64 KiB in one", m.port.recv() == frame(65535 + 14, 4))
c.sendall(b"\xff\xff\xff\xff")
ok("stream: no such length: closed", c.recv(1) == b"" and m.until("waiting on"))
c = socket.socket(socket.AF_UNIX)
c.connect(path)
m.until("connection from")
m.port.s.settimeout(0.2)
sent = 0
try:
    while sent < 5000:
        m.port.send(frame(60000, 5))
        sent += 1
except TimeoutError:
    pass
ok("stream: who does not read stops the sender", sent < 5000, sent)
ok("stream: and the monitor answers", "VM status" in m.mon.text("info status"))
m.port.s.settimeout(GUARD)
got = [stream_recv(c) for _ in range(sent)]
ok("stream: nothing is lost or out of order", got == [frame(60000, 5)] * sent)
c.close()
m.until("waiting on")
err = m.end()
ok("stream: the path is gone, one warning", not os.path.exists(path) and
   err == "qemu-kvm: warning: netdev o: what came is no frame: the connection is closed\n" or
   "hub 0" in err, err)


def records(path):
    data = open(path, "rb").read()
    magic, major, minor, zone, acc, snap, link = struct.unpack("<IHHIIII", data[:24])
    assert (magic, major, minor, link) == (0xa1b2c3d4, 2, 4, 1)
    at, out = 24, []
    while at < len(data):
        sec, us, kept, length = struct.unpack("<IIII", data[at:at + 16])
        out.append((length, data[at + 16:at + 16 + kept]))
        at += 16 + kept
    return snap, out


snap, all_ = records(pcap)
ok("dump: every frame of the hub, cut to len", snap == 100 and len(all_) == 5 + sent and
   all_[2] == (200, frame(200, 2)[:100]), all_[:4])
snap, sent_to = records(one)
ok("filter-dump: queue=rx is what the back end is sent", snap == 65536 and
   sent_to[0] == (60, frame(60)) and len(sent_to) == 2 + sent, sent_to[:3])

# ---- two machines ----
tcp = free_port()
b = Machine(f"socket,connect=127.0.0.1:{tcp}")
ok("socket,connect: goes on without the other", b.until("connecting to"))
a = Machine(f"socket,listen=127.0.0.1:{tcp}")
ok("socket,connect: tries again until it is there", b.until("connected to") and a.until("connection from"))
for i in range(50):
    a.port.send(frame(1000 + i, 6))
    b.port.send(frame(2000 + i, 7))
ok("socket: between two machines", all(b.port.recv() == frame(1000 + i, 6) and
                                     a.port.recv() == frame(2000 + i, 7) for i in range(50)))
b.end()
ok("socket,listen: the other has gone", a.until("waiting on"))
b = Machine(f"socket,connect=127.0.0.1:{tcp}")
ok("socket,listen: and comes again", a.until("connection from"))
a.end()
ok("socket,connect: waits for the next listener", b.until("connecting to"))
b.end()

p1, p2 = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
a = Machine(f"socket,udp=127.0.0.1:{p1},localaddr=127.0.0.1:{p2}")
b = Machine(f"socket,udp=127.0.0.1:{p2},localaddr=127.0.0.1:{p1}")
a.port.send(frame(100, 8))
ok("socket,udp", b.port.recv() == frame(100, 8))
b.end()
a.port.send(frame(100, 8))  # ECONNREFUSED is no reason to stop
b = Machine(f"dgram,local.type=inet,local.host=127.0.0.1,local.port={p1},"
            f"remote.type=inet,remote.host=127.0.0.1,remote.port={p2}")
a.port.send(frame(100, 9))
b.port.send(frame(100, 10))
ok("dgram: the same by its own words", b.port.recv() == frame(100, 9) and a.port.recv() == frame(100, 10))
a.end(), b.end()

group = f"socket,mcast=230.1.2.3:{free_port(socket.SOCK_DGRAM)},localaddr=127.0.0.1"
try:
    a, b = Machine(group), Machine(group)
    a.port.send(frame(100, 11))
    ok("socket,mcast", b.port.recv() == frame(100, 11))
    a.end(), b.end()
except AssertionError as e:
    ok("socket,mcast # skip " + str(e).strip().splitlines()[-1], True)

# ---- passed descriptors ----
mine, theirs = socket.socketpair()
os.set_inheritable(theirs.fileno(), True)
p = Port()
vm = Vm("-netdev", p.arg, "-netdev", "hubport,id=h0,hubid=0,netdev=d", "-netdev",
        f"socket,id=o,fd={theirs.fileno()}", "-netdev", "hubport,id=h1,hubid=0,netdev=o", base=BASE,
        pass_fds=[theirs.fileno()])
mine.sendall(struct.pack(">I", 80) + frame(80, 12))
ok("socket,fd", p.recv() == frame(80, 12))
vm.kill()

# ---- a full disk ----
m = Machine("hubport,hubid=5", "-net", "dump,file=/dev/full")
ok("dump on a full disk: ends, and says so", "len=65536), ended" in m.mon.text("info network"),
   m.mon.text("info network"))
err = m.end()
ok("dump on a full disk: once", err.count("the recording of the network ends: No space left") == 1, err)
p = subprocess.run([QEMU, *BASE, "-netdev", "socket,id=a,listen=1.2.3.4:5"], capture_output=True, text=True)
ok("socket,listen: not our address", p.returncode == 1 and p.stderr.count("\n") == 1, p.stderr)
for what in ("socket,udp=127.0.0.1:70000,localaddr=127.0.0.1:0", "socket,mcast=230.1.2.3:70000",
             "dgram,local.type=inet,local.host=127.0.0.1,local.port=0,remote.type=inet,remote.host=127.0.0.1,"
             "remote.port=70000"):
    p = subprocess.run([QEMU, *BASE, "-S", "-monitor", "stdio", "-netdev", "id=a,type=" + what], capture_output=True,
                       text=True, input="quit\n")
    ok(f"{what}: no such port", p.returncode == 1 and "port '70000' is too large" in p.stderr, p.stderr)
notes = os.path.join(TMP, "notes")
for what in (f"stream,server=on,addr.type=unix,addr.path={notes}",
             f"dgram,local.type=unix,local.path={notes},remote.type=unix,remote.path=/x"):
    with open(notes, "w") as f:
        f.write("dear diary")
    p = subprocess.run([QEMU, *BASE, "-S", "-monitor", "stdio", "-netdev", "id=a,type=" + what], capture_output=True,
                       text=True, input="quit\n")
    ok(f"{what.split(',')[0]}: a file that is no socket stays", p.returncode == 1 and "in use" in p.stderr and
       open(notes).read() == "dear diary", p.stderr)

# ---- user: fragments are put together before libslirp, which dies of a last one that comes alone ----
HOST, GUEST = bytes([10, 0, 2, 2]), bytes([10, 0, 2, 15])


def checksum(data):
    s = sum(struct.unpack(f">{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return s ^ 0xffff


def fragment(data, at, n, more, ident=7, proto=1):
    where = at // 8 | (0x2000 if more else 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + n, ident, where, 64, proto, 0, GUEST, HOST)
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return b"\x52\x55\x0a\0\2\2" + b"\x52\x54\0\x12\x34\x56\x08\0" + ip + data[at:at + n]


def arp_reply():
    head = b"\x52\x55\x0a\0\2\2\x52\x54\0\x12\x34\x56\x08\6"
    return head + struct.pack(">HHBBH", 1, 0x800, 6, 4, 2) + head[6:12] + GUEST + head[:6] + HOST


def ping(n, mark):
    data = struct.pack(">BBHHH", 8, 0, 0, mark, 1) + os.urandom(n)
    return data[:2] + struct.pack(">H", checksum(data)) + data[4:]


def answer(m, data):
    """The echo, put together again; None: another one's came"""
    got = {}
    while sum(map(len, got.values())) < len(data):
        f = m.port.recv()
        if f[12:14] == b"\x08\0" and f[23] == 1:
            got[(struct.unpack(">H", f[20:22])[0] & 0x1fff) * 8] = f[34:14 + struct.unpack(">H", f[16:18])[0]]
    whole = b"".join(got[at] for at in sorted(got))
    return whole[0] == 0 and whole[4:] == data[4:]


m = Machine("user")
m.port.send(arp_reply())
for proto in 1, 2, 6, 17, 50:
    for at, n, more in (8, 40, 0), (65528, 8, 0), (65528, 64, 0), (800, 40, 1), (0, 40, 1), (0, 44, 1):
        m.port.send(fragment(bytes(at + n), at, n, more, 99, proto))
ok("user: fragments that come alone", "o: index=0,type=user" in m.mon.text("info network"))
for mark, order in enumerate([(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)]):
    data = ping(3200, mark)
    parts = [(0, 1480, 1), (1480, 1480, 1), (2960, len(data) - 2960, 0)]
    for i in order:
        m.port.send(fragment(data, *parts[i], ident=mark))
    ok(f"user: a ping in fragments {order}", answer(m, data))
data = ping(60000, 77)
for at in range(0, len(data), 1480):
    m.port.send(fragment(data, at, min(1480, len(data) - at), at + 1480 < len(data), 50))
ok("user: one of 60000 bytes", answer(m, data))
bad, data = ping(1000, 5), ping(100, 6)
for parts in [(0, 504, 1), (496, 8, 1), (504, 504, 0)], [(504, 504, 0), (0, 200, 0)], [(0, 504, 1), (512, 496, 0)]:
    for part in parts:
        m.port.send(fragment(bad, *part, ident=60))
m.port.send(fragment(data, 0, len(data), 0))
ok("user: what overlaps or has a hole is lost", answer(m, data))
for i in range(9):  # the first is forgotten for the sake of the others
    m.port.send(fragment(ping(1000, 100 + i), 0, 504, 1, ident=100 + i))
m.port.send(fragment(bad, 504, 504, 0, ident=100))
m.port.send(fragment(data, 0, len(data), 0))
ok("user: so many at a time", answer(m, data))

# ---- user: a guest does not fill our stderr through libslirp ----
far = bytes.fromhex("fec00000000000000000000000000015" + "20010db8000000000000000000000001")
echo = struct.pack(">BBHHH", 128, 0, 0, 1, 1)
sum6 = checksum(far + struct.pack(">II", len(echo), 58) + echo)
echo = echo[:2] + struct.pack(">H", sum6) + echo[4:]
for i in range(100):
    m.port.send(b"\x52\x56\0\0\0\2\x52\x54\0\x12\x34\x56\x86\xdd" +
                struct.pack(">IHBB", 6 << 28, len(echo), 58, 64) + far + echo)
m.port.send(fragment(data, 0, len(data), 0))
ok("user: a hundred IPv6 pings to far away", answer(m, data))
err = m.end()
ok("user: are not a hundred messages", 1 <= err.count("libslirp: ") <= 10 and "Slirp-" not in err, err)

print(f"1..{number}")
