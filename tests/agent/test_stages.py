"""The way of a task through its stages, to each of its ends."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.agent.conftest import Job
from trainshed.core.algorithm import Access
from trainshed.core.engine import LauncherName
from trainshed.core.job import ChannelBinding, Parameter
from trainshed.core.task import Interpreter, Peer
from trainshed.testing.agent_server import JOB

PRINT_ARGUMENTS = "import json, sys\nprint(json.dumps(sys.argv[1:]))\n"


def test_a_trivial_script(job: Job) -> None:
    job.write("print('hello')")
    record = job.run()
    assert job.script_log() == b"hello\n"
    assert record.kinds("started", "done", "failed", "finished") == [
        ("precheck", "started"),
        ("precheck", "done"),
        ("code", "started"),
        ("code", "done"),
        ("environment", "started"),
        ("environment", "done"),
        ("run", "started"),
        ("run", "done"),
        ("report", "finished"),
    ]
    assert record.outcome is not None
    assert record.outcome["cause"] == "success"
    assert record.outcome["exit_code"] == 0
    assert all(e["duration"] >= 0 for e in record.events)
    assert job.left() == []


def test_few_requests_for_a_trivial_script(job: Job) -> None:
    job.write("print('hello')")
    assert job.run().requests <= 25  # 3 on a quiet machine


def test_arguments_and_channels(job: Job, tmp_path: Path) -> None:
    for name in ("data", "more"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(name)
    (tmp_path / "one.bin").write_bytes(b"1")
    job.write(
        PRINT_ARGUMENTS + "import os\nprint(open(os.environ['MORE'] + 'x.txt').read(), file=sys.stderr)\n"
    )
    job.set(
        inputs=(
            ChannelBinding("data_url", f"file://{tmp_path}/data"),
            ChannelBinding("MORE", f"file://{tmp_path}/more", access=Access.ENV),
            ChannelBinding("one", f"file://{tmp_path}/one.bin"),
        ),
        outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out"),),
        parameters=(Parameter("lr", "0.1"), Parameter("empty", ""), Parameter("amp", "", flag=True)),
    )
    job.run()
    first, second = job.script_log().splitlines()
    base = f"{job.root}/ma-user/modelarts"
    assert {first, second} == {
        json.dumps(
            [
                f"--data_url={base}/inputs/data_url_0/",
                f"--one={base}/inputs/one_2/one.bin",
                f"--train_url={base}/outputs/train_url_0/",
                "--lr=0.1",
                "--empty=",
                "--amp",
            ]
        ).encode(),
        b"more",
    }


@pytest.mark.parametrize(
    ("end", "cause", "exit_code", "number"),
    [
        ("pass", "success", 0, 0),
        ("raise ValueError('wrong')", "user_error", 1, 0),
        ("import sys; sys.exit(7)", "user_error", 7, 0),
        ("import os; os.kill(os.getpid(), 9)", "user_error", None, 9),
        ("import os; os.abort()", "user_error", None, 6),
    ],
)
def test_outputs_are_stored_at_every_end(
    job: Job, tmp_path: Path, end: str, cause: str, exit_code: int | None, number: int
) -> None:
    job.write(
        "import argparse, pathlib\np = argparse.ArgumentParser()\np.add_argument('--train_url')\n"
        f"d = pathlib.Path(p.parse_args().train_url)\n(d / 'model.bin').write_bytes(b'x' * 1000)\n{end}\n"
    )
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),))
    record = job.run()
    assert (tmp_path / "out" / "model.bin").read_bytes() == b"x" * 1000
    assert record.outcome is not None
    assert record.outcome["cause"] == cause
    assert record.outcome["exit_code"] == exit_code
    assert record.outcome["signal"] == number
    assert ("outputs", "done") in record.kinds()


def test_a_failure_points_into_the_log(job: Job) -> None:
    job.write("print('before')\nraise ValueError('wrong')\n")
    record = job.run()
    assert record.outcome is not None
    assert record.log[record.outcome["log_offset"] :].startswith(b"Traceback (most recent call last)")
    assert record.outcome["rank"] == 0


def test_an_output_is_there_before_and_goes_on(job: Job, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "checkpoint").write_text("41")
    job.write(
        "import sys, pathlib\nf = pathlib.Path(sys.argv[1].split('=')[1]) / 'checkpoint'\n"
        "f.write_text(str(int(f.read_text()) + 1))\n"
    )
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/", predownload=True),))
    job.run()
    assert (tmp_path / "out" / "checkpoint").read_text() == "42"


@pytest.mark.parametrize(
    ("uri", "code"), [("nowhere", "TrainShed.1015"), ("empty", "TrainShed.1014")], ids=["missing", "empty"]
)
def test_an_input_that_is_not_there(job: Job, tmp_path: Path, uri: str, code: str) -> None:
    (tmp_path / "empty").mkdir()
    job.write("print('never')")
    job.set(inputs=(ChannelBinding("data_url", f"file://{tmp_path}/{uri}"),))
    record = job.run()
    assert record.outcome is not None
    assert (record.outcome["cause"], record.outcome["stage"]) == ("user_error", "inputs")
    assert record.outcome["code"] == code
    assert ("inputs", "failed") in record.kinds()
    assert job.script_log() == b""


def test_a_boot_file_that_is_not_there(job: Job) -> None:
    job.write("", "other.py")
    record = job.run()
    assert record.outcome is not None
    assert record.outcome["code"] == "TrainShed.1004"


def test_links_out_of_the_code_stay_behind(job: Job, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    job.write("import os\nprint(sorted(os.listdir(os.path.dirname(__file__))))")
    job.write("inside", "sub/inside.txt")
    (job.code / "link").symlink_to(tmp_path / "secret")
    (job.code / "good").symlink_to("sub/inside.txt")
    (job.code / "round").symlink_to("sub")
    (job.code / "sub" / "up").symlink_to("..")
    record = job.run()
    assert job.script_log() == b"['good', 'round', 'sub', 'train.py']\n"
    assert b"link was left out" in record.log


def test_an_interpreter_that_is_not_there(job: Job) -> None:
    job.write("print('never')")
    job.set(interpreter=Interpreter("/nowhere/bin/python"))
    record = job.run()
    assert record.outcome is not None
    assert (record.outcome["cause"], record.outcome["code"]) == ("infrastructure", "TrainShed.1023")


def test_an_environment_is_built_on_the_node_once(job: Job, tmp_path: Path) -> None:
    """As on a cluster, where the service's own environments are not seen."""
    job.write("import sys; print(sys.prefix)")
    job.set(interpreter=None, engine_id="python_3.11")
    record = job.run()
    assert record.outcome is not None
    assert record.outcome["cause"] == "success", job.agent_log()
    assert job.script_log().decode().startswith(str(tmp_path / "environments"))
    built = [e["message"] for e in record.events if e["stage"] == "environment" and e["kind"] == "note"]
    assert built == ["building the environment of python_3.11 on this node"]
    assert record.logs["build"], "the build has a log of its own"
    job.set(attempt=1, root=str(job.root.parents[1] / "1" / "worker-0"))
    job.root = Path(job.spec.root)
    again = job.run()
    assert again.outcome is not None
    assert again.outcome["cause"] == "success"
    assert not [e for e in again.events if e["stage"] == "environment" and e["kind"] == "note"]
    assert "build" not in again.logs


