"""Stacks of the Pythons that engines have, taken from outside while they wait."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent.conftest import eventually
from trainshed.agent import stacks
from trainshed.agent.looks import wait_of
from trainshed.diagnosis.stacks import RankStack
from trainshed.engines import interpreters
from trainshed.jobs.hang import Wait

MINORS = range(6, 14)
SCRIPT = """
import sys, threading
def waits(lock):
    print("ready", flush=True)
    lock.acquire()
def trains():
    lock = threading.Lock()
    lock.acquire()
    waits(lock)
trains()
"""


@contextmanager
def waiting(python: str, folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """A script that has come to its lock."""
    script = folder / "train.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen([python, str(script)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        eventually(lambda: "futex" in Path(f"/proc/{process.pid}/wchan").read_text() or _idle(process.pid))
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _idle(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def python_of(minor: int) -> str:
    found = interpreters.find([f"3.{minor}"])
    if found is None:
        pytest.skip(f"no Python 3.{minor} here")
    return found.path


@pytest.mark.parametrize("minor", MINORS)
def test_where_a_script_waits_and_in_which_library(minor: int, tmp_path: Path) -> None:
    with waiting(python_of(minor), tmp_path) as process:
        found = (stacks._dump(process.pid) for _ in range(5))  # native frames need an answer within 20 s
        text, error = next((each for each in found if ".so" in each[0]), ("", "no native frames"))
    assert error == ""
    stack = RankStack(0, text)
    assert [(frame.name, frame.line) for frame in stack.frames] == [
        ("waits", 5),
        ("trains", 9),
        ("<module>", 10),
    ]
    assert stack.frames[0].file == str(tmp_path / "train.py")
    assert any(".so" in line for line in stack.main_thread.splitlines()), text


@pytest.mark.parametrize("minor", MINORS)
def test_a_process_that_is_stopped_is_read_as_it_is(minor: int, tmp_path: Path) -> None:
    with waiting(python_of(minor), tmp_path) as process:
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: wait_of(process.pid) is Wait.STOPPED)
        text, error = stacks._dump(process.pid)
    assert error == ""
    assert RankStack(0, text).frames[0].name == "waits"
