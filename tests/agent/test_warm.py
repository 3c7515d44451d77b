"""Warm start: a rank that is forked from a warm parent is like one that was started anew."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agent.conftest import Job, eventually
from trainshed.agent import processes
from trainshed.core.job import Parameter
from trainshed.core.task import Interpreter
from trainshed.engines import interpreters
from trainshed.testing.agent_server import JOB, TaskRecord

PROBE = (Path(__file__).parent / "scripts" / "probe.py").read_text()
LEFT_BY_IMPORTS = [".keras"]  # TensorFlow makes it in the home of the process that imports it: the parent's
ENDS = ("well", "error", "exit", "text", "interrupt", "term", "hook", "now")


def start(job: Job, attempt: int, *, warm: bool, **changes: Any) -> TaskRecord:
    """Run the job once more."""
    job.root = job.folder / "jobs" / JOB / str(attempt) / "worker-0"
    modules = changes.pop("warm_modules", ("json",))
    job.set(
        attempt=attempt,
        root=str(job.root),
        warm_start=warm,
        warm_modules=modules,
        environments_dir="",
        **changes,
    )
    return job.run()


def warm_notes(record: TaskRecord) -> list[str]:
    return [e["message"] for e in record.events if e["kind"] == "note" and "warm" in e["message"]]


def script_log(record: TaskRecord, attempt: int) -> str:
    lines = [line for line in record.log.splitlines() if not line.startswith(b"[ModelArts Service Log]")]
    text = b"\n".join(lines).decode()
    return text.replace(f"{JOB}/{attempt}/0", "MARK").replace(f'TEMPT": "{attempt}"', 'TEMPT": "N"')


def pythons() -> list[str]:
    """Interpreters of this machine, oldest first."""
    found = (interpreters.find([f"3.{minor}"]) for minor in range(6, 14))
    return [base.path for base in found if base]


def same(job: Job, interpreter: Interpreter, mode: str, end: str, *modules: str) -> None:
    job.write("".join(f"import {name}\n" for name in modules) + PROBE)
    changes = {
        "sandbox": mode,
        "interpreter": interpreter,
        "parameters": (Parameter("end", end), Parameter("name", "ü")),
        "environments": {"MINE": "1", "OMP_NUM_THREADS": "2", "A_TOKEN": "secret"},
    }
    fresh = start(job, 0, warm=False, **changes)
    warm = start(job, 1, warm=True, warm_modules=modules or ("json",), **changes)
    assert [n.partition(" (")[0] for n in warm_notes(warm)] == [
        f"warm start: {', '.join(modules) or 'json'} imported before"
    ]
    assert warm_notes(fresh) == []
    texts = script_log(fresh, 0), script_log(warm, 1)
    for one, other in zip(*(text[text.index("PROBE ") :].splitlines() for text in texts), strict=True):
        if one.startswith("PROBE "):
            seen, seen_warm = json.loads(one[6:]), json.loads(other[6:])
            seen["home"] = [name for name in seen["home"] if name not in LEFT_BY_IMPORTS]
            assert {k: v for k, v in seen.items() if v != seen_warm[k]} == {}
            assert seen == seen_warm
        else:
            assert one == other
    kept = ("cause", "exit_code", "signal", "message", "rank", "code")
    assert fresh.outcome is not None
    assert warm.outcome is not None
    assert {k: fresh.outcome[k] for k in kept} == {k: warm.outcome[k] for k in kept}


@pytest.mark.parametrize("end", ENDS)
def test_like_a_fresh_interpreter(job: Job, end: str) -> None:
    same(job, Interpreter(sys.executable), "namespaces", end)


@pytest.mark.parametrize("python", pythons(), ids=os.path.basename)
@pytest.mark.parametrize("end", ["error", "interrupt"])
def test_in_every_interpreter(job: Job, python: str, end: str) -> None:
    same(job, Interpreter(python), "namespaces", end)


def test_in_bubblewrap(job: Job) -> None:
    same(job, Interpreter(sys.executable), "bubblewrap", "error")


def fallback(job: Job, **changes: Any) -> str:
    """Why the script was started as ever; it ran."""
    record = start(job, 0, warm=True, **changes)
    assert record.outcome is not None
    assert record.outcome["cause"] == "success", record.log
    (note,) = warm_notes(record)
    return note.removeprefix("started without a warm parent: ")


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
            "thread",
        ),
        (
            "import os; f = os.open('/dev/tty' if os.path.exists('/dev/nothing') else '/dev/null', 0)",
            "open",
        ),
        ("import socket; s = socket.socket()", "the import leaves socket"),
        ("import mmap; m = mmap.mmap(-1, 4096)", "the import shares"),
        ("import subprocess; p = subprocess.Popen(['sleep', '60'])", "processes of its own"),
        ("raise RuntimeError('no luck')", "importing unfit failed: RuntimeError: no luck"),
        ("import os; os._exit(3)", "the warm parent died"),
    ],
)
def test_unfit_parents(job: Job, tmp_path: Path, module: str, why: str) -> None:
    job.write("print('ran')")
    folder = Path("/var/tmp") / f"trainshed-unfit-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    try:
        (folder / "unfit.py").write_text(module)
        environments = {"PYTHONPATH": str(folder)}
        assert why in fallback(job, sandbox="namespaces", warm_modules=("unfit",), environments=environments)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("then", ["", "import time; time.sleep(600)"], ids=["ready", "importing"])
def test_a_parent_ends_when_those_who_keep_it_are_killed(job: Job, then: str) -> None:
    """Even one whose import hangs, so that it does not hear of it."""
    job.write("import time; time.sleep(600)")
    folder = Path("/var/tmp") / f"trainshed-kept-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    told = folder / "pid"
    try:
        (folder / "kept.py").write_text(
            f"import os\nwith open({str(told)!r}, 'w') as f: f.write(f'{{os.getpid()}}\\n')\n{then}\n"
        )
        job.set(
            warm_start=True,
            warm_modules=("kept",),
            environments_dir="",
            environments={"PYTHONPATH": str(folder)},
            sandbox="namespaces",
        )
        agent = job.start()
        eventually(lambda: told.exists() and told.read_text().endswith("\n"))
        parent = processes.Identity.of(int(told.read_text()))
        assert parent is not None
        assert parent.alive
        if not then:
            eventually(lambda: warm_notes(job.record))
        agent.kill()
        eventually(lambda: not parent.alive)
    finally:
        shutil.rmtree(folder)


def test_without_a_sandbox(job: Job) -> None:
    job.write("print('ran')")
    assert fallback(job, sandbox="none").startswith("it needs a sandbox")


def test_an_engine_without_modules(job: Job) -> None:
    job.write("print('ran')")
    assert fallback(job, sandbox="namespaces", warm_modules=()) == "this engine has none"


def test_a_command(job: Job) -> None:
    reason = fallback(job, sandbox="namespaces", command="echo ran", boot_file="")
    assert reason == "its launcher does not start the script directly"


def test_a_module_of_the_jobs_own_goes_first(job: Job) -> None:
    job.write("import json; print(json.OWN)")
    job.write("OWN = 'mine'", "json.py")
    reason = fallback(job, sandbox="namespaces")
    assert reason.startswith("json in /home/ma-user/modelarts/user-job-dir/code would be imported")
    assert b"mine" in job.script_log()


def test_a_directory_that_is_missing(job: Job) -> None:
    job.write("import os; os.rmdir('/cache/x')")
    record = start(job, 0, warm=True, sandbox="namespaces", environments={"PYTHONSAFEPATH": ""})
    assert record.outcome is not None
    assert record.outcome["exit_code"] == 1
    assert b"FileNotFoundError" in record.log


def test_the_parent_sees_no_secret_and_no_other_job(job: Job) -> None:
    job.write(
        "import os, sys\n"
        "with open(f'/proc/{os.getpid()}/environ') as file: inherited = file.read()\n"
        "print(sorted(k for k in ('MY_TOKEN', 'MINE', 'MA_JOB_ID') if k + '=' in inherited))\n"
        "print(os.environ['MY_TOKEN'], os.environ['MINE'], 'MA_JOB_ID' in os.environ)\n"
    )
    start(job, 0, warm=True, sandbox="namespaces", environments={"MY_TOKEN": "t", "MINE": "m"})
    assert job.script_log().splitlines() == [b"['MINE']", b"t m True"]


STAYS = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("asked", flush=True), ON and sys.exit(5)))
ON = "--obey" in sys.argv
subprocess.Popen(["setsid", "sleep", "600"])
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
print("ready", flush=True)
while True:
    time.sleep(1)
"""


