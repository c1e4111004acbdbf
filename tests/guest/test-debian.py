#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole Debian 12 (tests/guest/mkdebian) on virtio: from its own boot loader to systemd's login, apt from a
mirror on the host's loopback, ssh through a forward, power off, a clean file system. LONG=1 only.
"""
import functools, http.server, os, re, shutil, subprocess, sys, tempfile, threading
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, Skip, need_guest, run

IMG = os.path.join(os.environ["BUILD"], "qemu-img")
PROMPT = r"root@debian:~# "
tmp = tempfile.TemporaryDirectory(prefix="debian-")
disk = os.path.join(tmp.name, "disk.qcow2")
debian = g = None


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sh(command):
    """A command on the serial console -> its output"""
    g.type(command + "; echo end-$?\n")
    g.expect(r"echo end-\$\?\r?\n")
    out = g.expect(r"(?s)(.*?)end-(\d+)\r?\n")
    g.expect(PROMPT)
    assert out[2] == "0", f"{command}: status {out[2]}\n{out[1]}"
    return out[1].replace("\r", "")


def boot():
    global debian, g
    if not os.environ.get("LONG"):
        raise Skip("LONG=1 boots it (some minutes)")
    debian = need_guest("debian")
    subprocess.run([IMG, "create", "-q", "-f", "qcow2", "-b", os.path.join(debian, "debian.qcow2"), "-F", "qcow2",
                    disk], check=True)
    g = Guest("-m", "512", "-drive", f"file={disk},if=virtio", "-net", "nic,model=virtio", "-net",
              "user,hostfwd=tcp:127.0.0.1:0-:22", guard=3000)
    g.expect("debian login: ")
    print(f"# boot to login: {cpu_seconds(g.p.pid):.0f} s of processor time")
    g.type("root\n")
    g.expect("Password: ")
    g.type("debian\n")
    g.expect(PROMPT)
    sh("bind 'set enable-bracketed-paste off'; stty cols 200; dmesg -n 1")
    state = sh("systemctl is-system-running --wait; systemctl --failed --no-legend --plain")
    assert state.split() == ["running"], state


def needed():
    if not g:
        raise Skip("no Debian runs")


def kernel_is_content():
    needed()
    text = sh("dmesg --level=emerg,alert,crit,err")
    errors = [x for x in text.splitlines() if x.strip() and not re.search(r"device-mapper: core: CONFIG_IMA", x)]
    assert not errors, "\n".join(errors)
    text = sh("dmesg")
    bad = re.findall(r".*(?:BUG|WARNING:|Oops|lockup|stall|hung|unstable|timed out|nobody cared|I/O error).*", text)
    assert not bad, "\n".join(bad)
    assert sh("cat /sys/devices/system/clocksource/clocksource0/current_clocksource").strip() == "tsc"


def apt():
    needed()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=os.path.join(debian, "mirror"))
    handler.func.log_message = lambda *a: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sh(f"echo 'deb [trusted=yes] http://10.0.2.2:{server.server_port} ./' >/etc/apt/sources.list")
        sh("apt-get -q update")
        sh("apt-get -q -y install hello")
        server.shutdown()
    assert "Hello, world!" in sh("hello")


def ssh():
    needed()
    port = re.search(r"hostfwd=tcp:127\.0\.0\.1:0-:22: the host's port is (\d+)", g.errors())[1]
    key = shutil.copyfile(os.path.join(debian, "key"), os.path.join(tmp.name, "key"))
    os.chmod(key, 0o600)
    cmd = ["ssh", "-F", "none", "-p", port, "-i", key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
           "-o", "BatchMode=yes", "-o", "ConnectTimeout=600", "-o", "LogLevel=ERROR", "root@127.0.0.1"]
    data = os.urandom(1 << 20)
    out = subprocess.run(cmd + ["cat >/root/data; sync; cat /root/data; hostname >&2"], input=data, capture_output=True,
                         timeout=1200)
    assert out.returncode == 0 and out.stderr == b"debian\n", out.stderr
    assert out.stdout == data, "1 MiB there and back"


def poweroff():
    needed()
    g.type("systemctl poweroff\n")
    assert g.wait() == 0, "exit status"
    out = subprocess.run([IMG, "check", disk], capture_output=True, text=True)
    assert out.returncode == 0, out.stdout + out.stderr
    raw = os.path.join(tmp.name, "disk.raw")
    subprocess.run([IMG, "convert", "-O", "raw", disk, raw], check=True)
    out = subprocess.run(["/sbin/e2fsck", "-fn", f"{raw}?offset=134217728"], capture_output=True, text=True)
    assert out.returncode == 0, out.stdout + out.stderr
    assert "recovering journal" not in out.stdout + out.stderr, out.stdout


try:
    run({
        "Debian boots from its virtio disk to a login; systemd says 'running'": boot,
        "no message of its kernel is a complaint": kernel_is_content,
        "apt installs a package from a mirror on the host's loopback": apt,
        "ssh through a forward whose port was free": ssh,
        "it powers off and leaves a clean root file system": poweroff,
    })
finally:
    if g:
        g.close()
