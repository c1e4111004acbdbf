#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""accel/kvm on a real KVM: the host's, or, where there is none, that of a guest of Debian's QEMU,
whose TCG emulates AMD's SVM: the same test runs in there with --inside. The guest ring3 (see
ring3/ring3.c) runs on the software accelerator too."""
import os, re, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import GUESTS, Guest, Skip, need_guest, run

SRC = os.environ["SRC"]
INSIDE = "--inside" in sys.argv
TMP = tempfile.TemporaryDirectory(prefix="kvm-")
STEPS = ["ring3", "pic", "ioapic", "timer", "ipi", "processors", "intx", "level", "msix"]


def ring3_image():
    image = os.environ.get("RING3") or os.path.join(TMP.name, "ring3.bin")
    if not os.path.exists(image):
        src = os.path.join(SRC, "tests/guest/ring3")
        subprocess.run(["gcc", *"""-m64 -Os -ffreestanding -fno-pic -no-pie -mno-red-zone -mgeneral-regs-only
            -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -Wall -Wextra -Werror
            -nostdlib -static -Wl,--build-id=none""".split(), "-Wl,-T," + os.path.join(src, "ring3.ld"), "-o",
                        image, os.path.join(src, "start.S"), os.path.join(src, "ring3.c")], check=True)
    return image


def bare(*args, accel, guard=240):
    """A machine whose port E9h is what Guest reads."""
    return Guest("-nodefaults", "-m", "32", "-chardev", "stdio,id=e9", "-device", "isa-debugcon,chardev=e9",
                 *args, accel=accel, serial="none", guard=guard)


def ring3(accel, device="virtio-rng-pci"):
    def test():
        g = bare("-smp", "2", "-bios", ring3_image(), "-device", device, accel=accel)
        try:
            for turn in range(2):
                for step in STEPS:
                    g.expect(rf"ok {step}\n")
                g.expect("done\n")
                g.monitor("stop")
                registers = g.monitor("info registers")
                assert re.search(r"CPL=3", registers) and re.search(r"CS =0023 0000000000000000", registers), registers
                g.monitor("cont")
                g.monitor("system_reset")
        finally:
            g.close()
    return test


def firmware(accel):
    def test():
        """SeaBIOS says so when there is nothing; and boots a sector that prints."""
        # cli; cld; xor ax,ax; mov ds,ax; mov si,text; next: lodsb; test al,al; jz end; out E9h,al; jmp next;
        # end: mov al,10h; out F4h,al; hlt
        code = bytes.fromhex("fafc31c08ed8be177cac84c07404e6e9ebf7b010e6f4f4") + b"sector here\n\0"
        disk = os.path.join(TMP.name, "disk")
        with open(disk, "wb") as f:
            f.write((code.ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0"))
        g = bare("-drive", f"file={disk},format=raw", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", accel=accel)
        try:
            g.expect("sector here\n")
            assert g.wait() == 0x21, g.errors()
        finally:
            g.close()
        g = bare("-vga", "std", "-boot", "n", accel=accel)
        try:
            screen = ""
            while "No bootable device" not in screen:
                words = re.findall(r"0x([0-9a-f]{2})", g.monitor("xp /4000xb 0xb8000"))
                screen = bytes(int(w, 16) for w in words[::2]).decode("latin-1")
        finally:
            g.close()
    return test


def linux(accel):
    return lambda: boot_linux(accel)


def boot_linux(accel):
    if not hardware():
        raise Skip("this KVM has neither VMX nor SVM under it")
    d = need_guest("cloud")
    command = "cat /sys/devices/system/clocksource/clocksource0/current_clocksource; nproc; dmesg | grep -i kvm-clock".encode().hex()
    g = Guest("-cpu", "host", "-smp", "2", "-m", "256", "-vga", "none", "-no-reboot", "-kernel", f"{d}/vmlinuz", "-initrd", f"{d}/initrd.gz",
              "-append", f"console=ttyS0 quiet noroot run=cmd cmd={command}", accel=accel, guard=400)
    try:
        g.expect(r"kvm-clock\r?\n2\r?\n")
        assert g.wait() == 0
    finally:
        g.close()


def hardware():
    return bool(re.search(r"\b(vmx|svm)\b", open("/proc/cpuinfo").read()))


def fits():
    """-> why this machine's KVM cannot be used, or None"""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError as e:
        return f"/dev/kvm: {e.strerror}"
    return None


