#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""i8042 with keyboard and mouse, and the 16550A in loop back, by their ports."""
import os, socket, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, Qmp, check, same, main

REFERENCE = os.environ.get("QTEST_REFERENCE")


def drain(m):
    out = []
    while m.inb(0x64) & 1:
        out.append(m.inb(0x60))
    return out


def ctl(m, cmd, *data):
    m.outb(0x64, cmd)
    for d in data:
        m.outb(0x60, d)
    return drain(m)


def kbd(m, *data):
    for d in data:
        m.outb(0x60, d)
    return drain(m)


def mouse(m, *data):
    out = []
    for d in data:
        m.outb(0x64, 0xd4)
        m.outb(0x60, d)
        while m.inb(0x64) & 1:
            check(m.inb(0x64) & 0x20, "mouse bytes are marked") if not m.inb(0x64) & 0x20 else None
            out.append(m.inb(0x60))
    return out


def controller():
    m = Machine()
    same(m.inb(0x64) & 1, 0, "i8042: nothing waits after reset")
    same(ctl(m, 0xaa), [0x55], "i8042: self test")
    same(ctl(m, 0xab), [0], "i8042: keyboard line test")
    same(ctl(m, 0xa9), [0], "i8042: mouse line test")
    ctl(m, 0x60, 0x65)
    same(ctl(m, 0x20), [0x65], "i8042: command byte")
    same(m.inb(0x64) & 4, 4, "i8042: its SYS bit shows in the status")
    same(ctl(m, 0xd2, 0x99), [0x99], "i8042: a byte as if from the keyboard")
    m.outb(0x64, 0xd3)
    m.outb(0x60, 0x77)
    same((m.inb(0x64) & 0x21, m.inb(0x60)), (0x21, 0x77), "i8042: and as if from the mouse")
    same(ctl(m, 0xd0)[0] & 3, 3, "i8042: output port: no reset, A20 open")
    m.close()


def keyboard():
    m = Machine()
    same(kbd(m, 0xff), [0xfa, 0xaa], "keyboard: reset and BAT")
    same(kbd(m, 0xf2), [0xfa, 0xab, 0x83], "keyboard: identity, untranslated")
    same(kbd(m, 0xee), [0xee], "keyboard: echo")
    same(kbd(m, 0xed), [0xfa], "keyboard: LEDs")
    same(kbd(m, 0x02), [0xfa], "keyboard: their parameter")
    same(kbd(m, 0xf0, 0x00), [0xfa, 0xfa, 2], "keyboard: scan code set 2")
    same(kbd(m, 0xf3, 0x20), [0xfa, 0xfa], "keyboard: repeat rate")
    same(kbd(m, 0xf5), [0xfa], "keyboard: off")
    same(kbd(m, 0xf4), [0xfa], "keyboard: on")
    ctl(m, 0x60, 0x45)
    same(kbd(m, 0xf2), [0xfa, 0xab, 0x41], "keyboard: identity through the translation")
    # a byte waits while the line is off
    ctl(m, 0xad)
    m.outb(0x64, 0x20)
    same(drain(m)[0] & 0x10, 0x10, "i8042: the keyboard's line is off")
    same(kbd(m, 0xee), [0xee], "i8042: sending to it opens the line")
    m.close()


def irqs():
    m = Machine()
    for base, icw2, icw3 in ((0x20, 0x08, 4), (0xa0, 0x70, 2)):
        m.outb(base, 0x11)
        m.outb(base + 1, icw2)
        m.outb(base + 1, icw3)
        m.outb(base + 1, 1)
    m.outb(0x21, 0xff)
    m.outb(0xa1, 0xff)
    ctl(m, 0x60, 0x47)
    m.outb(0x60, 0xee)
    m.outb(0x20, 0x0a)
    same(m.inb(0x20) & 2, 2, "i8042: IRQ 1")
    drain(m)
    m.outb(0x64, 0xd4)
    m.outb(0x60, 0xf2)
    m.outb(0xa0, 0x0a)
    same(m.inb(0xa0) & 0x10, 0x10, "i8042: IRQ 12")
    m.close()


