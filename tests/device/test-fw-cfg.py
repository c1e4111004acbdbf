#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fw_cfg, the ACPI and SMBIOS tables and -kernel as the firmware sees them."""
import os, shutil, struct, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from qtest import Machine, FwCfg, check, same, skip, main

REFERENCE = os.environ.get("QTEST_REFERENCE")
tmp = tempfile.mkdtemp()


def by_port(m, key, n):
    m.outw(0x510, key)
    return bytes(m.inb(0x511) for _ in range(n))


def items():
    m = Machine("-m", "96", "-smp", "3", "-uuid", "00112233-4455-6677-8899-aabbccddeeff")
    f = FwCfg(m)
    same(by_port(m, 0, 6), b"QEMU\0\0", "signature by port, zeros behind it")
    same(by_port(m, 1, 4), b"\3\0\0\0", "id: ports and DMA")
    same(f.item(2, 16).hex(), "00112233445566778899aabbccddeeff", "uuid")
    same(struct.unpack("<Q", f.item(3, 8))[0], 96 << 20, "memory size")
    same(f.item(5, 2), b"\3\0", "processors")
    same(f.item(0x777, 4), bytes(4), "an unknown item reads as zeros")
    same(m.inl(0x514), int.from_bytes(b"QEMU", "little"), "the DMA register names itself")
    e = f.file("etc/e820")
    rows = [struct.unpack("<QQI", e[i:i + 20]) for i in range(0, len(e), 20)]
    check((0, 96 << 20, 1) in rows, "e820: memory below 4 GiB", rows)
    same(f.file("etc/system-states")[0], 0x80, "system states")
    m.close()


def hostile():
    m = Machine("-m", "64")
    f = FwCfg(m)
    files = f.files()
    key, size = files["etc/e820"]
    same(f.dma(key << 16 | 8 | 0x10, size, f.BUF) & 1, 1, "writing a read-only file fails")
    same(f.dma(8 | 2, 4, 0xf0000000) & 1, 1, "reading into nowhere fails")
    same(f.dma(key << 16 | 8 | 4, 0xffffffff, 0), 0, "skipping past the end")
    same(f.dma(4, 0xffffffff, 0), 0, "and again")
    same(f.item(0, 4), b"QEMU", "works afterwards")
    m.outl(0x514, 0xffffffff)
    m.outl(0x518, 0xffffffff)
    same(f.item(0, 4), b"QEMU", "survives a request outside memory")
    f.dma(0xffff << 16 | 0x1f, 16, f.REQ - 8)
    f.dma(8 | 2, 0x100, f.REQ)
    same(f.item(0, 4), b"QEMU", "survives a request that overwrites itself")
    m.close()


def tables(f):
    """-> the tables with sums and pointers as the firmware's loader makes them, by signature"""
    data = {n: bytearray(f.file(n)) for n in ("etc/acpi/tables", "etc/acpi/rsdp")}
    base = {"etc/acpi/tables": 0x100000, "etc/acpi/rsdp": 0xf0000}
    script = f.file("etc/table-loader")
    for i in range(0, len(script), 128):
        c = script[i:i + 128]
        cmd = struct.unpack("<I", c[:4])[0]
        name = c[4:60].split(b"\0")[0].decode()
        if cmd == 2:
            src = c[60:116].split(b"\0")[0].decode()
            off, n = struct.unpack("<IB", c[116:121])
            v = int.from_bytes(data[name][off:off + n], "little") + base[src]
            data[name][off:off + n] = v.to_bytes(n, "little")
        elif cmd == 3:
            at, start, n = struct.unpack("<III", c[60:72])
            data[name][at] = 0
            data[name][at] = -sum(data[name][start:start + n]) & 255
    return data, base["etc/acpi/tables"]


