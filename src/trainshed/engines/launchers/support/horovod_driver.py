"""Leads an elastic Horovod job: Horovod's own driver, with hosts of ours instead of ssh.

``horovod_driver.py HOST RENDEZVOUS_PORT HOSTS_PORT NODES SLOTS LEAST``. Needs Horovod, so that it runs
with the packages of the engine.

Each slot of a host is a host of its own to Horovod, with one slot: when a worker fails Horovod shuts out
its whole host for good, and a host that has lost a slot would renumber the others. A slot whose
worker failed comes back after a pause, under a new name, and then a new worker is started in it. Newer
slots come after older ones in Horovod's order, so that rank 0 is always one that knows the state.

``PUT /trainshed/workers`` with ``{"workers": 3}`` says how many slots are offered from now on; the last
ones go first. The workers hear of it when they next commit. One that is not needed any more ends with
code 134, or as it likes.
"""

# pyright: basic, reportMissingImports=false
from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from typing import Any, BinaryIO, Callable

from horovod.runner.elastic.discovery import HostDiscovery, HostManager
from horovod.runner.elastic.driver import ElasticDriver
from horovod.runner.elastic.rendezvous import create_rendezvous_handler
from horovod.runner.gloo_run import create_slot_env_vars
from horovod.runner.http.http_server import RendezvousHTTPServer, RendezvousServer

SECRET = "TRAINSHED_ELASTIC_SECRET"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0
LOOK_S = 0.1
HELLO_S = 10


def say(text: str) -> None:
    """A line in the job's log."""
    print("[elastic] " + text, flush=True)


class Slots(HostDiscovery):
    """Which slots there are, oldest first; what Horovod calls a host is one of them."""

    def __init__(self, wanted: int) -> None:
        self.lock = threading.Lock()
        self.wanted = wanted
        self.order: list[str] = []
        self.places: dict[str, tuple[Host, int]] = {}
        self.pauses: dict[str, float] = {}
        self.returning: list[tuple[float, str]] = []
        self.is_shut_out: Callable[[str], bool] = lambda _: False
        self.failures: dict[tuple[Host, int], int] = {}

    def add(self, place: tuple[Host, int]) -> None:
        """A place for a worker: a connection to its host, and the slot there."""
        with self.lock:
            self._add(place)

    def _add(self, place: tuple[Host, int]) -> None:
        host, slot = place
        count = self.failures.get(place, 0)
        name = "{}-slot-{}".format(host.name, slot) + (".{}".format(count) if count else "")
        self.places[name] = place
        self.order.append(name)

    def failed(self, name: str) -> float:
        """The worker in a slot has failed; the slot comes back, later each time.

        Not before Horovod has shut it out: then the others go on without it.
        """
        with self.lock:
            place = self.places[name]
            count = self.failures[place] = self.failures.get(place, 0) + 1
            pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (count - 1))
            self.pauses[name] = pause
        return pause

    def lost(self, host: Host) -> None:
        """A host is gone, with all its slots."""
        with self.lock:
            gone = {name for name in self.order if self.places[name][0] is host}
            self.order = [name for name in self.order if name not in gone]
            self.pauses = {name: pause for name, pause in self.pauses.items() if name not in gone}
            self.returning = [(at, name) for at, name in self.returning if name not in gone]

    def find_available_hosts_and_slots(self) -> dict[str, int]:
        """For Horovod: names, each with one slot."""
        now = time.monotonic()
        with self.lock:
            for name in [name for name in self.pauses if self.is_shut_out(name)]:
                self.returning.append((now + self.pauses.pop(name), name))
            for at, name in list(self.returning):
                if at <= now:
                    self.returning.remove((at, name))
                    self.order.remove(name)
                    self._add(self.places[name])
            away = {*self.pauses, *(name for _, name in self.returning)}
            able = [name for name in self.order if name not in away]
            # one whose worker has just failed stays until Horovod itself has shut it out
            return {name: 1 for name in self.order if name in able[: self.wanted] or name in away}


