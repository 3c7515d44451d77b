"""The other commands against a service that runs."""

from __future__ import annotations

import os

import pytest

from tests.cli.conftest import Service, Shell

RANKS = """
family = "Ranks"

[[engine]]
id = "ranks_1.0"
framework = "Ranks"
framework_version = "1.0"
launcher = "torchrun"
chips = ["CPU"]
archs = ["x86_64", "aarch64"]
system = "any Linux"

[engine.recipe]
python = "3.11"
other_pythons = ["3.12", "3.13"]
requirements = []
imports = ["json"]
"""


@pytest.fixture
def job(shell: Shell) -> str:
    """A finished job."""
    shell.script("for step in range(5): print(f'step {step} loss={1 / (step + 1):.3f}')\nprint('done')")
    words = r"run train.py --engine python --detach --metric loss=loss=([0-9.]+)"
    name = shell.run(*words.split()).stdout.strip()
    assert shell.run("jobs", "logs", "-f", name).returncode == 0
    shown = shell.run("jobs", "show", name).stdout
    assert "Completed" in shown, shown
    return name


def test_a_job_is_created_of_code_in_a_bucket(shell: Shell) -> None:
    shell.script("import os, sys; print(sorted(sys.argv[1:]), os.environ['MODE'], flush=True)")
    name = shell.run("run", "train.py", "--engine", "python", "--detach").stdout.strip()
    code_dir = shell.json("jobs", "show", name)["algorithm"]["code_dir"]
    again = f"{name}-again"
    options = (
        f"--code-dir {code_dir} --boot-file train.py --engine python_3.11 --env MODE=fast --max-hours 1.5"
    )
    more = (
        "--restarts 2 --annotation fault-tolerance/hang-retry=true --grace 7 --cold-start -- --lr=0.1 --amp"
    )
    done = shell.run("jobs", "create", again, *options.split(), *more.split())
    assert done.stdout.strip() == again, done.stderr
    assert "['--amp', '--lr=0.1'] fast" in shell.run("jobs", "logs", "-f", "-q", again).stdout
    shown = shell.json("jobs", "show", again)
    assert shown["spec"]["auto_stop"] == {"time_unit": "SECONDS", "duration": 5400}
    assert shown["spec"]["grace_s"] == 7
    assert shown["metadata"]["annotations"]["fault-tolerance/job-retry-num"] == "2"
    refused = shell.run(
        "jobs", "create", again, "--code-dir", code_dir, "--boot-file", "train.py", "-e", "python"
    )
    assert refused.returncode == 1
    assert "exists" in refused.stderr
    plan = shell.json(
        "jobs",
        "create",
        f"{name}-plan",
        "--code-dir",
        code_dir,
        "--boot-file",
        "train.py",
        "-e",
        "python",
        "--dry-run",
    )
    assert plan["tasks"][0]["processes"]


def test_what_is_to_happen_when_it_fails_or_hangs(shell: Shell) -> None:
    """A script that fails is started again by its budget; what was asked for is in its annotations."""
    shell.script("exit(9)")
    words = (
        "run train.py --engine python --restart-on error=1 --restart-on preemption=20 --final-codes 7,8 "
        "--restart-codes 75 --backoff 1 --hang-action wait --hang-after 900 --detach"
    )
    name = shell.run(*words.split()).stdout.strip()
    shell.run("jobs", "logs", "-f", name)
    shown = shell.json("jobs", "show", name)
    assert (shown["status"]["phase"], shown["status"]["attempt"]) == ("Failed", 1)
    assert shown["metadata"]["annotations"] == {
        "fault-tolerance/user-error-retry-num": "1",
        "fault-tolerance/preemption-retry-num": "20",
        "fault-tolerance/retry-exit-codes": "75",
        "fault-tolerance/never-retry-exit-codes": "7,8",
        "fault-tolerance/backoff-s": "1",
        "fault-tolerance/hang-action": "wait",
        "fault-tolerance/hang-window-s": "900",
    }
    for bad in ("errors=1", "error", "error=often"):
        refused = shell.run("run", "train.py", "--engine", "python", "--restart-on", bad)
        assert refused.returncode == 125
        assert "is not KIND=N with a kind of error, hang, preemption" in refused.stderr
    assert "wait" in shell.run("run", "train.py", "--hang-action", "pray").stderr
    refused = shell.run("run", "train.py", "--engine", "python", "--final-codes", "300")
    assert "exit codes from 0 to 255" in refused.stderr


