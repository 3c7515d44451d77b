"""Warm start, as an agent sees it: whether its ranks may be forked from a warm parent, and by which.

A rank that is forked must be like one that was started anew. So a parent is asked for only
where that holds: the script runs directly in its engine's interpreter, in a sandbox, with packages
that other jobs can share, and no file of the job's would have been imported in place of one that the
parent has imported. In every other case the ranks start as ever, and the job's page says why.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed.agent import fd_messages, sandbox
from trainshed.agent.halt import Halt
from trainshed.agent.places import PRIVATE
from trainshed.agent.stages.base import Work
from trainshed.core.secrets import is_secret, without_password
from trainshed.core.task import ProcessSpec, TaskSpec
from trainshed.core.wire import to_wire

_PATIENCE_S = 180.0
_OF_ONE_JOB = re.compile(
    r"(MA|VC|DLS|TRAINSHED|TORCHELASTIC|S3|MASTER|GROUP|ROLE)_.*|BATCH_CUSTOM\d+_HOSTS|JOB_ID|WORKSPACE"
    r"|(LOCAL_|)RANK|(LOCAL_|)WORLD_SIZE|TF_CONFIG"
)
_OF_THE_JOB = ("/home/", *(f"{path}/" for path in PRIVATE))
_SITE = ("sitecustomize", "usercustomize")


@dataclass(slots=True)
class Start:
    """How the ranks are to be started.

    Attributes:
        note: a sentence for the job's page; empty where nobody asked for a warm start.
        places: process → its place in ``connections``; empty for a start as ever.
        connections: descriptors of connections to warm parents.
    """

    note: str = ""
    places: dict[int, int] = field(default_factory=dict[int, int])
    connections: list[int] = field(default_factory=list[int])


class Unfit(Exception):  # noqa: N818 says what the task is
    """Why the ranks are not started from a warm parent."""


def prepare(work: Work, specs: Sequence[ProcessSpec]) -> Start:
    """Get connections to warm parents for the ranks, where the job wants that and it is right.

    Raises:
        Halted: the task was told to stop meanwhile.
    """
    if not work.task.warm_start:
        return Start()
    start = Start()
    try:
        for members in _alike(_fit(work, specs)).values():
            _obtain(work, _keeper(work), members, start)
    except Unfit as why:
        for fd in start.connections:
            os.close(fd)
        return Start(f"started without a warm parent: {why}")
    return start


def _keeper(work: Work) -> socket.socket:
    if work.keeper is None:
        raise Unfit("this agent has no keeper of warm parents")
    return work.keeper


def _fit(work: Work, specs: Sequence[ProcessSpec]) -> list[tuple[int, ProcessSpec]]:
    """The ranks, if a fork can stand for a fresh start.

    Raises:
        Unfit: it cannot.
    """
    sandboxed = work.supervision.mode is not sandbox.Mode.NONE
    if why := why_cold(work.task, work.interpreter.python, specs, sandboxed=sandboxed):
        raise Unfit(why)
    if work.journal.facts.get("layer", "").startswith(_OF_THE_JOB[1:]):
        raise Unfit("the packages of requirements.txt are this job's alone")
    return [(i, spec) for i, spec in enumerate(specs) if spec.rank >= 0]


def why_cold(task: TaskSpec, python: str, specs: Sequence[ProcessSpec], *, sandboxed: bool) -> str:
    """Why no fork can stand for a fresh start of these ranks, as far as they alone tell; else empty.

    Args:
        python: the interpreter of their environment.
    """
    if not task.warm_modules:
        return f"{task.engine_id or 'this engine'} has none"
    if not sandboxed:
        return "it needs a sandbox, so that all jobs of an engine see the same paths"
    if any(not _is_script(spec, python) for spec in specs if spec.rank >= 0):
        return "its launcher does not start the script directly"
    return ""


def _is_script(spec: ProcessSpec, python: str) -> bool:
    """Whether it is this interpreter with a script, and no option before that."""
    program, script = (*spec.argv, "", "")[:2]
    return program == python and script.endswith(".py") and script[:1] != "-"


def _alike(ranks: Iterable[tuple[int, ProcessSpec]]) -> dict[str, list[tuple[int, ProcessSpec]]]:
    """The ranks by what their parent's environment must be: mostly one group."""
    groups: dict[str, list[tuple[int, ProcessSpec]]] = {}
    for index, spec in ranks:
        groups.setdefault(json.dumps(parent_environment(spec.env), sort_keys=True), []).append((index, spec))
    return groups


