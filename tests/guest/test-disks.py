#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux and its disks: a file system of the host that fills up under a guest's write (the machine
stops, space is made, `cont`, nothing lost); -boot once across a reset; LONG: floppy and LSI."""
import hashlib, os, re, shutil, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, Skip, need_guest, run

LONG = bool(os.environ.get("LONG"))


class Tmpfs:
    """A small file system in a mount namespace of its own: a process keeps it, others enter it."""

    def __init__(self, size):
        self.dir = tempfile.mkdtemp(prefix="small-")
        self.p = subprocess.Popen(
            ["unshare", "-Urm", "sh", "-c", f"mount -t tmpfs -o size={size} none {self.dir} && echo up && exec sleep 1000"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
        if self.p.stdout.readline() != "up\n":
            self.close()
            raise Skip("no tmpfs in a user namespace here")

    def enter(self):
        return ["nsenter", "-t", str(self.p.pid), "-U", "-m", "--preserve-credentials", "--"]

    def run(self, *cmd):
        return subprocess.run(self.enter() + list(cmd), check=True, capture_output=True, text=True).stdout

    def close(self):
        self.p.kill()
        self.p.wait()
        os.rmdir(self.dir)


def wait_state(g, want):
    while want not in (s := g.monitor("info status")):
        if time.monotonic() > g.end:
            raise TimeoutError(s)
        time.sleep(0.5)


def disk_full(bus="ide", disk="/dev/sda"):
    d = need_guest("cloud")
    fs = Tmpfs("20m")
    img = f"{fs.dir}/disk.qcow2"
    script = ("mkdir /t; dd if=/dev/urandom of=/t/x bs=1M count=32 2>/dev/null; md5sum </t/x; dd if=/t/x of=DISK bs=1M 2>&1 | tail -1; "
              "sync; echo 3 >/proc/sys/vm/drop_caches; head -c 33554432 DISK | md5sum; dmesg | grep -c I/O.error; echo done").replace("DISK", disk)
    g = None
    try:
        fs.run(os.path.join(os.environ["BUILD"], "qemu-img"), "create", "-q", "-f", "qcow2", img, "64M")
        program = os.environ.get("GUEST_REFERENCE") or os.path.join(os.environ["BUILD"], "qemu-kvm")
        g = Guest("-m", "192", "-nodefaults", "-no-reboot", "-kernel", f"{d}/vmlinuz", "-initrd", f"{d}/initrd.gz", "-append",
                  "console=ttyS0 quiet noroot run=cmd cmd=" + script.encode().hex(), "-drive", f"file={img},format=qcow2,if={bus}",
                  guard=400, program=fs.enter() + [program])
        g.expect("GUEST-BEGIN")
        want = g.expect(r"([0-9a-f]{32})")[1]
        wait_state(g, "paused (io-error)")
        assert "nospace" in g.monitor("info block"), g.monitor("info block")
        fs.run("mount", "-o", "remount,size=100m", fs.dir)
        assert g.monitor("cont") == ""
        got = g.expect(r"([0-9a-f]{32})")[1]
        assert got == want, (got, want)
        assert g.expect(r"(?m)^(\d+)\r?\n")[1] == "0", "the guest saw I/O errors"
        g.expect("GUEST-END 0")
        assert g.wait() == 0
        out = fs.run(os.path.join(os.environ["BUILD"], "qemu-img"), "check", img)
        assert "No errors" in out, out
    finally:
        if g:
            g.close()
        fs.close()


def boot_sector(letter, end):
    """Prints a letter on the serial line, then resets by the keyboard controller, or stops."""
    code = bytes([0xb0, ord(letter), 0xba, 0xf8, 0x03, 0xee])  # mov al,letter; mov dx,3f8h; out dx,al
    code += bytes([0xb0, 0xfe, 0xe6, 0x64]) if not end else b""
    code += bytes([0xf4, 0xeb, 0xfd])
    return (code + bytes(510))[:510] + b"\x55\xaa"


def boot_once():
    tmp = tempfile.mkdtemp()
    g = None
    try:
        for name, letter, end, size in (("a", "A", False, 1474560), ("c", "C", True, 1 << 20)):
            with open(f"{tmp}/{name}", "wb") as f:
                f.write(boot_sector(letter, end))
                f.truncate(size)
        g = Guest("-m", "32", "-net", "none", "-boot", "order=c,once=a", "-drive", f"file={tmp}/a,format=raw,if=floppy",
                  "-drive", f"file={tmp}/c,format=raw,if=ide", guard=200)
        g.expect("A")
        g.expect("C")
    finally:
        if g:
            g.close()
        shutil.rmtree(tmp)


def linux(append, args, script, expect):
    d = need_guest("amd64")
    g = Guest("-m", "256", "-nodefaults", "-no-reboot", "-kernel", f"{d}/vmlinuz", "-initrd", f"{d}/initrd.gz", "-append",
              f"console=ttyS0 quiet noroot {append} run=cmd cmd=" + script.encode().hex(), *args, guard=600)
    try:
        g.expect("GUEST-BEGIN")
        for e in expect:
            g.expect(e)
        g.expect("GUEST-END 0")
        assert g.wait() == 0
    finally:
        g.close()


ROUND = ("mkdir /t; dd if=/dev/urandom of=/t/y bs=512 count=200 2>/dev/null; dd if=/t/y of=DEV bs=512 seek=1000 2>/dev/null; sync; "
         "echo 3 >/proc/sys/vm/drop_caches; dd if=DEV bs=512 skip=1000 count=200 2>/dev/null | cmp - /t/y && echo SA''ME; ")


def floppy():
    with tempfile.NamedTemporaryFile() as f:
        f.truncate(1474560)
        linux("extra=floppy", ["-drive", f"if=floppy,file={f.name},format=raw"], ROUND.replace("DEV", "/dev/fd0"), ["SAME"])
        f.seek(512000)
        assert any(f.read(512))


def lsi():
    with tempfile.NamedTemporaryFile() as f, tempfile.NamedTemporaryFile() as c:
        f.truncate(16 << 20)
        c.write(b"from the CD\n" + bytes(2036 + 2048 * 99))
        c.flush()
        linux("extra=sym53c8xx", ["-drive", f"if=scsi,file={f.name},format=raw", "-drive",
                                  f"if=scsi,media=cdrom,file={c.name},format=raw"],
              ROUND.replace("DEV", "/dev/sda") + "head -n1 /dev/sr0; dmesg | grep -c ABORT; echo end",
              ["SAME", "from the CD", r"(?m)^0\r?$"])


tests = {"a full disk stops the machine, cont loses nothing": disk_full, "-boot once across the guest's reset": boot_once}
if LONG:
    tests |= {"a full virtio disk": lambda: disk_full("virtio", "/dev/vda"), "Linux and a floppy": floppy, "Linux's sym53c8xx, disk and CD": lsi}
run(tests)
