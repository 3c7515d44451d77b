"""Outputs: synced while the script runs, and completed at every end, whatever it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from trainshed.agent import contract
from trainshed.agent.stages.base import Work, amount
from trainshed.core.errors import TrainshedError, Unavailable
from trainshed.core.job import ChannelBinding
from trainshed.core.log_names import task_log
from trainshed.core.task import Stage, TaskSpec

if TYPE_CHECKING:
    from trainshed.storage import CopyReport
    from trainshed.storage.sync import OutputSync, SyncNote

_TRY_FOR_S = 300.0
_PAUSES_S = (1.0, 3.0, 10.0, 30.0)


def needed(task: TaskSpec) -> bool:
    """Whether there is anything to store."""
    return bool(task.outputs) or bool(task.log_uri)


class Syncs:
    """The syncs of all output channels. Cheap until they are started."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._syncs: list[tuple[ChannelBinding, OutputSync]] = []

    def start(self) -> None:
        """Begin to sync, in the background; the script runs."""
        for _, sync in self._made():
            sync.start()

    def _made(self) -> list[tuple[ChannelBinding, OutputSync]]:
        from trainshed.storage.sync import OutputSync

        if not self._syncs:
            self._syncs = [
                (
                    channel,
                    OutputSync(
                        self._work.places.host(contract.output_dir(self._work.task, index)),
                        channel.uri,
                        self._work.buckets,
                        name=self._work.task.name,
                        state_file=f"{self._work.places.run}/output-{index}.state",
                        on_note=self._teller(channel.name),
                        closed=self._closed(channel.uri),
                    ),
                )
                for index, channel in enumerate(self._work.task.outputs)
            ]
        return self._syncs

    def _closed(self, uri: str) -> Callable[[], str]:
        """Why nothing may be stored there: a quota of storage is on the buckets that are folders."""
        from trainshed.storage import parse_uri

        bucket = parse_uri(uri).bucket
        counted = self._work.task.buckets.get(bucket, {}).get("kind") == "folder"
        reporter = self._work.reporter
        return (lambda: reporter.full) if counted else (lambda: "")

    def _teller(self, name: str) -> Callable[[SyncNote], None]:
        """Failures are told once, until something was stored again."""
        failing = False

        def tell(note: SyncNote) -> None:
            nonlocal failing
            if note.failed and not failing:
                self._work.note(Stage.OUTPUTS, f"{name}: {note.message}")
            failing = note.failed

        return tell

    def finish(self) -> str:
        """Store all that is there; what was stored, for people.

        Raises:
            TrainshedError: an output could not be stored; it is still on the node.
        """
        files = length = 0
        for channel, sync in self._made():
            report = self._finish_one(channel, sync)
            files, length = files + report.files, length + report.bytes
            for i, warning in enumerate(report.warnings):
                self._work.log.line(f"output-{channel.name}-{i}", f"{channel.name}: {warning}")
        self._export_log()
        return amount(files, length)

    def _finish_one(self, channel: ChannelBinding, sync: OutputSync) -> CopyReport:
        """Try for a while: the script's work must not be lost to a store that is away for a minute."""
        until = time.monotonic() + _TRY_FOR_S
        pauses = iter(_PAUSES_S)
        while True:
            try:
                return sync.finish(
                    progress=self._work.progress(Stage.OUTPUTS, channel.name), cancel=self._work.halt.cancel
                )
            except Unavailable as error:
                if time.monotonic() > until or self._work.halt.force:
                    raise
                self._work.note(Stage.OUTPUTS, f"{channel.name}: {error.message}; trying again")
                time.sleep(next(pauses, _PAUSES_S[-1]))

    def _export_log(self) -> None:
        """Copy the logs to where the job wants them for good, under ModelArts' names."""
        task = self._work.task
        if not task.log_uri:
            return
        folder = task.log_uri.rstrip("/")
        devices = self._work.journal.facts.get("launch", {}).get("devices", {})
        for name, theirs in (("task.log", task_log(task.job_id, task.name)), *devices.items()):
            if os.path.exists(f"{self._work.places.log}/{name}"):
                self._work.buckets.upload(f"{self._work.places.log}/{name}", f"{folder}/{theirs}")

    def close(self) -> None:
        """Stop syncing."""
        for _, sync in self._syncs:
            try:
                sync.close()
            except TrainshedError:
                continue
