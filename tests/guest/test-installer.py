#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's graphical installer by mouse, through VNC with the USB tablet: its language, country and keyboard
pages, then a shell on its second terminal says what was chosen. LONG=1 only.

Pages are told from their title's pixels, the chosen row from its colour; positions are those of 1280x800.
"""
import os, re, sys, tempfile, time
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, Skip, run
from rfb import Viewer
from screen import Screen, text_of

GTK = os.environ.get("INSTALLER", "/usr/lib/debian-installer/images/12/amd64/gtk/debian-installer/amd64")
CONTINUE = (1219, 774)
ROW = 23  # pixels from one row of a list to the next


class Installer:
    def __init__(self, g, viewer):
        self.g, self.v, self.screen, self.title = g, viewer, Screen(viewer), None

    def bytes(self, x, y, w):
        at = (y * self.screen.size[0] + x) * 4
        return bytes(self.screen.pixels[at:at + w * 4])

    def chosen(self):
        """The middle of the coloured row; None: no list"""
        if self.screen.size != (1280, 800):
            return None
        rows = [y for y in range(150, 740) if (p := self.bytes(1000, y, 1))[2] < 90 and p[1] > 110 and p[0] > 90]
        return (rows[0] + rows[-1]) // 2 if 18 < len(rows) < 26 else None

    def until(self, what):
        while True:
            self.screen.refresh()
            if (found := what()) is not None:
                return found
            assert time.monotonic() < self.g.end, "guard time over"
            time.sleep(1)

    def reads(self, text):
        """Wait until it is in the upper lines of the console"""
        w = self.screen.size[0]
        self.until(lambda: True if text in "\n".join(text_of(bytes(self.screen.pixels[:w * 4 * 160]), w, 160)) else None)

    def page(self):
        """Wait for the next one -> the row that is chosen"""
        def fresh():
            title = b"".join(self.bytes(18, y, 380) for y in range(88, 102)) if self.screen.size == (1280, 800) else None
            row = self.chosen()
            if row is None or title == self.title:
                return None
            self.title = title
            return row
        return self.until(fresh)

    def click(self, x, y):
        for buttons in 0, 1, 0:
            self.v.pointer(buttons, x, y)
            time.sleep(0.3)

    def choose(self, y):
        self.click(60, y)
        self.until(lambda: True if self.chosen() is not None and abs(self.chosen() - y) < 6 else None)
        if os.environ.get("SHOTS"):  # for eyes
            self.g.monitor(f"screendump {os.environ['SHOTS']}/{self.title.count(0)}.ppm")


def installer():
    if not os.environ.get("LONG"):
        raise Skip("LONG=1 boots it (some minutes)")
    if not os.path.exists(f"{GTK}/initrd.gz"):
        raise Skip("debian-installer-12-netboot-amd64 is not installed")
    home = tempfile.TemporaryDirectory(prefix="installer-")
    vnc = os.path.join(home.name, "vnc")
    g = Guest("-m", "1024", "-kernel", f"{GTK}/linux", "-initrd", f"{GTK}/initrd.gz", "-append", "vga=788 --- quiet",
              "-net", "none", "-usb", "-usbdevice", "tablet", "-vga", "std", "-vnc", f"unix:{vnc}", guard=3000)
    try:
        assert "tablet" in g.monitor("info usb").lower()
        viewer = Viewer(vnc, timeout=600)
        viewer.login()
        viewer.init()
        i = Installer(g, viewer)
        i.until(lambda: True if i.screen.size == (800, 600) else None)  # vga=788
        english = i.page()
        i.choose(english + 7 * ROW)
        i.choose(english)
        i.click(*CONTINUE)
        i.choose(i.page() - 9 * ROW)  # Ireland
        i.click(*CONTINUE)
        i.choose(i.page() + 7 * ROW)  # Korean
        i.click(*CONTINUE)
        i.until(lambda: True if i.chosen() is None else None)
        viewer.press(0xffe3, 0xffe9, 0xffbf)  # Ctrl-Alt-F2
        i.reads("Please press Enter")
        i.screen.type("\n")
        i.reads("built-in shell")
        i.reads(" #")
        command = ("for q in debian-installer/country debian-installer/language keyboard-configuration/xkb-keymap; "
                   "do debconf-get $q; done >/dev/ttyS0\n")
        for at in range(0, len(command), 8):  # a viewer that does not read is not listened to either
            i.screen.type(command[at:at + 8])
            i.screen.refresh()
        i.until(lambda: re.search(r"IE\r?\nen_IE:en\r?\nkr\(kr104\)\r?\n", g.text) if g._read() else None)
    finally:
        g.close()


run({"language, country and keyboard by mouse": installer})