@pytest.mark.parametrize("obey", [True, False])
def test_a_stop_reaches_the_script_and_all_that_it_started(job: Job, obey: bool) -> None:
    job.write(STAYS)
    job.set(warm_start=True, warm_modules=("json",), environments_dir="", sandbox="namespaces", grace_s=2)
    job.set(parameters=(Parameter("obey", "", flag=True),) if obey else ())
    agent = job.start()
    eventually(lambda: b"ready" in job.record.log)
    below = processes.descendants(job.supervisor())
    assert len(below) >= 4
    agent.terminate()
    assert agent.wait(60) == 0
    assert job.record.outcome is not None
    assert job.record.outcome["cause"] == "stopped"
    assert (job.record.outcome["exit_code"], job.record.outcome["signal"]) == ((5, 0) if obey else (None, 9))
    eventually(lambda: not any(processes.Identity.of(pid) for pid in below))


def test_a_minder_that_is_killed(job: Job) -> None:
    job.write(STAYS)
    job.set(warm_start=True, warm_modules=("json",), environments_dir="", sandbox="namespaces", grace_s=2)
    agent = job.start()
    eventually(lambda: b"ready" in job.record.log)
    below = processes.descendants(job.supervisor())
    known = [each for pid in below if (each := processes.Identity.of(pid))]
    names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in below}
    (minder,) = [pid for pid, name in names.items() if name == f"warm-{job.supervisor()}"]
    os.kill(minder, signal.SIGKILL)
    assert agent.wait(60) == 0
    assert job.record.outcome is not None
    assert job.record.outcome["signal"] == signal.SIGKILL
    eventually(lambda: not any(each.alive for each in known))


def test_a_supervisor_that_is_killed_takes_the_ranks_along(job: Job) -> None:
    job.write(STAYS)
    job.set(warm_start=True, warm_modules=("json",), environments_dir="", sandbox="namespaces", grace_s=2)
    agent = job.start()
    eventually(lambda: b"ready" in job.record.log)
    below = processes.descendants(job.supervisor())
    os.kill(job.supervisor(), signal.SIGKILL)
    assert agent.wait(60) == 0
    assert job.record.outcome is not None
    assert job.record.outcome["cause"] == "infrastructure"
    eventually(lambda: not any(processes.Identity.of(pid) for pid in below))
