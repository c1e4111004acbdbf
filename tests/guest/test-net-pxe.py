#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-boot n with the built-in DHCP and TFTP servers: iPXE's driver of each card fetches a boot program
of 32 KiB, which checks what it got and says so on the serial line."""
import os, struct, sys, tempfile
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, run

TEXT = b"NBP-SUM-RIGHT\r\n"


def program():
    """At 0:7c00: adds up the words of 32 KiB, prints TEXT if they come to 0, halts."""
    code = bytes.fromhex("31c0 8ed8 be007c 31db b90040 ad 01c3 e2fb 85db 7510 be") + b"@@" + b"\xb9" + \
        struct.pack("<H", len(TEXT)) + bytes.fromhex("baf803 ac ee e2fc f4 ebfd")
    code = code.replace(b"@@", struct.pack("<H", 0x7c00 + len(code)))
    body = (code + TEXT).ljust(32766, b"\x5a")
    total = sum(struct.unpack("<16383H", body)) & 0xffff
    return body + struct.pack("<H", -total & 0xffff)


def boots(model):
    with tempfile.TemporaryDirectory(prefix="tftp-") as d:
        with open(os.path.join(d, "nbp.0"), "wb") as f:
            f.write(program())
        os.chmod(d, 0o755)
        g = Guest("-m", "32", "-boot", "n", "-vga", "none", "-net", f"nic,model={model}", "-net",
                  f"user,tftp={d},bootfile=/nbp.0", guard=300)
        try:
            g.expect("NBP-SUM-RIGHT")
        finally:
            g.close()


MODELS = ["e1000", "rtl8139", "virtio"] + (["ne2k_pci", "pcnet", "i82551", "i82557b"] if os.environ.get("LONG") else [])
if __name__ == "__main__":
    run({f"{m} boots over the network": lambda m=m: boots(m) for m in sys.argv[1:] or MODELS})
