"""Tries out whether jobs could run on a partition, before a pool on it is opened and whenever asked.

What can be seen from here comes first: the partition, the shared folder, whether Slurm would take jobs.
Then a small job of its own, on a few nodes at once, tells what the nodes see (``probe``).
"""

from __future__ import annotations

import functools
import json
import shlex
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from trainshed.core.errors import Code, TrainshedError, Unavailable
from trainshed.core.resources import Chip
from trainshed.pools.slurm import inventory, script
from trainshed.pools.slurm.commands import Slurm
from trainshed.pools.slurm.files import cannot_write, prepare_shared
from trainshed.pools.slurm.probe import SOURCE
from trainshed.pools.slurm.settings import SlurmSettings

NODES = 4
QUEUE_S = 30.0
LONGEST_S = 90.0
SKEW_S = 5.0
WRONG_S = 60.0
LITTLE_BYTES = 1 << 30
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was tried, and what came of it.

    Attributes:
        ok: whether jobs can run, as far as this goes; None where it could not be tried or may matter.
        code: of the error, where they cannot.
    """

    what: str
    ok: bool | None
    detail: str
    code: str = ""


def check(settings: SlurmSettings, endpoint: str, buckets: str) -> list[Finding]:
    """Everything that can be tried, up to the first thing without which nothing goes.

    Args:
        endpoint: where everybody reaches the service.
        buckets: folder of the service's own buckets.
    """
    slurm = Slurm(settings.partition, settings.conf)
    found: list[Finding] = []
    for what, look in (
        ("partition", lambda: _partition(settings, slurm)),
        ("shared folder", lambda: _shared(settings)),
        ("submission", lambda: _submission(settings, slurm)),
    ):
        try:
            found.append(look())
        except TrainshedError as error:
            found.append(_failed(what, error))
        if found[-1].ok is False:
            return found
    return [*found, *_nodes(settings, slurm, endpoint, buckets)]


def _partition(settings: SlurmSettings, slurm: Slurm) -> Finding:
    slurm.run("scontrol", "--oneliner", "show", "partition", settings.partition)
    nodes = inventory.parse_nodes(slurm.run(*inventory.COMMAND), settings.partition)
    ready = sum(node.ready for node in nodes)
    words = f"{settings.partition} has {len(nodes)} nodes, {ready} of them ready"
    if not ready:
        states = ", ".join(sorted({node.labels["state"] for node in nodes}))
        return Finding("partition", False, f"{words} ({states})", Code.CLUSTER_UNREACHABLE)
    return Finding("partition", True, words)


def _shared(settings: SlurmSettings) -> Finding:
    shared = Path(settings.shared)
    prepare_shared(shared)
    free = shutil.disk_usage(shared).free
    words = f"{shared} can be written to here, {free / (1 << 30):.1f} GiB are free"
    return Finding("shared folder", free >= LITTLE_BYTES or None, words)


def _submission(settings: SlurmSettings, slurm: Slurm) -> Finding:
    """Whether Slurm would take a job: one of a core, and one of a card of each kind."""
    nodes = inventory.parse_nodes(slurm.run(*inventory.COMMAND), settings.partition)
    tried = [script.render_probe(settings, "true", "/dev/null", 1)]
    for flavor in inventory.flavors(nodes, settings.max_nodes):
        if flavor.chip is not Chip.CPU and flavor.resources.cards == 1:
            order = script.Order("", 0, "trainshed-check", "/", "/", replace(flavor), 1)
            tried.append(script.render(settings, order))
    for text in tried:
        slurm.run("sbatch", "--test-only", script=text)
    return Finding("submission", True, "Slurm would take a job")


def _nodes(settings: SlurmSettings, slurm: Slurm, endpoint: str, buckets: str) -> list[Finding]:
    """What a job of its own sees on some nodes."""
    server = settings.endpoint or endpoint
    seen = [buckets, *([settings.environments_dir] if settings.build == "server" else [])]
    folder = Path(settings.shared) / f"check-{uuid.uuid4().hex}"
    words = [settings.python, "-c", SOURCE, str(folder), server, settings.tunnel, *seen]
    command = shlex.join(["srun", "--ntasks-per-node=1", "--kill-on-bad-exit=0", "--mpi=none", *words])
    begun = time.time()
    try:
        folder.mkdir(mode=0o700)
        count = _free(settings, slurm)
        said = _run(slurm, script.render_probe(settings, command, str(folder / "out"), count), folder / "out")
    except OSError as error:
        return [_failed("nodes", cannot_write(folder, error))]
    except TrainshedError as error:
        return [_failed("nodes", error)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if said is None:
        return [Finding("nodes", None, f"not tried: no node was free within {QUEUE_S:g} s")]
    answers = list(_answers(said))
    if not answers:
        return [_silent(settings, said)]
    return list(_judge(answers, settings, server, seen, (begun, time.time())))


def _free(settings: SlurmSettings, slurm: Slurm) -> int:
    """How many nodes to try: those that are idle, but not too many."""
    nodes = inventory.parse_nodes(slurm.run(*inventory.COMMAND), settings.partition)
    idle = sum(node.ready and "IDLE" in node.labels["state"] for node in nodes)
    return max(1, min(idle, NODES, settings.max_nodes or NODES))


def _failed(what: str, error: TrainshedError) -> Finding:
    return Finding(what, False, error.message, error.code)


def _answers(said: str) -> Iterator[Answer]:
    for line in said.splitlines():
        if line.startswith("{"):
            yield cast("Answer", json.loads(line))


def _silent(settings: SlurmSettings, said: str) -> Finding:
    """No node has told anything: its Python did not start, or what it said went nowhere."""
    if words := said.strip()[-300:]:
        sentence = f"{settings.python} could not run on a node: {words}"
        return Finding("Python on nodes", False, sentence, Code.NODE_PYTHON_UNFIT)
    sentence = f"a job ran but could not write below {settings.shared}: nodes do not have that folder"
    return Finding("shared folder on nodes", False, sentence, Code.NODE_FOLDER_UNFIT)


def _judge(
    answers: list[Answer],
    settings: SlurmSettings,
    server: str,
    seen: list[str],
    span: tuple[float, float],
) -> Iterator[Finding]:
    yield _each("Python on nodes", answers, _python, Code.NODE_PYTHON_UNFIT)

    def shared(answer: Answer) -> str:
        return f"{settings.shared} cannot be written to: {answer['shared']}" if answer["shared"] else ""

    yield _each("shared folder on nodes", answers, shared, Code.NODE_FOLDER_UNFIT)

    def reach(answer: Answer) -> str:
        way = f"the tunnel to {server}" if settings.tunnel else f"{server}; set an endpoint or a tunnel"
        return f"does not reach the service by {way}: {answer['server']}" if answer["server"] else ""

    yield _each("service from nodes", answers, reach, Code.NODE_CUT_OFF)

    def clock(answer: Answer, least: float = WRONG_S) -> str:
        skew = max(span[0] - answer["time"], answer["time"] - span[1])
        which = "slow" if answer["time"] < span[0] else "fast"
        return f"the clock is {skew:.0f} s {which}: let NTP set it" if skew > least else ""

    wrong = _each("clocks of nodes", answers, clock, Code.NODE_CLOCK_WRONG)
    near = _each("clocks of nodes", answers, functools.partial(clock, least=SKEW_S), "")
    yield wrong if wrong.ok is False else replace(near, ok=near.ok or None)
    for path in seen:
        missing = [answer["node"] for answer in answers if path in answer["missing"]]
        if missing and path == seen[0]:
            words = f"{_names(missing)} do not see {path}: share it, or keep code and data in S3"
            yield Finding("buckets on nodes", None, words)
        elif missing:
            words = f"{_names(missing)} do not see {path}, where the service builds environments"
            yield Finding("environments on nodes", False, words, Code.NODE_FOLDER_UNFIT)


def _python(answer: Answer) -> str:
    version = ".".join(map(str, answer["python"]))
    return "" if answer["python"] >= [3, 11] else f"this is Python {version} and the agent needs 3.11"


def _each(what: str, answers: list[Answer], wrong: Callable[[Answer], str], code: str) -> Finding:
    """One finding about all nodes: what is wrong with the first with which something is."""
    for answer in answers:
        if words := wrong(answer):
            return Finding(what, False, f"{answer['node']}: {words}", code)
    return Finding(what, True, f"right on {_names([answer['node'] for answer in answers])}")


def _names(nodes: list[str]) -> str:
    return ", ".join(sorted(nodes))


def _run(slurm: Slurm, text: str, output: Path) -> str | None:
    """What a small job prints; None where it did not get a node in time.

    Raises:
        Unavailable: it did not end in time.
    """
    job_id = slurm.run("sbatch", "--parsable", script=text).strip().partition(";")[0]
    begun = time.monotonic()
    try:
        while (waited := time.monotonic() - begun) < QUEUE_S + LONGEST_S:
            listed = slurm.run("squeue", "--noheader", "--me", "--Format=JobID:|,State:|")
            states = dict(line.replace(" ", "").split("|")[:2] for line in listed.splitlines() if "|" in line)
            if job_id not in states:
                return output.read_text(errors="replace") if output.exists() else ""
            if states[job_id] in ("PENDING", "CONFIGURING") and waited > QUEUE_S:
                return None
            time.sleep(0.3)
    finally:
        slurm.run("scancel", "--quiet", job_id)
    raise Unavailable("a job of a second has not ended yet", code=Code.CLUSTER_UNREACHABLE)