def test_list_and_show(shell: Shell, job: str) -> None:
    listed = shell.run("jobs", "list")
    assert job in listed.stdout
    assert listed.stdout.splitlines()[0].split() == ["NAME", "PHASE", "CREATED", "RAN", "ENGINE", "ID"]
    found = shell.json("jobs", "list", "--name", job)["jobs"]
    assert [item["name"] for item in found] == [job]
    shown = shell.run("jobs", "show", job).stdout
    assert "Completed" in shown
    assert shell.run("jobs", "show", found[0]["id"]).stdout == shown


def test_logs(shell: Shell, job: str) -> None:
    whole = shell.run("jobs", "logs", "-q", job).stdout.splitlines()
    assert whole[0] == "step 0 loss=1.000"
    assert whole[-1] == "done"
    assert "[ModelArts Service Log]" in shell.run("jobs", "logs", job).stderr
    assert "loss=0.250" in shell.run("jobs", "logs", job, "--search", "step 3").stdout


def test_logs_are_saved_by_the_names_of_modelarts(fresh: Shell) -> None:
    """Of every task, and of every device's process."""
    engines = fresh.home / "engines"
    engines.mkdir(parents=True, exist_ok=True)
    (engines / "ranks.toml").write_text(RANKS)
    fresh.script("import os; print('rank', os.environ['RANK'])")
    words = "run train.py --engine ranks_1.0 --nodes 2 --processes 2 --detach"
    begun = fresh.run(*words.split())
    assert begun.returncode == 0, begun.stderr
    name = begun.stdout.strip()
    assert fresh.run("jobs", "logs", "-f", name).returncode == 0
    job = fresh.json("jobs", "show", name)["metadata"]["id"]
    done = fresh.run("jobs", "logs", name, "--save", "saved")
    assert done.returncode == 0, done.stderr
    saved = {path.name: path.read_text() for path in (fresh.folder / "saved").iterdir()}
    stem = f"modelarts-job-{job}-"
    ranks = {f"{stem}proc-rank-{i}-device-{i % 2}.txt": f"rank {i}\n" for i in range(4)}
    assert {k: v for k, v in saved.items() if "proc" in k} == ranks
    assert set(saved) == {*ranks, f"{stem}worker-0.log", f"{stem}worker-1.log"}


@pytest.mark.parametrize("count", [0, 1, 3, 1000])
def test_the_end_of_a_log(shell: Shell, job: str, count: int) -> None:
    done = shell.run("jobs", "logs", job, "--tail", str(count))
    whole = shell.run("jobs", "logs", job)
    lines = (done.stdout + done.stderr).splitlines()
    every = (whole.stdout + whole.stderr).splitlines()
    assert len(lines) == min(count, len(every))
    assert set(lines) <= set(every)


def test_events(shell: Shell, job: str) -> None:
    events = shell.json("jobs", "events", job)
    assert events
    assert {"time", "level", "source", "message"} <= set(events[0])
    assert "TIME" in shell.run("jobs", "events", job).stdout


def test_metrics(shell: Shell, job: str) -> None:
    found = shell.json("jobs", "metrics", job)
    values = [item["value"] for item in found["training"] if item["name"] == "loss"]
    assert values == [1.0, 0.5, 0.333, 0.25, 0.2]
    printed = shell.run("jobs", "metrics", job).stdout
    assert "loss" in printed
    assert "RESOURCE" not in printed or "cpuUsage" in printed


