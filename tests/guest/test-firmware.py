#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs before an operating system: SeaBIOS to its end, a boot sector that prints, GRUB's rescue CD
by keyboard and screen, GRUB's graphical menu."""
import os, re, shutil, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, Skip, run

GRUB = "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"
GRUB_FLOPPY = "/usr/lib/grub-rescue/grub-rescue-floppy.img"
BIOS = "/usr/share/seabios/bios-256k.bin"


def screen(g):
    """The 80x25 text screen, from display memory as the guest's processor sees it."""
    words = re.findall(r"0x([0-9a-f]{2})\b", g.monitor("xp /4000xb 0xb8000"))
    chars = "".join(chr(int(w, 16)) if 32 <= int(w, 16) < 127 else " " for w in words[::2])
    return "\n".join(chars[i:i + 80].rstrip() for i in range(0, len(chars), 80))


def until(g, text):
    while text not in (s := screen(g)):
        if time.monotonic() > g.end:
            raise TimeoutError(f"no '{text}' on the screen:\n{s}")
        time.sleep(0.5)
    return s


def firmware_end(*args):
    log = tempfile.NamedTemporaryFile()
    g = Guest(*args, "-m", "64", "-nodefaults", "-chardev", f"file,id=d,path={log.name}", "-device",
              "isa-debugcon,iobase=0x402,chardev=d", guard=120)
    try:
        while b"No bootable device." not in open(log.name, "rb").read():
            if time.monotonic() > g.end:
                raise TimeoutError(open(log.name, errors="replace").read()[-2000:])
            time.sleep(0.3)
        text = open(log.name, errors="replace").read()
        assert "SeaBIOS (version" in text
        for bad in ("WARNING", "Unable to", "internal error"):
            assert bad not in text, text
    finally:
        g.close()


# 16-bit code at 7C00h: prints what follows it with INT 10h and to COM1, then halts for ever
SECTOR = bytes.fromhex("fafc31c08ed88ed0bc007cbe257cac84c0740fb40ebb070050cd1058baf803eeebecf4ebfd")


def boot_sector():
    f = tempfile.NamedTemporaryFile(suffix=".img")
    message = b"boot sector speaks\r\n\0"
    f.write((SECTOR + message).ljust(510, b"\0") + b"\x55\xaa" + bytes(512 * 100))
    f.flush()
    g = Guest("-m", "64", "-net", "none", "-drive", f"file={f.name},format=raw", guard=120)
    try:
        g.expect("boot sector speaks")
        until(g, "boot sector speaks")
    finally:
        g.close()


def firmware_in_flash():
    """The same from flash, which then holds what the guest wrote there: nothing."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(open(BIOS, "rb").read())
        f.flush()
        firmware_end("-drive", f"if=pflash,format=raw,file={f.name}")
        assert open(f.name, "rb").read() == open(BIOS, "rb").read()


def grub(image, device, *args):
    if not os.path.exists(image):
        raise Skip("grub-rescue-pc is not installed")
    g = Guest("-m", "128", "-net", "none", *args, guard=300)
    try:
        until(g, "GNU GRUB")
        g.monitor("sendkey c")
        until(g, "grub>")
        for key in ("l", "s", "ret"):
            g.monitor(f"sendkey {key}")
        until(g, device)
        shot = os.path.join(g.dir, "shot.ppm")
        g.monitor(f"screendump {shot}")
        head = open(shot, "rb").read(15)
        assert re.match(rb"P6\n\d+ \d+\n255\n", head), head
    finally:
        g.close()


MENU = """
set timeout=-1
insmod all_video
insmod gfxterm
insmod serial
loadfont unicode
set gfxmode=1024x768
terminal_output gfxterm
set menu_color_normal=cyan/blue
set menu_color_highlight=white/blue
menuentry "First" { reboot; }
menuentry "Second" { serial; terminal_output --append serial; echo "chosen: second"; halt; }
"""


def grub_menu():
    """The highlighted row of a menu drawn in a VESA mode is white; GRUB's halt is ACPI's power off."""
    if not shutil.which("xorriso") or not os.path.isdir("/usr/lib/grub/i386-pc"):
        raise Skip("xorriso or grub-pc-bin is not installed")
    with tempfile.TemporaryDirectory() as d:
        os.makedirs(f"{d}/cd/boot/grub")
        open(f"{d}/cd/boot/grub/grub.cfg", "w").write(MENU)
        subprocess.run(["grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "--fonts=unicode", "--locales=", "--themes=", "-o",
                        f"{d}/grub.iso", f"{d}/cd"], check=True, capture_output=True)
        g = Guest("-m", "128", "-net", "none", "-vga", "std", "-cdrom", f"{d}/grub.iso", guard=300)

        def until_white(row, other):
            while True:
                g.monitor(f"screendump {d}/shot.ppm")
                _, size, _, p = open(f"{d}/shot.ppm", "rb").read().split(b"\n", 3)
                white = [b"\xfe" * 3 in p[y * 3072 + 90:y * 3072 + 300] for y in range(768)]
                if size == b"1024 768" and p[3 * (300 * 1024 + 500):][:3] == b"\0\0\xa8" and any(white[row:row + 16]):
                    assert not any(white[other:other + 16]), "two rows are highlighted"
                    return
                assert time.monotonic() < g.end, f"no menu, or its highlight is elsewhere: {size}"
                time.sleep(0.5)

        try:
            until_white(75, 91)
            g.monitor("sendkey down")
            until_white(91, 75)
            g.monitor("sendkey ret")
            g.expect("chosen: second")
            assert g.wait() == 0, "exit status"
        finally:
            g.close()


run({"SeaBIOS runs to its end": firmware_end, "a boot sector prints on screen and serial line": boot_sector,
     "SeaBIOS from flash": firmware_in_flash,
     "GRUB's rescue CD to its prompt": lambda: grub(GRUB, "(cd)", "-cdrom", GRUB),
     "GRUB's rescue floppy": lambda: grub(GRUB_FLOPPY, "(fd0)", "-boot", "a", "-drive",
                                          f"if=floppy,file={GRUB_FLOPPY},format=raw,snapshot=on"),
     "GRUB's graphical menu by keyboard": grub_menu,
     "GRUB's rescue CD on the LSI, by bootindex":
         lambda: grub(GRUB, "(cd)", "-device", "lsi53c895a,id=l", "-drive", f"if=none,id=c,file={GRUB},format=raw,readonly=on",
                      "-device", "scsi-cd,bus=l.0,drive=c,bootindex=0")})
