# SPDX-License-Identifier: GPL-2.0-or-later
"""A boot sector that does to the display what the test says over the serial line, after the real BIOS
and VGA BIOS ran; and the screen as bytes. Made with `as` and `ld` of binutils."""
import os, shutil, struct, subprocess, tempfile
from guest import Guest, Skip

SOURCE = r"""
    .code16
    .globl _start
_start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    sti
    cld
    mov $0x3fb, %dx         # 115200 8n1, no interrupts: whatever the BIOS left
    mov $3, %al
    out %al, %dx
    mov $'r', %al
    call putc
loop:
    call getc
    cmp $'I', %al
    je int10
    cmp $'O', %al
    je port_out
    cmp $'N', %al
    je port_in
    cmp $'F', %al
    je fill
    cmp $'W', %al
    je bytes
    jmp loop
done:
    mov $'k', %al
    call putc
    jmp loop

int10:                      # ax bx cx dx
    call getw
    push %bx
    call getw
    push %bx
    call getw
    push %bx
    call getw
    mov %bx, %dx
    pop %cx
    pop %bx
    pop %ax
    int $0x10
    xor %cx, %cx
    mov %cx, %ds
    jmp done

port_out:                   # port value
    call getw
    call getc
    mov %bx, %dx
    out %al, %dx
    jmp done

port_in:                    # port; answers the value first
    call getw
    mov %bx, %dx
    in %dx, %al
    call putc
    jmp done

fill:                       # segment offset count step: byte = (offset * step) xor (offset >> 8)
    call getw
    mov %bx, %es
    call getw
    mov %bx, %di
    call getw
    mov %bx, %cx
    call getw
1:  mov %di, %ax
    mul %bx
    mov %di, %dx
    xor %dh, %al
    stosb
    loop 1b
    jmp done

bytes:                      # segment offset count, then bytes
    call getw
    mov %bx, %es
    call getw
    mov %bx, %di
    call getw
    mov %bx, %cx
1:  call getc
    stosb
    loop 1b
    jmp done

getw:
    call getc
    mov %al, %bl
    call getc
    mov %al, %bh
    ret
getc:
    push %dx
    mov $0x3fd, %dx
1:  in %dx, %al
    test $1, %al
    jz 1b
    mov $0x3f8, %dx
    in %dx, %al
    pop %dx
    ret
putc:
    push %dx
    mov %al, %ah
    mov $0x3fd, %dx
1:  in %dx, %al
    test $0x20, %al
    jz 1b
    mov $0x3f8, %dx
    mov %ah, %al
    out %al, %dx
    pop %dx
    ret
    .org 510
    .byte 0x55, 0xaa
"""


def sector(path):
    if not (shutil.which("as") and shutil.which("ld")):
        raise Skip("binutils is not installed")
    d = tempfile.mkdtemp()
    src, obj = os.path.join(d, "a.s"), os.path.join(d, "a.o")
    open(src, "w").write(SOURCE)
    subprocess.run(["as", "--32", "-o", obj, src], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext=0x7c00", "--oformat", "binary", "-o", path, obj], check=True)
    with open(path, "ab") as f:
        f.write(bytes(512 * 2879))
    shutil.rmtree(d)


class VgaGuest:
    def __init__(self, *args, reference=None, guard=120):
        old = os.environ.pop("GUEST_REFERENCE", None)
        if reference:
            os.environ["GUEST_REFERENCE"] = reference
        self.image = tempfile.NamedTemporaryFile(suffix=".img")
        sector(self.image.name)
        self.g = Guest("-m", "32", "-net", "none", "-boot", "c", "-drive", f"file={self.image.name},format=raw,if=ide",
                       *args, guard=guard)
        os.environ.pop("GUEST_REFERENCE", None)
        if old:
            os.environ["GUEST_REFERENCE"] = old
        self.raw = b""
        self.answer(b"r")

    def answer(self, want):
        """Bytes of the serial line up to and with `want`"""
        import select
        out = b""
        while not out.endswith(want):
            ready, _, _ = select.select([self.g.p.stdout], [], [], 60)
            data = os.read(self.g.p.stdout.fileno(), 1) if ready else b""
            if not data:
                raise EOFError(f"{out!r} {self.g.errors()}")
            out += data
        return out

    def send(self, data):
        self.g.p.stdin.write(data)
        self.g.p.stdin.flush()
        return self.answer(b"k")

    def bios(self, ax, bx=0, cx=0, dx=0):
        self.send(b"I" + struct.pack("<HHHH", ax, bx, cx, dx))

    def out(self, port, *values):
        for v in values:
            self.send(b"O" + struct.pack("<HB", port, v))

    def reg(self, port, index, value):
        """An indexed register: port is its index port"""
        self.out(port, index)
        self.out(port + 1, value)

    def inb(self, port):
        return self.send(b"N" + struct.pack("<H", port))[0]

    def fill(self, seg, off, n, step):
        self.send(b"F" + struct.pack("<HHHH", seg, off, n, step))

    def write(self, seg, off, data):
        self.send(b"W" + struct.pack("<HHH", seg, off, len(data)) + data)

    def screen(self):
        """-> width, height, RGB"""
        f = os.path.join(self.g.dir, "shot.ppm")
        self.g.monitor(f"screendump {f}")
        data = open(f, "rb").read()
        head = data.split(b"\n", 3)
        w, h = map(int, head[1].split())
        os.unlink(f)
        return w, h, head[3]

    def close(self):
        self.g.close()
