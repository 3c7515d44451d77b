"""What Slurm says about jobs: parsed, and put into words. Pure.

The poll asks for a handful of fields of this user's jobs that have not finished, and then for those by
their numbers that it misses; why not for JSON is in ``docs/decisions``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trainshed.core.task import Cause
from trainshed.pools.base import AgentState, AgentStatus
from trainshed.pools.slurm.reasons import words
from trainshed.pools.slurm.script import parse_comment

FIELDS = "JobID:|,State:|,Reason:|,RestartCnt:|,NodeList:|,Comment:|"
UNFINISHED = ("squeue", "--noheader", "--me", f"--Format={FIELDS}")
ALL = ("squeue", "--noheader", "--me", "--states=all", f"--Format={FIELDS}")

DEPENDENCY = "Dependency"

_WAITING = {
    "PENDING",
    "CONFIGURING",
    "REQUEUED",
    "REQUEUE_HOLD",
    "REQUEUE_FED",
    "SPECIAL_EXIT",
    "RESV_DEL_HOLD",
}
_AT_WORK = {"RUNNING", "COMPLETING", "SUSPENDED", "STAGE_OUT", "SIGNALING", "STOPPED", "RESIZING"}
_ENDS = {
    "CANCELLED": (Cause.STOPPED, "the job was cancelled in Slurm"),
    "TIMEOUT": (Cause.TIMEOUT, "Slurm ended the job at its time limit"),
    "DEADLINE": (Cause.TIMEOUT, "Slurm ended the job at its deadline"),
    "PREEMPTED": (Cause.PREEMPTED, "Slurm ended the job to make room for another one"),
    "NODE_FAIL": (Cause.INFRASTRUCTURE, "a node of the job failed"),
    "BOOT_FAIL": (Cause.INFRASTRUCTURE, "a node of the job did not boot"),
    "REVOKED": (Cause.INFRASTRUCTURE, "the job was moved to another cluster"),
    "OUT_OF_MEMORY": (Cause.USER_ERROR, "Slurm ended the job at its memory limit"),
    "COMPLETED": (Cause.INFRASTRUCTURE, "the job has ended in Slurm and its agent did not say how"),
    "FAILED": (Cause.INFRASTRUCTURE, "the job failed in Slurm and its agent did not say how"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """One job of ours, as Slurm sees it.

    Attributes:
        nodes: Slurm's list of them, such as ``node[1-2]``.
    """

    id: str
    state: str
    reason: str
    restarts: int
    nodes: str
    key: tuple[str, int]

    @property
    def over(self) -> bool:
        """Whether it has ended, or run once and must not again."""
        return self.restarts > 0 or self.state not in _WAITING | _AT_WORK

    @property
    def node_failed(self) -> bool:
        """Whether it has ended because a node did."""
        return self.state in ("NODE_FAIL", "BOOT_FAIL")

    @property
    def waits(self) -> bool:
        """Whether it has no nodes yet."""
        return self.state in _WAITING


def parse(text: str) -> Iterator[SlurmJob]:
    """The jobs in what :data:`ALL` and the like print that are ours."""
    for line in text.splitlines():
        parts = line.split("|")
        if len(parts) < 6 or not parts[0].strip().isdecimal():
            continue
        job_id, state, reason, restarts, nodes, comment = (part.strip() for part in parts[:6])
        if key := parse_comment(comment):
            yield SlurmJob(job_id, state, reason, int(restarts or 0), nodes, key)


def named(ids: Sequence[str]) -> tuple[str, ...]:
    """The command that asks for jobs by their numbers, of which Slurm may know none any more.

    It complains of a single number that it does not know, but of none among several: one is named twice.
    """
    return (
        "squeue",
        "--noheader",
        "--states=all",
        f"--Format={FIELDS}",
        f"--jobs={','.join([ids[0], *ids])}",
    )


def status(job: SlurmJob, index: int) -> AgentStatus:
    """What is known of the agent of one task."""
    if job.over:
        cause, sentence = ended(job)
        return AgentStatus(AgentState.GONE, sentence, cause)
    if job.waits:
        return AgentStatus(AgentState.WAITING, words(job.reason)[0])
    names = expand(job.nodes)
    return AgentStatus(AgentState.RUNNING, node=names[index] if index < len(names) else "")


def unbuilt(job: SlurmJob) -> bool:
    """Whether it has ended because the environment that it waited for could not be built."""
    return job.over and job.reason.startswith(DEPENDENCY)


def ended(job: SlurmJob) -> tuple[Cause, str]:
    """Whose doing the end was, and a sentence."""
    if job.restarts > 0:
        return Cause.INFRASTRUCTURE, f"Slurm job {job.id} was requeued, which ended this run"
    if unbuilt(job):
        return Cause.USER_ERROR, "the environment of the job's engine could not be built"
    cause, sentence = _ENDS.get(job.state, (Cause.INFRASTRUCTURE, f"the job is {job.state} in Slurm"))
    detail = "" if job.reason in ("None", "", "NonZeroExitCode") else f", {job.reason}"
    return cause, f"{sentence} (Slurm job {job.id}{detail})"


def expand(text: str) -> list[str]:
    """Slurm's list of nodes, written out.

    >>> expand("gpu[01-03,7],login,r[1-2]n5")
    ['gpu01', 'gpu02', 'gpu03', 'gpu7', 'login', 'r1n5', 'r2n5']
    """
    found: list[str] = []
    for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text):
        found += _written_out(part)
    return [] if found == ["(null)"] else found


def _written_out(part: str) -> list[str]:
    between = re.match(r"([^\[]*)\[([^\]]*)\](.*)$", part)
    if not between:
        return [part]
    head, ranges, tail = between.groups()
    return [f"{head}{number}{rest}" for number in _numbers(ranges) for rest in _written_out(tail)]


def _numbers(ranges: str) -> Iterator[str]:
    for each in ranges.split(","):
        first, _, last = each.partition("-")
        for number in range(int(first), int(last or first) + 1):
            yield str(number).zfill(len(first))
