"""What the agent has seen and done, on disk before anything depends on it.

Two kinds of lines: events, which go to the server in their order, and facts, which only a
recovering agent needs. Every line is one write, so that the death of the agent leaves whole lines
(and at most one torn one, which is dropped on opening).
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from typing import Any

from trainshed.core.task import EventKind, Stage, TaskEvent
from trainshed.core.wire import from_wire, to_wire

DELIVERED = "delivered"


class Journal:
    """The journal of one task's attempt.

    Safe to write from several threads. A disk that is full does not stop the task: what could
    not be written is kept in memory only, and :attr:`lossy` says so.

    Attributes:
        events: all events so far; the index is the event's ``seq``.
        facts: the latest value of every fact.
        fd: the open file.
    """

    def __init__(self, path: str) -> None:
        self.events: list[TaskEvent] = []
        self.facts: dict[str, Any] = {}
        self.lossy = False
        self._lock = threading.Lock()
        self.fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self.fd).st_size:
            self._load()

    def _load(self) -> None:
        with os.fdopen(os.dup(self.fd), "rb") as file:
            file.seek(0)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(self.fd, whole)
        for line in data[:whole].splitlines():
            entry = json.loads(line)
            if "event" in entry:
                self.events.append(from_wire(TaskEvent, entry["event"]))
            else:
                self.facts[entry["fact"]] = entry["value"]

    def event(
        self,
        stage: Stage,
        kind: EventKind,
        message: str = "",
        *,
        duration: float = 0.0,
        detail: dict[str, Any] | None = None,
    ) -> TaskEvent:
        """Note that something happened; it is the server's to know."""
        with self._lock:
            event = TaskEvent(
                len(self.events), time.time(), stage, kind, message, round(duration, 6), detail or {}
            )
            self._write({"event": to_wire(event)})
            self.events.append(event)
        return event

    def fact(self, name: str, value: Any) -> None:
        """Note something for an agent that may have to go on from here."""
        with self._lock:
            self._write({"fact": name, "value": value})
            self.facts[name] = value

    def find(self, stage: Stage, kind: EventKind) -> TaskEvent | None:
        """The event of this kind in this stage, if it happened."""
        return next((e for e in self.events if e.stage is stage and e.kind is kind), None)

    def _write(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        try:
            written = os.write(self.fd, line)
        except OSError:
            written = 0
        if written < len(line):
            self.lossy = True
            if written:
                with contextlib.suppress(OSError):
                    os.ftruncate(self.fd, os.fstat(self.fd).st_size - written)

    def close(self) -> None:
        """No more entries."""
        os.close(self.fd)
