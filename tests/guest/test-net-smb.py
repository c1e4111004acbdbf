#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A folder of the host's by -net user,smb= and Debian's smbd: a Linux guest mounts it by cifs, reads a
file and writes one."""
import hashlib, os, shutil, sys, tempfile
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, Skip, need_guest, run

SCRIPT = """
ifconfig eth0 10.0.2.15 netmask 255.255.255.0
mount -t cifs -o username=guest,password=x,vers=2.1,ip=10.0.2.4 //10.0.2.4/qemu /mnt && echo MOUNTED
echo SUM $(md5sum </mnt/file)
dd if=/dev/zero bs=64k count=32 2>/dev/null | tr '\\000' 'x' >/mnt/new
ls /mnt
umount /mnt && echo AWAY
"""


def mount():
    d = need_guest("amd64")
    if not os.path.exists("/usr/sbin/smbd"):
        raise Skip("no /usr/sbin/smbd (Debian: samba)")
    share = tempfile.mkdtemp(prefix="smb-")
    data = os.urandom(3000000)
    with open(f"{share}/file", "wb") as f:
        f.write(data)
    g = Guest("-m", "256", "-nodefaults", "-no-reboot", "-kernel", f"{d}/vmlinuz", "-initrd", f"{d}/initrd.gz",
              "-append", "console=ttyS0 quiet no_timer_check nomodules extra=virtio_pci,virtio_net,sha512_generic,cmac,cifs "
              "run=cmd cmd=" + SCRIPT.encode().hex(), "-net", "nic,model=virtio", "-net", f"user,smb={share}")
    try:
        g.expect("MOUNTED")
        assert g.expect("SUM ([0-9a-f]{32}) ")[1] == hashlib.md5(data).hexdigest(), "what was read"
        g.expect("AWAY")
        g.expect("GUEST-END 0")
        assert g.wait() == 0, "exit status"
        assert open(f"{share}/new", "rb").read() == b"x" * (32 << 16), "what was written"
    finally:
        g.close()
        shutil.rmtree(share)


run({"smb=: Linux mounts a folder of the host's by cifs": mount})
