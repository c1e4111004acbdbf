#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each network card with Debian's Linux driver, over a user network: DHCP, megabytes both ways with
a check sum, the cable out and in again, a flood while the monitor answers.
NET_MB=10: so many megabytes; LONG=1: 100, and every card. Arguments: only these cards."""
import hashlib, os, random, socket, sys, threading
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, flood, need_guest, run

LONG = bool(os.environ.get("LONG"))
SIZE = int(os.environ.get("NET_MB", 100 if LONG else 2)) << 20
DATA = random.Random(1).randbytes(1 << 20) * (SIZE >> 20)
DIGEST = hashlib.md5(DATA).hexdigest()


class Server:
    """On the host's loopback: one port gives DATA, the other takes bytes until the end."""

    def __init__(self):
        self.got, self.ports = [], []
        for fn in (self.give, self.take):
            s = socket.create_server(("127.0.0.1", 0))
            self.ports.append(s.getsockname()[1])
            threading.Thread(target=self.serve, args=(s, fn), daemon=True).start()

    def serve(self, s, fn):
        while True:
            c, _ = s.accept()
            with c:
                fn(c)

    def give(self, c): c.sendall(DATA)

    def take(self, c):
        h, n = hashlib.md5(), 0
        while True:
            b = c.recv(1 << 16)
            if not b:
                break
            h.update(b)
            n += len(b)
        self.got.append((n, h.hexdigest()))
        c.sendall(b"thanks\n")


# what the guest does; @LOAD@, @GIVE@ and @TAKE@ are put in
SCRIPT = """
cat >/dhcp <<'X'
#!/bin/sh
[ "$1" = bound ] && ifconfig $interface $ip netmask $subnet && route add default gw $router && echo LEASE $ip
X
chmod 755 /dhcp
@LOAD@
ifconfig eth0 up
udhcpc -i eth0 -q -n -t 10 -T 2 -s /dhcp || echo NO-LEASE
nc 10.0.2.2 @GIVE@ </dev/null >/data
echo DOWN $(md5sum </data)
nc 10.0.2.2 @TAKE@ </data
echo UP done
ifconfig eth0 | grep -E "errors"
grep eth0 /proc/interrupts
while read x; do case $x in
  on) until grep -q 1 /sys/class/net/eth0/carrier; do sleep 0.1; done; echo IS-UP ;;
  off) until grep -q 0 /sys/class/net/eth0/carrier; do sleep 0.1; done; echo IS-DOWN ;;
  silence) ping -c 1 -W 1 10.0.2.2 >/dev/null || echo SILENCE ;;
  ping) until ping -c 1 -W 3 10.0.2.2 >/dev/null; do :; done; echo PONG ;;
  flood) while dd if=/dev/zero bs=1400 count=20 2>/dev/null | nc -u -w 1 10.0.2.2 9; do :; done & echo FLOOD ;;
  end) break ;;
esac; done
"""


def cable(g, model, carrier):
    for state, told, answer in ("off", "IS-DOWN", "SILENCE"), ("on", "IS-UP", "PONG"):
        text = g.monitor(f"set_link {model}.0 {state}")
        assert not text.strip(), text
        if carrier:
            g.type(state + "\n")
            g.expect(told)
        g.type("silence\n" if state == "off" else "ping\n")
        g.expect(answer)


def card(model, module, carrier=True, flavour="amd64", load="", more=()):
    d = need_guest(flavour)
    server = Server()
    script = SCRIPT.replace("@GIVE@", str(server.ports[0])).replace("@TAKE@", str(server.ports[1]))
    g = Guest("-m", "512" if LONG else "256", "-no-reboot", "-vga", "none", "-kernel", f"{d}/vmlinuz",
              "-initrd", f"{d}/initrd.gz", "-append",
              f"console=ttyS0 quiet nokaslr no_timer_check nomodules extra=af_packet,{module} "
              "run=cmd cmd=" + script.replace("@LOAD@", load).encode().hex(),
              "-net", f"nic,model={model}", "-net", "user,hostfwd=udp:127.0.0.1:0-:9", *more, guard=1800 if LONG else 300)
    try:
        g.expect("LEASE 10.0.2.15")
        got = g.expect(r"DOWN ([0-9a-f]+) +-")[1]
        assert got == DIGEST, f"downloaded {got}, not {DIGEST}"
        g.expect("UP done")
        assert server.got == [(SIZE, DIGEST)], server.got
        stats = g.expect(r"RX packets.*\n.*TX packets.*\n")[0]
        # these two have no doorbell for the receiver: a host that is busy for long costs frames
        assert model in ("pcnet", "rtl8139") or stats.count("errors:0") == 2 and "dropped:0" in stats, stats
        cable(g, model, carrier)
        g.type("flood\n")
        g.expect("FLOOD")
        flood(g)
        g.type("ping\n")
        g.expect("PONG")
        g.type("end\n")
        g.expect("GUEST-END 0")
        assert g.wait() == 0, "exit status"
    finally:
        g.close()


# there is no ISA in Debian's amd64 kernel; ne finds no card by itself; IRQ 9 is ACPI's
NE = "for f in $(cat /lib/extra/ne.list); do insmod $f $(case $f in */ne.ko) echo io=0x300 irq=5 ;; esac); done"
CARDS = {"e1000": ("e1000", "e1000"), "rtl8139": ("rtl8139", "8139cp"), "pcnet": ("pcnet", "pcnet32"),
         "ne2k_pci": ("ne2k_pci", "ne2k-pci", False), "i82551": ("i82551", "e100")}
if LONG:
    CARDS.update({m: (m, "e1000") for m in ("e1000-82544gc", "e1000-82545em")})
    CARDS.update({m: (m, "e100") for m in ("i82557a", "i82557b", "i82557c", "i82558a", "i82558b", "i82559er")})
    CARDS["virtio-net-pci"] = ("virtio-net-pci", "virtio_pci,virtio_net")
    CARDS["ne2k_isa"] = ("ne2k_isa", "", False, "686", NE, ["-global", "ne2k_isa.irq=5"])
if __name__ == "__main__":
    picked = sys.argv[1:] or CARDS
    run({f"{n}: DHCP, {SIZE >> 20} MB both ways, link, flood": lambda n=n: card(*CARDS[n]) for n in picked})
