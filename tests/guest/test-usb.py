#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""USB with real drivers. SeaBIOS boots from a stick and reads its keys from a USB keyboard; Linux
(uhci-hcd, usbhid, usb-storage) takes a tablet, a mouse, a keyboard, and a stick behind a hub, which
is read, written and pulled out."""
import hashlib, os, re, sys, tempfile
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, need_guest, run
from rfb import Viewer

# 16-bit code at 7C00h: what follows it to COM1, then each key that INT 16h gives
SECTOR = bytes.fromhex("fa31c08ed88ed0bc007cfbfcbe277cac84c07405e80b00ebf6b400cd16e80200ebf7baf803eec3")


def image(data, size=4 << 20):
    f = tempfile.NamedTemporaryFile(suffix=".img")
    f.write(data.ljust(size, b"\0"))
    f.flush()
    return f


def sector(text):
    code = SECTOR[:13] + (0x7c00 + len(SECTOR)).to_bytes(2, "little") + SECTOR[15:]
    return (code + text + b"\0").ljust(510, b"\0") + b"\x55\xaa"


def firmware():
    disk, stick = image(sector(b"the disk")), image(sector(b"the stick"))
    g = Guest("-M", "pc,i8042=off", "-m", "64", "-nodefaults", "-usb", "-device", "usb-kbd",
              "-drive", f"file={disk.name},format=raw,if=none,id=d", "-device", "ide-hd,drive=d",
              "-drive", f"file={stick.name},format=raw,if=none,id=s",
              "-device", "usb-storage,drive=s,bootindex=1", guard=200)
    try:
        g.expect("the stick")
        for key in "usb":
            g.monitor(f"sendkey {key}")
            g.expect(key)
        g.monitor("sendkey shift-1")
        g.expect("!")
    finally:
        g.close()


SCRIPT = """
sh /usb
wait_for() { for i in $(seq 100); do [ -e $1 ] && return; sleep 0.1; done; echo "no $1"; }
node() { grep -A5 "$1" /proc/bus/input/devices | grep -o 'event[0-9]*' | head -1; }
wait_for /dev/sda
for d in Tablet Mouse Keyboard; do for i in $(seq 100); do [ "$(node "USB $d")" ] && break; sleep 0.1; done; done
for d in /sys/bus/usb/devices/1-*; do [ -f $d/product ] && echo "USB ${d##*/} $(cat $d/product)"; done
echo LISTED
read line </dev/tty1; echo "LINE <$line>"
sleep 0.2; cat /sys/class/leds/*capslock/brightness | tr -d '\\n'; echo " LEDS"
# opened before it is said: a driver that nobody listens to drops its events
(exec 3</dev/input/$(node "USB Tablet"); echo POINT; dd bs=24 count=4 <&3 2>/dev/null | od -An -v -tu2 -w24)
echo TABLET
(exec 3</dev/input/$(node "USB Mouse"); echo MOVE; dd bs=24 count=3 <&3 2>/dev/null | od -An -v -tu2 -w24)
echo MOUSE
md5sum /dev/sda
dd if=/dev/zero bs=4096 count=64 2>/dev/null | tr '\\0' 'w' | dd of=/dev/sda bs=4096 seek=100 2>/dev/null
sync; echo 1 >/proc/sys/vm/drop_caches; md5sum /dev/sda; echo WRITTEN
for i in $(seq 100); do [ -e /dev/sda ] || break; sleep 0.1; done; ls /dev/sda; echo UNPLUGGED
for i in $(seq 100); do grep -q "USB Mouse" /proc/bus/input/devices || break; sleep 0.1; done; node "USB Mouse"; echo HUB-GONE
dmesg | grep -E 'usb.*(error|reset|timed)|I/O error|Oops|BUG:'
"""


def with_file(initrd, name, data):
    """An initrd with one more file: the kernel reads one archive behind the other (newc)."""
    def entry(n, mode, body):
        head = "070701" + "".join(f"{v:08x}" for v in (1, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(n) + 1, 0))
        out = head.encode() + n.encode() + b"\0"
        return (out + bytes(-len(out) % 4) + body) + bytes(-len(body) % 4)
    f = tempfile.NamedTemporaryFile(suffix=".initrd")
    old = open(initrd, "rb").read()
    f.write(old + bytes(-len(old) % 512) + entry(name, 0o100755, data) + entry("TRAILER!!!", 0, b""))
    f.flush()
    return f


def events(text):
    """lines of struct input_event as 16-bit numbers -> [(type, code, value)]"""
    rows = [[int(n) for n in line.split()[-4:]] for line in text.strip().splitlines()]
    return [(t, c, (lo | hi << 16) - (hi >> 15 << 32)) for t, c, lo, hi in rows]


def linux():
    d = need_guest("amd64")
    initrd = with_file(f"{d}/initrd.gz", "usbtest", SCRIPT.encode())
    data = bytes((i * 7 + i // 512) & 255 for i in range(512)) * 4096
    stick = image(data, len(data))
    vnc = os.path.join(tempfile.mkdtemp(prefix="usb-vnc-"), "vnc")
    g = Guest("-m", "256", "-nodefaults", "-no-reboot", "-kernel", f"{d}/vmlinuz", "-initrd", initrd.name,
              "-append", "console=ttyS0 quiet no_timer_check run=usbtest",
              "-vnc", f"unix:{vnc}", "-device", "VGA", "-usb", "-device", "usb-tablet,port=1",
              "-device", "usb-hub,port=2,id=hub", "-device", "usb-kbd,port=2.1", "-device", "usb-mouse,port=2.2",
              "-drive", f"file={stick.name},format=raw,if=none,id=s", "-device", "usb-storage,drive=s,port=2.3,id=stick",
              guard=400)
    try:
        g.expect("GUEST-BEGIN")
        seen = dict(re.findall(r"USB (\S+) ([^\r\n]+)", g.expect(r"(?s)(.*)LISTED")[1]))
        assert seen == {"1-1": "QEMU USB Tablet", "1-2": "QEMU USB Hub", "1-2.1": "QEMU USB Keyboard",
                        "1-2.2": "QEMU USB Mouse", "1-2.3": "QEMU USB HARDDRIVE"}, seen
        for key in ("shift-h", "e", "l", "l", "o", "spc", "caps_lock", "x", "ret"):
            g.monitor(f"sendkey {key}")
        g.expect("LINE <Hello X>")
        assert g.expect(r"([01]+) LEDS")[1].count("1") >= 1
        g.expect("POINT")
        v = Viewer(vnc)
        assert v.login() is True
        v.init()
        v.pointer(0, v.w // 2, v.h // 4)
        v.pointer(1, v.w // 2, v.h // 4)
        x, y = 32767 * (v.w // 2) // (v.w - 1), 32767 * (v.h // 4) // (v.h - 1)
        got = events(g.expect(r"(?s)(.*?)TABLET")[1])
        assert {(3, 0, x), (3, 1, y)} <= set(got), (got, x, y)
        v.close()
        g.expect("MOVE")
        g.monitor("mouse_set " + re.search(r"#(\d+): QEMU HID Mouse", g.monitor("info mice"))[1])
        g.monitor("mouse_move 7 -9")
        got = events(g.expect(r"(?s)(.*?)MOUSE")[1])
        assert got == [(2, 0, 7), (2, 1, -9), (0, 0, 0)], got
        assert g.expect(r"([0-9a-f]{32})  /dev/sda")[1] == hashlib.md5(data).hexdigest()
        data = data[:409600] + b"w" * 262144 + data[409600 + 262144:]
        assert g.expect(r"([0-9a-f]{32})  /dev/sda")[1] == hashlib.md5(data).hexdigest()
        g.expect("WRITTEN")
        assert open(stick.name, "rb").read() == data, "the file is not what was written"
        g.monitor("device_del stick")
        g.expect("ls: /dev/sda: No such file")
        g.expect("UNPLUGGED")
        usb = g.monitor("info usb")
        assert "MSD" not in usb and usb.count("Device") == 4, usb
        g.monitor("device_del hub")
        last = g.expect(r"(?s)HUB-GONE(.*)GUEST-END")[1].strip()
        assert not last, last
        assert g.monitor("info usb").count("Device") == 1
        status = g.wait()
        assert status == 0, f"exit status {status}: {g.errors()}"
    finally:
        g.close()


run({"SeaBIOS: a stick, a keyboard": firmware, "Linux: all of them": linux})
