#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""HMP and QMP on a machine whose CPU does not run: texts as 7.2's, errors, events, hostile input."""
import json, os, random, sys, zlib

sys.path.insert(0, os.path.join(os.environ.get("SRC", "."), "tests/lib"))
from monitor import *


def hmp_vm(*args):
    path = f"{TMP}/hmp{len(os.listdir(TMP))}-{random.random()}"
    vm = Vm("-monitor", f"unix:{path},server=on,wait=off", *args)
    return vm, Hmp(Socket(path))


def qmp_vm(*args, negotiate=True):
    path = f"{TMP}/qmp{len(os.listdir(TMP))}-{random.random()}"
    vm = Vm("-qmp", f"unix:{path},server,nowait", *args)
    return vm, Qmp(Socket(path), negotiate)


def same(got, want):
    assert got == want, f"{got!r} instead of {want!r}"


# ---- HMP ----

@test
def hmp_says_who_it_is():
    vm, m = hmp_vm("-name", "test")
    rows = screen(m.banner)
    assert rows[0].startswith("QEMU ") and rows[0].endswith(" monitor - type 'help' for more information"), rows
    same(rows[1], "(qemu) ")
    same(m.text("info name"), "test")
    same(m.text("info uuid"), "00000000-0000-0000-0000-000000000000")
    same(m.text("info status"), "VM status: running")
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", m.text("info version"))
    assert m.text("info kvm") in ("kvm support: disabled", "kvm support: not compiled")
    assert re.fullmatch(r"compat_monitor0: filename=unix:/.*,server=on", m.text("info chardev"))
    m.s.send("quit\n")
    m.s.eof()
    same(vm.end()[0], 0)


@test
def hmp_stops_and_goes_on():
    vm, m = hmp_vm("-S")
    same(m.text("info status"), "VM status: paused (prelaunch)")
    same(m.text("c"), "")
    same(m.text("info status"), "VM status: running")
    same(m.text("stop"), "")
    same(m.text("info status"), "VM status: paused")
    same(m.text("system_reset"), "")
    same(m.text("info status"), "VM status: paused (prelaunch)")


@test
def hmp_complains_as_7_2_does():
    vm, m = hmp_vm()
    same(m("foo")[0], "unknown command: 'foo'")
    assert m("info foo")[0].startswith("unknown command: 'info foo'")
    same(m("quitt")[0], "unknown command: 'quitt' (did you mean 'quit'?)")
    same(m("savevm x")[0], "'savevm' is not supported yet")
    same(m("info migrate")[0], "'info migrate' is not supported yet")
    same(m("stop now")[:2], ["stop|s: extraneous characters at the end of line", 'Try "help stop" for more information'])
    same(m("sendkey")[:2], ["sendkey: string expected", 'Try "help sendkey" for more information'])
    same(m("info mtree -z")[:2], ["mtree: unsupported option -z", 'Try "help info mtree" for more information'])
    same(m("screendump")[0], "screendump: filename expected")
    same(m("cpu 5")[0], "invalid CPU index")
    same(m("cpu abc")[0], "invalid char 'a' in expression")
    same(m("sendkey nokey")[0], "Error: invalid parameter: nokey")
    same(m("screendump /x")[0], "Error: There is no console to take a screendump from")
    same(m("x /foo 3")[0], "Error: invalid char in format: 'f'")
    same(m("")[0], "")
    same(m("# a comment")[0], "")


@test
def hmp_calculates():
    vm, m = hmp_vm()
    for line, want in (("p 1+2", "0x3"), ("print 0x10 * 3", "0x30"), ("p/x 255", "0xff"), ("p /d -1", "-1"),
                       ("p /u -1", "18446744073709551615"), ("p /c 65", "'A'"), ("p /o 8", "010"), ("p /o 0", "0"),
                       ("p 2*(3+4)-1", "015"), ("p /d 13", "13"), ("p 7%4|8", "11"), ("p ~0", "-1"), ("p 'a'", "97"),
                       ("p 0x8000000000000000/-1", "-9223372036854775808"), ("p 1/0", "division by zero"),
                       ("p (1", "')' expected"), ("p $foo", "unknown register"), ("p", "unexpected end of expression"),
                       ("p 5 5", "print|p: extraneous characters at the end of line"), ("p " + "(" * 3000, "expression is nested too deeply")):
        same(m(line)[0], want)


