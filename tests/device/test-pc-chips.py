#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The classic chips of the PC by their ports: 8259A, 8254, MC146818A, port 92h, i440FX, PIIX."""
import os, sys

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, check, same, main

REFERENCE = os.environ.get("QTEST_REFERENCE")
MS = 1000000


def pic_init(m):
    for base, icw2, icw3 in ((0x20, 0x08, 4), (0xa0, 0x70, 2)):
        m.outb(base, 0x11)
        m.outb(base + 1, icw2)
        m.outb(base + 1, icw3)
        m.outb(base + 1, 1)


def irr(m, base):
    m.outb(base, 0x0a)
    return m.inb(base)


def isr(m, base):
    m.outb(base, 0x0b)
    return m.inb(base)


def poll(m, base):
    m.outb(base, 0x0c)
    return m.inb(base)


def pic():
    m = Machine()
    pic_init(m)
    m.outb(0x21, 0xfb)
    m.outb(0xa1, 0xff)
    same((m.inb(0x21), m.inb(0xa1)), (0xfb, 0xff), "8259: the mask reads back")
    m.outb(0x4d0, 0xff)
    m.outb(0x4d1, 0xff)
    same((m.inb(0x4d0), m.inb(0x4d1)), (0xf8, 0xde), "ELCR: IRQ 0, 1, 2, 8 and 13 stay edges")
    m.outb(0x4d0, 0)
    m.outb(0x4d1, 0)
    # PIT channel 0 in mode 0 raises IRQ 0 once
    m.outb(0x43, 0x30)
    same(irr(m, 0x20) & 1, 0, "8259: nothing asks before the count ends")
    m.outb(0x40, 100)
    m.outb(0x40, 0)
    m.step(1 * MS)
    same(irr(m, 0x20) & 1, 1, "8259: the edge is latched in IRR though masked")
    same(poll(m, 0x20), 0, "8259: a masked line is not polled")
    m.outb(0x21, 0xfe)
    same(poll(m, 0x20), 0x80, "8259: poll acknowledges line 0")
    same((irr(m, 0x20) & 1, isr(m, 0x20) & 1), (0, 1), "8259: from IRR to ISR")
    m.outb(0x20, 0x20)
    same(isr(m, 0x20), 0, "8259: a non-specific EOI ends it")
    # rotation: after a rotating EOI line 0 is the last
    m.outb(0x20, 0xa0)
    m.close()


def cascade():
    m = Machine("-rtc", "clock=vm")
    pic_init(m)
    m.outb(0x21, 0xfb)
    m.outb(0xa1, 0xfe)
    m.outb(0x70, 0x0b)
    m.outb(0x71, 0x12)  # update-ended interrupt
    m.step(1100 * MS)
    same(irr(m, 0xa0) & 1, 1, "8259: the clock asks the slave")
    same(irr(m, 0x20) & 4, 4, "8259: the slave asks the master on line 2")
    same(poll(m, 0x20), 0x82, "8259: the master's poll names the slave")
    same(poll(m, 0xa0), 0x80, "8259: the slave's poll names the clock")
    m.outb(0xa0, 0x60)
    m.outb(0x20, 0x62)
    same((isr(m, 0x20), isr(m, 0xa0)), (0, 0), "8259: specific EOIs")
    m.outb(0x70, 0x0c)
    same(m.inb(0x71) & 0x90, 0x90, "RTC: register C says update ended, and interrupt")
    same(m.inb(0x71), 0, "RTC: reading C clears it")
    m.close()


def pit_count(m, ch):
    m.outb(0x43, ch << 6)
    return m.inb(0x40 + ch) | m.inb(0x40 + ch) << 8


def pit_out(m, ch):
    m.outb(0x43, 0xe0 | 2 << ch)
    return m.inb(0x40 + ch)


def pit_set(m, ch, mode, n):
    m.outb(0x43, ch << 6 | 0x30 | mode << 1)
    m.outb(0x40 + ch, n & 0xff)
    m.outb(0x40 + ch, n >> 8)


