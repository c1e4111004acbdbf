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
print(f"1..{number}")
