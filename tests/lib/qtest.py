# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine without a processor, driven by the test (-qtest), and TAP output.

QTEST_REFERENCE=PROGRAM runs the same test on another emulator of the same machine.
"""
import base64, json, os, struct, subprocess, sys, tempfile, traceback
from connect import connect


class Machine:
    def __init__(self, *args, **popen):
        ref = os.environ.get("QTEST_REFERENCE")
        cmd = [ref, "-accel", "tcg", "-S"] if ref else \
            [os.path.join(os.environ["BUILD"], "qemu-kvm"), "-accel", "qtest"]
        cmd += ["-M", "pc", "-qtest", "stdio", "-display", "none", "-serial", "none", "-parallel",
                "none", "-monitor", "none", "-net", "none"] if ref else \
            ["-M", "pc", "-qtest", "stdio", "-display", "none", "-nodefaults"]
        if ref:
            cmd.append("-nodefaults")
        self.log = tempfile.TemporaryFile()
        self.p = subprocess.Popen(cmd + list(args), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=self.log, text=True, bufsize=1, **popen)
        self.irqs = {}

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def ask(self, line):
        try:
            self.p.stdin.write(line + "\n")
            self.p.stdin.flush()
        except BrokenPipeError:
            pass
        while True:
            text = self.p.stdout.readline()
            if not text:
                raise EOFError(f"the machine ended at '{line}': {self.errors()}")
            words = text.split()
            if words[0] == "OK":
                return words[1:]
            if words[0] == "IRQ":
                self.irqs[int(words[2])] = words[1] == "raise"
                continue
            if words[0] in ("FAIL", "ERR"):
                raise ValueError(f"'{line}': {text.strip()}")

    def inb(self, port): return int(self.ask(f"inb {port:#x}")[0], 0)
    def inw(self, port): return int(self.ask(f"inw {port:#x}")[0], 0)
    def inl(self, port): return int(self.ask(f"inl {port:#x}")[0], 0)
    def outb(self, port, v): self.ask(f"outb {port:#x} {v:#x}")
    def outw(self, port, v): self.ask(f"outw {port:#x} {v:#x}")
    def outl(self, port, v): self.ask(f"outl {port:#x} {v:#x}")

    def read(self, addr, n):
        return base64.b64decode(self.ask(f"b64read {addr:#x} {n:#x}")[0]) if n else b""

    def write(self, addr, data):
        if data:
            text = base64.b64encode(bytes(data)).decode()
            self.ask(f"b64write {addr:#x} {len(data):#x} {text}")

    def step(self, ns=None):
        self.ask("clock_step" if ns is None else f"clock_step {ns}")

    def pci_addr(self, slot, fn, off):
        self.outl(0xcf8, 0x80000000 | slot << 11 | fn << 8 | off & ~3)

    def pci_read(self, slot, fn, off, size=4):
        self.pci_addr(slot, fn, off)
        port = 0xcfc + (off & 3)
        return {1: self.inb, 2: self.inw, 4: self.inl}[size](port)

    def pci_write(self, slot, fn, off, val, size=4):
        self.pci_addr(slot, fn, off)
        port = 0xcfc + (off & 3)
        {1: self.outb, 2: self.outw, 4: self.outl}[size](port, val)

    def close(self):
        self.p.stdin.close()
        self.p.kill()
        self.p.wait()
        self.log.close()


class Qmp:
    """-qmp unix:PATH,server=on,wait=off"""

    def __init__(self, path):
        self.s = connect(path)
        self.f = self.s.makefile("r")  # one for both ways drops what it read ahead at each write
        self.f.readline()
        self.events = []
        self("qmp_capabilities")

    def __call__(self, name, /, **args):
        json_line = json.dumps({"execute": name, "arguments": args})
        self.s.sendall(json_line.encode() + b"\n")
        while True:
            r = json.loads(self.f.readline())
            if "event" in r:
                self.events.append(r["event"])
            else:
                return r.get("return", r)


class FwCfg:
    """The firmware's view: items and files by fw_cfg's DMA."""
    REQ, BUF = 0x7000, 0x100000

    def __init__(self, m):
        self.m = m

    def dma(self, control, n, addr):
        self.m.write(self.REQ, struct.pack(">IIQ", control, n, addr))
        self.m.outl(0x514, 0)
        self.m.outl(0x518, int.from_bytes(struct.pack(">I", self.REQ), "little"))
        return struct.unpack(">I", self.m.read(self.REQ, 4))[0]

    def item(self, key, n):
        status = self.dma(key << 16 | 8 | 2, n, self.BUF)
        assert status == 0, status
        return self.m.read(self.BUF, n)

    def files(self):
        n = struct.unpack(">I", self.item(0x19, 4))[0]
        raw = self.item(0x19, 4 + 64 * n)[4:]
        out = {}
        for i in range(n):
            size, key, _ = struct.unpack(">IHH", raw[64 * i:64 * i + 8])
            out[raw[64 * i + 8:64 * i + 64].split(b"\0")[0].decode()] = (key, size)
        return out

    def file(self, name):
        key, size = self.files()[name]
        return self.item(key, size)


_n, _bad = 0, 0


def check(ok, what, *more):
    global _n, _bad
    _n += 1
    _bad += not ok
    print(f"{'ok' if ok else 'not ok'} {_n} - {what}")
    if not ok:
        for m in more:
            print(f"# {m!r}"[:400])
    sys.stdout.flush()


def same(got, want, what):
    check(got == want, what, got, want)


def skip(what, why):
    global _n
    _n += 1
    print(f"ok {_n} - {what} # SKIP {why}")


def main(*tests):
    """Runs each; an exception is a failure of its own and the rest goes on."""
    global _bad
    for t in tests:
        try:
            t()
        except Exception:
            check(False, t.__name__, traceback.format_exc()[-390:])
    print(f"1..{_n}")
    sys.exit(1 if _bad else 0)
