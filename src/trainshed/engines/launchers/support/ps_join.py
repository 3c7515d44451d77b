"""Becomes a worker that the guards of all parameter servers know of.

``ps_join.py HOST:PORT,HOST:PORT… NUMBER -- PROGRAM ARGUMENT…``: opens a connection to each guard and says
the worker's number there. The program inherits the connections, which end with it, however it ends.
"""

import os
import socket
import sys
import time

PATIENCE_S = 600


def join(host: str, port: int, number: str) -> None:
    """Connect to a guard, which starts beside the workers, maybe after them."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            guard = socket.create_connection((host, port), 30)
            break
        except OSError:
            if time.monotonic() > until:
                sys.exit("no parameter server at {}:{}: did its node start?".format(host, port))
            time.sleep(0.1)
    guard.sendall(number.encode() + b"\n")
    os.set_inheritable(guard.detach(), True)


if __name__ == "__main__":
    guards, number, _, *program = sys.argv[1:]
    for guard in guards.split(","):
        host, _, port = guard.rpartition(":")
        join(host, int(port), number)
    os.execv(program[0], program)
