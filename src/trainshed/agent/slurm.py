"""The agent on nodes that Slurm gave to a job.

The batch script runs ``python3 AGENT FOLDER`` on the first node. For a job of one node that process
is the agent. Else it starts one on each node with ``srun``, which meet here (``meeting``), so that all
know their peers and ports, which nobody could know before Slurm chose the nodes.

``FOLDER`` is the attempt's, on the shared folder::

    job.json       how many nodes, how many ports, the options of srun
    owner          the Slurm job that has this attempt: whoever comes second, leaves
    failure.json   why no agent could be started
    worker-0/ …    the tasks
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from types import FrameType
from typing import Any

from trainshed.agent import agent
from trainshed.agent.halt import Halt
from trainshed.agent.meeting import Guest, Host
from trainshed.agent.ports import Reservations
from trainshed.agent.tunnel import Tunnel
from trainshed.core.errors import TrainshedError
from trainshed.core.resources import Chip
from trainshed.core.task import Cause, Peer, Reporting, TaskSpec
from trainshed.core.wire import from_wire, to_wire

DELIVERED, UNDELIVERED, REFUSED = 0, 75, 64
_SECRET = "TRAINSHED_MEETING"  # noqa: S105 the name of a variable


def main(arguments: list[str]) -> int:
    """What a script asks for.

    ``FOLDER``, ``FOLDER join HOST PORT`` or ``build ENGINE ENVIRONMENTS [WHEELHOUSE]``.
    """
    folder, *rest = arguments
    if folder == "build":
        return _build(*rest)
    try:
        if rest:
            return _join(folder, rest[1], int(rest[2]))
        _own(folder)
        with open(f"{folder}/job.json", "rb") as file:
            job = json.load(file)
        return _alone(folder, job) if job["nodes"] == 1 else _host(folder, job)
    except (TrainshedError, OSError, ValueError) as error:
        print(f"trainshed: {error}", file=sys.stderr, flush=True)
        _write(f"{folder}/failure.json", {"reason": str(error)})
        return REFUSED


def _own(folder: str) -> None:
    """Take the attempt. It is never run twice: not by a second submission, and not by a requeue."""
    me = os.environ["SLURM_JOB_ID"]
    try:
        owner = os.open(f"{folder}/owner", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        with open(f"{folder}/owner", encoding="ascii") as file:
            other = file.read()
        if other == me:
            reason = "Slurm started the job a second time, which ended the first run"
            _write(f"{folder}/failure.json", {"reason": reason})
        else:
            reason = f"Slurm job {other} has this attempt already"
        print(f"trainshed: {reason}", file=sys.stderr, flush=True)
        sys.exit(DELIVERED if other == me else REFUSED)
    os.write(owner, me.encode())
    os.close(owner)


def _alone(folder: str, job: Mapping[str, Any]) -> int:
    task = agent.read_task(f"{folder}/worker-0")
    reservations = Reservations(f"{task.job_id}/{task.attempt}")
    ports = tuple(reservations.find(job["ports"]))
    peer = Peer("127.0.0.1", devices(os.environ, task.chip), os.environ.get("SLURMD_NODENAME", ""))
    return _work(replace(task, peers=(peer,), ports=ports), reservations, None)


def _join(folder: str, host: str, port: int) -> int:
    index = int(os.environ["SLURM_PROCID"])
    task = agent.read_task(f"{folder}/worker-{index}")
    mine = {"devices": devices(os.environ, task.chip), "name": os.environ.get("SLURMD_NODENAME", "")}
    owner = f"{task.job_id}/{task.attempt}"
    guest = Guest((host, port), os.environ.pop(_SECRET), owner, index, mine)
    peers = tuple(from_wire(Peer, peer) for peer in guest.peers)
    return _work(replace(task, peers=peers, ports=tuple(guest.ports)), Reservations(owner), guest)


def _work(task: TaskSpec, reservations: Reservations, guest: Guest | None) -> int:
    """Be the agent of ``task``, of which all is known now."""
    tunnel = Tunnel(task.tunnel, reservations) if task.tunnel else None
    if tunnel:
        task = replace(task, reporting=Reporting(tunnel.endpoint, task.reporting.token))
    _write(f"{task.root}/task.json", to_wire(task))
    _say_into(f"{task.root}/agent.log")

    def started(halt: Halt) -> None:
        if tunnel:
            tunnel.watch()
        if guest:
            guest.listen(lambda force: halt.ask(Cause.STOPPED, force=force))

    try:
        return DELIVERED if agent.run(task.root, on_start=started) else UNDELIVERED
    finally:
        if tunnel:
            tunnel.close()


def _host(folder: str, job: Mapping[str, Any]) -> int:
    task = agent.read_task(f"{folder}/worker-0")
    secret = os.urandom(16).hex()
    host = Host(job["nodes"], job["ports"], secret, f"{task.job_id}/{task.attempt}")
    wanted: list[bool] = []

    def stop(number: int, _: FrameType | None) -> None:
        wanted.append(number == signal.SIGUSR1)
        host.stop(force=wanted[-1])

    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, stop)
    place = (os.environ.get("SLURMD_NODENAME") or "localhost", str(host.port))
    command = ["srun", *job["srun"], sys.executable, sys.argv[0], folder, "join", *place]
    srun = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=os.environ | {_SECRET: secret})
    try:
        host.gather(lambda: srun.poll() is None)
        if wanted:
            host.stop(force=any(wanted))
        return srun.wait()
    finally:
        if srun.poll() is None:
            srun.terminate()
        host.close()


def _build(engine_id: str, environments: str, wheelhouse: str = "") -> int:
    """Build the environment of an engine, as a job of its own."""
    from pathlib import Path

    from trainshed.engines import catalogue
    from trainshed.engines.environments import Environments

    try:
        Environments(Path(environments)).ensure(
            catalogue.load().get(engine_id),
            lambda progress: print(f"[{progress.percent:3.0f}%] {progress.line}", flush=True),
            wheelhouse=Path(wheelhouse) if wheelhouse else None,
        )
    except TrainshedError as error:
        print(f"trainshed: {error}", file=sys.stderr, flush=True)
        return REFUSED
    return DELIVERED


def devices(variables: Mapping[str, str], chip: Chip) -> tuple[str, ...]:
    """Ids of the cards that Slurm gave to the job on this node, as its variables say.

    >>> devices({"CUDA_VISIBLE_DEVICES": "2,3"}, Chip.GPU)
    ('2', '3')
    >>> devices({"SLURM_JOB_GPUS": "0-1,4"}, Chip.GPU)
    ('0', '1', '4')
    """
    names = {
        Chip.CPU: (),
        Chip.GPU: ("CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS"),
        Chip.ASCEND: ("ASCEND_RT_VISIBLE_DEVICES", "ASCEND_VISIBLE_DEVICES", "SLURM_JOB_NPUS"),
    }[chip]
    told = next((variables[name] for name in names if variables.get(name)), "")
    found: list[str] = []
    for part in filter(None, told.split(",")):
        if between := re.fullmatch(r"(\d+)-(\d+)", part):
            found += [str(i) for i in range(int(between[1]), int(between[2]) + 1)]
        else:
            found.append(part)
    return tuple(found)


def _write(path: str, value: Any) -> None:
    temporary = f"{path}.{os.getpid()}"
    with contextlib.suppress(OSError):
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            json.dump(value, file)
        os.rename(temporary, path)


def _say_into(path: str) -> None:
    """What the agent itself has to say goes there from now on."""
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for fd in (1, 2):
        os.dup2(log, fd)
    os.close(log)