def pit():
    m = Machine()
    m.outb(0x61, 1)
    pit_set(m, 2, 0, 11932)  # 10 ms
    m.step(5 * MS)
    c = pit_count(m, 2)
    check(5900 <= c <= 5972, "8254: mode 0 counts down, half way", c)
    same(m.inb(0x61) >> 5 & 1, 0, "8254: mode 0 output is low while it counts")
    m.step(6 * MS)
    same(m.inb(0x61) >> 5 & 1, 1, "8254: and high after the terminal count")
    same(pit_out(m, 2) & 0xbf, 0x80 | 0x30, "8254: status: output, access, mode")
    pit_set(m, 2, 2, 1193)
    m.step(10 * MS)
    c = pit_count(m, 2)
    check(1 <= c <= 1193, "8254: mode 2 reloads", c)
    pit_set(m, 2, 3, 11932)
    same(m.inb(0x61) >> 5 & 1, 1, "8254: mode 3 begins high")
    m.step(6 * MS)
    same(m.inb(0x61) >> 5 & 1, 0, "8254: and is low in the second half")
    m.step(5 * MS)
    same(m.inb(0x61) >> 5 & 1, 1, "8254: high again")
    # a latched count stays until it is read
    m.outb(0x43, 0x80)
    lo = m.inb(0x42)
    m.step(1 * MS)
    hi = m.inb(0x42)
    live = pit_count(m, 2)
    check((lo | hi << 8) != live, "8254: the latch holds", lo, hi, live)
    # the gate
    m.outb(0x61, 0)
    pit_set(m, 2, 1, 1193)
    m.step(5 * MS)
    same(m.inb(0x61) & 0x21, 0x20, "8254: mode 1 waits for its gate")
    m.outb(0x61, 1)
    same(m.inb(0x61) & 0x21, 0x01, "8254: the gate's edge starts the pulse")
    m.step(2 * MS)
    same(m.inb(0x61) & 0x21, 0x21, "8254: which ends after the count")
    # BCD, and one-byte access
    m.outb(0x43, 0x80 | 0x31)
    m.outb(0x42, 0x00)
    m.outb(0x42, 0x10)  # 1000 ticks
    m.outb(0x43, 0x80)
    same((m.inb(0x42), m.inb(0x42)), (0x00, 0x10), "8254: BCD reads as it was written")
    seen = set()
    for _ in range(8):
        seen.add(m.inb(0x61) & 0x10)
        m.step(11000)
    same(len(seen), 2, "port 61h: the refresh bit toggles")
    m.close()


def pit_periodic():
    m = Machine()
    pic_init(m)
    m.outb(0x21, 0xfe)
    pit_set(m, 0, 2, 11932)
    n = 0
    for _ in range(10):
        m.step(10 * MS + 2000)
        if poll(m, 0x20) == 0x80:
            n += 1
            m.outb(0x20, 0x20)
    check(n >= 9, "8254: mode 2 interrupts every period", n)
    # Linux's one-shot: low for a tick at the end, so an edge even where nobody looks at that tick
    for count in (2, 1193):
        pit_set(m, 0, 4, count)
        poll(m, 0x20)
        m.outb(0x20, 0x20)
        m.step(5 * MS)
        same(poll(m, 0x20), 0x80, f"8254: mode 4 interrupts once, after {count}")
        m.outb(0x20, 0x20)
        m.step(5 * MS)
        same(poll(m, 0x20) & 0x80, 0, f"8254: and only once, after {count}")
    m.close()


def cmos(m, reg):
    m.outb(0x70, reg)
    return m.inb(0x71)


def cmos_set(m, reg, val):
    m.outb(0x70, reg)
    m.outb(0x71, val)


