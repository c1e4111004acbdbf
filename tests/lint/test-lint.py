#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of docs/architecture.md and docs/style.md that a machine can check."""
import os, re, shlex, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

src, build = os.environ["SRC"], os.environ["BUILD"]
files = subprocess.run(["git", "-C", src, "ls-files", "*.c", "*.h", "*.S", "*.def"],
                       capture_output=True, text=True).stdout.split()
if not files:  # a tarball
    files = [os.path.relpath(os.path.join(d, f), src) for d, _, fs in os.walk(src) for f in fs
             if f.endswith((".c", ".h", ".S", ".def"))]
text = {f: open(os.path.join(src, f), encoding="utf-8").read() for f in files
        if os.path.exists(os.path.join(src, f))}
product = [f for f in text if not f.startswith("tests/")]
number = 0


def report(name, problems):
    global number
    number += 1
    print(f"{'not ok' if problems else 'ok'} {number} - {name}")
    for p in problems[:40]:
        print(f"# {p}")


# ---- layers: who may include whom (docs/architecture.md, section 3) ----
FRONT = {"block/block.h", "block/drive.h", "chardev/chardev.h", "net/net.h", "ui/console.h", "ui/keymap.h", "ui/input.h"}
MAY = {
    "util": {"util"},
    "core": {"util", "core"},
    "accel": {"util", "core", "accel"},
    "block": {"util", "core", "block"},
    "net": {"util", "core", "net"},
    "chardev": {"util", "core", "chardev"},
    "ui": {"util", "core", "ui", "chardev"},
    "hw": {"util", "core", "hw"},
    "migration": {"util", "core", "accel", "block", "net", "chardev", "ui", "migration"},
    "monitor": {"util", "core", "accel", "block", "net", "chardev", "ui", "monitor"},
    "tools": {"util", "core", "block", "tools"},
}
bad = []
for f in product:
    top = f.split("/")[0]
    if top not in MAY:
        continue
    for inc in re.findall(r'^\s*#\s*include "([^"]+)"', text[f], re.M):
        other = inc.split("/")[0]
        if "/" not in inc:
            if inc not in ("config.h", "qemu-options.def"):
                bad.append(f'{f}: "{inc}" does not name its folder')
        elif inc == "core/types.h" and top == "util":
            pass  # names of structs only
        elif other not in MAY[top] and not (top == "hw" and inc in FRONT):
            bad.append(f"{f}: {top} may not include {inc}")
        if inc.endswith("-int.h") and os.path.dirname(inc) != os.path.dirname(f):
            bad.append(f"{f}: {inc} is private to its folder")
report("layers", bad)

# ---- only system/ and tools/ end the process ----
bad = [f"{f}:{text[f][:m.start()].count(chr(10)) + 1}: {m[0]}" for f in product
       if f.endswith(".c") and f.split("/")[0] not in ("system", "tools", "tests") and not f.startswith("hw/pc/rom/")
       for m in re.finditer(r"\b(?:_?exit|abort)\s*\(", text[f])
       if not re.match(r"\s*(?:\*|//|/\*)", text[f][text[f].rfind(chr(10), 0, m.start()) + 1:])]
report("no exit outside system/ and tools/", bad)

# ---- every file says its licence ----
report("SPDX line", [f for f in product if "SPDX-License-Identifier: GPL-2.0-or-later" not in text[f][:300]])

# ---- what a merge leaves behind, and scripts that the shell cannot read ----
tracked = subprocess.run(["git", "-C", src, "ls-files"], capture_output=True, text=True).stdout.split("\n")
tracked = [f for f in tracked if f and os.path.isfile(os.path.join(src, f))]
bad = [f for f in tracked
       if re.search(rb"^(?:<{7} |>{7} |={7}$)", open(os.path.join(src, f), "rb").read(), re.M)]
for f in ["quickstart", "configure", "tests/guest/mkguest", ".ci/run"]:
    if subprocess.run(["sh", "-n", os.path.join(src, f)], capture_output=True).returncode:
        bad.append(f"{f}: sh -n")
report("no conflict markers, scripts parse", bad)

# ---- one style where a machine can see it ----
bad = []
for f in product:
    off = False
    for n, line in enumerate(text[f].split("\n"), 1):
        off = (off or "clang-format off" in line) and "clang-format on" not in line
        if "\t" in line and not f.endswith(".S"):
            bad.append(f"{f}:{n}: tab")
        if line != line.rstrip():
            bad.append(f"{f}:{n}: white space at the end")
        if len(line) > 100 and not off and not f.endswith((".def", ".S")):
            bad.append(f"{f}:{n}: {len(line)} columns")
        if re.search(r"\b(?:TODO|FIXME|XXX)\b(?!\))", line) and not re.search(r"(?:OPT|CMD)_TODO|\bTODO\b\s*[,:|]|\| *TODO", line):
            bad.append(f"{f}:{n}: bare TODO")
report("white space, width, TODO", bad)

# ---- every header compiles alone ----
flags = shlex.split(subprocess.run(
    ["make", "-s", "-C", build, "print-cflags"], capture_output=True, text=True).stdout)


def alone(h):
    p = subprocess.run(["gcc", *flags, "-fsyntax-only", "-x", "c", "-"], input=f'#include "{h}"\n', text=True,
                       capture_output=True, cwd=build)
    return None if p.returncode == 0 else f"{h}: {(p.stderr.strip().splitlines() or ['?'])[0]}"


headers = [f for f in product if f.endswith(".h") and not f.startswith("hw/pc/rom/")]
with ThreadPoolExecutor(2) as pool:
    report("every header compiles alone", [b for b in pool.map(alone, headers) if b])
print(f"1..{number}")
