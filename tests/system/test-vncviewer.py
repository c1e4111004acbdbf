#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real viewer (TigerVNC's, under Xvfb) with its own choice of encodings: title, picture, the keys of the tutorial."""
import os, re, shutil, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
import textscreen
from guest import Guest, Skip, run
from screen import text_of


class Screen:
    """An X server and what runs on it."""

    def __init__(self):
        r, w = os.pipe()
        self.all = [subprocess.Popen(["Xvfb", "-displayfd", str(w), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
                                     pass_fds=[w], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)]
        os.close(w)
        with os.fdopen(r) as f:
            self.home = tempfile.TemporaryDirectory(prefix="viewer-")
            self.console = False  # what is shown: a text console, not the guest's 9x16 letters
            self.env = {**os.environ, "DISPLAY": ":" + f.readline().strip(), "HOME": self.home.name}

    def start(self, *cmd):
        self.all.append(subprocess.Popen(cmd, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL))

    def tool(self, *cmd):
        return subprocess.run(cmd, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120).stdout.decode()

    def keys(self, *args):
        self.tool("xdotool", *args)

    def until(self, what, guard=120):
        end = time.monotonic() + guard
        while not (found := what()):
            assert time.monotonic() < end, f"guard time over; the window shows:\n{self.text()}"
            time.sleep(0.3)
        return found

    def window(self):
        return re.search(r'(0x\w+) "QEMU \(seen\) - TigerVNC":', self.tool("xwininfo", "-root", "-tree"))

    def text(self):
        """The text of the upper left 720x400 pixels of the viewer's window"""
        found, shot = self.window(), os.path.join(self.home.name, "shot.ppm")
        if not found:
            return ""
        self.tool("import", "-silent", "-window", found[1], "-crop", "720x400+0+0", "+repage", "-depth", "8", "-type",
                  "TrueColor", shot)
        if not os.path.exists(shot):
            return ""
        w, h, rgb = textscreen.ppm(shot)
        if self.console:
            return "\n".join(textscreen.rows(w, h, rgb))
        pixels = bytearray(w * h * 4)
        for i in range(3):
            pixels[i::4] = rgb[i::3]
        return "\n".join(text_of(bytes(pixels), w, h))

    def close(self):
        for p in reversed(self.all):
            p.terminate()
            p.wait()


def viewer():
    for tool in "Xvfb", "vncviewer", "xdotool", "xwininfo", "import":
        if not shutil.which(tool):
            raise Skip(f"no {tool}")
    screen = Screen()
    g = Guest("-m", "32", "-nodefaults", "-vga", "std", "-name", "seen", "-vnc", "127.0.0.1:0,to=99", "-monitor", "vc")
    try:
        port = re.search(r"127\.0\.0\.1:(\d+)", g.monitor("info vnc"))[1]
        screen.start("vncviewer", f"127.0.0.1::{port}")
        screen.until(screen.window)
        screen.until(lambda: "No bootable device." in screen.text())
        screen.keys("windowfocus", screen.window()[1])
        screen.keys("key", "ctrl+alt+2")
        screen.console = True
        screen.until(lambda: "(qemu)" in screen.text())
        screen.keys("type", "--delay", "50", "info name")
        screen.keys("key", "Return")
        screen.until(lambda: re.search(r"\(qemu\) info name\s*\nseen\s*\n", screen.text()))
        screen.keys("key", "ctrl+alt+1")
        screen.console = False
        screen.until(lambda: "No bootable device." in screen.text())
    finally:
        screen.close()
        g.close()


run({"TigerVNC's viewer": viewer})
