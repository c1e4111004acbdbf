# SPDX-License-Identifier: GPL-2.0-or-later
"""A qemu-kvm that runs no CPU, and the two monitors' languages, for tests of chardevs and monitors.

Nothing here waits for time to pass: reads end when what is waited for has come, or after GUARD
seconds, which is a failure.
"""
import atexit, json, os, pty, re, select, shutil, socket, subprocess, sys, tempfile, termios
from connect import connect

GUARD = 30
QEMU = os.environ.get("QEMU") or os.path.join(os.environ.get("BUILD", "."), "qemu-kvm")
BASE = ["-accel", "qtest", "-display", "none", "-nodefaults", "-M", "none"]
TMP = tempfile.mkdtemp(prefix="kvm-test-")
atexit.register(shutil.rmtree, TMP, ignore_errors=True)


class Vm:
    """One process; arguments are added to BASE. stdin and stdout are pipes unless said."""

    def __init__(self, *args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, base=BASE, **kw):
        self.p = subprocess.Popen([QEMU, *base, *args], stdin=stdin, stdout=stdout,
                                  stderr=subprocess.PIPE, bufsize=0, **kw)
        atexit.register(self.kill)

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()

    def end(self):
        """-> status, stdout, stderr; closes stdin first"""
        try:
            out, err = self.p.communicate(timeout=GUARD)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the process did not end")
        return self.p.returncode, out, err


class Stream:
    """Bytes from and to one descriptor or socket."""

    def __init__(self, fd):
        self.fd, self.buf = fd, b""

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        while data:
            data = data[os.write(self.fd, data):]

    def more(self):
        ready, _, _ = select.select([self.fd], [], [], GUARD)
        assert ready, f"nothing came; so far {self.buf!r}"
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO of a pty whose other side is closed
            data = b""
        self.buf += data
        return data

    def until(self, what):
        """-> all up to and with `what`"""
        if isinstance(what, str):
            what = what.encode()
        while what not in self.buf:
            assert self.more(), f"{what!r} did not come; the end after {self.buf!r}"
        at = self.buf.index(what) + len(what)
        got, self.buf = self.buf[:at], self.buf[at:]
        return got

    def eof(self):
        while self.more():
            pass
        got, self.buf = self.buf, b""
        return got


class Socket(Stream):
    def __init__(self, where):
        self.sock = connect(where, GUARD)
        super().__init__(self.sock.fileno())

    def close(self):
        self.sock.close()


PROMPT = b"(qemu) "


def screen(data):
    """Plain text of what a terminal shows of the line editor's output, escapes applied per line."""
    rows, row, col = [], "", 0
    for m in re.finditer(r"\x1b\[(\d*)([A-Z])|(.)", data.decode("utf-8", "replace"), re.S):
        n, code, c = m.groups()
        if code == "D":
            col -= int(n or 1)
        elif code == "C":
            col += int(n or 1)
        elif code == "K":
            row = row[:col]
        elif c == "\r":
            col = 0
        elif c == "\n":
            rows.append(row)
            row, col = "", 0
        elif c:
            row = row[:col] + c + row[col + 1:]
            col += 1
    return rows + [row]


class Hmp:
    def __init__(self, stream):
        self.s = stream
        self.banner = stream.until(PROMPT)

    def __call__(self, line):
        """-> the answer's lines"""
        self.s.send(line + "\n")
        return screen(self.s.until(b"\n" + PROMPT) if not line else self.answer(line))

    def answer(self, line):
        got = self.s.until(b"\n")  # the echo
        return got[len(got):] + self.s.until(PROMPT)[:-len(PROMPT)]

    def text(self, line):
        return "\n".join(self(line)).rstrip("\n")


class Qmp:
    def __init__(self, stream, negotiate=True):
        self.s, self.events = stream, []
        self.greeting = self.next()
        if negotiate:
            assert self.raw({"execute": "qmp_capabilities"}) == {"return": {}}

    def next(self):
        return json.loads(self.s.until(b"\n"))

    def raw(self, message):
        """Sends a dict or text -> the next answer that is not an event"""
        self.s.send((message if isinstance(message, str) else json.dumps(message)) + "\n")
        return self.reply()

    def reply(self):
        while True:
            got = self.next()
            if "event" not in got:
                return got
            self.events.append(got)

    def __call__(self, name, **args):
        got = self.raw({"execute": name, "arguments": {k.replace("_", "-"): v for k, v in args.items()}})
        assert "return" in got, f"{name}: {got}"
        return got["return"]

    def error(self, name, **args):
        return self.raw({"execute": name, "arguments": args})["error"]

    def event(self, name):
        for e in self.events:
            if e["event"] == name:
                self.events.remove(e)
                return e
        while True:
            got = self.next()
            assert "event" in got, got
            if got["event"] == name:
                return got
            self.events.append(got)


TESTS = []


def test(f):
    TESTS.append(f)
    return f


def main():
    print(f"1..{len(TESTS)}")
    failed = 0
    for n, f in enumerate(TESTS, 1):
        name = f.__name__.replace("_", " ")
        try:
            f()
            print(f"ok {n} - {name}")
        except Exception as e:
            failed += 1
            print(f"not ok {n} - {name}")
            tb = e.__traceback__
            while tb.tb_next and tb.tb_next.tb_frame.f_code.co_filename == f.__code__.co_filename:
                tb = tb.tb_next
            print(f"# line {tb.tb_lineno}: {type(e).__name__}: {str(e)[:1500]!r}")
        sys.stdout.flush()
    sys.exit(failed != 0)
