"""Environment: the engine's interpreter on this node. Mostly it is there; else it is built here."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from trainshed.agent.logs import append
from trainshed.agent.sandbox import Mode
from trainshed.agent.stages.base import Work
from trainshed.core.errors import Code, Unavailable
from trainshed.core.task import Interpreter, Stage


def run(work: Work) -> str:
    """Find or build it.

    Raises:
        InvalidInput, Unavailable: it is neither here nor can it be built here.
    """
    task = work.task
    interpreter = task.interpreter or _find(work) or _build(work)
    if not os.access(interpreter.python, os.X_OK):
        raise Unavailable(
            f"the interpreter {interpreter.python} is not on this node; build the environment of "
            f"{task.engine_id} again",
            code=Code.INTERPRETER_MISSING,
        )
    work.interpreter = interpreter
    return interpreter.python


def _find(work: Work) -> Interpreter | None:
    if not work.task.engine_id:
        return Interpreter(shutil.which("python3") or sys.executable)
    from trainshed.engines import lookup

    return lookup.by_engine(Path(work.task.environments_dir), work.task.engine_id)


def _build(work: Work) -> Interpreter:
    """Build it on this node, with the log of it in the task's own stream ``build``."""
    from trainshed.engines import catalogue
    from trainshed.engines.environments import Environments
    from trainshed.engines.runner import Progress

    engine = catalogue.load().get(work.task.engine_id)
    log = os.open(
        f"{work.places.log}/build.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640
    )

    def tell(progress: Progress) -> None:
        work.halt.check()
        append(log, progress.line.encode("utf-8", "replace") + b"\n")

    work.note(Stage.ENVIRONMENT, f"building the environment of {engine.id} on this node")
    try:
        return Environments(Path(work.task.environments_dir), _hidden(work)).ensure(engine, tell)
    finally:
        os.close(log)


def _hidden(work: Work) -> list[Path]:
    """What packages of the job's choice must not read while they are built."""
    return [] if work.supervision.mode is Mode.NONE else [Path(path) for path in work.task.hidden]
