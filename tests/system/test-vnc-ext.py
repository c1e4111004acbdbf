#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""VNC beyond the picture: extensions, WebSocket, reverse connections, several displays, who may look."""
import atexit, os, re, resource, socket, struct, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
import qtest
from qtest import Machine, Qmp, check, same
from rfb import Viewer, WebSocket

tmp = tempfile.mkdtemp(prefix="vncx-")
PATH, WS, QMP, MON = (os.path.join(tmp, n) for n in ("vnc", "ws", "qmp", "mon"))


def machine(*args):
    m = Machine("-qmp", f"unix:{QMP},server=on,wait=off", *args)
    m.ask("inb 0x3da")
    return m, Qmp(QMP)


def viewer(where=PATH, shared=1, **kw):
    v = Viewer(where, **kw)
    assert v.login() is True
    return v.init(shared)


def scancodes(m, n):
    """n bytes of the keyboard's, by the controller"""
    out = []
    for _ in range(2000):
        if m.inb(0x64) & 1:
            out.append(m.inb(0x60))
        if len(out) >= n:
            break
        time.sleep(0.002)
    return bytes(out)


def keyboard_on(m):
    m.outb(0x64, 0x60), m.outb(0x60, 0x45)  # translated, interrupt on
    while m.inb(0x64) & 1:
        m.inb(0x60)


# ---- extensions ----
m, q = machine("-device", "VGA", "-vnc", f"unix:{PATH},websocket=unix:{WS},key-delay-ms=1,power-control=on")
keyboard_on(m)
v = viewer()
v.encodings(0, -223, -257, -258, -261, -308, -309)
v.request()
seen = {}
for _ in range(20):
    if v.s.recv(1, socket.MSG_PEEK) == b"\xfa":
        same(v.get(4), b"\xfa\0\1\1", "xvp: power control is offered")
        continue
    for r in v.update():
        seen.setdefault(r[4], r)
    if len(seen) == 5:
        break
    v.request(0)
same(sorted(seen), [-308, -261, -258, -257, 0], "each extension is answered")
same(seen[-257][0], 0, "the pointer is relative: a PS/2 mouse")
same(seen[-261][5], b"\0", "no LED is lit")
x, y, w, h, e, data = seen[-308]
same((x, y, w, h), (0, 0, v.w, v.h), "the layout is told unasked")
same(data, b"\1\0\0\0" + struct.pack(">IHHHHI", 0, 0, 0, v.w, v.h, 0), "one screen as large as the picture")

v.s.sendall(struct.pack(">BBHHBB", 251, 0, 800, 600, 1, 0) + struct.pack(">IHHHHI", 0, 0, 0, 800, 600, 0))
x = 0
while x == 0:  # an answer to an earlier request may come first
    x, y, w, h, e, data = v.find(-308, False)
check((x, y) in ((1, 3), (1, 4)), "SetDesktopSize is answered: this viewer asked, and what became of it", x, y)

v.close()
v = viewer()  # one that asks for no pictures: nothing but answers comes
v.encodings(0, -257, -258, -261, -309)
v.find(-261, False)
v.scancode(ord("a"), 0x1e, 1), v.scancode(ord("a"), 0x1e, 0)
same(scancodes(m, 2), b"\x1e\x9e", "a key by its scancode")
v.scancode(0xff53, 0xcd, 1), v.scancode(0xff53, 0xcd, 0)
same(scancodes(m, 4), b"\xe0\x4d\xe0\xcd", "an extended one")
v.key(ord("_"), 1), v.key(ord("_"), 0)
same(scancodes(m, 4), b"\x2a\x0c\xaa\x8c", "a symbol without Shift is typed with it")

# Caps Lock: the guest's keyboard lights its LED; the viewer hears of it
m.outb(0x60, 0xed), m.outb(0x60, 4)
scancodes(m, 2)
while v.s.recv(1, socket.MSG_PEEK) == b"\xfa":
    v.get(4)
same(v.find(-261, False)[5], b"\4", "a LED is told")
v.key(ord("A"), 1), v.key(ord("A"), 0)
same(scancodes(m, 2), b"\x1e\x9e", "with Caps Lock on 'A' needs no Shift")
m.outb(0x60, 0xed), m.outb(0x60, 0)
scancodes(m, 2)

# hot keys never reach the guest
for chord in ((0xffe3, 0xffe9, ord("2")), (0xffe3, 0xffe9, ord("1"))):
    v.press(*chord)
    same(scancodes(m, 4), b"\x1d\x38\x9d\xb8", "Ctrl-Alt-N: the guest sees Ctrl and Alt come and go")
