"""Real jobs through the service, on the local pool: how they run, end, stop, wait and start again."""

from __future__ import annotations

import itertools
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.naming import unique
from tests.server.jobs.shed import Json, Shed, eventually
from trainshed.core.errors import Code
from trainshed.server.wire.job_answers import JobModel, Plan, WhyAnswer
from trainshed.server.wire.job_records import (
    StageList,
)

ARGUMENTS = "import sys, json; print('ARGV', json.dumps(sys.argv[1:]))"
SLEEP = "import time; print('begun', flush=True); time.sleep(600)"


def channel(name: str, place: Path | str, **more: Any) -> Json:
    return {"name": name, "remote": {"obs": {"obs_url": str(place)}}, **more}


def argv(log: str) -> list[str]:
    line = next(line for line in log.splitlines() if line.startswith("ARGV "))
    return json.loads(line[5:])


def test_a_job_runs_and_tells_all_about_it(shed: Shed, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "numbers.txt").write_text("1 2 3")
    script = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--data_url"); parser.add_argument("--train_url"); parser.add_argument("--lr", type=float)
a = parser.parse_args()
total = sum(map(int, open(os.path.join(a.data_url, "numbers.txt")).read().split()))
print("total", total, "lr", a.lr, "extra", os.environ["EXTRA"])
print("loss=0.5"); print("loss=nan"); print("loss=0.25")
open(a.train_url + "model.txt", "w").write("model")
"""
    job = shed.submit(
        script,
        algorithm__inputs=[channel("data_url", data)],
        algorithm__outputs=[channel("train_url", tmp_path / "out")],
        algorithm__parameters=[{"name": "lr", "value": "0.1", "description": "learning rate"}],
        algorithm__environments={"EXTRA": "yes"},
        algorithm__metrics={"loss": r"loss=(\S+)"},
        metadata__description="a first job",
        metadata__annotations={"team": "blue"},
    )
    JobModel.model_validate(job)
    done = shed.wait(job)
    JobModel.model_validate(done)
    assert done["status"]["phase"] == "Completed"
    assert done["status"]["outcome"]["exit_code"] == 0
    assert done["status"]["task_statuses"] == [
        {"task": "worker-0", "exit_code": 0, "message": done["status"]["reason"]}
    ]
    assert done["metadata"]["annotations"] == {"team": "blue"}
    assert done["algorithm"]["parameters"][0]["description"] == "learning rate"
    assert "total 6 lr 0.1 extra yes\n" in shed.log(done)
    assert (tmp_path / "out/model.txt").read_text() == "model"
    job_id = done["metadata"]["id"]
    [output] = shed.get(job_id, "outputs")["outputs"]
    assert (output["channel"], output["key"], output["size"]) == ("train_url", "model.txt", 5)
    printed = shed.get(job_id, "training-metrics")["metrics"]
    assert [(m["name"], m["step"], m["value"]) for m in printed if m["value"] is not None] == [
        ("loss", 0, 0.5),
        ("loss", printed[-1]["step"], 0.25),
    ]
    stages = StageList.model_validate(shed.get(job_id, "stages")).running_records[0].stages
    names = [stage.name for stage in stages]
    wanted = ["create", "queue", "precheck", "code", "inputs", "environment", "run", "outputs"]
    assert [name for name in names if name in wanted] == wanted
    assert all(stage.end_time for stage in stages if stage.name in wanted[2:])


def test_names_are_as_good_as_ids_and_details_stay(shed: Shed) -> None:
    job = shed.wait(shed.submit())
    assert shed.show(job["metadata"]["name"]) == shed.show(job)


def test_an_inline_job_passes_just_what_it_was_given(shed: Shed) -> None:
    job = shed.submit(
        ARGUMENTS,
        algorithm__parameters=[
            {"name": "text", "value": "a b=c"},
            {"name": "empty", "value": ""},
            {"name": "number", "value": 3},
            {"name": "flag", "flag": True},
        ],
    )
    shed.wait(job)
    assert argv(shed.log(job)) == ["--text=a b=c", "--empty=", "--number=3", "--flag"]


def test_a_job_of_an_algorithm_has_its_parameters_in_order(shed: Shed, tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    name = unique("ordered")
    made = shed.api.post(
        shed.running.v2("algorithms"),
        json={
            "metadata": {"name": name},
            "job_config": {
                "code_dir": shed.code(ARGUMENTS),
                "boot_file": "train.py",
                "engine": {"engine_id": "python"},
                "parameters": [{"name": "lr", "value": "0.1"}, {"name": "rounds", "value": "3"}],
                "inputs": [{"name": "data_url", "access_method": "env"}],
            },
        },
    )
    assert made.status_code == 201, made.text
    more = [{"name": "seed", "value": "7"}, {"name": "rounds", "value": "9"}]
    job = shed.submit(algorithm={"name": name, "parameters": more, "inputs": [channel("data_url", tmp_path)]})
    done = shed.wait(job)
    assert argv(shed.log(job)) == ["--lr=0.1", "--rounds=9", "--seed=7"]
    assert done["algorithm"]["id"] == made.json()["metadata"]["id"]
    assert done["algorithm"]["name"] == name


def test_a_script_that_fails(shed: Shed) -> None:
    done = shed.wait(shed.submit("import sys; print('so far'); sys.exit(3)"))
    status = done["status"]
    assert status["phase"] == "Failed"
    outcome = status["outcome"]
    assert (outcome["cause"], outcome["exit_code"], outcome["rank"]) == ("user_error", 3, 0)
    assert status["task_statuses"][0]["exit_code"] == 3
    assert outcome["log_offset"] >= 0
    events = shed.get(done["metadata"]["id"], "events", level="Error")["events"]
    assert any("exit code 3" in event["message"] for event in events)


def test_a_script_that_is_killed(shed: Shed) -> None:
    done = shed.wait(shed.submit("import os; os.kill(os.getpid(), 9)"))
    assert done["status"]["phase"] == "Failed"
    assert done["status"]["outcome"]["signal"] == 9
    assert done["status"]["task_statuses"][0]["exit_code"] == 137


def test_a_stopped_script_has_its_grace_and_keeps_its_outputs(shed: Shed, tmp_path: Path) -> None:
    script = """
