#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""device_add and device_del under Linux: it finds the device by ACPI, and lets go of it."""
import os, sys, tempfile, time
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, need_guest, run


def same(got, want):
    assert got == want, (got, want)


def plugs_and_unplugs():
    d = need_guest("cloud")
    disk = tempfile.NamedTemporaryFile()
    disk.write(b"hot" + bytes(1 << 20))
    disk.flush()
    # the monitor acts on what the guest prints, the guest on what it sees
    script = ("echo READY; while ! grep -q 0x1af4 /sys/bus/pci/devices/0000:00:1e.0/vendor 2>/dev/null; "
              "do sleep 0.2; done; echo PLUGGED $(cat /sys/bus/pci/devices/0000:00:1e.0/device); "
              "while [ -e /sys/bus/pci/devices/0000:00:1e.0 ]; do sleep 0.2; done; echo UNPLUGGED")
    g = Guest("-m", "256", "-nodefaults", "-no-reboot", "-drive",
              f"if=none,id=d0,format=raw,file={disk.name}", "-kernel", f"{d}/vmlinuz", "-initrd",
              f"{d}/initrd.gz", "-append", "console=ttyS0 quiet run=cmd cmd=" + script.encode().hex())
    try:
        g.expect("READY")
        same(g.monitor("device_add virtio-blk-pci,id=v0,drive=d0,addr=1e"), "")
        tree = g.monitor("info qtree")
        assert "virtio-blk-pci, id \"v0\"" in tree, tree
        same(g.monitor("device_add virtio-blk-pci,id=v0,drive=d0"), "Error: Duplicate device ID 'v0'\r\n")
        same(g.expect(r"PLUGGED (\S+)\r?\n")[1], "0x1001")
        same(g.monitor("device_del v0"), "")
        g.expect("UNPLUGGED")
        while "id \"v0\"" in g.monitor("info qtree"):
            time.sleep(0.1)
        g.expect("GUEST-END 0")
        assert g.wait() == 0, f"exit status {g.p.poll()}: {g.errors()}"
    finally:
        g.close()


run({"Linux takes a disk and gives it back": plugs_and_unplugs})
