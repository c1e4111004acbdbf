#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernels, from -kernel and from a disk, with one and two CPUs, powered off by the guest."""
import os, subprocess, sys, tempfile
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, need_guest, run

LONG = bool(os.environ.get("LONG"))


def boot_kernel(flavour, smp, mem=256):
    d = need_guest(flavour)
    script = "nproc; uname -r; cat /proc/cpuinfo | grep -c processor; dmesg | grep -iE 'BUG|oops|panic' ; echo done"
    g = Guest("-m", str(mem), "-smp", str(smp), "-nodefaults", "-no-reboot", "-kernel", f"{d}/vmlinuz",
              "-initrd", f"{d}/initrd.gz", "-append",
              "console=ttyS0 quiet run=cmd cmd=" + script.encode().hex(), guard=400)
    try:
        g.expect("GUEST-BEGIN")
        assert int(g.expect(r"(\d+)\r?\n")[1]) == smp
        assert g.expect(r"(\S+)\r?\n")[1].endswith(flavour + "-amd64" if flavour == "cloud" else flavour)
        g.expect(rf"{smp}\r?\n")
        g.expect("done")
        g.expect("GUEST-END 0")
        assert g.wait() == 0, "exit status"
    finally:
        g.close()


def topology():
    """One socket, two cores, two threads with the default CPU model, as the tutorial's command 4 asks."""
    d = need_guest("cloud")
    script = ("cd /sys/devices/system/cpu; for i in 0 1 2 3; do cat cpu$i/topology/physical_package_id "
              "cpu$i/topology/core_id cpu$i/topology/thread_siblings_list | xargs echo topo; done")
    g = Guest("-m", "256", "-smp", "4,sockets=1,cores=2,threads=2", "-nodefaults", "-no-reboot", "-kernel",
              f"{d}/vmlinuz", "-initrd", f"{d}/initrd.gz", "-append",
              "console=ttyS0 quiet nomodules run=cmd cmd=" + script.encode().hex(), guard=400)
    try:
        for core, siblings in ((0, "0-1"), (0, "0-1"), (1, "2-3"), (1, "2-3")):
            g.expect(rf"topo 0 {core} {siblings}\r?\n")
        g.expect("GUEST-END 0")
        assert g.wait() == 0, "exit status"
    finally:
        g.close()


def disk_image(d, name):
    """A qcow2 overlay: the guest's disk stays as it was made."""
    f = os.path.join(tempfile.mkdtemp(prefix="disk-"), name)
    subprocess.run([os.path.join(os.environ["BUILD"], "qemu-img"), "create", "-q", "-f", "qcow2", "-b",
                    f"{d}/disk.raw", "-F", "raw", f], check=True)
    return f


def boot_disk(flavour, smp, mem=128):
    d = need_guest(flavour)
    f = disk_image(d, "disk.qcow2")
    g = Guest("-m", str(mem), "-smp", str(smp), "-name", "test", "-net", "none", "-hda", f, guard=400)
    try:
        g.expect("root@test")
        g.type("echo kept > /root/kept; sync; nproc; cat /root/kept\n")
        g.expect(rf"(?m)^{smp}\r?\n")
        g.expect(r"(?m)^kept\r?\n")
        g.expect("root@test")
        g.type("poweroff\n")
        g.expect("Power down")
        assert g.wait() == 0, "exit status"
        out = subprocess.run([os.path.join(os.environ["BUILD"], "qemu-img"), "check", f], capture_output=True,
                             text=True)
        assert out.returncode == 0 and "No errors" in out.stdout, out.stdout + out.stderr
    finally:
        g.close()
        os.remove(f)


tests = {
    "cloud kernel by -kernel, 1 CPU": lambda: boot_kernel("cloud", 1),
    "cloud kernel from its qcow2 disk, 2 CPUs": lambda: boot_disk("cloud", 2),
    "1 socket, 2 cores, 2 threads": topology,
    "linux-image-amd64 by -kernel, 2 CPUs": lambda: boot_kernel("amd64", 2, 512),
}
tests["linux-image-686-pae, 2 CPUs (PAE paging)"] = lambda: boot_kernel("686-pae", 2)
if LONG:
    tests["linux-image-686, 2 CPUs (32-bit paging)"] = lambda: boot_kernel("686", 2)
    tests["linux-image-686-pae from its disk, 1 CPU"] = lambda: boot_disk("686-pae", 1)
    tests["cloud kernel by -kernel, 2 CPUs"] = lambda: boot_kernel("cloud", 2)
    tests["cloud kernel from its disk, 1 CPU"] = lambda: boot_disk("cloud", 1)
    tests["linux-image-amd64 by -kernel, 1 CPU"] = lambda: boot_kernel("amd64", 1, 512)
    tests["linux-image-amd64 from its disk, 2 CPUs"] = lambda: boot_disk("amd64", 2, 512)
run(tests)