def test_stop_why_and_delete(shell: Shell) -> None:
    shell.script("import time; time.sleep(600)", "sleep.py")
    name = shell.run("run", "sleep.py", "--engine", "python", "--detach").stdout.strip()
    assert shell.run("jobs", "why", name).returncode == 0
    stopped = shell.run("jobs", "stop", name, "--wait")
    assert "is Terminated" in stopped.stderr
    assert shell.run("jobs", "delete", name).returncode == 0
    gone = shell.run("jobs", "show", name)
    assert gone.returncode == 1
    assert name in gone.stderr


def test_algorithms(shell: Shell) -> None:
    shell.script("import sys; print(sys.argv[1:])")
    name = f"algorithm-{os.getpid()}"
    words = (
        f"algorithms create {name} train.py --engine python -o train_url -p lr:Float=0.1 -p epochs:Integer=3"
    )
    created = shell.json(*words.split())
    assert created["name"] == name
    assert name in shell.run("algorithms", "list").stdout
    shown = shell.run("algorithms", "show", name).stdout
    assert "--lr  Float  0.1" in shown
    assert shell.run("algorithms", "show", created["id"]).stdout == shown
    assert shell.run("algorithms", "delete", name).returncode == 0
    assert shell.run("algorithms", "show", name).returncode == 1


def test_engines(shell: Shell) -> None:
    engines = {engine["id"]: engine for engine in shell.json("engines", "list")}
    assert engines["pytorch_2.13.0-py_3.11"]["available"]
    assert "PyTorch" in shell.run("engines", "list").stdout
    assert "pytorch_2.13.0-py_3.11" in shell.run("engines", "show", "pytorch").stdout
    built = shell.run("engines", "build", "python")
    assert built.returncode == 0, built.stderr
    assert "is ready" in built.stderr


def test_pools(shell: Shell) -> None:
    found = shell.json("pools", "list")
    assert found["pools"][0]["id"] == "local"
    assert found["flavors"]
    assert "FLAVOR" in shell.run("pools", "list").stdout


def test_doctor(shell: Shell) -> None:
    done = shell.run("doctor")
    assert done.returncode == 0, done.stdout
    assert "service: runs at http://127.0.0.1:" in done.stdout
    names = [check["name"] for check in shell.json("doctor")]
    assert names[0] == "python"
    assert "sandbox" in names


def test_one_service_a_home(own_service: Service) -> None:
    second = own_service.shell.run("up", "--port", "0")
    assert second.returncode == 1
    assert second.stderr.startswith("trainshed: ")
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("run train.py --engine fortran", "fortran"),
        ("run train.py --engine python --flavor huge", "huge"),
        ("run train.py --engine python --nodes 9999", "9999"),
        ("run train.py --engine python --pool moon", "moon"),
        ("run train.py --engine python --name no/slash", "no/slash"),
        ("run train.py --engine python -i data_url=obs://nowhere/x/", "nowhere"),
        ("run train.py --engine python -o train_url=/proc/x", "train_url"),
        ("jobs show nothing", "nothing"),
        ("jobs logs nothing -f", "nothing"),
        ("jobs stop nothing", "nothing"),
        ("jobs delete nothing", "nothing"),
        ("jobs why nothing", "nothing"),
        ("jobs events nothing", "nothing"),
        ("jobs metrics nothing", "nothing"),
        ("algorithms show nothing", "nothing"),
        ("engines show fortran", "fortran"),
        ("engines build fortran", "fortran"),
    ],
)
def test_refusals_are_one_sentence(shell: Shell, words: str, part: str) -> None:
    shell.script("")
    done = shell.run(*words.split())
    assert done.returncode in (1, 125)
    assert part in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("trainshed: ")
    assert "Traceback" not in done.stderr
