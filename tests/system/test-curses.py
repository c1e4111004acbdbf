#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-curses in a terminal of tmux: the firmware's text, the monitor, and the terminal afterwards."""
import os, re, shutil, subprocess, sys, tempfile, time

Q = os.environ["BUILD"] + "/qemu-kvm"
fails = count = 0


def report(ok, name, detail=""):
    global fails, count
    count += 1
    fails += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {name}", flush=True)
    if not ok:
        print("# " + str(detail).replace("\n", "\n# "))


if b"curses" not in subprocess.run([Q, "-display", "help"], capture_output=True).stdout.split():
    print("1..0 # skip built without curses")
    sys.exit(0)
if not shutil.which("tmux"):
    print("1..0 # skip no tmux")
    sys.exit(0)

TMP = tempfile.mkdtemp(prefix="curses-")
os.environ.pop("TMUX", None)


def tmux(*args):
    return subprocess.run(["tmux", "-f", "/dev/null", "-S", f"{TMP}/tmux", *args], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60).stdout.decode()


def screen():
    return [l.rstrip() for l in tmux("capture-pane", "-p").split("\n")]


def until(f, seconds=60):
    end = time.monotonic() + seconds
    while not (got := f()) and time.monotonic() < end:
        time.sleep(0.1)
    return got


def sees(pattern):
    return until(lambda: any(re.search(pattern, l) for l in screen()))


p = subprocess.run([Q, "-accel", "qtest", "-curses"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
report(p.returncode == 1 and p.stderr.count(b"\n") == 1 and b"curses needs a terminal" in p.stderr,
       "without a terminal: one line", p.stderr)

tmux("-u", "new-session", "-d", "-x", "100", "-y", "30", "sh")
tmux("send-keys", f"stty -a >{TMP}/before; {Q} -accel tcg -m 32 -curses -monitor stdio; echo status $?", "Enter")
report(sees(r"curses needs the terminal: put the monitor"), "-monitor stdio is refused", screen())
report(sees(r"^status 1"), "with status 1", screen())
tmux("send-keys", f"clear; {Q} -accel tcg -m 32 -name t -curses -serial vc:40Cx5C 2>{TMP}/err; echo status $?", "Enter")
report(sees(r"^SeaBIOS \(version"), "the firmware's text", screen())
report(sees(r"^No bootable device\."), "more of it", screen())
tmux("send-keys", "Escape", "2")
report(sees(r"^QEMU 7\.2\.\d+ monitor - type 'help'"), "Alt-2: the monitor", screen())
tmux("send-keys", "-l", "info name")
tmux("send-keys", "Enter")
report(sees(r"^t$"), "a command answers", screen())
tmux("send-keys", "-l", 'x_y > "Z"')
report(sees(r'^\(qemu\) x_y > "Z"$'), "symbols", screen())
tmux("send-keys", "C-u", "-l", "")
tmux("send-keys", "C-u")
tmux("resize-window", "-x", "60", "-y", "12")
report(sees(r"^\(qemu\)$"), "a smaller terminal follows the cursor", screen())
tmux("send-keys", "Escape", "1")
report(sees(r"^No bootable device\."), "Alt-1: back", screen())
tmux("send-keys", "Escape", "2")
until(lambda: "(qemu)" in screen())
tmux("send-keys", "-l", "quit")
tmux("send-keys", "Enter")
report(sees(r"^status 0"), "quit", screen())
tmux("send-keys", f"stty -a >{TMP}/after; echo done", "Enter")
sees(r"^done")
report(until(lambda: os.path.exists(f"{TMP}/after") and open(f"{TMP}/after").read()) and
       re.sub(r"rows.*?;.*?;", "", open(f"{TMP}/before").read()) == re.sub(r"rows.*?;.*?;", "", open(f"{TMP}/after").read()),
       "the terminal is as it was")
tmux("kill-server")
shutil.rmtree(TMP)
print(f"1..{count}")
sys.exit(fails > 0)
