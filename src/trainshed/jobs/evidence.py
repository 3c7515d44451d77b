"""Why a cluster's scheduler ended a job, from what it wrote into the job's own output.

Slurm keeps what it knows of a finished job for minutes only, but it tells the job itself in words
before it ends it, and those stay: ``*** JOB 11 ON node0 CANCELLED AT … DUE TO TIME LIMIT ***``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from trainshed.core.task import Cause, Stage, TaskOutcome

OUT_OF_MEMORY = "out_of_memory"
_TAIL = 64 << 10

_MEMORY = re.compile(
    r"exceeded (?:job |step )?memory limit|oom[-_ ]kill|out of memory handler", re.IGNORECASE
)
_CANCELLED = re.compile(r"\*\*\* (?:JOB|STEP) \S+ ON \S+ CANCELLED AT \S+(?: DUE TO ([A-Z ]+))?")
_CAUSES = {
    "TIME LIMIT": (Cause.TIMEOUT, "Slurm ended the job at its time limit"),
    "PREEMPTION": (Cause.PREEMPTED, "Slurm ended the job to make room for another one"),
    "NODE FAILURE": (Cause.INFRASTRUCTURE, "Slurm ended the job because a node failed"),
    "JOB REQUEUE": (Cause.INFRASTRUCTURE, "the job was requeued in Slurm, which ended this run"),
    "": (Cause.STOPPED, "the job was cancelled in Slurm"),
}


def explain(text: str, stage: Stage, time: float, *, alive: bool = False) -> TaskOutcome | None:
    """How the scheduler says that it ended the job; None where it says nothing of the kind.

    Args:
        alive: an agent asks that was told to stop, so if a node failed it was another one.

    >>> text = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-02T03:04:05 DUE TO TIME LIMIT ***"
    >>> explain(text, Stage.RUN, 0.0).cause.value
    'timeout'
    """
    if found := _MEMORY.search(text):
        said = text[text.rfind("\n", 0, found.start()) + 1 :].partition("\n")[0].rpartition("error: ")[2]
        words = f"Slurm ended the job because it used more memory than its flavor has ({said.strip()})"
        return TaskOutcome(Cause.USER_ERROR, stage, words, OUT_OF_MEMORY, None, 9, failed_at=time)
    reasons = [found[1] or "" for found in _CANCELLED.finditer(text)]
    if not reasons:
        return None
    reason = next(filter(None, reasons), "").strip()
    if reason == "NODE FAILURE" and alive:
        return TaskOutcome(Cause.STOPPED, stage, "stopped because another node failed", failed_at=time)
    cause, words = _CAUSES.get(reason, (Cause.INFRASTRUCTURE, f"Slurm ended the job: {reason.lower()}"))
    return TaskOutcome(cause, stage, words, failed_at=time)


def read(path: str) -> str:
    """The end of the scheduler's words in the file ``path``; empty where there are none."""
    try:
        with Path(path).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