@test
def hmp_help_lists_and_explains():
    vm, m = hmp_vm()
    same(m("help info status")[0], "info status  -- show the current VM status (running|paused)")
    same(m("help quit")[0], "quit|q  -- quit the emulator")
    same(m("? x")[0], "x /fmt addr -- virtual memory dump starting at 'addr'")
    same(m("help nosuch")[0], "unknown command: 'nosuch'")
    every = m("help")
    assert "info [subcommand] -- show various information about the system state" in every
    assert all(" -- " in row for row in every[:-1]) and every[:-1] == sorted(every[:-1]), every
    same(m("info"), m("help info"))
    assert any(row.startswith("info registers [-a] [vcpu] -- ") for row in m("info"))


@test
def hmp_shows_registers():
    vm, m = hmp_vm()
    if not any("CPU #0" in row for row in m("info cpus")):
        return  # a machine without CPUs
    rows = m("info registers")
    same(rows[1], "CPU#0")
    assert rows[2].startswith("EAX=") and re.match(r"EIP=\w{8} EFL=\w{8} \[[DOSZAPC-]{7}\] CPL=0 II=0 A20=1 SMM=0", rows[4]), rows
    assert re.match(r"\* CPU #0: thread_id=\d+", m("info cpus")[0])
    same(m("p $cs")[0], "0xf000")
    same(m("p $eip")[0], "0xfffffff0")


@test
def hmp_edits_and_completes():
    vm, m = hmp_vm()
    m.s.send("infx\177o statu\t\n")
    assert "VM status: running" in screen(m.s.until(PROMPT))
    m.s.send("\x1b[A\n")
    assert "VM status: running" in screen(m.s.until(PROMPT))
    m.s.send("info c\t")
    m.s.until("info c")
    rows = screen(m.s.until("(qemu) info c"))
    assert "chardev" in rows[1] and "cpus" in rows[1], rows
    m.s.send("\x03\n")
    m.s.until(b"\n" + PROMPT)
    m.s.send("sendkey ctrl-alt-del\t\n")
    assert any("sendkey ctrl-alt-delete" in row for row in screen(m.s.until(b"\n")))


@test
def hmp_completes_names_of_what_is_there():
    open(f"{TMP}/a-file", "w").close()
    vm, m = hmp_vm("-M", "pc", "-drive", "if=none,id=mydisk,media=cdrom", "-chardev", "null,id=mychar", "-netdev",
                   "user,id=mynet", "-device", "e1000,netdev=mynet,id=mynic", "-object", "rng-builtin,id=myrng")
    for line, last in {"eject m": "mydisk", f"change mydisk {TMP}/a-fi": f"{TMP}/a-file", "device_del m": "mynic",
                       "device_add usb-tab": "usb-tablet", "netdev_add u": "user", "netdev_del m": "mynet",
                       "set_link myni": "mynic", "object_add rng-b": "rng-builtin", "object_del m": "myrng",
                       "chardev-add nu": "null", "chardev-remove m": "mychar", "commit a": "all",
                       f"memsave 0 1 {TMP}/a-": f"{TMP}/a-file", "x /4xb $": "$"}.items():
        m.s.send(line + "\t\x01#\n")  # C-a: a comment
        same(screen(m.s.until(b"\n"))[-2].split()[-1], last)
        m.s.until(PROMPT)


@test
def hmp_runs_what_a_pipe_left_behind():
    vm = Vm("-monitor", "stdio")
    status, out, err = run(vm, b"stop\ninfo status\ncont\ninfo status\nquit\ninfo version\n")
    rows = screen(out)
    same([r for r in rows if r.startswith("VM status")], ["VM status: paused", "VM status: running"])
    same(rows[-2], "(qemu) quit")
    same(status, 0)


