"""Plain: the script, once on each node, as ``python boot_file arguments``."""

from __future__ import annotations

from trainshed.core.task import Interpreter, Layout, ProcessSpec, TaskSpec
from trainshed.engines.launchers import base

PROCESS_PER_CARD = False


def processes(task: TaskSpec, layout: Layout, interpreter: Interpreter) -> list[ProcessSpec]:
    """One process, whose rank is the node's."""
    return [
        ProcessSpec(
            rank=task.index,
            argv=base.script(task, layout, interpreter),
            env=base.environment(task, layout, interpreter, {}),
            cwd=layout.working_dir,
        )
    ]


def ports_needed(nodes: int, processes: int) -> int:
    """One on several nodes, where scripts of old make a meeting place of ``BATCH_CUSTOM0_HOSTS``."""
    del processes
    return int(nodes > 1)
