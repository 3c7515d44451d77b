"""Pre-start: the user's ``ma-pre-start.sh`` or ``.py`` beside the boot file; what it exports stays."""

from __future__ import annotations

import os

from trainshed.agent import contract
from trainshed.agent.processes import MARK
from trainshed.agent.ranks import Ending, Result
from trainshed.agent.stages import launch
from trainshed.agent.stages.base import StageFailed, Work
from trainshed.core.task import Cause, ProcessSpec, Stage, TaskOutcome
from trainshed.core.wire import to_wire

NAME = "pre-start"
_SHELL = 'out=$1; trap "env -0 > \\"$out\\"" EXIT; . "$0"'
_PYTHON = """
import os, runpy, sys
hook, out = sys.argv[1:]
sys.argv[:] = [hook]
sys.path.insert(0, os.path.dirname(hook))
try:
    runpy.run_path(hook, run_name="__main__")
finally:
    with open(out, "wb") as file:
        file.write(b"".join(k + b"=" + v + b"\\0" for k, v in os.environb.items()))
"""
_SHELLS_OWN = ("_", "SHLVL", "PWD", "OLDPWD", MARK)


def hook(work: Work) -> str:
    """The hook's path by the contract; empty where there is none."""
    boot = contract.boot_file(work.task)
    folder = os.path.dirname(boot) if boot else contract.code_dir(work.task)
    for name in ("ma-pre-start.sh", "ma-pre-start.py"):
        if os.path.isfile(work.places.host(f"{folder}/{name}")):
            return f"{folder}/{name}"
    return ""


def run(work: Work, path: str) -> str:
    """Run the hook at ``path``.

    Raises:
        StageFailed: it failed.
        Halted: the task was told to stop meanwhile.
    """
    layout = launch.layout(work)
    interpreter = work.interpreter
    env = {**interpreter.variables, **layout.variables}
    out = f"{contract.OWN}/exported"
    seen, seen_out = work.places.seen(path), work.places.seen(out)
    if path.endswith(".sh"):
        shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
        argv = (shell, "-c", _SHELL, seen, seen_out)
    else:
        argv = (interpreter.python, "-c", _PYTHON, seen, seen_out)
    spec = ProcessSpec(rank=-1, argv=argv, env=env, cwd=layout.working_dir, role=NAME)
    if not work.supervision.launched(NAME):
        work.supervision.order(
            {
                "name": NAME,
                "processes": [{**to_wire(spec), "log": "task.log"}],
                "grace_s": work.task.grace_s,
                "limit_s": 0,
            }
        )
    result = launch.wait(work, NAME)
    if result.ending is not Ending.EXITED:
        _fail(work, path, result)
    work.journal.fact("exported", _exported(work.places.host(out), env))
    return ""


def _fail(work: Work, path: str, result: Result) -> None:
    work.halt.check()
    first = result.first
    how = launch.how_it_ended(first) if first else "was stopped"
    raise StageFailed(
        TaskOutcome(
            Cause.USER_ERROR,
            Stage.PRE_START,
            result.error or f"{os.path.basename(path)} {how}",
            exit_code=first.code if first else None,
            signal=first.signal if first else 0,
            failed_at=first.at if first else 0.0,
        )
    )


def _exported(path: str, before: dict[str, str]) -> dict[str, str]:
    """The variables that are new or different after the hook."""
    try:
        with open(path, "rb") as file:
            entries = file.read().split(b"\0")
    except FileNotFoundError:
        return {}
    after = dict(entry.decode("utf-8", "replace").split("=", 1) for entry in entries if b"=" in entry)
    return {k: v for k, v in after.items() if before.get(k) != v and k not in _SHELLS_OWN}
