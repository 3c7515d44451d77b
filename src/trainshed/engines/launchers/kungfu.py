"""KungFu: one ``kungfu-run`` on each host, which starts the workers of that host.

All hosts get the same command but for ``-self``: how many peers, how many on each host, which ports
the workers may use, where their logs go. Each command's output has the workers' output in it, and
each worker's own log lies in the log directory.

Elastic, where the job says with how few workers it goes on: the runners watch a configuration
server beside the first host's runner (``support/kungfu_config.py``). ``PUT`` of another cluster to
``KUNGFU_CONFIG_SERVER`` resizes the job; its script asks there for the cluster between two steps
(``kungfu.python.elastic``). A runner ends with the last worker of its host, so that each keeps one.

KungFu's Unix sockets lie in ``/tmp`` by port only, and all hosts of a job use the same ports: two
tasks of one job that share a machine need a ``/tmp`` each, which the sandbox gives them. The
variables of ``kungfu-modelarts-launcher`` are set as well (``DLS_TASK_*``, ``BATCH_CUSTOM<i>_HOSTS``).
"""

from __future__ import annotations

import ipaddress
import json
from pathlib import PurePosixPath
from typing import Any

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.task import Interpreter, Layout, ProcessSpec, TaskSpec
from trainshed.engines.launchers import base
from trainshed.engines.launchers.base import World

PROCESS_PER_CARD = True
_SPARE_RUNS = 3


def processes(task: TaskSpec, layout: Layout, interpreter: Interpreter) -> list[ProcessSpec]:
    """The host's ``kungfu-run``; on the first host of an elastic job also the configuration server."""
    world = World.of(task)
    elastic = task.min_workers > 0
    runner = ProcessSpec(
        rank=world.rank(0),
        argv=_command(task, layout, interpreter, world, elastic=elastic),
        env=base.environment(task, layout, interpreter, _variables(task, elastic=elastic)),
        cwd=layout.working_dir,
        role="runner",
    )
    if not (elastic and world.node == 0):
        return [runner]
    argv = (*base.support(interpreter, "kungfu_config"), task.peers[0].host, str(base.port(task, 1)))
    argv = (*argv, json.dumps(cluster(task)))
    env = base.environment(task, layout, interpreter, {})
    return [runner, base.helper(argv, env, layout, local_rank=1, role="config")]


def ports_needed(nodes: int, processes: int) -> int:
    """The runner's, the configuration server's, and enough to have a run of them for the workers."""
    del nodes
    return 2 + _SPARE_RUNS * max(1, processes)


def least_workers(nodes: int) -> int:
    """One on each host."""
    return nodes


def resize(task: TaskSpec, workers: int) -> tuple[str, bytes]:
    """Another cluster for the configuration server."""
    return _config_server(task), json.dumps(cluster(task, workers)).encode()


def cluster(task: TaskSpec, workers: int = 0) -> dict[str, Any]:
    """The job's cluster as the configuration server tells it, of all workers or so many.

    Fewer are spread evenly over the hosts, and the first of each host stay.
    """
    first, _ = _worker_ports(task)
    hosts = [int(ipaddress.IPv4Address(peer.host)) for peer in task.peers]
    here = spread(workers or len(hosts) * max(1, task.processes), len(hosts))
    return {
        "Runners": [{"IPv4": host, "Port": base.port(task)} for host in hosts],
        "Workers": [
            {"IPv4": host, "Port": first + local}
            for host, count in zip(hosts, here, strict=True)
            for local in range(count)
        ],
    }


def spread(workers: int, hosts: int) -> list[int]:
    """How many workers each host has.

    >>> spread(5, 2)
    [3, 2]
    """
    return [workers // hosts + (i < workers % hosts) for i in range(hosts)]


def _command(
    task: TaskSpec, layout: Layout, interpreter: Interpreter, world: World, *, elastic: bool
) -> tuple[str, ...]:
    first, last = _worker_ports(task)
    hosts = ",".join(f"{_address(peer.host)}:{world.per_node}" for peer in task.peers)
    strategy = layout.variables.get("KUNGFU_STRATEGY", "")
    return (
        str(PurePosixPath(interpreter.python).parent / "kungfu-run"),
        "-q",
        *("-np", str(world.size)),
        *("-H", hosts),
        *("-self", task.peers[task.index].host),
        *("-port", str(base.port(task))),
        *("-port-range", f"{first}-{last}"),
        *("-logdir", layout.log_dir.rstrip("/") or "/"),
        *(("-strategy", strategy) if strategy else ()),
        *(("-w", "-config-server", _config_server(task)) if elastic else ()),
        *base.script(task, layout, interpreter),
    )


def _variables(task: TaskSpec, *, elastic: bool) -> dict[str, str]:
    """What ``kungfu-modelarts-launcher`` and an elastic script read."""
    port = base.port(task)
    found = {"DLS_TASK_INDEX": str(task.index), "DLS_TASK_NUMBER": str(len(task.peers))}
    found |= {f"BATCH_CUSTOM{i}_HOSTS": f"{peer.host}:{port}" for i, peer in enumerate(task.peers)}
    return found | ({"KUNGFU_CONFIG_SERVER": _config_server(task)} if elastic else {})


def _config_server(task: TaskSpec) -> str:
    return f"http://{task.peers[0].host}:{base.port(task, 1)}/config"


def _worker_ports(task: TaskSpec) -> tuple[int, int]:
    """First and last of a run of the job's ports that is long enough for a host's workers."""
    count = max(1, task.processes)
    ports = sorted(task.ports[2:])
    for i in range(len(ports) - count + 1):
        if ports[i + count - 1] == ports[i] + count - 1:
            return ports[i], ports[i + count - 1]
    raise InvalidInput(
        f"KungFu needs {count} ports in a row and none were free; try again",
        code=Code.FIELD_INVALID,
    )


def _address(host: str) -> str:
    """KungFu knows hosts by their IPv4 addresses only."""
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise InvalidInput(
            f"KungFu needs IPv4 addresses and {host!r} is none; use a pool whose nodes are named by address",
            code=Code.FIELD_INVALID,
        ) from None
