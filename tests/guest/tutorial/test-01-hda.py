#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Command 1: qemu-kvm -m 128 -smp 2 -name test -hda DISK, then a VNC viewer on localhost."""
import os, sys
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from tutorial import *
from guest import run
from rfb import Viewer
from screen import Screen


def command_1():
    own_network()
    t = Terminal(QEMU, "-m", "128", "-smp", "2", "-name", "test", "-hda", image())
    try:
        t.expect(r"VNC server running on `::1:5900'")
        v = Viewer(("localhost", 5900))
        v.login()
        v.init()
        assert v.name == "QEMU (test)", v.name
        screen = Screen(v)
        screen.wait_for("root@test")
        screen.type("nproc > /n; [ $(cat /n) = 2 ] && echo TWO-CPUS | tr A-Z a-z\n")
        screen.wait_for("two-cpus")
        screen.type("poweroff\n")
        assert t.wait() == 0, t.text
    finally:
        t.close()


run({"qemu-kvm -m 128 -smp 2 -name test -hda DISK": command_1})
