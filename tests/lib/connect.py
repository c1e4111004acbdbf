# SPDX-License-Identifier: GPL-2.0-or-later
"""A client's connection to a socket that the machine is about to make."""
import socket, time


def connect(where, seconds=60):
    """where: a UNIX socket's path, or (host, port). It may not be there yet, and it is bound before it listens."""
    s = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
    end = time.monotonic() + seconds
    while True:
        try:
            s.connect(where)
            return s
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
