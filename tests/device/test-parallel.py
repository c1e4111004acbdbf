#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The parallel port as a printer driver uses it, and where the ports are."""
import os, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, check, same, main

LPT = 0x378


def put(m, c, irq=0):
    m.outb(LPT, c)
    m.outb(LPT + 2, 0x0d | irq)  # selected, no reset, strobe
    m.outb(LPT + 2, 0x0c | irq)


def printer():
    f = tempfile.NamedTemporaryFile()
    m = Machine("-parallel", f"file:{f.name}", "-parallel", "null", "-parallel", "null")
    same((m.inb(LPT + 1), m.inb(LPT + 2)), (0xdf, 0xcc), "status: selected, ready; control")
    m.outb(LPT, 0xa5)
    same(m.inb(LPT), 0xa5, "the data port reads back")
    same(m.inb(LPT + 4), 0xff, "there is no EPP")
    for c in b"printed\f":
        put(m, c)
    m.outb(LPT, ord("x"))
    m.outb(LPT + 2, 0x05)  # strobe to nobody
    m.outb(LPT + 2, 0x0c)
    m.outb(LPT + 2, 0x2d)  # the other direction
    same(m.inb(LPT), 0xff, "input: nothing drives the lines")
    m.outb(LPT + 2, 0x0c)
    m.step(1000000)
    same(f.read(), b"printed\f", "bytes go to the chardev once each")
    m.outb(0x20, 0x0a)
    same(m.inb(0x20) & 0x80, 0, "no interrupt without its enable bit")
    put(m, 65, irq=0x10)
    same(m.inb(0x20) & 0x80, 0x80, "IRQ 7 when the printer has taken a byte")
    same([m.inb(0x278 + 1), m.inb(0x3bc + 1)], [0xdf, 0xdf], "LPT2 and LPT3")
    m.close()


main(printer)
