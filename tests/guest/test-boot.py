#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the firmware boots: sectors of disks and CDs that print and end the machine, and -kernel."""
import os, shutil, struct, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import check, same, main

QEMU = os.path.join(os.environ["BUILD"], "qemu-kvm")
tmp = tempfile.mkdtemp()


def path(name, data):
    p = os.path.join(tmp, name)
    with open(p, "wb") as f:
        f.write(data)
    return p


def printer(text, at, seg_is_zero=True):
    """16-bit code at offset `at` of its segment: text to port E9h, then exit by port F4h"""
    head = b"\xfa\xfc" + (b"\x31\xc0\x8e\xd8" if seg_is_zero else b"\x0e\x1f")  # cli; cld; ds = 0, cs
    loop = b"\xac\x84\xc0\x74\x04\xe6\xe9\xeb\xf7"  # lodsb; test al,al; jz; out E9h; jmp
    tail = b"\xb0\x10\xe6\xf4\xf4"                  # al = 10h; out F4h; hlt
    where = at + len(head) + 3 + len(loop) + len(tail)
    return head + b"\xbe" + struct.pack("<H", where) + loop + tail + text + b"\0"


def sector(text):
    return printer(text, 0x7c00).ljust(510, b"\0") + b"\x55\xaa"


def disk(name, text):
    return path(name, sector(text).ljust(1 << 20, b"\0"))


def cd(name, text):
    """the smallest CD of El Torito 1.0: volume, boot record, end, catalogue, image of 4 sectors"""
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
    v[21 * 2048:22 * 2048] = printer(text, 0x7c00).ljust(2048, b"\0")
    return path(name, v)


def boot(*args):
    """-> what the guest printed, exit status"""
    out = os.path.join(tmp, "e9")
    if os.path.exists(out):
        os.remove(out)
    p = subprocess.run([QEMU, "-accel", "tcg", "-m", "32", "-nodefaults", "-display", "none",
                        "-no-reboot", "-chardev", f"file,id=e9,path={out}", "-device",
                        "isa-debugcon,chardev=e9", "-device", "isa-debug-exit,iobase=0xf4", *args],
                       capture_output=True, text=True, timeout=120)
    text = open(out, "rb").read() if os.path.exists(out) else b""
    return text, p.returncode, p.stderr


# IRQ 4 stays raised (level mode, the UART's THRE), the PIC ends interrupts by itself and the trap gate
# leaves IF set: there is an interrupt to deliver at every boundary.
STORM = """
.code16
    cli; xor %ax,%ax; mov %ax,%ds; mov %ax,%ss; mov $0x7000,%sp
    lgdtl gdtr
    mov %cr0,%eax; or $1,%al; mov %eax,%cr0
    ljmpl $8,$start
.code32
start: mov $16,%ax; mov %ax,%ds; mov %ax,%es; mov %ax,%ss; mov $0x800000,%esp
    lidtl idtr
    mov $0x10000,%edi; mov $256,%ecx
1:  movl $isr + (8 << 16),(%edi); movl $0x8f00,4(%edi); add $8,%edi; loop 1b
    mov $0x11,%al; out %al,$0x20; mov $0x20,%al; out %al,$0x21; mov $4,%al; out %al,$0x21
    mov $3,%al; out %al,$0x21; mov $0xef,%al; out %al,$0x21; mov $0xff,%al; out %al,$0xa1
    mov $0x4d0,%dx; mov $0x10,%al; out %al,%dx
    mov $0x3f9,%dx; mov $2,%al; out %al,%dx; mov $0x3fc,%dx; mov $8,%al; out %al,%dx
    mov $1,%al; out %al,$0xe9
    sti
2:  jmp 2b
isr: jmp isr
.align 8
gdt: .quad 0,0x00cf9b000000ffff,0x00cf93000000ffff
gdtr: .word 23; .long gdt
idtr: .word 2047; .long 0x10000
.org 510
.word 0xaa55
"""


