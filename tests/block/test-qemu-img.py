#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""qemu-img: what it prints, exit statuses, repairs. Where Debian's qemu-img 7.2 is installed, the same
command lines are given to both and must be answered alike; images are judged by it too."""
import os, re, shutil, struct, subprocess, sys, tempfile

BUILD = os.environ.get("BUILD", ".")
OURS, DEBIAN = os.path.abspath(f"{BUILD}/qemu-img"), "/usr/bin/qemu-img"
count = failed = 0


def ok(good, what, why=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}")
    if not good and why:
        print("\n".join("# " + line for line in str(why).splitlines()))


def run(program, *args):
    p = subprocess.run([program, *args], capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout, p.stderr


def expect(what, args, status, out=None, err=None):
    """out, err: regular expressions that must be found; None: not looked at; "": nothing printed"""
    got = run(OURS, *args)
    good = got[0] == status
    for text, want in ((got[1], out), (got[2], err)):
        if want is not None:
            good = good and (re.search(want, text, re.S) is not None if want else text == "")
    ok(good, what, got)


def patch(name, copy, *changes):
    data = bytearray(open(name, "rb").read())
    for offset, form, value in changes:
        struct.pack_into(form, data, offset, value)
    open(copy, "wb").write(data)


LINES = """info b.qcow2
info --backing-chain b.qcow2
info --output=json b.qcow2
info --output=json --backing-chain b.qcow2
info c.qcow2
info --output json c.qcow2
info u.qcow2
info r.raw
info -f raw b.qcow2
info -U b.qcow2
info -f qcow2 r.raw
info unknown-bit.qcow2
info truncated.qcow2
info dirty.qcow2
info corrupt.qcow2
info --foo x
info
info a b
check a.qcow2
check b.qcow2
check c.qcow2
check p.qcow2
check -q p.qcow2
check leak.qcow2
check error.qcow2
check bad-l1.qcow2
check --output=json p.qcow2
check --output=json leak.qcow2
check --output=json error.qcow2
check r.raw
check -r foo a.qcow2
check
create
create -f qcow2 x.qcow2 1G 2G
create -q -f qcow2 x.qcow2 1G
create -f qcow2 -o size=60G x
create -f qcow2 -o size=1.5M x
create -f qcow2 -b a.qcow2 -F qcow2 x
create -f qcow2 -b a.qcow2 -F qcow2 x 1G
create -f qcow2 -o backing_file=a.qcow2,backing_fmt=qcow2 x
create -f qcow2 -o cluster_size=4k,compat=0.10 x 1.5G
create -f qcow2 -o cluster_size=512 x 100M
create -f qcow2 -o compat=v3,cluster_size=2M x 10M
create -f qcow2 -o refcount_bits=1,lazy_refcounts=on x 10M
create -f qcow2 -o preallocation=metadata x 100M
create -f qcow2 -o preallocation=falloc x 4M
create -f qcow2 -o preallocation=full x 4M
create -f raw x 100M
create x 1k
create x 1000
create -f raw -o preallocation=full x 1M
create -f qcow2 -o foo=1 x 1G
create -f foo x 1G
create x 1x
create x -- -1
create -f qcow2 -o cluster_size=3k x 1G
create -f qcow2 -o cluster_size=4M x 1G
create -f qcow2 -o refcount_bits=3 x 1G
create -f qcow2 -o compat=2 x 1G
create -f qcow2 -o preallocation=y x 1G
create -f qcow2 -o compression_type=y x 1G
create -f qcow2 -o compat=0.10,lazy_refcounts=on x 1G
create -f qcow2 x
create -f qcow2 -b missing -F raw x
create -f qcow2 -u -b missing -F raw x 1M
create -f qcow2 -u -b missing -F raw x
create -f qcow2 missing/x 1M
create -f qcow2 y 1E
create -f qcow2 y 8E
create -f qcow2 -b
foo
"""


def images():
    for args in ("-f qcow2 a.qcow2 60G", "-f qcow2 -b a.qcow2 -F qcow2 b.qcow2",
                 "-f qcow2 -o compat=0.10,cluster_size=4k c.qcow2 1G", "-f raw r.raw 10M",
                 "-f qcow2 -o preallocation=metadata p.qcow2 20M",
                 "-f qcow2 -u -b missing -F raw u.qcow2 1M"):
        got = run(OURS, "create", *args.split())
        ok(got[0] == 0, f"create {args}", got)
    block = 0x20000  # the first refcount block, 16 bits each
    patch("a.qcow2", "leak.qcow2", (block + 6, ">H", 2))
    patch("a.qcow2", "error.qcow2", (block + 6, ">H", 0))
    patch("a.qcow2", "bad-l1.qcow2", (0x30000, ">Q", 0x40001))
    patch("a.qcow2", "unknown-bit.qcow2", (72, ">Q", 1 << 63))
    patch("a.qcow2", "dirty.qcow2", (72, ">Q", 1))
    patch("a.qcow2", "corrupt.qcow2", (72, ">Q", 2))
    open("truncated.qcow2", "wb").write(open("a.qcow2", "rb").read()[:50])


def alike(line):
    args, name = line.split(), None
    if args[0] == "create" and "x" in args:
        name = "x"
    answers = []
    for program in (DEBIAN, OURS):
        if name and os.path.exists(name):
            os.unlink(name)
        got = list(run(program, *args))
        if name and got[0] == 0 and args[0] == "create":
            info = run(DEBIAN, "info", "--output=json", name)[1]
            got.append(re.sub(r'"actual-size": \d+', "", info))
        answers.append(got)
    ok(answers[0] == answers[1], f"as 7.2: {line}", f"7.2:  {answers[0]}\nours: {answers[1]}")
    if name and os.path.exists(name) and "-u" not in args:
        ok(run(DEBIAN, "check", name)[0] in (0, 63), f"7.2 finds no fault: {line}")


def own_answers():
    expect("version", ["--version"], 0, r"^qemu-img version \d")
    expect("help", ["--help"], 0, "create .*\n.*Supported formats:.* qcow2 raw\n", "")
    expect("help of a command", ["info", "-h"], 0, "usage: qemu-img")
    expect("the tutorial's create", ["create", "-f", "qcow2", "-o", "size=60G", "F"], 0,
           r"^Formatting 'F', fmt=qcow2 cluster_size=65536 .* size=64424509440 ", "")
    expect("a misspelt command", ["chek", "F"], 1, "", r"Command not found: chek.*check")
    expect("a later command", ["rebase", "a"], 1, "", "'rebase' is not supported yet")
    expect("a missing file", ["info", "missing"], 1, "",
           "^qemu-img: Could not open 'missing': No such file or directory\n$")
    expect("a directory", ["info", "/tmp"], 1, "", "must be a regular file")
    expect("another protocol", ["info", "nbd:localhost:10809"], 1, "", "not supported yet")
    expect("options", ["create", "-f", "qcow2", "-o", "help"], 0,
           "^Supported qcow2 options:\n.*cluster_size=<size> *- ", "")
    expect("options, 0.12", ["create", "-f", "qcow2", "-o", "?"], 0, "preallocation=<str>", "")
    expect("base without format", ["create", "-f", "qcow2", "-b", "a.qcow2", "g.qcow2"], 0,
           "backing_fmt=qcow2", "warning: .*detected qcow2")
    os.symlink(OURS, "kvm-img")
    got = run("./kvm-img", "info", "a.qcow2")
    ok(got[0] == 0 and "file format: qcow2" in got[1], "kvm-img is the same program", got)


def converts():
    data = os.urandom(100000) + bytes(300000) + b"text " * 50000 + bytes(1000)
    open("in.raw", "wb").write(data[: len(data) // 512 * 512])
    for args in ("-f raw -O qcow2 in.raw out.qcow2", "-O raw out.qcow2 out.raw",
                 "-f raw -O qcow2 -o cluster_size=512,compat=0.10 in.raw out2.qcow2",
                 "-O raw out2.qcow2 out2.raw"):
        expect(f"convert {args}", ["convert", *args.split()], 0)
    for name in ("out.raw", "out2.raw"):
        ok(open(name, "rb").read() == open("in.raw", "rb").read(), f"{name} is what went in")
    expect("never onto itself", ["convert", "-U", "out.qcow2", "./out.qcow2"], 1, "", "source itself")
    run(OURS, "create", "-q", "-f", "qcow2", "-b", "out.qcow2", "-F", "qcow2", "over.qcow2")
    expect("an image is not its own base", ["create", "-f", "qcow2", "-b", "out.qcow2", "-F", "qcow2", "out.qcow2"],
           1, "", "same filename as the backing file")
    expect("nor its base's base", ["create", "-f", "qcow2", "-b", "over.qcow2", "-F", "qcow2", "out.qcow2"],
           1, "", "same filename as the backing file")
    expect("nor onto its base", ["convert", "over.qcow2", "out.qcow2"], 1, "", "lock")
    ok(os.path.getsize("out.qcow2") > 300000, "which is still there")
    if os.path.exists(DEBIAN):
        run(DEBIAN, "convert", "-c", "-f", "raw", "-O", "qcow2", "in.raw", "packed.qcow2")
        expect("packed by 7.2, unpacked here", ["convert", "-O", "raw", "packed.qcow2", "p.raw"], 0)
        ok(run(DEBIAN, "compare", "-q", "-F", "raw", "packed.qcow2", "p.raw")[0] == 0, "all there")
        ok(run(DEBIAN, "check", "-q", "out2.qcow2")[0] == 0, "7.2 finds no fault in out2.qcow2")


def repairs():
    for name, mode, status in (("leak", "leaks", 0), ("error", "all", 0), ("leak", "all", 0)):
        shutil.copy(f"{name}.qcow2", "fix.qcow2")
        expect(f"-r {mode} repairs {name}", ["check", "-r", mode, "fix.qcow2"], status,
               "were found and repaired:.*Double checking.*No errors were found")
        expect("and is clean then", ["check", "fix.qcow2"], 0, "No errors")
        if os.path.exists(DEBIAN):
            ok(run(DEBIAN, "check", "fix.qcow2")[0] == 0, "7.2 thinks so too")
    shutil.copy("error.qcow2", "fix.qcow2")
    expect("-r leaks leaves errors", ["check", "-r", "leaks", "fix.qcow2"], 2, "1 errors were")
    patch("p.qcow2", "fix.qcow2", (0x10000, ">Q", 0))
    expect("no counts at all", ["check", "fix.qcow2"], 2, "errors were found")
    expect("are written anew", ["check", "-r", "all", "fix.qcow2"], 0, "No errors",
           "Rebuilding refcount structure")
    if os.path.exists(DEBIAN):
        ok(run(DEBIAN, "check", "fix.qcow2")[0] == 0, "7.2 likes them")
    expect("a dirty mark goes", ["check", "-r", "all", "dirty.qcow2"], 0)
    expect("it has gone", ["info", "dirty.qcow2"], 0, r"(?!.*shut down: no)")


def main():
    top = tempfile.mkdtemp(prefix="qemu-img-")
    os.chdir(top)
    images()
    own_answers()
    converts()
    if os.path.exists(DEBIAN) and "version 7.2" in run(DEBIAN, "--version")[1]:
        for line in LINES.splitlines():
            alike(line)
    else:
        ok(True, "answers as 7.2 # SKIP no qemu-img 7.2 in /usr/bin")
    repairs()
    os.chdir("/")
    shutil.rmtree(top)
    print(f"1..{count}")
    return failed != 0


sys.exit(main())
