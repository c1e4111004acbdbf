#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The SDL window under Xvfb, by keys of xdotool and pictures: title, consoles, monitor, grab, the
ways it ends. Without a window manager: focus is set by hand, full screen is not judged."""
import ctypes, json, os, re, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import textscreen

# libdbus below SDL keeps memory to the end, and a window whose X server went is left as it is
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
Q = os.environ["BUILD"] + "/qemu-kvm"
TMP = tempfile.mkdtemp(prefix="sdl-")
fails = count = 0


def report(ok, name, detail=""):
    global fails, count
    count += 1
    fails += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {name}", flush=True)
    if not ok:
        print(f"# {detail}")


def run(*args, **env):
    p = subprocess.run([Q, "-accel", "tcg", "-S", *args], stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=60, env={**os.environ, **env})
    return p.returncode, p.stderr.decode()


def skip(why):
    shutil.rmtree(TMP)
    print(f"1..0 # skip {why}")
    sys.exit(0)


if b"sdl" not in subprocess.run([Q, "-display", "help"], capture_output=True).stdout.split():
    skip("built without SDL")
for tool in "Xvfb", "xdotool", "xwininfo", "import":
    if not shutil.which(tool):
        skip(f"no {tool}")

# ---- without a screen ----
code, err = run("-sdl", DISPLAY="", WAYLAND_DISPLAY="")
report(code == 1 and re.search(r"^qemu-kvm: .*could not initialise SDL: .+\n\Z", err), "-sdl without a screen", err)
code, err = run("-display", "sdl,gl=on")
report(code == 1 and "OpenGL is not supported" in err, "gl=on is refused", err)
code, err = run("-display", "sdl,charset=utf8")
report(code == 1 and "charset=utf8 is not supported" in err, "charset= is CP437", err)
for what in "gtk", "egl-headless", "spice-app", "dbus", "cocoa":
    code, err = run("-display", what)
    report(code == 1 and err.count("\n") == 1 and "; write " in err, f"{what} says what to write", err)

# ---- a screen ----
r, w = os.pipe()
x_server = subprocess.Popen(["Xvfb", "-displayfd", str(w), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
                            pass_fds=[w], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
os.close(w)
number = os.fdopen(r).readline().strip()
if not number:
    skip("Xvfb does not start")
os.environ["DISPLAY"] = f":{number}"


def tool(*args):
    return subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).stdout.decode()


def keys(*args):
    tool("xdotool", *args)


def until(f, seconds=30):
    end = time.monotonic() + seconds
    while not (got := f()) and time.monotonic() < end:
        time.sleep(0.05)
    return got


def window(title="QEMU"):
    """-> id, title, width, height of the first window whose title begins so"""
    m = re.search(r'(0x\w+) "(%s[^"]*)":.* (\d+)x(\d+)\+' % re.escape(title), tool("xwininfo", "-root", "-tree"))
    return m and (m[1], m[2], int(m[3]), int(m[4]))


def text(win):
    path = f"{TMP}/shot.ppm"
    tool("import", "-silent", "-window", win, "-depth", "8", "-type", "TrueColor", path)
    return textscreen.rows(*textscreen.ppm(path))


def close_window(win):
    """what a window manager's button does (ICCCM 4.2.8.1)"""
    class Message(ctypes.Structure):
        _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send", ctypes.c_int), ("display", ctypes.c_void_p),
                    ("window", ctypes.c_ulong), ("kind", ctypes.c_ulong), ("format", ctypes.c_int),
                    ("data", ctypes.c_long * 5), ("pad", ctypes.c_long * 24)]
    x = ctypes.CDLL("libX11.so.6")
    x.XOpenDisplay.restype, x.XInternAtom.restype = ctypes.c_void_p, ctypes.c_ulong
    d = ctypes.c_void_p(x.XOpenDisplay(None))
    m = Message(33, 0, 1, d, int(win, 16), x.XInternAtom(d, b"WM_PROTOCOLS", 0), 32)
    m.data[0] = x.XInternAtom(d, b"WM_DELETE_WINDOW", 0)
    x.XSendEvent(d, ctypes.c_ulong(m.window), 0, 0, ctypes.byref(m))
    x.XCloseDisplay(d)


