"""Runs a parameter server for as long as any worker of the job is there.

``ps_guard.py HOST:PORT WORKERS -- PROGRAM ARGUMENT…``. A parameter server never ends by itself, and the
workers of other nodes may need it for longer than those of its own. Each worker holds a connection to
this address for as long as it lives (``ps_join.py``); once all of them have come and gone, the
server is ended and this program has done its work. If the server ends first, its exit code is the answer.
"""

import os
import select
import signal
import socket
import subprocess
import sys

PERIOD_S = 0.5
GRACE_S = 5


class Workers:
    """Which workers have come, and which of them are still there."""

    def __init__(self, address: "tuple[str, int]", count: int) -> None:
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(address)
        self.listener.listen(1024)
        self.waited_for = set(range(count))
        self.there: "dict[socket.socket, bytes]" = {}

    def are_gone(self) -> bool:
        """Look for a moment; true once all have been there and none is any more."""
        ready, _, _ = select.select([self.listener, *self.there], [], [], PERIOD_S)
        for each in ready:
            if each is self.listener:
                worker, _ = self.listener.accept()
                worker.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                self.there[worker] = b""
            else:
                self.hear(each)
        return not self.waited_for and not self.there

    def hear(self, worker: socket.socket) -> None:
        """A worker says its number on a line, and later nothing more."""
        try:
            said = worker.recv(64)
        except OSError:
            said = b""
        self.there[worker] += said
        if not said:
            del self.there[worker]
            worker.close()
        elif b"\n" in self.there[worker]:
            number = self.there[worker].partition(b"\n")[0]
            self.waited_for.discard(int(number) if number.isdigit() else -1)


def guard(server: "subprocess.Popen[bytes]", workers: Workers) -> int:
    """Wait for the first end of either side; returns the exit code."""
    while not workers.are_gone():
        code = server.poll()
        if code is not None:
            return code
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
    address, count, _, *program = sys.argv[1:]
    host, _, port = address.rpartition(":")
    workers = Workers((host, int(port)), int(count))
    started: "list[subprocess.Popen[bytes]]" = []

    def pass_on(*_: object) -> None:
        """A stop is the server's too."""
        for server in started:
            server.terminate()

    signal.signal(signal.SIGTERM, pass_on)
    started.append(subprocess.Popen(program))
    code = guard(started[0], workers)
    os._exit(code if code >= 0 else 128 - code)  # at once: a stop may still come, and is no news now