def run(vm, data):
    try:
        out, err = vm.p.communicate(data, timeout=GUARD)
    except Exception:
        vm.kill()
        raise
    return vm.p.returncode, out, err


@test
def hmp_asks_for_the_vnc_password():
    vm, m = hmp_vm()
    m.s.send("change vnc password\r\n")
    m.s.until("Password: ")
    m.s.send("secret\r\n")
    got = m.s.until(PROMPT)
    assert b"secret" not in got and b"******" in got, got
    m.s.send("\x1b[A")
    assert b"change vnc password" in m.s.until("password"), "the answer is in the history"


@test
def hmp_sets_passwords_of_a_vnc_server():
    vm, m = hmp_vm("-vnc", f"unix:{TMP}/vnc,password=on")
    if "without VNC" in m.text("set_password vnc a"):
        return
    m.s.send("change vnc password\r\n")
    m.s.until("Password: ")
    m.s.send("secret\n")
    same(screen(m.s.until(b"\n" + PROMPT))[1:], [PROMPT.decode()])
    for line in ("change vnc password other", "set_password vnc a", "set_password vnc a keep", "expire_password vnc now",
                 "expire_password vnc never", "expire_password vnc +60", "expire_password vnc 4000000000"):
        same((line, m.text(line)), (line, ""))
    same(m("info vnc")[0], "default:")
    assert "invalid time 'abc'" in m.text("expire_password vnc abc")
    assert "keepx" in m.text("set_password vnc a keepx")


@test
def hmp_presses_keys_and_takes_pictures():
    vm, m = hmp_vm("-M", "pc", "-vga", "std")
    assert 'addr=00000000fffc0000 size=0x040000 mem=rom name="bios-256k.bin"' in m("info roms"), m("info roms")
    for line in ("sendkey ctrl-alt-delete", "sendkey a-b 1", "sendkey 0x1e 1", "mouse_set 2"):
        same((line, m.text(line)), (line, ""))
    assert "hold time" in m.text("sendkey a -1")
    same(m.text("info mice"), "* Mouse #2: QEMU PS/2 Mouse")
    same(m.text(f"screendump {TMP}/a.ppm"), "")
    assert open(f"{TMP}/a.ppm", "rb").read(2) == b"P6"
    same(m.text(f"screendump {TMP}/a.png -f png"), "")
    png = open(f"{TMP}/a.png", "rb").read()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, kinds = 8, []
    while at < len(png):  # every chunk's sum is right, the empty last one's too
        n = int.from_bytes(png[at:at + 4], "big")
        kinds.append(png[at + 4:at + 8])
        same(int.from_bytes(png[at + 8 + n:at + 12 + n], "big"), zlib.crc32(png[at + 4:at + 8 + n]))
        at += 12 + n
    same(kinds, [b"IHDR", b"IDAT", b"IEND"])
    assert "/nonexistent/a" in m.text("screendump /nonexistent/a")


@test
def hmp_shows_the_pc():
    vm, m = hmp_vm("-M", "pc", "-drive", "if=ide,index=2,media=cdrom")
    tree = m.text("info qtree")
    assert "bus: main-system-bus\n  type System\n" in tree and "      dev: PIIX3, id \"\"" in tree, tree
    assert any(row.startswith("ioapic0: ver=0x") for row in m("info pic"))
    assert m.text("info blockstats").startswith("ide1-cd0: rd_bytes=0 wr_bytes=0 rd_operations=0 "), m.text("info blockstats")
    assert any(row.startswith("pic0: irr=") for row in m("info pic"))
    rows = m("info mtree")
    same(rows[0], "address-space: memory")
    assert any(row.endswith("(prio 0, i/o): isa-pit") for row in rows), rows
    flat = m("info mtree -f")
    assert "  0000000000000000-000000000009ffff (prio 0, ram): pc.ram" in flat, flat
    same(m("xp /2xb 0xffff0")[0], "00000000000ffff0: 0xea 0x5b")
    same(m("x /1i 0xffff0")[0][:24], "0x000ffff0:  ea 5b e0 00")
    same(m("i /b 0x64")[0][:14], "portb[0x0064] ")
    same(m("x /1xg 0xf0000000")[0], "00000000f0000000: Cannot access memory")
    assert m("info block")[0].startswith("ide1-cd0: [not inserted]")
    assert "Could not open '/nonexistent'" in m.text("change ide1-cd0 /nonexistent")
    assert "'ide1-cd0'" in m.text("eject ide1-cd9")