import signal, sys, time
def end(*_):
    open(sys.argv[1].split("=")[1] + "checkpoint", "w").write("saved"); print("saved"); sys.exit(1)
signal.signal(signal.SIGTERM, end)
print("begun", flush=True)
time.sleep(600)
"""
    job = shed.submit(script, algorithm__outputs=[channel("train_url", tmp_path / "out")])
    shed.until_log(job, "begun")
    answer = shed.stop(job)
    assert answer.status_code == 202
    assert answer.json()["status"]["phase"] in ("Terminating", "Terminated")
    done = shed.wait(job)
    assert done["status"]["phase"] == "Terminated"
    assert done["status"]["outcome"]["cause"] == "stopped"
    assert (tmp_path / "out/checkpoint").read_text() == "saved"
    assert "saved\n" in shed.log(done)
    assert shed.stop(job).status_code == 409


def test_a_script_that_was_stopped_is_terminated_however_well_it_ends(shed: Shed) -> None:
    """The cause is what the platform did, not a guess from the exit code."""
    script = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("begun", flush=True)
time.sleep(600)
"""
    job = shed.submit(script)
    shed.until_log(job, "begun")
    shed.stop(job)
    assert shed.wait(job)["status"]["phase"] == "Terminated"


def test_a_forced_stop_waits_for_nobody(shed: Shed) -> None:
    script = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("begun", flush=True)