class Host:
    """A connection to the program that starts workers on a host."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self.connection, self.name = connection, name
        self.lock = threading.Lock()
        self.waiting: dict[int, Ending] = {}

    def tell(self, message: dict[str, object]) -> None:
        """Send it an order."""
        try:
            with self.lock:
                self.connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass

    def listen(self, lines: BinaryIO, on_lost: Callable[[Host], None]) -> None:
        """Hear how workers end, for as long as the host is there."""
        try:
            for line in lines:
                told = json.loads(line.decode())
                self.waiting.pop(told["exit"]).put(told["code"])
        except (OSError, ValueError):
            pass
        on_lost(self)
        for ending in list(self.waiting.values()):
            ending.put(1)


class Ending:
    """How a worker ended, once it has."""

    def __init__(self) -> None:
        self.event, self.code = threading.Event(), 1

    def put(self, code: int) -> None:
        """It has."""
        self.code = code
        self.event.set()


class Job:
    """The hosts, the driver, and what has failed."""

    def __init__(self, address: str, ports: tuple[int, int], nodes: int, slots: int, least: int) -> None:
        self.address, self.ports, self.nodes, self.size = address, ports, nodes, nodes * slots
        self.hosts: list[Host] = []
        self.slots = Slots(self.size)
        self.count = 0
        self.first_failed: Host | None = None
        self.mutex = threading.Lock()
        self.gather(os.environ.pop(SECRET, ""))
        keep_order(self.slots)
        rendezvous = Rendezvous(address, ports[0])
        self.driver = ElasticDriver(rendezvous, self.slots, least, self.size)
        self.slots.is_shut_out = lambda name: not self.driver.has_rank_assignment(name, 0)
        rendezvous.start(self.handler())

    def gather(self, secret: str) -> None:
        """Wait for all hosts, in the order of their slots."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self.ports[1]))
        listener.listen(1024)
        found: dict[int, tuple[Host, int, BinaryIO]] = {}
        while len(found) < self.nodes:
            connection, _ = listener.accept()
            connection.settimeout(HELLO_S)
            lines = connection.makefile("rb")
            try:
                hello = json.loads(lines.readline(4096).decode())
                known = hello["secret"] == secret
            except (OSError, ValueError, KeyError, TypeError):
                known = False
            if not known:
                connection.close()
                continue
            connection.settimeout(None)
            node = hello["node"]
            found[node] = (Host(connection, "worker-{}".format(node)), hello["slots"], lines)
        listener.close()
        self.hosts = [host for host, _, _ in found.values()]
        for slot in range(max(slots for _, slots, _ in found.values())):
            for node in sorted(found):
                host, slots, _ = found[node]
                if slot < slots:
                    self.slots.add((host, slot))
        for host, _, lines in found.values():
            threading.Thread(target=host.listen, args=(lines, self.slots.lost), daemon=True).start()

    def handler(self) -> type[Any]:
        """Horovod's rendezvous, and our own word to it."""
        slots, largest = self.slots, self.size

        class Handler(create_rendezvous_handler(self.driver)):
            def _put_value(self, scope: str, key: str, value: bytes) -> None:
                if (scope, key) == ("trainshed", "workers"):
                    slots.wanted = max(1, min(largest, int(json.loads(value.decode())["workers"])))
                    say("{} workers from now on".format(slots.wanted))
                else:
                    super()._put_value(scope, key, value)

        return Handler

    def work(self, slot_info: Any, events: list[threading.Event]) -> tuple[int, float]:
        """Have a worker started, and wait for its end: exit code and time."""
        host, slot = self.slots.places[slot_info.hostname]
        env = create_slot_env_vars(slot_info)
        env.update(HOROVOD_ELASTIC="1", HOROVOD_CONTROLLER="gloo", HOROVOD_CPU_OPERATIONS="gloo")
        env.update(HOROVOD_GLOO_RENDEZVOUS_ADDR=self.address)
        env.update(HOROVOD_GLOO_RENDEZVOUS_PORT=str(self.ports[0]))
        ending = Ending()
        with self.mutex:
            self.count += 1
            number = self.count
        host.waiting[number] = ending
        host.tell({"start": number, "slot": slot, "env": env})
        say("{} starts as rank {} of {}".format(slot_info.hostname, slot_info.rank, slot_info.size))
        while not ending.event.wait(LOOK_S):
            if any(event.is_set() for event in events):
                host.tell({"kill": number})
        self.ended(slot_info.hostname, host, ending.code)
        return ending.code, time.time()

    def ended(self, name: str, host: Host, code: int) -> None:
        """Say it, and have the slot come back if it was needed."""
        how = "was killed by signal {}".format(-code) if code < 0 else "ended with exit code {}".format(code)
        if not self.driver.has_rank_assignment(name, 0) or name not in self.slots.order:
            say("{} is not needed any more and {}".format(name, how))
        elif code and not self.driver.finished():
            pause = self.slots.failed(name)
            self.first_failed = self.first_failed or host
            say(
                "{} {}; another one takes its place, {:.0f} s after the rest goes on".format(name, how, pause)
            )

    def run(self) -> int:
        """All of it; the exit code of the job."""
        self.driver.start(self.size, self.work)
        results = self.driver.get_results()
        self.driver.stop()
        if results.error_message:
            say(results.error_message)
        codes = [code for code, _ in sorted(results.worker_results.values(), key=lambda result: result[1])]
        bad = [code for code in codes if code]
        code = bad[0] if bad else 0 if codes and not results.error_message else 1
        return 128 - code if code < 0 else code

    def end(self, code: int) -> None:
        """Have all hosts end, the one first whose worker failed first."""
        first = self.first_failed if code else None
        for host in sorted(self.hosts, key=lambda host: host is not first):
            host.tell({"end": code})


class Rendezvous(RendezvousServer):
    """On the job's own address and port."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__()
        self.where = (address, port)

    def start(self, handler_cls: type[Any]) -> int:
        """Listen."""
        server = type("Server", (RendezvousHTTPServer,), {"request_queue_size": 1024, "daemon_threads": True})
        self._httpd = server(self.where, handler_cls, False)
        self._listen_thread = threading.Thread(target=self._httpd.serve_forever, daemon=True)
        self._listen_thread.start()
        return self.where[1]


def main() -> int:
    """Run."""
    address, rendezvous, hosts, nodes, slots, least = sys.argv[1:7]
    job = Job(address, (int(rendezvous), int(hosts)), int(nodes), int(slots), int(least))
    code = 1
    try:
        code = job.run()
    except Exception as error:
        say("{}: {}".format(type(error).__name__, error))
    job.end(code)
    return code


def keep_order(slots: Slots) -> None:
    """Have Horovod number new hosts in our order: it takes them out of a set."""

    def order(available: set[str], before: list[str]) -> list[str]:
        known = [name for name in before if name in available]
        return known + [name for name in slots.order if name in available and name not in known]

    HostManager.order_available_hosts = staticmethod(order)


if __name__ == "__main__":
    code = main()
    time.sleep(1)  # let the hosts end first
    os._exit(code)
