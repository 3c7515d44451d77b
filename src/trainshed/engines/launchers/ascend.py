"""Ascend: one process a device, which find each other by a rank table.

Every process has ``RANK_ID``, ``RANK_SIZE``, ``DEVICE_ID`` and ``RANK_TABLE_FILE``. The table lists
all devices of the job with their addresses. Both versions that ModelArts knows are written, 1.0 as
``RANK_TABLE_FILE`` unless the job's variable ``TRAINSHED_RANK_TABLE_VERSION`` says 0.1; a job whose
platform brings its own table (``RANK_TABLE_FILE`` is set already) keeps that, and waits for it.

A device of a peer is written ``<device id>`` or ``<device id>@<device address>``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.resources import Chip
from trainshed.core.task import Interpreter, Layout, Peer, ProcessSpec, TaskSpec
from trainshed.engines.launchers import base
from trainshed.engines.launchers.base import World

PROCESS_PER_CARD = True
_WAIT_S = 600
_VERSIONS = ("1.0", "0.1")


@dataclass(frozen=True, slots=True)
class _Device:
    """One device of the job."""

    server: str
    id: str
    address: str
    rank: int


def processes(task: TaskSpec, layout: Layout, interpreter: Interpreter) -> list[ProcessSpec]:
    """One process for each device of this node."""
    world = World.of(task)
    devices = _devices(task, world)
    mine = devices[world.node * world.per_node :][: world.per_node]
    return [_process(task, layout, interpreter, device) for device in mine]


def ports_needed(nodes: int, processes: int) -> int:
    """One on several nodes, where scripts of old make a meeting place of ``BATCH_CUSTOM0_HOSTS``."""
    del processes
    return int(nodes > 1)


def rank_table(task: TaskSpec, version: str) -> dict[str, Any]:
    """The rank table of the job, as version ``1.0`` or ``0.1``; all numbers are strings."""
    world = World.of(task)
    devices = _devices(task, world)
    nodes = [devices[n * world.per_node :][: world.per_node] for n in range(world.nodes)]
    return _table_10(task, nodes) if version == "1.0" else _table_01(task, nodes)


def _table_10(task: TaskSpec, nodes: list[list[_Device]]) -> dict[str, Any]:
    servers = [
        {
            "server_id": peer.host,
            "device": [{"device_id": d.id, "device_ip": d.address, "rank_id": str(d.rank)} for d in devices],
        }
        for peer, devices in zip(task.peers, nodes, strict=True)
    ]
    return {
        "version": "1.0",
        "status": "completed",
        "server_count": str(len(servers)),
        "server_list": servers,
    }


def _table_01(task: TaskSpec, nodes: list[list[_Device]]) -> dict[str, Any]:
    instances = [
        {
            "pod_name": f"{task.job_id}-{index}",
            "server_id": peer.host,
            "devices": [{"device_id": d.id, "device_ip": d.address} for d in devices],
        }
        for index, (peer, devices) in enumerate(zip(task.peers, nodes, strict=True))
    ]
    group = {
        "group_name": "job-trainjob",
        "device_count": str(sum(map(len, nodes))),
        "instance_count": str(len(instances)),
        "instance_list": instances,
    }
    return {"status": "completed", "group_count": "1", "group_list": [group]}


def _devices(task: TaskSpec, world: World) -> list[_Device]:
    """All devices of the job by rank; made up on a chip that has none, to try a script."""
    found: list[_Device] = []
    for node, peer in enumerate(task.peers):
        for local in range(world.per_node):
            name, _, address = _named(task, peer, local).partition("@")
            found.append(_Device(peer.host, name, address or peer.host, node * world.per_node + local))
    return found


def _named(task: TaskSpec, peer: Peer, local: int) -> str:
    if local < len(peer.devices):
        return peer.devices[local]
    if task.chip is Chip.ASCEND:
        raise InvalidInput(
            f"{peer.host} was given {len(peer.devices)} devices and the job wants {task.processes} "
            "processes there: ask for as many processes as cards",
            code=Code.FIELD_INVALID,
        )
    return str(local)


def _process(task: TaskSpec, layout: Layout, interpreter: Interpreter, device: _Device) -> ProcessSpec:
    size = len(task.peers) * max(1, task.processes)
    local = device.rank % max(1, task.processes)
    log_dir = layout.log_dir.rstrip("/")
    script = base.script(task, layout, interpreter, rank=device.rank, world_size=size, device_id=device.id)
    argv = (*base.support(interpreter, "ascend_start"), str(_WAIT_S), "--", *script)
    forced = {
        "RANK_ID": str(device.rank),
        "RANK_SIZE": str(size),
        "DEVICE_ID": device.id,
        "DEVICE_NUM": str(max(1, task.processes)),
        "ASCEND_DEVICE_ID": device.id,
        **_tables(task, layout),
    }
    defaults = {
        "ASCEND_GLOBAL_LOG_LEVEL": "3",
        "ASCEND_SLOG_PRINT_TO_STDOUT": "0",
        "ASCEND_GLOBAL_EVENT_ENABLE": "0",
        "ASCEND_PROCESS_LOG_PATH": f"{log_dir}/ascend/rank-{device.rank}-device-{device.id}",
        "HCCL_CONNECT_TIMEOUT": "600",
    }
    env = base.environment(task, layout, interpreter, forced, **defaults)
    return ProcessSpec(rank=device.rank, argv=argv, env=env, cwd=layout.working_dir, local_rank=local)


def _tables(task: TaskSpec, layout: Layout) -> dict[str, str]:
    """Variables that say where the table is, and bring it where the platform does not."""
    if brought := layout.variables.get("RANK_TABLE_FILE"):
        return {"RANK_TABLE_FILE": brought}
    chosen = layout.variables.get("TRAINSHED_RANK_TABLE_VERSION", _VERSIONS[0])
    if chosen not in _VERSIONS:
        raise InvalidInput(
            f"TRAINSHED_RANK_TABLE_VERSION is {chosen!r}; it must be one of: {', '.join(_VERSIONS)}",
            code=Code.ENVIRONMENT_VARIABLE_INVALID,
        )
    folder = PurePosixPath(layout.log_dir).parent / "rank-table"
    files = {version: str(folder / f"rank_table_v{version}.json") for version in _VERSIONS}
    tables = {files[version]: rank_table(task, version) for version in _VERSIONS}
    return {
        "RANK_TABLE_FILE": files[chosen],
        "RANK_TABLE_FILE_V_1_0": files["1.0"],
        "RANK_TABLE_FILE_V_0_1": files["0.1"],
        "TRAINSHED_RANK_TABLES": json.dumps(tables),
    }
