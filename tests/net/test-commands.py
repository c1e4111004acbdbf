#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Options and commands about networks that need no traffic: both eras' spellings, HMP and QMP."""
import os, re, subprocess, sys

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests", "lib"))
from monitor import GUARD, QEMU, TMP, Hmp, Qmp, Stream, Vm

number = 0
NONE = ["-accel", "qtest", "-display", "none", "-M", "none"]
PC = ["-accel", "qtest", "-display", "none", "-M", "pc", "-S"]


def ok(name, good, why=""):
    global number
    number += 1
    print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    if not good:
        print("#   " + str(why).strip().replace("\n", "\n#   "), flush=True)


def run(*args, lines=(), base=PC):
    """-> status, what the monitor said, stderr"""
    text = "".join(l + "\n" for l in (*lines, "quit"))
    p = subprocess.run([QEMU, *base, "-monitor", "stdio", *args], input=text, capture_output=True, text=True,
                       timeout=GUARD)
    out = re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", p.stdout)
    return p.returncode, out, p.stderr


def network(*args, base=PC):
    rc, out, err = run(*args, lines=["info network"], base=base)
    m = re.search(r"info network\r?\n(.*?)\(qemu\)", out, re.S)
    return (m[1] if m else f"status {rc}: {out}"), err


V = "model=virtio-net-pci,macaddr=52:54:00:12:34:"
HUB = ("hub 0\n \\ hub0port1: user.0: index=0,type=user,net=10.0.2.0,restrict=off\n"
       f" \\ hub0port0: virtio-net-pci.0: index=0,type=nic,{V}56\n")
E1000 = HUB.replace("virtio-net-pci", "e1000")
for what, args, want in [
    ("no option at all", [], E1000), ("-net user alone (command 9)", ["-net", "user"],
     "hub 0\n \\ hub0port1: e1000.0: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\n"
     " \\ hub0port0: user.0: index=0,type=user,net=10.0.2.0,restrict=off\n"),
    ("-net nic with the machine's own model", ["-net", "nic", "-net", "user"], E1000),
    ("-net nic -net user", ["-net", "nic,model=virtio", "-net", "user"], HUB),
    ("vlan=, name=, macaddr=", ["-net", "nic,vlan=3,name=n,macaddr=52:54:00:12:34:99,model=virtio", "-net",
                                "user,vlan=3,name=u,net=192.168.1.0/24,restrict=y"],
     f"hub 3\n \\ hub3port1: u: index=0,type=user,net=192.168.1.0,restrict=on\n \\ hub3port0: n: index=0,type=nic,{V}99\n"),
    ("-nic", ["-nic", "user,id=u,model=virtio,mac=52:54:00:12:34:77"],
     f"virtio-net-pci.0: index=0,type=nic,{V}77\n \\ u: index=0,type=user,net=10.0.2.0,restrict=off\n"),
    ("-netdev and -device, one id for both", ["-device", "virtio-net-pci,netdev=a,id=a", "-netdev", "user,id=a"],
     f"a: index=0,type=nic,{V}56\n \\ a: index=0,type=user,net=10.0.2.0,restrict=off\n"),
    ("-net nic,netdev=", ["-net", "nic,model=virtio,netdev=a", "-netdev", "user,id=a"],
     f"virtio-net-pci.0: index=0,type=nic,{V}56\n \\ a: index=0,type=user,net=10.0.2.0,restrict=off\n"),
    ("-device vlan=", ["-device", "virtio-net-pci,vlan=0", "-net", "user"],
     "hub 0\n \\ hub0port1: virtio-net-pci.0: index=0,type=nic," + V + "56\n"
     " \\ hub0port0: user.0: index=0,type=user,net=10.0.2.0,restrict=off\n"),
    ("-netdev as JSON", ["-netdev", '{"type":"user","id":"a","hostfwd":[{"str":"tcp:127.0.0.1:0-:9"}],"restrict":true}'],
     "a: index=0,type=user,net=10.0.2.0,restrict=on\n"),
    ("a -device of the user's own leaves the default NIC", ["-device", "e1000"],
     E1000 + "e1000.1: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:57\n"),
    ("an address of zeros is none", ["-net", "nic,macaddr=00:00:00:00:00:00", "-net", "user"], E1000),
    ("macaddr= of nothing", ["-net", "nic,macaddr=", "-net", "user"], E1000),
    ("-object filter-dump", ["-nic", "user,id=u", "-object", "filter-dump,id=f,netdev=u,file=/dev/null"],
     "e1000.0: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\n"
     " \\ u: index=0,type=user,net=10.0.2.0,restrict=off\n"
     "filters:\n  - f: type=filter-dump,file=/dev/null,maxlen=65536,status=on,netdev=u,queue=all\n"),
    ("-net none", ["-net", "none"], ""), ("-nic none", ["-nic", "none"], ""), ("-nodefaults", ["-nodefaults"], ""),
]:
    got, err = network(*args)
    ok(what, got == want, f"{got}\n{err}")

warned = {
    "netdev a has no peer": ["-netdev", "user,id=a"],
    "hub 0 is not connected to host network": ["-net", "nic,model=virtio"],
    "hub 4 with no nics": ["-net", "nic,model=virtio", "-net", "user", "-net", "user,vlan=4"],
    "nic virtio-net-pci.0 has no peer": ["-net", "none", "-device", "virtio-net-pci"],
    "vectors=3 has no effect: e1000 has no MSI-X": ["-net", "nic,model=e1000,vectors=3", "-net", "user"],
    "MAC address 52:54:00:12:34:56 is used by NIC 'virtio-net-pci.0' already":
        ["-net", "none", "-device", "virtio-net-pci", "-device", "virtio-net-pci,mac=52:54:00:12:34:56"],
}
for want, args in warned.items():
    rc, out, err = run(*args)
    ok(f"warned: {want}", rc == 0 and f"qemu-kvm: warning: {want}\n" in err, err)
