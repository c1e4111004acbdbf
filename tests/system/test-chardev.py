#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every chardev with a monitor as its user: open, talk, close, come back; muxes, terminals, errors."""
import fcntl, os, signal, sys

sys.path.insert(0, os.path.join(os.environ.get("SRC", "."), "tests/lib"))
from monitor import *


def same(got, want):
    assert got == want, f"{got!r} instead of {want!r}"


def fails(*args):
    """-> the one line on stderr"""
    status, out, err = Vm(*args).end()
    same(status, 1)
    rows = err.decode().splitlines()
    same(len(rows), 1)
    return rows[0]


def on_tty(*args, **kw):
    """A process whose stdin and stdout are a terminal -> Vm, our side, the terminal's descriptor"""
    ours, theirs = pty.openpty()
    vm = Vm(*args, stdin=theirs, stdout=theirs, **kw)
    return vm, Stream(ours), theirs


# ---- sockets ----

@test
def unix_server_serves_one_after_the_other():
    path = f"{TMP}/s"
    vm = Vm("-monitor", f"unix:{path},server=on,wait=off")
    for _ in range(3):
        m = Hmp(Socket(path))
        same(m.text("info status"), "VM status: running")
        m.s.close()
    m = Hmp(Socket(path))
    m.s.send("quit\n")
    m.s.eof()
    same(vm.end()[0], 0)
    assert not os.path.exists(path), "the socket's file is left behind"


@test
def old_spellings_are_understood():
    for n, opts in enumerate(("server,nowait", "server=on,wait=off", "server,wait=off,")):
        path = f"{TMP}/o{n}"
        vm = Vm("-chardev", f"socket,id=c,path={path},{opts}", "-mon", "c,mode=readline")
        same(Hmp(Socket(path)).text("info chardev"), f"c: filename=unix:{path},server=on")
        vm.kill()


@test
def wait_holds_up_the_start():
    path = f"{TMP}/w"
    vm = Vm("-qmp", f"unix:{path},server")
    assert b"waiting for connection on: disconnected:unix:" in Stream(vm.p.stderr.fileno()).until("\n")
    assert vm.p.poll() is None
    same(Qmp(Socket(path))("query-status")["running"], True)


@test
def tcp_server_finds_a_free_port():
    busy = socket.socket()
    busy.bind(("127.0.0.1", 0))
    busy.listen()
    port = busy.getsockname()[1]
    assert "127.0.0.1" in fails("-monitor", f"tcp:127.0.0.1:{port},server=on,wait=off")
    path = f"{TMP}/t"
    vm = Vm("-monitor", f"unix:{path},server=on,wait=off",
            "-chardev", f"socket,id=t,host=127.0.0.1,port={port},to={min(port + 50, 65535)},server=on,wait=off", "-mon", "t")
    name = Hmp(Socket(path)).text("info chardev")
    got = re.search(r"t: filename=disconnected:tcp:127.0.0.1:(\d+),server=on", name)
    assert got and int(got.group(1)) > port, name
    t = Hmp(Socket(("127.0.0.1", int(got.group(1)))))
    assert re.search(r"t: filename=tcp:127.0.0.1:\d+,server=on <-> 127.0.0.1:\d+", t.text("info chardev"))


@test
def client_connects_and_comes_back():
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{TMP}/c")
    server.listen()
    vm = Vm("-chardev", f"socket,id=c,path={TMP}/c,reconnect=1", "-mon", "c")
    for _ in range(2):
        peer, _ = server.accept()
        s = Stream(peer.fileno())
        s.until(PROMPT)
        peer.close()
    assert "Connection refused" in fails("-chardev", "socket,id=c,host=127.0.0.1,port=1", "-mon", "c")


@test
def telnet_talks_in_options():
    path = f"{TMP}/tn"
    vm = Vm("-chardev", f"socket,id=c,path={path},server=on,wait=off,telnet=on", "-mon", "c")
    s = Socket(path)
    hello = s.until(PROMPT)
    assert hello.startswith(b"\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00"), hello
    s.send(b"\xff\xfd\x01\xff\xfa\x18\x00xx\xff\xf0p 1\xff\xfb\x03+1\r\0")
    assert b"\r\n0x2\r\n" in s.until(b"\n" + PROMPT)


