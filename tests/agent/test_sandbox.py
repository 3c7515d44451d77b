"""The sandbox: what the script sees, and what not, in every mode that works here."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.conftest import Job
from trainshed.agent import agent, sandbox, zygote
from trainshed.core.job import ChannelBinding
from trainshed.core.task import Interpreter
from trainshed.testing.agent_server import Server

MODES = ("namespaces", "bubblewrap")
LOOK = """
import json, os, sys
def names(path):
    try: return sorted(os.listdir(path))
    except OSError as error: return error.errno
paths = json.loads(os.environ["LOOK_AT"])
print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "home": os.environ["MA_HOME"],
                  "seen": {p: names(p) for p in paths}}))
"""


def look(job: Job, *paths: str) -> dict[str, object]:
    """What the script sees at these paths."""
    job.write(LOOK)
    job.set(environments={"LOOK_AT": json.dumps(paths)})
    job.run()
    found: dict[str, object] = json.loads(job.script_log())
    return found


@pytest.mark.parametrize("mode", MODES)
def test_modelarts_paths_are_true(job: Job, tmp_path: Path, mode: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("x")
    job.set(
        sandbox=mode,
        environments_dir="",
        inputs=(ChannelBinding("data_url", f"file://{tmp_path}/data"),),
        outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out"),),
    )
    found = look(
        job, "/home/ma-user/modelarts/inputs/data_url_0", "/cache", "/tmp", "/home/work/user-job-dir"
    )
    assert found["argv"] == [
        "--data_url=/home/ma-user/modelarts/inputs/data_url_0/",
        "--train_url=/home/ma-user/modelarts/outputs/train_url_0/",
    ]
    assert found["home"] == "/home/ma-user"
    assert found["cwd"] == "/home/ma-user/modelarts/user-job-dir/code"
    assert found["seen"] == {
        "/home/ma-user/modelarts/inputs/data_url_0": ["x"],
        "/cache": [],
        # the interpreter's own environment is shown where it is, which may be in /tmp
        "/tmp": [Path(sys.executable).parts[2]] if sys.executable.startswith("/tmp/") else [],
        "/home/work/user-job-dir": ["code"],
    }
    notes = [e for e in job.record.events if e["kind"] == "note" and e["detail"].get("level") != "Warning"]
    [note] = notes  # besides what may be told of this machine
    assert note["stage"] == "precheck"
    assert note["detail"] == {"sandbox": mode}
    assert note["message"] == f"sandbox: {mode}"


@pytest.mark.parametrize("mode", MODES)
def test_other_jobs_and_the_services_files_are_hidden(job: Job, tmp_path: Path, mode: str) -> None:
    service = Path("/var/tmp") / f"trainshed-test-{os.getpid()}-{mode}"
    (service / "jobs").mkdir(parents=True)
    (service / "secret.key").write_text("secret")
    (service / "environments" / "a").mkdir(parents=True)
    try:
        job.set(sandbox=mode, hidden=(str(service),), environments_dir=str(service / "environments"))
        found = look(job, str(service), str(service / "environments"), str(tmp_path))
    finally:
        shutil.rmtree(service)
    assert found["seen"] == {
        str(service): ["environments"],
        str(service / "environments"): ["a"],
        str(tmp_path): 2,
    }


@pytest.mark.parametrize("mode", MODES)
def test_the_environment_cannot_be_changed(job: Job, tmp_path: Path, mode: str) -> None:
    (tmp_path / "environments").mkdir()
    job.write(f"open({str(tmp_path / 'environments' / 'x')!r}, 'w')")
    job.set(sandbox=mode)
    job.run()
    assert b"Read-only file system" in job.record.log


@pytest.mark.parametrize("mode", MODES)
def test_nothing_of_it_reaches_the_host(job: Job, mode: str) -> None:
    job.write(
        "import os\nfor p in ('/mine', '/home/mine', '/home/ma-user/mine', '/cache/mine', '/tmp/mine'):\n"
        "    os.mkdir(p)\nprint(os.path.exists('/dev/shm'), os.path.exists('/proc/self'))\n"
    )
    job.set(sandbox=mode)
    job.run()
    assert job.script_log() == b"True True\n"
    assert not any(Path(f"{p}/mine").exists() for p in ("", "/home", "/home/ma-user", "/cache", "/tmp"))


@pytest.mark.parametrize("mode", MODES)
def test_an_interpreter_in_a_hidden_place_is_seen(job: Job, tmp_path: Path, mode: str) -> None:
    """Environments may lie in /tmp, which is the job's own inside."""
    environment = tmp_path / "environments" / "e1"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    job.write("import sys\nprint(sys.executable)")
    job.set(sandbox=mode, interpreter=Interpreter(str(environment / "bin" / "python")))
    job.run()
    assert job.script_log() == f"{environment}/bin/python\n".encode()


@pytest.mark.parametrize("mode", MODES)
def test_directories_of_the_jobs_own_choice(job: Job, mode: str) -> None:
    job.set(sandbox=mode, local_code_dir="/home/mine/code", working_dir="/home/mine/work")
    found = look(job, "/home/mine", "/home/mine/code")
    assert found["cwd"] == "/home/mine/work"
    assert found["seen"] == {"/home/mine": ["code", "work"], "/home/mine/code": ["train.py"]}


def test_auto_takes_the_best(job: Job) -> None:
    job.write("print('hello')")
    job.set(sandbox="auto")
    job.run()
    note = next(e for e in job.record.events if e["kind"] == "note")
    assert note["message"] == "sandbox: namespaces"


def test_without_a_sandbox_everything_is_below_the_task(job: Job) -> None:
    found = look(job, str(job.root / "cache"))
    assert found["home"] == f"{job.root}/ma-user"
    assert found["cwd"] == f"{job.root}/ma-user/modelarts/user-job-dir/code"
    note = next(e for e in job.record.events if e["kind"] == "note")
    assert note["message"] == "sandbox: none"


def test_what_does_not_work_is_left_for_the_next_best(job: Job, tmp_path: Path) -> None:
    """bubblewrap is asked for and not there: plain folders, and the page says why."""
    job.write("print('hello')")
    job.set(sandbox="bubblewrap")
    job.run(PATH=str(tmp_path))
    assert job.script_log() == b"hello\n"
    note = next(e for e in job.record.events if e["kind"] == "note")
    assert note["message"].startswith("sandbox: none (bubblewrap: ")
    assert "is not installed" in note["message"]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="trainshed-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests were run without being root already")
def test_as_another_user(open_folder: Path, server: Server) -> None:
    """Without being root, in a user namespace of its own."""
    job = Job(open_folder, server)
    job.write("import os\nopen('/cache/x', 'w').write('x')\nprint(os.getuid(), os.listdir('/cache'))")
    job.set(sandbox="auto", interpreter=Interpreter("/usr/bin/python3"), environments_dir="")
    job.prepare()
    subprocess.run(["chown", "-R", "65534:65534", open_folder], check=True)
    zygote.warm_up()  # our own files may be out of the other user's reach
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, as after an exec
            os._exit(0 if agent.run(str(job.root)) else 1)
        finally:
            os._exit(99)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert job.script_log() == b"65534 ['x']\n"
    assert any(e["message"] == "sandbox: namespaces" for e in job.record.events)


def test_probe_finds_what_works(tmp_path: Path) -> None:
    sandbox.probe(str(tmp_path))
    assert sandbox.closed == {}
    assert sandbox.ways("auto")[0] is sandbox.Mode.NAMESPACES
