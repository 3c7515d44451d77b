"""Inputs: what the input channels name comes to the node, and outputs that a script goes on from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainshed.agent import contract
from trainshed.agent.stages.base import Work, amount
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.job import ChannelBinding
from trainshed.core.task import Stage, TaskSpec

if TYPE_CHECKING:
    from trainshed.storage import ObjectCache


def needed(task: TaskSpec) -> bool:
    """Whether there is anything to fetch."""
    return bool(task.inputs) or any(channel.predownload for channel in task.outputs)


def run(work: Work) -> str:
    """Fetch them.

    Raises:
        InvalidInput: an input is missing or empty.
        Forbidden, Unavailable: one could not be fetched.
    """
    total_files = total_bytes = 0
    files: dict[str, str] = {}
    for index, channel in enumerate(work.task.inputs):
        kind = work.buckets.kind(channel.uri)
        if not kind:
            raise InvalidInput(
                f"the input {channel.name} has nothing at {channel.uri}; check its path",
                code=Code.INPUT_MISSING,
            )
        if kind == "file":
            files[channel.name] = channel.uri.rpartition("/")[2]
        count, length = _fetch(
            work, channel, contract.input_dir(work.task, index), _room(work.task, total_bytes)
        )
        if count == 0:
            raise InvalidInput(f"the input {channel.name} is empty: {channel.uri}", code=Code.INPUT_EMPTY)
        total_files, total_bytes = total_files + count, total_bytes + length
    for index, channel in enumerate(work.task.outputs):
        if channel.predownload and work.buckets.exists(channel.uri):
            directory = contract.output_dir(work.task, index)
            count, length = _fetch(work, channel, directory, _room(work.task, total_bytes))
            total_files, total_bytes = total_files + count, total_bytes + length
    work.journal.fact("files", files)
    return amount(total_files, total_bytes)


def _room(task: TaskSpec, taken: int) -> int:
    """What the flavor's disk leaves for more; 0 where it is not limited."""
    return max(1, (task.disk_gb << 30) - taken) if task.disk_gb else 0


def _fetch(work: Work, channel: ChannelBinding, directory: str, room: int) -> tuple[int, int]:
    """Fetch one channel, which may take ``room`` bytes; how many files and bytes it has."""
    from trainshed.storage import CopyOptions

    report = work.buckets.download(
        channel.uri,
        work.places.host(directory),
        progress=work.progress(Stage.INPUTS, channel.name),
        options=CopyOptions(cancel=work.halt.cancel, cache=_cache(work.task), room=room),
    )
    for i, warning in enumerate(report.warnings):
        work.log.line(f"input-{channel.name}-{i}", f"{channel.name}: {warning}")
    return report.total_files, report.total_bytes


def _cache(task: TaskSpec) -> ObjectCache | None:
    """What was downloaded on this node before, beside the environments; only what comes from a server."""
    from trainshed.storage import ObjectCache

    remote = any(settings.get("kind") != "folder" for settings in task.buckets.values())
    if not remote or not task.environments_dir:
        return None
    try:
        return ObjectCache(f"{task.environments_dir}/.objects")
    except OSError:
        return None
