#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Command 4: -smp 4,sockets=1,cores=2,threads=2, a disk and a CD that becomes ide0-cd1."""
import os, sys
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from tutorial import *
from guest import Guest, run


def command_4():
    iso = os.path.join(TMP.name, "winxp.iso")
    with open(iso, "wb") as f:
        f.write(b"CD".ljust(1 << 20, b"\0"))
    g = Guest("-name", "winxp", "-smp", "4,sockets=1,cores=2,threads=2", "-m", "512", "-drive",
              f"file={image()},if=ide,media=disk,cache=writeback,format=qcow2", "-drive",
              f"file={iso},media=cdrom", guard=400)
    try:
        assert "ide0-cd1 (" in g.monitor("info block")
        g.expect("root@test")
        g.type("cd /sys/devices/system/cpu; for c in 0 1 2 3; do echo cpu$c socket $(cat "
               "cpu$c/topology/physical_package_id) core $(cat cpu$c/topology/core_id) siblings "
               "$(cat cpu$c/topology/thread_siblings_list); done; head -c 2 /dev/sr0; echo; echo DONE\n")
        rows = [g.expect(rf"(?m)^cpu{c} socket (\d+) core (\d+) siblings (\S+)\r?\n") for c in range(4)]
        assert [r[1] for r in rows] == ["0"] * 4, "one socket"
        assert [r[2] for r in rows] == ["0", "0", "1", "1"], "two cores"
        assert [r[3] for r in rows] in (["0-1", "0-1", "2-3", "2-3"],), [r[3] for r in rows]
        g.expect("CD\r?\n")
        g.expect("DONE")
        g.type("poweroff\n")
        assert g.wait() == 0
    finally:
        g.close()


run({"1 socket x 2 cores x 2 threads, ide0-cd1": command_4})
