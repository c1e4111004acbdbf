# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests/bench/virtio and tests/bench/net share: a Linux guest that says how fast things went,
on ours and on Debian's TCG in turns, and a table of medians."""
import argparse, os, re, shutil, socket, statistics, subprocess, sys, threading

SRC = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# rate NAME UNITS COMMAND: how long it took by the guest's clock; BEGIN and RATE are seen as they come
RATE = """
now() { cut -d' ' -f1 /proc/uptime; }
rate() { n=$1 u=$2; shift 2; echo BEGIN; a=$(now); "$@" 2>/dev/null >/dev/null; b=$(now); echo RATE $n $u $a $b; }
"""


def arguments():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default=os.path.join(SRC, "build"))
    ap.add_argument("--guests", default=os.path.join(SRC, "run"))
    ap.add_argument("--repeat", type=int, default=3)
    a = ap.parse_args()
    a.ours, a.theirs = os.path.join(a.build, "qemu-kvm"), shutil.which("qemu-system-x86_64")
    if not a.theirs:
        sys.exit(f"{sys.argv[0]}: install qemu-system-x86 to compare with")
    return a


def serve(give, address="127.0.0.1"):
    """A port that gives so many bytes, or (0) takes them until the end; its number"""
    s = socket.create_server((address, 0))

    def run():
        while True:
            c, _ = s.accept()
            with c:
                if give:
                    c.sendall(bytes(give))
                else:
                    while c.recv(1 << 16):
                        pass
    threading.Thread(target=run, daemon=True).start()
    return str(s.getsockname()[1])


def processor(pid):
    """Seconds of processor time so far"""
    user, system = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def guest(program, kernel, script, *devices, append=""):
    """-> {name: (units a second by the guest's clock, processor seconds of the emulator)}"""
    p = subprocess.Popen([program, "-accel", "tcg", "-cpu", "qemu64", "-m", "512", "-nodefaults", "-display", "none",
                          "-serial", "stdio", "-no-reboot", "-kernel", f"{kernel}/vmlinuz", "-initrd",
                          f"{kernel}/initrd.gz", "-append",
                          f"console=ttyS0 quiet nokaslr {append} run=cmd cmd=" + (RATE + script).encode().hex(), *devices],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
    rates, text, begun = {}, "", 0
    for line in p.stdout:
        text += line
        if "BEGIN" in line:
            begun = processor(p.pid)
        elif m := re.match(r"RATE (\S+) (\S+) (\S+) (\S+)", line):
            rates[m[1]] = (float(m[2]) / max(float(m[4]) - float(m[3]), 0.01), processor(p.pid) - begun)
        elif "GUEST-END" in line:
            rates["whole run"] = (0, processor(p.pid))
    p.wait()
    if "whole run" not in rates:
        sys.exit(f"{program} did not end well:\n{text[-2000:]}")
    return rates


def compare(a, unit, run):
    """run(program) -> as guest(), in turns; prints medians, and ratios above 1 where we are faster"""
    got = {a.ours: [], a.theirs: []}
    for _ in range(a.repeat):
        for program in got:
            got[program].append(run(program))
    print(f"{'':24}{'ours':>10}{'TCG':>10}{'ratio':>8}{'processor: ours':>18}{'TCG':>8}{'ratio':>8}")
    for name in got[a.theirs][0]:
        (x, cx), (y, cy) = ([statistics.median(r[name][i] for r in got[p]) for i in (0, 1)] for p in got)
        speed = f"{x:10.1f}{y:10.1f}{x / y:8.2f}" if y else " " * 28
        print(f"{name + (f' ({unit(name)})' if y else ''):24}{speed}{cx:16.2f} s{cy:6.2f} s{cy / max(cx, 0.01):8.2f}")
