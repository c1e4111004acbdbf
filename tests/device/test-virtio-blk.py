#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-blk by hand: both interfaces, split and packed rings, indirect tables, event index,
interrupts, the window in configuration space, queue reset, and rings that lie."""
import os, random, resource, struct, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, Qmp, check, same, main
from virtio import *

REFERENCE = os.environ.get("QTEST_REFERENCE")
tmp = tempfile.mkdtemp()
SIZE = 8 << 20
rnd = random.Random(2)
IN, OUT, FLUSH, GET_ID, DISCARD, ZEROES = 0, 1, 4, 8, 11, 13


def machine(dev="", drive="", *more, **popen):
    global DISK  # one of its own: a test that failed may still hold the lock on its disk
    DISK = tempfile.mktemp(dir=tmp)
    with open(DISK, "wb") as f:
        f.truncate(SIZE)
    return Machine("-m", "32", "-drive", f"file={DISK},format=raw,if=none,id=d0,cache=writeback{drive}",
                   "-device", "virtio-blk-pci,addr=2,drive=d0" + dev, *more, **popen)


def head(kind, sector=0):
    return struct.pack("<IIQ", kind, 0, sector)


def write(q, sector, data, **kw):
    n, (st,) = q.request([head(OUT, sector), data], [1], **kw)
    return n, st[0]


def read(q, sector, n, **kw):
    got, (data, st) = q.request([head(IN, sector)], [n, 1], **kw)
    return data if (got, st) == (n + 1, b"\0") else (got, st)


def start(m, **kw):
    want, without, size = kw.pop("want", None), kw.pop("without", ()), kw.pop("size", None)
    d = Device(m, **kw)
    check(d.negotiate(want, without), "features are accepted") if want is None and not without else \
        d.negotiate(want, without)
    q = d.queue(0, size)
    d.ready()
    return d, q


def identity():
    for dev, ids in (("", (0x10011af4, 0, 0x00021af4)), (",disable-legacy=on", (0x10421af4, 1, 0x11001af4)),
                     (",disable-modern=on", (0x10011af4, 0, 0x00021af4))):
        m = machine(dev)
        d = Device(m)
        same((m.pci_read(2, 0, 0), m.pci_read(2, 0, 8, 1), m.pci_read(2, 0, 0x2c)), ids, f"ids '{dev}'")
        same(sorted(k for k in d.caps if k != "msix"), [] if "modern" in dev else [1, 2, 3, 4, 5],
             "capabilities")
        same(m.pci_read(2, 0, 0x10) & 1, 0 if "legacy" in dev else 1, "the legacy BAR")
        same(m.pci_read(2, 0, 0x0a, 2), 0x0100, "class")
        m.close()


def requests(q, d, name, **kw):
    data = rnd.randbytes(8192)
    same(write(q, 8, data, **kw), (1, 0), f"{name}: write")
    same(read(q, 8, 8192, **kw), data, f"{name}: read")
    n, (st,) = q.request([head(FLUSH)], [1], **kw)
    same((n, st), (1, b"\0"), f"{name}: flush")
    with open(DISK, "rb") as f:
        f.seek(4096)
        same(f.read(8192), data, f"{name}: the file has it")
    n, (ident, st) = q.request([head(GET_ID)], [20, 1], **kw)
    same((ident.rstrip(b"\0"), st), (b"abc", b"\0"), f"{name}: serial number")
    # any layout: everything in one piece each way
    n, (both,) = q.request([head(OUT, 100) + data[:1024]], [1], **kw)
    same(both, b"\0", f"{name}: header and data in one descriptor")
    n, (both,) = q.request([head(IN, 100)], [1025], **kw)
    same((n, both), (1025, data[:1024] + b"\0"), f"{name}: data and status in one")
    n, (a, b, st) = q.request([head(IN, 100)[:7], head(IN, 100)[7:]], [1000, 24, 1], **kw)
    same((a + b, st), (data[:1024], b"\0"), f"{name}: cut anywhere")
    n, (st,) = q.request([head(77)], [1], **kw)
    same(st, b"\2", f"{name}: unknown request")
    same(read(q, SIZE // 512, 512, **kw), (1, b"\1"), f"{name}: behind the end")
    same(read(q, SIZE // 512 - 1, 1024, **kw), (1, b"\1"), f"{name}: over the end")
    same(read(q, 1 << 63, 512, **kw), (1, b"\1"), f"{name}: far behind it")
    same(read(q, 0, 100, **kw), (1, b"\1"), f"{name}: no whole sector")


def legacy():
    m = machine(",serial=abc")
    d, q = start(m, modern=False)
    requests(q, d, "legacy")
    same(d.isr & 1, 1, "legacy: ISR")
    same(d.isr, 0, "legacy: is cleared by reading it")
    same((d.config(0, 4), d.config(20, 4)), (SIZE // 512, 512), "legacy: configuration")
    m.outl(d.io + 8, 0)
    same(d.status, 0, "legacy: PFN 0 resets")
    m.close()


def modern():
    for name, dev, kw in (("split", "", {}), ("no event index", ",event_idx=off", {}),
                          ("packed", ",packed=on", {}), ("packed, no event index", ",packed=on,event_idx=off", {}),
                          ("small packed", ",packed=on", {"size": 7}), ("small split", "", {"size": 8})):
        m = machine(",serial=abc" + dev)
        d, q = start(m, **kw)
        same(bool(d.has(F_PACKED)), "packed" in name, f"{name}: offered")
        requests(q, d, name)
        requests(q, d, name + ", indirect", indirect=True)
        check(d.isr & 1, f"{name}: interrupt")
        m.close()


def many():
    """More at once than one turn, over the wrap of ring and indices"""
    for packed in (False, True):
        m = machine(",packed=on" if packed else "")
        d, q = start(m, size=16)
        blocks = {}
        for turn in range(12):
            for i in range(5):
                s = rnd.randrange(SIZE // 512)
                blocks[s] = rnd.randbytes(512)
                q.add(q.buffers([head(OUT, s), blocks[s]], [1]))
            q.kick()
            for i in range(5):
                d.turn(q.done)
                q.pop()
        bad = [s for s in blocks if read(q, s, 512) != blocks[s]]
        same(bad, [], f"60 writes, 5 at once, packed={packed}")
        m.close()


def parts():
    m = machine("", ",discard=unmap")
    d, q = start(m)
    a = rnd.randbytes(65536)
    write(q, 0, a)
    n, (st,) = q.request([head(ZEROES), struct.pack("<QII", 8, 16, 0)], [1])
    same((n, st), (1, b"\0"), "write zeroes")
    same(read(q, 0, 65536), a[:4096] + bytes(8192) + a[12288:], "they are zeros")
    n, (st,) = q.request([head(ZEROES), struct.pack("<QII", 0, 8, 1)], [1])
    same(st, b"\0", "write zeroes, unmap")
    n, (st,) = q.request([head(DISCARD), struct.pack("<QII", 64, 64, 0)], [1])
    same(st, b"\0", "discard")
    n, (st,) = q.request([head(DISCARD), struct.pack("<QII", 64, 64, 1)], [1])
    same(st, b"\2", "discard with a flag is unsupported")
    n, (st,) = q.request([head(DISCARD), struct.pack("<QII", SIZE // 512 - 1, 2, 0)], [1])
    same(st, b"\1", "discard over the end")
    n, (st,) = q.request([head(DISCARD), b"short"], [1])
    same(st, b"\1", "half a range")
    same((d.config(36, 4), d.config(40, 4), d.config(56, 1), d.config(34, 2)), (4194303, 1, 1, 1), "limits")
    same(d.config(32, 1), 1, "write-back")
    d.set(0x2020, 1, 0)
    same(d.config(32, 1), 0, "write-through, by the driver")
    same(write(q, 4, a[:512]), (1, 0), "works")
    m.close()
    m = machine("", ",readonly=on")
    d, q = start(m)
    check(d.features >> 5 & 1, "read-only is told")
    same(write(q, 0, bytes(512)), (1, 1), "and kept")
    m.close()


def stable():
    """Without a write cache what was acknowledged outlives the program, zeros too"""
    image = os.path.join(tmp, "image")
    subprocess.run([os.environ["BUILD"] + "/qemu-img", "create", "-q", "-f", "qcow2", image, "8M"], check=True)
    args = ["-m", "32", "-drive", f"file={image},format=qcow2,if=none,id=d0", "-device",
            "virtio-blk-pci,addr=2,drive=d0,write-cache=off"]
    m = Machine(*args)
    d, q = start(m)
    a = rnd.randbytes(131072)
    same(write(q, 0, a), (1, 0), "write")
    n, (st,) = q.request([head(ZEROES), struct.pack("<QII", 128, 128, 0)], [1])
    same((n, st), (1, b"\0"), "write zeroes")
    m.close()
    m = Machine(*args)
    d, q = start(m)
    same(read(q, 0, 131072), a[:65536] + bytes(65536), "a killed program leaves both")
    m.close()


def queues():
    m = machine(",num-queues=3,vectors=4,queue-size=64")
    d = Device(m)
    d.negotiate()
    same((d.get(18, 2), d.config(34, 2)), (3, 3), "three queues")
    check(d.features >> 12 & 1, "multiqueue is offered")
    qs = [d.queue(i) for i in range(3)]
    same(qs[0].size, 64, "queue size")
    d.ready()
    a = [rnd.randbytes(512) for _ in range(3)]
    same([write(qs[i], i, a[i]) for i in range(3)], [(1, 0)] * 3, "each writes")
    same([read(qs[i], 2 - i, 512) for i in range(3)], a[::-1], "and reads the others'")
    # MSI-X: a vector a queue. Messages go to RAM, where qtest sees none: pending bits instead
    m.pci_write(2, 0, d.caps["msix"][0] + 2, 0xc000, 2)
    d.set(22, 2, 1)
    d.set(26, 2, 3)
    same(d.get(26, 2), 3, "vector of a queue")
    d.set(26, 2, 4)
    same(d.get(26, 2), 0xffff, "one that does not exist")
    d.set(26, 2, 3)
    d.set(16, 2, 0)
    qs[1].set_used_event(qs[1].seen)
    read(qs[1], 0, 512)
    same(m.read(d.msix + 2048, 1)[0], 8, "its vector is pending")
    # queue reset
    d.set(22, 2, 1)
    d.set(58, 2, 1)
    d.turn(lambda: d.get(58, 2) == 0)
    same((d.get(28, 2), d.get(26, 2), d.get(24, 2)), (0, 0xffff, 64), "a queue after its reset")
    q = d.queue(1, 32)
    same(read(q, 1, 512), a[1], "works again, smaller")
    same(read(qs[0], 0, 512), a[0], "the others went on")
    m.close()


def events():
    """Who wants to be told"""
    m = machine()
    d, q = start(m)
    q.set_used_event(2)
    read(q, 0, 512), read(q, 0, 512)
    same(d.isr, 0, "no interrupt before the event")
    read(q, 0, 512)
    same(d.isr & 1, 1, "at the event")
    d.turn(lambda: q.avail_event() == 3)
    check(True, "the device wants to be told of the next")
    m.close()
    m = machine(",event_idx=off")
    d, q = start(m)
    q.put(q.avail, "H", 1)
    read(q, 0, 512)
    same(d.isr, 0, "NO_INTERRUPT")
    q.put(q.avail, "H", 0)
    read(q, 0, 512)
    same(d.isr & 1, 1, "and without it")
    m.close()
    m = machine(",packed=on")
    d, q = start(m)
    q.put(q.avail, "HH", 3 | 1 << 15, 2)
    read(q, 0, 512)
    same(d.isr, 0, "packed: not before descriptor 3 is used")
    q.put(q.avail, "HH", 0, 1)
    read(q, 0, 512)
    same(d.isr, 0, "packed: disabled")
    q.put(q.avail, "HH", 0, 0)
    read(q, 0, 512)
    same(d.isr & 1, 1, "packed: enabled")
    m.close()


def window():
    """4.1.4.9: BARs through configuration space"""
    m = machine()
    d = Device(m)
    cap = d.caps[5][0]

    def at(off, n, bar=4):
        m.pci_write(2, 0, cap + 4, bar, 1)
        m.pci_write(2, 0, cap + 8, off)
        m.pci_write(2, 0, cap + 12, n)

    at(20, 1)
    m.pci_write(2, 0, cap + 16, 3, 1)
    same((d.status, m.pci_read(2, 0, cap + 16, 1)), (3, 3), "status by the window")
    at(0x2000, 4)
    same(m.pci_read(2, 0, cap + 16), SIZE // 512, "capacity by the window")
    for off, n, bar in ((0xfffffffc, 4, 4), (0x4000, 4, 4), (0x2001, 4, 4), (0, 3, 4), (0, 4, 3), (0, 0, 4)):
        at(off, n, bar)
        m.pci_write(2, 0, cap + 16, 0, 4)
        m.pci_read(2, 0, cap + 16)
    same(d.status, 3, "nonsense is ignored")
    m.close()


def negotiation():
    m = machine()
    d = Device(m)
    d.negotiate()
    f = d.features
    d.status = 0
    same(d.status, 0, "reset")
    d.status = 3
    d.take(f | 1 << F_PACKED)
    d.status = 11
    same(d.status & FEATURES_OK, 0, "a feature that was not offered")
    d.status = 0
    d.status = 3
    d.take(f & ~(1 << F_VERSION_1))
    d.status = 11
    same(d.status & FEATURES_OK, 0, "without VERSION_1")
    d.status = 0
    d.set(22, 2, 5)
    same((d.get(24, 2), d.get(28, 2)), (0, 0), "a queue that is not there")
    d.set(22, 2, 0)
    d.set(24, 2, 100)
    d.set(28, 2, 1)
    same(d.get(28, 2), 0, "a split ring of 100 places")
    d.set(24, 2, 512)
    same(d.get(24, 2), 100, "larger than it may be")
    m.close()


LIES = {
    "an index too far": lambda q: q.put(q.avail + 2, "H", q.size + 1),
    "a head outside": lambda q: q.offer(q.size),
    "a chain outside": lambda q: (q.descriptor(0, 0x1000, 16, NEXT, q.size), q.offer(0)),
    "a loop": lambda q: (q.descriptor(0, 0x1000, 16, NEXT, 1), q.descriptor(1, 0x1000, 16, NEXT, 0), q.offer(0)),
    "a loop of one": lambda q: (q.descriptor(0, 0x1000, 0, NEXT, 0), q.offer(0)),
    "a buffer nowhere": lambda q: (q.descriptor(0, 0x1000, 16, NEXT, 1), q.descriptor(1, 0xd0000000, 512, WRITE), q.offer(0)),
    "a buffer of 4 GiB": lambda q: (q.descriptor(0, 0x1000, 0xffffffff, 0), q.offer(0)),
    "over the end of addresses": lambda q: (q.descriptor(0, 2**64 - 16, 32, 0), q.offer(0)),
    "registers as a buffer": lambda q: (q.descriptor(0, q.dev.mem, 16, NEXT, 1), q.descriptor(1, 0x1000, 1, WRITE), q.offer(0)),
    "writable before readable": lambda q: (q.descriptor(0, 0x1000, 16, WRITE | NEXT, 1), q.descriptor(1, 0x2000, 16, 0), q.offer(0)),
    "nothing to write to": lambda q: (q.descriptor(0, 0x1000, 16), q.offer(0)),
    "a short header": lambda q: q.add(q.buffers([b"x"], [1])),
    "an indirect table of 5 bytes": lambda q: (q.descriptor(0, 0x1000, 5, INDIRECT), q.offer(0)),
    "an empty indirect table": lambda q: (q.descriptor(0, 0x1000, 0, INDIRECT), q.offer(0)),
    "a huge indirect table": lambda q: (q.descriptor(0, 0x1000, 0xfffffff0, INDIRECT), q.offer(0)),
    "an indirect table nowhere": lambda q: (q.descriptor(0, 0xd0000000, 16, INDIRECT), q.offer(0)),
    "indirect and next": lambda q: (q.descriptor(0, 0x1000, 16, INDIRECT | NEXT, 1), q.offer(0)),
    "an indirect loop": lambda q: (q.put(0x1000, "QIHH", 0x2000, 16, NEXT, 0), q.descriptor(0, 0x1000, 16, INDIRECT), q.offer(0)),
    "indirect in indirect": lambda q: (q.put(0x1000, "QIHH", 0x2000, 16, INDIRECT, 0), q.descriptor(0, 0x1000, 16, INDIRECT), q.offer(0)),
    "an indirect chain outside": lambda q: (q.put(0x1000, "QIHH", 0x2000, 16, NEXT, 9), q.descriptor(0, 0x1000, 16, INDIRECT), q.offer(0)),
}


def lies():
    m = machine()
    d, q = start(m)
    for name, lie in LIES.items():
        d.negotiate()
        q = d.queue(0, 16)
        d.ready()
        d.heap = 0x300000
        lie(q)
        d.kick(0)
        d.turn(lambda: d.status & NEEDS_RESET, name)
        check(d.status & NEEDS_RESET, f"{name}: the device needs a reset")
    d.negotiate()
    # rings nowhere
    d.set(22, 2, 0)
    d.set(32, 4, 0xd0000000), d.set(40, 4, 0xd0001000), d.set(48, 4, 0xd0002000)
    d.set(28, 2, 1)
    d.ready()
    d.kick(0)
    d.turn(lambda: d.status & NEEDS_RESET, "rings nowhere")
    d.negotiate()
    q = d.queue(0)
    d.ready()
    same(write(q, 0, b"A" * 512), (1, 0), "after all of that it works")
    # the same place of the ring again and again while it is in flight
    m.close()
    m = machine(",packed=on")
    d, q = start(m, size=8)
    for name, lie in (("a chain without end", [(0x1000, 16, NEXT)] * 8), ("nowhere", [(0xd0000000, 16, 0)]),
                      ("a bad table", [(0x1000, 24, INDIRECT)])):
        d.negotiate()
        q = d.queue(0, 8)
        d.ready()
        for i, (a, n, f) in enumerate(lie):
            q.put(q.desc + 16 * i, "QIHH", a, n, 0, f | AVAIL)
        d.kick(0)
        d.turn(lambda: d.status & NEEDS_RESET, name)
        check(d.status & NEEDS_RESET, f"packed, {name}: needs a reset")
    m.close()


def random_rings():
    """Anything at all in the rings: it lives, and works after a reset"""
    for packed in (False, True):
        m = machine(",packed=on" if packed else "")
        d, q = start(m)
        for i in range(60):
            d.negotiate()
            d.heap = 0x300000
            q = d.queue(0, 16)
            d.ready()
            for k in range(16):
                a = rnd.choice((0x1000, 0x2000, q.desc, rnd.randrange(1 << 36), 31 << 20))
                n = rnd.choice((0, 1, 16, 512, 4096, rnd.randrange(1 << 32)))
                f = rnd.choice((0, NEXT, WRITE, NEXT | WRITE, INDIRECT, rnd.randrange(1 << 16)))
                fields = (a, n, rnd.randrange(18), f | AVAIL) if packed else (a, n, f, rnd.randrange(18))
                q.put(q.desc + 16 * k, "QIHH", *fields)
            if not packed:
                q.put(q.avail, "HH16H", rnd.randrange(2), rnd.randrange(18), *[rnd.randrange(18) for _ in range(16)])
            d.kick(0)
            for _ in range(3):
                d.status
        d.negotiate()
        q = d.queue(0, 16)
        d.ready()
        same(write(q, 0, b"B" * 512), (1, 0), f"random rings, packed={packed}")
        m.close()


def reset_in_flight():
    m = machine(",num-queues=1", "")
    d, q = start(m)
    for i in range(20):
        for k in range(8):
            q.add(q.buffers([head(OUT, k), bytes(65536)], [1]))
        q.kick()
        d.negotiate()
        q = d.queue(0)
        d.ready()
        d.heap = 0x300000
    same(write(q, 0, b"C" * 512), (1, 0), "20 resets with requests in flight")
    m.close()


def parked():
    """werror=stop: requests wait in the state until the machine goes on"""
    for packed in (False, True):
        sock = tempfile.mktemp(dir=tmp)
        m = machine(",packed=on" if packed else "", ",werror=stop", "-qmp", f"unix:{sock},server=on,wait=off",
                    restore_signals=False)
        d, q = start(m, size=16)
        qmp = Qmp(sock)
        fsize = lambda n: resource.prlimit(m.p.pid, resource.RLIMIT_FSIZE, (n, resource.RLIM_INFINITY))

        def stopped():
            for _ in range(1000):
                if qmp("query-status")["status"] == "io-error":
                    return True
            return False

        fsize(1 << 20)
        data = [rnd.randbytes(1024) for _ in range(4)]
        for i, x in enumerate(data):
            q.add(q.buffers([head(OUT, 9000 + 2 * i), x], [1]))
        q.kick()
        check(stopped(), f"a failed write stops the machine, packed={packed}")
        for _ in range(20):
            d.status
        check(not q.done(), "nobody is told")
        qmp("cont")
        check(stopped(), "again while the disk is full")
        fsize(resource.RLIM_INFINITY)
        qmp("cont")
        for _ in data:
            d.turn(q.done)
            q.pop()
        same([read(q, 9000 + 2 * i, 1024) for i in range(4)], data, "all are done when there is room")
        # a reset forgets what waits
        fsize(1 << 20)
        q.add(q.buffers([head(OUT, 9000), bytes(1024)], [1]))
        q.kick()
        check(stopped(), "once more")
        d.reset()
        fsize(resource.RLIM_INFINITY)
        qmp("cont")
        d.negotiate()
        q = d.queue(0, 16)
        d.ready()
        same(read(q, 9000, 1024), data[0], "a reset forgets it")
        m.close()


tests = [identity, legacy, modern, many, parts, stable, queues, events, window, negotiation, lies, random_rings,
         reset_in_flight, parked]
main(*tests)