# ---- pty ----

@test
def pty_tells_its_name_before_anything_else():
    vm = Vm("-chardev", "pty,id=a", "-chardev", "pty,id=b", "-mon", "a")
    out = Stream(vm.p.stdout.fileno())
    names = []
    for label in ("a", "b"):
        row = out.until("\n").decode()
        got = re.fullmatch(r"char device redirected to (/dev/pts/\d+) \(label " + label + r"\)\n", row)
        assert got, row
        names.append(got.group(1))
    fd = os.open(names[0], os.O_RDWR | os.O_NOCTTY)
    m = Hmp(Stream(fd))
    for n in range(3):
        m.s.send(f"p /d 21*{n}\n")
        assert f"\r\n{21 * n}\r\n".encode() in m.s.until(f"\n{21 * n}\r\n")
        # gone and back: seen as the same peer or as a new one, but always answered
        os.close(fd)
        fd = os.open(names[0], os.O_RDWR | os.O_NOCTTY)
        m.s = Stream(fd)


@test
def serial_uses_a_line_of_the_host():
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    vm = Vm("-monitor", os.ttyname(theirs))
    s = Stream(ours)
    s.until(PROMPT)
    assert not termios.tcgetattr(theirs)[3] & termios.ECHO
    s.send("p /d 5*5\r")
    assert b"\r\n25\r\n" in s.until(b"\n" + PROMPT)
    s.send("quit\r")
    vm.p.wait(GUARD)
    same(termios.tcgetattr(theirs), before)


# ---- files, pipes, null ----

@test
def file_takes_all_and_appends():
    path = f"{TMP}/f"
    for opts in ("", ",append=on"):
        feed = f"{TMP}/in"
        with open(feed, "w") as f:
            f.write("p /d 40+2\nquit\n")
        vm = Vm("-chardev", f"file,id=c,path={path},input-path={feed}{opts}", "-mon", "c")
        same(vm.end()[0], 0)
    same(open(path).read().count("\n42\r\n"), 0)
    same(open(path, newline="").read().count("\r\n42\r\n"), 2)


@test
def file_can_be_our_own_stderr():
    vm = Vm("-chardev", "file,path=/proc/self/fd/2,id=c", "-mon", "c")
    assert b"monitor - type 'help'" in Stream(vm.p.stderr.fileno()).until(PROMPT)


@test
def pipe_is_a_pair_of_fifos():
    os.mkfifo(f"{TMP}/p.in")
    os.mkfifo(f"{TMP}/p.out")
    vm = Vm("-monitor", f"pipe:{TMP}/p")
    out = Stream(os.open(f"{TMP}/p.out", os.O_RDWR | os.O_NONBLOCK))
    out.until(PROMPT)
    feed = Stream(os.open(f"{TMP}/p.in", os.O_RDWR))
    feed.send("p 1+1\n")
    assert b"\r\n0x2\r\n" in out.until(b"\n" + PROMPT)


@test
def logfile_gets_a_copy():
    vm = Vm("-chardev", f"stdio,id=c,logfile={TMP}/log", "-mon", "c")
    status, out, err = vm.p.communicate(b"info status\nquit\n", timeout=GUARD), None, None
    same(open(f"{TMP}/log", "rb").read(), status[0])


# ---- mux ----

@test
def mux_switches_between_its_users():
    vm = Vm("-chardev", "stdio,id=c,mux=on", "-mon", "c", "-mon", "c")
    out, keys = Stream(vm.p.stdout.fileno()), Stream(vm.p.stdin.fileno())
    out.until(PROMPT)
    keys.send("stop\n\x01c")
    out.until("QEMU ")  # the second one greets when it is first seen
    out.until(PROMPT)
    keys.send("info history\n")
    same(screen(out.until(b"\n" + PROMPT))[1], "0: 'info history'")
    keys.send("half\x01c")
    out.until(PROMPT)
    keys.send("info status\n")
    assert "VM status: paused" in screen(out.until(b"\n" + PROMPT))
    keys.send("\x01c")
    out.until("(qemu) half")


