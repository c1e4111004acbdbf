#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every option row answers: served ones with a good argument run to `quit`, later ones say so, old
ones warn. Then bad input: one clear line on stderr, exit status 1, the terminal as it was. Then the
lists and layouts that tools read."""
import os, pty, re, subprocess, sys, tempfile, termios, time

BUILD, SRC = os.environ.get("BUILD", "."), os.environ.get("SRC", ".")
QEMU = os.path.join(BUILD, "qemu-kvm")
TMP = tempfile.TemporaryDirectory(prefix="kvm-opts-")
RUN = ["-accel", "qtest", "-display", "none", "-M", "none"]
count = 0
failed = False


def ok(what, cond, detail=""):
    global count, failed
    count += 1
    failed |= not cond
    print(f"{'ok' if cond else 'not ok'} {count} - {what}", flush=True)
    if not cond:
        for line in str(detail).splitlines()[:12]:
            print("#   " + line)


def path(name, data=b""):
    p = os.path.join(TMP.name, name)
    with open(p, "wb") as f:
        f.write(data)
    return p


def run(*args, stdin=b"", cwd=None):
    p = subprocess.run([QEMU, *args], input=stdin, capture_output=True, timeout=60, cwd=cwd)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


# ---- the rows ----
rows = []  # (name, kind, takes an argument)
with open(os.path.join(SRC, "qemu-options.def")) as f:
    text = f.read()
for kind, name, arg in re.findall(
        r'^OPT(_LATER|_IGNORE|_REJECT)?\((?:\w+, )?"([^"]+)", (ARG_\w+)', text, re.M):
    rows.append((name, kind, arg == "ARG_REQUIRED"))
aliases = re.findall(r'^OPT_ALIAS\("([^"]+)", "([^"]+)"\)', text, re.M)
ok("the table has all names of both eras", len(rows) + len(aliases) == 159,
   f"{len(rows)} rows, {len(aliases)} aliases")

disk = path("disk.img", b"\0" * 1048576)
BIOS = "/usr/share/seabios/bios-256k.bin"
good = {  # a good argument of each served option; "-" lists are ends of their own
    "machine": "none", "cpu": "qemu64", "accel": "qtest", "smp": "1", "global": "isa-serial.irq=4",
    "boot": "order=cd,menu=on", "m": "size=64M", "k": "en-us", "device": None, "name": "guest=a,process=b",
    "uuid": "12345678-1234-1234-1234-123456789abc", "hda": None, "hdb": None, "hdc": None,
    "hdd": None, "cdrom": None, "fda": None, "fdb": None, "pflash": None, "mtdblock": None, "sd": None, "drive": f"file={disk},if=none,id=d0,format=raw,cache=none",
    "display": "none", "vga": "none", "vnc": "none", "balloon": "none", "virtioconsole": "none", "nic": "none", "net": "none",
    "netdev": "hubport,id=h0,hubid=3", "tftp": TMP.name, "bootp": "/pxelinux.0", "redir": None, "smb": TMP.name,
    "chardev": "null,id=c0", "bios": "bios-256k.bin", "kernel": disk, "append": None,
    "initrd": None, "object": "memory-backend-ram,id=o0,size=1M", "numa": "node", "mem-path": TMP.name, "serial": "null", "parallel": "null", "monitor": "none", "qmp": "null",
    "qmp-pretty": "null", "mon": None, "debugcon": None, "pidfile": os.path.join(TMP.name, "pid"),
    "overcommit": "mem-lock=off,cpu-pm=off", "realtime": "mlock=off", "d": "int,guest_errors",
    "D": os.path.join(TMP.name, "log"), "dfilter": "0x1000..0x2000,0x80+0x10", "hdachs": "10,4,17",
    "L": TMP.name, "action": "reboot=shutdown,panic=none", "clock": "unix",
    "startdate": "2006-06-17", "rtc": "base=2006-06-17T16:01:21,clock=vm,driftfix=slew",
    "watchdog-action": "pause", "echr": "0x14", "chroot": None, "runas": None, "sandbox": "off",
    "msg": "timestamp=on", "trace": "*,file=" + os.path.join(TMP.name, "trace"), "qtest": "null", "qtest-log": "none",
    "usbdevice": None,
}
ends = {"help", "version", "audio-help"}  # print and end
alone = {"daemonize", "nographic", "enable-kvm", "sdl", "curses"}  # tested below

for name, kind, takes in rows:
    if takes:
        rc, out, err = run("-" + name)
        ok(f"-{name} wants an argument",
           rc == 1 and err == f"qemu-kvm: -{name}: requires an argument\n", err)
    word = ["x"] if takes else []
    if kind == "_LATER":
        rc, out, err = run("-" + name, *word)
        ok(f"-{name} is not supported yet",
           rc == 1 and err == f"qemu-kvm: -{name}: not supported yet\n", err)
    elif kind == "_REJECT":
        rc, out, err = run("-" + name, *word)
        ok(f"-{name} is of other targets", rc == 1 and "not supported for this target" in err, err)
    elif kind == "_IGNORE":
        rc, out, err = run("-" + name, *word, "-version")
        ok(f"-{name} warns and goes on", rc == 0 and err.startswith(
            f"qemu-kvm: warning: -{name} has no effect: ") and err.count("\n") == 1, err)
    elif name in ends:
        rc, out, err = run("-" + name)
        ok(f"-{name} prints and ends", rc == 0 and out and not err, err)
    elif name in alone or (takes and good.get(name, "") is None):
        continue
    else:
        args = ["-" + name, good[name]] if takes else ["-" + name]
        if name == "qtest":
            args += ["-qtest-log", "none"]
        mon = [] if name in ("monitor", "qmp", "qmp-pretty") else ["-monitor", "stdio"]
        if not mon:
            args += ["-qmp", "stdio"]
        stdin = b"quit\n" if mon else b'{"execute":"qmp_capabilities"}{"execute":"quit"}'
        rc, out, err = run(*RUN, *args, *mon, stdin=stdin)
        quiet = not err or name in ("clock", "msg", "trace")
        ok(f"-{name} runs", rc == 0 and quiet, f"rc {rc}: {err}")
for alias, of in aliases:
    ok(f"-{alias} is -{of}", any(r[0] == of for r in rows))

# ---- the PC with what needs one ----
PC = ["-accel", "qtest", "-display", "none", "-monitor", "stdio", "-snapshot", "-net", "none"]
for what, args in {
    "bare image": [disk], "-hda -hdb -hdd -cdrom": ["-hda", disk, "-hdb", disk, "-hdd", disk, "-cdrom", disk],
    "-fda -fdb": ["-fda", disk, "-fdb", disk], "-pflash": ["-pflash", BIOS],
    "if=floppy, if=scsi, if=pflash": ["-drive", f"if=floppy,file={disk},format=raw", "-drive", f"if=scsi,file={disk},format=raw",
                                      "-drive", f"if=pflash,file={BIOS},format=raw,readonly"],
    "-machine pflash0=": ["-M", "pc,pflash0=f", "-drive", f"if=none,id=f,file={BIOS},format=raw,readonly=on"],
    "isa-fdc.driveA=": ["-drive", f"if=none,id=f,file={disk},format=raw", "-global", "isa-fdc.driveA=f", "-nodefaults"],
    "-hdc": ["-hdc", disk], "-drive twice, one of them a CD": [
        "-drive", f"file={disk},if=ide,media=disk,cache=writeback,format=raw,boot=on",
        "-drive", f"file={disk},media=cdrom,readonly"],
    "-device before its -drive": ["-device", "ide-hd,drive=a,bus=ide.0", "-drive",
                                  f"id=a,if=none,format=raw,file={disk},"],
    "-device as JSON": ["-device", '{"driver": "isa-debug-exit", "iobase": 1280}'],
    "-chardev, -mon, -serial behind them": ["-mon", "m0", "-serial", "chardev:s0", "-chardev",
                                            "null,id=s0", "-chardev", "null,id=m0"],
    "-debugcon": ["-debugcon", "null"],
    "-smp 4,sockets=1,cores=2,threads=2": ["-smp", "4,sockets=1,cores=2,threads=2"],
    "-M with properties, twice": ["-M", "pc,vmport=off", "-machine", "dump-guest-core=off,pit=on"],
    "-nodefaults": ["-nodefaults"], "-S -no-reboot -no-shutdown": ["-S", "-no-reboot", "-no-shutdown"],
    "-parallel, three of them": ["-parallel", "null", "-parallel", f"file:{path('lpt')}", "-parallel", "none"],
    "-usb": ["-usb"], "-machine usb=on": ["-machine", "usb=on", "-device", "usb-tablet"],
    "-usbdevice, three of them": ["-usbdevice", "tablet", "-usbdevice", "mouse", "-usbdevice", "keyboard"],
    "-device usb-hub, port=": ["-usb", "-device", "usb-hub,port=2", "-device", "usb-kbd,port=2.8"],
    "-usbdevice disk:": ["-usbdevice", f"disk:format=raw:{disk}"],
    "-device usb-storage": ["-usb", "-drive", f"if=none,id=u,format=raw,file={disk}", "-device",
                            "usb-storage,drive=u,removable=on,bootindex=3"],
    "a controller of the user's own": ["-device", "piix3-usb-uhci,id=u", "-device", "usb-tablet,bus=u.0"],
    "-cpu with flags": ["-cpu", "qemu64,+sse4.1,-x2apic"],
    "-boot once": ["-boot", "order=dc,once=d"], "-boot letters": ["-boot", "n"],
}.items():
    rc, out, err = run(*PC, *args, stdin=b"info status\nquit\n")
    lines = [l for l in err.splitlines() if "guessed raw" not in l and not l.startswith("   ")]
    ok(f"PC: {what}", rc == 0 and not lines and "VM status:" in out, f"rc {rc}: {err}")

# a NIC or a serial port of the user's own takes the place of the default one, however it is written
for form in ("e1000,id=n", "driver=e1000,id=n", "id=n,driver=e1000", '{"driver": "e1000", "id": "n"}'):
    rc, out, err = run("-accel", "qtest", "-display", "none", "-monitor", "stdio", "-net", "user", "-device", form,
                       stdin=b"info network\nquit\n")
    ok(f"-device {form}: no other NIC", rc == 0 and "model=" in out and "macaddr" in out and out.count("macaddr") == 1,
       f"rc {rc}: {out}{err}")
for args in (["-device", "id=s,driver=isa-serial"], ["-device", '{"id": "s", "driver": "isa-serial"}'],
             ["-global", "driver=isa-serial,property=iobase,value=760"]):
    rc, out, err = run(*PC, *args, stdin=b"info qtree\nquit\n")
    ok(f"{args}: no other serial port", rc == 0 and out.count("isa-serial") == (args[0] == "-device"), f"rc {rc}: {out}{err}")

for o in ("sd", "mtd"):
    rc, out, err = run(*PC, "-sd" if o == "sd" else "-mtdblock", disk)
    ok(f"-{o}: a PC has no place for it", rc == 1 and f"machine type does not support if={o},bus=0,unit=0" in err, err)

# ---- bad input: one line, exit 1 ----
garbage = path("garbage.qcow2", b"QFI\xfb" + b"\xff" * 2000)
short = path("short.qcow2", b"QFI\xfb\0\0\0\3")
unreadable = path("unreadable.img")
LINE = ["-accel", "qtest", "-display", "none", "-M", "pc"]
bad = [
    (["-foo"], r"-foo: invalid option"),
    (["--machin", "pc"], r"--machin: invalid option \(did you mean '-machine'\?\)"),
    (["-m", "0x"], r"-m 0x: Parameter 'size' expects a size"),
    (["-m", "12q"], r"-m 12q: Parameter 'size' expects a size"),
    (["-m", "size=1G,slot=3"], r"-m .*Invalid parameter 'slot' \(did you mean 'slots'\?\)"),
    (["-m", "99999999999999999999"], r"-m .*expects a size"),
    (["-hda", "/nonexistent/disk"], r"-hda /nonexistent/disk: Could not open '/nonexistent/disk': No such file"),
    ([TMP.name], r": Could not open '.*': Is a directory"),
    (["-hda", garbage], r"-hda .*garbage.qcow2: Could not open "),
    (["-hda", short], r"-hda .*short.qcow2: Could not open "),
    (["-drive", f"file={disk},format=raw,media=disk,index=2", "-cdrom", disk],
     r"-cdrom .*: drive with bus=1, unit=0 \(index=2\) exists"),
    (["-drive", f"fil={disk}"], r"-drive .*Invalid parameter 'fil' \(did you mean 'file'\?\)"),
    (["-drive", f"file={disk},if=foo"], r"'if' does not accept value 'foo' \(there are: "),
    (["-drive", f"file={disk},meda=disk,format=raw"], r"'meda' \(did you mean 'media'\?\)"),
    (["-monitor", "sdtio"], r"-monitor sdtio: .*'sdtio' is not supported \(did you mean 'stdio'\?\)"),
    (["-drive", f"file={disk},cache=writebak"], r"\(did you mean 'writeback'\?\)"),
    (["-balloon", "foo"], r"-balloon foo: Unknown -balloon argument foo"),
    (["-M", "pc", "-balloon", "virtio", "-device", "virtio-balloon-pci"], r"Only one balloon device is supported"),
    (["-drive", f"file={disk},format=raw,if=none,id=d", "-device", "virtio-blk-pci"], r"drive property not set"),
    (["-M", "pc", "-drive", f"file={disk},format=raw,if=none,id=d", "-device", "virtio-blk-pci,drive=d,queue-size=100"],
     r"queue-size property: a power of two"),
    (["-drive", f"file={disk},format=raw,if=sd"], r"machine type does not support if=sd,bus=0,unit=0"),
    (["-drive", f"file={disk},driver=host_device,if=none"], r"'host_device' driver requires '.*' to be a block device"),
    (["-drive", f"file={disk},driver=host_cdrom,if=none"], r"'host_cdrom' driver requires '.*' to be a CD-ROM drive"),
    (["-drive", "file=host_floppy:/dev/fd0,if=none"], r"host_floppy"),
    (["-drive", f"file={disk},format=raw,iops=1,iops_rd=1"], r"cannot be used at the same time"),
    (["-drive", f"file={disk},format=raw,if=mtd"], r"machine type does not support if=mtd,bus=0,unit=0"),
    (["-drive", f"file={disk},format=raw,if=floppy,index=2"], r"machine type does not support if=floppy,bus=0,unit=2"),
    (["-drive", f"file={disk},format=raw,if=pflash,unit=3"], r"machine type does not support if=pflash,bus=0,unit=3"),
    (["-drive", f"file={disk},format=raw,if=pflash,unit=1"], r"pflash unit 1 needs unit 0"),
    (["-drive", f"if=pflash,format=raw,file={path('odd.bin', b'x' * 5000)}"], r"has invalid size 5120: its size must be a non-zero multiple of 0x1000"),
    (["-M", "pc,pflash0=nosuch"], r"Can't find value 'nosuch'"),
    (["-device", "scsi-hd"], r"-device scsi-hd: "),
    (["-device", "lsi53c895a,id=l", "-drive", f"file={disk},if=none,id=d,format=raw", "-device", "scsi-hd,drive=d,scsi-id=7"],
     r"bad scsi device id: 7"),
    (["-drive", f"file={disk},index=-1x"], r"'index' expects a number, not '-1x'"),
    (["-bios", "nosuchbios.bin"], r"could not find 'nosuchbios.bin'"),
    (["-smp", "256"], r"-smp 256: Invalid SMP CPUs 256"),
    (["-smp", "cpus=x"], r"-smp .*'cpus' expects a number, not 'x'"),
    (["-smp", "4,maxcpus=2"], r"-smp .*maxcpus must be equal to or greater"),
    (["-cpu", "qemu46"], r"-cpu qemu46: unable to find CPU model 'qemu46' \(did you mean 'qemu64'\?\)"),
    (["-boot", "z"], r"-boot z: Invalid boot device 'z'"),
    (["-boot", "cc"], r"-boot cc: Boot device 'c' was given twice"),
    (["-boot", "cadn"], r"-boot cadn: Too many boot devices"),
    (["-uuid", "1234"], r"-uuid 1234: Fail to parse UUID string"),
    (["-rtc", "base=never"], r"-rtc base=never: invalid datetime format"),
    (["-device", "isa-seral"], r"-device isa-seral: 'isa-seral' is not a valid device model name \(did you mean 'isa-serial'\?\)"),
    (["-device", "ide-hd,drive=nosuch"], r"-device ide-hd,drive=nosuch: .*nosuch"),
    (["-device", "isa-serial,bus=nosuch"], r"Bus 'nosuch' not found"),
    (["-usbdevice", "tablt"], r"-usbdevice tablt: could not add USB device 'tablt' \(did you mean 'tablet'\?\)"),
    (["-usbdevice", "host:1.2"], r"-usbdevice host:1.2: .*: devices of the host cannot be passed through"),
    (["-usbdevice", "serial::stdio"], r"-usbdevice serial::stdio: .*: there is no USB serial adapter"),
    (["-usbdevice", "disk:/nonexistent"], r"-usbdevice disk:/nonexistent: Could not open '/nonexistent'"),
    (["-usbdevice", "disk:format=raw"], r"write disk:FILE or disk:format=raw:FILE"),
    (["-usb", "-device", "usb-storage"], r"drive property not set"),
    (["-usb", "-drive", f"file={disk},format=raw,if=none,id=d", "-device", "usb-storage,drive=d,bootindex=1", "-device",
      "e1000,bootindex=1"], r"-device e1000,bootindex=1: The bootindex 1 has already been used"),
    (["-usbdevice", "mouse:x"], r"it takes no parameters"),
    (["-usb", "-device", "usb-braille"], r"'usb-braille' is not supported: there is no braille display"),
    (["-device", "usb-tablet"], r"No 'usb-bus' bus found for device 'usb-tablet'"),
    (["-usb", "-device", "usb-tablet,port=3"], r"usb port 3 \(bus usb-bus.0\) not found \(in use\?\)"),
    (["-chardev", "fil,id=a"], r"-chardev fil,id=a: .*\(did you mean 'file'\?\)"),
    (["-chardev", "null"], r"-chardev null: Parameter 'id' is missing"),
    (["-chardev", "socket,id=a"], r"is missing; it follows from one of host="),
    (["-serial", "nosuch:"], r"-serial nosuch:"),
    (["-mon", "nosuch"], r"-mon nosuch: .*nosuch"),
    (["-vga", "sdt"], r"-vga sdt: unknown vga type"),
    (["-vnc", "nonsense"], r"-vnc nonsense: "),
    (["-display", "nonee"], r"-display nonee: "),
    (["-k", "xx"], r"-k xx: "),
    (["-d", "inr"], r"-d inr: unknown log item 'inr' \(did you mean 'int'\?\)"),
    (["-d", "int,pcall"], r"-d int,pcall: log item 'pcall' is not supported yet; -d help lists"),
    (["-D", "/nonexistent/log"], r"-D /nonexistent/log: Could not open"),
    (["-trace", "nosuch"], r"-trace nosuch: there is no trace point"),
    (["-pidfile", "/nonexistent/pid"], r"-pidfile /nonexistent/pid: cannot create PID file"),
    (["-echr", "foo"], r"-echr foo: "),
    (["-global", "foo"], r"-global foo: write driver.property=value"),
    (["-append", "quiet"], r"-append only allowed with -kernel option"),
    (["-initrd", disk], r"-initrd only allowed with -kernel option"),
    (["-kernel", "/nonexistent/vmlinuz"], r"/nonexistent/vmlinuz.*No such file"),
    (["-net", "usr"], r"-net usr: Parameter 'type' does not accept value 'usr' \(did you mean 'user'\?\)"),
    (["-netdev", "user"], r"-netdev user: Parameter 'id' is missing"),
    (["-netdev", "user,id=a,hostfw=x"], r"-netdev .*'hostfw' \(did you mean 'hostfwd'\?\)"),
    (["-netdev", "user,id=a,hostfwd=tcp:22"], r"Invalid host forwarding rule 'tcp:22' \(Missing : separator\)"),
    (["-netdev", "user,id=a,guestfwd=foo"], r"Invalid guest forwarding rule 'foo'"),
    (["-netdev", "user,id=a,net=1.2.3.4/33"], r"Failed to parse netmask '33'"),
    (["-netdev", "user,id=a,host=1.2.3.4"], r"Host doesn't belong to network"),
    (["-netdev", "user,id=a,dhcpstart=10.0.2.2"], r"DHCP must be different from host and DNS"),
    (["-netdev", "user,id=a,ipv4=off,ipv6=off"], r"IPv4 and IPv6 disabled"),
    (["-netdev", "user,id=a,ipv6-host=fe80::1"], r"IPv6 host doesn't belong to network"),
    (["-netdev", "user,id=a,bootfile=" + "x" * 200], r"longer than the 127 bytes"),
    (["-netdev", "vde,id=a"], r"-netdev vde,id=a: VDE switches are not supported yet"),
    (["-net", "nic,model=foo"], r"Unsupported NIC model: foo"),
    (["-redir", "tcp:22"], r"-redir tcp:22: write \[tcp\|udp\]:hostport"),
    (["-net", "none", "-redir", "tcp:0::22"], r"-redir needs a user network"),
    (["-action", "reboot=maybe"], r"'reboot' does not accept value 'maybe' \(there are: reset, shutdown\)"),
    (["-nographic", "-daemonize"], r"-nographic cannot be used with -daemonize"),
    (["-accel", "foo", "-machine", "accel=tcg"], r"options are incompatible"),
    (["-overcommit", "cpu-pm=on"], r"-overcommit cpu-pm=on: cpu-pm=on is not supported yet"),
]
for args, want in bad:
    rc, out, err = run(*LINE, *args)
    ok(f"bad: {' '.join(args).replace(TMP.name, 'TMP')}",
       rc == 1 and not out and re.match(r"qemu-kvm: (.*)" + want, err) and err.count("\n") == 1,
       f"rc {rc}: {out}{err}")
rc, out, err = run("-M", "pcc")
ok("bad: -M pcc, two lines as ever", rc == 1 and err ==
   "qemu-kvm: -M pcc: unsupported machine type (did you mean 'pc'?)\n"
   "Use -machine help to list supported machines\n", err)
rc, out, err = run("-accel", "nosuch", "-M", "none")
ok("bad: -accel nosuch", rc == 1 and re.match(r"qemu-kvm: -accel nosuch: .*'nosuch'", err), err)
if os.geteuid():
    os.chmod(unreadable, 0)
    rc, out, err = run(*LINE, "-hda", unreadable)
    ok("bad: unreadable file", rc == 1 and "Permission denied" in err, err)
with tempfile.TemporaryDirectory() as d:  # a disk of another's, that may be read
    os.chmod(d, 0o755)
    with open(d + "/disk", "wb") as f:
        f.truncate(1 << 20)
    os.chmod(d + "/disk", 0o444)
    try:
        p = subprocess.run([QEMU, *LINE, "-hda", d + "/disk"], user=65534 if os.geteuid() == 0 else None,
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        ok("bad: a disk that may only be read", p.returncode == 1 and
           "it can be read, but not written: add snapshot=on or readonly=on" in p.stderr, p.stderr)
    except PermissionError:  # the build is where nobody else can go
        ok("bad: a disk that may only be read # SKIP the build's folder is private", True)
if not os.path.exists("/dev/kvm"):
    for args in (["-enable-kvm"], ["-accel", "kvm"], ["-machine", "accel=kvm"]):
        rc, out, err = run("-display", "none", *args)
        ok(f"bad: {' '.join(args)} without /dev/kvm", rc == 1 and err.count("\n") == 1 and
           "Could not access KVM kernel module" in err, err)


# ---- the terminal stays as it was ----
def on_terminal(*args, send=b""):
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    p = subprocess.Popen([QEMU, *args], stdin=slave, stdout=slave, stderr=slave)
    if send:
        os.write(master, send)
    rc = p.wait(timeout=60)
    after = termios.tcgetattr(slave)
    os.close(slave)
    os.close(master)
    return rc, before == after


for what, want, args, send in (
        ("a failed start", 1, ["-accel", "qtest", "-nographic", "-M", "pc", "-device", "nosuch"], b""),
        ("quit", 0, [*RUN, "-monitor", "stdio"], b"quit\n"),
        ("C-a x", 0, ["-accel", "qtest", "-M", "pc", "-nographic"], b"\x01x")):
    rc, same = on_terminal(*args, send=send)
    ok(f"terminal after {what}", rc == want and same, f"rc {rc}, same {same}")

# ---- lists and layouts ----
rc, out, err = run("-help")
lines = out.splitlines()
ok("-help: version, copyright, usage", lines[0].startswith("QEMU emulator version ") and
   lines[1].startswith("Copyright") and lines[2] == "usage: qemu-kvm [options] [disk_image]", out)
ok("-help: sections of 7.2", [l for l in lines if re.match(r"^[A-Zi].*:$", l)][:9] == [
    "Standard options:", "Block device options:", "USB convenience options:", "Display options:",
    "i386 target only:", "Network options:", "Character device options:", "TPM device options:",
    "Boot Image or Kernel specific:"], out)
ok("-help: an option's help in column 16", "-S              freeze CPU at startup (use 'c' to start execution)" in lines)
ok("-help: a long left side has its help below",
   "                selects emulated machine ('-machine help' for list)" in lines)
for args, want in (
        (["-M", "?"], r"Supported machines are:\n(.*\n)*pc +Standard PC \(i440FX \+ PIIX, 1996\) \(alias of pc-i440fx-7\.2\)\n"
                      r"pc-i440fx-7\.2 +Standard PC \(i440FX \+ PIIX, 1996\) \(default\)\n"),
        (["-machine", "help"], r"Supported machines are:\n"),
        (["-machine", "pc,help"], r"pc-i440fx-7\.2-machine options:\n"),
        (["-cpu", "?"], r"Available CPUs:\n(x86 .*\n)+\nRecognized CPUID flags:\n"),
        (["-accel", "help"], r"Accelerators supported in QEMU binary:\n(\w+\n)*tcg\n"),
        (["-device", "?"], r'(name "[\w-]+".*\n)*name "isa-serial", bus ISA'),
        (["-device", "isa-serial,?"], r"isa-serial options:\n(  .*\n)*  chardev=<str> +- "),
        (["-device", "isa-serial,help"], r"isa-serial options:\n(  .*\n)*  irq=<uint32> +- .* \(default: "),
        (["-chardev", "help"], r"Available chardev backend types: \n(  \w+\n)*  stdio\n"),
        (["-chardev", "socket,help"], r"socket options:\n"),
        (["-drive", "help"], r"  aio=<str>"),
        (["-drive", "format=?"], r"^Supported formats:( [\w-]+)* qcow2( [\w-]+)* raw"),
        (["-drive", "cache=?"], r"Parameter 'cache' takes one of:\n  none\n"),
        (["-display", "?"], r"Available display backend types:\n(curses\n)?none\n(sdl\n)?vnc\n"),
        (["-vga", "help"], r"none +no graphic card\nstd .*\ncirrus "),
        (["-d", "help"], r"Log items \(comma separated\):\nin_asm "),
        (["-trace", "help"], r"^(\w+\n)*$"),
        (["-L", "help"], r"/.*\n"),
        (["-clock", "?"], r"Available alarm timers, in order of precedence:\n"),
        (["-smp", "?"], r"  cores=<uint32>"),
        (["-boot", "help"], r"  menu=<bool>"),
        (["-name", "help"], r"  debug-threads=<bool>")):
    rc, out, err = run(*args)
    ok(f"list: {' '.join(args)}", rc == 0 and not err and re.search(want, out), f"{out[:400]}{err}")

# ---- every log item of a processor says something of the BIOS's first instructions ----
log = os.path.join(TMP.name, "d.log")
for items, want in (("in_asm", r"IN:\n0x0000fff0:  jmpf 0xf000:0xe05b\n"),
                    ("exec", r"exec: CPU 0: f000:0{12}fff0\nexec: CPU 0: f000:0{12}e05b\n"),
                    ("cpu_reset,fpu", r"CPU Reset \(CPU 0\)\nEAX=(.*\n)+FCW=[0-9a-f]{4} "),
                    ("int", r"int: CPU 0: v=[0-9a-f]{2} e=0{4} [sfe] cpl=0 ")):
    vm = subprocess.Popen([QEMU, "-accel", "tcg", "-m", "16", "-display", "none", "-nodefaults",
                           "-d", items, "-dfilter", "0xe000..0xffff", "-D", log], stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and not (os.path.exists(log) and re.search(want, open(log).read(100000))):
            time.sleep(0.1)
        text = open(log).read(100000)
    finally:
        vm.kill()
        vm.wait()
    ok(f"-d {items}", re.search(want, text), text[:400])
    ok(f"-d {items}: the filter", items not in ("in_asm", "exec") or not re.search(r"(0x0000|f000:0{12})[0-9a-d]", text))

# ---- background, PID file ----
pid = os.path.join(TMP.name, "vm.pid")
rc, out, err = run(*RUN, "-daemonize", "-pidfile", pid, "-monitor", "none", "-serial", "none")
ok("-daemonize: the parent ends when the machine is ready", rc == 0 and os.path.exists(pid), err)
if os.path.exists(pid):
    number = int(open(pid).read())
    rc, out, err = run(*RUN, "-pidfile", pid, "-monitor", "none")
    ok("-pidfile: a second one is refused", rc == 1 and "Cannot lock pid file" in err, err)
    os.kill(number, 15)
    for _ in range(100000):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            break
        os.sched_yield()
    ok("-pidfile: gone with the process", not os.path.exists(pid))
rc, out, err = run(*RUN, "-daemonize", "-hda", "/nonexistent")
ok("-daemonize: a failed start is the parent's status", rc == 1 and "Could not open" in err, err)

# ---- signals ----
p = subprocess.Popen([QEMU, *RUN, "-monitor", "none", "-qmp", "stdio"], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
p.stdout.readline()
p.terminate()
out, err = p.communicate(timeout=60)
ok("SIGTERM ends it with status 0 and says who sent it", p.returncode == 0 and re.match(
    rb"qemu-kvm: terminating on signal 15 from pid \d+ \(python3?[\d.]*\)\n", err), err)

print(f"1..{count}")
sys.exit(failed)