def acpi():
    m = Machine("-m", "64", "-smp", "2")
    data, base = tables(FwCfg(m))
    t, rsdp = data["etc/acpi/tables"], data["etc/acpi/rsdp"]

    def table(addr):
        at = addr - base
        n = struct.unpack("<I", t[at + 4:at + 8])[0]
        return bytes(t[at:at + n])

    same(bytes(rsdp[:8]), b"RSD PTR ", "RSDP")
    same(sum(rsdp) & 255, 0, "RSDP's sum")
    rsdt = table(struct.unpack("<I", rsdp[16:20])[0])
    same(rsdt[:4], b"RSDT", "RSDT where RSDP says")
    found = {}
    for i in range(36, len(rsdt), 4):
        x = table(struct.unpack("<I", rsdt[i:i + 4])[0])
        found[x[:4].decode()] = x
    check({"FACP", "APIC"} <= set(found), "FADT and MADT", sorted(found))
    facs, dsdt = struct.unpack("<II", found["FACP"][36:44])
    same(table(facs)[:4], b"FACS", "FACS where FADT says")
    same(facs % 64, 0, "FACS is aligned")
    found["DSDT"] = table(dsdt)
    found["RSDT"] = rsdt
    for name, x in sorted(found.items()):
        same(sum(x) & 255, 0, f"{name}'s sum")
    pos, lapics = 44, []
    while pos < len(found["APIC"]):
        kind, n = found["APIC"][pos:pos + 2]
        if kind == 0:
            lapics.append(found["APIC"][pos + 3])
        pos += n
    same(lapics, [0, 1], "MADT names both processors")
    if not shutil.which("iasl"):
        skip("iasl", "acpica-tools is not installed")
    else:
        for name, x in found.items():
            path = os.path.join(tmp, name.lower())
            open(path + ".dat", "wb").write(x)
            p = subprocess.run(["iasl", "-d", path + ".dat"], capture_output=True, text=True)
            check("Error" not in p.stdout + p.stderr and os.path.exists(path + ".dsl"),
                  f"iasl reads {name}", p.stdout, p.stderr)
        p = subprocess.run(["iasl", "-p", os.path.join(tmp, "again"), os.path.join(tmp, "dsdt.dsl")],
                           capture_output=True, text=True)
        check(" 0 Errors" in p.stdout, "iasl compiles the DSDT again", p.stdout[-600:])
    m.close()


def smbios():
    m = Machine("-m", "64", "-uuid", "00112233-4455-6677-8899-aabbccddeeff")
    f = FwCfg(m)
    d, anchor = f.file("etc/smbios/smbios-tables"), f.file("etc/smbios/smbios-anchor")
    i, kinds = 0, {}
    while i < len(d):
        n = d[i + 1]
        end = d.index(b"\0\0", i + n)
        kinds[d[i]] = (d[i:i + n], d[i + n:end].split(b"\0"))
        i = end + 2
    same(i, len(d), "structures end with the file")
    same(struct.unpack("<H", anchor[22:24])[0], len(d), "the anchor knows their length")
    check({1, 3, 4, 16, 17, 19, 32, 127} <= set(kinds), "types", sorted(kinds))
    same(kinds[1][1][0], b"QEMU", "manufacturer")
    same(kinds[1][1][1], b"Standard PC (i440FX + PIIX, 1996)", "product")
    same(kinds[1][0][8:24].hex(), "33221100554477668899aabbccddeeff", "uuid in its own order")
    m.close()


def bzimage(path, code=b"kernel" * 1000):
    setup = bytearray(5 * 512)
    setup[0x1f1] = 4
    setup[0x1fe:0x200] = b"\x55\xaa"
    setup[0x202:0x206] = b"HdrS"
    setup[0x206:0x208] = b"\x0f\x02"
    setup[0x211] = 1
    setup[0x22c:0x230] = struct.pack("<I", 0x37ffffff)
    setup[0x238:0x23c] = struct.pack("<I", 2047)
    open(path, "wb").write(setup + code)
    return code