def ps2_mouse():
    m = Machine()
    ctl(m, 0xa8)
    same(mouse(m, 0xff), [0xfa, 0xaa, 0x00], "mouse: reset, BAT, id 0")
    same(mouse(m, 0xe9), [0xfa, 0, 2, 100], "mouse: status")
    mouse(m, 0xf3, 200, 0xf3, 100, 0xf3, 80)
    same(mouse(m, 0xf2), [0xfa, 3], "mouse: the knock for a wheel")
    mouse(m, 0xf3, 200, 0xf3, 200, 0xf3, 80)
    same(mouse(m, 0xf2), [0xfa, 4], "mouse: the knock for five buttons")
    same(mouse(m, 0xeb), [0xfa, 8, 0, 0, 0], "mouse: polled, at rest")
    same(mouse(m, 0xe8, 3, 0xe7, 0xf4, 0xe9), [0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0x30, 3, 80],
         "mouse: resolution, scaling, enabled")
    same(mouse(m, 0xee, 0x12, 0x34), [0xfa, 0x12, 0x34], "mouse: wrap mode echoes")
    same(mouse(m, 0xec, 0xf2), [0xfa, 0xfa, 4], "mouse: and ends")
    m.close()


def uart():
    m = Machine("-device", "isa-serial,index=0")
    p = 0x3f8
    same((m.inb(p + 5), m.inb(p + 2)), (0x60, 0x01), "16550A: empty, no interrupt")
    m.outb(p + 7, 0x5a)
    same(m.inb(p + 7), 0x5a, "16550A: scratch")
    m.outb(p + 3, 0x83)
    m.outb(p, 0x01)
    m.outb(p + 1, 0x00)
    same((m.inb(p), m.inb(p + 1)), (1, 0), "16550A: divisor")
    m.outb(p + 3, 3)
    m.outb(p + 4, 0x1f)
    same(m.inb(p + 6) & 0xf0, 0xf0, "16550A: loop back, all modem lines on")
    m.outb(p + 4, 0x10)
    same(m.inb(p + 6), 0x0f, "16550A: all off, with their deltas")
    same(m.inb(p + 6), 0x00, "16550A: which reading clears")
    m.outb(p, 0x41)
    same(m.inb(p + 5), 0x61, "16550A: a byte came round")
    same(m.inb(p), 0x41, "16550A: and is read")
    same(m.inb(p + 5), 0x60, "16550A: empty again")
    m.outb(p, 1)
    m.outb(p, 2)
    same(m.inb(p + 5) & 3, 3, "16550A: overrun without FIFOs")
    same(m.inb(p + 5) & 2, 0, "16550A: reading LSR clears the error")
    m.outb(p + 2, 0x87)  # FIFOs, trigger at 8
    same(m.inb(p + 2) & 0xc0, 0xc0, "16550A: FIFOs on")
    m.outb(p + 1, 1)
    for i in range(7):
        m.outb(p, i)
    same(m.inb(p + 2) & 0x0f, 1, "16550A: below the trigger nothing happens")
    m.step(1000000)
    same(m.inb(p + 2) & 0x0f, 0x0c, "16550A: but after a time-out")
    m.outb(p, 7)
    same(m.inb(p + 2) & 0x0f, 4, "16550A: at the trigger data is ready")
    same([m.inb(p) for _ in range(8)], list(range(8)), "16550A: in order")
    same(m.inb(p + 2) & 0x0f, 1, "16550A: done")
    m.outb(p + 1, 2)
    same(m.inb(p + 2) & 0x0f, 2, "16550A: the empty transmitter interrupts")
    same(m.inb(p + 2) & 0x0f, 1, "16550A: once")
    m.outb(p + 1, 0)
    m.close()


def wakeup():
    """wakeup=on: a byte ends a suspend to RAM, on either bus"""
    tmp = tempfile.mkdtemp()
    for dev in ("isa-serial", "pci-serial"):
        for on in (False, True):
            com, sock = os.path.join(tmp, "com"), os.path.join(tmp, "qmp")
            m = Machine("-chardev", f"socket,id=c,path={com},server=on,wait=off", "-device",
                        f"{dev},chardev=c" + (",wakeup=on" if on else ""), "-qmp", f"unix:{sock},server=on,wait=off")
            m.pci_write(1, 3, 0x40, 0x601)
            m.pci_write(1, 3, 0x80, 1, 1)
            q, s = Qmp(sock), socket.socket(socket.AF_UNIX)
            s.connect(com)
            m.outw(0x604, 1 << 13 | 1 << 10)
            status = lambda: q("query-status")["status"]
            for _ in range(1000):
                if status() == "suspended":
                    break
            s.sendall(b"x")
            for _ in range(1000 if on else 50):
                if status() == "running":
                    break
            same(status(), "running" if on else "suspended", f"{dev}: a byte, wakeup={on}")
            s.close()
            m.close()
            os.unlink(com), os.unlink(sock)
    os.rmdir(tmp)


main(controller, keyboard, irqs, ps2_mouse, uart, *([] if REFERENCE else [wakeup]))