def rtc():
    m = Machine("-rtc", "clock=vm", "-m", "96")
    a = cmos(m, 0x0a) & 0x7f
    same((a, cmos(m, 0x0b), cmos(m, 0x0d)), (0x26, 0x02, 0x80), "RTC: A, B and D at reset")
    for reg, val in ((0x0b, 0x82), (0, 0x58), (2, 0x59), (4, 0x23), (7, 0x31), (8, 0x12), (9, 0x25),
                     (0x32, 0x20), (0x0b, 0x02)):
        cmos_set(m, reg, val)
    same((cmos(m, 4), cmos(m, 2)), (0x23, 0x59), "RTC: the time that was set")
    m.step(3000 * MS)
    same([cmos(m, r) for r in (4, 2, 7, 8, 9, 0x32)], [0, 0, 1, 1, 0x26, 0x20], "RTC: a new year")
    check(cmos(m, 0) in (0, 1), "RTC: seconds go on", cmos(m, 0))
    cmos_set(m, 0x0b, 0x06)
    same(cmos(m, 9), 26, "RTC: binary mode")
    cmos_set(m, 0x0b, 0x02)
    # 12-hour mode: 00:00 is 12 AM
    cmos_set(m, 0x0b, 0x00)
    same(cmos(m, 4), 0x12, "RTC: midnight is 12 AM")
    cmos_set(m, 0x0b, 0x02)
    cmos(m, 0x0c)
    # alarm in ten seconds or so, any hour and minute
    sec = (int(f"{cmos(m, 0):x}") + 10) % 60
    cmos_set(m, 1, int(str(sec), 16))
    cmos_set(m, 3, 0xff)
    cmos_set(m, 5, 0xff)
    cmos_set(m, 0x0b, 0x22)
    m.step(5000 * MS)
    same(cmos(m, 0x0c) & 0x20, 0, "RTC: no alarm yet")
    m.step(7000 * MS)
    same(cmos(m, 0x0c) & 0xa0, 0xa0, "RTC: the alarm interrupts")
    cmos_set(m, 0x0b, 0x42)  # periodic, 1024 Hz
    cmos(m, 0x0c)
    m.step(2 * MS)
    same(cmos(m, 0x0c) & 0xc0, 0xc0, "RTC: the periodic interrupt")
    m.close()


def cmos_bytes():
    m = Machine("-m", "96", "-smp", "2")
    same(cmos(m, 0x15) | cmos(m, 0x16) << 8, 640, "CMOS: base memory")
    same(cmos(m, 0x30) | cmos(m, 0x31) << 8, 65535, "CMOS: memory above 1 MiB, as far as it counts")
    same(cmos(m, 0x34) | cmos(m, 0x35) << 8, 80 * 16, "CMOS: memory above 16 MiB")
    same(cmos(m, 0x5b) | cmos(m, 0x5c) << 8 | cmos(m, 0x5d) << 16, 0, "CMOS: none above 4 GiB")
    same(cmos(m, 0x5f), 1, "CMOS: two processors")
    same((cmos(m, 0x3d), cmos(m, 0x38) & 0xf0), (0x12, 0x30), "CMOS: boot order cad")
    same(cmos(m, 0x14) & 6, 6, "CMOS: FPU and mouse")
    same(cmos(m, 0x0f), 0, "CMOS: shutdown code")
    m.close()


def memory_split():
    m = Machine("-m", "3584")
    m.write(0xbffffff0, b"low end")
    same(m.read(0xbffffff0, 7), b"low end", "3.5 GiB: RAM up to 3 GiB")
    same(m.read(0xc0000000, 4), b"\xff" * 4, "3.5 GiB: nothing above that")
    m.write(0x100000000, b"above")
    same(m.read(0x100000000, 5), b"above", "3.5 GiB: the rest is above 4 GiB")
    same(cmos(m, 0x5b) | cmos(m, 0x5c) << 8, 512 * 16, "3.5 GiB: CMOS says so")
    m.close()
    m = Machine("-m", "3072")
    m.write(0xbffffff0, b"top")
    same(m.read(0x100000000, 4), b"\xff" * 4, "3 GiB: all below 4 GiB")
    m.close()


