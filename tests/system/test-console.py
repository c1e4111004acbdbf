#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Text consoles as the user gets them: the default ones, sizes, what cannot be."""
import json, os, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import textscreen

Q = os.environ["BUILD"] + "/qemu-kvm"
BASE = [Q, "-accel", "qtest", "-display", "none", "-S"]
fails = count = 0


def report(ok, name, detail=""):
    global fails, count
    count += 1
    fails += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {name}")
    if not ok:
        print(f"# {detail}")


class Machine:
    def __init__(self, *args):
        self.p = subprocess.Popen([*BASE, "-qmp", "stdio", *args], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.p.stdout.readline()
        self.ask("qmp_capabilities")

    def ask(self, name, **args):
        self.p.stdin.write(json.dumps({"execute": name, "arguments": args}).encode() + b"\n")
        self.p.stdin.flush()
        while True:
            answer = json.loads(self.p.stdout.readline())
            if "event" not in answer:
                return answer.get("return", answer)

    def picture(self):
        with tempfile.NamedTemporaryFile(suffix=".ppm") as f:
            self.ask("screendump", filename=f.name)
            return textscreen.ppm(f.name)

    def end(self):
        self.ask("quit")
        return self.p.wait(20)


def chardevs(m):
    return {c["label"]: c["filename"] for c in m.ask("query-chardev")}


def refused(*args):
    p = subprocess.run([*BASE, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return p.returncode, p.stderr.decode()


if b"vc" not in subprocess.run([Q, "-chardev", "help"], capture_output=True).stdout.split():
    print("1..0 # skip built without libvterm")
    sys.exit(0)

m = Machine("-vga", "none", "-monitor", "vc:60Cx10C")
w, h, rgb = m.picture()
report((w, h) == (480, 160), "vc:60Cx10C is 480x160", (w, h))
lines = textscreen.rows(w, h, rgb)
report(lines[0].startswith("QEMU 7.2.") and "monitor - type 'help'" in lines[0] and
       lines[1].startswith("(qemu)"), "the monitor's banner and prompt can be read", lines)
report(chardevs(m) == {"compat_monitor1": "vc", "compat_monitor0": "stdio", "serial0": "vc",
                       "parallel0": "vc"},
       "serial0 has a text console too", chardevs(m))
report(m.end() == 0, "quits")

m = Machine("-serial", "vc:300x100", "-vga", "none", "-parallel", "none")
report(m.picture()[:2] == (300, 100), "vc:300x100 counts pixels", m.picture()[:2])
m.end()

m = Machine("-nographic", "-serial", "null", "-monitor", "null")
report("vc" not in chardevs(m).values(), "-nographic makes none", chardevs(m))
m.end()

m = Machine("-chardev", "vc,id=a,cols=20,rows=3", "-chardev", "vc,id=b,mux=on", "-serial", "chardev:b", "-vga", "none")
report(m.picture()[:2] == (160, 48), "-chardev vc", m.picture()[:2])
report("return" not in m.ask("chardev-remove", id="a") and m.picture()[:2] == (640, 384),
       "a removed one is gone from the display", m.picture()[:2])
m.end()

for what in "vc:1Cx1C", "vc:9999Cx24C", "vc:80Cx9999C", "vc:4294967295x10":
    code, text = refused("-serial", what)
    report(code == 1 and "is not possible: 2 to 512 columns, 1 to 256 rows" in text,
           f"{what} is refused", text)
code, text = refused("-serial", "vc:80x")
report(code == 1 and "expected vc:WxH" in text, "vc:80x is refused", text)

print(f"1..{count}")
sys.exit(fails > 0)
