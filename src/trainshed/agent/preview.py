"""``python -m trainshed.agent.preview``: what tasks would start, without starting anything.

Reads a JSON list of tasks (``core.task.TaskSpec``) from standard input, and prints
``{"tasks": [[process, …], …], "start": "cold: …"}``, or ``{"error": {"code", "message"}}``.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from trainshed.agent import contract, warm
from trainshed.agent.places import Places
from trainshed.core.errors import TrainshedError
from trainshed.core.task import Interpreter, ProcessSpec, TaskSpec
from trainshed.core.wire import from_wire, to_wire
from trainshed.engines import launchers, pip_config


def preview(task: TaskSpec) -> tuple[list[dict[str, Any]], str]:
    """The processes of one task, with the paths that its script would see, and how they would start.

    Raises:
        InvalidInput: the launcher cannot start this job.
    """
    places = Places(task.root, task.scratch)
    places.sandboxed = task.sandbox != "none"
    interpreter = task.interpreter or Interpreter("python3")
    index = pip_config.index()
    layout = contract.layout(task, places, interpreter, files={}, exported={}, node=os.environ, index=index)
    processes = launchers.get(task.launcher).processes(task, layout, interpreter)
    return [to_wire(process) for process in processes], _start(
        task, interpreter.python, processes, places.sandboxed
    )


def _start(task: TaskSpec, python: str, processes: list[ProcessSpec], sandboxed: bool) -> str:
    """Whether the script would be forked warm, as far as that can be told without its files."""
    if not task.warm_start:
        return "cold: the job does not ask for a warm start"
    why = warm.why_cold(task, python, processes, sandboxed=sandboxed)
    return f"cold: {why}" if why else f"warm: {', '.join(task.warm_modules)} imported before"


def main() -> int:
    """Exit code 0, whether it can be started or not."""
    tasks = [from_wire(TaskSpec, item) for item in json.load(sys.stdin)]
    try:
        found = [preview(task) for task in tasks]
        answer: dict[str, Any] = {"tasks": [each for each, _ in found], "start": found[0][1]}
    except TrainshedError as error:
        answer = {"error": {"code": error.code, "message": error.message}}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