def kernel():
    path, rd = os.path.join(tmp, "bz"), os.path.join(tmp, "rd")
    code = bzimage(path)
    open(rd, "wb").write(b"initrd" * 777)
    m = Machine("-m", "64", "-kernel", path, "-initrd", rd, "-append", "a=b c")
    f = FwCfg(m)
    u32 = lambda key: struct.unpack("<I", f.item(key, 4))[0]
    same(f.item(0x11, u32(8)), code, "kernel")
    same(f.item(0x12, u32(0xb)), b"initrd" * 777, "initial RAM disk")
    same(f.item(0x15, u32(0x14)), b"a=b c\0", "command line")
    setup = f.item(0x18, u32(0x17))
    same(struct.unpack("<I", setup[0x228:0x22c])[0], u32(0x13), "header: command line")
    same(struct.unpack("<II", setup[0x218:0x220]), (u32(0xa), u32(0xb)), "header: RAM disk")
    check(u32(0xa) + u32(0xb) < 64 << 20, "the RAM disk is in memory")
    check(f.file("bootorder").startswith(b"/rom@genroms/linuxboot"), "boots first")
    name = f.file("bootorder").split(b"\n")[0].rstrip(b"\0").decode()[len("/rom@"):]
    rom = f.file(name)
    same(rom[:2], b"\x55\xaa", "ROM signature")
    if not REFERENCE:
        same(rom[2] * 512, len(rom), "ROM size")
        same(sum(rom) & 255, 0, "ROM sum")
        pnp = rom[struct.unpack("<H", rom[0x1a:0x1c])[0]:][:32]
        same((pnp[:4], sum(pnp) & 255), (b"$PnP", 0), "PnP header")
    m.close()


def video_mode():
    path = os.path.join(tmp, "bz-vga")
    bzimage(path)
    for append, mode in (("quiet", 0), ("vga=788", 788), ("a vga=0x314 b", 0x314), ("vga=01424", 788), ("vga=normal", 0xffff),
                         ("vga=ext", 0xfffe), ("vga=ask", 0xfffd), ("vga=1 vga=2", 2), ("xvga=3 vga=nosuch vga=65536", 0)):
        m = Machine("-m", "64", "-kernel", path, "-append", append)
        f = FwCfg(m)
        size = struct.unpack("<I", f.item(0x17, 4))[0]
        same(struct.unpack("<H", f.item(0x18, size)[0x1fa:0x1fc])[0], mode, f"header: video mode of '{append}'")
        m.close()


def refused(what, *args):
    if REFERENCE:
        return
    m = Machine(*args)
    try:
        m.inb(0x80)
        check(False, what, "it ran")
    except EOFError:
        text = m.errors()
        same((len(text.splitlines()), m.p.wait()), (1, 1), what)
        print("# " + text.strip())


def bad_kernels():
    path = os.path.join(tmp, "bad")
    for what, data in (("empty", b""), ("text", b"hello" * 400), ("ELF", b"\177ELF" + bytes(4000)),
                       ("multiboot", bytes(64) + struct.pack("<I", 0x1badb002) + bytes(4000))):
        open(path, "wb").write(data)
        refused(f"-kernel: {what}", "-kernel", path)
    bzimage(path)
    data = open(path, "rb").read()
    open(path, "wb").write(data[:1500])
    refused("-kernel: cut off in its setup code", "-kernel", path)
    bzimage(path)
    refused("-append: too long", "-kernel", path, "-append", "x" * 3000)
    refused("-initrd without -kernel", "-initrd", path)
    refused("-kernel: no such file", "-kernel", path + "x")
    open(path + "rd", "wb").truncate(100 << 20)
    refused("-initrd: larger than memory", "-m", "64", "-kernel", path, "-initrd", path + "rd")


try:
    main(items, hostile, acpi, smbios, kernel, video_mode, bad_kernels)
finally:
    shutil.rmtree(tmp)
