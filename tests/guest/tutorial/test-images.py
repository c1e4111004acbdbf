#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands 3, 5, 10 and 11: qemu-img info, qemu-img create, the lists, a link of any name."""
import os, sys
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from tutorial import *
from guest import run


def output(*cmd, status=0):
    p = subprocess.run(cmd, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert p.returncode == status, (cmd, p.returncode, p.stdout, p.stderr)
    return p.stdout


def info():
    f = os.path.join(TMP.name, "info.qcow2")
    output(IMG, "create", "-f", "qcow2", f, "112M")
    text = output(IMG, "info", f)
    for row in [f"image: {f}\n", "file format: qcow2\n", "virtual size: 112 MiB (117440512 bytes)\n",
                "disk size: ", "cluster_size: 65536\n"]:
        assert row in text, (row, text)


def create():
    f = os.path.join(TMP.name, "winxp.qcow2")
    text = output(IMG, "create", "-f", "qcow2", "-o", "size=60G", f)
    assert text.startswith(f"Formatting '{f}', fmt=qcow2 ") and "size=64424509440" in text, text
    assert os.path.getsize(f) < 1 << 20


def lists():
    machines = output(QEMU, "-M", "?")
    assert "\npc " in machines and "(default)" in machines, machines
    cpus = output(QEMU, "-cpu", "?")
    assert "qemu64" in cpus and "Nehalem" in cpus, cpus
    nics = output(QEMU, "-net", "nic,model=?")
    for name in ["e1000", "rtl8139", "ne2k_pci", "ne2k_isa", "pcnet", "i82551", "i82557b", "i82559er", "virtio"]:
        assert name in nics, (name, nics)


def links():
    for name in ["qemu-kvm", "qemu", "kvm"]:
        link = os.path.join(TMP.name, name)
        os.symlink(os.path.abspath(QEMU), link)
        assert "version" in output(link, "-version")
        p = subprocess.run([link, "-nosuch"], capture_output=True, text=True)
        assert p.returncode == 1 and p.stderr.startswith(name + ": -nosuch: "), p.stderr


run({
    "qemu-img info DISK": info,
    "qemu-img create -f qcow2 -o size=60G DISK": create,
    "qemu-kvm -M ?, -cpu ?, -net nic,model=?": lists,
    "ln -s qemu-kvm /usr/bin/qemu": links,
})
