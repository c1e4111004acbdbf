#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Command 6: -boot order=dc,once=d with a disk and a CD: the CD first, and again after the reset by
order=; with order=c the disk after it."""
import os, sys
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from tutorial import *
from guest import run
import struct


def code(text, origin):
    """16-bit: prints text on port E9h, then resets by the keyboard controller the first time round"""
    # once= shows in the order of letters: each boot prints where it came from
    head = b"\xfa\xfc\x31\xc0\x8e\xd8"
    loop = b"\xac\x84\xc0\x74\x04\xe6\xe9\xeb\xf7"
    tail = b"\xb0\xfe\xe6\x64\xf4\xeb\xfd"  # pulse the reset line
    where = origin + len(head) + 3 + len(loop) + len(tail)
    return head + b"\xbe" + struct.pack("<H", where) + loop + tail + text + b"\0"


def disk(name):
    f = os.path.join(TMP.name, name)
    raw = f + ".raw"
    with open(raw, "wb") as o:
        o.write((code(b"disk ", 0x7c00).ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0"))
    subprocess.run([IMG, "convert", "-f", "raw", "-O", "qcow2", raw, f], check=True)
    return f


def cd(name):
    """the smallest CD of El Torito 1.0"""
    v = bytearray(64 * 2048)
    v[16 * 2048:16 * 2048 + 7] = b"\1CD001\1"
    v[17 * 2048:17 * 2048 + 7] = b"\0CD001\1"
    v[17 * 2048 + 7:17 * 2048 + 30] = b"EL TORITO SPECIFICATION"
    v[17 * 2048 + 71:17 * 2048 + 75] = struct.pack("<I", 20)
    v[18 * 2048:18 * 2048 + 7] = b"\xffCD001\1"
    entry = bytearray(32)
    entry[0], entry[30], entry[31] = 1, 0x55, 0xaa
    entry[28:30] = struct.pack("<H", -sum(struct.unpack("<16H", entry)) & 0xffff)
    boot = struct.pack("<BBHBBHI", 0x88, 0, 0, 0, 0, 4, 21).ljust(32, b"\0")
    v[20 * 2048:20 * 2048 + 64] = entry + boot
    v[21 * 2048:22 * 2048] = code(b"cd ", 0x7c00).ljust(2048, b"\0")
    f = os.path.join(TMP.name, name)
    with open(f, "wb") as o:
        o.write(v)
    return f


def boots(order, want):
    out = os.path.join(TMP.name, "e9")
    open(out, "w").close()
    p = subprocess.Popen([QEMU, "-accel", "tcg", "-name", "win7", "-smp", "2", "-m", "1024", "-drive",
                          f"file={disk('win7.qcow2')},if=ide,media=disk,cache=writeback,format=qcow2", "-drive",
                          f"file={cd('win7.iso')},media=cdrom,format=raw", "-boot", order, "-display", "none",
                          "-net", "none", "-debugcon", f"file:{out}"], stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 120
        text = ""
        while len(text.split()) < len(want) and time.monotonic() < end:
            assert p.poll() is None, "it ended"
            time.sleep(0.1)
            text = re.sub(r"[^\n]*SeaBIOS.*\n|(?m:^(?!cd |disk ).*\n)", "", open(out).read())
        words = re.findall(r"\b(cd|disk) ", open(out, errors="replace").read())
        assert words[:len(want)] == want, words
    finally:
        p.kill()
        p.wait()


run({
    "order=dc,once=d: the CD, and again after a reset": lambda: boots("order=dc,once=d", ["cd", "cd"]),
    "order=c,once=d: the CD, then the disk": lambda: boots("order=c,once=d", ["cd", "disk", "disk"]),
})
