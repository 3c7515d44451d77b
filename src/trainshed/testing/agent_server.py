"""A real HTTP server that speaks the agent protocol, strictly, and remembers everything."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

# Processes are found by the name of their task, so each worker of the tests has its own.
JOB = f"job-{os.getpid()}"

_PATH = re.compile(
    r"/agent/v1/jobs/([^/]+)/attempts/(\d+)/tasks/(\d+)/(events|metrics|heartbeat|logs/([\w.-]+))"
)
TOKEN = "job-token"  # noqa: S105 of tests


class TaskRecord:
    """What one task reported."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.logs: dict[str, bytearray] = {}
        self.samples: dict[float, dict[str, Any]] = {}
        self.training: dict[int, dict[str, Any]] = {}
        self.beats: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []
        self.over = False
        self.full = ""
        self.requests = 0
        self.log_at_finish: dict[str, int] = {}

    @property
    def log(self) -> bytes:
        return bytes(self.logs.get("task", b""))

    def kinds(self, *wanted: str) -> list[tuple[str, str]]:
        return [(e["stage"], e["kind"]) for e in self.events if not wanted or e["kind"] in wanted]

    @property
    def outcome(self) -> dict[str, Any] | None:
        return next((e["detail"] for e in self.events if e["kind"] == "finished"), None)


class Server:
    """Starts, stops and starts again on another port, as a service does that was killed.

    Attributes:
        faults: sentences about everything that an agent did against the protocol.
        endpoint_file: where it says its endpoint.
    """

    def __init__(self, folder: Path) -> None:
        self.endpoint_file = folder / "endpoint.json"
        self.tasks: dict[tuple[str, int, int], TaskRecord] = {}
        self.faults: list[str] = []
        self.changed = threading.Condition()
        self.answer_first: Callable[[str, str], int | None] = lambda _method, _path: None
        self._http: _Http | None = None
        self.endpoint = ""

    def start(self) -> None:
        server = self

        class Handler(_Handler):
            owner = server

        self._http = _Http(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._http.server_address[1]}"
        temporary = self.endpoint_file.with_suffix(".new")
        temporary.write_text(json.dumps({"endpoint": self.endpoint, "pid": 1}))
        temporary.replace(self.endpoint_file)
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http.drop()
            self._http = None

    def task(self, job: str = JOB, attempt: int = 0, index: int = 0) -> TaskRecord:
        return self.tasks.setdefault((job, attempt, index), TaskRecord())

    def wait(self, what: Callable[[], Any], timeout: float = 90.0) -> Any:
        """Wait until ``what()`` is true; looked at whenever something arrives."""
        until = time.monotonic() + timeout
        with self.changed:
            while not (found := what()):
                left = until - time.monotonic()
                assert left > 0, f"not seen in {timeout} s; {self.describe()}"
                self.changed.wait(left)
            return found

    def describe(self) -> str:
        return "; ".join(f"{k}: {t.kinds()} log {t.log[-300:]!r}" for k, t in self.tasks.items())

    def fault(self, text: str) -> None:
        self.faults.append(text)


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        self.open: set[Any] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def drop(self) -> None:
        for each in list(self.open):
            with contextlib.suppress(OSError):
                each.shutdown(2)


class _Handler(BaseHTTPRequestHandler):
    owner: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self._handle("POST")

    def do_PUT(self) -> None:
        self._handle("PUT")

    def _handle(self, method: str) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        if len(body) != length:
            return
        if status := self.owner.answer_first(method, self.path):
            code = {"error_code": "TrainShed.1001"} if status == 400 else {}  # the others are a proxy's
            return self._send(status, {**code, "error_msg": "made to fail"})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.owner.fault(f"{self.path} without the token")
            return self._send(401, {"error_code": "TrainShed.2004", "error_msg": "token"})
        parts = urlsplit(self.path)
        found = _PATH.fullmatch(parts.path)
        if found is None:
            self.owner.fault(f"unknown path {self.path}")
            return self._send(404, {"error_code": "TrainShed.4006", "error_msg": "route"})
        with self.owner.changed:
            task = self.owner.task(found[1], int(found[2]), int(found[3]))
            task.requests += 1
            if found[5]:
                status, answer = self._log(task, found[5], int(parse_qs(parts.query)["offset"][0]), body)
            else:
                status, answer = getattr(self, "_" + found[4])(task, json.loads(body))
            self.owner.changed.notify_all()
        self._send(status, answer)

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def _log(self, task: TaskRecord, stream: str, offset: int, data: bytes) -> tuple[int, dict[str, Any]]:
        log = task.logs.setdefault(stream, bytearray())
        if len(data) > 4 << 20:
            self.owner.fault(f"{len(data)} bytes of log at once")
        if offset > len(log):
            return 409, {"error_code": "TrainShed.5004", "size": len(log)}
        known = len(log) - offset
        if bytes(log[offset:][: len(data)]) != data[:known]:
            self.owner.fault(f"log {stream} at {offset}: other bytes than before")
        if task.outcome is not None and data[known:]:
            self.owner.fault(f"log {stream} grew after the task had finished")
        log += data[known:]
        return 200, {"size": len(log)}

    def _events(self, task: TaskRecord, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        sizes: dict[str, int] = {}
        for piece in body.get("logs", []):
            status, answer = self._log(task, piece["stream"], piece["offset"], b64decode(piece["data"]))
            sizes[piece["stream"]] = answer["size"]
            if status != 200:
                return status, {"error_code": "TrainShed.5004", "sizes": sizes}
        for event in body["events"]:
            seq = event["seq"]
            if seq > len(task.events):
                return 409, {"error_code": "TrainShed.5004", "next_seq": len(task.events)}
            if seq == len(task.events):
                if task.outcome is not None:
                    self.owner.fault(f"event {event} after the last")
                task.events.append(event)
                if event["kind"] == "finished":
                    task.log_at_finish = {k: len(v) for k, v in task.logs.items()}
            elif task.events[seq] != event:
                self.owner.fault(f"event {seq} is another one now: {task.events[seq]} / {event}")
        return 200, {"next_seq": len(task.events), "sizes": sizes}

    def _metrics(self, task: TaskRecord, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        for sample in body["samples"]:
            task.samples[sample["time"]] = sample
        for metric in body["training"]:
            known = task.training.setdefault(metric["seq"], metric)
            if known != metric and known["value"] == known["value"]:
                self.owner.fault(f"metric {metric['seq']} is another one now: {known} / {metric}")
        return 200, {}

    def _heartbeat(self, task: TaskRecord, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        task.beats.append(body)
        return 200, {"commands": task.commands, "over": task.over, "full": task.full}
