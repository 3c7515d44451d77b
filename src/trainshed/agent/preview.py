"""``python -m trainshed.agent.preview``: what tasks would start, without starting anything.

Reads a JSON list of tasks (``core.task.TaskSpec``) from standard input, and prints
``{"tasks": [[process, …], …]}``, or ``{"error": {"code", "message"}}``.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from trainshed.agent import contract
from trainshed.agent.places import Places
from trainshed.core.errors import TrainshedError
from trainshed.core.task import Interpreter, TaskSpec
from trainshed.core.wire import from_wire, to_wire
from trainshed.engines import launchers


def processes(task: TaskSpec) -> list[dict[str, Any]]:
    """The processes of one task, with the paths that its script would see.

    Raises:
        InvalidInput: the launcher cannot start this job.
    """
    places = Places(task.root, task.scratch)
    places.sandboxed = task.sandbox != "none"
    interpreter = task.interpreter or Interpreter("python3")
    layout = contract.layout(task, places, interpreter, files={}, exported={}, node=os.environ)
    return [to_wire(process) for process in launchers.get(task.launcher).processes(task, layout, interpreter)]


def main() -> int:
    """Exit code 0, whether it can be started or not."""
    tasks = [from_wire(TaskSpec, item) for item in json.load(sys.stdin)]
    try:
        answer: dict[str, Any] = {"tasks": [processes(task) for task in tasks]}
    except TrainshedError as error:
        answer = {"error": {"code": error.code, "message": error.message}}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
