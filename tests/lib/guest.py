# SPDX-License-Identifier: GPL-2.0-or-later
"""A real guest: the emulator with its serial line on pipes, a monitor on a UNIX socket.

GUEST_REFERENCE=PROGRAM runs the same test on another emulator.
"""
import os, re, select, shutil, socket, subprocess, sys, tempfile, threading, time
from connect import connect

GUESTS = os.environ.get("GUESTS", os.path.join(os.environ["SRC"], "run"))


class Skip(Exception):
    pass


def need_guest(flavour):
    d = os.path.join(GUESTS, flavour)
    if not os.path.exists(os.path.join(d, "done")):
        raise Skip(f"no guest in {d}: run ./quickstart test, or tests/guest/mkguest {flavour} {d}")
    return d


class Guest:
    def __init__(self, *args, guard=240, monitor=True, program=None, accel="tcg", serial="stdio"):
        self.dir = tempfile.mkdtemp(prefix="guest-")
        self.text = ""
        self.end = time.monotonic() + guard
        program = program or [os.environ.get("GUEST_REFERENCE") or os.path.join(os.environ["BUILD"], "qemu-kvm")]
        cmd = [*program, "-accel", accel, "-display", "none", "-serial", serial]
        self.sock = os.path.join(self.dir, "mon")
        cmd += ["-monitor", f"unix:{self.sock},server=on,wait=off" if monitor else "none"]
        self.log = open(os.path.join(self.dir, "stderr"), "w+b")
        self.p = subprocess.Popen(cmd + list(args), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=self.log)
        os.set_blocking(self.p.stdout.fileno(), False)

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def _read(self):
        """One turn; False: the serial line ended."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"guard time over; the last of the serial line:\n{self.text[-2000:]}\n{self.errors()}")
        ready, _, _ = select.select([self.p.stdout], [], [], min(left, 1))
        if not ready:
            return self.p.poll() is None
        data = os.read(self.p.stdout.fileno(), 65536)
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def expect(self, pattern):
        """Wait until the regular expression is on the serial line; -> the match."""
        while True:
            m = re.search(pattern, self.text)
            if m:
                self.text = self.text[m.end():]
                return m
            if not self._read():
                m = re.search(pattern, self.text)
                if m:
                    return m
                raise EOFError(f"it ended (status {self.p.poll()}) before '{pattern}':\n{self.text[-2000:]}\n{self.errors()}")

    def type(self, text):
        self.p.stdin.write(text.encode())
        self.p.stdin.flush()

    def monitor(self, command):
        """One HMP command; -> its output."""
        s = connect(self.sock)
        s.settimeout(60)
        out = b""
        while not out.endswith(b"(qemu) "):
            out += s.recv(4096)
        s.sendall(command.encode() + b"\n")
        out = b""
        while not out.endswith(b"(qemu) "):
            data = s.recv(65536)
            if not data:
                break
            out += data
        s.close()
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", out.decode("utf-8", "replace"))
        return text.split("\n", 1)[-1].rsplit("(qemu) ", 1)[0]

    def wait(self):
        """Its end by itself; -> the exit status."""
        while self._read():
            pass
        return self.p.wait(max(1, self.end - time.monotonic()))

    def close(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def flood(g):
    """Datagrams without end to a forwarded port of the guest's; the monitor answers, nothing grows."""
    port = int(re.search(r"HOST_FORWARD\] +\d+ +127.0.0.1 +(\d+)", g.monitor("info usernet"))[1])
    stop = threading.Event()

    def send():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setblocking(False)
        while not stop.is_set():
            try:
                s.sendto(b"x" * 1400, ("127.0.0.1", port))
            except OSError:
                pass

    def rss():
        return int(re.search(r"VmRSS:\s*(\d+)", open(f"/proc/{g.p.pid}/status").read())[1])
    before = rss()
    t = threading.Thread(target=send, daemon=True)
    t.start()
    try:
        for _ in range(20):
            assert "VM status: running" in g.monitor("info status")
    finally:
        stop.set()
        t.join()
    assert rss() - before < 60000, f"{before} kB became {rss()} kB"


def run(tests):
    """tests: {name: function}; prints TAP."""
    print(f"1..{len(tests)}")
    for n, (name, fn) in enumerate(tests.items(), 1):
        try:
            fn()
            print(f"ok {n} - {name}")
        except Skip as e:
            print(f"ok {n} - {name} # SKIP {e}")
        except BaseException as e:
            print(f"not ok {n} - {name}")
            for line in f"{type(e).__name__}: {e}".splitlines():
                print(f"# {line}")
            if isinstance(e, KeyboardInterrupt):
                raise
        sys.stdout.flush()