class Machine:
    def __init__(self, *args):
        self.p = subprocess.Popen([Q, "-accel", "tcg", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.win = until(window)
        if self.win:
            self.win = self.win[0]
            until(lambda: window()[2] != 640)
            keys("windowfocus", self.win)

    def end(self):
        try:
            code = self.p.wait(20)
        except subprocess.TimeoutExpired:
            self.p.kill()
            code = "time-out"
        return code, self.p.stderr.read().decode()


# display=sdl is what one gets when nobody says anything
m = Machine("-name", "test", "-serial", "vc:40Cx10C")
report(window()[1:] == ("QEMU (test)", 720, 400), "nothing said: a titled window of 720x400", window())
keys("key", "ctrl+alt+2")
report(until(lambda: window("QEMU (test) - compat_monitor0")), "Ctrl-Alt-2: the monitor in the title", window())
report(until(lambda: text(m.win)[1:2] == ["(qemu)"]), "its prompt", text(m.win))
keys("type", "info version")
keys("key", "Return")
report(until(lambda: any(re.match(r"7\.2\.\d+", l) for l in text(m.win))), "info version answers", text(m.win))
keys("type", 'a_b > "c"')
report(until(lambda: '(qemu) a_b > "c"' in text(m.win)), "symbols under Shift", text(m.win))
keys("key", "ctrl+u")
keys("type", "help")
keys("key", "Return")
until(lambda: text(m.win)[-1] == "(qemu)")
last = text(m.win)
keys("key", "ctrl+Prior")
report(until(lambda: text(m.win)[12:] == last[:12]), "Ctrl-PageUp looks half a page back", text(m.win))
keys("key", "ctrl+Down")
report(until(lambda: text(m.win)[11:] == last[:13]), "Ctrl-Down one line forward", text(m.win))
keys("key", "ctrl+alt+3")
report(until(lambda: window("QEMU (test) - serial0")) and window()[2:] == (320, 160), "Ctrl-Alt-3: the serial port",
       window())
keys("key", "ctrl+alt+9")
keys("key", "ctrl+alt+1")
report(until(lambda: window()[1:] == ("QEMU (test)", 720, 400)), "Ctrl-Alt-1: back", window())
keys("key", "ctrl+alt+g")
report(until(lambda: window("QEMU (test) - Press Ctrl-Alt-G to exit grab")), "Ctrl-Alt-G grabs", window())
keys("key", "ctrl+alt+g")
report(until(lambda: window()[1] == "QEMU (test)"), "and again gives back", window())
keys("key", "ctrl+alt+equal")
report(until(lambda: window()[2] == 770), "Ctrl-Alt-+ scales", window())
keys("key", "ctrl+alt+u")
report(until(lambda: window()[2:] == (720, 400)), "Ctrl-Alt-U: its own size", window())
keys("key", "ctrl+alt+2")
until(lambda: window("QEMU (test) - compat"))
keys("type", "stop")
keys("key", "Return")
report(until(lambda: "[Stopped]" in window()[1]), "a stopped VM says so", window())
close_window(m.win)
code, err = m.end()
report(code == 0 and not err, "closing ends it", (code, err))

m = Machine("-no-quit", "-alt-grab", "-S", "-display", "sdl,show-cursor=on", "-qmp", f"unix:{TMP}/qmp,server=on,wait=off")
close_window(m.win)
keys("key", "ctrl+alt+g")
keys("key", "ctrl+alt+2")
report(until(lambda: window()[1] == "QEMU [Stopped]") and m.p.poll() is None, "-no-quit, -alt-grab", window())
x_server.send_signal(signal.SIGKILL)
x_server.wait()
line = m.p.stderr.readline().decode()
report("the X server is gone" in line, "the X server goes: one line", line)
report(m.p.poll() is None, "and the VM lives")
m.p.terminate()
code, err = m.end()
report(code == 0 and "terminating on signal 15" in err, "until it is told to end", (code, err))

# a screen that is not there: the line of the tutorial
p = subprocess.Popen([Q, "-accel", "tcg", "-S", "-nodefaults"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                     stderr=subprocess.DEVNULL)
line = p.stdout.readline().decode()
report(re.match(r"VNC server running on `.+:59\d\d'", line), "no window is possible: VNC", line)
p.terminate()
p.wait()
shutil.rmtree(TMP)
print(f"1..{count}")
sys.exit(fails > 0)