@test
def mux_helps_and_quits():
    vm = Vm("-chardev", "stdio,id=c,mux=on", "-mon", "c")
    out, keys = Stream(vm.p.stdout.fileno()), Stream(vm.p.stdin.fileno())
    out.until(PROMPT)
    keys.send("\x01h")
    text = out.until("sends C-a\n\r").decode()
    for row in ("C-a h    print this help", "C-a x    exit emulator", "C-a c    switch between console and monitor",
                "C-a s    save disk data back to file (if -snapshot)", "C-a t    toggle console timestamps",
                "C-a b    send break (magic sysrq)", "C-a C-a  sends C-a"):
        assert row + "\n\r" in text, (row, text)
    keys.send("\x01x")
    out.until("QEMU: Terminated\n\r")
    same(vm.end()[0], 0)


@test
def mux_stamps_lines():
    vm = Vm("-chardev", "stdio,id=c,mux=on", "-mon", "c")
    out, keys = Stream(vm.p.stdout.fileno()), Stream(vm.p.stdin.fileno())
    out.until(PROMPT)
    keys.send("\x01tp 6\n")
    got = out.until(b"] " + PROMPT)
    assert re.search(rb"\n\[\d\d:\d\d:\d\d\.\d{3}\] 0x6\r\n", got), got


@test
def echr_chooses_the_key():
    vm = Vm("-echr", "0x14", "-chardev", "stdio,id=c,mux=on", "-mon", "c")
    out, keys = Stream(vm.p.stdout.fileno()), Stream(vm.p.stdin.fileno())
    out.until(PROMPT)
    keys.send("p /d 7\x01\x14h")
    out.until("C-t x    exit emulator")
    keys.send("\x14x")
    same(vm.end()[0], 0)


def nographic():
    """A PC with -nographic -> Vm, keys, screen, a function that speaks the qtest protocol"""
    path = f"{TMP}/qtest{len(os.listdir(TMP))}"
    vm = Vm("-M", "pc", "-accel", "qtest", "-nographic", "-qtest", f"unix:{path},server=on,wait=off",
            "-qtest-log", "none", base=[])
    line = Socket(path)

    def act(words):
        line.send(words + "\n")
        return line.until("\n").decode().strip()
    return vm, Stream(vm.p.stdin.fileno()), Stream(vm.p.stdout.fileno()), act


def read_serial(act, n):
    """n bytes from the first serial port, as they come"""
    got = b""
    while len(got) < n:
        if int(act("inb 0x3fd").split()[1], 16) & 1:
            got += bytes([int(act("inb 0x3f8").split()[1], 16)])
    return got


@test
def nographic_shares_the_terminal():
    vm, keys, out, act = nographic()
    act("outb 0x3f8 0x41")
    same(out.until("A"), b"A")  # no banner: the serial port is seen first
    keys.send("x\x01\x01\x03y")
    same(read_serial(act, 4), b"x\x01\x03y")
    keys.send("\x01c")
    assert b"monitor - type 'help'" in out.until(PROMPT)
    keys.send("info chardev\n")
    rows = screen(out.until(b"\n" + PROMPT))
    assert "serial0: filename=mux" in rows and "serial0-base: filename=stdio" in rows, rows
    keys.send("\x01cz")
    same(read_serial(act, 1), b"z")
    keys.send("\x01x")
    out.until("QEMU: Terminated")
    same(vm.end()[0], 0)


@test
def mux_keys_work_though_the_guest_reads_nothing():
    vm, keys, out, act = nographic()
    keys.send("k" * 20000 + "\x01c")
    out.until(PROMPT)
    keys.send("\x01c")
    same(read_serial(act, 100), b"k" * 100)
    keys.send("\x01x")
    same(vm.end()[0], 0)


# ---- the terminal ----

@test
def terminal_is_raw_and_comes_back():
    vm, s, theirs = on_tty("-monitor", "stdio")
    before = termios.tcgetattr(theirs)
    s.until(PROMPT)
    now = termios.tcgetattr(theirs)
    assert not now[3] & (termios.ICANON | termios.ECHO) and now[3] & termios.ISIG, now
    s.send("p /d 3\r")
    assert b"\n3\r" in s.until(b"\n" + PROMPT)
    s.send("quit\r")
    vm.p.wait(GUARD)
    after = termios.tcgetattr(theirs)
    assert after[3] & termios.ICANON and after[3] & termios.ECHO, (before, after)
    same(fcntl.fcntl(theirs, fcntl.F_GETFL) & os.O_NONBLOCK, 0)


