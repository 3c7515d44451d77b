"""Elastic jobs end to end: a service, the local pool, and the number of workers changed over the API."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.engines.test_environments import MINOR, make_wheel
from tests.server.jobs.shed import ENDED, Json, Shed, eventually
from tests.server.running import running

HERE = Path(__file__).parent
ENGINE = f"""
family = "Tiny"
framework = "TinyFu"

[[engine]]
id = "tinyfu_1.0"
framework_version = "1.0"
launcher = "kungfu"
chips = ["CPU"]
archs = ["x86_64", "aarch64"]

[engine.recipe]
python = "{MINOR}"
requirements = ["tinyfu==1.0"]
imports = ["tinyfu"]
"""
PATIENCE_S = 400.0
OFTEN = {"fault-tolerance/hang-window-s": "20"}
"""Has agents look, and so speak to the server, twice a second."""


@pytest.fixture
def shed(tmp_path: Path, wheels: Path) -> Generator[Shed]:
    """A service with an engine whose ``kungfu-run`` is the stand-in."""
    runner = (HERE / "stand_ins" / "kungfu_run.py").read_text()
    make_wheel(wheels, "tinyfu", "1.0", "", {"kungfu-run": runner})
    home = tmp_path / "home"
    (home / "engines").mkdir(parents=True)
    (home / "engines" / "tinyfu.toml").write_text(ENGINE)
    with running(home, environments=tmp_path / "environments") as server:
        yield Shed(server, tmp_path / "scripts")


@pytest.fixture
def real_shed(tmp_path: Path) -> Generator[Shed]:
    """A service with the preset engines."""
    with running(tmp_path / "home") as server:
        yield Shed(server, tmp_path / "scripts")


def resize(shed: Shed, job: Json, workers: object) -> tuple[int, Json]:
    answer = shed.api.post(shed.url(job["metadata"]["id"], "resize"), json={"workers": workers})
    return answer.status_code, answer.json()


def test_a_kungfu_job_shrinks_and_grows(shed: Shed) -> None:
    job = shed.submit(
        (HERE / "scripts" / "kungfu_elastic.py").read_text(),
        algorithm__engine={"engine_id": "tinyfu_1.0"},
        spec__resource={"flavor_id": "cpu-1", "node_count": 2, "processes": 2},
        spec__min_workers=2,
        metadata__annotations=OFTEN,
    )
    shed.until_log(job, "joined 4 peers as 3", task="worker-1")
    for wrong, said in ((1, "from 2 to 4"), (5, "from 2 to 4"), ("x", "workers")):
        status, answer = resize(shed, job, wrong)
        assert (status, said in answer["error_msg"]) == (400, True), answer
    assert resize(shed, job, 2)[1] == {"job_id": job["metadata"]["id"], "workers": 2, "least": 2, "most": 4}
    for task in ("worker-0", "worker-1"):
        log = shed.until_log(job, "left, 2 peers go on", task=task)
        log = log if "now 2 peers" in log else shed.until_log(job, "now 2 peers", task=task)
    assert shed.show(job)["status"]["workers"] == 2
    assert resize(shed, job, 4)[0] == 202
    ended = shed.wait(job)
    assert ended["status"]["phase"] == "Completed", shed.log(job)
    assert ended["spec"]["min_workers"] == 2
    for task in ("worker-0", "worker-1"):
        log = shed.log(job, task)
        assert "newcomer: True" in log
        assert "now 4 peers" in log
    found = shed.get(job["metadata"]["id"], "events", order="asc", limit=1000)["events"]
    told = [(event["source"], event["message"]) for event in found]
    for workers in (2, 4):
        assert any(s == "service" and f"to have {workers} workers" in text for s, text in told), told
        assert any(s == "worker-0" and f"to go on with {workers} workers" in text for s, text in told), told
    status, answer = resize(shed, job, 2)
    assert (status, answer["error_code"]) == (409, "TrainShed.5002"), answer


def test_a_job_that_cannot_change_says_why(shed: Shed) -> None:
    for changes, said in (
        ({"spec__min_workers": 1}, "starts its processes by plain, whose number is fixed"),
        ({"metadata__annotations": {"trainshed/min-workers": "1"}}, "elastic jobs are started by"),
        ({"metadata__annotations": {"trainshed/min-workers": "some"}}, "a number of workers"),
        (
            {"spec__min_workers": 1, "algorithm__engine": {"engine_id": "tinyfu_1.0"}}
            | {"spec__resource": {"flavor_id": "cpu-1", "node_count": 2}},
            "can go on with 2 to 2 workers",
        ),
    ):
        status, code, sentence = shed.refused(shed.body("", **changes))
        assert (status, code, said in sentence) == (400, "TrainShed.1002", True), sentence
    job = shed.submit("input()")
    status, answer = resize(shed, job, 1)
    assert (status, answer["error_code"]) == (409, "TrainShed.5013"), answer
    assert "fixed number of workers" in answer["error_msg"]
    shed.wait(job)


@pytest.mark.engine
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(("nodes", "processes"), [(1, 2), (2, 1)])
def test_a_horovod_job_outlives_a_worker_shrinks_and_grows(
    real_shed: Shed, digits: Path, nodes: int, processes: int
) -> None:
    """With a node for each worker it is nodes that leave and join."""
    shed = real_shed
    job = shed.submit(
        (HERE / "scripts" / "horovod_elastic.py").read_text(),
        algorithm__engine={"engine_id": "horovod-pytorch"},
        algorithm__inputs=[{"name": "data_url", "remote": {"obs": {"obs_url": f"{digits}/"}}}],
        algorithm__parameters=[{"name": "sizes", "value": "2,1,2,1,2"}],
        spec__resource={"flavor_id": "cpu-1", "node_count": nodes, "processes": processes},
        spec__min_workers=1,
        metadata__annotations=OFTEN,
    )

    def sizes() -> list[str]:
        return re.findall(r"size (\d) rank 0 at step", shed.log(job))

    def sizes_are(*wanted: str) -> bool:
        assert shed.show(job)["status"]["phase"] not in ENDED, shed.log(job)
        return sizes() == [*wanted]

    eventually(lambda: sizes_are("2", "1", "2"), PATIENCE_S)
    assert resize(shed, job, 1)[0] == 202
    eventually(lambda: sizes_are("2", "1", "2", "1"), PATIENCE_S)
    assert resize(shed, job, 2)[0] == 202
    eventually(lambda: shed.show(job)["status"]["phase"] in ENDED, PATIENCE_S)
    log = "".join(shed.log(job, f"worker-{index}") for index in range(nodes))
    assert shed.show(job)["status"]["phase"] == "Completed", log
    assert sizes() == ["2", "1", "2", "1", "2"]
    reports = [json.loads(text) for text in re.findall(r"REPORT (.*)", log)]
    assert sorted(report["rank"] for report in reports) == [0, 1], log
    assert min(report["accuracy"] for report in reports) > 0.9
    assert reports[0]["checksum"] == pytest.approx(reports[1]["checksum"], rel=1e-5)
    assert "was killed by signal 9; another one takes its place" in log, log
    assert "is not needed any more" in log
