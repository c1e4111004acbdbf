#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The user network with the host's own kernel as its guest: in a network namespace of ours a TAP
interface and libslirp share a hub, and the kernel's TCP talks to itself through both. Also what
tap does with scripts, descriptors and helpers. Nothing leaves the namespace.
"""
import hashlib, os, re, shutil, socket, subprocess, sys, tempfile, threading

if "NET_NAMESPACE" not in os.environ:
    try:
        probe = subprocess.run(["unshare", "-rn", "sh", "-c", "ip tuntap add dev probe mode tap"],
                               capture_output=True, text=True)
        why = probe.stderr.strip() if probe.returncode else None
    except OSError as e:
        why = str(e)
    for tool in ("ip", "busybox"):
        why = why or (None if shutil.which(tool) else f"no {tool}")
    if why:
        print(f"1..0 # skip no network namespace with TAP: {why.splitlines()[-1]}")
        sys.exit(0)
    root = os.geteuid() == 0 and subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0
    env = dict(os.environ, NET_NAMESPACE="root" if root else "user")
    sys.exit(subprocess.run(["unshare", "-n" if root else "-rn", sys.executable, *sys.argv], env=env).returncode)

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests", "lib"))
from monitor import GUARD, QEMU, TMP, Hmp, Socket, Vm

BASE = ["-accel", "tcg", "-display", "none", "-nodefaults", "-M", "none"]
number = 0
socket.setdefaulttimeout(GUARD)


def ok(name, good, why=""):
    global number
    number += 1
    print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    if not good:
        print("#   " + str(why).strip().replace("\n", "\n#   "), flush=True)


def sh(line):
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True)


def script(name, text):
    path = os.path.join(TMP, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def start(*args, **kw):
    """-> a running emulator and its monitor"""
    sock = os.path.join(TMP, f"mon{start.n}")
    start.n += 1
    vm = Vm("-monitor", f"unix:{sock},server=on,wait=off", *args, base=BASE, stdin=subprocess.DEVNULL,
            **kw)
    try:
        return vm, Hmp(Socket(sock))
    except AssertionError:
        vm.kill()
        raise AssertionError(vm.p.stderr.read().decode())


start.n = 0


def stop(vm, mon):
    mon.s.send("quit\n")
    status, out, err = vm.end()
    return status, err.decode()


def refused(*args):
    p = subprocess.run([QEMU, *BASE, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                       timeout=GUARD)
    return p.returncode, p.stderr


sh("ip link set lo up")

# ---- scripts ----
log = os.path.join(TMP, "log")
up = script("up", f'echo "up $# $1" >>{log}\nip link set "$1" up\n')
down = script("down", f'echo "down $# $1" >>{log}; ip link show "$1" >/dev/null && echo there >>{log}\n')
vm, mon = start("-netdev", f"tap,id=t,ifname=qtap,script={up},downscript={down}")
ok("tap: the script has run, with the interface's name as its only argument",
   open(log).read() == "up 1 qtap\n", open(log).read())
ok("tap: info network", f"t: index=0,type=tap,ifname=qtap,script={up},downscript={down}" in
   mon.text("info network"), mon.text("info network"))
status, err = stop(vm, mon)
ok("tap: the downscript at the end, the interface still there",
   status == 0 and open(log).read() == "up 1 qtap\ndown 1 qtap\nthere\n", open(log).read() + err)
os.unlink(log)
sock = os.path.join(TMP, "monbg")
p = subprocess.run([QEMU, *BASE, "-daemonize", "-monitor", f"unix:{sock},server=on,wait=off", "-netdev",
                    "tap,id=t,ifname=qtap,script=./up,downscript=down"], cwd=TMP, stdin=subprocess.DEVNULL,
                   capture_output=True, text=True)
Hmp(Socket(sock)).s.send("quit\n")
for _ in range(1000):
    said = open(log).read()
    if "there" in said:
        break
    subprocess.run(["sleep", "0.01"])
ok("tap: scripts of relative names, in the background", said == "up 1 qtap\ndown 1 qtap\nthere\n", said + p.stderr)
vm, mon = start("-net", "tap,script=no,downscript=no", "-net", "tap,script=no,downscript=no,vnet_hdr=off")
ok("-net tap: the next free names", "ifname=tap0" in mon.text("info network") and
   "ifname=tap1" in mon.text("info network"), mon.text("info network"))
stop(vm, mon)
bad = script("bad", "exit 3\n")
for args, want in {
    f"script={bad}": f"network script {bad} failed with status 3",
    "script=/nonexistent": "could not launch network script '/nonexistent'",
    "ifname=lo": "could not configure /dev/net/tun (lo): ",
    "ifname=aaaaaaaaaaaaaaaaaaaaa": "longer than the name of an interface",
    "vhost=on": "vhost is not supported yet",
    "queues=4": "several queues are not supported yet",
    "fd=0": "descriptor 0 is no TAP",
    "fd=x": "fd=x: write the number of a descriptor",
    "fd=3,ifname=x": "invalid with fd=",
    "helper=/bin/false": "bridge helper '/bin/false' failed",
    "br=nosuch,helper=/nonexistent": "could not launch bridge helper '/nonexistent'",
}.items():
    rc, err = refused("-netdev", f"tap,id=t,downscript=no,{args}" if "fd" not in args and "helper"
                      not in args else f"tap,id=t,{args}")
    ok(f"tap,{args.replace(TMP, 'TMP')}: one line", rc == 1 and want in err and err.count("\n") == 1, err)

# ---- a descriptor, a helper ----
TAP = """import array, fcntl, os, socket, struct, sys
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"%s", 0x5002))
"""
helper = os.path.join(TMP, "helper")
with open(helper, "w") as f:
    f.write("#!/usr/bin/env python3\n" + TAP % "htap" + f"""