time.sleep(600)
"""
    job = shed.submit(script, spec__grace_s=600)
    shed.until_log(job, "begun")
    shed.stop(job, force=True)
    assert shed.wait(job)["status"]["phase"] == "Terminated"


def test_a_job_may_not_run_longer_than_it_said(shed: Shed) -> None:
    job = shed.submit(SLEEP, spec__auto_stop={"time_unit": "SECONDS", "duration": 1})
    done = shed.wait(job)
    assert done["status"]["phase"] == "Terminated"
    assert done["status"]["outcome"]["cause"] == "timeout"
    assert done["spec"]["auto_stop"] == {"time_unit": "SECONDS", "duration": 1}


def test_jobs_wait_for_room_and_say_why(shed: Shed) -> None:
    whole = f"cpu-{len(shed.running.context.pools['local'].nodes()) and _cores(shed)}"
    first = shed.submit(SLEEP, spec__resource__flavor_id=whole)
    shed.until_log(first, "begun")
    second = shed.submit(spec__resource__flavor_id=whole)
    third = shed.submit(spec__resource__flavor_id=whole)
    assert third["status"]["phase"] in ("Creating", "Pending")
    why = WhyAnswer.model_validate(shed.get(third["metadata"]["id"], "why"))
    assert (why.position, why.queued) == (2, 2)
    assert why.sentence
    assert why.sentence_zh
    url = shed.url(third["metadata"]["id"])
    assert shed.api.put(url, json={"spec": {"schedule_policy": {"priority": 3}}}).status_code == 200
    assert shed.get(third["metadata"]["id"], "why")["position"] == 1
    assert shed.get(second["metadata"]["id"], "why")["position"] == 2
    stopped = shed.stop(second)
    assert stopped.json()["status"]["phase"] == "Terminated"
    assert shed.show(second)["status"]["outcome"]["cause"] == "stopped"
    shed.stop(first)
    done = shed.wait(third)
    assert done["status"]["phase"] == "Completed"
    assert done["spec"]["schedule_policy"]["priority"] == 3
    late = shed.api.put(url, json={"spec": {"schedule_policy": {"priority": 2}}})
    assert (late.status_code, late.json()["error_code"]) == (409, Code.JOB_FINISHED)


def _cores(shed: Shed) -> int:
    return int(shed.running.context.pools["local"].nodes()[0].total.cpus)


def test_a_failed_job_is_started_again_as_often_as_it_may(shed: Shed, tmp_path: Path) -> None:
    script = """
import pathlib, sys, os
mark = pathlib.Path(sys.argv[1].split("=")[1])
print("attempt", os.environ["TRAINSHED_ATTEMPT"])
tries = len(list(mark.iterdir()))
(mark / str(tries)).touch()
sys.exit(0 if tries == 2 else 5)
"""
    notes = {"fault-tolerance/job-retry-num": "3", "fault-tolerance/job-unconditional-retry": "true"}
    outputs = [channel("train_url", tmp_path / "out", predownload=True)]
    job = shed.submit(script, metadata__annotations=notes, algorithm__outputs=outputs)
    done = shed.wait(job)
    assert (done["status"]["phase"], done["status"]["attempt"]) == ("Completed", 2)
    assert [shed.log(job, attempt=n) for n in range(3)] == [f"attempt {n}\n" for n in range(3)]
    assert len(done["status"]["running_records"]) == 3
    assert len(shed.get(job["metadata"]["id"], "stages")["running_records"]) == 3
    followed = "".join(data["text"] for kind, data in shed.follow(job, logs=True) if kind == "log")
    assert [line for line in followed.splitlines() if line.startswith("attempt")] == [
        f"attempt {n}" for n in range(3)
    ]


def test_a_job_without_restarts_has_failed(shed: Shed) -> None:
    notes = {"fault-tolerance/job-retry-num": "3"}
    done = shed.wait(shed.submit("raise SystemExit(4)", metadata__annotations=notes))
    assert (done["status"]["phase"], done["status"]["attempt"]) == ("Failed", 0)


def test_a_gang_runs_on_addresses_of_its_own(shed: Shed) -> None:
    script = """
import os
print(os.environ["VC_TASK_INDEX"], os.environ["VC_WORKER_NUM"], os.environ["VC_WORKER_HOSTS"])
"""
    job = shed.submit(script, spec__resource__node_count=2)
    done = shed.wait(job)
    assert done["status"]["phase"] == "Completed"
    assert [shed.log(job, f"worker-{n}") for n in range(2)] == [
        f"{n} 2 127.0.0.1,127.0.0.2\n" for n in range(2)
    ]
    tasks = shed.get(job["metadata"]["id"], "tasks")
    assert [(task["task"], task["ip"]) for task in tasks] == [
        ("worker-0", "127.0.0.1"),
        ("worker-1", "127.0.0.2"),
    ]


def test_one_failing_task_ends_the_others(shed: Shed) -> None:
    script = """