def parent_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The variables of a rank that its parent has too.

    All but those that tell one job or rank from another, which nothing reads while it is imported,
    and those that look like secrets.

    >>> env = {"OMP_NUM_THREADS": "2", "RANK": "1", "MA_NUM_HOSTS": "2", "HF_TOKEN": "x", "DB_PWD": "x"}
    >>> parent_environment({**env, "DB": "postgresql://me:x@host/db"})
    {'OMP_NUM_THREADS': '2'}
    """
    return {
        k: v
        for k, v in env.items()
        if not _OF_ONE_JOB.fullmatch(k) and not is_secret(k) and without_password(v) == v
    }


def _obtain(
    work: Work, keeper: socket.socket, members: Sequence[tuple[int, ProcessSpec]], start: Start
) -> None:
    """Ask for a parent of these ranks and add what it gives to ``start``.

    Raises:
        Unfit: there is none.
        Halted: the task was told to stop.
    """
    asked = time.monotonic()
    first = members[0][1]
    memory = fd_messages.in_memory(_request(work, first, len(members)))
    try:
        fd_messages.send(keeper, {"request": True}, [memory])
    except OSError as error:
        raise Unfit(f"the keeper of warm parents is gone ({error})") from None
    finally:
        os.close(memory)
    answer, fds = _wait(keeper, work.halt)
    for at, (index, _) in enumerate(members[: len(fds)]):
        start.places[index] = len(start.connections) + at
    start.connections += fds
    if not fds:
        raise Unfit(answer.get("reason") or "the keeper of warm parents is gone")
    if taken := _hidden_by_the_job(work, first, frozenset(answer["names"])):
        raise Unfit(f"{taken} would be imported in place of a module of the same name")
    made = f"made in {time.monotonic() - asked:.1f} s" if answer["made"] else "there already"
    start.note = f"warm start: {', '.join(work.task.warm_modules)} imported before (parent {made})"


def _request(work: Work, spec: ProcessSpec, ranks: int) -> dict[str, Any]:
    environ = parent_environment(spec.env)
    apart = work.supervision.spaces()
    mode = sandbox.Mode.NONE if "user" in apart or os.geteuid() != 0 else work.supervision.mode
    plan = to_wire(sandbox.plan_of_parent(work.task))
    request = {
        "python": spec.argv[0],
        "modules": list(work.task.warm_modules),
        "environ": environ,
        "sandbox": mode.value,
        "plan": plan,
        "packages": list(_identities(spec)),
    }
    import hashlib  # late: it brings OpenSSL along, 4 MB for every agent

    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    return {**request, "key": key, "ranks": ranks}


def _identities(spec: ProcessSpec) -> Iterator[str]:
    """What changes when the environment, or a layer of packages over it, is made anew."""
    marker = f"{os.path.dirname(os.path.dirname(spec.argv[0]))}/trainshed.json"
    for path in (marker, *spec.env.get("PYTHONPATH", "").split(":")):
        try:
            seen = os.stat(path)
        except OSError:
            continue
        yield f"{path} {seen.st_ino} {seen.st_mtime_ns}"


def _wait(keeper: socket.socket, halt: Halt) -> tuple[dict[str, Any], list[int]]:
    """The keeper's answer; it may have to make a parent first."""
    poll = select.poll()
    for each in (keeper.fileno(), halt.fd):
        poll.register(each, select.POLLIN)
    until = time.monotonic() + _PATIENCE_S
    while (left := until - time.monotonic()) > 0:
        ready = [fd for fd, _ in poll.poll(left * 1000)]
        if keeper.fileno() in ready:
            return fd_messages.receive(keeper)
        halt.drain()
        halt.check()
    raise Unfit(f"no warm parent was ready within {_PATIENCE_S:.0f} s")


def _hidden_by_the_job(work: Work, spec: ProcessSpec, names: frozenset[str]) -> str:
    """A file of the job's that has the name of a module which the parent has imported; empty if none."""
    script = os.path.dirname(spec.argv[1])
    for folder in (script, *spec.env.get("PYTHONPATH", "").split(":")):
        if not folder.startswith(_OF_THE_JOB):
            continue
        for name in _modules(work.places.host(folder)):
            if name in names or name in _SITE:
                return f"{name} in {folder}"
    return ""


def _modules(folder: str) -> Iterator[str]:
    """Names that can be imported from this folder before those of the environment."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            if os.path.isfile(f"{entry.path}/__init__.py"):
                yield entry.name
        elif entry.name.endswith((".py", ".so", ".pyc")):
            yield entry.name.partition(".")[0]
