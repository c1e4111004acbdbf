#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-numa, -object memory-backend-*, -mem-path: what Linux and the monitor see of them."""
import os, subprocess, sys, tempfile
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, need_guest, run

QEMU = os.path.join(os.environ["BUILD"], "qemu-kvm")


def linux_sees_nodes():
    d = need_guest("cloud")
    ram = tempfile.NamedTemporaryFile(suffix=".ram")
    script = ("for n in /sys/devices/system/node/node?; do echo ${n##*/} cpus $(cat $n/cpulist) "
              "dist $(cat $n/distance) $(grep -o 'MemTotal: *[0-9]*' $n/meminfo); done")
    g = Guest("-m", "512", "-smp", "2,sockets=2", "-nodefaults", "-no-reboot",
              "-object", "memory-backend-memfd,id=m0,size=192M",
              "-object", f"memory-backend-file,id=m1,size=320M,mem-path={ram.name},share=on,prealloc=on",
              "-numa", "node,memdev=m0,cpus=1", "-numa", "node,memdev=m1,cpus=0",
              "-numa", "dist,src=0,dst=1,val=42",
              "-kernel", f"{d}/vmlinuz", "-initrd", f"{d}/initrd.gz",
              "-append", "console=ttyS0 quiet run=cmd cmd=" + script.encode().hex())
    try:
        g.expect("GUEST-BEGIN")
        m0 = g.expect(r"node0 cpus (\S+) dist (.*?) MemTotal: *(\d+)\r?\n")
        m1 = g.expect(r"node1 cpus (\S+) dist (.*?) MemTotal: *(\d+)\r?\n")
        g.expect("GUEST-END 0")
        assert m0[1] == "1" and m0[2] == "10 42", m0[0]
        assert m1[1] == "0" and m1[2] == "42 10", m1[0]
        assert 150000 < int(m0[3]) < 196609 and 240000 < int(m1[3]) < 327681, (m0[0], m1[0])
        assert os.path.getsize(ram.name) == 320 << 20
        assert g.wait() == 0
    finally:
        g.close()


def monitor(commands, *args):
    p = subprocess.run([QEMU, "-accel", "tcg", "-display", "none", "-S", "-monitor", "stdio", *args],
                       input=commands + "\nquit\n", capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    return p.stdout


def nodes_by_default():
    out = monitor("info numa", "-m", "256", "-smp", "4,sockets=2", "-numa", "node", "-numa", "node")
    assert "node 0 cpus: 0 1\n" in out and "node 1 cpus: 2 3\n" in out, out
    assert out.count("size: 128 MB") == 2, out
    out = monitor("info numa", "-m", "256", "-smp", "2", "-numa", "node,mem=64,cpus=0-1", "-numa", "node,mem=192")
    assert "node 0 cpus: 0 1\n" in out and "node 0 size: 64 MB" in out and "node 1 size: 192 MB" in out, out
    out = monitor("info numa", "-smp", "4,sockets=2", "-numa", "cpu,node-id=1,socket-id=0", "-numa", "node",
                  "-numa", "node", "-numa", "cpu,node-id=0,socket-id=1")
    assert "node 0 cpus: 2 3\n" in out and "node 1 cpus: 0 1\n" in out, out


def mem_path():
    with tempfile.TemporaryDirectory() as d:
        out = monitor("info memdev\nobject_del pc.ram\nobject_add memory-backend-ram,id=x,size=4M\n"
                      "object_del x\nobject_del x", "-m", "64", "-mem-path", d, "-mem-prealloc")
        assert "memory backend: pc.ram\n  size:  67108864\n" in out and "prealloc: true" in out, out
        assert "object 'pc.ram' is in use, can not be deleted" in out and "object 'x' not found" in out, out
        assert os.listdir(d) == [], "the file has no name"
    out = monitor("info memory_size_summary", "-object", "memory-backend-ram,id=main,size=96M",
                  "-machine", "pc,memory-backend=main,mem-merge=off")
    assert "base memory: 100663296\n" in out, out


def refused():
    for args, text in [
        (["-numa", "node,mem=64", "-m", "256"], "should equal RAM size"),
        (["-numa", "node,nodeid=1"], "Node ID missing: 0"),
        (["-numa", "node", "-numa", "node", "-numa", "node", "-numa", "dist,src=0,dst=1,val=20"],
         "The distance between node 0 and 2 is missing"),
        (["-numa", "node,cpus=0-1", "-numa", "node,cpus=1"], "CPU 1 is in a NUMA node already"),
        (["-smp", "2", "-numa", "node,cpus=0-7"], "CPU index (2) should be smaller than maxcpus (2)"),
        (["-numa", "node,memdev=no"], "object 'no' not found"),
        (["-numa", "hmat-cache,node-id=0"], "not supported"),
        (["-machine", "memory-backend=m", "-object", "memory-backend-ram,id=m,size=64M", "-m", "128"],
         "does not match the size of the memory backend"),
        (["-object", "memory-backend-ram,id=m,size=0"], "'size'"),
        (["-object", "memory-backend-ram,id=m,size=4M,prealloc=on,reserve=off"], "are incompatible"),
        (["-mem-path", "/nonexistent/x"], "can't open backing store"),
    ]:
        p = subprocess.run([QEMU, "-accel", "tcg", "-display", "none", *args], capture_output=True, text=True,
                           timeout=60)
        assert p.returncode == 1 and text in p.stderr and p.stderr.count("\n") <= 1, (args, p.stderr)


run({
    "Linux sees nodes, distances and their memory": linux_sees_nodes,
    "nodes as both eras fill them": nodes_by_default,
    "main memory from a file, from a back end": mem_path,
    "what cannot be is refused in one line": refused,
})
