# SPDX-License-Identifier: GPL-2.0-or-later
"""A small RFB viewer (RFC 6143): enough to log in, look, and misbehave."""
import base64, os, socket, struct

_PC1 = [57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36, 63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4]
_PC2 = [14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32]
_IP = [58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8, 57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7]
_FP = [40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31, 38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21, 61, 29, 36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27, 34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9, 49, 17, 57, 25]
_E = [32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17, 16, 17, 18, 19, 20, 21, 20, 21, 22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1]
_P = [16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25]
_S = ["e4d12fb83a6c5907 0f74e2d1a6cb9538 41e8d62bfc973a50 fc8249175b3ea06d",
      "f18e6b34972dc05a 3d47f28ec01a69b5 0e7ba4d158c6932f d8a13f42b67c05e9",
      "a09e63f51dc7b428 d709346a285ecbf1 d6498f30b12c5ae7 1ad069874fe3b52c",
      "7de3069a1285bc4f d8b56f03472c1ae9 a690cb7df13e5284 3f06a1d8945bc72e",
      "2c417ab6853fd0e9 eb2c47d150fa3986 421bad78f9c5630e b8c71e2d6f09a453",
      "c1af92680d34e75b af427c9561de0b38 9ef528c3704a1db6 432c95fabe17608d",
      "4b2ef08d3c975a61 d0b7491ae35c2f86 14bdc37eaf680592 6bd814a7950fe23c",
      "d2846fb1a93e50c7 1fd8a374c56b0e92 7b419ce206adf358 21e74a8dfc90356b"]


def _pick(bits, table): return [bits[i - 1] for i in table]
def _bits(b): return [b[i // 8] >> (7 - i % 8) & 1 for i in range(len(b) * 8)]


def des(key, block):
    """DES of one 8-byte block (FIPS 46-3)."""
    k = _pick(_bits(key), _PC1)
    c, d = k[:28], k[28:]
    keys = []
    for r in range(16):
        n = 1 if r in (0, 1, 8, 15) else 2
        c, d = c[n:] + c[:n], d[n:] + d[:n]
        keys.append(_pick(c + d, _PC2))
    x = _pick(_bits(block), _IP)
    left, right = x[:32], x[32:]
    for r in range(16):
        e = [a ^ b for a, b in zip(_pick(right, _E), keys[r])]
        out = []
        for i in range(8):
            six = e[i * 6:i * 6 + 6]
            row, col = six[0] * 2 + six[5], six[1] * 8 + six[2] * 4 + six[3] * 2 + six[4]
            v = int(_S[i].split()[row][col], 16)
            out += [v >> 3 & 1, v >> 2 & 1, v >> 1 & 1, v & 1]
        left, right = right, [a ^ b for a, b in zip(left, _pick(out, _P))]
    y = _pick(right + left, _FP)
    return bytes(sum(y[i * 8 + j] << (7 - j) for j in range(8)) for i in range(8))


assert des(bytes.fromhex("133457799bbcdff1"), bytes.fromhex("0123456789abcdef")).hex() == "85e813540f0ab405"


class WebSocket:
    """A socket inside a WebSocket (RFC 6455), as a browser opens it."""

    def __init__(self, s, protocol="binary", path="/"):
        self.s, self.buf = s, b""
        key = base64.b64encode(os.urandom(16)).decode()
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                  f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n".encode())
        self.answer = b""
        while b"\r\n\r\n" not in self.answer:
            data = s.recv(1)
            if not data:
                raise EOFError(self.answer)
            self.answer += data

    def sendall(self, data, first=0x82):
        mask = os.urandom(4)
        n = len(data)
        length = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n) if n < 65536 \
            else b"\xff" + struct.pack(">Q", n)
        self.s.sendall(bytes([first]) + length + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(data)))

    def exact(self, n):
        out = b""
        while len(out) < n:
            data = self.s.recv(n - len(out))
            if not data:
                raise EOFError("closed inside a frame" if out else "closed")
            out += data
        return out

    def frame(self):
        first, n = self.exact(2)
        if n > 125:
            n = int.from_bytes(self.exact(2 if n == 126 else 8), "big")
        return first & 15, self.exact(n)

    def recv(self, n):
        while not self.buf:
            opcode, self.buf = self.frame()
            if opcode == 8:
                return b""
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def settimeout(self, t):
        self.s.settimeout(t)

    def close(self):
        self.s.close()


