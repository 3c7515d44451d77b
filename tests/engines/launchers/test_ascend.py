"""The Ascend launcher: rank tables of both versions, and the program that waits for one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.cluster import make_task
from trainshed.core.engine import LauncherName
from trainshed.core.errors import InvalidInput
from trainshed.core.resources import Chip
from trainshed.core.task import Peer
from trainshed.engines.launchers import ascend

PEERS = (
    Peer("192.168.0.25", devices=("4@192.1.10.254", "5@192.2.10.254")),
    Peer("192.168.0.26", devices=("0@192.1.11.1", "1@192.2.11.1")),
)
START = Path(ascend.__file__).parent / "support" / "ascend_start.py"


def table(version: str) -> dict[str, Any]:
    return ascend.rank_table(make_task(LauncherName.ASCEND, nodes=2, processes=2, peers=PEERS), version)


def test_rank_table_1_0() -> None:
    assert table("1.0") == {
        "version": "1.0",
        "status": "completed",
        "server_count": "2",
        "server_list": [
            {
                "server_id": "192.168.0.25",
                "device": [
                    {"device_id": "4", "device_ip": "192.1.10.254", "rank_id": "0"},
                    {"device_id": "5", "device_ip": "192.2.10.254", "rank_id": "1"},
                ],
            },
            {
                "server_id": "192.168.0.26",
                "device": [
                    {"device_id": "0", "device_ip": "192.1.11.1", "rank_id": "2"},
                    {"device_id": "1", "device_ip": "192.2.11.1", "rank_id": "3"},
                ],
            },
        ],
    }


def test_rank_table_0_1() -> None:
    found = table("0.1")
    [group] = found.pop("group_list")
    assert found == {"status": "completed", "group_count": "1"}
    instances = group.pop("instance_list")
    assert group == {"group_name": "job-trainjob", "device_count": "4", "instance_count": "2"}
    assert [instance["server_id"] for instance in instances] == ["192.168.0.25", "192.168.0.26"]
    assert instances[0]["devices"][0] == {"device_id": "4", "device_ip": "192.1.10.254"}


def test_one_process_a_device(start: Callable) -> None:
    nodes = start(LauncherName.ASCEND, "--rank=", nodes=2, processes=2, peers=PEERS, chip=Chip.ASCEND)
    last = nodes[1][1]
    assert last.argv[2:6] == ("-S", str(START), "600", "--")
    assert last.argv[6:] == ("/env/bin/python", "/home/ma-user/code/train.py", "--rank=3")
    golden = {
        "RANK_ID": "3",
        "RANK_SIZE": "4",
        "DEVICE_ID": "1",
        "DEVICE_NUM": "2",
        "RANK_TABLE_FILE": "/home/ma-user/rank-table/rank_table_v1.0.json",
        "RANK_TABLE_FILE_V_0_1": "/home/ma-user/rank-table/rank_table_v0.1.json",
        "ASCEND_PROCESS_LOG_PATH": "/home/ma-user/log/ascend/rank-3-device-1",
    }
    assert golden.items() <= last.env.items()
    tables = json.loads(last.env["TRAINSHED_RANK_TABLES"])
    assert tables[last.env["RANK_TABLE_FILE"]] == table("1.0")
    assert tables[last.env["RANK_TABLE_FILE_V_0_1"]] == table("0.1")


def test_the_version_can_be_chosen(start: Callable) -> None:
    [[process]] = start(LauncherName.ASCEND, variables={"TRAINSHED_RANK_TABLE_VERSION": "0.1"})
    assert process.env["RANK_TABLE_FILE"].endswith("rank_table_v0.1.json")
    with pytest.raises(InvalidInput, match=r"1\.0, 0\.1"):
        start(LauncherName.ASCEND, variables={"TRAINSHED_RANK_TABLE_VERSION": "2"})


def test_a_platform_may_bring_its_own_table(start: Callable) -> None:
    [[process]] = start(LauncherName.ASCEND, variables={"RANK_TABLE_FILE": "/user/config/hccl.json"})
    assert process.env["RANK_TABLE_FILE"] == "/user/config/hccl.json"
    assert "TRAINSHED_RANK_TABLES" not in process.env


def test_more_processes_than_devices_is_refused(start: Callable) -> None:
    with pytest.raises(InvalidInput, match="given 1 devices"):
        start(LauncherName.ASCEND, processes=2, peers=(Peer("10.0.0.1", ("0",)),), chip=Chip.ASCEND)


def run(file: Path, seconds: str, tables: str = "") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-I", "-S", str(START), seconds, "--", "/bin/cat", str(file)]
    variables = {"RANK_TABLE_FILE": str(file), "TRAINSHED_RANK_TABLES": tables}
    return subprocess.run(argv, env=variables, check=False, capture_output=True, text=True)


def test_the_table_is_written_and_read(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "table.json"
    done = run(file, "5", json.dumps({str(file): table("1.0")}))
    assert json.loads(done.stdout) == table("1.0")


def test_a_table_that_is_not_complete_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    file.write_text('{"status": "initializing"}')
    late = run(file, "0.2")
    assert late.returncode == 1
    assert "Wait for Rank table file ready" in late.stdout
    assert "was not complete within 0.2 s" in late.stderr
    argv = [sys.executable, "-I", "-S", str(START), "30", "--", "/bin/cat", str(file)]
    with subprocess.Popen(
        argv, env={"RANK_TABLE_FILE": str(file)}, stdout=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout
        assert waiting.stdout.readline() == "Wait for Rank table file ready\n"
        file.write_text('{"status": "completed"}')
        assert waiting.stdout.read() == '{"status": "completed"}'
    assert waiting.returncode == 0