import os, sys, time
print("begun", flush=True)
if os.environ["VC_TASK_INDEX"] == "1":
    time.sleep(0.5)
    sys.exit(7)
time.sleep(600)
"""
    done = shed.wait(shed.submit(script, spec__resource__node_count=2))
    status = done["status"]
    assert status["phase"] == "Failed"
    assert status["outcome"]["exit_code"] == 7
    assert "worker-1" in status["reason"]
    causes = {t["task"]: t["outcome"]["cause"] for t in shed.get(done["metadata"]["id"], "tasks")}
    assert causes == {"worker-0": "stopped", "worker-1": "user_error"}


def test_a_finished_job_can_be_deleted_and_no_other(shed: Shed) -> None:
    job = shed.submit(SLEEP)
    shed.until_log(job, "begun")
    url = shed.url(job["metadata"]["id"])
    answer = shed.api.delete(url)
    assert (answer.status_code, answer.json()["error_code"]) == (409, Code.JOB_NOT_FINISHED)
    shed.stop(job, force=True)
    shed.wait(job)
    job_id = job["metadata"]["id"]
    logs = shed.running.context.log_root / job_id
    assert logs.is_dir()
    assert shed.api.delete(url).status_code == 202
    assert not logs.exists()
    assert not (shed.running.home / "jobs" / job_id).exists()
    assert shed.api.get(url).status_code == 404
    shed.submit(metadata__name=job["metadata"]["name"])


def test_several_jobs_are_deleted_together(shed: Shed) -> None:
    jobs = [shed.wait(shed.submit()) for _ in range(2)]
    ids = [job["metadata"]["id"] for job in jobs] + ["nobody"]
    body = {"jobs": [{"kind": "job", "metadata": {"id": job_id}} for job_id in ids]}
    answer = shed.api.post(shed.url("batch-delete"), json=body)
    assert answer.status_code == 202
    assert [item["success"] for item in answer.json()["jobs"]] == [True, True, False]


def test_description_and_notes_can_change(shed: Shed) -> None:
    job = shed.wait(shed.submit(metadata__annotations={"a": "1"}))
    change = {"description": "new", "metadata": {"annotation": {"b": "2"}}}
    answer = shed.api.put(shed.url(job["metadata"]["id"]), json=change)
    assert answer.status_code == 200
    metadata = shed.show(job)["metadata"]
    assert (metadata["description"], metadata["annotations"]) == ("new", {"a": "1", "b": "2"})
    long = shed.api.put(shed.url(job["metadata"]["id"]), json={"description": "x" * 257})
    assert long.status_code == 400


def test_a_dry_run_shows_the_command_line_and_creates_nothing(shed: Shed) -> None:
    body = shed.body(algorithm__parameters=[{"name": "lr", "value": "0.1"}], spec__resource__node_count=2)
    before = shed.total()
    answer = shed.api.post(shed.url("dry-run"), json=body)
    assert answer.status_code == 200, answer.text
    plan = Plan.model_validate(answer.json())
    assert shed.total() == before
    assert [task.host for task in plan.tasks] == ["127.0.0.1", "127.0.0.2"]
    [process] = plan.tasks[0].processes
    assert process.argv[-1] == "--lr=0.1"
    assert process.argv[-2].endswith("/train.py")
    assert process.env["VC_WORKER_NUM"] == "2"
    assert plan.start == "cold: the job does not ask for a warm start"
    several = {"flavor_id": "cpu-1", "node_count": 1, "processes": 2}
    for engine, resource, start in (
        ("python", several, "warm: json imported before"),
        ("mpi4py", several, "cold: its launcher does not start the script directly"),
    ):
        wanted = {"algorithm__engine": {"engine_id": engine}, "spec__resource": resource}
        body = shed.body(spec__warm_start=True, **wanted)
        assert shed.api.post(shed.url("dry-run"), json=body).json()["start"] == start


def test_secrets_are_masked(shed: Shed) -> None:
    hidden = {"name": "key", "value": "s3cret", "constraint": {"type": "String", "sensitive": True}}
    job = shed.submit(ARGUMENTS, algorithm__parameters=[hidden])
    done = shed.wait(job)
    assert argv(shed.log(job)) == ["--key=s3cret"]
    assert done["algorithm"]["parameters"][0]["value"] == "******"
    assert "s3cret" not in json.dumps(done)


def test_events_speak_chinese(shed: Shed) -> None:
    job = shed.wait(shed.submit())
    url = shed.url(job["metadata"]["id"], "events")
    found = shed.api.get(url, headers={"X-Language": "zh-cn"}, params={"order": "asc"}).json()["events"]
    assert found[0]["message"] == "作业已创建"
    page = shed.api.get(url, params={"order": "asc", "limit": 2, "offset": 1}).json()
    assert len(page["events"]) == 2
    assert page["total"] == len(found)
    assert shed.api.get(url, params={"pattern": "训练脚本"}).json()["total"] == 2
    assert shed.api.get(url, params={"start_time": "2000-01-01T00:00:00Z"}).json()["total"] == len(found)
    assert shed.api.get(url, params={"end_time": "946684800000"}).json()["total"] == 0


def test_how_a_job_failed_is_said_in_chinese(shed: Shed) -> None:
    done = shed.wait(shed.submit("raise SystemExit(3)"))
    job, chinese = done["metadata"]["id"], {"X-Language": "zh-cn"}
    status = shed.api.get(shed.url(job), headers=chinese).json()["status"]
    said = "脚本异常退出，退出码 3"
    assert (status["reason"], status["outcome"]["message"]) == (said, said)
    assert status["running_records"][0]["end_reason"] == said
    events = shed.api.get(shed.url(job, "events"), headers=chinese).json()["events"]
    assert events[0]["message"] == f"作业运行失败：{said}"
    assert shed.api.get(shed.url(job)).json()["status"]["reason"].endswith("ended with exit code 3")


def test_logs_can_be_read_in_pieces(shed: Shed) -> None:
    job = shed.wait(shed.submit("for n in range(1000): print('line', n)"))
    url = shed.url(job["metadata"]["id"], "tasks", "worker-0", "logs")
    whole = shed.api.get(url).content
    assert whole.count(b"\n") >= 1000
    piece = shed.api.get(url, params={"offset": 100, "limit": 50})
    assert piece.content == whole[100:150]
    assert (piece.headers["X-Log-Size"], piece.headers["X-Log-Offset"]) == (str(len(whole)), "100")
    assert shed.api.get(url, params={"offset": -20}).content == whole[-20:]
    assert shed.api.get(url, params={"offset": 10**9}).content == b""
    preview = shed.get(job["metadata"]["id"], "tasks", "worker-0", "logs", "preview")
    assert preview == {
        "content": whole.decode(),
        "current_size": len(whole),
        "full_size": len(whole),
    }
    matches = shed.get(job["metadata"]["id"], "tasks", "worker-0", "logs", "search", q="line 99")
    assert [m["text"] for m in matches["matches"]] == ["line 99", *(f"line 99{n}" for n in range(10))]
    last = shed.get(job["metadata"]["id"], "logs", "worker-0", lines=3)
    before = shed.get(job["metadata"]["id"], "logs", "worker-0", lines=3, base_line=last["start_line"])
    assert whole.decode().endswith(before["content"] + last["content"])
    first = shed.get(job["metadata"]["id"], "logs", "worker-0", lines=2, order="asc")
    assert whole.decode().startswith(first["content"])


def test_following_begins_where_it_is_told(shed: Shed) -> None:
    job = shed.wait(shed.submit("for n in range(100): print('line', n, 'ü')"))
    whole = shed.api.get(shed.url(job["metadata"]["id"], "tasks", "worker-0", "logs")).content
    events = list(shed.follow(job, logs=True, offset=100, after=3))
    text = "".join(data["text"] for kind, data in events if kind == "log")
    assert text == whole[100:].decode()
    assert next(data["id"] for kind, data in events if kind == "event") == 4
    assert events[-1][0] == "end"
    assert events[-1][1]["phase"] == "Completed"


def test_an_environment_that_cannot_be_built_fails_the_job(
    shed: Shed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainshed.core.errors import InvalidInput

    def ensure(*_: Any, **__: Any) -> None:
        raise InvalidInput("no such interpreter: install it", code=Code.INTERPRETER_MISSING)

    environments = shed.running.context.environments
    monkeypatch.setattr(environments, "ensure", ensure)
    job = shed.submit(algorithm__engine={"engine_id": "pytorch"})
    done = shed.wait(job)
    assert done["status"]["phase"] == "Failed"
    assert done["status"]["reason"] == "no such interpreter: install it"
    assert done["status"]["outcome"]["code"] == Code.INTERPRETER_MISSING


def test_resource_use_is_sampled(shed: Shed) -> None:
    job = shed.submit("import time; print('begun', flush=True); time.sleep(600)")
    shed.until_log(job, "begun")

    def sampled() -> bool:
        metrics = shed.get(job["metadata"]["id"], "metrics", "worker-0")["metrics"]
        values = {item["metric"]: item["value"] for item in metrics}
        return bool(values["cpuUsage"]) and values["memMb"][0] > 0 and values["npuUtil"][0] == -1

    eventually(sampled)
    shed.stop(job, force=True)
    shed.wait(job)


RESUMES = """
import json, os, sys, time
out = sys.argv[1].split("=")[1]
path = os.path.join(out, "checkpoint.json")
state = json.load(open(path)) if os.path.exists(path) else {"step": 0, "weight": 5.0}
print("begins at step", state["step"], flush=True)
while state["step"] < 40:
    state["weight"] -= 0.1 * 2 * (state["weight"] - 1.25)  # gradient descent on (w - 1.25) ** 2
    state["step"] += 1
    with open(path + ".new", "w") as file:
        json.dump(state, file)
    os.replace(path + ".new", path)
    print("step", state["step"], "loss", repr((state["weight"] - 1.25) ** 2), flush=True)
    time.sleep(0.05)
