#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Command 9: the guest boots over the network from the built-in DHCP and TFTP server: SeaBIOS, iPXE's
ROM on the NIC, pxelinux, a Linux. Names and options as typed; the folder is ours."""
import os, shutil, sys
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from tutorial import *
from guest import Guest, need_guest, run

PXELINUX = "/usr/lib/PXELINUX/pxelinux.0"
LDLINUX = "/usr/lib/syslinux/modules/bios/ldlinux.c32"


def server():
    """/tftpserver/pub of the tutorial"""
    d = need_guest("cloud")
    pub = os.path.join(TMP.name, "pub")
    os.makedirs(pub + "/pxelinux.cfg")
    for f in (PXELINUX, LDLINUX):
        if not os.path.exists(f):
            raise Skip(f"no {f} (packages pxelinux, syslinux-common)")
        shutil.copy(f, pub)
    shutil.copy(f"{d}/vmlinuz", pub)
    shutil.copy(f"{d}/initrd.gz", pub)
    script = "echo booted over the network"
    with open(pub + "/pxelinux.cfg/default", "w") as f:
        f.write("serial 0\ndefault linux\nlabel linux\n kernel vmlinuz\n append initrd=initrd.gz console=ttyS0 "
                f"quiet no_timer_check run=cmd cmd={script.encode().hex()}\n")
    return pub


def boot():
    pub, disk = server(), os.path.join(TMP.name, "linux.img")
    with open(disk, "wb") as f:
        f.truncate(1 << 20)
    g = Guest("-m", "256", "-no-reboot", "-hda", disk, "-boot", "n", "-net",
              f"user,tftp={pub},bootfile=/pxelinux.0", guard=400)
    try:
        g.expect("PXELINUX")
        g.expect("booted over the network")
        g.expect("GUEST-END 0")
        assert g.wait() == 0, "exit status"
    finally:
        g.close()


run({"-hda linux.img -boot n -net user,tftp=,bootfile=/pxelinux.0": boot})
