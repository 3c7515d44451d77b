"""The stack of every rank, by py-spy: from outside, without a word to the script.

With native frames where the process may be stopped for a moment; a process that is stopped already,
or that waits for a disk, is read as it is. Where py-spy is missing or may not look, what the
kernel says about the threads is told instead.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from trainshed.agent import processes
from trainshed.agent.looks import Rank, wait_of
from trainshed.jobs.hang import Wait

MOST_BYTES = 48 * 1024
_TIMEOUT_S = 20.0
_MOST_PROCESSES = 8


def take(ranks: Sequence[Rank], supervisor: int) -> list[dict[str, Any]]:
    """The stacks of all ranks: rank, process id, text, and why there is none where there is none."""
    families = processes.families(supervisor, [rank.pid for rank in ranks])
    return [_stack(rank, families.get(rank.pid, [])) for rank in ranks]


def _stack(rank: Rank, family: list[int]) -> dict[str, Any]:
    found = {"rank": rank.number, "pid": rank.pid, "text": "", "error": ""}
    if not family:
        return {**found, "error": "it has ended"}
    texts: list[str] = []
    errors: list[str] = []
    for pid in family[:_MOST_PROCESSES]:
        text, error = _dump(pid)
        if text:
            texts.append(text)
        elif error:
            errors.append(error)
    if not texts:
        texts, found["error"] = [_threads(rank.pid)], errors[0] if errors else "nothing was found"
    if len(family) > _MOST_PROCESSES:
        texts.append(f"… and {len(family) - _MOST_PROCESSES} more processes")
    return {**found, "text": "\n\n".join(texts)[:MOST_BYTES]}


def _dump(pid: int) -> tuple[str, str]:
    """What py-spy says of a process, or why it says nothing."""
    spy = program()
    if not spy:
        return "", "py-spy is not installed beside the agent"
    still = wait_of(pid) in (Wait.STOPPED, Wait.DISK)
    error = ""
    for options in [["--nonblocking"]] if still else [["--native"], []]:
        command = [spy, "dump", "--full-filenames", "--pid", str(pid), *options]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
                env={"PATH": os.environ.get("PATH", ""), "RUST_BACKTRACE": "0"},
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as failure:
            error = f"py-spy gave no answer: {failure}"
            continue
        text = done.stdout.decode("utf-8", "replace").strip()
        if done.returncode == 0 and "Thread" in text:
            return text, ""
        error = " ".join(done.stderr.decode("utf-8", "replace").split("Stack backtrace")[0].split())[:500]
    return "", error


def program() -> str:
    """Where py-spy is: beside the agent's interpreter, else on the path; empty for nowhere."""
    beside = os.path.join(os.path.dirname(sys.executable), "py-spy")
    return beside if os.access(beside, os.X_OK) else shutil.which("py-spy") or ""


def _threads(pid: int) -> str:
    """The threads of a process as the kernel sees them."""
    lines = [f"Process {pid}: no Python stack; its threads as the kernel sees them"]
    with contextlib.suppress(OSError):
        for thread in sorted(os.listdir(f"/proc/{pid}/task"), key=int)[:32]:
            values: list[str] = []
            for name in ("comm", "wchan"):
                with (
                    contextlib.suppress(OSError),
                    open(f"/proc/{pid}/task/{thread}/{name}", encoding="utf-8", errors="replace") as file,
                ):
                    values.append(file.read().strip())
            lines.append(f"Thread {thread}: {' in '.join(value for value in values if value)}")
    return "\n".join(lines)