@test
def terminal_gives_no_signals_where_it_is_asked_to():
    vm, s, theirs = on_tty("-chardev", "stdio,id=c,signal=off", "-mon", "c")
    s.until(PROMPT)
    assert not termios.tcgetattr(theirs)[3] & termios.ISIG
    s.send("quit\r")
    vm.p.wait(GUARD)
    assert termios.tcgetattr(theirs)[3] & termios.ISIG


@test
def terminal_comes_back_after_a_crash():
    for sig in (signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT, signal.SIGUSR2, signal.SIGALRM):
        vm, s, theirs = on_tty("-monitor", "stdio", preexec_fn=no_core)
        s.until(PROMPT)
        vm.p.send_signal(sig)
        vm.p.wait(GUARD)
        assert termios.tcgetattr(theirs)[3] & termios.ICANON, sig


def no_core():
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell's background jobs ignore it


@test
def terminal_is_left_while_stopped():
    def lead():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    vm, s, theirs = on_tty("-monitor", "stdio", preexec_fn=lead)
    s.until(PROMPT)
    vm.p.send_signal(signal.SIGTSTP)
    os.waitid(os.P_PID, vm.p.pid, os.WSTOPPED | os.WNOWAIT)
    assert termios.tcgetattr(theirs)[3] & termios.ICANON
    vm.p.send_signal(signal.SIGCONT)
    s.send("p /d 8\r")
    assert b"\n8\r" in s.until(b"\n" + PROMPT)
    assert not termios.tcgetattr(theirs)[3] & termios.ICANON


@test
def shells_descriptors_keep_their_flags():
    r, w = os.pipe()
    vm = Vm("-monitor", "stdio", stdout=w)
    Stream(r).until(PROMPT)
    same(fcntl.fcntl(w, fcntl.F_GETFL) & os.O_NONBLOCK, 0)


@test
def output_that_nobody_reads_waits():
    r, w = os.pipe()
    vm = Vm("-monitor", "stdio", stdout=w)
    os.close(w)
    out = Stream(r)
    out.until(PROMPT)
    vm.p.stdin.write(b"help\n" * 200 + b"p /d 123+1\nquit\n")
    got = out.eof()
    same(got.count(b"quit|q"), 200)
    assert b"\r\n124\r\n" in got


# ---- errors ----

@test
def errors_are_one_line():
    for args, want in (
            (("-chardev", "nosuch,id=c"), "nosuch"),
            (("-chardev", "null"), "id"),
            (("-chardev", "null,id=1c"), "identifier"),
            (("-chardev", "null,id=c", "-chardev", "null,id=c"), "Duplicate ID 'c'"),
            (("-chardev", "null,id=cons", "-mon", "cosn"), 'chardev "cosn" not found (did you mean'),
            (("-chardev", "stdio,id=a", "-chardev", "stdio,id=b"), "cannot use stdio by multiple character devices"),
            (("-chardev", "null,id=c", "-mon", "c", "-mon", "c"), "mux=on"),
            (("-chardev", "file,id=c,path=/nonexistent/x"), "/nonexistent/x"),
            (("-chardev", "file,id=c"), "out"),
            (("-chardev", "socket,id=c,path=/x/y,server=on,wait=off"), "/x/y"),
            (("-chardev", "mux,id=c,chardev=d"), "'d' not found"),
            (("-monitor", "nosuch:1"), "nosuch:1"),
            (("-monitor", "udp:localhost:1"), "character device 'udp' is not supported"),
            (("-monitor", "tcp:localhost,server"), "expected tcp:HOST:PORT"),
            (("-monitor", "tcp:localhost:70000"), "port '70000' is too large"),
            (("-monitor", "unix:,server"), "expected unix:PATH"),
            (("-monitor", "foo"), "character device 'foo' is not supported"),
            (("-monitor", "/dev/null"), "could not open terminal line '/dev/null'"),
            (("-monitor", "chardev:zz"), 'chardev "zz" not found'),
            (("-mon", "chardev=c,mode=foo"), "foo")):
        got = fails(*args)
        assert want in got, (args, got)


main()
