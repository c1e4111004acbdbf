#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memtest86+ (Debian's package of that name) through its first tests, read from the text screen."""
import glob, os, re, sys, time
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, Skip, run


def screen(g):
    words = re.findall(r"0x([0-9a-f]{2})\b", g.monitor("xp /4000xb 0xb8000"))
    return "".join(chr(int(w, 16)) if 32 <= int(w, 16) < 127 else " " for w in words[::2])


def memtest():
    images = glob.glob(os.environ.get("MEMTEST", "/boot/memtest86+x64.bin"))
    if not images:
        raise Skip("memtest86+ is not installed")
    g = Guest("-m", "24", "-net", "none", "-vga", "std", "-kernel", images[0], guard=240)
    try:
        started = False
        while True:
            text = screen(g)
            if "<Enter> to start" in text and not started:
                g.monitor("sendkey ret")
                started = True
            test = re.search(r"Test #(\d+)", text)
            if test and int(test[1]) >= 2:
                break
            if time.monotonic() > g.end:
                raise TimeoutError(text)
            time.sleep(0.5)
        assert re.search(r"Errors: 0\b", text), text
    finally:
        g.close()


run({"memtest86+ reaches its test 2 without an error": memtest})
