#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The qtest protocol itself: every command, its exact answer, and what it refuses.

QTEST_REFERENCE=PROGRAM compares with another emulator that speaks it.
"""
import os, subprocess, sys

REFERENCE = os.environ.get("QTEST_REFERENCE")
n = 0


class Raw:
    def __init__(self):
        program = REFERENCE or os.path.join(os.environ["BUILD"], "qemu-kvm")
        accel = ["tcg", "-S"] if REFERENCE else ["qtest"]  # Debian's has no qtest accelerator
        self.p = subprocess.Popen([program, "-accel", *accel, "-M", "pc", "-m", "16", "-qtest", "stdio",
                                   "-qtest-log", "none", "-display", "none", "-nodefaults"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, line, answers=1):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        return [self.p.stdout.readline().rstrip("\n") for _ in range(answers)]

    def close(self):
        self.p.kill()
        self.p.wait()
        self.p.stdin.close()
        self.p.stdout.close()


def check(got, want, what):
    global n
    n += 1
    print(f"{'ok' if got == want else 'not ok'} {n} - {what}")
    if got != want:
        print(f"# got {got!r}, wanted {want!r}")


def one(m, line, want):
    check(m.ask(line), [want], line)


m = Raw()
one(m, "endianness", "OK little")
one(m, "writel 0x1000 0x11223344", "OK")
one(m, "readb 0x1000", "OK 0x0000000000000044")
one(m, "readw 4096", "OK 0x0000000000003344")
one(m, "readl 0x1000", "OK 0x0000000011223344")
one(m, "writeq 0x1000 0x8877665544332211", "OK")
one(m, "readq 0x1000", "OK 0x8877665544332211")
one(m, "writeb 0x1001 0xff", "OK")
one(m, "writew 0x1002 0", "OK")
one(m, "read 0x1000 0x8", "OK 0x11ff000055667788")
one(m, "write 0x2000 0x3 0xaabbcc", "OK")
one(m, "read 0x1fff 0x5", "OK 0x00aabbcc00")
one(m, "memset 0x3000 0x10 0x5a", "OK")
one(m, "read 0x300e 0x4", "OK 0x5a5a0000")
one(m, "b64write 0x4000 0x5 aGVsbG8=", "OK")
one(m, "b64read 0x4000 0x5", "OK aGVsbG8=")
one(m, "outb 0x70 0x10", "OK")
one(m, "inb 0x71", "OK 0x0000")
one(m, "outl 0xcf8 0x80000000", "OK")
one(m, "inl 0xcfc", "OK 0x12378086")
one(m, "inw 0xcfe", "OK 0x1237")
one(m, "outw 0x3f0 0x1234", "OK")
one(m, "inl 0x2f4", "OK 0xffffffff")
if not REFERENCE:  # its clock cannot be stepped, what it calls the devices is its own
    one(m, "clock_step 1000", "OK 1000")
    one(m, "clock_set 5000", "OK 5000")
    one(m, "clock_step 7", "OK 5007")
    one(m, "irq_intercept_in /machine/pic", "OK")
    one(m, "irq_intercept_in /machine/ioapic", "FAIL IRQ intercept already enabled")
    # the timer's output is line 0; a count that ends raises it
    m.ask("outb 0x43 0x30")
    m.ask("outb 0x40 100")
    m.ask("outb 0x40 0")
    check(sorted(m.ask("clock_step 200000", 2)), ["IRQ raise 0", "OK 205007"], "IRQ raise 0")
    check(sorted(m.ask("outb 0x43 0x30", 2)), ["IRQ lower 0", "OK"], "IRQ lower 0")
    check(m.ask("set_irq_in /machine/pic unnamed-gpio-in 5 1", 2), ["IRQ raise 5", "OK"], "set_irq_in")
    one(m, "irq_intercept_out /machine/nothing", "FAIL Unknown device")
    for bad in ("frobnicate", "inb", "inb zz", "inq 1", "read 0x1000", "read 0 0", "read 0 0xffffffffff",
                "write 0 4", "memset 0 1", "clock_step x", "set_irq_in /machine/pic x 0 1"):
        got = m.ask(bad)[0]
        check(got.startswith("FAIL "), True, f"refused: {bad}")
    one(m, "readb 0x1000", "OK 0x0000000000000011")
m.close()
print(f"1..{n}")
