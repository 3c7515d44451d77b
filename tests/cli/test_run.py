"""``trainshed run``, as a person uses it: a real service, a real script, real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.conftest import Service, Shell

ARGUMENTS = "import json, sys; print(json.dumps(sys.argv[1:]))"
COUNT = """
import sys, time
for number in range({count}):
    print("line", number, flush=True)
    time.sleep({pause})
"""


def _read_until(process: subprocess.Popen[str], text: str) -> str:
    """The process's output up to the line with ``text`` in it."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} never came; it printed {seen!r}")


def _finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What else the process prints, to its end (``communicate`` would lose what was read ahead)."""
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        return process.stdout.read(), process.stderr.read()


def test_only_the_scripts_output_is_on_standard_output(shell: Shell) -> None:
    shell.script("print('hello'); print('数字')")
    done = shell.run("run", "train.py", "--engine", "python")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "hello\n数字\n"
    assert "completed in" in done.stderr


def test_arguments_arrive_as_single_tokens_in_order(shell: Shell) -> None:
    shell.script(ARGUMENTS)
    (shell.folder / "data").mkdir()
    (shell.folder / "data" / "x").write_text("x")
    words = (
        "run train.py --engine python -q -i data_url=data -o train_url=out -- --b 2 --amp --lr=-0.1 --note="
    )
    done = shell.run(*words.split())
    assert done.returncode == 0, done.stderr
    data, train, *rest = json.loads(done.stdout)
    assert data.startswith("--data_url=/")
    assert data.endswith("/")
    assert train.startswith("--train_url=/")
    assert train.endswith("/")
    assert rest == ["--b=2", "--amp", "--lr=-0.1", "--note="]


def test_data_in_and_results_out(shell: Shell) -> None:
    (shell.folder / "in put").mkdir()
    (shell.folder / "in put" / "a%20b.txt").write_text("42")
    shell.script(
        "import sys, pathlib\n"
        "data, out = (pathlib.Path(token.partition('=')[2]) for token in sys.argv[1:])\n"
        "(out / 'sub').mkdir()\n"
        "(out / 'sub' / 'result.txt').write_text((data / 'a%20b.txt').read_text() + '!')\n"
    )
    done = shell.run("run", "train.py", "--engine", "python", "-i", "data_url=in put", "-o", "train_url=out")
    assert done.returncode == 0, done.stderr
    assert (shell.folder / "out" / "sub" / "result.txt").read_text() == "42!"
    assert "outputs: 1 file, 3 B" in done.stderr


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("raise SystemExit(3)", 3),
        ("raise ValueError('no')", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("import os; os._exit(200)", 200),
    ],
)
def test_the_exit_code_is_the_scripts(shell: Shell, text: str, code: int) -> None:
    shell.script(text)
    done = shell.run("run", "train.py", "--engine", "python")
    assert done.returncode == code, done.stderr
    assert "failed after" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failure_says_why_where_and_what_to_do(shell: Shell) -> None:
    shell.script("print('start')\nimport a_module_that_is_not_there\n")
    done = shell.run("run", "train.py", "--engine", "python", "--name", f"why-{os.getpid()}")
    assert "imports a_module_that_is_not_there" in done.stderr
    assert "train.py:2" in done.stderr
    assert "→ Add the package that provides it to requirements.txt" in done.stderr
    for command in ("show", "why"):
        assert "requirements.txt" in shell.run("jobs", command, f"why-{os.getpid()}").stdout
    chinese = Shell(shell.folder, shell.home, {"LANG": "zh_CN.UTF-8", "LC_ALL": ""})
    assert "引擎环境中没有它" in chinese.run("jobs", "why", f"why-{os.getpid()}").stdout
    assert "脚本异常退出，退出码 1" in chinese.run("jobs", "show", f"why-{os.getpid()}").stdout
    assert "本项目没有训练作业 'not-there'" in chinese.run("jobs", "show", "not-there").stderr
    assert "nothing.py：没有此文件；请指定训练脚本" in chinese.run("run", "nothing.py").stderr


def test_json_is_the_finished_job(shell: Shell) -> None:
    shell.script("print('hello')")
    done = shell.run("run", "train.py", "--engine", "python", "--json", "--name", f"json-{os.getpid()}")
    job = json.loads(done.stdout)
    assert job["name"] == f"json-{os.getpid()}"
    assert job["phase"] == "Completed"
    assert job["run_exit_code"] == done.returncode == 0
    assert "hello" in done.stderr


def test_detached_it_runs_by_itself(shell: Shell) -> None:
    shell.script("print('hello')")
    done = shell.run("run", "train.py", "--engine", "python", "--detach")
    name = done.stdout.strip()
    assert shell.run("jobs", "logs", "-f", "-q", name).stdout == "hello\n"
    assert shell.json("jobs", "show", name)["status"]["phase"] == "Completed"


def test_a_dry_run_says_what_would_run_and_runs_nothing(shell: Shell) -> None:
    shell.script("raise SystemExit(9)")
    name = f"dry-{os.getpid()}"
    words = f"run train.py --engine python --name {name} --dry-run --json -- --lr 0.1"
    done = shell.run(*words.split())
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert [entry["path"] for entry in plan["code"]["files"]] == ["train.py"]
    assert "--lr=0.1" in json.dumps(plan)
    assert shell.run("jobs", "show", name).returncode == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--engine nope", "nope"),
        ("--flavor nope", "has no flavor 'nope'"),
        ("--pool nope", "there is no pool 'nope'"),
        ("--name a/b", "a/b"),
        ("--nodes 9999", "9999"),
        ("-- --b!d=1", "b!d"),
    ],
)
def test_what_is_refused_is_refused_before_anything_is_sent_or_made(
    shell: Shell, words: str, sentence: str
) -> None:
    shell.script(f"print({uuid4().hex!r})")
    own, _, arguments = words.partition("-- ")
    tail = ["--", arguments] if arguments else []
    done = shell.run("run", "train.py", "--engine", "python", "-o", "train_url=out", *own.split(), *tail)
    assert done.returncode == 125
    assert sentence in done.stderr
    assert "code:" not in done.stderr
    assert not (shell.folder / "out").exists()
    assert ", sent\n" in shell.run("run", "train.py", "--engine", "python", "--detach").stderr


def test_a_name_that_is_taken_is_refused_before_anything_is_sent(shell: Shell) -> None:
    shell.script("print(1)")
    name = shell.run("run", "train.py", "--engine", "python", "--detach").stdout.strip()
    shell.script(f"print({uuid4().hex!r})")
    done = shell.run("run", "train.py", "--engine", "python", "--name", name)
    assert done.returncode == 125
    assert "exists: choose another name" in done.stderr
    assert "code:" not in done.stderr


def test_the_same_code_is_not_sent_again(shell: Shell) -> None:
    shell.script(f"print({os.getpid()})")
    first = shell.run("run", "train.py", "--engine", "python")
    second = shell.run("run", "train.py", "--engine", "python")
    assert "1 file" in first.stderr
    assert "not sent again" not in first.stderr
    assert "not sent again" in second.stderr


def test_environment_variables(shell: Shell) -> None:
    shell.script("import os; print(os.environ['GREETING'], os.environ['VC_WORKER_NUM'])")
    done = shell.run("run", "train.py", "--engine", "python", "-q", "--env", "GREETING=hi there")
    assert done.stdout == "hi there 1\n"


def test_ctrl_c_stops_the_job_and_waits_for_it(shell: Shell) -> None:
    shell.script(
        "import signal, sys, time, pathlib\n"
        "out = pathlib.Path(sys.argv[1].partition('=')[2])\n"
        "def end(*_):\n"
        "    (out / 'last.txt').write_text('saved')\n"
        "    print('saved', flush=True)\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    process = shell.start("run", "train.py", "--engine", "python", "-o", "train_url=out")
    _read_until(process, "ready")
    process.send_signal(signal.SIGINT)
    out, err = _finish(process)
    assert out == "saved\n"
    assert "stopping" in err
    assert "was stopped" in err
    assert process.returncode == 130
    assert (shell.folder / "out" / "last.txt").read_text() == "saved"


def test_a_second_ctrl_c_leaves_the_job(shell: Shell) -> None:
    shell.script(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('not yet', flush=True))\n"
        "print('ready', flush=True)\n"
        "end = time.monotonic() + 600\n"
        "while time.monotonic() < end: time.sleep(1)\n"
    )
    name = f"stubborn-{os.getpid()}"
    process = shell.start("run", "train.py", "--engine", "python", "--name", name)
    _read_until(process, "ready")
    process.send_signal(signal.SIGINT)
    _read_until(process, "not yet")
    process.send_signal(signal.SIGINT)
    _, err = _finish(process)
    assert process.returncode == 130
    assert f"{name} goes on" in err
    assert shell.json("jobs", "show", name)["status"]["phase"] == "Terminating"


def test_a_fresh_home_needs_nothing_and_keeps_nothing_running(fresh: Shell) -> None:
    fresh.script("print('hello')")
    done = fresh.run("run", "train.py", "--engine", "python", "-q")
    assert done.stdout == "hello\n", done.stderr
    pid = json.loads((fresh.home / "endpoint.json").read_text())["pid"]
    assert "hello" in fresh.run("jobs", "logs", fresh.json("jobs", "list")["jobs"][0]["name"]).stdout
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "the embedded service did not end by itself"
        time.sleep(0.2)


def test_an_embedded_service_that_is_killed_is_started_again(fresh: Shell) -> None:
    fresh.script(COUNT.format(count=60, pause=0.1))
    process = fresh.start("run", "train.py", "--engine", "python", "-q")
    seen = _read_until(process, "line 9")
    os.kill(json.loads((fresh.home / "endpoint.json").read_text())["pid"], signal.SIGKILL)
    out, err = _finish(process)
    assert process.returncode == 0, err
    assert seen + out == "".join(f"line {number}\n" for number in range(60))


def test_two_commands_share_an_embedded_service(fresh: Shell) -> None:
    fresh.script("print('hello')")
    both = [fresh.start("run", "train.py", "--engine", "python", "-q") for _ in range(2)]
    assert [_finish(process)[0] for process in both] == ["hello\n", "hello\n"]
    assert [process.returncode for process in both] == [0, 0]
    assert len(fresh.json("jobs", "list")["jobs"]) == 2


def test_a_service_that_stays_takes_the_place_of_an_embedded_one(fresh: Shell) -> None:
    fresh.script(COUNT.format(count=600, pause=0.1))
    name = fresh.run("run", "train.py", "--engine", "python", "--detach").stdout.strip()
    embedded = json.loads((fresh.home / "endpoint.json").read_text())
    assert embedded["embedded"] is True
    service = Service(fresh)
    service.start()
    try:
        assert json.loads((fresh.home / "endpoint.json").read_text())["pid"] != embedded["pid"]
        assert fresh.json("jobs", "show", name)["status"]["phase"] == "Running"
        refused = fresh.run("up", "--port", "0")
        assert refused.returncode == 1
        assert "another server uses" in refused.stderr
        assert fresh.run("jobs", "stop", name, "--wait").returncode == 0
    finally:
        service.close()


def test_a_job_that_waits_says_why(own_service: Service) -> None:
    shell = own_service.shell
    largest = max(shell.json("pools", "list")["flavors"], key=lambda flavor: flavor["cores"])["id"]
    shell.script("import time; time.sleep(600)", "sleep.py")
    shell.script("print('at last')")
    name = shell.run("run", "sleep.py", "--engine", "python", "--flavor", largest, "-d").stdout.strip()
    process = shell.start("run", "train.py", "--engine", "python")
    assert process.stderr is not None
    said = next(line for line in process.stderr if "needs" in line)
    assert said.startswith("trainshed: ")
    shell.run("jobs", "stop", name)
    out, _ = _finish(process)
    assert (out, process.returncode) == ("at last\n", 0)


def test_following_survives_a_killed_service(own_service: Service) -> None:
    shell = own_service.shell
    shell.script(COUNT.format(count=60, pause=0.1))
    process = shell.start("run", "train.py", "--engine", "python", "-q")
    seen = _read_until(process, "line 9")
    own_service.end(signal.SIGKILL)
    own_service.start()
    out, err = _finish(process)
    assert process.returncode == 0, err
    assert seen + out == "".join(f"line {number}\n" for number in range(60))


def test_a_stopped_service_leaves_its_jobs_running(own_service: Service) -> None:
    shell = own_service.shell
    shell.script(COUNT.format(count=30, pause=0.1))
    name = shell.run("run", "train.py", "--engine", "python", "--detach").stdout.strip()
    process = shell.start("jobs", "logs", "-f", "-q", name)
    seen = _read_until(process, "line 3")
    assert own_service.end(signal.SIGTERM) == 0
    own_service.start()
    out, err = _finish(process)
    assert process.returncode == 0, err
    assert seen + out == "".join(f"line {number}\n" for number in range(30))


TWO = """
import os
print("hello from", os.environ["VC_TASK_INDEX"], flush=True)
print("no end of line", end="")
"""


@pytest.mark.parametrize(
    ("logs", "shown"), [("", (0, 1)), ("first", (0,)), ("1", (1,)), ("worker-1,0", (0, 1))]
)
def test_the_logs_of_all_nodes_come_with_their_names(shell: Shell, logs: str, shown: tuple[int, ...]) -> None:
    shell.script(TWO)
    words = (
        "run",
        "train.py",
        "--engine",
        "python",
        "--nodes",
        "2",
        "-q",
        *(("--logs", logs) if logs else ()),
    )
    done = shell.run(*words)
    assert done.returncode == 0, done.stderr
    mark = "[worker-{0}] " if len(shown) > 1 else ""
    each = [f"{mark}hello from {{0}}\n{mark}no end of line" for _ in shown]
    lines = "\n".join(text.format(task) for text, task in zip(each, shown, strict=True)).splitlines()
    assert sorted(done.stdout.splitlines()) == sorted(lines)


def test_a_task_that_is_not_there_has_no_log(shell: Shell) -> None:
    shell.script(TWO)
    done = shell.run("run", "train.py", "--engine", "python", "--nodes", "2", "--logs", "2")
    assert done.returncode != 0
    assert "tasks from 0 to 1" in done.stderr


@pytest.mark.engine
def test_two_nodes_of_pytorch(shell: Shell) -> None:
    example = Path(__file__).parents[2] / "examples" / "ddp" / "train.py"
    words = (
        "run",
        example,
        "--engine",
        "pytorch",
        "--nodes",
        "2",
        "-o",
        "train_url=out",
        "--",
        "--steps",
        "20",
    )
    done = shell.run(*words, timeout=280)
    assert done.returncode == 0, done.stderr
    assert "rank 0 of 2" in done.stdout
    assert "step 20 loss=" in done.stdout
    assert (shell.folder / "out" / "model.pt").stat().st_size > 0