"""


def test_a_job_killed_three_times_ends_with_the_loss_of_one_that_was_not(shed: Shed, tmp_path: Path) -> None:
    """Each start fetches what the last one has left in its output, and goes on from there."""
    notes = {"fault-tolerance/job-unconditional-retry": "true"}
    calm_out, killed_out = tmp_path / "calm", tmp_path / "killed"
    calm = shed.submit(RESUMES, algorithm__outputs=[channel("train_url", calm_out, predownload=True)])
    job = shed.submit(
        RESUMES,
        metadata__annotations=notes,
        algorithm__outputs=[channel("train_url", killed_out, predownload=True)],
    )
    root = shed.running.home / "jobs" / job["metadata"]["id"]
    for attempt in range(3):
        eventually(lambda n=attempt: f"step {8 * (n + 1)} " in logged(shed, job, n))
        [[_, pid, _]] = json.loads((root / str(attempt) / "worker-0" / "run" / "run.launched").read_text())
        os.kill(pid, signal.SIGKILL)
    done = shed.wait(job)
    assert (done["status"]["phase"], done["status"]["attempt"]) == ("Completed", 3)
    begins = [int(shed.log(job, attempt=n).split("begins at step ")[1].split()[0]) for n in range(4)]
    assert begins[0] == 0
    assert all(later > earlier for earlier, later in itertools.pairwise(begins)), begins
    assert shed.wait(calm)["status"]["phase"] == "Completed"
    assert shed.log(job).splitlines()[-1] == shed.log(calm).splitlines()[-1]
    assert (killed_out / "checkpoint.json").read_text() == (calm_out / "checkpoint.json").read_text()
    records = done["status"]["running_records"]
    assert [record["outcome"]["signal"] for record in records[:3]] == [9, 9, 9]
    assert [record["attempt"] for record in records] == [0, 1, 2, 3]


def logged(shed: Shed, job: Json, attempt: int) -> str:
    """The log of one start, which may not have begun."""
    url = shed.url(job["metadata"]["id"], "tasks", "worker-0", "logs")
    return shed.api.get(url, params={"attempt": attempt}).text