def rom():
    m = Machine()
    top = m.read(0xfffe0000, 0x20000)
    check(top[-16] == 0xea, "the reset vector jumps", top[-16:])
    same(m.read(0xe0000, 0x20000) == top, True, "the ROM is seen below 1 MiB too")
    m.write(0xf0000, b"x" * 16)
    same(m.read(0xf0000, 16) == top[0x10000:0x10010], True, "a write to ROM changes nothing")
    # PAM: write through, copy, then read from RAM
    m.pci_write(0, 0, 0x59, 0x30, 1)
    same(m.read(0xf0000, 16) == top[0x10000:0x10010], False, "PAM: RAM instead of ROM")
    m.write(0xf0000, b"shadow")
    same(m.read(0xf0000, 6), b"shadow", "PAM: RAM keeps what is written")
    m.pci_write(0, 0, 0x59, 0x10, 1)
    m.write(0xf0000, b"ignore")
    same(m.read(0xf0000, 6), b"shadow", "PAM: read-only RAM")
    m.pci_write(0, 0, 0x59, 0x00, 1)
    same(m.read(0xf0000, 6) == top[0x10000:0x10006], True, "PAM: the ROM again")
    if not REFERENCE:
        m.pci_write(0, 0, 0x59, 0x20, 1)
        m.write(0xf0000, b"below!")
        same(m.read(0xf0000, 6) == top[0x10000:0x10006], True, "PAM: writes to RAM, reads from ROM")
        m.pci_write(0, 0, 0x59, 0x10, 1)
        same(m.read(0xf0000, 6), b"below!", "PAM: the write arrived")
    same(m.read(0xc0000, 4), b"\xff" * 4, "no ROM at C0000h")
    m.pci_write(0, 0, 0x5a, 0x33, 1)
    m.write(0xc4000, b"option")
    same(m.read(0xc4000, 6), b"option", "PAM: C4000h is the high nibble of 5Ah")
    same(m.read(0xc8000, 4), b"\xff" * 4, "PAM: C8000h belongs to 5Bh")
    # SMRAM: RAM under the VGA window while D_OPEN
    m.pci_write(0, 0, 0x72, 0x4a, 1)
    m.write(0xa0000, b"smm")
    same(m.read(0xa0000, 3), b"smm", "SMRAM: open")
    m.pci_write(0, 0, 0x72, 0x0a, 1)
    same(m.read(0xa0000, 3) == b"smm", False, "SMRAM: closed again")
    m.pci_write(0, 0, 0x72, 0x1a, 1)
    m.pci_write(0, 0, 0x72, 0x4a, 1)
    same(m.pci_read(0, 0, 0x72, 1), 0x1a, "SMRAM: locked")
    m.close()


def pci():
    m = Machine()
    same(m.pci_read(0, 0, 0), 0x12378086, "00.0 is the 82441FX")
    same(m.pci_read(0, 0, 0x2c), 0x11001af4, "with its subsystem")
    same(m.pci_read(1, 0, 0), 0x70008086, "01.0 is the PIIX3")
    same(m.pci_read(1, 0, 0x0e, 1), 0x80, "which has more functions")
    same(m.pci_read(1, 1, 0), 0x70108086, "01.1 is the IDE controller")
    same(m.pci_read(1, 3, 0), 0x71138086, "01.3 is the power management")
    same(m.pci_read(5, 0, 0), 0xffffffff, "nobody in an empty slot")
    same(m.inw(0xcf8), 0xffff if not REFERENCE else m.inw(0xcf8), "CF8h is a double word")
    # sizing BAR 4 of the IDE controller
    m.pci_write(1, 1, 0x20, 0xffffffff)
    same(m.pci_read(1, 1, 0x20), 0xfffffff1, "a BAR tells its size: 16 ports")
    m.pci_write(1, 1, 0x20, 0xc001)
    same(m.inb(0xc002), 0xff, "a BAR is not decoded before the command register says so")
    m.pci_write(1, 1, 4, 1, 2)
    same(m.inb(0xc002), 0, "and then it is")
    m.pci_write(1, 1, 0x20, 0xc041)
    same((m.inb(0xc002), m.inb(0xc042)), (0xff, 0), "it moves")
    m.pci_write(1, 1, 4, 0xffff, 2)
    same(m.pci_read(1, 1, 4, 2) & ~0x547 & 0xffff, 0, "reserved command bits stay 0")
    m.pci_write(1, 1, 0, 0)
    same(m.pci_read(1, 1, 0), 0x70108086, "the identity cannot be written")
    m.close()


def reserved():
    """reserve= of memory back ends: the kernel's mapping says so"""
    for kind in ("ram", "memfd,share=off"):
        for word in ("on", "off"):
            m = Machine("-m", "64", "-object", f"memory-backend-{kind},id=m,size=64M,reserve={word}", "-machine",
                        "memory-backend=m")
            m.inb(0x80)
            with open(f"/proc/{m.p.pid}/smaps") as f:
                text = f.read()
            ram = text[text.index("Size:              65536 kB"):]
            flags = ram[ram.index("VmFlags:"):].split("\n")[0].split()
            same("nr" in flags, word == "off", f"memory-backend-{kind} reserve={word}")
            m.close()


