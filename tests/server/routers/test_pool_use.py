"""What of the pools is taken, while a job runs and after it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.server.running import Running

WAITING = "import time; time.sleep(600)"


def use(server: Running) -> dict[str, Any]:
    (local,) = server.api.get(server.v2("pool-use")).json()["items"]
    return local


def test_a_running_job_takes_of_its_node_and_gives_it_back(server: Running, tmp_path: Path):
    code = tmp_path / "code"
    code.mkdir()
    (code / "train.py").write_text(WAITING)
    assert use(server) == {"pool_id": "local", "running": 0, "waiting": 0, "nodes": []}
    body: dict[str, Any] = {
        "kind": "job",
        "metadata": {"name": f"taking-{uuid4().hex[:8]}"},
        "algorithm": {
            "code_dir": code.as_uri() + "/",
            "boot_file": "train.py",
            "engine": {"engine_id": "python_3.11"},
        },
        "spec": {"resource": {"flavor_id": "cpu-1", "node_count": 1}},
    }
    made = server.api.post(server.v2("training-jobs"), json=body)
    assert made.status_code == 201, made.text
    deadline = time.monotonic() + 120
    while not (taken := use(server))["running"]:
        assert time.monotonic() < deadline, taken
        time.sleep(0.05)
    assert taken["waiting"] == 0
    (node,) = taken["nodes"]
    assert (node["name"], node["tasks"], node["cpus"], node["cards"]) == ("local", 1, 1, 0)
    assert node["memory_mb"] > 0
    stop = server.v2(f"training-jobs/{made.json()['metadata']['id']}/actions")
    server.api.post(stop, json={"action_type": "terminate", "force": True}).raise_for_status()
    while (taken := use(server))["running"]:
        assert time.monotonic() < deadline, taken
        time.sleep(0.05)
    assert taken["nodes"] == []
