#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A 16550 on a PCI card: its ports, its interrupt through INTx, bytes to a chardev."""
import os, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, check, same, main

IO = 0xc100


def card():
    f = tempfile.NamedTemporaryFile()
    m = Machine("-chardev", f"file,id=c,path={f.name}", "-device", "pci-serial,chardev=c,addr=5")
    same([m.pci_read(5, 0, 0, 4), m.pci_read(5, 0, 9, 1), m.pci_read(5, 0, 10, 2), m.pci_read(5, 0, 0x3d, 1)],
         [0x00021b36, 2, 0x0700, 1], "configuration space: class, 16550, INTA")
    m.pci_write(5, 0, 0x10, IO)
    m.pci_write(5, 0, 4, 3, 2)
    same(m.inb(IO + 5) & 0x60, 0x60, "the transmitter is empty")
    m.outb(IO + 7, 0x5a)
    same(m.inb(IO + 7), 0x5a, "scratch register")
    for c in b"card\n":
        m.outb(IO, c)
    m.step(100000000)
    same(f.read(), b"card\n", "bytes go to the chardev")
    # slot 5's INTA is PIRQA: route it to IRQ 11 and look at the PIC's request register
    m.pci_write(1, 0, 0x60, 11, 1)
    m.outb(0x4d1, 8)
    m.outb(0xa0, 0x0a)
    same(m.inb(0xa0) & 8, 0, "no interrupt yet")
    m.outb(IO + 4, 8)  # OUT2 lets it out
    m.outb(IO + 1, 2)  # transmitter empty
    same((m.inb(0xa0) & 8, m.inb(IO + 2) & 15), (8, 2), "an interrupt on INTA, and its cause")
    same(m.inb(0xa0) & 8, 0, "gone once read")
    m.close()


main(card)