@test
def hmp_walks_the_tree_of_devices():
    vm, m = hmp_vm("-M", "pc", "-object", "memory-backend-ram,id=mem0,size=1M")
    tree = m.text("info qom-tree").splitlines()
    assert tree[0].endswith("-machine)") and "  /unattached (container)" in tree, tree
    assert any(re.fullmatch(r"    /device\[\d+\] \(PIIX3\)", row) for row in tree), tree
    assert "hotplugged (bool)" in m.text("qom-list /machine/i440fx")
    same(m.text("qom-get /machine/i440fx type"), '"i440FX-pcihost"')
    same(m.text("qom-get mem0 type"), '"memory-backend-ram"')
    assert "not found" in m.text("qom-get /machine/i440fx nonono")
    assert "not found" in m.text("qom-set nonono a b")
    same(m.text("info qom-tree /objects"), "/objects (container)\n  /mem0 (memory-backend-ram)")
    assert 'name "isa-serial", bus ISA' in m.text("info qdm")


@test
def hmp_adds_and_removes():
    vm, m = hmp_vm("-M", "pc", "-drive", "if=ide,index=2,media=cdrom")
    assert "'e1000x' is not a valid device model name" in m.text("device_add e1000x")
    same(m.text("device_add isa-debug-exit"), "Error: Device 'isa-debug-exit' does not support hotplugging")
    same(m.text("device_del nonono"), "Error: Device 'nonono' not found")
    same(m.text("object_add memory-backend-ram,id=m,size=1M"), "")
    assert "memory backend: m" in m.text("info memdev")
    same(m.text("object_del m"), "")
    same(m.text("object_del m"), "Error: object 'm' not found")


@test
def hmp_changes_settings():
    vm, m = hmp_vm()
    same(m.text("boot_set dcn"), "boot device list now set to dcn")
    assert "Invalid boot device" in m.text("boot_set ce")
    same(m.text("watchdog_action poweroff"), "")
    same(m.text("log int"), "")
    assert "unknown log item" in m.text("log nonono")
    same(m.text("log none"), "")
    same(m.text("info mem"), "PG disabled")
    same(m.text("gva2gpa 0x1234"), "gpa: 0x1234")


@test
def keys_of_two_monitors_wait_for_their_turn():
    paths = [f"{TMP}/k{i}" for i in range(3)]
    vm = Vm("-M", "pc", *(x for p in paths for x in ("-monitor", f"unix:{p},server=on,wait=off")))
    a, b, reader = (Hmp(Socket(p)) for p in paths)
    reader("o /b 0x64 0x60")
    reader("o /b 0x60 0x45")
    for m in (a, b):
        m.s.send("sendkey a 0\n" * 100)
    while a.s.buf.count(PROMPT) < 100 or b.s.buf.count(PROMPT) < 100:
        reader("i /b 0x60")
        for s in select.select([a.s.fd, b.s.fd], [], [], 0)[0]:
            (a if s == a.s.fd else b).s.more()
    assert b"Error" not in a.s.buf + b.s.buf, (a.s.buf, b.s.buf)


@test
def a_long_answer_comes_whole():
    vm, m = hmp_vm("-M", "pc")
    lines = m("xp /700000xg 0x100000")
    same((len(lines), lines[349999]), (350001, "00000000006572f0: 0x0000000000000000 0x0000000000000000"))


# ---- QMP ----