open({log!r}, "w").write(" ".join(sys.argv[1:2] + sys.argv[3:]))
s = socket.socket(fileno=int(sys.argv[2].split("=")[1]))
s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
""")
os.chmod(helper, 0o755)
vm, mon = start("-netdev", f"bridge,id=b,br=br7,helper={helper}")
ok("bridge: the helper opens the interface", open(log).read() == "--use-vnet --br=br7" and
   f"helper={helper},br=br7" in mon.text("info network"), open(log).read())
stop(vm, mon)
exec(TAP % "ftap")
vm, mon = start("-netdev", f"tap,id=f,fd={fd}", pass_fds=[fd])
ok("tap,fd=", f"f: index=0,type=tap,fd={fd}" in mon.text("info network"), mon.text("info network"))
stop(vm, mon)
os.close(fd)

# ---- the kernel as guest ----
tftp = tempfile.mkdtemp(dir=TMP)
with open(os.path.join(tftp, "kernel"), "wb") as f:
    f.write(os.urandom(300000))
server = os.path.join(TMP, "fwd")
echo = socket.socket(socket.AF_UNIX)
echo.bind(server)
echo.listen()
vm, mon = start("-netdev", f"tap,id=t,ifname=qtap,script={up},downscript=no",
                "-netdev", "hubport,id=h0,hubid=0,netdev=t", "-netdev",
                f"user,id=u,tftp={tftp},bootfile=kernel,hostname=box,hostfwd=tcp:127.0.0.1:0-:2222,"
                "hostfwd=udp:127.0.0.1:0-:2223,guestfwd=tcp:10.0.2.100:7-cmd:cat,"
                f"guestfwd=tcp:10.0.2.101:7-unix:{server},guestfwd=tcp:10.0.2.102:7-cmd:sh -c 'echo a,,b'",
                "-netdev", "hubport,id=h1,hubid=0,netdev=u")
lease = os.path.join(TMP, "lease")
dhcp = script("dhcp", f'[ "$1" = bound ] && echo "$ip $mask $router $dns $hostname $boot_file" >{lease}'
              ' && ip addr add $ip/24 dev $interface\nexit 0\n')
r = sh(f"busybox udhcpc -i qtap -n -q -f -t 5 -T 1 -O hostname -O bootfile -s {dhcp}")
got = open(lease).read().split() if os.path.exists(lease) else []
ok("DHCP: a lease", got[:5] == ["10.0.2.15", "24", "10.0.2.2", "10.0.2.3", "box"], f"{got} {r.stderr}")
sh("ip -6 addr add fec0::15/64 dev qtap nodad")
r = sh(f"cd {TMP} && busybox tftp -g -r kernel -l got 10.0.2.2")
ok("TFTP: 300 kB", r.returncode == 0 and open(f"{TMP}/got", "rb").read() ==
   open(f"{tftp}/kernel", "rb").read(), r.stderr)
r = sh("busybox ping -c 1 -W 5 10.0.2.2")
ok("ping the host", r.returncode == 0, r.stdout + r.stderr)

ports = dict(re.findall(r"(TCP|UDP)\[HOST_FORWARD\] +\d+ +127.0.0.1 +(\d+)", mon.text("info usernet")))
ok("hostfwd: port 0 is a free one", len(ports) == 2, mon.text("info usernet"))
said = [vm.p.stderr.readline().decode() for _ in range(2)]
ok("hostfwd: and is told", f"the host's port is {ports.get('TCP')}" in said[0], said)
data = os.urandom(1 << 20) * 20


def serve(family, addr, work):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(addr)
    s.listen()

    def one():
        c, _ = s.accept()
        work(c)
        c.close()
        s.close()
    t = threading.Thread(target=one, daemon=True)
    t.start()
    return s.getsockname()[1], t


def digest(c):
    h = hashlib.sha256()
    while part := c.recv(1 << 16):
        h.update(part)
    return h.hexdigest()


def transfer(name, family, listen_on, connect_to):
    """20 MB each way in one connection"""
    seen = []

    def work(c):
        seen.append(digest(c))
        c.sendall(data)
    port, t = serve(family, listen_on, work)
    try:
        c = socket.socket(family)
        c.connect((connect_to[0], connect_to[1] or port, *connect_to[2:]))
        c.sendall(data)
        c.shutdown(socket.SHUT_WR)
        back = digest(c)
        c.close()
        t.join(GUARD)
        want = hashlib.sha256(data).hexdigest()
        ok(name, seen == [want] and back == want, "the sums differ")
    except OSError as e:
        ok(name, False, f"{e!r} {mon.text('info usernet')}")


transfer("TCP: 20 MB each way from the guest to the host", socket.AF_INET, ("127.0.0.1", 0), ("10.0.2.2", 0))
transfer("TCP: the same by IPv6", socket.AF_INET6, ("::1", 0), ("fec0::2", 0, 0, 0))
transfer("hostfwd: 20 MB each way", socket.AF_INET, ("10.0.2.15", 2222), ("127.0.0.1", int(ports["TCP"])))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("10.0.2.15", 2223))
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
c.sendto(b"hello", ("127.0.0.1", int(ports["UDP"])))
got, peer = u.recvfrom(100)
u.sendto(b"back", peer)
ok("hostfwd: UDP and its answer", got == b"hello" and c.recv(100) == b"back")

# ---- guestfwd ----
ONE = os.urandom(1 << 20)


def cat(results, i):
    try:
        c = socket.create_connection(("10.0.2.100", 7))
        got = []
        t = threading.Thread(target=lambda: got.append(digest(c)), daemon=True)
        t.start()
        c.sendall(ONE)
        c.shutdown(socket.SHUT_WR)
        t.join(GUARD)
        results[i] = got
        c.close()
    except OSError as e:
        results[i] = repr(e)


results = [None] * 20
threads = [threading.Thread(target=cat, args=(results, i), daemon=True) for i in range(20)]
[t.start() for t in threads]
[t.join(2 * GUARD) for t in threads]
want = [hashlib.sha256(ONE).hexdigest()]
ok("guestfwd=cmd: 20 at once, 1 MB each", results == [want] * 20,
   [r for r in results if r != want])
zombies = sh(f"ps --ppid {vm.p.pid} -o stat=").stdout.split()
ok("guestfwd=cmd: no zombies", not [z for z in zombies if z.startswith("Z")], zombies)
c = socket.create_connection(("10.0.2.102", 7))
ok("guestfwd=cmd: words and a comma", c.recv(100) == b"a,b\n")
far, _ = echo.accept()
c = socket.create_connection(("10.0.2.101", 7))
c.sendall(b"to the chardev")
far_got = far.recv(100)
far.sendall(b"back")
ok("guestfwd to a chardev", far_got == b"to the chardev" and c.recv(100) == b"back")
# the chardev's peer does not read: the guest has to wait, and nothing is lost
sent = []
t = threading.Thread(target=lambda: (c.sendall(ONE * 4), sent.append(1), c.shutdown(socket.SHUT_WR)),
                     daemon=True)
t.start()
ok("guestfwd to a chardev that stands still: the monitor answers",
   "VM status" in mon.text("info status"))
h, n = hashlib.sha256(), 0
while n < 4 * len(ONE):
    part = far.recv(1 << 16)
    h.update(part)
    n += len(part)
t.join(GUARD)
ok("guestfwd to a chardev: 4 MB through it", h.digest() == hashlib.sha256(ONE * 4).digest())

# ---- link, floods ----
mon("set_link t off")
r = sh("busybox ping -c 1 -W 1 10.0.2.2")
ok("set_link off: nothing comes through", r.returncode == 1, r.stdout + r.stderr)
mon("set_link t on")
r = sh("busybox ping -c 1 -W 5 10.0.2.2")
ok("set_link on: it does again", r.returncode == 0, r.stdout + r.stderr)


def rss():
    return int(re.search(r"VmRSS:\s*(\d+)", open(f"/proc/{vm.p.pid}/status").read())[1])


before, stopped = rss(), False


def flood():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setblocking(False)
    c.setblocking(False)
    while not stopped:
        for sock, to in ((s, ("10.0.2.2", 9)), (c, ("127.0.0.1", int(ports["UDP"])))):
            try:
                sock.sendto(b"x" * 1400, to)
            except OSError:
                pass


threads = [threading.Thread(target=flood, daemon=True) for _ in range(2)]
[t.start() for t in threads]
answers = [mon.text("info network") for _ in range(40)]
mon("stop")  # a stopped machine reads nothing
answers += [mon.text("info network") for _ in range(10)]
mon("cont")
answers += [mon.text("info network") for _ in range(10)]
stopped = True
[t.join(GUARD) for t in threads]
ok("a flood both ways: the monitor answers", all("type=tap" in a for a in answers))
ok("a flood: memory does not grow", rss() - before < 30000, f"{before} {rss()}")

# ---- rules at run time ----
ok("hostfwd_add", "the host's port is" in mon.text("hostfwd_add u tcp:127.0.0.1:0-:9"))
port = re.search(r"127.0.0.1 +(\d+) +10.0.2.15 +9 ", mon.text("info usernet"))[1]
ok("hostfwd_remove", "removed" in mon.text(f"hostfwd_remove u tcp:127.0.0.1:{port}"))
ok("netdev_del of the user network", mon.text("netdev_del u") == "" and "type=user" not in
   mon.text("info network"), mon.text("info network"))
status, err = stop(vm, mon)
ok("and the end", status == 0 and err == "qemu-kvm: warning: hub 0 with no nics\n", err)

# ---- restrict ----
vm, mon = start("-net", f"tap,ifname=qtap,script={up},downscript=no", "-net",
                "user,restrict=y,guestfwd=tcp:10.0.2.100:7-cmd:cat", "-net", "none")
sh("ip addr add 10.0.2.15/24 dev qtap")
port, _ = serve(socket.AF_INET, ("127.0.0.1", 0), lambda c: None)
c = socket.socket()
c.settimeout(2)
try:
    c.connect(("10.0.2.2", port))
    ok("restrict: the host cannot be reached", False)
except OSError:
    ok("restrict: the host cannot be reached", True)
c = socket.create_connection(("10.0.2.100", 7))
c.sendall(b"x")
ok("restrict: what is forwarded can", c.recv(1) == b"x")
stop(vm, mon)

# ---- smb: the command and its configuration (a program of ours stands for smbd) ----
bin_dir = os.path.join(TMP, "bin")
os.mkdir(bin_dir)
os.rename(script("smbd", 'echo "$1 $3"; cat "$4"; exec cat\n'), os.path.join(bin_dir, "smbd"))
vm, mon = start("-net", f"tap,ifname=qtap,script={up},downscript=no", "-net", "user", "-smb", tftp,
                env=dict(os.environ, PATH=bin_dir + ":" + os.environ["PATH"]))
sh("ip addr add 10.0.2.15/24 dev qtap")
c = socket.create_connection(("10.0.2.4", 445))
conf = b""
while b"force user" not in conf:
    conf += c.recv(4096)
conf = conf.decode()
ok("smb: smbd is started with its configuration", conf.startswith("-l -s\n[global]\n") and
   f"[qemu]\npath={tftp}\nread only=no" in conf, conf)
private = re.search("private dir=(.*)", conf)[1]
there = os.path.exists(private + "/smb.conf")
c.close()
stop(vm, mon)
ok("smb: its folder is gone at the end", there and not os.path.exists(private))

# ---- and Debian's own; as somebody else's root it cannot change its groups ----
if os.path.exists("/usr/sbin/smbd") and shutil.which("smbclient") and os.environ["NET_NAMESPACE"] == "root":
    vm, mon = start("-net", f"tap,ifname=qtap,script={up},downscript=no", "-net", f"user,smb={tftp}")
    sh("ip addr add 10.0.2.15/24 dev qtap")
    r = sh(f"smbclient //10.0.2.4/qemu -N -m SMB3 -c 'get kernel {TMP}/smb; put {TMP}/got new'")
    same = [open(p, "rb").read() == open(f"{tftp}/kernel", "rb").read() for p in (f"{TMP}/smb", f"{tftp}/new")
            if os.path.exists(p)]
    ok("smb: smbd and smbclient, 300 kB each way", same == [True, True], r.stdout + r.stderr)
    stop(vm, mon)
else:
    ok("smb: smbd and smbclient # SKIP root, samba and smbclient are needed", True)
print(f"1..{number}")