class Viewer:
    def __init__(self, where, version=b"RFB 003.008\n", timeout=20, websocket=False):
        if isinstance(where, str):
            self.s = socket.socket(socket.AF_UNIX)
            self.s.settimeout(timeout)
            self.s.connect(where)
        elif isinstance(where, socket.socket):
            self.s = where
            self.s.settimeout(timeout)
        else:
            self.s = socket.create_connection(where, timeout)
        if websocket:
            self.s = WebSocket(self.s)
        self.greeting = self.get(12)
        self.s.sendall(version)

    def get(self, n):
        out = bytearray()
        while len(out) < n:
            data = self.s.recv(min(n - len(out), 1 << 18))
            if not data:
                raise EOFError(f"closed after {len(out)} of {n} bytes")
            out += data
        return bytes(out)

    def login(self, password=None):
        """-> True, or the server's reason. RFB 3.8."""
        types = self.get(self.get(1)[0])
        if password is None:
            assert 1 in types, f"security types {list(types)}"
            self.s.sendall(b"\1")
        else:
            assert 2 in types, f"security types {list(types)}"
            self.s.sendall(b"\2")
            challenge = self.get(16)
            key = bytes(int(f"{c:08b}"[::-1], 2) for c in password.encode()[:8].ljust(8, b"\0"))
            self.s.sendall(des(key, challenge[:8]) + des(key, challenge[8:]))
        if struct.unpack(">I", self.get(4))[0]:
            return self.get(struct.unpack(">I", self.get(4))[0]).rstrip(b"\0").decode()
        return True

    def init(self, shared=1):
        self.s.sendall(bytes([shared]))
        self.w, self.h = struct.unpack(">HH", self.get(4))
        self.format = self.get(16)
        self.name = self.get(struct.unpack(">I", self.get(4))[0]).decode()
        return self

    def encodings(self, *list_):
        self.s.sendall(struct.pack(">BBH", 2, 0, len(list_)) + b"".join(struct.pack(">i", e) for e in list_))

    def request(self, incremental=0, x=0, y=0, w=None, h=None):
        self.s.sendall(struct.pack(">BBHHHH", 3, incremental, x, y, w or self.w, h or self.h))

    def update(self):
        """One FramebufferUpdate of raw and pseudo rectangles: -> [(x, y, w, h, encoding, bytes)]"""
        kind, _, n = struct.unpack(">BBH", self.get(4))
        assert kind == 0, f"message {kind}"
        out = []
        for _ in range(n):
            x, y, w, h, e = struct.unpack(">HHHHi", self.get(12))
            size = {0: w * h * 4, -308: 4, -261: 1, -239: w * h * 4 + (w + 7) // 8 * h, -314: 4 + w * h * 4}
            data = self.get(size.get(e, 0))
            if e == -308:
                data += self.get(16 * data[0])
            if e in (-223, -308) and y == 0:
                self.w, self.h = w, h
            out.append((x, y, w, h, e, data))
        return out

    def find(self, encoding, ask=True):
        """The next rectangle of this encoding -> (x, y, w, h, encoding, bytes)"""
        for _ in range(100):
            for r in self.update():
                if r[4] == encoding:
                    return r
            if ask:
                self.request(1)
        raise AssertionError(f"no rectangle of encoding {encoding}")

    def pointer(self, buttons, x, y):
        self.s.sendall(struct.pack(">BBHH", 5, buttons, x, y))

    def scancode(self, sym, xt, down):
        self.s.sendall(struct.pack(">BBHII", 255, 0, down, sym, xt))

    def press(self, *syms):
        for sym in syms:
            self.key(sym, 1)
        for sym in reversed(syms):
            self.key(sym, 0)

    def key(self, sym, down):
        self.s.sendall(struct.pack(">BBHI", 4, down, 0, sym))

    def close(self):
        self.s.close()
