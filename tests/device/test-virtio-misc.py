#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-rng and virtio-balloon by hand."""
import os, struct, sys, tempfile, time

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, Qmp, check, same, main
from virtio import *

tmp = tempfile.mkdtemp()


def machine(*args):
    sock = tempfile.mktemp(dir=tmp)
    m = Machine("-m", "32", "-qmp", f"unix:{sock},server=on,wait=off", *args)
    m.inb(0x80)
    return m, Qmp(sock)


def start(m, queues=1, **kw):
    d = Device(m, **kw)
    d.negotiate()
    q = [d.queue(i) for i in range(queues)]
    d.ready()
    return d, q


def rng():
    for packed in ("off", "on"):
        m, _ = machine("-device", f"virtio-rng-pci,addr=2,packed={packed}")
        d, (q,) = start(m)
        got = [q.request([], [64, 36])[1] for _ in range(5)]
        same(len({a for a, b in got}), 5, f"five different answers, packed={packed}")
        check(all(any(b) for a, b in got), "all of each buffer")
        same((m.pci_read(2, 0, 0), m.pci_read(2, 0, 0x2c)), (0x10051af4, 0x00041af4), "ids")
        m.close()
    path = os.path.join(tmp, "bytes")
    with open(path, "wb") as f:
        f.write(bytes(range(256)) * 4)
    m, _ = machine("-object", f"rng-random,id=r0,filename={path}", "-device", "virtio-rng-pci,addr=2,rng=r0")
    d, (q,) = start(m)
    same(q.request([], [200])[1][0], bytes(range(200)), "from a file")
    same([q.request([], [n])[0] for n in (800, 64)], [800, 24], "up to its end")
    q.add(q.buffers([], [16]))
    q.kick()
    for _ in range(20):
        d.status
    ticks = lambda: sum(map(int, open(f"/proc/{m.p.pid}/stat").read().split()[13:15]))
    before = ticks()
    time.sleep(0.5)
    check(not q.done() and ticks() - before < 5, "behind it: no bytes, and no busy waiting", ticks() - before)
    check("the file has ended" in m.errors(), "the user hears of it")
    m.close()
    fifo = os.path.join(tmp, "fifo")
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDWR)
    m, _ = machine("-object", f"rng-random,id=r0,filename={fifo}", "-device", "virtio-rng-pci,addr=2,rng=r0")
    d, (q,) = start(m)
    q.add(q.buffers([], [16]))
    q.kick()
    for _ in range(20):
        d.status
    check(not q.done(), "a file without bytes: it waits")
    os.write(end, b"0123456789")
    d.turn(q.done)
    same(q.pop()[1], 10, "and gives what there is")
    m.close()
    m, _ = machine("-device", "virtio-rng-pci,addr=2,max-bytes=20,period=1000")
    d, (q,) = start(m)
    same(q.request([], [16])[0], 16, "within the limit")
    same(q.request([], [16])[0], 4, "up to it")
    q.add(q.buffers([], [16]))
    q.kick()
    for _ in range(20):
        d.status
    m.step(900000000)
    for _ in range(20):
        d.status
    check(not q.done(), "then nothing")
    m.step(200000000)
    d.turn(q.done)
    same(q.pop()[1], 16, "in the next period")
    m.close()


def balloon():
    m, qmp = machine("-balloon", "virtio,addr=2,id=b0")
    d, (inflate, deflate, stats) = start(m, 3)
    same(qmp("query-balloon"), {"actual": 32 << 20}, "all at first")
    gen = d.get(21, 1)
    same(qmp("balloon", value=24 << 20), {}, "balloon")
    d.turn(lambda: d.config(0, 4) == 2048)
    check(d.isr & 2 and d.get(21, 1) != gen, "the driver hears of it")
    m.write(0x1000000, b"A" * 0x4000)
    pages = [0x1000, 0x1001, 0x1003, 0x1002]
    inflate.request([struct.pack("<4I", *pages)], [])
    same(m.read(0x1000000, 0x4000), bytes(0x4000), "its pages are gone")
    d.set(0x2004, 4, 4)
    d.turn(lambda: qmp("query-balloon") == {"actual": (32 << 20) - 4 * 4096})
    check("BALLOON_CHANGE" in qmp.events, "BALLOON_CHANGE")
    inflate.request([struct.pack("<5I", 0, 0xffffffff, 0xfec00, 0xf0, 0x40000)], [])
    inflate.request([bytes(4 * 5000)], [])
    inflate.request([b"odd"], [])
    deflate.request([struct.pack("<4I", *pages)], [])
    same(qmp("human-monitor-command", **{"command-line": "info balloon"}), "balloon: actual=31\r\n", "info balloon")
    same(qmp("human-monitor-command", **{"command-line": "balloon 16"}), "", "HMP balloon")
    d.turn(lambda: d.config(0, 4) == 4096)
    same(qmp("balloon", value=0)["error"]["desc"], "Parameter 'target' expects a size", "balloon 0")
    # statistics: one element waits with the device
    tell = lambda *v: b"".join(struct.pack("<HQ", t, n) for t, n in v)
    stats.add(stats.buffers([tell((4, 1000), (5, 2000), (77, 1))], []))
    stats.kick()
    for _ in range(20):
        d.status
    check(not stats.done(), "the statistics' element stays")
    got = lambda: qmp("qom-get", path="/machine/peripheral/b0", property="guest-stats")
    d.turn(lambda: got()["last-update"] != 0)
    s = got()["stats"]
    same((s["stat-free-memory"], s["stat-total-memory"], s["stat-swap-in"]), (1000, 2000, -1), "guest-stats")
    same(qmp("qom-set", path="/machine/peripheral/b0", property="guest-stats-polling-interval", value=2), {}, "ask")
    m.step(2100000000)
    d.turn(stats.done)
    stats.pop()
    stats.add(stats.buffers([tell((4, 500))], []))
    stats.kick()
    d.turn(lambda: got()["stats"]["stat-free-memory"] == 500)
    check(True, "fresh ones")
    m.close()
    m, qmp = machine()
    same(qmp("query-balloon")["error"], {"class": "DeviceNotActive", "desc": "No balloon device has been activated"},
         "no balloon")
    m.close()
    m, qmp = machine("-device", "virtio-balloon-pci,addr=2,free-page-reporting=on")
    d, q = start(m, 4)
    m.write(0x1000000, b"B" * 0x3000)
    q[3].add([(0x1000000, 0x1000, WRITE), (0x1001000, 0x1800, WRITE)])
    q[3].kick()
    d.turn(q[3].done)
    same(m.read(0x1000000, 0x3000), bytes(0x2000) + b"B" * 0x1000, "free pages reported")
    m.close()


main(rng, balloon)
