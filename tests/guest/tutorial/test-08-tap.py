#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Command 8: -net nic -net tap,script=/etc/if-up,downscript=no -nographic, and the keys of C-a."""
import os, shutil, stat, sys
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from tutorial import *
from guest import run


def tap():
    own_network()
    if not os.path.exists("/dev/net/tun") or os.geteuid() != 0 or not shutil.which("ip"):
        raise Skip("tap needs root, /dev/net/tun and ip")
    script, log = os.path.join(TMP.name, "if-up"), os.path.join(TMP.name, "log")
    with open(script, "w") as f:
        f.write(f'#!/bin/sh\necho "$# $1" >>{log}\nip link set "$1" up\nip addr add 192.168.77.1/24 dev "$1"\n')
    os.chmod(script, stat.S_IRWXU)
    t = Terminal(QEMU, "-m", "128", "-name", "test", "-smp", "2", "-drive",
                 f"file={image()},if=virtio,media=disk,cache=writeback,format=qcow2", "-net", "nic,model=virtio",
                 "-net", f"tap,script={script},downscript=no", "-nographic", guard=300)
    try:
        t.expect("root@test")
        assert open(log).read() == "1 tap0\n", open(log).read()
        t.type("ip addr add 192.168.77.2/24 dev eth0; ip link set eth0 up; ping -c 3 192.168.77.1 | tail -2; echo DO''NE\n")
        t.expect("DONE")
        assert subprocess.run(["ping", "-c", "2", "-W", "20", "192.168.77.2"], capture_output=True).returncode == 0 \
            if shutil.which("ping") else True
        # the monitor is behind the same terminal
        t.type("\x01c")
        t.expect(r"\(qemu\) ")
        t.type("info network\n")
        assert t.expect(r"(?s)(.*?)\(qemu\) ")[1].count("tap") >= 1
        t.type("\x01c")
        t.type("\x01h")
        t.expect("exit")
        t.type("cat /sys/class/net/eth0/statistics/rx_packets; echo AG''AIN\n")
        assert int(t.expect(r"(\d+)\s+AGAIN")[1]) >= 3, "packets came in"
        t.type("\x01x")
        assert t.wait() == 0
        assert "tap0" not in subprocess.run(["ip", "link"], capture_output=True, text=True).stdout, "it is gone"
    finally:
        t.close()


run({"-net nic -net tap,script=...,downscript=no -nographic": tap})
