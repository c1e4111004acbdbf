#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the monitor does to drives that a disk uses: commit, block_resize, limits, drive_add and
drive_del; and a disk on a full file system: the machine stops, `cont` goes on, nothing is lost."""
import os, random, resource, shutil, signal, struct, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, Qmp, check, same, skip, main

tmp = tempfile.mkdtemp()
BASE, TOP = os.path.join(tmp, "base"), os.path.join(tmp, "top.qcow2")
IMG = os.path.join(os.environ["BUILD"], "qemu-img")
QEMU = os.path.join(os.environ["BUILD"], "qemu-kvm")
rnd = random.Random(1)
SIZE = 4 << 20


class Disk:
    """A machine with one IDE disk, by PIO"""

    def __init__(self, *args, **popen):
        sock = os.path.join(tmp, "qmp")
        self.m = Machine("-m", "16", "-qmp", f"unix:{sock},server=on,wait=off", *args, **popen)
        self.q = Qmp(sock)
        os.unlink(sock)

    def hmp(self, line):
        r = self.q("human-monitor-command", **{"command-line": line})
        return r.replace("\r", "") if isinstance(r, str) else r

    def status(self):
        return self.q("query-status")["status"]

    def start(self, cmd, lba, n):
        for reg, v in ((6, 0xe0), (2, n), (3, lba), (4, lba >> 8), (5, lba >> 16)):
            self.m.outb(0x1f0 + reg, v & 255)
        self.m.outb(0x1f7, cmd)

    def wait(self):
        for _ in range(100000):
            s = self.m.inb(0x3f6)
            if not s & 0x80:
                return self.m.inb(0x1f7)
        raise TimeoutError(hex(s))

    def give(self, data):
        for i in range(0, len(data), 2):
            self.m.outw(0x1f0, data[i] | data[i + 1] << 8)

    def write(self, lba, data):
        self.start(0x30, lba, len(data) // 512)
        for i in range(0, len(data), 512):
            assert self.wait() & 9 == 8
            self.give(data[i:i + 512])
        return self.wait()

    def read(self, lba, n=1):
        self.start(0x20, lba, n)
        out = b""
        for _ in range(n):
            s = self.wait()
            assert s & 9 == 8, hex(s)
            out += b"".join(struct.pack("<H", self.m.inw(0x1f0)) for _ in range(256))
        self.wait()
        return out

    def close(self):
        self.q.s.close()
        self.m.close()


def base():
    data = rnd.randbytes(SIZE)
    with open(BASE, "wb") as f:
        f.write(data)
    return data


def file(off, n):
    with open(BASE, "rb") as f:
        f.seek(off)
        return f.read(n)


def commit():
    data = base()
    d = Disk("-drive", f"file={BASE},format=raw,snapshot=on,if=ide", "-drive", "if=none,id=e")
    a, b = rnd.randbytes(1024), rnd.randbytes(512)
    d.write(100, a)
    check(file(0, SIZE) == data, "-snapshot keeps the image as it is")
    same(d.hmp("commit all"), "", "commit all")
    check(file(100 * 512, 1024) == a, "the image has it")
    d.write(101, b)
    same(d.read(100, 2), a[:512] + b, "the drive goes on")
    check(file(100 * 512, 1024) == a, "apart from the image again")
    same(d.hmp("commit ide0-hd0"), "", "commit of one drive")
    check(file(100 * 512, 1024) == a[:512] + b and file(0, 51200) == data[:51200], "the image has that, and only that")
    info = d.hmp("info block -v ide0-hd0")
    check(f"backing file: {BASE}\n" in info and f"\nimage: {BASE}\nfile format: raw\n" in info, "info block -v: the whole chain", info)
    info = d.hmp("info block -n")
    names = [line.split(": ", 1) for line in info.split("\n") if line.startswith("#block")]
    check(len(names) == 4 and names[3][1] == f"{BASE} (file, read-only)" and "ide0-hd0" not in info, "info block -n", info)
    same(d.hmp(f"info block -n {names[2][0]}"), f"{names[2][0]}: {BASE} (raw, read-only)\n    Cache mode:       writeback\n",
         "info block -n NODE")
    check("not found" in d.hmp("info block -n nope"), "no such node")
    check("no image below it" in d.hmp("commit e") or "no medium" in d.hmp("commit e"), "nothing to commit: said", d.hmp("commit e"))
    check("not found" in d.hmp("commit nosuch"), "no such drive")
    d.close()
    other = Disk("-drive", f"file={BASE},format=raw,if=ide")
    d = Disk("-drive", f"file={BASE},format=raw,snapshot=on,if=ide,file.locking=off")
    d.write(300, a)
    same(d.hmp("commit all"), "", "commit with locking=off while another has the lock")
    check(file(300 * 512, 1024) == a, "the image has it")
    d.close()
    other.close()
    data = base()
    subprocess.run([IMG, "create", "-q", "-f", "qcow2", "-b", BASE, "-F", "raw", TOP, "8M"], check=True)
    d = Disk("-drive", f"file={TOP},format=qcow2,if=ide")
    d.write(7, a)
    d.write(SIZE // 512 + 9, b)
    same(d.hmp("commit ide0-hd0"), "", "commit of an overlay that is longer")
    same(os.path.getsize(BASE), 8 << 20, "the image below grows")
    check(file(7 * 512, 1024) == a and file(SIZE + 9 * 512, 512) == b, "and has both")
    same(d.read(7, 2), a, "the drive still shows it")
    for tool in (IMG, "/usr/bin/qemu-img"):
        if os.path.exists(tool):
            out = subprocess.run([tool, "check", "-U", TOP], capture_output=True, text=True).stdout
            check("errors" in out and "allocated" not in out.replace(" 0.00% allocated", ""),
                  f"{tool}: the overlay is empty", out)
    d.write(8, b)
    same(d.read(7, 2), a[:512] + b, "and takes more")
    d.close()
    check(file(7 * 512, 1024) == a, "for itself")
    for tool in (IMG, "/usr/bin/qemu-img"):
        if os.path.exists(tool):
            out = subprocess.run([tool, "check", TOP], capture_output=True, text=True).stdout
            check("No errors" in out, f"{tool}: the overlay is sound", out)


def commit_shared():
    """An overlay with packed clusters, zeros and a snapshot: what the snapshot shares stays its own"""
    if not os.path.exists("/usr/bin/qemu-io"):
        skip("commit of an overlay with a snapshot", "no qemu-io")
        return
    base()
    run = lambda *cmd: subprocess.run(cmd, check=True, capture_output=True)
    io = lambda *cmds: run("/usr/bin/qemu-io", *[w for c in cmds for w in ("-c", c)], TOP)
    run(IMG, "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", "-b", BASE, "-F", "raw", TOP, "4M")
    io("write -P 1 0 64k", "write -c -P 2 64k 4k", "write -c -P 3 68k 4k", "write -z 128k 16k")
    run("/usr/bin/qemu-img", "snapshot", "-c", "s", TOP)
    io("write -P 4 32k 64k", "write -z 132k 4k")
    d = Disk("-drive", f"file={TOP},format=qcow2,if=ide")
    same(d.hmp("commit ide0-hd0"), "", "commit of an overlay with a snapshot")
    same(d.read(63, 2), bytes([1]) * 512 + bytes([4]) * 512, "the drive shows it")
    d.close()
    want = bytes([1]) * 32768 + bytes([4]) * 65536
    check(file(0, len(want)) == want and file(128 << 10, 16384) == bytes(16384), "the image below has it")
    for tool in (IMG, "/usr/bin/qemu-img"):
        out = subprocess.run([tool, "check", TOP], capture_output=True, text=True).stdout
        check("No errors" in out, f"{tool}: the overlay is sound", out)
    run("/usr/bin/qemu-img", "snapshot", "-a", "s", TOP)
    r = subprocess.run(["/usr/bin/qemu-io", "-c", "read -P 1 0 64k", "-c", "read -P 2 64k 4k", "-c", "read -P 3 68k 4k",
                        "-c", "read -P 0 128k 16k", TOP], capture_output=True, text=True)
    check("failed" not in r.stdout + r.stderr, "the snapshot has what it had", r.stdout, r.stderr)


def limits():
    base()
    d = Disk("-drive", f"file={BASE},format=raw,if=ide,iops=1000,iops_max=2000")
    info = d.hmp("info block ide0-hd0")
    check("I/O throttling:   bps=0 bps_rd=0 bps_wr=0" in info and "iops=1000" in info and "group=ide0-hd0" in info,
          "limits of -drive", info)
    d.read(0, 3)
    same(d.hmp("block_set_io_throttle ide0-hd0 0 0 0 0 20 0"), "", "block_set_io_throttle")
    start = time.monotonic()
    for i in range(10):
        d.read(i)
    check(time.monotonic() - start > .25, "ten reads at 20 a second take their time")
    same(d.hmp("block_set_io_throttle ide0-hd0 0 0 0 0 0 0"), "", "no limits")
    check("throttling" not in d.hmp("info block ide0-hd0"), "they are gone")
    check("cannot be used at the same time" in d.hmp("block_set_io_throttle ide0-hd0 1 1 0 0 0 0"), "total and read")
    same(d.q("block_set_io_throttle", device="ide0-hd0", bps=1000, bps_rd=0, bps_wr=0, iops=0, iops_rd=0, iops_wr=0), {},
         "by QMP")
    same(d.q("query-block")[0]["inserted"]["bps"], 1000, "query-block tells")
    d.close()


def sizes():
    base()
    d = Disk("-drive", f"file={BASE},format=raw,if=ide")
    same(d.hmp("block_resize ide0-hd0 8"), "", "block_resize in MiB")
    same(os.path.getsize(BASE), 8 << 20, "the file is longer")
    same(d.read((8 << 11) - 1), bytes(512), "the guest reads its end")
    check("not found" in d.hmp("block_resize nosuch 8"), "no such drive")
    d.close()
    data = base()
    for compat in ("1.1", "0.10"):
        # shorter than the image below: what that has behind the overlay's end must not come to light
        subprocess.run([IMG, "create", "-q", "-f", "qcow2", "-o", f"compat={compat},cluster_size=4k", "-b", BASE, "-F", "raw",
                        TOP, str(SIZE // 2 + 512)], check=True)
        d = Disk("-drive", f"file={TOP},format=qcow2,if=ide")
        a = rnd.randbytes(1024)
        d.write(SIZE // 1024 - 1, a)
        same(d.hmp("block_resize ide0-hd0 64"), "", f"block_resize of a qcow2 image, compat={compat}")
        same(d.read(SIZE // 1024 - 2, 4), data[SIZE // 2 - 1024:SIZE // 2 - 512] + a + bytes(512), "its old end")
        same(d.read(SIZE // 512 - 9, 18), bytes(18 * 512), "zeros where the image below has something")
        d.write((64 << 11) - 2, a)
        check("cannot shrink" in d.hmp("block_resize ide0-hd0 1"), "it does not shrink", d.hmp("block_resize ide0-hd0 1"))
        d.m.close()  # killed
        for tool in (IMG, "/usr/bin/qemu-img"):
            if os.path.exists(tool):
                r = subprocess.run([tool, "check", TOP], capture_output=True, text=True)
                check(r.returncode in (0, 3) and "ERROR" not in r.stdout + r.stderr, f"{tool} check", r.stdout, r.stderr)
                out = subprocess.run([tool, "info", TOP], capture_output=True, text=True).stdout
                check("67108864 bytes" in out, f"{tool} info", out)
        d = Disk("-drive", f"file={TOP},format=qcow2,if=ide")
        same(d.read(SIZE // 1024 - 1, 2), a, "it is all there afterwards")
        d.close()
        os.unlink(TOP)


def hot():
    base()
    d = Disk()
    same(d.hmp(f"drive_add 0 if=none,id=x,format=raw,file={BASE}"), "OK\n", "drive_add")
    check("x (#block" in d.hmp("info block"), "it is there")
    check("exists" in d.hmp("drive_add 0 if=none,id=x") or "Duplicate" in d.hmp("drive_add 0 if=none,id=x"), "but once")
    check("if=none" in d.hmp("drive_add 0 if=ide"), "other interfaces are refused")
    same(d.hmp("drive_del x"), "", "drive_del")
    check("x (" not in d.hmp("info block"), "it is gone")
    d.close()


def removable():
    """Whose medium can be changed is the device's to say, not media='s"""
    base()
    other = os.path.join(tmp, "other")
    with open(other, "wb") as f:
        f.write(bytes([7]) * 4096)
    d = Disk("-usb", "-drive", f"if=none,id=c,format=raw,file={BASE}", "-device", "ide-cd,drive=c,bus=ide.1", "-drive",
             f"if=none,id=f,format=raw,file={BASE},file.locking=off", "-device", "floppy,drive=f", "-drive",
             f"if=none,id=u,format=raw,file={BASE},file.locking=off", "-device", "usb-storage,drive=u,removable=on", "-drive",
             f"if=none,id=h,format=raw,file={BASE},file.locking=off", "-device", "ide-hd,drive=h")
    for drive, tray in (("c", "open"), ("f", "closed"), ("u", "open")):
        same(d.hmp(f"eject {drive}"), "", f"{drive}: eject")
        info = d.hmp(f"info block {drive}")
        check(f"{drive}: [not inserted]" in info and f"Removable device: not locked, tray {tray}" in info, "it is empty", info)
        check("No such file" in d.hmp(f"change {drive} {tmp}/none"), "a medium that does not exist")
        same(d.hmp(f"change {drive} {other} raw"), "", "change")
        check("No such file" in d.hmp(f"change {drive} {tmp}/none"), "a medium that does not exist")
        info = d.hmp(f"info block {drive}")
        check(f"): {other} (raw)" in info and "tray closed" in info, "leaves the old one in the drive", info)
    check("is not removable" in d.hmp("eject h") and "is not removable" in d.hmp(f"change h {other}"), "a disk stays")
    check("Removable" not in d.hmp("info block h"), "and says so")
    block = {b["device"]: b for b in d.q("query-block")}
    same([block[i]["removable"] for i in "cfuh"], [True, True, True, False], "query-block: removable")
    same(["tray_open" in block[i] for i in "cfuh"], [True, False, True, False], "query-block: a tray")
    check("DEVICE_TRAY_MOVED" in d.q.events, "the tray's events", d.q.events)
    d.close()


def kept():
    """What the guest wrote is in the image after `stop`, and when a drive goes just before the end"""
    data = rnd.randbytes(1024)
    subprocess.run([IMG, "create", "-q", "-f", "qcow2", TOP, "4M"], check=True)
    d = Disk("-drive", f"file={TOP},format=qcow2,if=ide")
    d.q("cont")
    d.write(100, data)
    same(d.q("stop"), {}, "stop")
    d.m.close()  # killed
    d = Disk("-drive", f"file={TOP},format=qcow2,if=ide")
    same(d.read(100, 2), data, "a killed machine that was stopped has lost nothing")
    d.write(200, data)
    d.q.s.sendall(b'{"execute":"human-monitor-command","arguments":{"command-line":"drive_del ide0-hd0"}}{"execute":"quit"}')
    d.m.p.wait()
    d = Disk("-drive", f"file={TOP},format=qcow2,if=ide")
    same(d.read(200, 2), data, "nor one that ends right after drive_del")
    d.close()


def devices():
    """A block device of the host: one writer, who is named; by every way to write its name"""
    base()
    r = subprocess.run(["losetup", "-f", "--show", BASE], capture_output=True, text=True) if shutil.which("losetup") else None
    if not r or r.returncode:
        skip("block devices of the host", "no loop device")
        return
    loop = r.stdout.strip()
    try:
        d = Disk("-drive", f"file={loop},format=raw,if=ide")
        d.write(9, bytes([9]) * 512)
        same(d.read(9), bytes([9]) * 512, "written and read")
        out = subprocess.run([QEMU, "-accel", "qtest", "-display", "none", "-drive", f"file={loop},format=raw"], capture_output=True,
                             text=True, stdin=subprocess.DEVNULL, timeout=30)
        check(out.returncode == 1 and f'Failed to get "write" lock' in out.stderr
              and f"It is in use by process {d.m.p.pid} (qemu-kvm)" in out.stderr, "a second writer is refused", out.stderr)
        d.close()
        for words in (f"driver=host_device,filename={loop}", f"file=host_device:{loop},format=raw", f"file={loop},format=host_device"):
            d = Disk("-drive", words)
            same(d.read(9), bytes([9]) * 512, words.split("=")[0] + ": read")
            d.close()
    finally:
        subprocess.run(["losetup", "-d", loop])


def full(policy, limit):
    """RLIMIT_FSIZE is the full disk that needs no root: EFBIG instead of ENOSPC"""
    data = base()
    d = Disk("-drive", f"file={BASE},format=raw,if=ide,werror={policy}", restore_signals=False)
    d.m.ask("clock_step")
    pid = d.m.p.pid
    d.q("cont")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    text = rnd.randbytes(1024)
    d.start(0x30, 6000, 2)
    d.wait()
    d.give(text[:512])
    return d, text, pid, data


def stops():
    d, text, pid, data = full("stop", 1 << 20)
    for _ in range(1000):
        if d.status() != "running":
            break
        time.sleep(.02)
    same(d.status(), "io-error", "a write to a full disk stops the machine")
    check("I/O status:       failed" in d.hmp("info block ide0-hd0"), "info block tells", d.hmp("info block ide0-hd0"))
    check("BLOCK_IO_ERROR" in d.q.events and "STOP" in d.q.events, "events", d.q.events)
    check(d.m.inb(0x3f6) & 0x80, "the disk is busy")
    d.q("cont")
    for _ in range(1000):
        if d.status() != "running":
            break
        time.sleep(.02)
    same(d.status(), "io-error", "without space it stops again")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    d.q("cont")
    assert d.wait() & 9 == 8
    d.give(text[512:])
    same(d.wait() & 1, 0, "with space the command ends well")
    check(file(6000 * 512, 1024) == text and file(0, 6000 * 512) == data[:6000 * 512], "nothing is lost")
    d.close()
    d, text, pid, data = full("report", 1 << 20)
    same((d.wait() & 1, d.m.inb(0x1f1)), (1, 4), "werror=report: the guest sees the error")
    same(d.status(), "running", "and the machine runs")
    d.close()
    d, text, pid, data = full("ignore", 1 << 20)
    same(d.wait() & 1, 0, "werror=ignore: the guest sees none")
    d.close()


# Python ignores SIGXFSZ; with restore_signals=False so do its children
try:
    main(commit, commit_shared, limits, sizes, hot, removable, kept, devices, stops)
finally:
    shutil.rmtree(tmp)