def test_an_engine_that_cannot_be_built_on_the_node(job: Job) -> None:
    job.write("print('never')")
    job.set(interpreter=None, engine_id="no-such-engine")
    outcome = job.run().outcome
    assert outcome is not None
    assert (outcome["stage"], outcome["cause"]) == ("environment", "user_error")
    assert "no-such-engine" in outcome["message"]


def test_a_hook_before_the_start(job: Job) -> None:
    job.write("export FROM_HOOK='two words'\nunset_before=1\necho preparing\n", "ma-pre-start.sh")
    job.write("import os\nprint(os.environ['FROM_HOOK'], 'unset_before' in os.environ)")
    record = job.run()
    assert job.script_log() == b"preparing\ntwo words False\n"
    assert ("pre-start", "done") in record.kinds()


def test_a_hook_in_python(job: Job) -> None:
    job.write("import os\nos.environ['FROM_HOOK'] = 'yes'\nprint('preparing')\n", "ma-pre-start.py")
    job.write("import os\nprint(os.environ['FROM_HOOK'])")
    job.run()
    assert job.script_log() == b"preparing\nyes\n"


def test_a_hook_that_fails_ends_the_task(job: Job) -> None:
    job.write("echo no; exit 3\n", "ma-pre-start.sh")
    job.write("print('never')")
    record = job.run()
    assert job.script_log() == b"no\n"
    assert record.outcome is not None
    assert (record.outcome["stage"], record.outcome["exit_code"]) == ("pre-start", 3)
    assert record.outcome["message"] == "ma-pre-start.sh ended with exit code 3"


def test_a_script_without_code(job: Job) -> None:
    job.set(
        code_dir="",
        boot_file="",
        command='echo "$0 $lr $TRAINSHED_JOB_NAME"',
        parameters=(Parameter("lr", "0.1"),),
    )
    job.run()
    assert job.script_log() == b"/bin/sh 0.1 a-job\n"


def test_it_stops_at_its_limit(job: Job) -> None:
    job.write("import time\nprint('on', flush=True)\ntime.sleep(600)")
    job.set(auto_stop_s=1)
    record = job.run()
    assert record.outcome is not None
    assert record.outcome["cause"] == "timeout"
    assert record.outcome["message"] == "the script was stopped at its limit of 1 s"
    assert job.left() == []


def test_the_logs_are_exported(job: Job, tmp_path: Path) -> None:
    job.write("print('hello')")
    job.set(log_uri=f"file://{tmp_path}/logs/")
    job.run()
    exported = tmp_path / "logs" / f"modelarts-job-{JOB}-worker-0.log"
    assert b"hello\n" in exported.read_bytes()


