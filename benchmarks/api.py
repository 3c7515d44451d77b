"""The service under HTTP: submits a second, list and get with many jobs, and what it takes when idle.

Run:  python benchmarks/api.py [--jobs 100000] [--submits 3000] [--requests 2000] [--database URL]

The service is ``trainshed up`` in a process of its own. One real job is run to its end and copied
into the database until there are ``--jobs``. The submitted jobs only queue, behind one that holds the
machine, so that what is measured is the service. The client speaks HTTP/1.1 over raw sockets, so that
it costs little of the cores that it shares with the service.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from sqlalchemy import insert, select

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.table import Table  # noqa: E402

from trainshed.server.config import Settings  # noqa: E402
from trainshed.server.db.database import Database  # noqa: E402
from trainshed.server.db.tables import jobs  # noqa: E402

ENGINE = "python"
FINISHED = {"Completed", "Failed", "Terminated", "Abnormal"}
SCRIPTS = {"done.py": "print('done')", "hold.py": "import time; time.sleep(3600)"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--submits", type=int, default=3_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--idle", type=float, default=10.0, help="Seconds to watch the idle service.")
    parser.add_argument("--database", default="", help="A PostgreSQL URL; SQLite without it.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder:
        _Bench(Path(folder) / "home", options).run()


class Connection:
    """One kept-alive connection that sends prepared requests and reads whole answers."""

    def __init__(self, endpoint: str, token: str) -> None:
        at = urlsplit(endpoint)
        self._head = f"Host: {at.netloc}\r\nAuthorization: Bearer {token}\r\n"
        self._socket = socket.create_connection((at.hostname, at.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def prepare(self, method: str, path: str, body: Any = None) -> bytes:
        """A request as bytes."""
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "Content-Type: application/json\r\n" if body is not None else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{kind}Content-Length: {len(content)}\r\n\r\n"
        return head.encode() + content

    def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self._socket.sendall(request)
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        head = bytes(data[:end]).lower()
        at = head.index(b"content-length:") + 15
        length = int(head[at : at + 20].split(b"\r\n")[0])
        while len(data) < end + 4 + length:
            data += self._receive()
        return int(head[9:12]), bytes(data[end + 4 :])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer as JSON; anything but 2xx is an error."""
        status, content = self.send(self.prepare(method, path, body))
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {content[:300]!r}")
        return json.loads(content) if content else None

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the service closed the connection")
        return data


