# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the tutorial's commands share: a network of one's own, images, a terminal."""
import ctypes, fcntl, os, pty, re, select, signal, socket, struct, subprocess, tempfile, time

from guest import Skip, need_guest

BUILD = os.environ["BUILD"]
QEMU = os.path.join(BUILD, "qemu-kvm")
IMG = os.path.join(BUILD, "qemu-img")
TMP = tempfile.TemporaryDirectory(prefix="tutorial-")


def own_network():
    """A network namespace with its loopback: port 5900 is free there whatever else runs."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        raise Skip("no network namespace (root is needed), so VNC's port 5900 may be taken")
    with socket.socket() as s:
        name = struct.pack("16sH22x", b"lo", 0)
        flags = struct.unpack("16sH22x", fcntl.ioctl(s, 0x8913, name))[1]
        fcntl.ioctl(s, 0x8914, struct.pack("16sH22x", b"lo", flags | 1))


def image(name="disk.qcow2", flavour="cloud"):
    """A fresh overlay over the small Linux disk."""
    f = os.path.join(TMP.name, name)
    raw = os.path.join(need_guest(flavour), "disk.raw")
    subprocess.run([IMG, "create", "-q", "-f", "qcow2", "-b", raw, "-F", "raw", f], check=True)
    return f


class Terminal:
    """A command on a terminal of its own (80x25), as its reader would have it."""

    def __init__(self, *cmd, guard=200, env=None):
        self.end, self.text, self.status = time.monotonic() + guard, "", None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.pop("DISPLAY", None)
            os.environ.update(env or {})
            os.execvp(cmd[0], cmd)

    def more(self):
        left = self.end - time.monotonic()
        assert left > 0, f"guard time over; the last of the terminal:\n{self.text[-2000:]}"
        if not select.select([self.fd], [], [], min(left, 1))[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.text += re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", data.decode("utf-8", "replace"))
        return bool(data)

    def expect(self, pattern):
        while True:
            m = re.search(pattern, self.text)
            if m:
                self.text = self.text[m.end():]
                return m
            assert self.more(), f"it ended before '{pattern}':\n{self.text[-2000:]}"

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self):
        while self.more():
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