@test
def qmp_knows_types_and_paths():
    vm, q = qmp_vm("-M", "pc", "-drive", "if=ide,index=2,media=cdrom")
    names = {t["name"] for t in q("qom-list-types", implements="device")}
    assert {"isa-serial", "VGA", "ide-hd"} <= names, names
    rows = {p["name"]: p for p in q("device-list-properties", typename="isa-serial")}
    assert rows["iobase"]["type"] == "uint32" or rows["iobase"]["type"].startswith("uint"), rows
    same(q("qom-get", path="/machine/i440fx", property="realized"), True)
    assert any(p["name"] == "peripheral" for p in q("qom-list", path="/machine"))
    assert "not found" in q.error("device_del", id="nonono")["desc"]
    assert "not a valid device model" in q.error("device_add", driver="nonono")["desc"]
    q.error("object-add", **{"qom-type": "nonono", "id": "x"})
    same(q("object-add", **{"qom-type": "memory-backend-ram", "id": "x", "size": 1048576}), {})
    same(q("query-memdev")[0]["size"], 1048576)
    same(q("object-del", id="x"), {})
    same(q("query-memdev"), [])
    same(q("query-memory-size-summary"), {"base-memory": 134217728, "plugged-memory": 0})


@test
def qmp_greets_and_negotiates():
    vm, q = qmp_vm(negotiate=False)
    g = q.greeting["QMP"]
    assert g["version"]["qemu"]["major"] >= 7 and isinstance(g["capabilities"], list), g
    same(q.raw({"execute": "query-status"}), {"error": {"class": "CommandNotFound",
         "desc": "Expecting capabilities negotiation with 'qmp_capabilities'"}})
    same(q.raw({"execute": "qmp_capabilities", "id": 1}), {"return": {}, "id": 1})
    same(q.raw({"execute": "qmp_capabilities"})["error"]["class"], "CommandNotFound")
    same(q.raw({"execute": "query-status", "id": {"a": [1, None]}}),
         {"return": {"status": "running", "singlestep": False, "running": True}, "id": {"a": [1, None]}})
    same(q.raw("{'execute':'query-name'}"), {"return": {}})


@test
def qmp_errors_as_7_2_has_them():
    vm, q = qmp_vm()
    for text, desc in (('{"execute":"foo"}', "The command foo has not been found"),
                       ('{"execute":1}', "QMP input member 'execute' must be a string"),
                       ('{"foo":1}', "QMP input member 'foo' is unexpected"),
                       ('[1]', "QMP input must be a JSON object"),
                       ('{"execute":"stop","arguments":[]}', "QMP input member 'arguments' must be an object"),
                       ('{"execute":"stop","arguments":{"a":1}}', "Parameter 'a' is unexpected"),
                       ('{"execute":"stop","x":1}', "QMP input member 'x' is unexpected"),
                       ('{"arguments":{}}', "QMP input lacks member 'execute'"),
                       ('{"execute":"send-key"}', "Parameter 'keys' is missing"),
                       ('{"execute" "a"}', "JSON parse error, missing : in object pair"),
                       ('{"execute":"chardev-remove","arguments":{"id":"nn"}}', "Chardev 'nn' not found")):
        got = q.raw(text)
        same(got["error"]["desc"], desc)
    same(q("query-status")["running"], True)


@test
def qmp_controls_the_machine():
    vm, q = qmp_vm("-S", "-name", "n", "-uuid", "11223344-5566-7788-99aa-bbccddeeff00")
    same(q("query-status"), {"status": "prelaunch", "singlestep": False, "running": False})
    same(q("query-name"), {"name": "n"})
    same(q("query-uuid"), {"UUID": "11223344-5566-7788-99aa-bbccddeeff00"})
    q("cont")
    q.event("RESUME")
    q("stop")
    at = q.event("STOP")["timestamp"]
    assert at["seconds"] > 1e9 and 0 <= at["microseconds"] < 1e6, at
    same(q("query-status")["status"], "paused")
    q("system_reset")
    same(q.event("RESET")["data"], {"guest": False, "reason": "host-qmp-system-reset"})
    q("system_powerdown")
    q.event("POWERDOWN")
    q("inject-nmi")
    names = [c["name"] for c in q("query-commands")]
    assert names == sorted(names) and {"quit", "query-block", "screendump", "device_add"} & set(names), names
    q("quit")
    same(q.event("SHUTDOWN")["data"], {"guest": False, "reason": "host-qmp-quit"})
    same(vm.end()[0], 0)


