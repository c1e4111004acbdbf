#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Command 7: -vnc :N,password -monitor stdio, then `change vnc password` at the prompt; and the keys
of the window: Ctrl-Alt-2 shows a monitor where there is one, Ctrl-Alt-1 comes back."""
import os, sys
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from tutorial import *
from guest import run
from rfb import Viewer
from screen import Screen

ENTER = "\n"


def answer(password, port):
    """-> True, or why not"""
    v = Viewer(("127.0.0.1", port))
    try:
        return v.login(password)
    except EOFError:
        return "closed"
    finally:
        v.close()


def password():
    own_network()
    t = Terminal(QEMU, "-m", "128", "-name", "test", "-smp", "2", "-drive",
                 f"file={image()},if=virtio,media=disk,cache=writeback,format=qcow2", "-vnc", ":3,password",
                 "-monitor", "stdio")
    try:
        t.expect(r"\(qemu\) ")
        assert answer("", 5903) is not True and answer("secret", 5903) is not True, "nobody gets in before"
        t.type("change vnc password\n")
        t.expect("Password: ")
        t.type("s3cret\n")
        t.expect(r"\*\*\*\*\*\*")
        t.expect(r"\(qemu\) ")
        assert answer("wrong", 5903) is not True
        assert answer("s3cret", 5903) is True
        t.type("info vnc\n")
        t.expect("vnc")
        t.expect(r"\(qemu\) ")
        t.type("quit\n")
        assert t.wait() == 0
    finally:
        t.close()


def keys():
    own_network()
    t = Terminal(QEMU, "-m", "64", "-name", "test", "-net", "none", "-vnc", ":0")
    try:
        for _ in range(200):
            try:
                v = Viewer(("127.0.0.1", 5900))
                break
            except ConnectionRefusedError:
                t.more()
        v.login()
        v.init()
        s = Screen(v)
        s.wait_for("SeaBIOS")
        v.press(0xffe3, 0xffe9, ord("2"))
        s.wait_for("(qemu)")
        s.type("info name\n")
        s.wait_for("test")
        v.press(0xffe3, 0xffe9, ord("1"))
        s.wait_for("SeaBIOS")
        v.press(0xffe3, 0xffe9, ord("2"))
        s.wait_for("(qemu)")
        s.type("quit\n")
        assert t.wait() == 0
    finally:
        t.close()


run({"-vnc :3,password -monitor stdio; change vnc password": password,
     "Ctrl-Alt-2 the monitor, Ctrl-Alt-1 back": keys})