def pm():
    m = Machine()
    m.pci_write(1, 3, 0x40, 0x601)
    same(m.inl(0x608), 0xffffffff, "PM: not decoded before it is enabled")
    m.pci_write(1, 3, 0x80, 1, 1)
    a = m.inl(0x608)
    m.step(10 * MS)
    d = (m.inl(0x608) - a) & 0xffffff
    check(35700 <= d <= 35900, "PM timer: 3.58 MHz", d)
    same(m.inw(0x604) & 1, 0, "PM: legacy mode at reset")
    m.outb(0xb2, 0xf1)
    same(m.inw(0x604) & 1, 1, "PM: APM command F1h enables SCI")
    m.outb(0xb2, 0xf0)
    same(m.inw(0x604) & 1, 0, "PM: F0h disables it")
    m.outw(0x602, 1)
    m.step(3000 * MS)
    same(m.inw(0x600) & 1, 1, "PM: bit 23 changed: TMR_STS")
    pic_init(m)
    m.outb(0x4d1, 0x02)
    same(irr(m, 0xa0) & 2, 2, "PM: SCI is IRQ 9")
    m.outw(0x602, 0)
    same(irr(m, 0xa0) & 2, 0, "PM: and falls when nothing is enabled")
    m.outw(0x600, 1)
    same(m.inw(0x600) & 1, 0, "PM: status is cleared by writing 1")
    m.outw(0xafe2, 0x1234)
    same(m.inw(0xafe2), 0x1234, "GPE: enable register")
    same(m.pci_read(1, 3, 0x58) >> 25 & 1, 1 if not REFERENCE else m.pci_read(1, 3, 0x58) >> 25 & 1,
         "DEVACTB.APMC_EN is set: no SMM here")
    m.close()


def hpet():
    m = Machine()
    base = 0xfed00000
    rd = lambda off: int(m.ask(f"readq {base + off:#x}")[0], 0)
    wr = lambda off, v: m.ask(f"writeq {base + off:#x} {v:#x}")
    same(rd(0), 0x989680 << 32 | 0x8086a201, "HPET: 100 MHz, three 64-bit comparators")
    m.step(1 * MS)
    same(rd(0xf0), 0, "HPET: the counter stands still at reset")
    pic_init(m)
    m.outb(0x21, 0xfe)
    wr(0x10, 3)  # legacy replacement
    m.step(1 * MS)
    same(rd(0xf0), 100000, "HPET: and runs when it is enabled")
    wr(0x100, 0x4 | 0x8 | 0x40)
    wr(0x108, rd(0xf0) + 50000)
    wr(0x108, 50000)
    n = 0
    for _ in range(10):
        m.step(500000)
        if poll(m, 0x20) == 0x80:
            n += 1
            m.outb(0x20, 0x20)
    same(n, 10, "HPET: periodic on IRQ 0")
    pit_set(m, 0, 2, 1193)
    wr(0x100, 0)
    m.step(5 * MS)
    same(poll(m, 0x20), 0, "HPET: the 8254 is silent in legacy replacement")
    wr(0x10, 1)
    m.step(5 * MS)
    same(poll(m, 0x20), 0x80, "HPET: and heard without it")
    wr(0x10, 0)
    wr(0xf0, 0x123456789)
    same(rd(0xf0), 0x123456789, "HPET: a stopped counter can be set")
    m.ask(f"writel {base + 0xf4:#x} 0x5")
    same(rd(0xf0), 0x523456789, "HPET: by halves too")
    m.close()


def ports():
    m = Machine()
    m.outb(0x92, 2)
    same(m.inb(0x92) & 2, 2, "port 92h: A20")
    m.outb(0x92, 0)
    same(m.inb(0x92) & 2, 0, "port 92h: off")
    same(m.inb(0x80), 0xff, "port 80h reads ones")
    m.outb(0x80, 0x55)
    # reset by CF9h: PAM is at its reset value afterwards
    m.pci_write(0, 0, 0x59, 0x30, 1)
    m.outb(0xcf9, 0x02)
    same(m.inb(0xcf9), 0x02, "CF9h: hard reset chosen")
    m.outb(0xcf9, 0x06)
    same(m.pci_read(0, 0, 0x59, 1), 0, "CF9h: the machine was reset")
    m.close()


main(pic, cascade, pit, pit_periodic, rtc, cmos_bytes, memory_split, rom, pci, pm, hpet, ports,
     *([] if REFERENCE else [reserved]))