@test
def qmp_schema_describes_itself():
    vm, q = qmp_vm()
    schema = q("query-qmp-schema")
    types = {e["name"]: e for e in schema}
    same(len(types), len(schema))
    same({c["name"] for c in q("query-commands")}, {e["name"] for e in schema if e["meta-type"] == "command"})
    for e in schema:
        used = [e.get(k) for k in ("arg-type", "ret-type", "element-type") if k in e]
        used += [m["type"] for m in e.get("members", []) if "type" in m] + [v["type"] for v in e.get("variants", [])]
        assert all(u in types for u in used), e
    add = types[types["chardev-add"]["arg-type"]]
    backend = types[next(m["type"] for m in add["members"] if m["name"] == "backend")]
    case = {v["case"]: types[v["type"]] for v in backend["variants"]}
    same([m["name"] for m in case["socket"]["members"]], ["data"])
    names = {m["name"] for m in types[case["socket"]["members"][0]["type"]]["members"]}
    assert {"addr", "server", "wait", "nodelay", "telnet", "reconnect", "logfile"} <= names, names
    status = types[types["query-status"]["ret-type"]]
    assert {"running", "status", "singlestep"} == {m["name"] for m in status["members"]}
    assert "prelaunch" in types[next(m["type"] for m in status["members"] if m["name"] == "status")]["values"]


@test
def qmp_runs_hmp():
    vm, q = qmp_vm()
    same(q("human-monitor-command", command_line="info status"), "VM status: running\r\n")
    same(q("human-monitor-command", command_line="foo"), "unknown command: 'foo'\r\n")
    same(q("human-monitor-command", command_line=""), "")
    same(q.error("human-monitor-command", **{"command-line": "info cpus", "cpu-index": 99})["desc"],
         "Parameter 'cpu-index' expects a CPU number")
    assert "nobody to ask" in q("human-monitor-command", command_line="change vnc password")


@test
def qmp_adds_and_removes_chardevs():
    vm, q = qmp_vm()
    got = q("chardev-add", id="p", backend={"type": "pty", "data": {}})
    assert os.path.exists(got["pty"]), got
    q("chardev-add", id="s", backend={"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": f"{TMP}/s"}}}})
    info = {c["label"]: c for c in q("query-chardev")}
    same(info["s"], {"frontend-open": False, "filename": f"disconnected:unix:{TMP}/s,server=on", "label": "s"})
    same(info["p"]["filename"], "pty:" + got["pty"])
    assert "Duplicate ID" in q.error("chardev-add", id="s", backend={"type": "null", "data": {}})["desc"]
    assert "compat_monitor0" in info
    same(q.error("chardev-remove", id="compat_monitor0")["desc"], "Chardev 'compat_monitor0' is busy")
    q("chardev-remove", id="s")
    assert not os.path.exists(f"{TMP}/s")
    assert {"name": "socket"} in q("query-chardev-backends")


@test
def qmp_reads_a_pipe_to_its_end():
    vm = Vm("-qmp", "stdio")
    status, out, err = run(vm, b'{"execute":"qmp_capabilities"}{"execute":"query-kvm"}\n'
                               b'{"execute":"stop"}{"execute":"query-status"}\n{"execute":"quit"}')
    rows = [json.loads(x) for x in out.splitlines()]
    answers = [r["return"] for r in rows if "return" in r]
    same(len(answers), 5)
    same(answers[3]["status"], "paused")
    same(rows[-1]["event"], "SHUTDOWN")
    same(status, 0)


@test
def qmp_pretty_is_many_lines():
    vm = Vm("-chardev", "stdio,id=c", "-mon", "chardev=c,mode=control,pretty=on")
    status, out, err = run(vm, b'{"execute":"qmp_capabilities"}{"execute":"quit"}')
    assert b'{\n    "return": {' in out, out


