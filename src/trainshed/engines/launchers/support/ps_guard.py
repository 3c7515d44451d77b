"""Runs a parameter server for as long as any worker of the job is there.

``ps_guard.py HOST:PORT,HOST:PORT… -- PROGRAM ARGUMENT…``. A parameter server never ends by itself,
and the workers of other nodes may need it for longer than those of its own. Each worker listens at
its address while it works; once all of them have been seen there and are gone, the server is ended
and this program has done its work. If the server ends first, its exit code is the answer.
"""

import signal
import socket
import subprocess
import sys

PERIOD_S = 0.5
GONE_AFTER = 6
GRACE_S = 5


class Worker:
    """One worker as seen from here: not yet there, there, or gone."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))
        self.seen = False
        self.missed = 0

    def is_gone(self) -> bool:
        """Look once; true once it has been there and is not any more."""
        try:
            socket.create_connection(self.address, 2).close()
        except ConnectionRefusedError:
            self.missed += 1
        except OSError:
            return False  # slow or out of reach, which is not gone
        else:
            self.seen = True
            self.missed = 0
        return self.seen and self.missed >= GONE_AFTER


def guard(server: "subprocess.Popen[bytes]", workers: "list[Worker]") -> int:
    """Wait for the first end of either side; returns the exit code."""
    while workers:
        try:
            return server.wait(PERIOD_S)
        except subprocess.TimeoutExpired:
            workers = [worker for worker in workers if not worker.is_gone()]
    end(server)
    return 0


def end(server: "subprocess.Popen[bytes]") -> None:
    """Ask, then make it."""
    server.terminate()
    try:
        server.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    addresses, _, *program = sys.argv[1:]
    started: "list[subprocess.Popen[bytes]]" = []

    def pass_on(*_: object) -> None:
        """A stop is the server's too."""
        for server in started:
            server.terminate()

    signal.signal(signal.SIGTERM, pass_on)
    started.append(subprocess.Popen(program))
    code = guard(started[0], [Worker(address) for address in addresses.split(",")])
    sys.exit(code if code >= 0 else 128 - code)
