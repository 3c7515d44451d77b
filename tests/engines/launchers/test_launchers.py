"""Launchers as pure functions: golden command lines, and what must hold for every job."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engines.cluster import make_layout, make_task
from trainshed.core.engine import LauncherName
from trainshed.core.errors import Internal, InvalidInput
from trainshed.core.resources import Chip
from trainshed.core.task import Interpreter, Peer, ProcessSpec
from trainshed.engines import launchers

PYTHON = Interpreter("/env/bin/python", "3.11", {"VIRTUAL_ENV": "/env", "TF_CPP_MIN_LOG_LEVEL": "1"})
ARGUMENTS = ("--data_url=/in/", "--lr=0.1")

nodes_and_processes = st.tuples(st.integers(1, 5), st.integers(1, 9))
RANKED = [name for name in LauncherName if name not in (LauncherName.PLAIN, LauncherName.KUNGFU)]
distributed = st.sampled_from(RANKED)


def start(launcher: LauncherName, *arguments: str, **options: object) -> list[list[ProcessSpec]]:
    """The processes of every node of a job."""
    variables = options.pop("variables", {})
    layout = make_layout("/home/ma-user", *arguments, **variables)  # type: ignore[arg-type]
    nodes = options.get("nodes", 1)
    assert isinstance(nodes, int)
    return [
        launchers.get(launcher).processes(make_task(launcher, index=i, **options), layout, PYTHON)  # type: ignore[arg-type]
        for i in range(nodes)
    ]


def test_plain_is_what_a_person_would_type() -> None:
    [[process]] = start(LauncherName.PLAIN, *ARGUMENTS, variables={"MINE": "1"})
    assert process.argv == ("/env/bin/python", "/home/ma-user/code/train.py", *ARGUMENTS)
    assert process.cwd == "/home/ma-user/code/"
    assert process.env == {
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "VIRTUAL_ENV": "/env",
        "TF_CPP_MIN_LOG_LEVEL": "1",
        "MINE": "1",
        "PATH": "/env/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }


def test_plain_starts_once_on_every_node() -> None:
    ranks = [[p.rank for p in node] for node in start(LauncherName.PLAIN, nodes=3)]
    assert ranks == [[0], [1], [2]]


def test_a_command_runs_in_a_shell() -> None:
    [[process]] = start(LauncherName.PLAIN, *ARGUMENTS, command="python train.py | tee log")
    assert process.argv == ("/bin/sh", "-c", "python train.py | tee log")


def test_torchrun_alone_is_plain() -> None:
    [[plain]] = start(LauncherName.PLAIN, *ARGUMENTS)
    [[torchrun]] = start(LauncherName.TORCHRUN, *ARGUMENTS)
    assert torchrun == plain


def test_torchrun_sets_what_torchrun_sets() -> None:
    nodes = start(LauncherName.TORCHRUN, *ARGUMENTS, nodes=2, processes=2)
    last = nodes[1][1]
    assert last.argv == ("/env/bin/python", "/home/ma-user/code/train.py", *ARGUMENTS)
    assert last.rank == 3
    assert last.local_rank == 1
    golden = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "30000",
        "RANK": "3",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "4",
        "LOCAL_WORLD_SIZE": "2",
        "GROUP_RANK": "1",
        "GROUP_WORLD_SIZE": "2",
        "ROLE_RANK": "3",
        "ROLE_WORLD_SIZE": "4",
        "ROLE_NAME": "default",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_MAX_RESTARTS": "0",
        "TORCHELASTIC_USE_AGENT_STORE": "False",
        "OMP_NUM_THREADS": "1",
    }
    assert golden.items() <= last.env.items()


def test_torchrun_fills_only_what_is_declared_and_empty() -> None:
    declared = ("--init_method=", "--rank=", "--world_size=7", "--local_rank=", "--other=")
    nodes = start(LauncherName.TORCHRUN, *declared, nodes=2)
    script = ("/env/bin/python", "/home/ma-user/code/train.py")
    assert nodes[1][0].argv == (
        *script,
        "--init_method=tcp://127.0.0.1:30000",
        "--rank=1",
        "--world_size=7",
        "--local_rank=0",
        "--other=",
    )


def test_a_user_may_choose_the_threads_but_not_the_rank() -> None:
    [ranks] = start(LauncherName.TORCHRUN, processes=2, variables={"OMP_NUM_THREADS": "5", "RANK": "9"})
    assert [p.env["OMP_NUM_THREADS"] for p in ranks] == ["5", "5"]
    assert [p.env["RANK"] for p in ranks] == ["0", "1"]


def test_threads_are_a_share_of_the_cores() -> None:
    [ranks] = start(LauncherName.TORCHRUN, processes=2, cpus=8.0)
    assert {p.env["OMP_NUM_THREADS"] for p in ranks} == {"4"}


def test_cards_are_visible_as_they_were_given() -> None:
    peers = (Peer("127.0.0.1", devices=("2", "3")),)
    [ranks] = start(LauncherName.TORCHRUN, processes=2, chip=Chip.GPU, peers=peers)
    assert {p.env["CUDA_VISIBLE_DEVICES"] for p in ranks} == {"2,3"}
    [workers] = start(LauncherName.TF_CONFIG, processes=2, chip=Chip.GPU, peers=peers)
    assert [p.env["CUDA_VISIBLE_DEVICES"] for p in workers] == ["2", "3"]


def test_missing_ports_are_our_fault() -> None:
    with pytest.raises(Internal, match="0 ports"):
        start(LauncherName.TORCHRUN, nodes=2, ports=())


def test_tf_config_of_one_worker_is_plain() -> None:
    [[plain]] = start(LauncherName.PLAIN, *ARGUMENTS)
    [[worker]] = start(LauncherName.TF_CONFIG, *ARGUMENTS)
    assert worker == plain


def test_tf_config_names_the_cluster() -> None:
    nodes = start(LauncherName.TF_CONFIG, nodes=2)
    assert json.loads(nodes[1][0].env["TF_CONFIG"]) == {
        "cluster": {"worker": ["127.0.0.1:30000", "127.0.0.2:30001"]},
        "task": {"type": "worker", "index": 1},
    }


def test_parameter_servers_start_where_the_job_declares_them() -> None:
    declared = ("--job_name=", "--task_index=", "--ps_hosts=", "--worker_hosts=", "--num_gpus=")
    nodes = start(LauncherName.TF_CONFIG, *declared, nodes=2)
    worker, server = nodes[1]
    hosts = ("--ps_hosts=127.0.0.1:30002,127.0.0.2:30003", "--worker_hosts=127.0.0.1:30000,127.0.0.2:30001")
    script = ("/env/bin/python", "/home/ma-user/code/train.py")
    assert server.argv[1:3] == worker.argv[1:3] == ("-I", "-S")
    assert worker.argv[3].endswith("support/ps_join.py")
    assert worker.argv[4:9] == ("127.0.0.1:30004,127.0.0.2:30005", "1", "--", *script)
    assert worker.argv[9:] == ("--job_name=worker", "--task_index=1", *hosts, "--num_gpus=0")
    assert server.argv[3].endswith("support/ps_guard.py")
    assert server.argv[4:9] == ("127.0.0.2:30005", "2", "--", *script)
    assert server.argv[9:] == ("--job_name=ps", "--task_index=1", *hosts, "--num_gpus=0")
    assert (worker.rank, worker.role, worker.essential) == (1, "worker", True)
    assert (server.rank, server.role, server.essential) == (-1, "ps", True)
    assert (worker.env["MA_TASK_NAME"], server.env["MA_TASK_NAME"]) == ("worker", "ps")
    assert json.loads(server.env["TF_CONFIG"])["task"] == {"type": "ps", "index": 1}


def test_the_number_of_parameter_servers_can_be_said() -> None:
    nodes = start(LauncherName.TF_CONFIG, nodes=3, variables={"TRAINSHED_PS_NUM": "1"})
    assert [len(node) for node in nodes] == [2, 1, 1]
    with pytest.raises(InvalidInput, match="from 0 to 3"):
        start(LauncherName.TF_CONFIG, nodes=3, variables={"TRAINSHED_PS_NUM": "4"})


@given(distributed, nodes_and_processes)
def test_ranks_are_unique_and_contiguous(launcher: LauncherName, shape: tuple[int, int]) -> None:
    nodes, processes = shape
    started = start(launcher, nodes=nodes, processes=processes)
    ranks = [[p for p in node if p.rank >= 0] for node in started]
    assert [p.rank for node in ranks for p in node] == list(range(nodes * processes))
    assert all([p.local_rank for p in node] == list(range(processes)) for node in ranks)
    assert all(p.essential for node in ranks for p in node)
    helpers = [p for node in started for p in node if p.rank < 0]
    assert not any(p.essential for p in helpers)


@given(nodes_and_processes)
def test_no_two_servers_share_a_port(shape: tuple[int, int]) -> None:
    nodes, processes = shape
    started = start(LauncherName.TF_CONFIG, "--ps_hosts=", nodes=nodes, processes=processes)
    clusters = {json.dumps(json.loads(p.env["TF_CONFIG"])["cluster"]) for node in started for p in node}
    assert len(clusters) == 1
    cluster = json.loads(clusters.pop())
    guards = [p.argv[4] for node in started for p in node if p.role == "ps"]
    ports = [address.rpartition(":")[2] for address in cluster["worker"] + cluster["ps"] + guards]
    assert len(set(ports)) == len(ports) == nodes * (processes + 2)


def test_an_elastic_horovod_job_starts_its_workers_as_a_driver_says() -> None:
    options = {"nodes": 2, "processes": 2, "min_workers": 1, "chip": Chip.GPU}
    peers = (Peer("10.0.0.1", ("0", "1")), Peer("10.0.0.2", ("2", "3")))
    (first, driver), (second,) = start(LauncherName.HOROVOD, "--lr=0.1", peers=peers, **options)
    script = ("--", "/env/bin/python", "/home/ma-user/code/train.py", "--lr=0.1")
    assert first.argv[1:3] == ("-I", "-S")
    assert first.argv[3].endswith("support/horovod_host.py")
    assert first.argv[4:] == ("10.0.0.1:30001", "0", "2", "0,1", *script)
    assert second.argv[4:] == ("10.0.0.1:30001", "1", "2", "2,3", *script)
    assert driver.argv[:2] == ("/env/bin/python", "-I")
    assert driver.argv[2].endswith("support/horovod_driver.py")
    assert driver.argv[3:] == ("10.0.0.1", "30000", "30001", "2", "2", "1")
    assert (first.rank, second.rank, driver.rank, driver.essential) == (0, 2, -1, False)
    secrets = {process.env["TRAINSHED_ELASTIC_SECRET"] for process in (first, second, driver)}
    assert len(secrets) == 1


def test_only_elastic_launchers_can_be_resized() -> None:
    assert [name for name in LauncherName if launchers.elastic(name)] == [
        LauncherName.HOROVOD,
        LauncherName.KUNGFU,
    ]
    horovod, kungfu = launchers.elastic(LauncherName.HOROVOD), launchers.elastic(LauncherName.KUNGFU)
    assert horovod
    assert kungfu
    assert (horovod.least_workers(3), kungfu.least_workers(3)) == (1, 3)
    told = horovod.resize(make_task(LauncherName.HOROVOD, nodes=2), 1)
    assert told == ("http://127.0.0.1:30000/trainshed/workers", b'{"workers": 1}')
    url, body = kungfu.resize(make_task(LauncherName.KUNGFU, nodes=2, processes=2), 3)
    assert url == "http://127.0.0.1:30001/config"
    workers = [(worker["IPv4"] & 255, worker["Port"]) for worker in json.loads(body)["Workers"]]
    assert workers == [(1, 30002), (1, 30003), (2, 30002)]


@given(st.sampled_from(LauncherName), st.integers(0, 8), st.integers(0, 4))
def test_processes_per_node(launcher: LauncherName, cards: int, wanted: int) -> None:
    count = launchers.processes_per_node(launcher, cards, wanted)
    assert count >= 1
    assert count == wanted or not wanted or launcher is LauncherName.PLAIN
