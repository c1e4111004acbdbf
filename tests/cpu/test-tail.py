#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Handlers jump from one to the next: one that calls the next eats a stack frame an instruction.

Looks in the objects of an optimised build for a call through Insn.fn of the next instruction
(offset 40h). Such a handler has to end in NEXT_LOOP.
"""
import glob, os, re, shutil, subprocess, sys

build = os.environ.get("BUILD", "build")
objects = sorted(glob.glob(f"{build}/accel/soft/op-*.o"))
if not shutil.which("objdump") or not objects:
    print("ok 1 - handlers jump # SKIP no objdump or no objects\n1..1")
    sys.exit()
bad, jumps = [], 0
for o in objects:
    name = "?"
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", o], capture_output=True, text=True).stdout
    for line in text.splitlines():
        m = re.match(r"[0-9a-f]+ <(.*)>:", line)
        if m:
            name = m.group(1)
        elif re.search(r"\bcall\s+\*0x40\(", line):
            bad.append(f"{os.path.basename(o)}: {name}")
        elif re.search(r"\bjmp\s+\*", line):
            jumps += 1
if jumps < 100:
    print("ok 1 - handlers jump # SKIP this build returns from handler to handler")
else:
    for b in bad:
        print(f"# {b} calls the next handler: use NEXT_LOOP")
    print(("not ok" if bad else "ok") + " 1 - handlers jump")
print("1..1")
