#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Command 2: the same disk by virtio, with the cache and format words of the tutorial."""
import os, sys
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from tutorial import *
from guest import run
from rfb import Viewer
from screen import Screen


def command_2():
    own_network()
    f = image()
    t = Terminal(QEMU, "-m", "128", "-name", "test", "-smp", "2", "-drive",
                 f"file={f},if=virtio,media=disk,cache=writeback,format=qcow2")
    try:
        t.expect(r"VNC server running on `::1:5900'")
        v = Viewer(("localhost", 5900))
        v.login()
        v.init()
        screen = Screen(v)
        screen.wait_for("root@test")
        screen.type("nproc > /n; [ $(cat /n) = 2 ] && echo TWO-CPUS | tr A-Z a-z\n")
        screen.wait_for("two-cpus")
        screen.type("poweroff\n")
        assert t.wait() == 0, t.text
        out = subprocess.run([IMG, "check", f], capture_output=True, text=True)
        assert out.returncode == 0, out.stdout + out.stderr
    finally:
        t.close()


run({"-drive file=DISK,if=virtio,media=disk,cache=writeback,format=qcow2": command_2})