for want, args in {
    "none takes no parameters": ["-net", "none,x=1"],
    "NIC cannot have multicast MAC address": ["-net", "nic,model=virtio,macaddr=01:00:00:00:00:00"],
    "invalid syntax for ethernet address '1'": ["-net", "nic,model=virtio,macaddr=1"],
    r"Unsupported NIC model: virtoi (did you mean 'virtio'?)": ["-net", "nic,model=virtoi"],
    "network back end 'zz' not found": ["-net", "nic,model=virtio,netdev=zz"],
    "network back end 'a' is in use by 'virtio-net-pci.0'":
        ["-netdev", "user,id=a", "-device", "virtio-net-pci,netdev=a", "-device", "virtio-net-pci,netdev=a"],
    "Duplicate ID 'a' for net": ["-net", "nic,name=a", "-net", "nic,id=a", "-net", "user"],
    "Duplicate ID 'a' for netdev": ["-netdev", "user,id=a", "-netdev", "user,id=a"],
    "vhost-user is not supported yet": ["-netdev", "vhost-user,id=a"],
    "Could not find '/usr/sbin/smbd'" if not os.path.exists("/usr/sbin/smbd") else "No such file":
        ["-net", "user,smb=/nonexistent"],
}.items():
    rc, out, err = run(*args)
    ok(f"refused: {want}", rc == 1 and want in err and err.count("\n") == 1, f"{rc} {err}")
for args in (["-net", "nic,model=?"], ["-nic", "user,model=help"]):
    p = subprocess.run([QEMU, *args], capture_output=True, text=True)
    ok(" ".join(args), p.returncode == 0 and p.stdout.startswith("Supported NIC models:\n") and
       "\nvirtio\n" in p.stdout and not p.stderr, p.stdout + p.stderr)
p = subprocess.run([QEMU, "-netdev", "help"], capture_output=True, text=True)
ok("-netdev help", p.returncode == 0 and re.search(r"^Available netdev backend types:\n(.*\n)*user\n", p.stdout), p.stdout)

# ---- HMP ----
rc, out, err = run("-net", "user,name=u", base=NONE, lines=[
    "info usernet", "hostfwd_add 0 u tcp:127.0.0.1:0-:22", "hostfwd_add u udp:127.0.0.1:0-:22", "hostfwd_add foo",
    "hostfwd_add x tcp::0-:1", "hostfwd_add y u tcp::0-:1", "hostfwd_remove tcp::5", "info usernet", "set_link u off",
    "set_link u up", "set_link x on", "set_link u maybe", "host_net_add user vlan=1,name=b", "host_net_remove 0 b",
    "host_net_remove 1 b", "netdev_add hubport,hubid=9,id=h", "netdev_del h", "netdev_del h", "info network"])
for want in ["Hub 0 (u):\n  Protocol[State]", "the host's port is ", "Invalid host forwarding rule 'foo'",
             "unrecognized netdev id 'x'", "'y' is not the number of a hub", "rule for tcp::5 not found",
             "TCP[HOST_FORWARD]", "UDP[HOST_FORWARD]", "Device 'x' not found", "'maybe'",
             "can't find device b on hub 0", "Error: Device 'h' not found"]:
    ok(f"HMP: {want.strip()}", want in out.replace("\r", ""), out)
ok("HMP: and nothing is left of it", re.search(r"info network\r?\nhub 0\r?\n \\ hub0port0: u: [^\n]*\n\(qemu\)", out), out)

rc, out, err = run("-nic", "user,id=u", lines=["info qtree"])
ok("info qtree: a NIC's address and network", re.search(r' mac = "52:54:00:12:34:56"\r?\n +netdev = "u"\r?\n', out), out)

# ---- QMP ----
vm = Vm("-qmp", "stdio", "-netdev", "hubport,id=h,hubid=1")
vm_in, q = vm.p.stdin, None


class Both(Stream):
    def send(self, data):
        vm_in.write(data.encode() if isinstance(data, str) else data)


q = Qmp(Both(vm.p.stdout.fileno()))


def qmp(command, **args):
    return q.raw({"execute": command, "arguments": args})


r = qmp("netdev_add", type="user", id="u", hostfwd=[{"str": "tcp:127.0.0.1:0-:22"}], dnssearch=[{"str": "a.b"}],
        restrict=True, ipv6=False)
ok("QMP: netdev_add", r == {"return": {}}, r)
r = qmp("netdev_add", type="user", id="u")
ok("QMP: netdev_add twice", "Duplicate ID 'u'" in r.get("error", {}).get("desc", ""), r)
r = qmp("netdev_add", type="usr", id="v")
ok("QMP: netdev_add of no such type", "error" in r, r)
r = qmp("set_link", name="u", up=False)
ok("QMP: set_link", r == {"return": {}}, r)
r = qmp("netdev_del", id="u")
ok("QMP: netdev_del", r == {"return": {}}, r)
r = qmp("set_link", name="u", up=False)
ok("QMP: set_link of no such", r.get("error", {}).get("desc") == "Device 'u' not found", r)
vm.kill()
print(f"1..{number}")