v.press(ord("b"))
same(scancodes(m, 2), b"\x30\xb0", "and the next key as ever")

# relative steps around 7FFFh
m.outb(0x64, 0xd4), m.outb(0x60, 0xf4)
scancodes(m, 1)
m.outb(0x64, 0x60), m.outb(0x60, 0x47)
v.pointer(0, 0x7fff + 5, 0x7fff - 3)
same(scancodes(m, 3), b"\x08\x05\x03", "a pointer step")

# xvp
v.s.sendall(b"\xfa\0\1\3")
while v.s.recv(1, socket.MSG_PEEK) != b"\xfa":
    v.update()
same(v.get(4), b"\xfa\0\1\0", "xvp: a reboot from inside is refused")
v.s.sendall(b"\xfa\0\1\4")
for _ in range(500):
    q("query-status")
    if "RESET" in q.events:
        break
    time.sleep(0.01)
check("RESET" in q.events, "xvp: a reset")
v.close()

# ---- a flood of keys that nobody reads costs nothing ----
v = viewer()
v.s.settimeout(1)
v.s.sendall(struct.pack(">BBHI", 4, 1, 0, ord("x")) * 100)
try:
    for _ in range(200):
        v.s.sendall((struct.pack(">BBHI", 4, 1, 0, ord("x")) + struct.pack(">BBHI", 4, 0, 0, ord("x"))) * 2000)
except (TimeoutError, ConnectionError):
    pass
w = viewer()
w.request()
check(w.update(), "a viewer that floods keys does not hold up another")
rss = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{m.p.pid}/status").read())[1])
check(rss < 700 << 10, "and costs bounded memory", rss)
v.close(), w.close()

# ---- one that is refused and never reads its last words is gone all the same ----
v = viewer()
v.s.settimeout(60)
v.request(0, 0, 0, 400, 300)  # more than the socket holds, less than stops the server's reading
have = -1
while have != (have := len(v.s.recv(1 << 20, socket.MSG_PEEK))):
    time.sleep(0.2)
check(have < 480000, "the rest of a picture waits in the server", have)
v.s.sendall(b"\x63")  # no such message
for _ in range(600):
    if not q("query-vnc")["clients"]:
        break
    time.sleep(0.1)
check(not q("query-vnc")["clients"], "a viewer that fails and does not read is dropped")
v.close()

# ---- half handshakes by the hundred, and no descriptor left ----
def connection():
    s = socket.socket(socket.AF_UNIX)
    s.connect(PATH)
    return s


half = [connection() for _ in range(200)]
v = viewer()
check(v, "half handshakes keep nobody out")
v.close()
for s in half:
    s.close()
while q("query-vnc")["clients"]:
    time.sleep(0.05)