def interrupt_storm():
    src, obj, img = (os.path.join(tmp, n) for n in ("storm.S", "storm.o", "storm.img"))
    path("storm.S", STORM.encode())
    subprocess.run(["as", "--32", "-o", obj, src], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext=0x7c00", "-e", "0x7c00", "--oformat=binary", "-o", img, obj], check=True)
    out = os.path.join(tmp, "storm.e9")
    p = subprocess.Popen([QEMU, "-accel", "tcg", "-m", "16", "-nodefaults", "-display", "none", "-serial", "null",
                          "-drive", f"file={img},format=raw,snapshot=on", "-debugcon", f"file:{out}", "-monitor", "stdio"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for _ in range(600):
            if os.path.exists(out) and open(out, "rb").read().endswith(b"\1"):
                break
            time.sleep(0.1)
        text, _ = p.communicate("info registers\nstop\ninfo status\nquit\n", timeout=60)
    finally:
        p.kill()
    check("VM status: paused" in text and "EIP=" in text, "the monitor answers in an endless series of interrupts", text)


def sectors():
    a, b, c = disk("a", b"disk A"), disk("b", b"disk B"), cd("c", b"a CD")
    ahd = ("-drive", f"file={a},format=raw,if=ide,index=0")
    acd = ("-drive", f"file={c},format=raw,media=cdrom,index=2")
    same(boot(*ahd)[:2], (b"disk A", 33), "a disk's first sector")
    same(boot(*acd)[:2], (b"a CD", 33), "a CD without emulation")
    same(boot(*ahd, *acd)[0], b"disk A", "the disk comes first")
    same(boot(*ahd, *acd, "-boot", "d")[0], b"a CD", "-boot d")
    same(boot(*ahd, *acd, "-boot", "order=dc,once=c")[0], b"disk A", "once=c")
    two = ("-drive", f"file={a},format=raw,if=none,id=a", "-drive", f"file={b},format=raw,if=none,id=b",
           "-device", "ide-hd,drive=a,bus=ide.0,bootindex=2")
    same(boot(*two, "-device", "ide-hd,drive=b,bus=ide.1,bootindex=1")[0], b"disk B", "bootindex")


def bzimage():
    """a bzImage whose setup code prints: is it where the boot protocol says, with its stack?"""
    setup = bytearray(2 * 512)
    setup[0x1f1] = 1
    setup[0x1fe:0x202] = b"\x55\xaa\xeb\x40"
    setup[0x202:0x206] = b"HdrS"
    setup[0x206:0x208] = struct.pack("<H", 0x20c)
    setup[0x211] = 1
    setup[0x22c:0x230] = struct.pack("<I", 0x37ffffff)
    setup[0x238:0x23c] = struct.pack("<I", 255)
    code = printer(b"setup code", 0x242, seg_is_zero=False)
    # entered at 1020:0000 with ds = 1000: print by ds, so keep it
    code = code.replace(b"\x0e\x1f", b"\x90\x90", 1)
    setup[0x242:0x242 + len(code)] = code
    return setup


def kernel():
    k = path("bz", bzimage() + b"K" * 5000)
    same(boot("-kernel", k)[:2], (b"setup code", 33), "-kernel")
    a = disk("a", b"disk A")
    same(boot("-hda", a, "-kernel", k)[0], b"setup code", "before a disk")
    # the command line, by ds:(20000h - 10000h) = 2000:0
    setup = bzimage()
    show = b"\xb8\x00\x20\x8e\xd8\x31\xf6" + b"\xac\x84\xc0\x74\x04\xe6\xe9\xeb\xf7\xb0\x10\xe6\xf4\xf4"
    setup[0x242:0x242 + len(show)] = show
    same(boot("-kernel", path("bz", setup + b"K" * 5000), "-append", "one two")[0], b"one two", "-append")


def nothing():
    t, status, err = boot("-bios", os.path.join(tmp, "none"))
    same((status, len(err.splitlines())), (1, 1), "no such firmware: one line")
    print("# " + err.strip())
    t, status, err = boot("-bios", path("odd", bytes(1000)))
    same((status, len(err.splitlines())), (1, 1), "firmware of an odd size")
    print("# " + err.strip())
    t, status, err = boot("-L", tmp, "-bios", "nothing-of-that-name.bin")
    same((status, len(err.splitlines())), (1, 1), "not below -L either")
    print("# " + err.strip())


try:
    main(sectors, kernel, nothing, interrupt_storm)
finally:
    shutil.rmtree(tmp)
