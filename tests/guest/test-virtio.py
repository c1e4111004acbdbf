#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernels on virtio devices: from their disk as the tutorial's command 2 has it, with the
firmware reading it first."""
import os, shutil, socket, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, need_guest, run

LONG = bool(os.environ.get("LONG"))
IMG = os.path.join(os.environ["BUILD"], "qemu-img")


def overlay(d):
    f = os.path.join(tempfile.mkdtemp(prefix="virtio-"), "disk.qcow2")
    subprocess.run([IMG, "create", "-q", "-f", "qcow2", "-b", f"{d}/disk.raw", "-F", "raw", f], check=True)
    return f


def boot_disk(flavour, *more, drive=",if=virtio,media=disk,cache=writeback,format=qcow2", mem=192, shows=()):
    d = need_guest(flavour)
    f = overlay(d)
    g = Guest("-m", str(mem), "-net", "none", "-drive", f"file={f}{drive}", *more, guard=400)
    try:
        g.expect("root@test")
        for command, want in (("echo kept > /root/kept; sync; cat /root/kept", r"(?m)^kept\r?\n"), *shows):
            g.type(command + "\n")
            g.expect(want)
            g.expect("root@test")
        g.type("poweroff\n")
        g.expect("Power down")
        assert g.wait() == 0, "exit status"
        out = subprocess.run([IMG, "check", f], capture_output=True, text=True)
        assert out.returncode == 0 and "No errors" in out.stdout, out.stdout + out.stderr
    finally:
        g.close()
        os.remove(f)


def rss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(next(x for x in f if x.startswith("Rss:")).split()[1])


def until_balloon(g, mib):
    for _ in range(300):
        if g.monitor("info balloon") == f"balloon: actual={mib}\r\n":
            return
        time.sleep(0.1)
    raise TimeoutError(g.monitor("info balloon"))


SCRIPT = """
cat /sys/class/misc/hw_random/rng_current
echo $(dd if=/dev/hwrng bs=64 count=4 2>/dev/null | wc -c) RANDOM
p=$(ls /dev/vport*p1)
head -c 300000 $p >/x
cat /x >$p
echo from-hvc0 >/dev/hvc0
dd if=/dev/zero of=/x bs=1M count=100 2>/dev/null
rm /x
grep MemTotal /proc/meminfo
echo FILLED
read go
grep MemTotal /proc/meminfo
read go
"""


def read_all(s, n):
    got = b""
    while len(got) < n:
        piece = s.recv(65536)
        assert piece, f"the end after {len(got)} bytes"
        got += piece
    return got


def small_devices():
    """Random numbers, a port that echoes, a console, the balloon in and out"""
    d = need_guest("cloud")
    tmp = tempfile.mkdtemp(prefix="virtio-")
    paths = [os.path.join(tmp, n) for n in ("port", "hvc")]
    g = Guest("-m", "256", "-nodefaults", "-kernel", f"{d}/vmlinuz", "-initrd", f"{d}/initrd.gz", "-append",
              "console=ttyS0 quiet run=cmd cmd=" + SCRIPT.encode().hex(), "-no-reboot",
              "-device", "virtio-rng-pci", "-balloon", "virtio", "-device", "virtio-serial-pci",
              "-chardev", f"socket,id=c0,path={paths[0]},server=on,wait=off",
              "-chardev", f"socket,id=c1,path={paths[1]},server=on,wait=off",
              "-device", "virtserialport,chardev=c0,name=org.test.0", "-device", "virtconsole,chardev=c1", guard=200)
    try:
        g.expect("virtio_rng.0")
        g.expect("256 RANDOM")
        ends = [socket.socket(socket.AF_UNIX) for _ in paths]
        for s, p in zip(ends, paths):
            s.settimeout(100)
            s.connect(p)
        data = os.urandom(300000)
        ends[0].sendall(data)
        assert read_all(ends[0], len(data)) == data, "the echo differs"
        text = b""
        while b"from-hvc0" not in text:
            text += read_all(ends[1], 1)
        total = int(g.expect(r"MemTotal: +(\d+) kB")[1])
        g.expect("FILLED")
        before = rss(g.p.pid)
        assert g.monitor("info balloon") == "balloon: actual=256\r\n"
        g.monitor("balloon 128")
        until_balloon(g, 128)
        g.type("\n")
        small = int(g.expect(r"MemTotal: +(\d+) kB")[1])
        assert total - small == 128 * 1024, (total, small)
        after = rss(g.p.pid)
        assert before - after > 60 * 1024, f"host memory went from {before} to {after} KiB"
        g.monitor("balloon 256")
        until_balloon(g, 256)
        g.type("\n")
        g.expect("GUEST-END 0")
        assert g.wait() == 0, "exit status"
    finally:
        g.close()
        shutil.rmtree(tmp)


INTERRUPTS = ("cat /proc/interrupts", r"PCI-MSI.*virtio0-req.0")
INTX = ("cat /proc/interrupts", r"IO-APIC.*virtio0")
BY_DEVICE = ",if=none,id=d,format=qcow2"
tests = {
    "cloud kernel from a virtio disk (command 2)": lambda: boot_disk("cloud", shows=[INTERRUPTS]),
    "random numbers, ports, console, balloon": small_devices,
}
if LONG:
    tests["linux-image-amd64 from a virtio disk, 2 CPUs"] = lambda: boot_disk("amd64", "-smp", "2", mem=512)
    tests["legacy interface, INTx"] = lambda: boot_disk(
        "cloud", "-device", "virtio-blk-pci,drive=d,disable-modern=on,vectors=0", drive=BY_DEVICE, shows=[INTX])
    tests["modern only, packed ring, 2 queues"] = lambda: boot_disk(
        "cloud", "-smp", "2", "-device", "virtio-blk-pci-non-transitional,drive=d,packed=on", drive=BY_DEVICE)
    tests["no doorbells, no event index"] = lambda: boot_disk(
        "cloud", "-device", "virtio-blk-pci,drive=d,ioeventfd=off,event_idx=off,indirect_desc=off", drive=BY_DEVICE)
run(tests)
