"""torchrun: the ranks of a PyTorch job, started by us with torchrun's environment.

torchrun itself would import torch once more before anything starts (it is a third of a short
job), so the agent starts the ranks. A script sees what torchrun would have set, and so does one
written for ``torch.distributed.launch --use_env``; one that parses ``--local_rank`` gets it if
the job declares that parameter. Likewise ``--init_method --rank --world_size``, as ModelArts'
older PyTorch scripts take them.

A job of one process in all is plain, with none of these variables, as ``python script.py`` is.
"""

from __future__ import annotations

from trainshed.core.task import Interpreter, Layout, ProcessSpec, TaskSpec
from trainshed.engines.launchers import base
from trainshed.engines.launchers.base import World

PROCESS_PER_CARD = True


def processes(task: TaskSpec, layout: Layout, interpreter: Interpreter) -> list[ProcessSpec]:
    """One process a local rank."""
    world = World.of(task)
    return [_process(task, layout, interpreter, world, local) for local in range(world.per_node)]


def ports_needed(nodes: int, processes: int) -> int:
    """One, for the rendezvous on the first node."""
    del nodes, processes
    return 1


def _process(
    task: TaskSpec, layout: Layout, interpreter: Interpreter, world: World, local: int
) -> ProcessSpec:
    rank = world.rank(local)
    meets = world.distributed or base.declares(layout.arguments, "init_method")
    argv = base.script(
        task,
        layout,
        interpreter,
        init_method=f"tcp://{task.peers[0].host}:{base.port(task)}" if meets else "",
        rank=rank,
        world_size=world.size,
        local_rank=local,
    )
    forced = _variables(task, world, local) if world.distributed else {}
    defaults = {"OMP_NUM_THREADS": base.threads(task)} if world.per_node > 1 else {}
    env = base.environment(task, layout, interpreter, forced, **defaults)
    return ProcessSpec(rank=rank, argv=argv, env=env, cwd=layout.working_dir, local_rank=local)


def _variables(task: TaskSpec, world: World, local: int) -> dict[str, str]:
    """As ``torch.distributed.elastic.agent.server.local_elastic_agent`` sets them."""
    values = {
        "MASTER_ADDR": task.peers[0].host,
        "MASTER_PORT": base.port(task),
        "RANK": world.rank(local),
        "LOCAL_RANK": local,
        "WORLD_SIZE": world.size,
        "LOCAL_WORLD_SIZE": world.per_node,
        "GROUP_RANK": world.node,
        "GROUP_WORLD_SIZE": world.nodes,
        "ROLE_RANK": world.rank(local),
        "ROLE_WORLD_SIZE": world.size,
        "ROLE_NAME": "default",
        "TORCHELASTIC_RESTART_COUNT": task.attempt,
        "TORCHELASTIC_MAX_RESTARTS": 0,
        "TORCHELASTIC_RUN_ID": task.job_id,
        "TORCHELASTIC_USE_AGENT_STORE": "False",
        "TORCH_NCCL_ASYNC_ERROR_HANDLING": 1,
    }
    return {name: str(value) for name, value in values.items()}
