#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Linux guest on the user network: a lease, transfers by TFTP and TCP each way with their sums, the
cable out and in again, a flood while the monitor answers. NIC=model takes another NIC."""
import hashlib, os, re, shutil, socket, sys, tempfile, threading, time
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, flood, need_guest, run

LONG = bool(os.environ.get("LONG"))
NIC = os.environ.get("NIC", "virtio")
MB = (100 if LONG else 4) << 20
LEASE = """cat >/s <<'E'
[ "$1" = bound ] && ip addr add $ip/24 dev $interface && ip route add default via $router && echo nameserver $dns >/etc/resolv.conf
[ "$1" = bound ] && echo LEASE $ip $router $dns $hostname
exit 0
E
chmod 755 /s; mkdir -p /etc; ip link set lo up; ip link set eth0 up
udhcpc -i eth0 -n -q -f -t 5 -T 2 -O hostname -s /s 2>/dev/null
"""


class Server:
    """Takes connections to the host's loopback: what comes is summed, `data` goes back."""

    def __init__(self, data):
        self.sums, self.data = [], data
        self.s = socket.socket()
        self.s.bind(("127.0.0.1", 0))
        self.s.listen()
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            c, _ = self.s.accept()
            head = c.recv(1)
            if head == b"g":
                c.sendall(self.data)
            else:
                h = hashlib.sha256()
                while part := c.recv(1 << 16):
                    h.update(part)
                self.sums.append(h.hexdigest())
            c.close()


def boot(script, *net, mem=256):
    d = need_guest("cloud")
    return Guest("-m", str(mem), "-nodefaults", "-no-reboot", "-kernel", f"{d}/vmlinuz", "-initrd",
                 f"{d}/initrd.gz", "-append",
                 "console=ttyS0 quiet no_timer_check run=cmd cmd=" + (LEASE + script).encode().hex(), *net, guard=int(os.environ.get("GUARD", 600)))


def whole():
    data = os.urandom(1 << 20) * (MB >> 20)
    server = Server(data)
    tftp = tempfile.mkdtemp(prefix="net-")
    with open(f"{tftp}/file", "wb") as f:
        f.write(data[:1 << 20])
    g = boot(f"""
tftp -g -r file -l /got 10.0.2.2 && sha256sum /got
echo -n g | nc 10.0.2.2 {server.port} | sha256sum
(echo -n p; dd if=/dev/zero bs=64k count={MB >> 16} 2>/dev/null) | nc 10.0.2.2 {server.port}; echo UPLOADED
read x; ping -c 1 -W 1 10.0.2.2 >/dev/null || echo CABLE OUT
read x; ping -c 1 -W 9 10.0.2.2 >/dev/null && echo CABLE IN
while dd if=/dev/zero bs=1400 count=20 2>/dev/null | nc -u -w 1 10.0.2.2 9; do :; done & # until the end
read x; kill $!; ping -c 1 -W 9 10.0.2.2 >/dev/null && echo ALIVE
""", "-net", f"nic,model={NIC}", "-net", f"user,tftp={tftp},hostname=box,hostfwd=udp:127.0.0.1:0-:9")
    try:
        g.expect(r"LEASE 10\.0\.2\.15 10\.0\.2\.2 10\.0\.2\.3 box")
        assert g.expect(r"([0-9a-f]{64})  /got")[1] == hashlib.sha256(data[:1 << 20]).hexdigest()
        assert g.expect(r"([0-9a-f]{64})  -")[1] == hashlib.sha256(data).hexdigest()
        g.expect("UPLOADED")
        while not server.sums:
            time.sleep(0.01)
        assert server.sums == [hashlib.sha256(bytes(MB)).hexdigest()], "what came up is not what was sent"
        name = re.search(r"(\S+): index=0,type=nic", g.monitor("info network"))[1]
        g.monitor(f"set_link {name} off")
        g.type("\n")
        g.expect("CABLE OUT")
        g.monitor(f"set_link {name} on")
        g.type("\n")
        g.expect("CABLE IN")
        flood(g)
        g.type("\n")
        g.expect("ALIVE")
        g.expect("GUEST-END 0")
        assert g.wait() == 0, "exit status"
    finally:
        g.close()
        shutil.rmtree(tftp)


run({f"{NIC}: DHCP, TFTP, {MB >> 20} MB each way, set_link, a flood while the monitor answers": whole})