class _Bench:
    def __init__(self, home: Path, options: argparse.Namespace) -> None:
        self._home = home
        self._options = options
        self._random = random.Random(0)
        kind = "PostgreSQL" if options.database else "SQLite"
        self._table = Table(
            "api",
            f"The service over HTTP, {options.jobs:,} jobs in the database ({kind})",
            ("what", "p50", "p99", "budget"),
        )

    def run(self) -> None:
        with self._service() as ready:
            template = self._run_one(ready)
        ids = self._fill(template)
        with self._service() as ready:
            self._idle(ready["pid"])
            self._reads(ready, ids)
            self._submits(ready)
        self._table.publish()

    def _service(self) -> AbstractContextManager[dict[str, Any]]:
        return service(self._home, self._options.database)

    def _run_one(self, ready: dict[str, Any]) -> str:
        """Id of a job that has run to its end."""
        connection = Connection(ready["endpoint"], ready["token"])
        base = f"/v2/{ready['project_id']}"
        for name, text in SCRIPTS.items():
            connection.ask("PUT", f"{base}/objects?uri=obs://trainshed/bench/{name}", text.encode())
        made = connection.ask("POST", f"{base}/training-jobs", job("template", "done.py"))
        job_id = str(made["metadata"]["id"])
        _until(lambda: _phase(connection, base, job_id) in FINISHED)
        connection.close()
        return job_id

    def _fill(self, template: str) -> list[str]:
        """Copy the finished job into the database until there are enough; some of the ids."""
        settings = Settings(home=self._home, database_url=self._options.database)
        database = Database(settings.sqlalchemy_url())
        with database.read() as connection:
            row = dict(connection.execute(select(jobs).where(jobs.c.id == template)).mappings().one())
        phases = ("Completed", "Completed", "Completed", "Failed", "Terminated", "Abnormal")
        ids: list[str] = []
        for start in range(0, self._options.jobs - 1, 5_000):
            count = min(5_000, self._options.jobs - 1 - start)
            rows = [
                {
                    **row,
                    "id": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
                    "name": f"filled-{number}",
                    "phase": self._random.choice(phases),
                    "created_at": row["created_at"] - number,
                }
                for number in range(start, start + count)
            ]
            ids += [str(filled["id"]) for filled in rows]
            with database.write() as connection:
                connection.execute(insert(jobs), rows)
        database.close()
        return self._random.sample(ids, min(1_000, len(ids)))

    def _reads(self, ready: dict[str, Any], ids: list[str]) -> None:
        connection = Connection(ready["endpoint"], ready["token"])
        base = f"/v2/{ready['project_id']}"
        search = f"{base}/training-job-searches"
        failed = {"key": "phase", "operator": "in", "value": ["Failed"]}
        like = {"key": "name", "operator": "like", "value": ["filled-77"]}
        far = self._options.jobs // 2
        cases: dict[str, Callable[[int], bytes]] = {
            "get one job": lambda n: connection.prepare("GET", f"{base}/training-jobs/{ids[n % len(ids)]}"),
            "list 20, newest first": lambda _: connection.prepare("POST", search, {"limit": 20}),
            "list 20 failed ones": lambda _: connection.prepare(
                "POST", search, {"limit": 20, "filters": [failed]}
            ),
            "list 20 by part of a name": lambda _: connection.prepare(
                "POST", search, {"limit": 20, "filters": [like]}
            ),
            f"list 20 from {far:,} on": lambda _: connection.prepare(
                "POST", search, {"limit": 20, "offset": far}
            ),
        }
        for what, prepare in cases.items():
            times = _timed(connection, (prepare(n) for n in range(self._options.requests)))
            budget = "p99 10 ms" if what.startswith(("get", "list 20, newest")) else None
            self._table.add(f"{what}, ms", _percentile(times, 50), _percentile(times, 99), budget)
        connection.close()

    def _submits(self, ready: dict[str, Any]) -> None:
        """As many submits at once as there are connections, behind a job that holds the machine."""
        connection = Connection(ready["endpoint"], ready["token"])
        base = f"/v2/{ready['project_id']}"
        flavors = connection.ask("GET", f"{base}/training-job-flavors")["flavors"]
        whole = max(flavors, key=lambda flavor: flavor["flavor_info"]["cpu"]["core_num"])["flavor_id"]
        holder = connection.ask("POST", f"{base}/training-jobs", job("holder", "hold.py", whole))["metadata"][
            "id"
        ]
        _until(lambda: _phase(connection, base, holder) == "Running")
        each = self._options.submits // self._options.connections
        times: list[float] = []
        lock = threading.Lock()

        def submit(worker: int) -> None:
            own = Connection(ready["endpoint"], ready["token"])
            bodies = (job(f"submit-{worker}-{n}", "done.py", whole) for n in range(each))
            requests = [own.prepare("POST", f"{base}/training-jobs", body) for body in bodies]
            start.wait()
            found = _timed(own, requests, expected=201)
            own.close()
            with lock:
                times.extend(found)

        start = threading.Barrier(self._options.connections + 1)
        workers = [threading.Thread(target=submit, args=(n,)) for n in range(self._options.connections)]
        for worker in workers:
            worker.start()
        server = psutil.Process(ready["pid"])
        start.wait()
        began, cpu = time.perf_counter(), _cpu(server)
        for worker in workers:
            worker.join()
        seconds, cpu = time.perf_counter() - began, _cpu(server) - cpu
        self._table.add("submits a second", len(times) / seconds, None, "500")
        self._table.add("submit, ms", _percentile(times, 50), _percentile(times, 99), None)
        self._table.add("submit, ms of the service's CPU", cpu / len(times) * 1e3, None, None)
        self._table.notes.append(f"Submits: {self._options.connections} connections at once.")
        connection.ask(
            "POST", f"{base}/training-jobs/{holder}/actions", {"action_type": "terminate", "force": True}
        )
        _until(lambda: _phase(connection, base, holder) in FINISHED)
        connection.close()

    def _idle(self, pid: int) -> None:
        """Memory and CPU of the service and all its helpers, while nothing happens."""
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        time.sleep(2)
        before = sum(_cpu(process) for process in processes)
        time.sleep(self._options.idle)
        used = sum(_cpu(process) for process in processes) - before
        memory = sum(process.memory_full_info().pss for process in processes) / 1e6
        own = psutil.Process(pid).memory_info().rss / 1e6
        self._table.add("idle service, MB (proportional)", memory, None, "150")
        self._table.add("idle service, MB (resident, server alone)", own, None, None)
        self._table.add("idle service, % of a core", used / self._options.idle * 100, None, "1")


@contextmanager
def service(home: Path, database: str) -> Generator[dict[str, Any]]:
    """``trainshed up``, until the end of the block."""
    command = [sys.executable, "-m", "trainshed.cli", "up", "--json", "--home", str(home), "--port", "0"]
    shared = os.environ.get("TRAINSHED_ENVIRONMENTS", str(ROOT / ".cache" / "environments"))
    variables = {**os.environ, "TRAINSHED_ENVIRONMENTS": shared, "TRAINSHED_DATABASE_URL": database}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=variables, text=True)
    try:
        assert process.stdout is not None
        yield {**json.loads(process.stdout.readline()), "pid": process.pid}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def job(name: str, boot_file: str, flavor: str = "") -> dict[str, Any]:
    """A request for a job."""
    return {
        "kind": "job",
        "metadata": {"name": name},
        "algorithm": {
            "code_dir": "obs://trainshed/bench/",
            "boot_file": boot_file,
            "engine": {"engine_id": ENGINE},
            "parameters": [{"name": "lr", "value": "0.1"}, {"name": "epochs", "value": "3"}],
        },
        "spec": {"resource": {"flavor_id": flavor, "node_count": 1}},
    }


def _timed(connection: Connection, requests: Iterable[bytes], expected: int = 200) -> list[float]:
    """Milliseconds of each request."""
    times: list[float] = []
    for request in requests:
        began = time.perf_counter()
        status, content = connection.send(request)
        times.append((time.perf_counter() - began) * 1e3)
        if status != expected:
            raise RuntimeError(f"{status}: {content[:300]!r}")
    return times


def _percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _phase(connection: Connection, base: str, job_id: str) -> str:
    return connection.ask("GET", f"{base}/training-jobs/{job_id}")["status"]["phase"]


def _until(condition: Callable[[], bool], seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the service did not get there in time")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