ON_KVM = {
    "kvm: ring 3, interrupt chips, virtqueue": ring3("kvm"),
    "kvm, split: ring 3, interrupt chips, virtqueue": ring3("kvm,kernel-irqchip=split"),
    "kvm, user: ring 3, interrupt chips, virtqueue": ring3("kvm,kernel-irqchip=off"),
    "kvm: a doorbell that exits": ring3("kvm", "virtio-rng-pci,ioeventfd=off"),
    "kvm: firmware and a boot sector": firmware("kvm"),
    "kvm: Linux with two processors, -cpu host": linux("kvm"),
}
if os.environ.get("LONG"):
    ON_KVM |= {
        "kvm, split: Linux with two processors, -cpu host": linux("kvm,kernel-irqchip=split"),
        "kvm, user: Linux with two processors, -cpu host": linux("kvm,kernel-irqchip=off"),
        "kvm, split: firmware and a boot sector": firmware("kvm,kernel-irqchip=split"),
        "kvm, user: firmware and a boot sector": firmware("kvm,kernel-irqchip=off"),
    }


def nested():
    """-> {test: (passed, why)} from inside"""
    program = "/usr/bin/qemu-system-x86_64"
    d = need_guest("amd64")
    if not os.path.exists(program):
        raise Skip("no /dev/kvm here, and no qemu-system-x86 to nest one (apt-get install qemu-system-x86)")
    initrd = os.path.join(TMP.name, "nested.gz")
    subprocess.run([os.path.join(SRC, "tests/guest/mknested"), d, initrd], check=True)
    job = (f"export PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/dev/shm SRC={SRC} BUILD={os.environ['BUILD']} "
           f"GUESTS={os.path.abspath(GUESTS)} RING3={ring3_image()} LONG={os.environ.get('LONG', '')}; python3 {os.path.abspath(__file__)} --inside </dev/null")
    # one processor: QEMU 7.2 loses a timer of two under SVM
    g = Guest("-cpu", "max", "-smp", "1", "-m", "2000", "-nodefaults", "-no-reboot", "-kernel", f"{d}/vmlinuz", "-initrd", initrd,
              "-append", f"console=ttyS0 quiet loglevel=1 mitigations=off job={job.encode().hex()}", "-fsdev",
              "local,id=f,path=/,security_model=none,readonly=on,multidevs=remap", "-device",
              "virtio-9p-pci,fsdev=f,mount_tag=host", "-device", "virtio-rng-pci",
              program=[program], guard=800)
    try:
        text = ""
        while "NESTED-END" not in text:
            text += g.expect(r"(?s).*\n")[0]
    finally:
        g.close()
    found = {}
    for line in text.replace("\r", "").split("\n"):
        m = re.match(r"(not )?ok \d+ - (.*)", line)
        if m:
            name = m[2]
            found[name] = [not m[1], ""]
        elif found and line.startswith("# "):
            found[name][1] += line[2:] + "\n"
    return found or {"": [False, text[-1000:]]}


def through_nested():
    """The tests of ON_KVM, each judged by what the nested run said of it."""
    result = {}

    def judge(name):
        def test():
            if not result:
                try:
                    result.update(nested())
                except Skip as e:
                    result["skip"] = e
            if "skip" in result:
                raise result["skip"]
            ok, why = result.get(name) or result.get("", [False, "it did not run"])
            assert ok, why
        return test
    return {name: judge(name) for name in ON_KVM}


SOFT = {"tcg: ring 3, interrupt chips, virtqueue": ring3("tcg")}
if INSIDE:
    run(ON_KVM)
else:
    run({**SOFT, **(through_nested() if fits() else ON_KVM)})
