"""What a script of each family finds in its environment, against ModelArts' own list.

Two nodes with two processes each, through the agent's contract and the launcher, on the second node. A row
without a value must be there with any.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.engines.cluster import make_task
from trainshed.agent import contract
from trainshed.agent.places import Places
from trainshed.core.engine import LauncherName
from trainshed.core.job import ChannelBinding
from trainshed.core.resources import Chip
from trainshed.core.task import Interpreter, Peer
from trainshed.engines import launchers

ANY = None
ALWAYS: dict[str, str | None] = {
    "MA_HOME": "/home/ma-user",
    "MA_JOB_DIR": "/home/ma-user/modelarts/user-job-dir",
    "MA_MOUNT_PATH": "/home/ma-user/modelarts",
    "MA_LOG_DIR": "/home/ma-user/modelarts/log",
    "MA_SCRIPT_INTERPRETER": "/env/bin/python",
    "WORKSPACE": "/home/ma-user/modelarts/user-job-dir/code",
    "MA_CURRENT_IP": "10.0.0.2",
    "MA_NUM_GPUS": "2",
    "MA_TASK_NAME": "worker",
    "MA_NUM_HOSTS": "2",
    "MA_CURRENT_INSTANCE_NAME": ANY,
    "VC_TASK_INDEX": "1",
    "VC_WORKER_NUM": "2",
    "VC_WORKER_HOSTS": "10.0.0.1,10.0.0.2",
    "JOB_ID": ANY,
    "DLS_TASK_INDEX": "1",
    "DLS_TASK_NUMBER": "2",
    "DLS_APP_URL": "obs://trainshed/code/",
    "DLS_DATA_URL": "obs://trainshed/data/",
    "DLS_TRAIN_URL": "obs://trainshed/out/",
    "DLS_LOCAL_CACHE_PATH": "/cache",
    "BATCH_CUSTOM0_HOSTS": "10.0.0.1:30000",
    "BATCH_CUSTOM1_HOSTS": "10.0.0.2:30000",
    "MA_PIP_URL": "http://packages.example/simple",
    "MA_PIP_HOST": "packages.example",
    "MA_APIGW_ENDPOINT": "http://127.0.0.1:1",
    "MA_DETECT_TRAIN_INJECT_CODE": "1",
    "NCCL_SOCKET_IFNAME": "eth0",
    "NCCL_DEBUG": "INFO",
    "MINE": "1",
}
GPU: dict[str, str | None] = {"CUDA_VISIBLE_DEVICES": "2,3"}
BY_LAUNCHER: dict[LauncherName, dict[str, str | None]] = {
    LauncherName.PLAIN: GPU,
    LauncherName.TORCHRUN: GPU
    | {
        "MASTER_ADDR": "10.0.0.1",
        "MASTER_PORT": "30000",
        "RANK": "3",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "4",
        "LOCAL_WORLD_SIZE": "2",
        "GROUP_RANK": "1",
        "GROUP_WORLD_SIZE": "2",
    },
    LauncherName.TF_CONFIG: {"TF_CONFIG": ANY, "CUDA_VISIBLE_DEVICES": "3"},
    LauncherName.MPI: GPU
    | {"PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"},
    LauncherName.HOROVOD: GPU
    | {
        "HOROVOD_HOSTNAME": "10.0.0.2",
        "HOROVOD_RANK": "3",
        "HOROVOD_SIZE": "4",
        "HOROVOD_LOCAL_RANK": "1",
        "HOROVOD_LOCAL_SIZE": "2",
        "HOROVOD_CROSS_RANK": "1",
        "HOROVOD_CROSS_SIZE": "2",
        "HOROVOD_CONTROLLER": "gloo",
        "HOROVOD_CPU_OPERATIONS": "gloo",
        "HOROVOD_GLOO_RENDEZVOUS_ADDR": "10.0.0.1",
        "HOROVOD_GLOO_RENDEZVOUS_PORT": "30000",
        "HOROVOD_GLOO_TIMEOUT_SECONDS": "120",
    },
    # kungfu-run gives its workers the rest
    LauncherName.KUNGFU: GPU,
    LauncherName.ASCEND: {
        "ASCEND_RT_VISIBLE_DEVICES": "2,3",
        "RANK_TABLE_FILE": ANY,
        "RANK_ID": "3",
        "RANK_SIZE": "4",
        "DEVICE_ID": "3",
        "DEVICE_NUM": "2",
        "ASCEND_GLOBAL_LOG_LEVEL": "3",
        "ASCEND_SLOG_PRINT_TO_STDOUT": "0",
        "ASCEND_GLOBAL_EVENT_ENABLE": "0",
        "HCCL_CONNECT_TIMEOUT": "600",
    },
}
NODE = {"PATH": "/bin", "NCCL_SOCKET_IFNAME": "eth0", "NCCL_DEBUG": "INFO", "SECRET": "x"}


@pytest.mark.parametrize("launcher", LauncherName)
def test_the_variables_of_a_family(launcher: LauncherName) -> None:
    task = make_task(
        launcher,
        nodes=2,
        processes=2,
        index=1,
        peers=(Peer("10.0.0.1", ("0", "1")), Peer("10.0.0.2", ("2", "3"))),
        chip=Chip.ASCEND if launcher is LauncherName.ASCEND else Chip.GPU,
        inputs=(ChannelBinding("data_url", "obs://trainshed/data/"),),
        outputs=(ChannelBinding("train_url", "obs://trainshed/out/"),),
        environments={"MINE": "1"},
    )
    places = Places(task.root)
    places.sandboxed = True
    interpreter = Interpreter("/env/bin/python", "3.11")
    index = "http://packages.example/simple"
    layout = contract.layout(task, places, interpreter, files={}, exported={}, node=NODE, index=index)
    ranks = [p for p in launchers.get(launcher).processes(task, layout, interpreter) if p.rank >= 0]
    found = ranks[-1].env
    wanted = ALWAYS | BY_LAUNCHER[launcher]
    wrong = {
        name: found.get(name)
        for name, value in wanted.items()
        if found.get(name) != (value or found.get(name, 0))
    }
    assert not wrong
    assert "SECRET" not in found
    if launcher is LauncherName.TF_CONFIG:
        config = json.loads(found["TF_CONFIG"])
        assert config["task"] == {"type": "worker", "index": 3}
        assert config["cluster"]["worker"] == [f"10.0.0.{1 + i // 2}:{30000 + i}" for i in range(4)]


def test_the_user_has_the_last_word() -> None:
    task = replace(
        make_task(LauncherName.PLAIN),
        environments={"MA_DETECT_TRAIN_INJECT_CODE": "0", "MA_PIP_URL": "http://own"},
    )
    places = Places(task.root)
    variables = contract.layout(
        task, places, Interpreter("/env/bin/python"), files={}, exported={}, node=NODE
    ).variables
    assert variables["MA_DETECT_TRAIN_INJECT_CODE"] == "0"
    assert variables["MA_PIP_URL"] == "http://own"
    assert "MA_PIP_HOST" not in variables