@pytest.mark.parametrize("sandbox", ["none", "auto"])
def test_each_device_has_a_log_by_its_name(job: Job, tmp_path: Path, sandbox: str) -> None:
    """In ``MA_LOG_DIR`` while the script runs, and at the job's log path afterwards."""
    job.write(
        "import os\nrank = os.environ['RANK']\nprint('of rank', rank, flush=True)\n"
        "folder = os.environ['MA_LOG_DIR']\n"
        "[mine] = [n for n in os.listdir(folder) if f'-rank-{rank}-' in n]\n"
        "print(mine, open(f'{folder}/{mine}').read().count(f'of rank {rank}'))"
    )
    job.set(
        launcher=LauncherName.TORCHRUN,
        processes=2,
        peers=(Peer("127.0.0.1", ("4", "5")),),
        log_uri=f"file://{tmp_path}/logs/",
        sandbox=sandbox,
    )
    record = job.run()
    for rank, device in ((0, 4), (1, 5)):
        name = f"modelarts-job-{JOB}-proc-rank-{rank}-device-{device}.txt"
        own = f"of rank {rank}\n{name} 1\n".encode()
        assert record.logs[f"rank-{rank}"] == own
        assert (tmp_path / "logs" / name).read_bytes() == own


def test_a_hook_cannot_send_the_logs_elsewhere(job: Job, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    job.write(f'rmdir "$MA_LOG_DIR" && ln -s {elsewhere} "$MA_LOG_DIR"', "ma-pre-start.sh")
    job.write("print('hello')")
    job.set(launcher=LauncherName.TORCHRUN, processes=2)
    assert job.run().logs["rank-1"] == b"hello\n"
    assert list(elsewhere.iterdir()) == []


def test_metrics_are_picked_from_the_log(job: Job) -> None:
    job.write("for i in range(3):\n    print(f'epoch {i} loss: {1 / (i + 1):.2f} mine={i * 2}')\n")
    job.set(metric_regexes={"mine": r"mine=(\d+)"})
    record = job.run()
    found = {(m["name"], m["step"]): m["value"] for m in record.training.values()}
    assert found == {
        ("epoch", 0): 0.0,
        ("epoch", 1): 1.0,
        ("epoch", 2): 2.0,
        ("loss", 0): 1.0,
        ("loss", 1): 0.5,
        ("loss", 2): 0.33,
        ("mine", 0): 0.0,
        ("mine", 1): 2.0,
        ("mine", 2): 4.0,
    }


def test_use_of_the_machine_is_sampled(job: Job) -> None:
    job.write(
        "import time\nx = bytearray(200 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\n"
        "end = time.time() + 60\nwhile time.time() < end: pass"
    )
    agent = job.start()
    samples = job.record.samples
    job.server.wait(lambda: len(samples) >= 2)
    agent.send_signal(signal.SIGTERM)
    agent.wait(120)
    second = list(samples.values())[1]
    assert second["cpu"] > 5
    assert second["memory_mb"] > 200
    assert 0 < second["memory"] < 100
    assert second["gpu"] == second["npu"] == -1
    assert second["disk_mb"] > 0


def test_the_disk_is_given_back(job: Job, tmp_path: Path) -> None:
    job.write("import os\nopen(os.environ['DLS_LOCAL_CACHE_PATH'] + '/big', 'w').write('x' * 100000)")
    job.run()
    assert not any((job.root / "cache").iterdir())
    assert not any((job.root / "ma-user" / "modelarts" / "user-job-dir").iterdir())
    assert (job.root / "log" / "task.log").exists()


def test_an_output_that_cannot_be_stored_stays_on_the_node(job: Job, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, where a directory is wanted")
    job.write("import sys\nopen(sys.argv[1].split('=')[1] + 'model', 'w').write('x')")
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),))
    record = job.run()
    assert record.outcome is not None
    assert record.outcome["stage"] == "outputs"
    assert record.outcome["exit_code"] == 0
    assert (job.root / "ma-user/modelarts/outputs/train_url_0/model").read_text() == "x"


def test_a_second_agent_is_refused(job: Job) -> None:
    job.write("import time\ntime.sleep(600)")
    first = job.start()
    job.server.wait(lambda: ("run", "started") in job.record.kinds())
    second = job.start()
    assert second.wait(120) == 64
    assert "another agent" in job.agent_log()
    first.send_signal(signal.SIGTERM)
    assert first.wait(120) == 0


def test_a_delivered_task_is_left_alone(job: Job) -> None:
    job.write("print('once')")
    job.run()
    requests = job.record.requests
    job.run()
    assert job.record.requests == requests


def test_the_agent_needs_nothing_but_the_standard_library(job: Job) -> None:
    """In a Python that has only what comes with it (and our package)."""
    job.write("print('hello')")
    job.prepare()
    source = Path(__file__).parents[2] / "src"
    program = (
        f"import sys\nsys.path.insert(0, {str(source)!r})\n"
        f"from trainshed.agent.__main__ import main\ncode = main([{str(job.root)!r}])\n"
        "files = [str(getattr(m, '__file__', '')) for m in sys.modules.values()]\n"
        "sys.exit(99 if any('site-packages' in f for f in files) else code)"
    )
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-I", "-S", "-c", program]) == 0
    assert job.script_log() == b"hello\n"
