"""Connects to the job's process manager, then becomes the given program, one rank of MPI.

``pmi_join.py HOST:PORT SECONDS -- PROGRAM ARGUMENT…``; the key is in ``TRAINSHED_PMI_KEY``.
MPI finds the connection in ``PMI_FD``.
"""

import os
import socket
import sys
import time


def connect(host: str, port: int, seconds: float) -> "socket.socket | None":
    """A connection to the process manager, which may start later than its ranks."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while time.monotonic() < deadline:
        try:
            connection = socket.create_connection((host, port), 5)
        except OSError:
            time.sleep(pause)
            pause = min(0.25, pause * 1.5)
            continue
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    return None


if __name__ == "__main__":
    address, limit, _, *program = sys.argv[1:]
    name, _, number = address.rpartition(":")
    joined = connect(name, int(number), float(limit))
    if joined is None:
        sys.exit("no process manager at " + address + " within " + limit + " s: did the first node start?")
    joined.sendall(os.environ.pop("TRAINSHED_PMI_KEY").encode() + b"\n")
    if joined.recv(3) != b"ok\n":
        sys.exit("the process manager at " + address + " refused this rank")
    os.set_inheritable(joined.fileno(), True)
    os.environ["PMI_FD"] = str(joined.fileno())
    os.execv(program[0], program)