@test
def many_monitors_at_once():
    paths = [f"{TMP}/m{i}" for i in range(4)]
    args = []
    for i, p in enumerate(paths):
        args += ["-qmp" if i % 2 else "-monitor", f"unix:{p},server=on,wait=off"]
    vm = Vm(*args)
    h = [Hmp(Socket(paths[0])), Hmp(Socket(paths[2]))]
    q = [Qmp(Socket(paths[1])), Qmp(Socket(paths[3]))]
    h[0]("stop")
    q[0].event("STOP")
    q[1].event("STOP")
    same(h[1].text("info status"), "VM status: paused")
    q[1]("cont")
    q[0].event("RESUME")
    h[1].s.close()
    again = Hmp(Socket(paths[2]))
    same(again.text("info history"), "0: 'info status'\n1: 'info history'")
    q[0].s.close()
    fresh = Qmp(Socket(paths[1]), negotiate=False)
    same(fresh.raw({"execute": "query-status"})["error"]["class"], "CommandNotFound")


# ---- hostile ----

@test
def qmp_survives_garbage():
    vm, q = qmp_vm()
    rnd = random.Random(5)
    words = [b'{', b'}', b'[', b']', b'"execute"', b':', b',', b'"query-status"', b'"arguments"', b'{}', b'null',
             b'1e999', b'-', b'"\\ud800"', b'\xff', b'\xc3', b'\0', b'\n', b"'", b'{"execute":"query-chardev"}',
             b'99999999999999999999999', b'"id"', b'\\u0000', b'true']
    for _ in range(40):
        q.s.send(b"".join(rnd.choice(words) for _ in range(200)))
        while select.select([q.s.fd], [], [], 0)[0]:
            os.read(q.s.fd, 65536)
    q.s.send(b"[" * 5000 + b"\n")
    q.s.close()
    q = Qmp(Socket(vm.p.args[vm.p.args.index("-qmp") + 1].split(":")[1].split(",")[0]))
    same(q("query-status")["running"], True)


@test
def qmp_resynchronises_after_ff():
    vm, q = qmp_vm()
    q.s.send(b'{"execute": "query-st\xff\n{"execute":"query-status","id":"sync"}\n')
    while q.reply().get("id") != "sync":
        pass


@test
def hmp_survives_garbage():
    vm, m = hmp_vm()
    rnd = random.Random(6)
    known = [b"info ", b"x /", b"p ", b"help ", b"sendkey ", b"change ", b"\t", b"\x1b[", b"\x1bO", b"cpu ", b"i /", b"xp /9999xg 0",
             b'"', b"\\", b"$", b"(", b"-f ", b"chardev-add ", b"null,id=", b"%s%n", b"info registers -a", b"\r", b"\x00"]
    for _ in range(60):
        line = b"".join(rnd.choice(known) if rnd.random() < .6 else bytes([rnd.randrange(256)]) for _ in range(12))
        if b"q" in line or b"o " in line:
            continue
        m.s.send(line + b"\n")
        while select.select([m.s.fd], [], [], 0)[0]:
            os.read(m.s.fd, 65536)
    m.s.send(b"\x03\n\np /d 12345+1\n")
    m.s.until(b"12346")


@test
def a_peer_that_never_reads_does_no_harm():
    p, p2 = f"{TMP}/slow", f"{TMP}/fast"
    vm = Vm("-qmp", f"unix:{p},server=on,wait=off", "-qmp", f"unix:{p2},server=on,wait=off")
    slow, fast = Qmp(Socket(p)), Qmp(Socket(p2))
    slow.sock = slow.s.sock
    slow.sock.setblocking(False)
    sent = 0
    try:
        while sent < 4000000:
            sent += slow.sock.send(b'{"execute":"query-commands"}\n' * 100)
    except BlockingIOError:
        pass
    for _ in range(50):
        fast("stop")
        fast("cont")
    same(fast("query-status")["running"], True)
    slow.s.close()


main()