fds = f"/proc/{m.p.pid}/fd"
few = len(os.listdir(fds)) + 6
old = resource.prlimit(m.p.pid, resource.RLIMIT_NOFILE, (few, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
half = [connection() for _ in range(20)]
while len(os.listdir(fds)) < few:
    time.sleep(0.05)
v = connection()
v.settimeout(60)
for s in half:
    s.close()
check(v.recv(12) == b"RFB 003.008\n", "a server without descriptors goes on when there are some")
v.close()
resource.prlimit(m.p.pid, resource.RLIMIT_NOFILE, old)

# ---- WebSocket ----
v = viewer(WS, websocket=True)
check(b"101 " in v.s.answer and b"Sec-WebSocket-Protocol: binary" in v.s.answer, "the upgrade is answered")
v.encodings(0)
v.request()
check(v.update()[0][5], "a picture through a WebSocket")
server = [s for s in q("query-vnc-servers") if s["id"] == "default"][0]
check(any(c["websocket"] for c in server["clients"]), "query-vnc-servers says websocket", server)
v.s.sendall(b"are you there", first=0x89)
opcode = 0
while opcode != 10:
    opcode, data = v.s.frame()
same(data, b"are you there", "ping and pong")
v.s.sendall(b"\3\xe8", first=0x88)
while opcode != 8:
    opcode, data = v.s.frame()
same(data, b"\3\xe8", "a close is answered")
for name, data in {"half a request": b"GET / HTT", "no upgrade": b"GET / HTTP/1.1\r\n\r\n", "plain VNC": b"RFB 003.008\n" * 800,
                   "an endless header": b"GET / HTTP/1.1\r\nX: " + b"x" * 20000}.items():
    s = socket.socket(socket.AF_UNIX)
    s.connect(WS)
    try:
        s.sendall(data)
    except ConnectionError:
        pass
    s.close()
s = socket.socket(socket.AF_UNIX)
s.connect(WS)
w = WebSocket(s)
s.sendall(b"\x82\xff" + b"\x7f" * 8 + bytes(4) + b"RFB 003.008\n")  # a frame of 2^63 bytes
same(w.recv(12), b"RFB 003.008\n", "a frame that claims 2^63 bytes is read as it comes")
s.close()
check(viewer(WS, websocket=True).name == "QEMU", "after all that the next viewer gets in")
m.close()

# ---- the monitor's console, by Ctrl-Alt-2 and back ----
for path in (PATH, QMP):
    if os.path.exists(path):
        os.unlink(path)
p = subprocess.Popen([os.path.join(os.environ["BUILD"], "qemu-kvm"), "-accel", "qtest", "-M", "pc", "-nodefaults", "-device",
                      "VGA", "-monitor", "vc", "-vnc", f"unix:{PATH}", "-qmp", f"unix:{QMP},server=on,wait=off"],
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
atexit.register(p.kill)
while True:
    try:
        v = viewer()
        break
    except (FileNotFoundError, ConnectionRefusedError):
        time.sleep(0.05)
        assert p.poll() is None
size = v.w, v.h
v.encodings(0, -223)
v.request()
v.update()
v.press(0xffe3, 0xffe9, ord("2"))
for _ in range(50):
    v.request(1)
    got = v.update()
    if any(r[4] == -223 for r in got):
        break
same((v.w, v.h), (640, 384), "Ctrl-Alt-2 shows the monitor")
v.request()
while not (data := b"".join(r[5] for r in v.update() if r[4] == 0)):
    v.request()
check(set(data) - {0}, "with something on it")
v.press(0xffe3, 0xffe9, ord("1"))
for _ in range(50):
    v.request(1)
    if any(r[4] == -223 for r in v.update()):
        break
same((v.w, v.h), size, "Ctrl-Alt-1 comes back")
v.press(0xffe3, 0xffe9, ord("2"))
for c in "# " + 80 * "x" + "\nquit\n":  # at once: what follows the hot key is for the console it shows
    v.press(0xff0d if c == "\n" else ord(c))
v.close()
same(p.wait(30), 0, "what is typed there is done, though the viewer left at once: quit")
os.path.exists(QMP) and os.unlink(QMP)

# ---- the bell of a text console ----
m, q = machine("-device", "VGA", "-serial", "vc:40Cx10C", "-vnc", f"unix:{PATH}")
v = viewer()
v.encodings(0, -223)
v.press(0xffe3, 0xffe9, ord("2"))
while (v.w, v.h) != (320, 160):
    v.request(1)
    v.update()
m.outb(0x3f8, 7)
while v.s.recv(1, socket.MSG_PEEK) != b"\2":
    v.update()
same(v.get(1), b"\2", "a text console's bell rings at the viewer")
m.outb(0x3f8, ord("x"))
v.request(1)
check(v.update(), "once, and pictures follow")
v.close(), m.close()
os.path.exists(QMP) and os.unlink(QMP)

# ---- events, several displays, screens ----
B = os.path.join(tmp, "vnc2")
m, q = machine("-device", "VGA", "-vnc", f"unix:{PATH}", "-vnc", f"unix:{B},id=second,connections=1")
v = viewer()
v2 = viewer(B)
for display in (v, v2):
    display.request()
    check(display.update(), "each display shows the picture")
q("query-vnc")
same(q.events.count("VNC_CONNECTED"), 2, "VNC_CONNECTED")
same(q.events.count("VNC_INITIALIZED"), 2, "VNC_INITIALIZED")
x = Viewer(B)
x.login()
try:
    x.init(1)
    refused = False
except (EOFError, ConnectionError):
    refused = True
check(refused, "connections=1: the second viewer is sent away")
v2.close()
for _ in range(500):
    q("query-vnc")
    if q.events.count("VNC_DISCONNECTED") == 2:
        break
    time.sleep(0.01)
same(q.events.count("VNC_DISCONNECTED"), 2, "VNC_DISCONNECTED")
same([s["id"] for s in q("query-vnc-servers")], ["second", "default"], "query-vnc-servers lists both")
m.close()

# ---- share policies ----
m, q = machine("-device", "VGA", "-vnc", f"unix:{PATH},share=force-shared", "-vnc", f"unix:{B},share=ignore")
a, b = viewer(), viewer()
x = Viewer(PATH)
x.login()
try:
    x.init(0)
    refused = False
except (EOFError, ConnectionError):
    refused = True
check(refused, "force-shared: who wants to be alone is refused")
for v in (a, b):
    v.request()
    check(v.update(), "and evicts nobody")
a, b = viewer(B, 0), viewer(B, 0)
for v in (a, b):
    v.request()
    check(v.update(), "ignore: both stay")
m.close()
m, q = machine("-device", "VGA", "-vnc", f"unix:{PATH}")
a = viewer(shared=0)
x = Viewer(PATH)
x.login()
try:
    x.init(1)
    refused = False
except (EOFError, ConnectionError):
    refused = True
check(refused, "allow-exclusive: nobody joins one who is alone")
m.close()

# ---- reverse ----
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
m, q = machine("-device", "VGA", "-vnc", f"127.0.0.1:{port},reverse=on")
listener.settimeout(20)
v = Viewer(listener.accept()[0])
same(v.login(), True, "reverse: a listening viewer is called")
v.init()
v.request()
check(v.update(), "and looks")
m.close()

# ---- passwords: secret, expiry ----
m, q = machine("-device", "VGA", "-object", "secret,id=s0,data=geheim", "-vnc", f"unix:{PATH},password-secret=s0")
same(Viewer(PATH).login("geheim"), True, "password-secret")
same(Viewer(PATH).login("falsch"), "Authentication failed", "and no other")
q("set_password", protocol="vnc", password="neu")
same(Viewer(PATH).login("neu"), True, "set_password changes it")
q("expire_password", protocol="vnc", time="now")
same(Viewer(PATH).login("neu"), "Authentication failed", "expired")
q("expire_password", protocol="vnc", time="+1000")
same(Viewer(PATH).login("neu"), True, "not yet expired")
q("change-vnc-password", password="")
same(Viewer(PATH).login(""), "Authentication failed", "an empty password lets nobody in")
m.close()


# ---- what is refused at the start, and the lines said ----
def start(*args, stdin=subprocess.DEVNULL, more=()):
    p = subprocess.run([os.path.join(os.environ["BUILD"], "qemu-kvm"), "-accel", "qtest", "-M", "pc", "-nodefaults",
                        "-monitor", "stdio", *more, *args], input=b"change vnc password\nhidden\nquit\n", capture_output=True, timeout=60)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


for args, want in {
    ("password-secret=nobody",): "nobody",
    ("tls-creds=x",): "'tls-creds' is not supported yet",
    ("sasl=on",): "'sasl' is not supported yet",
    ("websocket=on",): "websocket=on goes with a display number",
    ("websocket=99999",): "no port",
    ("reverse=on,websocket=5",): "exclude each other",
    ("display=nix",): "no device of that id",
}.items():
    code, out, err = start("-vnc", f"unix:{PATH},{args[0]}")
    check(code == 1 and want in err, f"{args[0]}: refused with a reason", err)
code, out, err = start("-vnc", "127.0.0.1:60,to=99,password=on", more=("-device", "VGA"))
check(re.search(r"^VNC server running on 127\.0\.0\.1:59\d\d$", err, re.M), "to=: the line says which port", err)
check("Password: " in out and "hidden" not in out and code == 0, "the prompt works when the monitor's input is a pipe", out)
for where, want in {"0.0.0.0:60,ipv6=on": "address resolution failed", "unix:": "needs a path", "nohost.invalid:5,reverse":
                    "address resolution failed", ":60,tls": "'tls' is not supported yet",
                    ":60,x509=/tmp": "'x509' is not supported yet"}.items():
    code, out, err = start("-vnc", where)
    check(code == 1 and want in err, f"{where}: refused with a reason", err)
code, out, err = start("-vnc", "none,password=on")
check("Password: " in out and "Error" not in out and code == 0, "none: a display that listens nowhere has a password", out)
code, out, err = start("-vnc", "unix:,websocket")  # the key alone is "on"
check("needs a path" in err, "websocket alone is websocket=on", err)
busy = socket.create_server(("127.0.0.1", 0))
port = busy.getsockname()[1]
if port > 5900:
    code, out, err = start("-vnc", f"127.0.0.1:{port - 5900}")
    check(code == 1 and "in use" in err, "a taken port is an error", err)
print(f"1..{qtest._n}")
sys.exit(qtest._bad > 0)
