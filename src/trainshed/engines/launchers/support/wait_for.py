"""Waits until somebody listens at an address, then becomes the given program.

``wait_for.py HOST:PORT SECONDS -- PROGRAM ARGUMENT…``
"""

import os
import socket
import sys
import time


def wait(host: str, port: int, seconds: float) -> bool:
    """Whether ``host:port`` accepted a connection within ``seconds``."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), 5).close()
        except OSError:
            time.sleep(pause)
            pause = min(0.25, pause * 1.5)
        else:
            return True
    return False


if __name__ == "__main__":
    address, limit, _, *program = sys.argv[1:]
    name, _, number = address.rpartition(":")
    if not wait(name, int(number), float(limit)):
        sys.exit("nobody answered at " + address + " within " + limit + " s: did the first node start?")
    os.execv(program[0], program)
