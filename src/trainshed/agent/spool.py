"""Numbers on their way to the server, kept on disk until it has them."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from trainshed.core.task import MetricSample, TrainingMetric
from trainshed.core.wire import from_wire, to_wire

_BATCH = 2000
_COMPACT_BYTES = 256 * 1024


class Spool:
    """Resource samples and training metrics that the server does not have yet.

    After the death of the agent the next one sends some again, which is harmless.

    Attributes:
        state: of the :class:`~trainshed.agent.metrics.Picker` when it last found something.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.state: dict[str, Any] = {}
        self._samples: list[MetricSample] = []
        self._training: list[TrainingMetric] = []
        self._fd = -1
        self._load()

    def __len__(self) -> int:
        return len(self._samples) + len(self._training)

    def _load(self) -> None:
        try:
            with open(self._path, "rb") as file:
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return
        for line in lines:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                self._samples += [from_wire(MetricSample, item) for item in entry["samples"]]
                self._training += [TrainingMetric(*item) for item in entry["training"]]
                self.state = entry["state"] or self.state

    def add(self, samples: list[MetricSample], training: list[TrainingMetric], state: dict[str, Any]) -> None:
        """Keep these until they have been sent."""
        self.state = state or self.state
        self._samples += samples
        self._training += training
        self._append(samples, training, state)

    def batch(self) -> dict[str, Any]:
        """What to send next."""
        return {
            "samples": [to_wire(s) for s in self._samples[:_BATCH]],
            "training": [to_wire(m) for m in self._training[:_BATCH]],
        }

    def sent(self, batch: dict[str, Any]) -> None:
        """The server has this batch."""
        del self._samples[: len(batch["samples"])]
        del self._training[: len(batch["training"])]
        if not len(self) and self._fd >= 0 and os.fstat(self._fd).st_size > _COMPACT_BYTES:
            self._compact()

    def _compact(self) -> None:
        """Start the file anew with nothing but the picker's state."""
        temporary = f"{self._path}.new"
        fresh = os.open(temporary, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.close(self._fd)
        self._fd = fresh
        self._append([], [], self.state)
        os.rename(temporary, self._path)

    def _append(
        self, samples: list[MetricSample], training: list[TrainingMetric], state: dict[str, Any]
    ) -> None:
        entry = {
            "samples": [to_wire(s) for s in samples],
            "training": [[m.seq, m.time, m.name, m.step, m.value] for m in training],
            "state": state,
        }
        with contextlib.suppress(OSError):  # a full disk: kept in memory only
            if self._fd < 0:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                self._fd = os.open(self._path, flags, 0o600)
            os.write(self._fd, json.dumps(entry, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
